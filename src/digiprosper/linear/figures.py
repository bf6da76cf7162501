"""What figures of tests draw: the statistics of draws beside that of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digiprosper.errors import IdentificationError, Notice
from digiprosper.kernels.tolerances import EQUAL_DRAWS
from digiprosper.report.drawings import DrawnDensity
from digiprosper.report.figure_words import FIGURE

if TYPE_CHECKING:
    from digiprosper.report.tests import TestResult
    from digiprosper.report.words import Language

_POINTS = 401


def drawn_density(
    test: TestResult,
    texts: Mapping[str, str] | None = None,
    language: Language = "english",
) -> DrawnDensity:
    """Estimate the density of draws of a statistic, over a range with the data's.

    A Gaussian kernel with Scott's bandwidth. Refuse draws that are all equal.
    """
    from scipy.stats import gaussian_kde

    drawn = np.asarray(test.draws, dtype=np.float64)
    drawn = drawn[np.isfinite(drawn)]
    spread = float(drawn.std()) if drawn.size else 0.0
    if spread <= EQUAL_DRAWS * np.abs(drawn).max(initial=0.0):
        raise IdentificationError(
            f"plots.placebo: the {drawn.size} draws with a statistic are all equal and "
            "have no density.",
            [Notice("equal_draws", "no density", {"draws": int(drawn.size)})],
        )

    # Scaled, since the density of very small or very large numbers is out of range.
    scaled, scaled_statistic = drawn / spread, test.statistic / spread
    low, high = (
        min(scaled.min() - 1, scaled_statistic),
        max(scaled.max() + 1, scaled_statistic),
    )
    grid = np.linspace(low, high, _POINTS)
    points = pd.DataFrame(
        {"value": grid * spread, "density": gaussian_kde(scaled)(grid) / spread}
    )
    return DrawnDensity(
        _name(test, texts or {}, language), points, drawn, test.statistic, test.p_value
    )


def _name(test: TestResult, texts: Mapping[str, str], language: Language) -> str:
    """Name the statistic."""
    term = test.detail.get("term") if isinstance(test.detail, Mapping) else None
    if term is not None and test.name == "Placebo test":
        return FIGURE.say("draws.estimate", language, term=texts.get(term, term))
    if language == "english":
        name = f"{test.name[0].lower()}{test.name[1:]}"
        return (
            test.name if term is not None else FIGURE.say("draws.statistic", name=name)
        )
    if term is not None:
        return FIGURE.say("draws.difference", language, term=texts.get(term, term))
    code = f"draws.{test.name}"
    test_name = FIGURE.say(code, language) if code in FIGURE else test.name
    return FIGURE.say("draws.statistic", language, name=test_name)
