"""The panels that the certificate draws, and what one of them shows."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from digiprosper import DigiprosperWarning, Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Array = npt.NDArray[Any]
Rng = np.random.Generator
MISSING = ", 10% missing"
DESIGNS = ("AR", "skew", "hetx")


class Cell(NamedTuple):
    """The size of a panel and how it is drawn."""

    n: int
    t: int
    design: str

    @property
    def errors(self) -> str:
        """Name the errors and regressors, without what is missing."""
        return self.design.removesuffix(MISSING)


class Trial(NamedTuple):
    """What one panel shows of a test, or of an interval as the test of the truth.

    P-values may be arrays, of several intervals. The statistic is the one that the
    p-value belongs to, larger where it rejects more; missing where there is no power.
    """

    p: float | Array
    statistic: float = float("nan")
    others: Mapping[str, float | Array] = {}
    noticed: bool = False


@dataclass(frozen=True)
class Study:
    """Statistics that one call of `draw` shows together.

    `draw(rng, cell, effect)` draws a panel and returns a trial for each name of `rows`;
    with an effect of zero the hypotheses are true. `effects` are those of power, by
    design, in a panel of 31 x 10.
    """

    rows: Mapping[str, str]  # "size" or "coverage" by name of the statistic
    draw: Callable[[Rng, Cell, float], Mapping[str, Trial]]
    cells: Sequence[Cell]
    about: str
    outside: str = ""
    effects: Mapping[str, float] = field(default_factory=dict)
    reps: int = 1000
    # Why power is below that of the test with its true critical value
    weaker: str = ""

    def effect(self, cell: Cell) -> float:
        """Return the effect of power, zero where power is not measured."""
        first = cell.design.partition(",")[0]
        actual = self.effects.get(cell.design, self.effects.get(first, 0.0))
        return float(actual and actual * np.sqrt(31 * 9 / (cell.n * (cell.t - 1))))

    def reps_of(self, cell: Cell) -> int:
        """Return the number of panels: half as many where there are not 31 entities."""
        return self.reps if cell.n == 31 else self.reps // 2


def cells(
    designs: Sequence[str] = DESIGNS,
    sizes: Sequence[int] = (31, 100, 15),
    periods: Sequence[int] = (10, 8, 20),
    *,
    missing: bool = True,
) -> list[Cell]:
    """List all sizes and designs, and an unbalanced one of 31 x 10."""
    actual = [Cell(n, t, d) for n, t, d in itertools.product(sizes, periods, designs)]
    return [*actual, Cell(31, 10, designs[0] + MISSING)] if missing else actual


def autoregressive(rng: Rng, n: int, t: int, phi: float) -> Array:
    """Draw stationary normal series (n, t) of variance one."""
    values = rng.normal(size=(n, t))
    for period in range(1, t):
        values[:, period] = (
            phi * values[:, period - 1] + np.sqrt(1 - phi**2) * values[:, period]
        )
    return values


def regressor(rng: Rng, cell: Cell) -> Array:
    """Draw a regressor (n, t): normal, or under "skew" persistent and lognormal."""
    if cell.errors == "skew":
        return np.exp(autoregressive(rng, cell.n, cell.t, 0.8))
    return autoregressive(rng, cell.n, cell.t, 0.6)


def errors(rng: Rng, cell: Cell, x: Array) -> Array:
    """Draw errors (n, t) with an autocorrelation of .6.

    Under "skew" variances differ between entities, under "hetx" they rise with a
    regressor x and the innovations are chi-squared.
    """
    if cell.errors == "hetx":
        drawn = (rng.chisquare(3, size=(cell.n, cell.t)) - 3) / np.sqrt(6)
        return drawn * np.exp(0.5 * x)
    drawn = autoregressive(rng, cell.n, cell.t, 0.6)
    scale = np.exp(0.5 * rng.normal(size=(cell.n, 1)))
    return drawn * scale if cell.errors == "skew" else drawn


def panel_of(rng: Rng, cell: Cell, columns: Mapping[str, Array]) -> Panel:
    """Make a panel of columns (n, t) or (n,); where named, a tenth is missing."""
    index = {"i": np.repeat(np.arange(cell.n), cell.t)}
    index["t"] = np.tile(np.arange(cell.t), cell.n)
    values = {
        name: (column if column.ndim == 2 else np.repeat(column, cell.t)).ravel()
        for name, column in columns.items()
    }
    frame = pd.DataFrame({**index, **values})
    if cell.design.endswith(MISSING):
        frame = frame[rng.random(len(frame)) >= 0.1]
    return Panel(frame, "i", "t")


def quiet(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call without the library's warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return function(*arguments, **options)


# What every fit of a small panel says, or that does not concern its errors.
_USUAL = {"few_clusters", "few_draws", "masking", "concentration"}


def has_notice(result: Any) -> bool:
    """Whether a result has a notice beside those of every small panel."""
    return any(notice.code not in _USUAL for notice in result.diagnostics)


def inside(low: Any, truth: float, high: Any) -> Array:
    """Turn intervals into p-values: one where they hold the truth, zero elsewhere."""
    low, high = np.atleast_1d(low).astype(float), np.atleast_1d(high).astype(float)
    there = np.isfinite(low) & np.isfinite(high)
    held = ((low <= truth) & (truth <= high)).astype(float)
    return np.asarray(np.where(there, held, np.nan))
