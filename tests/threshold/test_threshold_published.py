"""Every published number on Hansen's data: met, or its difference proved.

Thresholds are searched here on written-out columns (Frisch, Waugh and Lovell at every
candidate); the other programs are imitated.
`docs/explanations/threshold_replication.md` says what agrees, and why others differ.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from digiprosper import Panel, PanelThreshold
from digiprosper.errors import DigiprosperWarning
from digiprosper.threshold.results import critical_lr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = npt.NDArray[Any]

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hansen1999.csv"
PAGES = Path(__file__).parents[2] / "docs" / "explanations"
PAGE = (PAGES / "threshold_replication.md").read_text(encoding="utf-8")
GOLDEN = json.loads(
    (Path(__file__).parents[1] / "reference" / "hansen1999.json").read_text(
        encoding="utf-8"
    )
)
OWN, PRINTED = GOLDEN["own"], GOLDEN["printed"]
NEAR = OWN["tolerance"]["value"]
pytestmark = [
    pytest.mark.data("hansen1999.csv"),
    pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning"),
]

N, T = 565, 14
ROWS = N * T
CONTROLS = ("q1", "q2", "q3", "d1", "qd1")
SPEC = PanelThreshold(
    "i",
    "c1",
    "d1",
    CONTROLS,
    time_effects=False,
    trim=0.01,
    bootstrap=None,
    confidence="lr",
)
LEVELS = (0.9, 0.95, 0.99)
# Bounds outside of which a right number falls once in a thousand times.
RARE = 3.3


@cache
def table() -> dict[str, Array]:
    frame = pd.read_csv(DATA)
    return {name: frame[name].to_numpy() for name in frame}


@cache
def firms() -> Panel:
    return Panel(pd.read_csv(DATA), "id", "year")


# --- own code -------------------------------------------------------------------------


def within(columns: Array, *, drop: bool = False) -> Array:
    """Take firm means out; the program of Hansen (1999) then drops the last period."""
    cube = columns.reshape(columns.shape[0] // T, T, -1)
    cube = cube - cube.mean(axis=1, keepdims=True)
    return np.ascontiguousarray(cube[:, : T - drop].reshape(-1, cube.shape[2]))


def lows(values: Sequence[float] | Array, rule: str) -> Array:
    """c1 in the low regime of each value, one row a value."""
    data, cuts = table(), np.asarray(values, dtype=np.float64)[:, None]
    low = data["d1"] <= cuts if rule == "<=" else data["d1"] < cuts
    return np.where(low, data["c1"], 0.0)


def columns(
    fixed: Sequence[float] = (), *, rule: str = "<=", years: bool = False
) -> Array:
    data = table()
    parts = [
        np.column_stack([data[name] for name in (*CONTROLS, "c1")]),
        lows(fixed, rule).T,
    ]
    if years:
        parts.append(1.0 * (data["year"][:, None] == np.unique(data["year"])[1:]))
    return np.column_stack(parts)


def basis_and_rest(design: Array, y: Array) -> tuple[Array, Array]:
    basis, _ = np.linalg.qr(design)
    rest = y - basis @ (basis.T @ y)
    return basis, rest - basis @ (basis.T @ rest)


@cache
def profile(
    fixed: tuple[float, ...],
    grid: tuple[float, ...],
    *,
    rule: str = "<=",
    years: bool = False,
) -> Array:
    """Sum of squares at each value of a grid beside fixed thresholds."""
    y = within(table()["i"])[:, 0]
    basis, rest = basis_and_rest(within(columns(fixed, rule=rule, years=years)), y)
    known, out = np.column_stack([basis, rest]), []
    for part in np.array_split(np.array(grid), -(-len(grid) // 64)):
        block = lows(part, rule)
        sums = block.reshape(part.size, N, T).sum(axis=2)
        inside = block @ known
        size = np.einsum("ij,ij->i", block, block) - (sums**2).sum(axis=1) / T
        size -= (inside[:, :-1] ** 2).sum(axis=1)
        # The block of a threshold that is fixed already is zero.
        drop = np.where(size > 1e-9, inside[:, -1] ** 2 / np.maximum(size, 1e-9), 0.0)
        out.append(rest @ rest - drop)
    return np.concatenate(out)


def ssr(fixed: Sequence[float], *, rule: str = "<=", years: bool = False) -> float:
    design = within(columns(fixed, rule=rule, years=years))
    design = design / np.linalg.norm(design, axis=0)
    y = within(table()["i"])[:, 0]
    rest = y - design @ np.linalg.lstsq(design, y, rcond=1e-11)[0]
    return float(rest @ rest)


def below(value: float, rule: str = "<=") -> int:
    q = table()["d1"]
    return int((q <= value).sum() if rule == "<=" else (q < value).sum())


@cache
def admissible(
    fixed: tuple[float, ...], trim: float, rule: str = "<="
) -> tuple[float, ...]:
    """Distinct values that leave the trimmed share of rows in every regime."""
    values = np.unique(table()["d1"])
    side = "right" if rule == "<=" else "left"
    cuts = np.searchsorted(np.sort(table()["d1"]), values, side=side)
    edges = np.array([0, ROWS, *(below(g, rule) for g in fixed)])
    room = np.abs(cuts[:, None] - edges).min(axis=1)
    return tuple(values[room >= trim * ROWS - 1e-9])


@dataclass
class Found:
    ssr: list[float]
    null: list[float]
    thresholds: list[float]
    # Candidates and sums of squares of each, the others held
    likelihood: list[tuple[Array, Array]]


def search(m: int, trims: Sequence[float], *, years: bool = False) -> Found:
    """Hansen's sequential search, refined until nothing moves."""

    def best(fixed: tuple[float, ...], trim: float) -> tuple[float, float]:
        grid = admissible(fixed, trim)
        s = profile(fixed, grid, years=years)
        return grid[int(s.argmin())], float(s.min())

    cuts, sums, nulls = list[float](), [ssr((), years=years)], list[float]()
    for j in range(m):
        nulls.append(ssr(cuts, years=years))
        g, s = best(tuple(cuts), trims[j])
        cuts.append(g)
        sums.append(s)
        before = None
        while before != cuts:
            before = cuts.copy()
            for k in range(j + 1):
                cuts[k] = best((*cuts[:k], *cuts[k + 1 :]), trims[k])[0]
    likelihood = []
    for k in range(m):
        others = (*cuts[:k], *cuts[k + 1 :])
        grid = admissible(others, trims[k])
        likelihood.append((np.array(grid), profile(others, grid, years=years)))
    return Found(sums, nulls, cuts, likelihood)


def pieces(
    grid: Array, s: Array, df: float, *, level: float = 0.95
) -> list[list[float]]:
    """Runs of candidates whose likelihood ratio is at most -2 log(1 - sqrt(level))."""
    inside = (s / s.min() - 1) * df <= -2 * np.log(1 - np.sqrt(level))
    out = list[list[float]]()
    for k in np.flatnonzero(inside):
        if k and inside[k - 1]:
            out[-1][1] = float(grid[k])
        else:
            out.append([float(grid[k]), float(grid[k])])
    return out


@pytest.mark.further
def test_own_code_is_least_squares_on_written_out_dummies() -> None:
    data = table()
    dummies = 1.0 * (data["id"][:, None] == np.unique(data["id"]))
    design = np.column_stack([dummies, columns((0.0157,))])
    design /= np.linalg.norm(design, axis=0)
    rest = data["i"] - design @ np.linalg.lstsq(design, data["i"], rcond=1e-11)[0]
    assert rest @ rest == pytest.approx(ssr((0.0157,)), rel=1e-12)
    some = (0.003, 0.0157, 0.1, 0.54003, 0.9)
    for fixed in ((), (0.0157,), (0.0157, 0.54003)):
        s = profile(fixed, some)
        np.testing.assert_allclose(s, [ssr((*fixed, g)) for g in some], rtol=1e-11)


# --- this library's own convention ----------------------------------------------------


@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("effects", ["one-way", "two-way"])
@pytest.mark.many(1)
def test_thresholds_sums_of_squares_and_sets(effects: str, m: int) -> None:
    years, wanted = effects == "two-way", OWN[effects]
    by_hand = search(m, [0.01] * m, years=years)
    results = SPEC.replace(n_thresholds=m, time_effects=years).fit(firms())
    df = ROWS - N
    assert results.df == df
    assert (
        results.thresholds["estimate"].tolist()
        == by_hand.thresholds
        == wanted["thresholds"][m - 1]
    )
    for values in (results.ssr, by_hand.ssr):
        np.testing.assert_allclose(values, wanted["ssr"][: m + 1], rtol=NEAR)
    assert results.fit_ssr == pytest.approx(wanted["fit_ssr"][m - 1], rel=NEAR)
    f = (np.array(by_hand.null) / by_hand.ssr[1:] - 1) * df
    np.testing.assert_allclose(results.thresholds["F"], f, rtol=1e-8)
    np.testing.assert_allclose(wanted["F"][:m], f, rtol=1e-8)
    for j, (grid, s) in enumerate(by_hand.likelihood):
        mine = results.profile(j + 1)
        np.testing.assert_array_equal(mine["gamma"], grid)
        np.testing.assert_allclose(mine["ssr"], s, rtol=NEAR)
        assert [list(piece) for piece in results.confidence_set(j + 1)] == pieces(
            grid, s, df
        )
        assert pieces(grid, s, df) == wanted["sets"][m - 1][j]


@pytest.mark.further
def test_the_trims_of_the_paper_change_the_third_threshold_only() -> None:
    by_hand = search(3, [0.01, 0.01, 0.05])
    results = SPEC.replace(n_thresholds=3, trim=(0.01, 0.01, 0.05)).fit(firms())
    wanted = OWN["trims of the paper"]
    assert (
        results.thresholds["estimate"].tolist()
        == by_hand.thresholds
        == wanted["thresholds"]
    )
    np.testing.assert_allclose(results.ssr, wanted["ssr"], rtol=NEAR)
    np.testing.assert_allclose(results.ssr, by_hand.ssr, rtol=NEAR)
    assert results.thresholds.loc[3, "F"] == pytest.approx(wanted["F"][2], rel=1e-8)
    assert results.confidence_set(3) == [tuple(piece) for piece in wanted["sets"][2]]


@pytest.mark.further
def test_the_best_of_all_pairs_is_the_refined_pair() -> None:
    pair = SPEC.replace(n_thresholds=2, search="joint").fit(firms())
    assert sorted(pair.estimates) == OWN["one-way"]["thresholds"][1]


def sandwiches(
    design: Array, y: Array, absorbed: int, cluster_k: int
) -> dict[str, Array]:
    bread = np.linalg.inv(design.T @ design)
    slopes = bread @ (design.T @ y)
    e = y - design @ slopes
    free = y.size - design.shape[1] - absorbed
    scores = design * e[:, None]
    sums = scores.reshape(N, -1, design.shape[1]).sum(axis=1)
    factor = N / (N - 1) * (y.size - 1) / (y.size - cluster_k)
    meats = {
        "unadjusted": design.T @ design * (e @ e) / free,
        "robust": scores.T @ scores * y.size / free,
        "clustered": sums.T @ sums * factor,
    }
    return {
        "slopes": slopes,
        **{k: np.sqrt(np.diag(bread @ v @ bread)) for k, v in meats.items()},
    }


@pytest.mark.parametrize("effects", ["one-way", "two-way"])
def test_slopes_and_their_errors(effects: str) -> None:
    years, wanted = effects == "two-way", OWN["slopes"][effects]
    cuts = OWN[effects]["thresholds"][1]
    data = table()
    edges = np.array([-np.inf, *cuts, np.inf])
    regime = np.searchsorted(edges, data["d1"], side="left") - 1
    parts = [data["c1"][:, None] * (regime[:, None] == range(3)), columns()[:, :5]]
    x = within(np.column_stack(parts))
    y = within(data["i"])[:, 0]
    if years:
        basis, y = basis_and_rest(
            within(1.0 * (data["year"][:, None] == np.unique(data["year"])[1:])), y
        )
        x = x - basis @ (basis.T @ x)
    periods = (T - 1) * years
    by_hand = sandwiches(x, y, N + periods, 8 + 1 + periods)
    for kind in ("clustered", "robust", "unadjusted"):
        spec = SPEC.replace(thresholds=tuple(cuts), time_effects=years, cov_type=kind)
        slopes = spec.fit(firms()).slopes
        np.testing.assert_allclose(slopes.coefficients, by_hand["slopes"], rtol=1e-8)
        np.testing.assert_allclose(slopes.std_errors, by_hand[kind], rtol=1e-8)
        np.testing.assert_allclose(slopes.std_errors, wanted[kind], rtol=1e-8)
        np.testing.assert_allclose(slopes.coefficients, wanted["estimate"], rtol=1e-8)
    assert list(slopes.names) == wanted["terms"]


def drawn_p(effects: str, reps: int) -> dict[str, list[float]]:
    words = ("wild_cluster", "wild_score", "hansen")
    spec = SPEC.replace(
        n_thresholds=3,
        trim=(0.01, 0.01, 0.05),
        bootstrap=words,
        reps=reps,
        time_effects=effects == "two-way",
    )
    tests = spec.fit(firms(), rng=OWN["p_values"]["seed"]).tests.set_index(
        ["bootstrap", "threshold"]
    )
    return {word: tests.loc[word, "p_value"].tolist() for word in words}


def near_many(p: Array | list[float], many: list[float], reps: int) -> bool:
    """Whether p-values of 999 draws are those of many, within both errors."""
    wanted = np.array(many)
    error = np.sqrt(wanted * (1 - wanted) * (1 / 999 + 1 / reps))
    return bool((np.abs(np.array(p) - wanted) < RARE * error).all())


@pytest.mark.further
@pytest.mark.parametrize(
    "effects", ["one-way", pytest.param("two-way", marks=pytest.mark.montecarlo)]
)
def test_p_values(effects: str, measured: Callable[..., None]) -> None:
    """p-values of the tests of a first, second and third threshold on Hansen's data.

    999 draws each; every regime keeps .01, .01 and .05 of the rows, as in Hansen
    (1999).
    """
    wanted, p = OWN["p_values"][effects], drawn_p(effects, 999)
    name = {"one-way": "firm", "two-way": "firm and year"}[effects]
    for word, values in p.items():
        row = dict(zip(("first", "second", "third"), values, strict=True))
        measured(
            "p_values_on_data_of_hansen", {"effects": name, "bootstrap": word, **row}
        )
    # One seed gives one p-value, and it is that of ten times the draws within the error
    # of simulation.
    for word, values in p.items():
        assert near_many(values, wanted["p of 9,999"][word], 9999), word
    assert {word: p[word] for word in wanted["p"]} == wanted["p"]


# --- the program of Hansen (1999) -----------------------------------------------------


@dataclass
class Program:
    """The searches of his program in products; statistics are functions of them."""

    grid: Array
    y: Array
    basis: Array
    block: Array  # c1 below each grid value, controls taken out
    gram: Array
    df: float

    def profile(self, fixed: Sequence[int], trim: float) -> tuple[float, Array]:
        """Sum of squares with fixed positions, and one more at each open one."""
        _, rest = basis_and_rest(
            np.column_stack([self.basis, self.block[:, list(fixed)]]), self.y
        )
        drop = rest @ self.block
        gram = self.gram
        for k, p in enumerate(fixed):
            gram = gram - np.outer(gram[:, p], gram[p]) / gram[p, p]
            assert abs(drop[fixed[k]]) < 1e-9
        open_ = self.open_to(fixed, trim)
        size = np.where(open_, np.diag(gram), np.inf)
        return float(rest @ rest), np.where(open_, rest @ rest - drop**2 / size, np.inf)

    def open_to(self, fixed: Sequence[int], trim: float) -> Array:
        """His zone: 400 trim positions below a fixed one, itself, 400 trim above.

        Above it is one less.
        """
        place, width = np.arange(self.grid.size), round(400 * trim)
        free = np.ones(self.grid.size, dtype=bool)
        for p in fixed:
            free &= (place < p - width) | (place >= p + width)
        return free

    def hull(self, s: Array, level: float) -> tuple[float, float]:
        """Give the least and largest accepted value, strictly below his bound."""
        accepted = self.grid[(s / s.min() - 1) * self.df < critical_lr(level)]
        return float(accepted.min()), float(accepted.max())

    def draws(
        self,
        fixed: Sequence[int],
        free: Callable[[Sequence[int]], Array],
        rng: Any,
        reps: int,
    ) -> Array:
        """F* of one threshold more: null residuals exchanged, thresholds searched."""
        _, rest = basis_and_rest(
            np.column_stack([self.basis, self.block[:, list(fixed)]]), self.y
        )
        blocks, out = rest.reshape(N, -1), []
        for low in range(0, reps, 250):
            picked = rng.integers(0, N, (min(250, reps - low), N))
            y = self.y - rest + blocks[picked].reshape(picked.shape[0], -1)
            inside = y @ self.basis
            ssr0 = np.einsum("ij,ij->i", y, y) - np.einsum("ij,ij->i", inside, inside)
            out.append(
                last_ratio(self.gram, (y @ self.block).T, ssr0, len(fixed) + 1, free)
            )
        return np.concatenate(out) * self.df


def last_ratio(
    gram: Array,
    score: Array,
    ssr0: Array,
    left: int,
    free: Callable[[Sequence[int]], Array],
    fixed: tuple[int, ...] = (),
) -> Array:
    """S_(m-1) / S_m - 1 of columns of scores, thresholds found in turn."""
    size, columns_ = np.diag(gram), np.arange(score.shape[1])
    usable = free(fixed) & (size > 1e-7)
    gain = np.where(
        usable[:, None], score**2 / np.where(usable, size, 1.0)[:, None], -np.inf
    )
    at = gain.argmax(axis=0)
    least = ssr0 - gain[at, columns_]
    if left == 1:
        return np.asarray(ssr0 / least - 1)
    out = np.empty_like(ssr0)
    for p in np.unique(at):
        own = at == p
        rest = score[:, own] - np.outer(gram[:, p], score[p, own]) / gram[p, p]
        smaller = gram - np.outer(gram[:, p], gram[p]) / gram[p, p]
        out[own] = last_ratio(
            smaller, rest, least[own], left - 1, free, (*fixed, int(p))
        )
    return out


def hansens_grid() -> Array:
    """His 393 positions among the distinct values, counted from one."""
    distinct = np.unique(table()["d1"])
    return np.asarray(
        distinct[
            np.floor((0.01 + np.arange(393) / 400) * distinct.size + 1e-9).astype(int)
            - 1
        ]
    )


def make_program(grid: Array, df: float, *, drop: bool) -> Program:
    y = within(table()["i"], drop=drop)[:, 0]
    basis, _ = np.linalg.qr(within(columns(), drop=drop))
    block = within(lows(grid, "<").T, drop=drop)
    block -= basis @ (basis.T @ block)
    return Program(grid, y, basis, block, block.T @ block, df)


@cache
def program() -> Program:
    return make_program(hansens_grid(), N * (T - 1), drop=True)


@dataclass
class Stages:
    ssr: list[float]
    nulls: list[float]
    places: list[int]  # of g1 (refined), g2, g3 on the grid
    profiles: list[Array]


@cache
def stages() -> Stages:
    his = program()
    s0, first = his.profile([], 0.01)
    one = int(first.argmin())
    s1, second = his.profile([one], 0.01)
    two = int(second.argmin())
    _, again = his.profile([two], 0.01)
    one = int(again.argmin())
    s2, third = his.profile([one, two], 0.05)
    sums = [s0, float(first.min()), float(second.min()), float(third.min())]
    return Stages(
        sums,
        [s0, s1, s2],
        [one, two, int(third.argmin())],
        [first, second, third, again],
    )


def test_every_printed_digit_of_hansens_program() -> None:
    his, got, printed = program(), stages(), PRINTED["program"]
    np.testing.assert_allclose(got.ssr, printed["ssr"], atol=6e-7)
    f = (np.array(got.nulls) / got.ssr[1:] - 1) * his.df
    np.testing.assert_allclose(f, printed["F"], rtol=2e-8)
    assert his.grid[got.places].tolist() == printed["thresholds"]
    hulls = [list(his.hull(s, 0.95)) for s in got.profiles]
    # The first again once refined
    assert hulls == [*printed["sets"], printed["sets"][0]]
    # The null of F3 is the refined double model
    assert got.nulls[2] == pytest.approx(got.ssr[2], rel=1e-12)


def test_every_printed_digit_of_hansens_paper() -> None:
    his, got, printed = program(), stages(), PRINTED["paper"]
    f = (np.array(got.nulls) / got.ssr[1:] - 1) * his.df
    assert f.round(1).tolist() == printed["F"]
    assert his.grid[got.places[:2]].round(4).tolist() == printed["thresholds"]
    for level in (0.95, 0.99):
        hulls = [np.round(his.hull(s, level), 4).tolist() for s in got.profiles[:2]]
        assert hulls == printed[f"sets at {level}"]


def test_slopes_of_hansens_program_and_the_firms_it_subtracts_twice() -> None:
    printed, his, data = PRINTED["program"]["slopes"], program(), table()
    for cuts, wanted in zip(printed["thresholds"], printed["columns"], strict=True):
        regime = np.searchsorted(cuts, data["d1"], side="right")  # q < g is low
        q1 = data["q1"]
        parts = [q1, q1**2, q1**3, data["d1"], data["qd1"]]
        parts += [data["c1"] * (regime == r) for r in range(len(cuts) + 1)]
        x = within(np.column_stack(parts), drop=True)
        scale = np.linalg.norm(x, axis=0)
        x, k = x / scale, x.shape[1]
        twice = sandwiches(x, his.y, N, k)
        slopes, want = twice["slopes"] / scale, np.array(wanted)
        np.testing.assert_allclose(slopes, want[:, 0], rtol=6e-8)
        np.testing.assert_allclose(twice["unadjusted"] / scale, want[:, 1], rtol=6e-8)
        hc0 = twice["robust"] / scale * np.sqrt((x.shape[0] - k - N) / x.shape[0])
        np.testing.assert_allclose(hc0, want[:, 2], rtol=6e-8)
        once = sandwiches(x, his.y, 0, k)["unadjusted"] / scale
        assert (want[:, 1] / once).round(3).tolist() == [1.041] * k


def test_the_dropped_period_is_what_separates_his_sums_from_ours() -> None:
    """On his grid, with his rule and denominator, all rows change sums, F, sets."""
    his, got, wanted = program(), stages(), OWN["on his grid"]
    results = SPEC.replace(grid="hansen", rule="<", n_thresholds=2).fit(firms())
    assert results.candidates.tolist() == his.grid.tolist()
    first = SPEC.replace(grid="hansen", rule="<").fit(firms())
    np.testing.assert_allclose(
        first.profile()["ssr"], profile((), tuple(his.grid), rule="<"), rtol=NEAR
    )
    assert (
        results.estimates.tolist()
        == wanted["thresholds"]
        != PRINTED["program"]["thresholds"][:2]
    )
    np.testing.assert_allclose(results.ssr, wanted["ssr"], rtol=NEAR)
    np.testing.assert_allclose(results.thresholds["F"], wanted["F"], rtol=1e-8)
    assert [list(piece) for piece in first.confidence_set(1)] == wanted["first set"]
    assert (results.ssr.to_numpy() - got.ssr[:3]).min() > 1
    # What was demeaned over T rows and lost one of them is demeaned no more.
    assert abs(within(table()["i"], drop=True).reshape(N, -1).mean(axis=1)).max() > 0.01


def test_the_critical_value_printed_for_90_per_cent_is_that_of_92_5() -> None:
    assert [round(critical_lr(level), 2) for level in LEVELS] == PRINTED[
        "lr critical values"
    ]
    assert round(critical_lr(0.925), 2) == PRINTED["paper"]["lr critical value for .90"]
    assert (1 - np.exp(-6.53 / 2)) ** 2 == pytest.approx(0.925, abs=3e-4)


def agree(
    draws: Array, f: float, printed_p: float, critical: Sequence[float]
) -> dict[str, bool]:
    """Whether p-values and critical values of 300 draws agree with many of ours.

    There is one p-value. A p-value has the binomial error sqrt(p (1 - p) / B). The
    share of the distribution below the k-th of B draws is Beta(k, B + 1 - k), whatever
    the distribution.
    """
    p = float((draws > f).mean())
    out = {
        "p": abs(p - printed_p)
        < RARE * np.sqrt(p * (1 - p) * (1 / 300 + 1 / draws.size))
    }
    for level, value in zip(LEVELS, critical, strict=True):
        k, share = int(np.ceil(level * 300)), float((draws < value).mean())
        low, high = stats.beta.ppf([0.0005, 0.9995], k, 301 - k)
        slack = RARE * np.sqrt(level * (1 - level) / draws.size)
        out[str(level)] = low - slack < share < high + slack
    return out


def printed_beside_drawn(
    source: str,
    threshold: str,
    printed: tuple[float, Sequence[float]],
    draws: Array,
    f: float,
    fits: bool,
) -> dict[str, float | str]:
    p, critical = printed
    return {
        "printed by": source,
        "threshold": threshold,
        "p": p,
        "critical at 10, 5, 1%": ", ".join(f"{c:.1f}" for c in critical),
        "p, many draws": float((draws > f).mean()),
        "critical, many draws": ", ".join(
            f"{c:.1f}" for c in np.quantile(draws, LEVELS)
        ),
        "agree": "yes" if fits else "no",
    }


@pytest.mark.montecarlo
@pytest.mark.parametrize("threshold", [1, 2, 3])
def test_printed_bootstraps_are_within_the_error_of_300_draws(
    threshold: int, measured: Callable[..., None]
) -> None:
    """p-values and critical values printed from 300 draws, beside many draws.

    The program of Hansen (1999) is imitated with 10,000 draws. "yes": the printed
    numbers are where those of 300 draws are in 999 of 1,000 cases.
    """
    his, got = program(), stages()
    fixed = [[], [got.places[0]], got.places[:2]][threshold - 1]
    trim = (0.01, 0.01, 0.05)[threshold - 1]
    draws = his.draws(
        fixed,
        lambda at: his.open_to(at, trim),
        np.random.default_rng(threshold),
        10_000,
    )
    f = PRINTED["program"]["F"][threshold - 1]
    for source in ("program", "paper"):
        printed = PRINTED[source]
        p, critical = printed["p"][threshold - 1], printed["critical"][threshold - 1]
        verdicts = agree(draws, f, p, critical)
        name = {"program": "Hansen's program", "paper": "Hansen (1999)"}[source]
        row = printed_beside_drawn(
            name, str(threshold), (p, critical), draws, f, all(verdicts.values())
        )
        measured("bootstraps_of_hansen_and_wang", row)
        assert all(verdicts.values()), (source, verdicts)
    many = GOLDEN["imitated"]["program"]
    assert (draws > f).mean() == pytest.approx(many["p"][threshold - 1], abs=0.02)
    np.testing.assert_allclose(
        np.quantile(draws, LEVELS), many["critical"][threshold - 1], rtol=0.12
    )


# --- xthreg as printed in Wang (2015) -------------------------------------------------


def test_xthreg_divides_by_t_times_n_less_one() -> None:
    """Of the three denominators one can think of, one gives all three printed F."""
    printed = PRINTED["xthreg"]
    s = np.array([ssr(printed["thresholds"][:j], rule="<") for j in range(4)])
    assert s[0] == pytest.approx(printed["ssr"][0], abs=6e-6)
    np.testing.assert_allclose(s[1:], printed["ssr"][1:], atol=6e-5)
    f = {
        df: ((s[:-1] / s[1:] - 1) * df).round(2).tolist()
        for df in (N * (T - 1), T * (N - 1), N * T)
    }
    assert f[T * (N - 1)] == printed["F"]
    assert f[N * (T - 1)] == printed["F over n(T-1)"]
    assert f[N * T] == printed["F over nT"]
    results = SPEC.replace(
        thresholds=tuple(printed["thresholds"]), rule="<", df="xthreg"
    ).fit(firms())
    np.testing.assert_allclose(results.ssr, s, rtol=NEAR)
    assert results.thresholds["F"].round(2).tolist() == printed["F"]
    inflated = T * (N - 1) / (N * (T - 1))
    assert inflated == pytest.approx(1.075, abs=1e-4)


@pytest.mark.further
def test_wangs_first_threshold_is_near_the_minimum_and_not_it() -> None:
    # .01538 and .01542 are the observed values that print as .0154, between them
    # nothing is seen.
    near = [ssr((g,), rule="<") for g in (0.01538, 0.0154, 0.01542)]
    assert np.round(near, 4).tolist() == [PRINTED["xthreg"]["ssr"][1]] * 3
    assert min(near) - profile((), admissible((), 0.01)).min() > 1e-4


def test_wangs_third_threshold_is_not_the_minimiser() -> None:
    printed = PRINTED["xthreg"]
    pair, third = tuple(printed["thresholds"][:2]), printed["thresholds"][2]
    at_printed = ssr((*pair, third), rule="<")
    assert at_printed == pytest.approx(printed["ssr"][3], abs=6e-5)
    # It does not keep the 5 per cent of rows that trim(.01 .01 .05) asks for.
    rows = below(pair[1], "<") - below(third, "<")
    assert rows == printed["rows between second and third"]
    assert 0.01 * ROWS < rows < 0.05 * ROWS
    assert third not in admissible(pair, 0.05, "<")
    # Whatever trim admits it admits a better one.
    neighbour, lower = printed["true third"]["a lower neighbour, with more rows above"]
    assert below(neighbour, "<") < below(third, "<")
    assert ssr((*pair, neighbour), rule="<") == pytest.approx(lower, rel=NEAR)
    assert lower < at_printed - 1e-3
    grid = admissible(pair, 0.01, "<")
    s = profile(pair, grid, rule="<")
    assert [grid[int(s.argmin())], s.min()] == pytest.approx(
        printed["true third"]["trim .01"], rel=NEAR
    )


def test_wangs_third_interval_cannot_be_a_set_of_likelihood_ratios() -> None:
    """LR(g) <= F3 at every g, and F3 = 6.20 is below 7.35: the set is everything."""
    printed = PRINTED["xthreg"]
    pair, df = tuple(printed["thresholds"][:2]), T * (N - 1)
    grid = admissible(pair, 0.01, "<")
    s = profile(pair, grid, rule="<")
    lr = (s / ssr(printed["thresholds"], rule="<") - 1) * df
    assert lr.max() <= printed["F"][2] + 0.01 < critical_lr(0.95)
    results = SPEC.replace(
        thresholds=tuple(printed["thresholds"]), rule="<", df="xthreg"
    ).fit(firms())
    low, high = printed["intervals"][2]
    assert results.confidence_set(3) == [(grid[0], grid[-1])]
    assert grid[0] < low < high < grid[-1]


@pytest.mark.parametrize(("j", "main", "near"), [(1, 1, 5e-5), (2, 3, 5e-4)])
def test_no_bound_gives_wangs_other_intervals(j: int, main: int, near: float) -> None:
    """What accepts their lower ends accepts a dozen values above their upper ends."""
    printed = PRINTED["xthreg"]
    low, high = printed["intervals"][j - 1]
    results = SPEC.replace(
        thresholds=tuple(printed["thresholds"][:j]), rule="<", df="xthreg"
    ).fit(firms())
    ours = [list(piece) for piece in results.confidence_set(j)]
    assert ours == printed["our sets"][j - 1]
    frame = results.profile(j)
    gamma, lr = frame["gamma"].to_numpy(), frame["lr"].to_numpy()
    at_low = lr[np.abs(gamma - low) < near].min()
    above = lr[(gamma > high + 5e-5) & (gamma <= ours[main][1])]
    assert above.size > 12
    assert above.max() < at_low
    assert ours[0][0] < low
    assert high < ours[-1][1]


@pytest.mark.parametrize("count", [300, 400])
@pytest.mark.parametrize("space", ["rows", "distinct values", "values"])
def test_no_evenly_spaced_list_gives_wangs_first_row(space: str, count: int) -> None:
    q = np.sort(table()["d1"])
    if space == "values":
        low, high = np.quantile(q, [0.01, 0.99])
        grid = np.linspace(low, high, count)
    else:
        ranked = q if space == "rows" else np.unique(q)
        grid = np.unique(
            ranked[
                np.round(np.linspace(0.01, 0.99, count) * (ranked.size - 1)).astype(int)
            ]
        )
    grid = grid[grid > 0]
    s = profile((), tuple(grid), rule="<")
    lr = (s / s.min() - 1) * T * (N - 1)
    accepted = grid[lr <= critical_lr(0.95)]
    row = [grid[s.argmin()], accepted.min(), accepted.max()]
    assert np.round(row, 4).tolist() != [0.0154, *PRINTED["xthreg"]["intervals"][0]]


@pytest.mark.montecarlo
def test_wangs_bootstraps(measured: Callable[..., None]) -> None:
    """For Wang (2015) all rows are used, with 4,000 draws at his thresholds.

    His third p-value agrees only if thresholds may be neighbours in the draws.
    """
    printed = PRINTED["xthreg"]
    grid = np.unique(np.append(hansens_grid(), printed["thresholds"]))
    his = make_program(grid, T * (N - 1), drop=False)
    at = [int(np.searchsorted(grid, g)) for g in printed["thresholds"]]

    def apart(width: int) -> Callable[[Sequence[int]], Array]:
        place = np.arange(grid.size)
        return lambda fixed: np.all(
            [np.abs(place - p) > width for p in [-999, *fixed]], axis=0
        )

    def checked(j: int, width: int) -> dict[str, bool]:
        draws = his.draws(at[: j - 1], apart(width), np.random.default_rng(j), 4_000)
        f, p, critical = (
            printed["F"][j - 1],
            printed["p"][j - 1],
            printed["critical"][j - 1],
        )
        verdicts = agree(draws, f, p, critical)
        name = {0: "3, neighbours allowed", 20: "3, apart"}.get(width, str(j))
        row = printed_beside_drawn(
            "Wang (2015)", name, (p, critical), draws, f, all(verdicts.values())
        )
        measured("bootstraps_of_hansen_and_wang", row)
        return verdicts

    assert all(checked(1, 4).values())
    assert all(checked(2, 4).values())
    assert all(checked(3, 0).values())
    distant = checked(3, 20)
    assert not any(distant[key] for key in ("p", "0.9", "0.95"))


@pytest.mark.further
def test_settings_of_xthreg_as_near_as_they_come() -> None:
    """The docs' snippet: all candidates for its list, the rest as in xthreg."""
    spec = SPEC.replace(
        n_thresholds=3, trim=(0.01, 0.01, 0.05), df="xthreg", rule="<",
        bootstrap="hansen", reps=300,
        cov_type="unadjusted", ssc="xtreg",
    )  # fmt: skip
    results = spec.fit(firms(), rng=1999)
    wanted = PRINTED["xthreg"]["nearest settings"]
    columns_ = ["estimate", "ssr", "F", "p_value"]
    np.testing.assert_allclose(
        results.thresholds[columns_].round(4), wanted["rows"], atol=1e-9
    )
    assert results.df == 7896
    back = firms().attach((results.regime - 1).rename("_cat"))
    assert back.frame["_cat"].value_counts().sort_index().tolist() == wanted["regimes"]


# --- pdR and pyxthreg -----------------------------------------------------------------


def test_the_triple_test_of_pdr_has_one_threshold_in_its_null() -> None:
    """A loop that should add a block for each fixed threshold adds the last only."""
    his, got, printed = program(), stages(), PRINTED["pdR"]
    last, _ = his.profile([max(got.places[:2])], 0.05)
    assert (last / got.ssr[3] - 1) * N * T == pytest.approx(printed["F3"], abs=0.05)
    assert (got.nulls[2] / got.ssr[3] - 1) * N * T == pytest.approx(
        printed["F3 by its scaling"], abs=0.005
    )
    first, _ = his.profile([min(got.places[:2])], 0.05)
    assert abs((first / got.ssr[3] - 1) * N * T - printed["F3"]) > 10
    # All draws of the right null that would be as large:
    assert printed["F3"] > PRINTED["program"]["critical"][2][2]


def pyxthreg_grid(trim: float, count: int) -> Array:
    """Evenly spaced positions among distinct values between order statistics.

    There are two of these.
    """
    q = np.sort(table()["d1"])
    cut = int(np.floor(ROWS * trim))
    distinct = np.unique(q)
    kept = distinct[(distinct >= q[cut]) & (distinct <= q[ROWS - 1 - cut])]
    return np.asarray(
        kept[np.round(np.arange(count) * (kept.size - 1) / (count - 1)).astype(int)]
    )


def test_the_grid_of_pyxthreg_meets_the_minimum_by_luck() -> None:
    printed = PRINTED["pyxthreg"]
    got = {}
    for trim, count in ((0.01, 300), (0.01, 391), (0.01, 400), (0.05, 300)):
        grid = pyxthreg_grid(trim, count)
        got[f"{trim} {count}"] = round(float(profile((), tuple(grid)).min()), 5)
    assert got == printed["ssr by trim and grid"]
    ours = OWN["one-way"]["ssr"][1]
    assert ours <= min(got.values()) + 5e-6
    assert ours < PRINTED["xthreg"]["ssr"][1] < printed["ssr"]
    # Our own grids are no better: they are for replication.
    assert SPEC.replace(grid=400).fit(firms()).ssr[1] > ours + 1e-3


def test_the_draws_of_pyxthreg_are_single_rows_times_normal_numbers() -> None:
    """Its seed is fixed, so that its output can be had to the digit without it."""
    printed = PRINTED["pyxthreg"]["300 points, trim .01"]
    grid = pyxthreg_grid(0.01, 300)
    y = within(table()["i"])[:, 0]
    basis, rest = basis_and_rest(within(columns()), y)
    block = within(lows(grid, "<=").T)
    block -= basis @ (basis.T @ block)
    counts = np.array([min(below(g), ROWS - below(g)) for g in grid])
    noise = np.random.RandomState(42).normal(0, 1, size=(300, ROWS))
    drawn = within((rest * noise).T.copy())
    inside = basis.T @ drawn
    s0 = (drawn**2).sum(axis=0) - (inside**2).sum(axis=0)
    gain = (block.T @ drawn) ** 2 / (block**2).sum(axis=0)[:, None]
    s1 = s0 - gain[counts >= int(0.01 * ROWS)].max(axis=0)
    f = (s0 / s1 - 1) * T * (N - 1)
    value = (ssr(()) / profile((), tuple(grid)).min() - 1) * T * (N - 1)
    assert value == pytest.approx(printed["F"], abs=6e-4)
    assert (f >= value).mean() == pytest.approx(printed["p"])
    np.testing.assert_allclose(np.quantile(f, LEVELS), printed["critical"], atol=0.01)
    reference = PRINTED["pyxthreg"]
    assert (f >= value).mean() == pytest.approx(reference["p"], abs=0.015)
    np.testing.assert_allclose(
        np.quantile(f, LEVELS[:2]), reference["critical"][:2], rtol=0.02
    )


# --- is there a threshold in these data? ----------------------------------------------


@dataclass
class Errors:
    """What the test of the first threshold rests on."""

    cash: Array  # c1 within firms
    rest: Array  # residual without a threshold
    cuts: Array
    by_firm: Array  # variance of the score over what F divides by, at each candidate
    by_row: Array


@cache
def errors() -> Errors:
    design = within(columns())
    basis, rest = basis_and_rest(design, within(table()["i"])[:, 0])
    values = admissible((), 0.01)
    firm, row = [], []
    for part in np.array_split(np.array(values), 100):
        block = within(lows(part, "<=").T)
        block -= basis @ (basis.T @ block)
        scores = block * rest[:, None]
        usual = rest @ rest / (ROWS - N) * (block**2).sum(axis=0)
        firm.append((scores.reshape(N, T, -1).sum(axis=1) ** 2).sum(axis=0) / usual)
        row.append((scores**2).sum(axis=0) / usual)
    return Errors(
        design[:, 5], rest, np.array(values), np.concatenate(firm), np.concatenate(row)
    )


@pytest.mark.further
def test_the_variance_of_the_residual_rises_with_cash_flow() -> None:
    wanted, got = GOLDEN["paradox"], errors()
    squared, z2 = got.rest**2, got.cash**2
    tenth = pd.qcut(np.abs(got.cash), 10, labels=False)
    means = pd.Series(squared).groupby(tenth).mean().to_numpy()
    shares = pd.Series(z2).groupby(tenth).sum().to_numpy() / z2.sum()
    np.testing.assert_allclose(means, wanted["mean square by tenth of |c1|"], atol=6e-6)
    assert shares[-1] == pytest.approx(wanted["top tenth's share of squares"], abs=6e-4)
    design = np.column_stack([np.ones(ROWS), z2])
    bread = np.linalg.inv(design.T @ design)
    slope = bread @ (design.T @ squared)
    left = squared - design @ slope
    sums = (design * left[:, None]).reshape(N, T, 2).sum(axis=1)
    t = slope[1] / np.sqrt((bread @ (sums.T @ sums) @ bread)[1, 1])
    assert [slope[1], t] == pytest.approx(
        wanted["regression of e2 on c1 squared"], rel=1e-3
    )


@pytest.mark.further
def test_f_divides_by_a_variance_three_times_too_small() -> None:
    wanted, got = GOLDEN["paradox"], errors()
    at = int(np.flatnonzero(got.cuts == 0.0157)[0])
    assert got.by_firm[at] == pytest.approx(
        wanted["variance ratio"]["at .0157"], rel=1e-6
    )
    assert got.by_row[at] == pytest.approx(
        wanted["variance ratio"]["at .0157, rows alone"], rel=1e-6
    )
    assert np.median(got.by_firm) == pytest.approx(
        wanted["variance ratio"]["median"], rel=1e-6
    )
    assert got.by_firm.max() == pytest.approx(
        wanted["variance ratio"]["largest"], rel=1e-6
    )
    assert (
        got.cuts[got.by_firm > 7].min()
        > wanted["variance ratio"]["above 7 only beyond"]
    )
    results = SPEC.replace(bootstrap="wild_score", reps=99).fit(firms(), rng=1)
    score = (ssr(()) - OWN["one-way"]["ssr"][1]) / ssr(()) * (ROWS - N)
    assert results.tests["value"][0] == pytest.approx(score / got.by_firm[at], rel=1e-6)


@pytest.mark.further
def test_the_largest_f_of_wild_draws_is_at_the_far_end_of_debt() -> None:
    wanted, got, rng = (
        GOLDEN["paradox"]["largest F above .5"],
        errors(),
        np.random.default_rng(3),
    )
    grid = hansens_grid()
    all_rows = make_program(grid, N * (T - 1), drop=False)
    drawn = {
        "wild_cluster": rng.choice([-1.0, 1.0], (1000, N)).repeat(T, axis=1) * got.rest,
        "hansen": got.rest.reshape(N, T)[rng.integers(0, N, (1000, N))].reshape(
            1000, ROWS
        ),
    }
    for word, y in drawn.items():
        best = ((y @ all_rows.block) ** 2 / np.diag(all_rows.gram)).argmax(axis=1)
        assert (grid[best] > 0.5).mean() == pytest.approx(wanted[word], abs=0.05)
    assert (table()["d1"] > 0.5).mean() == pytest.approx(wanted["rows"], abs=5e-4)


@pytest.mark.further
def test_exchange_forgets_the_variance_and_the_wild_draws_keep_it(
    measured: Callable[..., None],
) -> None:
    """p-values of the test of one threshold on Hansen's data, by the trim.

    The trim is the share of rows that each regime keeps. Firm effects, 999 draws. The
    last column is the share of the `wild_cluster` draws, none of which has a threshold,
    that exceed the 5% critical value of `hansen`.
    """
    wanted = GOLDEN["paradox"]["by trim"]
    words = ("wild_cluster", "wild_score", "hansen")
    for trim, row in wanted.items():
        results = SPEC.replace(bootstrap=words, trim=float(trim), reps=999).fit(
            firms(), rng=1999
        )
        assert near_many(results.tests["p_value"].to_numpy(), row["p of 9,999"], 9999)
        beyond = (results.statistic_draws[0, 0] > row["hansen crit_5"]).mean()
        p = dict(zip(words, results.tests["p_value"].tolist(), strict=True))
        measured(
            "p_values_by_trim_on_data_of_hansen",
            {"trim": trim.lstrip("0"), **p, "beyond": float(beyond)},
        )
        assert beyond == pytest.approx(row["wild draws beyond it"], abs=0.06)


@pytest.mark.further
def test_the_answer_hangs_on_few_firms(measured: Callable[..., None]) -> None:
    """The test of one threshold on Hansen's data, without some firms.

    The firms whose cash flow varies most are left out. Firm effects, trim .01, 999
    draws. The second column is the share of these firms in the sum of squares of cash
    flow around the means of firms.
    """
    got, data, wanted = errors(), table(), GOLDEN["paradox"]["without firms"]
    spread = (got.cash**2).reshape(N, T).sum(axis=1)
    order = np.argsort(-spread)
    ids = data["id"][::T]
    assert [ids[order[0]], round(spread[order[0]] / spread.sum(), 2)] == wanted["first"]
    block = within(lows([0.0157], "<=").T)[:, 0]
    _, block = basis_and_rest(within(columns()), block)
    scores = np.sort((block * got.rest).reshape(N, T).sum(axis=1) ** 2)[::-1]
    told = (
        SPEC.replace(n_thresholds=2, bootstrap="wild_cluster", reps=199)
        .fit(firms(), rng=1)
        .diagnostics
    )
    shares = [note.data["share"] for note in told if note.code == "concentration"]
    assert shares[0] == pytest.approx(scores[:5].sum() / scores.sum(), rel=1e-6)
    assert np.round(shares, 2).tolist() == wanted["five firms' share of squared scores"]
    frame = pd.read_csv(DATA)
    spec = SPEC.replace(bootstrap=("wild_cluster", "wild_score", "hansen"), reps=999)
    for row in wanted["rows"]:
        gone = order[: row["left out"]]
        share = float(spread[gone].sum() / spread.sum())
        assert share == pytest.approx(row["share of squares"], abs=6e-3)
        kept = Panel(frame[~frame["id"].isin(ids[gone])], "id", "year")
        results = spec.fit(kept, rng=1999)
        cells = {
            "firms left out": row["left out"],
            "their share": f"{share:.2f}".lstrip("0"),
        }
        cells |= {
            "estimate": f"{results.estimates[0]:.5f}".lstrip("0"),
            "F": f"{results.statistics[0]:.1f}",
        }
        cells |= dict(
            zip(
                results.tests["bootstrap"],
                results.tests["p_value"].tolist(),
                strict=True,
            )
        )
        measured("p_values_without_firms_on_data_of_hansen", cells)
        assert results.estimates[0] == row["estimate"]
        assert near_many(results.tests["p_value"].to_numpy(), row["p of 1,999"], 1999)


def ratio_by_hand(cuts: Sequence[float], j: int, without: int | None = None) -> float:
    """Hansen's (2000) variance ratio at one threshold of several, from residuals."""
    data = table()
    debt, rows = (
        data["d1"],
        np.ones(ROWS) if without is None else 1.0 * (data["id"] != without),
    )
    regime = np.searchsorted(np.sort(cuts), debt, side="left")
    blocks = data["c1"][:, None] * (regime[:, None] == range(len(cuts) + 1))
    design = within(np.column_stack([columns()[:, :5], blocks]))
    y = within(data["i"])[:, 0]
    slopes = np.linalg.lstsq(design, y, rcond=None)[0]
    e2 = (y - design @ slopes) ** 2
    free = (
        1
        - 1 / T
        - np.einsum("ij,ij->i", design @ np.linalg.inv(design.T @ design), design)
    )
    low = 5 + int(np.flatnonzero(np.sort(cuts) == cuts[j])[0])
    jump = ((slopes[low] - slopes[low + 1]) * data["c1"]) ** 2
    ranks = (stats.rankdata(debt) - 0.5) / ROWS
    curve = np.polyfit(ranks, jump * e2, 2)
    spread = np.mean((jump * e2 - np.polyval(curve, ranks)) ** 2)
    width = min((15 * spread / (4 * ROWS * curve[0] ** 2)) ** 0.2, 1.0)
    near = (
        np.maximum(1 - ((ranks - (debt <= cuts[j]).mean()) / width) ** 2, 0)
        * jump
        * rows
    )
    return float(near @ e2 / (near @ free) / (e2.sum() / (ROWS - N)))


def test_one_firm_makes_the_default_set_everything() -> None:
    scaled = SPEC.replace(confidence="scaled")
    results = scaled.fit(firms())
    ratio = results.variance_ratios[0]
    assert ratio == pytest.approx(ratio_by_hand([0.0157], 0), rel=1e-9)
    assert results.critical_value() == pytest.approx(critical_lr(0.95) * ratio)
    assert (
        results.critical_value()
        > results.statistics[0]
        > results.profile()["lr"].max() - 1e-9
    )
    assert results.confidence_set() == [(0.0, 0.92418)]
    notices = {n.code: n.data for n in results.diagnostics}
    assert notices["ratio_concentrated"]["entities"] == (538,)
    assert round(notices["ratio_concentrated"]["share"], 2) == 0.90
    assert notices["boundary"]["whole"]
    words = " ".join(results.summary().split())
    assert (
        "LR <= 7.35 x 7.00 = 51.5; the set contains every candidate, because "
        "51.5 > F = 32.8"
    ) in words
    assert "(lr, LR <= 7.35): 0.01246 to 0.01298; 0.01394 to 0.01806" in words
    two_way = scaled.replace(time_effects=True).fit(firms()).variance_ratios[0]
    assert [round(ratio, 2), round(two_way, 2)] == [7.00, 6.92]
    pair = scaled.replace(n_thresholds=2).fit(firms())
    assert pair.variance_ratios[1] == pytest.approx(
        ratio_by_hand([0.0157, 0.54003], 1), rel=1e-9
    )
    assert round(pair.variance_ratios[1], 2) == 1.43
    pieces_ = pair.confidence_set(2)
    assert [len(pieces_), pieces_[0][0], pieces_[-1][1]] == [8, 0.51721, 0.92418]
    # The firm with the largest swings of cash flow: never in debt, and five sixths of
    # the numerator.
    data, swings = table(), (errors().cash ** 2).reshape(N, T).sum(axis=1)
    first = int(data["id"][::T][swings.argmax()])
    assert first == 538
    assert (data["d1"][data["id"] == first] == 0).all()
    assert ratio_by_hand([0.0157], 0, first) < 1.4


@pytest.mark.montecarlo
def test_the_drawn_set_keeps_four_fifths_of_the_candidates(
    measured: Callable[..., None],
) -> None:
    """The 95% confidence set of the first threshold on Hansen's data.

    It is computed with `confidence="bootstrap"`. Firm effects, trim .01, 999 draws. The
    share is that of the candidates that are in the set.
    """
    results = SPEC.replace(confidence="bootstrap").fit(firms(), rng=1999)
    frame, pieces_ = results.profile(), results.confidence_set()
    share = float((frame["lr"] <= frame["critical"]).mean())
    low, high = (f"{end:.5f}".lstrip("0") for end in pieces_[0])
    row = {
        "share of candidates": share,
        "pieces": len(pieces_),
        "first piece": f"{low} to {high}",
    }
    measured("drawn_set_on_data_of_hansen", row)
    assert share == pytest.approx(0.80, abs=0.005)
    assert [len(pieces_), *pieces_[0]] == [8, 0.0, 0.33477]


@pytest.mark.montecarlo
@pytest.mark.parametrize("kind", ["tenths", "one variance"])
def test_size_on_hansens_regressors(kind: str, measured: Callable[..., None]) -> None:
    """Share of 200 panels in which a test of no threshold rejects at 5%.

    The regressors are Hansen's. There is no threshold, and the errors are independent
    and normal. Their variance is that of Hansen's residuals, by tenth of the absolute
    cash flow around its firm's mean ("tenths") or over all rows. Each test has 199
    draws.
    """
    got, frame = errors(), pd.read_csv(DATA)
    tenth = pd.qcut(np.abs(got.cash), 10, labels=False)
    by_tenth = pd.Series(got.rest**2).groupby(tenth).mean().to_numpy()[tenth]
    sd = np.sqrt(by_tenth if kind == "tenths" else np.full(ROWS, (got.rest**2).mean()))
    line = frame["i"].to_numpy() - got.rest
    spec = SPEC.replace(bootstrap=("wild_cluster", "wild_score", "hansen"), reps=199)
    rng, panels, rejected = np.random.default_rng(7), 200, np.zeros(3)
    for _ in range(panels):
        drawn = Panel(frame.assign(i=line + sd * rng.normal(size=ROWS)), "id", "year")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DigiprosperWarning)
            rejected += spec.fit(drawn, rng=rng).tests["p_value"].to_numpy() <= 0.05
    wild, wald, exchange = (rejected / panels).tolist()
    row = {
        "variance": kind,
        "wild_cluster": wild,
        "wild_score": wald,
        "hansen": exchange,
    }
    measured("size_on_regressors_of_hansen", row)
    assert wild < 0.10
    assert wald < 0.10
    assert (exchange > 0.15) if kind == "tenths" else (exchange < 0.10)


@pytest.mark.further
def test_the_code_of_the_page_prints_what_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the page's order, in one session; blanks at the end do not count."""
    monkeypatch.chdir(DATA.parent)
    blocks = re.findall(
        r"```python\n(.*?)```\n\n```text\n(.*?)\n```", PAGE, flags=re.DOTALL
    )
    assert (
        len(blocks)
        == PAGE.count("```python")
        == PAGE.count("```text")
        == PAGE.count("```") / 4
    )
    names = dict[str, Any]()
    for code, wanted in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        assert [
            line.rstrip() for line in printed.getvalue().splitlines()
        ] == wanted.splitlines()
    loose = names["spec"].replace(confidence="scaled", bootstrap=None).fit(firms())
    told = [
        [n for n in fit.diagnostics if n.code == "boundary"]
        for fit in (names["results"], loose, names["at_thresholds"])
    ]
    assert [[n.data["threshold"] for n in notices] for notices in told] == [
        [3],
        [1, 3],
        [],
    ]
