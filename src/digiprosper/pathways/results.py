"""Results of tests of propositions: estimates and verdicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from digiprosper.errors import check_option
from digiprosper.pathways.findings import VERDICTS
from digiprosper.pathways.notices import words_of
from digiprosper.pathways.wording import Names, claim_of, ends, part_words, short, wording
from digiprosper.pathways.words import WORDS
from digiprosper.report.columns import Column, PlainCell
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Cells, Lines, PlainNumbers, Summarised, Summary
from digiprosper.report.text import p_text, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.errors import Notice
    from digiprosper.pathways.findings import Finding
    from digiprosper.report.words import Language

LANGUAGES: dict[str, Language] = {"en": "english", "zh": "chinese"}
"""Languages by the word that options take."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MechanismReport(Summarised, PickledByName):
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
        Labels of columns. Chinese texts use Chinese labels, and English texts use the others.
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
    >>> report = dp.pathways.evaluate(panel, chosen, {"de": "digital", "rural_income": "rural_income"}, rng=1)
    >>> report.frame["verdict"].to_dict()
    {'P31': 'supported', 'P41': 'not testable'}
    >>> print(report.in_language("zh").frame.loc["P41", "wording"])
    P41未检验：需要问卷数据
    """

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

        Columns are claim, verdict and wording; shape and sign; term, estimate, std_error, conf_low,
        conf_high, p_value and p_adjusted; estimator, nobs, n_entities, n_clusters, clusters and controls; and
        reason, a code that states why it was not tested. If a claim is about several estimates, the row shows
        the one with the largest p-value, or one without the claimed sign if signs differ; `parts` has all.
        p_value is that of the whole claim. Intervals are not adjusted for multiple tests. Numbers are missing
        if a proposition was not tested.
        """
        index = pd.Index([finding.mechanism.id for finding in self.findings], name="id")
        return pd.DataFrame([self._row(finding) for finding in self.findings], index=index)

    @property
    def parts(self) -> pd.DataFrame:
        """Estimates with one row per estimate whose sign is claimed.

        Columns are id, part (a code), of (its column), at (the value at which it is evaluated), sign
        (claimed), estimate, std_error, conf_low, conf_high and p_value.
        """
        names = ("sign", "estimate", "std_error", "conf_low", "conf_high", "p_value")
        rows = [
            (finding.mechanism.id, part.code, part.of, part.at, *(getattr(part, name) for name in names))
            for finding in self.findings
            for part in finding.parts
        ]
        return pd.DataFrame(rows, columns=["id", "part", "of", "at", *names])

    @property
    def notices(self) -> pd.DataFrame:
        """Notices of the models and tests, with one row per proposition and notice.

        Columns are id, code and message. The message is in English.
        """
        rows = [(f.mechanism.id, notice.code, notice.message) for f in self.findings for notice in f.notices]
        return pd.DataFrame(rows, columns=["id", "code", "message"])

    def in_language(self, language: str) -> MechanismReport:
        """Return the report in another language.

        Parameters
        ----------
        language : {"en", "zh"}
            Language of the texts.

        Returns
        -------
        MechanismReport
            Report with the same numbers.

        Raises
        ------
        OptionError
            If there is no such language.
        """
        check_option("language", language, tuple(LANGUAGES))
        return replace(self, language=language)  # type: ignore[arg-type]

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002
        """Return the columns of a table with one row per tested proposition.

        Parameters
        ----------
        level : float
            Not used; intervals have the level of the report.

        Returns
        -------
        tuple of Column
            Columns with estimate, interval, adjusted p-value, observations and verdict, in the language of
            the report.
        """
        tested = [finding for finding in self.findings if finding.tested]
        interval = self._say("head.interval", level=f"{self.level:.0%}")
        heads = [self._say(f"head.{name}") for name in ("term", "estimate", "p_adjusted", "nobs", "verdict")]
        rows = {finding.mechanism.id: self._plain_cells(finding) for finding in tested}
        note = " ".join(self._remarks)
        claims = {f.mechanism.id: f"{f.mechanism.id} {claim_of(f.mechanism, self._names)}" for f in tested}
        return tuple(
            Column(
                head, cells={name: cells[position] for name, cells in rows.items()}, note=note, labels=claims
            )
            for position, head in enumerate([*heads[:2], interval, *heads[2:]])
        )

    def _plain_cells(self, finding: Finding) -> tuple[PlainCell, ...]:
        return (
            PlainCell("term", self._term(finding)),
            PlainCell("estimate", _number(finding, "estimate")),
            PlainCell("interval", _interval(finding)),
            PlainCell("p_value", finding.p_adjusted),
            PlainCell("nobs", finding.nobs),
            PlainCell("verdict", self._say(finding.verdict)),
        )

    # --- words --------------------------------------------------------------------------------------------

    @property
    def _names(self) -> Names:
        return Names(LANGUAGES[self.language], self.labels)

    @property
    def _remarks(self) -> list[str]:
        return [words_of(notice, LANGUAGES[self.language]) for notice in self.diagnostics]

    @property
    def _model_remarks(self) -> list[str]:
        """Write each notice of the models once, with the ids of its propositions."""
        ids_by_message: dict[str, list[str]] = {}
        for name, message in zip(self.notices["id"], self.notices["message"], strict=True):
            ids_by_message.setdefault(message, []).append(name)
        comma = self._say("comma")
        return [
            self._say("remark.model", ids=comma.join(dict.fromkeys(names)), text=text)
            for text, names in ids_by_message.items()
        ]

    def _say(self, code: str, **parts: object) -> str:
        return WORDS.say(code, LANGUAGES[self.language], **parts)

    def _term(self, finding: Finding) -> str:
        deciding = finding.deciding
        return "" if deciding is None else part_words(finding, deciding, self._names)

    def _row(self, finding: Finding) -> dict[str, Any]:
        mechanism = finding.mechanism
        numbers = ("estimate", "std_error", "conf_low", "conf_high")
        return {
            "claim": claim_of(mechanism, self._names),
            "verdict": finding.verdict,
            "wording": wording(finding, self._names, adjusted=self.adjust != "none"),
            "shape": mechanism.shape,
            "sign": mechanism.sign,
            "term": self._term(finding),
            **{name: _number(finding, name) for name in numbers},
            "p_value": finding.p_value,
            "p_adjusted": finding.p_adjusted,
            "estimator": finding.estimator,
            "nobs": finding.nobs,
            "n_entities": finding.n_entities,
            "n_clusters": finding.n_clusters,
            "clusters": self.entity_name if finding.tested else "",
            "controls": ", ".join(finding.controls) if finding.tested else "",
            "reason": finding.reason.code if finding.reason else "",
        }

    def _summary(self) -> Summary:
        tested = [finding for finding in self.findings if finding.tested]
        codes = ("head.id", "head.term", "head.estimate", "head.interval", "head.p_adjusted", "head.entities")
        heads = [self._say(code, level=f"{self.level:.0%}") for code in (*codes, "head.verdict")]
        table = Cells.of(heads, [self._cells(finding) for finding in tested])
        errors = self._say("errors", entity=self._names.name(self.entity_name), reps=f"{self.reps:,}")
        settings = self._say("settings", entropy=self.rng_entropy)
        remarks = [self._say("remark", text=text) for text in self._remarks]
        lines = [*self._untested, *remarks, *self._model_remarks]
        english = self.language == "en"
        # The renderer's own words after the conventions are English.
        ending = [] if english else [errors, settings]
        return Summary(
            type=type(self).__name__,
            title=self._title,
            wrapped_title=True,
            blocks=(*[table] * bool(tested), Lines(tuple(wrapped([*lines, *ending])))),
            notices=self.diagnostics,
            conventions=errors if english else "",
            settings=settings if english else "",
        )

    @property
    def _title(self) -> str:
        verdict_counts = Counter(finding.verdict for finding in self.findings)
        counts = [
            self._say("title.count", number=verdict_counts[verdict], verdict=self._say(verdict))
            for verdict in VERDICTS
            if verdict_counts[verdict]
        ]
        code = "title.one" if len(self.findings) == 1 else "title"
        return self._say(code, count=len(self.findings), counts=self._say("comma").join(counts))

    def _cells(self, finding: Finding) -> list[str]:
        return [
            finding.mechanism.id,
            self._term(finding),
            short(_number(finding, "estimate")),
            _interval(finding),
            p_text(finding.p_adjusted),
            f"{finding.n_entities:,}",
            self._say(finding.verdict),
        ]

    @property
    def _untested(self) -> list[str]:
        """Group the propositions that were not tested by what they need."""
        reasons = [(f.mechanism.id, f.reason) for f in self.findings if f.reason is not None]
        comma = self._say("comma")
        without = [
            self._say("roles_of", id=name, roles=comma.join(reason.data["roles"]))
            for name, reason in reasons
            if reason.code == "column"
        ]
        groups: dict[str, list[str]] = {}
        for name, reason in reasons:
            if reason.code != "column":
                groups.setdefault(self._names.reason(reason), []).append(name)
        lines = [self._say("not_tested", ids=comma.join(ids), why=why) for why, ids in groups.items()]
        listed = [self._say("not_tested.column", ids=", ".join(without))]
        return [*lines, *listed] if without else lines

    def _numbers(self) -> PlainNumbers:
        return PlainNumbers(
            labels=self.labels,
            more={
                "level": self.level,
                "adjust": self.adjust,
                "language": self.language,
                "rng_entropy": self.rng_entropy,
                "reps": self.reps,
                "propositions": self.frame.reset_index().to_dict("records"),
                "parts": self.parts.to_dict("records"),
                "notices": self.notices.to_dict("records"),
            },
        )


def _number(finding: Finding, name: str) -> float:
    """Return a number of the part that decides."""
    return float("nan") if finding.deciding is None else float(getattr(finding.deciding, name))


def _interval(finding: Finding) -> str:
    return ends(_number(finding, "conf_low"), _number(finding, "conf_high"))
