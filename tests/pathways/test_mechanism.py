"""A proposition as data, and what it refuses."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

import digiprosper as dp
from digiprosper import pathways
from digiprosper.errors import InputTypeError, OptionError
from digiprosper.pathways import Mechanism
from digiprosper.pathways.mechanism import roles_of, split_roles

PLAIN = {"id": "M1", "claim": "x raises y", "cause": "x", "outcome": "y", "sign": "+", "shape": "linear"}


def made(**changes):
    return Mechanism(**{**PLAIN, **changes})


def test_several_roles_stand_in_one_text() -> None:
    mechanism = made(shape="mediated", cause="a; b", outcome="y;z", channels="m;n")
    assert (mechanism.causes, mechanism.outcomes, mechanism.channels) == (("a", "b"), ("y", "z"), ("m", "n"))
    assert mechanism.roles == ("a", "b", "m", "n", "y", "z")
    assert [row.id for row in mechanism.split()] == ["M1:a:y", "M1:a:z", "M1:b:y", "M1:b:z"]
    assert split_roles(" a ;; b") == ("a", "b")
    assert roles_of([made(), made(outcome="z")]) == ("x", "y", "z")


def test_one_cause_and_one_outcome_are_not_split() -> None:
    mechanism = made()
    assert mechanism.split() == (mechanism,)


def test_stages_follow_the_outcomes() -> None:
    rows = made(outcome="y;z", stage="cake;division").split()
    assert [row.stage for row in rows] == ["cake", "division"]


def test_a_mechanism_is_a_value() -> None:
    mechanism = made(shape="threshold", moderator="x", channels=["m"])
    assert pickle.loads(pickle.dumps(mechanism)) == mechanism
    assert hash(mechanism) == hash(replace(mechanism))
    with pytest.raises(AttributeError):
        mechanism.id = "M2"  # type: ignore[misc]


@pytest.mark.many(12)
@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"id": ""}, "id"),
        ({"claim": " "}, "claim"),
        ({"cause": ""}, "cause"),
        ({"sign": "-/+"}, "sign"),
        ({"sign": "positive"}, "sign"),
        ({"shape": "cubic"}, "shape"),
        ({"shape": "U"}, "sign"),
        ({"shape": "U-moderated", "sign": "+", "moderator": "w"}, "sign"),
        ({"shape": "mediated"}, "channels"),
        ({"channels": ("m",)}, "channels"),
        ({"moderator": "w"}, "moderator"),
        ({"shape": "moderated"}, "moderator"),
        ({"shape": "threshold", "moderator": "a;b"}, "moderator"),
        ({"testable": "maybe"}, "testable"),
        ({"path_signs": "+-"}, "path_signs"),
        ({"shape": "mediated", "channels": "m", "path_signs": "+-"}, "path_signs"),
        ({"shape": "mediated", "channels": "m", "design": "staggered"}, "design"),
        ({"impact": "indirect"}, "impact"),
        ({"stage": "pie"}, "stage"),
        ({"outcome": "x"}, "roles"),
        ({"shape": "moderated", "moderator": "y"}, "roles"),
    ],
)
def test_what_does_not_fit_is_refused(changes, option) -> None:
    with pytest.raises(OptionError) as caught:
        made(**changes)
    assert caught.value.problems[0].data["option"] == option


@pytest.mark.parametrize("changes", [{"claim": 3}, {"channels": 3}, {"channels": [1]}, {"sign": None}])
def test_what_is_no_text_is_refused(changes) -> None:
    with pytest.raises(InputTypeError):
        made(**changes)


def test_the_names_of_the_room_are_there_and_pickled_by_name() -> None:
    assert all(hasattr(pathways, name) for name in pathways.__all__)
    mechanism = pathways.seed_catalogue()[0]
    assert b"pathways" not in pickle.dumps(mechanism)
    assert pickle.loads(pickle.dumps(mechanism)) == mechanism
    assert dp.Mechanism is pathways.Mechanism
