"""Effects and equations of a mediation as terms, each named where it is made."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from digiprosper.linear.results import LinearResults
from digiprosper.report.terms import Point, Regime, Term

REGIMES = ("regime1", "regime2")
"""What names of effects in a regime end in, from low to high values of the threshold
variable."""


def effect(kind: str, *path: str) -> Term:
    """Make the term of an effect over all rows.

    It is ``"indirect"``, ``"indirect:<m>"`` or ``"indirect:<m1>><m2>"``. `path` are the
    mediators of the effect; several are a chain.
    """
    name = ":".join([kind, ">".join(path)]) if path else kind
    return Term(name, "mediation", kind, path)


def equation_term(kind: str, *path: str) -> Term:
    """Make an equation's term: ``"total"``, ``"mediator:<m>"``, ``"x on z"``."""
    return Term(":".join([kind, *path]), "equation", kind, path)


def named_fits(
    equations: Iterable[Term], fits: Iterable[LinearResults]
) -> tuple[tuple[str, LinearResults], ...]:
    """Pair fits with the names of their equations."""
    return tuple(
        (term.name, replace(fit, equation=term))
        for term, fit in zip(equations, fits, strict=True)
    )


def change_of(term: Term, kind: str) -> Term:
    """Make the term of how much an effect changes.

    It is ``"index:<m>"``, ``"index:direct"`` or ``"difference:<m>"``. The kind is
    "index" by a unit of a moderator, and "difference" from the low to the high regime.
    """
    changed = ">".join(term.path) or term.kind
    return Term(f"{kind}:{changed}", "mediation", kind, term.path, of=term.kind)


def at_point(term: Term, point: Point) -> Term:
    """Make the term of an effect at a moderator value: ``"indirect:<m>:p10"``."""
    return replace(term, name=f"{term.name}:{point.code}", point=point)


def in_regime(term: Term, regime: Regime) -> Term:
    """Make the term of an effect in a regime, such as ``"indirect:<m>:regime1"``."""
    return replace(
        term, name=f"{term.name}:{REGIMES[regime.number - 1]}", regime=regime
    )


def regimes_of(variable: str, threshold: float) -> tuple[Regime, Regime]:
    """Make a threshold's low and high regime; the threshold is in the low one."""
    return Regime(variable, 1, 2, -math.inf, threshold), Regime(
        variable, 2, 2, threshold
    )


def whole_of(term: Term) -> Term:
    """Make the term over all rows that a term is a part or a change of."""
    return effect(term.of or term.kind, *term.path)


def is_specific(term: Term) -> bool:
    """Whether a term is the indirect effect of one mediator or chain, all rows."""
    return (
        term.kind == "indirect"
        and bool(term.path)
        and term.point is None
        and term.regime is None
    )
