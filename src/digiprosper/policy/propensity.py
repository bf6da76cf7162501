"""The propensity score: the probability of treatment given base values, by a logit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

import numpy as np

from digiprosper.errors import CollinearityError, IdentificationError, Notice, cited, quoted, several
from digiprosper.kernels.least_squares import dependences
from digiprosper.kernels.tolerances import CONSTANT, LAST_STEP
from digiprosper.linear.estimation import collinear_problem
from digiprosper.policy.kernels.separation import is_separated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats

_MOST_STEPS: Final = 200


def propensity(x: Floats, treated: Bools, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Estimate the probability of treatment by a logit on `x` (N, p).

    Returns the probabilities (N,) and the coefficients (1 + p,): the intercept, then those of the columns in
    their own units.
    """
    from scipy.special import expit
    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    centre, scale = _checked_units(x, names)
    design = np.column_stack([np.ones(len(x)), (x - centre) / scale])
    _refuse_few(design, names)
    _refuse_separated(design, treated, names)

    # On its way the exponential may be infinite; the probability is then 0.
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        logit = Logit(treated.astype(np.float64), design)
        fit = logit.fit(method="newton", maxiter=_MOST_STEPS, tol=LAST_STEP, disp=0, skip_hessian=True)
    if not fit.mle_retvals["converged"]:
        text = (
            f"the logit of treatment on {quoted(names)} did not converge in {_MOST_STEPS} steps. Use fewer "
            "terms in x."
        )
        raise IdentificationError(text, [Notice("not_converged", text, {"terms": tuple(names)})])
    slopes = np.asarray(fit.params)[1:] / scale
    intercept = float(fit.params[0]) - float(slopes @ centre)
    return np.asarray(expit(design @ fit.params)), np.array([intercept, *slopes])


def _checked_units(x: Floats, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Return centre and scale of each column; refuse constant and collinear columns."""
    centre = x.mean(axis=0)
    deviations = x - centre
    scale = np.sqrt((deviations**2).mean(axis=0))
    flat = scale <= CONSTANT * np.abs(x).max(axis=0)
    if flat.any():
        constant = [name for name, is_flat in zip(names, flat, strict=True) if is_flat]
        problems = [Notice("constant", f"{cited(name)} is constant", {"column": name}) for name in constant]
        raise IdentificationError(
            f"x: {several(problems)} in the base values of the entities, so it cannot explain who is "
            "treated. Omit it.",
            problems,
        )
    dependent = [
        collinear_problem(names[dependence.column], [names[position] for position in dependence.on])
        for dependence in dependences(deviations / scale)
    ]
    if dependent:
        raise CollinearityError(f"x: {several(dependent)} in the base values. Omit one of them.", dependent)
    return centre, scale


def _refuse_few(design: Floats, names: Sequence[str]) -> None:
    if len(design) <= design.shape[1]:
        text = (
            f"a logit with {len(names)} terms and an intercept needs more than {design.shape[1]} entities "
            f"with base values, and there are {len(design)}. Use fewer terms in x."
        )
        data = {"entities": len(design), "terms": tuple(names)}
        raise IdentificationError(text, [Notice("few_entities", text, data)])


def _refuse_separated(design: Floats, treated: Bools, names: Sequence[str]) -> None:
    if not is_separated(design, treated):
        return
    separating = [
        name
        for position, name in enumerate(names, start=1)
        if is_separated(design[:, [0, position]], treated)
    ]
    subject = quoted(separating) if separating else f"a combination of {quoted(names)}"
    text = (
        f"{subject} separates treated entities from the others: on one side of some value all are treated, "
        "or none is. A logit has no estimate then, and there are no controls with comparable values. Omit "
        "the term, or compare other entities."
    )
    raise IdentificationError(text, [Notice("separated", text, {"terms": tuple(separating or names)})])
