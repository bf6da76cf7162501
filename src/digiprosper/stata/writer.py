"""Writes a specification as a command of Stata."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from digiprosper.errors import InputTypeError, StataError, cited
from digiprosper.panel.grammar import called, coded_words, joined, reference, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from digiprosper.specification import Specification

_SIGNS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_NEGATED: Mapping[type[ast.cmpop], str] = {
    ast.LtE: ">",
    ast.Lt: ">=",
    ast.Eq: "!=",
    ast.NotEq: "==",
}
_ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "^",
}
_FUNCTIONS = {"log": "ln", "exp": "exp", "sqrt": "sqrt", "abs": "abs"}


def to_stata(spec: Specification, *, entity: str = "id", time: str = "year") -> str:
    """Write a specification as a command of Stata.

    `from_stata` reads the command back as the same specification, except that collinear
    regressors are dropped, as Stata does.

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
    if name not in _WRITERS:
        raise InputTypeError(
            f"to_stata cannot write {name}; it writes {', '.join(_WRITERS)}."
        )
    return _WRITERS[name](spec, entity, time)


# --- terms ----------------------------------------------------------------------------


def _variables(terms: Sequence[str]) -> str:
    return " ".join(map(_variable, terms))


def _variable(term: str) -> str:
    """Write a term as a variable, with factor and time series operators."""
    source, names = coded_words(term)
    factors = joined(ast.parse(source, mode="eval").body)
    if len(factors) == 1 and not _is_power(factors[0]):
        return _factor(factors[0], term, names, alone=True)
    texts = []
    for factor in factors:
        count = _power(factor) if _is_power(factor) else 1
        inside = factor.args[0].left if _is_power(factor) else factor  # type: ignore[attr-defined]
        texts += [_factor(inside, term, names, alone=False)] * count
    return "#".join(texts)


def _is_power(node: ast.expr) -> bool:
    return (
        called(node) == "I"
        and isinstance(node, ast.Call)
        and isinstance(node.args[0], ast.BinOp)
        and isinstance(node.args[0].op, ast.Pow)
    )


def _power(node: ast.expr) -> int:
    match node:
        case ast.Call(args=[ast.BinOp(right=ast.Constant(value=int() as count))]) if (
            count > 1
        ):
            return count
    raise StataError.because(
        "a power that is no whole number", "Make it a variable first."
    )


def _factor(node: ast.expr, term: str, names: Mapping[str, str], *, alone: bool) -> str:
    function = called(node)
    if isinstance(node, ast.Name):
        name = names.get(node.id, node.id)
        return name if alone else f"c.{name}"
    if function == "C" and isinstance(node, ast.Call):
        base = reference(node)
        inside = _factor(node.args[0], term, names, alone=True)
        if isinstance(base, str):
            raise StataError.because(f"{term}: a base that is text", "Encode it first.")
        return f"i.{inside}" if base is None else f"ib{base:g}.{inside}"
    if function in ("lag", "lead", "diff") and isinstance(node, ast.Call):
        operators, name = _shifted(node, term, names)
        return f"{operators}.{name}" if alone else f"c{operators}.{name}"
    match node:
        case ast.Call(
            args=[
                ast.Compare(
                    ast.Name() as left, [ast.Eq()], [ast.Constant(value=int() as level)]
                )
            ]
        ) if function == "I":
            return f"{level}.{names.get(left.id, left.id)}"
    raise StataError.because(
        f"the term {cited(term)} is no variable",
        "Make it a column, with assign(), first.",
    )


def _shifted(node: ast.expr, term: str, names: Mapping[str, str]) -> tuple[str, str]:
    """Write nested lags as operators: ``lag(diff(x), 2)`` is ``L2D.x``."""
    if isinstance(node, ast.Name):
        return "", names.get(node.id, node.id)
    function = called(node)
    if not isinstance(node, ast.Call) or function not in ("lag", "lead", "diff"):
        raise StataError.because(f"the term {cited(term)} is no variable")
    inside, name = _shifted(node.args[0], term, names)
    count = steps(node, term, "x")
    if function == "diff":
        return f"{'D' if count == 1 else f'S{count}'}{inside}", name
    letter = "L" if function == "lag" else "F"
    return f"{letter}{count if count > 1 else ''}{inside}", name


def _effect(text: str) -> str:
    """Write an absorbed effect: pairs, and slopes by level."""
    match = re.fullmatch(r"([^\[\]]+)(\[{1,2})([^\[\]]+)\]{1,2}", text)
    if match is None:
        return text.replace("^", "#").replace(":", "#")
    levels = "#".join(f"i.{name.strip()}" for name in match[1].split("^"))
    slopes = [_variable(slope.strip()) for slope in match[3].split(",")]
    inside = slopes[0] if len(slopes) == 1 else f"({' '.join(slopes)})"
    return f"{levels}{'##' if match[2] == '[' else '#'}c.{inside}"


# --- conditions -----------------------------------------------------------------------


def _condition(text: str | None, keys: tuple[str, str]) -> str:
    """Write a condition of `where` after ``if``; empty without one."""
    if text is None:
        return ""
    source, names = coded_words(text.replace("&", " and ").replace("|", " or "))
    return f" if {_truth(ast.parse(source.strip(), mode='eval').body, names, keys)}"


def _truth(node: ast.expr, names: Mapping[str, str], keys: tuple[str, str]) -> str:
    """Write a node that is true or false."""
    match node:
        case ast.BoolOp(op=operator, values=values):
            sign = " & " if isinstance(operator, ast.And) else " | "
            sides = [_truth(value, names, keys) for value in values]
            inner = [isinstance(value, ast.BoolOp) for value in values]
            pairs = zip(sides, inner, strict=True)
            return sign.join(f"({side})" if deep else side for side, deep in pairs)
        case ast.UnaryOp(
            op=ast.Not(),
            operand=ast.Compare(left=left, ops=[sign], comparators=[right]),
        ) if type(sign) in _NEGATED:
            return (
                f"{_number(left, names)} {_NEGATED[type(sign)]} {_number(right, names)}"
            )
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"!({_truth(operand, names, keys)})"
        case ast.Compare(
            left=left, ops=[ast.In()], comparators=[ast.List(elts=values)]
        ):
            return _function("inlist", (left, *values), names)
        case ast.Compare(left=left, ops=[ast.LtE(), ast.LtE()], comparators=[x, high]):
            return _function("inrange", (x, left, high), names)
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if (
            type(sign) in _SIGNS
        ):
            return _compared(left, _SIGNS[type(sign)], right, names, keys)
    raise StataError.because(f"the condition {cited(ast.unparse(node))}")


def _function(name: str, parts: Iterable[ast.expr], names: Mapping[str, str]) -> str:
    return f"{name}({', '.join(_number(part, names) for part in parts)})"


def _compared(
    a: ast.expr, sign: str, b: ast.expr, names: Mapping[str, str], keys: tuple[str, str]
) -> str:
    """Write a comparison; a missing value is not larger than a number here."""
    left_side, right_side = _number(a, names), _number(b, names)
    if left_side == right_side and sign in ("==", "!="):
        return f"{'!' if sign == '==' else ''}missing({left_side})"
    text = f"{left_side} {sign} {right_side}"
    larger = (
        left_side if sign in (">", ">=") else right_side if sign in ("<", "<=") else ""
    )
    is_column = bool(larger) and not re.fullmatch(r"-?[\d.]+", larger)
    return f"{text} & {larger} < ." if is_column and larger not in keys else text


def _number(node: ast.expr, names: Mapping[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            return names.get(name, name)
        case ast.Constant(value=str() as value):
            return f'"{value}"'
        case ast.Constant(value=int() | float() as value):
            return repr(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"-{_number(operand, names)}"
        case ast.BinOp(left=left, op=operator, right=right) if (
            type(operator) in _ARITHMETIC
        ):
            sign = _ARITHMETIC[type(operator)]
            return f"({_number(left, names)} {sign} {_number(right, names)})"
        case ast.Call(args=[inside]) if called(node) in _FUNCTIONS:
            return f"{_FUNCTIONS[called(node)]}({_number(inside, names)})"
        case ast.Call() if called(node) in ("lag", "lead", "diff"):
            return ".".join(_shifted(node, ast.unparse(node), names))
    raise StataError.because(f"{cited(ast.unparse(node))} in a condition")


# --- commands -------------------------------------------------------------------------


def _errors(spec: Any, entity: str) -> str:
    """Write vce()."""
    if spec.cov_type == "clustered":
        terms = spec.clusters or (entity,)
        return f"vce(cluster {' '.join(_effect(term) for term in terms)})"
    if spec.cov_type in ("robust", "unadjusted"):
        return "vce(robust)" if spec.cov_type == "robust" else ""
    raise StataError.because(
        f"cov_type={spec.cov_type!r}", "Stata has no such option of this command."
    )


def _joined(main: str, options: Sequence[str]) -> str:
    shown = [option for option in options if option]
    return f"{main}, {' '.join(shown)}" if shown else main


def _effects(spec: Any, entity: str, time: str) -> list[str]:
    keys = [entity] * spec.entity_effects + [time] * spec.time_effects
    return [*keys, *map(_effect, getattr(spec, "absorb", ()))]


def _fixed_effects(spec: Any, entity: str, time: str) -> str:
    main = (
        f"{_variable(spec.y)} "
        f"{_variables(spec.x)}{_condition(spec.where, (entity, time))}"
    )
    main += f" [aweight={spec.obs_weights}]" if spec.obs_weights else ""
    effects = _effects(spec, entity, time)
    if spec.cov_type == "xtscc" and spec.ssc == "plm":
        lag = "" if spec.bandwidth is None else f"lag({spec.bandwidth})"
        words = main.replace(
            f"{_variable(spec.y)} {_variables(spec.x)}",
            f"{_variable(spec.y)} "
            f"{_variables(spec.x)}{f' i.{time}' if spec.time_effects else ''}",
            1,
        )
        return _joined(f"xtscc {words}", ["fe" if spec.entity_effects else "", lag])
    if spec.ssc not in ("reghdfe", "xtreg", "areg"):
        raise StataError.because(
            f"ssc={spec.ssc!r}", "Use 'reghdfe', 'xtreg' or 'areg'."
        )
    keeps = "keepsingletons" if spec.singletons == "keep" else ""
    if spec.ssc == "reghdfe":
        absorbed = f"absorb({' '.join(effects)})" if effects else "noabsorb"
        return _joined(f"reghdfe {main}", [absorbed, keeps, _errors(spec, entity)])
    return _with_dummies(spec, main, effects, entity)


def _with_dummies(spec: Any, main: str, effects: list[str], entity: str) -> str:
    """Write xtreg or areg, which absorb one effect and estimate the others."""
    plain = [e for e in effects if e.isidentifier()]
    if plain != effects or not effects or spec.singletons != "keep":
        raise StataError.because(
            f"ssc={spec.ssc!r} with these effects or without singletons",
            "xtreg and areg take plain effects, and keep singletons.",
        )
    y_and_x = f"{_variable(spec.y)} {_variables(spec.x)}"
    dummies = "".join(f" i.{effect}" for effect in effects[1:])
    main = main.replace(y_and_x, f"{y_and_x}{dummies}", 1)
    if spec.ssc == "xtreg":
        if effects[0] != entity or spec.cov_type == "robust":
            raise StataError.because("ssc='xtreg' without entity effects, or robust")
        return _joined(f"xtreg {main}", ["fe", _errors(spec, entity)])
    return _joined(f"areg {main}", [f"absorb({effects[0]})", _errors(spec, entity)])


def _instruments(spec: Any, entity: str, time: str) -> str:
    pair = f"({_variables(spec.endog)} = {_variables(spec.instruments)})"
    condition = _condition(spec.where, (entity, time))
    weight = f" [aweight={spec.obs_weights}]" if spec.obs_weights else ""
    words = " ".join(filter(None, [_variable(spec.y), _variables(spec.x), pair]))
    effects = _effects(spec, entity, time)
    if spec.ssc != "reghdfe":
        raise StataError.because(f"ssc={spec.ssc!r}", "Use ssc='reghdfe'.")
    if not effects:
        return _joined(
            f"ivreg2 {words}{condition}{weight}", ["small", _errors(spec, entity)]
        )
    keeps = "keepsingletons" if spec.singletons == "keep" else ""
    options = [f"absorb({' '.join(effects)})", keeps, _errors(spec, entity)]
    return _joined(f"ivreghdfe {words}{condition}{weight}", options)


def _mediation(spec: Any, entity: str, time: str) -> str:
    if (
        len(spec.mediators) != 1
        or spec.structure != "parallel"
        or spec.moderator
        or spec.absorb
        or spec.quadratic
    ):
        raise StataError.because("more than one mediator without a moderator")
    effects = [f"i.{effect}" for effect in _effects(spec, entity, time)]
    controls = " ".join([*map(_variable, spec.x), *effects])
    return _joined(
        f"sgmediation2 {_variable(spec.y)}{_condition(spec.where, (entity, time))}",
        [
            f"iv({_variable(spec.treatment)})",
            f"mv({_variable(spec.mediators[0])})",
            f"cv({controls})" if controls else "",
            _errors(spec, entity),
        ],
    )


def _threshold(spec: Any, entity: str, time: str) -> str:
    if not spec.entity_effects or spec.absorb or isinstance(spec.trim, tuple):
        raise StataError.because("xthreg without entity effects, or with others")
    dummies = [f"i.{time}"] if spec.time_effects else []
    words = " ".join([_variable(spec.y), *map(_variable, spec.x), *dummies])
    return _joined(
        f"xthreg {words}{_condition(spec.where, (entity, time))}",
        [
            f"rx({_variables(spec.regime_dependent)})",
            f"qx({_variable(spec.threshold_variable)})",
            f"thnum({spec.n_thresholds})",
            f"trim({' '.join([repr(spec.trim)] * spec.n_thresholds)})",
            _errors(spec, entity),
        ],
    )


def _dynamic(spec: Any, entity: str, time: str) -> str:
    others = (spec.predetermined, spec.equations, spec.endogenous, spec.instruments)
    if any(others) or spec.estimator not in ("difference", "system"):
        raise StataError.because("this estimator, or regressors that are not exogenous")
    if not isinstance(spec.instrument_lags[0], int):
        raise StataError.because("lags by variable")
    first, last = spec.instrument_lags
    y, exogenous = _variable(spec.y), list(map(_variable, spec.x))
    exogenous += [f"i.{time}"] * spec.time_effects
    lags = f"lag({first - 1} {'.' if last is None else last - 1})"
    lagged = f"L(1/{spec.lags}).{y}" if spec.lags > 1 else f"L.{y}"
    flags = {
        f"iv({' '.join(exogenous)})": bool(exogenous),
        "noleveleq": spec.estimator == "difference",
        "twostep": spec.steps == 2,
        "robust": spec.cov_type == "robust" and not spec.clusters,
        f"cluster({' '.join(spec.clusters or ())})": bool(spec.clusters),
        "orthogonal": spec.transform == "orthogonal",
        f"h({spec.h})": spec.h != 3,
    }
    return _joined(
        f"xtabond2 {' '.join([y, lagged, *exogenous])}"
        f"{_condition(spec.where, (entity, time))}",
        [
            f"gmm(L.{y}, {lags}{' collapse' * spec.collapse})",
            *(flag for flag, is_set in flags.items() if is_set),
        ],
    )


def _staggered(spec: Any, entity: str, time: str) -> str:
    imputes = spec.estimator == "imputation"
    rest = (spec.obs_weights, spec.anticipation, spec.estimator == "sun_abraham")
    if any(rest) or (spec.cov_type, spec.never or 0) != ("influence", 0):
        raise StataError.because("sun_abraham, weights, or cov_type not 'influence'")
    y, event, controls = _variable(spec.y), _variable(spec.event), _variables(spec.x)
    condition = _condition(spec.where, (entity, time))
    methods = {"regression": "reg", "ipw": "stdipw"}
    flags = {
        "allhorizons": imputes and spec.aggregate == "dynamic",
        f"pretrends({spec.leads})": imputes and spec.leads is not None,
        f"controls({controls})": imputes and bool(controls),
        f"ivar({entity}) time({time}) gvar({event})": not imputes,
        f"method({methods.get(spec.adjustment, 'dripw')})": not imputes,
        "notyet": spec.control == "not_yet",
        "long2": spec.base_period == "universal",
        f"agg({spec.aggregate})": not imputes and spec.aggregate != "dynamic",
        f"cluster({' '.join(spec.clusters or ())})": bool(spec.clusters),
    }
    options = [flag for flag, is_set in flags.items() if is_set]
    if imputes:
        return _joined(
            f"did_imputation {y} {entity} {time} {event}{condition}", options
        )
    return _joined(f"csdid {f'{y} {controls}'.strip()}{condition}", options)


def _spatial(spec: Any, entity: str, time: str) -> str:
    if spec.likelihood == "adjusted" or spec.spatial_lags is not None or spec.cov_type:
        raise StataError.because("the adjusted likelihood, chosen lags or errors")
    kinds = {(True, True): "both", (True, False): "ind", (False, True): "time"}
    kind = kinds.get((spec.entity_effects, spec.time_effects))
    if kind is None:
        raise StataError.because("a spatial model without effects")
    leeyu = ", leeyu" if spec.likelihood == "lee_yu" else ""
    matrix = "ematrix" if spec.model == "sem" else "wmatrix"
    return _joined(
        f"xsmle {_variable(spec.y)} "
        f"{_variables(spec.x)}{_condition(spec.where, (entity, time))}",
        [f"{matrix}(W) model({spec.model}) fe type({kind}{leeyu})"],
    )


_WRITERS: Mapping[str, Callable[[Any, str, str], str]] = {
    "FixedEffects": _fixed_effects,
    "FixedEffectsIV": _instruments,
    "Mediation": _mediation,
    "PanelThreshold": _threshold,
    "DynamicPanel": _dynamic,
    "StaggeredDid": _staggered,
    "PanelSpatial": _spatial,
}
