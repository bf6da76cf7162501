"""The page of the certificate and the table that the package cites, from its rows."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from tests.certificate.designs import MISSING
from tests.certificate.rows import ROOT, STUDIES, outside, read, weak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.certificate.rows import Row

PAGE = ROOT / "docs" / "certificate.md"
CITED = ROOT / "src" / "digiprosper" / "report" / "certificate.csv"
# What summaries cite: a statistic, and which of its columns (None: the default).
CITATIONS: Mapping[str, tuple[str, str, str | None]] = {
    "slope, clustered": ("slope", "Slope", None),
    "slope, cr2": ("slope", "Slope", "CR2"),
    "slope, crv3": ("slope", "Slope", "CRV3"),
    "Poisson slope, clustered": ("counts", "Slope, Poisson", None),
    "Poisson slope, crv3": ("counts", "Slope, Poisson", "CRV3"),
    "2SLS slope, clustered": ("anderson-rubin", "Slope, 2SLS", None),
    "att, callaway_santanna": ("staggered", "ATT", None),
    "att, imputation": ("imputation", "ATT, imputation", None),
    "att, sun_abraham": ("sun-abraham", "ATT, Sun and Abraham", None),
    "rho": ("durbin", "SDM, rho", None),
    "indirect effect": ("durbin", "SDM, indirect effect", None),
}
FEWEST = 200  # panels of a row that is cited
HEAD = """# What holds with 31 entities and ten years

Do the numbers that are printed first hold in small panels? In simulated panels the
truth is known: a test at 5% should reject a true hypothesis in 5% of them, and a 95%
interval should contain the truth in 95%. The first table has the smallest and the
largest share over the balanced designs. An "!" marks shares outside of .03 to .08
(size) or .92 to .97 (coverage) by more than two Monte Carlo errors, which the second
table lists. Below are all cells of each statistic. N = 15 is shown, not promised.

- **default** is the number that is printed first. Beside it are other numbers for the
  same hypothesis.
- **power** is the share of R / 2 panels with an effect in which the default rejects,
  **corrected** that of the same statistic with its simulated critical value. The power
  ratio is the first over the second.
- **notice** is the share of panels in which the output says that the interval may be
  wrong, beside the note of few clusters that every small panel has.
- **R** is the number of panels. The Monte Carlo error of a share p is
  sqrt(p (1 - p) / R).
- Designs: **AR** has normal regressors and errors, both with an autocorrelation of .6.
  **skew** has persistent lognormal regressors, and errors with an autocorrelation of .6
  whose variances differ between entities. **hetx** has chi-squared errors whose
  variance rises with a regressor.

Models have two-way effects and errors clustered by entity, unless a section says
otherwise. Every panel goes through the functions that a user calls, with their
defaults. `make certificate` runs what is missing and writes this page from the rows in
`docs/measured/certificate/`.

"""
# Sections whose file name is no heading
SECTIONS = {"sun-abraham": "Sun and Abraham"}


def write_page() -> None:
    """Write the page and the table of the package."""
    PAGE.write_text(page(), encoding="utf-8")
    CITED.write_text(citations(), encoding="utf-8")


def page() -> str:
    """Make the page from the rows that are there."""
    rows = {name: read(name) for name in STUDIES}
    parts = [HEAD, "## At 31 x 10\n\n", overview(rows), flagged(rows)]
    for name, there in rows.items():
        parts += [section(name, there)] if there else []
    return "".join(parts).rstrip() + "\n"


def overview(rows: Mapping[str, Sequence[Row]]) -> str:
    """Show each statistic at 31 x 10: its range over the balanced designs."""
    lines = []
    for statistic, there in by_statistic(rows):
        cells = [
            row
            for row in there
            if row["N"] == 31
            and row["T"] in (10, 1)
            and row["default"] is not None
            and not row["design"].endswith(MISSING)
        ]
        if not cells:
            continue
        kind = cells[0]["kind"]
        others = sorted({name for row in cells for name in row["others"]})
        beside = [
            f"{name}: {span([row['others'].get(name) for row in cells])}"
            for name in others
        ]
        ratios = [
            row["power"] / row["corrected"] for row in cells if row.get("corrected")
        ]
        lines.append(
            [
                "!" if any(map(outside, cells)) else "",
                statistic,
                kind,
                span([row["default"] for row in cells]),
                "; ".join(beside),
                span([min(ratios)]) if ratios else "",
            ]
        )
    head = ["", "statistic", "share", "default", "other numbers", "least power ratio"]
    return table(head, lines)


def flagged(rows: Mapping[str, Sequence[Row]]) -> str:
    """Show the cells outside of the band, and those that lose power, by size."""
    outside_text = (
        "Shares outside of the band, N = 31 and 100. With an asterisk, the output of "
        "nearly every such panel says that the interval or test may be wrong."
    )
    weak_text = (
        "Power that is below .9 of the corrected one, and the corrected one. Monte "
        "Carlo errors are not deducted; a probable reason is with each study below."
    )
    return (
        f"\n## Outside of the band\n\n{filled(outside_text)}\n\n"
        + by_size(rows, outside, size_text)
        + f"\n## Loss of power\n\n{filled(weak_text)}\n\n"
        + by_size(rows, weak, power_text)
        + "\n"
    )


def by_size(
    rows: Mapping[str, Sequence[Row]],
    judge: Callable[[Row], bool],
    figure: Callable[[Row], str],
) -> str:
    """Show the cells that are judged so: a line a design, a column a size."""
    lines: dict[tuple[str, str], dict[tuple[int, int], str]] = {}
    for statistic, there in by_statistic(rows):
        for row in there:
            if row["N"] != 15 and judge(row):
                line = lines.setdefault((statistic, row["design"]), {})
                line[row["N"], row["T"]] = figure(row)
    sizes = sorted({size for line in lines.values() for size in line})
    head = ["statistic", "design", *(f"{n} x {t}" for n, t in sizes)]
    return table(
        head,
        [
            [*names, *(line.get(size, "") for size in sizes)]
            for names, line in lines.items()
        ],
    )


def section(name: str, rows: Sequence[Row]) -> str:
    """Write the tables of a study, with what is to be done outside of the band."""
    study = STUDIES[name]
    titles = dict(by_statistic({name: rows}))
    several = SECTIONS.get(name, name.replace("-", " ").capitalize())
    text = f"## {' and '.join(titles) if len(titles) < 3 else several}\n\n"
    text += filled(study.about) + "\n\n"
    for statistic, there in titles.items():
        others = sorted({key for row in there for key in row["others"]})
        power = any("power" in row for row in there)
        head = ["", "N", "T", "design", f"default, {there[0]['kind']}", *others]
        head += [*(["power", "corrected"] if power else []), "notice", "R"]
        lines = []
        for row in sorted(there, key=lambda row: (row["N"], row["T"])):
            value = number(row["default"]) or "refused"
            mark = outside(row)
            lines.append(
                [
                    "!" if mark else "",
                    str(row["N"]),
                    str(row["T"]),
                    row["design"],
                    f"**{value}**" if mark else value,
                    *(number(row["others"].get(key)) for key in others),
                    *(
                        [number(row.get("power")), number(row.get("corrected"))]
                        if power
                        else []
                    ),
                    number(row["noticed"]),
                    str(row["R"]),
                ]
            )
        text += (f"**{statistic}**\n\n" if len(titles) > 1 else "") + table(head, lines)
        text += "\n"
    if study.outside and any(map(outside, rows)):
        text += filled(f'Where a cell has an "!": {study.outside}') + "\n\n"
    if any(map(weak, rows)):
        reason = study.weaker or "single cells, within two Monte Carlo errors of .9."
        text += (
            filled(f"Probable reason of power below .9 of the corrected: {reason}")
            + "\n\n"
        )
    return text


def citations() -> str:
    """Write what summaries cite: ranges over the balanced designs of a cell.

    A range of few panels would be one of chance.
    """
    lines = ["statistic,N,T,low,high"]
    for cited, (name, statistic, other) in CITATIONS.items():
        cells: dict[tuple[int, int], list[float]] = {}
        for row in read(name):
            value = row["others"].get(other) if other else row["default"]
            if (
                row["statistic"] == statistic
                and row["R"] >= FEWEST
                and not row["design"].endswith(MISSING)
            ):
                cells.setdefault((row["N"], row["T"]), []).append(value)
        lines += [
            f'"{cited}",{n},{t},{min(values):.2f},{max(values):.2f}'
            for (n, t), values in sorted(cells.items())
            if len(values) >= 3
        ]
    return "\n".join(lines) + "\n"


def by_statistic(
    rows: Mapping[str, Sequence[Row]],
) -> Iterable[tuple[str, list[Row]]]:
    """List each statistic with its rows."""
    for name, there in rows.items():
        for statistic in STUDIES[name].rows:
            actual = [row for row in there if row["statistic"] == statistic]
            if actual:
                yield statistic, actual


def size_text(row: Row) -> str:
    """Write the share of a cell, starred if nearly all of its panels have a notice."""
    return number(row["default"]) + ("*" if row["noticed"] > 0.95 else "")


def power_text(row: Row) -> str:
    """Write power and what is possible."""
    return f"{number(row['power'])} of {number(row['corrected'])}"


def number(value: float | None) -> str:
    """Write a share with three digits."""
    return "" if value is None else re.sub(r"^0\.", ".", f"{value:.3f}")


def span(values: Iterable[float | None]) -> str:
    """Write a range, or one number."""
    there = [number(value) for value in values if value is not None]
    if not there:
        return ""
    low, high = min(there, key=float), max(there, key=float)
    return low if low == high else f"{low} to {high}"


def filled(text: str) -> str:
    """Break a paragraph at 88 columns."""
    return textwrap.fill(text, 88, break_on_hyphens=False, break_long_words=False)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
