"""Which columns are what, and which cannot be used."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffectsIV, Panel
from digiprosper.errors import CollinearityError, IdentificationError
from digiprosper.linear.estimation import demean_columns
from digiprosper.linear.instrument_columns import (
    ColumnPositions,
    column_positions,
    refuse_too_few,
    refuse_unidentified,
    usable_columns,
)
from digiprosper.linear.kernels.two_stage import project
from digiprosper.linear.preparation import LinearOptions, prepare

ROLES = {"y": ("y",), "endog": ("d",), "x": ("a",), "instruments": ("z", "same")}


def system(collinear: str = "raise", **effects: bool):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(12), 6), "t": np.tile(np.arange(6), 12)}
    )
    frame[["y", "d", "a", "z"]] = rng.normal(size=(72, 4))
    frame["same"] = frame["i"] % 5
    prepared = prepare(
        Panel(frame, "i", "t"), ROLES, LinearOptions(collinear=collinear, **effects)
    )
    names = ("y", "d", "a", "z", "same")
    positions = [prepared.sample.names.index(name) for name in names]
    return prepared, demean_columns(
        prepared, names, prepared.sample.matrix[:, positions]
    )


def test_places() -> None:
    prepared, demeaned = system()
    positions = column_positions(prepared.sample)
    assert positions == ColumnPositions((1,), (2,), (3, 4))
    assert positions.regressors == (1, 2)
    assert positions.exogenous == (3, 4, 2)
    assert demeaned.select(()).shape == (72, 0)


@pytest.mark.parametrize(
    ("effects", "words"),
    [({}, "within a i"), ({"time_effects": False}, "varies over time")],
)
def test_an_absorbed_instrument_is_refused_with_the_way_out(
    effects: dict, words: str
) -> None:
    prepared, demeaned = system(**effects)
    with pytest.raises(IdentificationError, match=words) as caught:
        usable_columns(prepared, demeaned, column_positions(prepared.sample))
    assert [p.data["column"] for p in caught.value.problems] == ["same"]


def test_the_log_of_a_product_is_refused_with_the_reason() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"i": np.repeat(range(9), 8), "t": np.tile(range(8), 9)})
    frame[["y", "d"]] = rng.normal(size=(72, 2))
    frame["phones"] = rng.lognormal(size=9)[frame["i"]]
    frame["z"] = np.log(frame["phones"] * rng.lognormal(size=8)[frame["t"]])
    spec = FixedEffectsIV("y", [], ["d"], ["z"])
    with pytest.raises(IdentificationError, match="use the product without a log"):
        spec.fit(Panel(frame, "i", "t"))


def test_an_absorbed_instrument_is_dropped_on_request() -> None:
    prepared, demeaned = system("drop")
    positions, notices = usable_columns(
        prepared, demeaned, column_positions(prepared.sample)
    )
    assert positions == ColumnPositions((1,), (2,), (3,))
    assert [n.code for n in notices] == ["dropped_absorbed"]
    with pytest.raises(IdentificationError):
        usable_columns(prepared, demeaned, ColumnPositions((1,), (2,), (4,)))


def test_a_time_constant_instrument_is_used_without_entity_effects() -> None:
    prepared, demeaned = system(entity_effects=False)
    positions, notices = usable_columns(
        prepared, demeaned, column_positions(prepared.sample)
    )
    assert (positions.instruments, notices) == ((3, 4), [])


def test_too_few() -> None:
    refuse_too_few(["y", "d", "z"], ColumnPositions((1,), (), (2,)))
    with pytest.raises(IdentificationError) as caught:
        refuse_too_few(["y", "d", "e", "z"], ColumnPositions((1, 2), (), (3,)))
    assert caught.value.problems[0].data == {"instruments": ("z",), "endog": ("d", "e")}


def columns(seed: int = 0):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=50),
        rng.normal(size=(50, 2)),
        rng.normal(size=(50, 1)),
        rng.normal(size=(50, 3)),
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_first_stages_that_explain_nothing_or_everything(weighted: bool) -> None:
    y, endog, controls, instruments = columns()
    w = np.random.default_rng(1).uniform(0.5, 2, 50) if weighted else np.ones(50)

    def refuse(values: np.ndarray) -> None:
        refuse_unidentified(
            project(y, values, controls, instruments, obs_weights=w), ["d", "e"]
        )

    refuse(endog)
    exogenous = np.hstack([controls, instruments])
    half = np.sqrt(w)[:, None]
    fitted = exogenous @ np.linalg.lstsq(exogenous * half, endog * half, rcond=None)[0]
    with pytest.raises(IdentificationError, match="uncorrelated"):
        refuse(endog - fitted)
    with pytest.raises(IdentificationError, match="separately"):
        refuse(endog - fitted + fitted[:, :1])
    with pytest.raises(CollinearityError):
        refuse(fitted)
    with pytest.raises(CollinearityError, match="together"):
        refuse(np.column_stack([endog[:, 0], endog[:, 0] + fitted[:, 1]]))
