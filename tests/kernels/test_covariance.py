"""The sandwich's middle by plain loops, each small-sample factor by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from digiprosper.kernels.covariance import (
    Counts,
    _counted_parameters,
    count_groups,
    counts,
    default_bandwidth,
    fixed_b,
    intersections,
    joint_meat,
    ranks,
    rescaled_sandwich,
    vcov,
)
from digiprosper.kernels.within import compress, within

SSC = ("reghdfe", "xtreg", "linearmodels", "plm", "none")


def setting(seed: int = 0) -> tuple:
    rng = np.random.default_rng(seed)
    city, year = np.divmod(np.arange(12 * 7), 7)
    keep = rng.random(84) > 0.15
    city, year = (compress(a[keep].astype(np.intp))[0] for a in (city, year))
    region = (city // 3).astype(np.intp)
    n = city.size
    return city, year, region, rng.normal(size=(n, 3)), rng.normal(size=n)


def loop(x: np.ndarray, e: np.ndarray, groups: np.ndarray) -> np.ndarray:
    total = np.zeros((x.shape[1], x.shape[1]))
    for g in np.unique(groups):
        s = sum(x[r] * e[r] for r in np.flatnonzero(groups == g))
        total += np.outer(s, s)
    return total


def counted(
    effects: list, clusters: list, rank: int, year: np.ndarray, entity: int | None = 0
) -> tuple:
    n = year.size
    absorbed = within(effects, n)
    assert absorbed.rank == rank
    return counts(
        n,
        3,
        ranks(absorbed, clusters, entity),
        [count_groups(c) for c in clusters],
        periods=7,
    ), n


def parameters(ssc: str, count: Counts) -> int:
    return _counted_parameters("clustered", ssc, count)


def test_counts_of_nested_effects() -> None:
    city, year, region, _, _ = setting()
    c, n = counted([city, year], [city], 12 + 7 - 1, year)
    assert (
        c.n,
        c.k,
        c.parameters,
        parameters("reghdfe", c),
        parameters("xtreg", c),
    ) == (
        n,
        3,
        21,
        3 + 1 + 6,
        3 + 1 + 6,
    )
    assert parameters("reghdfe", counted([city], [city], 12, year)[0]) == 4
    assert parameters("reghdfe", counted([city, year], [region], 18, year)[0]) == 10
    assert (
        parameters("reghdfe", counted([city, year], [year], 18, year)[0]) == 3 + 1 + 11
    )
    assert parameters("reghdfe", counted([city, year], [city, year], 18, year)[0]) == 4
    mixed = ((city * 5 + year) % 4).astype(np.intp)
    assert parameters("reghdfe", counted([city, year], [mixed], 18, year)[0]) == 21
    assert parameters("xtreg", counted([city, year], [mixed], 18, year)[0]) == 3 + 1 + 6
    assert parameters("reghdfe", counted([], [city], 1, year, None)[0]) == 4


def rank_of(effects: list[np.ndarray], n: int) -> int:
    dummies = [(e[:, None] == np.arange(e.max() + 1)).astype(float) for e in effects]
    return int(np.linalg.matrix_rank(np.column_stack([np.ones(n), *dummies])))


def inside(inner: np.ndarray, outer: np.ndarray) -> bool:
    return all(np.unique(outer[inner == level]).size == 1 for level in np.unique(inner))


def drawn_effects(
    rng: np.random.Generator,
) -> tuple[list[np.ndarray], list[np.ndarray], int]:
    """An unbalanced panel, perhaps in parts that share no period.

    Effects may span one another.
    """
    city, year = np.divmod(np.arange(60), 6)
    if rng.random() < 0.3:
        year = year + 10 * (city > 5)
    keep = rng.random(60) < rng.uniform(0.5, 1)
    city, year = city[keep], year[keep]
    pool = [
        city,
        year,
        year + 1,
        city // 3,
        year // 2,
        city // 3 * 100 + year,
        city * 100 + year // 3,
        rng.integers(0, 5, city.size),
        (city > 5).astype(int),
    ]
    codes = [compress(c.astype(np.intp))[0] for c in pool]
    effects = [codes[j] for j in rng.permutation(len(codes))[: rng.integers(1, 6)]]
    clusters = [codes[j] for j in rng.permutation(len(codes))[: rng.integers(1, 3)]]
    return effects, clusters, city.size


@pytest.mark.parametrize("seed", range(150))
def test_counts_are_ranks_of_dummies(seed: int) -> None:
    effects, clusters, n = drawn_effects(np.random.default_rng(seed))
    nested = [any(inside(e, c) for c in clusters) for e in effects]
    every = rank_of(effects, n)
    within_clusters = [e for e, i in zip(effects, nested, strict=True) if i]
    with_entity = [
        e for p, (e, i) in enumerate(zip(effects, nested, strict=True)) if i or p == 0
    ]
    actual = counts(
        n,
        2,
        ranks(within(effects, n), clusters, 0),
        [count_groups(c) for c in clusters],
        periods=6,
    )
    assert actual.parameters == 2 + every
    assert parameters("reghdfe", actual) == 3 + every - rank_of(within_clusters, n)
    assert parameters("xtreg", actual) == 3 + every - rank_of(with_entity, n)
    spans = [e for e in effects if rank_of([e], n) == every]
    lone = any(
        all(inside(f, e) for e in effects) and all(inside(f, c) for c in clusters)
        for f in spans
    )
    assert actual.absorbed.lone_nested == lone


@pytest.mark.parametrize("seed", range(40))
def test_a_copied_effect_changes_no_count(seed: int) -> None:
    effects, clusters, n = drawn_effects(np.random.default_rng(seed))
    once = ranks(within(effects, n), clusters, 0)
    assert ranks(within([*effects, effects[-1].copy()], n), clusters, 0) == once


@pytest.mark.parametrize("ssc", SSC)
def test_clustered_factor(ssc: str) -> None:
    city, year, _, x, e = setting(1)
    for effects, full, nest in (([city], 15, 4), ([city, year], 21, 10)):
        c, n = counted(effects, [city], full - 3, year)
        factor = {
            "reghdfe": 12 / 11 * (n - 1) / (n - nest),
            "xtreg": 12 / 11 * (n - 1) / (n - nest),
            "linearmodels": n / (n - 3) if len(effects) == 1 else n / (n - full),
            "plm": 12 / 11 * (n - 1) / (n - 3),
            "none": 1.0,
        }[ssc]
        how = vcov("clustered", ssc, c, intersections([city]), year)
        assert how.df_t == 11
        np.testing.assert_allclose(
            joint_meat([(x, e, how)]), factor * loop(x, e, city), rtol=1e-12
        )


@pytest.mark.parametrize("ssc", SSC)
def test_two_clusters(ssc: str) -> None:
    city, year, _, x, e = setting(2)
    c, n = counted([city, year], [city, year], 18, year)
    both = city * 100 + year
    a, b, ab = (loop(x, e, g) for g in (city, year, both))
    if ssc == "plm":
        one, two = (g / (g - 1) * (n - 1) / (n - 3) for g in (12, 7))
        expected = one * a + two * b - n / (n - 3) * ab
    else:
        factor = {
            "reghdfe": 7 / 6 * (n - 1) / (n - 4),
            "xtreg": 7 / 6 * (n - 1) / (n - 4),
            "linearmodels": n / (n - 21),
            "none": 1.0,
        }[ssc]
        expected = factor * (a + b - ab)
    how = vcov("clustered", ssc, c, intersections([city, year]), year)
    assert how.df_t == 6
    np.testing.assert_allclose(joint_meat([(x, e, how)]), expected, rtol=1e-11)


@pytest.mark.parametrize("ssc", SSC)
def test_rows_alone(ssc: str) -> None:
    city, year, _, x, e = setting(3)
    c, n = counted([city, year], [], 18, year)
    hc = vcov("robust", ssc, c, intersections([]), year)
    factor = {"plm": n / (n - 3), "none": 1.0}.get(ssc, n / (n - 21))
    np.testing.assert_allclose(
        joint_meat([(x, e, hc)]), factor * loop(x, e, np.arange(n)), rtol=1e-12
    )
    plain = vcov("unadjusted", ssc, c, intersections([]), year)
    sigma = e @ e / (n if ssc == "none" else n - 21)
    np.testing.assert_allclose(joint_meat([(x, e, plain)]), sigma * x.T @ x, rtol=1e-12)
    assert hc.df_t == plain.df_t == n - 21


@pytest.mark.parametrize("ssc", SSC)
@pytest.mark.parametrize("lags", [0, 1, 4, None])
def test_xtscc(ssc: str, lags: int | None) -> None:
    city, year, _, x, e = setting(4)
    c, n = counted([city, year], [], 18, year)
    h = [
        sum((x[r] * e[r] for r in np.flatnonzero(year == t)), np.zeros(3))
        for t in range(7)
    ]
    m = default_bandwidth(7) if lags is None else lags
    s = np.zeros((3, 3))
    for t in range(7):
        for u in range(7):
            if abs(t - u) <= m:
                s += (1 - abs(t - u) / (m + 1)) * np.outer(h[t], h[u])
    factor = {
        "linearmodels": n / (n - 21),
        "plm": 7 / 6 * (n - 1) / (n - 3),
        "none": 1.0,
    }.get(ssc, 7 / 6 * (n - 1) / (n - 21))
    how = vcov("xtscc", ssc, c, intersections([]), year, bandwidth=lags)
    assert how.df_t == 6
    assert how.bandwidth == m
    np.testing.assert_allclose(
        joint_meat([(x, e, how)]), factor * s, rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize(
    ("periods", "lags"),
    [(7, 2), (12, 2), (17, 2), (20, 2), (30, 3), (100, 4), (200, 4)],
)
def test_default_bandwidth(periods: int, lags: int) -> None:
    assert default_bandwidth(periods) == lags


def test_weights_multiply_scores() -> None:
    city, year, _, x, e = setting(5)
    w = np.random.default_rng(6).uniform(0.5, 2, e.size)
    c, n = counted([city], [city], 12, year)
    how = vcov("clustered", "none", c, intersections([city]), year)
    np.testing.assert_allclose(
        joint_meat([(x, e, how)], obs_weights=w), loop(x, w * e, city), rtol=1e-12
    )
    plain = vcov("unadjusted", "none", c, intersections([]), year)
    expected = (w * e) @ e / n * (x.T * w) @ x
    np.testing.assert_allclose(
        joint_meat([(x, e, plain)], obs_weights=w), expected, rtol=1e-12
    )


def test_the_meat_of_several_equations_is_that_of_their_stacked_scores() -> None:
    city, year, _, x, e = setting(7)
    z, u = x[:, :2] ** 2, np.random.default_rng(8).normal(size=e.size)
    how = vcov(
        "clustered",
        "none",
        counted([city], [city], 12, year)[0],
        intersections([city]),
        year,
    )
    stacked = np.hstack([x * e[:, None], z * u[:, None]])
    whole = loop(stacked, np.ones(e.size), city)
    np.testing.assert_allclose(
        joint_meat([(x, e, how), (z, u, how)]), whole, rtol=1e-11
    )
    np.testing.assert_allclose(joint_meat([(z, u, how)]), whole[3:, 3:], rtol=1e-11)


@pytest.mark.parametrize("more", [0, 1, 4])
def test_slopes_are_added_to_what_a_sample_counts(more: int) -> None:
    city, year, *_ = setting(3)
    effects = [city, year]
    absorbed = ranks(within(effects, city.size), [city], 0)
    before = counts(
        city.size, 0, absorbed, [count_groups(c) for c in [city]], periods=6
    )
    assert before.with_slopes(more) == counts(
        city.size, more, absorbed, [count_groups(c) for c in [city]], periods=6
    )


def test_halves_have_a_diagonal_of_ones_and_the_same_product() -> None:
    rng = np.random.default_rng(0)
    root, middle = (
        rng.normal(size=(3, 4)),
        np.diag([1e8, -1e-6, 0.0, 2.0]) + np.full((4, 4), 1e-7),
    )
    middle[2] = middle[:, 2] = 0
    one, two = rescaled_sandwich(root, middle)
    np.testing.assert_allclose(one @ two @ one.T, root @ middle @ root.T, rtol=1e-9)
    np.testing.assert_allclose(np.diag(two), [1, -1, 0, 1])


@pytest.mark.parametrize(("periods", "lags"), [(2, 1), (7, 0), (7, 3), (8, 7), (40, 8)])
def test_fixed_b_is_that_of_the_centred_weights(periods: int, lags: int) -> None:
    apart = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    centre = np.eye(periods) - 1 / periods
    weights = centre @ np.maximum(1 - apart / (lags + 1), 0) @ centre
    values = np.linalg.eigvalsh(weights)
    share, df = fixed_b(periods, lags)
    assert share == pytest.approx(values.sum() / (periods - 1), rel=1e-12)
    assert df == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=1e-10)
    if lags == 0:
        assert (share, df) == pytest.approx((1.0, periods - 1.0))


def test_fixed_b_is_close_to_the_values_of_kiefer_and_vogelsang() -> None:
    # 5% critical values of Kiefer & Vogelsang (2005, table 1), of an error without the
    # correction: 1.96 + 2.97 b + .416 b^2 - .532 b^3. Satterthwaite's are larger.
    for b in (0.05, 0.1, 0.2, 0.3):
        share, df = fixed_b(2_000, round(2_000 * b) - 1)
        published = 1.96 + 2.97 * b + 0.416 * b**2 - 0.532 * b**3
        assert 0.99 < stats.t.ppf(0.975, df) / np.sqrt(share) / published < 1.08


@pytest.mark.parametrize("ssc", SSC)
@pytest.mark.parametrize("lags", [0, 2, None])
def test_driscoll_kraay_adds_the_variance_by_entity(ssc: str, lags: int | None) -> None:
    city, year, _, x, e = setting(4)
    c, _ = counted([city, year], [], 18, year)
    m = int(1.3 * np.sqrt(7)) if lags is None else lags
    how = vcov("driscoll_kraay", ssc, c, intersections([city]), year, bandwidth=lags)
    by_period = vcov("xtscc", ssc, c, intersections([]), year, bandwidth=m)
    by_city = loop(x, e, city)
    groups = int(city.max()) + 1
    ratio = groups / (groups - 1) * 6 / 7 if ssc not in ("linearmodels", "none") else 1
    factor = by_period.parts[0].factor * ratio
    share, df = fixed_b(7, m)
    want = joint_meat([(x, e, by_period)]) / share + factor * by_city
    np.testing.assert_allclose(joint_meat([(x, e, how)]), want, rtol=1e-11, atol=1e-12)
    assert (how.df_t, how.bandwidth) == (df, m)
    alone = vcov(
        "driscoll_kraay",
        ssc,
        c,
        intersections([np.zeros_like(city)]),
        year,
        bandwidth=lags,
    )
    np.testing.assert_allclose(
        joint_meat([(x, e, alone)]), joint_meat([(x, e, by_period)]) / share, rtol=1e-12
    )
