from __future__ import annotations

import pytest

from digiprosper.present.formats import as_latex, as_markdown, write_html
from digiprosper.report.rendering import Content, as_html, as_text

PLAIN = Content(
    header=(["", "(1)", "(2)"], ["Dependent variable", "GDP", "GDP"]),
    body=(
        ["digital", "-0.123***", "10.1"],
        ["", "(0.040)", "[0.1, 0.2]"],
        ["Observations", "1,234", ""],
    ),
    breaks=frozenset({2}),
    notes=("* p < 0.1, ** p < 0.05.",),
    title="Table 1",
)
NASTY = Content(
    header=(["", "A & B_1"],),
    body=(["<b>|x|</b> 100% $5 #{}~^\\ `c`", "0.5"], ["数字 × x² (γ <= 3)", "[-1, 2]"]),
    breaks=frozenset(),
    notes=(),
)


def test_an_html_file_is_a_page_in_utf8(tmp_path):
    write_html([NASTY], tmp_path / "t.html")
    text = (tmp_path / "t.html").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert '<meta charset="utf-8">' in text
    assert "数字 × x²" in text


def test_markdown_escapes_what_would_be_markup():
    assert as_markdown(PLAIN).splitlines() == [
        "**Table 1**",
        "",
        "|  | (1) | (2) |",
        "|:---|:---:|:---:|",
        "| Dependent variable | GDP | GDP |",
        r"| digital | -0.123\*\*\* | 10.1 |",
        r"|  | (0.040) | \[0.1, 0.2\] |",
        "| Observations | 1,234 |  |",
        "",
        r"\* p \< 0.1, \*\* p \< 0.05.",
    ]
    assert r"| \<b\>\|x\|\</b\> 100% \$5 #{}\~^\\ \`c\` | 0.5 |" in as_markdown(NASTY)


def test_latex_has_booktabs_rules_and_escapes():
    assert as_latex(PLAIN).splitlines() == [
        r"% In the preamble: \usepackage{booktabs,threeparttable,caption}",
        r"\begin{table}[htbp]",
        r"\centering",
        r"\begin{threeparttable}",
        r"\caption*{Table 1}",
        r"\begin{tabular}{lcc}",
        r"\toprule",
        r" & (1) & (2) \\",
        r"Dependent variable & \multicolumn{2}{c}{GDP} \\",
        r"\midrule",
        r"digital & $-$0.123$^{***}$ & 10.1 \\",
        r" & \phantom{$-$}\llap{(}0.040\rlap{)}\phantom{$^{***}$} & {}[0.1, 0.2] \\",
        r"\addlinespace",
        r"Observations & 1,234 &  \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\begin{tablenotes}[flushleft]",
        r"\footnotesize",
        r"\item {}* p $<$ 0.1, ** p $<$ 0.05.",
        r"\end{tablenotes}",
        r"\end{threeparttable}",
        r"\end{table}",
    ]


@pytest.mark.many(8)
@pytest.mark.parametrize(
    ("cell", "beside", "written"),
    [
        ("0.293***", "0.772***", "0.293$^{***}$"),
        ("0.250**", "0.772***", r"0.250\rlap{$^{**}$}\phantom{$^{***}$}"),
        ("0.25", "0.7722", r"0.25\phantom{22}"),
        ("0.5", "-12.5", r"\phantom{$-$1}0.5"),
        ("(0.102)", "0.102", "(0.102)"),
        ("(0.102)", "0.1***", r"(0.1\rlap{02)}\phantom{$^{***}$}"),
        ("<0.001", "(0.040)", r"$<$0.001\phantom{)}"),
        ("816", "0.772***", "816"),
    ],
)
def test_latex_leaves_room_for_what_other_numbers_of_a_column_have(cell, beside, written):
    content = Content((["", "(1)"],), (["a", cell], ["b", beside]), frozenset(), ())
    assert rf"a & {written} \\" in as_latex(content).splitlines()


def test_latex_writes_greek_letters_as_mathematics():
    content = Content((["", "(1)"],), (["ρ, λ and σ²", "1"],), frozenset(), ())
    assert r"$\rho$, $\lambda$ and $\sigma$$^2$ & 1 \\" in as_latex(content)


def test_latex_sets_a_table_in_small_type_only_where_it_is_wider_than_a_line():
    assert r"\footnotesize\setlength" not in as_latex(PLAIN)
    wide = Content((["", *"abcdefgh"],), (["digital economy", *["-0.123***"] * 8],), frozenset(), ())
    assert r"\footnotesize\setlength{\tabcolsep}{3pt}" in as_latex(wide).splitlines()


def test_latex_says_what_chinese_needs():
    text = as_latex(NASTY)
    assert r"% The Chinese text needs \usepackage{ctex} and xelatex (or lualatex)" in text
    assert r"数字 $\times$ x$^2$ ($\gamma$ $\le$ 3) & {}[$-$1, 2] \\" in text
    assert r"$<$b$>$\textbar{}x\textbar{}$<$/b$>$ 100\% \$5 \#\{\}" in text
    assert r"\textasciitilde{}\textasciicircum{}\textbackslash{} `c` & 0.5 \\" in text
    assert "ctex" not in as_latex(PLAIN)


@pytest.mark.parametrize("write", [as_html, as_markdown, as_latex, as_text])
def test_every_format_keeps_chinese(write):
    assert "数字" in write(NASTY)


def test_latex_protects_brackets_and_stars_that_come_first():
    text = as_latex(
        Content((["", "(1)"],), (["[a]", "[1, 2]"], ["*b", "1*"]), frozenset(), ("[1] A source",))
    )
    assert "{}[a] & {}[1, 2] \\\\\n{}*b & 1$^{*}$ \\\\" in text
    assert "\\item {}[1] A source" in text
