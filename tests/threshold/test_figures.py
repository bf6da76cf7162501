from __future__ import annotations

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.errors import OptionError, PanelIndexError
from digiprosper.report.figure_words import Wording
from digiprosper.threshold import figures


@pytest.fixture(scope="module")
def found():
    spec = dp.PanelThreshold(
        "log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None
    )
    return spec.fit(dp.datasets.us_states())


def test_a_profile_is_that_of_the_results(found):
    drawn = figures.lr_profile(found, 1, Wording(found.slopes.labels, found.factors))
    assert drawn.points.equals(found.profile(1))
    assert list(drawn.sets) == found.confidence_set(1)
    assert (drawn.critical, drawn.criterion) == (found.critical_value(1), "scaled")
    assert (drawn.fixed, drawn.before, drawn.number) == (False, True, None)
    with pytest.raises(OptionError):
        figures.lr_profile(found, 2, Wording({}, found.factors))


@pytest.mark.filterwarnings("ignore::digiprosper.errors.BoundaryThresholdWarning")
def test_a_profile_lists_the_candidates_next_to_the_other_threshold(found):
    assert figures.lr_profile(found, 1, Wording({}, found.factors)).excluded.size == 0
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


def test_words_are_in_the_language_asked(found):
    assert (
        figures.lr_profile(
            found, 1, Wording({"unemp": "失业率"}, found.factors, "chinese")
        ).criterion
        == "调整方差"
    )
    low, _ = figures.regime_map(
        found, None, Wording({"unemp": "失业率"}, found.factors, "chinese")
    ).regimes
    assert low == f"失业率 <= 6.9（{found.regimes['nobs'].iloc[0]}个观测值）"


def test_a_map_has_every_row_in_its_regime(found):
    drawn = figures.regime_map(
        found, "name", Wording({"state": "State"}, found.factors)
    )
    cells = {
        (entity, time): drawn.cells[i, j]
        for i, entity in enumerate(drawn.entities)
        for j, time in enumerate(drawn.times)
    }
    assert all(cells[row] == regime for row, regime in found.regime.items())
    assert drawn.key_names == ("State", "year")
    rows = found.regimes["nobs"].tolist()
    assert [text.rsplit("(")[-1] for text in drawn.regimes] == [
        f"{count} rows)" for count in rows
    ]


def test_entities_stand_by_their_mean_regime(found):
    drawn = figures.regime_map(found, None, Wording({}, found.factors))
    means = np.nanmean(drawn.cells, axis=1)
    assert (np.diff(means) <= 0).all()
    first = figures.regime_map(found, "first", Wording({}, found.factors))
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
