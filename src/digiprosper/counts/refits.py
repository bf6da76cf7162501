"""A fit of counts that is estimated again: other columns, weights, or null values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.counts.kernels.score_bootstrap import ScoreDraws
from digiprosper.errors import IdentificationError, TermError
from digiprosper.kernels.least_squares import dependences
from digiprosper.kernels.resampling import draw_counts
from digiprosper.kernels.reweighted import (
    POISSON,
    as_regression,
    reweighted_least_squares,
    root_and_middle,
)
from digiprosper.kernels.separation import separated_rows
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.kernels.within import level_sums, rows_of, within

if TYPE_CHECKING:
    from digiprosper.counts.results import PoissonResults
    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.equation import Solved
    from digiprosper.kernels.reweighted import Reweighted
    from digiprosper.linear.estimation import Demeaned
    from digiprosper.linear.kernels.exchange import Paths
    from digiprosper.linear.kernels.placebo import Cohorts
    from digiprosper.linear.kernels.wild import WildWeights
    from digiprosper.linear.preparation import Prepared
    from digiprosper.optional import Done

# Null values, in standard errors from the estimate, under which the model is fitted
# again; between them scores by cluster are interpolated.
_NULLS = (*np.arange(1, 11) / 4, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0)


@dataclass(frozen=True, slots=True, eq=False)
class CountFit:
    """A fit with its sample and solution, for further statistics.

    Notices are kept in `results.diagnostics`, not issued.
    """

    results: PoissonResults
    prepared: Prepared
    demeaned: Demeaned  # outcome, then every regressor of the specification
    regressors: tuple[int, ...]  # positions in `demeaned`, without those dropped
    offset: Floats  # (N,)
    likelihood: Reweighted
    solved: Solved  # the last step as a weighted regression, with the intercept

    @property
    def _x(self) -> Floats:
        return self.demeaned.select(self.regressors)

    def cluster_draws(
        self, codes: Ints, reps: int, seed: np.random.SeedSequence
    ) -> tuple[Floats, int]:
        """Estimate all coefficients (R, k) in draws of clusters; count lost draws.

        A cluster that is drawn twice has twice the weight: its two copies would have
        the same effects.
        """
        x, q = self._x, self.prepared.row_weights
        counts = draw_counts(seed, int(codes.max()) + 1, reps)
        out = np.full((reps, len(self.results.names)), np.nan)
        for draw, times in enumerate(counts):
            refit = self._refit(x, q * times[codes])
            if refit is None:
                continue
            fit, rows = refit
            out[draw, : x.shape[1]] = fit.coefficients
            if not self.prepared.absorbed:
                raw = self.demeaned.raw[rows][:, self.regressors]
                constant = fit.index - self.offset[rows] - raw @ fit.coefficients
                out[draw, -1] = constant.mean()
        return out, int(np.isnan(out).all(axis=1).sum())

    def placebo_slopes(
        self, position: int, treated: Cohorts, reps: int, seed: np.random.SeedSequence
    ) -> Floats:
        """Estimate the slope of placebo treatments (R,) in the place of a regressor."""
        entities, periods = map(np.random.default_rng, seed.spawn(2))
        everyone, first = treated.drawn(entities, periods, reps)
        out = np.empty(reps)
        for draw in range(reps):
            start = np.full(treated.n_entities, treated.n_times)
            start[everyone[draw]] = first[draw]
            column = (treated.time >= start[treated.entity]).astype(np.float64)
            out[draw] = self._with_column(position, column)[0]
        return out

    def exchanged_statistics(
        self,
        position: int,
        moved: Paths,
        reps: int,
        seed: np.random.SeedSequence | None,
        done: Done,
    ) -> Floats:
        """Compute t (R,) of a regressor whose paths are exchanged between entities."""
        generator = np.random.default_rng(seed)
        every = moved.all_donors() if seed is None else None
        out = np.empty(reps)
        for draw in range(reps):
            column = (
                moved.drawn(generator, 1)
                if every is None
                else moved.moved(every[draw : draw + 1])
            )
            slope, error = self._with_column(position, column[:, 0])
            out[draw] = slope / error
            done(1)
        return out

    def _with_column(self, position: int, column: Floats) -> tuple[float, float]:
        """Estimate a slope and its error with another column; missing if impossible."""
        x = self._x.copy()
        x[:, position] = column
        refit = self._refit(x, self.prepared.row_weights)
        if refit is None:
            return np.nan, np.nan
        fit, rows = refit
        estimator = self.solved.vcov
        parts = tuple(
            part if part.codes is None else replace(part, codes=part.codes[rows])
            for part in estimator.parts
        )
        solved = as_regression(fit, self.solved.count, replace(estimator, parts=parts))
        root, middle = root_and_middle(solved)
        variance = float(root[position] @ middle @ root[position])
        error = float(np.sqrt(variance)) if variance > 0 else np.nan
        return float(fit.coefficients[position]), error

    def wild_draws(
        self,
        row: Floats,
        error: float,
        tested: float,
        weights: WildWeights,
        seed: np.random.SeedSequence,
    ) -> ScoreDraws:
        """Draw the score bootstrap of a sum of coefficients with weights (k,).

        `error` is its standard error, and `tested` the t of the null that is tested.
        """
        k = len(self.regressors)
        if row[k:].any():
            raise TermError(
                "wild_bootstrap: the intercept of a PoissonEffects cannot be tested."
            )
        row, codes = row[:k], self.prepared.cluster_codes[0]
        estimate = float(row @ self.likelihood.coefficients)
        moved = {
            t: self._moved(row, estimate - t * error, codes, None)[0]
            for t in (0.0, tested)
        }
        for sign in (-1.0, 1.0):
            start: Floats | None = self.likelihood.index
            for distance in _NULLS:
                null = estimate - sign * distance * error
                try:
                    moved[sign * distance], start = self._moved(row, null, codes, start)
                except IdentificationError:
                    # So far from the estimate the restricted mean overflows.
                    break
        nulls = sorted(moved)
        shares = np.bincount(codes, self.prepared.row_weights)
        return ScoreDraws(
            nulls=np.array(nulls),
            moved=np.stack([moved[t] for t in nulls]),
            shares=shares / shares.sum(),
            drawn=weights,
            seed=seed,
        )

    def _moved(
        self, row: Floats, null: float, codes: Ints, start: Floats | None
    ) -> tuple[Floats, Floats]:
        """Compute what scores by cluster (G,) move a sum by, under a null value.

        Also returns the index of the restricted fit.
        """
        x = self._x
        pivot = int(np.abs(row * np.abs(x).max(axis=0)).argmax())
        others = np.delete(np.arange(row.size), pivot)
        column = x[:, pivot] / row[pivot]
        fit = reweighted_least_squares(
            self.demeaned.raw[:, 0],
            x[:, others] - column[:, None] * row[others],
            self.prepared.within.every,
            POISSON,
            obs_weights=self.prepared.row_weights,
            offset=null * column + self.offset,
            start=start,
        )
        net = fit.projection.demean(x)
        information = (net.T * fit.weights) @ net
        scores = level_sums(
            codes, int(codes.max()) + 1, net, fit.weights * fit.working_residuals
        )
        return scores @ np.linalg.solve(information, row), fit.index

    def _refit(self, x: Floats, obs_weights: Floats) -> tuple[Reweighted, Ints] | None:
        """Estimate again, without rows of weight zero and separated ones.

        Returns the fit and its rows; None where a slope is not identified.
        """
        y, effects = self.demeaned.raw[:, 0], self.prepared.within.every
        rows = np.flatnonzero(obs_weights > 0)
        rows = rows[~separated_rows(y[rows], x[rows], rows_of(effects, rows))]
        if rows.size <= x.shape[1] + 1:
            return None
        part, columns = rows_of(effects, rows), x[rows]
        demeaned = within(part, rows.size).demean(columns)
        size = np.linalg.norm(columns - columns.mean(axis=0), axis=0)
        absorbed = np.linalg.norm(demeaned, axis=0) <= ABSORBED * size
        if absorbed.any() or dependences(demeaned):
            return None
        try:
            fit = reweighted_least_squares(
                y[rows],
                columns,
                part,
                POISSON,
                obs_weights=obs_weights[rows],
                offset=self.offset[rows],
            )
        except IdentificationError:
            # A draw may have no maximum, as a sample may have none.
            return None
        return fit, rows
