"""Why a proposition is not tested."""

from __future__ import annotations

import digiprosper as dp
from digiprosper.pathways import Mechanism
from digiprosper.pathways.findings import Reason
from digiprosper.pathways.refusals import indicators_among, refusal

MEDIATED = Mechanism("M", "a claim", cause="x", outcome="y", sign="+", shape="mediated", channels="m")
COLUMNS = {"x": "digital", "m": "jobs", "y": "prosperity"}
SYSTEM = dp.IndicatorSystem.from_dict({"a": {"income": "+", "jobs": "+"}})


def refused(mechanism=MEDIATED, columns=COLUMNS, systems=None):
    return refusal(mechanism, columns, systems or {}, with_weights=False)


def test_nothing_is_refused_without_a_reason() -> None:
    assert refused() is None
    assert refused(systems={"other": SYSTEM}) is None


def test_a_channel_inside_the_outcome() -> None:
    found = refused(systems={"prosperity": SYSTEM})
    assert found == Reason("overlap", {"found": (("jobs", "prosperity", ""),)})


def test_a_channel_that_shares_an_indicator_with_the_cause() -> None:
    other = dp.IndicatorSystem.from_dict({"a": {"income": "+", "ports": "+"}})
    found = refused(systems={"digital": SYSTEM, "jobs": other})
    expected = (("jobs", "digital", ""), ("income", "digital", "jobs"))
    assert found == Reason("overlap", {"found": expected})


def test_terms_count_for_the_columns_inside() -> None:
    assert indicators_among("prosperity", ["log(income)", "urban"], {"prosperity": SYSTEM}) == ["income"]
    assert indicators_among("digital", ["income"], {"prosperity": SYSTEM}) == []


def test_the_first_reason_is_given() -> None:
    assert refused(columns={"x": "digital"}) == Reason("column", {"roles": ("m", "y")})
    same = refused(columns={**COLUMNS, "m": "digital"})
    assert same == Reason("same_column", {"column": "digital", "roles": ("x", "m")})
    spatial = Mechanism("S", "a claim", cause="x", outcome="y", sign="+", shape="spatial")
    assert refused(spatial) == Reason("weights")
