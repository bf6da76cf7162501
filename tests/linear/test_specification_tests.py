"""Against loops, dummies written out, plm, linearmodels and statsmodels."""

from __future__ import annotations

import itertools
import json
import time as clock
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import (
    FixedEffects,
    LinearResults,
    Panel,
    modified_wald,
    pesaran_cd,
    poolability,
    reset_test,
    wooldridge_ar1,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parents[1] / "shared" / "data"
CASES = json.loads(
    (ROOT / "reference" / "diagnostics.json").read_text(encoding="utf-8")
)["cases"]
PRINTED = {(case["test"], case["data"]): case for case in CASES}
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
ONE_WAY = FixedEffects("y", ["a", "b"], time_effects=False)
POOLABILITY = {case["effects"]: case for case in CASES if case["test"] == "poolability"}
NO_EFFECTS = {"entity_effects": False, "time_effects": False}


@pytest.fixture(scope="module")
def states() -> LinearResults:
    return FixedEffects("log(gsp)", X, time_effects=False).fit(dp.datasets.us_states())


def draw(
    seed: int, *, entities: int = 25, periods: int = 9, share: float = 0.75
) -> pd.DataFrame:
    """A panel with gaps in time; some entities have rows in one half only."""
    rng = np.random.default_rng(seed)
    keys = {
        "i": np.repeat(np.arange(entities), periods),
        "t": np.tile(np.arange(periods), entities),
    }
    frame = pd.DataFrame(keys)
    frame[["a", "b"]] = (
        rng.normal(size=(len(frame), 2))
        + 0.3 * rng.normal(size=(periods, 2))[frame["t"]]
    )
    frame["y"] = (
        frame["a"]
        - frame["b"]
        + rng.normal(size=entities)[frame["i"]]
        + rng.normal(size=len(frame))
    )
    frame["y"] += np.exp(0.3 * rng.normal(size=entities))[frame["i"]] * rng.normal(
        size=len(frame)
    )
    frame["w"] = rng.uniform(0.5, 2, size=len(frame))
    frame["region"] = frame["i"] % 3
    late, early = (
        (frame["i"] % 7 == 0) & (frame["t"] < 5),
        (frame["i"] % 7 == 1) & (frame["t"] > 4),
    )
    return frame[(rng.random(len(frame)) < share) & ~late & ~early].reset_index(
        drop=True
    )


def fit(frame: pd.DataFrame, spec: FixedEffects = ONE_WAY) -> LinearResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(Panel(frame, "i", "t"))


def ar1(frame: pd.DataFrame, spec: FixedEffects = ONE_WAY, **options) -> dp.TestResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return wooldridge_ar1(spec, Panel(frame, "i", "t", **options))


# --- correlation between entities -----------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_cd_equals_a_loop_over_pairs(seed: int) -> None:
    results = fit(draw(seed))
    wide = results.resids.to_frame().pivot_table(index="i", columns="t").to_numpy()
    terms = []
    for i in range(len(wide)):
        for j in range(i + 1, len(wide)):
            common = ~np.isnan(wide[i]) & ~np.isnan(wide[j])
            if common.sum() >= 2:
                rho = np.corrcoef(wide[i, common], wide[j, common])[0, 1]
                terms.append((np.sqrt(common.sum()) * rho, rho))
    total = sum(t for t, _ in terms)
    test = pesaran_cd(results)
    printed = test.alternatives["stata"]
    assert printed.statistic == pytest.approx(total / np.sqrt(len(terms)), rel=1e-9)
    expected = total / np.sqrt(sum(t**2 for t, _ in terms))
    assert test.statistic == pytest.approx(expected, rel=1e-9)
    assert test.p_value == pytest.approx(2 * stats.norm.sf(abs(expected)), rel=1e-8)
    assert (test.distribution, test.df) == ("normal", None)
    assert test.detail["pairs"] == len(terms)
    assert (
        test.detail["pairs"] + test.detail["pairs_left_out"]
        == len(wide) * (len(wide) - 1) // 2
    )
    assert test.detail["mean_correlation"] == pytest.approx(
        np.mean([r for _, r in terms]), rel=1e-9
    )


def test_cd_printed_number_of_the_states(states: LinearResults) -> None:
    case = PRINTED["pesaran_cd", "states"]
    assert pesaran_cd(states).alternatives["stata"].statistic == pytest.approx(
        case["statistic"], rel=case["tolerance"]
    )
    assert pesaran_cd(states).detail["pairs"] == 48 * 47 // 2


def test_cd_printed_number_of_grunfeld() -> None:
    from statsmodels.datasets import grunfeld

    frame = (
        grunfeld.load_pandas()
        .data.query("firm != 'American Steel'")
        .astype({"year": int})
    )
    case = PRINTED["pesaran_cd", "grunfeld"]
    spec = FixedEffects(
        "invest", ["value", "capital"], time_effects=False, cov_type="unadjusted"
    )
    test = pesaran_cd(spec.fit(Panel(frame, "firm", "year"))).alternatives["stata"]
    assert test.statistic == pytest.approx(case["statistic"], rel=case["tolerance"])
    assert test.p_value == pytest.approx(case["p_value"], rel=1e-3)


@pytest.mark.peers
@pytest.mark.parametrize("seed", range(3))
def test_cd_linearmodels_gives_the_same(seed: int) -> None:
    from linearmodels.panel import PanelOLS

    results = fit(draw(seed))
    frame = draw(seed).set_index(["i", "t"]).loc[results.index]
    peer = PanelOLS(frame["y"], frame[["a", "b"]], entity_effects=True).fit().pesaran_cd
    printed = pesaran_cd(results).alternatives["stata"]
    assert printed.statistic == pytest.approx(peer.stat, rel=1e-9)


@pytest.mark.further
def test_cd_of_many_entities_is_quick() -> None:
    rng = np.random.default_rng(3)
    keys = {"i": np.repeat(np.arange(5_000), 20), "t": np.tile(np.arange(20), 5_000)}
    frame = pd.DataFrame(keys).assign(
        a=rng.normal(size=100_000), y=rng.normal(size=100_000)
    )
    results = FixedEffects("y", ["a"], time_effects=False).fit(Panel(frame, "i", "t"))
    start = clock.process_time()
    test = pesaran_cd(results)
    # About one second; a loop over 12 million pairs takes minutes
    assert clock.process_time() - start < 20
    assert test.detail["pairs"] == 5_000 * 4_999 // 2
    # Of a balanced panel the sum over pairs has a closed form.
    scaled = results.residuals.reshape(5_000, 20)
    scaled = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    total = ((scaled.sum(axis=0) ** 2).sum() - 5_000) / 2
    assert test.alternatives["stata"].statistic == pytest.approx(
        np.sqrt(2 * 20 / (5_000 * 4_999)) * total, rel=1e-7
    )


def test_z_has_the_variance_of_cd_under_all_signs_of_entities() -> None:
    rng = np.random.default_rng(2)
    residuals = rng.normal(size=(6, 5)).cumsum(axis=1)
    residuals -= residuals.mean(axis=1, keepdims=True)
    rho = np.corrcoef(residuals) * np.sqrt(5)
    pairs = np.triu_indices(6, 1)
    signs = np.array(list(itertools.product((-1, 1), repeat=6)))
    drawn = [(rho * np.outer(s, s))[pairs].sum() for s in signs]
    assert np.std(drawn) == pytest.approx(np.sqrt((rho[pairs] ** 2).sum()), rel=1e-9)


@pytest.mark.montecarlo
@pytest.mark.parametrize("periods", [8, 10, 20])
@pytest.mark.parametrize("entities", [15, 31, 100])
def test_cd_size(entities: int, periods: int, measured: Callable[..., None]) -> None:
    """Share of 500 panels in which a test of cross-sectional dependence rejects at 5%.

    Entities are independent, with standard deviations of their own and autocorrelated
    errors; models have entity effects and two regressors. "CD" is compared with the
    normal distribution, as other programs do. In the last column entities also share a
    shock with a standard deviation of .3.
    """
    rng = np.random.default_rng([entities, periods])
    keys = {
        "i": np.repeat(np.arange(entities), periods),
        "t": np.tile(np.arange(periods), entities),
    }
    spec = ONE_WAY.replace(x=["a", "b"])

    def series(phi: float, rows: int = entities) -> np.ndarray:
        values = rng.normal(size=(rows, periods))
        for t in range(1, periods):
            values[:, t] *= np.sqrt(1 - phi**2)
            values[:, t] += phi * values[:, t - 1]
        return values

    row: dict[str, Any] = {"entities": entities, "T": periods}
    for phi in (0.0, 0.6):
        rejected = np.zeros(3)
        for _ in range(500):
            errors = series(phi) * rng.lognormal(0, 0.5, size=(entities, 1))
            frame = pd.DataFrame(keys).assign(
                a=series(phi).ravel(), b=series(phi).ravel(), y=errors.ravel()
            )
            test = pesaran_cd(fit(frame, spec))
            frame["y"] += 0.3 * series(phi, 1)[0][frame["t"]]
            shared = pesaran_cd(fit(frame, spec)).p_value
            cd = test.alternatives["stata"].p_value
            rejected += np.array([test.p_value, cd, shared]) < 0.05
        shares = rejected / 500
        names = ("z", "CD", "z, shared shock")
        measured(
            "size_of_cross_section_dependence",
            {**row, "autocorrelation": phi, **dict(zip(names, shares, strict=True))},
        )
        # The Monte Carlo standard error of .05 is .01.
        assert 0.02 < shares[0] < 0.08
        assert shares[2] > 0.3


# --- variances by entity --------------------------------------------------------------


@pytest.mark.many(5)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("entity_effects", [True, False])
def test_modified_wald_equals_its_definition(seed: int, entity_effects: bool) -> None:
    frame = draw(seed)
    frame = frame[frame.groupby("i")["t"].transform("size") > 2]
    results = fit(frame, ONE_WAY.replace(entity_effects=entity_effects))
    whole, total = float((results.resids**2).mean()), 0.0
    for _, e in results.resids.groupby(level=0):
        s2 = (e**2).mean()
        v = ((e**2 - s2) ** 2).sum() / (e.size * (e.size - 1))
        total += (s2 - whole) ** 2 / v
    test = modified_wald(results, method="chi2")
    assert test.statistic == pytest.approx(total, rel=1e-9)
    assert test.df == results.n_entities
    assert test.p_value == pytest.approx(
        stats.chi2.sf(total, results.n_entities), rel=1e-7, abs=1e-300
    )


def test_modified_wald_says_that_it_is_oversized(states: LinearResults) -> None:
    test = modified_wald(states, method="chi2")
    (notice,) = test.diagnostics
    assert (notice.code, notice.message) == ("rejects_too_often", test.detail["note"])
    assert "rejects equal variances too often" in " ".join(str(test).split())
    name = "size_of_modified_wald_test.json"
    measured = json.loads(
        (Path(__file__).parents[2] / "docs" / "measured" / name).read_text("utf-8")
    )
    (shares,) = next(rows for test, rows in measured.items() if test.endswith("[30]"))
    for periods in ("10", "30", "100"):
        share = f"{100 * float(shares[f'T = {periods}']):g}%"
        assert f"{share} with {periods}" in notice.message
    assert (test.detail["fewest_rows"], test.detail["most_rows"]) == (17, 17)
    assert test.detail["smallest_variance"] < test.detail["largest_variance"]


def test_modified_wald_is_oversized() -> None:
    """What the note says: with one variance it nearly always rejects.

    There are ten rows an entity.
    """
    rng = np.random.default_rng(5)
    keys = {"i": np.repeat(np.arange(100), 10), "t": np.tile(np.arange(10), 100)}
    rejected = 0
    for _ in range(20):
        frame = pd.DataFrame(keys).assign(
            a=rng.normal(size=1000), y=rng.normal(size=1000)
        )
        rejected += (
            modified_wald(fit(frame, ONE_WAY.replace(x=["a"])), method="chi2").p_value
            < 0.05
        )
    assert rejected > 17


@pytest.mark.montecarlo
@pytest.mark.parametrize("entities", [30, 300])
def test_modified_wald_needs_many_periods(
    entities: int, measured: Callable[..., None]
) -> None:
    """Share of 400 panels in which the modified Wald test rejects at 5%.

    The errors are normal with one variance, so that the null hypothesis is true. The
    model has entity effects.
    """
    rng = np.random.default_rng(entities)
    rates = {}
    for periods in (10, 30, 100, 300):
        keys = {
            "i": np.repeat(np.arange(entities), periods),
            "t": np.tile(np.arange(periods), entities),
        }
        rejected = 0
        for _ in range(400):
            drawn = {
                "a": rng.normal(size=entities * periods),
                "y": rng.normal(size=entities * periods),
            }
            results = fit(pd.DataFrame(keys).assign(**drawn), ONE_WAY.replace(x=["a"]))
            rejected += modified_wald(results, method="chi2").p_value < 0.05
        rates[f"T = {periods}"] = rejected / 400
    measured("size_of_modified_wald_test", {"entities": entities, **rates})
    assert rates["T = 10"] > 0.9
    assert rates["T = 300"] < rates["T = 100"] < rates["T = 30"] <= rates["T = 10"]


def levene_by_hand(results: LinearResults) -> float:
    groups = [e.to_numpy() for _, e in results.resids.groupby(level=0)]
    return float(stats.levene(*groups, center="median").statistic)


def long_panel(seed: int, *, entities: int = 12, periods: int = 24) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    keys = {
        "i": np.repeat(np.arange(entities), periods),
        "t": np.tile(np.arange(periods), entities),
    }
    size = entities * periods
    frame = pd.DataFrame(keys).assign(a=rng.normal(size=size), b=rng.normal(size=size))
    errors = rng.normal(size=(entities, periods))
    for t in range(1, periods):
        errors[:, t] += 0.5 * errors[:, t - 1]
    return frame.assign(y=errors.ravel())


@pytest.mark.parametrize("time_effects", [True, False])
def test_levene_is_that_of_scipy_with_medians(
    time_effects: bool,
) -> None:
    spec = ONE_WAY.replace(time_effects=time_effects)
    results = fit(long_panel(1).sample(frac=0.95, random_state=1), spec)
    test = modified_wald(results)
    assert test.statistic == pytest.approx(levene_by_hand(results), rel=1e-9)
    assert (test.name, test.distribution, test.df) == (
        "Levene test",
        "F",
        (11.0, results.nobs - 12.0),
    )
    assert "draws of errors with one variance" in test.method
    assert (
        test.alternatives["stata"].statistic
        == modified_wald(results, method="chi2").statistic
    )
    assert "Stata prints chi2(12)" in test.summary()
    assert modified_wald(results).p_value == test.p_value


def test_levene_sees_variances_that_differ() -> None:
    frame = long_panel(2)
    assert modified_wald(fit(frame)).p_value > 0.05
    frame["y"] = frame["y"] * np.where(frame["i"] < 4, 4.0, 1.0)
    assert modified_wald(fit(frame)).p_value < 0.01


def test_levene_is_refused_with_few_periods() -> None:
    with pytest.raises(dp.IdentificationError, match="fewer than 20") as raised:
        modified_wald(fit(long_panel(3, periods=19)))
    assert raised.value.problems[0].data == {"mean_rows": 19.0}
    with pytest.raises(dp.OptionError, match="'levene', 'chi2'"):
        modified_wald(fit(long_panel(3)), method="bartlett")


@pytest.mark.montecarlo
@pytest.mark.parametrize("autocorrelation", [0.0, 0.5])
@pytest.mark.parametrize("errors", ["normal", "t5", "chi2"])
def test_levene_size(
    errors: str, autocorrelation: float, measured: Callable[..., None]
) -> None:
    """Share of 400 panels of 31 x 20 in which Levene's test rejects at 5%.

    The errors have one variance, so that the null hypothesis is true.
    """
    rng = np.random.default_rng(6)
    draws = {
        "normal": lambda size: rng.normal(size=size),
        "t5": lambda size: rng.standard_t(5, size=size),
        "chi2": lambda size: rng.chisquare(3, size=size) - 3,
    }
    rejected = 0
    for _ in range(400):
        frame = long_panel(0, entities=31, periods=20)
        shocks = draws[errors]((31, 40))
        for t in range(1, 40):
            shocks[:, t] += autocorrelation * shocks[:, t - 1]
        frame = frame.assign(
            a=rng.normal(size=620), b=rng.normal(size=620), y=shocks[:, 20:].ravel()
        )
        rejected += modified_wald(fit(frame)).p_value < 0.05
    row = {"errors": errors, "autocorrelation": f"{autocorrelation:g}"}
    measured("size_of_levene_test", {**row, "size": rejected / 400})
    assert 0.01 < rejected / 400 < 0.08


def test_entities_with_two_rows_are_named() -> None:
    frame = draw(1)
    few = (frame["i"] == 4) & (frame.groupby("i").cumcount() > 1)
    with pytest.raises(dp.IdentificationError, match="'4'") as raised:
        modified_wald(fit(frame[~few]), method="chi2")
    (problem,) = raised.value.problems
    assert (problem.code, problem.data["entities"], problem.data["count"]) == (
        "equal_squares",
        [4],
        1,
    )


# --- correlation in time --------------------------------------------------------------


def ar1_by_hand(results: LinearResults) -> tuple[float, float, float, int]:
    """Slope on the lag, its value under the null and its error, by loops."""
    e = results.resids
    sizes = e.groupby(level=0).size()
    pairs = [(i, e[i, t], e[i, t - 1]) for i, t in e.index if (i, t - 1) in e.index]
    codes = np.array([i for i, _, _ in pairs])
    y, x = (
        np.array([p[1] for p in pairs]),
        np.column_stack([np.ones(len(pairs)), [p[2] for p in pairs]]),
    )
    inverse = np.linalg.inv(x.T @ x)
    b = inverse @ x.T @ y
    u = y - x @ b
    scores = [x[codes == i].T @ u[codes == i] for i in np.unique(codes)]
    v = inverse @ sum(np.outer(s, s) for s in scores) @ inverse
    rows = sizes.loc[codes].to_numpy()
    return (
        b[1],
        -(1 / rows).sum() / (1 - 1 / rows).sum(),
        float(np.sqrt(v[1, 1])),
        len(pairs),
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("time_effects", [True, False])
def test_ar1_equals_its_definition_on_consecutive_periods(
    seed: int, time_effects: bool
) -> None:
    spec = ONE_WAY.replace(time_effects=time_effects)
    rho, null, error, rows = ar1_by_hand(fit(draw(seed), spec))
    score = ar1(draw(seed), spec)
    test = score.alternatives["plm"]
    assert test.detail["rho"] == pytest.approx(rho, rel=1e-9)
    assert test.detail["rho_null"] == pytest.approx(null, rel=1e-12)
    assert test.statistic == pytest.approx(((rho - null) / error) ** 2, rel=1e-8)
    assert (test.distribution, test.df, test.detail["rows"]) == (
        "F",
        (1.0, rows - 2.0),
        rows,
    )
    assert test.p_value == pytest.approx(
        stats.f.sf(test.statistic, 1, rows - 2), rel=1e-8
    )

    e = fit(draw(seed), spec).resids
    scores: dict[Any, float] = {}
    for i, t in e.index:
        if (i, t - 1) in e.index:
            scores[i] = (
                scores.get(i, 0.0) + (e[i, t] - null * e[i, t - 1]) * e[i, t - 1]
            )
    # The score statistic is the square of the t statistic of the mean of the scores.
    t_test = stats.ttest_1samp(list(scores.values()), 0.0)
    assert score.statistic == pytest.approx(t_test.statistic**2, rel=1e-8)
    assert score.df == (1.0, len(scores) - 1.0)
    assert score.p_value == pytest.approx(t_test.pvalue, rel=1e-8)


@pytest.mark.data("abdata.csv")
def test_ar1_printed_number_of_plm() -> None:
    case = PRINTED["wooldridge_ar1", "firms"]
    frame = pd.read_csv(SHARED / "abdata.csv")
    spec = FixedEffects("n", ["w", "k"], time_effects=False)
    test = wooldridge_ar1(spec, Panel(frame, "id", "year")).alternatives["plm"]
    gap = test.detail["rho"] + 1 / (case["periods"] - 1)
    assert (gap / test.detail["std_error"]) ** 2 == pytest.approx(
        case["statistic"], rel=case["tolerance"]
    )
    assert test.df == tuple(case["df"])
    # The null of entities that have seven to nine rows lies below that of nine.
    assert test.detail["rho_null"] < -1 / (case["periods"] - 1)


def test_a_gap_is_no_lag() -> None:
    """Every second year: no pair without a step, all of them with step=2."""
    frame = draw(2, share=1.0)
    biennial = frame.assign(t=2000 + 2 * frame["t"])
    with pytest.raises(dp.IdentificationError, match="consecutive"):
        ar1(biennial)
    assert ar1(biennial, step=2).statistic == pytest.approx(
        ar1(frame).statistic, rel=1e-9
    )


@pytest.mark.montecarlo
def test_ar1_null_of_an_unbalanced_panel(measured: Callable[..., None]) -> None:
    """Share of 1,000 unbalanced panels in which Wooldridge's test rejects at 5%.

    The errors are independent. There are 300 entities, which enter in one of the first
    nine of 12 periods and then stay. The value of the correlation under the null is
    computed from the rows of each entity, or from the number of periods.
    """
    rng = np.random.default_rng(2)
    keys = pd.DataFrame(
        {"i": np.repeat(np.arange(300), 12), "t": np.tile(np.arange(12), 300)}
    )
    ours, peers = 0, 0
    for _ in range(1000):
        start = np.repeat(rng.integers(0, 9, size=300), 12)
        frame = keys[keys["t"] >= start].assign(a=lambda f: rng.normal(size=len(f)))
        frame["y"] = rng.normal(size=len(frame))
        test = ar1(frame, ONE_WAY.replace(x=["a"]))
        ours += test.p_value < 0.05
        peers += abs(test.detail["rho"] + 1 / 11) / test.detail["std_error"] > 1.96
    for null, rejected in (
        ("rows of each entity", ours),
        ("number of periods, as plm", peers),
    ):
        measured(
            "size_of_wooldridge_test",
            {"null computed from": null, "size": rejected / 1000},
        )
    assert 35 <= ours <= 68
    assert peers > 150


@pytest.mark.further
@pytest.mark.weekly
def test_ar1_size_and_power() -> None:
    rng = np.random.default_rng(4)
    keys = {"i": np.repeat(np.arange(60), 5), "t": np.tile(np.arange(5), 60)}
    rejected = [0, 0]
    for _ in range(100):
        e = rng.normal(size=(60, 5))
        moving = e + 0.6 * np.column_stack([rng.normal(size=60), e[:, :-1]])
        for place, errors in enumerate((e, moving)):
            frame = pd.DataFrame(keys).assign(a=rng.normal(size=300), y=errors.ravel())
            rejected[place] += ar1(frame, ONE_WAY.replace(x=["a"])).p_value < 0.05
    assert rejected[0] <= 13
    assert rejected[1] > 90


# --- invariances ----------------------------------------------------------------------

TESTS = {
    "pesaran_cd": lambda frame: pesaran_cd(fit(frame)),
    "modified_wald": lambda frame: modified_wald(fit(frame), method="chi2"),
    "wooldridge_ar1": ar1,
}


@pytest.mark.parametrize("name", TESTS)
def test_invariances(name: str) -> None:
    frame = draw(6)
    frame = frame[frame.groupby("i")["t"].transform("size") > 2]
    base = TESTS[name](frame).statistic
    assert TESTS[name](frame.sample(frac=1, random_state=3)).statistic == base
    renamed = frame.assign(i=frame["i"].map(lambda i: f"city {(i * 7) % 25:03d}"))
    units = frame.assign(a=frame["a"] * 1e6 + 3e7, y=frame["y"] * 1e4 - 5e5)
    later = frame.assign(t=frame["t"] + 2000)
    for other in (renamed, units, later):
        assert TESTS[name](other).statistic == pytest.approx(base, rel=1e-7)


def test_a_pickled_result_gives_the_same(states: LinearResults) -> None:
    import pickle

    again = pickle.loads(pickle.dumps(states))
    assert pesaran_cd(again).statistic == pesaran_cd(states).statistic


# --- failures -------------------------------------------------------------------------

OF_RESULTS = {
    "time effects": FixedEffects("y", ["a"]),
    "time effects by absorb": FixedEffects(
        "y", ["a"], time_effects=False, absorb=["t"]
    ),
    "time effects with weights": FixedEffects("y", ["a"], obs_weights="w"),
    "dummies of the periods": FixedEffects("y", ["a", "C(t)"], time_effects=False),
    "crossed effects": FixedEffects(
        "y", ["a"], time_effects=False, absorb=["region^t"]
    ),
    "a perfect fit": FixedEffects("total", ["a", "b"], time_effects=False),
}


@pytest.mark.parametrize("case", OF_RESULTS)
def test_cd_is_refused_by_name(case: str) -> None:
    frame = draw(7).assign(total=lambda f: f["a"] + 2 * f["b"])
    with pytest.raises(dp.IdentificationError) as raised:
        pesaran_cd(fit(frame, OF_RESULTS[case]))
    code = "perfect_fit" if case == "a perfect fit" else "time_effects"
    assert [p.code for p in raised.value.problems] == [code]


@pytest.mark.parametrize("test", [pesaran_cd, modified_wald])
def test_what_is_no_linear_result(test) -> None:
    frame = draw(7)
    for wrong in (
        ONE_WAY,
        Panel(frame, "i", "t"),
        frame,
        None,
        fit(frame).wald_test("a = 0"),
    ):
        with pytest.raises(dp.InputTypeError):
            test(wrong)


@pytest.mark.parametrize("test", [pesaran_cd, modified_wald])
def test_a_cross_section_and_one_entity(test) -> None:
    frame = draw(7)
    pooled = FixedEffects(
        "y", ["a"], entity_effects=False, time_effects=False, cov_type="robust"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        cross = pooled.fit(Panel(frame.drop_duplicates("i"), "i"))
        one = pooled.fit(Panel(frame[frame["i"] == 2], "i", "t"))
    for results, code in ((cross, "cross_section"), (one, "one_entity")):
        with pytest.raises(dp.IdentificationError) as raised:
            test(results)
        assert [p.code for p in raised.value.problems] == [code]


@pytest.mark.parametrize("test", [pesaran_cd, modified_wald])
def test_results_without_rows(test) -> None:
    with pytest.raises(dp.OptionError, match="keep_rows=True"):
        test(fit(draw(7), ONE_WAY.replace(keep_rows=False)))


def test_ar1_needs_no_rows_in_the_result() -> None:
    frame = draw(7)
    assert (
        ar1(frame, ONE_WAY.replace(keep_rows=False)).statistic == ar1(frame).statistic
    )


def test_results_of_instruments() -> None:
    frame = draw(7).assign(z=lambda f: f["a"] + np.sin(np.arange(len(f))))
    spec = dp.FixedEffectsIV("y", ["b"], ["a"], ["z"], time_effects=False)
    frame = frame[frame.groupby("i")["t"].transform("size") > 2]
    results = fit(frame, spec)
    assert pesaran_cd(results).detail["pairs"] > 0
    assert modified_wald(results, method="chi2").df == results.n_entities


def test_no_common_periods() -> None:
    frame = pd.DataFrame({"i": np.repeat([0, 1, 2], 3), "t": np.arange(9)})
    frame[["a", "y"]] = np.random.default_rng(1).normal(size=(9, 2))
    with pytest.raises(dp.IdentificationError, match="common periods"):
        pesaran_cd(fit(frame, ONE_WAY.replace(x=["a"])))


AR1 = {
    "no entity effects": (
        dp.IdentificationError,
        ONE_WAY.replace(entity_effects=False),
    ),
    "absorbed slopes": (dp.OptionError, ONE_WAY.replace(absorb=["i[t]"])),
    "weights": (dp.OptionError, ONE_WAY.replace(obs_weights="w")),
    "a perfect fit": (dp.IdentificationError, ONE_WAY.replace(y="total")),
    "a column that is not there": (dp.ColumnError, ONE_WAY.replace(x=["nothing"])),
    "results": (dp.InputTypeError, "results"),
    "another specification": (dp.InputTypeError, dp.PanelThreshold("y", "a", "b")),
    "instruments": (dp.InputTypeError, dp.FixedEffectsIV("y", ["b"], ["a"], ["w"])),
    "nothing": (dp.InputTypeError, None),
}


@pytest.mark.parametrize("case", AR1)
def test_ar1_is_refused_by_name(case: str) -> None:
    error, spec = AR1[case]
    frame = draw(7).assign(total=lambda f: f["a"] + 2 * f["b"])
    with pytest.raises(error):
        ar1(frame, fit(frame) if case == "results" else spec)


def test_two_rows_an_entity() -> None:
    frame = draw(3, share=1.0).query("t in (6, 7) and i % 7 != 1")
    with pytest.raises(dp.IdentificationError, match="no entity has 3 rows"):
        ar1(frame)


def test_dates_without_a_step() -> None:
    frame = draw(3, share=1.0)
    times = pd.to_datetime(
        ["2001-01-01 00:00", "2001-01-01 00:20", "2001-01-02 00:00", "2001-01-03 05:00"]
    )
    odd = frame[frame["t"] > 4].assign(t=lambda f: times[f["t"] - 5])
    with pytest.raises(dp.PanelIndexError, match="step"):
        ar1(odd.query("i % 7 != 1"))


# --- fixed effects and the functional form --------------------------------------------


def draw_quadratic(seed: int, *, entities: int = 20, periods: int = 7) -> pd.DataFrame:
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
    frame = draw_quadratic(seed)
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
    case = POOLABILITY[effects]
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
    frame = draw_quadratic(3)
    base = run(poolability, FixedEffects("y", ["a", "b"]), frame)
    other = run(poolability, FixedEffects("y", ["a", "b"], cov_type=cov_type), frame)
    assert other.statistic == base.statistic
    assert "independent errors with one variance" in other.null


def test_an_effect_inside_another_has_no_test_of_its_own() -> None:
    test = run(
        poolability, FixedEffects("y", ["a", "b"], absorb=["half"]), draw_quadratic(3)
    )
    assert np.isnan(test.detail.set_index("effect").loc["half", "statistic"])
    assert test.statistic == pytest.approx(
        run(poolability, FixedEffects("y", ["a", "b"]), draw_quadratic(3)).statistic
    )


# --- powers of the fit ----------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_reset_equals_statsmodels_without_effects(seed: int) -> None:
    from statsmodels.regression.linear_model import OLS
    from statsmodels.stats.diagnostic import linear_reset

    frame = draw_quadratic(seed)
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
    frame = draw_quadratic(seed)
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
@pytest.mark.weekly
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
def test_invariances_of_specification_tests(function) -> None:
    frame, spec = draw_quadratic(5), FixedEffects("y", ["a", "b"])
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
    frame = draw_quadratic(7).assign(**{"fitted values, squared": lambda f: f["b"]})
    if case == "results":
        spec = SPEC.fit(Panel(frame, "i", "t"))
    with pytest.raises(error):
        run(function, spec, frame)


def test_one_level_of_the_effects() -> None:
    spec = SPEC.replace(time_effects=False, cov_type="robust")
    with pytest.raises(dp.IdentificationError, match="nothing to test"):
        run(poolability, spec, draw_quadratic(7).query("i == 3"))


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
        function(SPEC, draw_quadratic(1))


def test_few_clusters_are_no_remark_about_a_bootstrap() -> None:
    test = reset_test(
        FixedEffects("y", ["a", "b"]), Panel(draw_quadratic(1, entities=31), "i", "t")
    )
    assert "bootstrap" in test.method
    assert "few_clusters" not in [notice.code for notice in test.diagnostics]
