"""What the figure of pathways draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from digiprosper.errors import InputTypeError, models_problem
from digiprosper.pathways.results import LANGUAGES, MechanismReport
from digiprosper.pathways.wording import Names, ends, short, variables
from digiprosper.report.drawings import PathwayRow, Pathways, PathwayStage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.pathways.findings import Finding
    from digiprosper.report.words import Language

_STAGES: Final = ("cake", "division", "constraint", "policy", "")
_PATHS: Final = {
    "linear": "path",
    "mediated": "path.mediated",
    "moderated": "path.moderated",
    "threshold": "path.threshold",
    "U": "path.curve",
    "U-mediated": "path.curve.mediated",
    "U-moderated": "path.curve.moderated",
    "coupled": "path.coupled",
    "spatial": "path",
}


def pathway_figure(
    report: MechanismReport, labels: Mapping[str, str], purpose: str, language: Language = "english"
) -> Pathways:
    """Order the propositions of a report by their stage on the way from cause to outcome.

    `labels` win over those of the panel, and Chinese over the language of the report. Stages without
    propositions are left out.
    """
    if not isinstance(report, MechanismReport):
        raise InputTypeError(
            f"{purpose}: takes what pathways.evaluate returns, not {type(report).__name__}.",
            [models_problem("no MechanismReport", report)],
        )
    chosen = "chinese" if language == "chinese" else LANGUAGES[report.language]
    names = Names(chosen, report.labels, dict(labels))
    stages = [_stage(code, report.findings, names) for code in _STAGES]
    tested = sum(finding.tested for finding in report.findings)
    note = names.say(
        "figure.note",
        level=f"{report.level:.0%}",
        tests=tested,
        method=names.say(f"method.{report.adjust}"),
    )
    shown = ("supported", "contradicted", "inconclusive")
    return Pathways(
        source=_source(report.findings, names),
        target=_target(report.findings, names),
        stages=[stage for stage in stages if stage.rows or stage.untested],
        verdicts={verdict: names.say(verdict) for verdict in shown},
        note=note if tested else "",
    )


def _source(findings: Sequence[Finding], names: Names) -> str:
    """Name the start of the diagram, the causes."""
    causes = [(finding, role) for finding in findings for role in finding.mechanism.causes]
    return _end("source", "de", causes, names)


def _target(findings: Sequence[Finding], names: Names) -> str:
    """Name the end of the diagram, the outcomes."""
    outcomes = [(finding, role) for finding in findings for role in finding.mechanism.outcomes]
    return _end("target", "cp", outcomes, names)


def _end(code: str, role: str, pairs: Sequence[tuple[Finding, str]], names: Names) -> str:
    """Return the words of the catalogue if its role occurs, else the only column, else "several"."""
    if role in {name for _, name in pairs}:
        return names.say(code)
    columns = {finding.columns.get(name, name) for finding, name in pairs}
    return names.name(columns.pop()) if len(columns) == 1 else names.say(f"{code}.several")


def _stage(code: str, findings: Sequence[Finding], names: Names) -> PathwayStage:
    in_stage = [finding for finding in findings if finding.mechanism.stage == code]
    untested = [finding.mechanism.id for finding in in_stage if not finding.tested]
    text = names.say("untested", ids=names.say("comma").join(untested)) if untested else ""
    rows = [_row(finding, names) for finding in in_stage if finding.tested]
    return PathwayStage(names.say(f"stage.{code}"), rows, text)


def _row(finding: Finding, names: Names) -> PathwayRow:
    part: Any = finding.deciding
    mechanism = finding.mechanism
    code = _PATHS[mechanism.shape]
    if mechanism.shape == "threshold" and mechanism.channels:
        code = "path.threshold.mediated"
    return PathwayRow(
        id=mechanism.id,
        path=names.say(code, **variables(finding, names)),
        numbers=f"{short(part.estimate)} {ends(part.conf_low, part.conf_high)}",
        verdict=finding.verdict,
    )
