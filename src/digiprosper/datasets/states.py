"""Public capital and output of the United States, 1970 to 1986."""

from __future__ import annotations

from digiprosper.panel import Panel

__all__ = ["us_states"]

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
