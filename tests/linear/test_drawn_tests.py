"""The randomisation test against a fit of each exchange, and all assignments."""

from __future__ import annotations

import pickle
import warnings
from itertools import combinations, permutations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Panel, randomisation_test
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    OptionError,
    TermError,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.kernels.exchange import paths

KEYS = ("i", "t")


def make(
    seed: int = 0, n: int = 12, periods: int = 6, *, short: int = 0, treated: int = 3
) -> pd.DataFrame:
    """A panel; the last `short` entities begin later.

    The very last has periods of its own.
    """
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    frame["d"] = ((frame["i"] < treated) & (frame["t"] >= periods // 2)).astype(float)
    for name in "axy":
        frame[name] = rng.normal(size=len(frame)) + rng.normal(size=n)[frame["i"]]
    frame["a"] += rng.normal(size=periods)[frame["t"]]
    frame["w"] = rng.uniform(0.3, 3, len(frame))
    frame["r"] = frame["i"] % 4
    late = (frame["i"] >= n - short) & (frame["t"] < 2)
    odd = (frame["i"] == n - 1) & (frame["t"] == periods - 1) if short else late
    return frame[~late & ~odd].reset_index(drop=True)


def quiet(function: Any, *args: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return function(*args, **options)


def test_of(
    spec: FixedEffects, frame: pd.DataFrame, term: str, **options: Any
) -> dp.TestResult:
    return quiet(randomisation_test, spec, Panel(frame, *KEYS), term, **options)


test_of.__test__ = False  # type: ignore[attr-defined]


def refits(
    spec: FixedEffects, frame: pd.DataFrame, term: str, reps: int, rng: int
) -> np.ndarray:
    """Fit the specification to every exchanged column."""
    moved = paths(
        frame[term].to_numpy(), pd.factorize(frame["i"])[0], frame["t"].to_numpy()
    )
    columns = moved.drawn(np.random.default_rng(seed_sequence(rng)), reps)
    fits = (quiet(spec.fit, Panel(frame.assign(**{term: c}), *KEYS)) for c in columns.T)
    return np.array([fit.tstats[term] for fit in fits])


CASES: dict[str, dict[str, Any]] = {
    "clustered": {},
    "clustered by region": {"clusters": "r"},
    "two-way": {"clusters": ["i", "t"]},
    "robust": {"cov_type": "robust"},
    "hc2": {"cov_type": "hc2"},
    "hc3": {"cov_type": "hc3"},
    "unadjusted": {"cov_type": "unadjusted"},
    "driscoll_kraay": {"cov_type": "driscoll_kraay", "bandwidth": 2},
    "weights": {"obs_weights": "w"},
    "weights, hc3": {"obs_weights": "w", "cov_type": "hc3"},
    "weights, unadjusted": {"obs_weights": "w", "cov_type": "unadjusted"},
    "one-way, plm": {"time_effects": False, "ssc": "plm"},
    "no effects": {"entity_effects": False, "time_effects": False},
    "one regressor": {"x": ["x"]},
}


@pytest.mark.parametrize("short", [0, 5], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.many(3)
def test_t_of_exchanges_is_that_of_fits(case: str, short: int) -> None:
    frame = make(len(case), short=short)
    spec = FixedEffects("y", ["a", "x"]).replace(**CASES[case])
    test = test_of(spec, frame, "x", reps=25, rng=3)
    assert test.statistic == pytest.approx(
        quiet(spec.fit, Panel(frame, *KEYS)).tstats["x"], rel=1e-12
    )
    np.testing.assert_allclose(
        test.draws, refits(spec, frame, "x", 25, 3), rtol=1e-9, atol=1e-9
    )
    # Two-way clusters give some exchanges a negative variance: they count as beyond.
    beyond = (~(np.abs(test.draws) < abs(test.statistic) * (1 - 1e-9))).sum()
    assert test.detail["lost"] == np.isnan(test.draws).sum()
    assert test.p_value == (1 + beyond) / 26


def test_few_exchanges_are_all_used_once() -> None:
    """Two of six entities are treated: fifteen assignments."""
    frame = make(1, n=6, treated=2)
    spec = FixedEffects("y", ["d"])
    test = test_of(spec, frame, "d", rng=1)

    def t_of(chosen: tuple[int, ...]) -> float:
        moved = frame.assign(
            d=(frame["i"].isin(chosen) & (frame["t"] >= 3)).astype(float)
        )
        return float(quiet(spec.fit, Panel(moved, *KEYS)).tstats["d"])

    every = np.array([t_of(chosen) for chosen in combinations(range(6), 2)])
    np.testing.assert_allclose(np.sort(test.draws), np.sort(every), rtol=1e-9)
    assert test.p_value == np.mean(np.abs(every) >= abs(t_of((0, 1))) * (1 - 1e-9))
    assert test.detail["enumerated"]
    assert (test.detail["reps"], test.detail["rng_entropy"]) == (15, None)
    assert "(all 15 permutations)" in str(test)
    assert test_of(spec, frame, "d", rng=2).p_value == test.p_value
    # One exchange more than draws, and they are drawn.
    assert test_of(spec, frame, "d", reps=15 + 4).detail["enumerated"]
    many = test_of(spec, make(1, n=7, treated=3), "d", reps=34, rng=1)
    assert not many.detail["enumerated"]
    assert test_of(spec, make(1, n=7, treated=3), "d", reps=35).detail["enumerated"]


def test_exchanges_are_listed_by_periods_and_continuous_paths_too() -> None:
    """Three and two entities have equal periods: 3! 2! exchanges."""
    frame = make(2, n=6, short=3)
    spec = FixedEffects("y", ["x"])
    test = test_of(spec, frame, "x", reps=19)
    rows = {i: frame.index[frame["i"] == i] for i in range(6)}
    every = []
    for first, second in product(permutations([0, 1, 2]), permutations([3, 4])):
        moved = frame.copy()
        for entity, donor in zip(range(5), (*first, *second), strict=True):
            moved.loc[rows[entity], "x"] = frame.loc[rows[donor], "x"].to_numpy()
        every.append(float(quiet(spec.fit, Panel(moved, *KEYS)).tstats["x"]))
    np.testing.assert_allclose(np.sort(test.draws), np.sort(every), rtol=1e-9)
    assert test.p_value == np.mean(np.abs(every) >= abs(every[0]) * (1 - 1e-9))


@pytest.mark.further
def test_the_p_value_is_never_below_its_bound_and_keeps_its_level() -> None:
    """Without an effect fifteen assignments are alike: P(p <= k / 15) <= k / 15."""
    p = np.array(
        [
            test_of(FixedEffects("y", ["d"]), make(s, n=6, treated=2), "d").p_value
            for s in range(150)
        ]
    )
    np.testing.assert_allclose(p * 15, np.round(p * 15), atol=1e-9)
    assert p.min() == pytest.approx(1 / 15)
    for k in (1, 2, 5):
        assert (p <= k / 15 + 1e-9).mean() <= k / 15 + 3 * np.sqrt(
            k / 15 * (1 - k / 15) / 150
        )


def test_a_path_moves_whole_and_only_to_an_entity_with_the_same_periods() -> None:
    frame = make(2, n=9, short=4)
    entity, time = frame["i"].to_numpy(), frame["t"].to_numpy()
    moved = paths(np.arange(len(frame), dtype=float), entity, time)
    columns = moved.drawn(np.random.default_rng(1), 200).astype(int)
    np.testing.assert_array_equal(time[columns], np.tile(time[:, None], 200))
    donors = entity[columns]
    for i in range(9):
        assert (np.ptp(donors[entity == i], axis=0) == 0).all()
    assert set(donors[entity == 0].ravel()) == {0, 1, 2, 3, 4}
    assert set(donors[entity == 5].ravel()) == {5, 6, 7}
    assert set(donors[entity == 8].ravel()) == {8}
    for column in columns.T:
        assert np.array_equal(np.sort(column), np.arange(len(frame)))


def test_who_keeps_a_path_is_counted() -> None:
    test = test_of(
        FixedEffects("y", ["x"]), make(3, n=9, short=4), "x", reps=199, rng=7
    )
    numbers = {"exchanged": 8, "kept": 1, "reps": 199, "lost": 0, "rng_entropy": 7}
    assert test.detail == {**numbers, "enumerated": False}


def test_the_number_that_is_kept_reproduces_the_draws_in_any_order_of_rows() -> None:
    frame, spec = make(4), FixedEffects("y", ["a", "x"])
    test = test_of(spec, frame, "x", reps=99)
    shuffled = frame.sample(frac=1, random_state=1)
    again = test_of(spec, shuffled, "x", reps=99, rng=test.detail["rng_entropy"])
    np.testing.assert_array_equal(test.draws, again.draws)


def test_units_and_origins_change_nothing() -> None:
    frame, spec = make(5), FixedEffects("y", ["a", "x"])
    moved = frame.assign(x=lambda f: 7 + 1e-3 * f["x"], y=lambda f: 5 - 1e3 * f["y"])
    one, other = (test_of(spec, f, "x", reps=99, rng=1) for f in (frame, moved))
    np.testing.assert_allclose(one.draws, -other.draws, rtol=1e-8, atol=1e-10)
    assert one.p_value == other.p_value


def test_lags_and_missing_rows_are_those_of_the_sample() -> None:
    frame = make(6)
    frame.loc[3, "a"] = np.nan
    test = test_of(
        FixedEffects("y", ["lag(x)", "a"]),
        frame,
        "lag(x, 1)".replace(", 1", ""),
        reps=99,
        rng=1,
    )
    assert (test.detail["exchanged"], test.detail["kept"]) == (11, 1)
    assert np.isfinite(test.draws).all()


def test_exchanges_without_a_t_count_as_beyond_and_are_told() -> None:
    """The control is another entity's treatment.

    An exchange onto it is not identified.
    """
    frame = make(7, n=5, treated=1).assign(
        c=lambda f: ((f["i"] == 1) & (f["t"] >= 3)).astype(float)
    )
    test = test_of(FixedEffects("y", ["c", "d"]), frame, "d", reps=199, rng=1)
    assert test.detail["lost"] == np.isnan(test.draws).sum() == 1
    beyond = (np.abs(test.draws) >= abs(test.statistic) * (1 - 1e-9)).sum()
    assert test.p_value == (beyond + 1) / 5


def test_a_treatment_of_whole_clusters_is_told() -> None:
    frame = make(8, n=12).assign(
        p=lambda f: ((f["r"] == 1) & (f["t"] > 2)).astype(float)
    )
    spec = FixedEffects("y", ["p"], clusters="r")
    with pytest.warns(IdentificationWarning, match="whole clusters"):
        test = randomisation_test(spec, Panel(frame, *KEYS), "p", reps=199, rng=1)
    (notice,) = (n for n in test.diagnostics if n.code == "assigned_by_cluster")
    assert notice.data == {"term": "p", "clusters": "r", "n_clusters": 4, "entity": "i"}
    codes = [n.code for n in test_of(spec.replace(x=["x"]), frame, "x").diagnostics]
    assert "assigned_by_cluster" not in codes


def test_remarks_that_it_answers_are_left_out_and_others_stay() -> None:
    frame = make(9, n=25, treated=1)
    frame.loc[40, "a"] = np.nan
    test = test_of(FixedEffects("y", ["d", "a"]), frame, "d", reps=20)
    assert [n.code for n in test.diagnostics] == [
        "missing_rows",
        "few_draws",
        "few_exchanges",
    ]
    every = test_of(FixedEffects("y", ["d", "a"]), frame, "d", reps=99)
    assert [n.code for n in every.diagnostics] == ["missing_rows", "few_exchanges"]
    assert test.diagnostics[-1].data == {"term": "d", "ways": 24}
    assert "1 of 150 rows dropped" in test.summary()


def test_the_result_is_kept_whole() -> None:
    test = test_of(FixedEffects("y", ["d"]), make(), "d", rng=1)
    assert (test.null, test.distribution) == (
        "d has no effect on any entity",
        "permutation",
    )
    other = pickle.loads(pickle.dumps(test))
    assert (other.summary(), other.to_dict()) == (test.summary(), test.to_dict())
    np.testing.assert_array_equal(other.draws, test.draws)


def test_treatments_drawn_inside_strata_are_exchanged_inside_them() -> None:
    """One of three entities is treated in each of two strata: nine assignments."""
    frame = make(3, n=6).assign(s=lambda f: np.where(f["i"] % 2, "odd", "even"))
    frame["d"] = (frame["i"].isin([0, 1]) & (frame["t"] > 2)).astype(float)
    spec = FixedEffects("y", ["d"])
    # An entity that is not in the sample does not move the strata of others.
    more = frame[frame["i"] == 5].assign(i=-1, y=np.nan, s="none")
    test = test_of(spec, pd.concat([more, frame]), "d", strata="s")

    def t_of(chosen: tuple[int, int]) -> float:
        moved = frame.assign(d=(frame["i"].isin(chosen) & (frame["t"] > 2)) * 1.0)
        return float(quiet(spec.fit, Panel(moved, *KEYS)).tstats["d"])

    every = np.array([t_of(pair) for pair in product((0, 2, 4), (1, 3, 5))])
    np.testing.assert_allclose(np.sort(test.draws), np.sort(every), rtol=1e-9)
    assert test.p_value == np.mean(np.abs(every) >= abs(every[0]) * (1 - 1e-9))
    assert "(all 9 permutations within groups of s)" in str(test)
    (chinese,) = dp.etable(test, style=dp.TableStyle("zh")).notes
    assert "s各组内全部9种置换" in chinese
    panel = Panel(pd.concat([make(3, n=40, treated=9)]).assign(s=0), *KEYS)
    drawn = quiet(randomisation_test, spec, panel, "d", reps=19, rng=1)
    inside = quiet(randomisation_test, spec, panel, "d", strata="s", reps=19, rng=1)
    np.testing.assert_array_equal(drawn.draws, inside.draws)


# --- refusals -------------------------------------------------------------------------

FRAME = make(10).assign(still=lambda f: f["i"] * 1.0, trend=lambda f: f["t"] ** 2.0)
SPEC = FixedEffects("y", ["d", "a"])
NONE = SPEC.replace(entity_effects=False, time_effects=False)
REFUSED: dict[str, tuple[Any, Any, dict[str, Any], type[Exception], str]] = {
    "an unknown term": (SPEC, "zz", {}, TermError, "no regressor named 'zz'.*'d', 'a'"),
    "a column that is no regressor": (
        SPEC,
        "x",
        {},
        TermError,
        "no regressor named 'x'",
    ),
    "a restriction": (SPEC, "d = a", {}, TermError, "no regressor"),
    "the intercept": (NONE, "Intercept", {}, TermError, "no regressor"),
    "no text": (SPEC, ["d"], {}, InputTypeError, "one term as text"),
    "an interaction": (
        SPEC.add("d:x"),
        "d",
        {},
        TermError,
        "'d:x' has a column in common with 'd'",
    ),
    "the interaction itself": (
        SPEC.add("d:x"),
        "d:x",
        {},
        TermError,
        "'d' has a column in common with 'd:x'",
    ),
    "a square": (SPEC.add("I(a**2)"), "a", {}, TermError, r"I\(a\*\*2\)"),
    "a lag": (SPEC.add("lag(a)"), "a", {}, TermError, r"lag\(a\)"),
    "a category": (SPEC.add("C(r):x"), "C(r):x", {}, TermError, "no regressor"),
    "crv3": (
        SPEC.replace(cov_type="crv3"),
        "d",
        {},
        OptionError,
        "cov_type='clustered'",
    ),
    "another specification": (
        dp.Mediation("y", "d", "a"),
        "d",
        {},
        InputTypeError,
        "Mediation",
    ),
    "a constant path": (
        SPEC.add("still"),
        "still",
        {},
        IdentificationError,
        "absorbed",
    ),
    "one path for all": (
        NONE.add("trend"),
        "trend",
        {},
        IdentificationError,
        "same for all i",
    ),
    "strata that change": (SPEC, "d", {"strata": "t"}, OptionError, "changes inside"),
    "strata of one entity": (
        SPEC,
        "d",
        {"strata": "i"},
        IdentificationError,
        "no two i .* within groups of i",
    ),
    "no such strata": (SPEC, "d", {"strata": "zz"}, ColumnError, "strata=...*'zz'"),
    "too few draws": (SPEC, "d", {"reps": 18}, OptionError, "reps"),
    "draws that are no number": (SPEC, "d", {"reps": "all"}, OptionError, "reps"),
    "a seed that is none": (SPEC, "d", {"rng": -1}, InputTypeError, "rng"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_input_has_a_named_error(case: str) -> None:
    spec, term, options, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        test_of(spec, FRAME, term, **options)


def test_entities_that_are_never_there_together_cannot_exchange() -> None:
    frame = make(11, n=4, periods=8)
    rows = [
        (frame["i"] == i) & (frame["t"] >= i) & (frame["t"] < i + 4) for i in range(4)
    ]
    with pytest.raises(
        IdentificationError, match="no two i are observed in the same periods"
    ):
        test_of(
            FixedEffects("y", ["x"], time_effects=False),
            frame[np.logical_or.reduce(rows)],
            "x",
        )


def test_a_treated_entity_with_periods_of_its_own_is_no_exchange() -> None:
    frame = make(12, n=8, treated=1)
    with pytest.raises(IdentificationError, match="1 i have different periods"):
        test_of(SPEC, frame.drop(index=0), "d")


def test_a_bare_frame_is_refused() -> None:
    with pytest.raises(InputTypeError, match="Panel"):
        randomisation_test(SPEC, FRAME, "d")


def test_progress_counts_the_exchanges_and_changes_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec, frame = FixedEffects("y", ["d"]), make()
    shown = test_of(spec, frame, "d", reps=30, rng=1, progress=True)
    assert "30/30" in capsys.readouterr().err
    np.testing.assert_array_equal(
        shown.draws, test_of(spec, frame, "d", reps=30, rng=1).draws
    )


def test_a_table_names_the_null_hypothesis_and_the_permutations() -> None:
    frame, spec = make(1), FixedEffects("y", ["d", "x"])
    panel = Panel(frame, *KEYS).relabel(d="Policy")
    test = quiet(randomisation_test, spec, panel, "d", reps=99, rng=1)
    (note,) = dp.etable(test).notes
    assert note.startswith(
        "Randomisation test (H0: Policy has no effect on any entity): p-value by 99 "
        "permutations"
    )
    (chinese,) = dp.etable(test, style=dp.TableStyle("zh")).notes
    assert "随机化检验（原假设：Policy对任何个体都没有影响）" in chinese
    assert "99次置换" in chinese
    assert str(test.summary()).count("99 permutations") == 1
    every = quiet(randomisation_test, spec, panel, "d", rng=1)
    assert "p-value by all 220 permutations" in dp.etable(every).notes[0]
    placebo = quiet(dp.placebo_test, spec, panel, "d", reps=99, rng=1)
    (note,) = dp.etable(placebo).notes
    assert note.startswith("Placebo test (H0: Policy has no effect on any entity; ")
    assert "p-value by 99 placebo treatments" in note
