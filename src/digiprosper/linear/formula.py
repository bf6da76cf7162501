"""Formulas such as ``"y ~ a + b | province + year"``."""

from __future__ import annotations

import re
from typing import Any

from digiprosper.errors import TermError, cited
from digiprosper.panel.grammar import spelling_advice
from digiprosper.panel.terms import canonical
from digiprosper.report.labels import summands
from digiprosper.report.parsing import KEPT

_LONGEST = 20_000
_MOST_JOINS = 6
_MOST_SUMS = 20
# Brackets that formulaic evaluates as code, and surrogates, which it cannot parse. Only
# the part before the bar goes to formulaic; square brackets after it are slopes.
_CODE = re.compile(r"[\[\]{}]")
_HALVES = re.compile(r"[\ud800-\udfff]")
_CALL = re.compile(r"[\w.]+\([^()]*\)")
_HELP = "Write 'y ~ a + b | province + year'."


def read_formula(formula: str) -> tuple[str, list[str], list[str]]:
    """Split a formula into outcome, regressors (``a*b`` multiplied out) and effects."""
    _check_formula(formula)
    model, *effects = formula.split("|")
    right = _regressors(model, formula)
    if "1" not in right and not effects:
        raise _refusal(
            formula, "removes the intercept; a model without effects always has one."
        )
    # formulaic changes white space; coefficients keep the names as typed.
    tilde = _mask_quoted(model).index("~")
    outcome, sums = model[:tilde], model[tilde + 1 :]
    typed = {canonical(t): t.strip() for t in sums.split("+")}
    x = [typed.get(canonical(t), t).strip("`") for t in right if t != "1"]
    return outcome.strip().strip("`"), x, _effects(effects, formula)


def _check_formula(formula: str) -> None:
    """Refuse formulas that are too long, of another program, or contain code."""
    if len(formula) > _LONGEST:
        raise _refusal(
            formula, f"has more than {_LONGEST:,} characters; pass x as a list."
        )
    if "#" in formula:
        raise _refusal(
            formula, "has Stata's '#': write a:b, and a^b for crossed effects."
        )
    model, *effects = formula.split("|")
    if len(effects) > 1 and "~" in effects[-1]:
        raise _refusal(
            formula,
            "has instruments in a third part; use FixedEffectsIV(y, x, endog, "
            "instruments).",
        )
    if len(effects) > 2:
        raise _refusal(
            formula,
            "has the four parts of lfe: write 'y ~ a + b | province + year' and "
            "clusters='province', and with instruments FixedEffectsIV(y, x, endog, "
            "instruments).",
        )
    if len(effects) > 1 or "~" not in _mask_quoted(model):
        raise _refusal(formula, f"needs one '~' and at most one '|'. {_HELP}")
    if (
        _HALVES.search(formula)
        or _CODE.search(re.sub(KEPT, "q", model))
        or re.search("[{}]", formula)
    ):
        raise _unreadable_error(formula)
    _refuse_powers(model, formula)
    _refuse_many(model, formula)


def _mask_quoted(model: str) -> str:
    """Mask quoted names and texts by a string of the same length."""
    return re.sub(KEPT, lambda match: "q" * len(match[0]), model)


def _refusal(formula: str, why: str) -> TermError:
    return TermError(f"the formula {cited(formula)} {why}")


def _unreadable_error(formula: str) -> TermError:
    cure = next(filter(None, map(spelling_advice, _CALL.findall(formula))), "")
    why = f"cannot be read{': ' if cure else ''}{cure}"
    return _refusal(formula, f"{why}. {_HELP}")


def _regressors(model: str, formula: str) -> list[str]:
    """Multiply out the right-hand side to terms, ``"1"`` for an intercept."""
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        parsed: Any = Formula(model)
    except (FormulaicError, SyntaxError) as error:
        raise _unreadable_error(formula) from error
    if not hasattr(parsed, "lhs"):
        raise _refusal(formula, f"needs an outcome before '~'. {_HELP}")
    right = [str(term) for term in parsed.rhs]
    if not {"EntityEffects", "TimeEffects"}.isdisjoint(right):
        raise _refusal(
            formula,
            "has EntityEffects or TimeEffects of linearmodels: write effects after a "
            "bar, 'y ~ a + b | province + year'.",
        )
    outcomes = [str(term) for term in parsed.lhs if str(term) != "1"]
    if len(outcomes) != 1:
        raise _refusal(formula, f"needs one outcome. {_HELP}")
    return right


def _effects(parts: list[str], formula: str) -> list[str]:
    """Split the part after the bar into effects."""
    absorb = [text for part in parts for text in summands(part)]
    if "" in absorb:
        raise _refusal(formula, f"has an empty effect after '|'. {_HELP}")
    return absorb


def _refuse_powers(model: str, formula: str) -> None:
    if re.search(r"\^|\*\*", _outside_calls(model)):
        raise _refusal(
            formula,
            "has a power outside I(), which formulas treat as an interaction; write "
            "I(x**2) for a square and a*b for an interaction.",
        )


def _refuse_many(model: str, formula: str) -> None:
    """Refuse products that would be multiplied out into thousands of terms."""
    for summand in summands(_outside_calls(model)):
        joins, sums = len(re.findall(r"[*:/]", summand)), summand.count("+")
        if joins > _MOST_JOINS or (joins and sums > _MOST_SUMS):
            raise _refusal(
                formula,
                f"has a product of too many columns: at most {_MOST_JOINS} signs '*' "
                f"or ':' in one, and {_MOST_SUMS} signs '+' in its brackets. Write the "
                "terms out in x.",
            )


def _outside_calls(model: str) -> str:
    """Remove calls, and names and texts in quotation marks."""
    text = re.sub(KEPT, "q", model)
    letters, calls = [], list[bool]()
    for letter, before in zip(text, f" {text}", strict=False):
        if letter == "(":
            calls.append(before.isalnum() or before == "_")
        if not any(calls):
            letters.append(letter)
        if letter == ")" and calls:
            calls.pop()
    return "".join(letters)
