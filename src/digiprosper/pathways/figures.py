"""Numbers and words for the figure of pathways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from digiprosper.checks import models_problem
from digiprosper.errors import InputTypeError
from digiprosper.pathways.findings import VERDICTS, Finding
from digiprosper.pathways.results import (
    MechanismReport,
    Names,
    part_text,
    stand_in_columns,
    variables,
)
from digiprosper.report.drawings import PathwayRow, Pathways
from digiprosper.report.text import p_text, percent_text
from digiprosper.report.words import LANGUAGES, Language

_CODES: dict[Language, Any] = {name: code for code, name in LANGUAGES.items()}
_STAGES = ("cake", "division", "constraint", "policy", "")


def pathway_figure(
    report: MechanismReport,
    labels: Mapping[str, str],
    purpose: str,
    language: Language = "english",
) -> Pathways:
    """Order a report's tested propositions by stage, with effects in common units.

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
    tested = [finding for finding in report.findings if finding.tested]
    stages: dict[str, list[PathwayRow]] = {}
    for finding in sorted(tested, key=lambda f: _STAGES.index(f.mechanism.stage)):
        stage = names.say(f"stage.{finding.mechanism.stage}")
        stages.setdefault(stage, []).append(_row(finding, names))
    method, level = names.say(f"method.{report.adjust}"), percent_text(report.level)
    note = names.say("figure.note", level=level, tests=len(tested), method=method)
    heads = ("effects", "p_adjusted", "identification")
    return Pathways(
        heads={head: names.say(f"head.{head}", level=level) for head in heads},
        stages=stages,
        verdicts={v: names.say(v) for v in VERDICTS if v != "not testable"},
        notes=[
            *([names.say("units"), note] if tested else []),
            replace(report, language=_CODES[chosen]).untested(),
        ],
    )


def _row(finding: Finding, names: Names) -> PathwayRow:
    part: Any = finding.deciding
    mechanism = finding.mechanism
    through = (
        ".mediated" if mechanism.shape == "threshold" and mechanism.channels else ""
    )
    path = names.say(f"path.{mechanism.shape}{through}", **variables(finding, names))
    if len(finding.parts) > 1 or mechanism.shape == "threshold":
        words = part_text(finding, part, names)
        path = names.say("path.part", path=path, part=words)
    estimate, low, high = (f"{number:z.2f}" for number in part.std_effect)
    return PathwayRow(
        id=mechanism.id,
        path=path,
        verdict=finding.verdict,
        effect=part.std_effect,
        number=names.say("no_units") if part.scale is None else estimate,
        interval="" if part.scale is None else f"[{low}, {high}]",
        p=p_text(finding.p_adjusted),
        basis=[
            names.say(f"basis.{finding.identification}"),
            *([names.say("proxy")] if stand_in_columns(finding) else []),
        ],
    )
