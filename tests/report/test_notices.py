"""Notices that several kinds of results share."""

from __future__ import annotations

import ast
import csv
import string
from functools import cache
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

from digiprosper import errors
from digiprosper.errors import FewClustersWarning, MissingDataWarning
from digiprosper.report.columns import BELOW
from digiprosper.report.notices import (
    extrapolated,
    few_clusters,
    few_draws,
    imputed,
    lost_draws,
    missing_rows,
    not_psd,
    too_few_clusters_to_draw,
)


@pytest.mark.parametrize("clusters", [1, 2, 3, 4])
def test_too_few_clusters_are_told_with_the_number_of_different_draws(clusters) -> None:
    (notice,) = too_few_clusters_to_draw(clusters, "region", "Do this.")
    assert notice.data == {"clusters": "region", "n_clusters": clusters}
    different = len(list(combinations_with_replacement(range(clusters), clusters)))
    assert f" {different} different ways" in notice.message
    assert notice.message.endswith("Do this.")
    with pytest.warns(FewClustersWarning):
        errors.issue([notice])


def test_five_clusters_are_enough() -> None:
    assert too_few_clusters_to_draw(5, "region") == ()


# --- one maker a code -----------------------------------------------------------------

SOURCE = Path(errors.__file__).parent
WARNINGS, SENTENCES = errors.notice_tables()
# Codes of the problems of an error, which are made where it is raised.
PROBLEMS = {
    "absorbed",
    "constant",
    "extreme",
    "indicator",
    "infinite",
    "missing_key",
    "repeated",
    "too_many_columns",
}
# Problems that errors of several rooms have, each with one maker in `errors`.
SHARED_PROBLEMS = {
    "alignment",
    "collinear",
    "column",
    "missing",
    "models",
    "not_numeric",
    "option",
    "term",
}
# Where a room has a single notice of its own, or several that it alone makes.
BESIDE = {
    "curve_by_few_clusters": "u_shape/u_test.py",
    "few_knots": "u_shape/two_lines.py",
    "incomplete_shares": "instruments.py",
    "unlike_groups": "studies/by_group.py",
    "end_points_held": "studies/propagation.py",
    "end_points_redrawn": "studies/propagation.py",
    "missing_font": "present/figure_style.py",
    "unknown_labels": "present/tables.py",
    "empty_rows": "panel/sheets.py",
    "flags": "panel/sheets.py",
    "rows_without_match": "panel/sheets.py",
    "rows_without_values": "panel/sheets.py",
    "sheets_differ": "panel/sheets.py",
    "sheets_not_read": "panel/sheets.py",
    "text_among_numbers": "panel/table.py",
    "keys_not_in_panel": "panel/changes.py",
    "similar_keys": "panel/changes.py",
    "single_precision": "panel/sheets.py",
    "leap_seconds": "panel/sheets.py",
    "partly_labelled": "panel/sheets.py",
    "undecoded_text": "panel/sheets.py",
    "renamed_columns": "panel/keys.py",
    "unfilled": "panel/changes.py",
    "unseen_values": "panel/evaluation.py",
    "unchained_deflator": "variables.py",
    "zero_first_stock": "variables.py",
}


def makes_notice(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
        "Notice",
        "notice_of",
    )


def variants_of(call: ast.Call) -> set[str]:
    """Read the codes with variants that a call may give: a text, or one of several."""
    if not call.args:
        return set()
    first = call.args[0]
    if isinstance(first, ast.JoinedStr):
        start = first.values[0].value
        return {code for code in SENTENCES if code.startswith(start)}
    texts = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
    return {t.value for t in texts if isinstance(t, ast.Constant)}


def codes_of(call: ast.Call) -> set[str]:
    """Read the codes that a call of Notice or notice_of may give."""
    return {code.partition(".")[0] for code in variants_of(call)}


def is_error(call: ast.Call) -> bool:
    name = (
        call.func.id
        if isinstance(call.func, ast.Name)
        else getattr(call.func, "attr", "")
    )
    return name.endswith("Error")


@cache
def files_with_notices() -> dict[str, ast.Module]:
    """Parse the files of the source that have a call of Notice or of replace."""
    texts = {
        path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(SOURCE.rglob("*.py"))
    }
    return {
        name: ast.parse(text)
        for name, text in texts.items()
        if any(call in text for call in ("Notice(", "notice_of(", "replace("))
    }


@cache
def calls_in_files() -> list[tuple[str, ast.Call]]:
    """Find all calls in these files, each with its file."""
    return [
        (name, node)
        for name, tree in files_with_notices().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


@cache
def makers() -> dict[str, set[tuple[str, str]]]:
    """Find the function and file that make each notice, errors' problems aside."""
    actual: dict[str, set[tuple[str, str]]] = {}
    for name, tree in files_with_notices().items():
        raised = {
            inner
            for outer in ast.walk(tree)
            if isinstance(outer, ast.Call) and is_error(outer)
            for inner in ast.walk(outer)
        }
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                made = makes_notice(call) and call not in raised
                for code in codes_of(call) if made else ():
                    actual.setdefault(code, set()).add((name, function.name))
    return {
        code: places
        for code, places in actual.items()
        if code not in PROBLEMS | SHARED_PROBLEMS
    }


@pytest.mark.further
def test_every_code_has_one_maker_or_its_sentences_in_a_table() -> None:
    several = {code for code, places in makers().items() if len(places) > 1}
    assert several == {
        *("jumping_times", "lagged_outcome", "near_collinear"),
        *("shared_in_cells", "shifted_rows", "totals"),
    }
    for code in several:
        layouts = {
            frozenset(k.arg for k in call.keywords if k.arg and k.arg[0] != "_")
            for _, call in calls_in_files()
            if makes_notice(call) and code in codes_of(call)
        }
        assert len(layouts) == 1, code


@pytest.mark.further
def test_problems_that_rooms_share_have_one_maker() -> None:
    actual: dict[str, list[str]] = {}
    for name, call in calls_in_files():
        if makes_notice(call):
            for code in codes_of(call) & SHARED_PROBLEMS:
                actual.setdefault(code, []).append(name)
    assert actual == {code: ["checks.py"] for code in SHARED_PROBLEMS}


def in_table(code: str, path: str) -> bool:
    """Tell whether the docstring of a file, or of the room's notices, lists a code."""
    paths = (path, f"{path.partition('/')[0]}/notices.py")
    trees = [files_with_notices().get(path) for path in paths]
    return any(f"\n{code} " in (ast.get_docstring(t) or "") for t in trees if t)


# --- sentences in tables --------------------------------------------------------------


def rows_of_tables() -> list[tuple[str, dict[str, str]]]:
    """Read the tables of all rooms: the room, empty for other rooms, and a row."""
    rows = []
    for path in sorted(SOURCE.rglob("notices.csv")):
        room = path.parent.relative_to(SOURCE).as_posix().removeprefix(".")
        with path.open(encoding="utf-8", newline="") as file:
            rows += [(room, row) for row in csv.DictReader(file)]
    return rows


def test_rows_of_tables_are_sorted_and_have_a_warning_or_a_sentence() -> None:
    rows = rows_of_tables()
    assert len({row["code"] for _, row in rows}) == len(rows)
    for room in {room for room, _ in rows}:
        codes = [row["code"] for of, row in rows if of == room]
        assert codes == sorted(codes)
    for _, row in rows:
        assert row["warning"] or row["sentence"], row
        # A sentence with commas is in quotes.
        assert None not in row, row
        # Variants have the same warning.
        of_code = WARNINGS.get(row["code"].partition(".")[0])
        assert row["warning"] == (of_code.__name__ if of_code else ""), row


@pytest.mark.further
def test_sentences_have_the_fields_of_their_calls_and_are_in_the_right_room() -> None:
    """Fields that are not in the data are in a sentence of the call."""
    calls: dict[str, list[tuple[str, set[str | None]]]] = {}
    rows = rows_of_tables()
    for name, call in calls_in_files():
        if makes_notice(call) and call.func.id == "notice_of":
            fields = {k.arg for k in call.keywords}
            variants = variants_of(call)
            if name == "stata/judge.py":  # the code is an argument of its maker
                variants = {r["code"] for room, r in rows if room == "stata"}
            assert variants, ast.unparse(call)
            for code in variants:
                calls.setdefault(code, []).append((name, fields))
            written = "".join(SENTENCES[code] for code in variants)
            for field in fields - {None}:
                assert field[0] != "_" or f"{{{field}" in written, (variants, field)
    for room, row in rows:
        code, sentence = row["code"], row["sentence"]
        fields = [field for _, field, _, _ in string.Formatter().parse(sentence)]
        used = {field.partition("[")[0] for field in fields if field}
        assert bool(sentence) == (code in calls), code
        for name, fields in calls.get(code, ()):
            assert used <= fields or None in fields, code
            assert name.rpartition("/")[0] == room or "." in code, code


def test_fields_of_a_sentence_say_how_they_are_written() -> None:
    notice = errors.notice_of(
        "rows_without_values", count=1200, texts=("a", "b"), _where="sheet 'x': "
    )
    assert notice.message == "sheet 'x': 1,200 rows without values dropped: 'a', 'b'"
    assert notice.data == {"count": 1200, "texts": ("a", "b")}
    assert errors.notice_of("single_precision", columns=("a",)).message.startswith(
        "'a' has Stata's type float"
    )
    near_end = errors.notice_of(
        "near_end", coefficient="rho", value=0.97, interval=(-1.0, 1.0), weights="W"
    )
    assert "rho = 0.97 is near an end of its interval (-1, 1)" in near_end.message
    assert errors.counted(2, "entity") == "2 entities"


@pytest.mark.further
def test_makers_are_in_the_notices_of_their_room() -> None:
    """Or in the one file of the room that has all of them, with their table."""
    elsewhere = {}
    for code, places in makers().items():
        paths = [path for path, _ in places]
        if not any(p.endswith("notices.py") or in_table(code, p) for p in paths):
            elsewhere[code] = paths[0]
    assert elsewhere == BESIDE


@pytest.mark.further
def test_every_warning_is_the_notice_of_a_maker() -> None:
    """No code that becomes a warning is unused; none that is made is misspelled."""
    made = set(makers())
    assert made >= set(WARNINGS)
    assert {"few_clusters", "lagged_rows", "concentration"} <= made - set(WARNINGS)


@pytest.mark.further
def test_every_code_is_in_the_table_of_its_room() -> None:
    for code, places in makers().items():
        if code not in BESIDE:
            assert any(in_table(code, path) for path, _ in places), code


@pytest.mark.further
def test_no_notice_is_made_from_another() -> None:
    """No `replace(notice, ...)`, no `Notice(n.code, ...)`: makers get their data."""
    for name, call in calls_in_files():
        if makes_notice(call) and call.args:
            assert not isinstance(call.args[0], ast.Attribute), name
        if getattr(call.func, "id", "") == "replace":
            assert {"message", "code"}.isdisjoint(k.arg for k in call.keywords), name


# --- cut-offs and sentences -----------------------------------------------------------


@pytest.mark.parametrize(
    ("clusters", "code"),
    [
        (1, "very_few_clusters"),
        (19, "very_few_clusters"),
        (20, "few_clusters"),
        (39, "few_clusters"),
    ],
)
def test_the_limits_of_few_clusters(clusters, code) -> None:
    actual = few_clusters(clusters, "region", "Then.")
    (notice,) = actual
    assert (notice.code, notice.data) == (
        code,
        {"clusters": "region", "n_clusters": clusters},
    )
    assert few_clusters(40, "region", "Then.") == ()
    assert notice.message == f"{clusters} clusters (region): Then."


def test_few_clusters_may_have_another_subject() -> None:
    (notice,) = few_clusters(30, "entity", "Then.", "30 entities")
    assert notice.message == "30 entities: Then."


@pytest.mark.parametrize(
    ("read", "limit", "words"),
    [
        (
            "tails",
            199,
            "reps=198: a tail of 2.5% has a simulation error of 1.1%. Use 999.",
        ),
        ("ends", 499, "reps=498: the ends of a 95% interval need more draws; use 999."),
        (
            "test",
            199,
            (
                "reps=198: the p-value cannot be below 0.005, and p = 0.05 has a "
                "simulation error of 0.015. Use 999."
            ),
        ),
        (
            "effects",
            199,
            (
                "198 draws: the p-value cannot be below 0.010, and the interval is "
                "imprecise. Use 999 or more."
            ),
        ),
    ],
)
def test_the_limits_and_the_sentences_of_few_draws(read, limit, words) -> None:
    assert few_draws(limit, read) == ()
    (notice,) = few_draws(limit - 1, read)
    assert (notice.code, notice.data, notice.message) == (
        "few_draws",
        {"reps": limit - 1},
        words,
    )


def test_values_beyond_the_sample_are_extrapolated_but_for_rounded_ends() -> None:
    assert extrapolated("z", [1.0, 2.0, 0.995, 2.005], 1.0, 2.0) == []
    (notice,) = extrapolated("z", [0.98, 1.5, 7.25], 1.0, 2.0)
    assert notice.code == "extrapolated"
    assert notice.data == {
        "column": "z",
        "values": (0.98, 7.25),
        "low": 1.0,
        "high": 2.0,
    }
    assert "'z' is between 1 and 2 in the sample; at 0.98 or 7.25" in notice.message


def test_lost_draws_are_counted() -> None:
    assert lost_draws(0, 99, "failed.") == ()
    (notice,) = lost_draws(3, 99, "failed.", "bootstrap")
    assert (notice.code, notice.data) == ("lost_draws", {"lost": 3, "reps": 99})
    assert notice.message == "3 of 99 bootstrap draws failed."


def test_missing_rows_have_one_layout() -> None:
    notice = missing_rows(2, "said", {"x": 1, "y": 2}, ["a", "b"])
    data = {"count": 2, "by_term": {"x": 1, "y": 2}, "rows": ("a", "b"), "compared": {}}
    assert (notice.code, notice.data) == ("missing_rows", data)
    assert missing_rows(2, "said", {}, shifted=True).code == "lagged_rows"
    with pytest.warns(MissingDataWarning):
        errors.issue([notice])


def test_imputed_cells_have_one_layout() -> None:
    notice = imputed({"a": 3}, "lagged", "b", _column="a", _count=3)
    assert (notice.code, notice.data) == (
        "imputed",
        {"cells": {"a": 3}, "why": "lagged", "lag_of": "b"},
    )


def test_negative_variances_have_their_terms() -> None:
    notice = not_psd("variance", ["a", "b"])
    assert (notice.code, notice.data) == ("not_psd", {"terms": ("a", "b")})
    assert "the variance of 'a', 'b' is negative" in notice.message


# --- warnings below a table -----------------------------------------------------------

# Warnings of results that a table does not repeat, because of rows and notes that it
# has, or because they are about something else.
NOT_BELOW = {
    # The number of rows, of draws and of regimes, a test's p-value, a set.
    *("singletons", "missing_rows", "left_out", "few_draws", "lost_draws"),
    *("boundary", "second_order", "hansen_rejected", "tests_disagree"),
    # Notes and rows of the room's own.
    *("learners_differ", "nothing_left", "useless_learner", "weak_after_learning"),
    *("unmatched_treated", "no_base_values", "weak_instrument", "few_exchanges"),
    *("many_instruments", "first_lag", "bias_not_solved"),
    # Tests, which have no column of a model.
    *("assigned_by_cluster", "few_treated_in_draws", "few_weightings"),
    *("too_few_clusters_to_draw", "short_series", "masking", "unfilled", "unseen"),
    "model_not_estimated",
    # Panels, sheets, indices, weights, variables, figures.
    *("rows_without_match", "rows_without_values", "imputed", "similar_keys"),
    *("sheets_differ", "text_among_numbers", "unknown_labels", "unseen_values"),
    *("incomplete_shares", "zero_first_stock", "extrapolated", "pooled"),
    *("constant_indicator", "dominant_indicator", "shift", "unchained_deflator"),
    *("legacy_lnT", "negative_weight", "zero_score", "beyond_end_points"),
    *("beyond_ideal", "opposed_indicator"),
    *("equally_bad", "mixed_units", "islands", "unused_entities"),
    *("common_trend", "spread_of_index", "growth_unit"),
    *("unlike_scales", "zero_system"),
    *("one_direction", "far_neighbours"),
    *("missing_neighbours", "near_end", "constant_threshold_variable"),
    *("unlike_bases", "missing_font", "renamed_columns", "jumping_times"),
    *("uneven_dates", "similar_entities", "code_forms", "totals", "shifted_rows"),
    *(
        "changed_codes",
        "straight_lines",
        "filled_ends",
        "sums_of_a_year",
        "sheets_not_read",
        "copied_entities",
    ),
    *("over_gaps", "unit_break", "units_differ", "partly_labelled", "leap_seconds"),
    *("undecoded_text", "large_correction", "swapped_keys", "filled_ends"),
    "opposed_indicator",
}


def test_a_new_warning_is_below_tables_or_has_a_reason_not_to_be() -> None:
    assert set(WARNINGS) - set(BELOW.texts) == NOT_BELOW
