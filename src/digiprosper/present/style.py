"""Style of tables: language, format of numbers, and choices of a journal."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_option,
    check_whole,
    option_error,
    plain,
    type_error,
)
from digiprosper.errors import cited
from digiprosper.report.characters import decimal_text, tidy_text
from digiprosper.report.columns import Column, Estimate, Remark, RowName, remark_text
from digiprosper.report.labels import name_label, text_label
from digiprosper.report.terms import Factors
from digiprosper.report.words import LANGUAGES, NO_WORDS, NOTES, TABLE, Language, Words

Below: TypeAlias = Literal["se", "t", "p", "ci"]
FromStyle: TypeAlias = Literal["style"]
FROM_STYLE: Final = "style"
"""Value of `stars` if the style decides, since None means no stars."""

_OF_MODELS = ("rsquared_within", "pseudo_rsquared", "kp_rk_f", "n_instruments")
_OF_GMM = ("ar1_p", "ar2_p", "hansen_p")
_USUAL_STATS = {
    "en": ("nobs", "n_entities", *_OF_MODELS, *_OF_GMM),
    "zh": ("nobs", "rsquared", *_OF_MODELS, *_OF_GMM),
}
# A column of counts holds fractions, and so floats, where one of them is a mean, as
# that of `Panel.describe`.
_COUNT = "N"
_NAMED_ROWS = ("intercept", "test.statistic", "test.distribution", "test.p_value")
# What stands for no where a journal writes yes in one of these ways.
_NO = {
    "是": "否",
    "控制": "未控制",
    "YES": "NO",
    "Yes": "No",
    "yes": "no",
    "√": "",
    "✓": "",
    "Y": "N",
}
# Users name the columns and rows of their own numbers: only these names say which of
# them are p-values. Chinese characters, which are letters too, need no blank before
# the p.
_P_NAME = re.compile(
    r"(?:.*[\W\u4e00-\u9fff])?(?:p|[pP][ _-]?value|[pP]\s?值)[)\uff09]?"
)


@dataclass(frozen=True, slots=True)
class TableStyle:
    """Style of the tables of a paper: language and format.

    Arguments of `etable` override the style for a single table.

    Parameters
    ----------
    language : {"en", "zh"}
        Language of the rows, headings and notes that the library writes. Labels are
        printed as they are. A Chinese table calls the effects of the keys of the panel
        个体固定效应 and 时间固定效应, shows the R² including fixed effects, and states
        in the note how standard errors are clustered. Functions of terms are written in
        Chinese, such as ln(产出) and 产出（滞后1期）, and so are the names of tests.
    below : {"se", "t", "p", "ci"}
        What is shown below each estimate: standard error (default), t statistic,
        p-value or confidence interval. The default is the same in both languages.
        Chinese papers print either, and the note says which. With standard errors
        readers can test any value and compare two coefficients; t tests only zero.
        ``TableStyle("zh", below="t", t_digits=2)`` prints t.
    stars : sequence of float or None
        Significance levels in descending order, with one more star for each; by default
        .1, .05 and .01. None shows no stars.
    digits : int
        Number of decimals, 3 by default; see `etable` for small numbers.
    stats : sequence of str, optional
        Statistics below the estimates, which are keys of `glance`, as in `etable`. The
        default is nobs, n_entities (in Chinese rsquared, with the absorbed effects),
        rsquared_within, pseudo_rsquared, kp_rk_f, and the tests of GMM.
    yes, no : str, optional
        Text in the rows of controls and fixed effects. The default is Yes and No, or 是
        and 否. If only `yes` is given, `no` is 未控制 for ``"控制"``, NO for ``"YES"``,
        empty for ``"√"``, and otherwise the default.
    cluster_row : bool, optional
        Whether a row shows the clusters if all columns have the same. The default is
        True in English and False in Chinese, where the note states it. If columns have
        different standard errors, there is always such a row.
    t_digits : int, optional
        Number of decimals of t statistics (``below="t"``). The default is `digits`;
        Chinese journals often print two.

    Raises
    ------
    OptionError
        If an option has a value that is not allowed.
    InputTypeError
        If `stats` is not a list, or `yes` or `no` is not text.

    Examples
    --------
    >>> import digiprosper as dp
    >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)"]).fit(dp.datasets.us_states())
    >>> chinese, labels = (
    ...     TableStyle("zh", yes="控制"),
    ...     {"state": "省份", "log(pc)": "资本"},
    ... )
    >>> table = dp.etable(fit, style=chinese, labels=labels, title="表1 基准回归")
    >>> table.frame.index.tolist()
    ['被解释变量', '资本', '', '个体固定效应', '时间固定效应', '观测值', 'R²', '组内R²']
    >>> table.notes[0].split("；")
    ['注：括号内为聚类到省份层面的稳健标准误',
     '***、**、*分别表示在1%、5%、10%的水平上显著。']
    """

    language: Literal["en", "zh"] = "en"
    below: Below = "se"
    stars: tuple[float, ...] | None = (0.1, 0.05, 0.01)
    digits: int = 3
    stats: tuple[str, ...] | None = None
    yes: str | None = None
    no: str | None = None
    cluster_row: bool | None = None
    t_digits: int | None = None

    def __post_init__(self) -> None:
        """Check all options."""
        check_option("language", self.language, tuple(LANGUAGES))
        check_option("below", self.below, ("se", "t", "p", "ci"))
        check_option("cluster_row", self.cluster_row, (None, True, False))
        for option in ("language", "below", "cluster_row"):
            object.__setattr__(self, option, plain(getattr(self, option)))
        for option, check in _CHECKS.items():
            value = getattr(self, option)
            # Every table has a number of decimals.
            if value is not None or option == "digits":
                object.__setattr__(self, option, check(option, value))


def read_style(
    style: object,
    below: Below | None = None,
    stars: Sequence[float] | FromStyle | None = FROM_STYLE,
    digits: int | None = None,
    stats: Sequence[str] | None = None,
    t_digits: int | None = None,
) -> Style:
    """Merge a style with arguments of a call, which have precedence if not None.

    For `stars`, None means no stars and ``"style"`` leaves them to the style.
    """
    if style is not None and not isinstance(style, TableStyle):
        raise type_error("style", style, "a TableStyle, such as TableStyle('zh')")
    chosen = {"below": below, "digits": digits, "stats": stats, "t_digits": t_digits}
    changes: dict[str, Any] = {n: v for n, v in chosen.items() if v is not None}
    if not isinstance(stars, str) or stars != FROM_STYLE:
        changes["stars"] = stars
    return _apply_defaults(replace(style or TableStyle(), **changes))


def _apply_defaults(style: TableStyle) -> Style:
    language = LANGUAGES[style.language]
    yes = TABLE.say("yes", language) if style.yes is None else style.yes
    no = _NO.get(yes, TABLE.say("no", language)) if style.no is None else style.no
    in_english = language == "english"
    return Style(
        below=style.below,
        stars=style.stars,
        digits=style.digits,
        language=language,
        stats=_USUAL_STATS[style.language] if style.stats is None else style.stats,
        yes_no=(yes, no),
        cluster_row=in_english if style.cluster_row is None else style.cluster_row,
        t_digits=style.digits if style.t_digits is None else style.t_digits,
    )


def _check_decimals(option: str, digits: object) -> int:
    return check_whole(option, digits, 0, 15)


def _check_word(option: str, word: object) -> str:
    if isinstance(word, str):
        return tidy_text(word)
    raise type_error(option, word, "a text such as 'Yes'")


def _check_stats(option: str, stats: object) -> tuple[str, ...]:
    if isinstance(stats, str) or not isinstance(stats, Sequence):
        raise type_error(option, stats, "a list of keys such as ['nobs']")
    for key in stats:
        if not isinstance(key, str):
            raise option_error(
                option,
                key,
                f"stats={cited(key)} must be a key of glance(), such as 'nobs'.",
            )
    return tuple(stats)


def _check_stars(option: str, stars: Any) -> tuple[float, ...]:
    if isinstance(stars, np.ndarray):
        stars = stars.tolist()
    are_shares = isinstance(stars, Sequence) and all(
        isinstance(s, numbers.Real) and bool(0 < s < 1)  # type: ignore[operator]
        for s in stars
    )
    levels = [float(s) for s in stars] if are_shares else []
    if not levels or not (np.diff(levels) < 0).all():
        raise option_error(
            option,
            stars,
            f"stars={cited(stars)} must be levels between 0 and 1 in descending order, "
            "such as (0.1, 0.05, 0.01), or None.",
        )
    return tuple(levels)


_CHECKS: dict[str, Callable[[str, Any], object]] = {
    "digits": _check_decimals,
    "stars": _check_stars,
    "stats": _check_stats,
    "yes": _check_word,
    "no": _check_word,
    "t_digits": _check_decimals,
}


@dataclass(frozen=True, slots=True)
class Style:
    """Format of numbers and names, with defaults filled in.

    `stars` are levels in descending order, `stats` are keys of `glance`, `yes_no` are
    the words in rows of controls and effects, `cluster_row` is whether clusters that
    all columns share have a row, `labels` are those of the models and of the call, and
    `t_digits` are the decimals of t statistics.
    """

    below: Below
    stars: tuple[float, ...] | None
    digits: int
    language: Language = "english"
    stats: tuple[str, ...] = _USUAL_STATS["en"]
    yes_no: tuple[str, str] = ("Yes", "No")
    cluster_row: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    t_digits: int = 3

    def say(self, code: str, words: Words = TABLE, **parts: object) -> str:
        """Return the words of a code in the language of the table."""
        return words.say(code, self.language, **parts)

    def note(self, code: str, **parts: object) -> str:
        """Return the words of a code of notes in the language of the table."""
        return NOTES.say(code, self.language, **parts)

    def label(self, name: str, factors: Factors) -> str:
        """Print the name of an outcome, effect or cluster with its label."""
        return name_label(name, self.labels, factors, self.language)

    def stub(self, name: str) -> str:
        """Print the name of a level of the index of a frame."""
        codes = (f"stub.{name}", f"head.{name}")
        words = (self.say(code) for code in codes if code in TABLE)
        return self.labels.get(name) or next(words, name)

    def remark(self, remark: Remark, column: Column) -> str:
        """Print a remark of a column with the labels of its names."""
        return remark_text(
            remark, column.words, self.labels, column.factors, self.language
        )

    def row_name(self, name: str) -> str:
        """Print the name of a row that the caller adds."""
        if not isinstance(name, RowName):
            return tidy_text(name)
        return self._row_remark(name, name.remark)

    def row_notes(self, names: Iterable[str]) -> list[str]:
        """Write the notes of rows that the caller adds, each once."""
        owned = [(n, n.note) for n in names if isinstance(n, RowName) and n.note]
        return list(dict.fromkeys(self._row_remark(name, note) for name, note in owned))

    def _row_remark(self, name: RowName, remark: Remark) -> str:
        labels = {**self.labels, **name.labels}
        return remark_text(remark, NO_WORDS, labels, {}, self.language)

    @property
    def own_labels(self) -> dict[str, str]:
        """Return labels of rows the library names; none in English."""
        if self.language == "english":
            return {}
        return {TABLE.say(code): self.say(code) for code in _NAMED_ROWS}

    def answer(self, *, yes: bool) -> str:
        """Write yes or no in the words of the style."""
        return self.yes_no[0] if yes else self.yes_no[1]

    def number(self, value: float) -> str:
        """Write a number with decimals and grouped thousands; empty if missing."""
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        if abs(value) >= 1:
            return f"{value:z,.{self.digits}f}"
        return "" if math.isnan(value) else decimal_text(value, self.digits)

    def probability(self, value: float) -> str:
        """Write a p-value with at least two decimals, never as zero."""
        digits = max(self.digits, 2)
        least = 10.0**-digits
        if math.isnan(value):
            return ""
        return f"<{least:.{digits}f}" if value < least else f"{value:.{digits}f}"

    def interval(self, low: float, high: float) -> str:
        """Write an interval in brackets; empty if an end is missing."""
        if math.isnan(low) or math.isnan(high):
            return ""
        return f"[{self.number(low)}, {self.number(high)}]"

    def estimate(self, cell: Estimate) -> str:
        """Write an estimate with its stars."""
        digits = self.digits
        if self.below == "se":
            # Readers divide it by its error, which may need more decimals.
            decimals = self.number(cell.std_error).partition(".")[2]
            digits = max(digits, len(decimals))
        number = replace(self, digits=digits).number(cell.estimate)
        return number + self.marks(cell.p_value)

    def marks(self, p_value: float) -> str:
        """Write one star for each level above the p-value."""
        return "*" * sum(p_value < level for level in self.stars or ())

    def companion(self, cell: Estimate) -> str:
        """Write the number below an estimate."""
        if self.below == "ci":
            return self.interval(cell.conf_low, cell.conf_high)
        if self.below == "p":
            text = self.probability(cell.p_value)
        elif self.below == "t":
            text = replace(self, digits=self.t_digits).number(cell.statistic)
        else:
            text = self.number(cell.std_error)
        return f"({text})" if text else ""

    def plain(self, value: object, name: str = "") -> str:
        """Write a plain cell; columns named p or p-value are p-values."""
        if isinstance(value, (bool, np.bool)):
            return self.answer(yes=bool(value))
        if value is None or value is pd.NA or value is pd.NaT:
            return ""
        if isinstance(value, numbers.Integral):
            return f"{value:,}" if name == _COUNT else str(int(value))
        if isinstance(value, numbers.Real):
            number = float(value)
            if name == _COUNT and number.is_integer():
                return f"{int(number):,}"
            is_p = 0 <= number <= 1 and _is_p_value(name)
            return self.probability(number) if is_p else self.number(number)
        text = re.sub(r"[\[(]-inf(?=, )", "(-∞", tidy_text(value))  # of an interval
        text = re.sub(r"(?<=, )inf[\])]", "∞)", text)
        return text_label(text, self.labels, self.language, name)


def _is_p_value(head: str) -> bool:
    # Heads of this library have words.
    is_ours = head.startswith("p_") and f"head.{head}" in TABLE
    return is_ours or _P_NAME.fullmatch(head) is not None
