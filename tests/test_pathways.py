"""The public module of propositions."""

from __future__ import annotations

import pickle

import digiprosper as dp
from digiprosper import pathways


def test_its_names_are_there_and_pickled_by_name() -> None:
    assert all(hasattr(pathways, name) for name in pathways.__all__)
    mechanism = pathways.seed_catalogue()[0]
    assert b"studies" not in pickle.dumps(mechanism)
    assert pickle.loads(pickle.dumps(mechanism)) == mechanism
    assert dp.Mechanism is pathways.Mechanism
