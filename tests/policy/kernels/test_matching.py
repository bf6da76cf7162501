"""Nearest neighbours, their weights, and moments: against searches written out."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digiprosper.policy.kernels.matching import (
    average_effect,
    balanced_columns,
    balanced_effect,
    entropy_weights,
    nearest,
    pair_weights,
    score_correction,
    weighted_moments,
    whitened,
)
from digiprosper.policy.matching import propensity


def searched(treated, control, k, caliper, *, replace) -> list[list[int]]:
    """Search the matches of each treated unit in a loop over all controls."""
    taken: list[list[int]] = [[] for _ in treated]
    used: set[int] = set()
    if replace:
        for unit, score in enumerate(treated):
            by_distance = sorted(
                range(len(control)), key=lambda j, s=score: (abs(control[j] - s), j)
            )
            taken[unit] = [
                j for j in by_distance[:k] if abs(control[j] - score) <= caliper
            ]
        return taken
    order = sorted(range(len(treated)), key=lambda unit: (-treated[unit], unit))
    for _ in range(k):
        for unit in order:
            free = [
                (abs(control[j] - treated[unit]), j)
                for j in range(len(control))
                if j not in used and abs(control[j] - treated[unit]) <= caliper
            ]
            if free:
                taken[unit].append(min(free)[1])
                used.add(min(free)[1])
    return taken


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("caliper", [np.inf, 0.1, 0.01])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_neighbours_are_those_of_a_search(seed, k, caliper, replace) -> None:
    rng = np.random.default_rng(seed)
    treated, control = rng.uniform(size=25), rng.uniform(size=40) ** 2
    units, controls, ties = nearest(treated, control, k, caliper, replace=replace)
    expected = searched(treated, control, k, caliper, replace=replace)
    assert [controls[units == unit].tolist() for unit in range(25)] == expected
    assert ties == 0
    if not replace:
        assert len(set(controls.tolist())) == controls.size


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("k", [1, 2, 5, 50])
def test_neighbours_among_many_ties_are_those_of_a_search(k, replace) -> None:
    rng = np.random.default_rng(k)
    treated, control = rng.integers(0, 9, 20) / 8, rng.integers(0, 9, 30) / 8
    units, controls, _ = nearest(treated, control, k, 0.25, replace=replace)
    expected = searched(treated, control, k, 0.25, replace=replace)
    assert [controls[units == unit].tolist() for unit in range(20)] == expected


def test_of_controls_at_one_distance_the_first_is_taken_and_counted() -> None:
    _, controls, ties = nearest(
        np.array([0.5, 0.9]), np.array([0.6, 0.4, 0.6, 0.9]), 1, np.inf, replace=True
    )
    assert controls.tolist() == [0, 3]
    assert ties == 1
    _, _, ties = nearest(
        np.array([0.5]), np.array([0.6, 0.4, 0.6]), 3, np.inf, replace=True
    )
    assert ties == 0


def test_rounding_of_scores_breaks_no_tie() -> None:
    # 0.3 and 0.1 + 0.2 differ in the last digit.
    control = np.array([0.3, 0.1 + 0.2])
    for scores in (control, control[::-1]):
        _, controls, ties = nearest(np.array([0.3]), scores, 1, 0.5, replace=True)
        assert (controls.tolist(), ties) == ([0], 1)


def test_without_replacement_the_largest_score_chooses_first() -> None:
    treated, control = np.array([0.5, 0.6]), np.array([0.55, 0.1])
    units, controls, _ = nearest(treated, control, 1, 0.2, replace=False)
    assert (units.tolist(), controls.tolist()) == ([1], [0])


def test_without_replacement_every_treated_unit_has_one_before_any_has_two() -> None:
    units, _, _ = nearest(
        np.array([0.50, 0.52]), np.array([0.50, 0.51, 0.9]), 2, np.inf, replace=False
    )
    assert np.bincount(units).tolist() == [1, 2]


def test_weights_are_shares_of_the_matches() -> None:
    units, controls, _ = nearest(
        np.array([0.2, 0.4, 0.9]), np.array([0.2, 0.35, 0.6]), 2, 0.2, replace=True
    )
    treated, control = np.split(pair_weights(units, 3 + controls, 6), 2)
    assert treated.tolist() == [1, 1, 0]
    # The first has controls 0 and 1; the second has controls 1 and, at the same
    # distance, 0 and 2.
    assert control == pytest.approx([1.0, 1.0, 0.0])
    assert control.sum() == pytest.approx(treated.sum())


def test_moments_are_those_of_repeated_rows() -> None:
    rng = np.random.default_rng(5)
    x, treated = rng.normal(size=(12, 2)), np.arange(12) < 5
    weights = np.array([1, 1, 0, 1, 1, 2, 1, 0, 3, 0, 1, 1.0])
    mean, variance = weighted_moments(x[~treated], weights[~treated])
    repeated = np.repeat(x[5:], weights[5:].astype(int), axis=0)
    assert mean == pytest.approx(repeated.mean(axis=0))
    # As Stata's aweights: n is the number of rows, not the sum of weights.
    assert variance == pytest.approx(repeated.var(axis=0) * 5 / 4)
    _, variance = weighted_moments(x[treated], weights[treated])
    assert variance == pytest.approx(x[:5][weights[:5] > 0].var(axis=0, ddof=1))


def test_a_group_of_one_has_no_variance() -> None:
    x = np.array([[1.0], [2.0], [4.0]])
    mean, variance = weighted_moments(x[:1], np.array([1.0]))
    assert mean == pytest.approx([1.0])
    assert np.isnan(variance).all()
    mean, _ = weighted_moments(x[1:], np.array([0.0, 0]))
    assert np.isnan(mean).all()


# --- the average effect, against loops, Stata and R -----------------------------------


REFERENCE = Path(__file__).resolve().parents[2] / "reference" / "matching.json"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
KNOWN = {
    case["case"]: case["values"]
    for case in json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
}
DISCRETE = ["age", "educ", "black", "hispan", "married", "nodegree"]


def drawn(seed: int, n: int = 60, *, ties: bool = False) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x = (
        rng.integers(0, 3, size=(n, 2)).astype(float)
        if ties
        else rng.normal(size=(n, 2))
    )
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
    units, controls, _ = nearest(
        scores[treated], scores[~treated], k, np.inf, **options
    )
    return np.flatnonzero(treated)[units], np.flatnonzero(~treated)[controls]


@pytest.mark.many(12)
@pytest.mark.parametrize("neighbours", [1, 2])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_formulas_written_out(seed, ties, k, neighbours) -> None:
    y, treated, scores, x = drawn(seed, ties=ties)
    tau, variance, correction = by_loops(y, treated, scores, x, k, neighbours)
    actual = average_effect(
        y, treated, scores, pairs_of(treated, scores, k), neighbours
    )
    assert actual == pytest.approx((tau, variance), rel=1e-10)
    z = np.column_stack([np.ones(y.size), x])
    added = score_correction(y, treated, scores, (z, x), tau, neighbours)
    assert added == pytest.approx(correction, rel=1e-8, abs=1e-12)


def test_a_score_that_is_one_to_rounding_is_the_limit_of_those_below() -> None:
    y, treated, scores, x = drawn(6)
    highest = np.flatnonzero(treated)[scores[treated].argmax()]
    added = []
    for score in (1.0, 1 - 1e-12):
        scores[highest] = score
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            z = np.column_stack([np.ones(y.size), x])
            added.append(score_correction(y, treated, scores, (z, x), 1.0, 1))
    assert added[0] == pytest.approx(added[1], rel=1e-6)


def test_without_replacement_it_is_the_variance_of_the_differences() -> None:
    """Abadie & Imbens (2012): no control is matched twice."""
    y, treated, scores, _ = drawn(4)
    pairs = pairs_of(treated, scores, 1, replace=False, all_ties=False)
    estimate, variance = average_effect(y, treated, scores, pairs, 1)
    differences = y[pairs[0]] - y[pairs[1]]
    assert estimate == pytest.approx(differences.mean())
    assert variance == pytest.approx(differences.var() / differences.size)


def test_units_of_covariates_do_not_matter_for_whitened_columns() -> None:
    y, treated, scores, x = drawn(5)
    other = x @ np.array([[1000.0, 3.0], [0.0, 0.01]]) + 7
    distance = [
        np.linalg.norm(w[:, None] - w[None], axis=2)
        for w in (whitened(x), whitened(other))
    ]
    np.testing.assert_allclose(distance[0], distance[1], atol=1e-8)
    gap = x[:, None] - x[None]
    mahalanobis = np.einsum("ijk,kl,ijl->ij", gap, np.linalg.inv(np.cov(x.T)), gap)
    np.testing.assert_allclose(distance[0] ** 2, mahalanobis, atol=1e-9)
    both = [
        score_correction(
            y,
            treated,
            scores,
            (np.column_stack([np.ones(60), one]), whitened(one)),
            1.0,
            1,
        )
        for one in (x, other)
    ]
    assert both[0] == pytest.approx(both[1], rel=1e-6)


# --- Stata and R ----------------------------------------------------------------------


def lalonde(names: list[str]) -> tuple[np.ndarray, ...]:
    frame = pd.read_csv(SHARED / "cases" / "lalonde_matchit.csv")
    x, treated = frame[names].to_numpy(dtype=float), frame["treat"].to_numpy() == 1
    return frame["re78"].to_numpy(), treated, propensity(x, treated, names)[0], x


@pytest.mark.data("cases/lalonde_matchit.csv")
@pytest.mark.parametrize(
    ("names", "suffix"),
    [(DISCRETE, "_without_earnings"), ([*DISCRETE, "re74", "re75"], "")],
)
def test_teffects_psmatch(names: list[str], suffix: str) -> None:
    y, treated, scores, x = lalonde(names)
    estimate, variance = average_effect(
        y, treated, scores, pairs_of(treated, scores, 1), 1
    )
    z = np.column_stack([np.ones(y.size), (x - x.mean(axis=0)) / x.std(axis=0)])
    error = np.sqrt(
        variance + score_correction(y, treated, scores, (z, x), estimate, 1)
    )
    for name, value in (("atet", estimate), ("error", error)):
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
    estimate, _ = average_effect(
        y, treated, scores, (np.array(left), np.array(right)), 1
    )
    assert estimate == pytest.approx(
        known[f"att_{k}"]["value"], abs=known[f"att_{k}"]["atol"]
    )


# --- entropy balancing ----------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("equal", [True, False])
def test_entropy_weights_equal_those_of_a_constrained_search(seed, equal) -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(13, 2))
    x[12] = target = rng.dirichlet(np.ones(12)) @ x[:12]
    base = np.full(12, 1 / 12) if equal else rng.dirichlet(np.full(12, 5.0))
    weights = entropy_weights(x, np.arange(13) == 12, base)
    assert weights is not None
    searched = minimize(
        lambda w: w @ np.log(w / base),
        np.full(12, 1 / 12),
        jac=lambda w: np.log(w / base) + 1,
        bounds=[(1e-12, 1)] * 12,
        constraints=[
            {"type": "eq", "fun": lambda w: np.r_[w.sum() - 1, w @ x[:12] - target]}
        ],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert weights == pytest.approx(searched.x, abs=1e-5)
    assert weights @ x[:12] == pytest.approx(target, abs=1e-11)
    assert weights @ np.log(weights / base) <= searched.fun + 1e-9


def test_a_target_at_or_outside_the_hull_has_no_weights() -> None:
    square = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1], [0.2, 0.1]])

    def weigh(*target: float) -> np.ndarray | None:
        x = np.vstack([square, target])
        return entropy_weights(x, np.arange(6) == 5, np.full(5, 0.2))

    for inside in ((0.0, 0.0), (0.9, 0.9), (0.999, -0.999), (0.9999, 0.0)):
        weights = weigh(*inside)
        assert weights is not None
        assert weights @ square == pytest.approx(inside, abs=1e-10)
    for outside in ((1.0, 0.0), (1.0, 1.0), (1.1, 0.0), (3.0, 3.0), (-1e6, 0.0)):
        assert weigh(*outside) is None


def test_dummies_have_no_squares() -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.normal(size=40), np.repeat([0.0, 1.0], 20)])
    columns, squared = balanced_columns(x, 2)
    assert (columns.shape, squared) == ((40, 3), [0])
    assert columns[:, 2] == pytest.approx(columns[:, 0] ** 2)
    assert balanced_columns(x, 1)[1] == []


@pytest.mark.data("cases/lalonde_matchit.csv")
def test_entropy_weights_of_the_training_data() -> None:
    frame = pd.read_csv(SHARED / "cases" / "lalonde_matchit.csv")
    x = ["age", "educ", "married", "nodegree", "re74", "re75", "black", "hispan"]
    values, treated = frame[x].to_numpy(float), frame["treat"].to_numpy() == 1
    y = frame["re78"].to_numpy()
    weights = entropy_weights(values, treated, np.full(429, 1 / 429))
    assert weights is not None
    # Exact, of our own twice: by Newton steps and by a weighted regression.
    estimate = y[treated].mean() - weights @ y[~treated]
    assert estimate == pytest.approx(1273.261813911916, abs=1e-8)
    assert weights.max() == pytest.approx(0.0219591, abs=5e-8)
    assert 1 / (weights**2).sum() == pytest.approx(98.458, abs=5e-4)
    known = KNOWN["lalonde_balanced"]
    ebal = known["att"]
    assert estimate == pytest.approx(ebal["value"], abs=ebal["atol"])


def test_the_variance_is_that_of_stacked_equations() -> None:
    """Sandwich of all equations: weights, both means and the effect, by numbers."""
    rng = np.random.default_rng(5)
    n = 400
    x = rng.normal(size=(n, 2))
    treated = rng.uniform(size=n) < 1 / (1 + np.exp(1 - x[:, 0]))
    y = x[:, 0] + treated * (1 + x[:, 1]) + rng.normal(size=n)
    base = np.full((~treated).sum(), 1 / (~treated).sum())
    balancing = entropy_weights(x, treated, base)
    assert balancing is not None
    weights, ratio = np.ones(n), np.log(balancing / base)
    weights[~treated] = balancing * treated.sum()
    b = np.linalg.lstsq(
        np.column_stack([np.ones(base.size), x[~treated]]), ratio, rcond=None
    )[0]

    def moments(theta: np.ndarray) -> np.ndarray:
        """Return the equations (n, 7): treated share and means, weights, effect."""
        share, mean, slopes, level, effect = (
            theta[0],
            theta[1:3],
            theta[3:5],
            theta[5],
            theta[6],
        )
        w = np.exp(level + (x - mean) @ slopes) * ~treated
        return np.column_stack(
            [
                treated - share,
                treated[:, None] * (x - mean),
                w[:, None] * (x - mean),
                w - share,
                treated * (y - effect) - w * y,
            ]
        )

    mean = x[treated].mean(axis=0)
    estimate, variance, _, alone = balanced_effect(y, treated, x, weights)
    start = np.r_[
        treated.mean(),
        mean,
        b[1:],
        b[0] + mean @ b[1:] + np.log(treated.sum() / base.size),
        estimate,
    ]
    at = moments(start)
    assert at.sum(axis=0) == pytest.approx(np.zeros(7), abs=1e-7)
    step = 1e-6
    bread = np.column_stack(
        [
            (moments(start + step * e) - moments(start - step * e)).sum(axis=0)
            / (2 * step)
            for e in np.eye(7)
        ]
    )
    influence = np.linalg.solve(bread, at.T)[6]
    assert alone.size == 0
    # HC2 and the degrees of freedom of the treated make it a little larger.
    assert variance == pytest.approx((influence**2).sum(), rel=0.05)
    assert variance > (influence**2).sum()


def test_a_control_that_is_alone_with_its_values_has_no_residual() -> None:
    rng = np.random.default_rng(2)
    x, treated = rng.normal(size=(20, 2)), np.arange(20) < 6
    x[:, 1] = 0.0
    x[[0, 9], 1] = 1.0
    _, _, _, alone = balanced_effect(rng.normal(size=20), treated, x, np.ones(20))
    assert alone.tolist() == [9]
