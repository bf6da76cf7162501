"""Tables to files: the ending of a path says how."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from digiprosper.errors import InputTypeError, OptionError, cited, option_problem
from digiprosper.present.formats import write_csv, write_html, write_latex, write_markdown
from digiprosper.present.office import write_docx
from digiprosper.present.rich_text import write_rtf
from digiprosper.present.spreadsheet import write_xlsx

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from digiprosper.report.rendering import Content

WRITERS: dict[str, Callable[[Sequence[Content], Path], None]] = {
    ".docx": write_docx,
    ".xlsx": write_xlsx,
    ".tex": write_latex,
    ".rtf": write_rtf,
    ".csv": write_csv,
    ".html": write_html,
    ".md": write_markdown,
}
"""What writes tables, by ending."""


def table_path(given: object, option: str) -> Path:
    """Read a path that a table can be written to.

    Parameters
    ----------
    given : object
        The path.
    option : str
        Name of the argument, for messages.

    Returns
    -------
    Path
        With one of the known endings.

    Raises
    ------
    InputTypeError
        If it is no path.
    OptionError
        If its ending is another.
    """
    if not isinstance(given, str | os.PathLike):
        raise InputTypeError(
            f"{option}={cited(given)} must be a path such as 'table.docx'.", [option_problem(option, given)]
        )
    path = Path(given)
    ending = path.suffix.lower()
    if ending not in WRITERS:
        raise OptionError(
            f"cannot write a table to {cited(path.name)}: the ending must be one of {', '.join(WRITERS)}.",
            [option_problem("path", path.name, WRITERS, f"ending {cited(ending)}")],
        )
    return path


def write_tables(contents: Sequence[Content], target: Path) -> None:
    """Write tables into one file.

    Parameters
    ----------
    contents : sequence of Content
        The tables.
    target : Path
        As `table_path` gives it.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    ImportError
        If the extra that the format needs is missing.
    """
    write = WRITERS[target.suffix.lower()]
    # Beside the target and then renamed, so that a failure leaves neither half a file nor none.
    final = target.resolve()
    if not final.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {cited(final.name)}: there is no folder {cited(str(final.parent))}."
        )
    with TemporaryDirectory(dir=final.parent, prefix=".") as folder:
        made = Path(folder, final.name)
        write(contents, made)
        if final.exists():
            shutil.copymode(final, made)
        made.replace(final)
