"""Composite indices: indicators, directions, weights and their sampling errors."""

from __future__ import annotations

from digiprosper.composite.aggregate import Aggregation
from digiprosper.composite.audits import overlap_audit
from digiprosper.composite.coupling import CouplingMethod, coupling_coordination
from digiprosper.composite.index import CompositeIndex, IndexMissing
from digiprosper.composite.indicators import Direction, Indicator, IndicatorSystem
from digiprosper.composite.normalise import EndPoints, Normalisation
from digiprosper.composite.replication import audit_weights
from digiprosper.composite.results import IndexResults, WeightErrors
from digiprosper.composite.scopes import Learned, Scope, State
from digiprosper.composite.structure import IndexStructure, Rule, Weighing
from digiprosper.composite.uncertainty import EntitySums
from digiprosper.composite.weights import (
    Weighting,
    critic_weights,
    cv_weights,
    entropy_weights,
    equal_weights,
    pca_weights,
    std_weights,
)

__all__ = [
    "Aggregation",
    "CompositeIndex",
    "CouplingMethod",
    "Direction",
    "EndPoints",
    "EntitySums",
    "IndexMissing",
    "IndexResults",
    "IndexStructure",
    "Indicator",
    "IndicatorSystem",
    "Learned",
    "Normalisation",
    "Rule",
    "Scope",
    "State",
    "Weighing",
    "WeightErrors",
    "Weighting",
    "audit_weights",
    "coupling_coordination",
    "critic_weights",
    "cv_weights",
    "entropy_weights",
    "equal_weights",
    "overlap_audit",
    "pca_weights",
    "std_weights",
]
