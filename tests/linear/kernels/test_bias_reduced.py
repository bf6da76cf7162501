"""CR2, several clusters, `areg` and `sandwich`, against R and dummies.

Clusters in several ways; dummies are written out.
"""

from __future__ import annotations

import json
import pickle
import tracemalloc
import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

import digiprosper as dp
from digiprosper import EventStudy, FixedEffects, FixedEffectsIV, OptionError, Panel
from digiprosper.linear.kernels.bias_reduced import BiasReduced

RECORDED = json.loads(
    (Path(__file__).parents[2] / "reference" / "clubsandwich.json").read_text("utf-8")
)
TOLERANCE = RECORDED["tolerance"]["value"]
STATES = FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"])
NO_EFFECTS = {"entity_effects": False, "time_effects": False}
EFFECTS = {
    "entity": ({"time_effects": False}, ("i",)),
    "two": ({}, ("i", "t")),
    "three": ({"absorb": ("g",)}, ("i", "t", "g")),
    "none": (NO_EFFECTS, ()),
}


quiet = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")


def states() -> Panel:
    frame = dp.datasets.us_states().frame.reset_index()
    names = sorted(frame["state"].unique())
    frame["region"] = (
        frame["state"].map({name: k % 9 for k, name in enumerate(names)}).astype(int)
    )
    return Panel(frame.assign(u=np.floor(frame["unemp"]).astype(int)), "state", "year")


def frame_of(seed: int = 0, entities: int = 14, periods: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    i, t = np.divmod(np.arange(entities * periods), periods)
    frame = pd.DataFrame({"i": i, "t": t})[rng.random(i.size) > 0.25].reset_index(
        drop=True
    )
    frame["g"] = rng.integers(0, 5, len(frame))
    frame["region"] = frame["i"] % 6
    frame[["a", "b"]] = rng.normal(size=(len(frame), 2)) + 0.1 * frame[["i"]].to_numpy()
    frame["y"] = (
        frame["a"] - 0.5 * frame["b"] + frame["i"] + rng.normal(size=len(frame))
    )
    return frame


def fit(frame: pd.DataFrame, x=("a", "b"), **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return FixedEffects("y", x, **options).fit(Panel(frame, "i", "t"))


def design_of(rows: pd.DataFrame, effects: tuple[str, ...]) -> np.ndarray:
    dummies = [pd.get_dummies(rows[effect]).to_numpy(dtype=float) for effect in effects]
    slopes = rows[["a", "b"]].to_numpy(dtype=float)
    return np.column_stack([slopes, *(dummies or [np.ones((len(rows), 1))])])


def by_hand(rows: pd.DataFrame, effects: tuple[str, ...], cluster: str):
    """CR2 of all coefficients from the hat matrix; vectors p_g, (k, G, N)."""
    design = design_of(rows, effects)
    inverse = np.linalg.pinv(design.T @ design, rcond=1e-10, hermitian=True)
    hat = design @ inverse @ design.T
    residuals = rows["y"].to_numpy() - hat @ rows["y"].to_numpy()
    k = 2 if effects else 3
    added, vectors = [], []
    for level in rows[cluster].unique():
        inside = (rows[cluster] == level).to_numpy()
        values, directions = np.linalg.eigh(
            np.eye(inside.sum()) - hat[np.ix_(inside, inside)]
        )
        power = np.zeros(values.size)
        np.power(values, -0.5, where=values > 1e-9, out=power)
        adjusted = (
            (directions * power) @ directions.T @ (design[inside] @ inverse)[:, :k]
        )
        added.append(adjusted.T @ residuals[inside])
        vectors.append((np.eye(len(rows)) - hat)[:, inside] @ adjusted)
    return np.array(added).T @ np.array(added), np.array(vectors).transpose(2, 0, 1)


def wald_by_hand(vectors: np.ndarray) -> float:
    """Eta of Pustejovsky and Tipton's AHT test that all of `vectors` are zero."""
    expected = np.einsum("sgn,tgn->st", vectors, vectors)
    vectors = np.einsum(
        "as,sgn->agn", np.linalg.cholesky(np.linalg.inv(expected)).T, vectors
    )
    q, variance = len(vectors), 0.0
    for s in range(q):
        for u in range(q):
            same = (vectors[s] @ vectors[s].T) * (vectors[u] @ vectors[u].T)
            crossed = (vectors[s] @ vectors[u].T) * (vectors[u] @ vectors[s].T)
            variance += (same + crossed).sum()
    return q * (q + 1) / variance


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cluster", ["i", "region", "t", "g"])
@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.many(12)
def test_cr2_is_that_of_dummies(effects, cluster, seed) -> None:
    frame = frame_of(seed)
    flags, names = EFFECTS[effects]
    results = fit(frame, cov_type="cr2", clusters=cluster, **flags)
    rows = frame.set_index(["i", "t"]).loc[results.index].reset_index()
    covariance, vectors = by_hand(rows, names, cluster)
    np.testing.assert_allclose(results.cov, covariance, rtol=1e-8)

    products = np.einsum("kgn,khn->kgh", vectors, vectors)
    df = np.trace(products, axis1=1, axis2=2) ** 2 / (products**2).sum(axis=(1, 2))
    np.testing.assert_allclose(results.df_by_term, df, rtol=1e-8)
    assert results.df_t == pytest.approx(df.min(), rel=1e-8)
    summed = vectors[:2].sum(axis=0)
    both = summed @ summed.T
    combination = results.combination("a + b")
    assert combination.df == pytest.approx(
        np.trace(both) ** 2 / (both**2).sum(), rel=1e-8
    )

    test, eta = results.f_statistic, wald_by_hand(vectors[:2])
    wald = results.params[:2] @ np.linalg.solve(covariance[:2, :2], results.params[:2])
    assert test.df == pytest.approx((2, eta - 1), rel=1e-7)
    assert test.statistic == pytest.approx(wald / 2 * (eta - 1) / eta, rel=1e-7)
    assert results.wald_test("a = 0").df == pytest.approx((1, df[0]), rel=1e-8)
    assert results.wald_test("a = 0").p_value == pytest.approx(
        results.pvalues["a"], rel=1e-8
    )


@quiet
@pytest.mark.parametrize(
    "case", RECORDED["vcovCL"], ids=lambda c: f"{c['ssc']}, {c['clusters']}"
)
def test_clustered_errors_are_those_of_r(case) -> None:
    results = STATES.replace(ssc=case["ssc"], clusters=case["clusters"]).fit(states())
    np.testing.assert_allclose(results.std_errors, case["std_errors"], rtol=TOLERANCE)
    assert results.df_t == min(results.n_clusters) - 1


@pytest.mark.parametrize("case", RECORDED["CR2"], ids=lambda c: c["clusters"])
@quiet
def test_cr2_is_that_of_clubsandwich(case) -> None:
    results = STATES.replace(cov_type="cr2", clusters=case["clusters"]).fit(states())
    np.testing.assert_allclose(results.std_errors, case["std_errors"], rtol=TOLERANCE)
    np.testing.assert_allclose(results.df_by_term, case["df"], rtol=TOLERANCE)
    two = results.wald_test("log(pcap) = 0, log(pc) = 0")
    np.testing.assert_allclose(
        [two.statistic, two.df[1], two.p_value], case["two"], rtol=1e-8
    )
    every = results.f_statistic
    np.testing.assert_allclose(
        [every.statistic, every.df[1], every.p_value], case["all"], rtol=1e-8
    )


@quiet
def test_the_intercept_is_that_of_clubsandwich_and_crv3_differs_by_a_factor() -> None:
    case = RECORDED["without effects"]
    spec = STATES.replace(cov_type="cr2", clusters=case["clusters"], **NO_EFFECTS)
    results = spec.fit(states())
    np.testing.assert_allclose(results.std_errors, case["CR2"], rtol=TOLERANCE)
    np.testing.assert_allclose(results.df_by_term, case["df"], rtol=TOLERANCE)
    every = results.f_statistic
    np.testing.assert_allclose(
        [every.statistic, every.df[1]], case["all"][:2], rtol=1e-8
    )
    jackknife = spec.replace(cov_type="crv3").fit(states()).std_errors
    np.testing.assert_allclose(jackknife * np.sqrt(9 / 8), case["CR3"], rtol=TOLERANCE)


def test_a_cluster_a_row_is_hc2() -> None:
    frame = frame_of(1).assign(row=lambda f: np.arange(len(f)))
    single = fit(frame, cov_type="cr2", clusters="row", time_effects=False)
    np.testing.assert_allclose(
        single.cov, fit(frame, cov_type="hc2", time_effects=False).cov, rtol=1e-9
    )


def test_slopes_by_entity_are_those_of_dummies() -> None:
    frame = frame_of(2, periods=12)
    flags = {
        "absorb": ["i[t]"],
        "entity_effects": False,
        "time_effects": False,
        "cov_type": "cr2",
    }
    results = fit(frame, **flags)
    trends = (
        pd.get_dummies(frame["i"], prefix="d").astype(float).mul(frame["t"], axis=0)
    )
    names = list(trends.columns)
    wide = fit(
        pd.concat([frame, trends], axis=1),
        ("a", "b", *names),
        time_effects=False,
        cov_type="cr2",
    )
    np.testing.assert_allclose(results.std_errors, wide.std_errors[:2], rtol=1e-6)
    np.testing.assert_allclose(results.df_by_term, wide.df_by_term[:2], rtol=1e-6)


def test_row_order_units_labels_and_origin_change_nothing() -> None:
    frame = frame_of(4)
    want = fit(frame, cov_type="cr2")
    shuffled = fit(frame.sample(frac=1, random_state=1), cov_type="cr2")
    np.testing.assert_array_equal(shuffled.std_errors, want.std_errors)
    renamed = fit(
        frame.assign(i=frame["i"].map(lambda i: f"city {(5 * i) % 14}")), cov_type="cr2"
    )
    np.testing.assert_allclose(renamed.std_errors, want.std_errors, rtol=1e-10)
    moved = fit(frame.assign(a=1e6 * frame["a"], b=frame["b"] + 1e3), cov_type="cr2")
    np.testing.assert_allclose(moved.std_errors * [1e6, 1], want.std_errors, rtol=1e-9)
    np.testing.assert_allclose(moved.df_by_term, want.df_by_term, rtol=1e-7)


def test_intervals_and_marginal_effects_use_the_degrees_of_freedom_of_each_sum() -> (
    None
):
    results = fit(
        frame_of(5).assign(z=lambda f: f["b"] ** 2), ("a", "z", "a:z"), cov_type="cr2"
    )
    half = t.ppf(0.95, results.df_by_term) * results.std_errors
    np.testing.assert_allclose(
        results.conf_int(level=0.9)["conf_high"], results.params + half, rtol=1e-12
    )
    at = results.marginal_effect("a", {"z": [2.0]}).iloc[0]
    df = results.df_of(np.array([[1.0, 0.0, 2.0]]))[0]
    assert at["conf_high"] == pytest.approx(
        at["estimate"] + t.ppf(0.975, df) * at["std_error"], rel=1e-10
    )


def test_a_slope_that_one_cluster_identifies_has_no_error() -> None:
    frame = frame_of(6).assign(a=lambda f: np.where(f["i"] == 3, f["a"], 0.0))
    results = fit(frame, cov_type="cr2")
    assert np.isnan(results.std_errors["a"])
    assert results.std_errors["b"] > 0
    (note,) = (n for n in results.diagnostics if n.code == "needed_clusters")
    assert note.data["terms"] == {"a": (3,)}
    assert "cov_type='cr2'" in note.message
    assert np.isnan(results.df_by_term["a"])
    assert results.df_t == results.df_by_term["b"] > 1
    rows = frame.set_index(["i", "t"]).loc[results.index].reset_index()
    covariance, _ = by_hand(rows, ("i", "t"), "i")
    assert results.std_errors["b"] == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-7)


def test_summary_table_and_pickle_say_which_errors() -> None:
    results = fit(frame_of(), cov_type="cr2")
    assert (
        "CR2, bias-reduced; 14 clusters, t with Bell-McCaffrey degrees"
        in results.conventions
    )
    assert "CR2 standard errors clustered by i" in str(dp.etable(results)).replace(
        "\n", " "
    )
    both = str(dp.etable([results, fit(frame_of())]))
    assert "by i, CR2" in both
    again = pickle.loads(pickle.dumps(results))
    pd.testing.assert_series_equal(again.df_by_term, results.df_by_term)
    assert again.f_statistic.df == results.f_statistic.df


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ssc", ["reghdfe", "areg", "sandwich", "plm", "none"])
def test_three_way_clusters_are_sums_over_intersections(ssc, seed) -> None:
    frame = frame_of(seed).assign(h=lambda f: (f["i"] + f["t"]) % 4)
    clusters = ("region", "t", "h")
    results = fit(frame, clusters=clusters, ssc=ssc)
    rows = frame.set_index(["i", "t"]).loc[results.index].reset_index()
    design = design_of(rows, ("i", "t"))
    inverse = np.linalg.pinv(design.T @ design, rcond=1e-10, hermitian=True)
    residuals = rows["y"] - design @ inverse @ design.T @ rows["y"]
    n, full = len(rows), np.linalg.matrix_rank(design)
    counted = {"areg": full, "sandwich": full, "plm": 2, "none": 0}
    # reghdfe: entities are nested in regions and years are clusters, so that slopes and
    # a constant count.
    k = counted.get(ssc, 3)
    least = min(rows[c].nunique() for c in clusters)
    total = np.zeros((2, 2))
    for several in (1, 2, 3):
        for some in combinations(clusters, several):
            levels = rows.groupby(list(some)).ngroup()
            scores = (design * residuals.to_numpy()[:, None]).T @ pd.get_dummies(
                levels
            ).to_numpy(dtype=float)
            groups = levels.nunique() if ssc in ("sandwich", "plm") else least
            factor = groups / (groups - 1) * (n - 1) / (n - k)
            if ssc == "plm" and several > 1:
                factor = n / (n - k)
            if ssc == "none":
                factor = 1.0
            total += (
                (-1) ** (several - 1)
                * factor
                * (inverse @ scores @ scores.T @ inverse)[:2, :2]
            )
    np.testing.assert_allclose(results.cov, total, rtol=1e-8)
    assert results.df_t == least - 1
    assert results.n_clusters == tuple(rows[c].nunique() for c in clusters)


def test_areg_counts_effects_inside_clusters_as_reghdfe_does_not() -> None:
    """``areg lgsp lpc unemp, absorb(state) vce(cluster state)``, and ``reghdfe``."""
    spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"], time_effects=False)
    errors = {
        ssc: spec.replace(ssc=ssc).fit(dp.datasets.us_states()).std_errors["log(pc)"]
        for ssc in ("areg", "reghdfe")
    }
    assert {name: round(e, 4) for name, e in errors.items()} == {
        "areg": 0.0384,
        "reghdfe": 0.0372,
    }


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("cluster", ["i", "region", "g"])
def test_areg_is_statsmodels_with_all_dummies(effects, cluster) -> None:
    from statsmodels.regression.linear_model import OLS

    frame = frame_of(7)
    flags, names = EFFECTS[effects]
    results = fit(frame, ssc="areg", clusters=cluster, **flags)
    rows = frame.set_index(["i", "t"]).loc[results.index].reset_index()
    design = design_of(rows, names)
    kept: list[int] = []
    for j in range(design.shape[1]):
        if np.linalg.matrix_rank(design[:, [*kept, j]]) > len(kept):
            kept.append(j)
    peer = OLS(rows["y"], design[:, kept]).fit(
        cov_type="cluster", cov_kwds={"groups": rows[cluster]}, use_t=True
    )
    k = 2 if names else 3
    np.testing.assert_allclose(
        results.cov, peer.cov_params().to_numpy()[:k, :k], rtol=1e-7
    )
    assert results.df_counted == len(kept)


@pytest.mark.data("published/democracy_income.csv")
def test_income_and_democracy() -> None:
    """Table 2, column 2 of Acemoglu et al. (2008): three digits.

    American Economic Review 98:808.
    """
    raw = pd.read_csv(
        Path(__file__).parents[4] / "shared/data/published/democracy_income.csv"
    )
    frame = raw.assign(year=raw["year"].str[:4].astype(int)).sort_values(
        ["country", "year"]
    )
    before = frame.groupby("country")[["democracy", "income"]].shift()
    frame[["democracy_before", "income_before"]] = before
    panel = Panel(frame[frame["sample"] == 1], "country", "year", step=5)
    # areg keeps singletons, and counts their effects.
    options = {"ssc": "areg", "singletons": "keep"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        results = FixedEffects(
            "democracy", ["democracy_before", "income_before"], **options
        ).fit(panel)
    assert results.nobs == 945
    np.testing.assert_allclose(results.params, [0.379, 0.010], atol=5.1e-4)
    np.testing.assert_allclose(results.std_errors, [0.051, 0.035], atol=5.1e-4)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (
            lambda: STATES.replace(cov_type="cr2", obs_weights="pc"),
            "does not take obs_weights",
        ),
        (
            lambda: STATES.replace(cov_type="cr2", clusters=["state", "year"]),
            "clusters in one way",
        ),
        (
            lambda: STATES.replace(clusters=["a", "b", "c", "d"]),
            "one, two or three terms",
        ),
        (
            lambda: FixedEffectsIV("y", ["x"], ["d"], ["z"], cov_type="cr2"),
            "not available",
        ),
        (
            lambda: dp.Mediation("y", "x", ["m"], cov_type="cr2"),
            "single linear regression",
        ),
        (lambda: dp.PanelThreshold("y", "x", "q", cov_type="cr2"), "PanelThreshold"),
    ],
    ids=["weights", "two-way", "four-way", "instruments", "mediation", "threshold"],
)
def test_what_cr2_is_not_defined_for_is_refused(make, why) -> None:
    with pytest.raises(OptionError, match=why):
        make()


def test_effects_with_too_many_levels_are_refused_before_memory_is_asked_for() -> None:
    n = 40_000
    frame = pd.DataFrame(
        {"i": np.arange(n) // 2, "t": np.arange(n) % 2, "g": np.arange(n) // 2 % 50}
    )
    rng = np.random.default_rng(0)
    frame[["y", "a"]] = rng.normal(size=(n, 2))
    frame["h"] = rng.integers(0, 5_000, n)
    with pytest.raises(OptionError, match="is too large"):
        fit(frame, ("a",), absorb=["h"], cov_type="cr2", clusters="g")


def test_levels_that_a_cluster_has_no_rows_in_cost_nothing() -> None:
    """A province-by-year effect beside clusters inside provinces."""
    rng = np.random.default_rng(0)
    i, t = np.divmod(np.arange(600 * 20), 20)
    frame = pd.DataFrame({"i": i, "t": t, "cell": 20 * (i // 30) + t, "g": i // 3})
    frame[["y", "a"]] = rng.normal(size=(len(frame), 2))
    options = {"absorb": ["cell"], "time_effects": False, "clusters": "g"}
    tracemalloc.start()
    results = fit(frame, ("a",), cov_type="cr2", **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e7
    assert results.std_errors["a"] > 0


def test_event_study_takes_cr2() -> None:
    panel = Panel(
        frame_of(8).assign(first=lambda f: np.where(f["i"] < 7, 4.0, np.nan)), "i", "t"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        results = EventStudy("y", "first", before=4, after=2, cov_type="cr2").fit(panel)
        clustered = EventStudy("y", "first", before=4, after=2).fit(panel)
    estimated = results.tidy().set_index("term").query("std_error > 0")
    assert (estimated["p_value"] > 2 * t.sf(estimated["statistic"].abs(), 13)).all()
    assert not np.allclose(
        estimated["std_error"],
        clustered.tidy().set_index("term").loc[estimated.index, "std_error"],
    )


@quiet
def test_a_u_test_refuses_cr2() -> None:
    results = STATES.replace(x=["unemp", "I(unemp**2)"], cov_type="cr2").fit(states())
    with pytest.raises(OptionError, match="does not take cov_type='cr2'"):
        dp.u_test(results, "unemp")


def test_units_of_a_slope_by_level_that_crosses_clusters_do_not_matter() -> None:
    frame = frame_of(3, periods=10).assign(z=lambda f: 1 + f["t"] ** 2 / 50)
    options = {"absorb": ["region[z]"], "clusters": "t", "cov_type": "cr2"}
    whole = fit(frame, **options)
    tiny = fit(frame.assign(z=1e-12 * frame["z"]), **options)
    np.testing.assert_allclose(tiny.std_errors, whole.std_errors, rtol=1e-6)
    np.testing.assert_allclose(tiny.df_by_term, whole.df_by_term, rtol=1e-6)


def test_a_joint_test_with_many_clusters_forms_no_matrix_of_their_pairs() -> None:
    rng = np.random.default_rng(0)
    reduced = BiasReduced(
        rng.normal(size=(20_000, 4)),
        np.tile(np.eye(4), (20_000, 1, 1)),
        np.zeros((20_000, 3, 4)),
    )
    tracemalloc.start()
    eta = reduced.df_wald(np.eye(4))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert eta == pytest.approx(20_000)
    assert peak < 2**26
