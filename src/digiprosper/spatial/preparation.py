"""A balanced panel, its weights and its columns, made ready for every spatial model and test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import (
    IdentificationError,
    MissingDataError,
    OptionError,
    TermError,
    cited,
    counted,
    missing_problem,
    option_problem,
    quoted,
)
from digiprosper.kernels.tolerances import PERFECT_FIT
from digiprosper.linear.diagnostics import lagged_outcome
from digiprosper.linear.estimation import demean_columns, fit_equation
from digiprosper.linear.preparation import LinearOptions, prepare, refuse_extreme
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.keys import rows_text
from digiprosper.panel.terms import canonical, parse
from digiprosper.report.terms import Factor
from digiprosper.spatial.kernels.likelihood import SpatialColumns, lagged
from digiprosper.spatial.kernels.multiplier import row_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats
    from digiprosper.linear.preparation import Prepared
    from digiprosper.linear.results import LinearResults
    from digiprosper.panel import Panel
    from digiprosper.panel.sample import Dropped
    from digiprosper.spatial.weights import SpatialWeights

LAG = ("sar", "sdm", "sac")
"""Models with a spatial lag of the outcome."""
ERROR = ("sem", "sdem", "sac")
"""Models with a spatial lag of the error."""
DURBIN = ("sdm", "slx", "sdem")
"""Models with spatial lags of the regressors."""
_OWN_NAMES = ("rho", "lambda", "Intercept")


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Columns of a spatial model, with the least-squares fit on them."""

    prepared: Prepared
    weights: SpatialWeights  # of the entities of the sample, in their order
    matrix: Floats  # (N, N), the weights as a dense array
    linear: LinearResults  # least squares on the regressors and the spatial lags of the model
    slopes: tuple[str, ...]  # regressors
    lags: tuple[str, ...]  # regressors that have a spatial lag in the model
    raw: Floats  # (NT, 1 + k) outcome, regressors and their spatial lags, as in the data
    names: tuple[str, ...]  # of the columns of `raw`
    demeaned: Floats  # (NT, 1 + k), `raw` without the fixed effects

    @property
    def n_times(self) -> int:
        """Number of periods."""
        return self.prepared.sample.n_times

    @property
    def effects(self) -> tuple[bool, bool]:
        """Whether there are entity effects, and time effects."""
        keys, names = self.prepared.sample.keys, self.prepared.effect_names
        return keys.entity_name in names, keys.time_name in names

    def lag(self, columns: Floats) -> Floats:
        """Compute the spatial lag of (NT, p) columns."""
        return lagged(self.weights.matrix, columns)

    def demean(self, columns: Floats) -> Floats:
        """Remove the fixed effects from (NT, p) columns."""
        return without_means(columns, self.n_times, *self.effects)


def lag_name(name: str) -> str:
    """Name the spatial lag of a regressor, such as ``"W:log(pc)"``."""
    return f"W:{name}"


def without_means(columns: Floats, n_times: int, entity: bool, time: bool) -> Floats:  # noqa: FBT001
    """Subtract means of entities and of periods from (NT, p) columns of a balanced panel.

    Rows are sorted by entity and then by period. Returns a new array.
    """
    cells = columns.reshape(-1, n_times, columns.shape[1])
    if entity:
        cells = cells - cells.mean(axis=1, keepdims=True)
    if time:
        cells = cells - cells.mean(axis=0, keepdims=True)
    return np.array(cells.reshape(columns.shape))


def lay_out(spec: Any, panel: Panel) -> Layout:
    """Select the balanced sample of a `PanelSpatial`, align the weights with it, and check the regressors."""
    check_panel(panel, "fit")
    _refuse_unbalanced(panel)
    options = LinearOptions(
        entity_effects=spec.entity_effects, time_effects=spec.time_effects, cov_type="unadjusted"
    )
    roles = {"y": (spec.y,), "x": spec.x, "lagged": spec.lagged_terms}
    prepared = prepare(panel, roles, options, singletons="keep")
    _refuse_missing(panel, prepared)
    _refuse_names(spec, prepared)

    weights = spec.spatial_weights.aligned_to(prepared.sample.entities)
    matrix = weights.dense
    slopes, lags = prepared.sample.names_of("x"), prepared.sample.names_of("lagged")
    prepared = _with_lags(prepared, lags)
    sample = prepared.sample
    names = (spec.y, *slopes, *map(lag_name, lags))
    spatial = lagged(weights.matrix, sample.columns("lagged"))
    raw = np.column_stack([sample.columns("y"), sample.columns("x"), spatial])
    demeaned = demean_columns(prepared, names, raw)
    remarks = lagged_outcome(prepared)
    linear, _ = fit_equation(prepared, demeaned, 0, range(1, len(names)), remarks=remarks)
    _refuse_perfect(linear, demeaned.lengths[0])
    return Layout(prepared, weights, matrix, linear, slopes, lags, raw, names, demeaned.columns)


def spatial_columns(layout: Layout, *, splm: bool, error: bool) -> SpatialColumns:
    """Compute the spatial lags that the likelihood needs, without the fixed effects.

    With `splm` the outcome (and with a spatial error every column) is demeaned before it is lagged. Without
    fixed effects an intercept is added. With a spatial error and time effects ``(I - lambda W) 1`` is not
    constant if rows of the weights have different sums; then dummies of the periods are added as regressors.
    Spatial lags of regressors, and of the lag of the outcome, are computed for a spatial error only.
    """
    entity, time = layout.effects
    dummies = error and time and not splm and row_sum(layout.matrix) is None
    added = _added(layout, dummies=dummies)
    raw = np.hstack([layout.raw, added])

    def demean(columns: Floats) -> Floats:
        return without_means(columns, layout.n_times, entity, time and not dummies)

    demeaned = demean(raw) if added.size else layout.demeaned
    source, demean_lag = (demeaned, np.asarray) if splm else (raw, demean)
    raw_lags = layout.lag(source if error else source[:, :1])
    lags = [demean_lag(raw_lags)]
    if error:
        lags.append(demean_lag(layout.lag(raw_lags[:, :1])))
    columns = np.hstack([demeaned, *lags])
    refuse_extreme(columns, _column_names(layout, columns.shape[1], demeaned.shape[1]))
    y = np.hstack([demeaned[:, :1], *(lag[:, :1] for lag in lags)])
    return SpatialColumns(y, demeaned[:, 1:], lags[0][:, 1:], layout.n_times)


def _added(layout: Layout, *, dummies: bool) -> Floats:
    """Return regressors that the layout does not have: an intercept, or dummies of periods."""
    entity, time = layout.effects
    if not entity and not time:
        return np.ones((len(layout.raw), 1))
    if not dummies:
        return layout.raw[:, :0]
    return np.tile(np.eye(layout.n_times)[:, int(entity) :], (len(layout.matrix), 1))


def _column_names(layout: Layout, count: int, n_demeaned: int) -> list[str]:
    """Name the columns of the likelihood, their spatial lags, and the second lag of the outcome."""
    names = [*layout.names, *(f"added {j}" for j in range(n_demeaned - len(layout.names)))]
    return [*names, *map(lag_name, names), lag_name(lag_name(layout.names[0]))][:count]


# --- what cannot be estimated -------------------------------------------------------------------------------


def _refuse_unbalanced(panel: Panel) -> None:
    if panel.is_balanced:
        return
    keys = table_of(panel).keys
    present = np.zeros((panel.n_entities, panel.n_times), dtype=bool)
    present[keys.entity, keys.time] = True
    absent = np.argwhere(~present)
    rows = tuple((keys.entities[i], keys.times[t]) for i, t in absent[:5])
    text = (
        f"the panel is not balanced: {counted(len(absent), 'row')} of {panel.n_entities} "
        f"{panel.entity_name} x {panel.n_times} {panel.time_name} {'is' if len(absent) == 1 else 'are'} not "
        f"there (first: {rows_text(rows)}). A spatial lag needs all neighbours in every period. "
        "panel.balance() keeps the entities that are there in all periods, panel.balance('times') the "
        "periods with all entities."
    )
    raise MissingDataError(text, [missing_problem("panel", len(absent), rows)])


def _refuse_missing(panel: Panel, prepared: Prepared) -> None:
    """Refuse missing values, except those of the first or last periods in lags and leads."""
    losses = [loss for loss in prepared.sample.dropped if loss.by_term]
    for loss in losses:
        if not _whole_periods(panel, prepared, loss):
            text = (
                f"{loss.message}. A spatial lag needs all neighbours in every period. Leave out entities "
                "or periods with missing values by panel.dropna() or subset() and then panel.balance(), or "
                "fill the values by panel.interpolate()."
            )
            problems = [missing_problem(term, count, loss.rows) for term, count in loss.by_term.items()]
            raise MissingDataError(text, problems)


def _whole_periods(panel: Panel, prepared: Prepared, dropped: Dropped) -> bool:
    columns = table_of(panel).known
    only_shifted = all(parse(term, columns, "x").shifts for term in dropped.by_term)
    sample = prepared.sample
    return only_shifted and sample.is_balanced and sample.n_entities == panel.n_entities


def _with_lags(prepared: Prepared, lags: Sequence[str]) -> Prepared:
    """Describe spatial lags as products of W and a regressor, under one name whatever the weights."""
    sample = prepared.sample
    factors = {lag_name(name): (Factor("W"), *sample.factors_of(name)) for name in lags}
    return replace(prepared, sample=sample.with_factors(factors))


def _refuse_names(spec: Any, prepared: Prepared) -> None:
    if len(prepared.sample.roles["y"]) != 1:
        raise TermError(f"y={cited(spec.y)} makes several columns; the outcome must be one column.")
    reserved = [name for name in prepared.sample.names_of("x") if name in _OWN_NAMES]
    if reserved:
        raise TermError(f"{quoted(reserved)} is the name of a coefficient of the model; rename the column.")


def _refuse_perfect(linear: LinearResults, length: float) -> None:
    if float(np.linalg.norm(linear.residuals)) < PERFECT_FIT * length:
        raise IdentificationError(
            f"the regressors fit the outcome {cited(linear.depvar)} perfectly, so the likelihood cannot be "
            "computed. Drop the regressor that the outcome is computed from."
        )


def check_terms(spec: Any, lagged_terms: Sequence[str]) -> None:
    """Refuse spatial lags of terms that are not in x, and in models without spatial lags of regressors."""
    if spec.model not in DURBIN:
        raise OptionError(
            f"spatial_lags={cited(tuple(lagged_terms))} requires a model with spatial lags of regressors, "
            f"{quoted(DURBIN)}, not {cited(spec.model)}.",
            [option_problem("spatial_lags", tuple(lagged_terms))],
        )
    regressors = {canonical(term) for term in spec.x}
    unknown = [term for term in lagged_terms if canonical(term) not in regressors]
    if unknown:
        raise TermError(
            f"spatial_lags: {quoted(unknown)} is not in x, which has {quoted(spec.x)}. For the lag of "
            "another column, assign it: panel.assign(w_z=weights.lag('z'))."
        )
