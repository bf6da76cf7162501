"""The rows and notes of a regression table, as text."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import InputTypeError, Notice, OptionError
from digiprosper.present.columns import row_label
from digiprosper.present.labels import effect_label, effect_names, term_label, tidy_text

if TYPE_CHECKING:
    from digiprosper.present.columns import Column, Cut, Estimate

__all__ = [
    "STATS",
    "Below",
    "Row",
    "Style",
    "depvar_rows",
    "note_lines",
    "setting_rows",
    "stat_rows",
    "term_rows",
    "threshold_rows",
]

Below: TypeAlias = Literal["se", "t", "p", "ci"]
Row: TypeAlias = tuple[str, list[str]]
_Labels: TypeAlias = Mapping[str, str]

STATS = {
    "nobs": "Observations",
    "n_entities": "Entities",
    "n_times": "Periods",
    "n_clusters": "Clusters",
    "df_resid": "Residual degrees of freedom",
    "df_t": "Degrees of freedom of t",
    "df_absorbed": "Absorbed degrees of freedom",
    "rsquared": "R²",
    "rsquared_within": "Within R²",
    "rsquared_within_entity": "Within R² (entity)",
    "rsquared_adj": "Adjusted R²",
    "f_statistic": "F",
}
_ERRORS = {
    "unadjusted": "Unadjusted standard errors",
    "robust": "Heteroskedasticity-robust standard errors",
    "driscoll_kraay": "Driscoll-Kraay standard errors",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How numbers become text.

    Parameters
    ----------
    below : {"se", "t", "p", "ci"}
        What stands under an estimate.
    stars : tuple of float or None
        Descending levels.
    digits : int
        Decimals.
    """

    below: Below
    stars: tuple[float, ...] | None
    digits: int

    def number(self, value: float) -> str:
        """Write a number with the table's decimals; nothing for a missing one."""
        return "" if math.isnan(value) else f"{value:.{self.digits}f}"

    def probability(self, value: float) -> str:
        """Write a p-value with at least two decimals, never as zero."""
        digits = max(self.digits, 2)
        if math.isnan(value):
            return ""
        return f"<{10.0**-digits:.{digits}f}" if value < 10.0**-digits else f"{value:.{digits}f}"

    def interval(self, low: float, high: float) -> str:
        """Write an interval in brackets; nothing when an end is missing."""
        return "" if math.isnan(low) or math.isnan(high) else f"[{self.number(low)}, {self.number(high)}]"

    def estimate(self, cell: Estimate) -> str:
        """Write an estimate with its stars."""
        return self.number(cell.estimate) + "*" * sum(cell.p_value < level for level in self.stars or ())

    def companion(self, cell: Estimate) -> str:
        """Write what stands under an estimate."""
        if self.below == "ci":
            return self.interval(cell.conf_low, cell.conf_high)
        if self.below == "p":
            text = self.probability(cell.p_value)
        else:
            text = self.number(cell.std_error if self.below == "se" else cell.statistic)
        return f"({text})" if text else ""

    def plain(self, value: object, column: str = "") -> str:
        """Write a cell that is not an estimate; `column` tells a p-value by its name."""
        if isinstance(value, (bool, np.bool)):
            return "Yes" if value else "No"
        if value is None or value is pd.NA or value is pd.NaT:
            return ""
        if isinstance(value, numbers.Integral):
            return str(int(value))
        if isinstance(value, numbers.Real):
            return self.probability(float(value)) if column in {"p_value", "p"} else self.number(float(value))
        return tidy_text(value)


def depvar_rows(columns: Sequence[Column], labels: _Labels) -> list[Row]:
    """Name the dependent variables, where the models have one.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    labels : mapping
        Labels by term or column.

    Returns
    -------
    list of (str, list of str)
        One row or none.
    """
    names = [c.glance["depvar"] if c.glance else None for c in columns]
    cells = [term_label(n, labels) if n else "" for n in names]
    return [("Dependent variable", cells)] if any(cells) else []


def term_rows(columns: Sequence[Column], terms: Sequence[str], labels: _Labels, style: Style) -> list[Row]:
    """Write every term: estimates with stars, and their companions in a row without a name.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    terms : sequence of str
        Terms, in order.
    labels : mapping
        Labels by term or column.
    style : Style
        How numbers become text.

    Returns
    -------
    list of (str, list of str)
        Two rows a term, one where no model estimates it, none where every estimate is missing. A column that
        failed says so in the first.
    """
    made: list[Row] = []
    for term in terms:
        upper, lower = [], []
        for column in columns:
            cell, plain = column.estimates.get(term), column.cells.get(term)
            text = style.plain(plain.value, plain.column) if plain else ""
            upper.append(style.estimate(cell) if cell else text)
            lower.append(style.companion(cell) if cell else "")
        if any(upper):
            made.append((row_label(term, columns, labels, style.digits), upper))
            made += [("", lower)] if any(term in c.estimates for c in columns) else []
    if any(c.failure for c in columns):
        made = made or [("Estimates", [""] * len(columns))]
        for position, column in enumerate(columns):
            made[0][1][position] = "not estimated" if column.failure else made[0][1][position]
    return made


def threshold_rows(columns: Sequence[Column], labels: _Labels, style: Style) -> list[Row]:
    """Write each threshold with its confidence set, and its test with its p-value.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    labels : mapping
        Labels by term or column.
    style : Style
        How numbers become text.

    Returns
    -------
    list of (str, list of str)
        Up to four rows a threshold; rows without any number are left out.
    """
    regimes = [c.regimes for c in columns]
    names = {term_label(r.variable, labels) for r in regimes if r}
    ending = f": {names.pop()}" if len(names) == 1 else ""
    made: list[Row] = []
    for number in range(max((len(r.cuts) for r in regimes if r), default=0)):
        cuts = [r.cuts[number] if r and number < len(r.cuts) else None for r in regimes]
        made += [
            (f"Threshold {number + 1}{ending}", [style.number(cut.estimate) if cut else "" for cut in cuts]),
            ("", [style.interval(cut.conf_low, cut.conf_high) if cut else "" for cut in cuts]),
            (f"F of threshold {number + 1}", [style.number(cut.statistic) if cut else "" for cut in cuts]),
            ("", [_in_brackets(cut, style) for cut in cuts]),
        ]
    return [row for row in made if any(row[1])]


def setting_rows(
    columns: Sequence[Column],
    folded: Sequence[str],
    rows: Mapping[str, Sequence[object]] | None,
    labels: _Labels,
    style: Style,
) -> list[Row]:
    """Write what was held fixed: controls, absorbed effects, clusters, and the caller's own rows.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    folded : sequence of str
        Terms for which the row "Controls" stands.
    rows : mapping or None
        The caller's rows, one value a column.
    labels : mapping
        Labels by term or column.
    style : Style
        How numbers become text.

    Returns
    -------
    list of (str, list of str)
        The rows.

    Raises
    ------
    InputTypeError
        If `rows` is not a mapping.
    OptionError
        If a row has not one value a column.
    """
    controls = [("Controls", [_control_cell(c, folded) for c in columns])] if folded else []
    return [
        *controls,
        *_effect_rows(columns, labels),
        *_covariance_rows(columns, labels),
        *_own_rows(rows or {}, len(columns), style),
    ]


def stat_rows(columns: Sequence[Column], stats: Sequence[str], style: Style) -> list[Row]:
    """Write statistics of the whole fit.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    stats : sequence of str
        Keys of `glance`.
    style : Style
        How numbers become text.

    Returns
    -------
    list of (str, list of str)
        One row a key; rows without any number are left out.
    """
    made = []
    for key in stats:
        cells = [_stat_cell(key, c.glance.get(key), style) if c.glance else "" for c in columns]
        if any(cells):
            made.append((STATS[key], cells))
    return made


def note_lines(columns: Sequence[Column], labels: _Labels, style: Style) -> list[str]:
    """Explain what stands in brackets, the stars, and columns that are not like the others.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    labels : mapping
        Labels by term or column.
    style : Style
        How numbers become text.

    Returns
    -------
    list of str
        Lines below the table.
    """
    lines = []
    if any(c.estimates for c in columns):
        lines.append(_companion_note(columns, labels, style))
        if style.stars:
            levels = (f"{'*' * count} p < {level:g}" for count, level in enumerate(style.stars, start=1))
            lines.append(", ".join(levels) + ".")
    regimes = [c.regimes for c in columns if c.regimes]
    if regimes:
        level = " and ".join(dict.fromkeys(f"{100 * r.level:g}%" for r in regimes))
        tested = any(cut.p_value >= 0 for r in regimes for cut in r.cuts)
        test = "; under F: its bootstrap p-value" if tested else ""
        lines.append(f"Under a threshold: its {level} confidence set, from end to end{test}.")
    for column in columns:
        if column.draws is not None:
            lines.append(f"{column.head}: p-values and intervals from {column.draws:,} bootstrap draws.")
        if column.failure is not None:
            lines.append(f"{column.head} not estimated: {tidy_text(column.failure)}")
    return lines


def _in_brackets(cut: Cut | None, style: Style) -> str:
    text = style.probability(cut.p_value) if cut else ""
    return f"({text})" if text else ""


def _control_cell(column: Column, folded: Sequence[str]) -> str:
    count = sum(term in column.estimates for term in folded)
    if count:
        return "Yes" if count == len(folded) else "Some"
    # Effects computed from several equations do not list what those equations contain.
    return "" if column.glance is None or column.draws is not None else "No"


def _effect_rows(columns: Sequence[Column], labels: _Labels) -> list[Row]:
    absorbed = [None if c.glance is None else effect_names(c.glance["effects"]) for c in columns]
    return [
        (
            f"{effect_label(name, labels)} fixed effects",
            ["" if names is None else "Yes" if name in names else "No" for names in absorbed],
        )
        for name in dict.fromkeys(name for names in absorbed for name in names or ())
    ]


def _covariance_rows(columns: Sequence[Column], labels: _Labels) -> list[Row]:
    glances = [c.glance for c in columns]
    known = [g for g in glances if g is not None]
    made: list[Row] = []
    if known and all(g["clusters"] for g in known):
        words = [_cluster_words(g["clusters"], labels, " + ") if g else "" for g in glances]
        made.append(("SE clustered by", words))
    elif len({(g["cov_type"], g["clusters"]) for g in known}) > 1:
        words = [_covariance_words(g["cov_type"], g["clusters"], labels) if g else "" for g in glances]
        made.append(("Standard errors", words))
    if len({g["ssc"] for g in known}) > 1:
        made.append(("Small-sample correction", [(g["ssc"] or "") if g else "" for g in glances]))
    return made


def _covariance_words(cov_type: str | None, clusters: str | None, labels: _Labels) -> str:
    if clusters:
        return f"by {_cluster_words(clusters, labels, ' + ')}"
    return {"driscoll_kraay": "Driscoll-Kraay"}.get(cov_type or "", cov_type or "")


def _cluster_words(clusters: str | None, labels: _Labels, joint: str) -> str:
    return joint.join(effect_label(name, labels) for name in effect_names(clusters))


def _own_rows(rows: Mapping[str, Any], width: int, style: Style) -> list[Row]:
    if not isinstance(rows, Mapping):
        raise InputTypeError(
            f"etable: rows={rows!r} must be a mapping from a row's name to its values, one a column.",
            [Notice("option", "rows", {"option": "rows"})],
        )
    for name, values in rows.items():
        if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != width:
            raise OptionError(
                f"etable: rows[{name!r}]={values!r} must be a list of {width} values, one a column.",
                [Notice("option", f"rows[{name!r}]", {"option": "rows", "row": name, "columns": width})],
            )
    return [(tidy_text(name), [style.plain(v) for v in values]) for name, values in rows.items()]


def _stat_cell(key: str, value: object, style: Style) -> str:
    if not isinstance(value, (int, float)) or math.isnan(value):
        return ""
    if key.startswith(("rsquared", "f_")) or not float(value).is_integer():
        return style.number(float(value))
    return f"{int(value):,}"


def _companion_note(columns: Sequence[Column], labels: _Labels, style: Style) -> str:
    known = {(g["cov_type"], g["clusters"], g["ssc"]) for g in (c.glance for c in columns) if g is not None}
    errors = "Standard errors"
    if len(known) == 1:
        cov_type, clusters, ssc = known.pop()
        errors = _ERRORS.get(cov_type or "", errors)
        errors += f" clustered by {_cluster_words(clusters, labels, ' and ')}" if clusters else ""
        errors += f" (ssc {ssc})" if ssc else ""
    later = errors if errors.startswith("Driscoll") else errors[0].lower() + errors[1:]
    return {
        "se": f"{errors} in parentheses.",
        "t": f"t statistics in parentheses, from {later}.",
        "p": f"p-values in parentheses, from {later}.",
        "ci": f"95% confidence intervals in brackets, from {later}.",
    }[style.below]
