"""What `python -m tests.mutants` draws: seeded, every kind, all folders.

The source stays.
"""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.mutants import drawing
from tests.mutants.__main__ import Runner, file_tests, report, room_tests
from tests.mutants.drawing import ROOT, SOURCE, Mutant, draw, mutated_source

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {"constant", "comparison", "sign", "slice", "boolean", "swap"}
TEXT = '''
"""A file of 7 lines and 1 + 1."""
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    LIMIT = 3
__all__ = ["f", "g"][0:2]
@wrapped(4)
def f(x: Pair[5], y: int = 1) -> Pair[6]:
    """Compute 2 + 2."""
    return f"{x + 8} of {y[1:]}"
def g(a, b, flag):
    if not a < 2.5 and flag is not None:
        return h(a, b)[1:-3] * (a - b)
    return (h("text", a), h("one", "two"), isinstance(a, b), max(a, b),
            list(zip(a, strict=True)), True)
'''


@pytest.fixture(scope="module")
def drawn() -> list[Mutant]:
    return draw(400, 1)


def source_hash() -> str:
    texts = [path.read_bytes() for path in sorted(SOURCE.rglob("*.py"))]
    return hashlib.sha256(b"".join(texts)).hexdigest()


def test_a_small_file_has_these_mutants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small.py").write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(drawing, "SOURCE", tmp_path)
    assert {(m.kind, m.before, m.after) for m in draw(100, 1)} == {
        ("constant", "1", "2"),  # the default of y, and the slice
        (
            "boolean",
            "if not a < 2.5 and flag is not None:",
            "if not (not a < 2.5 and flag is not None):",
        ),
        (
            "boolean",
            "not a < 2.5 and flag is not None",
            "not a < 2.5 or flag is not None",
        ),
        ("boolean", "not a < 2.5", "not not a < 2.5"),
        ("comparison", "a < 2.5", "a <= 2.5"),
        ("constant", "2.5", "5.0"),
        ("comparison", "flag is not None", "flag is None"),
        ("sign", "h(a, b)[1:-3] * (a - b)", "h(a, b)[1:-3] / (a - b)"),
        ("slice", "1:-3", ":-3"),
        ("slice", "1:-3", "1:"),
        ("sign", "-3", "+3"),
        ("constant", "3", "4"),
        ("sign", "a - b", "a + b"),
        ("swap", "h(a, b)", "h(b, a)"),
        ("swap", "h('one', 'two')", "h('two', 'one')"),
        ("boolean", "True", "False"),
    }


def test_drawing_is_seeded_and_draws_nothing_twice() -> None:
    first = draw(60, 1, "inequality")
    assert first == draw(60, 1, "inequality")
    assert first != draw(60, 2, "inequality")
    assert len(set(first)) == 60
    assert draw(90, 1, "inequality")[:60] == first


def test_every_kind_occurs_and_folders_share_alike(drawn: list[Mutant]) -> None:
    assert {mutant.kind for mutant in drawn} == KINDS
    counts = Counter(mutant.folder for mutant in drawn)
    assert set(counts) == {
        path.parent.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("[a-z]*.py")
    }
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_room_has_its_own_mutants_alone() -> None:
    linear = draw(30, 3, "linear")
    assert {mutant.folder for mutant in linear} == {"linear", "linear/kernels"}
    assert {mutant.room for mutant in linear} == {"linear"}
    with pytest.raises(ValueError, match="no folder 'nowhere'"):
        draw(30, 3, "nowhere")


def test_a_mutated_source_is_another_program_and_the_files_stay(
    drawn: list[Mutant],
) -> None:
    before = source_hash()
    for mutant in drawn[:40]:
        tree = ast.parse((SOURCE / mutant.file).read_text(encoding="utf-8"))
        assert ast.dump(ast.parse(mutated_source(mutant))) != ast.dump(tree), str(
            mutant
        )
    assert source_hash() == before


def test_the_tests_of_a_file_run_first_and_then_those_of_its_room() -> None:
    deep = Mutant("linear/kernels/wild.py", 0, 1, "sign", "+", "-")
    assert file_tests(deep) == [ROOT / "tests" / "linear" / "kernels" / "test_wild.py"]
    assert room_tests(deep.room) == [ROOT / "tests" / "linear"]
    top = Mutant("errors.py", 0, 1, "sign", "+", "-")
    assert file_tests(top) == [ROOT / "tests" / "test_errors.py"]
    assert ROOT / "tests" / "test_public.py" in room_tests(top.room)
    assert file_tests(Mutant("panel/__init__.py", 0, 1, "sign", "+", "-")) == []
    words = Mutant("report/words.py", 0, 1, "sign", "+", "-")
    assert file_tests(words) == [ROOT / "tests" / "test_words.py"]


def test_the_report_has_shares_by_folder_and_of_all() -> None:
    lines = report(
        Counter({"kernels": 3}), Counter({"kernels": 4, "panel": 1})
    ).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["kernels", "3", "of", "4", "75%"],
        ["panel", "0", "of", "1", "0%"],
        ["all", "3", "of", "5", "60%"],
    ]


@pytest.mark.further
def test_a_mutant_is_in_the_copy_while_its_tests_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, (mutant,) = source_hash(), draw(1, 1, "datasets")
    runner = Runner(tmp_path)
    copied = runner.source / mutant.file
    seen = []

    def passes(tests: list[Path], timeout: float, *options: str) -> bool:
        seen.append(
            (
                tests,
                options,
                copied.read_text(encoding="utf-8") == mutated_source(mutant),
            )
        )
        return len(seen) < 4  # all but the last

    monkeypatch.setattr(runner, "_pass", passes)
    assert not runner.survives(mutant)
    room, file = room_tests(mutant.room), file_tests(mutant)
    everything = ("-m", "not montecarlo and not peers")
    assert seen == [
        (room, (), False),
        (file, (), True),
        (room, (), True),
        (file, everything, True),
    ]
    assert copied.read_bytes() == (SOURCE / mutant.file).read_bytes()
    assert source_hash() == before


@pytest.mark.further
@pytest.mark.weekly
@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_a_short_run() -> None:
    before = source_hash()
    command = [
        sys.executable,
        "-m",
        "tests.mutants",
        "--count",
        "1",
        "--room",
        "datasets",
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1].split()[:4:2] == ["all", "of"]
    assert source_hash() == before
