"""Conclusions from tests of paths: five steps, types and several mediators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from digiprosper.checks import check_level
from digiprosper.errors import IdentificationError, Notice, cited, notice_of
from digiprosper.kernels import Floats
from digiprosper.kernels.intervals import holm, romano_wolf
from digiprosper.mediation.notices import ratio_notices
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Cells, Lines, Remarks, Summarised, Summary
from digiprosper.report.text import p_text, percent_text
from digiprosper.report.verdicts import rejects


@dataclass(frozen=True, slots=True)
class Test(PickledByName):
    """Estimate, statistic and two-sided p-value of one test against 0."""

    # Pytest collects what is called Test*, wherever it is imported.
    __test__: ClassVar[bool] = False

    estimate: float
    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Decision(Summarised):
    """Conclusion about one mediator from five tests.

    `MediationResults.decision` makes it.

    Parameters
    ----------
    mediator, treatment, outcome : str
        Names of the variables.
    total, a, b, indirect, direct : Test
        Tests of c, a, b, ab and c'.
    level : float
        A test is significant if its p-value is at most 1 - level.
    conventions : str
        Type of the standard errors and draws, as text.
    total_draws_p, direct_draws_p : float
        Bootstrap p-values of c and c', or missing. They are only for remarks.

    Raises
    ------
    IdentificationError
        If a path has no test.
    OptionError
        If `level` is not between 0 and 1.

    Notes
    -----
    Wen and Ye (2014, Advances in Psychological Science 22:731): (1) a significant c is
    framed as mediation, otherwise as masking; (2) if a and b are both significant, go
    to step 4; (3) otherwise, unless ab is significant, there is no indirect effect; (4)
    if c' is not significant, mediation is complete; (5) if ab and c' have the same
    sign, mediation is partial, with the ratio ``ab / c``; if they have opposite signs
    it is masking, with the ratio ``|ab / c'|``. Types are those of Zhao, Lynch and Chen
    (2010, Journal of Consumer Research 37:197). The p-value of ab should be that of its
    bootstrap interval.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
    >>> decision = spec.fit(dp.datasets.us_states(), rng=1).decision()
    >>> decision.branch, decision.ratio_name
    ('complete mediation', None)
    """

    _reported: ClassVar[str] = (
        "mediator treatment outcome branch framing zhao ratio ratio_name level "
        "conventions steps"
    )

    mediator: str
    treatment: str
    outcome: str
    total: Test
    a: Test
    b: Test
    indirect: Test
    direct: Test
    level: float
    conventions: str
    total_draws_p: float = math.nan
    direct_draws_p: float = math.nan

    def __post_init__(self) -> None:
        check_level(self.level)
        for name in ("total", "a", "b", "indirect", "direct"):
            test = getattr(self, name)
            if not math.isfinite(test.estimate) or not 0 <= test.p_value <= 1:
                raise IdentificationError(
                    f"decision on {cited(self.mediator)}: no test of the path "
                    f"{cited(name)} (estimate {test.estimate:g}, p "
                    f"{test.p_value:g}); the fit's diagnostics say why. Choose "
                    "another cov_type, more draws or finer clusters."
                )

    @property
    def steps(self) -> pd.DataFrame:
        """The five steps of Wen & Ye (2014), one row per step.

        Columns are test, estimate, statistic, p_value, passed and reached; steps that
        were not reached are shown too. Step 2 needs both a and b to be significant, and
        shows the one with the larger p-value. Step 3 has the bootstrap p-value and no
        statistic. Step 5 compares signs: it shows ab / c', without statistic and
        p-value.
        """
        name, weaker = self._less_significant_path
        tests = [
            ("total effect c", self.total),
            (f"a and b (weaker: {name})", weaker),
            (
                "indirect effect ab (bootstrap p)",
                replace(self.indirect, statistic=math.nan),
            ),
            ("direct effect c'", self.direct),
            (
                "sign of ab / c'",
                Test(_ratio(self.indirect, self.direct), math.nan, math.nan),
            ),
        ]
        passed = self._passed
        has_indirect = passed[1] or passed[2]
        frame = pd.DataFrame(
            [(name, *astuple(test)) for name, test in tests],
            index=pd.RangeIndex(1, 6, name="step"),
            columns=["test", "estimate", "statistic", "p_value"],
        )
        reached = [True, True, not passed[1], has_indirect, has_indirect and passed[3]]
        return frame.assign(passed=passed, reached=reached)

    @property
    def framing(self) -> str:
        """Conclusion of step 1: "mediation", or "masking (suppression)".

        It is masking if c is not significant.
        """
        return "mediation" if self._passed[0] else "masking (suppression)"

    @property
    def branch(self) -> str:
        """Conclusion of the five steps.

        "no indirect effect", "complete mediation", "partial mediation" or "masking".
        """
        _, paths, indirect, direct, same_sign = self._passed
        if not (paths or indirect):
            return "no indirect effect"
        if not direct:
            return "complete mediation"
        return "partial mediation" if same_sign else "masking"

    @property
    def zhao(self) -> str:
        """Type by Zhao, Lynch & Chen (2010), from the tests of ab and of c'.

        "complementary", "competitive", "indirect-only", "direct-only" or "no effect".
        """
        _, _, indirect, direct, same_sign = self._passed
        if not indirect:
            return "direct-only" if direct else "no effect"
        if not direct:
            return "indirect-only"
        return "complementary" if same_sign else "competitive"

    @property
    def ratio_name(self) -> str | None:
        """Ratio to report: ``"indirect/total"``, ``"|indirect/direct|"`` or None.

        The `branch` decides which.
        """
        return {
            "partial mediation": "indirect/total",
            "masking": "|indirect/direct|",
        }.get(self.branch)

    @property
    def ratio(self) -> float:
        """Value of the ratio `ratio_name`.

        It can exceed 1; it is missing if there is no ratio.
        """
        if self.branch == "partial mediation":
            return _ratio(self.indirect, self.total)
        if self.branch == "masking":
            return abs(_ratio(self.indirect, self.direct))
        return math.nan

    @property
    def diagnostics(self) -> tuple[Notice, ...]:
        """Remarks, for example on a ratio that is not a share."""
        steps = [(1, "c", self.total, self.total_draws_p)]
        of_ratio: dict[str, Any] = {"mediator": self.mediator, "ratio": self.ratio}
        total_differs = self._passed[0]
        notices: list[Notice] = []
        if self.ratio_name is not None:
            notices += ratio_notices(
                **of_ratio, name=self.ratio_name, total_differs=total_differs
            )
        if self.branch != "no indirect effect":
            steps.append((4, "c'", self.direct, self.direct_draws_p))
            if not self._is_significant(self.indirect):
                notices.append(notice_of("readings_differ", **of_ratio))
        for step, name, test, draws_p in steps:
            differs = rejects(draws_p, self.level) != self._is_significant(test)
            if differs and not math.isnan(draws_p):
                notices.append(
                    notice_of(
                        "tests_differ",
                        **of_ratio,
                        _step=step,
                        _name=name,
                        _of_t=p_text(test.p_value),
                        _of_draws=p_text(draws_p),
                    )
                )
        return tuple(notices)

    def _summary(self) -> Summary:
        rows = []
        for step, text, estimate, t, p, passed, reached in self.steps.itertuples(
            name=None
        ):
            answer = ("yes" if passed else "no") if reached else "not reached"
            numbers = [
                "" if math.isnan(v) else f"{v:{form}}"
                for v, form in ((estimate, "z.4g"), (t, "z.2f"))
            ]
            rows.append([f"{step} {text}", *numbers, p_text(p), answer])
        verdict = "is" if self._passed[0] else "is not"
        size = percent_text(1 - self.level)
        total = f"the total effect {verdict} significant at {size}"
        lines = [
            f"Framed as {self.framing}: {total}",
            f"Type (Zhao, Lynch & Chen 2010): {self.zhao}",
        ]
        if self.ratio_name:
            lines.append(f"Ratio {self.ratio_name}: {self.ratio:.3g}")
        return self._titled(
            f"{self.treatment} -> {self.mediator} -> {self.outcome}: {self.branch}",
            Lines(("",)),
            Cells.of(["Wen & Ye (2014)", "estimate", "t", "p", f"at {size}"], rows),
            Lines(tuple(lines)),
            Remarks.of(self.diagnostics),
            wrapped_title=True,
        )

    def _is_significant(self, test: Test) -> bool:
        return rejects(test.p_value, self.level)

    @property
    def _passed(self) -> list[bool]:
        """Tell which of the five steps are passed."""
        _, weaker = self._less_significant_path
        tests = (self.total, weaker, self.indirect, self.direct)
        same_sign = self.indirect.estimate * self.direct.estimate > 0
        return [*map(self._is_significant, tests), same_sign]

    @property
    def _less_significant_path(self) -> tuple[str, Test]:
        tests = ("a", self.a), ("b", self.b)
        return max(tests, key=lambda pair: (pair[1].p_value, -abs(pair[1].statistic)))


def two_step(
    mediators: Sequence[str],
    estimates: Floats,
    std_errors: Floats,
    p_values: Floats,
    draws: Floats,
    *,
    clusters: int | None,
) -> pd.DataFrame:
    """Test the effect on each mediator, with p-values that allow for several tests.

    Jiang (2022, China Industrial Economics (5):100) estimates x -> m alone, where x is
    identified as in x -> y, and argues m -> y from theory. `draws` (B, K) are of the
    same clusters for all mediators. p_holm is of Holm (1979), p_romano_wolf of Romano &
    Wolf (2005) with draws ``(a* - a) / std_error``. A mediator without a standard error
    has neither and does not count; below five clusters p_romano_wolf is missing.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(std_errors > 0, std_errors, np.nan)
        statistics, studentised = estimates / errors, (draws - estimates) / errors
    columns = {
        "estimate": estimates,
        "std_error": std_errors,
        "statistic": statistics,
        "p_value": p_values,
        "p_holm": holm(p_values),
        "p_romano_wolf": romano_wolf(statistics, studentised, clusters=clusters),
    }
    return pd.DataFrame(columns, index=pd.Index(mediators, name="mediator"))


def _ratio(numerator: Test, denominator: Test) -> float:
    zero = denominator.estimate == 0
    return math.nan if zero else float(numerator.estimate / denominator.estimate)
