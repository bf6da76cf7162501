"""A second, slow index: every row's score from scratch, by textbook formulas."""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from digiprosper import (
    CompositeIndex,
    DigiprosperWarning,
    Indicator,
    IndicatorSystem,
    Panel,
)


def make_frame(seed=0, n=8, periods=5, width=4, *, unbalanced=False):
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(
        rng.lognormal(size=(n * periods, width)), columns=list("abcdefgh")[:width]
    )
    x["id"] = np.repeat([f"r{i:02d}" for i in range(n)], periods)
    x["year"] = np.tile(np.arange(2010, 2010 + periods), n)
    return x.drop(index=[3, 11, 12]).reset_index(drop=True) if unbalanced else x


class Brute:
    """The slow index of a specification on a frame with id, year, indicators."""

    def __init__(self, spec, frame):
        self.spec, self.size = spec, len(frame)
        self.column = {c: frame[c].tolist() for c in frame}
        self.names = [i.name for i in spec.system]
        self.signs = [i.direction for i in spec.system]
        self.dims = [i.dimension for i in spec.system]
        self.states = {}

    def rows(self, year):
        """Rows for the ends, and for the weights, of a year."""
        every, scope = list(range(self.size)), self.spec.scope
        years = self.column["year"]
        own = [i for i in every if years[i] == year]
        if scope == "per_year":
            return own, own
        if scope == "pooled_norm_yearly_weights":
            return every, own
        if scope == "expanding":
            past = [i for i in every if years[i] <= year]
            return past, past
        if scope.startswith("base_year"):
            base = int(re.search(r"\d+", scope)[0])
            kept = [i for i in every if years[i] == base]
            return kept, every if "pooled_weights" in scope else kept
        return every, every

    def normalised(self, row, ends):
        out = []
        for name, sign, indicator in zip(
            self.names, self.signs, self.spec.system, strict=True
        ):
            column = [self.column[name][i] for i in ends]
            out.append(
                one_value(
                    self.column[name][row], column, sign, indicator.goalposts, self.spec
                )
            )
        return out

    def state(self, year):
        if year not in self.states:
            ends, learn = self.rows(year)
            z = np.array([self.normalised(i, ends) for i in learn])
            hull = (
                z
                if ends == learn
                else np.array([self.normalised(i, ends) for i in ends])
            )
            periods = (
                len(set(self.column["year"]))
                if self.spec.scope == "legacy_lnT"
                else None
            )
            weights = structured(z, self.spec, self.dims, periods)
            self.states[year] = (ends, weights, hull.min(axis=0), hull.max(axis=0))
        return self.states[year]

    def weights(self):
        years = sorted(set(self.column["year"]))
        return pd.DataFrame({y: self.state(y)[1] for y in years}, index=self.names).T

    def scores(self):
        out = {}
        for i in range(self.size):
            ends, w, worst, best = self.state(self.column["year"][i])
            z = np.array(self.normalised(i, ends))
            out[self.column["id"][i], self.column["year"][i]] = combined(
                z, w, worst, best, self.spec.aggregate, self.dims
            )
        return out

    def dimension_scores(self):
        out = {}
        for i in range(self.size):
            ends, w, _, _ = self.state(self.column["year"][i])
            z = self.normalised(i, ends)
            row = []
            for d in dict.fromkeys(self.dims):
                inside = [j for j, e in enumerate(self.dims) if e == d]
                row.append(sum(w[j] * z[j] for j in inside) / sum(w[j] for j in inside))
            out[self.column["id"][i], self.column["year"][i]] = row
        return out


def one_value(x, column, sign, goalposts, spec):
    low, high = goalposts if spec.scope == "goalposts" else (min(column), max(column))
    n = len(column)
    if spec.normalise in ("minmax", "absolute_minmax"):
        z = (x - low) / (high - low) if sign == "+" else (high - x) / (high - low)
        return z if spec.normalise == "minmax" else abs(z)
    if spec.normalise == "max":
        return x / high if sign == "+" else low / x
    if spec.normalise == "none":
        return x
    if spec.normalise == "zscore":
        mean = sum(column) / n
        sd = math.sqrt(sum((c - mean) ** 2 for c in column) / (n - 1))
        return (x - mean) / sd if sign == "+" else (mean - x) / sd
    rank = (
        rankdata(column)[column.index(x)]
        if x in column
        else sum(c < x for c in column) + 0.5
    )
    return (rank - 1) / (n - 1) if sign == "+" else (n - rank) / (n - 1)


def entropy(column, periods):
    p = column / column.sum()
    if periods is None:
        return -sum(v * math.log(v) for v in p if v > 0) / math.log(len(p))
    return -sum(v * math.log(v + 1e-10) for v in p) / math.log(periods)


def information(z, weighting, shift, periods):
    """What each column tells, not divided by its sum."""
    n, m = z.shape
    if isinstance(weighting, tuple):
        return np.array([w for _, w in weighting])
    if weighting == "entropy":
        return np.array([1 - entropy(z[:, j] + shift, periods) for j in range(m)])
    if weighting == "equal" or m == 1:
        return np.ones(m)
    if weighting == "std":
        return z.std(axis=0)
    if weighting == "cv":
        return z.std(axis=0) / z.mean(axis=0)
    r = np.corrcoef(z.T)
    if weighting == "critic":
        return np.array(
            [z[:, j].std() * sum(1 - r[j, k] for k in range(m)) for j in range(m)]
        )
    assert weighting == "pca", f"write the formula of {weighting!r} here"
    # PCA by singular values, which are not eigenvalues of a matrix that was formed.
    centred = (z - z.mean(axis=0)) / z.std(axis=0)
    _, singular, vt = np.linalg.svd(centred / math.sqrt(n), full_matrices=False)
    total = np.zeros(m)
    for k, s in enumerate(singular):
        if s**2 > 1 or k == 0:
            total += s**2 * vt[k] * (1 if vt[k].sum() >= 0 else -1)
    return total


def structured(z, spec, dims, periods):
    def shares(columns):
        level = information(columns, spec.weighting, spec.shift, periods)
        return level / level.sum()

    if spec.structure == "flat":
        return shares(z)
    distinct = list(dict.fromkeys(dims))
    inside = [[j for j, e in enumerate(dims) if e == d] for d in distinct]
    inner = [shares(z[:, g]) for g in inside]
    across = np.full(len(distinct), 1 / len(distinct))
    if spec.structure == "nested":
        across = shares(
            np.column_stack([z[:, g] @ w for g, w in zip(inside, inner, strict=True)])
        )
    out = np.empty(z.shape[1])
    for g, w, a in zip(inside, inner, across, strict=True):
        out[g] = a * w
    return out


def combined(z, w, worst, best, aggregate, dims):
    if aggregate == "linear":
        return sum(w * z)
    if aggregate == "geometric":
        return math.prod(v**p for v, p in zip(z, w, strict=True))
    if aggregate == "geometric_dimensions":
        score = 1.0
        for d in set(dims):
            inside = [j for j, e in enumerate(dims) if e == d]
            share = sum(w[j] for j in inside)
            score *= (sum(w[j] * z[j] for j in inside) / share) ** share
        return score
    far = math.sqrt(sum((w * (z - best)) ** 2))
    near = math.sqrt(sum((w * (z - worst)) ** 2))
    return near / (far + near)


DIMENSIONS = {"one": {"a": "+", "b": "+"}, "two": {"c": "-", "d": "+"}}


@pytest.fixture(scope="session")
def system():
    return IndicatorSystem.from_dict(DIMENSIONS)


@pytest.fixture(scope="session")
def posted():
    """The same with goalposts around everything `make_frame` is likely to draw."""
    return IndicatorSystem(
        [
            Indicator(n, d, dimension=k, goalposts=(0.0, 40.0))
            for k, members in DIMENSIONS.items()
            for n, d in members.items()
        ]
    )


@pytest.fixture(scope="session")
def frame_of():
    return make_frame


@pytest.fixture(scope="session")
def brute():
    return Brute


@pytest.fixture(scope="session")
def fit():
    """Fit without warnings."""

    def quiet(system, frame, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DigiprosperWarning)
            return CompositeIndex(system, **options).fit(Panel(frame, "id", "year"))

    return quiet
