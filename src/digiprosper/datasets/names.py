"""Names of Chinese provinces and cities: any spelling in, one form out."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pandas as pd

from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    Notice,
    check_option,
    cited,
    nearest,
    several,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NameForm: TypeAlias = Literal["short", "official", "pinyin", "code"]
"""How the name of a province is written."""

NAME_FORMS: tuple[NameForm, ...] = ("short", "official", "pinyin", "code")

# Digits of a code that are enough: of a province 11, of a city 1301.
_DIGITS = {"provinces": 2, "cities": 4}
# What is also written behind a short name or behind pinyin, by the official ending.
_ENDINGS = {
    "省": ("province", "sheng"),
    "市": ("city", "shi", "municipality"),
    "自治区": ("自治区", "autonomousregion"),
    "自治州": ("自治州", "州", "prefecture", "zhou"),
    "地区": ("prefecture", "diqu"),
    "盟": ("league", "meng"),
}
_NOT_READ = re.compile(r"[\s'\u2019`.\-]+")


def match_provinces(
    names: pd.Series[Any] | Sequence[Any], *, to: NameForm = "short"
) -> pd.Series[Any]:
    """Write the names of Chinese provinces in one form.

    Yearbooks, data bases and papers write 内蒙古, 内蒙古自治区, Inner Mongolia,
    neimenggu, 15 or 150000. Data can be merged when all have the same form.

    Parameters
    ----------
    names : Series, Index, list or array
        Names or codes of the 31 provinces of mainland China, in any mix of forms: short
        and official names, pinyin (``"shaanxi"`` is 陕西, ``"shanxi"`` is 山西), codes
        of two or six digits. Blanks, apostrophes, hyphens and capitals do not matter,
        and ``"Province"``, ``"sheng"``, ``"shi"`` may follow pinyin.
    to : {"short", "official", "pinyin", "code"}
        The form of the result: 内蒙古 (default), 内蒙古自治区, ``neimenggu`` (as in
        `simulate_provinces` and `province_neighbours`) or the number 150000 (GB/T
        2260).

    Returns
    -------
    Series
        The names in that form, with the index and the name of `names`. Missing values
        stay missing. Codes are integers.

    Raises
    ------
    AlignmentError
        If a name is not that of a province. The message lists all of them, with the
        nearest name.
    InputTypeError
        If `names` is a single text or a table.
    OptionError
        If `to` is another word.

    Examples
    --------
    >>> import digiprosper as dp
    >>> mixed = ["内蒙古自治区", "Shaanxi", 14, "110000", "新 疆"]
    >>> dp.datasets.match_provinces(mixed).tolist()
    ['内蒙古', '陕西', '山西', '北京', '新疆']
    >>> dp.datasets.match_provinces([*mixed, None], to="code").tolist()
    [150000, 610000, 140000, 110000, 650000, <NA>]
    """
    check_option("to", to, NAME_FORMS)
    return _matched("provinces", names, to)


def match_cities(
    names: pd.Series[Any] | Sequence[Any],
    *,
    to: Literal["short", "official", "pinyin", "code", "province"] = "short",
) -> pd.Series[Any]:
    """Write the names of Chinese prefecture-level cities in one form.

    Parameters
    ----------
    names : Series, Index, list or array
        Names or codes of the 333 prefectures of mainland China and of Beijing, Tianjin,
        Shanghai and Chongqing, in any mix of forms: short names (延边), official names
        (延边朝鲜族自治州), pinyin, codes of four or six digits. Also Chaohu (until
        2011), Laiwu (until 2018), some former names (襄樊, 毕节地区) and usual foreign
        ones (Harbin, Urumqi). Blanks, apostrophes, hyphens and capitals do not matter.
    to : {"short", "official", "pinyin", "code", "province"}
        The form of the result: 石家庄 (default), 石家庄市, ``shijiazhuang``, the number
        130100, or the short name of the province, 河北.

    Returns
    -------
    Series
        The names in that form, with the index and the name of `names`. Missing values
        stay missing. Codes are integers.

    Raises
    ------
    AlignmentError
        If a name is unknown, or is that of several cities, such as ``"suzhou"`` (苏州
        and 宿州). The message lists all of them; nothing is guessed. Also if
        ``to="pinyin"`` would give two cities of `names` the same name.
    InputTypeError
        If `names` is a single text or a table.
    OptionError
        If `to` is another word.

    Notes
    -----
    Counties that are governed by their province (仙桃, 石河子) are no cities in this
    list.

    Examples
    --------
    >>> import digiprosper as dp
    >>> mixed = ["石家庄市", "Xi'an", 2224, "Harbin"]
    >>> dp.datasets.match_cities(mixed).tolist()
    ['石家庄', '西安', '延边', '哈尔滨']
    >>> dp.datasets.match_cities(mixed, to="province").tolist()
    ['河北', '陕西', '吉林', '黑龙江']
    >>> dp.datasets.match_cities(["Suzhou", "延边市"])
    Traceback (most recent call last):
        ...
    digiprosper.errors.AlignmentError: match_cities: 'Suzhou' is the name of 苏州市 ...
    """
    check_option("to", to, (*NAME_FORMS, "province"))
    return _matched("cities", names, to)


def read_table(name: str) -> pd.DataFrame:
    """Read a table beside this file as text, to convert numbers exactly."""
    return pd.read_csv(Path(__file__).with_name(f"{name}.csv"), dtype=str)


def written(names: Sequence[str], form: NameForm) -> list[Any]:
    """Write pinyin of provinces in another form."""
    check_option("names", form, NAME_FORMS)
    table = _divisions("provinces")[form]
    by_pinyin = dict(zip(_divisions("provinces")["pinyin"], table, strict=True))
    return [by_pinyin[name] for name in names]


@cache
def _divisions(kind: str) -> pd.DataFrame:
    """Read the provinces or cities, with the columns of all forms and `also`."""
    table = read_table(kind).rename(
        columns={"province": "pinyin", "province_zh": "short"}
        if kind == "provinces"
        else {}
    )
    return table.assign(code=table["code"].astype(int), also=table["also"].fillna(""))


@cache
def _rows_by_spelling(kind: str) -> dict[str, list[int]]:
    """List the rows of `_divisions` that each spelling may mean."""
    rows: dict[str, list[int]] = {}
    for position, row in enumerate(_divisions(kind).to_dict("records")):
        for text in dict.fromkeys(map(_folded, _spellings(row, _DIGITS[kind]))):
            rows.setdefault(text, []).append(position)
    return rows


def _spellings(row: dict[Any, Any], digits: int) -> Iterator[str]:
    code = str(row["code"])
    yield from (row["short"], row["official"], row["pinyin"], code, code[:digits])
    yield from row["also"].split()
    for official, endings in _ENDINGS.items():
        if row["official"].endswith(official):
            for ending in endings:
                yield row["pinyin" if ending.isascii() else "short"] + ending


def _folded(name: object) -> str:
    """Reduce a name to what tells it from others: no blanks, hyphens or capitals.

    Tones stay, since without them 陕西 (Shǎnxī) would be read as 山西.
    """
    if isinstance(name, float) and name.is_integer():
        name = int(name)
    return _NOT_READ.sub("", unicodedata.normalize("NFKC", str(name)).casefold())


def _matched(kind: str, names: Any, to: str) -> pd.Series[Any]:
    function = f"match_{kind}"
    if isinstance(names, str | bytes | pd.DataFrame) or not pd.api.types.is_list_like(
        names
    ):
        raise InputTypeError(
            f"{function} takes a column of names, such as df['province'], not "
            f"{type(names).__name__}."
        )
    column = names if isinstance(names, pd.Series) else pd.Series(list(names))
    codes, levels = pd.factorize(column)
    rows = _rows_by_spelling(kind)
    meant = [rows.get(_folded(level), []) for level in levels]
    table = _divisions(kind)
    problems = [
        _problem(kind, level, table.iloc[positions])
        for level, positions in zip(levels, meant, strict=True)
        if len(positions) != 1
    ]
    if problems:
        raise AlignmentError(
            f"{function}: {several(problems, 12)}. Correct these names first: "
            f"{function}(names.replace({{{cited(problems[0].data['name'])}: ...}})).",
            problems,
        )
    forms = table[to].iloc[[positions[0] for positions in meant]]
    if to == "pinyin":
        _refuse_one_name_of_two(function, table, {p for (p,) in meant})
    # A code behind the last is that of a missing name.
    values = pd.Series([*forms, None], dtype=object).iloc[codes].tolist()
    whole = "Int64" if to == "code" and (codes < 0).any() else None
    return pd.Series(values, index=column.index, name=column.name, dtype=whole)


def _problem(kind: str, name: object, meant: pd.DataFrame) -> Notice:
    """Say that a name is unknown, or which divisions it may mean."""
    if len(meant):
        choices = " and ".join(
            f"{official} ({province})"
            for official, province in zip(
                meant["official"], meant["province"], strict=True
            )
        )
        text = f"{cited(name)} is the name of {choices}"
        return Notice("ambiguous_name", text, {"name": name, "choices": choices})
    table = _divisions(kind)
    known = [*table["short"], *table["official"], *table["pinyin"]]
    text = f"{cited(name)} is no known name{nearest(name, known)}"
    return Notice("unknown_name", text, {"name": name})


def _refuse_one_name_of_two(
    function: str, table: pd.DataFrame, positions: set[int]
) -> None:
    used = table.iloc[sorted(positions)]
    same = used[used["pinyin"].duplicated(keep=False)].sort_values("pinyin")
    if len(same):
        texts = [
            f"{', '.join(part['official'])} ({pinyin})"
            for pinyin, part in same.groupby("pinyin")
        ]
        raise AlignmentError(
            f"{function}(to='pinyin'): several cities would have one name: "
            f"{'; '.join(texts)}. Use to='short' or to='code'."
        )
