"""Estimates of one coefficient with many sets of controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_level
from digiprosper.errors import Notice, cited, counted, number_text
from digiprosper.kernels import Floats
from digiprosper.kernels.intervals import delta
from digiprosper.report.collection import ResultSet
from digiprosper.report.columns import Column, Estimate, Remark, result_column
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.pickling import PickledByName
from digiprosper.report.protocol import Glance
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import (
    Cells,
    Lines,
    PlainNumbers,
    Remarks,
    Summarised,
    Summary,
    coefficient_cells,
)
from digiprosper.report.terms import Factors, Term
from digiprosper.report.text import conventions, p_text, sample_text
from digiprosper.report.verdicts import rejects
from digiprosper.report.words import Words
from digiprosper.studies.words import WORDS

NO_CANDIDATE = "(none)"
_JOIN = " + "
_NO_CHOICE = (
    "p-values are those of each model by itself. None allows for a choice among the "
    "sets: report the whole distribution, and give a reason for every control "
    "that is chosen."
)
_FREEDOM = (
    "The degrees of freedom of t fall with each control; those below are of the model "
    "without candidates."
)
_BY_CONTROL = (
    "Sets with and without each control; p <= .05 counts those with the median's sign"
)
_NUMBERS = Estimate._fields[1:]
_QUARTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def set_label(controls: Sequence[str]) -> str:
    """Name a set of controls: "a + b", or "(none)"."""
    return _JOIN.join(controls) or NO_CANDIDATE


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ControlSample(PickledByName):
    """What is the same in all models of `control_sets`.

    x: regressors of all models, including that of the coefficient
    glance: summary numbers of the model without candidates, on the common rows
    factors: factors of each interaction, by name
    """

    term: Term
    x: tuple[str, ...]
    glance: Mapping[str, Any]
    key_names: tuple[str, str | None]
    inference: Inference
    labels: Mapping[str, str] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)

    def with_numbers(self, more: Mapping[str, Any]) -> PlainNumbers:
        """Join other numbers with the inference, labels and factors."""
        return PlainNumbers(
            inference=self.inference,
            labels=self.labels,
            factors=self.factors,
            more=more,
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ControlSet(BaseResults):
    """Estimate of one coefficient with one set of controls.

    Other coefficients of the model are not kept.
    ``spec.add(*sets[label].controls).fit(panel)`` estimates them, on all rows that are
    complete for this model.

    Parameters
    ----------
    controls : tuple of str
        The candidates in the model.
    estimated : Estimates
        The coefficient, with its standard error and the degrees of freedom of its t
        test.
    common : ControlSample
        What is the same in all models.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)"])
    >>> sets = dp.control_sets(spec, dp.datasets.us_states(), ["log(emp)", "unemp"])
    >>> sets["unemp"].controls, round(sets["unemp"].estimate, 3)
    (('unemp',), 0.664)
    """

    words: ClassVar[Words] = WORDS
    _rows_key: ClassVar[str] = "coefficients"

    controls: tuple[str, ...]
    estimated: Estimates
    common: ControlSample

    @classmethod
    def of(
        cls,
        controls: tuple[str, ...],
        estimate: float,
        std_error: float,
        df_t: float,
        common: ControlSample,
    ) -> Self:
        """Take the coefficient, its standard error and its degrees of freedom of t."""
        inference = common.inference
        if df_t != inference.df_t:
            inference = replace(inference, df_t=df_t)
        estimated = Estimates(
            names=(common.term.name,),
            coefficients=np.array([estimate]),
            root=np.array([[std_error]]),
            middle=np.ones((1, 1)),
            inference=inference,
        )
        return cls(controls, estimated, common)

    @property
    def estimate(self) -> float:
        """The coefficient."""
        return float(self.coefficients[0])

    @property
    def std_error(self) -> float:
        """Standard error of the coefficient."""
        return float(self.estimated.std_errors()[0])

    @property
    def diagnostics(self) -> tuple[Notice, ...]:
        """Remarks about the fit; `ControlSets` has those of all models."""
        return ()

    @property
    def nobs(self) -> int:
        """Number of rows, the same in all models."""
        return int(self.common.glance["nobs"])

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of the coefficient."""
        return (self.common.term,)

    @property
    def key_names(self) -> tuple[str, str | None]:
        """Names of the entity key and of the time key."""
        return self.common.key_names

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of columns."""
        return self.common.labels

    @property
    def factors(self) -> Factors:
        """Factors of outcome, effects, clusters and regressors, by name."""
        return self.common.factors

    def glance(self) -> Glance:
        """Return summary numbers of the fit.

        Returns
        -------
        Glance
            A mapping with the same keys for all types of results. R2 and similar
            numbers are None, because they are not computed.
        """
        model_numbers = {"model": "FixedEffects", "df_t": self.df_t}
        return cast("Glance", {**self.common.glance, **model_numbers})

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, whose title has the names of the controls.

        Parameters
        ----------
        level : float
            Confidence level of the interval, .95 by default.

        Returns
        -------
        tuple of Column
            One column with the coefficient.
        """
        return (replace(result_column(self, level), head=set_label(self.controls)),)

    def _summary(self) -> Summary:
        head = (f"Controls: {set_label(self.controls)}", _sample_line(self.common), "")
        return self._titled(
            f"Outcome: {self.common.glance['depvar']}",
            Lines(head, wrapped=True),
            coefficient_cells(self.tidy()),
            version=str(self.common.glance["version"]),
        )

    def _more_numbers(self) -> dict[str, Any]:
        return {"controls": list(self.controls)}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ControlSets(Summarised, ResultSet):
    """Estimates of one coefficient with each set of controls, made by `control_sets`.

    It is a `ResultSet` of `ControlSet`, with the smallest sets first. A label lists the
    candidates in the model, in the order in which they were given, such as ``"a + b"``;
    it is ``"(none)"`` without candidates. Sets that could not be estimated are in
    `failures`.

    Parameters
    ----------
    outcomes : tuple of pairs
        Label and result of each set, or its error.
    candidates : tuple of str
        Controls that were added.
    included : DataFrame of bool
        Which candidates are in which set, with labels in the rows and candidates in the
        columns. It includes the sets in `failures`.
    common : ControlSample
        What is the same in all models.
    diagnostics : tuple of Notice
        Remarks about the data and the models.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)"])
    >>> sets = dp.control_sets(spec, dp.datasets.us_states(), ["log(emp)", "unemp"])
    >>> sets.labels
    ('(none)', 'log(emp)', 'unemp', 'log(emp) + unemp')
    >>> int(sets.distribution()["n_sets"])
    4
    """

    candidates: tuple[str, ...]
    included: pd.DataFrame
    common: ControlSample
    diagnostics: tuple[Notice, ...] = ()

    @property
    def term(self) -> str:
        """Name of the coefficient."""
        return self.common.term.name

    @property
    def nobs(self) -> int:
        """Number of rows, the same in all models."""
        return int(self.common.glance["nobs"])

    @property
    def table_notes(self) -> tuple[Remark, ...]:
        """Note of a table: the number of sets, and a warning on their p-values."""
        names = {
            "about": (self._about(),),
            "sets": (str(len(self.outcomes)),),
            "candidates": (str(len(self.candidates)),),
        }
        return (Remark("control_sets", names, WORDS),)

    @property
    def frame(self) -> pd.DataFrame:
        """Estimates, one row per set that was estimated.

        Columns are model (the label), controls (a tuple), n_controls, estimate,
        std_error, statistic, p_value, conf_low and conf_high (95%), and nobs.
        `included` has the controls as columns of True and False.
        """
        out = self._frame()
        out.insert(2, "n_controls", list(map(len, out["controls"])))
        return out

    def _frame(self, level: float = 0.95) -> pd.DataFrame:
        """Return estimates with the controls and the number of rows."""
        controls = [model.controls for model in self.values()]
        out = self.tidy(level).drop(columns="term").assign(nobs=self.nobs)
        out.insert(1, "controls", pd.Series(controls, dtype=object))
        return out

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Return a table with one row per set that was estimated.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            Columns model, term, estimate, std_error, statistic, p_value, conf_low and
            conf_high.
        """
        values = [
            (model.estimate, model.std_error, model.df_t) for model in self.values()
        ]
        numbers = _numbers(np.array(values).reshape(-1, 3), level)
        return numbers.assign(model=list(self), term=self.term)[
            ["model", "term", *_NUMBERS]
        ]

    def distribution(self, level: float = 0.95) -> pd.Series[float]:
        """Summarise the estimates of all sets.

        Parameters
        ----------
        level : float
            A coefficient counts as significant if ``p <= 1 - level``; .95 by default.

        Returns
        -------
        Series
            Numbers of sets n_sets and n_estimated; min, q25, median, q75 and max of the
            estimates; and the shares of sets with positive, negative,
            positive_significant and negative_significant estimates.

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)"])
        >>> sets = dp.control_sets(
        ...     spec, dp.datasets.us_states(), ["log(emp)", "unemp"]
        ... )
        >>> sets.distribution()[["min", "max", "positive_significant"]].round(
        ...     3
        ... ).tolist()
        [0.148, 0.718, 0.5]
        """
        numbers = self.tidy(level)
        estimates, significant = numbers["estimate"], _significant(numbers, level)
        names = ("min", "q25", "median", "q75", "max")
        signs = {"positive": estimates > 0, "negative": estimates < 0}
        values = {
            "n_sets": len(self.outcomes),
            "n_estimated": len(numbers),
            **dict(zip(names, estimates.quantile(_QUARTILES), strict=True)),
            **{sign: chosen.mean() for sign, chosen in signs.items()},
            **{
                f"{sign}_significant": (chosen & significant).mean()
                for sign, chosen in signs.items()
            },
        }
        return pd.Series(values, name=self.term, dtype=np.float64)

    def by_control(self, level: float = 0.95) -> pd.DataFrame:
        """Compare the sets with each candidate and those without it.

        Parameters
        ----------
        level : float
            A coefficient counts as significant if ``p <= 1 - level``; .95 by default.

        Returns
        -------
        DataFrame
            One row per candidate. ``n_with`` is the number of sets with it;
            ``median_with`` and ``median_without`` are medians of the estimates.
            ``significant_with`` and ``significant_without`` are the shares of sets
            whose estimate is significant and has the sign of the median of all sets. A
            number is missing if there is no such set.

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)"])
        >>> sets = dp.control_sets(
        ...     spec, dp.datasets.us_states(), ["log(emp)", "unemp"]
        ... )
        >>> sets.by_control()[["median_with", "median_without"]].round(
        ...     2
        ... ).values.tolist()
        [[0.16, 0.69], [0.41, 0.43]]
        """
        numbers = self.tidy(level)
        estimates = numbers["estimate"]
        as_median = np.sign(estimates) == np.sign(estimates.median())
        significant = _significant(numbers, level) & as_median
        rows = [
            {
                "n_with": int(inside.sum()),
                "median_with": estimates[inside].median(),
                "median_without": estimates[~inside].median(),
                "significant_with": significant[inside].mean(),
                "significant_without": significant[~inside].mean(),
            }
            for inside in self.included.loc[numbers["model"]].to_numpy().T
        ]
        return pd.DataFrame(rows, index=pd.Index(list(self.candidates), name="control"))

    def _about(self) -> str:
        candidates = counted(len(self.candidates), "candidate control")
        return f"{counted(len(self.outcomes), 'set')} of {candidates}"

    def _summary(self) -> Summary:
        head = (
            f"Outcome: {self.common.glance['depvar']}. In every model: "
            f"{', '.join(self.common.x)}.",
            f"Effects: {self.common.glance['effects'] or 'none (intercept)'}.",
            f"{_sample_line(self.common)}: the same rows in every model.",
            *([_failed_line(self.failures)] if self.failures else []),
            *([_FREEDOM] if len({model.df_t for model in self.values()}) > 1 else []),
            "",
        )
        return self._titled(
            f"Estimates of {self.term} beside {self._about()}",
            Lines(head, wrapped=True),
            *(self._tables() if len(self) else ()),
            Remarks.of(self.diagnostics, _NO_CHOICE),
            wrapped_title=True,
            conventions=conventions(self.common.inference),
            version=str(self.common.glance["version"]),
        )

    def _tables(self) -> tuple[Cells | Lines, ...]:
        """Tabulate the distribution, the signs, and the role of each candidate."""
        distribution = self.distribution()
        every = set_label(self.candidates)
        ends = {NO_CANDIDATE: "No candidate", every: "All candidates"}
        models = [
            [name, *_texts(self[label].tidy())]
            for label, name in ends.items()
            if label in self
        ]
        quantiles = {"min": "Smallest", "median": "Median", "max": "Largest"}
        points = [
            [name, number_text(distribution[quantile], 5), "", ""]
            for quantile, name in quantiles.items()
        ]
        signs = [
            [name, *(f"{distribution[name + end]:.1%}" for end in ("", "_significant"))]
            for name in ("positive", "negative")
        ]
        controls = [
            [
                str(row[0]),
                *("" if np.isnan(v) else number_text(v, 5) for v in row[2:4]),
                *("" if np.isnan(v) else f"{v:.1%}" for v in row[4:]),
            ]
            for row in self.by_control().itertuples(name=None)
        ]
        return (
            Cells.of(["", "estimate", "std. error", "p"], [*models, *points]),
            Lines(("", "Shares of the sets")),
            Cells.of(["estimate", "share", "with p <= .05"], signs),
            Lines(("", _BY_CONTROL)),
            Cells.of(
                ["control", "median with", "without", "p <= .05 with", "without"],
                controls,
            ),
        )

    def _numbers(self) -> PlainNumbers:
        more = {
            "term": self.term,
            "candidates": list(self.candidates),
            "distribution": self.distribution().to_dict() if len(self) else {},
            "sets": self.frame.to_dict("records"),
            "failures": {label: str(error) for label, error in self.failures.items()},
        }
        return self.common.with_numbers(more)


def _numbers(values: Floats, level: float) -> pd.DataFrame:
    """Compute t, p and intervals from estimates, errors and df, a row each."""
    estimate, error, df = values.T
    low, high, p = delta(estimate, error, df, check_level(level))
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = (estimate, error, estimate / error, p, low, high)
    return pd.DataFrame(dict(zip(_NUMBERS, columns, strict=True)))


def _significant(numbers: pd.DataFrame, level: float) -> pd.Series[bool]:
    return numbers["p_value"].map(lambda p: rejects(p, level)).astype(bool)


def _texts(tidy: pd.DataFrame) -> list[str]:
    row = tidy.iloc[0]
    p = p_text(row["p_value"])
    return [number_text(row["estimate"], 5), number_text(row["std_error"]), p]


def _sample_line(common: ControlSample) -> str:
    about = common.glance
    return sample_text(
        about["nobs"], about["n_entities"], about["n_times"], common.key_names
    )


def _failed_line(failures: Mapping[str, Exception]) -> str:
    label, error = next(iter(failures.items()))
    first = str(error).split(". ")[0].removesuffix(".")
    return (
        f"{counted(len(failures), 'set')} not estimated, such as "
        f"{cited(label)}: {first}."
    )
