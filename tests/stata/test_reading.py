"""One command becomes a specification whose numbers are those of Stata's formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.discrete.discrete_model import Logit, Probit

import digiprosper as dp
from digiprosper.stata import DoFile, run_do_file
from digiprosper.stata.__main__ import main
from digiprosper.stata.reading import stored_keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

quiet = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
PANEL = dp.datasets.us_states()
READ = "use states, clear\nxtset state year\n"
FIT = "reghdfe gsp unemp, a(state year) vce(cl state)\n"


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Draw an unbalanced panel of 80% of the rows."""
    return PANEL.frame.reset_index().sample(frac=0.8, random_state=1)


@pytest.fixture(scope="module")
def panel(rows: pd.DataFrame) -> dp.Panel:
    return dp.Panel(rows, "state", "year")


class Dummies:
    """Least squares with all dummies, written out."""

    def __init__(self, rows: pd.DataFrame, *, entity: bool, time: bool) -> None:
        x = rows[["unemp", "pcap"]].to_numpy(float)
        parts = [x, np.ones((len(rows), 1))]
        if entity:
            parts.append(pd.get_dummies(rows.state, drop_first=True).to_numpy(float))
        if time:
            parts.append(pd.get_dummies(rows.year, drop_first=True).to_numpy(float))
        self.x = np.hstack(parts)
        y = rows.gsp.to_numpy(float)
        self.slopes = np.linalg.lstsq(self.x, y, rcond=None)[0]
        self.residuals = y - self.x @ self.slopes
        self.bread = np.linalg.inv(self.x.T @ self.x)
        self.n, self.k = self.x.shape
        self.state = rows.state.to_numpy()

    def unadjusted(self) -> np.ndarray:
        variance = self.residuals @ self.residuals / (self.n - self.k)
        return np.sqrt(np.diag(self.bread) * variance)[:2]

    def robust(self) -> np.ndarray:
        meat = (self.x.T * self.residuals**2) @ self.x
        factor = self.n / (self.n - self.k)
        return np.sqrt(np.diag(self.bread @ meat @ self.bread) * factor)[:2]

    def clustered(self, k: int) -> np.ndarray:
        names = np.unique(self.state)
        scores = np.array(
            [self.x[self.state == g].T @ self.residuals[self.state == g] for g in names]
        )
        factor = names.size / (names.size - 1) * (self.n - 1) / (self.n - k)
        return np.sqrt(np.diag(self.bread @ scores.T @ scores @ self.bread) * factor)[
            :2
        ]


def errors(text: str, panel: dp.Panel) -> np.ndarray:
    fit = dp.from_stata(text, panel).spec.fit(panel)  # type: ignore[union-attr]
    return fit.std_errors[["unemp", "pcap"]].to_numpy()


@quiet
@pytest.mark.many(9)
@pytest.mark.parametrize(
    ("command", "entity", "time", "kind"),
    [
        ("reghdfe gsp unemp pcap, absorb(state year)", True, True, "unadjusted"),
        ("reghdfe gsp unemp pcap, noabsorb vce(robust)", False, False, "robust"),
        ("regress gsp unemp pcap, robust", False, False, "robust"),
        ("reg gsp unemp pcap i.year i.state, r", True, True, "robust"),
        ("areg gsp unemp pcap, absorb(state)", True, False, "unadjusted"),
        ("areg gsp unemp pcap i.year, a(state) robust", True, True, "robust"),
        ("xtreg gsp unemp pcap, fe", True, False, "unadjusted"),
        ("xtreg gsp unemp pcap i.year, fe", True, True, "unadjusted"),
        ("xi: reg gsp unemp pcap i.state", True, False, "unadjusted"),
    ],
)
def test_standard_errors_by_brute_force(
    command: str,
    entity: bool,
    time: bool,
    kind: str,
    rows: pd.DataFrame,
    panel: dp.Panel,
) -> None:
    expected = getattr(Dummies(rows, entity=entity, time=time), kind)()
    np.testing.assert_allclose(errors(command, panel), expected, rtol=1e-8)


@quiet
@pytest.mark.many(7)
@pytest.mark.parametrize(
    ("command", "entity", "time", "counted"),
    [
        ("regress gsp unemp pcap, vce(cluster state)", False, False, 3),
        ("reghdfe gsp unemp pcap, a(state year) cl(state)", True, True, 19),
        ("xtreg gsp unemp pcap i.year, fe vce(cluster state)", True, True, 19),
        ("xtreg gsp unemp pcap i.year, fe robust", True, True, 19),
        ("xtreg gsp unemp pcap, fe r", True, False, 3),
        (
            "areg gsp unemp pcap i.year, absorb(state) vce(cluster state)",
            True,
            True,
            66,
        ),
        ("reg gsp unemp pcap i.year i.state, cluster(state)", True, True, 66),
    ],
)
def test_effects_in_clusters_are_counted_by_areg_and_regress_alone(
    command: str,
    entity: bool,
    time: bool,
    counted: int,
    rows: pd.DataFrame,
    panel: dp.Panel,
) -> None:
    expected = Dummies(rows, entity=entity, time=time).clustered(counted)
    np.testing.assert_allclose(errors(command, panel), expected, rtol=1e-8)


@quiet
@pytest.mark.parametrize(
    ("options", "small", "kind"),
    [
        (", r", False, "robust"),
        (", r small", True, "robust"),
        ("", False, "unadjusted"),
        (", vce(cluster state)", False, "clustered"),
    ],
)
def test_two_stages_without_small_have_no_factor(
    options: str, small: bool, kind: str, rows: pd.DataFrame, panel: dp.Panel
) -> None:
    ones = np.ones((len(rows), 1))
    z = np.hstack([rows[["pc", "unemp"]].to_numpy(float), ones])
    x = np.hstack([rows[["pcap", "unemp"]].to_numpy(float), ones])
    y = rows.gsp.to_numpy(float)
    fitted = z @ np.linalg.lstsq(z, x, rcond=None)[0]
    bread = np.linalg.inv(fitted.T @ fitted)
    e = y - x @ (bread @ fitted.T @ y)
    if kind == "robust":
        meat = (fitted.T * e**2) @ fitted * (len(e) / (len(e) - 3) if small else 1)
    elif kind == "unadjusted":
        meat = fitted.T @ fitted * (e @ e) / len(e)
    else:
        state = rows.state.to_numpy()
        sums = np.array([fitted[state == g].T @ e[state == g] for g in set(state)])
        meat = sums.T @ sums
    expected = np.sqrt(np.diag(bread @ meat @ bread))[:2]
    command = f"ivregress 2sls gsp unemp (pcap = pc){options}"
    np.testing.assert_allclose(errors(command, panel), expected[::-1], rtol=1e-7)


# --- the traps ------------------------------------------------------------------------


@quiet
def test_missing_values_are_larger_than_any_number() -> None:
    """A subset by pandas' rule would lose the rows whose value is missing."""
    frame = PANEL.frame.reset_index()
    frame["w"] = frame["unemp"]
    frame.loc[frame.sample(87, random_state=3).index, "w"] = np.nan
    panel = dp.Panel(frame, "state", "year")
    fit = dp.from_stata("reghdfe gsp pcap if w > 6, a(state year)", panel).spec.fit(
        panel
    )  # type: ignore[union-attr]
    alone = frame.groupby("state")["w"].transform(lambda w: (~(w <= 6)).sum()) == 1
    expected = (~(frame["w"] <= 6) & ~alone).sum()
    assert fit.nobs == expected
    assert fit.nobs > (frame["w"] > 6).sum()


@quiet
def test_if_acts_after_lags() -> None:
    fit = dp.from_stata(
        "reghdfe gsp L.unemp if year>=1975, absorb(state)", PANEL
    ).spec.fit(PANEL)  # type: ignore[union-attr]
    assert fit.nobs == 576
    early = PANEL.subset("year >= 1975")
    other = dp.from_stata("reghdfe gsp L.unemp, absorb(state)", early).spec.fit(early)  # type: ignore[union-attr]
    assert other.nobs == 528
    assert abs(other.params.iloc[0] - fit.params.iloc[0]) > 1


@quiet
def test_abbreviated_variables() -> None:
    read = dp.from_stata("reghdfe gs un, a(state ye)", PANEL)
    assert read.python.startswith('dp.FixedEffects("gsp", ["unemp"], cov_type=')
    with pytest.raises(dp.StataError, match="ambiguous"):
        dp.from_stata("reghdfe gsp p, a(state)", PANEL)


@quiet
def test_robust_means_three_things() -> None:
    assert dp.from_stata("xtreg y x, fe r").spec.cov_type == "clustered"  # type: ignore[union-attr]
    assert dp.from_stata("reg y x, r").spec.cov_type == "robust"  # type: ignore[union-attr]
    weighted = dp.from_stata("reg y x [pw=w]")
    assert weighted.spec.cov_type == "robust"  # type: ignore[union-attr]
    assert weighted.spec.obs_weights == "w"  # type: ignore[union-attr]
    assert "robust" in weighted.notes[0]


@quiet
def test_many_dummies_are_absorbed_and_the_numbers_are_those_of_dummies() -> None:
    frame = PANEL.frame.reset_index()
    frame["region"] = pd.factorize(frame["state"])[0] % 9
    panel = dp.Panel(frame, "state", "year")
    command = "reg gsp unemp pcap i.year##i.region"
    absorbed = dp.from_stata(command, panel).spec
    terms = dp.from_stata(command).spec
    assert absorbed.x == ("unemp", "pcap")  # type: ignore[union-attr]
    assert "year^region" in absorbed.absorb  # type: ignore[union-attr]
    a, b = (spec.fit(panel) for spec in (absorbed, terms))  # type: ignore[union-attr]
    names = ["unemp", "pcap"]
    np.testing.assert_allclose(a.params[names], b.params[names], rtol=1e-6)
    np.testing.assert_allclose(a.std_errors[names], b.std_errors[names], rtol=1e-6)


@quiet
def test_a_policy_and_its_periods_stay_terms() -> None:
    frame = PANEL.frame.reset_index().assign(treat=lambda f: (f.state < "M") * 1)
    panel = dp.Panel(frame, "state", "year")
    read = dp.from_stata("reghdfe gsp i.treat#i.year, a(state)", panel)
    assert "C(treat):C(year)" in read.python


# --- doors ----------------------------------------------------------------------------


@quiet
@pytest.mark.many(3)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 commands"),
        ("reg y x\nreg y z", "2 commands"),
        ("xtreg y x, be", "no such estimator"),
        ("qreg y x", "QuantReg of statsmodels estimates it"),
        ("kinkyreg y x, endogeneity(-.5 .5)", "no kinky least squares: oster_bound"),
        ("reghdfe y x, absorb(id) magic", "'magic' of reghdfe is not known"),
        ("psmatch2 d x, logit", "it matches rows"),
        ("frobnicate y x", "'frobnicate': the command is not known"),
        ("reg y", "no regressor"),
        ("reghdfe y x $controls, a(id)", "'controls' has no value"),
        ("reghdfe y `x' z, a(id)", "'x' has no value"),
    ],
)
def test_refusals_have_line_reason_and_advice(text: str, reason: str) -> None:
    with pytest.raises(dp.StataError, match=reason) as caught:
        dp.from_stata(text)
    assert caught.value.line == 1
    assert reason in caught.value.reason
    assert caught.value.problems[0].code == "stata"


@quiet
def test_text_only() -> None:
    with pytest.raises(dp.InputTypeError):
        dp.from_stata(3)  # type: ignore[arg-type]


@quiet
def test_chinese_names() -> None:
    read = dp.from_stata(
        "reghdfe 碳排放 数字经济 i.行业#c.年份 if 地区 == 1, a(省份 年份) cl(省份)"
    )
    spec = read.spec
    assert spec.y == "碳排放"  # type: ignore[union-attr]
    assert spec.x == ("数字经济", "C(行业):年份")  # type: ignore[union-attr]
    assert spec.where == "地区 == 1"  # type: ignore[union-attr]
    assert eval(read.python) == spec


@quiet
def test_comments_and_continued_lines() -> None:
    read = dp.from_stata("reghdfe y x ///\n z, /* all */ absorb(id) // note")
    assert read.spec.x == ("x", "z")  # type: ignore[union-attr]


@quiet
def test_keys_without_a_panel() -> None:
    with_keys = dp.from_stata("reghdfe y x, a(id year)", entity="id", time="year").spec
    assert with_keys == dp.FixedEffects(
        "y", "x", cov_type="unadjusted", collinear="drop"
    )
    columns = dp.from_stata("reghdfe y x, a(id year)").spec
    assert columns.absorb == ("id", "year")  # type: ignore[union-attr]
    assert not columns.entity_effects  # type: ignore[union-attr]


# --- run line by line -----------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], DoFile]:
    states = dp.datasets.us_states().frame.reset_index()
    (tmp_path / "data").mkdir()
    states.to_stata(tmp_path / "data" / "states.dta", write_index=False)

    def of(text: str) -> DoFile:
        path = tmp_path / "paper.do"
        path.write_text(text, encoding="utf-8")
        return run_do_file(path, tmp_path / "data")

    return of


def statuses(file: DoFile) -> list[str]:
    return [line.status for line in file.lines]


def test_numbers_are_those_of_the_script(run, monkeypatch, tmp_path) -> None:
    file = run(
        'use "D:\\old computer\\states.dta", clear\nxtset state year\n'
        "foreach v in gsp pc emp {\ngen ln_`v' = ln(`v')\n}\nwinsor2 ln_*, replace\n"
        "eststo a: reghdfe ln_gsp L.ln_pc ln_e if year > 1975, a(state year)\n"
        "qui xtreg ln_gsp ln_pc-ln_emp i.year, fe r\nest store b\n"
        "esttab a b using t.doc, b(%6.4f) se keep(ln_*)\n"
    )
    assert {*statuses(file)} == {"ran", "read"}
    names: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    exec(file.script, names)
    for name, fit in file.results.items():
        np.testing.assert_array_equal(fit.params, names["results"][name].params)
        np.testing.assert_array_equal(fit.std_errors, names["results"][name].std_errors)
    assert list(file.results["b"].params.index) == ["ln_pc", "ln_emp"]
    assert str(file.tables["t.docx"]) == str(names["tables"]["t.docx"])
    (first,) = file.estimations[0].results
    assert first is file.results["a"]
    assert file.estimations[0].reason.startswith(f"N = {first.nobs:,}")
    assert (tmp_path / "t.docx").exists()


def test_each_turn_of_a_loop_has_its_result(run) -> None:
    file = run(f"{READ}foreach y in gsp emp {{\nreghdfe `y' unemp, a(state year)\n}}\n")
    (line,) = file.estimations
    assert [fit.depvar for fit in line.results] == ["gsp", "emp"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A file that is not there changes every row.
        ("merge 1:1 state year using absent\n" + FIT, ["refused", "not run"]),
        # A column that is not there is made by no line that fails.
        ("gen a = absent\nreg gsp a\n" + FIT, ["refused", "not run", "ran"]),
        # Only the names that it has would change.
        (
            "rename absent b\nrename emp*x b\n" + FIT + "reg gsp b\n",
            ["refused", "refused", "ran", "not run"],
        ),
        ("rename pcap-emp (a b)\n" + FIT, ["refused", "not run"]),
        # A text cannot be a logarithm.
        ("gen a = ln(state_name)\nreg gsp a\n", ["refused", "not run"]),
        # Keys that repeat stop every estimation, and none uses an older panel.
        (
            FIT + "replace year = 1970\n" + FIT + FIT,
            ["ran", "ran", "refused", "refused"],
        ),
        # Other data end it.
        (
            "sample 10\n" + FIT + READ + FIT,
            ["refused", "not run", "ran", "read", "ran"],
        ),
        # Neither does a file of refused lines, although there is one of its name.
        (
            "replace gsp = runiform()\nsave states, replace\nuse states, clear\n" + FIT,
            ["refused", "skipped", "ran", "not run"],
        ),
        (
            "gen a = runiform()\nsave b\nuse b, clear\n" + FIT + "reg gsp a\n",
            ["refused", "skipped", "ran", "ran", "not run"],
        ),
        ("reghdfe gsp absent, a(state)\n" + FIT, ["refused", "ran"]),
        # Stata leaves out another cell.
        (
            "gen d = pc > 30000\nreghdfe gsp i.d#ib1975.year, a(state)\n",
            ["ran", "refused"],
        ),
        ("drop if _merge == 1\n" + FIT, ["refused", "not run"]),
        ("test unemp\n" + FIT + "test unemp\n", ["not run", "ran", "ran"]),
        ("est restore m\ntest unemp\n", ["read", "not run"]),
    ],
)
def test_what_fails_marks_what_depends_on_it(run, text, expected) -> None:
    file = run(READ + text)
    assert statuses(file)[2:] == expected, str(file)
    for line in file.lines:
        assert line.reason or line.status in ("ran", "read", "skipped")
    compile(file.script, "script", "exec")


def test_scripts_have_the_line_of_stata_above_its_code(run) -> None:
    file = run(
        "use states\nxtset state year\nlocal x emp\ngen luck = rnormal()\n"
        'reghdfe gsp pc hwy `x\' if region != `"a, "b" (c)"\', a(state year) r\n'
        "merge 1:1 state year using absent\n"
    )
    lines = file.script.partition("import digiprosper as dp\n")[2].splitlines()
    headings = [n for n, line in enumerate(lines) if line.startswith("# line")]
    assert [lines[n].split()[2] for n in headings] == ["1:", "2:", "4:", "5:", "6:"]
    assert not any(lines[n - 1] for n in headings)
    assert lines[headings[1] + 1].startswith("df = df.sort_values(['state', 'year']")
    assert lines[headings[2] + 1].startswith("# refused: random numbers")
    # A failed line keeps its code, as a comment, and its reason.
    assert all(line.startswith("#") for line in lines[headings[4] :] if line)
    assert lines[-1].startswith("# refused: no file is named 'absent.dta'")
    assert max(map(len, lines[headings[3] + 1 : headings[4]])) <= 88
    compile(file.script, "script", "exec")


def test_an_estimation_that_fails_leaves_no_result(run) -> None:
    file = run(f"{READ}{FIT}est store a\nreg gsp absent\nest store b\nest store a\n")
    assert file.results == {}


def test_files_are_found_by_the_end_of_their_path(run, tmp_path) -> None:
    frame = dp.datasets.us_states().frame.reset_index()
    for folder in ("raw", "clean"):
        (tmp_path / "data" / folder).mkdir()
        frame[frame["year"] > 1980].to_stata(tmp_path / "data" / folder / "a.dta")
    file = run('use "C:/paper/raw/A.dta"\nuse "C:/paper/other/a.dta"\n')
    assert statuses(file) == ["ran", "refused"]
    assert "several files are named 'a.dta'" in file.lines[1].reason


def test_no_folder(tmp_path) -> None:
    (tmp_path / "a.do").write_text("")
    with pytest.raises(NotADirectoryError, match="is no folder"):
        run_do_file(tmp_path / "a.do", tmp_path / "a.do")


def test_the_command_line(run, tmp_path, capsys) -> None:
    run(f"{READ}{FIT}outreg2 using t.xls, replace\n")
    arguments = [str(tmp_path / "paper.do"), "--data", str(tmp_path / "data")]
    assert main([*arguments, "--tables", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "line 3    ran         reghdfe gsp unemp" in printed
    assert "1 of 1 estimation ran, 0 translated, 0 refused." in printed
    assert (tmp_path / "t.xlsx").exists()
    with pytest.raises(SystemExit):
        main([arguments[0], "--tables", "folder"])


def test_questions_have_the_repaired_estimate(run) -> None:
    """Errors by entity, and the set that is right with weak instruments."""
    file = run(
        f"{READ}gen wet = water > 3000\n"
        "reghdfe gsp unemp, a(state year)\n"
        "ivreghdfe gsp (unemp = L.unemp) pc, a(state year) cl(state)\n"
    )
    asked = {notice.code: notice for notice in file.findings}
    # The data have no missing value.
    assert {*asked} == {"no_errors", "weak_instruments_not_tested"}
    panel = dp.datasets.us_states()
    clustered = dp.FixedEffects("gsp", ["unemp"]).fit(panel)
    plain = dp.FixedEffects("gsp", ["unemp"], cov_type="unadjusted").fit(panel)
    assert asked["no_errors"].message.endswith(
        f"unemp: {plain.params['unemp']:.4g}, standard error "
        f"{plain.std_errors['unemp']:.4g} as typed, "
        f"{clustered.std_errors['unemp']:.4g} if clustered by state"
    )
    ((low, high),) = file.estimations[1].results[0].anderson_rubin()
    last = f"Its 95% set is [{low:.4g}, {high:.4g}]"
    assert asked["weak_instruments_not_tested"].message.endswith(last)


def test_tests_print_and_are_no_estimations(run) -> None:
    file = run(
        f"{READ}egen g = group(state)\ngen on = year >= 1974 + g\n"
        "gen un2 = unemp^2\nxtserial gsp unemp i.year if year > 1975\n"
        "reghdfe gsp unemp un2, a(state year) vce(cl state)\n"
        "test unemp = un2\nutest unemp un2\nesttab\nbacondecomp gsp on\n"
    )
    serial, _, wald, u_test, table, bacon = file.lines[5:]
    spec = dp.FixedEffects("gsp", ["unemp"], where="year > 1975")
    expected = dp.wooldridge_ar1(spec, dp.datasets.us_states())
    assert serial.output.strip() == str(expected)
    assert wald.reason.startswith("Wald test: F(1, 47) = ")
    assert u_test.output.startswith("U-shape test")
    assert "(1)" in table.output
    assert "\n    U-shape test" in str(file)
    assert bacon.results == ()
    assert bacon.status == "ran"
    assert "treated vs never" in bacon.output


def test_averages_after_csdid(run) -> None:
    file = run(
        f"{READ}egen g = group(state)\ngen first = 1974 + mod(g, 2) * 3 if g < 30\n"
        "replace first = 0 if first == .\n"
        "csdid gsp, ivar(state) time(year) gvar(first)\n"
        "estat simple\nestat event\nestat pretrend\nestat plot\n"
    )
    fit = file.estimations[0].results[0]
    assert file.lines[-4].output.strip() == str(fit.aggregate("simple")).strip()
    assert file.lines[-3].output.strip() == str(fit.aggregate("dynamic")).strip()
    assert file.lines[-2].output.strip() == str(fit.pretrend_test()).strip()
    assert file.lines[-1].status == "refused"


def test_a_test_of_dummies_by_a_pattern_and_notes(run) -> None:
    file = run(
        f"{READ}tab year if year < 1974, gen(d_)\n{READ}gen d_1 = year == 1971\n"
        "gen d_2 = year == 1972\nxtreg gsp unemp d_*, fe r\ntestparm d_*\n"
    )
    fit = file.estimations[-1].results[0]
    assert file.lines[-1].output.strip() == str(fit.wald_test("d_1 = 0, d_2 = 0"))
    number = file.lines[-1].number
    assert f"line {number}: note: the p-value of Stata is" in str(file)


def test_the_folder_of_tables_is_made(run, tmp_path) -> None:
    run(f"{READ}{FIT}esttab using a.csv\n")
    path, data = str(tmp_path / "paper.do"), str(tmp_path / "data")
    assert main([path, "--data", data, "--tables", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / "a.csv").exists()


def test_residuals_are_those_of_the_fit(run) -> None:
    """Values of rows that were not estimated come from the same coefficients."""
    file = run(
        f"{READ}replace gsp = . if year == 1980\nreg gsp unemp if year > 1975\n"
        "predict double e, r\npredict double p\nest store m\n"
        "keep if e(sample)\nxtreg gsp pc i.year, fe\nest store fe\n"
        "predict double f, e\n"
    )
    data, pooled = file.data, file.results["m"]
    assert {*data["year"]} == {*range(1976, 1987)} - {1980}
    b = pooled.params
    np.testing.assert_allclose(
        data["p"], b["Intercept"] + b["unemp"] * data["unemp"], rtol=1e-10
    )
    np.testing.assert_allclose(data["e"], data["gsp"] - data["p"], rtol=1e-10)
    np.testing.assert_allclose(data["f"], file.results["fe"].resids, atol=1e-6)


def test_residuals_of_rows_without_an_effect_are_refused(run) -> None:
    file = run(f"{READ}areg gsp pc if year > 1975, a(state)\npredict e, r\n")
    assert "rows that are not estimated" in file.lines[-1].reason


def test_columns_with_coefficients_of_the_last_regression(run) -> None:
    """[U] 13.5: _b[] of regressors; of the constant and of terms it is refused."""
    file = run(
        f"{READ}gen double y0 = gsp - _b[pc]\nreg gsp pc emp\nest store m\n"
        "gen double y1 = gsp - _b[pc] * pc\nlogit unemp pc\n"
        "gen y2 = _b[pc]\nivregress 2sls gsp emp (pc = pcap)\nest store iv\n"
        "gen double y3 = _b[pc] - _b[emp]\ngen y4 = _b[_cons]\n"
        "reg gsp L.pc\ngen y5 = _b[pc]\ngen y6 = _se[pc]\n"
    )
    data, pooled, iv = file.data, file.results["m"].params, file.results["iv"].params
    assert {*data} & {"y0", "y2", "y4", "y5", "y6"} == set()
    np.testing.assert_allclose(data["y1"], data["gsp"] - pooled["pc"] * data["pc"])
    np.testing.assert_allclose(data["y3"], iv["pc"] - iv["emp"])


def test_rows_without_keys_are_predicted_in_their_order(run) -> None:
    file = run(
        "use states, clear\ngsort -gsp\nreg gsp unemp\npredict double e, r\n"
        "est store m\n"
    )
    b, data = file.results["m"].params, file.data
    expected = data["gsp"] - b["Intercept"] - b["unemp"] * data["unemp"]
    np.testing.assert_allclose(data["e"], expected, rtol=1e-10)


def test_a_category_that_a_refused_line_would_make(run) -> None:
    """It was a Python error, and the whole file had no report."""
    file = run("use states\ngen g = runiform() > 0.5\nreg gsp i.g##c.pc\nreg gsp pc\n")
    statuses = [line.status for line in file.lines]
    assert statuses == ["ran", "refused", "not run", "ran"]


def test_rows_and_variables_are_chosen_while_reading(run) -> None:
    file = run("use gsp year if year > 1980 & pc > 9000 using states, clear\n")
    states = dp.datasets.us_states().frame.reset_index()
    expected = states.query("year > 1980 and pc > 9000")
    np.testing.assert_array_equal(file.data["gsp"], expected["gsp"])
    assert list(file.data) == ["gsp", "year"]


def test_a_group_has_one_first_value(run) -> None:
    constant = run("use states\ncollapse (firstnm) state_name (mean)gsp, by(state)\n")
    assert len(constant.data) == 48
    several = run("use states\ncollapse (firstnm)gsp, by(state)\n")
    assert "several values in a group" in several.lines[-1].reason


def test_data_that_lines_save_keep_their_types(run: Any) -> None:
    """Types are those of the data that are read, not of those before them."""
    file = run(
        "use states\ngen x = 0.1\ngen double z = 0.1\ntempfile a\nsave `a'\n"
        "use states\ngen z = 0.1\nuse `a'\nreplace x = 0.3\nreplace z = 0.3\n"
        "gen same = 10 * (x == float(0.3)) + (z == 0.3)\n"
    )
    assert (file.data["same"] == 11).all()


def test_codes_of_a_label_that_a_line_defines_are_others(run) -> None:
    file = run(
        'use states\nlabel define s 9 "ALABAMA"\nencode state_name, gen(a) label(s)\n'
        "encode state_name, gen(s)\nencode state_name, gen(b)\n"
    )
    assert statuses(file)[2:] == ["refused", "refused", "ran"]


def test_each_turn_of_a_loop_is_beside_its_line(run) -> None:
    file = run(f"{READ}foreach y in gsp emp {{\nxtreg `y' unemp, fe\ntest unemp\n}}\n")
    lines = {line.text: line.reason for line in file.lines}
    assert lines["xtreg `y' unemp, fe"].count("N = 816") == 2
    assert lines["test unemp"].count("Wald test") == 2


def test_a_period_has_the_units_that_xtset_states(run) -> None:
    file = run(
        "use states\nencode state, gen(id)\nxtset id year, delta(2) yearly\n"
        "gen double a = L.unemp\nxtset id year, magic\n"
    )
    data = file.data.set_index(["id", "year"])
    before = data["unemp"].groupby("id").shift(2)
    np.testing.assert_array_equal(data["a"], before)
    assert file.lines[-1].reason == "the option 'magic' of xtset is not known here"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # Rows of the estimation are known by the keys that they had in it.
        ("use states\nreg gsp unemp\nxtset state year\ngen s = e(sample)", "refused"),
        ("use states\nxtset state year\nreg gsp unemp\ngen s = e(sample)", "ran"),
        (
            "use states\nrename pc PC2\nreplace PC2 = magic()\nrename *, lower\n"
            "reg gsp pc2",
            "not run",
        ),
        ("use states\nrename pc x, lower", "refused"),
        ("use states\nrename pc x y", "refused"),
        (
            "use states\nencode state_name, gen(a) label(l)\n"
            "encode state_name, gen(b) label(l)",
            "refused",
        ),
        ('use states\nlabel defi a 9 "x"\nencode state_name, gen(a)', "refused"),
        (
            "use states\nreg gsp unemp\nest store a\nreg gsp unemp pc\nest store b\n"
            "hausman a b, sigmamore",
            "refused",
        ),
        ("use states\nreg gsp unemp\npredict int e, r", "refused"),
        ("use states\nxtset state year, format(%ty)\nxtreg gsp unemp, fe", "ran"),
    ],
)
def test_the_last_line_is_read_as_stata_does(run, lines: str, expected: str) -> None:
    assert statuses(run(f"{lines}\n"))[-1] == expected


def test_two_columns_with_one_name_stop_a_line_and_no_run(run) -> None:
    file = run("use states\ngen PC = 1\nrename PC pc\nreg gsp pc\nreg gsp unemp\n")
    assert statuses(file) == ["ran", "ran", "refused", "not run", "ran"]
    file = run("use states\ngen PC = 1\nrename *, lower\nreg gsp pc\nreg gsp unemp\n")
    assert statuses(file) == ["ran", "ran", "refused", "not run", "not run"]
    assert file.lines[-1].reason == "a column comes from line 3"


def test_a_list_of_columns_is_known_when_the_file_is_run(run) -> None:
    """[D] ds: r(varlist) has the names, with ``not`` those of the others."""
    file = run(
        "use states\nqui ds state state_name year, not\n"
        "collapse (mean) `r(varlist)', by(state)\nds p*\nlocal p `r(varlist)'\n"
        "foreach v of varlist `p' {\ngen l`v' = ln(`v')\n}\nreg gsp lpc\n"
        "ds gsp\nsum emp\nreg `r(varlist)' pc\n"
    )
    assert [line.status for line in file.estimations] == ["ran", "refused"]
    assert [name for name in file.data if name[0] == "l"] == ["lpcap", "lpc"]
    assert "known only when" in file.estimations[-1].reason


def test_a_column_that_is_there_stops_the_line_as_in_stata(run) -> None:
    """[U] r(110): ``gen`` of a defined variable; ``capture`` leaves it as it is."""
    file = run(
        "use states\ncap gen pc = 2\nreg gsp pc\npredict unemp\nreg gsp unemp\n"
        "egen emp = mean(pc)\ndrop gsp\ngen gsp = pc\ncap encode state, gen(pc)\n"
        "encode state, gen(pc)\nxtile hwy = pc, n(4)\nreg gsp water\n"
    )
    assert file.lines[3].reason == "unemp is there already, so that Stata stops"
    expected = ["ran", "ran", "ran", "refused", "not run", "refused", "ran", "ran"]
    assert statuses(file) == [*expected, "ran", "refused", "refused", "ran"]
    np.testing.assert_allclose(file.data["gsp"], file.data["pc"], rtol=1e-6)


def test_large_numbers_and_texts_of_other_rows(run, tmp_path) -> None:
    """[U] 12.2, 13.7, [FN] String: doubles, empty texts, trimmed blanks."""
    (tmp_path / "data" / "rows.csv").write_text(
        "n,x,s\n1,3000000,a\n2,7,\n3,5,\u3000b \n", "utf-8"
    )
    file = run(
        "import delimited rows.csv, clear\nsort n\ngen double x3 = x^3\n"
        "gen double xx = x*x*x\ngen before = s[_n-1]\ngen t = trim(s)\n"
        'gen first = s[_n-1] == ""\ngen filled = s\ncarryforward s, gen(c)\n'
        "replace filled = filled[_n-1] if missing(filled)\n"
    )
    assert set(statuses(file)) == {"ran"}
    df = file.data
    assert [*df["x3"]] == [*df["xx"]] == [2.7e19, 343, 125]
    assert [*df["before"]] == ["", "a", ""]
    assert [*df["first"]] == [1, 0, 1]
    assert [*df["filled"]] == [*df["c"]] == ["a", "a", "\u3000b "]
    assert [*df["t"]] == ["a", "", "\u3000b"]


@pytest.mark.parametrize(
    "line",
    [
        "append using other, force",
        "merge 1:1 state year using other",
        # [FN] String: both are empty.
        "gen s = substr(region, 0, 2)",
        "gen s = substr(region, 1, -1)",
    ],
)
def test_texts_that_stata_does_not_make_stop_a_line(run, tmp_path, line) -> None:
    """[D] append, merge: r(106) where a column is text in one file only."""
    states = pd.read_stata(tmp_path / "data" / "states.dta")
    states["gsp"] = "a"
    states.to_stata(tmp_path / "data" / "other.dta", write_index=False)
    file = run(f"use states\ntostring year, gen(region)\n{line}\n")
    assert statuses(file) == ["ran", "ran", "refused"]


def test_numbers_in_texts_and_names_have_the_digits_of_stata(run, tmp_path) -> None:
    """[D] tostring: %12.0g has no zero before the point; [D] reshape: all digits."""
    rows = "i,j,x\n1,20100101,.5\n1,20100102,2\n"
    (tmp_path / "data" / "rows.csv").write_text(rows)
    file = run(
        "import delimited rows.csv\ntostring x, gen(s)\nkeep i j s\n"
        "reshape wide s, i(i) j(j) \n"
    )
    expected = {"i": 1, "s20100101": ".5", "s20100102": "2"}
    assert file.data.iloc[0].to_dict() == expected


def test_a_result_that_is_not_estimated_has_its_number(run) -> None:
    file = run(
        "use states\neststo: reg gsp unemp if year == 3000\neststo: reg gsp pc\n"
        "eststo: reg gsp emp\nesttab est3\nesttab est*\n"
    )
    assert list(file.results) == ["est2", "est3"]
    assert list(file.results["est3"].params.index)[:1] == ["emp"]
    assert [line.status for line in file.lines[4:]] == ["ran", "ran"]
    assert "without 'est1'" in file.lines[5].reason


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("xtset state year", "no line before it reads data"),
        ("use states\ngen a = substr(year, 1, 2)", "it needs text, but a column has"),
        ("import delimited a.csv\nren v2 x", "two columns would have one name"),
        ("use states\nxtset no year", "there is no column 'no'"),
    ],
)
def test_what_stops_a_line_is_said_in_words(run, tmp_path, lines, reason) -> None:
    (tmp_path / "data" / "a.csv").write_text("x,X\n1.5,2\n", encoding="utf-8")
    assert run(f"{lines}\n").lines[-1].reason.startswith(reason)


def test_predicted_columns_have_the_default_type(run) -> None:
    file = run("use states\nset type double\nreg gsp unemp\npredict e, r\n")
    fit = file.estimations[0].results[-1]
    np.testing.assert_allclose(file.data["e"], fit.resids, rtol=1e-12)


def test_a_table_after_posted_margins_has_no_regression(run) -> None:
    file = run(
        "use states\nreg gsp unemp\nmargins, dydx(unemp) post\nest store m\nesttab m\n"
    )
    assert "m" not in file.results
    assert statuses(file)[-1] != "ran"


def test_robust_errors_of_a_logit_have_the_factors_of_stata(run) -> None:
    """[R] _robust: n/(n - 1) without clusters, G/(G - 1) with G clusters."""
    file = run(
        f"{READ}gen high = unemp > 6\ngen lpc = ln(pc)\nlogit high lpc water\n"
        "logit high lpc water, r\nlogit high lpc water, vce(cluster state)\n"
        "predict p\npredict double xb, xb\nlogit high lpc L.water\npredict q\n"
    )
    plain, robust, clustered, _ = [line.results[0] for line in file.estimations]
    assert file.lines[-1].status == "refused"
    x, p = plain.model.exog, plain.predict()
    bread = np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x)
    scores = x * (plain.model.endog - p)[:, None]
    groups = file.data["state"].to_numpy()
    sums = np.array([scores[groups == g].sum(0) for g in np.unique(groups)])
    for fit, parts in ((plain, None), (robust, scores), (clustered, sums)):
        meat = np.linalg.inv(bread) if parts is None else parts.T @ parts
        factor = 1 if parts is None else len(parts) / (len(parts) - 1)
        errors = np.sqrt(np.diag(bread @ meat @ bread) * factor)
        np.testing.assert_allclose(fit.bse, errors, rtol=1e-6)
    np.testing.assert_allclose(file.data["p"], np.float32(p), rtol=1e-7)
    np.testing.assert_allclose(file.data["xb"], x @ plain.params)


def test_a_logit_that_predicts_rows_perfectly_is_refused(run) -> None:
    """Stata drops such rows; the slopes of other programs grow without bound."""
    file = run(f"{READ}gen high = gsp > 30000\nlogit high gsp\npredict p\n")
    assert statuses(file)[-2:] == ["refused", "refused"]


def test_a_row_that_is_completely_determined_stops_no_logit(run) -> None:
    """Stata notes it and keeps the row where the maximum is finite."""
    lines = (
        f"{READ}gen high = unemp > 6\n"
        "replace high = 1 if _n == 1\nreplace water = 1e6 if _n == 1\n"
    )
    file = run(f"{lines}logit high water\nlogit high water if _n > 1\n")
    assert statuses(file)[-2:] == ["ran", "ran"]
    determined, without = (line.results[0] for line in file.estimations)
    assert determined.nobs == without.nobs + 1
    np.testing.assert_allclose(determined.params, without.params, rtol=1e-6)


def test_rows_are_matched_as_psmatch2_does(run) -> None:
    """Help of psmatch2: off support, an equal score, the odds as distances."""
    file = run(
        f"{READ}gen d = unemp > 6\n"
        "psmatch2 d util, out(gsp) logit common cal(.05)\n"
        "reg gsp d if _weight != .\ngen s = _support\n"
        "psmatch2 d pc util, logit odds\ngen o = _pscore\n"
        "psmatch2 d util if year > 1975, kernel common odds\ngen w = _weight\n"
        "psmatch2 d water, logit\nreg gsp d if _weight != .\n"
    )
    assert [line.status for line in file.estimations] == [
        *("ran", "ran", "ran", "ran", "refused", "not run")
    ]
    assert file.estimations[4].reason == "ties: the order of rows would decide"
    df = file.data
    x = np.column_stack([np.ones(len(df)), df.util])
    p = Logit(df.d.to_numpy(), x).fit(disp=0).predict()
    ends = p[df.d == 0].min(), p[df.d == 0].max()
    outside = (df.d == 1) & ((p < ends[0]) | (p > ends[1]))
    gaps = np.abs(p[:, None] - p[df.d == 0])
    support = ~outside & ((gaps.min(1) < 0.05) | (df.d == 0))
    np.testing.assert_array_equal(df.s, support)
    y = df.gsp[df.d == 0].to_numpy()[gaps.argmin(1)]
    effect = (df.gsp - y)[support & (df.d == 1)].mean()
    assert file.estimations[0].reason == f"ATT of gsp: {effect:.6g}"
    x = np.column_stack([x[:, 0], df.pc, df.util])
    index = x @ Logit(df.d.to_numpy(), x).fit(disp=0).params
    np.testing.assert_allclose(df.o, index, rtol=1e-5)
    late = df[df.year > 1975]
    x = np.column_stack([np.ones(len(late)), late.util])
    p = pd.Series(Probit(late.d.to_numpy(), x).fit(disp=0).predict(), late.index)
    np.testing.assert_allclose(df["_pscore"][late.index], np.log(p / (1 - p)))
    controls = p[late.d == 0]
    near = (late.d == 1) & p.between(controls.min(), controls.max())
    near &= np.array([(abs(controls - at) < 0.06).any() for at in p])
    np.testing.assert_allclose(df.w[df.d == 0].sum(), near.sum(), rtol=1e-6)


@pytest.mark.parametrize(
    "option", ["llr", "noreplacement", "mahal(water)", "pscore(gsp)"]
)
def test_other_matching_is_refused(option, run) -> None:
    file = run(f"{READ}gen d = unemp > 6\npsmatch2 d water, {option}\n")
    assert statuses(file)[-1] == "refused"


def test_residuals_of_reghdfe_are_those_of_its_sample(run) -> None:
    """Help of reghdfe, [XT] xtreg postestimation: e is computed in e(sample) only."""
    file = run(
        f"{READ}reghdfe gsp unemp if year > 1980, a(state year) res\n"
        "predict double e, r\nxtreg gsp unemp if year > 1980, fe\n"
        "predict double f, e\nlogit gsp unemp\npredict double g, e\n"
    )
    late = file.data["year"] > 1980
    fit = file.estimations[0].results[0]
    assert file.data["e"].isna().equals(~late)
    np.testing.assert_allclose(file.data.loc[late, "e"], fit.resids.to_numpy())
    assert file.data["f"].isna().equals(~late)
    assert statuses(file)[-2:] == ["refused", "refused"]


def test_columns_of_a_file_keep_their_precision(run, tmp_path) -> None:
    """[D] replace: the type of a variable stays, so that 0.1 is rounded in a float."""
    single = np.array([1, 2, 3], "float32")
    columns = {"x": single, "w": single, "z": np.array([1.0, 2.0, 3.0]), "year": 1}
    path = tmp_path / "data" / "types.dta"
    pd.DataFrame(columns).assign(name=["b", "a", "a"]).to_stata(
        path, write_index=False, value_labels={"year": {1: "a"}}
    )
    file = run(
        "use types\nrename x y\nreplace y = 0.1 if z > 1\nreplace z = 0.1 if z > 1\n"
        "winsor2 w, replace cuts(25 75)\nreplace w = w / 3\ngen v = 1\n"
        "replace v = 0.1\nencode name, gen(year2) label(year)\nencode name, gen(id)\n"
    )
    rounded = float(np.float32(0.1))
    assert file.data["y"].tolist() == [1, rounded, rounded]
    assert file.data["z"].tolist() == [1, 0.1, 0.1]
    assert file.data["w"].tolist() == [float(np.float32(x / 3)) for x in (1, 2, 3)]
    assert file.data["v"].tolist() == [rounded] * 3
    # The codes of a label that the file has are those of the label.
    assert statuses(file)[-2:] == ["refused", "ran"]
    assert "has codes of the label year" in file.lines[-2].reason


def test_columns_in_lower_case_keep_their_types(run, tmp_path) -> None:
    """A name that is dropped has the type of its column no more."""
    columns = {"X": np.ones(3, "float32"), "z": np.ones(3), "year": 1}
    pd.DataFrame(columns).to_stata(tmp_path / "data" / "t.dta", write_index=False)
    file = run(
        "use t\ngen C = 1\ngen v = 1\n"
        "rename *, lower\ndrop v\nrename z v\n"
        "foreach n in c v x {\nreplace `n' = 0.1\n}\n"
    )
    rounded = float(np.float32(0.1))
    values = file.data[["c", "v", "x"]].iloc[0].tolist()
    assert values == [rounded, 0.1, rounded]


@pytest.mark.parametrize(
    ("case", "names"),
    [("l", ["a_b", "c"]), ("up", ["A_B", "C"]), ("pre", ["a_B", "C"]), ("x", None)],
)
def test_case_of_headings(run, tmp_path, case: str, names: list[str] | None) -> None:
    """Stata takes the first letters of the words lower, upper and preserve."""
    (tmp_path / "data" / "t.csv").write_text("a_B,C\n1,2\n")
    file = run(f"import delimited t.csv, case({case})\n")
    columns = None if file.data is None else file.data.columns.tolist()
    assert columns == names


LOOP = "foreach v {} {{\nreg gsp emp if {} == `v'\n}}\n"


@pytest.mark.parametrize(
    ("line", "loop", "column"),
    [
        ("levelsof year if year > 1983, local(l)", "of local l", "year"),
        ("qui levelsof year if year > 1983", "in `r(levels)'", "year"),
        ("levelsof year if year > 1983\nlocal l `r(levels)'", "of local l", "year"),
    ],
)
def test_values_of_levelsof_are_turns(run, line: str, loop: str, column: str) -> None:
    file = run(READ + f"{line}\n" + LOOP.format(loop, column))
    frame = dp.datasets.us_states().frame.reset_index()
    (estimation,) = file.estimations
    slopes = [fit.params["emp"] for fit in estimation.results]
    expected = [
        np.polyfit(rows["emp"], rows["gsp"], 1)[0]
        for _, rows in frame[frame["year"] > 1983].groupby("year")
    ]
    assert len(slopes) == 3
    np.testing.assert_allclose(slopes, expected, rtol=1e-6)


def test_texts_of_levelsof_are_turns(run) -> None:
    file = run(
        f"{READ}levelsof state_name if year == 1970 & unemp > 7, local(names)\n"
        'foreach n of local names {\nreg gsp emp if state_name == "`n\'"\n}\n'
    )
    frame = dp.datasets.us_states().frame.reset_index()
    rows = frame[(frame["year"] == 1970) & (frame["unemp"] > 7)]
    assert len(file.estimations[0].results) == rows["state_name"].nunique() > 1


@pytest.mark.many(3)
@pytest.mark.parametrize(
    "lines",
    [
        "levelsof pc, local(l)",
        "levelsof state year, local(l)",
        "levelsof year, local(l) clean",
        "levelsof year in 1/9, local(l)",
        "levelsof year if e(sample), local(l)",
        "scalar limit = 1980\nlevelsof year if year > limit, local(l)",
        "by state: levelsof year, local(l)",
        "gen u = runiform()\nlevelsof year if u > 0.5, local(l)",
        "gen u = runiform()\nlevelsof u, local(l)",
        "drop if runiform() > 0.5\nlevelsof year, local(l)",
        "levelsof year, local(l)\nlevelsof `=r(kurtosis)', local(l)",
        "levelsof year, local(l)\nif r(N) > 9 levelsof state, local(l)",
        "levelsof year, local(l)\nif r(N) > 9 {\nlevelsof state, local(l)\n}",
    ],
)
def test_values_of_levelsof_that_are_not_known(run, lines: str) -> None:
    file = run(f"{READ}{lines}\n" + LOOP.format("of local l", "year"))
    assert file.estimations[-1].status == "not run"
    assert file.estimations[-1].results == ()


def test_levels_are_those_of_the_last_command(run) -> None:
    for line in ("su gsp", "reg gsp emp", "if r(N) > 9 {\nsu gsp\n}"):
        file = run(
            f"{READ}levelsof year\n{line}\n" + LOOP.format("in `r(levels)'", "year")
        )
        assert file.estimations[-1].status == "not run", line


UNKNOWN = "if r(kurtosis) > 3 {{\n{}\n}}\n"
PROGRAM = "program mine\n{}\nend\n{}mine\n"


@pytest.mark.many(4)
@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        ("su unemp", "su pc", "gen a = gsp - r(mean)\nreg a emp"),
        ("reg gsp emp", "reg gsp pc", "test emp"),
        ("reg gsp emp", "reg gsp pc", "predict a, xb\nreg a unemp"),
        (
            "reg gsp emp\nest store a",
            "reg gsp pc\nest store a",
            "est restore a\ntest emp",
        ),
        ("reg gsp emp\nest store a", "eststo a: reg gsp pc", "est restore a\ntest emp"),
        ("local a emp", "tempvar a", "reg gsp `a'"),
        ("save b", "drop if year > 1980\nsave b, replace", "use b\nreg gsp emp"),
        ("", "set obs 1000", "reg gsp emp"),
        ("", "xtset year state", "xtreg gsp emp, fe"),
        ("local a1 emp", "local a`=r(kurtosis)' pc", "reg gsp `a1'"),
    ],
)
def test_what_a_block_may_store_is_not_known_after_it(run, before, line, after) -> None:
    """Numbers of the last command that ran were shown as those of Stata."""
    file = run(f"{READ}{before}\n{UNKNOWN.format(line)}{after}\n")
    assert file.lines[-1].status in ("not run", "refused"), str(file)
    assert run(f"{READ}{before}\n{after}\n").lines[-1].status == "ran"


@pytest.mark.many(4)
@pytest.mark.parametrize(
    ("lines", "before", "after"),
    [
        ("reg gsp pc", "reg gsp emp\n", "test emp"),
        (
            "reg gsp pc\nest store a",
            "reg gsp emp\nest store a\n",
            "est restore a\ntest emp",
        ),
        ("replace u`s'nemp = 1", "local s a\n", "reg gsp unemp"),
        (
            "syntax, VARiable(string)\nreplace `variable' = 1",
            "local variable emp\n",
            "reg gsp unemp",
        ),
        ("gettoken v 0 : 0\nreplace e`v'mp = 1", "", "reg gsp emp"),
    ],
)
def test_a_program_has_its_own_locals(run, lines: str, before: str, after: str) -> None:
    file = run(READ + before + PROGRAM.format(lines, before) + after + "\n")
    assert file.lines[-1].status in ("not run", "refused"), str(file)


ENTROPY = """args v sign n
quietly {{
su `v'
scalar min = r(min)
scalar max = r(max)
gen `v'_sd = (`v' - min) / (max - min)
if `sign' == -1 {{
replace `v'_sd = 1 - `v'_sd
}}
egen total = sum(`v'_sd)
gen `v'_e = -`v'_sd / total * ln(`v'_sd / total) / ln(`n')
egen `v'_s = sum(`v'_e)
drop total `v'_e
}}"""


def test_programs_with_arguments_are_run(run) -> None:
    """The entropy of an index is computed by such a program in most scripts."""
    file = run(
        f"{READ}program define shang\n{ENTROPY.format()}\nglobal n `n'\nend\n"
        "local v emp\nshang unemp -1 816\nqui shang pc 1 816\nreg gsp `v' unemp_s\n"
        "gen kept = $n\n"
    )
    data = dp.datasets.us_states().frame
    for name, sign in (("unemp", -1), ("pc", 1)):
        x = data[name]
        scaled = (x - x.min()) / (x.max() - x.min())
        share = scaled if sign == 1 else 1 - scaled
        share = share / share.sum()
        entropy = -(share[share > 0] * np.log(share[share > 0])).sum() / np.log(816)
        assert np.isclose(file.data[f"{name}_s"], entropy, rtol=1e-5).all()
    # The program has locals of its own, and globals of all.
    assert "emp" in file.estimations[0].results[0].params.index
    assert (file.data["kept"] == 816).all()
    assert [line.status for line in file.lines if "shang " in line.text] == ["read"] * 2


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ("syntax varlist", "mine emp"),
        ("exit", "mine emp"),
        ("preserve", "mine emp"),
        ("tempvar a", "mine emp"),
        ("macro shift", "mine emp"),
        ("", "mine emp, all"),
        ("", "mine emp if year > 1980"),
        ("", "capture mine emp"),
        ("", "bysort state: mine emp"),
        ("mine emp", "mine emp"),
    ],
)
def test_programs_that_are_not_run(run, body: str, call: str) -> None:
    program = f"program mine\n{body}\nreplace gsp = 1\nend\n"
    file = run(f"{READ}{program}{call}\nreg gsp pc\n")
    assert file.lines[-1].status == "not run", str(file)


def test_an_else_after_a_program_is_that_of_its_if(run) -> None:
    program = "program mine\nif 1 > 2 {\nreplace gsp = 1\n}\nend\n"
    file = run(f"{READ}{program}if 2 > 1 mine\nelse replace pc = 1\nreg gsp pc\n")
    assert file.data["pc"].max() > 1


def test_a_program_with_the_name_of_a_command(run) -> None:
    file = run(
        f"{READ}program winsor2\nreplace gsp = 1\nend\nwinsor2 emp, replace\n"
        "reg gsp emp\n"
    )
    assert statuses(file)[-2:] == ["refused", "not run"]


def test_names_of_macros_have_macros(run) -> None:
    """The control was left out: the name was taken to end before the macro."""
    file = run(f"{READ}forvalues i = 1/2 {{\nlocal x`i' emp\n}}\nreg gsp pc `x1'\n")
    assert list(file.estimations[0].results[0].params.index) == [
        "pc",
        "emp",
        "Intercept",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "foreach v in $list {\nreplace gsp = 1\n}",
        'if "$kind" == "a" {\nreplace gsp = 1\n}',
        'if "$kind" == "a" replace gsp = 1',
    ],
)
def test_a_global_that_no_line_defines_is_not_empty(run, line: str) -> None:
    file = run(f"{READ}{line}\nreg gsp emp\n")
    assert file.estimations[0].status == "not run"
    assert "pass macros" in str(file)


def test_rows_that_set_obs_makes(run) -> None:
    file = run(f"{READ}set obs 1000\nreg gsp emp\n")
    assert statuses(file)[-2:] == ["refused", "not run"]


def test_a_result_that_the_last_line_refuses(run) -> None:
    file = run(f"{READ}eststo a: reg gsp emp\neststo a: reg gsp absent\n")
    assert file.results == {}


def test_inequalities_are_no_tests(run) -> None:
    file = run(f"{READ}reg gsp emp pc\ntest emp pc > 0\n")
    assert "inequality" in file.lines[-1].reason


def _shown(file: DoFile) -> list[Any]:
    """List what a reader takes for Stata's: by line, fits and what tests print."""
    return [
        (
            line.number,
            [fit.params.to_dict() for fit in line.results],
            [] if line.is_estimation or line.status != "ran" else line.reason,
        )
        for line in file.lines
    ]


@pytest.mark.further
@pytest.mark.parametrize("files", [20, pytest.param(80, marks=pytest.mark.weekly)])
def test_no_number_depends_on_what_an_unknown_block_does(run, files: int) -> None:
    """In Stata the block runs, or it does not; what is shown is right in both cases."""
    rng = np.random.default_rng(11)
    parts = [
        "su gsp",
        "su pc",
        "local m = r(mean)",
        "local c emp",
        "local c`k' pc",
        "local k 1",
        "global g emp",
        "global g pc",
        "levelsof year if year > 1984, local(l)",
        "levelsof year if year < 1971, local(l)",
        "reg gsp emp",
        "reg gsp emp pc",
        "est store a",
        "eststo a: reg gsp emp unemp",
        "replace pc = pc + year",
        "gen double w = gsp - r(mean)",
        "drop if year > 1980",
        "save b",
        "xtset state year",
        "xtset year state",
        "mine pc",
        "foreach v in pc emp {\nreplace `v' = `v' * year\n}",
    ]
    ends = [
        "gen z = gsp - r(mean)\nreg z emp",
        "gen y = gsp - `m' * year\nreg y emp",
        "reg gsp unemp w",
        "reg gsp unemp `c'",
        "reg gsp unemp `c1'",
        "reg gsp unemp $g",
        "test emp",
        "est restore a\ntest emp",
        "use b\nreg gsp pc",
        "xtreg gsp pc, fe",
        LOOP.format("of local l", "year").strip(),
        LOOP.format("in `r(levels)'", "year").strip(),
    ]
    head = f"{READ}program mine\nargs v\nreplace `v' = `v' * year\nsu `v'\nend\n"
    count = 0
    for _ in range(files):
        drawn = ["\n".join(rng.choice(parts, size)) for size in (5, 2)]
        before, block = (f"{lines}\n" for lines in drawn)
        end = "\n".join(rng.permutation(ends)[:5]) + "\n"
        shown = _shown(run(f"{head}{before}if r(kurtosis) > 3 {{\n{block}}}\n{end}"))
        for inside in (block, "\n" * block.count("\n")):
            text = f"{head}{before}if 1 {{\n{inside}}}\n{end}"
            truth = {number: numbers for number, *numbers in _shown(run(text))}
            for number, *numbers in shown:
                if any(numbers) and any(truth.get(number, ())):
                    # Where Stata stops there is no number to compare.
                    assert numbers == truth[number], (before, block, end)
                    count += 1
    assert count > 1.9 * files


def test_rows_by_number(run) -> None:
    states = dp.datasets.us_states().frame.reset_index()
    for line, rows in [
        ("drop in 1/8", slice(8, None)),
        ("keep in 3", slice(2, 3)),
        ("keep in f/30", slice(None, 30)),
        ("keep in -5/l", slice(-5, None)),
        ("drop in -5/-1", slice(None, -5)),
    ]:
        data = run(f"use states\n{line}\n").data
        np.testing.assert_array_equal(data["gsp"], states["gsp"].iloc[rows])
    file = run("use states\nsort year\nkeep in 1/9\nkeep in 1/9 if gsp > 0\n")
    assert "ties" in file.lines[2].reason
    assert "a condition" in file.lines[3].reason


def test_dummies_of_xi(run) -> None:
    """The first value has none; those of an earlier xi are dropped."""
    file = run(
        f"{READ}gen type = mod(year, 3)\nxi i.state\nxi i.type i.year\n"
        "reg gsp pc _I*\nreg gsp pc i.type i.year\nreg gsp pc _Iyear_1971\n"
        "xi: reg gsp pc i.year\nreg gsp _Iyear*\nxi i.year*i.type\nreg gsp pc\n"
    )
    made = [name for name in file.data if name.startswith("_I")]
    years = range(1971, 1987)
    assert made == ["_Itype_1", "_Itype_2", *(f"_Iyear_{y}" for y in years)]
    fits = [line.results for line in file.estimations]
    np.testing.assert_allclose(
        fits[0][0].std_errors["pc"], fits[1][0].std_errors["pc"], rtol=1e-9
    )
    # Those of the prefix are not made here.
    assert [line.status for line in file.estimations][3:] == ["ran", "not run", "ran"]


def test_dummies_that_a_refused_xi_makes(run, tmp_path) -> None:
    """A pattern must not have only those that the file had before."""
    states = dp.datasets.us_states().frame.reset_index()
    states.assign(_Iold=1.0 * (states["year"] > 1980)).to_stata(
        tmp_path / "data" / "old.dta", write_index=False
    )
    file = run("use old\nxi i.year*pc\nreg gsp emp _I*\nreg gsp year\n")
    assert statuses(file)[1:] == ["refused", "not run", "ran"]


def test_other_bases_of_fvset_are_refused(run) -> None:
    file = run(
        f"{READ}gen type = mod(year, 3)\nfvset base 2 type\nreg gsp i.type##c.pc\n"
    )
    assert statuses(file)[-2:] == ["refused", "not run"]


def test_the_sample_of_rows_without_keys(run) -> None:
    """It is known as long as no row is moved."""
    file = run(
        "use states\nreplace pc = . if year > 1980\nreg gsp pc\ngen s = e(sample)\n"
        "su emp if e(sample)\nreturn list\ngen z = emp / r(sd)\nsort gsp\n"
        "gen t = e(sample)\nreg gsp pc\nkeep if e(sample)\ngen u = e(sample)\n"
    )
    data = dp.datasets.us_states().frame.reset_index()
    assert (file.data["s"] == 1).all()
    assert len(file.data) == (data["year"] <= 1980).sum()
    sd = data.loc[data["year"] <= 1980, "emp"].std()
    expected = np.sort(data.loc[data["year"] <= 1980, "emp"] / sd)
    np.testing.assert_allclose(np.sort(file.data["z"]), expected, rtol=1e-6)
    assert [file.lines[at].status for at in (8, 11)] == ["refused", "refused"]


def test_a_column_that_is_dropped_moves_no_row(run) -> None:
    """[D] drop: without keys the rows of the estimation are still known."""
    file = run(
        "use states\nreplace pc = . if year > 1980\nreg gsp pc\ncap drop water\n"
        "gen s = e(sample)\ndrop if year == 1970\ngen t = e(sample)\n"
    )
    assert statuses(file)[-3:] == ["ran", "ran", "refused"]
    data = file.data
    np.testing.assert_array_equal(data["s"], data["year"] <= 1980)


def test_results_after_restore(run) -> None:
    """The last estimation is that before restore, and its rows are not known."""
    file = run(
        f"{READ}reg gsp pc\npreserve\nkeep if year > 1980\nreg gsp emp\nrestore\n"
        "test emp\npredict double f\ngen s = e(sample)\n"
    )
    ends = [line.status for line in file.lines[-3:]]
    assert ends == ["ran", "ran", "refused"]
    fit = file.estimations[1].results[0]
    expected = fit.params["Intercept"] + fit.params["emp"] * file.data["emp"]
    np.testing.assert_allclose(file.data["f"], expected, rtol=1e-9)


def test_means_of_a_pattern(run) -> None:
    states = dp.datasets.us_states().frame.reset_index()
    file = run("use states\ncollapse (mean) p* (sum) s=emp [aw=1], by(year)\n")
    assert file.lines[-1].status == "refused"
    file = run("use states\ncollapse (mean) p* (sum) s=emp, by(year)\n")
    expected = states.groupby("year").mean(numeric_only=True)
    names = [name for name in states if name.startswith("p")]
    np.testing.assert_allclose(file.data[names], expected[names])


def test_cells_of_a_sheet(run, tmp_path) -> None:
    pytest.importorskip("openpyxl")
    table = pd.DataFrame(
        {"省份": ["a", "b", "c"], "y": [1.0, 2.0, 3.0], "z": [4, 5, 6]}
    )
    table.to_excel(tmp_path / "data" / "a.xlsx", startrow=2, startcol=1, index=False)
    file = run(
        'import excel "a.xlsx", sheet("Sheet1") cellrange(B3:C5) firstrow clear\n'
    )
    pd.testing.assert_frame_equal(file.data, table.iloc[:2, :2], check_dtype=False)
    file = run('import excel "a.xlsx", cellrange(B3) firstrow clear\n')
    assert "cellrange" in file.lines[0].reason


def test_data_without_the_keys_are_not_xtset(run) -> None:
    file = run(f"{READ}ren year t\nreg gsp emp, r\nxtreg gsp emp, fe\n")
    assert statuses(file)[-2:] == ["ran", "ran"]
    file = run(f"{READ}ren state s\nreg gsp emp, r\nxtreg gsp emp, fe\n")
    assert statuses(file)[-2:] == ["ran", "refused"]


def test_headings_become_names_as_in_stata(run, tmp_path) -> None:
    """Signs go, and a number or a heading that repeats becomes a position.

    So Stata reads excess.mean* as excessmean, 2018 [YR2018] as YR2018 and All dwellings
    (Price) as AlldwellingsPrice, as do-files of public repositories use them.
    """
    pytest.importorskip("openpyxl")
    headings = ["Country Name", "excess.mean*", "2018 [YR2018]", 2019, "收入（元）"]
    table = pd.DataFrame([["a", 1.5, "..", 3, 4], ["b", 2.5, 7, 0.25, 5]])
    table.columns = headings
    table.to_excel(tmp_path / "data" / "a.xlsx", startcol=1, index=False)
    table.to_csv(tmp_path / "data" / "a.csv", index=False)
    file = run("import excel a.xlsx, cellrange(B1:F3) firstrow\n")
    expected = ["CountryName", "excessmean", "YR2018", "E", "收入元"]
    assert [*file.data] == expected
    assert file.data["YR2018"].tolist() == ["..", "7"]
    file = run("import excel a.xlsx, cellrange(B2:F3)\nrename B country\n")
    assert [*file.data] == ["country", "C", "D", "E", "F"]
    assert file.data["E"].tolist() == [3, 0.25]
    file = run("import delimited a.csv\nkeep countryname yr2018 v4\n")
    assert [*file.data] == ["countryname", "yr2018", "v4"]
    (tmp_path / "data" / "b.csv").write_text("x,X\n1.5,2\n", encoding="utf-8")
    assert [*run("import delimited b.csv\n").data] == ["x", "v2"]


def test_texts_and_numbers_together_stop_a_line(run) -> None:
    """[U] 12.4: Stata stops with r(109), type mismatch, so that nothing is shown."""
    file = run(
        f'{READ}gen a = year == "1970"\ngen b = state == 1\negen c = max(state)\n'
        'reg gsp unemp if state == 2\nreplace emp = "many"\nreplace state = 3\n'
        "drop if state < 9\n"
    )
    assert statuses(file)[2:] == ["refused"] * 7
    assert all("type mismatch" in line.reason for line in file.lines[2:])


@pytest.mark.parametrize("value", [".", "1970.5"])
def test_reshape_stops_where_names_would_have_no_number(run, value) -> None:
    """[D] reshape: values of j() are whole numbers, and none is missing."""
    file = run(
        f"{READ}keep state year emp\nreplace year = {value} if year == 1970\n"
        "reshape wide emp, i(state) j(year)\n"
    )
    assert "fractions" in file.lines[-1].reason


def test_separated_rows_by_another_rule_stop_a_line(run) -> None:
    head = f'{READ}gen n = round(emp) * (state != "AL")\ngen d = year > 1980\n'
    file = run(
        f"{head}ppmlhdfe n d, a(year state)\n"
        "ppmlhdfe n d, a(state year) sep(fe relu simplex)\n"
        "ppmlhdfe n d, a(state year) sep(none)\n"
    )
    assert file.estimations[2].status == "refused"


def test_summarize_stores_percentiles_with_detail_only(run) -> None:
    """[R] summarize: r(p50) is stored with detail, and r(sd) not with meanonly."""
    file = run(
        f"{READ}sum emp\ngen a = emp > r(p50)\nsum emp, meanonly\ngen b = emp / r(sd)\n"
        "sum emp, d\ngen c = emp > r(p50)\n"
    )
    assert statuses(file)[-6:] == ["skipped", "refused"] * 2 + ["skipped", "ran"]


def test_cuts_of_winsor2_ascend(run) -> None:
    """Of descending cuts winsor2 makes names of them, and stops."""
    file = run(f"{READ}winsor2 emp, cuts(99 1)\n")
    assert statuses(file)[-1] == "refused"


def test_entities_with_one_row_are_in_no_conditional_poisson_model(run) -> None:
    """Xtpoisson: "dropped because of only one obs per group"; poisson keeps them."""
    head = f"{READ}gen n = round(emp)\n"
    first = run(
        f'{head}xtpoisson n pc unemp if state != "AL", fe vce(robust)\n'
        'xtpoisson n pc unemp if state != "AL" | year == 1986, fe vce(robust)\n'
        'poisson n pc unemp i.state if state != "AL" | year == 1986\n'
        'ppmlhdfe n pc if state != "AL" | year == 1986, a(state) keepsing d\n'
    )
    without, fit, plain, kept = (line.results[0] for line in first.estimations)
    assert fit.nobs == without.nobs == 47 * 17
    assert fit.std_errors.to_numpy() == pytest.approx(without.std_errors.to_numpy())
    assert plain.nobs == kept.nobs == 47 * 17 + 1


def test_asdoc_may_have_estimated_something_else(run) -> None:
    file = run(f"{READ}reg gsp emp\nasdoc reg gsp pc, nest\npredict e, res\n")
    assert statuses(file)[-1] == "refused"
    file = run(f"{READ}fvset clear _all\nreg gsp emp\n")
    assert statuses(file)[-2:] == ["refused", "not run"]


def test_a_regression_after_collect_is_the_last_one(run) -> None:
    file = run(f"{READ}reg gsp emp\ncollect _r_b, tag(m[1]): reg gsp pc\ntest pc\n")
    assert statuses(file)[-2:] == ["ran", "ran"]
    assert run(f"{READ}tab year, gen(a b)\ntab year, gen(a(b))\n").results == {}


def test_a_range_of_columns_has_no_stored_result(run) -> None:
    file = run(
        "use states, clear\nsum pc\nscalar m = r(mean)\ngen a_b = unemp\n"
        "egen total = rowtotal(pc-a_b)\ndrop *_*\ngen above = pc > m\nreg gsp above\n"
    )
    assert set(statuses(file)) == {"ran", "read", "skipped"}
    data = dp.datasets.us_states().frame.reset_index()
    columns = data.loc[:, "pc":].select_dtypes("number")
    expected = columns.sum(axis=1) + data["unemp"]
    np.testing.assert_allclose(file.data["total"], expected, rtol=1e-6)
    np.testing.assert_array_equal(file.data["above"], data["pc"] > data["pc"].mean())


def test_predictions_of_xtreg_have_the_constant_and_no_effects(run) -> None:
    file = run(
        f"{READ}xtreg gsp pc L.unemp if year < 1980, fe\nest store m\n"
        "predict double p\nxtreg gsp pc i.year, fe\npredict q\n"
    )
    fit, data = file.results["m"], file.data
    lagged = data.groupby("state")["unemp"].shift()
    slopes = fit.params["pc"] * data["pc"] + fit.params["lag(unemp)"] * lagged
    used = slopes.notna() & (data["year"] < 1980)
    constant = data["gsp"][used].mean() - slopes[used].mean()
    np.testing.assert_allclose(data["p"], constant + slopes, rtol=1e-9)
    assert statuses(file)[-1] == "refused"


def test_predictions_of_reghdfe_have_the_constant_and_no_effects(run) -> None:
    """Help of reghdfe: xb has _cons, the mean of what slopes leave."""
    head = f"{READ}reghdfe gsp pc emp if year > 1975, a(state year"
    file = run(f"{head}) vce(cl state)\npredict double p\nreg gsp p\n")
    fit, df = file.estimations[0].results[0], file.data
    slopes = df[["pc", "emp"]] @ fit.params[["pc", "emp"]]
    constant = (df.gsp - slopes)[df.year > 1975].mean()
    np.testing.assert_allclose(df.p, slopes + constant)
    for line in (
        f"{head}) nocons\npredict p\n",
        f"{head} i.state#c.year)\npredict p\n",
        f"{READ}xtreg gsp pc i.year, fe\npredict p\n",
        f"{READ}reghdfe gsp pc [aw=emp], a(state)\npredict p\n",
        f"{READ}xtreg gsp pc i.year, fe\nest store m\nxtreg gsp pc, fe\n"
        "est restore m\npredict p\n",
    ):
        assert statuses(run(line))[-1] == "refused", line


def test_a_title_that_is_not_known_changes_no_number(run) -> None:
    file = run(
        f'{READ}local t: var label gsp\neststo a, title("of `t\'"): reg gsp pc\n'
    )
    assert statuses(file)[-1] == "ran"
    assert "a" in file.results


def test_coefficients_of_one_of_several_equations_are_refused(run) -> None:
    file = run(f"{READ}reg gsp pc\ntest [Wx]pc = 0\ntest _b[pc] = 1\n")
    assert statuses(file)[-2:] == ["refused", "ran"]


def test_frequencies_of_a_logit_repeat_rows(run) -> None:
    head = f"{READ}gen high = unemp > 6\ngen n = mod(year, 3)\ngen half = n / 2\n"
    file = run(
        f"{head}logit high pc water [fw=n], vce(cluster state)\nest store w\n"
        "logit high pc water [fw=half]\nlogit high pc [pw=n]\n"
        "logit high pc i.year i.state [fw=n]\nxtpoisson n pc [fw=n], fe\n"
        "expand n\ndrop if n == 0\nlogit high pc water, vce(cluster state)\n"
        "est store e\n"
    )
    assert [line.status for line in file.estimations] == [
        *("ran", "refused", "refused", "refused", "refused", "refused")
    ]
    file = run(
        f"{head}logit high pc water [fw=n], vce(cluster state)\nest store w\n"
        "expand n\ndrop if n == 0\nxtset, clear\nxtset\n"
    )
    weighted, data = file.results["w"], file.data
    x = np.column_stack([np.ones(len(data)), data[["pc", "water"]]])
    p = weighted.predict(pd.DataFrame(x, columns=weighted.params.index))
    scores = x * (data["high"].to_numpy() - p.to_numpy())[:, None]
    assert weighted.nobs == len(data)
    np.testing.assert_allclose(scores.sum(axis=0), 0, atol=1e-3)
    bread = np.linalg.inv((x.T * (p * (1 - p)).to_numpy()) @ x)
    sums = pd.DataFrame(scores).groupby(data["state"].to_numpy()).sum().to_numpy()
    factor = len(sums) / (len(sums) - 1)
    covariance = bread @ sums.T @ sums @ bread * factor
    np.testing.assert_allclose(weighted.bse, np.sqrt(np.diag(covariance)), rtol=1e-6)


def test_a_logit_with_dummies_has_frequencies(run) -> None:
    head = (
        f"{READ}gen high = unemp > 6\ngen n = mod(year, 3) + 1\n"
        "xtile g = pc, n(3)\ngen h = year > 1978\n"
    )
    file = run(f"{head}logit high water i.g i.h [fw=n]\nest store w\n")
    data = file.data.loc[lambda df: df.index.repeat(df["n"].astype(int))]
    x = pd.get_dummies(data[["water", "g"]], columns=["g"], drop_first=True)
    x = x.assign(h=data["h"], one=1.0).astype(float)
    fit, weighted = Logit(data["high"], x).fit(disp=0), file.results["w"]
    assert weighted.nobs == fit.nobs
    np.testing.assert_allclose(weighted.params["water"], fit.params["water"], rtol=1e-5)
    np.testing.assert_allclose(weighted.bse["water"], fit.bse["water"], rtol=1e-5)


def test_newey_is_that_of_a_single_series(run) -> None:
    collapsed = "use states, clear\ncollapse gsp pc unemp, by(year)\ntsset year\n"
    file = run(
        f"{collapsed}newey gsp pc unemp, lag(2)\nest store m\nnewey gsp, lag(3)\n"
        "newey gsp pc\ndrop if year == 1980\nnewey gsp pc, lag(2)\n"
        "newey gsp pc [aw=unemp], lag(1)\n"
    )
    assert [line.status for line in file.estimations] == [
        *("ran", "ran", "refused", "refused", "refused")
    ]
    rows = dp.datasets.us_states().frame.reset_index().groupby("year").mean(True)
    x = np.column_stack([np.ones(len(rows)), rows[["pc", "unemp"]]])
    bread = np.linalg.inv(x.T @ x)
    b = bread @ x.T @ rows["gsp"].to_numpy()
    scores = x * (rows["gsp"].to_numpy() - x @ b)[:, None]
    meat = scores.T @ scores
    for lag in (1, 2):
        cross = scores[lag:].T @ scores[:-lag]
        meat += (1 - lag / 3) * (cross + cross.T)
    covariance = bread @ meat @ bread * len(rows) / (len(rows) - 3)
    fit = file.results["m"]
    np.testing.assert_allclose(fit.params, b, rtol=1e-5)
    np.testing.assert_allclose(fit.bse, np.sqrt(np.diag(covariance)), rtol=1e-4)
    assert fit.use_t
    assert run(f"{READ}newey gsp pc, lag(2)\n").estimations[0].status == "refused"


def test_numbers_of_values_are_missing_where_the_value_is(run) -> None:
    file = run(
        f'{READ}replace unemp = . if year == 1980\ngen t = cond(year > 1980, "", "b")\n'
        "bysort state: egen n = nvals(unemp)\negen k = nvals(t)\n"
        "egen some = nvals(year) if year > 1980, by(state)\n"
    )
    data = file.data
    counts = data.groupby("state")["unemp"].transform("nunique")
    np.testing.assert_array_equal(data["n"], counts.where(data["unemp"].notna()))
    np.testing.assert_array_equal(data["k"], np.where(data["t"] == "b", 1, np.nan))
    np.testing.assert_array_equal(data["some"], np.where(data.year > 1980, 6, np.nan))


def typed(tmp_path: Path, **columns: list[Any]) -> None:
    """Save columns as the data that ``use typed`` reads."""
    file = tmp_path / "data" / "typed.dta"
    pd.DataFrame(columns).to_stata(file, write_index=False)


@pytest.mark.parametrize(
    "line",
    [
        "reg y x, vce(cluster c)",
        "reg y x, vce(cluster s)",
        "reg y x if !missing(s)",
        'reg y x if !mi(s) & s != "none"',
        "areg y x, absorb(s)",
        "reghdfe y x, absorb(s) keepsingletons",
        "reghdfe y x, absorb(t) vce(cluster s)",
        "ivregress 2sls y (x = z), vce(cluster c)",
        "poisson d x, vce(cluster s)",
        "logit d x, vce(cluster s)",
        "logit d x if !missing(s)",
    ],
)
@quiet
def test_rows_that_miss_a_cluster_or_an_effect_are_left_out(
    run, tmp_path, line
) -> None:
    """markout with strok: a text is missing if it is empty.

    Transcripts of Stata say so of numbers: 4 rows without a village less.
    """
    rng, n = np.random.default_rng(0), 40
    c = np.arange(n) % 8 + 1.0
    c[[3, 20, 21]] = np.nan
    typed(
        tmp_path,
        y=rng.normal(size=n),
        x=rng.normal(size=n),
        z=rng.normal(size=n),
        d=rng.integers(0, 2, n),
        c=c,
        t=np.arange(n) % 3,
        s=["" if code != code else f"v{code:.0f}" for code in c],
    )
    file = run(f"use typed\n{line}\nkeep if !missing(c)\n{line}\n")
    fit, expected = (estimation.results[0] for estimation in file.estimations)
    assert fit.nobs == n - 3
    np.testing.assert_array_equal(fit.params, expected.params)


@quiet
def test_a_regressor_that_reghdfe_omits_is_not_run(run, tmp_path) -> None:
    """It does if squares fall to 1e-9 of those before: a float that is a constant."""
    rng = np.random.default_rng(0)
    y, x = rng.normal(size=(2, 40))
    i = np.repeat(np.arange(8.0), 5)
    distance = 100 * (1 + i) * (1 + rng.uniform(-6e-8, 6e-8, 40))
    typed(tmp_path, y=y, x=x, i=i, distance=distance)
    file = run(
        "use typed\nreghdfe y x distance, absorb(i)\ntest x\nreghdfe y x, absorb(i)\n"
    )
    refused, test, runs = file.lines[1:]
    assert (refused.status, test.status, runs.status) == ("refused", "not run", "ran")
    assert refused.reason.startswith("the effects leave 8.2e-08 of")
    assert "'distance'" in refused.reason


@quiet
def test_reghdfe_without_absorb_keeps_singletons(run, tmp_path) -> None:
    """It has i.x as dummies: Stata prints N = 100 of 100 rows, and 97 if absorbed."""
    rng = np.random.default_rng(0)
    y, x, i = rng.normal(size=40), rng.normal(size=40), np.arange(40) // 3
    typed(tmp_path, y=y, x=x, i=i)
    file = run(
        "use typed\nreghdfe y x i.i\nreghdfe y x, absorb(i)\nreghdfe y x i.i, vce(r)\n"
        "reg y x i.i, vce(r)\n"
    )
    dummies, absorbed, robust, expected = (e.results[0] for e in file.estimations)
    assert (dummies.nobs, absorbed.nobs) == (40, 39)
    np.testing.assert_allclose(robust.std_errors["x"], expected.std_errors["x"])


@quiet
def test_other_data_have_no_keys_of_those_before(run, tmp_path) -> None:
    """Stata keeps xtset with the data: a regression of other data needs none."""
    typed(tmp_path, y=[1.0, 2.0, 4.0, 3.0], x=[1.0, 2.0, 3.0, 4.0])
    file = run(f"{READ}xtreg gsp pc, fe\nuse typed, clear\nreg y x\nxtreg y x, fe\n")
    assert statuses(file)[-3:] == ["ran", "ran", "refused"]
    assert file.estimations[1].results[0].params["x"] == pytest.approx(0.8)


@quiet
def test_treated_after_the_panel_are_controls_of_csdid_with_notyet(run) -> None:
    """Stata prints the same ATT for 3000 as for 0, and leaves missing times out."""
    start = (
        f"{READ}egen g = group(state)\ngen first = 1974 + mod(g, 2) * 3 if g < 30\n"
        "gen later = first\nreplace later = 3000 if later == .\n"
        "gen zero = first\nreplace zero = 0 if zero == .\n"
        "gen mixed = zero\nreplace mixed = . if g > 40\n"
    )
    command = "csdid gsp, ivar(state) time(year) notyet agg(simple) gvar"
    file = run(
        f"{start}{command}(later)\n{command}(zero)\n{command}(mixed)\ndrop if g > 40\n"
        f"{command}(zero)\n"
    )
    later, zero, mixed, fewer = (e.results[0] for e in file.estimations)
    np.testing.assert_array_equal(later.params, zero.params)
    np.testing.assert_array_equal(mixed.params, fewer.params)
    assert mixed.nobs == fewer.nobs


def save_with_keys(file: Path, version: int, **keys: str) -> None:
    """Save the states with characteristics, which pandas cannot write."""
    frame = dp.datasets.us_states().frame.reset_index()
    frame["state"] = frame["state"].factorize()[0] + 1
    frame.to_stata(file, write_index=False, version=version)
    width = 129 if version == 118 else 33
    contents = b"".join(
        word.encode().ljust(width, b"\0")
        for key, name in keys.items()
        for word in ("_dta", key, name)
    )
    mark = b"</characteristics>"
    # pandas finds what follows by its position.
    plain = file.read_bytes()
    after = plain.index(mark)
    moved = plain[:after] + contents + plain[after:]
    start = plain.index(b"<map>") + 5
    positions = np.frombuffer(plain[start : start + 112], "<i8").copy()
    positions[9:] += len(contents)
    file.write_bytes(moved[:start] + positions.tobytes() + moved[start + 112 :])


@pytest.mark.parametrize("version", [117, 118])
@quiet
def test_the_keys_that_a_file_has(run, tmp_path, version: int) -> None:
    """Stata saves xtset with the data, as characteristics before them.

    Transcripts estimate fixed effects of such files without a line of xtset.
    """
    save_with_keys(tmp_path / "data" / "set.dta", version, iis="state", tis="year")
    lines = "reg gsp pc\nxtreg gsp pc, fe\ngen lag = L.gsp\n"
    with_keys = run(f"use set, clear\n{lines}")
    declared = run(f"use set, clear\nxtset state year\n{lines}")
    saved = run("use set\ntempfile a\nsave `a'\nuse `a', clear\nxtreg gsp pc, fe\n")
    assert saved.estimations[0].status == "ran"
    assert statuses(with_keys) == ["ran"] * 4
    for ours, expected in zip(with_keys.estimations, declared.estimations, strict=True):
        np.testing.assert_allclose(ours.results[0].params, expected.results[0].params)
    np.testing.assert_array_equal(with_keys.data["lag"], declared.data["lag"])


@quiet
def test_keys_of_a_file_that_repeat_are_not_taken(run, tmp_path) -> None:
    """A replication file has the time of a series, though it is a panel by now."""
    file = tmp_path / "data" / "set.dta"
    save_with_keys(file, 118, tis="year")
    lines = "use set, clear\nreg gsp pc\nxtreg gsp pc, fe\n"
    assert statuses(run(lines)) == ["ran", "ran", "refused"]
    # With repeated rows, the entity alone is enough for effects, as in Stata.
    save_with_keys(
        file, 118, _TSpanel="state", _TStvar="year", _TSdelta="+1.0000000000000X+001"
    )
    assert stored_keys(str(file)) == ("state", "year", 2)
    data = pd.read_stata(file)
    save_with_keys(file, 118, _TSpanel="state", _TStvar="unemp")
    assert data.duplicated(["state", "unemp"]).any()
    file = run(f"{lines}gen l = L.gsp\n")
    assert statuses(file) == ["ran", "ran", "ran", "refused"]


@pytest.mark.parametrize(
    "line",
    ["xtreg gsp pc, fe", "xtreg gsp pc", "xtreg gsp pc, fe r", "xtscc gsp pc, fe"],
)
def test_effects_of_a_panel_that_no_line_declares(run, line: str) -> None:
    """Stata stops: rows have no effects of their own, as pooled regressions would."""
    file = run(f"use states\n{line}\nxtreg gsp pc, fe i(state)\n")
    assert statuses(file) == ["ran", "refused", "ran"]
    assert "declares the panel" in file.lines[1].reason


def test_a_file_that_is_imported_is_no_longer_one_series(run, tmp_path) -> None:
    rows = PANEL.frame.reset_index().query("state == 'UT'")
    rows[["gsp", "pc"]].to_csv(tmp_path / "data" / "plain.csv", index=False)
    file = run(
        "use states, clear\ncollapse gsp pc, by(year)\ntsset year\nreg gsp pc\n"
        "clear all\nimport delimited plain.csv\nreg gsp pc\nest store plain\n"
    )
    assert [line.status for line in file.estimations] == ["ran", "ran"]
    slope = np.polyfit(rows["pc"], rows["gsp"], 1)[0]
    np.testing.assert_allclose(file.results["plain"].params["pc"], slope, rtol=1e-5)


def test_a_table_of_terms_that_are_not_there_is_refused_in_words(run) -> None:
    head = f'{READ}gen south = state < "M"\neststo: qui xtreg gsp pc i.south, fe\n'
    file = run(f"{head}esttab using a.tex, drop(*south*)\n")
    assert file.lines[-1].reason.startswith("etable: drop matches no term '*south*'")


# --- other do-files -------------------------------------------------------------------


@pytest.fixture
def project(run: Callable[[str], DoFile], tmp_path: Path) -> Callable[..., DoFile]:
    """Run a do-file beside others."""

    def of(text: str, **others: str) -> DoFile:
        (tmp_path / "code").mkdir()
        for name, lines in others.items():
            (tmp_path / "code" / f"{name}.do").write_text(lines, encoding="utf-8")
        return run(text)

    return of


def described(file: DoFile) -> list[tuple[str, int, str]]:
    return [(line.file, line.number, line.status) for line in file.lines]


def test_other_do_files_have_the_data_globals_and_programs(
    project: Callable[..., DoFile], tmp_path: Path
) -> None:
    file = project(
        'global code "D:\\paper\\code"\nlocal y gsp\ndo "$code\\clean.do" pc year\n'
        "log_of emp\nreghdfe `y' $x log_emp, a(state $t) cl(state)\n",
        clean=f"args first time\nlocal y pcap\n{READ}gen log_pc = log(`first')\n"
        "global x log_pc\nglobal t `time'\nprogram log_of\nargs v\n"
        "gen log_`v' = log(`v')\nend\n",
    )
    fit = file.lines[-1].results[0]
    assert list(fit.params.index) == ["log_pc", "log_emp"]
    by_hand = dp.FixedEffects("gsp", ["log(pc)", "log(emp)"]).fit(PANEL)
    # Stata stores logarithms in single precision.
    np.testing.assert_allclose(fit.params, by_hand.params, rtol=1e-5)
    # Its lines are below the one that runs it, each with its file.
    assert described(file)[2:5] == [
        ("", 3, "read"),
        ("clean.do", 1, "read"),
        ("clean.do", 2, "read"),
    ]
    assert str(file.lines[5]) == "line 3 of clean.do ran         use states, clear"
    assert "# line 3 of clean.do: use states, clear" in file.script
    run_again = dict[str, Any]()
    exec(file.script, run_again)
    pd.testing.assert_frame_equal(run_again["df"], file.data)


def test_lines_of_another_do_file_mark_what_depends_on_them(
    project: Callable[..., DoFile],
) -> None:
    file = project(
        f"do clean\n{FIT}{FIT.replace('gsp unemp', 'luck pc')}",
        clean=f"{READ}gen luck = runiform()\ngen pure = luck + 1\n",
    )
    *_, first, last = file.lines
    assert first.status == "ran"
    assert last.reason == "luck comes from line 3 of clean.do"
    marked = file.lines[4]
    assert (marked.file, marked.reason) == (
        "clean.do",
        "luck comes from line 3 of clean.do",
    )


def test_marks_of_marks_name_the_file(project: Callable[..., DoFile]) -> None:
    file = project(
        f"do clean\ngen twice = luck * 2\n{FIT.replace('gsp', 'twice')}",
        clean=f"{READ}gen luck = runiform()\n",
    )
    assert file.lines[-1].reason == "twice comes from line 3 of clean.do"


def test_an_included_file_shares_the_locals(project: Callable[..., DoFile]) -> None:
    text = f"{READ}%s names\nreghdfe gsp `x', a(state year) cl(state)\n"
    others = {"names": "local x unemp\n"}
    assert project(text % "include", **others).lines[-1].status == "ran"


def test_a_file_that_is_done_has_its_own_locals(
    project: Callable[..., DoFile],
) -> None:
    last = project(
        f"{READ}do names\nreghdfe gsp pc `x', a(state year) cl(state)\n",
        names="local x unemp\n",
    ).lines[-1]
    assert list(last.results[0].params.index) == ["pc"]


def test_a_do_file_restores_what_it_preserves(project: Callable[..., DoFile]) -> None:
    file = project(
        f"{READ}do early\n{FIT}",
        early=f"preserve\nkeep if year < 1980\n{FIT}",
    )
    assert [fit.nobs for line in file.estimations for fit in line.results] == [480, 816]


def test_exit_ends_its_file_and_an_error_all(project: Callable[..., DoFile]) -> None:
    file = project(
        f"{READ}do short\n{FIT}do failing\n{FIT}",
        short="foreach v in a b {\nexit\n}\nreplace gsp = 1\n",
        failing="exit 459\n",
    )
    states = [line.status for line in file.lines if line.text != "}"]
    assert states == [
        *["ran", "read", "read"],
        *["read", "read", "not run"],
        *["ran", "read", "read", "not run"],
    ]


def test_a_file_may_run_twice(project: Callable[..., DoFile]) -> None:
    file = project(
        f"{READ}foreach v in unemp pc {{\ndo fit `v'\n}}\n",
        fit="reghdfe gsp `1', a(state year) cl(state)\n",
    )
    (line,) = file.estimations
    names = [list(fit.params.index) for fit in line.results]
    assert (line.file, names) == ("fit.do", [["unemp"], ["pc"]])


def test_a_file_does_not_run_itself(project: Callable[..., DoFile]) -> None:
    last = project("do endless\n", endless="do endless\n").lines[-1]
    assert (last.file, last.status) == ("endless.do", "refused")
    assert last.reason == "endless.do would run itself"


def test_do_files_that_are_not_there_or_not_one(
    project: Callable[..., DoFile], tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "clean.do").write_text("gen x = 1\n")
    file = project(f"{READ}do globals\n{FIT}do clean.do\n", clean="gen y = 1\n")
    reasons = [line.reason for line in file.lines[2:]]
    assert reasons[0] == f"no file is named 'globals.do' in {tmp_path} or " + str(
        tmp_path / "data"
    )
    assert reasons[1] == "line 3 would change the data"
    assert reasons[2].startswith("several files are named 'clean.do' in")


def test_questions_name_the_file(project: Callable[..., DoFile]) -> None:
    file = project(f"{READ}do fit\n", fit="reghdfe gsp pc, a(state year)\n")
    (asked,) = file.findings
    assert (asked.code, asked.data["file"], asked.data["line"]) == (
        "no_errors",
        "fit.do",
        1,
    )
    assert "standard error" in asked.message
