"""Regressions: slopes, joint tests, and tests of residuals."""

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
    errors,
    has_notice,
    inside,
    panel_of,
    quiet,
    regressor,
)

if TYPE_CHECKING:
    from tests.certificate.designs import Array, Rng

X = tuple(f"x{j}" for j in range(10))


def drawn_columns(rng: Rng, cell: Cell, count: int, effect: float) -> dict[str, Array]:
    """Draw regressors, and an outcome to which the first adds its effect."""
    x = {name: regressor(rng, cell) for name in X[:count]}
    y = effect * x["x0"] + errors(rng, cell, x["x0"])
    return {**x, "y": y}


def with_others(test: Any, names: dict[str, str], *, noticed: bool) -> Trial:
    """Read a test, with those of its alternatives that have names."""
    others = {
        name: test.alternatives[key].p_value
        for key, name in names.items()
        if key in test.alternatives
    }
    return Trial(test.p_value, test.statistic, others, noticed)


def slope(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test the only slope of a two-way regression."""
    panel = panel_of(rng, cell, drawn_columns(rng, cell, 1, effect))
    spec = dp.FixedEffects("y", ["x0"])
    fit = quiet(spec.fit, panel)
    others = {
        word.upper(): quiet(spec.replace(cov_type=word).fit, panel).pvalues["x0"]
        for word in ("cr2", "crv3")
    }
    wild = quiet(dp.wild_bootstrap, spec, panel, "x0", reps=399, rng=rng)
    others["wild bootstrap"] = wild.p_value
    statistic = abs(float(fit.tstats["x0"]))
    return {"Slope": Trial(fit.pvalues["x0"], statistic, others, has_notice(fit))}


def joint_f(rng: Rng, cell: Cell, effect: float, q: int) -> dict[str, Trial]:
    """Test all slopes of a two-way regression."""
    panel = panel_of(rng, cell, drawn_columns(rng, cell, q, effect))
    fit = quiet(dp.FixedEffects("y", X[:q]).fit, panel)
    names = {"stata": "F(q, G - 1), Stata", "crv3": "CRV3, Hotelling"}
    trial = with_others(fit.f_statistic, names, noticed=has_notice(fit))
    return {f"Joint F, q = {q}": trial}


def instrumented(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test the coefficient of an endogenous regressor with six instruments."""
    z = {f"z{j}": regressor(rng, cell) for j in range(6)}
    x = {f"x{j}": regressor(rng, cell) for j in range(2)}
    error = errors(rng, cell, z["z0"])
    d = 0.3 * sum(z.values()) + 0.5 * error + rng.normal(size=error.shape)
    panel = panel_of(rng, cell, {**z, **x, "d": d, "y": effect * d + error})
    fit = quiet(dp.FixedEffectsIV("y", [*x], ["d"], [*z]).fit, panel)
    test = quiet(fit.anderson_rubin_test, 0.0)
    reduced = quiet(dp.FixedEffects("y", [*x, *z]).fit, panel).wald_test([*z])
    others = {
        "F(q, G - 1)": reduced.alternatives["stata"].p_value,
        "restricted wild": reduced.p_value,
    }
    statistic, noticed = abs(float(fit.tstats["d"])), has_notice(fit)
    return {
        "Anderson-Rubin, q = 6": Trial(test.p_value, test.statistic, others, noticed),
        "Slope, 2SLS": Trial(
            fit.pvalues["d"], statistic, {"Anderson-Rubin set": test.p_value}, noticed
        ),
    }


def hausman(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test that effects and six regressors are uncorrelated, as they are."""
    columns = drawn_columns(rng, cell, 6, 0.0)
    levels = rng.normal(size=(cell.n, 1))
    columns["y"] = columns["y"] + levels + effect * columns["x0"].mean(axis=1)[:, None]
    panel = panel_of(rng, cell, columns)
    test = quiet(dp.hausman, dp.FixedEffects("y", X[:6]), panel)
    names = {"chi2": "chi-squared"}
    trial = with_others(test, names, noticed=has_notice(test))
    return {"Hausman, k = 6": trial}


def reset(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test the form of a regression that is linear, or has a square."""
    columns = drawn_columns(rng, cell, 2, 0.5)
    columns["y"] = columns["y"] + effect * columns["x0"] ** 2
    panel = panel_of(rng, cell, columns)
    test = quiet(dp.reset_test, dp.FixedEffects("y", X[:2]), panel)
    names = {"stata": "F(2, G - 1), Stata"}
    return {"RESET": with_others(test, names, noticed=has_notice(test))}


def ar1(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test independent errors, or such with an autocorrelation."""
    shape = (cell.n, cell.t)
    x = rng.normal(size=shape)
    error = autoregressive(rng, *shape, effect)
    if cell.errors == "unit variances":
        error = error * np.exp(0.5 * rng.normal(size=(cell.n, 1)))
    if cell.errors == "skewed":
        innovations = (rng.chisquare(3, size=(cell.n, cell.t + 20)) - 3) / np.sqrt(6)
        for t in range(1, cell.t + 20):
            innovations[:, t] += effect * innovations[:, t - 1]
        error = innovations[:, 20:]
    panel = panel_of(rng, cell, {"x": x, "y": x + error})
    test = quiet(dp.wooldridge_ar1, dp.FixedEffects("y", ["x"]), panel)
    trial = with_others(test, {"plm": "plm"}, noticed=has_notice(test))
    return {"Wooldridge AR(1)": trial}


def levene(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test equal variances; normal errors have an autocorrelation of .5."""
    error = autoregressive(rng, cell.n, cell.t, 0.5)
    if cell.errors == "chi2":
        error = (rng.chisquare(3, size=error.shape) - 3) / np.sqrt(6)
    if cell.errors == "t5":
        error = rng.standard_t(5, size=error.shape)
    error = error * np.exp(effect * rng.normal(size=(cell.n, 1)))
    x = rng.normal(size=error.shape)
    panel = panel_of(rng, cell, {"x": x, "y": x + error})
    fit = quiet(dp.FixedEffects("y", ["x"]).fit, panel)
    printed = {"xttest3": quiet(dp.modified_wald, fit, method="chi2").p_value}
    try:
        test = quiet(dp.modified_wald, fit)
    except dp.IdentificationError as error_:
        if error_.problems[0].code != "few_periods":
            raise
        return {"Levene": Trial(float("nan"), float("nan"), printed, True)}
    return {"Levene": Trial(test.p_value, test.statistic, printed)}


def driscoll_kraay(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test a slope where outcome and regressor have shocks in common."""
    phi = {"shocks, AR .6": 0.6, "shocks, AR .9": 0.9, "no shocks": 0.6}[cell.errors]
    columns = {}
    for name in ("x", "y"):
        shock = autoregressive(rng, 1, cell.t, phi)
        loading = rng.lognormal(size=(cell.n, 1)) * (cell.errors != "no shocks")
        columns[name] = loading * shock + autoregressive(rng, cell.n, cell.t, phi)
    columns["y"] = columns["y"] + effect * columns["x"]
    panel = panel_of(rng, cell, columns)
    spec = dp.FixedEffects("y", ["x"], cov_type="driscoll_kraay")
    fit = quiet(spec.fit, panel)
    by_entity = quiet(spec.replace(cov_type="clustered").fit, panel)
    printed = quiet(spec.replace(cov_type="xtscc").fit, panel)
    others = {
        "clustered by entity": by_entity.pvalues["x"],
        "xtscc": printed.pvalues["x"],
        "by blocks of years": quiet(fit.block_test, "x").p_value,
    }
    trial = Trial(
        fit.pvalues["x"], abs(float(fit.tstats["x"])), others, has_notice(fit)
    )
    return {"Slope, Driscoll-Kraay": trial}


def placebo(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test a policy in two cohorts by placebo treatments."""
    start = np.full(cell.n, cell.t)
    chosen = rng.permutation(cell.n)
    start[chosen[:3]], start[chosen[3:5]] = rng.integers(1, cell.t, size=2)
    d = (np.arange(cell.t) >= start[:, None]).astype(float)
    y = effect * d + errors(rng, cell, regressor(rng, cell))
    panel = panel_of(rng, cell, {"d": d, "y": y})
    spec = dp.FixedEffects("y", ["d"])
    test = quiet(dp.placebo_test, spec, panel, "d", reps=199, rng=rng)
    fit = quiet(spec.fit, panel)
    others = {"t, clustered": fit.pvalues["d"]}
    return {"Placebo test": Trial(test.p_value, float("nan"), others)}


def by_group(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Test that a slope is the same in ten entities and in the others."""
    columns = drawn_columns(rng, cell, 1, 1.0)
    small = np.zeros(cell.n)
    small[rng.permutation(cell.n)[:10]] = 1
    columns["y"] = columns["y"] + effect * columns["x0"] * small[:, None]
    panel = panel_of(rng, cell, {**columns, "g": small})
    spec = dp.FixedEffects("y", ["x0"])
    options: dict[str, Any] = {"reps": 199, "rng": rng, "method": "permutation"}
    drawn = quiet(dp.by_group, spec, panel, "g", **options).difference
    crossed = quiet(dp.by_group, spec, panel, "g", method="interaction").difference
    trial = Trial(drawn.p_value, float("nan"), {"interaction": crossed.p_value})
    return {"Difference of groups": trial}


def propagated(rng: Rng, cell: Cell, effect: float) -> dict[str, Trial]:
    """Cover the slope on an index with estimated weights, between goalposts."""
    spread = np.array([0.6, 1.0, 1.4, 2.0])

    def rows(entities: int, source: Rng) -> Array:
        level = source.normal(size=(entities, 1, 4)) * spread * 0.8
        moved = level + source.normal(size=(entities, cell.t, 4)) * spread * 0.6
        return 1 / (1 + np.exp(1 - moved))

    weights = _population_weights(rows, cell.t)
    z = rows(cell.n, rng)
    noise = regressor(rng, cell)
    y = z @ weights + 0.1 * errors(rng, cell, noise)
    columns = {f"z{j}": z[:, :, j] for j in range(4)}
    posts = [dp.Indicator(name, "+", goalposts=(0.0, 1.0)) for name in columns]
    index = dp.CompositeIndex(dp.IndicatorSystem(posts), scope="goalposts")
    model = dp.FixedEffects("y", ["d"], time_effects=False)
    spec = dp.PropagatedIndex({"d": index}, model, reps=199)
    fit = quiet(spec.fit, panel_of(rng, cell, {**columns, "y": y}), rng=rng)
    row = fit.comparison.loc["d"]
    covered = [
        inside(row[kind, "conf_low"], 1.0, row[kind, "conf_high"])
        for kind in ("weights estimated", "weights known")
    ]
    trial = Trial(covered[0], float("nan"), {"weights known": covered[1]})
    return {"Slope on an index": trial}


_KNOWN_WEIGHTS: dict[int, Array] = {}


def _population_weights(rows: Any, periods: int) -> Array:
    """Compute the entropy weights of 20,000 entities, once."""
    if periods not in _KNOWN_WEIGHTS:
        drawn = rows(20_000, np.random.default_rng(0)).reshape(-1, 4)
        _KNOWN_WEIGHTS[periods] = dp.entropy_weights(drawn)
    return _KNOWN_WEIGHTS[periods]


_INDEPENDENT = ("normal", "unit variances", "skewed")
_SHOCKS = ("shocks, AR .6", "shocks, AR .9", "no shocks")
STUDIES = {
    "joint-f": Study(
        {"Joint F, q = 6": "size"},
        partial(joint_f, q=6),
        cells(),
        "All six slopes of a regression with two-way effects, clustered by entity.",
        "The regressors are so skewed that a few entities have most of the variation.",
        {"AR": 0.28, "skew": 0.2, "hetx": 0.36},
    ),
    "joint-f-3": Study(
        {"Joint F, q = 3": "size"},
        partial(joint_f, q=3),
        cells(sizes=(31,), periods=(10,), missing=False),
        "Three slopes.",
        "The regressors are so skewed that a few entities have most of the variation.",
        {"AR": 0.24, "skew": 0.2, "hetx": 0.32},
    ),
    "joint-f-10": Study(
        {"Joint F, q = 10": "size"},
        partial(joint_f, q=10),
        cells(sizes=(31,), periods=(10,), missing=False),
        "Ten slopes.",
        "The regressors are so skewed that a few entities have most of the variation.",
        {"AR": 0.33, "skew": 0.25, "hetx": 0.4},
    ),
    "anderson-rubin": Study(
        {"Anderson-Rubin, q = 6": "size", "Slope, 2SLS": "coverage"},
        instrumented,
        cells(),
        "One endogenous regressor, six instruments and two controls; CRV3 "
        "covariance and Hotelling's F, and the t interval of two-stage least squares.",
        "A few entities have most of the variation of the instruments; trust the "
        "Anderson-Rubin set more than the t interval.",
        {"AR": 0.4, "skew": 0.3, "hetx": 0.35},
        weaker="CRV3 and F(q, G - q) are made for panels in which few entities have "
        "most of the variation; where all have as much of it, the covariance "
        "is larger than it need be.",
    ),
    "hausman": Study(
        {"Hausman, k = 6": "size"},
        hausman,
        cells(),
        "Mundlak's regression with six means; entity effects are independent of them.",
        "It is a regression of N means; with so few entities, or skewed ones, let "
        "theory choose the effects.",
        {"AR": 1.2, "skew": 0.8, "hetx": 1.2},
        weaker="the draws of a regression of N means have longer tails than the "
        "means where they are normal.",
    ),
    "ar1": Study(
        {"Wooldridge AR(1)": "size"},
        ar1,
        cells(_INDEPENDENT),
        "Independent errors, also with variances that differ between entities, and "
        "chi-squared ones.",
        "With few, unlike entities use errors clustered by entity without a test.",
        dict.fromkeys(_INDEPENDENT, 0.17),
        weaker="the score is compared with what it is in draws of the entities' "
        "signs, of which few entities carry most.",
    ),
    "reset": Study(
        {"RESET": "size"},
        reset,
        cells(periods=(10,), missing=False),
        "Powers of fitted values of a linear regression with two regressors.",
        "Powers of skewed values rest on a few rows; plot residuals against the "
        "regressor.",
        {"AR": 0.15, "skew": 0.03, "hetx": 0.2},
        weaker="a few rows with skewed values decide the test, in draws as in the "
        "data.",
    ),
    "levene": Study(
        {"Levene": "size"},
        levene,
        cells(("normal", "t5", "chi2"), periods=(8, 20), missing=False),
        "Errors with one variance; normal ones have an autocorrelation of .5. Refused "
        "below 20 rows an entity.",
        "Tails are taken for variances; cluster by entity, which needs no test.",
        dict.fromkeys(("normal", "t5", "chi2"), 0.2),
        reps=300,
    ),
    "driscoll-kraay": Study(
        {"Slope, Driscoll-Kraay": "coverage"},
        driscoll_kraay,
        cells(_SHOCKS),
        "Outcome and regressor have shocks in common, with lognormal loadings, of "
        "the autocorrelation that is named.",
        "The interval is too long: the variance by entity is added, and t has few "
        "degrees of freedom. Where the loadings of outcome and regressor are the same, "
        "it is too short (page Validity, size under common shocks). Read the test by "
        "blocks of years too.",
        {"shocks, AR .6": 0.4, "shocks, AR .9": 0.4, "no shocks": 0.15},
        weaker="the variance by entity and that by period are added. Without common "
        "shocks both are the same variance, which is then counted twice; "
        '`cov_type="clustered"` is enough there.',
    ),
    "slope": Study(
        {"Slope": "coverage"},
        slope,
        cells(),
        "The only slope of a regression with two-way effects, clustered by entity, "
        "t(G - 1).",
        "A few entities have most of the variation of the regressor; use "
        '`cov_type="cr2"` or the wild bootstrap.',
        {"AR": 0.16, "skew": 0.1, "hetx": 0.25},
    ),
    "placebo": Study(
        {"Placebo test": "size"},
        placebo,
        cells(("AR",), sizes=(31,), periods=(8, 10, 20), missing=True),
        "Cohorts of three and two entities, drawn as the test draws them.",
        reps=500,
    ),
    "by-group": Study(
        {"Difference of groups": "size"},
        by_group,
        cells(sizes=(31,), periods=(10,)),
        "Ten of the entities have the slope of the others; 199 permutations.",
        "A permutation takes the groups as alike but for the slope.",
        reps=300,
    ),
    "propagated": Study(
        {"Slope on an index": "coverage"},
        propagated,
        cells(sizes=(31,), periods=(10,), missing=False),
        "An index of four indicators between goalposts, entropy weights; 199 draws.",
        reps=300,
    ),
}
