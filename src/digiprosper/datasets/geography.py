"""US states, and borders and capitals of states and Chinese provinces."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from digiprosper.datasets.names import read_table, written
from digiprosper.panel import Panel

if TYPE_CHECKING:
    from digiprosper.datasets.names import NameForm

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
    >>> places = dp.datasets.us_capitals()
    >>> places.loc["CA"].tolist()
    [38.58, -121.49]
    >>> dp.SpatialWeights.inverse_distance(places, cutoff=700)
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
    borders = _neighbours("provinces")
    return {
        key: tuple(written(near, names))
        for key, near in zip(written([*borders], names), borders.values(), strict=True)
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
    >>> places = dp.datasets.province_capitals()
    >>> places.loc["zhejiang"].tolist()
    [30.27, 120.15]
    >>> dp.SpatialWeights.inverse_distance(places).n_links
    930
    >>> dp.datasets.province_capitals("short").loc["浙江"].tolist()
    [30.27, 120.15]
    """
    capitals = _capitals("provinces")
    index = pd.Index(written([*capitals.index], names), name=capitals.index.name)
    return capitals.set_axis(index, axis=0)


def _neighbours(name: str) -> dict[str, tuple[str, ...]]:
    table = read_table(name)
    return {
        k: tuple(v.split())
        for k, v in zip(table.iloc[:, 0], table["neighbours"], strict=True)
    }


def _capitals(name: str) -> pd.DataFrame:
    table = read_table(name)
    return table.set_index(table.columns[0])[["lat", "lon"]].astype(float)
