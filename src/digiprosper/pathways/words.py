"""What a report of propositions says, by code: never that one causes another."""

from digiprosper.report.words import read_words

WORDS = read_words(__file__)
"""Words of reports of propositions."""
