"""The public module of figures."""

from __future__ import annotations

import importlib

import pytest

import digiprosper as dp
from digiprosper.errors import InputTypeError


def test_it_can_be_imported_by_name() -> None:
    plots = importlib.import_module("digiprosper.plots")
    assert plots is dp.plots
    assert all(callable(getattr(plots, name)) for name in plots.__all__)


def test_its_names_are_sorted_and_documented() -> None:
    assert dp.plots.__all__ == sorted(dp.plots.__all__)
    assert all(getattr(dp.plots, name).__doc__ for name in dp.plots.__all__)


@pytest.mark.parametrize(
    "name",
    [
        "balance",
        "mediation_path",
        "effect_plot",
        "conditional_effect",
        "sensitivity_curve",
    ],
)
def test_other_results_are_refused_with_who_makes_them(name: str) -> None:
    with pytest.raises(
        InputTypeError, match=rf"^plots\.{name}: takes what .* returns, not str\."
    ) as caught:
        getattr(dp.plots, name)("1")
    assert caught.value.problems
