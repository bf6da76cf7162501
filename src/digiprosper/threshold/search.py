"""The search for thresholds with its draws: tests after each threshold, sets after the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from digiprosper.errors import Notice, OptionError, TermError, cited
from digiprosper.kernels import threshold as kernel
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import NO_RESIDUALS, SAME_SSR
from digiprosper.kernels.within import is_nested
from digiprosper.optional import Done, uncounted
from digiprosper.report.verdicts import rejects
from digiprosper.threshold.kernels.draws import concentration, drawn_ratios, scheme
from digiprosper.threshold.kernels.robust import drawn_robust, robust_profile
from digiprosper.threshold.kernels.sets import drawn_bounds, variance_parts
from digiprosper.threshold.notices import about_concentration, about_score, about_signs, not_global
from digiprosper.threshold.results import bootstrap_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Sample

Bootstrap: TypeAlias = Literal["wild_cluster", "hansen", "iid", "wild_score"]

WILD = ("wild_cluster", "wild_score")
# Draws of sets have streams of their own, beside those of the bootstraps.
_SET_STREAM = 20
# Levels that cross the clusters join the basis of a robust test, one row each.
_MANY_LEVELS = 500
# Beyond so many rows times candidates all pairs take minutes.
_MANY_PAIRS = 4_000_000_000
# A sequential pair is compared with all pairs where that costs milliseconds: rows times candidates.
_CHEAP_PAIRS = 2_000_000


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Result of a search and its draws; thresholds and candidates by position."""

    stages: tuple[kernel.Stage, ...]  # all that were tested, the one that stopped "auto" included
    at: tuple[int, ...]  # thresholds that are kept
    values: Floats  # (b, t) statistics of the data
    draws: Floats  # (b, t, B) drawn statistics
    profiles: Floats  # (m, G) sum of squares at each candidate
    ssr: float  # sum of squares at the thresholds
    variance_parts: Floats  # (m, N) what each row adds to the factor of the scaled bound
    lr_bounds: Floats  # (m, G) drawn bounds on the likelihood ratio; empty without draws for sets
    entropy: int | None  # seed that reproduces the draws
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class ThresholdSearch:
    """A search: how many thresholds, which tests, on which sample."""

    prepared: Prepared
    plan: kernel.Plan
    df: float  # denominator of F and LR
    count: int | None  # thresholds to find; None goes on while the first bootstrap rejects
    joint: bool  # the best of all pairs replaces the sequential one
    bootstrap: tuple[Bootstrap, ...]  # tests; empty for none
    set_draws: bool  # likelihood ratios are drawn for confidence sets
    reps: int  # draws of each
    level: float  # of the decisions
    done: Done = uncounted  # called with the number of draws that begin, to show progress

    @property
    def draws(self) -> int | None:
        """Number of draws; None if it is not known before the search."""
        if self.count is None or self.set_draws:
            return None
        return self.count * len(self.bootstrap) * self.reps

    def run(self, rng: object) -> SearchResult | int:
        """Search, test and draw; return the number of the threshold without candidates, if there is one."""
        entropy = self._entropy(rng)
        base = kernel.open_search(self.plan, self._outcome)
        sequence = self._sequence(base, entropy)
        if isinstance(sequence, int):
            return sequence
        stages, tests, at = sequence
        at, notices = self._against_all_pairs(base, at)
        profiles, ssr = kernel.finish(self.plan, base, at)

        q = self.prepared.sample.columns("threshold_variable")[:, 0]
        parts = [variance_parts(self.plan, self._outcome, at, j, q, self.df) for j in range(len(at))]
        return SearchResult(
            stages=tuple(stages),
            at=at,
            values=np.stack([t[0] for t in tests], axis=1) if tests else np.empty((0, len(stages))),
            draws=np.stack([t[1] for t in tests], axis=1) if tests else np.empty((0, len(stages), 0)),
            profiles=profiles,
            ssr=ssr,
            variance_parts=np.array(parts).reshape(len(at), self.plan.nobs),
            lr_bounds=self._lr_bounds(at, entropy),
            entropy=entropy,
            notices=(*notices, *self._leverage(stages)),
        )

    def _sequence(
        self, base: kernel.State, entropy: int | None
    ) -> tuple[list[kernel.Stage], list[tuple[Floats, Floats]], tuple[int, ...]] | int:
        """Find and test threshold after threshold; return the number of the one without candidates."""
        stages: list[kernel.Stage] = []
        tests: list[tuple[Floats, Floats]] = []
        at: tuple[int, ...] = ()
        while len(stages) != self.count:
            stage = kernel.stage(self.plan, base, at)
            if stage is None:
                return (stages, tests, at) if self.count is None and stages else len(stages) + 1
            stages.append(stage)
            if self.bootstrap:
                tests.append(self._test(stage, base, at, entropy))
                if self.count is None and not self._rejects(tests[-1]):
                    break
            at = stage.at
        return stages, tests, at

    def _rejects(self, test: tuple[Floats, Floats]) -> bool:
        """Decide by the first bootstrap."""
        values, draws = test
        return rejects(bootstrap_p(values[0], draws[0]), self.level)

    @property
    def _outcome(self) -> Floats:
        return self.prepared.sample.columns("y")[:, 0]

    def _entropy(self, rng: object) -> int | None:
        if not self.bootstrap and not self.set_draws:
            return None
        entropy = seed_sequence(rng).entropy
        assert isinstance(entropy, int)
        return entropy

    def _test(
        self, stage: kernel.Stage, base: kernel.State, null: tuple[int, ...], entropy: int | None
    ) -> tuple[Floats, Floats]:
        """Compute the statistic of the last threshold and its draws, one row a bootstrap."""
        floor = NO_RESIDUALS * float(base.ssr[0])
        f = self.df * (max(stage.null_ssr, floor) / max(stage.ssr, floor) - 1)
        y = self._outcome
        codes = wild_clusters(self.prepared)[1]
        values = np.full(len(self.bootstrap), f)
        draws = np.empty((values.size, self.reps))
        for b, name in enumerate(self.bootstrap):
            # The key is the bootstrap's own, so that naming another beside it changes no draw.
            stream = _stream(entropy, get_args(Bootstrap).index(name), len(null))
            if name == "wild_score":
                self._refuse_many_levels(codes)
                bootstrap = scheme("wild_cluster", self.plan, codes, self.done)
                values[b] = robust_profile(self.plan, y, null, len(null), codes).max()
                draws[b] = drawn_robust(self.plan, bootstrap, y, null, stream, reps=self.reps, codes=codes)
            else:
                clusters = codes if name in WILD else self.prepared.sample.entity
                bootstrap = scheme(name, self.plan, clusters, self.done)
                draws[b] = self.df * drawn_ratios(self.plan, bootstrap, y, null, stream, reps=self.reps)
        return values, draws

    def _refuse_many_levels(self, codes: Ints) -> None:
        groups = self.plan.groups
        ranked = codes[self.plan.candidates.order]
        if groups.sizes.size > _MANY_LEVELS and not is_nested(groups.codes, ranked):
            raise OptionError(
                f"bootstrap='wild_score' needs a column for each of {groups.sizes.size:,} entities when "
                f"entities are not nested in the clusters ({cited(wild_clusters(self.prepared)[0])}). "
                "Cluster by entity, or use 'wild_cluster'."
            )

    def _lr_bounds(self, at: tuple[int, ...], entropy: int | None) -> Floats:
        out = np.empty((len(at), self.plan.candidates.values.size if self.set_draws else 0))
        if out.size:
            bootstrap = scheme("wild_cluster", self.plan, wild_clusters(self.prepared)[1], self.done)
            for j in range(len(at)):
                stream = _stream(entropy, _SET_STREAM, j)
                out[j] = self.df * drawn_bounds(
                    self.plan, bootstrap, self._outcome, at, j, stream, reps=self.reps, level=self.level
                )
        return out

    def _against_all_pairs(
        self, base: kernel.State, at: tuple[int, ...]
    ) -> tuple[tuple[int, ...], list[Notice]]:
        candidates = self.plan.candidates
        cheap = candidates.need.size == 1 and candidates.values.size * self.plan.nobs <= _CHEAP_PAIRS
        if len(at) != 2 or candidates.given or not (self.joint or cheap):
            return at, []
        if candidates.values.size * self.plan.nobs > _MANY_PAIRS:
            raise OptionError(
                f"search='joint' evaluates every pair of {candidates.values.size:,} candidates in "
                f"{self.plan.nobs:,} rows, which takes minutes to hours. Set grid=500 for fewer "
                "candidates, or search='sequential'."
            )

        pair, pair_ssr = kernel.least_pair(self.plan, base)
        ssr = kernel.finish(self.plan, base, at)[1]
        chosen = pair if self.joint else at
        if pair_ssr >= ssr * (1 - SAME_SSR):
            return chosen, []
        sequential, joint = (
            (float(candidates.values[i]), float(candidates.values[j])) for i, j in (at, pair)
        )
        return chosen, [not_global(sequential, joint, (ssr, pair_ssr), used=self.joint)]

    def _leverage(self, stages: Sequence[kernel.Stage]) -> list[Notice]:
        if not any(word in WILD for word in self.bootstrap):
            return []
        name, codes = wild_clusters(self.prepared)
        groups = int(codes.max()) + 1
        levels = self.prepared.sample.code_levels.get(name, self.prepared.sample.entities)
        out = about_signs(name, groups)
        if "wild_score" in self.bootstrap:
            out += about_score(groups, int(self.plan.z.shape[0]))
        for j, stage in enumerate(stages, 1):
            share, largest = concentration(self.plan, self._outcome, stage.at, codes)
            out.append(about_concentration(j, share, name, groups, [levels[i] for i in largest]))
        return out


def wild_clusters(prepared: Prepared) -> tuple[str, Ints]:
    """Find the clusters that share a sign: the one-way clusters of the standard errors, or entities."""
    if len(prepared.cluster_codes) == 1:
        return prepared.cluster_names[0], prepared.cluster_codes[0]
    return prepared.sample.keys.entity_name, prepared.sample.entity


def refuse_two_way(clusters: Sequence[str] | None, option: str, other: str) -> None:
    """Refuse two-way clusters for an option that draws one sign for each cluster."""
    if clusters is not None and len(clusters) > 1:
        raise OptionError(
            f"{option} draws one sign per cluster, but clusters={cited(clusters)} are two-way; "
            f"specify one of them, or set {other}."
        )


def single_column(sample: Sample, role: str, term: str, requirement: str) -> Floats:
    """Return the column (N,) of a role that has to be one column."""
    columns = sample.columns(role)
    if columns.shape[1] != 1:
        raise TermError(f"{role}={cited(term)} makes several columns; {requirement}.")
    return columns[:, 0]


def regime_sizes(entity: Ints, regimes: Ints, count: int) -> Ints:
    """Count rows, and entities with at least one row, in each regime 0, 1, ...: (count, 2)."""
    entity_regimes = np.unique(entity * count + regimes) % count
    return np.column_stack([np.bincount(r, minlength=count) for r in (regimes, entity_regimes)])


def denominator(prepared: Prepared, rule: str) -> float:
    """Compute the degrees of freedom of F and LR: N - n, or T (n - 1) with the mean T.

    Without entity effects N - 1 under both rules; other effects do not change it.
    """
    n, entities = prepared.sample.nobs, prepared.sample.n_entities
    if prepared.entity_position is None:
        return float(n - 1)
    return float(n - entities) if rule == "hansen" else n - n / entities


def _stream(entropy: int | None, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=key))
