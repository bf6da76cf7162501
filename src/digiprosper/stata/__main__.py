"""Read a do-file from the command line: ``python -m digiprosper.stata paper.do``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from digiprosper.errors import DigiprosperError
from digiprosper.stata.reading import read_do_file


def main(arguments: list[str] | None = None) -> int:
    """Print what became of each line; return 1 if the file cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m digiprosper.stata",
        description="Read a do-file of Stata: every line has a result or a reason.",
    )
    parser.add_argument("path", help="the do-file")
    parser.add_argument(
        "--script", metavar="FILE", help="write the Python script there"
    )
    parser.add_argument(
        "--audit", action="store_true", help="print what a referee would ask"
    )
    options = parser.parse_args(arguments)
    try:
        file = read_do_file(options.path)
    except (OSError, DigiprosperError) as error:
        sys.stderr.write(f"{options.path}: {error}\n")
        return 1
    text = str(file)
    if options.audit:
        asked = [
            f"line {n.data['line']:<5}{n.code:<28}{n.message}" for n in file.findings
        ]
        text = "\n".join(asked or ["nothing to ask"])
    sys.stdout.write(f"{text}\n")
    if options.script:
        Path(options.script).write_text(file.script, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
