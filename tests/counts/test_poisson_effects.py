"""The specification, its errors, and what changes no estimate."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings, strategies as st

import digiprosper as dp
from digiprosper.kernels import within
from digiprosper.linear import poisson
from digiprosper.linear.kernels.wild import WildWeights

quiet = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
ROOT = Path(__file__).resolve().parents[2]
BOOTTEST = json.loads((ROOT / "tests" / "reference" / "poisson.json").read_text())[
    "boottest"
]
SPEC = dp.PoissonEffects("y", ["x", "z"])


def draw(seed: int = 0, entities: int = 12, periods: int = 8) -> pd.DataFrame:
    """Draw an unbalanced panel of counts with zeros."""
    rng = np.random.default_rng(seed)
    n = entities * periods
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(entities), periods),
            "t": np.tile(np.arange(periods), entities),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "size": rng.uniform(1, 9, n),
            "w": rng.integers(1, 4, n).astype(float),
            "region": np.repeat(np.arange(entities) % 5, periods),
        }
    )
    index = 0.5 * frame.x - 0.3 * frame.z + 0.3 * np.sin(frame.id) + 0.05 * frame.t
    frame["y"] = rng.poisson(np.exp(index)).astype(float)
    return frame[rng.random(n) > 0.1].reset_index(drop=True)


def fit(frame: pd.DataFrame, **options: Any) -> dp.PoissonResults:
    spec = dp.PoissonEffects(**{"y": "y", "x": ["x", "z"], **options})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(dp.Panel(frame, "id", "t"))


def with_dummies(frame: pd.DataFrame, **options: Any) -> Any:
    design = pd.get_dummies(
        frame[["x", "z", "id", "t"]], columns=["id", "t"], dtype=float
    ).drop(columns=f"t_{frame['t'].min()}")
    model = sm.GLM(frame["y"], design, family=sm.families.Poisson(), **options)
    return model.fit(tol=1e-14, maxiter=300, tol_criterion="params")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_estimates_equal_those_with_dummies(seed: int) -> None:
    frame = draw(seed)
    ours = fit(frame, cov_type="unadjusted")
    rows = frame.set_index(["id", "t"]).loc[ours.fitted_values.index].reset_index()
    brute = with_dummies(rows)
    np.testing.assert_allclose(ours.params, brute.params[:2], atol=1e-9)
    np.testing.assert_allclose(ours.std_errors, brute.bse[:2], rtol=1e-7)
    np.testing.assert_allclose(ours.fitted_values, brute.fittedvalues, rtol=1e-7)
    assert ours.log_likelihood == pytest.approx(brute.llf)
    assert ours.deviance == pytest.approx(brute.deviance)


def test_clustered_errors_equal_those_with_dummies() -> None:
    frame = draw(3)
    ours = fit(frame)
    rows = frame.set_index(["id", "t"]).loc[ours.fitted_values.index].reset_index()
    brute = with_dummies(rows)
    design = brute.model.exog
    scores = design * (rows.y - brute.fittedvalues).to_numpy()[:, None]
    bread = np.linalg.inv((design.T * brute.fittedvalues.to_numpy()) @ design)
    by_cluster = pd.DataFrame(scores).groupby(rows.id).sum().to_numpy()
    groups = len(by_cluster)
    vcov = bread @ by_cluster.T @ by_cluster @ bread * groups / (groups - 1)
    np.testing.assert_allclose(ours.cov, vcov[:2, :2], rtol=1e-8)
    assert ours.df_t == np.inf


@pytest.mark.parametrize("effects", [True, False])
def test_crv3_refits_the_weighted_regression_without_each_cluster(
    effects: bool,
) -> None:
    frame = draw(5)
    options = {"entity_effects": effects, "time_effects": effects}
    ours = fit(frame, cov_type="crv3", clusters="region", **options)
    rows = frame.set_index(["id", "t"]).loc[ours.fitted_values.index].reset_index()
    mean = ours.fitted_values.to_numpy()
    working = np.log(mean) + rows.y.to_numpy() / mean - 1
    design = (
        pd.get_dummies(
            rows[["x", "z", "id", "t"]], columns=["id", "t"], dtype=float
        ).to_numpy()
        if effects
        else np.column_stack([rows[["x", "z"]], np.ones(len(rows))])
    )
    root = np.sqrt(mean)
    moved = []
    for region in range(5):
        keep = (rows.region != region).to_numpy()
        weighted = design[keep] * root[keep, None]
        b = np.linalg.lstsq(weighted, working[keep] * root[keep], rcond=None)[0]
        moved.append(b[:2] - ours.params.to_numpy()[:2])
    vcov = np.array(moved).T @ np.array(moved) * 4 / 5
    np.testing.assert_allclose(ours.cov.iloc[:2, :2], vcov, rtol=1e-7)
    assert ours.df_t == 4


def test_ssc_of_fixest_counts_parameters() -> None:
    frame = draw(7)
    for cov_type in ("robust", "clustered", "unadjusted"):
        plain, more = (
            fit(frame, cov_type=cov_type, ssc=ssc) for ssc in ("ppmlhdfe", "fixest")
        )
        n = plain.nobs
        # Entity effects are nested in clusters, a constant and other effects are not.
        k = 2 + plain.df_absorbed
        if cov_type == "clustered":
            k -= plain.sample.n_entities - 1
        ratio = (more.std_errors / plain.std_errors) ** 2
        np.testing.assert_allclose(ratio, (n - 1) / (n - k))


def test_rows_weights_and_units_change_nothing() -> None:
    frame = draw(11)
    ours = fit(frame)
    shuffled = fit(frame.sample(frac=1, random_state=1))
    np.testing.assert_allclose(shuffled.params, ours.params, atol=1e-13)
    np.testing.assert_allclose(shuffled.std_errors, ours.std_errors, rtol=1e-11)
    scaled = fit(frame.assign(y=frame.y * 1000, x=frame.x * 10))
    np.testing.assert_allclose(scaled.params * [10, 1], ours.params, atol=1e-12)
    np.testing.assert_allclose(scaled.std_errors * [10, 1], ours.std_errors)

    weighted = fit(frame, obs_weights="w", entity_effects=False, absorb=["id"])
    rows = frame.loc[frame.index.repeat(frame.w.astype(int))].reset_index(drop=True)
    repeated = fit(
        rows.assign(person=rows.id, id=range(len(rows))),
        entity_effects=False,
        absorb=["person"],
        clusters="person",
    )
    np.testing.assert_allclose(repeated.params, weighted.params, atol=1e-12)
    np.testing.assert_allclose(repeated.std_errors, weighted.std_errors, rtol=1e-10)


@quiet
def test_the_wild_bootstrap_of_weighted_rows_is_that_of_repeated_rows() -> None:
    frame = draw(11)
    rows = frame.loc[frame.index.repeat(frame.w.astype(int))].reset_index(drop=True)
    spec = dp.PoissonEffects(
        "y",
        ["x", "z"],
        entity_effects=False,
        time_effects=False,
        absorb=["person"],
        clusters="person",
    )
    tests = [
        dp.wild_bootstrap(each, dp.Panel(data, "row"), "x", reps=99, rng=1)
        for each, data in (
            (spec.replace(obs_weights="w"), frame.assign(row=frame.index)),
            (spec, rows.assign(row=rows.index)),
        )
        for data in [data.assign(person=data["id"])]
    ]
    assert tests[0].statistic == pytest.approx(tests[1].statistic, rel=1e-9)
    assert tests[0].interval() == pytest.approx(tests[1].interval(), rel=1e-6)


def test_an_exposure_is_a_rate_weighted_by_it() -> None:
    frame = draw(13)
    exposed = fit(frame, exposure="size")
    rate = fit(frame.assign(rate=frame.y / frame["size"]), y="rate", obs_weights="size")
    logged = fit(frame, offset="log(size)")
    for other in (rate, logged):
        np.testing.assert_allclose(other.params, exposed.params, atol=1e-11)
        np.testing.assert_allclose(other.cov, exposed.cov, rtol=1e-9)


@pytest.mark.parametrize("exposure", ["log(size)", " log(size)", "log1p (size)"])
def test_the_log_of_an_exposure_is_an_offset(exposure: str) -> None:
    with pytest.raises(dp.OptionError, match="the column itself, or its log as offset"):
        fit(draw(13), exposure=exposure)


def test_an_exposure_without_its_log_is_no_offset() -> None:
    frame = draw(13)
    frame["years"] = frame["size"].round(1)
    frame["people"] = 1e3 * frame["size"]
    for offset in ("years", "people"):
        with pytest.raises(
            dp.OptionError, match=f"Write exposure='{offset}'"
        ) as caught:
            fit(frame, offset=offset)
        # I(people) is refused for its range, and is no advice.
        assert ("I(...)" in str(caught.value)) == (offset == "years")
    with pytest.raises(dp.OptionError, match=r"Write exposure='I\(people\)'\."):
        fit(frame, offset="I(people)")
    frame["logged"] = np.log(frame["size"])
    same = fit(frame, offset="logged").params
    np.testing.assert_allclose(same, fit(frame, exposure="size").params, atol=1e-11)
    fit(frame, offset="I(years / 10)")
    # A dummy, and an index of another model
    frame["late"] = (frame["years"] > 1) * 1.0
    frame["index"] = (frame["logged"] - 1).round(1)
    for offset in ("late", "index"):
        fit(frame, offset=offset)


def test_entity_effects_alone_are_the_conditional_likelihood() -> None:
    frame = draw(17)
    ours = fit(frame, time_effects=False)
    from statsmodels.discrete.conditional_models import ConditionalPoisson

    rows = frame.set_index(["id", "t"]).loc[ours.fitted_values.index].reset_index()
    model = ConditionalPoisson(rows.y, rows[["x", "z"]], groups=rows.id)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        params = model.fit(disp=0).params
    # Its steps stop early.
    np.testing.assert_allclose(ours.params, params, atol=1e-4)


def test_separated_rows_are_listed_by_key_and_reason() -> None:
    frame = draw(19)
    frame.loc[frame.id == 3, "y"] = 0.0
    frame["d"] = 0.0
    zero = frame.index[(frame.y == 0) & (frame.id != 3)][:2]
    frame.loc[zero, "d"] = 1.0
    ours = fit(frame, x=["x", "d"], collinear="drop")
    (notice,) = [n for n in ours.diagnostics if n.code == "separated"]
    assert "outcomes are all zero" in notice.message
    by_reason = ours.separated["reason"].value_counts().to_dict()
    assert by_reason == {"effects": int((frame.id == 3).sum()), "regressors": 2}
    keys = set(map(tuple, frame.loc[zero, ["id", "t"]].to_numpy()))
    separated = ours.separated[ours.separated.reason == "regressors"]
    assert set(separated.index) == keys
    assert ours.glance()["n_separated"] == len(ours.separated)
    count = len(ours.separated)
    table = " ".join(str(dp.etable([ours])).split())
    assert f"Separated rows dropped (zeros that are fitted perfectly): {count}" in table
    chinese = str(dp.etable([ours], style=dp.TableStyle(language="zh")))
    assert f"（分离）{count}个" in chinese
    assert ours.names == ("x",)
    rest = fit(frame[(frame.id != 3) & (frame.d == 0)], x=["x"])
    np.testing.assert_allclose(ours.params, rest.params, atol=1e-12)
    with pytest.raises(dp.IdentificationError, match="with outcome zero are separated"):
        fit(frame, separation="raise")


def test_huge_counts() -> None:
    frame = draw(23)
    scaled = fit(frame.assign(y=np.round(frame.y * 1e12 + 7)))
    np.testing.assert_allclose(scaled.params, fit(frame).params, atol=1e-9)


# --- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        ({"y": 0.0}, {}, dp.IdentificationError, "zero in every row"),
        ({"y": -1.0}, {}, dp.IdentificationError, "negative in"),
        ({"y": 2.0}, {}, dp.IdentificationError, "constant in the sample"),
        ({"y": np.nan}, {}, dp.MissingDataError, "no rows"),
        ({"size": 0.0}, {"exposure": "size"}, dp.OptionError, "positive in every row"),
        ({}, {"exposure": "people"}, dp.ColumnError, "people"),
        ({"one": 1}, {"clusters": "one"}, dp.IdentificationError, "two clusters"),
        ({"x": 1.0}, {}, dp.IdentificationError, "'x' is constant"),
    ],
)
def test_samples_that_are_refused(
    change: dict[str, Any], options: dict[str, Any], error: type, match: str
) -> None:
    with pytest.raises(error, match=match):
        fit(draw().assign(**change), **options)


def test_a_single_period_has_no_entity_effects() -> None:
    frame = draw()
    with pytest.raises(dp.IdentificationError, match=r"cross-section|singleton"):
        fit(frame[frame.t == 0])
    single = fit(frame[frame.t == 0], entity_effects=False, cov_type="robust")
    assert single.names == ("x", "z")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"cov_type": "hc3"}, "not available for PoissonEffects"),
        ({"cov_type": "driscoll_kraay"}, "not available for PoissonEffects"),
        ({"cov_type": "conley"}, "not available for PoissonEffects"),
        ({"cov_type": "hc9"}, "cov_type"),
        ({"ssc": "reghdfe"}, "ssc"),
        ({"separation": "keep"}, "separation"),
        ({"exposure": "size", "offset": "z"}, "cannot be combined"),
        ({"cov_type": "crv3", "clusters": ["id", "t"]}, "one way"),
        ({"keep_rows": 1}, "keep_rows"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(dp.OptionError, match=match):
        dp.PoissonEffects("y", ["x"], **options)


def test_terms_that_are_refused() -> None:
    with pytest.raises(dp.TermError, match="x is empty"):
        dp.PoissonEffects("y")
    with pytest.raises(dp.TermError, match="also in x"):
        dp.PoissonEffects("y", ["y"])
    with pytest.raises(dp.InputTypeError, match=r"exposure=.* must be one term"):
        dp.PoissonEffects("y", ["x"], exposure=["size"])  # type: ignore[arg-type]


@pytest.fixture
def panel() -> dp.Panel:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(40), 5),
            "t": np.tile(np.arange(5), 40),
            "x": rng.normal(size=200),
            "z": rng.normal(size=200),
        }
    )
    frame["y"] = rng.poisson(np.exp(0.4 * frame.x + 0.5))
    frame.loc[7, "z"] = np.nan
    return dp.Panel(frame, "id", "t")


def codes(results: dp.PoissonResults) -> list[str]:
    return [notice.code for notice in results.diagnostics]


@quiet
def test_lagged_outcomes_are_reported(panel: dp.Panel) -> None:
    fit = dp.PoissonEffects("y", ["x", "lag(y)"]).fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "lagged_outcome"]
    assert "earlier outcomes" in notice.message
    assert "lagged_outcome" not in codes(dp.PoissonEffects("y", ["x"]).fit(panel))


@quiet
def test_few_treated_clusters_are_reported(panel: dp.Panel) -> None:
    treated = panel.assign(
        d=lambda f: (
            1.0
            * (f.index.get_level_values("id") < 2)
            * (f.index.get_level_values("t") > 2)
        )
    )
    fit = dp.PoissonEffects("y", ["d"]).fit(treated)
    assert "few_treated" in codes(fit)


@quiet
def test_a_perfect_fit_is_reported(panel: dp.Panel) -> None:
    exact = panel.assign(y=lambda f: np.exp(0.5 * f["x"]))
    fit = dp.PoissonEffects("y", ["x"]).fit(exact)
    assert fit.params["x"] == pytest.approx(0.5, abs=1e-12)
    assert "perfect_fit" in codes(fit)


@quiet
def test_roles_share_their_rows(panel: dp.Panel) -> None:
    spec = dp.PoissonEffects("y", ["x"])
    counts = spec._on_common_rows(panel, {"short": ["x"], "long": ["x", "z"]})
    short, long = (counts.fit(counts.regressors(role)) for role in ("short", "long"))
    assert short.nobs == long.nobs == 199
    assert short.names == ("x",)
    assert long.names == ("x", "z")
    own = spec.fit(panel.subset(panel.frame["z"].notna()))
    np.testing.assert_allclose(short.params, own.params, atol=1e-12)


# --- tests and bootstraps that estimate again -----------------------------------------


@pytest.fixture(scope="module")
def counts() -> dp.Panel:
    frame = draw(1, 20, 8)
    frame["d"] = 1.0 * ((frame.id < 6) & (frame.t > 3))
    return dp.Panel(frame, "id", "t")


@quiet
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


@quiet
def test_wild_interval_is_of_nulls_that_are_not_rejected(counts: dp.Panel) -> None:
    test = dp.wild_bootstrap(SPEC, counts, "x", reps=999, rng=1)
    low, high = test.interval()
    assert low < test.estimate < high
    for end, inside in ((low, 1e-3), (high, -1e-3)):
        for step, rejected in ((inside, False), (-inside, True)):
            again = dp.wild_bootstrap(
                SPEC, counts, f"x = {end + step:.8f}", reps=999, rng=1
            )
            assert (again.p_value <= 0.05) is rejected


@quiet
def test_wild_statistic_of_a_sum_does_not_depend_on_its_pivot(counts: dp.Panel) -> None:
    sums = [
        dp.wild_bootstrap(SPEC.replace(x=x), counts, "x + 2*z = -0.1", reps=499, rng=1)
        for x in (["x", "z"], ["z", "x"])
    ]
    assert sums[0].p_value == sums[1].p_value
    assert sums[0].statistic == pytest.approx(sums[1].statistic, abs=1e-9)


@quiet
def test_wild_refuses_what_it_cannot_draw(counts: dp.Panel) -> None:
    with pytest.raises(dp.OptionError, match="cov_type='clustered'"):
        dp.wild_bootstrap(SPEC.replace(cov_type="crv3"), counts, "x")
    plain = SPEC.replace(entity_effects=False, time_effects=False)
    with pytest.raises(dp.TermError, match="intercept"):
        dp.wild_bootstrap(plain, counts, "Intercept")


@quiet
@pytest.mark.parametrize("effects", [True, False])
def test_cluster_draws_are_refits_of_drawn_clusters(
    counts: dp.Panel, effects: bool
) -> None:
    spec = SPEC.replace(entity_effects=effects, time_effects=effects)
    results = dp.cluster_bootstrap(spec, counts, reps=20, rng=3)
    from digiprosper.kernels.resampling import draw_counts, seed_sequence

    times = draw_counts(seed_sequence(3), 20, 20)[0].astype(int)
    frame = counts.frame.reset_index()
    parts = [
        frame[frame.id == entity].assign(copy=number * 100 + entity)
        for entity, count in enumerate(times)
        for number in range(count)
    ]
    drawn = dp.Panel(pd.concat(parts).drop(columns="id"), "copy", "t")
    np.testing.assert_allclose(results.draws.iloc[0], spec.fit(drawn).params, atol=1e-9)


@quiet
def test_placebo_slopes_are_refits(counts: dp.Panel) -> None:
    test = dp.placebo_test(SPEC.add("d"), counts, "d", reps=49, rng=5)
    assert test.statistic == pytest.approx(SPEC.add("d").fit(counts).params["d"])
    assert test.detail["cohorts"] == {"4": 6}
    assert 0 < test.p_value <= 1
    assert np.isfinite(test.draws).all()


@quiet
def test_exchanged_statistics_are_t_of_refits(counts: dp.Panel) -> None:
    test = dp.randomisation_test(SPEC, counts, "x", reps=19, rng=7)
    assert test.statistic == pytest.approx(SPEC.fit(counts).tstats["x"])
    assert test.p_value == pytest.approx(1 / 20)


@quiet
def test_steps_and_sets_share_their_rows(counts: dp.Panel) -> None:
    gaps = counts.assign(g=lambda f: f["z"].where(f["z"] > -1.5))
    base = dp.PoissonEffects("y", ["x"])
    steps = dp.stepwise(base, gaps, ["g", "d"])
    assert len({fit.nobs for fit in steps.values()}) == 1
    last = base.add("g", "d").fit(gaps)
    np.testing.assert_allclose(steps["(3)"].params, last.params, atol=1e-12)

    sets = dp.control_sets(base, gaps, ["g", "d"])
    assert sets["g + d"].estimate == pytest.approx(last.params["x"], abs=1e-12)
    assert sets["g + d"].std_error == pytest.approx(last.std_errors["x"])
    assert sets["(none)"].estimate == pytest.approx(steps["(1)"].params["x"])


@quiet
def test_groups_and_tables(counts: dp.Panel) -> None:
    groups = dp.by_group(SPEC, counts, "id < 10", reps=19, rng=9)
    own = SPEC.fit(counts.subset("id < 10")).params["x"]
    assert groups["id < 10"].params["x"] == pytest.approx(own)
    assert groups.difference.detail["term"] == "x"
    with pytest.raises(dp.InputTypeError, match="method='interaction'"):
        dp.by_group(SPEC, counts, "id < 10", method="interaction")
    text = str(dp.etable(dp.fit_all({"a": SPEC, "b": SPEC.drop("z")}, counts)))
    assert "Observations" in text


@quiet
@pytest.mark.parametrize("function", [dp.hausman, dp.reset_test])
def test_tests_of_linear_models_say_so(counts: dp.Panel, function: Any) -> None:
    with pytest.raises(dp.InputTypeError, match="takes a FixedEffects specification"):
        function(SPEC, counts)


def test_a_bound_of_the_rank_matters_with_the_factor_of_fixest_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The factor of ppmlhdfe has no K: errors are those of the exact rank."""
    panel = flows()
    spec = dp.PoissonEffects("y", ["x"], absorb=("i^year", "j^year"))
    exact = spec.fit(panel)
    monkeypatch.setattr(within, "_DENSE", 0)
    bound = spec.fit(panel)
    assert codes(exact) == codes(bound) == ["three_way"]
    pd.testing.assert_series_equal(bound.std_errors, exact.std_errors, rtol=1e-9)
    fixest = spec.replace(ssc="fixest").fit(panel)
    assert codes(fixest) == ["rank_bound", "three_way"]


def flows() -> dp.Panel:
    rng = np.random.default_rng(3)
    grid = np.meshgrid(*map(np.arange, (9, 9, 5)), indexing="ij")
    i, j, t = (part.ravel() for part in grid)
    frame = pd.DataFrame({"pair": i * 9 + j, "i": i, "j": j, "year": t})
    frame["x"], frame["y"] = rng.normal(size=i.size), rng.poisson(3, i.size)
    return dp.Panel(frame, "pair", "year")


@quiet
def test_few_clusters_in_two_ways_are_not_told_to_draw_them() -> None:
    fit = dp.PoissonEffects("y", ["x"], clusters=["i", "j"]).fit(flows())
    few = [n for n in fit.diagnostics if n.code == "very_few_clusters"]
    assert len(few) == 2
    for notice in few:
        assert "'crv3', which takes one-way clusters" in notice.message
        assert "wild" not in notice.message


@quiet
def test_three_effects_of_a_gravity_equation_are_reported() -> None:
    panel, both = flows(), ("i^year", "j^year")
    spec = dp.PoissonEffects("y", ["x"], absorb=both)
    (notice,) = [n for n in spec.fit(panel).diagnostics if n.code == "three_way"]
    effects = ("pair", "year", *both)
    assert notice.data == {"effects": effects, "rows": 9.0}
    for fewer in (
        spec.replace(absorb=both[:1]),
        spec.replace(entity_effects=False),
    ):
        assert "three_way" not in codes(fewer.fit(panel))


@quiet
def test_the_maximum_that_separation_computed_is_where_the_likelihood_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It saves steps, and changes the estimates by rounding only."""
    panel, steps = dp.Panel(draw(3), "id", "t"), []
    begun = poisson.fit_poisson

    def counted(*args: Any) -> Any:
        out = begun(*args)
        steps.append(out[2].steps)
        return out

    def from_scratch(prepared: Any, demeaned: Any, x: Any, separated: Any, *args: Any):
        return counted(prepared, demeaned, x, replace(separated, start=None), *args)

    monkeypatch.setattr(poisson, "fit_poisson", counted)
    fit = SPEC.fit(panel)
    monkeypatch.setattr(poisson, "fit_poisson", from_scratch)
    again = SPEC.fit(panel)
    np.testing.assert_allclose(fit.params, again.params, rtol=1e-11)
    np.testing.assert_allclose(fit.std_errors, again.std_errors, rtol=1e-11)
    assert steps[0] < steps[1]
