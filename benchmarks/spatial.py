"""Effects of a two-way spatial Durbin model beside spreg: ratios of CPU time.

The ratios are of the least times in one run. Ours: estimates, observed covariance, and
direct, indirect and total effects of four regressors with errors by the delta method,
from a panel and weights that are there; also with weights made anew in every run, whose
eigenvalues are then not known from a fit before. spreg has no errors of effects and no
time effects: periods are dummies, and spatial lags of the regressors are columns.
Beside `ML_LagFE`, which prints effects, there is `Panel_FE_Lag`, which has none.
Estimates and likelihood are compared before anything is timed.

Needs the group `spreg`, which brings geopandas, in an environment of its own:

    python -m venv .venv-spreg
    .venv-spreg/bin/python -m pip install --editable . --group spreg
    OMP_NUM_THREADS=1 .venv-spreg/bin/python benchmarks/spatial.py
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper import Panel

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
X = ["a", "b", "c", "d"]
# Least time of spreg over ours.
TARGETS = {(31, 12): 4.0, (280, 15): 8.0}
RUNS = 40


class Case(NamedTuple):
    """One data set: links, panel, spreg's columns by period and then entity."""

    links: np.ndarray
    panel: Panel
    y: np.ndarray
    x: np.ndarray


def simulated(n: int, periods: int) -> Case:
    """Draw a spatial lag model with two-way effects, about five neighbours each."""
    from digiprosper import Panel

    rng = np.random.default_rng(3)
    links = (rng.uniform(size=(n, n)) < 5 / n) * rng.uniform(size=(n, n))
    np.fill_diagonal(links, 0)
    links[np.arange(n), (np.arange(n) + 1) % n] += 0.3
    links = np.maximum(links, links.T)
    row = links / links.sum(axis=1, keepdims=True)
    x = rng.normal(size=(n, periods, len(X)))
    fixed = rng.normal(size=(n, 1)) + rng.normal(size=periods)
    signal = x.sum(axis=2) + fixed + rng.normal(size=(n, periods))
    y = np.linalg.solve(np.eye(n) - 0.4 * row, signal)

    frame = pd.DataFrame(x.reshape(-1, len(X)), columns=X)
    frame = frame.assign(
        y=y.ravel(), city=np.repeat(range(n), periods), year=np.tile(range(periods), n)
    )
    lags = np.einsum("ij,jtk->itk", row, x)
    dummies = np.repeat(np.eye(periods)[:, 1:], n, axis=0)
    columns = [part.transpose(1, 0, 2).reshape(n * periods, -1) for part in (x, lags)]
    return Case(
        links,
        Panel(frame, "city", "year"),
        y.T.reshape(-1, 1),
        np.hstack([*columns, dummies]),
    )


def calls_of(case: Case) -> dict[str, Callable[[], Any]]:
    """What is timed; each returns the fit."""
    import libpysal
    import spreg

    from digiprosper import PanelSpatial, SpatialWeights

    entities = case.panel.entities
    weights = SpatialWeights(case.links, entities)
    w = libpysal.weights.util.full2W(case.links)
    w.transform = "r"

    def fit(weights: SpatialWeights, likelihood: str = "adjusted") -> Any:
        fitted = PanelSpatial("y", X, weights, likelihood=likelihood).fit(case.panel)
        fitted.impacts  # noqa: B018
        return fitted

    def quietly(estimator: Callable[..., Any]) -> Callable[[], Any]:
        def run() -> Any:
            with contextlib.redirect_stdout(io.StringIO()):
                return estimator(case.y, case.x, w)

        return run

    return {
        "ours": lambda: fit(weights),
        "ours, unadjusted": lambda: fit(weights, "unadjusted"),
        "ours, new weights": lambda: fit(SpatialWeights(case.links, entities)),
        "ML_LagFE": quietly(spreg.ML_LagFE),
        "Panel_FE_Lag": quietly(spreg.Panel_FE_Lag),
    }


def best(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Take the least CPU time of each call, in turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(RUNS):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    return {name: min(seconds) for name, seconds in times.items()}


def main() -> None:
    """Print every ratio; starts itself again with one thread if need be."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.execve(
            sys.executable,
            [sys.executable, __file__],
            {**os.environ, **dict.fromkeys(THREADS, "1")},
        )
    warnings.simplefilter("ignore")
    for (n, periods), target in TARGETS.items():
        calls = calls_of(simulated(n, periods))
        ours, theirs = calls["ours, unadjusted"](), calls["ML_LagFE"]()
        np.testing.assert_allclose(ours.params["rho"], theirs.rho, atol=1e-6)
        np.testing.assert_allclose(
            ours.params.to_numpy()[1:], theirs.betas.ravel()[: 2 * len(X)], atol=1e-6
        )
        np.testing.assert_allclose(ours.loglik, float(theirs.logll), atol=1e-6)

        least = best(calls)
        ratio = least["ML_LagFE"] / least["ours"]
        print(
            f"{n} x {periods}: ours {1e3 * least['ours']:.2f} ms, ML_LagFE / ours "
            f"{ratio:.1f} (at least {target:g}: "
            f"{'ok' if ratio >= target else 'MISSED'}), Panel_FE_Lag / ours "
            f"{least['Panel_FE_Lag'] / least['ours']:.1f}, ML_LagFE / ours with new "
            f"weights {least['ML_LagFE'] / least['ours, new weights']:.1f}"
        )


if __name__ == "__main__":
    main()
