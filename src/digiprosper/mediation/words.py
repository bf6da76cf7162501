"""What effects and paths of a mediation are called, by code."""

from digiprosper.report.words import read_words

WORDS = read_words(__file__)
"""Words of tables and figures; ``row``: last rows of the three-step table."""
