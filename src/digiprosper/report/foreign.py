"""Results of statsmodels, linearmodels and pyfixest, read as results of this library.

A package is recognised by the name of its module, so none is imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import inf, nan
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from digiprosper._version import __version__
from digiprosper.errors import InputTypeError, cited, models_problem, option_problem
from digiprosper.kernels.tolerances import SAME_QUANTILE
from digiprosper.report.columns import Remark, result_column
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import empty_glance
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import Lines, Summary, coefficient_cells
from digiprosper.report.terms import Factor, Term
from digiprosper.report.words import NOTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from digiprosper.errors import Notice
    from digiprosper.kernels import Floats
    from digiprosper.report.columns import Column
    from digiprosper.report.protocol import Glance, Results
    from digiprosper.report.terms import Factors

# Codes of standard errors by what the packages call them, in lower case.
_KINDS = {
    "nonrobust": "unadjusted",
    "iid": "unadjusted",
    "hc1": "robust",
    "hetero": "robust",
    "cluster": "clustered",
    "crv1": "clustered",
    "driscoll-kraay": "driscoll_kraay",
    "dk": "driscoll_kraay",
}
_OURS = ("unadjusted", "robust", "clustered", "hc2", "hc3", "crv3")
_CONSTANTS = ("const", "Intercept")
# Levels whose intervals are kept as the package computes them.
_LEVELS = (0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ForeignEstimates(Estimates):
    """Estimates with the statistics, p-values and intervals of another package.

    `intervals` (k, 2) are by level. Degrees of freedom are those that give them, and
    missing if neither t nor the normal distribution does.
    """

    statistics: Floats
    p_values: Floats
    intervals: Mapping[float, Floats]

    def tests(self) -> tuple[Floats, Floats, Floats]:
        """Return standard errors, statistics and p-values, each (k,)."""
        return self.std_errors(), self.statistics, self.p_values

    def limits(self, level: float) -> tuple[Floats, Floats]:
        """Return the ends of intervals; other levels use the same distribution."""
        if level in self.intervals:
            ends = self.intervals[level]
            return ends[:, 0], ends[:, 1]
        low, high = Estimates.limits(self, level)
        unknown = np.isnan(self.intervals[0.95][:, 0])
        return np.where(unknown, nan, low), np.where(unknown, nan, high)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class ForeignResults(BaseResults):
    """Result of another package as plain values.

    package, model: where it is from, such as ``"statsmodels"`` and ``"Logit"``
    known: keys of glance whose values are known; None is "none", as of effects
    key_names: names of entity and time, if known
    cuts: number of last coefficients that are cut points
    """

    estimated: ForeignEstimates
    package: str
    model: str
    known: Mapping[str, Any]
    key_names: tuple[str, str] | None = None
    cuts: int = 0
    factors: Factors = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    diagnostics: tuple[Notice, ...] = ()
    version: str = __version__

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each coefficient."""
        first_cut = len(self.names) - self.cuts
        return tuple(
            Term(name, kind="cut")
            if position >= first_cut
            else Term(name, kind="intercept")
            if name == "Intercept"
            else Term(name, path=(name,))
            for position, name in enumerate(self.names)
        )

    def glance(self) -> Glance:
        """Return summary numbers; those that are not known are None."""
        numbers = empty_glance(self.model, self.known["nobs"])
        return cast("Glance", {**numbers, **self.known, "version": self.version})

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, which is blank where nothing is known."""
        names = {"model": (self.model,), "package": (self.package,)}
        return (
            replace(
                result_column(self, level),
                glance=cast("Glance", dict(self.known)),
                absorbs="effects" in self.known,
                remarks=(Remark("foreign", names, NOTES),),
            ),
        )

    def _conventions_of(self, inference: Inference) -> str:
        kind = f" ({inference.cov_type})" if inference.cov_type else ""
        return f"Standard errors{kind} as computed by {self.package}"

    def _summary(self) -> Summary:
        return Summary(
            type=type(self).__name__,
            title=f"{self.model} of {self.package}, outcome: {self.known['depvar']}",
            blocks=(
                Lines((f"Sample: {self.nobs:,} rows",)),
                coefficient_cells(self.tidy()),
            ),
            conventions=self._conventions_of(self.inference),
            version=self.version,
        )


class _Reading(NamedTuple):
    """What the object of a package says; k coefficients, of which the last are cuts."""

    names: Iterable[Any]
    coefficients: Any
    covariance: Any
    statistics: Any
    p_values: Any
    interval: Callable[[float], Any]
    df: float
    cov_type: str | None
    known: dict[str, Any]
    clusters: tuple[str, ...] = ()
    n_clusters: tuple[int, ...] = ()
    key_names: tuple[str, str] | None = None
    cuts: int = 0


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
        called Intercept, whatever its name there.
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
        p-values and intervals are those of the object. Intervals at other levels than
        .9, .95 and .99 use the same distribution. In `glance`,
        ``rsquared`` of linearmodels' panel models is `rsquared_inclusive`, or else
        `rsquared_overall`; ``pseudo_rsquared``, ``loglik``, ``aic`` and ``bic`` are
        there if the object has them. The cut points of an ordered model are levels
        with errors by the delta method, without p-values and intervals: statsmodels
        estimates the logarithms of their differences.

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
    names = _read_effects(effects)
    for option, text in (("depvar", depvar), ("cov_label", cov_label)):
        if text is not None and not isinstance(text, str):
            raise _not_text(option, text)
    package = _package(result)
    reader = _READERS.get(package)
    if reader is None:
        raise _refusal(result, "it is not of statsmodels, linearmodels or pyfixest")
    missing = [need for need in _NEEDS[package] if not hasattr(result, need)]
    if missing:
        raise _refusal(result, f"it has no {', '.join(missing)}")
    if np.ndim(getattr(result, "params", ())) > 1:
        raise _refusal(result, "it has several coefficients per term")
    reading = reader(result)
    options = {"depvar": depvar, "effects": names, "cov_type": cov_label}
    told = {key: text for key, text in options.items() if text is not None}
    return _results(result, package, reading, told)


def as_results(model: Any) -> Any:
    """Return a result of another package as ours, and any other object as it is."""
    return foreign(model) if _package(model) in _READERS else model


def _package(result: object) -> str:
    roots = [kind.__module__.partition(".")[0] for kind in type(result).__mro__]
    return next((root for root in roots if root in _READERS), "")


def _read_effects(effects: object) -> str | None:
    """Join the names of effects as glance does; the empty text if there are none."""
    if effects is None or isinstance(effects, str):
        return effects
    names = list(effects) if isinstance(effects, Iterable) else [None]
    if not all(isinstance(name, str) for name in names):
        raise _not_text("effects", effects)
    return "+".join(map(str, names))


def _not_text(option: str, value: object) -> InputTypeError:
    form = "a text or a list of texts" if option == "effects" else "a text"
    return InputTypeError(
        f"foreign: {option}={cited(value)} must be {form}.",
        [option_problem(option, value)],
    )


def _refusal(result: object, why: str) -> InputTypeError:
    if hasattr(result, "to_list"):
        hint = "Pass its models, one by one: to_list()."
    elif hasattr(result, "fit") and not hasattr(result, "params"):
        hint = "Pass what its fit() returns."
    else:
        hint = (
            "A column needs params, cov, nobs, tidy(level) and glance(), as "
            "digiprosper.Results describes; a DataFrame is printed as it is."
        )
    name = type(getattr(result, "model", result)).__name__
    return InputTypeError(
        f"foreign: {name} cannot be a column: {why}. {hint}",
        [models_problem(why, result)],
    )


def _results(
    result: Any, package: str, reading: _Reading, told: Mapping[str, str]
) -> ForeignResults:
    """Make results of plain values; `told` is what the caller says of the object."""
    coefficients, covariance = (
        _floats(reading.coefficients),
        _floats(reading.covariance),
    )
    statistics, p_values = _floats(reading.statistics), _floats(reading.p_values)
    intervals = {level: _floats(reading.interval(level)) for level in _LEVELS}
    values = [statistics, p_values, *intervals.values()]
    first_cut = len(statistics) - reading.cuts
    for value in values:
        value[first_cut:] = nan
    kind = (reading.cov_type or "").lower()
    code = _KINDS.get(kind, kind if kind in _OURS else reading.cov_type or "")
    inference = Inference(
        cov_type=told.get("cov_type", code),
        clusters=() if "cov_type" in told else reading.clusters,
        n_clusters=reading.n_clusters,
        df_t=_df_of_intervals(
            coefficients, covariance, intervals[0.95][:, 1], reading.df
        ),
    )
    numbers = {k: value for k, value in reading.known.items() if value is not None}
    known = {
        "depvar": None,
        **numbers,
        "cov_type": inference.cov_type or None,
        "clusters": "+".join(inference.clusters) or None,
        "n_clusters": min(reading.n_clusters, default=None),
        "df_t": inference.df_t,
        **{key: told[key] for key in ("depvar", "effects") if key in told},
    }
    names = [str(name) for name in reading.names]
    model = type(getattr(result, "model", result)).__name__
    entity = reading.key_names[0] if reading.key_names else ""
    random = {f"random({entity})": (Factor(entity, entity, slope="random"),)}
    return ForeignResults(
        estimated=ForeignEstimates.of(
            ["Intercept" if name in _CONSTANTS else name for name in names],
            coefficients,
            covariance,
            inference,
            statistics=statistics,
            p_values=p_values,
            intervals=intervals,
        ),
        package=package,
        model=model,
        known={key: None if value == "" else value for key, value in known.items()},
        key_names=reading.key_names,
        cuts=reading.cuts,
        factors=random if entity else {},
    )


def _floats(values: Any) -> Floats:
    return np.array(values, dtype=np.float64)


def _df_of_intervals(
    coefficients: Floats, covariance: Floats, upper: Floats, df: float
) -> float:
    """Return the degrees of freedom that give upper ends at .95; missing if none do.

    Tiny p-values would not tell t from the normal distribution.
    """
    from scipy.special import stdtrit

    errors = np.sqrt(np.diag(covariance))
    for candidate in (df, inf):
        gaps = np.abs(coefficients + stdtrit(candidate, 0.975) * errors - upper)
        if (np.isnan(upper) | (gaps <= SAME_QUANTILE * errors)).all():
            return float(candidate)
    return nan


def _numbers_of(result: Any, **attributes: str) -> dict[str, Any]:
    """Read numbers by attribute, without those that are absent or missing.

    Some classes of statsmodels inherit statistics that they do not have.
    """
    numbers = {}
    for key, attribute in attributes.items():
        try:
            value = getattr(result, attribute)
        except (AttributeError, NotImplementedError):
            continue
        if value is not None and np.isfinite(value):
            numbers[key] = float(value)
    return numbers


def _mean(outcome: Any, nobs: int) -> float | None:
    """Return the mean of an outcome, if it has a number for each row of the sample."""
    values = np.asarray(outcome)
    return float(values.mean()) if values.size == nobs else None


# --- the packages ---------------------------------------------------------------------


def _of_statsmodels(result: Any) -> _Reading:
    model = result.model
    # The parameters of a mixed model are its coefficients, then variances.
    count = len(getattr(result, "fe_params", result.params))
    coefficients = _floats(result.params)[:count]
    covariance = _floats(result.cov_params())[:count, :count]
    cuts, is_ordered = 0, hasattr(model, "transform_threshold_params")
    if is_ordered:
        cuts = count - model.k_vars
        coefficients, covariance = _cut_points(model, coefficients, covariance)
    options = getattr(result, "cov_kwds", None) or {}
    groups, counts = options.get("groups"), getattr(result, "n_groups", ())
    clusters = getattr(groups, "columns", [getattr(groups, "name", None)])
    named = groups is not None and all(name is not None for name in clusters)
    nobs = int(getattr(result, "nobs", len(model.endog)))
    statistics = _numbers_of(
        result,
        df_resid="df_resid",
        rsquared="rsquared",
        rsquared_adj="rsquared_adj",
        pseudo_rsquared="prsquared",
        loglik="llf",
        aic="aic",
        bic="bic_llf" if hasattr(result, "bic_llf") else "bic",
    )
    df = getattr(result, "df_resid_inference", None) or statistics.get("df_resid", inf)
    outcome = model.endog_names
    return _Reading(
        list(getattr(result.params, "index", model.exog_names))[:count],
        coefficients,
        covariance,
        np.asarray(result.tvalues)[:count],
        np.asarray(result.pvalues)[:count],
        lambda level: np.asarray(result.conf_int(alpha=1 - level))[:count],
        df,
        getattr(result, "cov_type", None),
        {
            "nobs": nobs,
            "depvar": outcome if isinstance(outcome, str) else None,
            "mean_y": None if is_ordered else _mean(model.endog, nobs),
            **statistics,
        },
        clusters=tuple(map(str, clusters)) if named else (),
        n_clusters=tuple(map(int, np.atleast_1d(counts))) if groups is not None else (),
        cuts=cuts,
    )


def _cut_points(
    model: Any, coefficients: Floats, covariance: Floats
) -> tuple[Floats, Floats]:
    """Return coefficients and covariance with cut points as levels, by delta method.

    statsmodels estimates the first one and the logarithms of their differences.
    """
    first = model.k_vars
    levels = _floats(model.transform_threshold_params(coefficients))[1:-1]
    slope = np.eye(len(coefficients))
    steps = np.r_[1.0, np.exp(coefficients[first + 1 :])]
    slope[first:, first:] = np.tril(np.broadcast_to(steps, (len(steps), len(steps))))
    return np.r_[coefficients[:first], levels], slope @ covariance @ slope.T


def _of_linearmodels(result: Any) -> _Reading:
    outcome: Any = getattr(result.model, "dependent", None)
    names = getattr(outcome, "vars", getattr(outcome, "cols", [None]))
    nobs = int(result.nobs)
    values = getattr(outcome, "values2d", getattr(outcome, "ndarray", ()))
    known = {"nobs": nobs, "depvar": names[0], "mean_y": _mean(values, nobs)}
    keys: tuple[str, str] | None = None
    if hasattr(result, "entity_info"):
        entity, time = outcome.dataframe.index.names
        keys = str(entity or "entity"), str(time or "time")
        known["n_entities"] = int(result.entity_info["total"])
        known["n_times"] = int(result.time_info["total"])
    statistics = {"rsquared": "rsquared_overall" if keys else "rsquared"}
    if keys and hasattr(result, "included_effects"):
        included = (_effect_name(name, keys) for name in result.included_effects)
        known["effects"] = "+".join(included)
        statistics = {
            "rsquared": "rsquared_inclusive",
            "rsquared_within": "rsquared",
            "rsquared_within_entity": "rsquared_within",
        }
    elif keys and hasattr(result, "variance_decomposition"):
        known["effects"] = f"random({keys[0]})"
    known |= _numbers_of(
        result, df_resid="df_resid", rsquared_adj="rsquared_adj", **statistics
    )
    return _Reading(
        result.params.index,
        result.params,
        result.cov,
        result.tstats,
        result.pvalues,
        result.conf_int,
        float(result.df_resid),
        getattr(result, "cov_type", getattr(result, "_cov_type", None)),
        known,
        key_names=keys,
    )


def _effect_name(included: str, keys: tuple[str, str]) -> str:
    """Return the column of an effect: ``"Entity"``, ``"Other Effect (region)"``."""
    own = {"Entity": keys[0], "Time": keys[1]}
    return own.get(included, included.removeprefix("Other Effect (").removesuffix(")"))


def _of_pyfixest(result: Any) -> _Reading:
    clusters = tuple(result._clustervar or ())
    nobs = int(result._N)
    return _Reading(
        result.coef().index,
        result.coef(),
        result._vcov,
        result.tstat(),
        result.pvalue(),
        lambda level: result.confint(alpha=1 - level),
        float(result._df_t),
        result._vcov_type_detail,
        {
            "nobs": nobs,
            "depvar": result._depvar,
            "mean_y": _mean(result._Y_untransformed, nobs),
            "effects": result._fixef or "",
            "obs_weights": result._weights_name or "",
            **_numbers_of(
                result,
                rsquared="_r2",
                rsquared_within="_r2_within",
                rsquared_adj="_adj_r2",
                pseudo_rsquared="_pseudo_r2",
                loglik="_loglik",
            ),
        },
        clusters=clusters,
        # With clusters in several ways it keeps the smallest number only.
        n_clusters=tuple(map(int, result._G[:1])) if len(clusters) == 1 else (),
    )


_READERS: dict[str, Callable[[Any], _Reading]] = {
    "statsmodels": _of_statsmodels,
    "linearmodels": _of_linearmodels,
    "pyfixest": _of_pyfixest,
}
_NEEDS = {
    "statsmodels": ("params", "cov_params", "tvalues", "pvalues", "conf_int", "model"),
    "linearmodels": ("params", "cov", "tstats", "pvalues", "conf_int", "model"),
    "pyfixest": ("_vcov", "coef", "tstat", "pvalue", "confint"),
}
