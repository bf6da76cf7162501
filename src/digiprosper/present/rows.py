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
    """Name the dependent variables, where the models have one.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    labels : mapping
        Labels by term or column.
    style : Style
        How words are chosen.

    Returns
    -------
    list of (str, list of str)
        One row or none.
    """
    names = [c.glance["depvar"] if c.glance else None for c in columns]
    cells = [name_label(n, labels, c.factors) if n else "" for n, c in zip(names, columns, strict=True)]
    return [(style.say(TABLE, "depvar"), cells)] if any(cells) else []


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
    shared = share_rows(terms, columns, labels, style.digits, style.language)
    made = [row for one in shared for row in _term_pair(one, columns, style)]
    failed = [position for position, column in enumerate(columns) if column.failure]
    if failed:
        made = made or [(style.say(TABLE, "estimates"), [""] * len(columns))]
        for position in failed:
            made[0][1][position] = style.say(TABLE, "not_estimated")
    return made


def _term_pair(row: SharedRow, columns: Sequence[Column], style: Style) -> list[Row]:
    """Write one shared row and what stands under its estimates."""
    upper, lower = [""] * len(columns), [""] * len(columns)
    for position, term in row.terms.items():
        cell, plain = columns[position].estimates.get(term), columns[position].cells.get(term)
        if cell is not None:
            upper[position], lower[position] = style.estimate(cell), style.companion(cell)
        elif plain is not None:
            upper[position] = style.plain(plain.value, plain.column) + style.marks(plain.p_value)
    estimated = any(term in columns[position].estimates for position, term in row.terms.items())
    given = any(term in columns[position].cells for position, term in row.terms.items())
    if not any(upper) and not given:
        return []
    return [(row.label, upper), *([("", lower)] if estimated else [])]


def block_rows(columns: Sequence[Column], labels: _Labels, style: Style) -> list[Row]:
    """Write the parameters beside the slopes, such as thresholds: confidence sets, and tests with p-values.

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
        Two rows a parameter and two a test, variable by variable; rows without any number are left out. A
        given parameter is one row.
    """
    own = [(block, c.words) for c in columns for block in c.blocks if block.parameters]
    kinds = list(dict.fromkeys((block.kind, block.variable) for block, _ in own))
    words = {block.kind: said for block, said in reversed(own)}
    several = Counter(kind for kind, _ in kinds)
    made: list[Row] = []
    for kind, variable in kinds:
        blocks = [_block_of(c, kind, variable) for c in columns]
        name = name_label(variable, labels, merged_factors(columns))
        rows = _BlockRows(blocks, kind, name, words[kind], style)
        made += rows.all(name_tests=several[kind] > 1)
    return _with_numbers(made)


def _with_numbers(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if any(row[1])]


def _block_of(column: Column, kind: str, variable: str) -> Block | None:
    return next((b for b in column.blocks if b.parameters and (b.kind, b.variable) == (kind, variable)), None)


@dataclass(frozen=True, slots=True)
class _BlockRows:
    """Rows of the parameters of one kind in one variable, one cell a column."""

    blocks: Sequence[Block | None]
    kind: str
    variable: str
    words: Words
    style: Style

    def all(self, *, name_tests: bool) -> list[Row]:
        most = max(len(block.parameters) for block in self.blocks if block)
        made: list[Row] = []
        for number in range(most):
            found = [self._parameter(block, number) for block in self.blocks]
            made += [*self._estimates(found, number), *self._tests(found, name_tests=name_tests)]
        return made

    def _parameter(self, block: Block | None, number: int) -> Parameter | None:
        return block.parameters[number] if block and number < len(block.parameters) else None

    def _estimates(self, found: Sequence[Parameter | None], number: int) -> list[Row]:
        given = [bool(block and block.given) for block in self.blocks]
        every = all(fixed for fixed, p in zip(given, found, strict=True) if p)
        values = [
            self._estimate(p, marked=fixed and not every) for p, fixed in zip(found, given, strict=True)
        ]
        say = self.style.say
        what = say(self.words, f"{self.kind}.row", number=number + 1)
        code = "parameter_given" if every else "parameter"
        label = say(TABLE, code, what=what, variable=self.variable)
        sets = [self.style.interval(p.conf_low, p.conf_high) if p else "" for p in found]
        return [(label, values), ("", sets)]

    def _estimate(self, parameter: Parameter | None, *, marked: bool) -> str:
        if parameter is None:
            return ""
        value = self.style.number(parameter.estimate)
        return self.style.say(TABLE, "given", value=value) if marked else value

    def _tests(self, found: Sequence[Parameter | None], *, name_tests: bool) -> list[Row]:
        every = [test for parameter in found if parameter for test in parameter.tests]
        made: list[Row] = []
        for kind in dict.fromkeys((test.statistic, test.of, test.number) for test in every):
            tests = [_test_of(parameter, kind) for parameter in found]
            values = [self.style.number(test.value) if test else "" for test in tests]
            below = [_in_brackets(test, self.style) for test in tests]
            made += [(self._test_name(*kind, name_variable=name_tests), values), ("", below)]
        return made

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
    """Write what was held fixed: controls, absorbed effects, clusters, weights, and the caller's own rows.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    folded : dict
        Terms and absorbed effects by the name of the row that stands for them.
    rows : mapping or None
        The caller's rows, one value per column.
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
        If a row has not one value per column.
    """
    own = _checked_rows({} if rows is None else rows, len(columns))
    return [
        *folded_rows(columns, folded, style),
        *_effect_rows(columns, folded, labels, style),
        *_covariance_rows(columns, labels, style),
        *_weight_rows(columns, labels, style),
        *_set_rows(columns, own, labels, style),
        *_own_rows(own, style),
    ]


def stat_rows(columns: Sequence[Column], style: Style) -> list[Row]:
    """Write statistics of the whole fit.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    style : Style
        How numbers become text, and which keys of `glance` are shown.

    Returns
    -------
    list of (str, list of str)
        One row a key; rows without any number are left out. Clusters are told, below the entities, even
        when they are not asked for if some model has another number of them than of entities.
    """
    made = []
    for key in _with_clusters(columns, style.stats):
        cells = [_stat_cell(key, c, style) for c in columns]
        if any(cells):
            made.append((style.say(TABLE, f"stat.{key}"), cells))
    return made


def _with_clusters(columns: Sequence[Column], stats: Sequence[str]) -> list[str]:
    keys = list(stats)
    if "n_clusters" not in keys and any(map(_clusters_differ, columns)):
        place = keys.index("n_entities") + 1 if "n_entities" in keys else len(keys)
        keys.insert(place, "n_clusters")
    return keys


def _clusters_differ(column: Column) -> bool:
    """Tell whether a column has another number of clusters than of entities."""
    counts = column.inference.n_clusters if column.inference else ()
    return bool(column.glance and counts and counts != (column.glance["n_entities"],))


def _in_brackets(test: ParameterTest | None, style: Style) -> str:
    text = style.probability(test.p_value) if test else ""
    return f"({text})" if text else ""


def _effect_rows(columns: Sequence[Column], folded: Folded, labels: _Labels, style: Style) -> list[Row]:
    absorbed = [absorbed_effects(column) for column in columns]
    inside = set(chain.from_iterable(folded.values()))
    every = dict.fromkeys(chain.from_iterable(filter(None, absorbed)))
    known = [name for name in every if name not in inside]
    factors = merged_factors(columns)
    codes = {name: _slope_code(name, factors) for name in known} | _key_codes(columns, known)
    heads = [style.say(TABLE, codes[name], name=name_label(name, labels, factors)) for name in known]
    return [
        (head, [_yes_no(name, *cell, style) for cell in zip(columns, absorbed, strict=True)])
        for head, name in zip(heads, known, strict=True)
    ]


def _key_codes(columns: Sequence[Column], known: Collection[str]) -> dict[str, str]:
    """Give the codes of the effects of entities and times, where all panels name these alike."""
    codes: dict[str, str] = {}
    for place, code in enumerate(("effects.entity", "effects.time")):
        names = {column.keys[place] for column in columns if column.keys}
        name = names.pop() if len(names) == 1 else None
        if name in known:
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
    known = [c.inference for c in columns if c.inference]
    made = _error_rows(columns, known, labels, style)
    if len({inference.ssc for inference in known}) > 1:
        made.append((style.say(TABLE, "ssc"), [_correction(c.inference, style) for c in columns]))
    return made


def _correction(inference: Inference | None, style: Style) -> str:
    if inference is None:
        return ""
    none = inference.cov_type in WITHOUT_FACTOR or inference.ssc == "none"
    return style.say(TABLE, "ssc.none") if none else inference.ssc or ""


def _error_rows(
    columns: Sequence[Column], known: Sequence[Inference], labels: _Labels, style: Style
) -> list[Row]:
    if _are_clustered_alike(known):
        # Intervals and p-values from draws rest on no standard error; what is drawn are the clusters.
        drawn = style.below in ("p", "ci") and any(inference.from_draws for inference in known)
        head = style.say(TABLE, "clustered_by" if drawn else "errors_clustered_by")
        shown = style.cluster_row or len(set(map(errors_key, known))) > 1
        return [(head, [cluster_words(c, labels, " + ") for c in columns])] if shown else []
    if len(set(map(errors_key, known))) > 1:
        return [(style.say(TABLE, "errors"), [_covariance_words(c, labels, style) for c in columns])]
    return []


def _are_clustered_alike(known: Sequence[Inference]) -> bool:
    """Whether the names of the clusters are all that standard errors may differ in."""
    kinds = {inference.cov_type if inference.cov_type in _CLUSTERED_KINDS else "" for inference in known}
    return all(inference.clusters for inference in known) and len(kinds) == 1


def errors_key(inference: Inference) -> tuple[object, ...]:
    """Give what columns must agree in for one sentence to describe their standard errors.

    Parameters
    ----------
    inference : Inference
        Of a column.

    Returns
    -------
    tuple
        Kind of covariance, clusters, lags, distance and its kernel.
    """
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
    """Name how far in space and in time standard errors allow for correlation.

    Parameters
    ----------
    inference : Inference
        Of a column.
    style : Style
        How words are chosen.

    Returns
    -------
    list of str
        Such as ``["300 km", "2 lags"]``; empty for covariances without distance and lags.
    """
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
    """Print the names of the clusters of a column.

    Parameters
    ----------
    column : Column
        The column.
    labels : mapping
        Labels by column.
    joint : str
        What stands between two.

    Returns
    -------
    str
        Their labels; nothing where there are no clusters.
    """
    clusters = column.inference.clusters if column.inference else ()
    return joint.join(name_label(name, labels, column.factors) for name in clusters)


def _set_rows(columns: Sequence[Column], own: Collection[str], labels: _Labels, style: Style) -> list[Row]:
    """Write the rows that sets of models add, such as the difference between groups.

    One that is among the rows of the caller, as `ByGroup.rows` gives it, is left to the caller.
    """
    made: dict[str, list[str]] = {}
    for position, column in enumerate(columns):
        added = [
            (n, value) for n, value in column.set_rows if remark_text(n, column.words, {}, {}) not in own
        ]
        for name, value in added:
            text = remark_text(name, column.words, labels, column.factors, style.language)
            made.setdefault(text, [""] * len(columns))[position] = style.plain(value, text)
    return _with_numbers(list(made.items()))


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
