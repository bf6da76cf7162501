"""Every set of estimates answers the same five questions."""

from __future__ import annotations

import pickle
from dataclasses import replace
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Mediation, Panel, PanelThreshold
from digiprosper.report.protocol import (
    Glance,
    HasDraws,
    Results,
    empty_glance,
    hash_of,
)
from digiprosper.report.tests import TestResult

TIDY = [
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
]


@pytest.fixture(scope="module")
def fits() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(400, 4)), columns=["y", "x", "z", "m"])
    data["m"] += data["x"]
    data["y"] += data["m"]
    data["y"] += 3 * data["x"] * (data["z"] > 0.2)
    panel = Panel(
        data.assign(i=np.repeat(np.arange(50), 8), t=np.tile(np.arange(8), 50)),
        "i",
        "t",
    )
    return {
        "linear": FixedEffects("y", ["x"]).fit(panel),
        "plain": FixedEffects(
            "y", ["x"], entity_effects=False, time_effects=False, cov_type="robust"
        ).fit(panel),
        "slopes": PanelThreshold("y", ["x"], "z", bootstrap=None).fit(panel).slopes,
        "effects": Mediation("y", "x", ["m"], reps=999).fit(panel, rng=0),
        "path": Mediation("y", "x", ["m"], reps=999).fit(panel, rng=0).paths["outcome"],
    }


@pytest.mark.parametrize("name", ["linear", "plain", "slopes", "effects", "path"])
def test_the_five_members(fits: dict[str, Any], name: str) -> None:
    fit = fits[name]
    assert isinstance(fit, Results)
    assert fit.tidy().columns.tolist() == TIDY
    assert fit.tidy()["term"].tolist() == fit.params.index.tolist()
    assert (
        fit.cov.index.tolist() == fit.cov.columns.tolist() == fit.params.index.tolist()
    )
    np.testing.assert_allclose(fit.cov, fit.cov.T)
    assert fit.nobs == 400
    glance = fit.glance()
    assert set(glance) == set(Glance.__annotations__)
    assert glance["nobs"] == 400
    assert glance["version"] == dp.__version__
    assert not hasattr(fit, "bse")
    wide, narrow = fit.tidy(0.99), fit.tidy(0.5)
    assert (wide["conf_low"] <= narrow["conf_low"]).all()


@pytest.mark.parametrize("name", ["linear", "slopes", "path"])
def test_the_version_is_that_of_the_fit(fits: dict[str, Any], name: str) -> None:
    older = replace(fits[name], version="0.0.9")
    assert pickle.loads(pickle.dumps(older)).glance()["version"] == "0.0.9"


def test_draws_keep_the_version_of_the_fit(fits: dict[str, Any]) -> None:
    older = replace(fits["effects"], info={**fits["effects"].info, "version": "0.0.9"})
    assert pickle.loads(pickle.dumps(older)).glance()["version"] == "0.0.9"


def test_no_distribution_is_needed(
    fits: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", fail)
    assert (
        fits["linear"].glance()["version"]
        == fits["effects"].glance()["version"]
        == dp.__version__
    )


def test_draws_are_a_further_protocol(fits: dict[str, Any]) -> None:
    assert isinstance(fits["effects"], HasDraws)
    assert not isinstance(fits["linear"], HasDraws)
    # Draws of a statistic are not draws of estimates.
    assert not isinstance(fits["linear"].wald_test("x = 0"), HasDraws)
    test = TestResult("t", 1.0, "F", (1.0, 2.0), 0.5, "a = 0")
    assert not isinstance(test, Results)


def test_an_empty_glance_has_every_key() -> None:
    glance = empty_glance("Model", 12)
    assert set(glance) == set(Glance.__annotations__)
    assert {k for k, v in glance.items() if v is not None} == {
        "model",
        "nobs",
        "version",
    }


def test_keys_of_the_contract() -> None:
    expected = (
        "model depvar nobs n_entities n_times n_clusters df_resid cov_type clusters "
        "ssc effects rsquared rsquared_within sample_hash rng_entropy version"
    )
    assert set(expected.split()) <= set(Glance.__annotations__)


@pytest.mark.parametrize(
    ("times", "hashed"),
    [
        ([1, 2], "210a4643edb34226"),
        (pd.period_range("2020-01", periods=2, freq="Q"), "7e98e2ec3af00345"),
        (None, "1ebe0db0b524b3cd"),
    ],
)
def test_the_hash_of_rows_is_that_of_columns_of_their_labels(
    times: Any, hashed: str
) -> None:
    """Stored hashes are compared with later ones."""
    labels = pd.Index(["a", "b"], name="i")
    if times is not None:
        labels = pd.MultiIndex.from_arrays([labels, times], names=["i", "t"])
    assert hash_of(labels) == hashed
