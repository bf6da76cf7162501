"""Models with an index, with errors that allow for its estimated weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Literal, Self, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_level, option_error
from digiprosper.composite.results import IndexResults
from digiprosper.composite.specification import CompositeIndex
from digiprosper.composite.state import at_rows, complete_rows, learn
from digiprosper.errors import (
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    OptionError,
    TermError,
    cited,
    hold_warnings,
    issue,
    notice_of,
    number_text,
    quoted,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.intervals import covariance_of
from digiprosper.kernels.resampling import (
    Grams,
    bootstrap,
    draw_counts,
    drawn_rows,
    entity_grams,
    refit,
    seed_sequence,
)
from digiprosper.kernels.within import is_nested
from digiprosper.linear.fixed_effects import Fitted, FixedEffects
from digiprosper.optional import progress_bar
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.codes import coded
from digiprosper.panel.terms import parse
from digiprosper.report.columns import Remark
from digiprosper.report.effects import EffectResults, drawn_estimates
from digiprosper.report.estimates import n_lost
from digiprosper.report.foreign import as_results
from digiprosper.report.notices import few_draws, lost_draws, too_few_clusters_to_draw
from digiprosper.report.protocol import Glance, HasDraws, Results, empty_glance
from digiprosper.report.summary import Block, Cells, Lines
from digiprosper.report.terms import terms_of
from digiprosper.report.text import interval_text, p_text, percent_text
from digiprosper.report.words import NO_WORDS
from digiprosper.specification import (
    Specification,
    as_sequence,
    check_reps,
    check_words,
    plain_options,
)

EndPointDraws = Literal["held", "redrawn"]
ModelRows = Literal["drawn", "kept"]
_LEAST_REPS = 99
# Draws of its own, at most, that a model makes when it is estimated again.
_OWN_DRAWS = 199
# Relative difference of estimates that are the same but for rounding.
_SAME = 1e-5
_ERRORS = {
    "drawn": "Standard errors from the draws, with the weights estimated again in each",
    "kept": (
        "Standard errors from the covariance of the model, plus that of its estimates "
        "over drawn weights"
    ),
}
_KEPT = (
    "With model_rows='kept' only the weights are drawn, and the model is estimated on "
    "all rows."
)


@dataclass(frozen=True, slots=True)
class PropagatedIndex(Specification):
    """Any model with an index whose weights are estimated.

    The standard errors allow for the estimated weights. An index with estimated weights
    is a generated regressor (Pagan 1984, International Economic Review 25:221-247;
    Murphy and Topel 1985, Journal of Business & Economic Statistics 3:370-379). So
    weights and model are bootstrapped together. In each draw, entities are drawn with
    replacement, the weights are estimated from them, the index is computed with these
    weights, and the model is estimated.

    Parameters
    ----------
    indices : mapping of str to CompositeIndex
        The indices, by the names that they have in the model.
    model : specification
        The model, such as `FixedEffects`, `FixedEffectsIV`, `Mediation`,
        `PanelThreshold`, or any object whose ``fit(panel, rng=)`` returns `Results`.
        Each index is in one of its terms, in any role. Its one-way `clusters` are
        drawn, by default the entity.
    reps : int, default 999
        Number of draws, at least 99. A `FixedEffects` is estimated in all draws at
        once. Another model is estimated again in each, which takes about as long as
        `reps` fits.
    level : float, default 0.95
        Confidence level of the intervals in `summary` and `naive`.
    model_rows : {"drawn", "kept"}, default "drawn"
        ``"drawn"`` estimates the model on the rows of the drawn entities. An entity
        that is drawn twice is two entities with new labels. ``"kept"`` estimates it on
        all rows, with the weights of each draw, and adds the covariance of the model to
        that of these estimates. It is for models whose rows cannot be drawn, such as
        `PanelSpatial`, and for their covariances, such as those with two-way clusters.
        It assumes that the errors of the model are independent of the indicators, so
        the index has to be an exogenous regressor.
    end_points : {"held", "redrawn"}, default "held"
        ``"held"`` uses the minima and maxima of the sample in all draws. Standard
        errors then ignore their sampling variation, which is large with skewed
        indicators. ``"redrawn"`` computes the whole index from the rows of each draw,
        which takes longer. The bootstrap is not valid for a minimum or a maximum
        (Bickel and Freedman 1981, Annals of Statistics 9:1196-1217), so ``"redrawn"``
        is only a check. For inference use indices with ``scope="goalposts"``, whose end
        points are not estimated. Indices that are not linear in weights for all years
        need ``"redrawn"``.

    Raises
    ------
    InputTypeError
        If `indices` is not a mapping of text to `CompositeIndex`, or `model` is not a
        specification.
    OptionError
        If an option has a value that is not allowed, or an index or the clusters of the
        model cannot be bootstrapped this way.

    Notes
    -----
    With ``"drawn"`` the covariance is that of the draws, and intervals are percentiles
    of the draws. With ``"kept"`` it is ``V + B``, where V is the covariance of the
    model and B that of its estimates over the drawn weights. Each draw then adds a
    sampling error to the estimate: a draw of the model's own bootstrap, if it has one,
    and otherwise a draw from t with covariance V. Intervals are percentiles of the
    sums.

    A draw is lost if the model cannot be estimated, or if a coefficient of the sample
    is not among its coefficients, such as a second threshold that a test did not find.
    A notice reports the number. Slopes of regimes are comparable between draws. A
    threshold of an index is in units of that index, whose weights change from draw to
    draw. A coefficient without a standard error in the model has none here.

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

    The same index in a mediation, which is estimated again in each draw:

    >>> mediation = dp.Mediation("log(gsp)", "capital", "log(pc)", ["unemp"])
    >>> again = PropagatedIndex({"capital": dp.CompositeIndex(system)}, mediation)
    >>> again.terms
    ('log(gsp)', 'capital', 'log(pc)', 'unemp')
    """

    indices: Mapping[str, CompositeIndex] = field(hash=False)
    model: Any
    _: KW_ONLY
    reps: int = 999
    level: float = 0.95
    model_rows: ModelRows = "drawn"
    end_points: EndPointDraws = "held"

    def __post_init__(self) -> None:
        plain_options(self)
        object.__setattr__(self, "indices", _check_indices(self.indices))
        if not hasattr(self.model, "fit") or isinstance(
            self.model, type | CompositeIndex | PropagatedIndex
        ):
            raise InputTypeError(
                "model must be the specification of a model, such as FixedEffects, not "
                f"{cited(self.model)}."
            )

        check_reps(self.reps, _LEAST_REPS)
        check_level(self.level)
        check_words(self)
        clusters = _clusters(self.model)
        if self.model_rows == "drawn" and len(clusters) > 1:
            raise option_error(
                "model_rows",
                "drawn",
                f"clusters={cited(clusters)}: the bootstrap draws whole clusters, so "
                f"they must be one-way. {_KEPT}",
                ("kept",),
            )

    @property
    def terms(self) -> tuple[str, ...]:
        """All terms of the model, including the names of the indices.

        The outcome is first.
        """
        return getattr(self.model, "terms", ())

    def add(self, *x: str) -> Self:
        """Add regressors to the model, as its method `add`."""
        return self.replace(model=self.model.add(*x))

    def drop(self, *x: str) -> Self:
        """Drop regressors from the model, as its method `drop`."""
        return self.replace(model=self.model.drop(*x))

    def swap(self, old: str, new: str) -> Self:
        """Replace a term of the model by another one, as its method `swap`."""
        return self.replace(model=self.model.swap(old, new))

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,
        progress: bool = False,
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
            Whether to show a progress bar on stderr, False by default. It needs tqdm
            (the ``parallel`` extra).

        Returns
        -------
        PropagatedResults
            Coefficients of the model, with standard errors and intervals from the
            draws.

        Raises
        ------
        InputTypeError
            If the results of the model have not all of params, cov, nobs, tidy and
            glance.
        TermError
            If the panel has a column with the name of an index, or an index is in no
            term of the model.
        OptionError
            If the model has other estimates when entities have other labels, or an
            index is not linear in weights for all years, without
            ``end_points="redrawn"``.
        IdentificationError
            If the clusters do not contain whole entities, if no draw can be estimated,
            or if rows are kept and no coefficient has a standard error.
        DigiprosperError
            As in `fit` of the indices and of the model.
        """
        seed = seed_sequence(rng)
        fitted, data = self._fit_indices(panel), panel
        for name, index in fitted.items():
            data = data.attach(index.scores.rename(name))
        _refuse_unused_indices(self.model, data, fitted)
        draws = _read_units(data, _clusters(self.model), fitted, self.end_points)
        if self._is_regression(draws) and not draws.redrawn:
            results, values = self._draw_from_products(draws, seed)
        else:
            results, values = self._draw_by_refits(draws, seed, progress)

        # Whether standard errors allow for end points that come from the sample.
        from_sample = tuple(n for n, i in fitted.items() if i.recipe.scale_learned)
        end_points = notice_of(f"end_points_{self.end_points}", indices=from_sample)
        new = (
            *([end_points] if from_sample else []),
            *too_few_clusters_to_draw(
                draws.count, draws.name, "naive has the model's own errors."
            ),
            *few_draws(self.reps, "ends"),
            *lost_draws(
                n_lost(values), self.reps, "could not be estimated and were dropped."
            ),
        )
        issue(new)
        # Draws from cross products have no intercept, which comes last.
        names = tuple(map(str, results.params.index))[: values.shape[1]]
        coefficients = np.asarray(results.params, dtype=np.float64)[: len(names)]
        # A ratio of effects has no variance, which draws of it would hide.
        has_error = np.isfinite(np.diag(results.cov))[: len(names)]
        has_error |= not has_error.any()
        covariance = np.full((len(names), len(names)), np.nan)
        covariance[np.ix_(has_error, has_error)] = covariance_of(
            values[:, has_error], clusters=draws.count
        )
        if self.model_rows == "kept":
            covariance = covariance + results.cov.to_numpy(dtype=np.float64)
            values = values + _draw_sampling_errors(results, self.reps, seed)
        info = _glance(results, seed)
        units: Any = {"n_drawn": draws.count, "drawn": draws.name}
        return PropagatedResults(
            terms=tuple(terms_of(results, names).values()),
            words=getattr(results, "words", NO_WORDS),
            estimated=drawn_estimates(
                names, coefficients, covariance, values, info, **units
            ),
            info=info,
            errors_text=_ERRORS[self.model_rows],
            diagnostics=(*getattr(results, "diagnostics", ()), *new),
            labels=dict(getattr(results, "labels", {})),
            factors=getattr(results, "factors", {}),
            key_names=getattr(results, "key_names", None),
            level=self.level,
            known=results,
            indices=tuple(fitted),
            weight_values=tuple(index.weights["weight"] for index in fitted.values()),
        )

    def _fit_indices(self, panel: Panel) -> dict[str, IndexResults]:
        """Fit the indices; refuse those that sums by entity cannot bootstrap."""
        check_panel(panel, "fit")
        duplicated = [name for name in self.indices if name in panel.columns]
        if duplicated:
            raise TermError(
                f"the panel has a column {quoted(duplicated)} already: pass the panel "
                "without it, or give the index another name, here and in the model."
            )
        fitted = {name: spec.fit(panel) for name, spec in self.indices.items()}
        for name, index in fitted.items():
            recipe = index.recipe
            if self.end_points == "held" and not _is_weighted_sum(index):
                raise OptionError(
                    f"index {cited(name)} ({recipe.scope.text}, {recipe.structure}, "
                    f"{recipe.aggregation}) cannot be bootstrapped from entity sums; "
                    "this requires one scale and one set of weights for all years "
                    "(scope pooled, goalposts or base_year), linear scores, structure "
                    "flat or equal_dimensions. "
                    "end_points='redrawn' computes any index from the rows of each "
                    "draw."
                )
        return fitted

    def _is_regression(self, draws: _DrawnUnits) -> bool:
        """Check for least squares on indices, drawn from cross products by cluster."""
        model = self.model
        if (
            not isinstance(model, FixedEffects)
            or self.model_rows == "kept"
            or model.obs_weights is not None
            or model.collinear != "raise"
        ):
            return False
        texts = [t for t in (model.y, *model.x) if t.strip() not in draws.fitted]
        inside = {n for t in texts for n in parse(t, draws.data.columns, "x").names}
        others = f"{model.where} {model.absorb}"
        return not any(name in inside or name in others for name in draws.fitted)

    def _fit_regression(self, draws: _DrawnUnits) -> tuple[Fitted, list[str], Ints]:
        """Fit the model; also return the names of its columns, and its rows."""
        fit = self.model._fitted(draws.data)
        names = [fit.results.depvar.strip(), *fit.demeaned.names[1:]]
        return fit, names, draws.data.index.get_indexer(fit.prepared.sample.index)

    def _draw_from_products(
        self, draws: _DrawnUnits, seed: np.random.SeedSequence
    ) -> tuple[Results, Floats]:
        """Estimate a regression in all draws at once."""
        fit, names, rows = self._fit_regression(draws)
        issue(fit.results.diagnostics)
        weighted = {name: draws.weighted_columns(name) for name in draws.fitted}
        columns = [
            weighted[name][0][rows] if name in weighted else fit.demeaned.raw[:, [q]]
            for q, name in enumerate(names)
        ]
        variable = np.repeat(np.arange(len(names)), [c.shape[1] for c in columns])
        grams = draws.grams(fit.prepared, np.hstack(columns))

        def combine(counts: Floats) -> Floats:
            out = np.zeros((len(counts), variable.size, len(names)))
            for q, name in enumerate(names):
                weights = weighted[name][1](counts) if name in weighted else 1.0
                out[:, variable == q, q] = weights
            return out

        equation = (0, tuple(range(1, len(names))))
        values = bootstrap(grams, [equation], self.reps, seed, combine=combine)
        return fit.results, values.coefficients[0]

    def _draw_by_refits(
        self,
        draws: _DrawnUnits,
        seed: np.random.SeedSequence,
        progress: bool,  # noqa: FBT001
    ) -> tuple[Results, Floats]:
        """Estimate the model again in every draw."""
        data = draws.data
        results = as_results(self.model.fit(data, rng=seed))
        if not isinstance(results, Results):
            raise InputTypeError(
                f"{type(self.model).__name__}.fit returns {cited(results)}, "
                "which lacks one of params, cov, nobs, tidy and glance."
            )
        scores = {name: draws.score_function(name) for name in draws.fitted}
        model, names = self.model, results.params.index
        if isinstance(model, Specification) and hasattr(model, "reps"):
            model = model.replace(reps=min(model.reps, _OWN_DRAWS))

        def fit_again(count: Floats, rng: object) -> Any:
            with hold_warnings("", []):
                columns = {name: score(count) for name, score in scores.items()}
                panel = data._copy_with(table_of(data).with_columns(columns))
                if self.model_rows == "drawn":
                    panel = draws.rows(panel, count)
                params = as_results(model.fit(panel, rng=rng)).params
            if not names.isin(params.index).all():
                raise IdentificationError(
                    f"its estimates are {quoted(params.index)}, not {quoted(names)}."
                )
            return params[names]

        estimates: Callable[[Floats, object], Any] = fit_again
        counts = draw_counts(seed, draws.count, self.reps)
        if self.model_rows == "drawn":
            once = np.ones(draws.count)
            self._refuse_label_dependence(lambda: fit_again(once, seed), results)
            # Products have no intercept.
            if self._is_regression(draws) and "Intercept" not in names:
                from_products = self._estimate_from_products(draws, scores)
                # Too many products, or slopes by levels that cross the clusters
                with suppress(DigiprosperError):
                    from_products(once, seed)
                    estimates = from_products
        values, last_error = np.full((self.reps, len(names)), np.nan), None
        with progress_bar("PropagatedIndex", self.reps, show=progress) as done:
            for b, count in enumerate(counts):
                try:
                    values[b] = estimates(count, [seed.entropy, b])
                except DigiprosperError as error:
                    # A drawn sample may have no variation, or a level too few.
                    last_error = error
                done(1)
        if np.isnan(values).all():
            raise IdentificationError(
                f"the model has no estimates in any of {self.reps} draws: {last_error}"
            ) from last_error
        return results, values

    def _estimate_from_products(
        self, draws: _DrawnUnits, scores: Mapping[str, Callable[[Floats], Any]]
    ) -> Callable[[Floats, object], Any]:
        """Return a function that estimates a regression in one draw; no notices."""
        fit, names, rows = self._fit_regression(draws)
        columns = fit.demeaned.raw.copy()
        equation = (0, tuple(range(1, len(names))))

        def estimates(count: Floats, _: object) -> Any:
            for name, score in scores.items():
                columns[:, names.index(name)] = score(count)[rows]
            grams = draws.grams(fit.prepared, columns)
            slopes = refit(grams, count[None], [equation])[0][0]
            if np.isnan(slopes).any():
                raise IdentificationError("a regressor does not vary by itself.")
            return slopes

        return estimates

    def _refuse_label_dependence(
        self,
        estimate_again: Callable[[], Any],
        results: Results,
    ) -> None:
        """Refuse a model whose estimates change if entities get new labels."""
        why = "its estimates depend on the labels of entities."
        try:
            if np.allclose(
                estimate_again(), results.params, rtol=_SAME, equal_nan=True
            ):
                return
        except DigiprosperError as error:
            why = str(error)
        raise option_error(
            "model_rows",
            "drawn",
            f"{type(self.model).__name__} cannot be estimated on drawn entities, which "
            f"have new labels: {why} {_KEPT}",
            ("kept",),
        )


def _glance(results: Results, seed: np.random.SeedSequence) -> Glance:
    """Return the summary numbers of the model, with those of the bootstrap."""
    numbers = {
        **empty_glance("", results.nobs),
        **results.glance(),
        "model": "Propagated index",
        "rng_entropy": seed.entropy,
        "cov_type": "bootstrap",
        "clusters": None,
        "ssc": None,
    }
    return cast("Glance", numbers)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PropagatedResults(EffectResults):
    """Results of a model with indices; see `PropagatedIndex.fit`.

    The weights of the indices are estimated. It has all methods of `EffectResults`.

    Parameters
    ----------
    level : float
        Confidence level of the intervals in `summary` and `naive`.
    known : Results
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
    known: Results = field(kw_only=True)
    indices: tuple[str, ...] = ()
    weight_values: tuple[pd.Series[float], ...] = ()

    @property
    def naive(self) -> pd.DataFrame:
        """Estimates and standard errors with weights taken as known, by term.

        The standard errors are those of `model`.
        """
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
            "": estimates[["estimate"]],
            "weights known": self.naive.loc[estimates.index, columns],
            "weights estimated": estimates[columns],
        }
        return pd.concat(parts, axis=1)

    def _remarks(self) -> tuple[Remark, ...]:
        """Return the remarks of the model with known weights."""
        return getattr(self.known, "_remarks", tuple)()

    def _estimate_blocks(self) -> tuple[Block, ...]:
        percent = percent_text(self.level)
        ends = f"{percent}, weights known", f"{percent}, estimated"
        heads = ["", "estimate", *ends, "std. error", "p"]
        rows = [
            [
                term,
                number_text(estimate, 5),
                interval_text(low, high),
                interval_text(*drawn, computed=self._has_intervals),
                number_text(error),
                p_text(p),
            ]
            for term, p, (estimate, _, low, high, error, *drawn) in zip(
                self.names, self.pvalues, self.comparison.to_numpy(), strict=True
            )
        ]
        notes = (
            f"Model: {self.known.glance()['model']}; its own tests: known.summary().",
            "weights known: the index has the weights of this sample.",
            "estimated: the index has the weights of the population; also std. error "
            "and p.",
        )
        return (Cells.of(heads, rows), Lines(notes))


def _check_indices(indices: object) -> dict[str, CompositeIndex]:
    if not isinstance(indices, Mapping) or not indices:
        raise InputTypeError(
            "indices must be a mapping of name to CompositeIndex, such as "
            "{'digital': index}."
        )
    for name, spec in indices.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise InputTypeError(
                f"{cited(name)} cannot name an index in a term; use letters, digits "
                "and _."
            )
        if not isinstance(spec, CompositeIndex):
            raise InputTypeError(
                f"indices[{cited(name)}] is {type(spec).__name__}, not a "
                "CompositeIndex."
            )
    return dict(indices)


def _refuse_unused_indices(model: Any, data: Panel, names: Mapping[str, Any]) -> None:
    """Refuse indices that are in no term of the model, if it lists its terms."""
    terms = getattr(model, "terms", None)
    if terms is None:
        return
    used = {n for term in terms for n in parse(term, data.columns, "x").names}
    absent = [n for n in names if n not in used]
    if absent:
        raise TermError(
            f"the model has no term {quoted(absent)}; its terms are "
            f"{quoted(terms, 12)}."
        )


# --- draws ----------------------------------------------------------------------------


def _clusters(model: Any) -> tuple[str, ...]:
    """List the clusters of a model; none if it has no such option."""
    return tuple(cast("Any", as_sequence(getattr(model, "clusters", None) or ())))


@dataclass(frozen=True, slots=True, eq=False)
class _DrawnUnits:
    """The units that are drawn (clusters or entities), with the data and indices."""

    data: Panel
    fitted: Mapping[str, IndexResults]
    redrawn: Sequence[str]  # indices of which more is drawn than weights
    name: str  # of the units
    units: Ints  # (n,) unit of each entity, -1 without a score

    @property
    def count(self) -> int:
        """Number of units."""
        return 1 + int(self.units.max())

    def units_of(self, entities: pd.Index[Any]) -> Ints:
        """Look up the units of entities by their labels."""
        return self.units[self.data.entities.get_indexer(entities)]

    def rows(self, panel: Panel, count: Floats) -> Panel:
        """Resample the rows: each copy of a drawn entity becomes an entity."""
        times = np.append(count, 0.0)[self.units].astype(np.intp)
        rows, copies = drawn_rows(table_of(panel).keys.entity, times)
        table = table_of(panel).keep(rows)
        keys, numbers = table.keys, pd.RangeIndex(rows.size)
        labels = [f"copy {number:07d}" for number in range(times.sum())]
        again = replace(
            keys,
            entities=pd.Index(labels, name=keys.entities.name),
            entity=copies,
            rows=None if keys.rows is None else numbers.rename(keys.rows.name),
        )
        return panel._copy_with(replace(table, keys=again))

    def grams(self, prepared: Any, columns: Floats) -> Grams:
        """Multiply columns (N, p) by unit; units for the weights only have no sums."""
        drawn = self.units_of(prepared.sample.entities)[prepared.sample.entity]
        grams = entity_grams(columns, drawn, prepared.within.effects_and_slopes)
        return grams.padded(self.count - grams.n_clusters)

    def weighted_columns(self, name: str) -> tuple[Floats, Callable[[Floats], Floats]]:
        """Return the normalised indicators (N, m), whose weighted sum is the score.

        Their weights (R, m) are a function of counts of units (R, G).
        """
        index, sums = self.fitted[name], cast("Any", self.fitted[name].entity_sums)
        sample, positions = self._scored_rows(name)
        z = index.state.scaled(index.recipe, sample).z
        learned = self.units_of(sample.entities[sums.entities])
        columns = np.vstack([z, np.full(z.shape[1], np.nan)])[positions]
        return columns, lambda counts: sums.weights(counts[:, learned])

    def score_function(self, name: str) -> Callable[[Floats], Any]:
        """Return a function that scores all rows with what one draw teaches."""
        if name not in self.redrawn:
            columns, weights = self.weighted_columns(name)
            return lambda count: columns @ weights(count[None])[0]
        options = self.fitted[name].recipe
        sample, positions = self._scored_rows(name)
        units = self.units_of(sample.entities)[sample.entity]

        def score(count: Floats) -> Any:
            rows = np.repeat(np.arange(sample.nobs), count[units].astype(np.intp))
            if not rows.size:
                raise IdentificationError(f"no row of index {cited(name)} is drawn.")
            state = learn(options, at_rows(sample, rows))
            scores = state.scaled(options, sample).scores()
            return np.append(scores, np.nan)[positions]

        return score

    def _scored_rows(self, name: str) -> tuple[Sample, Ints]:
        """Return the rows of an index, and where in them all rows are; -1 without."""
        sample = complete_rows(self.fitted[name].recipe, self.data)
        return sample, sample.index.get_indexer(self.data.index)


def _read_units(
    data: Panel,
    clusters: Sequence[str],
    fitted: Mapping[str, IndexResults],
    end_points: EndPointDraws,
) -> _DrawnUnits:
    """Code the units that are drawn: the one-way clusters of a model, or entities."""
    keys = table_of(data).keys
    name = clusters[0] if len(clusters) == 1 else keys.entity_name
    scored = data.frame[list(fitted)].notna().any(axis=1).to_numpy()
    entity, codes = keys.entity[scored], coded(table_of(data), name, "clusters")[0]
    codes = codes[scored]
    if (codes < 0).any() or not is_nested(entity, codes):
        raise IdentificationError(
            f"clusters={cited(name)}: some entities are in several clusters or in "
            "none, but the bootstrap draws whole entities."
        )
    redrawn = [
        n
        for n, index in fitted.items()
        if end_points == "redrawn"
        and not (index.recipe.scope.fixed_end_points and _is_weighted_sum(index))
    ]
    units = np.full(keys.entities.size, -1)
    units[entity] = np.unique(codes, return_inverse=True)[1]
    return _DrawnUnits(data, fitted, redrawn, name, units)


def _is_weighted_sum(index: IndexResults) -> bool:
    """Check whether scores are linear with weights that follow from entity sums."""
    linear = index.recipe.aggregation == "linear" and index.state.periods is None
    return linear and index.entity_sums is not None


def _draw_sampling_errors(
    results: Results, reps: int, seed: np.random.SeedSequence
) -> Floats:
    """Draw sampling errors (R, k): the model's own draws, or t with its covariance."""
    generator = np.random.default_rng(seed.spawn(1)[0])
    names, covariance = results.params.index, results.cov.to_numpy(dtype=np.float64)
    if isinstance(results, HasDraws) and names.isin(results.draws.columns).all():
        deviations = (
            (results.draws[names] - results.params).dropna(how="all").to_numpy()
        )
        return generator.choice(deviations, reps)
    has_error = np.isfinite(np.diag(covariance))
    if not has_error.any():
        raise IdentificationError(
            "no coefficient of the model has a standard error, so the variance from "
            "the weights cannot be added. Use another cov_type, or model_rows='drawn'."
        )
    variances, vectors = np.linalg.eigh(covariance[np.ix_(has_error, has_error)])
    scores = generator.normal(size=(reps, variances.size))
    df = results.glance().get("df_t") or np.inf
    if np.isfinite(df):
        scores /= np.sqrt(generator.chisquare(df, size=(reps, 1)) / df)
    errors = np.full((reps, len(names)), np.nan)
    errors[:, has_error] = scores * np.sqrt(np.maximum(variances, 0.0)) @ vectors.T
    return errors
