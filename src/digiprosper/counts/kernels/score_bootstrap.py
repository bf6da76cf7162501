"""The score bootstrap of one restriction: weights of clusters multiply their scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.linear.kernels.wild import WildWeights
from digiprosper.report.pickling import PickledByName

_ROWS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class ScoreDraws(PickledByName):
    """Draws as functions of the null, by t = (estimate - null) / standard error.

    Scores are computed by refits under the null values `nulls`, between these by cubic
    splines, and beyond them they are those of the last.
    """

    nulls: Floats  # (m,) ascending values of t
    # (m, G) what the scores of each cluster move the tested sum of coefficients by
    moved: Floats
    shares: Floats  # (G,) of the clusters in the rows
    drawn: WildWeights
    seed: np.random.SeedSequence

    @property
    def weights(self) -> str:
        """Name of the distribution of the weights."""
        return self.drawn.name

    @property
    def enumerated(self) -> bool:
        """Whether the draws are all combinations of weights, each once."""
        return self.drawn.enumerated

    @property
    def reps(self) -> int:
        """How many draws there are."""
        return self.drawn.reps

    def statistic(self, t: float) -> float:
        """Return the statistic of the data under the null that gives the fit `t`."""
        ones = np.ones_like(self.shares)
        return float(score_statistics(self._moved(t), self.shares, ones))

    def at(self, t: float) -> Floats:
        """Return the statistic of each draw (R,) under the null with this `t`."""
        weights = _all_weights(self.drawn, self.seed)
        return score_statistics(self._moved(t), self.shares, weights)

    def _moved(self, t: float) -> Floats:
        from scipy.interpolate import CubicSpline

        nearest = np.clip(t, self.nulls[0], self.nulls[-1])
        return np.asarray(CubicSpline(self.nulls, self.moved)(nearest))


# An interval asks for the same weights a few hundred times.
@lru_cache(maxsize=1)
def _all_weights(drawn: WildWeights, seed: np.random.SeedSequence) -> Floats:
    return np.concatenate(list(drawn.chunks(seed, _ROWS)))


def score_statistics(moved: Floats, shares: Floats, weights: Floats) -> Floats:
    """Compute t (R,) of draws with weights (R, G), or of one (G,); NaN for 0 / 0.

    With q_g what the score of cluster g moves the estimate by,
    ``t = sum v_g q_g / sqrt(sum (v_g q_g - n_g / n sum v q)^2)`` (Kline & Santos 2012).
    """
    total = weights @ moved
    centred = weights**2 @ moved**2 - 2 * total * (weights @ (moved * shares))
    centred += total**2 * (shares @ shares)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(total / np.sqrt(np.maximum(centred, 0.0)))
