"""Running-sum search for the thresholds of a panel regression over every candidate, in batches of outcomes.

The model is ``y = effects + fixed columns + sum_j z 1(q <= g_j) d_j + e`` (Hansen 1999, J. Econometrics
93:345-368). With ``M`` the within projection of one effect and ``Q`` an orthonormal basis of the other fixed
columns, the drop in the sum of squares at a candidate ``g`` is ``b(g)' A(g)^-1 b(g)``, where ``b`` and ``A``
are running sums in the order of ``q``: all candidates cost one pass. Everything here is kept in that order;
outcomes come in batches, of which the data are a batch of one and the bootstrap draws are others.
"""

from digiprosper.kernels.threshold.grid import Candidates, Variation, candidates, variation
from digiprosper.kernels.threshold.planning import Plan, level_is_held, plan, with_level, without_level
from digiprosper.kernels.threshold.refinement import (
    Stage,
    finish,
    least_pair,
    lowest,
    open_search,
    split,
    stage,
)
from digiprosper.kernels.threshold.scores import State, condition, drops, start

__all__ = [
    "Candidates",
    "Plan",
    "Stage",
    "State",
    "Variation",
    "candidates",
    "condition",
    "drops",
    "finish",
    "least_pair",
    "level_is_held",
    "lowest",
    "open_search",
    "plan",
    "split",
    "stage",
    "start",
    "variation",
    "with_level",
    "without_level",
]
