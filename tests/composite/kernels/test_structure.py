from __future__ import annotations

import numpy as np
import pytest

from digiprosper import IndicatorError
from digiprosper.composite.kernels.structure import (
    Rule,
    equal_across,
    flat_rule,
    moments_of,
    shares,
    weigh,
)

GROUPS = (np.array([0, 2]), np.array([1, 3, 4]))
NAMES = list("abcde")


def drawn(seed=0, rows=40):
    return np.random.default_rng(seed).gamma(1.5, size=(rows, 5))


def test_shares_inside_groups():
    level = np.array([[1.0, 2, 3, 2, 0], [0, 1, 0, 1, 2]])
    inner = shares(level, GROUPS)
    np.testing.assert_allclose(
        inner, [[0.25, 0.5, 0.75, 0.5, 0], [0, 0.25, 0, 0.25, 0.5]]
    )
    np.testing.assert_allclose(equal_across(inner, GROUPS)[0], inner[0] / 2)
    # a group that tells nothing leaves its share to the others
    np.testing.assert_allclose(equal_across(inner, GROUPS)[1], inner[1])


def test_what_cancels_has_no_shares():
    assert np.isnan(shares(np.array([1.0, -1.0]), (np.arange(2),))).all()


def test_effective_weights_are_across_times_inside():
    z = drawn()
    inside = [
        weigh(z[:, g], flat_rule("entropy", g.size), NAMES).weights for g in GROUPS
    ]
    scores = np.column_stack([z[:, g] @ w for g, w in zip(GROUPS, inside, strict=True)])
    across = weigh(scores, flat_rule("entropy", 2), NAMES).weights
    nested = weigh(z, Rule("entropy", GROUPS, across="nested"), NAMES)
    for g, w, a in zip(GROUPS, inside, across, strict=True):
        np.testing.assert_allclose(nested.weights[g], a * w, rtol=1e-13)
    assert nested.weights.sum() == pytest.approx(1.0, abs=1e-14)
    flat = weigh(z, flat_rule("entropy", 5), NAMES)
    np.testing.assert_array_equal(nested.redundancy, flat.redundancy)


def test_a_dimension_of_one_and_a_dimension_that_does_not_vary():
    z = drawn(1)
    single = (np.array([0]), np.array([1, 2, 3, 4]))
    for word in ("entropy", "critic", "pca"):
        rule = Rule(word, single, across="equal_dimensions")
        assert weigh(z, rule, NAMES).weights[0] == pytest.approx(0.5, abs=1e-14)
    flat = z.copy()
    flat[:, GROUPS[0]] = 0.3
    for across in ("nested", "equal_dimensions"):
        actual = weigh(flat, Rule("entropy", GROUPS, across=across), NAMES).weights
        alone = weigh(flat[:, GROUPS[1]], flat_rule("entropy", 3), NAMES[1:4]).weights
        np.testing.assert_allclose(actual[GROUPS[1]], alone, rtol=1e-13)
        assert actual[GROUPS[0]].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("word", "z", "match"),
    [
        (
            "critic",
            np.arange(6.0).reshape(3, 2),
            (
                "no critic weights in 2011 for 'a', 'b': the indicators are "
                "perfectly correlated"
            ),
        ),
        (
            "pca",
            np.array([[0.0, 2], [1, 1], [2, 0]]),
            "loadings of the components sum to zero",
        ),
        (
            "std",
            np.ones((3, 2)),
            r"every indicator is constant over the 3 rows in 2011",
        ),
    ],
)
def test_no_weights_is_said_in_words(word, z, match):
    with pytest.raises(IndicatorError, match=match):
        weigh(z, flat_rule(word, 2), ["a", "b"], where=" in 2011")


def test_a_dimension_that_agrees_is_refused_though_others_do_not():
    z = drawn(2)
    z[:, 2] = 2 * z[:, 0]
    with pytest.raises(IndicatorError, match="perfectly correlated"):
        weigh(z, Rule("critic", GROUPS, across="nested"), NAMES)


def test_given_weights_of_constant_indicators_alone_are_refused():
    z = drawn(3)
    z[:, 0] = 1.0
    with pytest.raises(
        IndicatorError, match="every indicator with a weight is constant"
    ):
        weigh(
            z,
            Rule("given", (np.arange(5),), weights=np.array([1.0, 0, 0, 0, 0])),
            NAMES,
        )


def test_entropies_stand_beside_given_weights_where_they_exist():
    z, given = drawn(4), np.full(5, 0.2)
    actual = weigh(z, Rule("given", (np.arange(5),), weights=given), NAMES)
    np.testing.assert_array_equal(
        actual.redundancy, weigh(z, flat_rule("entropy", 5), NAMES).redundancy
    )
    assert np.isnan(
        weigh(z - 9, Rule("given", (np.arange(5),), weights=given), NAMES).redundancy
    ).all()
    assert np.isnan(weigh(z, flat_rule("critic", 5), NAMES).redundancy).all()


def test_rounding_is_no_variation():
    z = np.column_stack([drawn(5)[:3, 0], [0.1 + 0.2, 0.3, 0.3]])
    for word in ("entropy", "critic", "std"):
        actual = weigh(z, flat_rule(word, 2), ["a", "b"])
        assert actual.weights.tolist() == [1.0, 0.0]
        assert actual.constant.tolist() == [False, True]


def test_nearly_constant_columns_keep_their_digits():
    steps = np.array([-3.0, -1, 0, 2, 7, -5, 4, 1])
    z = 1 + np.column_stack([1e-7 * steps, 2e-7 * steps])
    # T goes with the square of the step
    np.testing.assert_allclose(
        weigh(z, flat_rule("entropy", 2), ["a", "b"]).weights, [0.2, 0.8], rtol=1e-6
    )
    # Hardly more than rounding varies, in any order of the rows.
    z[:, 0] = 1 + 5e-15 * (steps > 2)
    for rows in (z, z[np.argsort(steps)]):
        actual = weigh(rows, flat_rule("entropy", 2), ["a", "b"])
        assert actual.constant.tolist() == [False, False]


def test_moments_put_constant_columns_aside():
    z = drawn(6)
    z[:, 1] = 0.1
    actual = moments_of(z, np.array([False, True, False, False, False]))
    assert not actual.cov[1].any()
    np.testing.assert_allclose(actual.cov[0, 2], np.cov(z.T, ddof=0)[0, 2], rtol=1e-12)
