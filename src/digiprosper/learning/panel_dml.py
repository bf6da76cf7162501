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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from digiprosper.checks import check_whole, not_identified, option_error, type_error
from digiprosper.errors import (
    IdentificationError,
    Notice,
    cited,
    counted,
    issue,
    notice_of,
    quoted,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.kernels.within import is_nested, less_means, level_sums
from digiprosper.linear.estimation import (
    Demeaned,
    absorbed_problem,
    demean_columns,
    fit_equation,
    single_column,
)
from digiprosper.linear.fixed_effects_iv import two_stage
from digiprosper.linear.instrument_columns import ColumnPositions
from digiprosper.linear.preparation import (
    Prepared,
    linear_options,
    prepare,
    refuse_extreme,
)
from digiprosper.linear.results import LinearResults
from digiprosper.optional import require
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import known_names
from digiprosper.panel.evaluation import check_where
from digiprosper.panel.grammar import as_argument
from digiprosper.report.columns import Column, Remark, result_column
from digiprosper.report.estimates import Estimates
from digiprosper.report.notices import few_clusters
from digiprosper.report.protocol import fit_glance
from digiprosper.report.results import FitResults
from digiprosper.report.summary import Cells, Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import slope_terms
from digiprosper.report.words import Words, read_words
from digiprosper.specification import (
    EFFECTS,
    TERM,
    TERMS,
    Specification,
    check_words,
    read_terms,
    refuse_repeats,
)

WORDS = read_words(__file__)
LearningTransform = Literal["dictionary", "difference", "mundlak", "within"]
_ROWS_A_FEATURE = 10
FEWEST_CLUSTERS = 10
_DEMEANED = ("dictionary", "within")
# Roles of the columns that are learned, with their arguments of the specification.
_LEARNED = {"y": "y", "endog": "treatment", "instruments": "instrument"}
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
ENOUGH_SEEDS = 20
# Below so many entities no learner of trees covered in simulated panels.
ENOUGH_ENTITIES = 100
_ALL_LEARNED = 0.98
# One instrument and a bias of 10%: the critical effective F of Montiel Olea & Pflueger
# (2013), the 95% quantile of a chi-squared with noncentrality 10.
_WEAK_F = 23.1085112116
_FEW = (
    "learners are fitted to few clusters, and intervals are valid with many only. "
    "Compare FixedEffects with the same terms and cov_type='crv3'."
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
        the squares and products of controls less their means, demeaned afterwards, as
        are outcome and treatment; right if g and m are sums of these terms.
        ``"difference"``: first differences of outcome and treatment, on the controls
        and their lags; right for any g that the learner finds. ``"mundlak"``: outcome
        and treatment on the controls and their means by entity; right if the effects
        depend on the controls by these means. ``"within"``: all demeaned; right if g
        and m are linear only.
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
        refuse_repeats(self, ["y", "treatment", "instrument", "controls"])
        if self.clusters is not None and len(self.clusters) != 1:
            raise option_error(
                "clusters",
                self.clusters,
                f"clusters={cited(self.clusters)} must be one term: folds consist of "
                "whole clusters.",
            )
        check_words(self, EFFECTS)
        check_whole("seeds", self.seeds, 1, 10_000)
        check_where(self.where)
        object.__setattr__(self, "folds", _check_folds(self.folds))
        learners = read_learners(self.learners)
        object.__setattr__(self, "learners", learners)
        flexible = [name for name, learner in learners if is_flexible(learner)]
        if self.transform == "within" and flexible:
            raise option_error(
                "transform",
                "within",
                f"learners: {cited(flexible[0])} is not linear, and transform='within' "
                "is right for linear functions only. Use transform='difference'.",
            )
        if self.transform not in _DEMEANED and not self.entity_effects:
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
        sample = prepare_learning(self, panel)
        refuse_learners(self, sample)
        prepared, rows = sample.prepared, sample.prepared.sample
        seed: Any = seed_sequence(rng)
        beside = _fit_fixed_effects(sample)
        linear, learners = beside["linear"], dict(self.learners)
        is_varied = isinstance(self.folds, int) or any(
            map(seed_names, learners.values())
        )
        seeds = seed.spawn(self.seeds if is_varied else 1)
        runs = pd.DataFrame(
            {"seed": number, "learner": name}
            | _estimate(self, sample, name, learner, of_run)
            for number, of_run in enumerate(seeds)
            for name, learner in learners.items()
        )
        estimates = runs["estimate"].to_numpy().reshape(len(seeds), -1)
        influences = np.array([*runs.pop("influence")]).reshape(*estimates.shape, -1)
        # Clusters and degrees of freedom are those of fixed effects.
        inference = replace(
            linear.inference, ssc=self.ssc, df_counted=None, rng_entropy=seed.entropy
        )
        not_drawn = "none" if self.folds is None else "fixed"
        results = DMLResults(
            estimated=Estimates.of(
                list(learners),
                np.median(estimates, axis=0),
                over_seeds(estimates, influences),
                inference,
            ),
            treatment=self.treatment,
            instrument=self.instrument,
            controls=tuple(self.controls),
            transform=self.transform,
            folds=self.folds if isinstance(self.folds, int) else not_drawn,
            runs=runs,
            fixed_effects=beside,
            info=fit_glance(
                "PanelDML", rows, inference, prepared.effect_names, depvar=self.y
            ),
            labels=linear.labels,
            factors=linear.factors,
            key_names=linear.key_names,
        )
        diagnostics = (
            *prepared.other_notices,
            *few_clusters(prepared.count.groups[0], prepared.cluster_names[0], _FEW),
            *[n for n in linear.diagnostics if n.code.startswith("dropped_")],
            *about_estimates(
                results,
                _learn_by_terms(self, sample, seeds[0]),
                self.seeds if is_varied else ENOUGH_SEEDS,
            ),
        )
        issue(diagnostics)
        return replace(results, diagnostics=diagnostics)


def _check_folds(value: Any) -> Any:
    """Check folds; store those of a Series as pairs of labels and folds."""
    if value is None:
        return None
    if isinstance(value, int):
        return check_whole("folds", value, 2, 1_000)
    try:
        pairs = tuple(value.items() if isinstance(value, pd.Series) else value)
        fold_of = dict(pairs)
    except (TypeError, ValueError) as error:
        needed = "a number of folds, a Series of folds indexed by entity, or None"
        raise type_error("folds", value, needed) from error
    if len(fold_of) < len(pairs) or any(map(pd.isna, fold_of.values())):
        raise option_error(
            "folds",
            None,
            "folds must have one fold, not missing, for each entity (cluster).",
        )
    return pairs


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class DMLResults(FitResults):
    """Results of `PanelDML`: an estimate of the effect of the treatment per learner.

    Parameters
    ----------
    estimated : Estimates
        Median over seeds for each learner, by its name, with standard errors that allow
        for the differences between seeds.
    treatment : str
        The treatment, whose slope all learners estimate.
    instrument : str or None
        The instrument of the treatment, if there is one.
    controls : tuple of str
        Terms of the controls.
    transform : str
        The option of the specification.
    folds : int or str
        Number of folds that were drawn, ``"fixed"`` or ``"none"``.
    runs : DataFrame
        All runs: seed, learner, estimate, std_error, r2_y and r2_d. The last two are
        the shares of the variance of outcome and treatment that are predicted out of
        fold, after the transformation. With an instrument there are its r2_z, and
        first_stage_f, the squared t statistic of its residual in a regression of that
        of the treatment.
    fixed_effects : dict of LinearResults
        Fixed effects on the same rows with controls as they are (``"linear"``) and with
        their squares and products (``"dictionary"``); with an instrument, two-stage
        least squares.
    info : Glance
        Summary numbers of the fit.
    labels : mapping
        Labels of columns.
    factors : mapping
        Factors of outcome, effects, clusters and regressors, by name.
    key_names : pair of str or None
        Names of the entity key and the time key.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from sklearn.linear_model import LinearRegression
    >>> spec = dp.PanelDML(
    ...     "log(gsp)", "log(pc)", ["unemp"], learners={"ols": LinearRegression()}
    ... )
    >>> fit = spec.fit(dp.datasets.us_states(), rng=1)
    >>> fit.comparison.round(2)["estimate"].to_dict()
    {'ols': 0.66, 'FE, linear': 0.66, 'FE, squares and products': 0.66}
    """

    words: ClassVar[Words] = WORDS
    _rows_key: ClassVar[str] = "learners"

    treatment: str
    instrument: str | None
    controls: tuple[str, ...]
    transform: str
    folds: int | str
    runs: pd.DataFrame
    fixed_effects: dict[str, LinearResults]

    @property
    def comparison(self) -> pd.DataFrame:
        """Learners and, below them, fixed effects.

        Columns estimate, std_error, r2_y and r2_d, and with an instrument r2_z and
        first_stage_f. An R2 and an F are medians over seeds; the R2 is missing for
        fixed effects.
        """
        by_learner = self.runs.drop(columns="seed").groupby("learner", sort=False)
        frame = by_learner.median().assign(std_error=self.std_errors)
        for name, fit in self.fixed_effects.items():
            beside = {
                "estimate": fit.params[self.treatment],
                "std_error": fit.std_errors[self.treatment],
                "first_stage_f": fit.glance()["kp_rk_f"],
            }
            frame.loc[WORDS.say(self._heading(name))] = pd.Series(beside)
        return frame.rename_axis("learner")

    @property
    def spread(self) -> dict[str, Any]:
        """Ranges of the estimates, in standard errors.

        ``"seeds"`` is a dict by learner: the range over seeds in its standard errors.
        ``"learners"`` is the range over learners in the median of theirs.
        """
        estimates = self.runs.groupby("learner", sort=False)["estimate"]
        # Errors of zero, where the treatment is the outcome, are no unit.
        with np.errstate(divide="ignore", invalid="ignore"):
            ranges = (estimates.max() - estimates.min()) / self.std_errors
            between = np.ptp(self.coefficients) / np.median(self.std_errors)
        return {"seeds": ranges.to_dict(), "learners": float(between)}

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return a column of a table per learner, and beside them fixed effects.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            One per learner, then those of fixed effects with linear controls and with
            their squares and products.
        """
        (base,) = FitResults.table_columns(self, level)
        (term,) = slope_terms([self.treatment], self.factors)
        measures: Any = self.comparison.drop(columns=["estimate", "std_error"])
        columns = [
            replace(
                base,
                head=name,
                estimates={term.name: base.estimates[name]._replace(term=term)},
                set_rows=tuple(
                    (Remark("stat." + key, {}, WORDS), value)
                    for key, value in measures.loc[name].items()
                ),
            )
            for name in self.names
        ]
        for name, fit in self.fixed_effects.items():
            column = result_column(fit, level)
            columns.append(
                replace(
                    column,
                    named=Remark(self._heading(name), {}, WORDS),
                    estimates={term.name: column.estimates[term.name]},
                    constant=None,
                    remarks=(),
                )
            )
        return tuple(replace(column, adjusted=self.controls) for column in columns)

    def _heading(self, name: str) -> str:
        """Return the code for the words of fixed effects beside."""
        return f"column.{name}" if self.instrument is None else f"column.iv.{name}"

    def _remarks(self) -> tuple[Remark, ...]:
        """Describe transformation, folds and seeds, and what differs, below a table."""
        seeds = self.runs["seed"].nunique()
        folds = "drawn" if isinstance(self.folds, int) else self.folds
        count = {"count": (f"{self.folds}",), "clusters": self.inference.clusters}
        several = "seeds.several" if seeds > 1 else "seeds.one"
        method = Remark(
            "note.method" if self.instrument is None else "note.iv",
            {
                "transform": (Remark(f"note.{self.transform}", {}),),
                "folds": (Remark(f"folds.{folds}", count),),
                "seeds": (Remark(several, {"count": (f"{seeds}",)}),),
                "treatment": (self.treatment,),
                "instrument": (str(self.instrument),),
            },
        )
        return (method, *self._notice_remarks())

    def _summary(self) -> Summary:
        info, frame = self.info, self.comparison
        instrumented = f", instrumented by {self.instrument}" if self.instrument else ""
        rows = (
            f"Effect of {self.treatment}{instrumented}, with learned controls: "
            f"{', '.join(self.controls)}. {info['nobs']:,} rows, "
            f"{info['n_entities']:,} entities, {info['n_times']:,} periods"
        )
        cells = frame.map(lambda v: "" if np.isnan(v) else f"{v:z.4f}")
        return self._titled(
            f"Double machine learning, outcome: {info['depvar']}",
            Lines((rows,), wrapped=True),
            coefficient_cells(self.tidy()),
            Cells.of(["", *frame.columns], cells.itertuples()),
            Remarks.of(self.diagnostics),
            settings=f"transform={self.transform}, folds={self.folds}, medians over "
            f"{self.runs['seed'].nunique()} seeds",
        )


# --- the sample -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class LearningSample:
    """The transformed rows (N,), and the demeaned columns for fixed effects."""

    prepared: Prepared
    demeaned: Demeaned  # learned columns, controls, and products of the controls
    learned: Floats  # (N, c) outcome, treatment, and perhaps an instrument
    features: Floats  # (N, p) what the learners learn from
    folds: Ints  # (G,) of the clusters; in order if they are drawn


def prepare_learning(spec: Any, panel: Panel) -> LearningSample:
    """Prepare the rows, and compute the columns of the transformation."""
    terms = {
        role: term
        for role, argument in _LEARNED.items()
        if (term := getattr(spec, argument)) is not None
    }
    roles = {role: (term,) for role, term in terms.items()} | {"x": spec.controls}
    if spec.transform == "difference":
        names, lagged = known_names(panel), (*terms.values(), *spec.controls)
        roles["lagged"] = [f"lag({as_argument(term, names)})" for term in lagged]
    options = replace(
        linear_options(spec),
        ssc="reghdfe",
        collinear="drop",
        keep_rows=False,
        # The only difference of an entity is free of its effect.
        singletons="keep" if spec.transform == "difference" else "drop",
    )
    prepared = prepare(panel, roles, options)
    rows = prepared.sample
    if spec.transform == "difference" and rows.nobs == rows.n_entities:
        raise not_identified(
            "one_difference",
            "transform='difference': no entity has more than one difference, so that "
            "the regression with fixed effects, which is shown beside, has no rows. "
            "Use transform='dictionary'.",
        )
    folds = _read_folds(spec, prepared)
    demeaned = _demean(spec, prepared, terms)
    columns = transformed(spec, prepared.sample, demeaned)
    return LearningSample(prepared, demeaned, *columns, folds)


def _demean(spec: Any, prepared: Prepared, terms: Mapping[str, str]) -> Demeaned:
    """Demean all columns; refuse treatment and instrument without variation."""
    sample = prepared.sample
    learned = [
        single_column(sample, role, t, _LEARNED[role]) for role, t in terms.items()
    ]
    controls = sample.columns("x")
    products = squares_and_products(controls) if spec.degree == 2 else controls[:, :0]
    raw = np.column_stack([*learned, controls, products])
    names = [*terms.values(), *sample.names_of("x")]
    names += [f"product {j + 1} of controls" for j in range(products.shape[1])]
    refuse_extreme(raw, names)
    demeaned = demean_columns(prepared, names, raw)
    for column, role in enumerate(terms):
        if demeaned.absorbed[column]:
            problem = absorbed_problem(prepared, demeaned, column)
            text = f"{_LEARNED[role]}: {problem.message}."
            raise IdentificationError(text, [problem])
    return demeaned


def transformed(
    spec: Any, sample: Sample, demeaned: Demeaned, *, squares: bool = False
) -> tuple[Floats, Floats]:
    """Return what is learned (N, c), and the features (N, p) it is learned from.

    With ``transform="dictionary"`` features have squares and products, which are
    demeaned; with others only if `squares`.
    """
    count = 2 if spec.instrument is None else 3
    if spec.transform in _DEMEANED:
        end = count + len(sample.roles["x"]) if spec.transform == "within" else None
        varying = count + np.flatnonzero(~demeaned.absorbed[count:end])
        if not varying.size:
            raise IdentificationError(
                "the effects absorb all controls; use FixedEffects without controls."
            )
        columns = demeaned.columns
        return columns[:, :count], np.ascontiguousarray(columns[:, varying])
    learned, blocks = demeaned.raw[:, :count], [sample.columns("x")]
    if spec.transform == "difference":
        lagged = sample.columns("lagged")
        learned = learned - lagged[:, :count]
        blocks.append(lagged[:, count:])
    # Keeps the digits of means
    blocks = [block - blocks[0].mean(axis=0) for block in blocks]
    if squares:
        blocks += [squares_and_products(block) for block in blocks]
    features = np.column_stack(blocks)
    levels = [sample.entity] if spec.transform == "mundlak" else []
    if spec.time_effects:
        learned = learned - _means_by(sample.time, learned)
        levels.append(sample.time)
    means = [_means_by(codes, features) for codes in levels]
    return learned, np.column_stack([features, *means])


def squares_and_products(columns: Floats) -> Floats:
    """Compute the squares and the products of two of columns (N, p).

    Columns are centred before they are multiplied, which changes no combination of
    them and all columns, and keeps digits. A column of two values has no square of its
    own.
    """
    centred = (columns - columns.mean(axis=0)).T
    products = [
        column * other
        for i, column in enumerate(centred)
        for j, other in enumerate(centred[i:])
        if j > 0 or np.unique(column).size > 2
    ]
    return np.column_stack([columns[:, :0], *products])


def _means_by(codes: Ints, columns: Floats) -> Floats:
    """Compute the means of columns by level, for each row."""
    counts = np.bincount(codes)
    return (level_sums(codes, counts.size, columns) / counts[:, None])[codes]


def _read_folds(spec: Any, prepared: Prepared) -> Ints:
    """Return the fold of each cluster (G,), in order if folds are drawn.

    Fewer than ten clusters, and clusters that divide entities, have no folds.
    """
    if not prepared.cluster_codes:
        raise option_error(
            "clusters",
            None,
            "PanelDML needs entities with several rows; in this panel each has one.",
        )
    (name,), (groups,) = prepared.cluster_names, prepared.count.groups
    if not is_nested(prepared.sample.entity, prepared.cluster_codes[0]):
        raise option_error(
            "clusters",
            name,
            f"clusters={cited(name)}: rows of one entity are in several clusters, and "
            "would be in different folds; use clusters of whole entities.",
        )
    if groups < FEWEST_CLUSTERS:
        raise not_identified(
            "few_to_learn",
            f"{counted(groups, 'cluster')} ({name}): learning and testing on different "
            f"clusters needs {FEWEST_CLUSTERS} or more. Use FixedEffects.",
            clusters=name,
            n_clusters=groups,
        )
    if spec.folds is None:
        return np.zeros(groups, dtype=np.intp)
    if isinstance(spec.folds, int):
        if spec.folds > groups:
            raise option_error(
                "folds",
                spec.folds,
                f"folds={spec.folds} is more than the {groups} clusters ({name}), "
                "which folds consist of.",
            )
        return np.arange(groups) % spec.folds
    labels, fold_of = prepared.sample.code_levels[name], dict(spec.folds)
    if absent := [label for label in labels if label not in fold_of]:
        raise option_error(
            "folds",
            absent,
            f"folds has no fold for {quoted(absent)}. It must be a Series of folds "
            f"indexed by {name}, the clusters.",
        )
    folds, numbers = pd.factorize(labels.map(fold_of))
    if len(numbers) < 2:
        raise option_error(
            "folds", 1, "folds has one fold for all clusters; it needs two or more."
        )
    return folds


# --- estimation -----------------------------------------------------------------------


def refuse_learners(spec: Any, sample: LearningSample) -> None:
    """Refuse learners that are unreliable with few entities or rows."""
    (rows, width), entities = sample.features.shape, sample.prepared.sample.n_entities
    for name, learner in spec.learners:
        if is_flexible(learner) and entities < ENOUGH_ENTITIES:
            # docs/measured/dml_with_31_provinces.json
            raise not_identified(
                "few_for_trees",
                f"learners: {cited(name)} uses trees, neural networks or neighbours, "
                f"which need {ENOUGH_ENTITIES} entities; the sample has {entities} "
                "entities. In simulated panels of 31 entities and ten periods, an "
                "effect of .5 had this bias and coverage of 95% intervals: forest with "
                "transform='difference', .159 and .400 (linear controls), .602 and "
                ".000 (quadratic); lasso with transform='dictionary', .017 and .920, "
                "-.021 and .880. Use transform='dictionary' with a lasso or least "
                "squares, or FixedEffects with the squares.",
                learner=name,
                n_entities=entities,
            )
        if is_unpenalised(learner) and width > rows / _ROWS_A_FEATURE:
            raise option_error(
                "learners",
                name,
                f"learners: {cited(name)} is least squares without a penalty on "
                f"{width} features of {counted(rows, 'row')}, more than one for every "
                f"{_ROWS_A_FEATURE} rows. Use a lasso, degree=1 or fewer controls.",
            )


def draw_folds(
    spec: Any, sample: LearningSample, seed: np.random.SeedSequence
) -> tuple[Ints, int]:
    """Return the folds (N,) of a run, drawn or fixed, and a seed for the learners.

    Sizes of drawn folds differ by at most one cluster.
    """
    generator = np.random.default_rng(seed)
    state, folds = int(generator.integers(2**31 - 1)), sample.folds
    if isinstance(spec.folds, int):
        folds = generator.permutation(folds)
    return folds[sample.prepared.cluster_codes[0]], state


def _estimate(
    spec: Any,
    sample: LearningSample,
    name: str,
    learner: Any,
    seed: np.random.SeedSequence,
) -> dict[str, Any]:
    """Estimate the slope from what a learner does not predict; errors name it.

    Beside it are the influence of each cluster, the R2 of what is learned, and with an
    instrument the first-stage F.
    """
    prepared, learned, features = sample.prepared, sample.learned, sample.features
    folds, state = draw_folds(spec, sample, seed)
    try:
        residuals, r2 = cross_fit(seeded(learner, state), features, learned, folds)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise option_error(
            "learners",
            name,
            f"learners: {cited(name)} could not be fitted to {features.shape[0]:,} "
            f"rows and {features.shape[1]} features: {error}",
        ) from error
    # Without instrument it is the treatment.
    outcome, treatment, instrument = *residuals.T[:2], residuals.T[-1]
    if spec.transform == "mundlak":
        instrument = less_means(instrument, prepared.sample.entity)
    if np.linalg.norm(instrument) <= ABSORBED * np.linalg.norm(learned[:, -1]):
        role = "treatment" if spec.instrument is None else "instrument"
        raise not_identified(
            "nothing_left",
            f"the controls predict the {role} {cited(getattr(spec, role))} exactly "
            f"(learner {cited(name)}); no variation is left to estimate the effect "
            "from.",
            learner=name,
            r2=1.0,
        )
    (clusters,), (groups,) = prepared.cluster_codes, prepared.count.groups
    factor = 1.0 if spec.ssc == "none" else groups / (groups - 1)
    estimate, influence = partial_out(outcome, treatment, instrument, clusters, factor)
    values = {
        "estimate": estimate,
        "std_error": np.linalg.norm(influence),
        "influence": influence,
    }
    values |= zip(("r2_y", "r2_d", "r2_z"), r2, strict=False)
    if spec.instrument is not None:
        slope, influence = partial_out(
            treatment, instrument, instrument, clusters, factor
        )
        values["first_stage_f"] = slope**2 / (influence @ influence)
    return values


def cross_fit(
    learner: Any, features: Floats, outcomes: Floats, folds: Ints
) -> tuple[Floats, Floats]:
    """Predict the outcomes (N, c) of each fold by the rows of all other folds.

    Returns what is not predicted, and the R2 of each outcome. Features have mean zero
    and variance one in the rows that are learned from. With a single fold these are the
    rows that are predicted.
    """
    from sklearn.base import clone
    from sklearn.metrics import r2_score

    predicted = np.empty(outcomes.shape)
    sizes = features.std(axis=0)
    for fold in np.unique(folds):
        inside = folds == fold
        training = inside if inside.all() else ~inside
        mean, spread = features[training].mean(axis=0), features[training].std(axis=0)
        # Of a column that varies in other folds only, rounding is no variation.
        scaled = (features - mean) / np.where(spread > ABSORBED * sizes, spread, np.inf)
        for j, outcome in enumerate(outcomes.T):
            fitted = clone(learner).fit(scaled[training], outcome[training])
            predicted[inside, j] = np.ravel(fitted.predict(scaled[inside]))
    if not np.isfinite(predicted).all():
        raise ValueError("its predictions are not finite.")
    r2 = r2_score(outcomes, predicted, multioutput="raw_values")
    return outcomes - predicted, r2


def partial_out(
    outcome: Floats,
    treatment: Floats,
    instrument: Floats,
    clusters: Ints,
    factor: float = 1.0,
) -> tuple[float, Floats]:
    """Regress the residual of the outcome on that of the treatment, no constant.

    ``theta = sum rz ry / sum rz rd`` with the residual rz of an instrument, which is
    that of the treatment if there is none. A cluster adds ``sum rz (ry - theta rd) /
    sum rz rd`` to its error; the squares of these influences (G,) sum to the variance,
    times a small-sample `factor` (Chernozhukov et al. 2018, Econometrics Journal
    21:C1, section 4.2; Clarke & Polselli 2025, Econometrics Journal).
    """
    product = float(instrument @ treatment)
    estimate = float(instrument @ outcome) / product
    scores = np.bincount(clusters, instrument * (outcome - estimate * treatment))
    return estimate, np.sqrt(factor) * scores / product


def over_seeds(estimates: Floats, influences: Floats) -> Floats:
    """Compute the covariance (L, L) of the medians over seeds of L learners.

    `estimates` is (S, L), `influences` (S, L, G). A variance is the median over seeds
    of ``V_s + (theta_s - median)^2`` (Chernozhukov et al. 2018, definition 3.3),
    correlations are those of the mean over seeds of the same matrices.
    """
    deviations = estimates - np.median(estimates, axis=0)
    matrices = influences @ influences.transpose(0, 2, 1)
    matrices += deviations[:, :, None] * deviations[:, None, :]
    errors = np.sqrt(np.median(np.diagonal(matrices, axis1=1, axis2=2), axis=0))
    mean = matrices.mean(axis=0)
    scale = np.sqrt(np.diag(mean))
    ratio = errors / np.where(scale > 0, scale, 1.0)
    return np.asarray(mean * np.outer(ratio, ratio))


# --- what is reported beside ----------------------------------------------------------


def _fit_fixed_effects(sample: LearningSample) -> dict[str, LinearResults]:
    """Regress with fixed effects on linear controls, and on the dictionary.

    With an instrument by two-stage least squares. A dictionary with as many columns as
    there are rows is left out.
    """
    prepared, demeaned, count = sample.prepared, sample.demeaned, sample.prepared.count
    first, width = sample.learned.shape[1], len(demeaned.names)
    ends = {"linear": first + len(prepared.sample.roles["x"])}
    if ends["linear"] < width < count.n - count.parameters:
        ends["dictionary"] = width

    def fit(controls: range) -> LinearResults:
        if first == 2:
            return fit_equation(prepared, demeaned, 0, (1, *controls))[0]
        columns = ColumnPositions((1,), tuple(controls), (2,))
        return two_stage(prepared, demeaned, columns)

    return {name: fit(range(first, end)) for name, end in ends.items()}


def _learn_by_terms(
    spec: Any, sample: LearningSample, seed: np.random.SeedSequence
) -> dict[str, Floats]:
    """Compute the R2 of outcome and treatment by least squares on the dictionary.

    They are for the names of trees and networks, which must have higher ones.
    """
    from sklearn.linear_model import LinearRegression

    flexible = [name for name, learner in spec.learners if is_flexible(learner)]
    if not flexible:
        return {}
    folds, _ = draw_folds(spec, sample, seed)
    learned, features = transformed(
        spec, sample.prepared.sample, sample.demeaned, squares=True
    )
    r2 = cross_fit(LinearRegression(), features, learned[:, :2], folds)[1]
    return dict.fromkeys(flexible, r2)


# --- kinds of learners, and their seeds -----------------------------------------------


def read_learners(value: Any) -> tuple[tuple[str, Any], ...]:
    """Check a mapping of names to learners; store it as pairs."""
    needed = (
        "a mapping from names to regressors that have fit, predict and get_params, "
        "such as {'lasso': LassoCV()}"
    )
    try:
        learners = dict(value)
    except (TypeError, ValueError) as error:
        raise type_error("learners", value, needed) from error
    for name, learner in learners.items():
        methods = [getattr(learner, m, None) for m in ("fit", "predict", "get_params")]
        is_instance = not isinstance(learner, type) and all(map(callable, methods))
        if not isinstance(name, str) or not is_instance:
            raise type_error("learners", {name: learner}, needed)
    if not learners:
        raise option_error(
            "learners", value, f"learners is empty; it must be {needed}."
        )
    return tuple(learners.items())


def is_flexible(learner: Any) -> bool:
    """Check for a learner of trees, neural networks or neighbours."""
    return any(
        kind.__module__.startswith(_FLEXIBLE) and kind.__name__ not in _COMBINATIONS
        for kind in _kinds(learner)
    )


def is_unpenalised(learner: Any) -> bool:
    """Check for least squares without a penalty."""
    return any(kind.__name__ == "LinearRegression" for kind in _kinds(learner))


def _kinds(learner: Any) -> list[type]:
    """List the types of a learner and of all that is inside."""
    return [type(learner), *map(type, learner.get_params().values())]


def seed_names(learner: Any) -> list[str]:
    """List the parameters of a learner that are seeds."""
    return [n for n in learner.get_params() if n.split("__")[-1] == "random_state"]


def seeded(learner: Any, seed: int) -> Any:
    """Clone a learner and set all its seeds."""
    from sklearn.base import clone

    return clone(learner).set_params(**dict.fromkeys(seed_names(learner), seed))


# --- notices --------------------------------------------------------------------------


def about_estimates(
    results: DMLResults, by_terms: Mapping[str, Floats], drawn: int
) -> Iterator[Notice]:
    """Report estimates that depend on seed or learner, and too high or low an R2.

    `by_terms` has the R2 of outcome and treatment by least squares on squares and
    products, for the names of trees and networks. `drawn` is the number of seeds, or
    enough where nothing is drawn.
    """
    if drawn < ENOUGH_SEEDS:
        yield notice_of("few_seeds", seeds=drawn, _enough=ENOUGH_SEEDS)
    spread, table = results.spread, results.comparison.to_dict("index")
    for name, seeds in spread["seeds"].items():
        numbers = table[name]
        r2_y, r2 = numbers["r2_y"], numbers["r2_d"]
        if (f := numbers.get("first_stage_f", np.inf)) < _WEAK_F:
            # docs/measured/coverage_of_learning_with_an_instrument.json
            yield notice_of(
                "weak_after_learning",
                learner=name,
                value=f,
                critical=_WEAK_F,
                _instrument=results.instrument,
            )
        if seeds > 1:
            yield notice_of("seed_spread", learner=name, spread=seeds)
        if r2 > _ALL_LEARNED:
            yield notice_of("nothing_left", learner=name, r2=r2)
        # A prediction of the mean has an R2 of zero, but for rounding.
        if not r2 > ABSORBED:
            yield notice_of("useless_learner", learner=name, r2=r2)
        terms_y, terms_d = by_terms.get(name, (-np.inf, -np.inf))
        if r2_y <= terms_y or r2 <= terms_d:
            yield notice_of(
                "flexible_learner",
                learner=name,
                n_entities=results.info["n_entities"],
                r2_y=r2_y,
                r2_d=r2,
                _terms_y=terms_y,
                _terms_d=terms_d,
            )
    if spread["learners"] > 2:
        yield notice_of("learners_differ", spread=spread["learners"])
