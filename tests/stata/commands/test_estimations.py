"""Every estimation has a translation or a reason."""

from __future__ import annotations

import pytest

import digiprosper as dp
from digiprosper.stata.commands.estimations import (
    WITHOUT_MODEL,
    estimate,
    is_estimation,
)
from digiprosper.stata.translation import Context


@pytest.mark.many(3)
@pytest.mark.parametrize("name", sorted(WITHOUT_MODEL))
def test_commands_without_a_model_have_a_reason(name: str) -> None:
    assert is_estimation(name)
    with pytest.raises(dp.StataError) as caught:
        estimate(f"{name} y x", Context())
    assert WITHOUT_MODEL[name] in caught.value.reason
    assert len(WITHOUT_MODEL[name]) > 5


@pytest.mark.parametrize(
    "prefix", ["svy", "statsby b=_b[x], by(g)", "rolling, window(5)", "mi estimate"]
)
def test_prefixes_that_repeat_an_estimation(prefix: str) -> None:
    with pytest.raises(dp.StataError, match="the prefix"):
        estimate(f"{prefix}: reg y x", Context())


@pytest.mark.parametrize(
    "text",
    ["bdiff, group(g) model(xtreg y x, re)", "permute x _b[x]: xtreg y x, re"],
)
def test_random_effects_are_in_no_other_command(text: str) -> None:
    with pytest.raises(dp.StataError, match="inside another command"):
        dp.from_stata(text, entity="id", time="year")
