from __future__ import annotations

import numpy as np

from digiprosper.composite.aggregate import aggregate_linear


def test_linear_is_the_weighted_sum_and_stays_between_worst_and_best():
    rng = np.random.default_rng(0)
    z, w = rng.random((40, 5)), rng.dirichlet(np.ones(5))
    scores = aggregate_linear(z, w)
    np.testing.assert_allclose(scores, sum(w[j] * z[:, j] for j in range(5)), rtol=1e-14)
    assert (scores >= z.min(axis=1)).all()
    assert (scores <= z.max(axis=1)).all()
