"""The covariance of a likelihood, written out."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels.covariance import counts, groups_of, intersections, ranks, vcov
from digiprosper.kernels.reweighted import POISSON, reweighted_least_squares
from digiprosper.kernels.sandwich import as_regression, root_and_middle


@pytest.mark.parametrize("cov_type", ["unadjusted", "robust", "clustered"])
def test_covariance_is_the_sandwich(cov_type: str) -> None:
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(10), 6)
    x = rng.normal(size=(60, 2))
    y = rng.poisson(np.exp(0.3 * x[:, 0] + 0.2)).astype(float)
    fit = reweighted_least_squares(y, x, [codes], POISSON)
    clusters = (codes,) if cov_type == "clustered" else ()
    groups = [groups_of(cluster) for cluster in clusters]
    count = counts(60, 2, ranks(fit.projection, clusters, 0), groups, periods=6)
    time = np.tile(np.arange(6), 10)
    estimator = vcov(cov_type, "none", count, intersections(clusters), time)
    root, middle = root_and_middle(as_regression(fit, count, estimator))
    bread = np.linalg.inv((fit.x.T * fit.mean) @ fit.x)
    scores = fit.x * (y - fit.mean)[:, None]
    if cov_type == "clustered":
        scores = np.array([scores[codes == g].sum(axis=0) for g in range(10)])
    factor = estimator.parts[0].factor
    expected = bread * factor
    if cov_type != "unadjusted":
        expected = bread @ scores.T @ scores @ bread * factor
    np.testing.assert_allclose(root @ middle @ root.T, expected, rtol=1e-10)
