"""How unequal values are, which groups make them so, and whether they converge."""

from __future__ import annotations

from digiprosper.inequality.convergence import Cuts, MarkovResult, markov_transitions, sigma_convergence
from digiprosper.inequality.dagum_gini import DagumResult, dagum
from digiprosper.inequality.measures import atkinson, coefficient_of_variation, gini, theil_l, theil_t
from digiprosper.inequality.theil_groups import TheilDecomposition, theil_decomposition, urban_rural_theil

__all__ = [
    "Cuts",
    "DagumResult",
    "MarkovResult",
    "TheilDecomposition",
    "atkinson",
    "coefficient_of_variation",
    "dagum",
    "gini",
    "markov_transitions",
    "sigma_convergence",
    "theil_decomposition",
    "theil_l",
    "theil_t",
    "urban_rural_theil",
]
