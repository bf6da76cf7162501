"""Errors and warnings of the library. Each error keeps its problems as data."""

from __future__ import annotations

import csv
import difflib
import math
import pickle
import re
import string
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache
from numbers import Number
from pathlib import Path
from typing import Any, TypeAlias

from digiprosper._names import INSTEAD


@dataclass(frozen=True, slots=True)
class Notice:
    """One remark about the data or a fit.

    Notices are in `diagnostics` of a result and in `problems` of an error.

    Parameters
    ----------
    code : str
        A word such as ``"few_clusters"``. Programs should test the code, because
        messages may change.
    message : str
        What is wrong, in which column or rows, and what to do.
    data : mapping
        The numbers and names of the message.

    Examples
    --------
    >>> import digiprosper as dp
    >>> fit = dp.FixedEffects("log(gsp)", ["unemp"], cov_type="robust").fit(
    ...     dp.datasets.us_states()
    ... )
    >>> [notice.code for notice in fit.diagnostics]
    ['robust_inconsistent']
    """

    code: str
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        return _notice, (
            {"code": self.code, "message": self.message, "data": self.data},
        )


# Every pickled notice has the path of this function: it may not move.
def _notice(named: dict[str, Any]) -> Notice:
    return Notice(**named)


class DigiprosperError(Exception):
    """Base class of the errors of digiprosper.

    Parameters
    ----------
    message : str
        What is wrong, in which column or rows, and what to do.
    problems : iterable of Notice
        One notice per problem. By default there is one, with the whole message and a
        code from the name of the class. A pickled error keeps its problems.

    Examples
    --------
    >>> import digiprosper as dp
    >>> try:
    ...     dp.FixedEffects("log(gsp)", ["wages"]).fit(dp.datasets.us_states())
    ... except dp.DigiprosperError as error:
    ...     print(type(error).__name__, [problem.code for problem in error.problems])
    ColumnError ['column']
    """

    problems: tuple[Notice, ...]

    def __init__(self, message: str, problems: Iterable[Notice] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems) or (Notice(self._code(), message),)

    @classmethod
    def _code(cls) -> str:
        return re.sub(
            r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__.removesuffix("Error")
        ).lower()

    def __str__(self) -> str:
        return self.message

    def __reduce__(
        self,
    ) -> tuple[type[DigiprosperError], tuple[str, tuple[Notice, ...]]]:
        return type(self), (
            self.message,
            tuple(map(_with_picklable_data, self.problems)),
        )


def _with_picklable_data(problem: Notice) -> Notice:
    """Replace data that cannot be pickled, such as a function, by its `repr`."""
    data = dict(problem.data)
    for name, value in data.items():
        try:
            pickle.dumps(value)
        except Exception:  # noqa: BLE001  # what the value's class raises
            data[name] = cited(value)
    return replace(problem, data=data)


class PanelIndexError(DigiprosperError, ValueError):
    """The keys of a panel are absent, have missing values, repeat, or cannot be sorted.

    Examples
    --------
    >>> import pandas as pd, digiprosper as dp
    >>> dp.Panel(pd.DataFrame({"i": [1, 1], "t": [2020, 2020]}), entity="i", time="t")
    Traceback (most recent call last):
        ...
    digiprosper.errors.PanelIndexError: 1 row with the key (i, t) of an ...
    """


class ColumnError(DigiprosperError, KeyError):
    """A column is not in the panel.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.FixedEffects("log(gsp)", ["wages"]).fit(dp.datasets.us_states())
    Traceback (most recent call last):
        ...
    digiprosper.errors.ColumnError: x: no column named 'wages' (did you mean ...
    """


class TermError(DigiprosperError, ValueError):
    """A term or a condition cannot be read, or cannot be used where it was given.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.FixedEffects("log(gsp", ["unemp"]).fit(dp.datasets.us_states())
    Traceback (most recent call last):
        ...
    digiprosper.errors.TermError: y cannot use the term 'log(gsp': it cannot be ...
    """


class OptionError(DigiprosperError, ValueError):
    """An option has a value that is not allowed.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.FixedEffects("gsp", ["unemp"], cov_type="hc9")
    Traceback (most recent call last):
        ...
    digiprosper.errors.OptionError: cov_type='hc9' is not known; use one of ...
    """


class InputTypeError(DigiprosperError, TypeError):
    """An input has the wrong type.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.Panel([1, 2, 3], entity="i", time="t")
    Traceback (most recent call last):
        ...
    digiprosper.errors.InputTypeError: Panel takes a pandas, polars or pyarrow ...
    """


class AlignmentError(DigiprosperError, ValueError):
    """Values cannot be matched to the rows of the panel.

    Examples
    --------
    >>> import pandas as pd, digiprosper as dp
    >>> dp.datasets.us_states().attach(pd.Series([1.0, 2.0], name="z"))
    Traceback (most recent call last):
        ...
    digiprosper.errors.AlignmentError: the data are indexed by 'None'; index ...
    """


class MissingDataError(DigiprosperError, ValueError):
    """Values are missing or infinite where this is not allowed, or no rows are left.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.gini([1.0, None, 2.0])
    Traceback (most recent call last):
        ...
    digiprosper.errors.MissingDataError: gini: y is missing or infinite in 1 row ...
    """


class CollinearityError(DigiprosperError, ValueError):
    """A regressor is an exact linear combination of other columns.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.FixedEffects("log(gsp)", ["unemp", "I(2*unemp)"]).fit(
    ...     dp.datasets.us_states()
    ... )
    Traceback (most recent call last):
        ...
    digiprosper.errors.CollinearityError: 'I(2*unemp)' is collinear with 'unemp' ...
    """


class IdentificationError(DigiprosperError, ValueError):
    """The parameter is not identified in these data.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.gini([0.0, 0.0])
    Traceback (most recent call last):
        ...
    digiprosper.errors.IdentificationError: gini: y is zero in every row, ...
    """


class IndicatorError(DigiprosperError, ValueError):
    """An index cannot be computed from the system or the values of an indicator.

    The system is the indicator system.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.IndicatorSystem.from_dict({"transport": {"hwy": "up"}})
    Traceback (most recent call last):
        ...
    digiprosper.errors.IndicatorError: indicator 'hwy' has direction 'up'; ...
    """


class ThresholdSearchError(DigiprosperError, ValueError):
    """No threshold can be estimated, or a given threshold cannot be used.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.PanelThreshold("log(gsp)", ["log(pc)"], "unemp", thresholds=[99.0])
    >>> spec.fit(dp.datasets.us_states())
    Traceback (most recent call last):
        ...
    digiprosper.errors.ThresholdSearchError: thresholds=(99.0,) in 'unemp': a ...
    """


class ScanError(DigiprosperError, RuntimeError):
    """A table larger than memory cannot be read or copied.

    The engine that reads it failed, or the disk is full. No file is left.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.Panel.scan("select * from nowhere", entity="firm", time="year")
    Traceback (most recent call last):
        ...
    digiprosper.errors.ScanError: DuckDB cannot run the query: ...
    """


class StataError(DigiprosperError, ValueError):
    """A command of Stata cannot be translated.

    `line` is its line in a do-file, `reason` what has no counterpart, `advice` what to
    do instead, or nothing.

    Examples
    --------
    >>> import digiprosper as dp
    >>> try:
    ...     dp.from_stata("xtreg y x, be")
    ... except dp.StataError as error:
    ...     print(error.line, error.reason)
    1 the option be: digiprosper has no such estimator
    """

    @staticmethod
    def because(reason: str, advice: str = "", line: int = 1) -> StataError:
        """Build the error from its parts."""
        text = f"line {line}: {reason}." + (f" {advice}" if advice else "")
        data = {"line": line, "reason": reason, "advice": advice}
        return StataError(text, [Notice("stata", text, data)])

    @property
    def line(self) -> int:
        """The line in the do-file."""
        return int(self.problems[0].data.get("line", 1))

    @property
    def reason(self) -> str:
        """What has no counterpart."""
        return str(self.problems[0].data.get("reason", self.message))

    @property
    def advice(self) -> str:
        """What to do instead, or nothing."""
        return str(self.problems[0].data.get("advice", ""))


class PickleError(DigiprosperError, pickle.UnpicklingError):
    """A pickled result was saved by another version and cannot be loaded.

    It does not check whether a pickle is safe: unpickle only files that you trust.

    Examples
    --------
    >>> import pickle, digiprosper as dp
    >>> issubclass(dp.PickleError, pickle.UnpicklingError)
    True
    """


class DigiprosperWarning(UserWarning):
    """Base class of the warnings of digiprosper.

    `code` is the code of the notice in ``diagnostics`` of the results.

    Examples
    --------
    >>> import warnings, digiprosper as dp
    >>> panel = dp.datasets.us_states().subset("state != 'AL' or year == 1970")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always", dp.DigiprosperWarning)
    ...     fit = dp.FixedEffects("log(gsp)", ["unemp"]).fit(panel)
    >>> caught[0].message.code
    'singletons'
    """

    code: str = ""


class SingletonWarning(DigiprosperWarning):
    """Singletons were dropped: rows that are the only observation of a fixed effect.

    Examples
    --------
    >>> import warnings, digiprosper as dp
    >>> panel = dp.datasets.us_states().subset("state != 'AL' or year == 1970")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     results = dp.FixedEffects("log(gsp)", ["unemp"]).fit(panel)
    >>> caught[0].category.__name__
    'SingletonWarning'
    """


class FewClustersWarning(DigiprosperWarning):
    """The number of clusters is small, or a regressor varies in few of them.

    Standard errors and intervals are then unreliable. With fewer than five clusters a
    bootstrap of clusters gives no interval.

    Examples
    --------
    >>> import warnings, digiprosper as dp
    >>> panel = dp.datasets.us_states().subset("state < 'FL'")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     results = dp.FixedEffects("log(gsp)", ["unemp"]).fit(panel)
    >>> caught[0].category.__name__
    'FewClustersWarning'
    """


class NearCollinearWarning(DigiprosperWarning):
    """Regressors are nearly collinear.

    Examples
    --------
    >>> import warnings, digiprosper as dp
    >>> panel = dp.datasets.us_states().assign(near="I(unemp + 1e-7 * log(gsp))")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     results = dp.FixedEffects("log(gsp)", ["unemp", "near"]).fit(panel)
    >>> caught[0].category.__name__
    'NearCollinearWarning'
    """


class CovarianceWarning(DigiprosperWarning):
    """Standard errors may be wrong.

    For example, the covariance matrix may not be positive semi-definite.

    Examples
    --------
    >>> import warnings, digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["unemp"], cov_type="xtscc")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     results = spec.fit(dp.datasets.us_states())
    >>> caught[0].category.__name__
    'CovarianceWarning'
    """


class MissingDataWarning(DigiprosperWarning):
    """Rows with missing values were dropped, or missing values were filled.

    Examples
    --------
    >>> import warnings, digiprosper as dp
    >>> panel = dp.datasets.us_states().assign(
    ...     high=lambda f: f["unemp"].where(f["unemp"] > 4)
    ... )
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     results = dp.FixedEffects("log(gsp)", ["high"]).fit(panel)
    >>> caught[0].category.__name__
    'MissingDataWarning'
    """


class IdentificationWarning(DigiprosperWarning):
    """An estimate may be biased, or may not measure what it is meant to measure.

    Examples
    --------
    >>> import warnings, digiprosper as dp
    >>> spec = dp.Mediation(
    ...     "log(gsp)", "unemp", "log(pc)", entity_effects=False, time_effects=False
    ... )
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     results = spec.fit(dp.datasets.us_states(), rng=1)
    >>> caught[0].category.__name__
    'IdentificationWarning'
    """


class IndicatorWarning(DigiprosperWarning):
    """An indicator or a score of an index needs a check.

    For example, an indicator has weight 0, a negative weight or nearly all of the
    weight, or a score is 0.

    Examples
    --------
    >>> import warnings, digiprosper as dp
    >>> panel = dp.datasets.us_states().assign(same="I(0 * hwy + 1)")
    >>> system = dp.IndicatorSystem.from_dict({"": {"hwy": "+", "same": "+"}})
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     results = dp.CompositeIndex(system).fit(panel)
    >>> caught[0].category.__name__
    'IndicatorWarning'
    """


class BoundaryThresholdWarning(DigiprosperWarning):
    """The confidence set of a threshold reaches the first or last grid value.

    Examples
    --------
    >>> import digiprosper as dp
    >>> issubclass(dp.BoundaryThresholdWarning, dp.DigiprosperWarning)
    True
    """


class SmallRegimeWarning(DigiprosperWarning):
    """A regime has few entities or rows.

    Examples
    --------
    >>> import warnings, digiprosper as dp
    >>> spec = dp.PanelThreshold("log(gsp)", ["log(pc)"], "unemp", thresholds=[2.9])
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     results = spec.fit(dp.datasets.us_states())
    >>> caught[0].category.__name__
    'SmallRegimeWarning'
    """


class SpatialWeightsWarning(DigiprosperWarning):
    """Spatial weights lack neighbours for an entity, or have entities not in the panel.

    Examples
    --------
    >>> import digiprosper as dp
    >>> issubclass(dp.SpatialWeightsWarning, dp.DigiprosperWarning)
    True
    """


class FewDrawsWarning(DigiprosperWarning):
    """The number of bootstrap draws is too small for the p-values or intervals.

    Examples
    --------
    >>> import warnings, digiprosper as dp
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", reps=49)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     results = spec.fit(dp.datasets.us_states(), rng=1).tidy()
    >>> caught[0].category.__name__
    'FewDrawsWarning'
    """


# Between two sentences that are joined; three points are in a sentence.
_TWO_POINTS = re.compile(r"(?<!\.)\.\. ")
# Notices of one kind, by code, are issued as a single warning.
_KINDS = {
    "missing_rows": "dropped",
    "singletons": "dropped",
    "left_out": "dropped",
    "rows_without_match": "dropped",
    "rows_without_values": "dropped",
    "imputed": "imputed",
    "unfilled": "unfilled",
}

# Code, message and label of the model of warnings held back
HeldWarnings: TypeAlias = list[tuple[str, str, str]]

# Label of the model being fitted among several, and the warnings held back so far
_HELD_BACK: ContextVar[tuple[str, HeldWarnings] | None] = ContextVar(
    "held_back", default=None
)

_HERE = str(Path(__file__).parent)

_LONGEST_QUOTE = 200

# Control characters, the line and paragraph separators, and halves of characters.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")


@cache
def packaged_rows(module: str, name: str) -> list[dict[str, str]]:
    """Read a CSV file beside a module of the package: a mapping per row."""
    path = Path(module).with_name(f"{name}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file, restval="")]


@cache
def notice_tables() -> tuple[dict[str, type[DigiprosperWarning]], dict[str, str]]:
    """Read the tables `notices.csv` of all rooms: warnings by code, and sentences."""
    categories, sentences = {}, {}
    here = Path(_HERE)
    for path in (here / "notices.csv", *here.glob("*/notices.csv")):
        for row in packaged_rows(str(path), "notices"):
            sentences[row["code"]] = row["sentence"]
            if row["warning"]:
                code = row["code"].partition(".")[0]
                categories[code] = globals()[row["warning"]]
    return categories, sentences


class _Sentences(string.Formatter):
    """Write fields of a sentence as their form says, such as ``{terms:quoted 3}``."""

    def format_field(self, value: Any, form: str) -> str:
        match form.partition(" "):
            case "cited", _, _:
                return cited(value)
            case "quoted", _, limit:
                return quoted(value, int(limit or 5))
            case "counted", _, noun:
                return counted(value, noun)
            case "subject", _, verb:
                return subject(value, verb)
            case "joined", _, _:
                return " and ".join(value)
            case "listed", _, _:
                return ", ".join(value)
            case "verb", _, verb:
                return verb_for(value, verb)
            case "", _, _:
                return time_text(value)
            case digits, _, _ if re.fullmatch(r"\.\dg", digits):
                return number_text(value, int(digits[1]))
        return format(value, form)


def notice_of(code: str, /, **fields: Any) -> Notice:
    """Make a notice with the sentence of its code in the table of a room.

    ``"code.variant"`` is a variant of the sentence. Fields with an underscore are in
    the sentence only; the others are also the data of the notice.
    """
    sentence = notice_tables()[1][code]
    text = _Sentences().vformat(sentence, (), fields)
    data = {name: value for name, value in fields.items() if name[0] != "_"}
    return Notice(code.partition(".")[0], text, data)


def issue(notices: Iterable[Notice]) -> None:
    """Issue each notice that has a warning class, unless it is about controls only.

    Notices of dropped rows become one warning, as do those of filled cells.
    """
    warnings_by_code, _ = notice_tables()
    joined: dict[object, tuple[str, list[str]]] = {}
    for position, notice in enumerate(notices):
        code = notice.code
        if code not in warnings_by_code or notice.data.get("only_controls"):
            continue
        _, messages = joined.setdefault(_KINDS.get(code, position), (code, []))
        if notice.message not in messages:
            messages.append(notice.message)
    warn_or_hold_back(
        [(c, _TWO_POINTS.sub(". ", ". ".join(m))) for c, m in joined.values()]
    )


def warn_or_hold_back(texts: Sequence[tuple[str, str]]) -> None:
    """Warn now, or hold the warnings back while several models are fitted."""
    held_back = _HELD_BACK.get()
    if held_back is None:
        _warn(texts)
        return
    label, held = held_back
    held += [(code, message, label) for code, message in texts]


@contextmanager
def hold_warnings(label: str, held: HeldWarnings) -> Iterator[None]:
    """Collect the warnings of one model in `held`, for `issue_held_warnings`."""
    token = _HELD_BACK.set((label, held))
    try:
        yield
    finally:
        _HELD_BACK.reset(token)


def issue_by_model(by_label: Iterable[tuple[str, Sequence[Notice]]]) -> None:
    """Issue the warnings of several models once per code, with their labels."""
    held: HeldWarnings = []
    for label, notices in by_label:
        with hold_warnings(label, held):
            issue(notices)
    issue_held_warnings(held)


def issue_held_warnings(held: HeldWarnings) -> None:
    """Issue one warning per code: the first message, with the labels of its models."""
    by_code: dict[str, dict[str, list[str]]] = {}
    for code, message, label in dict.fromkeys(held):
        by_code.setdefault(code, {}).setdefault(message, []).append(label)
    # Values of a condition are not in diagnostics.
    for message, labels in by_code.pop("unseen_values", {}).items():
        warn_or_hold_back([("unseen_values", f"in {_model_list(labels)}: {message}")])
    for code, messages in by_code.items():
        (message, first), *others = messages.items()
        text = f"in {_model_list(first)}: {message}"
        also = [label for _, labels in others for label in labels if label not in first]
        if also:
            text += (
                f" The diagnostics of {_model_list(dict.fromkeys(also))} have the same "
                "warning with other numbers."
            )
        warn_or_hold_back([(code, text)])


def _model_list(labels: Collection[str]) -> str:
    return f"the {'model' if len(labels) == 1 else 'models'} {quoted(labels)}"


def _warn(texts: Sequence[tuple[str, str]]) -> None:
    if not texts:
        return
    level = 1
    warnings_by_code, _ = notice_tables()
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
        level += 1
    for code, message in texts:
        warning = warnings_by_code.get(code, DigiprosperWarning)(message)
        warning.code = code
        warnings.warn(warning, stacklevel=level)


def one_line(text: str) -> str:
    """Replace by blanks, and strip, what some formats of documents cannot contain."""
    return UNPRINTABLE.sub(" ", text).strip()


def cited(value: object) -> str:
    """Return the `repr` of a value, cut to 200 characters.

    Arrays and frames that print on several lines are described by their shape.
    """
    if isinstance(value, int) and value.bit_length() > _LONGEST_QUOTE:
        return f"an integer of {value.bit_length():,} bits"
    kind = type(value).__name__
    try:
        # The repr of a text or number of numpy names its type.
        if isinstance(value, Number) and hasattr(value, "item"):
            value = value.item()
        text = repr(str(value) if isinstance(value, str) else value)
    except RecursionError:
        return f"a {kind} nested too deep to print"
    shape = getattr(value, "shape", None)
    if "\n" in text and isinstance(shape, tuple):
        return f"a {kind} of {' x '.join(f'{n:,}' for n in shape)} values"
    return clipped(text)


def clipped(text: str) -> str:
    """Cut a text to 200 characters, and state its length."""
    if len(text) <= _LONGEST_QUOTE:
        return text
    return (
        f"{text[:_LONGEST_QUOTE]} (the first {_LONGEST_QUOTE} of "
        f"{len(text):,} characters)"
    )


def time_text(time: object) -> str:
    """Write a period; a date at midnight without the time."""
    return str(time).removesuffix(" 00:00:00")


def number_text(value: float, digits: int = 4) -> str:
    """Print a number with significant digits, a larger one whole, or ``"missing"``."""
    if math.isnan(value):
        return "missing"
    if 10**digits - 0.5 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    thousands = "," if abs(value) >= 1e4 else ""
    return f"{value:z{thousands}.{digits}g}"


def listed(
    words: Iterable[object], limit: int = 5, write: Callable[[Any], str] = str
) -> str:
    """List the first few words and a count, such as ``"a, b and 3 more"``."""
    items = list(words)
    shown = ", ".join(map(write, items[:limit]))
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"


def quoted(words: Iterable[object], limit: int = 5) -> str:
    """List the first few words and a count, such as ``"'a', 'b' and 3 more"``."""
    return listed(words, limit, lambda word: cited(str(word)))


def verb_for(count: int, verb: str) -> str:
    """Return a verb of the third person, such as ``"has"``, for so many: ``"have"``."""
    if count == 1:
        return verb
    return {"is": "are", "has": "have", "does": "do"}.get(verb) or verb[:-1]


def subject(words: Iterable[object], verb: str) -> str:
    """List words before their verb: ``"'a' is"``, or ``"'a', 'b' are"``."""
    items = list(words)
    return f"{quoted(items)} {verb_for(len(items), verb)}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun, such as ``"1 row"`` or ``"2 entities"``."""
    if count != 1:
        regular = f"{noun[:-1]}ies" if noun.endswith("ty") else f"{noun}s"
        noun = plural or regular
    return f"{count:,} {noun}"


def did_you_mean(word: object, existing: Iterable[object], cutoff: float = 0.6) -> str:
    """Suggest a similar word, ``" (did you mean 'gdp'?)"``; empty if there is none."""
    text = str(word)
    if len(text) > _LONGEST_QUOTE:
        return ""
    words = list(map(str, existing))
    same = [w for w in words if w.casefold() == text.casefold()]
    # A word with the same beginning is a better guess than one with similar letters.
    begun = [w for w in words if w.startswith(text)] if len(text) > 2 else []
    letters = difflib.get_close_matches(text, words, n=1, cutoff=cutoff)
    close = same or begun or letters or _with_same_chinese_beginning(text, words)
    return f" (did you mean {close[0]!r}?)" if close else ""


def suggestion(word: str, owner: str, existing: Iterable[str]) -> str:
    """Suggest our equivalent of a name from another package, or a similar name."""
    names = list(existing)
    for words, advice in INSTEAD[owner].items():
        begins = re.split(r"\W", advice, maxsplit=1)[0]
        if word.casefold() in words.split() and begins in ("", "dp", *names):
            return f" (write {advice})"
    return did_you_mean(word, names)


class _NoAttribute(AttributeError):
    """AttributeError whose suggestion, which is slow, is computed when printed."""

    # Printed and pickled as its base class
    __module__, __qualname__ = "builtins", "AttributeError"

    def __str__(self) -> str:
        text, kind = self.args
        if kind == "panel" and self.name in getattr(self.obj, "columns", ()):
            return f"{text} (write panel[{self.name!r}])"
        public = [each for each in dir(type(self.obj)) if not each.startswith("_")]
        return f"{text}{suggestion(str(self.name), kind, public)}"

    def __reduce__(self) -> tuple[type[AttributeError], tuple[str]]:
        return AttributeError, (str(self),)


def no_attribute(owner: object, name: str, kind: str) -> AttributeError:
    """Build the error for an attribute that does not exist."""
    text = f"{type(owner).__name__!r} object has no attribute {name!r}"
    # Private names are looked up by copy, pickle and notebooks.
    if name.startswith("_"):
        return AttributeError(text, name=name, obj=owner)
    return _NoAttribute(text, kind, name=name, obj=owner)


def _with_same_chinese_beginning(text: str, words: Sequence[str]) -> list[str]:
    """List words with the same first two Chinese characters: 广西, 广西壮族自治区."""
    start = "" if text[:2].isascii() else text[:2]
    return [word for word in words if len(start) > 1 and word.startswith(start)]
