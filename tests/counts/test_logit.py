"""Options of logit and probit with effects."""

from __future__ import annotations

import pytest

import digiprosper as dp


def test_a_specification_is_a_value() -> None:
    spec = dp.LogitEffects("y", "x", clusters="region")
    assert spec.x == ("x",)
    assert spec.clusters == ("region",)
    assert spec == dp.LogitEffects("y", ["x"], clusters=["region"])
    assert spec.add("z").x == ("x", "z")
    assert spec.terms == ("y", "x")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"link": "cloglog"}, "link='cloglog'"),
        ({"bias_correction": "jackknife"}, "bias_correction='jackknife'"),
        ({"cov_type": "crv3"}, "not available for LogitEffects"),
        ({"cov_type": "conley"}, "not available for LogitEffects"),
        ({"cov_type": "nonsense"}, "cov_type='nonsense'"),
        ({"cov_type": "robust", "clusters": "region"}, "clusters"),
        ({"clusters": ["a", "b", "c", "d"]}, "one, two or three"),
        ({"collinear": "keep"}, "collinear='keep'"),
        ({"missing": "keep"}, "missing='keep'"),
        ({"entity_effects": "city"}, "True or False"),
        ({"entity_effects": False, "time_effects": False}, "has fixed effects"),
    ],
)
def test_options_that_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(dp.OptionError, match=message):
        dp.LogitEffects("y", ["x"], **options)


def test_terms_that_are_refused() -> None:
    with pytest.raises(dp.TermError, match="x is empty"):
        dp.LogitEffects("y", [])
    with pytest.raises(dp.TermError, match="also in x"):
        dp.LogitEffects("y", ["y"])
    with pytest.raises(dp.InputTypeError):
        dp.LogitEffects(["y"], ["x"])


def test_what_is_no_panel() -> None:
    with pytest.raises(dp.InputTypeError, match="Panel"):
        dp.LogitEffects("y", ["x"]).fit({"y": [0, 1]})
