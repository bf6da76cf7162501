"""Tables of estimations: esttab and outreg2 become etable."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from digiprosper.errors import StataError, cited
from digiprosper.stata.expressions import unquoted
from digiprosper.stata.prefixes import (
    ROWS,
    Command,
    completed,
    matching,
    notes_of,
    option_name,
    refused,
    split,
)
from digiprosper.stata.translation import Context
from digiprosper.stata.varlists import Variables, as_terms, later_columns

COMMANDS = ("esttab", "outreg2")
_BELOW = notes_of("below ")
_OF_STATISTICS = ("r2", "ar2", "s", "stats", "scalars")
# Statistics below the estimates, by their names in these options of esttab.
_STATISTICS = notes_of("statistic ")
_DIGITS = {"digits": ("b", "bdec", "dec"), "t_digits": ("t", "tdec")}
# Endings of files by the option or the ending that is typed.
_ENDINGS = notes_of("ending ")


def translate(
    command: Command,
    context: Context,
    heads: dict[str, list[str]],
    fitted: Mapping[str, bool],
    by_eststo: Sequence[str],
) -> tuple[str, str, list[str]]:
    """Name the file of a table, write its code, and list what it is without.

    `heads` has the headings of all tables by file; a column that is not run has none.
    `fitted` tells of each stored estimation whether the script has it; the empty name
    is the last estimation. esttab without names takes those of eststo.
    """
    options, missing = _read(command)
    is_outreg = command.name == "outreg2"
    names = _names(command, fitted, by_eststo)
    run = list(filter(fitted.get, names))
    missing += [cited(name) for name in names if name not in run]
    file = _file_name(command, options)
    before: list[str] = []
    if "append" in options and is_outreg:
        before = heads.get(file, [])
    elif "append" in options:
        file = _further_file(file, heads)
    heads[file] = before + _titles(options, names, run, len(before))
    models, code = _models(names, run), ""
    if is_outreg:
        code = f"columns[{file!r}] {'+=' if any(before) else '='} {models}\n"
        models = f"columns[{file!r}]"
    specs = [*context.results.values(), context.last]
    arguments, unread = _arguments(command, options, specs, context.variables)
    rows = ["nobs"]
    if not is_outreg:
        rows, others = _statistics(command, specs)
        unread += others
    if _has_dummies_in_r2(context, run, before):
        rows.append("n_entities")
        unread.append("the Within R2 (that of xtreg counts dummies of periods)")
    arguments += [f"stats={rows}"] if len(rows) > 1 else []
    shown = list(filter(None, heads[file]))
    call = f"dp.etable({', '.join([models, f'heads={shown!r}', *arguments])})"
    code += f"tables[{file!r}] = {call}" if command.using else f"print({call})"
    return file, code, missing + unread


def _read(command: Command) -> tuple[dict[str, str], list[str]]:
    """Read options by full name, and list those that have no counterpart."""
    options, others = dict[str, str](), list[str]()
    harmless = ROWS[command.name]["ignored"].split()
    for word, argument in command.options:
        if name := option_name(word, command.name):
            options[name] = argument
        elif word in _OF_STATISTICS and command.name == "esttab":
            continue
        elif completed(word, harmless) is None and word.isidentifier():
            others.append(word)
    return options, others


def _names(
    command: Command, fitted: Mapping[str, bool], by_eststo: Sequence[str]
) -> list[str]:
    """List the names of the estimations; without names, those of eststo or the last."""
    stored = [name for name in fitted if name]
    words = command.arguments.strip("[] ").replace("_all", "*").split()
    if not words:
        words = [*(by_eststo if command.name == "esttab" else ())] or ["."]
    names = list[str]()
    for word in words:
        fitting = [""] if word == "." else matching(word, stored)
        if word.isidentifier() and not fitting:
            raise refused(f"there is no stored estimation {cited(word)}")
        names += fitting
    return list(dict.fromkeys(names))


def _models(names: Sequence[str], run: Sequence[str]) -> str:
    """Write the estimations of a table that are run."""
    if not run:
        listed = ", ".join(filter(None, names)) or "the last estimation"
        raise refused(f"{listed} is not run, or not stored")
    return f"[{', '.join(f'results[{n!r}]' if n else 'fit' for n in run)}]"


def _further_file(file: str, others: Collection[str]) -> str:
    """Name the file of a further table of esttab, which has one of its own."""
    stem, _, ending = file.rpartition(".")
    number = 2
    while file in others:
        file, number = f"{stem}_{number}.{ending}", number + 1
    return file


def _file_name(command: Command, options: Collection[str]) -> str:
    """Name the file of a table, with an ending that `Table.save` knows."""
    if not command.using:
        return ""
    name = re.split(r"[/\\]", unquoted(command.using.strip()))[-1]
    stem, _, suffix = name.rpartition(".") if "." in name else (name, "", "rtf")
    kinds = [kind for kind in ("word", "excel", "tex", "rtf") if kind in options]
    ending = _ENDINGS.get([*kinds, suffix][0])
    if ending is None:
        raise refused(f"a table with the ending {cited(f'.{suffix}')}")
    return f"{stem if suffix in _ENDINGS else name}.{ending}"


def _titles(
    options: Mapping[str, str], names: Sequence[str], run: Sequence[str], before: int
) -> list[str]:
    """Read the headings of columns; without one a column has its number."""
    titles = split(options.get("mtitles", ""))
    if "ctitle" in options:
        titles = [options["ctitle"].partition(",")[0]]
    if len(titles) != len(names):
        titles = [f"({before + column})" for column in range(1, len(names) + 1)]
    titled = zip(map(unquoted, titles), names, strict=True)
    return [title if name in run else "" for title, name in titled]


def _arguments(
    command: Command,
    options: Mapping[str, str],
    specs: Sequence[Any],
    variables: Variables,
) -> tuple[list[str], list[str]]:
    """Write the arguments of etable, and what of them cannot be read."""
    values: dict[str, Any] = {"below": _below(command, options)}
    unread = list[str]()
    for argument, entries in _DIGITS.items():
        text = "".join(options.get(entry, "") for entry in entries).strip()
        if decimals := re.fullmatch(r"(?:%\d*\.)?(\d+)[fc]*", text):
            values[argument] = int(decimals[1])
        elif text:
            unread.append(f"the format {text}")
    values["title"] = unquoted(options.get("title", ""))
    terms = [term for spec in specs for term in getattr(spec, "x", ())]
    for name in ("keep", "drop"):
        try:
            values[name] = _terms(options.get(name, ""), terms, variables)
        except StataError as error:
            unread.append(f"{name}(): {error.reason}")
    arguments = [f"{name}={value!r}" for name, value in values.items() if value]
    return arguments + _stars(command, options), unread


def _below(command: Command, options: Mapping[str, str]) -> str:
    """Read what is below the estimates."""
    is_outreg = command.name == "outreg2"
    cells = dict(command.options).get("stats" if is_outreg else "cells", "")
    names = [*re.findall(r"[a-z]+", cells), *options, "se" if is_outreg else "t"]
    return next(_BELOW[name] for name in names if name in _BELOW)


def _statistics(command: Command, specs: Sequence[Any]) -> tuple[list[str], list[str]]:
    """List the rows of statistics that options ask for, and those not known here."""
    words = ["N"]
    for option, argument in command.options:
        if option in _OF_STATISTICS:
            text = re.sub('"[^"]*"', "", argument.partition(",")[0])
            words += re.findall(r"\w+", text) if argument else [option]
    # That of xtreg is the R2 within entities.
    has_within = any(getattr(spec, "ssc", "") == "xtreg" for spec in specs)
    has_row = {w: row for w, row in _STATISTICS.items() if w == "N" or not has_within}
    rows = dict.fromkeys(has_row[word] for word in words if word in has_row)
    return [*rows], [f"the row {word}" for word in words if word not in has_row]


def _has_dummies_in_r2(
    context: Context, names: Sequence[str], before: Sequence[str]
) -> bool:
    """Tell whether a table shows an xtreg with dummies of periods."""
    if any(before):  # it may have any estimation
        names = [*context.results, ""]
    specs = [context.results.get(name, context.last) for name in names]
    of_xtreg = [spec for spec in specs if getattr(spec, "ssc", "") == "xtreg"]
    return any(spec.time_effects or spec.absorb for spec in of_xtreg)


def _stars(command: Command, options: Mapping[str, str]) -> list[str]:
    """Write the levels of stars; those of outreg2 are those of etable."""
    if {"nostars", "noaster"} & {*options}:
        return ["stars=None"]
    listed = options.get("star") or options.get("starlevels", "")
    if not listed and command.name == "esttab":
        listed = "* 0.05 ** 0.01 *** 0.001"
    levels = sorted(map(float, re.findall(r"\*\s+(0?\.\d+)", listed)), reverse=True)
    return [f"stars={levels}"] if levels else []


def _terms(text: str, estimated: Sequence[str], variables: Variables) -> list[str]:
    """Write coefficients as patterns of terms, without what is absorbed here."""
    words = split(text.replace("_cons", ""))
    patterns = [word for word in words if set(word) & set("*?")]
    others = " ".join(word for word in words if word not in patterns)
    terms = as_terms(variables.products(others))
    if later_columns(terms):
        raise refused("columns that are not known")
    # The name of a coefficient has no backticks.
    terms = [re.sub(r"C\([^()]*\)", r"\g<0>*", t.replace("`", "")) for t in terms]
    terms += [re.sub(r"^[io]?\d*b?\.", "", pattern) for pattern in patterns]
    return [term for term in terms if matching(term, estimated)]
