"""Rows of the certificate: simulated, kept in files, and judged."""

from __future__ import annotations

import json
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tests.certificate import (
    binary,
    counts,
    mechanisms,
    regressions,
    space,
    staggered,
)
from tests.certificate.designs import Cell, Study, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Row: TypeAlias = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "measured" / "certificate"
STUDIES: dict[str, Study] = {
    **regressions.STUDIES,
    **counts.STUDIES,
    **staggered.STUDIES,
    **space.STUDIES,
    **mechanisms.STUDIES,
    **binary.STUDIES,
}
# Shares that are right for a test at 5% and for an interval of 95%.
BANDS = {"size": (0.03, 0.08), "coverage": (0.92, 0.97)}
LEVEL = 0.05 + 1e-12


def seed_of(name: str, cell: Cell) -> int:
    """Return the seed of a cell, which depends on nothing but its name."""
    return zlib.crc32(f"{name} {cell.n} {cell.t} {cell.design}".encode())


def trials(
    study: Study, cell: Cell, seed: int, effect: float, reps: int
) -> Iterator[Mapping[str, Trial]]:
    """Draw panels; the same with and without an effect."""
    for number in range(reps):
        yield study.draw(np.random.default_rng([seed, number]), cell, effect)


def run(name: str, cell: Cell, reps: int) -> list[Row]:
    """Simulate a cell: one row for each statistic of the study.

    Power is of half as many panels.
    """
    study, seed, start = STUDIES[name], seed_of(name, cell), time.perf_counter()
    effect = study.effect(cell)
    null = list(trials(study, cell, seed, 0.0, reps))
    other = list(trials(study, cell, seed, effect, reps // 2)) if effect else []
    rows = [
        {
            "statistic": row,
            "N": cell.n,
            "T": cell.t,
            "design": cell.design,
            "kind": kind,
            **shares(kind, [one[row] for one in null], [one[row] for one in other]),
            "R": reps,
            "seed": seed,
        }
        for row, kind in study.rows.items()
    ]
    seconds = round(time.perf_counter() - start, 1)
    return [{**row, "seconds": seconds} for row in rows]


def shares(kind: str, null: Sequence[Trial], other: Sequence[Trial]) -> Row:
    """Summarise trials without and with an effect."""
    p_values = [one.p for one in null]
    row: Row = {
        "default": share(kind, p_values),
        "others": {
            name: share(kind, [one.others.get(name, np.nan) for one in null])
            for name in sorted({name for one in null for name in one.others})
        },
        "noticed": round(float(np.mean([one.noticed for one in null])), 4),
        "missing": round(
            float(np.mean([np.isnan(p).all() for p in map(np.asarray, p_values)])), 4
        ),
    }
    statistics = np.array([one.statistic for one in null])
    if other and np.isfinite(statistics).any():
        critical = np.nanquantile(statistics, 0.95)
        actual = np.array([one.statistic for one in other])
        row["power"] = share("size", [one.p for one in other])
        row["corrected"] = round(
            float(np.mean(actual[np.isfinite(actual)] > critical)), 4
        )
    return row


def share(kind: str, p_values: Sequence[Any]) -> float | None:
    """Return the share that is rejected, or of coverage the share that is not."""
    whole = np.concatenate([np.atleast_1d(p).astype(float) for p in p_values])
    whole = whole[np.isfinite(whole)]
    if not whole.size:
        return None
    rejected = float(np.mean(whole <= LEVEL))
    return round(rejected if kind == "size" else 1 - rejected, 4)


def outside(row: Row) -> bool:
    """Whether the default is outside its band by more than two Monte Carlo errors."""
    value = row["default"]
    if value is None:
        return False
    low, high = BANDS[row["kind"]]
    end = min(max(value, low), high)
    return bool(abs(value - end) > 2 * np.sqrt(end * (1 - end) / row["R"]))


def weak(row: Row) -> bool:
    """Whether power is below .9 of that of the test with its true critical value."""
    if not row.get("corrected") or row["power"] is None:
        return False
    return bool(row["power"] < 0.9 * row["corrected"])


# --- files ----------------------------------------------------------------------------


def read(name: str) -> list[Row]:
    """Read the rows of a study that are there."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def write(name: str, rows: Sequence[Row]) -> None:
    """Write the rows of a study, one a line, in the order of its cells."""
    study = STUDIES[name]
    place = {cell: k for k, cell in enumerate(study.cells)}
    names = list(study.rows)
    there = [row for row in rows if cell_of(row) in place and row["statistic"] in names]
    there.sort(key=lambda row: (names.index(row["statistic"]), place[cell_of(row)]))
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in there)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def cell_of(row: Row) -> Cell:
    """Return the cell of a row."""
    return Cell(row["N"], row["T"], row["design"])


def missing_cells(name: str, reps: int | None = None) -> list[Cell]:
    """List the cells of a study that have no row, or one of fewer panels."""
    study, panels = STUDIES[name], {cell_of(row): row["R"] for row in read(name)}
    return [
        cell
        for cell in study.cells
        if panels.get(cell, 0) < (reps or study.reps_of(cell))
    ]
