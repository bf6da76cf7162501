"""Models for Stata and R: what is written, what is refused, and equal numbers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import fields
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.replication.twins import filled, models_of, twins
from tests.replication.conftest import BASE, contents

if TYPE_CHECKING:
    from pathlib import Path

STATES = dp.datasets.us_states()


def written(spec: Any, panel: dp.Panel = STATES) -> tuple[dict[str, str], str]:
    """Return the programs, and why the model is in none of the others."""
    texts, absent = twins([("T", spec)], panel)
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
        specs |= dict(models_of(title, value.args[0] if is_table else value, panel))
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
    texts, absent = twins([("T", spec)], STATES)
    assert "twin.do" not in texts
    (reason,) = [why for (_, why), names in absent.items() if "`twin.do`" in names]
    assert why in reason


def test_steps_on_common_rows_are_listed(panel: dp.Panel) -> None:
    call = partial(dp.stepwise, BASE, panel, "z")
    (_, first), (_, last) = models_of("T", call, panel)
    assert first == "it has the 115 rows of the last step, not 117"
    assert last == BASE.add("z")


def test_a_cross_section_is_in_no_program() -> None:
    frame = STATES.frame.reset_index().query("year == 1970")
    texts, absent = twins([("T", BASE)], dp.Panel(frame, entity="state"))
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
    text = filled("readme.en.md", parts)
    assert "own script" in text
    assert "SEED" not in text
    assert "without a counterpart" not in text
    assert "\nC\n" in text
