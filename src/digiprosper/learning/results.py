"""Results of double machine learning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd

from digiprosper.errors import Notice
from digiprosper.kernels import Floats
from digiprosper.linear.results import LinearResults
from digiprosper.report.columns import Column, Remark, result_column
from digiprosper.report.estimates import Estimates
from digiprosper.report.protocol import Glance
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import Cells, Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Factors, Term, slope_terms
from digiprosper.report.words import Words, read_words

_FIXED_EFFECTS = {"linear": "linear", "dictionary": "squares and products"}
_MEASURES = {
    "r2_y": "stat.r2_y",
    "r2_d": "stat.r2_d",
    "r2_z": "stat.r2_z",
    "first_stage_f": "stat.first_stage_f",
}
WORDS = read_words(__file__)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class DMLResults(BaseResults):
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
    run_values : dict
        Arrays (S, L) by seed and learner: estimate, std_error, r2_y, r2_d; with an
        instrument also r2_z and first_stage_f.
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

    estimated: Estimates
    treatment: str
    instrument: str | None
    controls: tuple[str, ...]
    transform: str
    folds: int | str
    run_values: dict[str, Floats]
    fixed_effects: dict[str, LinearResults]
    info: Glance
    labels: Mapping[str, str]
    factors: Factors
    key_names: tuple[str, str | None]
    diagnostics: tuple[Notice, ...] = ()

    @property
    def runs(self) -> pd.DataFrame:
        """All runs: seed, learner, estimate, std_error, r2_y and r2_d.

        `r2_y` and `r2_d` are the shares of the variance of outcome and treatment that
        are predicted out of fold, after the transformation. With an instrument there
        are its `r2_z`, and `first_stage_f`, the squared t statistic of its residual in
        a regression of that of the treatment.
        """
        seeds, learners = self.run_values["estimate"].shape
        return pd.DataFrame(
            {
                "seed": np.repeat(np.arange(seeds), learners),
                "learner": list(self.names) * seeds,
                **{name: values.ravel() for name, values in self.run_values.items()},
            }
        )

    @property
    def comparison(self) -> pd.DataFrame:
        """Learners and, below them, fixed effects.

        Columns estimate, std_error, r2_y and r2_d, and with an instrument r2_z and
        first_stage_f. An R2 and an F are medians over seeds; the R2 is missing for
        fixed effects.
        """
        values = {name: np.median(v, axis=0) for name, v in self.run_values.items()}
        values["estimate"] = self.coefficients
        values["std_error"] = np.asarray(self.std_errors, dtype=np.float64)
        frame = pd.DataFrame(values, index=list(self.names))
        model = "FE" if self.instrument is None else "2SLS"
        for name, fit in self.fixed_effects.items():
            beside = {
                "estimate": fit.params[self.treatment],
                "std_error": fit.std_errors[self.treatment],
                "first_stage_f": fit.glance()["kp_rk_f"],
            }
            row = [beside.get(column, np.nan) for column in frame.columns]
            frame.loc[f"{model}, {_FIXED_EFFECTS[name]}"] = row
        return frame.rename_axis("learner")

    @property
    def spread(self) -> dict[str, Any]:
        """Ranges of the estimates, in standard errors.

        ``"seeds"`` is a dict by learner: the range over seeds in its standard errors.
        ``"learners"`` is the range over learners in the median of theirs.
        """
        errors = self.std_errors.to_numpy()
        # Errors of zero, where the treatment is the outcome, are no unit.
        with np.errstate(divide="ignore", invalid="ignore"):
            ranges = np.ptp(self.run_values["estimate"], axis=0) / errors
            between = float(np.ptp(self.coefficients) / np.median(errors))
        return {
            "seeds": dict(zip(self.names, ranges.tolist(), strict=True)),
            "learners": between,
        }

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of each estimate, which has the name of a learner."""
        return slope_terms(self.names, {})

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            A mapping. All types of results have its keys.
        """
        return self.info

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
        (term,) = slope_terms([self.treatment], self.factors)
        base = result_column(self, level)
        remarks = (
            self._method(),
            *(
                Remark(f"note.{code}", {})
                for code in dict.fromkeys(n.code for n in self.diagnostics)
                if f"note.{code}" in WORDS
            ),
        )
        measures = self.comparison.drop(columns=["estimate", "std_error"])
        columns = []
        for name in self.names:
            values = {str(key): value for key, value in measures.loc[name].items()}
            columns.append(
                replace(
                    base,
                    head=name,
                    estimates={
                        self.treatment: base.estimates[name]._replace(term=term)
                    },
                    glance=cast("Glance", {**self.info, **values}),
                    adjusted=self.controls,
                    remarks=(*base.remarks, *remarks),
                    set_rows=tuple(
                        (Remark(code, {}, WORDS), values[key])
                        for key, code in _MEASURES.items()
                        if key in values
                    ),
                )
            )
        codes = {"linear": "column.linear", "dictionary": "column.dictionary"}
        if self.instrument is not None:
            codes = {"linear": "column.iv.linear", "dictionary": "column.iv.dictionary"}
        for name, fit in self.fixed_effects.items():
            column = result_column(fit, level)
            columns.append(
                replace(
                    column,
                    named=Remark(codes[name], {}, WORDS),
                    estimates={self.treatment: column.estimates[self.treatment]},
                    adjusted=self.controls,
                    constant=None,
                    remarks=(),
                )
            )
        return tuple(columns)

    def _method(self) -> Remark:
        """Describe transformation, folds and seeds for the note below a table."""
        clusters = self.inference.clusters
        seeds = len(self.run_values["estimate"])
        if isinstance(self.folds, int):
            folds = Remark(
                "folds.drawn", {"count": (f"{self.folds}",), "clusters": clusters}
            )
        else:
            named = {"clusters": clusters} if self.folds == "fixed" else {}
            folds = Remark(f"folds.{self.folds}", named)
        several = Remark("seeds.several", {"count": (f"{seeds}",)})
        texts: dict[str, tuple[str | Remark, ...]] = {
            "transform": (Remark(f"note.{self.transform}", {}),),
            "folds": (folds,),
            "seeds": (several if seeds > 1 else Remark("seeds.one", {}),),
        }
        if self.instrument is None:
            return Remark("note.method", texts)
        named = {"treatment": (self.treatment,), "instrument": (self.instrument,)}
        return Remark("note.iv", texts | named)

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
        seeds = len(self.run_values["estimate"])
        cells = frame.map(lambda v: "" if np.isnan(v) else f"{v:.4f}")
        return self._titled(
            f"Double machine learning, outcome: {info['depvar']}",
            Lines((rows,), wrapped=True),
            coefficient_cells(self.tidy()),
            Cells.of(["", *frame.columns], cells.itertuples()),
            Remarks.of(self.diagnostics),
            conventions=self._conventions_of(self.inference),
            settings=f"transform={self.transform}, folds={self.folds}, medians over "
            f"{seeds} seeds",
        )
