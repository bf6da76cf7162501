"""The balanced sample of spatial models and tests, with its weights and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from digiprosper.checks import missing_problem
from digiprosper.errors import (
    IdentificationError,
    MissingDataError,
    Notice,
    TermError,
    cited,
    quoted,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.tolerances import PERFECT_FIT
from digiprosper.linear.diagnostics import lagged_outcome, lost_digits, staggered
from digiprosper.linear.estimation import (
    checked_columns,
    demean_columns,
    estimation_sample,
    fit_notices,
    single_column,
)
from digiprosper.linear.preparation import (
    LinearOptions,
    Prepared,
    drop_notice,
    prepare,
    refuse_extreme,
)
from digiprosper.linear.results import EstimationSample
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel, refuse_numbered_rows, table_of
from digiprosper.panel.terms import parse
from digiprosper.report.terms import Factor
from digiprosper.spatial.kernels.likelihood import SpatialColumns, lagged, without_means
from digiprosper.spatial.kernels.matrices import row_sum
from digiprosper.spatial.moran import refuse_unbalanced
from digiprosper.spatial.notices import dropped_neighbours, other_order
from digiprosper.spatial.weights import SpatialWeights

LAG = ("sar", "sdm", "sac")
"""Models with a spatial lag of the outcome."""
ERROR = ("sem", "sdem", "sac")
"""Models with a spatial lag of the error."""
DURBIN = ("sdm", "slx", "sdem")
"""Models with spatial lags of the regressors."""
_COEFFICIENT_NAMES = ("rho", "lambda", "Intercept")


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The balanced sample of a spatial model, its weights and its columns."""

    prepared: Prepared
    weights: SpatialWeights  # of the entities of the sample, in their order
    matrix: Floats  # (N, N), the weights as a dense array
    sample: EstimationSample
    notices: tuple[Notice, ...]  # about the rows and the regressors
    slopes: tuple[str, ...]  # regressors
    lags: tuple[str, ...]  # regressors that have a spatial lag in the model
    # (NT, 1 + k) outcome, regressors and their spatial lags, as in the data
    raw: Floats
    names: tuple[str, ...]  # of the columns of `raw`
    demeaned: Floats  # (NT, 1 + k), `raw` without the fixed effects
    effects: tuple[bool, bool]  # whether there are entity effects, and time effects
    n_times: int

    @property
    def lagged_slopes(self) -> list[int]:
        """Positions in `slopes` of the regressors that have a spatial lag."""
        return list(map(self.slopes.index, self.lags))

    def lag(self, columns: Floats) -> Floats:
        """Compute the spatial lag of (NT, p) columns."""
        return lagged(self.weights.matrix, columns)

    def demean(self, columns: Floats) -> Floats:
        """Remove the fixed effects from (NT, p) columns."""
        return without_means(columns, self.n_times, *self.effects)

    def without_lags(self) -> Layout:
        """Leave out the spatial lags of regressors."""
        k = 1 + len(self.slopes)
        names, raw, demeaned = self.names[:k], self.raw[:, :k], self.demeaned[:, :k]
        return replace(self, lags=(), names=names, raw=raw, demeaned=demeaned)


def lag_name(name: str) -> str:
    """Name the spatial lag of a regressor, such as ``"W:log(pc)"``."""
    return f"W:{name}"


def _refuse_names(spec: Any, slopes: Sequence[str], lags: Sequence[str]) -> None:
    """Refuse regressors with names of coefficients, and lags of other regressors."""
    reserved = [name for name in slopes if name in _COEFFICIENT_NAMES]
    if reserved:
        raise TermError(
            f"{quoted(reserved)} is the name of a coefficient of the model; "
            "rename the column."
        )
    if not set(lags) <= set(slopes):
        raise TermError(
            f"spatial_lags={cited(spec.lagged_terms)}: the dummies of a product with a "
            "category depend on which other terms are there. Leave spatial_lags out, "
            "or make columns of the product with panel.assign."
        )


def lay_out(spec: Any, panel: Panel) -> Layout:
    """Select a `PanelSpatial`'s balanced sample, align weights, check regressors."""
    check_panel(panel, "fit")
    refuse_numbered_rows(panel, "PanelSpatial")
    rows = panel if spec.where is None else panel.subset(spec.where)
    where = "the panel is" if rows is panel else f"the rows where {spec.where} are"
    refuse_unbalanced(rows, where)
    options = LinearOptions(
        entity_effects=spec.entity_effects,
        time_effects=spec.time_effects,
        cov_type="unadjusted",
        singletons="keep",
        where=spec.where,
    )
    roles = {"y": (spec.y,), "x": spec.x, "lagged": spec.lagged_terms}
    prepared = prepare(panel, roles, options)
    _refuse_missing(rows, prepared)
    sample = prepared.sample
    single_column(sample, "y", spec.y)
    weights = spec.spatial_weights.aligned_to(sample.entities)
    slopes, lags = sample.names_of("x"), sample.names_of("lagged")
    _refuse_names(spec, slopes, lags)
    # Spatial lags are products of W and a regressor, for any weights
    factors = {lag_name(name): (Factor("W"), *sample.factors_of(name)) for name in lags}
    sample = sample.with_factors(factors)
    prepared = replace(prepared, sample=sample)
    names = (spec.y, *slopes, *map(lag_name, lags))
    spatial = lagged(weights.matrix, sample.columns("lagged"))
    raw = np.column_stack([sample.columns("y"), sample.columns("x"), spatial])
    demeaned = demean_columns(prepared, names, raw)
    checked_columns(prepared, demeaned, 0, range(1, len(names)))
    regression = ols(demeaned.columns[:, 1:], demeaned.columns[:, 0])
    if float(np.linalg.norm(regression.residuals)) < PERFECT_FIT * demeaned.lengths[0]:
        raise IdentificationError(
            f"the regressors fit the outcome {cited(spec.y)} perfectly, so the "
            "likelihood cannot be computed. Drop the regressor that the outcome is "
            "computed from."
        )
    notices = (
        *drop_notice(prepared, "robust_inconsistent").notices,
        *fit_notices(regression, demeaned, range(len(names))),
        *lost_digits(names[1:], demeaned.moments[1:], regression.bread),
        *lagged_outcome(prepared),
        *dropped_neighbours(rows.diagnostics, rows.n_entities, weights.left_out),
        *staggered(prepared, demeaned, range(1, 1 + len(slopes)), "spatial"),
        *other_order(spec.spatial_weights, sample.keys, spec.y, raw[:, 0]),
    )
    return Layout(
        prepared=prepared,
        weights=weights,
        matrix=weights.dense,
        sample=estimation_sample(sample, None, demeaned, range(len(names))),
        notices=notices,
        slopes=slopes,
        lags=lags,
        raw=raw,
        names=names,
        demeaned=demeaned.columns,
        effects=(prepared.options.entity_effects, prepared.options.time_effects),
        n_times=sample.n_times,
    )


def spatial_columns(layout: Layout, *, splm: bool, error: bool) -> SpatialColumns:
    """Compute the demeaned columns and spatial lags that the likelihood needs.

    With `splm` the outcome (and with a spatial error every column) is demeaned before
    it is lagged. Without fixed effects an intercept is added. With a spatial error,
    time effects and different row sums ``(I - lambda W) 1`` is not constant, so that
    dummies of the periods are added. Lags of regressors are for a spatial error only.
    """
    entity, time = layout.effects
    dummies = error and time and not splm and row_sum(layout.matrix) is None
    added = _added_regressors(layout, dummies=dummies)
    raw = np.hstack([layout.raw, added])

    def demean(columns: Floats) -> Floats:
        return without_means(columns, layout.n_times, entity, time and not dummies)

    demeaned = demean(raw) if added.size else layout.demeaned
    source, demean_lag = (demeaned, np.asarray) if splm else (raw, demean)
    names = [*layout.names, *(f"added {j}" for j in range(added.shape[1]))]
    # Each block begins with the outcome, or its lag, or the lag of that.
    p, n_lagged = len(names), len(names) if error else 1
    names += map(lag_name, names[:n_lagged])
    lags = layout.lag(source[:, :n_lagged])
    blocks = [demeaned, demean_lag(lags)]
    if error:
        names.append(lag_name(names[p]))
        blocks.append(demean_lag(layout.lag(lags[:, :1])))
    columns = np.hstack(blocks)
    refuse_extreme(columns, names)
    x, wx = columns[:, 1:p], columns[:, p + 1 : 2 * p]
    return SpatialColumns(columns[:, ::p], x, wx, layout.n_times)


def _added_regressors(layout: Layout, *, dummies: bool) -> Floats:
    """Return additional regressors: an intercept, period dummies, or none."""
    entity, time = layout.effects
    if not entity and not time:
        return np.ones((len(layout.raw), 1))
    if not dummies:
        return layout.raw[:, :0]
    return np.tile(np.eye(layout.n_times)[:, int(entity) :], (len(layout.matrix), 1))


# --- what cannot be estimated ---------------------------------------------------------


def _refuse_missing(panel: Panel, prepared: Prepared) -> None:
    """Refuse missing values, except end periods in lags and leads."""
    sample, columns = prepared.sample, table_of(panel).names
    complete = sample.is_balanced and sample.n_entities == panel.n_entities
    for loss in sample.dropped:
        shifts = [parse(term, columns, "x").shifts for term in loss.by_term]
        if not shifts or (complete and all(shifts)):
            continue
        text = (
            f"{loss.message}. A spatial lag needs all neighbours in every period. "
            "Fill the values by panel.interpolate(), or leave out periods by "
            "panel.subset(), or entities by panel.dropna() and panel.balance(): "
            "without neighbours spillovers are too small."
        )
        problems = [
            missing_problem(term, count, loss.rows)
            for term, count in loss.by_term.items()
        ]
        raise MissingDataError(text, problems)
