"""Verdicts, by truth tables."""

from __future__ import annotations

import math
import pickle
from itertools import product

import numpy as np
import pytest

from digiprosper.pathways import Mechanism
from digiprosper.pathways.findings import (
    Finding,
    Part,
    Reason,
    adjusted,
    agreement,
    joint_p,
    verdict_of,
    with_verdicts,
)


def part(sign, estimate, p=0.01):
    return Part("slope", sign, estimate, 1.0, p, estimate - 2, estimate + 2)


def finding(*parts, name="M"):
    mechanism = Mechanism(
        name, "x and y", cause="x", outcome="y", sign="+", shape="linear"
    )
    return Finding(
        mechanism,
        {"x": "a", "y": "b"},
        parts=parts,
        reason=None if parts else Reason("weights"),
    )


@pytest.mark.many(4)
@pytest.mark.parametrize("sign", ["+", "-"])
@pytest.mark.parametrize("estimate", [1.0, -1.0])
def test_the_verdict_of_one_estimate(sign, estimate) -> None:
    parts = (part(sign, estimate),)
    as_claimed = (estimate > 0) == (sign == "+")
    assert verdict_of(parts, 0.01, 0.95) == (
        "supported" if as_claimed else "contradicted"
    )
    assert verdict_of(parts, 0.06, 0.95) == "inconclusive"
    assert verdict_of(parts, 0.06, 0.90) == (
        "supported" if as_claimed else "contradicted"
    )
    assert verdict_of(parts, 0.05, 0.95) != "inconclusive"


def test_the_verdict_of_two_estimates() -> None:
    for first, second in product([1.0, -1.0], repeat=2):
        parts = (part("-", first), part("+", second, 0.04))
        whole = agreement(parts)
        expected = {(-1.0, 1.0): "claimed", (1.0, -1.0): "opposite"}.get(
            (first, second), "mixed"
        )
        assert whole == expected
        assert joint_p(parts) == (1.0 if expected == "mixed" else 0.04)
        verdicts = {
            "claimed": "supported",
            "opposite": "contradicted",
            "mixed": "inconclusive",
        }
        assert verdict_of(parts, 0.01, 0.95) == verdicts[expected]


def test_any_sign_supports_what_claims_none() -> None:
    for estimate in (1.0, -1.0):
        assert verdict_of((part("", estimate),), 0.01, 0.95) == "supported"


@pytest.mark.parametrize("estimate", [0.0, math.nan])
def test_an_estimate_without_a_sign_decides_nothing(estimate) -> None:
    parts = (part("+", estimate),)
    assert agreement(parts) == "mixed"
    assert verdict_of(parts, 0.01, 0.95) == "inconclusive"


def test_a_missing_p_value_is_not_a_p_value_of_one() -> None:
    assert math.isnan(joint_p((part("+", 1.0), part("+", 1.0, math.nan))))


def test_the_part_that_decides() -> None:
    parts = (part("+", 1.0, 0.01), part("+", 2.0, 0.03), part("+", 3.0, 0.02))
    assert finding(*parts).deciding == parts[1]
    mixed = (part("+", 1.0, 0.5), part("+", -2.0, 0.03))
    assert finding(*mixed).deciding == mixed[1]
    assert finding().deciding is None


def test_p_values_are_adjusted_over_what_was_tested() -> None:
    rows = [finding(part("+", 1.0, 0.01)), finding(), finding(part("+", 1.0, 0.04))]
    judged = with_verdicts(rows, "holm", 0.95)
    assert [row.p_adjusted for row in judged][::2] == [0.02, 0.04]
    assert math.isnan(judged[1].p_adjusted)
    assert [row.verdict for row in judged] == ["supported", "not testable", "supported"]
    assert with_verdicts([finding()], "holm", 0.95)[0].verdict == "not testable"


@pytest.mark.further
@pytest.mark.parametrize("method", ["holm", "bonferroni", "fdr_bh", "fdr_by"])
def test_the_adjustment_is_that_of_statsmodels(method) -> None:
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(1).uniform(size=7)
    assert adjusted(p.tolist(), method) == pytest.approx(
        multipletests(p, method=method)[1], abs=1e-15
    )


def test_no_adjustment_and_no_tests() -> None:
    assert adjusted([0.01, 0.02], "none") == [0.01, 0.02]
    assert adjusted([0.01, 0.04], "holm") == [0.02, 0.04]
    assert adjusted([], "holm") == []


def test_findings_are_pickled_by_name() -> None:
    whole = finding(part("+", 1.0))
    again = pickle.loads(pickle.dumps(whole))
    assert again.parts == whole.parts
    assert again.mechanism == whole.mechanism
