"""Mundlak's and Hausman's tests: brute force, plm, linearmodels, statsmodels."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import FixedEffects, Panel, hausman

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
CASES = json.loads(
    (Path(__file__).parents[1] / "reference" / "diagnostics.json").read_text(
        encoding="utf-8"
    )
)
PRINTED = {case["data"]: case for case in CASES["cases"] if case["test"] == "hausman"}


@pytest.fixture(scope="module")
def states() -> Panel:
    return dp.datasets.us_states()


def draw(
    seed: int, *, entities: int = 30, periods: int = 8, balanced: bool = False
) -> pd.DataFrame:
    """Entities whose effects are correlated with `a`, with rows and periods missing."""
    rng = np.random.default_rng(seed)
    keys = {
        "i": np.repeat(np.arange(entities), periods),
        "t": np.tile(np.arange(periods), entities),
    }
    frame = pd.DataFrame(keys)
    effect = rng.normal(size=entities)[frame["i"]]
    frame["a"] = rng.normal(size=len(frame)) + 0.5 * effect
    frame["b"] = rng.normal(size=len(frame)) + rng.normal(size=entities)[frame["i"]]
    frame["w"] = rng.uniform(0.5, 2, size=len(frame))
    frame["region"] = frame["i"] // 3
    frame["y"] = (
        frame["a"]
        - frame["b"]
        + effect
        + 0.2 * frame["t"]
        + rng.normal(size=len(frame))
    )
    return (
        frame
        if balanced
        else frame[rng.random(len(frame)) < 0.75].reset_index(drop=True)
    )


def quiet(spec: FixedEffects, frame: pd.DataFrame, **options) -> dp.TestResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return hausman(spec, Panel(frame, "i", "t"), **options)


def alone(frame: pd.DataFrame) -> pd.DataFrame:
    """Without singletons."""
    while True:
        kept = frame[
            frame.groupby("i")["t"].transform("size").gt(1)
            & frame.groupby("t")["i"].transform("size").gt(1)
        ]
        if len(kept) == len(frame):
            return frame
        frame = kept


def auxiliary(
    frame: pd.DataFrame,
    clusters: str = "i",
    *,
    time: bool = False,
    weighted: bool = False,
    theta: float = 0.0,
) -> float:
    """Wald statistic of means, dummies written out, V clustered, no factor."""
    frame = alone(frame)
    w = frame["w"].to_numpy() if weighted else np.ones(len(frame))
    weighted_sums = (
        frame[["a", "b"]].mul(w, axis=0).groupby(frame["i"]).transform("sum")
    )
    means = weighted_sums.div(
        pd.Series(w, frame.index).groupby(frame["i"]).transform("sum"), axis=0
    )
    design = [np.ones(len(frame)), *frame[["a", "b"]].to_numpy().T, *means.to_numpy().T]
    if time:
        design += [
            (frame["t"] == t).to_numpy(float) for t in sorted(frame["t"].unique())[1:]
        ]
    x, y = np.column_stack(design), frame["y"].to_numpy()
    if theta:
        x = (
            x
            - theta
            * pd.DataFrame(x, frame.index)
            .groupby(frame["i"])
            .transform("mean")
            .to_numpy()
        )
        y = y - theta * frame["y"].groupby(frame["i"]).transform("mean").to_numpy()
    inverse = np.linalg.inv((x.T * w) @ x)
    b = inverse @ (x.T * w) @ y
    scores = (
        pd.DataFrame(x * (w * (y - x @ b))[:, None])
        .groupby(frame[clusters].to_numpy())
        .sum()
        .to_numpy()
    )
    v = inverse @ scores.T @ scores @ inverse
    return float(b[3:5] @ np.linalg.solve(v[3:5, 3:5], b[3:5]))


# --- mundlak --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("time", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_mundlak_equals_the_regression_written_out(
    seed: int, time: bool, weighted: bool
) -> None:
    frame = draw(seed)
    spec = FixedEffects(
        "y", ["a", "b"], time_effects=time, obs_weights="w" if weighted else None
    )
    test = quiet(spec, frame)
    expected = auxiliary(frame, time=time, weighted=weighted)
    assert test.statistic == pytest.approx(expected, rel=1e-9)
    assert (test.distribution, test.df) == ("chi2", 2.0)
    many_clusters = test.alternatives["chi2"]
    assert many_clusters.statistic == test.statistic
    assert many_clusters.p_value == pytest.approx(stats.chi2.sf(expected, 2), rel=1e-8)
    assert "restricted wild cluster bootstrap" in test.method


def test_means_that_vary_in_one_cluster_are_reported() -> None:
    """A treatment of one entity: in 150 draws the bootstrap hardly ever rejects."""
    frame = draw(2)
    frame["d"] = ((frame["i"] == frame["i"].iloc[0]) & (frame["t"] > 2)).astype(float)
    test = quiet(FixedEffects("y", ["a", "d"]), frame)
    (notice,) = [n for n in test.diagnostics if n.code == "no_rejection"]
    assert notice.data["terms"] == ("mean of a", "mean of d")
    assert "chi-square far too often. Keep the entity effects." in notice.message
    usual = quiet(FixedEffects("y", ["a", "b"]), frame)
    assert "no_rejection" not in [n.code for n in usual.diagnostics]


def test_the_classical_test_stands_beside_where_it_is_defined() -> None:
    frame = draw(7, balanced=True)
    spec = FixedEffects("y", ["a", "b"])
    beside = quiet(spec, frame).alternatives["classical"]
    alone = quiet(spec, frame, method="classical")
    assert (beside.statistic, beside.p_value) == (alone.statistic, alone.p_value)
    assert f"{beside.p_value:.4f}" in str(quiet(spec, frame))
    weighted = quiet(spec.replace(obs_weights="w"), frame)
    assert set(weighted.alternatives) == {"chi2"}


@pytest.mark.parametrize("theta", [0.3, 0.8])
def test_on_a_balanced_panel_theta_does_not_matter(theta: float) -> None:
    frame = draw(3, balanced=True)
    test = quiet(FixedEffects("y", ["a", "b"], time_effects=False), frame)
    assert test.statistic == pytest.approx(auxiliary(frame, theta=theta), rel=1e-9)


@pytest.mark.parametrize(
    "cov_type", ["unadjusted", "robust", "hc3", "driscoll_kraay", "clustered", "crv3"]
)
@pytest.mark.parametrize("ssc", ["reghdfe", "none"])
def test_mundlak_ignores_covariance_and_factor(cov_type: str, ssc: str) -> None:
    frame = draw(4)
    test = quiet(FixedEffects("y", ["a", "b"], cov_type=cov_type, ssc=ssc), frame)
    assert test.statistic == pytest.approx(auxiliary(frame, time=True), rel=1e-9)


def test_clusters_of_the_specification() -> None:
    frame = draw(5, entities=90)
    test = quiet(FixedEffects("y", ["a", "b"], clusters="region"), frame)
    assert test.statistic == pytest.approx(
        auxiliary(frame, "region", time=True), rel=1e-9
    )


def test_mundlak_table(states: Panel) -> None:
    test = hausman(FixedEffects("log(gsp)", X), states)
    assert list(test.detail.columns) == [
        "term",
        "estimate",
        "std_error",
        "statistic",
        "p_value",
    ]
    assert list(test.detail["term"]) == [f"mean of {x}" for x in X]


def test_slopes_beside_means_are_those_of_fixed_effects() -> None:
    """Also with weights on an unbalanced panel: the means are weighted."""
    frame = draw(6)
    spec = FixedEffects("y", ["a", "b"], time_effects=False, obs_weights="w")
    kept = alone(frame)
    means = kept[["a", "b"]].mul(kept["w"], axis=0).groupby(kept["i"]).transform("sum")
    means = means.div(kept["w"].groupby(kept["i"]).transform("sum"), axis=0)
    wide = kept.assign(ma=means["a"], mb=means["b"])
    pooled = spec.replace(x=["a", "b", "ma", "mb"], entity_effects=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        slopes = [
            s.fit(Panel(wide, "i", "t")).params[["a", "b"]] for s in (spec, pooled)
        ]
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-9)


def test_a_common_series_is_left_out() -> None:
    frame = draw(7, balanced=True)
    frame["national"] = np.random.default_rng(7).normal(size=8)[frame["t"]]
    test = quiet(FixedEffects("y", ["a", "b", "national"], time_effects=False), frame)
    assert test.df == 2.0
    assert list(test.detail["term"]) == ["mean of a", "mean of b"]


# --- classical ------------------------------------------------------------------------


def test_printed_number_of_the_states(states: Panel) -> None:
    case = PRINTED["states"]
    spec = FixedEffects("log(gsp)", X, time_effects=False)
    with pytest.warns(dp.CovarianceWarning, match="not positive definite"):
        test = hausman(spec, states, method="classical")
    assert test.statistic == pytest.approx(case["statistic"], rel=case["tolerance"])
    assert test.p_value == pytest.approx(case["p_value"], abs=5e-8)
    assert test.df == case["df"]


def test_printed_number_of_grunfeld() -> None:
    from statsmodels.datasets import grunfeld

    frame = (
        grunfeld.load_pandas()
        .data.query("firm != 'American Steel'")
        .astype({"year": int})
    )
    case = PRINTED["grunfeld"]
    spec = FixedEffects(
        "invest", ["value", "capital"], time_effects=False, cov_type="unadjusted"
    )
    test = hausman(spec, Panel(frame, "firm", "year"), method="classical")
    assert test.statistic == pytest.approx(case["statistic"], rel=case["tolerance"])
    assert test.p_value == pytest.approx(case["p_value"], rel=1e-3)


def test_sigmamore_has_the_error_variance_of_random_effects(states: Panel) -> None:
    """With the data of a log of Stata: 90.46, with errors .1462601, .0663028, ...

    (Fatal accidents in 48 states on beertax, spircons, unrate and income.)
    """
    from linearmodels.panel import PanelOLS, RandomEffects

    spec = FixedEffects("log(gsp)", X, time_effects=False)
    test = hausman(spec, states, method="sigmamore")
    assert test.name == "Hausman test (sigmamore)"
    rows = states.frame.assign(one=1.0).reset_index().set_index(["state", "year"])
    y, x = np.log(rows["gsp"]), rows[["one"]].copy()
    for name in X:
        x[name] = np.log(rows[name[4:-1]]) if name.startswith("log") else rows[name]
    fixed = PanelOLS(y, x[[*X]], entity_effects=True).fit()
    random = RandomEffects(y, x).fit()
    difference = fixed.cov * random.s2 / fixed.s2 - random.cov.loc[[*X], [*X]]
    gap = (fixed.params - random.params[[*X]]).to_numpy()
    expected = gap @ np.linalg.solve(difference.to_numpy(), gap)
    assert test.statistic == pytest.approx(expected, rel=1e-8)
    np.testing.assert_allclose(
        test.detail["std_error"], np.sqrt(np.diag(difference)), rtol=1e-8
    )


def swamy_arora(frame: pd.DataFrame, *, time: bool) -> tuple[np.ndarray, np.ndarray]:
    """Random effects written out: between regression of means, harmonic mean of T."""
    dummies = (
        [(frame["t"] == t).to_numpy(float) for t in sorted(frame["t"].unique())[1:]]
        if time
        else []
    )
    x = np.column_stack([np.ones(len(frame)), frame[["a", "b"]], *dummies])
    y, groups = frame["y"].to_numpy(), frame["i"].to_numpy()
    mean_x = pd.DataFrame(x).groupby(groups).transform("mean").to_numpy()
    mean_y = pd.Series(y).groupby(groups).transform("mean").to_numpy()
    n, count = len(frame), len(np.unique(groups))
    b, *_ = np.linalg.lstsq(x - mean_x, y - mean_y, rcond=None)
    within = ((y - mean_y - (x - mean_x) @ b) ** 2).sum() / (
        n - count - np.linalg.matrix_rank(x - mean_x)
    )
    first = ~pd.Series(groups).duplicated().to_numpy()
    b, *_ = np.linalg.lstsq(mean_x[first], mean_y[first], rcond=None)
    rest = count - np.linalg.matrix_rank(mean_x[first])
    sizes = pd.Series(groups).groupby(groups).transform("size").to_numpy()
    between = ((mean_y - mean_x @ b)[first] ** 2).sum() / rest - within * (
        1 / sizes[first]
    ).mean()
    theta = (1 - np.sqrt(within / (within + sizes * max(between, 0))))[:, None]
    x, y = x - theta * mean_x, y - theta[:, 0] * mean_y
    inverse = np.linalg.inv(x.T @ x)
    b = inverse @ x.T @ y
    v = inverse * ((y - x @ b) ** 2).sum() / (n - x.shape[1])
    return b[1:3], v[1:3, 1:3]


@pytest.mark.many(3)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("time", [False, True])
def test_classical_equals_random_effects_written_out(seed: int, time: bool) -> None:
    frame = draw(seed)
    spec = FixedEffects("y", ["a", "b"], time_effects=time, cov_type="unadjusted")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = spec.fit(Panel(frame, "i", "t"))
    b, v = swamy_arora(alone(frame), time=time)
    gap = fit.params.to_numpy() - b
    expected = gap @ np.linalg.solve(fit.cov.to_numpy() - v, gap)
    if expected < 0:
        with pytest.raises(dp.IdentificationError, match="method='mundlak'"):
            quiet(spec, frame, method="classical")
        return
    for cov_type in ("unadjusted", "clustered"):
        test = quiet(spec.replace(cov_type=cov_type), frame, method="classical")
        assert test.statistic == pytest.approx(expected, rel=1e-7)
    np.testing.assert_allclose(test.detail["random"], b, rtol=1e-9)
    np.testing.assert_allclose(
        test.detail["std_error"], np.sqrt(np.diag(fit.cov.to_numpy() - v)), rtol=1e-7
    )


@pytest.mark.peers
@pytest.mark.parametrize("seed", range(3))
def test_linearmodels_gives_the_same(seed: int) -> None:
    from linearmodels.panel import PanelOLS, RandomEffects

    frame = alone(draw(seed))
    data = frame.set_index(["i", "t"]).assign(one=1.0)
    random = RandomEffects(data["y"], data[["one", "a", "b"]]).fit()
    fixed = PanelOLS(data["y"], data[["a", "b"]], entity_effects=True).fit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = random.hausman(fixed).statistic.stat
    test = quiet(
        FixedEffects("y", ["a", "b"], time_effects=False), frame, method="classical"
    )
    assert test.statistic == pytest.approx(expected, rel=1e-8)


# --- invariances and size -------------------------------------------------------------


@pytest.mark.parametrize("method", ["mundlak", "classical"])
def test_invariances(method: str) -> None:
    frame = draw(8)
    spec = FixedEffects("y", ["a", "b"])
    base = quiet(spec, frame, method=method).statistic
    shuffled = frame.sample(frac=1, random_state=1)
    assert quiet(spec, shuffled, method=method).statistic == base
    renamed = frame.assign(i=frame["i"].map(lambda i: f"city {(i * 7) % 30:03d}"))
    units = frame.assign(
        a=frame["a"] * 1e6 + 3e7, b=frame["b"] * 1e-4, y=frame["y"] * 1e3 - 5e4
    )
    later = frame.assign(t=frame["t"] + 2000)
    for other in (renamed, units, later):
        assert quiet(spec, other, method=method).statistic == pytest.approx(
            base, rel=1e-7
        )


@pytest.mark.further
@pytest.mark.weekly
def test_size_and_power() -> None:
    """Of 100 panels with serially correlated errors, the share that rejects at 5%."""
    rng = np.random.default_rng(11)
    index = pd.MultiIndex.from_product([range(100), range(5)], names=["i", "t"])
    rejected = {0.0: 0, 0.5: 0}
    for correlation in rejected:
        for _ in range(100):
            effect = np.repeat(rng.normal(size=100), 5)
            e = rng.normal(size=(100, 5)).cumsum(axis=1).ravel()
            a = (
                rng.normal(size=500)
                + np.repeat(rng.normal(size=100), 5)
                + correlation * effect
            )
            frame = pd.DataFrame({"a": a, "y": effect + e}, index).reset_index()
            rejected[correlation] += (
                quiet(FixedEffects("y", ["a"]), frame).p_value < 0.05
            )
    assert rejected[0.0] <= 13
    assert rejected[0.5] > 50


# --- failures -------------------------------------------------------------------------


SPEC = FixedEffects("y", ["a", "b"])
WRONG = {
    "a method of another name": (dp.OptionError, SPEC, {"method": "robust"}),
    "a method that is no text": (dp.OptionError, SPEC, {"method": None}),
    "no entity effects": (
        dp.IdentificationError,
        SPEC.replace(entity_effects=False),
        {},
    ),
    "further effects": (
        dp.OptionError,
        SPEC.replace(absorb=["region^t"]),
        {"method": "classical"},
    ),
    "absorbed slopes": (dp.OptionError, SPEC.replace(absorb=["region[t]"]), {}),
    "weights": (dp.OptionError, SPEC.replace(obs_weights="w"), {"method": "classical"}),
    "a column that is not there": (
        dp.ColumnError,
        SPEC.replace(x=["a", "nothing"]),
        {},
    ),
    "a constant regressor": (
        dp.IdentificationError,
        SPEC.replace(x=["a", "region"]),
        {},
    ),
    "means beyond the clusters": (
        dp.IdentificationError,
        SPEC.replace(clusters="half"),
        {},
    ),
    "only a common series": (
        dp.IdentificationError,
        SPEC.replace(x=["common"], time_effects=False),
        {},
    ),
    "an outcome that is a sum of regressors": (
        dp.IdentificationError,
        SPEC.replace(y="total"),
        {},
    ),
    "results": (dp.InputTypeError, "results", {}),
    "another specification": (dp.InputTypeError, dp.PanelThreshold("y", "a", "b"), {}),
    "instruments": (dp.InputTypeError, dp.FixedEffectsIV("y", ["b"], ["a"], ["w"]), {}),
    "text": (dp.InputTypeError, "y ~ a", {}),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_named(case: str) -> None:
    error, spec, options = WRONG[case]
    frame = draw(9, balanced=True)
    frame["half"] = (frame["i"] > 14).astype(int)
    frame["total"] = frame["a"] + 2 * frame["b"]
    frame["common"] = np.sin(frame["t"])
    if case == "results":
        spec = SPEC.fit(Panel(frame, "i", "t"))
    with pytest.raises(error):
        quiet(spec, frame, **options)


def test_a_frame_is_no_panel() -> None:
    with pytest.raises(dp.InputTypeError):
        hausman(SPEC, draw(1))  # type: ignore[arg-type]


def test_too_few_entities_for_random_effects() -> None:
    frame = draw(1, entities=3, balanced=True)
    with pytest.raises(
        dp.IdentificationError, match="random effects cannot be estimated"
    ):
        quiet(
            FixedEffects("y", ["a", "b"], time_effects=False), frame, method="classical"
        )


def test_a_negative_statistic_is_refused() -> None:
    spec = FixedEffects("y", ["a", "b"], time_effects=False)
    with pytest.raises(dp.IdentificationError, match="method='mundlak'") as raised:
        quiet(spec, draw(3), method="classical")
    (problem,) = raised.value.problems
    assert problem.code == "indefinite"
    assert problem.data["statistic"] < 0
