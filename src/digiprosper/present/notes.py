"""The notes of a regression table: what stands in brackets, the stars, and what columns differ in."""

from __future__ import annotations

import math
import re
from itertools import chain, compress
from operator import not_
from typing import TYPE_CHECKING, TypeAlias

from digiprosper.present.rows import cluster_words, error_details, errors_key
from digiprosper.report.characters import tidy_text
from digiprosper.report.columns import remark_text
from digiprosper.report.labels import name_label
from digiprosper.report.words import NOTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from digiprosper.errors import DigiprosperError
    from digiprosper.present.style import Style
    from digiprosper.report.columns import Block, Column, ParameterTest, Remark
    from digiprosper.report.inference import Inference

_Labels: TypeAlias = "Mapping[str, str]"
_Owned: TypeAlias = "Sequence[tuple[Column, Block]]"
# These keep their capital inside a sentence.
_NAMED = ("Driscoll", "CRV3", "Conley")


def note_lines(columns: Sequence[Column], labels: _Labels, style: Style) -> list[str]:
    """Write the notes: what is in brackets, stars, and how columns differ."""
    estimated = any(c.estimates for c in columns)
    brackets = [_companion_note(columns, labels, style)] if estimated else []
    notes = [
        *_constant_note(columns, style),
        *dict.fromkeys(c.note for c in columns if c.note),
        *dict.fromkeys(chain.from_iterable(_whole_notes(c, labels, style) for c in columns)),
        *_column_notes(columns, labels, style),
    ]
    closing_notes = [
        *_star_sources(columns, style),
        *_few_drawn_notes(columns, style),
        *_block_notes(columns, labels, style),
        *(_failure_note(c, c.failure, style) for c in columns if c.failure),
    ]
    if style.language == "english":
        return [*brackets, *notes, *_star_levels(columns, style), *closing_notes]
    return _opened([*brackets, *_star_levels(columns, style)], [*notes, *closing_notes], style)


def _opened(first: Sequence[str], notes: Sequence[str], style: Style) -> list[str]:
    """Join the first notes to one sentence, and start with the opening word of notes in Chinese tables."""
    stop = style.say(NOTES, "stop")
    joined = [_listed((note.removesuffix(stop) for note in first), style, "clauses") + stop] if first else []
    opening, *following = [*joined, *notes] or [""]
    return [style.say(NOTES, "opening", note=opening), *following] if opening else []


def _constant_note(columns: Sequence[Column], style: Style) -> list[str]:
    has_constant = any(c.constant is not None and c.estimates.get("Intercept") is c.constant for c in columns)
    return [style.say(NOTES, "constant")] if has_constant else []


def _whole_notes(column: Column, labels: _Labels, style: Style) -> list[str]:
    """Write the notes of a column, and of its sets of models, that are about the whole table."""
    remarks = [*([column.whole] if column.whole else []), *column.set_notes]
    return [_remark_text(column, remark, labels, style) for remark in remarks]


def _column_notes(columns: Sequence[Column], labels: _Labels, style: Style) -> list[str]:
    heads_by_text = _by_text(
        ((_remark_text(c, remark, labels, style), c) for c, remark in _remarked(columns)), style
    )
    return [style.say(NOTES, "column", heads=heads, text=text) for text, heads in heads_by_text.items()]


def _remarked(columns: Sequence[Column]) -> Iterator[tuple[Column, Remark]]:
    for column in columns:
        for remark in column.remarks:
            yield column, remark


def _remark_text(column: Column, remark: Remark, labels: _Labels, style: Style) -> str:
    return remark_text(remark, column.words, labels, column.factors, style.language)


# --- what stands below an estimate --------------------------------------------------------------------------


def _companion_note(columns: Sequence[Column], labels: _Labels, style: Style) -> str:
    estimated = [c for c in columns if c.estimates]
    if style.below == "se":
        return style.say(NOTES, "companion.se", errors=_errors_text(estimated, labels, style))

    # A t statistic rests on a standard error, also where there are draws.
    drawn = [style.below != "t" and _from_draws(c) for c in estimated]
    errors = _errors_text(list(compress(estimated, map(not_, drawn))), labels, style)
    later = _inside_a_sentence(errors)
    texts = [_source(c, style) if is_drawn else later for c, is_drawn in zip(estimated, drawn, strict=True)]
    sources = _by_text(zip(texts, estimated, strict=True), style)

    companion = style.say(NOTES, f"what.{style.below}")
    if len(sources) == 1:
        return style.say(NOTES, "companion", what=companion, source=next(iter(sources)))
    return style.say(NOTES, "companion.each", what=companion, sources=_from_each(sources, style))


def _source(column: Column, style: Style) -> str:
    draws = _draws_text(column, style)
    return style.say(NOTES, "percentiles", draws=draws) if style.below == "ci" else draws


def _inside_a_sentence(errors: str) -> str:
    return errors if errors.startswith(_NAMED) else errors[0].lower() + errors[1:]


def _from_each(sources: Mapping[str, str], style: Style) -> str:
    source_texts = (
        style.say(NOTES, "source", heads=heads, source=source) for source, heads in sources.items()
    )
    return _listed(source_texts, style, "clauses")


def _errors_text(columns: Sequence[Column], labels: _Labels, style: Style) -> str:
    """Name the standard errors; if they differ between columns, a row of the table has them."""
    errors, brackets = _kind_of_errors(columns, labels, style)
    corrections = {c.inference.ssc for c in columns if c.inference}
    if len(corrections) == 1:
        texts = (_correction_text(ssc, style) for ssc in corrections if ssc)
        brackets += [text for text in texts if text]
    bracket_text = _listed(brackets, style)
    return style.say(NOTES, "errors.with", errors=errors, brackets=bracket_text) if brackets else errors


def _correction_text(ssc: str, style: Style) -> str:
    code = f"ssc.{ssc}"
    return style.say(NOTES, code if code in NOTES else "ssc", name=ssc)


def _kind_of_errors(columns: Sequence[Column], labels: _Labels, style: Style) -> tuple[str, list[str]]:
    """Name the kind of standard errors, and details for the brackets after it."""
    inferences = [(c.inference, c) for c in columns if c.inference]
    if not inferences:
        return style.say(NOTES, "errors"), []
    if len({errors_key(inference) for inference, _ in inferences}) == 1:
        return _one_kind(*inferences[0], labels, style)
    clustered = all(inference.clusters for inference, _ in inferences)
    return style.say(NOTES, "errors.clustered" if clustered else "errors.several"), []


def _one_kind(inference: Inference, column: Column, labels: _Labels, style: Style) -> tuple[str, list[str]]:
    code = f"errors.kind.{inference.cov_type}"
    errors = style.say(NOTES, code if code in NOTES else "errors")
    if inference.clusters:
        clusters = cluster_words(column, labels, style.say(NOTES, "and"))
        errors = style.say(NOTES, "errors.by", errors=errors, clusters=clusters)
    return errors, error_details(inference, style)


def _from_draws(column: Column) -> bool:
    return column.inference is not None and column.inference.from_draws


def _draws_text(column: Column, style: Style) -> str:
    return style.say(NOTES, "draws", count=f"{column.inference.reps if column.inference else 0:,}")


# --- stars --------------------------------------------------------------------------------------------------


def _star_levels(columns: Sequence[Column], style: Style) -> list[str]:
    if not style.stars or not _are_starred(columns):
        return []
    marks = ["*" * count for count in range(1, len(style.stars) + 1)]
    levels = [f"{100 * level:g}%" for level in style.stars]
    pairs = [f"{mark} p < {level:g}" for mark, level in zip(marks, style.stars, strict=True)]
    return [
        style.say(
            NOTES,
            "stars" if len(marks) > 1 else "stars.one",
            pairs=_listed(pairs, style),
            marks=_listed(reversed(marks), style),
            levels=_listed(reversed(levels), style),
        )
    ]


def _star_sources(columns: Sequence[Column], style: Style) -> list[str]:
    if not style.stars or not _are_starred(columns):
        return []
    # Where the parentheses hold the p-value, their note says where it is from.
    drawn = [] if style.below == "p" else _drawn_stars(columns, style)
    correlated = any(map(_has_correlations, columns))
    return [*drawn, *([style.say(NOTES, "stars.correlations")] if correlated else [])]


def _are_starred(columns: Sequence[Column]) -> bool:
    return any(c.estimates or _has_correlations(c) for c in columns)


def _has_correlations(column: Column) -> bool:
    return any(not math.isnan(cell.p_value) for cell in column.cells.values())


def _drawn_stars(columns: Sequence[Column], style: Style) -> list[str]:
    drawn = [c for c in columns if _from_draws(c) and _few_drawn(c) is None]
    texts = _by_text(((_draws_text(c, style), c) for c in drawn), style)
    return [style.say(NOTES, "stars.draws", heads=heads, draws=text) for text, heads in texts.items()]


def _few_drawn_notes(columns: Sequence[Column], style: Style) -> list[str]:
    few = _by_text(((f"{_few_drawn(c)}", c) for c in columns if _few_drawn(c) is not None), style)
    return [style.say(NOTES, "few_drawn", heads=heads, count=count) for count, heads in few.items()]


def _few_drawn(column: Column) -> int | None:
    return column.inference.few_drawn if column.inference else None


# --- parameters beside the slopes ---------------------------------------------------------------------------


def _block_notes(columns: Sequence[Column], labels: _Labels, style: Style) -> list[str]:
    owned = [(c, block) for c in columns for block in c.blocks]
    return [
        *_known_notes(owned, style),
        *_set_notes(owned, style),
        *_gap_notes(owned, style),
        *_whole_set_notes(owned, style),
        *_test_notes(owned, style),
        *(_refused_note(c, block, block.refused, labels, style) for c, block in owned if block.refused),
        *dict.fromkeys(style.say(c.words, f"{block.kind}.given") for c, block in owned if block.given),
    ]


def _by_rank(owned: _Owned) -> dict[str, list[tuple[Column, Block]]]:
    """Group blocks with estimated parameters by kind, in the order of their ranks."""
    kinds: dict[str, list[tuple[Column, Block]]] = {}
    for column, block in sorted(owned, key=lambda pair: pair[1].rank):
        if block.estimated:
            kinds.setdefault(block.kind, []).append((column, block))
    return kinds


def _known_notes(owned: _Owned, style: Style) -> list[str]:
    """Write whether standard errors treat an estimated parameter as known."""
    return [style.say(blocks[0][0].words, f"{kind}.known") for kind, blocks in _by_rank(owned).items()]


def _set_notes(owned: _Owned, style: Style) -> list[str]:
    lines = []
    for kind, blocks in _by_rank(owned).items():
        levels = {f"{100 * block.level:g}%" for _, block in blocks}
        shared = style.say(NOTES, "sets.level", level=levels.pop()) if len(levels) == 1 else ""
        words = ((_set_words(c, block, style, name_level=not shared), c) for c, block in blocks)
        sources = _each(_by_text(words, style), style)
        kind_name = style.say(blocks[0][0].words, kind)
        lines.append(style.say(NOTES, "sets", what=kind_name, level=shared, sources=sources))
    return lines


def _set_words(column: Column, block: Block, style: Style, *, name_level: bool) -> str:
    words = style.say(column.words, f"{block.kind}.set.{block.confidence}")
    return _listed([f"{100 * block.level:g}%", words], style, "comma") if name_level else words


def _gap_notes(owned: _Owned, style: Style) -> list[str]:
    gaps: dict[tuple[str, int], list[str]] = {}
    for column, block in owned:
        for number, parameter in enumerate(block.parameters, start=1):
            if parameter.pieces > 1:
                parameter_name = style.say(column.words, f"{block.kind}.numbered", number=number)
                gaps.setdefault((parameter_name, parameter.pieces), []).append(str(column.head))
    gap_texts = [
        style.say(NOTES, "gap", heads=_listed(heads, style), what=parameter_name, pieces=pieces)
        for (parameter_name, pieces), heads in gaps.items()
    ]
    return [style.say(NOTES, "gaps", gaps=_listed(gap_texts, style, "clauses"))] if gap_texts else []


def _whole_set_notes(owned: _Owned, style: Style) -> list[str]:
    sets = _by_text(
        (
            (style.say(column.words, f"{block.kind}.numbered", number=number), column)
            for column, block in owned
            for number, parameter in enumerate(block.parameters, start=1)
            if parameter.whole
        ),
        style,
    )
    named = [
        style.say(NOTES, "whole", heads=heads, what=parameter_name) for parameter_name, heads in sets.items()
    ]
    return [style.say(NOTES, "wholes", sets=_listed(named, style, "clauses"))] if named else []


def _test_notes(owned: _Owned, style: Style) -> list[str]:
    tested = [(c, block) for c, block in owned if any(p.tests for p in block.parameters)]
    if not tested:
        return []
    words = style.say(NOTES, "tests.or").join(
        dict.fromkeys(
            style.say(c.words, f"statistic.{test.statistic}")
            for c, block in tested
            for parameter in block.parameters
            for test in parameter.tests
        )
    )
    sources = _by_text(((_drawn_words(c, block, style), c) for c, block in tested), style)
    return [style.say(NOTES, "tests", statistics=words, sources=_each(sources, style))]


def _drawn_words(column: Column, block: Block, style: Style) -> str:
    if block.drawn is None:
        return ""
    draw_method = style.say(column.words, f"drawn.{block.drawn.how}")
    return style.say(NOTES, "drawn", count=f"{block.drawn.reps:,}", how=draw_method)


def _refused_note(column: Column, block: Block, test: ParameterTest, labels: _Labels, style: Style) -> str:
    words, say = column.words, style.say
    code = f"{block.kind}.numbered" if block.parameters else block.kind
    parameter_name = say(words, code, number=test.number)
    p = style.probability(test.p_value)
    p = p.replace("<", "p < ") if p.startswith("<") else f"p = {p}"
    numbers = say(NOTES, "refused.no_p")
    if math.isfinite(test.value):
        statistic = say(words, f"statistic.{test.statistic}")
        numbers = _listed([f"{statistic} = {style.number(test.value)}", p], style, "comma")
    none = "" if block.parameters else say(words, f"{block.kind}.none")
    closing = say(NOTES, "refused.rest", text=none) if none else ""
    return say(
        NOTES,
        "refused",
        head=column.head,
        what=parameter_name,
        variable=name_label(block.variable, labels, column.factors),
        numbers=numbers,
        drawn=_drawn_words(column, block, style),
        rest=closing,
    )


# --- gathering ----------------------------------------------------------------------------------------------


def _each(sources: Mapping[str, str], style: Style) -> str:
    """Write a text once if all columns share it, otherwise with the headings of its columns."""
    if len(sources) == 1:
        return next(iter(sources))
    column_texts = (style.say(NOTES, "each", heads=heads, text=text) for text, heads in sources.items())
    return _listed(column_texts, style, "clauses")


def _by_text(pairs: Iterable[tuple[str, Column]], style: Style) -> dict[str, str]:
    """Join the headings of the columns that share a text."""
    heads: dict[str, list[str]] = {}
    for text, column in pairs:
        heads.setdefault(text, []).append(str(column.head))
    return {text: _listed(names, style) for text, names in heads.items()}


def _listed(texts: Iterable[str], style: Style, mark: str = "list") -> str:
    """Join texts with the comma or semicolon of the language."""
    return style.say(NOTES, mark).join(texts)


def _failure_note(column: Column, failure: DigiprosperError, style: Style) -> str:
    return style.say(NOTES, "not_estimated", head=column.head, why=_first_sentence(failure))


def _first_sentence(error: DigiprosperError) -> str:
    """Keep the first sentence of a message; others, such as a list of columns, are for the console."""
    return re.split(r"\.\s+(?=[A-Z])", tidy_text(error), maxsplit=1)[0].rstrip(".") + "."
