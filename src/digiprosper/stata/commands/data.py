"""Data commands: the pandas code for those that have safe counterparts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from digiprosper.errors import StataError, cited
from digiprosper.stata.expressions import Node, Printer, parse, unquoted
from digiprosper.stata.prefixes import Options, split
from digiprosper.stata.translation import Call
from digiprosper.stata.varlists import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digiprosper.stata.prefixes import Command
    from digiprosper.stata.translation import Context
    from digiprosper.stata.varlists import Variables

ASSIGNMENT = re.compile(
    r"\s*(?:(?:byte|int|long|float|double|str\w*)\s+)?(?P<name>[^\W\d]\w*)(?::\w+)?\s*"
    r"=(?!=)\s*(?P<value>.+)",
    re.DOTALL,
)
_DRAWS = ("runiform", "rnormal", "uniform", "invnormal", "rbinomial", "runiformint")
# Kinds of nodes that are missing only where a variable inside is.
_COMPUTED = {"number", "text", "name", "binary", "unary"}
_BY_GROUP = {
    **{
        name: name for name in ("mean", "max", "min", "median", "sum", "count", "first")
    },
    "sd": "std",
    "total": "sum",
    "firstnm": "first",
}
_SUMMARY = {
    **{name: name for name in ("mean", "min", "max", "sum")},
    "sd": "std",
    "p50": "median",
    "N": "count",
}
_ACROSS = ("rowtotal", "rowmean", "rowmax", "rowmin")
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


def _printer(context: Context) -> Printer:
    return Printer(
        context.complete,
        context.variables.resolve,
        pandas=True,
        results=context.summary,
    )


def _where(call: Call) -> str | None:
    text = call.command.condition
    return None if text is None else _printer(call.context).condition(parse(text))


def _names(call: Call) -> list[str]:
    return call.context.variables.names(call.command.arguments)


def _groups(call: Call) -> list[str]:
    """List the variables of ``by x:``, ``bysort x:`` or ``by(x)``."""
    prefix = call.command.prefix("by", "bysort")
    text = prefix.text if prefix else call.options.get("by", "")
    return call.context.variables.names(re.sub(r"\([^)]*\)|,.*", "", text))


def _target(command: Command) -> tuple[str, str]:
    match = ASSIGNMENT.fullmatch(command.arguments)
    if match is None:
        raise StataError.because(f"{command.name} {cited(command.arguments)}")
    return match["name"], match["value"]


# --- columns --------------------------------------------------------------------------


def generate(call: Call) -> Step:
    """Translate ``generate`` and ``replace``."""
    context = call.context
    name, text = _target(call.command)
    node, where = parse(text), _where(call)
    if call.command.name == "replace":
        name = context.variables.resolve(name)
    kinds = {part.kind for part in node.walk()}
    if any(part.kind == "call" and part.value in _DRAWS for part in node.walk()):
        raise StataError.because("random numbers differ from Stata's")
    complete = set(node.names) <= context.complete and kinds <= _COMPUTED
    return Step(
        _values(name, node, where, call),
        (name,),
        complete=complete and (not where or name in context.complete),
    )


def _values(name: str, node: Node, where: str | None, call: Call) -> str:
    """Write a column by time, by the number of the row, or by its expression."""
    kinds = {part.kind for part in node.walk()}
    if "shifted" in kinds:
        return _by_time(name, node, where, call.context)
    if call.command.prefixes or "index" in kinds:
        return _by_position(name, node, where, call)
    if node == Node("name", "_n") and call.context.sorted_by_keys and where is None:
        return call.context.row_numbers(name)
    value = _printer(call.context).value(node)
    if where is None:
        return f"df[{name!r}] = {value}"
    rows = f"df.loc[{where}, {name!r}] = {value}"
    empty = "''" if node.kind == "text" else "np.nan"
    is_new = call.command.name == "generate"
    return f"df[{name!r}] = {empty}\n{rows}" if is_new else rows


def _by_time(name: str, node: Node, where: str | None, context: Context) -> str:
    """Write lags by the value of time: the panel knows what a period is."""
    if where is not None or context.entity is None or context.time is None:
        raise StataError.because("a lag with a condition, or before xtset")
    term = Printer(context.complete, context.variables.resolve).number(node)
    term = term if node.kind == "shifted" else f"I({term})"
    assigned = f"assign(**{{{name!r}: {term!r}}})"
    return f"df = {context.panel_code}.{assigned}.frame.reset_index()"


def _by_position(name: str, node: Node, where: str | None, call: Call) -> str:
    """Write ``by id (year): x[_n-1]``, ``_n`` and ``_N``, where the order is stated."""
    variables, groups = call.context.variables, _groups(call)
    if where is not None or not groups:
        raise StataError.because("values by the number of the row")
    grouped = f"df.groupby({groups!r})"
    if node == Node("name", "_N"):
        return f"df[{name!r}] = {grouped}[{groups[0]!r}].transform('size')"
    order = re.search(r"\(([^)]*)\)", call.command.prefixes[0].text)
    inside = variables.names(order[1]) if order else []
    if call.context.sorted_by_keys and groups == [call.context.entity]:
        inside = inside or [call.context.time or ""]
    if not inside:
        raise StataError.because(
            "the order inside the groups is not stated", "Write bysort id (year):"
        )
    code = f"{grouped}{_of_row(node, variables)}"
    return f"df = df.sort_values({[*groups, *inside]!r})\ndf[{name!r}] = {code}"


def _of_row(node: Node, variables: Variables) -> str:
    """Write ``_n`` and ``x[_n-1]`` of grouped rows in order."""
    match node:
        case Node("name", "_n"):
            return ".cumcount() + 1"
        case Node("index", column, (Node("binary", "+" | "-" as sign, parts),)):
            match parts:
                case (Node("name", "_n"), Node("number", number)):
                    count = int(number) if sign == "-" else -int(number)
                    return f"[{variables.resolve(column)!r}].shift({count})"
    raise StataError.because("values by the number of the row")


def egen(call: Call) -> Step:
    """Translate ``egen``."""
    name, text = _target(call.command)
    match = re.fullmatch(r"(\w+)\s*\((.*)\)", text.strip(), re.DOTALL)
    function, inside = match.groups() if match else ("", "")
    where, groups = _where(call), _groups(call)
    if function in _BY_GROUP:
        code = _statistic(function, inside, groups, where, call.context)
    elif groups or where or function not in (*_ACROSS, "group", "std"):
        raise StataError.because(f"egen {cited(text)}")
    elif function == "std":
        value = _printer(call.context).number(parse(inside))
        code = f"({value} - {value}.mean()) / {value}.std()"
    else:
        names = call.context.variables.names(inside)
        code = f"df.groupby({names!r}).ngroup().replace(-1, np.nan) + 1"
        if function in _ACROSS:
            code = f"df[{names!r}].{_BY_GROUP[function[3:]]}(axis=1)"
    return Step(f"df[{name!r}] = {code}", (name,))


def _statistic(
    function: str, inside: str, groups: list[str], where: str | None, context: Context
) -> str:
    """Write a statistic of a column, over all rows or by group."""
    value = f"({_printer(context).number(parse(inside))})"
    value = value if where is None else f"{value}.where({where})"
    code = f"{value}.{_BY_GROUP[function]}()"
    if groups:
        keys = ", ".join(f"df[{group!r}]" for group in groups)
        code = f"{value}.groupby([{keys}]).transform({_BY_GROUP[function]!r})"
    if where is None:
        return code
    return f"({code if groups else f'pd.Series({code}, df.index)'}).where({where})"


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
    return {f"r({key})": f"{series}.{method}()" for key, method in _SUMMARY.items()}


def winsor(call: Call) -> Step:
    """Translate ``winsor2``; ``trim`` makes values beyond the cuts missing."""
    options, names = call.options, _names(call)
    cuts = (options.get("cuts") or "1 99").replace(",", " ").split()
    if len(cuts) != 2:
        raise StataError.because(f"cuts({options['cuts']}) has not two numbers")
    low, high = (number(text, "cuts") for text in cuts)
    trims = "trim" in options
    arguments = f"{low:g}, {high:g}{', trim=True' * trims}"
    suffix = winsor_suffix(options)
    keys = ", ".join(f"df[{name!r}]" for name in _groups(call))
    code = "df[{1!r}] = winsorised(df[{0!r}], {2})"
    if keys:
        code = "df[{1!r}] = df[{0!r}].groupby([{3}]).transform(winsorised, {2})"
    return _each(code, names, [name + suffix for name in names], arguments, keys)


def winsor_suffix(options: Mapping[Any, str | None]) -> str:
    """Read what ``winsor2`` adds to names: nothing with ``replace``."""
    suffix = options.get("suffix") or ("_tr" if "trim" in options else "_w")
    return "" if "replace" in options else suffix


def _each(code: str, names: list[str], new: list[str], *others: str) -> Step:
    """Write code for each column and its new name."""
    pairs = zip(names, new, strict=True)
    lines = [code.format(*pair, *others) for pair in pairs]
    return Step("\n".join(lines), tuple(new))


def centre(call: Call) -> Step:
    """Translate ``center`` and ``zscore``, which make ``c_x`` and ``z_x``."""
    names, mark = _names(call), call.command.name[0]
    scale = " / df[{0!r}].std()" if mark == "z" else ""
    code = f"df[{{1!r}}] = (df[{{0!r}}] - df[{{0!r}}].mean()){scale}"
    return _each(code, names, [f"{mark}_{name}" for name in names])


def encode(call: Call) -> Step:
    """Translate ``encode``; codes follow the sorted texts."""
    names, new = _names(call), call.options.get("generate", "").strip()
    if len(names) != 1 or not new:
        raise StataError.because("encode without generate()")
    return _each(
        "df[{1!r}] = pd.factorize(df[{0!r}].replace('', np.nan), sort=True)[0] + 1.0\n"
        "df[{1!r}] = df[{1!r}].replace(0, np.nan)",
        names,
        [new],
    )


def destring(call: Call) -> Step:
    """Translate ``destring`` and ``tostring``."""
    options, names = call.options, _names(call)
    new = split(options.get("generate", "")) or names
    if len(new) != len(names) or not {"replace", "generate"} & set(options):
        raise StataError.because(f"{call.command.name} without replace or generate()")
    if call.command.name == "tostring":
        return _each("df[{1!r}] = df[{0!r}].map('{{:.12g}}'.format)", names, new)
    errors = "coerce" if "force" in options else "raise"
    code = "df[{1!r}] = pd.to_numeric(df[{0!r}], errors={2!r})"
    return _each(code, names, new, errors)


# --- rows and tables ------------------------------------------------------------------


def drop(call: Call) -> Step:
    """Translate ``drop`` and ``keep``."""
    name, where = call.command.name, _where(call)
    if where is not None:
        if call.command.arguments:
            raise StataError.because(f"{name} with variables and a condition")
        return Step(f"df = df[{where if name == 'keep' else f'~({where})'}].copy()")
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
    return Step(code, (new,), (old,), complete=old in call.context.complete)


def use(call: Call) -> Step:
    """Translate ``use``."""
    if call.command.using and call.command.arguments:
        raise StataError.because("variables that are chosen while reading")
    code = _table(call.command.using or call.command.arguments)
    return Step(f"df = {code}", fresh=True)


def _table(path: str, options: str = "") -> str:
    """Write how a Stata file is read; value labels stay labels."""
    path = unquoted(path)
    path = path if path.endswith(".dta") else f"{path}.dta"
    return f"pd.read_stata({path!r}, convert_categoricals=False{options})"


def read_text(call: Call) -> Step:
    """Translate ``import`` and ``insheet``."""
    options, command = call.options, call.command
    kind, *rest = split(command.arguments) or [""]
    if command.name == "insheet":
        kind, rest = "insheet", [kind]
    if kind not in ("excel", "delimited", "delim", "insheet"):
        raise StataError.because(f"import {command.arguments}")
    path = unquoted(command.using or " ".join(rest))
    if "cellrange" in options:
        raise StataError.because("cellrange()")
    code = f"df = pd.read_csv({path!r})"
    if kind == "excel":
        if "firstrow" not in options:
            raise StataError.because("a sheet without names in its first row")
        sheet = unquoted(options.get("sheet", ""))
        chosen = f", sheet_name={sheet!r}" if sheet else ""
        code = f"df = pd.read_excel({path!r}{chosen})"
    elif kind != "insheet" and "preserve" not in options.get("case", ""):
        code += ".rename(columns=str.lower)"
    return Step(code, fresh=True)


def merge(call: Call) -> Step:
    """Translate ``merge 1:1`` and ``merge m:1``."""
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
    columns = f", columns={[*keys, *chosen]!r}" if chosen else ""
    lines = [
        f"other = {_table(using, columns)}",
        f"other = other.drop(columns=df.columns.intersection(other.columns)"
        f".difference({keys}))",
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
    return Step("\n".join(lines), tuple(chosen))


def append(call: Call) -> Step:
    """Translate ``append``."""
    if not call.command.using:
        raise StataError.because("append without using")
    other = _table(call.command.using)
    return Step(f"df = pd.concat([df, {other}], ignore_index=True)")


def collapse(call: Call) -> Step:
    """Translate ``collapse (mean) x (sum) y, by(z)``."""
    variables, groups = call.context.variables, _groups(call)
    statistic, parts = "mean", []
    for word in split(call.command.arguments):
        if word.startswith("("):
            statistic = word.strip("() ")
            continue
        new, equals, old = word.partition("=")
        for name in [new] if equals else variables.names(word):
            if statistic not in _BY_GROUP:
                raise StataError.because(f"collapse ({statistic})")
            source = variables.resolve(old) if equals else name
            parts.append(f"{name!r}: ({source!r}, {_BY_GROUP[statistic]!r})")
    if not groups or not parts:
        raise StataError.because("collapse without by()")
    inside = ", ".join(parts)
    return Step(f"df = df.groupby({groups!r}, as_index=False).agg(**{{{inside}}})")


def sort(call: Call) -> Step:
    """Translate ``sort`` and ``gsort``."""
    names = split(call.command.arguments)
    plain = call.context.variables.names(" ".join(name.lstrip("+-") for name in names))
    up = [not name.startswith("-") for name in names]
    order = "" if all(up) else f", ascending={up!r}"
    return Step(f"df = df.sort_values({plain!r}{order}, kind='stable')")


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
    "egen": (Options("by", "field"), egen),
    "encode": (Options("g.enerate", "l.abel noe.xtend"), encode),
    "generate": (_GENERATE, generate),
    "replace": (_GENERATE, generate),
    "gsort": (Options("", "mf.irst"), sort),
    "sort": (Options("", "stable"), sort),
    "import": (_IMPORT, read_text),
    "insheet": (_IMPORT, read_text),
    "merge": (
        Options(
            "keep keepus.ing gen.erate nogen.erate",
            "norep.ort nol.abel nonote.s force sorted",
        ),
        merge,
    ),
    "rename": (Options(), rename),
    "use": (Options("", "clear replace nol.abel"), use),
    "winsor2": (Options("r.eplace s.uffix c.uts by tr.im"), winsor),
}
_WITH_CONDITION = ("generate", "replace", "egen", "keep", "drop")


def translate(command: Command, context: Context) -> Step:
    """Translate a data command; prefixes, conditions and weights are never ignored."""
    others = [p.name for p in command.prefixes if p.name not in ("by", "bysort")]
    grouped = command.prefixes and command.name not in ("generate", "egen")
    if others or grouped or command.weight or command.rows:
        raise StataError.because(
            f"{command.name} with a prefix, weights or rows by number"
        )
    if command.condition and command.name not in _WITH_CONDITION:
        raise StataError.because(f"{command.name} with a condition")
    options, function = COMMANDS[command.name]
    return function(Call(command, context, options.read(command)))


# Commands that make columns that are named in an option or an argument.
MAKERS = """
predict decode recode xtile pctile ipolate mipolate pca factor split winsor
mkspline astile carryforward markout separate svmat dummies clonevar xi
"""
_OTHERS = """
reshape expand fillin tsfill sample bsample joinby contract xtbalance do run include
"""
REFUSED = {
    **{
        name: f"{name} changes the data and is not translated"
        for name in _OTHERS.split()
    },
    **{name: f"{name} makes columns and is not translated" for name in MAKERS.split()},
    "do": "another do-file: read it too",
    "predict": "fitted values and residuals are fit.fitted and fit.residuals",
    "reshape": "the table in another form: Panel.from_wide reads years in headings",
    "xi": "dummies of categories: C(x) makes them",
    "xtbalance": "Panel.balance keeps entities with a row in every period",
}
