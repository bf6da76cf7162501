"""Writes a specification as a command of Stata, which is read back as a check."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeAlias

from digiprosper.errors import InputTypeError, StataError, cited
from digiprosper.panel.grammar import mask_names, restore_names
from digiprosper.panel.terms import canonical
from digiprosper.specification import Specification, one_term
from digiprosper.stata.commands import estimations
from digiprosper.stata.commands.models import METHODS, SPATIAL_TYPES
from digiprosper.stata.prefixes import ROWS, read_command, refused
from digiprosper.stata.translation import FLAGS, Context

_Keys: TypeAlias = tuple[str, str]
# Arguments that change no estimate, are Stata's default, or are written as conditions.
_NOT_COMPARED = [
    *("adjustment", "collinear", "keep_rows", "level", "missing", "reps", "where"),
    # xthreg has one F and one kind of intervals.
    *("confidence", "df", "rule"),
]
_WRITTEN = [
    *("FixedEffects", "FixedEffectsIV", "Mediation", "PanelThreshold", "DynamicPanel"),
    *("StaggeredDid", "PanelSpatial"),
]
_SHIFT = re.compile(r"\b(lag|lead|diff)\(([\w.]+)(?:,\s*(\d+))?\)")
_POWER = re.compile(r"I\(([\w.]+)\*\*([1-9])\)")
# Factors of a term, and how Stata has them.
_FACTORS = {
    r"\w+": r"c.\g<0>",
    r"[LFDS\d]+\.\w+": r"c\g<0>",
    r"C\((\w+)\)": r"i.\1",
    r"C\((\w+),ref=(\d+)\)": r"ib\2.\1",
    r"I\((\w+)==(\d+)\)": r"\2.\1",
}


def to_stata(spec: Specification, *, entity: str = "id", time: str = "year") -> str:
    """Write a specification as a command of Stata.

    `from_stata` reads the command back as the same specification, except that collinear
    regressors are dropped, and that thresholds have the F and the intervals of
    ``xthreg``, as in Stata.

    Parameters
    ----------
    spec : specification
        `FixedEffects`, `FixedEffectsIV`, `Mediation`, `PanelThreshold`, `DynamicPanel`,
        `StaggeredDid` or `PanelSpatial`.
    entity, time : str
        Names of the keys of ``xtset``, by default ``"id"`` and ``"year"``.

    Returns
    -------
    str
        The command. It needs ``xtset`` with these keys, and the packages of its name.

    Raises
    ------
    StataError
        If a term or an option has no counterpart in Stata, such as
        ``cov_type="conley"``, or ``log(x)``, which must be a variable first.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("y", ["x", "lag(z)"], absorb=["prov^year"])
    >>> dp.to_stata(spec)
    'reghdfe y x L.z, absorb(id year prov#year) vce(cluster id)'
    """
    name = type(spec).__name__
    if name not in _WRITTEN:
        raise InputTypeError(
            f"to_stata cannot write {name}; it writes {', '.join(_WRITTEN)}."
        )
    keys = one_term(entity, "entity"), one_term(time, "time")
    command, others = _command(spec)
    parts = _parts(spec, keys) | others
    # Options that are empty are left out. What a command has no option for is seen when
    # it is read back.
    written = ROWS[command]["written"].split(" , ")
    words, options = (_filled(part, parts) for part in written)
    text = f"{command} {words}"
    if (condition := getattr(spec, "where", None)) is not None:
        text += f" if {_condition(condition, keys)}"
    if weights := getattr(spec, "obs_weights", None):
        text += f" [aweight={weights}]"
    text += f", {options}" if options else ""
    context = Context.start(None, {"W": getattr(spec, "spatial_weights", None)}, keys)
    read = estimations.translate(read_command(text), context).spec
    # Without effects no row is a singleton.
    skipped = (*_NOT_COMPARED, "singletons" if command == "ivreg2" else "")
    differs = [
        f"{field.name}={value!r}"
        for field in fields(spec)
        if field.name not in skipped
        and _compared(value := getattr(spec, field.name), keys)
        != _compared(getattr(read, field.name, None), keys)
    ]
    if differs:
        raise refused(
            f"{command} differs in {', '.join(differs)}",
            "Stata has no such option of this command.",
        )
    return text


def _compared(value: Any, keys: _Keys) -> Any:
    """Write terms in one form; the entity is the cluster where none is named."""
    if isinstance(value, tuple) and all(isinstance(part, str) for part in value):
        return [*map(canonical, value)] if value != keys[:1] else None
    return value


# --- terms and conditions -------------------------------------------------------------


def _refused(what: str) -> StataError:
    return refused(what, "Make it a column, with assign(), first.")


def _with_operators(text: str) -> str:
    """Write lags as operators, from inside: ``lag(diff(x), 2)`` is ``L2D.x``."""

    def shifted(match: re.Match[str]) -> str:
        function, inside, periods = match.groups(default="1")
        letter = {"lag": "L", "lead": "F", "diff": "D"}[function]
        letter = "S" if letter == "D" and periods != "1" else letter
        operators, _, name = inside.rpartition(".")
        return f"{letter}{periods if periods != '1' else ''}{operators}.{name}"

    count = 1
    while count:
        text, count = _SHIFT.subn(shifted, text)
    return text


def _variable(term: str) -> str:
    """Write a term as a variable, with factor and time series operators."""
    text = _with_operators(canonical(term).replace("`", ""))
    text = _POWER.sub(lambda power: ":".join([power[1]] * int(power[2])), text)
    factors = [
        re.sub(pattern, written, factor)
        for factor in text.split(":")
        for pattern, written in _FACTORS.items()
        if re.fullmatch(pattern, factor)
    ]
    if len(factors) != text.count(":") + 1:
        raise _refused(f"the term {cited(term)} is no variable")
    return "#".join(factors) if factors[1:] else re.sub(r"^c\.?", "", factors[0])


def _effect(text: str) -> str:
    """Write an absorbed effect: pairs, and slopes by level."""
    match = re.fullmatch(r"([^\[\]]+)(\[{1,2})([^\[\]]+)\]{1,2}", text)
    if match is None:
        return text.replace("^", "#").replace(":", "#")
    levels = "#".join(f"i.{name.strip()}" for name in match[1].split("^"))
    slopes = " ".join(map(_variable, match[3].split(",")))
    inside = f"({slopes})" if " " in slopes else slopes
    return f"{levels}{'##' if match[2] == '[' else '#'}c.{inside}"


def _condition(text: str, keys: _Keys) -> str:
    source, names = mask_names(_with_operators(text))
    source = re.sub(r"\blog\(", "ln(", source)
    source = source.replace("&", " and ").replace("|", " or ")
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError:
        raise _refused(f"the condition {cited(text)}") from None
    restore_names(tree, names)
    return _test(tree, keys)


def _test(node: ast.expr, keys: _Keys) -> str:
    """Write a part of a condition; missing values are not larger than a number."""
    match node:
        case ast.BoolOp(operator, values):
            sides = [
                f"({_test(v, keys)})" if isinstance(v, ast.BoolOp) else _test(v, keys)
                for v in values
            ]
            return (" & " if isinstance(operator, ast.And) else " | ").join(sides)
        case ast.UnaryOp(ast.Not(), operand):
            return f"!({_test(operand, keys)})"
        case ast.Compare(a, [ast.In()], [ast.List(values)]):
            return f"inlist({', '.join(map(_text, (a, *values)))})"
        case ast.Compare(low, [ast.LtE(), ast.LtE()], [x, high]):
            return f"inrange({', '.join(map(_text, (x, low, high)))})"
        case ast.Compare(_, [_], [_]):
            return _comparison(node, keys)
    raise _refused(f"the condition {cited(ast.unparse(node))}")


def _comparison(node: ast.expr, keys: _Keys) -> str:
    """Write a comparison; a missing value is larger than a number in Stata alone."""
    match node:
        case ast.Compare(a, [ast.Eq() | ast.NotEq() as sign], [b]):
            if _text(a) != _text(b):
                return _text(node)
            return f"{'!' if isinstance(sign, ast.Eq) else ''}missing({_text(a)})"
        case ast.Compare(larger, [ast.Gt() | ast.GtE()], [_]) | ast.Compare(
            _, [ast.Lt() | ast.LtE()], [larger]
        ):
            name = _text(larger)
            is_complete = name in keys or re.fullmatch(r"-?[\d.]+", name)
            return _text(node) + ("" if is_complete else f" & {name} < .")
    raise _refused(f"the condition {cited(ast.unparse(node))}")


def _text(node: ast.expr) -> str:
    return ast.unparse(node).replace("'", '"')


# --- commands -------------------------------------------------------------------------

# Options without arguments, and the field and value that each stands for.
_FLAGS: Mapping[str, tuple[str, Any]] = {
    **FLAGS,
    "allhorizons": ("aggregate", "dynamic"),
    "collapse": ("collapse", True),
    "fe": ("entity_effects", True),
    "keepsingletons": ("singletons", "keep"),
    "robust": ("cov_type", "robust"),
}


def _command(spec: Any) -> tuple[str, dict[str, Any]]:
    """Choose the command, and write the parts that only it has."""
    match type(spec).__name__:
        case "FixedEffects" | "FixedEffectsIV":
            return _regression(spec), {}
        case "Mediation":
            return "sgmediation2", {}
        case "PanelThreshold":
            count = 1 if spec.n_thresholds == "auto" else spec.n_thresholds
            return "xthreg", {"n_thresholds": count, "trims": f"{spec.trim} " * count}
        case "DynamicPanel":
            return "xtabond2", _dynamic(spec)
        case "StaggeredDid" if spec.estimator == "imputation":
            return "did_imputation", {}
        case "StaggeredDid":
            methods = {meant: word for word, meant in METHODS.items()}
            return "csdid", {
                "method": methods.get(spec.adjustment, "dripw"),
                "average": "" if spec.aggregate == "dynamic" else spec.aggregate,
            }
    kinds = {meant: word for word, meant in SPATIAL_TYPES.items()}
    kind = (spec.entity_effects, spec.time_effects, spec.likelihood)
    matrix = "ematrix" if spec.model == "sem" else "wmatrix"
    return "xsmle", {"matrix": matrix, "kind": kinds.get(kind, "none")}


def _regression(spec: Any) -> str:
    """Choose the command of a linear regression."""
    if type(spec).__name__ == "FixedEffectsIV":
        has_effects = spec.entity_effects or spec.time_effects or spec.absorb
        return "ivreghdfe" if has_effects else "ivreg2"
    if spec.cov_type == "xtscc":
        return "xtscc"
    return spec.ssc if spec.ssc in ("areg", "xtreg") else "reghdfe"


def _dynamic(spec: Any) -> dict[str, Any]:
    """Write lags of the outcome and of its instruments."""
    # Lags by variable are not those that are read back.
    is_shared = isinstance(spec.instrument_lags[0], int)
    first, last = spec.instrument_lags if is_shared else (1, None)
    return {
        "lagged": f"L{f'(1/{spec.lags})' if spec.lags > 1 else ''}.{spec.y}",
        "limits": f"{first - 1} {'.' if last is None else last - 1}",
        "h": "" if spec.h == 3 else spec.h,
    }


def _filled(template: str, parts: Mapping[str, Any]) -> str:
    """Fill in a template, and leave out options that are empty."""
    text = re.sub(r"\w+\(\s*\)", "", template.format_map(parts))
    return " ".join(text.split()).replace(" )", ")")


def _parts(spec: Any, keys: _Keys) -> dict[str, Any]:
    """Write what a command may have of a specification, by field, flag or part."""
    parts: dict[str, Any] = defaultdict(str)
    for field in fields(spec):
        value = getattr(spec, field.name)
        if "term" in field.metadata:
            terms = (value,) if isinstance(value, str) else value
            value = " ".join(map(_variable, terms or ()))
        parts[field.name] = "" if value is None else value
    for flag, (name, value) in _FLAGS.items():
        parts[flag] = flag if getattr(spec, name, None) == value else ""
    years = keys[1:] * getattr(spec, "time_effects", False)
    effects = [*keys[:1] * getattr(spec, "entity_effects", False), *years]
    effects += map(_effect, getattr(spec, "absorb", ()))
    clusters = " ".join(map(_effect, getattr(spec, "clusters", None) or ()))
    errors = {
        "clustered": f"vce(cluster {clusters or keys[0]})",
        "robust": "vce(robust)",
    }
    return parts | {
        "entity": keys[0],
        "time": keys[1],
        "years": _dummies(years),
        "dummies": _dummies(effects),
        "others": _dummies(effects[1:]),
        "first": "".join(effects[:1]),
        "absorb": f"absorb({' '.join(effects)})" if effects else "noabsorb",
        "clusters": clusters,
        "errors": errors.get(spec.cov_type, ""),
    }


def _dummies(names: Iterable[str]) -> str:
    return " ".join(f"i.{name}" for name in names)
