"""Data commands: the pandas code for those that have safe counterparts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from digiprosper.errors import StataError, cited
from digiprosper.stata.commands.after import predict
from digiprosper.stata.commands.steps import DataCall, Step, file_name
from digiprosper.stata.expressions import Node, Printer, number_text, unquoted
from digiprosper.stata.macros import numbers
from digiprosper.stata.names import of_kind
from digiprosper.stata.prefixes import Command, Options, split
from digiprosper.stata.translation import UNKNOWN_ORDER, Context
from digiprosper.stata.varlists import LaterColumns, Variables, number

_DRAWS = {"runiform", "rnormal", "uniform", "invnormal", "rbinomial", "runiformint"}
# Kinds of nodes that are missing only where a variable inside is.
_COMPUTED = {"number", "text", "name", "binary", "unary"}
# Functions whose values are whole numbers that single precision keeps.
_COUNTS = {"count", "group", "rank", "rowmiss", "rownonmiss", "xtile"}
# Statistics of egen and collapse, by their name in pandas.
_BY_GROUP = {
    **{name: name for name in ("mean", "max", "min", "median", "sum", "count")},
    "sd": "std",
    "total": "sum",
    "rawsum": "sum",
}
# The least and the most of integers by type.
_WHOLE = {
    "byte": "-127, 100",
    "int": "-32767, 32740",
    "long": "-2147483647, 2147483620",
}
# Results of summarize.
_SUMMARY = {
    **{name: f".{name}()" for name in ("mean", "min", "max", "sum")},
    "sd": ".std()",
    "N": ".count()",
    "p50": ".median()",
}
# Whole numbers up to this one are exact in single precision.
_MOST_EXACT = 2**24
# Code of functions of several columns.
_ACROSS = {
    **{f"row{name}": f"{name}(axis=1)" for name in ("mean", "max", "min", "median")},
    "rowtotal": "sum(axis=1)",
    "rowsd": "std(axis=1)",
    "rowmiss": "apply(missing).sum(axis=1)",
    "rownonmiss": "apply(lambda x: ~missing(x)).sum(axis=1)",
    "group": ("replace('', np.nan).groupby({names}).ngroup().replace(-1, np.nan) + 1"),
}
# Options of egen by function, besides by().
_EGEN_OPTIONS = {
    "pctile": "p",
    "xtile": "nquantiles",
    "group": "label",
    "cut": "at icodes label",
    "rank": "field",
    "rowtotal": "missing",
    "total": "missing",
}
# Code for each variable, and the new name if no option gives one.
_EACH = {
    "center": ("df[{0}] - df[{0}].mean()", "c_{}"),
    "encode": ("encoded(df[{0}], {label!r})", ""),
    "destring": ("numeric(df[{0}])", ""),
    "tostring": ("df[{0}].map('{{:.12g}}'.format).replace('nan', '.')", ""),
    "carryforward": ("df[{0}]{by}.ffill()", ""),
}
_KEPT = {
    **dict.fromkeys(("match", "matched", "3"), "both"),
    **dict.fromkeys(("master", "1"), "left_only"),
    **dict.fromkeys(("using", "2"), "right_only"),
}
_MERGED = "{'left_only': 1, 'right_only': 2, 'both': 3}"
_VALIDATED = {"1:1": "one_to_one", "m:1": "many_to_one", "1:m": "one_to_many"}


# --- columns --------------------------------------------------------------------------


def generate(call: DataCall) -> Step:
    """Translate ``generate``."""
    storage, name, text = call.assignment
    node = _without_draws(call.context.parse(text))
    value = _stored(call.printer.value(node), node, storage)
    value = f"only_where({value}, {call.where})" if call.where else value
    complete = call.where is None and _is_complete(node, call.context)
    code = f"df[{name!r}] = {value}"
    return Step(code, (name,), complete=complete, types={name: storage})


def change(call: DataCall) -> Step:
    """Translate ``replace``."""
    context, where = call.context, call.where
    _, name, text = call.assignment
    name = context.variables.resolve(name)
    storage = _type_of(name, context)
    if carried := _carried(name, text, call):
        return Step(carried, (name,), types={})
    node = _without_draws(context.parse(text))
    value, target = _stored(call.printer.value(node), node, storage), f"df[{name!r}]"
    value = value if storage or _is_exact(node) else f"as_stored({name!r}, {value})"
    complete = _is_complete(node, context)
    if where is not None:
        value = f"{target}.mask({where}, {value})"
        complete &= name in context.complete
    return Step(f"{target} = {value}", (name,), (), complete, {})


def _without_draws(node: Node) -> Node:
    """Refuse random numbers, which differ from Stata's."""
    if {part.value for part in node.walk() if part.kind == "call"} & _DRAWS:
        raise StataError.because("random numbers differ from Stata's")
    return node


def _type_of(name: str, context: Context) -> str:
    """Name the type of a variable; that of a column of a file is not known."""
    kind = context.types.get(context.variables.resolve(name), "")
    # Stata makes whole numbers another type where that is necessary.
    return "double" if kind in _WHOLE else kind


def _is_complete(node: Node, context: Context) -> bool:
    """Tell whether a value is missing nowhere: computed from complete variables."""
    kinds = {part.kind for part in node.walk()}
    return set(node.names) <= context.complete and kinds <= _COMPUTED


def _stored(code: str, node: Node, storage: str) -> str:
    """Round values as a type of variables stores them."""
    if storage in _WHOLE:
        return f"whole(pd.Series({code}, df.index), {_WHOLE[storage]})"
    return f"single({code})" if storage == "float" and not _is_exact(node) else code


def _is_exact(node: Node) -> bool:
    """Tell whether single precision keeps a value: a text, a test, a small number."""
    match node:
        case Node("number", value):
            return bool(value == int(value) and abs(value) <= _MOST_EXACT)
        case Node("binary", str(sign)):
            return sign not in "+-*/^"
        case Node("unary", sign, (inside,)):
            return bool(sign == "!") or _is_exact(inside)
        case Node("call", name):
            return name in ("inlist", "inrange", "missing")
    return node.kind in ("text", "missing")


def _carried(name: str, text: str, call: DataCall) -> str:
    """Write ``replace x = x[_n-1] if x == .``, which is a missing value filled.

    Other values of rows that the command itself has replaced before are refused.
    """
    texts = list(filter(None, (text, call.command.condition)))
    typed = [re.sub(r"\s", "", text) for text in texts]
    empty = (f"{name}==.", f"{name}>=.", f"mi({name})", f"missing({name})")
    if typed[0] == f"{name}[_n-1]" and typed[-1] in empty and call.printer.in_order:
        return f"df[{name!r}] = df[{name!r}]{call.printer.by}.ffill()"
    for node in [n for text in texts for n in call.context.parse(text).walk()]:
        by_row = node.kind in ("index", "shifted") or node.value == "sum"
        # A row below is replaced later.
        is_below = node.kind == "index" and node.parts[0].value in ("_n", "+")
        if by_row > is_below and name in node.names:
            raise StataError.because("values that the command replaces before")
    return ""


def egen(call: DataCall) -> Step:
    """Translate ``egen``."""
    storage, name, text = call.assignment
    match = re.fullmatch(r"(\w+)\s*\((.*)\)", text.strip(), re.DOTALL)
    function, inside = match.groups() if match else ("", "")
    function = "rowtotal" if function == "rsum" else function
    if "gegen" in call.command.text and " if " in inside:
        value, _, rows = inside.partition(" if ")
        inside = f"cond({rows}, {value}, .)"
    options = {*call.options} - {"by"}
    if options - {*_EGEN_OPTIONS.get(function, "").split()}:
        raise StataError.because(f"egen {cited(text)} with {', '.join(options)}")
    write = _EGEN.get(function)
    if write is None or (call.groups[0] and write is not _statistic):
        raise StataError.because(f"egen {cited(text)}")
    code = write(function, inside, call)
    storage = "double" if function in _COUNTS else storage
    code = f"single({code})" if storage == "float" else code
    return Step(f"df[{name!r}] = {code}", (name,), types={name: storage})


def _across(function: str, inside: str, call: DataCall) -> str:
    """Write a statistic of each row, or the number of its group."""
    names = call.context.variables.names(inside)
    code = _ACROSS[function].format(names=repr(names))
    if "missing" in call.options:
        code = code.replace(")", ", min_count=1)")
    rows = f"df.loc[{call.where}, {names!r}]" if call.where else f"df[{names!r}]"
    return f"{rows}.{code}"


def _cut(_: str, inside: str, call: DataCall) -> str:
    """Write ``cut(x), at()``: left ends of intervals, or 0, 1, ..."""
    value, options = call.value(inside), call.options
    if "at" not in options:
        raise StataError.because("egen cut() without at()")
    ends = [*map(float, numbers(options["at"].replace(",", " ")))]
    labels = False if {"icodes", "label"} & {*options} else ends[:-1]
    return f"pd.cut({value}, {ends}, right=False, labels={labels}).astype(float)"


def _statistic(function: str, inside: str, call: DataCall) -> str:
    """Write a statistic of a column, over all rows or by group."""
    value, by, options = call.value(inside), call.printer.by, call.options
    if function == "count":
        value, function = f"(~missing({value})).astype(float)", "sum"
    if function == "rank":
        descending = "ascending=False, method='min'" if "field" in options else ""
        return f"{value}{by}.rank({descending})"
    if function == "std":
        each = f"{value}{by}.transform({{!r}})" if by else f"{value}.agg({{!r}})"
        return f"({value} - {each.format('mean')}) / {each.format('std')}"
    functions = {
        "pctile": ("percentile", f", {number(options.get('p', '50'), 'p'):g}"),
        "xtile": ("quantile_groups", f", {call.whole('nquantiles', 2)}"),
        "mode": ("only_mode", ""),
    }
    method, argument = functions.get(function, (repr(_BY_GROUP.get(function)), ""))
    if "missing" in options:
        argument = ", min_count=1"
    code = f"{value}.agg({method}{argument})"
    if by:
        code = f"{value}{by}.transform({method}{argument})"
    elif function in functions:
        code = f"{method}({value}{argument})"
    if call.where is None:
        return code
    return f"({code if by else f'pd.Series({code}, df.index)'}).where({call.where})"


_EGEN: Mapping[str, Callable[[str, str, DataCall], str]] = {
    **dict.fromkeys((*_BY_GROUP, "rank", "std", "pctile", "xtile", "mode"), _statistic),
    **dict.fromkeys(_ACROSS, _across),
    "cut": _cut,
}


def summary(command: Command, context: Context) -> dict[str, str]:
    """Write the results that ``summarize x`` stores as code, by name."""
    names = split(command.arguments)
    others = command.weight or command.rows or command.prefixes
    if command.name != "summarize" or len(names) != 1 or others:
        return {}
    name = context.variables.resolve(names[0])
    where = DataCall(command, context, {}).where
    series = f"df[{name!r}]" if where is None else f"df.loc[{where}, {name!r}]"
    percentiles = {
        f"r(p{p})": f"percentile({series}, {p})" for p in (1, 5, 10, 25, 75, 90, 95, 99)
    }
    return percentiles | {f"r({key})": f"{series}{_SUMMARY[key]}" for key in _SUMMARY}


def _each(code: str, names: list[str], new: str | list[str]) -> Step:
    """Write code for each column, with its new name by a pattern or by a list."""
    lines, creates = [], list[str]()
    if not isinstance(new, str) and len(new) != len(names):
        raise StataError.because("generate() with another number of names")
    for at, name in enumerate(names):
        if not isinstance(name, LaterColumns):
            creates.append(new.format(name) if isinstance(new, str) else new[at])
            lines.append(code.format(repr(name), repr(creates[-1])))
        elif isinstance(new, str):
            target = repr(new).replace("{}", "' + name + '")
            lines.append(f"for name in [{name}]:\n    {code.format('name', target)}")
            creates.append(LaterColumns.of_pattern(new.replace("{}", "*")))
        else:
            raise StataError.because("new names of columns that are not known")
    return Step("\n".join(lines), tuple(creates))


def each(call: DataCall) -> Step:
    """Translate commands that compute each variable by itself."""
    name, options = call.command.name, call.options
    code, pattern = _EACH[name]
    if not (pattern or call.new or "replace" in options):
        raise StataError.because(f"{name} without replace or generate()")
    if name == "encode":
        label = options.get("label", "".join(call.new))
        _label_codes(label, call.context.labels)
        code = code.replace("{label!r}", repr(label))
    if name == "carryforward" and not call.printer.in_order:
        raise StataError.because("carryforward, where the order is not stated")
    if name == "destring":
        code = _as_numbers(code, options)
    code = code.replace("{by}", call.printer.by)
    names = call.context.variables.names(call.command.arguments or "_all")
    step = _each(f"df[{{1}}] = {code}", names, call.new or pattern or "{}")
    return replace(step, types={}) if name == "carryforward" else step


def _label_codes(label: str, labels: set[str]) -> None:
    """Refuse the codes of a label that exists; note the label that is made."""
    if label in labels:
        raise StataError.because(f"encode with the codes of the label {cited(label)}")
    labels.add(label)


def _as_numbers(code: str, options: Mapping[str, str]) -> str:
    """Write what force and ignore() of ``destring`` change."""
    if "force" in options:
        code = "pd.to_numeric(df[{0}], errors='coerce')"
    if ignored := unquoted(options.get("ignore", "")):
        signs = f"[{re.escape(ignored)}]".replace("{", "{{").replace("}", "}}")
        column = f"df[{{0}}].astype(str).str.replace({signs!r}, '', regex=True)"
        code = code.replace("df[{0}]", column)
    return code


def winsor(call: DataCall) -> Step:
    """Translate ``winsor2``; ``trim`` makes values beyond the cuts missing."""
    options = call.options
    texts = (options.get("cuts") or "1 99").replace(",", " ").split()
    cuts = [number_text(number(text, "cuts")) for text in texts]
    if len(cuts) != 2:
        raise StataError.because(f"cuts({options['cuts']}) has not two numbers")
    arguments = ", ".join([*cuts, "trim=True"] if "trim" in options else cuts)
    code = f"winsorised(df[{{0}}], {arguments})"
    if by := call.printer.by:
        code = f"df[{{0}}]{by}.transform(winsorised, {arguments})"
    if "replace" not in options:
        return _each(f"df[{{1}}] = {code}", call.names, f"{{}}{winsor_suffix(options)}")
    stored = {"": f"as_stored({{0}}, {code})", "float": f"single({code})"}
    steps = []
    for name in call.names:
        typed = stored.get(_type_of(name, call.context), code)
        steps.append(_each(f"df[{{1}}] = {typed}", [name], "{}"))
    creates = tuple(name for step in steps for name in step.creates)
    return Step("\n".join(s.python for s in steps), creates, types={})


def winsor_suffix(options: Mapping[Any, str | None]) -> str:
    """Read what ``winsor2`` adds to names: nothing with ``replace``."""
    suffix = options.get("suffix") or ("_tr" if "trim" in options else "_w")
    return "" if "replace" in options else suffix


def winsor_by_count(call: DataCall) -> Step:
    """Translate ``winsor``, which cuts a number of values at each end."""
    if len(call.names) != 1 or len(call.new) != 1 or "p" not in call.options:
        raise StataError.because("winsor without generate() or p()")
    share = number(call.options["p"], "p")
    code = f"winsorised_by_count({call.value(call.names[0])}, {share:g})"
    return Step(f"df[{call.new[0]!r}] = {code}", (call.new[0],))


def recode(call: DataCall) -> Step:
    """Translate ``recode``; the first rule that fits a value counts."""
    listed, _, rest = call.command.arguments.partition("(")
    rules = re.findall(r"\(([^()=]+)=\s*([-.\w]+)[^()]*\)", f"({rest}")
    if not rules or rest.count("=") != len(rules):
        raise StataError.because("recode with other rules than (values = value)")
    tests, values, other = [], [], "df[{0}]"
    for items, value in rules:
        code = "np.nan" if value == "." else number_text(number(value, "recode"))
        if items.strip() in ("else", "*"):
            other = code
        else:
            tests.append(" | ".join(map(_in_rule, split(items))))
            values.append(code)
    code = f"np.select([{', '.join(tests)}], [{', '.join(values)}], {other})"
    names = call.context.variables.names(listed)
    step = _each(f"df[{{1}}] = {code}", names, call.new or "{}")
    return step if call.new else replace(step, types={})


def _in_rule(item: str) -> str:
    """Write a value of a rule of ``recode``: a number, a range, or missing."""
    if item == "." or item.startswith("mis"):
        return "df[{0}].isna()"
    if item.startswith("nonm"):
        return "df[{0}].notna()"
    ends = {"min": "-np.inf", "max": "np.inf"}
    low, *high = (
        ends.get(end) or number_text(number(end, "recode")) for end in item.split("/")
    )
    return f"df[{{0}}].between({low}, {(high or [low])[0]})"


def dummies(call: DataCall) -> Step:
    """Translate ``tabulate x, generate(d)``: a dummy for each value."""
    stem = " ".join(call.new)
    if len(call.names) != 1 or not stem.isidentifier():
        raise StataError.because("tabulate with generate() and other than a variable")
    code = f"dummies(df, {call.names[0]!r}, {stem!r})"
    return Step(code, (LaterColumns(f"*df.filter(regex={f'^{stem}[0-9]+$'!r})"),))


def categories(call: DataCall) -> Step:
    """Translate ``xi i.x``: dummies of all values but the first."""
    names = [word.partition(".") for word in split(call.command.arguments)]
    if not all(sign == "i" and name.isidentifier() for sign, _, name in names):
        raise StataError.because("xi of interactions")
    columns = [call.context.variables.resolve(name) for *_, name in names]
    # Those of an earlier xi are dropped.
    lines = ["df = df.drop(columns=df.filter(regex='^_I.+_[0-9]+$'))"]
    lines += [f"dummies(df, {n!r}, '_I{n}_', by_level=True)" for n in columns]
    patterns = [f"^_I{n}_[0-9]+$" for n in columns]
    creates = [LaterColumns(f"*df.filter(regex={regex!r})") for regex in patterns]
    return Step("\n".join(lines), tuple(creates))


def xtile(call: DataCall) -> Step:
    """Translate ``xtile``: groups between percentiles."""
    _, name, text = call.assignment
    return Step(f"df[{name!r}] = {_statistic('xtile', text, call)}", (name,))


def interpolate(call: DataCall) -> Step:
    """Translate ``ipolate y x, generate(z)``: on lines between values of y."""
    if len(call.names) != 2 or len(call.new) != 1:
        raise StataError.because("ipolate without two variables or generate()")
    y, x = call.names
    code = f"interpolated(df[{y!r}], df[{x!r}])"
    if by := call.printer.by:
        code = f"interpolated(rows[{y!r}], rows[{x!r}]) for _, rows in df{by}"
        code = f"pd.concat([{code}])"
    return Step(f"df[{call.new[0]!r}] = {code}", (call.new[0],))


# --- rows and tables ------------------------------------------------------------------


def drop(call: DataCall) -> Step:
    """Translate ``drop`` and ``keep``."""
    name, where, rows = call.command.name, call.where, call.command.rows
    chosen = [*filter(None, (call.command.arguments, where or call.groups[0], rows))]
    if len(chosen) != 1:
        raise StataError.because(f"{name} with variables and a condition, or by")
    if rows:
        return _by_number(rows, call)
    if where is not None:
        return Step(f"df = df[{where if name == 'keep' else f'~({where})'}].copy()")
    if name == "keep":
        return Step(f"df = df[{call.names!r}].copy()")
    # What is absent is not there in either case.
    code = f"df = df.drop(columns={call.names!r}, errors='ignore')"
    return Step(code, drops=tuple(call.names))


def _by_number(rows: str, call: DataCall) -> Step:
    """Translate ``drop in 1/8``: rows by their number, from the end if negative."""
    match = re.fullmatch(r"(f|-?\d+)(?:/(l|-?\d+))?", rows.replace(" ", "").lower())
    if match is None or not call.printer.in_order:
        raise StataError.because(
            f"rows {cited(rows)}: no range of numbers, or no line states their order"
        )
    first = 1 if match[1] == "f" else int(match[1])
    last = match[2] or first
    last = -1 if last == "l" else int(last)
    start, stop = first - (first > 0), last + (last < 0) or None
    sign = "" if call.command.name == "keep" else "~"
    numbered = "np.arange(len(df))"
    code = f"np.isin({numbered}, {numbered}[{start}:{stop}])"
    return Step(f"df = df.iloc[np.flatnonzero({sign}{code})].copy()")


def rename(call: DataCall) -> Step:
    """Translate ``rename old new`` and ``rename (a b) (c d)``."""
    text = call.command.arguments.replace(")(", ") (")
    lists = [part.strip("() ").split() for part in split(text)]
    if call.options:
        if lists != [["*"]] or len(call.options) != 1:
            raise StataError.because("rename with lower or upper of some columns")
        # Stata stops if two columns get one name.
        code = f"df = renamed(df, str.{min(call.options)})"
        return Step(code, (LaterColumns("*df"),), types={}, order=UNKNOWN_ORDER)
    olds, news = lists if len(lists) == 2 else ([], [""])
    if len(olds) != len(news) or not all(name.isidentifier() for name in olds + news):
        raise StataError.because("rename other than old new or (old ...) (new ...)")
    context, olds = call.context, [*map(call.context.variables.resolve, olds)]
    names = dict(zip(olds, news, strict=True))
    order = tuple(names.get(name, name) for name in context.order)
    complete = {*olds} <= context.complete
    types = {new: context.types[n] for n, new in names.items() if n in context.types}
    code = f"df = renamed(df, {names!r})"
    return Step(code, (*news,), (*olds,), complete, types, order=order)


def use(call: DataCall) -> Step:
    """Translate ``use``, perhaps of some variables or rows."""
    names = call.command.arguments if call.command.using else ""
    if re.search(r"[sb]use\s+(set|query|dir)\b", call.command.text):
        raise StataError.because("webuse of no file")
    path = file_name(call.command.using or call.command.arguments)
    code = f"floats.clear()\ndf = {_table(path, call)}"
    if call.command.condition:
        # Nothing is known of the columns of the file.
        node = call.context.parse(call.command.condition)
        code += f"\ndf = df[{Printer((), str, pandas=True).condition(node)}].copy()"
    if names:
        code += f"\ndf = df[{Variables().names(names)!r}].copy()"
    return Step(code, fresh=True, order=(), reads=path)


def _table(path: str, call: DataCall, columns: Sequence[str] = ()) -> str:
    """Write how a Stata file is read, or another one beside the data."""
    if path in call.context.saved:
        code = f"saved[{path!r}].copy()"
    else:
        source = call.context.located(path)
        beside = "" if call.command.name == "use" else ", df"
        code = f"from_file({source!r}{beside})"
    return f"{code}[{[*columns]!r}]" if columns else code


def read_text(call: DataCall) -> Step:
    """Translate ``import`` and ``insheet``."""
    options, command = call.options, call.command
    kind, *rest = split(command.arguments) or [""]
    if command.name == "insheet":
        kind, rest = "delimited", [kind]
    path = call.context.located(unquoted(command.using or " ".join(rest)))
    code, case = _read_code(kind, path, options)
    case = options.get("case", case)
    if case != "preserve":
        code += f".rename(columns=str.{case})"
    is_single = call.context.default_type == "float" and "asdouble" not in options
    if kind != "excel" and is_single:
        code += ", precision='float32'"
    return Step(f"floats.clear()\ndf = as_stata({code})", fresh=True, order=())


def _read_code(kind: str, path: str, options: Mapping[str, str]) -> tuple[str, str]:
    """Write how a text or Excel file is read, and what Stata does to its headings."""
    is_excel = kind == "excel"
    text = unquoted(options.get("sheet" if is_excel else "encoding", ""))
    argument = "sheet_name" if is_excel else "encoding"
    source = f"{path!r}, {argument}={text!r}" if text else repr(path)
    source += _range_of_cells(options.get("cellrange", ""))
    first = "firstrow" in options if is_excel else options.get("varnames", "1")
    match kind, first:
        case "excel", True:
            return f"pd.read_excel({source})", "preserve"
        case "delimited" | "delim", "1":
            return f"pd.read_csv({source})", "lower"
        case "delimited" | "delim", "nonames":
            numbered = ".rename(columns=lambda number: f'v{number + 1}')"
            return f"pd.read_csv({source}, header=None){numbered}", "preserve"
    raise StataError.because(f"import {kind} with names not in the first row")


def _range_of_cells(text: str) -> str:
    """Write ``cellrange(A3:F90)`` as the rows and columns of a sheet."""
    if not text:
        return ""
    match = re.fullmatch(r"([A-Z]+)(\d+):([A-Z]+)(\d+)", text.upper().strip())
    if match is None:
        raise StataError.because(f"cellrange({text})")
    first, top, last, bottom = match.groups()
    rows = f"skiprows={int(top) - 1}, nrows={int(bottom) - int(top)}"
    return f", usecols='{first}:{last}', {rows}"


def merge(call: DataCall) -> Step:
    """Translate ``merge 1:1`` and ``merge m:1``."""
    options, path = call.options, call.path
    kind, *names = split(call.command.arguments) or [""]
    # Stata reads n:1 as m:1.
    kind = kind.replace("n", "m")
    keys = call.context.variables.names(" ".join(names))
    # A column _merge that is there already stays with nogenerate.
    default = "__merge" if "nogenerate" in options else "_merge"
    mark = options.get("generate", default).strip()
    chosen = split(options.get("keepusing", ""))
    merged = [_KEPT.get(word, "") for word in options.get("keep", "").split()]
    if kind not in _VALIDATED or "" in merged or set("".join(chosen)) & set("*?-~"):
        raise StataError.because(
            f"merge {kind}, keep({options.get('keep', '')}) or a pattern in keepusing()"
        )
    code = (
        f"other = {_table(path, call, [*keys, *chosen] if chosen else [])}\n"
        f"df = merged(df, other, {keys!r}, {_VALIDATED[kind]!r}, {mark!r})\n"
    )
    if merged:
        code += f"df = df[df[{mark!r}].isin({merged!r})].copy()\n"
    if "nogenerate" in options:
        code += f"df = df.drop(columns={mark!r})"
    else:
        code += f"df[{mark!r}] = df[{mark!r}].map({_MERGED}).astype(int)"
        chosen = [mark, *chosen]
    filled = None if merged and "right_only" not in merged else tuple(keys)
    columns, order = tuple(chosen), UNKNOWN_ORDER
    return Step(code, columns, types={}, order=order, filled=filled, reads=path)


def append(call: DataCall) -> Step:
    """Translate ``append``."""
    both = f"pd.concat([df, {_table(call.path, call)}], ignore_index=True)"
    order = UNKNOWN_ORDER if call.context.order else ()
    return Step(f"df = as_stata({both})", order=order, filled=(), reads=call.path)


def collapse(call: DataCall) -> Step:
    """Translate ``collapse (mean) x (sum) y, by(z)``; weights are those of means."""
    rows = f"df[{call.where}]" if call.where else "df"
    weight = call.command.weight[1] if call.command.weight else ""
    if weight:
        weight = f"df[{call.context.variables.resolve(weight)!r}]"
        rows += f"[{weight} > 0]"
    parts, order = _aggregates(call, weight), tuple(call.groups[0])
    inside = ", ".join(parts.values())
    by = f"{[*order]!r}, as_index=False, dropna=False" if order else "lambda row: 0"
    code = f"df = {rows}.groupby({by}).agg(**{{{inside}}})"
    return Step(code, tuple(parts), order=order, filled=order)


def _aggregates(call: DataCall, weight: str) -> dict[str, str]:
    """Read ``(mean) x (sum) s=y``: column and statistic of each new column."""
    variables = call.context.variables
    method, parts = _aggregated("mean", weight), dict[str, str]()
    text = re.sub(r"\s*=\s*", "=", call.command.arguments)
    for word in split(re.sub(r"(\(\s*\w+\s*\))", r" \1 ", text)):
        if word.startswith("("):
            method = _aggregated(word.strip("() "), weight)
            continue
        new, equals, old = word.partition("=")
        for name in [new] if equals else variables.names(word):
            source = variables.resolve(old) if equals else name
            parts[name] = f"{name!r}: ({source!r}, {method})"
            if isinstance(name, LaterColumns):
                each = f"{{name: (name, {method}) for name in [{name}]}}"
                parts[name] = f"**{each}"
    if not parts or any("loc[" in name for name in parts):
        raise StataError.because("collapse of columns not known")
    return parts


def _aggregated(statistic: str, weight: str) -> str:
    """Write a statistic of collapse as an argument of agg()."""
    if weight and statistic != "rawsum":
        if statistic != "mean":
            raise StataError.because(f"collapse ({statistic}) with weights")
        return f"lambda x: weighted_mean(x, {weight})"
    if percent := re.fullmatch(r"p(\d+)", statistic):
        return f"lambda x: percentile(x, {percent[1]})"
    if statistic in ("firstnm", "lastnm"):
        return "only_value"
    if statistic in ("first", "last"):
        return "lambda x: only_value(x, rows=slice(None))"
    if statistic not in _BY_GROUP:
        raise StataError.because(f"collapse ({statistic})")
    return repr(_BY_GROUP[statistic])


def sort(call: DataCall) -> Step:
    """Translate ``sort`` and ``gsort``."""
    names = split(call.command.arguments)
    plain = call.context.variables.names(" ".join(name.lstrip("+-") for name in names))
    up = [not name.startswith("-") for name in names]
    order = "" if all(up) else f", ascending={up!r}"
    code = f"df = df.sort_values({plain!r}{order}, kind='stable')"
    if any(isinstance(name, LaterColumns) for name in plain):
        return Step(code, order=UNKNOWN_ORDER)
    # A descending order has a sign, so that it is no order of by.
    signs = ["" if rises else "-" for rises in up] + [""] * len(plain)
    return Step(code, order=tuple(map("".join, zip(signs, plain, strict=False))))


def duplicates(call: DataCall) -> Step:
    """Translate ``duplicates drop`` and ``tag``; other subcommands only print."""
    subcommand, *words = split(call.command.arguments) or [""]
    names = call.context.variables.names(" ".join(words))
    if subcommand == "drop":
        code, order = f"df = df.drop_duplicates({names or ''})", call.context.order
        if names and call.context.has_ties(order):
            # The order of rows decides which of them is kept.
            tied = f"df.drop_duplicates().duplicated({names!r}).any()"
            if order != UNKNOWN_ORDER:
                columns = [name.lstrip("-") for name in order]
                tied = f"(df.duplicated({columns!r}).any() and {tied})"
            code = f"assert not {tied}, 'ties'\n{code}"
        return Step(code)
    if subcommand != "tag":
        return Step("")
    if len(call.new) != 1 or not names:
        raise StataError.because("duplicates tag without variables or generate()")
    count = f"df.groupby({names!r}, dropna=False)[{names[0]!r}].transform('size')"
    return Step(f"df[{call.new[0]!r}] = {count} - 1", tuple(call.new))


def expand(call: DataCall) -> Step:
    """Translate ``expand``: each row as often as a number or a column says."""
    count = f"{call.value(call.command.arguments)}.fillna(1).clip(1).astype(int)"
    code = f"df = df.loc[df.index.repeat({count})]"
    if call.new:
        code += f".assign({call.new[0]}=lambda x: x.index.duplicated().astype(float))"
    code += ".reset_index(drop=True)"
    return Step(code, tuple(call.new), order=UNKNOWN_ORDER)


def reshape(call: DataCall) -> Step:
    """Translate ``reshape``; the names of stubs end with numbers, or with texts."""
    form, *stubs = split(call.command.arguments) or [""]
    column, *rest = call.options.get("j", "_j").split()
    keys = call.context.variables.names(call.options.get("i", ""))
    is_text = "string" in (*call.options, *rest)
    if (
        form not in ("long", "wide")
        or not keys
        or not stubs
        or {*"@*"} & {*"".join(stubs)}
    ):
        raise StataError.because("reshape without i() and variables, or with @ or *")
    if form == "wide":
        level = "level" if is_text else "level:g"
        code = (
            f"wide = df.pivot(index={keys!r}, columns={column!r}, values={stubs!r})\n"
            f"wide.columns = [f'{{stub}}{{{level}}}' for stub, level in wide.columns]\n"
            f"df = df.drop(columns={[column, *stubs]!r}).drop_duplicates()"
            f".merge(wide.reset_index(), on={keys!r}, validate='one_to_one')"
        )
        creates = tuple(LaterColumns.of_pattern(f"{stub}*") for stub in stubs)
        return Step(code, creates, (column, *stubs), order=(*keys,), filled=(*keys,))
    suffix = r", suffix=r'\w+'" if is_text else ""
    code = (
        f"df = pd.wide_to_long(df, {stubs!r}, {keys!r}, {column!r}{suffix})"
        f".reset_index().sort_values({[*keys, column]!r}, kind='stable')"
    )
    order = (*keys, column)
    return Step(code, (column, *stubs), order=order, filled=order)


_Table: TypeAlias = "Mapping[str, tuple[Options, Callable[[DataCall], Step]]]"
_IMPORT = Options(
    "sh.eet first.row cellra.nge clear enc.oding case varn.ames asdouble",
    "all.string locale string.cols numericc.ols tab comma names",
)
_GENERATE = Options("", "before after")
_NEW = Options("replace g.enerate force l.abel", "float noe.xtend")
COMMANDS: _Table = {
    **dict.fromkeys(_EACH, (_NEW, each)),
    "generate": (_GENERATE, generate),
    **dict.fromkeys(("drop", "keep"), (Options(), drop)),
    **dict.fromkeys(("gsort", "sort"), (Options("", "mf.irst stable"), sort)),
    **dict.fromkeys(("import", "insheet"), (_IMPORT, read_text)),
    "append": (Options("", "force nol.abel"), append),
    "carryforward": (Options("replace g.enerate by"), each),
    "destring": (Options("replace g.enerate force i.gnore", "float"), each),
    "collapse": (Options("by", "fast"), collapse),
    "duplicates": (Options("g.enerate", "force"), duplicates),
    "egen": (Options("by at field icodes p m.issing l.abel n.quantiles"), egen),
    "expand": (Options("g.enerate"), expand),
    "ipolate": (Options("g.enerate by"), interpolate),
    "merge": (
        Options(
            "keep keepus.ing gen.erate nogen.erate",
            "norep.ort nol.abel nonote.s force sorted",
        ),
        merge,
    ),
    "replace": (_GENERATE, change),
    "recode": (Options("g.enerate"), recode),
    "rename": (Options("low.er upp.er"), rename),
    "reshape": (Options("i j str.ing"), reshape),
    "tabulate": (Options("g.enerate", "nof.req"), dummies),
    "use": (Options("", "clear replace nol.abel"), use),
    "predict": (Options("xb r.esiduals e pr"), predict),
    "winsor": (Options("g.enerate p"), winsor_by_count),
    "winsor2": (Options("r.eplace s.uffix c.uts by tr.im"), winsor),
    "xi": (Options(), categories),
    "xtile": (Options("n.quantiles"), xtile),
}
_WITH_BOTH = ("generate", "replace", "egen", "keep", "drop")
_WITH_CONDITION = (
    *_WITH_BOTH,
    *("collapse", "expand", "predict", "use", "winsor", "xtile"),
)
_WITH_GROUPS = (*_WITH_BOTH, "carryforward", "ipolate")
_CAPTURED = re.compile(r"(?:(?:qui|noi)\w*\s+)*cap")
# Code of values that depend on the order of the rows.
_BY_ROW = re.compile(r"\.(?:cumsum|shift|ffill)\(|\biloc\[")


def translate(command: Command, context: Context) -> Step:
    """Translate a data command; prefixes, conditions and weights are never ignored."""
    name = command.name
    parts = [p.name for p in command.prefixes if p.name not in ("by", "bysort")]
    others = {
        "by": bool(command.prefixes) and name not in _WITH_GROUPS,
        "if": command.condition is not None and name not in _WITH_CONDITION,
        # The other rows would keep their values.
        "the if of ereplace": bool(command.condition and "ereplace" in command.text),
        "weights": command.weight is not None and name != "collapse",
        "in": bool(command.rows) and name not in ("drop", "keep"),
    }
    parts += [part for part, is_typed in others.items() if is_typed]
    if parts:
        raise StataError.because(f"{name} with {' and '.join(parts)}")
    options, function = COMMANDS[name]
    call = DataCall(command, context, options.read(command))
    return _in_order(function(call), call)


def _in_order(step: Step, call: DataCall) -> Step:
    """Add the sorting of the prefix, and what stops if ties would decide a value."""
    context, name, lines = call.context, call.command.name, [step.python]
    if name in ("generate", "egen") and _CAPTURED.match(call.command.text):
        # A column that is there already stays, without an error.
        inside = step.python.replace("\n", "\n    ")
        lines = [f"if {step.creates[0]!r} not in df:\n    {inside}"]
    names = [name.lstrip("-") for name in call.order]
    # No tie may decide a value: keys of a panel have none.
    if context.has_ties(names) and _BY_ROW.search(step.python):
        lines.insert(0, f"assert not df.duplicated({names!r}).any(), 'ties'")
    if call.order != context.order:
        lines.insert(0, f"df = df.sort_values({names!r}, kind='stable')")
        step = replace(step, order=step.order or call.order)
    return replace(step, python="\n".join(lines))


# Commands that make columns, named in an option or an argument, and that change data.
MAKERS = of_kind("makes")
REFUSED = {
    **{
        n: note or "it makes columns and is not translated"
        for n, note in MAKERS.items()
    },
    **{
        name: note or "it changes the data and is not translated"
        for name, note in of_kind("changes").items()
    },
}
