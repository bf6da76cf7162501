"""The model of each shape, and the estimates in it that a proposition makes a claim about."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from digiprosper.linear.diagnostics import said_once
from digiprosper.linear.fixed_effects import FixedEffects
from digiprosper.linear.wild_bootstrap import wild_bootstrap
from digiprosper.mediation.mediation import Mediation
from digiprosper.pathways.findings import Part
from digiprosper.policy.staggered import StaggeredDid
from digiprosper.spatial.panel_spatial import PanelSpatial
from digiprosper.threshold.panel_threshold import PanelThreshold
from digiprosper.u_shape.moderated import moderated_u_test
from digiprosper.u_shape.u_test import u_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from digiprosper.errors import Notice
    from digiprosper.linear.results import LinearResults
    from digiprosper.panel import Panel
    from digiprosper.pathways.mechanism import Mechanism
    from digiprosper.report.protocol import Results
    from digiprosper.spatial.weights import SpatialWeights

REPS: Final = 9999
"""Draws behind a p-value: with few, none is small enough after an adjustment for fifty tests."""


@dataclass(frozen=True, slots=True)
class Proposition:
    """A proposition in terms of columns.

    mechanism: with one cause and one outcome
    panel: with the rows of this proposition
    columns: role to column, for all roles of the mechanism
    entropy: seeds all draws
    """

    mechanism: Mechanism
    panel: Panel
    columns: Mapping[str, str]
    controls: tuple[str, ...]
    level: float
    entropy: int
    spatial_weights: SpatialWeights | None

    @property
    def cause(self) -> str:
        """Column of the cause."""
        return self.columns[self.mechanism.cause]

    @property
    def outcome(self) -> str:
        """Column of the outcome."""
        return self.columns[self.mechanism.outcome]

    @property
    def channels(self) -> tuple[str, ...]:
        """Columns of the channels."""
        return tuple(self.columns[role] for role in self.mechanism.channels)

    @property
    def moderators(self) -> tuple[str, ...]:
        """Columns of the moderators."""
        return tuple(self.columns[role] for role in self.mechanism.moderators)

    @property
    def turning_signs(self) -> tuple[str, str]:
        """Signs that are claimed at low and at high values of the cause."""
        low, high = self.mechanism.sign.split("/")
        return low, high


@dataclass(frozen=True, slots=True)
class Tested:
    """Estimates of one proposition.

    estimator: code of the model
    parts: estimates that are claimed to have a sign
    detail: numbers beside the parts
    notices: of all fits and tests, each once
    """

    estimator: str
    parts: tuple[Part, ...]
    nobs: int
    n_entities: int
    n_clusters: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


def estimate(proposition: Proposition) -> Tested:
    """Fit the model of the shape."""
    if proposition.mechanism.design == "staggered":
        return _staggered(proposition)
    return _BY_SHAPE[proposition.mechanism.shape](proposition)


# --- one regression -----------------------------------------------------------------------------------------


def _linear(proposition: Proposition) -> Tested:
    spec = FixedEffects(proposition.outcome, [proposition.cause, *proposition.controls])
    fit = spec.fit(proposition.panel)
    part, notices = _drawn_slope(proposition, spec, fit, 0, "slope")
    return _tested("fixed_effects", (part,), fit, notices=notices)


def _moderated(proposition: Proposition) -> Tested:
    products = [f"{_ticked(proposition.cause)}:{_ticked(w)}" for w in proposition.moderators]
    levels = [w for w in proposition.moderators if not _is_absorbed(proposition.panel, w)]
    spec = FixedEffects(proposition.outcome, [*products, proposition.cause, *levels, *proposition.controls])
    fit = spec.fit(proposition.panel)
    drawn = [
        _drawn_slope(proposition, spec, fit, position, "interaction", of=w)
        for position, w in enumerate(proposition.moderators)
    ]
    notices = chain.from_iterable(remarks for _, remarks in drawn)
    return _tested("fixed_effects", tuple(part for part, _ in drawn), fit, notices=notices)


def _drawn_slope(
    proposition: Proposition,
    spec: FixedEffects,
    fit: LinearResults,
    position: int,
    code: str,
    *,
    of: str = "",
) -> tuple[Part, tuple[Notice, ...]]:
    """Test a coefficient by the wild cluster bootstrap, with the notices of fit and test."""
    term = fit.names[position]
    test = wild_bootstrap(spec, proposition.panel, term, reps=REPS, rng=proposition.entropy)
    low, high = test.interval(proposition.level)
    sign = proposition.mechanism.sign
    part = Part(code, sign, test.estimate, test.std_error, test.p_value, low, high, of)
    return part, test.diagnostics


# --- curves -------------------------------------------------------------------------------------------------


def _u_shape(proposition: Proposition) -> Tested:
    x = proposition.cause
    spec = FixedEffects(proposition.outcome, [x, f"I({_ticked(x)}**2)", *proposition.controls])
    fit = spec.fit(proposition.panel)
    test = u_test(fit, x, level=proposition.level)
    ends = zip(
        ("slope_low", "slope_high"),
        proposition.turning_signs,
        test.interval,
        (test.slope_low, test.slope_high),
        (test.t_low, test.t_high),
        strict=True,
    )
    parts = tuple(
        _t_part(code, sign, slope, slope / t if t else np.nan, test.df_t, proposition.level, at=at)
        for code, sign, at, slope, t in ends
    )
    sets = test.fieller if len(test.fieller) == 1 else [(np.nan, np.nan)]
    turning = {"turning_point": test.extremum, "turning_low": sets[0][0], "turning_high": sets[0][1]}
    return _tested("u_test", parts, fit, turning, notices=(*fit.diagnostics, *test.diagnostics))


def _u_moderated(proposition: Proposition) -> Tested:
    """Test the shift of the turning point with one moderator after the other."""
    x, square = _ticked(proposition.cause), f"I({_ticked(proposition.cause)}**2)"
    parts, notices = list[Part](), []
    for w in proposition.moderators:
        level = [] if _is_absorbed(proposition.panel, w) else [w]
        terms = [
            proposition.cause,
            square,
            f"{x}:{_ticked(w)}",
            f"{square}:{_ticked(w)}",
            *level,
            *proposition.controls,
        ]
        fit = FixedEffects(proposition.outcome, terms).fit(proposition.panel)
        test = moderated_u_test(fit, proposition.cause, w, level=proposition.level)
        notices += [*fit.diagnostics, *test.diagnostics]
        detail: Any = test.shift.detail
        parts.append(
            _t_part("shift", "", detail["estimate"], detail["std_error"], fit.df_t, proposition.level, of=w)
        )
    return _tested("moderated_u_test", tuple(parts), fit, notices=notices)


def _t_part(code: str, sign: str, value: float, error: float, df: float, level: float, **where: Any) -> Part:
    """Test an estimate by its t statistic."""
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(df, 0.5 + level / 2)) * error
    p = float(2 * stdtr(df, -abs(value / error))) if error > 0 else np.nan
    return Part(code, sign, float(value), float(error), p, value - half, value + half, **where)


# --- channels -----------------------------------------------------------------------------------------------


def _mediated(proposition: Proposition) -> Tested:
    spec = Mediation(
        proposition.outcome, proposition.cause, proposition.channels, proposition.controls, reps=REPS
    )
    fit = spec.fit(proposition.panel, rng=proposition.entropy)
    rows = fit.tidy(proposition.level).set_index("term")
    sign = proposition.mechanism.sign
    parts = [_row_part(rows.loc[f"indirect:{m}"], "indirect", sign, of=m) for m in proposition.channels]
    if proposition.mechanism.path_signs:
        parts += _paths(proposition, fit)
    return _tested("mediation", tuple(parts), fit.paths["total"], notices=fit.diagnostics)


def _paths(proposition: Proposition, fit: Any) -> list[Part]:
    """Read the slopes on both paths of every channel, where the claim is about each."""
    first, second = tuple(proposition.mechanism.path_signs)
    outcome = fit.paths["outcome"].tidy(proposition.level).set_index("term")
    parts = []
    for m in proposition.channels:
        mediator = fit.paths[f"mediator:{m}"].tidy(proposition.level).set_index("term")
        parts.append(_row_part(mediator.loc[proposition.cause], "path_a", first, of=m))
        parts.append(_row_part(outcome.loc[m], "path_b", second, of=m))
    return parts


def _u_mediated(proposition: Proposition) -> Tested:
    spec = Mediation(
        proposition.outcome,
        proposition.cause,
        proposition.channels,
        proposition.controls,
        quadratic=("a", "direct"),
        reps=REPS,
    )
    fit = spec.fit(proposition.panel, rng=proposition.entropy)
    total = fit.paths["total"]
    extremes: Any = total.sample_stats.loc[proposition.cause]
    range_ = [float(extremes["min"]), float(extremes["max"])]
    rows: Any = fit.conditional_effects(range_, level=proposition.level).set_index(["effect", "at"])
    ends = list(zip(("indirect_low", "indirect_high"), proposition.turning_signs, range_, strict=True))
    parts = tuple(
        _row_part(rows.loc[(f"indirect:{m}", at)], code, sign, of=m, at=at)
        for m in proposition.channels
        for code, sign, at in ends
    )
    return _tested("mediation", parts, total, notices=fit.diagnostics)


def _row_part(row: Any, code: str, sign: str, **where: Any) -> Part:
    """Read a row of `tidy`."""
    names = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
    numbers: dict[str, Any] = {name: float(row[name]) for name in names}
    return Part(code, sign, **numbers, **where)


# --- thresholds ---------------------------------------------------------------------------------------------


def _threshold(proposition: Proposition) -> Tested:
    """Test for a threshold, and whether the slope differs between the regimes that it makes."""
    q, sign = proposition.moderators[0], proposition.mechanism.sign
    level = [] if q == proposition.cause or _is_absorbed(proposition.panel, q) else [q]
    spec = PanelThreshold(
        proposition.outcome,
        [proposition.cause],
        q,
        [*level, *proposition.controls],
        regime_intercept=True,
        reps=REPS,
        level=proposition.level,
    )
    fit = spec.fit(proposition.panel, rng=proposition.entropy)
    about: Any = fit.thresholds.loc[1]
    gamma, p_threshold = float(about["estimate"]), float(about["p_value"])

    low, high = fit.slopes.names[:2]
    change = fit.slopes.combination(f"{high} - {low}")
    p = max(change.p_value, p_threshold)
    parts = [Part("change", sign, change.estimate, change.std_error, p, *change.interval(proposition.level))]
    notices = [*fit.diagnostics]
    if proposition.channels:
        changes, more = _channels_by_regime(proposition, q, gamma)
        parts, notices = [*parts, *changes], [*notices, *more]
    detail = {"threshold": gamma, "p_threshold": p_threshold}
    return _tested("panel_threshold", tuple(parts), fit.slopes, detail, notices=notices)


def _channels_by_regime(
    proposition: Proposition, q: str, gamma: float
) -> tuple[list[Part], tuple[Notice, ...]]:
    """Compare the indirect effects of the channels between the regimes."""
    spec = Mediation(
        proposition.outcome,
        proposition.cause,
        proposition.channels,
        proposition.controls,
        threshold=(q, gamma),
        reps=REPS,
    )
    fit = spec.fit(proposition.panel, rng=proposition.entropy)
    rows = fit.tidy(proposition.level).set_index("term")
    parts = [
        _row_part(rows.loc[f"difference:{m}"], "indirect_change", proposition.mechanism.sign, of=m)
        for m in proposition.channels
    ]
    return parts, fit.diagnostics


# --- space and policy ---------------------------------------------------------------------------------------


def _spatial(proposition: Proposition) -> Tested:
    weights: Any = proposition.spatial_weights
    # With two-way effects the estimates of few entities are biased by more than an error.
    spec = PanelSpatial(
        proposition.outcome,
        [proposition.cause, *proposition.controls],
        weights,
        bias_correction="lee_yu",
        cov_type="clustered",
    )
    fit = spec.fit(proposition.panel, rng=proposition.entropy)
    rows = fit.effects_table(proposition.level).set_index(["term", "kind"])
    impact = proposition.mechanism.impact
    row = rows.xs(impact, level="kind").iloc[0]
    part = _row_part(row, impact, proposition.mechanism.sign)
    return _tested("panel_spatial", (part,), fit, notices=fit.diagnostics)


def _staggered(proposition: Proposition) -> Tested:
    spec = StaggeredDid(
        proposition.outcome,
        proposition.cause,
        proposition.controls,
        estimator="imputation",
        aggregate="simple",
    )
    fit = spec.fit(proposition.panel)
    part = _row_part(fit.tidy(proposition.level).iloc[0], "average", proposition.mechanism.sign)
    return _tested("staggered_did", (part,), fit, notices=fit.diagnostics)


# --- help ---------------------------------------------------------------------------------------------------


def _tested(
    estimator: str,
    parts: tuple[Part, ...],
    fit: Results,
    detail: Mapping[str, float] | None = None,
    *,
    notices: Iterable[Notice],
) -> Tested:
    """Add the sample of a fit."""
    about = fit.glance()
    clusters, entities = about["n_clusters"] or 0, about["n_entities"] or 0
    distinct_notices = tuple(said_once(notices))
    return Tested(estimator, parts, about["nobs"], entities, clusters, detail or {}, distinct_notices)


def _ticked(name: str) -> str:
    """Write the name of a column as it stands inside a term."""
    return name if name.isidentifier() else f"`{name}`"


def _is_absorbed(panel: Panel, column: str) -> bool:
    """Check whether a column is constant in every entity, or in every period: then its level is absorbed."""
    values = panel[column]
    keys = range(values.index.nlevels)
    return any(int(values.groupby(level=key).nunique().max()) <= 1 for key in keys)


_BY_SHAPE: Final[dict[str, Callable[[Proposition], Tested]]] = {
    "linear": _linear,
    "mediated": _mediated,
    "moderated": _moderated,
    "threshold": _threshold,
    "U": _u_shape,
    "U-mediated": _u_mediated,
    "U-moderated": _u_moderated,
    # One partial correlation is the same whichever of the two is the outcome.
    "coupled": _linear,
    "spatial": _spatial,
}
