"""Which entities are totals, or groups, of others: by their names and their codes."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, combinations
from pathlib import Path
from typing import Final, NamedTuple

from pandas.api.types import infer_dtype

from digiprosper.errors import Notice, cited, notice_of, quoted
from digiprosper.panel.table import Table

MOST_REGIONS: Final = 5_000
# A province, a prefecture and mostly a county, whose numbers leave gaps
DIVISION: Final = re.compile(
    "(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])"
    "(?:[0-3][0-9]|4[0-3]|5[1-4]|90)(?:[0-478][0-9])?"
)
# Codes of US states are thousands, to which numbers of counties are added. Most
# numbers of counties are odd.
_BEYOND_STATES = 79_000
_FEWEST_COUNTIES = 15
_MOSTLY = 0.8
# Countries have two letters, and each level of regions below adds one character.
_NUTS = re.compile("[A-Z]{2}[A-Z0-9]{1,3}")
_FIRST_CHINESE = "\u2e80"
# Entities are countries if so many of them, and this share, are in the table, which has
# most codes and a fourth of the names. With fewer than `_MANY_COUNTRIES` of them, a
# continent may stand for its other countries.
_FEW_COUNTRIES = 5
_MANY_COUNTRIES = 25
_FIFTH = 0.2


def totals(table: Table) -> Iterator[Notice]:
    """Report entities, or ends of pairs of them, that contain others."""
    keys, data = table.keys, table.data
    if keys.entities.dtype.kind not in "iuf" or len(keys.entities) <= MOST_REGIONS:
        yield from _totals_among(keys.entity_name, keys.entities.tolist())
    texts = [n for n, dtype in data.dtypes.items() if dtype.kind not in "biufcmM"]
    if len(texts) < 2:
        return
    first = data[texts].iloc[keys.starts]
    ends = {
        str(name): {*column.dropna().unique()}
        for name, column in first.items()
        if infer_dtype(column) in ("string", "categorical")
    }
    # Origins and destinations have the same names, but differ in most pairs.
    pairs = [
        (a, b)
        for a, b in combinations(ends, 2)
        if 2 * len(ends[a] & ends[b]) > max(len(ends[a]), len(ends[b]))
        and (first[a].astype(str) != first[b].astype(str)).mean() > 1 / 2
    ]
    for name in dict.fromkeys(chain.from_iterable(pairs)):
        yield from _totals_among(name, sorted(ends[name], key=str))


def _totals_among(entity: str, labels: Sequence[object]) -> Iterator[Notice]:
    """Report labels that are totals, or groups of others."""
    regions = regions_among(labels)
    are_regions = bool(regions)
    inside = _regional_totals(labels) if are_regions else _totals_of_codes(labels)
    if not inside and isinstance(labels[0], str):
        inside = _find_totals(labels)
    # Where most entities are groups, groups are meant.
    if inside and (are_regions or 2 * len(inside) < len(labels)):
        name = cited(entity)
        cure = f"df[~df[{name}].isin({[*inside]})]"
        if are_regions:
            length = Counter(map(len, regions)).most_common(1)[0][0]
            level = f"(?!EA|EU)[A-Z]{{2}}[A-Z0-9]{{{length - 2}}}"
            others = set(labels).difference(inside)
            # Of some countries regions of another level may be meant.
            if others == {x for x in labels if re.fullmatch(level, str(x))}:
                cure = f"panel.subset(panel[{name}].str.fullmatch('{level}'))"
        yield notice_of(
            "totals",
            entity=entity,
            labels=inside,
            _count=len(inside),
            _all=len(labels),
            _shown=f" ({quoted(inside)})" if are_regions else "",
            _cure=cure,
        )


def regions_among(labels: Sequence[object]) -> list[str]:
    """Select codes of regions in Eurostat's form, if most labels are such codes."""
    if len(labels) > MOST_REGIONS:
        return []
    codes = [
        label
        for label in map(str, labels)
        if _NUTS.fullmatch(label)
        and not _look_up(label).kind
        and _look_up(label[:2]).kind == "code"
    ]
    return codes if 2 * len(codes) > len(labels) else []


def _regional_totals(labels: Sequence[object]) -> tuple[object, ...]:
    """Select codes that other codes begin with, and unions such as EA20."""
    above = {str(label)[:n] for label in labels for n in range(2, len(str(label)))}
    return tuple(
        label
        for label in labels
        if label in above or _look_up(str(label)).kind == "total"
    )


def _totals_of_codes(labels: Sequence[object]) -> tuple[object, ...]:
    """Select codes of Chinese provinces and cities, or US states, with their parts."""
    codes = [str(label).removesuffix(".0") for label in labels[: MOST_REGIONS + 1]]
    digits = _digits_of_a_level(codes)
    if len(labels) > MOST_REGIONS or not digits:
        return ()
    stems = [re.sub(f"(0{{{digits}}})+$", "", code) for code in codes]
    above = Counter(code[:-n] for code in codes for n in (digits, 2 * digits))
    return tuple(
        label
        for label, stem, code in zip(labels, stems, codes, strict=True)
        if (stem != code and above[stem] > 1) or not code.strip("0")
    )


def _digits_of_a_level(codes: Sequence[str]) -> int:
    """Count the digits that a division of China or a US county adds; 0 for others."""
    if not all(map(str.isdecimal, codes)):
        return 0
    if sum(map(bool, map(DIVISION.fullmatch, codes))) > _MOSTLY * len(codes):
        return 2
    counties = [int(code[-3:]) for code in codes if not code.endswith("000")]
    odd = sum(county % 2 for county in counties)
    are_odd = odd > max(_FEWEST_COUNTIES, _MOSTLY * len(counties))
    return 3 * (are_odd and max(map(int, codes)) < _BEYOND_STATES)


def _find_totals(labels: Sequence[object]) -> tuple[object, ...]:
    """Select labels of totals, and of groups if others are countries."""
    known_labels = [*map(_look_up, map(_in_one_form, labels))]
    kinds = Counter(label.kind for label in known_labels)
    reported, count = {"total"}, kinds["country"]
    if count >= max(_FEW_COUNTRIES, _FIFTH * len(labels)):
        reported |= {"group", "continent"} if count >= _MANY_COUNTRIES else {"group"}
    # A union without a member among the entities contains none of them.
    members = [label for label in known_labels if label.kind in ("country", "code")]
    unions = {"", *(label.union for label in members)}
    return tuple(
        label
        for label, (kind, union) in zip(labels, known_labels, strict=True)
        if kind in reported and union in unions
    )


def is_total(label: object) -> bool:
    """Tell whether a label is that of a total, such as 全  国."""
    return _look_up(_in_one_form(label)).kind == "total"


def _in_one_form(label: object) -> str:
    """Write a label without blanks at its ends, or in Chinese without any."""
    text = str(label).strip()
    # Codes of countries are in capitals, and those of languages are not.
    if re.fullmatch("[A-Za-z]{3}", text) and not text.isupper():
        return ""
    return text if text < _FIRST_CHINESE else "".join(text.split())


class _KnownLabel(NamedTuple):
    """What a label of a region is: a country, code, total; empty if not known."""

    kind: str = ""
    union: str = ""


def _look_up(label: str) -> _KnownLabel:
    # 总行 and 公司本级 are head offices, whose statements contain those of branches, or
    # are those of no region. 南京市本级 is the city without its counties.
    if label.endswith(("合计", "总计", "小计", "总行", "公司本级", "集团本级")):
        return _KnownLabel("total")
    return _known_labels().get(label.casefold(), _KnownLabel())


@lru_cache(maxsize=1)
def _known_labels() -> dict[str, _KnownLabel]:
    """Read the kind of each label (total, group, country) and its union.

    Groups are those of the World Bank, the OECD and Eurostat. Countries have codes of
    ISO 3166, or a name that all sources write alike; countries with regions of Eurostat
    also codes of two letters.
    """
    with Path(__file__).with_name("countries.csv").open(encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return {r["label"]: _KnownLabel(r["kind"], r["union"]) for r in rows}
