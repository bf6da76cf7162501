"""The cluster bootstrap against explicit refits of every draw.

The codes of entities and the dummies are fresh.
"""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Panel, cluster_bootstrap
from digiprosper.errors import (
    DigiprosperWarning,
    FewClustersWarning,
    IdentificationError,
    InputTypeError,
    OptionError,
)
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.linear.drawn_tests import drawn_clusters, refuse_two_way
from digiprosper.linear.preparation import LinearOptions, prepare
from digiprosper.report.columns import columns_of

KEYS = ("city", "year")
X = ["a", "b"]


def make(
    seed: int = 0, n: int = 24, periods: int = 6, keep: float = 0.8
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    city, year = (
        v.ravel()
        for v in np.meshgrid(np.arange(n), 2001 + np.arange(periods), indexing="ij")
    )
    frame = pd.DataFrame({"city": city, "year": year, "region": city % (n // 2)})
    for name in "ab":
        frame[name] = rng.normal(size=n)[city] + rng.normal(size=periods)[year - 2001]
        frame[name] += rng.normal(size=city.size)
    frame["w"] = rng.uniform(0.2, 3, city.size)
    frame["y"] = frame["a"] + rng.normal(size=n)[city] + rng.normal(size=city.size)
    # The same two rows of a city in every draw: no singletons to drop.
    return frame[(rng.random(city.size) < keep) | (year < 2003)].reset_index(drop=True)


def quiet(spec: FixedEffects, frame: pd.DataFrame, **options: Any) -> dp.EffectResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return cluster_bootstrap(spec, Panel(frame, *KEYS), **options)


def refits(
    frame: pd.DataFrame,
    effects: list[str],
    drawn: str,
    reps: int,
    rng: int,
    weights: str | None,
) -> np.ndarray:
    """Least squares on every draw's rows.

    Effects nested in a cluster are new in each copy of it.
    """
    codes = pd.factorize(frame[drawn], sort=True)[0]
    nested = [
        e
        for e in effects
        if len(frame[[e, drawn]].drop_duplicates()) == frame[e].nunique()
    ]
    out = []
    for counts in draw_counts(seed_sequence(rng), codes.max() + 1, reps).astype(int):
        copies = [
            frame[codes == g].assign(copy=c)
            for g, m in enumerate(counts)
            for c in range(m)
        ]
        rows = pd.concat(copies, ignore_index=True)
        keys = [
            rows[e].astype(str)
            + (":" + rows["copy"].astype(str) if e in nested else "")
            for e in effects
        ]
        dummies = [pd.get_dummies(key, dtype=float).to_numpy() for key in keys] or [
            np.ones((len(rows), 1))
        ]
        root = (
            np.ones((len(rows), 1))
            if weights is None
            else np.sqrt(rows[[weights]].to_numpy())
        )
        design = root * np.column_stack([rows[X].to_numpy(), *dummies])
        solution = np.linalg.lstsq(
            design, root[:, 0] * rows["y"].to_numpy(), rcond=1e-10
        )[0]
        out.append(solution[: len(X) + (not effects)])
    return np.array(out)


CASES = {
    "two-way": (["city", "year"], {}),
    "entity effects": (["city"], {"time_effects": False}),
    "time effects": (["year"], {"entity_effects": False}),
    "no effects": ([], {"entity_effects": False, "time_effects": False}),
    "regions are drawn": (["city", "year"], {"clusters": "region"}),
    "years are drawn": (["city", "year"], {"clusters": "year"}),
    "robust errors": (["city", "year"], {"cov_type": "robust"}),
    "weights": (["city", "year"], {"obs_weights": "w"}),
    "weights, no effects": (
        [],
        {"obs_weights": "w", "entity_effects": False, "time_effects": False},
    ),
}


@pytest.mark.parametrize("keep", [1.0, 0.7], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.many(1)
def test_draws_equal_refits_with_fresh_codes(case: str, keep: float) -> None:
    effects, options = CASES[case]
    frame, drawn = make(len(case), n=12, keep=keep), options.get("clusters", "city")
    results = quiet(FixedEffects("y", X, **options), frame, reps=20, rng=3)
    expected = refits(frame, effects, drawn, 20, 3, options.get("obs_weights"))
    np.testing.assert_allclose(results.draw_values, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "options", [{}, {"entity_effects": False, "time_effects": False}]
)
def test_estimates_and_errors_are_those_of_the_fit(options: dict[str, Any]) -> None:
    frame, spec = make(), FixedEffects("y", X, **options)
    results = quiet(spec, frame, rng=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = spec.fit(Panel(frame, *KEYS))
    pd.testing.assert_series_equal(results.params, fit.params)
    pd.testing.assert_series_equal(results.std_errors, fit.std_errors)
    pd.testing.assert_frame_equal(results.cov, fit.cov)
    assert [t.kind for t in results.terms] == [t.kind for t in fit.terms]
    assert results.glance()["rsquared_within"] == fit.glance()["rsquared_within"]
    low, high = np.quantile(results.draws["a"], [0.025, 0.975], method="weibull")
    assert results.conf_int().loc["a"].tolist() == pytest.approx([low, high])


def test_draws_spread_as_the_clustered_error_says() -> None:
    """A known spread: with many clusters draws vary as the estimate does."""
    results = quiet(FixedEffects("y", X), make(5, n=400, periods=4), reps=1999, rng=1)
    np.testing.assert_allclose(results.draws.std(), results.std_errors, rtol=0.08)


def test_the_number_that_is_kept_reproduces_the_draws_in_any_order_of_rows() -> None:
    frame, spec = make(), FixedEffects("y", X)
    results = quiet(spec, frame, reps=50)
    again = quiet(
        spec, frame.sample(frac=1, random_state=2), reps=50, rng=results.rng_entropy
    )
    np.testing.assert_array_equal(results.draw_values, again.draw_values)


def test_a_redundant_regressor_is_left_out_as_the_fit_does() -> None:
    frame = make().assign(c=lambda f: f["a"] - f["b"])
    spec = FixedEffects("y", [*X, "c"], collinear="drop")
    results = quiet(spec, frame, reps=50, rng=1)
    assert results.names == ("a", "b")
    np.testing.assert_allclose(
        results.draw_values,
        quiet(spec.drop("c"), frame, reps=50, rng=1).draw_values,
        rtol=1e-12,
    )


@pytest.mark.parametrize("clusters", [4, 5])
def test_fewer_than_five_clusters_give_no_interval(clusters: int) -> None:
    results = quiet(
        FixedEffects("y", ["a"]), make(n=clusters, keep=1.0), reps=199, rng=1
    )
    missing = results.conf_int().isna().all(axis=None) and results.pvalues.isna().all()
    assert missing == (clusters < 5)
    assert ("too_few_clusters_to_draw" in [n.code for n in results.diagnostics]) == (
        clusters < 5
    )
    assert ("very_few_clusters" in [n.code for n in results.diagnostics]) == (
        clusters == 5
    )
    assert np.isfinite(results.std_errors).all()


def test_few_clusters_are_told_with_the_wild_bootstrap() -> None:
    with pytest.warns(FewClustersWarning, match="wild_bootstrap"):
        cluster_bootstrap(
            FixedEffects("y", X), Panel(make(n=12, keep=1.0), *KEYS), reps=199, rng=1
        )


def test_lost_draws_are_counted() -> None:
    frame = make(n=8, keep=1.0).assign(
        d=lambda f: ((f["city"] == 0) & (f["year"] > 2003)).astype(float)
    )
    results = quiet(FixedEffects("y", ["a", "d"]), frame, reps=199, rng=1)
    counts = draw_counts(seed_sequence(1), 8, 199)
    assert results.lost_draws == (counts[:, 0] == 0).sum() > 0
    (notice,) = (n for n in results.diagnostics if n.code == "lost_draws")
    assert notice.data == {"lost": results.lost_draws, "reps": 199}


def test_it_goes_into_a_table_and_comes_back_from_a_pickle() -> None:
    results = quiet(FixedEffects("y", X), make(n=45), rng=1)
    assert "bootstrap draws" in str(dp.etable([results]))
    other = pickle.loads(pickle.dumps(results))
    assert (other.summary(), other.to_dict()) == (results.summary(), results.to_dict())


# --- what is drawn, and what is refused -----------------------------------------------


def test_outcome_and_rows_have_the_labels_of_the_fit_beside_it() -> None:
    spec, panel = FixedEffects("log(gsp)", ["I(unemp**2)"]), dp.datasets.us_states()
    drawn, fit = cluster_bootstrap(spec, panel, reps=199, rng=1), spec.fit(panel)
    (column,), (other,) = map(columns_of, (drawn, fit))
    assert column.factors == other.factors
    assert [e.term for e in column.estimates.values()] == [
        e.term for e in other.estimates.values()
    ]
    assert str(dp.etable([drawn, fit])).count("Unemployment rate (%)^2") == 1


def ready(frame, **options):
    return prepare(Panel(frame, *KEYS), {"y": ("y",), "x": X}, LinearOptions(**options))


def test_what_is_drawn() -> None:
    frame = make().assign(
        half=lambda d: d["year"] // 3, mixed=lambda d: (d["city"] + d["year"]) % 9
    )
    codes, name = drawn_clusters(ready(frame))
    assert name == "entity"
    assert (
        np.unique(codes, return_counts=True)[1] == frame.groupby("city").size()
    ).all()
    for term in ("region", "half", "city", "year"):
        codes, name = drawn_clusters(ready(frame, clusters=(term,)))
        assert name == term
        assert codes.max() + 1 == frame[term].nunique()
    with pytest.raises(
        OptionError, match=r"clusters=\('mixed',\).*whole entities, or of whole periods"
    ):
        drawn_clusters(ready(frame, clusters=("mixed",)))
    # Without period effects only the entities' have to be whole; without either all can
    # be drawn.
    with pytest.raises(OptionError, match="nested"):
        drawn_clusters(ready(frame, clusters=("mixed",), absorb=("year",)))
    assert (
        drawn_clusters(ready(frame, clusters=("mixed",), entity_effects=False))[1]
        == "mixed"
    )


def test_two_way_clusters_are_refused() -> None:
    for clusters in (None, ("city",)):
        refuse_two_way(clusters)
    with pytest.raises(OptionError, match=r"\('city', 'year'\).*two-way clusters"):
        refuse_two_way(("city", "year"))


SPEC = FixedEffects("y", X)
REFUSED: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "two-way clusters": (
        SPEC.replace(clusters=["city", "year"]),
        {},
        OptionError,
        "two-way",
    ),
    "clusters that cut both": (
        SPEC.replace(clusters="mixed"),
        {},
        OptionError,
        "whole entities",
    ),
    "one cluster": (
        SPEC.replace(clusters="one"),
        {},
        IdentificationError,
        "at least two clusters",
    ),
    "another specification": (
        dp.Mediation("y", "a", "b"),
        {},
        InputTypeError,
        "Mediation",
    ),
    "nothing": (None, {}, InputTypeError, "NoneType"),
    "too few draws": (SPEC, {"reps": 19}, OptionError, "reps"),
    "draws that are no number": (SPEC, {"reps": "many"}, OptionError, "reps"),
    "draws that are no whole number": (SPEC, {"reps": 99.5}, OptionError, "reps"),
    "too many draws": (SPEC, {"reps": 10**9}, OptionError, "reps"),
    "a seed that is none": (SPEC, {"rng": "x"}, InputTypeError, "rng"),
    "a column that does not vary": (
        SPEC.add("still"),
        {},
        IdentificationError,
        "absorbed",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_input_has_a_named_error(case: str) -> None:
    spec, options, error, words = REFUSED[case]
    frame = make().assign(
        one=1,
        mixed=lambda f: (f["city"] + f["year"]) % 9,
        still=lambda f: f["city"] * 1.0,
    )
    with pytest.raises(error, match=words):
        quiet(spec, frame, **options)


def test_a_bare_frame_is_refused() -> None:
    with pytest.raises(InputTypeError, match="Panel"):
        cluster_bootstrap(SPEC, make())


def test_draws_that_are_all_lost_are_an_error() -> None:
    frame = make(n=9, keep=1.0)
    for city in range(8):
        frame[f"d{city}"] = ((frame["city"] == city) & (frame["year"] > 2003)).astype(
            float
        )
    with pytest.raises(IdentificationError, match="draws of entity failed"):
        quiet(FixedEffects("y", [f"d{c}" for c in range(8)]), frame, reps=20, rng=1)
