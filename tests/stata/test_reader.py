"""Whole files: macros, loops and branches are executed, every line has a result."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.stata import DoFile, read_do_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def of(text: str, **options: Any) -> DoFile:
        path = tmp_path / "paper.do"
        path.write_text(text, encoding="utf-8")
        return read_do_file(path, **options)

    return of


def states(file: DoFile) -> list[tuple[int, str]]:
    return [(line.number, line.status) for line in file.lines]


def python(file: DoFile) -> list[str]:
    return [t.python for line in file.estimations for t in line.translations]


def test_macros_and_loops(read: Any) -> None:
    file = read(
        "xtset id year\nglobal controls z w\nforeach y in a b {\n"
        "  forvalues k = 1/2 {\n    reghdfe `y' L`k'.x $controls, absorb(id "
        "year)\n  }\n}\n"
    )
    assert states(file)[4] == (5, "translated")
    assert len(file.estimations[0].translations) == 4
    assert python(file)[3].startswith('dp.FixedEffects("b", ["lag(x, 2)", "z", "w"]')
    assert all(line.reason == "" for line in file.lines)


def test_branches(read: Any) -> None:
    file = read(
        'local kind "main"\nif "`kind\'" == "main" {\n  reg y x\n}\nelse if 1 '
        "{\n  reg y z\n}\n"
        "else {\n  reg y w\n}\nif 2 > 3 reg y v\nelse reg y u\n"
    )
    by_line = dict(states(file))
    assert [by_line[n] for n in (3, 6, 9)] == ["translated", "not run", "not run"]
    assert [s for n, s in states(file) if n in (11, 12)] == ["read", "translated"]


def test_braces_on_one_line_and_else_after_a_brace(read: Any) -> None:
    file = read("if 1 { reg y x }\nif 0 {\n reg y z\n} else {\n reg y w\n}\n")
    assert [line.status for line in file.estimations] == [
        "translated",
        "not run",
        "translated",
    ]


def test_a_block_after_else_belongs_to_the_if_before(read: Any) -> None:
    chosen = read(
        "if 1 reg y x\nelse {\n reg y z\n}\nif 0 reg y v\nelse {\n reg y w\n}"
    )
    assert dict(states(chosen))[3] == "not run"
    assert dict(states(chosen))[7] == "translated"
    unread = read("if 1 reg y x\nif 0 frobnicate x\nelse reg y z\n")
    assert dict(states(unread)) == {1: "translated", 2: "refused", 3: "refused"}
    tests = read("if 1 reg y x\nif 0 lincom x\nelse lincom 2*x\n")
    assert dict(states(tests)) == {1: "translated", 2: "read", 3: "translated"}
    unknown = read("if x > r(mean) reg y x\nelse {\n reg y z\n}\n")
    assert dict(states(unknown)) == {1: "refused", 2: "read", 3: "not run", 4: "read"}


def test_prefixes_do_not_hide_blocks(read: Any) -> None:
    file = read(
        "quietly {\n reg y x\n}\ncapture noisily reg y z\nqui foreach v in a b "
        "{\n reg y `v'\n}\n"
    )
    assert [len(line.translations) for line in file.estimations] == [1, 1, 2]


def test_macros_are_dropped_and_may_be_a_whole_line(read: Any) -> None:
    file = read("global x z\nmacro drop x\nreg y w $x\n`stars'\n")
    assert [s for _, s in states(file)] == ["read", "read", "not run", "read"]
    assert file.lines[-1].reason == "only macros that are empty"


def test_undefined_globals_are_not_run(read: Any) -> None:
    text = "reghdfe y x $controls, absorb(id)\n"
    file = read(text)
    assert states(file) == [(1, "not run")]
    assert "macro 'controls' is defined in no line" in file.lines[0].reason
    assert file.estimations[0].is_translated
    lines = "reghdfe y $x, absorb(id)\nforvalues i = 0/$last {\nreg y x\n}\n"
    reasons = [line.reason for line in read(lines).lines[:2]]
    assert [reason.count("is defined in no line") for reason in reasons] == [1, 1]
    assert reasons[0].startswith("there is no regressor besides effects; the macro 'x'")
    given = read(text, macros={"controls": "z"})
    assert states(given) == [(1, "translated")]
    assert '["x", "z"]' in python(given)[0]


def test_macros_of_another_file_are_not_empty(read: Any) -> None:
    text = "{} settings.do\nuse a, clear\nreg y x $controls\nreg y x `more'\n"
    done = read(text.format("do"))
    assert [s for _, s in states(done)] == [
        "refused",
        "translated",
        "refused",
        "translated",
    ]
    assert done.lines[3].reason == "the local 'more' is empty, as in Stata"
    assert "'controls' is set by no line, perhaps by the do-file of line 1" in (
        done.lines[2].reason
    )
    included = read(text.format("include"))
    assert [s for _, s in states(included)][2:] == ["refused", "refused"]
    known = read(text.format("do"), macros={"controls": "z"})
    assert states(known)[2] == (3, "translated")


def test_what_depends_on_the_data_is_refused_with_its_reason(read: Any) -> None:
    file = read(
        "summarize x, detail\nlocal m = r(kurtosis)\nreg y x if x > `m'\n"
        "levelsof g, local(groups)\nforeach g of local groups {\n reg y x if g "
        "== `g'\n reg y z\n}\n"
        "while 1 {\n reg y w\n}\n"
    )
    reasons = {line.number: (line.status, line.reason) for line in file.lines}
    assert "r(kurtosis)" in reasons[3][1]
    assert "levelsof" in reasons[5][1]
    assert reasons[6] == reasons[7] == ("not run", "line 5 is not read")
    assert "turns" in reasons[9][1]
    assert reasons[10] == ("not run", "line 9 is not read")


def test_lines_of_a_branch_that_is_not_taken_say_so(read: Any) -> None:
    file = read("if 1 == 2 {\nreg y x\n}\nelse {\nreg y z\n}\n")
    assert file.lines[1].reason == "line 1 is a branch that Stata does not take"
    assert [line.status for line in file.estimations] == ["not run", "translated"]


def test_names_change_no_order_of_rows(read: Any) -> None:
    file = read(
        "use a, clear\nrename *l *0\ngen n = _n\nrename *, lower\ngen m = _n\n"
        "sort x\nrename x* z*\ngen k = _n\n"
    )
    assert [line.status for line in file.lines].count("refused") == 1
    assert file.lines[-1].status == "refused"


def test_a_refused_line_marks_what_it_would_make(read: Any) -> None:
    file = read(
        "use a, clear\nxtset id year\ngen u = runiform()\ngen v = u + 1\nreghdfe "
        "y v, absorb(id)\n"
        "reghdfe y x, absorb(id)\npsmatch2 d x, llr\nreghdfe y x if _weight != "
        "., absorb(id)\n"
        "tsfill\nreghdfe y x, absorb(id)\nuse a, clear\nreghdfe y "
        "x, absorb(id)\n"
    )
    by_line = {line.number: line for line in file.lines}
    assert by_line[3].status == "refused"
    assert by_line[5].status == "not run"
    assert by_line[5].reason == "v comes from line 3"
    assert by_line[6].status == "translated"
    assert by_line[8].reason == "_weight comes from line 7"
    assert by_line[10].reason == "line 9 would change the data"
    assert by_line[12].status == "translated"
    assert "# not run: v comes from line 3" in file.script


def test_blocks_of_other_commands_are_not_read(read: Any) -> None:
    """[D] frame prefix: the block is about other data, and may save files."""
    file = read(
        "use a\nframe b {\nuse c, clear\nlocal x z\nreg y x\n}\nreg y `x'\nuse a\n"
        "qui{\nreg y x\n}\nppmlhdfe y x, absorb(id) d\nreg y x if _ppmlhdfe_d > 1\n"
    )
    assert [line.status for line in file.estimations] == [
        *("not run", "refused", "translated", "translated", "not run")
    ]
    assert not file.estimations[1].translations


def test_preserve_restores_marks(read: Any) -> None:
    file = read("preserve\nsample 10\nreg y x\nrestore\nreg y x\n")
    assert [line.status for line in file.estimations] == ["not run", "translated"]


def test_keep_on_a_marked_column_marks_all_rows(read: Any) -> None:
    file = read("gen u = runiform()\nkeep if u > 0.5\ngen z = x\nreg y z\n")
    reason = "line 2 would change the data: u comes from line 1"
    assert file.estimations[0].reason == reason
    assert "z comes from line 1" in str(
        read("gen u = runiform()\ngen z = u\nkeep a\nreg y z\n")
    )


def test_stored_residuals_are_marked(read: Any) -> None:
    file = read("reghdfe y x, absorb(id fe=year) residuals(e)\nreg e x\nreg fe x\n")
    assert [line.reason for line in file.estimations[1:]] == [
        "e comes from line 1",
        "fe comes from line 1",
    ]


def test_programs_and_mata(read: Any) -> None:
    file = read(
        "capture program drop mine\nprogram define mine\n syntax\n reg y x\nend\nmine\n"
        "mata:\n x = 1\nend\nmata: st_view()\n"
    )
    reasons = [line.reason for line in file.lines if line.status == "refused"]
    assert "program is not read" in reasons
    assert "the program of line 2" in reasons
    assert sum("mata" in reason for reason in reasons) == 2


def test_abbreviations_and_wildcards_need_the_panel(read: Any) -> None:
    text = "reghdfe gs un p*, absorb(state) vce(cluster state)\n"
    panel = dp.datasets.us_states().subset("year > 1980")
    known = read(text, panel=panel)
    assert '"unemp", "pcap", "pc"' in python(known)[0]
    file = read(f"use a\n{text}")
    assert states(file)[1:] == [(2, "translated")]
    line = file.estimations[0].translations[0]
    assert line.spec is None
    assert "[\"un\", *df.filter(regex='^p.*$')]" in line.python
    assert "fit = dp.FixedEffects" in file.script
    for other in ("c.p*#c.un", "i.p*"):
        assert states(read(text.replace("p*", other))) == [(1, "refused")]


def test_columns_of_the_file_fit_its_wildcards(read: Any) -> None:
    file = read(
        "forvalues i = 3(-1)1 {\n gen pre_`i' = (policy == -`i')\n}\ndrop pre_1\n"
        "reghdfe y pre_* x, absorb(id)\n"
    )
    assert '["pre_3", "pre_2", "x"]' in python(file)[0]
    assert "the data may have others" in file.estimations[0].translations[0].notes[-1]


def test_large_loops_are_cut_and_say_so(read: Any) -> None:
    file = read("forvalues i = 1/1500 {\n reg y x`i'\n}\nreg y z\n")
    assert "only the first" in file.lines[0].reason
    assert file.lines[-1].status == "translated"


def test_stored_results_have_names(read: Any) -> None:
    file = read("eststo a: reg y x\nreg y z\nest store b\nesttab a b using t.rtf\n")
    assert "results['a'] = fit" in file.script
    assert "results['b'] = fit" in file.script
    assert "dp.etable(\n    [results['a'], results['b']]" in file.script
    assert file.lines[-1].status == "translated"


def test_eststo_names_results_by_number(read: Any) -> None:
    file = read(
        "eststo clear\nqui eststo: reg y x\nreg y z\neststo\neststo m: reg y x z\n"
        "est store n\neststo: reg y x, magic\neststo clear\neststo: reg y z\n"
        "est drop est1\nest clear\n"
    )
    lines = [line for line in file.script.splitlines() if line.startswith("results")]
    # What est store has stored stays after eststo clear.
    assert lines[1:] == [
        "results['est1'] = fit",
        "results['est2'] = fit",
        "results['m'] = fit",
        "results['n'] = fit",
        *(f"results.pop('{name}', None)" for name in ("est3", "est1", "est2", "m")),
        "results.pop('est3', None)",
        "results['est1'] = fit",
        "results.pop('est1', None)",
        "results.pop('n', None)",
    ]


def test_esttab_without_names_takes_those_of_eststo(read: Any) -> None:
    text = "eststo a: reg y x\nreg y z\nest store b\n{}esttab\n"
    assert "dp.etable([results['a']], " in read(text.format("")).script
    assert "dp.etable([fit], " in read(text.format("eststo clear\n")).script


def test_a_refused_estimation_is_not_stored(read: Any) -> None:
    file = read("eststo m: reg y x\neststo m: reg y z, magic\nesttab m\n")
    assert file.script.index("results['m'] = fit") < file.script.index(
        "results.pop('m', None)"
    )


def test_a_script_prints_its_tests(read: Any) -> None:
    script = read("xtset i t\nxtreg y x z, fe\ntest x z\nlincom x + z\n").script
    assert "print(fit.wald_test(" in script
    assert "print(fit.combination(" in script


def test_keys_may_be_absent(read: Any) -> None:
    assert "panel = dp.Panel.from_rows(df)" in read("use a\nreg y x, r\n").script
    assert (
        "panel = dp.Panel(df, 'i', 't')" in read("use a\nxtset i t\nreg y x\n").script
    )


def test_every_line_has_a_result_or_a_reason(read: Any) -> None:
    file = read(
        "frobnicate x\nreg y x, magic\n}\nset obs 5\nlocal x = \nif x == 1 {\n "
        "reg y x\n}\n"
        "foreach {\n}\nend\ngen\n`x'\ntsset t\nelse reg y x\nby id\n"
    )
    for line in file.lines:
        assert line.status in ("read", "skipped", "translated") or line.reason, line


def test_chinese_files_in_gb18030(tmp_path: Path) -> None:
    path = tmp_path / "论文.do"
    text = (
        "xtset 省份 年份\ngen 对数 = ln(产值)\nreghdfe 对数 数字化 if "
        "年份>=2011, absorb(省份 年份)\n"
    )
    path.write_bytes(text.encode("gb18030"))
    file = read_do_file(path)
    spec = file.estimations[0].translations[0].spec
    assert spec == dp.FixedEffects(
        "对数", "数字化", cov_type="unadjusted", collinear="drop", where="年份 >= 2011"
    )


def test_results_of_summarize_are_code_until_something_else_runs(read: Any) -> None:
    file = read(
        "summarize x if g == 1, detail\ngen hi = x > r(p50)\n"
        "gen z = (x - r(mean))/r(sd)\nreplace x = x - r(mean)\nreplace x = x/r(sd)\n"
        "summarize w\ncount\n"
        "gen v = w - r(mean)\n"
    )
    by_line = {line.number: line for line in file.lines}
    series = "df.loc[df['g'] == 1, 'x']"
    assert f"~(df['x'] <= {series}.pipe(percentile, 50))" in file.script
    assert f"(df['x'] - {series}.mean()) / {series}.std()" in file.script
    assert [by_line[n].status for n in (2, 3, 4)] == ["translated"] * 3
    assert [by_line[n].status for n in (5, 8)] == ["refused", "refused"]
    # Of several variables, they are those of the last one.
    file = read("summarize w x\ngen v = w > r(mean)\n")
    assert "df['x'].mean()" in file.script


def test_results_of_summarize_inside_preserve_are_those_of_other_data(
    read: Any,
) -> None:
    """In Stata r(mean) stays after restore; the data before it have another mean."""
    file = read(
        "summarize x\npreserve\nkeep if g == 1\nsummarize x\nrestore\n"
        "gen d = x - r(mean)\nreg y d\n"
    )
    assert [line.status for line in file.lines[-2:]] == ["refused", "not run"]


def test_a_refused_test_leaves_the_estimation_as_it_was(read: Any) -> None:
    file = read("reg y x\ntest _cons\nest store a\ntest x\n")
    assert [line.status for line in file.lines][1:] == ["refused", "read", "translated"]
    assert "results['a'] = fit" in file.script


def test_an_estimation_without_model_changes_no_data_behind_a_condition(
    read: Any,
) -> None:
    file = read("if x[1] == 1 heckman y x, select(s)\nreg y x\n")
    assert states(file) == [(1, "refused"), (2, "translated")]


def test_dropped_columns_and_order_mark_nothing(read: Any) -> None:
    file = read("drop _est*\nsort q*\nkeep a*\nreg y x\ndrop in 1/5\nreg y x\n")
    assert [line.status for line in file.estimations] == ["translated", "not run"]


def test_dummies_of_tabulate_are_marked(read: Any) -> None:
    text = "use a\ntabulate {}, gen(yr)\nreg y x\nreg y x yr2-yr4\nreg y yr*\n"
    file = read(text.format("year"))
    assert [line.status for line in file.estimations] == ["translated"] * 3
    crossed = read(text.format("year group"))
    assert [line.status for line in crossed.estimations] == [
        "translated",
        "not run",
        "not run",
    ]


MALFORMED = """
use a.dta, clear
xtset id year
global x c.z##i.g L(1/2).w
foreach v in a b {
    gen ln`v' = ln(`v' + 1) if `v' > 0 & !missing(`v')
    bysort id (year): gen d`v' = `v'[_n-1]
}
if "`kind'" == "" {
    eststo m1: reghdfe y $x if year >= 2010 [aw=pop], absorb(id i.prov##c.year) cl(id)
}
else local k = 2^3
ivreghdfe y x (d = z), absorb(id year) cluster(id) first
xtabond2 y L.y x, gmm(L.y, lag(2 4) collapse) iv(x) robust
bdiff, group(g) model(reghdfe y x, a(id)) reps(500)
merge m:1 id using b, keep(1 3) nogen
sgmediation2 y, iv(x) mv(m) cv(z i.id)
lincom x + 2*1.g#c.z
"""


@pytest.mark.many(20)
@pytest.mark.parametrize("seed", range(200))
def test_malformed_files_have_reasons_and_no_other_errors(seed: int, read: Any) -> None:
    rng = random.Random(seed)
    signs = list("(){}[]\"`'#,.=*/&|!~-+<>:$ \\x1é数")
    text = list(MALFORMED)
    for _ in range(rng.randint(1, 15)):
        position = rng.randrange(len(text))
        text[position] = rng.choice(["", rng.choice(signs), text[position] * 2])
    for line in read("".join(text)).lines:
        assert line.status in ("read", "skipped", "translated") or line.reason


def test_the_number_of_the_row_is_a_column(read, tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(40, 2)), columns=["y", "x"])
    frame = frame.assign(id=np.arange(40) % 4, year=2000 + np.arange(40) // 4)
    frame.to_csv(tmp_path / "a.csv", index=False)
    monkeypatch.chdir(tmp_path)
    text = "import delimited a.csv, clear\n{}reg y x if _n > 5\n"
    for setting, rows in {
        "": frame,
        "xtset id year\n": frame.sort_values(["id", "year"]),
    }.items():
        file = read(text.format(setting))
        assert "_n is a column" in file.estimations[0].translations[0].notes[-1]
        names: dict[str, Any] = {}
        exec(file.script, names)
        slope = np.polyfit(rows["x"][5:], rows["y"][5:], 1)[0]
        assert names["fit"].params["x"] == pytest.approx(slope)


def test_a_single_series_is_a_panel_of_one_entity(read, tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(40, 2)), columns=["y", "x"])
    frame = frame.assign(t=rng.permutation(40))
    frame.to_csv(tmp_path / "a.csv", index=False)
    monkeypatch.chdir(tmp_path)
    file = read(
        "set type double\nimport delimited a.csv, clear\ntsset t\ngen trend = _n\n"
        "gen dx = D.x\nreg y L.x dx trend if _n > 5\n"
    )
    assert [line.status for line in file.estimations] == ["translated"]
    names: dict[str, Any] = {}
    exec(file.script, names)
    by_time = frame.sort_values("t").reset_index(drop=True)
    columns = [
        by_time["x"].shift(),
        by_time["x"].diff(),
        by_time.index + 1,
        by_time.t**0,
    ]
    x = np.column_stack(columns)[5:]
    slopes = np.linalg.lstsq(x, by_time["y"][5:], rcond=None)[0]
    np.testing.assert_allclose(names["fit"].params, slopes, rtol=1e-8)


def test_xtset_states_the_order_inside_entities(read):
    sorted_file = read("xtset id year\nby id: gen n = _n\n")
    assert "sort_values(['id', 'year'], kind='stable')" in sorted_file.script
    text = "xtset id year\n{}\nby id: gen n = _n\ngen m = _n\nreg y x if _n > 3\n"
    for line, last in {
        "sort x": ["translated", "not run"],
        "merge 1:1 id year using b": ["refused", "not run"],
        "use c": ["translated", "translated"],
    }.items():
        lost = read(text.format(line))
        assert [line.status for line in lost.lines[2:]] == ["refused", *last]
        assert ("refuse_ties(df, ['x'], [])" in lost.script) == (line == "sort x")


STORED = """
use a
xtset id year
summarize x, detail
local m = r(p50)
scalar s = r(mean)
scalar two = 1 + 1
{}
reg y x if x > `m'
reg y x if z > s * two
"""


def test_results_of_summarize_are_kept_beside_the_columns(read, tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=["y", "x", "z"])
    frame = frame.assign(id=np.arange(60) // 6, year=np.arange(60) % 6)
    frame.to_stata(tmp_path / "a.dta", write_index=False)
    monkeypatch.chdir(tmp_path)
    file = read(STORED.format("drop if z > 2"))
    assert [line.status for line in file.estimations] == ["translated"] * 2
    first, second = (line.translations[0] for line in file.estimations)
    assert first.spec.where == "not (x <= _r_m_0)"
    assert second.spec.where == "not (z <= _r_s_1 * 2)"
    names: dict[str, Any] = {}
    exec(file.script.partition("# line 10")[0], names)
    kept = frame[(frame.z <= 2) & (frame.x > frame.x.median())]
    assert names["fit"].nobs == len(kept)
    # Scalars and macros stay when the data are others.
    for text in ("append using b", "collapse x y z, by(id)", "keep x y z", "use a"):
        file = read(STORED.format(text))
        assert [line.status for line in file.estimations] == ["translated"] * 2
    text = STORED.replace("summ", "preserve\nsumm").format("restore")
    assert [line.status for line in read(text).estimations] == ["translated"] * 2
    # Those of marked data stay marked.
    marked = STORED.replace("summ", "preserve\nkeep if r(k)\nsumm")
    for text in ("use a", "restore"):
        file = read(marked.format(text))
        assert [line.status for line in file.estimations] == ["not run"] * 2


def test_a_result_has_its_value_where_its_name_is_used_again(read: Any) -> None:
    file = read(
        "use a\nsum x\nlocal m = r(mean)\nlocal k `m'\nscalar m = r(sd)\n"
        "local m = r(max)\nreg y x if x > `k'\nreg y x if x > m\n"
    )
    first, second = python(file)
    assert "x <= _r_m_0" in first
    assert "x <= _r_m_1" in second


def test_results_have_names_with_macros(read: Any) -> None:
    """A mean of each variable of a loop; a name that is not known has no value."""
    file = read(
        "use a\nforeach v in x z {\nsu `v'\nlocal m_`v' = r(mean)\n}\n"
        "reg y x if x > `m_z'\nlocal e = e(N)\nlocal m_`e' = r(sd)\nreg y `m_`e''\n"
    )
    assert "x <= _r_m_z_1" in python(file)[0]
    assert [line.status for line in file.estimations] == ["translated", "refused"]


def test_a_scalar_that_a_block_may_set_has_no_value(read: Any) -> None:
    file = read(
        "use a\nscalar m = 5\ncapture confirm variable q\nif _rc {\n scalar m = 6\n}\n"
        "gen z = x - m\nreg y z\nreg y x\n"
    )
    assert states(file)[-3:] == [(7, "not run"), (8, "not run"), (9, "translated")]


def test_a_scalar_that_is_refused_changes_no_column(read: Any) -> None:
    file = read(
        'use a\nscalar s = 5\nscalar s = string(`r(se)\', "%5.3f")\nreg y x\n'
        "gen z = x - s\nreg y z\n"
    )
    assert [status for _, status in states(file)[2:]] == [
        *("refused", "translated", "not run", "not run")
    ]


def test_a_file_in_a_folder_that_is_a_macro_without_a_value(read: Any) -> None:
    file = read("use ${data}firms.dta, clear\nreg y x\nuse ${data}, clear\nreg y x\n")
    assert [line.status for line in file.estimations] == ["translated", "not run"]
    assert "from_file('${data}firms.dta')" in file.script


def test_names_of_a_pattern_are_changed(read: Any) -> None:
    file = read(
        "use a\ngen p_a = x\nrename p_* q_*_1\nreg y q_a_1\n"
        "rename pc* m*\nreg y z\nreg y m1\n"
    )
    assert "name: 'q_' + name[2:None] + '_1' for name in [*df.filter" in file.script
    assert [line.status for line in file.estimations] == [
        *("translated", "translated", "translated")
    ]
    file = read("use a\npsmatch2 d x, llr\nrename _w* w*\nreg y x w2\nreg y x\n")
    assert [line.status for line in file.estimations[1:]] == ["not run", "translated"]


def test_residuals_follow_from_columns_that_are_not_known(read: Any) -> None:
    file = read(
        "use a\nxtset id year\nreghdfe y x v1-v9, a(id)\npredict e, r\nreg e x\n"
        "est store m\nhausman m\nxtreg y x v*, fe\nest store f\nhausman f\n"
    )
    assert [line.status for line in file.estimations] == ["translated"] * 3
    assert [line.status for line in file.lines if "haus" in line.text] == [
        *("translated", "refused")
    ]


def test_a_block_that_may_run_marks_what_it_would_change(read: Any) -> None:
    file = read(
        "use a\nif r(N) > 5 {\n display 1\n gen q = 1\n local k = 2\n reg y x\n}\n"
        "reg y x\nreg y x q\nreg y x L`k'.x\n"
        "while 1 {\n merge 1:1 id using b\n}\nreg y x\n"
    )
    lines = [(line.number, line.status, line.reason) for line in file.estimations]
    assert [(number, status) for number, status, _ in lines] == [
        (6, "not run"),
        (8, "translated"),
        (9, "not run"),
        (10, "refused"),
        (14, "not run"),
    ]
    assert lines[2][2] == "q comes from line 2"


def test_programs_mark_what_they_change_where_they_are_called(read: Any) -> None:
    text = (
        "use a\nprogram define mine\n syntax\n gen q = 1\n reg y x\nend\n{}\n"
        "reg y x\nreg y q\n"
    )
    called = read(text.format("mine"))
    assert [line.status for line in called.estimations] == [
        "not run",
        "translated",
        "not run",
    ]
    drawn = read(text.format("bootstrap r(q), reps(9): mine"))
    assert [line.status for line in drawn.estimations][1:] == ["translated"] * 2


def test_a_loop_of_old_stata_on_one_line(read: Any) -> None:
    """[R] for of Stata 6: X stands for an entry, also inside a word."""
    file = read(
        "use a\nqui for num 1/2: gen pX = q*yX\nfor var a b:replace X = X/80 if X > 0\n"
        "for any p q: gen X_3 = X1\nreg y p2 q_3\nfor num 1/2 \\ any a b: gen YX = 1\n"
        "reg y p2"
    )
    assert "df['p2'] = stored('p2', df['q'] * df['y2'], 'float')" in file.script
    assert "replaced(df['b'], df['b'] / 80, " in file.script
    assert "stored('q_3', df['q1'], 'float')" in file.script
    assert [line.status for line in file.estimations] == ["translated", "not run"]


def test_what_is_no_command_changes_nothing(read: Any) -> None:
    file = read("use a\n#model\nestiamtes clear\nreg y x\nfrobnicate\nreg y x\n")
    assert [s for _, s in states(file)] == [
        "translated",
        "refused",
        "refused",
        "translated",
        "refused",
        "not run",
    ]


def test_files_in_folders_that_are_not_known_are_read(read: Any) -> None:
    file = read('use "$data/a.dta"\nmerge m:1 id using `d\'/b\nreg y x\nuse $file\n')
    assert [s for _, s in states(file)] == ["translated"] * 3 + ["refused"]
    assert "'$data/a.dta'" in file.script


def test_a_loop_over_columns_that_are_not_known(read: Any) -> None:
    text = "foreach v of varlist x* {\n reg y `v'\n reg y z\n}\nreg y z\n"
    file = read(f"use a\n{text}")
    assert [line.status for line in file.estimations] == [
        "not run",
        "not run",
        "translated",
    ]
    panel = dp.Panel(
        pd.DataFrame({"i": 1, "t": [1, 2], "y": 0, "z": 0, "x1": 0, "x2": 0}), "i", "t"
    )
    known = read(text, panel=panel)
    assert [len(line.translations) for line in known.estimations] == [2, 1, 1]


def test_a_range_is_refused_after_columns_are_put_in_order(read: Any) -> None:
    file = read("use a\nreg y a-c\norder c\nreg y a-c\n")
    assert [line.status for line in file.estimations] == ["translated", "refused"]


def test_a_script_without_keys_runs_on_rows(read, tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(40, 2)), columns=["y", "x"])
    frame.to_csv(tmp_path / "a.csv", index=False)
    monkeypatch.chdir(tmp_path)
    script = read(
        "import delimited a.csv, clear\nreg y x, robust\nest store m\n"
    ).script
    names: dict[str, Any] = {}
    exec(script, names)
    fit = names["results"]["m"]
    slope = np.polyfit(frame["x"], frame["y"], 1)[0]
    assert fit.params["x"] == pytest.approx(slope)
    assert "set df to your table" not in script
    assert "set df to your table" in read("xtset i t\nreg y x\n").script


def test_data_that_the_file_saves_are_read_again(read, tmp_path, monkeypatch):
    frame = pd.DataFrame({"id": [1, 1, 2], "year": [1, 2, 1], "x": [1.0, 2.0, 4.0]})
    frame.to_stata(tmp_path / "a.dta", write_index=False)
    monkeypatch.chdir(tmp_path)
    file = read(
        "use a\ntempfile q\npreserve\ncollapse x, by(id)\nrename x m\nsave `q'\n"
        "restore\nmerge m:1 id using `q', nogen keepusing(m)\nsave b\nuse b\n"
    )
    names: dict[str, Any] = {}
    exec(file.script, names)
    assert names["df"]["m"].tolist() == [1.5, 1.5, 4.0]


def test_marks_are_kept_in_a_tempfile_but_not_in_a_file_of_stata(read: Any) -> None:
    text = (
        "use a\nsample 10\ntempfile t\nsave {0}\nuse c\nmerge 1:1 id using {0}\n"
        "reg y x\n"
    )
    assert [line.status for line in read(text.format("`t'")).estimations] == ["not run"]
    assert [line.status for line in read(text.format("b")).estimations] == [
        "translated"
    ]


@pytest.mark.parametrize("line", ["sort *", "bysort g: sum x", "frob x"])
def test_commands_that_sort_leave_an_order_that_is_not_known(line, read):
    file = read(f"use a\ngen a = _n\n{line}\ngen b = _n\n")
    assert file.lines[1].status == "translated"
    assert file.lines[3].status == "refused"


def test_a_column_comes_before_a_scalar(read: Any) -> None:
    file = read("use a\nscalar t = 3\ngen a = x > t\ngen trend = 1\ngen b = x > t\n")
    assert "assert df.filter(regex='^(t)').columns.empty\ndf['a'] = " in file.script
    assert "df['x'] <= 3" in file.script
    assert "df['x'] <= df['t']" in file.script


def test_entities_without_periods_have_ties(read: Any) -> None:
    file = read("use a\nxtset id\ngen n = _n\nby id: gen m = _n\n")
    assert "refuse_ties(df, ['id'], [])" in file.script
    assert file.lines[3].status == "refused"


@pytest.mark.many(5)
@pytest.mark.parametrize(
    "line",
    [
        "unab m : x*",
        "levelsof g, l(m)",
        "gettoken m rest : list",
        "findname x*, local(m)",
        "file read handle m",
    ],
)
def test_locals_that_commands_set_are_not_empty(line: str, read: Any) -> None:
    file = read(f"use a\n{line}\nuse a\nreg y x `m'\nreg y x `none'\n")
    assert [s.status for s in file.estimations] == ["refused", "translated"]


def test_tests_and_names_are_of_the_estimation_before_them(read: Any) -> None:
    file = read(
        "use a\nreg y x\nest store a\ntest x\nxtreg y x, be\nest store b\ntest x\n"
        "est restore a\ntest x\n"
    )
    tests = [line for line in file.lines if line.text == "test x"]
    assert [line.status for line in tests] == ["translated", "not run", "translated"]
    assert tests[1].reason == "the estimation before it is not run"
    assert "results['a'] = fit" in file.script
    assert "results.pop('b', None)" in file.script
    assert "fit = results['a']" in file.script


def test_results_of_other_commands_are_not_those_of_the_fit(read: Any) -> None:
    """A table of summary statistics had the last regression in it."""
    file = read(
        "use a\nreg y x\nestpost summarize x\nesttab using a.rtf\n"
        "reg y x\npca x z\npredict p\nesttab using b.rtf\n"
        "reg y x\nunknown y x\nuse a\noutreg2 using c.doc\n"
    )
    reasons = {line.text: line.reason for line in file.lines}
    for table in ("esttab using a.rtf", "esttab using b.rtf", "outreg2 using c.doc"):
        assert reasons[table] == "the last estimation is not run, or not stored"
    assert reasons["predict p"] == "predict after an estimation that is not linear"


def test_eststo_counts_what_it_cannot_have(read: Any) -> None:
    """The third stored estimation was the second of the script."""
    file = read(
        "use a\neststo: reg y x\neststo: zinb y x, inflate(x)\neststo: reg y z\n"
        "esttab est2 using a.rtf\nesttab est3 using b.rtf\n"
    )
    assert [line.status for line in file.lines[4:]] == ["skipped", "translated"]
    assert "results['est3'] = fit" in file.script


def test_residuals_and_the_sample_are_of_a_fit_that_runs(read: Any) -> None:
    file = read(
        "use a\nxtset id year\nreg y x if z > 1\npredict e, r\nreg y x i.g if z > 1\n"
        "predict f, r\nxtreg y x, fe\npredict g\npredict h, e\nkeep if e(sample)\n"
        "gen l = runiform()\nreg y l\npredict m\nkeep if e(sample)\n"
    )
    by_text = {line.text: (line.status, line.reason) for line in file.lines}
    assert by_text["predict e, r"][0] == "translated"
    assert "not estimated" in by_text["predict f, r"][1]
    assert by_text["predict g"][0] == "translated"
    assert by_text["predict h, e"][0] == "translated"
    not_run = "not run", "the estimation before it is not run"
    assert by_text["predict m"] == not_run
    assert [line.status for line in file.lines if "sample" in line.text] == [
        *("translated", "not run")
    ]


def test_what_a_program_changes_is_marked_at_each_call(read: Any) -> None:
    file = read(
        "program define show, rclass\nargs a\nscalar p = r(p)\nif p < 0.1 {\n"
        "scalar p = 1\n}\nreturn local p `p'\nend\nuse a\nshow x\nreg y x\n"
        "show x\nreg y x\nprogram define make\nexit\ngen d = 1\nend\nmake\nreg y d\n"
    )
    assert [line.status for line in file.estimations] == [
        *("translated", "translated", "not run")
    ]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        # Headings and misspelt commands stop Stata.
        ("Table 1", "translated"),
        ("第二 回归", "translated"),
        ("xtdes", "translated"),
        ("robust", "translated"),
        ("MyClean, all", "not run"),
        ("program define Clean\nsyntax\nreplace x = 1\nend\nClean", "not run"),
        ("myclean", "not run"),
        ("do other.do\nuse a\nMyClean", "not run"),
        # Only these columns are made.
        ("ebalance d x, targets(1)", "translated"),
        ("geodist a b c d, gen(km)", "translated"),
        ("geodist a b c d, gen(x)", "not run"),
        ("stset t, failure(d)", "translated"),
        ("heckman y x, select(z) mills(x)", "not run"),
        ("encode name", "translated"),
        ("rename (z w) (v)", "translated"),
        ("foreach v of varlist z* {\ngen l_`v' = ln(`v')\n}", "translated"),
        ("foreach v of varlist z* {\ngen x_`v' = ln(`v')\n}", "translated"),
    ],
)
def test_what_a_refused_line_would_change(read: Any, line: str, status: str) -> None:
    file = read(f"use a\n{line}\nreg y x\n")
    assert file.estimations[-1].status == status
    assert all(s.reason for s in file.lines if s.status in ("refused", "not run"))


def test_tests_of_matching_are_not_those_of_csdid(read: Any) -> None:
    file = read("use a\nreg y x\nestat vif\n")
    assert (file.lines[-1].status, file.lines[-1].reason) == ("skipped", "")


@pytest.mark.parametrize("line", ["su z if e(sample)", "su `v' if _rc", "su"])
def test_results_are_of_the_last_summarize(read: Any, line: str) -> None:
    """The mean of x was taken for that of z."""
    file = read(
        f"use a\nsu x\nforeach v of varlist z* {{\n{line}\n}}\ngen a = x - r(mean)\n"
    )
    assert file.lines[-1].status == "refused"
    assert "r(mean)" in file.lines[-1].reason


def test_a_loop_over_a_pattern_marks_columns_of_the_pattern(read: Any) -> None:
    file = read(
        "use a\nxtset id year\nforeach v of varlist pop_* {\nreplace `v' = `v'/gdp\n}\n"
        "reghdfe y pop_a, a(id year)\nreghdfe y x, a(id year)\n"
    )
    assert [line.status for line in file.estimations] == ["not run", "translated"]


@pytest.mark.many(4)
@pytest.mark.parametrize(
    "loop",
    [
        # One of several turns is read, or a thousand of two thousand.
        "levelsof id, local(ids)\nforeach i of local ids {\n{}\n}",
        "forvalues i = 1/2000 {\n{}\n}",
        "foreach v of varlist x* {\n{}\n}",
        "program mine\nargs v\ntempvar t\n{}\nend\nmine x",
        "while 1 {\nforvalues i = 1/3 {\n{}\n}\n}",
    ],
)
def test_turns_that_are_not_read_mark_what_they_would_change(
    loop: str, read: Any
) -> None:
    """The replace of one turn was taken for that of all of them."""
    for line, status in (
        ("replace n = n + 1", "not run"),
        ("replace n`i'`v' = 1", "not run"),
        ("drop if n == 1", "not run"),
        ("preserve\nkeep if n == 1\nrestore", "translated"),
        ("gen other = n", "translated"),
    ):
        text = loop.replace("{}", line)
        file = read(f"use a\nxtset id year\n{text}\nreg y n n1 nx\n")
        assert file.estimations[-1].status == status, (loop, line)


@pytest.mark.parametrize(
    "line", ["encode `v', gen(ln_`v') label(a)", "xtile ln_`v' = `v' if a, n(b)"]
)
def test_columns_of_a_loop_that_is_not_read_are_marked(read: Any, line: str) -> None:
    loop = f"foreach v of varlist x* z {{\n{line}\n}}\n"
    file = read(f"use a, clear\n{loop}reg y ln_xa ln_z\nreg y x\n")
    assert [each.status for each in file.estimations] == ["not run", "translated"]


def test_known_columns_of_a_loop_beside_a_pattern(read: Any) -> None:
    file = read(
        "use a\nforeach v of varlist x1 z* x2 {\ngen `v'_d = `v'^2\n}\n"
        "reg y x1_d x2_d\nreg y z1_d\nreg y z1\n"
    )
    states = [line.status for line in file.estimations]
    assert states == ["not run", "not run", "translated"]


def test_weights_bases_and_ranges_as_they_are_typed(read: Any) -> None:
    """[U] 11.1.6: weights without a kind are analytic in regress."""
    file = read(
        "use a\nreg y x [w=pop]\nreg y x [pw=pop]if z == 1\nreg y ib(2).g d1 - d3\n"
        "reghdfe y x [w=pop], a(id)\ns\nttable3 x, by(g)\nedit\nreg y x\n"
        "areg y x [w=pop], a(id)\n"
    )
    states = [line.status for line in file.estimations]
    assert states == ["translated"] * 3 + ["refused", "translated", "translated"]
    codes = python(file)
    assert 'obs_weights="pop"' in codes[0]
    assert 'cov_type="robust"' in codes[1]
    assert 'where="z == 1"' in codes[1]
    assert "C(g, ref=2)" in codes[2]
    assert "df.loc[:, 'd1':'d3']" in codes[2]
    assert 'obs_weights="pop"' in codes[-1]


def test_weights_of_spmat_are_no_columns(read: Any) -> None:
    """They are passed as spatial_weights; only its lags are columns."""
    file = read(
        "use a\nxtset id year\nspmat use W using a.spmat\nspmatrix create idistance M\n"
        "xsmle y x, fe model(sdm) wmat(W) type(both)\nspmat lag wx W x\nreg y wx\n"
    )
    assert [line.status for line in file.estimations] == ["translated", "not run"]


def test_estimators_and_files_of_other_authors(read: Any) -> None:
    """An estimator that is not here leaves the data as they are."""
    file = read(
        "bcuse a, clear\nppml_panel_sg y x, ex(i) im(j) year(t)\nlorenz y\nreg y x\n"
    )
    states = [line.status for line in file.lines]
    assert states == ["translated", "refused", "skipped", "translated"]


def test_describe_may_replace_the_data(read: Any) -> None:
    """[D] describe: with replace its results take the place of the data."""
    file = read("describe, replace clear\nreg y x\nuse a\ndescribe\nreg y x\n")
    assert [line.status for line in file.estimations] == ["not run", "translated"]


def test_files_of_stata_itself_are_read_anew(read: Any) -> None:
    file = read("drop if z()\nsysuse auto, clear\nreg y x\nwebuse set a\nreg y x\n")
    assert [s for _, s in states(file)] == [
        "refused",
        "translated",
        "translated",
        "refused",
        "not run",
    ]


def test_commands_of_the_same_meaning(read: Any) -> None:
    file = read("xtset id year\nprob d x i.g i.h\nsaveold a.dta\n")
    assert python(file)[0].startswith("dp.LogitEffects(")
    assert file.lines[-1].status == "skipped"


def test_a_refused_command_with_a_long_name_marks_the_data(read: Any) -> None:
    """It was taken for a misspelt name of itself, at which Stata stops."""
    for line in ("collapse (semean) x, by(id)", "duplicates drop id if x > 1, force"):
        file = read(f"use a\nxtset id year\n{line}\nreg y x\nduplciates drop\n")
        assert [status for _, status in states(file)][2:4] == ["refused", "not run"]


def test_columns_of_matching_and_selection_are_marked(read: Any) -> None:
    """Help of psmatch2: outcome(y) makes _y; [R] heckman: nshazard() is mills()."""
    for line, name in (
        ("psmatch2 d x, llr outcome(y)", "_y"),
        ("heckman y x, select(d = z) nshazard(m)", "m"),
        ("heckman y x, select(d = z) mills(m)", "m"),
        ("kmatch ps d x (y), wgenerate(w)", "w"),
    ):
        file = read(f"use a\nxtset id year\n{line}\nreg z {name}\nreg z x\n")
        assert [s for _, s in states(file)][3:] == ["not run", "translated"], line
