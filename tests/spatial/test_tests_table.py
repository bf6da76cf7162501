from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import digiprosper as dp
from digiprosper import PanelSpatial, spatial_tests
from digiprosper.spatial.kernels.information import Point, expected_information
from digiprosper.spatial.kernels.likelihood import at_values
from digiprosper.spatial.kernels.spectrum import spectrum
from digiprosper.spatial.preparation import lay_out, spatial_columns

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")


@pytest.mark.parametrize("effects", ["individual", "two-way"])
def test_produc(states, contiguity, numbers: dict[str, Any], effects: str) -> None:
    spec = PanelSpatial("log(gsp)", X, contiguity, time_effects=effects == "two-way")
    found = spatial_tests(spec, states).set_index("test")["statistic"]
    lagrange = found[["LM lag", "LM error", "Robust LM lag", "Robust LM error"]]
    assert lagrange.to_numpy() == pytest.approx(numbers["produc_lm"][effects], abs=6e-5)
    ratios = numbers["produc_lr"][effects]
    assert found["LR SDM against SAR"] == pytest.approx(ratios["sar"], abs=6e-5)
    assert found["LR SDM against SEM"] == pytest.approx(ratios["sem"], abs=6e-5)


@pytest.mark.data("cigar.csv")
@pytest.mark.data("usa46.csv")
@pytest.mark.parametrize(
    ("effects", "entity", "time"),
    [("none", False, False), ("entity", True, False), ("time", False, True), ("two-way", True, True)],
)
def test_elhorst_table_3_2(cigar, cigar_weights, numbers: dict[str, Any], effects: str, entity, time) -> None:
    spec = PanelSpatial(
        "log(sales)", ["logp", "logy"], cigar_weights, entity_effects=entity, time_effects=time
    )
    found = spatial_tests(spec, cigar)["statistic"].to_numpy()[:4]
    assert found == pytest.approx(numbers["cigar_tests"]["lm"][effects], abs=6e-4)


@pytest.mark.data("cigar.csv")
@pytest.mark.data("usa46.csv")
def test_effects_and_wald_tests_of_cigar(cigar, cigar_weights, numbers: dict[str, Any]) -> None:
    spec = PanelSpatial("log(sales)", ["logp", "logy"], cigar_weights, cov_type="information")
    found = spatial_tests(spec, cigar).set_index("test")
    known = numbers["cigar_tests"]
    assert found.loc["LR state effects", "statistic"] == pytest.approx(known["lr_entity"], abs=6e-4)
    assert found.loc["LR year effects", "statistic"] == pytest.approx(known["lr_time"], abs=6e-4)
    assert found.loc[["LR state effects", "LR year effects"], "df"].tolist() == [45, 29]
    assert found.loc["Wald SDM against SAR", "statistic"] == pytest.approx(
        known["information"]["sar"], abs=6e-5
    )
    assert found.loc["Wald SDM against SEM", "statistic"] == pytest.approx(
        known["information"]["sem"], abs=6e-5
    )


def test_the_model_of_the_specification_plays_no_part(states, contiguity) -> None:
    spec = PanelSpatial("log(gsp)", X, contiguity, spatial_lags=["unemp"])
    found = spatial_tests(spec, states)
    assert found.equals(spatial_tests(PanelSpatial("log(gsp)", X, contiguity, model="sem"), states))
    assert list(found.columns) == ["test", "statistic", "df", "p_value", "null"]


@pytest.mark.parametrize("time", [True, False])
def test_weights_of_several_row_sums(states, contiguity, time: bool) -> None:
    """The test of a lag is the squared score at rho = 0 over its variance, from the exact likelihood."""
    raw = dp.SpatialWeights(contiguity.raw, contiguity.entities, standardise="spectral")
    spec = PanelSpatial("log(gsp)", X, raw, model="sar", time_effects=time)
    layout = lay_out(spec, states)
    columns = spatial_columns(layout, splm=False, error=False)
    found = spectrum(layout.matrix)
    null = at_values(columns, found, 0.0, 0.0)
    point = Point(columns, null, found, layout.matrix, True, False, columns.n_times, layout.sweep)
    score = columns.y[:, 1] @ null.residuals / null.sigma2
    expected = score**2 * np.linalg.inv(expected_information(point))[0, 0]
    assert spatial_tests(spec, states)["statistic"][0] == pytest.approx(expected, rel=1e-9)


def test_what_is_no_specification(states, contiguity) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity).fit(states)
    for spec in (fit, dp.FixedEffects("log(gsp)", X), None):
        with pytest.raises(dp.InputTypeError):
            spatial_tests(spec, states)
