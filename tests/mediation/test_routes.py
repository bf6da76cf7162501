"""Effects along a variable: at a value, as a polynomial, and where a slope stands."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digiprosper.mediation.kernel import products
from digiprosper.mediation.routes import PathSystem, Route, Varying, VaryingFields

numbers = st.floats(-2, 2) | st.sampled_from([0.0, 1.0])
slopes = st.lists(st.tuples(st.integers(0, 3), numbers, numbers), min_size=1, max_size=3).map(tuple)


def written_out(route, k, v):
    effect = 1.0
    for slope in route.slopes:
        effect *= sum(k[i] * (level + rate * v) for i, level, rate in slope)
    return effect


@pytest.mark.further
@settings(max_examples=150, deadline=None)
@given(st.lists(slopes, min_size=1, max_size=3), st.floats(-3, 3), st.integers(0, 2**32 - 1))
def test_a_route_is_the_product_of_its_slopes(parts, v, seed) -> None:
    route, k = Route("indirect:m", tuple(parts)), np.random.default_rng(seed).normal(size=4)
    want = written_out(route, k, v)
    at = products([route.at(v)]).evaluate(k[None, :])[0, 0]
    polynomial = products(route.powers()).evaluate(k[None, :])[0]
    assert len(polynomial) == len(parts) + 1
    assert at == pytest.approx(want, rel=1e-9, abs=1e-10)
    assert sum(c * v**power for power, c in enumerate(polynomial)) == pytest.approx(want, rel=1e-9, abs=1e-9)


def test_a_moderated_product_by_hand() -> None:
    # (k0 + k1 w)(k2 + k3 w) = k0 k2 + (k1 k2 + k0 k3) w + k1 k3 w^2.
    route = Route("indirect:m", (((0, 1.0, 0.0), (1, 0.0, 1.0)), ((2, 1.0, 0.0), (3, 0.0, 1.0))))
    k = np.array([[2.0, 3.0, 5.0, 7.0]])
    assert products(route.powers()).evaluate(k).tolist() == [[10.0, 29.0, 21.0]]
    assert products([route.at(2.0)]).evaluate(k).tolist() == [[(2 + 6) * (5 + 14)]]


def test_an_instantaneous_slope_by_hand() -> None:
    # (k0 + 2 k1 x) k2.
    route = Route("indirect:m", (((0, 1.0, 0.0), (1, 0.0, 2.0)), ((2, 1.0, 0.0),)))
    made = products(route.powers()).evaluate(np.array([[2.0, 3.0, 5.0]]))
    assert made.tolist() == [[10.0, 30.0, 0.0]]


def test_slopes_are_found_by_equation_and_term() -> None:
    names = (("mediator:m", "x"), ("outcome", "x"), ("outcome", "m"))
    nothing = np.empty((0, 3))
    system = PathSystem(
        names, np.zeros(3), np.eye(3), np.ones((3, 2)), nothing, nothing, nothing, nothing, products([])
    )
    assert [system.at(*name) for name in names] == [0, 1, 2]
    with pytest.raises(ValueError, match="not in tuple"):
        system.at("total", "x")


def test_what_effects_depend_on_can_be_read_field_by_field() -> None:
    class Reader(VaryingFields):
        varying = Varying(variable="w", points=(("p10", 0.5),), threshold=1.0, regime_counts=((3, 2),))

    names = {name for name, value in vars(VaryingFields).items() if isinstance(value, property)}
    assert names == {field.name for field in fields(Varying)}
    for name in names:
        assert getattr(Reader(), name) is getattr(Reader.varying, name)
