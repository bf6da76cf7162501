"""Write `docs/validity.md`: the simulations of size and coverage, with the numbers that their tests assert.

Run by `make evidence`; arguments are files or folders of tests that run alone, and the page keeps what it has
of the others. A simulation that takes more CPU time than `SECONDS` is named as not run: with `SECONDS=3600`
in the environment all of them run.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "validity.md"
KEPT = ROOT / "docs" / "generators" / "validity.json"
SECONDS = float(os.environ.get("SECONDS", "60"))
HEAD = """# Validity

Do tests reject a true hypothesis as often as they say, and do intervals cover the truth? Every simulation of
the tests is here, with its case and the statements about its result that the test checks, the simulated
numbers in them. Tables with more cases, and what follows from them, are on the pages of the methods.
`make evidence` runs the simulations that take less than {seconds:.0f} seconds of CPU time and writes this
page; {ran} of {all} cases were run, with digiprosper {version}.

"""


class Statements:
    """What each simulation asserts, with values."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}

    def pytest_collection_finish(self, session: Any) -> None:
        """Name every simulation and its case."""
        for item in session.items:
            case = item.callspec.id if hasattr(item, "callspec") else ""
            about = (item.function.__doc__ or "").strip().split("\n")[0]
            self.found[item.nodeid] = {"about": about, "case": case, "statements": [], "state": "not run"}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: Any) -> Any:
        """Stop a simulation after its time."""

        def late(*_: Any) -> None:
            raise TimeoutError

        signal.signal(signal.SIGVTALRM, late)
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        outcome = yield
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        error = outcome.excinfo[1] if outcome.excinfo else None
        late_or_not = "not run" if isinstance(error, TimeoutError) else "failed"
        self.found[item.nodeid]["state"] = late_or_not if error else "passed"
        if isinstance(error, TimeoutError):
            outcome.force_result(None)

    def pytest_assertion_pass(self, item: Any, lineno: int, orig: str, expl: str) -> None:  # noqa: ARG002
        """Keep a statement and its values."""
        text = re.sub(r"np\.float64\((.+?)\)", r"\1", expl.split("\n")[0])
        text = re.sub(r"\d+\.\d{4,}(e-?\d+)?", lambda number: f"{float(number[0]):.4g}", text)
        if re.search(r"\d\.\d", text) and len(text) < 200:
            self.found[item.nodeid]["statements"].append([" ".join(orig.split()), text])


def main() -> None:
    """Run simulations, keep what they state, and write the page of all."""
    every, statements = Statements(), Statements()
    tests = str(ROOT / "tests")
    options = ["-m", "montecarlo", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    pytest.main([tests, *options, "--collect-only"], plugins=[every])
    chosen = sys.argv[1:] or [tests]
    pytest.main([*chosen, *options, "-o", "enable_assertion_pass_hook=true"], plugins=[statements])
    known = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    ran = {name: entry for name, entry in statements.found.items() if entry["state"] != "not run"}
    kept = {name: ran.get(name, known.get(name, entry)) for name, entry in every.found.items()}
    KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page_of(kept), encoding="utf-8")


def page_of(found: dict[str, dict[str, Any]]) -> str:
    """Make the page: a section for each file of tests, a block for each simulation."""
    ran = sum(entry["state"] == "passed" for entry in found.values())
    lines = [HEAD.format(seconds=SECONDS, ran=ran, all=len(found), version=version("digiprosper"))]
    tests: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for node in sorted(found):
        file, _, name = node.partition("::")
        tests.setdefault((file, name.split("[")[0]), []).append(found[node])
    last = ""
    for (file, name), entries in tests.items():
        if file != last:
            title = file.removeprefix("tests/").removesuffix(".py").replace("/test_", ": ").replace("_", " ")
            lines += [f"## {title}\n", f"`{file}`\n"]
            last = file
        lines += _block(name.removeprefix("test_").replace("_", " "), entries)
    return "\n".join(lines)


def _block(title: str, entries: list[dict[str, Any]]) -> list[str]:
    """One simulation: what it is, and a row for each statement in each case."""
    rows = [row for entry in entries for row in _rows(entry)]
    head = "| case | statement | with the simulated numbers |\n|---|---|---|"
    return [f"**{title}**. {entries[0]['about']}".rstrip() + "\n", head, *rows, ""]


def _rows(entry: dict[str, Any]) -> list[str]:
    case = _code(entry["case"])
    if entry["state"] != "passed":
        return [f"| {case} | *{entry['state']}* | |"]
    stated = [f"| {case} | {_code(text)} | {_code(values)} |" for text, values in entry["statements"]]
    return stated or [f"| {case} | *passed* | |"]


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|").replace("`", "'")
    return f"`{escaped}`" if escaped else ""


if __name__ == "__main__":
    main()
