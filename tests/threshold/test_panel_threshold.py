"""Panel thresholds: outside numbers, brute force, truth, invariances, refusals."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel, PanelThreshold, SpatialWeights, datasets
from digiprosper.errors import (
    BoundaryThresholdWarning,
    CollinearityError,
    ColumnError,
    DigiprosperError,
    FewClustersWarning,
    FewDrawsWarning,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
    SingletonWarning,
    SmallRegimeWarning,
    TermError,
    ThresholdSearchError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hansen1999.csv"
GOLDEN = json.loads(
    (Path(__file__).parents[1] / "reference" / "hansen1999.json").read_text(
        encoding="utf-8"
    )
)
needs_data = pytest.mark.data("hansen1999.csv")
quiet = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")


@pytest.fixture(scope="module")
def firms() -> Panel:
    return Panel(pd.read_csv(DATA), "id", "year")


@pytest.fixture(scope="module")
def provinces() -> tuple[Panel, datasets.Truth]:
    return datasets.simulate_provinces()


HANSEN = PanelThreshold(
    "i",
    "c1",
    "d1",
    ["q1", "q2", "q3", "d1", "qd1"],
    time_effects=False,
    trim=0.01,
    bootstrap=None,
    confidence="lr",
)
RURAL = PanelThreshold(
    "rural_income", "digital", "urban", ["urban", "fiscal", "openness"]
)


def frame(
    seed: int = 0,
    *,
    n: int = 24,
    periods: int = 8,
    holes: float = 0.15,
    jump: float = 1.0,
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    entity, time = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )
    size = entity.size
    df = pd.DataFrame({"i": entity, "t": time + 2000})
    df["q"] = np.round(rng.normal(size=size), 2)
    df["z"] = rng.normal(size=size) + 1
    df["w"] = rng.normal(size=size)
    df["x"] = rng.normal(size=size) + entity
    df["region"] = entity % 5
    effects = rng.normal(size=n)[entity] + rng.normal(size=periods)[time]
    df["y"] = (
        df["x"]
        + df["z"] * (1 + jump * (df["q"] > 0.3))
        + effects
        + rng.normal(size=size)
    )
    return df[(rng.random(size) >= holes) | (time < 2)].reset_index(drop=True)


# --- outside numbers ---


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
@needs_data
def test_hansens_data_under_our_convention(firms: Panel) -> None:
    with pytest.warns(BoundaryThresholdWarning):
        results = HANSEN.replace(n_thresholds=2).fit(firms)
    assert [
        n.data["threshold"] for n in results.diagnostics if n.code == "boundary"
    ] == [2]
    values = {f"S{j}": s for j, s in results.ssr.items()}
    values |= {f"g{j}": g for j, g in results.thresholds["estimate"].items()}
    values |= {f"F{j}": f for j, f in results.thresholds["F"].items()}
    for number in GOLDEN["cases"]["own"]:
        assert values[number["name"]] == pytest.approx(
            number["value"], abs=number["tolerance"]
        ), number
    assert results.df == 7345


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
@needs_data
def test_printed_thresholds_of_wang_give_his_numbers(firms: Panel) -> None:
    spec = HANSEN.replace(
        thresholds=(0.0154, 0.54181), rule="<", df="xthreg", bootstrap="wild_cluster"
    )
    results = spec.fit(firms)
    values = {f"S{j}": s for j, s in results.ssr.items()}
    values |= {f"F{j}": f for j, f in results.thresholds["F"].items()}
    values["below"] = results.regimes.loc[1, "nobs"]
    for number in GOLDEN["cases"]["xthreg"]:
        assert values[number["name"]] == pytest.approx(
            number["value"], abs=number["tolerance"]
        ), number
    assert results.df == 7896
    assert (
        results.thresholds[["p_value", "crit_10", "crit_5", "crit_1"]]
        .isna()
        .all(axis=None)
    )
    assert results.tests.empty
    assert results.rng_entropy is None
    same = spec.replace(thresholds=(0.0154, 0.5418), rule="<=").fit(firms)
    assert same.ssr[2] == pytest.approx(values["S2"], rel=1e-12)


@needs_data
@quiet
def test_grids_are_for_replication_and_lose_fit(firms: Panel) -> None:
    every = HANSEN.fit(firms).ssr[1]
    on_his = HANSEN.replace(grid="hansen").fit(firms)
    on_many = HANSEN.replace(grid=393).fit(firms)
    assert len(on_his.profile()) == 393
    assert len(on_many.profile()) < 393
    assert every <= on_his.ssr[1]
    assert every <= on_many.ssr[1]
    assert set(on_his.profile()["gamma"]) <= set(firms.frame["d1"])


# --- brute force ---


def lstsq_ssr(
    df: pd.DataFrame, columns: list[np.ndarray[Any, Any]], *, effects: list[str]
) -> float:
    parts = [pd.get_dummies(df[e]).to_numpy(float) for e in effects]
    full = np.column_stack([np.ones(len(df)), *parts, *columns])
    full = full / np.linalg.norm(full, axis=0)
    y = df["y"].to_numpy()
    return float(((y - full @ np.linalg.lstsq(full, y, rcond=1e-11)[0]) ** 2).sum())


@quiet
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("effects", [(), ("i",), ("t",), ("i", "t")], ids="+".join)
@pytest.mark.many(1)
def test_fit_equals_a_loop_of_least_squares(
    seed: int, effects: tuple[str, ...]
) -> None:
    df = frame(seed)
    spec = PanelThreshold(
        "y",
        ["z", "w"],
        "q",
        "x",
        entity_effects="i" in effects,
        time_effects="t" in effects,
        regime_intercept=seed % 2 == 1,
        rule="<=" if seed % 3 else "<",
        trim=0.1,
        bootstrap=None,
    )
    results = spec.fit(Panel(df, "i", "t"))
    ones = [np.ones(len(df))] if spec.regime_intercept else []
    z, x = [df["z"].to_numpy(), df["w"].to_numpy(), *ones], df["x"].to_numpy()

    def ssr(g: float) -> float:
        low = (df["q"] <= g if spec.rule == "<=" else df["q"] < g).to_numpy()
        return lstsq_ssr(df, [x, *z[:2], *(c * low for c in z)], effects=list(effects))

    profile = results.profile()
    wanted = np.array([ssr(g) for g in profile["gamma"]])
    null = lstsq_ssr(df, [x, *z[:2]], effects=list(effects))
    np.testing.assert_allclose(profile["ssr"], wanted, atol=1e-9 * null)
    assert results.ssr[0] == pytest.approx(null, rel=1e-9)
    assert results.thresholds.loc[1, "estimate"] == profile["gamma"][wanted.argmin()]
    df_n = len(df) - (df["i"].nunique() if "i" in effects else 1)
    assert results.thresholds.loc[1, "F"] == pytest.approx(
        (null / wanted.min() - 1) * df_n, rel=1e-8
    )
    assert float(results.slopes.resids @ results.slopes.resids) == pytest.approx(
        wanted.min(), rel=1e-9
    )


@quiet
def test_slopes_are_those_of_fixed_effects_on_split_columns() -> None:
    df = frame(3)
    panel = Panel(df, "i", "t")
    spec = PanelThreshold(
        "y",
        "z",
        "q",
        "x",
        thresholds=(0.3, -0.5),
        regime_intercept=True,
        clusters="region",
    )
    results = spec.fit(panel)
    edges = [-np.inf, -0.5, 0.3, np.inf]
    for r in range(3):
        df[f"r{r + 1}"] = ((df["q"] > edges[r]) & (df["q"] <= edges[r + 1])).astype(
            float
        )
        df[f"z{r + 1}"] = df["z"] * df[f"r{r + 1}"]
    plain = FixedEffects(
        "y", ["z1", "z2", "z3", "r1", "r2", "x"], clusters="region"
    ).fit(Panel(df, "i", "t"))
    assert results.slopes.names == (
        "z:regime1",
        "z:regime2",
        "z:regime3",
        "intercept:regime1",
        "intercept:regime2",
        "x",
    )
    np.testing.assert_allclose(
        results.slopes.coefficients, plain.coefficients, rtol=1e-10
    )
    np.testing.assert_allclose(results.slopes.covariance, plain.covariance, rtol=1e-9)
    assert results.regimes["nobs"].tolist() == [
        int(df[f"r{r}"].sum()) for r in (1, 2, 3)
    ]
    assert results.regimes["n_entities"].tolist() == [
        df.loc[df[f"r{r}"] == 1, "i"].nunique() for r in (1, 2, 3)
    ]
    assert results.regimes["lower"].tolist() == edges[:3]
    assert results.regimes["upper"].tolist() == edges[1:]


@quiet
def test_progress_counts_the_draws_and_changes_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = PanelThreshold("y", "z", "q", "x", trim=0.12, n_thresholds=2, reps=20)
    panel = Panel(frame(5, n=14, periods=6), "i", "t")
    shown = spec.fit(panel, rng=11, progress=True)
    assert "40/40" in capsys.readouterr().err
    np.testing.assert_array_equal(
        shown.statistic_draws, spec.fit(panel, rng=11).statistic_draws
    )
    assert capsys.readouterr().err == ""


@quiet
@pytest.mark.further
@pytest.mark.parametrize("draws", [5, pytest.param(20, marks=pytest.mark.weekly)])
def test_draws_equal_explicit_refits_of_the_whole_chain(draws: int) -> None:
    df = frame(5, n=14, periods=6)
    panel = Panel(df, "i", "t")
    spec = PanelThreshold("y", "z", "q", "x", trim=0.12, n_thresholds=2, reps=20)
    results = spec.fit(panel, rng=11)
    plain = spec.replace(bootstrap=None)
    for j in (1, 2):
        # The null of each test, and its residuals, by the linear estimator on split
        # columns.
        null = results.slopes if j > 2 else None
        if j == 1:
            null = FixedEffects("y", ["z", "x"]).fit(panel)
        else:
            first = float(
                plain.replace(n_thresholds=1).fit(panel).thresholds["estimate"].iloc[0]
            )
            null = plain.replace(n_thresholds=1, thresholds=(first,)).fit(panel).slopes
        assert null is not None
        stream = np.random.default_rng(np.random.SeedSequence(11, spawn_key=(0, j - 1)))
        signs = np.where(stream.random((20, df["i"].nunique())) < 0.5, -1.0, 1.0)
        for b in range(draws):
            drawn = null.fitted_values + null.resids * signs[b][df["i"].to_numpy()]
            other = panel.assign(y=drawn)
            statistic = _sequential(plain.replace(n_thresholds=j), other)
            assert results.statistic_draws[0, j - 1, b] == pytest.approx(
                statistic, rel=1e-9
            )


def _sequential(spec: PanelThreshold, panel: Panel) -> float:
    """F of the last threshold, earlier ones found in sequence, not refined."""
    cuts: list[float] = []
    for _ in range(spec.n_thresholds):
        if not cuts:
            one = spec.replace(n_thresholds=1).fit(panel)
            cuts.append(float(one.thresholds["estimate"].iloc[0]))
            ssrs = one.ssr.tolist()
            continue
        values = np.unique(panel.frame["q"])
        q, need = panel.frame["q"].to_numpy(), spec.trim * panel.nobs - 1e-9
        edges = [0, q.size, *((q <= c).sum() for c in cuts)]
        best = np.inf
        for g in values:
            if min(abs((q <= g).sum() - e) for e in edges) < need:
                continue
            given = spec.replace(n_thresholds=1, thresholds=(*cuts, float(g))).fit(
                panel
            )
            best = min(best, float(given.ssr.iloc[-1]))
        ssrs.append(best)
    df = panel.nobs - panel.n_entities
    return float((ssrs[-2] / ssrs[-1] - 1) * df)


# --- a known truth ---


@pytest.mark.further
@quiet
def test_planted_thresholds_are_found() -> None:
    hits = slopes = 0
    for seed in range(12):
        panel, truth = datasets.simulate_provinces(rng=seed)
        results = RURAL.replace(reps=199).fit(panel, rng=seed)
        pieces = results.confidence_set(1)
        hits += pieces[0][0] <= truth.threshold <= pieces[-1][1]
        assert results.thresholds.loc[1, "estimate"] == pytest.approx(
            truth.threshold, abs=1
        )
        assert results.thresholds.loc[1, "p_value"] <= 0.05
        bounds = results.slopes.conf_int()
        low, high = bounds["conf_low"].iloc[:2], bounds["conf_high"].iloc[:2]
        slopes += bool(
            (
                (low <= list(truth.regime_slopes)) & (high >= list(truth.regime_slopes))
            ).all()
        )
    assert hits >= 10
    assert slopes >= 8


@quiet
def test_two_planted_thresholds_are_found_in_any_order() -> None:
    rng = np.random.default_rng(4)
    df = frame(4, n=60, periods=10, jump=0.0)
    df["y"] = (
        df["y"]
        + df["z"] * ((df["q"] > -0.5) * 1.0 - (df["q"] > 0.8) * 2.5)
        + 0.1 * rng.normal(size=len(df))
    )
    results = PanelThreshold("y", "z", "q", "x", n_thresholds=2, reps=199).fit(
        Panel(df, "i", "t"), rng=0
    )
    assert results.thresholds["estimate"].tolist() == pytest.approx(
        [0.8, -0.5], abs=0.05
    )
    assert (results.thresholds["p_value"] == 1 / 200).all()
    assert results.regimes["upper"].tolist()[:2] == sorted(
        results.thresholds["estimate"]
    )


def _autoregression(
    rng: np.random.Generator, n: int, rho: float
) -> np.ndarray[Any, Any]:
    out = rng.normal(size=(n, 10))
    for t in range(1, 10):
        out[:, t] = rho * out[:, t - 1] + np.sqrt(1 - rho**2) * out[:, t]
    return out.ravel()


@quiet
@pytest.mark.montecarlo
@pytest.mark.parametrize("n", [31, 100])
@pytest.mark.parametrize("design", ["iid", "serial", "het", "serial + het"])
def test_size_of_the_bootstraps(
    n: int, design: str, measured: Callable[..., None]
) -> None:
    """Share of 1,000 panels in which a test of no threshold rejects at 5%.

    The panels have no threshold.

    n entities are observed for 10 periods. "serial": the threshold variable, the
    regressor z and the errors have a serial correlation of .8. "het": the standard
    deviation of the errors is sqrt(.25 + .75 z^2). Each test has 199 draws.
    """
    words, panels = ("wild_cluster", "wild_score", "hansen", "iid"), 1000
    spec = PanelThreshold(
        "y",
        "z",
        "q",
        trim=0.1,
        grid=81,
        reps=199,
        time_effects=False,
        bootstrap=words,
        confidence="lr",
    )
    entity, time = np.repeat(np.arange(n), 10), np.tile(np.arange(10), n)
    rho, rejected = 0.8 * ("serial" in design), np.zeros(4)
    for seed in range(panels):
        rng = np.random.default_rng([seed, n, len(design)])
        q, z, u = (_autoregression(rng, n, rho) for _ in range(3))
        y = z + u * (np.sqrt(0.25 + 0.75 * z**2) if "het" in design else 1.0)
        results = spec.fit(
            Panel(
                pd.DataFrame({"i": entity, "t": time, "q": q, "z": z, "y": y}), "i", "t"
            ),
            rng=rng,
        )
        rejected += results.tests["p_value"].to_numpy() <= 0.05
    sizes = dict(zip(words, (rejected / panels).tolist(), strict=True))
    measured("size_of_threshold_tests", {"n": n, "errors": design, **sizes})
    wild, score, entities = sizes["wild_cluster"], sizes["wild_score"], sizes["hansen"]
    assert 0.03 <= wild <= 0.08, wild
    assert 0.03 <= score <= 0.08, score
    assert (entities > 0.15) if "het" in design else (entities < 0.08), entities


# --- invariances ---


@quiet
def test_row_order_and_labels_change_nothing() -> None:
    df = frame(1, holes=0.0)
    spec = PanelThreshold(
        "y",
        "z",
        "q",
        "x",
        n_thresholds=2,
        reps=199,
        bootstrap=("wild_cluster", "hansen", "iid"),
    )
    results = spec.fit(Panel(df, "i", "t"), rng=5)
    mixed = spec.fit(Panel(df.sample(frac=1, random_state=1), "i", "t"), rng=5)
    pd.testing.assert_frame_equal(
        results.thresholds, mixed.thresholds, check_exact=True
    )
    pd.testing.assert_frame_equal(results.tests, mixed.tests, check_exact=True)
    named = df.assign(i=df["i"].map(lambda i: f"city {i:03d}"), t=df["t"] - 1900)
    again = spec.fit(Panel(named, "i", "t"), rng=5)
    pd.testing.assert_frame_equal(results.tests, again.tests, check_exact=True)


@quiet
def test_scales_and_monotone_transforms_change_nothing() -> None:
    df = frame(2)
    spec = PanelThreshold("y", "z", "q", "x", n_thresholds=2, reps=99)
    results = spec.fit(Panel(df, "i", "t"), rng=5)
    other = df.assign(
        q=np.exp(df["q"]),
        z=df["z"] * 1e-4,
        x=df["x"] * 1e5 + 3,
        y=df["y"] * 1e3 + 1e4 * df["i"],
    )
    again = spec.fit(Panel(other, "i", "t"), rng=5)
    np.testing.assert_allclose(
        np.log(again.thresholds["estimate"]), results.thresholds["estimate"], atol=1e-9
    )
    np.testing.assert_allclose(again.tests["F"], results.tests["F"], rtol=1e-7)
    assert again.tests["p_value"].tolist() == results.tests["p_value"].tolist()


@quiet
def test_singletons_leave_and_change_nothing() -> None:
    df = frame(2, n=30)
    spec = PanelThreshold("y", "z", "q", "x", reps=99, time_effects=False)
    results = spec.fit(Panel(df, "i", "t"), rng=5)
    alone = pd.DataFrame(
        {"i": [900, 901], "t": 2001, "q": 0.0, "z": 3.0, "w": 1.0, "x": 1.0, "y": 50.0}
    )
    with pytest.warns(SingletonWarning):
        more = spec.fit(Panel(pd.concat([df, alone]), "i", "t"), rng=5)
    assert [n.data["count"] for n in more.diagnostics if n.code == "singletons"] == [2]
    pd.testing.assert_frame_equal(results.thresholds, more.thresholds)
    assert results.df == more.df


@quiet
def test_seeds_reproduce_and_naming_another_bootstrap_changes_no_draw() -> None:
    panel = Panel(frame(1, holes=0.0), "i", "t")
    spec = PanelThreshold("y", "z", "q", "x", reps=99)
    one = spec.fit(panel, rng=np.random.default_rng(3))
    again = spec.fit(panel, rng=one.rng_entropy)
    np.testing.assert_array_equal(one.statistic_draws, again.statistic_draws)
    both = spec.replace(bootstrap=("hansen", "wild_cluster")).fit(
        panel, rng=one.rng_entropy
    )
    np.testing.assert_array_equal(one.statistic_draws[0], both.statistic_draws[1])
    assert both.thresholds.loc[1, "p_value"] == both.tests["p_value"][0]
    assert spec.fit(panel).rng_entropy != spec.fit(panel).rng_entropy
    assert (
        spec.fit(panel, rng=[1, 2]).statistic_draws
        == spec.fit(panel, rng=[1, 2]).statistic_draws
    ).all()


@quiet
def test_p_is_never_zero(provinces: tuple[Panel, datasets.Truth]) -> None:
    results = RURAL.replace(reps=50).fit(provinces[0], rng=1)
    assert results.thresholds.loc[1, "p_value"] == 1 / 51


# --- the specification is a value ---


def test_specs_are_values() -> None:
    a = PanelThreshold(
        "y",
        ["z"],
        "q",
        ["x"],
        trim=[0.05, 0.1],
        n_thresholds=2,
        bootstrap=["iid", "hansen"],
    )
    b = PanelThreshold(
        "y",
        "z",
        "q",
        "x",
        trim=(0.05, 0.1),
        n_thresholds=2,
        bootstrap=("iid", "hansen"),
    )
    assert a == b
    assert hash(a) == hash(b)
    assert pickle.loads(pickle.dumps(a)) == a
    assert a.add("w").x == ("x", "w")
    assert a.drop("x").x == ()
    assert a.swap("q", "z2").threshold_variable == "z2"
    assert a.terms == ("y", "z", "q", "x")
    assert PanelThreshold("y", "z", "q", thresholds=0.5).thresholds == (0.5,)
    assert a.replace(reps=499).reps == 499


# --- refusals ---

BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"n_thresholds": 0}, "n_thresholds=0"),
    ({"n_thresholds": 1.5}, "n_thresholds=1.5"),
    ({"n_thresholds": True}, "n_thresholds=True"),
    ({"n_thresholds": "many"}, "n_thresholds='many'.*'auto'"),
    ({"n_thresholds": "auto", "trim": (0.1, 0.1)}, "one number.*auto"),
    ({"n_thresholds": "auto", "bootstrap": None}, "auto.*specify a bootstrap"),
    ({"n_thresholds": "auto", "thresholds": (0.5,)}, "omit n_thresholds"),
    ({"search": "global"}, "search='global'.*joint"),
    ({"search": "joint"}, "joint.*n_thresholds=1"),
    ({"search": "joint", "n_thresholds": 2, "trim": (0.1, 0.2)}, "one trim"),
    ({"confidence": "exact"}, "confidence='exact'.*scaled"),
    (
        {"confidence": "bootstrap", "bootstrap": None, "clusters": ("i", "t")},
        "two-way.*confidence='scaled'",
    ),
    ({"min_nobs": 0}, "min_nobs=0"),
    ({"min_entities": -1}, "min_entities=-1"),
    ({"thresholds": ()}, "thresholds="),
    ({"thresholds": (0.5, 0.5)}, "thresholds="),
    ({"thresholds": ("a",)}, "thresholds="),
    ({"thresholds": (float("nan"),)}, "thresholds="),
    ({"thresholds": (0.1, 0.2), "n_thresholds": 3}, "n_thresholds=3"),
    ({"trim": 0}, "trim=0"),
    ({"trim": 0.5}, "trim=0.5"),
    ({"trim": -0.1}, "trim=-0.1"),
    ({"trim": "5%"}, "trim='5%'"),
    ({"trim": (0.05, 0.1)}, "n_thresholds=1"),
    ({"grid": 1}, "grid=1"),
    ({"grid": 0.5}, "grid=0.5"),
    ({"grid": "xthreg"}, "grid='xthreg'"),
    ({"rule": ">="}, "rule='>='"),
    ({"regime_intercept": "yes"}, "regime_intercept='yes'"),
    ({"bootstrap": "wild"}, "use one of 'wild_cluster', 'hansen', 'iid'"),
    ({"bootstrap": ()}, r"bootstrap=\(\)"),
    ({"bootstrap": ("iid", "iid")}, "twice"),
    ({"bootstrap": 5}, "bootstrap=5"),
    ({"reps": 0}, "reps=0"),
    ({"reps": 99.5}, "reps=99.5"),
    ({"level": 95}, "level=95"),
    ({"df": "stata"}, "df='stata'"),
    ({"cov_type": "hc4"}, "cov_type='hc4'"),
    ({"ssc": "stata"}, "ssc='stata'"),
    ({"entity_effects": "id"}, "entity_effects"),
    ({"clusters": ("i", "t")}, "two-way.*bootstrap=None"),
    ({"clusters": ("i",), "cov_type": "robust"}, "clusters"),
]


@pytest.mark.parametrize(("options", "words"), BAD_OPTIONS, ids=lambda v: str(v))
def test_absurd_options_are_refused_by_name(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(OptionError, match=words):
        PanelThreshold("y", "z", "q", "x", **options)


def test_terms_are_checked() -> None:
    with pytest.raises(TermError, match="regime_dependent"):
        PanelThreshold("y", [], "q")
    with pytest.raises(TermError, match="'y' is also in"):
        PanelThreshold("y", "z", "q", ["y"])
    with pytest.raises(TermError, match="'y' is also in"):
        PanelThreshold("y", "z", "y")
    with pytest.raises(InputTypeError, match="threshold_variable"):
        PanelThreshold("y", "z", ["q"])  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match="regime_dependent"):
        PanelThreshold("y", 3, "q")  # type: ignore[arg-type]


def _constant(df: pd.DataFrame) -> pd.DataFrame:
    return df.assign(q=1.0)


BAD_DATA: list[tuple[str, Any, dict[str, Any], type[DigiprosperError], str]] = [
    ("constant q", _constant, {}, ThresholdSearchError, "'q' is constant"),
    (
        "no room",
        None,
        {"trim": 0.4, "n_thresholds": 2},
        ThresholdSearchError,
        "'q'.*trim=0.4.*Lower trim",
    ),
    (
        "binary q",
        lambda df: df.assign(q=1.0 * (df["q"] > 2)),
        {},
        ThresholdSearchError,
        "distinct values",
    ),
    (
        "too many",
        lambda df: df.assign(q=1.0 * (df["q"] > 0)),
        {"n_thresholds": 2},
        ThresholdSearchError,
        "threshold 2",
    ),
    (
        "given outside",
        None,
        {"thresholds": (99.0,)},
        ThresholdSearchError,
        "without rows.*range from",
    ),
    (
        "unknown column",
        None,
        {"threshold_variable": "qq"},
        ColumnError,
        "did you mean 'q'",
    ),
    ("bare power", None, {"x": "x**2"}, TermError, r"I\(x\*\*2\)"),
    (
        "several columns",
        None,
        {"threshold_variable": "C(region)"},
        TermError,
        "threshold_variable",
    ),
    ("text", lambda df: df.assign(q=["a"] * len(df)), {}, InputTypeError, "'q'"),
    (
        "in both",
        None,
        {"x": ("x", "z")},
        CollinearityError,
        "'z' is regime-dependent.*Remove it from x",
    ),
    (
        "multiple",
        lambda df: df.assign(w=2 * df["x"]),
        {"x": ("x", "w")},
        CollinearityError,
        "'w'.*'x'",
    ),
    (
        "multiple of z",
        lambda df: df.assign(w=2 * df["z"]),
        {"x": ("x", "w")},
        CollinearityError,
        "'w'",
    ),
    (
        "two z alike",
        lambda df: df.assign(w=2 * df["z"]),
        {"regime_dependent": ("z", "w")},
        CollinearityError,
        "'w'",
    ),
    (
        "constant z",
        lambda df: df.assign(z=1.0),
        {},
        IdentificationError,
        "'z' is constant",
    ),
    (
        "flat z",
        lambda df: df.assign(z=df["i"] * 1.0),
        {},
        IdentificationError,
        "'z' is absorbed",
    ),
    ("zero z", lambda df: df.assign(z=0.0), {}, IdentificationError, "'z' is constant"),
    (
        "constant y",
        lambda df: df.assign(y=3.0),
        {},
        IdentificationError,
        "'y' is constant",
    ),
    (
        "huge y",
        lambda df: df.assign(y=df["y"] * 1e160),
        {},
        IdentificationError,
        "'y'.*Rescale",
    ),
    (
        "y of the entity",
        lambda df: df.assign(y=df["i"] * 1.0),
        {},
        IdentificationError,
        "'y' does not vary",
    ),
    (
        "constant y, no effects",
        lambda df: df.assign(y=3.0),
        {"entity_effects": False, "time_effects": False, "bootstrap": None},
        IdentificationError,
        "'y' is constant",
    ),
    (
        "constant y, sets drawn",
        lambda df: df.assign(y=3.0),
        {"confidence": "bootstrap"},
        IdentificationError,
        "'y' is constant",
    ),
    (
        "hansen on holes",
        None,
        {"bootstrap": "hansen"},
        OptionError,
        "balanced.*wild_cluster",
    ),
    ("missing q", lambda df: df.assign(q=np.nan), {}, MissingDataError, "no row"),
]


@quiet
@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [c[1:] for c in BAD_DATA],
    ids=[c[0] for c in BAD_DATA],
)
def test_what_cannot_be_searched_is_refused_in_words(
    change: Any, options: dict[str, Any], error: type[DigiprosperError], words: str
) -> None:
    df = frame(1)
    panel = Panel(df if change is None else change(df), "i", "t")
    with pytest.raises(error, match=words):
        PanelThreshold("y", "z", "q", "x", reps=199).replace(**options).fit(panel)


def test_fit_takes_a_panel() -> None:
    with pytest.raises(InputTypeError, match="Panel"):
        PanelThreshold("y", "z", "q").fit(frame())  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match="rng"):
        PanelThreshold("y", "z", "q").fit(Panel(frame(n=50), "i", "t"), rng="seed")


@quiet
def test_two_way_clusters_go_without_a_wild_bootstrap() -> None:
    panel = Panel(frame(1, holes=0.0), "i", "t")
    spec = PanelThreshold("y", "z", "q", "x", clusters=("i", "t"), bootstrap=None)
    assert spec.fit(panel).slopes.clusters == ("i", "t")
    assert spec.replace(bootstrap="hansen", reps=199).fit(panel, rng=1).tests[
        "bootstrap"
    ].tolist() == ["hansen"]
    given = PanelThreshold(
        "y", "z", "q", "x", clusters=("i", "t"), bootstrap=None, thresholds=0.3
    )
    assert given.fit(panel).slopes.n_clusters == (24, 8)


# --- what is worth saying ---


def codes(results: Any) -> set[str]:
    return {n.code for n in results.diagnostics}


def test_a_quiet_fit_issues_nothing() -> None:
    panel = Panel(frame(1, n=60, holes=0.0, jump=2.0), "i", "t")
    results = PanelThreshold("y", "z", "q", "x", reps=199).fit(panel, rng=1)
    assert codes(results) == {"concentration"}
    assert 0 < results.diagnostics[0].data["share"] < 1


@quiet
def test_missing_rows_unbalance_and_few_clusters_are_told() -> None:
    df = frame(1, n=16)
    df.loc[::11, "q"] = np.nan
    spec = PanelThreshold("y", "z", "q", "x", reps=199)
    with pytest.warns(MissingDataWarning), pytest.warns(FewClustersWarning):
        results = spec.fit(Panel(df, "i", "t"), rng=1)
    told = {n.code: n.data for n in results.diagnostics}
    assert set(told["missing_rows"]["by_term"]) == {"q"}
    assert told["very_few_clusters"] == {"clusters": "i", "n_clusters": 16}
    assert (
        told["unbalanced"]["least"]
        < told["unbalanced"]["most"]
        <= told["unbalanced"]["n_times"]
    )


def test_time_invariant_threshold_variables_are_told() -> None:
    df = frame(1, n=60, holes=0.0, jump=0.0)
    df["q"] = df["i"] * 1.0
    df["y"] += df["z"] * (df["q"] > 30)
    with pytest.warns(IdentificationWarning):
        results = PanelThreshold("y", "z", "q", "x", reps=199).fit(
            Panel(df, "i", "t"), rng=1
        )
    assert "constant_threshold_variable" in codes(results)
    assert results.thresholds.loc[1, "estimate"] == pytest.approx(30, abs=2)


@quiet
@pytest.mark.parametrize("term", ["lag(y)", "lag(y, 2)", "previous", "C(half):lag(y)"])
def test_a_lagged_outcome_is_told(term: str) -> None:
    panel = (
        Panel(frame(1, n=60, holes=0.1), "i", "t")
        .lag("y")
        .assign(previous="y_lag1", half="I(i < 30)")
    )
    spec = PanelThreshold("y", "z", "q", ["x", term], reps=199)
    with pytest.warns(IdentificationWarning):
        results = spec.fit(panel, rng=1)
    assert "lagged_outcome" in codes(results)
    assert "lagged_outcome" not in codes(
        spec.replace(x=("x", "lag(w)")).fit(panel, rng=1)
    )
    assert "lagged_outcome" not in codes(
        spec.replace(entity_effects=False).fit(panel, rng=1)
    )


@quiet
def test_sets_at_the_end_and_small_regimes_and_few_draws_are_told() -> None:
    weak = Panel(frame(3, n=60, jump=0.0), "i", "t")
    spec = PanelThreshold("y", "z", "q", "x", reps=99)
    with pytest.warns(BoundaryThresholdWarning), pytest.warns(FewDrawsWarning):
        results = spec.fit(weak, rng=1)
    told = {n.code: n.data for n in results.diagnostics}
    assert told["boundary"]["threshold"] == 1
    assert "lowest" in told["boundary"]["ends"]
    assert told["few_draws"] == {"reps": 99}
    df = frame(3, n=60, jump=0.0)
    df["q"] = np.where(df["i"] < 3, 5 + df["q"].abs(), df["q"])
    with pytest.warns(SmallRegimeWarning):
        small = spec.replace(thresholds=4.9).fit(Panel(df, "i", "t"))
    (data,) = (n.data for n in small.diagnostics if n.code == "small_regime")
    assert (data["regime"], data["n_entities"]) == (2, 3)


@quiet
def test_the_threshold_variable_may_be_regime_dependent() -> None:
    panel = Panel(frame(1, n=60), "i", "t")
    results = PanelThreshold("y", "q", "q", ["x", "z"], reps=199).fit(panel, rng=1)
    assert "possible_kink" in codes(results)


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
@needs_data
def test_bootstraps_that_disagree_are_told(firms: Panel) -> None:
    spec = HANSEN.replace(bootstrap=("wild_cluster", "hansen"), reps=299)
    with pytest.warns(
        IdentificationWarning,
        match=r"threshold 1: the tests disagree at 5%.*The wild bootstraps",
    ):
        results = spec.fit(firms, rng=1)
    p = results.tests.set_index("bootstrap")["p_value"]
    assert p["hansen"] < 0.05 < p["wild_cluster"]


@quiet
def test_numbers_of_numpy_are_numbers() -> None:
    panel = Panel(frame(1), "i", "t")
    plain = PanelThreshold(
        "y", "z", "q", "x", bootstrap=None, n_thresholds=2, trim=0.125
    )
    other = plain.replace(n_thresholds=np.int64(2), trim=np.float32(0.125))
    assert other == plain
    assert other.replace(trim=np.array(0.125)) == plain
    assert other.fit(panel).ssr.tolist() == plain.fit(panel).ssr.tolist()


@quiet
def test_sets_are_drawn_for_thresholds_that_are_searched() -> None:
    with pytest.raises(OptionError, match=r"thresholds=\(0.3,\) are given"):
        PanelThreshold("y", "z", "q", "x", thresholds=(0.3,), confidence="bootstrap")
    few = PanelThreshold(
        "y", "z", "q", "x", confidence="bootstrap", bootstrap=None, reps=9
    )
    assert "few_draws" in codes(few.fit(Panel(frame(1), "i", "t"), rng=1))


@quiet
def test_entities_of_other_years_are_not_exchanged() -> None:
    df = frame(1, holes=0.0)
    df["t"] += df["i"] % 3
    spec = PanelThreshold("y", "z", "q", "x", bootstrap="hansen", reps=99)
    with pytest.raises(OptionError, match="balanced"):
        spec.fit(Panel(df, "i", "t"))
    results = spec.replace(bootstrap=None).fit(Panel(df, "i", "t"))
    assert "unbalanced" in codes(results)


@quiet
def test_a_robust_test_of_many_columns_needs_clusters() -> None:
    spec = PanelThreshold(
        "y", ["z", "w", "I(z * w)"], "q", "x", bootstrap="wild_score", reps=99
    )
    assert "weak_score" in codes(spec.fit(Panel(frame(1), "i", "t"), rng=1))
    assert "weak_score" not in codes(
        spec.replace(regime_dependent="z").fit(Panel(frame(1), "i", "t"), rng=1)
    )
    results = spec.fit(Panel(frame(2, n=2, periods=60, holes=0.0), "i", "t"), rng=1)
    assert not np.isfinite(results.tests.loc[0, "value"])
    assert np.isnan(results.tests.loc[0, "p_value"])
    assert "cannot be tested" in results.summary()


@quiet
@pytest.mark.parametrize("scale", [1e-80, 1e-30, 1e30, 1e60])
def test_the_variance_ratio_has_no_units(scale: float) -> None:
    df = frame(1)
    spec = PanelThreshold("y", "z", "q", "x", bootstrap=None)
    plain = spec.fit(Panel(df, "i", "t")).variance_ratios
    scaled = spec.fit(Panel(df.assign(y=df["y"] * scale), "i", "t")).variance_ratios
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)


@quiet
def test_a_robust_test_has_its_own_statistic() -> None:
    panel = Panel(frame(1), "i", "t")
    spec = PanelThreshold(
        "y", "z", "q", "x", bootstrap=("wild_score", "wild_cluster"), reps=199
    )
    results = spec.fit(panel, rng=2)
    first, second = (results.tests.loc[i] for i in (0, 1))
    assert (first["statistic"], second["statistic"]) == ("score", "F")
    assert 0 < first["value"] <= panel.n_entities
    assert np.isnan(first["F"])
    assert second["value"] == second["F"] == results.thresholds.loc[1, "F"]
    row = results.thresholds.loc[1]
    assert (
        row[["statistic", "value", "p_value", "crit_5"]].tolist()
        == first[["statistic", "value", "p_value", "crit_5"]].tolist()
    )
    assert f"score = {first['value']:.2f}" in results.summary()
    other = spec.replace(bootstrap="wild_cluster").fit(panel, rng=2)
    np.testing.assert_array_equal(other.statistic_draws[0], results.statistic_draws[1])


def test_few_clusters_draw_webbs_weights() -> None:
    df = frame(1, n=60, holes=0.0, jump=2.0)
    spec = PanelThreshold("y", "z", "q", "x", clusters="region", reps=199)
    with pytest.warns(FewClustersWarning):
        results = spec.fit(Panel(df, "i", "t"), rng=1)
    assert "webb" in codes(results)


@quiet
def test_draws_without_room_are_counted() -> None:
    results = PanelThreshold(
        "y", "z", "q", "x", trim=0.3, n_thresholds=2, reps=199
    ).fit(Panel(frame(7, n=40), "i", "t"), rng=1)
    lost = int(np.isnan(results.statistic_draws).sum())
    assert ("lost_draws" in codes(results)) == (lost > 0)
    assert results.thresholds["p_value"].notna().all()


@quiet
def test_a_cross_section_works_without_effects() -> None:
    rng = np.random.default_rng(0)
    df = pd.DataFrame(
        {"i": np.arange(300), "q": rng.normal(size=300), "z": rng.normal(size=300)}
    )
    df["y"] = 2 + df["z"] * (1 + 2 * (df["q"] > 0.4)) + rng.normal(size=300)
    spec = PanelThreshold(
        "y",
        "z",
        "q",
        entity_effects=False,
        time_effects=False,
        cov_type="robust",
        reps=199,
    )
    results = spec.fit(Panel(df, "i"), rng=1)
    assert results.thresholds.loc[1, "estimate"] == pytest.approx(0.4, abs=0.1)
    assert results.thresholds.loc[1, "p_value"] == 1 / 200
    assert results.df == 299
    assert results.slopes.names == ("z:regime1", "z:regime2", "Intercept")
    with pytest.raises(DigiprosperError, match="cross-section"):
        results.regime_by_time()


def test_an_exact_fit_finds_the_threshold_and_rejects() -> None:
    """S is only rounding of either sign: it must not decide F, LR, the verdict."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(30), 8), "year": np.tile(np.arange(8), 30)}
    )
    frame["q"], frame["x"], frame["z"] = rng.normal(size=(3, 240)).round(3)
    frame["y"] = frame["x"] * np.where(frame["q"] <= 0.2, 1.0, 3.0) - frame["z"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = PanelThreshold("y", "x", "q", ["z"], reps=199).fit(
            Panel(frame, "id", "year"), rng=1
        )
    cut = frame.loc[frame["q"] <= 0.2, "q"].max()
    assert (
        results.thresholds.loc[1, ["estimate", "conf_low", "conf_high"]].tolist()
        == [cut] * 3
    )
    assert results.thresholds.loc[1, "F"] > 1e6
    assert results.thresholds.loc[1, "p_value"] == pytest.approx(1 / 200)
    assert (results.ssr >= 0).all()


# --- limits at their edge -------------------------------------------------------------


@pytest.mark.parametrize("trim", [np.nextafter(0, 1), np.nextafter(0.5, 0)])
def test_trim_lies_above_zero_and_below_a_half(trim: float) -> None:
    assert PanelThreshold("y", "z", "q", trim=trim).trim == trim
    for beyond in (0.0, 0.5, (0.1, 0.5), (0.0, 0.1)):
        with pytest.raises(OptionError, match="trim="):
            PanelThreshold("y", "z", "q", trim=beyond, n_thresholds=np.size(beyond))


@pytest.mark.parametrize(
    ("option", "least"), [("grid", 2), ("min_nobs", 1), ("min_entities", 0)]
)
def test_grid_and_least_sizes_of_regimes_begin_at(option: str, least: int) -> None:
    assert getattr(PanelThreshold("y", "z", "q", **{option: least}), option) == least
    with pytest.raises(OptionError, match=f"{option}="):
        PanelThreshold("y", "z", "q", **{option: least - 1})


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.parametrize("entities", [500, 501])
def test_the_robust_test_takes_up_to_500_entities_that_cross_the_clusters(
    entities: int,
) -> None:
    rng = np.random.default_rng(1)
    df = pd.DataFrame(
        {"i": np.repeat(np.arange(entities), 2), "t": np.tile([0, 1], entities)}
    )
    df = df.assign(
        q=rng.normal(size=len(df)),
        z=rng.normal(size=len(df)),
        y=rng.normal(size=len(df)),
    )
    df["region"] = (df["i"] + df["t"]) % 20
    spec = PanelThreshold(
        "y", "z", "q", bootstrap="wild_score", clusters="region", grid=3, reps=1
    )
    if entities == 500:
        assert np.isfinite(spec.fit(Panel(df, "i", "t"), rng=1).statistics).all()
        return
    with pytest.raises(OptionError, match="501 entities"):
        spec.fit(Panel(df, "i", "t"), rng=1)


@quiet
def test_a_column_with_the_name_of_a_term_is_not_that_term() -> None:
    data = frame().rename(columns={"z": "I( x**2 )"})
    spec = PanelThreshold("y", "I( x**2 )", "q", ["I(x**2)"], bootstrap=None)
    assert spec.fit(Panel(data, "i", "t")).slopes.params.index[-1] == "I(x**2)"
    with pytest.raises(CollinearityError, match="regime-dependent and also in x"):
        spec.fit(Panel(frame(), "i", "t"))


def test_four_billion_pairs_of_candidates_and_rows_are_too_many() -> None:
    """Every value but the largest is a candidate.

    One row less would be searched, for minutes.
    """
    n = 63_247
    assert (n - 2) * (n - 1) < 4_000_000_000 < (n - 1) * n
    rng = np.random.default_rng(0)
    df = pd.DataFrame(
        {
            "i": np.arange(n),
            "q": rng.permutation(n),
            "z": rng.normal(size=n),
            "y": rng.normal(size=n),
        }
    )
    spec = PanelThreshold(
        "y",
        "z",
        "q",
        n_thresholds=2,
        search="joint",
        trim=1e-6,
        bootstrap=None,
        entity_effects=False,
        time_effects=False,
    )
    with pytest.raises(OptionError, match="63,246 candidates in 63,247 rows"):
        spec.fit(Panel(df, "i"))


@quiet
def test_spatial_lags_can_be_thresholds_and_slopes() -> None:
    borders = SpatialWeights.from_neighbours(datasets.us_neighbours())
    states = datasets.us_states()
    panel = states.assign(w_unemp=borders.lag("unemp"))
    values = states.frame["unemp"].to_numpy().reshape(len(states.entities), -1)
    by_hand = borders.aligned_to(states.entities).dense @ values
    same = states.assign(w_unemp=lambda _: by_hand.ravel())
    spec = PanelThreshold(
        "log(gsp)", "w_unemp", "w_unemp", ["log(pc)"], bootstrap=None, grid=40
    )
    results, expected = spec.fit(panel), spec.fit(same)
    np.testing.assert_allclose(
        results.thresholds["estimate"], expected.thresholds["estimate"], rtol=1e-12
    )
    np.testing.assert_allclose(results.slopes.params, expected.slopes.params, rtol=1e-9)
