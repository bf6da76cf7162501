"""The one rule for when a test rejects at a level, which every summary and decision uses."""

from __future__ import annotations

from digiprosper.kernels.tolerances import SAME_LEVEL

__all__ = ["rejects"]


def rejects(p_value: float, level: float) -> bool:
    """Tell whether a null hypothesis is rejected, given its p-value and a level of confidence.

    The rule is ``p <= 1 - level``. A p-value from B draws is a multiple of 1 / (B + 1), so .05 occurs: with
    B = 999 a test that rejects there has size .05, and one that asks for less has size .049. It is also what
    agrees with the intervals, which leave the null value out exactly when ``p <= 1 - level``. Of a continuous
    statistic the two rules are the same. Stars in tables are strict, as the line under the table says
    (``* p < 0.1``).

    Parameters
    ----------
    p_value : float
        Of the test.
    level : float
        Level of confidence, such as .95.

    Returns
    -------
    bool
        False where the p-value is missing.

    Examples
    --------
    >>> rejects(0.05, 0.95), rejects(0.1, 0.9), rejects(0.051, 0.95), rejects(float("nan"), 0.95)
    (True, True, False, False)
    """
    # In floating point 1 - .9 is a little less than .1.
    return bool(p_value <= 1 - level + SAME_LEVEL)
