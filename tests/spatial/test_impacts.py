from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.report.terms import Factor
from digiprosper.spatial.impacts import (
    SpatialEffects,
    effects_frame,
    shared_variables,
    unit_frame,
)


def made(draws: np.ndarray | None = None) -> SpatialEffects:
    estimates = np.array([[1.0, 2.0], [0.5, 0.0], [1.5, 2.0]])
    covariance = np.diag([0.01, 0.04, 0.01, 0.0, 0.04, 0.04])
    units = np.vstack([np.full(3, v) for v in (1.0, 1.5, 1.5, 0.0, 0.0, 0.0)])
    return SpatialEffects(
        terms=("a", "b"),
        slopes=np.array([1.0, 2.0]),
        lags=np.zeros(2),
        estimates=estimates,
        covariance=covariance,
        draws=draws,
        units=units,
        entities=pd.Index(["u", "v", "w"]),
    )


def test_three_rows_a_term() -> None:
    frame = effects_frame(made(), np.inf, 0.95)
    assert frame["term"].tolist() == ["a"] * 3 + ["b"] * 3
    assert frame["kind"].tolist() == ["direct", "indirect", "total"] * 2
    assert frame["estimate"].tolist() == [1.0, 0.5, 1.5, 2.0, 0.0, 2.0]
    assert frame.loc[0, "conf_high"] == pytest.approx(1.0 + 1.959964 * 0.1, abs=1e-6)
    assert frame.loc[2, "p_value"] == pytest.approx(6.4e-14, rel=0.01)


def test_an_effect_set_to_zero_has_no_error() -> None:
    frame = effects_frame(made(), np.inf, 0.95)
    assert (
        frame.loc[4, ["std_error", "statistic", "p_value", "conf_low", "conf_high"]]
        .isna()
        .all()
    )


def test_levels_are_checked() -> None:
    with pytest.raises(dp.OptionError):
        effects_frame(made(), np.inf, 95)


def test_draws_give_errors_and_percentiles() -> None:
    rng = np.random.default_rng(1)
    draws = made().estimates + 0.1 * rng.normal(size=(500, 3, 2))
    draws[:, 1, 1] = 0.0
    frame = effects_frame(made(draws), np.inf, 0.9)
    assert frame.loc[0, "std_error"] == pytest.approx(draws[:, 0, 0].std(ddof=1))
    low = np.quantile(draws[:, 0, 0], 0.05)
    assert frame.loc[0, "conf_low"] == pytest.approx(low, abs=0.01)
    assert frame.loc[4, ["std_error", "p_value", "conf_low"]].isna().all()


def test_units() -> None:
    frame = unit_frame(made(), "city")
    assert list(frame.columns) == [
        "city",
        "term",
        "direct",
        "indirect",
        "total",
        "to_others",
    ]
    assert frame.loc[1].tolist() == ["u", "b", 2.0, 1.0, 3.0, 1.0]


SQUARES = ["log(pc)", "unemp", "I(unemp**2)"]


@pytest.mark.parametrize("model", ["sdm", "sar", "sem", "slx"])
def test_a_variable_in_several_terms_has_no_row_of_its_own(
    states, contiguity, model: str
) -> None:
    fit = dp.PanelSpatial("log(gsp)", SQUARES, contiguity, model=model).fit(states)
    (notice,) = [n for n in fit.diagnostics if n.code == "several_rows"]
    assert notice.data == {"terms": {"unemp": ("unemp", "I(unemp**2)")}}
    text = fit.summary()
    assert (
        text.index("I(unemp**2): total")
        < text.index("'unemp' is in the terms")
        < text.index("Coefficients")
    )
    assert text.count("is in the terms") == 1
    notes = dp.etable(fit.decomposition).notes
    assert any("no row alone is its effect" in note for note in notes)


@pytest.mark.filterwarnings("ignore::digiprosper.FewClustersWarning")
def test_variables_that_several_terms_share() -> None:
    def shared(*terms: str) -> dict[str, tuple[str, ...]]:
        states = dp.datasets.us_states()
        fit = dp.FixedEffects("log(gsp)", terms, entity_effects=False).fit(states)
        return shared_variables(terms, fit.factors)

    assert shared("log(pc)", "unemp", "lag(unemp)") == {}
    assert shared("pc", "log(pc)") == {"pc": ("pc", "log(pc)")}
    assert shared("unemp", "unemp:log(pc)") == {"unemp": ("unemp", "unemp:log(pc)")}
    assert shared("lag(unemp)", "I(lag(unemp)**2)") == {
        "lag(unemp)": ("lag(unemp)", "I(lag(unemp)**2)")
    }
    both = ("emp", "log(pc)", "emp:log(pc)")
    assert shared(*both) == {"emp": (both[0], both[2]), "pc": (both[1], both[2])}


def test_dummies_of_one_category_are_different_variables() -> None:
    dummies = [
        Factor(f"C(region)[T.{level}]", "region", level=at)
        for at, level in enumerate("ab", 1)
    ]
    x = Factor("x", "x", columns=("x",))
    factors = {
        "a": (dummies[0],),
        "b": (dummies[1],),
        "x": (x,),
        "a:x": (dummies[0], x),
    }
    assert shared_variables(("a", "b", "x"), factors) == {}
    assert shared_variables(tuple(factors), factors) == {
        "C(region)[T.a]": ("a", "a:x"),
        "x": ("x", "a:x"),
    }


def test_the_effect_of_a_variable_in_several_terms_adds_its_rows(
    states, contiguity
) -> None:
    """The sum of rows is the mean outcome's change if unemp changes everywhere."""
    fit = dp.PanelSpatial("log(gsp)", SQUARES, contiguity).fit(states)
    value, step = 7.0, 1e-4
    total = fit.impacts.query("kind == 'total'").set_index("term")["estimate"]
    rho, weights = fit.params["rho"], contiguity.dense

    def outcome(unemp: float) -> float:
        columns = {"unemp": unemp, "I(unemp**2)": unemp**2}
        own = sum(fit.params[term] * column for term, column in columns.items())
        lagged = sum(
            fit.params[f"W:{term}"] * column for term, column in columns.items()
        )
        ones = np.ones(len(weights))
        return float(
            np.linalg.solve(
                np.eye(len(ones)) - rho * weights, own * ones + lagged * weights @ ones
            ).mean()
        )

    slope = (outcome(value + step) - outcome(value - step)) / (2 * step)
    assert total["unemp"] + 2 * value * total["I(unemp**2)"] == pytest.approx(
        slope, rel=1e-6
    )
