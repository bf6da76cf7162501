"""From raw columns to directed numbers of one scale, learned once, applied anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats

Normalisation = Literal["minmax", "absolute_minmax", "zscore", "rank", "max", "none"]

# A range of a few units in the last place is rounding, not variation.
_ROUNDING = 8 * float(np.finfo(np.float64).eps)


def is_constant(low: Floats, high: Floats) -> Bools:
    """Find the columns whose range is nothing but rounding."""
    constant: Bools = high - low <= _ROUNDING * np.maximum(np.abs(low), np.abs(high))
    return constant


@dataclass(frozen=True, slots=True, eq=False)
class EndPoints(PickledByName):
    """Min-max scaling by each column's range, learned or given: low, high, (m,)."""

    low: Floats
    high: Floats

    @property
    def constant(self) -> Bools:
        """Columns whose range is nothing but rounding, shape (m,)."""
        return is_constant(self.low, self.high)

    @property
    def table(self) -> dict[str, Floats]:
        """What was learned, one array of shape (m,) a name."""
        return {"low": self.low, "high": self.high}

    def apply(self, x: Floats, positive: Bools) -> Floats:
        """Compute (x - low) / (high - low), turned if less is better; 0 if constant.

        x is (N, m) and positive (m,). Values beyond the end points leave [0, 1];
        nothing is clipped.
        """
        z = np.where(positive, x - self.low, self.high - x)
        return self._divided(z, self.high - self.low)

    def _divided(self, z: Floats, by: Floats) -> Floats:
        constant = self.constant
        z /= np.where(constant, 1.0, by)
        z[:, constant] = 0.0
        return z


@dataclass(frozen=True, slots=True, eq=False)
class AbsoluteEndPoints(EndPoints):
    """Min-max scaling whose negative values, beyond the worse end, lose their sign."""

    def apply(self, x: Floats, positive: Bools) -> Floats:
        """Direct and scale: the absolute value of `EndPoints.apply`."""
        return np.abs(EndPoints.apply(self, x, positive))


@dataclass(frozen=True, slots=True, eq=False)
class ZScores(EndPoints):
    """Standard scores: (x - mean) / sd with n - 1; sign turned if less is better."""

    mean: Floats
    sd: Floats

    @property
    def table(self) -> dict[str, Floats]:
        """What was learned, one array of shape (m,) a name."""
        return {"low": self.low, "high": self.high, "mean": self.mean, "sd": self.sd}

    def apply(self, x: Floats, positive: Bools) -> Floats:
        """Direct and scale: see `EndPoints.apply`."""
        return self._divided(np.where(positive, x - self.mean, self.mean - x), self.sd)


@dataclass(frozen=True, slots=True, eq=False)
class Ranks(EndPoints):
    """Ranks from 0 (worst) to 1 (best), ties sharing the mean of theirs.

    values (n, m): learned values, each column sorted by itself.
    """

    values: Floats

    def apply(self, x: Floats, positive: Bools) -> Floats:
        """Direct and scale.

        A value between two learned ones lies half-way between their ranks.
        """
        rank = np.empty_like(x)
        for j, learned in enumerate(self.values.T):
            below = np.searchsorted(learned, x[:, j], side="left")
            rank[:, j] = (
                below + np.searchsorted(learned, x[:, j], side="right") - 1
            ) / 2.0
        last = len(self.values) - 1
        return self._divided(
            np.where(positive, rank, last - rank), np.full(x.shape[1], max(last, 1))
        )


@dataclass(frozen=True, slots=True, eq=False)
class Maxima(EndPoints):
    """Shares of the best value: x / max where more is better, min / x where less is.

    Needs x > 0.
    """

    def apply(self, x: Floats, positive: Bools) -> Floats:
        """Direct and scale: see `EndPoints.apply`."""
        z = np.where(positive, x / self.high, self.low / x)
        return self._divided(z, np.ones(x.shape[1]))


@dataclass(frozen=True, slots=True, eq=False)
class AsGiven(EndPoints):
    """Values as they are: the columns were directed and scaled before."""

    def apply(self, x: Floats, positive: Bools) -> Floats:
        """Leave the values alone, the constant columns too."""
        del positive
        return x.copy()


def learn_scale(normalise: str, x: Floats) -> EndPoints:
    """Learn a scale from every column of x, (N, m)."""
    low, high = x.min(axis=0), x.max(axis=0)
    if normalise == "zscore":
        sd = x.std(axis=0, ddof=1) if len(x) > 1 else np.zeros(x.shape[1])
        return ZScores(low, high, x.mean(axis=0), sd)
    if normalise == "rank":
        return Ranks(low, high, np.sort(x, axis=0))
    scales = {
        "minmax": EndPoints,
        "absolute_minmax": AbsoluteEndPoints,
        "max": Maxima,
        "none": AsGiven,
    }
    return scales[normalise](low, high)
