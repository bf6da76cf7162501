"""Tests and bootstraps that estimate a model of counts again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.linear.kernels.wild import WildWeights
from tests.counts.test_poisson_effects import draw

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
ROOT = Path(__file__).resolve().parents[2]
BOOTTEST = json.loads((ROOT / "tests" / "reference" / "poisson.json").read_text())[
    "boottest"
]
SPEC = dp.PoissonEffects("y", ["x", "z"])


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    frame = draw(1, 20, 8)
    frame["d"] = 1.0 * ((frame.id < 6) & (frame.t > 3))
    return dp.Panel(frame, "id", "t")


def test_boottest_of_stata() -> None:
    """poisson y x1 x2 x3 i.firm, vce(cluster clu); boottest x3, reps(2000)."""
    path = ROOT.parent / "shared" / "data" / BOOTTEST["file"]
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the project")
    frame = pd.read_csv(path)
    spec = dp.PoissonEffects(
        "y",
        ["x1", "x2", "x3"],
        entity_effects=False,
        time_effects=False,
        absorb=["firm"],
        clusters="clu",
    )
    rows = dp.Panel(frame.assign(row=range(len(frame))), "row")
    fit = spec._fitted(rows)
    signs = WildWeights("rademacher", (-1.0, 1.0), 10, 1024, True)
    error = float(fit.results.std_errors["x3"])
    row, estimate = np.array([0.0, 0.0, 1.0]), float(fit.results.params["x3"])
    drawn = fit.wild_draws(
        row, error, estimate / error, signs, np.random.SeedSequence(1)
    )
    null = estimate / error
    assert drawn.statistic(null) == pytest.approx(BOOTTEST["z"], abs=1e-7)
    size = abs(drawn.statistic(null))
    beyond = np.abs(drawn.at(null))
    assert (beyond > size * (1 + 1e-9)).mean() == BOOTTEST["p_value"]
    assert (beyond >= size * (1 - 1e-9)).sum() == 326


def test_wild_interval_is_of_nulls_that_are_not_rejected(panel: dp.Panel) -> None:
    test = dp.wild_bootstrap(SPEC, panel, "x", reps=999, rng=1)
    low, high = test.interval()
    assert low < test.estimate < high
    for end, inside in ((low, 1e-3), (high, -1e-3)):
        for step, rejected in ((inside, False), (-inside, True)):
            again = dp.wild_bootstrap(
                SPEC, panel, f"x = {end + step:.8f}", reps=999, rng=1
            )
            assert (again.p_value <= 0.05) is rejected


def test_wild_statistic_of_a_sum_does_not_depend_on_its_pivot(panel: dp.Panel) -> None:
    sums = [
        dp.wild_bootstrap(SPEC.replace(x=x), panel, "x + 2*z = -0.1", reps=499, rng=1)
        for x in (["x", "z"], ["z", "x"])
    ]
    assert sums[0].p_value == sums[1].p_value
    assert sums[0].statistic == pytest.approx(sums[1].statistic, abs=1e-9)


def test_wild_refuses_what_it_cannot_draw(panel: dp.Panel) -> None:
    with pytest.raises(dp.OptionError, match="cov_type='clustered'"):
        dp.wild_bootstrap(SPEC.replace(cov_type="crv3"), panel, "x")
    plain = SPEC.replace(entity_effects=False, time_effects=False)
    with pytest.raises(dp.TermError, match="intercept"):
        dp.wild_bootstrap(plain, panel, "Intercept")


@pytest.mark.parametrize("effects", [True, False])
def test_cluster_draws_are_refits_of_drawn_clusters(
    panel: dp.Panel, effects: bool
) -> None:
    spec = SPEC.replace(entity_effects=effects, time_effects=effects)
    results = dp.cluster_bootstrap(spec, panel, reps=20, rng=3)
    from digiprosper.kernels.resampling import draw_counts, seed_sequence

    times = draw_counts(seed_sequence(3), 20, 20)[0].astype(int)
    frame = panel.frame.reset_index()
    parts = [
        frame[frame.id == entity].assign(copy=number * 100 + entity)
        for entity, count in enumerate(times)
        for number in range(count)
    ]
    drawn = dp.Panel(pd.concat(parts).drop(columns="id"), "copy", "t")
    np.testing.assert_allclose(results.draws.iloc[0], spec.fit(drawn).params, atol=1e-9)


def test_placebo_slopes_are_refits(panel: dp.Panel) -> None:
    test = dp.placebo_test(SPEC.add("d"), panel, "d", reps=49, rng=5)
    assert test.statistic == pytest.approx(SPEC.add("d").fit(panel).params["d"])
    assert test.detail["cohorts"] == {"4": 6}
    assert 0 < test.p_value <= 1
    assert np.isfinite(test.draws).all()


def test_exchanged_statistics_are_t_of_refits(panel: dp.Panel) -> None:
    test = dp.randomisation_test(SPEC, panel, "x", reps=19, rng=7)
    assert test.statistic == pytest.approx(SPEC.fit(panel).tstats["x"])
    assert test.p_value == pytest.approx(1 / 20)


def test_steps_and_sets_share_their_rows(panel: dp.Panel) -> None:
    gaps = panel.assign(g=lambda f: f["z"].where(f["z"] > -1.5))
    base = dp.PoissonEffects("y", ["x"])
    steps = dp.stepwise(base, gaps, ["g", "d"])
    assert len({fit.nobs for fit in steps.values()}) == 1
    last = base.add("g", "d").fit(gaps)
    np.testing.assert_allclose(steps["(3)"].params, last.params, atol=1e-12)

    sets = dp.control_sets(base, gaps, ["g", "d"])
    assert sets["g + d"].estimate == pytest.approx(last.params["x"], abs=1e-12)
    assert sets["g + d"].std_error == pytest.approx(last.std_errors["x"])
    assert sets["(none)"].estimate == pytest.approx(steps["(1)"].params["x"])


def test_groups_and_tables(panel: dp.Panel) -> None:
    groups = dp.by_group(SPEC, panel, "id < 10", reps=19, rng=9)
    own = SPEC.fit(panel.subset("id < 10")).params["x"]
    assert groups["id < 10"].params["x"] == pytest.approx(own)
    assert groups.difference.detail["term"] == "x"
    with pytest.raises(dp.InputTypeError, match="method='interaction'"):
        dp.by_group(SPEC, panel, "id < 10", method="interaction")
    text = str(dp.etable(dp.fit_all({"a": SPEC, "b": SPEC.drop("z")}, panel)))
    assert "Observations" in text


@pytest.mark.parametrize("function", [dp.hausman, dp.reset_test])
def test_tests_of_linear_models_say_so(panel: dp.Panel, function: Any) -> None:
    with pytest.raises(dp.InputTypeError, match="takes a FixedEffects specification"):
        function(SPEC, panel)
