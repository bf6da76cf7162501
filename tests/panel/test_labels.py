"""Labels: they travel everywhere and are checked."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from digiprosper import Panel
from digiprosper.errors import (
    ColumnError,
    InputTypeError,
    TermError,
)


def test_labels_travel_through_every_method(panel: Panel) -> None:
    mask = panel.frame["gdp"] > 0
    made = [
        panel.assign(z="log(gdp)"),
        panel.subset("year > 2010"),
        panel.subset(mask),
        panel.attach(panel.frame["gdp"].rename("w")),
        panel.relabel(digital="Digital economy"),
        panel.balance("entities") if (panel.frame.groupby("city").size() == 6).any() else panel,
        panel.standardise("digital"),
        panel.winsorize("digital"),
        panel.interpolate("digital"),
        panel.lag("gdp"),
        panel.diff("gdp"),
    ]
    for other in made:
        assert other.labels["gdp"] == "GDP"
        assert other.sample({"y": ["gdp"]}).labels["gdp"] == "GDP"
    assert panel.labels == {"gdp": "GDP"}
    assert made[4].labels == {"gdp": "GDP", "digital": "Digital economy"}
    assert panel.relabel(**{"log(gdp)": "ln GDP"}).labels["log(gdp)"] == "ln GDP"
    panel.labels["gdp"] = "changed"
    assert panel.labels == {"gdp": "GDP"}


def test_the_label_of_a_later_column_has_a_way(cities: pd.DataFrame) -> None:
    with pytest.raises(ColumnError, match=r"no column named 'index'.*panel\.relabel\(\)"):
        Panel(cities, "city", "year", labels={"index": "Digital economy"})


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ({"gpd": "GDP"}, ColumnError),
        ({"log(gpd)": "GDP"}, ColumnError),
        ({"gdp**2": "GDP"}, TermError),
        ({"gdp": 3}, InputTypeError),
        ({1: "GDP"}, InputTypeError),
        (["gdp"], InputTypeError),
        (pd.DataFrame({"gdp": ["GDP"]}), InputTypeError),
    ],
)
def test_labels_are_checked(cities: pd.DataFrame, labels: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"g[dp][dp]|labels"):
        Panel(cities, "city", "year", labels=labels)
