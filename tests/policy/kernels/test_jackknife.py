"""Effects without each cluster, against estimates of the rest of the data."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.policy.callaway_santanna import difference
from digiprosper.policy.kernels import jackknife
from digiprosper.policy.kernels.jackknife import Comparisons, without_each_cluster

LIMITS = (0.995, 30.0)


def draw(seed: int = 1, n: int = 40, m: int = 3, k: int = 2) -> Comparisons:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, n, k))
    treated = rng.random((m, n)) < 1 / (1 + np.exp(0.5 - x[:, :, 0]))
    return Comparisons(
        change=rng.normal(size=(m, n)) + treated + x.sum(axis=2),
        used=rng.random((m, n)) < 0.9,
        treated=treated,
        design=np.concatenate([np.ones((m, n, 1)), x], axis=2),
        weights=rng.uniform(0.5, 2, size=(m, n)),
    )


@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
@pytest.mark.parametrize("pairs", [False, True])
def test_each_is_the_estimate_without_the_cluster(
    adjustment: str, pairs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = draw()
    clusters = np.arange(40) // 2 if pairs else np.arange(40)
    found = without_each_cluster(data, clusters, adjustment, LIMITS)
    assert found.shape == (clusters.max() + 1, 3)
    for cluster in range(0, len(found), 5):
        for effect in range(3):
            rows = data.used[effect] & (clusters != cluster)
            wanted = difference(
                data.change[effect, rows],
                data.treated[effect, rows],
                data.design[effect, rows, 1:],
                data.weights[effect, rows],
                adjustment,
            )
            assert found[cluster, effect] == pytest.approx(wanted.estimate, abs=1e-8)
    monkeypatch.setattr(jackknife, "_MOST_CELLS", 1)
    again = without_each_cluster(data, clusters, adjustment, LIMITS)
    np.testing.assert_allclose(again, found, rtol=1e-9)


def test_what_has_no_estimate_without_a_cluster_is_missing() -> None:
    data = draw(2, n=12, m=1, k=1)
    # Two controls, so that without one of them there is no regression.
    treated = np.ones((1, 12), dtype=bool)
    treated[0, :2] = False
    few = Comparisons(
        change=data.change,
        used=np.ones((1, 12), dtype=bool),
        treated=treated,
        design=data.design,
        weights=data.weights,
    )
    found = without_each_cluster(few, np.arange(12), "regression", LIMITS)
    assert np.isnan(found[:, 0]).tolist() == [True, True] + [False] * 10
    # Treatment that is predicted perfectly.
    apart = Comparisons(
        change=data.change,
        used=few.used,
        treated=data.design[:, :, 1] > 0,
        design=data.design,
        weights=data.weights,
    )
    assert np.isnan(without_each_cluster(apart, np.arange(12), "ipw", LIMITS)).all()
