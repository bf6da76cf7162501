"""Parts of GMM that need no names."""

from __future__ import annotations

import numpy as np

from digiprosper.dynamic.kernels import gmm
from digiprosper.dynamic.kernels.instruments import (
    ExogenousInstrument,
    LaggedInstruments,
)


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
        is_constant=np.zeros(2, dtype=bool),
        lagged=[LaggedInstruments(name="y", values=y, first=2, last=3)],
        exogenous=[ExogenousInstrument(name="x", values=x)],
        **settings,
    )


def test_repeated_instruments_are_left_out() -> None:
    single = design()
    twice = gmm.Design(
        columns=single.columns,
        complete=single.complete,
        is_constant=single.is_constant,
        lagged=single.lagged,
        exogenous=[
            *single.exogenous,
            ExogenousInstrument(name="copy", values=3 * single.exogenous[0].values),
        ],
        system=False,
        transform="difference",
        h=3,
    )
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
