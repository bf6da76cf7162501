"""Effects without each cluster, against estimates of the rest of the data."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.policy.callaway_santanna import difference, mean_differences
from digiprosper.policy.kernels import jackknife
from digiprosper.policy.kernels.jackknife import Comparisons, without_each_cluster


def draw(
    seed: int = 1, n: int = 40, m: int = 3, k: int = 2
) -> tuple[Comparisons, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, n, k))
    treated = rng.random((m, n)) < 1 / (1 + np.exp(0.5 - x[:, :, 0]))
    change = rng.normal(size=(m, n)) + treated + x.sum(axis=2)
    used = rng.random((m, n)) < 0.9
    compared = Comparisons(
        change=change,
        used=used,
        treated=treated,
        weights=np.where(used, rng.uniform(0.5, 2, size=(m, n)), 0.0),
    )
    return compared, np.concatenate([np.ones((m, n, 1)), x], axis=2)


@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
@pytest.mark.parametrize("pairs", [False, True])
def test_each_is_the_estimate_without_the_cluster(
    adjustment: str, pairs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, design = draw()
    clusters = np.arange(40) // 2 if pairs else np.arange(40)
    found = without_each_cluster(data, design, clusters, adjustment)
    assert found.shape == (clusters.max() + 1, 3)
    for cluster in range(0, len(found), 5):
        for effect in range(3):
            rows = data.used[effect] & (clusters != cluster)
            wanted = difference(
                data.change[effect, rows],
                data.treated[effect, rows],
                design[effect, rows, 1:],
                data.weights[effect, rows],
                adjustment,
            )
            assert found[cluster, effect] == pytest.approx(wanted.estimate, abs=1e-8)
    monkeypatch.setattr(jackknife, "_MOST_CELLS", 1)
    again = without_each_cluster(data, design, clusters, adjustment)
    np.testing.assert_allclose(again, found, rtol=1e-9)


def test_what_has_no_estimate_without_a_cluster_is_missing() -> None:
    data, design = draw(2, n=12, m=1, k=1)
    # Two controls, so that without one of them there is no regression.
    treated = np.ones((1, 12), dtype=bool)
    treated[0, :2] = False
    few = Comparisons(
        change=data.change,
        used=np.ones((1, 12), dtype=bool),
        treated=treated,
        weights=np.ones((1, 12)),
    )
    found = without_each_cluster(few, design, np.arange(12), "regression")
    assert np.isnan(found[:, 0]).tolist() == [True, True] + [False] * 10
    # Treatment that is predicted perfectly.
    apart = Comparisons(
        change=data.change,
        used=few.used,
        treated=design[:, :, 1] > 0,
        weights=np.ones((1, 12)),
    )
    assert np.isnan(without_each_cluster(apart, design, np.arange(12), "ipw")).all()


def test_differences_of_means_are_regressions_without_controls() -> None:
    data, _ = draw(3)
    estimates, influence, shares = mean_differences(data)
    for effect, used in enumerate(data.used):
        wanted = difference(
            data.change[effect, used],
            data.treated[effect, used],
            np.empty((used.sum(), 0)),
            data.weights[effect, used],
            "regression",
        )
        assert estimates[effect] == pytest.approx(wanted.estimate, abs=1e-13)
        assert influence[used, effect] == pytest.approx(wanted.influence, abs=1e-14)
        assert not influence[~used, effect].any()
        by_shares = shares[effect, used] @ data.change[effect, used]
        assert by_shares == pytest.approx(wanted.estimate, abs=1e-13)
