"""Estimations have a translation or a reason; tests after them are calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import digiprosper as dp
from digiprosper import stata
from digiprosper.stata.commands.estimations import WITHOUT_MODEL, is_estimation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.many(3)
@pytest.mark.parametrize("name", sorted(WITHOUT_MODEL))
def test_commands_without_a_model_have_a_reason(name: str) -> None:
    assert is_estimation(name)
    with pytest.raises(dp.StataError) as caught:
        dp.from_stata(f"{name} y x")
    assert WITHOUT_MODEL[name] in caught.value.reason
    assert len(WITHOUT_MODEL[name]) > 5


@pytest.mark.parametrize(
    "prefix", ["svy", "statsby b=_b[x], by(g)", "rolling, window(5)", "mi estimate"]
)
def test_prefixes_that_repeat_an_estimation(prefix: str) -> None:
    with pytest.raises(dp.StataError, match="the prefix"):
        dp.from_stata(f"{prefix}: reg y x")


@pytest.mark.parametrize(
    "text",
    ["bdiff, group(g) model(xtreg y x, re)", "permute x _b[x]: xtreg y x, re"],
)
def test_random_effects_are_in_no_other_command(text: str) -> None:
    with pytest.raises(dp.StataError, match="inside another command"):
        dp.from_stata(text, entity="id", time="year")


@pytest.mark.many(16)
@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("test x", 'fit.wald_test("x = 0")'),
        ("test x z", 'fit.wald_test("x = 0, z = 0")'),
        ("test x = z", 'fit.wald_test("x = z")'),
        ("test (x == 1) (L.z = 0)", 'fit.wald_test("x = 1, lag(z) = 0")'),
        ("test _b[x] = _b[z]", 'fit.wald_test("x = z")'),
        ("test 1.g#c.x = 2.g#c.x", 'fit.wald_test("C(g)[T.1]:x = C(g)[T.2]:x")'),
        ("testparm x z", 'fit.wald_test("x = 0, z = 0")'),
        ("lincom x + 2*z", 'fit.combination("x + 2*z")'),
        ("lincom 0.5*L.x - c.x#c.z", 'fit.combination("0.5*lag(x) - x:z")'),
        ("utest x x2", "dp.u_test(fit, 'x', square='x2')"),
        (
            "utest x x2, min(1) maximum(3)",
            "dp.u_test(fit, 'x', square='x2', interval=(1.0, 3.0))",
        ),
        ("xtcsd, pesaran abs", "dp.pesaran_cd(fit)"),
        ("xttest3", "dp.modified_wald(fit, method='chi2')"),
        (
            "bdiff, group(soe) model(reghdfe y x, a(id year) cl(id)) reps(500) detail",
            'dp.by_group(dp.FixedEffects("y", ["x"], collinear="drop"), panel, '
            "'soe', "
            "reps=500, rng=1)",
        ),
        (
            "permute did _b[did], reps(500) seed(1): reghdfe y did, a(id year) cl(id)",
            'dp.randomisation_test(dp.FixedEffects("y", ["did"], '
            'collinear="drop"), panel, '
            "'did', reps=500, rng=1)",
        ),
    ],
)
def test_calls(text: str, python: str) -> None:
    read = dp.from_stata(text, entity="id", time="year")
    assert read.python == python
    assert read.spec is None
    # An asterisk multiplies here, and stands for no columns.
    assert "pattern" not in " ".join(read.notes)


@pytest.mark.parametrize(
    "text",
    [
        "test",
        "test _cons",
        "test o.x",
        "hausman",
        "bdiff, group(g) reps(9)",
        "test i.g",
        "testparm i.g",
        "utest",
        "utest x x2, max(3)",
        "hausman fe re",
        "bdiff, group(g)",
        "test x, mtest",
        "lincom x + 2*z, eform",
        "xtcsd, frees",
    ],
)
def test_refusals(text: str) -> None:
    with pytest.raises(dp.StataError):
        dp.from_stata(text)


def test_calls_are_run(tmp_path: Path) -> None:
    panel = dp.datasets.us_states()
    path = tmp_path / "paper.do"
    path.write_text(
        "reghdfe gsp c.unemp##i.year, a(state) cl(state)\n"
        "test 1975.year#c.unemp = 1980.year#c.unemp\nlincom 2*unemp\n"
        "xtreg gsp unemp, fe\nest store fe\nxtreg gsp unemp, re\nest store "
        "re\nhausman fe re\n"
    )
    read = [line.translations for line in stata.read_do_file(path, panel=panel).lines]
    fit = read[0][0].spec.fit(panel)  # type: ignore[union-attr]
    names = {"fit": fit, "dp": dp, "panel": panel}
    test = eval(read[1][0].python, names)
    a, b = "unemp:C(year)[T.1975]", "unemp:C(year)[T.1980]"
    variance = fit.cov.loc[a, a] + fit.cov.loc[b, b] - 2 * fit.cov.loc[a, b]
    gap = fit.params[a] - fit.params[b]
    assert test.statistic == pytest.approx(gap**2 / variance)
    assert eval(read[2][0].python, names).estimate == 2 * fit.params["unemp"]
    assert read[-1][0].python == (
        'dp.hausman(dp.FixedEffects("gsp", ["unemp"], time_effects=False, '
        'cov_type="unadjusted", ssc="xtreg", singletons="keep", '
        'collinear="drop"), panel, '
        "method='classical')"
    )
    sigmamore = path.read_text().replace("hausman fe re", "hausman fe re, sigmamore")
    (tmp_path / "sigmamore.do").write_text(sigmamore)
    read = dp.stata.read_do_file(tmp_path / "sigmamore.do")
    assert "method='sigmamore'" in read.script
    constant = path.read_text().replace("hausman fe re", "hausman fe re, constant")
    path.write_text(constant)
    last = stata.read_do_file(path, panel=panel).lines[-1]
    assert "the constant is not compared" in last.translations[0].notes


@pytest.mark.parametrize(
    "text", ["estat event, window(-2 1)", "bdiff, group(g) model(reg y x) bsample"]
)
def test_options_that_change_what_is_averaged_or_drawn_are_refused(text: str) -> None:
    """csdid 1: the averages of window() are of its event times; bsample draws rows."""
    with pytest.raises(dp.StataError, match="is not known here"):
        dp.from_stata(text)
