"""The certificate: a handful of its cells, its files, and the page from its rows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.certificate import page, rows
from tests.certificate.designs import Cell, Trial, inside

if TYPE_CHECKING:
    from pathlib import Path

STUDIES = [name for name, study in rows.STUDIES.items() if study.cells]

# --- a handful of cells ---------------------------------------------------------------


@cache
def simulated(name: str, cell: Cell, reps: int) -> dict[str, rows.Row]:
    """Simulate without power."""
    study = rows.STUDIES[name]
    null = list(rows.trials(study, cell, rows.seed_of(name, cell), 0.0, reps))
    return {
        row: rows.shares(kind, [one[row] for one in null], [])
        for row, kind in study.rows.items()
    }


AR, SKEW = Cell(31, 8, "AR"), Cell(31, 8, "skew")
FEW = Cell(31, 10, "2 never treated")


@pytest.mark.parametrize(
    ("name", "row", "cell", "reps", "most", "other"),
    [
        ("joint-f", "Joint F, q = 6", SKEW, 40, 0.13, "F(q, G - 1), Stata"),
        ("anderson-rubin", "Anderson-Rubin, q = 6", SKEW, 30, 0.14, "F(q, G - 1)"),
        ("hausman", "Hausman, k = 6", AR, 40, 0.13, "chi-squared"),
        ("staggered", "Pre-trend test", AR, 20, 0.16, "as other programs"),
        ("spatial-tests", "LM error", AR, 15, 0.16, "chi-squared"),
    ],
)
@pytest.mark.many(10)
def test_the_default_rejects_less_than_what_it_stands_beside(
    name: str, row: str, cell: Cell, reps: int, most: float, other: str
) -> None:
    actual = simulated(name, cell, reps)[row]
    assert actual["default"] <= most < actual["others"][other]


@pytest.mark.parametrize(
    ("name", "row", "cell", "reps", "least", "other"),
    [
        ("staggered", "ATT", AR, 20, 0.84, None),
        ("staggered", "Path, joint band", AR, 20, 0.84, "all points of the usual path"),
        ("few-never-treated", "ATT, few never treated", FEW, 15, 0.85, "usual errors"),
        ("durbin", "SDM, rho", AR, 30, 0.86, "unadjusted"),
        ("slope", "Slope", AR, 30, 0.86, None),
    ],
)
@pytest.mark.many(10)
def test_the_default_covers(
    name: str, row: str, cell: Cell, reps: int, least: float, other: str | None
) -> None:
    actual = simulated(name, cell, reps)[row]
    assert actual["default"] >= least
    assert other is None or actual["others"][other] < least


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.many(30)
def test_every_study_draws_its_rows(name: str) -> None:
    study = rows.STUDIES[name]
    cell = study.cells[-1]
    rng = np.random.default_rng([1, 0])
    trial = study.draw(rng, cell, study.effect(cell))
    assert set(trial) == set(study.rows)
    (again,) = rows.trials(study, cell, 1, study.effect(cell), 1)
    for row, one in trial.items():
        np.testing.assert_array_equal(np.asarray(one.p), np.asarray(again[row].p))


# --- shares, bands and files ----------------------------------------------------------


def test_shares_by_hand() -> None:
    p_values = [0.01, 0.05, 0.5, float("nan"), np.array([0.2, 0.04])]
    assert rows.share("size", p_values) == 0.6
    assert rows.share("coverage", p_values) == 0.4
    assert rows.share("size", [float("nan")]) is None
    null = [Trial(0.5, float(k), {"other": 0.01}, k < 5) for k in range(21)]
    other = [Trial(0.01, 18.5), Trial(0.2, 30.0), Trial(0.2, 20.5), Trial(0.3, 2.0)]
    row = rows.shares("size", null, other)
    assert row["default"] == 0
    assert row["others"] == {"other": 1.0}
    assert row["noticed"] == pytest.approx(5 / 21, abs=1e-4)
    assert (row["power"], row["corrected"]) == (0.25, 0.5)  # the 95% quantile is 19
    assert rows.weak(row)


@pytest.mark.parametrize(
    ("kind", "value", "out"),
    [
        ("size", 0.05, False),
        ("size", 0.0965, False),  # .08 and two errors of .0086
        ("size", 0.0975, True),
        ("size", 0.018, True),  # .03 less two errors of .0054
        ("size", 0.0195, False),
        ("coverage", 0.95, False),
        ("coverage", 0.902, True),
        ("coverage", 0.904, False),
        ("coverage", 0.982, True),
        ("size", None, False),
    ],
)
@pytest.mark.many(10)
def test_the_band_has_two_monte_carlo_errors(
    kind: str, value: float | None, out: bool
) -> None:
    assert rows.outside({"kind": kind, "default": value, "R": 1000}) is out


def test_intervals_as_p_values() -> None:
    held = inside([0, 1, np.nan], 0.5, [1, 2, 3])
    np.testing.assert_array_equal(held, [1, 0, np.nan])


def test_rows_are_kept_in_order_and_a_second_run_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "FOLDER", tmp_path / "kept")
    cells = rows.STUDIES["ar1"].cells
    assert rows.missing_cells("ar1", 6) == list(cells)
    made = [row for cell in (cells[4], cells[0]) for row in rows.run("ar1", cell, 6)]
    stale: Any = {**made[0], "design": "no longer there"}
    rows.write("ar1", [*made, stale])
    assert [rows.cell_of(row) for row in rows.read("ar1")] == [cells[0], cells[4]]
    assert rows.missing_cells("ar1", 6) == [*cells[1:4], *cells[5:]]
    assert rows.missing_cells("ar1") == list(cells)
    (one,) = rows.run("ar1", cells[0], 6)
    (first, _) = rows.read("ar1")
    assert {**one, "seconds": 0} == {**first, "seconds": 0}
    assert one["R"] == 6
    assert set(one) >= {"default", "others", "power", "corrected", "noticed", "seed"}


def test_every_row_is_of_a_cell_that_is_still_there() -> None:
    for name, study in rows.STUDIES.items():
        for row in rows.read(name):
            assert rows.cell_of(row) in study.cells
            assert row["statistic"] in study.rows
            assert row["seed"] == rows.seed_of(name, rows.cell_of(row))


@pytest.mark.further
def test_a_kept_row_is_simulated_again() -> None:
    cell = Cell(31, 8, "normal")
    kept = next(row for row in rows.read("ar1") if rows.cell_of(row) == cell)
    (again,) = rows.run("ar1", cell, kept["R"])
    assert again["default"] == pytest.approx(kept["default"], abs=0.003)
    assert again["power"] == pytest.approx(kept["power"], abs=0.006)


# --- the page -------------------------------------------------------------------------


def test_the_page_is_that_of_the_rows() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page()


def test_the_table_of_the_package_is_that_of_the_rows() -> None:
    assert page.CITED.read_text(encoding="utf-8") == page.citations()


def test_what_is_outside_is_marked_and_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def kept(name: str) -> list[rows.Row]:
        base = {"N": 31, "T": 10, "kind": "size", "noticed": 0.5, "R": 1000, "seed": 1}
        row = {**base, "statistic": "Hausman, k = 6", "others": {"chi-squared": 0.5}}
        good = {**row, "design": "AR", "default": 0.05}
        bad = {**row, "design": "skew", "default": 0.2}
        weak = {**good, "design": "hetx", "power": 0.3, "corrected": 0.4}
        return [good, bad, weak] if name == "hausman" else []

    monkeypatch.setattr(page, "read", kept)
    text = page.page()
    assert "| ! | 31 | 10 | skew | **.200** | .500 |  |  | .500 | 1000 |" in text
    assert "|  | 31 | 10 | AR | .050 |" in text
    assert "| ! | Hausman, k = 6 | size | .050 to .200 | chi-squared: .500 |" in text
    words = " ".join(text.split())
    assert "| Hausman, k = 6 | skew | .200 |" in text
    assert "| Hausman, k = 6 | hetx | .300 of .400 |" in text
    assert rows.STUDIES["hausman"].outside in words
