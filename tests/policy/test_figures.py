"""What figures of event studies and matched samples draw."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from digiprosper import EventStudy, Panel, StaggeredDid, match_entities
from digiprosper.errors import DigiprosperWarning, InputTypeError
from digiprosper.policy.figures import balance, event_paths, named_studies
from digiprosper.report.drawings import Wording


def test_paths_ticks_and_labels(study) -> None:
    drawn = event_paths(
        named_studies(study, "test"), Wording(study.labels, study.factors), 0.9
    )
    assert drawn.ticks == {-3: "≤ -3", -2: "-2", -1: "-1", 0: "0", 1: "1", 2: "≥ 2"}
    assert (drawn.outcome, drawn.level) == ("Output", 0.9)
    (path,) = drawn.paths
    assert path.reference == -1
    assert list(path.points) == [
        "time",
        "estimate",
        "conf_low",
        "conf_high",
        "n_treated",
        "band_low",
        "band_high",
    ]


def test_an_event_time_binned_in_one_study_has_its_number_and_the_study_its_end(
    panel, study
) -> None:
    wide = EventStudy("x", "first", before=4, after=3).fit(panel)
    drawn = event_paths(
        named_studies({"a": study, "b": wide}, "test"), Wording({}, {}), 0.95
    )
    assert drawn.ticks[-3] == "-3"
    assert drawn.ticks[-4] == "≤ -4"
    assert drawn.outcome == ""
    assert [path.head for path in drawn.paths] == ["a", "b"]
    assert [path.ends for path in drawn.paths] == [("≤ -3", "≥ 2"), ()]


def test_labels_name_models(study) -> None:
    drawn = event_paths(
        named_studies({"a": study, "b": study}, "test"),
        Wording({"a": "两向固定效应"}, {}),
        0.95,
    )
    assert [path.head for path in drawn.paths] == ["两向固定效应", "b"]


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_paths_have_a_joint_band(panel, study) -> None:
    fit = StaggeredDid("y", "first").fit(panel)
    paths = event_paths(
        named_studies({"a": fit, "b": study}, "test"), Wording({}, {}), 0.9
    ).paths
    banded, other = (path.points for path in paths)
    band = fit.event_path(0.9, bands="joint")
    assert banded["band_low"].tolist() == band["conf_low"].tolist()
    assert banded["band_high"].tolist() == band["conf_high"].tolist()
    assert banded["conf_low"].tolist() == fit.event_path(0.9)["conf_low"].tolist()
    band = study.event_path(0.9, bands="joint")
    assert other["band_low"].equals(band["conf_low"].rename("band_low"))
    divided = StaggeredDid("y", "first", estimator="imputation", clusters=["year"]).fit(
        panel
    )
    (path,) = event_paths(named_studies(divided, "test"), Wording({}, {}), 0.9).paths
    assert "band_low" not in path.points


@pytest.mark.filterwarnings("ignore::digiprosper.FewClustersWarning")
def test_models_with_other_bases_before_treatment_are_named(panel, study) -> None:
    def paths(**studies):
        return event_paths(named_studies(studies, "test"), Wording({}, {}), 0.95)

    varying = StaggeredDid("y", "first").fit(panel)
    universal = StaggeredDid("y", "first", base_period="universal").fit(panel)
    with pytest.warns(DigiprosperWarning, match="base_period='universal'") as caught:
        paths(twfe=study, cs=varying)
    (warning,) = caught
    assert warning.message.code == "unlike_bases"
    assert "('twfe': the reference, 'cs': the previous period)" in str(warning.message)
    # The same base, or no estimate before treatment, is no reason to warn.
    after = EventStudy("y", "first", before=1, after=2).fit(panel)
    paths(twfe=study, cs=universal)
    paths(a=varying, b=varying)
    paths(after=after, cs=varying)


@pytest.mark.parametrize("given", [None, 3, "text", [], {}, [1], {"a": None}])
def test_other_things_are_refused(given: object) -> None:
    with pytest.raises(InputTypeError) as caught:
        named_studies(given, "test")
    assert caught.value.problems[0].code == "models"


def test_the_balance_has_absolute_differences_the_largest_first() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "city": np.arange(120),
            "size": rng.normal(size=120),
            "age": rng.normal(size=120),
        }
    )
    frame["policy"] = (rng.uniform(size=120) < 0.15 + 0.3 * (frame["size"] < 0)).astype(
        int
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        matching = match_entities(
            Panel(frame, "city"), "policy", ["age", "log(size + 10)"]
        )
    drawn = balance(
        matching,
        Wording({"size": "City size", "log(size + 10)": "ln size"}, matching.factors),
    )
    rows = matching.balance.set_index("term")
    assert drawn.limit == 0.1
    assert drawn.points["label"].tolist() == ["ln size", "age"]
    assert drawn.points["before"][0] == -rows.loc["log(size + 10)", "std_diff_before"]
    assert drawn.points["after"].tolist() == [
        abs(rows.loc[term, "std_diff_after"]) for term in ("log(size + 10)", "age")
    ]
