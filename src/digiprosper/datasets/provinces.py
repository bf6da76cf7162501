"""Borders and capitals of the Chinese provinces, and names of the simulated columns."""

from __future__ import annotations

from typing import Final

import pandas as pd

# Each province and those with which it has a border on land; Hainan and Guangdong, across the strait.
_BORDERS: Final = """
beijing: tianjin hebei; tianjin: beijing hebei;
hebei: beijing tianjin shanxi neimenggu liaoning shandong henan; shanxi: hebei neimenggu henan shaanxi;
neimenggu: hebei shanxi liaoning jilin heilongjiang shaanxi gansu ningxia;
liaoning: hebei neimenggu jilin; jilin: neimenggu liaoning heilongjiang; heilongjiang: neimenggu jilin;
shanghai: jiangsu zhejiang; jiangsu: shanghai zhejiang anhui shandong;
zhejiang: shanghai jiangsu anhui fujian jiangxi; anhui: jiangsu zhejiang jiangxi shandong henan hubei;
fujian: zhejiang jiangxi guangdong; jiangxi: zhejiang anhui fujian hubei hunan guangdong;
shandong: hebei jiangsu anhui henan; henan: hebei shanxi anhui shandong hubei shaanxi;
hubei: anhui jiangxi henan hunan chongqing shaanxi; hunan: jiangxi hubei guangdong guangxi chongqing guizhou;
guangdong: fujian jiangxi hunan guangxi hainan; guangxi: hunan guangdong guizhou yunnan; hainan: guangdong;
chongqing: hubei hunan sichuan guizhou shaanxi;
sichuan: chongqing guizhou yunnan xizang shaanxi gansu qinghai;
guizhou: hunan guangxi chongqing sichuan yunnan; yunnan: guangxi sichuan guizhou xizang;
xizang: sichuan yunnan qinghai xinjiang;
shaanxi: shanxi neimenggu henan hubei chongqing sichuan gansu ningxia;
gansu: neimenggu sichuan shaanxi qinghai ningxia xinjiang; qinghai: sichuan xizang gansu xinjiang;
ningxia: neimenggu shaanxi gansu; xinjiang: xizang gansu qinghai
"""

# Latitude and longitude of the seat of each government.
_CAPITALS: Final = """
beijing 39.90 116.41; tianjin 39.13 117.20; hebei 38.04 114.51; shanxi 37.87 112.55; neimenggu 40.84 111.75;
liaoning 41.80 123.43; jilin 43.82 125.32; heilongjiang 45.80 126.53; shanghai 31.23 121.47;
jiangsu 32.06 118.80; zhejiang 30.27 120.15; anhui 31.82 117.23; fujian 26.07 119.30; jiangxi 28.68 115.86;
shandong 36.65 117.12; henan 34.75 113.63; hubei 30.59 114.31; hunan 28.23 112.94; guangdong 23.13 113.26;
guangxi 22.82 108.37; hainan 20.04 110.34; chongqing 29.56 106.55; sichuan 30.57 104.07; guizhou 26.65 106.63;
yunnan 25.04 102.71; xizang 29.65 91.14; shaanxi 34.34 108.94; gansu 36.06 103.83; qinghai 36.62 101.78;
ningxia 38.49 106.23; xinjiang 43.83 87.62
"""

ENGLISH: Final = {
    "broadband_ports": "Broadband ports (per 100 people)",
    "cable_density": "Optical cable (km per km²)",
    "broadband_users": "Broadband users (per 100 people)",
    "mobile_users": "Mobile phones (per 100 people)",
    "ict_employment": "Employment in information services (%)",
    "telecom_volume": "Telecommunications (yuan per head)",
    "software_revenue": "Software revenue (yuan per head)",
    "ecommerce_firms": "Firms with e-commerce (%)",
    "digital_finance": "Digital finance (index)",
    "income": "Disposable income (yuan per head)",
    "consumption": "Consumption (yuan per head)",
    "engel": "Engel coefficient (%)",
    "income_ratio": "Urban-rural income ratio",
    "schooling": "Years of schooling",
    "hospital_beds": "Hospital beds (per 1,000 people)",
    "pension_coverage": "Pension coverage (%)",
    "unemployment": "Registered unemployment (%)",
    "forest_cover": "Forest cover (%)",
    "pm25": "PM2.5 (µg/m³)",
    "energy_intensity": "Energy intensity (tce per 10,000 yuan)",
    "province": "Province",
    "year": "Year",
    "province_zh": "Province (Chinese)",
    "region": "Region",
    "digital": "Digital economy",
    "prosperity": "Common prosperity",
    "rural_income": "Rural income (log)",
    "urban_rural_theil": "Urban-rural Theil index",
    "productivity": "Labour productivity (log)",
    "upgrading": "Industrial upgrading (tertiary/secondary)",
    "entrepreneurship": "Entrepreneurship (new firms per 100 people)",
    "urban": "Urban share (%)",
    "fiscal": "Public spending (% of GDP)",
    "openness": "Trade (% of GDP)",
    "post_offices_1984": "Post offices in 1984 (per 10,000 people)",
    "national_users": "Internet users, national (100 million)",
}


def province_neighbours() -> dict[str, tuple[str, ...]]:
    """Return the neighbours of each of the 31 provinces of mainland China.

    Returns
    -------
    dict
        For each province the provinces with a common border, with the names of `simulate_provinces`
        (``"shaanxi"`` is 陕西, ``"shanxi"`` is 山西). The island Hainan is a neighbour of Guangdong, as in
        most papers.

    Examples
    --------
    >>> import digiprosper as dp
    >>> borders = dp.datasets.province_neighbours()
    >>> borders["fujian"]
    ('zhejiang', 'jiangxi', 'guangdong')
    >>> dp.SpatialWeights.from_neighbours(borders)
    SpatialWeights('W', 31 entities, 138 links, row-standardised)
    """
    pairs = (entry.split(":") for entry in _BORDERS.replace("\n", " ").split(";"))
    return {province.strip(): tuple(neighbours.split()) for province, neighbours in pairs}


def province_capitals() -> pd.DataFrame:
    """Return the coordinates of the capitals of the 31 provinces of mainland China.

    Returns
    -------
    DataFrame
        Latitude ``lat`` and longitude ``lon`` of the city centre in degrees, indexed by the names of
        `simulate_provinces`.

    Examples
    --------
    >>> import digiprosper as dp
    >>> places = dp.datasets.province_capitals()
    >>> places.loc["zhejiang"].tolist()
    [30.27, 120.15]
    >>> dp.SpatialWeights.inverse_distance(places).n_links
    930
    """
    entries = [entry.split() for entry in _CAPITALS.replace("\n", " ").split(";")]
    coordinates = {province: (float(lat), float(lon)) for province, lat, lon in entries}
    return pd.DataFrame.from_dict(coordinates, orient="index", columns=["lat", "lon"]).rename_axis("province")
