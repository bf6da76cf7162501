"""The two-way fixed-effects slope of a staggered treatment as an average of two-by-two comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Differences in differences between pairs of cohorts.

    Parameters
    ----------
    treated, control : (m,) arrays of int
        Positions of the cohort that becomes treated, and of the one it is compared with.
    weights : (m,) array
        They sum to one.
    estimates : (m,) array
        The differences in differences; their weighted sum is the slope.
    """

    treated: Ints
    control: Ints
    weights: Floats
    estimates: Floats


def compare_cohorts(means: Floats, first: Ints, share: Floats) -> Comparisons:
    """Compare cohorts pair by pair (Goodman-Bacon 2021, Journal of Econometrics 225:254, equations 7 to 10).

    Parameters
    ----------
    means : (G, T) array
        Mean outcome by cohort and period.
    first : (G,) array of int
        First treated period of each cohort, all different; 0 where always treated, T where never treated.
    share : (G,) array
        Share of the entities.

    Returns
    -------
    Comparisons
        Every ordered pair of cohorts of which the first becomes treated while the other does not change.
    """
    n_times = means.shape[1]
    pairs = [pair for pair in permutations(range(first.size), 2) if 0 < first[pair[0]] < n_times]
    estimates = np.empty(len(pairs))
    weights = np.empty(len(pairs))
    for place, (treated, control) in enumerate(pairs):
        window = _unchanged(first[control], first[treated], n_times)
        since = np.arange(n_times) >= first[treated]
        gap = means[treated] - means[control]
        estimates[place] = gap[window & since].mean() - gap[window & ~since].mean()
        # Variance of the treatment left by both effects in the rows of the pair, times their share squared.
        both = share[treated] + share[control]
        inside = share[treated] / both
        on = since[window].mean()
        weights[place] = (both * window.mean()) ** 2 * inside * (1 - inside) * on * (1 - on)
    placed = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return Comparisons(placed[:, 0], placed[:, 1], weights / weights.sum(), estimates)


def _unchanged(control: int, treated: int, n_times: int) -> Bools:
    """Give the periods in which the cohort that is compared with keeps its treatment."""
    periods = np.arange(n_times)
    return np.asarray(periods < control if control > treated else periods >= control)
