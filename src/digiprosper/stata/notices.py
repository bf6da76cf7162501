"""Questions of a referee about a do-file: one maker a code; none is a warning.

=========================== ============================================================
code                        data
=========================== ============================================================
no_errors                   line, command
untested_difference         line, lines (of all subsamples), conditions
weak_instruments_not_tested line, command
mediation_without_effects   line
pooled_matching             line, command
staggered_two_way           line, variable
log_of_count                line, variable
missing_kept                line, variable
lag_by_row                  line, variable
=========================== ============================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digiprosper.errors import Notice, cited

if TYPE_CHECKING:
    from collections.abc import Sequence


def no_errors(line: int, command: str) -> Notice:
    """Ask for clustered or robust errors of a model with fixed effects."""
    return Notice(
        "no_errors",
        "standard errors of a model with fixed effects are neither clustered nor "
        "robust: errors of an entity are usually correlated over time",
        {"line": line, "command": command},
    )


def untested_difference(lines: Sequence[int], conditions: Sequence[str]) -> Notice:
    """Ask for a test that slopes of subsamples differ."""
    return Notice(
        "untested_difference",
        "the same model in several subsamples, without a test that the slopes differ: "
        "by_group(spec, panel, group)",
        {"line": lines[0], "lines": tuple(lines), "conditions": tuple(conditions)},
    )


def weak_instruments_not_tested(line: int, command: str) -> Notice:
    """Ask for a set that is right if the instrument is weak."""
    return Notice(
        "weak_instruments_not_tested",
        "an instrument without a test or set that is right if it is weak: "
        "anderson_rubin() of the results",
        {"line": line, "command": command},
    )


def mediation_without_effects(line: int) -> Notice:
    """Ask for the fixed effects of the baseline in the mediation."""
    return Notice(
        "mediation_without_effects",
        "the mediation has no fixed effects, the baseline has: c = c' + ab does not "
        "hold between two models",
        {"line": line},
    )


def pooled_matching(line: int, command: str) -> Notice:
    """Ask whether an entity may be matched with itself in another period."""
    return Notice(
        "pooled_matching",
        "rows of all periods are matched, so that a row may be matched with another "
        "period of the same entity: match_entities()",
        {"line": line, "command": command},
    )


def staggered_two_way(line: int, variable: str) -> Notice:
    """Ask for an estimator that allows for effects that differ by cohort."""
    return Notice(
        "staggered_two_way",
        "a policy that starts at different times, with two-way effects: effects that "
        "differ by cohort may have wrong signs; StaggeredDid",
        {"line": line, "variable": variable},
    )


def log_of_count(line: int, variable: str, count: str) -> Notice:
    """Ask for a model of counts."""
    return Notice(
        "log_of_count",
        f"log(x + 1) of the count {cited(count)}: the slope depends on the unit; that "
        "of a Poisson model does not",
        {"line": line, "variable": variable},
    )


def missing_kept(line: int, variable: str) -> Notice:
    """Ask whether missing values are meant to be larger than any number."""
    return Notice(
        "missing_kept",
        f"a missing {variable} is larger than any number, so that the condition is "
        f"true for it: add & {variable} < .",
        {"line": line, "variable": variable},
    )


def lag_by_row(line: int, variable: str) -> Notice:
    """Ask whether the row before is the period before."""
    return Notice(
        "lag_by_row",
        "the row before is not the period before where a period is absent: L.x, here "
        "lag(x)",
        {"line": line, "variable": variable},
    )
