"""Notes of a regression table: what is in brackets, stars, how columns differ."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeAlias, TypeVar

from digiprosper.errors import DigiprosperError
from digiprosper.present.columns import Columns
from digiprosper.present.row_names import row_label
from digiprosper.present.rows import (
    cluster_words,
    error_details,
    errors_key,
    kind_words,
)
from digiprosper.present.style import Style
from digiprosper.report.characters import tidy_text
from digiprosper.report.columns import (
    Column,
    Parameter,
    ParameterBlock,
    ParameterTest,
    Remark,
)
from digiprosper.report.labels import name_label, text_factor
from digiprosper.report.verdicts import rejects
from digiprosper.report.words import NOTES

Key = TypeVar("Key")
Value = TypeVar("Value")
_Owned: TypeAlias = "Sequence[tuple[Column, ParameterBlock]]"
# These keep their capital inside a sentence.
_NAMED = ("Abadie", "CR2", "CRV3", "Conley", "Driscoll")
# Kinds of errors of which only a part is clustered
_BY = {"larger": "errors.by.larger"}
# Null hypotheses, by code, under which a parameter does not exist.
_EXISTENCE = ("first", "later", "no_kink")


def note_lines(columns: Columns, style: Style) -> list[str]:
    """Write the notes: what is in brackets, stars, and how columns differ."""
    estimated = [c for c in columns if c.estimates]
    first = [_below_note(estimated, style)] if estimated else []
    notes = [
        *_by_column(_corrections(estimated, style, shared=False), "correction", style),
        *_constant_note(columns, style),
        *dict.fromkeys(c.note for c in columns if c.note),
        *_table_notes(columns, style),
        *_column_remarks(columns, style),
    ]
    # Stars are those of estimates and of correlations.
    starred = [c for c in columns if c.estimates or _has_correlations(c)]
    levels = _star_levels(style) if starred else []
    closing_notes = [
        *(_star_sources(columns, style) if levels else ()),
        *_few_drawn_notes(columns, style),
        *_block_notes(columns, style),
        *_failure_notes(columns, style),
    ]
    if style.language == "english":
        return [*first, *notes, *levels, *closing_notes]
    return _join_opening([*first, *levels], [*notes, *closing_notes], style)


def _join_opening(
    first: Sequence[str], notes: Sequence[str], style: Style
) -> list[str]:
    """Join the first notes to one sentence, after the opening word of Chinese notes."""
    stop = style.note("stop")
    clauses = _listed((note.removesuffix(stop) for note in first), style, "clauses")
    opening, *following = [*([clauses + stop] if first else []), *notes] or [""]
    return [style.note("opening", note=opening), *following] if opening else []


def _constant_note(columns: Columns, style: Style) -> list[str]:
    pairs = [(c.constant, c.estimates.get("Intercept")) for c in columns if c.constant]
    shown = any(constant is cell for constant, cell in pairs)
    return [style.note("constant")] if shown else []


def _table_notes(columns: Columns, style: Style) -> list[str]:
    """Write the notes of columns and models about the whole table."""
    notes: dict[str, None] = {}
    for column in columns:
        remarks = [column.whole, *column.set_notes]
        notes |= dict.fromkeys(style.remark(r, column) for r in remarks if r)
    return list(notes)


def _failure_notes(columns: Columns, style: Style) -> list[str]:
    return [
        style.note("not_estimated", head=c.head, why=_reason(c.failure, style))
        for c in columns
        if c.failure
    ]


def _reason(error: DigiprosperError, style: Style) -> str:
    """Write why a model was not estimated: in English the error's first sentence."""
    codes = [f"failure.{kind.__name__}" for kind in type(error).__mro__]
    absorbed = [p.data.get("column") for p in error.problems if p.code == "absorbed"]
    if absorbed and all(absorbed) and len(absorbed) == len(error.problems):
        codes.insert(0, "failure.absorbed")
    code = next(code for code in codes if code in NOTES)
    # Further sentences of the message are for the console.
    message = re.split(r"\.\s+(?=[A-Z])", tidy_text(error), maxsplit=1)[0]
    first, *names = (
        name_label(text, style.labels, {text: (text_factor(text, style.labels, {}),)})
        for text in (message, *map(str, absorbed))
    )
    terms = _listed(names, style)
    return style.note(code, message=f"{first.rstrip('.')}.", terms=terms)


# --- what is below an estimate --------------------------------------------------------


def _below_note(columns: Columns, style: Style) -> str:
    if style.below == "se":
        return style.note("companion.se", errors=errors_text(columns, style))

    shown, sources = style.note(f"what.{style.below}"), _source_notes(columns, style)
    texts = {source for source, _ in sources}
    if len(texts) == 1:
        return style.note("companion", what=shown, source=texts.pop())
    each = _listed(_by_column(sources, "source", style, "source"), style, "clauses")
    return style.note("companion.each", what=shown, sources=each)


def _source_notes(columns: Columns, style: Style) -> list[tuple[str, Column]]:
    """Write how the intervals or p-values of each column were computed."""
    from_errors = [c for c in columns if not _is_drawn(c, style)]
    errors = errors_text(from_errors, style)
    if not errors.startswith(_NAMED):
        errors = errors[0].lower() + errors[1:]
    sources = []
    for column in columns:
        text = errors
        if _is_drawn(column, style):
            text = _draws_text(column, style)
            if style.below == "ci":
                text = style.note("percentiles", draws=text)
        sources.append((text, column))
    return sources


def _is_drawn(column: Column, style: Style) -> bool:
    """Return whether the number below an estimate is from draws."""
    return style.below != "t" and column.inference.from_draws


def errors_text(columns: Columns, style: Style) -> str:
    """Name the standard errors; if they differ, a row of the table has them."""
    errors, brackets = _kind_of_errors(columns, style)
    brackets += {text for text, _ in _corrections(columns, style, shared=True)}
    text = _listed(filter(None, brackets), style)
    return style.note("errors.with", errors=errors, brackets=text) if text else errors


def _kind_of_errors(columns: Columns, style: Style) -> tuple[str, list[str]]:
    """Name the kind of standard errors, and details for the brackets after it."""
    if not columns:
        return style.note("errors"), []
    if len({errors_key(c.inference) for c in columns}) > 1:
        clustered = all(c.inference.clusters for c in columns)
        several = style.note("errors.clustered" if clustered else "errors.several")
        kinds = {c.inference.cov_type for c in columns}
        # The row with the kinds of errors has a short form of this.
        short = [style.note("errors.short")] if "driscoll_kraay" in kinds else []
        return several, short
    column = columns[0]
    inference, kind = column.inference, column.inference.cov_type
    code = f"errors.kind.{kind}"
    # Another package may have another kind, or not name its clusters.
    if code not in NOTES or (kind == "clustered" and not inference.clusters):
        return style.note("errors"), [kind_words(kind, style)]
    errors = style.note(code)
    if inference.clusters:
        clusters = cluster_words(column, style.note("and"), style)
        errors = style.note(
            _BY.get(kind, "errors.by"), errors=errors, clusters=clusters
        )
    return errors, error_details(inference, style)


def _corrections(
    columns: Columns, style: Style, *, shared: bool
) -> list[tuple[str, Column]]:
    """Name the small-sample corrections if all columns share one, or if they differ."""
    if (len({c.inference.ssc for c in columns}) == 1) is not shared:
        return []
    corrections = []
    for column in columns:
        ssc = column.inference.ssc
        code = f"ssc.{ssc}" if f"ssc.{ssc}" in NOTES else "ssc"
        text = style.note(code, name=ssc) if ssc else ""
        if text:  # in Chinese the default has none
            corrections.append((text, column))
    return corrections


def _draws_text(column: Column, style: Style) -> str:
    return style.note("draws", count=f"{column.inference.reps:,}")


# --- stars ----------------------------------------------------------------------------


def _star_levels(style: Style) -> list[str]:
    if not style.stars:
        return []
    marks = ["*" * count for count in range(1, len(style.stars) + 1)]
    levels = [f"{100 * level:g}%" for level in style.stars]
    pairs = zip(marks, style.stars, strict=True)
    return [
        style.note(
            "stars" if len(marks) > 1 else "stars.one",
            pairs=_listed((f"{mark} p < {level:g}" for mark, level in pairs), style),
            marks=_listed(reversed(marks), style),
            levels=_listed(reversed(levels), style),
        )
    ]


def _star_sources(columns: Columns, style: Style) -> list[str]:
    # Where the parentheses hold the p-value, their note says where it is from.
    drawn = [] if style.below == "p" else [c for c in columns if c.inference.from_draws]
    enough = [c for c in drawn if c.inference.few_drawn is None]
    sources = [(_draws_text(c, style), c) for c in enough]
    notes = _by_column(sources, "stars.draws", style, "draws")
    if any(map(_has_correlations, columns)):
        notes.append(style.note("stars.correlations"))
    return notes


def _has_correlations(column: Column) -> bool:
    return any(not math.isnan(cell.p_value) for cell in column.cells.values())


def _few_drawn_notes(columns: Columns, style: Style) -> list[str]:
    few = [c for c in columns if c.inference.few_drawn is not None]
    counts = [(f"{c.inference.few_drawn}", c) for c in few]
    return _by_column(counts, "few_drawn", style, "count")


# --- parameters beside the slopes -----------------------------------------------------


def _block_notes(columns: Columns, style: Style) -> list[str]:
    owned = [(c, block) for c in columns for block in c.blocks]
    ordered = sorted(owned, key=lambda pair: pair[1].rank)
    kinds = _grouped((b.kind, (c, b)) for c, b in ordered if b.estimated)
    return [
        # Whether standard errors treat an estimated parameter as known.
        *(style.say(f"{kind}.known", of[0][0].words) for kind, of in kinds.items()),
        *(_set_note(kind, of, style) for kind, of in kinds.items()),
        *_gap_notes(owned, style),
        *_reach_notes(owned, style),
        *_test_notes(owned, style),
        *_insignificant_notes(owned, style),
        *(
            _refused_note(c, block, block.refused, style)
            for c, block in owned
            if block.refused
        ),
        *dict.fromkeys(
            style.say(f"{block.kind}.given", c.words)
            for c, block in owned
            if block.fixed
        ),
    ]


def _set_note(kind: str, owned: _Owned, style: Style) -> str:
    """Write how the confidence sets of one kind of parameters are computed."""
    levels = {f"{100 * block.level:g}%" for _, block in owned}
    shared = len(levels) == 1
    words = []
    for column, block in owned:
        text = style.say(f"{kind}.set.{block.confidence}", column.words)
        with_level = _listed([f"{100 * block.level:g}%", text], style, "comma")
        words.append((text if shared else with_level, column))
    level = style.note("sets.level", level=levels.pop()) if shared else ""
    parameters, sources = style.say(kind, owned[0][0].words), _by_value(words, style)
    return style.note("sets", what=parameters, level=level, sources=sources)


def _gap_notes(owned: _Owned, style: Style) -> list[str]:
    gaps = _grouped(
        ((name, parameter.pieces), str(column.head))
        for name, parameter, column, _ in _named_parameters(owned, style)
        if parameter.pieces > 1
    )
    texts = [
        style.note("gap", heads=_listed(heads, style), what=name, pieces=pieces)
        for (name, pieces), heads in gaps.items()
    ]
    joined = _listed(texts, style, "clauses")
    return [style.note("gaps", gaps=joined)] if texts else []


def _named_parameters(
    owned: _Owned, style: Style
) -> Iterator[tuple[str, Parameter, Column, ParameterBlock]]:
    """Yield each parameter with its name, such as ``"threshold 1"``."""
    for column, block in owned:
        for number, parameter in enumerate(block.parameters, start=1):
            name = style.say(f"{block.kind}.numbered", column.words, number=number)
            yield name, parameter, column, block


def _reach_notes(owned: _Owned, style: Style) -> list[str]:
    """Write which confidence sets include an end of the search, or all of it."""
    reached = _grouped(
        (parameter.reach, (name, column))
        for name, parameter, column, _ in _named_parameters(owned, style)
        if parameter.reach
    )
    return [
        style.note(f"reach.{code}", sets=_parameters_text(sets, style))
        for code, sets in reached.items()
    ]


def _insignificant_notes(owned: _Owned, style: Style) -> list[str]:
    """Write which parameters are not significant by their own test."""
    sizes = _grouped(
        (f"{100 * (1 - block.level):.3g}%", (name, column))
        for name, parameter, column, block in _named_parameters(owned, style)
        for test in parameter.tests
        if test.of in _EXISTENCE and not rejects(test.p_value, block.level)
    )
    return [
        style.note("insignificant", size=size, sets=_parameters_text(named, style))
        for size, named in sizes.items()
    ]


def _parameters_text(named: Sequence[tuple[str, Column]], style: Style) -> str:
    return _listed(_by_column(named, "of.parameter", style, "what"), style, "clauses")


def _test_notes(owned: _Owned, style: Style) -> list[str]:
    tested = [
        (c, block) for c, block in owned if any(p.tests for p in block.parameters)
    ]
    if not tested:
        return []
    statistics = dict.fromkeys(
        style.say(f"statistic.{test.statistic}", c.words)
        for c, block in tested
        for parameter in block.parameters
        for test in parameter.tests
    )
    words = style.note("tests.or").join(statistics)
    sources = _by_value(
        [(_drawn_text(c, block, style), c) for c, block in tested], style
    )
    return [style.note("tests", statistics=words, sources=sources)]


def _drawn_text(column: Column, block: ParameterBlock, style: Style) -> str:
    if not block.drawn:
        return ""
    method = style.say(f"drawn.{block.drawn}", column.words)
    return style.note("drawn", count=f"{block.reps:,}", how=method)


def _refused_note(
    column: Column, block: ParameterBlock, test: ParameterTest, style: Style
) -> str:
    words, say = column.words, style.say
    code, none = block.kind, say(f"{block.kind}.none", words)
    if block.parameters:
        code, none = f"{block.kind}.numbered", ""
    numbers = style.note("refused.no_p")
    if math.isfinite(test.value):
        p = style.probability(test.p_value)
        p = p.replace("<", "p < ") if p.startswith("<") else f"p = {p}"
        statistic = say(f"statistic.{test.statistic}", words)
        numbers = _listed(
            [f"{statistic} = {style.number(test.value)}", p], style, "comma"
        )
    return style.note(
        "refused",
        head=column.head,
        what=say(code, words, number=test.number),
        variable=style.label(block.variable, column.factors),
        numbers=numbers,
        drawn=_drawn_text(column, block, style),
        rest=style.note("refused.rest", text=none) if none else "",
    )


def _column_remarks(columns: Columns, style: Style) -> list[str]:
    """Write each remark once with its columns; those of all columns come last, alone.

    Columns below one heading that share a remark are named by this heading.
    """
    owners: dict[str, list[Column]] = {}
    named: set[str] = set()
    for column in columns:
        for own_remark in column.remarks:
            remark = _without_model(own_remark, column)
            text = _remark_text(remark, column, style)
            owners.setdefault(text, []).append(column)
            named |= {text} if _begins_with_name(remark, column, style) else set()
    count = len(columns)
    shared = [text for text, having in owners.items() if len(having) == count]
    apart = [
        (text, column)
        for text, having in owners.items()
        if text not in shared
        for column in _merge_spanned(having, columns)
    ]
    # A name that begins a sentence has no capital of ours.
    alone = [t if t in named else f"{t[:1].upper()}{t[1:]}" for t in shared]
    return [*_by_column(apart, "column", style), *alone]


def _remark_text(remark: Remark, column: Column, style: Style) -> str:
    """Print a remark; terms are named as in their rows."""
    names = [n for n in chain(*remark.names.values()) if isinstance(n, str)]
    terms = filter(column.estimates.__contains__, names)
    rows = {term: row_label(term, [column], style) for term in terms}
    return replace(style, labels={**rows, **style.labels}).remark(remark, column)


def _begins_with_name(remark: Remark, column: Column, style: Style) -> bool:
    words = (remark.words or column.words).text(remark.code, style.language) or ""
    role = words[1:].partition("}")[0] if words.startswith("{") else ""
    return any(isinstance(name, str) for name in remark.names.get(role, ()))


def _without_model(remark: Remark, column: Column) -> Remark:
    """Drop the class of another package's model if the heading has it."""
    heads = {_folded(head) for head in (column.head, column.over) if head}
    models = remark.names.get("model", ())
    is_said = remark.code == "foreign" and _folded(models[0]) in heads
    return remark._replace(code="foreign.named") if is_said else remark


def _folded(name: object) -> str:
    return re.sub(r"[\s_-]", "", str(name)).casefold()


def _merge_spanned(columns_by_text: Columns, columns: Columns) -> list[Column]:
    """Replace all columns below a spanning heading by one with this heading."""
    named: dict[str, Column] = {}
    counts = Counter(c.over for c in columns)
    owned = Counter(c.over for c in columns_by_text)
    for column in columns_by_text:
        over = column.over
        whole = over and owned[over] == counts[over]
        head = str(over if whole else column.head)
        named.setdefault(head, replace(column, head=head))
    return list(named.values())


# --- gathering ------------------------------------------------------------------------


def _grouped(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    groups: dict[Key, list[Value]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _by_column(
    pairs: Iterable[tuple[str, Column]],
    code: str,
    style: Style,
    placeholder: str = "text",
) -> list[str]:
    """Write each text once, with the headings of the columns that share it."""
    heads = _grouped((text, str(column.head)) for text, column in pairs)
    return [
        style.note(code, heads=_listed(names, style), **{placeholder: text})
        for text, names in heads.items()
    ]


def _by_value(pairs: Sequence[tuple[str, Column]], style: Style) -> str:
    """Write a text once if all columns share it, otherwise with their headings."""
    texts = dict.fromkeys(text for text, _ in pairs)
    if len(texts) == 1:
        return next(iter(texts))
    return _listed(_by_column(pairs, "each", style), style, "clauses")


def _listed(texts: Iterable[str], style: Style, mark: str = "list") -> str:
    """Join texts with the comma or semicolon of the language."""
    return style.note(mark).join(texts)
