"""The arguments of `evaluate`, taken as they are."""

from __future__ import annotations

import digiprosper as dp
from digiprosper.pathways import Mechanism
from digiprosper.pathways.call import checked_call

LINEAR = Mechanism("L", "a claim", cause="de", outcome="cp", sign="+", shape="linear")


def test_what_fits_is_kept(panel) -> None:
    system = dp.IndicatorSystem.from_dict({"a": {"income": "+", "engel": "-"}})
    call = checked_call(panel, (LINEAR,), {"de": "digital"}, "urban", {"prosperity": system})
    assert call.mechanisms == (LINEAR,)
    assert call.controls == ("urban",)
    assert call.systems == {"prosperity": system}


def test_roles_of_the_catalogue_may_have_columns_that_nothing_asks_for(panel) -> None:
    call = checked_call(panel, [LINEAR], {"de": "digital", "gini": "engel"}, (), None)
    assert call.columns["gini"] == "engel"
    assert call.systems is None
