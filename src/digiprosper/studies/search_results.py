"""The test of a searched specification, with all specifications."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from digiprosper.report.columns import Column, Remark
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import (
    Cells,
    Lines,
    PlainNumbers,
    Remarks,
    Summarised,
    Summary,
)
from digiprosper.report.tests import TestResult
from digiprosper.report.text import conventions, p_text, p_words
from digiprosper.studies.control_set_results import ControlSample, ControlSet
from digiprosper.studies.words import WORDS

# Rows of a table below the estimate
_ROWS = ("statistic", "p_reported", "best", "specifications", "significant", "p_value")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SearchTest(Summarised, PickledByName):
    """A reported specification among all that could have been reported.

    Made by `search_test`.

    Parameters
    ----------
    test : TestResult
        `statistic` is the absolute t statistic of the reported specification, `draws`
        are the largest absolute t statistics of all specifications in outcomes without
        an effect, and `p_value` is the share of draws at least as large. `detail` has
        the ``term``; the number of ``specifications`` and the share that is
        ``significant``; of the ``reported`` specification its ``estimate``, its signed
        ``statistic``, its own p-value ``p_reported`` and its ``position``, the share of
        estimates that are not larger; label, signed statistic and adjusted p-value of
        the ``best`` one (``best_statistic``, ``best_p_value``); and ``without_star``,
        the set without a star that differs in the fewest controls from the reported
        specification, the one with the largest p-value if there are several. It is None
        if the reported one has no star, or all have one.
    frame : DataFrame
        One row per specification, the smallest estimate first: model (the label),
        controls, estimate, std_error, statistic, p_value, conf_low, conf_high, nobs,
        and band_low and band_high, between which the estimate of this rank is in the
        draws.
    included : DataFrame of bool
        Which candidates are in which set, with labels in the rows.
    left_out : tuple of str
        Sets that are not searched, because their columns are collinear or nearly so.
    common : ControlSample
        What is the same in all sets.
    level : float
        Confidence level of intervals, band and stars.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)"])
    >>> panel = dp.datasets.us_states()
    >>> found = dp.search_test(spec, panel, ["log(emp)", "unemp"], rng=1)
    >>> found.frame["model"].tolist()
    ['log(emp)', 'log(emp) + unemp', 'unemp', '(none)']
    >>> found.test.detail["best"], found.test.detail["without_star"]
    ('unemp', 'log(emp)')
    """

    test: TestResult
    frame: pd.DataFrame
    included: pd.DataFrame
    left_out: tuple[str, ...]
    common: ControlSample
    level: float

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table: the reported estimate and both p-values.

        Parameters
        ----------
        level : float
            Confidence level of the interval, .95 by default.

        Returns
        -------
        tuple of Column
            One column, with rows and a note that say what was searched.
        """
        detail: Any = self.test.detail
        row: Any = self.frame.set_index("model").loc[detail["reported"]]
        numbers = row["controls"], row["estimate"], row["std_error"]
        reported = ControlSet.of(*numbers, self.common.inference.df_t, self.common)
        (column,) = reported.table_columns(level)
        names = {n: (f"{detail[n]:,}",) for n in ("specifications", "clusters", "reps")}
        names["alpha"] = (f"{1 - self.level:.4g}",)
        best = abs(detail["best_statistic"])
        values = detail | {"best": best, "p_value": self.test.p_value}
        rows = tuple((Remark(f"search.{c}", names, WORDS), values[c]) for c in _ROWS)
        return (replace(column, whole=Remark("search", names, WORDS), set_rows=rows),)

    def _summary(self) -> Summary:
        detail: Any = self.test.detail
        models = self.frame.set_index("model").to_dict("index")
        limit = f"{1 - self.level:.4g}"
        rank = 1 + (self.frame["statistic"].abs() > self.test.statistic).sum()
        draws = "all " * detail["enumerated"] + f"{detail['reps']:,} draws"
        named = (
            ("Reported", detail["reported"], self.test.p_value),
            ("Largest |t|", detail["best"], detail["best_p_value"]),
        )
        rows = []
        for name, label, searched_p in named:
            model = models[label]
            numbers = f"{model['estimate']:z.5g}", f"{model['statistic']:z.2f}"
            rows.append([name, *numbers, p_text(model["p_value"]), p_text(searched_p)])
        lines = [
            "",
            *(f"{name}: {label}." for name, label, _ in named),
            f"p-values are <= {limit} in {detail['significant']:.1%} of the "
            "specifications.",
            f"Rank of the reported |t|: {rank:,} of {len(models):,}.",
        ]
        if (other := detail["without_star"]) is not None:
            p = p_words(models[other]["p_value"])
            lines.append(f"Nearest set of controls with p > {limit}: {other} ({p}).")
        if self.left_out:
            lines.append(
                f"Not searched because of collinear columns: {len(self.left_out):,} "
                "sets (left_out)."
            )
        return self._titled(
            f"{detail['term']} in {detail['specifications']:,} specifications of "
            f"{self.common.glance['depvar']}. H0: {self.test.null}",
            Cells.of(["", "estimate", "t", "p", "searched p"], rows),
            Lines(tuple(lines), wrapped=True),
            Remarks.of(
                self.test.diagnostics,
                f"Searched p: share of {draws} without an effect in which the largest "
                "|t| of all specifications is at least as large (restricted wild "
                f"cluster bootstrap, {detail['weights']} weights of "
                f"{detail['clusters']} clusters).",
            ),
            wrapped_title=True,
            notices=self.test.diagnostics,
            conventions=conventions(replace(self.common.inference, df_counted=None)),
            settings=f"rng {detail['rng_entropy']}",
            version=str(self.common.glance["version"]),
        )

    def _numbers(self) -> PlainNumbers:
        more: dict[str, Any] = {
            "test": self.test.to_dict(),
            "specifications": self.frame.to_dict("records"),
            "left_out": list(self.left_out),
            "level": self.level,
        }
        return self.common.with_numbers(more)
