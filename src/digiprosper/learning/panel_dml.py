"""Double machine learning for panels.

Its notices: learners_differ, nothing_left, useless_learner and weak_after_learning are
warnings.

=================== ====================================================================
code                data
=================== ====================================================================
few_seeds           seeds
weak_after_learning learner, value (F, the median over seeds), critical
seed_spread         learner, spread (range over seeds in standard errors)
learners_differ     spread (range over learners in standard errors)
nothing_left        learner, r2 (of the treatment)
useless_learner     learner, r2 (of the treatment)
flexible_learner    learner, n_entities, r2_y, r2_d
few_for_trees       learner, n_entities; of an error
=================== ====================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal, cast, get_args

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    check_whole,
    cited,
    counted,
    issue,
    option_error,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.learning import kernel
from digiprosper.learning.preparation import LearningSample, prepare_learning
from digiprosper.learning.results import DMLResults
from digiprosper.linear.estimation import fit_equation
from digiprosper.linear.fixed_effects_iv import two_stage
from digiprosper.linear.instrument_columns import ColumnPositions
from digiprosper.linear.results import LinearResults
from digiprosper.optional import require
from digiprosper.panel import Panel
from digiprosper.panel.conditions import check_where
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.notices import few_clusters
from digiprosper.report.protocol import fit_glance
from digiprosper.specification import (
    TERM,
    TERMS,
    Specification,
    check_words,
    read_terms,
    refuse_repeats,
)

LearningTransform = Literal["dictionary", "difference", "mundlak", "within"]
_MOST_SEEDS = 10_000
_MOST_FOLDS = 1_000
_ROWS_A_FEATURE = 10
_FLEXIBLE = (
    "sklearn.tree",
    "sklearn.ensemble",
    "sklearn.neural_network",
    "sklearn.neighbors",
    "xgboost",
    "lightgbm",
    "catboost",
    "keras",
    "torch",
    "skorch",
)
# Of these the learners inside say what they are.
_COMBINATIONS = ("StackingRegressor", "VotingRegressor")
ENOUGH_SEEDS: Final = 20
# Below so many entities no learner of trees covered in simulated panels.
ENOUGH_ENTITIES: Final = 100
_ALL_LEARNED: Final = 0.98
# docs/measured/dml_with_31_provinces.json
# docs/measured/coverage_of_learning_with_an_instrument.json
_WEAK: Final = "F of 1.0, coverage .856; F of 3.7, coverage .890"
_SIMULATED: Final = (
    "forest with transform='difference', .159 and .400 (linear controls), .602 and "
    ".000 (quadratic); lasso with transform='dictionary', .017 and .920, -.021 and .880"
)


@dataclass(frozen=True, slots=True)
class PanelDML(Specification):
    r"""Effect of a treatment with controls of unknown form, by double machine learning.

    The model is

    .. math::
        y_{it} = \theta d_{it} + g(x_{it}) + a_i + l_t + u_{it},
        \quad d_{it} = m(x_{it}) + c_i + v_{it}

    Learners predict outcome and treatment from the controls, and theta is the
    slope of one residual on the other. Rows are predicted by learners that were fitted
    to other entities. With 31 entities the lasso on squares and products is as good as
    fixed effects with the same terms, and trees do harm (see the page on double machine
    learning).

    Parameters
    ----------
    y : str
        Outcome: a column, or a term such as ``"log(gdp)"``.
    treatment : str
        Treatment, a column or term.
    controls : sequence of str
        Columns or terms that the learners predict from.
    transform : {"dictionary", "difference", "mundlak", "within"}
        How the entity effects are removed. ``"dictionary"`` (default): controls with
        their squares and products, demeaned afterwards, as are outcome and treatment;
        right if g and m are sums of these terms. ``"difference"``: first differences of
        outcome and treatment, on the controls and their lags; right for any g that the
        learner finds. ``"mundlak"``: outcome and treatment on the controls and their
        means by entity; right if the effects depend on the controls by these means.
        ``"within"``: all demeaned; right if g and m are linear only.
    learners : mapping of str to estimator
        Names and scikit-learn regressors (extra ``learn``), or any objects with fit,
        predict and get_params, such as pipelines that scale first. There is no default.
        They are cloned, and each ``random_state`` is set from `rng`. Features have mean
        zero and variance one in the rows that a learner learns from, so that no fold
        is used to predict itself. Rows are in the order of the entities,
        so that a tuning learner whose folds are not shuffled, such as ``LassoCV()``,
        tunes on whole entities, but for one at each edge.
    instrument : str, optional
        Instrument of a treatment that is endogenous, a column or term (default: none).
        It is predicted from the controls too.
    degree : {2, 1}
        Degree of the dictionary: 2 (default) adds squares and products of two, 1 takes
        the controls as they are, so that they are the dictionary.
    folds : int, Series or None
        Number of folds of entities, or of the clusters, 5 by default. A Series has the
        fold of each entity (cluster), which is in its index. None predicts the rows
        that are learned from, which is right for least squares only.
    seeds : int
        How often folds are drawn; 20 by default. The median of the estimates is
        reported.
    clusters : str, optional
        Clusters, which consist of whole entities; the entity by default.
    entity_effects, time_effects : bool
        Whether there are effects of entities and of periods; True by default. Dummies
        are never features. With ``"difference"`` and ``"mundlak"`` outcome and
        treatment are demeaned by period, and means of the controls by period are
        features.
    ssc : {"G/(G-1)", "none"}
        Small-sample factor of the variance, with G clusters; ``"none"`` as in doubleml.
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`.

    Raises
    ------
    OptionError, TermError, InputTypeError
        By the constructor, if an option is unknown, or for trees and neural networks
        with ``transform="within"``. By `fit`, if a learner cannot be fitted, or is
        least squares with more features than a tenth of the rows.
    ColumnError, MissingDataError, PanelIndexError
        By `fit`, if a column cannot be used.
    IdentificationError
        By `fit`, with fewer than 10 clusters, for trees and neural networks with fewer
        than 100 entities, or if the effects or the controls explain the treatment.
    ImportError
        Without scikit-learn.

    Notes
    -----
    ``theta = sum rd ry / sum rd^2``, with the variance ``sum_c (sum rd (ry - theta
    rd))^2 / (sum rd^2)^2`` over clusters c, times ``G / (G - 1)``, and t(G - 1). With
    the residual rz of an instrument, ``theta = sum rz ry / sum rz rd`` with the
    variance ``sum_c (sum rz (ry - theta rd))^2 / (sum rz rd)^2``. With ``"mundlak"``
    the residual of the treatment, or of the instrument, is demeaned by entity. Over
    seeds the estimate is the median, and its standard error ``sqrt(median(se_s^2 +
    (theta_s - theta)^2))`` (Chernozhukov, Chetverikov, Demirer, Duflo, Hansen, Newey &
    Robins 2018, Econometrics Journal 21:C1). The transformations are those of Clarke &
    Polselli (2025, Econometrics Journal), except ``"dictionary"``. Estimates of
    different learners are never averaged.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from sklearn.linear_model import LinearRegression
    >>> spec = dp.PanelDML(
    ...     "log(gsp)",
    ...     "log(pc)",
    ...     ["log(pcap)", "unemp"],
    ...     learners={"ols": LinearRegression()},
    ... )
    >>> spec.fit(dp.datasets.us_states(), rng=1).params.round(2).to_dict()
    {'ols': 0.55}
    """

    y: str = field(metadata=TERM)
    treatment: str = field(metadata=TERM)
    controls: Sequence[str] = field(metadata=TERMS)
    _: KW_ONLY
    transform: LearningTransform = "dictionary"
    learners: Mapping[str, Any] | Sequence[tuple[str, Any]]
    instrument: str | None = field(default=None, metadata=TERM)
    degree: Literal[1, 2] = 2
    # `typing.get_type_hints` cannot read pd.Series[Any].
    folds: int | pd.Series | Sequence[tuple[Any, Any]] | None = 5
    seeds: int = 20
    clusters: Sequence[str] | None = None
    entity_effects: bool = True
    time_effects: bool = True
    ssc: Literal["G/(G-1)", "none"] = "G/(G-1)"
    where: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)
        if not self.controls:
            raise option_error(
                "controls",
                (),
                "controls is empty; there is nothing to learn. Use FixedEffects.",
            )
        roles = ["y", "treatment", "instrument", "controls"]
        refuse_repeats(self, [r for r in roles if getattr(self, r) is not None])
        if self.clusters is not None and len(self.clusters) != 1:
            raise option_error(
                "clusters",
                self.clusters,
                f"clusters={cited(self.clusters)} must be one term: folds consist of "
                "whole clusters.",
            )
        words = {
            "transform": get_args(LearningTransform),
            "degree": (1, 2),
            "entity_effects": (True, False),
            "time_effects": (True, False),
            "ssc": ("G/(G-1)", "none"),
        }
        check_words(self, words)
        check_whole("seeds", self.seeds, 1, _MOST_SEEDS)
        check_where(self.where)
        object.__setattr__(self, "folds", _read_folds(self.folds))
        object.__setattr__(self, "learners", read_learners(self.learners))
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        learners: Any = self.learners
        flexible = [name for name, learner in learners if is_flexible(learner)]
        if self.transform == "within" and flexible:
            raise option_error(
                "transform",
                "within",
                f"learners: {cited(flexible[0])} learns from demeaned controls with "
                "transform='within', which is right for linear functions only: the "
                "demeaned value of g(x) is no function of the demeaned x. Use "
                "transform='difference'.",
            )
        if self.transform in ("difference", "mundlak") and not self.entity_effects:
            raise option_error(
                "entity_effects",
                False,  # noqa: FBT003
                f"transform={cited(self.transform)} removes entity effects; with "
                "entity_effects=False use transform='dictionary'.",
            )

    def __eq__(self, other: object) -> bool:
        """Compare as written, since equal learners of scikit-learn are not equal."""
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(repr(self))

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,
        progress: bool = False,  # noqa: ARG002
    ) -> DMLResults:
        """Estimate the effect with every learner.

        Parameters
        ----------
        panel : Panel
            The data.
        rng : int, SeedSequence or Generator, optional
            Seed of the folds and of the learners. By default another one each time; the
            results record it.
        progress
            Not used. All specifications have this argument.

        Returns
        -------
        DMLResults
            An estimate per learner, all runs, and fixed effects beside.

        Raises
        ------
        ColumnError, TermError, InputTypeError, MissingDataError, PanelIndexError
            If `panel` is not a Panel, or a column or term cannot be used.
        OptionError, IdentificationError
            If a learner or the clusters cannot be used, or no variation of the
            treatment is left.
        ImportError
            Without scikit-learn.

        Warns
        -----
        MissingDataWarning, FewClustersWarning, IdentificationWarning
            If rows are dropped, or estimates may be unreliable.
        """
        require("sklearn", extra="learn", purpose="PanelDML")
        results = fit_learning(self, prepare_learning(self, panel), rng)
        issue(results.diagnostics)
        return results


def _read_folds(value: Any) -> Any:
    """Check folds; store those of a Series as pairs of labels and folds."""
    if value is None:
        return None
    if isinstance(value, int):
        return check_whole("folds", value, 2, _MOST_FOLDS)
    if isinstance(value, pd.Series):
        if value.index.has_duplicates or value.isna().any():
            raise option_error(
                "folds",
                None,
                "folds must have one fold, not missing, for each entity (cluster).",
            )
        return tuple(value.items())
    pairs = isinstance(value, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 for pair in value
    )
    if not pairs:
        raise InputTypeError(
            "folds must be a number of folds, a Series of folds indexed by entity, or "
            f"None, not {type(value).__name__}."
        )
    return value


# --- estimation -----------------------------------------------------------------------


def fit_learning(spec: Any, sample: LearningSample, rng: object) -> DMLResults:
    """Estimate with every seed and learner, without issuing notices."""
    _check_learners(spec, sample)
    beside, dropped = _fit_fixed_effects(sample)
    prepared, rows = sample.prepared, sample.prepared.sample
    seed = seed_sequence(rng)
    names = [name for name, _ in spec.learners]
    is_varied = isinstance(spec.folds, int) or any(
        is_random(learner) for _, learner in spec.learners
    )
    children = seed.spawn(spec.seeds if is_varied else 1)
    groups = sample.n_clusters
    factor = 1.0 if spec.ssc == "none" else groups / (groups - 1)
    runs = _run_seeds(spec, sample, children, factor)
    estimates, influences = runs["estimate"], runs.pop("influence")
    inference = Inference(
        cov_type="clustered",
        ssc=spec.ssc,
        clusters=prepared.cluster_names,
        n_clusters=(groups,),
        df_t=float(groups - 1),
        rng_entropy=cast("int", seed.entropy),
    )
    covariance = kernel.over_seeds(estimates, influences, factor)
    medians = np.median(estimates, axis=0)
    results = DMLResults(
        estimated=Estimates.of(names, medians, covariance, inference),
        treatment=spec.treatment,
        instrument=spec.instrument,
        controls=spec.controls,
        transform=spec.transform,
        folds=_folds_text(spec),
        run_values={
            "estimate": estimates,
            "std_error": np.sqrt(factor * (influences**2).sum(axis=2)),
            **runs,
        },
        fixed_effects=beside,
        info=fit_glance(
            "PanelDML", rows, inference, prepared.effect_names, depvar=spec.y
        ),
        labels=dict(rows.labels),
        factors=dict(rows.factors),
        key_names=rows.keys.name_pair,
    )
    diagnostics = (
        *prepared.other_notices,
        *few_for_learning(groups, prepared.cluster_names[0]),
        *dropped,
        *few_seeds(spec.seeds, drawn=is_varied),
        *_notices(results),
        *_flexible_notices(spec, sample, results, children[0]),
    )
    return replace(results, diagnostics=diagnostics)


# --- learners that are refused --------------------------------------------------------


def _check_learners(spec: Any, sample: LearningSample) -> None:
    """Refuse learners that are unreliable with few entities or rows."""
    rows, width = sample.features.shape
    entities = sample.prepared.sample.n_entities
    for name, learner in spec.learners:
        if is_flexible(learner) and entities < ENOUGH_ENTITIES:
            problem = few_for_trees(name, entities)
            raise IdentificationError(problem.message, [problem])
        if is_unpenalised(learner) and width > rows / _ROWS_A_FEATURE:
            raise option_error(
                "learners",
                name,
                f"learners: {cited(name)} is least squares without a penalty on "
                f"{width} features of {counted(rows, 'row')}, more than one for every "
                f"{_ROWS_A_FEATURE} rows. Use a lasso, degree=1 or fewer controls.",
            )
    if isinstance(spec.folds, int) and spec.folds > sample.n_clusters:
        raise option_error(
            "folds",
            spec.folds,
            f"folds={spec.folds} is more than the {sample.n_clusters} clusters "
            f"({sample.prepared.cluster_names[0]}), which folds consist of.",
        )


# --- runs -----------------------------------------------------------------------------


def _run_seeds(
    spec: Any,
    sample: LearningSample,
    seeds: Sequence[np.random.SeedSequence],
    factor: float,
) -> dict[str, Floats]:
    """Compute estimate, influence (S, L, G) and measures (S, L) of all seeds, by name.

    Measures are the R2 of what is learned, and perhaps the first-stage F.
    """
    runs = [_run_seed(spec, sample, seed, factor) for seed in seeds]
    return {
        name: np.array([[values[name] for values in run] for run in runs])
        for name in runs[0][0]
    }


def _run_seed(
    spec: Any, sample: LearningSample, seed: np.random.SeedSequence, factor: float
) -> list[dict[str, Any]]:
    """Estimate with each learner on the same folds.

    The seed decides the folds, and what is random in the learners. Beside a slope are
    the R2 of what is learned, and with an instrument the first-stage F, whose variance
    has the small-sample `factor`.
    """
    folds, state = _draw_folds(spec, sample, seed)
    instrument, term = "d", spec.treatment
    if spec.instrument is not None:
        instrument, term = "z", spec.instrument
    run = []
    for name, learner in spec.learners:
        residuals: dict[str, Floats] = {}
        values: dict[str, Any] = {}
        for role, column in sample.learned.items():
            predicted = _predict(name, learner, state, sample.features, column, folds)
            residuals[role] = column - predicted
            values[f"r2_{role}"] = kernel.rsquared(column, predicted)
        source = residuals[instrument]
        if sample.demean_by is not None:
            source = (
                source - kernel.level_means(source[:, None], sample.demean_by)[:, 0]
            )
        size = np.linalg.norm(sample.learned[instrument])
        if np.linalg.norm(source) <= ABSORBED * size:
            what = "instrument" if spec.instrument else "treatment"
            text = (
                f"the controls predict the {what} {cited(term)} exactly (learner "
                f"{cited(name)}); no variation is left to estimate the effect from."
            )
            raise IdentificationError(text, nothing_left(name, 1.0))
        slope = kernel.partial_out(
            residuals["y"], residuals["d"], source, sample.clusters
        )
        if spec.instrument is not None:
            first = kernel.partial_out(residuals["d"], source, source, sample.clusters)
            values["first_stage_f"] = first.estimate**2 / (factor * first.variance)
        run.append({"estimate": slope.estimate, "influence": slope.influence, **values})
    return run


def _draw_folds(
    spec: Any, sample: LearningSample, seed: np.random.SeedSequence
) -> tuple[Ints | None, int]:
    """Return the folds (N,) of a run, drawn or fixed, and a seed for the learners."""
    generator = np.random.default_rng(seed)
    state = int(generator.integers(2**31 - 1))
    if not isinstance(spec.folds, int):
        return sample.folds, state
    by_cluster = kernel.draw_folds(sample.n_clusters, spec.folds, generator)
    return by_cluster[sample.clusters], state


def _predict(
    name: str,
    learner: Any,
    state: int,
    features: Floats,
    outcome: Floats,
    folds: Ints | None,
) -> Floats:
    """Predict by a learner; errors name the learner."""
    try:
        predicted = kernel.cross_fit(
            partial(seeded, learner, state), features, outcome, folds
        )
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        raise option_error(
            "learners",
            name,
            f"learners: {cited(name)} could not be fitted to {features.shape[0]:,} "
            f"rows and {features.shape[1]} features: {error}",
        ) from error
    if not np.isfinite(predicted).all():
        raise option_error(
            "learners",
            name,
            f"learners: {cited(name)} predicts values that are not finite.",
        )
    return predicted


def _folds_text(spec: Any) -> int | str:
    """Describe the folds: their number, or that they are fixed."""
    if isinstance(spec.folds, int):
        return spec.folds
    return "none" if spec.folds is None else "fixed"


# --- what is reported beside ----------------------------------------------------------


def _fit_fixed_effects(
    sample: LearningSample,
) -> tuple[dict[str, LinearResults], list[Notice]]:
    """Regress with fixed effects on linear controls, and on the dictionary.

    With an instrument by two-stage least squares. Returns what is dropped from the
    first too. A dictionary with as many columns as there are rows is left out.
    """
    prepared, demeaned, count = sample.prepared, sample.demeaned, sample.prepared.count
    has_instrument = "z" in sample.learned
    width = len(demeaned.names) - has_instrument
    ends = {"linear": 2 + sample.n_controls}
    if 2 + sample.n_controls < width < count.n - count.parameters - has_instrument:
        ends["dictionary"] = width
    fits: dict[str, LinearResults] = {}
    for name, end in ends.items():
        if not has_instrument:
            fits[name] = fit_equation(prepared, demeaned, 0, range(1, end))[0]
            continue
        columns = ColumnPositions((1,), tuple(range(2, end)), (width,))
        fits[name] = two_stage(prepared, demeaned, columns)
    dropped = [n for n in fits["linear"].diagnostics if n.code.startswith("dropped_")]
    return {name: fit.without_rows() for name, fit in fits.items()}, dropped


def _notices(results: DMLResults) -> Iterator[Notice]:
    spread, table = results.spread, results.comparison
    for name in results.names:
        if results.instrument is not None:
            f = float(table["first_stage_f"][name])
            yield from weak_after_learning(name, f, results.instrument)
        yield from seed_spread(name, spread["seeds"][name])
        yield from nothing_left(name, float(table["r2_d"][name]))
        yield from useless_learner(name, float(table["r2_d"][name]))
    yield from learners_differ(spread["learners"])


def _flexible_notices(
    spec: Any,
    sample: LearningSample,
    results: DMLResults,
    seed: np.random.SeedSequence,
) -> Iterator[Notice]:
    """Compare trees and networks with least squares on the dictionary."""
    flexible = [name for name, learner in spec.learners if is_flexible(learner)]
    if not flexible:
        return
    folds, _ = _draw_folds(spec, sample, seed)
    linear = require("sklearn.linear_model", extra="learn", purpose="PanelDML")
    other = [
        kernel.rsquared(
            column,
            kernel.cross_fit(linear.LinearRegression, sample.dictionary, column, folds),
        )
        for column in (sample.learned["y"], sample.learned["d"])
    ]
    entities = sample.prepared.sample.n_entities
    for name in flexible:
        r2_y, r2_d = results.comparison.loc[name, ["r2_y", "r2_d"]]
        yield from flexible_learner(
            name, entities, (float(r2_y), float(r2_d)), (other[0], other[1])
        )


# --- kinds of learners, and their seeds -----------------------------------------------


def read_learners(value: object) -> tuple[tuple[str, Any], ...]:
    """Check a mapping of names to learners; store it as pairs."""
    try:
        pairs = tuple(dict(value).items())  # type: ignore[call-overload]
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            "learners must be a mapping from names to scikit-learn regressors, such as "
            f"{{'lasso': LassoCV()}}, not {type(value).__name__}."
        ) from error
    if not pairs:
        raise option_error(
            "learners",
            value,
            "learners is empty; name at least one, such as {'lasso': LassoCV()}.",
        )
    for name, learner in pairs:
        methods = ("fit", "predict", "get_params")
        absent = [m for m in methods if not callable(getattr(learner, m, None))]
        if not isinstance(name, str) or isinstance(learner, type) or absent:
            raise InputTypeError(
                f"learners: {cited(name)} must be a name with a regressor that has "
                "fit, predict and get_params, such as LassoCV(), not "
                f"{type(learner).__name__}."
            )
    return pairs


def is_flexible(learner: Any) -> bool:
    """Check for a learner of trees, neural networks or neighbours."""
    return any(
        type(part).__module__.startswith(_FLEXIBLE)
        and type(part).__name__ not in _COMBINATIONS
        for part in _parts(learner)
    )


def is_unpenalised(learner: Any) -> bool:
    """Check for least squares without a penalty."""
    return any(type(part).__name__ == "LinearRegression" for part in _parts(learner))


def is_random(learner: Any) -> bool:
    """Check whether a learner takes a seed."""
    return any(_is_seed(name) for name in learner.get_params())


def seeded(learner: Any, seed: int) -> Any:
    """Clone a learner and set all its seeds."""
    base = require("sklearn.base", extra="learn", purpose="PanelDML")
    clone = base.clone(learner)
    seeds = {name: seed for name in clone.get_params() if _is_seed(name)}
    return clone.set_params(**seeds)


def _is_seed(name: str) -> bool:
    return name == "random_state" or name.endswith("__random_state")


def _parts(learner: Any) -> Iterable[Any]:
    return (learner, *learner.get_params(deep=True).values())


# --- notices --------------------------------------------------------------------------


def few_for_learning(clusters: int, name: str) -> tuple[Notice, ...]:
    """Report few clusters, and so few in a fold."""
    consequence = (
        "learners are fitted to few clusters, and intervals are valid with many only. "
        "Compare FixedEffects with the same terms and cov_type='crv3'."
    )
    return few_clusters(clusters, name, consequence)


def few_seeds(seeds: int, *, drawn: bool) -> list[Notice]:
    """Report that there are too few draws of folds for a stable median."""
    if not drawn or seeds >= ENOUGH_SEEDS:
        return []
    text = (
        f"{counted(seeds, 'seed')}: estimates depend on the seed; use "
        f"seeds={ENOUGH_SEEDS} or more."
    )
    return [Notice("few_seeds", text, {"seeds": seeds})]


def weak_after_learning(learner: str, f: float, instrument: str) -> list[Notice]:
    """Report an instrument that explains little of the treatment."""
    from scipy.stats import ncx2

    # One instrument and a bias of 10%: the effective F of Montiel Olea & Pflueger.
    critical = float(ncx2.ppf(0.95, 1, 10))
    if f >= critical:
        return []
    text = (
        f"{learner}: F = {f:.3g} of the first stage on {instrument}, below "
        f"{critical:.1f}: the estimate may be biased by more than 10% of the worst "
        "case (Montiel Olea & Pflueger 2013), and its 95% interval may cover too "
        f"rarely (in simulated panels: {_WEAK}). Compare "
        "fixed_effects['linear'].anderson_rubin(), which is valid with a weak "
        "instrument."
    )
    data = {"learner": learner, "value": f, "critical": critical}
    return [Notice("weak_after_learning", text, data)]


def seed_spread(learner: str, spread: float) -> list[Notice]:
    """Report estimates that differ between seeds."""
    if not spread > 1:
        return []
    text = (
        f"{learner}: estimates of the seeds differ by {spread:.1f} standard errors. A "
        "single seed could have any of them; see runs."
    )
    return [Notice("seed_spread", text, {"learner": learner, "spread": spread})]


def learners_differ(spread: float) -> list[Notice]:
    """Report estimates that differ between learners."""
    if not spread > 2:
        return []
    text = (
        f"the learners' estimates differ by {spread:.1f} standard errors, so the "
        "result depends on the learner. Do not choose among them by the estimate; "
        "report all, together with fixed effects."
    )
    return [Notice("learners_differ", text, {"spread": spread})]


def nothing_left(learner: str, r2: float) -> list[Notice]:
    """Report a treatment that the controls explain."""
    if not r2 > _ALL_LEARNED:
        return []
    text = (
        f"{learner}: the controls predict the treatment with an R2 of {r2:.3f}; almost "
        "no variation is left to estimate its effect from."
    )
    return [Notice("nothing_left", text, {"learner": learner, "r2": r2})]


def useless_learner(learner: str, r2: float) -> list[Notice]:
    """Report a learner that predicts the treatment no better than its mean."""
    if r2 > 0:
        return []
    text = (
        f"{learner}: predicts the treatment no better than its mean (R2 {r2:.3f} out "
        "of fold). Its estimate is that of fixed effects without controls, or worse."
    )
    return [Notice("useless_learner", text, {"learner": learner, "r2": r2})]


def flexible_learner(
    learner: str, entities: int, own: tuple[float, float], other: tuple[float, float]
) -> list[Notice]:
    """Report trees and networks that do not predict better than a dictionary.

    `own` and `other` are R2 of outcome and treatment, by the learner and by least
    squares on squares and products.
    """
    if own[0] > other[0] and own[1] > other[1]:
        return []
    text = (
        f"{learner} predicts outcome and treatment with R2 of {own[0]:.3f} and "
        f"{own[1]:.3f}, least squares on squares and products with {other[0]:.3f} and "
        f"{other[1]:.3f}. With {entities} entities trees and networks are biased "
        "unless they predict both better; use transform='dictionary' with a lasso."
    )
    data = {"learner": learner, "n_entities": entities, "r2_y": own[0], "r2_d": own[1]}
    return [Notice("flexible_learner", text, data)]


def few_for_trees(learner: str, entities: int) -> Notice:
    """Explain why trees and networks are refused, with results of simulations."""
    text = (
        f"learners: {learner!r} uses trees, neural networks or neighbours, which need "
        f"{ENOUGH_ENTITIES} entities; the sample has {entities} entities. In simulated "
        "panels of 31 entities and ten periods, an effect of .5 had this bias and "
        f"coverage of 95% intervals: {_SIMULATED}. Use transform='dictionary' with a "
        "lasso or least squares, or FixedEffects with the squares."
    )
    return Notice("few_for_trees", text, {"learner": learner, "n_entities": entities})
