"""The notes of a regression table: what stands in brackets, the stars, and what columns differ in."""

from __future__ import annotations

import math
import re
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING, TypeAlias

from digiprosper.present.rows import cluster_words, errors_key, lag_words
from digiprosper.report.characters import tidy_text
from digiprosper.report.labels import term_label
from digiprosper.report.text import correction_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digiprosper.errors import DigiprosperError
    from digiprosper.present.rows import Style
    from digiprosper.report.columns import Block, Column, ParameterTest
    from digiprosper.report.inference import Inference

__all__ = ["note_lines"]

_Labels: TypeAlias = "Mapping[str, str]"
_Owned: TypeAlias = "Sequence[tuple[Column, Block]]"

_ERRORS = {
    "unadjusted": "Unadjusted standard errors",
    "robust": "Heteroskedasticity-robust standard errors",
    "driscoll_kraay": "Driscoll-Kraay standard errors",
    "bootstrap": "Bootstrap standard errors",
}
_COMPANIONS = {
    "t": "t statistics in parentheses",
    "p": "p-values in parentheses",
    "ci": "95% confidence intervals in brackets",
}
_CORRELATION_TEST = (
    "Stars of correlations: t test with N - 2 degrees of freedom, which assumes independent rows."
)


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
        *_star_notes(columns, style),
        *_few_drawn_notes(columns),
        *_block_notes(columns, labels, style),
        *(f"{c.head} not estimated: {_first_sentence(c.failure)}" for c in columns if c.failure),
    ]


# --- what stands below an estimate --------------------------------------------------------------------------


def _companion_note(columns: Sequence[Column], labels: _Labels, style: Style) -> str:
    shown = [c for c in columns if c.estimates]
    if style.below == "se":
        return f"{_errors_text(shown, labels)} in parentheses."

    # A t statistic rests on a standard error, also where there are draws.
    drawn = [style.below != "t" and _from_draws(c) for c in shown]
    errors = _errors_text(list(compress(shown, map(not_, drawn))), labels)
    later = _inside_a_sentence(errors)
    percentile = "percentiles of " if style.below == "ci" else ""
    texts = [f"{percentile}{_draws_text(c)}" if own else later for c, own in zip(shown, drawn, strict=True)]
    sources = _by_text(zip(texts, shown, strict=True))

    what = _COMPANIONS[style.below]
    if len(sources) == 1:
        return f"{what}, from {next(iter(sources))}."
    return f"{what}: {_from_each(sources)}."


def _inside_a_sentence(errors: str) -> str:
    return errors if errors.startswith("Driscoll") else errors[0].lower() + errors[1:]


def _from_each(sources: Mapping[str, str]) -> str:
    return "; ".join(f"{heads} from {source}" for source, heads in sources.items())


def _errors_text(columns: Sequence[Column], labels: _Labels) -> str:
    """Name the errors; columns that differ have a row that tells each one's."""
    known = [c.inference for c in columns if c.inference]
    errors, brackets = _kind_of_errors(known, labels)
    corrections = {inference.ssc for inference in known}
    if len(corrections) == 1:
        brackets += [correction_words(ssc) for ssc in corrections if ssc]
    return errors + (f" ({', '.join(brackets)})" if brackets else "")


def _kind_of_errors(known: Sequence[Inference], labels: _Labels) -> tuple[str, list[str]]:
    """Name the errors, and what stands in brackets behind."""
    if len(set(map(errors_key, known))) == 1:
        return _one_kind(known[0], labels)
    if not known:
        return "Standard errors", []
    clustered = all(inference.clusters for inference in known)
    return f"Standard errors {'clustered as' if clustered else 'of the type'} shown above", []


def _one_kind(inference: Inference, labels: _Labels) -> tuple[str, list[str]]:
    errors = _ERRORS.get(inference.cov_type, "Standard errors")
    if inference.clusters:
        errors = f"{errors} clustered by {cluster_words(inference.clusters, labels, ' and ')}"
    return errors, [] if inference.bandwidth is None else [lag_words(inference.bandwidth)]


def _from_draws(column: Column) -> bool:
    return column.inference is not None and column.inference.from_draws


def _draws_text(column: Column) -> str:
    return f"{column.inference.reps if column.inference else 0:,} bootstrap draws"


# --- stars --------------------------------------------------------------------------------------------------


def _star_notes(columns: Sequence[Column], style: Style) -> list[str]:
    correlated = any(map(_has_correlations, columns))
    if not style.stars or not (correlated or any(c.estimates for c in columns)):
        return []
    levels = (f"{'*' * count} p < {level:g}" for count, level in enumerate(style.stars, start=1))
    # Where the parentheses hold the p-value, their note says where it is from.
    drawn = [] if style.below == "p" else _drawn_stars(columns)
    return [f"{', '.join(levels)}.", *drawn, *([_CORRELATION_TEST] if correlated else [])]


def _has_correlations(column: Column) -> bool:
    return any(not math.isnan(cell.p_value) for cell in column.cells.values())


def _drawn_stars(columns: Sequence[Column]) -> list[str]:
    drawn = _by_text((_draws_text(c), c) for c in columns if _from_draws(c) and _few_drawn(c) is None)
    return [f"Stars of {heads}: p-values from {text}." for text, heads in drawn.items()]


def _few_drawn_notes(columns: Sequence[Column]) -> list[str]:
    few = _by_text((f"{_few_drawn(c)} clusters", c) for c in columns if _few_drawn(c) is not None)
    return [
        f"Bootstrap p-values and intervals of {heads} are not reported: {text} are too few for a bootstrap."
        for text, heads in few.items()
    ]


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
        lines.append(f"Below a {what}: its{shared} confidence set (lower and upper end); {_each(sources)}.")
    return lines


def _set_words(column: Column, block: Block, *, name_level: bool) -> str:
    words = column.words.say(f"{block.kind}.set.{block.confidence}")
    return f"{100 * block.level:g}%, {words}" if name_level else words


def _gap_notes(owned: _Owned) -> list[str]:
    gaps = _by_text(
        (f"{c.words.say(f'{block.kind}.numbered', number=number)} in {parameter.pieces} pieces", c)
        for c, block in owned
        for number, parameter in enumerate(block.parameters, start=1)
        if parameter.pieces > 1
    )
    told = "; ".join(f"{names} {text}" for text, names in gaps.items())
    return [f"Confidence sets with gaps: {told}."] if told else []


def _test_notes(owned: _Owned) -> list[str]:
    tested = [(c, block) for c, block in owned if any(p.tests for p in block.parameters)]
    if not tested:
        return []
    words = " or ".join(
        dict.fromkeys(
            c.words.say(f"statistic.{test.statistic}")
            for c, block in tested
            for parameter in block.parameters
            for test in parameter.tests
        )
    )
    sources = _by_text((_drawn_words(c, block), c) for c, block in tested)
    return [f"Below {words} of a test: its p-value, {_each(sources)}."]


def _drawn_words(column: Column, block: Block) -> str:
    if block.drawn is None:
        return ""
    return f"{block.drawn.reps:,} draws, {column.words.say(f'drawn.{block.drawn.how}')}"


def _refused_note(column: Column, block: Block, test: ParameterTest, labels: _Labels, style: Style) -> str:
    words = column.words
    what = (
        words.say(f"{block.kind}.numbered", number=test.number) if block.parameters else words.say(block.kind)
    )
    p = style.probability(test.p_value)
    p = p.replace("<", "p < ") if p.startswith("<") else f"p = {p}"
    numbers = "no p-value"
    if math.isfinite(test.value):
        numbers = f"{words.say(f'statistic.{test.statistic}')} = {style.number(test.value)}, {p}"
    rest = "" if block.parameters else f"; {words.say(f'{block.kind}.none')}"
    return (
        f"{column.head} tested and not retained: {what} in {term_label(block.variable, labels)}, "
        f"{numbers} ({_drawn_words(column, block)}){rest}."
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


def _first_sentence(error: DigiprosperError) -> str:
    """Tell what went wrong; what follows, such as the list of all columns, is for the console."""
    return re.split(r"\.\s+(?=[A-Z])", tidy_text(error), maxsplit=1)[0].rstrip(".") + "."
