"""Event studies of counts: Poisson regression on cells of cohort and event time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import counted, not_identified
from digiprosper.kernels.cluster_jackknife import jackknife_root_and_middle
from digiprosper.kernels.covariance import joint_meat, rescaled_sandwich
from digiprosper.kernels.separation import in_empty_levels
from digiprosper.kernels.within import level_sums
from digiprosper.linear.diagnostics import lagged_outcome
from digiprosper.linear.estimation import demean_columns
from digiprosper.linear.notices import separated_notice
from digiprosper.linear.poisson import (
    LAGGED,
    count_estimates,
    count_fields,
    cut_counts,
    few_clusters,
    fit_poisson,
    offset_of,
)
from digiprosper.linear.preparation import effects_of
from digiprosper.panel.access import check_panel, table_of
from digiprosper.policy.count_results import CountCells, PoissonEventStudyResults
from digiprosper.policy.messages import first_few, time_text
from digiprosper.policy.notices import (
    few_treated_clusters,
    no_rows_before,
)
from digiprosper.policy.timing import read_cohorts, read_timing
from digiprosper.policy.window import (
    event_name,
    open_window,
    refuse_collinear,
    refuse_dropped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.kernels.equation import Solved
    from digiprosper.linear.poisson import Separated
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Panel, Sample
    from digiprosper.panel.codes import Absorbed
    from digiprosper.policy.timing import Cohorts


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Cohorts by event time, the reference included, in which treated rows are."""

    names: Any  # (m,) array
    event: Ints  # (m,) event time, that of the end for rows beyond it
    code: Ints  # (N,) cell of the row; -1 if never treated
    inside: Ints  # (N,) event time of the row, as in `event`

    def dummies(self, reference: int) -> Floats:
        """Return the dummies (N, k) of the cells with a coefficient."""
        estimated = np.flatnonzero(self.event != reference)
        return np.asarray(self.code[:, None] == estimated, dtype=np.float64)


def estimate_event_counts(spec: Any, panel: Panel) -> PoissonEventStudyResults:
    """Fit a Poisson regression on dummies of cells, with the effects of `spec`."""
    check_panel(panel, "an event study of counts")
    timing = read_timing(table_of(panel), spec.event, spec.never)

    def regressors(sample: Sample, absorbed: Sequence[Absorbed]) -> Floats:
        cells = _cells_of(spec, read_cohorts(spec, sample, timing))
        y = sample.columns("y")[:, 0]
        _refuse_zero(spec, cells, y, in_empty_levels(y, effects_of(sample, absorbed)))
        return np.hstack([cells.dummies(spec.reference), sample.columns("x")])

    prepared, separated, whole, mask = cut_counts(
        spec, panel, {"x": spec.x}, regressors
    )
    cells = _cells_of(spec, read_cohorts(spec, whole, timing))
    lost = _by_time(spec, cells, mask * _weights_of(spec, whole))
    cohorts = read_cohorts(spec, prepared.sample, timing)
    return _estimate(spec, prepared, cohorts, separated, lost)


def _estimate(
    spec: Any, prepared: Prepared, cohorts: Cohorts, separated: Separated, lost: Floats
) -> PoissonEventStudyResults:
    """Estimate from rows without separated ones; `lost` are those by event time."""
    sample = prepared.sample
    window = open_window(spec, sample, cohorts)
    refuse_collinear(prepared, window)
    cells = _cells_of(spec, cohorts)
    dummies = cells.dummies(spec.reference)
    estimated = cells.event != spec.reference
    event, cell_names = cells.event[estimated], cells.names[estimated].tolist()
    m = event.size
    names = (spec.y, *cell_names, *sample.names_of("x"))
    raw = np.column_stack([sample.columns("y"), dummies, sample.columns("x")])
    demeaned = demean_columns(prepared, names, raw)
    columns, notices, likelihood, solved = fit_poisson(
        prepared,
        demeaned,
        range(1, len(names)),
        separated,
        spec.options.ssc,
        offset_of(spec, sample),
    )
    fitted_names = [names[j] for j in columns]
    refuse_dropped([name for name in cell_names if name not in fitted_names])

    y, q = raw[:, 0], prepared.row_weights
    joint, of_covariance = count_estimates(
        prepared,
        spec.options.ssc,
        (*fitted_names, *(f"sum of {name}" for name in cell_names)),
        np.concatenate([solved.coefficients, dummies.T @ (q * y)]),
        solved,
        solved,
        _joint_covariance(solved, dummies, y, q),
    )
    weights = _weights_of(spec, sample)
    rows = (_by_time(spec, cells, weights) + lost) / weights.mean()
    shown = np.array(window.times) != window.reference
    results = CountCells(event=event, joint=joint, rows=rows[shown])
    member = np.asarray(event == np.array(window.estimated)[:, None])
    event_names = [event_name(time) for time in window.estimated]
    diagnostics = (
        *(notice for notice in prepared.notices if notice not in prepared.few),
        *few_clusters(prepared),
        *separated_notice(separated.by_reason, separated.first),
        *notices,
        *of_covariance,
        *few_treated_clusters(prepared, cohorts.treated),
        *no_rows_before(sample, cohorts),
        *lagged_outcome(prepared, LAGGED, roles=("x",)),
    )
    fit = PoissonEventStudyResults(
        **count_fields(spec, prepared, demeaned, columns, likelihood, separated),
        estimated=results.estimates(
            (*event_names, *fitted_names[m:]), member, "log", results.rows
        ),
        window=window,
        cells=results,
        diagnostics=diagnostics,
    )
    return fit if spec.keep_rows else fit.without_rows()


def _cells_of(spec: Any, cohorts: Cohorts) -> _Cells:
    """List cohorts by event time; beyond the window it is that of the end."""
    inside = np.clip(cohorts.event, -spec.before, spec.after)
    pairs, code = cohorts.treated_cells(inside)
    coding = cohorts.coding
    several = len(coding.cohorts) > 1
    names = [
        f"{event_name(time)}, {coding.event}:{time_text(coding.cohorts[cohort][0])}"
        if several
        else event_name(time)
        for cohort, time in pairs.tolist()
    ]
    return _Cells(np.array(names, dtype=object), pairs[:, 1], code, inside)


def _refuse_zero(spec: Any, cells: _Cells, y: Floats, empty: Bools) -> None:
    """Refuse cells whose outcomes are all zero; rows in `empty` (N,) do not count."""
    rows = (cells.code >= 0) & ~empty
    code = cells.code[rows]
    present = np.bincount(code, minlength=len(cells.names)) > 0
    zero = present & (np.bincount(code, y[rows], len(cells.names)) == 0)
    if not zero.any():
        return
    names = cells.names[zero].tolist()
    text = (
        f"the outcome is zero in every row of {counted(len(names), 'cell')} of treated "
        f"entities ({first_few(names)}), so the log of the ratio of means is not "
        "finite. Choose a smaller window, whose ends are binned, or drop the cohort "
        "with panel.subset."
    )
    raise not_identified("zero_cells", text, cells=names, outcome=spec.y)


def _weights_of(spec: Any, sample: Sample) -> Floats:
    if spec.obs_weights is None:
        return np.ones(sample.nobs)
    return sample.columns("obs_weights")[:, 0]


def _by_time(spec: Any, cells: _Cells, weights: Floats) -> Floats:
    """Sum weights (N,) of treated rows by event time of the window."""
    treated = cells.code >= 0
    positions = cells.inside[treated] + spec.before
    size = spec.before + spec.after + 1
    return np.asarray(np.bincount(positions, weights[treated], size), dtype=np.float64)


def _joint_covariance(
    solved: Solved, dummies: Floats, y: Floats, q: Floats
) -> tuple[Floats, Floats]:
    """Halve the covariance of coefficients and of sums of outcomes in m cells.

    `dummies` (N, m) are of the cells, `y` and weights `q` (N,) of the rows. Errors of
    the sums are those of means of as many rows.
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
