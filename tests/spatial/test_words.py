from __future__ import annotations

from typing import get_args

from digiprosper.spatial.panel_spatial import SpatialModel
from digiprosper.spatial.words import MODELS, WORDS


def test_every_model_has_a_name() -> None:
    assert set(MODELS) == set(get_args(SpatialModel))


def test_both_languages_have_the_same_codes() -> None:
    assert WORDS.english.keys() == WORDS.chinese.keys()
