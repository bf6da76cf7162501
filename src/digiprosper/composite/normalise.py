"""From raw columns to directed numbers in [0, 1]: what is learned once and applied anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digiprosper.kernels import Floats

__all__ = ["NORMALISATIONS", "EndPoints", "Normalisation", "learn_end_points"]

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Normalisation = Literal["minmax"]

# A range of a few units in the last place is rounding, not variation.
_ROUNDING: Final = 8 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, eq=False)
class EndPoints:
    """The range of every column, learned once.

    Parameters
    ----------
    low, high : ndarray, shape (m,)
        Smallest and largest raw values.
    """

    low: Floats
    high: Floats

    @property
    def constant(self) -> Mask:
        """Columns whose range is nothing but rounding, shape (m,)."""
        size = np.maximum(np.abs(self.low), np.abs(self.high))
        constant: Mask = self.high - self.low <= _ROUNDING * size
        return constant

    def apply(self, x: Floats, positive: Mask) -> Floats:
        """Direct and scale by the learned ends; values outside them leave [0, 1].

        Parameters
        ----------
        x : ndarray, shape (N, m)
            Raw values.
        positive : ndarray of bool, shape (m,)
            Whether more is better.

        Returns
        -------
        ndarray, shape (N, m)
            (x - low) / (high - low), turned round where less is better; 0 in a constant column.
        """
        constant = self.constant
        z = np.where(positive, x - self.low, self.high - x)
        z /= np.where(constant, 1.0, self.high - self.low)
        z[:, constant] = 0.0
        return z


def learn_end_points(x: Floats) -> EndPoints:
    """Take the smallest and largest value of every column.

    Parameters
    ----------
    x : ndarray, shape (N, m)
        Raw values, finite.

    Returns
    -------
    EndPoints
        Ends.
    """
    return EndPoints(x.min(axis=0), x.max(axis=0))


NORMALISATIONS: Final[Mapping[str, Callable[[Floats], EndPoints]]] = {"minmax": learn_end_points}
