"""The folder: what it has, and that its script writes the same bytes again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import digiprosper as dp
from tests.replication.conftest import BASE, contents

SPEC = dp.FixedEffects("log(gsp)", ["unemp"])
SCRIPT = """\
import sys
from pathlib import Path

import digiprosper as dp

spec = dp.FixedEffects("log(gsp)", ["unemp"])
panel = dp.datasets.us_states()
title = Path("title.txt").read_text(encoding="utf-8")
fit = spec.fit(panel)
contents = {title: dp.etable(fit), "Figure 1": dp.plots.coefficients(fit)}
if len(sys.argv) > 1:
    sys.exit("no")
dp.save_replication(
    "out", contents, panel=panel, script=[__file__, "title.txt"], formats=["docx"]
)
"""


def run(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    source = str(Path(dp.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, name],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_script_rebuilds_every_byte(folder: Path, tmp_path: Path) -> None:
    before = files(folder)
    made = [name for name in before if name.startswith(("tables/", "figures/"))]
    assert len(made) == 5 * 2 + 1
    fresh = tmp_path / "fresh"
    shutil.copytree(folder, fresh)
    for name in made:
        (fresh / name).unlink()
    done = run(fresh, "replicate.py")
    assert done.returncode == 0, done.stderr
    assert files(fresh) == before


def test_tables_are_those_of_the_session(folder: Path, panel: dp.Panel) -> None:
    with pytest.warns(dp.DigiprosperWarning):
        steps = dp.stepwise(BASE, panel, ["w", "I(w**2)"])
        effects = dp.Mediation("产出", "数字", "w", reps=99).fit(panel, rng=7)
    table = dp.etable(steps, keep=["log(数字)", "w"])
    for title, value in {"表2 基准回归": table, "Table 5. Mechanism": effects}.items():
        path = folder.parent / "own.md"
        dp.save_tables(path, {title: value})
        name = title.lower().replace(". ", "_").replace(" ", "_")
        assert (folder / "tables" / f"{name}.md").read_bytes() == path.read_bytes()


def test_hashes_are_those_of_sha256sum(folder: Path) -> None:
    stored = files(folder)
    lines = stored.pop("SHA256SUMS").decode().splitlines()
    assert lines == [f"{sha256(b).hexdigest()}  {n}" for n, b in stored.items()]


def test_versions_are_exact(folder: Path) -> None:
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert f"digiprosper=={dp.__version__}" in lines
    names = {line.partition("==")[0] for line in lines}
    assert {"numpy", "pandas", "matplotlib"} <= names
    assert all(line.count("==") == 1 for line in lines)


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readme_names_every_file_and_column(
    folder: Path, panel: dp.Panel, name: str
) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert "<" not in text.replace("<br>", "")
    assert not [line for line in text.splitlines() if line.startswith("?")]
    for file in ("data/panel.csv", "twin.do", "twin.R", "twin_fixest.R", "SHA256SUMS"):
        assert f"`{file}`" in text
    assert "| Table 4. Errors | (1) | log(产出) | 68 | 9 | 8 |" in text
    assert all(title in text for title in contents(panel))
    assert sha256((folder / "data" / "panel.csv").read_bytes()).hexdigest() in text
    digits = "7，即脚本中的 `SEED`" if "zh" in name else "the seed 7, as `SEED`"
    assert digits in text
    errors = "聚类到年份层面" if "zh" in name else "Standard errors clustered by 年份"
    assert errors in text


def test_a_second_call_writes_the_same_bytes(panel: dp.Panel, tmp_path: Path) -> None:
    call = partial(dp.save_replication, panel=panel, formats=["docx", "xlsx"])
    with pytest.warns(dp.DigiprosperWarning):
        first = files(call(tmp_path / "a", {"T1": BASE, "T2": BASE.add("w")}))
        again = files(call(tmp_path / "a", {"T1": BASE}))
        other = files(call(tmp_path / "b", {"T1": BASE}))
    assert again == other
    assert again["tables/t1.docx"] == first["tables/t1.docx"]
    assert "tables/t2.xlsx" in first
    assert "tables/t2.xlsx" not in again


def test_other_files_are_not_touched(tmp_path: Path) -> None:
    panel = dp.datasets.us_states()
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(dp.InputTypeError, match=r"did not write.*thesis\.tex"):
        dp.save_replication(tmp_path, {"T": SPEC}, panel=panel)
    assert files(tmp_path) == {"thesis.tex": b"mine"}


def test_a_changed_file_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    (changed / "README.md").write_text("edited")
    before = files(changed)
    with pytest.raises(dp.InputTypeError, match=r"changed: 'README\.md'"):
        dp.save_replication(changed, {"T": SPEC}, panel=dp.datasets.us_states())
    assert files(changed) == before


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"contents": {}}, "titles"),
        ({"contents": {"a b": SPEC, "a. b": SPEC}}, "one name of files"),
        ({"contents": {"T": 3.0}}, "etable|float"),
        ({"panel": None}, "takes a Panel"),
        ({"rng": -1}, "rng"),
        ({"formats": ["pdf"]}, "pdf"),
    ],
)
def test_wrong_arguments(wrong: dict[str, Any], match: str, tmp_path: Path) -> None:
    given = {"contents": {"T": SPEC}, "panel": dp.datasets.us_states()} | wrong
    with pytest.raises(dp.DigiprosperError, match=match):
        dp.save_replication(tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


# --- with the script of the author ----------------------------------------------------


def test_the_own_script_is_copied_and_run(tmp_path: Path) -> None:
    (tmp_path / "paper.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "title.txt").write_text("表1", encoding="utf-8")
    done = run(tmp_path, "paper.py")
    assert done.returncode == 0, done.stderr
    before = files(tmp_path / "out")
    assert {"replicate.py", "title.txt", "tables/表1.docx", "figures/figure_1.png"} <= {
        *before
    }
    assert not [name for name in before if name.startswith("twin")]
    readme = before["README.md"].decode()
    assert "own script" in readme
    assert "seed" not in readme
    (tmp_path / "out" / "tables" / "表1.docx").unlink()
    done = run(tmp_path / "out", "replicate.py")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("code", "match"),
    [
        ("import nothing_of_this_name", "stops with .*nothing_of_this_name"),
        ("x = 1", "does not write 't'"),
    ],
)
def test_a_script_that_writes_nothing(code: str, match: str, tmp_path: Path) -> None:
    script = tmp_path / "paper.py"
    script.write_text(code)
    panel = dp.datasets.us_states()
    with pytest.raises(dp.InputTypeError, match=match):
        dp.save_replication(
            tmp_path / "out", {"T": SPEC.fit(panel)}, panel=panel, script=script
        )
    assert not (tmp_path / "out").exists()


def test_no_such_script(tmp_path: Path) -> None:
    panel = dp.datasets.us_states()
    with pytest.raises(FileNotFoundError):
        dp.save_replication(
            tmp_path / "out", {"T": SPEC}, panel=panel, script=tmp_path / "none.py"
        )
