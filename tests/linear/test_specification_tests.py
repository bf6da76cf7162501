"""F test of the effects and RESET against dummies written out, plm and statsmodels."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import FixedEffects, Panel, poolability, reset_test

CASES = json.loads(
    (Path(__file__).parents[1] / "reference" / "diagnostics.json").read_text(
        encoding="utf-8"
    )
)
PRINTED = {
    case["effects"]: case for case in CASES["cases"] if case["test"] == "poolability"
}
NO_EFFECTS = {"entity_effects": False, "time_effects": False}


def draw(seed: int, *, entities: int = 20, periods: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    keys = {
        "i": np.repeat(np.arange(entities), periods),
        "t": np.tile(np.arange(periods), entities),
    }
    frame = pd.DataFrame(keys)
    frame[["a", "b"]] = rng.normal([2, 0], size=(len(frame), 2))
    frame["w"] = rng.uniform(0.5, 2, size=len(frame))
    frame["region"] = rng.integers(0, 4, size=len(frame))
    frame["half"] = frame["i"] % 2
    noise = rng.normal(size=(entities, 1))[frame["i"], 0] + rng.normal(size=len(frame))
    frame["y"] = frame["a"] + 0.1 * frame["a"] ** 2 - frame["b"] + 0.5 * noise
    frame["dummy"] = (frame["a"] > 2).astype(float)
    frame["total"] = frame["a"] - frame["b"]
    return frame[rng.random(len(frame)) < 0.8].reset_index(drop=True)


def run(function, spec, frame: pd.DataFrame) -> dp.TestResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return function(spec, Panel(frame, "i", "t"))


def dummies(frame: pd.DataFrame, names: list[str]) -> np.ndarray:
    parts = []
    for name in names:
        effect, _, slope = name.removesuffix("]]").partition("[[")
        parts.append(
            pd.get_dummies(frame[effect]).to_numpy(float)
            * (frame[[slope]].to_numpy() if slope else 1)
        )
    return np.column_stack([np.ones(len(frame)), *parts])


def ssr(frame: pd.DataFrame, names: list[str], w: np.ndarray) -> tuple[float, int]:
    """Sum of squared residuals with dummies, and the rank of the dummies."""
    d, root = dummies(frame, names), np.sqrt(w)[:, None]
    x = np.column_stack([frame[["a", "b"]], d]) * root
    y = frame["y"].to_numpy() * root[:, 0]
    b = np.linalg.lstsq(x, y, rcond=None)[0]
    return float(((y - x @ b) ** 2).sum()), int(np.linalg.matrix_rank(d))


# --- effects --------------------------------------------------------------------------

EFFECTS = {
    "entity": (["i"], {"time_effects": False}),
    "time": (["t"], {"entity_effects": False}),
    "two-way": (["i", "t"], {}),
    "three-way": (["i", "t", "region"], {"absorb": ["region"]}),
    "weighted": (["i", "t"], {"obs_weights": "w"}),
    "trends": (["i", "i[[t]]"], {"time_effects": False, "absorb": ["i[t]"]}),
    "two-way with slopes": (["i", "t", "half[[w]]"], {"absorb": ["half[[w]]"]}),
}


@pytest.mark.many(8)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", EFFECTS)
def test_poolability_equals_dummies_written_out(case: str, seed: int) -> None:
    names, options = EFFECTS[case]
    frame = draw(seed)
    w = (
        (frame["w"] / frame["w"].mean()).to_numpy()
        if "obs_weights" in options
        else np.ones(len(frame))
    )
    full, rank = ssr(frame, names, w)
    df = len(frame) - 2 - rank

    def f_test(kept: list[str]) -> tuple[float, int]:
        less, left = ssr(frame, kept, w)
        return ((less - full) / (rank - left)) / (full / df), rank - left

    test = run(poolability, FixedEffects("y", ["a", "b"], **options), frame)
    expected, q = f_test([])
    assert test.statistic == pytest.approx(expected, rel=1e-9)
    assert test.df == (q, df)
    assert test.p_value == pytest.approx(stats.f.sf(expected, q, df), rel=1e-8)
    assert list(test.detail["effect"]) == names
    for row in test.detail.itertuples():
        one, q = f_test([name for name in names if name != row.effect])
        assert (row.statistic, row.df_num) == (pytest.approx(one, rel=1e-8), q)


@pytest.mark.parametrize("effects", ["one-way", "two-way"])
def test_printed_numbers_of_grunfeld(effects: str) -> None:
    from statsmodels.datasets import grunfeld

    frame = (
        grunfeld.load_pandas()
        .data.query("firm != 'American Steel'")
        .astype({"year": int})
    )
    case = PRINTED[effects]
    spec = FixedEffects(
        "invest",
        ["value", "capital"],
        time_effects=effects == "two-way",
        cov_type="robust",
    )
    test = poolability(spec, Panel(frame, "firm", "year"))
    assert test.statistic == pytest.approx(case["statistic"], rel=case["tolerance"])
    assert test.df == tuple(case["df"])


@pytest.mark.parametrize(
    "cov_type", ["unadjusted", "robust", "hc2", "crv3", "driscoll_kraay"]
)
def test_poolability_does_not_depend_on_the_covariance(cov_type: str) -> None:
    frame = draw(3)
    base = run(poolability, FixedEffects("y", ["a", "b"]), frame)
    other = run(poolability, FixedEffects("y", ["a", "b"], cov_type=cov_type), frame)
    assert other.statistic == base.statistic
    assert "independent errors with one variance" in other.null


def test_an_effect_inside_another_has_no_test_of_its_own() -> None:
    test = run(poolability, FixedEffects("y", ["a", "b"], absorb=["half"]), draw(3))
    assert np.isnan(test.detail.set_index("effect").loc["half", "statistic"])
    assert test.statistic == pytest.approx(
        run(poolability, FixedEffects("y", ["a", "b"]), draw(3)).statistic
    )


# --- powers of the fit ----------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_reset_equals_statsmodels_without_effects(seed: int) -> None:
    from statsmodels.regression.linear_model import OLS
    from statsmodels.stats.diagnostic import linear_reset

    frame = draw(seed)
    fit = OLS(frame["y"], frame[["a", "b"]].assign(one=1.0)).fit()
    expected = linear_reset(fit, power=3, test_type="fitted", use_f=True)
    test = run(
        reset_test,
        FixedEffects("y", ["a", "b"], cov_type="unadjusted", **NO_EFFECTS),
        frame,
    )
    assert test.statistic == pytest.approx(expected.fvalue, rel=1e-7)
    assert test.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert test.df == (expected.df_num, expected.df_denom)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", EFFECTS)
@pytest.mark.parametrize(
    "cov_type", ["unadjusted", "robust", "hc3", "clustered", "crv3"]
)
@pytest.mark.many(5)
def test_reset_equals_powers_among_the_regressors(
    case: str, seed: int, cov_type: str
) -> None:
    """Raw powers of x'b as columns: the same span, the fit's own Wald test."""
    names, options = EFFECTS[case]
    frame = draw(seed)
    # Slopes that cross the clusters
    if cov_type == "crv3" and names[-1] == "half[[w]]":
        with pytest.raises(dp.OptionError):
            run(
                reset_test,
                FixedEffects("y", ["a", "b"], cov_type=cov_type, **options),
                frame,
            )
        return
    spec = FixedEffects("y", ["a", "b"], cov_type=cov_type, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = spec.fit(Panel(frame, "i", "t"))
        xb = frame[["a", "b"]].to_numpy() @ fit.params.to_numpy()
        wide = frame.assign(p2=xb**2, p3=xb**3)
        expected = (
            spec.replace(x=["a", "b", "p2", "p3"])
            .fit(Panel(wide, "i", "t"))
            .wald_test("p2 = p3 = 0")
        )
    test = run(reset_test, spec, frame)
    assert test.statistic == pytest.approx(expected.statistic, rel=1e-6)
    assert test.df == expected.df
    assert test.p_value == pytest.approx(expected.p_value, rel=1e-5)
    assert len(test.detail) == 2


@pytest.mark.further
def test_reset_size_and_power() -> None:
    rng = np.random.default_rng(6)
    keys = {"i": np.repeat(np.arange(60), 5), "t": np.tile(np.arange(5), 60)}
    rejected = [0, 0]
    for _ in range(100):
        frame = pd.DataFrame(keys).assign(a=rng.normal(size=300))
        frame["y"] = frame["a"] + rng.normal(size=60)[frame["i"]] + rng.normal(size=300)
        rejected[0] += run(reset_test, FixedEffects("y", ["a"]), frame).p_value < 0.05
        frame["y"] += 0.3 * frame["a"] ** 2
        rejected[1] += run(reset_test, FixedEffects("y", ["a"]), frame).p_value < 0.05
    assert rejected[0] <= 13
    assert rejected[1] > 90


# --- invariances ----------------------------------------------------------------------


@pytest.mark.parametrize("function", [poolability, reset_test])
def test_invariances(function) -> None:
    frame, spec = draw(5), FixedEffects("y", ["a", "b"])
    base = run(function, spec, frame).statistic
    assert run(function, spec, frame.sample(frac=1, random_state=3)).statistic == base
    renamed = frame.assign(i=frame["i"].map(lambda i: f"city {(i * 7) % 20:03d}"))
    units = frame.assign(
        a=frame["a"] * 1e5 + 3e6, b=frame["b"] / 1e3, y=frame["y"] * 1e4 - 5e5
    )
    later = frame.assign(t=frame["t"] + 2000)
    for other in (renamed, units, later):
        assert run(function, spec, other).statistic == pytest.approx(base, rel=1e-6)


# --- failures -------------------------------------------------------------------------

SPEC = FixedEffects("y", ["a", "b"])
WRONG = {
    "no effects": (poolability, dp.IdentificationError, SPEC.replace(**NO_EFFECTS)),
    "a perfect fit, effects": (
        poolability,
        dp.IdentificationError,
        SPEC.replace(y="total"),
    ),
    "an unknown column": (poolability, dp.ColumnError, SPEC.replace(x=["nothing"])),
    "an absorbed regressor": (
        poolability,
        dp.IdentificationError,
        SPEC.replace(x=["half"]),
    ),
    "results for the effects": (poolability, dp.InputTypeError, "results"),
    "no specification": (poolability, dp.InputTypeError, {"y": "y"}),
    "another specification": (
        poolability,
        dp.InputTypeError,
        dp.PanelThreshold("y", "a", "b"),
    ),
    "a single dummy": (reset_test, dp.IdentificationError, SPEC.replace(x=["dummy"])),
    "two clusters": (reset_test, dp.IdentificationError, SPEC.replace(clusters="half")),
    "a perfect fit, powers": (
        reset_test,
        dp.IdentificationError,
        SPEC.replace(y="total"),
    ),
    "results for the powers": (reset_test, dp.InputTypeError, "results"),
    "text": (reset_test, dp.InputTypeError, "y ~ a"),
    "names that are taken": (
        reset_test,
        dp.TermError,
        SPEC.replace(x=["a", "fitted values, squared"]),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_named(case: str) -> None:
    function, error, spec = WRONG[case]
    frame = draw(7).assign(**{"fitted values, squared": lambda f: f["b"]})
    if case == "results":
        spec = SPEC.fit(Panel(frame, "i", "t"))
    with pytest.raises(error):
        run(function, spec, frame)


def test_one_level_of_the_effects() -> None:
    spec = SPEC.replace(time_effects=False, cov_type="robust")
    with pytest.raises(dp.IdentificationError, match="nothing to test"):
        run(poolability, spec, draw(7).query("i == 3"))


def test_slopes_of_zero() -> None:
    """A regressor at right angles to the outcome in every entity."""
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(6), 4), "t": np.tile(np.arange(4), 6)}
    )
    frame["a"], frame["y"] = np.tile([1.0, -1, 1, -1], 6), np.tile([1.0, 1, -1, -1], 6)
    with pytest.raises(dp.IdentificationError, match="slopes are zero"):
        run(reset_test, FixedEffects("y", ["a"], time_effects=False), frame)


@pytest.mark.parametrize("function", [poolability, reset_test])
def test_a_frame_is_no_panel(function) -> None:
    with pytest.raises(dp.InputTypeError):
        function(SPEC, draw(1))


def test_few_clusters_are_no_remark_about_a_bootstrap() -> None:
    test = reset_test(
        FixedEffects("y", ["a", "b"]), Panel(draw(1, entities=31), "i", "t")
    )
    assert "bootstrap" in test.method
    assert "few_clusters" not in [notice.code for notice in test.diagnostics]
