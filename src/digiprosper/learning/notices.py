"""Notices about double machine learning: one maker a code.

Warnings are learners_differ, nothing_left, useless_learner and weak_after_learning.

=================== ====================================================================
code                data
=================== ====================================================================
few_seeds           seeds
weak_after_learning learner, value (F, the median over seeds), critical
seed_spread         learner, spread (range over seeds in standard errors)
learners_differ     spread (range over learners in standard errors)
nothing_left        learner, r2 (of the treatment)
useless_learner     learner, r2 (of the treatment)
flexible_learner    learner, n_entities, r2_y, r2_d
few_for_trees       learner, n_entities; of an error
=================== ====================================================================
"""

from __future__ import annotations

from typing import Final

from digiprosper.errors import Notice, counted
from digiprosper.report.notices import few_clusters

ENOUGH_SEEDS: Final = 20
# Below so many entities no learner of trees covered in simulated panels.
ENOUGH_ENTITIES: Final = 100
_ALL_LEARNED: Final = 0.98
# docs/measured/dml_with_31_provinces.json
# docs/measured/coverage_of_learning_with_an_instrument.json
_WEAK: Final = "F of 1.0, coverage .856; F of 3.7, coverage .890"
_SIMULATED: Final = (
    "forest with transform='difference', .159 and .400 (linear controls), .602 and "
    ".000 (quadratic); lasso with transform='dictionary', .017 and .920, -.021 and .880"
)


def few_for_learning(clusters: int, name: str) -> tuple[Notice, ...]:
    """Report few clusters, of which few are in a fold."""
    consequence = (
        "each fold is learned from few, and intervals are justified by many. Compare "
        "FixedEffects with the same terms and cov_type='crv3'."
    )
    return few_clusters(clusters, name, consequence)


def few_seeds(seeds: int, *, drawn: bool) -> list[Notice]:
    """Report that folds were drawn too seldom to be sure of the median."""
    if not drawn or seeds >= ENOUGH_SEEDS:
        return []
    text = (
        f"{counted(seeds, 'seed')}: estimates depend on the seed; use "
        f"seeds={ENOUGH_SEEDS} or more."
    )
    return [Notice("few_seeds", text, {"seeds": seeds})]


def weak_after_learning(learner: str, f: float, instrument: str) -> list[Notice]:
    """Report an instrument that explains little of the treatment."""
    from scipy.stats import ncx2

    # One instrument and a bias of 10%: the effective F of Montiel Olea & Pflueger.
    critical = float(ncx2.ppf(0.95, 1, 10))
    if f >= critical:
        return []
    text = (
        f"{learner}: F = {f:.3g} of the first stage on {instrument}, below "
        f"{critical:.1f}: the estimate may be biased by more than 10% of the worst "
        "case (Montiel Olea & Pflueger 2013), and its 95% interval may cover too "
        f"rarely (in simulated panels: {_WEAK}). Compare "
        "fixed_effects['linear'].anderson_rubin(), which is valid with a weak "
        "instrument."
    )
    data = {"learner": learner, "value": f, "critical": critical}
    return [Notice("weak_after_learning", text, data)]


def seed_spread(learner: str, spread: float) -> list[Notice]:
    """Report estimates that differ between seeds."""
    if not spread > 1:
        return []
    text = (
        f"{learner}: estimates of the seeds differ by {spread:.1f} standard errors. A "
        "single seed could have any of them; see runs."
    )
    return [Notice("seed_spread", text, {"learner": learner, "spread": spread})]


def learners_differ(spread: float) -> list[Notice]:
    """Report estimates that differ between learners."""
    if not spread > 2:
        return []
    text = (
        f"the learners' estimates differ by {spread:.1f} standard errors: the learner "
        "decides. Do not choose among them by the estimate; report all, and beside "
        "them fixed effects."
    )
    return [Notice("learners_differ", text, {"spread": spread})]


def nothing_left(learner: str, r2: float) -> list[Notice]:
    """Report a treatment that the controls explain."""
    if not r2 > _ALL_LEARNED:
        return []
    text = (
        f"{learner}: the controls predict the treatment with an R2 of {r2:.3f}; almost "
        "no variation is left to estimate its effect from."
    )
    return [Notice("nothing_left", text, {"learner": learner, "r2": r2})]


def useless_learner(learner: str, r2: float) -> list[Notice]:
    """Report a learner that predicts the treatment no better than its mean."""
    if r2 > 0:
        return []
    text = (
        f"{learner}: predicts the treatment no better than its mean (R2 {r2:.3f} out "
        "of fold). Its estimate is that of fixed effects without controls, or worse."
    )
    return [Notice("useless_learner", text, {"learner": learner, "r2": r2})]


def flexible_learner(
    learner: str, entities: int, own: tuple[float, float], other: tuple[float, float]
) -> list[Notice]:
    """Report trees and networks that do not predict better than a dictionary.

    `own` and `other` are R2 of outcome and treatment, by the learner and by least
    squares on squares and products.
    """
    if own[0] > other[0] and own[1] > other[1]:
        return []
    text = (
        f"{learner} predicts outcome and treatment with R2 of {own[0]:.3f} and "
        f"{own[1]:.3f}, least squares on squares and products with {other[0]:.3f} and "
        f"{other[1]:.3f}. With {entities} entities trees and networks are biased "
        "unless they predict both better; use transform='dictionary' with a lasso."
    )
    data = {"learner": learner, "n_entities": entities, "r2_y": own[0], "r2_d": own[1]}
    return [Notice("flexible_learner", text, data)]


def few_for_trees(learner: str, entities: int) -> Notice:
    """Explain why trees and networks are refused, by what was simulated."""
    text = (
        f"learners: {learner!r} is of trees, neural networks or neighbours, and there "
        f"are {entities} entities; such learners need {ENOUGH_ENTITIES}. In simulated "
        "panels of 31 entities and ten periods, an effect of .5 had this bias and "
        f"coverage of 95% intervals: {_SIMULATED}. Use transform='dictionary' with a "
        "lasso or least squares, or FixedEffects with the squares."
    )
    return Notice("few_for_trees", text, {"learner": learner, "n_entities": entities})
