"""Difference in differences with staggered treatment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from math import inf
from typing import Any, Literal, TypeAlias

import numpy as np

from digiprosper.checks import check_whole, not_identified, option_error
from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    cited,
    issue,
    notice_of,
    quoted,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.within import compress, within
from digiprosper.linear.doubtful_rows import heavy_cluster
from digiprosper.linear.estimation import fit_equation
from digiprosper.linear.preparation import Prepared, linear_options, prepare
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.evaluation import check_where
from digiprosper.policy import notices
from digiprosper.policy.callaway_santanna import estimate_callaway_santanna
from digiprosper.policy.imputation import estimate_imputation, untreated_model
from digiprosper.policy.kernels.aggregation import treated_products
from digiprosper.policy.kernels.unit_signs import (
    MOST_WEIGHTS,
    UnitScores,
    limit_scores,
    unit_covariance,
    unit_scores,
)
from digiprosper.policy.staggered_results import StaggeredDidResults
from digiprosper.policy.timing import (
    CohortCoding,
    CohortEffects,
    Cohorts,
    check_never,
    collect_effects,
    demean_with_dummies,
    read_cohorts,
    read_timing,
)
from digiprosper.report.inference import Inference
from digiprosper.report.notices import FEW_CODES, few_clusters, without
from digiprosper.report.protocol import fit_glance, hash_of
from digiprosper.specification import (
    TERM,
    TERMS,
    Specification,
    check_words,
    one_term,
    read_terms,
    refuse_repeats,
)

StaggeredEstimator: TypeAlias = Literal[
    "callaway_santanna", "imputation", "sun_abraham"
]
StaggeredControl: TypeAlias = Literal["never", "not_yet"]
StaggeredAggregate: TypeAlias = Literal["dynamic", "simple", "group", "calendar"]
StaggeredAdjustment: TypeAlias = Literal["doubly_robust", "ipw", "regression"]
StaggeredBasePeriod: TypeAlias = Literal["varying", "universal"]
StaggeredCovType: TypeAlias = Literal["hc2", "influence"]

_FURTHEST = 10_000
# Effects by cohort and period: their covariance has 2 GB, and is copied.
_MOST_EFFECTS = 2**14
# Control groups of each estimator, the default first.
_CONTROLS: dict[str, tuple[StaggeredControl, ...]] = {
    "callaway_santanna": ("never", "not_yet"),
    "imputation": ("not_yet",),
    "sun_abraham": ("never",),
}
# Options of a single estimator.
_ESTIMATOR_OF_OPTION = {
    "adjustment": "callaway_santanna",
    "base_period": "callaway_santanna",
    "leads": "imputation",
}


@dataclass(frozen=True, slots=True)
class StaggeredDid(Specification):
    """Difference in differences if entities are first treated in different periods.

    First the average effect ATT(g, t) is estimated for each cohort g and time t,
    relative to entities that are not treated. A cohort is the set of entities that are
    first treated in the same period. Then the effects are averaged. The coefficients of
    a two-way `FixedEffects` or `EventStudy` can have negative weights and mix event
    times; these averages do not.

    Parameters
    ----------
    y : str
        Outcome: a column or a term.
    event : str
        Column with the first treated time of the entity, missing if it is never
        treated. Or a dummy that is 0 before treatment and 1 from then on. As in
        `EventStudy`.
    x : sequence of str
        Controls: columns or terms, none by default. With ``"callaway_santanna"``
        parallel trends are assumed given `x`, and the values are those of the earlier
        of the two periods that are compared. With the other estimators `x` are
        regressors.
    estimator : {"callaway_santanna", "imputation", "sun_abraham"}
        ``"callaway_santanna"`` (default; Callaway & Sant'Anna 2021) computes a
        difference in differences for each cohort and period. ``"imputation"``
        (Borusyak, Jaravel & Spiess 2024) estimates entity and time effects from all
        untreated rows, and subtracts them from the outcomes of treated rows; it is the
        most precise if errors are independent over time. ``"sun_abraham"`` (Sun &
        Abraham 2021) is one regression with a dummy for each cohort and period.
    control : {"never", "not_yet"}, optional
        Control group of ``"callaway_santanna"``, by default the never treated
        (``"never"``). ``"not_yet"`` has also entities that are treated later.
        ``"imputation"`` always uses ``"not_yet"``, and ``"sun_abraham"`` always uses
        ``"never"``.
    aggregate : {"dynamic", "simple", "group", "calendar"}
        How effects are averaged: by event time (``"dynamic"``, the default), over all
        treated rows (``"simple"``), by cohort (``"group"``), or by period
        (``"calendar"``). `StaggeredDidResults.aggregate` can change it after the fit.
    adjustment : {"doubly_robust", "ipw", "regression"}, optional
        How ``"callaway_santanna"`` adjusts for `x`, by default ``"doubly_robust"``
        (Sant'Anna & Zhao 2020).
    base_period : {"varying", "universal"}, optional
        Base of ``"callaway_santanna"`` before treatment, by default the previous
        period (``"varying"``, as in csdid and R's did). ``"universal"`` is the last
        period before treatment, as in an event study. Effects after treatment do not
        depend on it.
    anticipation : int
        Number of periods before treatment in which it may already have effects. The
        default is 0.
    leads : int, optional
        With ``"imputation"``: number of event times before treatment, counted from the
        treatment, that are estimated and tested. They are compared with all earlier
        periods. The default is the largest number for which at least half of the
        treated entities have an earlier period.
    never : float, optional
        Value of `event` for entities that are never treated, in addition to missing
        values. Many files use 0.
    cov_type : {"hc2", "influence"}
        Standard errors. ``"hc2"`` (default) holds with few entities in a cohort: HC2 by
        cluster (CR2), with t and Bell and McCaffrey's degrees of freedom for each
        effect, and with `x` in ``"callaway_santanna"`` the jackknife of the whole
        estimator, with t(G - 1). ``"influence"`` has the errors of csdid,
        did_imputation and of the regression of Sun and Abraham. Results name them
        ``"cr2"``, ``"crv3"`` (the jackknife) and ``"clustered"``. See Notes.
    clusters : sequence of str, optional
        One cluster variable. The default is the entity.
    obs_weights : str, optional
        Column with positive weights of the rows, such as population, so that effects
        are those of a weighted population. All means, regressions and propensity scores
        are weighted, and so are averages over cohorts and periods.
        ``"callaway_santanna"`` uses, as `weightsname` in R's did, the weights of the
        earlier of the two periods that are compared, and for the sizes of cohorts those
        of the first row of each entity; a notice says so if weights change over time.
        The other estimators use the weight of every row.
    missing : {"drop", "raise"}
        ``"drop"`` (default) drops rows with missing values; ``"raise"`` raises an
        error.
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`.

    Raises
    ------
    OptionError, InputTypeError, TermError
        By the constructor, if an option has an unknown value, or is not an option of
        the estimator. By `fit`, if a weight is zero or negative.
    PanelIndexError, ColumnError, InputTypeError, MissingDataError
        By `fit`, if there is no time key, a column does not exist, or `event` has
        another type than the time key.
    IdentificationError, CollinearityError
        By `fit`, if the treatment returns to 0, if entities are treated from the first
        period on, if there is no control group, or if the untreated outcome of treated
        rows is not identified.

    See Also
    --------
    EventStudy : one regression; for one cohort it estimates the same effects.
    bacon_decomposition : comparisons that a two-way fixed effects slope averages.

    Notes
    -----
    Standard errors with ``cov_type="hc2"``: every estimate is a weighted sum of
    outcomes. The entities of a cohort differ from its mean, in each period, by their
    errors alone. The squares of these differences, divided by one minus the share of
    the entity in its cohort, estimate the variance; the degrees of freedom are those of
    Bell & McCaffrey (2002, Survey Methodology 28:169), with the covariance over time of
    all entities as working model. With ``"sun_abraham"`` in a balanced panel they are
    those of the regression with dummies and ``cov_type="cr2"``; in unbalanced ones
    leverage and degrees of freedom are by cohort, not those of that regression. A
    cohort of one entity, or a single entity that is never treated, shows no such
    difference: its errors are taken to be as variable as those of the others, and a
    notice says so. Averages of ``"callaway_santanna"`` also have the variance of the
    sampled cohort shares. The jackknife is computed for at most 100 clusters; with
    more, errors are from influence functions.

    ``cov_type="influence"``: for ``"callaway_santanna"`` (Callaway & Sant'Anna 2021,
    Journal of Econometrics 225:200) from influence functions, which allow for the
    sampling of the cohort shares, as in csdid. For ``"imputation"`` (Borusyak, Jaravel
    & Spiess 2024, Review of Economic Studies 91:3253) those of theorem 3 of the paper,
    with equal effects within a cohort and period, as in did_imputation. Both are
    clustered, without a small-sample correction, and use the normal distribution. For
    ``"sun_abraham"`` (Sun & Abraham 2021, Journal of Econometrics 225:175) those of the
    regression, with small-sample correction and t. ``"imputation"`` and
    ``"sun_abraham"`` take the cohort shares as fixed; Stata's eventstudyinteract allows
    for their sampling. With few entities in a cohort or few never treated these
    intervals are too short.

    If the panel has no rows in the last period before the treatment of a cohort, the
    cohort is compared with its last earlier period, as in csdid and R's did. The notice
    ``earlier_base`` names such cohorts.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> rng = np.random.default_rng(1)
    >>> df = pd.DataFrame(
    ...     {
    ...         "city": np.repeat(np.arange(90), 8),
    ...         "year": np.tile(np.arange(2010, 2018), 90),
    ...     }
    ... )
    >>> df["first"] = np.array([2013.0, 2015.0, np.nan])[df["city"] % 3]
    >>> df["y"] = (df["year"] - df["first"] + 1).clip(0).fillna(0) + rng.normal(
    ...     size=720
    ... )
    >>> spec = dp.StaggeredDid("y", "first", estimator="imputation")
    >>> fit = spec.fit(dp.Panel(df, "city", "year"))
    >>> fit.path.loc[fit.path["time"] >= 0, ["time", "estimate", "n_treated"]].round(
    ...     1
    ... ).values.tolist()[:3]
    [[0.0, 1.1, 60.0], [1.0, 2.2, 60.0], [2.0, 3.2, 60.0]]
    """

    y: str = field(metadata=TERM)
    event: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERMS)
    _: KW_ONLY
    estimator: StaggeredEstimator = "callaway_santanna"
    control: StaggeredControl | None = None
    aggregate: StaggeredAggregate = "dynamic"
    adjustment: StaggeredAdjustment | None = None
    base_period: StaggeredBasePeriod | None = None
    anticipation: int = 0
    leads: int | None = None
    never: float | None = None
    cov_type: StaggeredCovType = "hc2"
    clusters: Sequence[str] | None = None
    obs_weights: str | None = None
    missing: Literal["drop", "raise"] = "drop"
    where: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)
        refuse_repeats(self, ("y", "event", "x"))
        check_words(self)
        _check_estimator_options(self)
        check_whole("anticipation", self.anticipation, 0, _FURTHEST)
        if self.leads is not None:
            check_whole("leads", self.leads, 1, _FURTHEST)
        check_never(self.never)
        check_where(self.where)
        if self.clusters is not None and len(self.clusters) != 1:
            text = f"clusters={cited(list(self.clusters))} must be one term."
            raise option_error("clusters", self.clusters, text)
        if self.obs_weights is not None:
            one_term(self.obs_weights, "obs_weights")

    @property
    def compared_with(self) -> StaggeredControl:
        """Control group: ``"never"`` or ``"not_yet"``."""
        return self.control or _CONTROLS[self.estimator][0]

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,  # noqa: ARG002
        progress: bool = False,  # noqa: ARG002
    ) -> StaggeredDidResults:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data.
        rng, progress
            Not used. All specifications have these arguments.

        Returns
        -------
        StaggeredDidResults
            Average effects: the overall average ``att``, then those by event time,
            cohort or period.
        """
        check_panel(panel, "fit")
        timing = read_timing(table_of(panel), self.event, self.never)
        options = replace(linear_options(self), cov_type="clustered")
        roles = {"y": (self.y,), "x": self.x}
        prepared = prepare(panel, roles, options)
        sample = prepared.sample
        (clusters,) = prepared.cluster_codes
        cohorts = read_cohorts(self, sample, timing, prepared.obs_weights, clusters)
        _refuse_without_effects(self, cohorts)
        _refuse_without_control(self, cohorts.coding)
        estimated = _ESTIMATE[self.estimator](self, prepared, cohorts)
        estimated = with_unit_errors(self, prepared, cohorts, estimated)
        inference = estimated.inference
        diagnostics = (*_notices(prepared, cohorts, estimated),)
        issue(diagnostics)
        regression = self.estimator != "callaway_santanna"
        glance = fit_glance(
            "StaggeredDid",
            sample,
            inference,
            prepared.effect_names if regression else (),
            depvar=self.y,
            n_treated=cohorts.coding.n_ever,
            df_t=None if inference.df_t == inf else inference.df_t,
            obs_weights=self.obs_weights,
            sample_hash=hash_of(sample.index),
        )
        return StaggeredDidResults(
            depvar=self.y,
            by=self.aggregate,
            cells=estimated.cells,
            coding=cohorts.coding,
            estimator=self.estimator,
            control=self.compared_with,
            adjustment=(self.adjustment or "doubly_robust") if self.x else None,
            base_period=self.base_period or "varying",
            anticipation=self.anticipation,
            x=tuple(self.x),
            reference=estimated.reference,
            info=glance,
            inference=inference,
            labels=dict(sample.labels),
            factors=dict(sample.factors),
            diagnostics=diagnostics,
        )


def _refuse_without_effects(spec: StaggeredDid, cohorts: Cohorts) -> None:
    """Refuse samples without treated rows or changes, and with too many effects."""
    sample, since = cohorts.sample, cohorts.steps[:, None] >= cohorts.first
    count = int(since.sum() if spec.estimator == "imputation" else since.size)
    if count > _MOST_EFFECTS:
        raise OptionError(
            f"{since.shape[1]:,} cohorts in {since.shape[0]:,} periods have up to "
            f"{count:,} effects by cohort and period. Their covariance would need "
            f"{8 * count**2 / 2**30:,.0f} GB of memory, several times. Use longer "
            "periods, such as weeks or months instead of days: cohorts are then fewer "
            "and larger, too."
        )
    if not sample.keys.vary(sample.matrix[:, sample.roles["y"][0]]).any():
        raise IdentificationError(
            f"the outcome {cited(spec.y)} does not change in any "
            f"{sample.keys.entity_name}."
        )
    if not (cohorts.treated & (cohorts.event >= 0)).any():
        text = (
            f"event={cited(spec.event)}: no row of a treated "
            f"{sample.keys.entity_name} since its treatment is in the sample, so "
            "there is no effect to estimate. Check whether the outcome or a "
            "control is missing there."
        )
        raise not_identified("none_treated", text, event=spec.event)


def _refuse_without_control(spec: StaggeredDid, coding: CohortCoding) -> None:
    entity = coding.entity
    if coding.n_never or spec.estimator == "imputation":
        return
    if spec.compared_with == "never":
        option = "control='never'"
        cure = "control='not_yet', which compares with those treated later"
        if spec.estimator == "sun_abraham":
            option = "estimator='sun_abraham'"
            cure = (
                "estimator='callaway_santanna' with control='not_yet', or 'imputation'"
            )
        text = (
            f"no {entity} is never treated, and {option} compares with those. Use "
            f"{cure}."
        )
    elif len(coding.cohorts) == 1:
        text = (
            f"all {entity} are first treated in the same period "
            f"({coding.cohorts[0][0]}), so there is no control group. Add {entity} "
            "that are never treated."
        )
    else:
        return
    cohorts = dict(coding.cohorts)
    raise not_identified("no_comparison", text, event=coding.event, cohorts=cohorts)


def _notices(
    prepared: Prepared, cohorts: Cohorts, estimated: CohortEffects
) -> Iterator[Notice]:
    """Report heavy rows, few clusters, treatments that end and few in groups."""
    inference, coding = estimated.inference, cohorts.coding
    sample, weights = prepared.sample, prepared.obs_weights
    cov_type, clusters = inference.cov_type, prepared.cluster_names
    allowed_for = cov_type in ("cr2", "crv3")
    yield from without(prepared.notices, (*FEW_CODES, "heavy_cluster"))
    if not allowed_for:
        yield from heavy_cluster(sample, weights, cov_type, clusters, has_crv3=False)
    if not allowed_for or clusters != (coding.entity,):
        yield from few_clusters(
            min(inference.n_clusters),
            clusters[0],
            "clustered standard errors are reliable with many clusters only. Compare "
            "dp.randomisation_test of a FixedEffects with one dummy of treated rows.",
        )
    yield from notices.treatment_notices(prepared, cohorts, small=allowed_for)
    yield from notices.small_cohorts(coding, allowed_for=allowed_for)
    yield from notices.few_untreated(coding, estimated.cells.units, cov_type)
    yield from estimated.notices


def _check_estimator_options(spec: StaggeredDid) -> None:
    allowed = _CONTROLS[spec.estimator]
    if spec.control is not None and spec.control not in allowed:
        compared = (
            "entities never treated" if allowed == ("never",) else "all untreated rows"
        )
        text = (
            f"control={cited(spec.control)}: estimator={cited(spec.estimator)} always "
            f"compares with {compared}. Leave it out, or use "
            "estimator='callaway_santanna'."
        )
        raise option_error("control", spec.control, text, allowed)
    for name, estimator in _ESTIMATOR_OF_OPTION.items():
        value = getattr(spec, name)
        if value is not None and spec.estimator != estimator:
            text = (
                f"{name}={cited(value)} is an option of estimator={cited(estimator)}, "
                f"not of {cited(spec.estimator)}: leave it out."
            )
            raise option_error(name, value, text, (None,))


# --- one regression (Sun & Abraham 2021) ----------------------------------------------


def estimate_sun_abraham(
    spec: Any, prepared: Prepared, cohorts: Cohorts
) -> CohortEffects:
    """Regress the outcome on dummies of cohort and period, without the one before."""
    sample, coding = prepared.sample, cohorts.coding
    pairs, code = cohorts.treated_cells(sample.time)
    bases = _base_periods(pairs, cohorts, spec.anticipation)
    estimated = np.flatnonzero(pairs[:, 1] != bases[pairs[:, 0]])
    dummies = (code[:, None] == estimated).astype(np.float64)
    dummy_names = [
        f"cohort:{coding.cohorts[g][0]}, {coding.time}:{coding.times[t]}"
        for g, t in pairs[estimated]
    ]
    demeaned = demean_with_dummies(spec.y, prepared, dummy_names, dummies)
    fitted, solved = fit_equation(
        prepared, demeaned, 0, range(1, len(demeaned.names)), auxiliary=dummy_names
    )

    m = estimated.size
    treated, (clusters,) = cohorts.treated, prepared.cluster_codes
    weights = cohorts.weights[treated]
    # The part of the dummies' covariance due to the treated rows of their own cohort.
    weighted = weights * solved.residuals[treated]
    influence = solved.x @ solved.bread[:, :m]
    scores = influence[treated] * weighted[:, None]
    member = cohorts.cohort[treated, None] == pairs[estimated, 0]
    cells = collect_effects(
        cohorts,
        pairs[estimated],
        fitted.coefficients[:m],
        n_treated=np.bincount(code[treated])[estimated],
        mass=np.bincount(code[treated], weights)[estimated].astype(np.float64),
        joint=fitted.covariance[:m, :m],
        treated_part=treated_products(scores, member, clusters[treated]),
    )
    return CohortEffects(
        cells,
        fitted.inference,
        row_weights=lambda: influence * cohorts.weights[:, None],
        reference=cohorts.common_event(bases),
        notices=(
            *(n for n in fitted.diagnostics if n not in prepared.notices),
            *notices.no_rows_before(cohorts),
            *notices.earlier_base(cohorts, bases, spec.anticipation, ()),
        ),
    )


def _base_periods(pairs: Ints, cohorts: Cohorts, anticipation: int) -> Ints:
    """Return each cohort's last period before treatment and its anticipation."""
    before = cohorts.steps[pairs[:, 1]] < cohorts.first[pairs[:, 0]] - anticipation
    bases = np.full(cohorts.first.size, -1)
    np.maximum.at(bases, pairs[before, 0], pairs[before, 1])
    if (bases < 0).any():
        coding = cohorts.coding
        names = [coding.cohorts[position][0] for position in np.flatnonzero(bases < 0)]
        after = f" less anticipation={anticipation}" if anticipation else ""
        text = (
            f"{coding.entity} first treated in {quoted(names)} have no row before "
            f"that{after} in the sample: drop them with panel.subset."
        )
        raise not_identified("no_base_period", text, cohorts=tuple(names))
    return bases


_ESTIMATE: dict[str, Callable[[Any, Prepared, Cohorts], CohortEffects]] = {
    "callaway_santanna": estimate_callaway_santanna,
    "imputation": estimate_imputation,
    "sun_abraham": estimate_sun_abraham,
}


# --- errors of effects by cohort and time --------------------------------------------


def unit_influence(
    spec: Any,
    prepared: Prepared,
    cohorts: Cohorts,
    clusters: Ints,
    weights: Floats,
) -> UnitScores | None:
    """Compute the entities' contributions to effects; None if all groups are single."""
    sample, group = prepared.sample, cohorts.group
    if np.unique(group).size == group.size:
        return None
    entity, time, y = sample.entity, sample.time, sample.columns("y")
    without_x = spec.estimator == "callaway_santanna"
    x = np.empty((time.size, 0)) if without_x else sample.columns("x")
    cell, _ = compress(group[entity] * cohorts.steps.size + time)
    effects = within([entity, cell], time.size, obs_weights=prepared.obs_weights)
    # The outcome, less its regression on the controls
    demeaned = effects.demean(np.column_stack([y, x]))
    residuals, regressors = demeaned[:, 0], demeaned[:, 1:]
    size = np.linalg.norm(regressors, axis=0)
    regressors = regressors / np.where(size > 0, size, 1.0)
    root = np.sqrt(cohorts.weights)
    slopes = np.linalg.lstsq(root[:, None] * regressors, root * residuals)[0]
    residuals = residuals - regressors @ slopes
    treated = cohorts.treated & (cohorts.event >= -spec.anticipation)
    model = untreated_model(entity, time, x, treated, cohorts.weights)
    null_residuals = np.where(treated, residuals, model.residuals(y)[:, 0])
    return unit_scores(
        weights,
        residuals,
        null_residuals,
        entity,
        time,
        group=group,
        cluster=clusters,
        obs_weights=cohorts.entity_weights,
    )


def with_unit_errors(
    spec: Any,
    prepared: Prepared,
    cohorts: Cohorts,
    estimated: CohortEffects,
) -> CohortEffects:
    """Replace the covariance by that of ``cov_type="hc2"``, and add unit scores.

    Where this cannot be done the covariance stays as it is, and a notice says why.
    """
    cells, inference = estimated.cells, estimated.inference
    weights = estimated.row_weights
    m = cells.estimates.size
    too_many = cohorts.weights.size * m > MOST_WEIGHTS
    if weights is None or cohorts.clusters is None or too_many:
        if spec.cov_type == "influence" or inference.cov_type == "crv3":
            return estimated
        reason = "large" if too_many else "divided"
        if weights is None:
            reason = "jackknife"
        notice = notice_of(
            f"other_errors.{reason}", cov_type=spec.cov_type, reason=reason
        )
        return replace(estimated, notices=(notice, *estimated.notices))
    units = unit_influence(spec, prepared, cohorts, cohorts.clusters, weights())
    joint = cells.joint
    if spec.cov_type == "hc2":
        joint, df_t = joint.copy(), 1.0
        joint[:m] = joint[:, :m] = np.nan
        if units is not None:
            joint[:m] = joint[:, :m] = 0.0
            joint[:m, :m] = unit_covariance(units)
            df_t = float(units.df_t(np.eye(m), np.zeros(m)).min())
        inference = Inference(
            cov_type="cr2",
            clusters=inference.clusters,
            n_clusters=inference.n_clusters,
            df_t=df_t,
        )
    cells = replace(cells, joint=joint, units=units and limit_scores(units))
    return replace(estimated, cells=cells, inference=inference)
