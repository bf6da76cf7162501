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
    """Differences in differences between pairs of cohorts; their weighted sum is the slope."""

    treated: Ints  # (m,) position of the cohort that becomes treated
    control: Ints  # (m,) position of the cohort that it is compared with
    weights: Floats  # (m,) they add up to one
    estimates: Floats  # (m,)


def compare_cohorts(means: Floats, first: Ints, share: Floats) -> Comparisons:
    """Compare cohorts pair by pair (Goodman-Bacon 2021, Journal of Econometrics 225:254, equations 7 to 10).

    `means` (G, T): outcome by cohort and period. `first` (G,): first treated period of each cohort, all
    different; 0 if always treated, T if never. `share` (G,): share of the entities. The pairs are those in
    which the first cohort becomes treated while the treatment of the other does not change.
    """
    n_times = means.shape[1]
    pairs = [pair for pair in permutations(range(first.size), 2) if 0 < first[pair[0]] < n_times]
    estimates = np.empty(len(pairs))
    weights = np.empty(len(pairs))
    for index, (treated, control) in enumerate(pairs):
        window = _unchanged(first[control], first[treated], n_times)
        since = np.arange(n_times) >= first[treated]
        gap = means[treated] - means[control]
        estimates[index] = gap[window & since].mean() - gap[window & ~since].mean()
        # Variance of the treatment, net of both effects, in the rows of the pair, times their share squared.
        # As in the paper, n_kl is the share of the treated cohort, d_bar its share of treated periods.
        pair_share = share[treated] + share[control]
        n_kl = share[treated] / pair_share
        d_bar = since[window].mean()
        weights[index] = (pair_share * window.mean()) ** 2 * n_kl * (1 - n_kl) * d_bar * (1 - d_bar)
    positions = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return Comparisons(positions[:, 0], positions[:, 1], weights / weights.sum(), estimates)


def _unchanged(control: int, treated: int, n_times: int) -> Bools:
    """Return the periods in which the treatment of the control cohort does not change."""
    periods = np.arange(n_times)
    return np.asarray(periods < control if control > treated else periods >= control)
