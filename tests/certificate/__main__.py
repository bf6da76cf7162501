"""Simulate the certificate: what is printed first, at the size of users' panels.

    python -m tests.certificate                     # cells without a row, or of fewer
                                                    # panels than a row should have
    python -m tests.certificate joint-f --reps 200  # of one study, with 200 panels each
    python -m tests.certificate joint-f --again     # also those that have rows
    python -m tests.certificate --list              # what is there, what is missing
    python -m tests.certificate --page              # the page, and the package's table

Rows are written as soon as they are there, and a second call continues. Every trial
calls the functions that a user calls.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.certificate.page import write_page
from tests.certificate.rows import STUDIES, cell_of, missing_cells, read, run, write


def main() -> None:
    """Simulate the chosen studies and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", metavar="study", help=", ".join(STUDIES))
    parser.add_argument("--reps", type=int, help="panels a cell")
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of entities")
    parser.add_argument("--minutes", type=float, help="start no cell after so long")
    parser.add_argument("--again", action="store_true", help="also cells with rows")
    parser.add_argument("--list", action="store_true", help="only list what is missing")
    parser.add_argument("--page", action="store_true", help="only write the page")
    options = parser.parse_args()
    unknown = set(options.studies) - set(STUDIES)
    if unknown:
        parser.error(f"unknown studies {sorted(unknown)}; there are {list(STUDIES)}")
    end = time.monotonic() + 60 * (options.minutes or float("inf"))
    for name in options.studies or STUDIES:
        if options.page:
            break
        study = STUDIES[name]
        cells = study.cells if options.again else missing_cells(name, options.reps)
        cells = [cell for cell in cells if not options.sizes or cell.n in options.sizes]
        say(f"{name}: {len(read(name))} rows, {len(cells)} cells to run")
        for cell in cells:
            if options.list or time.monotonic() > end:
                break
            rows = run(name, cell, options.reps or study.reps_of(cell))
            write(name, [*(r for r in read(name) if cell_of(r) != cell), *rows])
            for row in rows:
                say(f"  {row}")
    if not options.list:
        write_page()


def say(text: str) -> None:
    """Print a line at once, so that a long run can be watched."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
