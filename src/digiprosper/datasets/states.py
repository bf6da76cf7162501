"""Public capital and output of the United States, 1970 to 1986."""

from __future__ import annotations

from digiprosper.panel import Panel

__all__ = ["us_neighbours", "us_states"]

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


def us_states() -> Panel:
    """Load Munnell's panel of US states: 48 contiguous states, 17 years, no gaps.

    Real data, shipped with linearmodels, so nothing is downloaded.

    Returns
    -------
    Panel
        Keys ``state`` (two letters) and ``year`` (1970 to 1986), labels with units.

        ============  ==========  ==========================================================
        column        in Munnell  what
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

        Money is at constant prices (1982).

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
    from linearmodels.datasets import munnell

    frame = munnell.load().rename(columns=_COLUMNS)
    return Panel(frame, entity="state", time="year", labels=_LABELS)


def us_neighbours() -> dict[str, tuple[str, ...]]:
    """List which of the 48 contiguous US states have a common border.

    Returns
    -------
    dict
        State to its neighbours, by the two letters of `us_states`. Arizona and Colorado, and New Mexico and
        Utah, which meet in a point, are neighbours; states that are apart by water are not.

    Notes
    -----
    The same as ``states48.gal`` among the examples of libpysal, and as ``usaww`` of the R package splm.

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
