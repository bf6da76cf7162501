"""Words of models of counts and of binary outcomes in tables."""

from digiprosper.report.words import read_words

WORDS = read_words(__file__)
