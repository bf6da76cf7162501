"""Shared rules: when a test rejects, and when a panel is balanced."""

from __future__ import annotations

from digiprosper.kernels.tolerances import SAME_LEVEL


def rejects(p_value: float, level: float) -> bool:
    """Return whether a null is rejected: ``p <= 1 - level``; False if p is missing.

    A p-value from B draws is a multiple of 1 / (B + 1), so .05 occurs. With B = 999, a
    test that rejects there has size .05; with ``p < .05`` it has size .049. The rule
    also agrees with intervals, which exclude the null value exactly if
    ``p <= 1 - level``. For continuous statistics the two rules are equal. Stars in
    tables use ``p < 0.1``, as the note below the table says.
    """
    # In floating point 1 - .9 is a little less than .1.
    return bool(p_value <= 1 - level + SAME_LEVEL)


def is_balanced(nobs: int, n_entities: int, n_times: int) -> bool:
    """Return whether every entity has every period."""
    return nobs == n_entities * n_times
