"""HC2, HC3 and CRV3 with absorbed effects, against every dummy written out."""

from __future__ import annotations

import warnings
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import statsmodels
from scipy import stats

import digiprosper as dp
from digiprosper import FixedEffects, OptionError, Panel

if TYPE_CHECKING:
    from collections.abc import Callable

EFFECTS = {
    "one": ({"time_effects": False}, ("i",)),
    "two": ({}, ("i", "t")),
    "three": ({"absorb": ("g",)}, ("i", "t", "g")),
    "none": ({"entity_effects": False, "time_effects": False}, ()),
}


def frame_of(seed: int = 0, entities: int = 14, periods: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    i, t = np.divmod(np.arange(entities * periods), periods)
    frame = pd.DataFrame({"i": i, "t": t})[rng.random(i.size) > 0.25].reset_index(
        drop=True
    )
    n = len(frame)
    frame["g"] = rng.integers(0, 5, n)
    frame["region"] = frame["i"] % 6
    frame["w"] = rng.uniform(0.3, 3.0, n)
    frame[["a", "b"]] = rng.normal(size=(n, 2)) + 0.1 * frame[["i"]].to_numpy()
    frame["y"] = (
        frame["a"]
        - 0.5 * frame["b"]
        + frame["i"]
        + rng.normal(size=n) * (1 + frame["b"] ** 2)
    )
    return frame


def fit(frame: pd.DataFrame, x=("a", "b"), **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return FixedEffects("y", x, **options).fit(Panel(frame, "i", "t"))


def design_of(frame: pd.DataFrame, x, effects) -> np.ndarray:
    """Regressors, then dummies as far as independent, or the constant."""
    columns = [frame[list(x)].to_numpy(dtype=float)]
    columns += [pd.get_dummies(frame[e]).to_numpy(dtype=float) for e in effects] or [
        np.ones((len(frame), 1))
    ]
    full = np.column_stack(columns)
    keep: list[int] = []
    for j in range(full.shape[1]):
        if np.linalg.matrix_rank(full[:, [*keep, j]]) > len(keep):
            keep.append(j)
    return full[:, keep]


def used(frame: pd.DataFrame, results) -> pd.DataFrame:
    return frame.set_index(["i", "t"]).loc[results.index].reset_index()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("effects", "cov_type"), list(product(EFFECTS, ["hc2", "hc3"]))
)
@pytest.mark.many(6)
def test_hc2_and_hc3_are_those_of_statsmodels_with_dummies(
    effects, cov_type, weighted, seed
) -> None:
    from statsmodels.regression.linear_model import OLS, WLS

    frame = frame_of(seed)
    flags, names = EFFECTS[effects]
    results = fit(
        frame, cov_type=cov_type, obs_weights="w" if weighted else None, **flags
    )
    rows = used(frame, results)
    design = design_of(rows, ("a", "b"), names)
    model = (
        WLS(rows["y"], design, weights=rows["w"])
        if weighted
        else OLS(rows["y"], design)
    )
    peer = model.fit(cov_type=cov_type.upper(), use_t=True)
    k = 2 if names else 3
    np.testing.assert_allclose(results.params, peer.params.to_numpy()[:k], rtol=1e-9)
    np.testing.assert_allclose(
        results.cov, peer.cov_params().to_numpy()[:k, :k], rtol=1e-8
    )
    assert results.df_t == peer.df_resid == results.df_resid
    assert results.df_counted == 0


@pytest.mark.parametrize("cov_type", ["hc2", "hc3", "crv3"])
def test_no_correction_changes_what_has_none(cov_type) -> None:
    frame = frame_of()
    covariances = [
        fit(frame, cov_type=cov_type, ssc=s).cov
        for s in ("reghdfe", "xtreg", "plm", "none")
    ]
    for other in covariances[1:]:
        pd.testing.assert_frame_equal(other, covariances[0], check_exact=True)
    assert fit(frame, cov_type=cov_type).inference.ssc is None


def left_out(
    frame: pd.DataFrame, x, names, cluster: str, *, weighted: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates with all rows, and without each cluster, refitted with dummies.

    By minimum norm.
    """

    def slopes(rows: pd.DataFrame) -> np.ndarray:
        root = np.sqrt(rows["w"].to_numpy()) if weighted else np.ones(len(rows))
        dummies = [pd.get_dummies(rows[e]).to_numpy(dtype=float) for e in names] or [
            np.ones((len(rows), 1))
        ]
        design = (
            np.column_stack([rows[list(x)].to_numpy(dtype=float), *dummies])
            * root[:, None]
        )
        actual = np.linalg.lstsq(design, rows["y"].to_numpy() * root, rcond=1e-11)[0]
        return actual[: len(x) + (not names)]

    return slopes(frame), np.array(
        [slopes(frame[frame[cluster] != g]) for g in frame[cluster].unique()]
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("effects", "cluster"), list(product(EFFECTS, ["i", "region", "t", "g"]))
)
@pytest.mark.many(5)
def test_crv3_is_that_of_refits(effects, cluster, weighted, seed) -> None:
    frame = frame_of(seed)
    flags, names = EFFECTS[effects]
    options = {
        "cov_type": "crv3",
        "clusters": cluster,
        "obs_weights": "w" if weighted else None,
    }
    results = fit(frame, **options, **flags)
    rows = used(frame, results)
    whole, without = left_out(rows, ("a", "b"), names, cluster, weighted=weighted)
    moved, groups = without - whole, len(without)
    np.testing.assert_allclose(results.params, whole, rtol=1e-8)
    np.testing.assert_allclose(
        results.cov, (groups - 1) / groups * moved.T @ moved, rtol=1e-7
    )
    assert results.df_t == groups - 1


@pytest.mark.parametrize("cov_type", ["hc2", "hc3", "crv3"])
def test_row_order_units_labels_and_origin_change_nothing(cov_type) -> None:
    frame = frame_of(4)
    want = fit(frame, cov_type=cov_type).std_errors.to_numpy()
    shuffled = frame.sample(frac=1, random_state=1)
    np.testing.assert_array_equal(fit(shuffled, cov_type=cov_type).std_errors, want)
    renamed = frame.assign(i=frame["i"].map(lambda i: f"city {(5 * i) % 14}"))
    np.testing.assert_allclose(
        fit(renamed, cov_type=cov_type).std_errors, want, rtol=1e-11
    )
    moved = frame.assign(a=1e6 * frame["a"], b=frame["b"] + 1e3)
    np.testing.assert_allclose(
        fit(moved, cov_type=cov_type).std_errors * [1e6, 1], want, rtol=1e-9
    )


@pytest.mark.parametrize("cov_type", ["hc2", "hc3", "crv3"])
def test_digits_of_a_sum_of_nearly_collinear_terms(cov_type) -> None:
    frame = frame_of(5)
    near = frame.assign(b=frame["a"] + 1e-9 * frame["b"])
    results = fit(near, cov_type=cov_type)
    alone = near.assign(c=near["b"] - near["a"]).assign(c=lambda f: f["c"] * 1e9)
    want = fit(alone, ("a", "c"), cov_type=cov_type)
    sums = results.covariance_of(np.array([[1.0, 1.0]]))
    np.testing.assert_allclose(np.sqrt(sums[0, 0]), want.std_errors["a"], rtol=1e-5)


# --- clusters without which a slope is not identified ---------------------------------


def test_a_slope_that_one_cluster_identifies_has_no_crv3_error() -> None:
    frame = frame_of()
    frame["policy"] = ((frame["region"] == 2) & (frame["t"] > 3)).astype(float)
    spec = FixedEffects("y", ["a", "policy"], cov_type="crv3", clusters="region")
    with pytest.warns(dp.CovarianceWarning), pytest.warns(dp.FewClustersWarning):
        results = spec.fit(Panel(frame, "i", "t"))
    assert np.isnan(results.std_errors["policy"])
    (notice,) = [n for n in results.diagnostics if n.code == "needed_clusters"]
    assert notice.data == {"clusters": "region", "terms": {"policy": (2,)}}
    # Without that cluster the policy is left out, and the other slope is still
    # estimated.
    _, without = left_out(
        used(frame, results), ("a", "policy"), ("i", "t"), "region", weighted=False
    )
    moved = without[:, 0] - results.params["a"]
    assert results.std_errors["a"] == pytest.approx(
        np.sqrt(5 / 6 * moved @ moved), rel=1e-8
    )
    assert np.isnan(results.wald_test("a = policy").statistic)
    assert np.isfinite(results.wald_test("a = 0").statistic)


# --- what reads a covariance ----------------------------------------------------------


@pytest.mark.parametrize("cov_type", ["hc2", "hc3", "crv3"])
def test_tests_and_slopes_read_the_covariance(cov_type) -> None:
    frame = frame_of(7).assign(y=lambda f: f["y"] + 3 * f["a"] ** 2)
    results = fit(frame, ("a", "I(a**2)", "b"), cov_type=cov_type)
    v, b = results.cov.to_numpy(), results.params.to_numpy()
    pick = np.array([[1.0, 0, 0], [0, 0, 1.0]])
    form = (pick @ b) @ np.linalg.solve(pick @ v @ pick.T, pick @ b) / 2
    # Under CRV3 the statistic is Hotelling's, F(q, G - q).
    groups = results.n_clusters[0] if cov_type == "crv3" else np.inf
    two, three = (
        (groups - q) / (groups - 1) if np.isfinite(groups) else 1.0 for q in (2, 3)
    )
    assert results.wald_test("a = 0, b = 0").statistic == pytest.approx(
        form * two, rel=1e-8
    )
    slope = results.marginal_effect("a", at={"a": [0.5]})
    weights = np.array([1.0, 1.0, 0.0])
    assert slope["std_error"].iloc[0] == pytest.approx(
        np.sqrt(weights @ v @ weights), rel=1e-8
    )
    assert np.isfinite(dp.u_test(results, "a").p_value)
    f = b @ np.linalg.solve(v, b) / 3
    assert results.f_statistic.statistic == pytest.approx(f * three, rel=1e-7)


@pytest.mark.parametrize("cov_type", ["hc2", "hc3", "crv3"])
def test_the_joint_covariance_of_a_mediation_has_the_blocks_of_its_equations(
    cov_type,
) -> None:
    frame = frame_of(8)
    frame["m"] = 0.5 * frame["a"] + np.random.default_rng(3).normal(size=len(frame))
    frame["y"] += frame["m"]
    panel = Panel(frame, "i", "t")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        results = dp.Mediation("y", "a", "m", ["b"], cov_type=cov_type, reps=20).fit(
            panel, rng=1
        )
    assert results.glance()["cov_type"] == cov_type
    total = fit(frame, ("a", "b"), cov_type=cov_type)
    interval = results.interval("delta")
    assert np.isfinite(interval.to_numpy(dtype=float)).all()
    assert results.cov.loc["total", "total"] == pytest.approx(
        total.cov.loc["a", "a"], rel=1e-8
    )


@pytest.mark.parametrize(
    ("cov_type", "words"),
    [
        ("hc2", "robust to heteroskedasticity (HC2) (t with"),
        ("hc3", "robust to heteroskedasticity (HC3) (t with"),
        (
            "crv3",
            (
                "clustered by i (CRV3, one cluster left out at a time; 14 "
                "clusters, t with 13"
            ),
        ),
    ],
)
def test_names_in_summaries_and_tables(cov_type, words) -> None:
    results = fit(frame_of(), cov_type=cov_type)
    assert words in results.conventions
    assert "correction" not in results.conventions
    assert cov_type.upper() in str(dp.etable(results))
    two = str(dp.etable([results, fit(frame_of())]))
    assert cov_type.upper() in two


# --- notices and refusals -------------------------------------------------------------


def codes(results) -> set[str]:
    return {n.code for n in results.diagnostics}


@pytest.mark.parametrize("cov_type", ["unadjusted", "robust", "hc2", "hc3"])
def test_robust_errors_with_entity_effects_are_said_to_be_inconsistent(
    cov_type,
) -> None:
    frame = frame_of()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = FixedEffects("y", ["a"], cov_type=cov_type).fit(
            Panel(frame, "i", "t")
        )
    (notice,) = [n for n in results.diagnostics if n.code == "robust_inconsistent"]
    assert notice.data == {
        "cov_type": cov_type,
        "periods": pytest.approx(len(frame) / 14),
    }
    assert "robust_inconsistent" in codes(
        fit(frame, cov_type=cov_type, entity_effects=False, absorb="i")
    )
    assert "robust_inconsistent" not in codes(
        fit(frame, cov_type=cov_type, entity_effects=False)
    )
    assert "robust_inconsistent" not in codes(
        fit(frame[frame["t"].isin([2, 3])], cov_type=cov_type)
    )
    assert "robust_inconsistent" not in codes(fit(frame))


@pytest.mark.montecarlo
def test_unadjusted_errors_cover_too_rarely(measured: Callable[..., None]) -> None:
    """Share of 2,000 panels of 31 x 10 in which a 95% interval has the slope.

    Standard errors are ``cov_type="unadjusted"``. Regressor and errors have an
    autocorrelation of .6, and variances that differ between entities in the second row.
    """
    rng, n, periods, draws = np.random.default_rng(7), 31, 10, 2000
    covered = []
    for spread in (0.0, 0.7):
        sd = np.exp(spread * rng.normal(size=(draws, n, 1)))
        values = rng.normal(size=(2, draws, n, periods))
        for t in range(1, periods):
            values[..., t] = 0.6 * values[..., t - 1] + 0.8 * values[..., t]
        values *= sd
        frame = pd.DataFrame(
            {
                "i": np.repeat(np.arange(n), periods),
                "t": np.tile(np.arange(periods), n),
                "x": values[0, 0].ravel(),
                "y": values[1, 0].ravel(),
            }
        )
        values -= values.mean(axis=-1, keepdims=True)
        values -= values.mean(axis=-2, keepdims=True)
        x, y = values
        squares = (x * x).sum(axis=(1, 2))
        slopes = (x * y).sum(axis=(1, 2)) / squares
        residuals = y - slopes[:, None, None] * x
        df = (n - 1) * (periods - 1) - 1
        errors = np.sqrt((residuals**2).sum(axis=(1, 2)) / df / squares)
        results = fit(frame, x=("x",), cov_type="unadjusted")
        assert results.std_errors["x"] == pytest.approx(errors[0])
        covered.append((np.abs(slopes / errors) < stats.t.ppf(0.975, df)).mean())
        row = {"variances": "differ" if spread else "equal", "coverage": covered[-1]}
        measured("coverage_of_unadjusted_errors", row)
    assert covered == pytest.approx([0.88, 0.62], abs=0.025)


def test_effects_of_too_many_levels_are_refused_with_their_number() -> None:
    rng = np.random.default_rng(0)
    n = 12_000
    frame = pd.DataFrame(
        {"i": np.arange(n) // 4, "t": np.arange(n) % 4, "g": rng.integers(0, 1500, n)}
    )
    frame[["y", "a"]] = rng.normal(size=(n, 2))
    with pytest.raises(OptionError, match=r"1,50\d levels") as error:
        fit(frame, ("a",), cov_type="hc3", absorb="g")
    assert error.value.problems
    nested = fit(
        frame.assign(g=frame["i"] // 2),
        ("a",),
        cov_type="hc3",
        time_effects=False,
        absorb="g",
    )
    plain = fit(frame, ("a",), cov_type="hc3", time_effects=False)
    np.testing.assert_allclose(nested.std_errors, plain.std_errors, rtol=1e-10)


@pytest.mark.parametrize(
    "options",
    [
        {"cov_type": "HC2"},
        {"cov_type": "hc1"},
        {"cov_type": "crv1"},
        {"cov_type": "crv3", "clusters": ["i", "t"]},
        {"cov_type": "crv3", "clusters": []},
        {"cov_type": "crv3", "clusters": ["a", "b", "t"]},
        {"cov_type": "hc2", "clusters": "i"},
        {"cov_type": "hc3", "clusters": "region"},
        {"cov_type": "hc3", "bandwidth": 2},
        {"cov_type": "crv3", "bandwidth": 2},
        {"cov_type": ["hc2"]},
        {"cov_type": "hc2", "ssc": "stata"},
        {"cov_type": "crv3", "clusters": "nowhere"},
        {"cov_type": "crv3", "clusters": "same"},
        {"cov_type": "crv3", "clusters": "gaps"},
        {"cov_type": "hc3", "obs_weights": "same0"},
        {"keep_rows": "no"},
        {"keep_rows": 1},
        {"keep_rows": None},
    ],
    ids=str,
)
def test_malformed_options(options) -> None:
    frame = frame_of().assign(
        same=1.0, same0=0.0, gaps=lambda f: f["b"].where(f["b"] > 0)
    )
    frame["gaps"] = frame["gaps"].astype(object).where(frame["gaps"].notna(), None)
    with pytest.raises(dp.DigiprosperError) as error:
        FixedEffects("y", ["a"], missing="raise", **options).fit(Panel(frame, "i", "t"))
    assert error.value.problems
    assert str(error.value)


@pytest.mark.parametrize("cov_type", ["hc2", "hc3", "crv3"])
def test_what_cannot_use_them_refuses_by_name(cov_type) -> None:
    with pytest.raises(OptionError, match="MediationIV") as error:
        dp.MediationIV("y", "a", "b", "w", cov_type=cov_type)
    data = error.value.problems[0].data
    assert (data["option"], data["value"]) == ("cov_type", cov_type)
    assert cov_type not in data["allowed"]
    if cov_type == "crv3":
        with pytest.raises(OptionError, match="PanelKink"):
            dp.PanelKink("y", "a", ["b"], cov_type=cov_type)


@pytest.mark.parametrize("cov_type", ["hc2", "hc3", "crv3"])
def test_regimes_and_kinks_have_their_covariances(cov_type) -> None:
    """Slopes by regime are those of a regression on columns by regime."""
    frame = frame_of(9, entities=30)
    panel = Panel(frame, "i", "t")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        split = dp.PanelThreshold("y", "a", "b", cov_type=cov_type, bootstrap=None).fit(
            panel
        )
        gamma = float(split.thresholds["estimate"].iloc[0])
        made = frame.assign(
            low=frame["a"] * (frame["b"] <= gamma),
            high=frame["a"] * (frame["b"] > gamma),
        )
        same = fit(made, ("low", "high"), cov_type=cov_type)
        np.testing.assert_allclose(
            split.slopes.std_errors.iloc[:2], same.std_errors, rtol=1e-9
        )
        if cov_type != "crv3":
            kink = dp.PanelKink("y", "a", ["b"], cov_type=cov_type, bootstrap=None).fit(
                panel
            )
            assert np.isfinite(kink.slopes.cov.to_numpy()).all()


@pytest.mark.parametrize("cov_type", ["hc2", "hc3", "crv3"])
def test_several_models_on_one_panel(cov_type) -> None:
    panel = Panel(frame_of(3), "i", "t")
    spec = FixedEffects("y", ["a"], cov_type=cov_type)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        steps = dp.stepwise(spec, panel, ["b"])
        assert steps["(2)"].cov.equals(spec.add("b").fit(panel).cov)
        assert "CRV3" in str(dp.etable(steps)) or "HC" in str(dp.etable(steps))


# --- slopes among the effects ---------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("absorb", ["i[z]", "i[[z]]", "region[z]"])
@pytest.mark.parametrize("cov_type", ["hc2", "hc3"])
def test_absorbed_slopes_are_in_the_leverage(cov_type, absorb, weighted) -> None:
    from statsmodels.regression.linear_model import WLS

    frame = frame_of(2, entities=10, periods=12)
    frame["z"] = 2010 + frame["t"] ** 1.5
    w = "w" if weighted else None
    results = fit(frame, cov_type=cov_type, absorb=absorb, obs_weights=w)
    rows = used(frame, results).assign(z=lambda f: f["z"] - 2030)
    group = pd.get_dummies(rows[absorb.split("[")[0]]).to_numpy(dtype=float)
    design = np.column_stack(
        [design_of(rows, ("a", "b"), ("i", "t")), group * rows[["z"]].to_numpy()]
    )
    keep = (
        np.abs(np.diag(np.linalg.qr(design / np.linalg.norm(design, axis=0))[1])) > 1e-9
    )
    peer = WLS(rows["y"], design[:, keep], weights=rows["w"] if weighted else 1.0).fit(
        cov_type=cov_type.upper()
    )
    np.testing.assert_allclose(results.std_errors, peer.bse.to_numpy()[:2], rtol=1e-8)
    assert results.df_t == peer.df_resid


def test_crv3_refuses_slopes_that_cross_the_clusters_by_name() -> None:
    assert np.isfinite(fit(frame_of(), cov_type="crv3", absorb="i[t]").std_errors).all()
    with pytest.raises(OptionError, match="clusters") as error:
        fit(frame_of(), cov_type="crv3", absorb="t[w]")
    assert error.value.problems[0].data["option"] == "absorb"


@pytest.mark.parametrize(("ssc", "key"), [("reghdfe", "stata"), ("none", "f")])
def test_only_what_stata_prints_has_its_name(ssc, key) -> None:
    test = fit(frame_of(1), ssc=ssc).wald_test("a = 0, b = 0")
    assert key in test.alternatives
    assert ("Stata prints" in test.summary()) is (key == "stata")


def test_a_table_says_how_a_p_value_was_computed() -> None:
    test = fit(frame_of(1)).wald_test("a = 0, b = 0")
    for language, words, draws in (
        ("en", "Wald test: p-value by", "999 draws"),
        ("zh", "Wald检验：p值基于", "999次抽样"),
    ):
        notes = dp.etable([test], style=dp.TableStyle(language=language)).notes
        assert any(words in note and draws in note for note in notes)


def test_as_many_restrictions_as_clusters_are_not_tested() -> None:
    """Two-way clusters, of which one way has fewer clusters than restrictions."""
    frame = frame_of(2, entities=40, periods=3)
    frame["c"] = np.random.default_rng(0).normal(size=len(frame))
    results = fit(frame, ("a", "b", "c"), clusters=("i", "t"))
    test = results.wald_test("a = 0, b = 0, c = 0")
    assert np.isnan(test.statistic)
    assert np.isnan(test.p_value)
    assert "3 restrictions need more than 3 clusters" in test.method
    assert results.wald_test("a = 0, b = 0").df == (2.0, 1.0)


def test_without_sums_by_cluster_a_test_says_that_it_rejects_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = "digiprosper.linear.kernels.wild._MOST_NUMBERS"
    monkeypatch.setattr(module, 1)
    results = fit(frame_of(1))
    assert results.estimated.by_cluster == ()
    test = results.wald_test("a = 0, b = 0")
    assert "too often with few clusters" in test.method
    assert test.alternatives == {}


# Petersen (2009): test data, and the numbers that he and his readers' programs print.
PETERSEN = Path(statsmodels.__file__).parent / "stats" / "tests" / "test_data.txt"


@pytest.mark.skipif(not PETERSEN.exists(), reason="statsmodels without its test data")
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.parametrize(
    ("options", "std_errors", "notices"),
    [
        ({"cov_type": "unadjusted"}, ["0.0286", "0.0284"], {"in_entities"}),
        ({"cov_type": "robust"}, ["0.0284", "0.0284"], {"in_entities"}),
        ({"clusters": "firm"}, ["0.0506", "0.0670"], set()),
        ({"clusters": "year"}, ["0.0334", "0.0234"], {"in_entities"}),
        (
            {"clusters": ["firm", "year"], "ssc": "sandwich"},
            ["0.0536", "0.0651"],
            set(),
        ),
    ],
)
def test_petersens_data(options, std_errors, notices) -> None:
    names = ["firm", "year", "x", "y"]
    frame = pd.DataFrame(np.loadtxt(PETERSEN), columns=names)
    panel = Panel(frame.astype({"firm": int, "year": int}), "firm", "year")
    spec = FixedEffects("y", ["x"], entity_effects=False, time_effects=False)
    fit = spec.replace(**options).fit(panel)
    assert [f"{value:.4f}" for value in fit.params] == ["1.0348", "0.0297"]
    assert [f"{value:.4f}" for value in fit.std_errors] == std_errors
    said = {"in_entities", "shared_exposure", "lasting_shocks"}
    assert {n.code for n in fit.diagnostics} & said == notices
