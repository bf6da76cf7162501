"""Words of tables of several models, by code."""

from digiprosper.report.words import read_words

WORDS = read_words(__file__)
"""Words for `by_group`, `control_sets` and `search_test`."""
