"""Lists of variables: factors, operators and ranges become terms of this library."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from digiprosper.errors import StataError, cited, did_you_mean
from digiprosper.panel.grammar import backticked
from digiprosper.stata.expressions import number_text, shifted
from digiprosper.stata.macros import numbers
from digiprosper.stata.prefixes import STORED, matching, refused, split

_SHIFT = r"(?:[LFDSlfds]\d*)(?:\.?[LFDSlfds]\d*)*"
# A base, a kind, an omitted variable or a level, then operators of time, then a name.
_ATOM = re.compile(
    r"(?:(?:(?:i?b(?P<base>n?\d*|first|last|freq)|(?P<kind>[iIcC])|(?P<omitted>[ic]?o)"
    rf"|i?(?P<level>\d+))\.?)?(?P<shift>{_SHIFT})?\.)?(?P<name>(?:[^\W\d]|[*?~]\w)[\w*?~-]*)"
)
_GROUP = re.compile(r"(?P<prefix>[\w()/]*?)\.?\((?P<inside>.*)\)", re.DOTALL)
_LEVELS = re.compile(r"i?\(([\d\s/]+)\)bn\.(.*)")
_LAGS = re.compile(r"([LFDSlfds])\(([^)]*)\)((?:[icLFDSlfds]\d*)*)\.(.*)")
# The order of operators does not matter: L.2.x is 2L.x.
_SHIFTED_KIND = re.compile(rf"^({_SHIFT})(?:\.(?=\d)|\.?(?=[ic]))((?:i?b?\d+|[ic])\.)")
# A sign of products outside parentheses.
_SIGN = re.compile(r"(##?)(?![^(]*\))")


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


class LaterColumns(str):
    """Code of the columns that a pattern or range means, once the data are read."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    @classmethod
    def of_pattern(cls, pattern: str) -> LaterColumns:
        """Write the columns that fit a pattern with ``*``, ``~`` and ``?``."""
        regex = re.sub(r"[^\w*]", ".", pattern.replace("~", "*")).replace("*", ".*")
        return cls(f"*df.filter(regex={f'^{regex}$'!r})")

    @property
    def pattern(self) -> str:
        """The pattern, or one that has more columns."""
        regex = re.search(r"regex='\^([\w.*]*)\$'", self)
        return regex[1].replace(".*", "*").replace(".", "?") if regex else "*"

    def may_have(self, name: str) -> bool:
        """Tell whether a column may be among them."""
        pattern = re.search(r"regex='([^']*)'", self)
        fits = pattern is None or re.search(pattern[1], name) is not None
        return fits and not name.startswith(STORED)


def later_columns(names: Iterable[str]) -> list[LaterColumns]:
    """List the names that stand for columns not known."""
    return [name for name in names if isinstance(name, LaterColumns)]


@dataclass(frozen=True, slots=True)
class Variables:
    """What a reader of lists knows of the data.

    `columns` is None while the columns are not known; `created` lists those that
    earlier lines have made.
    """

    columns: Sequence[str] | None = None
    created: Sequence[str] = ()
    # Whether the order of columns in the script is that of Stata.
    in_order: bool = True

    def resolve(self, word: str) -> str:
        """Find the column that a name or abbreviation means, if columns are known."""
        columns = self.columns
        if columns is None or word in columns or word.startswith(STORED):
            return word
        begun = [name for name in columns if name.startswith(word)]
        if len(begun) == 1:
            return begun[0]
        if begun:
            listed = ", ".join(begun[:5])
            raise refused(f"the name {cited(word)} is ambiguous: {listed}")
        raise refused(
            f"there is no column {cited(word)}{did_you_mean(word, columns)}",
            "Check the name, or the panel that was passed.",
        )

    def changed(self, creates: Iterable[str], drops: Sequence[str]) -> Variables:
        """Add columns; leave columns out, also those that may be among a pattern's."""
        later = later_columns(drops)

        def of(names: Sequence[str]) -> tuple[str, ...]:
            others = (name for name in names if name not in drops)
            remaining = [n for n in others if not any(c.may_have(n) for c in later)]
            return tuple(dict.fromkeys([*remaining, *creates]))

        columns = None if self.columns is None else of(self.columns)
        return replace(self, columns=columns, created=of(self.created))

    def names(self, text: str) -> list[str]:
        """Expand wildcards and ranges, which stay code while columns are not known."""
        return [
            name for word in _words(text) for name in self._expanded(word, exactly=True)
        ]

    def _expanded(self, word: str, *, exactly: bool = False) -> list[str]:
        columns = list(self.columns or self.created)
        # What else the data have is not known.
        exactly |= bool(later_columns(self.created))
        is_open = self.columns is None
        first, _, last = word.partition("-")
        if first and last:
            return self._between(columns, first, last)
        word = "*" if word == "_all" else word
        if not set(word) & set("*?~"):
            return [self.resolve(word)]
        names = [] if is_open and exactly else matching(word, columns)
        if is_open and not names:
            return [LaterColumns.of_pattern(word)]
        if not names:
            raise refused(f"no column fits {cited(word)}")
        return names

    def _between(self, columns: list[str], first: str, last: str) -> list[str]:
        ends = [self.resolve(name) for name in (first, last)]
        if not self.in_order:
            raise refused("a range of columns that were put in order")
        if self.columns is not None:
            start, stop = map(columns.index, ends)
            if start <= stop:
                return columns[start : stop + 1]
            raise refused(f"the range {cited(f'{first}-{last}')}")
        # Columns that one command has made are beside one another.
        makers = [
            name
            for name in later_columns(self.created)
            if all(map(name.may_have, ends))
        ]
        among = makers[0] if makers else "*df"
        return [LaterColumns(f"{among}.loc[:, {ends[0]!r}:{ends[1]!r}]")]

    def products(self, text: str) -> list[Product]:
        """Read a list with factor variables; ``a##b`` is a, b and their product."""
        out = [product for word in _words(text) for product in self._word(word)]
        return [p for p in dict.fromkeys(out) if not any(f.kind == "o" for f in p)]

    def absorbed(self, text: str) -> list[str]:
        """Read the argument of ``absorb()``: effects, and slopes by level of one."""
        out: list[str] = []
        for word in _words(re.sub(r"\s*=\s*", "=", text)):
            # Effects that are stored have a name before them.
            out += self._effects(word.rpartition("=")[2])
            if any("df." in effect for effect in out):
                raise _not_read(word)
        return list(dict.fromkeys(out))

    def _effects(self, word: str) -> list[str]:
        """Read one entry of ``absorb()``: effects, pairs, or slopes by level."""
        crossed = _has_sign(word)
        sides = _SIGN.split(word)[::2] if crossed else [word]
        groups = list(map(self.products, sides))
        effects = [p[0] for group in groups for p in group if p[0].kind != "c"]
        levels = [backticked(f.name) for f in effects if not f.level and not f.shift]
        if not levels or len(levels) < len(effects) or not all(groups):
            raise refused(f"the absorbed effect {cited(word)}")
        if not crossed:
            return levels
        return ["^".join(levels) + _slopes(groups, own_levels="##" in word)]

    def clusters(self, text: str) -> list[str]:
        """Read cluster variables; ``a#b`` is their combinations."""
        return [
            "^".join(
                backticked(self.resolve(part.removeprefix("i.")))
                for part in word.split("#")
            )
            for word in _words(text)
        ]

    def _word(self, word: str, kind: str | None = None) -> list[Product]:
        """Read a word; variables without prefix are of a kind."""
        word = re.sub(r"\bib\((\d+)\)\.", r"ib\1.", word)
        if _has_sign(word):
            return self._crossed(word)
        words = _written_out(word)
        if not words and (group := _GROUP.fullmatch(word)):
            prefix, words = group["prefix"], _words(group["inside"])
            if prefix.lower() in ("c", "i"):
                kind = prefix.lower()
            elif prefix:
                words = [f"{prefix}.{word}" for word in words]
        if words:
            return [product for word in words for product in self._word(word, kind)]
        return [(replace(f, kind=f.kind or kind),) for f in self._factors(word)]

    def _crossed(self, word: str) -> list[Product]:
        """Read a product: ``##`` adds its sides; one without prefix is a category."""
        if "##" not in word and "c." in word:
            # Slopes at every level need no base.
            word = word.replace("ibn.", "i.")
        first, *others = _SIGN.split(word)
        if not others:
            raise refused(f"the product {cited(word)} cannot be read")
        out = self._word(first, "i")
        for sign, side in zip(others[::2], others[1::2], strict=True):
            alone = self._word(side, "i")
            products = [(*p, *q) for p in out for q in alone]
            out = [*out, *alone, *products] if sign == "##" else products
        return out

    def _factors(self, word: str) -> list[Factor]:
        """Read a variable with operators, of which a pattern stands for several."""
        match = _ATOM.fullmatch(_SHIFTED_KIND.sub(r"\2\1.", word))
        if match is None:
            raise refused(f"the variable {cited(word)} cannot be read")
        if match["omitted"]:
            return [Factor(match["name"], "o")]
        base, level = match["base"], match["level"]
        if base is not None and not base.isdigit():
            raise refused(f"the base of {cited(word)}", "Write the base level: ib2.x.")
        kind = "i" if base or level else (match["kind"] or "").lower() or None
        shift = (match["shift"] or "").upper()
        names = self._expanded(match["name"])
        return [Factor(name, kind, base, level, shift) for name in names]


def _written_out(word: str) -> list[str]:
    """Write out ``L(1/3).x`` or ``i(1 2)bn.x``: a word for each number."""
    if lags := _LAGS.fullmatch(word):
        sign, counts, operators, name = lags.groups()
        return [f"{sign}{count}{operators}.{name}" for count in numbers(counts)]
    if levels := _LEVELS.fullmatch(word):
        return [f"{level}.{levels[2]}" for level in numbers(levels[1])]
    return []


def _words(text: str) -> list[str]:
    """Split a list at blanks, not beside the signs of products and ranges."""
    return split(re.sub(r"\s*(#+|-)\s*", r"\1", text))


def _has_sign(word: str) -> bool:
    return "#" in re.sub(r"\([^()]*\)", "", word)


# --- terms ----------------------------------------------------------------------------


def term(product: Product) -> str:
    """Write a product as a term; a variable times itself is a power."""
    texts = [_factor_term(factor) for factor in product]
    later = later_columns(texts)
    if later and len(texts) > 1:
        raise _not_read(later[0])
    if later:
        return later[0]
    powers = {text: texts.count(text) for text in texts}
    return ":".join(
        text if count == 1 else f"I({text}**{count})" for text, count in powers.items()
    )


def _not_read(columns: str) -> StataError:
    return refused(
        f"which columns {columns} means is known only when the file is run",
        "Pass the panel, whose columns are known.",
    )


def _factor_term(factor: Factor) -> str:
    if isinstance(factor.name, LaterColumns):
        if factor != Factor(factor.name):
            raise _not_read(factor.name)
        return factor.name
    name = backticked(factor.name)
    if factor.level is not None:
        return f"I({shifted(factor.shift, name)} == {factor.level})"
    if factor.kind == "i" and factor.shift:
        raise refused(
            f"lags of the category {cited(factor.name)}", "Make the lag a column first."
        )
    if factor.kind == "i":
        return f"C({name}, ref={factor.base})" if factor.base else f"C({name})"
    return shifted(factor.shift, name)


def has_categories_only(product: Product) -> bool:
    """Tell whether a product has no numbers and no single levels."""
    return all(factor.kind == "i" and factor.level is None for factor in product)


def is_category(product: Product) -> bool:
    """Tell whether a product is a single category, such as ``i.year``."""
    return len(product) == 1 and has_categories_only(product)


def crossed_names(products: Iterable[Product]) -> set[str]:
    """List categories whose products are coded by the dummies of each beside them."""
    return {f.name for p in products if p[1:] and has_categories_only(p) for f in p}


def _slopes(groups: Sequence[Sequence[Product]], *, own_levels: bool) -> str:
    """Write slopes by level, beside effects of their own or not."""
    sides = [group for group in groups if group[0][0].kind == "c"]
    # Variables in one parenthesis have slopes of their own, c.x#c.z has one.
    sign = ", " if len(sides) == 1 else ":"
    inside = sign.join(_factor_term(p[0]) for side in sides for p in side)
    if not inside:
        return ""
    return f"[{inside}]" if own_levels else f"[[{inside}]]"


def as_terms(products: Iterable[Product]) -> list[str]:
    """Write products as terms; a term that is there twice is written once."""
    return list(dict.fromkeys(term(product) for product in products))


def number(text: str, option: str) -> float:
    """Read a number that an option needs."""
    try:
        return float(text)
    except ValueError as error:
        raise refused(
            f"{option}({text}): not a number known before the file is run"
        ) from error


def whole(text: str, option: str) -> int:
    """Read a whole number that an option needs."""
    value = number(text, option)
    if value != int(value):
        raise refused(f"{option}({number_text(value)}) is no whole number")
    return int(value)
