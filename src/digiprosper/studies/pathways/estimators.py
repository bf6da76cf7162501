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
from digiprosper.policy.staggered import StaggeredDid
from digiprosper.spatial.panel_spatial import PanelSpatial
from digiprosper.studies.pathways.findings import Part
from digiprosper.threshold.panel_threshold import PanelThreshold
from digiprosper.u_shape.moderated import moderated_u_test
from digiprosper.u_shape.u_test import u_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from digiprosper.errors import Notice
    from digiprosper.linear.results import LinearResults
    from digiprosper.panel import Panel
    from digiprosper.report.protocol import Results
    from digiprosper.spatial.weights import SpatialWeights
    from digiprosper.studies.pathways.mechanism import Mechanism

REPS: Final = 9999
"""Draws behind a p-value: with few, none is small enough after an adjustment for fifty tests."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposition in terms of columns.

    Parameters
    ----------
    mechanism : Mechanism
        With one cause and one outcome.
    panel : Panel
        The data, with the rows of this proposition.
    columns : mapping
        Role to column, all roles of the mechanism.
    controls : tuple of str
        Controls.
    level : float
        Confidence level of the intervals.
    entropy : int
        Seeds all draws.
    spatial_weights : SpatialWeights or None
        Of spatial models.
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

    Parameters
    ----------
    estimator : str
        Code of the model.
    parts : tuple of Part
        What is claimed to have a sign.
    nobs, n_entities, n_clusters : int
        Sample.
    detail : mapping
        Numbers beside the parts.
    notices : tuple of Notice
        Of all fits and tests, each once.
    """

    estimator: str
    parts: tuple[Part, ...]
    nobs: int
    n_entities: int
    n_clusters: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


def estimate(asked: Asked) -> Tested:
    """Fit the model of the shape.

    Parameters
    ----------
    asked : Asked
        The proposition in terms of columns.

    Returns
    -------
    Tested
        Its estimates.
    """
    if asked.mechanism.design == "staggered":
        return _staggered(asked)
    return _BY_SHAPE[asked.mechanism.shape](asked)


# --- one regression -----------------------------------------------------------------------------------------


def _linear(asked: Asked) -> Tested:
    spec = FixedEffects(asked.outcome, [asked.cause, *asked.controls])
    fit = spec.fit(asked.panel)
    part, notices = _drawn_slope(asked, spec, fit, 0, "slope")
    return _tested("fixed_effects", (part,), fit, notices=notices)


def _moderated(asked: Asked) -> Tested:
    products = [f"{_ticked(asked.cause)}:{_ticked(w)}" for w in asked.moderators]
    levels = [w for w in asked.moderators if not _is_absorbed(asked.panel, w)]
    spec = FixedEffects(asked.outcome, [*products, asked.cause, *levels, *asked.controls])
    fit = spec.fit(asked.panel)
    drawn = [
        _drawn_slope(asked, spec, fit, place, "interaction", of=w) for place, w in enumerate(asked.moderators)
    ]
    notices = chain.from_iterable(found for _, found in drawn)
    return _tested("fixed_effects", tuple(part for part, _ in drawn), fit, notices=notices)


def _drawn_slope(
    asked: Asked, spec: FixedEffects, fit: LinearResults, place: int, code: str, *, of: str = ""
) -> tuple[Part, tuple[Notice, ...]]:
    """Test a coefficient by the wild cluster bootstrap, with the notices of fit and test."""
    term = fit.names[place]
    test = wild_bootstrap(spec, asked.panel, term, reps=REPS, rng=asked.entropy)
    low, high = test.interval(asked.level)
    sign = asked.mechanism.sign
    part = Part(code, sign, test.estimate, test.std_error, test.p_value, low, high, of)
    return part, test.diagnostics


# --- curves -------------------------------------------------------------------------------------------------


def _u_shape(asked: Asked) -> Tested:
    x = asked.cause
    spec = FixedEffects(asked.outcome, [x, f"I({_ticked(x)}**2)", *asked.controls])
    fit = spec.fit(asked.panel)
    test = u_test(fit, x, level=asked.level)
    ends = zip(
        ("slope_low", "slope_high"),
        asked.turning_signs,
        test.interval,
        (test.slope_low, test.slope_high),
        (test.t_low, test.t_high),
        strict=True,
    )
    parts = tuple(
        _t_part(code, sign, slope, slope / t if t else np.nan, test.df_t, asked.level, at=at)
        for code, sign, at, slope, t in ends
    )
    sets = test.fieller if len(test.fieller) == 1 else [(np.nan, np.nan)]
    turning = {"turning_point": test.extremum, "turning_low": sets[0][0], "turning_high": sets[0][1]}
    return _tested("u_test", parts, fit, turning, notices=(*fit.diagnostics, *test.diagnostics))


def _u_moderated(asked: Asked) -> Tested:
    """Test the shift of the turning point with one moderator after the other."""
    x, square = _ticked(asked.cause), f"I({_ticked(asked.cause)}**2)"
    parts, notices = list[Part](), []
    for w in asked.moderators:
        level = [] if _is_absorbed(asked.panel, w) else [w]
        terms = [asked.cause, square, f"{x}:{_ticked(w)}", f"{square}:{_ticked(w)}", *level, *asked.controls]
        fit = FixedEffects(asked.outcome, terms).fit(asked.panel)
        test = moderated_u_test(fit, asked.cause, w, level=asked.level)
        notices += [*fit.diagnostics, *test.diagnostics]
        detail: Any = test.shift.detail
        parts.append(
            _t_part("shift", "", detail["estimate"], detail["std_error"], fit.df_t, asked.level, of=w)
        )
    return _tested("moderated_u_test", tuple(parts), fit, notices=notices)


def _t_part(code: str, sign: str, value: float, error: float, df: float, level: float, **where: Any) -> Part:
    """Test an estimate by its t statistic."""
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(df, 0.5 + level / 2)) * error
    p = float(2 * stdtr(df, -abs(value / error))) if error > 0 else np.nan
    return Part(code, sign, float(value), float(error), p, value - half, value + half, **where)


# --- channels -----------------------------------------------------------------------------------------------


def _mediated(asked: Asked) -> Tested:
    spec = Mediation(asked.outcome, asked.cause, asked.channels, asked.controls, reps=REPS)
    fit = spec.fit(asked.panel, rng=asked.entropy)
    rows = fit.tidy(asked.level).set_index("term")
    sign = asked.mechanism.sign
    parts = [_row_part(rows.loc[f"indirect:{m}"], "indirect", sign, of=m) for m in asked.channels]
    if asked.mechanism.path_signs:
        parts += _paths(asked, fit)
    return _tested("mediation", tuple(parts), fit.paths["total"], notices=fit.diagnostics)


def _paths(asked: Asked, fit: Any) -> list[Part]:
    """Take the slopes on both paths of every channel, where the claim is about each."""
    first, second = tuple(asked.mechanism.path_signs)
    outcome = fit.paths["outcome"].tidy(asked.level).set_index("term")
    parts = []
    for m in asked.channels:
        mediator = fit.paths[f"mediator:{m}"].tidy(asked.level).set_index("term")
        parts.append(_row_part(mediator.loc[asked.cause], "path_a", first, of=m))
        parts.append(_row_part(outcome.loc[m], "path_b", second, of=m))
    return parts


def _u_mediated(asked: Asked) -> Tested:
    spec = Mediation(
        asked.outcome,
        asked.cause,
        asked.channels,
        asked.controls,
        quadratic=("a", "direct"),
        reps=REPS,
    )
    fit = spec.fit(asked.panel, rng=asked.entropy)
    total = fit.paths["total"]
    extremes: Any = total.sample_stats.loc[asked.cause]
    range_ = [float(extremes["min"]), float(extremes["max"])]
    rows: Any = fit.conditional_effects(range_, level=asked.level).set_index(["effect", "at"])
    ends = list(zip(("indirect_low", "indirect_high"), asked.turning_signs, range_, strict=True))
    parts = tuple(
        _row_part(rows.loc[(f"indirect:{m}", at)], code, sign, of=m, at=at)
        for m in asked.channels
        for code, sign, at in ends
    )
    return _tested("mediation", parts, total, notices=fit.diagnostics)


def _row_part(row: Any, code: str, sign: str, **where: Any) -> Part:
    """Read a row of `tidy`."""
    names = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
    numbers: dict[str, Any] = {name: float(row[name]) for name in names}
    return Part(code, sign, **numbers, **where)


# --- thresholds ---------------------------------------------------------------------------------------------


def _threshold(asked: Asked) -> Tested:
    """Test for a threshold, and whether the slope differs between the regimes that it makes."""
    q, sign = asked.moderators[0], asked.mechanism.sign
    level = [] if q == asked.cause or _is_absorbed(asked.panel, q) else [q]
    spec = PanelThreshold(
        asked.outcome,
        [asked.cause],
        q,
        [*level, *asked.controls],
        regime_intercept=True,
        reps=REPS,
        level=asked.level,
    )
    found = spec.fit(asked.panel, rng=asked.entropy)
    about: Any = found.thresholds.loc[1]
    gamma, p_threshold = float(about["estimate"]), float(about["p_value"])

    low, high = found.slopes.names[:2]
    change = found.slopes.combination(f"{high} - {low}")
    p = max(change.p_value, p_threshold)
    parts = [Part("change", sign, change.estimate, change.std_error, p, *change.interval(asked.level))]
    notices = [*found.diagnostics]
    if asked.channels:
        changes, more = _channels_by_regime(asked, q, gamma)
        parts, notices = [*parts, *changes], [*notices, *more]
    detail = {"threshold": gamma, "p_threshold": p_threshold}
    return _tested("panel_threshold", tuple(parts), found.slopes, detail, notices=notices)


def _channels_by_regime(asked: Asked, q: str, gamma: float) -> tuple[list[Part], tuple[Notice, ...]]:
    """Compare the indirect effects of the channels between the regimes."""
    spec = Mediation(
        asked.outcome,
        asked.cause,
        asked.channels,
        asked.controls,
        threshold=(q, gamma),
        reps=REPS,
    )
    fit = spec.fit(asked.panel, rng=asked.entropy)
    rows = fit.tidy(asked.level).set_index("term")
    parts = [
        _row_part(rows.loc[f"difference:{m}"], "indirect_change", asked.mechanism.sign, of=m)
        for m in asked.channels
    ]
    return parts, fit.diagnostics


# --- space and policy ---------------------------------------------------------------------------------------


def _spatial(asked: Asked) -> Tested:
    weights: Any = asked.spatial_weights
    # With two-way effects the estimates of few entities are biased by more than an error.
    spec = PanelSpatial(
        asked.outcome,
        [asked.cause, *asked.controls],
        weights,
        bias_correction="lee_yu",
        cov_type="clustered",
    )
    fit = spec.fit(asked.panel, rng=asked.entropy)
    rows = fit.effects_table(asked.level).set_index(["term", "kind"])
    impact = asked.mechanism.impact
    row = rows.xs(impact, level="kind").iloc[0]
    part = _row_part(row, impact, asked.mechanism.sign)
    return _tested("panel_spatial", (part,), fit, notices=fit.diagnostics)


def _staggered(asked: Asked) -> Tested:
    spec = StaggeredDid(
        asked.outcome, asked.cause, asked.controls, estimator="imputation", aggregate="simple"
    )
    fit = spec.fit(asked.panel)
    part = _row_part(fit.tidy(asked.level).iloc[0], "average", asked.mechanism.sign)
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
    said = tuple(said_once(notices))
    return Tested(estimator, parts, about["nobs"], entities, clusters, detail or {}, said)


def _ticked(name: str) -> str:
    """Write the name of a column as it stands inside a term."""
    return name if name.isidentifier() else f"`{name}`"


def _is_absorbed(panel: Panel, column: str) -> bool:
    """Tell whether a column is constant in every entity, or in every period: then its level is absorbed."""
    values = panel[column]
    keys = range(values.index.nlevels)
    return any(int(values.groupby(level=key).nunique().max()) <= 1 for key in keys)


_BY_SHAPE: Final[dict[str, Callable[[Asked], Tested]]] = {
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
