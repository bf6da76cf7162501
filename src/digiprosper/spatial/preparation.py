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
from digiprosper.linear.estimation import fit_equation, sweep_columns
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
    """Columns of a spatial model, with the least-squares fit on them.

    Parameters
    ----------
    prepared : Prepared
        Sample and effects.
    weights : SpatialWeights
        Of the entities of the sample, in their order.
    matrix : (N, N) array
        The weights, dense.
    linear : LinearResults
        Least squares of the outcome on the regressors and the spatial lags of the model.
    slopes : tuple of str
        Regressors.
    lags : tuple of str
        Those of them that have a spatial lag in the model.
    raw : (NT, 1 + k) array
        Outcome and regressors as in the data, spatial lags of regressors among them.
    names : tuple of str
        Names of the columns of `raw`.
    swept : (NT, 1 + k) array
        The same with the effects out.
    """

    prepared: Prepared
    weights: SpatialWeights
    matrix: Floats
    linear: LinearResults
    slopes: tuple[str, ...]
    lags: tuple[str, ...]
    raw: Floats
    names: tuple[str, ...]
    swept: Floats

    @property
    def n_times(self) -> int:
        """Periods."""
        return self.prepared.sample.n_times

    @property
    def effects(self) -> tuple[bool, bool]:
        """Whether there are entity effects, and time effects."""
        keys, names = self.prepared.sample.keys, self.prepared.effect_names
        return keys.entity_name in names, keys.time_name in names

    def lag(self, columns: Floats) -> Floats:
        """Take the spatial lag of (NT, p) columns."""
        return lagged(self.weights.matrix, columns)

    def sweep(self, columns: Floats) -> Floats:
        """Take the effects out of (NT, p) columns."""
        return without_means(columns, self.n_times, *self.effects)


def lag_name(name: str) -> str:
    """Name the spatial lag of a regressor, such as ``"W:log(pc)"``."""
    return f"W:{name}"


def without_means(columns: Floats, n_times: int, entity: bool, time: bool) -> Floats:  # noqa: FBT001
    """Take means of entities and of periods out of columns of a balanced panel.

    Parameters
    ----------
    columns : (NT, p) array
        Rows by entity and then by period.
    n_times : int
        Periods T.
    entity, time : bool
        Which means.

    Returns
    -------
    (NT, p) array
        A new array.
    """
    cells = columns.reshape(-1, n_times, columns.shape[1])
    if entity:
        cells = cells - cells.mean(axis=1, keepdims=True)
    if time:
        cells = cells - cells.mean(axis=0, keepdims=True)
    return np.array(cells.reshape(columns.shape))


def lay_out(spec: Any, panel: Panel) -> Layout:
    """Cut a balanced sample, match the weights with it, and check the regressors.

    Parameters
    ----------
    spec : PanelSpatial
        The specification.
    panel : Panel
        The data.

    Returns
    -------
    Layout
        For `estimation.estimate` and for the tests.

    Raises
    ------
    DigiprosperError
        If the panel is not balanced, has missing values, or columns that cannot be estimated.
    """
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
    swept = sweep_columns(prepared, names, raw)
    remarks = lagged_outcome(prepared)
    linear, _ = fit_equation(prepared, swept, 0, range(1, len(names)), remarks=remarks)
    _refuse_perfect(linear, swept.lengths[0])
    return Layout(prepared, weights, matrix, linear, slopes, lags, raw, names, swept.columns)


def spatial_columns(layout: Layout, *, splm: bool, error: bool) -> SpatialColumns:
    """Compute the spatial lags that the likelihood needs, with the effects out.

    Parameters
    ----------
    layout : Layout
        Columns as in the data.
    splm : bool
        Whether the outcome (and with a spatial error all columns) is swept before it is lagged.
    error : bool
        Whether the model has a spatial error.

    Returns
    -------
    SpatialColumns
        Their regressors are those of `layout`, then an intercept without effects, or dummies of the periods:
        with a spatial error and time effects, where rows of the weights have different sums,
        ``(I - lambda W) 1`` is not constant, and the dummies are regressors of their own. Lags of regressors,
        and of the lag of the outcome, are there for a spatial error alone.
    """
    entity, time = layout.effects
    dummies = error and time and not splm and row_sum(layout.matrix) is None
    added = _added(layout, dummies=dummies)
    whole = np.hstack([layout.raw, added])

    def sweep(columns: Floats) -> Floats:
        return without_means(columns, layout.n_times, entity, time and not dummies)

    given = sweep(whole) if added.size else layout.swept
    source, after = (given, np.asarray) if splm else (whole, sweep)
    plain = layout.lag(source if error else source[:, :1])
    lags = [after(plain)]
    if error:
        lags.append(after(layout.lag(plain[:, :1])))
    columns = np.hstack([given, *lags])
    refuse_extreme(columns, _column_names(layout, columns.shape[1], given.shape[1]))
    y = np.hstack([given[:, :1], *(lag[:, :1] for lag in lags)])
    return SpatialColumns(y, given[:, 1:], lags[0][:, 1:], layout.n_times)


def _added(layout: Layout, *, dummies: bool) -> Floats:
    """Give the regressors that the likelihood has beside those of the layout."""
    entity, time = layout.effects
    if not entity and not time:
        return np.ones((len(layout.raw), 1))
    if not dummies:
        return layout.raw[:, :0]
    return np.tile(np.eye(layout.n_times)[:, int(entity) :], (len(layout.matrix), 1))


def _column_names(layout: Layout, count: int, given: int) -> list[str]:
    """Name the columns of the likelihood, their spatial lags, and the second lag of the outcome."""
    own = [*layout.names, *(f"added {j}" for j in range(given - len(layout.names)))]
    return [*own, *map(lag_name, own), lag_name(lag_name(layout.names[0]))][:count]


# --- what cannot be estimated -------------------------------------------------------------------------------


def _refuse_unbalanced(panel: Panel) -> None:
    if panel.is_balanced:
        return
    keys = table_of(panel).keys
    there = np.zeros((panel.n_entities, panel.n_times), dtype=bool)
    there[keys.entity, keys.time] = True
    absent = np.argwhere(~there)
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
    gone = [dropped for dropped in prepared.sample.dropped if dropped.by_term]
    for dropped in gone:
        if not _whole_periods(panel, prepared, dropped):
            text = (
                f"{dropped.message}. A spatial lag needs all neighbours in every period. Leave out entities "
                "or periods with missing values by panel.dropna() or subset() and then panel.balance(), or "
                "fill the values by panel.interpolate()."
            )
            problems = [missing_problem(term, count, dropped.rows) for term, count in dropped.by_term.items()]
            raise MissingDataError(text, problems)


def _whole_periods(panel: Panel, prepared: Prepared, dropped: Dropped) -> bool:
    known = table_of(panel).known
    only_shifted = all(parse(term, known, "x").shifts for term in dropped.by_term)
    sample = prepared.sample
    return only_shifted and sample.is_balanced and sample.n_entities == panel.n_entities


def _with_lags(prepared: Prepared, lags: Sequence[str]) -> Prepared:
    """Describe spatial lags as products of W and a regressor, under one name whatever the weights."""
    sample = prepared.sample
    made = {lag_name(name): (Factor("W"), *sample.factors_of(name)) for name in lags}
    return replace(prepared, sample=sample.with_factors(made))


def _refuse_names(spec: Any, prepared: Prepared) -> None:
    if len(prepared.sample.roles["y"]) != 1:
        raise TermError(f"y={cited(spec.y)} makes several columns; the outcome must be one column.")
    taken = [name for name in prepared.sample.names_of("x") if name in _OWN_NAMES]
    if taken:
        raise TermError(f"{quoted(taken)} is the name of a coefficient of the model; rename the column.")


def _refuse_perfect(linear: LinearResults, length: float) -> None:
    if float(np.linalg.norm(linear.residuals)) < PERFECT_FIT * length:
        raise IdentificationError(
            f"the regressors fit the outcome {cited(linear.depvar)} perfectly, so the likelihood cannot be "
            "computed. Drop the regressor that the outcome is computed from."
        )


def check_terms(spec: Any, lagged_terms: Sequence[str]) -> None:
    """Refuse spatial lags of what is not a regressor, or in a model that has none.

    Parameters
    ----------
    spec : PanelSpatial
        Under construction.
    lagged_terms : sequence of str
        As given.

    Raises
    ------
    OptionError, TermError
        Naming the terms.
    """
    if spec.model not in DURBIN:
        raise OptionError(
            f"spatial_lags={cited(tuple(lagged_terms))} requires a model with spatial lags of regressors, "
            f"{quoted(DURBIN)}, not {cited(spec.model)}.",
            [option_problem("spatial_lags", tuple(lagged_terms))],
        )
    known = {canonical(term) for term in spec.x}
    unknown = [term for term in lagged_terms if canonical(term) not in known]
    if unknown:
        raise TermError(
            f"spatial_lags: {quoted(unknown)} is not in x, which has {quoted(spec.x)}. For the lag of "
            "another column, assign it: panel.assign(w_z=weights.lag('z'))."
        )
