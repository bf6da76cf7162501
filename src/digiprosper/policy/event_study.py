"""Event studies: the effect of a treatment by periods since it began."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import partial
from itertools import compress
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, check_whole, not_identified
from digiprosper.errors import (
    Notice,
    OptionError,
    cited,
    counted,
    issue,
    listed,
    time_text,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.cluster_jackknife import jackknife_root_and_middle
from digiprosper.kernels.covariance import joint_meat, rescaled_sandwich
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.in_blocks import add_up
from digiprosper.kernels.separation import mark_empty_levels
from digiprosper.kernels.within import level_sums
from digiprosper.linear import poisson
from digiprosper.linear.diagnostics import lagged_outcome
from digiprosper.linear.distances import DistanceKernel
from digiprosper.linear.estimation import Demeaned, fit_equation
from digiprosper.linear.fixed_effects import check_regression_options
from digiprosper.linear.preparation import (
    CovType,
    LinearOptions,
    Prepared,
    Ssc,
    effects_of,
    linear_options,
    prepare,
    refuse_cov_types,
)
from digiprosper.linear.scanned import checked_rows, scanned, specification_texts
from digiprosper.linear.scanned_rows import ScannedRows
from digiprosper.panel import Panel, PanelScan, Sample
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.codes import Absorbed
from digiprosper.panel.keys import Keys, sorted_keys
from digiprosper.policy import notices
from digiprosper.policy.results import (
    CountCells,
    EventStudyResults,
    PoissonEventStudyResults,
)
from digiprosper.policy.timing import (
    Cohorts,
    EventWindow,
    Timing,
    check_never,
    count_reached,
    demean_with_dummies,
    dummies,
    estimated_times,
    event_name,
    is_switch,
    open_window,
    read_cohorts,
    read_timing,
    refuse_collinear,
    refuse_dropped,
    refuse_untreated,
    refuse_without_steps,
    window_of,
)
from digiprosper.specification import (
    TERM,
    TERMS,
    Specification,
    read_terms,
    refuse_repeats,
)

_FURTHEST = 10_000
# What blocks of a scanned table keep of each row
_EVENT, _FIRST = "event:times", "event:first"
_REFUSED = ("unadjusted", "hc2", "hc3", "cr2", "driscoll_kraay", "xtscc", "conley")


@dataclass(frozen=True, slots=True)
class EventStudy(Specification):
    r"""Event study: linear regression on dummies of event time, with fixed effects.

    Event time is the number of periods since the first treatment. The model is

    .. math:: y_{it} = \sum_k b_k 1(t - g_i = k) + x_{it}'c + a_i + l_t + e_{it}

    where g_i is the first treated time of entity i. k runs from ``-before`` to
    ``after`` without the reference. Estimates and standard errors equal those of
    `FixedEffects` with these dummies.

    Parameters
    ----------
    y : str
        Outcome: a column or a term.
    event : str
        Column with the first treated time of the entity, which has the type of the time
        key and is missing if the entity is never treated. Or a dummy that is 0 before
        treatment and 1 from then on.
    x : sequence of str
        Controls: columns or terms. None by default.
    before, after : int
        The window: there are dummies of event times ``-before`` to ``after``. The
        default is 5 for both.
    reference : int
        Event time without a dummy, from ``-before`` to -1. Coefficients are differences
        from it. The default is -1, the last period before treatment.
    bin_ends : bool
        With True (default) the first and the last dummy also contain all event times
        beyond them, so no row is dropped (Schmidheiny & Siegloch 2023). With False a
        row beyond the window is an error.
    never : float, optional
        Value of `event` for entities that are never treated, in addition to missing
        values. Many files use 0.
    entity_effects, time_effects, absorb, cov_type, clusters, bandwidth
        As in `FixedEffects`.
    ssc : str, optional
        As in `FixedEffects` (``"reghdfe"`` by default), and with ``family="poisson"``
        as in `PoissonEffects` (``"ppmlhdfe"`` by default).
    obs_weights, singletons
        As in `FixedEffects`.
    coordinates, distance_cutoff, distance_kernel
        As in `FixedEffects`.
    collinear, missing, keep_rows, where
        As in `FixedEffects`. ``collinear="drop"`` can drop controls but not event
        times. A row is not dropped if `event` is missing.
    family : {"linear", "poisson"}
        ``"linear"`` (default) is least squares. ``"poisson"`` is for counts and other
        outcomes of zero or more: coefficients are logs of ratios of means, as in
        `PoissonEffects`, and each cohort has its own (Wooldridge 2023, Econometrics
        Journal 26:C31). See Notes.
    exposure, offset : str, optional
        With ``family="poisson"``, as in `PoissonEffects`: the size that counts are
        proportional to, such as population, or what is added to the index.

    Raises
    ------
    OptionError, InputTypeError, TermError
        By the constructor, if an option has an unknown value, the reference is outside
        the window, or a term has two roles.
    PanelIndexError, ColumnError, InputTypeError, MissingDataError
        By `fit`, if there is no time key, a column does not exist, or `event` has
        another type than the time key.
    IdentificationError, CollinearityError
        By `fit`, if the treatment returns to 0, if `event` has times that are not in
        the panel, if treated entities have no period before treatment, or if no treated
        entity has one of the event times. Also if the fixed effects absorb the event
        times, for example because all entities are first treated in the same period.

    See Also
    --------
    FixedEffects : with one dummy of treated rows, the average effect.
    PoissonEffects : counts without event times.
    StaggeredDid : effects if entities are treated in different periods.
    randomisation_test : for few treated clusters.

    Notes
    -----
    With one cohort (all treated entities are first treated in the same period) the
    coefficients are differences in differences. With several cohorts whose effects
    differ, each coefficient also contains effects of other event times (Sun & Abraham
    2021, Journal of Econometrics 225:175). A notice in `diagnostics` reports this case.
    For binned ends see Schmidheiny & Siegloch (2023, Journal of Applied Econometrics
    38:695).

    With ``family="poisson"`` trends are parallel in logs: without treatment, the mean
    outcome of each cohort would have changed by the same factor. There is a dummy for
    each cohort and event time, so that effects of cohorts do not mix. The effect of an
    event time is the log of the sum of fitted means of treated rows, over their sum
    without treatment, which with one cohort is the coefficient of the dummy. Effects in
    percent and in counts are in `PoissonEventStudyResults.event_path`. With
    ``before=1`` all periods before treatment are the reference, as in R's etwfe. In a
    balanced panel without controls entity effects give the estimates of Wooldridge's
    effects of cohorts. Otherwise the two differ, and entity effects are used, unless
    ``entity_effects=False`` and `absorb` has the column of the cohorts. Errors are
    ``"clustered"``, ``"crv3"`` or ``"robust"``.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> rng = np.random.default_rng(1)
    >>> df = pd.DataFrame(
    ...     {
    ...         "city": np.repeat(np.arange(60), 8),
    ...         "year": np.tile(np.arange(2010, 2018), 60),
    ...     }
    ... )
    >>> df["first"] = np.where(df["city"] < 25, 2014.0, np.nan)
    >>> df["y"] = (
    ...     2.0 * (df["year"] >= df["first"]) + df["city"] % 7 + rng.normal(size=480)
    ... )
    >>> spec = dp.EventStudy("y", "first", before=4, after=3)
    >>> fit = spec.fit(dp.Panel(df, "city", "year"))
    >>> fit.path[["time", "estimate", "n_treated"]].round(2).values.tolist()[2:5]
    [[-2.0, -0.26, 25.0], [-1.0, 0.0, 25.0], [0.0, 2.16, 25.0]]
    >>> fit.pretrend_test().p_value > 0.05
    True
    """

    y: str = field(metadata=TERM)
    event: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERMS)
    _: KW_ONLY
    before: int = 5
    after: int = 5
    reference: int = -1
    bin_ends: bool = True
    never: float | None = None
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    bandwidth: int | None = None
    coordinates: Sequence[str] | None = None
    distance_cutoff: float | None = None
    distance_kernel: DistanceKernel = "bartlett"
    ssc: Ssc | poisson.PoissonSsc | None = None
    obs_weights: str | None = None
    singletons: Literal["drop", "keep"] = "drop"
    collinear: Literal["raise", "drop"] = "raise"
    missing: Literal["drop", "raise"] = "drop"
    keep_rows: bool = True
    where: str | None = None
    family: Literal["linear", "poisson"] = "linear"
    exposure: str | None = None
    offset: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)
        refuse_repeats(self, ("y", "event", "x"))
        check_whole("before", self.before, 1, _FURTHEST)
        check_whole("after", self.after, 0, _FURTHEST)
        check_whole("reference", self.reference, -self.before, -1)
        check_option("bin_ends", self.bin_ends, (True, False))
        check_never(self.never)
        _check_family(self)

    @property
    def options(self) -> LinearOptions:
        """Options of the fixed effects, the standard errors and the sample."""
        default = "reghdfe" if self.family == "linear" else "ppmlhdfe"
        ssc: Any = self.ssc or default
        return replace(linear_options(self), ssc=ssc)

    def fit(
        self,
        panel: Panel | PanelScan[Any],
        *,
        rng: object = None,  # noqa: ARG002
        progress: bool = False,  # noqa: ARG002
    ) -> EventStudyResults | PoissonEventStudyResults:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data, or a table that is larger than memory (`Panel.scan`).
        rng, progress
            Not used. All specifications have these arguments.

        Returns
        -------
        EventStudyResults or PoissonEventStudyResults
            Coefficients of the event times, ``event:-5`` and so on, then of `x`. The
            second with ``family="poisson"``.
        """
        results: EventStudyResults | PoissonEventStudyResults
        if self.family == "poisson":
            results = _estimate_counts(self, panel)
        elif isinstance(panel, PanelScan):
            results = _estimate_scanned(self, panel)
        else:
            results = _estimate_in_memory(self, panel)
        issue(results.diagnostics)
        return results


def _estimate_in_memory(spec: EventStudy, panel: Panel) -> EventStudyResults:
    prepared = prepare(panel, {"y": (spec.y,), "x": spec.x}, spec.options)
    sample = prepared.sample
    timing = read_timing(table_of(panel), spec.event, spec.never)
    cohorts = read_cohorts(spec, sample, timing)
    window = open_window(spec, cohorts)
    event_dummies = dummies(window, cohorts.event, cohorts.treated)
    return _estimate_linear(
        prepared,
        demean_with_dummies(spec.y, prepared, window.names, event_dummies),
        window,
        [*notices.treatment_notices(prepared, cohorts)],
        notices.no_rows_before(cohorts),
        _cohorts_at_reference(window, cohorts.event, cohorts.cohort),
    )


def _estimate_scanned(spec: EventStudy, scan: PanelScan[Any]) -> EventStudyResults:
    names = tuple(map(event_name, estimated_times(spec)))
    checked_rows(spec, scan, {"y": (spec.y,), "x": spec.x})
    with scan.copied(specification_texts(spec)) as copied:
        timings = _read_scanned_timings(spec, copied)
        further = names, timings.columns
        with scanned(spec, copied, {"x": spec.x}, further) as (prepared, demeaned):
            return _estimate_linear(prepared, demeaned, *timings.counted(prepared))


def _estimate_linear(
    prepared: Prepared,
    demeaned: Demeaned,
    window: EventWindow,
    of_treatment: Sequence[Notice],
    no_rows_before: Iterable[Notice],
    at_reference: Collection[int],
) -> EventStudyResults:
    """Regress on event times and controls; cohorts `at_reference` have a row there."""
    refuse_collinear(prepared, window)
    fitted, _ = fit_equation(
        prepared,
        demeaned,
        0,
        demeaned.at([*window.names, *prepared.sample.names_of("x")]),
        remarks=(
            *of_treatment,
            *no_rows_before,
            *notices.reference_unobserved(window, at_reference),
            *notices.cohort_notices(window),
            *lagged_outcome(prepared),
        ),
        auxiliary=window.names if of_treatment else (),
    )
    refuse_dropped([name for name in window.names if name not in fitted.names])
    return EventStudyResults._of(fitted, window=window)


def _cohorts_at_reference(
    window: EventWindow | EventStudy, event: Ints, cohort: Ints
) -> set[int]:
    """Return the cohorts with a row at the reference; `event`, `cohort` are by row."""
    inside = np.clip(event, -window.before, window.after)
    return set(np.unique(cohort[inside == window.reference]).tolist())


# --- panels larger than memory --------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _ScannedTimings:
    """First treated times of the entities of a scanned table."""

    spec: EventStudy
    keys: Keys  # with all times of the table
    values: pd.Series[Any]  # distinct values of the event column
    switch: bool  # whether the event column is a dummy

    def columns(self, panel: Panel, sample: Sample) -> tuple[Floats, dict[str, Ints]]:
        """Return dummies (n, k) of event times; event and first treated times (n,)."""
        table, never = table_of(panel), self.spec.never
        table = replace(table, keys=self._align_periods(table.keys))
        values = table.series(self.spec.event)
        if (self.values == never).any() and not (values == never).any():
            never = None
        timing = read_timing(table, self.spec.event, never, switch=self.switch)
        keys = self._align_periods(sample.keys)
        event, treated = timing.event_times(keys)
        first = timing.of(keys)[keys.entity]
        return dummies(self.spec, event, treated), {_EVENT: event, _FIRST: first}

    def _align_periods(self, keys: Keys) -> Keys:
        times, ordinals = self.keys.times, self.keys.ordinals
        time = times.get_indexer(keys.times)[keys.time]
        return replace(keys, times=times, ordinals=ordinals, time=time)

    def counted(
        self, prepared: Prepared
    ) -> tuple[EventWindow, Sequence[Notice], Iterable[Notice], Collection[int]]:
        """Count by block, and return further arguments of `_estimate_linear`."""
        spec = self.spec
        rows: ScannedRows = prepared.block_sums.rows
        entity_name = rows.effects[0]
        clusters = [name for name in rows.clusters if name != entity_name]
        count = partial(_count_events, spec, len(self.keys.times) + 1, clusters)
        totals = add_up(rows.run(count))
        sizes, event_rows, reached, at_reference, late, *levels = totals
        n_treated_clusters = {
            name: len(set(codes)) for name, codes in zip(clusters, levels, strict=True)
        }
        n_never, *n_treated = sizes.tolist()
        first_times = np.flatnonzero(n_treated)
        refuse_untreated(spec.event, entity_name, first_times.size)
        times = self.keys.times[first_times].tolist()
        cohorts = tuple(zip(times, filter(None, n_treated), strict=True))
        window = window_of(spec, event_rows, reached, cohorts, n_never)
        counts = {
            name: (n_treated_clusters.get(name, sum(n_treated)), rows.sizes[name,])
            for name in prepared.cluster_names or (entity_name,)
        }
        return (
            window,
            notices.few_treated_clusters(counts),
            notices.entities_without_rows_before(entity_name, sorted(late)),
            np.searchsorted(first_times, [*set(at_reference)]).tolist(),
        )


def _read_scanned_timings(spec: EventStudy, copied: PanelScan[Any]) -> _ScannedTimings:
    blocks = copied._run(partial(_events_and_times, spec.event))
    values, times = zip(*blocks, strict=True)
    frame = pd.DataFrame({"entity": 0, "time": times[0].append(times[1:]).unique()})
    keys = sorted_keys(frame, "entity", "time", copied._files.step)[1]
    distinct = pd.concat(values).drop_duplicates()
    return _ScannedTimings(spec, keys, distinct, is_switch(distinct, spec.never))


def _events_and_times(event: str, panel: Panel) -> tuple[Any, Any]:
    """Return the distinct values of the event column in a block, and its times."""
    table = table_of(panel)
    refuse_without_steps(table.keys, event)
    return table.series(event).drop_duplicates(), table.keys.times


def _count_events(
    spec: EventStudy,
    size: int,
    clusters: Sequence[str],
    rows: ScannedRows,
    sample: Sample,
) -> list[Any]:
    """Count treated entities, rows, cohorts and clusters of a block."""
    event, first = (
        np.asarray(sample.variables[name], dtype=np.intp) for name in (_EVENT, _FIRST)
    )
    sizes = np.bincount(first[sample.keys.starts] + 1, minlength=size)
    treated = first >= 0
    levels = [np.unique(rows.codes(sample, (n,))[treated]).tolist() for n in clusters]
    event, first, entity = event[treated], first[treated], sample.entity[treated]
    late = sample.entities[np.setdiff1d(entity, entity[event < 0])].tolist()
    at_reference = [*_cohorts_at_reference(spec, event, first)]
    return [sizes, *count_reached(spec, event, entity), at_reference, late, *levels]


def _check_family(spec: EventStudy) -> None:
    check_regression_options(spec)
    poisson.check_exposure_and_offset(spec)
    conventions: Any = Ssc if spec.family == "linear" else poisson.PoissonSsc
    check_option("ssc", spec.ssc, (*get_args(conventions), None))
    if spec.family == "linear":
        for name in ("exposure", "offset"):
            if getattr(spec, name) is not None:
                text = f"{name}={cited(getattr(spec, name))} requires family='poisson'."
                raise OptionError(text)
        return
    reason = "effects in counts have an error by clusters or rows only"
    refuse_cov_types("EventStudy of counts", spec.cov_type, _REFUSED, reason)


# --- Poisson regressions on cells of cohort and event time ----------------------------


class _Cells(NamedTuple):
    """Dummies of the cells of cohort and event time that have treated rows."""

    names: list[str]
    event: Ints  # (m,) event time, that of an end of the window for those beyond it
    dummies: Floats  # (N, m)

    def without(self, event: int) -> _Cells:
        """Leave out the cells of an event time."""
        others = self.event != event
        names = [*compress(self.names, others)]
        return _Cells(names, self.event[others], self.dummies[:, others])


def _make_cells(spec: EventStudy, cohorts: Cohorts) -> _Cells:
    inside = np.clip(cohorts.event, -spec.before, spec.after)
    pairs, code = cohorts.treated_cells(inside)
    coding = cohorts.coding
    names = [event_name(time) for time in pairs[:, 1].tolist()]
    if len(coding.cohorts) > 1:
        names = [
            f"{name}, {coding.event}:{time_text(coding.cohorts[cohort][0])}"
            for name, cohort in zip(names, pairs[:, 0], strict=True)
        ]
    dummies = (code[:, None] == np.arange(len(pairs))).astype(np.float64)
    return _Cells(names, pairs[:, 1], dummies)


def _prepare_counts(
    spec: EventStudy, panel: Panel, timing: Timing
) -> tuple[Prepared, poisson.Separated]:
    """Prepare the sample without rows that dummies of cells and controls separate."""

    def regressors(sample: Sample, absorbed: Sequence[Absorbed]) -> Floats:
        cells = _make_cells(spec, read_cohorts(spec, sample, timing))
        y = sample.columns("y")[:, 0]
        rows = ~mark_empty_levels(y, effects_of(sample, absorbed))
        _refuse_zero_cells(spec, cells, y, rows)
        return np.hstack([cells.without(spec.reference).dummies, sample.columns("x")])

    return poisson.prepare_poisson(spec, panel, {"x": spec.x}, regressors)


def _estimate_counts(spec: EventStudy, panel: Any) -> PoissonEventStudyResults:
    """Fit a Poisson regression on dummies of the cells."""
    check_panel(panel, "an event study of counts")
    timing = read_timing(table_of(panel), spec.event, spec.never)
    prepared, separated = _prepare_counts(spec, panel, timing)
    sample, ssc = prepared.sample, spec.options.ssc
    cohorts = read_cohorts(spec, sample, timing)
    window = open_window(spec, cohorts)
    refuse_collinear(prepared, window)
    cells = _make_cells(spec, cohorts).without(spec.reference)
    demeaned = demean_with_dummies(spec.y, prepared, cells.names, cells.dummies)
    columns, of_likelihood, likelihood, solved = poisson.fit_poisson(
        prepared,
        demeaned,
        range(1, len(demeaned.names)),
        separated,
        ssc,
        poisson.offset_of(spec, sample),
    )
    fitted_names = demeaned.names_at(columns)
    refuse_dropped([name for name in cells.names if name not in fitted_names])
    y, q = demeaned.raw[:, 0], prepared.row_weights
    joint, of_covariance = poisson.count_estimates(
        prepared,
        ssc,
        names=(*fitted_names, *(f"sum of {name}" for name in cells.names)),
        coefficients=np.append(solved.coefficients, (q * y) @ cells.dummies),
        solved=solved,
        root_and_middle=_joint_covariance(solved, cells.dummies, y, q),
    )
    rows = _rows_by_event_time(spec, timing, sample, separated)
    rows = rows[np.array(window.times) != window.reference]
    of_cells = CountCells(event=cells.event, joint=joint, rows=rows)
    member = cells.event == np.array(window.estimated)[:, None]
    diagnostics = (
        *prepared.other_notices,
        *poisson.few_clusters(prepared),
        *poisson.three_effects(prepared),
        *separated.notices,
        *of_likelihood,
        *of_covariance,
        *notices.treatment_notices(prepared, cohorts),
        *notices.no_rows_before(cohorts),
        *lagged_outcome(prepared, poisson.LAGGED, roles=("x",)),
    )
    fit = PoissonEventStudyResults(
        **poisson.count_fields(
            spec, prepared, demeaned, columns, likelihood, separated
        ),
        estimated=of_cells.estimates(
            member, "log", rows, (*window.names, *fitted_names[cells.event.size :])
        ),
        window=window,
        cells=of_cells,
        diagnostics=diagnostics,
    )
    return fit if spec.keep_rows else fit.without_rows()


def _refuse_zero_cells(spec: EventStudy, cells: _Cells, y: Floats, rows: Bools) -> None:
    """Refuse cells in whose `rows` (N,) all outcomes (N,) are zero."""
    dummies = cells.dummies[rows]
    zero = dummies.any(axis=0) & (y[rows] @ dummies == 0)
    if not zero.any():
        return
    names = [*compress(cells.names, zero)]
    text = (
        f"the outcome is zero in every row of {counted(len(names), 'cell')} of treated "
        f"entities ({listed(names)}), so the log of the ratio of means is not "
        "finite. Choose a smaller window, whose ends are binned, or drop the cohort "
        "with panel.subset."
    )
    raise not_identified("zero_cells", text, cells=names, outcome=spec.y)


def _rows_by_event_time(
    spec: EventStudy, timing: Timing, sample: Sample, separated: poisson.Separated
) -> Floats:
    """Count treated rows by event time of the window, also separated ones, by weights.

    Weights have a mean of one in the sample.
    """
    counts, means = np.zeros(spec.before + spec.after + 1), []
    for part, mask in ((sample, True), (separated.sample, separated.mask)):
        weights = np.ones(part.nobs)
        if spec.obs_weights is not None:
            weights = part.columns("obs_weights")[:, 0]
        means.append(weights.mean())
        cohorts = read_cohorts(spec, part, timing)
        inside = np.clip(cohorts.event, -spec.before, spec.after)[cohorts.treated]
        of_rows = (mask * weights)[cohorts.treated]
        counts += np.bincount(inside + spec.before, of_rows, counts.size)
    return np.asarray(counts / means[0])


def _joint_covariance(
    solved: Solved, dummies: Floats, y: Floats, q: Floats
) -> tuple[Floats, Floats]:
    """Return root and middle of the covariance of coefficients and sums in m cells.

    `dummies` (N, m) are of the cells; `y` (N,) is the outcome, summed with weights `q`
    (N,). Errors of the sums are those of means times the sums of weights.
    """
    sums, counts = dummies.T @ (q * y), dummies.sum(axis=0)
    weight = dummies.T @ q
    if solved.vcov.cov_type == "crv3":
        codes, levels = solved.vcov.parts[0].codes, solved.vcov.parts[0].levels
        assert codes is not None
        by_cluster = [level_sums(codes, levels, dummies, v) for v in (q * y, q)]
        with np.errstate(divide="ignore", invalid="ignore"):
            means = (sums - by_cluster[0]) / (weight - by_cluster[1])
        means[level_sums(codes, levels, dummies, np.ones(y.size)) == counts] = np.nan
        deviations = means * weight - sums
        return jackknife_root_and_middle(np.hstack([solved.deviations(), deviations]))
    in_cell = dummies.any(axis=1)
    deviation = np.where(in_cell, y - dummies @ (sums / weight), 0.0)
    # Times the weights of the likelihood, its errors are those of the outcome.
    errors = deviation * q / solved.weighted(np.ones(y.size))
    middle = joint_meat(
        [
            (solved.score_columns, solved.errors, solved.vcov),
            (dummies, errors, solved.vcov),
        ],
        obs_weights=solved.obs_weights,
    )
    (k, r), m = solved.root.shape, sums.size
    root = np.zeros((k + m, r + m))
    root[:k, :r], root[k:, r:] = solved.root, np.eye(m)
    return rescaled_sandwich(root, middle)
