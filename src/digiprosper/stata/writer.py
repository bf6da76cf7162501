"""Writes a specification as a command of Stata."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from digiprosper.errors import InputTypeError, StataError, cited
from digiprosper.panel.grammar import (
    function_name,
    interaction_factors,
    mask_names,
    reference_level,
    shift_periods,
)
from digiprosper.specification import Specification, one_term
from digiprosper.stata.commands.panels import DYNAMIC_FLAGS, SPATIAL_EFFECTS
from digiprosper.stata.commands.policy import AGGREGATES, METHODS

_Keys: TypeAlias = tuple[str, str]
_SIGNS: Mapping[type, str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "^",
}
_NEGATED = {"<=": ">", "<": ">=", "==": "!=", "!=": "=="}
_FUNCTIONS = {"log": "ln", "exp": "exp", "sqrt": "sqrt", "abs": "abs"}
_SHIFTS = ("lag", "lead", "diff")


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
    keys = one_term(entity, "entity"), one_term(time, "time")
    return _WRITERS[name](spec, keys)


# --- terms and conditions -------------------------------------------------------------


class _Text:
    """Writes a term or a condition, as a tree whose names are those of columns."""

    def __init__(self, text: str, keys: _Keys = ("", "")) -> None:
        source, self.names = mask_names(text)
        self.tree = ast.parse(source.strip(), mode="eval").body
        self.text, self.keys = text, keys

    def refused(self, reason: str = "") -> StataError:
        reason = reason or f"the term {cited(self.text)} is no variable"
        return StataError.because(reason, "Make it a column, with assign(), first.")

    def variable(self) -> str:
        """Write a term as a variable, with factor and time series operators."""
        factors = interaction_factors(self.tree)
        texts = [text for node in factors for text in self.power(node, len(factors))]
        return "#".join(texts)

    def power(self, node: ast.expr, factors: int) -> list[str]:
        """Write a factor, as often as its power says."""
        match node:
            case ast.Call(args=[ast.BinOp(inside, ast.Pow(), power)]) if (
                function_name(node) == "I"
            ):
                match power:
                    case ast.Constant(value=int() as count) if count > 1:
                        return [self.factor(inside, alone=False)] * count
                raise self.refused("a power that is no whole number")
        return [self.factor(node, alone=factors == 1)]

    def factor(self, node: ast.expr, *, alone: bool) -> str:
        function = function_name(node)
        match node:
            case ast.Name():
                return f"{'' if alone else 'c.'}{self.name(node)}"
            case ast.Call(args=[inside, *_]) if function == "C":
                base = reference_level(node)
                if isinstance(base, str):
                    raise self.refused(f"{self.text}: a base that is text")
                mark = "i" if base is None else f"ib{base:g}"
                return f"{mark}.{self.factor(inside, alone=True)}"
            case ast.Call() if function in _SHIFTS:
                return f"{'' if alone else 'c'}{self.shifted(node)}"
            case ast.Call(
                args=[
                    ast.Compare(
                        ast.Name() as name,
                        [ast.Eq()],
                        [ast.Constant(value=int() as level)],
                    )
                ]
            ) if function == "I":
                return f"{level}.{self.name(name)}"
        raise self.refused()

    def name(self, node: ast.Name) -> str:
        return self.names.get(node.id, node.id)

    def shifted(self, node: ast.expr) -> str:
        """Write nested lags as operators: ``lag(diff(x), 2)`` is ``L2D.x``."""
        operators = ""
        while isinstance(node, ast.Call) and function_name(node) in _SHIFTS:
            count = shift_periods(node, self.text, "x")
            letter = {"lag": "L", "lead": "F", "diff": "D"}[function_name(node)]
            letter = "S" if letter == "D" and count > 1 else letter
            operators += f"{letter}{count if count > 1 else ''}"
            node = node.args[0]
        if not isinstance(node, ast.Name):
            raise self.refused()
        return f"{operators}.{self.name(node)}"

    def truth(self, node: ast.expr) -> str:
        """Write a node that is true or false."""
        match node:
            case ast.BoolOp(op=operator, values=values):
                sides = [
                    f"({self.truth(v)})" if isinstance(v, ast.BoolOp) else self.truth(v)
                    for v in values
                ]
                return (" & " if isinstance(operator, ast.And) else " | ").join(sides)
            case ast.UnaryOp(ast.Not(), ast.Compare(a, [sign], [b])) if (
                _SIGNS.get(type(sign)) in _NEGATED
            ):
                negated = _NEGATED[_SIGNS[type(sign)]]
                return f"{self.number(a)} {negated} {self.number(b)}"
            case ast.UnaryOp(ast.Not(), operand):
                return f"!({self.truth(operand)})"
            case ast.Compare(a, [ast.In()], [ast.List(values)]):
                return f"inlist({', '.join(map(self.number, (a, *values)))})"
            case ast.Compare(low, [ast.LtE(), ast.LtE()], [x, high]):
                return f"inrange({', '.join(map(self.number, (x, low, high)))})"
            case ast.Compare(a, [sign], [b]) if type(sign) in _SIGNS:
                return self.compared(a, _SIGNS[type(sign)], b)
        raise self.refused(f"the condition {cited(ast.unparse(node))}")

    def compared(self, a: ast.expr, sign: str, b: ast.expr) -> str:
        """Write a comparison; a missing value is not larger than a number here."""
        x, z = self.number(a), self.number(b)
        if x == z and sign in ("==", "!="):
            return f"{'!' if sign == '==' else ''}missing({x})"
        larger = {">": x, ">=": x, "<": z, "<=": z}.get(sign, "0")
        is_complete = larger in self.keys or re.fullmatch(r"-?[\d.]+", larger)
        return f"{x} {sign} {z}{'' if is_complete else f' & {larger} < .'}"

    def number(self, node: ast.expr) -> str:
        match node:
            case ast.Name():
                return self.name(node)
            case ast.Constant(value=str() as value):
                return f'"{value}"'
            case ast.Constant(value=int() | float() as value):
                return repr(value)
            case ast.UnaryOp(ast.USub(), operand):
                return f"-{self.number(operand)}"
            case ast.BinOp(a, operator, b) if type(operator) in _SIGNS:
                return f"({self.number(a)} {_SIGNS[type(operator)]} {self.number(b)})"
            case ast.Call(args=[inside]) if function_name(node) in _FUNCTIONS:
                return f"{_FUNCTIONS[function_name(node)]}({self.number(inside)})"
            case ast.Call() if function_name(node) in _SHIFTS:
                return self.shifted(node)
        raise self.refused(f"{cited(ast.unparse(node))} in a condition")


def _variables(*terms: str) -> list[str]:
    return [_Text(term).variable() for term in terms]


def _effect(text: str) -> str:
    """Write an absorbed effect: pairs, and slopes by level."""
    match = re.fullmatch(r"([^\[\]]+)(\[{1,2})([^\[\]]+)\]{1,2}", text)
    if match is None:
        return text.replace("^", "#").replace(":", "#")
    levels = "#".join(f"i.{name.strip()}" for name in match[1].split("^"))
    slopes = _variables(*map(str.strip, match[3].split(",")))
    inside = slopes[0] if len(slopes) == 1 else f"({' '.join(slopes)})"
    return f"{levels}{'##' if match[2] == '[' else '#'}c.{inside}"


# --- commands -------------------------------------------------------------------------


def _command(
    spec: Any,
    keys: _Keys,
    words: Iterable[str],
    options: Mapping[str, bool] | list[str],
) -> str:
    """Join variables, condition, weights and the options that are set."""
    text = " ".join(words)
    if spec.where is not None:
        condition = spec.where.replace("&", " and ").replace("|", " or ")
        read = _Text(condition, keys)
        text += f" if {read.truth(read.tree)}"
    weights = getattr(spec, "obs_weights", None)
    text += f" [aweight={weights}]" if weights else ""
    chosen = (
        options if isinstance(options, list) else [o for o in options if options[o]]
    )
    return f"{text}, {' '.join(filter(None, chosen))}" if any(chosen) else text


def _listed(name: str, words: Iterable[str]) -> str:
    """Write an option with a list; nothing if it is empty."""
    inside = " ".join(words)
    return f"{name}({inside})" if inside else ""


def _errors(spec: Any, keys: _Keys) -> str:
    """Write vce()."""
    if spec.cov_type == "clustered":
        return f"vce(cluster {' '.join(map(_effect, spec.clusters or keys[:1]))})"
    if spec.cov_type in ("robust", "unadjusted"):
        return "vce(robust)" if spec.cov_type == "robust" else ""
    raise StataError.because(
        f"cov_type={spec.cov_type!r}", "Stata has no such option of this command."
    )


def _effects(spec: Any, keys: _Keys) -> list[str]:
    chosen = keys[:1] * spec.entity_effects + keys[1:] * spec.time_effects
    return [*chosen, *map(_effect, getattr(spec, "absorb", ()))]


def _fixed_effects(spec: Any, keys: _Keys) -> str:
    words, effects = _variables(spec.y, *spec.x), _effects(spec, keys)
    if spec.cov_type == "xtscc" and spec.ssc == "plm":
        dummies = [f"i.{keys[1]}"] * spec.time_effects
        lag = "" if spec.bandwidth is None else f"lag({spec.bandwidth})"
        options = ["fe" * spec.entity_effects, lag]
        return _command(spec, keys, ["xtscc", *words, *dummies], options)
    if spec.ssc == "reghdfe":
        absorb = _listed("absorb", effects) or "noabsorb"
        options = [absorb, _keeps(spec), _errors(spec, keys)]
        return _command(spec, keys, ["reghdfe", *words], options)
    if spec.ssc not in ("xtreg", "areg"):
        raise StataError.because(
            f"ssc={spec.ssc!r}", "Use 'reghdfe', 'xtreg' or 'areg'."
        )
    return _with_dummies(spec, keys, words, effects)


def _with_dummies(spec: Any, keys: _Keys, words: list[str], effects: list[str]) -> str:
    """Write xtreg or areg, which absorb one effect and estimate the others."""
    absorbed = effects[:1]
    is_plain = absorbed and all(effect.isidentifier() for effect in effects)
    if not is_plain or spec.singletons != "keep":
        raise StataError.because(
            f"ssc={spec.ssc!r} with these effects or without singletons",
            "xtreg and areg take plain effects, and keep singletons.",
        )
    if spec.ssc == "xtreg" and (absorbed != [keys[0]] or spec.cov_type == "robust"):
        raise StataError.because("ssc='xtreg' without entity effects, or robust")
    first = "fe" if spec.ssc == "xtreg" else _listed("absorb", absorbed)
    words += [f"i.{effect}" for effect in effects[1:]]
    return _command(spec, keys, [spec.ssc, *words], [first, _errors(spec, keys)])


def _keeps(spec: Any) -> str:
    return "keepsingletons" if spec.singletons == "keep" else ""


def _instruments(spec: Any, keys: _Keys) -> str:
    if spec.ssc != "reghdfe":
        raise StataError.because(f"ssc={spec.ssc!r}", "Use ssc='reghdfe'.")
    endog, instruments = (
        " ".join(_variables(*terms)) for terms in (spec.endog, spec.instruments)
    )
    words = [*_variables(spec.y, *spec.x), f"({endog} = {instruments})"]
    absorb, errors = _listed("absorb", _effects(spec, keys)), _errors(spec, keys)
    if not absorb:
        return _command(spec, keys, ["ivreg2", *words], ["small", errors])
    options = [absorb, _keeps(spec), errors]
    return _command(spec, keys, ["ivreghdfe", *words], options)


def _mediation(spec: Any, keys: _Keys) -> str:
    others = (spec.moderator, spec.absorb, spec.quadratic)
    if len(spec.mediators) != 1 or spec.structure != "parallel" or any(others):
        raise StataError.because("more than one mediator without a moderator")
    dummies = [f"i.{effect}" for effect in _effects(spec, keys)]
    options = [
        _listed("iv", _variables(spec.treatment)),
        _listed("mv", _variables(*spec.mediators)),
        _listed("cv", [*_variables(*spec.x), *dummies]),
        _errors(spec, keys),
    ]
    return _command(spec, keys, ["sgmediation2", *_variables(spec.y)], options)


def _threshold(spec: Any, keys: _Keys) -> str:
    if not spec.entity_effects or spec.absorb or isinstance(spec.trim, tuple):
        raise StataError.because("xthreg without entity effects, or with others")
    words = ["xthreg", *_variables(spec.y, *spec.x)]
    words += [f"i.{keys[1]}"] * spec.time_effects
    options = [
        _listed("rx", _variables(*spec.regime_dependent)),
        _listed("qx", _variables(spec.threshold_variable)),
        f"thnum({spec.n_thresholds})",
        _listed("trim", [repr(spec.trim)] * spec.n_thresholds),
        _errors(spec, keys),
    ]
    return _command(spec, keys, words, options)


def _dynamic(spec: Any, keys: _Keys) -> str:
    others = (spec.predetermined, spec.equations, spec.endogenous, spec.instruments)
    if any(others) or spec.estimator not in ("difference", "system"):
        raise StataError.because("this estimator, or regressors that are not exogenous")
    if not isinstance(spec.instrument_lags[0], int):
        raise StataError.because("lags by variable")
    first, last = spec.instrument_lags
    y, *exogenous = _variables(spec.y, *spec.x)
    exogenous += [f"i.{keys[1]}"] * spec.time_effects
    lags = f"lag({first - 1} {'.' if last is None else last - 1})"
    lagged = f"L(1/{spec.lags}).{y}" if spec.lags > 1 else f"L.{y}"
    is_set = {
        flag: getattr(spec, field) == value
        for flag, (field, value) in DYNAMIC_FLAGS.items()
    }
    options = {
        f"gmm(L.{y}, {lags}{' collapse' * spec.collapse})": True,
        _listed("iv", exogenous): True,
        "noleveleq": is_set["noleveleq"],
        "twostep": is_set["twostep"],
        "robust": spec.cov_type == "robust" and not spec.clusters,
        _listed("cluster", spec.clusters or ()): True,
        "orthogonal": is_set["orthogonal"],
        f"h({spec.h})": spec.h != 3,
    }
    return _command(spec, keys, ["xtabond2", y, lagged, *exogenous], options)


def _staggered(spec: Any, keys: _Keys) -> str:
    rest = (spec.obs_weights, spec.anticipation, spec.estimator == "sun_abraham")
    if any(rest) or (spec.cov_type, spec.never or 0) != ("influence", 0):
        raise StataError.because("sun_abraham, weights, or cov_type not 'influence'")
    (entity, time), clusters = keys, _listed("cluster", spec.clusters or ())
    y, event, *controls = _variables(spec.y, spec.event, *spec.x)
    if spec.estimator == "imputation":
        options = {
            "allhorizons": spec.aggregate == "dynamic",
            f"pretrends({spec.leads})": spec.leads is not None,
            _listed("controls", controls): True,
            clusters: True,
        }
        words = ["did_imputation", y, entity, time, event]
        return _command(spec, keys, words, options)
    methods = {value: word for word, value in METHODS.items()}
    aggregates = {value: word for word, value in AGGREGATES.items()}
    options = {
        f"ivar({entity}) time({time}) gvar({event})": True,
        f"method({methods.get(spec.adjustment, 'dripw')})": True,
        "notyet": spec.control == "not_yet",
        "long2": spec.base_period == "universal",
        f"agg({aggregates.get(spec.aggregate)})": spec.aggregate != "dynamic",
        clusters: True,
    }
    return _command(spec, keys, ["csdid", y, *controls], options)


def _spatial(spec: Any, keys: _Keys) -> str:
    if spec.likelihood == "adjusted" or spec.spatial_lags is not None or spec.cov_type:
        raise StataError.because("the adjusted likelihood, chosen lags or errors")
    kinds = {effects: word for word, effects in SPATIAL_EFFECTS.items()}
    kind = kinds.get((spec.entity_effects, spec.time_effects))
    if kind is None:
        raise StataError.because("a spatial model without effects")
    leeyu = ", leeyu" if spec.likelihood == "lee_yu" else ""
    matrix = "ematrix" if spec.model == "sem" else "wmatrix"
    options = [f"{matrix}(W) model({spec.model}) fe type({kind}{leeyu})"]
    return _command(spec, keys, ["xsmle", *_variables(spec.y, *spec.x)], options)


_WRITERS: Mapping[str, Callable[[Any, _Keys], str]] = {
    "FixedEffects": _fixed_effects,
    "FixedEffectsIV": _instruments,
    "Mediation": _mediation,
    "PanelThreshold": _threshold,
    "DynamicPanel": _dynamic,
    "StaggeredDid": _staggered,
    "PanelSpatial": _spatial,
}
