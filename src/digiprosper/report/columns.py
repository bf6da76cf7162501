"""Columns of a table: the estimates, other numbers and remarks of a result."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

from digiprosper.errors import DigiprosperError, Notice, number_text, time_text
from digiprosper.report.inference import Inference
from digiprosper.report.labels import condition_factor, name_label
from digiprosper.report.protocol import HasDraws, Results
from digiprosper.report.terms import Factors, Term, terms_of
from digiprosper.report.text import percent_text
from digiprosper.report.words import NO_WORDS, NOTES, TESTS, Language, Words, read_words

_TOO_FEW = "too_few_clusters_to_draw"
# Shares among the names of notices, and the decimals that are printed of them
_SHARES = {"lower": 8, "upper": 8, "share": 2}
# Of more cohorts the first few are named, and the last.
_MOST_COHORTS = 5
# Of more changed columns, such as indicators of an index, the first few are named.
_MOST_CHANGED = 5
# What a constant column does not vary beside, if there are no effects
_NO_EFFECTS = ("the intercept",)
_NO_INFERENCE = Inference(cov_type="")
# Standard errors and degrees of freedom that allow for few clusters.
_FOR_FEW_CLUSTERS = ("cr2", "crv3")
BELOW = read_words(__file__, "words_below")
"""Notices that are also below a table: those that change how it is read."""
"""By code: rows chosen or dropped, columns changed, terms without an estimate or error,
errors too small, slopes that are no effects, weak instruments."""


class Estimate(NamedTuple):
    """A term with its row of `tidy`."""

    term: Term
    estimate: float
    std_error: float
    statistic: float
    p_value: float
    conf_low: float
    conf_high: float


_NUMBERS = Estimate._fields[1:]


class ParameterTest(NamedTuple):
    """A test of a parameter.

    `statistic` and `of` are codes for the statistic (``"F"``, ``"score"``) and the null
    hypothesis.
    """

    statistic: str
    of: str
    value: float
    p_value: float
    number: int = 0


class Parameter(NamedTuple):
    """A parameter that is not a slope, such as a threshold.

    Its confidence set consists of `pieces` intervals; 0 if it was not estimated.
    `reach` is ``"lowest"``, ``"highest"`` or ``"ends"`` if the set includes these
    candidates, ``"whole"`` if it contains all of several, otherwise empty.
    """

    estimate: float
    conf_low: float
    conf_high: float
    pieces: int
    tests: tuple[ParameterTest, ...] = ()
    reach: str = ""


@dataclass(frozen=True, slots=True)
class ParameterBlock:
    """Parameters of one kind that are not slopes, such as thresholds, in order."""

    kind: str  # code of `words` of the column, such as ``"step"``
    variable: str  # variable that has the parameters as values
    parameters: tuple[Parameter, ...]
    level: float
    fixed: bool = False  # whether the parameters were given and not estimated
    # How draws behind the p-values of the tests were drawn, as a code, and their number
    drawn: str = ""
    reps: int = 0
    confidence: str = ""  # code of the criterion of the confidence sets, at `level`
    # Test of the parameter that was tested last and not retained
    refused: ParameterTest | None = None
    rank: int = 0  # order of its notes among those of other kinds

    @property
    def estimated(self) -> bool:
        """Return whether it has parameters that were estimated."""
        return bool(self.parameters) and not self.fixed


class PlainCell(NamedTuple):
    """A cell of a DataFrame, with the name of its column and the p-value for stars."""

    column: str
    value: object
    p_value: float = math.nan


class Remark(NamedTuple):
    """A code for words, and the names to fill in.

    `names` maps placeholders to names of the model, which are printed with their
    labels, or to other remarks. `words` None stands for the words of the column.
    `factors` has those of names that the column does not have.
    """

    code: str
    names: Mapping[str, tuple[str | Remark, ...]]
    words: Words | None = None
    factors: Factors | None = None


class RowName(str):
    """A name among `rows` of `etable`, which is printed in the words of its remark.

    `labels` win over those of the table. `note` is printed below it, once for all rows
    that have the same.
    """

    __slots__ = ("labels", "note", "remark")
    remark: Remark
    labels: Mapping[str, str]
    note: Remark | None

    def __new__(
        cls,
        text: str,
        remark: Remark,
        labels: Mapping[str, str] | None = None,
        note: Remark | None = None,
    ) -> Self:
        """Make a name whose text is that of the remark in some language."""
        name = super().__new__(cls, text)
        name.remark, name.labels, name.note = remark, labels or {}, note
        return name


SharedRow: TypeAlias = tuple[Remark, Mapping[str, object]]
"""A row that a set of models adds to a table: name, and cells by model label."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, as codes and numbers."""

    head: str | None = None  # None is replaced by a number
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    # Plain cells by row, for values that are not estimates
    cells: Mapping[str, PlainCell] = field(default_factory=dict)
    # Of a fit; both are empty where there is none
    glance: Mapping[str, Any] = field(default_factory=dict)
    inference: Inference = _NO_INFERENCE
    # Parameters that are not slopes, such as thresholds
    blocks: tuple[ParameterBlock, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    # Factors of the names of outcome, effects, clusters and mediators
    factors: Factors = field(default_factory=dict)
    failure: DigiprosperError | None = None  # why there are no estimates
    # Numbers of the rows, if columns have them as headings
    numbers: Mapping[str, int] = field(default_factory=dict)
    # Note about the whole table, as text or as a code of `words`
    note: str = ""
    remarks: tuple[Remark, ...] = ()  # notes about this column
    words: Words = NO_WORDS
    equation: Term | None = None  # equation of a system, printed in words
    # Names of entity and time in the panel; None if unknown
    keys: tuple[str, str | None] | None = None
    whole: Remark | None = None
    constant: Estimate | None = None  # constant of a model with absorbed effects
    # Mean and standard deviation of outcome and terms in the estimation sample, if
    # known
    moments: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    # Heading that spans several columns, or a code of `words` for it
    over: str | None = None
    # Heading in words from a set of models; replaces `head`
    named: Remark | None = None
    # Notes and rows (name, value) that sets of models add
    set_notes: tuple[Remark, ...] = ()
    set_rows: tuple[tuple[Remark, object], ...] = ()
    # Whether the method can absorb effects; if not, rows of effects have a dash instead
    # of "No"
    absorbs: bool = True
    adjusted: tuple[str, ...] = ()  # controls that have no estimates
    # Names of the index of a frame, above the names of the rows
    stub: tuple[str, ...] = ()

    @property
    def outcome_moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of the outcome; missing if unknown."""
        outcome = str(self.glance.get("depvar"))
        return self.moments.get(outcome, (math.nan, math.nan))


@runtime_checkable
class HasColumns(Protocol):
    """Protocol of objects that make their own columns of a table."""

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return columns with codes and numbers; `level` is that of intervals."""
        ...


def columns_of(model: object, level: float = 0.95) -> tuple[Column, ...] | None:
    """Return the columns of a result; None if the object is no result."""
    if isinstance(model, DigiprosperError):
        return (Column(failure=model),)
    if isinstance(model, HasColumns):
        return model.table_columns(level)
    return (result_column(model, level),) if isinstance(model, Results) else None


def result_column(
    result: Results, level: float = 0.95, *, words: Words | None = None
) -> Column:
    """Make the column of a result; undescribed terms are slopes."""
    frame, glance = result.tidy(level), result.glance()
    terms = terms_of(result, frame["term"])
    result_words: Words = getattr(result, "words", NO_WORDS)
    numbers = frame[list(_NUMBERS)].astype(float).itertuples(index=False, name=None)
    return Column(
        estimates={
            name: Estimate(term, *row)
            for (name, term), row in zip(terms.items(), numbers, strict=True)
        },
        glance=glance,
        inference=inference_of(result),
        labels=dict(getattr(result, "labels", {})),
        factors=dict(getattr(result, "factors", {})),
        words=words or result_words,
        equation=getattr(result, "equation", None),
        keys=getattr(result, "key_names", None),
        constant=_absorbed_constant(result, level),
        moments=_outcome_moments(result),
        remarks=notice_remarks(result),
        absorbs="effects" in glance,
    )


def notice_remarks(result: Results) -> tuple[Remark, ...]:
    """Return remarks for the notices that are also shown below a table."""
    remarks: dict[object, Remark] = {}
    cov_type = inference_of(result).cov_type
    for number, notice in enumerate(getattr(result, "diagnostics", ())):
        named = names_below(notice, cov_type)
        if not named:
            continue
        # Columns that the same effects absorb, such as dummies, are named together.
        key = named["effects"] if notice.code == "dropped_absorbed" else number
        if key in remarks:
            before = map(str, remarks[key].names["column"])
            named["column"] = (*before, *named["column"])
        factors = {w: (condition_factor(w),) for w in named.get("where", ())}
        remarks[key] = Remark(_code_below(notice.code, named), named, BELOW, factors)
    return tuple(remarks.values())


def _code_below(code: str, named: Mapping[str, tuple[str, ...]]) -> str:
    """Return the code of the words of a notice: a kink's regimes have their own."""
    if named.get("effects") == _NO_EFFECTS:
        return "dropped_constant"
    if code == "not_psd" and not named["terms"]:
        return "not_psd.none"
    of_regime = ".".join((code, *named.get("regime", ())))
    return of_regime if of_regime in BELOW else code


def names_below(notice: Notice, cov_type: str) -> dict[str, tuple[str, ...]]:
    """Return the names of a notice by role; empty if it is not below a table."""
    code, data = notice.code, notice.data
    roles = re.findall(r"{(\w+)}", BELOW.text(code) or "")
    named = {role: _read_names(data[role], role) for role in roles if role in data}
    no_matter = (
        data.get("only_controls")
        or (cov_type in _FOR_FEW_CLUSTERS and "n_clusters" in named)
        or (cov_type == "cr2" and code == "few_treated")
    )
    if code == "not_psd" and not data["terms"]:
        return {"terms": ()}
    return {} if no_matter or not all(named.values()) else named


def _read_names(named: object, role: str) -> tuple[str, ...]:
    if isinstance(named, float):
        if role not in _SHARES:
            return (number_text(named),)
        return (percent_text(round(named, _SHARES[role])),)
    if isinstance(named, str):
        return tuple(named.split(", ")) if role == "effects" else (named,)
    names = named if isinstance(named, Iterable) else (named,)
    texts = list(map(time_text, names))
    if role == "cohorts" and len(texts) > _MOST_COHORTS:
        texts[_MOST_COHORTS - 2 : -1] = ["…"]
    return tuple(texts)


def _absorbed_constant(result: Results, level: float) -> Estimate | None:
    """Return the constant of a result with absorbed effects, if it has one."""
    constant = getattr(result, "constant", None)
    if not callable(constant) or not result.glance().get("effects"):
        return None
    numbers = constant(level)
    return Estimate(
        Term("Intercept", kind="intercept"),
        *(float(numbers[name]) for name in _NUMBERS),
    )


def _outcome_moments(result: Results) -> dict[str, tuple[float, float]]:
    stats = getattr(result, "sample_stats", None)
    if stats is None:
        return {}
    return dict(
        zip(stats.index, zip(stats["mean"], stats["sd"], strict=True), strict=True)
    )


def inference_of(result: Results) -> Inference:
    """Return a result's types of standard errors, from its glance if need be."""
    inference = getattr(result, "inference", None)
    if isinstance(inference, Inference):
        return inference
    read = Inference.of_glance(result.glance())
    drawn = isinstance(result, HasDraws)
    too_few = (
        notice.data["n_clusters"]
        for notice in getattr(result, "diagnostics", ())
        if notice.code == _TOO_FEW
    )
    # Of two-way clusters glance has the smaller number, which is that of the t
    # intervals.
    counts = getattr(result, "n_clusters", ()) or read.n_clusters
    return replace(
        read,
        n_clusters=counts if read.n_clusters else (),
        bandwidth=getattr(result, "bandwidth", None),
        drawn=str(getattr(result, "drawn", "entity")) if drawn else None,
        n_drawn=getattr(result, "n_drawn", next(too_few, None)),
        reps=len(result.draws) if isinstance(result, HasDraws) else 0,
    )


def test_remark(text: str) -> Remark | None:
    """Return the name or the method of a test as a remark, if it has words."""
    read = TESTS.read(text)
    if read is None:
        return None
    code, parts = read
    names: dict[str, tuple[str | Remark, ...]] = {p: (n,) for p, n in parts.items()}
    # A method may be that of another test, with something added.
    if "method" in parts:
        names["method"] = (test_remark(parts["method"]) or parts["method"],)
    return Remark(code, names, TESTS)


def remark_text(
    remark: Remark,
    words: Words,
    labels: Mapping[str, str],
    factors: Factors,
    language: Language = "english",
) -> str:
    """Print a remark with labels of its names; `words` if the remark has none."""
    mark = NOTES.say("list", language)
    factors, words = {**factors, **(remark.factors or {})}, remark.words or words
    names = {}
    for role, role_names in remark.names.items():
        texts = [
            name_label(name, labels, factors, language)
            if isinstance(name, str)
            else remark_text(name, words, labels, factors, language)
            for name in role_names
        ]
        if role == "cells" and len(texts) > _MOST_CHANGED:
            count = len(texts) - _MOST_CHANGED
            texts[_MOST_CHANGED:] = [NOTES.say("list.more", language, count=count)]
        names[role] = mark.join(texts)
    return words.say(remark.code, language, **names)
