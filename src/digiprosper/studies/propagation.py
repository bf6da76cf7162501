"""Regressions on an index, with errors that allow for its estimated weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

import numpy as np
import pandas as pd

from digiprosper.composite.kernels.uncertainty import redrawn_coefficients
from digiprosper.composite.specification import CompositeIndex
from digiprosper.composite.state import cut_rows
from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    check_level,
    check_option,
    cited,
    issue,
    option_problem,
    quoted,
)
from digiprosper.kernels.intervals import covariance_of
from digiprosper.kernels.resampling import bootstrap, entity_grams, seed_sequence
from digiprosper.kernels.within import is_nested
from digiprosper.linear.diagnostics import lagged_outcome
from digiprosper.linear.estimation import fit_columns
from digiprosper.linear.fixed_effects import FixedEffects
from digiprosper.linear.preparation import prepare
from digiprosper.panel.terms import parse
from digiprosper.report.effects import EffectResults, drawn_estimates
from digiprosper.report.notices import few_draws, lost_draws, too_few_clusters_to_draw
from digiprosper.report.summary import Block, Cells, Lines
from digiprosper.report.text import interval_text, number_text, p_text
from digiprosper.specification import Specification, check_reps, plain_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from digiprosper.composite.results import IndexResults
    from digiprosper.kernels import Floats, Ints
    from digiprosper.linear.preparation import Prepared
    from digiprosper.linear.results import LinearResults
    from digiprosper.panel import Panel
    from digiprosper.report.protocol import Glance

EndPointDraws = Literal["held", "redrawn"]
Weigher: TypeAlias = "Callable[[Floats], Floats]"
"""From (R, n) counts of an index's entities to the (R, m) multiples of its columns."""

_LEAST_REPS = 99
_NEEDS = (
    "one scale and one set of weights for all years (scope pooled, goalposts or "
    "base_year), linear scores"
)


@dataclass(frozen=True, slots=True)
class PropagatedIndex(Specification):
    """Fixed effects regression on an index with estimated weights.

    The standard errors allow for the estimated weights. An index with estimated weights
    is a generated regressor (Pagan 1984, International Economic Review 25:221-247;
    Murphy and Topel 1985, Journal of Business & Economic Statistics 3:370-379). So
    weights and regression are bootstrapped together. In each draw, entities are drawn
    with replacement, the weights are estimated from them, the index is computed with
    these weights, and the model is estimated.

    Parameters
    ----------
    indices : mapping of str to CompositeIndex
        The indices, by the names that they have in the model.
    model : FixedEffects
        The model. Each index is a term of it: the outcome or a regressor, without
        transformation. Its one-way `clusters` are drawn, by default the entity.
    reps : int, default 999
        Number of draws.
    level : float, default 0.95
        Confidence level of the intervals in `summary` and `naive`.
    end_points : {"held", "redrawn"}, default "held"
        ``"held"`` uses the minima and maxima of the sample in all draws. Standard
        errors then ignore their sampling variation, which is large with skewed
        indicators. ``"redrawn"`` computes them in each draw. The bootstrap is not valid
        for a minimum or a maximum (Bickel and Freedman 1981, Annals of Statistics
        9:1196-1217), so ``"redrawn"`` is only a check. For inference use indices with
        ``scope="goalposts"``, whose end points are not estimated; both values are then
        the same.

    Raises
    ------
    InputTypeError
        If `indices` is not a mapping of text to `CompositeIndex`, or `model` is not a
        `FixedEffects`.
    OptionError
        If an option has a value that is not allowed, or an index or the model cannot be
        bootstrapped this way.
    TermError
        If an index is not a term of the model, or is inside another term such as
        ``log(index)``.

    Examples
    --------
    >>> import digiprosper as dp
    >>> states = dp.datasets.us_states().assign(
    ...     roads="I(hwy / emp)", pipes="I(water / emp)"
    ... )
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> model = dp.FixedEffects("log(gsp)", ["capital", "log(pc)", "unemp"])
    >>> both = PropagatedIndex({"capital": dp.CompositeIndex(system)}, model).fit(
    ...     states, rng=1
    ... )
    >>> both.std_errors["capital"] > 0, both.naive.loc["capital", "std_error"] > 0
    (np.True_, np.True_)
    """

    indices: Mapping[str, CompositeIndex]
    model: FixedEffects
    _: KW_ONLY
    reps: int = 999
    level: float = 0.95
    end_points: EndPointDraws = "held"

    def __post_init__(self) -> None:
        plain_options(self)
        object.__setattr__(self, "indices", _Indices(_checked(self.indices)))
        if not isinstance(self.model, FixedEffects):
            raise InputTypeError(
                "model must be a FixedEffects specification, not "
                f"{type(self.model).__name__}; other models use the scores as data "
                "(panel.attach)."
            )

        check_reps(self.reps, _LEAST_REPS)
        check_level(self.level)
        check_option("end_points", self.end_points, get_args(EndPointDraws))
        self._refuse_unsupported()

    def _refuse_unsupported(self) -> None:
        """Refuse indices and models that cannot be drawn."""
        other = [
            name
            for name, spec in self.indices.items()
            if spec.normalise != "minmax"
            or spec.scope.startswith("base_year_norm_pooled_weights")
        ]
        if self.end_points == "redrawn" and other:
            raise OptionError(
                "end_points='redrawn' recomputes minima and maxima of the rows of the "
                f"weights in each draw: the index {quoted(other)} needs "
                "normalise='minmax', and end points and weights from the same rows. "
                "Otherwise use end_points='held'.",
                [
                    option_problem("end_points", self.end_points, ("held",), n)
                    for n in other
                ],
            )
        clusters = self.model.clusters
        if self.model.obs_weights is not None:
            raise OptionError(
                "the bootstrap does not support obs_weights: omit them from the model."
            )
        if clusters is not None and len(clusters) > 1:
            raise OptionError(
                f"clusters={cited(clusters)}: the bootstrap draws whole clusters, so "
                "they must be one-way."
            )
        if self.model.collinear != "raise":
            raise OptionError(
                "collinear='raise' is required: a dropped term has no bootstrap draws."
            )

    @property
    def terms(self) -> tuple[str, ...]:
        """All terms of the model, including the names of the indices.

        The outcome is first.
        """
        return self.model.terms

    def add(self, *x: str) -> Self:
        """Add regressors to the model, as `FixedEffects.add`."""
        return self.replace(model=self.model.add(*x))

    def drop(self, *x: str) -> Self:
        """Drop regressors from the model, as `FixedEffects.drop`."""
        return self.replace(model=self.model.drop(*x))

    def swap(self, old: str, new: str) -> Self:
        """Replace a term of the model by another one, as `FixedEffects.swap`."""
        return self.replace(model=self.model.swap(old, new))

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,
        progress: bool = False,  # noqa: ARG002
    ) -> PropagatedResults:
        """Estimate and bootstrap the indices and the model.

        Parameters
        ----------
        panel : Panel
            Panel with the indicators and the other columns of the model. No column may
            have the name of an index.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seed of the draws. The `rng_entropy` of the results reproduces them.
        progress : bool
            Not used. All specifications have this argument.

        Returns
        -------
        PropagatedResults
            Coefficients of the model, with standard errors and intervals from the
            draws.

        Raises
        ------
        TermError
            If the panel has a column with the name of an index.
        IdentificationError
            If the clusters do not contain whole entities, or do not cover the entities
            of the indices.
        DigiprosperError
            As in `CompositeIndex.fit` and `FixedEffects.fit`.
        """
        seed = seed_sequence(rng)
        model, fitted, data = self.model, _fit_indices(self.indices, panel), panel
        for name, index in fitted.items():
            data = data.attach(index.scores.rename(name))
        _refuse_inside(model, data, fitted)
        prepared, naive = _naive(model, data)
        clusters, units, learned = _units(prepared, fitted, data)
        n_units = 1 + int(max(units.max(), *(codes.max() for codes in learned)))
        weighers = [
            _weigher(index, panel, self.end_points) for index in fitted.values()
        ]
        columns, fixed, positions = _columns(
            prepared, fitted, panel, naive.depvar.strip()
        )
        grams = entity_grams(columns, units, prepared.within.every)
        # Entities that are used for the weights only have no sums.
        spare = np.zeros((n_units - grams.n_clusters, grams.sums.shape[1]))
        grams = replace(grams, sums=np.vstack([grams.sums, spare]))
        combine = _combination(fixed, positions, learned, weighers)
        equation = (0, tuple(range(1, fixed.shape[1])))
        draws = bootstrap(grams, [equation], self.reps, seed, combine=combine)
        values = draws.coefficients[0]
        notices = (
            *naive.diagnostics,
            *_end_point_notices(fitted, self.end_points),
            *too_few_clusters_to_draw(
                n_units, clusters, "naive has the model's own errors."
            ),
            *few_draws(self.reps, "ends"),
            *lost_draws(
                draws.lost, self.reps, "could not be estimated and were dropped."
            ),
        )
        issue(notices)
        slopes = tuple(n for n in naive.names if n != "Intercept")
        info = _glance(naive, seed)
        estimated = drawn_estimates(
            slopes,
            naive.coefficients[: len(slopes)],
            covariance_of(values, clusters=n_units),
            values,
            info,
            n_drawn=n_units,
            drawn=clusters,
        )
        return PropagatedResults(
            terms=tuple(term for term in naive.terms if term.name in slopes),
            estimated=estimated,
            info=info,
            errors_text="Standard errors from the draws, with the weights estimated "
            "again in each",
            diagnostics=notices,
            labels=dict(naive.labels),
            factors=naive.factors,
            key_names=naive.key_names,
            level=self.level,
            known=naive,
            indices=tuple(fitted),
            weight_values=tuple(index.weights["weight"] for index in fitted.values()),
        )


def _glance(naive: LinearResults, seed: np.random.SeedSequence) -> Glance:
    """Return summary numbers; errors are from draws, without small-sample factor."""
    more = {
        "model": "Propagated index",
        "rng_entropy": seed.entropy,
        "cov_type": "bootstrap",
        "clusters": None,
        "ssc": None,
    }
    return cast("Glance", {**naive.glance(), **more})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PropagatedResults(EffectResults):
    """Results of a regression on indices; see `PropagatedIndex.fit`.

    The weights of the indices are estimated. It has all methods of `EffectResults`.

    Parameters
    ----------
    level : float
        Confidence level of the intervals in `summary` and `naive`.
    known : LinearResults
        Results of the model with the weights taken as known.
    indices : tuple of str
        Names of the indices.
    weight_values : tuple of Series
        Weights of each index.

    Examples
    --------
    >>> import digiprosper as dp
    >>> states = dp.datasets.us_states().assign(
    ...     roads="I(hwy / emp)", pipes="I(water / emp)"
    ... )
    >>> index = dp.CompositeIndex(
    ...     dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    ... )
    >>> model = dp.FixedEffects("log(gsp)", ["capital", "log(pc)"])
    >>> fit = dp.PropagatedIndex({"capital": index}, model).fit(states, rng=1)
    >>> fit.params.index.tolist()
    ['capital', 'log(pc)']
    """

    level: float = 0.95
    known: LinearResults | None = None
    indices: tuple[str, ...] = ()
    weight_values: tuple[pd.Series[float], ...] = ()

    @property
    def naive(self) -> pd.DataFrame:
        """Estimates and standard errors with weights taken as known, by term.

        The standard errors are those of `model`.
        """
        assert self.known is not None
        return self.known.tidy(self.level).set_index("term")

    @property
    def comparison(self) -> pd.DataFrame:
        """Standard errors and intervals with known and with estimated weights.

        The index has the terms. Column ``estimate`` is the coefficient. Under
        ``"weights known"`` there are std_error, conf_low and conf_high of the slope on
        the index that has the weights of this sample. Under ``"weights estimated"``
        there are those of the slope on the index that has the weights of the
        population.
        """
        columns = ["std_error", "conf_low", "conf_high"]
        estimates = self.tidy(self.level).set_index("term")
        parts = {
            ("", "estimate"): estimates["estimate"],
            **{
                ("weights known", c): self.naive.loc[estimates.index, c]
                for c in columns
            },
            **{("weights estimated", c): estimates[c] for c in columns},
        }
        return pd.DataFrame(parts)

    def _estimates_shown(self) -> tuple[Block, ...]:
        percent = f"{100 * self.level:g}%"
        heads = [
            "",
            "estimate",
            f"{percent}, weights known",
            f"{percent}, estimated",
            "std. error",
            "p",
        ]
        rows = []
        for term, p, numbers in zip(
            self.names, self.pvalues, self.comparison.to_numpy(), strict=True
        ):
            estimate, _, low, high, error, *ends = numbers.tolist()
            drawn = interval_text(*ends, computed=self._readable)
            intervals = [interval_text(low, high), drawn]
            rows.append(
                [term, f"{estimate:.5g}", *intervals, number_text(error), p_text(p)]
            )
        notes = (
            "weights known: the slope on the index with the weights of this sample.",
            (
                "estimated: the slope on the index with the weights of the population; "
                "std. error and p too."
            ),
        )
        return (Cells.of(heads, rows), Lines(notes))


class _Indices(dict[str, CompositeIndex]):
    """Mapping of a specification: compared and hashed by value."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


def _checked(indices: object) -> dict[str, CompositeIndex]:
    if not isinstance(indices, Mapping) or not indices:
        raise InputTypeError(
            "indices must be a mapping of name to CompositeIndex, such as "
            "{'digital': index}."
        )
    for name, spec in indices.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise InputTypeError(
                f"{cited(name)} cannot name an index in a term; use letters, "
                "digits and _."
            )
        if not isinstance(spec, CompositeIndex):
            raise InputTypeError(
                f"indices[{cited(name)}] is {type(spec).__name__}, not a "
                "CompositeIndex."
            )
    return dict(indices)


def _fit_indices(
    indices: Mapping[str, CompositeIndex], panel: Panel
) -> dict[str, IndexResults]:
    duplicated = [name for name in indices if name in panel.columns]
    if duplicated:
        raise TermError(
            f"the panel has a column {quoted(duplicated)} already: pass the panel "
            "without it, or give the index another name, here and in the model."
        )
    fitted = {name: spec.fit(panel) for name, spec in indices.items()}
    for name, index in fitted.items():
        recipe = index.recipe
        if (
            index.entity_sums is None
            or index.state.periods is not None
            or recipe.aggregation != "linear"
        ):
            raise OptionError(
                f"index {cited(name)} ({recipe.scope.text}, {recipe.structure}, "
                f"{recipe.aggregation}) cannot be bootstrapped from entity sums; "
                f"this requires {_NEEDS}, structure flat or equal_dimensions."
            )
    return fitted


def _refuse_inside(model: FixedEffects, data: Panel, names: Mapping[str, Any]) -> None:
    terms = (model.y, *model.x)
    for term in terms:
        inside = [
            n
            for n in parse(term, data.columns, "x").names
            if n in names and n != term.strip()
        ]
        if inside:
            raise TermError(
                f"{cited(term)} transforms the index {quoted(inside)}: only the index "
                "itself is linear in its weights. Use it without a transformation, "
                "or treat the weights as known (panel.attach)."
            )
    absent = [n for n in names if n not in map(str.strip, terms)]
    if absent:
        raise TermError(
            f"the model has no term {quoted(absent)}; its terms are "
            f"{quoted(terms, 12)}."
        )


def _naive(model: FixedEffects, data: Panel) -> tuple[Prepared, LinearResults]:
    """Fit the model with the scores as data."""
    roles, options = {"y": (model.y,), "x": tuple(model.x)}, model.options
    prepared = prepare(
        data, roles, options, singletons=model.singletons, missing=model.missing
    )
    sample, remarks = prepared.sample, lagged_outcome(prepared)
    outcome, x = sample.columns("y")[:, 0], sample.columns("x")
    names = sample.names_of("x")
    return prepared, fit_columns(prepared, model.y, outcome, names, x, remarks=remarks)


def _units(
    prepared: Prepared, fitted: Mapping[str, IndexResults], data: Panel
) -> tuple[str, Ints, list[Ints]]:
    """Assign a number to every unit that is drawn, those with rows in the model first.

    Returns the name of the clusters, the unit of each row, and of each entity that an
    index learned from.
    """
    sample = prepared.sample
    name, codes = sample.keys.entity_name, sample.entity
    if prepared.cluster_codes:
        name, codes = prepared.cluster_names[0], prepared.cluster_codes[0]
    if not is_nested(sample.entity, codes):
        raise IdentificationError(
            f"clusters={cited(name)}: entities are not nested in the clusters, but the "
            "bootstrap draws whole entities."
        )

    unit = np.empty(sample.n_entities, dtype=np.intp)
    unit[sample.entity] = codes
    sources = [_learned_from(index) for index in fitted.values()]
    spare = data.entities.difference(sample.entities, sort=False)
    spare = spare[spare.isin([entity for source in sources for entity in source])]
    if spare.size and name != sample.keys.entity_name:
        raise IdentificationError(
            f"{len(spare)} entities are used for the weights but have no row in the "
            f"model, so their {cited(name)} is not known. Restrict the panel to the "
            "entities of the model (panel.subset), or cluster by entity."
        )
    numbers = pd.Series(unit, index=sample.entities)
    further = pd.Series(codes.max() + 1 + np.arange(spare.size), index=spare)
    numbers = pd.concat([numbers, further])
    return (
        name,
        codes,
        [numbers.loc[list(source)].to_numpy(dtype=np.intp) for source in sources],
    )


def _learned_from(index: IndexResults) -> pd.Index[Any]:
    """Find the entities that the weights of an index were learned from."""
    assert index.index is not None
    assert index.entity_sums is not None
    return index.index.unique(level=0)[index.entity_sums.entities]


def _combination(
    fixed: Floats,
    positions: Sequence[tuple[Ints, int]],
    learned: Sequence[Ints],
    weighers: Sequence[Weigher],
) -> Weigher:
    """Return what combines columns in each draw: counts (R, units) to (R, p, q)."""

    def combine(counts: Floats) -> Floats:
        out = np.repeat(fixed[None], len(counts), axis=0)
        for (rows, column), codes, weigh in zip(
            positions, learned, weighers, strict=True
        ):
            out[:, rows, column] = weigh(counts[:, codes])
        return out

    return combine


def _weigher(index: IndexResults, panel: Panel, end_points: EndPointDraws) -> Weigher:
    """Choose how the columns of an index are weighed in a draw."""
    sums = index.entity_sums
    recipe = index.recipe
    assert sums is not None
    if end_points == "held" or recipe.scope.fixed_end_points:
        return sums.weights
    sample = cut_rows(recipe, panel)
    rows = recipe.scope.learned_rows(sample.time, sample.times)[0]
    z = index.state.learned[0].scale.apply(sample.matrix[rows], recipe.positive)
    return partial(redrawn_coefficients, sums, z, sample.entity[rows])


def _end_point_notices(
    fitted: Mapping[str, IndexResults], end_points: EndPointDraws
) -> list[Notice]:
    """Note whether standard errors allow for end points that come from the sample."""
    names = [n for n, index in fitted.items() if index.recipe.scale_learned]
    if not names:
        return []
    if end_points == "held":
        text = (
            f"the end points of {quoted(names)} are those of this sample in every "
            "draw. They are treated as known: standard errors and intervals ignore "
            "their sampling variation, which is large with skewed indicators. Use "
            "scope='goalposts', or compare end_points='redrawn'."
        )
        return [Notice("end_points_held", text, {"indices": tuple(names)})]
    text = (
        f"the end points of {quoted(names)} are recomputed in each draw. Minima and "
        "maxima have no standard asymptotic theory, so the standard errors are "
        "approximate. Use scope='goalposts', which has no end points to estimate."
    )
    return [Notice("end_points_redrawn", text, {"indices": tuple(names)})]


def _columns(
    prepared: Prepared, fitted: Mapping[str, IndexResults], panel: Panel, depvar: str
) -> tuple[Floats, Floats, list[tuple[Ints, int]]]:
    """Put its indicators in the place of each index among the variables of the model.

    Returns the columns (N, p), ones where a variable is a column (p, q), and for each
    index the columns of its indicators and the position of its variable.
    """
    sample = prepared.sample
    names = (depvar, *sample.names_of("x"))
    model = np.column_stack([sample.columns("y"), sample.columns("x")])
    columns: list[Floats] = []
    variables: list[int] = []
    for q, name in enumerate(names):
        block = list(model[:, [q]].T)
        if name in fitted:
            index = fitted[name]
            weight = index.weights["weight"]
            # An indicator without weight has none in any draw.
            directed = (
                index.contributions(panel) / weight.where(weight != 0.0)
            ).fillna(0.0)
            block = list(directed.loc[sample.index].to_numpy(dtype=np.float64).T)
        columns += block
        variables += [q] * len(block)
    of = np.array(variables)
    positions = [
        (np.flatnonzero(of == names.index(name)), names.index(name)) for name in fitted
    ]
    fixed = (of[:, None] == np.arange(len(names))).astype(np.float64)
    for rows, q in positions:
        fixed[rows, q] = 0.0
    return np.column_stack(columns), fixed, positions
