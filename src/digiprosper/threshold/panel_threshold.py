"""Panel threshold regression (Hansen 1999)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from digiprosper.checks import (
    check_level,
    check_option,
    check_whole,
    finite_numbers,
    is_real,
    is_whole,
)
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    OptionError,
    TermError,
    ThresholdSearchError,
    cited,
    issue,
)
from digiprosper.kernels import Ints, threshold as kernel
from digiprosper.kernels.tolerances import NO_RESIDUALS
from digiprosper.linear.diagnostics import lagged_outcome
from digiprosper.linear.estimation import (
    demean_roles,
    fit_columns,
    refuse_constant_outcome,
)
from digiprosper.linear.preparation import CovType, Prepared, Ssc, check_linear_options
from digiprosper.linear.results import LinearResults
from digiprosper.optional import progress_bar
from digiprosper.panel import Panel
from digiprosper.panel.access import table_of
from digiprosper.panel.terms import canonical, parse
from digiprosper.report.estimates import Estimates
from digiprosper.specification import (
    TERM,
    TERMS,
    Specification,
    check_reps,
    read_terms,
    refuse_outcome,
)
from digiprosper.threshold import notices
from digiprosper.threshold.results import SLOPE_SET, ThresholdResults, critical_lr
from digiprosper.threshold.search import (
    WILD,
    Bootstrap,
    SearchResult,
    ThresholdSearch,
    denominator,
    origin_notices,
    prepare_split,
    refuse_two_way,
    regime_columns,
    regime_sizes,
)

_MOST_ROWS = 10**9
_NO_SIGNS = "bootstrap=None (or 'hansen' in a balanced panel)"

Confidence: TypeAlias = Literal["lr", "scaled", "bootstrap"]
Search: TypeAlias = Literal["sequential", "joint"]
Rule: TypeAlias = Literal["<=", "<"]
DfRule: TypeAlias = Literal["hansen", "xthreg"]
Grid: TypeAlias = int | Literal["hansen"] | None
# Most values of a threshold at which slopes are estimated for their intervals
_MOST_REFITS = 20


@dataclass(frozen=True, slots=True)
class PanelThreshold(Specification):
    """Panel threshold regression: slopes by regime of a threshold variable.

    The model is

    .. math:: y_{it} = a_i + l_t + x_{it}'b + z_{it}'d_r + e_{it}

    The regime r is the interval between thresholds that contains ``q_it`` (Hansen 1999,
    Journal of Econometrics 93:345-368). A threshold minimises the sum of squared
    residuals over all observed values of q that leave enough rows on each side. Several
    thresholds are found one after another, and refined until none changes. The
    estimates are exact also in unbalanced panels; the theory of the test in Hansen
    (1999) is for balanced panels.

    Parameters
    ----------
    y : str
        Outcome: a column or a term.
    regime_dependent : str or sequence of str
        Terms z whose slopes depend on the regime (``rx`` of Stata's ``xthreg``).
    threshold_variable : str
        Term q that splits the sample (``qx`` of ``xthreg``). It should vary within
        entities.
    x : sequence of str
        Terms with the same slope in all regimes, none by default. The threshold
        variable can be one of them.
    n_thresholds : int or "auto"
        Number of thresholds, 1 by default. ``"auto"`` adds thresholds as long as the
        first bootstrap test rejects at `level`.
    thresholds : sequence of float, optional
        Given thresholds, in the order in which they are added to the model. There is
        then no search and no test.
    search : {"sequential", "joint"}
        Search of two thresholds. ``"sequential"`` (default) finds one after the other
        and refines both. ``"joint"`` compares all pairs; the tests are sequential also
        then. The results are nearly always the same. A notice ``not_global`` reports if
        they differ; this is checked in small panels and with ``"joint"``.
    entity_effects, time_effects : bool
        Whether to absorb entity and time effects, True by default.
    absorb : sequence of str
        Other fixed effects, as in `FixedEffects`.
    trim : float or sequence of float
        Smallest share of the rows in each regime, also between two thresholds. One
        number, or one per threshold. The default is .05 (``xthreg``: .01).
    min_nobs : int
        Fewest rows in each regime, in addition to `trim`. The default is 1.
    min_entities : int
        Smallest number of entities in each regime in which a regime-dependent column
        varies within the regime. The default is 0.
    grid : int or "hansen", optional
        Values of q to search. The default None searches all candidates. A number
        searches so many evenly spaced quantiles, and ``"hansen"`` the 393 positions of
        Hansen's program; use them only to replicate results.
    rule : {"<=", "<"}
        Whether a row at the threshold belongs to the lower regime (``"<="``, the
        default) or to the upper one.
    regime_intercept : bool
        Whether the intercept depends on the regime too (terms
        ``"intercept:regime1"``, ..., relative to the highest regime). The default is
        False, as in Hansen (1999). The results then depend on the zero of the
        regime-dependent terms, for example on the unit inside a logarithm. A notice
        ``origin`` reports if a fit with intercepts differs.
    bootstrap : str, sequence of str or None
        Bootstrap of the test. ``"wild_cluster"`` (default) multiplies the residuals
        under the null hypothesis by a random sign per cluster; it is valid also if the
        variance depends on the regressors. ``"wild_score"`` is a cluster-robust score
        test with a random sign per cluster. ``"hansen"`` draws the residuals of whole
        entities, in balanced panels only. ``"iid"`` draws rows, and is only for
        teaching. All tests of a sequence are in `tests`; the first one is used for
        conclusions. None computes no test.
    reps : int
        Number of draws of each bootstrap, 999 by default.
    level : float
        Confidence level of confidence sets and tests, .95 by default.
    confidence : {"lr", "scaled", "bootstrap"}
        Bound of the likelihood ratio in a confidence set. ``"lr"`` is that of Hansen
        (1999), which assumes equal error variances. ``"scaled"`` (default) multiplies
        it by the variance ratio at the threshold (Hansen 2000), because the coverage of
        ``"lr"`` is too low if the variance depends on the regressors. ``"bootstrap"``
        uses quantiles of `reps` wild draws at each of 200 candidates; its coverage is
        best, but it takes 200 times as long as one bootstrap.
    df : {"hansen", "xthreg"}
        Degrees of freedom in F and LR: N - n (``"hansen"``, the default), or T (n - 1)
        as in Stata's ``xthreg``. Without entity effects N - 1.
    cov_type, clusters, ssc
        Standard errors of the slopes, as in `FixedEffects`: clustered by entity by
        default. ``"wild_cluster"`` uses the same one-way `clusters`.
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`.

    Raises
    ------
    OptionError
        By the constructor, if an option has a value that is not allowed.
    ThresholdSearchError
        By `fit`, if no threshold can be estimated, or a given threshold cannot be used.
    CollinearityError
        If a regime-dependent term is also in `x`, or columns are linear combinations of
        each other.
    ColumnError, TermError, InputTypeError, MissingDataError, IdentificationError
        As in `FixedEffects`.

    Examples
    --------
    >>> from digiprosper import PanelThreshold, datasets
    >>> panel, truth = datasets.simulate_provinces()
    >>> results = PanelThreshold(
    ...     "rural_income", "digital", "urban", ["urban", "fiscal"]
    ... ).fit(panel, rng=2026)
    >>> low, high = results.confidence_set(1)[0]
    >>> low <= truth.threshold <= high
    True
    >>> float(results.thresholds.loc[1, "p_value"])
    0.001
    """

    y: str = field(metadata=TERM)
    regime_dependent: Sequence[str] = field(metadata=TERMS)
    threshold_variable: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERMS)
    _: KW_ONLY
    n_thresholds: int | Literal["auto"] = 1
    thresholds: Sequence[float] | None = None
    search: Search = "sequential"
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    trim: float | Sequence[float] = 0.05
    min_nobs: int = 1
    min_entities: int = 0
    grid: Grid = None
    rule: Rule = "<="
    regime_intercept: bool = False
    bootstrap: Bootstrap | Sequence[Bootstrap] | None = "wild_cluster"
    reps: int = 999
    level: float = 0.95
    confidence: Confidence = "scaled"
    df: DfRule = "hansen"
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    ssc: Ssc = "reghdfe"
    where: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)
        check_option("regime_intercept", self.regime_intercept, (True, False))
        self._check_terms()
        self._check_thresholds()
        self._check_trim()
        self._check_candidates()
        check_reps(self.reps, 1)
        check_level(self.level)
        check_linear_options(self)
        self._check_bootstrap()
        self._check_search()

    def _check_terms(self) -> None:
        split = {canonical(t) for t in self.regime_dependent}
        if not split:
            raise TermError("regime_dependent is empty; specify at least one term.")
        if self.regime_intercept and "intercept" in split:
            raise TermError(
                "'intercept' is the name of the regime's intercept; rename the column."
            )
        refuse_outcome(self, ("regime_dependent", "x", "threshold_variable"))

    def _check_thresholds(self) -> None:
        n = self.n_thresholds
        if not (n == "auto" if isinstance(n, str) else is_whole(n) and 0 < n < 100):
            raise OptionError(
                f"n_thresholds={cited(n)} must be an integer of at least 1 and at most "
                "99, or 'auto'."
            )
        if self.thresholds is None:
            return
        values = tuple(finite_numbers(self.thresholds))
        if not values or len(set(values)) < len(values):
            raise OptionError(
                f"thresholds={cited(self.thresholds)} must be distinct numbers "
                "between -1e150 and 1e150, such as (.5,), or None."
            )
        if n not in (1, len(values)):
            raise OptionError(
                f"n_thresholds={cited(n)} and {len(values)} given thresholds; omit "
                "n_thresholds."
            )
        object.__setattr__(self, "thresholds", values)

    def _check_trim(self) -> None:
        trims, several = tuple(finite_numbers(self.trim)), not is_real(self.trim)
        if not trims or not all(0 < t < 0.5 for t in trims):
            raise OptionError(
                f"trim={cited(self.trim)} must be a share above 0 and below .5, or one "
                "such share per threshold."
            )
        if several and self._n_thresholds is None:
            raise OptionError(
                f"trim={cited(self.trim)} must be one number with n_thresholds='auto'."
            )
        if several and len(trims) != self._n_thresholds:
            raise OptionError(
                f"trim={cited(self.trim)} has {len(trims)} entries for "
                f"n_thresholds={self._n_thresholds}; pass one number, or one per "
                "threshold."
            )
        object.__setattr__(self, "trim", trims if several else trims[0])

    def _check_candidates(self) -> None:
        check_whole("min_nobs", self.min_nobs, 1, _MOST_ROWS)
        check_whole("min_entities", self.min_entities, 0, _MOST_ROWS)
        if isinstance(self.grid, str):
            check_option("grid", self.grid, (None, "hansen"))
        elif self.grid is not None and not (is_whole(self.grid) and self.grid > 1):
            raise OptionError(
                f"grid={cited(self.grid)} must be None (every candidate), an integer "
                "above 1, or 'hansen'."
            )

    def _check_search(self) -> None:
        for word in self._test_bootstraps:
            if word in WILD:
                refuse_two_way(self.clusters, f"bootstrap={cited(word)}", _NO_SIGNS)
        if self.confidence == "bootstrap":
            refuse_two_way(
                self.clusters, "confidence='bootstrap'", "confidence='scaled'"
            )
        joint = self.search == "joint"
        if joint and (self._n_thresholds != 2 or self.thresholds is not None):
            raise OptionError(
                "search='joint' estimates two thresholds, but n_thresholds="
                f"{cited(self.n_thresholds)} and thresholds={self.thresholds}. Set "
                "n_thresholds=2, or omit search."
            )
        if joint and len(set(self._trims)) > 1:
            raise OptionError(
                "search='joint' needs one trim for both thresholds, but trim="
                f"{cited(self.trim)}."
            )
        if self._n_thresholds is None and not self._test_bootstraps:
            raise OptionError(
                "n_thresholds='auto' stops at the first test that does not reject; "
                "specify a bootstrap."
            )

    def _check_bootstrap(self) -> None:
        if isinstance(self.bootstrap, list | tuple) and self.bootstrap:
            object.__setattr__(self, "bootstrap", tuple(self.bootstrap))
        elif not isinstance(self.bootstrap, str | None):
            raise OptionError(
                f"bootstrap={cited(self.bootstrap)} must be one method, a list of "
                "methods, or None; the number of draws is reps."
            )
        methods = self._bootstrap_methods
        for word in methods:
            check_option("bootstrap", word, get_args(Bootstrap))
        if len(set(methods)) < len(methods):
            raise OptionError(
                f"bootstrap={cited(self.bootstrap)} has the same method twice."
            )
        if self.confidence == "bootstrap" and self.thresholds is not None:
            raise OptionError(
                "confidence='bootstrap' needs estimated thresholds, but "
                f"thresholds={self.thresholds} are given; omit one of the two."
            )

    @property
    def _n_thresholds(self) -> int | None:
        if self.thresholds is not None:
            return len(self.thresholds)
        return self.n_thresholds if isinstance(self.n_thresholds, int) else None

    @property
    def _trims(self) -> tuple[float, ...]:
        if isinstance(self.trim, tuple):
            return self.trim
        assert isinstance(self.trim, int | float)
        return (float(self.trim),) * (self._n_thresholds or 1)

    @property
    def _bootstrap_methods(self) -> tuple[Bootstrap, ...]:
        methods = () if self.bootstrap is None else self.bootstrap
        return (methods,) if isinstance(methods, str) else tuple(methods)

    @property
    def _test_bootstraps(self) -> tuple[Bootstrap, ...]:
        return () if self.thresholds is not None else self._bootstrap_methods

    def fit(
        self, panel: Panel, *, rng: object = None, progress: bool = False
    ) -> ThresholdResults:
        """Estimate the thresholds and slopes, and test the thresholds.

        Parameters
        ----------
        panel : Panel
            The data.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seed of the draws. The `rng_entropy` of the results reproduces them, in any
            order of the rows.
        progress : bool
            Whether to show a progress bar on stderr, False by default. It needs tqdm
            (the extra ``parallel``).

        Returns
        -------
        ThresholdResults
            Thresholds, tests, confidence sets, regimes and slopes.
        """
        why = "regime-dependent and also in x; its regime columns add up to it"
        fields = "regime_dependent", "threshold_variable"
        prepared = prepare_split(self, panel, *fields, why)
        sample = prepared.sample
        if "hansen" in self._test_bootstraps and not sample.is_balanced:
            counts = np.bincount(sample.entity)
            raise OptionError(
                "bootstrap='hansen' resamples whole entities and needs a balanced "
                f"panel; here entities have {counts.min()} to {counts.max()} rows in "
                f"{sample.n_times} periods. Use 'wild_cluster'."
            )
        refuse_constant_outcome(prepared, demean_roles(self.y, prepared, ())[0], 0)
        try:
            search, searched = self._run_search(prepared, rng, show=progress)
            regimes = search.plan.regimes(searched.at)
            slopes = self._fit_slopes(prepared, regimes)
        except (ThresholdSearchError, CollinearityError, IdentificationError):
            # A fit without thresholds raises errors that name the user's columns.
            self._fit_slopes(prepared, np.ones(sample.nobs, dtype=np.intp))
            raise

        results = self._make_results(search, searched, regimes, slopes)
        results = self._with_slopes_in_sets(results, search, searched.at)
        columns = table_of(panel).names
        logarithms = [
            term
            for term in self.regime_dependent
            if parse(term, columns, "regime_dependent").is_logarithm
        ]
        diagnostics = [
            *slopes.diagnostics,
            *notices.threshold_variable_notices(sample, results),
            *lagged_outcome(prepared, notices.BIASED_TEST),
            *notices.unbalanced_panel(sample, "of Hansen (1999)"),
            *notices.boundary_sets(results, sample),
            *notices.notices_from_results(results),
            *searched.notices,
            *notices.concentrated_ratio(results, sample, searched.variance_parts),
        ]
        # With several thresholds, or "auto", the number of regimes is a result.
        if self.thresholds is None and self.n_thresholds != 1:
            diagnostics += notices.similar_slopes(results)
        if not self.regime_intercept:
            diagnostics += origin_notices(results, search, logarithms)
        issue(diagnostics)
        return replace(results, diagnostics=tuple(diagnostics))

    # --- the work ---------------------------------------------------------------------

    def _run_search(
        self, prepared: Prepared, rng: object, *, show: bool
    ) -> tuple[ThresholdSearch, SearchResult]:
        """Search the thresholds, test them and draw their sets."""
        try:
            search = self._plan_search(prepared)
            with progress_bar("PanelThreshold", search.draws, show=show) as done:
                return search, replace(search, done=done).run(rng)
        except ThresholdSearchError as error:
            name = self.threshold_variable
            reason = str(error)
            q = prepared.sample.columns("threshold_variable")[:, 0]
            options = ["trim", "n_thresholds"]
            options += ["min_nobs"] if self.min_nobs > 1 else []
            options += ["min_entities"] if self.min_entities > 0 else []
            values = ", ".join(
                f"{option}={getattr(self, option)}" for option in options
            )
            text = (
                f"{cited(name)}: {reason} ({values}, {np.unique(q).size} distinct "
                f"values in {q.size} rows). Lower {' or '.join(options)}, or use "
                "another threshold_variable."
            )
            if self.thresholds is not None:
                text = (
                    f"thresholds={self.thresholds} in {cited(name)}: {reason}. Its "
                    f"values range from {q.min():.6g} to {q.max():.6g}; each regime "
                    "needs rows in which the slopes vary."
                )
            data = {
                "column": name,
                "trim": self.trim,
                "n_thresholds": self.n_thresholds,
            }
            raise ThresholdSearchError(
                text, [Notice("threshold_search", reason, data)]
            ) from error

    def _plan_search(self, prepared: Prepared) -> ThresholdSearch:
        sample = prepared.sample
        z = sample.columns("regime_dependent")
        q = sample.columns("threshold_variable")[:, 0]
        varying = None
        if self.min_entities:
            order = np.argsort(q, kind="stable").astype(np.intp)
            varying = kernel.variation(z, sample.entity, order, self.min_entities)
        candidates = kernel.candidates(
            q,
            self._trims if len(set(self._trims)) > 1 else self._trims[:1],
            grid=self.grid,
            rule=self.rule,
            given=self.thresholds or (),
            min_nobs=self.min_nobs,
            varying=varying,
        )
        plan = kernel.plan(
            z,
            sample.columns("x"),
            candidates,
            prepared.within.effects_and_slopes,
            intercept=self.regime_intercept,
        )
        return ThresholdSearch(
            prepared=prepared,
            plan=plan,
            df=denominator(prepared, self.df),
            count=self._n_thresholds,
            joint=self.search == "joint",
            bootstrap=self._test_bootstraps,
            set_draws=self.confidence == "bootstrap",
            reps=self.reps,
            level=self.level,
        )

    def _fit_slopes(self, prepared: Prepared, regimes: Ints) -> LinearResults:
        sample = prepared.sample
        names, design = regime_columns(sample, regimes, intercept=self.regime_intercept)
        dummies = [f"regime{r}" for r in range(1, int(regimes.max()) + 1)]
        levels = [f"intercept:{dummy}" for dummy in dummies[:-1]]
        levels = levels if self.regime_intercept else []
        split = (*sample.names_of("regime_dependent"), "intercept")
        prepared = replace(prepared, sample=sample.with_dummies(split, dummies))
        y = sample.columns("y")[:, 0]
        return fit_columns(prepared, self.y, y, names, design, auxiliary=levels)

    def _with_slopes_in_sets(
        self, results: ThresholdResults, search: ThresholdSearch, at: Sequence[int]
    ) -> ThresholdResults:
        if results.given:
            return results
        fits = list[Estimates]()
        for j, ssr in enumerate(results.profiles):
            # Below one the ratio is not used: with it a slope is covered less often
            # where the change at the threshold is small. An exact fit has none.
            ratio = np.fmax(1.0, results.variance_ratios[j])
            lr = (ssr / ssr.min() - 1) * results.df
            inside = np.flatnonzero(lr <= critical_lr(SLOPE_SET) * ratio)
            some = np.linspace(0, inside.size - 1, min(inside.size, _MOST_REFITS))
            for position in inside[some.round().astype(np.intp)].tolist():
                positions = [*at[:j], position, *at[j + 1 :]]
                regimes = search.plan.regimes(positions)
                fits.append(self._fit_slopes(search.prepared, regimes).estimated)
        return replace(results, slopes_in_sets=tuple(fits))

    def _make_results(
        self,
        search: ThresholdSearch,
        searched: SearchResult,
        regimes: Ints,
        slopes: LinearResults,
    ) -> ThresholdResults:
        sample, stages = search.prepared.sample, searched.stages
        values = search.plan.candidates.values
        rounding = NO_RESIDUALS * stages[0].null_ssr

        return ThresholdResults(
            threshold_variable=self.threshold_variable,
            regime_dependent=tuple(self.regime_dependent),
            slopes=slopes,
            estimates=values[list(searched.at)],
            search_ssr=np.maximum(
                [stages[0].null_ssr, *(s.ssr for s in stages)], rounding
            ),
            null_ssr=np.maximum([s.null_ssr for s in stages], rounding),
            stage_estimates=tuple(
                tuple(sorted(values[list(stage.at)].tolist())) for stage in stages
            ),
            candidates=values,
            profiles=np.maximum(searched.profiles, rounding),
            fit_ssr=max(searched.ssr, rounding),
            df=search.df,
            df_rule=self.df,
            given=self.thresholds is not None,
            trim=self._trims,
            grid=self.grid,
            search=self.search,
            bootstrap=self._test_bootstraps,
            statistic_values=searched.values,
            statistic_draws=searched.draws,
            reps=self.reps,
            rng_entropy=searched.entropy,
            level=self.level,
            confidence=self.confidence,
            variance_ratios=searched.variance_parts.sum(axis=1),
            lr_bounds=searched.lr_bounds,
            rule=self.rule,
            regime_codes=regimes,
            regime_sizes=regime_sizes(sample.entity, regimes - 1, len(searched.at) + 1),
            split_names=(
                *sample.names_of("regime_dependent"),
                *(["intercept"] if self.regime_intercept else []),
            ),
            diagnostics=(),
        )
