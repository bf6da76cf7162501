"""Data commands give the columns that Stata gives, computed by the code they become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.stata import read_do_file
from digiprosper.stata.commands import data
from digiprosper.stata.prefixes import read_command
from digiprosper.stata.reading import _HEAD
from digiprosper.stata.translation import Context
from digiprosper.stata.varlists import Variables

if TYPE_CHECKING:
    from pathlib import Path


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [2, 1, 1, 2, 1, 3],
            "year": [2000, 2001, 2000, 2002, 2002, 2000],
            "x": [4.0, np.nan, 1.0, 2.0, 3.0, 0.0],
            "z": [1.0, 2.0, np.nan, 2.0, 5.0, 6.0],
            "name": ["b", "a", "a", "b", "a", ""],
        }
    )


def run(text: str, df: pd.DataFrame | None = None) -> pd.DataFrame:
    """Translate data commands and execute the code."""
    df = frame() if df is None else df
    names: dict[str, Any] = {"df": df, "np": np, "pd": pd, "dp": dp}
    exec(_HEAD, names)
    names["df"] = df
    context = Context("id", "year", Variables(list(df.columns)), {"id", "year"})
    for line in text.splitlines():
        command = read_command(line)
        exec(data.translate(command, context).python, names)
        context.variables = Variables(list(names["df"].columns))
    out: pd.DataFrame = names["df"]
    return out.sort_values(["id", "year"]).reset_index(drop=True)


NAN = np.nan


@pytest.mark.many(24)
@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("gen a = x + z", "a", [NAN, NAN, 8, 5, 4, 6]),
        ("gen double a = ln(x)", "a", np.log([1, NAN, 3, 4, 2, NAN])),
        ("gen a = x > 2", "a", [0, 1, 1, 1, 0, 0]),
        ("gen a = 1 if x > 2", "a", [NAN, 1, 1, 1, NAN, NAN]),
        ("gen a = 0\nreplace a = 1 if x > 2 & x < .", "a", [0, 0, 1, 1, 0, 0]),
        ("gen a = !x", "a", [0, 0, 0, 0, 0, 1]),
        ("gen a = x/z", "a", [NAN, NAN, 0.6, 4, 1, 0]),
        ("gen a = z/x", "a", [NAN, NAN, 5 / 3, 0.25, 1, NAN]),
        ("gen a = year - 2000", "a", [0, 1, 2, 0, 2, 0]),
        ("gen a = L.x", "a", [NAN, 1, NAN, NAN, NAN, NAN]),
        ("gen a = D.z", "a", [NAN, NAN, 3, NAN, NAN, NAN]),
        ("bysort id (year): gen a = x[_n-1]", "a", [NAN, 1, NAN, NAN, 4, NAN]),
        ("bysort id (year): gen a = _n", "a", [1, 2, 3, 1, 2, 1]),
        ("bysort id: gen a = _N", "a", [3, 3, 3, 2, 2, 1]),
        ("egen a = mean(x)", "a", [2.0] * 6),
        ("bysort id: egen a = mean(x)", "a", [2, 2, 2, 3, 3, 0]),
        ("egen a = total(x), by(id)", "a", [4, 4, 4, 6, 6, 0]),
        ("egen a = rowtotal(x z)", "a", [1, 2, 8, 5, 4, 6]),
        ("egen a = rowmean(x z)", "a", [1, 2, 4, 2.5, 2, 3]),
        ("egen a = group(id)", "a", [1, 1, 1, 2, 2, 3]),
        ("egen a = max(x) if year == 2000", "a", [4, NAN, NAN, 4, NAN, 4]),
        ("encode name, gen(a)", "a", [1, 1, 1, 2, 2, NAN]),
        ("gen a = cond(x > 2, 1, 0)", "a", [0, 1, 1, 1, 0, 0]),
        ("gen a = max(x, z)", "a", [1, 2, 5, 4, 2, 6]),
        ("tostring id, gen(s)\ndestring s, gen(a)", "a", [1, 1, 1, 2, 2, 3]),
        ("rename x a", "a", [1, NAN, 3, 4, 2, 0]),
        ("duplicates tag id, gen(a)", "a", [2, 2, 2, 1, 1, 0]),
        ('gen s = name + "b"\ngen a = strlen(s)', "a", [2, 2, 2, 2, 2, 1]),
        ("egen a = std(x)", "a", np.array([-1, NAN, 1, 2, 0, -2]) / np.sqrt(2.5)),
        ("center x", "c_x", [-1, NAN, 1, 2, 0, -2]),
    ],
)
def test_columns(text: str, column: str, expected: list[float]) -> None:
    np.testing.assert_allclose(run(text)[column].to_numpy(float), expected)


def test_a_total_of_missing_values_is_zero() -> None:
    df = frame().assign(x=np.nan)
    assert run("egen a = rowtotal(x)", df)["a"].tolist() == [0.0] * 6
    assert run("egen a = total(x)", df)["a"].tolist() == [0.0] * 6


@pytest.mark.many(8)
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("keep if x > 2", 3),
        ("keep if x > 2 & x < .", 2),
        ("drop if x > 2", 3),
        ("drop if missing(x)", 5),
        ('keep if name == "a"', 3),
        ("duplicates drop id, force", 3),
        ("collapse (mean) x (sum) s=z, by(id)\nkeep if s > 2\ngen year = 1", 3),
        ("drop z name", 6),
    ],
)
def test_rows(text: str, rows: int) -> None:
    assert len(run(text)) == rows


def test_winsor2_without_replace_makes_a_new_column() -> None:
    df = pd.DataFrame({"id": range(200), "year": 1, "x": np.arange(200.0)})
    out = run("winsor2 x, cuts(1 99)", df.copy())
    assert out["x"].tolist() == df["x"].tolist()
    # Stata's percentile 1 of 200 values is the mean of the second and the third.
    assert (out["x_w"].min(), out["x_w"].max()) == (1.5, 197.5)
    assert run("winsor2 x, replace cuts(5 95)", df.copy())["x"].min() == 9.5


def test_winsor2_with_trim_makes_values_missing() -> None:
    df = pd.DataFrame({"id": range(200), "year": 1, "x": np.arange(200.0)})
    out = run("winsor2 x, cuts(1 99) trim", df)
    assert (out["x_tr"].min(), out["x_tr"].max(), out["x_tr"].isna().sum()) == (
        2,
        197,
        4,
    )


def test_merge_keeps_values_of_the_master(tmp_path: Path) -> None:
    other = pd.DataFrame({"id": [1, 2, 9], "x": [99.0] * 3, "w": [7.0, 8.0, 9.0]})
    path = tmp_path / "other.dta"
    other.to_stata(path, write_index=False)
    out = run(f'merge m:1 id using "{path}"')
    assert out["x"].tolist()[:2] == [1.0, pytest.approx(np.nan, nan_ok=True)]
    assert out["_merge"].tolist() == [3, 3, 3, 3, 3, 1, 2]
    kept = run(f'merge m:1 id using "{path}", keep(match) nogen keepusing(w)')
    assert len(kept) == 5
    assert "_merge" not in kept


@pytest.mark.many(20)
@pytest.mark.parametrize(
    "text",
    [
        "gen a = runiform()",
        "gen a = _n",
        "by id: gen a = x[_n-1]",
        "gen a = x[1]",
        "gen a = L.x if z > 1",
        "bysort id (year): gen a = _n - 6",
        "append id",
        "gen a = inrange(x, 1)",
        "gen a = inlist(x, z)",
        "gen a",
        "replace a = 1 in 1",
        "egen a = cut(x), at(1 2)",
        "egen a = anymatch(x), values(1)",
        "keep in 1/5",
        "drop x if z == 1",
        "bysort id: keep if x == 1",
        "rename (x z) (a b)",
        "merge m:m id using b",
        "merge 1:1 id using b, update",
        "import excel a.xlsx, cellrange(A1:B2) firstrow",
        "use x z using a.dta",
        "collapse (p50) x, by(id)",
        "collapse x",
        "winsor2 x, cuts(1)",
        "destring x",
        "encode name",
        "append using a, gen(new)",
        "gen a = r(mean)",
        "winsor2 x if z > 1, replace",
        "duplicates drop id if x > 1, force",
        "bysort id: replace x = x[_n-1]",
        "collapse x [aw=z], by(id)",
        "by id: drop x",
        "duplicates tag id",
        "gen a = x, magic",
        "import excel a.xlsx",
        "bysort id (year): gen a = x[1]",
    ],
)
def test_refusals(text: str) -> None:
    command = read_command(text)
    context = Context("id", "year", Variables(list(frame().columns)), {"id", "year"})
    with pytest.raises(dp.StataError):
        data.translate(command, context)


def test_scripts_of_whole_files_run(tmp_path: Path) -> None:
    """From reading to the results, with the same numbers as in Python."""
    states = dp.datasets.us_states().frame.reset_index()
    states.to_stata(tmp_path / "states.dta", write_index=False)
    (tmp_path / "paper.do").write_text(
        f"""
        use "{tmp_path}/states.dta", clear
        encode state, gen(id)
        xtset id year
        gen lny = ln(gsp)
        global controls pcap emp
        foreach v of global controls {{
            gen ln`v' = ln(`v')
        }}
        eststo m1: reghdfe lny L.unemp lnpcap lnemp if year >= 1975, ///
            absorb(id year) vce(cluster id)
        test lnpcap = lnemp
        """
    )
    file = read_do_file(tmp_path / "paper.do")
    assert [line.status for line in file.lines if line.status == "refused"] == []
    names: dict[str, Any] = {}
    exec(file.script, names)
    panel = dp.datasets.us_states()
    same = dp.FixedEffects(
        "log(gsp)", ["lag(unemp)", "log(pcap)", "log(emp)"], where="year >= 1975"
    ).fit(panel)
    fit = names["results"]["m1"]
    np.testing.assert_allclose(fit.params, same.params, rtol=1e-8)
    np.testing.assert_allclose(fit.std_errors, same.std_errors, rtol=1e-8)
    assert fit.nobs == 48 * 12
