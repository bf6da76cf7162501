"""Stata's commands and do-files in, specifications and Python out.

`from_stata` reads one command, `read_do_file` a whole file, and `run_do_file` runs one
on its data. Nothing is dropped silently: what has no counterpart is refused with a
reason.
"""

from digiprosper.stata.reading import (
    read_do_file as read_do_file,
    run_do_file as run_do_file,
)
from digiprosper.stata.report import DoFile as DoFile, Line as Line
from digiprosper.stata.translation import Translation as Translation

__all__ = ["DoFile", "Line", "Translation", "read_do_file", "run_do_file"]
