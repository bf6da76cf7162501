"""The texts for machines that write code are current, complete, and run."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

ROOT = Path(__file__).parents[1]
TEXTS = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("llms.txt", "llms-full.txt")
}
GUIDE = TEXTS["llms-full.txt"]
REFERENCE = GUIDE[GUIDE.index("## All public names") :]
EXAMPLES = {
    re.split(r"\W", entry, maxsplit=1)[0]: doctest.DocTestParser().get_examples(entry)
    for entry in re.split(r"^- `", REFERENCE, flags=re.MULTILINE)
    if ">>>" in entry
}
ROWS = [
    tuple(
        [code.replace(r"\|", "|") for code in re.findall(r"`([^`]+)`", cell)]
        for cell in re.split(r" \| ", row.strip("| "))
    )
    for row in re.findall(r"^\| `.*$", GUIDE, re.MULTILINE)
]


@pytest.mark.further
def test_the_texts_are_what_the_generator_writes() -> None:
    path = ROOT / "docs" / "generators" / "llms.py"
    spec = importlib.util.spec_from_file_location("llms", path)
    assert spec is not None
    assert spec.loader is not None
    llms = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(llms)
    written = {"llms.txt": llms.index(), "llms-full.txt": llms.guide()}
    for name, text in written.items():
        assert TEXTS[name] == text, f"run docs/generators/llms.py: {name} is old"


def test_the_texts_fit_into_a_context() -> None:
    assert len(TEXTS["llms.txt"].encode()) < 6_000
    assert len(GUIDE.encode()) < 70_000


def test_links_are_files() -> None:
    links = re.findall(
        r"\]\(https://github.com/.*?/blob/main/(.*?)\)", TEXTS["llms.txt"]
    )
    assert len(links) > 30
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_public_name_is_in_the_guide() -> None:
    modules = {"datasets", "instruments", "pathways", "plots", "stata", "variables"}
    names = set(dp.__all__) - modules
    names |= {f"{m}.{name}" for m in modules for name in getattr(dp, m).__all__}
    missing = [n for n in names if not re.search(rf"\b{re.escape(n)}\b", REFERENCE)]
    assert missing == []


@pytest.mark.many(60)
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_reference_run(name: str) -> None:
    test = doctest.DocTest(EXAMPLES[name], {"dp": dp}, name, None, 0, None)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.DocTestRunner(optionflags=options).run(test).failed == 0


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    panel, _ = dp.datasets.simulate_provinces()
    spec = dp.FixedEffects("prosperity", ["digital", "urban"])
    fit = spec.fit(panel)
    return {
        "dp": dp,
        "np": np,
        "pd": pd,
        "panel": panel,
        "df": panel.frame.reset_index(),
        "spec": spec,
        "fit": fit,
        "few": dp.wild_bootstrap(spec, panel, "digital", reps=999, rng=1),
        "table": dp.etable(fit),
        "y": panel["prosperity"],
        "x": panel["digital"],
    }


@pytest.mark.many(60)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][0])
def test_what_stands_on_the_right_runs_and_on_the_left_does_not(
    row: tuple[list[str], list[str]],
    names: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    names["df"].to_csv("data.csv", index=False)
    wrong, right = row
    for code in right:
        exec(code, dict(names))
    for code in wrong:
        with pytest.raises(
            (dp.DigiprosperError, TypeError, AttributeError, LookupError)
        ):
            exec(code, dict(names))
