"""Numbers and conventions in words, shared by every summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from textwrap import wrap
from typing import Any

import numpy as np

from digiprosper.errors import counted, number_text
from digiprosper.report.characters import console_text, text_width
from digiprosper.report.inference import WITHOUT_FACTOR, Inference
from digiprosper.report.labels import name_label
from digiprosper.report.terms import Factors
from digiprosper.report.verdicts import is_balanced


def p_text(p: float) -> str:
    """Print a p-value with three digits, or ``"<0.001"``."""
    if np.isnan(p):
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def p_words(p: float, digits: int = 4) -> str:
    """Print a p-value with its sign, such as ``"p = 0.0312"`` or ``"p < 0.0001"``."""
    least = 10.0**-digits
    return f"p < {least:.{digits}f}" if p < least else f"p = {p:.{digits}f}"


def permutations_text(count: int, *, enumerated: bool) -> str:
    """Print how many permutations were drawn, or that all there are were used."""
    return f"all {count:,} permutations" if enumerated else f"{count:,} permutations"


def percent_text(share: float) -> str:
    """Print a level or a size in per cent, such as ``"95%"`` or ``"2.5%"``."""
    return f"{100 * share:.6g}%"


def interval_text(
    low: float, high: float, *, digits: int = 4, form: str = "", computed: bool = True
) -> str:
    """Print an interval, or ``"missing"`` with its lower end, or ``"not computed"``."""
    if not computed:
        return "not computed"
    ends = [
        f"{end:z{form}}" if form else number_text(end, digits) for end in (low, high)
    ]
    return "missing" if np.isnan(low) else f"[{', '.join(ends)}]"


def conventions(
    inference: Inference,
    labels: Mapping[str, str] | None = None,
    factors: Factors | None = None,
) -> str:
    """Describe a regression's errors: clusters, degrees of freedom, correction."""
    details = freedom_text(inference.df_t)
    if np.isfinite(inference.df_t):
        details = f"t with {details}"
    if inference.cov_type == "cr2":
        details = (
            "t with Bell-McCaffrey degrees of freedom of each coefficient, "
            f"{inference.df_t:.1f} or more"
        )
    if inference.cov_type not in WITHOUT_FACTOR:
        corrected = inference.ssc not in (None, "none")
        details += (
            f"; small-sample correction as {inference.ssc}"
            if corrected
            else "; no small-sample correction"
        )
    if inference.clusters:
        names = " and ".join(
            name_label(name, labels or {}, factors or {}) for name in inference.clusters
        )
        groups = " and ".join(f"{g:,}" for g in inference.n_clusters)
        kinds = {
            "crv3": "CRV3, one cluster left out at a time; ",
            "cr2": "CR2, bias-reduced; ",
        }
        kind = kinds.get(inference.cov_type, "")
        return (
            f"Standard errors clustered by {names} ({kind}{groups} clusters, {details})"
        )
    if inference.cov_type in ("conley", "driscoll_kraay", "xtscc"):
        return f"{_correlation_text(inference)}, {details})"
    robust = {
        "robust": "robust to heteroskedasticity (HC1)",
        "hc2": "robust to heteroskedasticity (HC2)",
        "hc3": "robust to heteroskedasticity (HC3)",
        "unadjusted": "for independent errors of equal variance",
    }
    return f"Standard errors {robust[inference.cov_type]} ({details})"


def _correlation_text(inference: Inference) -> str:
    """Describe standard errors that allow for correlation in space and time."""
    lags = counted(inference.bandwidth or 0, "lag")
    if inference.cov_type == "conley":
        # In a panel there are lags too.
        near = [] if inference.bandwidth is None else [lags]
        is_uniform = inference.distance_kernel == "uniform"
        kernel = "uniform kernel" if is_uniform else "Bartlett kernel"
        distance = f"{inference.distance_cutoff:,g} km"
        return f"Conley standard errors ({', '.join([distance, kernel, *near])}"
    if inference.cov_type == "driscoll_kraay":
        return (
            "Driscoll-Kraay standard errors, with the variance clustered by entity "
            f"added ({lags}"
        )
    # Its degrees of freedom are the periods less one.
    return (
        f"Driscoll-Kraay standard errors as xtscc ({lags}, "
        f"{inference.df_t + 1:.0f} periods"
    )


def freedom_text(df: float) -> str:
    """Print degrees of freedom, such as ``"47 degrees of freedom"``."""
    if df == inf:
        return "normal distribution"
    number = f"{df:g}" if float(df).is_integer() else f"{df:.1f}"
    return f"{number} {'degree' if df == 1 else 'degrees'} of freedom"


def last_lines(conventions: str, settings: str = "") -> list[str]:
    """Write conventions, and settings on a line of their own, at 80 columns."""
    lines = [f"{conventions}."]
    if settings:
        lines.append(f"Settings: {settings}.")
    return wrapped(lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out cells below a heading: first column left-aligned, others right."""
    # Powers are wider when printed.
    all_rows = [list(map(console_text, row)) for row in (head, *rows)]
    widths = [max(text_width(r[j]) for r in all_rows) for j in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0] + " " * (widths[0] - text_width(cells[0]))
        further_cells = [
            " " * (w - text_width(c)) + c
            for c, w in zip(cells[1:], widths[1:], strict=True)
        ]
        return "  ".join([first, *further_cells]).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([line(all_rows[0]), rule, *(line(r) for r in all_rows[1:]), rule])


def sample_text(
    nobs: int, n_entities: int, n_times: int, keys: tuple[str, str | None]
) -> str:
    """Describe a sample: ``"Sample: 816 rows, 48 state x 17 year"``."""
    if keys[1] is None and n_entities == nobs:
        return f"Sample: {nobs:,} rows"
    text = f"Sample: {nobs:,} rows, {n_entities} {keys[0]}"
    if keys[1] is not None:
        text += f" x {n_times} {keys[1]}"
    if is_balanced(nobs, n_entities, n_times):
        return text
    return f"{text}, unbalanced ({nobs / n_entities:.1f} rows each on average)"


def wrapped(lines: Iterable[str]) -> list[str]:
    """Break lines at 80 columns, with continuation lines indented."""
    return [part for line in lines for part in wrap(line, 80, subsequent_indent="  ")]


def listed(words: Sequence[str]) -> str:
    """Join words as in ``"a, b and c"``."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def repeated(words: Iterable[str]) -> list[str]:
    """List the words that occur more than once, each once."""
    return [word for word, count in Counter(words).items() if count > 1]


def json_safe(value: Any) -> Any:
    """Convert numpy scalars, tuples and missing numbers (to None) for JSON."""
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
    return (
        value
        if isinstance(value, str | int | float | bool | type(None))
        else str(value)
    )
