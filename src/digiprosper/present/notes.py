"""The notes of a regression table: what stands in brackets, the stars, and what columns differ in."""

from __future__ import annotations

import math
import re
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING, TypeAlias

from digiprosper.present.rows import cluster_words, errors_key, lag_words
from digiprosper.report.characters import tidy_text
from digiprosper.report.labels import name_label
from digiprosper.report.text import correction_words
from digiprosper.report.words import NOTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from digiprosper.errors import DigiprosperError
    from digiprosper.present.rows import Style
    from digiprosper.report.columns import Block, Column, ParameterTest, Remark
    from digiprosper.report.inference import Inference

__all__ = ["note_lines"]

_Labels: TypeAlias = "Mapping[str, str]"
_Owned: TypeAlias = "Sequence[tuple[Column, Block]]"


def note_lines(columns: Sequence[Column], labels: _Labels, style: Style) -> list[str]:
    """Explain what stands in brackets, the stars, and columns that are not like the others.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    labels : mapping
        Labels by term or column.
    style : Style
        How numbers become text.

    Returns
    -------
    list of str
        Lines below the table.
    """
    estimated = any(c.estimates for c in columns)
    return [
        *([_companion_note(columns, labels, style)] if estimated else []),
        *dict.fromkeys(c.note for c in columns if c.note),
        *_column_notes(columns, labels),
        *_star_notes(columns, style),
        *_few_drawn_notes(columns),
        *_block_notes(columns, labels, style),
        *(_failure_note(c, c.failure) for c in columns if c.failure),
    ]


def _column_notes(columns: Sequence[Column], labels: _Labels) -> list[str]:
    said = _by_text((_remark_text(c, remark, labels), c) for c, remark in _remarked(columns))
    return [NOTES.say("column", heads=heads, text=text) for text, heads in said.items()]


def _remarked(columns: Sequence[Column]) -> Iterator[tuple[Column, Remark]]:
    for column in columns:
        for remark in column.remarks:
            yield column, remark


def _remark_text(column: Column, remark: Remark, labels: _Labels) -> str:
    names = {
        role: ", ".join(name_label(name, labels, column.factors) for name in found)
        for role, found in remark.names.items()
    }
    return column.words.say(remark.code, "english", **names)


# --- what stands below an estimate --------------------------------------------------------------------------


def _companion_note(columns: Sequence[Column], labels: _Labels, style: Style) -> str:
    shown = [c for c in columns if c.estimates]
    if style.below == "se":
        return NOTES.say("companion.se", errors=_errors_text(shown, labels))

    # A t statistic rests on a standard error, also where there are draws.
    drawn = [style.below != "t" and _from_draws(c) for c in shown]
    errors = _errors_text(list(compress(shown, map(not_, drawn))), labels)
    later = _inside_a_sentence(errors)
    texts = [_source(c, style) if own else later for c, own in zip(shown, drawn, strict=True)]
    sources = _by_text(zip(texts, shown, strict=True))

    what = NOTES.say(f"what.{style.below}")
    if len(sources) == 1:
        return NOTES.say("companion", what=what, source=next(iter(sources)))
    return NOTES.say("companion.each", what=what, sources=_from_each(sources))


def _source(column: Column, style: Style) -> str:
    draws = _draws_text(column)
    return NOTES.say("percentiles", draws=draws) if style.below == "ci" else draws


def _inside_a_sentence(errors: str) -> str:
    return errors if errors.startswith("Driscoll") else errors[0].lower() + errors[1:]


def _from_each(sources: Mapping[str, str]) -> str:
    return "; ".join(NOTES.say("source", heads=heads, source=source) for source, heads in sources.items())


def _errors_text(columns: Sequence[Column], labels: _Labels) -> str:
    """Name the errors; columns that differ have a row that tells each one's."""
    errors, brackets = _kind_of_errors(columns, labels)
    corrections = {c.inference.ssc for c in columns if c.inference}
    if len(corrections) == 1:
        brackets += [correction_words(ssc) for ssc in corrections if ssc]
    return errors + (f" ({', '.join(brackets)})" if brackets else "")


def _kind_of_errors(columns: Sequence[Column], labels: _Labels) -> tuple[str, list[str]]:
    """Name the errors, and what stands in brackets behind."""
    known = [(c.inference, c) for c in columns if c.inference]
    if not known:
        return NOTES.say("errors"), []
    if len({errors_key(inference) for inference, _ in known}) == 1:
        return _one_kind(*known[0], labels)
    clustered = all(inference.clusters for inference, _ in known)
    return NOTES.say("errors.clustered" if clustered else "errors.several"), []


def _one_kind(inference: Inference, column: Column, labels: _Labels) -> tuple[str, list[str]]:
    code = f"errors.kind.{inference.cov_type}"
    errors = NOTES.say(code if code in NOTES else "errors")
    if inference.clusters:
        clusters = cluster_words(column, labels, " and ")
        errors = NOTES.say("errors.by", errors=errors, clusters=clusters)
    return errors, [] if inference.bandwidth is None else [lag_words(inference.bandwidth)]


def _from_draws(column: Column) -> bool:
    return column.inference is not None and column.inference.from_draws


def _draws_text(column: Column) -> str:
    return NOTES.say("draws", count=f"{column.inference.reps if column.inference else 0:,}")


# --- stars --------------------------------------------------------------------------------------------------


def _star_notes(columns: Sequence[Column], style: Style) -> list[str]:
    correlated = any(map(_has_correlations, columns))
    if not style.stars or not (correlated or any(c.estimates for c in columns)):
        return []
    levels = (f"{'*' * count} p < {level:g}" for count, level in enumerate(style.stars, start=1))
    # Where the parentheses hold the p-value, their note says where it is from.
    drawn = [] if style.below == "p" else _drawn_stars(columns)
    return [f"{', '.join(levels)}.", *drawn, *([NOTES.say("stars.correlations")] if correlated else [])]


def _has_correlations(column: Column) -> bool:
    return any(not math.isnan(cell.p_value) for cell in column.cells.values())


def _drawn_stars(columns: Sequence[Column]) -> list[str]:
    drawn = _by_text((_draws_text(c), c) for c in columns if _from_draws(c) and _few_drawn(c) is None)
    return [NOTES.say("stars.draws", heads=heads, draws=text) for text, heads in drawn.items()]


def _few_drawn_notes(columns: Sequence[Column]) -> list[str]:
    few = _by_text((f"{_few_drawn(c)}", c) for c in columns if _few_drawn(c) is not None)
    return [NOTES.say("few_drawn", heads=heads, count=count) for count, heads in few.items()]


def _few_drawn(column: Column) -> int | None:
    return column.inference.few_drawn if column.inference else None


# --- parameters beside the slopes ---------------------------------------------------------------------------


def _block_notes(columns: Sequence[Column], labels: _Labels, style: Style) -> list[str]:
    owned = [(c, block) for c in columns for block in c.blocks]
    return [
        *_known_notes(owned),
        *_set_notes(owned),
        *_gap_notes(owned),
        *_test_notes(owned),
        *(_refused_note(c, block, block.refused, labels, style) for c, block in owned if block.refused),
        *dict.fromkeys(c.words.say(f"{block.kind}.given") for c, block in owned if block.given),
    ]


def _by_rank(owned: _Owned) -> dict[str, list[tuple[Column, Block]]]:
    """Gather blocks with estimated parameters by their kind."""
    kinds: dict[str, list[tuple[Column, Block]]] = {}
    for column, block in sorted(owned, key=lambda own: own[1].rank):
        if block.estimated:
            kinds.setdefault(block.kind, []).append((column, block))
    return kinds


def _known_notes(owned: _Owned) -> list[str]:
    """Tell what the standard errors make of a parameter that was estimated."""
    return [own[0][0].words.say(f"{kind}.known") for kind, own in _by_rank(owned).items()]


def _set_notes(owned: _Owned) -> list[str]:
    lines = []
    for kind, own in _by_rank(owned).items():
        levels = {f"{100 * block.level:g}%" for _, block in own}
        shared = f" {levels.pop()}" if len(levels) == 1 else ""
        sources = _by_text((_set_words(c, block, name_level=not shared), c) for c, block in own)
        what = own[0][0].words.say(kind)
        lines.append(NOTES.say("sets", what=what, level=shared, sources=_each(sources)))
    return lines


def _set_words(column: Column, block: Block, *, name_level: bool) -> str:
    words = column.words.say(f"{block.kind}.set.{block.confidence}")
    return f"{100 * block.level:g}%, {words}" if name_level else words


def _gap_notes(owned: _Owned) -> list[str]:
    gaps: dict[tuple[str, int], list[str]] = {}
    for column, block in owned:
        for number, parameter in enumerate(block.parameters, start=1):
            if parameter.pieces > 1:
                what = column.words.say(f"{block.kind}.numbered", number=number)
                gaps.setdefault((what, parameter.pieces), []).append(str(column.head))
    told = [
        NOTES.say("gap", heads=", ".join(heads), what=what, pieces=pieces)
        for (what, pieces), heads in gaps.items()
    ]
    return [NOTES.say("gaps", gaps="; ".join(told))] if told else []


def _test_notes(owned: _Owned) -> list[str]:
    tested = [(c, block) for c, block in owned if any(p.tests for p in block.parameters)]
    if not tested:
        return []
    words = NOTES.say("tests.or").join(
        dict.fromkeys(
            c.words.say(f"statistic.{test.statistic}")
            for c, block in tested
            for parameter in block.parameters
            for test in parameter.tests
        )
    )
    sources = _by_text((_drawn_words(c, block), c) for c, block in tested)
    return [NOTES.say("tests", statistics=words, sources=_each(sources))]


def _drawn_words(column: Column, block: Block) -> str:
    if block.drawn is None:
        return ""
    how = column.words.say(f"drawn.{block.drawn.how}")
    return NOTES.say("drawn", count=f"{block.drawn.reps:,}", how=how)


def _refused_note(column: Column, block: Block, test: ParameterTest, labels: _Labels, style: Style) -> str:
    words = column.words
    what = (
        words.say(f"{block.kind}.numbered", number=test.number) if block.parameters else words.say(block.kind)
    )
    p = style.probability(test.p_value)
    p = p.replace("<", "p < ") if p.startswith("<") else f"p = {p}"
    numbers = NOTES.say("refused.no_p")
    if math.isfinite(test.value):
        numbers = f"{words.say(f'statistic.{test.statistic}')} = {style.number(test.value)}, {p}"
    rest = "" if block.parameters else f"; {words.say(f'{block.kind}.none')}"
    return NOTES.say(
        "refused",
        head=column.head,
        what=what,
        variable=name_label(block.variable, labels, column.factors),
        numbers=numbers,
        drawn=_drawn_words(column, block),
        rest=rest,
    )


# --- gathering ----------------------------------------------------------------------------------------------


def _each(sources: Mapping[str, str]) -> str:
    """Tell something of all columns, or what differs of each."""
    if len(sources) == 1:
        return next(iter(sources))
    return "; ".join(f"{heads}: {text}" for text, heads in sources.items())


def _by_text(pairs: Iterable[tuple[str, Column]]) -> dict[str, str]:
    """Gather the heads of the columns for which the same is to be said."""
    heads: dict[str, list[str]] = {}
    for text, column in pairs:
        heads.setdefault(text, []).append(str(column.head))
    return {text: ", ".join(names) for text, names in heads.items()}


def _failure_note(column: Column, failure: DigiprosperError) -> str:
    return NOTES.say("not_estimated", head=column.head, why=_first_sentence(failure))


def _first_sentence(error: DigiprosperError) -> str:
    """Tell what went wrong; what follows, such as the list of all columns, is for the console."""
    return re.split(r"\.\s+(?=[A-Z])", tidy_text(error), maxsplit=1)[0].rstrip(".") + "."
