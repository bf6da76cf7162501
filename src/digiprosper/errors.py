"""Errors and warnings of the library. Each error keeps its problems as data."""

from __future__ import annotations

import difflib
import math
import os
import pickle
import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

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
    ...     found = dp.FixedEffects("log(gsp)", ["unemp"]).fit(panel)
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
    ...     found = dp.FixedEffects("log(gsp)", ["unemp"]).fit(panel)
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
    ...     found = dp.FixedEffects("log(gsp)", ["unemp", "near"]).fit(panel)
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
    ...     found = spec.fit(dp.datasets.us_states())
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
    ...     found = dp.FixedEffects("log(gsp)", ["high"]).fit(panel)
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
    ...     found = spec.fit(dp.datasets.us_states(), rng=1)
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
    ...     found = dp.CompositeIndex(system).fit(panel)
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
    ...     found = spec.fit(dp.datasets.us_states())
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
    ...     found = spec.fit(dp.datasets.us_states(), rng=1).tidy()
    >>> caught[0].category.__name__
    'FewDrawsWarning'
    """


# Notices with these codes are also issued as Python warnings; all others are only
# listed in `diagnostics`.
_CATEGORIES: dict[str, type[DigiprosperWarning]] = {
    "singletons": SingletonWarning,
    "very_few_clusters": FewClustersWarning,
    "too_few_clusters_to_draw": FewClustersWarning,
    "few_exchanges": FewClustersWarning,
    "few_treated": FewClustersWarning,
    "few_treated_clusters": FewClustersWarning,
    "few_treated_in_draws": FewClustersWarning,
    "few_weightings": FewClustersWarning,
    "assigned_by_cluster": IdentificationWarning,
    "near_collinear": NearCollinearWarning,
    "not_psd": CovarianceWarning,
    "no_variance": CovarianceWarning,
    "needed_clusters": CovarianceWarning,
    "few_periods": CovarianceWarning,
    "no_neighbours": CovarianceWarning,
    "missing_rows": MissingDataWarning,
    "attrition": MissingDataWarning,
    "baseline_rows": IdentificationWarning,
    "suppressed_counts": MissingDataWarning,
    "rows_without_match": MissingDataWarning,
    "rows_without_values": MissingDataWarning,
    "imputed": MissingDataWarning,
    "unfilled": MissingDataWarning,
    "unseen": MissingDataWarning,
    "entities_once": IdentificationWarning,
    "entities_across_clusters": CovarianceWarning,
    "shared_values": CovarianceWarning,
    "treated_together": CovarianceWarning,
    "treatment_ends": IdentificationWarning,
    "same_in_both_directions": CovarianceWarning,
    "similar_keys": DigiprosperWarning,
    "sheets_differ": DigiprosperWarning,
    "text_among_numbers": DigiprosperWarning,
    "missing_codes": DigiprosperWarning,
    "unknown_labels": DigiprosperWarning,
    "unseen_values": DigiprosperWarning,
    "extrapolated": IdentificationWarning,
    "pooled": IdentificationWarning,
    "masking": IdentificationWarning,
    "weak_instrument": IdentificationWarning,
    "weak_first_stage": IdentificationWarning,
    "incomplete_shares": IdentificationWarning,
    "zero_first_stock": IdentificationWarning,
    "lagged_outcome": IdentificationWarning,
    "made_from": IdentificationWarning,
    "own_values": IdentificationWarning,
    "mean_of_others": IdentificationWarning,
    "zeros_in_log": IdentificationWarning,
    "shared_in_cells": CovarianceWarning,
    "heavy_cluster": CovarianceWarning,
    "separated": IdentificationWarning,
    "many_instruments": IdentificationWarning,
    "short_panel": IdentificationWarning,
    "large_correction": IdentificationWarning,
    "first_lag": IdentificationWarning,
    "second_order": IdentificationWarning,
    "hansen_rejected": IdentificationWarning,
    "bias_not_solved": IdentificationWarning,
    "learners_differ": IdentificationWarning,
    "nothing_left": IdentificationWarning,
    "useless_learner": IdentificationWarning,
    "weak_after_learning": IdentificationWarning,
    "unmatched_treated": IdentificationWarning,
    "left_out": MissingDataWarning,
    "no_base_values": MissingDataWarning,
    "short_series": IdentificationWarning,
    "constant_threshold_variable": IdentificationWarning,
    "tests_disagree": IdentificationWarning,
    "constant_indicator": IndicatorWarning,
    "dominant_indicator": IndicatorWarning,
    "shared_indicators": IndicatorWarning,
    "shift": IndicatorWarning,
    "legacy_lnT": IndicatorWarning,
    "negative_weight": IndicatorWarning,
    "zero_score": IndicatorWarning,
    "beyond_end_points": IndicatorWarning,
    "equally_bad": IndicatorWarning,
    "mixed_units": IndicatorWarning,
    "boundary": BoundaryThresholdWarning,
    "small_regime": SmallRegimeWarning,
    "islands": SpatialWeightsWarning,
    "unused_entities": SpatialWeightsWarning,
    "one_direction": SpatialWeightsWarning,
    "far_neighbours": SpatialWeightsWarning,
    "missing_neighbours": MissingDataWarning,
    "near_end": IdentificationWarning,
    "large_time_effects_bias": IdentificationWarning,
    "model_not_estimated": IdentificationWarning,
    "few_draws": FewDrawsWarning,
    "lost_draws": FewDrawsWarning,
    "unlike_bases": DigiprosperWarning,
    "missing_font": DigiprosperWarning,
    "renamed_columns": DigiprosperWarning,
    "jumping_times": DigiprosperWarning,
    "uneven_dates": DigiprosperWarning,
    "similar_entities": DigiprosperWarning,
    "code_forms": DigiprosperWarning,
    "totals": DigiprosperWarning,
    "changed_codes": DigiprosperWarning,
    "shifted_rows": DigiprosperWarning,
    "over_gaps": DigiprosperWarning,
    "unit_break": DigiprosperWarning,
    "partly_labelled": DigiprosperWarning,
    "leap_seconds": DigiprosperWarning,
    "undecoded_text": DigiprosperWarning,
}

# Notices of one fit with these codes are issued as a single warning.
_DROPPED = (
    "missing_rows",
    "singletons",
    "left_out",
    "rows_without_match",
    "rows_without_values",
)
# More draws than anybody needs, and fewer than memory holds.
MOST_DRAWS = 10_000_000

HeldWarnings: TypeAlias = list[tuple[str, str, str]]
"""Code, message and label of the model of warnings held back."""

# Label of the model being fitted among several, and the warnings held back so far
_HELD_BACK: ContextVar[tuple[str, HeldWarnings] | None] = ContextVar(
    "battery", default=None
)

_HERE = str(Path(__file__).parent)
_LONGEST_QUOTE = 200
_LARGEST_ROOT = math.sqrt(sys.float_info.max)
# Levels of tests, which other packages take where we take the level of an interval.
_SIGNIFICANCE = (0.1, 0.05, 0.01)
_MOST_UNKNOWN = 12
# Control characters, the line and paragraph separators, and halves of characters.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")


def issue(notices: Iterable[Notice]) -> None:
    """Issue each notice that has a warning class, unless it is about controls only.

    Notices of dropped rows become one warning.
    """
    _warn_or_hold_back(
        _join_dropped(
            [
                notice
                for notice in notices
                if notice.code in _CATEGORIES and not notice.data.get("only_controls")
            ]
        )
    )


def _warn_or_hold_back(texts: Sequence[tuple[str, str]]) -> None:
    """Warn now, or hold the warnings back while several models are fitted."""
    battery = _HELD_BACK.get()
    if battery is None:
        _warn(texts)
        return
    label, held = battery
    held += [(code, message, label) for code, message in texts]


@contextmanager
def hold_warnings(label: str, held: HeldWarnings) -> Iterator[None]:
    """Collect the warnings of one model in `held`, for `issue_held_warnings`."""
    token = _HELD_BACK.set((label, held))
    try:
        yield
    finally:
        _HELD_BACK.reset(token)


def issue_held_warnings(held: HeldWarnings) -> None:
    """Issue one warning per code: the first message, with the labels of its models."""
    by_code: dict[str, dict[str, list[str]]] = {}
    for code, message, label in dict.fromkeys(held):
        by_code.setdefault(code, {}).setdefault(message, []).append(label)
    # Values of a condition are not in diagnostics.
    for message, labels in by_code.pop("unseen_values", {}).items():
        _warn_or_hold_back([("unseen_values", f"in {_model_list(labels)}: {message}")])
    for code, messages in by_code.items():
        (message, first), *others = messages.items()
        text = f"in {_model_list(first)}: {message}"
        also = [label for _, labels in others for label in labels if label not in first]
        if also:
            text += (
                f" The diagnostics of {_model_list(dict.fromkeys(also))} have the same "
                "warning with other numbers."
            )
        _warn_or_hold_back([(code, text)])


def _model_list(labels: Collection[str]) -> str:
    return f"the {'model' if len(labels) == 1 else 'models'} {quoted(labels)}"


def _warn(texts: Sequence[tuple[str, str]]) -> None:
    if not texts:
        return
    level = 1
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
        level += 1
    for code, message in texts:
        warning = _CATEGORIES[code](message)
        warning.code = code
        warnings.warn(warning, stacklevel=level)


def _join_dropped(notices: Sequence[Notice]) -> list[tuple[str, str]]:
    """Join messages about dropped rows into one, under the code of the first."""
    dropped = list(dict.fromkeys(n.message for n in notices if n.code in _DROPPED))
    out: list[tuple[str, str]] = []
    for notice in notices:
        if notice.code not in _DROPPED:
            out.append((notice.code, notice.message))
        elif dropped:
            out.append(
                (
                    notice.code,
                    ". ".join(
                        [
                            *(text.removesuffix(".") for text in dropped[:-1]),
                            dropped[-1],
                        ]
                    ),
                )
            )
            dropped = []
    return out


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
        text = repr(value)
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


def quoted(words: Iterable[object], limit: int = 5) -> str:
    """List the first few words and a count, such as ``"'a', 'b' and 3 more"``."""
    items = list(words)
    shown = ", ".join(cited(str(w)) for w in items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"


def subject(words: Iterable[object], verb: str) -> str:
    """List words before their verb: ``"'a' is"``, or ``"'a', 'b' are"``."""
    items = list(words)
    if len(items) != 1:
        verb = {"is": "are", "has": "have", "does": "do"}.get(verb) or verb[:-1]
    return f"{quoted(items)} {verb}"


def several(problems: Sequence[Notice], limit: int = 5) -> str:
    """Join the messages of problems, the first few and then a count."""
    shown = "; ".join(p.message for p in problems[:limit])
    return (
        shown
        if len(problems) <= limit
        else f"{shown}; and {len(problems) - limit} more like these"
    )


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun, such as ``"1 row"`` or ``"1,200 rows"``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def plain(value: object) -> Any:
    """Convert a numpy scalar to a Python number, bool or str.

    ``np.float32(.95)`` becomes .95, as it prints.
    """
    if type(value).__module__ != "numpy" or getattr(value, "ndim", 1) != 0:
        return value
    scalar: Any = value
    item = scalar.item()
    # A longdouble has no equal Python float, so it is converted as it prints.
    return float(str(scalar)) if scalar.dtype.kind == "f" else item


def is_real(value: object) -> TypeGuard[float]:
    """Return whether a value is a real number in the range of floats, not a bool."""
    number = plain(value)
    if isinstance(number, int) and number.bit_length() > sys.float_info.max_exp - 1:
        return False
    return isinstance(number, int | float) and not isinstance(number, bool)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer of Python or numpy, not a bool."""
    return is_real(value) and isinstance(plain(value), int)


def finite_numbers(values: object) -> list[float]:
    """List one or several numbers; empty unless all are real with finite squares."""
    if isinstance(values, bytes) or getattr(values, "ndim", 0) > 1:
        return []
    items: list[object] = [values]
    # An array around one number cannot be listed.
    if isinstance(values, Iterable) and getattr(values, "shape", None) != ():
        items = list(values)
    if isinstance(values, Mapping) or not all(
        is_real(item) and abs(item) <= _LARGEST_ROOT for item in items
    ):
        return []
    return [float(plain(item)) for item in items]


def option_problem(
    option: str,
    value: object = None,
    allowed: Iterable[object] = (),
    what: str | None = None,
) -> Notice:
    """State that an option cannot be used (code option; data option, value, allowed).

    `what` is the message; by default the option with its value.
    """
    data = {"option": option, "value": value, "allowed": tuple(allowed)}
    return Notice("option", what or f"{option}={cited(value)}", data)


def option_error(
    option: str, value: object, text: str, allowed: Iterable[object] = ()
) -> OptionError:
    """Build an `OptionError` with a single problem."""
    return OptionError(text, [option_problem(option, value, allowed, text)])


def type_error(
    option: str, value: object, needed: str, caller: str = ""
) -> InputTypeError:
    """Build the error of an option that must be what is `needed`."""
    text = f"{option}={cited(value)} must be {needed}."
    if caller:
        text = f"{caller}: {text}"
    return InputTypeError(text, [option_problem(option, value)])


def one_problem(
    kind: type[DigiprosperError], code: str, text: str, /, **data: object
) -> DigiprosperError:
    """Build an error with a single problem."""
    return kind(text, [Notice(code, text, data)])


def not_identified(code: str, text: str, /, **data: object) -> IdentificationError:
    """Build an `IdentificationError` with a single problem."""
    return IdentificationError(text, [Notice(code, text, data)])


def column_problem(column: str, role: str, what: str | None = None) -> Notice:
    """State that a column or term is unknown or badly named (data column, role)."""
    return Notice(
        "column", what or f"no column {cited(column)}", {"column": column, "role": role}
    )


def missing_problem(
    term: str,
    count: int | None = None,
    rows: Iterable[object] = (),
    what: str | None = None,
) -> Notice:
    """State that values are missing or not finite (data term, count, rows)."""
    data = {"term": term, "count": count, "rows": tuple(rows)}
    return Notice("missing", what or f"{term}: {count}", data)


def models_problem(what: str, given: object = None) -> Notice:
    """State that an object is not a result of the required type (data type)."""
    return Notice(
        "models", what, {"type": None if given is None else type(given).__name__}
    )


def collinearity_problem(
    column: str, on: Iterable[str], what: str | None = None
) -> Notice:
    """State that a column is an exact combination (code collinear; data column, on)."""
    return Notice(
        "collinear", what or cited(column), {"column": column, "on": tuple(on)}
    )


def text_problem(
    column: str, values: Iterable[object] = (), what: str | None = None
) -> Notice:
    """State that a column is not numeric (code not_numeric; data column, values)."""
    data = {"column": column, "values": tuple(map(str, values))}
    return Notice("not_numeric", what or f"{cited(column)} is not numeric", data)


def alignment_problem(
    column: str | None, what: str, rows: Iterable[object] = ()
) -> Notice:
    """State that values do not belong to the rows (data column, rows)."""
    return Notice("alignment", what, {"column": column, "rows": tuple(rows)})


def term_problem(term: str, role: str, why: str) -> Notice:
    """State that a text cannot be read as a term (code term; data term, role)."""
    return Notice("term", why, {"term": term, "role": role})


def check_option(name: str, value: object, allowed: Sequence[object]) -> None:
    """Refuse an option that is not one of the allowed words."""
    # A 0-d array is not accepted as an option: it cannot be hashed.
    is_plain = value is None or type(value) is str
    if not is_plain and getattr(value, "__hash__", None):
        value = plain(value)
    for word in allowed:
        if value is word or (type(value) is type(word) and value == word):
            return
    words = list(map(repr, allowed))
    text = f"is not known; use one of {', '.join(words)}"
    text += suggestion(str(value), "word", map(str, allowed))
    if all(word is None or isinstance(word, bool) for word in allowed):
        text = f"must be {', '.join(words[:-1])} or {words[-1]}"
    raise OptionError(
        f"{name}={cited(value)} {text}.", [option_problem(name, value, allowed)]
    )


def check_level(level: object, nearest: float = 0.0) -> float:
    """Refuse a confidence level outside (0, 1), or nearer to its ends than asked."""
    number = plain(level)
    if not is_real(number) or not 0 < number < 1:
        raise OptionError(
            f"level={cited(level)} must be a number between 0 and 1, such as .95."
        )
    if number in _SIGNIFICANCE:
        raise OptionError(
            f"level={number} is a significance level; the confidence level is "
            f"level={1 - number}."
        )
    if not nearest <= number <= 1 - nearest:
        text = f"level={number} is too near 0 or 1; .95 is usual."
        raise option_error("level", level, text)
    return float(number)


def check_whole(name: str, value: object, least: int, most: int) -> int:
    """Refuse an option that is not a whole number from `least` to `most`."""
    number = plain(value)
    if not is_whole(number) or not least <= number <= most:
        raise OptionError(
            f"{name}={cited(value)} must be an integer from {least:,} to {most:,}.",
            [option_problem(name, value)],
        )
    return number


def check_real(
    name: str, value: object, is_allowed: Callable[[float], bool], kind: str
) -> float:
    """Refuse an option unless it is an allowed number; `kind` describes those."""
    number = plain(value)
    if not is_real(number) or not is_allowed(number):
        raise option_error(name, value, f"{name}={cited(value)} must be {kind}.")
    return float(number)


def check_numbers(
    name: str,
    values: object,
    kind: str,
    is_allowed: Callable[[float], bool] = math.isfinite,
) -> list[float]:
    """Refuse an option unless it is one or more allowed numbers; `kind` says which."""
    numbers = finite_numbers(values)
    if not numbers or not all(map(is_allowed, numbers)):
        raise option_error(name, values, f"{name}={cited(values)} must be {kind}.")
    return numbers


def as_path(caller: str, value: Any) -> Path:
    """Convert text or a path-like object to a Path; refuse anything else."""
    if not isinstance(value, str | os.PathLike):
        raise InputTypeError(
            f"{caller} takes the path of a file or folder, not {type(value).__name__}."
        )
    return Path(value)


def unknown_columns(
    names: Iterable[str],
    existing: Iterable[object],
    role: str,
    labels: Mapping[str, str] | None = None,
    advice: str = "",
) -> ColumnError:
    """Build one error for all columns that are not in the panel.

    `labels` (column to label) explain names that are labels; `advice` is appended.
    """
    missing = list(dict.fromkeys(map(str, names)))
    columns = [str(k) for k in existing]
    column_of = {label: column for column, label in (labels or {}).items()}
    parts = []
    for name in missing[:_MOST_UNKNOWN]:
        column = column_of.get(name)
        hint = (
            did_you_mean(name, columns)
            if column is None
            else f" (the label of the column {cited(column)})"
        )
        parts.append(f"{cited(name)}{hint}")
    if len(missing) > _MOST_UNKNOWN:
        parts.append(f"and {len(missing) - _MOST_UNKNOWN} more")
    return ColumnError(
        (
            f"{role}: no column named {'; '.join(parts)}. The columns are "
            f"{quoted(columns, 12)}."
        )
        + (f" {advice}" if advice else ""),
        [column_problem(name, role) for name in missing],
    )


def did_you_mean(word: object, existing: Iterable[object]) -> str:
    """Suggest a similar word, ``" (did you mean 'gdp'?)"``; empty if there is none."""
    text = str(word)
    if len(text) > _LONGEST_QUOTE:
        return ""
    words = list(map(str, existing))
    same = [w for w in words if w.casefold() == text.casefold()]
    # A word with the same beginning is a better guess than one with similar letters.
    begun = [w for w in words if w.startswith(text)] if len(text) > 2 else []
    letters = difflib.get_close_matches(text, words, n=1, cutoff=0.6)
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
