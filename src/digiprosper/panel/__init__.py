"""A long table with its keys, and samples of it."""

from digiprosper.panel.describe import Correlation
from digiprosper.panel.frame import Panel
from digiprosper.panel.sample import Dropped, Sample
from digiprosper.panel.scan import PanelScan

__all__ = ["Correlation", "Dropped", "Panel", "PanelScan", "Sample"]
