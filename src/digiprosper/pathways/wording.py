"""One sentence a proposition, in English and in Chinese."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digiprosper.pathways.words import WORDS
from digiprosper.report.characters import has_cjk
from digiprosper.report.text import number_text, p_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.pathways.findings import Finding, Part, Reason
    from digiprosper.pathways.mechanism import Mechanism
    from digiprosper.report.words import Language

_OPPOSITE = {"+": "-", "-": "+", "-/+": "+/-", "+/-": "-/+", "shift": "shift"}


@dataclass(frozen=True, slots=True)
class Names:
    """How columns are named in a language.

    labels: by column; one in another language is not used
    given: labels that are used whatever their language
    """

    language: Language
    labels: Mapping[str, str]
    given: Mapping[str, str] = field(default_factory=dict)

    def name(self, column: str) -> str:
        """Return the label of a column if it is in the language, else the name of the column."""
        if column in self.given:
            return self.given[column]
        label = self.labels.get(column, "")
        fits = label and has_cjk(label) == (self.language == "chinese")
        return label if fits else column

    def several(self, columns: Sequence[str]) -> str:
        """Name columns with "and" between them."""
        return self.say("and").join(self.name(column) for column in columns)

    def say(self, code: str, **parts: object) -> str:
        """Return the words of a code of `WORDS`; `parts` stand in its braces."""
        return WORDS.say(code, self.language, **parts)

    def reason(self, reason: Reason) -> str:
        """State why a proposition was not tested, as part of a sentence."""
        return self.say(_reason_code(reason), **self._reason_parts(reason))

    def _reason_parts(self, reason: Reason) -> dict[str, object]:
        data = reason.data
        match reason.code:
            case "data":
                chinese = self.language == "chinese" and data["needs_zh"]
                return {"needs": data["needs_zh"] if chinese else data["needs"]}
            case "column":
                return {"roles": self._listed(data["roles"])}
            case "same_column":
                return {"column": self.name(data["column"]), "roles": self._listed(data["roles"])}
            case "overlap":
                return {"found": self.say("separator").join(map(self._overlap, data["found"]))}
            case "no_p":
                return {"what": self.say(data["code"], of=self.name(data["of"]), cause="", outcome="", at="")}
        return dict(data)

    def _listed(self, roles: Sequence[str]) -> str:
        return self.say("comma").join(f"'{role}'" for role in roles)

    def _overlap(self, overlap: tuple[str, str, str]) -> str:
        indicator, index, other = overlap
        code = "part_of.both" if other else "part_of"
        names = {"index": index, "other": other}
        return self.say(code, indicator=f"'{indicator}'", **{k: f"'{v}'" for k, v in names.items()})


def claim_of(mechanism: Mechanism, names: Names) -> str:
    """Return the claim in the language, or as it is."""
    return (names.language == "chinese" and mechanism.claim_zh) or mechanism.claim


def part_words(finding: Finding, part: Part, names: Names) -> str:
    """Name an estimate, such as "indirect through upgrading"."""
    several = sum(other.code == part.code for other in finding.parts) > 1
    code = f"{part.code}.of" if several and f"{part.code}.of" in WORDS else part.code
    at = "" if part.at is None else short(part.at)
    return names.say(code, of=names.name(part.of), at=at, **variables(finding, names))


def wording(finding: Finding, names: Names, *, adjusted: bool = True) -> str:
    """Write what the data say of a proposition, as an association, in one sentence."""
    mechanism = finding.mechanism
    if finding.reason is not None:
        return names.say("say.not testable", id=mechanism.id, why=names.reason(finding.reason))
    stand_in = finding.columns.get(mechanism.stand_in, "")
    return names.say(
        f"say.{finding.verdict}",
        id=mechanism.id,
        relation=_relation(finding, names),
        numbers=_numbers(finding, names, adjusted=adjusted),
        stand_in=names.say("stand_in", column=names.name(stand_in)) if stand_in else "",
    )


def short(value: float) -> str:
    """Write a number with three digits, or in full where it is large."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else number_text(value, 3)


def ends(low: float, high: float) -> str:
    """Write an interval, such as "[0.0679, 0.127]"; "missing" if there is none."""
    return "missing" if math.isnan(low) else f"[{short(low)}, {short(high)}]"


def _relation(finding: Finding, names: Names) -> str:
    """Write the relation that was found."""
    mechanism = finding.mechanism
    sign = _OPPOSITE[mechanism.sign] if finding.verdict == "contradicted" else mechanism.sign
    shape = mechanism.design or mechanism.shape
    code = shape if sign == "shift" else f"{shape}.{sign}"
    numbers = {name: short(value) for name, value in finding.detail.items()}
    return names.say(code, **variables(finding, names), **numbers)


def variables(finding: Finding, names: Names) -> dict[str, str]:
    """Name the variables of a proposition: cause, outcome, channels, moderators."""
    columns, mechanism = finding.columns, finding.mechanism
    return {
        "cause": names.name(columns.get(mechanism.cause, "")),
        "outcome": names.name(columns.get(mechanism.outcome, "")),
        "channels": names.several([columns[role] for role in mechanism.channels if role in columns]),
        "moderators": names.several([columns[role] for role in mechanism.moderators if role in columns]),
    }


def _numbers(finding: Finding, names: Names, *, adjusted: bool) -> str:
    """Write all estimates with their intervals, the p-value and the sample."""
    shown = names.say("separator").join(
        names.say(
            "number",
            what=part_words(finding, part, names),
            estimate=short(part.estimate),
            interval=ends(part.conf_low, part.conf_high),
        )
        for part in finding.parts
    )
    return names.say(
        "ending" if adjusted else "ending.none",
        numbers=shown,
        p=p_text(finding.p_adjusted),
        count=f"{finding.n_entities:,}",
    )


def _reason_code(reason: Reason) -> str:
    if reason.code == "data" and not reason.data["needs"]:
        return "why.data.none"
    if reason.code == "column" and len(reason.data["roles"]) > 1:
        return "why.column.several"
    return f"why.{reason.code}"
