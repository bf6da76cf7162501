"""Results of a search as text, tables, figures and stored values."""

from __future__ import annotations

import json
import pickle

import pytest

import digiprosper as dp
from digiprosper.plots import specification_curve
from tests.studies.test_search_test import SPEC, searched


def test_results_are_stored_and_printed() -> None:
    found = searched(also={"one-way": SPEC.replace(time_effects=False)})
    again = pickle.loads(pickle.dumps(found))
    assert again.test.p_value == found.test.p_value
    stored = json.loads(json.dumps(found.to_dict()))
    assert stored["test"]["p_value"] == found.test.p_value
    text = found.summary()
    assert text.splitlines()[0].startswith("x in 9 specifications of y.")
    assert "searched p" in text
    table = dp.etable(found)
    assert "9 specifications in each of 99 draws" in " ".join(table.notes)
    chinese = dp.etable(found, style=dp.TableStyle("zh"))
    assert "9个模型" in " ".join(chinese.notes)


def test_the_figure_has_the_band_and_marks_the_reported_one() -> None:
    found = searched(also={"one-way": SPEC.replace(time_effects=False)})
    ax = specification_curve(found)
    data = dp.plots.data(ax)
    assert data["band_low"].tolist() == found.frame["band_low"].tolist()
    assert data["a"].sum() == 4
    assert data["one-way"].sum() == 1
    labels = ax.get_legend_handles_labels()[1]
    assert {"reported specification", "95% of draws without an effect"} <= set(labels)
    with pytest.raises(dp.ColumnError, match="main='d'"):
        specification_curve(found, main="d")
