"""Intervals and p-values, alone or in a family of tests, from draws or estimates."""

from __future__ import annotations

from functools import cache

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import PRODUCT_QUANTILE, SAME_WITHOUT

# Fewest clusters whose draws may give an interval, a p-value or a standard error.
#
# G clusters can be drawn in (2G - 1)! / (G! (G - 1)!) different ways: 3, 10 and 35 for
# two, three and four. Draws from so few agree with one another whatever the data: with
# entity and period effects a test of a true null at nominal 5% rejects in all samples
# of two clusters, .37 of those of three and .12 of those of four.
LEAST_CLUSTERS = 5

# The normal density underflows beyond.
_FAR = 38.0
# Distances from a bend, halved down to rounding.
_HALVES = np.multiply.outer([-1.0, 0.0, 1.0], np.exp2(np.arange(-48.0, 6.0))).ravel()


def has_enough_clusters(clusters: int | None) -> bool:
    """Return whether draws of clusters allow inference; None is no clusters."""
    return clusters is None or clusters >= LEAST_CLUSTERS


def percentile(
    draws: Floats, level: float = 0.95, *, clusters: int | None
) -> tuple[Floats, Floats]:
    """Compute the percentile interval of every column of bootstrap draws.

    Efron (1979), Annals of Statistics 7:1. With B usable draws the ends are the order
    statistics at q (B + 1) for q = (1 - level) / 2 and 1 - q, interpolated where q
    (B + 1) is not an integer (numpy's ``weibull`` rule) and the extreme draw where it
    lies beyond one. `draws` is (B,) or (B, k); NaN, a draw that could not be estimated,
    is left out column by column. The ends are NaN without a usable draw and below five
    clusters; `clusters` is None where the draws are not of clusters. `percentile_p`
    inverts exactly this interval.
    """
    # So that tail * (B + 1) is the integer it is meant to be
    tail = round((1.0 - level) / 2.0, 12)
    columns = _usable_draws(draws, clusters)
    shape = columns.shape[1:]
    return _column_quantiles(columns, np.full(shape, tail), np.full(shape, 1.0 - tail))


def percentile_p(draws: Floats, null: float = 0.0, *, clusters: int | None) -> Floats:
    """Compute the two-sided p-value that inverts the percentile interval.

    ``p = min(1, 2 (1 + min(#{t* <= null}, #{t* >= null})) / (B + 1))``, so that p is
    never 0 and ``p <= 1 - level`` exactly when the interval of that level leaves `null`
    out (where (1 - level) / 2 times (B + 1) is an integer). Missing values are those of
    `percentile`.
    """
    columns = _usable_draws(draws, clusters)
    usable = np.sum(~np.isnan(columns), axis=0)
    tail = np.minimum(np.sum(columns <= null, axis=0), np.sum(columns >= null, axis=0))
    p = np.minimum(1.0, 2.0 * (1.0 + tail) / (usable + 1.0))
    return np.where(usable > 0, p, np.nan)


def bca(
    draws: Floats,
    estimates: Floats,
    acceleration: Floats | float,
    level: float = 0.95,
    *,
    clusters: int | None,
) -> tuple[Floats, Floats]:
    """Compute the bias-corrected accelerated interval of columns of bootstrap draws.

    Without acceleration, 0, it is the bias-corrected interval, which covers less than
    it says for a product of coefficients near 0 (Fritz, Taylor & MacKinnon 2012,
    Multivariate Behavioral Research 47:61).

    The ends are the quantiles ``Phi(z0 + (z0 + z_q) / (1 - acc (z0 + z_q)))`` of the
    draws, read by the rule of `percentile`, for ``z_q = Phi^-1(q)``, q = (1 - level) /
    2 and 1 - q. z0 is ``Phi^-1`` of the share of draws below the estimate, ties one
    half, kept in [1 / (B + 1), B / (B + 1)] so that it is finite (Efron 1987, JASA
    82:171; DiCiccio & Efron 1996, Statistical Science 11:189). `estimates` and
    `acceleration` are () or (k,). The ends are NaN without a usable draw, an estimate
    or an acceleration, and below five clusters.

    Where ``1 - acc (z0 + z_q)`` is 0 or less the formula has passed its pole, and would
    jump from one tail of the draws to the other. The end is then the limit before the
    pole, the extreme draw on that side. As a jackknife's acceleration is at most 1/6 in
    size, this needs abs(z0 + z_q) of 6: draws that hardly know the estimate.
    """
    from scipy import special

    columns = _usable_draws(draws, clusters)
    rate = np.asarray(acceleration, dtype=float)
    bias = _normal_share(columns, estimates)
    z = special.ndtri((1.0 - level) / 2.0)
    low, high = (special.ndtr(bias + _accelerated(bias + end, rate)) for end in (z, -z))
    return _column_quantiles(columns, low, high)


def bca_p(
    draws: Floats,
    estimates: Floats,
    acceleration: Floats | float,
    null: float = 0.0,
    *,
    clusters: int | None,
) -> Floats:
    """Compute the two-sided p-value that inverts the BCa interval.

    One minus the level at which an end meets `null`: ``p = 2 min(Phi(z), 1 - Phi(z))``
    with ``z = (w - z0) / (1 + acc (w - z0)) - z0``, where w is to `null` what z0 is to
    the estimate in `bca`.

    ``p <= 1 - level`` exactly when the interval of that level leaves `null` out, except
    where `null` lies between the two draws from which an end is interpolated, or on one
    of them: the p counts whole draws. It may fall below 2 / (B + 1): z0 and the
    acceleration carry the normal distribution beyond the last draw. Where
    ``1 + acc (w - z0)`` is 0 or less no level reaches `null`; p is then 2 / (B + 1),
    and not 0, which no number of draws could show.
    """
    from scipy import special

    columns = _usable_draws(draws, clusters)
    rate = np.asarray(acceleration, dtype=float)
    bias = _normal_share(columns, estimates)
    z = _accelerated(_normal_share(columns, null) - bias, -rate) - bias
    p = 2.0 * special.ndtr(-np.abs(z))
    smallest_p = 2.0 / (np.sum(~np.isnan(columns), axis=0) + 1.0)
    return np.where(p == 0.0, smallest_p, p)


def covariance_of(draws: Floats, *, clusters: int | None) -> Floats:
    """Compute the covariance (k, k) of bootstrap draws (B, k), with divisor B - 1.

    A row with a missing value is left out. NaN throughout with fewer than two usable
    rows, and below five clusters.
    """
    columns = _usable_draws(draws, clusters)
    complete = columns[~np.isnan(columns).any(axis=1)]
    width = columns.shape[1]
    if len(complete) < 2:
        return np.full((width, width), np.nan)
    return np.cov(complete, rowvar=False).reshape(width, width)


def acceleration(jackknife: Floats) -> Floats:
    """Compute the acceleration from leave-one-out estimates (G,) or (G, k).

    What is left out must be what the bootstrap draws.

    ``acc = sum u^3 / (6 (sum u^2)^1.5)`` with ``u_g = mean(jackknife) - jackknife_g``;
    at most 1/6 in size (Efron 1987, JASA 82:171, in the jackknife form of DiCiccio &
    Efron 1996, Statistical Science 11:189). Missing values are left out column by
    column. 0 where the values are all equal (to 1e-12 of the largest); NaN for a column
    without a value.
    """
    values = np.asarray(jackknife, dtype=float)
    observed = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean = np.sum(values, axis=0, where=observed) / np.sum(observed, axis=0)
    u = np.where(observed, mean - values, 0.0)
    spread = np.max(np.abs(u), axis=0, initial=0.0)
    floor = SAME_WITHOUT * np.max(np.abs(values), axis=0, initial=0.0, where=observed)
    # In units of the largest, so that no power leaves the range of floats.
    u = np.where(spread > floor, u / np.where(spread > floor, spread, 1.0), 0.0)
    squares = np.sum(u**2, axis=0)
    skew = np.sum(u**3, axis=0) / (6.0 * np.where(squares > 0.0, squares, 1.0) ** 1.5)
    return np.where(np.isnan(mean), np.nan, skew)


def holm(p: Floats) -> Floats:
    """Adjust the p-values (K,) of a family of tests by Holm's step-down.

    Holm (1979), Scandinavian Journal of Statistics 6:65. With p sorted from small to
    large, ``p~(k) = max_{j <= k} min(1, (K - j + 1) p(j))``: the chance of one false
    rejection or more among all K is kept, however the tests depend on each other. A
    missing p stays missing and does not count in K.
    """
    p_values = np.asarray(p, dtype=float)
    # Missing values are sorted last
    order = np.argsort(p_values)[: int(np.sum(~np.isnan(p_values)))]
    adjusted = np.full(p_values.shape, np.nan)
    multiples = np.arange(order.size, 0, -1) * p_values[order]
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, multiples))
    return adjusted


def romano_wolf(statistics: Floats, draws: Floats, *, clusters: int | None) -> Floats:
    """Compute two-sided p-values of a family of tests by Romano and Wolf's step-down.

    Romano & Wolf (2005), Econometrica 73:1237. With the statistics ordered by size from
    large to small,
    ``p(k) = (1 + #{max over the k-th and all smaller |t*| >= |t(k)|}) / (B +
    1)``, and no p is smaller than the one before it (Romano & Wolf 2016, Statistics &
    Probability Letters 113:38). As Holm's it keeps the chance of one false rejection or
    more, but it takes the dependence of the tests from the draws and so rejects more
    where they move together.

    `draws` (B, K) are studentised and centred, (draw - estimate) / standard error, of
    all tests *from the same resamples*; a row with a missing value is left out. A
    missing statistic stays missing and leaves the family. NaN throughout without a
    usable row, and below five clusters.
    """
    sizes = np.abs(np.asarray(statistics, dtype=float))
    # Missing ones are sorted last
    order = np.argsort(-sizes, kind="stable")[: int(np.sum(~np.isnan(sizes)))]
    family = np.abs(_usable_draws(draws, clusters)[:, order])
    family = family[~np.isnan(family).any(axis=1)]
    p = np.full(sizes.shape, np.nan)
    if family.size:
        remaining = np.maximum.accumulate(family[:, ::-1], axis=1)[:, ::-1]
        exceed = np.sum(remaining >= sizes[order], axis=0)
        p[order] = np.maximum.accumulate((1.0 + exceed) / (family.shape[0] + 1.0))
    return p


def delta(
    estimates: Floats, std_errors: Floats, df: Floats | float, level: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Compute the symmetric t interval around every estimate (k,), with its p-value.

    The p-value is ``2 P(t > |estimate / std_error|)``, normal with `df` of ``inf``;
    `df` may be (k,).
    """
    from scipy import special

    half = special.stdtrit(df, (1.0 + level) / 2.0) * np.asarray(std_errors)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(np.asarray(estimates) / std_errors)
    p = np.asarray(2.0 * special.stdtr(df, -t), dtype=np.float64)
    return estimates - half, estimates + half, p


def product_interval(
    a: float, b: float, s_a: float, s_b: float, r: float = 0.0, level: float = 0.95
) -> tuple[float, float]:
    """Compute the interval of ab from the distribution of a product of normals.

    The ends are the quantiles (1 - level) / 2 and (1 + level) / 2 of XY, where X is
    normal with mean a and standard deviation s_a, Y with b and s_b, and their
    correlation is r (MacKinnon, Fritz, Williams & Lockwood 2007, Behavior Research
    Methods 39:384; with a correlation Tofighi & MacKinnon 2011, Behavior Research
    Methods 43:692). They are exact to 1e-12 of the product's standard deviation, and
    NaN if a number is missing. `product_p` inverts exactly this interval.
    """
    from scipy import special

    spread = _product_spread(a, b, s_a, s_b, r)
    if np.isnan(a * b + spread):
        return np.nan, np.nan
    tail = (1.0 - level) / 2.0
    if s_a == 0.0 or s_b == 0.0:  # a constant times a normal number
        half = -spread * float(special.ndtri(tail))
        return a * b - half, a * b + half
    a, b, unit = a / s_a, b / s_b, s_a * s_b
    # The high end is the low end of -XY: a tail is a sum, and exact; a rest to 1
    # is not.
    low = _product_quantile(tail, a, b, r)
    high = -_product_quantile(tail, -a, b, -r)
    return unit * low, unit * high


def product_p(a: float, b: float, s_a: float, s_b: float, r: float = 0.0) -> float:
    """Compute the p-value that inverts `product_interval`: ``2 min(F(0), 1 - F(0))``.

    F is the product's distribution; NaN if a number is missing or nothing random.
    """
    from scipy import special

    spread = _product_spread(a, b, s_a, s_b, r)
    if np.isnan(a * b + spread) or spread == 0.0:
        return np.nan
    if s_a == 0.0 or s_b == 0.0:
        return float(2.0 * special.ndtr(-abs(a * b) / spread))
    below = _product_share(0.0, a / s_a, b / s_b, r)
    above = _product_share(0.0, -a / s_a, b / s_b, -r)
    return min(1.0, 2.0 * min(below, above))


def _product_spread(a: float, b: float, s_a: float, s_b: float, r: float) -> float:
    """Compute the standard deviation of the product of two normal numbers."""
    square = (
        (a * s_b) ** 2
        + (b * s_a) ** 2
        + 2 * r * (a * s_b) * (b * s_a)
        + (s_a * s_b) ** 2 * (1 + r * r)
    )
    return float(np.sqrt(max(square, 0.0)))


def _product_quantile(share: float, a: float, b: float, r: float) -> float:
    """Compute a quantile of XY, where X and Y have a standard deviation of one."""
    from scipy import optimize

    mean, spread = a * b + r, _product_spread(a, b, 1.0, 1.0, r)
    # Cantelli's inequality: the quantile lies inside
    reach = spread / np.sqrt(min(share, 1.0 - share))
    ends, precision = (mean - reach, mean + reach), PRODUCT_QUANTILE * spread
    return float(
        optimize.brentq(
            lambda z: _product_share(z, a, b, r) - share, *ends, xtol=precision
        )
    )


def _product_share(z: float, a: float, b: float, r: float) -> float:
    """Compute P(XY <= z): over X, that Y is at most z / X, or at least where X < 0."""
    from scipy import special

    # X is a + u, and given it Y is normal around b + r u. The integrand bends where X
    # is 0 and where X times this mean is z: panels halve towards these values, and
    # Gauss's rule is exact to rounding in each panel.
    conditional_sd = np.sqrt(max(1.0 - r * r, 0.0))
    linear, constant = b + r * a, a * b - z
    discriminant = max(linear**2 - 4.0 * r * constant, 0.0)
    root = -(linear + np.copysign(np.sqrt(discriminant), linear)) / 2.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        bends = np.nan_to_num(
            np.array([-a, np.divide(root, r), np.divide(constant, root)])
        )
        edges = np.concatenate(
            [np.arange(-_FAR, _FAR + 1.0), (bends[:, None] + _HALVES).ravel()]
        )
        edges = np.unique(np.clip(edges, -_FAR, _FAR))
        nodes, weights = _gauss_legendre()
        half = np.diff(edges)[:, None] / 2.0
        u = edges[:-1, None] + half * (1.0 + nodes)
        score = np.sign(a + u) * (z / (a + u) - b - r * u) / conditional_sd
    # X = 0 to rounding
    score = np.where(np.isnan(score), np.copysign(np.inf, z), score)
    integrand = special.ndtr(score) * np.exp(-(u**2) / 2.0)
    return float(np.sum(half * weights * integrand) / np.sqrt(2.0 * np.pi))


@cache
def _gauss_legendre() -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(16)


def fieller(
    ratio: tuple[float, float], variance: tuple[float, float, float], critical: float
) -> list[tuple[float, float]]:
    """Compute Fieller's confidence set for a ratio n / d of two normal estimates.

    Fieller (1954), JRSS B 16:175. The set is
    ``{r : |n - r d| <= critical * se(n - r d)}``: all r with
    ``A r^2 - 2 B r + C <= 0``, A = d^2 - c^2 v_dd, B = n d - c^2 v_nd, C = n^2 - c^2
    v_nn. It is one bounded interval exactly when d differs from 0 at the same level;
    otherwise it is two unbounded pieces or the whole line. `variance` is
    (v_nn, v_nd, v_dd). The turning point of ``b1 x + b2 x^2`` is the ratio -b1 / (2
    b2), with variances ``(v11, -2 v12, 4 v22)``.
    """
    n, d = ratio
    v_nn, v_nd, v_dd = variance
    square = critical**2
    a, b, c = d * d - square * v_dd, n * d - square * v_nd, n * n - square * v_nn
    if a == 0.0:
        end = c / (2.0 * b) if b else np.inf
        return [(end, np.inf)] if b > 0.0 else [(-np.inf, end)]
    discriminant = b * b - a * c
    if discriminant <= 0.0:
        # With a > 0 only a degenerate variance comes here: the set is the estimate
        # itself.
        return [(b / a, b / a)] if a > 0.0 else [(-np.inf, np.inf)]
    # The larger root in size first: the other from the product of the roots, without
    # cancellation.
    q = b + np.copysign(np.sqrt(discriminant), b)
    low, high = sorted((float(q / a), float(c / q)))
    return [(low, high)] if a > 0.0 else [(-np.inf, low), (high, np.inf)]


def _usable_draws(draws: Floats, clusters: int | None) -> Floats:
    """Return the draws, or NaN if there are too few clusters."""
    columns = np.asarray(draws, dtype=float)
    return columns if has_enough_clusters(clusters) else np.full(columns.shape, np.nan)


def _column_quantiles(
    columns: Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Compute two quantiles of each column, at shares that differ by column."""
    flat = columns.reshape(columns.shape[0], -1)
    shares = np.stack([np.ravel(low), np.ravel(high)])
    ends = np.full(shares.shape, np.nan)
    for j, column in enumerate(flat.T):
        usable = column[~np.isnan(column)]
        if usable.size and not np.isnan(shares[:, j]).any():
            ends[:, j] = np.quantile(usable, shares[:, j], method="weibull")
    low, high = ends.reshape(2, *columns.shape[1:])
    return low, high


def _normal_share(columns: Floats, values: Floats | float) -> Floats:
    """Compute the normal quantile of the share of draws below a value, by column."""
    from scipy import special

    usable = np.sum(~np.isnan(columns), axis=0)
    below = np.sum(columns < values, axis=0) + 0.5 * np.sum(columns == values, axis=0)
    with np.errstate(invalid="ignore"):
        share = below / usable
    edge = 1.0 / (usable + 1.0)
    quantile = special.ndtri(np.clip(share, edge, 1.0 - edge))
    return np.where(np.isnan(values), np.nan, quantile)


def _accelerated(z: Floats, rate: Floats) -> Floats:
    """Compute z / (1 - rate z), with its limit beyond the pole."""
    denominator = 1.0 - rate * z
    passed = denominator <= 0.0
    return np.where(
        passed, np.copysign(np.inf, z), z / np.where(passed, 1.0, denominator)
    )
