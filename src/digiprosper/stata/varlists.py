"""Lists of variables: factors, operators and ranges become terms of this library."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digiprosper.errors import StataError, cited
from digiprosper.panel.grammar import as_written
from digiprosper.stata.expressions import number_text, shifted
from digiprosper.stata.macros import numbers
from digiprosper.stata.names import column_name, matching
from digiprosper.stata.prefixes import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SHIFT = r"(?:[LFDSlfds]\d*)+"
_ATOM = re.compile(
    rf"(?:(?P<prefix>(?:i?bn?\d*|ib(?:first|last|freq)|[iI]|[cC]|o|io|co|\d+)?(?P<shift>{_SHIFT})?)\.)?"
    r"(?P<name>[^\W\d][\w*?~-]*)"
)
_GROUP = re.compile(r"(?P<prefix>[\w()/]*?)\.?\((?P<inside>.*)\)", re.DOTALL)
_LAGS = re.compile(
    r"(?P<sign>[LFDSlfds])\((?P<numbers>[^)]*)\)(?P<rest>[LFDSlfds\d]*)\.(?P<name>.*)"
)


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a product: a number, a category or the dummy of one level."""

    name: str
    # "c" or "i"; None where no prefix was typed.
    kind: str | None = None
    # The base of a category, or the level of a single dummy.
    base: str | None = None
    level: str | None = None
    shift: str = ""


Product = tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Variables:
    """What a reader of lists knows of the data.

    `columns` is None while the columns are not known; `created` lists those that
    earlier lines have made.
    """

    columns: Sequence[str] | None = None
    created: Sequence[str] = ()

    def resolve(self, name: str) -> str:
        """Find the column that a name means."""
        return column_name(name, self.columns)

    def changed(self, creates: Iterable[str], drops: Iterable[str]) -> Variables:
        """Add columns and leave columns out."""
        lists = (self.columns, self.created)
        columns, created = (
            None
            if names is None
            else tuple(dict.fromkeys([*(n for n in names if n not in drops), *creates]))
            for names in lists
        )
        return Variables(columns, created or ())

    def names(self, text: str) -> list[str]:
        """Expand a list of plain variables, with wildcards and ranges."""
        return [name for word in split(text) for name in self._expanded(word)]

    def _expanded(self, word: str) -> list[str]:
        first, dash, last = word.partition("-")
        if dash and first and last:
            return self._between(first, last, word)
        if not set(word) & set("*?~"):
            return [self.resolve(word)]
        if word in ("*", "_all") and self.columns is None:
            raise StataError.because("all variables of data that are not read", _PASS)
        names = matching(word, self.columns or self.created)
        if not names:
            raise StataError.because(
                f"no column fits {cited(word)}"
                + ("" if self.columns else ", as far as this file makes columns"),
                _PASS,
            )
        return names

    def _between(self, first: str, last: str, word: str) -> list[str]:
        columns = list(self.columns or self.created)
        ends = [column_name(name, self.columns) for name in (first, last)]
        missing = [name for name in ends if name not in columns]
        if missing or columns.index(ends[0]) > columns.index(ends[1]):
            raise StataError.because(
                f"the range {cited(word)} needs the order of the columns", _PASS
            )
        return columns[columns.index(ends[0]) : columns.index(ends[1]) + 1]

    def products(self, text: str) -> list[Product]:
        """Read a list with factor variables; ``a##b`` is a, b and their product."""
        out: list[Product] = []
        for word in split(re.sub(r"\s*(#+)\s*", r"\1", text)):
            out += [p for p in self._word(word) if p not in out]
        return [p for p in out if not any(f.kind == "o" for f in p)]

    def _word(self, word: str) -> list[Product]:
        if "#" in _outside(word):
            return self._crossed(word)
        lags = _LAGS.fullmatch(word)
        if lags:
            words = [
                f"{lags['sign']}{count}{lags['rest']}.{lags['name']}"
                for count in numbers(lags["numbers"])
            ]
            return [p for w in words for p in self._word(w)]
        group = _GROUP.fullmatch(word)
        if group:
            inside = split(re.sub(r"\s*(#+)\s*", r"\1", group["inside"]))
            return [p for w in inside for p in self._with_prefix(group["prefix"], w)]
        return [(factor,) for factor in self._factors(word)]

    def _with_prefix(self, prefix: str, word: str) -> list[Product]:
        """Apply the operator before a parenthesis to a variable inside."""
        if prefix.lower() not in ("c", "i"):
            return self._word(f"{prefix}.{word}" if prefix else word)
        kind = prefix.lower()
        return [
            tuple(replace(f, kind=f.kind or kind) for f in product)
            for product in self._word(word)
        ]

    def _crossed(self, word: str) -> list[Product]:
        """Read a product: ``##`` also has what is on its sides."""
        pieces = re.split(r"(##?)(?![^(]*\))", word)
        if len(pieces) == 1:
            raise StataError.because(f"the product {cited(word)} cannot be read")
        out: list[Product] = []
        for at, side in enumerate(pieces[::2]):
            alone = [tuple(map(_as_category, p)) for p in self._word(side)]
            products = [(*p, *q) for p in out for q in alone]
            join = pieces[2 * at - 1] if at else "##"
            out = [*out, *alone, *products] if join == "##" else products
        return list(dict.fromkeys(out))

    def _factors(self, word: str) -> list[Factor]:
        """Read a variable with operators, of which a pattern stands for several."""
        match = _ATOM.fullmatch(word)
        if match is None:
            raise StataError.because(f"the variable {cited(word)} cannot be read")
        shift, name = match["shift"] or "", match["name"]
        prefix = (match["prefix"] or "").removesuffix(shift).lower()
        if prefix in ("o", "io", "co"):
            return [Factor(name, "o")]
        if re.fullmatch(r"i?b\D*", prefix):
            raise StataError.because(
                f"the base of {cited(word)}", "Write the base level: ib2.x."
            )
        base = prefix.lstrip("ib") if "b" in prefix else None
        level = prefix if prefix.isdigit() else None
        kind = "c" if prefix == "c" else "i" if prefix else None
        return [
            Factor(n, kind, base, level, shift.upper()) for n in self._expanded(name)
        ]


_PASS = "Pass the panel, whose columns are known."


def _outside(word: str) -> str:
    """Remove what is in parentheses."""
    return re.sub(r"\([^()]*\)", "", word)


def _as_category(factor: Factor) -> Factor:
    """Take a variable without prefix for a category, as Stata does in products."""
    if factor.kind is not None:
        return factor
    return Factor(factor.name, "i", factor.base, factor.level, factor.shift)


# --- terms ----------------------------------------------------------------------------


def term(product: Product) -> str:
    """Write a product as a term; a variable times itself is a power."""
    texts = [_factor_term(factor) for factor in product]
    powers = {text: texts.count(text) for text in texts}
    return ":".join(
        text if count == 1 else f"I({text}**{count})" for text, count in powers.items()
    )


def _factor_term(factor: Factor) -> str:
    name = as_written(factor.name)
    if factor.level is not None:
        return f"I({name} == {factor.level})"
    if factor.kind == "i" and factor.shift:
        raise StataError.because(
            f"lags of the category {cited(factor.name)}", "Make the lag a column first."
        )
    if factor.kind == "i":
        return f"C({name}, ref={factor.base})" if factor.base else f"C({name})"
    return shifted(factor.shift, name)


def is_category(product: Product) -> bool:
    """Tell whether a product is a single category, such as ``i.year``."""
    return len(product) == 1 and product[0].kind == "i" and product[0].level is None


def absorbed(text: str, variables: Variables) -> list[str]:
    """Read the argument of ``absorb()``: effects, and slopes by level of an effect."""
    out: list[str] = []
    for word in split(re.sub(r"\s*([#=]+)\s*", r"\1", text)):
        name, equals, effect = word.partition("=")
        word = effect if equals and name.isidentifier() else word
        out += [e for e in _absorbed(word, variables) if e not in out]
    return out


def _absorbed(word: str, variables: Variables) -> list[str]:
    """Read one entry of ``absorb()``: effects, pairs, or slopes by level."""
    crossed = "#" in _outside(word)
    sides = re.split(r"##?(?![^(]*\))", word) if crossed else [word]
    groups = [variables.products(side) for side in sides]
    effects = _first(groups)
    levels = [as_written(f.name) for f in effects if not f.level and not f.shift]
    if not levels or len(levels) < len(effects) or not all(groups):
        raise StataError.because(f"the absorbed effect {cited(word)}")
    return _with_slopes(levels, groups, word) if crossed else levels


def _first(groups: Sequence[Sequence[Product]]) -> list[Factor]:
    """List the first factors of all products that are no slopes."""
    factors = [product[0] for group in groups for product in group]
    return [factor for factor in factors if factor.kind != "c"]


def _with_slopes(
    levels: list[str], groups: Sequence[Sequence[Product]], word: str
) -> list[str]:
    """Write pairs of effects, with slopes by level if there are numbers."""
    numbers_by_side = [g for g in groups if g[0][0].kind == "c"]
    effect = "^".join(levels)
    if not numbers_by_side:
        return [effect]
    # Variables in one parenthesis have slopes of their own, c.x#c.z has one.
    sign = ", " if len(numbers_by_side) == 1 else ":"
    inside = sign.join(_factor_term(p[0]) for side in numbers_by_side for p in side)
    return [f"{effect}[{inside}]" if "##" in word else f"{effect}[[{inside}]]"]


def clusters(text: str, variables: Variables) -> list[str]:
    """Read cluster variables; ``a#b`` is their combinations."""
    text = re.sub(r"\s*#+\s*", "#", text)
    return [
        "^".join(
            as_written(variables.resolve(re.sub(r"^i\.", "", part)))
            for part in word.split("#")
        )
        for word in split(text)
    ]


def plain(products: Iterable[Product]) -> list[str]:
    """Write products as terms; a term that is there twice is written once."""
    return list(dict.fromkeys(term(product) for product in products))


def number(text: str, option: str) -> float:
    """Read a number that an option needs."""
    try:
        return float(text)
    except ValueError as error:
        raise StataError.because(
            f"{option}({text}): not a number known before the file is run"
        ) from error


def whole(text: str, option: str) -> int:
    """Read a whole number that an option needs."""
    value = number(text, option)
    if value != int(value):
        raise StataError.because(f"{option}({number_text(value)}) is no whole number")
    return int(value)
