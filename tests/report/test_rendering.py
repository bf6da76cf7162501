from __future__ import annotations

from html.parser import HTMLParser

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


class Cells(HTMLParser):
    """Rows of a table as (text, colspan)."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, int]]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append(("", int(dict(attrs).get("colspan", 1))))

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            text, span = self.rows[-1][-1]
            self.rows[-1][-1] = (text + data.strip(), span)


def test_equal_neighbours_are_joined():
    row = ["a", "a", "b", "", "", "a"]
    above = ["x", "y", "y", "y", "y", "y"]
    _, *joined = Content((["", *row],), (), frozenset(), ()).lines[0].parts
    assert [(text, end - start) for text, start, end, _ in joined] == [
        ("a", 2),
        ("b", 1),
        ("", 1),
        ("", 1),
        ("a", 1),
    ]
    below = (["", *above], ["", *row])
    _, *apart = Content(below, (), frozenset(), (), spanning=True).lines[1].parts
    assert [(text, end - start) for text, start, end, _ in apart[:3]] == [
        ("a", 1),
        ("a", 1),
        ("b", 1),
    ]


def test_text_is_aligned_and_ruled():
    assert as_text(PLAIN).splitlines() == [
        "Table 1",
        "=" * 41,
        "                       (1)         (2)",
        "Dependent variable           GDP",
        "-" * 41,
        "digital             -0.123***     10.1",
        "                    (0.040)    [0.1, 0.2]",
        "-" * 41,
        "Observations         1,234",
        "=" * 41,
        "* p < 0.1, ** p < 0.05.",
    ]


def test_chinese_letters_take_two_columns():
    wide = Content((["", "人均"],), (["省份", "1"], ["a", "2"]), frozenset(), ())
    assert as_text(wide).splitlines()[1:5] == [
        "      人均",
        "----------",
        "省份    1",
        "a       2",
    ]


def test_a_long_head_over_several_columns_widens_them_together():
    wide = Content(
        (["", "one long head", "one long head"],), (["a", "1", "2"],), frozenset(), ()
    )
    lines = as_text(wide).splitlines()
    assert lines[1] == "   one long head"
    assert len(lines[0]) == 1 + 2 + 13


def test_a_table_without_rows_is_written():
    bare = Content((["", "b"],), (), frozenset(), ())
    assert as_text(bare).count("b") == 1
    assert "<tbody>" in as_html(bare)


def test_html_has_rules_spans_and_notes():
    text = as_html(PLAIN)
    cells = Cells()
    cells.feed(text)
    assert cells.rows[1] == [("Dependent variable", 1), ("GDP", 2)]
    assert cells.rows[2] == [("digital", 1), ("−0.123***", 1), ("10.1", 1)]
    assert cells.rows[-1] == [("* p < 0.1, ** p < 0.05.", 3)]
    assert text.count("border-top:2px") == 3
    assert text.count("vertical-align:bottom") == text.count("<td ") - 1
    assert text.count("border-bottom:1px") == 2
    assert text.count("border-bottom:2px") == 3
    assert "<caption" in text
    assert ">Table 1</caption>" in text


def test_html_escapes_every_text():
    text = as_html(
        Content(NASTY.header, NASTY.body, NASTY.breaks, ("<script>",), "<i>")
    )
    cells = Cells()
    cells.feed(text)
    assert cells.tags == {
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "th",
        "td",
    }
    assert cells.rows[1][0] == (NASTY.body[0][0], 1)


def test_a_hyphen_between_years_is_no_minus():
    names = ["2005年-2010年", "1990--2000", "低于-0.5", "x-1", "(-1)", "[-∞, -2]"]
    content = Content((["", "-1"],), tuple([n, ""] for n in names), frozenset(), ())
    assert content.typeset.header == (["", "−1"],)
    assert [row[0] for row in content.typeset.body] == [
        "2005年-2010年",
        "1990--2000",
        "低于−0.5",
        "x-1",
        "(−1)",
        "[−∞, −2]",
    ]
