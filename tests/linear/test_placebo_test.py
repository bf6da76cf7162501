"""The placebo test against a fit of every drawn treatment."""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Panel
from digiprosper.errors import (
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    OptionError,
    TermError,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.kernels.exchange import cohorts, placebo_slopes

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = ("i", "t")


def make(
    seed: int = 0, n: int = 14, periods: int = 7, *, gaps: bool = False
) -> pd.DataFrame:
    """A panel with cohorts of three and two entities; gaps lack some rows."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    first = np.array([3, 3, 3, 5, 5, *[99] * (n - 5)])
    frame["d"] = (frame["t"] >= first[frame["i"]]).astype(float)
    for name in "axy":
        frame[name] = rng.normal(size=len(frame)) + rng.normal(size=n)[frame["i"]]
    frame["a"] += rng.normal(size=periods)[frame["t"]]
    frame["w"] = rng.uniform(0.3, 3, len(frame))
    frame["r"] = frame["i"] % 4
    frame["rt"] = frame["r"] * 100 + frame["t"]
    keep = (
        rng.random(len(frame)) > 0.2 if gaps else np.full(len(frame), fill_value=True)
    )
    return frame[keep].reset_index(drop=True)


def quiet(function: Any, *args: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return function(*args, **options)


def placebo(
    spec: FixedEffects, frame: pd.DataFrame, term: str = "d", **options: Any
) -> dp.TestResult:
    return quiet(dp.placebo_test, spec, Panel(frame, *KEYS), term, **options)


def refits(spec: FixedEffects, frame: pd.DataFrame, reps: int, rng: int) -> np.ndarray:
    """Fit the specification to every drawn treatment."""
    entity, time = frame["i"].to_numpy(), frame["t"].to_numpy()
    treated = cohorts(frame["d"].to_numpy(), entity, time)
    assert treated is not None
    entities, starts = treated.drawn(
        *map(np.random.default_rng, seed_sequence(rng).spawn(2)), reps
    )
    out = []
    for chosen, first in zip(entities, starts, strict=True):
        start = np.full(treated.n_entities, 99)
        start[chosen] = first
        fit = quiet(
            spec.fit,
            Panel(frame.assign(d=(time >= start[entity]).astype(float)), *KEYS),
        )
        out.append(fit.params["d"])
    return np.array(out)


CASES: dict[str, dict[str, Any]] = {
    "two-way": {},
    "entity effects": {"time_effects": False},
    "time effects": {"entity_effects": False},
    "no effects": {"entity_effects": False, "time_effects": False},
    "region by year": {"absorb": ["rt"]},
    "region by year alone": {
        "absorb": ["rt"],
        "entity_effects": False,
        "time_effects": False,
    },
    "entity trends": {"absorb": ["i[t]"]},
    "region trends": {"absorb": ["r[t]"]},
    "weights": {"obs_weights": "w"},
    "weights, entity trends": {"obs_weights": "w", "absorb": ["i[t]"]},
    "alone": {"x": ["d"]},
    "crv3": {"cov_type": "crv3"},
}


@pytest.mark.parametrize("gaps", [False, True], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.many(1)
def test_draws_are_estimates_of_fits(case: str, gaps: bool) -> None:
    frame = make(len(case), n=18, gaps=gaps)
    spec = FixedEffects("y", ["a", "d", "x"]).replace(**CASES[case])
    test = placebo(spec, frame, reps=25, rng=3)
    assert test.statistic == pytest.approx(
        quiet(spec.fit, Panel(frame, *KEYS)).params["d"], rel=1e-12
    )
    np.testing.assert_allclose(
        test.draws, refits(spec, frame, 25, 3), rtol=1e-9, atol=1e-9
    )
    beyond = (np.abs(test.draws) >= abs(test.statistic) * (1 - 1e-9)).sum()
    assert test.p_value == (1 + beyond) / 26


def test_a_draw_keeps_the_sizes_of_cohorts_and_starts_after_the_first_period() -> None:
    frame = make()
    treated = cohorts(
        frame["d"].to_numpy(), frame["i"].to_numpy(), frame["t"].to_numpy()
    )
    assert treated is not None
    assert (treated.starts.tolist(), treated.sizes.tolist()) == ([3, 5], [3, 2])
    entities, starts = treated.drawn(
        np.random.default_rng(0), np.random.default_rng(1), 5000
    )
    assert (np.diff(np.sort(entities, axis=1), axis=1) > 0).all()
    assert (starts[:, :3] == starts[:, :1]).all()
    assert (starts[:, 3] == starts[:, 4]).all()
    # Every entity and every period but the first is drawn equally often.
    np.testing.assert_allclose(
        np.bincount(entities.ravel(), minlength=14) / 5000, 5 / 14, atol=0.03
    )
    np.testing.assert_allclose(
        np.bincount(starts[:, 0], minlength=7) / 5000, [0, *[1 / 6] * 6], atol=0.03
    )


def test_entities_that_are_always_treated_are_as_many_in_a_draw() -> None:
    """One entity switches: with two-way effects a draw is a single switch."""
    frame = make(9, n=6, periods=5)
    first = np.array([0, 0, 2, 99, 99, 99])
    frame["d"] = (frame["t"] >= first[frame["i"]]).astype(float)
    spec = FixedEffects("y", ["d", "a"])
    test = placebo(spec, frame, reps=199, rng=1)
    assert test.detail["cohorts"] == {"0": 2, "2": 1}

    def one_switch(entity: int, start: int) -> float:
        drawn = frame.assign(
            d=((frame["i"] == entity) & (frame["t"] >= start)).astype(float)
        )
        return float(quiet(spec.fit, Panel(drawn, *KEYS)).params["d"])

    possible = np.array(
        [one_switch(entity, start) for entity in range(6) for start in range(1, 5)]
    )
    nearest = np.abs(test.draws[:, None] - possible).min(axis=1)
    np.testing.assert_allclose(nearest, 0, atol=1e-9)
    np.testing.assert_allclose(test.draws[:25], refits(spec, frame, 25, 1), rtol=1e-9)


def test_without_entity_effects_the_always_treated_are_drawn_as_well() -> None:
    frame = make(9, n=8, periods=4)
    first = np.array([0, 0, 2, 99, 99, 99, 99, 99])
    frame["d"] = (frame["t"] >= first[frame["i"]]).astype(float)
    spec = FixedEffects("y", ["d", "a"], entity_effects=False)
    test = placebo(spec, frame, reps=25, rng=1)
    np.testing.assert_allclose(test.draws, refits(spec, frame, 25, 1), rtol=1e-9)
    assert np.unique(test.draws.round(9)).size > 20


def test_the_detail_counts_cohorts() -> None:
    test = placebo(FixedEffects("y", ["d"]), make(), reps=199, rng=7)
    assert test.detail == {
        "term": "d",
        "cohorts": {"3": 3, "5": 2},
        "treated": 5,
        "never": 9,
        "reps": 199,
        "lost": 0,
        "rng_entropy": 7,
    }


def test_a_large_effect_is_beyond_all_placebos() -> None:
    frame = make(1).assign(y=lambda f: f["y"] + 20 * f["d"])
    assert placebo(FixedEffects("y", ["d"]), frame, reps=199, rng=1).p_value == 1 / 200


def test_the_number_that_is_kept_reproduces_the_draws_in_any_order_of_rows() -> None:
    frame, spec = make(4), FixedEffects("y", ["a", "d"])
    test = placebo(spec, frame, reps=99)
    again = placebo(
        spec,
        frame.sample(frac=1, random_state=1),
        reps=99,
        rng=test.detail["rng_entropy"],
    )
    np.testing.assert_array_equal(test.draws, again.draws)


def test_units_and_origins_change_nothing() -> None:
    frame, spec = make(5), FixedEffects("y", ["a", "d"])
    moved = frame.assign(a=lambda f: 7 + 1e-3 * f["a"], y=lambda f: 5 - 1e3 * f["y"])
    one, other = (placebo(spec, f, reps=99, rng=1) for f in (frame, moved))
    np.testing.assert_allclose(one.draws, -1e-3 * other.draws, rtol=1e-8, atol=1e-10)
    assert one.p_value == other.p_value


def test_memory_changes_no_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, spec = make(6), FixedEffects("y", ["a", "d"])
    whole = placebo(spec, frame, reps=99, rng=1)
    monkeypatch.setattr(
        "digiprosper.linear.fixed_effects.placebo_slopes",
        lambda *args: placebo_slopes(*args, memory=1),
    )
    np.testing.assert_allclose(
        placebo(spec, frame, reps=99, rng=1).draws, whole.draws, rtol=1e-12
    )


def test_draws_without_an_estimate_count_as_beyond() -> None:
    """The control is a treatment that may be drawn: then they are collinear."""
    frame = make(7, n=4, periods=3)
    frame["d"] = ((frame["i"] == 0) & (frame["t"] >= 1)).astype(float)
    frame["c"] = ((frame["i"] == 1) & (frame["t"] >= 1)).astype(float)
    test = placebo(FixedEffects("y", ["c", "d"]), frame, reps=199, rng=1)
    assert test.detail["lost"] == np.isnan(test.draws).sum() > 0
    beyond = (np.abs(test.draws) >= abs(test.statistic) * (1 - 1e-9)).sum()
    assert test.p_value == (1 + beyond + test.detail["lost"]) / 200


def test_lags_and_missing_rows_are_those_of_the_sample() -> None:
    frame = make(8)
    frame.loc[3, "a"] = np.nan
    test = placebo(FixedEffects("y", ["d", "lag(a)"]), frame, reps=99, rng=1)
    assert np.isfinite(test.draws).all()
    assert "lagged_rows" in [n.code for n in test.diagnostics]


def test_the_result_is_kept_whole() -> None:
    test = placebo(FixedEffects("y", ["d"]), make(), rng=1)
    other = pickle.loads(pickle.dumps(test))
    assert (other.summary(), other.to_dict()) == (test.summary(), test.to_dict())
    assert "(999 placebo treatments)" in test.summary()


# --- refusals -------------------------------------------------------------------------

FRAME = make(10).assign(
    two=lambda f: 2 * f["d"],
    off=lambda f: ((f["i"] < 3) & (f["t"] == 3)).astype(float),
    half=lambda f: f["d"] * 0.5,
    none=0.0,
    signed=lambda f: 2 * f["d"] - 1,
)
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
    "the intercept": (NONE, "Intercept", {}, TermError, "no regressor"),
    "no text": (SPEC, ["d"], {}, InputTypeError, "one term as text"),
    "None": (SPEC, None, {}, InputTypeError, "one term as text"),
    "an interaction beside it": (
        SPEC.add("d:x"),
        "d",
        {},
        TermError,
        "'d:x' has a column in common with 'd'",
    ),
    "a lead beside it": (SPEC.add("lead(d)"), "d", {}, TermError, r"lead\(d\)"),
    "a continuous regressor": (
        SPEC,
        "a",
        {},
        OptionError,
        "'a' is .*randomisation_test",
    ),
    "twice the treatment": (
        SPEC.replace(x=["two"]),
        "two",
        {},
        OptionError,
        r"'two' is 2 in row \(\d+, \d+\)",
    ),
    "a half": (SPEC.replace(x=["half"]), "half", {}, OptionError, "'half' is 0.5"),
    "minus one and one": (
        SPEC.replace(x=["signed"]),
        "signed",
        {},
        OptionError,
        "'signed' is -1",
    ),
    "one that ends": (
        SPEC.replace(x=["off"]),
        "off",
        {},
        OptionError,
        r"returns to 0 in 3 i, first in row",
    ),
    "nobody treated": (
        SPEC.replace(x=["none", "a"]),
        "none",
        {},
        IdentificationError,
        "absorbed|constant",
    ),
    "another specification": (
        dp.Mediation("y", "d", "a"),
        "d",
        {},
        InputTypeError,
        "Mediation",
    ),
    "too few draws": (SPEC, "d", {"reps": 18}, OptionError, "reps"),
    "draws that are no number": (SPEC, "d", {"reps": "all"}, OptionError, "reps"),
    "a seed that is none": (SPEC, "d", {"rng": -1}, InputTypeError, "rng"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_input_has_a_named_error(case: str) -> None:
    spec, term, options, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        placebo(spec, FRAME, term, **options)


def test_one_period_is_refused() -> None:
    spec = FixedEffects(
        "y", ["d"], entity_effects=False, time_effects=False, cov_type="robust"
    )
    with pytest.raises(IdentificationError, match="one period"):
        placebo(spec, FRAME[FRAME["t"] == 4])


def test_a_bare_frame_is_refused() -> None:
    with pytest.raises(InputTypeError, match="Panel"):
        dp.placebo_test(SPEC, FRAME, "d")


# --- size -----------------------------------------------------------------------------


@pytest.mark.montecarlo
@pytest.mark.parametrize("gaps", [False, True], ids=["balanced", "unbalanced"])
def test_size_without_an_effect(gaps: bool, measured: Callable[..., None]) -> None:
    """Share of 1,000 panels in which the placebo test rejects at 5% an effect of zero.

    Of 20 entities, observed for 8 periods, two cohorts of three and two are treated.
    Entities and starts are drawn as the test draws them. Errors have a serial
    correlation of .6. In the unbalanced panels a tenth of the rows, drawn at random, is
    missing. The test has 199 draws.
    """
    n, periods, panels = 20, 8, 1000
    rng = np.random.default_rng(2026)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    rejected = 0
    for _ in range(panels):
        start = np.full(n, 99)
        chosen = rng.permutation(n)
        start[chosen[:3]], start[chosen[3:5]] = rng.integers(1, periods, size=2)
        errors = rng.normal(size=(n, periods))
        for t in range(1, periods):
            errors[:, t] = 0.6 * errors[:, t - 1] + 0.8 * errors[:, t]
        drawn = frame.assign(
            d=(frame["t"] >= start[frame["i"]]).astype(float), y=errors.ravel()
        )
        kept = drawn[rng.random(len(drawn)) > 0.1] if gaps else drawn
        rejected += (
            placebo(FixedEffects("y", ["d"]), kept, reps=199, rng=rng).p_value <= 0.05
        )
    measured(
        "size_of_placebo_test",
        {"panel": "unbalanced" if gaps else "balanced", "size": rejected / panels},
    )
    assert 0.03 <= rejected / panels <= 0.07


@pytest.mark.parametrize(
    ("noise", "adverb"), [(3.0, "often"), (1 / 3, "rarely"), (1.0, "")]
)
def test_errors_of_the_treated_unlike_those_of_others_are_told(
    noise: float, adverb: str
) -> None:
    frame = make(3, n=31, periods=12)
    y = np.random.default_rng(4).normal(size=len(frame))
    # An effect that grows is no larger error.
    grows = 5 * frame["d"] * frame["t"]
    frame["y"] = np.where(frame["i"] < 5, noise * y + grows, y)
    spec = FixedEffects("y", ["d"])
    told = placebo(spec, frame, reps=19, rng=1).diagnostics
    unlike = [notice for notice in told if notice.code == "unlike_treated"]
    assert len(unlike) == bool(adverb)
    for notice in unlike:
        untreated = frame[frame["d"] == 0]
        fit = quiet(spec.fit, Panel(frame, *KEYS))
        squares = fit.resids.loc[untreated.set_index([*KEYS]).index] ** 2
        means = squares.groupby("i").mean()
        ratio = np.sqrt(means[:5].mean() / means[5:].mean())
        assert notice.data == {"term": "d", "ratio": pytest.approx(ratio)}
        assert f"rejects a true hypothesis too {adverb}." in notice.message
    one = frame.assign(d=frame["d"] * (frame["i"] == 0))
    told = placebo(spec, one, reps=19, rng=1).diagnostics
    assert "unlike_treated" not in {notice.code for notice in told}


def test_errors_of_a_perfect_fit_are_not_compared() -> None:
    frame = make(3)
    frame["y"] = frame["i"] + frame["t"] + 2 * frame["d"]
    told = placebo(FixedEffects("y", ["d"]), frame, reps=19, rng=1).diagnostics
    codes = {notice.code for notice in told}
    assert "perfect_fit" in codes
    assert "unlike_treated" not in codes
