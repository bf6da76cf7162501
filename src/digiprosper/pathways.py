"""Propositions about mechanisms: a catalogue, and the right test of each on a panel.

`Mechanism` is a proposition as data, `seed_catalogue` those of the paper on the digital economy and common
prosperity, and `evaluate` puts them to a panel. Provisional: names may still change.
"""

from __future__ import annotations

from digiprosper.studies.pathways.catalogue import seed_catalogue
from digiprosper.studies.pathways.evaluation import evaluate
from digiprosper.studies.pathways.mechanism import Mechanism
from digiprosper.studies.pathways.results import MechanismReport

__all__ = ["Mechanism", "MechanismReport", "evaluate", "seed_catalogue"]
