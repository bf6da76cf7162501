"""Exact search for the kink of a panel regression, in batches of outcomes.

The model is ``y = effects + fixed columns + b1 (q - g)_- + b2 (q - g)_+ + e`` (Hansen
2017, J. Business & Economic Statistics 35:228-240). Once the line in ``q`` is fixed,
what bends it is ``(q - g) 1(q <= g)``: the regime block ``[1, q] 1(q <= g)`` of the
step model times ``u = (-g, 1)``. So the drop in the sum of squares is
``(b'u)^2 / (u'A u)`` with the running sums ``b`` and ``A`` of the step model. Between
two neighbouring observed values of ``q`` they do not change, and the drop is a ratio of
two quadratics in ``g`` with one maximum, at ``u`` proportional to ``A^-1 b``: there the
step fit is continuous of itself. The least sum of squares over the whole range is
therefore among these points and the observed values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digiprosper.errors import ThresholdSearchError
from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.slopes import Effect
from digiprosper.kernels.threshold import (
    Plan,
    State,
    candidates,
    drops,
    open_search,
    plan,
    start,
)
from digiprosper.kernels.tolerances import KINK_DIGITS, NO_RESIDUALS, UNIDENTIFIED
from digiprosper.threshold.kernels.draws import Scheme, demeaned_draws, excess


@dataclass(frozen=True, slots=True)
class KinkPlan:
    """What a search needs and no outcome changes."""

    # Running sums of the step model whose regime block is [1, q], q centred and scaled
    search: Plan
    values: Floats  # (G,) candidates; g lies between the first and the last
    unit: float  # length in q of one step of `widths`
    widths: Floats  # (G - 1,) distances between neighbouring candidates, in units
    corner: Floats  # (2, G) kink column with g at each candidate, in terms of the block
    along: Floats  # (2,) its change as g moves up by one unit
    # (3, G) products after all that is fixed: corner with itself, with `along`, `along`
    # with itself
    forms: Floats
    lost: Bools  # (G,) nothing is left of the kink column there
    # (G,) so little is left, next to the spread of q, that the SSR may be off by more
    # than 1e-8
    faint: Bools
    # (G - 1,) where g lies in the interval above the candidate makes a difference
    open: Bools

    def place(self, position: int, offset: float) -> float:
        """Convert a candidate and an offset from it, in units, to a value of q."""
        value = float(self.values[position])
        if offset == 0:
            return value
        above = float(self.values[position + 1])
        at_end = offset == self.widths[position]
        return above if at_end else min(value + self.unit * offset, above)

    def column(self, position: int, offset: float) -> Floats:
        """Compute the net kink column (N,) at a candidate plus an offset, by q."""
        low = np.arange(self.search.nobs) < self.search.candidates.cuts[position]
        bent = (self.corner[:, position] + offset * self.along) @ self.search.z
        column: Floats = self.search.residualise((bent * low)[None, :])[0]
        return column


def kink_plan(
    q: Floats, fixed: Floats, trim: float, effects: Sequence[Effect] = ()
) -> KinkPlan:
    """Compute running sums of regressors only: O(N p), however many candidates.

    `q` (N,) is not constant; dependent columns of `fixed` (N, p) do no harm. `trim` is
    the share of the rows at or below the lowest value g may take, and above the
    highest. Without effects the mean is taken out. Raises ThresholdSearchError if no
    value keeps enough rows on both sides, or no kink is left once the effects are out.
    """
    admissible = candidates(q, [trim])
    middle, unit = float(q.mean()), float(q.std())
    scaled, knots = (q - middle) / unit, (admissible.values - middle) / unit
    search = plan(scaled[:, None], fixed, admissible, effects, intercept=True)

    ranked = scaled[admissible.order]
    # The block's columns are orthogonal and of mean square one: products are
    # coordinates.
    ones, line = search.z.mean(axis=1), search.z @ ranked / ranked.size
    corner, along = line[:, None] - ones[:, None] * knots, -ones
    gram = search.gram[:, :, 0]
    forms = np.stack(
        [
            np.einsum("ag,abg,bg->g", corner, gram, corner),
            np.einsum("ag,abg,b->g", corner, gram, along),
            np.einsum("a,abg,b->g", along, gram, along),
        ]
    )

    count, last = admissible.cuts, admissible.cuts - 1
    sums, squares = np.cumsum(ranked)[last], np.cumsum(ranked * ranked)[last]
    before = squares - 2 * knots * sums + knots * knots * count
    raw = np.minimum(before, q.size * (1 + knots * knots) - before)

    digits_floor = KINK_DIGITS * (squares + knots * knots * count)
    no_variation = (admissible.values == q.min()) | (
        (raw > digits_floor) & (forms[0] <= UNIDENTIFIED * raw)
    )
    product = forms[0] * forms[2]
    free = (
        ~no_variation
        & (forms[2] > UNIDENTIFIED * count)
        & (product - forms[1] ** 2 > UNIDENTIFIED * product)
    )
    if no_variation.all():
        raise ThresholdSearchError(
            "no kink remains after effects and other columns are partialled out"
        )
    return KinkPlan(
        search,
        admissible.values,
        unit=unit,
        widths=np.diff(knots),
        corner=corner,
        along=along,
        forms=forms,
        lost=no_variation,
        faint=~no_variation & (forms[0] <= digits_floor),
        open=free[:-1],
    )


@dataclass(frozen=True, slots=True)
class KinkEstimate:
    """The kink of one outcome."""

    position: int  # candidate at or below it
    # Distance from that candidate, in units of the plan; 0 at the candidate
    offset: float
    threshold: float  # the kink as a value of q
    null_ssr: float  # no kink
    ssr: float  # a kink
    step_ssr: float  # a step with a slope and a level on each side
    profile: Floats  # (G,) sum of squares with g at each candidate
    state: State  # scores of the outcome


def _along(kinks: KinkPlan, score: Floats) -> tuple[Floats, Floats]:
    """Multiply residuals with the corner at candidates, and its change: (c, G)."""
    level = kinks.corner[0] * score[0] + kinks.corner[1] * score[1]
    return level, kinks.along[0] * score[0] + kinks.along[1] * score[1]


def _gains(kinks: KinkPlan, score: Floats) -> tuple[Floats, Floats, Floats]:
    """Find the drops at candidates, the highest by interval, and its offset."""
    p, r = _along(kinks, score)
    a, b, c = kinks.forms
    corners = np.where(kinks.lost, 0.0, p * p / np.where(kinks.lost, 1.0, a))
    p, r, a, b, c = p[:, :-1], r[:, :-1], a[:-1], b[:-1], c[:-1]
    # The derivative of (p + rt)^2 / (a + 2bt + ct^2) is zero where the ratio is, and at
    # this t.
    over, under = p * b - r * a, r * b - p * c
    interior = (
        kinks.open & (over * under > 0) & (np.abs(over) < kinks.widths * np.abs(under))
    )
    t = np.where(interior, over, 0.0) / np.where(interior, under, 1.0)
    bottom = np.where(interior, a + (2 * b + c * t) * t, 1.0)
    peaks = np.where(interior, (p + r * t) ** 2 / bottom, -np.inf)
    return corners, peaks, t


def _best(kinks: KinkPlan, state: State) -> Floats:
    corners, inner, _ = _gains(kinks, state.score)
    return np.asarray(
        np.maximum(corners.max(axis=1), inner.max(axis=1, initial=-np.inf))
    )


def estimate(kinks: KinkPlan, outcome: Floats) -> KinkEstimate:
    """Find the kink with least sum of squares between first and last candidate."""
    search = kinks.search
    state = open_search(search, outcome)
    corners, inner, offsets = _gains(kinks, state.score)
    position, offset = int(corners[0].argmax()), 0.0
    gain = float(corners[0, position])
    if inner[0].max(initial=-np.inf) > gain:
        position = int(inner[0].argmax())
        offset, gain = float(offsets[0, position]), float(inner[0, position])

    null = float(state.ssr[0])
    # Every kink is a step, so that the step's drop is at least as large but for
    # rounding.
    step = max(float(drops(search, state)[0].max()), gain)
    return KinkEstimate(
        position=position,
        offset=offset,
        threshold=kinks.place(position, offset),
        null_ssr=null,
        ssr=null - gain,
        step_ssr=null - step,
        profile=null - corners[0],
        state=state,
    )


def accepted(
    kinks: KinkPlan, kink_estimate: KinkEstimate, bound: float
) -> list[tuple[float, float]]:
    """Find all g whose sum of squares is at most a bound: ascending intervals.

    The estimate is always among them. An end is a root of the quadratic of its
    interval, so it is exact, or an end of the range.
    """
    drop = kink_estimate.null_ssr - bound
    level, change = _along(kinks, kink_estimate.state.score)
    p, r = level[0, :-1], change[0, :-1]
    a, b, c = kinks.forms[:, :-1]
    square, half, constant = r * r - drop * c, p * r - drop * b, p * p - drop * a

    roots = _roots(square, half, constant)
    roots = np.where((roots > 0) & (roots < kinks.widths), roots, 0.0)
    roots.sort(axis=0)
    edges = np.concatenate(
        [np.zeros((1, roots.shape[1])), roots, kinks.widths[None, :]]
    )
    middles = (edges[1:] + edges[:-1]) / 2
    within_bound = (square * middles + 2 * half) * middles + constant >= 0

    pieces: list[tuple[float, float]] = []
    for j, piece in zip(
        *np.nonzero((within_bound & (np.diff(edges, axis=0) > 0)).T), strict=True
    ):
        low, high = (
            kinks.place(int(j), float(edge)) for edge in edges[piece : piece + 2, j]
        )
        if pieces and pieces[-1][1] == low:
            low = pieces.pop()[0]
        pieces.append((low, high))
    if not any(low <= kink_estimate.threshold <= high for low, high in pieces):
        pieces = sorted([*pieces, (kink_estimate.threshold, kink_estimate.threshold)])
    return pieces


def _roots(square: Floats, half: Floats, constant: Floats) -> Floats:
    """Compute roots (2, G - 1) of ``square t^2 + 2 half t + constant``, or zero."""
    # The coefficients are squares of the outcome, whose squares may leave the range of
    # numbers.
    largest = max(float(np.abs(c).max(initial=0.0)) for c in (square, half, constant))
    unit = np.exp2(np.round(np.log2(largest or 1.0)))
    square, half, constant = square / unit, half / unit, constant / unit
    discriminant = half * half - square * constant
    far = -(half + np.copysign(np.sqrt(np.maximum(discriminant, 0.0)), half))
    real = (discriminant > 0) & (far != 0)
    first = np.where(real & (square != 0), far, 0.0) / np.where(
        square != 0, square, 1.0
    )
    return np.stack([first, np.where(real, constant, 0.0) / np.where(real, far, 1.0)])


# --- draws ----------------------------------------------------------------------------


def null_draws(
    kinks: KinkPlan,
    bootstrap: Scheme,
    outcome: Floats,
    rng: np.random.Generator,
    *,
    reps: int,
) -> Floats:
    """Draw the statistic of no kink, ``S_0 / S_1 - 1`` (reps,), linear in q.

    The kink is searched again in every draw; missing with nothing left to explain.
    """
    search, ratios = kinks.search, []
    residual = search.residuals(outcome)
    for draws, rounding in demeaned_draws(search, bootstrap, residual, rng, reps):
        state = start(search, draws)
        ratios.append(excess(state.ssr, state.ssr - _best(kinks, state), rounding))
    return np.concatenate(ratios)


def kink_draws(
    kinks: KinkPlan,
    bootstrap: Scheme,
    outcome: Floats,
    kink_estimate: KinkEstimate,
    rng: np.random.Generator,
    *,
    reps: int,
) -> Floats:
    """Draw from the fitted kink: how much a step gains, and what the kink loses.

    ``S_kink / S_step - 1``, both searched again, and ``S(g) / S_kink - 1`` at the g
    drawn from: (2, reps). Missing where the effects left nothing of the drawn
    residuals.
    """
    search, ratios = kinks.search, []
    residuals = search.residuals(outcome)
    column = kinks.column(kink_estimate.position, kink_estimate.offset)
    fit = column * (column @ residuals / (column @ column))
    offset = kink_estimate.offset
    a, b, c = kinks.forms[:, kink_estimate.position]
    size = a + (2 * b + c * offset) * offset
    for draws, rounding in demeaned_draws(
        search, bootstrap, residuals - fit, rng, reps
    ):
        state = start(search, draws + fit)
        level, change = (
            products[:, kink_estimate.position]
            for products in _along(kinks, state.score)
        )
        kink_ssr = state.ssr - (level + change * offset) ** 2 / size
        # The kink that was drawn from explains all of a draw whose residuals are gone.
        no_residuals = kink_ssr <= np.maximum(rounding, NO_RESIDUALS * state.ssr)
        best = np.minimum(state.ssr - _best(kinks, state), kink_ssr)
        step = np.minimum(state.ssr - drops(search, state).max(axis=1), best)
        floor = np.where(no_residuals, np.inf, 0.0)
        ratios.append(
            np.stack([excess(best, step, floor), excess(kink_ssr, best, floor)])
        )
    return np.concatenate(ratios, axis=1)
