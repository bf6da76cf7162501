"""Intervals: inversion, ends, products, Fieller sets, and families of tests.

Ends are checked by substitution.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import integrate, special, stats
from statsmodels.stats.multitest import multipletests

from digiprosper.kernels.intervals import (
    LEAST_CLUSTERS,
    acceleration,
    bca,
    bca_p,
    covariance_of,
    delta,
    fieller,
    has_enough_clusters,
    holm,
    percentile,
    percentile_p,
    product_interval,
    product_p,
    romano_wolf,
)

REFERENCE = Path(__file__).parents[1] / "reference"
GOLDEN = json.loads((REFERENCE / "u_test.json").read_text(encoding="utf-8"))
MEDIATION = json.loads((REFERENCE / "mediation.json").read_text(encoding="utf-8"))


def test_percentile_takes_order_statistics() -> None:
    draws = np.random.default_rng(0).permutation(np.arange(1.0, 5000.0))
    low, high = percentile(draws, 0.95, clusters=None)
    assert (float(low), float(high)) == pytest.approx((125.0, 4875.0), rel=1e-14)


def test_percentile_equals_numpys_rule_by_column() -> None:
    draws = np.random.default_rng(1).normal(size=(777, 3))
    low, high = percentile(draws, 0.9, clusters=None)
    np.testing.assert_allclose(
        low, np.quantile(draws, 0.05, axis=0, method="weibull"), rtol=1e-12
    )
    np.testing.assert_allclose(
        high, np.quantile(draws, 0.95, axis=0, method="weibull"), rtol=1e-12
    )


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("shift", [-0.3, 0.05, 1.6, 1.7, 1.95, 2.0, 2.4, 2.6, -1.97])
def test_p_inverts_the_interval(level: float, shift: float) -> None:
    draws = np.random.default_rng(2).normal(size=(4999, 4)) + shift
    low, high = percentile(draws, level, clusters=None)
    np.testing.assert_array_equal(
        percentile_p(draws, clusters=None) <= 1 - level + 1e-15, (low > 0) | (high < 0)
    )


def test_p_is_never_zero_nor_above_one() -> None:
    assert float(percentile_p(np.full(999, 3.0), clusters=None)) == 2 / 1000
    assert float(percentile_p(np.zeros(999), clusters=None)) == 1.0
    assert float(percentile_p(np.full(999, 3.0), null=4.0, clusters=None)) == 2 / 1000


def test_missing_draws_are_left_out_by_column() -> None:
    draws = np.random.default_rng(3).normal(size=(500, 2))
    draws[::7, 1] = np.nan
    low, high = percentile(draws, 0.9, clusters=None)
    kept = draws[~np.isnan(draws[:, 1]), 1]
    only_low, only_high = percentile(kept, 0.9, clusters=None)
    assert (low[1], high[1]) == (only_low, only_high)
    assert percentile_p(draws, clusters=None)[1] == percentile_p(kept, clusters=None)
    assert np.isnan(percentile(np.full(9, np.nan), clusters=None)).all()
    assert np.isnan(percentile_p(np.full(9, np.nan), clusters=None))


def positions(draws, estimate, acc, level):
    """Where the ends stand among sorted draws, from 1, one number at a time."""
    b = len(draws)
    share = (np.sum(draws < estimate) + np.sum(draws == estimate) / 2) / b
    z0 = stats.norm.ppf(min(max(share, 1 / (b + 1)), b / (b + 1)))
    sums = [z0 + stats.norm.ppf(q) for q in ((1 - level) / 2, (1 + level) / 2)]
    return [(b + 1) * stats.norm.cdf(z0 + s / (1 - acc * s)) for s in sums]


def test_bias_corrected_by_hand() -> None:
    # 19 draws 1..19, 8 below 8.5: z0 = Phi^-1(8/19) = -.199201; Phi(-.398403 -+
    # 1.644854) = .020514, .893701, times 20 the positions .4103 (the first draw) and
    # 17.87401.
    low, high = bca(
        np.arange(1.0, 20.0), np.float64(8.5), 0.0, level=0.9, clusters=None
    )
    assert float(low) == 1.0
    assert float(high) == pytest.approx(17.87401, abs=1e-5)
    # Null 3, which ties one draw: w = Phi^-1(2.5/19) = -1.118958, z = w +
    # .398403 = -.720556, p = 2 Phi(z).
    assert float(
        bca_p(np.arange(1.0, 20.0), np.float64(8.5), 0.0, null=3.0, clusters=None)
    ) == pytest.approx(0.471183, abs=1e-6)


def test_acceleration_by_hand() -> None:
    # u = 2, -1, -1: sum of cubes 6, of squares 6, so 6 / (6 * 6^1.5) = 6^-1.5.
    values = np.array([0.0, 3.0, 3.0])
    want = 6.0**-1.5
    assert float(acceleration(values)) == pytest.approx(want, rel=1e-14)
    table = np.column_stack([values, -values, 1e-120 * values, np.full(3, 0.1), values])
    table = np.vstack([table, np.full(5, np.nan)])
    table[0, 4] = np.nan  # two values are left: symmetric
    np.testing.assert_allclose(
        acceleration(table), [want, -want, want, 0.0, 0.0], rtol=1e-14, atol=1e-15
    )


def test_a_constant_jackknife_has_no_acceleration() -> None:
    rounding = np.array([1.0, 1.0, 1.0, 1.0 + 4e-16])
    assert (
        acceleration(np.column_stack([rounding, 1e9 * rounding, np.zeros(4)])).tolist()
        == [0.0] * 3
    )
    assert np.isnan(acceleration(np.full((4, 1), np.nan))).all()


@pytest.mark.peers
def test_acceleration_of_the_published_cross_section() -> None:
    pingouin = pytest.importorskip("pingouin")
    x, m, y = (
        pingouin.read_dataset("mediation")[["X", "M", "Y"]].to_numpy(dtype=float).T
    )

    def product(rows):
        one = np.ones(rows.sum())
        a = np.linalg.lstsq(np.column_stack([x[rows], one]), m[rows])[0][0]
        return (
            a * np.linalg.lstsq(np.column_stack([m[rows], x[rows], one]), y[rows])[0][0]
        )

    left_out = ~np.eye(len(x), dtype=bool)
    jackknife = np.array([product(rows) for rows in left_out])
    # A number computed outside this library.
    assert float(acceleration(jackknife)) == pytest.approx(-0.00413438574806, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_bca_stands_where_scipy_stands(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    data = rng.exponential(size=25) ** 2
    options = {"method": "BCa", "confidence_level": level}
    theirs = stats.bootstrap((data,), np.mean, n_resamples=4999, rng=rng, **options)
    draws = theirs.bootstrap_distribution
    jackknife = (data.sum() - data) / 24
    low, high = bca(draws, data.mean(), acceleration(jackknife), level, clusters=None)
    # Scipy reads the same shares of the draws by numpy's `linear` rule: back to the
    # share, then ours.
    ends = np.interp(list(theirs.confidence_interval), np.sort(draws), np.arange(4999))
    want = np.quantile(draws, ends / 4998, method="weibull")
    np.testing.assert_allclose([low, high], want, rtol=1e-10)


def test_bc_of_centred_draws_is_percentile() -> None:
    draws = np.random.default_rng(4).normal(size=(999, 3))
    np.testing.assert_allclose(
        bca(draws, np.median(draws, axis=0), 0.0, 0.9, clusters=None),
        percentile(draws, 0.9, clusters=None),
        rtol=1e-12,
    )


def test_ends_stand_between_two_order_statistics() -> None:
    draws = np.random.default_rng(5).gamma(2.0, size=(999, 2)) - [0.2, 1.0]
    estimates, acc = np.array([1.5, 0.9]), np.array([0.05, -0.1])
    for j in range(2):
        ranked = np.concatenate([[np.nan], np.sort(draws[:, j])])
        for ends, rate in (
            (bca(draws, estimates, 0.0, clusters=None), 0.0),
            (bca(draws, estimates, acc, clusters=None), acc[j]),
        ):
            for end, h in zip(
                ends, positions(draws[:, j], estimates[j], rate, 0.95), strict=True
            ):
                k = int(h)
                assert end[j] == pytest.approx(
                    ranked[k] + (h - k) * (ranked[k + 1] - ranked[k]), rel=1e-10
                )


@pytest.mark.parametrize("rate", [0.0, 0.1, -0.1, 1 / 6])
def test_bca_p_is_the_level_whose_end_meets_the_null(rate: float) -> None:
    draws = np.random.default_rng(6).normal(0.8, 0.5, size=1999)
    estimate, null = np.float64(0.75), 0.2
    p = float(bca_p(draws, estimate, np.float64(rate), null=null, clusters=None))
    low, high = positions(draws, estimate, rate, 1 - p)
    share = np.mean(draws < null)
    assert min(abs(low / 2000 - share), abs(high / 2000 - share)) < 1e-12
    assert 0 < p < 1


numbers = st.floats(-2, 2) | st.integers(-2, 2).map(float)


@pytest.mark.further
@settings(max_examples=300, deadline=None)
@given(
    st.lists(numbers, min_size=1, max_size=12),
    st.integers(40, 80),
    numbers,
    st.floats(-1 / 6, 1 / 6),
    st.sampled_from([0.5, 0.8, 0.9, 0.95]),
    st.integers(0, 2**32 - 1),
)
def test_p_and_interval_agree_but_for_draws_beside_the_null(
    values, b, estimate, acc, level, seed
) -> None:
    draws = np.random.default_rng(seed).choice(values, b)
    low, high = bca(draws, np.float64(estimate), np.float64(acc), level, clusters=None)
    p = float(bca_p(draws, np.float64(estimate), np.float64(acc), clusters=None))
    assert 0 < p <= 1
    assert draws.min() <= low <= high <= draws.max()
    below, upto = np.sum(draws < 0), np.sum(draws <= 0)
    ends = positions(draws, estimate, acc, level)
    if not any(below - 1e-9 < h < upto + 1 + 1e-9 for h in ends):
        assert (p <= 1 - level) == (low > 0 or high < 0)


def test_beyond_the_pole_stand_the_extreme_draws() -> None:
    draws = np.linspace(1.0, 2.0, 99)
    assert 0.9 * (stats.norm.ppf(99 / 100) + stats.norm.ppf(0.995)) > 1
    assert (
        float(bca(draws, np.float64(3.0), np.float64(0.9), 0.99, clusters=None)[1])
        == 2.0
    )
    assert (
        float(bca(draws, np.float64(0.5), np.float64(-0.9), 0.99, clusters=None)[0])
        == 1.0
    )
    # No level reaches the null: the least p that the draws can give, never 0.
    assert (
        float(bca_p(draws, np.float64(3.0), np.float64(0.9), clusters=None)) == 2 / 100
    )
    assert (
        float(bca_p(draws, np.float64(0.5), np.float64(-0.9), null=9.0, clusters=None))
        == 2 / 100
    )


def test_the_bias_correction_stays_finite() -> None:
    draws = np.arange(1.0, 40.0)
    # All draws lie below the estimate: z0 = Phi^-1(39/40), so that the low end stands
    # at Phi(z0) of them.
    low, high = bca(draws, np.float64(50.0), 0.0, clusters=None)
    assert (float(low), float(high)) == (pytest.approx(39.0), 39.0)
    assert float(bca_p(draws, np.float64(20.0), 0.0, clusters=None)) == pytest.approx(
        2 / 40, rel=1e-12
    )
    np.testing.assert_array_equal(
        bca(np.full(99, 3.0), np.float64(3.0), 0.0, clusters=None), [3.0, 3.0]
    )
    # The widest level below 1 that a float can say.
    np.testing.assert_array_equal(
        bca(draws, np.float64(20.0), 0.0, np.nextafter(1.0, 0.0), clusters=None),
        [1.0, 39.0],
    )


def test_bca_leaves_missing_draws_out_by_column() -> None:
    draws = np.random.default_rng(7).normal(0.1, 1.0, size=(500, 4))
    draws[::7, 1], draws[:, 2] = np.nan, np.nan
    estimates, acc = (
        np.array([0.1, 0.15, 0.1, np.nan]),
        np.array([0.02, 0.03, 0.04, 0.05]),
    )
    (low, high), p = (
        bca(draws, estimates, acc, clusters=None),
        bca_p(draws, estimates, acc, clusters=None),
    )
    kept = draws[~np.isnan(draws[:, 1]), 1]
    np.testing.assert_array_equal(
        [low[1], high[1]], bca(kept, estimates[1], acc[1], clusters=None)
    )
    assert p[1] == bca_p(kept, estimates[1], acc[1], clusters=None)
    for got in (low, high, p):
        assert np.isnan(got).tolist() == [False, False, True, True]
    low, high = bca(draws[:, 0], estimates[0], np.float64(np.nan), clusters=None)
    assert np.isnan(
        [low, high, bca_p(draws[:, 0], estimates[0], np.float64(np.nan), clusters=None)]
    ).all()


RANDOM = np.random.default_rng(1).uniform(size=(4, 8)).tolist()
FAMILIES = [
    [0.0],
    [1.0, 1.0],
    [0.01, 0.5, 0.01],
    [0.0, 0.0, 1.0],
    *np.random.default_rng(1).uniform(size=(4, 8)).tolist(),
]


@pytest.mark.many(1)
@pytest.mark.parametrize("values", FAMILIES, ids=range(len(FAMILIES)))
def test_holm_equals_statsmodels(values) -> None:
    # A call of statsmodels takes 65 ms, so a few families with ties and ends, not
    # hundreds.
    want = multipletests(values, method="holm")[1]
    np.testing.assert_allclose(holm(np.array(values)), want, rtol=1e-14)


def test_holm_by_hand() -> None:
    # Sorted .01, .02, .04 times 3, 2, 1; the last is lifted to .04. A missing test is
    # no test.
    np.testing.assert_allclose(
        holm(np.array([0.04, np.nan, 0.01, 0.02])), [0.04, np.nan, 0.03, 0.04]
    )
    assert holm(np.array([np.nan])).tolist() == pytest.approx([np.nan], nan_ok=True)


def slow_romano_wolf(statistics, draws):
    order = sorted(range(len(statistics)), key=lambda k: -abs(statistics[k]))
    p, largest = {}, 0.0
    for step, k in enumerate(order):
        exceed = sum(
            max(abs(row[j]) for j in order[step:]) >= abs(statistics[k])
            for row in draws
        )
        largest = max(largest, (1 + exceed) / (len(draws) + 1))
        p[k] = largest
    return [p[k] for k in range(len(statistics))]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 60), st.booleans())
def test_romano_wolf_equals_the_loop(seed, k, b, tied) -> None:
    rng = np.random.default_rng(seed)
    draws, statistics = 2 * rng.normal(size=(b, k)), 3 * rng.normal(size=k)
    if tied:
        draws, statistics = np.round(draws), np.round(statistics)
    np.testing.assert_array_equal(
        romano_wolf(statistics, draws, clusters=None),
        slow_romano_wolf(statistics, draws),
    )


def test_romano_wolf_by_hand() -> None:
    draws = np.array([[0.5, -2.5], [-1.5, 0.1], [0.2, 0.3], [3.5, 1.0]])
    # t = 2 (the second): maxima 2.5, 1.5, .3, 3.5, two of them >= 2: 3/5. Then t = 1,
    # the first alone: .5, 1.5, .2, 3.5: 3/5.
    assert romano_wolf(np.array([1.0, -2.0]), draws, clusters=None).tolist() == [
        0.6,
        0.6,
    ]
    # Alone a statistic has its ordinary p.
    assert romano_wolf(np.array([-2.0]), draws[:, 1:], clusters=None).tolist() == [
        2 / 5
    ]


def test_romano_wolf_leaves_missing_rows_and_missing_tests_out() -> None:
    rng = np.random.default_rng(8)
    draws, statistics = rng.normal(size=(200, 3)), np.array([2.0, 0.5, 1.5])
    want = romano_wolf(statistics, draws[20:], clusters=None)
    draws[:10], draws[10:20, 1] = np.nan, np.nan  # the family needs the whole row
    np.testing.assert_array_equal(romano_wolf(statistics, draws, clusters=None), want)
    more = np.column_stack([draws, np.full(200, np.nan)])
    got = romano_wolf(np.append(statistics, np.nan), more, clusters=None)
    np.testing.assert_array_equal(got, np.append(want, np.nan))
    assert np.isnan(
        romano_wolf(statistics, np.full((5, 3), np.nan), clusters=None)
    ).all()


def test_romano_wolf_beats_holm_where_tests_move_together() -> None:
    common = np.random.default_rng(9).normal(size=(4999, 1))
    draws, statistics = np.repeat(common, 4, axis=1), np.array([2.2, 2.1, 2.0, 1.9])
    alone = np.array([(1 + np.sum(np.abs(common) >= t)) / 5000 for t in statistics])
    # Four times the same test is one test: stepdown sees it, Holm pays four times.
    np.testing.assert_allclose(
        romano_wolf(statistics, draws, clusters=None), alone, rtol=1e-14
    )
    assert (holm(alone) > romano_wolf(statistics, draws, clusters=None)).sum() >= 3


@pytest.mark.parametrize("df", [5.0, 47.0, np.inf])
def test_delta_equals_scipy_stats(df: float) -> None:
    b, se = np.array([1.0, -2.0, 0.0]), np.array([0.5, 3.0, 1.0])
    low, high, p = delta(b, se, df, 0.9)
    want_low, want_high = stats.t.interval(0.9, df, loc=b, scale=se)
    np.testing.assert_allclose(low, want_low, rtol=1e-12)
    np.testing.assert_allclose(high, want_high, rtol=1e-12)
    np.testing.assert_allclose(p, 2 * stats.t.sf(np.abs(b / se), df), rtol=1e-12)


def test_product_interval_of_the_published_cross_section() -> None:
    cases = {case["case"]: case for case in MEDIATION["cases"]}
    given, case = (
        cases["hayes-cross-section"]["values"],
        cases["hayes-product-interval"],
    )
    ends = product_interval(given["a"], given["b"], given["se_a"], given["se_b"])
    for name in ("rmediation", "thirty_digits"):
        want = case["values"][name]
        np.testing.assert_allclose(ends, want["value"], rtol=want["rtol"], err_msg=name)


def product_share(z, a, b, s_a, s_b, r):
    """Probability that XY <= z by an adaptive rule over Y.

    The library integrates over the other variable.
    """
    rest = s_a * np.sqrt(1 - r**2)

    def density(y):
        away = (
            special.ndtr(np.sign(y) * (z / y - a - r * s_a * (y - b) / s_b) / rest)
            if y
            else 0.5
        )
        return away * stats.norm.pdf(y, b, s_b)

    # Halving towards 0, where the rule alone might miss a narrow bend.
    low, high = b - 9 * s_b, b + 9 * s_b
    near = [sign * (high - low) * 10.0**-k for k in range(9) for sign in (-1, 1)]
    edges = np.unique(np.clip([low, high, b, 0.0, *near], low, high))
    return sum(
        integrate.quad(density, lo, hi, epsabs=1e-15, limit=500)[0]
        for lo, hi in pairwise(edges)
    )


PRODUCTS = [
    (0.56, 0.64, 0.09, 0.1, 0.0),
    (0.2, -0.1, 0.1, 0.08, 0.5),
    (-3.0, 0.02, 0.01, 0.5, -0.8),
    (0.0, 0.0, 2.0, 0.3, 0.3),
    (0.0, 40.0, 1.0, 0.1, 0.0),
    (1e-4, 2e3, 3e-5, 5e2, 0.95),
]


@pytest.mark.many(3)
@pytest.mark.parametrize("case", PRODUCTS)
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_ends_of_a_product_by_substitution(case, level) -> None:
    low, high = product_interval(*case, level)
    assert product_share(low, *case) == pytest.approx((1 - level) / 2, abs=1e-11)
    assert product_share(high, *case) == pytest.approx((1 + level) / 2, abs=1e-11)


@pytest.mark.parametrize(
    "case",
    [PRODUCTS[1], PRODUCTS[2], PRODUCTS[3], PRODUCTS[5], (0.3, 0.0, 0.2, 1.0, 0.6)],
)
def test_ends_of_a_product_by_simulation(case) -> None:
    a, b, s_a, s_b, r = case
    u, v = np.random.default_rng(12).standard_normal((2, 1_000_000))
    drawn = (a + s_a * u) * (b + s_b * (r * u + np.sqrt(1 - r**2) * v))
    low, high = product_interval(*case, 0.9)
    # A share of a million draws has an error of sqrt(.05 * .95 / 1e6) = .00022; four of
    # them.
    assert np.mean(drawn <= low) == pytest.approx(0.05, abs=9e-4)
    assert np.mean(drawn >= high) == pytest.approx(0.05, abs=9e-4)
    below = np.mean(drawn <= 0)
    assert product_p(*case) == pytest.approx(2 * min(below, 1 - below), abs=4e-3)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_two_standard_normal_numbers_multiply_to_a_bessel_function(level) -> None:
    # Density K0(|z|) / pi, so that P(0 < Z <= z) = integral of K0 / pi.
    low, high = product_interval(0.0, 0.0, 1.0, 1.0, level=level)
    assert special.iti0k0(high)[1] / np.pi == pytest.approx(level / 2, abs=1e-12)
    assert low == pytest.approx(-high, rel=1e-12)
    assert product_interval(0.0, 0.0, 3.0, 7.0, level=level) == pytest.approx(
        (21 * low, 21 * high), rel=1e-12
    )
    assert product_p(0.0, 0.0, 1.0, 1.0) == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("mean", [0.0, 0.5, 2.0])
def test_a_number_times_itself_is_chi_square(mean) -> None:
    square = stats.ncx2(1, mean**2) if mean else stats.chi2(1)
    got = product_interval(mean, mean, 1.0, 1.0, 1.0, 0.9)
    assert got == pytest.approx(square.ppf([0.05, 0.95]), rel=1e-9)
    minus = product_interval(mean, -mean, 1.0, 1.0, -1.0, 0.9)
    assert minus == pytest.approx((-got[1], -got[0]), rel=1e-12)
    # a square is never below 0, but for rounding
    assert product_p(mean, mean, 1.0, 1.0, 1.0) < 1e-15


@pytest.mark.parametrize("r", [-0.99, -0.4, 0.0, 0.7, 0.999])
def test_p_of_a_product_is_a_quadrant(r) -> None:
    # Sheppard (1899): the signs differ with probability arccos(r) / pi.
    differ = np.arccos(r) / np.pi
    assert product_p(0.0, 0.0, 1.0, 2.0, r) == pytest.approx(
        2 * min(differ, 1 - differ), abs=1e-13
    )
    a, b = 1.2, -0.4
    both = stats.multivariate_normal.cdf([-a, -b], cov=[[1, r], [r, 1]])
    below = special.ndtr(-a) + special.ndtr(-b) - 2 * both
    assert product_p(a, b, 1.0, 1.0, r) == pytest.approx(
        2 * min(below, 1 - below), abs=1e-9
    )


def test_small_tails_of_a_product_keep_their_digits() -> None:
    # a and b ten errors away: one of them has the wrong sign with 2 Phi(-10), both with
    # its square.
    assert product_p(1.0, 1.0, 0.1, 0.1) == pytest.approx(
        4 * special.ndtr(-10), rel=1e-12
    )
    assert product_p(3.0, 30.0, 0.1, 0.1) == pytest.approx(
        2 * special.ndtr(-30), rel=1e-12
    )


@pytest.mark.further
@settings(max_examples=60, deadline=None)
@given(
    st.floats(-4, 4),
    st.floats(-4, 4),
    st.floats(0.1, 2),
    st.floats(0.1, 2),
    st.floats(-1, 1),
    st.sampled_from([0.5, 0.8, 0.95]),
)
def test_p_of_a_product_inverts_its_interval(a, b, s_a, s_b, r, level) -> None:
    low, high = product_interval(a, b, s_a, s_b, r, level)
    p = product_p(a, b, s_a, s_b, r)
    assert low < high
    assert 0 <= p <= 1
    if abs(p - (1 - level)) > 1e-9:
        assert (p < 1 - level) == (low > 0 or high < 0)
    # Symmetric in the two, odd in each.
    assert product_interval(b, a, s_b, s_a, r, level) == pytest.approx(
        (low, high), rel=1e-9, abs=1e-10
    )
    assert product_interval(-a, b, s_a, s_b, -r, level) == pytest.approx(
        (-high, -low), rel=1e-9, abs=1e-10
    )


def test_known_and_missing_factors() -> None:
    assert product_interval(2.0, 0.5, 0.0, 0.1) == pytest.approx(
        (1 - 0.2 * 1.959963984540054, 1.391992796908)
    )
    for sign in (1.0, -1.0):
        assert product_p(sign * 2.0, 0.5, 0.0, 0.1) == pytest.approx(
            2 * stats.norm.sf(5), rel=1e-12
        )
    assert product_interval(0.5, 2.0, 0.1, 0.0) == pytest.approx(
        product_interval(2.0, 0.5, 0.0, 0.1)
    )
    assert product_interval(2.0, 3.0, 0.0, 0.0) == (6.0, 6.0)
    assert np.isnan(product_p(2.0, 3.0, 0.0, 0.0))
    for at in range(5):
        case = [0.5, 0.6, 0.1, 0.1, 0.2]
        case[at] = np.nan
        assert np.isnan([*product_interval(*case), product_p(*case)]).all()


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["case"])
def test_fieller_of_the_published_quadratic(case: dict[str, object]) -> None:
    given, want = case["given"], case["values"]
    critical = stats.t.ppf(0.975, given["df"])
    sets = fieller(
        (-given["b1"], 2 * given["b2"]),
        (given["v11"], -2 * given["v12"], 4 * given["v22"]),
        critical,
    )
    np.testing.assert_allclose(
        sets, [want["fieller"]["value"]], rtol=want["fieller"]["rtol"]
    )


@pytest.mark.parametrize("seed", range(40))
def test_fieller_ends_solve_the_equation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, d = rng.normal(size=2)
    root = rng.normal(size=(2, 2)) * rng.choice([0.1, 0.5, 1.0])
    v = root @ root.T
    critical = rng.uniform(0.5, 3.0)
    sets = fieller((n, d), (v[0, 0], v[0, 1], v[1, 1]), critical)

    def distance(r: float) -> float:
        return abs(n - r * d) / np.sqrt(v[0, 0] - 2 * r * v[0, 1] + r * r * v[1, 1])

    for end in np.ravel(sets):
        if np.isfinite(end):
            assert distance(end) == pytest.approx(critical, rel=1e-9)
    for r in rng.normal(size=200) * 5:
        assert any(low <= r <= high for low, high in sets) == (distance(r) <= critical)
    bounded = np.isfinite(sets).all()
    assert bounded == (abs(d) / np.sqrt(v[1, 1]) > critical)
    assert len(sets) == 1 + (np.isinf(sets).any() and np.isfinite(sets).any())


def test_fieller_degenerate_cases() -> None:
    assert fieller((2.0, 4.0), (0.0, 0.0, 0.0), 1.96) == [(0.5, 0.5)]
    assert fieller((1.0, 0.0), (0.1, 0.0, 0.0), 2.0) == [(-np.inf, np.inf)]
    # Denominator exactly on the edge of significance: a half line.
    assert fieller((1.0, 2.0), (0.0, 0.0, 1.0), 2.0) == [(0.25, np.inf)]
    assert fieller((-1.0, 2.0), (0.0, 0.0, 1.0), 2.0) == [(-np.inf, -0.25)]


# --- few clusters ---------------------------------------------------------------------


@pytest.mark.parametrize("clusters", [1, 2, 3, 4, 5, None])
def test_nothing_is_read_from_draws_of_fewer_than_five_clusters(clusters) -> None:
    draws = np.random.default_rng(3).normal(size=(199, 2)) + 5.0
    estimates, rate = np.array([5.0, 5.0]), np.zeros(2)
    read = [
        *percentile(draws, clusters=clusters),
        percentile_p(draws, clusters=clusters),
        *bca(draws, estimates, 0.0, clusters=clusters),
        bca_p(draws, estimates, 0.0, clusters=clusters),
        *bca(draws, estimates, rate, clusters=clusters),
        bca_p(draws, estimates, rate, clusters=clusters),
        romano_wolf(estimates, draws, clusters=clusters),
        *covariance_of(draws, clusters=clusters),
    ]
    enough = clusters is None or clusters >= LEAST_CLUSTERS == 5
    assert has_enough_clusters(clusters) is enough
    assert (np.isnan(read) == (not enough)).all()


def test_the_number_of_clusters_cannot_be_forgotten() -> None:
    with pytest.raises(TypeError, match="clusters"):
        percentile(np.ones(9))  # type: ignore[call-arg]


def test_covariance_of_draws_leaves_lost_ones_out() -> None:
    draws = np.random.default_rng(4).normal(size=(50, 3))
    lost = np.vstack([draws, np.full((1, 3), np.nan)])
    np.testing.assert_array_equal(
        covariance_of(lost, clusters=9), np.cov(draws, rowvar=False)
    )
    assert np.isnan(covariance_of(draws[:1], clusters=9)).all()
    np.testing.assert_array_equal(
        covariance_of(draws[:2], clusters=9), np.cov(draws[:2], rowvar=False)
    )
    one = covariance_of(draws[:, :1], clusters=9)
    assert one.shape == (1, 1)
    assert one[0, 0] == pytest.approx(draws[:, 0].var(ddof=1))
