"""One rule each for what summaries, decisions and notices say yes or no to."""

from __future__ import annotations

from digiprosper.kernels.tolerances import SAME_LEVEL


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


def is_balanced(nobs: int, n_entities: int, n_times: int) -> bool:
    """Tell whether every entity is there in every period.

    Entities with equally many rows are not enough: a rotating panel, whose entities have other periods, is
    unbalanced.

    Parameters
    ----------
    nobs, n_entities, n_times : int
        Rows, entities and periods; no entity has two rows in a period.

    Returns
    -------
    bool
        Whether rows are entities times periods.

    Examples
    --------
    >>> is_balanced(20, 4, 5), is_balanced(20, 4, 8)
    (True, False)
    """
    return nobs == n_entities * n_times
