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

    Made by `ThresholdResults.test_table`; `etable` prints it. `frame` is indexed by the number of thresholds
    under the alternative: statistic, value, p_value, reps, crit_10, crit_5, crit_1.
    """

    frame: pd.DataFrame
    variable: str
    bootstrap: str
    labels: Mapping[str, str] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002  (as of all results)
        """Make the six columns of statistics, p-values, draws and critical values."""
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
    """Make the table of the tests of one bootstrap, by default the first.

    Raises OptionError if nothing was tested, or not by this bootstrap.
    """
    bootstraps = tuple(dict.fromkeys(tests["bootstrap"]))
    if not bootstraps:
        text = "test_table: nothing was tested (given thresholds, or bootstrap=None). Fit with a bootstrap."
        raise OptionError(text, [option_problem("bootstrap", bootstrap, what="nothing was tested")])
    check_option("bootstrap", bootstrap, (None, *bootstraps))
    chosen = (
        tests[tests["bootstrap"] == (bootstrap or bootstraps[0])].set_index("threshold").assign(reps=reps)
    )
    return ThresholdTestTable(chosen, variable, bootstrap or bootstraps[0], labels, factors)
