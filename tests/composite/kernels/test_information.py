from __future__ import annotations

import numpy as np
import pytest

from digiprosper.composite.kernels.information import (
    INFORMATION,
    SLOPES,
    Moments,
    component_margins,
)

KINDS = list(INFORMATION)


def drawn(seed=0, rows=60, width=5):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(rows, 1))
    return (
        3
        + rng.normal(size=(rows, width)) * rng.uniform(0.3, 2, width)
        + common * rng.uniform(-1, 1, width)
    )


def moments(z):
    centred = z - z.mean(axis=0)
    return Moments(z.mean(axis=0), centred.T @ centred / len(z))


def textbook(z, kind):
    sd, r = z.std(axis=0), np.corrcoef(z.T)
    if kind == "std":
        return sd
    if kind == "cv":
        return sd / z.mean(axis=0)
    if kind == "critic":
        return sd * (1 - r).sum(axis=1)
    assert kind == "pca", f"write the formula of {kind!r} here"
    values, vectors = np.linalg.eig(r)
    kept = [k for k in range(len(values)) if values[k] > 1]
    return sum(values[k] * vectors[:, k] * np.sign(vectors[:, k].sum()) for k in kept)


@pytest.mark.parametrize("kind", KINDS)
def test_level_is_the_textbooks(kind):
    z = drawn()
    np.testing.assert_allclose(
        INFORMATION[kind](moments(z)), textbook(z, kind), rtol=1e-10
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_is_its_samples_one_by_one(kind):
    samples = [moments(drawn(seed)) for seed in range(4)]
    stack = Moments(
        np.array([s.mean for s in samples]), np.array([s.cov for s in samples])
    )
    each = [INFORMATION[kind](s) for s in samples]
    np.testing.assert_allclose(INFORMATION[kind](stack), each, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_column_is_as_if_it_were_not_there(kind):
    z = drawn(1)
    wide = np.insert(z, 2, 4.0, axis=1)
    level = INFORMATION[kind](moments(wide))
    assert level[2] == pytest.approx(0.0, abs=1e-14)
    np.testing.assert_allclose(
        np.delete(level, 2), INFORMATION[kind](moments(z)), rtol=1e-10
    )


@pytest.mark.parametrize("kind", KINDS)
def test_slope_is_the_derivative(kind):
    z = drawn(2)
    at, rng, step = moments(z), np.random.default_rng(3), 1e-6
    mean = rng.normal(size=(6, 5))
    cov = rng.normal(size=(6, 5, 5))
    cov = cov + cov.transpose(0, 2, 1)
    slope = SLOPES[kind](at, Moments(mean, cov))
    for k in range(6):
        ahead, behind = (
            INFORMATION[kind](Moments(at.mean + s * mean[k], at.cov + s * cov[k]))
            for s in (step, -step)
        )
        np.testing.assert_allclose(
            slope[k], (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-7
        )


@pytest.mark.parametrize("kind", KINDS)
def test_slope_leaves_a_constant_column_alone(kind):
    z = np.insert(drawn(4), 1, 4.0, axis=1)
    rng = np.random.default_rng(5)
    change = Moments(rng.normal(size=(3, 6)), np.zeros((3, 6, 6)))
    slope = SLOPES[kind](moments(z), change)
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(slope[:, 1], 0.0, atol=1e-14)


def test_critic_of_a_single_column_and_of_columns_that_agree():
    z = drawn(6)
    assert INFORMATION["critic"](moments(z[:, :1])).tolist() == [1.0]
    same = np.column_stack([z[:, 0], 3 * z[:, 0] + 1])
    assert INFORMATION["critic"](moments(same)).tolist() == [0.0, 0.0]
    # A year in which one column varies, beside a year in which all do
    years = [Moments(np.zeros(3), np.diag([4.0, 0.0, 0.0])), moments(z[:, :3])]
    stack = Moments(
        np.stack([year.mean for year in years]), np.stack([year.cov for year in years])
    )
    expected = [[1.0, 0.0, 0.0], textbook(z[:, :3], "critic")]
    np.testing.assert_allclose(INFORMATION["critic"](stack), expected, rtol=1e-10)


def test_components_keep_the_first_when_none_exceeds_one():
    level = INFORMATION["pca"](Moments(np.zeros(1), np.array([[2.5]])))
    assert level.tolist() == [1.0]
    uncorrelated = INFORMATION["pca"](Moments(np.zeros(3), np.diag([1.0, 4.0, 9.0])))
    assert np.count_nonzero(uncorrelated) == 1


def test_margins_of_components_and_their_derivatives():
    z = drawn(2)
    at, rng, step = moments(z), np.random.default_rng(3), 1e-6
    mean, cov = rng.normal(size=(6, 5)), rng.normal(size=(6, 5, 5))
    cov = cov + cov.transpose(0, 2, 1)
    actual = component_margins(at, Moments(mean, cov))
    values, vectors = np.linalg.eigh(np.corrcoef(z.T))
    kept = values > 1
    by_name = {what: margin for what, margin, _ in actual}
    assert list(by_name) == ["count", "order", "sign"]
    np.testing.assert_allclose(by_name["count"], values[:-1] - 1, rtol=1e-10)
    assert by_name["order"].size == kept.sum() * 4
    np.testing.assert_allclose(
        by_name["sign"], np.abs(vectors[:, kept].sum(axis=0)), rtol=1e-9
    )
    for k in range(6):
        ahead, behind = (
            component_margins(
                Moments(at.mean + s * mean[k], at.cov + s * cov[k]), Moments(mean, cov)
            )
            for s in (step, -step)
        )
        for (_, _, slope), (_, up, _), (_, down, _) in zip(
            actual, ahead, behind, strict=True
        ):
            np.testing.assert_allclose(
                slope[k], (up - down) / (2 * step), rtol=1e-5, atol=1e-6
            )
