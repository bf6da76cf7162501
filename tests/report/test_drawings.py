from __future__ import annotations

import dataclasses

import pytest

from digiprosper.report import drawings

OWN = [
    name
    for name, value in vars(drawings).items()
    if isinstance(value, type) and value.__module__ == drawings.__name__
]


@pytest.mark.parametrize("name", OWN)
def test_what_is_drawn_is_a_value(name):
    kind = getattr(drawings, name)
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert kind.__slots__
    assert kind.__doc__
