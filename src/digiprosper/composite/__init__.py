"""Composite indices: indicators, directions, data-driven weights."""

from __future__ import annotations

from digiprosper.composite.aggregate import Aggregation
from digiprosper.composite.index import (
    CompositeIndex,
    EntitySums,
    IndexMissing,
    IndexResults,
    IndexStructure,
    Scope,
)
from digiprosper.composite.indicators import Direction, Indicator, IndicatorSystem
from digiprosper.composite.normalise import EndPoints, Normalisation
from digiprosper.composite.weights import Weighing, Weighting, entropy_weights

__all__ = [
    "Aggregation",
    "CompositeIndex",
    "Direction",
    "EndPoints",
    "EntitySums",
    "IndexMissing",
    "IndexResults",
    "IndexStructure",
    "Indicator",
    "IndicatorSystem",
    "Normalisation",
    "Scope",
    "Weighing",
    "Weighting",
    "entropy_weights",
]
