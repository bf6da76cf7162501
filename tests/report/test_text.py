"""Words and numbers: p-values, conventions, aligned tables, plain JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel
from digiprosper.errors import notice_of, number_text
from digiprosper.report.text import (
    conventions,
    interval_text,
    json_safe,
    last_lines,
    p_text,
    p_words,
    percent_text,
    table,
)

nan = np.nan


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.95, "95%"), (1 - 0.95, "5%"), (0.975, "97.5%"), (1 - 0.999, "0.1%")],
)
def test_per_cent_is_as_fine_as_the_level(share: float, text: str) -> None:
    assert percent_text(share) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.05, "0.050"),
        (0.001, "0.001"),
        (0.00099, "<0.001"),
        (0.0, "<0.001"),
        (1.0, "1.000"),
        (nan, ""),
    ],
)
def test_p_is_never_zero(p: float, text: str) -> None:
    assert p_text(p) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (51629.2, 4, "51,629"),
        (-42311.9, 4, "-42,312"),
        (9999.7, 4, "10,000"),
        (9999.2, 4, "9999"),
        (41389.4, 5, "41,389"),
        (-13015.2, 6, "-13,015.2"),
        (1234.4, 3, "1,234"),
        (1e15, 4, "1e+15"),
        (0.00004567, 4, "4.567e-05"),
        (nan, 4, "missing"),
        (float("inf"), 4, "inf"),
    ],
)
def test_large_numbers_are_whole_and_not_powers_of_ten(value, digits, text) -> None:
    assert number_text(value, digits) == text


def test_an_interval_of_incomes_has_no_powers_of_ten() -> None:
    assert interval_text(7761.09, 55865.6) == "[7761, 55,866]"
    assert interval_text(7761.09, 55865.6, form=".3g") == "[7.76e+03, 5.59e+04]"


def test_zero_has_no_sign() -> None:
    assert number_text(-0.0) == "0"
    assert interval_text(-0.0, 0.2) == "[0, 0.2]"
    assert interval_text(-0.004, 0.2, form=".1%") == "[-0.4%, 20.0%]"
    assert interval_text(-0.0004, 0.2, form=".1%") == "[0.0%, 20.0%]"


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(900, 2)), columns=["y", "x"])
    data = data.assign(i=np.repeat(np.arange(45), 20), t=np.tile(np.arange(20), 45))
    return Panel(data.assign(g=data["i"] % 41), "i", "t")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {},
            ["Standard errors clustered by i (45 clusters", "t with 44", "as reghdfe"],
        ),
        (
            {"clusters": ["i", "g"], "ssc": "none"},
            [
                "clustered by i and g (45 and 41 clusters",
                "t with 40",
                "no small-sample correction",
            ],
        ),
        ({"cov_type": "robust"}, ["robust to heteroskedasticity (HC1)"]),
        ({"cov_type": "unadjusted"}, ["independent errors"]),
        (
            {"cov_type": "xtscc", "bandwidth": 3},
            ["Driscoll-Kraay standard errors as xtscc (3 lags", "20 periods"],
        ),
        (
            {"cov_type": "driscoll_kraay", "bandwidth": 3},
            ["clustered by entity added (3 lags, t with 7.0 degrees"],
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:20 periods:digiprosper.CovarianceWarning")
def test_the_standard_errors_end_the_summary(
    panel: Panel, options: Any, words: list[str]
) -> None:
    fit = FixedEffects("y", ["x"], **options).fit(panel)
    ending = "\n".join(last_lines(conventions(fit.inference), fit.settings))
    assert fit.summary().endswith(ending)
    for word in words:
        assert word in conventions(fit.inference)


def test_clusters_are_named_by_their_labels(panel: Panel) -> None:
    fit = FixedEffects("y", ["x"], clusters=["i", "g"]).fit(panel)
    assert "clustered by City and g (" in conventions(fit.inference, {"i": "City"})
    assert "clustered by i and g (" in conventions(fit.inference)


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
@pytest.mark.filterwarnings("ignore::digiprosper.errors.CovarianceWarning")
def test_one_degree_of_freedom_and_one_lag(panel: Panel) -> None:
    two = panel.subset("i < 2")
    assert "t with 1 degree of freedom;" in conventions(
        FixedEffects("y", "x", time_effects=False).fit(two)
    )
    spec = FixedEffects("y", "x", cov_type="xtscc", bandwidth=1)
    assert "(1 lag, 20 periods" in conventions(spec.fit(panel))


def test_no_settings_no_line() -> None:
    assert last_lines("Weights without standard errors") == [
        "Weights without standard errors."
    ]


def test_wide_characters_count_twice() -> None:
    lines = table(["", "b"], [["资本", "1.25"], ["x", "-0.5"]]).splitlines()
    assert lines[0] == "         b"
    assert lines[2:4] == ["资本  1.25", "x     -0.5"]
    assert lines[1] == lines[4] == "-" * 10


def test_json_safe() -> None:
    value = {
        "a": np.float64(1.5),
        2: np.int64(3),
        "b": (nan, np.inf, -np.inf, None, True, np.bool_(0)),
        "c": [{"d": pd.Timestamp("2020-01-01"), "e": "text"}],
    }
    out = json_safe(value)
    assert json.loads(json.dumps(out, allow_nan=False)) == {
        "a": 1.5,
        "2": 3,
        "b": [None, None, None, None, True, False],
        "c": [{"d": "2020-01-01 00:00:00", "e": "text"}],
    }


def test_arrays_become_lists() -> None:
    assert json_safe({"a": np.array([1.0, nan])}) == {"a": [1.0, None]}


def test_a_p_value_has_its_sign() -> None:
    assert (p_words(0.03124), p_words(1e-9, digits=3)) == ("p = 0.0312", "p < 0.001")


def test_notices_print_large_numbers_in_full() -> None:
    words = {"threshold": 1, "column": "q", "_values": (0.5, 123456.7)}
    notice = notice_of("one_candidate.two_values", value=0.5, values=2, **words)
    assert "two values only (0.5 and 123,457)" in notice.message
    notice = notice_of(
        "missing_codes", column="x", codes=[], count=1, _low=0, _high=2e6
    )
    assert "from 0 to 2,000,000 in others" in notice.message
