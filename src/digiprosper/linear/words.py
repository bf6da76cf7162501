"""What tables say of linear models, by code."""

from digiprosper.report.words import read_words

WORDS = read_words(__file__)
