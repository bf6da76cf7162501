from __future__ import annotations

from importlib import import_module

import digiprosper as dp
from digiprosper._names import NAMES


def test_every_public_name_is_where_the_table_says() -> None:
    for module, names in NAMES.items():
        home = import_module(f"digiprosper.{module}")
        assert all(getattr(home, name) is getattr(dp, name) for name in names.split())


def test_no_name_has_two_homes() -> None:
    names = [name for joined in NAMES.values() for name in joined.split()]
    assert len(names) == len(set(names))
    assert set(names) <= set(dp.__all__)
