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
from pathlib import Path

import digiprosper as dp

fit = dp.FixedEffects("log(gsp)", ["unemp"]).fit(dp.datasets.us_states())
title = Path("title.txt").read_text(encoding="utf-8")
contents = {title: dp.etable(fit), "Table 2": fit, "F": dp.plots.coefficients(fit)}
dp.save_replication(
    "out", contents, panel=dp.datasets.us_states(), script=__file__, formats=["csv"]
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
    with pytest.warns(dp.FewClustersWarning):
        steps = dp.stepwise(BASE, panel, ["w", "I(w**2)"])
    with pytest.warns(dp.DigiprosperWarning):
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
    assert "| Table 4. Errors | (1) | log(产出) | 71 | 9 | 8 |" in text
    assert all(title in text for title in contents(panel))
    assert sha256((folder / "data" / "panel.csv").read_bytes()).hexdigest() in text
    digits = "7，即脚本中的 `SEED`" if "zh" in name else "the seed 7, as `SEED`"
    assert digits in text
    errors = "聚类到年份层面" if "zh" in name else "Standard errors clustered by 年份"
    assert errors in text


def test_a_second_call_writes_the_same_bytes_and_removes_old_files(
    tmp_path: Path,
) -> None:
    old = tmp_path / "a" / "tables" / "old.md"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    line = f"{sha256(b'old').hexdigest()}  tables/old.md\n"
    (tmp_path / "a" / "SHA256SUMS").write_text(line)
    panel = dp.datasets.us_states()
    call = partial(dp.save_replication, panel=panel, formats=["docx", "xlsx"])
    first, again = (files(call(tmp_path / name, {"T1": SPEC})) for name in "ab")
    assert first == again
    assert {"tables/t1.docx", "tables/t1.xlsx"} <= set(first)
    assert "tables/old.md" not in first


def test_other_files_are_not_touched(tmp_path: Path) -> None:
    panel = dp.datasets.us_states()
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(
        dp.InputTypeError, match=r"other or changed files: 'thesis\.tex'"
    ):
        dp.save_replication(tmp_path, {"T": SPEC}, panel=panel)
    assert files(tmp_path) == {"thesis.tex": b"mine"}


def test_a_changed_file_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    (changed / "README.md").write_text("edited")
    before = files(changed)
    with pytest.raises(dp.InputTypeError, match=r"changed files: 'README\.md'"):
        dp.save_replication(changed, {"T": SPEC}, panel=dp.datasets.us_states())
    assert files(changed) == before


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"contents": {}}, "titles"),
        ({"contents": {"a b": SPEC, "a. b": SPEC}}, "equal file names"),
        ({"contents": {"T": 3.0}}, "not a result"),
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
    paths = [tmp_path / "paper.py", tmp_path / "title.txt"]
    for path, text in zip(paths, (SCRIPT, "表1"), strict=True):
        path.write_text(text, encoding="utf-8")
    panel = dp.datasets.us_states()
    fit = SPEC.fit(panel)
    named = {"表1": dp.etable(fit), "Table 2": fit, "F": dp.plots.coefficients(fit)}
    made = files(
        dp.save_replication(tmp_path / "out", named, panel=panel, script=paths)
    )
    assert not [name for name in made if name.startswith("twin")]
    assert {"replicate.py", "title.txt", "figures/f.png"} <= set(made)
    dp.save_tables(tmp_path / "own.csv", {"表1": fit})
    assert made["tables/表1.csv"] == (tmp_path / "own.csv").read_bytes()
    readme = made["README.md"].decode()
    assert "own script" in readme
    assert "seed" not in readme
    assert "| Table 2 | (1) | log(gsp) | 816 | 48 | 17 |" in readme


@pytest.mark.parametrize(
    ("code", "match"),
    [
        ("import nothing_of_this_name", "stops: .*nothing_of_this_name"),
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
