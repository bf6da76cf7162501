"""The search for thresholds with draws: a test after each, sets after the last."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from digiprosper.errors import (
    CollinearityError,
    Notice,
    OptionError,
    TermError,
    ThresholdSearchError,
    cited,
    collinearity_problem,
    subject,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels import threshold as kernel
from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import NO_RESIDUALS, SAME_SLOPES, SAME_SSR
from digiprosper.kernels.within import is_nested
from digiprosper.linear.preparation import Prepared
from digiprosper.optional import Done, ignore_progress
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import known_names
from digiprosper.panel.terms import canonical
from digiprosper.report.verdicts import rejects
from digiprosper.threshold.kernels.draws import concentration, drawn_ratios, scheme
from digiprosper.threshold.kernels.robust import drawn_robust, robust_profile
from digiprosper.threshold.kernels.sets import drawn_bounds, variance_parts
from digiprosper.threshold.notices import (
    about_concentration,
    about_score,
    about_signs,
    not_global,
    origin,
)
from digiprosper.threshold.results import ThresholdResults, bootstrap_p

Bootstrap: TypeAlias = Literal["wild_cluster", "hansen", "iid", "wild_score"]

WILD = ("wild_cluster", "wild_score")
# Draws of sets have streams of their own, beside those of the bootstraps.
_SET_STREAM = 20
# Levels that cross the clusters join the basis of a robust test, one row each.
_MANY_LEVELS = 500
# Beyond so many rows times candidates all pairs take minutes.
_MANY_PAIRS = 4_000_000_000
# A sequential pair is compared with all pairs where that costs milliseconds: rows times
# candidates.
_CHEAP_PAIRS = 2_000_000


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Result of a search and its draws; thresholds and candidates by position."""

    # All that were tested, the one that stopped "auto" included
    stages: tuple[kernel.Stage, ...]
    at: tuple[int, ...]  # thresholds that are kept
    values: Floats  # (b, t) statistics of the data
    draws: Floats  # (b, t, B) drawn statistics
    profiles: Floats  # (m, G) sum of squares at each candidate
    ssr: float  # sum of squares at the thresholds
    # (m, N) what each row adds to the factor of the scaled bound
    variance_parts: Floats
    # (m, G) drawn bounds on the likelihood ratio; empty without draws for sets
    lr_bounds: Floats
    entropy: int | None  # seed that reproduces the draws
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class ThresholdSearch:
    """A search: how many thresholds, which tests, on which sample."""

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
        """Number of draws; None if it is not known before the search."""
        if self.count is None or self.set_draws:
            return None
        return self.count * len(self.bootstrap) * self.reps

    def run(self, rng: object) -> SearchResult:
        """Search, test and draw."""
        drawn = bool(self.bootstrap) or self.set_draws
        entropy: Any = seed_sequence(rng).entropy if drawn else None
        base = kernel.open_search(self.plan, self._outcome)
        stages, tests, at = self.sequence(base, entropy)
        at, notices = self._against_all_pairs(base, at)
        profiles, ssr = kernel.finish(self.plan, base, at)

        q = self.prepared.sample.columns("threshold_variable")[:, 0]
        parts = [
            variance_parts(self.plan, self._outcome, at, j, q, self.df)
            for j in range(len(at))
        ]
        return SearchResult(
            stages=tuple(stages),
            at=at,
            values=np.stack([values for values, _ in tests], axis=1),
            draws=np.stack([draws for _, draws in tests], axis=1),
            profiles=profiles,
            ssr=ssr,
            variance_parts=np.array(parts).reshape(len(at), self.plan.nobs),
            lr_bounds=self._lr_bounds(at, entropy),
            entropy=entropy,
            notices=(*notices, *self._leverage(stages)),
        )

    def sequence(
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
            tests.append(self._test(stage, base, at, entropy))
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

    def _test(
        self,
        stage: kernel.Stage,
        base: kernel.State,
        null: tuple[int, ...],
        entropy: int | None,
    ) -> tuple[Floats, Floats]:
        """Compute the last threshold's statistic and draws, a row a bootstrap."""
        floor = NO_RESIDUALS * float(base.ssr[0])
        f = self.df * (max(stage.null_ssr, floor) / max(stage.ssr, floor) - 1)
        plan, y, reps = self.plan, self._outcome, self.reps
        name, codes = wild_clusters(self.prepared)
        values = np.full(len(self.bootstrap), f)
        draws = np.empty((values.size, reps))
        for b, word in enumerate(self.bootstrap):
            # The key is the bootstrap's own, so that naming another beside it changes
            # no draw.
            rng = stream(entropy, get_args(Bootstrap).index(word), len(null))
            if word == "wild_score":
                _refuse_many_levels(plan, name, codes)
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

    def _lr_bounds(self, at: tuple[int, ...], entropy: int | None) -> Floats:
        if not self.set_draws:
            return np.empty((len(at), 0))
        out = np.empty((len(at), self.plan.candidates.values.size))
        bootstrap = scheme(
            "wild_cluster", self.plan, wild_clusters(self.prepared)[1], self.done
        )
        for j in range(len(at)):
            rng = stream(entropy, _SET_STREAM, j)
            out[j] = self.df * drawn_bounds(
                self.plan,
                bootstrap,
                self._outcome,
                at,
                j,
                rng,
                reps=self.reps,
                level=self.level,
            )
        return out

    def _against_all_pairs(
        self, base: kernel.State, at: tuple[int, ...]
    ) -> tuple[tuple[int, ...], list[Notice]]:
        candidates, nobs = self.plan.candidates, self.plan.nobs
        cells = candidates.values.size * nobs
        cheap = candidates.need.size == 1 and cells <= _CHEAP_PAIRS
        if len(at) != 2 or candidates.given or not (self.joint or cheap):
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
        sequential, joint = (
            tuple(candidates.values[list(p)].tolist()) for p in (at, pair)
        )
        return chosen, [not_global(sequential, joint, (ssr, pair_ssr), used=self.joint)]

    def _leverage(self, stages: Sequence[kernel.Stage]) -> list[Notice]:
        if not any(word in WILD for word in self.bootstrap):
            return []
        name, codes = wild_clusters(self.prepared)
        groups = int(codes.max()) + 1
        levels = self.prepared.sample.code_levels.get(
            name, self.prepared.sample.entities
        )
        out = [*about_signs(name, groups)]
        if "wild_score" in self.bootstrap:
            out += about_score(groups, int(self.plan.z.shape[0]))
        for j, stage in enumerate(stages, 1):
            share, largest = concentration(self.plan, self._outcome, stage.at, codes)
            labels = [levels[i] for i in largest]
            out.append(about_concentration(j, share, name, groups, labels))
        return out


def _refuse_many_levels(plan: kernel.Plan, name: str, codes: Ints) -> None:
    groups = plan.groups
    if groups.sizes.size > _MANY_LEVELS and not is_nested(
        groups.codes, codes[plan.candidates.order]
    ):
        raise OptionError(
            f"bootstrap='wild_score' needs a column for each of {groups.sizes.size:,} "
            f"entities when entities are not nested in the clusters ({cited(name)}). "
            "Cluster by entity, or use 'wild_cluster'."
        )


def wild_clusters(prepared: Prepared) -> tuple[str, Ints]:
    """Find clusters that share a sign: those of one-way errors, or entities."""
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


def splitting_column(sample: Sample, role: str, term: str) -> Floats:
    """Return the column (N,) of the variable that splits the sample."""
    columns = sample.columns(role)
    if columns.shape[1] != 1:
        raise TermError(
            f"{role}={cited(term)} makes several columns; it must be one numeric "
            "column."
        )
    if columns.min() == columns.max():
        raise ThresholdSearchError(
            f"{role}={cited(term)} is constant in the sample, so it cannot split it. "
            "Use a variable that varies."
        )
    return columns[:, 0]


def refuse_in_x(panel: Panel, terms: Sequence[str], x: Sequence[str], why: str) -> None:
    """Refuse terms that are common regressors too; `why` follows their names."""
    columns = known_names(panel)
    common = {canonical(term, columns) for term in x}
    overlap = [term for term in terms if canonical(term, columns) in common]
    if overlap:
        raise CollinearityError(
            f"{subject(overlap, 'is')} {why}. Remove "
            f"{'it' if len(overlap) == 1 else 'them'} from x.",
            [collinearity_problem(t, [t], f"{cited(t)} is in both") for t in overlap],
        )


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


def stream(entropy: int | None, *key: int) -> np.random.Generator:
    """Make the generator of one set of draws."""
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=key))


# --- columns by regime, and what an intercept in each regime changes ----------------


def regime_columns(
    sample: Sample, regimes: Ints, *, intercept: bool
) -> tuple[tuple[str, ...], Floats]:
    """Split the regime-dependent columns by regime and put the common ones beside them.

    Returns names, as ``"z:regime1"``, and columns (N, k); one regime keeps the names.
    `regimes` (N,) count from 1; with `intercept` all but the highest have a dummy.
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
        names += regime_levels(regimes)
        blocks.append(dummies[:, :-1])
    return (*names, *sample.names_of("x")), np.column_stack(
        [*blocks, sample.columns("x")]
    )


def regime_levels(regimes: Ints) -> list[str]:
    """Name the dummies of all regimes but the highest."""
    return [f"intercept:regime{r}" for r in range(1, int(regimes.max()))]


def about_origin(
    results: ThresholdResults, search: ThresholdSearch, logarithms: Sequence[str]
) -> list[Notice]:
    """Search once more with an intercept in every regime, and report what that changes.

    Without it (Hansen 1999) a constant added to a regime-dependent variable changes the
    model, because ``(z + c) 1(q <= g)`` contains ``c 1(q <= g)``. There is a notice if
    a regime-dependent term is a logarithm, an estimate with intercepts lies outside the
    confidence set of the threshold, or the slopes of two neighbouring regimes are in
    another order; none where the level shifts already.
    """
    sample = search.prepared.sample
    try:
        plan = kernel.with_level(search.plan)
    # Beside a constant rounding hides a column that is far from zero
    except CollinearityError:
        return []
    if kernel.level_is_held(plan).all():
        return []
    again = replace(search, plan=plan, count=results.estimates.size, bootstrap=())
    at: tuple[int, ...] = ()
    with suppress(ThresholdSearchError):
        at = again.sequence(kernel.open_search(plan, again._outcome), None)[2]

    with_intercept = np.sort(search.plan.candidates.values[list(at)]).tolist()
    numbers = (np.argsort(results.estimates) + 1).tolist()
    outside = [
        j
        for j, value in zip(numbers, with_intercept, strict=False)
        if not results.given
        and not any(low <= value <= high for low, high in results.confidence_set(j))
    ]
    order = _reordered(results, search, search.plan.regimes(at)) if at else []
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


def _reordered(
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
        steps, size = (
            np.diff(by_term, axis=1),
            np.abs(by_term).max(axis=1, keepdims=True),
        )
        signs.append(np.where(np.abs(steps) > SAME_SLOPES * size, np.sign(steps), 0.0))
    return [(terms[i], int(r) + 1) for i, r in np.argwhere(signs[0] * signs[1] < 0)]
