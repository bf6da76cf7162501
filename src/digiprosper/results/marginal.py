"""The slope of a fitted equation in one variable, as weights on its coefficients."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import ColumnError, InputTypeError, TermError, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from digiprosper.kernels import Floats

__all__ = ["slope_weights"]

_POWER = re.compile(r"^I\(\s*(.+?)\s*\*\*\s*(\d+)\s*\)$")


def slope_weights(
    names: Sequence[str],
    variable: str,
    at: Mapping[str, Sequence[float]] | None,
    stats: pd.DataFrame,
) -> tuple[Floats, Floats]:
    """Differentiate each term by a variable and evaluate it.

    Parameters
    ----------
    names : sequence of str
        Coefficient names.
    variable : str
        What to differentiate by.
    at : mapping or None
        One column to values; None for five values of the column the slope depends on.
    stats : DataFrame
        Sample statistics of the columns.

    Returns
    -------
    weights : (m, k) array
        The slope at each value is ``weights @ b``.
    values : (m,) array
        Where it was evaluated.

    Raises
    ------
    ColumnError, TermError
        If the variable or the column is not in the equation, or in a form that is not known.
    """
    parts = [_derivative(name, variable) for name in names]
    if all(p is None for p in parts):
        raise ColumnError(f"no coefficient has the variable {variable!r}; they are {quoted(names, 20)}.")
    depends = list(dict.fromkeys(c for p in parts if p is not None for c in p[1]))
    column, values = _where(variable, depends, at, stats)
    weights = np.zeros((values.size, len(names)))
    for j, part in enumerate(parts):
        if part is None:
            continue
        factor, powers = part
        weights[:, j] = factor
        for name, power in powers.items():
            if name != column and name not in stats.index:
                raise ColumnError(f"no sample statistics for {name!r}; say at={{{name!r}: [...]}}.")
            level = values if name == column else np.full(values.size, _mean(stats, name))
            weights[:, j] *= level**power
    return weights, values


def _derivative(name: str, variable: str) -> tuple[float, dict[str, int]] | None:
    """Factor and powers of the columns in d(term) / d(variable); None if the term does not have it."""
    powers: dict[str, int] = {}
    for factor in name.split(":"):
        found = _POWER.match(factor.strip())
        base, power = (found.group(1), int(found.group(2))) if found else (factor.strip(), 1)
        base = base[1:-1] if re.fullmatch(r"`[^`]+`", base) else base
        another = base == variable or "(" not in base or re.match(r"(lag|lead)\(", base) or "[" in base
        if not another and re.search(rf"(?<!\w){re.escape(variable)}(?!\w)", base):
            raise TermError(
                f"the slope in {variable!r} is not known for the term {name!r}: only the variable itself, "
                "I(x**k) and products with columns."
            )
        powers[base] = powers.get(base, 0) + power
    if variable not in powers:
        return None
    factor_value = float(powers[variable])
    powers[variable] -= 1
    return factor_value, {n: p for n, p in powers.items() if p > 0}


def _where(
    variable: str, depends: list[str], at: Mapping[str, Sequence[float]] | None, stats: pd.DataFrame
) -> tuple[str | None, Floats]:
    if at is not None:
        if not hasattr(at, "items") or len(at) != 1:
            raise InputTypeError(f"at={at!r}: one column to its values, such as {{'x': [0, 1]}}.")
        column, given = next(iter(at.items()))
        if column not in depends:
            raise ColumnError(
                f"the slope in {variable!r} does not depend on {column!r} but on {quoted(depends)}."
            )
        try:
            return column, np.atleast_1d(np.asarray(given, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise InputTypeError(f"at={{{column!r}: {given!r}}}: the values are numbers.") from error
    if not depends:
        return None, np.array([_mean(stats, variable)]) if variable in stats.index else np.array([0.0])
    column = variable if variable in depends else depends[0]
    if column not in stats.index:
        raise ColumnError(f"no sample statistics for {column!r}; say at={{{column!r}: [...]}}.")
    low, mean, sd, high = stats[["min", "mean", "sd", "max"]].to_numpy()[stats.index.get_loc(column)]
    return column, np.array([low, mean - sd, mean, mean + sd, high], dtype=np.float64)


def _mean(stats: pd.DataFrame, name: str) -> float:
    return float(stats["mean"].to_numpy()[stats.index.get_loc(name)])
