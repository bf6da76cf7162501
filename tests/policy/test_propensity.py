"""The propensity score: against statsmodels by itself, numbers of Stata, and columns without an estimate."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digiprosper.errors import CollinearityError, IdentificationError
from digiprosper.policy.propensity import propensity

REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "matching.json"


def drawn(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    return x, rng.uniform(size=n) < 1 / (1 + np.exp(1 - x @ [1.0, -0.5, 0.0]))


def test_scores_solve_the_equations_of_the_logit() -> None:
    x, treated = drawn(1)
    scores, coefficients = propensity(x, treated, ["a", "b", "c"])
    design = np.column_stack([np.ones(len(x)), x])
    assert scores == pytest.approx(1 / (1 + np.exp(-design @ coefficients)), rel=1e-12)
    assert design.T @ (treated - scores) == pytest.approx(np.zeros(4), abs=1e-9)


def test_units_and_origin_of_columns_do_not_matter() -> None:
    x, treated = drawn(2)
    scores, coefficients = propensity(x, treated, ["a", "b", "c"])
    moved, others = propensity(x * [1e6, 1e-6, 1] + [0, 0, 1e4], treated, ["a", "b", "c"])
    assert moved == pytest.approx(scores, rel=1e-7)
    assert others[1:] * [1e6, 1e-6, 1] == pytest.approx(coefficients[1:], rel=1e-6)


def birth_weights() -> tuple[pd.DataFrame, np.ndarray]:
    place = files("statsmodels.treatment.tests").joinpath("results/cataneo2.csv")
    frame = pd.read_csv(str(place))
    return frame, (frame["mbsmoke"] == "smoker").to_numpy()


def test_differences_of_matched_outcomes_are_those_of_stata() -> None:
    values = json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"][0]["values"]
    frame, treated = birth_weights()
    age = frame["mage"].to_numpy(float)
    x = np.column_stack([frame["mmarried_"], age, age**2, frame["fbaby_"], frame["medu"]]).astype(float)
    scores, _ = propensity(x, treated, ["mmarried", "mage", "mage2", "fbaby", "medu"])

    y = frame["bweight"].to_numpy(float)
    differences = [*with_ties(scores, y, treated), *(-d for d in with_ties(scores, y, ~treated))]
    assert np.mean(differences) == pytest.approx(values["ate"]["value"], abs=values["ate"]["atol"])
    atet = np.mean(differences[: treated.sum()])
    assert atet == pytest.approx(values["atet"]["value"], abs=values["atet"]["atol"])


def with_ties(scores, y, own) -> list[float]:
    """Compare each unit with all units of the other group at the smallest distance."""
    out = []
    for score, value in zip(scores[own], y[own], strict=True):
        distance = np.round(np.abs(scores[~own] - score), 12)
        out.append(value - y[~own][distance == distance.min()].mean())
    return out


@pytest.mark.peers
def test_five_neighbours_of_the_job_training_data_give_the_number_of_the_book() -> None:
    data = pytest.importorskip("causaldata")
    values = json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"][1]["values"]
    trained, others = (getattr(data, name).load_pandas().data for name in ("nsw_mixtape", "cps_mixtape"))
    frame = pd.concat([trained[trained["treat"] == 1], others[others["treat"] == 0]], ignore_index=True)
    age, educ, re74, re75 = (frame[name].to_numpy(float) for name in ("age", "educ", "re74", "re75"))
    plain = [frame[name].to_numpy(float) for name in ("marr", "nodegree", "black", "hisp")]
    x = [age, age**2, age**3, educ, educ**2, *plain, re74, re75, re74 == 0, re75 == 0, educ * re74]
    treated = (frame["treat"] == 1).to_numpy()
    scores, _ = propensity(np.column_stack(x).astype(float), treated, [str(j) for j in range(len(x))])

    y, differences = frame["re78"].to_numpy(float), []
    for score, value in zip(scores[treated], y[treated], strict=True):
        distance = np.round(np.abs(scores[~treated] - score), 12)
        differences.append(value - y[~treated][distance <= np.sort(distance)[4]].mean())
    assert np.mean(differences) == pytest.approx(values["atet"]["value"], abs=values["atet"]["atol"])


def test_a_constant_column_is_named() -> None:
    x, treated = drawn(3)
    x[:, 1] = 7.0
    with pytest.raises(IdentificationError) as caught:
        propensity(x, treated, ["a", "b", "c"])
    assert [(p.code, p.data["column"]) for p in caught.value.problems] == [("constant", "b")]


def test_a_combination_is_named() -> None:
    x, treated = drawn(4)
    x[:, 2] = x[:, 0] - 2 * x[:, 1] + 5
    with pytest.raises(CollinearityError) as caught:
        propensity(x, treated, ["a", "b", "c"])
    assert caught.value.problems[0].data["column"] == "c"


def test_too_few_entities_are_refused() -> None:
    x, _ = drawn(5, n=4)
    with pytest.raises(IdentificationError) as caught:
        propensity(x, np.array([True, False, True, False]), ["a", "b", "c"])
    assert caught.value.problems[0].code == "few_entities"


def test_the_column_that_separates_is_named() -> None:
    x, _ = drawn(6)
    with pytest.raises(IdentificationError) as caught:
        propensity(x, x[:, 1] > 0.3, ["a", "b", "c"])
    assert (caught.value.problems[0].code, caught.value.problems[0].data["terms"]) == ("separated", ("b",))


def test_a_combination_that_separates_is_named_as_such() -> None:
    x, _ = drawn(7)
    with pytest.raises(IdentificationError) as caught:
        propensity(x, x[:, 0] - x[:, 1] > 0.3, ["a", "b", "c"])
    assert caught.value.problems[0].data["terms"] == ("a", "b", "c")


def test_columns_with_a_heavy_tail_give_no_overflow() -> None:
    tail = np.exp(20 * np.random.default_rng(0).normal(size=13))
    x = np.column_stack([np.arange(13) % 4, tail])
    scores, _ = propensity(x, np.isin(np.arange(13), [0, 2, 5, 11]), ["a", "b"])
    assert np.isfinite(scores).all()
