"""One sample for a system: which effects, clusters, rows, and what is said."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    FixedEffects,
    Mediation,
    MediationIV,
    Panel,
    PanelKink,
    PanelThreshold,
    mean_group_mediation,
    moderated_u_test,
    sequential_g,
    stepwise,
    two_lines,
    u_test,
    within_between,
)
from digiprosper.errors import (
    CovarianceWarning,
    DigiprosperWarning,
    FewClustersWarning,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
    TermError,
)
from digiprosper.linear.preparation import LinearOptions, prepare

ROLES = {"y": ("y",), "x": ("x",)}


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    out = pd.DataFrame(
        {
            "city": np.repeat(np.arange(12), 5),
            "year": np.tile(np.arange(2000, 2005), 12),
        }
    )
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
        (
            {
                "entity_effects": False,
                "time_effects": False,
                "absorb": ("year", "city"),
            },
            ("city", "year"),
        ),
        ({"entity_effects": False, "absorb": ("region",)}, ("year", "region")),
        ({"time_effects": False, "absorb": ("region^year",)}, ("city", "region^year")),
        ({"entity_effects": False, "time_effects": False}, ()),
    ],
)
def test_each_effect_counts_once_and_in_one_order(
    options: dict[str, object], names: tuple[str, ...]
) -> None:
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
    missing, lone = (
        n for n in prepared.notices if n.code in ("missing_rows", "singletons")
    )
    # City 0 keeps a single row, which leaves as a singleton: 60 - 5 - 1.
    assert prepared.sample.nobs == 54
    assert missing.message.startswith("5 of 60 rows dropped: missing x (5), y (1); ")
    assert lone.message.endswith("The model uses the other 54 rows.")
    assert lone.data["count"] == 1


@pytest.mark.parametrize(("gaps", "used"), [([7], "59"), ([0, 1, 2, 3, 7], "54")])
def test_the_rows_that_are_used_are_told_once_at_the_end(
    gaps: list[int], used: str
) -> None:
    data = frame()
    data.loc[gaps, "x"] = np.nan
    with pytest.warns(MissingDataWarning, match=r"rows? dropped") as caught:
        FixedEffects("y", ["x"], cov_type="robust").fit(Panel(data, "city", "year"))
    (text,) = [
        str(w.message) for w in caught if issubclass(w.category, MissingDataWarning)
    ]
    assert text.endswith(f"{used} rows.")
    assert text.count(f"{used} rows") == 1
    assert text.count("The model uses") == 1


def test_rows_lost_to_a_lag_alone_are_noted_apart() -> None:
    prepared = prepare(panel(), {"y": ("y",), "x": ("lag(x)",)}, LinearOptions())
    (note,) = (n for n in prepared.notices if n.code == "lagged_rows")
    assert "subset()" not in note.message
    assert prepared.sample.nobs == 48


@pytest.mark.parametrize(
    ("cut", "told"),
    [
        (lambda p: p.subset("year > 2000"), True),
        (lambda p: p.subset("year > 2000").assign(z=1.0), True),
        (lambda p: p.subset("year > 1990"), False),
        (lambda p: p.balance(), False),
        (lambda p: p.assign(z=1.0), False),
    ],
    ids=["subset", "changed after", "nothing taken out", "balanced", "changed"],
)
def test_the_advice_on_lags_and_subsets_is_for_a_part_of_a_panel(
    cut: Any, told: bool
) -> None:
    prepared = prepare(cut(panel()), {"y": ("y",), "x": ("lag(x)",)}, LinearOptions())
    (note,) = (n for n in prepared.notices if n.code == "lagged_rows")
    assert ("subset()" in note.message) is told


def test_dropped_rows_are_one_warning_and_two_notices() -> None:
    data = frame()
    data.loc[[0, 1, 2, 3, 7], "x"] = np.nan
    with pytest.warns(DigiprosperWarning) as said:
        fit = FixedEffects("y", "x").fit(Panel(data, "city", "year"))
    assert {"missing_rows", "singletons"} <= {n.code for n in fit.diagnostics}
    (dropped,) = (w for w in said if "dropped" in str(w.message))
    assert dropped.category is MissingDataWarning
    assert "5 of 60" in str(dropped.message)
    assert "singleton" in str(dropped.message)


def test_a_row_number_for_an_entity_is_told() -> None:
    data = frame().assign(row=np.arange(60))
    once = Panel(data, "row", "year")
    assert once.entities_occur_once
    assert "each row in one year only" in repr(once)
    with pytest.raises(IdentificationError, match="row number"):
        FixedEffects("y", "x").fit(once)
    with pytest.warns(IdentificationWarning):
        fit = FixedEffects("y", "x", entity_effects=False).fit(once)
    (note,) = (n for n in fit.diagnostics if n.code == "entities_once")
    assert note.data == {"entity": "row", "n_entities": 60}
    assert "if it is a row number" in note.message
    # Repeated cross-sections with clusters of their own are what they are.
    for options in ({"clusters": ("region",)}, {"cov_type": "robust"}):
        prepared = prepare(once, ROLES, LinearOptions(entity_effects=False, **options))  # type: ignore[arg-type]
        assert "entities_once" not in {n.code for n in prepared.notices}
    assert not panel().entities_occur_once
    assert not Panel(data.drop(columns="year"), "row").entities_occur_once
    assert not panel().subset("year == 2001").entities_occur_once


def test_clusters_default_to_the_entity_and_are_none_for_other_errors() -> None:
    assert prepare(panel(), ROLES, LinearOptions()).cluster_names == ("city",)
    assert prepare(panel(), ROLES, LinearOptions(cov_type="robust")).cluster_names == ()
    both = prepare(panel(), ROLES, LinearOptions(clusters=("region", "year")))
    assert [int(c.max()) + 1 for c in both.cluster_codes] == [4, 5]


def test_weights_have_mean_one() -> None:
    data = frame().assign(w=np.arange(1.0, 61))
    prepared = prepare(
        Panel(data, "city", "year"), ROLES, LinearOptions(obs_weights="w")
    )
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
        ({"clusters": ("a", "b", "c", "d")}, OptionError, "one, two or three"),
        (
            {"clusters": "region", "cov_type": "robust"},
            OptionError,
            "cov_type='clustered'",
        ),
        ({"entity_effects": "city"}, OptionError, "absorb"),
        ({"absorb": ("region", "region")}, TermError, "twice"),
    ],
)
def test_option_words_are_checked_in_the_constructor(
    options: dict[str, object], error: type[Exception], word: str
) -> None:
    with pytest.raises(error, match=word):
        FixedEffects("y", ["x"], **options)


PATHS = Mediation("y", "x", "m", "c", reps=20)
FITS = {
    "FixedEffects": lambda p: FixedEffects("y", ["x", "c"], obs_weights="q").fit(p),
    "products": lambda p: FixedEffects("y", ["x:m", "C(city):x", "I(c**2)"]).fit(p),
    "stepwise": lambda p: stepwise(FixedEffects("y", "x"), p, ["m", "c"]),
    "PanelThreshold": lambda p: PanelThreshold("y", "x", "q", "c", bootstrap=None).fit(
        p
    ),
    "PanelKink": lambda p: PanelKink("y", "q", ["x", "c"], reps=20).fit(p, rng=1),
    "Mediation": lambda p: PATHS.fit(p, rng=1),
    "moderated": lambda p: PATHS.replace(moderator="q", moderates=("a", "b")).fit(
        p, rng=1
    ),
    "quadratic": lambda p: PATHS.replace(quadratic=("a", "direct")).fit(p, rng=1),
    "MediationIV": lambda p: MediationIV("y", "x", "m", "c", reps=20).fit(p, rng=1),
    "within_between": lambda p: within_between(PATHS, p),
    "mean_group_mediation": lambda p: mean_group_mediation(
        PATHS.replace(x=()), p, rng=1
    ),
    "sequential_g": lambda p: sequential_g(PATHS.replace(x=()), p, "c", rng=1),
    "two_lines": lambda p: two_lines(FixedEffects("y", ["q", "I(q**2)", "x"]), p, "q"),
    "u_test": lambda p: u_test(FixedEffects("y", ["q", "I(q**2)", "x"]).fit(p), "q"),
    "moderated_u_test": lambda p: moderated_u_test(
        FixedEffects("y", ["q", "I(q**2)", "x", "q:x", "I(q**2):x"]).fit(p), "q", "x"
    ),
}


def wide_frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    out = frame().assign(
        x=rng.normal(size=60), c=rng.normal(size=60), q=rng.uniform(1, 2, 60)
    )
    out["m"] = out["x"] + out["c"] + rng.normal(size=60)
    return out.assign(
        y=out["x"] + out["m"] - (out["q"] - 1.5) ** 2 + rng.normal(size=60)
    )


def fitted_scales(fit: object, scales: list[dict[str, float]]) -> list[bool]:
    """Fit on columns times factors.

    True where there are results, False where the values were refused.
    """
    out = []
    for scale in scales:
        data = wide_frame()
        for name, factor in scale.items():
            data[name] = data[name] * factor
        try:
            fit(Panel(data, "city", "year"))
            out.append(True)
        except (IdentificationError, MissingDataError) as error:
            # A square or a product may be infinite before its columns are looked at.
            assert error.problems[0].code in ("extreme", "undefined"), error  # noqa: PT017
            out.append(False)
    return out


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("name", FITS)
@pytest.mark.many(1)
def test_values_beyond_the_range_of_numbers_are_refused_before_any_arithmetic(
    name: str,
) -> None:
    far = [{c: s} for c in "yxmcq" for s in (1e160, 1e-160)]
    assert not all(fitted_scales(FITS[name], far))
    # What is not refused is computed without an overflow, which would be a warning and
    # so an error here.
    rng = np.random.default_rng(0)
    near = [
        {c: 10.0**e for c, e in zip("yxmcq", rng.integers(-20, 21, 5), strict=True)}
        for _ in range(3)
    ]
    assert all(fitted_scales(FITS[name], near))
    fitted_scales(
        FITS[name], [{c: s} for c, s in zip("yxmcqyx", (1e98, 1e-98) * 4, strict=False)]
    )


def test_columns_far_apart_are_refused_together() -> None:
    data = frame()
    with pytest.raises(IdentificationError) as caught:
        prepare(
            Panel(data.assign(y=data["y"] * 1e80, x=data["x"] / 1e80), "city", "year"),
            ROLES,
            LinearOptions(),
        )
    assert {n.data["column"] for n in caught.value.problems} == {"x", "y"}
    tiny = data.assign(y=data["y"] * 1e-80)
    assert (
        prepare(Panel(tiny, "city", "year"), ROLES, LinearOptions()).sample.nobs == 60
    )


def test_the_column_inside_a_term_is_checked_too() -> None:
    huge = frame().assign(big=lambda d: 1e200 * (1 + d["w"] + d["x"] ** 2))
    with pytest.raises(IdentificationError, match="'big'"):
        prepare(
            Panel(huge, "city", "year"),
            {"y": ("y",), "x": ("log(big)",)},
            LinearOptions(),
        )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"clusters": ("half",)}, (("half",), 9)),
        ({"clusters": ("year",)}, (("year",), 12)),
        ({"clusters": ("half", "year")}, (("half", "year"), 9)),
        ({"clusters": ("region",)}, None),
        ({"clusters": ("city", "year")}, None),
        ({"clusters": ("half", "region")}, None),
        ({"clusters": ("half",), "entity_effects": False}, None),
        ({"cov_type": "robust"}, None),
        ({}, None),
    ],
)
def test_entities_with_rows_in_several_clusters_are_said(
    options: dict[str, Any], told: Any
) -> None:
    data = frame()
    data["half"] = np.where(
        data["city"] < 9, data["year"] > 2002, data["city"] % 2
    ).astype(int)
    prepared = prepare(Panel(data, "city", "year"), ROLES, LinearOptions(**options))
    actual = [n.data for n in prepared.notices if n.code == "entities_across_clusters"]
    expected = (
        {"clusters": told[0], "count": told[1], "entity": "city"} if told else None
    )
    assert actual == ([expected] if expected else [])


def test_entities_with_rows_in_several_clusters_are_warned_about() -> None:
    data = frame().assign(half=lambda f: f["year"] > 2002)
    with pytest.warns(CovarianceWarning), pytest.warns(FewClustersWarning):
        FixedEffects("y", "x", clusters="half").fit(Panel(data, "city", "year"))


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("y", "x", "refused"),
    [
        (1.0, 0.95e100, set()),
        (1.0, 1.05e100, {"x"}),
        (1.0, 1 / 0.95e100, set()),
        (1.0, 1 / 1.05e100, {"x"}),
        (1e60, 0.95e60, set()),
        (1e60, 1.05e60, {"x", "y"}),
        (1e60, 1 / 0.95e60, set()),
        (1e60, 1 / 1.05e60, {"x", "y"}),
    ],
)
def test_a_column_reaches_1e100_and_two_columns_1e120(
    y: float, x: float, refused: set[str]
) -> None:
    data = frame().set_index(["city", "year"])[["y", "x"]]
    scaled = data / data.abs().max() * [y, x]
    spec = FixedEffects("y", ["x"])
    if not refused:
        assert spec.fit(Panel(scaled)).nobs == 60
        return
    with pytest.raises(IdentificationError) as caught:
        spec.fit(Panel(scaled))
    assert {n.data["column"] for n in caught.value.problems} == refused


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_driscoll_kraay_has_few_periods_below_100_and_fewer_lags_than_periods() -> None:
    def fitted(periods: int, **options: Any) -> Any:
        rng = np.random.default_rng(periods)
        data = pd.DataFrame(
            {
                "city": np.repeat(np.arange(12), periods),
                "year": np.tile(np.arange(periods), 12),
            }
        )
        data = data.assign(x=rng.normal(size=len(data)), y=rng.normal(size=len(data)))
        return FixedEffects("y", ["x"], cov_type="xtscc", **options).fit(
            Panel(data, "city", "year")
        )

    few = [n.data for n in fitted(99).diagnostics if n.code == "few_periods"]
    assert few == [{"n_times": 99}]
    assert "few_periods" not in {n.code for n in fitted(100).diagnostics}
    assert fitted(6, bandwidth=5).bandwidth == 5
    with pytest.raises(OptionError, match="bandwidth=6"):
        fitted(6, bandwidth=6)


@pytest.mark.parametrize(
    ("clusters", "allowed"),
    [
        ((), False),
        (("a",), True),
        (("a", "b"), True),
        (("a", "b", "c"), True),
        (("a", "b", "c", "d"), False),
    ],
)
def test_clusters_are_one_to_three(clusters: tuple[str, ...], allowed: bool) -> None:
    if allowed:
        assert FixedEffects("y", ["x"], clusters=clusters).clusters == clusters
        return
    with pytest.raises(OptionError, match="one, two or three terms"):
        FixedEffects("y", ["x"], clusters=clusters)


# --- what a panel keeps for its next fits ---------------------------------------------


def kept_frame() -> pd.DataFrame:
    """Simulate an unbalanced panel with a singleton, a gap and regions."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"i": np.repeat(np.arange(24), 6), "t": np.tile(range(6), 24)})
    frame["region"], frame["w"] = frame["i"] % 7, rng.uniform(1, 2, len(frame))
    frame["y"], frame["x"], frame["z"] = rng.normal(size=(3, len(frame)))
    frame.loc[[3, 50], "z"] = np.nan
    return frame.drop(index=[1, 2, 3, 4, 5, 40])


KEPT_OPTIONS: list[dict[str, Any]] = [
    {},
    {"cov_type": "robust"},
    {"cov_type": "driscoll_kraay", "bandwidth": 2},
    {"cov_type": "driscoll_kraay"},
    {"clusters": "t"},
    {"clusters": ("i", "t")},
    {"clusters": "region"},
    {"time_effects": False},
    {"entity_effects": False},
    {"entity_effects": False, "time_effects": False},
    {"absorb": "i[[t]]"},
    {"absorb": "region^t"},
    {"obs_weights": "w"},
    {"singletons": "keep"},
    {"where": "t > 1"},
    {"x": ["x", "z"]},
    {"x": ["lag(x)"]},
]


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_a_fit_is_the_same_whatever_was_fitted_to_the_panel_before() -> None:
    frame, rng = kept_frame(), np.random.default_rng(1)
    panel = Panel(frame, "i", "t")
    for at in rng.permutation(np.tile(np.arange(len(KEPT_OPTIONS)), 2)).tolist():
        options = {"x": ["x"], **KEPT_OPTIONS[at]}
        used = panel if at % 2 else panel.assign(x=panel.frame["x"])
        again = FixedEffects("y", **options).fit(used)
        fresh = FixedEffects("y", **options).fit(Panel(frame, "i", "t"))
        np.testing.assert_array_equal(again.params, fresh.params)
        np.testing.assert_array_equal(again.cov, fresh.cov)
        assert again.glance() == fresh.glance()
        assert again.diagnostics == fresh.diagnostics
        assert again.resids.equals(fresh.resids)


def test_names_set_on_residuals_are_not_those_of_other_results() -> None:
    panel, spec = Panel(kept_frame(), "i", "t"), FixedEffects("y", ["x"])
    with pytest.warns(DigiprosperWarning):
        first, second = spec.fit(panel), spec.fit(panel)
    for rows in (first.resids, first.fitted_values):
        rows.index.names = ["a", "b"]
    assert list(second.resids.index.names) == ["i", "t"] == list(panel.index.names)
    assert list(first.resids.index.names) == ["i", "t"]


@pytest.mark.parametrize(("firms", "kept"), [(8, True), (33, False)])
def test_a_panel_with_most_cells_empty_keeps_nothing(firms: int, kept: bool) -> None:
    # Two rows for each firm in 8 periods: a quarter of the cells, or one less.
    periods = 8 if kept else 9
    firm = np.repeat(np.arange(firms), 2)
    time = (firm + np.tile([0, 1], firms)) % periods
    y, x = np.random.default_rng(2).normal(size=(2, firm.size))
    panel = Panel(pd.DataFrame({"i": firm, "t": time, "y": y, "x": x}), "i", "t")
    prepared = prepare(panel, ROLES, LinearOptions(cov_type="robust"))
    assert (prepared.within in panel._table.keys.cache.values()) is kept


def test_a_pickled_panel_has_nothing_of_its_fits() -> None:
    panel = Panel(kept_frame(), "i", "t")
    before = len(pickle.dumps(panel))
    prepare(panel, {"y": ("y",), "x": ("x",)}, LinearOptions(singletons="keep"))
    assert panel._table.keys.cache
    again = pickle.loads(pickle.dumps(panel))
    assert again._table.keys.cache == {}
    assert len(pickle.dumps(again)) < before + 3 * 8 * len(panel)
    pd.testing.assert_frame_equal(again.frame, panel.frame)
