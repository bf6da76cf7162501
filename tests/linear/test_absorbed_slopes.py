"""Slopes by group in `absorb` equal dummies times columns, on random panels."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import digiprosper as dp
from digiprosper import FixedEffects, Panel
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    OptionError,
    TermError,
)

X = ("a", "b")


def make_frame(
    seed: int = 0, n: int = 14, periods: int = 9, *, holes: float = 0.2
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    city, year = np.divmod(np.arange(n * periods), periods)
    frame = pd.DataFrame({"city": city, "year": 2000 + year})
    frame["region"] = frame["city"] // 4
    frame["kind"] = rng.integers(0, 4, len(frame))
    frame["z"] = rng.normal(size=len(frame)) + 5
    frame["w"] = rng.uniform(0.2, 3, len(frame))
    for name in X:
        trend = rng.normal(size=n)[city] * year
        frame[name] = rng.normal(size=len(frame)) + 0.3 * city + trend
    noise = rng.normal(size=len(frame)) * (1 + 0.5 * np.abs(rng.normal(size=n)[city]))
    frame["y"] = (
        frame["a"]
        - 0.5 * frame["b"]
        + 2 * city
        + rng.normal(size=n)[city] * year
        + noise
    )
    return frame[rng.random(len(frame)) >= holes].reset_index(drop=True)


def quiet_fit(spec, frame: pd.DataFrame, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return spec.fit(Panel(frame, "city", "year"), **options)


def drop_singletons(frame: pd.DataFrame, effects: set[str]) -> pd.DataFrame:
    while True:
        alone = np.zeros(len(frame), dtype=bool)
        for e in effects:
            alone |= (
                frame.groupby(e.split("^"))["y"].transform("size") == 1
            ).to_numpy()
        if not alone.any():
            return frame.sort_values(["city", "year"])
        frame = frame[~alone]


def dummies(frame: pd.DataFrame, effect: str) -> np.ndarray:
    codes = frame.groupby(effect.split("^")).ngroup().to_numpy()
    return (codes[:, None] == np.unique(codes)).astype(float)


def columns_of(frame: pd.DataFrame, parts: list[tuple[str, str | None]]) -> np.ndarray:
    """Write all dummies out, and times a column."""
    out = []
    for effect, slope in parts:
        dummy = dummies(frame, effect)
        if slope is not None:
            dummy = dummy * frame.eval(slope).to_numpy()[:, None]
        out.append(dummy)
    return np.hstack(out)


def basis_of(design: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(design, axis=0)
    u, values, _ = np.linalg.svd(
        design[:, norms > 0] / norms[norms > 0], full_matrices=False
    )
    return u[:, values > 1e-9 * values[0]]


def oracle(
    frame,
    parts,
    *,
    cov_type="clustered",
    clusters=("city",),
    weights=False,
    ssc="reghdfe",
):
    """Coefficients and covariance by OLS, all written out, K counted by hand."""
    frame = drop_singletons(frame, {effect for effect, _ in parts})
    w = frame["w"].to_numpy() if weights else np.ones(len(frame))
    root = np.sqrt(w / w.mean())[:, None]
    design = columns_of(frame, parts) * root
    basis = basis_of(design)
    raw = frame[["y", *X]].to_numpy() * root
    for _ in range(2):
        raw = raw - basis @ (basis.T @ raw)
    y, x = raw[:, 0], raw[:, 1:]
    bread = np.linalg.inv(x.T @ x)
    b = np.linalg.lstsq(x, y, rcond=None)[0]
    e = y - x @ b
    n, k = x.shape
    full = k + basis.shape[1]
    if cov_type == "unadjusted":
        return b, bread * (e @ e) / (n - full), basis.shape[1], len(frame)
    scores = pd.DataFrame(x * e[:, None])
    if cov_type == "robust":
        return (
            b,
            n / (n - full) * bread @ (scores.T @ scores).to_numpy() @ bread,
            basis.shape[1],
            len(frame),
        )
    (cluster,) = clusters
    sums = scores.groupby(frame[cluster].to_numpy()).sum().to_numpy()
    # Constants by level nested in a cluster are not counted; slopes are, nested or not,
    # as in reghdfe.
    constants = {effect for effect, slope in parts if slope is None}
    nested = [
        c
        for c in constants
        if len(frame.drop_duplicates([*c.split("^"), cluster]))
        == dummies(frame, c).shape[1]
    ]
    rank = basis_of(
        np.hstack([np.ones((n, 1)), *(dummies(frame, c) for c in nested)])
    ).shape[1]
    counted = {
        "reghdfe": full + 1 - rank,
        "plm": k
        + basis.shape[1]
        - basis_of(np.hstack([dummies(frame, c) for c in constants])).shape[1],
    }[ssc]
    g = len(sums)
    return (
        b,
        g / (g - 1) * (n - 1) / (n - counted) * bread @ (sums.T @ sums) @ bread,
        basis.shape[1],
        len(frame),
    )


T = "year - 2004"
MODELS = {
    "one-way": (
        ("city[year]",),
        {"time_effects": False},
        [("city", None), ("city", T)],
    ),
    "two-way": (("city[year]",), {}, [("city", None), ("year", None), ("city", T)]),
    "two columns": (
        ("city[year, z]",),
        {},
        [("city", None), ("year", None), ("city", T), ("city", "z")],
    ),
    "two effects": (
        ("city[year]", "kind[z]"),
        {},
        [("city", None), ("year", None), ("city", T), ("kind", None), ("kind", "z")],
    ),
    "only slopes": (
        ("city[[z]]",),
        {"entity_effects": False},
        [("year", None), ("city", "z")],
    ),
    "slopes of regions": (
        ("region[[year]]",),
        {},
        [("city", None), ("year", None), ("region", T)],
    ),
    "by year": (("year[z]",), {}, [("city", None), ("year", None), ("year", "z")]),
    "crossed": (
        ("region^kind[z]",),
        {"entity_effects": False},
        [("year", None), ("region^kind", None), ("region^kind", "z")],
    ),
}
COVARIANCES = {
    "unadjusted": {"cov_type": "unadjusted"},
    "robust": {"cov_type": "robust"},
    "city": {"clusters": ("city",)},
    "region": {"clusters": ("region",)},
    "kind": {"clusters": ("kind",)},
}


@pytest.mark.further
@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(MODELS)),
    st.sampled_from(sorted(COVARIANCES)),
    st.sampled_from(["reghdfe", "plm"]),
    st.booleans(),
)
def test_slopes_equal_dummies_times_columns(
    seed, model, covariance, ssc, weighted
) -> None:
    absorb, options, parts = MODELS[model]
    how = COVARIANCES[covariance]
    if ssc == "plm" and "clusters" not in how:
        return
    rng = np.random.default_rng(seed)
    frame = make_frame(
        seed,
        int(rng.integers(8, 15)),
        int(rng.integers(6, 11)),
        holes=rng.uniform(0, 0.3),
    )
    b, v, rank, nobs = oracle(frame, parts, weights=weighted, ssc=ssc, **how)
    if nobs < rank + 10:
        return
    weights = {"obs_weights": "w"} if weighted else {}
    fit = quiet_fit(
        FixedEffects("y", X, absorb=absorb, ssc=ssc, **options, **how, **weights), frame
    )
    assert (fit.nobs, fit.df_absorbed) == (nobs, rank)
    np.testing.assert_allclose(fit.coefficients, b, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        fit.covariance, v, rtol=1e-8, atol=1e-9 * np.abs(v).max()
    )


def test_the_effect_in_brackets_is_the_entity_effect_however_it_is_written() -> None:
    frame = make_frame(1)
    ours = quiet_fit(FixedEffects("y", X, absorb="city[year]"), frame)
    for absorb, options in (
        ("city[[year]]", {}),
        (
            ["city", "year", "city[year]"],
            {"entity_effects": False, "time_effects": False},
        ),
        ("C(city)[year]", {}),
        (["city[[year]]", "city[year]"], {}),
    ):
        again = quiet_fit(FixedEffects("y", X, absorb=absorb, **options), frame)
        np.testing.assert_array_equal(again.covariance, ours.covariance)
        assert (
            again.glance()["effects"]
            == ours.glance()["effects"]
            == "city+year+city[[year]]"
        )
    formula = FixedEffects.from_formula("y ~ a + b | city[year] + year")
    np.testing.assert_allclose(
        quiet_fit(formula, frame).params, ours.params, rtol=1e-12
    )


@pytest.mark.parametrize("model", sorted(MODELS))
def test_origin_and_units_of_the_column_change_no_estimate(model: str) -> None:
    absorb, options, _ = MODELS[model]
    frame = make_frame(2)
    spec = FixedEffects("y", X, absorb=absorb, **options)
    near = quiet_fit(spec, frame)
    moved = (
        frame.assign(z=frame["z"] * 1e-7)
        if "[[" in absorb[0]
        else frame.assign(z=frame["z"] * 1e-3 + 3)
    )
    far = quiet_fit(spec, moved)
    np.testing.assert_allclose(far.params, near.params, rtol=1e-9)
    np.testing.assert_allclose(far.std_errors, near.std_errors, rtol=1e-9)
    assert far.df_absorbed == near.df_absorbed


def test_a_year_far_from_zero_keeps_its_digits() -> None:
    frame = make_frame(3).assign(
        t=lambda f: f["year"] - 2004.0, far=lambda f: f["year"] + 1e7
    )
    near, year, far = (
        quiet_fit(FixedEffects("y", X, absorb=f"city[{c}]"), frame)
        for c in ("t", "year", "far")
    )
    np.testing.assert_allclose(year.params, near.params, rtol=1e-12)
    np.testing.assert_allclose(far.params, near.params, rtol=1e-9)
    np.testing.assert_allclose(
        far.effects["city[[far]]"].to_numpy(),
        near.effects["city[[t]]"].to_numpy(),
        atol=1e-8,
    )


def test_labels_and_order_of_rows_change_nothing() -> None:
    frame = make_frame(4)
    spec = FixedEffects("y", X, absorb=("city[year]", "kind[z]"))
    ours = quiet_fit(spec, frame)
    mixed = frame.sample(frac=1, random_state=0)
    np.testing.assert_array_equal(quiet_fit(spec, mixed).covariance, ours.covariance)
    named = quiet_fit(
        spec, frame.assign(city=frame["city"].map(lambda c: f"c{97 - c}"))
    )
    np.testing.assert_allclose(named.covariance, ours.covariance, rtol=1e-9)


# --- what is stored -------------------------------------------------------------------


@pytest.mark.parametrize("model", sorted(MODELS))
def test_prediction_gives_back_the_fitted_values(model: str) -> None:
    absorb, options, _ = MODELS[model]
    frame = make_frame(5)
    fit = quiet_fit(
        FixedEffects("y", X, absorb=absorb, singletons="keep", **options), frame
    )
    fit = pickle.loads(pickle.dumps(fit))
    known = fit.predict(Panel(frame, "city", "year")).dropna()
    assert known.size > 0.9 * len(frame)
    np.testing.assert_allclose(known, fit.fitted_values.reindex(known.index), atol=1e-8)


def test_effects_hold_levels_and_slopes() -> None:
    city, year = np.divmod(np.arange(60), 6)
    frame = pd.DataFrame(
        {
            "city": city,
            "year": 2000 + year,
            "a": np.random.default_rng(0).normal(size=60),
        }
    )
    frame["y"] = 3 * frame["a"] + city + 0.5 * city * (frame["year"] - 2000)
    frame["y"] += 1e-6 * np.random.default_rng(1).normal(size=60)
    fit = quiet_fit(
        FixedEffects("y", "a", absorb="city[year]", time_effects=False), frame
    )
    np.testing.assert_allclose(
        fit.effects["city[[year]]"], 0.5 * np.arange(10), atol=1e-5
    )
    np.testing.assert_allclose(
        fit.effects["city"], np.arange(10) - 1000 * np.arange(10), atol=1e-2
    )
    assert fit.effects["city[[year]]"].index.tolist() == list(range(10))


def test_a_level_with_one_value_of_the_column_has_no_slope_and_no_prediction() -> None:
    frame = make_frame(6)
    frame.loc[frame["city"] == 3, "z"] = 1.25
    fit = quiet_fit(FixedEffects("y", X, absorb="city[z]"), frame)
    slopes = fit.effects["city[[z]]"]
    assert slopes.index[slopes.isna()].tolist() == [3]
    with pytest.warns(DigiprosperWarning, match="no prediction"):
        predicted = fit.predict(Panel(frame, "city", "year"))
    assert set(predicted.index[predicted.isna()].get_level_values(0)) == {3}


def test_rsquared_within_entity_keeps_its_definition() -> None:
    frame = make_frame(7)
    fit = quiet_fit(FixedEffects("y", X, absorb="city[year]"), frame)
    table = frame.set_index(["city", "year"]).loc[fit.index]
    rest = table["y"] - table[list(X)] @ fit.params
    rest, y = (v - v.groupby(level=0).transform("mean") for v in (rest, table["y"]))
    assert fit.rsquared_within_entity == pytest.approx(
        1 - (rest @ rest) / (y @ y), rel=1e-9
    )


def test_missing_values_of_the_column_are_counted_by_its_name() -> None:
    frame = make_frame(8)
    frame.loc[[3, 10, 40], "z"] = np.nan
    fit = quiet_fit(FixedEffects("y", X, absorb="city[z]"), frame)
    assert fit.nobs == len(frame) - 3
    (notice,) = [n for n in fit.diagnostics if n.code == "missing_rows"]
    assert notice.data["by_term"] == {"z": 3}
    with pytest.raises(MissingDataError, match="z"):
        quiet_fit(FixedEffects("y", X, absorb="city[z]", missing="raise"), frame)


def test_levels_with_as_few_rows_as_parameters_are_kept_and_told() -> None:
    frame = make_frame(8, holes=0)
    short = frame[(frame["city"] > 1) | (frame["year"] < 2002)]
    fit = quiet_fit(FixedEffects("y", X, absorb="city[year]"), short)
    (notice,) = [n for n in fit.diagnostics if n.code == "saturated_levels"]
    assert notice.data == {"effect": "city", "levels": 2, "rows": 4}
    assert fit.nobs == len(short)
    without = quiet_fit(
        FixedEffects("y", X, absorb="city[year]", time_effects=False), short
    )
    resids = without.resids[without.resids.index.get_level_values(0) < 2]
    np.testing.assert_allclose(resids, 0, atol=1e-9)
    full = quiet_fit(FixedEffects("y", X, absorb="city[year]"), frame)
    assert "saturated_levels" not in {n.code for n in full.diagnostics}


# --- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("absorb", "error", "words"),
    [
        ("city[text]", InputTypeError, "'text'"),
        ("city[nope]", ColumnError, "'nope'"),
        ("nope[year]", ColumnError, "'nope'"),
        ("city[]", TermError, "empty"),
        ("city[[]]", TermError, "empty"),
        ("city[year", TermError, "not closed"),
        ("city[[year]", TermError, "brackets"),
        ("[year]", TermError, "no effect"),
        ("city[C(kind)]", TermError, "category"),
        ("city[year^2]", TermError, r"year\*\*2"),
        ("C(city):z", TermError, r"'C\(city\)\^z'.*'C\(city\)\[z\]'"),
        ("city[region]", IdentificationError, r"'region' does not vary"),
        ("city[year, I(2*year - 1)]", IdentificationError, r"does not vary by itself"),
        ("year[year]", IdentificationError, r"'year' does not vary"),
        ("city[lag(z, 99)]", MissingDataError, "missing in every row"),
        ("city[log(negative)]", MissingDataError, "undefined"),
        ("city[infinite]", DigiprosperError, "infinite"),
        ("city[huge]", IdentificationError, "huge"),
        ("city[gone]", MissingDataError, "no rows"),
        ("city[a]", IdentificationError, r"'a' is absorbed.*city\[\[a\]\]"),
        ("city^year[z]", IdentificationError, "singleton"),
        (["city[year]", "city[year]"], TermError, "twice"),
    ],
)
def test_malformed_slopes_are_named(absorb, error: type[Exception], words: str) -> None:
    frame = make_frame(9)
    frame["text"] = "a"
    frame["negative"] = -1.0
    frame["huge"] = 1e150 * frame["z"]
    frame["gone"] = np.nan
    if absorb == "city[infinite]":
        frame["infinite"] = np.where(frame.index == 7, np.inf, frame["z"])
    with pytest.raises(error, match=words):
        quiet_fit(FixedEffects("y", X, absorb=absorb), frame)


def test_slopes_alone_are_refused() -> None:
    spec = FixedEffects(
        "y", X, absorb="city[[z]]", entity_effects=False, time_effects=False
    )
    with pytest.raises(OptionError, match=r"'city\[z\]'"):
        quiet_fit(spec, make_frame(9))


def test_slopes_are_no_regressors_and_no_clusters() -> None:
    with pytest.raises(TermError, match="belong in absorb"):
        quiet_fit(FixedEffects("y", ("a", "city[year]")), make_frame(9))
    with pytest.raises(DigiprosperError, match="clusters"):
        quiet_fit(FixedEffects("y", X, clusters="city[year]"), make_frame(9))


def test_a_regressor_that_is_a_trend_by_group_is_absorbed() -> None:
    frame = make_frame(9).assign(trend=lambda f: f["city"] * f["year"] + f["city"] ** 2)
    with pytest.raises(
        IdentificationError, match=r"'trend' is absorbed.*city\[\[year\]\]"
    ) as caught:
        quiet_fit(FixedEffects("y", ("a", "trend"), absorb="city[year]"), frame)
    assert caught.value.problems[0].data["column"] == "trend"
    assert quiet_fit(FixedEffects("y", ("a", "trend")), frame).params.size == 2


def test_as_many_parameters_as_rows_are_refused() -> None:
    frame = make_frame(9, 10, 3, holes=0)
    with pytest.raises(IdentificationError, match="parameters"):
        quiet_fit(
            FixedEffects(
                "y", [*X, *(f"I(z**{k})" for k in range(1, 10))], absorb="city[year]"
            ),
            frame,
        )


def test_state_trends_of_real_data() -> None:
    spec = FixedEffects(
        "log(gsp)", ["log(pc)", "unemp"], absorb="state[year]", cov_type="unadjusted"
    )
    absorbed = spec.fit(dp.datasets.us_states())
    written = FixedEffects(
        "log(gsp)",
        ["log(pc)", "unemp", "C(state):year"],
        collinear="drop",
        cov_type="unadjusted",
    ).fit(dp.datasets.us_states())
    names = list(absorbed.params.index)
    np.testing.assert_allclose(absorbed.params, written.params[names], rtol=1e-9)
    np.testing.assert_allclose(
        absorbed.std_errors, written.std_errors[names], rtol=1e-9
    )


# --- errors from draws, leverage and clusters left out --------------------------------


def written_out_spec(**options) -> tuple[FixedEffects, FixedEffects]:
    """The same model with slopes absorbed, and as regressors."""
    absorbed = FixedEffects("y", X, absorb="city[z]", **options)
    written = FixedEffects("y", (*X, "C(city):z"), **options)
    return absorbed, written


@pytest.mark.many(15)
@pytest.mark.parametrize(
    "cov_type", ["unadjusted", "robust", "hc2", "hc3", "clustered", "driscoll_kraay"]
)
@pytest.mark.parametrize("ssc", ["reghdfe", "xtreg", "linearmodels", "plm", "none"])
def test_every_covariance_is_that_of_slopes_among_the_regressors(
    cov_type: str, ssc: str
) -> None:
    absorbed, written = (
        quiet_fit(spec, make_frame(10))
        for spec in written_out_spec(cov_type=cov_type, ssc=ssc)
    )
    np.testing.assert_allclose(absorbed.params, written.params[list(X)], rtol=1e-9)
    np.testing.assert_allclose(
        absorbed.std_errors, written.std_errors[list(X)], rtol=1e-8
    )
    assert absorbed.df_t == written.df_t


@pytest.mark.many(2)
@pytest.mark.parametrize("weights", [{}, {"obs_weights": "w"}])
@pytest.mark.parametrize("cluster", ["city", "region"])
def test_crv3_equals_refits_without_each_cluster(cluster: str, weights: dict) -> None:
    frame = make_frame(11, 20)
    spec = FixedEffects(
        "y", X, absorb="city[year]", cov_type="crv3", clusters=cluster, **weights
    )
    fit = quiet_fit(spec, frame)
    left = [
        quiet_fit(
            spec.replace(cov_type="unadjusted", clusters=None),
            frame[frame[cluster] != g],
        ).coefficients
        for g in frame[cluster].unique()
    ]
    moved = np.array(left) - fit.coefficients
    expected = (len(left) - 1) / len(left) * moved.T @ moved
    np.testing.assert_allclose(fit.covariance, expected, rtol=1e-8)


def test_wild_bootstrap_is_that_of_slopes_among_the_regressors() -> None:
    frame = make_frame(12, 16)
    for clusters in ("region", "kind"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DigiprosperWarning)
            absorbed, written = (
                dp.wild_bootstrap(
                    spec, Panel(frame, "city", "year"), "a", reps=999, rng=1
                )
                for spec in written_out_spec(clusters=clusters, singletons="keep")
            )
        assert absorbed.statistic == pytest.approx(written.statistic, rel=1e-8)
        assert absorbed.p_value == pytest.approx(written.p_value, abs=1e-12)


def drawn_frame(frame: pd.DataFrame, cluster: str, counts: np.ndarray) -> pd.DataFrame:
    parts = []
    for group, count in zip(np.unique(frame[cluster]), counts.astype(int), strict=True):
        rows = frame[frame[cluster] == group]
        parts += [
            rows.assign(city=rows["city"] + 1000 * (len(parts) + c + 1))
            for c in range(count)
        ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.many(1)
@pytest.mark.parametrize("weights", [{}, {"obs_weights": "w"}])
@pytest.mark.parametrize("absorb", ["city[year]", ["city[[year, z]]", "kind"]])
def test_cluster_bootstrap_equals_refits_with_fresh_slopes(
    absorb, weights: dict
) -> None:
    from digiprosper.kernels.resampling import draw_counts, seed_sequence

    frame = make_frame(13, 12, 9, holes=0.1)
    spec = FixedEffects("y", X, absorb=absorb, singletons="keep", **weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        drawn = dp.cluster_bootstrap(spec, Panel(frame, "city", "year"), reps=20, rng=3)
    counts = draw_counts(seed_sequence(3), 12, 20)
    for count, values in zip(counts, drawn.draws.to_numpy(), strict=True):
        again = quiet_fit(spec, drawn_frame(frame, "city", count))
        np.testing.assert_allclose(values, again.coefficients, rtol=1e-9, atol=1e-9)


def test_slopes_that_cross_the_drawn_clusters_are_refused() -> None:
    panel = Panel(make_frame(14), "city", "year")
    spec = FixedEffects("y", X, absorb="kind[z]")
    with pytest.raises(OptionError, match=r"slopes by 4 groups.*nested"):
        dp.cluster_bootstrap(spec, panel, reps=99, rng=1)
    with pytest.raises(OptionError, match=r"slopes by 4 groups.*nested"):
        spec.replace(cov_type="crv3").fit(panel)


def test_mediation_holds_trends_fixed() -> None:
    frame = make_frame(15, 20, 10, holes=0.1)
    spec = dp.Mediation("y", "a", "b", absorb="city[year]", reps=99)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = spec.fit(Panel(frame, "city", "year"), rng=1)
    outcome = quiet_fit(FixedEffects("y", X, absorb="city[year]"), frame)
    mediator = quiet_fit(FixedEffects("b", "a", absorb="city[year]"), frame)
    assert fit.params["indirect"] == pytest.approx(
        mediator.params["a"] * outcome.params["b"], rel=1e-9
    )
    assert fit.params["direct"] == pytest.approx(outcome.params["a"], rel=1e-9)
    assert fit.glance()["effects"] == "city+year+city[[year]]"
    assert np.isfinite(fit.conf_int().to_numpy()).all()


# --- tables ---------------------------------------------------------------------------


def test_tables_print_trends_and_slopes_by_their_labels() -> None:
    panel = Panel(
        make_frame(16),
        "city",
        "year",
        labels={"city": "City", "year": "Year", "z": "Openness"},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fits = [
            FixedEffects("y", X, absorb=a).fit(panel)
            for a in ((), "city[year]", "city[year, log(z)]")
        ]
    text = str(dp.etable(fits))
    rows = {
        line.split("  ")[0]: line.split()[-3:]
        for line in text.splitlines()
        if "City" in line
    }
    assert rows["City × Year trends"] == ["No", "Yes", "Yes"]
    assert rows["City × log(Openness) slopes"] == ["No", "No", "Yes"]
    assert rows["City fixed effects"] == ["Yes", "Yes", "Yes"]
    assert "Effects: city, year, city[[year]]" in str(fits[1].summary())


# --- thresholds -----------------------------------------------------------------------


def threshold_frame(seed: int) -> pd.DataFrame:
    frame = make_frame(seed, 16, 10, holes=0.1)
    rng = np.random.default_rng(seed)
    frame["q"] = rng.uniform(size=len(frame))
    frame["y"] += 3 * np.where(frame["q"] <= 0.4, frame["a"], 0) + 2 * np.maximum(
        frame["q"] - 0.5, 0
    )
    return frame


@pytest.mark.parametrize("absorb", ["city[z]", "region[z]"])
def test_thresholds_are_those_of_slopes_among_the_regressors(absorb: str) -> None:
    frame = threshold_frame(17)
    dummies_of = f"C({absorb[:-3]}):z"
    options = {"regime_dependent": ["a"], "threshold_variable": "q", "reps": 99}
    absorbed, written = (
        quiet_fit(dp.PanelThreshold("y", x=x, absorb=a, **options), frame, rng=1)
        for x, a in ((["b"], absorb), (["b", dummies_of], ()))
    )
    np.testing.assert_array_equal(absorbed.estimates, written.estimates)
    names = [name for name in absorbed.slopes.names if name in written.slopes.names]
    assert len(names) == absorbed.slopes.params.size
    np.testing.assert_allclose(
        absorbed.slopes.params, written.slopes.params[names], rtol=1e-8
    )
    np.testing.assert_allclose(
        absorbed.statistic_draws, written.statistic_draws, rtol=1e-6
    )


def test_a_kink_is_that_of_slopes_among_the_regressors() -> None:
    frame = threshold_frame(18)
    absorbed, written = (
        quiet_fit(dp.PanelKink("y", "q", x=x, absorb=a, reps=99), frame, rng=1)
        for x, a in ((["b"], "city[z]"), (["b", "C(city):z"], ()))
    )
    assert absorbed.threshold == pytest.approx(written.threshold, rel=1e-9)
    np.testing.assert_allclose(
        absorbed.slopes.params,
        written.slopes.params[absorbed.slopes.params.index],
        rtol=1e-7,
    )


def test_years_far_from_zero_lose_no_digit_in_a_search() -> None:
    frame = threshold_frame(19).assign(t=lambda f: f["year"] - 2004.0)
    fits = [
        quiet_fit(
            dp.PanelThreshold(
                "y", ["a"], "q", x=["b"], absorb=f"city[{column}]", reps=9
            ),
            frame,
            rng=1,
        )
        for column in ("year", "t")
    ]
    np.testing.assert_array_equal(fits[0].estimates, fits[1].estimates)
    np.testing.assert_allclose(fits[0].slopes.params, fits[1].slopes.params, rtol=1e-9)


def test_a_search_over_slopes_of_too_many_groups_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from digiprosper.kernels import threshold

    monkeypatch.setattr(threshold, "_MOST_SLOPES", 1000)
    spec = dp.PanelThreshold("y", ["a"], "q", absorb="city[z]", reps=99)
    with pytest.raises(OptionError, match="16 groups"):
        quiet_fit(spec, threshold_frame(17))


def test_a_threshold_searched_in_every_draw_has_fresh_slopes() -> None:
    from digiprosper.kernels.resampling import draw_counts, seed_sequence

    frame = threshold_frame(20)
    spec = dp.Mediation(
        "y", "a", "b", absorb="city[z]", threshold="q", search_draws=True, reps=20
    )
    fit = quiet_fit(spec, frame, rng=1)
    counts = draw_counts(seed_sequence(1), frame["city"].nunique(), 20)
    # Averages over regimes have weights of the sample; effects in a regime have none.
    names = [name for name in fit.draws if "regime" in name]
    assert names
    for r in range(4):
        again = quiet_fit(
            spec.replace(search_draws=False),
            drawn_frame(frame, "city", counts[r]),
            rng=1,
        )
        assert fit.threshold_draws[r] == again.threshold
        np.testing.assert_allclose(
            fit.draws[names].iloc[r], again.params[names], rtol=1e-8, atol=1e-9
        )


# --- other models ---------------------------------------------------------------------


def test_instruments_beside_slopes_are_those_of_slopes_among_the_regressors() -> None:
    frame = make_frame(21, 20, 10)
    frame["cause"] = frame["a"] + np.random.default_rng(0).normal(size=len(frame))
    absorbed, written = (
        quiet_fit(dp.FixedEffectsIV("y", x, ["a"], ["cause"], absorb=absorb), frame)
        for x, absorb in ((["b"], "city[z]"), (["b", "C(city):z"], ()))
    )
    np.testing.assert_allclose(
        absorbed.params, written.params[list(absorbed.names)], rtol=1e-8
    )
    np.testing.assert_allclose(
        absorbed.std_errors, written.std_errors[list(absorbed.names)], rtol=1e-8
    )


def test_what_has_no_slopes_refuses_them_by_name() -> None:
    panel = Panel(make_frame(21, 20, 10), "city", "year")
    spec = dp.Mediation("y", "a", "b", absorb="city[z]")
    for function in (dp.within_between, dp.mean_group_mediation):
        with pytest.raises(OptionError, match="city"):
            function(spec, panel)
