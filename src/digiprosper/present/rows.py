"""The rows of a regression table, as text."""

from __future__ import annotations

import math
import numbers
from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from itertools import chain
from typing import Any, Literal, TypeAlias

from digiprosper.checks import check_option, option_error, type_error
from digiprosper.errors import OptionError, cited, quoted
from digiprosper.present.columns import (
    Columns,
    all_terms,
    matching_terms,
    products_of,
    with_products,
)
from digiprosper.present.row_names import TermRow, share_rows
from digiprosper.present.style import Style
from digiprosper.report.characters import tidy_text
from digiprosper.report.collection import merged
from digiprosper.report.columns import (
    Column,
    Parameter,
    ParameterBlock,
    ParameterTest,
    remark_text,
)
from digiprosper.report.inference import WITHOUT_FACTOR, Inference
from digiprosper.report.labels import effect_names
from digiprosper.report.words import TABLE, Words

Row: TypeAlias = tuple[str, list[str]]
StdEffectIn: TypeAlias = Literal["sd", "mean"]

_KINDS_NAMED = ("crv3", "cr2", "bootstrap", "larger")
_STAT = "stat."
_COUNTS = ("n_", "nobs", "df_")
_STATS = [code.removeprefix(_STAT) for code in TABLE.texts if code.startswith(_STAT)]
"""Statistics that have words, even if they are missing in all columns."""
Folded: TypeAlias = dict[str, list[str]]
"""Terms and absorbed effects by the name of their row."""


def depvar_rows(columns: Columns, style: Style) -> list[Row]:
    """Write the row of dependent variables; none if no model has one."""
    names = [c.glance.get("depvar") for c in columns]
    pairs = zip(names, columns, strict=True)
    labels = [style.label(name, c.factors) if name else "" for name, c in pairs]
    return [(style.say("depvar"), labels)] if any(labels) else []


def term_rows(columns: Columns, terms: Sequence[str], style: Style) -> list[Row]:
    """Write two rows per term: estimates with stars, and the numbers below them.

    A term without any estimate is left out. A column that could not be estimated says
    so in the first row.
    """
    rows: list[Row] = []
    for row in share_rows(terms, columns, style):
        rows += _term_pair(row, columns, style)
    failed = [position for position, column in enumerate(columns) if column.failure]
    if failed:
        rows = rows or [(style.say("estimates"), [""] * len(columns))]
        for position in failed:
            rows[0][1][position] = style.say("not_estimated")
    return rows


def _term_pair(row: TermRow, columns: Columns, style: Style) -> list[Row]:
    """Write a row of estimates and the row below it."""
    upper, lower = [""] * len(columns), [""] * len(columns)
    estimated = has_cell = False
    for position, term in row.terms.items():
        column = columns[position]
        if term in column.estimates:
            cell, estimated = column.estimates[term], True
            upper[position] = style.estimate(cell)
            lower[position] = style.companion(cell)
        elif term in column.cells:
            plain, has_cell = column.cells[term], True
            marks = style.marks(plain.p_value)
            upper[position] = style.plain(plain.value, plain.column) + marks
    if not any(upper) and not has_cell:
        return []
    return [(row.label, upper), *([("", lower)] if estimated else [])]


# --- parameters beside the slopes -----------------------------------------------------


def block_rows(columns: Columns, style: Style) -> list[Row]:
    """Write parameters such as thresholds: two rows each, and two rows per test.

    A fixed parameter has one row. Rows without any number are left out.
    """
    by_column = list(map(_parameter_blocks, columns))
    kinds = list(dict.fromkeys(chain.from_iterable(by_column)))
    counts = Counter(kind for kind, _ in kinds)
    factors = merged(columns, "factors")
    rows: list[Row] = []
    for kind, variable in kinds:
        blocks = [of_column.get((kind, variable)) for of_column in by_column]
        words = next(c.words for c, b in zip(columns, blocks, strict=True) if b)
        name = style.label(variable, factors)
        for number in range(max(len(block.parameters) for block in blocks if block)):
            cells = [_parameter_block(block, number) for block in blocks]
            numbered = style.say(f"{kind}.row", words, number=number + 1)
            rows += _parameter_rows(cells, numbered, name, style)
            test_name = name if counts[kind] > 1 else ""
            rows += _test_rows(cells, kind, words, test_name, style)
    return _with_numbers(rows)


def _with_numbers(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if any(row[1])]


def _parameter_blocks(column: Column) -> dict[tuple[str, str], ParameterBlock]:
    """Return the blocks of a column that have parameters, by kind and variable."""
    return {(b.kind, b.variable): b for b in column.blocks if b.parameters}


def _parameter_block(
    block: ParameterBlock | None, number: int
) -> tuple[ParameterBlock, Parameter] | None:
    """Return a column's block with its parameter of a number; None without one."""
    if block is None or number >= len(block.parameters):
        return None
    return block, block.parameters[number]


def _parameter_rows(
    cells: Sequence[tuple[ParameterBlock, Parameter] | None],
    name: str,
    variable: str,
    style: Style,
) -> list[Row]:
    """Write estimates and their confidence sets; fixed values are marked."""
    all_fixed = all(block.fixed for block, _ in filter(None, cells))
    values, sets = [""] * len(cells), [""] * len(cells)
    for position, cell in enumerate(cells):
        if cell:
            block, parameter = cell
            value = style.number(parameter.estimate)
            if block.fixed and not all_fixed:
                value = style.say("given", value=value)
            values[position] = value
            sets[position] = style.interval(parameter.conf_low, parameter.conf_high)
    code = "parameter_given" if all_fixed else "parameter"
    return [(style.say(code, what=name, variable=variable), values), ("", sets)]


def _test_rows(
    cells: Sequence[tuple[ParameterBlock, Parameter] | None],
    kind: str,
    words: Words,
    variable: str,
    style: Style,
) -> list[Row]:
    """Write the tests of parameters; their names have the variable if there is one."""
    by_column = list(map(_tests_in_cell, cells))
    rows: list[Row] = []
    for key in dict.fromkeys(chain.from_iterable(by_column)):
        statistic, of, test_number = key
        word = style.say(f"statistic.{statistic}", words)
        word = f"{word[0].upper()}{word[1:]}"
        name = style.say(f"{kind}.test.{of}", words, statistic=word, number=test_number)
        if variable:
            name = style.say("parameter", what=name, variable=variable)
        tests = [column_tests.get(key) for column_tests in by_column]
        values = [style.number(test.value) if test else "" for test in tests]
        p_values = [style.probability(test.p_value) if test else "" for test in tests]
        rows += [(name, values), ("", [f"({p})" if p else "" for p in p_values])]
    return rows


def _tests_in_cell(
    cell: tuple[ParameterBlock, Parameter] | None,
) -> dict[tuple[str, str, int], ParameterTest]:
    tests = cell[1].tests if cell else ()
    return {(test.statistic, test.of, test.number): test for test in tests}


# --- settings -------------------------------------------------------------------------


def setting_rows(
    columns: Columns,
    folded: Folded,
    rows: Mapping[str, Sequence[object]] | None,
    style: Style,
) -> list[Row]:
    """Write controls, absorbed effects, clusters, weights, the caller's rows."""
    caller_rows = _checked_rows({} if rows is None else rows, len(columns))
    named = [(style.row_name(name), values) for name, values in caller_rows.items()]
    return [
        *folded_rows(columns, folded, style),
        *_effect_rows(columns, folded, style),
        *_error_rows(columns, style),
        *_weight_rows(columns, style),
        *_set_rows(columns, caller_rows, style),
        *((name, [style.plain(v, name) for v in values]) for name, values in named),
    ]


def _checked_rows(rows: Mapping[str, Any], width: int) -> Mapping[str, Any]:
    if not isinstance(rows, Mapping):
        raise type_error(
            "rows",
            rows,
            "a mapping from a row's name to its values, one per column",
            "etable",
        )
    for name, values in rows.items():
        is_list = isinstance(values, Sequence) and not isinstance(values, str)
        if not is_list or len(values) != width:
            raise option_error(
                "rows",
                values,
                f"etable: rows[{cited(name)}]={cited(values)} must be a list of "
                f"{width} values, one per column.",
            )
    return rows


def _effect_rows(columns: Columns, folded: Folded, style: Style) -> list[Row]:
    absorbed = [absorbed_effects(column) for column in columns]
    inside = set(chain.from_iterable(folded.values()))
    all_effects = dict.fromkeys(chain.from_iterable(filter(None, absorbed)))
    effects = [name for name in all_effects if name not in inside]
    factors = merged(columns, "factors")
    codes = _key_codes(columns)
    rows = []
    for name in effects:
        slopes = [factor.slope for factor in factors.get(name, ()) if factor.slope]
        code = codes.get(name, f"effects.{slopes[0]}" if slopes else "effects")
        label = style.label(name, factors)
        answers = [
            "" if names is None else style.answer(yes=name in {*names, *dummies})
            for names, dummies in zip(
                absorbed, map(dummy_effects, columns), strict=True
            )
        ]
        rows.append((style.say(code, name=label), answers))
    return rows


def _key_codes(columns: Columns) -> dict[str | None, str]:
    """Return the codes of entity and time effects that have one name in all panels."""
    codes: dict[str | None, str] = {}
    for position, code in enumerate(("effects.entity", "effects.time")):
        names = {column.keys[position] for column in columns if column.keys}
        if len(names) == 1:
            codes[names.pop()] = code
    return codes


def _weight_rows(columns: Columns, style: Style) -> list[Row]:
    names = [c.glance.get("obs_weights") for c in columns]
    if not any(names):
        return []
    cells = []
    for name, column in zip(names, columns, strict=True):
        is_known = "obs_weights" in column.glance
        unweighted = style.answer(yes=False) if is_known else ""
        cells.append(style.label(name, column.factors) if name else unweighted)
    return [(style.say("weights"), cells)]


def _error_rows(columns: Columns, style: Style) -> list[Row]:
    inferences = [c.inference for c in columns if c.estimates]
    differ = len(set(map(errors_key, inferences))) > 1
    if _are_clustered_alike(inferences) and (style.cluster_row or differ):
        # Intervals and p-values from draws rest on no standard error; what is drawn are
        # the clusters.
        drawn = style.below in ("p", "ci") and any(i.from_draws for i in inferences)
        head = style.say("clustered_by" if drawn else "errors_clustered_by")
        return [(head, [cluster_words(c, " + ", style) for c in columns])]
    if differ:
        cells = [_covariance_text(column, style) for column in columns]
        return [(style.say("errors"), cells)]
    return []


def _are_clustered_alike(inferences: Sequence[Inference]) -> bool:
    """Return whether standard errors differ at most in the names of the clusters."""
    kinds = {i.cov_type if i.cov_type in _KINDS_NAMED else "" for i in inferences}
    return all(inference.clusters for inference in inferences) and len(kinds) == 1


def errors_key(inference: Inference) -> tuple[object, ...]:
    """Return the values that are equal for errors of the same description."""
    distance = inference.distance_cutoff, inference.distance_kernel
    return inference.cov_type, inference.clusters, inference.bandwidth, distance


def _covariance_text(column: Column, style: Style) -> str:
    inference = column.inference
    kind = inference.cov_type
    if inference.clusters:
        code = f"errors.by.{kind}" if kind in _KINDS_NAMED else "errors.by"
        return style.say(code, clusters=cluster_words(column, " + ", style))
    text = kind_words(kind, style)
    for detail in error_details(inference, style):
        text = style.say("errors.more", errors=text, detail=detail)
    return text


def kind_words(kind: str, style: Style) -> str:
    """Name a kind of standard errors: its words, label or code."""
    code = f"errors.{kind}"
    return style.say(code) if code in TABLE else style.labels.get(kind, kind)


def error_details(inference: Inference, style: Style) -> list[str]:
    """Write the distance and lags of a covariance, such as ``["300 km", "2 lags"]``."""
    details = []
    distance, lags = inference.distance_cutoff, inference.bandwidth
    if distance is not None:
        details.append(style.say("distance", count=f"{distance:,g}"))
    if inference.distance_kernel == "uniform":
        details.append(style.say("kernel.uniform"))
    if lags is not None:
        details.append(style.say("lag" if lags == 1 else "lags", count=lags))
    return details


def cluster_words(column: Column, joint: str, style: Style) -> str:
    """Write the labels of the clusters of a column; empty without clusters."""
    clusters = column.inference.clusters
    return joint.join(style.label(name, column.factors) for name in clusters)


def _set_rows(
    columns: Columns, caller_rows: Collection[str], style: Style
) -> list[Row]:
    """Write the rows that sets of models add, such as the difference between groups.

    A row that is among `caller_rows`, as `ByGroup.rows` returns it, is not repeated.
    """
    rows: dict[str, list[str]] = {}
    for position, column in enumerate(columns):
        for name, value in column.set_rows:
            if remark_text(name, column.words, {}, {}) not in caller_rows:
                text = style.remark(name, column)
                cells = rows.setdefault(text, [""] * len(columns))
                cells[position] = style.plain(value, text)
    return _with_numbers(list(rows.items()))


# --- statistics -----------------------------------------------------------------------


def stat_rows(columns: Columns, style: Style) -> list[Row]:
    """Write one row per statistic; rows without any number are left out.

    The number of clusters is shown if it differs from the number of entities in some
    model. Refuse a key that no model has, unless it has words or no model was
    estimated.
    """
    if any(c.glance for c in columns) or not any(c.failure for c in columns):
        keys = [key for column in columns for key in column.glance]
        for key in style.stats:
            check_option("stats", key, list(dict.fromkeys([*_STATS, *keys])))
    rows = []
    for key in _with_clusters(columns, style.stats):
        cells = [_stat_cell(key, column, style) for column in columns]
        rows.append((_stat_name(key, columns, style), cells))
    return _with_numbers(rows)


def _stat_name(key: str, columns: Columns, style: Style) -> str:
    """Name a statistic in words of tables, its label, or its method's words."""
    code = f"{_STAT}{key}"
    if key in _STATS:
        return style.say(code)
    if key in style.labels:
        return style.labels[key]
    words = next((column.words for column in columns if code in column.words), None)
    return key if words is None else style.say(code, words)


def named_stats(style: Style) -> list[str]:
    """List the statistics whose rows a label can name, because they have no words."""
    return [key for key in style.stats if key not in _STATS]


def _with_clusters(columns: Columns, stats: Sequence[str]) -> list[str]:
    keys = list(stats)
    if "n_clusters" not in keys and any(map(_clusters_differ, columns)):
        position = keys.index("n_entities") + 1 if "n_entities" in keys else len(keys)
        keys.insert(position, "n_clusters")
    return keys


def _clusters_differ(column: Column) -> bool:
    """Return whether a column's clusters are not as many as its entities."""
    counts = column.inference.n_clusters
    return bool(counts) and counts != (column.glance.get("n_entities"),)


def _stat_cell(key: str, column: Column, style: Style) -> str:
    """Write a statistic: integers as counts, others with the digits of the table."""
    value = _read_statistic(key, column, style)
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number:
        return style.plain(value)
    if key.endswith("_p"):
        return style.probability(float(value))
    # A small R² is 0.000, since nothing is divided by it.
    if "rsquared" in key and abs(value) < 1:
        return f"{value:z.{style.digits}f}"
    is_count = isinstance(value, numbers.Integral)
    if key in _STATS:
        # Degrees of freedom are floats, and whole numbers as a rule.
        is_count = float(value).is_integer() and key.startswith(_COUNTS)
    return f"{int(value):,}" if is_count else style.number(float(value))


def _read_statistic(key: str, column: Column, style: Style) -> Any:
    """Read a statistic of a column; None if it has none of this name."""
    inference = column.inference
    if key == "n_clusters":
        return " + ".join(f"{count:,}" for count in inference.n_clusters)
    if key == "ssc" and key in column.glance:
        is_none = inference.cov_type in WITHOUT_FACTOR or inference.ssc == "none"
        return style.say("ssc.none") if is_none else inference.ssc
    if key == "mean_y":
        return column.glance.get(key, column.outcome_moments[0])
    return column.glance.get(key)


def std_effect_rows(
    columns: Columns, terms: Sequence[str] | str, unit: StdEffectIn, style: Style
) -> list[Row]:
    """Write the effect of one standard deviation, one row per term with a number."""
    chosen = matching_terms(terms, all_terms(columns), "std_effect", "etable")
    chosen = with_products(chosen, columns)
    rows = []
    for row in share_rows(chosen, columns, style):
        cells = [""] * len(columns)
        for position, term in row.terms.items():
            cells[position] = style.number(_std_effect(columns[position], term, unit))
        rows.append((style.say(f"std_effect.{unit}", name=row.label), cells))
    return _with_numbers(rows)


def _std_effect(column: Column, term: str, unit: StdEffectIn) -> float:
    """Compute the effect; missing if the model has no means and standard deviations."""
    mean, sd = column.outcome_moments
    if term not in column.estimates or term not in column.moments:
        return math.nan
    divisor = sd if unit == "sd" else abs(mean) / 100
    change = column.estimates[term].estimate * column.moments[term][1]
    return change / divisor if divisor > 0 else math.nan


# --- controls and other blocks --------------------------------------------------------


def fold_terms(
    columns: Columns, controls: Sequence[str] | str, blocks: object, style: Style
) -> Folded:
    """Return the terms that each row of controls or blocks summarises, by its name.

    `blocks` has terms, patterns or absorbed effects by name.
    """
    terms = all_terms(columns)
    chosen = matching_terms(controls, terms, "controls", "etable")
    chosen = with_products(chosen, columns)
    folded = {style.say("controls"): chosen} if chosen else {}
    effects = chain.from_iterable(absorbed_effects(column) or () for column in columns)
    foldable = list(dict.fromkeys([*terms, *effects]))
    for name, entries in _read_blocks(blocks).items():
        if name in folded:
            raise _blocks_error(f"the row {cited(name)} is repeated", blocks)
        matched = matching_terms(entries, foldable, f"blocks[{cited(name)}]", "etable")
        folded[name] = with_products(matched, columns)
    _refuse_overlap(folded, blocks)
    return folded


def _refuse_overlap(folded: Folded, blocks: object) -> None:
    """Refuse rows without name or terms, and terms in two rows."""
    counts = Counter(chain.from_iterable(folded.values()))
    empty = [name for name, terms in folded.items() if not terms]
    twice = [term for term, count in counts.items() if count > 1]
    for refused, problem in (
        ("" in folded, "a row has no name"),
        (empty, f"{quoted(empty)} has no terms"),
        (twice, f"{quoted(twice)} would be in two rows"),
    ):
        if refused:
            raise _blocks_error(problem, blocks)


def _read_blocks(blocks: object) -> dict[str, Sequence[str]]:
    if blocks is None:
        return {}
    if not isinstance(blocks, Mapping) or not all(
        isinstance(name, str) for name in blocks
    ):
        raise type_error(
            "blocks",
            blocks,
            "a mapping from rows to terms such as "
            '{"Controls": ["edu", "open"], "Trends": ["trend*"]}',
            "etable",
        )
    names = [tidy_text(name) for name in blocks]
    if len(set(names)) < len(names):
        raise _blocks_error("two rows have the same name", blocks)
    return dict(zip(names, blocks.values(), strict=True))


def _blocks_error(problem: str, blocks: object) -> OptionError:
    return option_error(
        "blocks",
        blocks,
        f"etable: blocks: {problem}; every row needs a distinct name and "
        "distinct terms.",
    )


def folded_rows(columns: Columns, folded: Folded, style: Style) -> list[Row]:
    """Write a row per block: yes, no, or "Some" if a model has some of its terms."""
    product_names = products_of(columns)
    effects = set(chain.from_iterable(absorbed_effects(c) or () for c in columns))
    rows = []
    for name, terms in folded.items():
        # Terms that would share a row, as x and lag(x) with one label, are one term.
        shared = [row.terms.values() for row in share_rows(terms, columns, style)]
        row_of = {term: names for names in shared for term in names}
        alike = {
            frozenset([*row_of.get(term, ()), *product_names.get(term, (term,))])
            for term in terms
        }
        cells = [_block_cell(column, alike, effects, style) for column in columns]
        rows.append((name, cells))
    return rows


def _block_cell(
    column: Column, terms: Set[frozenset[str]], effects: set[str], style: Style
) -> str:
    """Write whether a model has the terms, each a set of names of one row."""
    if not column.absorbs:
        terms = {names for names in terms if effects.isdisjoint(names)}
    in_model = {
        *column.estimates,
        *column.adjusted,
        *(absorbed_effects(column) or ()),
    }
    count = sum(not in_model.isdisjoint(names) for names in terms)
    if 0 < count < len(terms):
        return style.say("some")
    # Effects computed from several equations do not list what those equations contain.
    lists_all = bool(column.glance) and not column.inference.from_draws
    return style.answer(yes=count > 0) if count or (terms and lists_all) else ""


def absorbed_effects(column: Column) -> tuple[str, ...] | None:
    """List a column's absorbed effects; None where they are not known."""
    if not (column.glance and column.absorbs):
        return None
    return effect_names(column.glance.get("effects"))


def dummy_effects(column: Column) -> set[str]:
    """Name the categories whose dummies are regressors, such as ``C(year)``."""
    terms = [estimate.term.factors for estimate in column.estimates.values()]
    return {t[0].column for t in terms if len(t) == 1 and t[0].level is not None}
