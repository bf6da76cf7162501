"""PanelThreshold against its definitions, with `numpy.linalg.lstsq` and dummies."""

from __future__ import annotations

import itertools
import math
import os
import pickle
import subprocess
import sys
import warnings
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

NEAR = {"rtol": 1e-9, "atol": 1e-9}
WORDS = {"wild_cluster": 0, "hansen": 1, "iid": 2}
WEBB = np.array([-np.sqrt(1.5), -1, -np.sqrt(0.5), np.sqrt(0.5), 1, np.sqrt(1.5)])


# --- panels ---------------------------------------------------------------------------


def draw_frame(seed, *, n=14, periods=7, k=1, balanced=False, jumps=(1.0,), noise=0.7):
    """Draw an unbalanced panel sorted by entity, time; the threshold has ties."""
    rng = np.random.default_rng(seed)
    e, t = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )
    size = e.size
    df = pd.DataFrame(
        {"id": [f"e{i:02d}" for i in e], "year": 2001 + t, "region": e % 2}
    )
    df["group"] = [f"g{i}" for i in rng.permutation(n)[e] // 2]
    df["q"] = (rng.normal(0, 1, n)[e] + rng.normal(0, 2.5, size)).round(1) + 0.0
    for c in range(k):
        df[f"z{c + 1}"] = rng.normal(0, 1, size) + 0.1 * df["q"]
    df["x1"] = rng.normal(0, 1, size) + 0.5 * df["z1"]
    df["x2"] = rng.normal(2, 3, size)
    cuts = np.quantile(df["q"], np.arange(1, len(jumps) + 1) / (len(jumps) + 1))
    slope = 0.4 + sum(
        jump * (df["q"] > cut) for jump, cut in zip(jumps, cuts, strict=True)
    )
    df["y"] = (
        slope * df["z1"] + 0.5 * df["x1"] - 0.1 * df["x2"] + rng.normal(0, 1, n)[e]
    )
    df["y"] += 0.2 * t + noise * rng.normal(0, 1, size)
    if not balanced:
        gone = rng.permutation(size)[: size // 6]
        kept = df.drop(index=gone)
        df = kept[kept.groupby("id")["id"].transform("size") >= 3]
    return df.reset_index(drop=True)


def fit(spec, df, *, rng=None, shuffle=None):
    if shuffle is not None:
        df = df.sample(frac=1, random_state=shuffle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(dp.Panel(df, entity="id", time="year"), rng=rng)


def spec_of(k=1, **options):
    options = {"bootstrap": None, "confidence": "lr", **options}
    return dp.PanelThreshold(
        "y", [f"z{c + 1}" for c in range(k)], "q", ["x1", "x2"], **options
    )


# --- the oracle -----------------------------------------------------------------------


def dummies(*columns):
    keys = pd.Series(list(zip(*columns, strict=True)))
    return (keys.to_numpy()[:, None] == pd.unique(keys)[None, :]).astype(float)


def effects_of(df, spec):
    blocks = [np.ones((len(df), 1))]
    named = ["id"] * spec.entity_effects + ["year"] * spec.time_effects
    effects = [*named, *getattr(spec, "absorb", ())]
    blocks.extend(dummies(*(df[c] for c in effect.split("^"))) for effect in effects)
    return np.hstack(blocks)


def regress(design, outcomes):
    """Coefficients and rank, by columns of length one, whatever the units.

    Units do not decide on the rank.
    """
    length = np.maximum(np.sqrt((design**2).sum(0)), 1e-300)
    beta, _, rank, _ = np.linalg.lstsq(design / length, outcomes, rcond=1e-10)
    return (beta.T / length).T, rank


def rank_and_ssr(design, outcomes):
    """Rank, and the sum of squared residuals of each outcome (a column)."""
    beta, rank = regress(design, outcomes)
    return rank, ((outcomes - design @ beta) ** 2).sum(0)


@dataclass
class Oracle:
    df: pd.DataFrame
    spec: dp.PanelThreshold

    def __post_init__(self):
        spec, df = self.spec, self.df
        self.y = df["y"].to_numpy()
        self.q = df["q"].to_numpy()
        self.z = df[list(spec.regime_dependent)].to_numpy()
        self.block = (
            np.column_stack([self.z, np.ones(len(df))])
            if spec.regime_intercept
            else self.z
        )
        self.linear = np.hstack(
            [effects_of(df, spec), df[list(spec.x)].to_numpy(), self.z]
        )
        self.rank = rank_and_ssr(self.linear, self.y)[0]
        self.codes, self.ids = pd.factorize(df["id"], sort=True)
        self.points = self.candidates()

    # -- definitions 1 and 2

    def low(self, g):
        return self.q < g if self.spec.rule == "<" else self.q <= g

    def need(self, j):
        trim = self.spec.trim
        share = trim[j] if isinstance(trim, tuple) else trim
        return max(
            math.ceil(Fraction(str(share)) * len(self.df)),
            getattr(self.spec, "min_nobs", 1),
        )

    def rich_enough(self, rows):
        """Enough entities have two rows here with different regime terms.

        At least min_entities; the terms depend on the regime.
        """
        least = getattr(self.spec, "min_entities", 0)
        members = (rows & (self.codes == e) for e in np.unique(self.codes[rows]))
        return (
            least == 0
            or sum(np.ptp(self.z[m], axis=0).max() > 0 for m in members) >= least
        )

    def candidates(self):
        values = np.unique(self.q)
        if self.spec.grid is None:
            return values
        # Lowest observed value with at least the share at or below it, in fractions:
        # rounding would move it.
        trim, steps, q = (
            Fraction(str(self.spec.trim)),
            self.spec.grid - 1,
            np.sort(self.q),
        )
        shares = [trim + i * (1 - 2 * trim) / steps for i in range(steps + 1)]
        return np.unique(q[[math.ceil(share * q.size) - 1 for share in shares]])

    def beside(self, g, others):
        """Rows of the two regimes that meet at g."""
        below = [h for h in others if h < g]
        above = [h for h in others if h > g]
        left = self.low(g) & ~(
            self.low(max(below)) if below else np.zeros(len(self.df), bool)
        )
        right = ~self.low(g) & (
            self.low(min(above)) if above else np.ones(len(self.df), bool)
        )
        return left, right

    def admissible(self, g, others, j):
        if g in others:
            return False
        return all(
            r.sum() >= self.need(j) and self.rich_enough(r)
            for r in self.beside(g, others)
        )

    # -- sums of squares

    def ssr(self, cuts, outcomes=None):
        """Sum of squares with these thresholds; infinite if not identified.

        Slopes are not told apart there.
        """
        design = np.hstack(
            [self.linear, *(self.block * self.low(g)[:, None] for g in cuts)]
        )
        rank, ssr = rank_and_ssr(design, self.y if outcomes is None else outcomes)
        full = rank == self.rank + len(cuts) * self.block.shape[1]
        return ssr if full else np.full_like(ssr, np.inf)

    def profile(self, others, j, outcomes=None, *, here=None):
        """Sum of squares by candidate, and at the threshold, the others held."""
        kept = [g for g in self.points if g == here or self.admissible(g, others, j)]
        actual = [(g, self.ssr([*others, g], outcomes)) for g in kept]
        actual = [(g, s) for g, s in actual if np.isfinite(s).all()]
        if not actual:
            return np.empty(0), np.empty(0)
        return np.array([g for g, _ in actual]), np.array([s for _, s in actual])

    def best(self, others, j):
        gamma, ssr = self.profile(others, j)
        return gamma[ssr.argmin()], ssr.min()

    def refine(self, cuts):
        cuts = list(cuts)
        if len(cuts) == 1:
            return cuts
        current, moved = self.ssr(cuts), True
        while moved:
            moved = False
            for j in range(len(cuts)):
                g, s = self.best(cuts[:j] + cuts[j + 1 :], j)
                if s < current * (1 - 1e-12):
                    cuts[j], current, moved = g, s, True
        return cuts

    def search(self, m):
        """Refined thresholds of 0, ..., m; S0, ..., Sm; the nulls' squares.

        S0, ..., Sm are those of the search. The squares are sums of squares.
        """
        models, searched, nulls = [[]], [self.ssr([])], []
        for j in range(m):
            nulls.append(self.ssr(models[j]))
            g, s = self.best(models[j], j)
            searched.append(s)
            models.append(self.refine([*models[j], g]))
        return models, np.array(searched), np.array(nulls)

    @property
    def freedom(self):
        rows, n = len(self.df), len(self.ids)
        if not self.spec.entity_effects:
            return rows - 1
        return rows - n if self.spec.df == "hansen" else rows - rows / n

    def joint(self):
        """Least squares of admissible pairs; the better single threshold first."""
        singles = dict(zip(*self.profile([], 0), strict=True))
        pairs = [
            p
            for p in itertools.combinations(self.points, 2)
            if all(self.admissible(g, p[:i] + p[i + 1 :], 0) for i, g in enumerate(p))
        ]
        sums = [self.ssr(p) for p in pairs]
        best = pairs[int(np.argmin(sums))]
        return sorted(best, key=lambda g: singles[g]), min(sums)

    # -- draws

    def drawn_outcomes(self, cuts, word, j, reps, entropy):
        """y* of each draw (a column): fit of the null plus drawn residuals."""
        design = np.hstack(
            [self.linear, *(self.block * self.low(g)[:, None] for g in cuts)]
        )
        fitted = design @ regress(design, self.y)[0]
        e = self.y - fitted
        stream = np.random.default_rng(
            np.random.SeedSequence(entropy, spawn_key=(WORDS[word], j))
        )
        if word == "wild_cluster":
            keys = (
                self.df[self.spec.clusters[0]] if self.spec.clusters else self.df["id"]
            )
            codes, levels = pd.factorize(keys, sort=True)
            u = stream.random((reps, len(levels)))
            weights = (
                WEBB[(6 * u).astype(int)]
                if len(levels) <= 12
                else np.where(u < 0.5, -1.0, 1.0)
            )
            drawn = weights[:, codes] * e
        elif word == "hansen":
            n = len(self.ids)
            donors = (n * stream.random((reps, n))).astype(int)
            drawn = e.reshape(n, -1)[donors].reshape(reps, -1)
        else:
            order = np.argsort(self.q, kind="stable")
            drawn = np.empty((reps, e.size))
            drawn[:, order] = e[order][
                (e.size * stream.random((reps, e.size))).astype(int)
            ]
        return fitted[:, None] + drawn.T

    def drawn_f(self, cuts, word, j, reps, entropy):
        """F of each draw: j + 1 thresholds searched one after another, none refined."""
        outcomes = self.drawn_outcomes(cuts, word, j, reps, entropy)
        held = [()] * reps
        before = after = self.ssr([], outcomes)
        for stage in range(j + 1):
            before, after = after, np.full(reps, np.nan)
            for cut in set(held):
                mine = np.array([b for b in range(reps) if held[b] == cut])
                gamma, ssr = self.profile(list(cut), stage, outcomes[:, mine])
                if not gamma.size:
                    continue
                after[mine] = ssr.min(0)
                for b, g in zip(mine, gamma[ssr.argmin(0)], strict=True):
                    held[b] = (*cut, float(g))
        return (before / after - 1) * self.freedom


def pieces(gamma, inside):
    out = []
    for keep, run in itertools.groupby(
        zip(gamma, inside, strict=True), key=lambda pair: pair[1]
    ):
        run = [g for g, _ in run]
        if keep:
            out.append((run[0], run[-1]))
    return out


def hold_profiles(results, oracle, cuts, *, least=None):
    """Hold profiles and sets of a fit to those of the oracle at the same thresholds."""
    critical = -2 * math.log(1 - math.sqrt(oracle.spec.level))
    for j in range(len(cuts)):
        # Where trims fall, a later threshold may come nearer than an earlier one's trim
        # allows.
        gamma, ssr = oracle.profile(cuts[:j] + cuts[j + 1 :], j, here=cuts[j])
        lr = (ssr / (ssr.min() if least is None else least) - 1) * oracle.freedom
        profile = results.profile(j + 1)
        np.testing.assert_array_equal(profile["gamma"], gamma)
        np.testing.assert_allclose(profile["ssr"], ssr, **NEAR)
        np.testing.assert_allclose(profile["lr"], lr, rtol=1e-7, atol=1e-7)
        expected = pieces(gamma, lr <= critical)
        assert results.critical_value(j + 1) == pytest.approx(critical, rel=1e-12)
        assert results.confidence_set(j + 1) == expected
        if expected:
            hull = results.thresholds.loc[j + 1, ["conf_low", "conf_high"]].tolist()
            assert hull == [expected[0][0], expected[-1][1]]


def hold_slopes(results, oracle, cuts):
    """Hold slopes to lstsq and to `FixedEffects` on split columns, errors included."""
    spec, df = oracle.spec, oracle.df.copy()
    regime = 1 + sum((~oracle.low(g)).astype(int) for g in cuts)
    names, split = [], []
    for term in [*spec.regime_dependent, *["intercept"] * spec.regime_intercept]:
        for r in range(1, len(cuts) + 2 - (term == "intercept")):
            df[f"s_{term}_{r}"] = (1.0 if term == "intercept" else df[term]) * (
                regime == r
            )
            names.append(f"{term}:regime{r}" if cuts else term)
            split.append(f"s_{term}_{r}")
    design = np.hstack([effects_of(df, spec), df[[*split, *spec.x]].to_numpy(float)])
    beta = regress(design, oracle.y)[0][-len(split) - len(spec.x) :]
    np.testing.assert_allclose(results.slopes.params[[*names, *spec.x]], beta, **NEAR)
    same = {
        name: getattr(spec, name)
        for name in ("entity_effects", "time_effects", "cov_type", "clusters")
    }
    plain = fit(
        dp.FixedEffects(
            "y", [*split, *spec.x], absorb=getattr(spec, "absorb", ()), **same
        ),
        df,
    )
    np.testing.assert_allclose(
        results.slopes.params[[*names, *spec.x]],
        plain.params[[*split, *spec.x]],
        **NEAR,
    )
    mine = results.slopes.std_errors[[*names, *spec.x]]
    np.testing.assert_allclose(mine, plain.std_errors[[*split, *spec.x]], **NEAR)
    np.testing.assert_array_equal(results.regime, regime)
    for r in range(1, len(cuts) + 2):
        seen = df.loc[regime == r, "id"]
        assert results.regimes.loc[r, ["nobs", "n_entities"]].tolist() == [
            len(seen),
            seen.nunique(),
        ]


def hold(results, oracle, m):
    """Hold a sequential fit to the oracle."""
    models, searched, nulls = oracle.search(m)
    np.testing.assert_array_equal(results.thresholds["estimate"], models[m])
    np.testing.assert_allclose(results.ssr, searched, **NEAR)
    statistic = (nulls / searched[1:] - 1) * oracle.freedom
    np.testing.assert_allclose(results.thresholds["F"], statistic, rtol=1e-8, atol=1e-8)
    hold_profiles(results, oracle, models[m])
    hold_slopes(results, oracle, models[m])
    return models


# --- the search -----------------------------------------------------------------------

SEARCHES = {
    "one": (1, 1, {}),
    "weak trim": (1, 1, {"trim": 0.02, "time_effects": False}),
    "strict": (1, 1, {"rule": "<", "trim": 0.1}),
    "grid": (1, 1, {"grid": 23, "trim": 0.1}),
    "two": (2, 1, {"trim": 0.1}),
    "two strict": (2, 1, {"trim": 0.1, "rule": "<", "time_effects": False}),
    "two, k 2": (2, 2, {"trim": (0.05, 0.1)}),
    "falling trims": (2, 1, {"trim": (0.2, 0.05)}),
    "three": (3, 1, {"trim": 0.08}),
    "three one-way, k 2": (3, 2, {"trim": 0.1, "time_effects": False}),
    "intercept": (2, 1, {"trim": 0.1, "regime_intercept": True}),
    "no effects": (2, 1, {"trim": 0.1, "entity_effects": False, "time_effects": False}),
    "times only": (1, 2, {"entity_effects": False, "regime_intercept": True}),
    "xthreg df": (1, 1, {"df": "xthreg"}),
    "min_nobs": (2, 1, {"trim": 0.05, "min_nobs": 17}),
    "min_entities": (2, 1, {"trim": 0.02, "min_entities": 6}),
    "min_entities strict": (1, 2, {"trim": 0.02, "min_entities": 9, "rule": "<"}),
    "both minima, grid": (
        2,
        1,
        {"trim": 0.05, "min_nobs": 12, "min_entities": 6, "grid": 31},
    ),
    "nested": (1, 1, {"absorb": ("region",)}),
    "region alone": (
        2,
        1,
        {"absorb": ("region",), "entity_effects": False, "trim": 0.1},
    ),
    "crossed": (2, 1, {"absorb": ("region^year",), "time_effects": False, "trim": 0.1}),
    "crossed and all": (1, 2, {"absorb": ("region^year",), "regime_intercept": True}),
    "third way": (2, 1, {"absorb": ("grade",), "trim": 0.1}),
}


def frame_for(seed, m, k):
    df = draw_frame(seed, k=k, jumps=(1.0, -0.8, 0.9)[:m])
    df["grade"] = np.random.default_rng(seed + 999).integers(0, 3, len(df))
    return df


def repeat_values(df, k):
    """Let many rows of an entity share values, so few count for min_entities.

    The values depend on the regime.
    """
    for c in range(k):
        # Never zero: such a row would make ties
        coarse = (df[f"z{c + 1}"] * 0.7).round() + 0.5
        df[f"z{c + 1}"] = coarse.where(
            df["id"].str[-1].astype(int) % 3 > 0, df[f"z{c + 1}"]
        )
    return df


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.many(1)
def test_search_is_lstsq_at_every_candidate(name, seed):
    m, k, options = SEARCHES[name]
    df = frame_for(seed, m, k)
    if "min_entities" in options:
        df = repeat_values(df, k)
    spec = spec_of(k, n_thresholds=m, **options)
    hold(fit(spec, df, shuffle=seed), Oracle(df, spec), m)


@pytest.mark.many(3)
@pytest.mark.parametrize(
    "options", [{}, {"rule": "<"}, {"regime_intercept": True, "time_effects": False}]
)
@pytest.mark.parametrize("seed", [3, 4])
def test_given_thresholds_are_taken_as_they_are(seed, options):
    df = draw_frame(seed, k=2)
    # One lies between two observed values, and they are not in order.
    cuts = [
        float(np.quantile(df["q"], 0.7, method="lower")),
        float(np.quantile(df["q"], 0.3)) + 0.05,
    ]
    spec = spec_of(2, thresholds=cuts, trim=0.1, **options)
    actual, oracle = fit(spec, df, shuffle=seed), Oracle(df, spec)
    searched = np.array([oracle.ssr(cuts[:j]) for j in range(3)])
    np.testing.assert_array_equal(actual.thresholds["estimate"], cuts)
    np.testing.assert_allclose(actual.ssr, searched, **NEAR)
    statistic = (searched[:-1] / searched[1:] - 1) * oracle.freedom
    np.testing.assert_allclose(actual.thresholds["F"], statistic, rtol=1e-8, atol=1e-8)
    assert (
        actual.thresholds[["p_value", "crit_10", "crit_5", "crit_1"]]
        .isna()
        .all(axis=None)
    )
    hold_slopes(actual, oracle, cuts)


@pytest.mark.parametrize("seed", [3, 4])
def test_profiles_of_given_thresholds_keep_to_rule_1_alone(seed):
    """Candidates keep trim on both sides of the sample, whatever lies between."""
    df = draw_frame(seed, k=2)
    cuts = [
        float(np.quantile(df["q"], 0.7, method="lower")),
        float(np.quantile(df["q"], 0.3)) + 0.05,
    ]
    spec = spec_of(2, thresholds=cuts, trim=0.1)
    actual, oracle = fit(spec, df), Oracle(df, spec)
    kept = [g for g in oracle.points if oracle.admissible(g, [], 0)]
    critical = -2 * math.log(1 - math.sqrt(0.95))
    for j, other in enumerate(reversed(cuts)):
        ssr = np.array([oracle.ssr([other, g]) if g != other else np.inf for g in kept])
        gamma, ssr = np.array(kept)[np.isfinite(ssr)], ssr[np.isfinite(ssr)]
        lr = (ssr / oracle.ssr(cuts) - 1) * oracle.freedom
        np.testing.assert_array_equal(actual.profile(j + 1)["gamma"], gamma)
        np.testing.assert_allclose(
            actual.profile(j + 1)["lr"], lr, rtol=1e-7, atol=1e-7
        )
        assert actual.confidence_set(j + 1) == pieces(gamma, lr <= critical)


def test_trim_is_a_share_and_no_rounding():
    df = draw_frame(5, n=20, periods=5, balanced=True)
    for trim in (0.07, 0.14, 0.28, 0.29):  # 0.07 * 100 is 7.000000000000001
        spec = spec_of(trim=trim)
        np.testing.assert_array_equal(
            fit(spec, df).profile(1)["gamma"], Oracle(df, spec).profile([], 0)[0]
        )


# --- the joint minimum ----------------------------------------------------------------

JOINT = {
    "plain": (1, {"trim": 0.1}),
    "strict, k 2": (2, {"trim": 0.1, "rule": "<"}),
    "one-way": (1, {"trim": 0.08, "time_effects": False}),
    "minima": (1, {"trim": 0.02, "min_nobs": 9, "min_entities": 5}),
    "intercept, crossed": (
        1,
        {"trim": 0.1, "regime_intercept": True, "absorb": ("region^year",)},
    ),
    "grid": (1, {"trim": 0.1, "grid": 29}),
}


# Panels on which the refined sequential pair is the global one, and others where it is
# worse.
JOINT_SEEDS = [
    *((name, 1, False) for name in JOINT),
    ("strict, k 2", 2, True),
    ("strict, k 2", 14, True),
    ("one-way", 12, True),
    ("one-way", 28, True),
    ("minima", 10, True),
    ("intercept, crossed", 3, True),
    ("plain", 51, True),
]


@pytest.mark.parametrize(("name", "seed", "worse"), JOINT_SEEDS)
@pytest.mark.many(1)
def test_joint_is_the_least_of_all_pairs(name, seed, worse):
    k, options = JOINT[name]
    df = draw_frame(seed, k=k, jumps=(1.0, -1.0), noise=1.0, n=12, periods=6)
    spec = spec_of(k, n_thresholds=2, search="joint", **options)
    actual, oracle = fit(spec, df, shuffle=seed), Oracle(df, spec)
    models, searched, nulls = oracle.search(2)
    best, least = oracle.joint()
    np.testing.assert_array_equal(actual.thresholds["estimate"], best)
    np.testing.assert_allclose(actual.ssr, searched, **NEAR)
    statistic = (nulls / searched[1:] - 1) * oracle.freedom
    np.testing.assert_allclose(actual.thresholds["F"], statistic, rtol=1e-8, atol=1e-8)
    hold_profiles(actual, oracle, best)
    hold_slopes(actual, oracle, best)
    assert bool(oracle.ssr(models[2]) > least * (1 + 1e-10)) == worse
    assert (sorted(models[2]) != sorted(best)) == worse
    assert ("not_global" in {n.code for n in actual.diagnostics}) == worse
    sequential = fit(spec.replace(search="sequential"), df)
    np.testing.assert_array_equal(sequential.thresholds["estimate"], models[2])
    assert ("not_global" in {n.code for n in sequential.diagnostics}) == worse


# --- draws ----------------------------------------------------------------------------

DRAWS = {
    "two": (2, 1, "wild_cluster", {"trim": 0.1}),
    "three, k 2": (3, 2, "wild_cluster", {"trim": 0.1}),
    "three, one-way, strict": (
        3,
        1,
        "wild_cluster",
        {"trim": 0.1, "time_effects": False, "rule": "<"},
    ),
    "two, groups": (2, 1, "wild_cluster", {"trim": 0.1, "clusters": ("group",)}),
    "three, intercept": (3, 1, "wild_cluster", {"trim": 0.1, "regime_intercept": True}),
    "two, minima": (
        2,
        1,
        "wild_cluster",
        {"trim": 0.02, "min_nobs": 12, "min_entities": 5},
    ),
    "two, crossed": (
        2,
        1,
        "wild_cluster",
        {"trim": (0.1, 0.12), "absorb": ("region^year",)},
    ),
    "two, no effects": (
        2,
        1,
        "wild_cluster",
        {"trim": 0.1, "entity_effects": False, "time_effects": False},
    ),
    "two, joint": (2, 1, "wild_cluster", {"trim": 0.1, "search": "joint"}),
    "two hansen": (2, 1, "hansen", {"trim": 0.1}),
    "three hansen, k 2": (3, 2, "hansen", {"trim": 0.12, "time_effects": False}),
    "two iid": (2, 1, "iid", {"trim": 0.1}),
    "three iid": (3, 1, "iid", {"trim": 0.12}),
    "iid, unbalanced": (2, 1, "iid", {"trim": 0.1, "balanced": False}),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.many(1)
def test_each_draw_is_an_explicit_search_of_its_outcome(name):
    m, k, word, options = DRAWS[name]
    options = dict(options)
    balanced = options.pop("balanced", word != "wild_cluster")
    df = draw_frame(
        31 + m, k=k, n=13, periods=6, jumps=(1.0, -0.8, 0.9)[:m], balanced=balanced
    )
    if "min_entities" in options:
        df = repeat_values(df, k)
    spec = spec_of(k, n_thresholds=m, bootstrap=word, reps=24, **options)
    actual, oracle = fit(spec, df, rng=77, shuffle=1), Oracle(df, spec)
    models = oracle.search(m)[0]
    # The null of threshold j is the refined sequential model with one less, whatever
    # the search.
    for j in range(m):
        drawn = oracle.drawn_f(models[j], word, j, 24, 77)
        np.testing.assert_allclose(
            actual.statistic_draws[0, j], drawn, rtol=1e-8, atol=1e-8
        )
        p = (1 + (drawn >= actual.thresholds["F"].iloc[j]).sum()) / (
            1 + np.isfinite(drawn).sum()
        )
        assert actual.thresholds["p_value"].iloc[j] == pytest.approx(p, abs=1e-12)


def test_draws_without_room_are_missing_and_do_not_count():
    df = draw_frame(2, n=13, periods=6, jumps=(0.0,))
    spec = spec_of(n_thresholds=2, bootstrap="wild_cluster", reps=40, trim=0.28)
    actual, oracle = fit(spec, df, rng=3), Oracle(df, spec)
    drawn = oracle.drawn_f(oracle.search(1)[0][1], "wild_cluster", 1, 40, 3)
    assert 0 < np.isfinite(drawn).sum() < 40
    np.testing.assert_allclose(
        actual.statistic_draws[0, 1], drawn, rtol=1e-8, atol=1e-8
    )
    p = (1 + (drawn >= actual.thresholds.loc[2, "F"]).sum()) / (
        1 + np.isfinite(drawn).sum()
    )
    assert actual.thresholds.loc[2, "p_value"] == pytest.approx(p)
    assert "lost_draws" in {n.code for n in actual.diagnostics}


def test_draws_of_a_bootstrap_do_not_depend_on_the_others():
    df = draw_frame(37, n=13, periods=6, balanced=True)
    words = ("iid", "wild_cluster", "hansen")
    options = {"reps": 20, "n_thresholds": 2, "trim": 0.1}
    together = fit(spec_of(bootstrap=words, **options), df, rng=8)
    for b, word in enumerate(words):
        alone = fit(spec_of(bootstrap=word, **options), df, rng=8)
        np.testing.assert_array_equal(
            together.statistic_draws[b], alone.statistic_draws[0]
        )


def test_few_clusters_take_webb_signs():
    df = draw_frame(36, n=11, periods=8, jumps=(1.0, -0.8))
    spec = spec_of(n_thresholds=2, bootstrap="wild_cluster", reps=21, trim=0.1)
    actual, oracle = fit(spec, df, rng=5), Oracle(df, spec)
    for j, cuts in enumerate(oracle.search(2)[0][:2]):
        drawn = oracle.drawn_f(cuts, "wild_cluster", j, 21, 5)
        np.testing.assert_allclose(
            actual.statistic_draws[0, j], drawn, rtol=1e-8, atol=1e-8
        )


# --- auto -----------------------------------------------------------------------------


@pytest.mark.many(3)
@pytest.mark.parametrize(
    ("jumps", "options", "kept"),
    [
        ((0.0,), {}, 0),
        ((1.5,), {}, 1),
        ((1.6, -1.6), {}, 2),
        ((1.6, -1.6), {"bootstrap": ("iid", "wild_cluster")}, 2),
        ((1.5,), {"trim": 0.4}, 1),
        ((0.0,), {"regime_intercept": True, "time_effects": False}, 0),
    ],
)
def test_auto_is_the_fixed_numbers_one_after_another(jumps, options, kept):
    df = draw_frame(43, n=16, jumps=jumps, noise=0.4)
    options = {"trim": 0.1, "bootstrap": "wild_cluster", "reps": 49, **options}
    actual = fit(spec_of(n_thresholds="auto", **options), df, rng=9, shuffle=2)
    assert len(actual.thresholds) == kept
    if kept:
        fixed = fit(spec_of(n_thresholds=kept, **options), df, rng=9)
        pd.testing.assert_frame_equal(actual.thresholds, fixed.thresholds)
        pd.testing.assert_series_equal(actual.ssr, fixed.ssr)
        pd.testing.assert_frame_equal(actual.slopes.tidy(), fixed.slopes.tidy())
        pd.testing.assert_series_equal(actual.regime, fixed.regime)
        for j in range(1, kept + 1):
            pd.testing.assert_frame_equal(actual.profile(j), fixed.profile(j))
    if options["trim"] < 0.3:
        longer = fit(spec_of(n_thresholds=kept + 1, **options), df, rng=9)
        pd.testing.assert_frame_equal(actual.tests, longer.tests)
        p = longer.tests.drop_duplicates("threshold")["p_value"]
        assert (p.iloc[:-1] <= 0.05).all()
        assert p.iloc[-1] > 0.05
    else:
        pd.testing.assert_frame_equal(actual.tests, fixed.tests)


def test_auto_keeps_a_p_equal_to_the_level():
    df = draw_frame(43, n=16, jumps=(3.0,), noise=0.3)
    for reps, level in ((9, 0.9), (19, 0.95), (99, 0.99)):
        spec = spec_of(
            n_thresholds="auto",
            bootstrap="wild_cluster",
            reps=reps,
            level=level,
            trim=0.1,
        )
        actual = fit(spec, df, rng=1)
        assert actual.tests["p_value"].iloc[0] == pytest.approx(1 - level)
        assert len(actual.thresholds) >= 1


@pytest.mark.parametrize("n_thresholds", [1, "auto"])
def test_no_room_for_even_one_is_refused(n_thresholds):
    """`trim` that leaves nothing is an error.

    "auto" stops in silence only where room has run out.
    """
    df = draw_frame(43)
    spec = spec_of(
        n_thresholds=n_thresholds, bootstrap="iid", reps=19, min_nobs=len(df) // 2 + 1
    )
    with pytest.raises(dp.ThresholdSearchError, match="min_nobs"):
        fit(spec, df, rng=1)


@pytest.mark.parametrize("intercept", [False, True])
def test_auto_with_none_kept_is_the_linear_model(intercept):
    df = draw_frame(43, jumps=(0.0,))
    spec = spec_of(
        n_thresholds="auto",
        bootstrap="wild_cluster",
        reps=49,
        regime_intercept=intercept,
    )
    actual = fit(spec, df, rng=9)
    plain = fit(dp.FixedEffects("y", ["z1", "x1", "x2"]), df)
    assert actual.thresholds.shape[0] == 0
    assert list(actual.thresholds) == list(
        fit(spec.replace(n_thresholds=1), df, rng=9).thresholds
    )
    pd.testing.assert_frame_equal(actual.slopes.tidy(), plain.tidy(), rtol=1e-10)
    assert actual.ssr.tolist() == pytest.approx([(plain.resids**2).sum()], rel=1e-10)
    assert len(actual.tests) == 1
    assert set(actual.regime) == {1}
    assert actual.regimes["nobs"].tolist() == [len(df)]
    again = pickle.loads(pickle.dumps(actual))
    assert again.summary() == actual.summary()
    assert "z1" in actual.summary()
    assert actual.to_dict()
    assert "z1" in dp.etable(actual).frame.to_string()


# --- what may not matter --------------------------------------------------------------


def drawn_fit(df, spec=None, *, shuffle=None, **options):
    spec = spec or spec_of(
        n_thresholds=2, bootstrap=("wild_cluster", "iid"), reps=39, trim=0.1, **options
    )
    return fit(spec, df, rng=12, shuffle=shuffle)


@pytest.fixture(scope="module")
def base():
    df = draw_frame(51, jumps=(1.0, -0.7))
    return df, drawn_fit(df)


@pytest.mark.parametrize(
    "options", [{}, {"search": "joint"}, {"n_thresholds": "auto"}, {"min_entities": 8}]
)
def test_row_order_changes_nothing_at_all(options):
    df = draw_frame(51, jumps=(1.0, -0.7))
    spec = spec_of(
        **{
            "n_thresholds": 2,
            "bootstrap": ("wild_cluster", "iid"),
            "reps": 39,
            **options,
        }
    )
    one, two = drawn_fit(df, spec), drawn_fit(df, spec, shuffle=3)
    for name in ("thresholds", "tests", "regimes"):
        pd.testing.assert_frame_equal(
            getattr(one, name), getattr(two, name), check_exact=True
        )
    pd.testing.assert_frame_equal(
        one.slopes.tidy(), two.slopes.tidy(), check_exact=True
    )
    np.testing.assert_array_equal(one.statistic_draws, two.statistic_draws)
    np.testing.assert_array_equal(one.regime, two.regime)


def same_fit(one, two, *, scale=1.0, draws=True):
    np.testing.assert_allclose(two.thresholds["F"], one.thresholds["F"], rtol=1e-8)
    np.testing.assert_allclose(two.ssr, one.ssr * scale, rtol=1e-9)
    np.testing.assert_array_equal(two.regime.to_numpy(), one.regime.to_numpy())
    if draws:
        np.testing.assert_allclose(two.statistic_draws, one.statistic_draws, rtol=1e-7)
        np.testing.assert_array_equal(two.tests["p_value"], one.tests["p_value"])


def test_entity_labels_do_not_matter(base):
    df, actual = base
    kept = df.assign(id="firm " + df["id"].str[1:])
    same_fit(actual, drawn_fit(kept))
    turned = df.assign(
        id=df["id"].map({e: f"t{99 - i}" for i, e in enumerate(df["id"].unique())})
    )
    other = drawn_fit(turned)
    np.testing.assert_array_equal(
        other.thresholds["estimate"], actual.thresholds["estimate"]
    )
    np.testing.assert_allclose(other.thresholds["F"], actual.thresholds["F"], rtol=1e-9)
    assert other.confidence_set(1) == actual.confidence_set(1)


@pytest.mark.parametrize(
    "curve",
    [np.exp, lambda q: 1e6 + 1e3 * q, lambda q: np.arctan(q) * 1e-9],
    ids=["exp", "line", "arctan"],
)
def test_only_the_order_of_q_matters(base, curve):
    df, actual = base
    bent = drawn_fit(df.assign(q=curve(df["q"])))
    same_fit(actual, bent)
    there = dict(zip(df["q"], curve(df["q"]), strict=True))
    np.testing.assert_array_equal(
        bent.thresholds["estimate"], [there[g] for g in actual.thresholds["estimate"]]
    )
    for j in (1, 2):
        assert bent.confidence_set(j) == [
            (there[a], there[b]) for a, b in actual.confidence_set(j)
        ]


def test_units_and_entity_constants_do_not_matter(base):
    df, actual = base
    same_fit(actual, drawn_fit(df.assign(y=df["y"] * -1e-4)), scale=1e-8)
    same_fit(actual, drawn_fit(df.assign(x1=df["x1"] * 1e6, z1=df["z1"] * -1e-5)))
    same_fit(
        actual,
        drawn_fit(
            df.assign(y=df["y"] + df["id"].str[1:].astype(int) ** 2 + 3.0 * df["year"])
        ),
    )
    same_fit(
        actual, drawn_fit(df.assign(x2=df["x2"] + 5 * df["id"].str[1:].astype(int)))
    )


def test_units_do_not_choose_among_ties():
    """A row with a zero value may cross without changing the fit: the lowest.

    The value depends on the regime. The lowest is taken.
    """
    df = draw_frame(15, jumps=(1.0, -1.0))
    df.loc[np.random.default_rng(15).random(len(df)) < 0.4, "z1"] = 0.0
    spec = spec_of(n_thresholds=2, trim=0.1)
    actual = [
        fit(spec, df.assign(y=scale * df["y"]))
        for scale in (1.0, -0.1, 3.0, 1 / 7, 1e5)
    ]
    oracle = Oracle(df, spec)
    cuts = actual[0].thresholds["estimate"].tolist()
    gamma, ssr = oracle.profile(cuts[:1], 1)
    ties = gamma[ssr <= ssr.min() * (1 + 1e-12)]
    assert len(ties) > 1
    assert [f.thresholds.loc[2, "estimate"] for f in actual] == [ties[0]] * len(actual)


def test_dropped_rows_and_singletons_change_nothing(base):
    df, actual = base
    lone = df.iloc[[0]].assign(id="zz", q=99.0, y=50.0)
    holes = df.iloc[::9].assign(year=df["year"] + 100, q=-99.0)
    column = np.array(["y", "z1", "x1"])[np.arange(len(holes)) % 3]
    for name in np.unique(column):
        holes.loc[column == name, name] = np.nan
    longer = drawn_fit(pd.concat([df, lone, holes]))
    for name in ("thresholds", "tests", "regimes"):
        pd.testing.assert_frame_equal(
            getattr(longer, name), getattr(actual, name), check_exact=True
        )
    np.testing.assert_array_equal(longer.statistic_draws, actual.statistic_draws)
    pd.testing.assert_series_equal(longer.regime, actual.regime)


_THREADS = """
import sys, warnings
import numpy as np, pandas as pd, digiprosper as dp
warnings.simplefilter("ignore")
df = pd.read_csv(sys.argv[1])
words = ("wild_cluster", "iid")
options = {"n_thresholds": 2, "bootstrap": words, "reps": 99, "trim": .1}
spec = dp.PanelThreshold("y", ["z1"], "q", ["x1", "x2"], **options)
found = spec.fit(dp.Panel(df, entity="id", time="year"), rng=3)
print(found.thresholds["estimate"].tolist(), found.tests["p_value"].tolist())
"""


@pytest.mark.further
def test_threads_do_not_matter(base, tmp_path):
    df, _ = base
    df.to_csv(tmp_path / "data.csv", index=False)
    said = []
    for threads in "12":
        env = {
            **os.environ,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }
        run = [sys.executable, "-c", _THREADS, str(tmp_path / "data.csv")]
        said.append(
            subprocess.run(
                run, env=env, capture_output=True, text=True, check=True
            ).stdout
        )
    assert said[0] == said[1]


@pytest.mark.parametrize("word", ["wild_cluster", "hansen", "iid"])
def test_a_strong_threshold_is_seen_and_p_is_never_zero(word):
    df = draw_frame(61, n=20, jumps=(3.0,), balanced=True)
    actual = fit(spec_of(bootstrap=word, reps=59), df, rng=1)
    assert actual.thresholds.loc[1, "p_value"] == pytest.approx(1 / 60)


# --- tables ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"rule": "<"}, {"search": "joint"}, {"n_thresholds": 1}]
)
def test_regime_tables_are_counts(options):
    df = draw_frame(51, jumps=(1.0, -0.7))
    df.loc[df["id"] == "e03", "q"] = df["q"].max()  # never leaves the highest regime
    actual = fit(spec_of(**{"n_thresholds": 2, "trim": 0.1, **options}), df, shuffle=4)
    cuts = sorted(actual.thresholds["estimate"])
    codes = list(range(1, len(cuts) + 2))
    side = "left" if options.get("rule", "<=") == "<=" else "right"
    df["regime"] = 1 + np.searchsorted(cuts, df["q"], side=side)
    np.testing.assert_array_equal(actual.regime, df["regime"])
    entities = actual.regime_by_entity()
    for by, table in (("year", actual.regime_by_time()), ("id", entities)):
        counts = pd.crosstab(df[by], df["regime"]).reindex(columns=codes, fill_value=0)
        np.testing.assert_array_equal(table[codes], counts)
        assert table.index.tolist() == counts.index.tolist()
    moved = []
    for entity, rows in df.groupby("id"):
        path = list(zip(rows["year"], rows["regime"], strict=True))
        steps = [
            (entity, t, a, b) for (_, a), (t, b) in itertools.pairwise(path) if a != b
        ]
        moved += steps
        row = entities.loc[entity]
        assert [row["first"], row["last"], row["crossings"]] == [
            path[0][1],
            path[-1][1],
            len(steps),
        ]
        assert (
            row["first_crossing"] == steps[0][1]
            if steps
            else pd.isna(row["first_crossing"])
        )
    assert list(actual.crossings()) == ["id", "year", "from_regime", "to_regime"]
    assert list(actual.crossings().itertuples(index=False, name=None)) == moved


@pytest.mark.parametrize("m", [1, 2])
def test_equality_is_the_wald_test_of_the_split_slopes(m):
    actual = fit(
        spec_of(2, n_thresholds=m, trim=0.1), draw_frame(52, k=2, jumps=(1.0, -0.7)[:m])
    )
    b, v = actual.slopes.params, actual.slopes.cov

    def wald(terms):
        rows = []
        for term, r in itertools.product(terms, range(1, m + 1)):
            rows.append(
                (b.index == f"{term}:regime{r}") * 1.0
                - (b.index == f"{term}:regime{r + 1}")
            )
        gap = np.array(rows) @ b
        return (
            gap
            @ np.linalg.solve(np.array(rows) @ v.to_numpy() @ np.array(rows).T, gap)
            / len(rows)
        )

    assert actual.equality("z1").statistic == pytest.approx(wald(["z1"]), rel=1e-8)
    assert actual.equality("z2").statistic == pytest.approx(wald(["z2"]), rel=1e-8)
    assert actual.equality().statistic == pytest.approx(wald(["z1", "z2"]), rel=1e-8)
    assert 0 <= actual.equality().p_value <= 1
    assert actual.equality().df == (2 * m, actual.slopes.df_t)
