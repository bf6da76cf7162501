"""A method that is written here alone, and is printed, drawn, fitted and stored as every other."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt

import digiprosper as dp
from digiprosper.errors import IdentificationError
from digiprosper.present.estimate_plots import draw_effects
from digiprosper.report.columns import (
    Block,
    Column,
    Drawn,
    Estimate,
    Parameter,
    ParameterTest,
    result_column,
)
from digiprosper.report.drawings import Effects
from digiprosper.report.inference import Inference
from digiprosper.report.pickling import PickledByName
from digiprosper.report.protocol import empty_glance
from digiprosper.report.summary import Lines, PlainNumbers, Summarised, Summary, coefficient_cells
from digiprosper.report.terms import Term
from digiprosper.report.words import Words
from digiprosper.specification import Specification

# --- words --------------------------------------------------------------------------------------------------

WORDS = Words(
    english={
        "difference.through": "Mean of {path}, group less others",
        "variance": "variance ratio",
        "variance.row": "Variance ratio",
        "variance.known": "Standard errors let both groups have a variance of their own.",
        "variance.set.exact": "F distribution",
        "variance.numbered": "variance ratio",
        "variance.test.equal": "{statistic} of equal variances",
        "drawn.shuffled": "groups drawn at random",
        "statistic.F": "F",
    }
)

# --- kernel -------------------------------------------------------------------------------------------------


def welch(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Difference of two means, its standard error and degrees of freedom (Welch 1947)."""
    parts = np.array([x.var(ddof=1) / x.size for x in (one, other)])
    df = parts.sum() ** 2 / (parts**2 / np.array([one.size - 1, other.size - 1])).sum()
    return float(one.mean() - other.mean()), float(np.sqrt(parts.sum())), float(df)


# --- specification ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MeanDifference(Specification):
    """Difference of the means of entities between two groups."""

    y: str
    group: str

    def fit(self, panel: dp.Panel, *, rng: object = None, progress: bool = False) -> MeanDifferenceResults:
        sample = panel.sample({"y": (self.y,), "group": (self.group,)})
        y, group = (np.bincount(sample.entity, sample.columns(r)[:, 0]) for r in ("y", "group"))
        counts = np.bincount(sample.entity)
        inside = group / counts > 0.5
        if not 1 < inside.sum() < inside.size - 1:
            raise IdentificationError(f"group={self.group!r} leaves a group with fewer than two entities.")
        one, other = (y / counts)[inside], (y / counts)[~inside]
        estimate, error, df = welch(one, other)
        return MeanDifferenceResults(
            self.y,
            estimate,
            error,
            df,
            sample.nobs,
            inside.size,
            one.var() / other.var(),
            dict(sample.labels),
        )


# --- results ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MeanDifferenceResults(Summarised, PickledByName):
    """One difference of means."""

    depvar: str
    estimate: float
    error: float
    df_t: float
    nobs: int
    n_entities: int
    ratio: float
    labels: dict[str, str]

    @property
    def terms(self) -> tuple[Term, ...]:
        return (Term(f"difference:{self.depvar}", "means", "difference", (self.depvar,)),)

    @property
    def params(self) -> pd.Series:
        return pd.Series([self.estimate], index=[term.name for term in self.terms])

    @property
    def cov(self) -> pd.DataFrame:
        return pd.DataFrame([[self.error**2]], self.params.index, self.params.index)

    @property
    def inference(self) -> Inference:
        return Inference(cov_type="robust", df_t=self.df_t)

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        from scipy.stats import t

        half = t.ppf(0.5 + level / 2, self.df_t) * self.error
        statistic = self.estimate / self.error
        row = [self.estimate, self.error, statistic, 2 * t.sf(abs(statistic), self.df_t)]
        row += [self.estimate - half, self.estimate + half]
        names = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
        return pd.DataFrame([[self.terms[0].name, *row]], columns=["term", *names])

    def glance(self) -> Any:
        known = {"depvar": self.depvar, "n_entities": self.n_entities, "cov_type": "robust"}
        return {
            **empty_glance("Mean difference", self.nobs),
            **known,
            "variance_ratio": self.ratio,
        }

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        test = ParameterTest("F", "equal", self.ratio, 0.25)
        block = Block(
            "variance",
            self.depvar,
            (Parameter(self.ratio, 0.5, 2.0, 1, (test,)),),
            level,
            drawn=Drawn(99, "shuffled"),
            confidence="exact",
        )
        return (replace(result_column(self, level, words=WORDS), blocks=(block,)),)

    def _summary(self) -> Summary:
        return Summary(
            type=type(self).__name__,
            title=f"Difference of means of {self.depvar}",
            blocks=(Lines((f"{self.n_entities} entities",)), coefficient_cells(self.tidy())),
            conventions="Welch standard errors",
        )

    def _numbers(self) -> PlainNumbers:
        return PlainNumbers.of(self, inference=self.inference, labels=self.labels)


# --- figures ------------------------------------------------------------------------------------------------


def difference_drawn(results: MeanDifferenceResults, level: float = 0.95) -> Effects:
    """The numbers of a figure, without matplotlib."""
    name = results.terms[0].name
    return Effects(result_column(results, level), {name: ("Difference",)}, "intervals of Welch", level)


# --- and nothing else had to change -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    frame = dp.datasets.us_states().frame.reset_index()
    states = dp.Panel(frame, "state", "year", labels={"unemp": "Unemployment (%)"})
    return states.assign(large="I(emp > 1500)")


@pytest.fixture(scope="module")
def found(panel: dp.Panel) -> MeanDifferenceResults:
    return MeanDifference("unemp", "large").fit(panel)


def test_the_numbers_are_those_of_scipy(panel: dp.Panel, found: MeanDifferenceResults) -> None:
    from scipy.stats import ttest_ind

    means = panel.frame.groupby(level=0)[["unemp", "large"]].mean()
    inside = means["large"] > 0.5
    want = ttest_ind(means["unemp"][inside], means["unemp"][~inside], equal_var=False)
    tidy = found.tidy().iloc[0]
    assert tidy["p_value"] == pytest.approx(want.pvalue, rel=1e-9)
    assert (tidy["conf_low"], tidy["conf_high"]) == pytest.approx(want.confidence_interval(), rel=1e-9)


def test_it_is_any_result(found: MeanDifferenceResults) -> None:
    assert isinstance(found, dp.Results)


def test_a_table_has_its_row_its_block_and_its_words(panel: dp.Panel, found: MeanDifferenceResults) -> None:
    fit = dp.FixedEffects("unemp", ["log(gsp)"]).fit(panel)
    table = dp.etable({"Means": found, "Regression": fit}, digits=2)
    rows = table.frame["Means"].to_dict()
    assert rows["Mean of Unemployment (%), group less others"].startswith(f"{found.estimate:.2f}")
    assert rows["Variance ratio (Unemployment (%))"] == f"{found.ratio:.2f}"
    assert rows["F of equal variances"] == f"{found.ratio:.2f}"
    assert rows["log(gsp)"] == ""
    assert "Standard errors let both groups have a variance of their own." in table.notes
    assert "Below F of a test: its p-value, 99 draws, groups drawn at random." in table.notes
    chosen = dp.etable([found], keep="difference:*").frame
    assert chosen.index[1] == "Mean of Unemployment (%), group less others"


def test_a_table_has_a_statistic_of_its_own(
    panel: dp.Panel, found: MeanDifferenceResults
) -> None:
    fit = dp.FixedEffects("unemp", ["log(gsp)"]).fit(panel)
    stats = ["nobs", "variance_ratio"]
    labels = {"variance_ratio": "Ratio of variances"}
    frame = dp.etable({"Means": found, "FE": fit}, stats=stats, labels=labels).frame
    assert frame.loc["Ratio of variances"].tolist() == [f"{found.ratio:.3f}", ""]
    assert frame.loc["Observations"].tolist() == ["816", "816"]
    with pytest.raises(dp.OptionError, match="stats='variance_ratio' is not known"):
        dp.etable(fit, stats=stats)


def test_a_battery_fits_it_beside_others(panel: dp.Panel, found: MeanDifferenceResults) -> None:
    spec = MeanDifference("unemp", "large")
    panel = panel.assign(none="I(emp < 0)")
    specs = {"toy": spec, "none": spec.replace(group="none"), "fe": dp.FixedEffects("unemp", ["log(gsp)"])}
    fits = dp.fit_all(specs, panel)
    assert list(fits) == ["toy", "fe"]
    assert fits.compare("difference:unemp")["estimate"].tolist() == [found.estimate]
    assert "not estimated" in dp.etable(fits).frame["none"].tolist()


def test_figures_draw_it(found: MeanDifferenceResults) -> None:
    ax = dp.plots.coefficients(found)
    assert [text.get_text().replace("\n", " ") for text in ax.get_yticklabels()] == [
        "Mean of Unemployment (%), group less others"
    ]
    plt.close(ax.figure)
    ax = draw_effects(difference_drawn(found), None, "toy")
    assert [text.get_text().replace("\n", " ") for text in ax.get_yticklabels()] == ["Difference"]
    assert "Intervals of Welch." in ax.get_xlabel()
    plt.close(ax.figure)


def test_it_is_summarised_and_stored(found: MeanDifferenceResults) -> None:
    text = found.summary()
    assert text.startswith("Difference of means of unemp\n48 entities")
    assert "difference:unemp" in text
    stored = json.loads(json.dumps(found.to_dict()))
    again = Summary.from_dict(stored)
    assert again.to_text() == text
    assert again.params.tolist() == pytest.approx([found.estimate])
    assert "<table" in found._repr_html_()


def test_it_is_pickled_and_copied(found: MeanDifferenceResults) -> None:
    for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert type(other) is MeanDifferenceResults
        assert other.summary() == found.summary()


def test_its_estimate_knows_its_term(found: MeanDifferenceResults) -> None:
    (cell,) = found.table_columns()[0].estimates.values()
    assert isinstance(cell, Estimate)
    assert (cell.term.family, cell.term.kind, cell.term.path) == ("means", "difference", ("unemp",))
