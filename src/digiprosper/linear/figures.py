"""What figures of tests draw: the statistics of draws beside that of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digiprosper.errors import IdentificationError, Notice
from digiprosper.kernels.tolerances import EQUAL_DRAWS
from digiprosper.report.drawings import DrawnDensity

if TYPE_CHECKING:
    from digiprosper.report.tests import TestResult

__all__ = ["drawn_density"]

_POINTS = 401


def drawn_density(test: TestResult) -> DrawnDensity:
    """Estimate the density of the statistics of draws.

    Parameters
    ----------
    test : TestResult
        With draws.

    Returns
    -------
    DrawnDensity
        A Gaussian kernel density with Scott's bandwidth, over a range that has the statistic of the data too.

    Raises
    ------
    IdentificationError
        If fewer than two draws differ.
    """
    from scipy.stats import gaussian_kde

    drawn = np.asarray(test.draws, dtype=np.float64)
    drawn = drawn[np.isfinite(drawn)]
    spread = float(drawn.std()) if drawn.size else 0.0
    if spread <= EQUAL_DRAWS * np.abs(drawn).max(initial=0.0):
        raise IdentificationError(
            f"plots.placebo: the {drawn.size} draws with a statistic are all equal and have no density.",
            [Notice("equal_draws", "no density", {"draws": int(drawn.size)})],
        )

    # Scaled, since the density of very small or very large numbers is out of range.
    scaled, found = drawn / spread, test.statistic / spread
    low, high = min(scaled.min() - 1, found), max(scaled.max() + 1, found)
    grid = np.linspace(low, high, _POINTS)
    points = pd.DataFrame({"value": grid * spread, "density": gaussian_kde(scaled)(grid) / spread})
    return DrawnDensity(_name(test), points, drawn, test.statistic, test.p_value)


def _name(test: TestResult) -> str:
    """Name the statistic."""
    term = test.detail.get("term") if isinstance(test.detail, Mapping) else None
    if term is None:
        return f"Statistic of the {test.name[0].lower()}{test.name[1:]}"
    return f"Estimate of {term}" if test.name == "Placebo test" else test.name
