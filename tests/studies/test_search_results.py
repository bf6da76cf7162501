"""Results of a search as text, tables, figures and stored values."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

import digiprosper as dp
from digiprosper.panel import Panel
from digiprosper.plots import specification_curve
from tests.studies.test_control_sets import make, quiet
from tests.studies.test_search_test import KEYS, SPEC, searched


def test_results_are_stored_and_printed() -> None:
    found = searched(also={"one-way": SPEC.replace(time_effects=False)})
    again = pickle.loads(pickle.dumps(found))
    assert again.test.p_value == found.test.p_value
    stored = json.loads(json.dumps(found.to_dict()))
    assert stored["test"]["p_value"] == found.test.p_value
    text = found.summary()
    assert text.splitlines()[0].startswith("x in 9 specifications of y.")
    assert "searched p" in text
    rank = 1 + (found.frame["statistic"].abs() > found.test.statistic).sum()
    assert f"Rank of the reported |t|: {rank} of 9." in text
    table = dp.etable(found)
    assert "9 specifications in each of 99 draws" in " ".join(table.notes)
    chinese = dp.etable(found, style=dp.TableStyle("zh"))
    assert "9个模型" in " ".join(chinese.notes)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_table_has_the_numbers_of_the_summary(language: str) -> None:
    found = searched(also={"one-way": SPEC.replace(time_effects=False)}, level=0.9)
    table = dp.etable(found, style=dp.TableStyle(language))
    detail: Any = found.test.detail
    fit = quiet(SPEC.fit, Panel(make().dropna(subset=["y", "x", "a", "b", "c"]), *KEYS))
    assert fit.params["x"] == pytest.approx(detail["estimate"])
    best = found.frame["statistic"].abs().max()
    significant = (found.frame["p_value"] <= 0.1).mean()
    own_p, searched_p = fit.pvalues["x"], found.test.p_value
    names = {
        "en": (
            "x",
            "t statistic",
            "By itself, p-value",
            "Largest |t|",
            "Specifications",
            "Share with p <= 0.1",
            "Allowing for the search, p-value",
            "Observations",
        ),
        "zh": (
            "x",
            "t统计量",
            "自身的p值",
            "最大的|t|",
            "模型数",
            "其中p ≤ 0.1的比例",
            "考虑模型挑选的p值",
            "观测值",
        ),
    }[language]
    cells = table.frame.iloc[:, 0].astype(str)
    printed = dict(zip(cells.index.get_level_values(-1), cells, strict=True))
    assert printed[names[0]].rstrip("*") == f"{fit.params['x']:.3f}"
    assert [printed[name] for name in names[1:]] == [
        f"{fit.tstats['x']:.3f}",
        f"{own_p:.3f}" if own_p >= 0.001 else "<0.001",
        f"{best:.3f}",
        "9",
        f"{significant:.3f}",
        f"{searched_p:.3f}",
        f"{fit.nobs:,}",
    ]
    notes = " ".join(table.notes)
    assert {"en": "clustered by i", "zh": "聚类到i层面"}[language] in notes
    clusters = detail["clusters"]
    assert {"en": f"{clusters} clusters", "zh": f"{clusters}个聚类"}[language] in notes


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
