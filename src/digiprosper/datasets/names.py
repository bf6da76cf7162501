"""Names of Chinese provinces and cities: any spelling in, one form out."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args, overload

import numpy as np
import pandas as pd

from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    alignment_problem,
    check_option,
    cited,
    nearest,
    several,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

NameForm: TypeAlias = Literal["short", "official", "pinyin", "code"]
"""How the name of a province is written."""

NAME_FORMS: tuple[NameForm, ...] = get_args(NameForm)
ProvinceForm: TypeAlias = NameForm | Literal["region"]
CityForm: TypeAlias = NameForm | Literal["province", "region"]
# Names that come back as what they were; others come back as a Series.
_Same = TypeVar("_Same", "pd.Index[Any]", "np.ndarray[Any, Any]")

# Digits of a code that are enough: of a province 11, of a city 1301.
_DIGITS = {"provinces": 2, "cities": 4}
# What may stand behind a short name or pinyin.
_ENDINGS = {
    "provinces": "(自治区|province|sheng|municipality|autonomousregion)$",
    "cities": "((自治)?州|city|shi|prefecture)$",
}
_REGIONS = ["east", "central", "west"]
_NOT_READ = re.compile(r"[\s'\u2019`.\-]+")


@overload
def match_provinces(names: _Same, *, to: ProvinceForm = ...) -> _Same: ...
@overload
def match_provinces(
    names: pd.Series[Any] | Sequence[Any], *, to: ProvinceForm = ...
) -> pd.Series[Any]: ...
def match_provinces(names: Any, *, to: ProvinceForm = "short") -> Any:
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
    to : {"short", "official", "pinyin", "code", "region"}
        The form of the result: 内蒙古 (default), 内蒙古自治区, ``neimenggu`` (as in
        `simulate_provinces` and `province_neighbours`) or the number 150000 (GB/T
        2260). ``"region"`` is the region of the province, ``"east"`` (11 provinces),
        ``"central"`` (8) or ``"west"`` (12), the division into three of most papers:
        Liaoning is in the east, Jilin and Heilongjiang are in the centre, Guangxi and
        Inner Mongolia in the west.

    Returns
    -------
    Series, Index or array
        The names in that form: an Index of an Index, such as a key of a panel, an array
        of an array, and otherwise a Series, with the index of `names` if that is a
        Series. Its name stays. Missing values stay missing. Codes are integers. Regions
        are ordered categories, so that tables have the east first, then the centre and
        the west; an array has texts.

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
    check_option("to", to, (*NAME_FORMS, "region"))
    return _matched("provinces", names, to)


@overload
def match_cities(names: _Same, *, to: CityForm = ...) -> _Same: ...
@overload
def match_cities(
    names: pd.Series[Any] | Sequence[Any], *, to: CityForm = ...
) -> pd.Series[Any]: ...
def match_cities(names: Any, *, to: CityForm = "short") -> Any:
    """Write the names of Chinese prefecture-level cities in one form.

    Parameters
    ----------
    names : Series, Index, list or array
        Names or codes of the 333 prefectures of mainland China and of Beijing, Tianjin,
        Shanghai and Chongqing, in any mix of forms: short names (延边), official names
        (延边朝鲜族自治州), pinyin, codes of four or six digits. Also Chaohu (until
        2011), Laiwu (until 2018), some former names (襄樊, 毕节地区) and usual foreign
        ones (Harbin, Urumqi). Blanks, apostrophes, hyphens and capitals do not matter.
    to : {"short", "official", "pinyin", "code", "province", "region"}
        The form of the result: 石家庄 (default), 石家庄市, ``shijiazhuang``, the number
        130100, the short name of the province, 河北, or the region of the province as
        in `match_provinces`, ``"east"``.

    Returns
    -------
    Series, Index or array
        The names in that form: an Index of an Index, such as a key of a panel, an array
        of an array, and otherwise a Series, with the index of `names` if that is a
        Series. Its name stays. Missing values stay missing. Codes are integers. Regions
        are ordered categories, so that tables have the east first, then the centre and
        the west; an array has texts.

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
    digiprosper.errors.AlignmentError: match_cities: 'Suzhou' may be ...
    """
    check_option("to", to, (*NAME_FORMS, "province", "region"))
    return _matched("cities", names, to)


def read_table(name: str) -> pd.DataFrame:
    """Read a table beside this file as text, to convert numbers exactly."""
    return pd.read_csv(Path(__file__).with_name(f"{name}.csv"), dtype=str)


def written(pinyin: Sequence[str], names: NameForm) -> list[Any]:
    """Write pinyin of provinces in another form."""
    check_option("names", names, NAME_FORMS)
    table = _divisions("provinces").set_index("pinyin", drop=False)
    return table.loc[list(pinyin), names].tolist()


@cache
def _divisions(kind: str) -> pd.DataFrame:
    """Read the provinces or cities, with the columns of all forms and `also`."""
    table = read_table(kind)
    if kind == "provinces":
        table = table.rename(columns={"province": "pinyin", "province_zh": "short"})
    else:
        regions = _divisions("provinces").set_index("short")["region"]
        table["region"] = table["province"].map(regions)
    return table.assign(code=table["code"].astype(int), also=table["also"].fillna(""))


@cache
def _rows_by_spelling(kind: str) -> dict[str, list[int]]:
    """List the rows of `_divisions` that each spelling may mean."""
    rows: dict[str, list[int]] = {}
    for position, row in enumerate(_divisions(kind).to_dict("records")):
        code = str(row["code"])
        spellings = [row[form] for form in NAME_FORMS] + row["also"].split()
        for spelling in {_folded(text) for text in (*spellings, code[: _DIGITS[kind]])}:
            rows.setdefault(spelling, []).append(position)
    return rows


def _folded(name: object) -> str:
    """Reduce a name to what tells it from others: no blanks, hyphens or capitals.

    Tones stay, since without them 陕西 (Shǎnxī) would be read as 山西.
    """
    if isinstance(name, float) and name.is_integer():
        name = int(name)
    return _NOT_READ.sub("", unicodedata.normalize("NFKC", str(name)).casefold())


def _matched(kind: str, names: Any, to: str) -> Any:
    column = _column(names, f"match_{kind}")
    table, rows = _divisions(kind), _rows_by_spelling(kind)
    meant, problems, chosen = {}, [], {}
    for name in column.dropna().unique():
        text = _folded(name)
        positions = rows.get(text) or rows.get(re.sub(_ENDINGS[kind], "", text), [])
        meant[name] = positions[0] if positions else -1
        if len(positions) != 1:
            text = _problem(name, table, positions)
            problems.append(alignment_problem(None, text, [name]))
        if len(positions) > 1:
            chosen[name] = table["official"].iloc[positions[0]]
    used = table.iloc[sorted(set(meant.values()))]
    same = used["official"][used["pinyin"].duplicated(keep=False)].tolist()
    if to == "pinyin" and same and not problems:
        text = f"to='pinyin' gives one name to several cities: {', '.join(same)}"
        problems = [alignment_problem(None, text, same)]
    if problems:
        text = f"match_{kind}: {several(problems, 12)}. Replace or omit these names"
        if chosen:
            text += f", such as by match=lambda s: match_{kind}(s.replace({chosen}))"
        raise AlignmentError(f"{text}.", problems)
    forms = dict(zip(meant, table[to].iloc[[*meant.values()]], strict=True))
    return _as_passed([forms.get(name) for name in column], names, column, to)


def _as_passed(values: list[Any], names: Any, column: pd.Series[Any], to: str) -> Any:
    """Return values as an Index or an array if the names are one."""
    dtype: Any = "Int64" if to == "code" and None in values else None
    if to == "region":
        dtype = pd.CategoricalDtype(_REGIONS, ordered=True)
    if isinstance(names, pd.Index):
        return pd.Index(values, dtype=dtype, name=names.name)
    series = pd.Series(values, index=column.index, name=column.name, dtype=dtype)
    return series.to_numpy() if isinstance(names, np.ndarray) else series


def _column(names: Any, function: str) -> pd.Series[Any]:
    if isinstance(names, str | pd.DataFrame) or not pd.api.types.is_list_like(names):
        raise InputTypeError(
            f"{function} takes a column of names, such as df['province'], not "
            f"{type(names).__name__}."
        )
    column = names if isinstance(names, pd.Series) else pd.Series(list(names))
    if not all(map(pd.api.types.is_hashable, column)):
        raise InputTypeError(f"{function} takes one name a row, not several.")
    return column


def _problem(name: object, table: pd.DataFrame, positions: list[int]) -> str:
    """Tell that a name is unknown, or which divisions it may mean."""
    if positions:
        return f"{cited(name)} may be {' or '.join(table['official'].iloc[positions])}"
    spellings = [*table["short"], *table["official"], *table["pinyin"]]
    return f"{cited(name)} is unknown{nearest(name, spellings)}"
