"""Commands after an estimation, and those that test specifications."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

from digiprosper.errors import StataError, cited
from digiprosper.panel.grammar import as_written
from digiprosper.stata.commands.steps import Step
from digiprosper.stata.expressions import shifted
from digiprosper.stata.prefixes import Options, split
from digiprosper.stata.translation import as_python
from digiprosper.stata.varlists import LaterColumns, plain
from digiprosper.stata.varlists import term as written

if TYPE_CHECKING:
    from collections.abc import Collection

    from digiprosper.stata.commands.steps import DataCall
    from digiprosper.stata.translation import Call, Context, Table, Translation
    from digiprosper.stata.varlists import Factor, Product

_COEFFICIENT = re.compile(
    r"_b\[(?P<inside>[^\]]+)\]|(?P<name>(?:\d+[bo]*\.|[\w]+\.)?[^\W\d]\w*"
    r"(?:#(?:[\w]+\.)?[^\W\d]\w*)*)"
)


def test(call: Call) -> Translation:
    """Translate ``test`` and ``testparm`` into a Wald test."""
    text = call.command.arguments
    groups = re.findall(r"\(([^()]*)\)", text) or [text]
    restrictions = [r for group in groups for r in _restrictions(group, call)]
    if not restrictions:
        raise StataError.because("there is no coefficient to test")
    inside = json.dumps(", ".join(restrictions), ensure_ascii=False)
    note = "the p-value of Stata is alternatives['stata'] of the test"
    return call.python(f"fit.wald_test({inside})", *[note] * (len(restrictions) > 1))


def _restrictions(text: str, call: Call) -> list[str]:
    text = re.sub(r"={2,}", "=", text.strip())
    if "=" in text:
        return [_with_terms(text, call.context)]
    if call.command.name == "testparm":
        products = call.context.variables.products(text)
        if any(f.kind == "i" for p in products for f in p):
            raise StataError.because(
                "testparm of a category", "Test the coefficients of C(...) by name."
            )
        names = plain(products)
        if any(isinstance(name, LaterColumns) for name in names):
            raise StataError.because("columns that are not known")
        return [f"{name} = 0" for name in names]
    return [f"{_with_terms(word, call.context)} = 0" for word in split(text)]


def _with_terms(text: str, context: Context) -> str:
    """Replace the names of coefficients by those of this library."""

    def term(match: re.Match[str]) -> str:
        word = match["inside"] or match["name"]
        if word == "_cons":
            raise StataError.because("the constant in a test")
        products = context.variables.products(word.replace("##", "#"))
        if len(products) != 1:
            raise StataError.because(f"{cited(word)} stands for several coefficients")
        return ":".join(map(_coefficient, _as_estimated(products[0], context)))

    return _COEFFICIENT.sub(term, text.strip())


def _as_estimated(product: Product, context: Context) -> Product:
    """Order the factors of a product as in the last estimation."""
    terms = getattr(context.last, "x", ())
    for order in permutations(product):
        plain_factors = tuple(replace(f, level=None) for f in order)
        if len(order) > 1 and written(plain_factors) in terms:
            return order
    return product


def _coefficient(factor: Factor) -> str:
    name = as_written(factor.name)
    if factor.level is not None:
        return f"C({name})[T.{factor.level}]"
    if factor.kind == "i":
        raise StataError.because(f"the level of {cited(factor.name)} is not named")
    return shifted(factor.shift, name)


def lincom(call: Call) -> Translation:
    """Translate ``lincom``."""
    text = _with_terms(call.command.arguments, call.context)
    return call.python(f"fit.combination({json.dumps(text, ensure_ascii=False)})")


def hausman(call: Call) -> Translation:
    """Translate ``hausman``: the first named result is that with fixed effects."""
    names = split(call.command.arguments)
    spec = call.context.results.get(names[0]) if names else None
    if type(spec).__name__ != "FixedEffects":
        raise StataError.because(
            "hausman needs the name of an estimate with fixed effects first",
            "hausman(spec, panel, method='classical') estimates both models.",
        )
    return call.python(
        f"dp.hausman({as_python(spec)}, panel, method='classical')",
        "the default method here, Mundlak's, allows for clusters",
    )


def u_test(call: Call) -> Translation:
    """Translate ``utest``."""
    names = call.context.variables.names(call.command.arguments)
    if not names or len(names) > 2:
        raise StataError.because("a variable and its square are needed")
    code, notes = f"fit, {as_written(names[0])!r}", list[str]()
    if len(names) == 2:
        code += f", square={names[1]!r}"
        notes = ["a square that is a column is named: square="]
    return call.python(f"dp.u_test({code})", *notes)


def _is_predicted(spec: Any, *, is_fitted: bool) -> bool:
    """Tell whether values of all rows follow from the coefficients alone."""
    has_effects = bool(spec.entity_effects or spec.time_effects or spec.absorb)
    has_levels = has_effects or any("C(" in text for text in spec.x)
    return not (is_fitted and has_effects) and not (spec.where and has_levels)


def predict(call: DataCall) -> Step:
    """Translate ``predict`` after a linear regression, a logit or a probit."""
    context, spec, options = call.context, call.context.last, call.options
    *storage, name = split(call.command.arguments) or [""]
    is_fitted = not {"residuals", "e"} & {*options}
    if storage not in ([], ["float"], ["double"]):
        raise StataError.because(f"predict {call.command.arguments}")
    panel = context.panel_code
    if getattr(spec, "is_foreign", False):
        code = _of_formula(spec.python, options)
    elif not context.is_linear or "pr" in options:
        raise StataError.because("predict after an estimation that is not linear")
    elif (
        not is_fitted
        and context.knows_sample
        and (spec.singletons == "drop" or spec.ssc == "xtreg")
    ):
        # Residuals of reghdfe and xtreg are those of the estimation sample.
        code = "by_row(fit.resids, df)"
    elif not _is_predicted(spec, is_fitted=is_fitted):
        raise StataError.because(
            "predict of effects, or of rows that are not estimated"
        )
    else:
        code = f"by_row(fit.predict({panel}), df)"
        code = code if is_fitted else f"by_time({panel}, df, fit.depvar) - {code}"
    is_single = (storage or [context.default_type]) == ["float"]
    code = f"single({code})" if is_single else code
    code = f"only_where({code}, {call.where})" if call.where else code
    return Step(f"df[{name!r}] = {code}", (name,), is_single=is_single)


def _of_formula(python: str, options: Collection[str]) -> str:
    """Write probabilities, or the index, of all rows after a logit or probit."""
    formula = re.match(r"\w+\(\*formulaic\.model_matrix\('\S+ ~ ([^'(]+)'", python)
    if formula is None or {"residuals", "e"} & {*options}:
        raise StataError.because("predict of categories, lags, or random effects")
    which = ", which='linear'" if "xb" in options else ""
    rows = f"formulaic.model_matrix({formula[1]!r}, df)"
    return f"fit.predict({rows}{which}).reindex(df.index)"


COMMANDS: Table = {
    "test": (Options(), test),
    "testparm": (Options(), test),
    "lincom": (Options(), lincom),
    "hausman": (Options("", "const.ant"), hausman),
    "utest": (Options("", "f.ieller l.evel pre.fix quad.ratic"), u_test),
}
