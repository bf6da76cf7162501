"""Variance inflation factors against statsmodels and regressions."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import Panel, vif

X = ["log(pcap)", "log(pc)", "log(emp)", "unemp"]


def draw(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(12), 5), "t": np.tile(np.arange(5), 12)}
    )
    frame[["a", "b", "c"]] = (
        rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3)) + rng.normal(size=3) * 100
    )
    frame["region"] = np.array(["east", "west", "north"])[frame["i"] % 3]
    frame["sum"] = frame["a"] + frame["b"]
    frame["one"], frame["text"] = 7.0, "x"
    return frame


@pytest.mark.parametrize("seed", range(5))
def test_statsmodels_gives_the_same(seed: int) -> None:
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    frame = draw(seed)
    columns = frame[["a", "b", "c"]].assign(one=1.0).to_numpy()
    expected = [variance_inflation_factor(columns, j) for j in range(3)]
    actual = vif(Panel(frame, "i", "t"), ["a", "b", "c"])
    assert list(actual.columns) == ["term", "vif", "tolerance"]
    assert list(actual["term"]) == ["a", "b", "c"]
    np.testing.assert_allclose(actual["vif"], expected, rtol=1e-7)
    np.testing.assert_allclose(actual["tolerance"] * actual["vif"], 1)


def test_terms_and_dummies_are_columns() -> None:
    frame = draw(1)
    actual = vif(Panel(frame, "i", "t"), ["a", "I(a**2)", "C(region)"])
    design = np.column_stack(
        [frame["a"], frame["a"] ** 2, pd.get_dummies(frame["region"]).iloc[:, 1:]]
    ).astype(float)
    expected = np.diag(np.linalg.inv(np.corrcoef(design.T)))
    assert len(actual) == 4
    np.testing.assert_allclose(actual["vif"], expected, rtol=1e-6)


def test_one_column_and_independent_columns() -> None:
    assert vif(Panel(draw(2), "i", "t"), "a")["vif"].tolist() == [1.0]
    frame = pd.DataFrame(
        {
            "i": [0, 0, 1, 1],
            "t": [0, 1, 0, 1],
            "a": [1.0, 1, -1, -1],
            "b": [1.0, -1, 1, -1],
        }
    )
    assert vif(Panel(frame, "i", "t"), ["a", "b"])["vif"].tolist() == [1.0, 1.0]


def test_digits_of_nearly_collinear_columns() -> None:
    rng = np.random.default_rng(3)
    frame = draw(3)
    noise = rng.normal(size=60)
    noise -= noise.mean()
    a = frame["a"] - frame["a"].mean()
    noise -= a * (a @ noise) / (a @ a)
    frame["near"] = a + 1e-6 * noise
    expected = 1 + (a @ a) / (1e-12 * noise @ noise)
    actual = vif(Panel(frame, "i", "t"), ["a", "near"])["vif"]
    np.testing.assert_allclose(actual, [expected] * 2, rtol=1e-6)


def test_invariances() -> None:
    frame = draw(4)
    base = vif(Panel(frame, "i", "t"), ["a", "b", "c"])["vif"]
    shuffled = vif(
        Panel(frame.sample(frac=1, random_state=1), "i", "t"), ["a", "b", "c"]
    )["vif"]
    assert shuffled.tolist() == base.tolist()
    units = frame.assign(a=frame["a"] * 1e6 + 1e8, b=-frame["b"] / 1e5)
    np.testing.assert_allclose(
        vif(Panel(units, "i", "t"), ["a", "b", "c"])["vif"], base, rtol=1e-6
    )


def test_rows_with_missing_values_leave_and_are_told() -> None:
    frame = draw(5)
    frame.loc[3, "a"] = np.nan
    with pytest.warns(dp.MissingDataWarning):
        actual = vif(Panel(frame, "i", "t"), ["a", "b"])
    pd.testing.assert_frame_equal(
        actual, vif(Panel(frame.drop(3), "i", "t"), ["a", "b"])
    )


def test_states() -> None:
    actual = vif(dp.datasets.us_states(), X)
    frame = dp.datasets.us_states().frame
    logs = np.log(frame[["pcap", "pc", "emp"]]).assign(unemp=frame["unemp"])
    np.testing.assert_allclose(
        actual["vif"], np.diag(np.linalg.inv(logs.corr())), rtol=1e-9
    )


WRONG = {
    "an exact sum": (["a", "b", "sum"], dp.CollinearityError),
    "a term twice": (["a", "a"], dp.TermError),
    "a constant": (["a", "one"], dp.IdentificationError),
    "nothing": ([], dp.IdentificationError),
    "an unknown column": (["a", "nothing"], dp.ColumnError),
    "a number": (3, dp.InputTypeError),
    "numbers": ([1, 2], dp.InputTypeError),
    "text columns": (["a", "text"], dp.InputTypeError),
    "a formula": (["a + b"], dp.TermError),
    "missing in every row": (["lag(a, 9)"], dp.DigiprosperError),
    "as many columns as rows": (["a", "b", "c", "C(i)", "C(t)"], dp.DigiprosperError),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_named(case: str) -> None:
    x, error = WRONG[case]
    frame = draw(6)
    if case == "as many columns as rows":
        frame = frame.iloc[:8]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        with pytest.raises(error):
            vif(Panel(frame, "i", "t"), x)


@pytest.mark.parametrize("panel", [draw(1), None, "panel", dp.FixedEffects("a", ["b"])])
def test_what_is_no_panel(panel) -> None:
    with pytest.raises(dp.InputTypeError, match="vif takes a Panel"):
        vif(panel, ["a"])


def test_a_table_has_the_labels_of_terms_in_both_languages() -> None:
    factors = dp.vif(dp.datasets.us_states(), ["log(pcap)", "lag(unemp)"])
    assert dp.etable(factors).frame.index.tolist() == [
        "log(Public capital (million USD))",
        "lag(Unemployment rate (%))",
    ]
    chinese = dp.etable(
        factors, style=dp.TableStyle("zh"), labels={"pcap": "资本", "unemp": "失业"}
    )
    assert chinese.frame.index.tolist() == ["ln(资本)", "失业（滞后1期）"]
    assert chinese.frame.index.name == "变量"
    assert chinese.frame.columns.tolist() == ["VIF", "容忍度"]


def test_mean_of_the_other_rows() -> None:
    """The outcome of its diagnostics is none of a table of regressors."""
    rng = np.random.default_rng(2)
    i, t = np.indices((31, 6)).reshape(2, -1)
    frame = pd.DataFrame({"i": i, "t": t, "x": rng.normal(size=i.size)})
    frame["others"] = (frame.groupby("t")["x"].transform("sum") - frame["x"]) / 30
    assert vif(Panel(frame, "i", "t"), ["others"])["vif"][0] == pytest.approx(1)
