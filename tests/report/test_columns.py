from __future__ import annotations

import math

import pytest

import digiprosper as dp
from digiprosper.errors import IdentificationError
from digiprosper.report.columns import (
    Column,
    HasColumns,
    Parameter,
    ParameterBlock,
    columns_of,
    names_below,
    result_column,
)
from digiprosper.report.notices import not_psd
from digiprosper.report.terms import Term


@pytest.fixture(scope="module")
def fit():
    return dp.FixedEffects("log(gsp)", ["log(pcap)", "unemp"]).fit(
        dp.datasets.us_states()
    )


class Foreign:
    """The public protocol and nothing else."""

    def __init__(self, fit):
        self.params, self.cov, self.nobs, self.tidy, self.glance = (
            fit.params, fit.cov, fit.nobs, fit.tidy, fit.glance
        )  # fmt: skip


def test_a_column_has_what_the_result_tells(fit):
    column = result_column(fit, 0.9)
    tidy = fit.tidy(0.9).set_index("term")
    assert list(column.estimates) == list(fit.names)
    for name, cell in column.estimates.items():
        assert cell.term.name == name
        assert cell.conf_low == tidy.loc[name, "conf_low"]
        assert cell.p_value == tidy.loc[name, "p_value"]
    assert column.glance["depvar"] == "log(gsp)"
    assert column.labels == fit.labels


def test_inference_is_read_where_it_is_not_told(fit):
    actual = result_column(Foreign(fit)).inference
    assert (actual.cov_type, actual.clusters, actual.n_clusters) == (
        "clustered",
        ("state",),
        (48,),
    )
    assert (actual.ssc, actual.df_t, actual.from_draws) == ("reghdfe", 47.0, False)


def test_draws_are_part_of_the_inference():
    spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=99)
    with pytest.warns(dp.DigiprosperWarning):
        results = spec.fit(dp.datasets.us_states(), rng=1)
    inference = result_column(results).inference
    assert (inference.drawn, inference.reps, inference.n_drawn) == ("entity", 99, 48)


def test_whoever_has_columns_is_asked(fit):
    class Own(Foreign):
        def table_columns(self, level=0.95):
            return (Column("own", note=f"{level}"),)

    assert isinstance(Own(fit), HasColumns)
    assert columns_of(Own(fit), 0.9) == (Column("own", note="0.9"),)
    assert columns_of(Foreign(fit))[0].estimates.keys() == set(fit.names)
    failure = IdentificationError("absorbed")
    assert columns_of(failure)[0].failure is failure
    assert columns_of("text") is None


def test_a_variance_without_terms_is_named_below_a_table():
    for terms in ([], ["x"]):
        notice = not_psd("variance", terms)
        assert names_below(notice, "clustered") == {"terms": tuple(terms)}


def test_a_given_threshold_is_not_estimated():
    cut = Parameter(0.5, math.nan, math.nan, 0)
    assert ParameterBlock("step", "urban", (cut,), 0.95).estimated
    assert not ParameterBlock("step", "urban", (cut,), 0.95, fixed=True).estimated
    assert not ParameterBlock("step", "urban", (), 0.95).estimated


def test_a_term_without_a_description_is_a_slope(fit):
    assert result_column(Foreign(fit)).estimates["unemp"].term == Term(
        "unemp", path=("unemp",)
    )
