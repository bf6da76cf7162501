"""The rows and notes of a regression table, as text."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import DigiprosperError, InputTypeError, Notice, OptionError, cited
from digiprosper.present.row_names import share_rows
from digiprosper.report.characters import tidy_text
from digiprosper.report.labels import effect_label, effect_names, term_label
from digiprosper.report.text import correction_words

if TYPE_CHECKING:
    from digiprosper.present.columns import Column, Cut, Estimate, Regimes, Test

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
_Owned: TypeAlias = "Sequence[tuple[Column, Regimes]]"

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
    "bootstrap": "Bootstrap standard errors",
}
_CORRELATION_TEST = (
    "Stars of correlations: t test with N - 2 degrees of freedom, which assumes independent rows."
)
_P_NAME = re.compile(r"(?:.*\W)?(?:p|[pP][ _-]?value)\)?")


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
        """Write a number with the table's decimals; nothing for a missing one.

        One that is not zero but would read so gets as many significant digits instead.
        """
        if math.isnan(value):
            return ""
        text = f"{value:.{self.digits}f}"
        if float(text) != 0:
            return text
        return f"{value:#.{max(self.digits, 1)}g}" if value != 0 else text.removeprefix("-")

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
        return self.number(cell.estimate) + self.marks(cell.p_value)

    def marks(self, p_value: float) -> str:
        """Write one star for each level that a p-value is under."""
        return "*" * sum(p_value < level for level in self.stars or ())

    def companion(self, cell: Estimate) -> str:
        """Write what stands under an estimate."""
        if self.below == "ci":
            return self.interval(cell.conf_low, cell.conf_high)
        if self.below == "p":
            text = self.probability(cell.p_value)
        else:
            text = self.number(cell.std_error if self.below == "se" else cell.statistic)
        return f"({text})" if text else ""

    def plain(self, value: object, name: str = "") -> str:
        """Write a cell that is not an estimate; the name of its column or row tells a p-value."""
        if isinstance(value, (bool, np.bool)):
            return "Yes" if value else "No"
        if value is None or value is pd.NA or value is pd.NaT:
            return ""
        if isinstance(value, numbers.Integral):
            return str(int(value))
        if isinstance(value, numbers.Real):
            number = float(value)
            is_p = 0 <= number <= 1 and _P_NAME.fullmatch(name)
            return self.probability(number) if is_p else self.number(number)
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
        Two rows a term (see `share_rows` for what makes more or fewer), one where no model
        estimates it, none where every estimate is missing; every row of a DataFrame. A column that failed
        says so in the first.
    """
    made: list[Row] = []
    for label, shown in share_rows(terms, columns, labels, style.digits):
        upper, lower = [""] * len(columns), [""] * len(columns)
        for position, term in shown.items():
            column = columns[position]
            cell, plain = column.estimates.get(term), column.cells.get(term)
            text = style.plain(plain.value, plain.column) + style.marks(plain.p_value) if plain else ""
            upper[position] = style.estimate(cell) if cell else text
            lower[position] = style.companion(cell) if cell else ""
        if any(upper) or any(term in columns[position].cells for position, term in shown.items()):
            made.append((label, upper))
            estimated = any(term in columns[position].estimates for position, term in shown.items())
            made += [("", lower)] if estimated else []
    if any(c.failure for c in columns):
        made = made or [("Estimates", [""] * len(columns))]
        for position, column in enumerate(columns):
            made[0][1][position] = "not estimated" if column.failure else made[0][1][position]
    return made


def threshold_rows(columns: Sequence[Column], labels: _Labels, style: Style) -> list[Row]:
    """Write each threshold or kink with its confidence set, and its tests with their p-values.

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
        Two rows a threshold and two a test, variable by variable; rows without any number are left out. A
        given threshold is one row.
    """
    blocks = dict.fromkeys(c.regimes.family[:2] for c in columns if c.regimes and c.regimes.cuts)
    made: list[Row] = []
    for block in blocks:
        regimes = [c.regimes if c.regimes and c.regimes.family[:2] == block else None for c in columns]
        alone = sum(kink == block[0] for kink, _ in blocks) == 1
        made += _block_rows(regimes, term_label(block[1], labels), style, alone=alone)
    return [row for row in made if any(row[1])]


def _block_rows(regimes: Sequence[Regimes | None], name: str, style: Style, *, alone: bool) -> list[Row]:
    """Write the thresholds in one variable; tests name it too unless it is alone."""
    made: list[Row] = []
    for number in range(max(len(r.cuts) for r in regimes if r)):
        cuts = [r.cuts[number] if r and number < len(r.cuts) else None for r in regimes]
        given = [bool(r and r.given and cut) for r, cut in zip(regimes, cuts, strict=True)]
        every = all(g for g, cut in zip(given, cuts, strict=True) if cut)
        values = [style.number(cut.estimate) if cut else "" for cut in cuts]
        what = "Kink point" if any(r and r.kink for r in regimes) else f"Threshold {number + 1}"
        made += [
            (
                f"{what} ({name}{', given' if every else ''})",
                [v + " (given)" * (g and not every) for v, g in zip(values, given, strict=True)],
            ),
            ("", [style.interval(cut.conf_low, cut.conf_high) if cut else "" for cut in cuts]),
        ]
        for kind in dict.fromkeys(test[:2] for cut in cuts if cut for test in cut.tests):
            tests = [_test_of(cut, kind) for cut in cuts]
            values = [style.number(test.value) if test else "" for test in tests]
            below = [_in_brackets(test, style) for test in tests]
            made += [(_test_name(*kind) + ("" if alone else f" ({name})"), values), ("", below)]
    return made


def _test_of(cut: Cut | None, kind: tuple[str, str]) -> Test | None:
    return next((test for test in cut.tests if test[:2] == kind), None) if cut else None


def _test_name(statistic: str, of: str) -> str:
    return f"{statistic[0].upper()}{statistic[1:]}{' of ' if of.startswith('threshold') else ', '}{of}"


def setting_rows(
    columns: Sequence[Column],
    folded: Sequence[str],
    rows: Mapping[str, Sequence[object]] | None,
    labels: _Labels,
    style: Style,
) -> list[Row]:
    """Write what was held fixed: controls, absorbed effects, clusters, weights, and the caller's own rows.

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
        *_covariance_rows(columns, labels, style),
        *_weight_rows(columns, labels),
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
        One row a key; rows without any number are left out. Clusters are told, below the entities, even
        when they are not asked for if some model has another number of them than of entities.
    """
    made = []
    for key in _with_clusters(columns, stats):
        cells = [_stat_cell(key, c, style) for c in columns]
        if any(cells):
            made.append((STATS[key], cells))
    return made


def _with_clusters(columns: Sequence[Column], stats: Sequence[str]) -> list[str]:
    keys = list(stats)
    differ = any(c.glance and c.n_clusters and c.n_clusters != (c.glance["n_entities"],) for c in columns)
    if differ and "n_clusters" not in keys:
        place = keys.index("n_entities") + 1 if "n_entities" in keys else len(keys)
        keys.insert(place, "n_clusters")
    return keys


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
    lines += dict.fromkeys(c.note for c in columns if c.note)
    correlated = any(not math.isnan(cell.p_value) for c in columns for cell in c.cells.values())
    if style.stars and (correlated or any(c.estimates for c in columns)):
        levels = (f"{'*' * count} p < {level:g}" for count, level in enumerate(style.stars, start=1))
        lines.append(", ".join(levels) + ".")
        lines += _star_notes(columns, style)
        lines += [_CORRELATION_TEST] if correlated else []
    lines += _few_drawn_notes(columns)
    lines += _threshold_notes(columns, labels, style)
    lines += [f"{c.head} not estimated: {_first_sentence(c.failure)}" for c in columns if c.failure]
    return lines


def _star_notes(columns: Sequence[Column], style: Style) -> list[str]:
    if style.below == "p":  # the parentheses hold the p-value and its note says where it is from
        return []
    drawn = _by_text(
        (f"{c.draws:,} bootstrap draws", c) for c in columns if c.draws is not None and c.few_drawn is None
    )
    return [f"Stars of {heads}: p-values from {text}." for text, heads in drawn.items()]


def _few_drawn_notes(columns: Sequence[Column]) -> list[str]:
    few = _by_text((f"{c.few_drawn} clusters", c) for c in columns if c.few_drawn is not None)
    return [
        f"Bootstrap p-values and intervals of {heads} are not reported: {text} are too few for a bootstrap."
        for text, heads in few.items()
    ]


def _threshold_notes(columns: Sequence[Column], labels: _Labels, style: Style) -> list[str]:
    regimes = [(c, c.regimes) for c in columns if c.regimes]
    tests = [test for _, r in regimes for cut in r.cuts for test in cut.tests]
    lines = [*_known_note(regimes), *_set_notes(regimes)]
    if tests:
        words = " or ".join(dict.fromkeys(test.statistic for test in tests))
        sources = _by_text((r.drawn, c) for c, r in regimes if any(cut.tests for cut in r.cuts))
        lines.append(f"Below {words} of a test: its p-value, {_each(sources)}.")
    lines += [_refused_note(c, r, r.refused, labels, style) for c, r in regimes if r.refused]
    if any(r.given for _, r in regimes):
        lines.append("A given threshold was fixed and not estimated: it has no confidence set and no test.")
    return lines


def _known_note(regimes: _Owned) -> list[str]:
    """Note whether standard errors allow for the estimation of a threshold."""
    estimated = [r.kink for _, r in regimes if r.cuts and not r.given]
    steps = ["Standard errors treat the estimated threshold as known."] if False in estimated else []
    kinks = ["Standard errors allow for the estimation of the kink point."] if True in estimated else []
    return steps + kinks


def _set_notes(regimes: _Owned) -> list[str]:
    lines = []
    for kink, what in ((False, "threshold"), (True, "kink point")):
        own = [(c, r) for c, r in regimes if r.kink == kink and r.cuts and not r.given]
        levels = {f"{100 * r.level:g}%" for _, r in own}
        shared = f" {levels.pop()}" if len(levels) == 1 else ""
        sources = _by_text(
            (r.confidence if shared else f"{100 * r.level:g}%, {r.confidence}", c) for c, r in own
        )
        if sources:
            lines.append(
                f"Below a {what}: its{shared} confidence set (lower and upper end); {_each(sources)}."
            )
    gaps = _by_text(
        (f"{'kink point' if r.kink else f'threshold {number}'} in {cut.pieces} pieces", c)
        for c, r in regimes
        for number, cut in enumerate(r.cuts, start=1)
        if cut.pieces > 1
    )
    if gaps:
        lines.append(
            f"Confidence sets with gaps: {'; '.join(f'{names} {text}' for text, names in gaps.items())}."
        )
    return lines


def _refused_note(column: Column, regimes: Regimes, test: Test, labels: _Labels, style: Style) -> str:
    what = test.of if regimes.cuts else "threshold"
    p = style.probability(test.p_value)
    p = p.replace("<", "p < ") if p.startswith("<") else f"p = {p}"
    numbers = (
        f"{test.statistic} = {style.number(test.value)}, {p}" if math.isfinite(test.value) else "no p-value"
    )
    rest = "" if regimes.cuts else "; its slopes are those of the linear model"
    return (
        f"{column.head} tested and not retained: {what} in {term_label(regimes.variable, labels)}, "
        f"{numbers} ({regimes.drawn}){rest}."
    )


def _each(sources: Mapping[str, str]) -> str:
    """Write one text for all columns, or one for each where they differ."""
    if len(sources) == 1:
        return next(iter(sources))
    return "; ".join(f"{heads}: {text}" for text, heads in sources.items())


def _by_text(pairs: Iterable[tuple[str, Column]]) -> dict[str, str]:
    """Gather the heads of the columns for which the same is to be said."""
    heads: dict[str, list[str]] = {}
    for text, column in pairs:
        heads.setdefault(text, []).append(str(column.head))
    return {text: ", ".join(names) for text, names in heads.items()}


def _first_sentence(error: DigiprosperError) -> str:
    """Keep the first sentence; what follows, such as the list of all columns, is for the console."""
    return re.split(r"\.\s+(?=[A-Z])", tidy_text(error), maxsplit=1)[0].rstrip(".") + "."


def _in_brackets(test: Test | None, style: Style) -> str:
    text = style.probability(test.p_value) if test else ""
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


def _weight_rows(columns: Sequence[Column], labels: _Labels) -> list[Row]:
    names = [c.glance["obs_weights"] if c.glance else "" for c in columns]
    if not any(names):
        return []
    return [("Weights", ["No" if n is None else term_label(n, labels) if n else "" for n in names])]


def _covariance_rows(columns: Sequence[Column], labels: _Labels, style: Style) -> list[Row]:
    known = [c.glance for c in columns if c.glance is not None]
    made: list[Row] = []
    if known and all(g["clusters"] for g in known):
        # Intervals and p-values from draws rest on no standard error; what is drawn are the clusters.
        drawn = style.below in ("p", "ci") and any(c.draws is not None for c in columns)
        words = [_cluster_words(c.glance["clusters"], labels, " + ") if c.glance else "" for c in columns]
        made.append(("Clustered by" if drawn else "SE clustered by", words))
    elif len({_errors_key(c) for c in columns if c.glance}) > 1:
        made.append(("Standard errors", [_covariance_words(c, labels) for c in columns]))
    if len({g["ssc"] for g in known}) > 1:
        words = [(c.glance["ssc"] or "") if c.glance else "" for c in columns]
        made.append(("Small-sample correction", words))
    return made


def _errors_key(column: Column) -> tuple[str | None, str | None, int | None]:
    glance = column.glance
    return (glance["cov_type"], glance["clusters"], column.bandwidth) if glance else (None, None, None)


def _covariance_words(column: Column, labels: _Labels) -> str:
    cov_type, clusters, lags = _errors_key(column)
    if clusters:
        return f"by {_cluster_words(clusters, labels, ' + ')}"
    if cov_type == "driscoll_kraay":
        return "Driscoll-Kraay" + ("" if lags is None else f", {_lag_words(lags)}")
    return cov_type or ""


def _lag_words(lags: int) -> str:
    return f"{lags} lag{'s' * (lags != 1)}"


def _cluster_words(clusters: str | None, labels: _Labels, joint: str) -> str:
    return joint.join(effect_label(name, labels) for name in effect_names(clusters))


def _own_rows(rows: Mapping[str, Any], width: int, style: Style) -> list[Row]:
    if not isinstance(rows, Mapping):
        raise InputTypeError(
            f"etable: rows={cited(rows)} must be a mapping from a row's name to its values, one per column.",
            [Notice("option", "rows", {"option": "rows"})],
        )
    for name, values in rows.items():
        if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != width:
            raise OptionError(
                f"etable: rows[{cited(name)}]={cited(values)} must be a list of {width} values, one per "
                "column.",
                [Notice("option", f"rows[{cited(name)}]", {"option": "rows", "row": name, "columns": width})],
            )
    named = ((tidy_text(name), values) for name, values in rows.items())
    return [(name, [style.plain(v, name) for v in values]) for name, values in named]


def _stat_cell(key: str, column: Column, style: Style) -> str:
    if column.glance is None:
        return ""
    if key == "n_clusters":
        return " + ".join(f"{count:,}" for count in column.n_clusters)
    value = column.glance.get(key)
    if not isinstance(value, (int, float)) or math.isnan(value):
        return ""
    if key.startswith(("rsquared", "f_")) or not float(value).is_integer():
        return style.number(float(value))
    return f"{int(value):,}"


def _companion_note(columns: Sequence[Column], labels: _Labels, style: Style) -> str:
    shown = [c for c in columns if c.estimates]
    from_draws = style.below in ("p", "ci")
    errors = _errors_text([c for c in shown if c.draws is None or not from_draws], labels)
    if style.below == "se":
        return f"{errors} in parentheses."
    later = errors if errors.startswith("Driscoll") else errors[0].lower() + errors[1:]
    what = {
        "t": "t statistics in parentheses",
        "p": "p-values in parentheses",
        "ci": "95% confidence intervals in brackets",
    }[style.below]
    percentile = "percentiles of " if style.below == "ci" else ""
    sources = _by_text(
        (later if c.draws is None or not from_draws else f"{percentile}{c.draws:,} bootstrap draws", c)
        for c in shown
    )
    if len(sources) == 1:
        return f"{what}, from {next(iter(sources))}."
    return f"{what}: " + "; ".join(f"{heads} from {source}" for source, heads in sources.items()) + "."


def _errors_text(columns: Sequence[Column], labels: _Labels) -> str:
    """Name the standard errors; where columns differ, a row gives each one's."""
    known = {_errors_key(c) for c in columns if c.glance}
    corrections = {c.glance["ssc"] for c in columns if c.glance}
    brackets = []
    if len(known) == 1:
        cov_type, clusters, lags = known.pop()
        errors = _ERRORS.get(cov_type or "", "Standard errors")
        errors += f" clustered by {_cluster_words(clusters, labels, ' and ')}" if clusters else ""
        brackets += [] if lags is None else [_lag_words(lags)]
    elif known and all(clusters for _, clusters, _ in known):
        errors = "Standard errors clustered as shown above"
    else:
        errors = "Standard errors" + (" of the type shown above" if known else "")
    if len(corrections) == 1:
        brackets += [correction_words(ssc) for ssc in corrections if ssc]
    return errors + (f" ({', '.join(brackets)})" if brackets else "")
