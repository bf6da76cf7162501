"""Do-files become statements; a comment, an encoding or a delimiter loses none."""

from __future__ import annotations

import pytest

from digiprosper.stata.lines import decode, statements


def texts(text: str) -> list[str]:
    return [" ".join(s.text.split()) for s in statements(text)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_of_chinese_files(encoding: str) -> None:
    text = 'gen 地区 = 1 if 省份 == "山西省"\n'
    assert decode(text.encode(encoding)) == text


def test_bytes_of_no_encoding_are_read_as_latin() -> None:
    assert decode(b"* caf\xe9\xff") == "* caf\xe9\xff"


def test_line_numbers_are_those_of_the_first_line() -> None:
    read = statements("* head\n\nreghdfe y ///\n  x, ///\n a(id)\nsum y\r\nsum x\r")
    assert [(s.origin.number, s.text.split()[0]) for s in read] == [
        (3, "reghdfe"),
        (6, "sum"),
        (7, "sum"),
    ]


def test_three_slashes_continue_a_comment_too() -> None:
    assert texts("* a comment ///\nreghdfe y x\nsum y") == ["sum y"]
    assert texts("// a comment ///\nreghdfe y x") == ["reghdfe y x"]


def test_two_slashes_start_a_comment_only_after_a_blank() -> None:
    assert texts("use http://a.org/b.dta // note\n//sum\nsum y") == [
        "use http://a.org/b.dta",
        "sum y",
    ]


def test_block_comments_may_be_nested_and_inside_a_line() -> None:
    assert texts("sum /* a /* b */ c */ y\n/*\nsum x\n*/\nsum z") == ["sum y", "sum z"]


def test_a_star_inside_a_line_multiplies() -> None:
    assert texts("gen z = x ///\n * y") == ["gen z = x * y"]


def test_a_delimiter_joins_lines() -> None:
    text = "#delimit ;\nreghdfe y\n x\n, a(id);\nsum y; sum x;\n#delimit cr\nsum z"
    assert texts(text) == ["reghdfe y x , a(id)", "sum y", "sum x", "sum z"]
    open_statement = "#d ;\nsum y\n#delimit cr // back\nsum x\n"
    assert texts(open_statement) == ["sum y", "sum x"]


def test_quoted_slashes_are_no_comment_and_quotes_may_stay_open() -> None:
    assert texts('use "C:\\a //b.dta"\ndisplay "open\nsum y') == [
        'use "C:\\a //b.dta"',
        'display "open',
        "sum y",
    ]
