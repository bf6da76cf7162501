"""Mediation worked out slowly: every dummy, every draw refitted row by row.

Literally: dummies are written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from math import floor

import numpy as np
import pandas as pd
from scipy import stats

ENTITY, TIME = "city", "year"
QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}


@dataclass(frozen=True)
class Model:
    """One mediation model on a frame with keys city and year.

    `gamma` is the threshold variable's cut.
    """

    mediators: tuple[str, ...] = ("m1",)
    controls: tuple[str, ...] = ()
    structure: str = "parallel"
    moderator: str | None = None
    moderates: tuple[str, ...] = ()
    threshold: str | None = None
    gamma: float | None = None
    regime_intercept: bool = True
    quadratic: tuple[str, ...] = ()
    effects: tuple[str, ...] = (ENTITY, TIME)
    clusters: str = ENTITY
    y: str = "y"
    x: str = "x"

    @property
    def plain(self) -> bool:
        """True where c = c' + ab holds exactly."""
        return not (self.moderates or self.threshold or self.quadratic)

    @property
    def chains(self) -> tuple[tuple[str, ...], ...]:
        """Ways from the treatment to the outcome through mediators."""
        if self.structure == "parallel":
            return tuple((m,) for m in self.mediators)
        sizes = range(1, len(self.mediators) + 1)
        return tuple(
            chain for size in sizes for chain in combinations(self.mediators, size)
        )


# --- rows -----------------------------------------------------------------------------


def codes(rows, effect):
    """Number the levels of an effect such as "city" or "region^year"."""
    return rows.groupby(effect.split("^"), sort=True).ngroup().to_numpy()


def nested(inner, outer):
    """Tell whether each level of `inner` lies inside one level of `outer`."""
    return all(len(set(outer[inner == level])) == 1 for level in set(inner))


def sample(frame, model):
    """Cut the shared rows, drop singletons, number effects, write out columns.

    All equations share the rows. The columns are further ones.
    """
    keys = {
        part
        for effect in (*model.effects, model.clusters)
        for part in effect.split("^")
    }
    used = {
        model.y,
        model.x,
        *model.mediators,
        *model.controls,
        model.moderator,
        model.threshold,
        *keys,
    }
    rows = (
        frame.dropna(subset=sorted(used - {None}))
        .sort_values([ENTITY, TIME])
        .reset_index(drop=True)
    )
    while True:
        alone = np.zeros(len(rows), dtype=bool)
        for level in (codes(rows, effect) for effect in model.effects):
            alone |= np.bincount(level)[level] == 1
        if not alone.any():
            break
        rows = rows[~alone].reset_index(drop=True)
    for number, effect in enumerate(model.effects):
        rows[f"effect {number}"] = codes(rows, effect)
    rows["cluster"] = codes(rows, model.clusters)
    return levels(rows, model)


def levels(rows, model):
    """Write out products, squares and regimes, all of them of levels."""
    rows = rows.copy()
    for name in (model.x, *model.mediators):
        if model.moderator:
            rows[f"{name}:{model.moderator}"] = rows[name] * rows[model.moderator]
        if model.gamma is not None:
            low = rows[model.threshold] <= model.gamma
            rows[f"{name}:regime1"], rows[f"{name}:regime2"] = (
                rows[name] * low,
                rows[name] * ~low,
            )
            rows["intercept:regime1"] = low.astype(float)
    rows[f"I({model.x}**2)"] = rows[model.x] ** 2
    return rows


def redraw(rows, model, counts):
    """Put drawn clusters together; effects inside are fresh in every copy."""
    cluster = rows["cluster"].to_numpy()
    order = [group for group, times in enumerate(counts) for _ in range(int(times))]
    places = [np.flatnonzero(cluster == group) for group in order]
    drawn = rows.iloc[np.concatenate(places)].reset_index(drop=True)
    copy = np.repeat(np.arange(len(order)), [len(place) for place in places])
    for name in (f"effect {j}" for j in range(len(model.effects))):
        if nested(rows[name].to_numpy(), cluster):
            drawn[name] += 100_000 * copy
    return drawn


# --- equations ------------------------------------------------------------------------


def equations(model):
    """Give the outcome and the regressors of every equation, by name."""
    w = model.moderator

    def split(name):
        return (
            [f"{name}:regime1", f"{name}:regime2"]
            if model.gamma is not None
            else [name]
        )

    def treatment(place):
        columns = split(model.x)
        if place in model.moderates:
            columns += [w, f"{model.x}:{w}"]
        if place in model.quadratic or (place == "total" and model.quadratic):
            columns.append(f"I({model.x}**2)")
        return columns

    out = {"total": (model.y, treatment("total"))}
    for k, m in enumerate(model.mediators):
        earlier = model.mediators[:k] if model.structure == "serial" else ()
        out[f"mediator:{m}"] = (
            m,
            treatment("a") + [c for e in earlier for c in split(e)],
        )
    through = [c for m in model.mediators for c in split(m)]
    if "b" in model.moderates:
        through += [w, *(f"{m}:{w}" for m in model.mediators)]
    out["outcome"] = (model.y, treatment("direct") + through)
    shift = (
        ["intercept:regime1"]
        if model.gamma is not None and model.regime_intercept
        else []
    )
    return {
        name: (y, list(dict.fromkeys([*x, *shift, *model.controls])))
        for name, (y, x) in out.items()
    }


def dummies(rows, model):
    blocks = [
        pd.get_dummies(rows[f"effect {j}"]).to_numpy(float)
        for j in range(len(model.effects))
    ]
    return np.hstack(blocks) if blocks else np.ones((len(rows), 1))


def regress(rows, outcome, regressors, absorbed):
    """Coefficients and residuals of an equation; missing without own variation.

    A regressor has no variation of its own.
    """
    y, x = rows[outcome].to_numpy(float), rows[regressors].to_numpy(float)
    scale = np.sqrt((x**2).sum(axis=0))
    design = np.hstack([x / np.where(scale == 0, 1, scale), absorbed])
    solution, _, rank, _ = np.linalg.lstsq(design, y, rcond=1e-10)
    if rank < len(regressors) + np.linalg.matrix_rank(absorbed, tol=1e-8):
        return pd.Series(np.nan, index=regressors), np.full(len(y), np.nan)
    return pd.Series(
        solution[: len(regressors)] / scale, index=regressors
    ), y - design @ solution


def estimate(rows, model):
    """Give the coefficients of every equation, all of them missing in a lost draw."""
    absorbed = dummies(rows, model)
    out = {
        name: regress(rows, y, x, absorbed)[0]
        for name, (y, x) in equations(model).items()
    }
    lost = any(part.isna().any() for part in out.values())
    return {name: part * np.nan if lost else part for name, part in out.items()}


# --- terms ----------------------------------------------------------------------------


def effects_at(coefficients, model, w, x, regime):
    """Direct effect and each chain's effect at these values."""
    outcome, name = coefficients["outcome"], model.x

    def own(equation, column):
        if model.gamma is None:
            return equation[column]
        return np.where(
            regime == 1, equation[f"{column}:regime1"], equation[f"{column}:regime2"]
        )[()]

    def treatment(equation, place):
        out = own(equation, name)
        if place in model.moderates:
            out = out + equation[f"{name}:{model.moderator}"] * w
        return (
            out + 2 * equation[f"I({name}**2)"] * x if place in model.quadratic else out
        )

    def last(m):
        return own(outcome, m) + (
            outcome[f"{m}:{model.moderator}"] * w if "b" in model.moderates else 0
        )

    through = {}
    for chain in model.chains:
        product = treatment(coefficients[f"mediator:{chain[0]}"], "a")
        for before, after in pairwise(chain):
            product = product * own(coefficients[f"mediator:{after}"], before)
        through[">".join(chain)] = product * last(chain[-1])
    return treatment(outcome, "direct"), through


def indices(coefficients, model):
    """Slopes of the effects in the moderator, where there is one slope."""
    outcome, out = coefficients["outcome"], {}
    if ("a" in model.moderates) != ("b" in model.moderates):
        for (m,) in model.chains:
            first, product = coefficients[f"mediator:{m}"], f":{model.moderator}"
            both = (
                (first[model.x + product], outcome[m])
                if "a" in model.moderates
                else None
            )
            a, b = both or (first[model.x], outcome[m + product])
            out[f"index:{m}"] = a * b
    if "direct" in model.moderates:
        out["index:direct"] = outcome[f"{model.x}:{model.moderator}"]
    return out


def regimes(coefficients, model):
    out, here = {}, {}
    for r in (1, 2):
        direct, through = effects_at(coefficients, model, 0.0, 0.0, r)
        here[r] = {
            "direct": direct,
            **{f"indirect:{chain}": value for chain, value in through.items()},
        }
        out |= {f"{name}:regime{r}": value for name, value in here[r].items()}
        if len(through) > 1:
            out[f"indirect:regime{r}"] = sum(through.values())
        out[f"total:regime{r}"] = direct + sum(through.values())
    differences = {name: here[2][name] - here[1][name] for name in here[1]}
    return out | {
        f"difference:{name.removeprefix('indirect:')}": v
        for name, v in differences.items()
    }


def conditional(coefficients, rows, model):
    """Effects at quantiles of the moderator, or of a squared treatment."""
    out, along = {}, model.moderator if model.moderator else model.x
    for name, q in QUANTILES.items():
        value = order_statistic(rows[along], q * (len(rows) - 1))
        direct, through = effects_at(coefficients, model, value, value, None)
        if {"a", "b"} & {*model.moderates} or "a" in model.quadratic:
            out |= {
                f"indirect:{chain}:{name}": effect for chain, effect in through.items()
            }
        if "direct" in model.moderates or "direct" in model.quadratic:
            out[f"direct:{name}"] = direct
    return out


def terms(coefficients, rows, model):
    """Every term from coefficients; `rows` is the full sample."""
    w = rows[model.moderator].to_numpy(float) if model.moderator else 0.0
    regime = (
        np.where(rows[model.threshold] <= model.gamma, 1, 2)
        if model.gamma is not None
        else None
    )
    direct, through = effects_at(
        coefficients, model, w, rows[model.x].to_numpy(float), regime
    )
    out = {"direct": np.mean(direct)} | {
        f"indirect:{chain}": np.mean(v) for chain, v in through.items()
    }
    out["indirect"] = sum(value for name, value in out.items() if name != "direct")
    out["total"] = (
        coefficients["total"][model.x]
        if model.plain
        else out["direct"] + out["indirect"]
    )
    out["proportion_mediated"] = out["indirect"] / out["total"]
    if model.moderator:
        out |= indices(coefficients, model)
    if model.moderator or model.quadratic:
        out |= conditional(coefficients, rows, model)
    return out | (regimes(coefficients, model) if model.gamma is not None else {})


def replay(rows, model, counts):
    """Terms of every draw."""
    drawn = [
        terms(estimate(redraw(rows, model, count), model), rows, model)
        for count in counts
    ]
    return pd.DataFrame(drawn)


def delete_one(rows, model):
    """Terms without each cluster in turn."""
    groups = rows["cluster"].max() + 1
    return replay(rows, model, 1 - np.eye(groups, dtype=int))


# --- covariance -----------------------------------------------------------------------


def pieces(rows, outcome, regressors, absorbed):
    """Rows of the pseudo-inverse for slopes (k, n), residuals, residual df."""
    x, y = rows[regressors].to_numpy(float), rows[outcome].to_numpy(float)
    scale = np.sqrt((x**2).sum(axis=0))
    design = np.hstack([x / scale, absorbed])
    inverse = np.linalg.pinv(design, rcond=1e-10)
    df = len(y) - np.linalg.matrix_rank(design, tol=1e-8)
    return inverse[: len(regressors)] / scale[:, None], y - design @ (inverse @ y), df


def factor(rows, model, ssc, k, *, full):
    """Small-sample factor of an equation: k slopes, `full` rank, clusters."""
    if ssc == "none":
        return 1.0
    n, groups, cluster = (
        len(rows),
        rows["cluster"].max() + 1,
        rows["cluster"].to_numpy(),
    )
    effects = [rows[f"effect {j}"] for j in range(len(model.effects))]
    inside = [
        pd.get_dummies(level, dtype=float)
        for level in effects
        if nested(level.to_numpy(), cluster)
    ]
    counted = full + 1 - np.linalg.matrix_rank(np.column_stack([np.ones(n), *inside]))
    return groups / (groups - 1) * (n - 1) / (n - counted)


def joint_covariance(rows, model, ssc):
    """Covariance of coefficients by (equation, regressor), from stacked scores.

    Of all coefficients of all equations.
    """
    absorbed, cluster, stacked = dummies(rows, model), rows["cluster"].to_numpy(), {}
    for name, (y, x) in equations(model).items():
        inverse, residuals, df = pieces(rows, y, x, absorbed)
        scores = pd.DataFrame((inverse * residuals).T, columns=x)
        f = factor(rows, model, ssc, len(x), full=len(rows) - df)
        stacked[name] = np.sqrt(f) * scores.groupby(cluster).sum()
    psi = pd.concat(stacked, axis=1)
    total = sum(np.outer(row, row) for row in psi.to_numpy())
    return pd.DataFrame(total, index=psi.columns, columns=psi.columns)


def unadjusted_covariance(rows, model, *, divisor=None):
    """Covariance of all coefficients under independent rows, and each equation's df.

    Errors of two mediators covary; those of a mediator and the outcome do not, which
    makes V_ab = 0.
    """
    absorbed = dummies(rows, model)
    actual = {
        name: (*pieces(rows, y, x, absorbed), x)
        for name, (y, x) in equations(model).items()
    }
    labels = pd.MultiIndex.from_tuples(
        [(name, c) for name, part in actual.items() for c in part[3]]
    )
    out = pd.DataFrame(0.0, index=labels, columns=labels)
    for j, (inverse, residuals, df, _) in actual.items():
        for k, (other, others, df_other, _) in actual.items():
            if "outcome" in (j, k) and f"{j}{k}".count("mediator:"):
                continue
            covariance = residuals @ others / (divisor or np.sqrt(df * df_other))
            out.loc[[j], [k]] = covariance * inverse @ other.T
    return out, {name: part[2] for name, part in actual.items()}


def gradient(coefficients, rows, model):
    """Slopes of terms in stacked coefficients by complex steps, without loss."""
    out = {}
    for name, part in coefficients.items():
        for column in part.index:
            moved = dict(coefficients)
            moved[name] = part.astype(complex)
            moved[name][column] += 1e-30j
            values = terms(moved, rows, model)
            out[name, column] = {
                term: float(np.imag(value)) / 1e-30 for term, value in values.items()
            }
    return pd.DataFrame(out)


def delta_covariance(rows, model, ssc="reghdfe", covariance=None):
    """Covariance of the terms."""
    coefficients = estimate(rows, model)
    slopes = gradient(coefficients, rows, model)
    v = joint_covariance(rows, model, ssc) if covariance is None else covariance
    v = v.loc[slopes.columns, slopes.columns]
    full = slopes.to_numpy() @ v.to_numpy() @ slopes.to_numpy().T
    return pd.DataFrame(full, index=slopes.index, columns=slopes.index)


# --- intervals ------------------------------------------------------------------------


def order_statistic(values, position):
    """The value at a position of sorted values from 0, linear in between."""
    ordered = sorted(values)
    position = min(max(position, 0.0), len(ordered) - 1.0)
    below = floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def ends(draws, shares):
    """Order statistics at q (B + 1), the first being 1."""
    usable = [d for d in draws if not np.isnan(d)]
    return tuple(order_statistic(usable, q * (len(usable) + 1) - 1) for q in shares)


def share_below(draws, value):
    usable = [d for d in draws if not np.isnan(d)]
    return sum((d < value) + 0.5 * (d == value) for d in usable) / len(usable)


def acceleration(jackknife):
    u = [np.mean(jackknife) - value for value in jackknife]
    return sum(v**3 for v in u) / (6 * sum(v**2 for v in u) ** 1.5)


def percentile(draws, level=0.95):
    """Both ends and p."""
    usable = [d for d in draws if not np.isnan(d)]
    below, above = sum(d <= 0 for d in usable), sum(d >= 0 for d in usable)
    p = min(1.0, 2 * (1 + min(below, above)) / (len(usable) + 1))
    return (*ends(draws, ((1 - level) / 2, (1 + level) / 2)), p)


def corrected(draws, value, acc=0.0, level=0.95):
    """Both ends and p, corrected for bias and, with `acc`, for acceleration."""
    normal, size = stats.norm, sum(not np.isnan(d) for d in draws)
    z0 = normal.ppf(share_below(draws, value))
    z = [z0 + normal.ppf(q) for q in ((1 - level) / 2, (1 + level) / 2)]
    shares = [normal.cdf(z0 + v / (1 - acc * v)) for v in z]
    w = normal.ppf(min(max(share_below(draws, 0.0), 1 / (size + 1)), size / (size + 1)))
    zq = (w - z0) / (1 + acc * (w - z0)) - z0
    return (*ends(draws, shares), 2 * min(normal.cdf(zq), 1 - normal.cdf(zq)))


def delta_interval(value, std_error, df, level=0.95):
    width = stats.t.ppf((1 + level) / 2, df) * std_error
    return value - width, value + width, 2 * stats.t.sf(abs(value / std_error), df)


def monte_carlo(a, b, v, *, df=None, reps=400_000, seed=0, level=0.95):
    """Quantiles of a product of two normals, or of two t on one chi-square.

    The normals have the joint covariance v.
    """
    rng = np.random.default_rng(seed)
    noise = rng.multivariate_normal([0.0, 0.0], v, size=reps)
    if df is not None:
        noise *= np.sqrt(df / rng.chisquare(df, size=(reps, 1)))
    product = (a + noise[:, 0]) * (b + noise[:, 1])
    return tuple(np.quantile(product, [(1 - level) / 2, (1 + level) / 2]))


# --- tests ----------------------------------------------------------------------------


def product_test(a, b, s_a, s_b, kind):
    """Standard error, z and p of Sobel (1982), Aroian (1947) and Goodman (1960)."""
    extra = {"sobel": 0.0, "aroian": 1.0, "goodman": -1.0}[kind]
    variance = a**2 * s_b**2 + b**2 * s_a**2 + extra * s_a**2 * s_b**2
    if variance < 0:
        return np.nan, np.nan, np.nan
    z = a * b / np.sqrt(variance)
    return np.sqrt(variance), z, 2 * stats.norm.sf(abs(z))


def two_sided(value, std_error, df):
    return 2 * stats.t.sf(abs(value / std_error), df)


def holm(p_values):
    order = np.argsort(p_values)
    out, highest = np.empty(len(p_values)), 0.0
    for j, k in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - j) * p_values[k]))
        out[k] = highest
    return out


def romano_wolf(values, std_errors, draws):
    """Step down over |t|, largest first; `draws` (B, K) from the same cluster draws."""
    usable = [row for row in draws if not np.isnan(row).any()]
    t = [abs(v / s) for v, s in zip(values, std_errors, strict=True)]
    remaining, out, highest = (
        sorted(range(len(t)), key=lambda k: -t[k]),
        np.empty(len(t)),
        0.0,
    )
    while remaining:
        k, count = remaining[0], 0
        for row in usable:
            count += (
                max(abs((row[j] - values[j]) / std_errors[j]) for j in remaining)
                >= t[k]
            )
        highest = max(highest, (1 + count) / (len(usable) + 1))
        out[k] = highest
        remaining = remaining[1:]
    return out


def wen_ye(estimates, p_values, alpha=0.05):
    """The five steps of Wen and Ye (2014) and the label of Zhao et al. (2010).

    Both mappings have the keys c, a, b, ab, direct; the p of ab is the bootstrap's.
    """
    significant = {name: p <= alpha for name, p in p_values.items()}
    both = significant["a"] and significant["b"]
    ab, direct, c = (estimates[k] for k in ("ab", "direct", "c"))
    actual = both or significant["ab"]
    same = np.sign(ab) == np.sign(direct)
    out = {
        "reached": [True, True, not both, actual, actual and significant["direct"]],
        "ratio": np.nan,
    }
    out["passed"] = [
        significant["c"],
        both,
        significant["ab"],
        significant["direct"],
        bool(same),
    ]
    if not actual:
        out["branch"] = "no indirect effect"
    elif not significant["direct"]:
        out["branch"] = "complete mediation"
    else:
        out["branch"] = "partial mediation" if same else "masking"
        out["ratio"] = ab / c if same else abs(ab / direct)
    zhao = {
        (True, True): "complementary" if same else "competitive",
        (True, False): "indirect-only",
        (False, True): "direct-only",
        (False, False): "no effect",
    }
    out["zhao"] = zhao[bool(significant["ab"]), bool(significant["direct"])]
    return out


# --- sensitivity ----------------------------------------------------------------------


def residual_moments(rows, model, mediator):
    """a, sd(e1), sd(e2), cor(e1, e2); rho = 0 gives ab.

    The other mediators are controls of both.
    """
    absorbed = dummies(rows, model)
    others = [m for m in model.mediators if m != mediator]
    a = regress(rows, *equations(model)[f"mediator:{mediator}"], absorbed)[0][model.x]
    _, e1 = regress(rows, model.y, [model.x, *others, *model.controls], absorbed)
    _, e2 = regress(rows, mediator, [model.x, *others, *model.controls], absorbed)
    s1, s2 = np.sqrt(np.mean(e1**2)), np.sqrt(np.mean(e2**2))
    return a, s1, s2, np.mean(e1 * e2) / (s1 * s2)


def indirect_at(moments, rho):
    a, s1, s2, r = moments
    return a * s1 / s2 * (r - rho * np.sqrt((1 - r**2) / (1 - rho**2)))


def robustness_value(t, df, alpha=0.05):
    """Partial R2, robustness value, that for significance (Cinelli & Hazlett 2020)."""

    def value(f):
        return (np.sqrt(f**4 + 4 * f**2) - f**2) / 2

    f = abs(t) / np.sqrt(df)
    left = f - stats.t.ppf(1 - alpha / 2, df - 1) / np.sqrt(df - 1)
    return t**2 / (t**2 + df), value(f), value(left) if left > 0 else 0.0


# --- threshold ------------------------------------------------------------------------


def search(rows, model, trim=0.05):
    """The cut with the outcome's least sum of squares, over all that leave `trim`."""
    q, absorbed, best = (
        rows[model.threshold].to_numpy(float),
        dummies(rows, model),
        (np.inf, np.nan),
    )
    y = rows[model.y].to_numpy(float)
    for gamma in sorted(set(q)):
        low = q <= gamma
        if min(low.sum(), (~low).sum()) / len(q) < trim:
            continue
        split = [
            rows[n].to_numpy(float) * side
            for n in (model.x, *model.mediators)
            for side in (low, ~low)
        ]
        controls = [rows[n].to_numpy(float) for n in model.controls]
        controls += [low.astype(float)] if model.regime_intercept else []
        design = np.column_stack([*split, *controls, absorbed])
        residuals = y - design @ np.linalg.lstsq(design, y, rcond=1e-10)[0]
        best = min(best, (residuals @ residuals, gamma))
    return best[1]
