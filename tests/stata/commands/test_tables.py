"""esttab and outreg2 become etable."""

from __future__ import annotations

import pytest

import digiprosper as dp
from digiprosper.stata.commands import tables
from digiprosper.stata.prefixes import read_command
from digiprosper.stata.translation import Context
from digiprosper.stata.varlists import Variables

FITTED = {"m1": True, "m2": True, "x1": False, "": True}
STORED = ["m1", "x1"]
SPEC = dp.FixedEffects("y", ["did", "pad", "C(did):pad", "is"])
VARIABLES = Variables(["y", "did", "pad", "is", "x1", "x2"])


def translated(
    text: str, heads: dict[str, list[str]], spec: dp.FixedEffects = SPEC
) -> tuple[str, str, list[str]]:
    context = Context(variables=VARIABLES, last=spec)
    return tables.translate(read_command(text), context, heads, FITTED, STORED)


@pytest.mark.parametrize(
    ("text", "code", "missing"),
    [
        (
            "esttab m1 m2 using t.rtf, b(%6.4f) se(%6.4f) nogap",
            "tables['t.rtf'] = dp.etable([results['m1'], results['m2']], "
            "heads=['(1)', '(2)'], below='se', digits=4, stars=[0.05, 0.01, 0.001])",
            [],
        ),
        # cells() goes before p; a general format has no number of decimals.
        (
            "esttab m1 using t.csv, b(%9.0g) p cells(b(star fmt(3)) se(par fmt(2))) "
            "starlevels(* .10 ** 0.05) stats(N p)",
            "tables['t.csv'] = dp.etable([results['m1']], heads=['(1)'], below='se', "
            "stars=[0.1, 0.05])",
            ["cells", "the format %9.0g", "the row p"],
        ),
        (
            "outreg2 m1 using t.xls, excel stats(coef tstat) noaster",
            "columns['t.xlsx'] = [results['m1']]\ntables['t.xlsx'] = dp.etable("
            "columns['t.xlsx'], heads=['(1)'], below='t', stars=None)",
            ["stats"],
        ),
        (
            'esttab m* using "D:\\out\\t.doc", b(3) t(%6.2f) star(* 0.1 ** 0.05) '
            'mtitles("a b" c) title("T") keep(did did#c.pad is) drop(_cons *.year)',
            "tables['t.docx'] = dp.etable([results['m1'], results['m2']], "
            "heads=['a b', 'c'], below='t', digits=3, t_digits=2, "
            "title='T', keep=['did', 'C(did)*:pad', 'is'], stars=[0.1, 0.05])",
            [],
        ),
        (
            "esttab m1 x1 m2 using t.csv, scalars(N) r2 drop(p*) p nostar",
            "tables['t.csv'] = dp.etable([results['m1'], results['m2']], "
            "heads=['(1)', '(3)'], below='p', drop=['p*'], stars=None, "
            "stats=['nobs', 'rsquared'])",
            ["'x1'"],
        ),
        ("esttab", None, ["'x1'"]),
        (
            "outreg2 using t, word replace bdec(3) tdec(2) tstat addtext(FE, YES)",
            "columns['t.docx'] = [fit]\ntables['t.docx'] = dp.etable("
            "columns['t.docx'], heads=['(1)'], below='t', digits=3, t_digits=2)",
            ["addtext"],
        ),
        (
            "outreg2 [m1 m2] using t.xls",
            "columns['t.xlsx'] = [results['m1'], results['m2']]\ntables['t.xlsx'] = "
            "dp.etable(columns['t.xlsx'], heads=['(1)', '(2)'], below='se')",
            [],
        ),
        ("esttab m1, b(a2)", None, ["the format a2"]),
    ],
)
def test_code(text: str, code: str | None, missing: list[str]) -> None:
    file, written, without = translated(text, {})
    if code is None:
        assert written.startswith("print(dp.etable([results['m1']")
    else:
        assert written == code
        assert f"tables[{file!r}]" in code
    assert without == missing


def test_outreg2_adds_columns_and_esttab_tables() -> None:
    heads: dict[str, list[str]] = {}

    def code(text: str) -> str:
        return translated(text, heads)[1]

    code("outreg2 m1 using t.doc, replace ctitle(first)")
    added = code("outreg2 using t.doc, append ctitle(second)")
    assert added.startswith("columns['t.docx'] += [fit]\n")
    assert "heads=['first', 'second']" in added
    assert "heads=['(1)']" in code("outreg2 m1 using t.doc, replace")
    # A column that is not run keeps its number.
    with pytest.raises(dp.StataError, match="x1 is not run"):
        code("outreg2 x1 using t.doc, append")
    assert "heads=['(1)', '(3)']" in code("outreg2 m2 using t.doc, append")
    with pytest.raises(dp.StataError):
        code("outreg2 x1 using u.doc, replace")
    assert code("outreg2 m2 using u.doc, append").startswith("columns['u.docx'] = ")
    # It writes both files; the table is that of Word.
    assert code("outreg2 m2 using w, excel word").startswith("columns['w.docx'] = ")
    code("esttab m1 using r.rtf")
    assert code("esttab m2 using r.rtf, append").startswith("tables['r_2.rtf'] = ")
    assert code("esttab m2 using r.rtf, append").startswith("tables['r_3.rtf'] = ")
    assert code("esttab m2 using r.rtf, replace").startswith("tables['r.rtf'] = ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("esttab x1 using t.rtf", "x1 is not run"),
        ("esttab z* using t.rtf", "the last estimation is not run"),
        ("esttab absent", "no stored estimation 'absent'"),
        ("esttab m1 using t.smcl", "the ending '.smcl'"),
    ],
)
def test_tables_that_are_skipped(text: str, reason: str) -> None:
    with pytest.raises(dp.StataError, match=reason):
        translated(text, {})


def test_rows_of_statistics_are_those_that_are_the_same_here() -> None:
    """e(r2) of xtreg is that within entities, e(F) counts dummies absorbed here."""
    text = 'esttab m1 using t.rtf, ar2 scalars(F "r2 R2") s(N N_clust)'
    for has_within in (False, True):
        ssc = "xtreg" if has_within else "reghdfe"
        _, code, missing = translated(text, {}, SPEC.replace(ssc=ssc))
        rows = "stats=['nobs', 'rsquared_adj', 'n_clusters']"
        assert (rows in code) is not has_within
        assert ("the row ar2" in missing) is has_within
        assert "the row F" in missing


@pytest.mark.parametrize("time_effects", [False, True])
@pytest.mark.parametrize("text", ["outreg2 m1 using t.doc", "esttab m1 using t.doc"])
def test_within_r2_of_xtreg_counts_dummies_of_periods(
    text: str, time_effects: bool
) -> None:
    spec = SPEC.replace(ssc="xtreg", time_effects=time_effects)
    _, code, missing = translated(text, {}, spec)
    assert ("stats=['nobs', 'n_entities']" in code) == time_effects
    assert len(missing) == time_effects


def test_within_r2_is_that_of_the_estimations_in_the_table() -> None:
    context = Context(variables=VARIABLES, last=SPEC.replace(ssc="xtreg"))
    context.results["m1"] = SPEC
    command = read_command("esttab m1 using t.doc")
    _, code, missing = tables.translate(command, context, {}, FITTED, STORED)
    assert "stats" not in code
    assert not missing
