"""Equations together: covariance, jackknife, residual products, by dummies."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Mediation, Panel, datasets
from digiprosper.errors import CollinearityError, IdentificationError
from digiprosper.kernels import covariance, least_squares
from digiprosper.kernels.covariance import default_bandwidth
from digiprosper.kernels.equation import joint_covariance
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.within import Within
from digiprosper.linear.estimation import demean_columns, fit_columns, fit_equation
from digiprosper.linear.preparation import LinearOptions, prepare
from digiprosper.mediation.system import (
    draw_notices,
    estimate,
    refuse_absorbed,
    slope_positions,
    system_glance,
)

NAMES = ("y", "x", "m1", "m2", "w")
# Total, both mediators, outcome; the second mediator on the first, so that no two are
# alike.
LAYOUT = ((0, (1, 4)), (2, (1, 4)), (3, (1, 2, 4)), (0, (1, 2, 3, 4)))
BLOCKS = (((0, 2), (1, 3, 4)), ((0, 3), (1, 2, 4)))
# Squares and product of two columns
UPPER = np.triu_indices(2)


def make(seed=0, n=24, periods=6, keep=0.8):
    rng = np.random.default_rng(seed)
    city, year = (
        v.ravel()
        for v in np.meshgrid(np.arange(n), 2001 + np.arange(periods), indexing="ij")
    )

    def draw():
        return (
            rng.normal(size=n)[city]
            + rng.normal(size=periods)[year - 2001]
            + rng.normal(size=city.size)
        )

    frame = pd.DataFrame(
        {"city": city, "year": year, "region": city % (n // 2), "w": draw()}
    )
    frame["x"] = draw() + 0.4 * frame["w"]
    common = draw()
    frame["m1"] = 0.6 * frame["x"] + common + draw()
    frame["m2"] = -0.4 * frame["x"] + 0.3 * frame["m1"] + common + draw()
    frame["y"] = 0.3 * frame["x"] + 0.5 * frame["m1"] + 0.2 * frame["m2"] + draw()
    return frame[(rng.random(city.size) < keep) | (year < 2003)].reset_index(drop=True)


def ready(frame, **options):
    panel = Panel(frame, "city", "year")
    return prepare(
        panel, {"y": ("y",), "x": ("x", "m1", "m2", "w")}, LinearOptions(**options)
    )


def fitted(frame, reps=20, layout=LAYOUT, partial=(2, 3), seed=1, **options):
    prepared = ready(frame, **options)
    columns = demean_columns(prepared, NAMES, frame[list(NAMES)].to_numpy())
    return estimate(
        prepared, columns, layout, reps=reps, seed=seed_sequence(seed), partial=partial
    )


def demeaned(frame):
    """Residuals of all columns on dummies of both effects."""
    dummies = np.column_stack(
        [
            np.eye(codes.max() + 1)[codes]
            for codes in (pd.factorize(frame[k])[0] for k in ("city", "year"))
        ]
    )
    columns = frame[list(NAMES)].to_numpy()
    return columns - dummies @ np.linalg.lstsq(dummies, columns, rcond=1e-10)[0]


def by_hand(frame, layout=LAYOUT):
    """Slopes, residuals, designs and inverses, one an equation."""
    columns, out = demeaned(frame), []
    for y, x in layout:
        design = columns[:, list(x)]
        inverse = np.linalg.inv(design.T @ design)
        b = inverse @ design.T @ columns[:, y]
        out.append((b, columns[:, y] - design @ b, design, inverse))
    return out


def test_slopes_stand_one_equation_after_another() -> None:
    frame = make()
    system = fitted(frame)
    np.testing.assert_allclose(
        system.slopes.estimates,
        np.concatenate([b for b, *_ in by_hand(frame)]),
        rtol=1e-9,
    )
    assert slope_positions(LAYOUT, [(0, 1), (2, 2), (3, 4)]) == [0, 5, 10]
    assert slope_positions(LAYOUT, ()) == list(range(11))
    assert len(system.slopes.estimates) == 11
    assert system.slopes.draws.shape == (20, 11)
    assert system.drawn == "entity"


# --- the joint covariance -------------------------------------------------------------


def influence(frame):
    parts = by_hand(frame)
    return np.column_stack(
        [(design * e[:, None]) @ inverse for _, e, design, inverse in parts]
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"clusters": ("region",)},
        {"cov_type": "robust"},
        {"cov_type": "xtscc"},
    ],
    ids=["clustered", "region", "robust", "xtscc"],
)
def test_joint_covariance_is_that_of_stacked_influences(seed, options) -> None:
    frame = make(seed)
    cov_type = options.get("cov_type", "clustered")
    by = {"robust": np.arange(len(frame)), "xtscc": frame["year"]}.get(
        cov_type, frame[options.get("clusters", ("city",))[0]]
    )
    sums = pd.DataFrame(influence(frame)).groupby(np.asarray(by)).sum().to_numpy()
    want = sums.T @ sums
    if cov_type == "xtscc":
        lags = default_bandwidth(len(sums))
        for lag in range(1, lags + 1):
            later = sums[lag:].T @ sums[:-lag]
            want += (1 - lag / (lags + 1)) * (later + later.T)
    got = fitted(frame, ssc="none", **options).slopes.covariance
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-12 * np.abs(want).max())


@pytest.mark.parametrize("seed", range(3))
def test_unadjusted_joint_covariance_is_that_of_rows_with_correlated_errors(
    seed,
) -> None:
    # Seemingly unrelated equations: s_jk (X_j'X_j)^-1 X_j'X_k (X_k'X_k)^-1. Errors of
    # an outcome and of what explains it are uncorrelated in the sample, those of two
    # mediators are not.
    frame = make(seed)
    parts = by_hand(frame)
    system = fitted(frame, cov_type="unadjusted", ssc="none")
    df = len(frame)
    want = np.block(
        [[(e @ u) / df * p @ x.T @ z @ q for _, u, z, q in parts] for _, e, x,
            p in parts]
    )  # fmt: skip
    np.testing.assert_allclose(
        system.slopes.covariance, want, rtol=1e-8, atol=1e-12 * np.abs(want).max()
    )


@pytest.mark.parametrize("ssc", ["reghdfe", "xtreg", "linearmodels", "plm"])
@pytest.mark.parametrize("cov_type", ["clustered", "robust", "xtscc"])
def test_factors_of_two_equations_meet_in_the_geometric_mean(cov_type, ssc) -> None:
    frame = make()
    plain, factored = (fitted(frame, cov_type=cov_type, ssc=s) for s in ("none", ssc))
    each = [
        fit.covariance[0, 0] / one.covariance[0, 0]
        for fit, one in zip(factored.fits, plain.fits, strict=True)
    ]
    factors = np.sqrt(np.repeat(each, [len(x) for _, x in LAYOUT]))
    np.testing.assert_allclose(
        factored.slopes.covariance,
        plain.slopes.covariance * np.outer(factors, factors),
        rtol=1e-10,
        atol=1e-14,
    )


def test_blocks_on_the_diagonal_are_those_of_the_equations_alone() -> None:
    frame = make()
    panel = Panel(frame, "city", "year")
    for cov_type in ("clustered", "unadjusted", "robust", "driscoll_kraay"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            system = fitted(frame, cov_type=cov_type)
            start = 0
            for y, x in LAYOUT:
                alone = FixedEffects(
                    NAMES[y], [NAMES[j] for j in x], cov_type=cov_type
                ).fit(panel)
                here = slice(start, start + len(x))
                np.testing.assert_allclose(
                    system.slopes.covariance[here, here], alone.covariance, rtol=1e-9
                )
                start += len(x)


def test_unadjusted_errors_count_the_effects() -> None:
    frame = make()
    system = fitted(frame)
    n, t = frame["city"].nunique(), frame["year"].nunique()
    rows = iter(system.slopes.unadjusted)
    for b, e, _, inverse in by_hand(frame):
        df = len(frame) - len(b) - n - t + 1
        for variance in np.diag(inverse):
            error, counted = next(rows)
            assert counted == df
            assert error == pytest.approx(np.sqrt(variance * (e @ e) / df), rel=1e-9)


def test_no_standard_error_anywhere_if_a_slope_has_none() -> None:
    # Two entities with both effects: the scores of each add up to zero.
    frame = make(n=24, keep=1.0)
    system = fitted(
        frame[frame["city"] < 2].reset_index(drop=True), layout=LAYOUT[:2], partial=()
    )
    assert np.isnan(system.slopes.covariance).all()
    assert {n.code for n in system.notices} >= {
        "no_variance",
        "too_few_clusters_to_draw",
    }
    assert np.isfinite(system.slopes.estimates).all()


# --- draws ----------------------------------------------------------------------------


@pytest.mark.parametrize("clusters", [None, ("region",)])
def test_jackknife_leaves_one_cluster_out_with_effects_anew(clusters) -> None:
    frame = make()
    by = frame["city" if clusters is None else "region"]
    got = fitted(frame, clusters=clusters).slopes.jackknife
    assert got.shape == (by.nunique(), 11)
    for row, left_out in list(zip(got, np.unique(by), strict=True))[::5]:
        rest = frame[by != left_out].reset_index(drop=True)
        np.testing.assert_allclose(
            row, np.concatenate([b for b, *_ in by_hand(rest)]), rtol=1e-8, atol=1e-9
        )


def test_residual_products_are_sums_over_the_rows() -> None:
    frame = make()
    system, columns = fitted(frame), demeaned(frame)
    for got, (ys, x) in zip(system.slopes.moments, BLOCKS, strict=True):
        design = columns[:, list(x)]
        rest = columns[:, list(ys)]
        rest = rest - design @ np.linalg.lstsq(design, rest, rcond=None)[0]
        np.testing.assert_allclose(got, (rest.T @ rest)[UPPER], rtol=1e-9)
    assert system.slopes.moment_draws.shape == (20, 2, 3)


def test_residuals_without_regressors_are_what_the_effects_leave() -> None:
    frame = make()
    system = fitted(frame, layout=((0, (1,)),), partial=(1,))
    both = demeaned(frame)[:, :2]
    (moments,) = system.slopes.moments
    np.testing.assert_allclose(moments, (both.T @ both)[UPPER], rtol=1e-10)


def test_residuals_of_no_regressor_are_refused() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        fitted(make(), layout=LAYOUT[:1], partial=(2,))


def test_draws_do_not_depend_on_residuals_wanted_and_lost_ones_are_said() -> None:
    frame = make(keep=1.0)
    frame["x"] = ((frame["city"] < 2) & (frame["year"] > 2003)).astype(float)
    frame["m1"] += frame["x"]
    many, none = fitted(frame, reps=400), fitted(frame, reps=400, partial=())
    np.testing.assert_array_equal(many.slopes.draws, none.slopes.draws)
    lost = np.isnan(many.slopes.draws[:, 0])
    assert 0 < lost.sum() < 200
    assert (np.isnan(many.slopes.draws) == lost[:, None]).all()
    assert (np.isnan(many.slopes.moment_draws).all(axis=(1, 2)) == lost).all()
    (notice,) = draw_notices(many)
    assert (notice.code, notice.data) == (
        "lost_draws",
        {"lost": lost.sum(), "reps": 400},
    )
    assert "few_draws" in {n.code for n in draw_notices(fitted(frame))}
    assert draw_notices(replace(many, n_drawn=4)) == ()
    codes = [n.code for n in many.notices]
    assert len(codes) == len(set(codes))  # what every equation says is said once


# --- what is refused ------------------------------------------------------------------


def test_columns_without_variation_are_refused_by_role() -> None:
    frame = make()
    prepared = ready(frame)
    fixed, national = frame["city"] * 1.5, frame["year"] ** 2.0
    columns = np.column_stack([frame["y"], fixed, national, frame["m1"]])
    roles = ("outcome", "treatment", "mediator", "mediator")
    with pytest.raises(
        IdentificationError, match=r"treatment 'f'.*mediator 'n'.*\(city, year\)"
    ) as caught:
        refuse_absorbed(
            prepared, demean_columns(prepared, ("y", "f", "n", "m1"), columns), roles
        )
    assert [p.data["column"] for p in caught.value.problems] == ["f", "n"]
    constant = np.column_stack([frame["y"], np.full(len(frame), 0.1), frame["m1"]])
    with pytest.raises(IdentificationError, match="'c' does not vary"):
        refuse_absorbed(
            prepared, demean_columns(prepared, ("y", "c", "m1"), constant), roles[:3]
        )
    # An outcome that the effects absorb is the business of whoever fits it.
    absorbed = np.column_stack([fixed, frame["x"], frame["m1"]])
    refuse_absorbed(
        prepared, demean_columns(prepared, ("f", "x", "m1"), absorbed), roles[:3]
    )
    for other, of, role in ((0, "y", "outcome"), (1, "x", "treatment")):
        again = np.column_stack(
            [frame["y"], frame["x"], -2 * frame["yx"[other]] + fixed]
        )
        with pytest.raises(
            CollinearityError, match=f"mediator 'm' is collinear with the {role} '{of}'"
        ):
            refuse_absorbed(
                prepared, demean_columns(prepared, ("y", "x", "m"), again), roles[:3]
            )


def test_the_line_about_a_system_has_no_measure_of_fit() -> None:
    frame = make()
    seed = seed_sequence(7)
    outcome = fit_columns(
        ready(frame), "y", frame["y"].to_numpy(), ["x"], frame[["x"]].to_numpy()
    )
    glance = system_glance(outcome, "Demo", seed)
    assert (glance["model"], glance["rng_entropy"], glance["nobs"]) == (
        "Demo",
        7,
        len(frame),
    )
    missing = (
        "rsquared",
        "rsquared_within",
        "rsquared_within_entity",
        "rsquared_adj",
        "f_statistic",
    )
    assert [glance[key] for key in missing] == [None] * 5
    assert outcome.glance()["rsquared_within"] is not None


@pytest.mark.parametrize("condition", [1e2, 1e6, 1e8])
def test_nearly_collinear_equations_keep_their_joint_covariance(condition) -> None:
    """Beside their difference two columns are the same plane, not collinear."""
    rng = np.random.default_rng(8)
    frame = make(8)
    frame["z"] = frame["x"] + rng.normal(size=len(frame)) * 2 / condition
    frame["d"] = frame["z"] - frame["x"]
    prepared = ready(frame)
    columns = demean_columns(
        prepared,
        ("x", "z", "d", "m1", "y"),
        frame[["x", "z", "d", "m1", "y"]].to_numpy(),
    )
    near, apart = (
        [
            fit_equation(prepared, columns, y, x)[1]
            for y, x in ((3, (0, j)), (4, (0, j, 3)))
        ]
        for j in (1, 2)
    )
    turn = np.eye(5)
    # Beside d the slope of x is the sum of both beside z
    turn[0, 1] = turn[2, 3] = -1.0
    want = turn @ joint_covariance(apart) @ turn.T
    unit, tolerance = np.sqrt(np.diag(want)), 1e-11 + 4e-15 * condition
    actual = joint_covariance(near)
    np.testing.assert_allclose(
        actual / unit / unit[:, None], want / unit / unit[:, None], atol=tolerance
    )
    errors = [e.unadjusted_errors()[1] for e in (near[0], apart[0])]
    np.testing.assert_allclose(errors[0], errors[1], rtol=tolerance)


# --- nothing is computed twice --------------------------------------------------------


@pytest.fixture
def counted(monkeypatch):
    """Count demeans of a matrix or a column, solutions and counts in every module.

    Products of clusters, from which draws and the jackknife are solved, demean no
    sample.
    """
    seen = dict.fromkeys(("demeans", "solutions", "counts"), 0)

    def counting(function, key):
        def count(*arguments, **options):
            seen[key] += 1
            return function(*arguments, **options)

        return count

    for name in ("demean", "decompose"):
        monkeypatch.setattr(Within, name, counting(getattr(Within, name), "demeans"))
    loaded = [
        module
        for name, module in sys.modules.items()
        if name.startswith("digiprosper.")
    ]
    for function, key in (
        (least_squares.ols, "solutions"),
        (covariance.counts, "counts"),
    ):
        for module in loaded:
            if getattr(module, function.__name__, None) is function:
                monkeypatch.setattr(module, function.__name__, counting(function, key))
    return seen


@pytest.mark.parametrize(
    ("model", "equations"),
    [
        (dp.Mediation("y", "x", ["m1", "m2"], ["w"], reps=20), 4),
        (dp.Mediation("y", "x", ["m1", "m2"], ["w"], clusters="region", reps=20), 4),
        (dp.Mediation("y", "x", ["m1", "m2"], ["w"], structure="serial", reps=20), 4),
        (dp.MediationIV("y", "x", "m1", "m2", ["w"], reps=20), 5),
        (FixedEffects("y", ["x", "m1", "w"]), 1),
        (FixedEffects("y", ["x", "m1", "w"], obs_weights="weight"), 1),
    ],
)
def test_one_demean_one_solution_an_equation_one_count(
    counted, model, equations
) -> None:
    panel = Panel(make().assign(weight=lambda d: 1.0 + d["city"] % 3), "city", "year")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(panel)
    assert counted == {"demeans": 1, "solutions": equations, "counts": 1}


def test_columns_that_a_structure_makes_are_demeaned_by_themselves(counted) -> None:
    model = dp.Mediation(
        "y", "x", ["m1", "m2"], moderator="w", moderates=["a", "direct"], reps=20
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(Panel(make(), "city", "year"))
    assert counted == {"demeans": 2, "solutions": 4, "counts": 1}


def test_two_steps_demean_once(counted) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dp.sequential_g(
            dp.Mediation("y", "x", "m1", ["w"], reps=20),
            Panel(make(), "city", "year"),
            "m2",
        )
    assert counted == {"demeans": 1, "solutions": 3, "counts": 1}


@pytest.mark.parametrize(("seed", "lost"), [(7, 5), (1, 6)])
def test_more_than_a_twentieth_of_lost_draws_makes_intervals_too_short(
    seed, lost
) -> None:
    frame = make(keep=1.0)
    frame["x"] = ((frame["city"] < 3) & (frame["year"] > 2003)).astype(float)
    frame["m1"] += frame["x"]
    (said,) = [
        n
        for n in draw_notices(fitted(frame, reps=100, seed=seed))
        if n.code == "lost_draws"
    ]
    assert said.data == {"lost": lost, "reps": 100}
    assert ("do not rely on them" in said.message) == (lost == 6)


def test_each_method_demeans_a_column_once_and_solves_an_equation_once(counted) -> None:
    """The line and a kink's slopes are two equations, the step from them a third.

    Slopes by regime are estimated at the threshold, and at 20 other values in its set.
    The panel keeps the counts of the first fit for all later ones.
    """
    panel = Panel(make(keep=1.0), "city", "year")
    threshold = dp.PanelThreshold(
        "y", ["x"], "w", bootstrap=None, regime_intercept=True
    )
    runs = {
        "stepwise": lambda: dp.stepwise(FixedEffects("y", ["x"]), panel, ["m1", "w"]),
        "fit_all": lambda: dp.fit_all(
            {"a": FixedEffects("y", ["x"]), "b": FixedEffects("y", ["w"])}, panel
        ),
        "threshold": lambda: threshold.fit(panel),
        "kink": lambda: dp.PanelKink("y", "x", ["w"], bootstrap=None).fit(panel),
        "beta": lambda: dp.beta_convergence(panel.assign(size="exp(y / 9)"), "size"),
    }
    actual = {}
    for name, run in runs.items():
        counted.update(dict.fromkeys(counted, 0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run()
        actual[name] = tuple(counted.values())
    assert actual == {
        "stepwise": (1, 3, 1),
        "fit_all": (2, 2, 0),
        "threshold": (2 + 20, 1 + 20, 0),
        "kink": (2, 3, 0),
        "beta": (1, 1, 1),
    }


@pytest.mark.parametrize(
    ("clusters", "code"), [(31, "few_clusters"), (3, "very_few_clusters")]
)
def test_equations_are_told_of_their_own_intervals(clusters, code):
    """A regression has t intervals and none from draws, whatever the effects have."""
    panel, _ = datasets.simulate_provinces(rng=2026)
    names = panel.index.get_level_values("province").unique().tolist()[:clusters]
    some = panel.subset(f"province in {names}")
    with warnings.catch_warnings(action="ignore"):
        fit = Mediation("prosperity", "digital", "productivity", reps=40).fit(
            some, rng=1
        )
    told = {notice.code: notice.message for notice in fit.paths["total"].diagnostics}
    assert f"t intervals with {clusters - 1} degrees of freedom" in told[code]
    assert "percentile" not in told[code]
    of_effects = [n for n in fit.diagnostics if "clusters" in n.code]
    assert len(of_effects) == 1
    assert of_effects[0].message != told[code]
