"""Results of statsmodels, linearmodels and pyfixest, read as results of this library.

A package is recognised by the name of its module, so none is imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_level, models_problem, option_error, type_error
from digiprosper.errors import InputTypeError, cited
from digiprosper.kernels import Floats
from digiprosper.report.columns import Column, Estimate, Remark, result_column
from digiprosper.report.inference import Inference
from digiprosper.report.pickling import PickledByName
from digiprosper.report.protocol import Glance, Results, empty_glance
from digiprosper.report.terms import Factor, Factors
from digiprosper.report.words import NOTES

# Formulas of other packages call numpy's functions, such as ``np.log(x)``.
_NUMPY = re.compile(r"\bnp\.(log|exp|sqrt)\(")
# Kinds of standard errors whose names in the packages, in lower case, are not ours.
_KINDS = {
    "nonrobust": "unadjusted",
    "iid": "unadjusted",
    "hc1": "robust",
    "hetero": "robust",
    "cluster": "clustered",
    "crv1": "clustered",
    # Without the variance by entity, unlike our driscoll_kraay.
    "driscoll-kraay": "xtscc",
}
_CLUSTERED = ("clustered", "crv3")
# What the coefficients of a model are, where a reader may take them for slopes of a
# probability.
_SCALES = {
    "Logit": "foreign.logit",
    "Felogit": "foreign.logit",
    "Probit": "foreign.probit",
    "Feprobit": "foreign.probit",
}
# Levels whose intervals are kept as the package computes them.
_LEVELS = (0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ForeignResults(PickledByName):
    """Result of another package as plain values."""

    tables: Mapping[float, pd.DataFrame]  # rows of `tidy` by level of the intervals
    cov: pd.DataFrame
    inference: Inference
    # Where it is from, such as ``"statsmodels"`` and ``"Logit"``
    package: str
    model: str
    info: Mapping[str, Any]  # glance without the keys that are not known
    key_names: tuple[str, str] | None = None  # names of entity and time, if known

    def __repr__(self) -> str:
        rows = self.tidy().set_index("term").to_string(float_format="{:.5g}".format)
        return f"{self.model} of {self.package}, N = {self.nobs:,}\n{rows}"

    @property
    def params(self) -> pd.Series[float]:
        """Estimates, indexed by term."""
        return self.tables[0.95].set_index("term")["estimate"]

    @property
    def nobs(self) -> int:
        """Number of rows in the estimation sample."""
        return int(self.info["nobs"])

    @property
    def factors(self) -> Factors:
        """Name random effects by the entity."""
        entity = self.key_names[0] if self.key_names else ""
        return {f"random({entity})": (Factor(entity, entity, slope="random"),)}

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Return one row per term, at a level whose intervals are kept."""
        if check_level(level) not in self.tables:
            raise option_error(
                "level",
                level,
                f"level={cited(level)}: intervals of {self.package} are stored for "
                f"{[*self.tables]} only. Pass plots.coefficients the object itself.",
                tuple(self.tables),
            )
        return self.tables[level].copy()

    def glance(self) -> Glance:
        """Return summary numbers; those that are not known are None."""
        return cast("Glance", {**empty_glance(self.model, self.nobs), **self.info})

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, which is blank where nothing is known."""
        names = {"model": (self.model,), "package": (self.package,)}
        code = _SCALES.get(self.model)
        scale = (Remark(code, {}, NOTES),) if code else ()
        column = replace(
            result_column(self, level),
            glance=self.info,
            absorbs="effects" in self.info,
            remarks=(*scale, Remark("foreign", names, NOTES)),
        )
        return (column,)


class _ForeignFit(NamedTuple):
    """What is read from another package's fit with k coefficients."""

    tests: pd.DataFrame  # columns term, estimate, statistic, p_value
    covariance: Any
    interval: Callable[[float], Any]  # (k, 2), of a level
    cov_type: str | None
    info: dict[str, Any]  # what is known of glance; None is "none", as of effects
    clusters: tuple[str, ...] = ()
    n_clusters: tuple[int, ...] = ()
    key_names: tuple[str, str] | None = None


def foreign(
    result: object,
    *,
    depvar: str | None = None,
    effects: str | Sequence[str] | None = None,
    cov_label: str | None = None,
) -> Results:
    """Read a result of statsmodels, linearmodels or pyfixest as a result of this one.

    `etable`, `save_tables`, `fit_all` and `plots.coefficients` do so by themselves.
    Call it to say what the object does not: a cell is blank where nothing is known.

    Parameters
    ----------
    result : fitted result
        What ``fit()`` of a statsmodels or linearmodels model, or ``feols`` and
        ``fepois`` of pyfixest, returns: one coefficient per term. The constant is
        called Intercept, whatever its name there, and ``np.log(x)`` ``log(x)``.
    depvar : str, optional
        Name of the outcome. The default is the name in the object.
    effects : str or sequence of str, optional
        Absorbed effects, such as ``["state", "year"]``; an empty list if there are
        none. The default is what the object says: `included_effects` of linearmodels,
        the fixed effects of pyfixest, and unknown for statsmodels. Random effects of
        linearmodels are ``random(state)``, in a row of their own.
    cov_label : str, optional
        Kind of standard errors in words, such as ``"clustered by state"``. The default
        is what the object says; linearmodels does not name its clusters.

    Returns
    -------
    Results
        The same numbers as plain values, which can be pickled. Standard errors,
        p-values and intervals are those of the object, at the levels .9, .95 and .99.
        In `glance`, ``rsquared`` of linearmodels' panel models is
        `rsquared_inclusive`, or else `rsquared_overall`. ``pseudo_rsquared`` and
        ``loglik`` are there if the object has them. The cut points of an ordered model
        are levels with errors by the delta method, without p-values and intervals:
        statsmodels estimates the logarithms of their differences.

    Raises
    ------
    InputTypeError
        If the object is not a fitted result of these packages with one coefficient
        per term, such as that of `MNLogit`, or an option is not text. Objects of other
        packages need the attributes of `Results`, and `etable` takes them as they are.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from statsmodels.formula.api import ols
    >>> states = dp.datasets.us_states().frame
    >>> fit = ols("unemp ~ emp", states).fit(cov_type="HC1")
    >>> column = dp.foreign(fit, depvar="Unemployment rate", effects=[])
    >>> column.tidy()["p_value"].tolist() == fit.pvalues.tolist()
    True
    >>> dp.etable(column).frame.loc["Dependent variable"].tolist()
    ['Unemployment rate']
    """
    options = {"depvar": depvar, "effects": effects, "cov_label": cov_label}
    return _make_results(
        result,
        _LEVELS,
        **{
            option: _join_names(option, value)
            for option, value in options.items()
            if value is not None
        },
    )


def as_results(model: Any, level: float = 0.95) -> Any:
    """Convert a result of another package; return any other object unchanged."""
    if _package(model) not in _READERS:
        return model
    return _make_results(model, {*_LEVELS, check_level(level)})


def _make_results(
    result: object, levels: Iterable[float], cov_label: str = "", **options: str
) -> ForeignResults:
    """Read a result; `options` are values of glance that it does not have."""
    package = _package(result)
    _check_foreign(result, package)
    foreign_fit = _READERS[package](result)
    kind = foreign_fit.cov_type or ""
    code = _KINDS.get(kind.lower(), kind.lower())
    inference = Inference(
        cov_type=cov_label or (code if f"errors.kind.{code}" in NOTES else kind),
        # The groups of statsmodels may also be those of errors correlated in time.
        clusters=foreign_fit.clusters if code in _CLUSTERED and not cov_label else (),
        n_clusters=foreign_fit.n_clusters,
    )
    info = {
        **foreign_fit.info,
        "cov_type": inference.cov_type or None,
        "clusters": "+".join(inference.clusters) or None,
        "n_clusters": min(inference.n_clusters, default=None),
        **{key: text or None for key, text in options.items()},
    }
    tables = {level: _tidy(foreign_fit, level) for level in sorted(levels)}
    index = pd.Index(tables[0.95]["term"])
    return ForeignResults(
        tables=tables,
        cov=pd.DataFrame(np.array(foreign_fit.covariance), index, index),
        inference=inference,
        package=package,
        model=_type_name(result),
        info=info,
        key_names=foreign_fit.key_names,
    )


def _tests(
    names: Iterable[Any], estimates: Any, statistics: Any, p_values: Any
) -> pd.DataFrame:
    numbers = np.column_stack([estimates, statistics, p_values])
    frame = pd.DataFrame(numbers, columns=["estimate", "statistic", "p_value"])
    terms = ["Intercept" if n == "const" else _plain_name(n) for n in names]
    return frame.assign(term=terms)


def _tidy(foreign_fit: _ForeignFit, level: float) -> pd.DataFrame:
    low, high = np.asarray(foreign_fit.interval(level)).T
    errors = np.sqrt(np.diag(foreign_fit.covariance))
    frame = foreign_fit.tests.assign(std_error=errors, conf_low=low, conf_high=high)
    return frame[list(Estimate._fields)]


def _package(result: object) -> str:
    roots = [kind.__module__.partition(".")[0] for kind in type(result).__mro__]
    return next((root for root in roots if root in _READERS), "")


def _type_name(result: object) -> str:
    return type(getattr(result, "model", result)).__name__


def _plain_name(name: object) -> str:
    """Write the functions of a name without their module."""
    return _NUMPY.sub(r"\1(", str(name))


def _join_names(option: str, value: object) -> str:
    """Join texts with plus signs, as glance does; empty if there are none."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or not all(isinstance(v, str) for v in texts):
        raise type_error(
            option, value, "a text, or texts such as ['state', 'year']", "foreign"
        )
    return "+".join(texts)


def _check_foreign(result: object, package: str) -> None:
    """Refuse objects other than fitted models with one coefficient per term."""
    missing = [need for need in _NEEDS.get(package, ()) if not hasattr(result, need)]
    if package not in _READERS:
        why = "it is not a result of statsmodels, linearmodels or pyfixest"
    elif missing:
        why = f"it has no {missing[0]}"
    elif np.ndim(getattr(result, "params", ())) > 1:
        why = "it has several coefficients per term"
    else:
        return
    raise InputTypeError(
        f"foreign: {_type_name(result)} cannot be a column: {why}. Pass a fitted model "
        "with one coefficient per term (several models as a list, in pyfixest "
        ".to_list()), or an object with the attributes of digiprosper.Results.",
        [models_problem(why, result)],
    )


def _read_numbers(result: Any, **attributes: str) -> dict[str, float]:
    """Read numbers by attribute, without absent and missing ones."""
    numbers = {}
    for key, attribute in attributes.items():
        try:
            value = getattr(result, attribute)
        except (AttributeError, NotImplementedError):
            continue
        if value is not None and np.isfinite(value):
            numbers[key] = float(value)
    return numbers


def _outcome_mean(outcome: Any, nobs: int) -> float | None:
    """Return the mean of an outcome that has a value for each row of the sample."""
    values = np.asarray(outcome)
    return float(values.mean()) if values.size == nobs else None


# --- the packages ---------------------------------------------------------------------


def _read_statsmodels(result: Any) -> _ForeignFit:
    model, nobs = result.model, int(getattr(result, "nobs", len(result.model.endog)))
    # The parameters of a mixed model are its coefficients, then variances.
    count = len(getattr(result, "fe_params", result.params))
    coefficients = np.asarray(result.params)[:count]
    covariance = np.asarray(result.cov_params())[:count, :count]
    has_cuts = hasattr(model, "transform_threshold_params")
    tested = np.ones(count)
    if has_cuts:
        coefficients, covariance = _cut_points(model, coefficients, covariance)
        # Cut points have no test and no interval.
        tested[model.k_vars :] = np.nan
    info = _read_numbers(
        result,
        rsquared="rsquared",
        rsquared_adj="rsquared_adj",
        pseudo_rsquared="prsquared",
        loglik="llf",
    )
    options = getattr(result, "cov_kwds", None) or {}
    group = getattr(options.get("groups"), "name", None)
    outcome = model.endog_names
    return _ForeignFit(
        tests=_tests(
            list(getattr(result.params, "index", model.exog_names))[:count],
            coefficients,
            tested * np.asarray(result.tvalues)[:count],
            tested * np.asarray(result.pvalues)[:count],
        ),
        covariance=covariance,
        interval=lambda level: (
            tested[:, None] * np.asarray(result.conf_int(alpha=1 - level))[:count]
        ),
        cov_type=_statsmodels_errors(result),
        info={
            "nobs": nobs,
            "depvar": _plain_name(outcome) if isinstance(outcome, str) else None,
            "mean_y": None if has_cuts else _outcome_mean(model.endog, nobs),
            **info,
        },
        clusters=() if group is None else (str(group),),
        n_clusters=tuple(map(int, np.atleast_1d(getattr(result, "n_groups", ())))),
    )


def _statsmodels_errors(result: Any) -> str | None:
    """Return the kind of errors; None for quantile regressions, which keep none."""
    # The robust errors of estimating equations are clustered.
    kind = getattr(result, "cov_type", None)
    if hasattr(result, "sparsity"):
        return None
    return "clustered" if kind == "robust" and hasattr(result, "cov_robust") else kind


def _cut_points(
    model: Any, coefficients: Floats, covariance: Floats
) -> tuple[Floats, Floats]:
    """Return coefficients and covariance with cut points as levels, by delta method."""
    # statsmodels estimates the first one and the logarithms of their differences.
    first = model.k_vars
    levels = np.asarray(model.transform_threshold_params(coefficients))[1:-1]
    steps = np.r_[1.0, np.exp(coefficients[first + 1 :])]
    slope = np.eye(len(coefficients))
    slope[first:, first:] = np.tril(np.tile(steps, (len(steps), 1)))
    return np.r_[coefficients[:first], levels], slope @ covariance @ slope.T


def _read_linearmodels(result: Any) -> _ForeignFit:
    outcome, nobs = getattr(result.model, "dependent", None), int(result.nobs)
    columns = getattr(outcome, "vars", getattr(outcome, "cols", [None]))
    values = getattr(outcome, "values2d", getattr(outcome, "ndarray", ()))
    info = {"nobs": nobs, "depvar": columns[0], "mean_y": _outcome_mean(values, nobs)}
    statistics = {"rsquared": "rsquared", "rsquared_adj": "rsquared_adj"}
    keys: tuple[str, str] | None = None
    if hasattr(result, "entity_info"):
        entity, time = result.model.dependent.dataframe.index.names
        keys = str(entity or "entity"), str(time or "time")
        info["n_entities"] = int(result.entity_info["total"])
        info["n_times"] = int(result.time_info["total"])
        statistics = {"rsquared": "rsquared_overall"}
        if hasattr(result, "included_effects"):
            names = {"Entity": keys[0], "Time": keys[1]}
            effects = [
                # "Entity", or "Other Effect (region)"
                names.get(text, text.removeprefix("Other Effect (").removesuffix(")"))
                for text in result.included_effects
            ]
            info["effects"] = "+".join(effects) or None
            statistics = {
                "rsquared": "rsquared_inclusive",
                "rsquared_within": "rsquared",
                "rsquared_within_entity": "rsquared_within",
            }
        elif hasattr(result, "variance_decomposition"):
            info["effects"] = f"random({keys[0]})"
    return _ForeignFit(
        tests=_tests(result.params.index, result.params, result.tstats, result.pvalues),
        covariance=result.cov,
        interval=result.conf_int,
        cov_type=getattr(result, "cov_type", getattr(result, "_cov_type", None)),
        info=info | _read_numbers(result, **statistics),
        key_names=keys,
    )


def _read_pyfixest(result: Any) -> _ForeignFit:
    clusters, nobs = tuple(result._clustervar or ()), int(result._N)
    info = {
        "nobs": nobs,
        "depvar": result._depvar,
        "mean_y": _outcome_mean(result._Y_untransformed, nobs),
        "effects": result._fixef,
        "obs_weights": result._weights_name,
    }
    return _ForeignFit(
        tests=_tests(
            result.coef().index, result.coef(), result.tstat(), result.pvalue()
        ),
        covariance=result._vcov,
        interval=lambda level: result.confint(alpha=1 - level),
        cov_type=result._vcov_type_detail,
        info=info
        | _read_numbers(
            result,
            rsquared="_r2",
            rsquared_within="_r2_within",
            rsquared_adj="_adj_r2",
            pseudo_rsquared="_pseudo_r2",
        ),
        clusters=clusters,
        # With clusters in several ways it keeps the smallest number only.
        n_clusters=tuple(map(int, result._G[:1])) if len(clusters) == 1 else (),
    )


_READERS: dict[str, Callable[[Any], _ForeignFit]] = {
    "statsmodels": _read_statsmodels,
    "linearmodels": _read_linearmodels,
    "pyfixest": _read_pyfixest,
}
_NEEDS = {
    "statsmodels": ("params", "pvalues", "model"),
    "linearmodels": ("params", "pvalues", "model"),
    "pyfixest": ("_vcov",),
}
