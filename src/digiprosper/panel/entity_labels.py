"""What labels of entities say: which are totals of others, or one code in two forms."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, combinations
from string import ascii_letters
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_numeric_dtype

from digiprosper.errors import Notice, cited, notice_of, packaged_rows, quoted
from digiprosper.panel.keys import Keys
from digiprosper.panel.table import Table

_MOST_REGIONS = 5_000
# A province, a prefecture and mostly a county, whose numbers leave gaps
_DIVISION = re.compile(
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
_CODE = re.compile(
    r"(?:[A-Za-z]{2}[-._: ]?)?0*([1-9][0-9]*)(?:[.]0|[-._: ]?[A-Za-z]{2,4})?"
)
_AROUND_DIGITS = f"{ascii_letters}-._: "
# Fewer counties than these share a name; columns of regions repeat each.
_MOSTLY_NAMES = 0.8
# What names of Chinese regions end with, of which two characters or more remain
_LEVELS = re.compile(
    "(?<=..)(?:[省市区县盟府厅]|地区|特别行政区|(?:..?族|维吾尔)*自治[区州县旗])$"
)
# Cities, by their former name
_RENAMED = {"襄樊": "襄阳", "思茅": "普洱"}


def totals(table: Table) -> Iterator[Notice]:
    """Report entities, or ends of pairs of them, that contain others."""
    keys, data = table.keys, table.data
    if keys.entities.dtype.kind not in "iuf" or len(keys.entities) <= _MOST_REGIONS:
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
    regions = _regions_among(labels)
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
    yield from _cities_beside_provinces(entity, labels)


def _cities_beside_provinces(entity: str, labels: Sequence[object]) -> Iterator[Notice]:
    """Report cities with a budget of their own whose province is an entity, too."""
    few = labels if len(labels) <= _MOST_REGIONS else ()
    names = [_LEVELS.sub("", _in_one_form(label)).casefold() for label in few]
    cities = [
        label
        for label, name in zip(few, names, strict=True)
        if _look_up(name).kind == "city" and _look_up(name).union in names
    ]
    if cities:
        yield notice_of(
            "totals.cities", entity=entity, labels=tuple(cities), _all=cities
        )


def _regions_among(labels: Sequence[object]) -> list[str]:
    """Select codes of regions in Eurostat's form, if most labels are such codes."""
    if len(labels) > _MOST_REGIONS:
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
    codes = [str(label).removesuffix(".0") for label in labels[: _MOST_REGIONS + 1]]
    digits = _digits_of_a_level(codes)
    if len(labels) > _MOST_REGIONS or not digits:
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
    if sum(map(bool, map(_DIVISION.fullmatch, codes))) > _MOSTLY * len(codes):
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
    rows = packaged_rows(__file__, "countries")
    return {row["label"]: _KnownLabel(row["kind"], row["union"]) for row in rows}


# --- codes that change, and labels of one entity in two forms -------------------------


def changed_codes(table: Table) -> Iterator[Notice]:
    """Report regions whose values end as those of others begin.

    Of Eurostat's codes others are in the same country; of Chinese ones they have the
    same name.
    """
    keys = table.keys
    if len(keys.entities) > _MOST_REGIONS:
        return
    codes = [str(code) for code in keys.entities]
    is_chinese = not _regions_among(codes)
    groups = [code[:2] for code in codes]
    if is_chinese:
        groups = _names_of_divisions(table, codes)
    if not groups:
        return
    has_value = table.data[[*table.numbers]].notna().any(axis=1).to_numpy()
    times = pd.Series(keys.time[has_value]).groupby(keys.entity[has_value])
    ended = defaultdict[tuple[str, int], list[str]](list)
    begun = ended.copy()
    for entity, first, last in times.agg(["min", "max"]).itertuples():
        # A few missing years at an end are no change.
        if last > first + 1:
            ended[groups[entity], last + 1].append(codes[entity])
            begun[groups[entity], first].append(codes[entity])
    changes = tuple(
        (keys.times[key[1]], tuple(ended[key]), tuple(begun[key]))
        for key in sorted(ended.keys() & begun.keys())
    )
    if changes:
        shown = "; ".join(
            f"{quoted(old)} end and those of {quoted(new)} begin in {time}"
            for time, old, new in changes[:3]
        )
        yield notice_of(
            "changed_codes.chinese" if is_chinese else "changed_codes",
            entity=keys.entity_name,
            changes=changes,
            _shown=shown,
            _cure=_cure_of_codes(keys.entity_name, codes[0], len(changes)),
        )


def _cure_of_codes(entity: str, code: str, n_changes: int) -> str:
    """Name the function that knows prefectures, or where all codes of counties are."""
    if len(code) > len("1301") and not code.endswith("00"):
        return f" All {n_changes:,} are in the data of this notice (panel.diagnostics)."
    statement = f"dp.datasets.match_cities(df[{cited(entity)}])"
    return f" {statement} has one name for both codes of a prefecture since 2011."


def _names_of_divisions(table: Table, codes: Sequence[str]) -> list[str]:
    """Return names of entities if these are codes of Chinese cities or counties."""
    if 2 * sum(map(bool, map(_DIVISION.fullmatch, codes))) <= len(codes):
        return []
    for column in table.entity_label_columns:
        labels = table.data[column].iloc[table.keys.starts]
        names = [_LEVELS.sub("", str(label)) for label in labels]
        if (
            not is_numeric_dtype(labels.dtype)
            and labels.notna().all()
            and len(set(names)) >= _MOSTLY_NAMES * len(names)
        ):
            # Counties of several provinces have one name.
            return [c[:2] + n for c, n in zip(codes, names, strict=True)]
    return []


def similar_entities(keys: Keys, labels: Sequence[object]) -> Iterator[Notice]:
    """Report entities whose labels differ in blanks or the width of characters only."""
    texts = [label for label in labels if isinstance(label, str)]
    normalised = [*map(_normalised_label, texts)]
    pairs = tuple((texts[a], texts[b]) for a, b, *_ in _equal(normalised))
    if pairs:
        at_ends = all(a.strip() == b.strip() for a, b in pairs)
        between = " " if any(" " in label for label in normalised) else ""
        all_blanks = f"normalize('NFKC').str.split().str.join({between!r})"
        yield notice_of(
            "similar_entities",
            entity=keys.entity_name,
            pairs=pairs,
            _count=len(pairs),
            _example=pairs[0],
            _cure="strip()" if at_ends else all_blanks,
        )


def code_forms(table: Table, labels: Sequence[object]) -> Iterator[Notice]:
    """Report entities with one code, such as 1 and 000001, or name: 北京 and 北京市."""
    keys, alike = table.keys, _groups_of_equal_codes(labels)
    kind = "code" if alike else "name"
    if not alike:  # names that differ in case or level, or were renamed
        names = [_LEVELS.sub("", str(label)).casefold() for label in labels]
        alike = _equal(_RENAMED.get(name, name) for name in names)
    never_together = _never_together(table, alike) if alike else []
    # If most pairs occur in the same periods, leading zeros distinguish codes, such as
    # 01 and 001 of a division and a class.
    if 2 * len(never_together) > len(alike):
        column = f"df[{cited(keys.entity_name)}]"
        pairs = tuple(
            (keys.entities[a], keys.entities[b]) for a, b, *_ in never_together
        )
        if kind == "code":
            statement = code_form_statement(keys.entity_name, [*chain(*pairs)])
        elif str(pairs[0]).isascii():
            statement = f"{column} = {column}.str.upper()"
        else:
            statement = f"{column} = dp.datasets.match_provinces({column})"
            statement += ", or match_cities"
        yield notice_of(
            "code_forms",
            entity=keys.entity_name,
            pairs=pairs,
            _count=len(pairs),
            _example=pairs[0],
            _kind=kind,
            _statement=statement,
        )


def _equal(texts: Iterable[str | None]) -> list[list[int]]:
    """List the positions of texts that occur more than once."""
    positions = defaultdict[str | None, list[int]](list)
    for at, text in enumerate(texts):
        positions[text].append(at)
    positions.pop(None, None)
    return [ats for ats in positions.values() if len(ats) > 1]


def _groups_of_equal_codes(labels: Sequence[object]) -> list[list[int]]:
    """List the positions of labels that are one code; most panels have none."""
    digits = [
        label.removesuffix(".0").strip(_AROUND_DIGITS).lstrip("0")
        if isinstance(label, str)
        else str(label)
        for label in labels
    ]
    if len(set(digits)) == len(digits):
        return []
    counts = Counter(filter(str.isdigit, digits))
    codes = [
        (counts[text] > 1 and code_digits(label)) or None
        for text, label in zip(digits, labels, strict=True)
    ]
    # With two different letters, 000001.SZ and 000001.SH, two codes are meant.
    return [
        ats
        for ats in _equal(codes)
        if len({re.sub("[^A-Z]", "", str(labels[at]).upper()) for at in ats} - {""}) < 2
    ]


def _never_together(table: Table, alike: Sequence[list[int]]) -> list[list[int]]:
    """Keep lists of entities without a column observed in two of them at one time."""
    keys = table.keys
    numbers = np.full(len(keys.entities), -1)
    for number, ats in enumerate(alike):
        numbers[ats] = number
    rows = np.flatnonzero(numbers[keys.entity] >= 0)
    key = pd.DataFrame({"of": numbers[keys.entity[rows]], "at": keys.time[rows]})
    twice = key.duplicated(keep=False).to_numpy()
    rows, key = rows[twice], key[twice].reset_index(drop=True)
    observed = table.data.iloc[rows].notna().reset_index(drop=True)
    counts = observed.groupby([key["of"], key["at"]]).sum()
    together = set(counts.index[(counts > 1).any(axis=1)].get_level_values("of"))
    return [ats for number, ats in enumerate(alike) if number not in together]


def code_digits(label: object) -> str:
    """Return the digits of a code without zeros in front, empty if it is none.

    A code has at most letters of an exchange before or behind its digits, or ``.0``.
    """
    match = _CODE.fullmatch(str(label)) if not isinstance(label, bool) else None
    return match[1] if match else ""


def code_form_statement(column: str, labels: Sequence[object]) -> str:
    """Write a statement that converts codes to the form of some labels.

    Leading zeros are added, up to the longest label, if one label has them.
    """
    texts = [re.findall("[0-9]+", str(label))[0] for label in labels]
    form = ".astype(int)"
    if any(text.startswith("0") for text in texts):
        form = f".str.zfill({max(map(len, texts))})"
    elif any(isinstance(label, str) for label in labels):
        form += ".astype(str)"
    column = f"df[{cited(column)}]"
    return f"{column} = {column}.astype(str).str.extract('([0-9]+)')[0]{form}"


def _normalised_label(label: str) -> str:
    """Write a label in narrow characters, and without blanks if it has no numbers."""
    narrow = label if label.isascii() else unicodedata.normalize("NFKC", label)
    words = narrow.split()
    # "1 11" is not "11 1".
    between = " " if len(words) > 1 and any(map(str.isdigit, narrow)) else ""
    return between.join(words)
