"""Propositions put to a panel: refusals, errors, and what a row depends on.

Which are refused, and which errors surface.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import pathways
from digiprosper.errors import (
    AlignmentError,
    ColumnError,
    InputTypeError,
    MissingDataWarning,
    OptionError,
    PanelIndexError,
    TermError,
)
from digiprosper.pathways import Mechanism, evaluate
from digiprosper.pathways.evaluation import (
    check_columns,
    check_mechanisms,
    check_systems,
    indicators_among,
    reason_not_testable,
)
from digiprosper.pathways.findings import Reason

CONTROLS = ["urban", "fiscal", "openness"]
DE_CP = {"de": "digital", "cp": "prosperity"}
LINEAR = Mechanism("L", "a claim", cause="de", outcome="cp", sign="+", shape="linear")
MEDIATED = Mechanism(
    "M", "a claim", cause="x", outcome="y", sign="+", shape="mediated", channels="m"
)
COLUMNS = {"x": "digital", "m": "jobs", "y": "prosperity"}
SYSTEM = dp.IndicatorSystem.from_dict({"a": {"income": "+", "jobs": "+"}})


def reasons(report):
    return {
        f.mechanism.id: (f.reason.code, dict(f.reason.data))
        for f in report.findings
        if f.reason
    }


# --- verdicts in the simulated provinces ----------------------------------------------


def test_what_is_planted_is_found(report) -> None:
    verdicts = report.frame["verdict"].to_dict()
    assert [verdicts[name] for name in ("P05", "P09", "P10")] == ["supported"] * 3
    assert verdicts["P15"] == "contradicted"
    assert verdicts["P41"] == "not testable"


def test_the_turning_point_is_near_the_truth(report, truth) -> None:
    (detail,) = [f.detail for f in report.findings if f.mechanism.id == "P15"]
    assert detail["turning_low"] <= truth.turning_point <= detail["turning_high"]


# --- not testable ---------------------------------------------------------------------


def test_a_role_without_a_column(report) -> None:
    actual = reasons(report)
    assert actual["P04"] == ("column", {"roles": ("innovation",)})
    assert actual["P41"][0] == "data"


def test_several_outcomes_make_a_row_each_on_the_same_rows(panel, catalogue) -> None:
    holes = panel.assign(
        income=panel["income"].where(np.arange(len(panel)) > 3),
        consumption=panel["consumption"].where(np.arange(len(panel)) < len(panel) - 5),
    )
    columns = {"de": "digital", "cp_growth": "income", "cp_share": "consumption"}
    with pytest.warns(MissingDataWarning):
        report = evaluate(holes, [catalogue["P08"]], columns, rng=1)
    assert report.frame.index.tolist() == ["P08:cp_growth", "P08:cp_share"]
    assert report.frame["nobs"].tolist() == [len(panel) - 9] * 2
    assert report.frame["p_adjusted"].tolist() == sorted(report.frame["p_value"] * 2)
    with pytest.warns(MissingDataWarning):
        alone = evaluate(
            holes, [catalogue["P08"]], {"de": "digital", "cp_growth": "income"}, rng=1
        )
    assert alone.frame["nobs"].tolist() == [len(panel) - 4, 0]


def test_remoteness_is_absorbed_and_ageing_is_not(panel, catalogue) -> None:
    far = panel.assign(region=lambda f: (f["region"] == "west").astype(float))
    columns = {
        "remoteness": "region",
        "ageing": "schooling",
        "internet_penetration": "broadband_users",
    }
    report = evaluate(far, [catalogue["P37"]], columns, rng=1)
    assert reasons(report)["P37:remoteness"][1]["error"] == "IdentificationError"
    assert report.findings[1].tested


def test_outcomes_of_p38_count_as_two_tests(panel, catalogue) -> None:
    columns = {
        "digital_divide": "engel",
        "employment": "ict_employment",
        "income": "income",
    }
    report = evaluate(panel, [catalogue["P38"]], columns, rng=1)
    assert (
        next(n.data["tests"] for n in report.diagnostics if n.code == "several_tests")
        == 2
    )


def test_the_indicators_of_an_index_are_no_channels_of_it(
    panel, truth, catalogue
) -> None:
    systems = {
        name: dp.IndicatorSystem.from_dict(truth.systems[name])
        for name in ("digital", "prosperity")
    }
    columns = {
        **DE_CP,
        "unemployment": "unemployment",
        "isu": "upgrading",
        "digital_divide": "broadband_users",
    }
    chosen = [catalogue["P21"], catalogue["P05"], catalogue["P19"]]
    controls = ["urban", "log(income)"]
    report = evaluate(panel, chosen, columns, controls=controls, systems=systems, rng=1)
    assert reasons(report)["P21"] == (
        "overlap",
        {"found": (("unemployment", "prosperity", ""),)},
    )
    assert reasons(report)["P19"] == (
        "overlap",
        {"found": (("broadband_users", "digital", ""),)},
    )
    assert "P05" not in reasons(report)
    actual = {n.code: n.data for n in report.diagnostics}
    assert actual["controls_overlap"] == {
        "names": ("income",),
        "indices": ("prosperity",),
        "ids": ("P05",),
    }
    assert "overlap_not_searched" not in actual


def test_two_indices_that_share_an_indicator(panel) -> None:
    one = dp.IndicatorSystem.from_dict({"a": {"income": "+", "engel": "-"}})
    other = dp.IndicatorSystem.from_dict({"a": {"income": "+", "pm25": "-"}})
    report = evaluate(
        panel, [LINEAR], DE_CP, systems={"digital": one, "prosperity": other}, rng=1
    )
    assert reasons(report)["L"] == (
        "overlap",
        {"found": (("income", "digital", "prosperity"),)},
    )


def test_one_column_in_two_roles(panel) -> None:
    report = evaluate(panel, [LINEAR], {"de": "digital", "cp": "digital"}, rng=1)
    assert reasons(report)["L"] == (
        "same_column",
        {"column": "digital", "roles": ("de", "cp")},
    )


def test_space_needs_weights(panel, catalogue) -> None:
    columns = {"de": "digital", "spatial_decay": "energy_intensity"}
    assert (
        reasons(evaluate(panel, [catalogue["P29"]], columns, rng=1))["P29"][0]
        == "weights"
    )


def test_a_policy_that_switches_off_is_not_testable(panel, catalogue) -> None:
    switching = pd.Series(np.arange(len(panel)) % 2.0, index=panel.index)
    odd = panel.assign(pilot=switching)
    columns = {"smart_city_policy": "pilot", "ur_integration": "income_ratio"}
    report = evaluate(odd, [catalogue["P49"]], columns, rng=1)
    assert reasons(report)["P49"][1]["error"] == "IdentificationError"


def test_collinear_controls_and_missing_rows_are_not_testable(panel) -> None:
    twice = panel.assign(again=lambda f: 2 * f["urban"], gone=np.nan)
    report = evaluate(twice, [LINEAR], DE_CP, controls=["urban", "again"], rng=1)
    assert reasons(report)["L"][1]["error"] == "CollinearityError"
    report = evaluate(twice, [LINEAR], {"de": "gone", "cp": "prosperity"}, rng=1)
    assert reasons(report)["L"][1]["error"] == "MissingDataError"


def test_a_threshold_variable_without_room_is_not_testable(panel, catalogue) -> None:
    dummy = panel.assign(talent=lambda f: (np.arange(len(f)) < 3).astype(float))
    report = evaluate(
        dummy, [catalogue["P39"]], {**DE_CP, "human_capital": "talent"}, rng=1
    )
    assert reasons(report)["P39"][1]["error"] == "ThresholdSearchError"


# --- errors that surface --------------------------------------------------------------

WEIGHTS = dp.SpatialWeights(np.ones((3, 3)) - np.eye(3), ["a", "b", "c"])
MALFORMED = {
    "no panel": ({"panel": 3}, InputTypeError),
    "a frame": ({"panel": pd.DataFrame({"a": [1]})}, InputTypeError),
    "no mechanism": ({"mechanisms": []}, InputTypeError),
    "a text": ({"mechanisms": "P05"}, InputTypeError),
    "ids": ({"mechanisms": ["P05"]}, InputTypeError),
    "a mapping of mechanisms": ({"mechanisms": {"a": LINEAR}}, InputTypeError),
    "none": ({"mechanisms": None}, InputTypeError),
    "an id twice": ({"mechanisms": [LINEAR, LINEAR]}, OptionError),
    "columns as a list": ({"columns": ["digital"]}, InputTypeError),
    "columns as none": ({"columns": None}, InputTypeError),
    "a column that is a number": ({"columns": {"de": 3}}, InputTypeError),
    "a list of columns": ({"columns": {"de": ["digital"]}}, InputTypeError),
    "a role that is a number": ({"columns": {3: "digital"}}, InputTypeError),
    "an unknown role": ({"columns": {**DE_CP, "wealth": "income"}}, OptionError),
    "an unknown column": (
        {"columns": {"de": "digitl", "cp": "prosperity"}},
        ColumnError,
    ),
    "a term": ({"columns": {"de": "log(digital)", "cp": "prosperity"}}, ColumnError),
    "a key": ({"columns": {"de": "year", "cp": "prosperity"}}, ColumnError),
    "a text column": (
        {"columns": {"de": "province_zh", "cp": "prosperity"}},
        InputTypeError,
    ),
    "an unknown control": ({"controls": ["urbann"]}, ColumnError),
    "a control that cannot be read": ({"controls": ["log("]}, TermError),
    "a control twice": ({"controls": ["urban", "urban"]}, TermError),
    "controls as a number": ({"controls": 3}, InputTypeError),
    "systems as a list": ({"systems": []}, InputTypeError),
    "a system that is a mapping": (
        {"systems": {"digital": {"a": "+"}}},
        InputTypeError,
    ),
    "a system of no column": ({"systems": {"x": None}}, InputTypeError),
    "an adjustment": ({"adjust": "sidak"}, OptionError),
    "no adjustment": ({"adjust": None}, OptionError),
    "a level of 95": ({"level": 95}, OptionError),
    "a level as text": ({"level": "high"}, OptionError),
    "a language": ({"language": "de"}, OptionError),
    "a seed": ({"rng": -1}, InputTypeError),
    "a seed as text": ({"rng": "1"}, InputTypeError),
    "weights": ({"spatial_weights": np.eye(3)}, InputTypeError),
}


@pytest.mark.many(8)
@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_calls_have_a_named_error(panel, case) -> None:
    changes, error = MALFORMED[case]
    call = {
        "panel": panel,
        "mechanisms": [LINEAR],
        "columns": DE_CP,
        "rng": 1,
        **changes,
    }
    with pytest.raises(error) as caught:
        evaluate(call.pop("panel"), call.pop("mechanisms"), call.pop("columns"), **call)
    assert caught.value.problems


def test_a_cross_section_is_refused() -> None:
    flat = dp.Panel(
        pd.DataFrame({"i": range(9), "digital": range(9), "prosperity": range(9)}), "i"
    )
    with pytest.raises(PanelIndexError):
        evaluate(flat, [LINEAR], DE_CP)


def test_weights_of_other_places_surface(panel, catalogue) -> None:
    columns = {"de": "digital", "spatial_decay": "energy_intensity"}
    with pytest.raises(AlignmentError):
        evaluate(panel, [catalogue["P29"]], columns, spatial_weights=WEIGHTS, rng=1)


# --- what a row depends on ------------------------------------------------------------


def test_a_row_depends_neither_on_the_others_nor_on_the_order_of_rows(
    panel, catalogue, report
) -> None:
    columns = {"de": "digital", "cp": "prosperity", "isu": "upgrading"}
    frame = panel.frame.reset_index().sample(frac=1, random_state=3)
    mixed = dp.Panel(frame, "province", "year")
    alone = evaluate(mixed, [catalogue["P05"]], columns, controls=CONTROLS, rng=1)
    numbers = ["estimate", "std_error", "conf_low", "conf_high", "p_value"]
    assert (
        alone.frame.loc["P05", numbers].tolist()
        == report.frame.loc["P05", numbers].tolist()
    )


def test_the_seed_is_recorded(panel, catalogue) -> None:
    columns = {"de": "digital", "cp": "prosperity", "isu": "upgrading"}
    first = evaluate(panel, [catalogue["P05"]], columns)
    again = evaluate(panel, [catalogue["P05"]], columns, rng=first.rng_entropy)
    pd.testing.assert_frame_equal(first.frame, again.frame)


def test_a_control_that_is_a_variable_of_the_row_is_left_out(panel, catalogue) -> None:
    columns = {**DE_CP, "institution": "openness"}
    report = evaluate(
        panel, [catalogue["P20"], LINEAR], columns, controls=CONTROLS, rng=1
    )
    assert report.frame["controls"].tolist() == [
        "urban, fiscal",
        "urban, fiscal, openness",
    ]
    (notice,) = [n for n in report.diagnostics if n.code == "controls_left_out"]
    assert notice.data == {"names": ("openness",), "ids": ("P20",)}


def test_lags_among_the_controls_stay_lags(panel, catalogue) -> None:
    """Rows that another outcome lacks stay in the panel: a lag would skip them."""
    holes = panel.assign(
        consumption=panel["consumption"].where(np.arange(len(panel)) % 12 != 5)
    )
    columns = {"de": "digital", "cp_growth": "income", "cp_share": "consumption"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = evaluate(
            holes, [catalogue["P08"]], columns, controls=["lag(urban)"], rng=1
        )
    # One row of each province goes for the lag, one for the missing outcome.
    assert report.frame["nobs"].tolist() == [31 * 10] * 2


def test_truth_values_stay_numbers_where_rows_are_taken_out(panel, catalogue) -> None:
    holes = panel.assign(
        income=panel["income"].where(np.arange(len(panel)) > 3),
        high=panel["consumption"] > panel["consumption"].median(),
    )
    columns = {"de": "digital", "cp_growth": "income", "cp_share": "high"}
    with pytest.warns(MissingDataWarning):
        report = evaluate(holes, [catalogue["P08"]], columns, rng=1)
    assert report.frame["nobs"].tolist() == [len(panel) - 4] * 2


def test_warnings_name_the_propositions(panel) -> None:
    holes = panel.assign(digital=panel["digital"].where(np.arange(len(panel)) > 3))
    other = replace(LINEAR, id="K", outcome="rural_income")
    with pytest.warns(MissingDataWarning, match="'L', 'K'"):
        evaluate(
            holes, [LINEAR, other], {**DE_CP, "rural_income": "rural_income"}, rng=1
        )


def test_the_panel_is_left_as_it_was(panel) -> None:
    before = panel.frame.copy()
    evaluate(panel, [LINEAR], DE_CP, rng=1)
    pd.testing.assert_frame_equal(panel.frame, before)


def test_the_module_is_public() -> None:
    assert dp.pathways is pathways
    assert pathways.__all__ == [
        "Mechanism",
        "MechanismReport",
        "evaluate",
        "seed_catalogue",
    ]


# --- the arguments --------------------------------------------------------------------


def test_what_fits_is_kept(panel) -> None:
    system = dp.IndicatorSystem.from_dict({"a": {"income": "+", "engel": "-"}})
    assert check_mechanisms((LINEAR,)) == (LINEAR,)
    assert check_systems(panel, {"prosperity": system}) == {"prosperity": system}
    (finding,) = evaluate(panel, (LINEAR,), DE_CP, controls="urban", rng=1).findings
    assert finding.controls == ("urban",)


def test_roles_of_the_catalogue_may_have_columns_that_nothing_asks_for(panel) -> None:
    assert (
        check_columns(panel, [LINEAR], {"de": "digital", "gini": "engel"})["gini"]
        == "engel"
    )


# --- why a proposition is not tested --------------------------------------------------


def refused(mechanism=MEDIATED, columns=COLUMNS, systems=None):
    return reason_not_testable(mechanism, columns, systems or {})


def test_nothing_is_refused_without_a_reason() -> None:
    assert refused() is None
    assert refused(systems={"other": SYSTEM}) is None


def test_a_channel_inside_the_outcome() -> None:
    actual = refused(systems={"prosperity": SYSTEM})
    assert actual == Reason("overlap", {"found": (("jobs", "prosperity", ""),)})


def test_a_channel_that_shares_an_indicator_with_the_cause() -> None:
    other = dp.IndicatorSystem.from_dict({"a": {"income": "+", "ports": "+"}})
    actual = refused(systems={"digital": SYSTEM, "jobs": other})
    expected = (("jobs", "digital", ""), ("income", "digital", "jobs"))
    assert actual == Reason("overlap", {"found": expected})


def test_terms_count_for_the_columns_inside() -> None:
    assert indicators_among(
        "prosperity", ["log(income)", "urban"], {"prosperity": SYSTEM}
    ) == ["income"]
    assert indicators_among("digital", ["income"], {"prosperity": SYSTEM}) == []


def test_the_first_reason_is_given() -> None:
    assert refused(columns={"x": "digital"}) == Reason("column", {"roles": ("m", "y")})
    same = refused(columns={**COLUMNS, "m": "digital"})
    assert same == Reason("same_column", {"column": "digital", "roles": ("x", "m")})
    spatial = Mechanism(
        "S", "a claim", cause="x", outcome="y", sign="+", shape="spatial"
    )
    assert refused(spatial) == Reason("weights")
