"""A pytest plugin that notes comparisons of numbers with `tests/reference`.

Tests compare with `pytest.approx`, `assert_allclose` and `assert_array_equal` of numpy.
They are wrapped: where the expected number is one that a reference file holds, it is
written down with ours. A number that several entries hold is written down for all of
them, and of several comparisons the one with the largest difference stays. Numbers of
fewer than three significant digits are left out: they could be of anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.testing
import pytest

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "tests" / "reference"
# What describes an entry, or is a simulation of our own, and is not a number from
# outside.
SETTINGS = {
    *(
        "tolerance",
        "rtol",
        "atol",
        "rows",
        "seed",
        "n",
        "periods",
        "k",
        "df",
        "df_t",
        "nobs",
        "year",
    ),
    *(
        "data",
        "given",
        "convention",
        "options",
        "obs_weights",
        "groups",
        "entities",
        "times",
        "trim",
    ),
    *(
        "cohort",
        "time",
        "exact",
        "moments",
        "steps",
        "draws",
        "p_values",
        "imitated",
        "paradox",
    ),
    *("pyxthreg", "pdR"),
}
Place: TypeAlias = tuple[Any, ...]
FOUND: dict[str, dict[Place, tuple[float, float]]] = {}


def leaves(value: Any, place: Place = ()) -> list[tuple[Place, float]]:
    """Numbers of a reference file with their places."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [(place, float(value))] if _digits(value) >= 3 else []
    if not isinstance(value, dict | list):
        return []
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        leaf
        for key, part in inner
        if key not in SETTINGS
        for leaf in leaves(part, (*place, key))
    ]


def _digits(value: float) -> int:
    mantissa = f"{value:.16g}".lower().split("e")[0]
    return len(mantissa.replace(".", "").strip("-0"))


def references() -> dict[str, list[tuple[Place, float]]]:
    """Numbers of all reference files by the name of the file."""
    paths = sorted(REFERENCE.glob("*.json"))
    return {
        path.name: leaves(json.loads(path.read_text(encoding="utf-8")))
        for path in paths
    }


def named_by(module: Path) -> set[str]:
    """Names of reference files in a test module and in the fixtures of its folder."""
    paths = [path for path in (module, module.parent / "conftest.py") if path.exists()]
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    return {path.name for path in REFERENCE.glob("*.json") if path.name in text}


def modules() -> list[Path]:
    """Test modules that read a reference file."""
    return [
        path for path in sorted((ROOT / "tests").rglob("test_*.py")) if named_by(path)
    ]


class Recorder:
    """Comparisons of the running test with the reference files its module names."""

    def __init__(self) -> None:
        self.places = {
            name: _by_value(numbers) for name, numbers in references().items()
        }
        self.named: set[str] = set()

    def begin(self, module: Path) -> None:
        """Take the reference files that the module of a test reads."""
        self.named = named_by(module)

    def compare(self, expected: Any, ours: Any) -> None:
        """Write down the numbers of one comparison."""
        if self.named:
            for reference, value in _pairs(expected, ours):
                self._write(reference, value)

    def _write(self, reference: float, ours: float) -> None:
        for name in self.named:
            for place in self.places[name].get(reference, ()):
                kept = FOUND.setdefault(name, {})
                old = kept.get(place, (reference, reference))
                if place not in kept or abs(ours - reference) > abs(old[1] - reference):
                    kept[place] = (reference, ours)


def _by_value(numbers: list[tuple[Place, float]]) -> dict[float, list[Place]]:
    found: dict[float, list[Place]] = {}
    for place, value in numbers:
        found.setdefault(value, []).append(place)
    return found


def _pairs(expected: Any, ours: Any) -> list[tuple[float, float]]:
    if isinstance(expected, Mapping) and isinstance(ours, Mapping):
        shared = [key for key in expected if key in ours]
        return [pair for key in shared for pair in _pairs(expected[key], ours[key])]
    try:
        reference, value = np.broadcast_arrays(
            np.asarray(expected, float), np.asarray(ours, float)
        )
    except (TypeError, ValueError):
        return []
    return list(zip(reference.ravel().tolist(), value.ravel().tolist(), strict=True))


RECORDER = Recorder()


def _wrap_approx() -> None:
    for kind in {
        type(pytest.approx(expected))
        for expected in (0.0, [0.0], {"a": 0.0}, np.zeros(1))
    }:
        compare = kind.__eq__

        def equal(self: Any, actual: Any, compare: Any = compare) -> bool:
            RECORDER.compare(self.expected, actual)
            return bool(compare(self, actual))

        kind.__eq__ = equal


def _wrap_numpy(name: str) -> None:
    compare = getattr(numpy.testing, name)

    def recorded(actual: Any, desired: Any, *args: Any, **options: Any) -> None:
        RECORDER.compare(desired, actual)
        compare(actual, desired, *args, **options)

    setattr(numpy.testing, name, recorded)


def pytest_configure() -> None:
    """Wrap the comparisons before a test module imports them."""
    _wrap_approx()
    _wrap_numpy("assert_allclose")
    _wrap_numpy("assert_array_equal")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: Any) -> None:
    """Take the reference files of the module."""
    RECORDER.begin(item.path)
