"""What notices about mediation models say, and their data."""

from __future__ import annotations

import pytest

from digiprosper.errors import notice_of
from digiprosper.mediation.notices import (
    SHORT_SERIES,
    WEAK_F,
    few_for_paths,
    ratio_notices,
    short_series,
    weak_instrument,
)


@pytest.mark.parametrize(
    ("clusters", "code"),
    [(5, "very_few_clusters"), (19, "very_few_clusters"), (39, "few_clusters")],
)
def test_few_clusters_name_the_remedy(clusters, code) -> None:
    (notice,) = few_for_paths(clusters, "province", "Do this.")
    assert (notice.code, notice.data) == (
        code,
        {"clusters": "province", "n_clusters": clusters},
    )
    freedom = (
        f"{clusters} clusters (province): delta intervals use t with {clusters - 1} "
        "degrees of freedom."
    )
    assert notice.message == f"{freedom} Do this."


@pytest.mark.parametrize("clusters", [4, 40])
def test_too_few_clusters_to_draw_and_many_are_not_few(clusters) -> None:
    assert few_for_paths(clusters, "province", "Do this.") == ()


def test_the_edges_of_a_short_series_and_of_a_weak_instrument() -> None:
    assert short_series(SHORT_SERIES, "city") == []
    (short,) = short_series(SHORT_SERIES - 0.5, "city")
    assert (short.code, short.data) == ("short_series", {"median_df": 9.5})
    assert short.message.startswith(
        "half of the entities (city) have 9.5 residual degrees of freedom or fewer"
    )
    words = {"first": "x on z", "second": "m on z"}
    assert weak_instrument({"first": WEAK_F, "second": 20.0}, words) == []
    (weak,) = weak_instrument({"first": 20.0, "second": 9.99}, words)
    assert (weak.code, weak.data) == ("weak_instrument", {"stages": {"second": 9.99}})
    assert weak.message.startswith(
        "weak instrument: F = 9.99 of m on z. With F below 10 the estimates"
    )


@pytest.mark.parametrize(
    ("notice", "code", "data", "words"),
    [
        (
            notice_of("pooled", nobs=90),
            "pooled",
            {"nobs": 90},
            "no effects are absorbed (pooled OLS)",
        ),
        (
            notice_of(
                "masking",
                direct=1.0,
                indirect=-2.0,
                total_interval=(-1.0, 3.0),
                _why="why",
            ),
            "masking",
            {"direct": 1.0, "indirect": -2.0, "total_interval": (-1.0, 3.0)},
            "why: proportion_mediated is not meaningful",
        ),
        (
            notice_of("absorbed_level", column="w", _effects=("city", "year")),
            "absorbed_level",
            {"column": "w"},
            "the moderator 'w' is collinear with the effects (city, year)",
        ),
        (
            notice_of("held_level", column="q", _terms=["the intercept"]),
            "held_level",
            {"column": "q"},
            (
                "regime_intercept: the regime dummy of 'q' is collinear with the "
                "effects and controls (the intercept)"
            ),
        ),
        (
            notice_of("untested_threshold", column="q", gamma=0.123456),
            "untested_threshold",
            {"column": "q", "gamma": 0.123456},
            "q = 0.12346 minimises the sum of squared residuals",
        ),
        (
            notice_of(
                "influential_cluster",
                cluster="Wuhan",
                term="indirect",
                without=0.1,
                _n_clusters=30,
                _name="city",
                _estimate=0.5,
                _shift=2.5,
            ),
            "influential_cluster",
            {"cluster": "Wuhan", "term": "indirect", "without": 0.1},
            (
                "one of 30 clusters has a large influence: without city Wuhan the term "
                "'indirect' would be 0.1, not 0.5 (2.50 standard errors)"
            ),
        ),
        (
            notice_of(
                "left_out",
                count=2,
                entities=("a", "b"),
                _n_entities=9,
                _entity="city",
                _shown="'a', 'b'",
            ),
            "left_out",
            {"count": 2, "entities": ("a", "b")},
            "2 of 9 entities (city) cannot be estimated separately and are dropped",
        ),
        (
            *ratio_notices("m", 1.5, "indirect/total", total_differs=True),
            "ratio_above_one",
            {"mediator": "m", "ratio": 1.5},
            "indirect/total = 1.5: above 1, so it is not a share of the total effect.",
        ),
        (
            *ratio_notices("m", 1.5, "|indirect/direct|", total_differs=True),
            "ratio_above_one",
            {"mediator": "m", "ratio": 1.5},
            (
                "|indirect/direct| = 1.5: the indirect effect is larger than the "
                "direct effect."
            ),
        ),
        (
            *ratio_notices("m", -0.5, "indirect/total", total_differs=True),
            "ratio_negative",
            {"mediator": "m", "ratio": -0.5},
            "indirect/total = -0.5: the total effect has the opposite sign",
        ),
        (
            *ratio_notices("m", 0.5, "indirect/total", total_differs=False),
            "total_near_zero",
            {"mediator": "m", "ratio": 0.5},
            "the total effect is not significantly different from zero",
        ),
        (
            notice_of("readings_differ", mediator="m", ratio=0.5),
            "readings_differ",
            {"mediator": "m", "ratio": 0.5},
            "a and b are both significantly different from zero, but ab is not",
        ),
        (
            notice_of(
                "tests_differ",
                mediator="m",
                ratio=0.5,
                _step=4,
                _name="c'",
                _of_t="0.040",
                _of_draws="0.060",
            ),
            "tests_differ",
            {"mediator": "m", "ratio": 0.5},
            (
                "step 4 depends on the test: c' has p 0.040 from the t test and 0.060 "
                "from the bootstrap."
            ),
        ),
    ],
)
def test_each_notice_has_its_code_its_data_and_its_sentence(
    notice, code, data, words
) -> None:
    assert (notice.code, notice.data) == (code, data)
    assert notice.message.startswith(words)
