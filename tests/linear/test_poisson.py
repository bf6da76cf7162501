"""What Poisson regressions share: refused outcomes, separated rows, the likelihood."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from digiprosper import IdentificationError, Panel, TermError
from digiprosper.linear.estimation import demean_columns, named_effects
from digiprosper.linear.poisson import (
    check_counts,
    find_separated,
    fit_poisson,
)
from digiprosper.linear.preparation import LinearOptions, prepare

FRAME = pd.DataFrame(
    {
        "city": np.repeat(range(6), 5),
        "year": np.tile(range(5), 6),
        "y": np.random.default_rng(1).poisson(4, 30) * (np.arange(30) >= 5),
        "x": np.random.default_rng(2).normal(size=30),
    }
)


def fitted(ssc: str = "ppmlhdfe"):
    actual = []

    def select(sample, absorbed):
        check_counts("y", sample)
        actual.append(find_separated(sample, sample.columns("x"), absorbed, "drop"))
        return sample.keep(~actual[0].mask, "separated rows")

    roles = {"y": ("y",), "x": ("x",)}
    prepared = prepare(
        Panel(FRAME, "city", "year"), roles, LinearOptions(), select=select
    )
    columns = np.hstack([prepared.sample.columns(role) for role in roles])
    demeaned = demean_columns(prepared, ("y", "x"), columns)
    return prepared, actual[0], fit_poisson(prepared, demeaned, [1], actual[0], ssc)


def test_the_likelihood_is_that_of_dummies_without_separated_rows() -> None:
    prepared, separated, (columns, _, likelihood, solved) = fitted()
    assert separated.mask.nonzero()[0].tolist() == list(range(5))
    assert separated.by_reason == {"effects": 5, "regressors": 0}
    assert separated.reasons == ("effects",) * 5
    assert columns == [1]
    rest = FRAME[5:]
    effects = pd.get_dummies(rest[["city", "year"]].astype("category"), dtype=float)
    design = np.column_stack([rest["x"], effects.drop(columns="year_0")])
    glm = sm.GLM(rest["y"], design, family=sm.families.Poisson()).fit(tol=1e-14)
    assert likelihood.coefficients[0] == pytest.approx(glm.params.iloc[0], abs=1e-9)
    linear = likelihood.index - rest["x"].to_numpy() * solved.coefficients[0]
    effects = named_effects(prepared, prepared.within.decompose(linear)[1])
    names = [(name, len(levels), len(values)) for name, levels, values in effects]
    assert names == [("city", 5, 5), ("year", 5, 5)]


def test_the_factors_of_two_programs() -> None:
    ppmlhdfe, fixest = (fitted(ssc)[2][3].vcov for ssc in ("ppmlhdfe", "fixest"))
    assert ppmlhdfe.parts[0].factor == pytest.approx(5 / 4)
    # A slope, the constant and the other four years; cities are nested in clusters.
    assert fixest.parts[0].factor == pytest.approx(5 / 4 * 24 / (25 - 6))
    assert np.isinf(ppmlhdfe.df_t)


@pytest.mark.parametrize(
    ("y", "error", "match"),
    [
        ("I(y - 9)", IdentificationError, "is negative in"),
        ("I(0*y)", IdentificationError, "zero in every row"),
        ("C(year)", TermError, "several columns"),
    ],
)
def test_outcomes_that_are_no_counts_are_refused(y, error, match) -> None:
    sample = Panel(FRAME, "city", "year").sample({"y": (y,)})
    with pytest.raises(error, match=match):
        check_counts(y, sample)
