"""Pickles outlive moved files, reordered and new fields, and name what they cannot."""

from __future__ import annotations

import contextlib
import copy
import inspect
import pickle
import pickletools
from dataclasses import InitVar, dataclass, field, replace
from types import MemberDescriptorType
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import PickleError, ResultSet, TestResult
from digiprosper.report.inference import Inference
from digiprosper.report.pickling import PickledByName, restore

WALD = {
    "name": "Wald",
    "statistic": 4.0,
    "distribution": "F",
    "df": (1.0, 9.0),
    "p_value": 0.07,
}
COPIES = [lambda r: pickle.loads(pickle.dumps(r)), copy.copy, copy.deepcopy]


def paths(value: Any) -> set[str]:
    """Every path into this package that a pickle has."""
    actual = pickletools.genops(pickle.dumps(value, protocol=2))
    named = {argument for code, argument, _ in actual if code.name == "GLOBAL"}
    return {path for path in named if path.startswith("digiprosper")}


def test_a_pickle_has_two_paths_and_neither_is_of_a_class(
    every_result: dict[str, Any],
) -> None:
    permanent = {"digiprosper.report.pickling restore", "digiprosper.errors _notice"}
    assert {
        kind: paths(result) - permanent for kind, result in every_result.items()
    } == {kind: set() for kind in every_result}


@pytest.mark.further
def test_every_result_comes_back_whole(every_result: dict[str, Any]) -> None:
    for kind, result in every_result.items():
        for way in COPIES:
            other = way(result)
            assert type(other) is type(result), kind
            assert repr(other) == repr(result), kind
            if hasattr(result, "to_dict"):
                assert other.to_dict() == result.to_dict(), kind


def test_a_set_of_results_comes_back_with_what_failed(
    every_result: dict[str, Any],
) -> None:
    failed = dp.OptionError("no")
    models = ResultSet((("fit", every_result["LinearResults"]), ("none", failed)))
    other = pickle.loads(pickle.dumps(models))
    assert other.labels == models.labels
    assert repr(other) == repr(models)
    assert other.failures["none"].problems == failed.problems


@dataclass(frozen=True, slots=True)
class Before(PickledByName):
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class After(PickledByName):
    high: float
    low: float
    level: float = 0.95
    notes: list[str] = field(default_factory=list)


@pytest.fixture
def renewed(monkeypatch: pytest.MonkeyPatch) -> After:
    """What was pickled as `Before`, read where the fields are those of `After`."""
    monkeypatch.setattr(dp, "Interval", After, raising=False)
    call, (_, version, named) = Before(1.0, 2.0).__reduce__()
    return pickle.loads(pickle.dumps(call("Interval", version, named)))


def test_fields_in_another_order_and_new_ones_with_defaults(renewed: After) -> None:
    assert renewed == After(high=2.0, low=1.0, level=0.95, notes=[])


def test_a_default_that_is_made_is_nobody_elses() -> None:
    named = {"high": 2.0, "low": 1.0}
    first, second = (restore(After, "0.1.0", named) for _ in range(2))
    first.notes.append("mine")
    assert second.notes == []


def test_a_class_of_yours_is_pickled_as_any_class() -> None:
    assert (
        pickle.loads(pickle.dumps(Before(1.0, 2.0)))
        == copy.deepcopy(Before(1.0, 2.0))
        == Before(1.0, 2.0)
    )


def test_a_class_inside_a_function_is_copied() -> None:
    @dataclass(frozen=True, slots=True)
    class Inside(PickledByName):
        value: float

    assert copy.copy(Inside(1.0)) == copy.deepcopy(Inside(1.0)) == Inside(1.0)


def test_fields_with_an_earlier_name_are_read() -> None:
    """As pickles of 0.1.0 have them."""
    rule = {"weighting": "given", "groups": (), "given": np.array([0.3, 0.7])}
    np.testing.assert_array_equal(
        restore("IndexRule", "0.1.0", rule).weights, [0.3, 0.7]
    )
    reduced = {"moved": np.ones(2), "own": np.eye(2), "shared": np.zeros(2)}
    read = restore("LinearBiasReduced", "0.1.0", reduced)
    np.testing.assert_array_equal(read.squares, np.eye(2))


def test_a_field_that_is_not_known_here_is_an_error_that_names_the_versions() -> None:
    with pytest.raises(
        PickleError, match=r"0\.9\.0 pickled.*no field 'colour' here.*Read it with"
    ) as caught:
        restore("TestResult", "0.9.0", {**WALD, "null": "x = 0", "colour": "red"})
    assert caught.value.problems[0].data["version"] == "0.9.0"
    assert isinstance(caught.value, pickle.UnpicklingError)


def test_a_missing_field_without_a_default_is_an_error() -> None:
    with pytest.raises(
        PickleError, match=r"the pickle has no field 'null'.*or fit the model again"
    ):
        restore("TestResult", "0.0.1", WALD)


def test_a_type_that_is_not_known_here_is_an_error() -> None:
    with pytest.raises(PickleError, match="no such type"):
        restore("ResultsOfLater", "2.0.0", {})


@pytest.mark.many(9)
@pytest.mark.parametrize(
    "kind",
    ["plots", "etable", "Panel", "__version__", "", None, 3, int, Before(1.0, 2.0)],
)
def test_what_is_no_type_of_results_is_an_error(kind: Any) -> None:
    with pytest.raises(PickleError, match="no such type"):
        restore(kind, "0.1.0", {"low": 1.0})


def test_a_test_keeps_its_draws() -> None:
    test = replace(
        restore("TestResult", "0.0.1", {**WALD, "null": "x = 0"}), draws=np.arange(3.0)
    )
    other = pickle.loads(pickle.dumps(test))
    assert isinstance(other, TestResult)
    np.testing.assert_array_equal(other.draws, test.draws)


def test_inference_is_found_by_its_name() -> None:
    value = Inference(
        cov_type="clustered", clusters=("state",), n_clusters=(48,), df_t=47.0
    )
    assert value.__reduce__()[1][0] == "Inference"
    assert pickle.loads(pickle.dumps(value)) == value


def spoil(value: Any) -> None:
    """Change an array, or what a Series or a frame shows, as far as it lets."""
    if isinstance(value, pd.Series | pd.DataFrame):
        value.index.names = ["spoilt"] * value.index.nlevels
        value = value.to_numpy()
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        with contextlib.suppress(ValueError):
            value[...] = 7


def as_text(value: Any) -> str:
    """Write values with the names of their rows."""
    if isinstance(value, pd.Series | pd.DataFrame):
        return str((value.to_numpy().tolist(), value.index.names))
    return str(value)


@pytest.mark.parametrize("way", [COPIES[0], copy.copy])
def test_what_is_read_cannot_change_a_result(
    every_result: dict[str, Any], way: Any
) -> None:
    changed = []
    for kind, result in every_result.items():
        other = way(result)
        for name in dir(type(other)):
            static = inspect.getattr_static(type(other), name)
            is_read = isinstance(static, property | MemberDescriptorType)
            if name.startswith("_") or not is_read:
                continue
            try:
                before = getattr(other, name)
            except dp.DigiprosperError:
                continue
            is_field = isinstance(static, MemberDescriptorType)
            # Frames that are fields are shown as they are.
            if is_field and not isinstance(before, np.ndarray):
                continue
            shown = as_text(before)
            spoil(before)
            if as_text(getattr(other, name)) != shown:
                changed.append((kind, name))
    assert changed == []


def test_a_class_of_a_user_may_have_more_than_fields() -> None:
    @dataclass(frozen=True)
    class Mine(dp.Specification):
        kind: ClassVar[str]
        y: str
        cutoff: InitVar[float]
        later: Any = field(init=False)

    assert Mine("y", 0.5).y == "y"
