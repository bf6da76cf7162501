"""One result of every kind."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import digiprosper as dp
from digiprosper import CompositeIndex, FixedEffects, IndicatorSystem, Mediation


@pytest.fixture(scope="session")
def every_result() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return {
            **_regressions(),
            **_policies(),
            **_mechanisms(),
            **_indices(),
            **_inequalities(),
        }


def _regressions() -> dict[str, Any]:
    panel, _ = dp.datasets.simulate_provinces()
    linear = FixedEffects("prosperity", ["digital"]).fit(panel)
    square = FixedEffects("prosperity", ["digital", "I(digital**2)"])
    products = ["urban", "digital:urban", "I(digital**2):urban"]
    moderated = square.replace(x=[*square.x, *products]).fit(panel)
    return {
        "LinearResults": linear,
        "LinearResults without rows": linear.without_rows(),
        "LinearCombination": linear.combination("2*digital - 1"),
        "TestResult": linear.wald_test("digital = 0"),
        "WildBootstrapResult": dp.wild_bootstrap(square, panel, "digital", rng=1),
        "EventStudyResults": dp.EventStudy(
            "prosperity", "first", ["urban"], before=3, after=3
        ).fit(
            panel.assign(
                first=lambda f: f["region"].map({"east": 2015.0, "west": 2018.0})
            )
        ),
        "PoissonEventStudyResults": dp.EventStudy(
            "rural_income", "first", ["urban"], before=3, after=3, family="poisson"
        ).fit(
            panel.assign(
                first=lambda f: f["region"].map({"east": 2015.0, "west": 2018.0})
            )
        ),
        "ThresholdResults": dp.PanelThreshold(
            "rural_income", "digital", "urban", ["fiscal"], reps=99
        ).fit(panel, rng=1),
        "KinkResults": dp.PanelKink("rural_income", "urban", reps=99).fit(panel, rng=1),
        "ControlSets": (sets := dp.control_sets(square, panel, ["urban", "fiscal"])),
        "ControlSet": sets["urban"],
        "SearchTest": dp.search_test(square, panel, ["urban"], reps=99, rng=1),
        "UTestResult": dp.u_test(square.fit(panel), "digital"),
        "TwoLinesResult": dp.two_lines(square, panel, "digital"),
        "ModeratedUResult": dp.moderated_u_test(moderated, "digital", "urban"),
    }


def _policies() -> dict[str, Any]:
    panel, _ = dp.datasets.simulate_provinces()
    treated = panel.assign(
        first=lambda f: f["region"].map({"east": 2015.0, "west": 2018.0})
    )
    spec = FixedEffects("prosperity", ["digital", "urban"])
    weights = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    dynamic = dp.DynamicPanel("prosperity", ["digital"])
    spatial = dp.PanelSpatial("log(gsp)", ["log(pc)"], weights)
    last = panel.subset("year == 2020").assign(
        coast=lambda f: 1.0 * (f["region"] == "east")
    )
    outcome = last.frame["prosperity"].droplevel("year")
    return {
        "IVResults": dp.FixedEffectsIV(
            "prosperity", ["urban"], ["digital"], ["lag(digital)"]
        ).fit(panel),
        "StaggeredDidResults": dp.StaggeredDid("prosperity", "first").fit(treated),
        "PoissonResults": dp.PoissonEffects("rural_income", ["digital", "urban"]).fit(
            panel
        ),
        "DynamicResults": dynamic.fit(panel),
        "DynamicResults of draws": dynamic.replace(estimator="lsdvc", reps=99).fit(
            panel, rng=1
        ),
        "SpatialResults": spatial.fit(dp.datasets.us_states()),
        "EffectResults of cluster_bootstrap": dp.cluster_bootstrap(spec, panel, rng=1),
        "Matching": (matching := dp.match_entities(last, "coast", ["urban"])),
        "MatchedEffect": matching.att(outcome),
    }


def _mechanisms() -> dict[str, Any]:
    panel, _ = dp.datasets.simulate_provinces()
    spec = Mediation("prosperity", "digital", "productivity", reps=999)
    plain = spec.fit(panel, rng=1)
    moderated = spec.replace(moderator="urban", moderates=("a",)).fit(panel, rng=1)
    return {
        "MediationResults": plain,
        "MediationResults by a moderator": moderated,
        "MediationIVResults": dp.MediationIV(
            "prosperity", "digital", "productivity", "fiscal", reps=999
        ).fit(panel, rng=1),
        "MeanGroupResults": dp.mean_group_mediation(spec, panel, rng=1),
        "EffectResults": dp.sequential_g(spec, panel, "urban", rng=1),
        "Decision": plain.decision(),
        "MediationSensitivity": plain.sensitivity(),
        "JohnsonNeyman": moderated.johnson_neyman(),
    }


def _indices() -> dict[str, Any]:
    states = dp.datasets.us_states().assign(
        roads="I(hwy / emp)", pipes="I(water / emp)"
    )
    spec = CompositeIndex(IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}}))
    model = FixedEffects("log(gsp)", ["capital", "log(pc)", "unemp"])
    scales = ("zscore", "rank", "max", "none")
    return {
        "IndexResults": spec.fit(states),
        **{
            f"IndexResults of {n}": spec.replace(normalise=n, weighting="equal").fit(
                states
            )
            for n in scales
        },
        "RankResults": dp.rank_probabilities(spec, states, reps=99, rng=1),
        "IndexSensitivity": dp.index_sensitivity(
            spec, states, over={"weighting": ["entropy", "equal"]}
        ),
        "PropagatedResults": dp.PropagatedIndex({"capital": spec}, model).fit(
            states, rng=1
        ),
    }


def _inequalities() -> dict[str, Any]:
    states = dp.datasets.us_states()
    incomes, regions = [1.0, 2.0, 3.0, 4.0, 8.0, 9.0], list("aabbcc")
    return {
        "DagumResult": dp.dagum(incomes, regions),
        "TheilDecomposition": dp.theil_decomposition(incomes, regions),
        "MarkovResult": dp.markov_transitions(states, "gsp", classes=3),
        "ConvergenceResults": dp.beta_convergence(states, "gsp"),
    }
