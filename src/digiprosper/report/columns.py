"""What a result brings to a table: estimates, blocks of other numbers, and where they come from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from digiprosper.errors import DigiprosperError
from digiprosper.report.inference import Inference
from digiprosper.report.labels import effect_names, name_label
from digiprosper.report.protocol import HasDraws, Results
from digiprosper.report.terms import Term, terms_of
from digiprosper.report.words import NO_WORDS, NOTES, Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from digiprosper.report.protocol import Glance
    from digiprosper.report.terms import Factors
    from digiprosper.report.words import Language

_TOO_FEW = "too_few_clusters_to_draw"
_NUMBERS = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")
# What a notice says of terms that have no estimate or no error: its code, to the names in its data.
_WITHOUT: Mapping[str, tuple[str, ...]] = {
    "dropped_collinear": ("column", "on"),
    "dropped_absorbed": ("column", "effects"),
    "no_variance": ("terms",),
    "needed_clusters": ("terms", "clusters"),
    "not_psd": ("terms",),
}


class Estimate(NamedTuple):
    """A term with what `tidy` says about it."""

    term: Term
    estimate: float
    std_error: float
    statistic: float
    p_value: float
    conf_low: float
    conf_high: float


class ParameterTest(NamedTuple):
    """A test beside a parameter, as codes and numbers.

    `statistic` and `of` are codes for words: which statistic (``"F"``, ``"score"``), and of what hypothesis.
    """

    statistic: str
    of: str
    value: float
    p_value: float
    number: int = 0


class Parameter(NamedTuple):
    """A number beside the slopes, such as a threshold.

    Its confidence set reaches from end to end in so many pieces; none if it was not estimated. It is `whole`
    if it contains every one of several candidates.
    """

    estimate: float
    conf_low: float
    conf_high: float
    pieces: int
    tests: tuple[ParameterTest, ...] = ()
    whole: bool = False


class Drawn(NamedTuple):
    """How often something was drawn, and a code for how."""

    reps: int
    how: str


@dataclass(frozen=True, slots=True)
class Block:
    """Parameters of one kind beside the slopes of a model, in the order found.

    Parameters
    ----------
    kind : str
        Code of what they are, such as ``"step"`` or ``"kink"``; the words of the column say it.
    variable : str
        Variable that they are values of.
    parameters : tuple of Parameter
        The parameters.
    level : float
        Level of the confidence sets.
    given : bool
        Whether they were fixed and not estimated.
    drawn : Drawn or None
        Draws behind the p-values of the tests.
    confidence : str
        Code of the criterion of the confidence sets.
    refused : ParameterTest or None
        Test of the parameter that was tested last and not retained.
    rank : int
        Where its notes stand among those of other kinds.
    """

    kind: str
    variable: str
    parameters: tuple[Parameter, ...]
    level: float
    given: bool = False
    drawn: Drawn | None = None
    confidence: str = ""
    refused: ParameterTest | None = None
    rank: int = 0

    @property
    def estimated(self) -> bool:
        """Whether it has parameters that were estimated."""
        return bool(self.parameters) and not self.given


class PlainCell(NamedTuple):
    """A cell of a DataFrame and the column it stood in, which tells a p-value from other numbers.

    A number with a p-value of its own gets stars.
    """

    column: str
    value: object
    p_value: float = math.nan


class Remark(NamedTuple):
    """What a table says: a code for its words, and the names that they mention.

    `names` maps what the words call them to names of the model, which are printed with their labels. `words`
    are those of the code; None stands for the words of the column.
    """

    code: str
    names: Mapping[str, tuple[str, ...]]
    words: Words | None = None


class SharedRow(NamedTuple):
    """A row that a set of models adds to a table: its name, and its cells by label of a model."""

    name: Remark
    cells: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, as codes and numbers.

    Parameters
    ----------
    head : str or None
        Its name; None is numbered.
    estimates : mapping
        Estimates by name of their term.
    cells : mapping
        Plain cells by row, of what are no estimates.
    glance : Glance or None
        What the model says about the whole fit.
    inference : Inference or None
        Where errors, intervals and p-values come from.
    blocks : tuple of Block
        Parameters beside the slopes.
    labels : mapping
        Labels that came with the model.
    factors : mapping
        What the names of the model are products of: outcome, effects, clusters, mediators.
    failure : DigiprosperError or None
        Why there are no estimates.
    numbers : mapping
        Numbers of the rows, where columns are headed by them.
    note : str
        What the notes must say of the whole table.
    remarks : tuple of Remark
        What the notes must say of this column.
    words : Words
        What the codes of its method say.
    equation : Term or None
        Which equation of a system it is; in a table, words stand for its name.
    keys : pair of str or None
        Names of entity and time in the panel, so that words can stand for their effects; None if they are not
        known.
    whole : Remark or None
        What the notes must say of the whole table, as a code of `words`.
    constant : Estimate or None
        The constant beside absorbed effects.
    moments : mapping
        Mean and standard deviation of outcome and terms in the estimation sample, where they are known.
    over : str or None
        Head that spans it and its neighbours, or a code for it in `words`.
    named : Remark or None
        Its head in words, where a set of models gives it one; wins over `head`.
    set_notes : tuple of Remark
        What the notes must say of the sets of models that it is in.
    set_rows : tuple of (Remark, object)
        Names of rows that such sets add, with the value of this column.
    absorbs : bool
        Whether the method has entity, time or other effects that are absorbed. If not, a table has a dash in
        the rows of effects, since "No" would say that they were left out.
    adjusted : tuple of str
        Controls that the model adjusts for without an estimate of each.
    """

    head: str | None = None
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    cells: Mapping[str, PlainCell] = field(default_factory=dict)
    glance: Glance | None = None
    inference: Inference | None = None
    blocks: tuple[Block, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)
    failure: DigiprosperError | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    remarks: tuple[Remark, ...] = ()
    words: Words = NO_WORDS
    equation: Term | None = None
    keys: tuple[str, str | None] | None = None
    whole: Remark | None = None
    constant: Estimate | None = None
    moments: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    over: str | None = None
    named: Remark | None = None
    set_notes: tuple[Remark, ...] = ()
    set_rows: tuple[tuple[Remark, object], ...] = ()
    absorbs: bool = True
    adjusted: tuple[str, ...] = ()


@runtime_checkable
class HasColumns(Protocol):
    """What says itself which columns it brings to a table."""

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Columns of a table, as codes and numbers; `level` is that of the confidence intervals."""
        ...


def columns_of(model: object, level: float = 0.95) -> tuple[Column, ...] | None:
    """Ask a result for its columns.

    Parameters
    ----------
    model : object
        A result of any method, of ours or of another package, or what stopped one.
    level : float
        Level of the confidence intervals.

    Returns
    -------
    tuple of Column or None
        None if it is none of these.
    """
    if isinstance(model, DigiprosperError):
        return (Column(failure=model),)
    if isinstance(model, HasColumns):
        return model.table_columns(level)
    return (result_column(model, level),) if isinstance(model, Results) else None


def result_column(result: Results, level: float = 0.95, *, words: Words = NO_WORDS) -> Column:
    """Make the column of a result from what every result answers.

    Parameters
    ----------
    result : Results
        Any, also one of another package.
    level : float
        Level of the confidence intervals.
    words : Words
        What the codes of its method say.

    Returns
    -------
    Column
        Without blocks. Terms that the result does not describe are slopes.
    """
    frame = result.tidy(level)
    terms = terms_of(result, frame["term"])
    numbers = frame[list(_NUMBERS)].astype(float).itertuples(index=False, name=None)
    return Column(
        estimates={
            name: Estimate(term, *row) for (name, term), row in zip(terms.items(), numbers, strict=True)
        },
        glance=result.glance(),
        inference=inference_of(result),
        labels=dict(getattr(result, "labels", {})),
        factors=dict(getattr(result, "factors", {})),
        words=words,
        equation=getattr(result, "equation", None),
        keys=getattr(result, "key_names", None),
        constant=_constant_of(result, level),
        moments=_moments_of(result),
        remarks=_missing_terms(result),
    )


def _missing_terms(result: Results) -> tuple[Remark, ...]:
    """List which terms were dropped, and which have no error."""
    remarks = []
    for notice in getattr(result, "diagnostics", ()):
        named = {role: _as_names(notice.data[role]) for role in _WITHOUT.get(notice.code, ())}
        if named and all(named.values()):
            remarks.append(Remark(f"without.{notice.code}", named, NOTES))
    return tuple(remarks)


def _as_names(named: str | Iterable[str]) -> tuple[str, ...]:
    return (named,) if isinstance(named, str) else tuple(named)


def _constant_of(result: Results, level: float) -> Estimate | None:
    """Give the constant of a result that has one beside absorbed effects."""
    constant = getattr(result, "constant", None)
    if not callable(constant) or not result.glance()["effects"]:
        return None
    numbers = constant(level)
    return Estimate(Term("Intercept", kind="intercept"), *(float(numbers[name]) for name in _NUMBERS))


def _moments_of(result: Results) -> dict[str, tuple[float, float]]:
    stats = getattr(result, "sample_stats", None)
    if stats is None:
        return {}
    return dict(zip(stats.index, zip(stats["mean"], stats["sd"], strict=True), strict=True))


def inference_of(result: Results) -> Inference:
    """Give where the errors of a result come from, read from its glance if it does not say itself.

    Parameters
    ----------
    result : Results
        Any.

    Returns
    -------
    Inference
        With as much as is known.
    """
    known = getattr(result, "inference", None)
    if isinstance(known, Inference):
        return known
    glance = result.glance()
    # Of two-way clusters glance has the smaller number, which is that of the t intervals.
    least = glance["n_clusters"]
    counts: tuple[int, ...] = () if least is None else getattr(result, "n_clusters", ()) or (least,)
    drawn = isinstance(result, HasDraws)
    return Inference(
        cov_type=glance["cov_type"] or "",
        ssc=glance["ssc"],
        clusters=effect_names(glance["clusters"]),
        n_clusters=counts,
        df_t=math.inf if glance["df_t"] is None else glance["df_t"],
        bandwidth=getattr(result, "bandwidth", None),
        drawn=str(getattr(result, "drawn", "entity")) if drawn else None,
        n_drawn=_clusters_drawn(result),
        reps=len(result.draws) if isinstance(result, HasDraws) else 0,
        rng_entropy=glance["rng_entropy"],
    )


def _clusters_drawn(result: object) -> int | None:
    told = (n.data["n_clusters"] for n in getattr(result, "diagnostics", ()) if n.code == _TOO_FEW)
    count: int | None = getattr(result, "n_drawn", next(told, None))
    return count


def remark_text(
    remark: Remark,
    words: Words,
    labels: Mapping[str, str],
    factors: Factors,
    language: Language = "english",
) -> str:
    """Print a remark with the labels of the names that it mentions.

    Parameters
    ----------
    remark : Remark
        The remark.
    words : Words
        Of its code, where it brings none.
    labels : mapping
        Labels by term or column.
    factors : mapping
        What the names are products of.
    language : {"english", "chinese"}
        Of the words.

    Returns
    -------
    str
        Several names are joined as in a list.
    """
    mark = NOTES.say("list", language)
    names = {
        role: mark.join(name_label(name, labels, factors) for name in found)
        for role, found in remark.names.items()
    }
    return (remark.words or words).say(remark.code, language, **names)
