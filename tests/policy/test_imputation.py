"""Imputed effects on panels; the kernel is tested against dummies written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp


def draw(seed: int = 1, n: int = 45, periods: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"city": np.repeat(np.arange(n), periods), "year": np.tile(np.arange(periods), n)})
    frame["first"] = np.array([3.0, 5.0, np.nan])[frame["city"] % 3]
    frame["x"] = rng.normal(size=len(frame))
    frame["y"] = (frame["year"] >= frame["first"]) + 0.5 * frame["x"] + rng.normal(size=len(frame))
    frame["on"] = (frame["year"] >= frame["first"]).astype(float)
    return frame


def fit_of(frame: pd.DataFrame, x: tuple[str, ...] = (), **options: object) -> dp.StaggeredDidResults:
    spec = dp.StaggeredDid("y", "first", x, estimator="imputation", **options)  # type: ignore[arg-type]
    return spec.fit(dp.Panel(frame, "city", "year"))


def test_effects_are_outcomes_less_predictions_of_a_regression_of_untreated_rows() -> None:
    rng = np.random.default_rng(2)
    frame = draw(2)[lambda f: (rng.random(len(f)) > 0.1) | (f["year"] == 0)]
    fit = fit_of(frame, ("x",))
    untreated = dp.FixedEffects("y", ["x"], singletons="keep").fit(
        dp.Panel(frame[frame["on"] == 0], "city", "year")
    )
    effects = frame["y"] - untreated.predict(dp.Panel(frame, "city", "year")).to_numpy()
    treated = frame.assign(effect=effects)[frame["on"] == 1]
    assert fit.aggregate("simple").params["att"] == pytest.approx(treated["effect"].mean(), abs=1e-10)
    cells = treated.groupby(["first", "year"])["effect"].agg(["mean", "size"]).reset_index()
    np.testing.assert_allclose(fit.group_time["estimate"], cells["mean"], atol=1e-10)
    assert fit.group_time["n_treated"].tolist() == cells["size"].tolist()


def test_leads_are_coefficients_of_untreated_rows() -> None:
    frame = draw(3)
    fit = fit_of(frame, leads=2)
    assert list(fit.params.index[1:3]) == ["event:-2", "event:-1"]
    event = frame["year"] - frame["first"]
    frame = frame.assign(l1=(event == -1) * 1.0, l2=(event == -2) * 1.0)[frame["on"] == 0]
    by_hand = dp.FixedEffects("y", ["l2", "l1"], ssc="none").fit(dp.Panel(frame, "city", "year"))
    np.testing.assert_allclose(fit.params.iloc[1:3], by_hand.params, atol=1e-10)
    np.testing.assert_allclose(fit.std_errors.iloc[1:3], by_hand.std_errors, atol=1e-10)
    assert fit.path.set_index("time")["n_treated"][-2] == 30


def test_extended_two_way_regression_has_the_same_effects() -> None:
    """Wooldridge (2021): a dummy for every cohort and period since treatment, on a balanced panel."""
    frame = draw(8)
    cells = [(g, t) for g in (3, 5) for t in range(g, 7)]
    dummies = {f"d{g}{t}": ((frame["first"] == g) & (frame["year"] == t)) * 1.0 for g, t in cells}
    saturated = dp.FixedEffects("y", list(dummies)).fit(dp.Panel(frame.assign(**dummies), "city", "year"))
    np.testing.assert_allclose(fit_of(frame).group_time["estimate"], saturated.params, atol=1e-10)


def test_default_leads_leave_half_of_the_entities_an_earlier_period() -> None:
    frame = draw(4)
    assert [one for one in fit_of(frame).path["time"] if one < 0] == [-4, -3, -2, -1]
    early = frame.assign(first=frame["first"].where(frame["city"] != 1, 3.0))
    assert [one for one in fit_of(early).path["time"] if one < 0] == [-2, -1]


def test_without_earlier_periods_there_is_no_test() -> None:
    frame = draw(5)[lambda f: f["year"] >= 2].assign(first=lambda f: f["first"].where(f["first"] != 5))
    fit = fit_of(frame)
    assert fit.path["time"].min() == 0
    assert "Pre-trend" not in fit.summary()
    with pytest.raises(dp.OptionError):
        fit.pretrend_test()


@pytest.mark.peers
@pytest.mark.parametrize("x", [(), ("x",)])
def test_diff_diff(x: tuple[str, ...]) -> None:
    diff_diff = pytest.importorskip("diff_diff")
    frame = draw(6, n=60)
    fit = fit_of(frame, x)
    theirs = diff_diff.ImputationDiD().fit(
        frame.fillna({"first": 0}), "y", "city", "year", "first", covariates=list(x) or None
    )
    att = fit.aggregate("simple")
    assert att.params["att"] == pytest.approx(theirs.overall_att, abs=1e-8)
    assert att.std_errors["att"] == pytest.approx(theirs.overall_se, abs=1e-8)
    table = theirs.aggregate("event_study").to_dataframe()
    path = fit.path.set_index("time")
    for row in table[~table["is_reference"]].itertuples():
        assert path["estimate"][row.event_time] == pytest.approx(row.att, abs=1e-8)
        assert path["std_error"][row.event_time] == pytest.approx(row.se, abs=1e-8)
