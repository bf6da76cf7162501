"""Notices about tests of unit roots: one maker a code.

==================== ===================================================================
code                 data
==================== ===================================================================
dependent_entities   statistic (z of the CD test), p_value
trending_means       statistic (t of the mean change), p_value
variances_differ     statistic (Levene's F), p_value
==================== ===================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import Notice
from digiprosper.linear.kernels.residual_tests import correlations_between, levene
from digiprosper.report.text import p_words
from digiprosper.report.verdicts import rejects
from digiprosper.unit_roots.kernel import period_means

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digiprosper.unit_roots.kernel import Series, UnitRootOptions


def assumptions(series: Series, options: UnitRootOptions) -> Iterator[Notice]:
    """Report assumptions of the test that the changes of y contradict.

    Under the null hypothesis without serial correlation the changes are the errors.
    """
    from scipy.special import fdtrc, ndtr, stdtr

    entity, time = np.nonzero(~np.isnan(np.diff(series.y)))
    changes = np.diff(series.y)[entity, time]
    errors = changes - (np.bincount(entity, changes) / np.bincount(entity))[entity]
    means = np.diff(period_means(series.y[None], series)[0, 0])
    if not options.year_means and not options.trend and np.ptp(means):
        t = float(np.sqrt(means.size) * means.mean() / means.std(ddof=1))
        p_value = float(2 * stdtr(means.size - 1, -abs(t)))
        # At 5% one in twenty panels without a trend would be told of one.
        if rejects(p_value, 0.99):
            text = (
                f"The mean of the entities has a trend (t = {t:.2f}, "
                f"{p_words(p_value)}). With constants alone 'cips' rejects a true "
                "hypothesis too often, and others hardly reject a false one: use "
                "deterministic='trend', with 15 periods, or growth rates."
            )
            yield Notice("trending_means", text, {"statistic": t, "p_value": p_value})
    if not options.year_means and options.test != "cips":
        pairs = correlations_between(errors, entity, time)
        z = pairs.weighted_sum / np.sqrt(pairs.squared_sum) if pairs.pairs else 0.0
        p_value = float(2 * ndtr(-abs(z)))
        if rejects(p_value, 0.95):
            text = (
                f"The changes of entities are correlated (CD test: z = {z:.2f}, "
                f"{p_words(p_value)}). The test assumes independence, without which it "
                "rejects too often: use year_means=True or test='cips'."
            )
            data = {"statistic": float(z), "p_value": p_value}
            yield Notice("dependent_entities", text, data)
    if options.test == "ht" and not options.simulated:
        f = float(levene(errors[None], entity)[0])
        p_value = float(fdtrc(entity[-1], changes.size - entity[-1] - 1, f))
        if rejects(p_value, 0.95):
            text = (
                f"The variances of entities differ (Levene: F = {f:.2f}, "
                f"{p_words(p_value)}), which the moments of the table assume equal: "
                "use p_value='simulated'."
            )
            yield Notice("variances_differ", text, {"statistic": f, "p_value": p_value})
