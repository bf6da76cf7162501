"""Coefficients by group: fits, permutations, interactions, against refits.

Fits of each group; interactions are compared with dummies.
"""

from __future__ import annotations

import pickle
import re
import warnings
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import FixedEffects, Panel
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    OptionError,
    PanelIndexError,
    TermError,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.kernels.exchange import permuted_labels
from digiprosper.report.columns import columns_of
from tests.scanned_cases import assert_same

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = ("i", "t")


def make(
    seed: int = 0, n: int = 18, periods: int = 6, *, gaps: bool = False
) -> pd.DataFrame:
    """Two groups `g` of entities, three groups `h`, one `late` that changes."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    for name in "axyz":
        frame[name] = rng.normal(size=len(frame)) + rng.normal(size=n)[frame["i"]]
    frame["g"] = np.where(frame["i"] % 3 == 0, "west", "east")
    frame["h"] = frame["i"] % 3
    frame["late"] = frame["t"] >= 3
    frame["r"] = frame["i"] % 4
    frame["rt"] = frame["r"] * 100 + frame["t"]
    frame["w"] = rng.uniform(0.3, 3, len(frame))
    frame["y"] += 0.5 * frame["x"] + frame["x"] * (frame["g"] == "west")
    keep = (
        rng.random(len(frame)) > 0.2 if gaps else np.full(len(frame), fill_value=True)
    )
    return frame[keep].reset_index(drop=True)


def quiet(function: Any, *args: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return function(*args, **options)


def grouped(
    spec: Any, frame: pd.DataFrame, group: str = "g", **options: Any
) -> dp.ByGroup:
    return quiet(dp.by_group, spec, Panel(frame, *KEYS), group, **options)


SPEC = FixedEffects("y", ["x", "a"])
CASES: dict[str, dict[str, Any]] = {
    "two-way": {},
    "entity effects": {"time_effects": False},
    "time effects": {"entity_effects": False},
    "no effects": {"entity_effects": False, "time_effects": False},
    "region by year": {"absorb": ["rt"]},
    "entity trends": {"absorb": ["i[t]"]},
    "weights": {"obs_weights": "w"},
    "a lag": {"x": ["x", "lag(a)"]},
    "alone": {"x": ["x"]},
}


# --- permutations ---------------------------------------------------------------------


def refits(
    spec: FixedEffects, frame: pd.DataFrame, group: str, reps: int, rng: int
) -> np.ndarray:
    """Fit both groups of each permutation: coefficients of x, a row for each."""
    there = quiet(spec.fit, Panel(frame, *KEYS)).index.get_level_values("i").unique()
    # An entity without complete rows is in no sample
    frame = frame[frame["i"].isin(there)]
    entities, entity = np.unique(frame["i"], return_inverse=True)
    codes = pd.factorize(frame[group], sort=True)[0]
    labels = np.empty(entities.size, dtype=np.intp)
    labels[entity] = codes
    drawn = permuted_labels(np.random.default_rng(seed_sequence(rng)), labels, reps)
    groups = range(labels.max() + 1)

    def slope(permuted: np.ndarray, one: int) -> float:
        part = frame[permuted[entity] == one]
        return float(quiet(spec.fit, Panel(part, *KEYS)).params["x"])

    return np.array([[slope(permuted, one) for one in groups] for permuted in drawn])


@pytest.mark.parametrize("gaps", [False, True], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.many(1)
def test_permutations_are_those_of_refits(case: str, gaps: bool) -> None:
    frame, spec = (
        make(len(case), n=24, periods=7, gaps=gaps),
        SPEC.replace(**CASES[case]),
    )
    actual = grouped(spec, frame, reps=20, rng=3)
    expected = refits(spec, frame, "g", 20, 3)
    np.testing.assert_allclose(
        actual.difference.draws, expected[:, 1] - expected[:, 0], rtol=1e-8, atol=1e-10
    )


def test_the_range_of_three_groups_is_that_of_refits() -> None:
    frame = make(1, n=24)
    test = grouped(SPEC, frame, "h", reps=20, rng=3).difference
    expected = refits(SPEC, frame, "h", 20, 3)
    np.testing.assert_allclose(test.draws, np.ptp(expected, axis=1), rtol=1e-8)
    estimates = list(test.detail["estimates"].values())
    assert (
        test.statistic == test.detail["difference"] == max(estimates) - min(estimates)
    )
    beyond = (test.draws >= test.statistic * (1 - 1e-9)).sum()
    assert test.p_value == (1 + beyond) / 21


@pytest.mark.parametrize("gaps", [False, True], ids=["balanced", "unbalanced"])
def test_each_group_is_fitted_on_its_own_rows(gaps: bool) -> None:
    frame = make(2, gaps=gaps)
    actual = grouped(SPEC, frame, rng=1)
    assert actual.labels == ("east", "west")
    for group, result in actual.items():
        alone = quiet(SPEC.fit, Panel(frame[frame["g"] == group], *KEYS))
        pd.testing.assert_frame_equal(result.tidy(), alone.tidy())
        assert result.nobs == alone.nobs
    test = actual.difference
    assert test.statistic == pytest.approx(
        actual["west"].params["x"] - actual["east"].params["x"], rel=1e-12
    )
    assert (
        test.p_value == (1 + (np.abs(test.draws) >= abs(test.statistic)).sum()) / 1000
    )
    assert test.p_value < 0.05


@pytest.mark.further
def test_slopes_by_groups_of_entities_are_fitted_anew() -> None:
    frame, spec = make(3, n=24, periods=7), SPEC.replace(absorb=["r[t]"])
    test = grouped(spec, frame, rng=3).difference
    assert test.draws.size == 99
    expected = refits(spec, frame, "g", 99, 3)
    np.testing.assert_allclose(test.draws, expected[:, 1] - expected[:, 0], rtol=1e-9)


def test_memory_changes_no_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    from digiprosper.linear.kernels.exchange import permuted_slopes

    whole = grouped(SPEC, make(4), reps=50, rng=1).difference.draws
    monkeypatch.setattr(
        "digiprosper.studies.by_group.permuted_slopes",
        lambda *args: permuted_slopes(*args, memory=1),
    )
    np.testing.assert_allclose(
        grouped(SPEC, make(4), reps=50, rng=1).difference.draws, whole, rtol=1e-10
    )


def test_the_order_of_rows_and_names_of_entities_change_nothing() -> None:
    frame = make(5)
    one = grouped(SPEC, frame, reps=99, rng=1).difference
    shuffled = frame.sample(frac=1, random_state=1).assign(
        i=lambda f: "p" + (100 + f["i"]).astype(str)
    )
    other = grouped(SPEC, shuffled, reps=99, rng=1).difference
    np.testing.assert_array_equal(one.draws, other.draws)


def test_units_of_the_regressor_only_scale_it() -> None:
    frame = make(6)
    one = grouped(SPEC, frame, reps=99, rng=1).difference
    other = grouped(
        SPEC, frame.assign(x=5 - 1e3 * frame["x"]), reps=99, rng=1
    ).difference
    np.testing.assert_allclose(one.draws, -1e3 * other.draws, rtol=1e-8, atol=1e-10)
    assert one.p_value == other.p_value


def test_permutations_without_a_coefficient_count_as_beyond() -> None:
    """The dummy of two entities is not identified in a group that has neither."""
    frame = make(7, n=8).assign(
        d=lambda f: ((f["i"].isin([0, 1])) & (f["t"] >= 3)).astype(float)
    )
    test = grouped(
        FixedEffects("y", ["d"]), frame, "i in [0, 2, 4]", reps=199, rng=1
    ).difference
    assert test.detail["lost"] == np.isnan(test.draws).sum() > 0
    beyond = (np.abs(test.draws) >= abs(test.statistic) * (1 - 1e-9)).sum()
    assert test.p_value == (beyond + test.detail["lost"]) / 56


# --- interactions ---------------------------------------------------------------------


@pytest.mark.parametrize("gaps", [False, True], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("case", CASES)
def test_the_interaction_is_that_of_a_written_out_regression(
    case: str, gaps: bool
) -> None:
    frame, spec = make(len(case), gaps=gaps), SPEC.replace(**CASES[case])
    test = grouped(spec, frame, method="interaction").difference
    wide = frame.assign(west=(frame["g"] == "west") * 1.0)
    written = spec.add("x:west") if spec.entity_effects else spec.add("x:west", "west")
    fit = quiet(written.fit, Panel(wide, *KEYS))
    assert test.statistic == pytest.approx(fit.tstats["x:west"], rel=1e-9)
    assert test.p_value == pytest.approx(fit.pvalues["x:west"], rel=1e-8)
    assert (test.distribution, test.df) == ("t", fit.df_t)
    assert test.detail["difference"] == pytest.approx(fit.params["x:west"], rel=1e-9)
    assert test.detail["std_error"] == pytest.approx(fit.std_errors["x:west"], rel=1e-9)


def test_several_interactions_are_tested_jointly() -> None:
    frame = make(8)
    test = grouped(SPEC, frame, "h", method="interaction").difference
    wide = frame.assign(one=(frame["h"] == 1) * 1.0, two=(frame["h"] == 2) * 1.0)
    fit = quiet(SPEC.add("x:one", "x:two").fit, Panel(wide, *KEYS))
    wald = fit.wald_test(["x:one = 0", "x:two = 0"])
    assert test.statistic == pytest.approx(wald.statistic, rel=1e-9)
    assert test.p_value == pytest.approx(wald.p_value, rel=1e-8)
    assert (test.distribution, test.df) == ("F", wald.df)
    assert test.detail["differences"] == pytest.approx(
        {"1": fit.params["x:one"], "2": fit.params["x:two"]}
    )


@pytest.mark.parametrize(
    ("group", "language", "text"),
    [
        (
            "g",
            "en",
            "in a joint model, .* generally not the one between the columns shown",
        ),
        ("g", "zh", "联合模型的交互项：.*一般不同于所列各列系数之间的差异"),
        (
            "h",
            "en",
            "joint test of the interactions, restricted wild cluster bootstrap, 999 "
            "draws; .* the range is generally not that of the columns shown",
        ),
        ("h", "zh", "交互项的联合检验，施加约束的野聚类自助法，999次抽样；.*的极差"),
    ],
)
def test_a_table_says_that_the_difference_is_of_a_joint_model(
    group: str, language: str, text: str
) -> None:
    actual = grouped(SPEC, make(8), group, method="interaction")
    columns = [fit.params["x"] for fit in actual.values()]
    detail: Any = actual.difference.detail
    assert abs(np.ptp(columns) - abs(detail["difference"])) > 1e-3
    notes = " ".join(dp.etable(actual, style=dp.TableStyle(language)).notes)
    assert re.search(text, notes)


def test_a_warning_of_the_joint_model_names_the_model() -> None:
    frame = make(8)
    frame["x"] = np.where(frame["i"] == 0, 50.0, 1.0) * frame["x"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dp.by_group(SPEC, Panel(frame, *KEYS), "h", method="interaction")
    beginning = "in the model 'all groups jointly, where x is that of 0': "
    assert any(str(warning.message).startswith(beginning) for warning in caught)


def test_groups_may_change_over_time_in_an_interaction() -> None:
    frame = make(9)
    spec = SPEC.replace(time_effects=False)
    test = grouped(spec, frame, "late", method="interaction").difference
    wide = frame.assign(late=frame["late"] * 1.0)
    fit = quiet(spec.add("x:late", "late").fit, Panel(wide, *KEYS))
    assert test.statistic == pytest.approx(fit.tstats["x:late"], rel=1e-9)


def test_an_indicator_among_the_regressors_is_there_once() -> None:
    frame = make(9).assign(l=lambda f: f["late"] * 1.0)
    spec = SPEC.replace(time_effects=False, collinear="drop").add("l")
    test = grouped(spec, frame, "late", method="interaction").difference
    fit = quiet(spec.add("x:l").fit, Panel(frame, *KEYS))
    assert test.statistic == pytest.approx(fit.tstats["x:l"], rel=1e-9)


@pytest.mark.parametrize("gaps", [False, True], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("weights", [None, "w"])
def test_with_everything_interacted_it_is_the_test_of_two_separate_fits(
    weights: str | None, gaps: bool
) -> None:
    """Chow with clusters (Stata's suest): covariances of separate fits add up.

    No cluster is in both. Without a small-sample factor, which one regression and two
    count differently.
    """
    frame = make(10, gaps=gaps)
    west = frame["g"] == "west"
    frame = frame.assign(a_west=frame["a"] * west, a_east=frame["a"] * ~west)
    frame["gt"] = frame["t"] + 100 * west
    spec = FixedEffects("y", ["x", "a_east", "a_west"], obs_weights=weights, ssc="none")
    test = grouped(
        spec.replace(time_effects=False, absorb=["gt"], collinear="drop"),
        frame,
        method="interaction",
    )

    alone = FixedEffects("y", ["x", "a"], obs_weights=weights, ssc="none")
    fits = grouped(alone, frame, rng=1)
    east, one = fits["east"].cov.loc["x", "x"], fits["east"].params["x"]
    other, two = fits["west"].cov.loc["x", "x"], fits["west"].params["x"]
    assert test.difference.detail["difference"] == pytest.approx(two - one, rel=1e-9)
    assert test.difference.detail["std_error"] == pytest.approx(
        np.sqrt(east + other), rel=1e-9
    )
    assert test.difference.statistic == pytest.approx(
        (two - one) / np.sqrt(east + other), rel=1e-8
    )


# --- groups, terms, specifications ----------------------------------------------------


@pytest.mark.parametrize(
    ("group", "labels"),
    [
        ("g", ("east", "west")),
        ("h", ("0", "1", "2")),
        ("h == 1", ("not (h == 1)", "h == 1")),
        (" i < 9 ", ("not (i < 9)", "i < 9")),
    ],
)
def test_groups_are_values_in_order_or_a_condition(
    group: str, labels: tuple[str, ...]
) -> None:
    assert grouped(SPEC, make(), group, method="interaction").labels == labels


def test_whole_numbers_of_any_type_have_plain_labels() -> None:
    frame = make().assign(k=lambda f: f["h"].astype(float), b=lambda f: f["i"] > 4)
    assert grouped(SPEC, frame, "k", reps=19).labels == ("0", "1", "2")
    assert grouped(SPEC, frame, "b", reps=19).labels == ("False", "True")


def test_categories_keep_their_order() -> None:
    frame = make().assign(
        g=lambda f: pd.Categorical(f["g"], ["west", "east"], ordered=True)
    )
    actual = grouped(SPEC, frame, reps=19)
    assert actual.labels == ("west", "east")
    assert actual.difference.statistic == pytest.approx(
        actual["east"].params["x"] - actual["west"].params["x"]
    )


def test_a_term_is_found_in_any_spelling() -> None:
    test = grouped(SPEC.add("lag(x,1)"), make(), term="lag( x, 1)", reps=19).difference
    assert test.detail["term"] == "lag(x,1)"


@pytest.mark.many(1)
@pytest.mark.parametrize(
    ("spec", "term"),
    [
        (dp.FixedEffectsIV("y", ["a"], endog="x", instruments="z"), "x"),
        (dp.Mediation("y", "x", "a", ["z"], reps=20), "indirect:a"),
        (dp.PanelKink("y", "x", ["a"]), "a"),
    ],
    ids=["instruments", "mediation", "kink"],
)
def test_other_specifications_are_fitted_anew(spec: Any, term: str) -> None:
    frame = make(10, n=30)
    actual = grouped(spec, frame, term=term, reps=19, rng=1)
    slopes = {k: getattr(r, "slopes", r).params[term] for k, r in actual.items()}
    assert actual.difference.statistic == pytest.approx(slopes["west"] - slopes["east"])
    assert np.isfinite(actual.difference.draws).all()
    again = grouped(
        spec, frame.sample(frac=1, random_state=0), term=term, reps=19, rng=1
    )
    np.testing.assert_array_equal(again.difference.draws, actual.difference.draws)


def test_progress_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    spec = dp.FixedEffectsIV("y", ["a"], endog="x", instruments="z")
    grouped(spec, make(10, n=30), term="x", reps=20, progress=True)
    assert "by_group: 100%" in (err := capsys.readouterr().err)
    assert "20/20" in err


# --- results --------------------------------------------------------------------------


def test_the_result_is_kept_whole() -> None:
    actual = grouped(SPEC, make(), rng=1)
    other = pickle.loads(pickle.dumps(actual))
    assert isinstance(other, dp.ByGroup)
    assert repr(other) == repr(actual)
    assert other.labels == actual.labels
    assert other.difference.to_dict() == actual.difference.to_dict()
    assert "Difference of x by g, west minus east: statistic = " in repr(actual)
    assert other.compare("x")["model"].tolist() == ["east", "west"]


@pytest.mark.parametrize("group", ["g", "h"])
@pytest.mark.parametrize("method", ["permutation", "interaction"])
def test_a_table_has_the_difference_as_a_note(group: str, method: Any) -> None:
    actual = grouped(SPEC, make(), group, method=method, rng=1)
    table = dp.etable(actual)
    assert list(table.frame.columns) == list(actual.labels)
    (line,) = [note for note in table.notes if note == actual.note]
    assert f"{actual.difference.p_value:.4f}" in line
    assert f"{actual.difference.detail['difference']:.4g}" in line
    assert (
        actual.note
        in dp.etable({"all": quiet(SPEC.fit, Panel(make(), *KEYS)), "by": actual}).notes
    )


@pytest.mark.parametrize("group", ["g", "h"])
@pytest.mark.parametrize("method", ["permutation", "interaction"])
def test_a_table_has_the_difference_and_its_p_value_as_rows(
    group: str, method: Any
) -> None:
    actual = grouped(SPEC, make(), group, method=method, rng=1)
    frame = dp.etable(actual).frame
    first, second = actual.rows
    assert set(frame.loc[[first, second]].iloc[:, :-1].to_numpy().ravel()) == {""}
    difference, p = frame.loc[first].iloc[-1], frame.loc[second].iloc[-1]
    assert float(difference) == pytest.approx(
        actual.difference.detail["difference"], abs=5e-4
    )
    expected = actual.difference.p_value
    assert p == (f"{expected:.3f}" if expected >= 0.001 else "<0.001")
    if group == "g":
        params = {label: result.params["x"] for label, result in actual.items()}
        assert first == "x: difference between groups"
        if method == "permutation":
            assert actual.rows[first] == [None, params["west"] - params["east"]]


def test_rows_that_are_passed_replace_those_of_the_set() -> None:
    actual = grouped(SPEC, make(), "g", rng=1)
    labels = {"x": "Digital"}
    by_itself, passed = (
        dp.etable(actual, labels=labels),
        dp.etable(actual, labels=labels, rows=actual.rows),
    )
    assert "Digital: difference between groups" in by_itself.frame.index
    assert list(by_itself.frame.index) == list(passed.frame.index)
    assert len(by_itself.frame) == len(passed.frame)
    renamed = {"Gap": actual.rows["x: difference between groups"], **actual.rows}
    assert len(dp.etable(actual, rows=renamed).frame) == len(passed.frame) + 1


def test_two_sets_side_by_side_share_the_row_of_the_p_value() -> None:
    one, other = (grouped(SPEC, make(), "g", rng=seed) for seed in (1, 2))
    frame = dp.etable([one, other]).frame
    assert list(frame.index).count("Difference between groups, p-value") == 1
    cells = frame.loc["Difference between groups, p-value"].tolist()
    assert [bool(cell) for cell in cells] == [False, True, False, True]


def test_a_table_keeps_the_note_of_a_set_beside_that_of_a_model() -> None:
    actual = grouped(SPEC, make(), "g", rng=1)

    class WithNote:
        def table_columns(self, level: float = 0.95) -> Any:
            return tuple(
                replace(c, note="A note of its own.")
                for c in columns_of(actual["east"], level) or ()
            )

    noted = replace(actual, outcomes=(("east", WithNote()), actual.outcomes[1]))
    assert {"A note of its own.", actual.note} <= set(dp.etable(noted).notes)


def test_groups_that_differ_in_a_far_digit_are_two() -> None:
    frame = make().assign(code=lambda f: 20151234.0 + (f["g"] == "west"))
    actual = grouped(SPEC, frame, "code", rng=1)
    assert actual.labels == ("20151234", "20151235")
    assert (
        actual.difference.statistic
        == grouped(SPEC, frame, "g", rng=1).difference.statistic
    )


def test_groups_that_are_written_alike_are_refused() -> None:
    frame = make()
    frame["code"] = pd.Series(
        [1 if g == "west" else "1" for g in frame["g"]], dtype=object
    )
    with pytest.raises(OptionError, match="the same text") as caught:
        grouped(SPEC, frame, "code", rng=1)
    assert caught.value.problems[0].data["names"] == ("1",)


def test_a_figure_draws_the_permutations() -> None:
    import matplotlib.pyplot as plt

    ax = dp.plots.placebo(grouped(SPEC, make(), rng=1).difference)
    assert ax.get_xlabel() == "Difference of x by g, west minus east"
    plt.close(ax.figure)


@pytest.mark.parametrize("batched", [True, False])
def test_few_allocations_are_all_used_once(batched: bool) -> None:
    """Three of six entities: twenty allocations; each time both groups fitted."""
    frame = make(3, n=6)
    spec = FixedEffects(
        "y", ["x"], time_effects=False, absorb=[] if batched else ["r[t]"]
    )
    test = grouped(spec, frame, "i in [0, 1, 4]", reps=20, rng=1).difference

    def difference(chosen: tuple[int, ...]) -> float:
        inside = frame["i"].isin(chosen)
        fits = [
            quiet(spec.fit, Panel(frame[rows], "i", "t")) for rows in (~inside, inside)
        ]
        return fits[1].params["x"] - fits[0].params["x"]

    every = np.array([difference(chosen) for chosen in combinations(range(6), 3)])
    np.testing.assert_allclose(np.sort(test.draws), np.sort(every), rtol=1e-8)
    assert test.p_value == np.mean(
        np.abs(every) >= abs(difference((0, 1, 4))) * (1 - 1e-9)
    )
    assert test.detail["enumerated"]
    assert (test.detail["reps"], test.detail["rng_entropy"]) == (20, None)
    assert [n.code for n in test.diagnostics] == ["few_exchanges"]
    assert "(all 20 permutations)" in str(test)
    table = dp.etable(grouped(spec, frame, "i in [0, 1, 4]", reps=20))
    assert "all 20 permutations of the groups" in " ".join(str(table).split())


@pytest.mark.further
def test_the_p_value_of_few_allocations_keeps_its_level() -> None:
    """The groups are a random half of six: P(p <= k / 20) is at most k / 20."""
    values = []
    for seed in range(100):
        half = np.random.default_rng(seed).permutation(6)[:3].tolist()
        values.append(
            grouped(
                FixedEffects("y", ["x"]), make(seed, n=6), f"i in {half}"
            ).difference.p_value
        )
    p = np.array(values)
    # Exchanging the two groups changes the sign of the difference only.
    assert p.min() == pytest.approx(0.1)
    for k in (2, 4, 8):
        assert (p <= k / 20 + 1e-9).mean() <= k / 20 + 3 * np.sqrt(
            k / 20 * (1 - k / 20) / 100
        )


def test_few_permutations_are_told() -> None:
    test = grouped(SPEC, make(), reps=99).difference
    assert [notice.code for notice in test.diagnostics] == ["few_draws"]


def test_warnings_of_fits_name_the_groups() -> None:
    with pytest.warns(DigiprosperWarning, match="in the models? '(east|west)'"):
        dp.by_group(SPEC, Panel(make(), *KEYS), "g", rng=1)


# --- refusals -------------------------------------------------------------------------

FRAME = make(11).assign(
    one=1.0,
    gap=lambda f: f["g"].where(f["i"] > 2),
    flat=lambda f: f["x"].where(f["g"] == "east", 0.0),
)
IV = dp.FixedEffectsIV("y", ["a"], endog="x", instruments="z")
REFUSED: dict[str, tuple[Any, Any, dict[str, Any], type[Exception], str]] = {
    "one group": (
        SPEC,
        "one",
        {},
        OptionError,
        "1 value; by_group compares 2 to 20 groups",
    ),
    "many groups": (SPEC, "x", {}, OptionError, "108 values"),
    "a true condition": (SPEC, "t >= 0", {}, OptionError, "true in all 108 rows"),
    "a false condition": (SPEC, "t > 90", {}, OptionError, "false in all 108 rows"),
    "a group with gaps": (SPEC, "gap", {}, MissingDataError, "missing in 18 rows"),
    "a group that changes": (
        SPEC,
        "late",
        {},
        OptionError,
        "changes within 18 of 18 i.*interaction.*with FixedEffects",
    ),
    "a condition that changes": (SPEC, "t > 2", {}, OptionError, "changes within"),
    "an unknown column": (
        SPEC,
        "zone",
        {},
        ColumnError,
        r"^by_group\('zone'\): no column",
    ),
    "a condition on an unknown column": (SPEC, "zone == 1", {}, ColumnError, "zone"),
    "no condition": (
        SPEC,
        "g ==",
        {},
        TermError,
        r"^by_group\('g =='\) cannot be read",
    ),
    "no text": (SPEC, ["g"], {}, InputTypeError, "group="),
    "None": (SPEC, None, {}, InputTypeError, "group=None"),
    "an unknown term": (
        SPEC,
        "g",
        {"term": "zz"},
        TermError,
        "^by_group: not every group has a coefficient named 'zz'; all have 'x', 'a'.$",
    ),
    "a term that is no text": (
        SPEC,
        "g",
        {"term": 3},
        InputTypeError,
        "by_group: term=3 must be one term",
    ),
    "an unknown method": (SPEC, "g", {"method": "chow"}, OptionError, "permutation"),
    "no specification": ("y ~ x", "g", {}, InputTypeError, "takes a specification"),
    "a class": (FixedEffects, "g", {}, InputTypeError, "takes a specification"),
    "an interaction of instruments": (
        IV,
        "g",
        {"method": "interaction"},
        InputTypeError,
        "FixedEffectsIV",
    ),
    "no term of instruments": (IV, "g", {}, TermError, "pass term"),
    "a group without variation": (
        FixedEffects("y", ["flat"]),
        "g",
        {},
        IdentificationError,
        "in the group 'west'.*constant|absorbed",
    ),
    "too few draws": (SPEC, "g", {"reps": 18}, OptionError, "reps"),
    "draws that are no number": (SPEC, "g", {"reps": "all"}, OptionError, "reps"),
    "a seed that is none": (SPEC, "g", {"rng": -1}, InputTypeError, "rng"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_input_has_a_named_error(case: str) -> None:
    spec, group, options, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        grouped(spec, FRAME, group, **options)


def test_a_bare_frame_is_refused() -> None:
    with pytest.raises(InputTypeError, match="Panel"):
        dp.by_group(SPEC, FRAME, "g")


def test_a_group_of_one_entity_has_the_error_of_its_fit() -> None:
    with pytest.raises(
        (IdentificationError, PanelIndexError), match="in the group 'i == 3'"
    ):
        grouped(SPEC, FRAME, "i == 3")


# --- size -----------------------------------------------------------------------------


def null_panel(
    rng: np.random.Generator, small: int, n: int = 40, periods: int = 8
) -> Panel:
    """Both slopes are one; errors and regressor have serial correlation .6."""
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    frame["x"] = path(rng, n, periods)
    frame["y"] = (
        frame["x"] + path(rng, n, periods) + rng.normal(size=periods)[frame["t"]]
    )
    frame["g"] = frame["i"] < small
    return Panel(frame, *KEYS)


def path(rng: np.random.Generator, n: int, periods: int) -> np.ndarray:
    """Draw a variable with a serial correlation of .6, and a level of each entity."""
    out = rng.normal(size=(n, periods))
    for t in range(1, periods):
        out[:, t] = 0.6 * out[:, t - 1] + 0.8 * out[:, t]
    return np.asarray((out + rng.normal(size=(n, 1))).ravel())


def unlike_panel(
    rng: np.random.Generator,
    *,
    error: float = 1,
    regressor: float = 1,
    control: float = 1,
) -> Panel:
    """Draw a panel whose smaller group has other errors, regressors or controls.

    Another regressor, or another control slope.
    """
    n, periods, small = 40, 8, 10
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    frame["g"] = frame["i"] < small
    frame["a"] = path(rng, n, periods)
    frame["x"] = (0.6 * frame["a"] + 0.8 * path(rng, n, periods)) * np.where(
        frame["g"], regressor, 1
    )
    frame["y"] = frame["x"] + frame["a"] * np.where(frame["g"], control, 1)
    frame["y"] += path(rng, n, periods) * np.where(frame["g"], error, 1)
    frame["y"] += rng.normal(size=periods)[frame["t"]]
    return Panel(frame, *KEYS)


@pytest.mark.montecarlo
@pytest.mark.parametrize(
    ("method", "small"), [("permutation", 10), ("interaction", 20)]
)
def test_size_where_the_groups_are_a_random_partition(
    method: Any, small: int, measured: Callable[..., None]
) -> None:
    """Share of 1,000 panels in which a test at 5% rejects a true equality.

    The coefficient is one in both groups. Panels have 40 entities and 8 periods, with
    entity and time effects. Errors and the regressor have a serial correlation of .6.
    The permutation test has 199 permutations.
    """
    rng = np.random.default_rng(2026)
    spec = FixedEffects("y", ["x"])
    p = []
    for _ in range(1000):
        actual = grouped_panel(
            spec, null_panel(rng, small), method=method, reps=199, rng=rng
        )
        p.append(actual.difference.p_value)
    size = np.mean(np.array(p) <= 0.05)
    row = {
        "the smaller group has": "nothing of its own, no control",
        "its entities": small,
        method: size,
    }
    measured("size_of_group_tests", row)
    assert 0.03 <= size <= 0.07


UNLIKE: dict[str, tuple[dict[str, float], tuple[float, float], tuple[float, float]]] = {
    "nothing of its own": ({}, (0.03, 0.07), (0.05, 0.12)),
    "errors twice as large": ({"error": 2}, (0.1, 0.5), (0.05, 0.12)),
    "errors half as large": ({"error": 0.5}, (0, 0.03), (0.03, 0.12)),
    "a regressor twice as varied": ({"regressor": 2}, (0, 0.05), (0.03, 0.12)),
    "another coefficient of the control": ({"control": 2}, (0, 0.07), (0.5, 1)),
}


@pytest.mark.montecarlo
@pytest.mark.parametrize("kind", UNLIKE)
def test_size_where_the_smaller_group_is_unlike_the_other(
    kind: str, measured: Callable[..., None]
) -> None:
    """The next five rows have a control, correlated with x.

    The correlation with the regressor is .6. The slope of the control is one, and two
    in the smaller group of the last of them.
    """
    options, permuted, interacted = UNLIKE[kind]
    rng = np.random.default_rng(2026)
    spec = FixedEffects("y", ["x", "a"])
    p = []
    for _ in range(1000):
        panel = unlike_panel(rng, **options)
        both = [
            grouped_panel(
                spec, panel, method="permutation", term="x", reps=199, rng=rng
            )
        ]
        both.append(grouped_panel(spec, panel, method="interaction", term="x"))
        p.append([actual.difference.p_value for actual in both])
    permutation, interaction = (np.array(p) <= 0.05).mean(axis=0)
    row = {"the smaller group has": kind, "its entities": 10}
    measured(
        "size_of_group_tests",
        row | {"permutation": permutation, "interaction": interaction},
    )
    assert permuted[0] <= permutation <= permuted[1]
    assert interacted[0] <= interaction <= interacted[1]


@pytest.mark.montecarlo
def test_size_where_groups_consist_of_whole_clusters(
    measured: Callable[..., None],
) -> None:
    """In the last row 24 provinces of five entities are the clusters.

    Eight of the provinces are the smaller group. Half of the variance of errors and of
    the regressor is that of their province, and the labels of provinces are permuted.
    """
    rng = np.random.default_rng(2026)
    n, periods = 120, 8
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    frame["province"] = frame["i"] // 5
    frame["g"] = frame["province"] < 8
    rows = frame["province"] * periods + frame["t"]
    spec = FixedEffects("y", ["x"], clusters="province")
    p = []
    for _ in range(1000):
        frame["x"], error = (
            path(rng, 24, periods)[rows] + path(rng, n, periods) for _ in range(2)
        )
        panel = Panel(frame.assign(y=frame["x"] + error), *KEYS)
        permuted = grouped_panel(spec, panel, method="permutation", reps=199, rng=rng)
        common = grouped_panel(spec, panel, method="interaction")
        p.append([actual.difference.p_value for actual in (permuted, common)])
    permutation, interaction = (np.array(p) <= 0.05).mean(axis=0)
    row = {"the smaller group has": "whole provinces, the clusters", "its entities": 40}
    measured(
        "size_of_group_tests",
        row | {"permutation": permutation, "interaction": interaction},
    )
    assert 0.03 <= permutation <= 0.07


def unlike(results: dp.ByGroup) -> list[Any]:
    return [n for n in results.difference.diagnostics if n.code == "unlike_groups"]


@pytest.mark.parametrize(("error", "share"), [(2.0, 0.162), (0.5, 0.012)])
def test_unlike_errors_of_groups_are_reported_with_the_share_and_another_p(
    error: float, share: float
) -> None:
    panel = unlike_panel(np.random.default_rng(3), error=error)
    spec = FixedEffects("y", ["x", "a"])
    actual = grouped_panel(spec, panel, term="x", rng=1)
    (notice,) = unlike(actual)
    # The share is about that of the page on groups.
    assert notice.data["share"] == pytest.approx(share, abs=0.03)
    other, smaller = actual.values()
    error_of_both = np.hypot(other.std_errors["x"], smaller.std_errors["x"])
    t = (smaller.params["x"] - other.params["x"]) / error_of_both
    assert notice.data["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), 9))
    p = f"{notice.data['p_value']:.4f}"
    assert p in str(actual.difference)
    for language, words in (
        ("en", "error variances of the groups"),
        ("zh", "误差的方差不同"),
    ):
        (note,) = [
            text
            for text in dp.etable(actual, style=dp.TableStyle(language)).notes
            if words in text
        ]
        assert p in note
    without_rows = grouped_panel(spec.replace(keep_rows=False), panel, term="x", rng=1)
    assert unlike(without_rows) == [notice]


def test_groups_of_one_size_or_several_groups_are_not_unlike() -> None:
    panel = unlike_panel(np.random.default_rng(3), error=2)
    panel = panel.assign(half=lambda f: f.index.get_level_values("i") % 2)
    panel = panel.assign(third=lambda f: f.index.get_level_values("i") % 3)
    spec = FixedEffects("y", ["x", "a"])
    for group in ("half", "third"):
        actual = quiet(dp.by_group, spec, panel, group, reps=19, rng=1)
        assert not unlike(actual)
    assert not unlike(grouped_panel(spec, panel, method="interaction"))


@pytest.mark.montecarlo
@pytest.mark.parametrize(("error", "said"), [(1.0, (0, 0.15)), (2.0, (0.95, 1))])
def test_p_from_both_standard_errors_keeps_its_size(
    error: float, said: tuple[float, float], measured: Callable[..., None]
) -> None:
    """Share of 300 panels with the notice of unlike groups, and size of its test.

    The smaller group of 10 of 40 entities has errors of this size, times those of the
    other. The test at 5% of the notice takes both standard errors.
    """
    rng = np.random.default_rng(12)
    spec = FixedEffects("y", ["x", "a"])
    options: Any = {"term": "x", "reps": 19, "rng": rng}
    panels = (unlike_panel(rng, error=error) for _ in range(300))
    notices = [unlike(grouped_panel(spec, panel, **options)) for panel in panels]
    assert said[0] <= np.mean([bool(n) for n in notices]) <= said[1]
    rejected = [n[0].data["p_value"] <= 0.05 for n in notices if n]
    size = np.mean(rejected) if error > 1 else np.nan
    row = {
        "errors of the smaller group": error,
        "panels with the notice": len(rejected),
    }
    measured("size_with_unlike_groups", row | {"its test": size})
    # The Monte Carlo standard error of .05 is .013.
    assert error == 1 or 0.02 <= size <= 0.09


def grouped_panel(spec: Any, panel: Panel, **options: Any) -> dp.ByGroup:
    return quiet(dp.by_group, spec, panel, "g", **options)


@pytest.mark.parametrize("group", ["g", "h"])
@pytest.mark.parametrize("method", ["permutation", "interaction"])
def test_a_chinese_table_has_the_note_in_chinese(group: str, method: Any) -> None:
    actual = grouped(SPEC, make(), group, method=method, rng=1)
    table = dp.etable(actual, style=dp.TableStyle("zh"))
    # Notes about the few clusters of the groups come last.
    about_few = "聚类（i）仅"
    assert about_few in table.notes[-1]
    note = [text for text in table.notes if about_few not in text][-1]
    assert note == actual.note_in("chinese") != actual.note
    assert f"p = {actual.difference.p_value:.4f}" in note
    assert f"{actual.difference.detail['difference']:.4g}" in note
    assert ("（西部减东部）" in note) is (group == "g")
    assert {
        "组间差异检验p值",
        "x系数的组间差异" if group == "g" else "x系数的组间极差",
    } <= set(table.frame.index)
    labels = {"x": "数字经济", "west": "西部", "east": "东部", "g": "地区"}
    labelled = dp.etable(actual, style=dp.TableStyle("zh"), labels=labels)
    note = [text for text in labelled.notes if about_few not in text][-1]
    assert "数字经济的系数" in note
    if group == "g":
        assert list(labelled.frame.columns) == ["东部", "西部"]
        assert "按地区分组" in note
        assert "（西部减东部）" in note


@pytest.mark.filterwarnings("ignore::digiprosper.errors.SingletonWarning")
def test_a_condition_has_the_labels_of_its_columns_in_heads_notes_and_test() -> None:
    panel = dp.datasets.us_states()
    spec = dp.FixedEffects("log(gsp)", ["log(pc)"])
    actual = dp.by_group(spec, panel, "unemp > 6.2", method="interaction")
    english = dp.etable(actual, labels={"unemp": "Joblessness", "pc": "Capital"})
    heads = ["not (Joblessness > 6.2)", "Joblessness > 6.2"]
    assert english.frame.columns.tolist() == heads
    assert f"Difference of log(Capital), {heads[1]} minus {heads[0]}:" in " ".join(
        english.notes
    )
    style, labels = dp.TableStyle("zh"), {"unemp": "失业率", "pc": "资本"}
    chinese = dp.etable(actual, labels=labels, style=style, rows=actual.rows)
    assert chinese.frame.columns.tolist() == ["非 (失业率 > 6.2)", "失业率 > 6.2"]
    assert "ln(资本)系数的组间差异" in chinese.frame.index
    assert chinese.frame.index.tolist().count("组间差异检验p值") == 1
    test = dp.etable(actual.difference, labels=labels, style=style)
    assert test.frame.columns.tolist() == [
        "ln(资本)的系数之差（失业率 > 6.2减非 (失业率 > 6.2)）"
    ]


# --- panels larger than memory --------------------------------------------------------


@pytest.mark.many(5)
@pytest.mark.parametrize(
    ("group", "options", "term"),
    [
        ("g", {}, None),
        ("z > 0", {"cov_type": "robust", "where": "t > 0 and i != 7"}, None),
        ("h", {"x": ["x", "z"], "time_effects": False}, "z"),
        ("late", {"obs_weights": "w", "clusters": ["i", "t"]}, None),
        ("size", {"x": ["x", "lag(z)"], "absorb": ["r"]}, None),
    ],
)
def test_groups_in_blocks_are_those_in_memory(
    group: str, options: dict[str, Any], term: str | None
) -> None:
    pytest.importorskip("pyarrow")
    frame = make(3, n=40, gaps=True)
    order = ["small", "medium", "large"]
    size = pd.Series(order)[frame["h"]].to_numpy()
    frame["size"] = pd.Categorical(size, categories=order)
    x = options.get("x", ["x"])
    spec = FixedEffects("y", **{**options, "x": x, "keep_rows": False})
    panel = Panel(frame, *KEYS)

    def compare(data: Any) -> dp.ByGroup:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DigiprosperWarning)
            return dp.by_group(spec, data, group, term=term, method="interaction")

    memory = compare(panel)
    for blocks in (1, 6):
        ours = compare(Panel.scan(frame, *KEYS, blocks=blocks))
        assert ours.labels == memory.labels
        for label in memory.labels:
            assert_same(ours[label], memory[label])
        first, second = ours.difference, memory.difference
        assert first.statistic == pytest.approx(second.statistic, rel=1e-9)
        assert first.detail["difference"] == pytest.approx(second.detail["difference"])
        assert first.factors == second.factors
        told = [n for n in first.diagnostics if n.code != "scanned_table"]
        assert [n.message for n in told] == [n.message for n in second.diagnostics]
        assert str(dp.etable(ours)) == str(dp.etable(memory))


def test_labels_of_a_scanned_table_are_not_permuted() -> None:
    pytest.importorskip("pyarrow")
    scan = Panel.scan(make(), *KEYS, blocks=2)
    with pytest.raises(InputTypeError, match=r"permutation.*interaction"):
        dp.by_group(FixedEffects("y", ["x"]), scan, "g")


# --- results from outside -------------------------------------------------------------


class Outside:
    """Results with the five members of `dp.Results` and a short glance."""

    def __init__(self, fit: dp.LinearResults) -> None:
        self.params, self.cov, self.nobs = fit.params, fit.cov, fit.nobs
        self.tidy = fit.tidy

    def glance(self) -> dict[str, Any]:
        return {"depvar": "y", "nobs": self.nobs}


class OutsideSpec:
    y, x = "y", ("x",)

    def fit(self, panel: Panel, *, rng: object = None, progress: bool = False) -> Any:
        del rng, progress
        return Outside(quiet(SPEC.fit, panel))


def test_results_from_outside_are_grouped_and_drawn() -> None:
    pytest.importorskip("matplotlib")
    panel = Panel(make(8), *KEYS)
    options = {"reps": 19, "rng": 1}
    outside = quiet(dp.by_group, OutsideSpec(), panel, "g", term="x", **options)
    inside = quiet(dp.by_group, SPEC, panel, "g", term="x", **options)
    assert outside.difference.statistic == inside.difference.statistic
    assert dp.etable(outside).frame.loc["x"].tolist() == (
        dp.etable(inside).frame.loc["x"].tolist()
    )
    both = dp.ResultSet({"a": quiet(SPEC.fit, panel), "b": OutsideSpec().fit(panel)})
    assert dp.plots.specification_curve(both, "x") is not None


def _regions_of_provinces() -> Panel:
    """Households of six provinces, of which three are in the east."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame(
        {"home": np.repeat(np.arange(60), 4), "t": np.tile(range(4), 60)}
    )
    data["province"] = data["home"] % 6
    data["x"] = rng.normal(size=(6, 4))[data["province"], data["t"]]
    shocks = rng.normal(size=(6, 4))[data["province"], data["t"]]
    data["y"] = data["x"] + shocks + rng.normal(size=240)
    data["n"] = rng.poisson(np.exp(0.3 * data["x"]))
    data["east"] = np.where(data["province"] < 3, "east", "west")
    return Panel(data, "home", "t")


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.parametrize("counts", [False, True])
def test_groups_of_whole_clusters_are_permuted_over_clusters(counts: bool) -> None:
    panel = _regions_of_provinces()
    model, y = (dp.PoissonEffects, "n") if counts else (FixedEffects, "y")
    spec = model(y, ["x"], clusters="province")
    difference = dp.by_group(spec, panel, "east", reps=99, rng=1).difference

    by_hand = []
    for east in combinations(range(6), 3):
        inside = panel["province"].isin(east)
        first, second = (
            spec.fit(panel.subset(r)).params["x"] for r in (inside, ~inside)
        )
        by_hand.append(second - first)
    statistic = by_hand[0]
    np.testing.assert_allclose(np.sort(difference.draws), np.sort(by_hand), atol=1e-9)
    beyond = np.abs(by_hand) >= abs(statistic) - 1e-9
    assert difference.p_value == pytest.approx(beyond.mean())
    assert difference.detail["enumerated"]
    assert difference.detail["permuted"] == "province"


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_groups_inside_clusters_are_permuted_over_entities() -> None:
    panel = _regions_of_provinces().assign(
        urban=lambda f: f.index.get_level_values("home") // 6 % 2
    )
    spec = FixedEffects("y", ["x"], clusters="province")
    by_province = dp.by_group(spec, panel, "urban", reps=99, rng=1).difference
    by_home = dp.by_group(spec.replace(clusters=None), panel, "urban", reps=99, rng=1)
    np.testing.assert_array_equal(by_province.draws, by_home.difference.draws)
    assert by_province.detail["permuted"] is None
    # With errors clustered by household, whole provinces are taken as chance.
    region = dp.by_group(spec.replace(clusters=None), panel, "east", reps=99, rng=1)
    assert region.difference.detail["permuted"] is None


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_the_note_names_the_clusters_in_both_languages() -> None:
    panel = _regions_of_provinces()
    spec = FixedEffects("y", ["x"], clusters="province")
    groups = dp.by_group(spec, panel, "east", reps=19, rng=1)
    labels = {"province": "省份"}
    assert "19 permutations of the groups over province)" in str(dp.etable(groups))
    chinese = dp.etable(groups, labels=labels, style=dp.TableStyle("zh"))
    assert "在省份间随机置换分组19次" in str(chinese).replace("\n", "")
