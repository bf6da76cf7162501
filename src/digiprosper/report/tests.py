"""Results of hypothesis tests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from digiprosper.errors import Notice
from digiprosper.kernels import Floats
from digiprosper.report.columns import (
    Column,
    PlainCell,
    Remark,
    remark_text,
    test_remark,
)
from digiprosper.report.summary import (
    Block,
    Lines,
    PlainNumbers,
    Remarks,
    Summarised,
    Summary,
    stored_factors,
)
from digiprosper.report.terms import Factors
from digiprosper.report.text import p_words
from digiprosper.report.words import NOTES, TABLE

# What stands before the number where the name of the distribution would not say which
# statistic it is.
_SYMBOLS = {
    "normal": "z",
    "bootstrap": "statistic",
    "permutation": "statistic",
    "placebo": "statistic",
    "simulated": "statistic",
}
# What is said of a test by another method.
_PRINTED = {
    "stata": "Stata prints",
    "plm": "The R package plm prints",
    "csdid": "csdid prints",
    "did_imputation": "did_imputation prints",
    "f": "With G - 1 degrees of freedom:",
    "xtscc": "With the covariance of xtscc:",
    "chi2": "With the distribution of many clusters:",
    "classical": "Classical test, as Stata's hausman prints:",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TestResult(Summarised):
    """Result of a hypothesis test.

    Parameters
    ----------
    name : str
        Name of the test.
    statistic : float
        Value of the statistic.
    distribution : str
        Distribution under the null hypothesis: ``"F"``, ``"t"``, ``"chi2"``,
        ``"normal"``, ``"bootstrap"``, ``"permutation"``, ``"placebo"`` or
        ``"simulated"``.
    df : float, pair of float or None
        Degrees of freedom.
    p_value : float
        Probability of a statistic at least as extreme under the null hypothesis.
    null : str
        The null hypothesis, as text.
    detail : mapping or DataFrame, optional
        More numbers of the test; see the function that computes it.
    draws : ndarray, optional
        Statistics of the draws of a bootstrap, permutation, placebo or simulated test.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    method : str
        How the p-value was computed, if not from the distribution of the statistic.
    alternatives : mapping
        The same hypothesis tested in other ways, by name, such as ``"stata"``: the test
        that Stata prints after the same regression.
    labels, factors : mapping
        Labels of the columns in `name`, and the factors of the terms in it.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> test = spec.fit(dp.datasets.us_states()).wald_test("unemp = 0")
    >>> round(test.statistic, 1), test.df, test.p_value < 0.01
    (25.0, (1.0, 47), True)
    """

    __test__: ClassVar[bool] = False

    name: str
    statistic: float
    distribution: str
    df: float | tuple[float, float] | None
    p_value: float
    null: str
    detail: Mapping[str, Any] | pd.DataFrame | None = None
    draws: Floats | None = None
    diagnostics: tuple[Notice, ...] = ()
    method: str = ""
    alternatives: Mapping[str, TestResult] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002
        """Return the column of a table: statistic, distribution and p-value.

        The distribution has its degrees of freedom.

        Parameters
        ----------
        level : float
            Not used. All results have this argument.

        Returns
        -------
        tuple of Column
            One column with the name of the test as title.
        """
        values = {
            "statistic": self.statistic,
            "distribution": self._distribution(),
            "p_value": self.p_value,
        }
        cells = {
            TABLE.say(f"test.{code}"): PlainCell(code, value)
            for code, value in values.items()
        }
        return (
            Column(
                self.name,
                cells=cells,
                whole=self._note(),
                named=test_remark(self.name),
                labels=self.labels,
                factors=self.factors,
            ),
        )

    def _note(self) -> Remark | None:
        """Note how the p-value was computed, and that draws give no smaller one."""
        method, name = test_remark(self.method), test_remark(self.name) or self.name
        null = test_remark(self.null)
        if null is not None:
            name = Remark("test.null", {"test": (name,), "null": (null,)}, NOTES)
        reps = self._reps(method)
        is_smallest = reps > 0 and math.isclose(self.p_value, 1 / (reps + 1))
        if not self.method:
            names = {"test": (name,), "count": (f"{reps:,}",)}
            return Remark("test.smallest", names, NOTES) if is_smallest else None
        code = "test.method.smallest" if is_smallest else "test.method"
        if math.isnan(self.p_value):
            code = "test.missing"
        names = {"test": (name,), "method": (method or self.method,)}
        return Remark(code, names, NOTES)

    def _reps(self, method: Remark | None) -> int:
        # The words of a method name its draws, which are not always stored.
        if method is not None:
            (inner,) = method.names.get("method", (method,))
            if isinstance(inner, Remark) and "count" in inner.names:
                return int(str(inner.names["count"][0]).replace(",", ""))
        return 0 if self.draws is None else self.draws.size

    def _distribution(self) -> str:
        """Write the distribution with its degrees of freedom."""
        if self.df is None:
            return self.distribution
        if isinstance(self.df, tuple):
            return f"{self.distribution}({self.df[0]:g}, {self.df[1]:g})"
        return f"{self.distribution}({self.df:g})"

    def _summary(self) -> Summary:
        numbers = self._numbers_text()
        if self.draws is not None and self.distribution == "bootstrap":
            numbers += f" ({self.draws.size:,} bootstrap draws)"
        by = f" ({self.method})" if self.method else ""
        title = f"{self.name}: {numbers}{by}. H0: {self.null}"
        others = tuple(
            f"{_PRINTED[key]} {test._numbers_text()}."
            for key, test in self.alternatives.items()
            if key in _PRINTED and not math.isnan(test.p_value)
        )
        blocks: tuple[Block, ...] = (Lines(others, wrapped=True),) if others else ()
        blocks += (Remarks.of(self.diagnostics),) if self.diagnostics else ()
        return self._titled(title, *blocks)

    def _numbers_text(self) -> str:
        symbol = _SYMBOLS.get(self.distribution, self._distribution())
        return f"{symbol} = {self.statistic:z.4f}, {p_words(self.p_value)}"

    def _numbers(self) -> PlainNumbers:
        names = ("name", "statistic", "distribution", "df", "p_value", "null")
        values = {name: getattr(self, name) for name in names}
        values["method"] = self.method
        values["alternatives"] = {
            key: {name: getattr(test, name) for name in names}
            for key, test in self.alternatives.items()
        }
        to_dict = getattr(self.detail, "to_dict", None)
        return PlainNumbers(
            more={
                **values,
                # A table is one mapping per row.
                "detail": self.detail if to_dict is None else to_dict("records"),
                "column": self._plain_column(),
            }
        )

    def _plain_column(self) -> dict[str, Any]:
        """Return the table column as plain data, to rebuild a stored test from."""
        (column,) = self.table_columns()
        cells = {row: [cell.column, cell.value] for row, cell in column.cells.items()}
        note = (
            remark_text(column.whole, column.words, {}, {})
            if column.whole
            else column.note
        )
        return {
            "head": column.head,
            "cells": cells,
            "note": note,
            "labels": dict(column.labels),
            "factors": stored_factors(column.factors),
        }


def f_test(
    name: str, f: float, df: tuple[float, float], null: str, **more: Any
) -> TestResult:
    """Make a test of an F statistic, with its p-value and `more` fields."""
    from scipy.special import fdtrc

    p_value = float(fdtrc(*df, f)) if np.isfinite(f) else np.nan
    return TestResult(name, float(f), "F", (float(df[0]), df[1]), p_value, null, **more)


def chi2_test(
    name: str, statistic: float, df: float, null: str, **more: Any
) -> TestResult:
    """Make a test of a chi-square statistic, with its p-value and `more` fields."""
    from scipy.special import chdtrc

    p_value = float(chdtrc(df, statistic)) if np.isfinite(statistic) else np.nan
    return TestResult(name, statistic, "chi2", float(df), p_value, null, **more)
