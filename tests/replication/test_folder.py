"""The folder and its script; values as code that gives them again; models elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import fields
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.replication.folder import (
    as_code,
    file_stem,
    fill_template,
    named_models,
    panel_as_csv,
    script_entry,
    translated_programs,
)
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
STATES = dp.datasets.us_states()

SPECIFICATIONS = [
    SPEC.replace(absorb=["state[year]"], clusters=["state", "year"], where="year > 3"),
    dp.FixedEffects("y", "x", cov_type="conley", distance_cutoff=500.0, bandwidth=2),
    dp.FixedEffectsIV("y", ["x"], ["增长率"], ["lag(z)", "w"], singletons="keep"),
    dp.Mediation("y", "d", ["m", "n"], ["x"], structure="serial", reps=99),
    dp.Mediation("y", "d", "m", moderator="q", moderates="a"),
    dp.MediationIV("y", "d", "m", "z", reps=99),
    dp.PanelThreshold("y", "d", "q", ["x"], thresholds=[1.5, 2.0]),
    dp.PanelKink("y", "q", ["x"], reps=99),
    dp.DynamicPanel("y", ["x"], endogenous=["x2"], instrument_lags={"y": (2, 3)}),
    dp.EventStudy("y", "first", before=3, after=4, never=0),
    dp.StaggeredDid("y", "first", control="not_yet", estimator="imputation"),
    dp.PoissonEffects("n", ["x"], exposure="pop"),
    dp.LogitEffects("b", ["x"], link="probit"),
]


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
    names = [line.partition("==")[0] for line in lines]
    assert {"numpy", "pandas", "matplotlib"} < set(names)
    assert names == sorted(names)
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
    with pytest.raises(dp.InputTypeError, match="choose another folder"):
        dp.save_replication(tmp_path / "thesis.tex", {"T": SPEC}, panel=panel)
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


# --- values as code -------------------------------------------------------------------


@pytest.mark.parametrize("spec", SPECIFICATIONS)
@pytest.mark.many(13)
def test_code_gives_the_specification(spec: Any) -> None:
    assert eval(as_code(spec, STATES, fits=False), {"dp": dp}) == spec
    seed = ", rng=SEED" if hasattr(spec, "reps") else ""
    assert as_code(spec, STATES).endswith(f".fit(panel{seed})")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (STATES, "panel"),
        ({"A": [1, 2.5], 2: None}, '{"A": [1, 2.5], "2": None}'),
        (np.float64(0.1), "0.1"),
        ('a\n"引号"', r'"a\n\"引号\""'),
        (
            partial(dp.stepwise, SPEC, STATES, ["pc"]),
            'dp.stepwise(dp.FixedEffects("log(gsp)", ["unemp"]), panel, ["pc"])',
        ),
        (partial(dp.vif, STATES, ["pc", "emp"]), 'dp.vif(panel, ["pc", "emp"])'),
        (partial(STATES.summarise, ["pc"]), 'panel.summarise(["pc"])'),
        (
            partial(dp.wild_bootstrap, SPEC, STATES, "unemp", rng=3),
            'dp.wild_bootstrap(dp.FixedEffects("log(gsp)", ["unemp"]), panel, '
            '"unemp", rng=3)',
        ),
        (
            partial(dp.u_test, SPEC, "unemp"),
            'dp.u_test(dp.FixedEffects("log(gsp)", ["unemp"]).fit(panel), "unemp")',
        ),
    ],
)
@pytest.mark.many(9)
def test_values_as_code(value: Any, code: str) -> None:
    assert as_code(value, STATES) == code


def test_draws_have_the_seed() -> None:
    call = partial(dp.randomisation_test, SPEC, STATES, "unemp")
    assert as_code(call, STATES).endswith('panel, "unemp", rng=SEED)')


def test_a_style_is_written() -> None:
    style = dp.TableStyle("zh", below="t")
    assert eval(as_code(style, STATES), {"dp": dp}) == style


@pytest.mark.parametrize(
    "value",
    [
        SPEC.fit(STATES),
        dp.etable(SPEC.fit(STATES)),
        STATES.subset("year > 1975"),
        partial(int, "3"),
        partial(STATES.subset("year > 1975").summarise, ["pc"]),
        lambda panel: SPEC.fit(panel),
        dp.PanelSpatial(
            "gsp",
            ["pc"],
            dp.SpatialWeights.from_neighbours({"a": ["b"], "b": ["a"]}),
        ),
    ],
)
@pytest.mark.many(7)
def test_other_values_need_a_script(value: Any) -> None:
    with pytest.raises(dp.InputTypeError, match="script="):
        script_entry("T", value, STATES)


@pytest.mark.parametrize(
    ("title", "stem"),
    [("Table 1. A & B", "table_1_a_b"), ("表1 基准", "表1_基准"), ("1", "table_1")],
)
def test_names_of_files(title: str, stem: str) -> None:
    assert file_stem(title) == stem


# --- panels ---------------------------------------------------------------------------


def read_again(panel: dp.Panel, tmp_path: Any) -> dp.Panel:
    data, parts = panel_as_csv(panel)
    path = tmp_path / "panel.csv"
    path.write_bytes(data)
    template = fill_template("replicate.txt", parts).splitlines()
    (first,) = [i for i, line in enumerate(template) if line.startswith("frame = ")]
    (last,) = [i for i, line in enumerate(template) if line.startswith("def path_of(")]
    names: dict[str, Any] = {"pd": pd, "dp": dp, "DATA": path}
    exec("\n".join(template[first:last]), names)
    return names["panel"]


@pytest.mark.parametrize("keys", ["numbers", "codes", "periods", "dates"])
def test_a_panel_is_read_as_it_is(keys: str, tmp_path: Any) -> None:
    rng = np.random.default_rng(3)
    floats = rng.normal(size=8) * 10.0 ** rng.integers(-300, 300, 8)
    frame = pd.DataFrame({"a": np.append(floats, [np.nan, 5e-324, 0.1, 1e22])})
    frame["id"] = np.repeat([101, 7, 33], 4)
    frame["time"] = np.tile(np.arange(2010, 2014), 3)
    frame["whole"] = np.arange(12) + 2**60
    frame["small"] = frame["time"].astype("int16")
    frame["flag"] = frame["a"] > 0
    frame["text"] = [
        "NA",
        "01",
        "null",
        'a,"b"',
        "第一\n行",
        None,
        *["TF", "NaN"],
    ] + ["x"] * 4
    frame["rank"] = pd.Categorical([3, 1, 2] * 4, [3, 1, 2], ordered=True)
    frame["group"] = pd.Categorical(["b", "a", None] * 4, ["b", "a", "unused"])
    if keys == "codes":
        frame["id"] = frame["id"].astype(str).str.zfill(6)
    if keys == "periods":
        frame["time"] = pd.PeriodIndex(frame["time"].astype(str), freq="Y")
    if keys == "dates":
        frame["time"] = pd.to_datetime(frame["time"].astype(str) + "-03-01")
    panel = dp.Panel(frame, entity="id", time="time", labels={"a": "“A”, the 'first'"})
    again = read_again(panel, tmp_path)
    pd.testing.assert_frame_equal(panel.frame, again.frame, check_exact=True)
    assert again.labels == panel.labels
    assert again.lag("a").frame.equals(panel.lag("a").frame)


def test_the_step_is_kept(tmp_path: Any) -> None:
    frame = pd.DataFrame({"id": [1, 1], "year": [2010, 2015], "x": [1.0, 2.0]})
    panel = dp.Panel(frame, entity="id", time="year", step=5)
    assert read_again(panel, tmp_path).lag("x").frame["x_lag1"].tolist()[1] == 1.0


@pytest.mark.parametrize("values", [["", "a"], [1, "a"], [True, None]])
def test_columns_that_a_csv_cannot_keep(values: list[Any]) -> None:
    frame = pd.DataFrame({"id": [1, 2], "year": [1, 1], "odd": values})
    panel = dp.Panel(frame, entity="id", time="year")
    with pytest.raises(dp.InputTypeError, match="'odd'"):
        panel_as_csv(panel)


# --- programs for Stata and R ---------------------------------------------------------


def written(spec: Any, panel: dp.Panel = STATES) -> tuple[dict[str, str], str]:
    """Return the programs, and why the model is in none of the others."""
    texts, absent = translated_programs([("T", spec)], panel)
    return texts, "; ".join(why for _, why in absent)


def command(text: str) -> str:
    (line,) = re.findall("^eststo: (.*)$", text, re.MULTILINE)
    return line


# --- Stata ----------------------------------------------------------------------------


def test_every_line_of_the_do_file_is_read_back(folder: Path, panel: dp.Panel) -> None:
    text = (folder / "twin.do").read_text(encoding="utf-8")
    variables = dict(re.findall(r"^generate double (\w+) = (.*)$", text, re.MULTILINE))
    assert variables == {"log_产出": "ln(产出)", "log_数字": "ln(数字)"}
    lines = re.findall(r"^\* (.*)\n(?:\* .*\n)*eststo: (.*)$", text, re.M)
    specs = {}
    for title, value in contents(panel).items():
        is_table = isinstance(value, partial) and value.func is dp.etable
        specs |= dict(named_models(title, value.args[0] if is_table else value, panel))
    known = dp.Panel(
        panel.frame.assign(log_产出=1.0, log_数字=1.0).reset_index(),
        entity="省份",
        time="年份",
    )
    compared = 0
    for title, line in lines:
        read = dp.from_stata(f"eststo: {line}", known).spec
        spec = specs[title]
        for name, expression in variables.items():
            term = expression.replace("ln", "log")
            for field in fields(spec):
                value = getattr(spec, field.name)
                if value == term:
                    spec = spec.replace(**{field.name: name})
                elif isinstance(value, tuple) and term in value:
                    terms = [name if part == term else part for part in value]
                    spec = spec.replace(**{field.name: terms})
        if hasattr(spec, "collinear"):
            spec = spec.replace(collinear="drop")
        if hasattr(spec, "reps"):
            spec = spec.replace(reps=read.reps)
        assert read == spec, line
        compared += 1
    assert compared == text.count("eststo: ") == 11


def test_a_do_file_has_no_line_that_is_refused(folder: Path, panel: dp.Panel) -> None:
    read = dp.stata.read_do_file(folder / "twin.do")
    others = [line for line in read.lines if line.status in ("refused", "not run")]
    assert [str(line) for line in others] == []


@pytest.mark.parametrize(
    ("term", "line"),
    [
        ("log(pc)", "generate double log_pc = ln(pc)"),
        ("lag(log(pc), 2)", "generate double log_pc = ln(pc)"),
        ("log(pc + 1):unemp", "generate double log_pc_1 = ln(pc + 1)"),
        ("I(pc*emp)", "generate double pc_emp = (pc*emp)"),
        ("I(log(pc)**2)", "generate double log_pc = ln(pc)"),
        ("I(pc**2)", ""),
    ],
)
@pytest.mark.many(6)
def test_functions_become_variables(term: str, line: str) -> None:
    texts, why = written(dp.FixedEffects("gsp", [term]))
    assert not why
    assert re.findall("^generate.*$", texts["twin.do"], re.M) == [line] * bool(line)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (dp.FixedEffects("gsp", ["I(pc > emp)"]), "no variable"),
        (dp.FixedEffects("gsp", ["log(lag(pc))"]), "no variable"),
        (dp.FixedEffects("gsp", ["log(pc - 1)", "log(pc + 1)"]), "no name"),
        (dp.FixedEffects("gsp", "pc", where='state == "ALABAMA"'), "is text"),
        (dp.FixedEffects("gsp", "pc", cov_type="crv3"), "crv3"),
        (dp.PanelThreshold("gsp", "pc", "unemp", min_nobs=30), "differs in min_nobs"),
        (dp.EventStudy("gsp", "pc"), "cannot write EventStudy"),
        ("it is drawn", "it is drawn"),
    ],
)
@pytest.mark.many(8)
def test_what_stata_has_not_is_listed(spec: Any, why: str) -> None:
    texts, absent = translated_programs([("T", spec)], STATES)
    assert "twin.do" not in texts
    (reason,) = [why for (_, why), names in absent.items() if "`twin.do`" in names]
    assert why in reason


def test_steps_on_common_rows_are_listed(panel: dp.Panel) -> None:
    call = partial(dp.stepwise, BASE, panel, "z")
    (_, first), (_, last) = named_models("T", call, panel)
    assert first == "it has the 115 rows of the last step, not 117"
    assert last == BASE.add("z")


def test_a_cross_section_is_in_no_program() -> None:
    frame = STATES.frame.reset_index().query("year == 1970")
    texts, absent = translated_programs([("T", BASE)], dp.Panel(frame, entity="state"))
    assert texts == {}
    assert list(absent) == [("T", "there is no time key")]


# --- R --------------------------------------------------------------------------------


@cache
def has_plm() -> bool:
    return (
        bool(shutil.which("Rscript"))
        and not subprocess.run(
            ["Rscript", "-e", "library(plm); library(lmtest)"],
            capture_output=True,
            check=False,
        ).returncode
    )


def run_r(folder: Path) -> str:
    if not has_plm():
        pytest.skip("needs Rscript with plm and lmtest")
    done = subprocess.run(
        ["Rscript", "twin.R"],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_numbers_of_plm_are_equal(folder: Path) -> None:
    printed = run_r(folder)
    gaps = [float(gap) for gap in re.findall(r"in standard errors: (\S+)", printed)]
    assert len(gaps) == 9
    assert max(gaps) < 1e-6


def test_r_stops_if_a_number_differs(folder: Path, tmp_path: Path) -> None:
    if not has_plm():
        pytest.skip("needs Rscript with plm and lmtest")
    shutil.copytree(folder / "data", tmp_path / "data")
    text = (folder / "twin.R").read_text(encoding="utf-8")
    changed = re.sub(r"errors = c\(\d\.\d", "errors = c(9.9", text, count=1)
    (tmp_path / "twin.R").write_text(changed, encoding="utf-8")
    with pytest.raises(AssertionError, match="numbers differ"):
        run_r(tmp_path)


@pytest.mark.parametrize(
    ("spec", "formula"),
    [
        (
            BASE.replace(x=["数字:w", "lag(z, 2)", "I(w**2)"]),
            "log(`产出`) ~ l(z, 2) + I(w**2) + `数字`:w | `省份` + `年份`",
        ),
        (
            dp.FixedEffectsIV("产出", [], ["数字"], ["z"], absorb=["城市:年份"]),
            "`产出` ~ 1 | `省份` + `年份` + `城市`^`年份` | `数字` ~ z",
        ),
        (
            dp.FixedEffects("w", "z", entity_effects=False, time_effects=False),
            "w ~ z",
        ),
    ],
)
def test_formulas_of_fixest(spec: Any, formula: str, panel: dp.Panel) -> None:
    texts, _ = written(spec, panel)
    assert f"feols({formula},\n" in texts["twin_fixest.R"]


@pytest.mark.parametrize(
    ("where", "condition"),
    [
        (
            "年份 >= 2012 and not 城市 in [1, 2]",
            "`年份` >= 2012 & ! `城市` %in% c(1, 2)",
        ),
        ('地区 == "东部" or w != 3', '`地区` == "东部" | w != 3'),
    ],
)
def test_conditions_of_r(where: str, condition: str, panel: dp.Panel) -> None:
    texts, _ = written(BASE.replace(where=where), panel)
    assert f"subset = true({condition})" in texts["twin.R"]
    assert f"subset = ~ true({condition})" in texts["twin_fixest.R"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"x": ["C(城市, ref=2)"], "entity_effects": False}, "ref=2) is not written"),
        ({"where": "2012 <= 年份 <= 2015"}, "chains comparisons"),
        ({"ssc": "plm"}, "ssc='plm'"),
        ({"x": ["lag(z)"], "where": "年份 > 2012"}, "fixest may lag"),
        ({"obs_weights": "w"}, "no weights"),
        ({"clusters": ["省份", "年份"]}, "clusters of entity and time"),
    ],
)
@pytest.mark.many(6)
def test_what_r_has_not_is_listed(
    changes: dict[str, Any], why: str, panel: dp.Panel
) -> None:
    assert why in written(BASE.replace(**changes), panel)[1]


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_numbers_of_fixest_are_those_of_pyfixest(folder: Path, panel: dp.Panel) -> None:
    """pyfixest reads the same formulas; it has no functions of lags."""
    pyfixest = pytest.importorskip("pyfixest")
    text = (folder / "twin_fixest.R").read_text(encoding="utf-8").replace("`", "")
    frame = panel.frame.reset_index()
    compared = 0
    for call in text.split("fit <- feols(")[1:]:
        formula = call.partition(",\n")[0].replace("log(", "np.log(")
        clusters = re.search(r"vcov = ~ (\w+)", call)
        if re.search(r"\b[lfd]\(|C\(|factor|\^", formula) or "subset" in call:
            continue
        kind = {"CRV1": clusters[1]} if clusters else "iid"
        fit = pyfixest.feols(formula, frame, vcov=kind)
        numbers = re.findall(r"c\(([-\d.e, ]+)\)", call)
        estimates, errors = ([float(n) for n in part.split(",")] for part in numbers)
        np.testing.assert_allclose(fit.coef(), estimates, rtol=1e-6)
        np.testing.assert_allclose(fit.se(), errors, rtol=1e-6)
        compared += 1
    assert compared >= 4


def test_lines_of_a_template_need_their_part() -> None:
    parts = {"columns": "C", "absent": "", "cells": "", "script": True}
    text = fill_template("readme.en.md", parts)
    assert "own script" in text
    assert "SEED" not in text
    assert "without a counterpart" not in text
    assert "\nC\n" in text
