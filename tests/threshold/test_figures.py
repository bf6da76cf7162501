from __future__ import annotations

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.errors import OptionError, PanelIndexError
from digiprosper.report.drawings import Wording
from digiprosper.threshold import figures


@pytest.fixture(scope="module")
def results():
    spec = dp.PanelThreshold(
        "log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None
    )
    return spec.fit(dp.datasets.us_states())


def test_a_profile_is_that_of_the_results(results):
    drawn = figures.lr_profile(
        results, 1, Wording(results.slopes.labels, results.factors)
    )
    assert drawn.points.equals(results.profile(1))
    assert list(drawn.sets) == results.confidence_set(1)
    assert (drawn.critical, drawn.criterion) == (results.critical_value(1), "scaled")
    assert (drawn.fixed, drawn.before, drawn.number) == (False, True, None)
    with pytest.raises(OptionError):
        figures.lr_profile(results, 2, Wording({}, results.factors))


@pytest.mark.filterwarnings("ignore::digiprosper.errors.BoundaryThresholdWarning")
def test_a_profile_lists_the_candidates_next_to_the_other_threshold(results):
    assert (
        figures.lr_profile(results, 1, Wording({}, results.factors)).excluded.size == 0
    )
    spec = dp.PanelThreshold(
        "log(gsp)", "log(pcap)", "unemp", ["log(pc)"], n_thresholds=2, bootstrap=None
    )
    two = spec.fit(dp.datasets.us_states())
    for number, other in ((1, two.estimates[1]), (2, two.estimates[0])):
        drawn = figures.lr_profile(two, number, Wording({}, two.factors))
        assert other in drawn.excluded
        np.testing.assert_array_equal(
            np.union1d(drawn.points["gamma"], drawn.excluded), two.candidates
        )
        assert not set(drawn.points["gamma"]) & set(drawn.excluded)


def test_words_are_in_the_language_asked(results):
    assert (
        figures.lr_profile(
            results, 1, Wording({"unemp": "失业率"}, results.factors, "chinese")
        ).criterion
        == "调整方差"
    )
    low, _ = figures.regime_map(
        results, None, Wording({"unemp": "失业率"}, results.factors, "chinese")
    ).regimes
    assert low == f"失业率 <= 6.9（{results.regimes['nobs'].iloc[0]}个观测值）"


def test_a_map_has_every_row_in_its_regime(results):
    drawn = figures.regime_map(
        results, "name", Wording({"state": "State"}, results.factors)
    )
    cells = {
        (entity, time): drawn.cells[i, j]
        for i, entity in enumerate(drawn.entities)
        for j, time in enumerate(drawn.times)
    }
    assert all(cells[row] == regime for row, regime in results.regime.items())
    assert drawn.key_names == ("State", "year")
    rows = results.regimes["nobs"].tolist()
    assert [text.rsplit("(")[-1] for text in drawn.regimes] == [
        f"{count} rows)" for count in rows
    ]


def test_entities_stand_by_their_mean_regime(results):
    drawn = figures.regime_map(results, None, Wording({}, results.factors))
    means = np.nanmean(drawn.cells, axis=1)
    assert (np.diff(means) <= 0).all()
    first = figures.regime_map(results, "first", Wording({}, results.factors))
    at = [np.argmax(row >= 2) if (row >= 2).any() else row.size for row in first.cells]
    assert at == sorted(at)


def test_a_cross_section_has_no_map():
    frame = dp.datasets.us_states().frame.reset_index()
    panel = dp.Panel(frame[frame["year"] == 1970], "state")
    options = {"entity_effects": False, "time_effects": False, "bootstrap": None}
    spec = dp.PanelThreshold("gsp", "pcap", "unemp", ["pc"], **options)
    with pytest.warns(dp.DigiprosperWarning):
        flat = spec.fit(panel)
    with pytest.raises(PanelIndexError, match=r"plots\.regime_map: needs a time key"):
        figures.regime_map(flat, None, Wording({}, flat.factors))
