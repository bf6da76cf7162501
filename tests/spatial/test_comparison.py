from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import digiprosper as dp
from digiprosper import PanelSpatial, SpatialWeights

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")


@pytest.mark.parametrize("effects", ["individual", "two-way"])
def test_likelihood_ratios_of_produc(states, contiguity, numbers: dict[str, Any], effects: str) -> None:
    spec = PanelSpatial("log(gsp)", X, contiguity, time_effects=effects == "two-way")
    durbin = spec.fit(states)
    for model in ("sar", "sem"):
        test = durbin.lr_test(spec.replace(model=model).fit(states))
        assert test.statistic == pytest.approx(numbers["produc_lr"][effects][model], abs=6e-5)
        assert test.df == 4


@pytest.mark.data("cigar.csv")
@pytest.mark.data("usa46.csv")
@pytest.mark.parametrize("cov_type", ["information", "observed"])
def test_wald_tests_of_cigar(cigar, cigar_weights, numbers: dict[str, Any], cov_type: str) -> None:
    spec = PanelSpatial("log(sales)", ["logp", "logy"], cigar_weights, cov_type=cov_type)
    durbin = spec.fit(cigar)
    known = numbers["cigar_tests"]
    for model in ("sar", "sem"):
        assert durbin.wald_to(model).statistic == pytest.approx(known[cov_type][model], abs=6e-5)
    lag = spec.replace(model="sar").fit(cigar)
    assert durbin.lr_test(lag).statistic == pytest.approx(known["lr_sar"], abs=6e-5)


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("model", ["sar", "sem", "sac", "sdm", "sdem"])
def test_the_model_without_spatial_terms_is_nested_in_all(states, contiguity, model: str) -> None:
    spec = PanelSpatial("log(gsp)", X[:2], contiguity, model=model)
    none = spec.replace(model="slx", spatial_lags=()).fit(states)
    large = spec.fit(states)
    test = large.lr_test(none)
    assert test.df == len(large.names) - len(none.names)
    assert test.statistic == pytest.approx(2 * (large.loglik - none.loglik), rel=1e-9)


def test_likelihood_ratio_of_effects_and_terms(states, contiguity) -> None:
    spec = PanelSpatial("log(gsp)", X, contiguity)
    both = spec.fit(states)
    one = spec.replace(time_effects=False).fit(states)
    assert one.lr_test(both).df == 16
    fewer = PanelSpatial("log(gsp)", X[:3], contiguity).fit(states)
    assert both.lr_test(fewer).df == 2
    assert both.lr_test(fewer).null == "what the SDM with fewer terms or effects leaves out is zero"
    lag = spec.replace(model="sar").fit(states)
    assert both.lr_test(lag).null == "the restrictions of the SAR hold in the SDM"


def test_wald_to_sem_of_the_durbin_error_model(states, contiguity) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity, model="sdem").fit(states)
    joint = fit.wald_test([f"W:{x} = 0" for x in X])
    assert fit.wald_to("sem").statistic == pytest.approx(joint.statistic)
    assert "rho" not in fit.wald_to("sem").null


def test_models_that_cannot_be_compared(states, contiguity) -> None:
    spec = PanelSpatial("log(gsp)", X, contiguity)
    durbin, lag = spec.fit(states), spec.replace(model="sar").fit(states)
    error = spec.replace(model="sem").fit(states)
    other = SpatialWeights(contiguity.raw, contiguity.entities, standardise="spectral")
    cases = [
        (lag, error),  # as many parameters
        (durbin, durbin),
        (durbin, spec.replace(spatial_weights=other, model="sar").fit(states)),
        (durbin, spec.replace(transform="splm", model="sar").fit(states)),
        (durbin, PanelSpatial("log(gsp)", [*X, "log(hwy)"], contiguity, model="sac").fit(states)),
        (spec.replace(spatial_lags=["unemp"]).fit(states), error),
    ]
    for first, second in cases:
        with pytest.raises(dp.OptionError):
            first.lr_test(second)
    with pytest.raises(dp.InputTypeError):
        durbin.lr_test(dp.FixedEffects("log(gsp)", X).fit(states))
    for fit, model in (
        (spec.replace(spatial_lags=[]).fit(states), "sar"),
        (lag, "sar"),
        (durbin, "slx"),
        (spec.replace(spatial_lags=["unemp"]).fit(states), "sem"),
    ):
        with pytest.raises(dp.OptionError):
            fit.wald_to(model)


def test_wald_to_sem_by_numerical_derivatives(states, contiguity) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity).fit(states)
    b, cov = fit.params.to_numpy(), fit.cov.to_numpy()

    def gap(v: np.ndarray) -> np.ndarray:
        return v[5:] + v[0] * v[1:5]

    gradient = np.column_stack([(gap(b + h) - gap(b - h)) / 2e-6 for h in 1e-6 * np.eye(9)])
    expected = gap(b) @ np.linalg.solve(gradient @ cov @ gradient.T, gap(b))
    assert fit.wald_to("sem").statistic == pytest.approx(expected, rel=1e-7)
