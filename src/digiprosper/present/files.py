"""Tables to files: the ending of a path says how."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from digiprosper.errors import InputTypeError, OptionError, cited, option_problem
from digiprosper.present.formats import (
    write_csv,
    write_html,
    write_latex,
    write_markdown,
)
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


def table_path(argument: object, option: str) -> Path:
    """Check a path and that its ending is a format of tables."""
    if not isinstance(argument, str | os.PathLike):
        raise InputTypeError(
            f"{option}={cited(argument)} must be a path such as 'table.docx'.",
            [option_problem(option, argument)],
        )
    path = Path(argument)
    ending = path.suffix.lower()
    if ending not in WRITERS:
        raise OptionError(
            f"cannot write a table to {cited(path.name)}: the ending must be one of {', '.join(WRITERS)}. "
            "For plain text write str(table).",
            [option_problem("path", path.name, WRITERS, f"ending {cited(ending)}")],
        )
    return path


def write_tables(contents: Sequence[Content], target: Path) -> None:
    """Write tables to one file; an existing file does not change if this fails."""
    write = WRITERS[target.suffix.lower()]
    # Beside the target and then renamed, so that a failure leaves neither half a file nor none.
    final = target.resolve()
    if not final.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {cited(final.name)}: there is no folder {cited(str(final.parent))}."
        )
    with TemporaryDirectory(dir=final.parent, prefix=".") as folder:
        temporary_file = Path(folder, final.name)
        write(contents, temporary_file)
        if final.exists():
            shutil.copymode(final, temporary_file)
        temporary_file.replace(final)
