"""Staggered adoption: pre-trends, averages, paths and bands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import digiprosper as dp
from tests.certificate.designs import (
    Cell,
    Study,
    Trial,
    autoregressive,
    cells,
    has_notice,
    inside,
    panel_of,
    quiet,
)

if TYPE_CHECKING:
    from tests.certificate.designs import Array, Rng

_DESIGNS = ("AR", "random walk, unit variances", "treated twice as noisy")
_ROWS = {
    "Pre-trend test": "size",
    "ATT": "coverage",
    "Path, each point": "coverage",
    "Path, joint band": "coverage",
}


def drawn_errors(rng: Rng, cell: Cell, treated: Array) -> Array:
    """Draw errors (n, t); `treated` (n,) says who is treated."""
    if cell.errors.startswith("random walk"):
        walk = rng.normal(size=(cell.n, cell.t)).cumsum(axis=1)
        return np.asarray(walk * np.exp(0.5 * rng.normal(size=(cell.n, 1))))
    error = autoregressive(rng, cell.n, cell.t, 0.6)
    if cell.errors.startswith("treated twice"):
        error = error * np.where(treated, 2.0, 1.0)[:, None]
    if cell.errors.endswith("controls twice as noisy"):
        error = error * np.where(treated, 1.0, 2.0)[:, None]
    return error


def cohorts(cell: Cell) -> Array:
    """Return first treated times (n,) of two cohorts, infinite if never treated.

    A third of the entities is in each cohort, but for designs that name the number of
    those that are never treated, or treated.
    """
    first = np.full(cell.n, np.inf)
    words = cell.errors.split()
    if words[1:2] == ["never"]:
        size = (cell.n - int(words[0])) // 2
        ends = (size, cell.n - int(words[0]))
    elif words[1:2] == ["treated,"]:
        ends = (int(words[0]) // 2, int(words[0]))
    else:
        ends = (cell.n // 3, 2 * (cell.n // 3))
    first[: ends[0]] = cell.t // 2
    first[ends[0] : ends[1]] = cell.t // 2 + 2
    return first


def staggered_panel(rng: Rng, cell: Cell, effect: float) -> dp.Panel:
    """Draw a panel without effects, or with effects after a trend of the treated."""
    first = cohorts(cell)
    treated = np.isfinite(first)
    since = np.arange(cell.t) - np.where(treated, first, cell.t)[:, None]
    after = since >= 0
    y = drawn_errors(rng, cell, treated) + effect * (
        1.5 * after + 0.75 * np.where(after, 0, since) * treated[:, None]
    )
    event = np.where(treated, first, np.nan)
    return panel_of(rng, cell, {"first": event, "y": y})


def staggered(rng: Rng, cell: Cell, effect: float, estimator: str) -> dict[str, Trial]:
    """Fit a panel, with the usual errors too."""
    panel = staggered_panel(rng, cell, effect)
    spec = dp.StaggeredDid("y", "first", estimator=estimator)  # type: ignore[arg-type]
    fit = quiet(spec.fit, panel)
    usual = quiet(spec.replace(cov_type="influence").fit, panel)
    noticed = has_notice(fit)
    return {
        "Pre-trend test": _pretrend(fit, noticed=noticed),
        "ATT": Trial(
            fit.pvalues["att"],
            abs(float(fit.tstats["att"])),
            {"usual errors": usual.pvalues["att"]},
            noticed,
        ),
        "Path, each point": Trial(
            _held(fit.path), float("nan"), {"usual errors": _held(usual.path)}, noticed
        ),
        "Path, joint band": Trial(
            _all(_held(quiet(fit.event_path, bands="joint"))),
            float("nan"),
            {"all points of the usual path": _all(_held(usual.path))},
            noticed,
        ),
    }


def _pretrend(fit: Any, *, noticed: bool) -> Trial:
    """Read the test; missing where there are too few treated for it."""
    try:
        test = quiet(fit.pretrend_test)
    except dp.OptionError as error:
        if not error.problems or error.problems[0].data.get("option") != "by":
            raise
        return Trial(float("nan"), noticed=True)
    (printed,) = test.alternatives.values()
    others = {"as other programs": printed.p_value}
    return Trial(test.p_value, test.statistic, others, noticed)


def by_event_time(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test effects before treatment averaged by event time."""
    panel = staggered_panel(rng, cell, effect)
    fit = quiet(dp.StaggeredDid("y", "first").fit, panel)
    test = quiet(fit.pretrend_test, "dynamic")
    (printed,) = test.alternatives.values()
    others = {"as other programs": printed.p_value}
    trial = Trial(test.p_value, test.statistic, others, has_notice(fit))
    return {"Pre-trend test, by event time": trial}


def _held(path: Any) -> Array:
    return inside(path["conf_low"], 0.0, path["conf_high"])


def _all(held: Array) -> float:
    return float(np.nanmin(held)) if np.isfinite(held).any() else float("nan")


_ABOUT = (
    "Two cohorts of a third of the entities each, treated in the middle of the period "
    "and two periods later."
)
_OUTSIDE = (
    "Few entities in a cohort with unlike variances: read the joint band and a "
    "randomisation test beside the interval."
)
_FEW = [
    Cell(31, 10, f"{count} never treated{noisy}")
    for noisy in ("", ", controls twice as noisy")
    for count in (1, 2, 3, 5)
]
STUDIES = {
    "staggered": Study(
        _ROWS,
        partial(staggered, estimator="callaway_santanna"),
        cells(_DESIGNS),
        f"`StaggeredDid`, Callaway and Sant'Anna. {_ABOUT}",
        _OUTSIDE,
        {_DESIGNS[0]: 0.4, _DESIGNS[1]: 0.8, _DESIGNS[2]: 0.7},
        reps=600,
    ),
    "pre-trend-by-event-time": Study(
        {"Pre-trend test, by event time": "size"},
        by_event_time,
        cells(_DESIGNS, sizes=(31, 100), periods=(20,), missing=False),
        "`pretrend_test('dynamic')`, where effects by cohort and time may be too many "
        "for the number of treated entities.",
        _OUTSIDE,
        {_DESIGNS[0]: 0.4, _DESIGNS[1]: 0.8, _DESIGNS[2]: 0.7},
        reps=500,
    ),
    "few-never-treated": Study(
        {f"{name}, few never treated": kind for name, kind in _ROWS.items()},
        lambda rng, cell, effect: {
            f"{name}, few never treated": trial
            for name, trial in staggered(rng, cell, effect, "callaway_santanna").items()
        },
        [*_FEW, Cell(31, 10, "6 treated, AR")],
        "`StaggeredDid` with one to five entities that are never treated, or six that "
        "are treated in two cohorts. Each of these fits has a notice.",
        "The average rests on the untreated entities; if their errors are not as "
        "variable as the others', nothing in the data shows it.",
        dict.fromkeys([cell.design for cell in _FEW], 0.7),
        reps=500,
    ),
    "imputation": Study(
        {f"{name}, imputation": kind for name, kind in _ROWS.items()},
        lambda rng, cell, effect: {
            f"{name}, imputation": trial
            for name, trial in staggered(rng, cell, effect, "imputation").items()
        },
        cells(_DESIGNS, sizes=(31,), periods=(10,)),
        f"`StaggeredDid`, imputation. {_ABOUT}",
        _OUTSIDE,
        {_DESIGNS[0]: 0.4, _DESIGNS[1]: 0.8, _DESIGNS[2]: 0.7},
        reps=500,
    ),
    "sun-abraham": Study(
        {f"{name}, Sun and Abraham": kind for name, kind in _ROWS.items()},
        lambda rng, cell, effect: {
            f"{name}, Sun and Abraham": trial
            for name, trial in staggered(rng, cell, effect, "sun_abraham").items()
        },
        cells(_DESIGNS, sizes=(31,), periods=(10,)),
        f"`StaggeredDid`, Sun and Abraham. {_ABOUT}",
        _OUTSIDE,
        {_DESIGNS[0]: 0.4, _DESIGNS[1]: 0.8, _DESIGNS[2]: 0.7},
        reps=500,
    ),
}
