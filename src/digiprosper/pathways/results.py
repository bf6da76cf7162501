"""Results of tests of propositions: estimates, verdicts, and a sentence each.

The sentences are in English and Chinese.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import pandas as pd

from digiprosper.checks import check_option
from digiprosper.errors import Notice, number_text
from digiprosper.pathways.findings import VERDICTS, Finding, Part, Reason
from digiprosper.pathways.mechanism import Mechanism, split_roles
from digiprosper.pathways.notices import words_of
from digiprosper.pathways.words import WORDS
from digiprosper.report.characters import has_cjk
from digiprosper.report.columns import Column, PlainCell
from digiprosper.report.labels import check_labels
from digiprosper.report.summary import Cells, Lines, Summarised, Summary
from digiprosper.report.text import interval_text, p_text, percent_text, wrapped
from digiprosper.report.words import LANGUAGES, Language

_NUMBERS = ("estimate", "std_error", "conf_low", "conf_high")
_OPPOSITE = {"+": "-", "-": "+", "-/+": "+/-", "+/-": "-/+", "shift": "shift"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MechanismReport(Summarised):
    """Results of tests of propositions, made by `pathways.evaluate`.

    The verdicts are statements about associations, not about causes.

    Parameters
    ----------
    findings : tuple of Finding
        Result of each proposition.
    level : float
        Confidence level of intervals and verdicts.
    adjust : str
        Adjustment of the p-values for multiple tests.
    language : {"en", "zh"}
        Language of the texts.
    labels : mapping
        Labels of columns. Chinese texts use Chinese labels, and English texts use the
        others.
    entity_name : str
        Entity key, by which standard errors are clustered.
    reps : int
        Number of draws of each bootstrap.
    rng_entropy : int
        Seed of the draws; pass it as `rng` to reproduce them.
    diagnostics : tuple of Notice
        Remarks on the whole report.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> chosen = [m for m in dp.pathways.seed_catalogue() if m.id in ("P31", "P41")]
    >>> report = dp.pathways.evaluate(
    ...     panel, chosen, {"de": "digital", "rural_income": "rural_income"}, rng=1
    ... )
    >>> report.frame["verdict"].to_dict()
    {'P31': 'supported', 'P41': 'not testable'}
    >>> print(report.in_language("zh").frame.loc["P41", "wording"])
    P41未检验：需要问卷数据
    """

    _reported: ClassVar[str] = "level adjust language rng_entropy reps"

    findings: tuple[Finding, ...]
    level: float
    adjust: str
    language: Literal["en", "zh"]
    labels: Mapping[str, str]
    entity_name: str
    reps: int
    rng_entropy: int
    diagnostics: tuple[Notice, ...] = field(default=())

    @property
    def frame(self) -> pd.DataFrame:
        """Results with one row per proposition, indexed by its id.

        Columns are claim, verdict and wording; shape and sign; term, estimate,
        std_error, conf_low, conf_high, p_value and p_adjusted; std_effect, std_low and
        std_high; identification, estimator, nobs, n_entities, n_clusters, clusters and
        controls; and reason, a code that states why it was not tested.

        std_effect is the estimate in comparable units: standard deviations of the
        outcome for one standard deviation of the cause (of an interaction: and of the
        moderator; of a policy: from 0 to 1), all over the rows in which the variables
        of the proposition are known. It is missing for a shift of a turning point.
        identification is a code of what the estimate rests on. If a claim is about
        several estimates, the row shows the one with the largest p-value, or one
        without the claimed sign if signs differ; `parts` has all. p_value is that of
        the whole claim. Intervals are not adjusted for multiple tests. Numbers are
        missing if a proposition was not tested.
        """
        index = pd.Index([finding.mechanism.id for finding in self.findings], name="id")
        return pd.DataFrame(
            [self._row(finding) for finding in self.findings], index=index
        )

    @property
    def parts(self) -> pd.DataFrame:
        """Estimates with one row per estimate whose sign is claimed.

        Columns are id, part (a code), of (its column), at (the value at which it is
        evaluated), sign (claimed), estimate, std_error, conf_low, conf_high and
        p_value.
        """
        names = ("of", "at", "sign", *_NUMBERS, "p_value")
        rows = [
            (finding.mechanism.id, part.code, *(getattr(part, name) for name in names))
            for finding in self.findings
            for part in finding.parts
        ]
        return pd.DataFrame(rows, columns=["id", "part", *names])

    @property
    def notices(self) -> pd.DataFrame:
        """Notices of the models and tests, with one row per proposition and notice.

        Columns are id, code and message. The message is in English.
        """
        rows = [
            (f.mechanism.id, notice.code, notice.message)
            for f in self.findings
            for notice in f.notices
        ]
        return pd.DataFrame(rows, columns=["id", "code", "message"])

    def in_language(
        self, language: str, labels: Mapping[str, str] | None = None
    ) -> MechanismReport:
        """Return the report in another language.

        Parameters
        ----------
        language : {"en", "zh"}
            Language of the texts.
        labels : mapping, optional
            Labels of columns in this language. They replace those of the panel.

        Returns
        -------
        MechanismReport
            Report with the same numbers.

        Raises
        ------
        OptionError
            If there is no such language.
        InputTypeError
            If `labels` is not a mapping of texts.
        """
        check_option("language", language, tuple(LANGUAGES))
        named = {**self.labels, **check_labels(labels, "in_language")}
        return replace(self, language=language, labels=named)  # type: ignore[arg-type]

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002
        """Return the columns of a table with one row per tested proposition.

        Parameters
        ----------
        level : float
            Not used; intervals have the level of the report.

        Returns
        -------
        tuple of Column
            Columns with effect and interval in standard deviations (see `frame`),
            adjusted p-value, observations, identification and verdict, in the language
            of the report. The note states which propositions were not tested, and why.
        """
        names, percent = self._names, percent_text(self.level)
        note = " ".join([names.say("units"), *self._remarks, self.untested()])
        tested = {f.mechanism.id: f for f in self.findings if f.tested}
        claims = {
            name: f"{name} {claim_of(f.mechanism, names)}" for name, f in tested.items()
        }
        contents: dict[str, tuple[str, Callable[[Any], Any]]] = {
            "term": ("term", self._term),
            "std_effect": ("estimate", lambda f: f.deciding.std_effect[0]),
            "interval": (
                "interval",
                lambda f: interval_text(*f.deciding.std_effect[1:], digits=3),
            ),
            "p_adjusted": ("p_value", lambda f: f.p_adjusted),
            "nobs": ("nobs", lambda f: f.nobs),
            "identification": (
                "term",
                lambda f: (
                    names.say(f"basis.{f.identification}") + _proxy_text(f, names)
                ),
            ),
            "verdict": ("verdict", lambda f: names.say(f.verdict)),
        }
        return tuple(
            Column(
                names.say(f"head.{head}", level=percent),
                cells={name: PlainCell(kind, content(f)) for name, f in tested.items()},
                note=note,
                labels=claims,
            )
            for head, (kind, content) in contents.items()
        )

    # --- words ------------------------------------------------------------------------

    @property
    def _names(self) -> Names:
        return Names(LANGUAGES[self.language], self.labels)

    @property
    def _remarks(self) -> list[str]:
        language = LANGUAGES[self.language]
        return [words_of(n.code, n.data, language) for n in self.diagnostics]

    def _term(self, finding: Finding) -> str:
        part = finding.deciding
        return "" if part is None else part_text(finding, part, self._names)

    def _row(self, finding: Finding) -> dict[str, Any]:
        mechanism, names, part = finding.mechanism, self._names, finding.deciding
        effect = (math.nan,) * 3 if part is None else part.std_effect
        copied = (
            *("p_value", "p_adjusted", "identification", "estimator"),
            *("nobs", "n_entities", "n_clusters"),
        )
        return {
            "claim": claim_of(mechanism, names),
            "verdict": finding.verdict,
            "wording": wording(finding, names, adjusted=self.adjust != "none"),
            "shape": mechanism.shape,
            "sign": mechanism.sign,
            "term": self._term(finding),
            **{name: getattr(part, name, math.nan) for name in _NUMBERS},
            **dict(zip(("std_effect", "std_low", "std_high"), effect, strict=True)),
            **{name: getattr(finding, name) for name in copied},
            "clusters": self.entity_name if finding.tested else "",
            "controls": ", ".join(finding.controls) if finding.tested else "",
            "reason": finding.reason.code if finding.reason else "",
        }

    def _summary(self) -> Summary:
        names, level = self._names, percent_text(self.level)
        heads = [
            "id",
            "term",
            "estimate",
            "interval",
            "p_adjusted",
            "entities",
            "verdict",
        ]
        rows = [
            [
                finding.mechanism.id,
                self._term(finding),
                number_text(part.estimate, 3),
                interval_text(part.conf_low, part.conf_high, digits=3),
                p_text(finding.p_adjusted),
                f"{finding.n_entities:,}",
                names.say(finding.verdict),
            ]
            for finding in self.findings
            if finding.tested and (part := finding.deciding)
        ]
        table = Cells.of(
            [names.say(f"head.{head}", level=level) for head in heads],
            rows,
        )
        errors = names.say(
            "errors", entity=names.name(self.entity_name), reps=f"{self.reps:,}"
        )
        settings = names.say("settings", entropy=self.rng_entropy)
        remarks = [names.say("remark", text=text) for text in self._remarks]
        lines = [*self._untested_lines(), *remarks, *self._model_remarks()]
        english = self.language == "en"
        # The renderer's own words after the conventions are English.
        ending = [] if english else [errors, settings]
        return self._titled(
            self._title(),
            *([table] if rows else []),
            Lines(tuple(wrapped([*lines, *ending]))),
            wrapped_title=True,
            conventions=errors if english else "",
            settings=settings if english else "",
        )

    def _title(self) -> str:
        say, count = self._names.say, len(self.findings)
        numbers = Counter(finding.verdict for finding in self.findings)
        counts = [
            say("title.count", number=numbers[verdict], verdict=say(verdict))
            for verdict in VERDICTS
            if numbers[verdict]
        ]
        return say(
            "title.one" if count == 1 else "title",
            count=count,
            counts=say("comma").join(counts),
        )

    def untested(self) -> str:
        """Write in one sentence which propositions were not tested, and why.

        Returns
        -------
        str
            Ids and reasons in the language of the report; empty if all were tested.
        """
        by_reason, without = self._untested_by_reason()
        say = self._names.say
        parts = self._lines_with_ids("untested.reason", "why", by_reason)
        # Parts of one claim share its number.
        ids = dict.fromkeys(name.partition(":")[0] for name in without)
        if ids:
            parts.append(say("untested.column", ids=say("comma").join(ids)))
        return say("untested", parts=say("separator").join(parts)) if parts else ""

    def _untested_by_reason(self) -> tuple[dict[str, list[str]], dict[str, str]]:
        """Group the ids of untested propositions by reason; and list missing roles."""
        names, without = self._names, {}
        ids_by_reason: dict[str, list[str]] = {}
        for finding in self.findings:
            name, reason = finding.mechanism.id, finding.reason
            if reason is not None and reason.code == "column":
                without[name] = names.say("comma").join(reason.data["roles"])
            elif reason is not None:
                ids_by_reason.setdefault(names.reason(reason), []).append(name)
        return ids_by_reason, without

    def _untested_lines(self) -> list[str]:
        ids_by_reason, without = self._untested_by_reason()
        say = self._names.say
        lines = self._lines_with_ids("not_tested", "why", ids_by_reason)
        listed = [say("roles_of", id=name, roles=r) for name, r in without.items()]
        if listed:
            lines.append(say("not_tested.column", ids=", ".join(listed)))
        return lines

    def _model_remarks(self) -> list[str]:
        """Write each notice of the models once, with the ids of its propositions."""
        ids_by_message: dict[str, list[str]] = {}
        for finding in self.findings:
            for message in dict.fromkeys(notice.message for notice in finding.notices):
                ids_by_message.setdefault(message, []).append(finding.mechanism.id)
        return self._lines_with_ids("remark.model", "text", ids_by_message)

    def _lines_with_ids(
        self, code: str, part: str, ids_by_text: Mapping[str, list[str]]
    ) -> list[str]:
        say = self._names.say
        return [
            say(code, ids=say("comma").join(ids), **{part: text})
            for text, ids in ids_by_text.items()
        ]

    def _more_numbers(self) -> dict[str, Any]:
        tables = {
            "propositions": self.frame.reset_index(),
            "parts": self.parts,
            "notices": self.notices,
        }
        return {name: table.to_dict("records") for name, table in tables.items()}


# --- one sentence a proposition -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Names:
    """Names of columns, and other words, in one language.

    labels: labels of columns; those in another language are not used
    user_labels: labels that are used in any language
    """

    language: Language
    labels: Mapping[str, str]
    user_labels: Mapping[str, str] = field(default_factory=dict)

    def name(self, column: str) -> str:
        """Return a column's label if it is in the language, else its name."""
        if column in self.user_labels:
            return self.user_labels[column]
        label = self.labels.get(column, "")
        fits = label and has_cjk(label) == (self.language == "chinese")
        return label if fits else column

    def several(self, columns: Sequence[str]) -> str:
        """Name columns with "and" between them."""
        return self.say("and").join(map(self.name, columns))

    def say(self, code: str, **parts: object) -> str:
        """Return the words of a code of `WORDS`, with `parts` filled in."""
        return WORDS.say(code, self.language, **parts)

    def reason(self, reason: Reason) -> str:
        """State why a proposition was not tested, as part of a sentence."""
        code, parts = reason.code, dict(reason.data)
        if "roles" in parts:
            if code == "column" and len(parts["roles"]) > 1:
                code = "column.several"
            roles = (f"'{role}'" for role in parts["roles"])
            parts["roles"] = self.say("comma").join(roles)
        if code == "data":
            code = "data" if parts["needs"] else "data.none"
            if self.language == "chinese":
                parts["needs"] = parts["needs_zh"] or parts["needs"]
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
        indicator, index, other = (f"'{self.name(name)}'" for name in overlap)
        code = "part_of.both" if overlap[2] else "part_of"
        return self.say(code, indicator=indicator, index=index, other=other)


def claim_of(mechanism: Mechanism, names: Names) -> str:
    """Return the claim in the language, or as it is."""
    return (names.language == "chinese" and mechanism.claim_zh) or mechanism.claim


def part_text(finding: Finding, part: Part, names: Names) -> str:
    """Name an estimate, such as "indirect through upgrading"."""
    several = sum(other.code == part.code for other in finding.parts) > 1
    code = f"{part.code}.of" if several and f"{part.code}.of" in WORDS else part.code
    at = "" if part.at is None else number_text(part.at, 3)
    return names.say(code, of=names.name(part.of), at=at, **variables(finding, names))


def wording(finding: Finding, names: Names, *, adjusted: bool = True) -> str:
    """Write the finding on a proposition in one sentence, as an association."""
    mechanism = finding.mechanism
    if finding.reason is not None:
        return names.say(
            "say.not testable", id=mechanism.id, why=names.reason(finding.reason)
        )
    return names.say(
        f"say.{finding.verdict}",
        id=mechanism.id,
        relation=_relation_text(finding, names),
        numbers=_numbers(finding, names, adjusted=adjusted),
        stand_in=_proxy_text(finding, names),
    )


def stand_in_columns(finding: Finding) -> list[str]:
    """List the columns that are proxies."""
    roles = split_roles(finding.mechanism.stand_in)
    return [finding.columns[role] for role in roles if role in finding.columns]


def _proxy_text(finding: Finding, names: Names) -> str:
    columns = names.several(stand_in_columns(finding))
    return columns and names.say("stand_in", column=columns)


def _relation_text(finding: Finding, names: Names) -> str:
    mechanism = finding.mechanism
    sign: str = mechanism.sign
    if finding.verdict == "contradicted":
        sign = _OPPOSITE[sign]
    shape = mechanism.design or mechanism.shape
    code = shape if shape in WORDS else f"{shape}.{sign}"
    directions = ("associated", "higher", "larger")
    words = {word: names.say(f"{word}.{sign}") for word in directions}
    numbers = {name: number_text(value, 3) for name, value in finding.detail.items()}
    return names.say(code, **variables(finding, names), **words, **numbers)


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
            what=part_text(finding, part, names),
            estimate=number_text(part.estimate, 3),
            interval=interval_text(part.conf_low, part.conf_high, digits=3),
        )
        for part in finding.parts
    )
    return names.say(
        "ending" if adjusted else "ending.none",
        numbers=shown,
        p=p_text(finding.p_adjusted),
        count=f"{finding.n_entities:,}",
    )
