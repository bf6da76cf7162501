"""Dynamic panel models: a lag of the outcome among the regressors.

Notices of a fit, of which many_instruments, first_lag, second_order, hansen_rejected
and bias_not_solved warn:

==================== ==================================================================
code                 data
==================== ==================================================================
many_instruments     n_instruments, clusters (name), n_clusters
few_entities_gmm     n_entities
first_lag            terms
outside_bounds       estimate, within, ols
second_order         z, p_value
hansen_rejected      p_value, n_instruments
uninformative_hansen p_value, n_instruments
near_one             persistence; of corrected estimates
bias_not_solved      nearest, share (of draws without a solution)
==================== ==================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np

from digiprosper.checks import (
    check_option,
    check_whole,
    is_whole,
    not_identified,
    option_error,
    option_problem,
    plain,
    several,
)
from digiprosper.dynamic import kernel
from digiprosper.dynamic.kernel import (
    GmmFit,
    Moments,
    WithinProducts,
    bias_corrected,
    half_panel,
    persistence_bounds,
    transformed,
    within_products,
)
from digiprosper.dynamic.preparation import (
    MOST_LAGS,
    PreparedPanel,
    prepare_panel,
    refuse_lags,
    restrict_periods,
)
from digiprosper.dynamic.results import CorrectedEstimates, DynamicResults
from digiprosper.errors import (
    InputTypeError,
    Notice,
    OptionError,
    cited,
    counted,
    issue,
    notice_of,
    quoted,
)
from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.intervals import covariance_of
from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.linear.diagnostics import few_treated
from digiprosper.panel import Panel
from digiprosper.panel.evaluation import check_where
from digiprosper.panel.terms import canonical
from digiprosper.report.estimates import Estimates, n_lost
from digiprosper.report.inference import Inference
from digiprosper.report.notices import few_draws, lost_draws, too_few_clusters_to_draw
from digiprosper.report.protocol import fit_glance
from digiprosper.report.tests import TestResult
from digiprosper.report.text import p_words
from digiprosper.specification import (
    TERM,
    TERMS,
    Specification,
    check_reps,
    check_words,
    read_terms,
    refuse_repeats,
)

DynamicEstimator = Literal["difference", "system", "lsdvc", "half_panel"]
_Equation = Literal["both", "difference", "level"]
_Lags: TypeAlias = tuple[int, int | None]

_LEAST_REPS = 49
_LAGS = (2, 5)
# Options of all estimators; the others are of GMM alone.
_COMMON_OPTIONS = {"y", "x", "lags", "estimator", "time_effects", "clusters", "reps"}
_COMMON_OPTIONS |= {"missing", "where"}
_WORDS: dict[str, tuple[object, ...]] = {
    "estimator": get_args(DynamicEstimator),
    "transform": ("difference", "orthogonal"),
    "steps": (1, 2),
    "cov_type": ("robust", "classical"),
    "h": (1, 2, 3),
    "sargan_df": ("n", "n-k"),
    "missing": ("drop", "raise"),
    "constant": (None, True, False),
    **dict.fromkeys(("collapse", "windmeijer", "time_effects"), (True, False)),
}


# --- the specification ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DynamicPanel(Specification):
    """Panel model with lags of the outcome: ``y_it = r y_i,t-1 + x_it'b + a_i + e_it``.

    With entity effects and few periods the within estimator of r is biased downwards by
    about ``(1 + r) / (T - 1)`` (Nickell 1981). `estimator` chooses how this is avoided.
    With 31 entities and ten periods the bias-corrected within estimator, ``"lsdvc"``,
    is recommended if the regressors are exogenous: in simulated panels it is the most
    precise, with intervals that cover (see the page on dynamic panels).

    Parameters
    ----------
    y : str
        Outcome: a column, or a term such as ``"log(gdp)"``.
    x : sequence of str
        Exogenous regressors: not correlated with the errors of any period.
    lags : int
        Number of lags of the outcome among the regressors, 1 by default.
    endogenous : sequence of str
        Regressors that are correlated with the error of their period. Their lags from 2
        on are instruments.
    predetermined : sequence of str
        Regressors that are correlated with earlier errors. Their lags from 1 on are
        instruments.
    instruments : sequence of str
        Further exogenous instruments.
    estimator : {"difference", "system", "lsdvc", "half_panel"}
        ``"difference"`` (default) is GMM of the differenced equation (Arellano & Bond
        1991), the one that referees ask for. ``"system"`` adds the equation in levels
        (Arellano & Bover 1995; Blundell & Bond 1998), which assumes that deviations
        from the steady state are not correlated with the entity effects. ``"lsdvc"`` is
        the within estimator less its bias, which is solved for (Bun & Carree 2005); it
        takes one lag and exogenous regressors. ``"half_panel"`` is the half-panel
        jackknife (Dhaene & Jochmans 2015), also for several lags.
    instrument_lags : (first, last) or mapping
        Lags of outcome and endogenous regressors in the transformed equation;
        predetermined regressors begin one lag earlier, but not before lag 1. The
        default is ``(2, 5)``, since further lags add little and with all of them 31
        entities and 20 periods have more instruments than entities. ``(2, None)`` takes
        all lags from 2 on, as xtabond and xtabond2. Or a mapping of variables to lags,
        or to None for no lags. The level equation has the difference at lag ``first -
        1``.
    collapse : bool
        Whether a lag is one instrument (True, the default) or one for each period.
        Without it the number of instruments grows with the square of T, and with more
        instruments than entities estimates and tests are unreliable (Roodman 2009).
    transform : {"difference", "orthogonal"}
        First differences (default), or forward orthogonal deviations, which lose fewer
        rows if there are gaps.
    steps : {2, 1}
        Steps of GMM; two by default.
    cov_type : {"robust", "classical"}
        ``"robust"`` (default) sums moments by cluster. With two steps ``"classical"``
        is the covariance without Windmeijer's correction.
    windmeijer : bool
        Whether two-step standard errors have the correction of Windmeijer (2005),
        without which they are far too small. The default is True.
    equations : mapping
        For exogenous regressors, instruments and lagged variables in system GMM, the
        equation for which they are instruments: ``"both"`` (default), ``"difference"``
        or ``"level"``. The key ``"time_effects"`` stands for the dummies of periods.
    constant : bool, optional
        Whether there is a constant; by default in system GMM.
    time_effects : bool
        Whether there are dummies of periods; True by default.
    h : {3, 2, 1}
        Covariance of the errors that the first step assumes, as in xtabond2: 3
        (default) is that of independent errors with one variance, 2 without covariances
        between the two equations, as in xtdpdsys, 1 the identity matrix.
    sargan_df : {"n", "n-k"}
        Divisor of the error variance in Sargan's statistic: that of xtabond2 (default),
        or of xtabond.
    clusters : str, optional
        Clusters, which consist of whole entities; the entity by default.
    reps : int
        Draws of clusters for ``"lsdvc"`` and ``"half_panel"``; 999 by default.
    missing : {"drop", "raise"}
        ``"drop"`` (default) drops rows with missing values, with a warning.
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`. As in xtabond2, lags that are
        instruments are also taken from rows that are not chosen.

    Raises
    ------
    OptionError, TermError, InputTypeError
        By the constructor, if an option is unknown or contradicts another.
    ColumnError, MissingDataError, PanelIndexError
        By `fit`, if a column or the time key cannot be used.
    IdentificationError, CollinearityError
        By `fit`, if there are too few instruments or periods, or regressors are
        collinear.

    Notes
    -----
    GMM minimises ``(sum_i Z_i'e_i)' W (sum_i Z_i'e_i)``. In the first step W is the
    inverse of ``sum_i Z_i' H Z_i``, in the second that of ``sum_i Z_i'e_i e_i'Z_i``
    with residuals of the first. With the same options the numbers are those of Stata's
    xtabond, xtdpdsys and xtabond2. Instruments are made before rows with missing lags
    are dropped, and a missing lag is zero. So in unbalanced panels, or without time
    effects, estimates change if a constant is added to a variable. Orthogonal
    deviations of period t stand at t + 1, so that lags of instruments mean the same as
    for differences.

    ``"lsdvc"`` solves ``r + s^2(r) tr(r) q = w`` (Bun & Carree 2005, Journal of
    Business & Economic Statistics 23:200): w is the within estimate, and the second
    term its bias if the coefficient is r. No initial estimator is needed, unlike in
    Kiviet (1995) and Bruno (2005). Unbalanced panels and gaps are allowed for. The
    intervals are expanded percentile intervals of draws of clusters (Hesterberg 2015).

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.DynamicPanel("log(gsp)", ["unemp"], instrument_lags=(2, 4))
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> fit.params.round(3).to_dict(), fit.n_instruments
    ({'lag(log(gsp))': 0.84, 'unemp': -0.009}, 19)
    """

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERMS)
    _: KW_ONLY
    lags: int = 1
    endogenous: Sequence[str] = field(default=(), metadata=TERMS)
    predetermined: Sequence[str] = field(default=(), metadata=TERMS)
    instruments: Sequence[str] = field(default=(), metadata=TERMS)
    estimator: DynamicEstimator = "difference"
    instrument_lags: _Lags | Mapping[str, _Lags | None] | Sequence[Any] = _LAGS
    collapse: bool = True
    transform: Literal["difference", "orthogonal"] = "difference"
    steps: Literal[1, 2] = 2
    cov_type: Literal["robust", "classical"] = "robust"
    windmeijer: bool = True
    equations: Mapping[str, _Equation] | Sequence[tuple[str, _Equation]] = ()
    constant: bool | None = None
    time_effects: bool = True
    h: Literal[1, 2, 3] = 3
    sargan_df: Literal["n", "n-k"] = "n"
    clusters: Sequence[str] | None = None
    reps: int = 999
    missing: Literal["drop", "raise"] = "drop"
    where: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)
        check_whole("lags", self.lags, 1, MOST_LAGS)
        check_reps(self.reps, _LEAST_REPS)
        check_where(self.where)
        check_words(self, _WORDS)
        refuse_repeats(self, ("y", "x", "endogenous", "predetermined", "instruments"))
        refuse_lags(self)
        self._read_mappings()
        self._refuse_contradictions()

    def _read_mappings(self) -> None:
        """Store `equations` and `instrument_lags` by variable as pairs."""
        lagged = (self.y, *self.endogenous, *self.predetermined)
        variables = ("time_effects", *lagged, *self.x, *self.instruments)
        equations = _read_pairs("equations", self.equations, variables)
        for _, equation in equations:
            check_option("equations", equation, get_args(_Equation))
        object.__setattr__(self, "equations", equations)
        lags: Any = self.instrument_lags
        if _is_mapping(lags):
            by_term = _read_pairs("instrument_lags", lags, lagged)
            lags = tuple((t, None if v is None else _read_lags(v)) for t, v in by_term)
        else:
            lags = _read_lags(lags)
        object.__setattr__(self, "instrument_lags", lags)

    def _refuse_contradictions(self) -> None:
        defaults = {f.name: f.default for f in fields(self)}
        gmm_options = dict.fromkeys(
            defaults.keys() - _COMMON_OPTIONS, "it is an option of GMM"
        )
        reasons = {
            "difference": {
                "constant": "a constant drops out of differences",
                "equations": "there is one equation only",
            },
            "system": {},
            "lsdvc": {**gmm_options, "lags": "use one lag, or estimator='half_panel'"},
            "half_panel": gmm_options,
        }[self.estimator]
        problems = [
            option_problem(name, value, what=f"{name}={cited(value)}: {reasons[name]}")
            for name, default in defaults.items()
            if name in reasons and (value := getattr(self, name)) != default
        ]
        if problems:
            kind = f"estimator={cited(self.estimator)}"
            raise OptionError(f"{kind} does not take {several(problems)}.", problems)

    # --- what follows from the options ------------------------------------------------

    @property
    def is_gmm(self) -> bool:
        """Whether the estimator is GMM, not a corrected within estimator."""
        return self.estimator in ("difference", "system")

    @property
    def has_constant(self) -> bool:
        """Whether the level equation has a constant."""
        return self.estimator == "system" and self.constant is not False

    @property
    def has_windmeijer(self) -> bool:
        """Whether standard errors have Windmeijer's correction."""
        return self.steps == 2 and self.cov_type == "robust" and self.windmeijer

    def lags_of_instruments(self) -> dict[str, _Lags]:
        """List the variables whose lags are instruments, with the lags."""
        if not self.is_gmm:
            return {}
        value: Any = self.instrument_lags
        common, by_variable = (_LAGS, value) if _is_mapping(value) else (value, ())
        earlier = (max(common[0] - 1, 1), common[1])
        lags = {
            **dict.fromkeys((self.y, *self.endogenous), common),
            **dict.fromkeys(self.predetermined, earlier),
            **dict(by_variable),
        }
        return {name: pair for name, pair in lags.items() if pair is not None}

    def first_lags(self) -> dict[str, int]:
        """List the first lag of outcome and endogenous regressors as instruments."""
        lags = self.lags_of_instruments().items()
        return {name: lag for name, (lag, _) in lags if name not in self.predetermined}

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,
        progress: bool = False,  # noqa: ARG002
    ) -> DynamicResults:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data.
        rng : int, SeedSequence or Generator, optional
            Seed of the draws of ``"lsdvc"`` and ``"half_panel"``. By default another
            one each time; the results record it.
        progress
            Not used. All specifications have this argument.

        Returns
        -------
        DynamicResults
            Coefficients, their covariance, and with GMM the tests.

        Raises
        ------
        ColumnError, TermError, InputTypeError, MissingDataError, PanelIndexError
            If `panel` is not a Panel, or a column, term or time key cannot be used.
        IdentificationError, CollinearityError
            If there are too few instruments or periods, regressors are collinear or do
            not change, or the two-step covariance of the moments is singular.

        Warns
        -----
        MissingDataWarning, FewClustersWarning, IdentificationWarning, FewDrawsWarning
            If rows are dropped, or estimates and intervals may be unreliable.
        """
        data = prepare_panel(self, panel)
        results = fit_gmm(self, data) if self.is_gmm else fit_corrected(self, data, rng)
        issue(results.diagnostics)
        return results


def _is_mapping(value: Any) -> bool:
    """Check for lags by variable, also as pairs, instead of one pair of lags."""
    is_pair = isinstance(value, tuple | list) and len(value) > 0
    return not is_pair or isinstance(value[0], tuple | list)


def _read_pairs(option: str, value: Any, variables: Sequence[str]) -> tuple[Any, ...]:
    try:
        by_term = {canonical(term): setting for term, setting in dict(value).items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise InputTypeError(
            f"{option} must be a mapping from variables (text), such as "
            f"{{{variables[-1]!r}: ...}}, not {cited(value)}."
        ) from error
    terms = {canonical(term): term for term in variables}
    unknown = [term for term in by_term if term not in terms]
    if unknown:
        raise option_error(
            option,
            unknown,
            f"{option}: {quoted(unknown)} cannot be a key; use {quoted(variables)}.",
            variables,
        )
    return tuple((terms[term], plain(setting)) for term, setting in by_term.items())


def _read_lags(value: Any) -> _Lags:
    """Check the first and the last lag of instruments."""
    is_pair = isinstance(value, tuple | list) and len(value) == 2
    first, last = map(plain, value if is_pair else (0, None))
    ends = (first,) if last is None else (first, last)
    if not all(map(is_whole, ends)) or not 1 <= first <= ends[-1]:
        raise option_error(
            "instrument_lags",
            value,
            f"instrument_lags={cited(value)} must be (first, last) with 1 <= first <= "
            "last, such as (2, 4), or (2, None) for all from 2 on.",
        )
    return first, last


def _make_results(
    spec: DynamicPanel,
    data: PreparedPanel,
    estimated: Estimates,
    diagnostics: Sequence[Notice],
    numbers: Mapping[str, Any],
    **tests: Any,
) -> DynamicResults:
    """Make results with the `numbers` of their glance and `tests` of GMM."""
    prepared, sample = data.prepared, data.prepared.sample
    bounds = persistence_bounds(data.columns, data.complete, spec.lags)
    persistence = float(estimated.coefficients[: spec.lags].sum())
    return DynamicResults(
        estimated=estimated,
        estimator=spec.estimator,
        info=fit_glance(
            "DynamicPanel",
            sample,
            estimated.inference,
            prepared.effect_names,
            depvar=spec.y,
            **numbers,
        ),
        lag_names=sample.names_of("lags"),
        bounds=bounds,
        labels=dict(sample.labels),
        factors=dict(sample.factors),
        diagnostics=(
            # Notices of few clusters concern t intervals of least squares.
            *prepared.other_notices,
            *_few_treated_notices(spec, data),
            *diagnostics,
            *outside_bounds(persistence, bounds, spec.estimator),
        ),
        key_names=sample.keys.name_pair,
        **tests,
    )


def _few_treated_notices(spec: DynamicPanel, data: PreparedPanel) -> list[Notice]:
    """Report regressors whose variation is in few clusters.

    For system GMM this is the variation in levels, since a regressor may be constant in
    entities.
    """
    columns, lags = data.columns, spec.lags
    names = data.names[lags : data.n_regressors - spec.has_constant]
    if not names:
        return []
    if spec.estimator != "system":
        columns = transformed(columns, data.complete, "within")[0]
    rows = columns[data.complete]
    fit = ols(rows[:, 1:], rows[:, 0])
    root = fit.root[lags : lags + len(names)]
    return few_treated(data.prepared, names, fit.basis, root, model="DynamicPanel")


# --- GMM ------------------------------------------------------------------------------


def fit_gmm(spec: DynamicPanel, data: PreparedPanel) -> DynamicResults:
    """Estimate by difference or system GMM."""
    moments = kernel.moments(_gmm_design(spec, data))
    count, rows = len(moments.columns), len(moments.transformed)
    if not kernel.identifies(moments.products.sum(axis=0)):
        raise not_identified(
            "underidentified",
            f"{count} independent instruments for {len(data.names)} regressors (with "
            "dummies of periods), not all of which they identify: allow more lags "
            "(instrument_lags), or remove regressors.",
            n_instruments=count,
            n_regressors=len(data.names),
        )
    fit = kernel.gmm(moments, data.clusters)
    estimated, autocorrelations = _estimates(spec, data, moments, fit)
    tests = _overidentification_tests(spec, data, moments, fit)
    hansen_p = tests["hansen"].p_value
    first_lags = spec.first_lags()
    diagnostics = [
        *many_instruments(count, data.cluster_name, data.n_clusters),
        *few_entities(data.prepared.sample.n_entities),
        *first_lag([name for name, lag in first_lags.items() if lag == 1]),
        *second_order(*autocorrelations[2], min(first_lags.values(), default=2)),
        *overidentification(hansen_p, count),
    ]
    numbers = {
        "nobs": int(data.complete.sum()) if moments.design.system else rows,
        "n_instruments": count,
        "ar1_p": autocorrelations[1][1],
        "ar2_p": autocorrelations[2][1],
        "hansen_p": hansen_p,
        "sargan_p": tests["sargan"].p_value,
    }
    return _make_results(
        spec,
        data,
        estimated,
        diagnostics,
        numbers,
        autocorrelations=autocorrelations,
        instrument_columns=tuple(
            (name, equation, lag, None if period is None else data.periods[period])
            for name, equation, lag, period in moments.columns
        ),
        gmm_options={
            "steps": spec.steps,
            "windmeijer": spec.has_windmeijer,
            "transform": spec.transform,
            "h": spec.h,
            "collapse": spec.collapse,
            "lags": spec.lags_of_instruments(),
        },
        **tests,
    )


def _estimates(
    spec: DynamicPanel, data: PreparedPanel, moments: Moments, fit: GmmFit
) -> tuple[Estimates, dict[int, tuple[float, float]]]:
    """Choose step and covariance; also return the tests of autocorrelation."""
    step = fit.first if spec.steps == 1 else fit.second
    if step is None:
        count, groups = len(moments.columns), data.n_clusters
        raise not_identified(
            "singular_weights",
            f"steps=2: {count} instruments and {counted(groups, 'cluster')}. The "
            "covariance of the moments is singular, so the second step has no "
            "weights: there are too many instruments, or a period has too few "
            "rows, or a regressor changes in one cluster only. Use collapse=True, "
            "fewer lags such as instrument_lags=(2, 4), or steps=1.",
            n_instruments=count,
            n_clusters=groups,
        )
    classical, variance = spec.cov_type == "classical", None
    if classical and spec.steps == 1:
        variance = moments.error_variance(step, less_k=True)
        step = step._replace(covariance=variance * step.bread)
    elif spec.steps == 2 and not spec.has_windmeijer:
        step = step._replace(covariance=step.bread)
    k = data.n_regressors
    estimated = Estimates.of(
        data.names[:k],
        step.coefficients[:k],
        step.covariance[:k, :k],
        Inference(
            cov_type="unadjusted" if classical else "clustered",
            ssc="none",
            clusters=() if classical else (data.cluster_name,),
            n_clusters=() if classical else (data.n_clusters,),
        ),
    )
    return estimated, kernel.autocorrelations(moments, step, variance)


def _gmm_design(spec: DynamicPanel, data: PreparedPanel) -> kernel.Design:
    columns = dict(zip(data.names, np.moveaxis(data.columns, 2, 0)[1:], strict=True))
    in_model = (*data.prepared.sample.names_of("x"), *data.dummies)
    exogenous = {name: columns[name] for name in in_model} | data.instruments
    if spec.has_constant:
        exogenous["Intercept"] = columns["Intercept"]
    equations = {"Intercept": "level", **dict(spec.equations)}
    equation_of_dummies = equations.get("time_effects", "both")
    equations |= dict.fromkeys(data.dummies, equation_of_dummies)
    lags = spec.lags_of_instruments()
    return kernel.Design(
        columns=data.columns,
        complete=data.complete,
        instruments=[
            kernel.Instrument(
                name=name,
                values=values,
                equation=equations.get(name, "both"),
                lags=lags.get(name),
            )
            for name, values in (data.lagged | exogenous).items()
        ],
        collapse=spec.collapse,
        system=spec.estimator == "system",
        transform=spec.transform,
        h=spec.h,
    )


def _overidentification_tests(
    spec: DynamicPanel, data: PreparedPanel, moments: Moments, fit: GmmFit
) -> dict[str, Any]:
    """Test all instruments, and groups of them, as fields of the results.

    Groups are those of each variable, and of the level equation. One without which the
    model is not overidentified is left out.
    """
    from scipy.special import chdtrc

    variables = np.array([column[0] for column in moments.columns])
    in_levels = np.array([column[1] == "level" for column in moments.columns])
    always = np.isin(variables, ["Intercept", *data.dummies])
    hansen, df_hansen = kernel.hansen(moments, fit, np.ones(len(variables), dtype=bool))
    groups = {name: variables == name for name in variables[~always].tolist()}
    groups["level equation"] = in_levels & (variables != "Intercept")
    tests = {}
    for name, tested in groups.items():
        without, df_without = kernel.hansen(moments, fit, ~tested)
        if tested.any() and np.isfinite(without):
            difference, df = hansen - without, df_hansen - df_without
            p_value = float(chdtrc(df, max(difference, 0.0)))
            count = int(tested.sum())
            tests[name] = (count, without, df_without, difference, df, p_value)
    less_k = spec.sargan_df == "n-k"
    variance = moments.error_variance(fit.first, less_k=less_k)
    sargan = fit.first.criterion / variance if df_hansen else np.nan
    fields = {
        name.lower(): TestResult(
            f"{name} test of overidentification",
            value,
            "chi2",
            float(df_hansen),
            float(chdtrc(df_hansen, value)),
            "the instruments are not correlated with the errors",
        )
        for name, value in (("Hansen", hansen), ("Sargan", sargan))
    }
    return {**fields, "instrument_groups": tests}


# --- corrected within estimators ------------------------------------------------------


def fit_corrected(
    spec: DynamicPanel, data: PreparedPanel, rng: object
) -> DynamicResults:
    """Correct the within estimates, and draw clusters for intervals."""
    seed, name, groups = seed_sequence(rng), data.cluster_name, data.n_clusters
    products = _within_products(spec, data)
    # The first draw has every cluster once.
    counts = np.concatenate(
        [np.ones((1, groups)), draw_counts(seed, groups, spec.reps)]
    )
    estimates = [
        _corrected_estimates(products, counts[part][:, data.clusters])
        for part in chunks(len(counts), len(data.clusters))
    ]
    values, solved = map(np.concatenate, zip(*estimates, strict=True))
    coefficients, draws = values[0], values[1:]
    estimated = CorrectedEstimates.of(
        data.names[: data.n_regressors],
        coefficients,
        covariance_of(draws, clusters=groups),
        Inference(
            cov_type="bootstrap",
            ssc=None,
            clusters=(name,),
            n_clusters=(groups,),
            drawn=name,
            n_drawn=groups,
            reps=spec.reps,
            rng_entropy=cast("int", seed.entropy),
        ),
        draw_values=draws,
    )
    persistence = float(coefficients[: spec.lags].sum())
    diagnostics = [
        *few_draws(spec.reps, "ends"),
        *too_few_clusters_to_draw(groups, name),
        *lost_draws(
            n_lost(draws),
            spec.reps,
            "have too few rows or no variation in a regressor.",
        ),
        *near_one(persistence, spec.estimator),
        *bias_not_solved(
            float(coefficients[0]),
            float(1 - solved[1:].mean()),
            solved=bool(solved[0]),
        ),
    ]
    return _make_results(spec, data, estimated, diagnostics, numbers={})


def _within_products(spec: DynamicPanel, data: PreparedPanel) -> list[WithinProducts]:
    """Compute products of the panel, and of its halves for the half-panel jackknife."""
    samples, used = [data], np.flatnonzero(data.complete.any(axis=0))
    if spec.estimator == "half_panel":
        if used.size < 4:
            raise not_identified(
                "few_periods",
                f"estimator='half_panel' halves the {used.size} periods of the sample; "
                "it needs at least four.",
                periods=used.size,
            )
        # With an odd number of periods, it is halved in two ways.
        middles = used[sorted({used.size // 2, (used.size + 1) // 2})]
        early = np.arange(data.complete.shape[1]) < middles[:, None]
        samples += [
            restrict_periods(spec, data, part, f"the {half} half of the periods")
            for half, periods in (("first", early), ("second", ~early))
            for part in periods
        ]
    return [within_products(s.columns, s.n_regressors, s.complete) for s in samples]


def _corrected_estimates(
    products: Sequence[WithinProducts], counts: Floats
) -> tuple[Floats, Bools]:
    """Estimate in draws of entities: coefficients (D, k), and if they are solutions."""
    whole, *halves = [part.drawn(counts) for part in products]
    if not halves:
        return bias_corrected(whole)
    return half_panel(whole, halves)


# --- notices --------------------------------------------------------------------------

# With fewer entities the corrected within estimator is recommended in addition to GMM;
# see docs/explanations/dynamic_panels.md.
_FEW_ENTITIES = 100
# Above this estimate persistence may be so near one that intervals are too short.
_NEAR_ONE = 0.85
# A p-value above this is a sign that a test of overidentification has no power.
_UNINFORMATIVE_P = 0.99


def many_instruments(count: int, clusters: str, groups: int) -> list[Notice]:
    """Report more instruments than clusters."""
    if count <= groups:
        return []
    return [
        notice_of(
            "many_instruments",
            n_instruments=count,
            clusters=clusters,
            n_clusters=groups,
        )
    ]


def few_entities(entities: int) -> list[Notice]:
    """Report that GMM has few entities, and recommend a comparison."""
    if entities >= _FEW_ENTITIES:
        return []
    return [notice_of("few_entities_gmm", n_entities=entities)]


def outside_bounds(
    estimate: float, bounds: Mapping[str, float], estimator: str
) -> list[Notice]:
    """Report persistence outside Bond's bounds, and recommend a comparison."""
    within, ols = bounds["within"], bounds["ols"]
    if min(within, ols) <= estimate <= max(within, ols):
        return []
    is_gmm = estimator in ("difference", "system")
    return [
        notice_of(
            "outside_bounds.gmm" if is_gmm else "outside_bounds",
            estimate=float(estimate),
            within=within,
            ols=ols,
            _other="difference" if estimator == "system" else "system",
        )
    ]


def first_lag(names: Sequence[str]) -> list[Notice]:
    """Report lag 1 of outcome or endogenous regressors among the instruments."""
    if not names:
        return []
    return [notice_of("first_lag", terms=tuple(names))]


def second_order(z: float, p_value: float, first: int) -> list[Notice]:
    """Report autocorrelation of order 2, if lag 2 is the `first` instrument."""
    if first > 2 or not p_value <= 0.05:
        return []
    return [notice_of("second_order", z=z, p_value=p_value, _p=p_words(p_value))]


def overidentification(p_value: float, count: int) -> list[Notice]:
    """Report that Hansen's test rejects, or has a p-value near one."""
    fields = {"p_value": p_value, "n_instruments": count}
    if p_value <= 0.05:
        return [notice_of("hansen_rejected", **fields, _p=p_words(p_value))]
    if p_value > _UNINFORMATIVE_P:
        return [notice_of("uninformative_hansen", **fields)]
    return []


def near_one(persistence: float, estimator: str) -> list[Notice]:
    """Report persistence near one, where intervals of corrected estimates are short."""
    if not persistence > _NEAR_ONE:
        return []
    return [
        notice_of(
            "near_one.half_panel" if estimator == "half_panel" else "near_one",
            persistence=persistence,
        )
    ]


def bias_not_solved(nearest: float, share: float, *, solved: bool) -> list[Notice]:
    """Report that no coefficient explains the within estimate by its bias."""
    if solved:
        return []
    return [notice_of("bias_not_solved", nearest=nearest, share=share)]
