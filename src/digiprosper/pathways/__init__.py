"""Propositions about mechanisms, and tests of them with panel data.

`Mechanism` is one proposition. `seed_catalogue` has the propositions of the paper on
the digital economy and common prosperity. `evaluate` tests propositions on a panel.
This module is provisional: names may still change.
"""

from digiprosper.pathways.evaluation import evaluate
from digiprosper.pathways.mechanism import Mechanism, seed_catalogue
from digiprosper.pathways.results import MechanismReport

__all__ = ["Mechanism", "MechanismReport", "evaluate", "seed_catalogue"]
