"""A whole paper stays within the statements it promises; on request, it is run."""

from __future__ import annotations

import ast
import html
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
# What the text of each explains: the classes of its warnings.
PAPERS = {
    "paper.py": {"FewClustersWarning", "BoundaryThresholdWarning"},
    "paper_states.py": {"FewClustersWarning", "IdentificationWarning"},
}
MOST_STATEMENTS = 40
MOST_SECONDS = 20
MOST_WARNINGS = {"paper.py": 3, "paper_states.py": 5}

# What stays in Latin letters in a Chinese table: units, abbreviations of the field and
# names of tests.
LATIN = {
    "GDP",
    "PM",
    "LM",
    "SDM",
    "Pearson",
    "Anderson",
    "Rubin",
    "Kleibergen",
    "Paap",
    "Driscoll",
    "DK",
    "Kraay",
    "Holm",
    "Lee",
    "Yu",
}


def is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def count_statements(text: str) -> int:
    """Count every statement, also inside others, but imports and docstrings."""
    statements = (
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)
    )
    return sum(
        not isinstance(s, ast.Import | ast.ImportFrom) and not is_docstring(s)
        for s in statements
    )


def test_statements_are_counted_inside_others_and_imports_are_not() -> None:
    assert (
        count_statements(
            '"""Doc."""\nimport os\n'
            "for a in b:\n    from c import d\n    print(a); e = 1\n"
        )
        == 3
    )


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_takes_at_most_forty_statements(name: str) -> None:
    assert (
        count_statements((EXAMPLES / name).read_text(encoding="utf-8"))
        <= MOST_STATEMENTS
    )


@pytest.mark.montecarlo
@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_runs_on_one_core_and_warns_of_what_its_text_explains(
    name: str, tmp_path: Path
) -> None:
    resource = pytest.importorskip(
        "resource", reason="the system does not tell the time of other processes"
    )
    environment = {
        **os.environ,
        "PAPER_OUTPUT": str(tmp_path),
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < MOST_SECONDS
    issued = re.findall(r"\b\w+Warning\b", run.stderr)
    assert set(issued) == PAPERS[name]
    assert len(issued) <= MOST_WARNINGS[name]
    written = {path.suffix for path in tmp_path.iterdir() if path.is_file()}
    assert written == {".docx", ".png"}
    for path in tmp_path.glob("*_zh.docx"):
        text = re.sub(
            r"<[^>]*>", " ", zipfile.ZipFile(path).read("word/document.xml").decode()
        )
        assert set(re.findall(r"[A-Za-z]{2,}", html.unescape(text))) <= LATIN
