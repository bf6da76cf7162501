"""What fitting returns: frozen, picklable, without the data."""

from digiprosper.results.collection import ResultSet
from digiprosper.results.linear import LinearResults
from digiprosper.results.protocol import Glance, HasDraws, Results
from digiprosper.results.tests import TestResult

__all__ = [
    "Glance",
    "HasDraws",
    "LinearResults",
    "ResultSet",
    "Results",
    "TestResult",
]
