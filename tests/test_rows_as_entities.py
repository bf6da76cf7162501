"""Rows without time, or whose keys repeat, against statsmodels and linearmodels."""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from linearmodels.iv import IV2SLS

import digiprosper as dp
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    OptionError,
    PanelIndexError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")


def make(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(
        {
            "id": rng.integers(0, 40, n),
            "industry": rng.integers(0, 9, n),
            "year": rng.integers(2010, 2016, n),
            "d": rng.integers(0, 2, n) * 1.0,
        }
    )
    for name in "xzmq":
        frame[name] = rng.normal(size=n)
    frame["y"] = frame["x"] + frame["m"] + rng.normal(size=n) * (1 + frame["industry"])
    frame["lat"], frame["lon"] = rng.uniform(20, 40, n), rng.uniform(100, 120, n)
    return frame


FRAME = make()
ROWS = dp.Panel.from_rows(FRAME)
BY_ID = dp.Panel.from_rows(FRAME, entity="id")
SPEC = dp.FixedEffects("y", ["x", "z"], absorb=["industry", "year"])
DUMMIES = "y ~ x + z + C(industry) + C(year)"


def equal(got: Any, params: Any, errors: Any) -> None:
    np.testing.assert_allclose(got.params, params, rtol=1e-9)
    np.testing.assert_allclose(got.std_errors, errors, rtol=1e-9)


def test_the_default_is_robust_and_without_entity_effects() -> None:
    fit = SPEC.fit(ROWS)
    by_dummies = smf.ols(DUMMIES, FRAME).fit(cov_type="HC1", use_t=True)
    equal(fit, by_dummies.params[["x", "z"]], by_dummies.bse[["x", "z"]])
    np.testing.assert_allclose(fit.pvalues, by_dummies.pvalues[["x", "z"]], rtol=1e-9)
    assert (fit.cov_type, fit.effect_names) == ("robust", ("industry", "year"))


@pytest.mark.parametrize("cov_type", ["unadjusted", "hc2", "hc3"])
def test_other_errors_of_rows(cov_type: Any) -> None:
    names = {"unadjusted": "nonrobust", "hc2": "HC2", "hc3": "HC3"}
    by_dummies = smf.ols(DUMMIES, FRAME).fit(cov_type=names[cov_type])
    fit = SPEC.replace(cov_type=cov_type).fit(ROWS)
    equal(fit, by_dummies.params[["x", "z"]], by_dummies.bse[["x", "z"]])


def test_without_effects_there_is_an_intercept() -> None:
    by_hand = smf.ols("y ~ x + z", FRAME).fit(cov_type="HC1")
    equal(
        dp.FixedEffects("y", ["x", "z"]).fit(ROWS),
        by_hand.params[["x", "z", "Intercept"]],
        by_hand.bse[["x", "z", "Intercept"]],
    )


@pytest.mark.parametrize("clusters", ["industry", "id", "id^year"])
def test_clusters_of_rows(clusters: str) -> None:
    codes = pd.factorize(FRAME[clusters.split("^")].apply(tuple, axis=1))[0]
    by_dummies = smf.ols(DUMMIES, FRAME).fit(
        cov_type="cluster", cov_kwds={"groups": codes}
    )
    fit = SPEC.replace(clusters=clusters, ssc="areg").fit(ROWS)
    equal(fit, by_dummies.params[["x", "z"]], by_dummies.bse[["x", "z"]])


def test_entities_with_several_rows_have_effects_and_clusters() -> None:
    by_dummies = smf.ols(f"{DUMMIES} + C(id)", FRAME).fit(
        cov_type="cluster", cov_kwds={"groups": FRAME["id"]}
    )
    fit = SPEC.replace(ssc="areg").fit(BY_ID)
    equal(fit, by_dummies.params[["x", "z"]], by_dummies.bse[["x", "z"]])
    assert fit.effect_names == ("id", "industry", "year")
    assert fit.clusters == ("id",)


def test_instruments_of_rows() -> None:
    fit = dp.FixedEffectsIV("y", ["z"], ["x"], ["q", "m"], ssc="none").fit(ROWS)
    data = FRAME.assign(one=1.0)
    by_hand = IV2SLS(data["y"], data[["one", "z"]], data["x"], data[["q", "m"]]).fit(
        cov_type="robust"
    )
    names = ["x", "z"]
    np.testing.assert_allclose(fit.params[names], by_hand.params[names], rtol=1e-9)
    np.testing.assert_allclose(
        fit.std_errors[names], by_hand.std_errors[names], rtol=1e-9
    )


def test_conley_errors_take_several_rows_of_an_entity() -> None:
    """They equal those of rows that absorb the entity, which share no key."""
    options: Any = {"cov_type": "conley", "distance_cutoff": 300}
    by_id = dp.FixedEffects("y", ["x"], **options).fit(BY_ID)
    rows = dp.FixedEffects("y", ["x"], absorb="id", **options).fit(ROWS)
    equal(by_id, rows.params, rows.std_errors)


def test_draws_are_of_rows_and_of_entities() -> None:
    rows = dp.cluster_bootstrap(SPEC, ROWS, reps=99, rng=1)
    entities = dp.cluster_bootstrap(SPEC, BY_ID, reps=99, rng=1)
    assert rows.estimated.inference.n_drawn == len(FRAME)
    assert entities.estimated.inference.n_drawn == 40
    mediation = dp.Mediation("y", "x", ["m"], ["z"], reps=99).fit(ROWS, rng=1)
    assert mediation.glance()["effects"] is None


def test_order_of_rows_changes_no_estimate() -> None:
    shuffled = FRAME.sample(frac=1, random_state=2)
    for entity in (None, "id"):
        a = SPEC.fit(dp.Panel.from_rows(FRAME, entity=entity))
        b = SPEC.fit(dp.Panel.from_rows(shuffled, entity=entity))
        equal(a, b.params, b.std_errors)


def test_unique_entities_are_a_cross_section() -> None:
    cities = FRAME.assign(id=np.arange(len(FRAME)))
    spec = dp.FixedEffects("y", ["x"], entity_effects=False)
    a = spec.fit(dp.Panel.from_rows(cities, entity="id"))
    b = spec.fit(dp.Panel(cities, entity="id"))
    equal(a, b.params, b.std_errors)


# --- keys -----------------------------------------------------------------------------


def test_rows_are_numbered_as_in_their_table() -> None:
    assert ROWS.frame.index.name == "row"
    assert ROWS.frame.reset_index(drop=True).equals(FRAME)
    by_id = BY_ID.frame.reset_index().set_index("row").sort_index()
    pd.testing.assert_frame_equal(
        by_id[FRAME.columns], FRAME, check_names=False, check_index_type=False
    )
    assert (ROWS.time_name, BY_ID.time_name, BY_ID.entity_name) == (None, None, "id")


def test_a_column_may_have_the_name_of_the_key() -> None:
    panel = dp.Panel.from_rows(FRAME.assign(row=1.0))
    assert panel.entity_name == "row_"
    assert panel["row"].eq(1).all()
    indexed = dp.Panel.from_rows(FRAME.set_index("id"), entity="id")
    assert indexed.n_entities == 40
    assert (repr(ROWS)[:30], "no time" in repr(BY_ID)) == (
        "Panel: 400 rows, each an entit",
        True,
    )


@pytest.mark.parametrize("panel", [ROWS, BY_ID], ids=["rows", "by_id"])
def test_methods_keep_the_numbers_of_rows(panel: dp.Panel) -> None:
    made = panel.assign(w="log(exp(x))", v=panel["x"] * 2).subset(panel["x"] > 0)
    assert made.nobs == int((FRAME["x"] > 0).sum())
    attached = panel.attach(panel.frame[["x"]].rename(columns={"x": "again"}))
    np.testing.assert_array_equal(attached["again"], panel["x"])
    again = pickle.loads(pickle.dumps(made))
    equal(SPEC.fit(again), SPEC.fit(made).params, SPEC.fit(made).std_errors)
    predicted = SPEC.fit(panel).predict(made)
    assert predicted.index.equals(made.index)
    chosen = SPEC.replace(where="x > 0").fit(panel)
    equal(chosen, SPEC.fit(made).params, SPEC.fit(made).std_errors)


def test_empty_tables_and_unknown_keys_are_refused() -> None:
    with pytest.raises(PanelIndexError, match="no rows"):
        dp.Panel.from_rows(FRAME.head(0))
    with pytest.raises(PanelIndexError, match="idd"):
        dp.Panel.from_rows(FRAME, entity="idd")
    with pytest.raises(InputTypeError):
        dp.Panel.from_rows([1, 2])
    missing = FRAME.assign(id=FRAME["id"].where(FRAME["id"] > 3))
    with pytest.raises(PanelIndexError, match="'id' is missing"):
        dp.Panel.from_rows(missing, entity="id")


@pytest.mark.parametrize(
    ("data", "keys", "words"),
    [
        (FRAME, {}, r"Panel\.from_rows\(df\)"),
        (FRAME, {"entity": "id"}, r"Panel\.from_rows\(df, entity='id'\)"),
        (FRAME, {"entity": "id", "time": "year"}, r"Panel\.from_rows\(df\)"),
    ],
)
def test_errors_about_keys_name_the_way(data: Any, keys: Any, words: str) -> None:
    with pytest.raises(PanelIndexError, match=words):
        dp.Panel(data, **keys)


# --- what is told, and refused --------------------------------------------------------


def test_results_say_what_rows_are() -> None:
    summary = " ".join(str(SPEC.fit(ROWS).summary()).split())
    assert "Sample: 400 rows R2" in summary
    assert "Each row is an entity, so there are no entity effects, and" in summary
    assert "Sample: 400 rows, 40 id, unbalanced" in str(SPEC.fit(BY_ID).summary())
    clustered = SPEC.replace(clusters="industry").fit(ROWS)
    assert "robust (HC1)" not in str(clustered.summary())
    table = str(dp.etable([SPEC.fit(ROWS), SPEC.fit(BY_ID)]))
    lines = [line.split() for line in table.splitlines()]
    assert ["id", "fixed", "effects", "No", "Yes"] in lines
    assert "row fixed effects" not in table


REFUSED: dict[str, tuple[Callable[[dp.Panel], Any], str, str]] = {
    "lag": (lambda p: p.lag("x"), "time key", "time key"),
    "lag in a model": (lambda p: SPEC.add("lag(x)").fit(p), "time key", "time key"),
    "treated": (lambda p: p.assign(t="treated(year)"), "time key", "time key"),
    "event study": (
        lambda p: dp.EventStudy("y", "year").fit(p),
        "time key",
        "time key",
    ),
    "staggered": (
        lambda p: dp.StaggeredDid("y", "year").fit(p),
        "time key",
        "time key",
    ),
    "dynamic": (lambda p: dp.DynamicPanel("y").fit(p), "has one row", "time key"),
    "unit roots": (lambda p: dp.unit_root_test(p, "y"), "periods", "periods"),
    "placebo": (
        lambda p: dp.placebo_test(SPEC.add("d"), p, "d", reps=99),
        "one period",
        "one period",
    ),
    "driscoll_kraay": (
        lambda p: SPEC.replace(cov_type="driscoll_kraay").fit(p),
        "needs several periods",
        "needs several periods",
    ),
    "interpolate": (lambda p: p.interpolate("x"), "time key", "time key"),
    "sigma": (
        lambda p: dp.sigma_convergence(p.assign(e="exp(y)"), "e"),
        "time key",
        "time key",
    ),
    "serial": (
        lambda p: dp.wooldridge_ar1(SPEC, p),
        "each row is an entity here",
        "time key",
    ),
    "within_between": (
        lambda p: dp.within_between(dp.Mediation("y", "x", ["m"], reps=99), p),
        "cross-section",
        "cross-section",
    ),
}
WEIGHTS = dp.SpatialWeights(np.ones((40, 40)) - np.eye(40), range(40))


@pytest.mark.many(len(REFUSED))
@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_periods_is_refused(name: str) -> None:
    call, of_rows, of_entities = REFUSED[name]
    with pytest.raises(DigiprosperError, match=of_rows):
        call(ROWS)
    with pytest.raises(DigiprosperError, match=of_entities):
        call(BY_ID)


@pytest.mark.parametrize(
    "call",
    [
        lambda: dp.moran(BY_ID, "y", WEIGHTS),
        lambda: dp.PanelSpatial("y", ["x"], WEIGHTS).fit(BY_ID),
        lambda: dp.match_entities(BY_ID, "d", ["x"]),
    ],
    ids=["moran", "PanelSpatial", "match_entities"],
)
def test_one_row_of_an_entity_is_needed(call: Callable[[], Any]) -> None:
    with pytest.raises(PanelIndexError, match="an entity has several rows"):
        call()


def test_effects_and_draws_of_single_rows_are_refused() -> None:
    with pytest.raises(OptionError, match="entity effects absorb all variation"):
        SPEC.replace(absorb=["row"]).fit(ROWS)
    with pytest.raises(OptionError, match="specify clusters"):
        dp.wild_bootstrap(SPEC, ROWS, "x", reps=99)
    with pytest.raises(IdentificationError, match="each row is an entity here"):
        dp.hausman(SPEC, ROWS)
    with pytest.raises(ColumnError, match="row"):
        SPEC.replace(absorb=["row"]).fit(BY_ID)
    test = dp.wild_bootstrap(SPEC.replace(clusters="industry"), ROWS, "x", reps=99)
    assert 0 < test.p_value <= 1


def test_a_spatial_model_of_rows_is_a_cross_section() -> None:
    rng = np.random.default_rng(3)
    links = np.where(rng.random((400, 400)) < 0.02, 1.0, 0.0)
    np.fill_diagonal(links, 0)
    weights = dp.SpatialWeights(links, range(400))
    spec = dp.PanelSpatial("y", ["x"], weights, model="sar")
    city = dp.Panel(FRAME.assign(city=np.arange(400)), "city")
    by_hand = spec.replace(entity_effects=False, time_effects=False).fit(city)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        equal(spec.fit(ROWS), by_hand.params, by_hand.std_errors)
