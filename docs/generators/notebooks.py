"""The scripts of `examples/` as notebooks, which the build runs and offers."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TABLE = re.compile(r'^NAME = "(.+\.csv)"$', re.MULTILINE)
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
STARTUP = """import warnings


def without_file(message, category, *_, **__):
    return f"{category.__name__}: {message}\\n"


warnings.formatwarning = without_file
"""
INDEX = """# Examples

Each page is a script of `examples/` with its output. The first line of a page links its
notebook.

```{{toctree}}
:titlesonly:

{pages}
```
"""


def write(scripts: Path, pages: Path) -> None:
    """Write each percent script as a notebook, and the page that lists them."""
    pages.mkdir(exist_ok=True)
    _encrypt_what_kernels_send()
    _print_warnings_without_file(pages.parent / "_build" / "ipython")
    names = sorted({path.stem for path in scripts.glob("*.py")} - {"gallery"})
    for stale in set(pages.glob("*.ipynb")) - {
        pages / f"{name}.ipynb" for name in names
    }:
        stale.unlink()
    for name in names:
        _write_notebook(scripts / f"{name}.py", pages / f"{name}.ipynb")
    text = INDEX.format(pages="\n".join(names))
    _write_if_changed(pages / "index.md", text)


def _write_notebook(script: Path, page: Path) -> None:
    import jupytext
    from nbformat.v4 import new_markdown_cell

    source = script.read_text(encoding="utf-8")
    notebook = jupytext.reads(source, fmt="py:percent")
    table = TABLE.search(source)
    present = table is None or _bring(table[1], page.parent)
    if not present:
        notebook.metadata["mystnb"] = {"execution_mode": "off"}
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    state = (
        "" if present else " It was not run here: its table is not part of the project."
    )
    line = (
        f"Notebook: {{nb-download}}`{page.name}`; script: "
        f"`examples/{script.name}`.{state}"
    )
    notebook.cells.insert(1, new_markdown_cell(line, id="download"))
    heading = ""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        if cell["cell_type"] == "markdown":
            heading = (HEADING.findall(cell["source"]) or [heading])[-1]
        else:
            text = f"Figure drawn by the code above, in section {heading}"
            cell["metadata"]["mystnb"] = {"image": {"alt": text}}
    _write_if_changed(page, jupytext.writes(notebook, fmt="ipynb"))


def _encrypt_what_kernels_send() -> None:
    """Let kernels send their output encrypted, else each warns that it does not."""
    from jupyter_client.manager import KernelManager

    # Older versions of jupyter_client cannot.
    if encryption := KernelManager.class_traits().get("transport_encryption"):
        encryption.default_value = "auto"


def _print_warnings_without_file(folder: Path) -> None:
    """Let kernels print a warning without the temporary file that has its cell."""
    startup = folder / "profile_default" / "startup" / "warnings.py"
    startup.parent.mkdir(parents=True, exist_ok=True)
    _write_if_changed(startup, STARTUP)
    os.environ["IPYTHONDIR"] = str(folder)


def _bring(name: str, folder: Path) -> bool:
    """Copy a table that is not in the project beside the notebook, if it is here."""
    if (DATA / name).exists():
        shutil.copyfile(DATA / name, folder / name)
    return (folder / name).exists()


def _write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
