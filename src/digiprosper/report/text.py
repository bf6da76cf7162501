"""Numbers and conventions in words, shared by every summary."""

from __future__ import annotations

import unicodedata
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import counted
from digiprosper.report.inference import WITHOUT_FACTOR
from digiprosper.report.labels import name_label
from digiprosper.report.verdicts import is_balanced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digiprosper.report.inference import Inference
    from digiprosper.report.terms import Factors

# Covariances without a small-sample factor.


def p_text(p: float) -> str:
    """Print a p-value, never as zero.

    Parameters
    ----------
    p : float
        Probability.

    Returns
    -------
    str
        Three digits, or ``"<0.001"``.
    """
    if np.isnan(p):
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def p_words(p: float, digits: int = 4) -> str:
    """Print a p-value with its sign of equality, never as zero.

    Parameters
    ----------
    p : float
        Probability.
    digits : int
        Decimals.

    Returns
    -------
    str
        Such as ``"p = 0.0312"`` or ``"p < 0.0001"``.

    Examples
    --------
    >>> p_words(0.03124), p_words(1e-9, digits=3)
    ('p = 0.0312', 'p < 0.001')
    """
    least = 10.0**-digits
    return f"p < {least:.{digits}f}" if p < least else f"p = {p:.{digits}f}"


def number_text(value: float, digits: int = 4) -> str:
    """Print a number, or say that it is missing.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        Significant digits.

    Returns
    -------
    str
        Such as ``"0.1234"``, or ``"missing"``.
    """
    return "missing" if np.isnan(value) else f"{value:z.{digits}g}"


def interval_text(low: float, high: float, *, form: str = ".4g", computed: bool = True) -> str:
    """Print an interval, or say that there is none.

    Parameters
    ----------
    low, high : float
        Ends.
    form : str
        Format of each end; an end that rounds to zero has no sign.
    computed : bool
        Whether such intervals were computed at all.

    Returns
    -------
    str
        Such as ``"[0.1, 0.4]"``; ``"missing"`` where the low end is, ``"not computed"`` where none was.

    Examples
    --------
    >>> interval_text(0.1, 0.4), interval_text(float("nan"), float("nan"))
    ('[0.1, 0.4]', 'missing')
    """
    if not computed:
        return "not computed"
    return "missing" if np.isnan(low) else f"[{low:z{form}}, {high:z{form}}]"


def conventions(
    how: Inference, labels: Mapping[str, str] | None = None, factors: Factors | None = None
) -> str:
    """Name the standard errors of a regression.

    Parameters
    ----------
    how : Inference
        Where they come from.
    labels : mapping, optional
        Labels by column, for the names of the clusters; by default the columns themselves.
    factors : mapping, optional
        What the clusters are products of, by name.

    Returns
    -------
    str
        Such as ``"Standard errors clustered by state (48 clusters, t with 47 degrees of freedom; small-sample
        correction as reghdfe)"``.
    """
    rest = f"t with {freedom_text(how.df_t)}"
    if how.cov_type == "cr2":
        rest = f"t with Bell-McCaffrey degrees of freedom of each coefficient, {how.df_t:.1f} or more"
    if how.cov_type not in WITHOUT_FACTOR:
        rest += f"; {correction_words(how.ssc or 'none')}"
    if how.clusters:
        names = _cluster_names(how.clusters, labels or {}, factors or {})
        groups = " and ".join(f"{g:,}" for g in how.n_clusters)
        kinds = {"crv3": "CRV3, one cluster left out at a time; ", "cr2": "CR2, bias-reduced; "}
        kind = kinds.get(how.cov_type, "")
        return f"Standard errors clustered by {names} ({kind}{groups} clusters, {rest})"
    if how.cov_type in ("conley", "driscoll_kraay"):
        return f"{_correlated(how)}, {rest})"
    robust = {
        "robust": "robust to heteroskedasticity (HC1)",
        "hc2": "robust to heteroskedasticity (HC2)",
        "hc3": "robust to heteroskedasticity (HC3)",
        "unadjusted": "for independent errors of equal variance",
    }
    return f"Standard errors {robust[how.cov_type]} ({rest})"


def _correlated(how: Inference) -> str:
    """Name errors that are correlated in space and time, and how far."""
    if how.cov_type == "conley":
        return f"Conley standard errors ({', '.join(_near_words(how))}"
    lags = counted(how.bandwidth or 0, "lag")
    # Its degrees of freedom are the periods less one.
    return f"Driscoll-Kraay standard errors ({lags}, {how.df_t + 1:.0f} periods"


def _near_words(how: Inference) -> list[str]:
    """Name the cutoff, the kernel and, in a panel, the lags."""
    lags = [] if how.bandwidth is None else [counted(how.bandwidth, "lag")]
    kernel = "uniform kernel" if how.distance_kernel == "uniform" else "Bartlett kernel"
    return [f"{how.distance_cutoff:,g} km", kernel, *lags]


def _cluster_names(names: Iterable[str], labels: Mapping[str, str], factors: Factors) -> str:
    return " and ".join(name_label(name, labels, factors) for name in names)


def freedom_text(df: float) -> str:
    """Print degrees of freedom.

    Parameters
    ----------
    df : float
        How many.

    Returns
    -------
    str
        Such as ``"1 degree of freedom"`` or ``"47 degrees of freedom"``.
    """
    return f"{df:g} {'degree' if df == 1 else 'degrees'} of freedom"


def correction_words(ssc: str) -> str:
    """Name the small-sample correction of a covariance.

    Parameters
    ----------
    ssc : str
        Its option word.

    Returns
    -------
    str
        Such as ``"small-sample correction as reghdfe"``.
    """
    return "no small-sample correction" if ssc == "none" else f"small-sample correction as {ssc}"


def last_lines(conventions: str, settings: str = "") -> list[str]:
    """Break the lines that end every summary at 80 columns.

    Parameters
    ----------
    conventions : str
        Which standard errors and intervals were printed.
    settings : str
        Options and seeds that reproduce the result; empty if there are none.

    Returns
    -------
    list of str
        The conventions, then the settings on a line of their own.
    """
    lines = [f"{conventions}."]
    if settings:
        lines.append(f"Settings: {settings}.")
    return wrapped(lines)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out text cells, the first column to the left and the others to the right.

    Parameters
    ----------
    head : sequence of str
        Column heads.
    rows : sequence of sequences of str
        Cells.

    Returns
    -------
    str
        Lines with a rule under the head. Wide characters count twice.
    """
    every = [list(head), *[list(r) for r in rows]]
    widths = [max(_width(r[j]) for r in every) for j in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0] + " " * (widths[0] - _width(cells[0]))
        rest = [" " * (w - _width(c)) + c for c, w in zip(cells[1:], widths[1:], strict=True)]
        return "  ".join([first, *rest]).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([line(every[0]), rule, *(line(r) for r in every[1:]), rule])


def sample_text(nobs: int, n_entities: int, n_times: int, keys: tuple[str, str | None]) -> str:
    """Describe the size of a sample, and whether every entity has every period.

    Parameters
    ----------
    nobs, n_entities, n_times : int
        Rows, entities and periods.
    keys : pair of str
        Names of the keys.

    Returns
    -------
    str
        Such as ``"Sample: 816 rows, 48 state x 17 year"``.
    """
    text = f"Sample: {nobs:,} rows, {n_entities} {keys[0]} x {n_times} {keys[1] or 'period'}"
    if is_balanced(nobs, n_entities, n_times):
        return text
    return f"{text}, unbalanced ({nobs / n_entities:.1f} rows each on average)"


def wrapped(lines: Iterable[str]) -> list[str]:
    """Break lines at 80 columns.

    Parameters
    ----------
    lines : iterable of str
        Sentences.

    Returns
    -------
    list of str
        Lines; what is carried over is indented.
    """
    return [part for line in lines for part in wrap(line, 80, subsequent_indent="  ")]


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does.

    Parameters
    ----------
    words : sequence of str
        At least one.

    Returns
    -------
    str
        Such as ``"a, b and c"``.
    """
    return " and ".join([*[", ".join(words[:-1])] * (len(words) > 1), words[-1]])


def json_safe(value: Any) -> Any:
    """Turn numpy scalars, tuples and missing numbers into what JSON has.

    Parameters
    ----------
    value : object
        Nested mappings, sequences, arrays and scalars.

    Returns
    -------
    object
        The same with plain types; NaN and infinities are None.
    """
    if isinstance(value, dict):
        return {str(k): json_safe(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(v) for v in value]
    if isinstance(value, np.ndarray):
        return json_safe(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)
