"""The rows of a regression table, as text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from digiprosper.errors import InputTypeError, OptionError, cited, option_problem
from digiprosper.present.columns import merged_factors
from digiprosper.present.folding import NOT_APPLICABLE, absorbed_effects, folded_rows
from digiprosper.present.row_names import share_rows
from digiprosper.report.characters import tidy_text
from digiprosper.report.columns import remark_text
from digiprosper.report.inference import WITHOUT_FACTOR
from digiprosper.report.labels import name_label
from digiprosper.report.words import TABLE

if TYPE_CHECKING:
    from digiprosper.present.folding import Folded
    from digiprosper.present.row_names import SharedRow
    from digiprosper.present.style import Style
    from digiprosper.report.columns import Block, Column, Parameter, ParameterTest
    from digiprosper.report.inference import Inference
    from digiprosper.report.terms import Factors
    from digiprosper.report.words import Words

Row: TypeAlias = tuple[str, list[str]]
_Labels: TypeAlias = Mapping[str, str]

_CLUSTERED_KINDS = ("crv3", "cr2")


def depvar_rows(columns: Sequence[Column], labels: _Labels, style: Style) -> list[Row]:
    """Write the row of dependent variables; none if no model has one."""
    names = [c.glance["depvar"] if c.glance else None for c in columns]
    cells = [name_label(n, labels, c.factors) if n else "" for n, c in zip(names, columns, strict=True)]
    return [(style.say(TABLE, "depvar"), cells)] if any(cells) else []


def term_rows(columns: Sequence[Column], terms: Sequence[str], labels: _Labels, style: Style) -> list[Row]:
    """Write the terms: a row of estimates with stars, and one of standard errors or what is shown instead.

    A term without any estimate is left out. A column that could not be estimated says so in the first row.
    """
    shared = share_rows(terms, columns, labels, style.digits, style.language)
    rows = [row for shared_row in shared for row in _term_pair(shared_row, columns, style)]
    failed = [position for position, column in enumerate(columns) if column.failure]
    if failed:
        rows = rows or [(style.say(TABLE, "estimates"), [""] * len(columns))]
        for position in failed:
            rows[0][1][position] = style.say(TABLE, "not_estimated")
    return rows


def _term_pair(row: SharedRow, columns: Sequence[Column], style: Style) -> list[Row]:
    """Write a row of estimates and the row below it."""
    upper, lower = [""] * len(columns), [""] * len(columns)
    for position, term in row.terms.items():
        cell, plain = columns[position].estimates.get(term), columns[position].cells.get(term)
        if cell is not None:
            upper[position], lower[position] = style.estimate(cell), style.companion(cell)
        elif plain is not None:
            upper[position] = style.plain(plain.value, plain.column) + style.marks(plain.p_value)
    estimated = any(term in columns[position].estimates for position, term in row.terms.items())
    has_cell = any(term in columns[position].cells for position, term in row.terms.items())
    if not any(upper) and not has_cell:
        return []
    return [(row.label, upper), *([("", lower)] if estimated else [])]


def block_rows(columns: Sequence[Column], labels: _Labels, style: Style) -> list[Row]:
    """Write parameters such as thresholds: two rows each, and two rows per test with its p-value.

    A given parameter has one row. Rows without any number are left out.
    """
    owned_blocks = [(block, c.words) for c in columns for block in c.blocks if block.parameters]
    kinds = list(dict.fromkeys((block.kind, block.variable) for block, _ in owned_blocks))
    words = {block.kind: block_words for block, block_words in reversed(owned_blocks)}
    several = Counter(kind for kind, _ in kinds)
    rows: list[Row] = []
    for kind, variable in kinds:
        blocks = [_block_of(c, kind, variable) for c in columns]
        name = name_label(variable, labels, merged_factors(columns))
        kind_rows = _BlockRows(blocks, kind, name, words[kind], style)
        rows += kind_rows.all(name_tests=several[kind] > 1)
    return _with_numbers(rows)


def _with_numbers(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if any(row[1])]


def _block_of(column: Column, kind: str, variable: str) -> Block | None:
    return next((b for b in column.blocks if b.parameters and (b.kind, b.variable) == (kind, variable)), None)


@dataclass(frozen=True, slots=True)
class _BlockRows:
    """Rows of the parameters of one kind and variable, one cell per column."""

    blocks: Sequence[Block | None]
    kind: str
    variable: str
    words: Words
    style: Style

    def all(self, *, name_tests: bool) -> list[Row]:
        most = max(len(block.parameters) for block in self.blocks if block)
        rows: list[Row] = []
        for number in range(most):
            parameters = [self._parameter(block, number) for block in self.blocks]
            rows += [*self._estimates(parameters, number), *self._tests(parameters, name_tests=name_tests)]
        return rows

    def _parameter(self, block: Block | None, number: int) -> Parameter | None:
        return block.parameters[number] if block and number < len(block.parameters) else None

    def _estimates(self, parameters: Sequence[Parameter | None], number: int) -> list[Row]:
        is_given = [bool(block and block.given) for block in self.blocks]
        all_given = all(fixed for fixed, p in zip(is_given, parameters, strict=True) if p)
        values = [
            self._estimate(p, marked=fixed and not all_given)
            for p, fixed in zip(parameters, is_given, strict=True)
        ]
        say = self.style.say
        parameter_name = say(self.words, f"{self.kind}.row", number=number + 1)
        code = "parameter_given" if all_given else "parameter"
        label = say(TABLE, code, what=parameter_name, variable=self.variable)
        sets = [self.style.interval(p.conf_low, p.conf_high) if p else "" for p in parameters]
        return [(label, values), ("", sets)]

    def _estimate(self, parameter: Parameter | None, *, marked: bool) -> str:
        if parameter is None:
            return ""
        value = self.style.number(parameter.estimate)
        return self.style.say(TABLE, "given", value=value) if marked else value

    def _tests(self, parameters: Sequence[Parameter | None], *, name_tests: bool) -> list[Row]:
        all_tests = [test for parameter in parameters if parameter for test in parameter.tests]
        rows: list[Row] = []
        for kind in dict.fromkeys((test.statistic, test.of, test.number) for test in all_tests):
            tests = [_test_of(parameter, kind) for parameter in parameters]
            values = [self.style.number(test.value) if test else "" for test in tests]
            below = [_in_brackets(test, self.style) for test in tests]
            rows += [(self._test_name(*kind, name_variable=name_tests), values), ("", below)]
        return rows

    def _test_name(self, statistic: str, of: str, number: int, *, name_variable: bool) -> str:
        say = self.style.say
        word = say(self.words, f"statistic.{statistic}")
        capital = f"{word[0].upper()}{word[1:]}"
        name = say(self.words, f"{self.kind}.test.{of}", statistic=capital, number=number)
        return say(TABLE, "parameter", what=name, variable=self.variable) if name_variable else name


def _test_of(parameter: Parameter | None, kind: tuple[str, str, int]) -> ParameterTest | None:
    tests = parameter.tests if parameter else ()
    return next((test for test in tests if (test.statistic, test.of, test.number) == kind), None)


def setting_rows(
    columns: Sequence[Column],
    folded: Folded,
    rows: Mapping[str, Sequence[object]] | None,
    labels: _Labels,
    style: Style,
) -> list[Row]:
    """Write controls, absorbed effects, clusters, weights, and the rows of the caller."""
    caller_rows = _checked_rows({} if rows is None else rows, len(columns))
    return [
        *folded_rows(columns, folded, style),
        *_effect_rows(columns, folded, labels, style),
        *_covariance_rows(columns, labels, style),
        *_weight_rows(columns, labels, style),
        *_set_rows(columns, caller_rows, labels, style),
        *_own_rows(caller_rows, style),
    ]


def stat_rows(columns: Sequence[Column], style: Style) -> list[Row]:
    """Write one row per statistic; rows without any number are left out.

    The number of clusters is shown if it differs from the number of entities in some model.
    """
    rows = []
    for key in _with_clusters(columns, style.stats):
        cells = [_stat_cell(key, c, style) for c in columns]
        if any(cells):
            rows.append((style.say(TABLE, f"stat.{key}"), cells))
    return rows


def _with_clusters(columns: Sequence[Column], stats: Sequence[str]) -> list[str]:
    keys = list(stats)
    if "n_clusters" not in keys and any(map(_clusters_differ, columns)):
        position = keys.index("n_entities") + 1 if "n_entities" in keys else len(keys)
        keys.insert(position, "n_clusters")
    return keys


def _clusters_differ(column: Column) -> bool:
    """Return whether the number of clusters of a column differs from that of entities."""
    counts = column.inference.n_clusters if column.inference else ()
    return bool(column.glance and counts and counts != (column.glance["n_entities"],))


def _in_brackets(test: ParameterTest | None, style: Style) -> str:
    text = style.probability(test.p_value) if test else ""
    return f"({text})" if text else ""


def _effect_rows(columns: Sequence[Column], folded: Folded, labels: _Labels, style: Style) -> list[Row]:
    absorbed = [absorbed_effects(column) for column in columns]
    inside = set(chain.from_iterable(folded.values()))
    all_effects = dict.fromkeys(chain.from_iterable(filter(None, absorbed)))
    effects = [name for name in all_effects if name not in inside]
    factors = merged_factors(columns)
    codes = {name: _slope_code(name, factors) for name in effects} | _key_codes(columns, effects)
    heads = [style.say(TABLE, codes[name], name=name_label(name, labels, factors)) for name in effects]
    return [
        (head, [_yes_no(name, *cell, style) for cell in zip(columns, absorbed, strict=True)])
        for head, name in zip(heads, effects, strict=True)
    ]


def _key_codes(columns: Sequence[Column], effects: Collection[str]) -> dict[str, str]:
    """Return the codes of entity and time effects, if all panels have the same names for them."""
    codes: dict[str, str] = {}
    for position, code in enumerate(("effects.entity", "effects.time")):
        names = {column.keys[position] for column in columns if column.keys}
        name = names.pop() if len(names) == 1 else None
        if name in effects:
            codes[str(name)] = code
    return codes


def _slope_code(name: str, factors: Factors) -> str:
    slopes = [factor.slope for factor in factors.get(name, ()) if factor.slope]
    return f"effects.{slopes[0]}" if slopes else "effects"


def _yes_no(name: str, column: Column, names: tuple[str, ...] | None, style: Style) -> str:
    if names is None:
        return "" if column.absorbs else NOT_APPLICABLE
    return style.answer(yes=name in names)


def _weight_rows(columns: Sequence[Column], labels: _Labels, style: Style) -> list[Row]:
    cells = [_weight_cell(column, labels, style) for column in columns]
    weighted = any(c.glance and c.glance["obs_weights"] for c in columns)
    return [(style.say(TABLE, "weights"), cells)] if weighted else []


def _weight_cell(column: Column, labels: _Labels, style: Style) -> str:
    if not column.glance:
        return ""
    name = column.glance["obs_weights"]
    return name_label(name, labels, column.factors) if name else style.answer(yes=False)


def _covariance_rows(columns: Sequence[Column], labels: _Labels, style: Style) -> list[Row]:
    inferences = [c.inference for c in columns if c.inference]
    rows = _error_rows(columns, inferences, labels, style)
    if len({inference.ssc for inference in inferences}) > 1:
        rows.append((style.say(TABLE, "ssc"), [_correction(c.inference, style) for c in columns]))
    return rows


def _correction(inference: Inference | None, style: Style) -> str:
    if inference is None:
        return ""
    none = inference.cov_type in WITHOUT_FACTOR or inference.ssc == "none"
    return style.say(TABLE, "ssc.none") if none else inference.ssc or ""


def _error_rows(
    columns: Sequence[Column], inferences: Sequence[Inference], labels: _Labels, style: Style
) -> list[Row]:
    if _are_clustered_alike(inferences):
        # Intervals and p-values from draws rest on no standard error; what is drawn are the clusters.
        drawn = style.below in ("p", "ci") and any(inference.from_draws for inference in inferences)
        head = style.say(TABLE, "clustered_by" if drawn else "errors_clustered_by")
        has_row = style.cluster_row or len(set(map(errors_key, inferences))) > 1
        return [(head, [cluster_words(c, labels, " + ") for c in columns])] if has_row else []
    if len(set(map(errors_key, inferences))) > 1:
        return [(style.say(TABLE, "errors"), [_covariance_words(c, labels, style) for c in columns])]
    return []


def _are_clustered_alike(inferences: Sequence[Inference]) -> bool:
    """Return whether standard errors differ at most in the names of the clusters."""
    kinds = {inference.cov_type if inference.cov_type in _CLUSTERED_KINDS else "" for inference in inferences}
    return all(inference.clusters for inference in inferences) and len(kinds) == 1


def errors_key(inference: Inference) -> tuple[object, ...]:
    """Return what must be equal for one sentence to describe standard errors."""
    distance = inference.distance_cutoff, inference.distance_kernel
    return inference.cov_type, inference.clusters, inference.bandwidth, distance


def _covariance_words(column: Column, labels: _Labels, style: Style) -> str:
    inference = column.inference
    if inference is None:
        return ""
    if inference.clusters:
        kind = inference.cov_type
        code = f"errors.by.{kind}" if kind in _CLUSTERED_KINDS else "errors.by"
        return style.say(TABLE, code, clusters=cluster_words(column, labels, " + "))
    text = style.say(TABLE, f"errors.{inference.cov_type}")
    for detail in error_details(inference, style):
        text = style.say(TABLE, "errors.more", errors=text, detail=detail)
    return text


def error_details(inference: Inference, style: Style) -> list[str]:
    """Write the distance and lags of a covariance, such as ``["300 km", "2 lags"]``."""
    details = []
    if inference.distance_cutoff is not None:
        details.append(style.say(TABLE, "distance", count=f"{inference.distance_cutoff:,g}"))
    if inference.distance_kernel == "uniform":
        details.append(style.say(TABLE, "kernel.uniform"))
    lags = inference.bandwidth
    if lags is not None:
        details.append(style.say(TABLE, "lag" if lags == 1 else "lags", count=lags))
    return details


def cluster_words(column: Column, labels: _Labels, joint: str) -> str:
    """Write the labels of the clusters of a column; empty without clusters."""
    clusters = column.inference.clusters if column.inference else ()
    return joint.join(name_label(name, labels, column.factors) for name in clusters)


def _set_rows(
    columns: Sequence[Column], caller_rows: Collection[str], labels: _Labels, style: Style
) -> list[Row]:
    """Write the rows that sets of models add, such as the difference between groups.

    A row that is among `caller_rows`, as `ByGroup.rows` returns it, is not repeated.
    """
    rows: dict[str, list[str]] = {}
    for position, column in enumerate(columns):
        added = [
            (n, value)
            for n, value in column.set_rows
            if remark_text(n, column.words, {}, {}) not in caller_rows
        ]
        for name, value in added:
            text = remark_text(name, column.words, labels, column.factors, style.language)
            rows.setdefault(text, [""] * len(columns))[position] = style.plain(value, text)
    return _with_numbers(list(rows.items()))


def _checked_rows(rows: Mapping[str, Any], width: int) -> Mapping[str, Any]:
    if not isinstance(rows, Mapping):
        raise InputTypeError(
            f"etable: rows={cited(rows)} must be a mapping from a row's name to its values, one per column.",
            [option_problem("rows", rows)],
        )
    for name, values in rows.items():
        if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != width:
            raise OptionError(
                f"etable: rows[{cited(name)}]={cited(values)} must be a list of {width} values, one per "
                "column.",
                [option_problem("rows", values, what=f"rows[{cited(name)}]")],
            )
    return rows


def _own_rows(rows: Mapping[str, Any], style: Style) -> list[Row]:
    named = ((tidy_text(name), values) for name, values in rows.items())
    return [(name, [style.plain(v, name) for v in values]) for name, values in named]


def _stat_cell(key: str, column: Column, style: Style) -> str:
    if column.glance is None:
        return ""
    if key == "n_clusters":
        return " + ".join(f"{count:,}" for count in (column.inference.n_clusters if column.inference else ()))
    value = column.glance.get(key)
    if not isinstance(value, (int, float)) or math.isnan(value):
        return ""
    if key.startswith(("rsquared", "f_")) or not float(value).is_integer():
        return style.number(float(value))
    return f"{int(value):,}"
