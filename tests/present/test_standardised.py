from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import ColumnError, DigiprosperError, InputTypeError, OptionError
from digiprosper.present.tables import etable

# Few large states hold most of the variation of capital.
pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")

SPEC = dp.FixedEffects("gsp", ["pc", "unemp"])


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    return dp.datasets.us_states()


@pytest.fixture(scope="module")
def fits(panel) -> list[dp.LinearResults]:
    return [SPEC.fit(panel), SPEC.swap("pc", "lag(pc)").fit(panel)]


def named(unit: str, label: str) -> str:
    words = {"sd": "in SD of the outcome", "mean": "in % of the mean outcome"}
    return f"{label}: effect of one SD, {words[unit]}"


def test_it_is_the_coefficient_times_sd_over_that_of_the_outcome(fits, panel):
    frame = panel.frame
    cells = etable(fits, std_effect="pc", labels={"pc": "K"}, digits=6).frame.loc[named("sd", "K")]
    expected = fits[0].params["pc"] * frame["pc"].std() / frame["gsp"].std()
    assert cells.tolist() == [f"{expected:.6f}", ""]
    standardised = fits[0].standardised().set_index("term").loc["pc", "estimate"]
    assert float(cells.iloc[0]) == pytest.approx(standardised, abs=1e-6)


def test_or_in_percent_of_the_mean(fits, panel):
    frame = panel.frame
    table = etable(fits, std_effect="pc", std_effect_in="mean", labels={"pc": "K"}, digits=6)
    expected = 100 * fits[0].params["pc"] * frame["pc"].std() / frame["gsp"].mean()
    assert table.frame.loc[named("mean", "K")].tolist() == [f"{expected:.6f}", ""]


def test_terms_with_one_label_share_a_row_each_in_its_own_sample(fits, panel):
    labels = {"pc": "K", "lag(pc)": "K"}
    cells = etable(fits, std_effect="*pc*", labels=labels, digits=6).frame.loc[named("sd", "K")]
    rows = panel.frame.assign(late=panel.frame.groupby(level=0)["pc"].shift()).dropna(subset="late")
    expected = fits[1].params["lag(pc)"] * rows["late"].std() / rows["gsp"].std()
    assert cells.iloc[1] == f"{expected:.6f}"


def test_a_chinese_row_and_what_tells_no_moments(fits, make_fit):
    style = dp.TableStyle("zh")
    other = make_fit({"pc": (0.1, 0.04, 0.01)})
    table = etable([fits[0], other], std_effect="pc", labels={"pc": "资本"}, style=style)
    cells = table.frame.loc["资本增加一个标准差的效应（被解释变量的标准差）"]
    assert [bool(cell) for cell in cells] == [True, False]
    alone = etable(other, std_effect="pc")
    assert not any("one SD" in name for name in alone.frame.index)


def test_slopes_by_regime_and_with_instruments_have_it(panel):
    regimes = dp.PanelThreshold("gsp", "pc", "unemp", [], thresholds=(7.0,)).fit(panel)
    rows = etable(regimes, std_effect="pc*", labels={"pc": "K"}).frame
    assert sum("one SD" in name for name in rows.index) == 2
    iv = dp.FixedEffectsIV("gsp", ["unemp"], ["pc"], ["lag(pc)"]).fit(panel)
    value = etable(iv, std_effect="pc", digits=6).frame.filter(like="one SD", axis=0).iloc[0, 0]
    assert float(value) == pytest.approx(iv.standardised().set_index("term").loc["pc", "estimate"], abs=1e-6)


def test_the_constant_is_a_row_on_request(fits):
    assert "Intercept" not in etable(fits).frame.index
    table = etable(fits, constant=True, digits=1)
    place = list(table.frame.index).index("Intercept")
    assert table.frame.index[place + 1] == ""
    for column, fit in enumerate(fits):
        found = fit.constant()
        assert table.frame.iloc[place, column].rstrip("*") == f"{found['estimate']:.1f}"
        assert table.frame.iloc[place + 1, column] == f"({found['std_error']:.1f})"
    assert any(note.startswith("Intercept beside fixed effects: mean") for note in table.notes)
    assert "Intercept" in etable(fits, constant=True, keep="unemp").frame.index
    chinese = etable(fits, constant=True, style=dp.TableStyle("zh"))
    assert "常数项" in chinese.frame.index
    assert any("常数项为被解释变量均值减去" in note for note in chinese.notes)


def test_the_constant_of_a_model_without_effects_needs_no_note(panel):
    pooled = SPEC.replace(entity_effects=False, time_effects=False).fit(panel)
    plain, asked = (etable(pooled, constant=constant) for constant in (False, True))
    assert plain.frame.equals(asked.frame)
    assert plain.notes == asked.notes


def test_adjusted_rsquared_on_request_is_that_of_all_dummies(panel):
    fit = SPEC.fit(panel)
    dummies = pd.get_dummies(panel.frame.index.to_frame().astype(str), drop_first=True).to_numpy(float)
    x = np.column_stack([np.ones(len(dummies)), dummies, panel.frame[["pc", "unemp"]]])
    y = panel.frame["gsp"].to_numpy()
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    adjusted = 1 - (left @ left / (len(y) - x.shape[1])) / y.var(ddof=1)
    cells = etable(fit, stats=["rsquared_adj"], digits=8).frame.loc["Adjusted R²"]
    assert cells.tolist() == [f"{adjusted:.8f}"]


BAD = {
    "no term": ({"std_effect": "nothing"}, ColumnError),
    "pattern without a hit": ({"std_effect": "z*"}, ColumnError),
    "one of two": ({"std_effect": ["pc", "no"]}, ColumnError),
    "empty name": ({"std_effect": ""}, ColumnError),
    "number": ({"std_effect": 1}, InputTypeError),
    "none": ({"std_effect": None}, InputTypeError),
    "true": ({"std_effect": True}, InputTypeError),
    "numbers": ({"std_effect": [1, 2]}, InputTypeError),
    "mixed": ({"std_effect": ["pc", None]}, InputTypeError),
    "array": ({"std_effect": np.array([1.0])}, InputTypeError),
    "frame": ({"std_effect": pd.DataFrame({0: [1]})}, DigiprosperError),
    "class": ({"std_effect": dict}, InputTypeError),
    "unit": ({"std_effect": "pc", "std_effect_in": "percent"}, OptionError),
    "unit in capitals": ({"std_effect": "pc", "std_effect_in": "SD"}, OptionError),
    "no unit": ({"std_effect": "pc", "std_effect_in": None}, OptionError),
    "unit as number": ({"std_effect": "pc", "std_effect_in": 1}, OptionError),
    "unit without terms": ({"std_effect_in": ""}, OptionError),
    "units": ({"std_effect": "pc", "std_effect_in": ["sd"]}, OptionError),
    "constant as text": ({"constant": "yes"}, OptionError),
    "no constant": ({"constant": None}, OptionError),
    "constants": ({"constant": [True]}, OptionError),
    "constant as number": ({"constant": 2}, OptionError),
    "constant as frame": ({"constant": pd.DataFrame()}, OptionError),
}


@pytest.mark.many(6)
@pytest.mark.parametrize(("options", "error"), BAD.values(), ids=BAD)
def test_what_is_not_allowed(fits, options, error):
    with pytest.raises(error) as caught:
        etable(fits[0], **options)
    assert caught.value.problems
