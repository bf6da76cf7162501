"""Results made of draws: protocol, intervals, words, plain data, tables."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest

from digiprosper import HasDraws, Results
from digiprosper.errors import Notice, OptionError
from digiprosper.kernels import intervals
from digiprosper.report.effects import EffectResults, drawn_estimates
from digiprosper.report.protocol import empty_glance
from digiprosper.report.text import wrapped

NAMES = ("slope", "square", "missing")


def make(reps=999, lost=0):
    rng = np.random.default_rng(0)
    estimates = np.array([1.0, -0.2, np.nan])
    draws = estimates + rng.normal(size=(reps, 3)) * [0.3, 0.3, 1.0]
    draws[:lost] = np.nan
    cov = np.diag([0.09, 0.09, np.nan])
    cov[2, :] = cov[:, 2] = np.nan
    info = empty_glance("Demo", 120)
    info["depvar"], info["df_t"], info["rng_entropy"] = "growth", 29.0, 7
    info["cov_type"], info["clusters"], info["effects"] = (
        "clustered",
        "city",
        "city+year",
    )
    info["n_entities"], info["n_times"] = 30, 4
    text = (
        "Standard errors clustered by city (30 clusters, t with 29 degrees of freedom)"
    )
    notices = (Notice("few_clusters", "30 clusters (city). " + "Be careful. " * 12),)
    more = {"errors_text": text, "diagnostics": notices, "labels": {"slope": "Slope"}}
    estimated = drawn_estimates(NAMES, estimates, cov, draws, info, n_drawn=30)
    return EffectResults(estimated, info, **more)


def test_protocols() -> None:
    results = make()
    assert isinstance(results, Results)
    assert isinstance(results, HasDraws)
    assert not hasattr(results, "bse")
    assert list(results.params.index) == list(NAMES)
    assert results.cov.shape == (3, 3)
    assert results.nobs == 120
    assert results.draws.shape == (999, 3)
    assert results.glance()["model"] == "Demo"
    assert set(results.glance()) == set(empty_glance("x", 1))


def test_tidy_takes_errors_from_cov_and_interval_from_draws() -> None:
    results = make()
    frame = results.tidy(0.9).set_index("term")
    assert list(results.tidy().columns) == [
        "term", "estimate", "std_error", "statistic", "p_value", "conf_low",
        "conf_high",
    ]  # fmt: skip
    assert frame.loc["slope", "std_error"] == pytest.approx(0.3)
    assert frame.loc["slope", "statistic"] == pytest.approx(1 / 0.3)
    low, high = np.quantile(results.draws["slope"], [0.05, 0.95], method="weibull")
    assert frame.loc["slope", "conf_low"] == pytest.approx(low)
    assert frame.loc["slope", "conf_high"] == pytest.approx(high)
    assert frame.loc["slope", "p_value"] > 0
    assert frame.loc["missing"].isna().all()
    np.testing.assert_array_equal(frame["p_value"], results.pvalues)
    np.testing.assert_array_equal(results.conf_int(0.9)["conf_low"], frame["conf_low"])


def test_delta_interval() -> None:
    stats = pytest.importorskip("scipy.stats")
    frame = make().interval("delta", level=0.9)
    assert frame.loc["slope", "conf_high"] == pytest.approx(
        1 + stats.t.ppf(0.95, 29) * 0.3
    )
    assert frame.loc["square", "p_value"] == pytest.approx(2 * stats.t.sf(2 / 3, 29))


def test_bias_corrected_interval() -> None:
    results = make(lost=50)
    frame, draws = results.interval("bc", level=0.9), results.draw_values[50:]
    low, high = intervals.bca(draws, results.estimates, 0.0, 0.9, clusters=None)
    np.testing.assert_array_equal(frame["conf_low"], low)
    np.testing.assert_array_equal(frame["conf_high"], high)
    np.testing.assert_array_equal(
        frame["p_value"], intervals.bca_p(draws, results.estimates, 0.0, clusters=None)
    )
    assert frame.loc["missing"].isna().all()
    assert (frame["conf_low"] != results.interval(level=0.9)["conf_low"]).all()


def test_a_term_without_an_estimate_has_no_corrected_interval() -> None:
    results = make()
    draws = results.draw_values.copy()
    draws[:, 2] = 1.0
    results = replace(results, estimated=replace(results.estimated, draw_values=draws))
    assert results.interval("bc").loc["missing"].isna().all()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Wider(EffectResults):
    methods = (*EffectResults.methods, "twice")

    def _interval_ends(self, method, level):
        if method == "twice":
            return self.estimates - 2, self.estimates + 2, self.estimates * 0
        return EffectResults._interval_ends(self, method, level)


def test_a_subclass_adds_a_method() -> None:
    plain = make()
    wider = Wider(plain.estimated, plain.info)
    assert wider.interval("twice").loc["slope", "conf_high"] == 3.0
    for method in EffectResults.methods:
        assert wider.interval(method).equals(plain.interval(method))
    with pytest.raises(OptionError, match="'bc', 'twice'"):
        wider.interval("bca")
    with pytest.raises(OptionError, match="between 0 and 1"):
        wider.interval("twice", level=2)
    with pytest.raises(OptionError, match="'percentile', 'delta', 'bc'"):
        plain.interval("twice")


def test_lost_draws_are_left_out_and_counted() -> None:
    results = make(lost=50)
    assert results.lost_draws == 50
    low, _ = np.quantile(
        results.draws["slope"].iloc[50:], [0.025, 0.975], method="weibull"
    )
    assert results.interval().loc["slope", "conf_low"] == pytest.approx(low)


@pytest.mark.parametrize("level", [0, 1, 95, -0.1])
def test_level_is_refused(level) -> None:
    with pytest.raises(OptionError, match="between 0 and 1"):
        make().tidy(level)


def test_unknown_method_lists_the_known() -> None:
    with pytest.raises(OptionError, match="'percentile', 'delta', 'bc'"):
        make().interval("bootstrap")


def test_summary_is_eighty_wide_and_ends_with_conventions() -> None:
    lines = make().summary().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert make().conventions == (
        "Standard errors clustered by city (30 clusters, t with 29 degrees of "
        "freedom); percentile intervals from 999 bootstrap draws of entities"
    )
    assert lines[-1] == "Settings: rng 7."
    assert "missing" in "\n".join(lines)
    assert "Sample: 120 rows, 30 entities, 4 periods" in lines
    assert str(make()) == make().summary()


def test_what_was_drawn_is_named_by_its_label() -> None:
    assert (
        make().draws_text()
        == "percentile intervals from 999 bootstrap draws of entities"
    )
    results = make()
    inference = replace(results.inference, drawn="city")
    drawn = replace(results, estimated=replace(results.estimated, inference=inference))
    assert drawn.draws_text().endswith("draws of clusters (city)")
    assert drawn.draws_text({"city": "City"}).endswith("draws of clusters (City)")


def test_to_dict_is_json_safe() -> None:
    plain = json.loads(json.dumps(make(lost=3).to_dict(), allow_nan=False))
    assert plain["schema"] == 1
    assert plain["draws"] == {
        "count": 999,
        "lost": 3,
        "drawn": "entity",
        "clusters": 30,
    }
    assert plain["terms"][2]["estimate"] is None


def test_copies_give_the_same_words_and_numbers() -> None:
    results = make()
    for other in (
        pickle.loads(pickle.dumps(results)),
        copy.copy(results),
        copy.deepcopy(results),
    ):
        assert other.summary() == results.summary()
        np.testing.assert_array_equal(other.draw_values, results.draw_values)


def test_what_is_handed_out_cannot_change_the_result() -> None:
    results = make()
    params, draws = results.params, results.draws
    params.iloc[0] = draws.iloc[0, 0] = 99.0
    results.glance()["nobs"] = 1
    assert results.estimates[0] == 1.0
    assert results.draw_values[0, 0] != 99.0
    assert results.nobs == 120


@pytest.mark.further
def test_maketables_plug_in() -> None:
    maketables = pytest.importorskip("maketables")
    from maketables.extractors import get_extractor

    results = make()
    assert type(get_extractor(results)).__name__ == "PluginExtractor"
    table = results.__maketables_coef_table__
    assert list(table.columns) == ["b", "se", "t", "p", "ci95l", "ci95u"]
    assert results.__maketables_fixef_string__ == "city+year"
    assert results.__maketables_stat__("N") == 120
    assert results.__maketables_stat__("something else") is None
    html = maketables.ETable([results]).make(type="html")
    assert "Slope" in str(html)


def test_wrapped_lines() -> None:
    lines = wrapped(["word " * 40, "short"])
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "short"
