"""The model of each shape, and the estimates in it that a proposition makes a claim about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from digiprosper.linear.diagnostics import said_once
from digiprosper.linear.fixed_effects import FixedEffects
from digiprosper.linear.wild_bootstrap import wild_bootstrap
from digiprosper.mediation.mediation import Mediation
from digiprosper.pathways.findings import Finding, Part
from digiprosper.policy.staggered import StaggeredDid
from digiprosper.spatial.panel_spatial import PanelSpatial
from digiprosper.threshold.panel_threshold import PanelThreshold
from digiprosper.u_shape.moderated import moderated_u_test
from digiprosper.u_shape.u_test import u_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from digiprosper.errors import Notice
    from digiprosper.mediation.results import MediationResults
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


def estimate(proposition: Proposition) -> Finding:
    """Fit the model of the shape."""
    if proposition.mechanism.design == "staggered":
        return _staggered(proposition)
    return _BY_SHAPE[proposition.mechanism.shape](proposition)


# --- one regression -----------------------------------------------------------------------------------------


def _linear(proposition: Proposition) -> Finding:
    return _drawn_slopes(proposition, [proposition.cause], "slope", [""])


def _moderated(proposition: Proposition) -> Finding:
    cause, moderators = proposition.cause, proposition.moderators
    products = [f"{_ticked(cause)}:{_ticked(w)}" for w in moderators]
    terms = [*products, cause, *_levels(proposition, moderators)]
    return _drawn_slopes(proposition, terms, "interaction", moderators)


def _drawn_slopes(
    proposition: Proposition, terms: Sequence[str], code: str, about: Sequence[str]
) -> Finding:
    """Test the first coefficients by the wild cluster bootstrap; `about` has the column of each."""
    spec = FixedEffects(proposition.outcome, [*terms, *proposition.controls])
    fit = spec.fit(proposition.panel)
    parts, notices = [], []
    for term, of in zip(fit.names, about, strict=False):
        test = wild_bootstrap(
            spec, proposition.panel, term, reps=REPS, rng=proposition.entropy
        )
        low, high = test.interval(proposition.level)
        sign = proposition.mechanism.sign
        parts.append(
            Part(code, sign, test.estimate, test.std_error, test.p_value, low, high, of)
        )
        notices += test.diagnostics
    return _finding(proposition, "fixed_effects", parts, fit, notices)


# --- curves -------------------------------------------------------------------------------------------------


def _u_shape(proposition: Proposition) -> Finding:
    x = proposition.cause
    terms = [x, f"I({_ticked(x)}**2)", *proposition.controls]
    fit = FixedEffects(proposition.outcome, terms).fit(proposition.panel)
    test = u_test(fit, x, level=proposition.level)
    ends = zip(
        ("slope_low", "slope_high"),
        proposition.mechanism.sign.split("/"),
        test.interval,
        (test.slope_low, test.slope_high),
        (test.t_low, test.t_high),
        strict=True,
    )
    parts = [
        _t_part(
            code,
            sign,
            slope,
            slope / t if t else np.nan,
            test.df_t,
            proposition.level,
            at=at,
        )
        for code, sign, at, slope, t in ends
    ]
    low, high = test.fieller[0] if len(test.fieller) == 1 else (np.nan, np.nan)
    turning = {"turning_point": test.extremum, "turning_low": low, "turning_high": high}
    return _finding(
        proposition,
        "u_test",
        parts,
        fit,
        (*fit.diagnostics, *test.diagnostics),
        turning,
    )


def _u_moderated(proposition: Proposition) -> Finding:
    """Test the shift of the turning point with one moderator after the other."""
    x, square = _ticked(proposition.cause), f"I({_ticked(proposition.cause)}**2)"
    parts, notices = [], []
    for w in proposition.moderators:
        products = [f"{x}:{_ticked(w)}", f"{square}:{_ticked(w)}"]
        terms = [
            proposition.cause,
            square,
            *products,
            *_levels(proposition, [w]),
            *proposition.controls,
        ]
        fit = FixedEffects(proposition.outcome, terms).fit(proposition.panel)
        test = moderated_u_test(fit, proposition.cause, w, level=proposition.level)
        notices += [*fit.diagnostics, *test.diagnostics]
        shift: Any = test.shift.detail
        estimate, error = shift["estimate"], shift["std_error"]
        parts.append(
            _t_part("shift", "", estimate, error, fit.df_t, proposition.level, of=w)
        )
    return _finding(proposition, "moderated_u_test", parts, fit, notices)


def _t_part(
    code: str,
    sign: str,
    value: float,
    error: float,
    df: float,
    level: float,
    **where: Any,
) -> Part:
    """Test an estimate by its t statistic."""
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(df, 0.5 + level / 2)) * error
    p = float(2 * stdtr(df, -abs(value / error))) if error > 0 else np.nan
    return Part(
        code, sign, float(value), float(error), p, value - half, value + half, **where
    )


# --- channels -----------------------------------------------------------------------------------------------


def _mediation(proposition: Proposition, **options: Any) -> MediationResults:
    """Fit the paths through all channels."""
    variables = (
        proposition.outcome,
        proposition.cause,
        proposition.channels,
        proposition.controls,
    )
    spec = Mediation(*variables, reps=REPS, **options)
    return spec.fit(proposition.panel, rng=proposition.entropy)


def _mediated(proposition: Proposition) -> Finding:
    fit, mechanism = _mediation(proposition), proposition.mechanism
    parts = _channel_parts(proposition, fit, "indirect", "indirect")
    if (
        mechanism.path_signs
    ):  # the claim is about the slopes on both paths of every channel
        first, second = mechanism.path_signs
        outcome = _by_term(proposition, fit.paths["outcome"])
        for m in proposition.channels:
            mediator = _by_term(proposition, fit.paths[f"mediator:{m}"])
            parts.append(
                _row_part(mediator.loc[proposition.cause], "path_a", first, of=m)
            )
            parts.append(_row_part(outcome.loc[m], "path_b", second, of=m))
    return _finding(
        proposition, "mediation", parts, fit.paths["total"], fit.diagnostics
    )


def _u_mediated(proposition: Proposition) -> Finding:
    fit = _mediation(proposition, quadratic=("a", "direct"))
    total = fit.paths["total"]
    extremes: Any = total.sample_stats.loc[proposition.cause]
    low, high = float(extremes["min"]), float(extremes["max"])
    rows: Any = fit.conditional_effects([low, high], level=proposition.level).set_index(
        ["effect", "at"]
    )
    first, second = proposition.mechanism.sign.split("/")
    parts = [
        _row_part(rows.loc[(f"indirect:{m}", at)], code, sign, of=m, at=at)
        for m in proposition.channels
        for code, sign, at in (
            ("indirect_low", first, low),
            ("indirect_high", second, high),
        )
    ]
    return _finding(proposition, "mediation", parts, total, fit.diagnostics)


def _channel_parts(
    proposition: Proposition, fit: Results, effect: str, code: str
) -> list[Part]:
    """Read one effect of every channel."""
    rows, sign = _by_term(proposition, fit), proposition.mechanism.sign
    return [
        _row_part(rows.loc[f"{effect}:{m}"], code, sign, of=m)
        for m in proposition.channels
    ]


def _by_term(proposition: Proposition, fit: Results) -> Any:
    return fit.tidy(proposition.level).set_index("term")


def _row_part(row: Any, code: str, sign: str, **where: Any) -> Part:
    """Read a row of `tidy`."""
    names = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
    return Part(code, sign, *(float(row[name]) for name in names), **where)


# --- thresholds ---------------------------------------------------------------------------------------------


def _threshold(proposition: Proposition) -> Finding:
    """Test for a threshold, and whether slope and indirect effects differ between its regimes."""
    (q,) = proposition.moderators
    spec = PanelThreshold(
        proposition.outcome,
        [proposition.cause],
        q,
        [*_levels(proposition, [q]), *proposition.controls],
        regime_intercept=True,
        reps=REPS,
        level=proposition.level,
    )
    fit = spec.fit(proposition.panel, rng=proposition.entropy)
    about: Any = fit.thresholds.loc[1]
    gamma, p_threshold = float(about["estimate"]), float(about["p_value"])

    low, high = fit.slopes.names[:2]
    change = fit.slopes.combination(f"{high} - {low}")
    p, interval = max(change.p_value, p_threshold), change.interval(proposition.level)
    parts = [
        Part(
            "change",
            proposition.mechanism.sign,
            change.estimate,
            change.std_error,
            p,
            *interval,
        )
    ]
    notices = [*fit.diagnostics]
    if proposition.channels:
        by_regime = _mediation(proposition, threshold=(q, gamma))
        parts += _channel_parts(proposition, by_regime, "difference", "indirect_change")
        notices += by_regime.diagnostics
    detail = {"threshold": gamma, "p_threshold": p_threshold}
    return _finding(proposition, "panel_threshold", parts, fit.slopes, notices, detail)


# --- space and policy ---------------------------------------------------------------------------------------


def _spatial(proposition: Proposition) -> Finding:
    weights: Any = proposition.spatial_weights
    # With two-way effects the estimates of few entities are biased by more than an error.
    options: Any = {"bias_correction": "lee_yu", "cov_type": "clustered"}
    terms = [proposition.cause, *proposition.controls]
    spec = PanelSpatial(proposition.outcome, terms, weights, **options)
    fit = spec.fit(proposition.panel, rng=proposition.entropy)
    rows, impact = fit.effects_table(proposition.level), proposition.mechanism.impact
    part = _row_part(
        rows[rows["kind"] == impact].iloc[0], impact, proposition.mechanism.sign
    )
    return _finding(proposition, "panel_spatial", [part], fit, fit.diagnostics)


def _staggered(proposition: Proposition) -> Finding:
    options: Any = {"estimator": "imputation", "aggregate": "simple"}
    spec = StaggeredDid(
        proposition.outcome, proposition.cause, proposition.controls, **options
    )
    fit = spec.fit(proposition.panel)
    part = _row_part(
        fit.tidy(proposition.level).iloc[0], "average", proposition.mechanism.sign
    )
    return _finding(proposition, "staggered_did", [part], fit, fit.diagnostics)


# --- help ---------------------------------------------------------------------------------------------------


def _finding(
    proposition: Proposition,
    estimator: str,
    parts: Iterable[Part],
    fit: Results,
    notices: Iterable[Notice],
    detail: Mapping[str, float] | None = None,
) -> Finding:
    """Put estimates and notices, each once, beside the sample of a fit."""
    about = fit.glance()
    return Finding(
        proposition.mechanism,
        proposition.columns,
        proposition.controls,
        tuple(parts),
        estimator,
        about["nobs"],
        about["n_entities"] or 0,
        about["n_clusters"] or 0,
        detail or {},
        notices=tuple(said_once(notices)),
    )


def _ticked(name: str) -> str:
    """Write the name of a column as it stands inside a term."""
    return name if name.isidentifier() else f"`{name}`"


def _levels(proposition: Proposition, moderators: Sequence[str]) -> list[str]:
    """List the moderators that are regressors too: not the cause, and not absorbed by an effect."""
    return [
        w
        for w in moderators
        if w != proposition.cause and not _is_absorbed(proposition.panel[w])
    ]


def _is_absorbed(values: Any) -> bool:
    """Check whether a column is constant in every entity, or in every period."""
    keys = range(values.index.nlevels)
    return any(int(values.groupby(level=key).nunique().max()) <= 1 for key in keys)


_BY_SHAPE: Final[dict[str, Callable[[Proposition], Finding]]] = {
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
