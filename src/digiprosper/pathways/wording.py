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
        return self.say("and").join(map(self.name, columns))

    def say(self, code: str, **parts: object) -> str:
        """Return the words of a code of `WORDS`; `parts` stand in its braces."""
        return WORDS.say(code, self.language, **parts)

    def reason(self, reason: Reason) -> str:
        """State why a proposition was not tested, as part of a sentence."""
        code, parts = reason.code, dict(reason.data)
        if "roles" in parts:
            code = (
                "column.several"
                if code == "column" and len(parts["roles"]) > 1
                else code
            )
            parts["roles"] = self.say("comma").join(
                f"'{role}'" for role in parts["roles"]
            )
        if code == "data":
            code = "data" if parts["needs"] else "data.none"
            parts["needs"] = (
                self.language == "chinese" and parts["needs_zh"]
            ) or parts["needs"]
        elif code == "same_column":
            parts["column"] = self.name(parts["column"])
        elif code == "overlap":
            parts["found"] = self.say("separator").join(
                map(self._overlap, parts["found"])
            )
        elif code == "no_p":
            of = self.name(parts["of"])
            parts["what"] = self.say(
                parts.pop("code"), of=of, cause="", outcome="", at=""
            )
        return self.say(f"why.{code}", **parts)

    def _overlap(self, overlap: tuple[str, str, str]) -> str:
        indicator, index, other = (f"'{name}'" for name in overlap)
        code = "part_of.both" if overlap[2] else "part_of"
        return self.say(code, indicator=indicator, index=index, other=other)


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
        return names.say(
            "say.not testable", id=mechanism.id, why=names.reason(finding.reason)
        )
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
    sign = (
        _OPPOSITE[mechanism.sign]
        if finding.verdict == "contradicted"
        else mechanism.sign
    )
    shape = mechanism.design or mechanism.shape
    code = shape if sign == "shift" else f"{shape}.{sign}"
    numbers = {name: short(value) for name, value in finding.detail.items()}
    return names.say(code, **variables(finding, names), **numbers)


def variables(finding: Finding, names: Names) -> dict[str, str]:
    """Name the variables of a proposition: cause, outcome, channels, moderators."""
    mechanism, columns = finding.mechanism, finding.columns
    roles = {
        "cause": mechanism.causes,
        "outcome": mechanism.outcomes,
        "channels": mechanism.channels,
        "moderators": mechanism.moderators,
    }
    return {
        kind: names.several([columns[role] for role in named if role in columns])
        for kind, named in roles.items()
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
