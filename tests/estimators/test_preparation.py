"""One sample for a system: which effects, which clusters, which rows, and what is said about them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel
from digiprosper.errors import (
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    OptionError,
    TermError,
)
from digiprosper.estimators.preparation import LinearOptions, prepare

ROLES = {"y": ("y",), "x": ("x",)}


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    out = pd.DataFrame({"city": np.repeat(np.arange(12), 5), "year": np.tile(np.arange(2000, 2005), 12)})
    out["region"] = out["city"] // 3
    return out.assign(x=rng.normal(size=60), y=rng.normal(size=60), w=1.0)


def panel() -> Panel:
    return Panel(frame(), "city", "year")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ("city", "year")),
        ({"time_effects": False}, ("city",)),
        ({"absorb": ("city", "year")}, ("city", "year")),
        ({"absorb": ("C(city)", "C( year )")}, ("city", "year")),
        ({"entity_effects": False, "time_effects": False, "absorb": ("year", "city")}, ("city", "year")),
        ({"entity_effects": False, "absorb": ("region",)}, ("year", "region")),
        ({"time_effects": False, "absorb": ("region^year",)}, ("city", "region^year")),
        ({"entity_effects": False, "time_effects": False}, ()),
    ],
)
def test_each_effect_counts_once_and_in_one_order(options: dict[str, object], names: tuple[str, ...]) -> None:
    prepared = prepare(panel(), ROLES, LinearOptions(**options))
    assert prepared.effect_names == names
    dummies = [pd.get_dummies(c).to_numpy(dtype=float) for c in prepared.within.effects]
    rank = np.linalg.matrix_rank(np.hstack(dummies)) if dummies else 1
    assert prepared.within.rank == rank


def test_the_notice_counts_rows_that_are_used_in_the_end() -> None:
    data = frame()
    data.loc[[0, 1, 2, 3, 7], "x"] = np.nan
    data.loc[7, "y"] = np.nan
    prepared = prepare(Panel(data, "city", "year"), ROLES, LinearOptions())
    missing, lone = (n for n in prepared.notices if n.code in ("missing_rows", "singletons"))
    # City 0 keeps a single row, which leaves as a singleton: 60 - 5 - 1.
    assert prepared.sample.nobs == 54
    assert missing.message == (
        "5 of 60 rows dropped: missing x (5), y (1); a row may miss several. The same 54 rows are used "
        "throughout."
    )
    assert lone.data["count"] == 1


def test_rows_lost_to_a_lag_alone_are_noted_apart() -> None:
    prepared = prepare(panel(), {"y": ("y",), "x": ("lag(x)",)}, LinearOptions())
    (note,) = (n for n in prepared.notices if n.code == "lagged_rows")
    assert "make it before subset()" in note.message
    assert prepared.sample.nobs == 48


def test_clusters_default_to_the_entity_and_are_none_for_other_errors() -> None:
    assert prepare(panel(), ROLES, LinearOptions()).cluster_names == ("city",)
    assert prepare(panel(), ROLES, LinearOptions(cov_type="robust")).cluster_names == ()
    both = prepare(panel(), ROLES, LinearOptions(clusters=("region", "year")))
    assert [int(c.max()) + 1 for c in both.cluster_codes] == [4, 5]


def test_weights_have_mean_one() -> None:
    data = frame().assign(w=np.arange(1.0, 61))
    prepared = prepare(Panel(data, "city", "year"), ROLES, LinearOptions(obs_weights="w"))
    assert prepared.obs_weights is not None
    assert prepared.obs_weights.mean() == pytest.approx(1.0)


def test_a_frame_is_no_panel() -> None:
    with pytest.raises(InputTypeError, match="Panel\\(df"):
        prepare(frame(), ROLES, LinearOptions())  # type: ignore[arg-type]


def test_a_cross_section_with_effects_is_refused() -> None:
    one = Panel(frame().drop_duplicates("city").drop(columns="year"), "city")
    with pytest.raises(IdentificationError, match="entity_effects=False"):
        prepare(one, ROLES, LinearOptions())


@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        ({"cov_type": "hac"}, OptionError, "driscoll_kraay"),
        ({"ssc": "stata"}, OptionError, "reghdfe"),
        ({"clusters": ("a", "b", "c")}, OptionError, "one or two"),
        ({"clusters": "region", "cov_type": "robust"}, OptionError, "cov_type='clustered'"),
        ({"entity_effects": "city"}, OptionError, "absorb"),
        ({"absorb": ("region", "region")}, TermError, "twice"),
    ],
)
def test_option_words_are_checked_in_the_constructor(
    options: dict[str, object], error: type[Exception], word: str
) -> None:
    with pytest.raises(error, match=word):
        FixedEffects("y", ["x"], **options)


def lagged_frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    out = pd.DataFrame({"i": np.repeat(np.arange(60), 9), "t": np.tile(np.arange(9), 60)})
    out = out.assign(x=rng.normal(size=540), w=rng.normal(size=540))
    out["y"] = out["x"] + np.repeat(rng.normal(size=60), 9) + rng.normal(size=540)
    return out.drop(index=rng.choice(540, 40, replace=False))


@pytest.mark.parametrize(
    ("terms", "effects", "columns"),
    [
        (["x", "lag(y)"], {}, ("lag(y)",)),
        (["x", "lag(y, 2)"], {"time_effects": False}, ("lag(y, 2)",)),
        (["x", "previous"], {}, ("previous",)),
        (
            ["x", "lag(y)", "previous", "lag(y, 2)"],
            {"collinear": "drop"},
            ("lag(y)", "previous", "lag(y, 2)"),
        ),
        (["x", "lag(y, 3)"], {}, ()),
        (["x", "lag(x)", "lag(w)"], {}, ()),
        (["x", "lag(y)"], {"entity_effects": False}, ()),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.MissingDataWarning")
def test_a_lag_of_the_outcome_is_said(
    terms: list[str], effects: dict[str, object], columns: tuple[str, ...]
) -> None:
    panel = Panel(lagged_frame(), "i", "t").lag("y").assign(previous="y_lag1")
    spec = FixedEffects("y", terms, **effects)
    if not columns:
        assert "lagged_outcome" not in {n.code for n in spec.fit(panel).diagnostics}
        return
    with pytest.warns(IdentificationWarning):
        fit = spec.fit(panel)
    assert next(n for n in fit.diagnostics if n.code == "lagged_outcome").data == {"columns": columns}
