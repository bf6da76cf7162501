"""Data commands: the pandas code for those that have safe counterparts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from digiprosper.errors import cited
from digiprosper.stata.commands.estimations import match_rows, predict
from digiprosper.stata.expressions import PandasPrinter, number_text, unquoted
from digiprosper.stata.macros import numbers
from digiprosper.stata.prefixes import (
    CAPTURED,
    ROWS,
    Command,
    completed,
    notes_of,
    of_kind,
    refused,
    split,
    translated_options,
)
from digiprosper.stata.translation import (
    UNKNOWN_ORDER,
    Call,
    Context,
    Step,
    assigned,
    file_name,
)
from digiprosper.stata.varlists import LaterColumns, Variables, later_columns, number

# Functions that draw random numbers, and the values of _merge by their names.
_DRAWS, _KEPT = notes_of("draws ").keys(), notes_of("kept ")
# Kinds of nodes whose values are missing only where a variable inside is.
_COMPUTED = {"number", "text", "name", "binary", "unary"}


def _of_egen(kind: str) -> dict[str, str]:
    return {name.removeprefix("egen "): code for name, code in of_kind(kind).items()}


# Statistics of egen and collapse, and functions of several columns.
STATISTICS, _ROW_STATISTICS = _of_egen("column"), _of_egen("row")
# Functions whose values are whole numbers that single precision keeps.
_COUNTS = _of_egen("whole")
# Names that functions of egen had before Stata 9, which still work.
_OLD_NAMES = _of_egen("old")
# Results of summarize.
_SUMMARY = notes_of("result ")
_SHARES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
_PERCENTILES = {f"r(p{share})": f".pipe(percentile, {share})" for share in _SHARES}
# Code that makes one group.
_ALL_ROWS = ".groupby(np.zeros(len(df)))"


# --- columns --------------------------------------------------------------------------


def generate(call: Call) -> Step:
    """Translate ``generate``."""
    storage, name, text = call.assignment
    value, is_complete = _value(call, text)
    code = call.only_where(f"stored({name!r}, {value}, {storage!r})")
    return assigned(name, code, complete=is_complete and call.where is None)


def replace_values(call: Call) -> Step:
    """Translate ``replace``."""
    context, where = call.context, call.where
    _, name, text = call.assignment
    name = context.variables.resolve(name)
    target = f"df[{name!r}]"
    if _fills_forward(name, text, call):
        return assigned(name, _filled_forward(target, call))
    value, is_complete = _value(call, text)
    _refuse_replaced_rows(name, text, call)
    arguments = ", ".join(filter(None, [target, value, where]))
    if context.default_type != "float":
        arguments += f", default={context.default_type!r}"
    is_complete &= where is None or name in context.complete
    return assigned(name, f"replaced({arguments})", complete=is_complete)


def _value(call: Call, text: str) -> tuple[str, bool]:
    """Write an expression, and tell whether it is computed from complete variables."""
    node = call.context.parse(text)
    if {part.value for part in node.walk() if part.kind == "call"} & _DRAWS:
        raise refused("random numbers differ from Stata's")
    is_complete = {*node.names} <= call.context.complete and node.kinds <= _COMPUTED
    return replace(call.printer, rows=call.where or "").value(node), is_complete


def _fills_forward(name: str, text: str, call: Call) -> bool:
    """Tell whether missing values are filled: ``replace x = x[_n-1] if x == .``."""
    code = re.sub(r"\s", "", f"{text}if{call.command.condition}")
    filled = rf"{name}\[_n-1\]if({name}[=>]=\.|mi(ssing)?\({name}\))"
    return call.printer.in_order and re.fullmatch(filled, code) is not None


def _filled_forward(column: str, call: Call) -> str:
    """Fill missing values with those of rows before."""
    by = call.printer.by
    return f"{column}.mask(missing({column})){by}.ffill().fillna(absent({column}))"


def _refuse_replaced_rows(name: str, text: str, call: Call) -> None:
    """Refuse values of rows above, which ``replace`` has changed already."""
    value = call.context.parse(text)
    # The first and the last value are replaced by themselves.
    stays = value.kind == "index" and value.parts[0].value in (1.0, "_N")
    for part in filter(None, ("" if stays else text, call.command.condition)):
        for node in call.context.parse(part).walk():
            # A running sum takes each value before it is replaced, a row below after.
            is_of_rows = node.kind in ("index", "shifted")
            is_below = node.kind == "index" and node.parts[0].value in ("_n", "+")
            if is_of_rows and not is_below and name in node.names:
                raise refused("values that the command replaces before")


def egen(call: Call) -> Step:
    """Translate ``egen``."""
    _, name, text = call.assignment
    function, inside = _function(text, call)
    row = ROWS.get(f"egen {function}", {"options": ""})
    others = {*call.options} - {"by", *row["options"].split()}
    if call.where and "ereplace" in call.command.text:
        # The other rows would keep their values.
        others.add("the if of ereplace")
    write = _EGEN.get(function)
    if write is None or others or (call.groups[0] and write not in _BY_GROUP):
        raise refused(f"egen {' and '.join([cited(text), *others])}")
    if write is _column_statistic and function not in ("count", "mode"):
        call.printer.check_type(call.context.parse(inside), is_text=False)
    code = write(function, inside, call)
    kind = _egen_type(function, inside, call)
    return assigned(name, f"stored({name!r}, {code}, {kind})")


def _egen_type(function: str, inside: str, call: Call) -> str:
    storage, name, _ = call.assignment
    storage = "double" if function in _COUNTS else storage
    is_typed = not re.match(rf"\s*{name}\b", call.command.arguments)
    if function != "mode" and ("gegen" not in call.command.text or is_typed):
        return repr(storage)
    # It follows the type of the column, if there is only one.
    column = call.value(inside) if inside.strip().isidentifier() else None
    return f"type_of({function!r}, {column}, {storage!r})"


def _function(text: str, call: Call) -> tuple[str, str]:
    """Read a function of egen and its argument, of gegen with the condition inside."""
    match = re.fullmatch(r"(\w+)\s*\((.*)\)", text.strip(), re.DOTALL)
    function, inside = match.groups() if match else ("", "")
    if "gegen" in call.command.text and " if " in inside:
        value, _, rows = inside.partition(" if ")
        inside = f"cond({rows}, {value}, .)"
    return _OLD_NAMES.get(function, function), inside


def _row_statistic(function: str, inside: str, call: Call) -> str:
    """Write a statistic of each row, or the number of its group."""
    names = call.context.variables.names(inside)
    code = _ROW_STATISTICS[function].format(names=repr(names))
    if "missing" in call.options:
        code = code.replace(")", ", min_count=1)")
    rows = f"df.loc[{call.where}, {names!r}]" if call.where else f"df[{names!r}]"
    return f"{rows}.{code}"


def _cut(_: str, inside: str, call: Call) -> str:
    """Write ``cut(x), at()``: left ends of intervals, or 0, 1, ...; or ``group()``."""
    value, options = call.value(inside), call.options
    # Values are rounded before they are compared, whatever the type of the result.
    value = f"of_precision({value}, {call.context.default_type == 'float'})"
    if options.keys() & {"at", "group"} == {"group"}:
        return f"quantile_groups({value}, {call.whole('group')}, 'right') - 1"
    if "at" not in options:
        raise refused("egen cut() without at() or group()")
    ends = [*map(float, numbers(options["at"].replace(",", " ")))]
    labels = False if {"icodes", "label"} & {*options} else ends[:-1]
    return f"pd.cut({value}, {ends}, right=False, labels={labels}).astype(float)"


def _column_statistic(function: str, inside: str, call: Call) -> str:
    """Write a statistic of a column, over all rows or by group."""
    value, by, options = call.value(inside), call.printer.by, call.options
    if function == "count":
        value, function = f"(~missing({value})).astype(float)", "sum"

    def over(method: str, *arguments: str) -> str:
        """Write a method of a script, or of pandas, whose name is a text."""
        if by:
            return f"{value}{by}.transform({', '.join([method, *arguments])})"
        if method.isidentifier():
            return f"{method}({', '.join([value, *arguments])})"
        return f"{value}.agg({', '.join([method, *arguments])})"

    match function:
        case "rank":
            descending = "ascending=False, method='min'" if "field" in options else ""
            code = f"{value}{by}.rank({descending})"
        case "std":
            value = f"of_precision({value}, {call.assignment[0] == 'float'})"
            code = f"({value} - {over(repr('mean'))}) / {over(repr('std'))}"
            for option, sign in (("std", "*"), ("mean", "+")):
                if option in options:
                    code += f" {sign} {number_text(number(options[option], option))}"
        case "pctile":
            code = over("percentile", number_text(number(options.get("p", "50"), "p")))
        case "xtile":
            code = over("quantile_groups", str(call.whole("nquantiles", 2)))
        case "mode":
            code = over("only_mode")
        case _:
            arguments = ["min_count=1"] if "missing" in options else []
            code = over(repr(STATISTICS[function]), *arguments)
    return call.only_where(code)


def _distinct_values(_: str, inside: str, call: Call) -> str:
    """Write ``nvals(x)``: how many values there are, where there is one."""
    value, by = call.value(inside), call.printer.by or _ALL_ROWS
    count = f"{value}.replace('', np.nan){by}.transform('nunique')"
    return f"only_where({count}, ~missing({value}))"


_EGEN: Mapping[str, Callable[[str, str, Call], str]] = {
    **dict.fromkeys(
        (*STATISTICS, "rank", "std", "pctile", "xtile", "mode"), _column_statistic
    ),
    **dict.fromkeys(_ROW_STATISTICS, _row_statistic),
    "cut": _cut,
    "nvals": _distinct_values,
}


# Functions that may be by group.
_BY_GROUP = (_column_statistic, _distinct_values)


def summary(command: Command, context: Context) -> dict[str, str]:
    """Write the results that ``summarize`` stores, of the last variable, by name."""
    others = command.weight or command.rows or command.prefixes
    if command.name != "summarize" or not command.words or others:
        return {}
    name = context.variables.names(command.arguments)[-1]
    if later_columns([name]):
        return {}
    where = Call(command, context, {}).where
    series = f"df[{name!r}]" if where is None else f"df.loc[{where}, {name!r}]"
    return {key: f"{series}{code}" for key, code in _summarised(command).items()}


def _summarised(command: Command) -> dict[str, str]:
    options = {completed(word, ("d.etail", "mean.only")) for word, _ in command.options}
    codes = _SUMMARY | (_PERCENTILES if "detail" in options else {})
    absent = {"r(sd)"} if "meanonly" in options else {""}
    return {key: code for key, code in codes.items() if key not in absent}


def xtile(call: Call) -> Step:
    """Translate ``xtile``: groups between percentiles."""
    _, name, text = call.assignment
    return assigned(name, _column_statistic("xtile", text, call))


def winsor_by_count(call: Call) -> Step:
    """Translate ``winsor``, which cuts a number of values at each end."""
    share = number(call.options.get("p", ""), "p")
    value = call.value(*call.require_names(1))
    return assigned(call.new_name, f"winsorised_by_count({value}, {share:g})")


def interpolate(call: Call) -> Step:
    """Translate ``ipolate y x, generate(z)``: on lines between values of y."""
    by = call.printer.by or _ALL_ROWS
    code = f"interpolated(rows, *{call.require_names(2)!r}) for _, rows in df{by}"
    return assigned(call.new_name, f"pd.concat([{code}])")


def dummies(call: Call) -> Step:
    """Translate ``tabulate x, generate(d)``: a dummy for each value."""
    (name,), stem = call.require_names(1), call.new_name
    columns = LaterColumns(f"*df.filter(regex={f'^{stem}[0-9]+$'!r})")
    return Step(f"dummies(df, {name!r}, {stem!r})", (columns,))


def categories(call: Call) -> Step:
    """Translate ``xi i.x``: dummies of all values but the first."""
    names = [word.partition(".") for word in call.command.words]
    if not all(sign == "i" and name.isidentifier() for sign, _, name in names):
        raise refused("xi of interactions")
    columns = [call.context.variables.resolve(name) for *_, name in names]
    code = (
        # Those of an earlier xi are dropped.
        "df = df.drop(columns=df.filter(regex='^_I.+_[0-9]+$'))\n"
        f"for column in {columns!r}:\n"
        "    dummies(df, column, f'_I{column}_', by_level=True)"
    )
    return Step(code, tuple(LaterColumns.of_pattern(f"_I{n}_*") for n in columns))


# --- each column by itself ------------------------------------------------------------


def columnwise(call: Call) -> Step:
    """Translate a command that computes each ``column`` by itself."""
    name, new = call.command.name, call.new
    pattern, code = _name_pattern(name, call.options), _COLUMNWISE[name](call)
    if not (pattern or new):
        raise refused(f"{name} without replace or generate()")
    # Rules of recode follow the variables.
    listed = re.split(r"\([^)]*=", call.command.arguments)[0].strip(" ()")
    names = call.context.variables.names(listed or "_all")
    if new:
        if later_columns(names) or len(new) != len(names):
            raise refused("generate() with another number of names")
        target, loop = "new", f"column, new in zip({names!r}, {new!r}, strict=True)"
    else:
        target = "column" if pattern == "{column}" else f"f{pattern!r}"
        new, loop = [_renamed(old, pattern) for old in names], f"column in {names!r}"
    if name in ("center", "winsor2"):
        kind = "" if target == "column" else f", {_new_type(call)}"
        code = f"stored({target}, {code}{kind})"
    return Step(f"for {loop}:\n    df[{target}] = {code}", tuple(new))


def _name_pattern(name: str, options: Mapping[str, str]) -> str:
    """Write the new name of a column; empty where an option has to list it."""
    if "inplace" in options:
        return "{column}"
    if "prefix" in options:
        return f"{options['prefix']}{{column}}"
    if name == "winsor2":
        return f"{{column}}{winsor_suffix(options)}"
    return _NEW_NAMES.get(name, "{column}" if "replace" in options else "")


def _renamed(name: str, pattern: str) -> str:
    """Name the column that a pattern makes of another, or of columns not known."""
    if isinstance(name, LaterColumns):
        return LaterColumns.of_pattern(pattern.format(column="*"))
    return pattern.format(column=name)


def _encoded(call: Call) -> str:
    """Write codes of texts; those of a label that exists are refused."""
    label, labels = call.options.get("label", "".join(call.new)), call.context.labels
    if label in labels:
        raise refused(f"encode with the codes of the label {cited(label)}")
    labels.add(label)
    return f"encoded(df[column], {label!r})"


def _as_numbers(call: Call) -> str:
    ignored, is_forced = call.options.get("ignore", ""), "force" in call.options
    arguments = f"{unquoted(ignored)!r}, is_new={bool(call.new)}, {is_forced=}"
    return f"numeric(df[column], {arguments})"


def _new_type(call: Call) -> str:
    options, default = call.options, repr(call.context.default_type)
    if call.command.name == "center":
        return repr("double") if "double" in options else default
    # With by() egen makes it.
    by_egen = call.printer.by and "trim" not in options
    return default if by_egen else "column_type(column)"


def _carried(call: Call) -> str:
    if not call.printer.in_order:
        raise refused("carryforward, where the order is not stated")
    return _filled_forward("df[column]", call)


def _winsorised(call: Call) -> str:
    """Write values cut at percentiles; ``trim`` makes those beyond them missing."""
    options, by = call.options, call.printer.by
    texts = (options.get("cuts") or "1 99").replace(",", " ").split()
    cuts = [number_text(number(text, "cuts")) for text in texts]
    if len(cuts) != 2 or float(cuts[0]) > float(cuts[1]):
        raise refused(f"cuts({options['cuts']}) has not two ascending numbers")
    arguments = ", ".join([*cuts, "trim=True"] if "trim" in options else cuts)
    if by or (winsor_suffix(options) and "trim" not in options):
        # Percentiles have the type of the column.
        arguments += ", is_whole=is_whole(df[column])"
    if by:
        return f"df[column]{by}.transform(winsorised, {arguments})"
    return f"winsorised(df[column], {arguments})"


def winsor_suffix(options: Mapping[Any, str]) -> str:
    """Read what ``winsor2`` adds to names: nothing with ``replace``."""
    suffix = options.get("suffix") or ("_tr" if "trim" in options else "_w")
    return "" if "replace" in options else suffix


def _recoded(call: Call) -> str:
    """Write the rules of ``recode``; the first one that fits a value counts."""
    rules_text = call.command.arguments.partition("(")[2]
    rules = re.findall(r"\(([^()=]+)=\s*([-.\w]+)[^()]*\)", f"({rules_text}")
    if not rules or rules_text.count("=") != len(rules):
        raise refused("recode with other rules than (values = value)")
    tests, values, other = [], [], "df[column]"
    for values_of_rule, value in rules:
        code = "np.nan" if value == "." else number_text(number(value, "recode"))
        if values_of_rule.strip() in ("else", "*"):
            other = code
        else:
            tests.append(" | ".join(map(_recode_test, split(values_of_rule))))
            values.append(code)
    return f"np.select([{', '.join(tests)}], [{', '.join(values)}], {other})"


def _recode_test(word: str) -> str:
    """Write a value of a rule of ``recode``: a number, a range, or missing."""
    if word == "." or word.startswith("mis"):
        return "df[column].isna()"
    if word.startswith("nonm"):
        return "df[column].notna()"
    ends = {"min": "-np.inf", "max": "np.inf"}
    low, *high = (
        ends.get(end) or number_text(number(end, "recode")) for end in word.split("/")
    )
    return f"df[column].between({low}, {(high or [low])[0]})"


# The names that commands without generate() give, of a column that they compute.
_NEW_NAMES = {"center": "c_{column}", "recode": "{column}"}
# Code of each column.
_COLUMNWISE: Mapping[str, Callable[[Call], str]] = {
    "carryforward": _carried,
    "center": lambda call: (
        f"centred(df[column], {'standardize' in call.options}, {_new_type(call)})"
    ),
    "destring": _as_numbers,
    "encode": _encoded,
    "recode": _recoded,
    "tostring": lambda _: "text(df[column], '%.10g')",
    "winsor2": _winsorised,
}


# --- rows and tables ------------------------------------------------------------------


def drop(call: Call) -> Step:
    """Translate ``drop`` and ``keep``."""
    name, where, rows = call.command.name, call.where, call.command.rows
    chosen = [*filter(None, (call.command.arguments, where or call.groups[0], rows))]
    if len(chosen) != 1:
        raise refused(f"{name} with variables and a condition, or by")
    sign = "" if name == "keep" else "~"
    if where or rows:
        code = where or _rows_in_range(rows or "", call)
        return Step(f"df = df[{sign}({code})].copy()")
    if name == "keep":
        return Step(f"df = selected(df, {call.names!r})")
    # What is absent is not there in either case.
    code = f"df = df.drop(columns={call.names!r}, errors='ignore')"
    return Step(code, drops=tuple(call.names))


def _rows_in_range(rows: str, call: Call) -> str:
    """Write the rows of ``in 1/8`` by their number, from the end if negative."""
    match = re.fullmatch(r"(f|-?\d+)(?:/(l|-?\d+))?", rows.replace(" ", "").lower())
    if match is None or not call.printer.in_order:
        raise refused(
            f"rows {cited(rows)}: no range of numbers, or no line states their order"
        )
    first = 1 if match[1] == "f" else int(match[1])
    last = -1 if match[2] == "l" else int(match[2] or first)
    start, stop = first - (first > 0), last + (last < 0) or None
    return f"np.isin(np.arange(len(df)), np.arange(len(df))[{start}:{stop}])"


def rename(call: Call) -> Step:
    """Translate ``rename old new`` and ``rename (a b) (c d)``."""
    context, text = call.context, call.command.arguments.replace(")(", ") (")
    lists = [part.strip("() ").split() for part in split(text)]
    # The order of a file stays; that of columns has other names.
    of_names = context.order and UNKNOWN_ORDER
    if call.options and (lists, len(call.options)) == ([["*"]], 1):
        # Stata stops if two columns get one name.
        code = f"df = renamed(df, str.{min(call.options)})"
        return Step(code, (LaterColumns("*df"),), order=of_names)
    olds, news = lists if len(lists) == 2 else ([], [""])
    if "".join(olds).count("*") == "".join(news).count("*") == len(olds) == 1:
        return replace(_renamed_pattern(*olds, *news), order=of_names)
    is_plain = len(olds) == len(news) and all(n.isidentifier() for n in olds + news)
    if call.options or not is_plain:
        raise refused("rename other than old new or (old ...) (new ...)")
    olds = [*map(context.variables.resolve, olds)]
    names = dict(zip(olds, news, strict=True))
    order = tuple(names.get(name, name) for name in context.order)
    complete = {*olds} <= context.complete
    code = f"df = renamed(df, {names!r})"
    return Step(code, (*news,), (*olds,), complete, order=order)


def _renamed_pattern(old: str, new: str) -> Step:
    """Write ``rename a*b c*d``: what is for the star stays in the name."""
    columns = LaterColumns.of_pattern(old)
    begin, end = map(len, old.split("*"))
    first, last = new.split("*")
    part = f"name[{begin}:{-end or None}]"
    names = f"name: {first!r} + {part} + {last!r} for name in [{columns}]"
    code = f"df = renamed(df, {{{names}}})"
    creates = (LaterColumns.of_pattern(new),)
    return Step(code, creates, (columns,))


def use(call: Call) -> Step:
    """Translate ``use``, perhaps of some variables or rows."""
    names = call.command.arguments if call.command.using else ""
    if re.search(r"[sb]use\s+(set|query|dir)\b", call.command.text):
        raise refused("webuse of no file")
    path = file_name(call.command.using or call.command.arguments)
    code = f"df = {_read_file(path, call)}"
    if call.command.condition:
        # Nothing is known of the columns of the file.
        node = call.context.parse(call.command.condition)
        code += f"\ndf = df[{PandasPrinter().condition(node)}].copy()"
    if names:
        code += f"\ndf = df[{Variables().names(names)!r}].copy()"
    return Step(code, fresh=True, order=(), reads=path)


def _read_file(path: str, call: Call, columns: Sequence[str] = ()) -> str:
    """Write how a Stata file is read, or another one beside the data."""
    beside = "" if call.command.name == "use" else ", df"
    if path in call.context.saved:
        code = f"from_saved({path!r}{beside})"
    else:
        code = f"from_file({call.context.find_file(path)!r}{beside})"
    if later_columns(columns):
        return f"{code}.pipe(lambda df: df[[*dict.fromkeys({[*columns]!r})]])"
    return f"{code}[{[*columns]!r}]" if columns else code


def read_text(call: Call) -> Step:
    """Translate ``import`` and ``insheet``."""
    options, (kind, file) = call.options, _text_file(call.command)
    if kind not in ("excel", "delimited"):
        raise refused(f"import {kind}")
    path = call.context.find_file(file)
    if kind == "excel":
        code = _read_sheet(path, options)
    else:
        code = _read_delimited(path, options)
        if call.context.default_type == "float" and "asdouble" not in options:
            code += ", precision='float32'"
    return Step(f"types.clear()\ndf = as_stata({code})", fresh=True, order=())


def _read_sheet(path: str, options: Mapping[str, str]) -> str:
    """Write how a sheet is read; without headings, columns are named by letters."""
    code = repr(path) + _read_options(options)
    code += "" if "firstrow" in options else ", header=None"
    if options.get("allstring"):
        raise refused("allstring() with a format")
    # Cells may then be text or numbers, which become text.
    code += ", dtype=object" if "allstring" in options else ""
    first = re.sub("[^A-Z].*", "", options.get("cellrange", "").upper()) or "A"
    return f"named(from_sheet({code}){_naming(options, 'preserve')}, first={first!r})"


def _read_delimited(path: str, options: Mapping[str, str]) -> str:
    """Write how a text file is read; without headings, columns are v1, v2 and on."""
    heading = options.get("varnames", "1")
    if heading not in ("1", "nonames"):
        raise refused("import delimited with names not in the first row")
    code = repr(path) + _read_options(options)
    if not ("sep=" in code or path.endswith(".csv")):
        code += f", sep=separator({path!r})"
    code += ", header=None" if heading == "nonames" else ""
    return f"named(from_text({code}){_naming(options, 'lower')})"


def _naming(options: Mapping[str, str], default: str) -> str:
    case = options.get("case", default)
    codes = [code for word, code in notes_of("case ").items() if word.startswith(case)]
    if len(codes) != 1:
        raise refused(f"case({case})")
    return codes[0]


def _text_file(command: Command) -> tuple[str, str]:
    """Return the kind of a file that is imported, and its name with an ending."""
    kind, *words = command.words or [""]
    ending = ".csv"
    if command.name == "insheet":
        kind, words, ending = "delimited", [kind], ".raw"
    file = unquoted(command.using or " ".join(words))
    if kind != "excel" and "." not in re.split(r"[/\\]", file)[-1]:
        file += ending
    return "delimited" if kind == "delim" else kind, file


def _read_options(options: Mapping[str, str]) -> str:
    """Write sheet and ``cellrange(A3:F90)`` of a workbook, encoding and delimiter."""
    delimiter = unquoted(options.get("delimiters", "tab" if "tab" in options else ""))
    delimiter = {"comma": ",", "tab": "\t", r"\t": "\t"}.get(delimiter, delimiter)
    if len(delimiter) > 1:
        raise refused(f"delimiters({delimiter})")
    texts = {
        "sheet_name": unquoted(options.get("sheet", "")),
        "encoding": unquoted(options.get("encoding", "")),
        "sep": delimiter,
    }
    code = "".join(f", {name}={text!r}" for name, text in texts.items() if text)
    cells = options.get("cellrange", "")
    if not cells:
        return code
    match = re.fullmatch(r"([A-Z]+)(\d+):([A-Z]+)(\d+)", cells.upper().strip())
    if match is None:
        raise refused(f"cellrange({cells})")
    first, top, last, bottom = match.groups()
    count = int(bottom) - int(top) + ("firstrow" not in options)
    rows = f"skiprows={int(top) - 1}, nrows={count}"
    return f"{code}, usecols='{first}:{last}', {rows}"


def merge(call: Call) -> Step:
    """Translate ``merge 1:1`` and ``merge m:1``, also as it was before Stata 11."""
    options, path = {**call.options}, call.path
    kind, *names = call.command.words or [""]
    if ":" not in kind and kind:
        # Both files may have keys that repeat; those of using must not, here.
        kind, names = "m:1", [kind, *names]
        options["keepusing"] = options.pop("keep", "")
    # Stata reads n:1 as m:1.
    kind = kind.replace("n", "m")
    keys = call.context.variables.names(" ".join(names))
    # A column _merge that is there already stays with nogenerate.
    is_dropped = "nogenerate" in options
    mark = options.get("generate", "__merge" if is_dropped else "_merge").strip()
    chosen = Variables().names(options.get("keepusing", ""))
    if kind not in ("1:1", "m:1", "1:m", "m:m"):
        raise refused(f"merge {kind}")
    merge_values = _merge_values(options.get("keep", ""))
    other = _read_file(path, call, [*keys, *chosen] if chosen else [])
    code = f"df = merged(df, {other}, {keys!r}, {kind!r}, {mark!r}, {merge_values})"
    if is_dropped:
        code += f".drop(columns={mark!r})"
    columns = tuple(chosen) if is_dropped else (mark, *chosen)
    filled = tuple(keys) if 2 in merge_values else None
    return Step(code, columns, order=UNKNOWN_ORDER, filled=filled, reads=path)


def joinby(call: Call) -> Step:
    """Translate ``joinby``: all pairs of rows with the same keys."""
    path, keys = call.path, call.names
    if not keys:
        raise refused("joinby without the variables that are joined by")
    other = _read_file(path, call)
    joined = f"merged(df, {other}, {keys!r}, None, '__merge', [3])"
    code = f"df = {joined}.drop(columns='__merge')"
    return Step(code, order=UNKNOWN_ORDER, reads=path)


def _merge_values(text: str) -> list[int]:
    """Read the rows in keep() of ``merge`` as values of _merge."""
    words = text.split()
    if not _KEPT.keys() >= {*words}:
        raise refused(f"merge with keep({text})")
    return [int(_KEPT[word]) for word in words] or [1, 2, 3]


def append(call: Call) -> Step:
    """Translate ``append``."""
    tables = f"of_one_type(df, {_read_file(call.path, call)})"
    both = f"pd.concat({tables}, ignore_index=True)"
    order = UNKNOWN_ORDER if call.context.order else ()
    return Step(f"df = as_stata({both})", order=order, filled=(), reads=call.path)


def collapse(call: Call) -> Step:
    """Translate ``collapse (mean) x (sum) y, by(z)``; weights are those of means."""
    rows = f"df[{call.where}]" if call.where else "df"
    weight = call.command.weight[1] if call.command.weight else ""
    if weight:
        weight = f"df[{call.context.variables.resolve(weight)!r}]"
        rows += f"[{weight} > 0]"
    parts, order = _collapse_columns(call, weight), tuple(call.groups[0])
    inside = ", ".join(parts.values())
    by = f"{[*order]!r}, as_index=False, dropna=False" if order else "lambda row: 0"
    code = f"df = collapsed({rows}.groupby({by}), {{{inside}}})"
    return Step(code, tuple(parts), order=order, filled=order)


def _collapse_columns(call: Call, weight: str) -> dict[str, str]:
    """Read ``(mean) x (sum) s=y``: column and statistic of each new column."""
    variables = call.context.variables
    kind, _ = call.command.weight or ("", "")
    method, parts = _collapse_statistic("mean", weight), dict[str, str]()
    text = re.sub(r"\s*([=-])\s*", r"\1", call.command.arguments)
    for word in split(re.sub(r"(\(\s*\w+\s*\))", r" \1 ", text)):
        if word.startswith("("):
            method = _collapse_statistic(word.strip("() "), weight, kind)
            continue
        new, equals, old = word.partition("=")
        for name in [new] if equals else variables.names(word):
            source = variables.resolve(old) if equals else name
            parts[name] = f"{name!r}: ({source!r}, {method})"
            if isinstance(name, LaterColumns):
                parts[name] = f"**{{name: (name, {method}) for name in [{name}]}}"
    if not parts or any("loc[" in name for name in parts):
        raise refused("collapse of columns not known")
    return parts


def _collapse_statistic(statistic: str, weight: str, kind: str = "") -> str:
    """Write a statistic of collapse as an argument of agg()."""
    methods = {name: repr(method) for name, method in STATISTICS.items()}
    methods |= notes_of("collapse ")
    if weight:
        mean = f"lambda x: weighted_mean(x, {weight})"
        methods = {"mean": mean, "rawsum": "'sum'"}
        if kind.startswith(("f", "p")):
            # Analytic weights are scaled before.
            methods["sum"] = f"functools.partial(weighted_sum, weights={weight})"
    elif percent := re.fullmatch(r"p(\d+)", statistic):
        return f"lambda x: percentile(x, {percent[1]})"
    if statistic not in methods:
        raise refused(f"collapse ({statistic})" + (" with weights" if weight else ""))
    return methods[statistic]


def sort(call: Call) -> Step:
    """Translate ``sort`` and ``gsort``."""
    names = call.command.words
    plain = call.context.variables.names(" ".join(name.lstrip("+-") for name in names))
    up = [not name.startswith("-") for name in names]
    order = "" if all(up) else f", ascending={up!r}"
    code = f"df = df.sort_values({plain!r}{order}, kind='stable')"
    if later_columns(plain):
        return Step(code, order=UNKNOWN_ORDER)
    # A descending order has a sign, so that it is no order of by.
    signs = ["" if rises else "-" for rises in up] + [""] * len(plain)
    return Step(code, order=tuple(map("".join, zip(signs, plain, strict=False))))


def duplicates(call: Call) -> Step:
    """Translate ``duplicates drop`` and ``tag``; other subcommands only print."""
    subcommand, *words = call.command.words or [""]
    names = call.context.variables.names(" ".join(words))
    if subcommand == "drop":
        code = f"df = df.drop_duplicates({names or ''})"
        order = [name.lstrip("-") for name in call.context.order if name]
        if names and call.context.has_ties(call.context.order):
            # The order of rows decides which of them is kept.
            code = f"refuse_ties(df, {names!r}, {order!r})\n{code}"
        return Step(code)
    if subcommand != "tag":
        return Step("")
    if not names:
        raise refused("duplicates tag without variables")
    count = f"df.groupby({names!r}, dropna=False)[{names[0]!r}].transform('size')"
    return assigned(call.new_name, f"{count} - 1")


def expand(call: Call) -> Step:
    """Translate ``expand``: each row as often as a number or a column says."""
    count = f"{call.value(call.command.arguments)}.fillna(1).clip(1).astype(int)"
    code = f"df = df.loc[df.index.repeat({count})]"
    if call.new:
        code += f".assign({call.new[0]}=lambda x: x.index.duplicated().astype(float))"
    code += ".reset_index(drop=True)"
    return Step(code, tuple(call.new), order=UNKNOWN_ORDER)


def _filled_in(call: Call) -> Step:
    code, filled = f"df = filled_in(df, {call.names!r})", (*call.names,)
    return Step(code, ("_fillin",), order=UNKNOWN_ORDER, filled=filled)


def balance(call: Call) -> Step:
    """Translate ``xtbalance``: entities with rows in all periods of a range."""
    context, periods = call.context, numbers(call.options.get("range", ""))
    if len(periods) != 2 or len(context.keys) != 2:
        raise refused("xtbalance without xtset or range(first last)")
    arguments = f"*{context.keys!r}, {', '.join(periods)}"
    if miss := call.options.get("miss"):
        arguments += f", {context.variables.names(miss)!r}"
    return Step(f"df = balanced(df, {arguments})", order=UNKNOWN_ORDER)


def reshape(call: Call) -> Step:
    """Translate ``reshape``; alone it undoes or repeats the one before."""
    form, *stubs = call.command.words or [""]
    before = call.context.reshaped
    if before and not (stubs or call.options):
        _, *stubs = before.words
        call = replace(call, options=translated_options(before))
    else:
        call.context.reshaped = call.command
    column, *suboptions = call.options.get("j", "_j").replace(",", " ").split()
    keys = call.context.variables.names(call.options.get("i", ""))
    is_text = "string" in (*call.options, *suboptions)
    forms = {"long": _reshape_long, "wide": _reshape_wide}
    if not (form in forms and keys and stubs and column.isidentifier()):
        raise refused("reshape without i(), j() and names of variables")
    if {*suboptions} - {"string"}:
        raise refused("reshape of some values of j()")
    return forms[form](call, stubs, keys, column, is_text=is_text)


def _reshape_long(
    _: Call, stubs: list[str], keys: list[str], column: str, *, is_text: bool
) -> Step:
    """Write ``reshape long``; numbers, or texts, end names or are at @ in them."""
    suffix = r"\w+" if is_text else r"\d+"
    if not all(stub.replace("@", "", 1).isidentifier() for stub in stubs):
        raise refused("reshape of columns by a pattern")
    code = f"df = long_form(df, {stubs!r}, {keys!r}, {column!r}, {suffix!r})"
    plain, order = [stub.replace("@", "") for stub in stubs], (*keys, column)
    return Step(code, (column, *plain), order=order, filled=order)


def _reshape_wide(
    call: Call, stubs: list[str], keys: list[str], column: str, *, is_text: bool
) -> Step:
    """Write ``reshape wide``; names get the values of a column at their ends."""
    if {*"@*?"} & {*"".join(stubs)}:
        raise refused("reshape wide of columns by a pattern, or with @")
    stubs = call.context.variables.names(" ".join(stubs))
    level = "level" if is_text else "level:.15g"
    values = f"df[{column!r}]"
    is_there = f"~missing({values})" if is_text else f"{values} % 1 == 0"
    code = (
        f"assert ({is_there}).all(), 'j() is missing or has fractions'\n"
        f"wide = df.pivot(index={keys!r}, columns={column!r}, values={stubs!r})\n"
        "wide = as_stata(wide.infer_objects())\n"
        # Columns of a value are beside one another, and before the others.
        "wide = wide.sort_index(axis=1, level=1, kind='stable', sort_remaining=False)\n"
        f"wide.columns = [f'{{stub}}{{{level}}}' for stub, level in wide.columns]\n"
        f"others = df.drop(columns={[column, *stubs]!r}).drop_duplicates()\n"
        f"df = wide.reset_index().merge(others, on={keys!r}, validate='one_to_one')"
    )
    creates = tuple(LaterColumns.of_pattern(f"{stub}*") for stub in stubs)
    return Step(code, creates, (column, *stubs), order=(*keys,), filled=(*keys,))


# What translates a command, by its name.
COMMANDS = {
    **{step.__name__: step for step in (append, collapse, drop, duplicates, egen)},
    "fillin": _filled_in,
    **{step.__name__: step for step in (expand, generate, joinby, merge, predict)},
    **{step.__name__: step for step in (rename, reshape, sort, use, xtile)},
    **dict.fromkeys(_COLUMNWISE, columnwise),
    "gsort": sort,
    "import": read_text,
    "insheet": read_text,
    "ipolate": interpolate,
    "keep": drop,
    "psmatch2": match_rows,
    "replace": replace_values,
    "tabulate": dummies,
    "winsor": winsor_by_count,
    "xi": categories,
    "xtbalance": balance,
}
# Code of values that depend on the order of the rows.
_BY_ROW = re.compile(r"\.(?:cumsum|shift|ffill)\(|\biloc\[|isin\(np")


def translate(command: Command, context: Context) -> Step:
    """Translate a data command; prefixes, conditions and weights are never ignored."""
    allowed = ROWS[command.name]["parts"].split()
    typed = {
        **{"by" if name == "bysort" else name: True for name in command.prefixes},
        "if": command.condition is not None,
        "weights": command.weight is not None,
        "in": bool(command.rows),
    }
    prints = (["list"], ["report"], ["examples"])
    if command.name == "duplicates" and command.words[:1] in prints:
        allowed = [*typed]
    others = [part for part in typed if typed[part] and part not in allowed]
    if others:
        raise refused(f"{command.name} with {' and '.join(others)}")
    call = Call(command, context, translated_options(command, ignored=()))
    step = _with_new_columns(COMMANDS[command.name](call), call)
    return _with_sorting(step, call)


def _with_new_columns(step: Step, call: Call) -> Step:
    """Stop where a new column is there already; after ``capture`` it stays."""
    name, frame = call.command.name, call.context.frame
    new = [] if name == "tabulate" else call.new
    if name in ("generate", "egen", "predict", "xtile"):
        new = [*step.creates[:1]]
    if new and CAPTURED.match(call.command.text):
        absent = " and ".join(f"{column!r} not in df" for column in new)
        inside = step.python.replace("\n", "\n    ")
        return replace(step, python=f"if {absent}:\n    {inside}")
    for column in frame.columns.intersection(new):
        raise refused(f"{column} is there already, so that Stata stops")
    return step


def _with_sorting(step: Step, call: Call) -> Step:
    """Add the sorting of the prefix, and what stops if ties would decide a value."""
    context, lines = call.context, [step.python]
    names = [name.lstrip("-") for name in call.order]
    # No tie may decide a value: keys of a panel have none.
    if context.has_ties(names) and _BY_ROW.search(step.python):
        # Rows that are the same in all columns have no order.
        lines.insert(0, f"refuse_ties(df, {names!r}, [])")
    if call.order != context.order:
        lines.insert(0, f"df = df.sort_values({names!r}, kind='stable')")
        step = replace(step, order=step.order or call.order)
    return replace(step, python="\n".join(lines))
