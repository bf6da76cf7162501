"""How often absent mechanisms are supported in simulated provinces, and planted ones found."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import pathways

PANELS = 200
LEVEL = 0.95
CONTROLS = ["urban", "fiscal", "openness"]
PLANTED = {"P05": "supported", "P09": "supported", "P10": "supported", "P15": "contradicted"}
PRESENT = {"de": "digital", "cp": "prosperity", "isu": "upgrading", "tfp": "productivity"}
PRESENT |= {"entrepreneurship": "entrepreneurship", "ur_gap": "urban_rural_theil"}
# Roles whose columns have nothing to do with the digital economy.
NOISE = [
    *("gdp_pc", "gini", "innovation", "industrial_dispersion", "regional_coordination", "digital_divide"),
    *("social_security", "human_capital", "digital_industry", "industry_digital", "rural_infra"),
    *("rural_finance", "urbanisation", "relative_entrepreneurship", "marketisation", "unemployment"),
    *("misallocation", "spatial_decay", "public_service_equality", "cp_growth", "cp_share"),
    *("market_concentration", "new_industry"),
]
ABSENT = [
    *("P01", "P02", "P04", "P08", "P16", "P17", "P19", "P21", "P22", "P24", "P26", "P27"),
    *("P28", "P29", "P35", "P36", "P39", "P50", "P51"),
]


def mechanisms():
    catalogue = {m.id: m for m in pathways.seed_catalogue()}
    curve = replace(catalogue["P15"], id="U", outcome="gini")
    # Channels that the digital economy moves, but that do not move the outcome, and the reverse.
    only_a = replace(catalogue["P02"], id="A", channels=("isu",))
    only_b = replace(catalogue["P02"], id="B", channels=("de_inequality",), outcome="rural_income")
    chosen = [catalogue[name] for name in (*PLANTED, *ABSENT)]
    return [*chosen, curve, only_a, only_b]


def noise(rng, n, periods):
    """Draw province and year effects and an autoregression, with errors as in the provinces."""
    path = rng.normal(size=(n, periods))
    for t in range(1, periods):
        path[:, t] = 0.4 * path[:, t - 1] + np.sqrt(1 - 0.4**2) * path[:, t]
    scale = np.exp(rng.normal(0, 0.2, (n, 1)))
    return path * scale + rng.normal(size=(n, 1)) + np.linspace(0, 1, periods)


def one_panel(seed):
    panel, _ = dp.datasets.simulate_provinces(rng=seed)
    rng = np.random.default_rng([seed, 1])
    n, periods = panel.n_entities, panel.n_times
    columns = {f"noise_{role}": noise(rng, n, periods).ravel() for role in (*NOISE, "de_inequality")}
    columns["noise_rural"] = 0.3 * columns["noise_de_inequality"] + noise(rng, n, periods).ravel()
    made = panel.assign(**{k: pd.Series(v, index=panel.index) for k, v in columns.items()})
    roles = {role: f"noise_{role}" for role in (*NOISE, "de_inequality")}
    ring = np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = pathways.evaluate(
            made,
            mechanisms(),
            {**PRESENT, **roles, "rural_income": "noise_rural"},
            controls=CONTROLS,
            spatial_weights=dp.SpatialWeights(ring, panel.entities),
            level=LEVEL,
            rng=seed,
        )
    return report.frame[["verdict", "p_value", "p_adjusted"]]


def share(flags):
    rate = float(np.mean(flags))
    return rate, float(np.sqrt(rate * (1 - rate) / len(flags)))


@pytest.fixture(scope="module")
def verdicts():
    return pd.DataFrame([one_panel(seed)["verdict"] for seed in range(PANELS)])


@pytest.mark.montecarlo
def test_absent_mechanisms_are_rarely_supported(verdicts) -> None:
    absent = verdicts.drop(columns=list(PLANTED))
    assert (absent != "not testable").all(axis=None)
    alpha = 1 - LEVEL
    bound = alpha + 2 * np.sqrt(alpha * (1 - alpha) / PANELS)
    supported, _ = share((absent == "supported").any(axis=1))
    decided, _ = share(absent.isin(["supported", "contradicted"]).any(axis=1))
    print(f"supported {supported:.3f}, supported or contradicted {decided:.3f}, bound {bound:.3f}")  # noqa: T201
    assert supported <= bound


@pytest.mark.montecarlo
def test_planted_mechanisms_are_found(verdicts) -> None:
    power = {name: share(verdicts[name] == verdict)[0] for name, verdict in PLANTED.items()}
    print(power)  # noqa: T201
    assert min(power.values()) >= 0.9
