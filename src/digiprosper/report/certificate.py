"""Coverage of intervals in simulated panels of a size, which summaries cite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from math import log

from digiprosper.errors import Notice, packaged_rows
from digiprosper.report.verdicts import is_balanced

# Panels with more or fewer entities or periods by this factor are another case.
_NEAR = 1.5


@cache
def _ranges() -> Mapping[str, Mapping[tuple[int, int], str]]:
    """Read the range over designs by statistic, entities and periods."""
    ranges: dict[str, dict[tuple[int, int], str]] = {}
    for row in packaged_rows(__file__, "certificate"):
        cells = ranges.setdefault(row["statistic"], {})
        low, high = (row[end].removeprefix("0") for end in ("low", "high"))
        cells[int(row["N"]), int(row["T"])] = f"{low} to {high}"
    return ranges


def coverage_remark(
    statistics: Mapping[str, str],
    size: tuple[int, int, int],
    diagnostics: Iterable[Notice],
) -> str:
    """Describe the coverage of 95% intervals in simulated panels of about this size.

    `statistics` are those of the table, by the names in the sentence; `size` has rows,
    entities and periods. Empty for unbalanced panels, for panels of another size,
    and if there is any notice but that of few clusters, since each may mean that the
    panel is unlike those that were simulated.
    """
    _, n_entities, n_times = size
    if not is_balanced(*size) or {n.code for n in diagnostics} - {"few_clusters"}:
        return ""

    def distances(cell: tuple[int, int]) -> tuple[float, float]:
        """Compare entities and periods with those of a cell."""
        return abs(log(n_entities / cell[0])), abs(log(n_times / cell[1]))

    parts, shown = [], ""
    for name, statistic in statistics.items():
        cells = _ranges().get(statistic, {})
        near = [cell for cell in cells if max(distances(cell)) <= log(_NEAR)]
        if near:
            cell = min(near, key=lambda cell: sum(distances(cell)))
            shown = f"{cell[0]} x {cell[1]}"
            parts.append(f"{name} {cells[cell]}")
    if not parts:
        return ""
    return (
        f"Coverage of 95% intervals in simulated panels of {shown}, by design: "
        f"{', '.join(parts)} (page Certificate)."
    )
