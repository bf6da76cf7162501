"""Commands after an estimation, and those that test differences and specifications."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

from digiprosper.errors import StataError, cited
from digiprosper.panel.grammar import as_written
from digiprosper.stata.expressions import shifted
from digiprosper.stata.prefixes import Options, read_options, split
from digiprosper.stata.translation import Translation, as_python
from digiprosper.stata.varlists import term as written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digiprosper.stata.prefixes import Command
    from digiprosper.stata.translation import Context
    from digiprosper.stata.varlists import Factor, Product

_COEFFICIENT = re.compile(
    r"_b\[(?P<inside>[^\]]+)\]|(?P<name>(?:\d+[bo]*\.|[\w]+\.)?[^\W\d]\w*"
    r"(?:#(?:[\w]+\.)?[^\W\d]\w*)*)"
)
_TESTS = {
    "xttest3": "dp.modified_wald(fit, method='chi2')",
    "xtserial": "dp.wooldridge_ar1(spec, panel)",
    "xtcsd": "dp.pesaran_cd(fit)",
}
_AFTER = "a test after the estimation"


def test(command: Command, context: Context) -> Translation:
    """Translate ``test`` and ``testparm`` into a Wald test."""
    Options("", "", {"m.test": _AFTER, "accum.ulate": _AFTER, "eq.ual": _AFTER}).read(
        command
    )
    text = command.arguments
    groups = re.findall(r"\(([^()]*)\)", text) or [text]
    restrictions = [
        r for group in groups for r in _restrictions(group, command, context)
    ]
    if not restrictions:
        raise StataError.because("there is no coefficient to test")
    inside = json.dumps(", ".join(restrictions), ensure_ascii=False)
    notes: tuple[str, ...] = ()
    if len(restrictions) > 1:
        notes = ("the p-value of Stata is alternatives['stata'] of the test",)
    return Translation(command.text, None, f"fit.wald_test({inside})", notes)


def _restrictions(text: str, command: Command, context: Context) -> list[str]:
    text = re.sub(r"={2,}", "=", text.strip())
    if "=" in text:
        return [_with_terms(text, context)]
    if command.name == "testparm":
        products = context.variables.products(text)
        if any(f.kind == "i" for p in products for f in p):
            raise StataError.because(
                "testparm of a category", "Test the coefficients of C(...) by name."
            )
    return [f"{_with_terms(word, context)} = 0" for word in split(text)]


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


def lincom(command: Command, context: Context) -> Translation:
    """Translate ``lincom``."""
    Options().read(command)
    text = json.dumps(_with_terms(command.arguments, context), ensure_ascii=False)
    return Translation(command.text, None, f"fit.combination({text})")


def hausman(command: Command, context: Context) -> Translation:
    """Translate ``hausman``: the first named result is that with fixed effects."""
    Options("", "sigmamore sigmaless const.ant").read(command)
    names = split(command.arguments)
    spec = context.results.get(names[0]) if names else None
    if spec is None or type(spec).__name__ != "FixedEffects":
        raise StataError.because(
            "hausman needs the name of an estimate with fixed effects first",
            "hausman(spec, panel, method='classical') estimates both models.",
        )
    python = f"dp.hausman({as_python(spec)}, panel, method='classical')"
    notes = ("the default method here, Mundlak's, allows for clusters",)
    return Translation(command.text, None, python, notes)


def u_test(command: Command, context: Context) -> Translation:
    """Translate ``utest``."""
    options = Options("min max", "f.ieller l.evel pre.fix quad.ratic").read(command)
    names = context.variables.names(command.arguments)
    if not names or len(names) > 2:
        raise StataError.because("a variable and its square are needed")
    square = f", square={names[1]!r}" if len(names) == 2 else ""
    interval = ""
    if {"min", "max"} <= set(options):
        interval = f", interval=({options['min']}, {options['max']})"
    return Translation(
        command.text,
        None,
        f"dp.u_test(fit, {as_written(names[0])!r}{square}{interval})",
        ("a square that is a column is named: square=",) if square else (),
    )


def difference(command: Command, context: Context) -> Translation:
    """Translate ``bdiff``, which permutes groups, into `by_group`."""
    from digiprosper.stata.commands import estimations

    options = Options(
        "g.roup m.odel r.eps f.irst", "d.etail nod.ots bd.ec s.eed bsa.mple"
    ).read(command)
    if "group" not in options or "model" not in options:
        raise StataError.because("group() or model() is absent")
    inner = estimations.estimate(options["model"], context)
    reps = f", reps={options['reps']}" if "reps" in options else ""
    group = context.variables.resolve(options["group"])
    return Translation(
        command.text,
        None,
        f"dp.by_group({inner.python}, panel, {group!r}{reps}, rng=1)",
        ("groups of whole entities are permuted, and p-values are two-sided",),
    )


def diagnostic(command: Command, _context: Context) -> Translation:
    """Translate a diagnostic test without arguments."""
    return Translation(command.text, None, _TESTS[command.name])


def permutation(command: Command, context: Context) -> Translation:
    """Translate ``permute`` and ``ritest`` of an estimation."""
    from digiprosper.stata.commands import estimations

    prefix = command.prefix("permute")
    assert prefix is not None
    main, _, options = prefix.text.partition(",")
    variable = split(main)[0]
    reps = dict(read_options(options)).get("reps")
    inner = estimations.estimate(command.text.split(":", 1)[1], context)
    return Translation(
        command.text,
        None,
        f"dp.randomisation_test({inner.python}, panel, {as_written(variable)!r}"
        f"{f', reps={reps}' if reps else ''}, rng=1)",
        ("the whole treatment path of an entity is exchanged, not single rows",),
    )


COMMANDS: Mapping[str, Callable[[Command, Context], Translation]] = {
    "test": test,
    "testparm": test,
    "lincom": lincom,
    "hausman": hausman,
    "utest": u_test,
    "bdiff": difference,
    **dict.fromkeys(_TESTS, diagnostic),
}
