"""What figures of event studies draw."""

from __future__ import annotations

import pytest

from digiprosper import EventStudy
from digiprosper.errors import InputTypeError
from digiprosper.policy.figures import event_paths, named_studies


def test_paths_ticks_and_labels(study) -> None:
    drawn = event_paths(named_studies(study, "test"), study.labels, 0.9)
    assert drawn.ticks == {-3: "≤ -3", -2: "-2", -1: "-1", 0: "0", 1: "1", 2: "≥ 2"}
    assert (drawn.outcome, drawn.level) == ("Output", 0.9)
    (path,) = drawn.paths
    assert path.reference == -1
    assert list(path.points) == ["time", "estimate", "conf_low", "conf_high", "n_treated"]


def test_an_event_time_that_is_binned_in_one_study_only_has_its_number(panel, study) -> None:
    wide = EventStudy("x", "first", before=4, after=3).fit(panel)
    drawn = event_paths(named_studies({"a": study, "b": wide}, "test"), {}, 0.95)
    assert drawn.ticks[-3] == "-3"
    assert drawn.ticks[-4] == "≤ -4"
    assert drawn.outcome == ""
    assert [path.head for path in drawn.paths] == ["a", "b"]


@pytest.mark.parametrize("given", [None, 3, "text", [], {}, [1], {"a": None}])
def test_other_things_are_refused(given: object) -> None:
    with pytest.raises(InputTypeError) as caught:
        named_studies(given, "test")
    assert caught.value.problems[0].code == "models"
