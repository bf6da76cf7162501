"""Names of event times, cohorts, averages of effects and balance, by code."""

from digiprosper.report.words import read_words

WORDS = read_words(__file__)
"""Words in tables. The code of a point is its text, such as ``"-3"`` or ``"≤ -5"``."""
