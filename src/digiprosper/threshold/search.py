"""The search for thresholds, with bootstrap tests and confidence sets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from digiprosper.checks import collinearity_problem
from digiprosper.errors import (
    CollinearityError,
    Notice,
    OptionError,
    ThresholdSearchError,
    cited,
    notice_of,
    subject,
)
from digiprosper.kernels import Floats, Ints, threshold as kernel
from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import NO_RESIDUALS, SAME_SLOPES, SAME_SSR
from digiprosper.kernels.within import is_nested
from digiprosper.linear.estimation import single_column
from digiprosper.linear.preparation import Prepared, linear_options, prepare
from digiprosper.optional import Done, ignore_progress
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import known_names
from digiprosper.panel.terms import canonical
from digiprosper.report.verdicts import rejects
from digiprosper.specification import as_terms
from digiprosper.threshold.kernels.draws import (
    concentration,
    drawn_bounds,
    drawn_ratios,
    drawn_robust,
    robust_profile,
    scheme,
    variance_parts,
)
from digiprosper.threshold.notices import (
    concentrated_test,
    origin,
    weak_score_test,
    webb_weights,
)
from digiprosper.threshold.results import ThresholdResults, bootstrap_p

Bootstrap: TypeAlias = Literal["wild_cluster", "hansen", "iid", "wild_score"]

WILD = ("wild_cluster", "wild_score")
# First key of the random streams of confidence sets; bootstraps have lower keys.
_SET_STREAM = 20
# Entities that are not nested in clusters add a row each to the basis of a robust test.
_MANY_LEVELS = 500
# Rows times candidates above which all pairs take minutes.
_MANY_PAIRS = 4_000_000_000
# Rows times candidates below which a comparison with all pairs takes milliseconds.
_CHEAP_PAIRS = 2_000_000


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Result of a search with its draws; thresholds are positions of candidates."""

    # All tested ones, including the one that stopped "auto"
    stages: tuple[kernel.Stage, ...]
    at: tuple[int, ...]  # thresholds that are kept
    values: Floats  # (b, t) statistics of the data
    draws: Floats  # (b, t, B) drawn statistics
    profiles: Floats  # (m, G) sum of squares at each candidate
    ssr: float  # sum of squares at the thresholds
    # (m, N) term of each row in the variance ratio of the scaled bound
    variance_parts: Floats
    # (m, G) drawn bounds on the likelihood ratio; empty without draws for sets
    lr_bounds: Floats
    entropy: int | None  # seed that reproduces the draws
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class ThresholdSearch:
    """A search on a sample: the number of thresholds, and the tests."""

    prepared: Prepared
    plan: kernel.Plan
    df: float  # denominator of F and LR
    # Thresholds to find; None goes on while the first bootstrap rejects
    count: int | None
    joint: bool  # the best of all pairs replaces the sequential one
    bootstrap: tuple[Bootstrap, ...]  # tests; empty for none
    set_draws: bool  # likelihood ratios are drawn for confidence sets
    reps: int  # draws of each
    level: float  # of the decisions
    # Called with the number of draws that begin, to show progress
    done: Done = ignore_progress

    @property
    def draws(self) -> int | None:
        """Number of draws; None if unknown before the search."""
        if self.count is None or self.set_draws:
            return None
        return self.count * len(self.bootstrap) * self.reps

    def run(self, rng: object) -> SearchResult:
        """Search, test and draw."""
        needs_draws = bool(self.bootstrap) or self.set_draws
        entropy: Any = seed_sequence(rng).entropy if needs_draws else None
        base = kernel.open_search(self.plan, self._outcome)
        stages, tests, at = self.search_sequentially(base, entropy)
        at, notices = self._compare_all_pairs(base, at)
        profiles, ssr = kernel.finish(self.plan, base, at)

        q = self.prepared.sample.columns("threshold_variable")[:, 0]
        parts = [
            variance_parts(self.plan, self._outcome, at, j, q, self.df)
            for j in range(len(at))
        ]
        lr_bounds = np.empty((len(at), 0))
        if self.set_draws:
            codes = wild_clusters(self.prepared)[1]
            bootstrap = scheme("wild_cluster", self.plan, codes, self.done)
            bounds = [
                drawn_bounds(
                    self.plan,
                    bootstrap,
                    self._outcome,
                    at,
                    j,
                    spawned_generator(entropy, _SET_STREAM, j),
                    reps=self.reps,
                    level=self.level,
                )
                for j in range(len(at))
            ]
            shape = (len(at), self.plan.candidates.values.size)
            lr_bounds = self.df * np.reshape(bounds, shape)
        return SearchResult(
            stages=tuple(stages),
            at=at,
            values=np.stack([values for values, _ in tests], axis=1),
            draws=np.stack([draws for _, draws in tests], axis=1),
            profiles=profiles,
            ssr=ssr,
            variance_parts=np.array(parts).reshape(len(at), self.plan.nobs),
            lr_bounds=lr_bounds,
            entropy=entropy,
            notices=(*notices, *self._cluster_notices(stages)),
        )

    def search_sequentially(
        self, base: kernel.State, entropy: int | None
    ) -> tuple[list[kernel.Stage], list[tuple[Floats, Floats]], tuple[int, ...]]:
        """Find and test each threshold; refuse one without candidates."""
        stages: list[kernel.Stage] = []
        tests: list[tuple[Floats, Floats]] = []
        at: tuple[int, ...] = ()
        while len(stages) != self.count:
            stage = kernel.stage(self.plan, base, at)
            if stage is None and self.count is None and stages:
                break
            if stage is None:
                raise ThresholdSearchError(
                    f"threshold {len(stages) + 1} has no candidate that leaves enough "
                    "rows in each regime to estimate its slopes"
                )
            stages.append(stage)
            tests.append(self._test_threshold(stage, base, at, entropy))
            if self.count is None:
                values, draws = tests[-1]
                # The first bootstrap decides.
                if not rejects(bootstrap_p(values[0], draws[0]), self.level):
                    break
            at = stage.at
        return stages, tests, at

    @property
    def _outcome(self) -> Floats:
        return self.prepared.sample.columns("y")[:, 0]

    def _test_threshold(
        self,
        stage: kernel.Stage,
        base: kernel.State,
        null: tuple[int, ...],
        entropy: int | None,
    ) -> tuple[Floats, Floats]:
        """Compute statistic and draws of the last threshold, a row per bootstrap."""
        floor = NO_RESIDUALS * float(base.ssr[0])
        f = self.df * (max(stage.null_ssr, floor) / max(stage.ssr, floor) - 1)
        plan, y, reps = self.plan, self._outcome, self.reps
        name, codes = wild_clusters(self.prepared)
        values = np.full(len(self.bootstrap), f)
        draws = np.empty((values.size, reps))
        for b, word in enumerate(self.bootstrap):
            # Each bootstrap has its own key, so draws do not depend on the others.
            rng = spawned_generator(entropy, get_args(Bootstrap).index(word), len(null))
            if word == "wild_score":
                groups = plan.groups
                nested = is_nested(groups.codes, codes[plan.candidates.order])
                if groups.sizes.size > _MANY_LEVELS and not nested:
                    raise OptionError(
                        "bootstrap='wild_score' needs a column for each of "
                        f"{groups.sizes.size:,} entities when entities are not nested "
                        f"in the clusters ({cited(name)}). Cluster by entity, or use "
                        "'wild_cluster'."
                    )
                bootstrap = scheme("wild_cluster", plan, codes, self.done)
                values[b] = robust_profile(plan, y, null, len(null), codes).max()
                draws[b] = drawn_robust(
                    plan, bootstrap, y, null, rng, reps=reps, codes=codes
                )
            else:
                clusters = codes if word in WILD else self.prepared.sample.entity
                bootstrap = scheme(word, plan, clusters, self.done)
                draws[b] = self.df * drawn_ratios(
                    plan, bootstrap, y, null, rng, reps=reps
                )
        return values, draws

    def _compare_all_pairs(
        self, base: kernel.State, at: tuple[int, ...]
    ) -> tuple[tuple[int, ...], list[Notice]]:
        """Compare two thresholds with the best pair; return those used, and a notice.

        Without ``search="joint"`` only where comparing takes milliseconds.
        """
        candidates, nobs = self.plan.candidates, self.plan.nobs
        cells = candidates.values.size * nobs
        cheap = candidates.need.size == 1 and cells <= _CHEAP_PAIRS
        if len(at) != 2 or candidates.given_positions or not (self.joint or cheap):
            return at, []
        if cells > _MANY_PAIRS:
            raise OptionError(
                f"search='joint' evaluates every pair of {candidates.values.size:,} "
                f"candidates in {nobs:,} rows, which takes minutes to hours. Set "
                "grid=500 for fewer candidates, or search='sequential'."
            )

        pair, pair_ssr = kernel.least_pair(self.plan, base)
        ssr = kernel.finish(self.plan, base, at)[1]
        chosen = pair if self.joint else at
        if pair_ssr >= ssr * (1 - SAME_SSR):
            return chosen, []
        sequential, best = map(tuple, candidates.values[np.array([at, pair])].tolist())
        notice = notice_of(
            "not_global.taken" if self.joint else "not_global",
            sequential=sequential,
            joint=best,
            ssr=(ssr, pair_ssr),
            taken=self.joint,
        )
        return chosen, [notice]

    def _cluster_notices(self, stages: Sequence[kernel.Stage]) -> list[Notice]:
        if not any(word in WILD for word in self.bootstrap):
            return []
        name, codes = wild_clusters(self.prepared)
        groups = int(codes.max()) + 1
        levels = self.prepared.sample.code_levels.get(
            name, self.prepared.sample.entities
        )
        out = [*webb_weights(name, codes)]
        if "wild_score" in self.bootstrap:
            out += weak_score_test(groups, int(self.plan.z.shape[0]))
        for j, stage in enumerate(stages, 1):
            share, largest = concentration(self.plan, self._outcome, stage.at, codes)
            labels = [levels[i] for i in largest]
            out.append(concentrated_test(j, share, name, groups, labels))
        return out


def wild_clusters(prepared: Prepared) -> tuple[str, Ints]:
    """Return name and codes of clusters that share a sign: one-way, or entities."""
    if len(prepared.cluster_codes) == 1:
        return prepared.cluster_names[0], prepared.cluster_codes[0]
    return prepared.sample.keys.entity_name, prepared.sample.entity


def refuse_two_way(clusters: Sequence[str] | None, option: str, other: str) -> None:
    """Refuse two-way clusters for an option that draws one sign for each cluster."""
    if clusters is not None and len(clusters) > 1:
        raise OptionError(
            f"{option} draws one sign per cluster, but clusters={cited(clusters)} are "
            f"two-way; specify one of them, or set {other}."
        )


def prepare_split(
    spec: Any, panel: Panel, dependent: str, splitting: str, why: str
) -> Prepared:
    """Select the sample of a specification; its splitting variable must vary.

    `dependent` and `splitting` are the fields of terms that depend on the regime, and
    of the variable that splits the sample. `why` is why the former may not be in `x`.
    """
    fields = ("y", dependent, splitting, "x")
    roles = {name: as_terms(getattr(spec, name), name) for name in fields}
    columns = known_names(panel)
    common = {canonical(term, columns) for term in spec.x}
    overlap = [term for term in roles[dependent] if canonical(term, columns) in common]
    if overlap:
        raise CollinearityError(
            f"{subject(overlap, 'is')} {why}. Remove "
            f"{'it' if len(overlap) == 1 else 'them'} from x.",
            [collinearity_problem(t, [t], f"{cited(t)} is in both") for t in overlap],
        )
    prepared = prepare(panel, roles, linear_options(spec))
    column = single_column(prepared.sample, splitting, getattr(spec, splitting))
    if column.min() == column.max():
        raise ThresholdSearchError(
            f"{splitting}={cited(getattr(spec, splitting))} is constant in the sample, "
            "so it cannot split it. Use a variable that varies."
        )
    return prepared


def regime_sizes(entity: Ints, regimes: Ints, count: int) -> Ints:
    """Count rows, and entities with any row, in each regime 0, 1, ...: (count, 2)."""
    entity_regimes = np.unique(entity * count + regimes) % count
    return np.column_stack(
        [np.bincount(r, minlength=count) for r in (regimes, entity_regimes)]
    )


def denominator(prepared: Prepared, rule: str) -> float:
    """Compute the degrees of freedom of F and LR: N - n, or T (n - 1) with the mean T.

    Without entity effects they are N - 1.
    """
    n, entities = prepared.sample.nobs, prepared.sample.n_entities
    if prepared.entity_position is None:
        return float(n - 1)
    return float(n - entities) if rule == "hansen" else n - n / entities


def spawned_generator(entropy: int | None, *key: int) -> np.random.Generator:
    """Return the generator of one set of draws."""
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=key))


# --- columns by regime, and the effect of an intercept in each regime ---------------


def regime_columns(
    sample: Sample, regimes: Ints, *, intercept: bool
) -> tuple[tuple[str, ...], Floats]:
    """Split the regime-dependent columns by regime, and append the common ones.

    Returns names such as ``"z:regime1"`` (unchanged for a single regime), and columns
    (N, k). `regimes` (N,) count from 1; with `intercept` all but the highest have a
    dummy.
    """
    dummies = (regimes[:, None] == np.arange(1, int(regimes.max()) + 1)).astype(
        np.float64
    )
    width = dummies.shape[1]
    endings = [f":regime{r}" for r in range(1, width + 1)] if width > 1 else [""]
    names = [
        f"{name}{ending}"
        for name in sample.names_of("regime_dependent")
        for ending in endings
    ]
    blocks = [
        column[:, None] * dummies for column in sample.columns("regime_dependent").T
    ]
    if intercept:
        names += [f"intercept{ending}" for ending in endings[:-1]]
        blocks.append(dummies[:, :-1])
    return (*names, *sample.names_of("x")), np.column_stack(
        [*blocks, sample.columns("x")]
    )


def origin_notices(
    results: ThresholdResults, search: ThresholdSearch, logarithms: Sequence[str]
) -> list[Notice]:
    """Search again with an intercept in every regime, and report changes.

    Without it (Hansen 1999) a constant added to a regime-dependent variable changes the
    model, because ``(z + c) 1(q <= g)`` contains ``c 1(q <= g)``. There is a notice if
    a regime-dependent term is a logarithm, an estimate with intercepts lies outside the
    confidence set of the threshold, or the slopes of two neighbouring regimes are in
    another order. There is none if the regimes have intercepts already.
    """
    sample = search.prepared.sample
    try:
        plan = kernel.with_level(search.plan)
    # Columns far from zero are collinear with a constant up to rounding
    except CollinearityError:
        return []
    if kernel.level_is_held(plan).all():
        return []
    with_intercepts = replace(
        search, plan=plan, count=results.estimates.size, bootstrap=()
    )
    at: tuple[int, ...] = ()
    with suppress(ThresholdSearchError):
        at = with_intercepts.search_sequentially(
            kernel.open_search(plan, with_intercepts._outcome), None
        )[2]

    with_intercept = np.sort(search.plan.candidates.values[list(at)]).tolist()
    numbers = (np.argsort(results.estimates) + 1).tolist()
    outside = [
        j
        for j, value in zip(numbers, with_intercept, strict=False)
        if not results.given
        and not any(low <= value <= high for low, high in results.confidence_set(j))
    ]
    order = _reordered_slopes(results, search, search.plan.regimes(at)) if at else []
    if not (logarithms or outside or order):
        return []
    data = {
        "estimates": tuple(np.sort(results.estimates).tolist()),
        "with_intercept": tuple(with_intercept),
        "outside": tuple(outside),
        "order": tuple(order),
        "logarithms": tuple(logarithms),
    }
    return [
        origin(data, sample.names_of("regime_dependent"), searched=not results.given)
    ]


def _reordered_slopes(
    results: ThresholdResults, search: ThresholdSearch, regimes: Ints
) -> list[tuple[str, int]]:
    """List terms whose slope difference changes sign with intercepts."""
    prepared, sample = search.prepared, search.prepared.sample
    _, design = regime_columns(sample, regimes, intercept=True)
    demeaned = prepared.within.demean(np.column_stack([sample.columns("y"), design]))
    terms, width = sample.names_of("regime_dependent"), results.estimates.size + 1
    signs = []
    for slopes in (
        results.coefficients,
        ols(demeaned[:, 1:], demeaned[:, 0]).coefficients,
    ):
        by_term = slopes[: len(terms) * width].reshape(len(terms), width)
        steps = np.diff(by_term, axis=1)
        size = np.abs(by_term).max(axis=1, keepdims=True)
        signs.append(np.where(np.abs(steps) > SAME_SLOPES * size, np.sign(steps), 0.0))
    return [(terms[i], int(r) + 1) for i, r in np.argwhere(signs[0] * signs[1] < 0)]
