"""What thresholds, kinks, their tests and their confidence sets are called, by code."""

from digiprosper.report.words import read_words

WORDS = read_words(__file__)
"""Words of tables and figures of thresholds and kinks."""
