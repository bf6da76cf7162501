"""The propositions of Kang and Liu on the digital economy and common prosperity."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any

from digiprosper.pathways.mechanism import Mechanism

_FILE = "propositions.csv"


def seed_catalogue() -> tuple[Mechanism, ...]:
    """Return the propositions of Kang & Liu on the digital economy and common prosperity.

    Kang & Liu, "Exploring the Path to Achieving Common Prosperity Enabled by the Digital Economy", describe
    channels and constraints without estimates. Each proposition states one of their sentences in a form that
    can be tested. `source` is the work that they cite for it. P16 and P17 are from the abstract of a cited
    work.

    Returns
    -------
    tuple of Mechanism
        Propositions P01 to P52. An id is never used for another proposition.

    Notes
    -----
    Roles are ``de`` (digital economy), ``cp`` (common prosperity), ``cp_growth`` and ``cp_share`` (its two
    dimensions), ``ur_gap`` (ratio or Theil index of urban and rural incomes), ``gini`` (income inequality),
    ``isu`` (industrial upgrading), ``tfp`` (productivity), and others whose names explain themselves.

    Examples
    --------
    >>> from digiprosper import pathways
    >>> catalogue = pathways.seed_catalogue()
    >>> len(catalogue), catalogue[4].id, catalogue[4].channels
    (52, 'P05', ('isu',))
    >>> sum(mechanism.testable == "no" for mechanism in catalogue)
    6
    """
    text = files("digiprosper.pathways").joinpath(_FILE).read_text(encoding="utf-8")
    return tuple(_mechanism(row) for row in csv.DictReader(text.splitlines()))


def _mechanism(row: dict[str, Any]) -> Mechanism:
    return Mechanism(**row)
