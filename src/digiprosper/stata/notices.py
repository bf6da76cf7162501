"""Questions of a referee about a do-file; none is a warning.

=========================== ============================================================
code                        data
=========================== ============================================================
no_errors                   line, command
untested_difference         line, lines (of all subsamples), conditions
weak_instruments_not_tested line, command
mediation_without_effects   line
pooled_matching             line, command
staggered_two_way           line, variables
log_of_count                line, variables (the counts)
missing_kept                line, variables
lag_by_row                  line, variables
winsorised_not_used         line, variables
=========================== ============================================================
"""

from __future__ import annotations

from typing import Any

from digiprosper.errors import Notice

_QUESTIONS = {
    "no_errors": (
        "standard errors of a model with fixed effects are neither clustered nor "
        "robust: errors of an entity are usually correlated over time"
    ),
    "untested_difference": (
        "the same model in several subsamples, without a test that the slopes differ: "
        "by_group(spec, panel, group)"
    ),
    "weak_instruments_not_tested": (
        "an instrument without a test or set that is right if it is weak: "
        "anderson_rubin() of the results"
    ),
    "mediation_without_effects": (
        "the mediation has no fixed effects, the baseline has: c = c' + ab does not "
        "hold between two models"
    ),
    "pooled_matching": (
        "rows of all periods are matched, so that a row may be matched with another "
        "period of the same entity: match_entities()"
    ),
    "staggered_two_way": (
        "a policy that starts at different times, with two-way effects: effects that "
        "differ by cohort may have wrong signs; StaggeredDid"
    ),
    "log_of_count": (
        "log(x + 1) of the count {names}: the slope depends on the unit; that of a "
        "Poisson model does not"
    ),
    "missing_kept": (
        "a missing {names} is larger than any number, so that the condition is true "
        "for it: add {guards}"
    ),
    "lag_by_row": (
        "the row before is not the period before where a period is absent: L.x, here "
        "lag(x)"
    ),
    "winsorised_not_used": (
        "{listed}: winsorised in a new variable that no later line uses, and estimated "
        "with extreme values: use the new one, or winsor2 with replace"
    ),
}


def question(code: str, line: int, repair: str = "", **data: Any) -> Notice:
    """Ask about a line; `variables` are all variables of the line that are meant.

    `repair` is the estimate that answers, if the file ran.
    """
    variables = data.get("variables", ())
    text = _QUESTIONS[code].format(
        names=" or ".join(variables),
        listed=", ".join(variables),
        guards=" ".join(f"& {name} < ." for name in variables),
    )
    text = f"{text}. {repair}" if repair else text
    return Notice(code, text, {"line": line, **data})
