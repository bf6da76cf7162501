"""When a test rejects at a level."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.report.verdicts import is_balanced, rejects


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99, 0.999, 0.68])
def test_a_p_value_at_the_level_rejects_and_one_above_does_not(level) -> None:
    edge = float(str(round(1 - level, 3)))
    assert rejects(edge, level)
    assert rejects(np.nextafter(edge, 0), level)
    assert not rejects(edge + 1e-9, level)


def test_a_missing_p_value_rejects_nothing() -> None:
    assert not rejects(float("nan"), 0.95)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_of_equally_likely_ranks_the_share_rejected_is_the_size(level) -> None:
    """Under the null (1 + #) / (B + 1) takes its values equally often.

    With the same probability.
    """
    reps = 999
    p_values = np.arange(1, reps + 2) / (reps + 1)
    assert np.mean([rejects(p, level) for p in p_values]) == pytest.approx(
        1 - level, abs=1e-15
    )


@pytest.mark.parametrize(
    ("nobs", "n_entities", "n_times", "balanced"),
    [(20, 4, 5, True), (19, 4, 5, False), (20, 4, 8, False), (4, 4, 1, True)],
)
def test_a_panel_is_balanced_if_every_entity_has_every_period(
    nobs, n_entities, n_times, balanced
) -> None:
    assert is_balanced(nobs, n_entities, n_times) == balanced
