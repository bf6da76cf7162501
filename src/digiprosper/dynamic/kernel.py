"""Arrays of a dynamic panel on a grid of N entities and T periods.

Transformations, difference and system GMM from moments by entity, and within estimators
corrected for the bias of Nickell (1981).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.polynomial.polynomial import polyval
from scipy.special import fdtrc

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import COLLINEAR, NO_VARIANCE, SAME_INSTRUMENT

Transform = Literal["difference", "orthogonal", "within"]


def transformed(
    values: Floats, complete: Bools, transform: Transform
) -> tuple[Floats, Bools]:
    """Apply a transformation to values (N, T, p); which rows (N, T) have one.

    `complete` (N, T) are the rows in which all columns are observed. The transformed
    row is zero where there is none. A difference subtracts the period before, a within
    deviation the mean of the entity. An orthogonal deviation subtracts the mean of all
    later rows and is scaled (Arellano & Bover 1995); that of period t stands at t + 1,
    so that its instruments have the same lags as those of the difference at t + 1.
    """
    filled = np.where(complete[..., None], values, 0.0)
    out, present = np.zeros_like(filled), np.zeros_like(complete)
    if transform == "within":
        present, counts = complete, np.maximum(complete.sum(axis=1), 1)[:, None, None]
        out = filled - filled.sum(axis=1, keepdims=True) / counts
    elif transform == "difference":
        present[:, 1:] = complete[:, 1:] & complete[:, :-1]
        out[:, 1:] = np.diff(filled, axis=1)
    else:
        later, sums = (
            np.cumsum(array[:, :0:-1], axis=1)[:, ::-1] for array in (complete, filled)
        )
        present[:, 1:] = complete[:, :-1] & (later > 0)
        counts = np.maximum(later, 1)[..., None]
        out[:, 1:] = np.sqrt(counts / (counts + 1)) * (filled[:, :-1] - sums / counts)
    out[~present] = 0.0
    return out, present


def transformation(periods: int, transform: Transform) -> Floats:
    """Write the transformation of a balanced panel as a matrix (T, T)."""
    complete = np.ones((1, periods), dtype=bool)
    values = transformed(np.eye(periods)[None], complete, transform)[0]
    return np.asarray(values[0])


# Bytes of the instruments that are held at a time.
_CHUNK = 2**26
# Orders up to which autocorrelation is tested.
_ORDERS = 3

# --- instruments ----------------------------------------------------------------------

Equation = Literal["both", "difference", "level"]
# What a column of instruments is: variable, equation, lag (None of an exogenous
# variable) and position of its period (None of a column of all periods).
InstrumentColumn: TypeAlias = tuple[str, Equation, int | None, int | None]


class Design(NamedTuple):
    """Equations and instruments on a grid of N entities and T periods.

    columns (N, T, 1 + k): outcome, then regressors; any number where not complete
    complete (N, T): rows with all of them and all exogenous instruments
    instruments: variables, as themselves or with their lags
    collapse: whether a lag is one column, or one for each period
    system: whether there is a level equation
    h: first-step weight, as in xtabond2: 3 is the covariance of the stacked errors if
        they are independent with one variance, 2 is without the covariances between
        the two equations, 1 is the identity matrix
    """

    columns: Floats
    complete: Bools
    instruments: Sequence[Instrument]
    collapse: bool
    system: bool
    transform: Transform
    h: int


class Instrument(NamedTuple):
    """A variable that is its own instrument, or whose lags are, as in xtabond2.

    Without `lags` it is exogenous, ``iv()``: its column has the transformed values in
    the transformed equation and the values in the level equation. With the first and
    the last of `lags`, ``gmm()``, the transformed equation of period t has its values
    at t - l, and the level equation has its difference at t - (first - 1). `equation`
    says which of the two equations have it.
    """

    name: str
    values: Floats  # (N, T); those of lags are missing where there is no row
    equation: Equation = "both"
    lags: tuple[int, int | None] | None = None


def instrument_array(
    design: Design, part: slice
) -> tuple[list[InstrumentColumn], Floats]:
    """Make the instruments (n, R, L) of some entities, and say what the columns are.

    R is the T periods of the transformed equation and, with a level equation, the T
    periods of that. Columns may be zero in every row.
    """
    (n, periods), equations = design.complete[part].shape, 1 + design.system
    columns: list[InstrumentColumn] = []
    arrays = [np.zeros((n, equations * periods, 0))]
    for name, equation, lag, *blocks in _variables_and_lags(design, part):
        values = np.concatenate(blocks[:equations], axis=1)[..., None]
        by_column: Sequence[int | None] = (None,)
        if lag is not None and not design.collapse:
            by_column = range(lag, periods)
            values = values * np.tile(np.eye(periods), (equations, 1))[:, lag:]
        columns += [(name, equation, lag, at) for at in by_column]
        arrays.append(values)
    return columns, np.concatenate(arrays, axis=2)


def _variables_and_lags(
    design: Design, part: slice
) -> Iterator[tuple[str, Equation, int | None, Floats, Floats]]:
    """Make the values (n, T) of each variable or lag in the two equations."""
    complete = design.complete[part]
    nothing, by_variable = np.zeros(complete.shape), (-1, *complete.shape)
    arrays = [instrument.values[part] for instrument in design.instruments]
    values = np.moveaxis(np.reshape(arrays, by_variable), 0, 2)
    changes, present = transformed(values, complete, design.transform)
    levels = np.where(complete[..., None], values, 0.0)
    for j, (name, _, equation, lags) in enumerate(design.instruments):
        in_difference, in_level = equation != "level", equation != "difference"
        if lags is None:
            equation = equation if design.system else "difference"
            upper, lower = changes[..., j] * in_difference, levels[..., j] * in_level
            yield name, equation, None, upper, lower
            continue
        (first, last), most = lags, values.shape[1] - 1
        if in_difference:
            for lag in range(first, min(last or most, most) + 1):
                lagged = _lagged(np.nan_to_num(values[..., j]), lag, present)
                yield name, "difference", lag, lagged, nothing
        if design.system and in_level:
            differences = np.diff(values[..., j], axis=1, prepend=np.nan)
            lagged = _lagged(np.nan_to_num(differences), first - 1, complete)
            yield name, "level", first - 1, nothing, lagged


def _lagged(values: Floats, lag: int, rows: Bools) -> Floats:
    """Lag values (n, T); zero outside of some rows (n, T)."""
    out = np.zeros(values.shape)
    out[:, lag:] = values[:, : max(values.shape[1] - lag, 0)]
    return out * rows


# --- moments --------------------------------------------------------------------------


class Moments(NamedTuple):
    """What GMM needs of a design, with L instruments and k regressors.

    products (N, L, 1 + k): ``Z_i' [y_i, X_i]``
    total (L, 1 + k): their sum
    weight (L, L): ``sum_i Z_i' H_i Z_i``
    columns: the L instruments, none a combination of the others
    positions (L,): their positions among all that the design makes
    size (L,): what they are divided by, so that `weight` has a diagonal of one
    transformed (n, 1 + k): outcome and regressors, rows of the transformed equation
    """

    design: Design
    products: Floats
    total: Floats
    weight: Floats
    columns: tuple[InstrumentColumn, ...]
    positions: Ints
    size: Floats
    transformed: Floats

    def error_variance(self, step: GmmStep, *, less_k: bool) -> float:
        """Estimate the variance of the errors from the transformed rows.

        The variance of a difference is twice that of the error. With `less_k` the
        divisor is the number of rows less that of the coefficients.
        """
        residuals = step.residuals(self.transformed)
        scale = 2.0 if self.design.transform == "difference" else 1.0
        divisor = len(residuals) - less_k * len(step.coefficients)
        return float(residuals @ residuals / divisor / scale)


def moments(design: Design) -> Moments:
    """Transform the equations, and sum products of instruments by entity."""
    values, present = transformed(design.columns, design.complete, design.transform)
    stacked = np.concatenate([values, design.columns], axis=1)
    error_covariance = _error_covariance(design)
    by_chunk, weight = [], np.zeros(())
    columns: list[InstrumentColumn] = []
    for part in _entity_chunks(design):
        columns, z = instrument_array(design, part)
        by_chunk.append(z.transpose(0, 2, 1) @ stacked[part, : z.shape[1]])
        weighted = np.tensordot(error_covariance, z, axes=(1, 1)).transpose(1, 0, 2)
        weight = weight + np.tensordot(z, weighted, axes=((0, 1), (0, 1)))

    used = np.flatnonzero(np.diag(weight) > 0)
    positions = used[_independent_columns(weight[np.ix_(used, used)])]
    size = np.sqrt(np.diag(weight)[positions])
    products = np.concatenate(by_chunk)[:, positions] / size[:, None]
    return Moments(
        design=design,
        products=products,
        total=products.sum(axis=0),
        weight=weight[np.ix_(positions, positions)] / size / size[:, None],
        columns=tuple(columns[j] for j in positions.tolist()),
        positions=positions,
        size=size,
        transformed=values[present],
    )


def _entity_chunks(design: Design) -> Iterator[slice]:
    """Cut the entities so that the instruments (n, R, L) of a part are in memory."""
    n, periods = design.complete.shape
    most = len(design.instruments) * periods ** (1 if design.collapse else 2)
    return chunks(n, (1 + design.system) * periods * most, _CHUNK)


def _error_covariance(design: Design) -> Floats:
    """Make the covariance H (R, R) that the first step assumes in a balanced panel."""
    periods = design.complete.shape[1]
    matrix = transformation(periods, design.transform)
    upper = np.eye(periods) if design.h == 1 else matrix @ matrix.T
    if not design.system:
        return upper
    cross = matrix * (design.h == 3)
    return np.block([[upper, cross], [cross.T, np.eye(periods)]])


def _independent_columns(gram: Floats) -> Ints:
    """Select columns of full rank from their cross product, in ascending order."""
    from scipy.linalg import qr

    size = np.sqrt(np.diag(gram))
    triangle, order = qr(gram / size / size[:, None], mode="r", pivoting=True)
    rank = int((np.abs(np.diag(triangle)) > SAME_INSTRUMENT).sum())
    return np.sort(order[:rank])


# --- estimates ------------------------------------------------------------------------


class GmmStep(NamedTuple):
    """Estimates of one step.

    coefficients (k,)
    bread (k, k): ``(X'Z W Z'X)^-1``
    influence (k, L): what a moment adds to the coefficients, ``bread X'Z W``
    weighted (L,): W times the moments at the coefficients
    criterion: what the step minimises, the moments times `weighted`
    covariance (k, k): of the coefficients; the robust one, and for two steps that of
        Windmeijer (2005, equation 2.6)
    """

    coefficients: Floats
    bread: Floats
    influence: Floats
    weighted: Floats
    criterion: float
    covariance: Floats

    def residuals(self, columns: Floats) -> Floats:
        """Subtract from the outcome (...,) what regressors explain: (..., 1 + k)."""
        return columns[..., 0] - columns[..., 1:] @ self.coefficients


class GmmFit(NamedTuple):
    """One-step and, if the moments allow it, two-step estimates.

    score_covariance (L, L): ``sum_g m_g m_g'`` of one-step moments by cluster
    second: None if the covariance of the moments is singular, as it is with more
        instruments than clusters
    """

    first: GmmStep
    second: GmmStep | None
    score_covariance: Floats


def gmm(data: Moments, clusters: Ints) -> GmmFit:
    """Estimate in one and in two steps; `clusters` are codes (N,) of the entities."""
    first = _step(data.total, data.weight)
    order = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.diff(clusters[order], prepend=-1))
    by_cluster = np.add.reduceat(data.products[order], starts)
    scores = first.residuals(by_cluster)
    score_covariance = scores.T @ scores
    robust = first.influence @ score_covariance @ first.influence.T
    # A moment with variation in one cluster only is zero at the estimates, but for
    # rounding.
    terms = np.abs(by_cluster * np.append(1.0, first.coefficients)).sum(axis=(0, 2))
    varies = np.sqrt(np.diag(score_covariance)) > NO_VARIANCE * terms
    rank = len(_independent_columns(score_covariance)) if varies.all() else 0
    second = None
    if rank == len(data.total) <= len(by_cluster):
        second = _step(data.total, score_covariance)
        # Derivatives of the moments' covariance, and so of the second step, with
        # respect to the first.
        changes = np.tensordot(by_cluster[..., 1:], scores, axes=(0, 0))
        changes = changes.transpose(1, 0, 2) + changes.transpose(1, 2, 0)
        derivative = second.influence @ (changes @ second.weighted).T
        cross = derivative @ second.bread
        windmeijer = second.bread + cross + cross.T + derivative @ robust @ derivative.T
        second = second._replace(covariance=windmeijer)
    return GmmFit(first._replace(covariance=robust), second, score_covariance)


def identifies(total: Floats) -> bool:
    """Tell whether products (L, 1 + k) of instruments identify all coefficients."""
    regressors = total[:, 1:]
    size = np.linalg.norm(regressors, axis=0)
    scaled = regressors / np.where(size > 0, size, 1.0)
    count, k = regressors.shape
    return count >= k and bool(np.linalg.matrix_rank(scaled) == k)


def _step(total: Floats, moment_covariance: Floats) -> GmmStep:
    """Estimate from summed products (L, 1 + k), whose covariance is given."""
    outcome, regressors = total[:, 0], total[:, 1:]
    weighting = np.asarray(np.linalg.inv(moment_covariance))
    weighted = regressors.T @ weighting
    bread = np.asarray(np.linalg.inv(weighted @ regressors))
    influence = bread @ weighted
    coefficients = influence @ outcome
    moment = outcome - regressors @ coefficients
    return GmmStep(
        coefficients=coefficients,
        bread=bread,
        influence=influence,
        weighted=weighting @ moment,
        criterion=float(moment @ weighting @ moment),
        covariance=bread,
    )


# --- tests ----------------------------------------------------------------------------


def hansen(data: Moments, fit: GmmFit, chosen: Bools) -> tuple[float, int]:
    """Compute Hansen's J with some instruments (L,), and its degrees of freedom.

    The covariance of the moments is part of that of the whole model, so that the
    difference is not negative (Hayashi 2000, section 3.6). Missing where the covariance
    is singular, nothing is overidentified, or the instruments do not identify all
    coefficients.
    """
    total = data.total[chosen]
    df_hansen = max(len(total) - (total.shape[1] - 1), 0)
    if not df_hansen or fit.second is None:
        return np.nan, df_hansen
    if not identifies(total):
        return np.nan, 0
    return _step(total, fit.score_covariance[chosen][:, chosen]).criterion, df_hansen


def autocorrelations(
    data: Moments, step: GmmStep, variance: float | None
) -> dict[int, tuple[float, float]]:
    """Test autocorrelation (Arellano & Bond 1991, equation 8): z and p by order.

    The tests are about the differenced residuals, whatever the transformation.
    `variance` is that of the errors if the covariance assumes one, else None. Missing
    if no entity has two of the residuals so far apart.
    """
    from scipy.special import ndtr

    design, orders = data.design, range(1, _ORDERS + 1)
    changes, present = transformed(design.columns, design.complete, "difference")
    residuals = step.residuals(changes)
    earlier = np.stack([_lagged(residuals, order, present) for order in orders])
    products = (earlier * residuals).sum(axis=2)
    if variance is None:
        squares = (products**2).sum(axis=1)
        with_moments = products @ step.residuals(data.products)
    else:
        matrix = transformation(residuals.shape[1], "difference")
        weighted = earlier @ (variance * matrix @ matrix.T)
        squares = (weighted * earlier).sum(axis=(1, 2))
        with_moments = _instrument_products(data, weighted)
    regressors = np.einsum("ont,ntk->ok", earlier, changes[..., 1:])
    of_estimates = regressors @ step.covariance - 2 * with_moments @ step.influence.T
    spread = squares + (of_estimates * regressors).sum(axis=1)
    spread[~products.any(axis=1) | (spread <= 0)] = np.nan
    z = products.sum(axis=1) / np.sqrt(spread)
    tests = np.stack([z, 2 * ndtr(-np.abs(z))], axis=1)
    return dict(zip(orders, map(tuple, tests.tolist()), strict=True))


def _instrument_products(data: Moments, values: Floats) -> Floats:
    """Multiply values (q, N, T) of the transformed equation by instruments: (q, L)."""
    periods = values.shape[2]
    products = []
    for part in _entity_chunks(data.design):
        z = instrument_array(data.design, part)[1][:, :periods, data.positions]
        products.append(np.einsum("nrl,qnr->ql", z, values[:, part]))
    return np.asarray(np.sum(products, axis=0) / data.size)


# --- within estimators ----------------------------------------------------------------


# The equation of the bias is solved between the within estimate and a value above,
# in steps of the search, and bisections of the step with the solution.
_HIGHEST = 1.3
_LEAST_RANGE = 0.3
_STEPS = 80
_BISECTIONS = 45


class WithinProducts(NamedTuple):
    """What within estimators need of each of N entities, or in sum of each draw.

    products (N, K, K): cross products of outcome, regressors and dummies of periods,
        net of entity means; the lag of the outcome is the first regressor
    n_regressors: regressors without the dummies
    degrees (N,): rows, less the one that an entity's mean takes
    bias (N, T - 1): ``bias @ (1, r, r^2, ...)``, times the error variance, is the
        expected product of lag and error if the coefficient of the lag is r
    """

    products: Floats
    n_regressors: int
    degrees: Floats
    bias: Floats

    def drawn(self, counts: Floats) -> WithinProducts:
        """Sum the entities of draws, which are in each as often as `counts` (D, N)."""
        products, degrees, bias = (
            np.tensordot(counts, by_entity, axes=1)
            for by_entity in (self.products, self.degrees, self.bias)
        )
        return self._replace(products=products, degrees=degrees, bias=bias)


def within_products(
    values: Floats, n_regressors: int, complete: Bools
) -> WithinProducts:
    """Compute products of each entity.

    values (N, T, 1 + k + p): outcome, its lag, other regressors, and dummies of
    periods; `complete` (N, T) are the rows.
    """
    columns = transformed(values, complete, "within")[0]
    rows = complete.sum(axis=1)
    return WithinProducts(
        products=columns.transpose(0, 2, 1) @ columns,
        n_regressors=n_regressors,
        degrees=rows - np.minimum(rows, 1.0),
        bias=_expected_products(columns[..., 1 + n_regressors :], complete),
    )


def persistence_bounds(columns: Floats, complete: Bools, lags: int) -> dict[str, float]:
    """Sum the coefficients of the lags by two estimators with opposite biases.

    Within entities it is biased downwards, by pooled least squares upwards (Bond 2002).
    columns (N, T, 1 + K): outcome, the lags, other regressors.
    """
    within_entities = transformed(columns, complete, "within")[0]
    pooled = np.concatenate([columns, complete[..., None]], axis=2)
    bounds = {}
    for name, values in (("within", within_entities), ("ols", pooled)):
        rows = values[complete]
        size = np.linalg.norm(rows, axis=0)
        rows = rows / np.where(size > 0, size, 1.0)
        slopes = np.linalg.lstsq(rows[:, 1:], rows[:, 0], rcond=COLLINEAR)[0]
        bounds[name] = float((slopes[:lags] * size[0] / size[1 : 1 + lags]).sum())
    return bounds


def season_test(
    columns: Floats, complete: Bools, n_seasons: int
) -> tuple[float, float]:
    """Test seasons that differ between entities in within residuals: F and p."""
    within = transformed(columns, complete, "within")[0]
    rows = within[complete]
    slopes = np.linalg.lstsq(rows[:, 1:], rows[:, 0], rcond=COLLINEAR)[0]
    residuals = within[..., 0] - within[..., 1:] @ slopes
    sizes = np.linalg.norm(residuals, axis=1) / np.sqrt(complete.sum(axis=1).clip(1))
    residuals /= np.where(sizes > 0, sizes, 1.0)[:, None]
    seasons = [slice(season, None, n_seasons) for season in range(n_seasons)]
    sums = np.stack([residuals[:, season].sum(axis=1) for season in seasons])
    counts = np.stack([complete[:, season].sum(axis=1) for season in seasons])
    explained = float((sums**2 / counts.clip(1)).sum())
    df = np.count_nonzero(counts) - len(complete) - n_seasons + 1
    df_rest = len(rows) - rows.shape[1] - np.count_nonzero(counts)
    if min(df, df_rest) < 1:
        return np.nan, np.nan
    ratio = explained / df / (float((residuals**2).sum()) - explained) * df_rest
    return ratio, float(fdtrc(df, df_rest, ratio))


def _expected_products(dummies: Floats, complete: Bools) -> Floats:
    """Compute the coefficients (N, T - 1) of powers of r in E(lag' M e) / variance.

    The lag of period t contains the error of period s < t with the weight
    ``r^(t - 1 - s)``, so the expectation is ``tr(M L)`` with these weights in L and M
    the projection that removes entity and period effects (Bun & Carree 2005, section
    2; with gaps, a period without a row passes the error on). `dummies` (N, T, p) of
    periods are net of entity means.
    """
    present = complete.astype(np.float64)
    rows = np.maximum(present.sum(axis=1), 1.0)[:, None, None]
    inverse = np.linalg.pinv(np.einsum("ntp,ntq->pq", dummies, dummies))
    removed = present[:, :, None] * present[:, None] / rows
    removed += dummies @ inverse @ dummies.transpose(0, 2, 1)
    lags = range(1, complete.shape[1])
    return -np.stack([removed.trace(-lag, 1, 2) for lag in lags], axis=1)


def within(data: WithinProducts) -> tuple[Floats, Floats, Floats]:
    """Estimate by least squares within entities; missing if a regressor is constant.

    Coefficients (D, K), the first column (D, K) of the inverse cross product of the
    regressors, and sums of squared residuals (D,).
    """
    products = data.products
    regressors, outcome = products[:, 1:, 1:], products[:, 1:, 0]
    size = np.sqrt(np.einsum("dkk->dk", regressors))
    constant = ~(size[:, : data.n_regressors] > 0).all(axis=1)
    size = np.where(size > 0, size, 1.0)
    scale = size[:, :, None] * size[:, None, :]
    inverse = np.linalg.pinv(regressors / scale, hermitian=True) / scale
    coefficients = np.einsum("dkl,dl->dk", inverse, outcome)
    coefficients[constant] = np.nan
    squares = products[:, 0, 0] - np.einsum("dk,dk->d", coefficients, outcome)
    return coefficients, inverse[:, :, 0], np.maximum(squares, 0.0)


def bias_corrected(data: WithinProducts) -> tuple[Floats, Bools]:
    """Solve for the coefficients whose bias explains the within estimates.

    With the within estimate w of the lag's coefficient, r solves ``r + s^2(r) tr(r) q =
    w`` (Bun & Carree 2005, equations 10 and 11). q is the first element of the inverse
    cross product, tr(r) as in `WithinProducts.bias`, and s^2(r) the error variance if
    the coefficient is r. The smallest solution above w is taken. The other coefficients
    follow, since their bias is that of the lag times a regression coefficient.

    Coefficients (D, k), and whether the bias was solved (D,). Without a solution the
    coefficient is the one that comes nearest to it. It is missing with no more rows
    than coefficients, or without variation in a regressor.
    """
    estimates, inverse, squares = within(data)
    first, q = estimates[:, 0], inverse[:, 0]
    degrees = data.degrees - estimates.shape[1]
    degrees = np.where((degrees > 0) & (q > 0), degrees, np.nan)
    q = np.where(q > 0, q, 1.0)

    def gap(r: Floats) -> Floats:
        variance = (squares + (r - first) ** 2 / q) / degrees
        expected = variance * polyval(r, data.bias.T, tensor=False) * q
        return r + expected - first

    steps = np.linspace(0, 1, _STEPS + 1)[:, None]
    grid = first + np.maximum(_HIGHEST - first, _LEAST_RANGE) * steps
    gaps = np.array([gap(r) for r in grid])
    # Without residuals, or with rounding only, the within estimate has no bias.
    crosses = (gaps[:-1] <= 0) & (gaps[1:] >= 0)
    solved = np.asarray(crosses.any(axis=0))
    draw, step = np.arange(first.size), crosses.argmax(axis=0)
    low, high = grid[step, draw], grid[step + 1, draw]
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        below = gap(middle) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    nearest = grid[gaps.argmax(axis=0), draw]
    r = np.where(solved, (low + high) / 2, nearest)
    r = np.where(np.isnan(degrees), np.nan, r)
    correction = ((r - first) / q)[:, None] * inverse
    return (estimates + correction)[:, : data.n_regressors], solved


def half_panel(
    whole: WithinProducts, halves: Sequence[WithinProducts]
) -> tuple[Floats, Bools]:
    """Correct by the half-panel jackknife (Dhaene & Jochmans 2015, equation 3.2).

    Twice the estimate (D, k) of the panel less the mean of those of its halves; all are
    solutions.
    """
    first, *others = [
        within(part)[0][:, : whole.n_regressors] for part in (whole, *halves)
    ]
    return 2 * first - np.mean(others, axis=0), np.ones(len(first), dtype=bool)


def corrected(
    products: Sequence[WithinProducts], counts: Floats
) -> tuple[Floats, Bools]:
    """Estimate in draws of entities: coefficients (D, k), and if they are solutions.

    `products` are of the panel and, for the half-panel jackknife, of its halves.
    """
    whole, *halves = [part.drawn(counts) for part in products]
    return half_panel(whole, halves) if halves else bias_corrected(whole)
