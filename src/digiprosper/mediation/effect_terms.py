"""Effects and equations of a mediation as terms, each named where it is made."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from digiprosper.report.terms import Regime, Term

if TYPE_CHECKING:
    from collections.abc import Iterable

    from digiprosper.linear.results import LinearResults
    from digiprosper.report.terms import Point

REGIMES = ("regime1", "regime2")
"""What names of effects in a regime end in, from low to high values of the threshold variable."""


def effect(kind: str, *path: str) -> Term:
    """Make the term of an effect over all rows.

    Parameters
    ----------
    kind : str
        Such as ``"total"``, ``"direct"`` or ``"indirect"``.
    *path : str
        Mediators that it leads through; several are a chain.

    Returns
    -------
    Term
        Named ``"indirect"``, ``"indirect:<m>"`` or ``"indirect:<m1>><m2>"``.

    Examples
    --------
    >>> effect("indirect", "jobs", "wages").name
    'indirect:jobs>wages'
    """
    name = ":".join([kind, ">".join(path)]) if path else kind
    return Term(name, "mediation", kind, path)


def equation_term(kind: str, *path: str) -> Term:
    """Make the term of an equation.

    Parameters
    ----------
    kind : str
        ``"total"``, ``"mediator"``, ``"outcome"``, or a stage such as ``"x on z"``.
    *path : str
        The mediator that it explains.

    Returns
    -------
    Term
        Named as in `paths` of the results: ``"mediator:<m>"``.

    Examples
    --------
    >>> equation_term("mediator", "jobs").name
    'mediator:jobs'
    """
    return Term(":".join([kind, *path]), "equation", kind, path)


def named_fits(
    equations: Iterable[Term], fits: Iterable[LinearResults]
) -> tuple[tuple[str, LinearResults], ...]:
    """Tell fits which equations they are.

    Parameters
    ----------
    equations : iterable of Term
        The equations of a system.
    fits : iterable of LinearResults
        One an equation.

    Returns
    -------
    tuple of (name, LinearResults)
        In order.
    """
    return tuple((term.name, replace(fit, equation=term)) for term, fit in zip(equations, fits, strict=True))


def change_of(whole: Term, kind: str) -> Term:
    """Make the term of how much an effect changes with what it depends on.

    Parameters
    ----------
    whole : Term
        The effect.
    kind : {"index", "difference"}
        By a unit of a moderator, or from the low to the high regime.

    Returns
    -------
    Term
        Named ``"index:<m>"`` of an indirect effect, ``"index:direct"`` of the direct one.
    """
    changed = ">".join(whole.path) or whole.kind
    return Term(f"{kind}:{changed}", "mediation", kind, whole.path, of=whole.kind)


def at_point(whole: Term, point: Point) -> Term:
    """Make the term of an effect at a value of the moderator.

    Parameters
    ----------
    whole : Term
        The effect.
    point : Point
        The value.

    Returns
    -------
    Term
        Named ``"indirect:<m>:p10"``.
    """
    return replace(whole, name=f"{whole.name}:{point.code}", point=point)


def in_regime(whole: Term, regime: Regime) -> Term:
    """Make the term of an effect in a regime.

    Parameters
    ----------
    whole : Term
        The effect.
    regime : Regime
        Which.

    Returns
    -------
    Term
        Named ``"indirect:<m>:regime1"``.
    """
    return replace(whole, name=f"{whole.name}:{REGIMES[regime.number - 1]}", regime=regime)


def regimes_of(variable: str, threshold: float) -> tuple[Regime, Regime]:
    """Make the two regimes of a threshold.

    Parameters
    ----------
    variable : str
        Threshold variable.
    threshold : float
        Where they part; the low regime has it.

    Returns
    -------
    tuple of Regime
        Low and high.
    """
    return Regime(variable, 1, 2, -math.inf, threshold), Regime(variable, 2, 2, threshold)


def whole_of(term: Term) -> Term:
    """Give the effect over all rows that a term is a part or a change of.

    Parameters
    ----------
    term : Term
        Of a mediation.

    Returns
    -------
    Term
        The effect by itself.
    """
    return effect(term.of or term.kind, *term.path)


def is_specific(term: Term) -> bool:
    """Tell the indirect effect through one mediator or chain, over all rows, from other terms.

    Parameters
    ----------
    term : Term
        Of a mediation.

    Returns
    -------
    bool
        False of the sum of indirect effects, and of those at a point or in a regime.
    """
    return term.kind == "indirect" and bool(term.path) and term.point is None and term.regime is None
