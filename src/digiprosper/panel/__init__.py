"""The one door for data: a long table with keys, and samples cut from it."""

from digiprosper.panel.describe import Correlation
from digiprosper.panel.frame import Panel
from digiprosper.panel.sample import Dropped, Sample

__all__ = ["Correlation", "Dropped", "Panel", "Sample"]
