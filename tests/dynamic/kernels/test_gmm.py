"""Parts of GMM that need no names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digiprosper.dynamic.kernels import gmm
from digiprosper.dynamic.kernels.gmm import Instrument


def design(**options: object) -> gmm.Design:
    rng = np.random.default_rng(4)
    y = rng.normal(size=(20, 6)).cumsum(axis=1)
    x = rng.normal(size=(20, 6))
    columns = np.stack([y, np.roll(y, 1, axis=1), x], axis=2)
    complete = np.ones((20, 6), dtype=bool)
    complete[:, 0] = False
    settings = {"system": False, "transform": "difference", "h": 3, **options}
    return gmm.Design(
        columns=columns,
        complete=complete,
        instruments=[
            Instrument(name="y", values=y, lags=(2, 3)),
            Instrument(name="x", values=x),
        ],
        collapse=True,
        **settings,
    )


def test_repeated_instruments_are_left_out() -> None:
    single = design()
    copy = replace(single.instruments[1], name="copy")
    copy = replace(copy, values=3 * copy.values)
    twice = replace(single, instruments=[*single.instruments, copy])
    one, two = gmm.moments(single), gmm.moments(twice)
    assert len(one.columns) == len(two.columns) == 3
    clusters = np.arange(20)
    np.testing.assert_allclose(
        gmm.gmm(one, clusters).first.coefficients,
        gmm.gmm(two, clusters).first.coefficients,
    )


def test_parts_of_the_entities_add_up(monkeypatch) -> None:
    whole = gmm.moments(design(system=True))
    monkeypatch.setattr(gmm, "_CHUNK", 1)
    parts = gmm.moments(design(system=True))
    np.testing.assert_allclose(parts.products, whole.products)
    np.testing.assert_allclose(parts.weight, whole.weight)


def test_first_step_weights() -> None:
    """h=1 is the identity, h=2 has no covariance between the equations."""
    by_h = {h: gmm._error_covariance(design(system=True, h=h)) for h in (1, 2, 3)}
    np.testing.assert_allclose(by_h[1], np.eye(12))
    for h in (2, 3):
        np.testing.assert_allclose(np.diag(by_h[h])[1:6], 2.0)
        np.testing.assert_allclose(by_h[h][6:, 6:], np.eye(6))
    assert not by_h[2][:6, 6:].any()
    # Cov(e_t - e_{t-1}, e_t) = 1, with e_{t-1} it is -1.
    assert (by_h[3][2, 6 + 2], by_h[3][2, 6 + 1]) == (1.0, -1.0)


def test_identification_is_told_by_rank() -> None:
    total = np.array([[1.0, 1.0, 2.0], [1.0, 2.0, 4.0], [1.0, 3.0, 6.0]])
    assert not gmm.identifies(total)
    total[0, 2] = 3.0
    assert gmm.identifies(total * [1.0, 1e-9, 1e9])
    assert not gmm.identifies(total[:1])


@pytest.mark.parametrize("collapse", [True, False])
def test_lags_and_differences_stand_where_their_row_is(collapse: bool) -> None:
    rng = np.random.default_rng(2)
    y = np.where(rng.random((5, 6)) > 0.2, rng.normal(size=(5, 6)), np.nan)
    levels = np.isfinite(y) & (np.arange(6) > 0)
    transformed = levels.copy()
    transformed[:, 1:] &= levels[:, :-1]
    model = replace(
        design(system=True),
        columns=design().columns[:5],
        complete=levels,
        instruments=[
            Instrument(name="y", values=y, lags=(2, 9)),
            Instrument(name="x", values=np.ones((5, 6)), equation="level"),
        ],
        collapse=collapse,
    )
    columns, array = gmm.instrument_array(model, slice(0, 5))
    assert array.shape == (5, 12, len(columns))
    for j, (variable, equation, lag, period) in enumerate(columns):
        for i, t in np.ndindex(5, 6):
            upper, lower = array[i, t, j], array[i, 6 + t, j]
            if variable == "x":
                assert (upper, lower) == (0.0, float(levels[i, t]))
                continue
            here = period is None or period == t
            level = y[i, t - lag] if t >= lag else np.nan
            change = level - y[i, t - lag - 1] if t > lag else np.nan
            if equation == "difference":
                used = here and transformed[i, t] and np.isfinite(level)
                assert (upper, lower) == (level if used else 0.0, 0.0)
            else:
                used = here and levels[i, t] and np.isfinite(change)
                assert (upper, lower) == (0.0, change if used else 0.0)
    # Columns without a value are left out with those that repeat others.
    empty = {c for c, z in zip(columns, array.any((0, 1)), strict=True) if not z}
    assert collapse or empty
    assert not empty & set(gmm.moments(model).columns)
