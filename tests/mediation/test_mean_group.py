"""Mean group mediation: loops over entities, draws by hand, a known truth.

Also who is left out. The draws are drawn means.
"""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import OLS

from digiprosper import EffectResults, Mediation, Panel, datasets, etable
from digiprosper.errors import (
    FewClustersWarning,
    FewDrawsWarning,
    IdentificationError,
    InputTypeError,
    MissingDataWarning,
    OptionError,
    TermError,
)
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.mediation import by_entity
from digiprosper.mediation.by_entity import MeanGroupResults, mean_group_mediation
from digiprosper.report.protocol import HasDraws, Results

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = Mediation("y", "x", "m1", ["w"], reps=199)
TWO = Mediation("y", "x", ["m1", "m2"], ["w"], reps=199)


def make(seed=0, n=45, periods=16, *, holes=True, correlation=0.8, shocks=0.5):
    """Slopes a_i and b_i that go together, levels, shocks, gaps, a missing value.

    Levels are those of entities, shocks of periods.
    """
    rng = np.random.default_rng(seed)
    city, year = (
        v.ravel()
        for v in np.meshgrid(np.arange(n), 2001 + np.arange(periods), indexing="ij")
    )
    z = rng.normal(size=(n, 2))
    a = 0.5 + 0.5 * z[:, 0]
    b = 0.4 + 0.5 * (correlation * z[:, 0] + np.sqrt(1 - correlation**2) * z[:, 1])
    level, shock = rng.normal(size=(n, 3)), rng.normal(size=(periods, 3))
    own = rng.normal(size=(city.size, 5)) + np.pad(
        level[city] + shocks * shock[year - 2001], [(0, 0), (0, 2)]
    )
    frame = pd.DataFrame({"city": city, "year": year, "w": own[:, 3]})
    frame["x"] = own[:, 0] + 0.3 * frame["w"]
    frame["m1"] = a[city] * frame["x"] + 0.3 * frame["w"] + own[:, 1]
    frame["m2"] = -0.3 * frame["x"] + 0.2 * frame["m1"] + own[:, 4]
    frame["y"] = (
        0.3 * frame["x"] + b[city] * frame["m1"] + 0.2 * frame["m2"] + own[:, 2]
    )
    frame["truth_a"], frame["truth_b"] = a[city], b[city]
    if holes:
        frame = frame[(rng.random(city.size) < 0.85) | (year < 2010)].reset_index(
            drop=True
        )
        frame.loc[len(frame) // 2, "m2"] = np.nan
    return frame


def panel_of(frame):
    return Panel(frame, "city", "year")


def quiet(spec, panel, rng=1):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mean_group_mediation(spec, panel, rng=rng)


def codes(results):
    return [n.code for n in results.diagnostics]


def loop(frame, mediators, *, time_effects):
    """By entity: total, direct, a.., b.., a b.. net of period dummies."""
    columns = ["y", "x", *mediators, "w"]
    frame = frame.dropna(subset=columns).reset_index(drop=True)
    if time_effects:
        dummies = np.hstack(
            [pd.get_dummies(frame[k]).to_numpy(dtype=float) for k in ("city", "year")]
        )
        fitted = dummies @ np.linalg.lstsq(dummies, frame[columns], rcond=None)[0]
        frame = frame.assign(
            **dict(zip(columns, (frame[columns] - fitted).to_numpy().T, strict=True))
        )
    rows = []
    for _, part in frame.groupby("city"):

        def slopes(outcome, *x, part=part):
            design = np.column_stack([part[[*x, "w"]], np.ones(len(part))])
            return np.linalg.lstsq(design, part[outcome], rcond=None)[0][: len(x)]

        a = np.array([slopes(m, "x")[0] for m in mediators])
        direct, *b = slopes("y", "x", *mediators)
        rows.append([slopes("y", "x")[0], direct, *a, *b, *(a * b)])
    return np.array(rows)


def terms(means):
    """All terms from the means of total, direct, a.., b.., a b..."""
    k = (len(means) - 2) // 3
    a, b, products = means[2 : 2 + k], means[2 + k : 2 + 2 * k], means[2 + 2 * k :]
    return np.array(
        [*means[:2], products.sum(), *products, *a, *b, *(a * b), *(products - a * b)]
    )


# --- the numbers ----------------------------------------------------------------------


@pytest.mark.many(1)
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("time_effects", [False, True])
@pytest.mark.parametrize(("spec", "mediators"), [(ONE, ["m1"]), (TWO, ["m1", "m2"])])
def test_a_loop_over_entities(spec, mediators, time_effects, holes):
    frame = make(1, holes=holes)
    got = quiet(spec.replace(time_effects=time_effects), panel_of(frame))
    want = loop(frame, mediators, time_effects=time_effects)
    each = [f"{kind}:{m}" for kind in ("a", "b", "indirect") for m in mediators]
    assert list(got.entities.columns) == ["total", "direct", *each, "nobs"]
    assert got.entities.index.tolist() == sorted(frame["city"].unique())
    np.testing.assert_allclose(
        got.entities.drop(columns="nobs"), want, rtol=1e-8, atol=1e-10
    )
    rows = frame.dropna(subset=["y", "x", *mediators])
    assert got.entities["nobs"].tolist() == rows.groupby("city").size().tolist()
    assert got.nobs == len(rows)
    kinds = [
        f"{k}:{m}"
        for k in ("indirect", "a", "b", "product_of_means", "covariance")
        for m in mediators
    ]
    assert got.names == ("total", "direct", "indirect", *kinds)
    np.testing.assert_allclose(
        got.params, terms(want.mean(axis=0)), rtol=1e-8, atol=1e-10
    )


def test_period_means_are_what_leaves_a_balanced_panel():
    frame = make(2, holes=False)
    columns = ["y", "x", "m1", "w"]
    centred = frame.copy()
    centred[columns] -= frame.groupby("year")[columns].transform("mean")
    got, want = (
        quiet(ONE, panel_of(frame)),
        quiet(ONE.replace(time_effects=False), panel_of(centred)),
    )
    np.testing.assert_allclose(got.params, want.params, rtol=1e-10)
    np.testing.assert_allclose(got.draws, want.draws, rtol=1e-9, atol=1e-12)


@pytest.mark.further
def test_statsmodels_on_every_state():
    panel = datasets.us_states()
    spec = Mediation(
        "log(gsp)", "log(pc)", "log(emp)", "unemp", time_effects=False, reps=999
    )
    got = mean_group_mediation(spec, panel, rng=1)
    frame = np.log(panel.frame[["gsp", "pc", "emp"]]).assign(
        unemp=panel.frame["unemp"], one=1.0
    )
    controls, rows = ["unemp", "one"], {}
    for state, part in frame.groupby(level=0):
        total = OLS(part["gsp"], part[["pc", *controls]]).fit().params["pc"]
        a = OLS(part["emp"], part[["pc", *controls]]).fit().params["pc"]
        outcome = OLS(part["gsp"], part[["pc", "emp", *controls]]).fit().params
        rows[state] = [total, outcome["pc"], a, outcome["emp"], a * outcome["emp"]]
    want = pd.DataFrame.from_dict(rows, orient="index")
    np.testing.assert_allclose(got.entities.iloc[:, :5], want, rtol=1e-8)
    standard_error = want[4].std(ddof=1) / np.sqrt(48)
    assert got.std_errors["indirect"] == pytest.approx(standard_error, rel=1e-8)
    assert got.df_t == 47
    assert codes(got) == []


def test_the_covariance_is_that_of_a_mean():
    frame = make(3)
    got = quiet(TWO, panel_of(frame))
    values = loop(frame, ["m1", "m2"], time_effects=True)
    n, mean = len(values), values.mean(axis=0)
    deviations = values - mean
    joint = deviations.T @ deviations / (n * (n - 1))
    step, gradient = 1e-6, np.empty((got.estimates.size, mean.size))
    for j in range(mean.size):
        up, down = mean.copy(), mean.copy()
        up[j], down[j] = mean[j] + step, mean[j] - step
        gradient[:, j] = (terms(up) - terms(down)) / (2 * step)
    np.testing.assert_allclose(
        got.cov, gradient @ joint @ gradient.T, rtol=1e-6, atol=1e-10
    )
    ends = got.interval("delta", level=0.9)
    np.testing.assert_allclose(
        (ends["conf_high"] - ends["estimate"]) / got.std_errors, 1.6802299, rtol=1e-6
    )  # t(44) at .95


def test_draws_are_means_over_drawn_entities():
    frame = make(4, n=30)
    got = quiet(TWO, panel_of(frame), rng=7)
    values = loop(frame, ["m1", "m2"], time_effects=True)
    counts = draw_counts(seed_sequence(7), 30, 199).astype(int)
    for draw in (0, 17, 198):
        drawn = np.repeat(values, counts[draw], axis=0)
        np.testing.assert_allclose(
            got.draw_values[draw], terms(drawn.mean(axis=0)), rtol=1e-8, atol=1e-10
        )


def test_the_identity_holds_in_every_draw():
    got = quiet(TWO, panel_of(make(5)))
    for frame in (
        got.params.to_frame().T,
        got.draws,
        got.entities.assign(indirect=0.0),
    ):
        indirect = frame["indirect:m1"] + frame["indirect:m2"]
        np.testing.assert_allclose(
            frame["total"], frame["direct"] + indirect, rtol=0, atol=1e-11
        )
    for frame in (got.params, got.draws):
        np.testing.assert_allclose(
            frame["indirect:m1"],
            frame["product_of_means:m1"] + frame["covariance:m1"],
            atol=1e-14,
        )


# --- truth ----------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "periods"), [(400, 40), (3000, 9)])
def test_slopes_that_go_together(n, periods):
    """The mean of a_i b_i is not the product of means; nine rows do not bias it."""
    # A shock to all entities moves all slopes alike, which no standard error over
    # entities can see.
    frame = make(6, n=n, periods=periods, holes=False, shocks=0.0)
    got = quiet(TWO.replace(time_effects=False), panel_of(frame))
    truth = frame.groupby("city")[["truth_a", "truth_b"]].first().to_numpy()
    a, b = truth.T
    want = {
        "indirect:m1": (a * b).mean(),
        "a:m1": a.mean(),
        "b:m1": b.mean(),
        "direct": 0.3,
        "b:m2": 0.2,
    }
    want |= {
        "product_of_means:m1": a.mean() * b.mean(),
        "covariance:m1": np.cov(a, b, ddof=0)[0, 1],
    }
    want |= {"a:m2": -0.3 + 0.2 * a.mean()}
    assert want["covariance:m1"] > 0.15
    for term, value in want.items():
        assert abs(got.params[term] - value) < 3.5 * got.std_errors[term], term
    assert got.interval().loc["covariance:m1", "conf_low"] > 0


@pytest.mark.montecarlo
def test_coverage(measured: Callable[..., None]) -> None:
    """Share of 500 panels in which a 95% interval covers the mean of a_i b_i.

    The interval is that of `mean_group_mediation`. N entities are observed for T
    periods. The slopes a_i and b_i are normal with a correlation of .8, and there are
    two mediators, 999 draws and no period effects.
    """
    cover = {"percentile": 0, "delta": 0}
    sims = 500
    for seed in range(sims):
        frame = make(1000 + seed, n=30, periods=20, holes=False, shocks=0.0)
        got = quiet(
            TWO.replace(reps=999, time_effects=False), panel_of(frame), rng=seed
        )
        truth = 0.5 * 0.4 + 0.25 * 0.8
        for method in cover:
            row = got.interval(method).loc["indirect:m1"]
            cover[method] += row["conf_low"] <= truth <= row["conf_high"]
    shares = {method: hits / sims for method, hits in cover.items()}
    measured("coverage_of_mean_group_mediation", {"N": 30, "T": 20, **shares})
    assert 0.89 < cover["percentile"] / sims < 0.97
    assert 0.91 < cover["delta"] / sims < 0.98


# --- who is left out ------------------------------------------------------------------


def test_entities_without_a_regression_are_named():
    frame = make(7, holes=False)
    frame.loc[frame["city"] == 3, "x"] = 1.5
    frame.loc[frame["city"] == 4, "w"] = -2.0
    # Four rows, four parameters
    frame = frame[(frame["city"] != 8) | (frame["year"] < 2005)]
    frame = frame[(frame["city"] != 9) | (frame["year"] < 2006)]  # five rows: one more
    with pytest.warns(MissingDataWarning) as caught:
        got = mean_group_mediation(ONE.replace(reps=999), panel_of(frame), rng=1)
    text = str(caught[0].message)
    assert "'8' with 4 rows or fewer" in text
    assert "'3', '4' with a treatment, mediator or control that is collinear" in text
    assert set(range(45)) - set(got.entities.index) == {3, 4, 8}
    notice = next(n for n in got.diagnostics if n.code == "left_out")
    assert notice.data == {"count": 3, "entities": (3, 4, 8)}
    info = got.glance()
    assert (info["n_entities"], info["df_t"], got.nobs) == (
        42,
        41.0,
        len(frame) - 4 - 16 * 2,
    )
    want = loop(frame[frame["city"] != 4], ["m1"], time_effects=False)
    plain = quiet(ONE.replace(time_effects=False), panel_of(frame))
    np.testing.assert_allclose(
        plain.entities.drop(index=9).iloc[:, :2].head(3), want[:3, :2], rtol=1e-8
    )


def test_more_regressors_than_any_entity_has_rows_are_not_demeaned(monkeypatch):
    """A control with thousands of levels would fill the memory before it is refused."""
    monkeypatch.setattr(by_entity, "_slopes_by_entity", None)
    frame = make(8, periods=6, holes=False).assign(part=lambda f: f["year"] % 6)
    with pytest.raises(IdentificationError, match="cannot be estimated separately"):
        mean_group_mediation(
            ONE.replace(x=["C(part)"], time_effects=False), panel_of(frame)
        )


def test_five_names_and_a_count():
    frame = make(8, holes=False)
    frame.loc[frame["city"] < 7, "m1"] = 0.0
    got = quiet(ONE, panel_of(frame))
    text = next(n.message for n in got.diagnostics if n.code == "left_out")
    assert "7 of 45 entities (city)" in text
    assert "'0', '1', '2', '3', '4' and 2 more" in text


def test_another_entitys_movement_is_no_variation():
    """Without period effects a constant column moves with the others' mean.

    This tells nothing.
    """
    frame = make(9, holes=False)
    frame.loc[frame["city"] == 3, "x"] = 0.0
    assert 3 not in quiet(ONE, panel_of(frame)).entities.index
    assert (
        3 not in quiet(ONE.replace(time_effects=False), panel_of(frame)).entities.index
    )


def test_fewer_than_two_entities_are_refused():
    frame = make(10, n=12, holes=False)
    frame.loc[frame["city"] > 0, "x"] = frame["city"]
    with pytest.raises(
        IdentificationError, match=r"11 of 12 entities.*at least two entities"
    ) as caught:
        quiet(ONE, panel_of(frame))
    assert caught.value.problems[0].data["count"] == 11
    with pytest.raises(
        IdentificationError, match=r"12 of 12 entities.*4 rows or fewer"
    ):
        quiet(ONE, panel_of(frame.query("year < 2005")))
    # a common shock
    frame["x"] = np.random.default_rng(1).normal(size=16)[frame["year"] - 2001]
    with pytest.raises(IdentificationError, match="collinear over time"):
        quiet(ONE, panel_of(frame))
    assert (
        quiet(ONE.replace(time_effects=False), panel_of(frame)).glance()["n_entities"]
        == 12
    )
    with pytest.raises(IdentificationError, match="only one city"):
        quiet(ONE.replace(time_effects=False), panel_of(frame.query("city == 0")))


def test_what_is_noticed():
    short = quiet(ONE, panel_of(make(11, n=50, periods=9, holes=False)))
    assert codes(short) == ["short_series"]
    assert short.diagnostics[0].data == {"median_df": 5.0}
    few = ONE.replace(reps=999)
    assert codes(quiet(few, panel_of(make(11, n=30, holes=False)))) == ["few_clusters"]
    with pytest.warns(
        FewClustersWarning, match=r"12 entities: .*interval\('delta'\) uses t with 11"
    ):
        mean_group_mediation(few, panel_of(make(11, n=12, holes=False)), rng=1)
    with pytest.warns(FewDrawsWarning):
        drawn = mean_group_mediation(
            ONE.replace(reps=50), panel_of(make(11, holes=False)), rng=1
        )
    assert {n.code: n.data for n in drawn.diagnostics}["few_draws"] == {"reps": 50}
    with pytest.warns(MissingDataWarning):
        holes = mean_group_mediation(TWO.replace(reps=999), panel_of(make(11)), rng=1)
    data = {n.code: n.data for n in holes.diagnostics}["missing_rows"]
    assert (data["count"], data["by_term"]) == (1, {"m2": 1})


def test_what_is_refused():
    frame = make(12, holes=False).assign(
        half=lambda d: d["city"] % 2, third=lambda d: d["year"] % 3
    )
    panel = panel_of(frame)
    cross = Panel(frame.query("year == 2001").drop(columns="year"), "city")
    with pytest.raises(
        IdentificationError, match="mean_group_mediation needs several rows per entity"
    ):
        mean_group_mediation(ONE, cross)
    with pytest.raises(InputTypeError, match="takes a Panel"):
        mean_group_mediation(ONE, frame)
    with pytest.raises(InputTypeError, match="takes a Mediation specification"):
        mean_group_mediation("y", panel)
    with pytest.raises(OptionError, match=r"clusters=.*half.*averages over entities"):
        mean_group_mediation(ONE.replace(clusters="half"), panel)
    same = quiet(ONE.replace(clusters="city"), panel)
    pd.testing.assert_series_equal(same.params, quiet(ONE, panel).params)
    with pytest.raises(OptionError, match=r"absorb=.*Omit absorb"):
        mean_group_mediation(ONE.replace(absorb="half^year"), panel)
    with pytest.raises(OptionError, match="remove structure='serial'"):
        mean_group_mediation(TWO.replace(structure="serial"), panel)
    with pytest.raises(TermError, match="makes the columns"):
        mean_group_mediation(ONE.replace(mediators="C(third)"), panel)
    with pytest.raises(InputTypeError, match="rng"):
        mean_group_mediation(ONE, panel, rng=-1)


# --- the result -----------------------------------------------------------------------


def test_it_is_a_result_like_others():
    frame = make(13)
    got = quiet(TWO, Panel(frame, "city", "year", labels={"x": "Digital"}), rng=2026)
    assert isinstance(got, EffectResults)
    assert isinstance(got, Results)
    assert isinstance(got, HasDraws)
    assert got.labels["x"] == "Digital"
    info = got.glance()
    assert (info["depvar"], info["effects"], info["cov_type"], info["rng_entropy"]) == (
        *("y", "city+year", "mean_group", 2026),
    )
    text = got.summary()
    assert text.startswith(
        "Mean group mediation: x -> m1, m2 -> y\nEffects: city, year\n"
    )
    assert got.conventions == (
        "Mean group standard errors (45 entities, t with 44 degrees of freedom); "
        "percentile intervals from 199 bootstrap draws of entities"
    )
    assert text.splitlines()[-1] == "Settings: rng 2026."
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "Standard errors" in etable(got).notes[0]
    table = got.entities
    table.iloc[0, 0] = np.nan
    assert got.entities.notna().all(axis=None)


def test_it_is_plain_data_and_survives_copies():
    got = quiet(TWO, panel_of(make(14)), rng=3)
    plain = json.loads(json.dumps(got.to_dict(), allow_nan=False))
    assert plain["type"] == "MeanGroupResults"
    assert (plain["treatment"], plain["mediators"]) == ("x", ["m1", "m2"])
    assert plain["entities"]["0"]["a:m1"] == got.entities.loc[0, "a:m1"]
    assert plain["draws"] == {
        "count": 199,
        "lost": 0,
        "drawn": "entity",
        "clusters": got.n_drawn,
    }
    for other in (pickle.loads(pickle.dumps(got)), copy.deepcopy(got)):
        assert isinstance(other, MeanGroupResults)
        pd.testing.assert_frame_equal(other.tidy(), got.tidy())
        pd.testing.assert_frame_equal(other.entities, got.entities)


def test_a_seed_reproduces_and_chunks_do_not_matter(monkeypatch):
    panel = panel_of(make(15))
    got = quiet(TWO, panel, rng=None)
    again = quiet(TWO, panel, rng=got.rng_entropy)
    np.testing.assert_array_equal(got.draw_values, again.draw_values)
    monkeypatch.setattr(by_entity, "_MEMORY", 32 * 45 * 10)
    np.testing.assert_allclose(
        quiet(TWO, panel, rng=got.rng_entropy).draw_values, got.draw_values, rtol=1e-12
    )


def test_order_names_and_units_do_not_matter():
    frame = make(16)
    base = quiet(TWO, panel_of(frame))
    mixed = quiet(TWO, panel_of(frame.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(base.tidy(), mixed.tidy())
    names = frame.assign(city=[f"c{(7 * c) % 45:02d}" for c in frame["city"]])
    renamed = quiet(TWO, panel_of(names))
    np.testing.assert_allclose(renamed.params, base.params, rtol=1e-9)
    np.testing.assert_allclose(renamed.cov, base.cov, rtol=1e-8, atol=1e-14)
    moved = frame.assign(
        y=1e5 * frame["y"] + 3, x=1e-4 * frame["x"] - 1, m1=50 * frame["m1"] + 1e4
    )
    scaled = quiet(TWO, panel_of(moved))
    factors = {"a:m1": 5e5, "a:m2": 1e4, "b:m1": 2e3, "b:m2": 1e5}
    factor = np.array([factors.get(t, 1e9) for t in base.names])
    np.testing.assert_allclose(scaled.params / factor, base.params, rtol=1e-8)
    np.testing.assert_allclose(scaled.draws / factor, base.draws, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("entities", [2, 3, 4, 5])
def test_draws_of_few_entities_give_no_interval_and_no_p(entities):
    # Without period effects, which make two entities each other's mirror image.
    spec, frame = ONE.replace(time_effects=False), make(5, n=entities, holes=False)
    results, missing = quiet(spec, panel_of(frame)), entities < 5
    table = results.tidy()
    assert (table[["conf_low", "conf_high", "p_value"]].isna() == missing).all(
        axis=None
    )
    assert table[["estimate", "std_error"]].notna().all(axis=None)
    assert results.interval("delta").notna().all(axis=None)
    assert codes(results).count("too_few_clusters_to_draw") == missing
    assert codes(results).count("very_few_clusters") == (not missing)
    assert "nan" not in results.summary()


@pytest.mark.parametrize(
    ("long", "short", "half"), [(14, 14, None), (14, 13, 9.5), (13, 13, 9.0)]
)
def test_series_are_short_below_ten_degrees_of_freedom(long, short, half):
    """Half of the cities have so many years, for an intercept and three slopes."""
    frame = make(11, n=50, periods=14, holes=False)
    years = np.where(frame["city"] % 2 == 0, long, short)
    actual = quiet(ONE, panel_of(frame[frame["year"] <= 2000 + years])).diagnostics
    assert [n.data["median_df"] for n in actual if n.code == "short_series"] == (
        [half] if half else []
    )
