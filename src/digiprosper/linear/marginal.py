"""Marginal effects of a variable, as weighted sums of coefficients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import (
    ColumnError,
    InputTypeError,
    OptionError,
    TermError,
    cited,
    quoted,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import TWO_VALUES, ZERO_MEAN
from digiprosper.panel.terms import canonical
from digiprosper.report.terms import Factor, Term

Categories: TypeAlias = "Mapping[str, tuple[str, pd.Index[Any]]]"


# A derivative of a term: a number times powers of columns, and dummies of categories,
# each with its category and level
_Part: TypeAlias = tuple[float, dict[str, int], dict[str, tuple[str, int]]]


def slope_weights(
    terms: Sequence[Term],
    variable: str,
    at: Mapping[str, Any] | None,
    stats: pd.DataFrame,
    categories: Categories,
) -> tuple[Floats, Any]:
    """Differentiate terms with respect to a variable; return weights (m, k), values."""
    parts = _derivatives(terms, variable, stats)
    depends = _moderating_columns(parts.values())
    levels = dict(categories.values())
    if at is None:
        column, values = _default_values(variable, depends, stats, levels)
    else:
        column, values = _requested_values(variable, depends, at, levels, categories)
    weights = np.zeros((len(values), len(terms)))
    for j, part in parts.items():
        weights[:, j] = _coefficient_weights(part, column, values, stats, levels)
    return weights, values


def slope_columns(
    terms: Sequence[Term], variable: str, stats: pd.DataFrame
) -> list[str]:
    """List the columns a marginal effect depends on; empty if it is constant."""
    columns = _moderating_columns(_derivatives(terms, variable, stats).values())
    return sorted(columns, key=lambda column: column != variable)


def default_points(stats: pd.DataFrame, column: str) -> Floats:
    """Return the default values of a column for a marginal effect, ascending.

    Both values of a column that has two, such as a dummy; otherwise minimum, mean less
    one standard deviation, mean, mean plus one, and maximum, as far as they are between
    minimum and maximum.
    """
    n, mean, sd, low, high = map(float, stats.loc[column])
    # With given ends and mean, the variance is largest for two values.
    missing = (mean - low) * (high - mean) - sd**2 * (n - 1) / n
    if missing <= TWO_VALUES * (high - low) ** 2:
        return np.unique([low, high])
    centre = 0.0 if abs(mean) < ZERO_MEAN * sd else mean
    points = np.array([low, centre - sd, centre, centre + sd, high], dtype=np.float64)
    return np.unique(points[(points >= low) & (points <= high)])


def _derivatives(
    terms: Sequence[Term], variable: str, stats: pd.DataFrame
) -> dict[int, _Part]:
    # The same factor may be spelt differently in several terms.
    spelling = {canonical(name): name for name in (*map(str, stats.index), variable)}
    derivatives = [_derivative(term, variable, spelling) for term in terms]
    parts = {j: part for j, part in enumerate(derivatives) if part is not None}
    if not parts:
        names = [term.name for term in terms]
        raise ColumnError(
            f"no coefficient contains the variable {cited(variable)}; the coefficients "
            f"are {quoted(names, 20)}."
        )
    return parts


def _moderating_columns(parts: Iterable[_Part]) -> list[str]:
    columns = [[*powers, *dict(dummies.values())] for _, powers, dummies in parts]
    return list(dict.fromkeys(chain.from_iterable(columns)))


def _derivative(term: Term, variable: str, spelling: Mapping[str, str]) -> _Part | None:
    """Differentiate a term with respect to a variable; None if it is not in it."""
    dummies = {f.text: (f.column, f.level) for f in term.factors if f.level is not None}
    powers = _powers(term, variable, spelling)
    if dummies.pop(variable, None):
        return 1.0, powers, dummies
    if variable not in powers:
        return None
    factor = float(powers[variable])
    powers[variable] -= 1
    return factor, {n: p for n, p in powers.items() if p > 0}, dummies


def _powers(term: Term, variable: str, spelling: Mapping[str, str]) -> dict[str, int]:
    """Read a product of numeric factors as columns, each with its power."""
    powers: dict[str, int] = {}
    for factor in (f for f in term.factors if f.level is None):
        base, power = base_and_power(factor, spelling)
        if base != variable and contains_variable(factor, variable):
            raise TermError(
                f"the marginal effect of {cited(variable)} is not available with the "
                f"term {cited(term.name)}, only with the variable itself, I(x**k) and "
                "products with columns."
            )
        powers[base] = powers.get(base, 0) + power
    return powers


def base_and_power(factor: Factor, spelling: Mapping[str, str]) -> tuple[str, int]:
    """Read a factor as a whole power of a column: ``("z", 2)`` for ``I(z**2)``."""
    text = spelling.get(canonical(factor.text), factor.text)
    whole = factor.power >= 1 and float(factor.power).is_integer()
    if factor.function or not factor.column or not whole:
        return text, 1
    return spelling.get(canonical(factor.column), factor.column), int(factor.power)


def contains_variable(factor: Factor, variable: str) -> bool:
    """Return whether a factor is calculated from a variable; lags do not count."""
    return not factor.shift and canonical(variable) in map(canonical, factor.columns)


def _default_values(
    variable: str,
    depends: Sequence[str],
    stats: pd.DataFrame,
    levels: Mapping[str, pd.Index[Any]],
) -> tuple[str | None, Any]:
    if not depends:
        mean = _mean(stats, variable) if variable in stats.index else 0.0
        return None, np.array([mean])
    column = variable if variable in depends else depends[0]
    if column in levels:
        return column, levels[column]
    if column not in stats.index:
        raise _no_statistics_error(column)
    return column, default_points(stats, column)


def _requested_values(
    variable: str,
    depends: Sequence[str],
    at: Mapping[str, Any],
    levels: Mapping[str, pd.Index[Any]],
    categories: Categories,
) -> tuple[str, Any]:
    if not hasattr(at, "items") or len(at) != 1:
        raise InputTypeError(
            f"at={cited(at)} must map one column to its values, such as "
            f"{{'x': [0, 1]}}."
        )
    column, points = next(iter(at.items()))
    refuse_dummy(column, categories)
    if not depends:
        cure = f"I({variable}**2)" if column == variable else f"{variable}:{column}"
        raise ColumnError(
            f"at={{{cited(column)}: {cited(points)}}}: the marginal effect of "
            f"{cited(variable)} is constant in this model. Omit at, or add "
            f"{cited(cure)} to x."
        )
    if column not in depends:
        raise ColumnError(
            f"the marginal effect of {cited(variable)} does not depend on "
            f"{cited(column)} but on {quoted(depends)}."
        )
    if column in levels:
        positions = level_positions(column, points, levels[column])
        return column, levels[column].take(positions)
    try:
        return column, np.atleast_1d(np.asarray(points, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f"at={{{cited(column)}: {cited(points)}}}: the values must be numbers."
        ) from error


def refuse_dummy(column: object, categories: Categories) -> None:
    """Refuse a single dummy in `at`, which does not determine the other dummies."""
    for factor, (category, levels) in categories.items():
        if str(column) == factor or str(column).startswith(f"{factor}["):
            some = levels[:5].tolist()
            raise OptionError(
                f"at={{{cited(column)}: ...}}: one dummy does not determine the other "
                f"dummies of {cited(category)}. Pass levels of the category: "
                f"at={{{cited(category)}: {some}}}."
            )


def level_positions(column: str, values: Any, levels: pd.Index[Any]) -> list[int]:
    """Return positions of one or several levels in the sample; refuse others."""
    labels = levels.tolist()
    requested = np.asarray(values, dtype=object).ravel().tolist()
    unknown = [level for level in requested if level not in labels]
    if unknown or not requested:
        raise OptionError(
            f"at={{{cited(column)}: {cited(values)}}}: not a level in the estimation "
            f"sample; the levels are {quoted(levels, 12)}."
        )
    return [labels.index(level) for level in requested]


def _coefficient_weights(
    part: _Part,
    column: str | None,
    values: Any,
    stats: pd.DataFrame,
    levels: Mapping[str, pd.Index[Any]],
) -> Floats:
    """Compute one coefficient's weights: columns at given values or at means."""
    factor, powers, dummies = part
    out = np.full(len(values), factor)
    for name, power in powers.items():
        here = np.asarray(values, np.float64) if name == column else _mean(stats, name)
        out *= here**power
    for dummy, (category, position) in dummies.items():
        if category == column:
            out *= values == levels[category][position]
        elif dummy in stats.index:
            out *= _mean(stats, dummy)
        else:
            raise ColumnError(
                f"the mean of the dummies of {cited(category)} is not known, since "
                f"C({category}) is not a term by itself; pass "
                f"at={{{cited(category)}: [...]}}, or add C({category}) to x."
            )
    return out


def _mean(stats: pd.DataFrame, name: str) -> float:
    if name not in stats.index:
        raise _no_statistics_error(name)
    return float(stats["mean"][name])


def _no_statistics_error(name: str) -> ColumnError:
    return ColumnError(
        f"no sample statistics for {cited(name)}; pass at={{{cited(name)}: [...]}}."
    )
