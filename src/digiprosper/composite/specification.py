"""The specification of a composite index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from digiprosper.composite.frames import fit_frame, is_frame
from digiprosper.composite.indicators import Indicator, IndicatorSystem
from digiprosper.composite.kernels.aggregate import Aggregation
from digiprosper.composite.kernels.normalise import Normalisation
from digiprosper.composite.kernels.structure import IndexStructure
from digiprosper.composite.notices import (
    component_remarks,
    imputed_remarks,
    opposed_remarks,
    weight_remarks,
)
from digiprosper.composite.options import (
    OPTIONS,
    IndexMissing,
    IndexOptions,
    read_option,
    refuse_contradictions,
)
from digiprosper.composite.results import IndexResults
from digiprosper.composite.scopes import Scope, read_scope
from digiprosper.composite.state import (
    ScaledRows,
    State,
    complete_rows,
    dropped_rows,
    learn_and_score,
    state_sums,
)
from digiprosper.composite.weights import Weighting
from digiprosper.errors import InputTypeError, cited, issue, notice_of
from digiprosper.kernels import Floats
from digiprosper.panel import Panel, Sample
from digiprosper.report.notices import changed_as
from digiprosper.report.terms import columns_in
from digiprosper.specification import Specification, plain_options


@dataclass(frozen=True, slots=True)
class CompositeIndex(Specification):
    """Composite index of several indicators.

    The indicators are normalised, weighted and aggregated to one score per row of a
    panel.

    Parameters
    ----------
    system : IndicatorSystem
        The indicators, with their directions, dimensions and goalposts.
    scope : str, default "pooled"
        Rows from which the end points of the normalisation (minimum and maximum, or
        mean and standard deviation) and the weights are computed:

        - ``"pooled"``: all rows.
        - ``"per_year"``: for each year, the rows of this year.
        - ``"pooled_norm_yearly_weights"``: end points from all rows, weights of each
          year from its rows.
        - ``"base_year(2011)"``: the rows of one year, here 2011.
        - ``"base_year_norm_pooled_weights(2011)"``: end points from the rows of one
          year, weights from all rows. Weights that need values of at least 0, entropy
          weights among them, are not defined if a value is worse than all of that year.
        - ``"expanding"``: for year t, the rows of the years up to t.
        - ``"goalposts"``: end points from the `goalposts` of the indicators, weights
          from all rows.
        - ``"legacy_lnT"``: replicates a script with a known error, and warns. The
          script divides the entropy of all rows by the logarithm of the number of years
          instead of the number of rows.

        Scores of different years are comparable if all years have the same end points
        and weights. A model of other scores needs time effects, without which changes
        of the scale count as changes of the index.
    normalise : {"minmax", "absolute_minmax", "zscore", "rank", "max", "none"}
        The default is ``"minmax"``: (x - min) / (max - min) for direction ``"+"`` and
        (max - x) / (max - min) for ``"-"``. ``"absolute_minmax"`` is its absolute
        value. It replicates published indices with end points of a base year, which
        remove the sign of values that are worse than all of that year; such a value
        then counts as an improvement. ``"zscore"`` is (x - mean) / sd with divisor
        n - 1, with the opposite sign for ``"-"``. ``"rank"`` is the rank from 0 to 1;
        tied values have their mean rank. A value that is not in the rows of a base year
        has the mean of the ranks on both sides, and beyond them half a rank more.
        ``"max"`` is x / max for ``"+"`` and min / x for ``"-"``. ``"none"`` uses the
        values as they are.
    shift : float, default 0.0
        Number added to the normalised values before the logarithm of entropy weights.
        Scores do not use it. The default is 0 because 0 ln 0 = 0 by definition, so no
        shift is needed.
    weighting : {"entropy", "critic", "cv", "std", "pca", "equal"} or mapping
        The default is ``"entropy"``. How the weights are computed; see
        `entropy_weights`, `critic_weights`, `cv_weights`, `std_weights`, `pca_weights`
        and `equal_weights`. Or given weights, ``{indicator: weight}``, which are
        divided by their sum.
    structure : {"flat", "nested", "equal_dimensions"}, default "flat"
        ``"flat"`` weights all indicators together. ``"nested"`` weights the indicators
        within each dimension, and then the scores of the dimensions in the same way.
        ``"equal_dimensions"`` weights the indicators within each dimension, and all
        dimensions equally.
    aggregate : {"linear", "geometric", "geometric_dimensions", "topsis"}
        The default is ``"linear"``. ``"linear"`` is the weighted sum, ``"geometric"``
        the weighted geometric mean, and ``"topsis"`` the relative closeness to the best
        values: those of all rows, or with ``"per_year"``, ``"expanding"`` and
        ``"base_year(2011)"`` of the rows of these years. ``"geometric_dimensions"`` is
        linear inside each dimension and geometric across dimensions, as the Human
        Development Index (UNDP 2024, Human Development Report 2023/24, technical note
        1): the product of ``D_k ** W_k`` over the dimensions k, where ``W_k`` is the
        sum of the weights of the dimension and ``D_k`` its score in
        `IndexResults.dimension_scores`. A zero in one indicator then does not make the
        score 0; a dimension whose score is 0 does.
    missing : {"raise", "drop"}, default "raise"
        ``"raise"`` raises an error if an indicator is missing. ``"drop"`` drops the
        rows in which any indicator is missing. `Panel.interpolate` can fill missing
        values first.
    name : str, default "index_score"
        Name of the scores, which is also the name of their column after `Panel.attach`.

    Raises
    ------
    InputTypeError
        If `system` is not an `IndicatorSystem`, or `name` is not text.
    OptionError
        If an option has an unknown value, or two options contradict each other.
    IndicatorError
        If the scope is ``"goalposts"`` and an indicator has no goalposts.

    Examples
    --------
    >>> import pandas as pd
    >>> import digiprosper as dp
    >>> table = pd.DataFrame(
    ...     {
    ...         "region": ["a", "a", "b"],
    ...         "year": [2019, 2020, 2020],
    ...         "ports": [1.0, 2, 3],
    ...         "users": [5.0, 9, 9],
    ...         "price": [7.0, 7, 4],
    ...     }
    ... )
    >>> system = dp.IndicatorSystem.from_dict(
    ...     {"": {"ports": "+", "users": "+", "price": "-"}}
    ... )
    >>> index = dp.CompositeIndex(system, name="digital").fit(
    ...     dp.Panel(table, entity="region", time="year")
    ... )
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
    weighting: Weighting | Mapping[str, float] | tuple[tuple[str, float], ...] = (
        "entropy"
    )
    structure: IndexStructure = "flat"
    aggregate: Aggregation = "linear"
    missing: IndexMissing = "raise"
    name: str = "index_score"

    def __post_init__(self) -> None:
        plain_options(self)
        if not isinstance(self.system, IndicatorSystem):
            raise InputTypeError(
                "CompositeIndex takes an IndicatorSystem, not "
                f"{type(self.system).__name__}; "
                "make one with IndicatorSystem.from_dict({dimension: {column: '+'}})."
            )
        for option in OPTIONS:
            value = read_option(option, getattr(self, option), self.system.names)
            object.__setattr__(self, option, value)
        name: object = self.name
        if not isinstance(name, str) or not name:
            raise InputTypeError(
                f"name={cited(name)}: the name of the scores must be a non-empty text."
            )
        refuse_contradictions(self.recipe)

    @property
    def recipe(self) -> IndexOptions:
        """Options of the index."""
        given_weights = self.weighting if isinstance(self.weighting, tuple) else ()
        return IndexOptions(
            system=self.system,
            scope=read_scope(self.scope),
            normalise=self.normalise,
            shift=self.shift,
            weighting="given" if given_weights else str(self.weighting),
            weight_pairs=given_weights,
            structure=self.structure,
            aggregation=self.aggregate,
            missing=self.missing,
            name=self.name,
        )

    @property
    def given_weights(self) -> Floats | None:
        """Given weights in the indicators' order, with sum one, or None.

        None means that weights are estimated.
        """
        return self.recipe.given_weights

    @property
    def terms(self) -> tuple[str, ...]:
        """Columns of the indicators."""
        return self.system.names

    def add(self, *indicators: str | Indicator) -> Self:
        """Add indicators at the end.

        Parameters
        ----------
        *indicators : str or Indicator
            A text is the name of a column with direction ``"+"``.

        Returns
        -------
        CompositeIndex
            A new specification.

        Raises
        ------
        OptionError
            If the weights are given: the new indicator has none. Use `replace` to
            change system and weights.
        InputTypeError, IndicatorError
            As in `IndicatorSystem.add`.

        Examples
        --------
        >>> import digiprosper as dp
        >>> index = dp.CompositeIndex(
        ...     dp.IndicatorSystem.from_dict({"": {"ports": "+", "price": "-"}})
        ... )
        >>> index.add("users").system.names
        ('ports', 'price', 'users')
        """
        return self.replace(system=self.system.add(*indicators))

    def drop(self, *names: str) -> Self:
        """Drop indicators.

        Given weights of the other indicators keep their proportions.

        Parameters
        ----------
        *names : str
            Columns of the indicators to drop.

        Returns
        -------
        CompositeIndex
            A new specification.

        Raises
        ------
        ColumnError
            If a column is not in the system.
        IndicatorError
            If no indicator would be left.

        Examples
        --------
        >>> import digiprosper as dp
        >>> index = dp.CompositeIndex(
        ...     dp.IndicatorSystem.from_dict({"": {"ports": "+", "price": "-"}})
        ... )
        >>> index.drop("price").system.names
        ('ports',)
        """
        weighting = self.weighting
        if isinstance(weighting, tuple):
            weighting = tuple((n, w) for n, w in weighting if n not in names)
        return self.replace(system=self.system.drop(*names), weighting=weighting)

    def swap(self, old: str, new: str) -> Self:
        """Replace the column of one indicator.

        Its direction, dimension, goalposts and given weight stay.

        Parameters
        ----------
        old, new : str
            Column to replace, and the column that replaces it.

        Returns
        -------
        CompositeIndex
            A new specification.

        Raises
        ------
        ColumnError
            If `old` is not in the system.
        IndicatorError
            If `new` is in the system already.

        Examples
        --------
        >>> import digiprosper as dp
        >>> index = dp.CompositeIndex(
        ...     dp.IndicatorSystem.from_dict({"": {"ports": "+", "price": "-"}})
        ... )
        >>> index.swap("ports", "phones").system.names
        ('phones', 'price')
        """
        weighting = self.weighting
        if isinstance(weighting, tuple):
            weighting = tuple((new if n == old else n, w) for n, w in weighting)
        return self.replace(system=self.system.swap(old, new), weighting=weighting)

    def fit(
        self, panel: Any, *, rng: object = None, progress: bool = False
    ) -> IndexResults:
        """Compute the end points, the weights and the scores.

        Parameters
        ----------
        panel : Panel, or a table that narwhals reads
            Data with each indicator as a numeric column. A table that is not a Panel
            may be a pandas, polars or pyarrow table, a DuckDB relation or a PySpark
            table. It is read with two aggregate queries, so it may be larger than
            memory. This needs entropy weights, min-max normalisation, linear
            aggregation, flat structure and the scope ``"pooled"`` or ``"goalposts"``.
            The results then have no scores and no standard errors; `IndexResults.apply`
            computes the scores.
        rng : optional
            Not used. All specifications have this argument.
        progress : bool, default False
            Not used.

        Returns
        -------
        IndexResults
            Scores, weights with standard errors, and end points.

        Raises
        ------
        ColumnError
            If the panel does not have an indicator.
        IndicatorError
            If a column is not numeric, if all indicators are constant, or if the index
            is not defined for the values of an indicator, such as a geometric mean of
            negative values.
        MissingDataError
            If values are missing and `missing` is ``"raise"``, or if no row is left.
        OptionError
            If the scope needs periods and the panel has none, or a period that the
            panel does not have.

        Warns
        -----
        IndicatorWarning
            If an indicator is constant, has a negative weight, or has a weight of more
            than three times the equal weight. Also if the shift is .01 or more, if a
            score with a geometric mean is 0, if the scope is ``"legacy_lnT"``, or if
            values beyond the end points give scores below 0 or above 1.
        MissingDataWarning
            If rows were dropped. Also if the scope is ``"expanding"`` and values are
            interpolated, because an interpolated value depends on a later year.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().assign(
        ...     roads="I(hwy / emp)", pipes="I(water / emp)"
        ... )
        >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
        >>> dp.CompositeIndex(system).fit(states).weights["weight"].round(3).to_dict()
        {'roads': 0.631, 'pipes': 0.369}
        """
        del rng, progress
        if not isinstance(panel, Panel) and is_frame(panel):
            learned, nobs, remarks = fit_frame(self.recipe, panel)
            return IndexResults(self, State((learned,), None), None, nobs, remarks)
        return fit_panel(self, panel, "CompositeIndex")[0]


def fit_panel(
    spec: CompositeIndex, panel: Panel, caller: str
) -> tuple[IndexResults, Sample, ScaledRows]:
    """Fit an index; also return its rows, raw and normalised."""
    options = spec.recipe
    sample = complete_rows(options, panel, caller)
    scaled, values = learn_and_score(options, sample)
    state = scaled.state
    # Weights by period, of dimensions and of the script cannot be computed from
    # sums.
    sums = None
    if state.periods is None and not options.reason_without_sums:
        (sums,) = state_sums(options, state, sample)

    weighings = [part.weighing for part in state.learned]
    periods = () if state.periods is None else tuple(state.periods)
    notices = [
        *dropped_rows(sample),
        *changed_as(panel.diagnostics, columns_in(sample.factors)),
        *weight_remarks(
            options.system.names, weighings, options.rule(sample.n_times), periods
        ),
        *scaled.remarks(values),
        *component_remarks(sums),
    ]
    # Components have negative weights instead.
    if options.weighting != "pca":
        notices += opposed_remarks(options.system.names, scaled.z)
    if options.scope.replication_only:
        notices.append(notice_of("legacy_lnT", scope="legacy_lnT"))
    if options.scope.text == "expanding":
        notices += imputed_remarks(panel.imputations, options.system.names)
    issue(notices)
    results = IndexResults(
        spec=spec,
        state=state,
        entity_sums=sums,
        nobs=sample.nobs,
        diagnostics=tuple(notices),
        values=values,
        dimension_values=scaled.dimension_scores(),
        index=sample.index,
        n_entities=sample.n_entities,
        n_times=sample.n_times,
    )
    return results, sample, scaled
