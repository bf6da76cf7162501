"""Every field of a group is an attribute of the results, as if there were no groups."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from digiprosper import Panel, PanelKink, PanelThreshold, datasets
from digiprosper.threshold.groups import (
    KinkBounded,
    KinkFields,
    KinkSearched,
    KinkTested,
    ThresholdBounded,
    ThresholdFields,
    ThresholdSearched,
    ThresholdSplit,
    ThresholdTested,
)

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")


@pytest.fixture(scope="module")
def panel() -> Panel:
    return datasets.simulate_provinces()[0]


def attributes(kind: Any) -> set[str]:
    return {name for name, value in vars(kind).items() if isinstance(value, property)}


def test_fields_of_thresholds(panel: Panel) -> None:
    found = PanelThreshold("rural_income", "digital", "urban", reps=99).fit(panel, rng=1)
    groups = {
        "searched": ThresholdSearched,
        "tested": ThresholdTested,
        "bounded": ThresholdBounded,
        "split": ThresholdSplit,
    }
    for group, kind in groups.items():
        for field in fields(kind):
            assert getattr(found, field.name) is getattr(getattr(found, group), field.name)
    names = [field.name for kind in groups.values() for field in fields(kind)]
    assert sorted(names) == sorted(attributes(ThresholdFields))


def test_fields_of_kinks(panel: Panel) -> None:
    found = PanelKink("rural_income", "urban", reps=99).fit(panel, rng=1)
    groups = {"searched": KinkSearched, "tested": KinkTested, "bounded": KinkBounded}
    for group, kind in groups.items():
        for field in fields(kind):
            assert getattr(found, field.name) is getattr(getattr(found, group), field.name)
    names = [field.name for kind in groups.values() for field in fields(kind)]
    assert sorted(names) == sorted(attributes(KinkFields))
