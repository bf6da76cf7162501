"""Columns demeaned once and equations solved once, against one fit at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel
from digiprosper.errors import CollinearityError, IdentificationError, Notice, TermError
from digiprosper.linear.diagnostics import not_semidefinite
from digiprosper.linear.estimation import (
    counts_and_vcov,
    demean_columns,
    fit_columns,
    fit_equation,
    refuse_constant_outcome,
)
from digiprosper.linear.preparation import LinearOptions, prepare

NAMES = ("y", "a", "b", "c")
EFFECTS = [
    {},
    {"time_effects": False},
    {"entity_effects": False},
    {"entity_effects": False, "time_effects": False},
    {"absorb": ("kind",)},
]


def make(seed=0, n=20, periods=6):
    rng = np.random.default_rng(seed)
    city, year = np.divmod(np.arange(n * periods), periods)
    frame = pd.DataFrame(
        {"city": city, "year": year, "kind": rng.integers(0, 4, city.size)}
    )
    for name in NAMES[1:]:
        frame[name] = (
            rng.normal(size=city.size)
            + rng.normal(size=n)[city]
            + rng.normal(size=periods)[year]
        )
    frame["y"] = (
        frame["a"]
        - 0.5 * frame["b"]
        + 0.3 * frame["c"]
        + 2.0 * city
        + rng.normal(size=city.size)
    )
    frame["weight"] = rng.uniform(0.5, 2.0, city.size)
    return frame[rng.random(city.size) < 0.85].reset_index(drop=True)


def ready(frame, **options):
    return prepare(
        Panel(frame, "city", "year"),
        {"y": ("y",), "x": NAMES[1:]},
        LinearOptions(**options),
    )


def raw(frame, names=NAMES):
    return frame[list(names)].to_numpy()


def same(one, other, rtol=1e-11):
    assert one.names == other.names
    for name in (
        "coefficients",
        "covariance",
        "residuals",
        "fitted",
        "fit_statistics",
        "f_value",
        "df_resid",
    ):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=rtol, atol=1e-11
        )
    assert one.inference == other.inference
    np.testing.assert_array_equal(one.stats[1], other.stats[1])
    assert [n.message for n in one.diagnostics] == [
        n.message for n in other.diagnostics
    ]
    for (name, levels, values), (name2, levels2, values2) in zip(
        one.effect_values, other.effect_values, strict=True
    ):
        assert (name, levels.tolist()) == (name2, levels2.tolist())
        np.testing.assert_allclose(values, values2, rtol=rtol, atol=1e-10)


@pytest.mark.parametrize("options", EFFECTS, ids=str)
@pytest.mark.parametrize("weights", [None, "weight"])
def test_equations_of_one_demean_are_fits_of_their_own(options, weights) -> None:
    frame = make()
    prepared = ready(frame, obs_weights=weights, **options)
    demeaned = demean_columns(prepared, NAMES, raw(frame))
    for outcome, regressors in ((0, (1, 2, 3)), (0, (3, 1)), (2, (1,)), (3, (1, 0))):
        results, solved = fit_equation(prepared, demeaned, outcome, regressors)
        names = [NAMES[j] for j in regressors]
        alone = fit_columns(
            prepared, NAMES[outcome], raw(frame)[:, outcome], names, raw(frame, names)
        )
        same(results, alone)
        # What is read of an equation are its own columns and slopes, whichever order
        # they stand in.
        np.testing.assert_array_equal(solved.x, demeaned.columns[:, list(regressors)])
        np.testing.assert_array_equal(solved.y, demeaned.columns[:, outcome])
        np.testing.assert_array_equal(
            solved.coefficients, results.coefficients[: len(regressors)]
        )


@pytest.mark.parametrize("options", EFFECTS, ids=str)
@pytest.mark.parametrize("weights", [None, "weight"])
def test_effects_are_those_of_what_the_slopes_leave(options, weights) -> None:
    frame = make()
    prepared = ready(frame, obs_weights=weights, **options)
    results = fit_columns(prepared, "y", raw(frame)[:, 0], NAMES[1:], raw(frame)[:, 1:])
    left = raw(frame)[:, 0] - raw(frame)[:, 1:] @ results.coefficients[:3]
    rest, values = prepared.within.decompose(left)
    np.testing.assert_allclose(results.residuals, rest, atol=1e-11)
    for (_, _, got), want in zip(
        results.effect_values, values, strict=bool(prepared.effect_names)
    ):
        np.testing.assert_allclose(got, want, atol=1e-10)
    if results.effect_values:
        means = [v.mean() for _, _, v in results.effect_values[1:]]
        np.testing.assert_allclose(means, 0.0, atol=1e-12)


def test_fit_columns_is_the_estimator_on_arrays() -> None:
    frame = make()
    prepared = ready(frame)
    columns = prepared.sample.columns
    direct = fit_columns(prepared, "y", columns("y")[:, 0], NAMES[1:], columns("x"))
    fit = FixedEffects("y", NAMES[1:]).fit(Panel(frame, "city", "year"))
    for name in ("coefficients", "residuals", "covariance"):
        np.testing.assert_array_equal(getattr(direct, name), getattr(fit, name))


@pytest.mark.parametrize("options", EFFECTS, ids=str)
@pytest.mark.parametrize("weights", [None, "weight"])
def test_further_columns_are_as_if_demeaned_at_once(options, weights) -> None:
    frame = make()
    prepared = ready(frame, obs_weights=weights, **options)
    whole = demean_columns(prepared, NAMES, raw(frame))
    parts = demean_columns(prepared, NAMES[:2], raw(frame)[:, :2])
    joined = parts.with_columns(prepared, NAMES[2:], raw(frame)[:, 2:])
    assert joined.names == whole.names
    assert parts.with_columns(prepared, (), raw(frame)[:, :0]) is parts
    for name in ("raw", "moments", "constant", "absorbed"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    for name in ("columns", "lengths", "products"):
        np.testing.assert_allclose(
            getattr(joined, name), getattr(whole, name), atol=1e-10
        )
    for one, other in zip(joined.effects, whole.effects, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-11)
    assert joined.at(("c", "a")) == (3, 1)
    np.testing.assert_array_equal(joined.select((3, 1)), joined.columns[:, [3, 1]])
    assert np.shares_memory(joined.select((1, 2)), joined.columns)


def test_the_layout_of_the_arrays_moves_no_digit() -> None:
    frame = make()
    prepared = ready(frame)
    y, x = raw(frame)[:, 0], raw(frame)[:, 1:]
    one = fit_columns(prepared, "y", y, NAMES[1:], np.asfortranarray(x))
    other = fit_columns(prepared, "y", y.copy(), NAMES[1:], np.ascontiguousarray(x))
    np.testing.assert_array_equal(one.coefficients, other.coefficients)
    np.testing.assert_array_equal(one.residuals, other.residuals)


def test_what_does_not_vary_is_told_by_its_reason() -> None:
    frame = make().assign(fixed=lambda d: d["city"] * 1.5, one=0.1)
    prepared = ready(frame)
    names = ("y", "a", "fixed", "one")
    demeaned = demean_columns(prepared, names, raw(frame, names))
    assert demeaned.constant.tolist() == [False, False, False, True]
    assert demeaned.absorbed.tolist() == [False, False, True, True]
    with pytest.raises(
        IdentificationError, match=r"'fixed' is absorbed.*'one' is constant"
    ):
        fit_equation(prepared, demeaned, 0, (1, 2, 3))
    with pytest.raises(
        IdentificationError, match="outcome 'fixed' does not vary within"
    ):
        fit_equation(prepared, demeaned, 2, (1,))
    with pytest.raises(IdentificationError, match="outcome 'one' is constant"):
        refuse_constant_outcome(prepared, demeaned, 3)
    refuse_constant_outcome(prepared, demeaned, 1)
    lenient = ready(frame, collinear="drop")
    results, _ = fit_equation(lenient, demeaned, 0, (2, 1, 3))
    assert results.names == ("a",)
    with pytest.raises(IdentificationError, match="every regressor is absorbed"):
        fit_equation(lenient, demeaned, 0, (2, 3))


def test_combinations_are_refused_or_dropped_the_later_first() -> None:
    frame = make().assign(sum=lambda d: d["a"] + 2 * d["b"] + d["city"])
    names = ("y", "a", "b", "sum", "c")
    strict, lenient = ready(frame), ready(frame, collinear="drop")
    demeaned = demean_columns(strict, names, raw(frame, names))
    with pytest.raises(CollinearityError, match=r"'sum'.*'a'.*'b'") as caught:
        fit_equation(strict, demeaned, 0, (1, 2, 3, 4))
    assert caught.value.problems[0].data == {"column": "sum", "on": ("a", "b")}
    results, solved = fit_equation(lenient, demeaned, 0, (1, 2, 3, 4))
    assert results.names == ("a", "b", "c")
    direct, _ = fit_equation(lenient, demeaned, 0, (1, 2, 4))
    same(results, replace(direct, diagnostics=results.diagnostics))
    assert solved.x.shape[1] == 3
    assert "dropped_collinear" in [n.code for n in results.diagnostics]


def test_no_regressors_and_the_name_of_the_constant_are_refused() -> None:
    frame = make().assign(Intercept=lambda d: d["a"] ** 2)
    prepared = ready(frame)
    demeaned = demean_columns(
        prepared, ("y", "Intercept"), raw(frame, ("y", "Intercept"))
    )
    with pytest.raises(IdentificationError, match="x is empty"):
        fit_equation(prepared, demeaned, 0, ())
    with pytest.raises(TermError, match="'Intercept' is the name of the constant"):
        fit_equation(prepared, demeaned, 0, (1,))


def test_notices_stand_between_those_of_the_sample_and_remarks() -> None:
    frame = make(n=12)
    prepared, remark = ready(frame), Notice("demo", "A remark.", {})
    demeaned = demean_columns(prepared, ("y", "a"), raw(frame, ("y", "a")))
    results, _ = fit_equation(prepared, demeaned, 0, (1,), remarks=[remark])
    assert results.diagnostics == (*prepared.notices, remark)
    assert prepared.notices


def test_few_treated_passes_over_names_that_answer_no_question() -> None:
    frame = make().assign(one=lambda d: ((d["city"] == 3) & (d["year"] > 2)) * 1.0)
    prepared = ready(frame)
    demeaned = demean_columns(
        prepared, ("y", "one", "a"), raw(frame, ("y", "one", "a"))
    )
    codes = [
        [
            n.code
            for n in fit_equation(prepared, demeaned, 0, (1, 2), auxiliary=auxiliary)[
                0
            ].diagnostics
        ]
        for auxiliary in ((), ("one",))
    ]
    assert "few_treated" in codes[0]
    assert "few_treated" not in codes[1]


def test_inference_adds_slopes_to_the_counts_of_the_sample() -> None:
    frame = make()
    prepared = ready(frame)
    count, how = counts_and_vcov(prepared, 3)
    assert (count.k, count.parameters) == (3, 3 + prepared.within.rank)
    assert (how.cov_type, how.df_t) == ("clustered", frame["city"].nunique() - 1)


def test_negative_eigenvalues_are_told_of_two_way_clusters_alone() -> None:
    one_way, middle = ready(make()), np.array([[1.0, 0.0], [0.0, -1.0]])
    two_way = replace(one_way, cluster_codes=one_way.cluster_codes * 2)
    (notice,) = not_semidefinite(two_way, ("a", "b"), middle, middle)
    assert (notice.code, notice.data["terms"]) == ("not_psd", ("b",))
    assert not_semidefinite(two_way, ("a", "b"), np.eye(2), np.eye(2)) == []
    assert not_semidefinite(one_way, ("a", "b"), middle, middle) == []
