"""Results of double machine learning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from digiprosper.linear.results import LinearResults
from digiprosper.report.columns import Column, Remark, result_column
from digiprosper.report.results import FitResults
from digiprosper.report.summary import Cells, Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import slope_terms
from digiprosper.report.words import Words, read_words

WORDS = read_words(__file__)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class DMLResults(FitResults):
    """Results of `PanelDML`: an estimate of the effect of the treatment per learner.

    Parameters
    ----------
    estimated : Estimates
        Median over seeds for each learner, by its name, with standard errors that allow
        for the differences between seeds.
    treatment : str
        The treatment, whose slope all learners estimate.
    instrument : str or None
        The instrument of the treatment, if there is one.
    controls : tuple of str
        Terms of the controls.
    transform : str
        The option of the specification.
    folds : int or str
        Number of folds that were drawn, ``"fixed"`` or ``"none"``.
    runs : DataFrame
        All runs: seed, learner, estimate, std_error, r2_y and r2_d. The last two are
        the shares of the variance of outcome and treatment that are predicted out of
        fold, after the transformation. With an instrument there are its r2_z, and
        first_stage_f, the squared t statistic of its residual in a regression of that
        of the treatment.
    fixed_effects : dict of LinearResults
        Fixed effects on the same rows with controls as they are (``"linear"``) and with
        their squares and products (``"dictionary"``); with an instrument, two-stage
        least squares.
    info : Glance
        Summary numbers of the fit.
    labels : mapping
        Labels of columns.
    factors : mapping
        Factors of outcome, effects, clusters and regressors, by name.
    key_names : pair of str or None
        Names of the entity key and the time key.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from sklearn.linear_model import LinearRegression
    >>> spec = dp.PanelDML(
    ...     "log(gsp)", "log(pc)", ["unemp"], learners={"ols": LinearRegression()}
    ... )
    >>> fit = spec.fit(dp.datasets.us_states(), rng=1)
    >>> fit.comparison.round(2)["estimate"].to_dict()
    {'ols': 0.66, 'FE, linear': 0.66, 'FE, squares and products': 0.66}
    """

    words: ClassVar[Words] = WORDS
    _rows_key: ClassVar[str] = "learners"

    treatment: str
    instrument: str | None
    controls: tuple[str, ...]
    transform: str
    folds: int | str
    runs: pd.DataFrame
    fixed_effects: dict[str, LinearResults]

    @property
    def comparison(self) -> pd.DataFrame:
        """Learners and, below them, fixed effects.

        Columns estimate, std_error, r2_y and r2_d, and with an instrument r2_z and
        first_stage_f. An R2 and an F are medians over seeds; the R2 is missing for
        fixed effects.
        """
        by_learner = self.runs.drop(columns="seed").groupby("learner", sort=False)
        frame = by_learner.median().assign(std_error=self.std_errors)
        for name, fit in self.fixed_effects.items():
            beside = {
                "estimate": fit.params[self.treatment],
                "std_error": fit.std_errors[self.treatment],
                "first_stage_f": fit.glance()["kp_rk_f"],
            }
            frame.loc[WORDS.say(self._heading(name))] = pd.Series(beside)
        return frame.rename_axis("learner")

    @property
    def spread(self) -> dict[str, Any]:
        """Ranges of the estimates, in standard errors.

        ``"seeds"`` is a dict by learner: the range over seeds in its standard errors.
        ``"learners"`` is the range over learners in the median of theirs.
        """
        estimates = self.runs.groupby("learner", sort=False)["estimate"]
        # Errors of zero, where the treatment is the outcome, are no unit.
        with np.errstate(divide="ignore", invalid="ignore"):
            ranges = (estimates.max() - estimates.min()) / self.std_errors
            between = np.ptp(self.coefficients) / np.median(self.std_errors)
        return {"seeds": ranges.to_dict(), "learners": float(between)}

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return a column of a table per learner, and beside them fixed effects.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            One per learner, then those of fixed effects with linear controls and with
            their squares and products.
        """
        (base,) = FitResults.table_columns(self, level)
        (term,) = slope_terms([self.treatment], self.factors)
        measures: Any = self.comparison.drop(columns=["estimate", "std_error"])
        columns = [
            replace(
                base,
                head=name,
                estimates={term.name: base.estimates[name]._replace(term=term)},
                set_rows=tuple(
                    (Remark(f"stat.{key}", {}, WORDS), value)
                    for key, value in measures.loc[name].items()
                ),
            )
            for name in self.names
        ]
        for name, fit in self.fixed_effects.items():
            column = result_column(fit, level)
            columns.append(
                replace(
                    column,
                    named=Remark(self._heading(name), {}, WORDS),
                    estimates={term.name: column.estimates[term.name]},
                    constant=None,
                    remarks=(),
                )
            )
        return tuple(replace(column, adjusted=self.controls) for column in columns)

    def _heading(self, name: str) -> str:
        """Return the code for the words of fixed effects beside."""
        return f"column.{name}" if self.instrument is None else f"column.iv.{name}"

    def _remarks(self) -> tuple[Remark, ...]:
        """Describe transformation, folds and seeds, and what differs, below a table."""
        seeds = self.runs["seed"].nunique()
        folds = "drawn" if isinstance(self.folds, int) else self.folds
        count = {"count": (f"{self.folds}",), "clusters": self.inference.clusters}
        several = "seeds.several" if seeds > 1 else "seeds.one"
        method = Remark(
            "note.method" if self.instrument is None else "note.iv",
            {
                "transform": (Remark(f"note.{self.transform}", {}),),
                "folds": (Remark(f"folds.{folds}", count),),
                "seeds": (Remark(several, {"count": (f"{seeds}",)}),),
                "treatment": (self.treatment,),
                "instrument": (str(self.instrument),),
            },
        )
        return (method, *self._notice_remarks())

    def _summary(self) -> Summary:
        info, frame = self.info, self.comparison
        instrumented = (
            "" if self.instrument is None else f", instrumented by {self.instrument}"
        )
        rows = (
            f"Effect of {self.treatment}{instrumented}, with learned controls: "
            f"{', '.join(self.controls)}. {info['nobs']:,} rows, "
            f"{info['n_entities']:,} entities, {info['n_times']:,} periods"
        )
        cells = frame.map(lambda v: "" if np.isnan(v) else f"{v:z.4f}")
        return self._titled(
            f"Double machine learning, outcome: {info['depvar']}",
            Lines((rows,), wrapped=True),
            coefficient_cells(self.tidy()),
            Cells.of(["", *frame.columns], cells.itertuples()),
            Remarks.of(self.diagnostics),
            settings=f"transform={self.transform}, folds={self.folds}, medians over "
            f"{self.runs['seed'].nunique()} seeds",
        )
