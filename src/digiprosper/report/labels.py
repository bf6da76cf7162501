"""Labels of terms: their own, or those of the columns in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from digiprosper.checks import option_problem
from digiprosper.errors import InputTypeError
from digiprosper.report.characters import tidy_text
from digiprosper.report.parsing import QUOTED
from digiprosper.report.terms import Factor, Factors, Term
from digiprosper.report.words import (
    CHINESE_CALLS,
    CHINESE_SIGNS,
    CONDITION_SIGNS,
    REGIONS,
    TABLE,
    Language,
    Words,
)

# Of these only the first argument is printed, and the number of periods.
_FIRST = ("lag", "lead", "diff", "C")
_SIGNS = re.compile(
    r"(?P<quote>['\"])(?P<value>.*?)(?P=quote)|"
    + "|".join(
        rf"\b{sign}\b" if sign.isalpha() else re.escape(sign) for sign in CHINESE_SIGNS
    )
)
_NOT_NAMES = {"", "and", "or", "not", "in"}
_CONDITION = "where"
_POWERS = {1.0: "", 2.0: "²", 3.0: "³"}


def check_labels(labels: object, caller: str) -> dict[str, str]:
    """Check the argument `labels` and make each label one line."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping) or not all(
        isinstance(text, str) for pair in labels.items() for text in pair
    ):
        raise InputTypeError(
            f'{caller}: labels must be a mapping of texts such as {{"digital": '
            f'"Digital economy"}}.',
            [option_problem("labels", labels, what="not a mapping of texts")],
        )
    return {k: tidy_text(v) for k, v in labels.items()}


def term_label(
    term: Term, labels: Mapping[str, str], language: Language = "english"
) -> str:
    """Print a term: its own label, or else its factors', joined by a times sign.

    The square of a labelled column is its label with ``²``. A term without known
    factors is its name. Functions are printed as typed, in Chinese by their names.
    """
    return name_label(term.name, labels, {term.name: term.factors}, language)


def name_label(
    name: str,
    labels: Mapping[str, str],
    factors: Factors,
    language: Language = "english",
) -> str:
    """Print an outcome, effect, cluster or mediator with labels, as `term_label`."""
    if name in labels:
        return labels[name]
    name_factors: Sequence[Factor] = factors.get(name, ())
    texts = (_factor_label(factor, labels, language) for factor in name_factors)
    return " × ".join(texts) or _level_label(name, {}, language)


def _level_label(name: str, labels: Mapping[str, str], language: Language) -> str:
    """Print a level of a category: its label, or in Chinese a region's name."""
    regions = REGIONS if language == "chinese" else {}
    return labels.get(name, regions.get(name, name))


def text_label(
    text: str, labels: Mapping[str, str], language: Language = "english", of: str = ""
) -> str:
    """Print a text of a column `of` a frame: its label or words, as ``"chi2(3)"``."""
    word, bracket, ending = text.partition("(")
    code = f"text.{of}.{word}"
    code = code if code in TABLE else f"text.{word}"
    if text in labels or code not in TABLE:
        return _level_label(text, labels, language)
    return TABLE.say(code, language) + bracket + ending


def term_words(
    term: Term,
    labels: Mapping[str, str],
    words: Words,
    factors: Factors,
    language: Language = "english",
) -> str:
    """Print a term: its own label, else its method's words, else `term_label`.

    Codes of words: a kind (``"direct"``), ``"indirect.through"`` for one with a path,
    ``"index.of"`` for a change of an effect, ``"point"`` and ``"regime"``.
    """
    if term.name in labels:
        return labels[term.name]
    path = " → ".join(name_label(link, labels, factors, language) for link in term.path)
    kind = term.of or term.kind
    code = f"{kind}.through" if path else kind
    if code not in words:
        return term_label(term, labels, language)

    text = words.say(code, language, path=path)
    if term.of:
        text = words.say(f"{term.kind}.of", language, effect=text)
    if term.point is not None:
        text = words.say(
            "point",
            language,
            effect=text,
            point=words.say(f"point.{term.point.code}", language),
        )
    if term.regime is not None:
        text = words.say("regime", language, effect=text, number=term.regime.number)
    return text


def text_factor(text: str, names: Iterable[str], factors: Factors) -> Factor:
    """Describe a text with names of columns or terms, such as a sum or a condition."""
    pattern = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    parts = (
        re.split(rf"(?<![\w:.])({pattern})(?![\w:(\[])", text) if pattern else [text]
    )
    pieces = (
        _named_factor(part, factors) if number % 2 else part
        for number, part in enumerate(parts)
    )
    return Factor(text, pieces=tuple(piece for piece in pieces if piece))


def condition_factor(text: str) -> Factor:
    """Describe a condition on rows, of which the names are not known."""
    names = re.findall(r"`([^`]+)`|([^\W\d]\w*)", re.sub(QUOTED, "", text))
    factor = text_factor(text, {*chain(*names)} - _NOT_NAMES, {})
    return replace(factor, function=_CONDITION)


def _named_factor(name: str, factors: Factors) -> Factor:
    """Describe a term as one factor, a product as a calculation."""
    pieces: list[str | Factor] = []
    for factor in factors.get(name, ()):
        pieces += [" × ", factor]
    return Factor(name, name, pieces=tuple(pieces[1:]))


def effect_names(joined: str | None) -> tuple[str, ...]:
    """Split effects or clusters that `glance` joins with plus signs."""
    return tuple(summands(joined)) if joined else ()


def summands(text: str) -> list[str]:
    """Split a text at plus signs outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "+" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _factor_label(factor: Factor, labels: Mapping[str, str], language: Language) -> str:
    label = _own_label(factor, labels, language)
    if label is not None:
        return label
    in_words = language == "chinese"
    has_values = in_words or factor.function == _CONDITION
    pieces = [
        (_written_piece(piece, labels, in_words=in_words) if has_values else piece)
        if isinstance(piece, str)
        else _factor_label(piece, labels, language)
        for piece in _without_backticks(factor.pieces)
    ]
    if in_words and pieces and factor.function != _CONDITION:
        return _chinese_text(factor, pieces, labels)
    return "".join(pieces) or _level_label(factor.text.strip("`"), {}, language)


def _without_backticks(pieces: Sequence[str | Factor]) -> list[str | Factor]:
    """Remove the backticks around columns, which a specification needs."""
    bare = list(pieces)
    for at, piece in enumerate(bare[1:-1], start=1):
        before, after = bare[at - 1], bare[at + 1]
        if isinstance(piece, str):
            continue
        if isinstance(before, str) and isinstance(after, str):
            bare[at - 1] = before.removesuffix("`")
            bare[at + 1] = after.removeprefix("`")
    return bare


def _chinese_text(
    factor: Factor, pieces: Sequence[str], labels: Mapping[str, str]
) -> str:
    """Write a call, a dummy or a calculation in Chinese, from its written parts."""
    first, last = factor.pieces[0], factor.pieces[-1]
    if factor.level is not None and isinstance(last, str):
        level = last.strip("[]").removeprefix("T.")
        text = f"{pieces[0]}：{_level_label(level, labels, 'chinese')}"
        # Dummies of another reference are other regressors.
        base = re.search(r"ref\s*=\s*(['\"]?)(.+)\1\s*\)\[T\.", factor.text)
        return (
            f"{text}（参照：{_level_label(base[2], labels, 'chinese')}）"
            if base
            else text
        )
    function, bracket, _ = str(first).partition("(")
    if first in CHINESE_CALLS:
        return CHINESE_CALLS[str(first)].format("".join(pieces[1:]))
    if not isinstance(first, str) or not bracket or function not in CHINESE_CALLS:
        return "".join(pieces)
    first_only = "".join(pieces[:-1])
    call = first_only if function in _FIRST else "".join(pieces).removesuffix(")")
    periods = re.search(r"\d+", str(last))
    return CHINESE_CALLS[function].format(
        call[len(function) + 1 :].strip(), count=periods[0] if periods else "1"
    )


def _written_piece(piece: str, labels: Mapping[str, str], *, in_words: bool) -> str:
    """Write labels of quoted values without quotes, and operators as signs."""
    signs = CHINESE_SIGNS if in_words else CONDITION_SIGNS

    def written(match: re.Match[str]) -> str:
        if match["value"] is None:
            return signs.get(match[0], match[0])
        language: Language = "chinese" if in_words else "english"
        return _level_label(match["value"], labels, language)

    return _SIGNS.sub(written, piece)


def _own_label(
    factor: Factor, labels: Mapping[str, str], language: Language
) -> str | None:
    """Return the label of a factor, or of the column that it is a power of.

    In Chinese a power of a column without a label is written in the same way.
    """
    for text in (factor.typed, factor.text):
        if text in labels:
            return labels[text]
    # A column has no pieces; what has some and the power 1 is a function or a dummy of
    # its column.
    is_power = factor.power != 1 or not factor.pieces
    in_signs = language == "chinese" and factor.power != 1
    if is_power and factor.power in _POWERS and (in_signs or factor.column in labels):
        return labels.get(factor.column, factor.column) + _POWERS[factor.power]
    return None
