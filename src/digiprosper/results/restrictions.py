"""Linear restrictions on coefficients, read from text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import TermError, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats

__all__ = ["read_restrictions"]

# formulaic reads 1e-3 as the column 1e.
_SCIENTIFIC = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+")


def read_restrictions(text: str, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Read restrictions such as ``"a = b, c = 0"``.

    Parameters
    ----------
    text : str
        Restrictions separated by commas. Coefficients are named as in the results.
    names : sequence of str
        Coefficient names.

    Returns
    -------
    matrix : (q, k) array
        One row a restriction.
    value : (q,) array
        With ``matrix @ b = value`` under the null.

    Raises
    ------
    TermError
        If the text cannot be read or names no coefficient.
    """
    from formulaic.errors import FormulaicError
    from formulaic.utils.constraints import LinearConstraints

    safe = [f"b{i}_" for i in range(len(names))]
    pattern = "|".join(_spelling(n) for n in sorted(names, key=len, reverse=True))
    tokens = {"".join(n.split()): word for n, word in zip(names, safe, strict=True)}
    coded = re.sub(
        rf"(?<![\w:])(?:{pattern})(?![\w:(\[])", lambda m: tokens["".join(m.group(0).split())], text
    )
    coded = _SCIENTIFIC.sub(lambda m: np.format_float_positional(float(m.group(0))), coded)
    coded = ",".join(part if "=" in part else f"{part} = 0" for part in coded.split(","))
    stray = [w for w in re.findall(r"(?<![\w.])[^\W\d]\w*", coded) if w not in safe]
    if stray:
        raise TermError(
            f"wald_test({text!r}) names no coefficient {quoted(stray)}; they are {quoted(names, 20)}."
        )
    try:
        found = LinearConstraints.from_spec(coded, variable_names=safe)
    except (FormulaicError, ValueError, SyntaxError, KeyError) as error:
        raise TermError(
            f"wald_test({text!r}) cannot be read; write 'a = b' or 'a + 2*b = 1, c = 0'."
        ) from error
    matrix = np.asarray(found.constraint_matrix, dtype=np.float64)
    return matrix, np.asarray(found.constraint_values, dtype=np.float64)


def _spelling(name: str) -> str:
    """Match a name however its blanks are set."""
    return r"\s*".join(re.escape(part) for part in re.findall(r"\w+|[^\w\s]", name))
