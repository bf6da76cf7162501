"""Writes a folder that rebuilds the tables and figures of a paper."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from digiprosper._version import __version__
from digiprosper.errors import as_path, check_whole, cited, quoted
from digiprosper.panel.access import check_panel
from digiprosper.present.columns import name_columns, read_columns
from digiprosper.present.notes import errors_text
from digiprosper.present.style import FROM_STYLE, TableStyle, read_style
from digiprosper.present.tables import Table, about, named_tables, save_tables
from digiprosper.replication.script import (
    data_and_reading,
    entry,
    refused,
    stem_of,
)
from digiprosper.replication.twins import filled, models_of, twins
from digiprosper.specification import as_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digiprosper.panel import Panel

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
    """Write a folder with which others can rebuild the tables and figures of a paper.

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
    if len(set(map(stem_of, named))) < len(named):
        raise refused("contents", f"titles give equal file names: {quoted(named)}")
    copy = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    if copy.name == "replicate.py" and copy.read_text("utf-8").startswith(_MARK):
        _save(named, copy.resolve().parent, style, formats)
        return copy.parent
    target = as_path("save_replication", folder)
    _refuse_other_files(target)
    data, reading = data_and_reading(panel)
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
        "cells": _rows(_imputed(panel)),
        "data": _rows(
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
            columns = _rows(_columns(named, language))
            text = filled(f"readme.{language}.md", {**parts, "columns": columns})
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
    """Write the hashes of all files as sha256sum does."""
    files = [(name, path) for name, path in _files(folder).items() if name != _HASHES]
    return "".join(f"{sha256(p.read_bytes()).hexdigest()}  {n}\n" for n, p in files)


def _refuse_other_files(folder: Path) -> None:
    """Refuse a folder with anything but unchanged files of an earlier call."""
    stored = folder / _HASHES
    others = [path.name for path in folder.glob("*")]
    if stored.exists():
        written = stored.read_text("utf-8")
        others = [o[66:] for o in _hashes(folder).splitlines() if o not in written]
    if others or folder.is_file():
        why = f"has other or changed files: {quoted(others)}; choose another folder"
        raise refused("folder", f"{cited(str(folder))} {why}")


# --- what the folder has --------------------------------------------------------------


def _write_programs(
    named: Mapping[str, Any], panel: Panel, build: Path, parts: dict[str, Any]
) -> dict[str, Any]:
    """Write the script and its twins; return what tables show."""
    codes, shown = {}, {}
    models: list[Any] = []
    names = {"dp": sys.modules["digiprosper"], "panel": panel, "SEED": parts["seed"]}
    for title, value in named.items():
        with about(f"save_replication: this is {cited(title)}."):
            codes[title], code, specs = entry(title, value, panel)
            if code:
                shown[title] = eval(code, names)
                models += models_of(title, specs, panel)
    entries = "\n\n".join(f"# {title}\n{code}" for title, code in codes.items())
    script = filled("replicate.txt", {**parts, "entries": entries})
    programs, absent = twins(models, panel)
    for name, text in {"replicate.py": script, **programs}.items():
        _write(build / name, text)
    parts |= {"specifications": True, **programs}
    parts["absent"] = _rows((*model, ", ".join(n)) for model, n in absent.items())
    parts["sources"] = "\n\n".join(
        f"### {title}: `{stem_of(title)}`\n\n```python\n{code}\n```"
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
        path = folder / kind / stem_of(title)
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
        raise refused("script", f"replicate.py stops: {' '.join(lines[-3:])}")
    written, outputs = _files(build).keys() - before, {}
    for title in titles:
        pattern = f"*s/{stem_of(title)}.*"
        outputs[title] = {name for name in written if Path(name).match(pattern)}
        if not outputs[title]:
            why = f"replicate.py does not write {cited(title)}; end it with this call"
            raise refused("script", why)
        written -= outputs[title]
    homes = metadata.packages_distributions()
    names = {name for module in lines[-1].split() for name in homes.get(module, ())}
    versions = [f"{name}=={metadata.version(name)}\n" for name in sorted(names)]
    return {
        "versions": "".join(versions),
        "outputs": _rows((_listed(files), title) for title, files in outputs.items()),
        "others": _listed(written),
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _imputed(panel: Panel) -> Iterable[Iterable[object]]:
    """List columns with the number of cells filled by each method, and few cells."""
    for (column, method), part in panel.imputations.groupby(["column", "method"]):
        cells = part["entity"].astype(str) + " " + part["time"].astype(str)
        yield column, method, len(cells), "; ".join(cells) * (len(cells) <= 20)


def _rows(rows: Iterable[Iterable[object]]) -> str:
    lines = ([str(cell).replace("|", "&#124;") for cell in row] for row in rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _columns(named: Mapping[str, Any], language: Any) -> Iterable[Iterable[object]]:
    """List table, column, outcome, sample and standard errors."""
    style = read_style(TableStyle(language), None, FROM_STYLE, None, None)
    for title, models in named.items():
        if isinstance(models, Table) or hasattr(models, "figure"):
            continue
        columns = read_columns(models, "save_replication")
        for column in name_columns(columns, None, style, ""):
            if column.estimates and column.glance:
                keys = ("depvar", "nobs", "n_entities", "n_times")
                sample = [column.glance.get(key, "") for key in keys]
                yield title, column.head, *sample, errors_text([column], style)
