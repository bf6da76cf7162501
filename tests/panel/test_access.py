"""The rows behind a panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from digiprosper.errors import InputTypeError
from digiprosper.panel.access import check_panel, known_names, table_of

if TYPE_CHECKING:
    from digiprosper import Panel


def test_the_table_has_the_rows_of_the_panel(panel: Panel) -> None:
    table = table_of(panel.subset("year > 2010"))
    pd.testing.assert_frame_equal(table.frame, panel.subset("year > 2010").frame)
    assert table.labels == panel.labels


def test_names_are_keys_and_columns_and_what_is_no_panel_has_none(panel: Panel) -> None:
    assert known_names(panel) == ("city", "year", *panel.columns)
    assert known_names(panel.frame) == ()


def test_anything_but_a_panel_is_refused(panel: Panel) -> None:
    check_panel(panel, "fit")
    with pytest.raises(
        InputTypeError, match="fit takes a Panel, not DataFrame"
    ) as error:
        check_panel(panel.frame, "fit")
    (problem,) = error.value.problems
    assert problem.data == {"option": "panel", "value": "DataFrame", "allowed": ()}
