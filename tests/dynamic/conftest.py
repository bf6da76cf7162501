"""Random panels with gaps, and GMM written out row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

Cells = dict[tuple[int, int], float]


def balanced(seed: int, entities: int = 14, periods: int = 7) -> pd.DataFrame:
    """Draw a panel without gaps."""
    rng = np.random.default_rng(seed)
    y = np.zeros((entities, periods))
    x, w, e = rng.normal(size=(3, entities, periods))
    effect = rng.normal(size=entities)
    y[:, 0] = effect + e[:, 0]
    for t in range(1, periods):
        w[:, t] += 0.5 * e[:, t]
        y[:, t] = 0.5 * y[:, t - 1] + x[:, t] - w[:, t] + effect + e[:, t]
    frame = pd.DataFrame(
        {
            "i": np.repeat(np.arange(entities), periods),
            "t": np.tile(np.arange(2000, 2000 + periods), entities),
            "y": y.ravel(),
            "x": x.ravel(),
            "w": w.ravel(),
        }
    )
    frame["region"] = frame["i"] // 2
    return frame


def gapped(seed: int, entities: int = 14, periods: int = 7) -> pd.DataFrame:
    """Draw a panel in which a sixth of the rows, and some values, are missing."""
    frame = balanced(seed, entities, periods)
    rng = np.random.default_rng(seed + 100)
    frame.loc[rng.random(len(frame)) < 0.05, "x"] = np.nan
    frame.loc[rng.random(len(frame)) < 0.05, "y"] = np.nan
    return frame[rng.random(len(frame)) > 0.15].reset_index(drop=True)


@pytest.fixture
def frame() -> pd.DataFrame:
    return gapped(1)


@dataclass
class Written:
    """Moments of one entity after another, from its rows."""

    entities: list[int]
    names: list[Any]
    z: list[np.ndarray]
    x: list[np.ndarray]
    y: list[np.ndarray]
    h: list[np.ndarray]
    dx: list[dict[int, np.ndarray]]
    dy: list[dict[int, float]]

    def step(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        zx = sum(z.T @ x for z, x in zip(self.z, self.x, strict=True))
        zy = sum(z.T @ y for z, y in zip(self.z, self.y, strict=True))
        bread = np.linalg.inv(zx.T @ weight @ zx)
        return bread @ zx.T @ weight @ zy, bread, bread @ zx.T @ weight

    def moments(self, b: np.ndarray) -> np.ndarray:
        return np.array(
            [z.T @ (y - x @ b) for z, x, y in zip(self.z, self.x, self.y, strict=True)]
        )

    def second_weight(self, b: np.ndarray, clusters: np.ndarray) -> np.ndarray:
        moments = self.moments(b)
        sums = [moments[clusters == c].sum(axis=0) for c in np.unique(clusters)]
        return np.linalg.inv(sum(np.outer(s, s) for s in sums))

    def first_weight(self) -> np.ndarray:
        return np.linalg.inv(
            sum(z.T @ h @ z for z, h in zip(self.z, self.h, strict=True))
        )

    def autocorrelation(
        self, b: np.ndarray, influence: np.ndarray, covariance: np.ndarray, order: int
    ) -> float:
        """Compute m_j of Arellano & Bond (1991, equation 8)."""
        total, squares, cross, slope = 0.0, 0.0, 0.0, 0.0
        for dx, dy, moment in zip(self.dx, self.dy, self.moments(b), strict=True):
            residual = {t: dy[t] - dx[t] @ b for t in dy}
            pairs = [t for t in dy if t - order in dy]
            product = sum(residual[t - order] * residual[t] for t in pairs)
            total += product
            squares += product**2
            cross = cross + moment * product
            slope = slope + sum(residual[t - order] * dx[t] for t in pairs)
        variance = squares - 2 * slope @ influence @ cross + slope @ covariance @ slope
        return float(total / np.sqrt(variance))


def written_out(  # noqa: C901, PLR0915
    frame: pd.DataFrame,
    *,
    system: bool = False,
    collapse: bool = True,
    endogenous: bool = False,
    first: int = 2,
    last: int = 99,
    orthogonal: bool = False,
) -> Written:
    """Write instruments, regressors and outcome of each entity row by row.

    The model has one lag, x exogenous, w endogenous or exogenous, and dummies of
    periods. Entities without rows are left out.
    """
    columns: dict[str, Cells] = {
        name: {
            (i, t): v
            for i, t, v in frame[["i", "t", name]].itertuples(index=False)
            if np.isfinite(v)
        }
        for name in ("y", "x", "w")
    }
    y = columns["y"]
    complete = {
        (i, t)
        for i, t in frame[["i", "t"]].itertuples(index=False)
        if all((i, t) in columns[n] for n in columns) and (i, t - 1) in y
    }
    periods = sorted({t for _, t in complete})
    lagged = {"y": y, **({"w": columns["w"]} if endogenous else {})}

    def regressors(i: int, t: int) -> np.ndarray:
        dummies = [float(t == p) for p in periods[1:]]
        values = [y[i, t - 1], columns["w"][i, t], columns["x"][i, t]]
        return np.array([*values, *([1.0] if system else []), *dummies])

    def changes(i: int, t: int) -> dict[int, float]:
        """Weights of periods in the transformed row at t; empty without one."""
        if not orthogonal:
            both = {(i, t), (i, t - 1)} <= complete
            return {t: 1.0, t - 1: -1.0} if both else {}
        later = [s for s in periods if s >= t and (i, s) in complete]
        if (i, t - 1) not in complete or not later:
            return {}
        scale = np.sqrt(len(later) / (len(later) + 1))
        return {t - 1: scale, **{s: -scale / len(later) for s in later}}

    out = Written([], [], [], [], [], [], [], [])
    for i in sorted({i for i, _ in complete}):
        rows: list[tuple[str, int, dict[int, float]]] = [
            ("t", t, changes(i, t)) for t in range(2000, 2030) if changes(i, t)
        ]
        if system:
            rows += [("l", t, {t: 1.0}) for t in periods if (i, t) in complete]
        if not rows:
            continue
        out.entities.append(i)
        z, x, outcome = [], [], []
        for kind, t, weights in rows:
            row = sum(c * regressors(i, s) for s, c in weights.items())
            if system and kind == "t":
                row[3] = 0.0
            x.append(row)
            outcome.append(sum(c * y[i, s] for s, c in weights.items()))
            entries: dict[Any, float] = {}
            for name, values in lagged.items():
                if kind == "t":
                    for lag in range(first, min(last, 20) + 1):
                        key = (name, lag, None if collapse else t)
                        entries[key] = values.get((i, t - lag), 0.0)
                elif (i, t - first + 1) in values and (i, t - first) in values:
                    key = (name, "level", None if collapse else t)
                    entries[key] = values[i, t - first + 1] - values[i, t - first]
            begin = 2 if endogenous else 1
            for position, value in enumerate(row[begin:]):
                entries["own", position] = value
            z.append(entries)
        out.z.append(z)  # type: ignore[arg-type]
        out.x.append(np.array(x))
        out.y.append(np.array(outcome))
        out.h.append(covariance_of_rows(rows, orthogonal=orthogonal))
        pairs = [t for t in periods if {(i, t), (i, t - 1)} <= complete]
        dx = {t: regressors(i, t) - regressors(i, t - 1) for t in pairs}
        out.dx.append(dx)
        out.dy.append({t: y[i, t] - y[i, t - 1] for t in pairs})
    return with_arrays(out)


def covariance_of_rows(
    rows: list[tuple[str, int, dict[int, float]]], *, orthogonal: bool
) -> np.ndarray:
    """Covariance of the errors of rows if errors are independent with variance one."""
    if orthogonal:
        return np.eye(len(rows))
    return np.array(
        [
            [sum(a.get(t, 0.0) * c for t, c in b.items()) for _, _, b in rows]
            for _, _, a in rows
        ]
    )


def with_arrays(written: Written) -> Written:
    """Make arrays of the instruments, without empty and repeated columns."""
    keys = list(dict.fromkeys(k for z in written.z for row in z for k in row))
    arrays = [
        np.array([[row.get(k, 0.0) for k in keys] for row in z]) for z in written.z
    ]
    stacked = np.vstack(arrays)
    kept: list[int] = []
    for j in range(len(keys)):
        if np.linalg.matrix_rank(stacked[:, [*kept, j]]) == len(kept) + 1:
            kept.append(j)
    written.names = [keys[j] for j in kept]
    written.z = [z[:, kept] for z in arrays]
    return written
