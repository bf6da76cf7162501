"""Terms for the effects and equations of a mediation, with their names."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from digiprosper.linear.results import LinearResults
from digiprosper.report.terms import Point, Regime, Term

REGIMES = ("regime1", "regime2")
"""Suffixes of effects by regime: low and high values of the threshold variable."""


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


def change_term(term: Term, kind: str) -> Term:
    """Make the term of the change of an effect.

    It is ``"index:<m>"``, ``"index:direct"`` or ``"difference:<m>"``. The kind is
    "index" by a unit of a moderator, and "difference" from the low to the high regime.
    """
    changed = ">".join(term.path) or term.kind
    return Term(f"{kind}:{changed}", "mediation", kind, term.path, of=term.kind)


def term_at_point(term: Term, point: Point) -> Term:
    """Make the term of an effect at a moderator value: ``"indirect:<m>:p10"``."""
    return replace(term, name=f"{term.name}:{point.code}", point=point)


def term_in_regime(term: Term, regime: Regime) -> Term:
    """Make the term of an effect in a regime, such as ``"indirect:<m>:regime1"``."""
    return replace(
        term, name=f"{term.name}:{REGIMES[regime.number - 1]}", regime=regime
    )


def threshold_regimes(variable: str, threshold: float) -> tuple[Regime, Regime]:
    """Make the low regime (up to and including the threshold) and the high one."""
    return Regime(variable, 1, 2, -math.inf, threshold), Regime(
        variable, 2, 2, threshold
    )


def overall_term(term: Term) -> Term:
    """Return the effect over all rows behind a conditional effect or a change."""
    return effect(term.of or term.kind, *term.path)


def is_specific(term: Term) -> bool:
    """Check for the indirect effect of one mediator or chain over all rows."""
    return (
        term.kind == "indirect"
        and bool(term.path)
        and term.point is None
        and term.regime is None
    )
