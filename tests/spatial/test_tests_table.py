from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import PanelSpatial, spatial_tests
from digiprosper.spatial.kernels.determinants import Determinants, spectrum
from digiprosper.spatial.kernels.likelihood import (
    Point,
    at_values,
    expected_information,
)
from digiprosper.spatial.preparation import lay_out, spatial_columns
from tests.spatial.test_estimation import DESIGNS, user_panels

if TYPE_CHECKING:
    from collections.abc import Callable

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")


@pytest.mark.parametrize("effects", ["individual", "two-way"])
def test_produc(states, contiguity, numbers: dict[str, Any], effects: str) -> None:
    spec = PanelSpatial("log(gsp)", X, contiguity, time_effects=effects == "two-way")
    actual = spatial_tests(spec, states).frame.set_index("test")["chi2"]
    lagrange = actual[["LM lag", "LM error", "Robust LM lag", "Robust LM error"]]
    assert lagrange.to_numpy() == pytest.approx(numbers["produc_lm"][effects], abs=6e-5)
    ratios = numbers["produc_lr"][effects]
    assert actual["LR SDM against SAR"] == pytest.approx(ratios["sar"], abs=6e-5)
    assert actual["LR SDM against SEM"] == pytest.approx(ratios["sem"], abs=6e-5)


@pytest.mark.data("cigar.csv")
@pytest.mark.data("usa46.csv")
@pytest.mark.parametrize(
    ("effects", "entity", "time"),
    [
        ("none", False, False),
        ("entity", True, False),
        ("time", False, True),
        ("two-way", True, True),
    ],
)
def test_elhorst_table_3_2(
    cigar, cigar_weights, numbers: dict[str, Any], effects: str, entity, time
) -> None:
    spec = PanelSpatial(
        "log(sales)",
        ["logp", "logy"],
        cigar_weights,
        entity_effects=entity,
        time_effects=time,
    )
    actual = spatial_tests(spec, cigar).frame["chi2"].to_numpy()[:4]
    assert actual == pytest.approx(numbers["cigar_tests"]["lm"][effects], abs=6e-4)


@pytest.mark.data("cigar.csv")
@pytest.mark.data("usa46.csv")
def test_effects_and_wald_tests_of_cigar(
    cigar, cigar_weights, numbers: dict[str, Any]
) -> None:
    spec = PanelSpatial(
        "log(sales)", ["logp", "logy"], cigar_weights, cov_type="information"
    )
    actual = spatial_tests(spec, cigar).frame.set_index("test")
    known = numbers["cigar_tests"]
    assert actual.loc["LR state effects", "chi2"] == pytest.approx(
        known["lr_entity"], abs=6e-4
    )
    assert actual.loc["LR year effects", "chi2"] == pytest.approx(
        known["lr_time"], abs=6e-4
    )
    assert actual.loc[["LR state effects", "LR year effects"], "df"].tolist() == [
        45,
        29,
    ]
    assert actual.loc["Wald SDM against SAR", "chi2"] == pytest.approx(
        known["information"]["sar"], abs=6e-5
    )
    assert actual.loc["Wald SDM against SEM", "chi2"] == pytest.approx(
        known["information"]["sem"], abs=6e-5
    )


def test_the_model_of_the_specification_plays_no_part(states, contiguity) -> None:
    spec = PanelSpatial("log(gsp)", X, contiguity, spatial_lags=["unemp"])
    actual = spatial_tests(spec, states).frame
    assert actual.equals(
        spatial_tests(
            PanelSpatial("log(gsp)", X, contiguity, model="sem"), states
        ).frame
    )
    assert list(actual.columns) == [
        "test",
        "statistic",
        "df",
        "p_value",
        "chi2",
        "chi2_p_value",
        "null",
    ]


def test_the_notices_of_the_models_stay_with_the_tests(states, contiguity) -> None:
    spec = PanelSpatial("log(gsp)", ["unemp"], contiguity, likelihood="unadjusted")
    with pytest.warns(dp.IdentificationWarning, match="biases rho of the SDM"):
        tests = spatial_tests(spec, states)
    biased = [n.data for n in tests.diagnostics if n.code.endswith("time_effects_bias")]
    assert {(data["model"], data["coefficient"]) for data in biased} >= {
        ("sdm", "rho"),
        ("sem", "lambda"),
    }
    messages = [notice.message for notice in tests.diagnostics]
    assert len(messages) == len(set(messages))
    assert "biases rho of the SDM" in " ".join(tests.summary().split())
    assert not spatial_tests(spec.replace(likelihood="adjusted"), states).diagnostics


# Of a circle of 21 in one direction I + W is invertible, so the likelihood may increase
# beyond rho = -1.
NEXT = np.roll(np.eye(21), 1, axis=1)
CIRCLE = 0.7 * NEXT + 0.3 * NEXT @ NEXT


def circle_panel(rho: float, lag: float, seed: int) -> dp.Panel:
    x, e = np.random.default_rng(seed).normal(size=(2, 21, 6))
    y = np.linalg.solve(np.eye(21) - rho * CIRCLE, x + lag * CIRCLE @ x + e)
    keys = {"city": np.repeat(range(21), 6), "year": np.tile(range(6), 21)}
    return dp.Panel(
        pd.DataFrame({**keys, "x": x.ravel(), "y": y.ravel()}), "city", "year"
    )


@pytest.mark.filterwarnings("ignore:rho = ")
@pytest.mark.filterwarnings("ignore:W. each of the 42 links has one direction")
@pytest.mark.parametrize(
    ("rho", "lag", "seed", "without", "missing", "missing_chi2"),
    [
        (
            -1.6,
            0.0,
            1,
            ["sdm", "sar", "sem"],
            [True, True, True, True],
            [True, True, True, True],
        ),
        (
            -0.85,
            0.9,
            31,
            ["sem"],
            [False, False, False, False],
            [False, False, True, False],
        ),
    ],
)
def test_a_model_without_a_maximum_leaves_the_other_tests(
    rho: float,
    lag: float,
    seed: int,
    without: list[str],
    missing: list[bool],
    missing_chi2: list[bool],
) -> None:
    spec = PanelSpatial("y", ["x"], dp.SpatialWeights(CIRCLE, range(21)))
    with pytest.warns(dp.IdentificationWarning, match="has no estimates"):
        tests = spatial_tests(spec, circle_panel(rho, lag, seed))
    frame = tests.frame
    assert frame["test"].tolist()[-4:] == [
        "LR SDM against SAR",
        "Wald SDM against SAR",
        "LR SDM against SEM",
        "Wald SDM against SEM",
    ]
    assert frame["statistic"].isna().tolist() == [False] * (len(frame) - 4) + missing
    assert frame["p_value"].isna().tolist() == [False] * (len(frame) - 4) + missing
    assert frame["chi2"].isna().tolist() == [False] * (len(frame) - 4) + missing_chi2
    assert (
        frame["chi2_p_value"].isna().tolist()
        == [False] * (len(frame) - 4) + missing_chi2
    )
    assert frame["df"].tolist()[-4:] == [1, 1, 1, 1]
    notices = [n for n in tests.diagnostics if n.code == "model_not_estimated"]
    assert [notice.data["model"] for notice in notices] == without
    assert all("no maximum inside the interval" in notice.message for notice in notices)
    assert "nan" not in tests.summary()


def test_the_tests_are_stored(states, contiguity) -> None:
    tests = spatial_tests(PanelSpatial("log(gsp)", X, contiguity), states)
    again = pickle.loads(pickle.dumps(tests))
    assert again.summary() == tests.summary()
    stored = json.loads(json.dumps(tests.to_dict()))
    assert [row["test"] for row in stored["tests"]] == tests.frame["test"].tolist()


@pytest.mark.parametrize("time", [True, False])
def test_weights_of_several_row_sums(states, contiguity, time: bool) -> None:
    """A lag's test is the squared score at rho = 0 over its variance."""
    raw = dp.SpatialWeights(contiguity.raw, contiguity.entities, standardise="spectral")
    spec = PanelSpatial("log(gsp)", X, raw, model="sar", time_effects=time)
    layout = lay_out(spec, states)
    columns = spatial_columns(layout, splm=False, error=False)
    actual = spectrum(layout.matrix)
    determinants = Determinants(actual, columns.n_times, len(columns.y))
    null = at_values(columns, determinants, 0.0, 0.0)
    point = Point(
        columns, null, determinants, layout.matrix, True, False, layout.demean
    )
    score = columns.y[:, 1] @ null.residuals / null.sigma2
    expected = score**2 * np.linalg.inv(expected_information(point))[0, 0]
    assert spatial_tests(spec, states).frame["chi2"][0] == pytest.approx(
        expected, rel=1e-9
    )


def test_what_is_no_specification(states, contiguity) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity).fit(states)
    for spec in (fit, dp.FixedEffects("log(gsp)", X), None):
        with pytest.raises(dp.InputTypeError):
            spatial_tests(spec, states)


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("kind", ["4 nearest", "1/d", "1/d spectral"])
@pytest.mark.parametrize("design", DESIGNS)
def test_size_of_spatial_tests(
    kind: str, design: str, measured: Callable[..., None]
) -> None:
    """Share of 300 panels of 31 x 10 in which a true null is rejected at 5%.

    Two-way effects, and neither a spatial lag nor a spatial error nor spatial lags of
    regressors. Weights, regressor and errors as in the coverage of spatial Durbin
    models. "chi2" is the chi-squared test, not centred and without the adjusted
    likelihood.
    """
    rejected = []
    for panel, weights in user_panels(kind, design, 0.0, 300, lags=0.0):
        frame = spatial_tests(PanelSpatial("y", ["x"], weights), panel).frame.set_index(
            "test"
        )
        frame = frame.drop(index=["LR province effects", "LR year effects"])
        rejected.append((frame[["p_value", "chi2_p_value"]] <= 0.05).to_numpy())
    shares = np.mean(rejected, axis=0)
    row: dict[str, float | str] = {"W": kind, "errors": design}
    for test, (by_signs, by_chi2) in zip(frame.index, shares.tolist(), strict=True):
        row |= {test: by_signs, f"{test}, chi2": by_chi2}
    measured("size_of_spatial_tests", row)
    assert shares[:, 0].max() <= 0.1


def test_a_table_has_the_numbers_of_the_frame(states, contiguity) -> None:
    tests = spatial_tests(PanelSpatial("log(gsp)", X, contiguity), states)
    table = dp.etable(tests, digits=4)
    frame = tests.frame
    assert table.frame["Statistic"].tolist() == [
        f"{v:,.4f}" for v in frame["statistic"]
    ]
    assert table.frame["p of χ²"].iloc[-1] == f"{frame['chi2_p_value'].iloc[-1]:.4f}"
    assert table.frame.index.tolist()[4:6] == ["LR entity effects", "LR time effects"]
    chinese = dp.etable(tests, style=dp.TableStyle("zh"))
    assert chinese.frame.index[0] == "LM检验（空间滞后）"
    assert chinese.notes[0].startswith("注：统计量经过中心化，")
