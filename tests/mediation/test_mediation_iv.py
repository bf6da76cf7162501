"""IV mediation: 2SLS of a package, the identity, sandwiches, refits, refusals.

Sandwiches are by hand, refits explicit, the truth is known.
"""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IV2SLS

from digiprosper import FixedEffects, Mediation, MediationIV, Panel
from digiprosper.errors import (
    CollinearityError,
    DigiprosperError,
    FewDrawsWarning,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    MissingDataWarning,
    OptionError,
    TermError,
)
from digiprosper.kernels.resampling import draw_counts, seed_sequence
from digiprosper.mediation import mediation

if TYPE_CHECKING:
    from collections.abc import Callable

A, B, DIRECT = 0.6, 0.5, 0.3
SPEC = MediationIV("y", "x", "m", "z", ["w1", "w2"], reps=20)
KEYS = {"entity": "city", "time": "year"}


def make(
    seed=0, n=60, periods=7, *, confounded=1.0, strength=1.0, holes=False, direct=DIRECT
):
    """x and m share a cause, m and y another; x and y only through m."""
    rng = np.random.default_rng(seed)
    city, year = (
        v.ravel()
        for v in np.meshgrid(np.arange(n), 2001 + np.arange(periods), indexing="ij")
    )

    def effects():
        return rng.normal(size=n)[city] + rng.normal(size=periods)[year - 2001]

    def noise():
        own = rng.normal(size=(n, periods))
        return (0.7 * own + 0.7 * np.roll(own, 1, axis=1)).ravel()

    frame = pd.DataFrame(
        {"city": city, "year": year, "region": city // 2, "w1": noise(), "w2": noise()}
    )
    first, second = noise(), noise()
    frame["z"] = effects() + noise() + 0.3 * frame["w1"]
    frame["x"] = (
        strength * frame["z"]
        + effects()
        + noise()
        + confounded * first
        + 0.4 * frame["w1"]
    )
    frame["m"] = (
        A * frame["x"] + effects() + 0.5 * noise() + first + second + 0.3 * frame["w2"]
    )
    frame["y"] = (
        direct * frame["x"]
        + B * frame["m"]
        + effects()
        + noise()
        - second
        + 0.1 * frame["w1"]
    )
    if holes:
        frame = frame[(rng.random(city.size) < 0.8) | (year < 2004)].reset_index(
            drop=True
        )
    return frame


def quiet(spec, frame, rng=1):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return spec.fit(Panel(frame, **KEYS), rng=rng)


def dummies(frame, keys=("city", "year")):
    codes = [np.unique(frame[key], return_inverse=True)[1] for key in keys]
    blocks = [np.eye(c.max() + 1)[c][:, (1 if i else 0) :] for i, c in enumerate(codes)]
    return np.hstack(blocks)


def two_stages(frame, y, endogenous, exogenous, absorbed):
    """Fit the endogenous one, then least squares on the fit and exogenous ones."""
    around = np.column_stack([frame[list(exogenous)], absorbed])
    stage = np.column_stack([frame["z"], around])
    fitted = (
        stage @ np.linalg.lstsq(stage, frame[endogenous].to_numpy(), rcond=1e-11)[0]
    )
    return np.linalg.lstsq(
        np.column_stack([fitted, around]), frame[y].to_numpy(), rcond=1e-11
    )[0]


def effects_of(frame, absorbed, controls=("w1", "w2")):
    total = two_stages(frame, "y", "x", controls, absorbed)[0]
    a = two_stages(frame, "m", "x", controls, absorbed)[0]
    b, direct = two_stages(frame, "y", "m", ["x", *controls], absorbed)[:2]
    return {
        "total": total,
        "direct": direct,
        "indirect": a * b,
        "indirect:m": a * b,
        "a": a,
        "b": b,
    }


# --- outside numbers ------------------------------------------------------------------


def with_linearmodels(frame, absorbed, *, debiased, unadjusted=False):
    """Total, a, and b with direct: estimates and clustered errors of 2SLS.

    There are three 2SLS fits.
    """
    around = pd.DataFrame(absorbed, index=frame.index).add_prefix("d")
    out = {}
    for names, y, endogenous, more in (
        ({"total": "x"}, "y", "x", []),
        ({"a": "x"}, "m", "x", []),
        ({"b": "m", "direct": "x"}, "y", "m", ["x"]),
    ):
        exogenous = pd.concat([frame[[*more, "w1", "w2"]], around], axis=1)
        model = IV2SLS(frame[y], exogenous, frame[[endogenous]], frame[["z"]])
        fit = model.fit(cov_type="clustered", clusters=frame["city"], debiased=debiased)
        if unadjusted:
            fit = model.fit(cov_type="unadjusted", debiased=debiased)
        out |= {
            term: (fit.params[column], fit.std_errors[column], fit)
            for term, column in names.items()
        }
    return out


@pytest.mark.parametrize("holes", [False, True], ids=["balanced", "unbalanced"])
def test_equals_2sls_of_linearmodels(holes) -> None:
    frame = make(holes=holes)
    results = quiet(SPEC.replace(ssc="none"), frame)
    for term, (estimate, error, _) in with_linearmodels(
        frame, dummies(frame), debiased=False
    ).items():
        assert results.params[term] == pytest.approx(estimate, rel=1e-9), term
        assert results.std_errors[term] == pytest.approx(error, rel=1e-9), term


def test_unadjusted_equals_2sls_of_linearmodels() -> None:
    frame = make(holes=True)
    results = quiet(SPEC.replace(ssc="none", cov_type="unadjusted"), frame)
    outside = with_linearmodels(frame, dummies(frame), debiased=False, unadjusted=True)
    for term, (_, error, _) in outside.items():
        assert results.std_errors[term] == pytest.approx(error, rel=1e-9), term


def test_small_sample_factor_counts_what_2sls_counts() -> None:
    frame = make()
    bare = quiet(SPEC.replace(entity_effects=False, time_effects=False), frame)
    for term, (estimate, error, _) in with_linearmodels(
        frame, np.ones((420, 1)), debiased=True
    ).items():
        assert bare.params[term] == pytest.approx(estimate, rel=1e-9), term
        assert bare.std_errors[term] == pytest.approx(error, rel=1e-9), term


def test_first_stages_equal_linearmodels() -> None:
    frame = make(holes=True)
    stages = quiet(SPEC.replace(ssc="none"), frame).first_stage
    assert list(stages.index) == ["x on z", "m on z given x"]
    assert list(stages.columns) == [
        "coefficient",
        "std_error",
        "F",
        "p_value",
        "partial_r2",
    ]
    fits = with_linearmodels(frame, dummies(frame), debiased=False)
    for stage, term, endogenous in (
        ("x on z", "total", "x"),
        ("m on z given x", "b", "m"),
    ):
        first = fits[term][2].first_stage
        assert stages.loc[stage, "coefficient"] == pytest.approx(
            first.individual[endogenous].params["z"]
        )
        assert stages.loc[stage, "F"] == pytest.approx(
            first.diagnostics.loc[endogenous, "f.stat"], rel=1e-9
        )
        assert stages.loc[stage, "partial_r2"] == pytest.approx(
            first.diagnostics.loc[endogenous, "partial.rsquared"], rel=1e-9
        )


# --- the identity, the covariance, the draws ------------------------------------------


@pytest.mark.parametrize(
    "flags", [(True, True), (True, False), (False, True), (False, False)]
)
@pytest.mark.parametrize("holes", [False, True], ids=["balanced", "unbalanced"])
def test_total_is_direct_plus_a_times_b_in_every_draw(flags, holes) -> None:
    spec = SPEC.replace(entity_effects=flags[0], time_effects=flags[1], reps=500)
    results = quiet(spec, make(holes=holes))
    estimates, draws = results.params, results.draws
    assert (
        abs(estimates["total"] - estimates["direct"] - estimates["a"] * estimates["b"])
        < 1e-10
    )
    assert (
        draws["total"] - draws["direct"] - draws["a"] * draws["b"]
    ).abs().max() < 1e-10
    assert (draws["indirect"] - draws["a"] * draws["b"]).abs().max() < 1e-10
    assert draws["indirect"].equals(draws["indirect:m"].rename("indirect"))
    assert results.lost_draws == 0


@pytest.mark.parametrize("holes", [False, True], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("clusters", [None, "region"])
@pytest.mark.many(1)
def test_twenty_draws_equal_explicit_2sls(holes, clusters) -> None:
    frame = make(n=30, holes=holes)
    results = quiet(SPEC.replace(clusters=clusters), frame, rng=5)
    assert len(results.draws) == 20
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
        want = effects_of(drawn, dummies(drawn, ("copy", "year")))
        for term, value in want.items():
            assert results.draws[term].iloc[number] == pytest.approx(value, rel=1e-8), (
                number,
                term,
            )


@pytest.mark.many(4)
@pytest.mark.parametrize("ssc", ["reghdfe", "xtreg", "linearmodels", "plm", "none"])
@pytest.mark.parametrize("cov_type", ["clustered", "robust", "driscoll_kraay"])
def test_errors_are_the_sandwich_of_each_2sls_equation(cov_type, ssc) -> None:
    """As Z'u = 0, slopes of u on z are 0, with the variance of the scores."""
    frame = make(holes=True)
    results = quiet(SPEC.replace(cov_type=cov_type, ssc=ssc), frame)
    total, direct, _, _, a, b, _ = results.params
    frame["u_total"] = frame["y"] - total * frame["x"]
    frame["u_a"] = frame["m"] - a * frame["x"]
    frame["u_b"] = frame["y"] - b * frame["m"] - direct * frame["x"]

    def fit(outcome, *x):
        spec = FixedEffects(outcome, [*x, "w1", "w2"], cov_type=cov_type, ssc=ssc)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return spec.fit(Panel(frame, **KEYS))

    strength = abs(fit("x", "z").params["z"])
    for term in ("total", "a"):
        error = fit(f"u_{term}", "z").std_errors["z"] / strength
        assert results.std_errors[term] == pytest.approx(error, rel=1e-8), term
    stage, last = (
        fit("m", "z", "x").params,
        fit("u_b", "z", "x").cov.loc[["z", "x"], ["z", "x"]].to_numpy(),
    )
    turn = np.linalg.inv([[stage["z"], 0.0], [stage["x"], 1.0]])
    np.testing.assert_allclose(
        results.cov.loc[["b", "direct"], ["b", "direct"]],
        turn @ last @ turn.T,
        rtol=1e-8,
    )


def test_joint_covariance_equals_stacked_influences() -> None:
    frame = make(holes=True)
    results = quiet(SPEC.replace(ssc="none"), frame)
    absorbed, cluster = dummies(frame), frame["city"].to_numpy()

    def influence(y, endogenous, exogenous):
        around = np.column_stack([frame[[*exogenous, "w1", "w2"]], absorbed])
        design = np.column_stack([frame[endogenous], around])
        instruments = np.column_stack([frame["z"], around])
        slopes = two_stages(frame, y, endogenous, [*exogenous, "w1", "w2"], absorbed)
        u = frame[y].to_numpy() - design @ slopes
        scores = (
            pd.DataFrame(instruments * u[:, None]).groupby(cluster).sum().to_numpy()
        )
        return scores @ np.linalg.inv(instruments.T @ design).T

    total, a = influence("y", "x", [])[:, 0], influence("m", "x", [])[:, 0]
    b, direct = influence("y", "m", ["x"])[:, :2].T
    at = results.params
    indirect = at["a"] * b + at["b"] * a
    share = (indirect - at["proportion_mediated"] * total) / at["total"]
    psi = np.column_stack([total, direct, indirect, indirect, a, b, share])
    np.testing.assert_allclose(results.cov, psi.T @ psi, rtol=1e-7)
    np.testing.assert_allclose(total, direct + indirect, atol=1e-10)


def test_paths_are_fixed_effects_fits() -> None:
    frame = make(holes=True)
    results, panel = quiet(SPEC, frame), Panel(frame, **KEYS)
    specs = {
        "x on z": FixedEffects("x", ["z", "w1", "w2"]),
        "y on z": FixedEffects("y", ["z", "w1", "w2"]),
        "m on z": FixedEffects("m", ["z", "w1", "w2"]),
        "m on z given x": FixedEffects("m", ["z", "x", "w1", "w2"]),
        "y on z given x": FixedEffects("y", ["z", "x", "w1", "w2"]),
    }
    assert list(results.paths) == list(specs)
    for name, spec in specs.items():
        alone = spec.fit(panel)
        np.testing.assert_allclose(
            results.paths[name].covariance, alone.covariance, rtol=1e-12
        )
    assert results.first_stage.loc["x on z", "F"] == pytest.approx(
        results.paths["x on z"].tstats["z"] ** 2
    )
    p = results.paths["m on z given x"].pvalues["z"]
    assert results.first_stage.loc["m on z given x", "p_value"] == pytest.approx(p)


# --- weak instruments, masking --------------------------------------------------------


def notices(results, code):
    return [n for n in results.diagnostics if n.code == code]


def test_second_stage_is_weak_where_treatment_and_mediator_share_no_cause() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = SPEC.fit(Panel(make(confounded=0.0), **KEYS), rng=1)
    (notice,) = notices(results, "weak_instrument")
    assert list(notice.data["stages"]) == ["m on z given x"]
    assert (
        notice.data["stages"]["m on z given x"]
        == results.first_stage.loc["m on z given x", "F"]
        < 10
    )
    assert results.first_stage.loc["x on z", "F"] > 100
    assert "of m on z given x" in notice.message
    assert "of x on z" not in notice.message
    assert [w.category for w in caught if str(w.message) == notice.message] == [
        IdentificationWarning
    ]


def test_first_stage_is_weak_where_the_instrument_does_not_move_the_treatment() -> None:
    results = quiet(SPEC, make(strength=0.0))
    assert results.params.notna()[:6].all()
    (notice,) = notices(results, "weak_instrument")
    assert "x on z" in notice.data["stages"]
    assert not notices(quiet(SPEC, make()), "weak_instrument")


def test_no_proportion_where_effects_have_opposite_signs() -> None:
    panel = Panel(make(direct=-1.5), **KEYS)
    with pytest.warns(IdentificationWarning):
        results = SPEC.replace(reps=199).fit(panel, rng=1)
    assert np.isnan(results.params["proportion_mediated"])
    assert results.draws["proportion_mediated"].isna().all()
    assert results.cov["proportion_mediated"].isna().all()
    assert results.lost_draws == 0
    assert len(notices(results, "masking")) == 1


# --- known truth ----------------------------------------------------------------------


def test_recovers_the_truth_where_least_squares_does_not() -> None:
    frame = make(seed=3, n=3000, periods=5)
    results = quiet(SPEC, frame)
    truth = {
        "total": DIRECT + A * B,
        "direct": DIRECT,
        "indirect": A * B,
        "a": A,
        "b": B,
    }
    for term, value in truth.items():
        assert (
            abs(results.params[term] - value) < 3.5 * results.std_errors[term] < 0.2
        ), term
    plain = quiet(Mediation("y", "x", "m", ["w1", "w2"], reps=20), frame)
    assert abs(plain.params["indirect"] - A * B) > 10 * plain.std_errors["indirect"]


@pytest.mark.montecarlo
def test_coverage(measured: Callable[..., None]) -> None:
    """Share of 1,000 panels in which 95% intervals of `MediationIV` cover the truth.

    They are percentile intervals. Sixty entities are observed for 7 periods, with
    two-way effects, errors with a serial correlation, and 499 draws. One unobserved
    cause is common to treatment and mediator, and one to mediator and outcome. F is the
    median over the panels, of the mediator on the instrument given the treatment.
    """
    hits, second_f = [], []
    for seed in range(1000):
        results = quiet(SPEC.replace(reps=499), make(seed=seed, n=60, periods=7))
        ends = results.conf_int().loc[["total", "direct", "indirect"]]
        truth = np.array([DIRECT + A * B, DIRECT, A * B])
        hits.append((ends["conf_low"] < truth) & (truth < ends["conf_high"]))
        second_f.append(results.first_stage.loc["m on z given x", "F"])
    cover = np.mean(hits, axis=0)
    shares = dict(zip(("total", "direct", "indirect"), cover.tolist(), strict=True))
    measured("coverage_of_iv_mediation", {"F": f"{np.median(second_f):.0f}", **shares})
    assert (np.abs(cover - 0.95) < 0.025).all()


# --- invariances ----------------------------------------------------------------------


def test_units_change_paths_and_not_the_indirect_effect() -> None:
    frame = make()
    one, other = (
        quiet(SPEC, frame),
        quiet(SPEC, frame.assign(m=frame["m"] * 50 + 7, z=-3 * frame["z"])),
    )
    for term, factor in {
        "total": 1,
        "direct": 1,
        "indirect": 1,
        "a": 50,
        "b": 1 / 50,
    }.items():
        np.testing.assert_allclose(
            other.draws[term], factor * one.draws[term], rtol=1e-9
        )
        assert other.std_errors[term] == pytest.approx(
            factor * one.std_errors[term], rel=1e-9
        )
    np.testing.assert_allclose(other.first_stage["F"], one.first_stage["F"], rtol=1e-9)


def test_rows_in_another_order_give_the_same() -> None:
    frame = make(holes=True)
    one, other = quiet(SPEC, frame), quiet(SPEC, frame.sample(frac=1, random_state=1))
    np.testing.assert_array_equal(one.draw_values, other.draw_values)


def test_rng_reproduces() -> None:
    frame = make()
    results = quiet(SPEC, frame, rng=None)
    share = results.draws["indirect"] / results.draws["total"]
    np.testing.assert_allclose(results.draws["proportion_mediated"], share)
    again = quiet(SPEC, frame, rng=results.rng_entropy)
    np.testing.assert_array_equal(results.draw_values, again.draw_values)


def test_rows_missing_the_instrument_leave_every_equation() -> None:
    frame = make()
    frame.loc[::50, "z"] = np.nan
    with pytest.warns(MissingDataWarning):
        results = SPEC.replace(reps=199).fit(Panel(frame, **KEYS), rng=1)
    assert [n.data["by_term"] for n in notices(results, "missing_rows")] == [{"z": 9}]
    assert {fit.nobs for fit in results.paths.values()} == {len(frame) - 9}
    np.testing.assert_array_equal(
        results.estimates, quiet(SPEC, frame.dropna()).estimates
    )


def test_draws_without_a_moving_instrument_are_lost() -> None:
    frame = make(n=12)
    frame["z"] = np.where(frame["city"] == 0, frame["z"], 0.0)
    results = quiet(SPEC.replace(x=(), reps=199, time_effects=False), frame)
    gone = draw_counts(seed_sequence(1), 12, 199)[:, 0] == 0
    assert results.lost_draws == gone.sum() > 0
    assert len(notices(results, "lost_draws")) == 1


def test_few_clusters_and_few_draws_are_told() -> None:
    results = quiet(SPEC, make(n=15))
    (notice,) = notices(results, "very_few_clusters")
    assert "fewer than 40" in notice.message
    assert len(notices(results, "few_draws")) == 1


# --- the specification is a value -----------------------------------------------------


def test_specification_is_a_value() -> None:
    same = MediationIV("y", "x", "m", "z", ("w1", "w2"), reps=20)
    assert same == SPEC
    assert hash(same) == hash(SPEC)
    assert pickle.loads(pickle.dumps(SPEC)) == SPEC
    assert SPEC.replace(reps=99).reps == 99
    assert SPEC.replace(reps=99) != SPEC
    assert SPEC.terms == ("y", "x", "m", "z", "w1", "w2")
    assert SPEC.add("w3").drop("w1").x == ("w2", "w3")
    assert SPEC.swap("z", "lag(z)").instrument == "lag(z)"
    assert MediationIV(
        "y", "x", "m", "z", "w", absorb="region", clusters="region"
    ) == MediationIV("y", "x", "m", "z", ["w"], absorb=["region"], clusters=["region"])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"mediator": ["m", "w3"]}, TermError, "one mediator"),
        ({"instrument": ("z", "w3")}, TermError, "one instrument"),
        ({"instrument": "x"}, TermError, "'x' is in treatment and in instrument"),
        ({"instrument": "m"}, TermError, "'m' is in mediator and in instrument"),
        ({"instrument": "w1"}, TermError, "'w1' is in instrument and in x"),
        ({"treatment": "y"}, TermError, "'y' is in y and in treatment"),
        ({"instrument": 3}, InputTypeError, "instrument=3 must be one term"),
        ({"x": 3}, InputTypeError, "x must be a list"),
        ({"cov_type": "HC3"}, OptionError, "not known"),
        ({"clusters": ("city", "year")}, OptionError, "two-way"),
        ({"reps": 19}, OptionError, "reps=19"),
        ({"entity_effects": 1}, OptionError, "True or False"),
        ({"ssc": "stata"}, OptionError, "not known"),
        ({"nope": 1}, OptionError, "no argument"),
    ],
)
def test_constructor_refuses(change, error, words) -> None:
    with pytest.raises(error, match=words):
        SPEC.replace(**change)


def test_fit_refuses() -> None:
    frame = make(n=30)
    frame["size"] = frame["city"] * 1.0
    frame["xx"], frame["mm"] = 2 * frame["x"] + 1, 2 * frame["x"] + frame["w1"]
    panel = Panel(frame, **KEYS)
    cases = [
        (
            SPEC.replace(instrument="size"),
            IdentificationError,
            "the instrument 'size' does not vary",
        ),
        (
            SPEC.replace(treatment="size"),
            IdentificationError,
            "the treatment 'size' does not vary",
        ),
        (SPEC.replace(instrument="C(region)"), TermError, "one column"),
        (SPEC.replace(instrument="xx"), CollinearityError, "collinear with"),
        (SPEC.replace(mediator="xx"), CollinearityError, "collinear with"),
        (
            SPEC.replace(mediator="mm"),
            IdentificationError,
            "'mm' is an exact linear combination",
        ),
        (
            SPEC.replace(instrument="I(2*m)"),
            IdentificationError,
            "'m' is an exact linear combination",
        ),
        (SPEC.replace(instrument="nope"), DigiprosperError, "nope"),
    ]
    for spec, error, words in cases:
        with pytest.raises(error, match=words):
            spec.fit(panel, rng=1)
    with pytest.raises(InputTypeError, match="Panel"):
        SPEC.fit(frame, rng=1)


def test_cross_section() -> None:
    frame = make(n=400, periods=1).assign(id=np.arange(400))
    spec = SPEC.replace(entity_effects=False, time_effects=False, cov_type="robust")
    with pytest.warns(FewDrawsWarning):
        results = spec.fit(Panel(frame, "id"), rng=1)
    want = effects_of(frame, np.ones((400, 1)))
    np.testing.assert_allclose(results.estimates[:6], list(want.values()), rtol=1e-9)


@pytest.mark.parametrize("clusters", [2, 3, 4, 5])
def test_draws_of_few_clusters_give_no_interval_and_no_p(clusters) -> None:
    frame = make(n=40).assign(group=lambda f: f["city"] % clusters)
    results, missing = quiet(SPEC.replace(clusters="group"), frame), clusters < 5
    table = results.tidy()[results.params.notna().to_numpy()]
    assert (table[["conf_low", "conf_high", "p_value"]].isna() == missing).all(
        axis=None
    )
    assert table["std_error"].notna().all()
    assert results.interval("delta").loc["indirect"].notna().all()
    assert len(notices(results, "too_few_clusters_to_draw")) == missing
    assert "nan" not in results.summary()


@pytest.mark.parametrize(("strength", "f"), [(0.308, 9.954), (0.309, 10.032)])
def test_an_instrument_is_weak_below_an_f_of_ten(strength, f) -> None:
    results = quiet(SPEC, make(strength=strength))
    assert results.first_stage.loc["x on z", "F"] == pytest.approx(f, abs=1e-3)
    told = {
        stage for n in notices(results, "weak_instrument") for stage in n.data["stages"]
    }
    assert ("x on z" in told) == (f < 10)


def test_a_draw_in_which_the_instrument_moves_nothing_is_missing() -> None:
    slopes = np.array(
        [[0.5, 1.0, 1.0, 0.5, 0.2, 0.4, 0.3], [0.0, 1.0, 1.0, 0.0, 0.2, 0.4, 0.3]]
    )
    effects = mediation._iv_effects(slopes)
    assert np.isfinite(effects[0]).all()
    assert np.isnan(effects[1]).all()


@pytest.mark.parametrize("role", ["treatment", "x"])
def test_a_column_with_the_name_of_a_dummy_is_refused(role) -> None:
    """Else the dummy takes the place of the column in all equations."""
    frame = make()
    frame["kind"] = np.where(np.arange(len(frame)) % 3, "a", "b")
    dummy = "C(kind)[T.b]"
    frame[dummy] = frame["x"]
    terms = {
        "treatment": (f"`{dummy}`", ["C(kind)"]),
        "x": ("x", ["C(kind)", f"`{dummy}`"]),
    }
    treatment, controls = terms[role]
    spec = MediationIV("y", treatment, "m", "z", controls, reps=20)
    with pytest.raises(TermError, match="name of a column and of a term"):
        spec.fit(Panel(frame, **KEYS))
