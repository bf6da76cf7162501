"""Read or run a do-file: ``python -m digiprosper.stata paper.do --data folder``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from digiprosper.errors import DigiprosperError
from digiprosper.stata.prefixes import Origin
from digiprosper.stata.reading import read_do_file, run_do_file

if TYPE_CHECKING:
    from io import TextIOWrapper


def main(arguments: list[str] | None = None) -> int:
    """Print what became of each line; return 1 if the file cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m digiprosper.stata",
        description="Read a do-file of Stata: every line has a result or a reason.",
    )
    parser.add_argument("path", help="the do-file")
    tables = "write the tables of esttab and outreg2 there; needs --data"
    for option, meta, text in (
        ("--data", "FOLDER", "run the file on the data in this folder"),
        ("--tables", "FOLDER", tables),
        ("--script", "FILE", "write the Python script there"),
    ):
        parser.add_argument(option, metavar=meta, help=text)
    parser.add_argument(
        "--audit", action="store_true", help="print what a referee would ask"
    )
    options = parser.parse_args(arguments)
    if options.tables and not options.data:
        parser.error("--tables needs --data, since only files that ran have tables")
    try:
        if options.data:
            file = run_do_file(options.path, options.data)
        else:
            file = read_do_file(options.path)
        if options.tables:
            Path(options.tables).mkdir(parents=True, exist_ok=True)
            for name, table in file.tables.items():
                table.save(Path(options.tables, name))
    except (OSError, DigiprosperError) as error:
        sys.stderr.write(f"{options.path}: {error}\n")
        return 1
    text = str(file)
    if options.audit:
        asked = [
            f"{Origin(n.data['file'], n.data['line'])!s:<9} {n.code:<28}{n.message}"
            for n in file.findings
        ]
        text = "\n".join(asked or ["nothing to ask"])
    sys.stdout.write(f"{text}\n")
    if options.script:
        Path(options.script).write_text(file.script, encoding="utf-8")
    return 0


if __name__ == "__main__":
    # Code pages of Windows lack characters that names may have.
    cast("TextIOWrapper", sys.stdout).reconfigure(errors="replace")
    sys.exit(main())
