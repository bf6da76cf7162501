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


# Standard deviations of the change of errors from one period to the next, for controls
# and treated.
_STEPS = {"AR": (0.9, 0.9), "random walk": (1.3, 1.3), "treated twice": (0.9, 1.8)}


def differing_trends(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Cover an effect where trends differ by as much as the bound allows."""
    few = cell.design.partition(", 6 treated")[1]
    count = 6 if few else cell.n // 2
    treated = np.arange(cell.n) < count
    start = cell.t // 2
    since = np.arange(cell.t) - start
    error = drawn_errors(rng, cell, treated)
    control, of_treated = next(
        steps for name, steps in _STEPS.items() if cell.errors.startswith(name)
    )
    unit = np.sqrt(of_treated**2 / count + control**2 / (cell.n - count))
    trends = {
        "relative": 4 * unit * (1.0 * (since >= -2) + (since >= 0)),
        "smoothness": unit * (0.5 * since + 2 * np.maximum(since + 1, 0)),
    }
    bounds = {"relative": 1.0, "smoothness": 2 * unit}
    event = np.where(treated, float(start), np.nan)
    path = dp.EventStudy("y", "first", before=start, after=cell.t - start - 1)
    actual = {}
    for restriction, trend in trends.items():
        y = error + (trend + effect * (since >= 0)) * treated[:, None]
        panel = panel_of(rng, cell, {"first": event, "y": y})
        options: dict[str, Any] = {
            "restriction": restriction,
            "bounds": [bounds[restriction]],
        }
        fit = quiet(path.fit, panel)
        of_program = quiet(fit.honest, **options, critical="normal")
        others = {"normal, as R and Stata": _covered(of_program)}
        for word in ("cr2", "crv3"):
            other = quiet(path.replace(cov_type=word).fit, panel)
            others[word.upper()] = _covered(quiet(other.honest, **options))
        intervals = quiet(fit.honest, **options)
        others["usual interval"] = _covered(intervals, 0)
        actual[_HONEST[restriction]] = Trial(
            _covered(intervals), float("nan"), others, has_notice(intervals)
        )
        staggered = dp.StaggeredDid("y", "first", base_period="universal")
        fit = quiet(staggered.fit, panel)
        intervals = quiet(fit.honest, **options)
        printed = quiet(staggered.replace(cov_type="influence").fit, panel)
        others = {"influence functions": _covered(quiet(printed.honest, **options))}
        actual[f"{_HONEST[restriction]}, StaggeredDid"] = Trial(
            _covered(intervals), float("nan"), others, has_notice(intervals)
        )
    return actual


_FITS = ("", ", StaggeredDid")
_HONEST = {
    "relative": "Honest interval, relative",
    "smoothness": "Honest interval, smoothness",
}


def _covered(intervals: Any, number: int = 1) -> float:
    """Return whether the usual interval, or that of the only bound, contains zero."""
    row = intervals.frame.loc[number]
    return float(inside(row["conf_low"], 0.0, row["conf_high"])[0])


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
_WEAKER = (
    "the draws keep the residuals of each entity and change their signs, and "
    "treated entities are few: extreme values are rarer in the data than in the "
    "draws."
)
STUDIES = {
    "staggered": Study(
        _ROWS,
        partial(staggered, estimator="callaway_santanna"),
        cells(_DESIGNS),
        f"`StaggeredDid`, Callaway and Sant'Anna. {_ABOUT}",
        _OUTSIDE,
        {_DESIGNS[0]: 0.4, _DESIGNS[1]: 0.8, _DESIGNS[2]: 0.7},
        reps=600,
        weaker=_WEAKER,
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
        "Effects rest on the untreated entities. With two of them t has so few degrees "
        "of freedom that intervals are too long; where their errors are more variable "
        "than the others', nothing in the data shows it, and bands and tests fail.",
        dict.fromkeys([cell.design for cell in _FEW], 0.7),
        reps=500,
        weaker=_WEAKER,
    ),
    "honest": Study(
        {f"{name}{of}": "coverage" for name in _HONEST.values() for of in _FITS},
        differing_trends,
        [
            Cell(31, 10, f"{design}{few}")
            for few in ("", ", 6 treated")
            for design in _DESIGNS
        ],
        "`honest` of `EventStudy` and `StaggeredDid`: the effect in the first period, "
        "with half of the entities treated in the middle of the period, or 6. Trends "
        "differ by as much as the bound allows: by one change of four standard errors "
        "before treatment, and by another since it (M = 1), or by a bend at the last "
        "period before treatment. The usual interval is for parallel trends.",
        "Few treated entities with unlike variances: use errors of cov_type='cr2'.",
        reps=300,
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
        weaker=_WEAKER,
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
        weaker=_WEAKER,
    ),
}
