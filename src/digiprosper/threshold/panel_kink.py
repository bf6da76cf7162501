"""Panel regression with a kink at an unknown value (Hansen 2017)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from digiprosper.checks import check_level, check_real
from digiprosper.errors import (
    IdentificationError,
    Notice,
    ThresholdSearchError,
    cited,
    issue,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.equation import Solved, solve
from digiprosper.kernels.least_squares import dependences
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import FLAT_DRAWS, NO_RESIDUALS
from digiprosper.linear.diagnostics import lagged_outcome, not_semidefinite
from digiprosper.linear.estimation import (
    Demeaned,
    counts_and_vcov,
    demean_roles,
    fit_equation,
)
from digiprosper.linear.preparation import (
    CovType,
    Prepared,
    Ssc,
    check_linear_options,
    refuse_cov_types,
)
from digiprosper.linear.results import LinearResults
from digiprosper.linear.variance_checks import find_zero_variances, refuse_full_leverage
from digiprosper.optional import progress_bar
from digiprosper.panel import Panel
from digiprosper.report.variance import standard_errors
from digiprosper.specification import (
    TERM,
    TERMS,
    Specification,
    check_reps,
    read_terms,
    refuse_outcome,
)
from digiprosper.threshold import notices, search
from digiprosper.threshold.kernels import kink as kernel
from digiprosper.threshold.kernels.draws import scheme
from digiprosper.threshold.kink_results import KinkResults, critical_chi2

_STREAM = 10


@dataclass(frozen=True, slots=True)
class PanelKink(Specification):
    """Panel regression kink: a continuous function of one variable.

    Its slope changes at an unknown value. The model is

    .. math::
        y_{it} = a_i + l_t + b_1 (q_{it} - g)_- + b_2 (q_{it} - g)_+
        + x_{it}'c + e_{it}

    with ``(u)_- = min(u, 0)`` and ``(u)_+ = max(u, 0)`` (Hansen 2017, Journal of
    Business & Economic Statistics 35:228-240; in panels Zhang, Zhou & Jiang 2017,
    Economics Letters 157:116-121). The kink g minimises the sum of squared residuals
    over all real numbers between the trimmed ends, not only over a grid. The estimates
    are exact also in unbalanced panels.

    Parameters
    ----------
    y : str
        Outcome: a column or a term.
    kink_variable : str
        Term q whose slope changes. It has two slopes, ``"q:below"`` and ``"q:above"``,
        so it cannot be in `x`.
    x : sequence of str
        Other regressors, none by default.
    entity_effects, time_effects : bool
        Whether to absorb entity and time effects, True by default.
    absorb : sequence of str
        Other fixed effects, as in `FixedEffects`.
    trim : float
        Share of the rows that are at or below the lowest value of g, and above the
        highest. The default is .05.
    bootstrap : {"wild_cluster"} or None
        Bootstrap of p-values and of the confidence set. ``"wild_cluster"`` (default)
        multiplies the residuals by a random sign per cluster, and estimates g in each
        draw. None computes no p-values.
    reps : int
        Number of draws of each bootstrap, 999 by default.
    level : float
        Confidence level of confidence sets and tests, .95 by default.
    df : {"hansen", "xthreg"}
        Degrees of freedom in F and LR: N - n (``"hansen"``, the default), or T (n - 1).
        Without entity effects N - 1.
    cov_type, clusters, ssc
        Standard errors of slopes and kink, as in `FixedEffects`: clustered by entity by
        default. The bootstrap uses the same one-way `clusters`.
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`.

    Raises
    ------
    OptionError
        By the constructor, if an option has a value that is not allowed.
    ThresholdSearchError
        By `fit`, if no kink can be estimated.
    CollinearityError
        If the kink variable is also in `x`, or columns are linear combinations of each
        other.
    ColumnError, TermError, InputTypeError, MissingDataError, IdentificationError
        As in `FixedEffects`.

    Notes
    -----
    Standard errors are computed jointly for slopes and g, from the first-order
    conditions of least squares (Hansen 2017). So those of the slopes allow for the
    estimation of g, which counts as one more parameter. If g is an observed value,
    the derivative of its row is the mean of those on both sides.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> rng = np.random.default_rng(1)
    >>> df = pd.DataFrame(
    ...     {"city": np.repeat(np.arange(60), 10), "year": np.tile(np.arange(10), 60)}
    ... )
    >>> df["debt"] = rng.normal(50, 15, 600)
    >>> bend = (
    ...     np.minimum(df["debt"] - 60, 0) * 0.05
    ...     - np.maximum(df["debt"] - 60, 0) * 0.05
    ... )
    >>> df["growth"] = bend + df["city"] / 30 + rng.normal(0, 0.5, 600)
    >>> kink = dp.PanelKink("growth", "debt").fit(dp.Panel(df, "city", "year"), rng=1)
    >>> round(kink.threshold, 1)
    60.2
    >>> kink.test.p_value
    0.001
    """

    y: str = field(metadata=TERM)
    kink_variable: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERMS)
    _: KW_ONLY
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    trim: float = 0.05
    bootstrap: Literal["wild_cluster"] | None = "wild_cluster"
    reps: int = 999
    level: float = 0.95
    df: Literal["hansen", "xthreg"] = "hansen"
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    ssc: Ssc = "reghdfe"
    where: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)

        refuse_outcome(self, ("kink_variable", "x"))
        share = "a share above 0 and below .5"
        check_real("trim", self.trim, lambda trim: 0 < trim < 0.5, share)
        check_reps(self.reps, 1)
        check_level(self.level)
        check_linear_options(self)
        reason = "the threshold would have to be searched again without each cluster"
        refuse_cov_types("PanelKink", self.cov_type, ("crv3",), reason)
        if self.bootstrap:
            search.refuse_two_way(
                self.clusters, "bootstrap='wild_cluster'", "bootstrap=None"
            )

    def fit(
        self, panel: Panel, *, rng: object = None, progress: bool = False
    ) -> KinkResults:
        """Estimate the kink and the slopes, and test the kink.

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
        KinkResults
            Threshold, tests, confidence sets and slopes.
        """
        why = "kink_variable and also in x; PanelKink adds its two slopes"
        role = "kink_variable"
        prepared = search.prepare_split(self, panel, role, role, why)
        sample = prepared.sample
        q = sample.columns(role)[:, 0]
        linear, _ = demean_roles(self.y, prepared, (role, "x"))
        y = linear.raw[:, 0]
        # Fit the linear model first: its errors name the columns as the user does.
        fit_equation(prepared, linear, 0, range(1, len(linear.names)))
        kinks = self._plan_search(prepared, q)
        kink = kernel.estimate(kinks, y)
        slopes, threshold_se = self._fit_slopes(prepared, linear, q - kink.threshold)

        df = search.denominator(prepared, self.df)
        entropy, ratios = self._draw_statistics(
            prepared, kinks, kink, y, rng, show=progress
        )
        draws = ratios * df
        # An exact fit leaves rounding, of either sign, where F and LR divide.
        rounding = NO_RESIDUALS * kink.null_ssr
        sums = np.maximum([kink.null_ssr, kink.ssr, kink.step_ssr], rounding)
        critical = {"lr": critical_chi2(self.level)}
        if self.bootstrap:
            finite = draws[2][~np.isnan(draws[2])]
            quantile = float(np.quantile(finite, self.level)) if finite.size else 0.0
            # If all candidates fit equally, the draws are rounding errors, which must
            # not define a set.
            critical["bootstrap"] = max(quantile, FLAT_DRAWS * df)
        results = KinkResults(
            kink_variable=self.kink_variable,
            slopes=slopes,
            threshold=kink.threshold,
            threshold_se=threshold_se,
            sums=sums,
            candidates=kinks.values,
            profile_ssr=np.maximum(kink.profile, rounding),
            regime_sizes=search.regime_sizes(
                sample.entity, (q > kink.threshold).astype(np.intp), 2
            ),
            df=df,
            df_rule=self.df,
            trim=self.trim,
            bootstrap=self.bootstrap,
            statistic_draws=draws,
            reps=self.reps,
            rng_entropy=entropy,
            level=self.level,
            critical=critical,
            sets={
                method: tuple(kernel.accepted(kinks, kink, sums[1] * (1 + bound / df)))
                for method, bound in critical.items()
            },
            diagnostics=(),
        )
        name, codes = search.wild_clusters(prepared)
        diagnostics = (
            *slopes.diagnostics,
            *lagged_outcome(prepared, notices.BIASED_TEST),
            *notices.unbalanced_panel(sample, "(Zhang, Zhou & Jiang 2017)"),
            *(notices.webb_weights(name, codes) if self.bootstrap else ()),
            *notices.kink_notices_from_results(results),
        )
        issue(diagnostics)
        return replace(results, diagnostics=diagnostics)

    def _plan_search(self, prepared: Prepared, q: Floats) -> kernel.KinkPlan:
        variable = f"kink_variable={cited(self.kink_variable)}"
        data = {"column": self.kink_variable, "trim": self.trim}
        x = prepared.sample.columns("x")
        effects = prepared.within.effects_and_slopes
        try:
            kinks = kernel.kink_plan(q, x, self.trim, effects)
        except ThresholdSearchError as error:
            text = (
                f"{variable}: {error} (trim={self.trim}, {np.unique(q).size} distinct "
                f"values in {q.size} rows). Lower trim, or use another kink_variable."
            )
            raise ThresholdSearchError(
                text, [Notice("threshold_search", str(error), data)]
            ) from error
        if kinks.faint.any():
            text = (
                f"{variable} varies too little on one side of "
                f"{kinks.values[kinks.faint][0]:.6g}, compared with its overall "
                "variation, to estimate a slope on that side. Take its logarithm if "
                "it is positive, or increase trim."
            )
            raise ThresholdSearchError(
                text, [Notice("threshold_search", "too skewed", data)]
            )
        return kinks

    def _fit_slopes(
        self, prepared: Prepared, linear: Demeaned, beyond: Floats
    ) -> tuple[LinearResults, float]:
        """Estimate the slopes at the threshold, and the joint standard errors."""
        q, controls = self.kink_variable, range(2, len(linear.names))
        prepared = replace(
            prepared, sample=prepared.sample.with_dummies([q], ("below", "above"))
        )
        # The last column is the side of a row: -1, 1, or 0 at the threshold.
        sides = np.column_stack(
            [np.minimum(beyond, 0), np.maximum(beyond, 0), np.sign(beyond)]
        )
        demeaned = linear.with_columns(
            prepared, (f"{q}:below", f"{q}:above", f"{q}:side"), sides
        )
        below, above, side = range(len(linear.names), len(demeaned.names))
        regressors = (below, above, *controls)
        slopes, _ = fit_equation(
            prepared, demeaned, 0, regressors, report_indefinite=False
        )

        # The derivative by the threshold is bend * side plus a constant. It is scaled
        # by a power of two, because its products with residuals could overflow.
        b1, b2 = slopes.coefficients[:2]
        unit = 2.0 ** round(math.log2(max(abs(b1), abs(b2)) or 1.0))
        bend = (b1 - b2) / 2 / unit, -(b1 + b2) / 2 / unit
        joint, root, middle = _solve_linearised(
            prepared, demeaned, slopes, (*regressors, side), bend
        )
        covariance = root @ middle @ root.T

        indefinite = not_semidefinite(
            prepared, (*slopes.names, "threshold"), covariance, middle
        )
        r2, within, by_entity, _ = slopes.fit_statistics
        adjusted = 1 - (1 - r2) * (slopes.nobs - 1) / joint.df_resid
        joint_inference = replace(
            slopes.inference, df_t=joint.vcov.df_t, df_counted=joint.vcov.counted
        )
        estimated = replace(
            slopes.estimated,
            inference=joint_inference,
            root=root[:-1],
            middle=middle,
            # Sums by cluster would take the threshold as known.
            by_cluster=(),
        )
        slopes = replace(
            slopes,
            estimated=estimated,
            df_resid=joint.df_resid,
            fit_statistics=(r2, within, by_entity, adjusted),
            # No F test: if all slopes were zero, there would be no threshold.
            has_f=False,
            diagnostics=(*slopes.diagnostics, *indefinite),
        )
        return slopes, float(standard_errors(covariance[-1, -1])) / unit

    def _draw_statistics(
        self,
        prepared: Prepared,
        kinks: kernel.KinkPlan,
        kink: kernel.KinkEstimate,
        y: Floats,
        rng: object,
        *,
        show: bool,
    ) -> tuple[int | None, Floats]:
        """Return the seed, and draws (3, reps) of the statistics divided by df."""
        if self.bootstrap is None:
            return None, np.empty((3, 0))
        entropy: Any = seed_sequence(rng).entropy
        rngs = [search.spawned_generator(entropy, _STREAM, part) for part in (0, 1)]
        codes = search.wild_clusters(prepared)[1]
        reps = self.reps
        with progress_bar("PanelKink", 2 * reps, show=show) as done:
            bootstrap = scheme(self.bootstrap, kinks.search, codes, done)
            null = kernel.null_draws(kinks, bootstrap, y, rngs[0], reps=reps)
            others = kernel.kink_draws(kinks, bootstrap, y, kink, rngs[1], reps=reps)
        return entropy, np.vstack([null, others])


def _solve_linearised(
    prepared: Prepared,
    demeaned: Demeaned,
    slopes: LinearResults,
    positions: Sequence[int],
    bend: tuple[float, float],
) -> tuple[Solved, Floats, Floats]:
    """Solve the equation linearised at the estimates; return root and middle, too.

    The order is slopes, intercept (if any) and threshold. The threshold is missing if
    it is not identified: the slopes are equal, or its value makes no difference.
    """
    n, k = prepared.sample.nobs, len(positions) - 1
    if n <= k + 1 + prepared.within.rank:
        raise IdentificationError(
            f"{k} slopes, a threshold and {prepared.within.rank} absorbed effects on "
            f"{n} rows: more parameters than rows. Drop terms or effects."
        )

    scale = np.append(np.ones(k), bend[0])
    columns = demeaned.select(positions) * scale
    means = demeaned.raw[:, list(positions)].mean(axis=0) * scale
    means[-1] += bend[1]
    identified = (
        bend[0] != 0
        and not demeaned.absorbed[positions[-1]]
        and not dependences(columns)
    )
    if not identified:
        columns, means = columns[:, :-1], means[:-1]

    count, estimator = counts_and_vcov(prepared, k + 1)
    # Keep the residuals of the fit: the threshold is not updated.
    solved = replace(
        solve(slopes.residuals, columns, count, estimator), residuals=slopes.residuals
    )
    root, middle = solved.root_and_middle()
    perfectly_fitted = find_zero_variances(solved, root @ middle @ root.T)
    names = demeaned.names_at(positions[:-1])
    refuse_full_leverage(
        prepared, solved, [*names, "threshold"] if identified else names
    )
    if not prepared.effect_names:
        solved = solved.with_intercept(np.append(0.0, means), n)
    root, middle = solved.root_and_middle()
    threshold_root = np.full(root.shape[1], np.nan)
    if identified:
        root, threshold_root = np.delete(root, k, axis=0), root[k]
    root = np.vstack([root, threshold_root])
    # Slopes without a variance at a known threshold have none at an estimated one.
    empty = np.asarray(np.isnan(slopes.estimated.root).any(axis=1))
    empty[perfectly_fitted[perfectly_fitted < k]] = True
    root[:-1][empty] = np.nan
    if empty[:2].any():
        root[-1] = np.nan
    return solved, root, middle
