"""The folder: what it has, and that its script writes the same bytes again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
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


def unnamed(folder: Path, name: str) -> list[str]:
    """Files of a folder that a README does not have in its list of files."""
    text = (folder / name).read_text(encoding="utf-8")
    listed = re.search(r"\n## (?:Files|文件)\n.*?\n## ", text, re.DOTALL)
    assert listed is not None
    return [file for file in files(folder) if f"`{file}`" not in listed[0]]


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
    names = {line.partition("==")[0] for line in lines}
    assert {"numpy", "pandas", "matplotlib"} <= names
    assert all(line.count("==") == 1 for line in lines)
    # No package index has this library: the README installs it from its source.
    assert "digiprosper" not in names
    source = f"git+https://github.com/digiprosper/digiprosper@v{dp.__version__}"
    for name in ("README.md", "README.zh.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert f'python -m pip install "{source}"' in text
        assert f"digiprosper {dp.__version__}" in text


def test_another_version_is_refused(folder: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    shutil.copytree(folder, fresh)
    path = fresh / "replicate.py"
    code = path.read_text(encoding="utf-8")
    assert f'!= "{dp.__version__}"' in code
    path.write_text(code.replace(dp.__version__, "0.0.9"), encoding="utf-8")
    done = run(fresh, "replicate.py")
    assert done.returncode == 1
    assert f"digiprosper {dp.__version__} is installed" in done.stderr
    assert "written by 0.0.9" in done.stderr


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readme_names_every_file_and_column(
    folder: Path, panel: dp.Panel, name: str
) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert "<" not in text.replace("<br>", "")
    assert not [line for line in text.splitlines() if line.startswith("?")]
    assert unnamed(folder, name) == []
    assert "data/panel.csv" in files(folder)
    assert "| Table 4. Errors | (1) | log(产出) | 71 | 9 | 8 |" in text
    assert all(title in text for title in contents(panel))
    assert sha256((folder / "data" / "panel.csv").read_bytes()).hexdigest() in text
    digits = "7，即脚本中的 `SEED`" if "zh" in name else "the seed 7, as `SEED`"
    assert digits in text
    errors = "聚类到年份层面" if "zh" in name else "Standard errors clustered by 年份"
    assert errors in text


@pytest.mark.further
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


@pytest.mark.further
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
    assert "| `tables/表1.csv` | 表1 |" in readme
    assert "| `title.txt` | read by `replicate.py` |" in readme
    assert "others" not in readme
    for name in ("README.md", "README.zh.md"):
        assert unnamed(tmp_path / "out", name) == []


@pytest.mark.further
def test_the_readme_has_no_section_without_content(tmp_path: Path) -> None:
    script = tmp_path / "paper.py"
    more = "\nPath('maps').mkdir()\nPath('maps/a.txt').write_text('a')\n"
    code = SCRIPT.replace('Path("title.txt").read_text(encoding="utf-8")', "'T'")
    code = re.sub("contents = .*", "contents = {title: dp.etable(fit)}", code)
    script.write_text(code + more, encoding="utf-8")
    panel = dp.datasets.us_states()
    named = {"T": dp.etable(SPEC.fit(panel))}
    out = dp.save_replication(tmp_path / "out", named, panel=panel, script=script)
    assert not (out / "figures").exists()
    for name, heads in (
        ("README.md", ["Files", "Data", "Versions"]),
        ("README.zh.md", ["文件", "数据", "版本"]),
    ):
        text = (out / name).read_text(encoding="utf-8")
        assert re.findall("^## (.*)$", text, re.MULTILINE) == heads
        assert "figures/" not in text
        assert "\n\n\n" not in text
        assert "| `maps/a.txt` | " in text
        assert unnamed(out, name) == []


@pytest.mark.further
@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readme_says_which_values_were_filled_in(name: str, tmp_path: Path) -> None:
    frame = dp.datasets.us_states().frame.reset_index()
    # AL from 1973 on, and its last year; many states in 1980.
    frame.loc[[3, 4, 16], "unemp"] = np.nan
    frame.loc[frame["year"].eq(1980) & frame["state"].lt("MO"), "emp"] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        panel = dp.Panel(frame, "state", "year").interpolate(
            ["unemp", "emp"], extrapolate=True
        )
    out = dp.save_replication(tmp_path / "out", {"T": SPEC}, panel=panel)
    text = (out / name).read_text(encoding="utf-8")
    count = int((panel.imputations["column"] == "emp").sum())
    assert count > 20
    assert f"| emp | linear | {count} |  |" in text
    assert "| unemp | linear | 2 | AL 1973; AL 1974 |" in text
    assert "| unemp | nearest | 1 | AL 1986 |" in text


@pytest.mark.parametrize(
    ("code", "match"),
    [
        ("import nothing_of_this_name", "stops: .*nothing_of_this_name"),
        ("x = 1", "does not write 'T'"),
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
