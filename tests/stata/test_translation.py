"""A specification is written as the call that makes it."""

from __future__ import annotations

from typing import Any

import pytest

import digiprosper as dp
from digiprosper.stata.prefixes import read_command
from digiprosper.stata.translation import Call, Context, as_python
from digiprosper.stata.varlists import Variables


@pytest.mark.many(6)
@pytest.mark.parametrize(
    "spec",
    [
        dp.FixedEffects(
            "y",
            ["x", "C(地区, ref='东部')"],
            absorb=["a^b"],
            bandwidth=2,
            cov_type="xtscc",
            ssc="plm",
        ),
        dp.FixedEffectsIV("y", [], ["d"], ["z"], clusters="id"),
        dp.PanelThreshold("y", "x", "q", n_thresholds=2, trim=(0.05, 0.1)),
        dp.DynamicPanel(
            "y",
            "x",
            equations={"x": "level"},
            estimator="system",
            instrument_lags={"y": (2, None)},
        ),
        dp.Mediation("y", "x", ["m", "n"], reps=99),
        dp.EventStudy("y", "first", ["x"], before=3),
    ],
)
def test_calls_make_the_same_value(spec: Any) -> None:
    assert eval(as_python(spec)) == spec


def test_what_a_specification_refuses_is_refused() -> None:
    call = Call(read_command("reghdfe y x"), Context(), {})
    with pytest.raises(dp.StataError, match="also in x"):
        call.specify("FixedEffects", y="y", x=["y"])


def test_keys_and_complete_columns_come_from_the_panel() -> None:
    context = Context.start(dp.datasets.us_states(), {})
    assert (context.entity, context.time) == ("state", "year")
    assert "unemp" in context.complete
    assert context.levels("year") == 17
    assert context.where("unemp > 6") == "unemp > 6"
    plain = Context.start(None, {}, ("id", None))
    assert plain.where("unemp > 6 & id > 3") == "not (unemp <= 6) and id > 3"
    assert plain.levels("year") is None
    assert plain.variables == Variables()
