"""The tests for thresholds as a table of a paper: single, double, triple."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digiprosper.errors import OptionError, check_option, option_problem
from digiprosper.report.columns import Column, PlainCell, Remark
from digiprosper.threshold.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from digiprosper.report.terms import Factors

_NAMES = {1: "Single threshold", 2: "Double threshold", 3: "Triple threshold"}
_CRITICAL = {"10%": "crit_10", "5%": "crit_5", "1%": "crit_1"}


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdTestTable:
    """Tests of one threshold more, a row each, with the critical values that were drawn.

    Made by `ThresholdResults.test_table`; `etable` prints it.

    Parameters
    ----------
    frame : DataFrame
        Indexed by the number of thresholds under the alternative: statistic, value, p_value, reps, crit_10,
        crit_5, crit_1.
    variable : str
        Threshold variable.
    bootstrap : str
        How was drawn.
    labels : mapping
        Labels of columns.
    factors : mapping
        What the threshold variable is a product of.
    """

    frame: pd.DataFrame
    variable: str
    bootstrap: str
    labels: Mapping[str, str] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002  (as of all results)
        """Bring statistics, p-values, draws and critical values to a table.

        Parameters
        ----------
        level : float
            Has no meaning here.

        Returns
        -------
        tuple of Column
            Six; the critical values stand below a head of their own.
        """
        statistic = str(self.frame["statistic"].iloc[0])
        columns = {statistic: "value", "p_value": "p_value", "draws": "reps", **_CRITICAL}
        return tuple(self._column(head, self.frame[name]) for head, name in columns.items())

    def _column(self, head: str, numbers: pd.Series[float]) -> Column:
        rows = (_NAMES.get(int(count), f"{count} thresholds") for count in self.frame.index)
        return Column(
            head,
            cells={row: PlainCell(head, value) for row, value in zip(rows, numbers.tolist(), strict=True)},
            over="critical" if head in _CRITICAL else None,
            labels=self.labels,
            factors=self.factors,
            words=WORDS,
            whole=Remark(f"tests.{self.bootstrap}", {"variable": (self.variable,)}),
        )


def table_of_tests(
    tests: pd.DataFrame,
    variable: str,
    reps: int,
    bootstrap: str | None,
    labels: Mapping[str, str],
    factors: Factors,
) -> ThresholdTestTable:
    """Choose the tests of one bootstrap.

    Parameters
    ----------
    tests : DataFrame
        As in `ThresholdResults.tests`.
    variable : str
        Threshold variable.
    reps : int
        Draws of each test.
    bootstrap : str or None
        Which one; default the first.
    labels : mapping
        Labels of columns.
    factors : mapping
        What the threshold variable is a product of.

    Returns
    -------
    ThresholdTestTable
        The table.

    Raises
    ------
    OptionError
        If nothing was tested, or not by this bootstrap.
    """
    known = tuple(dict.fromkeys(tests["bootstrap"]))
    if not known:
        text = "test_table: nothing was tested (given thresholds, or bootstrap=None). Fit with a bootstrap."
        raise OptionError(text, [option_problem("bootstrap", bootstrap, what="nothing was tested")])
    check_option("bootstrap", bootstrap, (None, *known))
    chosen = tests[tests["bootstrap"] == (bootstrap or known[0])].set_index("threshold").assign(reps=reps)
    return ThresholdTestTable(chosen, variable, bootstrap or known[0], labels, factors)
