"""What is typed between the columns and calls of a factor."""

from __future__ import annotations

import pytest

from digiprosper.panel.terms import parse
from digiprosper.report.terms import Factor

KNOWN = ["x", "z", "数字", "K / L", "e"]


def shown(piece):
    """Write a text as it is, a column as (name,) and a call as the list of its pieces."""
    if isinstance(piece, str):
        return piece
    return [shown(part) for part in piece.pieces] if piece.pieces else (piece.text,)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("log(x)", ["log(", ("x",), ")"]),
        ("exp(e)", ["exp(", ("e",), ")"]),
        ("I( x  **2)", ["I( ", ("x",), "  **2)"]),
        ("I(x*数字 - z)", ["I(", ("x",), "*", ("数字",), " - ", ("z",), ")"]),
        ("I(log(x )/ lag(z, k=2))", ["I(", ["log(", ("x",), " )"], "/ ", ["lag(", ("z",), ", k=2)"], ")"]),
        ("log(`K / L`)", ["log(`", ("K / L",), "`)"]),
        ("I((x + 1)**2)", ["I((", ("x",), " + 1)**2)"]),
        ("I(x == 'x @ z')", ["I(", ("x",), " == 'x @ z')"]),
        ("I(\n x\r\n + -数字)", ["I(\n ", ("x",), "\r\n + -", ("数字",), ")"]),
        ("C( x )", ["C(", ("x",), ")"]),
    ],
)
def test_a_factor_is_its_pieces(text, pieces):
    (factor,) = parse(text, KNOWN, "x").factors
    assert [shown(piece) for piece in factor.pieces] == pieces


def test_a_column_has_no_pieces():
    term = parse("x:log(z)", KNOWN, "x")
    assert [factor.pieces for factor in term.factors] == [
        (),
        ("log(", Factor("z", "z", columns=("z",)), ")"),
    ]


def test_full_width_letters_are_another_column():
    wide = "\uff58"
    (factor,) = parse(f"log({wide})", ["x", wide], "x").factors
    assert [piece.text for piece in factor.pieces if isinstance(piece, Factor)] == [wide]
