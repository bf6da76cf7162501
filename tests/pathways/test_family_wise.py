"""How often absent mechanisms are supported, and planted ones found.

In simulated provinces.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import pathways

if TYPE_CHECKING:
    from collections.abc import Callable

PANELS = 200
LEVEL = 0.95
CONTROLS = ["urban", "fiscal", "openness"]
PLANTED = {
    "P05": "supported",
    "P09": "supported",
    "P10": "supported",
    "P15": "contradicted",
    "P54": "supported",
    "P55": "supported",
    "P59": "supported",
    "P62": "supported",
}
PRESENT = {
    "de": "digital",
    "cp": "prosperity",
    "isu": "upgrading",
    "tfp": "productivity",
}
PRESENT |= {"entrepreneurship": "entrepreneurship", "ur_gap": "urban_rural_theil"}
PRESENT |= {
    "digital_infra": "broadband_ports",
    "digital_skill": "digital_skill",
    "digital_divide": "digital_divide",
    "growth_volatility": "growth_volatility",
    "digital_gov": "digital_government",
    "service_mismatch": "service_mismatch",
    "rural_technology_flow": "technology_flow",
    "rural_capital_flow": "capital_flow",
    "ur_integration": "integration",
}
# Roles whose columns have nothing to do with the digital economy.
NOISE = [
    *(
        "gdp_pc",
        "gini",
        "innovation",
        "industrial_dispersion",
        "regional_coordination",
    ),
    *(
        "social_security",
        "human_capital",
        "digital_industry",
        "industry_digital",
        "rural_infra",
    ),
    *(
        "rural_finance",
        "urbanisation",
        "relative_entrepreneurship",
        "marketisation",
        "unemployment",
    ),
    *(
        "misallocation",
        "spatial_decay",
        "public_service_equality",
        "cp_growth",
        "cp_share",
    ),
    *("market_concentration", "new_industry", "production_mode", "training_spending"),
    *("digital_finance", "mobility", "privacy_risk", "information_asymmetry", "rd"),
]
ABSENT = [
    *(
        "P01",
        "P02",
        "P04",
        "P08",
        "P16",
        "P17",
        "P19",
        "P21",
        "P22",
        "P24",
        "P26",
        "P27",
    ),
    *("P28", "P29", "P35", "P36", "P39", "P50", "P51"),
    *("P53", "P56", "P57", "P58", "P60", "P61"),
]


def mechanisms():
    catalogue = {m.id: m for m in pathways.seed_catalogue()}
    curve = replace(catalogue["P15"], id="U", outcome="gini")
    # Channels that the digital economy moves, but that do not move the outcome, and the
    # reverse.
    only_a = replace(catalogue["P02"], id="A", channels=("isu",))
    only_b = replace(
        catalogue["P02"], id="B", channels=("de_inequality",), outcome="rural_income"
    )
    chosen = [catalogue[name] for name in (*PLANTED, *ABSENT)]
    return [*chosen, curve, only_a, only_b]


def noise(rng, n, periods):
    """Draw province and year effects, an autoregression, the provinces' errors."""
    path = rng.normal(size=(n, periods))
    for t in range(1, periods):
        path[:, t] = 0.4 * path[:, t - 1] + np.sqrt(1 - 0.4**2) * path[:, t]
    scale = np.exp(rng.normal(0, 0.2, (n, 1)))
    return path * scale + rng.normal(size=(n, 1)) + np.linspace(0, 1, periods)


def one_panel(seed):
    panel, _ = dp.datasets.simulate_provinces(rng=seed)
    rng = np.random.default_rng([seed, 1])
    n, periods = panel.n_entities, panel.n_times
    columns = {
        f"noise_{role}": noise(rng, n, periods).ravel()
        for role in (*NOISE, "de_inequality")
    }
    columns["noise_rural"] = (
        0.3 * columns["noise_de_inequality"] + noise(rng, n, periods).ravel()
    )
    made = panel.assign(
        **{k: pd.Series(v, index=panel.index) for k, v in columns.items()}
    )
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


@pytest.mark.montecarlo
def test_absent_mechanisms_are_rarely_supported_and_planted_ones_found(
    measured: Callable[..., None],
) -> None:
    """Share of 200 simulated panels in which a proposition has a verdict.

    Each panel has 31 provinces and 12 years. `evaluate` tests 37 propositions in each
    panel, and adjusts their p-values by Holm's method, at a level of 5% for all
    together. Eight are planted: slopes, an interaction, an inverse U, and mediations by
    one channel or two. The other 29 are absent, and of all shapes: slopes,
    interactions, thresholds, U-shapes and their shifts, both directions, space, and
    mediations in which neither path, only the first or only the second is there.
    """
    verdicts = pd.DataFrame([one_panel(seed)["verdict"] for seed in range(PANELS)])
    absent = verdicts.drop(columns=list(PLANTED))
    assert (absent != "not testable").all(axis=None)

    supported = float((absent == "supported").any(axis=1).mean())
    decided = float(absent.isin(["supported", "contradicted"]).any(axis=1).mean())
    power = {
        name: float((verdicts[name] == verdict).mean())
        for name, verdict in PLANTED.items()
    }
    shares = {
        ("any of the absent", "supported"): supported,
        ("any of the absent", "supported or contradicted"): decided,
        **{(name, verdict): power[name] for name, verdict in PLANTED.items()},
    }
    for (propositions, verdict), share in shares.items():
        measured(
            "verdicts_on_pathways",
            {"propositions": propositions, "verdict": verdict, "share": share},
        )

    alpha = 1 - LEVEL
    assert supported <= alpha + 2 * np.sqrt(alpha * (1 - alpha) / PANELS)
    assert min(power.values()) >= 0.9
