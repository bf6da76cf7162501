"""Doctests of pages only: the scripts beside them build the site and need the group `docs`."""

collect_ignore_glob = ["*.py"]
