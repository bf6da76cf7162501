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
    def channels(self) -> list[str]:
        """Columns of the channels."""
        return [self.columns[role] for role in self.mechanism.channels]

    @property
    def moderators(self) -> list[str]:
        """Columns of the moderators."""
        return [self.columns[role] for role in self.mechanism.moderators]

    def estimate(self) -> Finding:
        """Fit the model of the shape."""
        shape = self.mechanism.design or self.mechanism.shape
        estimators: dict[str, Callable[[], Finding]] = {
            "linear": self._linear,
            "mediated": self._mediated,
            "moderated": self._moderated,
            "threshold": self._threshold,
            "U": self._u_shape,
            "U-mediated": self._u_mediated,
            "U-moderated": self._u_moderated,
            # One partial correlation is the same whichever of the two is the outcome.
            "coupled": self._linear,
            "spatial": self._spatial,
            "staggered": self._staggered,
        }
        return estimators[shape]()

    def _finding(
        self,
        estimator: str,
        parts: Iterable[Part],
        fit: Results,
        notices: Iterable[Notice],
        **detail: float,
    ) -> Finding:
        """Put estimates and notices, each once, beside the sample of a fit."""
        about = fit.glance()
        return Finding(
            self.mechanism,
            self.columns,
            self.controls,
            tuple(parts),
            estimator,
            about["nobs"],
            about["n_entities"] or 0,
            about["n_clusters"] or 0,
            detail,
            notices=tuple(said_once(notices)),
        )

    # --- one regression ---------------------------------------------------------------------------------

    def _linear(self) -> Finding:
        return self._drawn_slopes([self.cause], "slope", [""])

    def _moderated(self) -> Finding:
        products = [f"{_ticked(self.cause)}:{_ticked(w)}" for w in self.moderators]
        terms = [*products, self.cause, *self._levels(self.moderators)]
        return self._drawn_slopes(terms, "interaction", self.moderators)

    def _drawn_slopes(self, terms: Sequence[str], code: str, about: Sequence[str]) -> Finding:
        """Test the first coefficients by the wild cluster bootstrap; `about` has the column of each."""
        spec = FixedEffects(self.outcome, [*terms, *self.controls])
        fit = spec.fit(self.panel)
        parts, notices = [], []
        for term, of in zip(fit.names, about, strict=False):
            test = wild_bootstrap(spec, self.panel, term, reps=REPS, rng=self.entropy)
            numbers = (test.estimate, test.std_error, test.p_value, *test.interval(self.level))
            parts.append(Part(code, self.mechanism.sign, *numbers, of))
            notices += test.diagnostics
        return self._finding("fixed_effects", parts, fit, notices)

    def _levels(self, moderators: Sequence[str]) -> list[str]:
        """List the moderators that are regressors too: not the cause, and not absorbed by an effect."""
        return [w for w in moderators if w != self.cause and not _is_absorbed(self.panel[w])]

    # --- curves -----------------------------------------------------------------------------------------

    def _u_shape(self) -> Finding:
        x = self.cause
        spec = FixedEffects(self.outcome, [x, f"I({_ticked(x)}**2)", *self.controls])
        fit = spec.fit(self.panel)
        test = u_test(fit, x, level=self.level)
        ends = zip(
            ("slope_low", "slope_high"),
            self.mechanism.sign.split("/"),
            test.interval,
            (test.slope_low, test.slope_high),
            (test.t_low, test.t_high),
            strict=True,
        )
        parts = [
            self._t_part(code, sign, slope, slope / t if t else np.nan, test.df_t, at=at)
            for code, sign, at, slope, t in ends
        ]
        low, high = test.fieller[0] if len(test.fieller) == 1 else (np.nan, np.nan)
        turning = {"turning_point": test.extremum, "turning_low": low, "turning_high": high}
        return self._finding("u_test", parts, fit, (*fit.diagnostics, *test.diagnostics), **turning)

    def _u_moderated(self) -> Finding:
        """Test the shift of the turning point with one moderator after the other."""
        x, square = _ticked(self.cause), f"I({_ticked(self.cause)}**2)"
        parts, notices = [], []
        for w in self.moderators:
            products = [f"{x}:{_ticked(w)}", f"{square}:{_ticked(w)}"]
            terms = [self.cause, square, *products, *self._levels([w]), *self.controls]
            fit = FixedEffects(self.outcome, terms).fit(self.panel)
            test = moderated_u_test(fit, self.cause, w, level=self.level)
            notices += [*fit.diagnostics, *test.diagnostics]
            shift: Any = test.shift.detail
            parts.append(self._t_part("shift", "", shift["estimate"], shift["std_error"], fit.df_t, of=w))
        return self._finding("moderated_u_test", parts, fit, notices)

    def _t_part(self, code: str, sign: str, value: float, error: float, df: float, **where: Any) -> Part:
        """Test an estimate by its t statistic."""
        from scipy.special import stdtr, stdtrit

        half = float(stdtrit(df, 0.5 + self.level / 2)) * error
        p = float(2 * stdtr(df, -abs(value / error))) if error > 0 else np.nan
        return Part(code, sign, float(value), float(error), p, value - half, value + half, **where)

    # --- channels ---------------------------------------------------------------------------------------

    def _mediation(self, **options: Any) -> MediationResults:
        """Fit the paths through all channels."""
        variables = (self.outcome, self.cause, self.channels, self.controls)
        return Mediation(*variables, reps=REPS, **options).fit(self.panel, rng=self.entropy)

    def _mediated(self) -> Finding:
        fit = self._mediation()
        parts = self._channel_parts(fit, "indirect", "indirect")
        if self.mechanism.path_signs:  # the claim is about the slopes on both paths of every channel
            first, second = self.mechanism.path_signs
            outcome = self._by_term(fit.paths["outcome"])
            for m in self.channels:
                mediator = self._by_term(fit.paths[f"mediator:{m}"])
                parts.append(_row_part(mediator.loc[self.cause], "path_a", first, of=m))
                parts.append(_row_part(outcome.loc[m], "path_b", second, of=m))
        return self._finding("mediation", parts, fit.paths["total"], fit.diagnostics)

    def _u_mediated(self) -> Finding:
        fit = self._mediation(quadratic=("a", "direct"))
        total = fit.paths["total"]
        extremes: Any = total.sample_stats.loc[self.cause]
        low, high = float(extremes["min"]), float(extremes["max"])
        rows: Any = fit.conditional_effects([low, high], level=self.level).set_index(["effect", "at"])
        first, second = self.mechanism.sign.split("/")
        parts = [
            _row_part(rows.loc[(f"indirect:{m}", at)], code, sign, of=m, at=at)
            for m in self.channels
            for code, sign, at in (("indirect_low", first, low), ("indirect_high", second, high))
        ]
        return self._finding("mediation", parts, total, fit.diagnostics)

    def _channel_parts(self, fit: Results, effect: str, code: str) -> list[Part]:
        """Read one effect of every channel."""
        rows, sign = self._by_term(fit), self.mechanism.sign
        return [_row_part(rows.loc[f"{effect}:{m}"], code, sign, of=m) for m in self.channels]

    def _by_term(self, fit: Results) -> Any:
        return fit.tidy(self.level).set_index("term")

    # --- thresholds -------------------------------------------------------------------------------------

    def _threshold(self) -> Finding:
        """Test for a threshold, and whether slope and indirect effects differ between its regimes."""
        (q,) = self.moderators
        spec = PanelThreshold(
            self.outcome,
            [self.cause],
            q,
            [*self._levels([q]), *self.controls],
            regime_intercept=True,
            reps=REPS,
            level=self.level,
        )
        fit = spec.fit(self.panel, rng=self.entropy)
        about: Any = fit.thresholds.loc[1]
        gamma, p_threshold = float(about["estimate"]), float(about["p_value"])

        low, high = fit.slopes.names[:2]
        change = fit.slopes.combination(f"{high} - {low}")
        p, interval = max(change.p_value, p_threshold), change.interval(self.level)
        parts = [Part("change", self.mechanism.sign, change.estimate, change.std_error, p, *interval)]
        notices = [*fit.diagnostics]
        if self.channels:
            by_regime = self._mediation(threshold=(q, gamma))
            parts += self._channel_parts(by_regime, "difference", "indirect_change")
            notices += by_regime.diagnostics
        detail = {"threshold": gamma, "p_threshold": p_threshold}
        return self._finding("panel_threshold", parts, fit.slopes, notices, **detail)

    # --- space and policy -------------------------------------------------------------------------------

    def _spatial(self) -> Finding:
        weights: Any = self.spatial_weights
        # With two-way effects the estimates of few entities are biased by more than an error.
        options: Any = {"bias_correction": "lee_yu", "cov_type": "clustered"}
        spec = PanelSpatial(self.outcome, [self.cause, *self.controls], weights, **options)
        fit = spec.fit(self.panel, rng=self.entropy)
        rows, impact = fit.effects_table(self.level), self.mechanism.impact
        part = _row_part(rows[rows["kind"] == impact].iloc[0], impact, self.mechanism.sign)
        return self._finding("panel_spatial", [part], fit, fit.diagnostics)

    def _staggered(self) -> Finding:
        options: Any = {"estimator": "imputation", "aggregate": "simple"}
        fit = StaggeredDid(self.outcome, self.cause, self.controls, **options).fit(self.panel)
        part = _row_part(fit.tidy(self.level).iloc[0], "average", self.mechanism.sign)
        return self._finding("staggered_did", [part], fit, fit.diagnostics)


def _row_part(row: Any, code: str, sign: str, **where: Any) -> Part:
    """Read a row of `tidy`."""
    names = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
    return Part(code, sign, *(float(row[name]) for name in names), **where)


def _ticked(name: str) -> str:
    """Write the name of a column as it stands inside a term."""
    return name if name.isidentifier() else f"`{name}`"


def _is_absorbed(values: Any) -> bool:
    """Check whether a column is constant in every entity, or in every period."""
    keys = range(values.index.nlevels)
    return any(int(values.groupby(level=key).nunique().max()) <= 1 for key in keys)
