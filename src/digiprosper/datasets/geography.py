"""US states, borders and capitals; Chinese provinces and cities by any name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, get_args, overload

import numpy as np
import pandas as pd

from digiprosper.checks import alignment_problem, check_option, several
from digiprosper.errors import AlignmentError, InputTypeError, cited, did_you_mean
from digiprosper.panel import Panel
from digiprosper.panel.entity_labels import is_total

_COLUMNS = {
    "STATE": "state_name",
    "ST_ABB": "state",
    "YR": "year",
    "P_CAP": "pcap",
    "HWY": "hwy",
    "WATER": "water",
    "UTIL": "util",
    "PC": "pc",
    "GSP": "gsp",
    "EMP": "emp",
    "UNEMP": "unemp",
}
_LABELS = {
    "state_name": "State",
    "pcap": "Public capital (million USD)",
    "hwy": "Highways and streets (million USD)",
    "water": "Water and sewer facilities (million USD)",
    "util": "Other public buildings and structures (million USD)",
    "pc": "Private capital (million USD)",
    "gsp": "Gross state product (million USD)",
    "emp": "Non-agricultural employment (thousand)",
    "unemp": "Unemployment rate (%)",
}
NameForm: TypeAlias = Literal["short", "official", "pinyin", "code"]
"""How the name of a province is written."""

NAME_FORMS: tuple[NameForm, ...] = get_args(NameForm)
ProvinceForm: TypeAlias = NameForm | Literal["region"]
CityForm: TypeAlias = NameForm | Literal["province", "region"]
# Names that come back as what they were; others come back as a Series.
_Same = TypeVar("_Same", "pd.Index[Any]", "np.ndarray[Any, Any]")

_COUNTY = re.compile("[1-6][0-9]{3}(?!00)[0-9]{2}")
# Digits of a code that are enough: of a province 11, of a city 1301.
_DIGITS = {"provinces": 2, "cities": 4}
# What may stand behind a short name or pinyin.
_ENDINGS = {
    "provinces": "(自治区|province|sheng|municipality|autonomousregion)$",
    "cities": "((自治)?州|city|shi|prefecture)$",
}
_REGIONS = ["east", "central", "west"]
# Letters that a misspelt name shares with the right one
_ALIKE = 0.9
_NOT_READ = re.compile(r"[\s'\u2019`.\-]+")


def us_states() -> Panel:
    """Load Munnell's panel of the 48 contiguous US states over 17 years.

    These are real data without missing values. They are part of linearmodels, so
    nothing is downloaded.

    Returns
    -------
    Panel
        Panel with keys ``state`` (two letters) and ``year`` (1970 to 1986). Labels have
        the units.

        ============  ==========  ======================================================
        column        in Munnell  meaning
        ============  ==========  ======================================================
        state_name    STATE       name of the state, upper case without spaces
        pcap          P_CAP       stock of public capital, million USD: hwy + water +
                                  util
        hwy           HWY         highways and streets, million USD
        water         WATER       water and sewer facilities, million USD
        util          UTIL        other public buildings and structures, million USD
        pc            PC          stock of private capital, million USD
        gsp           GSP         gross state product, million USD
        emp           EMP         employment in non-agricultural payrolls, thousand
                                  persons
        unemp         UNEMP       unemployment rate, %; a proxy of the business cycle
        ============  ==========  ======================================================

        Amounts are in constant prices of 1982.

    Notes
    -----
    Source: Munnell, A. H. (1990), Why has productivity growth declined? Productivity
    and public investment, New England Economic Review, January/February, 3-22; used by
    Baltagi, B. H. and Pinnoi, N. (1995), Public capital stock and state productivity
    growth: further evidence from an error components model, Empirical Economics 20,
    351-359. The same data are ``Produc`` of the R package plm.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel = dp.datasets.us_states()
    >>> panel.n_entities, panel.n_times, panel.is_balanced
    (48, 17, True)
    >>> panel.labels["unemp"]
    'Unemployment rate (%)'
    """
    # The package is found and not imported, which would take seconds for one file.
    package = find_spec("linearmodels")
    assert package is not None
    assert package.origin is not None
    frame = pd.read_csv(
        Path(package.origin).parent / "datasets" / "munnell" / "munnell.csv.bz2"
    )
    return Panel(
        frame.rename(columns=_COLUMNS), entity="state", time="year", labels=_LABELS
    )


def us_neighbours() -> dict[str, tuple[str, ...]]:
    """Return the neighbours of each of the 48 contiguous US states.

    Returns
    -------
    dict
        For each state the states with a common border, by the two letters of
        `us_states`. Arizona and Colorado, and New Mexico and Utah, which have only a
        common point, are neighbours. States separated by water are not.

    Notes
    -----
    The neighbours are the same as in ``states48.gal`` of libpysal's examples, and in
    ``usaww`` of the R package splm.

    Examples
    --------
    >>> import digiprosper as dp
    >>> borders = dp.datasets.us_neighbours()
    >>> borders["CA"]
    ('AZ', 'NV', 'OR')
    >>> dp.SpatialWeights.from_neighbours(borders)
    SpatialWeights('W', 48 entities, 214 links, row-standardised)
    """
    return _neighbours("states")


def us_capitals() -> pd.DataFrame:
    """Return the coordinates of the capitals of the 48 contiguous US states.

    Returns
    -------
    DataFrame
        Latitude ``lat`` and longitude ``lon`` in degrees with two decimals, indexed by
        the two letters of `us_states`.

    Examples
    --------
    >>> import digiprosper as dp
    >>> capitals = dp.datasets.us_capitals()
    >>> capitals.loc["CA"].tolist()
    [38.58, -121.49]
    >>> dp.SpatialWeights.inverse_distance(capitals, cutoff=700)
    SpatialWeights('W', 48 entities, 378 links, row-standardised)
    """
    return _capitals("states")


def province_neighbours(names: NameForm = "pinyin") -> dict[Any, tuple[Any, ...]]:
    """Return the neighbours of each of the 31 provinces of mainland China.

    Parameters
    ----------
    names : {"pinyin", "short", "official", "code"}
        How the provinces are named: ``"neimenggu"`` (default, as in
        `simulate_provinces`; ``"shaanxi"`` is 陕西, ``"shanxi"`` is 山西), 内蒙古,
        内蒙古自治区 or 150000. Choose the form of your panel. If it mixes forms,
        `match_provinces` writes it in one.

    Returns
    -------
    dict
        For each province the provinces with a common border. The island Hainan is a
        neighbour of Guangdong, as in most papers.

    Raises
    ------
    OptionError
        If `names` is another word.

    Examples
    --------
    >>> import digiprosper as dp
    >>> borders = dp.datasets.province_neighbours()
    >>> borders["fujian"]
    ('zhejiang', 'jiangxi', 'guangdong')
    >>> dp.SpatialWeights.from_neighbours(borders)
    SpatialWeights('W', 31 entities, 138 links, row-standardised)
    >>> dp.datasets.province_neighbours("short")["福建"]
    ('浙江', '江西', '广东')
    """
    form = _province_names(names)
    return {
        form[province]: tuple(form[near] for near in borders)
        for province, borders in _neighbours("provinces").items()
    }


def province_capitals(names: NameForm = "pinyin") -> pd.DataFrame:
    """Return the coordinates of the capitals of the 31 provinces of mainland China.

    Parameters
    ----------
    names : {"pinyin", "short", "official", "code"}
        How the provinces are named, as in `province_neighbours`.

    Returns
    -------
    DataFrame
        Latitude ``lat`` and longitude ``lon`` of the city centre in degrees, indexed by
        the names of the provinces.

    Raises
    ------
    OptionError
        If `names` is another word.

    Examples
    --------
    >>> import digiprosper as dp
    >>> capitals = dp.datasets.province_capitals()
    >>> capitals.loc["zhejiang"].tolist()
    [30.27, 120.15]
    >>> dp.SpatialWeights.inverse_distance(capitals).n_links
    930
    >>> dp.datasets.province_capitals("short").loc["浙江"].tolist()
    [30.27, 120.15]
    """
    return _capitals("provinces").rename(index=_province_names(names))


def _neighbours(name: str) -> dict[str, tuple[str, ...]]:
    table = read_table(name)
    return {
        k: tuple(v.split())
        for k, v in zip(table.iloc[:, 0], table["neighbours"], strict=True)
    }


def _capitals(name: str) -> pd.DataFrame:
    table = read_table(name)
    return table.set_index(table.columns[0])[["lat", "lon"]].astype(float)


# --- names of Chinese provinces and cities --------------------------------------------


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
    return _match_names("provinces", names, to)


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
    Counties that are governed by their province (仙桃, 石河子), and county-level cities
    (昆山, 义乌), are no cities in this list.

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
    return _match_names("cities", names, to)


def read_table(name: str) -> pd.DataFrame:
    """Read a table beside this file as text, to convert numbers exactly."""
    return pd.read_csv(Path(__file__).with_name(f"{name}.csv"), dtype=str)


def _province_names(names: NameForm) -> dict[str, Any]:
    """Return the names of provinces in a form, by pinyin."""
    check_option("names", names, NAME_FORMS)
    table = _divisions("provinces")
    return dict(zip(table["pinyin"], table[names].tolist(), strict=True))


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
        for spelling in {
            _normalised_name(text) for text in (*spellings, code[: _DIGITS[kind]])
        }:
            rows.setdefault(spelling, []).append(position)
    return rows


def _normalised_name(name: object) -> str:
    """Reduce a name to what tells it from others: no blanks, hyphens or capitals."""
    # Tones stay, since without them 陕西 (Shǎnxī) would be read as 山西.
    if isinstance(name, float) and name.is_integer():
        name = int(name)
    return _NOT_READ.sub("", unicodedata.normalize("NFKC", str(name)).casefold())


def _positions_of(kind: str, name: object) -> list[int]:
    """List the rows of `_divisions` that a name may mean."""
    rows, text = _rows_by_spelling(kind), _normalised_name(name)
    return rows.get(text) or rows.get(re.sub(_ENDINGS[kind], "", text), [])


def _match_names(kind: str, names: Any, to: str) -> Any:
    column = _as_column(names, f"match_{kind}")
    table = _divisions(kind)
    meant, problems, chosen = {}, [], {}
    for name in column.dropna().unique():
        positions = _positions_of(kind, name)
        meant[name] = positions[0] if positions else -1
        if len(positions) != 1:
            text = _name_problem(kind, name, positions)
            problems.append(alignment_problem(None, text, [name]))
        if len(positions) > 1:
            chosen[name] = table["official"].iloc[positions[0]]
    used = table.iloc[sorted(set(meant.values()))]
    ambiguous = used["official"][used["pinyin"].duplicated(keep=False)].tolist()
    if to == "pinyin" and ambiguous and not problems:
        text = f"to='pinyin' gives one name to several cities: {', '.join(ambiguous)}"
        problems = [alignment_problem(None, text, ambiguous)]
    if problems:
        text = f"match_{kind}: {several(problems, 12)}. "
        unknown = [name for name, position in meant.items() if position < 0]
        text += _advice(kind, chosen, unknown)
        raise AlignmentError(text, problems)
    forms = dict(zip(meant, table[to].iloc[[*meant.values()]], strict=True))
    return _like_input([forms.get(name) for name in column], names, column, to)


def _advice(kind: str, chosen: dict[Any, str], unknown: list[Any]) -> str:
    """Advise what to do about names; `chosen` has the first that each may mean."""
    text = "Replace or omit these names"
    if totals := [name for name in unknown if is_total(name)]:
        text += f"; rows of totals are left out by match=lambda s: match_{kind}"
        text += f"(s[~s.isin({totals})])"
    elif unknown and all(_COUNTY.fullmatch(str(name)) for name in unknown):
        first, divisor = (2, "10_000") if kind == "provinces" else (4, "100")
        text = f"Codes of counties begin with those of {kind}, of {first} digits: "
        text += f"match_{kind}(codes // {divisor}), or codes.str[:{first}] if text"
    elif unknown and kind == "cities":
        text = f"Only prefectures are known, no county-level cities (昆山). {text}"
    if chosen:
        text += "; if the first of each is meant, by "
        text += f"match=lambda s: match_{kind}(s.replace({chosen}))"
    return f"{text}."


def _like_input(values: list[Any], names: Any, column: pd.Series[Any], to: str) -> Any:
    """Return values as an Index or an array if the names are one."""
    dtype: Any = "Int64" if to == "code" and None in values else None
    if to == "region":
        dtype = pd.CategoricalDtype(_REGIONS, ordered=True)
    if isinstance(names, pd.Index):
        return pd.Index(values, dtype=dtype, name=names.name)
    series = pd.Series(values, index=column.index, name=column.name, dtype=dtype)
    return series.to_numpy() if isinstance(names, np.ndarray) else series


def _as_column(names: Any, function: str) -> pd.Series[Any]:
    if isinstance(names, str | pd.DataFrame) or not pd.api.types.is_list_like(names):
        raise InputTypeError(
            f"{function} takes a column of names, such as df['province'], not "
            f"{type(names).__name__}."
        )
    column = names if isinstance(names, pd.Series) else pd.Series(list(names))
    if not all(map(pd.api.types.is_hashable, column)):
        raise InputTypeError(f"{function} takes one name a row, not several.")
    return column


def _name_problem(kind: str, name: object, positions: list[int]) -> str:
    """Tell that a name is unknown, or which divisions it may mean."""
    table, text = _divisions(kind), _normalised_name(name)
    if positions:
        return f"{cited(name)} may be {' or '.join(table['official'].iloc[positions])}"
    if kind == "provinces" and (cities := _positions_of("cities", name)):
        province = _divisions("cities")["province"].iloc[cities[0]]
        return f"{cited(name)} is a city of {province}, not a province"
    if kind == "cities" and _positions_of("provinces", name):
        return f"{cited(name)} is a province, not a city"
    spellings = [*table["official"], *table["short"], *table["pinyin"]]
    # 张家港 is no 张家界, and kunshan no anshan.
    alike = [s for s in spellings if text.startswith(s[0] if s.isascii() else s)]
    alike += [s for s in table["short"] if len(text) > 1 and s.startswith(text)]
    return f"{cited(name)} is unknown{did_you_mean(text, alike, _ALIKE)}"
