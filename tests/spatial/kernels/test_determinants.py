"""Against matrices written out: traces, Lee & Yu's data, quadrature."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.spatial.kernels.determinants import (
    Determinants,
    PeriodMeans,
    averages,
    by_unit,
    effects,
    effects_of_draws,
    multiplier,
    row_sum,
    spectrum,
    symmetric_root,
    symmetric_similar,
)
from digiprosper.spatial.kernels.likelihood import (
    Point,
    SpatialColumns,
    clustered_covariance,
    lagged,
    maximise,
    observed_information,
    without_means,
)
from digiprosper.spatial.kernels.matrices import stored

N, T = 9, 4
MODELS = [(True, False), (False, True), (True, True)]


def make_weights(kind: str, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    w = rng.uniform(size=(N, N)) * (rng.uniform(size=(N, N)) < 0.6)
    np.fill_diagonal(w, 0)
    w[np.arange(N), (np.arange(N) + 1) % N] += 0.3
    if kind == "symmetric":
        w = np.maximum(w, w.T)
    return (
        w / w.sum(axis=1, keepdims=True)
        if kind == "row"
        else w / np.abs(np.linalg.eigvals(w)).max()
    )


def adjusted(w: np.ndarray, *, entity: bool = True) -> Determinants:
    values = spectrum(w)
    assert values is not None
    periods = T - float(entity)
    return Determinants(values, periods, periods * (N - 1), PeriodMeans(w, values))


def panel(w: np.ndarray, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, e = rng.normal(size=(N * T, 2)), rng.normal(size=(N * T, 1))
    return x, lagged(
        np.linalg.inv(np.eye(N) - 0.3 * w), x.sum(axis=1, keepdims=True) + e
    )


def columns_of(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> SpatialColumns:
    def demean(columns: np.ndarray) -> np.ndarray:
        return without_means(columns, T, entity=True, time=True)

    first = lagged(w, y)
    lags = [demean(y), demean(first), demean(lagged(w, first))]
    return SpatialColumns(np.hstack(lags), demean(x), demean(lagged(w, x)), T)


def test_eigenvalues_of_links_without_a_way_back_are_those_of_the_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A part that only receives links leaves the matrix block triangular."""
    w = np.zeros((2 * N, 2 * N))
    w[:N, :N], w[N:, N:] = make_weights("row"), make_weights("row", seed=3)
    w[:N, N:] = np.random.default_rng(0).uniform(size=(N, N))
    whole, largest = np.linalg.eigvals(w), []
    eigvals = np.linalg.eigvals
    monkeypatch.setattr(
        np.linalg, "eigvals", lambda part: largest.append(len(part)) or eigvals(part)
    )
    order = np.random.default_rng(1).permutation(2 * N)
    actual = spectrum(w[np.ix_(order, order)])
    assert actual is not None
    assert max(largest) == N
    np.testing.assert_allclose(
        np.sort(actual.values), np.sort(whole), rtol=1e-10, atol=1e-12
    )
    assert actual.log_determinant(np.array([0.4]))[0] == pytest.approx(
        np.linalg.slogdet(np.eye(2 * N) - 0.4 * w)[1], rel=1e-12
    )


@pytest.mark.parametrize("kind", ["row", "symmetric", "spectral"])
def test_the_slope_of_rho_is_that_of_demeaned_errors(kind: str) -> None:
    """Minus (T - 1) tr(M G), the expected score of demeaned errors."""
    w = make_weights(kind)
    determinants, m = adjusted(w), np.eye(N) - 1 / N
    values = determinants.spectrum
    assert values is not None
    for share in (-0.8, -0.1, 1e-9, 0.4, 0.9):
        at, step = share * (values.high if share > 0 else -values.low), 1e-5
        g = w @ np.linalg.inv(np.eye(N) - at * w)
        assert determinants.derivative("rho", at, 1) == pytest.approx(
            -(T - 1) * np.trace(m @ g)
        )
        assert determinants.derivative("rho", at, 2) == pytest.approx(
            -(T - 1) * np.trace(m @ g @ g)
        )
        for name in ("rho", "lambda"):
            below, above = determinants.value(name, np.array([at - step, at + step]))
            assert (above - below) / (2 * step) == pytest.approx(
                determinants.derivative(name, at, 1), rel=1e-6
            )
            slopes = [
                determinants.derivative(name, at + sign * step, 1) for sign in (-1, 1)
            ]
            bend = (slopes[1] - slopes[0]) / (2 * step)
            assert bend == pytest.approx(determinants.derivative(name, at, 2), rel=1e-6)
        # Errors filtered by I - lambda W have period effects proportional to (I -
        # lambda W) 1.
        period = (np.eye(N) - at * w).sum(axis=1, keepdims=True)
        project = np.eye(N) - period @ period.T / (period.T @ period)
        assert determinants.derivative("lambda", at, 1) == pytest.approx(
            -(T - 1) * np.trace(project @ g)
        )


@pytest.mark.parametrize(("lag", "error"), MODELS)
def test_with_equal_row_sums_it_is_the_likelihood_of_transformed_data(
    lag: bool, error: bool
) -> None:
    """Orthonormal transformations leave (N - 1)(T - 1) rows.

    As in Lee & Yu (2010): the transformed weights are F'WF, and nothing is adjusted.
    """
    w = make_weights("row")
    x, y = panel(w)
    best = maximise(columns_of(w, x, y), adjusted(w), lag=lag, error=error)

    def complement(size: int) -> np.ndarray:
        """Orthonormal columns (size, size - 1) that add up to zero."""
        return np.linalg.svd(np.eye(size) - 1 / size)[0][:, : size - 1]

    by_entity, by_period = complement(N), complement(T)
    w_less = by_entity.T @ w @ by_entity

    def transformed(column: np.ndarray) -> np.ndarray:
        return by_entity.T @ column.reshape(N, T) @ by_period

    cells, regressors = transformed(y[:, 0]), [transformed(column) for column in x.T]
    rows = (N - 1) * (T - 1)

    def log_likelihood(rho: float, lam: float) -> float:
        outer, inner = np.eye(N - 1) - rho * w_less, np.eye(N - 1) - lam * w_less
        design = np.column_stack([(inner @ cell).ravel() for cell in regressors])
        outcome = (inner @ outer @ cells).ravel()
        e = outcome - design @ np.linalg.lstsq(design, outcome)[0]
        both = np.linalg.slogdet(outer)[1] + np.linalg.slogdet(inner)[1]
        return (T - 1) * both - rows / 2 * (np.log(2 * np.pi * (e @ e) / rows) + 1)

    assert best.loglik == pytest.approx(log_likelihood(best.rho, best.lam), abs=1e-9)
    for rho, lam in ((1e-4, 0), (-1e-4, 0), (0, 1e-4), (0, -1e-4)):
        assert (
            log_likelihood(best.rho + rho * lag, best.lam + lam * error)
            <= best.loglik + 1e-12
        )


@pytest.mark.parametrize("kind", ["symmetric", "spectral"])
def test_with_different_row_sums_it_is_the_root_of_the_adjusted_score(
    kind: str,
) -> None:
    w = make_weights(kind)
    x, y = panel(w)
    columns = columns_of(w, x, y)
    best = maximise(columns, adjusted(w), lag=True, error=False)
    basis = np.linalg.qr(columns.x)[0]
    e0, e1 = (column - basis @ (basis.T @ column) for column in columns.y[:, :2].T)
    e = e0 - best.rho * e1
    g = w @ np.linalg.inv(np.eye(N) - best.rho * w)
    m = np.eye(N) - 1 / N
    score = e1 @ e / (e @ e / ((N - 1) * (T - 1))) - (T - 1) * np.trace(m @ g)
    assert abs(score) < 1e-7
    assert best.sigma2 == pytest.approx(e @ e / ((N - 1) * (T - 1)))


def test_the_expected_score_is_zero_where_row_sums_differ() -> None:
    """Over 4,000 panels the adjusted score at the true rho has mean zero."""
    w = make_weights("spectral")
    rng = np.random.default_rng(3)
    inverse = np.linalg.inv(np.eye(N) - 0.3 * w)
    e = rng.normal(size=(4000, N, T))
    y = inverse @ (
        e + 2 * rng.normal(size=(4000, 1, T)) + rng.normal(size=(4000, N, 1))
    )

    def demean(cells: np.ndarray) -> np.ndarray:
        cells = cells - cells.mean(axis=2, keepdims=True)
        return cells - cells.mean(axis=1, keepdims=True)

    residuals = demean(y - 0.3 * (w @ y))
    products = np.einsum("bit,bit->b", residuals, demean(w @ y))
    error = products.std() / np.sqrt(4000)
    assert abs(products.mean() + adjusted(w).derivative("rho", 0.3, 1)) < 3 * error
    plain = Determinants(adjusted(w).spectrum, T, N * T)
    assert abs(products.mean() + plain.derivative("rho", 0.3, 1)) > 10 * error


@pytest.mark.parametrize("kind", ["row", "spectral"])
@pytest.mark.parametrize(("lag", "error"), MODELS[:2])
def test_covariances_with_matrices_written_out(
    kind: str, lag: bool, error: bool
) -> None:
    """The Hessian by differences, and scores of entities and pairs one by one."""
    w = make_weights(kind)
    x, y = panel(w)
    columns, determinants = columns_of(w, x, y), adjusted(w)
    best = maximise(columns, determinants, lag=lag, error=error)
    assert not best.at_end
    if error and kind == "spectral":
        return  # the columns of this test have no dummies of periods

    def demean(column: np.ndarray) -> np.ndarray:
        return without_means(column, T, entity=True, time=True)

    point = Point(columns, best, determinants, w, lag, error, demean)
    at = np.array([*point.spatial.values(), *best.coefficients, best.sigma2])

    def log_likelihood(v: np.ndarray) -> float:
        rho, lam = (v[0], 0.0) if lag else (0.0, v[0])
        outcome, outcome_lag, x = columns.filtered(lam)
        e = outcome - rho * outcome_lag - x @ v[1:-1]
        both = determinants.value("rho" if lag else "lambda", v[:1])[0]
        return both - determinants.rows / 2 * np.log(v[-1]) - e @ e / (2 * v[-1])

    steps, hessian = 1e-4 * np.eye(4), np.empty((4, 4))
    signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    for i in range(4):
        for j in range(4):
            terms = [
                s * t * log_likelihood(at + s * steps[i] + t * steps[j])
                for s, t in signs
            ]
            hessian[i, j] = sum(terms) / 4e-8
    information = observed_information(point)
    assert information == pytest.approx(-hessian, rel=1e-5, abs=1e-3)

    e, s2, m = best.residuals.reshape(N, T), best.sigma2, np.eye(N) - 1 / N
    g = m @ w @ np.linalg.inv(np.eye(N) - at[0] * w) @ m
    mean = point.moves()
    mean[:, 0] -= demean((g @ e).reshape(-1, 1))[:, 0]
    mean = mean.reshape(N, T, -1)
    meat = np.zeros((4, 4))
    for i in range(N):
        excess = e[i] @ e[i] / s2 - (T - 1) * (1 - 1 / N)
        score = np.append(e[i] @ mean[i] / s2, excess / (2 * s2))
        score[0] += g[i, i] * excess
        meat += np.outer(score, score)
        for j in range(i):
            meat[0, 0] += ((g[i, j] + g[j, i]) * (e[i] @ e[j]) / s2) ** 2
    bread = np.linalg.inv(information)
    expected = N / (N - 1) * bread @ meat @ bread
    assert clustered_covariance(point, bread) == pytest.approx(expected, rel=1e-9)


def test_nodes_of_the_quadrature_are_computed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    legendre, calls = np.polynomial.legendre, []
    nodes = legendre.leggauss
    monkeypatch.setattr(
        legendre, "leggauss", lambda count: calls.append(count) or nodes(count)
    )
    determinants = adjusted(make_weights("free"))
    for at in (-0.2, 0.1, 0.3):
        determinants.value("rho", np.array([at]))
    assert len(calls) <= 1


def test_an_end_of_the_interval_is_no_peak() -> None:
    """With different row sums a local maximum may be the estimate."""
    w = make_weights("spectral")
    determinants = adjusted(w)
    values = determinants.spectrum
    assert values is not None
    grid = values.chebyshev(50)
    heights = -((grid - grid[20]) ** 2) + 1e-3 / (values.high * 1.001 - grid) ** 2
    assert heights.argmax() == 49
    assert determinants.peaks(grid, heights[None])[0].argmax() == 20
    rising = grid[None]
    assert determinants.peaks(grid, rising) is not None
    assert determinants.peaks(grid, rising)[0].argmax() == 49
    row = adjusted(make_weights("row"))
    assert row.peaks(grid, heights[None])[0].argmax() == 49


def random_weights(kind: str, n: int = 9) -> np.ndarray:
    rng = np.random.default_rng(5)
    w = rng.uniform(0.2, 1, size=(n, n)) * (rng.uniform(size=(n, n)) < 0.5)
    np.fill_diagonal(w, 0)
    if kind != "general":
        w = np.triu(w) + np.triu(w).T
    if kind == "island":
        w[:, 3] = w[3, :] = 0
    return (
        w
        if kind == "symmetric"
        else w / np.maximum(w.sum(axis=1, keepdims=True), 1e-300)
    )


@pytest.mark.parametrize("kind", ["general", "symmetric", "similar", "island"])
def test_determinants_and_traces_are_those_of_the_matrix(kind: str) -> None:
    w = random_weights(kind)
    actual = spectrum(w)
    assert actual is not None
    assert np.iscomplexobj(actual.values) == (kind == "general")
    identity = np.eye(len(w))
    for a in np.linspace(actual.low, actual.high, 9)[1:-1]:
        inverse = np.linalg.inv(identity - a * w)
        assert actual.log_determinant(np.array([a]))[0] == pytest.approx(
            -np.linalg.slogdet(inverse)[1], abs=1e-12
        )
        assert actual.trace(a, lags=1, inverses=1) == pytest.approx(
            np.trace(w @ inverse), rel=1e-10, abs=1e-10
        )
        square = w @ inverse @ w @ inverse
        assert actual.trace(a, lags=2, inverses=2) == pytest.approx(
            np.trace(square), rel=1e-9
        )


@pytest.mark.parametrize("kind", ["general", "symmetric", "similar", "island"])
def test_the_matrix_is_singular_at_the_ends(kind: str) -> None:
    w = random_weights(kind)
    actual = spectrum(w)
    assert actual is not None
    for a in (actual.low, actual.high):
        assert np.linalg.svd(np.eye(len(w)) - a * w, compute_uv=False)[-1] < 1e-12


def test_symmetric_similar_matrix_of_several_pieces() -> None:
    w = np.zeros((12, 12))
    w[:7, :7] = random_weights("similar", 7)
    w[7:, 7:] = random_weights("similar", 5)
    assert not np.allclose(w, w.T)
    similar = symmetric_similar(w)
    assert similar is not None
    np.testing.assert_array_equal(similar, similar.T)
    assert np.sort(np.linalg.eigvalsh(similar)) == pytest.approx(
        np.sort(np.linalg.eigvals(w).real), abs=1e-12
    )


def test_no_symmetric_matrix_is_similar() -> None:
    assert symmetric_similar(np.array([[0, 1.0, 0], [0, 0, 1], [1, 0, 0]])) is None
    # Links in both directions, but their products along a circle differ by direction.
    assert symmetric_similar(np.array([[0, 1.0, 1], [2, 0, 1], [1, 1, 0]])) is None


def test_a_circle_in_one_direction_has_one_real_eigenvalue() -> None:
    circle = np.array([[0, 1.0, 0], [0, 0, 1], [1, 0, 0]])
    for w in (circle, -circle):
        actual = spectrum(w)
        assert actual is not None
        assert (actual.low, actual.high) == pytest.approx((-1, 1))


def test_no_circle_has_no_spectrum() -> None:
    assert spectrum(np.triu(np.ones((4, 4)), 1)) is None


def test_nodes_are_inside_the_interval_with_their_determinants() -> None:
    w = random_weights("similar", 5)
    actual = spectrum(w)
    assert actual is not None
    nodes, determinants = actual.nodes
    assert actual.low < nodes.min() < nodes.max() < actual.high
    assert (np.diff(nodes) > 0).all()
    expected = [np.linalg.slogdet(np.eye(5) - a * w)[1] for a in nodes[20::50]]
    assert determinants[20::50] == pytest.approx(expected, abs=1e-11)


# --- what a change of a regressor does to all outcomes --------------------------------

K = 8


def weights_with_sums(*, row: bool) -> np.ndarray:
    rng = np.random.default_rng(2)
    w = rng.uniform(size=(K, K)) * (rng.uniform(size=(K, K)) < 0.6)
    np.fill_diagonal(w, 0)
    w += np.roll(np.eye(K), 1, axis=1)
    return w / w.sum(axis=1, keepdims=True) if row else w / 4


def written_out(w: np.ndarray, rho: float, b: np.ndarray, th: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(np.eye(K) - rho * w)
    multipliers = [
        inverse @ (np.eye(K) * b_k + w * th_k) for b_k, th_k in zip(b, th, strict=True)
    ]
    direct = np.array([np.diag(s).mean() for s in multipliers])
    total = np.array([s.sum(axis=1).mean() for s in multipliers])
    return np.vstack([direct, total - direct, total])


B, TH = np.array([1.2, -0.7]), np.array([0.3, 0.0])


@pytest.mark.parametrize("row", [True, False])
@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.6])
def test_effects_and_their_errors(row: bool, rho: float) -> None:
    w = weights_with_sums(row=row)
    actual = spectrum(w)
    assert actual is not None
    estimates, derivatives = effects(
        *averages(by_unit(w, multiplier(w, rho)), actual, rho), B, TH
    )
    assert estimates == pytest.approx(written_out(w, rho, B, TH), abs=1e-12)

    at, step = np.concatenate([[rho], B, TH]), 1e-6 * np.eye(5)

    def of(v: np.ndarray) -> np.ndarray:
        return written_out(w, v[0], v[1:3], v[3:]).ravel()

    gradient = np.column_stack([(of(at + h) - of(at - h)) / 2e-6 for h in step])
    assert derivatives == pytest.approx(gradient, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("row", [True, False])
def test_effects_of_draws_are_those_of_each_draw(row: bool) -> None:
    w = weights_with_sums(row=row)
    rho = np.array([-0.2, 0.1, 0.5])
    b, th = np.random.default_rng(1).normal(size=(2, 3, 2))
    made = effects_of_draws(w, spectrum(w), np.column_stack([rho, b, th]))
    for i in range(3):
        assert made[i] == pytest.approx(written_out(w, rho[i], b[i], th[i]), abs=1e-12)
    without = effects_of_draws(w, None, np.column_stack([b, th]))
    assert without[1] == pytest.approx(written_out(w, 0.0, b[1], th[1]), abs=1e-12)


@pytest.mark.parametrize("neighbours", [2, 12])
def test_rows_of_links_have_the_multiplier_of_the_dense_matrix(neighbours: int) -> None:
    rng, n = np.random.default_rng(0), 240
    w = np.zeros((n, n))
    for i in range(n):
        w[i, rng.choice(np.delete(np.arange(n), i), neighbours, replace=False)] = 1.0
    w /= neighbours
    links = stored(w)
    assert not isinstance(links, np.ndarray)
    for rho in (-0.7, 0.0, 0.9):
        expected = np.linalg.inv(np.eye(n) - rho * w)
        np.testing.assert_allclose(multiplier(links, rho), expected, atol=1e-12)


def test_without_a_lag_the_multiplier_is_one() -> None:
    w = weights_with_sums(row=False)
    estimates, derivatives = effects(*averages(by_unit(w, np.eye(K)), None, 0.0), B, TH)
    assert estimates == pytest.approx(written_out(w, 0.0, B, TH), abs=1e-12)
    assert derivatives[0] == pytest.approx([1.0, 0.0, 0.0, 0.0])


def test_units_average_to_the_effects() -> None:
    w = weights_with_sums(row=False)
    own, rows, columns, own_lag, rows_lag, columns_lag = by_unit(w, multiplier(w, 0.5))
    inverse = np.linalg.inv(np.eye(K) - 0.5 * w)
    assert own == pytest.approx(np.diag(inverse))
    assert rows == pytest.approx(inverse.sum(axis=1))
    assert columns == pytest.approx(inverse.sum(axis=0))
    assert own_lag == pytest.approx(np.diag(inverse @ w))
    assert rows_lag.sum() == pytest.approx(columns_lag.sum())


def test_row_sum() -> None:
    assert row_sum(weights_with_sums(row=True)) == pytest.approx(1.0)
    assert row_sum(weights_with_sums(row=False)) is None


def test_root_of_a_singular_covariance() -> None:
    rows = np.random.default_rng(1).normal(size=(3, 5)) * [1e-6, 1, 1e6, 0, 1]
    covariance = rows.T @ rows
    root = symmetric_root(covariance)
    scale = np.sqrt(np.maximum(np.diag(covariance), 1))
    assert root.T @ root / scale / scale[:, None] == pytest.approx(
        covariance / scale / scale[:, None], abs=1e-9
    )
    assert not root[:, 3].any()
