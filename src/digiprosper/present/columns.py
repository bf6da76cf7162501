"""Results of every kind, read into the columns of one table or plot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    InputTypeError,
    Notice,
    OptionError,
    cited,
    quoted,
)
from digiprosper.report.characters import tidy_text
from digiprosper.report.collection import ResultSet
from digiprosper.report.labels import term_label
from digiprosper.report.protocol import HasCorrelations, HasDraws, Results
from digiprosper.threshold.kink_results import KinkResults
from digiprosper.threshold.results import ThresholdResults

if TYPE_CHECKING:
    from digiprosper.report.protocol import Glance

__all__ = [
    "Column",
    "Cut",
    "Estimate",
    "Model",
    "Models",
    "PlainCell",
    "Regimes",
    "Test",
    "arrange",
    "check_labels",
    "matching",
    "merged_labels",
    "name_columns",
    "read_columns",
    "select",
    "texts_of",
]


Model: TypeAlias = (
    Results | ThresholdResults | KinkResults | HasCorrelations | pd.DataFrame | DigiprosperError
)
Models: TypeAlias = Model | ResultSet | Sequence[Model | ResultSet] | Mapping[str, Model | ResultSet]

_BOOTSTRAPS = {
    "wild_cluster": "wild cluster bootstrap",
    "hansen": "bootstrap of whole entities (Hansen 1999)",
    "iid": "bootstrap of single rows",
}
_SETS = {
    "lr": "LR (Hansen 1999)",
    "scaled": "LR scaled by the variance at the threshold",
    "bootstrap": "bootstrap",
}
# Keys of `paths` are short names for code.
_EQUATIONS = {"total": "Total effect", "outcome": "Outcome"}
_REDUCED_FORMS = {
    "x on z": "Treatment on instrument",
    "y on z": "Outcome on instrument",
    "m on z": "Mediator on instrument",
    "m on z given x": "Mediator on instrument given treatment",
    "y on z given x": "Outcome on instrument given treatment",
}
_KINK_SETS = {
    "lr": "LR against chi-squared with one degree of freedom",
    "bootstrap": "bootstrap (Hansen 2017)",
}


class Estimate(NamedTuple):
    """What `tidy` says about one term."""

    estimate: float
    std_error: float
    statistic: float
    p_value: float
    conf_low: float
    conf_high: float


class Test(NamedTuple):
    """A test of a threshold: which statistic (``"F"``, ``"score"``), of what, its value and p-value."""

    statistic: str
    of: str
    value: float
    p_value: float


class Cut(NamedTuple):
    """One threshold: where it is, its confidence set from end to end and in how many pieces, its tests."""

    estimate: float
    conf_low: float
    conf_high: float
    pieces: int
    tests: tuple[Test, ...]


class PlainCell(NamedTuple):
    """A cell of a DataFrame and the column it stood in, which tells a p-value from other numbers.

    A number with a p-value of its own gets stars.
    """

    column: str
    value: object
    p_value: float = math.nan


@dataclass(frozen=True, slots=True)
class Regimes:
    """Thresholds of one model, in the order found.

    Parameters
    ----------
    variable : str
        Threshold variable.
    rule : str
        ``"<="`` or ``"<"``.
    level : float
        Level of the confidence sets.
    cuts : tuple of Cut
        The thresholds.
    given : bool
        Whether they were fixed and not estimated.
    drawn : str
        What the p-values come from, in words; empty without a test.
    confidence : str
        Which criterion the confidence sets have, in words.
    kink : bool
        Whether the slope has a kink there and the outcome no jump.
    refused : Test or None
        Test of the threshold that was tested last and not kept.
    """

    variable: str
    rule: str
    level: float
    cuts: tuple[Cut, ...]
    given: bool
    drawn: str
    confidence: str
    kink: bool = False
    refused: Test | None = None

    @property
    def family(self) -> tuple[bool, str, int]:
        """What models must agree in for "regime 1" to mean the same: kind, variable, number of cuts."""
        return self.kink, self.variable, len(self.cuts)

    def condition(self, regime: int, name: str, digits: int) -> str:
        """Write the condition under which a row belongs to a regime.

        Parameters
        ----------
        regime : int
            Its number, from 1 at the bottom.
        name : str
            Label of the threshold variable.
        digits : int
            Decimals of the thresholds.

        Returns
        -------
        str
            Such as ``"urban <= 0.53"`` or ``"0.53 < urban <= 0.71"``; ``"below 0.53"`` of a kink.
        """
        cuts = [_short(value, digits) for value in sorted(cut.estimate for cut in self.cuts)]
        if self.kink:
            return f"{('below', 'above')[regime - 1]} {cuts[0]}"
        below, above = self.rule, ">" if self.rule == "<=" else ">="
        if regime == 1:
            return f"{name} {below} {cuts[0]}"
        if regime > len(cuts):
            return f"{name} {above} {cuts[-1]}"
        lower = "<" if self.rule == "<=" else "<="
        return f"{cuts[regime - 2]} {lower} {name} {below} {cuts[regime - 1]}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    head : str or None
        Name of the column; None is numbered.
    estimates : mapping
        Estimates by term.
    cells : mapping
        Plain cells by row, of a DataFrame's column.
    glance : Glance or None
        What the model says about the whole fit.
    labels : mapping
        Labels that came with the model.
    regimes : Regimes or None
        Thresholds, where the model has them.
    draws : int or None
        Bootstrap draws, where intervals and p-values come from them.
    few_drawn : int or None
        Clusters that were drawn, where they are too few for intervals and p-values.
    bandwidth : int or None
        Lags of Driscoll-Kraay errors.
    n_clusters : tuple of int
        Clusters, two numbers of two-way ones.
    failure : DigiprosperError or None
        Why there are no estimates.
    numbers : mapping
        Numbers of the rows, where columns are headed by them.
    note : str
        What the notes must say of the column.
    """

    head: str | None
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    cells: Mapping[str, PlainCell] = field(default_factory=dict)
    glance: Glance | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    regimes: Regimes | None = None
    draws: int | None = None
    few_drawn: int | None = None
    bandwidth: int | None = None
    n_clusters: tuple[int, ...] = ()
    failure: DigiprosperError | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


def read_columns(models: Models, caller: str, *, level: float = 0.95) -> list[Column]:
    """Read whatever a user may pass as models.

    Parameters
    ----------
    models : result, list, mapping, ResultSet or DataFrame
        The models.
    caller : str
        Function named in messages.
    level : float
        Level of the confidence intervals.

    Returns
    -------
    list of Column
        One a model, one a column of a DataFrame.

    Raises
    ------
    InputTypeError
        If there are none, or one of them is not a result.
    """
    given: object = models
    if isinstance(given, Mapping) and not isinstance(given, ResultSet):
        columns = [c for head, model in given.items() for c in _read(tidy_text(head), model, caller, level)]
    elif isinstance(given, Sequence) and not isinstance(given, str):
        columns = [c for model in given for c in _read(None, model, caller, level)]
    else:
        columns = _read(None, given, caller, level)
    if not columns:
        raise InputTypeError(
            f"{caller}: models is empty; pass a result, or a list or mapping of results.",
            [Notice("models", "no models")],
        )
    return columns


def name_columns(
    columns: Sequence[Column], heads: Sequence[str] | None, labels: Mapping[str, str], caller: str
) -> list[Column]:
    """Give every column its head.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    heads : sequence of str, optional
        Heads to use; default the columns' own (those of the equations of a mediation in words), and ``(1)``,
        ``(2)``, ... where they have none.
    labels : mapping
        Labels by term or column.
    caller : str
        Function named in messages.

    Returns
    -------
    list of Column
        The same, headed.

    Raises
    ------
    OptionError
        If there are not as many heads as columns.
    """
    if heads is None:
        number = 0
        named = []
        for column in columns:
            number += column.head is None
            named.append(replace(column, head=f"({number})" if column.head is None else column.head))
        return _equations_in_words(named, labels)
    given: object = heads
    texts = list(given) if isinstance(given, Iterable) else None
    if texts is None or isinstance(heads, str) or len(texts) != len(columns):
        several = "no texts" if texts is None else f"{len(texts)} heads"
        count = "one text" if isinstance(heads, str) else several
        raise OptionError(
            f"{caller}: heads has {count} for {len(columns)} columns; pass a list with one text per column.",
            [Notice("option", "heads", {"option": "heads", "columns": len(columns)})],
        )
    return [replace(c, head=tidy_text(head)) for c, head in zip(columns, texts, strict=True)]


def texts_of(given: object) -> list[str] | None:
    """Read an argument that is one text or several.

    Parameters
    ----------
    given : object
        The argument.

    Returns
    -------
    list of str or None
        None if it is neither.
    """
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Iterable) or not all(isinstance(text, str) for text in given):
        return None
    return list(given)


def _equations_in_words(columns: list[Column], labels: Mapping[str, str]) -> list[Column]:
    """Replace the keys of the paths of a mediation by what the equations are."""
    words: dict[str, str] = {}
    for column in columns:
        outcome = column.glance["depvar"] if column.glance else None
        if outcome and column.head == f"mediator:{outcome}":
            words[str(column.head)] = f"Mediator: {term_label(outcome, labels)}"
    words |= _EQUATIONS if words else {}
    if {column.head for column in columns} == set(_REDUCED_FORMS):
        words |= _REDUCED_FORMS
    return [replace(c, head=words.get(str(c.head), c.head)) for c in columns]


def check_labels(labels: object, caller: str) -> dict[str, str]:
    """Read the labels argument.

    Parameters
    ----------
    labels : mapping or None
        Text by term or column.
    caller : str
        Function named in messages.

    Returns
    -------
    dict
        The same as one-line texts.

    Raises
    ------
    InputTypeError
        If it is not a mapping of texts.
    """
    if labels is None:
        return {}
    if not isinstance(labels, Mapping) or not all(isinstance(k, str) for k in labels):
        raise InputTypeError(
            f'{caller}: labels must be a mapping of texts such as {{"digital": "Digital economy"}}.',
            [Notice("labels", "not a mapping of texts")],
        )
    return {k: tidy_text(v) for k, v in labels.items()}


def merged_labels(columns: Sequence[Column], labels: Mapping[str, str]) -> dict[str, str]:
    """Merge the labels of all models, the first seen wins, under those given in the call.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    labels : mapping
        Labels given in the call.

    Returns
    -------
    dict
        Labels by term or column, with the number of the row before them where columns are headed by it.
    """
    merged: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for column in columns:
        numbers |= column.numbers
        for name, text in column.labels.items():
            merged.setdefault(str(name), tidy_text(text))
    merged |= labels
    return merged | {name: f"({number}) {merged.get(name, name)}" for name, number in numbers.items()}


def matching(patterns: Sequence[str] | str, terms: Iterable[str], option: str, caller: str) -> list[str]:
    """Terms that exact names or patterns (``*``, ``?``) ask for, in the order asked.

    Parameters
    ----------
    patterns : sequence of str
        Terms or patterns.
    terms : iterable of str
        Terms that exist.
    option : str
        Argument that holds the patterns.
    caller : str
        Function named in messages.

    Returns
    -------
    list of str
        Terms, each once.

    Raises
    ------
    InputTypeError
        If it is neither a text nor a list of texts.
    ColumnError
        If an entry matches none.
    """
    wanted = texts_of(patterns)
    if wanted is None:
        raise InputTypeError(
            f"{caller}: {option}={cited(patterns)} must be a term, a pattern or a list of them, such as "
            "['digital*'].",
            [Notice("option", option, {"option": option})],
        )
    known = list(terms)
    found: dict[str, None] = {}
    lost = []
    for entry in wanted:
        hits = [entry] if entry in known else [t for t in known if fnmatchcase(t, entry)]
        if not hits:
            lost.append(entry)
        found.update(dict.fromkeys(hits))
    if lost:
        raise ColumnError(
            f"{caller}: {option} matches no term {quoted(lost)}. The terms are {quoted(known, 12)}; a "
            "pattern such as 'digital*' matches several.",
            [
                Notice("column", f"no term {cited(entry)}", {"column": entry, "role": option})
                for entry in lost
            ],
        )
    return list(found)


def arrange(terms: Iterable[str], first: Sequence[str]) -> list[str]:
    """Order terms: those listed, then the others as they come, the intercept last.

    Parameters
    ----------
    terms : iterable of str
        Terms.
    first : sequence of str
        Terms that come first.

    Returns
    -------
    list of str
        All terms.
    """
    rest = [t for t in terms if t not in first]
    return [*first, *(t for t in rest if t != "Intercept"), *(t for t in rest if t == "Intercept")]


def select(
    columns: Sequence[Column],
    keep: Sequence[str] | str | None,
    drop: Sequence[str] | str | None,
    order: Sequence[str] | str | None = None,
    *,
    fold: Sequence[str] = (),
    caller: str,
) -> list[str]:
    """Choose and order the rows of a table or plot.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    keep, drop, order : sequence of str, optional
        Terms or patterns to keep, to leave out, to put first.
    fold : sequence of str
        Terms that are left out because one row stands for them.
    caller : str
        Function named in messages.

    Returns
    -------
    list of str
        Terms, in order.
    """
    known = all_terms(columns)
    chosen = [t for t in known if t not in fold]
    if keep is not None:
        kept = matching(keep, known, "keep", caller)
        chosen = [t for t in chosen if t in kept]
    if drop is not None:
        dropped = matching(drop, known, "drop", caller)
        chosen = [t for t in chosen if t not in dropped]
    first = [] if order is None else matching(order, known, "order", caller)
    return arrange(chosen, [t for t in first if t in chosen])


def all_terms(columns: Sequence[Column]) -> list[str]:
    """Rows of all columns; a term that only a later model has goes before what follows it there.

    Parameters
    ----------
    columns : sequence of Column
        The columns.

    Returns
    -------
    list of str
        Terms, each once.
    """
    placed: list[str] = []
    for column in columns:
        own = [*column.estimates, *column.cells]
        for position, term in enumerate(own):
            if term not in placed:
                later = next((t for t in own[position:] if t in placed), None)
                placed.insert(len(placed) if later is None else placed.index(later), term)
    return placed


def _read(head: str | None, model: object, caller: str, level: float) -> list[Column]:
    if isinstance(model, ResultSet):
        prefix = "" if head is None else f"{head}: "
        pairs = ((label, model.failures.get(label) or model[label]) for label in model.labels)
        return [c for label, item in pairs for c in _read(prefix + tidy_text(label), item, caller, level)]
    if isinstance(model, pd.DataFrame):
        return _read_frame(head, model, caller)
    if isinstance(model, HasCorrelations):
        return _read_correlations(head, model)
    if isinstance(model, DigiprosperError):
        return [Column(head, failure=model)]
    if isinstance(model, ThresholdResults | KinkResults):
        regimes = _read_kink(model) if isinstance(model, KinkResults) else _read_regimes(model)
        return [replace(_read_result(head, model.slopes, level), regimes=regimes)]
    if isinstance(model, Results):
        return [_read_result(head, model, level)]
    how = (
        _test_help(model)
        if hasattr(model, "p_value")
        else "Pass what `fit` returns, a list or mapping of them, a ResultSet, or a DataFrame (of an index: "
        "its `.weights`)."
    )
    raise InputTypeError(
        f"{caller}: {type(model).__name__} is not a result. {how}",
        [Notice("models", "not a result", {"type": type(model).__name__})],
    )


def _test_help(model: object) -> str:
    rows = '"Turning point": [test.extremum], ' if hasattr(model, "extremum") else ""
    return (
        "A test cannot be a column: pass its numbers as rows below its fit, one value per column: "
        f'etable(fit, rows={{{rows}"Test, p": [test.p_value]}}).'
    )


def _read_result(head: str | None, result: Results, level: float) -> Column:
    frame = result.tidy(level).set_index("term")
    numbers = frame[list(Estimate._fields)].astype(float).itertuples(index=False, name=None)
    estimates = {str(term): Estimate(*row) for term, row in zip(frame.index, numbers, strict=True)}
    glance = result.glance()
    return Column(
        head,
        estimates=estimates,
        glance=glance,
        labels=dict(getattr(result, "labels", {})),
        draws=len(result.draws) if isinstance(result, HasDraws) else None,
        few_drawn=_few_drawn(result),
        bandwidth=_bandwidth(result),
        n_clusters=_cluster_counts(result, glance),
    )


def _few_drawn(result: Results) -> int | None:
    told = getattr(result, "diagnostics", ())
    found = [n.data["n_clusters"] for n in told if n.code == "too_few_clusters_to_draw"]
    return found[0] if found else None


def _bandwidth(result: Results) -> int | None:
    lags: int | None = getattr(_with_errors(result), "bandwidth", None)
    return lags


def _cluster_counts(result: Results, glance: Glance) -> tuple[int, ...]:
    # Of two-way clusters glance has the smaller number, which is that of the t intervals.
    least = glance["n_clusters"]
    counts: tuple[int, ...] = getattr(_with_errors(result), "n_clusters", ())
    return () if least is None else counts or (least,)


def _with_errors(result: Results) -> object:
    # The equations of a system share their errors, and the system itself does not repeat the details.
    return next(iter(getattr(result, "paths", {}).values()), result)


def _read_regimes(model: ThresholdResults) -> Regimes:
    tests = _read_tests(model)
    m = model.estimates.size
    return Regimes(
        model.threshold_variable,
        model.rule,
        model.level,
        tuple(
            # What was not estimated has no set: its LR only compares other values with it.
            _cut(value, [] if model.given else model.confidence_set(j), tests[j - 1 : j])
            for j, value in enumerate(map(float, model.estimates), start=1)
        ),
        model.given,
        _draws_words(model.reps, model.bootstrap[0]) if tests else "",
        _SETS[model.confidence],
        refused=tests[m] if len(tests) > m else None,
    )


def _read_tests(model: ThresholdResults) -> list[Test]:
    """Read the tests of the headline bootstrap, the one that stopped "auto" included."""
    if not model.bootstrap:
        return []
    frame = model.tests
    rows = frame.loc[frame["bootstrap"] == model.bootstrap[0], ["threshold", "statistic", "value", "p_value"]]
    return [
        Test(str(word), f"threshold {number}", float(value), float(p))
        for number, word, value, p in rows.itertuples(index=False, name=None)
    ]


def _read_kink(model: KinkResults) -> Regimes:
    tests, drawn = tuple[Test, ...](), ""
    if model.bootstrap:
        drawn = _draws_words(model.reps, model.bootstrap)
        named = {"no kink": model.test, "no jump": model.continuity}
        tests = tuple(Test("F", null, t.statistic, t.p_value) for null, t in named.items())
    return Regimes(
        model.kink_variable,
        "<=",
        model.level,
        (_cut(model.threshold, model.confidence_set(), tests),),
        given=False,
        drawn=drawn,
        confidence=_KINK_SETS["bootstrap" if model.bootstrap else "lr"],
        kink=True,
    )


def _cut(value: float, pieces: Sequence[tuple[float, float]], tests: Sequence[Test]) -> Cut:
    ends = (pieces[0][0], pieces[-1][1]) if pieces else (math.nan, math.nan)
    # F is not distributed as F: without a p-value it says little.
    return Cut(value, *ends, len(pieces), tuple(t for t in tests if not math.isnan(t.p_value)))


def _draws_words(reps: int, bootstrap: str) -> str:
    return f"{reps:,} draws, {_BOOTSTRAPS.get(bootstrap, bootstrap)}"


def _read_frame(head: str | None, frame: pd.DataFrame, caller: str) -> list[Column]:
    if isinstance(frame.index, pd.RangeIndex) and frame.shape[1] > 1 and _is_text(frame.iloc[:, 0]):
        # Rows that were only numbered are better named by the text beside the number.
        frame = frame.set_index(frame.columns[0])
    rows = [_name_text(name) for name in frame.index]
    repeated = [r for r, count in pd.Series(rows).value_counts().items() if count > 1]
    if repeated:
        raise InputTypeError(
            f"{caller}: the index of a DataFrame gives the row names, but {quoted(repeated)} are "
            "duplicated; pass one with unique row names (`reset_index()` numbers them).",
            [Notice("models", "repeated rows", {"rows": repeated})],
        )
    single = frame.shape[1] == 1
    columns = []
    for position, name in enumerate(frame.columns):
        own = _name_text(name)
        title = own if head is None else head if single else f"{head}: {own}"
        cells = dict(zip(rows, (PlainCell(own, v) for v in frame.iloc[:, position]), strict=True))
        columns.append(Column(title, cells=cells))
    return columns


def _read_correlations(head: str | None, found: HasCorrelations) -> list[Column]:
    """Read means, standard deviations and the lower triangle; a column of it has the number of its row."""
    names = [_name_text(name) for name in found.r.columns]
    r, p = found.r.to_numpy(dtype=float), found.p.to_numpy(dtype=float)
    columns = {
        "Mean": {name: PlainCell("Mean", float(v)) for name, v in zip(names, found.mean, strict=True)},
        "SD": {name: PlainCell("SD", float(v)) for name, v in zip(names, found.sd, strict=True)},
    }
    for j, name in enumerate(names):
        title = f"({j + 1})"
        blanks = {above: PlainCell(title, "") for above in names[:j]}
        below = {names[i]: PlainCell(title, float(r[i, j]), float(p[i, j])) for i in range(j + 1, len(names))}
        columns[title] = blanks | {name: PlainCell(title, float(r[j, j]))} | below
    prefix = "" if head is None else f"{head}: "
    numbers = {name: number for number, name in enumerate(names, start=1)}
    note = _correlation_note(found)
    return [
        Column(prefix + title, cells=cells, labels=found.labels, numbers=numbers, note=note)
        for title, cells in columns.items()
    ]


def _correlation_note(found: HasCorrelations) -> str:
    sizes = found.n.to_numpy()[np.tril_indices(len(found.n), -1)]
    if not sizes.size:
        return ""
    low, high = int(sizes.min()), int(sizes.max())
    rows = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"Pearson correlations, each over the rows where both variables are observed (N = {rows})."


def _name_text(name: object) -> str:
    return " / ".join(map(tidy_text, name)) if isinstance(name, tuple) else tidy_text(name)


def _is_text(column: pd.Series[Any]) -> bool:
    return bool(column.map(lambda v: isinstance(v, str)).all()) and column.is_unique


def _short(value: float, digits: int) -> str:
    """Write a threshold with few digits, but never as zero when it is not."""
    text = f"{value:z.{digits}f}"
    if value != 0 and math.isfinite(value) and abs(value) < 10.0 ** (1 - digits):
        return f"{value:.{max(digits, 1)}g}"
    return text.rstrip("0").rstrip(".") if "." in text else text
