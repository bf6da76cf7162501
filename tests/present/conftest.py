from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from digiprosper.errors import TermError
from digiprosper.mediation.words import WORDS
from digiprosper.panel.terms import crossed, crossed_factors
from digiprosper.report.columns import Column, result_column
from digiprosper.report.labels import effect_names
from digiprosper.report.protocol import empty_glance
from digiprosper.threshold.results import ThresholdResults

if TYPE_CHECKING:
    from collections.abc import Iterable

    from digiprosper.report.terms import Factor, Term

COLUMNS = [
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
]


def described(names: Iterable[str]) -> dict[str, tuple[Factor, ...]]:
    """Read names as terms, as a panel does that has columns of the words in them."""
    actual = ((name, _factors(name)) for name in names)
    return {name: factors for name, factors in actual if factors}


def _factors(name: str) -> tuple[Factor, ...]:
    known = re.findall(r"\b[^\W\d]\w*\b(?!\()", name)
    try:
        return crossed_factors(crossed(name, known, "x"))
    except TermError:
        return ()


@dataclass
class Fit:
    """Results with chosen numbers: term -> (estimate, standard error, p-value)."""

    numbers: dict[str, tuple[float, float, float]]
    labels: dict[str, str] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    bandwidth: int | None = None
    n_clusters: tuple[int, ...] = ()
    equation: Term | None = None

    @property
    def params(self) -> pd.Series:
        return pd.Series({t: b for t, (b, _, _) in self.numbers.items()})

    @property
    def cov(self) -> pd.DataFrame:
        names = list(self.numbers)
        return pd.DataFrame(
            np.diag([s**2 for _, s, _ in self.numbers.values()]), names, names
        )

    @property
    def nobs(self) -> int:
        return 1234

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        wide = {0.95: 2.0, 0.5: 0.5}[level]
        rows = [
            (t, b, s, b / s, p, b - wide * s, b + wide * s)
            for t, (b, s, p) in self.numbers.items()
        ]
        return pd.DataFrame(rows, columns=COLUMNS)

    def glance(self) -> dict[str, Any]:
        known = {
            "depvar": "gdp",
            "n_entities": 31,
            "n_clusters": 31,
            "cov_type": "clustered",
            "clusters": "province",
            "ssc": "reghdfe",
            "effects": "province+year",
            "rsquared_within": 0.51234,
        }
        return {**empty_glance("FixedEffects", self.nobs), **known, **self.info}

    @property
    def factors(self) -> dict[str, tuple[Factor, ...]]:
        about = self.glance()
        effects, clusters = (
            effect_names(about["effects"]),
            effect_names(about["clusters"]),
        )
        links = chain.from_iterable(term.path for term in getattr(self, "terms", ()))
        named = [about["depvar"], about["obs_weights"]]
        return described(
            [*self.numbers, *effects, *clusters, *links, *filter(None, named)]
        )


@dataclass
class DrawnFit(Fit):
    @property
    def draws(self) -> pd.DataFrame:
        return pd.DataFrame(
            np.zeros((1999, len(self.numbers))), columns=list(self.numbers)
        )


@dataclass
class EffectFit(DrawnFit):
    """Effects of a mediation, each with the numbers one."""

    terms: tuple[Term, ...] = ()

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        return (result_column(self, level, words=WORDS),)


def effect_fit(*terms: Term) -> EffectFit:
    return EffectFit({term.name: (1, 1, 1) for term in terms}, terms=terms)


def threshold_fit(
    slopes: Fit,
    estimates: tuple[float, ...] = (0.61, 0.53),
    rule: str = "<=",
    *,
    given: bool = False,
    bootstrap: tuple[str, ...] = ("wild_cluster",),
) -> Any:
    bootstrap = () if given else bootstrap
    m = len(estimates)
    candidates = np.round(np.arange(0.40, 0.80, 0.01), 2)
    profiles = np.full((m, candidates.size), 30.0)
    for j, value in enumerate(estimates):
        profiles[j] = 10 + 20 * np.abs(candidates - value)
        # a second piece of the confidence set, far from the estimate
        profiles[j, 3] = 10.1
    return ThresholdResults(
        threshold_variable="urban",
        regime_dependent=("digital",),
        slopes=slopes,
        estimates=np.array(estimates),
        search_ssr=np.array([14.0, 12.0, 11.0])[: m + 1],
        null_ssr=np.array([14.0, 12.0])[:m],
        stage_estimates=tuple(tuple(estimates[:j]) for j in range(1, m + 1)),
        candidates=candidates,
        profiles=profiles,
        fit_ssr=10.0,
        df=200.0,
        df_rule="hansen",
        given=given,
        trim=(0.05,),
        grid=None,
        search="sequential",
        bootstrap=bootstrap,
        statistic_values=np.tile(
            (np.array([14.0, 12.0])[:m] / [12.0, 11.0][:m] - 1) * 200,
            (len(bootstrap), 1),
        ),
        statistic_draws=np.tile(np.linspace(0, 30, 2999), (len(bootstrap), m, 1)),
        reps=2999,
        rng_entropy=1,
        level=0.95,
        confidence="lr",
        variance_ratios=np.ones(m),
        lr_bounds=np.empty((m, 0)),
        rule=rule,
        regime_codes=np.ones(4, dtype=np.intp),
        regime_sizes=np.ones((m + 1, 2), dtype=np.intp),
        split_names=(),
        diagnostics=(),
    )


@pytest.fixture
def make_fit() -> type[Fit]:
    return Fit


@pytest.fixture
def make_drawn() -> type[DrawnFit]:
    return DrawnFit


@pytest.fixture
def make_effects() -> Any:
    return effect_fit


@pytest.fixture
def make_threshold() -> Any:
    return threshold_fit


@pytest.fixture
def one_way() -> Fit:
    return Fit({"digital": (0.1234, 0.04, 0.002)}, info={"effects": "province"})


@pytest.fixture
def two_way() -> Fit:
    return Fit({"digital": (0.1034, 0.05, 0.04), "edu": (-0.04, 0.03, 0.0001)})


ZH = {
    "gdp": "共同富裕指数",
    "digital": "数字经济发展水平",
    "edu": "人力资本水平",
    "urban": "城镇化率",
    "province": "省份",
    "year": "年份",
}


@pytest.fixture
def zh() -> dict[str, str]:
    return dict(ZH)
