"""From raw columns to directed numbers of one scale, learned once, applied anywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from digiprosper.kernels import Bools, Floats
from digiprosper.report.pickling import PickledByName

Normalisation = Literal["minmax", "absolute_minmax", "zscore", "rank", "max", "none"]

# A range of a few units in the last place is rounding, not variation.
_ROUNDING = 8 * float(np.finfo(np.float64).eps)


def is_constant(low: Floats, high: Floats) -> Bools:
    """Find the columns whose range is nothing but rounding."""
    return high - low <= _ROUNDING * np.maximum(np.abs(low), np.abs(high))


@dataclass(frozen=True, slots=True, eq=False)
class EndPoints(PickledByName):
    """How columns are normalised, as learned from rows or given with the indicators.

    low, high (m,): smallest and largest value of each column
    mean, sd (m,): of z-scores, with divisor n - 1
    values (n, m): of ranks, the learned values of each column, sorted by itself
    """

    low: Floats
    high: Floats
    normalise: str = "minmax"
    mean: Floats | None = None
    sd: Floats | None = None
    values: Floats | None = None

    @property
    def constant(self) -> Bools:
        """Columns whose range is nothing but rounding, shape (m,)."""
        return is_constant(self.low, self.high)

    @property
    def table(self) -> dict[str, Floats]:
        """What was learned, one array of shape (m,) a name."""
        ends = {"low": self.low, "high": self.high}
        if self.mean is None or self.sd is None:
            return ends
        return {**ends, "mean": self.mean, "sd": self.sd}

    def apply(self, x: Floats, positive: Bools) -> Floats:
        """Normalise x, (N, m), turned where less is better; 0 if constant.

        Min-max is (x - low) / (high - low), or (high - x) / (high - low) if not
        `positive`, (m,). Values beyond the end points leave [0, 1]; nothing is clipped.
        Ranks take the place of values and end points, and z-scores have the mean as
        both ends. Maxima, x / high or low / x, need x > 0. Values as they are stay so
        if constant.
        """
        if self.normalise == "none":
            return x.copy()
        low, high, width = self.low, self.high, self.high - self.low
        if self.mean is not None and self.sd is not None:
            low, high, width = self.mean, self.mean, self.sd
        if self.values is not None:
            last = np.full(low.size, len(self.values) - 1.0)
            x, low, high = _ranks(x, self.values), np.zeros(low.size), last
            width = np.maximum(last, 1.0)
        z = np.where(positive, x - low, high - x)
        if self.normalise == "max":
            z, width = np.where(positive, x / high, low / x), np.ones(low.size)
        constant = self.constant
        z /= np.where(constant, 1.0, width)
        z[:, constant] = 0.0
        return np.abs(z) if self.normalise == "absolute_minmax" else z


def _ranks(x: Floats, values: Floats) -> Floats:
    """Rank x (N, m) from 0 among values (n, m): ties and gaps at the mean of ranks."""
    rank = np.empty_like(x)
    for j, learned in enumerate(values.T):
        below = np.searchsorted(learned, x[:, j], side="left")
        up_to = np.searchsorted(learned, x[:, j], side="right")
        rank[:, j] = (below + up_to - 1) / 2.0
    return rank


def learn_scale(normalise: str, x: Floats) -> EndPoints:
    """Learn a scale from every column of x, (N, m)."""
    scale = EndPoints(x.min(axis=0), x.max(axis=0), normalise)
    if normalise == "zscore":
        sd = x.std(axis=0, ddof=1) if len(x) > 1 else np.zeros(x.shape[1])
        return replace(scale, mean=x.mean(axis=0), sd=sd)
    if normalise == "rank":
        return replace(scale, values=np.sort(x, axis=0))
    return scale
