"""Unit root tests: published numbers, the panel's own draws, and what is refused."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pytest
import statsmodels.datasets
from scipy import stats
from statsmodels.api import OLS
from statsmodels.tsa.adfvalues import mackinnonp
from statsmodels.tsa.stattools import adfuller

import digiprosper as dp
from digiprosper import Panel, unit_root_test
from digiprosper.errors import (
    ColumnError,
    FewDrawsWarning,
    IdentificationError,
    InputTypeError,
    MissingDataWarning,
    OptionError,
    PanelIndexError,
    TermError,
)
from digiprosper.unit_roots import unit_root_test as kernel
from digiprosper.unit_roots.unit_root_test import UnitRootModel, assumptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "unit_roots.json").read_text("utf-8")
)


def grunfeld() -> pd.DataFrame:
    frame = statsmodels.datasets.grunfeld.load_pandas().data
    return frame[frame["firm"] != "American Steel"].astype({"year": int})


def first_rows() -> pd.DataFrame:
    """The first 190 rows of plm's data, in which Diamond Match is the last firm."""
    frame = grunfeld()
    last = frame["firm"] == "Diamond Match"
    return frame[~last | (frame["year"] < 1945)]


def data(name: str) -> Panel:
    if name == "states":
        return dp.datasets.us_states()
    return Panel(grunfeld() if name == "grunfeld" else first_rows(), "firm", "year")


def walks(
    seed: int, n: int = 8, periods: int = 12, *, rho: float = 1.0
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, periods))
    for t in range(1, periods):
        y[:, t] += rho * y[:, t - 1]
    keys = {
        "i": np.repeat([f"p{k}" for k in range(n)], periods),
        "t": np.tile(np.arange(2000, 2000 + periods), n),
    }
    return pd.DataFrame(keys).assign(y=y.ravel())


def test(frame: pd.DataFrame, **options: Any) -> dp.TestResult:
    options = {"reps": 199, "rng": 1, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewDrawsWarning)
        return unit_root_test(Panel(frame, "i", "t"), "y", **options)


test.__test__ = False  # type: ignore[attr-defined]


Test = Literal["ips", "cips", "ht", "fisher"]


def model_of(
    y: np.ndarray,
    test: Test = "ips",
    lags: int = 1,
    *,
    trend: bool = False,
    year_means: bool = False,
    simulated: bool = True,
) -> UnitRootModel:
    return UnitRootModel(
        y=y,
        test=test,
        lags=lags,
        trend=trend,
        year_means=year_means,
        simulated=simulated,
    )


# --- published numbers ----------------------------------------------------------------


@pytest.mark.many(13)
@pytest.mark.parametrize(
    "case",
    REFERENCE["cases"],
    ids=lambda c: " ".join(map(str, list(c.values())[:5])),
)
def test_numbers_of_other_programs(case: dict[str, Any]) -> None:
    options = {name: case[name] for name in ("test", "lags", "deterministic")}
    if case["test"] == "cips":
        options |= {"reps": 999, "rng": 1}
    else:
        options["p_value"] = "table"
    result = unit_root_test(data(case["data"]), case["y"], **options)
    if "statistic" in case:
        assert result.statistic == pytest.approx(
            case["statistic"], rel=case["tolerance"]
        )
    if "mean_t" in case:
        assert result.detail["t"].mean() == pytest.approx(
            case["mean_t"], rel=case["tolerance"]
        )


def test_a_t_beyond_the_table_of_mackinnon_counts_as_its_end() -> None:
    case = REFERENCE["beyond_the_table"]
    result = unit_root_test(
        data("grunfeld"), "value", test="fisher", lags=2, p_value="table"
    )
    from scipy.special import ndtr

    (t,) = result.detail["t"][result.detail["t"] > 2.74]
    upper = [-0.010368, -0.12745, 0.93202, 1.7339]
    ends = [-2 * np.log(ndtr(np.polyval(upper, value))) for value in (t, 2.74)]
    assert result.statistic + ends[0] - ends[1] == pytest.approx(
        case["statistic"], rel=case["tolerance"]
    )


def test_harris_tzavalis_by_its_moments() -> None:
    """Unequal variances make it reject; divided by them, rho is near one."""
    panel = data("grunfeld")
    plain = unit_root_test(panel, "value", test="ht", p_value="table")
    assert plain.statistic == pytest.approx(-10.574777, rel=1e-7)
    own = unit_root_test(panel, "value", test="ht", reps=999, rng=1)
    variance = 3 * (17 * 19**2 - 20 * 19 + 17) / (5 * 18 * 20**3)
    z = np.sqrt(10 / variance) * (own.statistic - 1 + 3 / 20)
    assert z == pytest.approx(1.02, abs=0.005)
    assert own.p_value > 0.5


@pytest.mark.parametrize(
    ("deterministic", "critical"), [("constant", -2.21), ("trend", -2.73)]
)
def test_critical_values_of_pesaran(deterministic: str, critical: float) -> None:
    """Drawn 5% quantiles of N = 20, T = 20 beside Table II (b, c) of Pesaran (2007)."""
    result = test(
        walks(1, 20, 21), test="cips", lags=0, deterministic=deterministic, reps=4_999
    )
    drawn = np.quantile(result.draws, 0.05)
    assert drawn == pytest.approx(critical, abs=0.03)


# --- p-values -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ips", "cips", "ht", "fisher"])
def test_p_is_the_share_of_draws_as_extreme(name: str) -> None:
    result = test(walks(2), test=name)
    beyond = result.draws >= result.statistic
    if name != "fisher":
        beyond = result.draws <= result.statistic
    assert result.draws.shape == (199,)
    assert result.p_value == (1 + beyond.sum()) / 200
    assert result.distribution == "simulated"
    assert result.detail.attrs["rng_entropy"] == 1


@pytest.mark.parametrize("name", ["ips", "cips", "ht", "fisher"])
def test_series_that_return_to_their_mean_are_told_from_walks(name: str) -> None:
    assert test(walks(3, 20, 20, rho=0.2), test=name).p_value == 0.005
    assert test(walks(3, 20, 20), test=name).p_value > 0.05


def test_fisher_is_made_of_the_p_values_of_entities() -> None:
    result = test(walks(4), test="fisher")
    assert result.statistic == pytest.approx(
        -2 * np.log(result.detail["p_value"]).sum()
    )
    by_table = test(walks(4), test="fisher", p_value="table")
    assert (by_table.distribution, by_table.df) == ("chi2", 16.0)
    # MacKinnon's p-values are for many periods.
    assert by_table.detail["p_value"].to_numpy() == pytest.approx(
        result.detail["p_value"].to_numpy(), abs=0.12
    )


def test_the_seed_reproduces_the_draws() -> None:
    first = test(walks(5), rng=None)
    again = test(walks(5), rng=first.detail.attrs["rng_entropy"])
    np.testing.assert_array_equal(first.draws, again.draws)
    assert test(walks(5), p_value="table").detail.attrs["rng_entropy"] is None


def test_defaults_of_lags() -> None:
    for name in ("ips", "cips", "fisher"):
        assert (
            test(walks(6), test=name).statistic
            == test(walks(6), test=name, lags=1).statistic
        )
    assert (
        test(walks(6), test="ht").statistic
        == test(walks(6), test="ht", lags=0).statistic
    )


# --- invariances ----------------------------------------------------------------------


def unbalanced(seed: int) -> pd.DataFrame:
    frame = walks(seed, 9, 17)
    late = frame["i"].isin(["p0", "p3"]) & (frame["t"] < 2004)
    early = frame["i"].isin(["p5"]) & (frame["t"] > 2012)
    return frame[~late & ~early].reset_index(drop=True)


@pytest.mark.parametrize("options", [{}, {"year_means": True}], ids=str)
@pytest.mark.parametrize("name", ["ips", "cips", "ht", "fisher"])
def test_order_labels_and_units_do_not_matter(
    name: str, options: dict[str, bool]
) -> None:
    if name == "cips" and options:
        options = {}
    frame = unbalanced(7)
    result = test(frame, test=name, **options)
    level = frame["i"].map({f"p{k}": 1000.0 * k for k in range(9)})
    others = [
        frame.sample(frac=1, random_state=1),
        frame.assign(i=frame["i"].map({f"p{k}": f"q{(k * 4) % 9}" for k in range(9)})),
        frame.assign(y=1e7 * frame["y"] - 3),
        frame.assign(y=frame["y"] + level),
    ]
    for other in others:
        same = test(other, test=name, **options)
        assert same.statistic == pytest.approx(result.statistic, rel=1e-7)
        assert same.p_value == result.p_value


@pytest.mark.parametrize("name", ["ips", "cips", "ht", "fisher"])
def test_a_trend_does_not_matter_where_it_is_a_regressor(name: str) -> None:
    frame = walks(8, 8, 16)
    result = test(frame, test=name, deterministic="trend")
    slope = frame["i"].map({f"p{k}": k for k in range(8)})
    trending = frame.assign(y=frame["y"] + slope * (frame["t"] - 2000))
    if name == "ht":
        # Differences have a mean of their own, which leaves their deviations as before.
        assert test(trending, test=name, deterministic="trend").statistic == (
            pytest.approx(result.statistic, rel=1e-8)
        )
    else:
        assert test(trending, test=name, deterministic="trend").detail[
            "t"
        ].to_numpy() == pytest.approx(result.detail["t"].to_numpy(), rel=1e-6)


@pytest.mark.parametrize("name", ["ips", "ht", "fisher"])
def test_year_means_remove_a_common_shock(name: str) -> None:
    frame = walks(9)
    shock = np.random.default_rng(1).normal(size=12).cumsum()
    shocked = frame.assign(y=frame["y"] + 10 * shock[frame["t"] - 2000])
    plain, common = (test(f, test=name, year_means=True) for f in (frame, shocked))
    assert common.statistic == pytest.approx(plain.statistic, rel=1e-8)


def test_scale_of_an_entity_does_not_matter() -> None:
    frame = walks(10)
    factor = frame["i"].map({f"p{k}": 10.0**k for k in range(8)})
    for name in ("ips", "ht", "fisher"):
        result, other = (
            test(f, test=name) for f in (frame, frame.assign(y=frame["y"] * factor))
        )
        assert other.statistic == pytest.approx(result.statistic, rel=1e-8)


# --- results --------------------------------------------------------------------------


def test_summary_detail_and_pickle() -> None:
    result = test(walks(11), lags=0)
    assert "IPS unit root test: statistic = " in str(result)
    by = f"(199 simulated panels of {len(result.detail)} independent random walks; "
    assert f"{by}constants, lags: 0)" in str(result)
    assert list(result.detail) == ["periods", "coefficient", "t", "df"]
    assert result.detail.index.name == "i"
    assert (result.detail["periods"] == 12).all()
    assert (result.detail["df"] == 9).all()
    again = pickle.loads(pickle.dumps(result))
    assert str(again) == str(result)


def test_tables_tell_models_apart() -> None:
    frame = walks(11, periods=16)
    models = [
        test(frame, lags=1, deterministic="trend"),
        test(frame, lags=0, year_means=True),
        test(frame, lags=2, deterministic="trend", year_means=True),
    ]
    text = " ".join(str(dp.etable(models)).split())
    assert "walks; trends, lags: 1." in text
    assert "without year means, constants, lags: 0." in text
    assert "without year means, trends, lags: 2." in text
    chinese = dp.etable(models, style=dp.TableStyle(language="zh"))
    assert "减去年均值，含趋势项，滞后阶数：2" in "".join(str(chinese).split())


def test_a_term_and_missing_ends() -> None:
    frame = walks(12, 8, 13)
    frame["v"] = np.exp(frame["y"])
    frame.loc[frame["t"].eq(2000) & frame["i"].eq("p1"), "v"] = np.nan
    with pytest.warns(MissingDataWarning, match="1 row dropped: missing log"):
        result = unit_root_test(
            Panel(frame, "i", "t"), "log(v)", p_value="table", lags=0
        )
    assert result.detail["periods"].tolist() == [13, 12, *[13] * 6]
    assert result.null == "log(v) has a unit root in every entity"


def test_few_draws_are_told() -> None:
    with pytest.warns(FewDrawsWarning):
        unit_root_test(Panel(walks(13), "i", "t"), "y", reps=99, rng=1)


# --- failures by name -----------------------------------------------------------------


@pytest.mark.many(11)
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"test": "llc"}, "Levin, Lin and Chu rejects a true hypothesis in nearly all"),
        ({"test": "LLC"}, "Levin, Lin and Chu"),
        ({"test": "breitung"}, "many more periods than entities"),
        ({"test": "hadri"}, "the stationarity test"),
        ({"test": "kpss"}, "is not known; use one of 'ips'"),
        ({"test": "ht", "lags": 1}, "test='ht' has no lags"),
        ({"test": "cips", "year_means": True}, "among its regressors"),
        ({"test": "cips", "p_value": "table"}, "critical values, but no p-values"),
        ({"lags": 3}, None),
        ({"lags": -1}, "integer from 0"),
        ({"deterministic": "none"}, "use one of 'constant', 'trend'"),
        ({"year_means": 2}, "year_means=2 must be False or True"),
        ({"p_value": "exact"}, "use one of 'simulated', 'table'"),
        ({"reps": 50}, "integer from 99"),
        ({"test": ["ips"]}, "is not known"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], text: str | None) -> None:
    if text is None:
        with pytest.raises(IdentificationError, match="fewer than 3 degrees"):
            test(walks(1, periods=11), **options)
        return
    with pytest.raises(OptionError, match=text):
        test(walks(1), **options)


def test_tables_that_stop() -> None:
    for options in ({"lags": 1}, {"lags": 2}):
        with pytest.raises(OptionError, match="no table for this panel"):
            test(walks(1, periods=11), p_value="table", **options)
    assert test(walks(1, periods=12), p_value="table").distribution == "normal"
    with pytest.raises(OptionError, match="no table for this panel"):
        test(walks(1, periods=40), lags=9, p_value="table")
    with pytest.raises(OptionError, match="no table for this panel"):
        test(unbalanced(1), test="ht", p_value="table")


@pytest.mark.parametrize(
    ("periods", "options"),
    [
        (10, {}),
        (10, {"test": "cips", "lags": 1}),
        (10, {"test": "cips", "lags": 0}),
        (10, {"test": "ht"}),
        (15, {"deterministic": "trend"}),
        (15, {"test": "cips", "deterministic": "trend"}),
        (15, {"test": "ht", "deterministic": "trend"}),
    ],
)
def test_least_periods(periods: int, options: dict[str, Any]) -> None:
    assert 0 < test(walks(1, periods=periods), **options).p_value <= 1
    with pytest.raises(IdentificationError, match=f"fewer than {periods} values"):
        test(walks(1, periods=periods - 1), **options)


def test_short_entities_are_named() -> None:
    frame = walks(1)
    short = frame[(frame["i"] != "p3") | (frame["t"] < 2007)]
    with pytest.raises(IdentificationError, match=r"fewer than 10 values \(i: 'p3'\)"):
        test(short)


def test_lags_of_cips_need_degrees_of_freedom() -> None:
    with pytest.raises(IdentificationError, match="lags=2 leaves fewer than 2 degrees"):
        test(walks(1, periods=12), test="cips", lags=2)
    assert test(walks(1, periods=13), test="cips", lags=2).p_value > 0


def test_periods_of_another_step() -> None:
    frame = walks(1)
    every_fifth = frame.assign(t=frame["t"] * 5)
    with pytest.raises(IdentificationError, match="because of gaps"):
        test(every_fifth)
    result = unit_root_test(
        Panel(every_fifth, "i", "t", step=5), "y", p_value="table", lags=0
    )
    expected = test(frame, p_value="table", lags=0)
    assert result.statistic == expected.statistic


@pytest.mark.parametrize("name", ["ips", "cips", "ht", "fisher"])
def test_a_gap_leaves_out_the_rows_that_it_touches(name: str) -> None:
    frame = walks(1, periods=14)
    gap = frame["i"].eq("p2") & frame["t"].eq(2005)
    absent = test(frame[~gap], test=name)
    with pytest.warns(MissingDataWarning, match="1 row dropped"):
        missing = test(frame.assign(y=frame["y"].mask(gap)), test=name)
    assert missing.statistic == absent.statistic
    assert missing.p_value == absent.p_value
    whole, part = test(frame, test=name).detail, absent.detail
    lost = whole["df"] - part["df"]
    # The change of the year and of the next one, and with a lag the change after that.
    assert lost.to_dict() == {**dict.fromkeys(part.index, 0), "p2": 2 + (name != "ht")}
    assert part["periods"]["p2"] == whole["periods"]["p2"] - 1


def test_a_year_that_nobody_has_is_a_gap_of_all() -> None:
    frame = walks(1)
    detail = test(frame[frame["t"] != 2005]).detail
    assert set(test(frame).detail["df"] - detail["df"]) == {3}


def test_no_two_periods_in_a_row_are_refused() -> None:
    frame = walks(1, periods=24)
    text = "freedom, because of gaps (if periods are several units apart: Panel(step=))"
    with pytest.raises(IdentificationError, match=re.escape(text)):
        unit_root_test(Panel(frame[frame["t"] % 2 == 0], "i", "t", step=1), "y")


@pytest.mark.parametrize("name", ["ips", "ht"])
def test_there_are_no_tables_for_gaps(name: str) -> None:
    frame = walks(1)
    gap = frame["i"].eq("p2") & frame["t"].eq(2005)
    with pytest.raises(OptionError, match="no table for this panel"):
        test(frame[~gap], test=name, p_value="table")


def test_constants_and_lines_are_named() -> None:
    frame = walks(1)
    for values in (5.0, frame["t"] * 2.5):
        fixed = frame.assign(y=frame["y"].where(frame["i"] != "p4", values))
        with pytest.raises(
            IdentificationError, match=r"constant or fitted perfectly \(i: 'p4'\)"
        ):
            test(fixed)
    for name in ("ips", "cips", "ht", "fisher"):
        with pytest.raises(IdentificationError, match="the panel has one entity"):
            test(frame[frame["i"] == "p0"], test=name)


def test_arguments_that_are_refused() -> None:
    frame = walks(1).assign(word=lambda f: f["t"].map(lambda t: "abc"[t % 3]))
    panel = Panel(frame, "i", "t")
    with pytest.raises(InputTypeError, match="unit_root_test takes a Panel"):
        unit_root_test(frame, "y")  # type: ignore[arg-type]
    with pytest.raises(ColumnError):
        unit_root_test(panel, "nothing")
    with pytest.raises((TermError, InputTypeError)):
        unit_root_test(panel, "word")
    with pytest.raises((TermError, InputTypeError)):
        unit_root_test(panel, ["y"])  # type: ignore[arg-type]
    with pytest.raises(TermError):
        unit_root_test(panel, "C(word)")
    with pytest.raises(InputTypeError, match="rng"):
        unit_root_test(panel, "y", rng=-1)
    with pytest.raises(PanelIndexError, match="periods with a known step"):
        unit_root_test(Panel(frame[frame["t"] == 2000], "i"), "y")
    with pytest.raises(IdentificationError, match="range of floating-point"):
        test(frame.assign(y=frame["y"] * 1e200))


# --- size and power -------------------------------------------------------------------

TESTS = {
    "IPS": ("ips", 1),
    "CIPS": ("cips", 1),
    "HT": ("ht", 0),
    "Fisher": ("fisher", 1),
}
ENTITIES, PANELS, DRAWS = 31, 2_000, 4_999


def errors_of(kind: str, rng: np.random.Generator, periods: int) -> np.ndarray:
    """Draw errors of all panels, with ten periods before the first."""
    e = rng.normal(size=(PANELS, ENTITIES, periods + 10))
    if kind == "common factor":
        loadings = rng.normal(1, 0.5, size=(PANELS, ENTITIES, 1))
        e += loadings * rng.normal(size=(PANELS, 1, periods + 10))
    if kind == "unequal variances":
        e *= rng.lognormal(0, 0.7, size=(PANELS, ENTITIES, 1))
    if kind == "MA -.4":
        e[..., 1:] -= 0.4 * e[..., :-1].copy()
    if kind == "AR .4":
        for t in range(1, e.shape[2]):
            e[..., t] += 0.4 * e[..., t - 1]
    return e[..., 10:]


def shares(
    kind: str, rho: float, periods: int, tests: Mapping[str, tuple[Test, int]]
) -> dict[str, float]:
    """Share of panels of 31 entities in which the tests reject at 5%.

    The panels have the same periods, so all are compared with the same draws.
    """
    rng = np.random.default_rng([periods, round(100 * rho), len(kind)])
    y = errors_of(kind, rng, periods)
    y[..., 0] /= np.sqrt(1 - rho**2) if rho < 1 else 1.0
    for t in range(1, periods):
        y[..., t] += rho * y[..., t - 1]
    cells = np.random.default_rng(1).random(y.shape[1:])
    missing = cells < 0.05 * (kind == "gaps")
    observed, actual = np.where(missing, np.nan, y[0]), {}
    for name, (test, lags) in tests.items():
        model, by_entity = model_of(observed, test, lags), test == "fisher"
        if by_entity:
            model = replace(model, drawn=kernel.draw_t(model, rng))
        draws = kernel.draw_statistics(model, DRAWS, rng)
        statistics = kernel.statistic(kernel.regressions(y, model))
        sign = -1 if by_entity else 1
        below = np.searchsorted(np.sort(sign * draws), sign * statistics, side="right")
        actual[name] = float(((1 + below) / (1 + DRAWS) <= 0.05).mean())
    return actual


@pytest.mark.montecarlo
@pytest.mark.parametrize("periods", [10, 15, 20])
def test_size(periods: int, measured: Callable[..., None]) -> None:
    """Share of 2,000 panels of 31 random walks in which a test rejects at 5%.

    Entities are independent with one variance. Regressions have a constant and one lag,
    those of HT no lag. p-values are from 4,999 simulated panels.
    """
    actual = shares("independent", 1.0, periods, TESTS)
    measured("size_of_unit_root_tests", {"T": periods, **actual})
    assert all(0.03 <= share <= 0.08 for share in actual.values())


@pytest.mark.montecarlo
def test_size_with_gaps(measured: Callable[..., None]) -> None:
    """Share of 2,000 panels of 31 random walks in which a test rejects at 5%.

    One value in twenty is missing, at random; otherwise as above.
    """
    actual = shares("gaps", 1.0, 20, TESTS)
    measured("size_of_unit_root_tests_with_gaps", {"T": 20, **actual})
    assert all(0.03 <= share <= 0.08 for share in actual.values()), actual


@pytest.mark.montecarlo
@pytest.mark.parametrize("rho", [0.7, 0.9])
@pytest.mark.parametrize("periods", [10, 15, 20])
def test_power(periods: int, rho: float, measured: Callable[..., None]) -> None:
    """Share of 2,000 panels of 31 stationary series in which a test rejects at 5%.

    Their autoregressive coefficient is rho, so there is no unit root. Otherwise as
    above.
    """
    actual = shares("independent", rho, periods, TESTS)
    measured("power_of_unit_root_tests", {"rho": rho, "T": periods, **actual}, 2)
    assert actual["HT"] >= max(actual.values())
    assert actual["CIPS"] < 0.6
    if rho == 0.9:
        assert actual["IPS"] < 0.5


@pytest.mark.montecarlo
@pytest.mark.parametrize("periods", [10, 20])
@pytest.mark.parametrize(
    "errors", ["common factor", "unequal variances", "AR .4", "MA -.4"]
)
def test_size_where_assumptions_fail(
    errors: str, periods: int, measured: Callable[..., None]
) -> None:
    """Share of 2,000 panels of 31 unit roots in which a test rejects at 5%.

    The errors have a common factor with unequal loadings, or variances that differ
    between entities, or are autocorrelated.
    """
    ips = TESTS["IPS"]
    tests = {
        "IPS": ips,
        "IPS, year means": replace(ips, year_means=True),
        "CIPS": TESTS["CIPS"],
        "HT": TESTS["HT"],
    }
    actual = shares(errors, 1.0, periods, tests)
    row = {"errors": errors, "T": periods, **actual}
    measured("unit_root_tests_where_assumptions_fail", row, 2)
    if errors == "unequal variances":
        assert actual["IPS"] <= 0.08
        assert actual["HT"] <= 0.08
    if errors == "common factor":
        assert actual["IPS, year means"] < actual["IPS"]
    if errors == "MA -.4":
        assert actual["HT"] > 0.9


# --- the test that is refused ---------------------------------------------------------

# Levin, Lin and Chu (2002), Table 2, constant: the row of the fewest periods, 25.
LLC_MEAN, LLC_SD = -0.554, 0.919


def levin_lin_chu(y: np.ndarray, lags: int) -> float:
    """The statistic t* of Levin, Lin and Chu (2002) of y, shape (N, T)."""
    n, periods = y.shape
    rows, bandwidth = periods - lags - 1, round(3.21 * periods ** (1 / 3))
    changes, levels, ratios = [], [], []
    for row in y:
        d = np.diff(row)
        lagged = [d[lags - j : d.size - j] for j in range(1, lags + 1)]
        design = np.column_stack([np.ones(rows), *lagged])
        both = np.column_stack([d[lags:], row[lags:-1]])
        e, v = (both - design @ np.linalg.lstsq(design, both, rcond=None)[0]).T
        residuals = e - v * (e @ v) / (v @ v)
        sd = np.sqrt(residuals @ residuals / rows)
        d = d - d.mean()
        bartlett = 1 - np.arange(1, min(bandwidth, d.size - 1) + 1) / (bandwidth + 1)
        covariances = [d[j:] @ d[:-j] for j in range(1, bartlett.size + 1)]
        ratios.append(np.sqrt((d @ d + 2 * bartlett @ covariances) / d.size) / sd)
        changes.append(e / sd)
        levels.append(v / sd)
    e, v = np.concatenate(changes), np.concatenate(levels)
    slope = e @ v / (v @ v)
    variance = np.mean((e - slope * v) ** 2)
    error = np.sqrt(variance / (v @ v))
    correction = n * rows * np.mean(ratios) * error * LLC_MEAN / variance
    return float((slope / error - correction) / LLC_SD)


def test_levin_lin_and_chu_as_plm_computes_it() -> None:
    case = REFERENCE["refused"]
    y = grunfeld().set_index(["firm", "year"])["value"].to_numpy().reshape(10, 20)
    statistics = [levin_lin_chu(y, lags) for lags in range(3)]
    assert statistics == pytest.approx(case["statistics"], rel=case["tolerance"])


@pytest.mark.montecarlo
@pytest.mark.parametrize("periods", [10, 15, 20, 25])
def test_size_of_levin_lin_chu(periods: int, measured: Callable[..., None]) -> None:
    """Share of 500 panels of 31 random walks in which the test of Levin, Lin and Chu
    rejects at 5%, with constants, the moments of the first row of their table (25
    periods), and the bandwidth that they recommend.
    """
    rng = np.random.default_rng(periods)
    row: dict[str, Any] = {"T": periods}
    for lags in (0, 1):
        drawn = rng.normal(size=(500, 31, periods)).cumsum(axis=2)
        rejected = [levin_lin_chu(y, lags) < -1.645 for y in drawn]
        row[f"{lags} lag{'s' * (lags == 0)}"] = float(np.mean(rejected))
        assert np.mean(rejected) > (0.5 if periods > 20 else 0.6)
    measured("size_of_the_test_of_levin_lin_and_chu", row, 2)


# --- assumptions that the data contradict ---------------------------------------------


def levels_of_walks(seed: int = 0, n: int = 20, periods: int = 15) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, periods)).cumsum(axis=1)


def codes(
    y: np.ndarray,
    test: str = "ips",
    *,
    trend: bool = False,
    year_means: bool = False,
    simulated: bool = True,
) -> dict[str, dict[str, float]]:
    model = model_of(
        y,
        test,  # type: ignore[arg-type]
        0,
        trend=trend,
        year_means=year_means,
        simulated=simulated,
    )
    return {n.code: dict(n.data) for n in assumptions(model)}


def test_independent_walks_need_no_notice() -> None:
    for test in ("ips", "cips", "ht", "fisher"):
        assert codes(levels_of_walks(), test) == {}


def test_a_common_factor() -> None:
    shock = np.random.default_rng(5).normal(size=15).cumsum()
    y = levels_of_walks() + shock
    data = codes(y)["dependent_entities"]
    changes = np.diff(y)
    rho = np.corrcoef(changes)[np.triu_indices(20, 1)]
    assert data["statistic"] == pytest.approx(rho.sum() / np.sqrt((rho**2).sum()))
    assert data["p_value"] == pytest.approx(2 * stats.norm.sf(data["statistic"]))
    assert "dependent_entities" not in codes(y, "cips")
    assert "dependent_entities" not in codes(y, year_means=True)


def test_a_trend_of_the_mean() -> None:
    y = levels_of_walks() + 0.5 * np.arange(15)
    data = codes(y)["trending_means"]
    expected = stats.ttest_1samp(np.diff(y).mean(axis=0), 0)
    assert data["statistic"] == pytest.approx(expected.statistic)
    assert data["p_value"] == pytest.approx(expected.pvalue)
    assert "trending_means" in codes(y, "cips")
    assert "trending_means" not in codes(y, trend=True)
    assert "trending_means" not in codes(y, year_means=True)


def test_unequal_variances_under_printed_moments() -> None:
    y = levels_of_walks() * np.linspace(1, 5, 20)[:, None]
    data = codes(y, "ht", simulated=False)["variances_differ"]
    expected = stats.levene(*np.diff(y), center="median")
    assert data["statistic"] == pytest.approx(expected.statistic)
    assert data["p_value"] == pytest.approx(expected.pvalue)
    assert "variances_differ" not in codes(y, "ht")
    assert "variances_differ" not in codes(y, "ips", simulated=False)
    assert "variances_differ" not in codes(levels_of_walks(), "ht", simulated=False)


def test_one_entity_is_compared_with_nobody() -> None:
    assert codes(levels_of_walks(n=1)) == {}


# --- statistics of one series ---------------------------------------------------------


SHAPES = ["balanced", "unbalanced", "gaps"]


def series(shape: str, seed: int = 1, n: int = 6, periods: int = 16) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, periods)).cumsum(axis=1)
    if shape != "balanced":
        y[:2, :2] = y[1:3, -1] = np.nan
    if shape == "gaps":
        y[1, 5] = y[3, 8:10] = y[4, [4, 6]] = np.nan
    return y


def mean_path(data: np.ndarray) -> np.ndarray:
    """Add up mean changes of the entities that have both periods."""
    path = [0.0]
    for t in range(1, data.shape[1]):
        changes = [row[t] - row[t - 1] for row in data]
        path.append(path[-1] + float(np.nanmean(changes)))
    return np.array(path)


def one_at_a_time(
    choice: UnitRootModel,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes, t-statistics and degrees of freedom, row by row."""
    path, out = mean_path(choice.y), []
    for values in choice.y:
        y = values - choice.year_means * path
        rows, outcome = [], []
        for t in range(choice.lags + 1, y.size):
            if np.isnan(y[t - choice.lags - 1 : t + 1]).any():
                continue
            row = [y[t - 1], 1.0]
            row += [float(t)] if choice.trend else []
            row += [y[t - j] - y[t - j - 1] for j in range(1, choice.lags + 1)]
            if choice.test == "cips":
                row += [path[t - 1]]
                row += [path[t - j] - path[t - j - 1] for j in range(choice.lags + 1)]
            rows.append(row)
            outcome.append(y[t] - y[t - 1])
        fit = OLS(outcome, np.array(rows)).fit()
        out.append((fit.params[0], fit.tvalues[0], fit.df_resid))
    slopes, t, df = np.array(out).T
    return slopes, t, df


CHOICES: list[dict[str, Any]] = [
    {"lags": 0},
    {"lags": 2},
    {"trend": True},
    {"year_means": True},
    {"test": "cips", "lags": 0},
    {"test": "cips"},
    {"test": "cips", "trend": True},
]


@pytest.mark.many(10)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_regressions_are_those_of_each_entity(
    choice: dict[str, Any], shape: str
) -> None:
    model = model_of(series(shape), **choice)
    fits = kernel.regressions(model.y[None], model)
    slopes, t, df = one_at_a_time(model)
    np.testing.assert_allclose(fits.slopes[0], slopes, rtol=1e-8)
    np.testing.assert_allclose(fits.t[0], t, rtol=1e-8)
    np.testing.assert_array_equal(model.df, df)
    if model.test == "ips":
        assert kernel.statistic(fits)[0] == pytest.approx(t.mean())


@pytest.mark.filterwarnings("ignore:adfuller currently returns:FutureWarning")
@pytest.mark.parametrize("trend", [False, True])
def test_statsmodels_has_the_same_t(*, trend: bool) -> None:
    model = model_of(series("balanced"), trend=trend)
    fits = kernel.regressions(model.y[None], model)
    for i, y in enumerate(model.y):
        t = adfuller(y, 1, regression="ct" if trend else "c", autolag=None)[0]
        assert fits.t[0, i] == pytest.approx(t, rel=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_draws_are_regressions_of_their_own(choice: dict[str, Any], shape: str) -> None:
    model = model_of(series(shape), **choice)
    y = np.random.default_rng(2).normal(size=(3, *model.y.shape)).cumsum(axis=2)
    together = kernel.regressions(y, model)
    for r in range(3):
        alone = kernel.regressions(y[r : r + 1], model)
        np.testing.assert_allclose(together.t[r], alone.t[0], rtol=1e-9)


@pytest.mark.parametrize("trend", [False, True])
@pytest.mark.parametrize("simulated", [False, True])
def test_harris_tzavalis_is_the_pooled_within_estimate(
    *, trend: bool, simulated: bool
) -> None:
    data = series("balanced")
    model = model_of(data, "ht", 0, trend=trend, simulated=simulated)
    (rho,) = kernel.statistic(kernel.regressions(data[None], model))
    before, after = [], []
    for row in data:
        y = row / np.diff(row).std(ddof=1) if simulated else row
        time = np.arange(y.size - 1.0)
        design = np.column_stack([np.ones_like(time), *([time] if trend else [])])
        for column, out in ((y[:-1], before), (y[1:], after)):
            out.extend(OLS(column, design).fit().resid)
    assert rho == pytest.approx(np.dot(before, after) / np.dot(before, before))


def test_cips_bounds_each_t() -> None:
    model = model_of(series("balanced", 4, 5, 10), "cips")
    y = np.random.default_rng(3).normal(size=(400, *model.y.shape)).cumsum(axis=2)
    fits = kernel.regressions(y, model)
    assert fits.t.min() < -6.19
    assert fits.t.max() > 2.61
    expected = np.minimum(np.maximum(fits.t, -6.19), 2.61).mean(axis=1)
    np.testing.assert_allclose(kernel.statistic(fits), expected)


@pytest.mark.parametrize("trend", [False, True])
def test_p_values_of_mackinnon(*, trend: bool) -> None:
    t = np.linspace(-8, 0.6, 40)[None]
    model = model_of(np.zeros((40, 9)), "fisher", trend=trend)
    ones = np.ones_like(t)
    fits = kernel.Regressions(ones, t, np.sqrt(model.df) * ones, ones, model)
    np.testing.assert_allclose(fits.t, t)
    expected = [mackinnonp(value, "ct" if trend else "c") for value in t[0]]
    np.testing.assert_allclose(kernel.unit_p_values(fits)[0], expected)


def test_p_values_are_ranks_among_draws() -> None:
    t = np.array([[-3.0, -1.0, 0.5]])
    draws = {(True,) * 4: np.array([-2.0, -1.0, 0.0, 1.0])}
    model = replace(model_of(np.zeros((3, 4)), "fisher", 0), drawn=draws)
    ones = np.ones_like(t)
    p = kernel.unit_p_values(kernel.Regressions(ones, t, ones, ones, model))
    np.testing.assert_allclose(p, [[0.2, 0.6, 0.8]])


def test_drawn_t_has_the_quantiles_of_dickey_and_fuller() -> None:
    """5% values of Fuller (1976) for a constant with 25 and 50 periods."""
    y = np.zeros((2, 51))
    y[0, 26:] = np.nan
    drawn = kernel.draw_t(model_of(y, "fisher", 0), np.random.default_rng(1))
    quantiles = {len(span): np.quantile(draws, 0.05) for span, draws in drawn.items()}
    assert quantiles == pytest.approx({26: -3.00, 51: -2.93}, abs=0.04)


def test_spans_are_drawn_from_the_shortest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_SERIES", 9)
    y = np.zeros((8, 20))
    for entity, first in enumerate([3, 8, 0, 6, 1, 7, 2, 4]):
        y[entity, :first] = np.nan
    drawn = kernel.draw_t(model_of(y, "fisher", 0), np.random.default_rng(1))
    assert len(drawn) == 8
    assert list(drawn) == sorted(drawn, key=lambda span: (len(span), span))


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(series("gaps"), "cips")
    whole = kernel.draw_statistics(model, 25, np.random.default_rng(1))
    monkeypatch.setattr(kernel, "_MEMORY", 8 * 7 * model.y.size)
    parts = kernel.draw_statistics(model, 25, np.random.default_rng(1))
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_the_order_of_entities_does_not_change_the_draws() -> None:
    data, order = series("gaps"), [3, 1, 5, 0, 2, 4]
    first, second = (
        kernel.draw_statistics(model_of(y), 9, np.random.default_rng(1))
        for y in (data, data[order])
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("trend", [False, True])
def test_moments_of_harris_and_tzavalis_are_those_of_draws(*, trend: bool) -> None:
    n, entities = 12, 200
    model = model_of(np.zeros((entities, n + 1)), "ht", 0, trend=trend, simulated=False)
    draws = kernel.draw_statistics(model, 2_000, np.random.default_rng(1))
    mean, variance = kernel.harris_tzavalis_moments(n, trend=trend)
    assert draws.mean() == pytest.approx(mean, abs=0.003)
    assert entities * draws.var() == pytest.approx(variance, rel=0.12)
