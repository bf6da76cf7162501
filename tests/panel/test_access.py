"""The rows behind a panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from digiprosper.panel.access import table_of

if TYPE_CHECKING:
    from digiprosper import Panel


def test_the_table_has_the_rows_of_the_panel(panel: Panel) -> None:
    table = table_of(panel.subset("year > 2010"))
    pd.testing.assert_frame_equal(table.frame, panel.subset("year > 2010").frame)
    assert table.labels == panel.labels
