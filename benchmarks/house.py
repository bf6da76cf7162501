"""What the source weighs, by folder: code, classes, calls of a fit, bad habits.

Bad habits make code hard to read.

    python benchmarks/house.py            # the tables
    python benchmarks/house.py --write    # also stores them in benchmarks/house.json

`tests/test_reading.py` compares the folders with the stored figures. One that grows by
more than 3% needs figures stored anew, and a commit message that gives the reason.
Characters of code are those of stripped lines without docstrings, comments and blank
lines.
"""

from __future__ import annotations

import ast
import cProfile
import io
import json
import pstats
import sys
import tokenize
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import digiprosper as dp

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE = Path(dp.__file__).parent
STORED = Path(__file__).with_name("house.json")
# Locals that say nothing about what they hold.
DIALECT = (
    "found",
    "given",
    "one",
    "own",
    "known",
    "left",
    "made",
    "taken",
    "gone",
    "lone",
    "how",
    "places",
)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def docstring_lines(nodes: Iterable[ast.AST]) -> set[int]:
    lines: set[int] = set()
    for node in nodes:
        if (
            isinstance(node, (*DEFINITIONS, ast.Module))
            and ast.get_docstring(node, clean=False) is not None
        ):
            text = node.body[0]
            lines.update(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    return lines


def code_lines(text: str, nodes: Iterable[ast.AST]) -> list[str]:
    """Stripped lines without docstrings, comments and blank lines."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    without = docstring_lines(nodes)
    return [
        line.strip()
        for row, line in enumerate(lines, 1)
        if row not in without and line.strip()
    ]


def import_lines(nodes: Iterable[ast.AST]) -> int:
    """Lines of imports, of `if TYPE_CHECKING` and of `__all__`."""
    lines: set[int] = set()
    for node in nodes:
        listed = isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__"
            for target in node.targets
        )
        guarded = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if listed or guarded or isinstance(node, (ast.Import, ast.ImportFrom)):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def assigned_names(nodes: Iterable[ast.AST]) -> list[str]:
    """Names of locals that functions assign to, once for each assignment."""
    names = []
    for function in nodes:
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names += [
                node.id
                for node in ast.walk(function)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            ]
    return names


def forwards(function: ast.FunctionDef) -> bool:
    """Whether a function only returns an attribute, or a call with its arguments."""
    body = [
        s
        for s in function.body
        if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
    ]
    if len(body) != 1 or not isinstance(body[0], ast.Return):
        return False
    value = body[0].value
    if isinstance(value, ast.Attribute):
        return isinstance(value.value, (ast.Attribute, ast.Name))
    if isinstance(value, ast.Call):
        own = {
            argument.arg for argument in function.args.args + function.args.kwonlyargs
        }
        passed = [*value.args, *(keyword.value for keyword in value.keywords)]
        return bool(passed) and all(
            isinstance(p, ast.Name) and p.id in own for p in passed
        )
    return False


def public_names() -> set[str]:
    names = set(dp.__all__)
    for module in ("variables", "instruments", "datasets", "plots", "pathways"):
        names |= set(
            getattr(
                __import__(f"digiprosper.{module}", fromlist=["__all__"]), "__all__", ()
            )
        )
    return names


def internal_docstring_lines(tree: ast.Module, public: set[str]) -> int:
    """Lines of docstrings of what is not public."""
    total = 0
    for node in tree.body:
        if isinstance(node, DEFINITIONS) and node.name not in public:
            for inner in ast.walk(node):
                if (
                    isinstance(inner, DEFINITIONS)
                    and ast.get_docstring(inner) is not None
                ):
                    text = inner.body[0]
                    total += (text.end_lineno or text.lineno) - text.lineno + 1
    return total


def importers(modules: dict[str, list[ast.AST]]) -> Counter[str]:
    """How many modules import each module; `modules` has the nodes of each."""
    count: Counter[str] = Counter()
    for name, nodes in modules.items():
        imported = set()
        for node in nodes:
            if (
                isinstance(node, ast.ImportFrom)
                and node.module
                and node.module.startswith("digiprosper")
            ):
                imported.add(node.module)
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
        count.update((imported & set(modules)) - {name})
    return count


def calls() -> dict[str, int]:
    """Calls into the package while a specification is built and refitted."""
    states = dp.datasets.us_states()
    starts = states.assign(
        first=lambda frame: (
            frame.index.get_level_values("state")
            .str[0]
            .map(
                lambda letter: (
                    1975 if letter < "K" else 1980 if letter < "O" else np.nan
                )
            )
        )
    )
    weights = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    regression = dp.FixedEffects("log(gsp)", ["log(pcap)"])
    fits = {
        "FixedEffects": lambda: regression.replace().fit(states),
        "Mediation": lambda: dp.Mediation(
            "log(gsp)", "log(pcap)", ["unemp"], reps=99
        ).fit(states, rng=1),
        "StaggeredDid": lambda: dp.StaggeredDid("log(gsp)", "first").fit(starts),
        "PanelSpatial": lambda: dp.PanelSpatial("log(gsp)", ["log(pcap)"], weights).fit(
            states
        ),
    }
    counts = {}
    for name, fit in fits.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit()
            profile = cProfile.Profile()
            profile.runcall(fit)
        stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
        counts[name] = sum(
            row[1] for key, row in stats.items() if str(SOURCE) in key[0]
        )
    return counts


def folders() -> tuple[dict[str, Counter[str]], Counter[str]]:
    """Weigh the source by folder; and what is counted in the whole."""
    public = public_names()
    rooms: dict[str, Counter[str]] = defaultdict(Counter)
    whole: Counter[str] = Counter()
    modules = {}
    for path in sorted([*SOURCE.rglob("*.py"), *SOURCE.rglob("*.pyi")]):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        parts = path.relative_to(SOURCE).parts
        module = ".".join(("digiprosper", *parts)).removesuffix(".py")
        nodes = list(ast.walk(tree))
        modules[module.replace("__init__.pyi", "__init__ (stub)")] = nodes
        code, local = code_lines(text, nodes), assigned_names(nodes)
        room = rooms[parts[0] if len(parts) > 1 else "(top)"]
        room["files"] += 1
        room["characters"] += sum(map(len, code))
        room["classes"] += sum(isinstance(node, ast.ClassDef) for node in nodes)
        room["docstrings"] += internal_docstring_lines(tree, public)
        room["dialect"] += sum(name in DIALECT for name in local)
        whole["lines"] += len(code)
        whole["imports"] += import_lines(nodes)
        whole["assigned"] += len(local)
        whole["forwards"] += sum(
            forwards(node) for node in nodes if isinstance(node, ast.FunctionDef)
        )
    count = importers(modules)
    whole["one importer"] = sum(
        count[name] == 1 for name in modules if ".__init__" not in name
    )
    return dict(sorted(rooms.items())), whole


def weigh() -> dict[str, Any]:
    rooms, whole = folders()
    total: Counter[str] = sum(rooms.values(), Counter())
    return {
        "characters of code": total["characters"],
        "files": total["files"],
        "lines of code": whole["lines"],
        "classes": total["classes"],
        "assignments to locals that say nothing": total["dialect"],
        "assignments to locals": whole["assigned"],
        "functions and properties that only forward": whole["forwards"],
        "modules with one importer": whole["one importer"],
        "imports and __all__, share of lines": round(
            whole["imports"] / whole["lines"], 4
        ),
        "lines of internal docstrings": total["docstrings"],
        "calls of a fit": calls(),
        "rooms": rooms,
    }


def main() -> None:
    weights = weigh()
    if "--write" in sys.argv:
        STORED.write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
    for name, value in weights.items():
        if name != "rooms":
            print(f"{name:45} {value}")
    heads = ("files", "characters", "classes", "dialect", "docstrings")
    print(f"\n{'room':14}" + "".join(f"{head:>12}" for head in heads))
    for room, values in weights["rooms"].items():
        print(f"{room:14}" + "".join(f"{values[head]:12,}" for head in heads))


if __name__ == "__main__":
    main()
