"""Statistics of the first stage against linearmodels and against their definitions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import ncx2

from digiprosper.kernels.covariance import (
    Ranks,
    count_groups,
    counts,
    intersections,
    vcov,
)
from digiprosper.linear.kernels.two_stage import (
    canonical_correlation,
    cragg_donald,
    effective_f,
    kleibergen_paap,
    overidentification,
    project,
    sanderson_windmeijer,
    without_small_sample_factors,
)

COVARIANCES = ("unadjusted", "robust", "clustered")


def case(seed: int, m: int, q: int, cov_type: str, *, n: int = 200, c: int = 2):
    rng = np.random.default_rng(seed)
    clusters = np.sort(rng.integers(0, 25, n)).astype(np.intp)
    clusters = np.unique(clusters, return_inverse=True)[1].astype(np.intp)
    controls, instruments = rng.normal(size=(n, c)), rng.normal(size=(n, q))
    noise = (
        rng.normal(size=(n, m)) * (1 + np.abs(instruments[:, :1]))
        + rng.normal(size=(25, m))[clusters]
    )
    endog = instruments @ rng.normal(size=(q, m)) * 0.3 + controls[:, :1] + noise
    y = endog.sum(axis=1) + noise[:, 0] + rng.normal(size=n)
    projected = project(y, endog, controls, instruments)
    ranks = Ranks(0, 0, 0, lone_nested=False, intercept=True, exact=True)
    codes = (clusters,) if cov_type == "clustered" else ()
    count = counts(n, c + q, ranks, [count_groups(c) for c in codes], periods=1)
    how = vcov(
        cov_type, "reghdfe", count, intersections(codes), np.zeros(n, dtype=np.intp)
    )
    return projected, (y, endog, controls, instruments, clusters), count, how


@pytest.mark.parametrize(("m", "q"), [(1, 1), (1, 3), (2, 2), (2, 4), (3, 5)])
@pytest.mark.parametrize("cov_type", COVARIANCES)
@pytest.mark.many(5)
def test_linearmodels(m: int, q: int, cov_type: str) -> None:
    from linearmodels.iv.common import (
        cragg_donald_f,
        kleibergen_paap as peer_lm,
        kleibergen_paap_f,
    )

    projected, (_, endog, controls, instruments, clusters), count, how = case(
        m * q, m, q, cov_type
    )
    n = count.n
    config = {"clusters": clusters} if cov_type == "clustered" else None
    arrays = (endog, instruments, controls, cov_type, config)

    got = kleibergen_paap(projected, projected.endog_residuals, how) / q
    expected = kleibergen_paap_f(*arrays)
    if cov_type == "clustered":
        # Its rows less controls and instruments; ours count the constant too, as
        # reghdfe does.
        expected *= (n - 1 - count.k) / (n - count.k)
        assert how.counted == count.k + 1
    assert got == pytest.approx(expected, rel=1e-10)
    assert cragg_donald(projected, n - count.k) == pytest.approx(
        cragg_donald_f(*arrays[:3]), rel=1e-10
    )

    net = projected.instruments @ projected.first_slopes + projected.endog_residuals
    lm = kleibergen_paap(projected, net, without_small_sample_factors(how, n))
    peer = peer_lm(*arrays)
    assert lm == pytest.approx(peer.stat, rel=1e-10)
    assert peer.df == q - m + 1


def test_the_canonical_correlation_is_that_of_net_columns() -> None:
    projected, (_, endog, controls, instruments, _), _, _ = case(1, 2, 3, "robust")
    keep = np.eye(len(endog)) - controls @ np.linalg.pinv(controls)
    left, right = (np.linalg.qr(keep @ columns)[0] for columns in (endog, instruments))
    least = np.linalg.svd(left.T @ right, compute_uv=False)[-1]
    assert canonical_correlation(projected) == pytest.approx(least, rel=1e-10)


def test_one_instrument_makes_all_first_stage_statistics_one() -> None:
    for cov_type in COVARIANCES:
        projected, _, _, how = case(2, 1, 1, cov_type)
        f = kleibergen_paap(projected, projected.endog_residuals, how)
        statistic, critical = effective_f(projected, how)
        assert statistic == pytest.approx(f)
        assert critical == pytest.approx(ncx2.ppf(0.95, 1, 10))


def test_the_effective_f_by_its_definition() -> None:
    """x'P_Z x over the trace of W_2, Montiel Olea and Pflueger (2013), F_eff."""
    projected, (_, endog, controls, instruments, _), count, how = case(
        3, 1, 3, "robust"
    )
    keep = np.eye(len(endog)) - controls @ np.linalg.pinv(controls)
    z, x = keep @ instruments, keep @ endog[:, 0]
    v = x - z @ np.linalg.lstsq(z, x, rcond=None)[0]
    s = (z.T * v**2) @ z * count.n / (count.n - count.k)
    zz = z.T @ z
    f = float(x @ z @ np.linalg.solve(zz, z.T @ x)) / float(
        np.trace(s @ np.linalg.inv(zz))
    )
    assert effective_f(projected, how)[0] == pytest.approx(f, rel=1e-10)


def test_equal_variances_make_q_effective_degrees() -> None:
    projected, _, _, how = case(4, 1, 4, "unadjusted")
    _, critical = effective_f(projected, how)
    assert critical == pytest.approx(ncx2.ppf(0.95, 4, 40) / 4)


@pytest.mark.parametrize(("cov_type", "q"), list(product(COVARIANCES[1:], [2, 4])))
def test_hansen_is_that_of_two_step_gmm(cov_type: str, q: int) -> None:
    from linearmodels.iv import IVGMM

    projected, (y, endog, controls, instruments, clusters), _, how = case(
        q, 1, q, cov_type
    )
    config = {"clusters": clusters} if cov_type == "clustered" else {}
    peer = IVGMM(y, controls, endog, instruments, weight_type=cov_type, **config).fit(
        iter_limit=2
    )
    x, z = np.hstack([endog, controls]), np.hstack([controls, instruments])
    hat = z @ np.linalg.lstsq(z, x, rcond=None)[0]
    e = y - x @ np.linalg.lstsq(hat, y, rcond=None)[0]
    j = overidentification(projected, e, without_small_sample_factors(how, len(y)))
    assert j == pytest.approx(peer.j_stat.stat, rel=1e-8)


def test_hansen_of_independent_rows_is_sargan() -> None:
    from linearmodels.iv import IV2SLS

    projected, (y, endog, controls, instruments, _), _, how = case(
        7, 1, 3, "unadjusted"
    )
    peer = IV2SLS(y, controls, endog, instruments).fit(cov_type="unadjusted")
    j = overidentification(
        projected, np.asarray(peer.resids), without_small_sample_factors(how, len(y))
    )
    assert j == pytest.approx(peer.sargan.stat, rel=1e-9)


def test_sanderson_windmeijer_by_its_definition() -> None:
    """The classical F of the regressor less the other at its two-stage slope."""
    projected, (_, endog, controls, instruments, _), count, how = case(
        5, 2, 3, "unadjusted"
    )
    z = np.hstack([controls, instruments])
    p = z @ np.linalg.pinv(z)
    other = np.hstack([endog[:, 1:], controls])
    hat = p @ other
    d = np.linalg.solve(hat.T @ other, hat.T @ endog[:, 0])
    r = endog[:, 0] - other @ d
    short = r - controls @ np.linalg.lstsq(controls, r, rcond=None)[0]
    long = r - p @ r
    f = (short @ short - long @ long) / 2 / (long @ long / (count.n - count.k))
    assert sanderson_windmeijer(projected, 0, how) == pytest.approx(f, rel=1e-9)


def test_too_few_clusters_leave_the_statistic_missing() -> None:
    projected, (*_, clusters), _, _ = case(6, 1, 4, "clustered")
    few = (clusters // 9).astype(np.intp)
    ranks = Ranks(0, 0, 0, lone_nested=False, intercept=True, exact=True)
    count = counts(len(few), 6, ranks, [count_groups(few)], periods=1)
    time = np.zeros(len(few), dtype=np.intp)
    how = vcov("clustered", "none", count, intersections([few]), time)
    assert int(few.max()) + 1 == 3
    assert np.isnan(kleibergen_paap(projected, projected.endog_residuals, how))
    assert np.isnan(overidentification(projected, projected.residuals[:, 0], how))
    assert np.isfinite(effective_f(projected, how)[0])
