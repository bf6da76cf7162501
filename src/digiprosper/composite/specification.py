"""The composite index: a frozen specification, and fitting it."""

from __future__ import annotations

import sys
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from digiprosper.composite.frames import fit_frame, is_frame
from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.composite.kernels.aggregate import AGGREGATIONS, Aggregation
from digiprosper.composite.kernels.normalise import NORMALISATIONS, Normalisation
from digiprosper.composite.kernels.structure import IndexStructure
from digiprosper.composite.kernels.uncertainty import EntitySums, entity_sums
from digiprosper.composite.notices import (
    component_remarks,
    imputed_remarks,
    legacy_remark,
    weight_remarks,
    zero_remarks,
)
from digiprosper.composite.results import IndexResults
from digiprosper.composite.rows import Rows, cut_rows, find_period
from digiprosper.composite.scopes import (
    Placed,
    Scope,
    State,
    dimension_groups,
    learn,
    read_scope,
    rule_of,
)
from digiprosper.composite.weights import WEIGHTINGS, Weighting, check_shift
from digiprosper.errors import (
    IndicatorError,
    InputTypeError,
    Notice,
    OptionError,
    check_option,
    cited,
    issue,
    plain,
    quoted,
)
from digiprosper.panel import Panel
from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.kernels import Floats

__all__ = ["CompositeIndex", "IndexMissing", "IndexResults", "IndexStructure", "Scope"]

IndexMissing = Literal["raise", "drop"]

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "normalise": tuple(NORMALISATIONS),
    "structure": ("flat", "nested", "equal_dimensions"),
    "aggregate": tuple(AGGREGATIONS),
    "missing": ("raise", "drop"),
}


@dataclass(frozen=True, slots=True)
class CompositeIndex(PickledByName):
    """Make one index from many indicators.

    Parameters
    ----------
    system : IndicatorSystem
        Columns, directions, dimensions, goalposts.
    scope : str, default "pooled"
        Which rows end points and weights are learned from. ``"pooled"``: all. ``"per_year"``: each year's
        own. ``"pooled_norm_yearly_weights"``: end points from all, weights year by year.
        ``"base_year(2011)"``: the rows of one year. ``"expanding"``: year t from the years up to t.
        ``"goalposts"``: end points as the indicators give them, weights from all rows. ``"legacy_lnT"``: a
        wrong script, to replicate; warns.
    normalise : {"minmax", "zscore", "rank", "max", "none"}, default "minmax"
        ``minmax`` (x - min) / (max - min), turned round for ``"-"``. ``zscore`` (x - mean) / sd, with n - 1,
        the sign turned. ``rank`` from 0 to 1, ties sharing. ``max`` x / max and min / x. ``none``: values as
        given.
    shift : float, default 0.0
        Added to normalised values before the logarithm of entropy weights; scores never use it.
    weighting : {"entropy", "critic", "cv", "std", "pca", "equal"} or mapping, default "entropy"
        How columns are weighed (see `entropy_weights` and its neighbours), or ``{indicator: weight}``; given
        weights are divided by their sum.
    structure : {"flat", "nested", "equal_dimensions"}, default "flat"
        ``flat``: all indicators at once. ``nested``: inside each dimension, then the dimensions' scores in
        the same way. ``equal_dimensions``: inside each dimension, every dimension counting alike.
    aggregate : {"linear", "geometric", "topsis"}, default "linear"
        Weighted sum, weighted product, or relative closeness to the best values.
    missing : {"raise", "drop"}, default "raise"
        Refuse missing cells, or leave out rows that have any (listwise). `Panel.interpolate` fills and logs.
    name : str, default "index_score"
        Name of the scores, and of the column that `Panel.attach` makes of them.

    Raises
    ------
    InputTypeError
        If the system is not an `IndicatorSystem` or the name is not text.
    OptionError
        If an option has an unknown word, or options contradict each other: the message says which to change.
    IndicatorError
        If ``scope="goalposts"`` and an indicator has none.

    Examples
    --------
    >>> import pandas as pd
    >>> import digiprosper as dp
    >>> table = pd.DataFrame({"region": ["a", "a", "b"], "year": [2019, 2020, 2020],
    ...                       "ports": [1.0, 2, 3], "users": [5.0, 9, 9], "price": [7.0, 7, 4]})
    >>> system = dp.IndicatorSystem.from_dict({"": {"ports": "+", "users": "+", "price": "-"}})
    >>> index = dp.CompositeIndex(system, name="digital").fit(dp.Panel(table, entity="region", time="year"))
    >>> index.scores.round(4).tolist()
    [0.0, 0.3237, 1.0]
    >>> index.weights["weight"].round(4).tolist()
    [0.235, 0.2062, 0.5588]
    """

    system: IndicatorSystem
    _: KW_ONLY
    scope: Scope | str = "pooled"
    normalise: Normalisation = "minmax"
    shift: float = 0.0
    weighting: Weighting | Mapping[str, float] | tuple[tuple[str, float], ...] = "entropy"
    structure: IndexStructure = "flat"
    aggregate: Aggregation = "linear"
    missing: IndexMissing = "raise"
    name: str = "index_score"

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        if not isinstance(self.system, IndicatorSystem):
            raise InputTypeError(
                f"CompositeIndex takes an IndicatorSystem, not {type(self.system).__name__}; "
                "make one with IndicatorSystem.from_dict({dimension: {column: '+'}})."
            )
        word, base = read_scope(self.scope)
        object.__setattr__(self, "scope", f"base_year({base})" if base else word)
        for option, allowed in _WORDS.items():
            check_option(option, getattr(self, option), allowed)
        if isinstance(self.weighting, tuple) or hasattr(self.weighting, "items"):
            object.__setattr__(
                self, "weighting", read_weights(self.weighting, self.system.names, "weighting")
            )
        else:
            check_option("weighting", self.weighting, WEIGHTINGS)
        check_shift(self.shift)
        name: object = self.name
        if not isinstance(name, str) or not name:
            raise InputTypeError(f"name={cited(name)}: the name of the scores must be a non-empty text.")
        _refuse_nonsense(self)
        _refuse_dimensions(self)

    @property
    def given_weights(self) -> Floats | None:
        """Weights given by the caller in the order of the system, adding up to one; None otherwise."""
        given: object = self.weighting
        if not isinstance(given, tuple):
            return None
        values = np.array([w for _, w in given], dtype=np.float64)
        return np.asarray(values / values.sum())

    @property
    def terms(self) -> tuple[str, ...]:
        """Columns that the index reads."""
        return self.system.names

    def replace(self, **changes: Any) -> CompositeIndex:
        """Copy with some fields changed.

        Parameters
        ----------
        **changes
            Fields of the constructor.

        Returns
        -------
        CompositeIndex
            A new specification.

        Raises
        ------
        OptionError
            If there is no such field.
        """
        known = [f.name for f in fields(self)]
        unknown = [n for n in changes if n not in known]
        if unknown:
            raise OptionError(f"CompositeIndex has no field {quoted(unknown)}; it has {quoted(known, 30)}.")
        return replace(self, **changes)

    def drop(self, *names: str) -> CompositeIndex:
        """Leave indicators out; given weights of the others keep their proportions.

        Parameters
        ----------
        *names : str
            Columns.

        Returns
        -------
        CompositeIndex
            A new specification.

        Raises
        ------
        ColumnError
            If a column is not in the system.
        IndicatorError
            If none would be left.
        """
        system, given = self.system.drop(*names), self.weighting
        if isinstance(given, tuple):
            given = tuple((n, w) for n, w in given if n not in names)
        return replace(self, system=system, weighting=given)

    def fit(self, panel: Any, *, rng: object = None, progress: bool = False) -> IndexResults:
        """Learn end points and weights, and score every row.

        Parameters
        ----------
        panel : Panel, or a table that narwhals reads
            Has every indicator as a numeric column. A table that is no Panel (pandas, polars eager or lazy,
            pyarrow, a DuckDB relation, PySpark) is read in two aggregate queries, so that it may be larger
            than memory: entropy weights, min-max, linear, flat, scope ``"pooled"`` or ``"goalposts"``; no
            scores (use `IndexResults.apply`) and no sampling errors.
        rng : optional
            Not used: weights are not drawn here. Taken so that every specification is called alike.
        progress : bool, default False
            Not used.

        Returns
        -------
        IndexResults
            Scores, weights, end points.

        Raises
        ------
        ColumnError
            If the panel has no such column.
        IndicatorError
            If a column is not numeric, all are constant, or the options are not defined for its values.
        MissingDataError
            If cells are missing and `missing` is ``"raise"``, or no row is left.
        OptionError
            If the scope needs periods that the panel does not have.

        Warns
        -----
        IndicatorWarning
            If an indicator is constant or has a negative weight, the shift is .01 or more, a weight exceeds
            three equal shares, a product is zero, or the scope is ``"legacy_lnT"``.
        MissingDataWarning
            If rows were dropped, or interpolated cells look ahead under ``"expanding"``.
        """
        del rng, progress
        if not isinstance(panel, Panel) and is_frame(panel):
            learned, nobs, remarks = fit_frame(self, panel)
            return IndexResults(
                self, State((learned,), None), None, None, None, None, nobs, None, None, remarks
            )
        rows = cut_rows(self, panel)
        state = learn(self, rows)
        placed = state.place(self, rows)
        values = state.scores(self, placed, rows.index)
        rule = rule_of(self, rows.times.size)
        periods = () if state.periods is None else tuple(state.periods)
        notices = [
            *rows.notices,
            *weight_remarks(self.system.names, [p.weighing for p in state.learned], rule, periods),
            *zero_remarks(values, self.aggregate),
        ]
        if self.scope == "legacy_lnT":
            notices.append(legacy_remark())
        sums = _sums(self, state, placed, rows)
        notices += component_remarks(sums)
        if self.scope == "expanding":
            notices += imputed_remarks(panel.imputations, self.system.names)
        issue(notices)
        return IndexResults(
            spec=self,
            state=state,
            entity_sums=sums,
            values=values,
            dimension_values=state.dimension_scores(dimension_groups(self), placed),
            index=rows.index,
            nobs=len(rows.index),
            n_entities=rows.entities.size,
            n_times=rows.times.size,
            diagnostics=tuple(notices),
        )


def read_weights(given: Any, names: tuple[str, ...], option: str) -> tuple[tuple[str, float], ...]:
    """Check weights given by indicator, and put them in the order of the system.

    Parameters
    ----------
    given : mapping, Series, or pairs of name and weight
        One weight >= 0 an indicator, at least one positive.
    names : tuple of str
        Indicators.
    option : str
        What to call it in messages.

    Returns
    -------
    tuple of (str, float)
        In the order of `names`, not divided by their sum.

    Raises
    ------
    OptionError
        If indicators are missing or unknown, or a weight is no number >= 0.
    """
    try:
        weights = dict(given)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"{option}={cited(given)} must have one weight per indicator, such as {{'ports': 0.4, "
            "'phones': 0.6}."
        ) from error
    missing, unknown = [n for n in names if n not in weights], [n for n in weights if n not in names]
    if missing or unknown:
        parts = [f"{quoted(missing)} has none"] * bool(missing)
        parts += [f"{quoted(unknown)} is not an indicator of the system"] * bool(unknown)
        raise OptionError(
            f"{option}={{...}} must have one weight per indicator: {'; '.join(parts)}.",
            [Notice("option", p, {"option": option, "missing": missing, "unknown": unknown}) for p in parts],
        )
    odd = [n for n in names if not _is_weight(weights[n])]
    if odd or not any(weights.values()):
        what = f"{cited(odd[0])} has {cited(weights[odd[0]])}" if odd else "all are 0"
        raise OptionError(
            f"{option}={{...}}: weights must be numbers >= 0, at least one of them positive; {what}.",
            [Notice("option", what, {"option": option, "indicators": odd})],
        )
    return tuple((n, float(weights[n])) for n in names)


def _is_weight(value: object) -> bool:
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return 0 <= number <= sys.float_info.max


def _refuse_nonsense(spec: CompositeIndex) -> None:
    """Refuse options that contradict each other, in words that say what to change."""
    weighting = "given" if isinstance(spec.weighting, tuple) else str(spec.weighting)
    scope, normalise = spec.scope, spec.normalise
    z_scores, fixed = normalise == "zscore", weighting in ("equal", "given")
    legacy = (weighting, normalise, spec.structure) == ("entropy", "minmax", "flat")
    negative = [i.name for i in spec.system if i.direction == "-"]
    rules = [
        (
            spec.shift > 0 and weighting != "entropy",
            f"shift={spec.shift:g} applies to entropy weights only: use shift=0, or weighting='entropy'",
        ),
        (
            scope == "goalposts" and normalise != "minmax",
            "scope='goalposts' sets the end points of min-max scaling: use normalise='minmax', not "
            f"{cited(normalise)}",
        ),
        (
            scope == "legacy_lnT" and not legacy,
            "scope='legacy_lnT' replicates one script, which requires weighting='entropy', "
            "normalise='minmax' and structure='flat': use these, or scope='pooled'",
        ),
        (
            scope == "pooled_norm_yearly_weights" and fixed,
            "scope='pooled_norm_yearly_weights' estimates weights year by year, but equal or given "
            "weights are not estimated: use scope='pooled'",
        ),
        (
            normalise == "none" and bool(negative),
            f"normalise='none' requires columns in which more is better, but {quoted(negative)} has "
            "direction '-': reverse it and set '+', or use normalise='minmax'",
        ),
        (
            z_scores and weighting in ("entropy", "cv"),
            f"normalise='zscore' gives negative values, for which {weighting} weights are not defined: use "
            "normalise='minmax', or weighting='critic' or 'pca'",
        ),
        (
            z_scores and weighting == "std" and scope != "pooled_norm_yearly_weights",
            "normalise='zscore' makes every standard deviation 1: use weighting='equal', or "
            "normalise='minmax'",
        ),
        (
            z_scores and spec.aggregate == "geometric",
            "normalise='zscore' gives negative values, for which the geometric mean is not defined: use "
            "normalise='minmax', or aggregate='linear'",
        ),
        (
            weighting == "given" and spec.structure != "flat",
            f"given weights are effective weights, so structure={cited(spec.structure)} does not apply: "
            "use structure='flat'",
        ),
    ]
    for wrong, message in rules:
        if wrong:
            raise OptionError(f"{message}.", [Notice("option", message, {"scope": scope})])
    bare = [i.name for i in spec.system if i.goalposts is None]
    if scope == "goalposts" and bare:
        raise IndicatorError(
            f"scope='goalposts' needs goalposts for every indicator, but {quoted(bare)} has none: set "
            "Indicator(name, goalposts=(low, high)).",
            [Notice("goalposts", f"{cited(n)} has no goalposts", {"indicator": n}) for n in bare],
        )


def _refuse_dimensions(spec: CompositeIndex) -> None:
    if spec.structure == "flat":
        return
    homeless = [i.name for i in spec.system if not i.dimension]
    if homeless or len(spec.system.dimensions) == 1:
        what = (
            f"{quoted(homeless)} has none" if homeless else f"all are in {cited(spec.system.dimensions[0])}"
        )
        raise OptionError(
            f"structure={cited(spec.structure)} needs at least two dimensions, and one for every "
            f"indicator; {what}. Use structure='flat', or IndicatorSystem.from_dict({{dimension: "
            "{column: '+'}}).",
            [Notice("option", what, {"option": "structure", "indicators": homeless})],
        )


def _sums(spec: CompositeIndex, state: State, placed: Placed, rows: Rows) -> EntitySums | None:
    """Sum by entity where the sums are enough to weigh again."""
    rule = rule_of(spec, rows.times.size)
    if state.periods is not None or rule.across == "nested" or rule.periods is not None:
        return None
    word, base = read_scope(spec.scope)
    there = rows.time == find_period(rows.times, base) if word == "base_year" else slice(None)
    constant = state.learned[0].weighing.constant
    return entity_sums(placed.z[there], rows.entity[there], rule, constant)
