"""Rows and slopes for which a covariance is not defined."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, IdentificationError, Panel


def frame_of(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    i, t = np.divmod(np.arange(98), 7)
    frame = pd.DataFrame({"i": i, "t": t})[rng.random(98) > 0.2].reset_index(drop=True)
    frame[["a", "b", "y"]] = rng.normal(size=(len(frame), 3))
    return frame.assign(w=rng.uniform(0.3, 3.0, len(frame)))


def fit(frame: pd.DataFrame, x=("a", "b"), **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return FixedEffects("y", x, **options).fit(Panel(frame, "i", "t"))


def codes(results) -> set[str]:
    return {notice.code for notice in results.diagnostics}


@pytest.mark.parametrize("cov_type", ["hc2", "hc3"])
def test_rows_that_the_effects_fit_perfectly_change_nothing(cov_type) -> None:
    frame = frame_of(6)
    one_more = pd.concat([frame, frame.tail(1).assign(i=99, y=50.0)], ignore_index=True)
    dropped, kept = (
        fit(one_more, cov_type=cov_type, singletons=s) for s in ("drop", "keep")
    )
    np.testing.assert_allclose(kept.std_errors, dropped.std_errors, rtol=1e-10)
    assert kept.df_t == dropped.df_t
    (notice,) = [n for n in kept.diagnostics if n.code == "perfect_rows"]
    assert notice.data == {"count": 1, "rows": ((99, frame["t"].iloc[-1]),)}
    assert "perfect_rows" not in {n.code for n in dropped.diagnostics}


@pytest.mark.parametrize("cov_type", ["hc2", "hc3"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_dummy_of_one_row_is_refused_by_name(cov_type, weighted) -> None:
    frame = frame_of().assign(one=0.0)
    frame.loc[20, "one"] = 1.0
    with pytest.raises(IdentificationError, match="'one'") as error:
        fit(
            frame,
            ("a", "one"),
            cov_type=cov_type,
            obs_weights="w" if weighted else None,
        )
    (problem,) = error.value.problems
    assert problem.code == "full_leverage"
    label = tuple(frame.loc[20, ["i", "t"]].astype(int))
    assert problem.data == {"count": 1, "rows": [label], "terms": ("one",)}


@pytest.mark.parametrize("cov_type", ["hc2", "hc3"])
def test_rows_that_two_dummies_fit_together_are_refused(cov_type) -> None:
    frame = frame_of().assign(one=0.0, two=0.0)
    frame.loc[[20, 40], "one"] = 1.0
    frame.loc[[20, 40], "two"] = [1.0, -1.0]
    with pytest.raises(IdentificationError) as error:
        fit(frame, ("a", "one", "two"), cov_type=cov_type)
    assert error.value.problems[0].data["count"] == 2
    assert np.isfinite(
        fit(frame, ("a", "one", "two"), cov_type="robust").std_errors
    ).all()


@pytest.mark.parametrize("singletons", ["drop", "keep"])
@pytest.mark.parametrize("cov_type", ["clustered", "crv3"])
def test_two_entities_with_both_effects_have_no_errors(cov_type, singletons) -> None:
    """With rows that the effects fit perfectly, and without."""
    frame = frame_of()
    results = fit(
        frame[frame["i"] < 2], ("a",), cov_type=cov_type, singletons=singletons
    )
    assert np.isnan(results.std_errors["a"])
    assert codes(results) & {"no_variance", "needed_clusters"}


@pytest.mark.parametrize("cov_type", ["clustered", "crv3", "cr2"])
def test_of_national_values_the_intercept_has_no_error_either(cov_type) -> None:
    # Every entity has the same scores, which add up to zero in each.
    frame = pd.DataFrame({"i": np.repeat(range(8), 9), "t": np.tile(range(9), 8)})
    frame["a"], frame["y"] = np.sin(frame["t"]), np.exp(frame["t"] % 5)
    options = {"entity_effects": False, "time_effects": False, "cov_type": cov_type}
    results = fit(frame, ("a",), **options)
    assert results.std_errors.isna().all()
    (notice,) = [n for n in results.diagnostics if n.code == "no_variance"]
    assert notice.data["terms"] == ("a", "Intercept")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        speed = dp.beta_convergence(Panel(frame, "i", "t"), "y")
    assert "(se missing)" in speed.summary()
