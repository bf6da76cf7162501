"""Regressions on an index, with standard errors that allow for its estimated weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from digiprosper.composite.kernels.end_points import redrawn_ends
from digiprosper.composite.rows import cut_rows
from digiprosper.composite.specification import CompositeIndex
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
    from digiprosper.kernels.resampling import Draws
    from digiprosper.linear.preparation import Prepared
    from digiprosper.linear.results import LinearResults
    from digiprosper.panel import Panel
    from digiprosper.report.protocol import Glance

EndPointDraws = Literal["held", "redrawn"]
Weigher: TypeAlias = "Callable[[Floats], Floats]"
"""From (R, n) counts of an index's entities to the (R, m) multiples of its columns."""

_LEAST_REPS = 99
_NEEDS = (
    "one scale and one set of weights for all years (scope pooled, goalposts or base_year), linear scores"
)


@dataclass(frozen=True, slots=True)
class PropagatedIndex(Specification):
    """Fixed effects regression on an index, with standard errors that allow for estimated weights.

    An index with estimated weights is a generated regressor (Pagan 1984, International Economic Review
    25:221-247; Murphy and Topel 1985, Journal of Business & Economic Statistics 3:370-379). So weights and
    regression are bootstrapped together. In each draw, entities are drawn with replacement, the weights are
    estimated from them, the index is computed with these weights, and the model is estimated.

    Parameters
    ----------
    indices : mapping of str to CompositeIndex
        The indices, by the names that they have in the model.
    model : FixedEffects
        The model. Each index is a term of it: the outcome or a regressor, without transformation. Its one-way
        `clusters` are drawn, by default the entity.
    reps : int, default 999
        Number of draws.
    level : float, default 0.95
        Confidence level of the intervals in `summary` and `naive`.
    end_points : {"held", "redrawn"}, default "held"
        ``"held"`` uses the minima and maxima of the sample in all draws. Standard errors then ignore their
        sampling variation, which is large with skewed indicators. ``"redrawn"`` computes them in each draw.
        The bootstrap is not valid for a minimum or a maximum (Bickel and Freedman 1981, Annals of Statistics
        9:1196-1217), so ``"redrawn"`` is only a check. For inference use indices with ``scope="goalposts"``,
        whose end points are not estimated; both values are then the same.

    Raises
    ------
    InputTypeError
        If `indices` is not a mapping of text to `CompositeIndex`, or `model` is not a `FixedEffects`.
    OptionError
        If an option has a value that is not allowed, or an index or the model cannot be bootstrapped this
        way.
    TermError
        If an index is not a term of the model, or is inside another term such as ``log(index)``.

    Examples
    --------
    >>> import digiprosper as dp
    >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> model = dp.FixedEffects("log(gsp)", ["capital", "log(pc)", "unemp"])
    >>> both = PropagatedIndex({"capital": dp.CompositeIndex(system)}, model).fit(states, rng=1)
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
                f"model must be a FixedEffects specification, not {type(self.model).__name__}; other "
                "models use the scores as data (panel.attach)."
            )

        check_reps(self.reps, _LEAST_REPS)
        check_level(self.level)
        check_option("end_points", self.end_points, get_args(EndPointDraws))
        self._refuse_other_scales()
        self._refuse_model()

    def _refuse_model(self) -> None:
        model = self.model
        if model.obs_weights is not None:
            raise OptionError("the bootstrap does not support obs_weights: omit them from the model.")
        if model.clusters is not None and len(model.clusters) > 1:
            raise OptionError(
                f"clusters={cited(model.clusters)}: the bootstrap draws whole clusters, so they must be "
                "one-way."
            )
        if model.collinear != "raise":
            raise OptionError("collinear='raise' is required: a dropped term has no bootstrap draws.")

    @property
    def terms(self) -> tuple[str, ...]:
        """All terms of the model, including the names of the indices. The outcome is first."""
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

    def _refuse_other_scales(self) -> None:
        other = [n for n, spec in self.indices.items() if spec.normalise != "minmax"]
        if self.end_points == "redrawn" and other:
            raise OptionError(
                "end_points='redrawn' recomputes minima and maxima in each draw: the index "
                f"{quoted(other)} needs normalise='minmax'. Otherwise use end_points='held'.",
                [option_problem("end_points", self.end_points, ("held",), n) for n in other],
            )

    def fit(self, panel: Panel, *, rng: object = None, progress: bool = False) -> PropagatedResults:  # noqa: ARG002
        """Estimate and bootstrap the indices and the model.

        Parameters
        ----------
        panel : Panel
            Panel with the indicators and the other columns of the model. No column may have the name of an
            index.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seed of the draws. The `rng_entropy` of the results reproduces them.
        progress : bool
            Not used. All specifications have this argument.

        Returns
        -------
        PropagatedResults
            Coefficients of the model, with standard errors and intervals from the draws.

        Raises
        ------
        TermError
            If the panel has a column with the name of an index.
        IdentificationError
            If the clusters do not contain whole entities, or do not cover the entities of the indices.
        DigiprosperError
            As in `CompositeIndex.fit` and `FixedEffects.fit`.
        """
        seed = seed_sequence(rng)
        fitted = self._fit_indices(panel)
        data = panel
        for name, index in fitted.items():
            data = data.attach(index.scores.rename(name))
        _refuse_inside(self.model, data, fitted)

        prepared = prepare(
            data,
            {"y": (self.model.y,), "x": tuple(self.model.x)},
            self.model.options,
            singletons=self.model.singletons,
            missing=self.model.missing,
        )
        naive = _naive(prepared, self.model)
        units = _units(prepared, fitted, data)
        weighed = tuple(_weigher(index, panel, self.end_points) for index in fitted.values())
        block = _block(prepared, fitted, panel, naive.depvar, weighed)
        draws = _draws(block, units, prepared, self.reps, seed)

        notices = (
            *naive.diagnostics,
            *_end_point_notices(fitted, self.end_points),
            *too_few_clusters_to_draw(units.count, units.name, "naive has the model's own errors."),
            *few_draws(self.reps, "ends"),
            *lost_draws(draws.lost, self.reps, "could not be estimated and were dropped."),
        )
        issue(notices)
        slopes = tuple(n for n in naive.names if n != "Intercept")
        values = draws.coefficients[0]
        info = _info(naive, seed)
        estimated = drawn_estimates(
            slopes,
            naive.coefficients[: len(slopes)],
            covariance_of(values, clusters=units.count),
            values,
            info,
            n_drawn=units.count,
            drawn=units.name,
        )
        return PropagatedResults(
            terms=tuple(term for term in naive.terms if term.name in slopes),
            estimated=estimated,
            info=info,
            errors_text="Standard errors from the draws, with the weights estimated again in each",
            diagnostics=notices,
            labels=dict(naive.labels),
            factors=naive.factors,
            key_names=naive.key_names,
            level=self.level,
            known=naive,
            indices=tuple(fitted),
            weight_values=tuple(index.weights["weight"] for index in fitted.values()),
        )

    def _fit_indices(self, panel: Panel) -> dict[str, IndexResults]:
        duplicated = [name for name in self.indices if name in panel.columns]
        if duplicated:
            raise TermError(
                f"the panel has a column {quoted(duplicated)} already: pass the panel without it, or give "
                "the index another name, here and in the model."
            )
        fitted = {name: spec.fit(panel) for name, spec in self.indices.items()}
        for name, index in fitted.items():
            _refuse_unfit(name, index)
        return fitted


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PropagatedResults(EffectResults):
    """Results of a regression on indices with estimated weights, made by `PropagatedIndex.fit`.

    It has all methods of `EffectResults`.

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
    >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    >>> index = dp.CompositeIndex(dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}}))
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
        """Estimates with weights taken as known and the standard errors of `model`, indexed by term."""
        assert self.known is not None
        return self.known.tidy(self.level).set_index("term")

    @property
    def comparison(self) -> pd.DataFrame:
        """Standard errors and intervals with known and with estimated weights, indexed by term.

        Column ``estimate`` is the coefficient. Under ``"weights known"`` there are std_error, conf_low and
        conf_high of the slope on the index that has the weights of this sample. Under ``"weights estimated"``
        there are those of the slope on the index that has the weights of the population.
        """
        columns = ["std_error", "conf_low", "conf_high"]
        estimates = self.tidy(self.level).set_index("term")
        parts = {
            ("", "estimate"): estimates["estimate"],
            **{("weights known", c): self.naive.loc[estimates.index, c] for c in columns},
            **{("weights estimated", c): estimates[c] for c in columns},
        }
        return pd.DataFrame(parts)

    def _estimates_shown(self) -> tuple[Block, ...]:
        numbers = self.comparison.to_numpy(dtype=np.float64)
        rows = []
        for term, p, (b, _, low, high, error, drawn_low, drawn_high) in zip(
            self.names, self.pvalues, numbers, strict=True
        ):
            ends = [
                interval_text(low, high),
                interval_text(drawn_low, drawn_high, computed=self._readable),
            ]
            rows.append([term, f"{b:.5g}", *ends, number_text(error), p_text(p)])

        percent = f"{100 * self.level:g}%"
        heads = ["", "estimate", f"{percent}, weights known", f"{percent}, estimated", "std. error", "p"]
        return (
            Cells.of(heads, rows),
            Lines(
                (
                    "weights known: the slope on the index with the weights of this sample.",
                    "estimated: the slope on the index with the weights of the population; std. error and p "
                    "too.",
                )
            ),
        )


class _Indices(dict[str, CompositeIndex]):
    """Mapping of a specification: compared and hashed by value."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


@dataclass(frozen=True, slots=True, eq=False)
class _Units:
    """What is drawn: rows of the model, and entities of each index, by unit."""

    name: str
    count: int
    rows: Ints
    of: tuple[Ints, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Columns of the model with the indicators in place of each index, and how they combine.

    `fixed` is (p, q): ones where a variable of the model is a column; an index has its columns at
    `positions`, and `weighed` gives what they are multiplied with in each draw.
    """

    columns: Floats
    fixed: Floats
    positions: tuple[tuple[Ints, int], ...]
    weighed: tuple[Weigher, ...]

    def combine(self, counts: Floats, of: Sequence[Ints]) -> Floats:
        out = np.repeat(self.fixed[None], len(counts), axis=0)
        for (rows, column), units, weigh in zip(self.positions, of, self.weighed, strict=True):
            out[:, rows, column] = weigh(counts[:, units])
        return out


def _checked(indices: object) -> dict[str, CompositeIndex]:
    if not isinstance(indices, Mapping) or not indices:
        raise InputTypeError(
            "indices must be a mapping of name to CompositeIndex, such as {'digital': index}."
        )
    for name, spec in indices.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise InputTypeError(f"{cited(name)} cannot name an index in a term; use letters, digits and _.")
        if not isinstance(spec, CompositeIndex):
            raise InputTypeError(f"indices[{cited(name)}] is {type(spec).__name__}, not a CompositeIndex.")
    return dict(indices)


def _refuse_unfit(name: str, index: IndexResults) -> None:
    recipe = index.recipe
    if index.entity_sums is None or index.state.periods is not None or recipe.aggregation != "linear":
        raise OptionError(
            f"index {cited(name)} ({recipe.scope.text}, {recipe.structure}, {recipe.aggregation}) cannot be "
            f"bootstrapped from entity sums; this requires {_NEEDS}, structure flat or equal_dimensions."
        )


def _refuse_inside(model: FixedEffects, data: Panel, names: Mapping[str, Any]) -> None:
    terms = (model.y, *model.x)
    plain_terms = {t.strip() for t in terms}
    for term in terms:
        inside = [n for n in parse(term, data.columns, "x").names if n in names and n != term.strip()]
        if inside:
            raise TermError(
                f"{cited(term)} transforms the index {quoted(inside)}: only the index itself is linear "
                "in its weights. Use it without a transformation, or treat the weights as known "
                "(panel.attach)."
            )
    absent = [n for n in names if n not in plain_terms]
    if absent:
        raise TermError(f"the model has no term {quoted(absent)}; its terms are {quoted(terms, 12)}.")


def _naive(prepared: Prepared, model: FixedEffects) -> LinearResults:
    sample = prepared.sample
    return fit_columns(
        prepared,
        model.y,
        sample.columns("y")[:, 0],
        sample.names_of("x"),
        sample.columns("x"),
        remarks=lagged_outcome(prepared),
    )


def _info(naive: LinearResults, seed: np.random.SeedSequence) -> Glance:
    """Return the model's summary numbers, with errors from the draws and no small-sample factor."""
    info = naive.glance()
    info["model"] = "Propagated index"
    info["rng_entropy"] = seed.entropy  # type: ignore[typeddict-item]
    info["cov_type"] = "bootstrap"
    info["clusters"] = None
    info["ssc"] = None
    return info


def _draws(
    block: _Block, units: _Units, prepared: Prepared, reps: int, seed: np.random.SeedSequence
) -> Draws:
    """Draw units, and fit the model with the index computed again."""
    grams = entity_grams(block.columns, units.rows, prepared.within.every)
    if units.count > grams.n_clusters:  # entities used for the weights only
        spare = np.zeros((units.count - grams.n_clusters, grams.sums.shape[1]))
        grams = replace(grams, sums=np.vstack([grams.sums, spare]))
    equation = (0, tuple(range(1, block.fixed.shape[1])))
    return bootstrap(grams, [equation], reps, seed, combine=lambda counts: block.combine(counts, units.of))


def _units(prepared: Prepared, fitted: Mapping[str, IndexResults], data: Panel) -> _Units:
    """Assign a number to every unit that is drawn, those with rows in the model first."""
    sample = prepared.sample
    name, codes = sample.keys.entity_name, sample.entity
    if prepared.cluster_codes:
        name, codes = prepared.cluster_names[0], prepared.cluster_codes[0]
    if not is_nested(sample.entity, codes):
        raise IdentificationError(
            f"clusters={cited(name)}: entities are not nested in the clusters, but the bootstrap draws "
            "whole entities."
        )

    unit = np.empty(sample.n_entities, dtype=np.intp)
    unit[sample.entity] = codes
    numbers = pd.Series(unit, index=sample.entities)
    spare = data.entities.difference(sample.entities, sort=False)
    sources = [_learned_from(index) for index in fitted.values()]
    learned = set[Any]().union(*sources)
    extra = spare[[e in learned for e in spare]]
    if extra.size and name != sample.keys.entity_name:
        raise IdentificationError(
            f"{len(extra)} entities are used for the weights but have no row in the model, so their "
            f"{cited(name)} is not known. Restrict the panel to the entities of the model "
            "(panel.subset), or cluster by entity."
        )

    count = int(codes.max()) + 1
    numbers = pd.concat([numbers, pd.Series(np.arange(count, count + len(extra)), index=extra)])
    of = tuple(numbers.loc[list(entities)].to_numpy(dtype=np.intp) for entities in sources)
    return _Units(name, count + len(extra), codes, of)


def _learned_from(index: IndexResults) -> pd.Index[Any]:
    """Find the entities that the weights of an index were learned from."""
    assert index.index is not None
    assert index.entity_sums is not None
    return index.index.unique(level=0)[index.entity_sums.entities]


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
    return redrawn_ends(sums, z, sample.entity[rows]).coefficients


def _end_point_notices(fitted: Mapping[str, IndexResults], end_points: EndPointDraws) -> list[Notice]:
    """Note whether standard errors allow for end points that come from the sample."""
    names = [n for n, index in fitted.items() if index.recipe.scale_learned]
    if not names:
        return []
    if end_points == "held":
        text = (
            f"the end points of {quoted(names)} are those of this sample in every draw. They are treated as "
            "known: standard errors and intervals ignore their sampling variation, which is large with "
            "skewed indicators. Use scope='goalposts', or compare end_points='redrawn'."
        )
        return [Notice("end_points_held", text, {"indices": tuple(names)})]
    text = (
        f"the end points of {quoted(names)} are recomputed in each draw. Minima and maxima have no standard "
        "asymptotic theory, so the standard errors are approximate. Use scope='goalposts', which has no end "
        "points to estimate."
    )
    return [Notice("end_points_redrawn", text, {"indices": tuple(names)})]


def _block(
    prepared: Prepared,
    fitted: Mapping[str, IndexResults],
    panel: Panel,
    depvar: str,
    weighed: tuple[Weigher, ...],
) -> _Block:
    sample = prepared.sample
    names = (depvar.strip(), *sample.names_of("x"))
    model = np.column_stack([sample.columns("y"), sample.columns("x")])
    columns: list[Floats] = []
    pieces: list[tuple[int, int]] = []
    positions: dict[str, tuple[Ints, int]] = {}
    for q, name in enumerate(names):
        if name in fitted:
            indicators = _directed(fitted[name], panel).loc[sample.index].to_numpy(dtype=np.float64)
            positions[name] = (np.arange(len(columns), len(columns) + indicators.shape[1]), q)
            columns += list(indicators.T)
        else:
            pieces.append((len(columns), q))
            columns.append(model[:, q])
    fixed = np.zeros((len(columns), len(names)))
    for row, q in pieces:
        fixed[row, q] = 1.0
    return _Block(np.column_stack(columns), fixed, tuple(positions[n] for n in fitted), weighed)


def _directed(index: IndexResults, panel: Panel) -> pd.DataFrame:
    """Return directed, normalised indicators; one without weight has none in any draw and is set to zero."""
    weight = index.weights["weight"]
    return (index.contributions(panel) / weight.where(weight != 0.0)).fillna(0.0)
