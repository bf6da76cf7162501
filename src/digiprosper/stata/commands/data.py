"""Data commands: the pandas code for those that have safe counterparts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digiprosper.errors import StataError, cited
from digiprosper.stata.expressions import Node, Printer, parse, unquoted
from digiprosper.stata.prefixes import Options, split
from digiprosper.stata.varlists import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digiprosper.stata.prefixes import Command
    from digiprosper.stata.translation import Context

_ASSIGNMENT = re.compile(
    r"(?:(?:byte|int|long|float|double|str\w*)\s+)?(?P<name>[^\W\d]\w*)(?::\w+)?\s*"
    r"=(?!=)\s*(?P<value>.+)",
    re.DOTALL,
)
_DRAWS = ("runiform", "rnormal", "uniform", "invnormal", "rbinomial", "runiformint")
# Kinds of nodes that are missing only where a variable inside is.
_COMPUTED = {"number", "text", "name", "binary", "unary"}
_BY_GROUP = {
    "mean": "mean",
    "max": "max",
    "min": "min",
    "sd": "std",
    "median": "median",
    "sum": "sum",
    "total": "sum",
    "count": "count",
    "first": "first",
    "firstnm": "first",
}
_SUMMARY = {
    "mean": "mean",
    "sd": "std",
    "p50": "median",
    "min": "min",
    "max": "max",
    "N": "count",
    "sum": "sum",
}
_ACROSS = {
    "rowtotal": "sum(axis=1)",
    "rowmean": "mean(axis=1)",
    "rowmax": "max(axis=1)",
    "rowmin": "min(axis=1)",
}
_KEPT = {"match": "both", "3": "both", "master": "left_only", "1": "left_only"}
_KEPT |= {"using": "right_only", "2": "right_only", "matched": "both"}


# Value labels stay labels.
_AS_NUMBERS = "convert_categoricals=False"
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
    notes: tuple[str, ...] = ()


def _printer(context: Context) -> Printer:
    return Printer(
        context.complete,
        context.variables.resolve,
        pandas=True,
        results=context.summary,
    )


def _where(command: Command, context: Context) -> str | None:
    if command.condition is None:
        return None
    return _printer(context).condition(parse(command.condition))


def _groups(
    command: Command, options: Mapping[str, str], context: Context
) -> list[str]:
    """List the variables of ``by x:``, ``bysort x:`` or ``by(x)``."""
    prefix = command.prefix("by", "bysort")
    text = prefix.text if prefix else options.get("by", "")
    return context.variables.names(re.sub(r"\([^)]*\)", "", text.partition(",")[0]))


def _target(command: Command) -> tuple[str, str]:
    match = _ASSIGNMENT.fullmatch(command.arguments.strip())
    if match is None:
        raise StataError.because(f"{command.name} {cited(command.arguments)}")
    return match["name"], match["value"]


def generate(command: Command, context: Context) -> Step:
    """Translate ``generate`` and ``replace``."""
    name, text = _target(command)
    node = parse(text)
    kinds = {part.kind for part in node.walk()}
    if any(part.kind == "call" and part.value in _DRAWS for part in node.walk()):
        raise StataError.because("random numbers differ from Stata's")
    where = _where(command, context)
    if command.name == "replace":
        name = context.variables.resolve(name)
    if "shifted" in kinds:
        code = _by_time(name, node, where, context)
    elif command.prefixes or "index" in kinds:
        code = _by_position(name, node, where, command, context)
    else:
        value = _value(node, context)
        code = _assigned(name, value, where, node, is_new=command.name == "generate")
    complete = set(node.names) <= context.complete and kinds <= _COMPUTED
    return Step(
        code, (name,), complete=complete and (not where or name in context.complete)
    )


def _value(node: Node, context: Context) -> str:
    return "np.nan" if node.kind == "missing" else _printer(context).value(node)


def _assigned(
    name: str, value: str, where: str | None, node: Node, *, is_new: bool
) -> str:
    if where is None:
        return f"df[{name!r}] = {value}"
    rows = f"df.loc[{where}, {name!r}] = {value}"
    if not is_new:
        return rows
    empty = "''" if node.kind == "text" else "np.nan"
    return f"df[{name!r}] = {empty}\n{rows}"


def _by_time(name: str, node: Node, where: str | None, context: Context) -> str:
    """Write lags by the value of time: the panel knows what a period is."""
    if where is not None or context.entity is None or context.time is None:
        raise StataError.because("a lag with a condition, or before xtset")
    term = Printer(context.complete, context.variables.resolve).number(node)
    term = term if node.kind == "shifted" else f"I({term})"
    keys = f"{context.entity!r}, {context.time!r}"
    return (
        f"df = dp.Panel(df, {keys}).assign(**{{{name!r}: {term!r}}})"
        ".frame.reset_index()"
    )


def _by_position(
    name: str, node: Node, where: str | None, command: Command, context: Context
) -> str:
    """Write ``by id (year): x[_n-1]``, ``_n`` and ``_N``, where the order is stated."""
    prefix = command.prefix("by", "bysort")
    order = re.search(r"\(([^)]*)\)", prefix.text) if prefix else None
    groups = _groups(command, {}, context)
    if where is not None or not groups:
        raise StataError.because("values by the number of the row")
    if node.kind == "name" and node.value == "_N":
        return f"df[{name!r}] = df.groupby({groups!r})[{groups[0]!r}].transform('size')"
    if order is None:
        raise StataError.because(
            "the order inside the groups is not stated", "Write bysort id (year):"
        )
    keys = [*groups, *context.variables.names(order[1])]
    start = f"df = df.sort_values({keys!r})\n"
    if node.kind == "name" and node.value == "_n":
        return f"{start}df[{name!r}] = df.groupby({groups!r}).cumcount() + 1"
    match node:
        case Node(
            "index",
            column,
            (Node("binary", sign, (Node("name", "_n"), Node("number", k))),),
        ) if sign in "+-":
            count = int(k) if sign == "-" else -int(k)
            return (
                f"{start}df[{name!r}] = "
                f"df.groupby({groups!r})[{context.variables.resolve(column)!r}].shift({count})"
            )
    raise StataError.because("values by the number of the row")


def egen(command: Command, context: Context) -> Step:
    """Translate ``egen``."""
    options = Options("by", "field").read(command)
    name, text = _target(command)
    match = re.fullmatch(r"(\w+)\s*\((.*)\)", text.strip(), re.DOTALL)
    function, inside = match.groups() if match else ("", "")
    where = _where(command, context)
    groups = _groups(command, options, context)
    if function in _BY_GROUP:
        return Step(
            f"df[{name!r}] = {_statistic(function, inside, groups, where, context)}",
            (name,),
        )
    if groups or where or function not in (*_ACROSS, "group", "std"):
        raise StataError.because(f"egen {cited(text)}")
    if function == "std":
        value = _printer(context).number(parse(inside))
        code = f"({value} - {value}.mean()) / {value}.std()"
    else:
        names = context.variables.names(inside)
        code = f"df.groupby({names!r}).ngroup().replace(-1, np.nan) + 1"
        if function != "group":
            code = f"df[{names!r}].{_ACROSS[function]}"
    return Step(f"df[{name!r}] = {code}", (name,))


def _statistic(
    function: str, inside: str, groups: list[str], where: str | None, context: Context
) -> str:
    """Write a statistic of a column, over all rows or by group."""
    value = _printer(context).number(parse(inside))
    value = f"({value})" if where is None else f"({value}).where({where})"
    keys = ", ".join(f"df[{group!r}]" for group in groups)
    code = f"{value}.{_BY_GROUP[function]}()"
    if groups:
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
    name, where = context.variables.resolve(names[0]), _where(command, context)
    series = f"df[{name!r}]" if where is None else f"df.loc[{where}, {name!r}]"
    return {f"r({key})": f"{series}.{method}()" for key, method in _SUMMARY.items()}


def drop(command: Command, context: Context) -> Step:
    """Translate ``drop`` and ``keep``."""
    keeps = command.name == "keep"
    if command.arguments and command.condition:
        raise StataError.because(f"{command.name} with variables and a condition")
    where = _where(command, context)
    if where is not None:
        rows = where if keeps else f"~({where})"
        return Step(f"df = df[{rows}].copy()")
    names = context.variables.names(command.arguments)
    if keeps:
        return Step(f"df = df[{names!r}].copy()")
    # What is absent is not there in either case.
    code = f"df = df.drop(columns={names!r}, errors='ignore')"
    return Step(code, drops=tuple(names))


def rename(command: Command, context: Context) -> Step:
    """Translate ``rename old new``."""
    names = split(command.arguments)
    if len(names) != 2 or not all(name.isidentifier() for name in names):
        raise StataError.because("rename of several variables")
    old = context.variables.resolve(names[0])
    code = f"df = df.rename(columns={{{old!r}: {names[1]!r}}})"
    return Step(code, (names[1],), (old,), complete=old in context.complete)


def use(command: Command, _context: Context) -> Step:
    """Translate ``use``, ``import`` and ``insheet``."""
    words = split(command.arguments)
    if command.name == "import":
        return _import(command, words)
    if command.name == "insheet":
        path = command.using or (words[0] if words else "")
        return Step(f"df = pd.read_csv({unquoted(path)!r})", fresh=True)
    if command.using and words:
        raise StataError.because("variables that are chosen while reading")
    path = _path(command.using or command.arguments)
    code = f"df = pd.read_stata({path!r}, {_AS_NUMBERS})"
    return Step(code, fresh=True)


def _import(command: Command, words: list[str]) -> Step:
    options = Options(
        "sh.eet first.row clear enc.oding case varn.ames delim.iters cellra.nge",
        "all.string asdouble locale string.cols numericc.ols",
    ).read(command)
    if not words or words[0] not in ("excel", "delimited", "delim"):
        raise StataError.because(f"import {' '.join(words)}")
    path = unquoted(command.using or " ".join(words[1:]))
    if "cellrange" in options:
        raise StataError.because("cellrange()")
    sheet = f", sheet_name={unquoted(options['sheet'])!r}" if "sheet" in options else ""
    if words[0] == "excel":
        if "firstrow" not in options:
            raise StataError.because("a sheet without names in its first row")
        return Step(f"df = pd.read_excel({path!r}{sheet})", fresh=True)
    lower = (
        "" if "preserve" in options.get("case", "") else ".rename(columns=str.lower)"
    )
    return Step(f"df = pd.read_csv({path!r}){lower}", fresh=True)


def merge(command: Command, context: Context) -> Step:
    """Translate ``merge 1:1`` and ``merge m:1``."""
    options = Options(
        "keep keepus.ing gen.erate nogen.erate",
        "norep.ort nol.abel nonote.s force sorted",
    ).read(command)
    words = split(command.arguments)
    if not command.using or not words or words[0] not in _VALIDATED:
        raise StataError.because(f"merge {' '.join(words[:1])}")
    keys = context.variables.names(" ".join(words[1:]))
    mark = options.get("generate", "_merge").strip()
    chosen = split(options.get("keepusing", ""))
    columns = f", columns={[*keys, *chosen]!r}" if chosen else ""
    lines = [
        f"other = pd.read_stata({_path(command.using)!r}, {_AS_NUMBERS}{columns})",
        f"other = other.drop(columns=df.columns.intersection(other.columns)"
        f".difference({keys}))",
        f"df = df.merge(other, on={keys!r}, how='outer', "
        f"validate={_VALIDATED[words[0]]!r}, indicator={mark!r})",
    ]
    kept = [_KEPT.get(word, word) for word in options.get("keep", "").split()]
    if not set(kept) <= set(_KEPT.values()) or set("".join(chosen)) & set("*?-~"):
        raise StataError.because(
            f"keep({options.get('keep')}) or a pattern in keepusing()"
        )
    if kept:
        lines.append(f"df = df[df[{mark!r}].isin({kept!r})].copy()")
    codes = "{'left_only': 1, 'right_only': 2, 'both': 3}"
    silent = "nogenerate" in options
    lines.append(
        f"df = df.drop(columns={mark!r})"
        if silent
        else f"df[{mark!r}] = df[{mark!r}].map({codes}).astype(int)"
    )
    return Step("\n".join(lines), tuple(chosen if silent else [mark, *chosen]))


def _path(text: str) -> str:
    """Complete the path of a Stata file."""
    path = unquoted(text)
    return path if path.endswith(".dta") else f"{path}.dta"


def append(command: Command, _context: Context) -> Step:
    """Translate ``append``."""
    if command.options or not command.using:
        raise StataError.because("append with options")
    other = f"pd.read_stata({_path(command.using)!r}, {_AS_NUMBERS})"
    return Step(f"df = pd.concat([df, {other}], ignore_index=True)")


def winsor(command: Command, context: Context) -> Step:
    """Translate ``winsor2``; ``trim`` makes values beyond the cuts missing."""
    options = Options("r.eplace s.uffix c.uts by tr.im").read(command)
    names = context.variables.names(command.arguments)
    cuts = (options.get("cuts") or "1 99").replace(",", " ").split()
    if len(cuts) != 2:
        raise StataError.because(f"cuts({options['cuts']}) has not two numbers")
    trims = "trim" in options
    low, high = (number(text, "cuts") for text in cuts)
    arguments = f"{low:g}, {high:g}{', trim=True' * trims}"
    suffix = options.get("suffix") or ("_tr" if trims else "_w")
    suffix = "" if "replace" in options else suffix
    keys = [f"df[{name!r}]" for name in context.variables.names(options.get("by", ""))]
    lines = []
    for name in names:
        value = f"winsorised(df[{name!r}], {arguments})"
        if keys:
            by = f"df[{name!r}].groupby([{', '.join(keys)}])"
            value = f"{by}.transform(winsorised, {arguments})"
        lines.append(f"df[{name + suffix!r}] = {value}")
    return Step("\n".join(lines), tuple(name + suffix for name in names))


def centre(command: Command, context: Context) -> Step:
    """Translate ``center`` and ``zscore``, which make ``c_x`` and ``z_x``."""
    Options().read(command)
    names = context.variables.names(command.arguments)
    mark = "c" if command.name == "center" else "z"
    scale = "" if mark == "c" else " / df[{0!r}].std()"
    lines = [
        f"df['{mark}_{n}'] = (df[{n!r}] - df[{n!r}].mean()){scale.format(n)}"
        for n in names
    ]
    return Step("\n".join(lines), tuple(f"{mark}_{name}" for name in names))


def encode(command: Command, context: Context) -> Step:
    """Translate ``encode``; codes follow the sorted texts."""
    options = Options("g.enerate", "l.abel noe.xtend").read(command)
    names = context.variables.names(command.arguments)
    if len(names) != 1 or "generate" not in options:
        raise StataError.because("encode without generate()")
    new = options["generate"].strip()
    text = f"df[{names[0]!r}].replace('', np.nan)"
    code = f"df[{new!r}] = pd.factorize({text}, sort=True)[0] + 1.0"
    code += f"\ndf[{new!r}] = df[{new!r}].replace(0, np.nan)"
    return Step(code, (new,))


def destring(command: Command, context: Context) -> Step:
    """Translate ``destring`` and ``tostring``."""
    options = Options("replace g.enerate force", "float").read(command)
    names = context.variables.names(command.arguments)
    new = split(options.get("generate", "")) or names
    if len(new) != len(names) or not {"replace", "generate"} & set(options):
        raise StataError.because(f"{command.name} without replace or generate()")
    errors = "coerce" if "force" in options else "raise"
    code = "df[{1!r}] = pd.to_numeric(df[{0!r}], errors={2!r})"
    if command.name == "tostring":
        code = "df[{1!r}] = df[{0!r}].map('{{:.12g}}'.format)"
    pairs = zip(names, new, strict=True)
    return Step("\n".join(code.format(*pair, errors) for pair in pairs), tuple(new))


def collapse(command: Command, context: Context) -> Step:
    """Translate ``collapse (mean) x (sum) y, by(z)``."""
    options = Options("by", "fast").read(command)
    groups = context.variables.names(options.get("by", ""))
    statistic, parts = "mean", []
    for word in split(command.arguments):
        if word.startswith("("):
            statistic = word.strip("() ")
            continue
        new, equals, old = word.partition("=")
        for name in [new] if equals else context.variables.names(word):
            if statistic not in _BY_GROUP or "=" in name:
                raise StataError.because(f"collapse ({statistic})")
            source = context.variables.resolve(old) if equals else name
            parts.append(f"{name!r}: ({source!r}, {_BY_GROUP[statistic]!r})")
    if not groups or not parts:
        raise StataError.because("collapse without by()")
    inside = ", ".join(parts)
    return Step(f"df = df.groupby({groups!r}, as_index=False).agg(**{{{inside}}})")


def sort(command: Command, context: Context) -> Step:
    """Translate ``sort`` and ``gsort``."""
    names = split(command.arguments)
    plain = context.variables.names(" ".join(name.lstrip("+-") for name in names))
    up = [not name.startswith("-") for name in names]
    order = "" if all(up) else f", ascending={up!r}"
    return Step(f"df = df.sort_values({plain!r}{order}, kind='stable')")


def duplicates(command: Command, context: Context) -> Step:
    """Translate ``duplicates drop``; other subcommands only print."""
    words = split(command.arguments)
    if words[:1] != ["drop"]:
        return Step("")
    names = context.variables.names(" ".join(words[1:]))
    inside = f"{names!r}" if names else ""
    note = ("of duplicates with other values Stata keeps the first in its order",)
    return Step(f"df = df.drop_duplicates({inside})", notes=note if names else ())


COMMANDS: Mapping[str, Callable[[Command, Context], Step]] = {
    "append": append,
    "center": centre,
    "zscore": centre,
    "collapse": collapse,
    "destring": destring,
    "tostring": destring,
    "drop": drop,
    "duplicates": duplicates,
    "egen": egen,
    "encode": encode,
    "generate": generate,
    "gsort": sort,
    "import": use,
    "insheet": use,
    "keep": drop,
    "merge": merge,
    "rename": rename,
    "replace": generate,
    "sort": sort,
    "use": use,
    "winsor2": winsor,
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
    return COMMANDS[command.name](command, context)


# Commands that make columns that are named in an option or an argument.
_MAKERS = """
predict decode recode xtile pctile ipolate mipolate pca factor split winsor
mkspline astile carryforward markout separate svmat dummies clonevar xi
"""
MAKERS = frozenset(_MAKERS.split())
_OTHERS = """
reshape expand fillin tsfill sample bsample joinby contract xtbalance do run include
"""
REFUSED = {
    **{
        name: f"{name} changes the data and is not translated"
        for name in _OTHERS.split()
    },
    **{name: f"{name} makes columns and is not translated" for name in MAKERS},
    "do": "another do-file: read it too",
    "predict": "fitted values and residuals are fit.fitted and fit.residuals",
    "reshape": "the table in another form: Panel.from_wide reads years in headings",
    "xi": "dummies of categories: C(x) makes them",
    "xtbalance": "Panel.balance keeps entities with a row in every period",
}
