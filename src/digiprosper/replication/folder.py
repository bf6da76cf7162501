"""Replication folders, which rebuild the tables and figures of a paper."""

from __future__ import annotations

import inspect
import json
import platform
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from hashlib import sha256
from importlib import metadata
from io import StringIO
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent
from typing import Any

import pandas as pd

import digiprosper.plots as plots
from digiprosper._names import MODULES
from digiprosper._version import __version__
from digiprosper.checks import as_path, check_whole, option_problem, plain
from digiprosper.errors import DigiprosperError, InputTypeError, cited, quoted
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel
from digiprosper.panel.grammar import rename_in_term
from digiprosper.present.columns import name_columns, read_columns
from digiprosper.present.notes import errors_text
from digiprosper.present.style import TableStyle, read_style
from digiprosper.present.tables import Table, add_error_note, named_tables, save_tables
from digiprosper.specification import Specification, as_sequence, as_terms
from digiprosper.stata.reading import from_stata
from digiprosper.stata.translation import as_python
from digiprosper.stata.writer import to_stata
from digiprosper.studies.many import stepwise

_HASHES = "SHA256SUMS"
_MARK = "# A copy, in which save_replication() writes here.\n"
# Packages are those that are loaded in the end, without this one, which is installed
# from its source.
_RUN = """
import runpy, sys
runpy.run_path("replicate.py", run_name="__main__")
loaded = {name.partition(".")[0] for name in sys.modules if name[0] != "_"}
print("\\n", *loaded - {"digiprosper"})
"""
# Specifications whose arguments cannot be written as code.
_NO_CODE = ("CompositeIndex", "PanelDML", "PanelSpatial", "PropagatedIndex")
# Functions and arithmetic that are variables of Stata; powers and dummies are factors.
_COMPUTED = re.compile(
    r"\b(?:log|exp|sqrt|abs)\([^()]+\)|\bI\((?!\w+ ?\*\* ?\d+\))[^()=!<>]+\)"
)
_NOT_IN_R = re.compile(r"\b(?:ref|k) ?=(?!=)|treated\(|//|%|C\(.*:|:.*C\(")
_IN_R = {
    r"\band\b": "&",
    r"\bor\b": "|",
    r"\bnot\b": "!",
    r"\bin \[([^\]]*)\]": r"%in% c(\1)",
}
_IN_FIXEST = {r"\blag\(": "l(", r"\blead\(": "f(", r"\bdiff\(": "d("}
_EFFECTS = {(True, True): "twoways", (True, False): "individual", (False, True): "time"}


def save_replication(
    folder: str | Path,
    contents: Mapping[str, Any],
    *,
    panel: Panel,
    script: str | Path | Sequence[str | Path] | None = None,
    rng: int = 1,
    style: TableStyle | None = None,
    formats: Sequence[str] = ("md", "tex"),
) -> Path:
    """Write a folder that rebuilds the tables and figures of a paper.

    ``python replicate.py`` in the folder rebuilds them byte for byte. The README, in
    English and Chinese, says how and what each file is.

    Parameters
    ----------
    folder : str or Path
        Folder to write. If it exists it must be empty, or have only unchanged files of
        an earlier call, which are replaced.
    contents : mapping
        Tables and figures by title, such as ``"Table 1. Baseline"``. Without `script`,
        each is what makes it, since results do not keep their specification: a
        specification; a list or mapping of specifications, which are the columns of a
        table; or a call of a function of this library or of a method of `panel`, with
        ``functools.partial(`` in place of its bracket, such as ``partial(dp.stepwise,
        spec, panel, controls)``, ``partial(dp.etable, [spec, other], keep="x")`` and
        ``partial(dp.plots.coefficients, spec)``. With `script`, each is the table,
        result or figure that the script made.
    panel : Panel
        The data of the tables.
    script : path or sequence of paths, optional
        Your own script, which makes the tables and figures and ends with this call. It
        is copied to ``replicate.py``; in the copy the call only writes the tables and
        figures. Further paths are files that the script reads, and are copied beside
        it.
    rng : int
        Seed of all draws in a script that is written, 1 by default. Specifications are
        fitted with it, as by ``spec.fit(panel, rng=rng)``, and so are functions.
    style : TableStyle, optional
        Style of tables that are not a `Table`. Its language is also that of figures.
    formats : sequence of str
        Endings of the files of each table, as in `Table.save`. The default is
        ``("md", "tex")``, which are plain text.

    Returns
    -------
    Path
        The folder, with ``data/panel.csv``, ``replicate.py``, ``requirements.txt``
        (exact versions of the other packages that the script loads), ``tables/``,
        ``figures/``, ``README.md``, ``README.zh.md`` and ``SHA256SUMS``. A script that
        is written has twins with the same models: ``twin.do`` for Stata, ``twin.R`` for
        R with plm, and ``twin_fixest.R``. The READMEs list models that these do not
        have, with the reason. Two calls write the same bytes.

    Raises
    ------
    InputTypeError
        If a table or figure cannot be written as code, `panel` is not a Panel or has a
        column that a CSV file cannot keep, the folder has other files, or the script
        fails or does not write all tables.
    OptionError
        If `rng` is not a whole number.
    FileNotFoundError
        If a file of `script` does not exist.
    DigiprosperError
        As in `fit` of the specifications.

    Notes
    -----
    The script runs once, in a new process, and the tables and figures of the folder are
    those that it wrote. A table of specifications is therefore computed twice.

    Examples
    --------
    >>> import tempfile
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> folder = dp.save_replication(
    ...     tempfile.mkdtemp(),
    ...     {"Table 1. Baseline": [spec, spec.replace(time_effects=False)]},
    ...     panel=dp.datasets.us_states(),
    ... )
    >>> sorted(path.name for path in folder.glob("t*"))
    ['tables', 'twin.R', 'twin.do', 'twin_fixest.R']
    """
    check_panel(panel, "save_replication")
    named = named_tables(contents, "save_replication", '{"Table 1. Baseline": spec}')
    style = TableStyle() if style is None else style
    formats = as_terms(formats, "formats")
    if len(set(map(file_stem, named))) < len(named):
        raise argument_error(
            "contents", f"titles give equal file names: {quoted(named)}"
        )
    copy = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    if copy.name == "replicate.py" and copy.read_text("utf-8").startswith(_MARK):
        _save(named, copy.resolve().parent, style, formats)
        return copy.parent
    target = as_path("save_replication", folder)
    _refuse_other_files(target)
    data, reading = panel_as_csv(panel)
    counts: Any = panel.frame.reset_index().notna().sum().items()
    parts: dict[str, Any] = {
        "python": platform.python_version(),
        "version": __version__,
        "digest": sha256(data).hexdigest(),
        **reading,
        "seed": check_whole("rng", rng, 0, 2**63),
        "formats": list(formats),
        "style": f"dp.{style!r}",
        "rows": panel.nobs,
        "entities": panel.n_entities,
        "entity": panel.entity_name,
        "time": panel.time_name or "",
        "cells": _table_rows(_imputed_columns(panel)),
        "data": _table_rows(
            (c, panel.labels.get(c, ""), n, panel.nobs - n) for c, n in counts
        ),
    }
    with TemporaryDirectory() as temporary:
        build = Path(temporary)
        (build / "data").mkdir()
        (build / "data" / "panel.csv").write_bytes(data)
        if script is None:
            named = _write_programs(named, panel, build, parts)
        else:
            parts |= {"script": True, "inputs": _copy_script(script, build)}
        parts |= _run(build, named)
        _write(build / "requirements.txt", parts["versions"])
        for name, language in (("README.md", "en"), ("README.zh.md", "zh")):
            columns = _table_rows(_model_rows(named, language))
            text = fill_template(f"readme.{language}.md", {**parts, "columns": columns})
            _write(build / name, text)
        _write(build / _HASHES, _hashes(build))
        for path in _files(target).values():
            path.unlink()
        shutil.copytree(build, target, dirs_exist_ok=True)
    return target


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _files(folder: Path) -> dict[str, Path]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _hashes(folder: Path) -> str:
    """Return the hashes of all files in the format of sha256sum."""
    files = [(name, path) for name, path in _files(folder).items() if name != _HASHES]
    return "".join(f"{sha256(p.read_bytes()).hexdigest()}  {n}\n" for n, p in files)


def _refuse_other_files(folder: Path) -> None:
    """Refuse a folder with other files, or changed files of an earlier call."""
    stored = folder / _HASHES
    others = [path.name for path in folder.glob("*")]
    if stored.exists():
        written = stored.read_text("utf-8")
        others = [o[66:] for o in _hashes(folder).splitlines() if o not in written]
    if others or folder.is_file():
        reason = f"has other or changed files: {quoted(others)}; choose another folder"
        raise argument_error("folder", f"{cited(str(folder))} {reason}")


# --- what the folder has --------------------------------------------------------------


def _write_programs(
    named: Mapping[str, Any], panel: Panel, build: Path, parts: dict[str, Any]
) -> dict[str, Any]:
    """Write the script and its translations; return the rows about the tables."""
    codes, shown = {}, {}
    models: list[Any] = []
    names = {"dp": sys.modules["digiprosper"], "panel": panel, "SEED": parts["seed"]}
    for title, value in named.items():
        with add_error_note(f"save_replication: this is {cited(title)}."):
            codes[title], code, specs = script_entry(title, value, panel)
            if code:
                shown[title] = eval(code, names)
                models += named_models(title, specs, panel)
    entries = "\n\n".join(f"# {title}\n{code}" for title, code in codes.items())
    script = fill_template("replicate.txt", {**parts, "entries": entries})
    programs, absent = translated_programs(models, panel)
    for name, text in {"replicate.py": script, **programs}.items():
        _write(build / name, text)
    parts |= {"specifications": True, **programs}
    parts["absent"] = _table_rows((*model, ", ".join(n)) for model, n in absent.items())
    parts["sources"] = "\n\n".join(
        f"### {title}: `{file_stem(title)}`\n\n```python\n{code}\n```"
        for title, code in codes.items()
    )
    return shown


def _copy_script(script: Any, build: Path) -> str:
    """Copy a script and the files that it reads; list these."""
    texts = script if isinstance(script, list | tuple) else [script]
    first, *files = [as_path("save_replication: script", text) for text in texts]
    _write(build / "replicate.py", _MARK + first.read_text("utf-8"))
    for path in files:
        shutil.copyfile(path, build / path.name)
    return _listed(path.name for path in files)


def _save(contents: Mapping[str, Any], folder: Path, style: Any, formats: Any) -> None:
    """Write tables and figures that a script made."""
    for title, value in contents.items():
        figure = getattr(value, "figure", value)
        kind = "figures" if hasattr(figure, "savefig") else "tables"
        path = folder / kind / file_stem(title)
        path.parent.mkdir(exist_ok=True)
        if kind == "figures":
            figure.savefig(f"{path}.png", dpi=300)
        else:
            for ending in formats:
                save_tables(f"{path}.{ending}", {title: value}, style=style)


def _run(build: Path, titles: Iterable[str]) -> dict[str, str]:
    """Run the script in a new process; list its files and the packages it loads."""
    command, before = [sys.executable, "-B", "-c", _RUN], _files(build)
    run = subprocess.run(command, cwd=build, capture_output=True, check=False)
    output = run.stderr if run.returncode else run.stdout
    lines = output.decode(errors="replace").strip().splitlines()
    if run.returncode:
        raise argument_error("script", f"replicate.py stops: {' '.join(lines[-3:])}")
    written, outputs = _files(build).keys() - before, {}
    for title in titles:
        pattern = f"*s/{file_stem(title)}.*"
        outputs[title] = {name for name in written if Path(name).match(pattern)}
        if not outputs[title]:
            reason = (
                f"replicate.py does not write {cited(title)}; end it with this call"
            )
            raise argument_error("script", reason)
        written -= outputs[title]
    homes = metadata.packages_distributions()
    names = {name for module in lines[-1].split() for name in homes.get(module, ())}
    versions = [f"{name}=={metadata.version(name)}\n" for name in sorted(names)]
    return {
        "versions": "".join(versions),
        "outputs": _table_rows(
            (_listed(files), title) for title, files in outputs.items()
        ),
        "others": _listed(written),
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _imputed_columns(panel: Panel) -> Iterable[Iterable[object]]:
    """List columns with the number of cells filled by each method, and few cells."""
    for (column, method), part in panel.imputations.groupby(["column", "method"]):
        cells = part["entity"].astype(str) + " " + part["time"].astype(str)
        yield column, method, len(cells), "; ".join(cells) * (len(cells) <= 20)


def _table_rows(rows: Iterable[Iterable[object]]) -> str:
    lines = ([str(cell).replace("|", "&#124;") for cell in row] for row in rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _model_rows(named: Mapping[str, Any], language: Any) -> Iterable[Iterable[object]]:
    """List table, column, outcome, sample and standard errors."""
    style = read_style(TableStyle(language))
    for title, models in named.items():
        if isinstance(models, Table) or hasattr(models, "figure"):
            continue
        columns = read_columns(models, "save_replication")
        for column in name_columns(columns, None, style, ""):
            if column.estimates and column.glance:
                keys = ("depvar", "nobs", "n_entities", "n_times")
                sample = [column.glance.get(key, "") for key in keys]
                yield title, column.head, *sample, errors_text([column], style)


# --- values as code -------------------------------------------------------------------


def argument_error(option: str, reason: str) -> InputTypeError:
    """Build an error for an argument."""
    problem = option_problem(option, what=reason)
    return InputTypeError(f"save_replication: {reason}.", [problem])


def file_stem(title: str) -> str:
    """Make a file name from a title, which is also a Python name."""
    name = re.sub(r"\W+", "_", title).strip("_").lower()
    return name if name.isidentifier() else f"table_{name}"


def script_entry(title: str, value: Any, panel: Panel) -> tuple[str, str, Any]:
    """Write the code of a table or figure, and of its models if needed."""
    stem = table = file_stem(title)
    name = _function_name(value.func, panel) if isinstance(value, partial) else ""
    if name.startswith("dp.plots."):
        return f'save_figure("{stem}", lambda: {as_code(value, panel)})', "", None
    if name == "dp.etable":
        bound = inspect.signature(value.func).bind(*value.args, **value.keywords)
        value = bound.arguments.pop("models")
        options = {k: as_code(v, panel) for k, v in bound.arguments.items()}
        table = f"dp.etable({stem}, {_arguments({'style': 'STYLE'} | options)})"
    models = as_code(value, panel)
    call = f'save_table("{stem}", {as_code(title, panel)}, {table})'
    return f"{stem} = {models}\n{call}", models, value


def as_code(value: Any, panel: Panel, *, fits: bool = True) -> str:
    """Write a value as code; with `fits` a specification is fitted."""
    value = plain(value)
    if value is panel:
        return "panel"

    def inside(part: Any) -> str:
        return as_code(part, panel, fits=fits)

    match value:
        case partial():
            return _call_code(value, panel)
        case Specification() if type(value).__name__ not in _NO_CODE:
            return _fit_code(value) if fits else as_python(value)
        case TableStyle():
            return f"dp.{value!r}"
        case pd.CategoricalDtype():
            levels = inside(value.categories.tolist())
            return f"pd.CategoricalDtype({levels}, ordered={value.ordered})"
        case Mapping():
            pairs = value.items()
            return _in_brackets(
                [f"{inside(str(k))}: {inside(v)}" for k, v in pairs], "{}"
            )
        case list() | tuple():
            return _in_brackets(list(map(inside, value)), "[]")
        case str():
            return json.dumps(value, ensure_ascii=False)
        case None | bool() | int() | float():
            return repr(value)
    raise argument_error(
        "contents",
        f"{type(value).__name__} cannot be written as code. Pass the specification of "
        "a result or figure, or functools.partial(function, ...) of this library; "
        "spatial weights, learners and others need script=",
    )


def _fit_code(spec: Specification) -> str:
    """Write the fit of a specification, with the seed if it draws."""
    draws = hasattr(spec, "reps") or hasattr(spec, "seeds")
    return f"{as_python(spec)}.fit(panel{', rng=SEED' if draws else ''})"


def _in_brackets(parts: Sequence[str], brackets: str) -> str:
    """Write elements in brackets, on lines of their own if they are long."""
    line = ", ".join(parts)
    if len(line) > 60:
        line = "\n" + "".join(indent(f"{part},\n", "    ") for part in parts)
    return line.join(brackets)


def _arguments(options: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={code}" for name, code in options.items())


def _function_name(function: Any, panel: Panel) -> str:
    name = getattr(function, "__name__", "")
    if getattr(function, "__self__", None) is panel:
        return f"panel.{name}"
    if getattr(plots, name, None) is function:
        return f"dp.plots.{name}"
    if name in MODULES and MODULES[name] == getattr(function, "__module__", ""):
        return f"dp.{name}"
    reason = "is no function of digiprosper or method of this panel"
    raise argument_error("contents", f"{cited(function)} {reason}; pass script=")


def _call_code(call: partial[Any], panel: Panel) -> str:
    """Write a call; specifications are fitted unless the function fits them."""
    name = _function_name(call.func, panel)
    parameters = inspect.signature(call.func).parameters
    fits = next(iter(parameters), "") not in ("spec", "specs", "panel")
    codes = {k: as_code(v, panel, fits=fits) for k, v in call.keywords.items()}
    if "rng" in parameters:
        codes = {"rng": "SEED"} | codes
    parts = [as_code(argument, panel, fits=fits) for argument in call.args]
    if codes:
        parts.append(_arguments(codes))
    return f"{name}({', '.join(parts)})"


def _is_kept(column: pd.Series[Any], texts: pd.Series[Any], *types: Any) -> bool:
    """Check whether the texts of a CSV restore the column."""
    name: Any = column.name
    try:
        for kinds in types:
            texts = texts.astype(kinds.get(name, texts.dtype))
        return column.equals(texts.astype(column.dtype))  # pandas has two types of text
    except (TypeError, ValueError, NotImplementedError):
        return False


def panel_as_csv(panel: Panel) -> tuple[bytes, dict[str, str]]:
    """Write a panel as CSV, and the types and keys with which it is read as it is."""
    frame = panel.frame.reset_index()
    numbers, types = _column_types(frame)
    bools = {name: kind for name, kind in numbers.items() if kind in ("int8", "Int8")}
    data = frame.astype(bools).to_csv(index=False, lineterminator="\n")
    file = StringIO(data)
    read = pd.read_csv(file, dtype="str", keep_default_na=False, na_values=[""])
    odd = [
        name
        for name in frame
        if name not in read or not _is_kept(frame[name], read[name], numbers, types)
    ]
    if odd:
        reason = "mix types, have empty texts or another type that no CSV keeps"
        raise argument_error("panel", f"the columns {quoted(odd)} {reason}")
    keys: dict[str, Any] = {"entity": panel.entity_name, "time": panel.time_name}
    keys |= {"labels": panel.labels, "step": panel._table.step}
    codes = {k: as_code(v, panel) for k, v in keys.items() if v is not None}
    then = "".join(f".astype({as_code(t, panel)})" for t in (numbers, types) if t)
    return data.encode(), {"types": then, "keys": _arguments(codes)}


def _column_types(frame: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Choose types for columns that are read as text: of numbers, then of others."""
    # Numbers are read as text, since Python reads all their digits.
    columns = dict(frame.dtypes)
    levels = {n: getattr(t, "categories", frame[n]).dtype for n, t in columns.items()}
    kinds = {n: str(t) for n, t in levels.items() if t.kind in "iufb"}
    special = pd.CategoricalDtype | pd.PeriodDtype
    whole = {"bool": "int8", "boolean": "Int8"}
    return {n: whole.get(t, t) for n, t in kinds.items()}, {
        n: t if hasattr(t, "categories") else str(t)
        for n, t in columns.items()
        if isinstance(t, special) or t.kind in "mMb"
    }


# --- programs for Stata and R ---------------------------------------------------------


def named_models(title: str, value: Any, panel: Panel) -> Iterator[tuple[str, Any]]:
    """List column headings with their specification, or the reason for none."""
    if isinstance(value, Specification):
        yield title, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from named_models(f"{title}, {key}", part, panel)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value, start=1):
            yield from named_models(f"{title}, ({number})", part, panel)
    elif isinstance(value, partial) and value.func is stepwise:
        bound = inspect.signature(stepwise).bind(*value.args, **value.keywords)
        spec, _, order = bound.args
        blocks: Any = as_sequence(order)
        added = [[b] if isinstance(b, str) else b for b in blocks]
        steps = list(accumulate(added, lambda step, x: step.add(*x), initial=spec))
        rows = _fitted(steps[-1], panel).nobs
        for number, step in enumerate(steps, start=1):
            alone = _fitted(step, panel).nobs
            reason = f"it has the {rows} rows of the last step, not {alone}"
            yield f"{title}, ({number})", step if alone == rows else reason
    else:
        name = getattr(value, "func", type(value)).__name__
        yield title, f"{name}() is for Python only"


def _fitted(spec: Any, panel: Panel) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return spec.fit(panel)


def translated_programs(
    models: Sequence[tuple[str, Any]], panel: Panel
) -> tuple[dict[str, str], dict[Any, list[str]]]:
    """Write the three programs; also list models in none of them, with reasons."""
    parts = {"entity": panel.entity_name, "time": str(panel.time_name)}
    texts = panel.frame.reset_index().select_dtypes(exclude=["number", "bool"])
    parts["texts"] = " ".join(map(str, texts))
    variables: dict[str, str] = {}
    programs: dict[str, str] = {}
    absent: dict[Any, list[str]] = {}
    for program in ("twin.do", "twin.R", "twin_fixest.R"):
        calls = []
        for title, spec in models:
            try:
                if isinstance(spec, str):
                    raise DigiprosperError(spec)
                if panel.time_name is None:
                    raise DigiprosperError("there is no time key")
                if program == "twin.do":
                    calls.append(f"* {title}\n{_stata_command(spec, panel, variables)}")
                else:
                    calls.append(f"# {title}\n{_r_call(spec, panel, program)}")
            except DigiprosperError as error:
                reason = getattr(error, "reason", str(error).rstrip("."))
                absent.setdefault((title, reason), []).append(f"`{program}`")
        if calls:
            lines = [f"generate double {n} = {text}" for n, text in variables.items()]
            body = {"variables": "\n".join(lines), "calls": "\n\n".join(calls)}
            programs[program] = fill_template(program, parts | body)
    return programs, absent


def fill_template(template: str, parts: Mapping[str, object]) -> str:
    """Fill in a template: ``<name>`` is a part, ``?name`` a line that needs it."""
    text = Path(__file__).with_name("templates").joinpath(template).read_text("utf-8")
    conditional = re.compile(r"^\?(\S+) ?(.*\n)", re.MULTILINE)
    text = conditional.sub(lambda line: line[2] if parts.get(line[1]) else "", text)
    for name, part in parts.items():
        text = text.replace(f"<{name}>", str(part))
    return text


# --- Stata ----------------------------------------------------------------------------


def _stata_command(spec: Any, panel: Panel, variables: dict[str, str]) -> str:
    """Write a Stata command whose condition is read back as it is, and its notes."""
    keys: Any = {"entity": panel.entity_name, "time": str(panel.time_name)}
    new = dict(variables)
    spec = _with_variables(spec, new, panel)
    command = to_stata(spec, **keys)
    read = from_stata(command, **keys)
    if getattr(read.spec, "where", None) != spec.where:
        raise DigiprosperError(f"{command.split()[0]} differs in where")
    if '"' in command or not str(panel.times[0]).isdigit():
        raise DigiprosperError("its time key or condition is text")
    variables |= new
    return "".join(f"* {note}\n" for note in read.notes) + f"eststo: {command}"


def _with_variables(spec: Any, variables: dict[str, str], panel: Panel) -> Any:
    """Replace functions of columns by variables, whose expressions are noted."""

    def name_of(match: re.Match[str]) -> str:
        term = match[0].removeprefix("I")
        text = term.replace("log(", "ln(").replace("**", "^")
        name = re.sub(r"\W+", "_", term).strip("_")[:32]
        is_other = variables.setdefault(name, text) != text
        if is_other or name in panel._table.names or "`" in term:
            raise DigiprosperError(f"{term} has no name as a variable")
        return name

    changes: dict[str, Any] = {}
    for field in fields(spec):
        value = getattr(spec, field.name)
        if "term" in field.metadata and isinstance(value, str):
            changes[field.name] = _COMPUTED.sub(name_of, value)
        elif "term" in field.metadata and value is not None:
            changes[field.name] = [_COMPUTED.sub(name_of, term) for term in value]
    return spec.replace(**changes)


# --- R --------------------------------------------------------------------------------


def _r_names(text: str, panel: Panel) -> str:
    """Write the names of columns and effects in R syntax."""
    names = panel._table.names
    odd = [n for n in names if not re.fullmatch(r"[A-Za-z][A-Za-z0-9._]*", n)]
    return rename_in_term(text, {name: f"`{name}`" for name in odd})


def _r_terms(terms: Sequence[str], panel: Panel) -> str:
    """Write terms as the side of a formula, products last, where R moves them."""
    for term in terms:
        if _NOT_IN_R.search(term):
            raise DigiprosperError(f"the term {term} is not written for R")
    ordered = sorted(terms, key=lambda term: term.count(":"))
    return " + ".join(
        _r_names(term, panel).replace("C(", "factor(") for term in ordered
    )


def _replace_all(text: str, changes: Mapping[str, str]) -> str:
    for pattern, change in changes.items():
        text = re.sub(pattern, change, text)
    return text


def _r_condition(spec: Any, panel: Panel, opening: str = "") -> str:
    """Write the argument `subset` for a condition."""
    text = _replace_all(_r_names(spec.where or "", panel), _IN_R)
    if re.search(r"[<>]=?[^&|]*[<>]", text):
        raise DigiprosperError("it chains comparisons")
    return f", subset = {opening}true({text})" if text else ""


def _r_call(spec: Any, panel: Panel, program: str) -> str:
    """Write a call of plm or fixest, with the numbers of the fit."""
    name, cov_type = type(spec).__name__, getattr(spec, "cov_type", None)
    if name not in ("FixedEffects", "FixedEffectsIV"):
        raise DigiprosperError(f"{name} is not written for R")
    if cov_type not in ("clustered", "robust", "unadjusted") or spec.ssc != "reghdfe":
        raise DigiprosperError(f"cov_type={cov_type!r} with ssc={spec.ssc!r}")
    fit = _fitted(spec, panel)
    singletons = any(notice.code == "singletons" for notice in fit.diagnostics)
    write = _plm if program == "twin.R" else _fixest
    call, vcov = write(spec, panel, singletons=singletons)
    # R has the intercept first, and products last.
    order = sorted(fit.names, key=lambda n: (n != "Intercept", n.count(":")))
    estimates, errors = (
        ", ".join(repr(float(column[n])) for n in order)
        for column in (fit.params, fit.std_errors)
    )
    return (
        f"fit <- {call})\nshow(fit, {vcov}df = {fit.df_t:g},\n"
        f"  estimates = c({estimates}),\n  errors = c({errors}))"
    )


def _plm(spec: Any, panel: Panel, *, singletons: bool) -> tuple[str, str]:
    """Write a call of plm, and its covariance."""
    clusters = " and ".join(spec.clusters or [panel.entity_name])
    by = {panel.entity_name: "group", panel.time_name: "time"}.get(clusters)
    if by is None or spec.absorb or spec.obs_weights or singletons:
        reason = "plm has effects and clusters of entity and time, and no weights"
        raise DigiprosperError(f"{reason}; it keeps singletons")
    formula = _r_terms([*getattr(spec, "endog", ()), *spec.x], panel)
    if hasattr(spec, "instruments"):
        formula += f" | {_r_terms([*spec.instruments, *spec.x], panel)}"
    effect = _EFFECTS.get((spec.entity_effects, spec.time_effects))
    model = f'model = "within", effect = "{effect}"' if effect else 'model = "pooling"'
    model += _r_condition(spec, panel)
    call = f"plm({_r_terms([spec.y], panel)} ~ {formula},\n  data = panel, {model}"
    return call, f'{spec.cov_type}(fit, "{by}"), '


def _fixest(spec: Any, panel: Panel, *, singletons: bool) -> tuple[str, str]:
    """Write a call of fixest, whose default is the same small-sample correction."""
    keys = [panel.entity_name, str(panel.time_name)]

    def joined(names: Sequence[str]) -> str:
        return " + ".join(_r_names(name.replace(":", "^"), panel) for name in names)

    effects = [keys[0]] * spec.entity_effects + [keys[1]] * spec.time_effects
    sides = [_r_terms(spec.x, panel) or "1", joined([*effects, *spec.absorb])]
    if hasattr(spec, "instruments"):
        sides.append(
            f"{_r_terms(spec.endog, panel)} ~ {_r_terms(spec.instruments, panel)}"
        )
    formula = f"{_r_terms([spec.y], panel)} ~ {' | '.join(filter(None, sides))}"
    shifted, where = _replace_all(formula, _IN_FIXEST), _r_condition(spec, panel, "~ ")
    if where and shifted != formula:
        raise DigiprosperError("fixest may lag after it chooses rows")
    vcov = spec.cov_type
    if vcov == "clustered":
        vcov = f"~ {joined(spec.clusters or keys[:1])}"
    options = f"panel.id = ~ {joined(keys)}, vcov = {vcov}"
    if spec.obs_weights:
        options += f", weights = ~ {joined([spec.obs_weights])}"
    if singletons:
        options += ', fixef.rm = "singleton"'
    return f"feols({shifted},\n  data = data, {options}{where}", ""
