"""The wild cluster bootstrap against least squares with dummies."""

from __future__ import annotations

import json
import pickle
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Panel, wild_bootstrap
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    FewClustersWarning,
    IdentificationError,
    InputTypeError,
    OptionError,
    TermError,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.kernels.wild import wild_weights
from digiprosper.report.summary import Summary
from digiprosper.report.text import interval_text

WEBB = [s * np.sqrt(v) for s in (-1, 1) for v in (0.5, 1.0, 1.5)]
KEYS = ("i", "t")


def frame_of(
    seed: int, entities: int, periods: int, *, holes: float = 0.2, groups: int = 0
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "i": np.repeat(np.arange(entities), periods),
            "t": np.tile(np.arange(periods), entities),
        }
    )
    n = len(frame)
    frame["g"] = frame["i"] % groups if groups else frame["i"]
    frame["h"] = rng.integers(0, 4, n)
    frame["w"] = rng.uniform(0.3, 3, n)
    for name in "ab":
        common = rng.normal(size=periods)[frame["t"]]
        frame[name] = (
            rng.normal(size=n)
            + 0.4 * frame["i"]
            + common
            + rng.normal(size=entities)[frame["i"]]
        )
    shocks = rng.normal(size=(frame["g"].max() + 1, periods))[frame["g"], frame["t"]]
    frame["y"] = (
        0.3 * frame["a"] - 0.2 * frame["b"] + frame["i"] + shocks + rng.normal(size=n)
    )
    # Two rows of every entity and of every period stay, so that there are no singletons
    # to drop.
    stays = (rng.random(n) >= holes) | (
        (frame["i"] + frame["t"]) % min(entities, periods) < 2
    )
    return frame[stays].reset_index(drop=True)


def quiet(
    spec: FixedEffects, frame: pd.DataFrame, term: str, **options: Any
) -> dp.WildBootstrapResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return wild_bootstrap(spec, Panel(frame, *KEYS), term, **options)


# --- the oracle -----------------------------------------------------------------------


def dummies(frame: pd.DataFrame, effects: list[str]) -> np.ndarray:
    if not effects:
        return np.ones((len(frame), 1))
    return np.column_stack(
        [pd.get_dummies(frame[e], dtype=float).to_numpy() for e in effects]
    )


def small_sample_factor(
    frame: pd.DataFrame, effects: list[str], k: int, cluster: str
) -> float:
    n, groups = len(frame), frame[cluster].nunique()
    nested = [
        e
        for e in effects
        if len(frame[[e, cluster]].drop_duplicates()) == frame[e].nunique()
    ]
    every = np.linalg.matrix_rank(dummies(frame, effects))
    inside = np.linalg.matrix_rank(dummies(frame, nested)) if nested else 1
    return groups / (groups - 1) * (n - 1) / (n - (k + 1 + every - inside))


def enumerated(
    frame: pd.DataFrame,
    effects: list[str],
    weights: list[float],
    *,
    x: tuple[str, ...] = ("a", "b"),
    row: tuple[float, ...] = (1.0, 0.0),
    value: float = 0.0,
    cluster: str = "g",
    obs_weights: str | None = None,
    draws: np.ndarray | None = None,
    more: np.ndarray | None = None,
) -> tuple[float, np.ndarray]:
    """t of the fit, and of every vector of weights.

    Restricted fit, drawn outcome, full fit, CRV1.
    """
    design = np.column_stack([frame[list(x)].to_numpy(), dummies(frame, effects)])
    if more is not None:
        design = np.column_stack([design, more])
    r = np.zeros(design.shape[1])
    r[: len(row)] = row
    y = frame["y"].to_numpy()
    root = (
        np.ones(len(y))
        if obs_weights is None
        else np.sqrt(frame[obs_weights].to_numpy())
    )
    codes = pd.factorize(frame[cluster], sort=True)[0]
    groups = codes.max() + 1
    factor = small_sample_factor(frame, effects, len(x), cluster)

    solver = np.linalg.pinv(design * root[:, None])

    def t_of(outcomes: np.ndarray) -> np.ndarray:
        """t of each outcome, (N, R): every one is fitted anew."""
        b = solver @ (root[:, None] * outcomes)
        left = root[:, None] * (outcomes - design @ b)
        scores = np.eye(groups)[codes].T @ ((r @ solver)[:, None] * left)
        return (r @ b - value) / np.sqrt(factor * (scores**2).sum(axis=0))

    # Restricted least squares: a point that fulfils the restriction, and every
    # direction that keeps it.
    point = r * value / (r @ r)
    directions = np.linalg.svd(r[None, :])[2][1:].T
    inner = np.linalg.pinv((design @ directions) * root[:, None]) @ (
        root * (y - design @ point)
    )
    fit = design @ (point + directions @ inner)
    left = y - fit
    vectors = (
        np.array(list(product(weights, repeat=groups))) if draws is None else draws
    )
    return float(t_of(y[:, None])[0]), t_of(
        fit[:, None] + vectors[:, codes].T * left[:, None]
    )


def share(t: float, drawn: np.ndarray) -> float:
    return float((np.abs(drawn) >= abs(t) * (1 - 1e-9)).mean())


CASES = {
    "two-way, clusters are entities": (5, 7, 0, ["i", "t"], {}),
    "two-way, clusters above entities": (15, 4, 5, ["i", "t"], {}),
    "entity effects": (5, 7, 0, ["i"], {"time_effects": False}),
    "time effects": (15, 4, 5, ["t"], {"entity_effects": False}),
    "no effects": (5, 7, 0, [], {"entity_effects": False, "time_effects": False}),
    "a third effect": (15, 5, 5, ["i", "t", "h"], {"absorb": ["h"]}),
    "weights": (15, 4, 5, ["i", "t"], {"obs_weights": "w"}),
    "weights, entity effects": (15, 4, 5, ["i"],
        {"obs_weights": "w", "time_effects": False}),
    "weights, no effects": (
        15, 4, 5, [], {"obs_weights": "w", "entity_effects": False,
            "time_effects": False}
    ),
}  # fmt: skip


@pytest.mark.many(4)
@pytest.mark.parametrize("case", CASES)
def test_all_weights_of_webb_on_five_clusters(case: str) -> None:
    entities, periods, groups, effects, options = CASES[case]
    frame = frame_of(len(case), entities, periods, groups=groups)
    spec = FixedEffects("y", ["a", "b"], clusters="g", **options)
    test = quiet(spec, frame, "a")
    t, drawn = enumerated(frame, effects, WEBB, obs_weights=options.get("obs_weights"))
    assert (test.detail["weights"], test.detail["enumerated"], test.detail["reps"]) == (
        "webb",
        True,
        7776,
    )
    assert test.statistic == pytest.approx(t, rel=1e-9)
    np.testing.assert_allclose(
        np.sort(test.draws), np.sort(drawn), rtol=1e-9, atol=1e-9
    )
    assert test.p_value == share(t, drawn)


@pytest.mark.parametrize(
    ("term", "row", "value"),
    [
        ("b", (0.0, 1.0), 0.0),
        ("a = 0.5", (1.0, 0.0), 0.5),
        ("a + 2*b", (1.0, 2.0), 0.0),
        ("a = b", (1.0, -1.0), 0.0),
        ("a - 3*b = 1", (1.0, -3.0), 1.0),
    ],
)
def test_combinations_and_other_null_values(
    term: str, row: tuple[float, ...], value: float
) -> None:
    frame = frame_of(3, 4, 7)
    test = quiet(FixedEffects("y", ["a", "b"], clusters="g"), frame, term)
    t, drawn = enumerated(frame, ["i", "t"], WEBB, row=row, value=value)
    assert test.statistic == pytest.approx(t, rel=1e-9)
    np.testing.assert_allclose(
        np.sort(test.draws), np.sort(drawn), rtol=1e-9, atol=1e-9
    )
    assert test.p_value == share(t, drawn)


@pytest.mark.parametrize("term", ["Intercept", "Intercept = 2", "a + Intercept = 1"])
def test_the_intercept_is_a_coefficient(term: str) -> None:
    frame = frame_of(4, 4, 7)
    test = quiet(
        FixedEffects(
            "y", ["a", "b"], entity_effects=False, time_effects=False, clusters="g"
        ),
        frame,
        term,
    )
    row = {
        "Intercept": (0, 0, 1),
        "Intercept = 2": (0, 0, 1),
        "a + Intercept = 1": (1, 0, 1),
    }[term]
    t, drawn = enumerated(
        frame,
        [],
        WEBB,
        row=row,
        value={"Intercept": 0, "Intercept = 2": 2}.get(term, 1),
    )
    assert test.statistic == pytest.approx(t, rel=1e-9)
    np.testing.assert_allclose(
        np.sort(test.draws), np.sort(drawn), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize(
    "options", [{}, {"obs_weights": "w"}], ids=["plain", "weights"]
)
def test_all_signs_above_twelve_clusters(options: dict[str, str]) -> None:
    frame = frame_of(5, 13, 4)
    test = quiet(FixedEffects("y", ["a", "b"], clusters="g", **options), frame, "a")
    t, drawn = enumerated(frame, ["i", "t"], [-1.0, 1.0], **options)
    assert (test.detail["weights"], test.detail["reps"]) == ("rademacher", 8192)
    np.testing.assert_allclose(
        np.sort(test.draws), np.sort(drawn), rtol=1e-9, atol=1e-9
    )
    assert test.p_value == share(t, drawn)


def test_entities_that_move_between_clusters() -> None:
    """Neither effect is nested in clusters: each cluster is demeaned alone."""
    frame = frame_of(6, 8, 6).assign(
        g=lambda f: np.random.default_rng(1).integers(0, 5, len(f))
    )
    test = quiet(FixedEffects("y", ["a", "b"], clusters="g"), frame, "a")
    t, drawn = enumerated(frame, ["i", "t"], WEBB)
    assert test.statistic == pytest.approx(t, rel=1e-9)
    np.testing.assert_allclose(
        np.sort(test.draws), np.sort(drawn), rtol=1e-9, atol=1e-9
    )
    assert test.p_value == share(t, drawn)


def test_a_redundant_regressor_is_left_out_as_the_fit_does() -> None:
    frame = frame_of(7, 5, 7).assign(c=lambda f: f["a"] + f["b"])
    spec = FixedEffects("y", ["a", "b", "c"], clusters="g", collinear="drop")
    one, other = quiet(spec, frame, "a"), quiet(spec.drop("c"), frame, "a")
    np.testing.assert_array_equal(one.draws, other.draws)
    with pytest.raises(TermError, match="no coefficient named 'c'"):
        quiet(spec, frame, "c")


# Clusters, effects written out, and options with slopes by level.
SLOPES = {
    "trends of entities, nested": ("i", 5, lambda f: by(f, "i", ["one", "t"]),
        {"absorb": ["i[t]"]}),
    "trends of groups, nested": ("g", 10, lambda f: by(f, "g", ["t"]),
        {"absorb": ["g[[t]]"]}),
    "slopes that cross": ("i", 14, lambda f: by(f, "g", ["b"]),
        {"absorb": ["g[[b]]"], "x": ["a"]}),
    "slopes that cross few clusters": ("i", 5, lambda f: by(f, "h", ["b"]), {
        "absorb": ["h[[b]]"], "x": ["a"]
    }),
    "weighted slopes": ("i", 14, lambda f: by(f, "g", ["b"]), {
        "absorb": ["g[[b]]"], "x": ["a"], "obs_weights": "w"
    }),
}  # fmt: skip


def by(frame: pd.DataFrame, levels: str, columns: list[str]) -> np.ndarray:
    dummies = pd.get_dummies(frame[levels], dtype=float).to_numpy()
    return np.column_stack([dummies * frame[[c]].to_numpy() for c in columns])


@pytest.mark.parametrize("case", SLOPES)
def test_slopes_by_level_are_estimated_again(case: str) -> None:
    clusters, entities, more, options = SLOPES[case]
    frame = frame_of(len(case), entities, 9, groups=5).assign(one=1.0)
    spec = FixedEffects("y", ["a", "b"], clusters=clusters).replace(**options)
    test = quiet(spec, frame, "a", reps=99, rng=2)
    weights = wild_weights(frame[clusters].nunique(), 99)
    vectors = next(weights.chunks(seed_sequence(2), 99))
    _, drawn = enumerated(
        frame, ["i", "t"], [], x=spec.x, row=(1.0,), cluster=clusters,
        obs_weights=options.get("obs_weights"), draws=vectors, more=more(frame),
    )  # fmt: skip
    # The small-sample factor, which counts the slopes too, is the same in all draws.
    ratio = test.draws[0] / drawn[0]
    np.testing.assert_allclose(test.draws, ratio * drawn, rtol=1e-8, atol=1e-9)


# --- outside numbers ------------------------------------------------------------------

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "reference" / "wild_bootstrap.json").read_text("utf-8")
)
X = ("log(pc)", "log(emp)", "unemp")


@pytest.mark.parametrize(
    "case", GOLDEN["cases"], ids=lambda case: f"{case['effects']}, {case['term']}"
)
def test_wildboottest_printed(case: dict[str, Any]) -> None:
    states = dp.datasets.us_states().frame.reset_index()
    states = states[states["state"].isin(GOLDEN["data"]["states"])]
    panel = Panel(states, "state", "year")
    spec = FixedEffects("log(gsp)", X, time_effects=case["effects"] == "two-way")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        test, k = wild_bootstrap(spec, panel, case["term"]), spec.fit(panel).df_counted
    # Its small-sample factor counts the dummies of the states.
    ours = 13 / 12 * (len(states) - 1) / (len(states) - k)
    scale, tolerance = np.sqrt(ours / case["ssc"]), GOLDEN["tolerance"]
    assert test.statistic * scale == pytest.approx(
        case["statistic"], rel=tolerance["statistic"]
    )
    assert test.p_value == pytest.approx(case["p_value"], rel=tolerance["p_value"])
    quantiles = np.quantile(np.abs(test.draws) * scale, [0.5, 0.9, 0.95, 0.99])
    np.testing.assert_allclose(
        quantiles, case["quantiles"], rtol=tolerance["statistic"]
    )


@pytest.mark.peers
@pytest.mark.parametrize("seed", range(3))
def test_wildboottest_beside_us(seed: int) -> None:
    peer = pytest.importorskip("wildboottest.wildboottest")
    frame = frame_of(seed, 13, 4)
    levels = pd.get_dummies(
        frame[["i", "t"]].astype("category"), drop_first=True, dtype=float
    )
    design = np.column_stack([frame[["a", "b"]], np.ones(len(frame)), levels])
    row = np.eye(design.shape[1])[0]
    test = peer.WildboottestCL(
        X=design, Y=frame["y"].to_numpy(), cluster=frame["i"], R=row, B=9999, seed=1
    )
    test.get_scores("11", impose_null=True)
    test.get_weights("rademacher")
    test.get_numer()
    test.get_denom()
    test.get_tboot()
    dummies = FixedEffects(
        "y",
        ["a", "b", "C(i)", "C(t)"],
        entity_effects=False,
        time_effects=False,
        clusters="i",
    )
    ours = quiet(dummies, frame, "a")
    np.testing.assert_allclose(
        np.sort(np.abs(ours.draws)), np.sort(np.abs(test.t_boot)), rtol=1e-9, atol=1e-12
    )


# --- draws ----------------------------------------------------------------------------


@pytest.mark.parametrize("clusters", [6, 20])
def test_drawn_weights_give_the_same_t_as_refits(clusters: int) -> None:
    frame = frame_of(8, clusters, 5)
    test = quiet(FixedEffects("y", ["a", "b"]), frame, "a", reps=199, rng=5)
    vectors = next(wild_weights(clusters, 199).chunks(seed_sequence(5), 199))
    t, drawn = enumerated(frame, ["i", "t"], [], cluster="i", draws=vectors)
    np.testing.assert_allclose(test.draws, drawn, rtol=1e-9, atol=1e-9)
    assert test.p_value == (1 + (np.abs(drawn) >= abs(t) * (1 - 1e-9)).sum()) / 200


def test_the_number_that_is_kept_reproduces_the_draws() -> None:
    frame, spec = frame_of(9, 20, 5), FixedEffects("y", ["a", "b"])
    test = quiet(spec, frame, "a", reps=199)
    again = quiet(
        spec, frame.sample(frac=1, random_state=1), "a", reps=199, rng=test.rng_entropy
    )
    np.testing.assert_array_equal(test.draws, again.draws)
    assert quiet(spec, frame_of(9, 5, 5), "a").rng_entropy is None


def test_units_and_origins_change_nothing() -> None:
    frame, spec = frame_of(10, 20, 5), FixedEffects("y", ["a", "b"])
    # A larger origin would round the data themselves.
    moved = frame.assign(
        a=lambda f: 10 + 1e-3 * f["a"],
        y=lambda f: 1e3 * f["y"] - 7,
        i=lambda f: f["i"] + 9,
    )
    one, other = (quiet(spec, f, "a", reps=199, rng=1) for f in (frame, moved))
    np.testing.assert_allclose(one.draws, other.draws, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(
        np.array(one.interval()) * 1e6, other.interval(), rtol=1e-9
    )


def test_ten_thousand_clusters_take_little_memory() -> None:
    import tracemalloc

    rng = np.random.default_rng(1)
    n, periods = 10_000, 4
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    frame["a"], frame["y"] = rng.normal(size=(2, len(frame)))
    panel, spec = Panel(frame, *KEYS), FixedEffects("y", ["a"])
    tracemalloc.start()
    test = wild_bootstrap(spec, panel, "a", reps=999, rng=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 256 * 2**20
    assert test.p_value == pytest.approx(spec.fit(panel).pvalues["a"], abs=0.05)


# --- the interval ---------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_the_ends_of_the_interval_are_where_the_test_begins_to_reject(
    level: float,
) -> None:
    frame, spec = (
        frame_of(11, 15, 5, groups=5),
        FixedEffects("y", ["a", "b"], clusters="g"),
    )
    test = quiet(spec, frame, "a")
    low, high = test.interval(level)
    assert low < test.estimate < high
    width = high - low
    for end, outwards in ((low, -1), (high, 1)):
        inside, outside = (end + outwards * width * step for step in (-1e-6, 1e-6))
        assert quiet(spec, frame, f"a = {inside!r}").p_value > 1 - level
        assert quiet(spec, frame, f"a = {outside!r}").p_value <= 1 - level


def test_the_interval_holds_the_null_value_where_the_test_does_not_reject() -> None:
    for seed in range(8):
        frame = frame_of(seed, 8, 5)
        test = quiet(FixedEffects("y", ["a", "b"]), frame, "a", reps=499, rng=1)
        low, high = test.interval(1 - test.p_value + 1e-6)
        assert low <= 0 <= high
        low, high = test.interval(1 - test.p_value - 1e-6)
        assert not low <= 0 <= high


def test_an_unbounded_end_is_infinite_and_said() -> None:
    test = quiet(FixedEffects("y", ["a"]), frame_of(12, 3, 9), "a")
    assert test.interval(0.99) == (-np.inf, np.inf)
    assert np.isfinite(test.interval(0.5)).all()
    two = quiet(FixedEffects("y", ["a"], time_effects=False), frame_of(12, 2, 9), "a")
    assert two.interval() == (-np.inf, np.inf)
    assert "unbounded" in two.summary()


# --- the result -----------------------------------------------------------------------


@pytest.mark.further
def test_the_result_is_a_test_result_that_is_kept_whole() -> None:
    test = quiet(FixedEffects("y", ["a", "b"]), frame_of(13, 20, 5), "a = 0.5", rng=1)
    assert isinstance(test, dp.TestResult)
    assert (test.null, test.distribution, test.df) == ("a = 0.5", "bootstrap", None)
    assert (test.null_value, (test.estimate - 0.5) / test.std_error) == (
        0.5,
        test.statistic,
    )
    other = pickle.loads(pickle.dumps(test))
    assert other.summary() == test.summary()
    assert other.to_dict() == test.to_dict()
    assert other.interval(0.9) == test.interval(0.9)
    assert test.to_dict()["interval"] == pytest.approx(test.interval())


def test_few_clusters_are_no_remark_and_few_treated_ones_are_one() -> None:
    frame = frame_of(14, 12, 6, holes=0).assign(
        d=lambda f: ((f["i"] < 1) & (f["t"] > 2)).astype(float)
    )
    with pytest.warns(FewClustersWarning, match="randomisation_test"):
        test = wild_bootstrap(FixedEffects("y", ["d"]), Panel(frame, *KEYS), "d", rng=1)
    (notice,) = test.diagnostics
    assert notice.code == "few_treated_in_draws"
    assert notice.data["terms"] == ("d",)
    assert notice.data["n_clusters"] == 12
    assert notice.data["effective"] == pytest.approx(1, abs=0.3)


@pytest.mark.filterwarnings("ignore::digiprosper.FewClustersWarning")
@pytest.mark.parametrize(("treated", "told"), [(3, True), (4, False)])
def test_the_wild_bootstrap_is_said_to_reject_too_rarely_below_four_treated(
    treated: int, told: bool
) -> None:
    """Sizes with three and four treated of 31 are .010 and .068."""
    frame = frame_of(14, 31, 10, holes=0).assign(
        d=lambda f: ((f["i"] < treated) & (f["t"] > 4)).astype(float)
    )
    test = wild_bootstrap(FixedEffects("y", ["d"]), Panel(frame, *KEYS), "d", rng=1)
    codes = [notice.code for notice in test.diagnostics]
    assert codes == (["few_treated_in_draws"] if told else [])


def test_the_estimate_is_of_the_named_combination_and_constants_are_in_the_null() -> (
    None
):
    spec, frame = FixedEffects("y", ["a", "b"]), frame_of(3, 10, 6)
    with pytest.warns(FewClustersWarning):
        slopes = spec.fit(Panel(frame, *KEYS)).params
    test = quiet(spec, frame, "2*a = b - 1", reps=99)
    assert test.combination == "2*a - b"
    assert test.estimate == pytest.approx(2 * slopes["a"] - slopes["b"])
    assert test.null_value == -1.0


def test_the_column_of_a_table_is_headed_by_the_null() -> None:
    spec, frame = FixedEffects("y", ["a", "b"]), frame_of(3, 10, 6)
    tests = [quiet(spec, frame, text, reps=199, rng=1) for text in ("a", "b = 1")]
    (column,), (other,) = (t.table_columns(0.9) for t in tests)
    assert (column.head, other.head) == ("a = 0", "b = 1")
    assert column.cells["90% interval"].value == interval_text(*tests[0].interval(0.9))
    assert column.cells["p-value"].value == tests[0].p_value
    (precise,) = tests[0].table_columns(0.975)
    assert "97.5% interval" in precise.cells


def test_a_chinese_table_has_rows_and_note_in_chinese() -> None:
    test = quiet(
        FixedEffects("y", ["a", "b"]), frame_of(3, 10, 6), "a", reps=199, rng=1
    )
    table = dp.etable(test, style=dp.TableStyle("zh"))
    assert list(table.frame.index) == [
        "估计值",
        "95%置信区间",
        "t",
        "p值",
        "抽样次数",
        "聚类数",
    ]
    assert table.notes[0].startswith("注：野聚类自助法")
    assert (
        "Wild cluster bootstrap"
        in dp.etable(Summary.from_dict(test.to_dict())).notes[0]
    )


@pytest.mark.parametrize(("clusters", "least"), [(2, 1 / 6), (3, 1 / 36)])
def test_so_few_clusters_that_no_p_value_is_small(clusters: int, least: float) -> None:
    frame = frame_of(15, clusters, 12)
    test = quiet(FixedEffects("y", ["a"], time_effects=False), frame, "a")
    (notice,) = (n for n in test.diagnostics if n.code == "few_weightings")
    assert notice.data == {
        "clusters": "i",
        "n_clusters": clusters,
        "least": pytest.approx(least),
    }
    assert test.p_value >= least


def test_few_draws_are_told() -> None:
    test = quiet(FixedEffects("y", ["a"]), frame_of(16, 20, 6), "a", reps=99)
    assert "few_draws" in [n.code for n in test.diagnostics]


# --- refusals -------------------------------------------------------------------------

FRAME = frame_of(17, 14, 6, groups=3).assign(
    one=1,
    still=lambda f: f["i"] * 1.0,
    year=lambda f: f["t"] * 1.0,
    half=lambda f: f["i"] % 2,
)
SPEC = FixedEffects("y", ["a", "b"])
REFUSED: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "an unknown term": (SPEC, "c", TermError, "no coefficient named 'c'"),
    "two restrictions": (SPEC, "a = 0, b = 0", TermError, "has 2"),
    "a chain of restrictions": (SPEC, "a = b = 0", TermError, "has 2"),
    "a term that is not linear": (SPEC, "a*b", TermError, "not linear"),
    "no text": (SPEC, ["a"], InputTypeError, "one restriction as text"),
    "an empty text": (SPEC, "", TermError, "cannot be read"),
    "a number alone": (SPEC, "1 = 1", TermError, "restricts no coefficient"),
    "two-way clusters": (SPEC.replace(clusters=["i", "t"]), "a", OptionError,
        "one-way"),
    "one cluster": (SPEC.replace(clusters="one"), "a", IdentificationError,
        "at least two clusters"),
    "robust errors": (SPEC.replace(cov_type="robust"), "a", OptionError,
        "cov_type='clustered'"),
    "Driscoll-Kraay": (SPEC.replace(cov_type="driscoll_kraay"), "a", OptionError,
        "cov_type='clustered'"),
    "another specification": (
        dp.PanelThreshold("y", "a", "b"), "a", InputTypeError,
        "takes a FixedEffects.*PanelThreshold"
    ),
    "nothing": (None, "a", InputTypeError, "NoneType"),
    "instruments": (
        dp.FixedEffectsIV("y", [], ["a"], ["b"]), "a", InputTypeError,
        r"anderson_rubin\(\)"
    ),
    "a constant path": (SPEC.add("still"), "still", IdentificationError, "absorbed"),
    "a column of the years": (SPEC.add("year"), "year", IdentificationError,
        "absorbed"),
    "an unknown column": (SPEC.add("zz"), "zz", ColumnError, "zz"),
    "a category": (
        SPEC.replace(x=["C(h)", "a"]), "C(h)", TermError, "no coefficient named"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_input_has_a_named_error(case: str) -> None:
    spec, term, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        quiet(spec, FRAME, term)


@pytest.mark.parametrize("reps", [98, 0, -1, 2.5, True, "many", None, 10**9])
def test_numbers_of_draws_that_are_none(reps: Any) -> None:
    with pytest.raises(OptionError, match="reps"):
        quiet(SPEC, FRAME, "a", reps=reps)


@pytest.mark.parametrize("level", [0, 1, 95, "high", None])
def test_levels_that_are_none(level: Any) -> None:
    with pytest.raises(OptionError, match="level"):
        quiet(SPEC, FRAME, "a").interval(level)


def test_results_in_place_of_the_specification_are_refused() -> None:
    panel = dp.Panel(FRAME, "i", "t")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.FewClustersWarning)
        results = SPEC.fit(panel)
    with pytest.raises(InputTypeError, match=r"wild_bootstrap\(spec, panel\)"):
        wild_bootstrap(results, panel, "a")


def test_a_bare_frame_is_refused() -> None:
    with pytest.raises(InputTypeError, match="Panel"):
        wild_bootstrap(SPEC, FRAME, "a")


def test_scores_that_add_up_to_zero_are_refused() -> None:
    frame = frame_of(18, 2, 9, holes=0)
    with pytest.raises(IdentificationError, match="no standard error"):
        quiet(FixedEffects("y", ["a"]), frame, "a")
