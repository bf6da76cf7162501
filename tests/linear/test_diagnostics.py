"""Remarks on equations: a lag of the outcome, and slopes that rest on few clusters."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import (
    FixedEffects,
    FixedEffectsIV,
    Mediation,
    Panel,
    PanelThreshold,
    PoissonEffects,
)
from digiprosper.errors import (
    CovarianceWarning,
    DigiprosperWarning,
    FewClustersWarning,
    IdentificationWarning,
    Notice,
)
from digiprosper.linear.diagnostics import lost_digits, merge_notices
from tests.linear.test_doubtful_terms import group_panel


def lagged_frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    out = pd.DataFrame(
        {"i": np.repeat(np.arange(60), 9), "t": np.tile(np.arange(9), 60)}
    )
    out = out.assign(x=rng.normal(size=540), w=rng.normal(size=540))
    out["y"] = out["x"] + np.repeat(rng.normal(size=60), 9) + rng.normal(size=540)
    return out.drop(index=rng.choice(540, 40, replace=False))


@pytest.mark.parametrize(
    ("terms", "effects", "columns"),
    [
        (["x", "lag(y)"], {}, ("lag(y)",)),
        (["x", "lag(y, 2)"], {"time_effects": False}, ("lag(y, 2)",)),
        (["x", "previous"], {}, ("previous",)),
        (
            ["x", "lag(y)", "previous", "lag(y, 2)"],
            {"collinear": "drop"},
            ("lag(y)", "previous", "lag(y, 2)"),
        ),
        (["C(g):lag(y)", "x"], {}, ("C(g)[a]:lag(y)", "C(g)[b]:lag(y)")),
        (["x", "lag(y, k=2):w"], {}, ("lag(y, k=2):w",)),
        (
            ["x", "w:C(g):lag(lag(y))"],
            {},
            ("w:C(g)[a]:lag(lag(y))", "w:C(g)[b]:lag(lag(y))"),
        ),
        (
            ["x", "lag(y):w"],
            {"entity_effects": False, "absorb": ("same",)},
            ("lag(y):w",),
        ),
        (
            ["x", "lag(y)"],
            {"entity_effects": False, "absorb": ("i^half",)},
            ("lag(y)",),
        ),
        (["x", "lag(y)"], {"entity_effects": False, "absorb": ("g",)}, ()),
        (["x", "lag(y):w"], {"entity_effects": False}, ()),
        (["x", "lag(x):w", "lag(y, 3):w", "diff(y):w"], {}, ()),
        (["x", "lag(y, 3)"], {}, ()),
        (["x", "lag(x)", "lag(w)"], {}, ()),
        (["x", "lag(y)"], {"entity_effects": False}, ()),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.MissingDataWarning")
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_lag_of_the_outcome_is_said(
    terms: list[str], effects: dict[str, object], columns: tuple[str, ...]
) -> None:
    frame = lagged_frame()
    frame["g"] = np.where(frame["i"] < 30, "a", "b")
    frame = frame.assign(same=frame["i"] + 1000, half=frame["t"] // 5)
    panel = Panel(frame, "i", "t").lag("y").assign(previous="y_lag1")
    spec = FixedEffects("y", terms, **effects)
    if not columns:
        assert "lagged_outcome" not in {n.code for n in spec.fit(panel).diagnostics}
        return
    with pytest.warns(IdentificationWarning):
        fit = spec.fit(panel)
    notice = next(n for n in fit.diagnostics if n.code == "lagged_outcome")
    assert notice.data == {"columns": columns, "periods": fit.nobs / fit.n_entities}


@pytest.mark.parametrize("term", ["log(lag(y)):w", "lag(log(y)):w"])
@pytest.mark.filterwarnings("ignore::digiprosper.errors.MissingDataWarning")
def test_a_logarithm_of_a_lag_is_the_lag_of_a_logarithm(term: str) -> None:
    frame = lagged_frame()
    panel = Panel(frame.assign(y=np.exp(frame["y"])), "i", "t")
    with pytest.warns(IdentificationWarning):
        fit = FixedEffects("log(y)", ["x", term]).fit(panel)
    assert next(n for n in fit.diagnostics if n.code == "lagged_outcome").data[
        "columns"
    ] == (term,)
    level = FixedEffects("y", ["x", term]).fit(panel)
    assert "lagged_outcome" not in {n.code for n in level.diagnostics}


def growing_frame() -> pd.DataFrame:
    frame = lagged_frame().sort_values(["i", "t"])
    level = np.exp(frame["y"] / 10)
    before = level.groupby(frame["i"]).shift()
    return frame.assign(
        v=level,
        **{"log v": np.log(level)},
        percent=(100 * (level / before - 1)).round(2),
        logs=np.log(level / before),
        other=level.groupby(frame["i"]).shift(2),
    )


@pytest.mark.parametrize(
    ("outcome", "level", "unit"),
    [
        ("diff(log(v))", "lag(log(v))", 2),
        ("diff(log(v / w))", "lag(log(v / w))", 2),
        ("diff(v)", "lag(v)", 2),
        ("logs", "log(lag(v))", 2),
        ("logs", "lag(`log v`)", 2),
        ("I(100 * diff(log(v)))", "lag(log(v))", 200),
        ("percent", "lag(log(v))", 200),
        ("I(v / lag(v) - 1)", "lag(log(v))", 2),
        ("diff(log(w))", "lag(log(v))", None),
        ("diff(log(v))", "lag(log(v), 3)", None),
        ("diff(log(v))", "lag(log(w))", None),
        ("diff(log(v))", "other", None),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_growth_on_the_level_before_is_a_lagged_outcome(
    outcome: str, level: str, unit: int | None
) -> None:
    frame = growing_frame()
    panel = Panel(frame.assign(w=frame["w"].abs() + 1), "i", "t")
    spec = FixedEffects(outcome, ["x", level])
    fit = spec.fit(panel)
    actual = [n for n in fit.diagnostics if n.code == "lagged_outcome"]
    if unit is None:
        assert not actual
        return
    (notice,) = actual
    assert notice.data == {"columns": (level,), "periods": fit.nobs / fit.n_entities}
    assert f"-({unit} + slope)" in notice.message
    without = spec.replace(entity_effects=False).fit(panel)
    assert "lagged_outcome" not in {n.code for n in without.diagnostics}


@pytest.mark.filterwarnings("ignore::digiprosper.errors.MissingDataWarning")
def test_growth_on_the_level_has_the_slope_of_the_lag_less_one() -> None:
    panel = Panel(growing_frame()[["i", "t", "v", "x"]], "i", "t")
    with pytest.warns(IdentificationWarning, match="looks like convergence"):
        growth = FixedEffects("diff(log(v))", ["x", "lag(log(v))"]).fit(panel)
    with pytest.warns(IdentificationWarning, match="is the lag of the outcome"):
        level = FixedEffects("log(v)", ["x", "lag(log(v))"]).fit(panel)
    change = level.params - growth.params
    assert change.to_numpy() == pytest.approx([0, 1], abs=1e-9)


def stocks_frame(seed: int) -> pd.DataFrame:
    """Counts of 80 firms that do not depend on earlier counts, and their stocks."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(np.exp(rng.normal(0.5, 1, 80))[:, None], (80, 8))
    stock = np.zeros((80, 8))
    for year in range(8):
        stock[:, year] = 0.85 * stock[:, year - 1] * (year > 0) + counts[:, year]
    i, t = np.indices(stock.shape)
    columns = {
        "i": i,
        "t": t,
        "y": counts,
        "stock": stock,
        "x": rng.normal(size=(80, 8)),
    }
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    before = frame.groupby("i")["stock"].shift()
    return frame.assign(
        ln_y=np.log1p(frame["y"]),
        ln_stock_1=np.log1p(before).astype("float32"),
        of_x=frame.groupby("i")["x"].cumsum(),
        twice=2 * frame["y"],
    )


@pytest.mark.parametrize("spec", [FixedEffects, PoissonEffects])
@pytest.mark.parametrize("y", ["y", "ln_y", "log1p(y)", "log(y + 1)"])
@pytest.mark.parametrize(
    ("term", "reported"),
    [
        ("lag(stock)", True),
        ("stock", True),
        ("log1p(lag(stock))", True),
        ("ln_stock_1", True),
        ("lag(y)", True),
        ("log1p(lag(y))", True),
        ("lag(twice)", True),
        ("x", False),
        ("of_x", False),
        ("lag(of_x)", False),
        ("twice", False),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_stocks_of_the_outcome_are_lagged_outcomes(spec, y, term, reported) -> None:
    fit = spec(y, ["x", term] if term != "x" else ["x"]).fit(
        Panel(stocks_frame(0), "i", "t")
    )
    columns = [n.data["columns"] for n in fit.diagnostics if n.code == "lagged_outcome"]
    assert columns == [(term,)] * reported


@pytest.mark.parametrize("event", [0, 1])
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_ages_are_no_stocks_of_an_outcome_that_hardly_changes(event) -> None:
    frame = stocks_frame(0).assign(age=lambda f: f["t"] + 3.0 + f["i"] % 7)
    # In the first 60 firms nothing happens.
    rare = np.where(frame["i"] > 60, frame["y"] > 3, 0)
    frame["y"] = 1 - rare if event == 0 else rare
    spec = FixedEffects("y", ["x", "age"], time_effects=False)
    codes = [n.code for n in spec.fit(Panel(frame, "i", "t")).diagnostics]
    assert "lagged_outcome" not in codes


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_the_slope_of_a_stock_of_earlier_outcomes_is_biased() -> None:
    slopes = [
        spec(y, ["log1p(lag(stock))"])
        .fit(Panel(stocks_frame(seed), "i", "t"))
        .params["log1p(lag(stock))"]
        for seed in range(20)
        for spec, y in ((FixedEffects, "ln_y"), (PoissonEffects, "y"))
    ]
    for mean in np.mean(np.reshape(slopes, (20, 2)), axis=0):
        assert mean < -0.1


@pytest.mark.parametrize("first", [(0, 1, 2), (0, 2, 3), (0, 3, 4), (1, 2, 4)])
@pytest.mark.parametrize("lag", [1, 2])
@pytest.mark.filterwarnings("ignore::digiprosper.errors.MissingDataWarning")
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_column_with_the_lag_is_said_whatever_the_first_periods(
    first: tuple[int, ...], lag: int
) -> None:
    frame = lagged_frame()
    frame = frame[(frame["i"] > 0) | frame["t"].isin(first)]
    later = frame[["i", "t", "y"]].assign(t=frame["t"] + lag)
    frame = frame.merge(later, how="left", on=["i", "t"], suffixes=("", "_before"))
    # Where the lag is not known anything may stand.
    frame["y_before"] = frame["y_before"].fillna(frame["w"])
    spec = FixedEffects("y", ["x", "y_before"])
    with pytest.warns(IdentificationWarning):
        fit = spec.fit(Panel(frame, "i", "t"))
    notice = next(n for n in fit.diagnostics if n.code == "lagged_outcome")
    assert notice.data["columns"] == ("y_before",)


def treated_frame(treated: int, entities: int = 50) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    out = pd.DataFrame(
        {"i": np.repeat(np.arange(entities), 8), "t": np.tile(np.arange(8), entities)}
    )
    out["d"] = ((out["i"] < treated) & (out["t"] >= 4)).astype(float)
    out["region"] = out["i"] // 5
    return out.assign(x=rng.normal(size=len(out)), y=rng.normal(size=len(out)))


def few_treated_notices(spec: FixedEffects, data: pd.DataFrame) -> list[Notice]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewClustersWarning)
        # One of the clusters may have much of the weights, too.
        warnings.simplefilter("ignore", CovarianceWarning)
        return [
            n
            for n in spec.fit(Panel(data, "i", "t")).diagnostics
            if n.code == "few_treated"
        ]


def test_few_treated_entities_are_said_with_their_shares() -> None:
    spec = FixedEffects("y", ["x", "d"])
    with pytest.warns(FewClustersWarning):
        spec.fit(Panel(treated_frame(2), "i", "t"))
    (notice,) = few_treated_notices(spec, treated_frame(2))
    assert (notice.data["clusters"], notice.data["n_clusters"]) == ("i", 50)
    (term,) = notice.data["terms"]
    told = notice.data["terms"][term]
    assert term == "d"
    # x is net of d only nearly: the closed form is that of a regression on d alone.
    assert told["effective"] == pytest.approx(
        1 / (0.96**2 / 2 + 0.04**2 / 48), rel=0.02
    )
    assert set(told["largest"]) == {0, 1}
    assert told["share"] == pytest.approx(0.96, abs=0.01)
    assert told["share"] == pytest.approx(sum(told["largest"].values()))


@pytest.mark.parametrize(
    ("spec", "warned"),
    [
        (FixedEffects("y", ["few", "x"]), True),
        (FixedEffects("y", ["x", "few"]), False),
        # A term with a variable of the first regressor is part of the same question.
        (FixedEffects("y", ["x", "x:few"]), True),
        # A column of two values may be a treatment.
        (FixedEffects("y", ["x", "d"]), True),
        (FixedEffectsIV("y", ["few"], ["x"], ["z"]), False),
        (FixedEffectsIV("y", ["x"], ["few"], ["z_few"]), True),
        (Mediation("y", "x", ["m"], x=["few"], reps=200), False),
        (Mediation("y", "x", ["few"], reps=200), True),
    ],
)
def test_a_control_that_depends_on_few_clusters_is_no_warning(
    spec: FixedEffects | FixedEffectsIV | Mediation, warned: bool
) -> None:
    rng = np.random.default_rng(3)
    data = treated_frame(2)
    data["few"] = data["d"] * rng.uniform(1, 2, size=len(data))
    data["z_few"] = data["few"] + data["d"] * rng.normal(size=len(data))
    data["z"] = data["few"] + data["x"] + 0.5 * rng.normal(size=len(data))
    data["m"] = data["x"] + rng.normal(size=len(data))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = spec.fit(Panel(data, "i", "t"))
    (notice,) = (n for n in fit.diagnostics if n.code == "few_treated")
    assert notice.data["only_controls"] is not warned
    assert any("few clusters" in str(w.message) for w in caught) is warned


def test_terms_of_interest_are_described_first() -> None:
    rng = np.random.default_rng(3)
    data = treated_frame(2)
    data["few"] = data["d"] * rng.uniform(1, 2, size=len(data))
    (notice,) = few_treated_notices(FixedEffects("y", ["x", "few", "d"]), data)
    assert list(notice.data["terms"]) == ["d", "few"]
    assert "that of 'd' on" in notice.message


@pytest.mark.parametrize(
    ("spec", "treated"),
    [
        (FixedEffects("y", ["x", "d"]), 25),
        (FixedEffects("y", ["x", "d"]), 10),
        (FixedEffects("y", ["x"]), 2),
        (FixedEffects("y", ["x", "d"], cov_type="robust"), 2),
        (FixedEffects("y", ["x", "d"], cov_type="driscoll_kraay", bandwidth=2), 2),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.CovarianceWarning")
def test_many_carriers_and_other_errors_are_not_remarked_on(
    spec: FixedEffects, treated: int
) -> None:
    assert few_treated_notices(spec, treated_frame(treated)) == []


def test_each_dimension_of_the_clusters_is_counted() -> None:
    """Two entities are one region."""
    data = treated_frame(2).assign(
        d=lambda f: ((f["i"] < 2) & (f["t"] == 4)).astype(float)
    )
    notices = few_treated_notices(
        FixedEffects("y", ["d"], clusters=("region", "t")), data
    )
    assert [n.data["clusters"] for n in notices] == ["region", "t"]
    assert all(n.data["terms"]["d"]["effective"] < 1.5 for n in notices)


@pytest.mark.filterwarnings("ignore:all i with the same .region.")
def test_weights_count_in_the_shares() -> None:
    data = treated_frame(25).assign(
        w=lambda f: np.where(f["i"].isin([3, 40]), 1000.0, 1.0)
    )
    (notice,) = few_treated_notices(FixedEffects("y", ["d"], obs_weights="w"), data)
    assert set(notice.data["terms"]["d"]["largest"]) == {3, 40}


def test_what_several_equations_say_is_said_once() -> None:
    def few(clusters: str, **terms: float) -> Notice:
        data = {
            t: {"effective": v, "share": 0.9, "largest": {1: 0.9}}
            for t, v in terms.items()
        }
        return Notice(
            "few_treated", "", {"clusters": clusters, "n_clusters": 30, "terms": data}
        )

    other = Notice("few_clusters", "30 clusters")
    actual = merge_notices(
        [other, few("i", d=2.0), other, few("i", x=3.0, d=2.5), few("t", d=1.5)]
    )
    assert [n.code for n in actual] == ["few_clusters", "few_treated", "few_treated"]
    assert {t: v["effective"] for t, v in actual[1].data["terms"].items()} == {
        "d": 2.0,
        "x": 3.0,
    }
    assert actual[2].data["clusters"] == "t"


def split_frame() -> pd.DataFrame:
    """Two entities alone move between the regimes of q, and two others are treated."""
    data = treated_frame(2)
    rng = np.random.default_rng(5)
    data["q"] = data["i"] / 50 + np.where(
        data["i"].isin([20, 30]), 0.4 * (data["t"] % 2), 0.0
    )
    return data.assign(m=data["x"] + rng.normal(size=len(data)))


@pytest.mark.parametrize(
    "spec",
    [
        PanelThreshold(
            "y",
            ["x"],
            "q",
            x=["d"],
            thresholds=[0.7],
            regime_intercept=True,
            bootstrap=None,
        ),
        Mediation("y", "x", "m", x=["d"], threshold=("q", 0.7), reps=20),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_columns_of_the_model_itself_are_not_remarked_on(
    spec: PanelThreshold | Mediation,
) -> None:
    data = split_frame()
    fit = spec.fit(Panel(data, "i", "t"))
    (notice,) = (n for n in fit.diagnostics if n.code == "few_treated")
    assert set(notice.data["terms"]) == {"d"}
    # The same dummy as a user's own column is.
    own = data.assign(own=(data["q"] <= 0.7).astype(float))
    (notice,) = few_treated_notices(FixedEffects("y", ["x", "d", "own"]), own)
    assert set(notice.data["terms"]) == {"d", "own"}


@pytest.mark.parametrize("effects", [True, False])
@pytest.mark.parametrize(
    ("terms", "mean", "lost"),
    [
        (["x", "I(x**2)"], 3e4, ()),
        (["x", "I(x**2)"], 1e6, ("I(x**2)",)),
        (["x", "z", "x:z"], 1e6, ("x:z",)),
        (["x", "I(x**2)", "I(x**3)"], 1e4, ("I(x**2)", "I(x**3)")),
        (["x", "z"], 1e9, ()),
        (["x", "log(z)"], 1e4, ()),
    ],
)
def test_terms_that_rounding_leaves_few_digits_are_said(
    effects: bool, terms: list[str], mean: float, lost: tuple[str, ...]
) -> None:
    data = treated_frame(25).assign(
        x=lambda f: f["x"] + mean, z=lambda f: mean + f["d"] + f["y"] ** 2
    )
    spec = FixedEffects("y", terms, entity_effects=effects, time_effects=effects)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = spec.fit(Panel(data, "i", "t"))
    actual = [
        n
        for n in fit.diagnostics
        if n.code == "near_collinear" and n.data["measure"] == "rounding"
    ]
    assert [n.data["columns"] for n in actual] == ([lost] if lost else [])


@pytest.mark.parametrize(
    ("groups", "carriers", "effective", "code"),
    [
        (40, 6, 6.95, "few_treated"),
        (40, 7, 7.05, "few_effective_clusters"),
        (40, 9, 9.95, "few_effective_clusters"),
        (40, 10, 10.05, None),
        (10, 4, 4.95, "few_treated"),
        (10, 5, 5.05, None),
    ],
)
def test_few_effective_clusters_are_fewer_than_ten_and_than_half_of_the_clusters(
    groups: int, carriers: int, effective: float, code: str | None
) -> None:
    # One cluster more carries a share s of what each of the others does: (k + s)^2 /
    # (k + s^2) are effective.
    k, g = carriers, effective
    share = (k - np.sqrt(k**2 - (g - 1) * (g - k) * k)) / (g - 1)
    size = np.zeros(groups)
    size[:k], size[k] = 1.0, np.sqrt(share)
    data = pd.DataFrame(
        {"i": np.repeat(np.arange(groups), 4), "t": np.tile(np.arange(4), groups)}
    )
    data["x"] = np.repeat(size, 4) * np.tile([1.0, -1.0, -1.0, 1.0], groups)
    data["y"] = np.random.default_rng(3).normal(size=len(data))
    panel, spec = Panel(data, "i", "t"), FixedEffects("y", ["x"], time_effects=False)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        diagnostics = spec.fit(panel).diagnostics
    is_warned = any("few clusters" in str(warning.message) for warning in warned)
    assert is_warned is (code == "few_treated")
    actual = [n for n in diagnostics if "effective" in n.message]
    assert [n.code for n in actual] == ([code] if code else [])
    if code:
        assert actual[0].data["terms"]["x"]["effective"] == pytest.approx(g)
    if code == "few_effective_clusters":
        others = spec.replace(cov_type="cr2").fit(panel).diagnostics
        assert code not in {n.code for n in others}


def test_no_more_than_two_periods_back_is_a_lag_of_the_outcome() -> None:
    data = lagged_frame().sort_values(["i", "t"])
    for k in (1, 2, 3):
        earlier = (
            data[["i", "t", "y"]]
            .assign(t=data["t"] + k)
            .rename(columns={"y": f"back{k}"})
        )
        data = data.merge(earlier, on=["i", "t"], how="left")
    panel = Panel(data, "i", "t")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        results = FixedEffects("y", ["back1", "back2", "back3"]).fit(panel).diagnostics
    (notice,) = [n for n in results if n.code == "lagged_outcome"]
    assert notice.data["columns"] == ("back1", "back2")


def test_products_are_said_to_lose_digits_where_fewer_than_six_are_left() -> None:
    """Farther and farther from zero.

    The first of which it is said has just passed one in a million.
    """
    rng = np.random.default_rng(8)
    data = pd.DataFrame(
        {"i": np.repeat(np.arange(30), 5), "t": np.tile(np.arange(5), 30)}
    )
    data = data.assign(x=rng.normal(size=150), y=rng.normal(size=150))

    def rounding(mean: float) -> list[float]:
        panel = Panel(data.assign(x=data["x"] + mean), "i", "t")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DigiprosperWarning)
            results = FixedEffects("y", ["I(x**2)"]).fit(panel).diagnostics
        return [
            n.data["value"]
            for n in results
            if n.code == "near_collinear" and n.data["measure"] == "rounding"
        ]

    said = [rounding(mean) for mean in 6e9 * 1.03 ** np.arange(20)]
    first = next(i for i, results in enumerate(said) if results)
    assert first > 0
    assert 1e-6 < said[first][0] < 1.1e-6


def test_the_lost_digits_are_those_of_the_terms_that_are_named() -> None:
    moments = np.array([[100, 1e14, 1.0, 1e14, 1e14], [100, 1e12, 1.0, 1e12, 1e12]])
    (notice,) = lost_digits(["z", "I(x**2)"], moments, np.diag([0.01, 0.01]))
    assert notice.data["columns"] == ("I(x**2)",)
    assert notice.data["value"] == pytest.approx(np.finfo(float).eps * 1e12)


@pytest.mark.parametrize(
    ("outcome", "reported"),
    [
        ("log(y + 1)", True),
        ("log(1 + y)", True),
        ("log1p(y)", True),
        ("log(I(y + 1))", True),
        ("log(y + 0.01)", True),
        ("y", False),
        ("log(positive)", False),
        ("log1p(positive)", False),
        ("log1p(share)", False),
        ("log1p(change)", False),
        ("log1p(flow)", True),
        ("sqrt(y)", False),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_the_log_of_counts_with_zeros_is_reported(outcome: str, reported: bool) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(30), 6), "t": np.tile(np.arange(6), 30)}
    ).assign(x=rng.normal(size=180), y=rng.poisson(1.0, 180))
    frame = frame.assign(
        positive=frame.y + 1,
        share=frame.y / 50,
        change=frame.y - 0.25,
        flow=frame.y * 1.37,
    )
    fit = FixedEffects(outcome, ["x"]).fit(Panel(frame, "i", "t"))
    actual = [n for n in fit.diagnostics if n.code == "shifted_log"]
    assert bool(actual) is reported
    if reported:
        assert actual[0].data["zeros"] == (frame.y == 0).sum()
        assert "PoissonEffects" in actual[0].message


# --- treatments that start in different periods ---------------------------------------


def adoption_panel() -> Panel:
    """Make 30 entities in 8 periods; effects of the treatment grow with time."""
    rng = np.random.default_rng(5)
    i, t = np.repeat(np.arange(30), 8), np.tile(np.arange(2010, 2018), 30)
    first = np.array([2013.0, 2015.0, np.nan])[i % 3]
    everyone = np.array([2013.0, 2015.0, 2016.0])[i % 3]
    frame = pd.DataFrame(
        {
            "i": i,
            "t": t,
            "first": first,
            "single": np.where(i % 3 == 0, 2014.0, np.nan),
            "on": (t >= first).astype(float),
            "everyone": (t >= everyone).astype(float),
            "from_start": (t >= np.array([2010, 2014, 2099])[i % 3]).astype(float),
            "ends": ((t >= first) & (t < first + 2)).astype(float),
            "share": (t >= first) * 0.5,
            # Months of the first year, of 12
            "part": np.where(t == first, (1 + i % 12) / 12, t >= first),
            "twice": np.where(t < first + 2, (t >= first) * 0.5, t >= first),
            "x": rng.normal(size=240),
            "z": rng.normal(size=240),
        }
    )
    growing = np.where(frame["on"] == 1, t - np.nan_to_num(first) + 1, 0)
    frame["y"] = growing + rng.normal(size=240)
    frame["n"] = rng.poisson(np.exp(1 + 0.2 * frame["on"]))
    return Panel(frame, "i", "t")


def staggered(results) -> list[Notice]:
    return [n for n in results.diagnostics if n.code == "staggered_treatment"]


@pytest.mark.parametrize(
    ("spec", "terms", "event", "advised"),
    [
        (FixedEffects("y", ["x", "on"]), ("on",), "on", "StaggeredDid Fixed"),
        (
            FixedEffects("y", ["treated(first)"]),
            ("treated(first)",),
            "first",
            "StaggeredDid Fixed",
        ),
        (
            FixedEffects.from_formula("y ~ on + x | i + t", where="t > 2011"),
            ("on",),
            "on",
            "StaggeredDid Fixed",
        ),
        (
            FixedEffects("y", ["everyone", "on"]),
            ("everyone", "on"),
            "everyone",
            "StaggeredDid Fixed",
        ),
        (FixedEffects("y", ["lag(on)"]), ("lag(on)",), None, "Fixed"),
        (FixedEffects("y", ["part"]), ("part",), None, ""),
        (
            dp.PanelSpatial(
                "y", ["on"], dp.SpatialWeights(np.eye(30)[::-1], range(30))
            ),
            ("on",),
            "on",
            "StaggeredDid",
        ),
        (dp.Mediation("y", "on", "x", reps=99), ("on",), "on", "StaggeredDid"),
        (
            FixedEffectsIV("y", ["x"], ["on"], ["z", "everyone"]),
            ("on", "everyone"),
            "on",
            "StaggeredDid",
        ),
        (dp.PoissonEffects("n", ["on"]), ("on",), "on", ""),
    ],
)
def test_treatments_that_start_in_different_periods_are_reported_with_what_to_compare(
    spec, terms, event, advised
) -> None:
    panel = adoption_panel()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        warnings.simplefilter("error", IdentificationWarning)
        (notice,) = staggered(spec.fit(panel))
        assert notice.data == {"terms": terms, "event": event}
        # What it advises runs as it is printed.
        pieces = r"dp\.StaggeredDid\('.*?\)|dp\.FixedEffects\(.*?\)(?=,)"
        printed = re.findall(pieces, notice.message)
        models = [eval(text, {"dp": dp}) for text in printed if ", event" not in text]
        names = [type(model).__name__ for model in models]
        assert [n.removesuffix("Effects") for n in names] == advised.split()
        for model in models:
            if isinstance(model, FixedEffects):
                parts = dp.bacon_decomposition(model, panel)
                assert (parts["comparison"] == "later vs earlier").any()
            else:
                assert model.fit(panel).nobs <= panel.nobs


def test_a_two_way_slope_is_far_below_the_average_of_growing_effects() -> None:
    panel = adoption_panel()
    fit = FixedEffects("y", ["on"]).fit(panel)
    effects = dp.StaggeredDid("y", "first", aggregate="simple").fit(panel)
    assert fit.params["on"] < effects.params["att"] - 0.5


@pytest.mark.parametrize(
    "spec",
    [
        FixedEffects("y", ["treated(single)", "x"]),
        FixedEffects("y", ["ends", "x"]),
        FixedEffects("y", ["share"]),
        FixedEffects("y", ["twice"]),
        FixedEffects("y", ["on:x"]),
        FixedEffects("y", ["on"], time_effects=False),
        FixedEffects("y", ["on"], where="first != 2015"),
        dp.EventStudy("y", "first", before=3, after=2),
        dp.StaggeredDid("y", "on", estimator="sun_abraham"),
        dp.StaggeredDid("y", "on"),
    ],
)
def test_other_regressors_and_models_are_not_staggered(spec) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        assert not staggered(spec.fit(adoption_panel()))


def test_entities_treated_from_the_start_are_a_cohort_and_left_out_of_the_advice() -> (
    None
):
    panel = adoption_panel()
    (notice,) = staggered(FixedEffects("y", ["from_start"]).fit(panel))
    assert "without always-treated entities" in notice.message
    others = panel.subset("i % 3 != 0")
    assert not staggered(FixedEffects("y", ["from_start"]).fit(others))
    assert dp.StaggeredDid("y", "from_start").fit(others).nobs == 160


def test_rows_missing_before_the_start_of_a_single_cohort_make_no_second() -> None:
    panel = adoption_panel()
    late = panel.subset("i != 3 or t > 2015").subset("i != 6 or t != 2014")
    assert not staggered(FixedEffects("y", ["treated(single)"]).fit(late))


def homes(seed: int = 0, *, shocks: float = 0.3) -> pd.DataFrame:
    """20 households in each of 20 provinces in four waves; `index` is of provinces."""
    rng = np.random.default_rng(seed)
    out = pd.DataFrame(
        {"home": np.repeat(np.arange(400), 4), "wave": np.tile([12, 14, 16, 18], 400)}
    )
    province, wave = out["home"].to_numpy() // 20, np.tile(np.arange(4), 400)
    index = np.cumsum(rng.uniform(size=(20, 4)), axis=1)
    out = out.assign(
        province=province,
        county=out["home"] // 5,
        index=index[province, wave],
        own=rng.normal(size=1600),
        schooling=np.repeat(rng.normal(size=400), 4),
        age=np.repeat(rng.integers(20, 60, 400), 4) + np.tile([0, 2, 4, 6], 400),
        shop=rng.integers(0, 2, 1600),
    )
    shock = shocks * np.cumsum(rng.normal(size=(20, 4)), axis=1)
    error = shock[province, wave] + rng.normal(size=1600)
    return out.assign(y=0.5 * out["index"] + error, goods=rng.poisson(2, 1600))


def shared(fit: object) -> list[dict[str, object]]:
    notices = fit.diagnostics  # type: ignore[attr-defined]
    return [dict(n.data) for n in notices if n.code == "shared_values"]


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_values_of_provinces_are_reported_if_households_are_the_clusters() -> None:
    panel = Panel(homes(), "home", "wave", step=2)
    spec = FixedEffects("y", ["index", "own"])
    with pytest.warns(CovarianceWarning, match="20 different values for 400 clusters"):
        fit = spec.fit(panel)
    expected = {"clusters": ("home",), "terms": {"index": 20}, "n_clusters": 400}
    assert shared(fit) == [expected]
    assert shared(spec.replace(clusters="county").fit(panel))[0]["n_clusters"] == 80
    for clusters in ("province", ["province", "wave"]):
        assert not shared(spec.replace(clusters=clusters).fit(panel))
    assert not shared(spec.replace(cov_type="unadjusted").fit(panel))
    lagged = spec.swap("index", "lag(index)").fit(panel)
    assert shared(lagged)[0]["terms"] == {"lag(index)": 20}


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.parametrize("regressors", [["own"], ["goods", "own"], ["index", "own"]])
def test_an_outcome_of_provinces_is_reported_as_a_regressor_is(regressors) -> None:
    data = homes(shocks=1.0)
    # As the profit of a firm beside each of its directors
    data["y"] = data.groupby(["province", "wave"])["y"].transform("mean")
    panel = Panel(data, "home", "wave", step=2)
    spec = FixedEffects("y", regressors)
    terms = {"y": 20} | ({"index": 20} if "index" in regressors else {})
    assert shared(spec.fit(panel))[0]["terms"] == terms
    assert not shared(spec.replace(clusters="province").fit(panel))
    # Controls of provinces are in every survey.
    others = FixedEffects("own", ["goods", "index"]).fit(panel)
    assert not shared(others)


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_national_variable_is_reported_and_needs_clusters_of_periods() -> None:
    national = np.random.default_rng(1).normal(size=4)
    data = homes().assign(national=np.tile(national, 400))
    panel = Panel(data, "home", "wave", step=2)
    spec = FixedEffects("y", ["national"], time_effects=False)
    with pytest.warns(CovarianceWarning, match="one value for 400 clusters"):
        fit = spec.fit(panel)
    assert shared(fit)[0]["terms"] == {"national": 1}
    (text,) = [n.message for n in fit.diagnostics if n.code == "shared_values"]
    assert "only time changes it" in text
    assert "regions" not in text
    assert not shared(spec.replace(clusters=["home", "wave"]).fit(panel))


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_dummy_of_later_years_is_reported_and_one_of_entities_is_not() -> None:
    panel = Panel(homes(), "home", "wave", step=2)
    waves = panel.frame.index.get_level_values("wave")
    late = (waves > waves.min() + 2) * 1
    treated = panel.frame.index.get_level_values("home") % 2 == 0
    panel = panel.assign(post=lambda _: late, did=lambda _: late * treated)
    spec = FixedEffects("y", ["post"], time_effects=False)
    assert shared(spec.fit(panel))[0]["terms"] == {"post": 1}
    assert not shared(spec.swap("post", "did").fit(panel))
    assert not shared(spec.swap("post", "did").add("post").fit(panel))


@pytest.mark.further
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_trend_needs_clusters_of_periods_if_shocks_are_common() -> None:
    """A trend is no mistake, but entities do not average out shocks of a period."""
    rng = np.random.default_rng(3)
    i, t = np.repeat(np.arange(31), 25), np.tile(np.arange(1, 26), 31)
    covered = {"i": 0, "t": 0}
    for _ in range(100):
        shock = 0.3 * rng.normal(size=26)
        y = 0.3 * np.log(t) + shock[t] + rng.normal(size=775)
        panel = Panel(pd.DataFrame({"i": i, "t": t, "y": y}).assign(k=t), "i", "t")
        for clusters in covered:
            spec = FixedEffects("y", ["log(k)"], time_effects=False, clusters=clusters)
            fit = spec.fit(panel)
            assert bool(shared(fit)) == (clusters == "i")
            low, high = fit.conf_int().loc["log(k)"]
            covered[clusters] += low <= 0.3 <= high
    assert covered["i"] < 80
    assert covered["t"] >= 90


@pytest.mark.parametrize(
    "terms", [["own", "index"], ["log(age)", "age:own"], ["shop"], ["I(age**2)"]]
)
def test_values_that_households_share_by_chance_are_not_reported(
    terms: list[str],
) -> None:
    panel = Panel(homes().assign(age=lambda f: f["age"] + f["shop"]), "home", "wave")
    assert not shared(FixedEffects("y", terms).fit(panel))


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.parametrize("term", ["log(age)", "age2", "tenure", "rating"])
def test_functions_of_age_and_values_that_hardly_change_are_not_reported(
    term: str,
) -> None:
    later = homes()["home"].isin([3, 9, 40]) & (homes()["wave"] > 14)
    data = homes().assign(
        age2=lambda f: f["age"] ** 2 / 100,
        tenure=lambda f: (f["age"] - 19) / 12,
        # Three homes of the same rating rise together, and no other changes.
        rating=lambda f: 1.5 + f["home"] % 7 * ~f["home"].isin([3, 9, 40]) + later,
    )
    for rows in (data, data[np.random.default_rng(1).random(1600) > 0.2]):
        panel = Panel(rows, "home", "wave", step=2)
        spec = FixedEffects("y", [term], time_effects=False)
        assert not shared(spec.fit(panel))


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_some_households_may_move_and_some_waves_be_missing() -> None:
    rng = np.random.default_rng(1)
    data = homes()
    moved = data.assign(province=data["province"].where(data["home"] % 25 > 0, 3))
    late = moved["wave"] > 14
    of_province = data.drop_duplicates(["province", "wave"]).set_index(
        ["province", "wave"]
    )["index"]
    keys = pd.MultiIndex.from_frame(moved[["province", "wave"]])
    moved["index"] = np.where(late, of_province.reindex(keys), data["index"])
    rows = moved[rng.uniform(size=len(moved)) < 0.8]
    fit = FixedEffects("y", ["index"]).fit(Panel(rows, "home", "wave", step=2))
    assert shared(fit)[0]["terms"] == {"index": 20}
    random = rows.assign(index=rng.permutation(rows["index"]))
    assert not shared(FixedEffects("y", ["index"]).fit(Panel(random, "home", "wave")))


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_every_model_of_households_reports_values_of_provinces() -> None:
    data = homes().assign(z=lambda f: f["index"] ** 2 + 0.1 * f["province"])
    panel = Panel(data, "home", "wave", step=2)
    fits = [
        dp.PoissonEffects("goods", ["index"]).fit(panel),
        dp.LogitEffects("shop", ["index"], time_effects=False).fit(panel),
        FixedEffectsIV("y", ["own"], ["index"], ["z"]).fit(panel),
        Mediation("y", "index", "own", [], reps=99).fit(panel, rng=1),
        PanelThreshold("y", "index", "schooling", reps=19).fit(panel, rng=1),
    ]
    for fit in fits:
        (data_of,) = shared(fit)
        assert "index" in str(data_of["terms"])
        assert data_of["n_clusters"] <= 400


@pytest.mark.further
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_standard_errors_by_household_are_too_small_and_by_province_are_not() -> None:
    estimates, by_home, by_province = [], [], []
    for seed in range(100):
        panel = Panel(homes(seed), "home", "wave", step=2)
        spec = FixedEffects("y", ["index"])
        fit = spec.fit(panel)
        estimates.append(fit.params["index"])
        by_home.append(fit.std_errors["index"])
        of_province = spec.replace(clusters="province").fit(panel)
        by_province.append(of_province.std_errors["index"])
    spread = np.std(estimates)
    assert np.mean(by_home) < 0.6 * spread
    assert abs(np.mean(by_province) / spread - 1) < 0.2


# --- products without their factors ---------------------------------------------------


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("options", [{}, {"obs_weights": "w"}, {"time_effects": False}])
def test_a_product_without_a_factor_is_told_with_the_coefficient_beside_it(
    options,
) -> None:
    panel = group_panel().assign(w=lambda f: np.exp(f["x"]))
    alone = FixedEffects("y", ["x", "x:z"], **options).fit(panel)
    both = FixedEffects("y", ["x", "x:z", "z"], **options).fit(panel)
    (notice,) = [n for n in alone.diagnostics if n.code == "no_main_effect"]
    assert (notice.data["term"], notice.data["columns"]) == ("x:z", ("z",))
    np.testing.assert_allclose(notice.data["estimate"], alone.params["x:z"], rtol=1e-9)
    np.testing.assert_allclose(notice.data["with_them"], both.params["x:z"], rtol=1e-9)
    assert not [n for n in both.diagnostics if n.code == "no_main_effect"]
    neither = FixedEffects("y", ["x:z"], **options).fit(panel)
    (notice,) = [n for n in neither.diagnostics if n.code == "no_main_effect"]
    np.testing.assert_allclose(notice.data["with_them"], both.params["x:z"], rtol=1e-9)


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_a_square_without_its_variable_is_told() -> None:
    panel = group_panel()
    alone = FixedEffects("y", ["z", "I(x**2)"]).fit(panel)
    both = FixedEffects("y", ["z", "x", "I(x**2)"]).fit(panel)
    (notice,) = [n for n in alone.diagnostics if n.code == "no_main_effect"]
    assert (notice.data["term"], notice.data["columns"]) == ("I(x**2)", ("x",))
    expected = both.params["I(x**2)"]
    np.testing.assert_allclose(notice.data["with_them"], expected, rtol=1e-9)
    assert "no_main_effect" not in {n.code for n in both.diagnostics}


@pytest.mark.parametrize("term", ["did", "I(treated * post)", "treated(first)"])
@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ({"entity_effects": False}, ("treated i",)),
        ({"time_effects": False}, ("treated t",)),
        ({"entity_effects": False, "time_effects": False}, ("treated i", "treated t")),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_a_treatment_without_its_arms_is_told(term, options, columns) -> None:
    rng = np.random.default_rng(5)
    i, t = np.indices((40, 8)).reshape(2, -1)
    frame = pd.DataFrame({"i": i, "t": t, "treated": (i < 15) * 1, "post": (t > 3) * 1})
    frame["first"] = np.where(i < 15, 4.0, np.nan)
    frame["did"], frame["x"] = frame["treated"] * frame["post"], rng.normal(size=i.size)
    frame["y"] = frame["treated"] + frame["post"] + rng.normal(size=i.size)
    panel = Panel(frame, "i", "t")
    alone = FixedEffects("y", ["x", term], **options)
    (notice,) = [n for n in alone.fit(panel).diagnostics if n.code == "no_main_effect"]
    assert (notice.data["term"], notice.data["columns"]) == (term, columns)
    arms = [{"treated i": "treated", "treated t": "post"}[name] for name in columns]
    both = FixedEffects("y", ["x", term, *arms], **options).fit(panel)
    np.testing.assert_allclose(notice.data["with_them"], both.params[term], rtol=1e-9)
    for fit in (both, FixedEffects("y", ["x", term]).fit(panel)):
        assert "no_main_effect" not in {n.code for n in fit.diagnostics}


@pytest.mark.parametrize("term", ["post", "treated", "war"])
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_dummies_that_are_no_treatment_from_some_period_on_have_no_arms(term) -> None:
    """Where some have no rows later, a period's dummy is its product with the rest."""
    rng = np.random.default_rng(5)
    i, t = np.indices((40, 8)).reshape(2, -1)
    frame = pd.DataFrame({"i": i, "t": t, "treated": (i < 15) * 1, "post": (t > 3) * 1})
    frame["war"], frame["y"] = ((i == 3) & (t == 4)) * 1, rng.normal(size=i.size)
    frame = frame[((i > 2) | (t < 4)) & ((i > 14) | (t != 2))]
    spec = FixedEffects("y", [term], entity_effects=False, time_effects=False)
    notices = spec.fit(Panel(frame, "i", "t")).diagnostics
    assert "no_main_effect" not in {n.code for n in notices}


@pytest.mark.parametrize(
    "spec",
    [
        FixedEffects("y", ["late:x", "x", "late"]),
        FixedEffects("y", ["x:province", "x"]),
        FixedEffects("y", ["x:trend", "x"]),
        FixedEffects("y", ["x:late", "x:early", "late"]),
        FixedEffects("y", ["C(province):x"]),
        FixedEffects("y", ["province:national"]),
    ],
)
def test_factors_that_effects_or_other_regressors_take_up_are_not_told(spec) -> None:
    panel = group_panel().assign(early="I(1 - late)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        result = spec.fit(panel)
    assert "no_main_effect" not in {n.code for n in result.diagnostics}


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_growth_on_a_level_of_large_numbers_is_computed() -> None:
    frame = growing_frame()
    frame["x"] = 1e4 * frame["y"]
    fit = FixedEffects("y", ["lag(x)"]).fit(Panel(frame, "i", "t"))
    assert fit.nobs


def curved_frame(turn: float) -> pd.DataFrame:
    """Outcome with a maximum at a value of `x`, which is from 0 to 10."""
    rng = np.random.default_rng(4)
    i, t = np.indices((40, 10)).reshape(2, -1)
    x = rng.uniform(0, 10, i.size)
    y = -((x - turn) ** 2) + rng.normal(0, 3, i.size)
    frame = pd.DataFrame({"i": i, "t": t, "x": x, "y": y, "z": rng.normal(size=i.size)})
    return frame.assign(x2=x**2, x3=x**3, single=(x**2).astype("float32"))


@pytest.mark.parametrize(
    ("terms", "square"),
    [
        (["x", "x2"], "x2"),
        (["x", "z", "I(x**2)"], "I(x**2)"),
        (["x", "single"], "single"),
        # Not of interest, another curve, or a turning point that moves
        (["z", "x", "x2"], None),
        (["x", "x2", "x3"], None),
        (["x", "x2", "x:z"], None),
        (["x", "z"], None),
        (["x"], None),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_significant_square_that_turns_nowhere_is_reported(terms, square) -> None:
    for turn in (20.0, 5.0):
        panel = dp.Panel(curved_frame(turn), "i", "t")
        fit = FixedEffects("y", terms).fit(panel)
        told = [n for n in fit.diagnostics if n.code == "turn_outside"]
        assert len(told) == (square is not None and turn == 20.0)
        for notice in told:
            test = dp.u_test(fit, "x", square=square)
            assert notice.data["turn"] == pytest.approx(test.extremum, rel=1e-9)
            assert (notice.data["low"], notice.data["high"]) == test.interval
            assert not test.inside
            steps = dp.stepwise(FixedEffects("y", terms), panel, [])
            for table in (dp.etable(fit), dp.etable(steps)):
                assert "so that it is no U" in " ".join(str(table).split())


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_square_that_is_not_significant_is_not_reported() -> None:
    frame = curved_frame(5.0)
    frame["y"] = frame["x"] + frame["z"]
    fit = FixedEffects("y", ["x", "x2"]).fit(dp.Panel(frame, "i", "t"))
    assert fit.pvalues["x2"] > 0.05
    assert "turn_outside" not in {n.code for n in fit.diagnostics}


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_square_without_a_p_value_is_no_crash() -> None:
    # x varies where y does not: coefficient and scores are zero.
    frame = pd.DataFrame({"i": np.repeat(range(6), 5), "t": np.tile(range(5), 6)})
    frame["x"] = np.where(frame["i"] == 0, frame["t"], 0.0)
    frame["y"] = np.where(frame["i"] == 1, frame["t"] % 2, 0.0)
    spec = FixedEffects("y", ["x", "I(x**2)"], time_effects=False)
    fit = spec.fit(dp.Panel(frame, "i", "t"))
    assert fit.params.tolist() == [0.0, 0.0]
    assert fit.pvalues.isna().all()
    lines = [line.split() for line in fit.summary().splitlines()]
    assert ["x", "0", "missing", "missing"] in lines


@pytest.mark.parametrize(("movers", "told"), [(3, True), (12, False)])
def test_a_few_who_leave_the_treatment_do_not_hide_that_it_is_staggered(
    movers, told
) -> None:
    rng = np.random.default_rng(0)
    i, t = np.indices((60, 10)).reshape(2, -1)
    frame = pd.DataFrame({"i": i, "t": t, "y": rng.normal(size=i.size)})
    first = np.array([4, 6, 99])[i % 3]
    frame["on"] = ((t >= first) & ((i >= movers) | (t < 8))) * 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = FixedEffects("y", ["on"]).fit(Panel(frame, "i", "t"))
    assert bool(staggered(fit)) == told
