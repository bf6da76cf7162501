"""Data commands: the pandas code for those that have safe counterparts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from digiprosper.errors import StataError, cited
from digiprosper.stata.expressions import Node, Printer, unquoted
from digiprosper.stata.prefixes import Options, split
from digiprosper.stata.translation import UNKNOWN_ORDER, Call
from digiprosper.stata.varlists import LaterColumns, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from digiprosper.stata.prefixes import Command
    from digiprosper.stata.translation import Context

ASSIGNMENT = re.compile(
    r"\s*(?:(?:byte|int|long|float|double|str\w*)\s+)?(?P<name>[^\W\d]\w*)(?::\w+)?\s*"
    r"=(?!=)\s*(?P<value>.+)",
    re.DOTALL,
)
_DRAWS = {"runiform", "rnormal", "uniform", "invnormal", "rbinomial", "runiformint"}
# Kinds of nodes that are missing only where a variable inside is.
_COMPUTED = {"number", "text", "name", "binary", "unary"}
# Statistics of egen and collapse, by their name in pandas.
_BY_GROUP = {
    **{name: name for name in ("mean", "max", "min", "median", "sum", "count")},
    "sd": "std",
    "total": "sum",
    "firstnm": "first",
    "lastnm": "last",
}
_SUMMARY = {
    **{name: name for name in ("mean", "min", "max", "sum")},
    "sd": "std",
    "p50": "median",
    "N": "count",
}
_PERCENTILES = (1, 5, 10, 25, 75, 90, 95, 99)
# Functions of egen of a list of variables.
_ACROSS = {
    **{f"row{name}": f"{name}(axis=1)" for name in ("mean", "max", "min", "median")},
    "rowtotal": "sum(axis=1)",
    "rowsd": "std(axis=1)",
    "rowmiss": "isna().sum(axis=1)",
    "rownonmiss": "notna().sum(axis=1)",
}
_RANKS = {
    "": "rank()",
    "field": "rank(ascending=False, method='min')",
    "track": "rank(method='min')",
}
_KEPT = {
    **dict.fromkeys(("match", "matched", "3"), "both"),
    **dict.fromkeys(("master", "1"), "left_only"),
    **dict.fromkeys(("using", "2"), "right_only"),
}
_MERGED = "{'left_only': 1, 'right_only': 2, 'both': 3}"
_VALIDATED = {"1:1": "one_to_one", "m:1": "many_to_one", "1:m": "one_to_many"}


@dataclass(frozen=True, slots=True)
class Step:
    """What a data command does: code, columns that it makes or drops, rows changed."""

    python: str
    creates: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    # Whether new columns are complete, that is, computed from keys.
    complete: bool = False
    # Whether the data are read anew.
    fresh: bool = False
    # Columns that the rows are sorted by afterwards; None where that is as before.
    order: tuple[str, ...] | None = None
    # Columns of the only complete values, if rows are new.
    filled: tuple[str, ...] | None = None
    # The Stata file that is read.
    reads: str = ""


def _printer(call: Call) -> Printer:
    context, groups = call.context, _groups(call)[0]
    order, variables = _order(call), context.variables
    is_sorted = order != UNKNOWN_ORDER and order[: len(groups)] == tuple(groups)
    return Printer(
        context.complete,
        variables.resolve,
        pandas=True,
        results=context.summary,
        groups=groups,
        in_order=is_sorted and (len(order) > len(groups) or not order),
        panel=context.panel_code if context.entity and context.time else "",
    )


def _where(call: Call) -> str | None:
    text = call.command.condition
    return None if text is None else _printer(call).condition(call.context.parse(text))


def _names(call: Call) -> list[str]:
    return call.context.variables.names(call.command.arguments)


def _groups(call: Call) -> tuple[list[str], list[str]]:
    """List the variables of ``by x:``, ``bysort x (t):`` or ``by(x)``, and of order."""
    prefix = call.command.prefix("by", "bysort")
    text = prefix.text if prefix else call.options.get("by", "")
    groups, _, inside = text.partition(",")[0].replace(")", "").partition("(")
    names = call.context.variables.names
    return names(groups), names(inside)


def _order(call: Call) -> tuple[str, ...]:
    """List the columns that rows are sorted by, after a prefix that sorts."""
    order = call.context.order
    if call.command.prefix("bysort") is None:
        return order
    names = tuple(name for names in _groups(call) for name in names)
    return order if order[: len(names)] == names else names


def _target(command: Command) -> tuple[str, str]:
    match = ASSIGNMENT.fullmatch(command.arguments)
    if match is None:
        raise StataError.because(f"{command.name} {cited(command.arguments)}")
    return match["name"], match["value"]


# --- columns --------------------------------------------------------------------------


def generate(call: Call) -> Step:
    """Translate ``generate`` and ``replace``."""
    context, is_new = call.context, call.command.name == "generate"
    name, text = _target(call.command)
    node, where = context.parse(text), _where(call)
    name = name if is_new else context.variables.resolve(name)
    nodes = list(node.walk())
    if any(part.kind == "call" and part.value in _DRAWS for part in nodes):
        raise StataError.because("random numbers differ from Stata's")
    kinds = {part.kind for part in nodes}
    complete = set(node.names) <= context.complete and kinds <= _COMPUTED
    if where is None:
        code = f"df[{name!r}] = {_printer(call).value(node)}"
    elif is_new:
        empty = "''" if node.kind == "text" else "np.nan"
        code = f"df[{name!r}] = {empty}\n{_replaced(name, node, where, call)}"
    else:
        code = _replaced(name, node, where, call)
    if not is_new:
        code = _carried(name, node, call) or code
    complete &= not where or name in context.complete
    return Step(code, (name,), complete=complete)


def _replaced(name: str, node: Node, where: str, call: Call) -> str:
    return f"df.loc[{where}, {name!r}] = {_printer(call).value(node)}"


def _carried(name: str, node: Node, call: Call) -> str:
    """Write a replacement by own values of rows that are replaced before, if it is one.

    Stata replaces from the first row to the last.
    """
    text = call.command.condition
    condition = call.context.parse(text) if text else None
    trees = [node, condition] if condition else [node]
    nodes = [part for tree in trees for part in tree.walk()]
    before = Node(
        "index", name, (Node("binary", "-", (Node("name", "_n"), Node("number", 1.0))),)
    )
    missing = (
        Node("call", "missing", (Node("name", name),)),
        Node("binary", "==", (Node("name", name), Node("missing", "."))),
    )
    printer = _printer(call)
    if node == before and condition in missing and printer.in_order:
        return f"df[{name!r}] = df[{name!r}]{printer.by}.ffill()"
    depends = [
        part
        for part in nodes
        if name in part.names
        and (part.kind in ("index", "shifted") or part.value == "sum")
        and not (part.kind == "index" and _is_after(part.parts[0]))
    ]
    if depends:
        raise StataError.because("values that the command itself replaces before")
    return ""


def _is_after(index: Node) -> bool:
    """Tell whether a subscript means the row itself, or one that is replaced later."""
    match index:
        case Node("name", "_n") | Node("binary", "+", (Node("name", "_n"), _)):
            return True
    return False


def egen(call: Call) -> Step:
    """Translate ``egen``."""
    name, text = _target(call.command)
    match = re.fullmatch(r"(\w+)\s*\((.*)\)", text.strip(), re.DOTALL)
    function, inside = match.groups() if match else ("", "")
    where, groups = _where(call), _groups(call)[0]
    options = {*call.options} - {"by"}
    if options - _EGEN_OPTIONS.get(function, set()):
        raise StataError.because(f"egen {cited(text)} with {', '.join(options)}")
    if function in (*_BY_GROUP, "rank", "pctile", "xtile") and not function.endswith(
        "nm"
    ):
        code = _statistic(function, inside, where, call)
    elif groups or where or function not in (*_ACROSS, "group", "std"):
        raise StataError.because(f"egen {cited(text)}")
    elif function == "std":
        value = _printer(call).number(call.context.parse(inside))
        code = f"({value} - {value}.mean()) / {value}.std()"
    else:
        names = call.context.variables.names(inside)
        code = (
            f"df[{names!r}].replace('', np.nan).groupby({names!r}).ngroup()"
            ".replace(-1, np.nan) + 1"
        )
        if function in _ACROSS:
            statistic = _ACROSS[function]
            if "missing" in options:
                statistic = statistic.replace(")", ", min_count=1)")
            code = f"df[{names!r}].{statistic}"
    return Step(f"df[{name!r}] = {code}", (name,))


_EGEN_OPTIONS: Mapping[str, set[str]] = {
    "rank": {"field", "track"},
    "pctile": {"p"},
    "xtile": {"nquantiles"},
    "rowtotal": {"missing"},
    "group": {"label"},
}


def _statistic(function: str, inside: str, where: str | None, call: Call) -> str:
    """Write a statistic of a column, over all rows or by group."""
    printer, options = _printer(call), call.options
    value = f"({printer.number(call.context.parse(inside))})"
    value = value if "df[" in value else f"pd.Series({value}, df.index)"
    value = value if where is None else f"{value}.where({where})"
    if function == "rank":
        option = next(iter({"field", "track"} & {*options}), "")
        return f"{value}{printer.by}.{_RANKS[option]}"
    arguments = {
        "pctile": f"percentile, {number(options.get('p', '50'), 'p'):g}",
        "xtile": f"quantile_groups, {number(options.get('nquantiles', '2'), 'n'):g}",
    }
    method = arguments.get(function) or repr(_BY_GROUP[function])
    if printer.by:
        code = f"{value}{printer.by}.transform({method})"
    elif function in arguments:
        code = f"{method.replace(',', f'({value},')})"
    else:
        code = f"{value}.{_BY_GROUP[function]}()"
    if where is None:
        return code
    return f"({code if printer.by else f'pd.Series({code}, df.index)'}).where({where})"


def summary(command: Command, context: Context) -> dict[str, str]:
    """Write the results that ``summarize x`` stores as code, by name."""
    names = split(command.arguments)
    others = command.weight or command.rows or command.prefixes
    if command.name != "summarize" or len(names) != 1 or others:
        return {}
    name, where = (
        context.variables.resolve(names[0]),
        _where(Call(command, context, {})),
    )
    series = f"df[{name!r}]" if where is None else f"df.loc[{where}, {name!r}]"
    return {
        **{f"r({key})": f"{series}.{method}()" for key, method in _SUMMARY.items()},
        **{f"r(p{p})": f"percentile({series}, {p})" for p in _PERCENTILES},
    }


def winsor(call: Call) -> Step:
    """Translate ``winsor2``; ``trim`` makes values beyond the cuts missing."""
    options = call.options
    cuts = (options.get("cuts") or "1 99").replace(",", " ").split()
    if len(cuts) != 2:
        raise StataError.because(f"cuts({options['cuts']}) has not two numbers")
    low, high = (number(text, "cuts") for text in cuts)
    arguments = f"{low:g}, {high:g}{', trim=True' * ('trim' in options)}"
    code = f"winsorised(df[{{0}}], {arguments})"
    if by := _printer(call).by:
        code = f"df[{{0}}]{by}.transform(winsorised, {arguments})"
    return _each(f"df[{{1}}] = {code}", _names(call), f"{{}}{winsor_suffix(options)}")


def winsor_suffix(options: Mapping[Any, str | None]) -> str:
    """Read what ``winsor2`` adds to names: nothing with ``replace``."""
    suffix = options.get("suffix") or ("_tr" if "trim" in options else "_w")
    return "" if "replace" in options else suffix


def _each(code: str, names: list[str], new: str | list[str]) -> Step:
    """Write code for each column, with its new name by a pattern or by a list."""
    lines, creates = [], list[str]()
    for at, name in enumerate(names):
        if isinstance(name, LaterColumns):
            if not isinstance(new, str):
                raise StataError.because("new names of columns that are not known")
            target = repr(new).replace("{}", "' + name + '")
            inside = code.format("name", target).replace("\n", "\n    ")
            lines.append(f"for name in [{name}]:\n    {inside}")
            creates.append(LaterColumns.of_pattern(new.replace("{}", "*")))
            continue
        target = new.format(name) if isinstance(new, str) else new[at]
        lines.append(code.format(repr(name), repr(target)))
        creates.append(target)
    return Step("\n".join(lines), tuple(creates))


def centre(call: Call) -> Step:
    """Translate ``center`` and ``zscore``, which make ``c_x`` and ``z_x``."""
    mark = call.command.name[0]
    scale = " / df[{0}].std()" if mark == "z" else ""
    code = f"df[{{1}}] = (df[{{0}}] - df[{{0}}].mean()){scale}"
    return _each(code, _names(call), f"{mark}_{{}}")


def encode(call: Call) -> Step:
    """Translate ``encode``; codes follow the sorted texts."""
    names, new = _names(call), split(call.options.get("generate", ""))
    if len(names) != 1 or len(new) != 1:
        raise StataError.because("encode without generate()")
    return _each(
        "df[{1}] = pd.factorize(df[{0}].replace('', np.nan), sort=True)[0] + 1.0\n"
        "df[{1}] = df[{1}].replace(0, np.nan)",
        names,
        new,
    )


def destring(call: Call) -> Step:
    """Translate ``destring`` and ``tostring``."""
    options, new = call.options, split(call.options.get("generate", ""))
    names = call.context.variables.names(call.command.arguments or "_all")
    if (new and len(new) != len(names)) or not (new or "replace" in options):
        raise StataError.because(f"{call.command.name} without replace or generate()")
    code = "df[{1}] = df[{0}].map('{{:.12g}}'.format)"
    if "force" in options:
        code = "df[{1}] = pd.to_numeric(df[{0}], errors='coerce')"
    elif call.command.name == "destring":
        # Stata leaves other texts as they are.
        code = "with suppress(ValueError):\n    df[{1}] = pd.to_numeric(df[{0}])"
    return _each(code, names, new or "{}")


def dummies(call: Call) -> Step:
    """Translate ``tabulate x, generate(d)``: a dummy for each value."""
    names, stem = _names(call), call.options.get("generate", "").strip()
    if len(names) != 1:
        raise StataError.because("tabulate with generate() and other than a variable")
    column = f"df[{names[0]!r}]"
    code = (
        f"for number, value in enumerate(np.unique({column}.dropna()), 1):\n"
        f"    df[f'{stem}{{number}}'] = "
        f"({column} == value).astype(float).where({column}.notna())"
    )
    return Step(code, (LaterColumns(f"*df.filter(regex={f'^{stem}[0-9]+$'!r})"),))


def recode(call: Call) -> Step:
    """Translate ``recode``; the first rule that fits a value counts."""
    arguments, options = call.command.arguments, call.options
    names = call.context.variables.names(arguments.partition("(")[0])
    new = split(options.get("generate", ""))
    rules = re.findall(r"\(([^()=]+)=\s*([-.\w]+)[^()]*\)", arguments)
    if not rules or (new and len(new) != len(names)):
        raise StataError.because("recode with other rules than (values = value)")
    tests, values, other = [], [], "df[{0}]"
    for listed, value in rules:
        code = "np.nan" if value == "." else f"{number(value, 'recode'):g}"
        if listed.strip() in ("else", "*"):
            other = code
            continue
        tests.append(" | ".join(map(_in_rule, split(listed))))
        values.append(code)
    code = f"np.select([{', '.join(tests)}], [{', '.join(values)}], {other})"
    return _each(f"df[{{1}}] = {code}", names, new or options.get("prefix", "") + "{}")


def _in_rule(item: str) -> str:
    """Write a value of a rule of ``recode``: a number, a range, or missing."""
    first, slash, last = item.partition("/")
    if item in (".", "missing", "mis"):
        return "df[{0}].isna()"
    if not slash:
        return f"(df[{{0}}] == {number(item, 'recode'):g})"
    low = "-np.inf" if first == "min" else f"{number(first, 'recode'):g}"
    high = "np.inf" if last == "max" else f"{number(last, 'recode'):g}"
    return f"df[{{0}}].between({low}, {high})"


def xtile(call: Call) -> Step:
    """Translate ``xtile``: groups between percentiles."""
    name, text = _target(call.command)
    return Step(
        f"df[{name!r}] = {_statistic('xtile', text, _where(call), call)}", (name,)
    )


def interpolate(call: Call) -> Step:
    """Translate ``ipolate y x, generate(z)``: on lines between values of y."""
    names, new = _names(call), call.options.get("generate", "").strip()
    if len(names) != 2 or not new:
        raise StataError.because("ipolate without two variables or generate()")
    y, x = names
    code = f"interpolated(df[{y!r}], df[{x!r}])"
    if _groups(call)[0]:
        rows = f"for _, rows in df{_printer(call).by}"
        code = f"pd.concat([interpolated(rows[{y!r}], rows[{x!r}]) {rows}])"
    return Step(f"df[{new!r}] = {code}", (new,))


def carry(call: Call) -> Step:
    """Translate ``carryforward``: a missing value is the last one before."""
    names, printer = _names(call), _printer(call)
    new = split(call.options.get("generate", ""))
    if not printer.in_order or not (new or "replace" in call.options):
        raise StataError.because("carryforward, where the order is not stated")
    return _each(f"df[{{1}}] = df[{{0}}]{printer.by}.ffill()", names, new or "{}")


# --- rows and tables ------------------------------------------------------------------


def drop(call: Call) -> Step:
    """Translate ``drop`` and ``keep``."""
    name, where = call.command.name, _where(call)
    if where is not None:
        if call.command.arguments:
            raise StataError.because(f"{name} with variables and a condition")
        return Step(f"df = df[{where if name == 'keep' else f'~({where})'}].copy()")
    if call.command.prefixes:
        raise StataError.because(f"{name} of variables with by")
    names = _names(call)
    if name == "keep":
        return Step(f"df = df[{names!r}].copy()")
    # What is absent is not there in either case.
    code = f"df = df.drop(columns={names!r}, errors='ignore')"
    return Step(code, drops=tuple(names))


def rename(call: Call) -> Step:
    """Translate ``rename old new``."""
    names = split(call.command.arguments)
    if len(names) != 2 or not all(name.isidentifier() for name in names):
        raise StataError.because("rename of several variables")
    old, new = call.context.variables.resolve(names[0]), names[1]
    code = f"df = df.rename(columns={{{old!r}: {new!r}}})"
    order = tuple(new if name == old else name for name in call.context.order)
    is_complete = old in call.context.complete
    return Step(code, (new,), (old,), complete=is_complete, order=order)


def use(call: Call) -> Step:
    """Translate ``use``."""
    if call.command.using and call.command.arguments:
        raise StataError.because("variables that are chosen while reading")
    path = file_name(call.command.using or call.command.arguments)
    return Step(f"df = {_table(path, call)}", fresh=True, order=(), reads=path)


def file_name(text: str) -> str:
    """Read the name of a Stata file."""
    path = unquoted(text)
    return path if path.endswith(".dta") else f"{path}.dta"


def _table(path: str, call: Call, columns: Sequence[str] = ()) -> str:
    """Write how a Stata file is read; labels and dates stay numbers."""
    code = f"pd.read_stata({path!r}, convert_categoricals=False, convert_dates=False)"
    if path in call.context.saved:
        code = f"saved[{path!r}].copy()"
    return f"{code}[{[*columns]!r}]" if columns else code


def read_text(call: Call) -> Step:
    """Translate ``import`` and ``insheet``."""
    options, command = call.options, call.command
    kind, *rest = split(command.arguments) or [""]
    if command.name == "insheet":
        kind, rest = "insheet", [kind]
    path = unquoted(command.using or " ".join(rest))
    if kind == "excel":
        if "firstrow" not in options or "cellrange" in options:
            raise StataError.because(
                "a sheet without names in its first row, or cellrange()"
            )
        sheet = unquoted(options.get("sheet", ""))
        chosen = f", sheet_name={sheet!r}" if sheet else ""
        code, case = f"pd.read_excel({path!r}{chosen})", options.get("case", "preserve")
    elif kind in ("delimited", "delim", "insheet"):
        if "delimiters" in options:
            raise StataError.because("delimiters()")
        names, case = options.get("varnames", "1"), options.get("case", "lower")
        code = f"pd.read_csv({path!r})"
        if names.startswith("non"):
            code = f"pd.read_csv({path!r}, header=None)"
            code += ".rename(columns=lambda number: f'v{number + 1}')"
        elif names != "1":
            raise StataError.because(f"varnames({names})")
    else:
        raise StataError.because(f"import {command.arguments}")
    if case in ("lower", "upper"):
        code += f".rename(columns=str.{case})"
    return Step(f"df = as_stata({code})", fresh=True, order=())


def merge(call: Call) -> Step:
    """Translate ``merge 1:1`` and ``merge m:1``, and ``joinby``."""
    options, using = call.options, call.command.using
    kind, *names = split(call.command.arguments) or [""]
    if not using or kind not in _VALIDATED:
        raise StataError.because(f"merge {kind}")
    keys = call.context.variables.names(" ".join(names))
    mark = options.get("generate", "_merge").strip()
    chosen = split(options.get("keepusing", ""))
    merged = [_KEPT.get(word, "") for word in options.get("keep", "").split()]
    if "" in merged or set("".join(chosen)) & set("*?-~"):
        raise StataError.because(
            f"keep({options.get('keep')}) or a pattern in keepusing()"
        )
    path = file_name(using)
    lines = [
        f"other = {_table(path, call, [*keys, *chosen] if chosen else [])}",
        _without_columns_of_both(keys),
        f"df = df.merge(other, on={keys!r}, how='outer', "
        f"validate={_VALIDATED[kind]!r}, indicator={mark!r})",
    ]
    if merged:
        lines.append(f"df = df[df[{mark!r}].isin({merged!r})].copy()")
    if "nogenerate" in options:
        lines.append(f"df = df.drop(columns={mark!r})")
    else:
        lines.append(f"df[{mark!r}] = df[{mark!r}].map({_MERGED}).astype(int)")
        chosen = [mark, *chosen]
    filled = None if merged and "right_only" not in merged else tuple(keys)
    code = "\n".join(lines)
    return Step(code, tuple(chosen), order=UNKNOWN_ORDER, filled=filled, reads=path)


def _without_columns_of_both(keys: list[str]) -> str:
    """Write that the values of the data in memory are kept."""
    both = f"df.columns.intersection(other.columns).difference({keys})"
    return f"other = other.drop(columns={both})"


def join(call: Call) -> Step:
    """Translate ``joinby``: all pairs of rows with the same keys."""
    names = _names(call)
    if not call.command.using or not names:
        raise StataError.because("joinby without variables or using")
    path = file_name(call.command.using)
    code = (
        f"other = {_table(path, call)}\n{_without_columns_of_both(names)}\n"
        f"df = df.merge(other, on={names!r})"
    )
    return Step(code, order=UNKNOWN_ORDER, reads=path)


def append(call: Call) -> Step:
    """Translate ``append``."""
    if not call.command.using:
        raise StataError.because("append without using")
    path = file_name(call.command.using)
    code = f"df = pd.concat([df, {_table(path, call)}], ignore_index=True)"
    order = UNKNOWN_ORDER if call.context.order else ()
    return Step(code, order=order, filled=(), reads=path)


def collapse(call: Call) -> Step:
    """Translate ``collapse (mean) x (sum) y, by(z)``."""
    variables, groups = call.context.variables, _groups(call)[0]
    statistic, parts, creates = "mean", [], [*groups]
    for word in split(call.command.arguments):
        if word.startswith("("):
            statistic = word.strip("() ")
            continue
        new, equals, old = word.partition("=")
        for name in [new] if equals else variables.names(word):
            percent = re.fullmatch(r"p(\d+)", statistic)
            if isinstance(name, LaterColumns) or not (
                percent or statistic in _BY_GROUP
            ):
                raise StataError.because(f"collapse ({statistic}) {word}")
            source = variables.resolve(old) if equals else name
            method = f"lambda x: percentile(x, {percent[1]})" if percent else ""
            method = method or repr(_BY_GROUP[statistic])
            parts.append(f"{name!r}: ({source!r}, {method})")
            creates.append(name)
    if not groups or not parts:
        raise StataError.because("collapse without by()")
    inside, where = ", ".join(parts), _where(call)
    rows = "df" if where is None else f"df[{where}]"
    code = (
        f"df = {rows}.groupby({groups!r}, as_index=False, dropna=False)"
        f".agg(**{{{inside}}})"
    )
    order = tuple(groups)
    return Step(code, tuple(creates), order=order, filled=order)


def sort(call: Call) -> Step:
    """Translate ``sort`` and ``gsort``."""
    names = split(call.command.arguments)
    plain = call.context.variables.names(" ".join(name.lstrip("+-") for name in names))
    up = [not name.startswith("-") for name in names]
    order = "" if all(up) else f", ascending={up!r}"
    code = f"df = df.sort_values({plain!r}{order}, kind='stable')"
    signed = [n if rises else f"-{n}" for n, rises in zip(plain, up, strict=False)]
    return Step(code, order=tuple(signed) if len(up) == len(plain) else UNKNOWN_ORDER)


def duplicates(call: Call) -> Step:
    """Translate ``duplicates drop`` and ``tag``; other subcommands only print."""
    subcommand, *words = split(call.command.arguments) or [""]
    names = call.context.variables.names(" ".join(words))
    if subcommand == "drop":
        return Step(f"df = df.drop_duplicates({names or ''})")
    if subcommand != "tag":
        return Step("")
    new = call.options.get("generate", "").strip()
    if not new or not names:
        raise StataError.because("duplicates tag without variables or generate()")
    count = f"df.groupby({names!r}, dropna=False)[{names[0]!r}].transform('size')"
    return Step(f"df[{new!r}] = {count} - 1", (new,))


def expand(call: Call) -> Step:
    """Translate ``expand``: each row as often as a number or a column says."""
    value = _printer(call).number(call.context.parse(call.command.arguments))
    if "df[" in value:
        value = f"({value}).fillna(1).clip(1).astype(int)"
    code = f"df = df.loc[df.index.repeat({value})].reset_index(drop=True)"
    return Step(code, order=UNKNOWN_ORDER)


def fill(call: Call) -> Step:
    """Translate ``fillin`` and ``tsfill``: rows of absent combinations or periods."""
    context, names = call.context, _names(call)
    if call.command.name == "fillin":
        levels = ", ".join(f"df[{name!r}].unique()" for name in names)
        rows = f"pd.MultiIndex.from_product([{levels}], names={names!r})"
        last = "\ndf['_fillin'] = df['_fillin'].fillna(1)"
        others = "df.assign(_fillin=0)"
    else:
        names, last, others = context.keys, "", "df"
        if names != [context.entity, context.time]:
            raise StataError.because("tsfill before xtset")
        entity, time = (f"df[{name!r}]" for name in names)
        periods = "np.arange({0}.min(), {0}.max() + 1)"
        rows = (
            f"pd.MultiIndex.from_product([{entity}.unique(), {periods.format(time)}], "
            f"names={names!r})"
        )
        if "full" not in call.options:
            rows = (
                f"pd.MultiIndex.from_tuples([(key, t) for key, times in "
                f"{time}.groupby({entity}) for t in {periods.format('times')}], "
                f"names={names!r})"
            )
    code = f"df = {rows}.to_frame(index=False).merge({others}, how='left'){last}"
    code += f"\ndf = df.sort_values({names!r}, kind='stable')"
    creates = ("_fillin",) if last else ()
    return Step(code, creates, order=tuple(names), filled=tuple(names))


def balance(call: Call) -> Step:
    """Translate ``xtbalance``: entities with a row in every period of a range."""
    ends, (entity, time) = call.options.get("range", "").split(), call.context.keys
    first, last = (int(number(text, "range")) for text in ends)
    rows = f"df[df[{time!r}].between({first}, {last})]"
    count = f"df.groupby({entity!r})[{time!r}].transform('size')"
    return Step(f"df = {rows}.copy()\ndf = df[{count} == {last - first + 1}].copy()")


def reshape(call: Call) -> Step:
    """Translate ``reshape``; the names of stubs end with numbers, or with texts."""
    form, *stubs = split(call.command.arguments) or [""]
    column = call.options.get("j", "_j").split()[0]
    keys = call.context.variables.names(call.options.get("i", ""))
    is_text = {"string"} & {*call.options, *call.options.get("j", "").split()}
    if form not in ("long", "wide") or not keys or not stubs or "@" in "".join(stubs):
        raise StataError.because("reshape without i() and variables, or with @")
    if form == "wide":
        level = "level" if is_text else "level:g"
        code = (
            f"wide = df.pivot(index={keys!r}, columns={column!r}, values={stubs!r})\n"
            f"wide.columns = [f'{{stub}}{{{level}}}' for stub, level in wide.columns]\n"
            f"df = df.drop(columns={[column, *stubs]!r}).drop_duplicates()"
            f".merge(wide.reset_index(), on={keys!r}, validate='one_to_one')"
        )
        creates = tuple(LaterColumns.of_pattern(f"{stub}*") for stub in stubs)
        order = tuple(keys)
        return Step(code, creates, (column, *stubs), order=order, filled=order)
    suffix = r", suffix=r'\w+'" if is_text else ""
    code = (
        f"df = pd.wide_to_long(df, {stubs!r}, {keys!r}, {column!r}{suffix})"
        f".reset_index().sort_values({[*keys, column]!r}, kind='stable')"
    )
    order = (*keys, column)
    return Step(code, (column, *stubs), order=order, filled=order)


_Table: TypeAlias = "Mapping[str, tuple[Options, Callable[[Call], Step]]]"
_GENERATE = Options("", "before after")
_IMPORT = Options(
    "sh.eet first.row clear enc.oding case varn.ames delim.iters cellra.nge",
    "all.string asdouble locale string.cols numericc.ols tab comma names",
)
_DESTRING = Options("replace g.enerate force", "float")
COMMANDS: _Table = {
    "append": (Options("", "force nol.abel"), append),
    "center": (Options(), centre),
    "zscore": (Options(), centre),
    "collapse": (Options("by", "fast"), collapse),
    "destring": (_DESTRING, destring),
    "tostring": (_DESTRING, destring),
    "drop": (Options(), drop),
    "keep": (Options(), drop),
    "duplicates": (Options("g.enerate", "force"), duplicates),
    "carryforward": (Options("g.enerate replace by"), carry),
    "egen": (Options("by field track p m.issing l.abel n.quantiles"), egen),
    "ipolate": (Options("g.enerate by"), interpolate),
    "encode": (Options("g.enerate", "l.abel noe.xtend"), encode),
    "expand": (Options(), expand),
    "fillin": (Options(), fill),
    "tsfill": (Options("full"), fill),
    "generate": (_GENERATE, generate),
    "replace": (_GENERATE, generate),
    "gsort": (Options("", "mf.irst"), sort),
    "sort": (Options("", "stable"), sort),
    "import": (_IMPORT, read_text),
    "insheet": (_IMPORT, read_text),
    "joinby": (Options("", "nol.abel"), join),
    "merge": (
        Options(
            "keep keepus.ing gen.erate nogen.erate",
            "norep.ort nol.abel nonote.s force sorted",
        ),
        merge,
    ),
    "recode": (Options("g.enerate pre.fix"), recode),
    "rename": (Options(), rename),
    "reshape": (Options("i j s.tring"), reshape),
    "tabulate": (Options("g.enerate", "nof.req"), dummies),
    "use": (Options("", "clear replace nol.abel"), use),
    "winsor2": (Options("r.eplace s.uffix c.uts by tr.im"), winsor),
    "xtbalance": (Options("r.ange"), balance),
    "xtile": (Options("n.quantiles"), xtile),
}
_CAPTURED = re.compile(r"(?:(?:qui|noi)\w*\s+)*cap")
# Code of values that depend on the order of the rows.
_BY_ROW = re.compile(r"\.(?:cumsum|shift|ffill)\(|\biloc\[")
# One command for several variables is one for each.
FOR_EACH = ("winsor2", "destring", "tostring", "recode", "center", "zscore", "drop")
_WITH_GROUPS = (
    *("generate", "replace", "egen", "keep", "drop"),
    *("carryforward", "ipolate"),
)
_WITH_CONDITION = (*_WITH_GROUPS[:5], "collapse", "xtile")


def translate(command: Command, context: Context) -> Step:
    """Translate a data command; prefixes, conditions and weights are never ignored."""
    others = [p.name for p in command.prefixes if p.name not in ("by", "bysort")]
    grouped = command.prefixes and command.name not in _WITH_GROUPS
    if others or grouped or command.weight or command.rows:
        raise StataError.because(
            f"{command.name} with a prefix, weights or rows by number"
        )
    if command.condition and command.name not in _WITH_CONDITION:
        raise StataError.because(f"{command.name} with a condition")
    options, function = COMMANDS[command.name]
    call = Call(command, context, options.read(command))
    step = function(call)
    order, lines = _order(call), [step.python]
    if command.name in ("generate", "egen") and _CAPTURED.match(command.text):
        # A column that is there already stays, without an error.
        inside = step.python.replace("\n", "\n    ")
        lines = [f"if {step.creates[0]!r} not in df:\n    {inside}"]
    names = [name.lstrip("-") for name in order]
    # No tie may decide a value: keys of a panel have none.
    if _BY_ROW.search(step.python) and not set(context.keys or [""]) <= set(names):
        lines.insert(
            0, f"assert not df.duplicated({names!r}).any(), 'ties'" * bool(names)
        )
    if order != context.order:
        lines.insert(0, f"df = df.sort_values({names!r}, kind='stable')")
        step = replace(step, order=step.order or order)
    return replace(step, python="\n".join(filter(None, lines)))


# Commands that make columns that are named in an option or an argument.
MAKERS = """
predict decode recode xtile pctile ipolate mipolate pca factor split winsor
mkspline astile carryforward markout separate svmat dummies clonevar xi
"""
_OTHERS = """
reshape fillin tsfill sample bsample joinby contract xtbalance do run include
"""
REFUSED = {
    **{
        name: f"{name} changes the data and is not translated"
        for name in _OTHERS.split()
    },
    **{name: f"{name} makes columns and is not translated" for name in MAKERS.split()},
    "do": "another do-file: read it too",
    "predict": "fitted values and residuals are fit.fitted and fit.residuals",
    "xi": "dummies of categories: C(x) makes them",
}
