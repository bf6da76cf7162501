"""Linear models with absorbed effects; `fit_columns` is where every path and slope ends."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    check_option,
    cited,
    counted,
    issue,
    quoted,
    several,
)
from digiprosper.kernels.covariance import counts, halves, meat, recipe
from digiprosper.kernels.least_squares import dependences, ols
from digiprosper.kernels.tolerances import ABSORBED, CONSTANT, NEGATIVE, NO_VARIANCE, PERFECT_FIT
from digiprosper.linear.notices import few_treated, lagged_outcome, lost_digits
from digiprosper.linear.preparation import (
    CovType,
    LinearOptions,
    Ssc,
    check_linear_options,
    linear_options,
    prepare,
)
from digiprosper.linear.results import Estimated, EstimationSample, LinearResults
from digiprosper.panel.grammar import KEPT
from digiprosper.panel.terms import canonical
from digiprosper.report.inference import Inference
from digiprosper.report.variance import quadratic_form
from digiprosper.specification import Specification, as_terms, one_term, plain_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.covariance import Recipe
    from digiprosper.kernels.least_squares import Fit
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Panel, Sample

__all__ = [
    "FixedEffects",
    "fit_columns",
    "inference",
    "not_psd",
    "refuse_flat_outcome",
]


_NEAR = 1e8
_LONGEST_FORMULA = 20_000
_MOST_JOINS = 6
# Brackets that formulaic reads as code, and halves of characters, which it cannot read.
_CODE = re.compile(r"[\[\]{}]")
_HALVES = re.compile(r"[\ud800-\udfff]")
_MOST_SUMS = 20
_MANY_CELLS = 100_000


def fit_columns(
    prepared: Prepared,
    depvar: str,
    outcome: Floats,
    names: Sequence[str],
    design: Floats,
    *,
    remarks: Sequence[Notice] = (),
    unread: Sequence[str] = (),
) -> LinearResults:
    """Regress an outcome on columns, net of the absorbed effects.

    Parameters
    ----------
    prepared : Prepared
        Sample, effects and clusters.
    depvar : str
        Name of the outcome.
    outcome : (N,) array
        As in the data, not swept.
    names : sequence of str
        Names of the columns.
    design : (N, k) array
        As in the data, not swept.
    remarks : sequence of Notice
        What else is worth saying about this equation.
    unread : sequence of str
        Names of columns that the model adds itself and whose slopes answer no question, such as the dummy of
        a regime: no notice says that they depend on few clusters.

    Returns
    -------
    LinearResults
        Its notices are kept in `diagnostics`, not issued.

    Raises
    ------
    IdentificationError
        If a column does not vary inside the effects, or there are no fewer parameters than rows.
    CollinearityError
        If columns are exact combinations of one another.
    """
    sample, options = prepared.sample, prepared.options
    if design.shape[1] == 0:
        raise IdentificationError("x is empty; specify at least one regressor.")
    if "Intercept" in names:
        raise TermError("'Intercept' is the name of the constant; rename the column.")
    both = np.empty((1 + design.shape[1], design.shape[0])).T
    both[:, 0], both[:, 1:] = outcome, design
    moments = _moments(both)
    swept = prepared.within.sweep(both)
    kept, notices = _independent(prepared, names, moments[1:], swept[:, 1:])
    if len(kept) < design.shape[1]:
        names = [names[j] for j in kept]
        columns = [0, *(1 + j for j in kept)]
        both, swept, moments = both[:, columns], swept[:, columns], moments[columns]
    # From here on the columns in their own layout: the caller's must not move a last digit.
    outcome, design = both[:, 0], both[:, 1:]
    n, k = design.shape
    _refuse_wide(n, k, prepared.within.rank)
    y, x = swept[:, 0], swept[:, 1:]
    _refuse_flat_outcome(moments[0], y, depvar, prepared)
    fit = ols(x, y, obs_weights=prepared.obs_weights)
    notices += _fit_notices(fit, y, depvar)
    notices += lost_digits(names, moments[1:], fit.bread)
    count, how = inference(prepared, k)
    coefficients, terms, basis, root = fit.coefficients, tuple(names), fit.basis, fit.root
    if not prepared.effect_names:
        coefficients, basis, root = _with_intercept(prepared, both, fit)
        terms = (*names, "Intercept")
    root, middle = halves(root, meat(basis, fit.residuals, how, obs_weights=prepared.obs_weights))
    covariance = root @ middle @ root.T
    empty = _without_information(fit, how, covariance, prepared.obs_weights)
    notices += _covariance_notices(terms, empty)
    notices += not_psd(prepared, terms, covariance, middle)
    notices += few_treated(prepared, names, fit.basis, fit.root, unread=unread)
    root[empty] = np.nan
    rest = outcome - design @ fit.coefficients
    _, values = prepared.within.decompose(rest)
    levels = [sample.code_levels[e] for e in prepared.effect_names]
    effects = tuple(zip(prepared.effect_names, levels, values, strict=False))
    return LinearResults(
        names=terms,
        depvar=depvar,
        estimated=Estimated(
            coefficients=coefficients,
            root=root,
            middle=middle,
            residuals=fit.residuals,
            fitted=outcome - fit.residuals,
            fit_statistics=_fit_statistics(prepared, outcome, rest, swept[:, 0], fit.residuals, count.full),
            f_value=_f_statistic(fit.coefficients, root[:k], middle, how.df_t),
            df_resid=float(n - count.full),
            df_absorbed=prepared.within.rank,
            effect_names=prepared.effect_names,
            effect_values=effects if prepared.effect_names else (),
        ),
        inference=Inference(
            cov_type=options.cov_type,
            ssc=options.ssc,
            clusters=prepared.cluster_names,
            n_clusters=count.groups,
            df_t=how.df_t,
            df_counted=how.counted,
            bandwidth=how.bandwidth,
        ),
        sample=EstimationSample(
            index=sample.index,
            key_names=(sample.keys.entity_name, sample.keys.time_name),
            n_entities=sample.n_entities,
            n_times=sample.n_times,
            stats=_statistics(sample, [depvar, *names], moments),
            categories=dict(sample.categories),
            obs_weights=options.obs_weights,
        ),
        labels=dict(sample.labels),
        diagnostics=(*prepared.notices, *notices, *remarks),
    )


def inference(prepared: Prepared, k: int) -> tuple[Any, Recipe]:
    """Count degrees of freedom and choose the covariance for k slopes.

    Parameters
    ----------
    prepared : Prepared
        Effects, clusters and options.
    k : int
        Slopes, the intercept not counted.

    Returns
    -------
    count : Counts
        What each convention counts.
    how : Recipe
        For `kernels.covariance.meat` and `cross_meat`.
    """
    sample, options = prepared.sample, prepared.options
    count = counts(sample.nobs, k, prepared.ranks, prepared.cluster_codes, periods=sample.n_times)
    how = recipe(
        options.cov_type, options.ssc, count, prepared.cluster_codes, sample.time, bandwidth=options.bandwidth
    )
    return count, how


def _independent(
    prepared: Prepared, names: Sequence[str], moments: Floats, swept: Floats
) -> tuple[list[int], list[Notice]]:
    spread = _spread(moments)
    left = np.sqrt(np.einsum("ij,ij->j", swept, swept))
    constant = _is_constant(moments)
    absorbed = constant | (left < ABSORBED * spread)
    what = ", ".join(prepared.effect_names) or "the intercept"
    strict, problems = prepared.options.collinear == "raise", []
    for j in map(int, np.flatnonzero(absorbed)):
        why = "is constant in the sample" if constant[j] else f"is absorbed by the effects ({what})"
        problems.append(Notice("absorbed", f"{cited(names[j])} {why}", {"column": names[j], "effects": what}))
    if problems and strict:
        raise IdentificationError(
            several(problems)
            + ". Its coefficient is not identified: drop it, interact it with a variable that varies "
            "within the effects, or omit the effect.",
            problems,
        )
    kept = [int(j) for j in np.flatnonzero(~absorbed)]
    if not kept:
        raise IdentificationError(f"every regressor is absorbed by the effects ({what}).", problems)
    if strict:
        _refuse_wide(swept.shape[0], len(kept), prepared.within.rank)
    found = dependences(swept[:, kept])
    for d in found:
        on = [names[kept[i]] for i in d.on]
        text = (
            f"{cited(names[kept[d.column]])} is collinear with {quoted(on)} after the effects are "
            "partialled out"
        )
        problems.append(Notice("collinear", text, {"column": names[kept[d.column]], "on": tuple(on)}))
    if found and strict:
        raise CollinearityError(
            several(problems) + ". Drop one of them (FixedEffects does so with collinear='drop').",
            problems,
        )
    gone = {d.column for d in found}
    kept = [j for i, j in enumerate(kept) if i not in gone]
    notices = [Notice("dropped_" + p.code, f"{p.message}; it was dropped", p.data) for p in problems]
    return kept, notices


def _refuse_wide(n: int, k: int, rank: int) -> None:
    if n <= k + rank:
        many = "as many parameters as" if n == k + rank else "more parameters than"
        raise IdentificationError(
            f"{counted(k, 'slope')} and {counted(rank, 'absorbed effect')} on {counted(n, 'row')}: {many} "
            "rows. Drop terms or effects."
        )


def _spread(moments: Floats) -> Floats:
    """Length of each column once its mean is out."""
    deviations = np.sqrt(np.maximum(moments[..., 0] - 1, 0))
    # One row has no standard deviation, and its column no length.
    return np.where(deviations > 0, moments[..., 2] * deviations, 0.0)


def _is_constant(moments: Floats) -> np.ndarray[Any, np.dtype[np.bool_]]:
    size = np.maximum(np.abs(moments[..., 3]), np.abs(moments[..., 4])) * np.sqrt(moments[..., 0])
    return np.asarray(_spread(moments) <= CONSTANT * size)


def _fit_notices(fit: Fit, swept: Floats, depvar: str) -> list[Notice]:
    out = []
    if fit.condition > _NEAR:
        text = f"regressors are nearly collinear (condition number {fit.condition:.1e}); slopes are unstable."
        out.append(Notice("near_collinear", text, {"condition": fit.condition}))
    if float(np.linalg.norm(fit.residuals)) < PERFECT_FIT * float(np.linalg.norm(swept)):
        text = (
            f"the regressors explain {cited(depvar)} perfectly; standard errors and tests are not "
            "meaningful. Check whether a regressor is computed from it."
        )
        out.append(Notice("perfect_fit", text, {"depvar": depvar}))
    return out


def _without_information(fit: Fit, how: Recipe, covariance: Floats, obs_weights: Floats | None) -> Ints:
    """Find slopes whose scores add up to zero in every group: their variance is rounding."""
    if how.cov_type not in ("clustered", "driscoll_kraay"):
        return np.empty(0, dtype=np.intp)
    variance = np.abs(np.diag(covariance)[: fit.coefficients.size])
    weighted = fit.residuals if obs_weights is None else fit.residuals * obs_weights
    # No sum of sizes is beyond this, by Cauchy and Schwarz; few fits come near it.
    most = weighted.size * float((weighted * fit.residuals).max()) * np.diag(fit.bread)
    if (variance > NO_VARIANCE**2 * most).all():
        return np.empty(0, dtype=np.intp)
    size = np.abs((fit.basis * weighted[:, None]) @ fit.root.T).sum(axis=0)
    return np.flatnonzero(variance <= (NO_VARIANCE * size) ** 2)


def _covariance_notices(terms: Sequence[str], empty: Ints) -> list[Notice]:
    if not empty.size:
        return []
    names = [terms[j] for j in empty]
    text = (
        f"no standard error for {quoted(names)}: in every group the scores add up to zero by "
        "construction (for example two entities with entity and time effects). Use cov_type='robust', or "
        "fewer effects."
    )
    return [Notice("no_variance", text, {"terms": tuple(names)})]


def not_psd(prepared: Prepared, terms: Sequence[str], covariance: Floats, middle: Floats) -> list[Notice]:
    """Tell of a covariance of two-way clusters that is not positive semidefinite.

    Parameters
    ----------
    prepared : Prepared
        With the clusters.
    terms : sequence of str
        Names of the coefficients.
    covariance : (k, k) array
        Their covariance.
    middle : (m, m) array
        Covariance of their scores, with as many negative eigenvalues.

    Returns
    -------
    list of Notice
        One, or none.
    """
    if len(prepared.cluster_codes) != 2 or np.linalg.eigvalsh(middle)[0] >= -NEGATIVE:
        return []
    negative = [t for t, v in zip(terms, np.diag(covariance), strict=True) if v < 0]
    text = "the covariance of two-way clusters is not positive semidefinite; it is not adjusted."
    if negative:
        have = "has" if len(negative) == 1 else "have"
        text += f" {quoted(negative)} {have} a negative variance and no standard error."
    return [Notice("not_psd", text, {"terms": tuple(negative)})]


def refuse_flat_outcome(prepared: Prepared, depvar: str, outcome: Floats) -> None:
    """Refuse an outcome in which nothing is left to explain, before a search divides by it.

    Parameters
    ----------
    prepared : Prepared
        Sample and effects.
    depvar : str
        Name of the outcome.
    outcome : (N,) array
        As in the data, not swept.

    Raises
    ------
    IdentificationError
        If the outcome is constant, or does not vary inside the effects.
    """
    moments = _moments(outcome[:, None])[0]
    _refuse_flat_outcome(moments, prepared.within.sweep(outcome), depvar, prepared)


def _refuse_flat_outcome(moments: Floats, swept: Floats, depvar: str, prepared: Prepared) -> None:
    if _is_constant(moments):
        raise IdentificationError(f"the outcome {cited(depvar)} is constant in the sample.")
    if float(np.linalg.norm(swept)) < ABSORBED * float(_spread(moments)):
        what = ", ".join(prepared.effect_names)
        raise IdentificationError(f"the outcome {cited(depvar)} does not vary within the effects ({what}).")


def _with_intercept(prepared: Prepared, both: Floats, fit: Fit) -> tuple[Floats, Floats, Floats]:
    """Add the intercept to coefficients, basis and root."""
    w = prepared.obs_weights
    means = both.mean(axis=0) if w is None else w @ both / w.sum()
    slopes = fit.coefficients
    (n, m), k = fit.basis.shape, slopes.size
    root = np.zeros((k + 1, m + 1))
    root[:k, :m] = fit.root
    # The intercept at x = 0 is a linear map of the one at the means.
    root[k, :m] = -means[1:] @ fit.root
    root[k, m] = 1 / (n if w is None else w.sum())
    basis = np.column_stack([fit.basis, np.ones(n)])
    return np.append(slopes, means[0] - means[1:] @ slopes), basis, root


def _fit_statistics(
    prepared: Prepared,
    outcome: Floats,
    rest: Floats,
    swept: Floats,
    residuals: Floats,
    full: int,
) -> tuple[float, float, float, float]:
    w = prepared.obs_weights

    def square(column: Floats) -> float:
        return float(column @ column if w is None else (w * column) @ column)

    ssr = square(residuals)
    total = square(outcome - np.average(outcome, weights=w))
    inside = 1 - ssr / square(swept)
    n = outcome.size
    by_entity = inside
    if prepared.entity_position is not None and len(prepared.effect_names) > 1:
        inside_entity = prepared.within.deviations
        position = prepared.entity_position
        by_entity = 1 - square(inside_entity(rest, position)) / square(inside_entity(outcome, position))
    elif prepared.entity_position is None:
        by_entity = np.nan
    adjusted = 1 - (ssr / (n - full)) / (total / (n - 1))
    return 1 - ssr / total, inside, by_entity, adjusted


def _f_statistic(slopes: Floats, root: Floats, middle: Floats, df: float) -> float:
    # With no more clusters than slopes the covariance is singular and the joint test does not exist.
    if slopes.size > df:
        return float("nan")
    return quadratic_form(slopes, root, middle)[0] / slopes.size


def _statistics(sample: Sample, names: Sequence[str], moments: Floats) -> tuple[tuple[str, ...], Floats]:
    raw = [n for n in sample.variables if n not in names]
    rows = []
    for name in raw:
        values = sample.variables[name]
        rows.append(_moments(values[~np.isnan(values), None]))
    return (*names, *raw), np.vstack([moments, *rows])


def _moments(columns: Floats) -> Floats:
    """Rows, mean, standard deviation, minimum and maximum of each column."""
    n, k = columns.shape
    if k > 1 and n * k > _MANY_CELLS:  # column by column, so that no copy of the whole is made
        return np.vstack([_moments(columns[:, j : j + 1]) for j in range(k)])
    if n == 0:
        return np.tile([0.0, np.nan, np.nan, np.nan, np.nan], (k, 1))
    mean = columns.mean(axis=0)
    centred = columns - mean
    sd = np.sqrt(np.einsum("ij,ij->j", centred, centred) / (n - 1)) if n > 1 else np.full(k, np.nan)
    return np.column_stack([np.full(k, n), mean, sd, columns.min(axis=0), columns.max(axis=0)])


@dataclass(frozen=True, slots=True)
class FixedEffects(Specification):
    """Linear regression with absorbed entity, time and further effects.

    ``y_it = x_it'b + a_i + l_t + ... + e_it`` by least squares on swept columns (Frisch & Waugh 1933; Lovell
    1963): exact on unbalanced panels. Without any effect there is an intercept.

    Parameters
    ----------
    y : str
        Outcome, a term.
    x : sequence of str
        Regressors: columns, or terms such as ``"I(x**2)"``, ``"log(x)"``, ``"x:z"``, ``"lag(x)"``,
        ``"C(region)"``.
    entity_effects, time_effects : bool
        Both by default: the field's two-way model.
    absorb : sequence of str
        Further effects; ``"region^year"`` crosses two.
    cov_type : {"clustered", "robust", "unadjusted", "driscoll_kraay"}
        ``clustered`` by default, since rows of an entity are not independent; ``robust`` is HC1.
    clusters : str or sequence of one or two str, optional
        The entity by default.
    bandwidth : int, optional
        Lags of Driscoll and Kraay; floor(4 (T/100)^(2/9)) by default.
    ssc : {"reghdfe", "xtreg", "linearmodels", "plm", "none"}
        Whose small-sample factor. ``reghdfe`` equals fixest and pyfixest.
    obs_weights : str, optional
        Column with weights of the rows.
    singletons : {"drop", "keep"}
        Singletons add nothing to the slopes but make clustered standard errors too small; they are dropped,
        with a warning.
    collinear : {"raise", "drop"}
        ``"drop"`` takes out the later column and says so in `diagnostics`.
    missing : {"drop", "raise"}
        Rows with missing values leave, counted and with a warning, or are an error.

    Raises
    ------
    OptionError
        From the constructor, if an option has an unknown word.
    ColumnError, TermError, InputTypeError, MissingDataError, IdentificationError, CollinearityError
        From `fit`, naming the column and what to do.

    Examples
    --------
    >>> from digiprosper import FixedEffects, datasets
    >>> spec = FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"])
    >>> fit = spec.fit(datasets.us_states())
    >>> fit.params.round(4).to_dict()
    {'log(pcap)': -0.0302, 'log(pc)': 0.1688, 'log(emp)': 0.7693, 'unemp': -0.0042}
    >>> fit.std_errors.round(4).to_dict()
    {'log(pcap)': 0.0582, 'log(pc)': 0.0857, 'log(emp)': 0.0851, 'unemp': 0.0032}
    """

    y: str
    x: Sequence[str]
    _: KW_ONLY
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    bandwidth: int | None = None
    ssc: Ssc = "reghdfe"
    obs_weights: str | None = None
    singletons: Literal["drop", "keep"] = "drop"
    collinear: Literal["raise", "drop"] = "raise"
    missing: Literal["drop", "raise"] = "drop"

    def __post_init__(self) -> None:
        plain_options(self)
        one_term(self.y, "y")
        object.__setattr__(self, "x", as_terms(self.x, "x"))
        object.__setattr__(self, "absorb", as_terms(self.absorb, "absorb"))
        if not self.x:
            raise TermError("x is empty; specify at least one regressor.")
        if canonical(self.y) in {canonical(t) for t in self.x}:
            raise TermError(f"y={cited(self.y)} is also in x; the outcome cannot be its own regressor.")
        check_linear_options(self)
        check_option("singletons", self.singletons, ("drop", "keep"))
        check_option("collinear", self.collinear, ("raise", "drop"))
        check_option("missing", self.missing, ("drop", "raise"))
        if self.bandwidth is not None:
            if self.cov_type != "driscoll_kraay":
                raise OptionError(f"bandwidth={cited(self.bandwidth)} requires cov_type='driscoll_kraay'.")
            if not _is_count(self.bandwidth):
                raise OptionError(f"bandwidth={cited(self.bandwidth)} must be a number of lags, 0 or more.")
        if self.obs_weights is not None:
            one_term(self.obs_weights, "obs_weights")

    @classmethod
    def from_formula(cls, formula: str, **options: Any) -> Self:
        """Read ``"y ~ a + b | province + year"``.

        Parameters
        ----------
        formula : str
            Outcome, regressors and, after a bar, the effects to absorb. Without a bar there are no effects
            and an intercept. ``a*b`` is ``a + b + a:b``.
        **options
            As in the constructor, `entity_effects` and `time_effects` excepted.

        Returns
        -------
        FixedEffects
            With `absorb` set and both flags False; keys of the panel among the effects are those effects.

        Raises
        ------
        TermError
            If it cannot be read; the formula is quoted.

        Examples
        --------
        >>> from digiprosper import FixedEffects
        >>> FixedEffects.from_formula("log(gsp) ~ log(pc) + unemp | state + year").absorb
        ('state', 'year')
        """
        if not isinstance(formula, str):
            raise InputTypeError(f"the formula must be text, not {type(formula).__name__}.")
        for name in ("entity_effects", "time_effects"):
            if name in options:
                raise OptionError(f"{name} cannot be combined with a formula: specify the effects after '|'.")
        y, x, absorb = _read_formula(formula)
        extra = as_terms(options.pop("absorb", ()), "absorb")
        absorb += [t for t in extra if canonical(t) not in {canonical(a) for a in absorb}]
        return cls(y, x, entity_effects=False, time_effects=False, absorb=absorb, **options)

    @property
    def options(self) -> LinearOptions:
        """The part that says how rows are swept and errors computed."""
        return linear_options(self)

    def fit(self, panel: Panel, *, rng: object = None, progress: bool = False) -> LinearResults:  # noqa: ARG002
        """Estimate.

        Parameters
        ----------
        panel : Panel
            The data.
        rng, progress
            Accepted for uniformity; nothing is drawn here.

        Returns
        -------
        LinearResults
            Holding no data beyond residuals, fitted values and row labels.
        """
        roles = {"y": (self.y,), "x": self.x}
        prepared = prepare(panel, roles, self.options, singletons=self.singletons, missing=self.missing)
        sample = prepared.sample
        outcome = _columns(sample, "y")
        if outcome.shape[1] != 1:
            raise TermError(f"y={cited(self.y)} makes several columns; the outcome must be one column.")
        results = fit_columns(
            prepared,
            self.y,
            outcome[:, 0],
            sample.names_of("x"),
            _columns(sample, "x"),
            remarks=lagged_outcome(prepared),
        )
        issue(results.diagnostics)
        return results


def _columns(sample: Sample, role: str) -> Floats:
    """Columns of a role, without a copy where they stand side by side."""
    at = sample.roles[role]
    if at == tuple(range(at[0], at[0] + len(at))):
        return sample.matrix[:, at[0] : at[-1] + 1]
    return sample.columns(role)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _read_formula(formula: str) -> tuple[str, list[str], list[str]]:
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    if len(formula) > _LONGEST_FORMULA:
        raise TermError(
            f"the formula {cited(formula)} has more than {_LONGEST_FORMULA:,} characters; pass x as a list."
        )
    model, *effects = formula.split("|")
    if "#" in formula:
        raise TermError(
            f"the formula {cited(formula)} has Stata's '#': write a:b, and a^b for crossed effects."
        )
    if len(effects) > 1 or "~" not in model:
        raise TermError(f"the formula {cited(formula)} needs one '~' and at most one '|'. {_FORMULA_HELP}")
    if _HALVES.search(formula) or _CODE.search(re.sub(KEPT, "q", formula)):
        raise TermError(f"the formula {cited(formula)} cannot be read. {_FORMULA_HELP}")
    _refuse_powers(model, formula)
    _refuse_many(model, formula)
    try:
        parsed: Any = Formula(model)
    except (FormulaicError, SyntaxError) as error:
        raise TermError(f"the formula {cited(formula)} cannot be read. {_FORMULA_HELP}") from error
    if not hasattr(parsed, "lhs"):
        raise TermError(f"the formula {cited(formula)} needs an outcome before '~'. {_FORMULA_HELP}")
    outcomes, right = [str(t) for t in parsed.lhs if str(t) != "1"], [str(t) for t in parsed.rhs]
    if len(outcomes) != 1:
        raise TermError(f"the formula {cited(formula)} needs one outcome. {_FORMULA_HELP}")
    if "1" not in right and not effects:
        raise TermError(
            f"the formula {cited(formula)} removes the intercept; a model without effects always has one."
        )
    # formulaic respells white space; a coefficient keeps the name that was typed.
    typed = {canonical(t): t.strip() for t in model.split("~")[1].split("+")}
    x = [typed.get(canonical(t), t).strip("`") for t in right if t != "1"]
    absorb = [t.strip() for t in effects[0].split("+")] if effects else []
    if "" in absorb:
        raise TermError(f"the formula {cited(formula)} has an empty effect after '|'. {_FORMULA_HELP}")
    return model.split("~")[0].strip().strip("`"), x, absorb


def _refuse_powers(model: str, formula: str) -> None:
    if re.search(r"\^|\*\*", _outside_calls(model)):
        raise TermError(
            f"the formula {cited(formula)} has a power outside I(), which formulas treat as an "
            "interaction; write I(x**2) for a square and a*b for an interaction."
        )


def _refuse_many(model: str, formula: str) -> None:
    """Refuse products that would be multiplied out into thousands of terms."""
    for summand in _summands(_outside_calls(model)):
        joins, sums = len(re.findall(r"[*:/]", summand)), summand.count("+")
        if joins > _MOST_JOINS or (joins and sums > _MOST_SUMS):
            raise TermError(
                f"the formula {cited(formula)} has a product of too many columns: at most {_MOST_JOINS} "
                f"signs '*' or ':' in one, and {_MOST_SUMS} signs '+' in its brackets. Write the terms out "
                "in x."
            )


def _outside_calls(model: str) -> str:
    """Leave out what stands in calls, in backticks and in quotation marks."""
    text = re.sub(KEPT, "q", model)
    kept, calls = [], list[bool]()
    for letter, before in zip(text, f" {text}", strict=False):
        if letter == "(":
            calls.append(before.isalnum() or before == "_")
        if not any(calls):
            kept.append(letter)
        if letter == ")" and calls:
            calls.pop()
    return "".join(kept)


def _summands(text: str) -> list[str]:
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "+" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


_FORMULA_HELP = "Write 'y ~ a + b | province + year'."
