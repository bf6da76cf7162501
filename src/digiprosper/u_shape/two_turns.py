"""A test of curves with two turning points, in the way of Lind and Mehlum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from digiprosper.checks import check_level, one_problem
from digiprosper.errors import TermError, cited, number_text, quoted
from digiprosper.linear.results import LinearResults
from digiprosper.report.summary import Summary
from digiprosper.report.variance import standard_errors
from digiprosper.u_shape import u_test

_DIRECTIONS = {"N": "Up, down, up (N)", "inverse N": "Down, up, down (inverse N)"}


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class TwoTurnsResult(u_test.CurveTest):
    """Result of the test of two turning points, made by `two_turns_test`.

    Parameters
    ----------
    variable : str
        Term x of the curve ``b1 x + b2 x**2 + b3 x**3``.
    terms : tuple of str
        Terms x, its square and its cube.
    depvar : str
        Outcome.
    interval : tuple (low, high)
        Interval on which the shape is tested, in units of `variable`.
    statistic : float
        The least of the absolute t statistics of the three slopes; missing if the curve
        has not both turning points inside the interval.
    p_value : float
        One-sided p-value: the largest of the three. Missing if the statistic is.
    turning_points, turning_se : tuple of float
        Both turning points, the lower one first, and their standard errors by the delta
        method, in units of `variable`. They are missing if the cubic is monotone; a
        standard error is also missing if its variance is negative.
    fieller : list of (low, high)
        All x at which the slope is not significant, in ascending order: each turning
        point is in it with probability `level`. Two bounded intervals if both turning
        points are well determined; otherwise intervals may be one or unbounded. One
        pair of missing values if the covariance matrix of the three terms is not
        positive semi-definite.
    points, slopes, tstats : tuple of float
        The low end of the interval, the point between the turning points at which the
        slope is largest or smallest (the inflection of the curve), and the high end;
        slopes there, and their t statistics. The numbers of the point between are
        missing if it is outside the interval.
    inside : bool
        Whether both turning points are inside `interval`.
    df_t : float
        Degrees of freedom of the t distribution.
    level : float
        Confidence level of `fieller`.
    conventions : str
        Type of the standard errors, as text.
    diagnostics : tuple of Notice
        ``"not_psd"`` if two-way clusters make numbers missing;
        ``"curve_by_few_clusters"`` if the coefficients depend on few clusters.
    at : mapping
        Values of the columns that the curve depends on through interactions; empty if
        there are none.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> terms = ["digital", "I(digital**2)", "I(digital**3)", "urban"]
    >>> fit = dp.FixedEffects("urban_rural_theil", terms).fit(panel)
    >>> test = dp.two_turns_test(fit, "digital")
    >>> test.shape, test.inside
    ('none', False)
    """

    terms: tuple[str, ...]
    turning_points: tuple[float, float]
    turning_se: tuple[float, float]
    points: tuple[float, float, float]
    slopes: tuple[float, float, float]
    tstats: tuple[float, float, float]

    @property
    def _fitted_shape(self) -> str:
        return "N" if self.slopes[0] > 0 else "inverse N"

    def _summary(self) -> Summary:
        shown = zip(self.points, self.slopes, self.tstats, strict=True)
        slopes = "; ".join(
            f"at {number_text(x)}: {slope:.4g} (t {t:z.2f})"
            for x, slope, t in shown
            if not np.isnan(x)
        )
        turns = " and ".join(
            f"{number_text(x)} (delta se {number_text(se, 3)})"
            for x, se in zip(self.turning_points, self.turning_se, strict=True)
        )
        turning = [f"Turning points {turns}", self._fieller_text()]
        if np.isnan(self.turning_points).any():
            turning = ["No turning points: the cubic is monotone"]
        return self._described(
            "Test of two turning points",
            f"Slope {slopes}",
            *self._verdict(
                "The slope does not change its sign twice on the interval. There is "
                "nothing to test.",
                "the slope does not have these three signs",
                _DIRECTIONS[self._fitted_shape],
            ),
            *turning,
        )


def two_turns_test(
    results: LinearResults,
    variable: str,
    *,
    at: Mapping[str, Any] | None = None,
    interval: Sequence[float] | None = None,
    level: float = 0.95,
) -> TwoTurnsResult:
    """Test whether a cubic turns twice inside the data: down, up, down, or the reverse.

    The curve is ``y = b1 x + b2 x**2 + b3 x**3 + ..`` with slope
    ``s(x) = b1 + 2 b2 x + 3 b3 x**2``. It turns twice on [low, high] if s(low), the
    extreme slope between the turning points and s(high) have alternating signs. The
    null hypothesis is that they have not. As in the test of a U-shape (Lind & Mehlum
    2010), it is rejected only if *all* slopes are significant: the statistic is the
    least of the three absolute t statistics, with a one-sided p-value (an
    intersection-union test, Berger 1982).

    A significant cube is not enough: most cubics turn outside the data or nowhere.

    Parameters
    ----------
    results : LinearResults
        A fit with the variable, its square ``I(x**2)`` and its cube ``I(x**3)``. The
        test uses its covariance matrix and degrees of freedom.
    variable : str
        Term x.
    at : mapping, optional
        Values of the columns with which the terms interact, as in `u_test`.
    interval : (low, high), optional
        Interval of the test, in units of `variable`. The default is the range of x in
        the estimation sample.
    level : float
        Confidence level of the Fieller set, .95 by default.

    Returns
    -------
    TwoTurnsResult
        The test, the turning points and their confidence set. If the turning points are
        not real, or one is outside the interval, the statistic and the p-value are
        missing and `inside` is False.

    Raises
    ------
    ColumnError
        If the variable has no coefficient, or `at` does not have the columns of the
        interactions.
    TermError
        If the fit has no square and cube of the variable, or another term that bends
        the curve. If it has interactions with other columns, and `at` is not given.
    OptionError
        If `at`, `interval` or `level` has a value that is not allowed.
    InputTypeError
        If `results` is not the result of a linear model, or `at` is not a mapping.
    IdentificationError
        If a term has no standard error.

    Notes
    -----
    The turning points are the roots x1 and x2 of s. Their delta standard errors are
    ``se(s(x)) / |2 b2 + 6 b3 x|``. The set of Fieller (1954) has all x with
    ``|s(x) / se(s(x))| <= t``, which is an inequality of the fourth degree.

    The slope between is that at the inflection ``-b2 / (3 b3)``. There s has its
    extremum, so that the error of the estimated inflection does not change the standard
    error of the slope in first order.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> waves = panel.assign(
    ...     wave=lambda f: (
    ...         f["digital"] * (f["digital"] - 0.6) ** 2 + 0.01 * f["productivity"]
    ...     )
    ... )
    >>> terms = ["digital", "I(digital**2)", "I(digital**3)"]
    >>> test = dp.two_turns_test(dp.FixedEffects("wave", terms).fit(waves), "digital")
    >>> test.shape, [round(x, 1) for x in test.turning_points]
    ('N', [0.2, 0.6])
    """
    u_test.check_fit("two_turns_test", results, variable=variable)
    positions = _cubic_positions(results, variable)
    name = results.names[positions[0]]
    low, high = u_test.check_interval(interval, results.sample_stats, name, "cube")
    curve = u_test.Curve("two_turns_test", results, positions, "cube", (low, high))
    level, at = check_level(level), u_test.moderator_values(curve, at)
    middle, half = (low + high) / 2, (high - low) / 2
    # From b1, b2, b3 to the slope as a polynomial in z, x scaled to [-1, 1].
    to_slope = np.array(
        [
            [1.0, 2 * middle, 3 * middle**2],
            [0.0, 2 * half, 6 * middle * half],
            [0.0, 0.0, 3 * half**2],
        ]
    )
    weights = to_slope @ curve.weights(at)
    slope = np.polynomial.Polynomial(weights @ results.coefficients)
    v = curve.covariance(weights)

    roots = slope.roots()
    turns = np.sort(roots.real) if np.isreal(roots).all() else np.full(2, np.nan)
    z = np.array([-1.0, *slope.deriv().roots(), 1.0, *turns])
    z[1] = z[1] if abs(z[1]) < 1 else np.nan
    powers = np.vander(z, 3, increasing=True)
    errors = standard_errors(np.einsum("pi,ij,pj->p", powers, v, powers))
    t = slope(z[:3]) / errors[:3]
    numbers = {
        "turning_points": middle + half * turns,
        "turning_se": half * errors[3:] / np.abs(slope.deriv()(turns)),
        "points": middle + half * z[:3],
        "slopes": slope(z[:3]),
        "tstats": t,
    }
    # The slope is within `critical` errors of zero between some roots of a polynomial,
    # with the variance that sums v along its antidiagonals.
    critical = float(results.estimated.critical(level, weights))
    variance = [np.trace(v[::-1], power) for power in range(-2, 3)]
    excess = slope**2 - critical**2 * np.polynomial.Polynomial(variance)
    cuts = excess.roots()
    ends = np.array([-np.inf, *np.sort(cuts[np.isreal(cuts)].real), np.inf])
    # Finite ends, so that each interval has a middle.
    far = 2 * np.abs(cuts).max(initial=1.0)
    inner = np.clip(ends, -far, far)
    not_significant = excess((inner[:-1] + inner[1:]) / 2) <= 0
    sets = middle + half * np.column_stack([ends[:-1], ends[1:]])[not_significant]
    inside = bool((np.abs(turns) < 1).all())
    fields = curve.test_fields(at, level, weights, t, sets.tolist(), inside=inside)
    fields |= {name: tuple(values.tolist()) for name, values in numbers.items()}
    return TwoTurnsResult(**fields, terms=curve.terms)


def _cubic_positions(results: LinearResults, variable: str) -> tuple[int, int, int]:
    """Find the variable, its square and its cube among the coefficients."""
    level = u_test.position_of(results, variable, "two_turns_test")
    bends = u_test.bending_terms(results.terms, variable)
    if sorted(bends.values()) != ["cube", "square"]:
        terms = tuple(results.names[position] for position in bends)
        square, cube = (f"I({variable}**{power})" for power in (2, 3))
        raise one_problem(
            TermError,
            "no_cubic",
            f"two_turns_test needs the square and the cube of {cited(variable)} in the "
            f"fit, and no other term that bends the curve; it has "
            f"{quoted(terms) or 'none'}. Add {cited(square)} and {cited(cube)} to x; "
            "u_test tests curves with one turning point.",
            variable=variable,
            terms=terms,
        )
    by_form = {form: position for position, form in bends.items()}
    return level, by_form["square"], by_form["cube"]
