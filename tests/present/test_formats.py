"""Tables as files."""

from __future__ import annotations

import csv
import os
import re
import stat
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import docx
import openpyxl
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import optional, plots
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    InputTypeError,
    OptionError,
)
from digiprosper.present.formats import (
    WRITERS,
    as_latex,
    as_markdown,
    table_path,
    write_html,
    write_rtf,
    write_xlsx,
)
from digiprosper.present.tables import Table, etable, save_tables, stack_tables
from digiprosper.report.rendering import Content, as_html, as_text
from tests.present.table_files import READERS, read_docx, read_tex, read_xlsx

if TYPE_CHECKING:
    from collections.abc import Mapping

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
RTF_CONTENT = Content(
    header=(["", "(1)", "(2)"], ["Dependent variable", "共同富裕", "共同富裕"]),
    body=(
        ["a\\{b}", "0.123***", ""],
        ["", "(0.040)", ""],
        ["观测值 😀 é", "1,234", "5"],
    ),
    breaks=frozenset({2}),
    notes=("注：第一。", "* p < 0.1."),
    title="表1 基准",
)
SHEET_CONTENT = Content(
    header=(
        ["", "(1)", "2", "基准"],
        ["Dependent variable", "共同富裕指数", "共同富裕指数", "GDP"],
    ),
    body=(
        ["数字经济发展水平", "0.123***", "-12.3", "=1+1"],
        ["", "(0.040)", "(-2.10)", ""],
        ["p", "<0.001", "[0.1, 0.2]", "4.17e-05"],
        ["Observations", "1,234", "-5", "007"],
    ),
    breaks=frozenset({2}),
    notes=("* p < 0.1.", "数据来源：作者计算。"),
    title="表3 基准回归",
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


def test_markdown_keeps_entities_and_what_would_begin_a_list_or_heading():
    notes = ("# 1", "- a", "+ b", "1. c", "2) d", "-0.5", "1.5", "R&D &lt; 1 &#9;")
    content = Content((["", "&amp;"],), (["a&b", "1"],), frozenset(), notes)
    written = as_markdown(content).splitlines()
    assert written[0] == r"|  | \&amp; |"
    assert written[2:] == [
        "| a&b | 1 |",
        *chain.from_iterable(
            ("", note)
            for note in (
                r"\# 1",
                r"\- a",
                r"\+ b",
                r"1\. c",
                r"2\) d",
                "-0.5",
                "1.5",
                r"R&D \&lt; 1 \&#9;",
            )
        ),
    ]


def test_latex_joins_no_hyphens_or_quotes_and_has_no_letter_for_infinity():
    content = Content(
        (["", "1990--2000"],), (["''a'' --- b's", "[-∞, 1]"],), frozenset(), ()
    )
    written = as_latex(content)
    assert r" & 1990-{}-2000 \\" in written
    assert r"'{}'a'{}' -{}-{}- b's & {}[$-$$\infty$, 1] \\" in written


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
def test_latex_leaves_room_for_what_other_numbers_of_a_column_have(
    cell, beside, written
):
    content = Content((["", "(1)"],), (["a", cell], ["b", beside]), frozenset(), ())
    assert rf"a & {written} \\" in as_latex(content).splitlines()


def test_latex_writes_greek_letters_as_mathematics():
    content = Content((["", "(1)"],), (["ρ, λ and σ²", "1"],), frozenset(), ())
    assert r"$\rho$, $\lambda$ and $\sigma$$^2$ & 1 \\" in as_latex(content)


def test_latex_sets_a_table_in_small_type_only_where_it_is_wider_than_a_line():
    assert r"\footnotesize\setlength" not in as_latex(PLAIN)
    wide = Content(
        (["", *"abcdefgh"],),
        (["digital economy", *["-0.123***"] * 8],),
        frozenset(),
        (),
    )
    assert r"\footnotesize\setlength{\tabcolsep}{3pt}" in as_latex(wide).splitlines()


@pytest.mark.parametrize(
    ("columns", "rows", "environment", "room"),
    [
        (3, 3, "table", None),
        (3, 60, "table", "height"),
        (8, 3, "table", "height"),
        (12, 3, "sidewaystable", "width"),
    ],
)
def test_latex_fits_a_table_that_is_larger_than_a_page(
    columns, rows, environment, room
):
    body = (["digital economy", *["-0.123***"] * columns],) * rows
    content = Content((["", *map(str, range(columns))],), body, frozenset(), ())
    lines = as_latex(content).splitlines()
    box = rf"\begin{{adjustbox}}{{max totalsize={{\linewidth}}{{\text{room}}}}}"
    assert rf"\begin{{{environment}}}[htbp]" in lines
    assert lines[-1] == rf"\end{{{environment}}}"
    assert (box in lines, r"\end{adjustbox}" in lines) == (room is not None,) * 2
    extra = ["rotating"] * (environment != "table") + ["adjustbox"] * (room is not None)
    assert lines[0].endswith(
        "{" + ",".join(["booktabs", "threeparttable", *extra]) + "}"
    )


def test_latex_says_what_chinese_needs():
    text = as_latex(NASTY)
    assert (
        r"% The Chinese text needs \usepackage{ctex} and xelatex (or lualatex)" in text
    )
    assert r"数字 $\times$ x$^2$ ($\gamma$ $\le$ 3) & {}[$-$1, 2] \\" in text
    assert r"$<$b$>$\textbar{}x\textbar{}$<$/b$>$ 100\% \$5 \#\{\}" in text
    quoted = r"\textasciitilde{}\textasciicircum{}\textbackslash{} " + (
        r"\textasciigrave{}c\textasciigrave{} & 0.5 \\"
    )
    assert quoted in text
    assert "ctex" not in as_latex(PLAIN)


@pytest.mark.parametrize("write", [as_html, as_markdown, as_latex, as_text])
def test_every_format_keeps_chinese(write):
    assert "数字" in write(NASTY)


def test_latex_protects_brackets_and_stars_that_come_first():
    text = as_latex(
        Content(
            (["", "(1)"],),
            (["[a]", "[1, 2]"], ["*b", "1*"]),
            frozenset(),
            ("[1] A source",),
        )
    )
    assert "{}[a] & {}[1, 2] \\\\\n{}*b & 1$^{*}$ \\\\" in text
    assert "\\item {}[1] A source" in text


CHINESE = dp.TableStyle("zh")
LABELS = {
    "log(pcap)": "公共资本",
    "log(pc)": "私人资本",
    "unemp": "失业率",
    "state": "省份",
    "gsp": "产出",
}


@pytest.fixture(scope="module")
def fits() -> list[dp.LinearResults]:
    panel = dp.datasets.us_states()
    spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "unemp"])
    return [spec.replace(time_effects=False).fit(panel), spec.fit(panel)]


@pytest.fixture(scope="module")
def paper(fits) -> dict[str, Table]:
    """Give three tables: a plain one, a Chinese one, one for a page across."""
    return {
        "Table 1. Output": etable(fits),
        "表2 基准回归": etable(fits, style=CHINESE, labels=LABELS),
        "Table 3. Many": etable([*fits, *fits, *fits], below="ci"),
    }


@pytest.fixture(scope="module")
def layered(fits) -> dict[str, Table]:
    """Give tables with heads that span columns and with panels."""
    one, other = (
        etable(fits, style=CHINESE, labels=LABELS),
        etable(fits, labels=LABELS, style=CHINESE, keep="unemp"),
    )
    return {
        "Table 1. Spans": etable({"Output": fits, "Again": fits}),
        "表2 面板": stack_tables({"面板A：全部": one, "面板B：失业率": other}),
        "Table 3. Spans in panels": stack_tables(
            {"A": etable({"x": fits, "y": fits}), "B": [*fits, *fits]}
        ),
    }


def grid(table: Table) -> list[list[str]]:
    rows = zip(table.frame.index, table.frame.to_numpy().tolist(), strict=True)
    above = [["", *table.spans]] if table.spans else []
    return [
        *above,
        ["", *table.frame.columns],
        *([name, *cells] for name, cells in rows),
    ]


def one_title(row: list[str]) -> list[str]:
    """Give the title of a panel once.

    Some formats repeat it in every cell that it spans.
    """
    return row[:1] if row[0] and all(cell in ("", row[0]) for cell in row[1:]) else row


def test_word_has_every_table_with_its_numbers(paper, tmp_path):
    path = save_tables(tmp_path / "tables.docx", paper)
    assert read_docx(path) == [grid(table) for table in paper.values()]
    document = docx.Document(str(path))
    texts = [p.text for p in document.paragraphs if p.text]
    expected = [
        text for title, table in paper.items() for text in (title, *table.notes)
    ]
    assert texts == expected
    across = [section.page_width > section.page_height for section in document.sections]
    assert across == [False, True]


def test_word_has_figures_above_their_titles(paper, tmp_path, two_way):
    one, _, wide = paper.values()
    with plots.figure_style("page"):
        axes = plots.coefficients(two_way)
        axes.figure.set_figheight(20)
        contents = {"Table 1": one, "Table 2": wide, "Figure 1": axes}
        path = save_tables(tmp_path / "t.docx", contents | {"Figure 2": axes.figure})
        again = save_tables(tmp_path / "again.docx", contents | {"Figure 2": axes})
        with pytest.raises(OptionError, match="figure 'Figure 1' can be written"):
            save_tables(tmp_path / "t.xlsx", contents)
    assert path.read_bytes() == again.read_bytes()
    document = docx.Document(str(path))
    section = document.sections[-1]
    assert section.page_width < section.page_height
    room = section.page_width - section.left_margin - section.right_margin
    rows = section.page_height - section.top_margin - section.bottom_margin
    assert len(document.inline_shapes) == 2
    for shape in document.inline_shapes:
        assert 0 < shape.width <= room
        assert 0 < shape.height < rows
    pictures = [p for p in document.paragraphs if p._p.xpath(".//pic:pic")]
    assert all(p.paragraph_format.keep_with_next for p in pictures)
    captions = [p for p in document.paragraphs if p.style.name == "Caption"]
    assert [p.text for p in captions] == [*contents, "Figure 2"]


def test_word_turns_back_after_a_page_across(paper, tmp_path):
    one, _, wide = paper.values()
    path = save_tables(tmp_path / "t.docx", {"a": wide, "b": one, "c": one, "d": wide})
    document = docx.Document(str(path))
    assert [s.page_width > s.page_height for s in document.sections] == [
        True,
        False,
        True,
    ]
    assert len(document.tables) == 4
    # Two tables without a paragraph between them would be one.
    tags = [child.tag.rpartition("}")[2] for child in document.element.body]
    assert all(pair != ("tbl", "tbl") for pair in pairwise(tags))


def test_excel_has_a_sheet_a_table(paper, tmp_path):
    path = save_tables(tmp_path / "tables.xlsx", paper)
    for (title, table), sheet in zip(paper.items(), read_xlsx(path), strict=True):
        cells = grid(table)
        assert sheet[0][0] == title
        assert sheet[1 : len(cells) + 1] == cells
        assert [row[0] for row in sheet[len(cells) + 1 :]] == list(table.notes)
    assert openpyxl.load_workbook(path).sheetnames == list(paper)


def test_latex_has_an_environment_a_table(paper, tmp_path):
    path = save_tables(tmp_path / "tables.tex", paper)
    assert read_tex(path) == [grid(table) for table in paper.values()]
    text = path.read_text("utf-8")
    assert [
        text.count(mark)
        for mark in (r"\begin{table}", r"{sidewaystable}", r"\caption*{", "booktabs")
    ] == [2, 2, 3, 1]
    assert text.count("ctex") == 1


def test_csv_has_every_cell_and_a_byte_order_mark(paper, tmp_path):
    path = save_tables(tmp_path / "tables.csv", paper)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [
            [re.sub(r'^="(.*)"$', r"\1", cell) for cell in row]
            for row in csv.reader(file)
        ]
    expected: list[list[str]] = []
    for title, table in paper.items():
        expected += [[], [title], *grid(table), *([note] for note in table.notes)]
    assert rows == expected[1:]


def test_csv_does_not_let_a_spreadsheet_calculate(tmp_path, make_fit):
    fit = make_fit({"=1+1": (-1.0, 0.5, 0.5), "-x": (2.0, 1.0, 0.5)})
    table = etable(fit, rows={"Share": ["(5.0%)"]})
    text = table.save(tmp_path / "t.csv").read_text("utf-8-sig")
    assert '"=""(0.500)""",' in text or '"=""(0.500)"""' in text
    assert '"=""=1+1"""' in text
    assert '"=""-x"""' in text
    assert 'Share,"=""(5.0%)"""' in text
    assert ",-1.000\n" in text


@pytest.mark.many(7)
@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_has_every_cell_of_every_table(paper, tmp_path, ending):
    path = save_tables(tmp_path / f"t{ending}", paper)
    read = READERS[ending](path)
    if ending == ".xlsx":
        # A sheet has the title above the table, and the notes below it.
        read = [
            sheet[1 : 1 + len(table.frame) + 1]
            for sheet, table in zip(read, paper.values(), strict=True)
        ]
    assert read == [grid(table) for table in paper.values()]


@pytest.mark.many(7)
@pytest.mark.parametrize("ending", WRITERS)
def test_typeset_formats_have_signs_and_others_what_programs_read(
    make_fit, tmp_path, ending
):
    fit = make_fit({"x <= -2": (-1.25, 0.5, 0.5), "a-b": (1e-9, 1.0, 0.5)})
    path = save_tables(tmp_path / f"t{ending}", {"T 1-2, z <= -2": etable(fit)})
    if ending == ".docx":
        cells = [
            cell.text
            for row in docx.Document(str(path)).tables[0].rows
            for cell in row.cells
        ]
        titles = [p.text for p in docx.Document(str(path)).paragraphs]
        text = " ".join([*titles, *cells])
    elif ending == ".xlsx":
        text = " ".join(chain.from_iterable(read_xlsx(path)[0]))
    else:
        text = path.read_bytes().decode("utf-8-sig")
    minus = {".tex": "$-$", ".rtf": r"\u8722?"}.get(ending, "−")
    less = {".tex": r"$\le$", ".rtf": r"\u8804?"}.get(ending, "≤")
    typeset = ending in {".docx", ".html", ".rtf", ".tex"}
    assert (f"z {less} {minus}2" in text) == typeset
    assert (f"{minus}1.2" in text) == (f"x {less} {minus}2" in text) == typeset
    assert ("-1.250" in text) != typeset
    assert "a-b" in text
    assert "0.00000000100" in text


def test_all_titles_of_a_file_have_one_size(paper, tmp_path):
    """Wide tables have smaller type than others, and titles of the same size."""
    path = save_tables(tmp_path / "tables.docx", paper)
    titles = [p for p in docx.Document(str(path)).paragraphs if p.text in paper]
    assert {title.runs[0].font.size.pt for title in titles} == {11.5}
    cells = [t.rows[0].cells[1] for t in docx.Document(str(path)).tables]
    assert len({c.paragraphs[0].runs[0].font.size.pt for c in cells}) > 1
    text = save_tables(tmp_path / "t.rtf", paper).read_text("ascii")
    assert text.count(r"\keepn\fs23\b ") == len(paper)


@pytest.mark.many(7)
@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_has_heads_that_span_and_panels(layered, tmp_path, ending):
    path = save_tables(tmp_path / f"t{ending}", layered)
    for read, table in zip(READERS[ending](path), layered.values(), strict=True):
        expected = list(map(one_title, grid(table)))
        rows = read[1 : 1 + len(expected)] if ending == ".xlsx" else read
        if ending in (".csv", ".md"):
            rows = [[*row, *[""] * (len(expected[0]) - len(row))] for row in rows]
        assert list(map(one_title, rows)) == expected


@pytest.mark.many(7)
@pytest.mark.parametrize("ending", WRITERS)
def test_numbers_are_those_of_the_results(fits, tmp_path, ending):
    style = dp.TableStyle(digits=5, stars=None)
    (rows,) = READERS[ending](
        save_tables(tmp_path / f"t{ending}", {"T": fits}, style=style)
    )
    rows = rows[1:] if ending == ".xlsx" else rows
    for place, fit in enumerate(fits, start=1):
        tidy = fit.tidy()
        estimates, errors = (
            [row[place] for row in rows[start : start + 6 : 2]] for start in (2, 3)
        )
        assert estimates == [f"{value:.5f}" for value in tidy["estimate"]]
        assert errors == [f"({value:.5f})" for value in tidy["std_error"]]


def test_a_finished_table_keeps_its_style_and_title(fits, tmp_path):
    own = etable(fits, style=CHINESE, title="表9 自己的标题")
    path = save_tables(
        tmp_path / "t.xlsx",
        {"A": own, "B": fits, "C": own},
        style=dp.TableStyle(digits=1),
    )
    sheets = read_xlsx(path)
    assert [sheet[0][0] for sheet in sheets] == [
        "表9 自己的标题",
        "B",
        "表9 自己的标题",
    ]
    assert sheets[0][2][0] == "被解释变量"
    assert sheets[1][3][1] == "0.3***"
    assert openpyxl.load_workbook(path).sheetnames == [
        "表9 自己的标题",
        "B",
        "表9 自己的标题 (3)",
    ]


def test_labels_serve_all_tables_that_are_not_made_yet(fits, tmp_path):
    weights = pd.DataFrame({"weight": [1.0]}, index=["hwy"])
    labels = {"log(pcap)": "公共资本", "hwy": "公路"}
    path = save_tables(
        tmp_path / "t.md", {"A": etable(fits), "B": fits, "C": weights}, labels=labels
    )
    made = {
        "A": etable(fits),
        "B": etable(fits, labels={"log(pcap)": "公共资本"}),
        "C": etable(weights, labels={"hwy": "公路"}),
    }
    assert path.read_text("utf-8") == save_tables(tmp_path / "made.md", made).read_text(
        "utf-8"
    )


def test_labels_that_no_table_has_are_named_once(fits, tmp_path):
    with pytest.warns(DigiprosperWarning) as caught:
        save_tables(
            tmp_path / "t.csv", {"A": fits, "B": fits}, labels={"log(pcapp)": "x"}
        )
    assert len(caught) == 1
    with pytest.raises(InputTypeError):
        save_tables(tmp_path / "t.csv", {"A": fits}, labels=["x"])


def test_sheets_have_names_that_excel_takes(paper, tmp_path):
    table = paper["Table 1. Output"]
    long = "Table 4: a/b [c]? " + "x" * 40
    titles = [long, long + "y", "'quoted'", "HISTORY", "  ", "table 4  a b  c", ":"]
    path = save_tables(tmp_path / "t.xlsx", dict.fromkeys(titles, table))
    names = openpyxl.load_workbook(path).sheetnames
    assert len({name.casefold() for name in names}) == len(titles)
    assert all(
        0 < len(name) <= 31 and not re.search(r"[\[\]:*?/\\]", name) for name in names
    )
    assert not any(name.startswith("'") or name.endswith("'") for name in names)


BAD_TABLES: Mapping[str, object] = {
    "none": None,
    "empty": {},
    "list": [1],
    "text": "Table 1",
    "numbers": {1: "x"},
    "mixed": {"a": None, 2: None},
}


@pytest.mark.parametrize("given", BAD_TABLES.values(), ids=BAD_TABLES)
def test_what_is_no_set_of_tables(given, tmp_path):
    with pytest.raises(InputTypeError) as caught:
        save_tables(tmp_path / "t.docx", given)
    assert [problem.data["option"] for problem in caught.value.problems] == ["tables"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "given", [None, 1, "x", [], {}, [None], object(), dp.FixedEffects]
)
def test_what_is_no_table_is_named(given, paper, tmp_path):
    with pytest.raises(InputTypeError) as caught:
        save_tables(tmp_path / "t.docx", {**paper, "Bad": given})
    assert caught.value.__notes__ == ["save_tables: this is the table 'Bad'."]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "error"),
    [
        (1, InputTypeError),
        (None, InputTypeError),
        ("tables", OptionError),
        ("tables.pdf", OptionError),
        ("tables.doc", OptionError),
        ("", OptionError),
        (".docx", OptionError),
    ],
)
def test_where_tables_cannot_go(path, error, paper):
    with pytest.raises(error):
        save_tables(path, paper)


def test_a_folder_that_is_not_there(paper, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save_tables(tmp_path / "no" / "t.docx", paper)


@pytest.mark.parametrize("style", ["zh", 1, {"language": "zh"}])
def test_what_is_no_style(paper, tmp_path, style):
    with pytest.raises(InputTypeError):
        save_tables(tmp_path / "t.docx", paper, style=style)


def test_a_failure_leaves_the_file_as_it_was(paper, tmp_path):
    target = tmp_path / "t.csv"
    save_tables(target, paper)
    before = target.read_bytes()
    with pytest.raises((InputTypeError, ColumnError)):
        save_tables(target, {"a": object()})
    assert target.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="files of Windows have other permissions")
@pytest.mark.many(7)
@pytest.mark.parametrize("ending", WRITERS)
def test_a_file_that_is_replaced_keeps_its_permissions(fits, tmp_path, ending):
    path, new = tmp_path / f"t{ending}", tmp_path / f"new{ending}"
    path.write_text("old")
    for mode in (0o600, 0o664):
        path.chmod(mode)
        etable(fits).save(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
    save_tables(path, {"T": fits})
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    usual = tmp_path / "usual"
    usual.touch()
    etable(fits).save(new)
    assert new.stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("ending", WRITERS)
def test_a_path_has_a_known_ending_whatever_its_case(ending):
    assert table_path(f"t{ending.upper()}", "path") == Path(f"t{ending.upper()}")


@pytest.mark.parametrize("ending", ["docx", "xlsx"])
def test_an_office_file_has_no_times(ending: str, tmp_path: Path) -> None:
    table = etable(pd.DataFrame({"weight": [0.5]}, index=["x"]))
    path = table.save(tmp_path / f"t.{ending}")
    with ZipFile(path) as file:
        assert {info.date_time[0] for info in file.infolist()} == {1980}
        core = file.read("docProps/core.xml").decode()
    assert set(re.findall(r"\d{4}(?=-\d\d-\d\dT)", core)) == {"1980"}
    before = path.read_bytes()
    assert table.save(path).read_bytes() == before


# --- RTF ------------------------------------------------------------------------------


def decoded(text: str) -> str:
    """Give the letters that an RTF text writes by number."""

    def letter(results: re.Match[str]) -> str:
        return (
            int(results[1])
            .to_bytes(2, "little", signed=True)
            .decode("utf-16-le", "surrogatepass")
        )

    units = re.sub(r"\\u(-?\d+)\?", letter, text)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def without_fonts(text: str) -> str:
    return re.sub(r"\{\\f1 (.*?)\}", r"\1", text)


def cells(text: str) -> list[str]:
    """Read the texts of the cells, in order."""
    actual = re.findall(r"\\fs\d+ (.*)\\cell", decoded(text))
    return [re.sub(r"\\([\\{}])", r"\1", without_fonts(cell)) for cell in actual]


@pytest.fixture
def written(tmp_path) -> str:
    write_rtf([RTF_CONTENT, RTF_CONTENT], tmp_path / "t.rtf")
    return (tmp_path / "t.rtf").read_bytes().decode("ascii")


def test_every_text_is_there(written):
    heads = ["", "(1)", "(2)", "Dependent variable", "共同富裕"]
    body = [text for row in RTF_CONTENT.body for text in row]
    assert cells(written) == [*heads, *body] * 2
    for text in (RTF_CONTENT.title, *RTF_CONTENT.notes):
        assert without_fonts(decoded(written)).count(text) == 2


def test_rows_have_an_edge_a_cell_and_groups_are_closed(written):
    rows = re.findall(r"\\trowd(.*?)\\row", written, re.DOTALL)
    assert len(rows) == 2 * 5
    assert all(
        row.count(r"\cellx") == len(re.findall(r"\\cell\b", row)) for row in rows
    )
    assert [row.count(r"\cellx") for row in rows[:5]] == [3, 2, 3, 3, 3]
    # Names of rows are on the left, heads in the centre.
    aligned = [re.findall(r"\\sa20\\(\w+)", row) for row in rows[:5]]
    assert {row[0] for row in aligned} == {"ql"}
    assert aligned[0][1:] == ["qc", "qc"]
    bare = re.sub(r"\\[\\{}]", "", written)
    assert bare.count("{") == bare.count("}")


def test_three_lines_and_no_others(written):
    rows = re.findall(r"\\trowd(.*?)\\row", written, re.DOTALL)[:5]
    below = [re.findall(r"\\clbrdrb\\brdrs\\brdrw(\d+)", row)[:1] for row in rows]
    assert below == [[], ["15"], [], [], ["30"]]
    assert [r"\clbrdrt\brdrs\brdrw30" in row for row in rows] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_a_wide_table_lies_across_its_own_page(tmp_path):
    row = ["digital", *["[-0.123, 0.456]"] * 6]
    wide = Content((["", *map(str, range(6))],), (row,), frozenset(), ())
    write_rtf([RTF_CONTENT, wide], tmp_path / "t.rtf")
    first, second = (tmp_path / "t.rtf").read_text("ascii").split("\\sect\\sectd")
    assert r"\lndscpsxn" not in first
    assert r"\lndscpsxn" in second
    assert int(re.findall(r"\\cellx(\d+)", second)[-1]) <= 14100


# --- Excel ----------------------------------------------------------------------------


def first_sheet(content, folder):
    write_xlsx([content], folder / "t.xlsx")
    return openpyxl.load_workbook(folder / "t.xlsx").active


def one_column(*cells: str) -> Content:
    return Content((["", "(1)"],), tuple(["", cell] for cell in cells), frozenset(), ())


def test_a_sheet_shows_every_text_as_printed(tmp_path):
    sheet = first_sheet(SHEET_CONTENT, tmp_path)
    (rows,) = read_xlsx(tmp_path / "t.xlsx")
    assert rows[0][0] == SHEET_CONTENT.title
    assert rows[1:7] == [*SHEET_CONTENT.header, *SHEET_CONTENT.body]
    assert [row[0] for row in rows[7:]] == list(SHEET_CONTENT.notes)
    assert sheet["B2"].font.bold
    assert not sheet["B4"].font.bold
    assert sheet.column_dimensions["A"].width >= 18
    assert (sheet["B2"].border.top.style, sheet["B3"].border.bottom.style) == (
        "medium",
        "thin",
    )
    assert sheet["B7"].border.bottom.style == "medium"


def test_numbers_are_numbers_and_other_cells_texts(tmp_path):
    sheet = first_sheet(SHEET_CONTENT, tmp_path)
    values = [[cell.value for cell in row] for row in sheet["B4:D7"]]
    assert values == [
        [0.123, -12.3, "=1+1"],
        [0.04, -2.1, None],
        ["<0.001", "[0.1, 0.2]", "4.17e-05"],
        [1234, -5, "007"],
    ]
    assert {
        cell.data_type
        for row in sheet["B4:D7"]
        for cell in row
        if isinstance(cell.value, str)
    } == {"s"}
    assert sheet["C2"].value == "2"


def test_formats_leave_room_for_what_other_numbers_have(tmp_path):
    sheet = first_sheet(one_column("0.123***", "(0.040)", "-12.3", "816"), tmp_path)
    # A minus follows the room, which is why negative numbers have a section of
    # their own.
    assert [cell.number_format for (cell,) in sheet["B2:B5"]] == [
        '_0_(0.000"***"',
        '_0"("0.000")"_0_0',
        r"0.0_0_0_0_0_0;\-0.0_0_0_0_0_0",
        "0",
    ]


@pytest.mark.parametrize(
    "text",
    ["1234567890123456", "00.5", "1,23", "1e5", "12,345.6.7", "0.1+0.2", "(0.5", "5%"],
)
def test_what_a_format_cannot_show_stays_a_text(text, tmp_path):
    sheet = first_sheet(one_column(text), tmp_path)
    assert read_xlsx(tmp_path / "t.xlsx")[0][1][1] == text
    assert text == "(0.5" or sheet["B2"].value == text


def test_a_table_without_rows_or_notes_is_written(tmp_path):
    assert (
        first_sheet(Content((["", "b"],), (), frozenset(), ()), tmp_path)["B1"].value
        == "b"
    )


def test_a_missing_extra_names_its_cure(tmp_path, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(optional, "import_module", absent)
    with pytest.raises(
        ImportError, match=r'needs openpyxl: pip install "\.\[tables\]"'
    ):
        write_xlsx([SHEET_CONTENT], tmp_path / "t")
