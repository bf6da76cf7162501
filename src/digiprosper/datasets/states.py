"""Public capital and output of the United States, 1970 to 1986."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from digiprosper.panel import Panel

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

# Each state and those with which it has a border or, in the Four Corners, a point in common.
_BORDERS = """
AL: FL GA MS TN; AR: LA MS MO OK TN TX; AZ: CA CO NV NM UT; CA: AZ NV OR;
CO: AZ KS NE NM OK UT WY; CT: MA NY RI; DE: MD NJ PA; FL: AL GA; GA: AL FL NC SC TN;
IA: IL MN MO NE SD WI; ID: MT NV OR UT WA WY; IL: IN IA KY MO WI; IN: IL KY MI OH;
KS: CO MO NE OK; KY: IL IN MO OH TN VA WV; LA: AR MS TX; MA: CT NH NY RI VT;
MD: DE PA VA WV; ME: NH; MI: IN OH WI; MN: IA ND SD WI; MO: AR IL IA KS KY NE OK TN;
MS: AL AR LA TN; MT: ID ND SD WY; NC: GA SC TN VA; ND: MN MT SD; NE: CO IA KS MO SD WY;
NH: ME MA VT; NJ: DE NY PA; NM: AZ CO OK TX UT; NV: AZ CA ID OR UT; NY: CT MA NJ PA VT;
OH: IN KY MI PA WV; OK: AR CO KS MO NM TX; OR: CA ID NV WA; PA: DE MD NJ NY OH WV;
RI: CT MA; SC: GA NC; SD: IA MN MT NE ND WY; TN: AL AR GA KY MS MO NC VA;
TX: AR LA NM OK; UT: AZ CO ID NV NM WY; VA: KY MD NC TN WV; VT: MA NH NY; WA: ID OR;
WI: IL IA MI MN; WV: KY MD OH PA VA; WY: CO ID MT NE SD UT
"""

# Latitude and longitude of each state's capital.
_CAPITALS = """
AL 32.38 -86.30; AR 34.75 -92.29; AZ 33.45 -112.10; CA 38.58 -121.49; CO 39.74 -104.98; CT 41.76 -72.68;
DE 39.16 -75.52; FL 30.44 -84.28; GA 33.75 -84.39; IA 41.59 -93.60; ID 43.62 -116.20; IL 39.80 -89.65;
IN 39.77 -86.16; KS 39.05 -95.68; KY 38.19 -84.88; LA 30.46 -91.19; MA 42.36 -71.06; MD 38.98 -76.49;
ME 44.31 -69.78; MI 42.73 -84.56; MN 44.95 -93.10; MO 38.58 -92.17; MS 32.30 -90.18; MT 46.59 -112.02;
NC 35.78 -78.64; ND 46.82 -100.78; NE 40.81 -96.70; NH 43.21 -71.54; NJ 40.22 -74.77; NM 35.68 -105.94;
NV 39.16 -119.77; NY 42.65 -73.76; OH 39.96 -83.00; OK 35.49 -97.50; OR 44.94 -123.03; PA 40.26 -76.88;
RI 41.83 -71.41; SC 34.00 -81.03; SD 44.37 -100.35; TN 36.17 -86.78; TX 30.27 -97.74; UT 40.78 -111.89;
VA 37.54 -77.43; VT 44.26 -72.58; WA 47.04 -122.90; WI 43.07 -89.38; WV 38.34 -81.61; WY 41.14 -104.82
"""


def us_states() -> Panel:
    """Load Munnell's panel of the 48 contiguous US states over 17 years.

    These are real data without missing values. They are part of linearmodels, so nothing is downloaded.

    Returns
    -------
    Panel
        Panel with keys ``state`` (two letters) and ``year`` (1970 to 1986). Labels have the units.

        ============  ==========  ==========================================================
        column        in Munnell  meaning
        ============  ==========  ==========================================================
        state_name    STATE       name of the state, upper case without spaces
        pcap          P_CAP       stock of public capital, million USD: hwy + water + util
        hwy           HWY         highways and streets, million USD
        water         WATER       water and sewer facilities, million USD
        util          UTIL        other public buildings and structures, million USD
        pc            PC          stock of private capital, million USD
        gsp           GSP         gross state product, million USD
        emp           EMP         employment in non-agricultural payrolls, thousand persons
        unemp         UNEMP       unemployment rate, %; a proxy of the business cycle
        ============  ==========  ==========================================================

        Amounts are in constant prices of 1982.

    Notes
    -----
    Source: Munnell, A. H. (1990), Why has productivity growth declined? Productivity and public investment,
    New England Economic Review, January/February, 3-22; used by Baltagi, B. H. and Pinnoi, N. (1995), Public
    capital stock and state productivity growth: further evidence from an error components model, Empirical
    Economics 20, 351-359. The same data are ``Produc`` of the R package plm.

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
    frame = pd.read_csv(Path(package.origin).parent / "datasets" / "munnell" / "munnell.csv.bz2")
    return Panel(frame.rename(columns=_COLUMNS), entity="state", time="year", labels=_LABELS)


def us_neighbours() -> dict[str, tuple[str, ...]]:
    """Return the neighbours of each of the 48 contiguous US states.

    Returns
    -------
    dict
        For each state the states with a common border, by the two letters of `us_states`. Arizona and
        Colorado, and New Mexico and Utah, which have only a common point, are neighbours. States separated by
        water are not.

    Notes
    -----
    The neighbours are the same as in ``states48.gal`` of libpysal's examples, and in ``usaww`` of the R
    package splm.

    Examples
    --------
    >>> import digiprosper as dp
    >>> borders = dp.datasets.us_neighbours()
    >>> borders["CA"]
    ('AZ', 'NV', 'OR')
    >>> dp.SpatialWeights.from_neighbours(borders)
    SpatialWeights('W', 48 entities, 214 links, row-standardised)
    """
    pairs = (entry.split(":") for entry in _BORDERS.replace("\n", " ").split(";"))
    return {state.strip(): tuple(neighbours.split()) for state, neighbours in pairs}


def us_capitals() -> pd.DataFrame:
    """Return the coordinates of the capitals of the 48 contiguous US states.

    Returns
    -------
    DataFrame
        Latitude ``lat`` and longitude ``lon`` in degrees with two decimals, indexed by the two letters of
        `us_states`.

    Examples
    --------
    >>> import digiprosper as dp
    >>> places = dp.datasets.us_capitals()
    >>> places.loc["CA"].tolist()
    [38.58, -121.49]
    >>> dp.SpatialWeights.inverse_distance(places, cutoff=700)
    SpatialWeights('W', 48 entities, 378 links, row-standardised)
    """
    entries = [entry.split() for entry in _CAPITALS.replace("\n", " ").split(";")]
    coordinates = {state: (float(lat), float(lon)) for state, lat, lon in entries}
    return pd.DataFrame.from_dict(coordinates, orient="index", columns=["lat", "lon"]).rename_axis("state")
