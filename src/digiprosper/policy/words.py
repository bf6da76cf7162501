"""Names of event times, cohorts, averages of effects and balance, by code."""

from digiprosper.report.words import read_words

BALANCE_HEADS = {
    "mean_treated": "Treated",
    "mean_control": "Controls",
    "std_diff": "Std. diff.",
    "variance_ratio": "Var. ratio",
}
"""Heads of the columns of a table of the balance, before and after matching."""


WORDS = read_words(__file__)
"""Words in tables. The code of a point is its text, such as ``"-3"`` or ``"≤ -5"``."""
