"""What the figure of pathways draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from digiprosper.errors import InputTypeError, models_problem
from digiprosper.pathways.results import (
    LANGUAGES,
    MechanismReport,
    Names,
    ends,
    short,
    variables,
)
from digiprosper.report.drawings import PathwayRow, Pathways, PathwayStage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.pathways.findings import Finding
    from digiprosper.report.words import Language

_STAGES: Final = ("cake", "division", "constraint", "policy", "")


def pathway_figure(
    report: MechanismReport,
    labels: Mapping[str, str],
    purpose: str,
    language: Language = "english",
) -> Pathways:
    """Order a report's propositions by stage on the way from cause to outcome.

    `labels` win over those of the panel, and Chinese over the language of the report.
    Stages without propositions are left out.
    """
    if not isinstance(report, MechanismReport):
        raise InputTypeError(
            f"{purpose}: takes what pathways.evaluate returns, not "
            f"{type(report).__name__}.",
            [models_problem("no MechanismReport", report)],
        )
    chosen = "chinese" if language == "chinese" else LANGUAGES[report.language]
    names = Names(chosen, report.labels, dict(labels))
    stages = [_stage(code, report.findings, names) for code in _STAGES]
    tested = sum(finding.tested for finding in report.findings)
    method, level = names.say(f"method.{report.adjust}"), f"{report.level:.0%}"
    note = names.say("figure.note", level=level, tests=tested, method=method)
    shown = ("supported", "contradicted", "inconclusive")
    return Pathways(
        source=_end("source", "de", report.findings, "causes", names),
        target=_end("target", "cp", report.findings, "outcomes", names),
        stages=[stage for stage in stages if stage.rows or stage.untested],
        verdicts={verdict: names.say(verdict) for verdict in shown},
        note=note if tested else "",
    )


def _end(
    code: str, role: str, findings: Sequence[Finding], kind: str, names: Names
) -> str:
    """Name an end: by its column's label, by catalogue, by the only column, "several".

    The catalogue has a name for `role`.
    """
    columns = {
        name: finding.columns.get(name, name)
        for finding in findings
        for name in getattr(finding.mechanism, kind)
    }
    if role in columns:
        name = names.name(columns[role])
        return names.say(code) if name == columns[role] else name
    several = set(columns.values())
    return (
        names.name(several.pop()) if len(several) == 1 else names.say(f"{code}.several")
    )


def _stage(code: str, findings: Sequence[Finding], names: Names) -> PathwayStage:
    in_stage = [finding for finding in findings if finding.mechanism.stage == code]
    untested = [finding.mechanism.id for finding in in_stage if not finding.tested]
    text = (
        names.say("untested", ids=names.say("comma").join(untested)) if untested else ""
    )
    rows = [_row(finding, names) for finding in in_stage if finding.tested]
    return PathwayStage(names.say(f"stage.{code}"), rows, text)


def _row(finding: Finding, names: Names) -> PathwayRow:
    part: Any = finding.deciding
    mechanism = finding.mechanism
    through = (
        ".mediated" if mechanism.shape == "threshold" and mechanism.channels else ""
    )
    return PathwayRow(
        id=mechanism.id,
        path=names.say(f"path.{mechanism.shape}{through}", **variables(finding, names)),
        numbers=f"{short(part.estimate)} {ends(part.conf_low, part.conf_high)}",
        verdict=finding.verdict,
    )
