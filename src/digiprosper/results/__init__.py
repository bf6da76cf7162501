"""What fitting returns: frozen, picklable, without the data."""

from digiprosper.results.collection import ResultSet
from digiprosper.results.effects import EffectResults
from digiprosper.results.linear import LinearResults
from digiprosper.results.protocol import Glance, HasDraws, Results
from digiprosper.results.tests import TestResult
from digiprosper.results.threshold import ThresholdResults

__all__ = [
    "EffectResults",
    "Glance",
    "HasDraws",
    "LinearResults",
    "ResultSet",
    "Results",
    "TestResult",
    "ThresholdResults",
]
