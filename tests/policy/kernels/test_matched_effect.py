"""The average effect on the treated and its variance: against loops, Stata and R."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digiprosper.policy.kernels.matched_effect import average_effect, score_correction, whitened
from digiprosper.policy.kernels.neighbours import nearest
from digiprosper.policy.propensity import propensity

REFERENCE = Path(__file__).resolve().parents[2] / "reference" / "matching.json"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
KNOWN = {case["case"]: case["values"] for case in json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]}
DISCRETE = ["age", "educ", "black", "hispan", "married", "nodegree"]


def drawn(seed: int, n: int = 60, *, ties: bool = False) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, size=(n, 2)).astype(float) if ties else rng.normal(size=(n, 2))
    x[:, 1] += 0.1 * x[:, 0]
    treated = rng.uniform(size=n) < 1 / (1 + np.exp(0.8 - 0.5 * x[:, 0]))
    y = treated * (1 + x[:, 0]) + x.sum(axis=1) + rng.normal(size=n)
    scores, _ = propensity(x, treated, ["a", "b"])
    return y, treated, scores, x


def near(distance: np.ndarray, k: int) -> np.ndarray:
    """All as near as the k-th nearest."""
    rounded = np.round(distance, 12)
    return np.flatnonzero(rounded <= np.sort(rounded)[k - 1])


def by_loops(y, treated, scores, x, k, neighbours) -> tuple[float, float, float]:
    """Write the formulas of Abadie & Imbens (2006, 2016) out, one unit at a time."""
    n, h = y.size, neighbours + 1
    group = {True: np.flatnonzero(treated), False: np.flatnonzero(~treated)}
    use, use2, effects = np.zeros(n), np.zeros(n), []
    for i in group[True]:
        match = group[False][near(np.abs(scores[group[False]] - scores[i]), k)]
        effects.append(y[i] - y[match].mean())
        use[match] += 1 / match.size
        use2[match] += 1 / match.size**2
    tau = np.mean(effects)
    total = sum((effect - tau) ** 2 for effect in effects)
    for j in group[False]:
        own = group[False][near(np.abs(scores[group[False]] - scores[j]), h)]
        total += (use[j] ** 2 - use2[j]) * np.var(y[own], ddof=1)
    n1 = group[True].size
    z = np.column_stack([np.ones(n), x])
    f = scores * (1 - scores)
    c, d = np.zeros(3), np.zeros(3)
    for i in range(n):
        own, other = group[bool(treated[i])], group[not treated[i]]
        inside = own[near(np.abs(scores[own] - scores[i]), h)]
        across = other[near(np.abs(scores[other] - scores[i]), h)]
        rest = own[own != i]
        beside = rest[near(np.abs(scores[rest] - scores[i]), h)]
        cov = {}
        for w, rows in ((bool(treated[i]), inside), (not treated[i], across)):
            cov[w] = np.array([np.cov(z[rows, j], y[rows])[0, 1] for j in range(3)])
        mean = {bool(treated[i]): y[beside].mean(), (not treated[i]): y[across].mean()}
        c += f[i] * (z[i] * (mean[True] - mean[False] - tau))
        c += f[i] * (cov[True] + scores[i] / (1 - scores[i]) * cov[False])
        alike = other[near(np.sqrt(((x[other] - x[i]) ** 2).sum(axis=1)), 1)]
        gap = y[i] - y[alike].mean() if treated[i] else y[alike].mean() - y[i]
        d += f[i] * z[i] * (gap - tau)
    v = np.linalg.inv((z * f[:, None]).T @ z)
    c, d = c / n1, d / n1
    return float(tau), float(total / n1**2), float(d @ v @ d - c @ v @ c)


def pairs_of(treated, scores, k, **options) -> tuple[np.ndarray, np.ndarray]:
    options = {"replace": True, "all_ties": True, **options}
    pairs = nearest(scores[treated], scores[~treated], k, np.inf, **options)
    return np.flatnonzero(treated)[pairs.treated], np.flatnonzero(~treated)[pairs.control]


@pytest.mark.many(12)
@pytest.mark.parametrize("neighbours", [1, 2])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_formulas_written_out(seed, ties, k, neighbours) -> None:
    y, treated, scores, x = drawn(seed, ties=ties)
    tau, variance, correction = by_loops(y, treated, scores, x, k, neighbours)
    found = average_effect(y, treated, scores, pairs_of(treated, scores, k), neighbours)
    assert (found.estimate, found.variance) == pytest.approx((tau, variance), rel=1e-10)
    z = np.column_stack([np.ones(y.size), x])
    added = score_correction(y, treated, scores, (z, x), tau, neighbours)
    assert added == pytest.approx(correction, rel=1e-8, abs=1e-12)


def test_without_replacement_it_is_the_variance_of_the_differences() -> None:
    """Abadie & Imbens (2012): no control is matched twice."""
    y, treated, scores, _ = drawn(4)
    pairs = pairs_of(treated, scores, 1, replace=False, all_ties=False)
    found = average_effect(y, treated, scores, pairs, 1)
    differences = y[pairs[0]] - y[pairs[1]]
    assert found.estimate == pytest.approx(differences.mean())
    assert found.variance == pytest.approx(differences.var() / differences.size)


def test_units_of_covariates_do_not_matter_for_whitened_columns() -> None:
    y, treated, scores, x = drawn(5)
    other = x @ np.array([[1000.0, 3.0], [0.0, 0.01]]) + 7
    distance = [np.linalg.norm(w[:, None] - w[None], axis=2) for w in (whitened(x), whitened(other))]
    np.testing.assert_allclose(distance[0], distance[1], atol=1e-8)
    gap = x[:, None] - x[None]
    mahalanobis = np.einsum("ijk,kl,ijl->ij", gap, np.linalg.inv(np.cov(x.T)), gap)
    np.testing.assert_allclose(distance[0] ** 2, mahalanobis, atol=1e-9)
    both = [
        score_correction(y, treated, scores, (np.column_stack([np.ones(60), one]), whitened(one)), 1.0, 1)
        for one in (x, other)
    ]
    assert both[0] == pytest.approx(both[1], rel=1e-6)


# --- Stata and R --------------------------------------------------------------------------------------------


def lalonde(names: list[str]) -> tuple[np.ndarray, ...]:
    frame = pd.read_csv(SHARED / "cases" / "lalonde_matchit.csv")
    x, treated = frame[names].to_numpy(dtype=float), frame["treat"].to_numpy() == 1
    return frame["re78"].to_numpy(), treated, propensity(x, treated, names)[0], x


@pytest.mark.data("cases/lalonde_matchit.csv")
@pytest.mark.parametrize(
    ("names", "suffix"), [(DISCRETE, "_without_earnings"), ([*DISCRETE, "re74", "re75"], "")]
)
def test_teffects_psmatch(names: list[str], suffix: str) -> None:
    y, treated, scores, x = lalonde(names)
    found = average_effect(y, treated, scores, pairs_of(treated, scores, 1), 1)
    z = np.column_stack([np.ones(y.size), (x - x.mean(axis=0)) / x.std(axis=0)])
    error = np.sqrt(found.variance + score_correction(y, treated, scores, (z, x), found.estimate, 1))
    for name, value in (("atet", found.estimate), ("error", error)):
        known = KNOWN["lalonde"][name + suffix]
        assert value == pytest.approx(known["value"], abs=known["atol"])


@pytest.mark.data("cases/lalonde_matchit.csv")
@pytest.mark.parametrize("k", [1, 3])
def test_the_estimate_of_matching_in_r_from_its_pairs(k: int) -> None:
    """It also matches controls that are nearly as near as the k-th one."""
    y, treated, scores, _ = lalonde([*DISCRETE, "re74", "re75"])
    group = {True: np.flatnonzero(treated), False: np.flatnonzero(~treated)}
    left, right = [], []
    for i in group[True]:
        distance = (scores[group[False]] - scores[i]) ** 2 / scores.var(ddof=1)
        match = group[False][distance <= np.sort(distance)[k - 1] + 1e-5]
        left += [i] * match.size
        right += match.tolist()
    known = KNOWN["lalonde_near_ties"]
    assert len(left) == known[f"pairs_{k}"]["value"]
    found = average_effect(y, treated, scores, (np.array(left), np.array(right)), 1)
    assert found.estimate == pytest.approx(known[f"att_{k}"]["value"], abs=known[f"att_{k}"]["atol"])
