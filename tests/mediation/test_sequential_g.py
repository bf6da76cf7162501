"""Sequential g: two steps in every draw, sandwiches, known truth, refusals."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from digiprosper import EffectResults, FixedEffects, Mediation, Panel
from digiprosper.errors import (
    CollinearityError,
    DigiprosperError,
    FewDrawsWarning,
    IdentificationError,
    InputTypeError,
    MissingDataWarning,
    OptionError,
    TermError,
)
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.mediation.mediation import sequential_g

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = Mediation("y", "x", "m1", ["w"], reps=20)
TWO = Mediation("y", "x", ["m1", "m2"], ["w"], reps=20)
DIRECT, THROUGH_Z, Z_TO_M, B, A = 0.3, 0.8, 0.7, 0.5, 0.6
"""x to y, x to z (and z to y by 1), z to m1, m1 to y, x to m1."""


def make(seed=0, n=40, periods=6, *, holes=False):
    """z1 is moved by x and moves m1 and y; so is and does z2 with m2."""
    rng = np.random.default_rng(seed)
    city, year = (
        v.ravel()
        for v in np.meshgrid(np.arange(n), 2001 + np.arange(periods), indexing="ij")
    )

    def draw():
        own = rng.normal(size=(n, periods))
        return (
            rng.normal(size=n)[city]
            + rng.normal(size=periods)[year - 2001]
            + own.ravel()
        )

    frame = pd.DataFrame({"city": city, "year": year, "region": city // 2, "w": draw()})
    frame["x"] = draw() + 0.4 * frame["w"]
    frame["z1"] = THROUGH_Z * frame["x"] + draw()
    frame["z2"] = 0.5 * frame["x"] + draw()
    frame["m1"] = A * frame["x"] + Z_TO_M * frame["z1"] + 0.2 * frame["w"] + draw()
    frame["m2"] = -0.4 * frame["x"] + 0.5 * frame["z2"] + draw()
    frame["y"] = (
        DIRECT * frame["x"] + B * frame["m1"] + frame["z1"] + 0.1 * frame["w"] + draw()
    )
    frame["y2"] = frame["y"] + 0.4 * frame["m2"] + 0.6 * frame["z2"]
    frame["kind"] = rng.choice(["a", "b", "c"], size=city.size)
    if holes:
        frame = frame[(rng.random(city.size) < 0.8) | (year < 2004)].reset_index(
            drop=True
        )
    return frame


def panel_of(frame):
    return Panel(frame, "city", "year")


def quiet(spec, frame, intermediate, rng=1):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sequential_g(spec, panel_of(frame), intermediate, rng=rng)


def dummies(frame, keys=("city", "year")):
    codes = [np.unique(frame[key], return_inverse=True)[1] for key in keys]
    return np.hstack([np.eye(c.max() + 1)[c] for c in codes])


def slopes(frame, outcome, regressors, absorbed):
    design = np.column_stack([frame[list(regressors)], absorbed])
    return np.linalg.lstsq(design, outcome, rcond=1e-11)[0][: len(regressors)]


def two_steps(frame, absorbed, mediators, intermediate, y="y"):
    """Take the mediators' part out of the outcome, regress the rest, as authors do."""
    outcome, k = frame[y].to_numpy(), len(mediators)
    b = slopes(frame, outcome, [*mediators, "x", "w", *intermediate], absorbed)[:k]
    rest = outcome - frame[list(mediators)].to_numpy() @ b
    total, direct = (
        slopes(frame, outcome, ["x", "w"], absorbed)[0],
        slopes(frame, rest, ["x", "w"], absorbed)[0],
    )
    each = [
        slopes(frame, b_k * frame[m].to_numpy(), ["x", "w"], absorbed)[0]
        for m, b_k in zip(mediators, b, strict=True)
    ]
    return [total, direct, total - direct, *each]


# --- two steps, row by row ------------------------------------------------------------


@pytest.mark.parametrize("holes", [False, True], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("clusters", [None, "region"])
@pytest.mark.parametrize(
    ("mediators", "intermediate"), [(["m1"], ["z1"]), (["m1", "m2"], ["z1", "z2"])]
)
@pytest.mark.many(1)
def test_estimates_and_draws_equal_two_steps_by_hand(
    holes, clusters, mediators, intermediate
) -> None:
    frame = make(n=24, holes=holes)
    spec = TWO.replace(mediators=mediators, clusters=clusters, y="y2")
    results = quiet(spec, frame, intermediate, rng=5)
    want = two_steps(frame, dummies(frame), mediators, intermediate, "y2")
    assert list(results.params.index[:3]) == [
        "total",
        "controlled_direct",
        "eliminated",
    ]
    assert list(results.params.index[3:]) == [f"eliminated:{m}" for m in mediators]
    np.testing.assert_allclose(results.estimates, want, rtol=1e-9, atol=1e-10)
    by = clusters or "city"
    rows, groups = frame.sort_values(["city", "year"]), np.unique(frame[by])
    counts = draw_counts(seed_sequence(5), groups.size, 20).astype(int)
    for number, count in enumerate(counts):
        pieces = [
            rows[rows[by] == group].assign(
                copy=lambda d, c=copies: d["city"] * 1000 + c
            )
            for group, times in zip(groups, count, strict=True)
            for copies in range(times)
        ]
        drawn = pd.concat(pieces)
        want = two_steps(
            drawn, dummies(drawn, ("copy", "year")), mediators, intermediate, "y2"
        )
        np.testing.assert_allclose(
            results.draw_values[number], want, rtol=1e-8, atol=1e-9
        )


def test_terms_add_up_in_every_draw() -> None:
    draws = quiet(TWO.replace(reps=400), make(holes=True), ["z1", "z2"]).draws
    assert (
        draws["total"] - draws["controlled_direct"] - draws["eliminated"]
    ).abs().max() < 1e-12
    parts = draws["eliminated:m1"] + draws["eliminated:m2"]
    assert (draws["eliminated"] - parts).abs().max() < 1e-12


# --- the covariance -------------------------------------------------------------------


@pytest.mark.parametrize("ssc", ["reghdfe", "none"])
@pytest.mark.parametrize("cov_type", ["clustered", "robust", "driscoll_kraay"])
def test_error_of_the_total_is_that_of_its_equation(cov_type, ssc) -> None:
    frame = make(holes=True)
    results = quiet(ONE.replace(cov_type=cov_type, ssc=ssc), frame, "z1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = FixedEffects("y", ["x", "w"], cov_type=cov_type, ssc=ssc).fit(
            panel_of(frame)
        )
    assert results.std_errors["total"] == pytest.approx(
        alone.std_errors["x"], rel=1e-10
    )


def test_covariance_equals_stacked_influences() -> None:
    """The errors of step two and of the slopes it took from step one, by cluster."""
    frame = make(holes=True)
    results = quiet(ONE.replace(ssc="none"), frame, "z1")
    absorbed, codes = dummies(frame), frame["city"].to_numpy()

    def influence(outcome, regressors):
        design = np.column_stack([frame[list(regressors)], absorbed])
        inverse = np.linalg.pinv(design, rcond=1e-11)
        residuals = outcome - design @ (inverse @ outcome)
        return (
            pd.DataFrame((inverse * residuals).T[:, 0])
            .groupby(codes)
            .sum()
            .to_numpy()[:, 0]
        )

    y, m = frame["y"].to_numpy(), frame["m1"].to_numpy()
    b = slopes(frame, y, ["m1", "x", "w", "z1"], absorbed)[0]
    a = slopes(frame, m, ["x", "w"], absorbed)[0]
    total = influence(y, ["x", "w"])
    direct = influence(y - b * m, ["x", "w"]) - a * influence(y, ["m1", "x", "w", "z1"])
    psi = np.column_stack([total, direct, total - direct, total - direct])
    np.testing.assert_allclose(results.cov, psi.T @ psi, rtol=1e-9)
    naive = influence(y - b * m, ["x", "w"])
    assert results.std_errors["controlled_direct"] != pytest.approx(
        np.sqrt(naive @ naive), rel=1e-3
    )


# --- known truth ----------------------------------------------------------------------


def test_finds_the_direct_effect_that_neither_regression_finds() -> None:
    frame = make(seed=2, n=2000, periods=4)
    results = quiet(ONE, frame, "z1")
    truth = {
        "total": DIRECT + THROUGH_Z + B * (A + Z_TO_M * THROUGH_Z),
        "controlled_direct": DIRECT + THROUGH_Z,
        "eliminated": B * (A + Z_TO_M * THROUGH_Z),
    }
    for term, value in truth.items():
        assert (
            abs(results.params[term] - value) < 3.5 * results.std_errors[term] < 0.1
        ), term
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        without = ONE.fit(panel_of(frame), rng=1).params["direct"]
        given = ONE.add("z1").fit(panel_of(frame), rng=1).params["direct"]
    assert abs(without - truth["controlled_direct"]) > 0.1
    assert abs(given - truth["controlled_direct"]) > 0.1


def test_an_intermediate_term_without_effect_gives_the_direct_effect_of_mediation() -> (
    None
):
    frame = make(n=400)
    frame["noise"] = np.random.default_rng(9).normal(size=len(frame))
    results = quiet(ONE, frame, "noise")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = ONE.fit(panel_of(frame), rng=1)
    assert results.params["controlled_direct"] == pytest.approx(
        plain.params["direct"], abs=0.01
    )
    assert results.params["total"] == pytest.approx(plain.params["total"], rel=1e-12)
    np.testing.assert_allclose(results.draws["total"], plain.draws["total"], rtol=1e-10)


@pytest.mark.montecarlo
def test_coverage(measured: Callable[..., None]) -> None:
    """Share of 1,000 panels in which 95% intervals of `sequential_g` cover the truth.

    They are percentile intervals. Sixty entities are observed for 6 periods, with
    two-way effects, one mediator, one intermediate confounder that depends on the
    treatment, and 499 draws.
    """
    eliminated = B * (A + Z_TO_M * THROUGH_Z)
    truth = [DIRECT + THROUGH_Z + eliminated, DIRECT + THROUGH_Z, eliminated]
    hits = []
    for seed in range(1000):
        ends = (
            quiet(ONE.replace(reps=499), make(seed=seed, n=60), "z1")
            .conf_int()
            .iloc[:3]
        )
        hits.append((ends["conf_low"] < truth) & (truth < ends["conf_high"]))
    cover = np.mean(hits, axis=0)
    terms = ("total", "controlled_direct", "eliminated")
    measured("coverage_of_sequential_g", dict(zip(terms, cover.tolist(), strict=True)))
    assert (np.abs(cover - 0.95) < 0.025).all()


# --- the rest -------------------------------------------------------------------------


def test_result_is_one_like_any_other() -> None:
    results = quiet(ONE, make(), "z1", rng=None)
    assert type(results) is EffectResults
    assert results.glance()["model"] == "Sequential g"
    assert results.glance()["depvar"] == "y"
    assert results.summary().startswith("Sequential g of y")
    again = quiet(ONE, make(), "z1", rng=results.rng_entropy)
    np.testing.assert_array_equal(results.draw_values, again.draw_values)


def test_categories_may_be_intermediate() -> None:
    frame = make()
    frame["b"], frame["c"] = (frame["kind"] == "b") * 1.0, (frame["kind"] == "c") * 1.0
    want = two_steps(frame, dummies(frame), ["m1"], ["z1", "b", "c"])
    np.testing.assert_allclose(
        quiet(ONE, frame, ["z1", "C(kind)"]).estimates, want, rtol=1e-9
    )


def test_rows_missing_an_intermediate_term_leave_every_equation() -> None:
    frame = make()
    frame.loc[::40, "z1"] = np.nan
    with pytest.warns(MissingDataWarning), pytest.warns(FewDrawsWarning):
        results = sequential_g(ONE, panel_of(frame), "z1", rng=1)
    assert [
        n.data["by_term"] for n in results.diagnostics if n.code == "missing_rows"
    ] == [{"z1": 6}]
    assert results.nobs == len(frame) - 6
    np.testing.assert_array_equal(
        results.estimates, quiet(ONE, frame.dropna(), "z1").estimates
    )


def test_few_clusters_are_told() -> None:
    (notice,) = [
        n
        for n in quiet(ONE, make(n=15), "z1").diagnostics
        if n.code == "very_few_clusters"
    ]
    assert "interval('delta')" in notice.message


def test_refusals() -> None:
    frame = make().assign(
        size=lambda d: d["city"] * 1.0, again=lambda d: 2 * d["x"] + d["w"]
    )
    panel = panel_of(frame)
    cases = [
        (ONE, (), OptionError, "'direct' of Mediation"),
        (ONE, [], OptionError, "empty"),
        (TWO.replace(structure="serial"), "z1", OptionError, "structure='serial'"),
        (
            ONE.replace(moderator="z2", moderates="a"),
            "z1",
            OptionError,
            "moderator='z2'",
        ),
        (ONE.replace(threshold="z2"), "z1", OptionError, "threshold='z2'"),
        (ONE.replace(quadratic="a"), "z1", OptionError, "quadratic"),
        (ONE, "w", TermError, "'w' is already in"),
        (ONE, "m1", TermError, "'m1' is already in"),
        (ONE, ["z1", "z1"], TermError, "twice"),
        (ONE, 3, InputTypeError, "intermediate must be a list"),
        (FixedEffects("y", ["x"]), "z1", InputTypeError, "FixedEffects"),
        (ONE, "size", IdentificationError, "'size' is absorbed"),
        (ONE, "again", CollinearityError, "collinear with"),
        (ONE.replace(treatment="size"), "z1", IdentificationError, "treatment 'size'"),
        (ONE.replace(mediators="C(kind)"), "z1", TermError, "one column"),
        (ONE, "nope", DigiprosperError, "nope"),
    ]
    for spec, intermediate, error, words in cases:
        with pytest.raises(error, match=words):
            sequential_g(spec, panel, intermediate, rng=1)
    with pytest.raises(InputTypeError, match="Panel"):
        sequential_g(ONE, frame, "z1", rng=1)


@pytest.mark.parametrize("clusters", [2, 3, 4, 5])
def test_draws_of_few_clusters_give_no_interval_and_no_p(clusters) -> None:
    frame = make().assign(group=lambda f: f["city"] % clusters)
    results, missing = quiet(ONE.replace(clusters="group"), frame, "z1"), clusters < 5
    table = results.tidy()
    assert (table[["conf_low", "conf_high", "p_value"]].isna() == missing).all(
        axis=None
    )
    assert table[["estimate", "std_error"]].notna().all(axis=None)
    codes = [n.code for n in results.diagnostics]
    assert codes.count("too_few_clusters_to_draw") == missing
    assert "nan" not in results.summary()
