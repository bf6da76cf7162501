"""Panel threshold regression: slopes that change when a variable crosses unknown values."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    OptionError,
    TermError,
    ThresholdSearchError,
    check_level,
    check_option,
    issue,
    quoted,
)
from digiprosper.estimators.linear import fit_columns
from digiprosper.estimators.preparation import CovType, LinearOptions, Ssc, check_linear_options, prepare
from digiprosper.estimators.specification import Specification, as_terms, check_reps, one_term
from digiprosper.kernels import threshold as kernel
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.threshold_draws import WEBB_CLUSTERS, concentration, drawn_ratios, scheme
from digiprosper.panel.terms import canonical
from digiprosper.results.threshold import ThresholdResults, remarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.estimators.preparation import Prepared
    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel import Panel, Sample
    from digiprosper.results.linear import LinearResults

__all__ = ["Bootstrap", "DfRule", "Grid", "PanelThreshold", "Rule"]

Bootstrap: TypeAlias = Literal["wild_cluster", "hansen", "iid"]
Rule: TypeAlias = Literal["<=", "<"]
DfRule: TypeAlias = Literal["hansen", "xthreg"]
Grid: TypeAlias = int | Literal["hansen"] | None

_LAGS = (1, 2)


@dataclass(frozen=True, slots=True)
class PanelThreshold(Specification):
    """Regression whose slopes change where a variable crosses one or more unknown thresholds.

    ``y_it = a_i + l_t + x_it'b + z_it'd_r + e_it`` with regime r by the interval in which ``q_it`` lies
    (Hansen 1999, J. Econometrics 93:345-368). Thresholds minimise the sum of squares over every observed
    value of ``q`` that leaves enough rows on each side; several are found one after another and refined until
    none moves. Exact on unbalanced panels, for which the theory of the test is not in Hansen (1999).

    Parameters
    ----------
    y : str
        Outcome, a term.
    regime_dependent : str or sequence of str
        Terms whose slope depends on the regime (`xthreg`: ``rx``).
    threshold_variable : str
        Term that splits the sample (`xthreg`: ``qx``). It should vary inside entities.
    x : sequence of str
        Terms with one slope in all regimes; the threshold variable may be among them.
    n_thresholds : int
        How many to find, one after another.
    thresholds : sequence of float, optional
        Fixed values instead of a search, in the order in which they enter; then there is no test.
    entity_effects, time_effects : bool
        Both by default.
    trim : float or sequence of float
        Share of the estimation sample that every regime keeps, between thresholds too; one number or one a
        threshold. .05 by default (`xthreg`: .01).
    grid : int or "hansen", optional
        None searches every candidate; a number that many evenly spaced quantiles; "hansen" the 393 positions
        of his program. The others are for replication only: every candidate costs about the same.
    rule : {"<=", "<"}
        Whether a row at the threshold belongs to the low regime.
    regime_intercept : bool
        Whether the level shifts with the regime too; terms ``"intercept:regime1"``, ... against the highest.
    bootstrap : str, sequence of str or None
        ``"wild_cluster"`` (one sign a cluster times the null's residuals; keeps its size when the variance
        depends on the regressors), ``"hansen"`` (whole entities exchanged; balanced panels only), ``"iid"``
        (rows; for teaching). Of several the first is the headline, all are in `tests`.
    reps : int
        Draws of each bootstrap.
    level : float
        Of confidence sets and verdicts.
    df : {"hansen", "xthreg"}
        Denominator of F and LR: N - n, or T (n - 1) as Stata's `xthreg` has it. Without entity effects N - 1.
    cov_type, clusters, ssc
        Standard errors of the slopes, as in `FixedEffects`; one-way `clusters` are those of
        ``"wild_cluster"`` too.

    Raises
    ------
    OptionError
        From the constructor, naming the option.
    ThresholdSearchError
        From `fit`, if no threshold can be searched or placed.
    CollinearityError
        If a regime-dependent term is also in `x`, or columns are exact combinations of one another.
    ColumnError, TermError, InputTypeError, MissingDataError, IdentificationError
        As in `FixedEffects`.

    Examples
    --------
    >>> from digiprosper import PanelThreshold, datasets
    >>> panel, truth = datasets.simulate_provinces()
    >>> found = PanelThreshold("rural_income", "digital", "urban", ["urban", "fiscal"]).fit(panel, rng=2026)
    >>> low, high = found.confidence_set(1)[0]
    >>> low <= truth.threshold <= high
    True
    >>> float(found.thresholds.loc[1, "p_value"])
    0.001
    """

    y: str
    regime_dependent: Sequence[str]
    threshold_variable: str
    x: Sequence[str] = ()
    _: KW_ONLY
    n_thresholds: int = 1
    thresholds: Sequence[float] | None = None
    entity_effects: bool = True
    time_effects: bool = True
    trim: float | Sequence[float] = 0.05
    grid: Grid = None
    rule: Rule = "<="
    regime_intercept: bool = False
    bootstrap: Bootstrap | Sequence[Bootstrap] | None = "wild_cluster"
    reps: int = 999
    level: float = 0.95
    df: DfRule = "hansen"
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    ssc: Ssc = "reghdfe"

    def __post_init__(self) -> None:
        self._check_terms()
        self._check_thresholds()
        self._check_grid()
        check_option("rule", self.rule, get_args(Rule))
        check_option("df", self.df, get_args(DfRule))
        check_option("regime_intercept", self.regime_intercept, (True, False))
        check_reps(self.reps, 1)
        check_level(self.level)
        check_linear_options(self)
        self._check_bootstrap()

    def _check_terms(self) -> None:
        one_term(self.y, "y")
        one_term(self.threshold_variable, "threshold_variable")
        object.__setattr__(self, "regime_dependent", as_terms(self.regime_dependent, "regime_dependent"))
        object.__setattr__(self, "x", as_terms(self.x, "x"))
        if not self.regime_dependent:
            raise TermError("regime_dependent names no term; name at least one.")
        others = {canonical(t) for t in (*self.regime_dependent, *self.x, self.threshold_variable)}
        if canonical(self.y) in others:
            raise TermError(
                f"y={self.y!r} is also among regime_dependent, x or threshold_variable; a variable cannot "
                "explain itself."
            )

    def _check_thresholds(self) -> None:
        n = self.n_thresholds
        if not (_is_whole(n) and n > 0):
            raise OptionError(f"n_thresholds={n!r}: a whole number of at least 1.")
        if self.thresholds is not None:
            values = _numbers(self.thresholds)
            if not values or len(set(values)) < len(values):
                raise OptionError(
                    f"thresholds={self.thresholds!r}: distinct finite numbers such as (.5,), or None."
                )
            if n not in (1, len(values)):
                raise OptionError(
                    f"n_thresholds={n!r} and {len(values)} given thresholds; leave n_thresholds out."
                )
            object.__setattr__(self, "thresholds", values)
        trims = _numbers(self.trim)
        if not trims or not all(0 < t < 0.5 for t in trims):
            raise OptionError(f"trim={self.trim!r}: a share above 0 and below .5, or one a threshold.")
        if isinstance(self.trim, list | tuple | np.ndarray):
            if len(trims) != self._count:
                raise OptionError(
                    f"trim={self.trim!r} has {len(trims)} entries for n_thresholds={self._count}; give one "
                    "number, or one a threshold."
                )
            object.__setattr__(self, "trim", trims)

    def _check_grid(self) -> None:
        grid = self.grid
        if isinstance(grid, str):
            check_option("grid", grid, (None, "hansen"))
        elif grid is not None and not (_is_whole(grid) and grid > 1):
            raise OptionError(f"grid={grid!r}: None (every candidate), a whole number above 1, or 'hansen'.")

    def _check_bootstrap(self) -> None:
        if self.bootstrap is not None and not isinstance(self.bootstrap, str):
            words: object = self.bootstrap
            if not isinstance(words, list | tuple) or not words:
                raise OptionError(f"bootstrap={self.bootstrap!r}: a word, several, or None.")
            object.__setattr__(self, "bootstrap", tuple(words))
        named = (self.bootstrap,) if isinstance(self.bootstrap, str) else self.bootstrap or ()
        for word in named:
            check_option("bootstrap", word, get_args(Bootstrap))
        if len(set(named)) < len(named):
            raise OptionError(f"bootstrap={self.bootstrap!r} has a word twice.")
        if "wild_cluster" in self._bootstraps and self.clusters is not None and len(self.clusters) > 1:
            raise OptionError(
                f"bootstrap='wild_cluster' draws one sign a cluster, and clusters={self.clusters!r} are "
                "two-way; name one of them, or say bootstrap=None."
            )

    @property
    def _count(self) -> int:
        return self.n_thresholds if self.thresholds is None else len(self.thresholds)

    @property
    def _trims(self) -> tuple[float, ...]:
        if isinstance(self.trim, tuple):
            return self.trim
        assert isinstance(self.trim, int | float)
        return (float(self.trim),) * self._count

    @property
    def _bootstraps(self) -> tuple[Bootstrap, ...]:
        if self.bootstrap is None or self.thresholds is not None:
            return ()
        return (self.bootstrap,) if isinstance(self.bootstrap, str) else tuple(self.bootstrap)

    @property
    def options(self) -> LinearOptions:
        """The part that says how rows are swept and errors computed."""
        shared = [f.name for f in fields(LinearOptions) if hasattr(self, f.name)]
        return LinearOptions(**{name: getattr(self, name) for name in shared})

    def fit(self, panel: Panel, *, rng: object = None, progress: bool = False) -> ThresholdResults:  # noqa: ARG002
        """Search, test, and estimate the slopes.

        Parameters
        ----------
        panel : Panel
            The data.
        rng : None, int, sequence of int, SeedSequence or Generator
            Source of the draws. What is drawn does not depend on row order; `rng_entropy` of the results
            reproduces it.
        progress
            Accepted for uniformity; the draws take fractions of a second.

        Returns
        -------
        ThresholdResults
            Thresholds, tests, confidence sets, regimes and slopes.
        """
        self._refuse_overlap(panel)
        roles = {
            "y": (self.y,),
            "regime_dependent": tuple(self.regime_dependent),
            "threshold_variable": (self.threshold_variable,),
            "x": tuple(self.x),
        }
        prepared = prepare(panel, roles, self.options)
        sample = prepared.sample
        for role in ("y", "threshold_variable"):
            if sample.columns(role).shape[1] != 1:
                raise TermError(f"{role}={getattr(self, role)!r} makes several columns; it is one.")
        self._refuse(sample)
        try:
            search, found, slopes = self._search(prepared)
        except (ThresholdSearchError, CollinearityError, IdentificationError):
            # A fault of the columns themselves is told under their own names.
            names = (*sample.names_of("regime_dependent"), *sample.names_of("x"))
            design = np.column_stack([sample.columns("regime_dependent"), sample.columns("x")])
            fit_columns(prepared, self.y, sample.columns("y")[:, 0], names, design)
            raise
        entropy, draws = self._draws(prepared, search, found, rng)
        results = self._results(prepared, search, found, slopes, entropy, draws)
        results = replace(results, diagnostics=self._diagnose(prepared, results, search, found))
        issue(results.diagnostics)
        return results

    # --- what cannot be searched --------------------------------------------------------------------------

    def _refuse_overlap(self, panel: Panel) -> None:
        known = getattr(panel, "known", ())
        x = {canonical(t, known) for t in self.x}
        both = [t for t in self.regime_dependent if canonical(t, known) in x]
        if both:
            raise CollinearityError(
                f"{quoted(both)} is regime-dependent and also in x; its regime columns add up to it. Remove "
                "it from x.",
                [Notice("collinear", f"{t!r} is in both", {"column": t, "role": "x"}) for t in both],
            )

    def _refuse(self, sample: Sample) -> None:
        q = sample.columns("threshold_variable")[:, 0]
        if q.min() == q.max():
            raise ThresholdSearchError(
                f"threshold_variable={self.threshold_variable!r} is constant in the sample; nothing splits "
                "it. Choose a variable that varies."
            )
        counts = np.bincount(sample.entity)
        if "hansen" in self._bootstraps and counts.min() != counts.max():
            raise OptionError(
                f"bootstrap='hansen' exchanges whole entities and needs a balanced panel; here they have "
                f"{counts.min()} to {counts.max()} rows. Use 'wild_cluster'."
            )

    # --- the work -----------------------------------------------------------------------------------------

    def _search(self, prepared: Prepared) -> tuple[kernel.Plan, kernel.Estimate, LinearResults]:
        sample = prepared.sample
        z, x = sample.columns("regime_dependent"), sample.columns("x")
        y, q = sample.columns("y")[:, 0], sample.columns("threshold_variable")[:, 0]
        try:
            where = kernel.candidates(
                q, self._trims, grid=self.grid, rule=self.rule, given=self.thresholds or ()
            )
            search = kernel.plan(z, x, where, prepared.within.effects, intercept=self.regime_intercept)
            found = kernel.estimate(search, y)
        except ThresholdSearchError as error:
            raise self._no_room(error, q) from error
        regimes = search.regimes(found.stages[-1].at)
        names, columns = self._regime_columns(sample, regimes)
        design = np.column_stack([*columns, x])
        return search, found, fit_columns(prepared, self.y, y, (*names, *sample.names_of("x")), design)

    def _no_room(self, error: ThresholdSearchError, q: Floats) -> ThresholdSearchError:
        name = self.threshold_variable
        if self.thresholds is not None:
            text = (
                f"thresholds={self.thresholds} in {name!r}: {error}. Its values run from {q.min():.6g} to "
                f"{q.max():.6g}; a regime needs rows in which the slopes vary."
            )
        else:
            text = (
                f"{name!r}: {error} (trim={self.trim}, n_thresholds={self.n_thresholds}, "
                f"{np.unique(q).size} distinct values in {q.size} rows). Lower trim or n_thresholds, or "
                "choose another threshold_variable."
            )
        data = {"column": name, "trim": self.trim, "n_thresholds": self.n_thresholds}
        return ThresholdSearchError(text, [Notice("threshold_search", str(error), data)])

    def _regime_columns(self, sample: Sample, regimes: Ints) -> tuple[list[str], list[Floats]]:
        numbers = range(1, self._count + 2)
        masks = {r: (regimes == r).astype(np.float64) for r in numbers}
        names, columns = [], []
        for name, column in zip(
            sample.names_of("regime_dependent"), sample.columns("regime_dependent").T, strict=True
        ):
            names += [f"{name}:regime{r}" for r in numbers]
            columns += [column * masks[r] for r in numbers]
        if self.regime_intercept:
            names += [f"intercept:regime{r}" for r in numbers[:-1]]
            columns += [masks[r] for r in numbers[:-1]]
        return names, columns

    def _draws(
        self, prepared: Prepared, search: kernel.Plan, found: kernel.Estimate, rng: object
    ) -> tuple[int | None, Floats]:
        if not self._bootstraps:
            return None, np.empty((0, self._count, 0))
        seed = seed_sequence(rng)
        assert isinstance(seed.entropy, int)
        y = prepared.sample.columns("y")[:, 0]
        out = np.empty((len(self._bootstraps), self._count, self.reps))
        for b, name in enumerate(self._bootstraps):
            codes = self._wild_clusters(prepared)[1] if name == "wild_cluster" else prepared.sample.entity
            which = scheme(name, search, codes)
            null: tuple[int, ...] = ()
            for j, stage in enumerate(found.stages):
                # The key is the bootstrap's own, so that naming another beside it changes no draw.
                key = (get_args(Bootstrap).index(name), j)
                stream = np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=key))
                out[b, j] = drawn_ratios(search, which, y, null, stream, reps=self.reps)
                null = stage.at
        return seed.entropy, out * self._denominator(prepared)

    def _wild_clusters(self, prepared: Prepared) -> tuple[str, Ints]:
        if len(prepared.cluster_codes) == 1:
            return prepared.cluster_names[0], prepared.cluster_codes[0]
        return prepared.sample.keys.entity_name, prepared.sample.entity

    def _denominator(self, prepared: Prepared) -> float:
        n, entities = prepared.sample.nobs, prepared.sample.n_entities
        if prepared.entity_position is None:
            return float(n - 1)
        return float(n - entities) if self.df == "hansen" else n - n / entities

    def _results(
        self,
        prepared: Prepared,
        search: kernel.Plan,
        found: kernel.Estimate,
        slopes: LinearResults,
        entropy: int | None,
        draws: Floats,
    ) -> ThresholdResults:
        at, stages, m = found.stages[-1].at, found.stages, self._count
        # An exact fit leaves rounding, of either sign, where F and LR divide.
        least = 1e-15 * stages[0].null_ssr
        regimes = search.regimes(at)
        rows = np.bincount(regimes - 1, minlength=m + 1)
        seen = np.unique(prepared.sample.entity * (m + 1) + regimes - 1) % (m + 1)
        return ThresholdResults(
            threshold_variable=self.threshold_variable,
            regime_dependent=tuple(self.regime_dependent),
            slopes=slopes,
            estimates=search.candidates.values[list(at)],
            search_ssr=np.maximum([stages[0].null_ssr, *(s.ssr for s in stages)], least),
            null_ssr=np.maximum([s.null_ssr for s in stages], least),
            candidates=search.candidates.values,
            profiles=np.maximum(found.profiles, least),
            fit_ssr=max(found.ssr, least),
            statistic_draws=draws,
            regime_codes=regimes,
            regime_sizes=np.column_stack([rows, np.bincount(seen, minlength=m + 1)]),
            bootstrap=self._bootstraps,
            given=self.thresholds is not None,
            rule=self.rule,
            df=self._denominator(prepared),
            df_rule=self.df,
            level=self.level,
            trim=self._trims,
            grid=self.grid,
            reps=self.reps,
            rng_entropy=entropy,
            diagnostics=(),
        )

    # --- what is worth saying -----------------------------------------------------------------------------

    def _diagnose(
        self, prepared: Prepared, results: ThresholdResults, search: kernel.Plan, found: kernel.Estimate
    ) -> tuple[Notice, ...]:
        notices = [
            *results.slopes.diagnostics,
            *self._about_variables(prepared),
            *remarks(results),
        ]
        if "wild_cluster" in self._bootstraps:
            notices += self._about_clusters(prepared, search, found)
        return tuple(notices)

    def _about_variables(self, prepared: Prepared) -> list[Notice]:
        sample, out, q = prepared.sample, list[Notice](), self.threshold_variable
        values = sample.columns("threshold_variable")[:, 0]
        starts = np.flatnonzero(np.diff(sample.entity, prepend=-1))
        flat = np.maximum.reduceat(values, starts) == np.minimum.reduceat(values, starts)
        if flat.all() and sample.n_times > 1:
            text = (
                f"threshold_variable={q!r} never changes inside an entity: Hansen's (1999) theory does not "
                "cover it, and entities are split once for all. Read the test with care."
            )
            out.append(Notice("constant_threshold_variable", text, {"column": q}))
        if prepared.entity_position is not None:
            lagged = self._lagged_outcome(sample)
            if lagged:
                text = (
                    f"{quoted(lagged)} is the lag of the outcome {self.y!r}: with entity effects its slope "
                    "is biased (Nickell 1981), and the test is not valid. Leave it out, or use a dynamic "
                    "threshold model (Seo & Shin 2016)."
                )
                out.append(Notice("lagged_outcome", text, {"columns": tuple(lagged)}))
        if canonical(q) in {canonical(t) for t in self.regime_dependent}:
            text = (
                f"{q!r} is threshold variable and regime-dependent. If its effect has no jump at the "
                "threshold, only a bend, the confidence set does not hold (Hansen 1999, assumption A7)."
            )
            out.append(Notice("possible_kink", text, {"column": q}))
        counts = np.bincount(sample.entity)
        if counts.min() < counts.max():
            text = (
                f"the panel is unbalanced ({counts.min()} to {counts.max()} rows an entity): estimates are "
                "exact, but Hansen (1999) proves his results for balanced panels."
            )
            out.append(Notice("unbalanced", text, {"least": int(counts.min()), "most": int(counts.max())}))
        return out

    def _lagged_outcome(self, sample: Sample) -> list[str]:
        y, found = sample.columns("y")[:, 0], list[str]()
        for role in ("regime_dependent", "x"):
            for name, column in zip(sample.names_of(role), sample.columns(role).T, strict=True):
                if any(_is_lag(column, y, sample.entity, sample.time, k) for k in _LAGS):
                    found.append(name)
        return found

    def _about_clusters(
        self, prepared: Prepared, search: kernel.Plan, found: kernel.Estimate
    ) -> list[Notice]:
        name, codes = self._wild_clusters(prepared)
        groups, out = int(codes.max()) + 1, list[Notice]()
        if groups <= WEBB_CLUSTERS:
            text = (
                f"{groups} clusters ({name}): the wild bootstrap draws Webb's six weights instead of signs."
            )
            out.append(Notice("webb", text, {"clusters": name, "n_clusters": groups}))
        y = prepared.sample.columns("y")[:, 0]
        for j, stage in enumerate(found.stages, 1):
            share = concentration(search, y, stage.at, codes)
            text = (
                f"threshold {j}: {min(5, groups)} of {groups} clusters ({name}) carry {share:.0%} of the "
                "squared scores of its test"
                + ("." if share < 0.5 else "; see whether it stands without them (panel.subset).")
            )
            out.append(Notice("concentration", text, {"threshold": j, "share": share, "clusters": name}))
        return out


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _numbers(value: object) -> tuple[float, ...]:
    """Take one finite number or several; nothing when there is anything else among them."""
    several = value if isinstance(value, list | tuple | np.ndarray) else (value,)
    kinds = int | float | np.integer | np.floating
    if not all(isinstance(v, kinds) and not isinstance(v, bool) and math.isfinite(v) for v in several):
        return ()
    return tuple(float(v) for v in several)


def _is_lag(column: Floats, y: Floats, entity: Ints, time: Ints, periods: int) -> bool:
    """Tell whether a column repeats the outcome of some periods before, wherever both are in the sample."""
    place = entity * (int(time.max()) + 1 + periods) + time
    before = np.minimum(np.searchsorted(place, place - periods), place.size - 1)
    there = place[before] == place - periods
    varied = there.sum() > 1 and np.ptp(y[before[there]]) > 0
    return bool(varied and (column[there] == y[before[there]]).all())
