"""Findings: each in a file where it is due, none where it is not."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from digiprosper.stata import judge, read_do_file
from digiprosper.stata.prefixes import Origin

with Path(judge.__file__).with_name("notices.csv").open(encoding="utf-8") as table:
    CODES = [row["code"] for row in csv.DictReader(table)]


def codes(
    text: str, tmp_path: Path, head: str = "xtset id year\n"
) -> list[tuple[str, int]]:
    path = tmp_path / "paper.do"
    path.write_text(f"{head}{text}\n", encoding="utf-8")
    actual = read_do_file(path).findings
    for notice in actual:
        assert len(notice.message) > 40
    return [(n.code, n.data["line"]) for n in actual]


@pytest.mark.many(30)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reghdfe y x, absorb(id year)", ["no_errors"]),
        ("reghdfe y x, absorb(id year) vce(cluster id)", []),
        ("xtreg y x, fe r", []),
        ("reg y x i.id", ["no_errors"]),
        ("reg y x", []),
        ("permute d _b[d]: reghdfe y d, a(id year)", []),
        ("ivreghdfe y (d = z), a(id) cl(id)", ["weak_instruments_not_tested"]),
        ("ivreghdfe y (d = z), a(id) cl(id) first", []),
        ("ivreg y (d = z), r", ["weak_instruments_not_tested"]),
        ("ivreghdfe y (d = z), a(id) cl(id)\nweakiv", []),
        (
            "reghdfe y x, a(id) cl(id)\nsgmediation2 y, iv(x) mv(m) cv(z)",
            ["mediation_without_effects"],
        ),
        (
            "reghdfe y x, a(id) cl(id)\nsgmediation2 y, iv(x) mv(m) cv(z i.id i.year)",
            [],
        ),
        ("psmatch2 d x, logit", ["pooled_matching"]),
        ("psmatch2 d x if year == 2010, logit", []),
        (
            "forvalues t = 2010/2012 {\npreserve\nkeep if year == `t'\npsmatch2 "
            "d x\nrestore\n}",
            [],
        ),
        ("gen lp = ln(patents + 1)", ["log_of_count"]),
        ("gen lp = ln(专利数量+1)", ["log_of_count"]),
        ("gen la = ln(assets + 1)", []),
        ("gen lp = ln(patents)", []),
        ("gen lp = ln(patents + designs)", []),
        ("gen lp = exp(patents + 1) + log1p(patents)", ["log_of_count"]),
        ("reghdfe y x if w > 3, a(id) cl(id)", ["missing_kept"]),
        ("reghdfe y x if w > 3 & w < ., a(id) cl(id)", []),
        ("reghdfe y x if x > 3, a(id) cl(id)", []),
        ("reghdfe y x if year > 2010, a(id) cl(id)", []),
        ("gen high = w > 3", ["missing_kept"]),
        ("gen high = (w > 3) if !missing(w)", []),
        ("gen high = w > 3\nreplace high = . if w == .", []),
        ("gen age = year - 1990\ngen old = age > 10", []),
        ("bysort id (year): gen lx = x[_n-1]", ["lag_by_row"]),
        ("gen lx = L.x", []),
        ("bysort id (year): gen lx = x[_n-1]\ntsset year", ["lag_by_row"]),
        ("bysort year (id): gen lx = x[_n-1]", []),
        ("winsor2 x z, cuts(1 99)\nreg y x", ["winsorised_not_used"]),
        ("winsor2 x, cuts(1 99) replace\nreg y x", []),
        ("winsor2 x, cuts(1 99)\nreg y x_w\nreg y x", []),
        ("winsor2 x, suffix(_h)\nreg y x_h", []),
        ("winsor2 x\ndrop x\nrename *_w *\nreg y x", []),
        ("reg y x\nwinsor2 x", []),
        ("oneclick y x1 x2, fix(d) p(0.1) m(reg)", ["searched"]),
        ("samplefilter y d x, sig(d) cmd(reghdfe) p(0.01)", ["searched"]),
        ("winsor2 x, trim\nreplace x = x_tr\nreg y x", []),
    ],
)
def test_single_questions(text: str, expected: list[str], tmp_path: Path) -> None:
    assert [code for code, _ in codes(text, tmp_path)] == expected


def test_a_line_has_one_question_about_all_its_variables(tmp_path: Path) -> None:
    path = tmp_path / "paper.do"
    path.write_text(
        "xtset id year\ngen high = w > 3 & z > 2 & v > 1 & v < .\n"
        "foreach c in patents citations {\n gen l`c' = ln(`c' + 1)\n}\n"
    )
    asked = [(n.code, n.data["variables"]) for n in read_do_file(path).findings]
    assert asked == [
        ("missing_kept", ("w", "z")),
        ("log_of_count", ("patents", "citations")),
    ]


SLOPES = "reghdfe y x if g == 0, a(id) cl(id)\nreghdfe y x if g == 1, a(id) cl(id)\n"


def alike(*conditions: str) -> str:
    """Write the same regression under several conditions."""
    return "\n".join(f"reghdfe y x if {c}, a(id) cl(id)" for c in conditions)


@pytest.mark.many(15)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SLOPES, [2]),
        (f"{SLOPES}bdiff, group(g) model(reghdfe y x, a(id) cl(id))", []),
        (f"{SLOPES}reghdfe y c.x##i.g, a(id) cl(id)", []),
        (f"gen gx = g*x\n{SLOPES}reghdfe y x g gx, a(id) cl(id)", []),
        (
            "reghdfe y x if a == 1, a(id) cl(id)\nreghdfe y x if b != 1, a(id) cl(id)",
            [],
        ),
        (
            "reghdfe y x if a == 1, a(id) cl(id)\nreghdfe y x if b == 1, a(id) cl(id)",
            [2],
        ),
        ("xtreg y x if s == 0, fe r\nxtreg y x if s, fe r", [2]),
        (
            "reghdfe y x if m <= 2, a(id) cl(id)\nreghdfe y x if m > 2 & m < ., "
            "a(id) cl(id)",
            [2],
        ),
        (
            "reghdfe y x if x <= 2, a(id) cl(id)\nreghdfe y x if x > 2, a(id) cl(id)",
            [2],
        ),
        (
            "reghdfe y x if year == 1, a(id) cl(id)\nreghdfe y x if year == 2, "
            "a(id) cl(id)",
            [],
        ),
        (alike("a == 1 & b == 1", "a == 1 & b == 0"), [2]),
        (alike("m > 3 & m != .", "m < 3"), [2]),
        (alike("m < 5", "m >= 5 & m < 9", "m >= 9"), [2]),
        (alike("r > 2", "r < 3"), [2]),
        (alike("r > 1", "r > 2"), []),
        (alike("r == 1 | r == 2", "r == 3|r == 4"), [2]),
        (alike("inlist(r, 1, 2)", "inlist(r, 2, 3)"), []),
        (alike("inlist(r, 1, 2)", "!inlist(r, 1, 2)"), [2]),
        (alike('substr(c, 1, 1) == "C"', 'substr(c, 1, 1) != "C"'), [2]),
        (alike('k == "a" | k == "n"', 'k != "a" | k == "n"'), [2]),
        (alike('k != "a"', 'k != "b"'), []),
        (alike("size >= half", "size < half"), [2]),
        (alike("year <= 2000", "year > 2000"), [2]),
        (alike("year < 2000", "year > 2010"), []),
        (alike("_support == 1", "p == 1"), []),
        (alike("p == 1", "p == 1"), []),
        (alike("r > 1", "r < 5"), []),
        (
            "preserve\nkeep if g == 0\nreghdfe y x, a(id) cl(id)\nrestore\n"
            "keep if g == 1\nreghdfe y x, a(id) cl(id)",
            [4],
        ),
    ],
)
def test_subsamples(text: str, expected: list[int], tmp_path: Path) -> None:
    lines = [
        line for code, line in codes(text, tmp_path) if code == "untested_difference"
    ]
    assert lines == expected


def test_a_file_whose_keys_another_one_sets_is_judged(tmp_path: Path) -> None:
    """The commands tell that rows are a panel, and the name that a year is its key."""
    text = "xtreg y x, fe r\ngen post = year > 2010\npsmatch2 d x\ngen high = w > 3"
    assert codes(text, tmp_path, "") == [("pooled_matching", 3), ("missing_kept", 4)]


EVENT = (
    "gen rel = year - first\nforvalues k = 1/3 {\n gen pre`k' = rel == -`k'\n}\n"
    "reghdfe y pre1 pre2, a(id year) cl(id)\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (EVENT, ["staggered_two_way"]),
        (f"{EVENT}csdid y, ivar(id) time(year) gvar(first)", []),
        (EVENT.replace("first", "2010"), []),
        (EVENT.replace("a(id year)", "a(id)"), []),
    ],
)
def test_staggered_adoption(text: str, expected: list[str], tmp_path: Path) -> None:
    actual = [code for code, _ in codes(text, tmp_path)]
    assert [code for code in actual if code == "staggered_two_way"] == expected


@pytest.mark.many(9)
@pytest.mark.parametrize("code", CODES)
def test_data_and_messages(code: str) -> None:
    asked = judge.question(code, Origin("a.do", 3), variables=("patents", "w"))
    origin = asked.data["file"], asked.data["line"]
    assert (asked.code, *origin) == (code, "a.do", 3)
    assert len(asked.message) > 40
    assert "{" not in asked.message
    assert f"\n{code} " in (judge.__doc__ or "")


def test_all_variables_are_named() -> None:
    asked = judge.question("missing_kept", Origin("", 3), variables=("w", "z"))
    assert "a missing w or z is larger" in asked.message
    assert asked.message.endswith("add & w < . & z < .")
    assert (
        "patents"
        in judge.question("log_of_count", Origin("", 3), variables=("patents",)).message
    )
