"""Functions at the start of every script compute as Stata does."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from digiprosper.stata import _script

# The effect on the treated and on controls, and controls off support, of Stata.
NAN = float("nan")
NEAREST = (1.4105933, 1.6293596, 11)
RADIUS = (1.85897071, 1.63335009, 16)
KERNEL = (1.82028639, 1.603352, 11)


def test_a_weighted_mean_leaves_out_missing_values() -> None:
    x, weights = pd.Series([1.0, np.nan, 4.0]), pd.Series([1.0, 5.0, 2.0])
    assert _script.weighted_mean(x, weights) == 3.0


def matched_one_by_one(rows: pd.DataFrame, weigh, *, ate: bool) -> pd.DataFrame:
    """Match each row by itself, with the loops of psmatch2 4.0.12."""
    out = pd.DataFrame({"weight": rows.d * (not ate), "y": np.nan}, rows.index)
    support = pd.Series(1, rows.index)
    for group, other in [(0, 1), (1, 0)] if ate else [(1, 0)]:
        for at in rows.index[rows.d == group]:
            weights = weigh((rows.p - rows.p[at]).abs()[rows.d == other])
            if not weights:
                support[at] = 0
                continue
            for row, weight in weights.items():
                out.loc[row, "weight"] += weight
            out.loc[at, "y"] = sum(w * rows.y[row] for row, w in weights.items())
    out.loc[(support == 0) | (out.weight == 0), "weight"] = np.nan
    return out


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    p, d = rng.uniform(0.1, 0.9, 60), rng.integers(0, 2, 60).astype(float)
    return pd.DataFrame({"d": d, "p": p, "y": rng.normal(size=60)})


@pytest.mark.parametrize("ate", [False, True])
@pytest.mark.parametrize(("neighbors", "ties"), [(1, False), (3, False), (1, True)])
def test_neighbours_are_those_of_loops(rows, neighbors, ties, ate) -> None:
    if ties:
        rows = rows.assign(p=rows.p.round(1))

    def by_loop(gaps: pd.Series) -> dict[int, float]:
        near = [at for at in gaps.sort_values().index if gaps[at] < 0.02][:neighbors]
        if ties and near:
            near = [at for at in gaps.index if gaps[at] == gaps.min()]
        return {at: 1 / len(near) for at in near}

    df = rows.astype({"d": int})
    _script.match_rows(
        *(df, "d", df.p, ["y"]),
        lambda gaps: _script.nearest(gaps, neighbors, 0.02, ties=ties),
        common=False,
        ate=ate,
        again=False,
    )
    expected = matched_one_by_one(rows, by_loop, ate=ate)
    np.testing.assert_allclose(df["_weight"], expected.weight)
    np.testing.assert_allclose(df["_y"], expected.y)


@pytest.mark.parametrize(
    ("ate", "score", "off"), [(False, 0.5, [0, 4]), (True, 0.1, [4, 5])]
)
def test_rows_outside_the_scores_of_the_other_group_are_off_support(
    ate, score, off
) -> None:
    """psmatch2, common: treated outside the controls, with ate controls too."""
    d = [1, 1, 1, 1, 1, 0, 0, 0, 1]
    p = [0.2, 0.3, 0.5, 0.8, 0.9, score, 0.3, 0.8, np.nan]
    df = pd.DataFrame({"d": d, "p": p, "y": 1.0})
    _script.match_rows(
        *(df, "d", df.p, ["y"]),
        lambda gaps: _script.nearest(gaps, 1, np.inf, ties=True),
        common=True,
        ate=ate,
        again=False,
    )
    assert df.index[df["_support"] == 0].tolist() == off
    # A row without a score is neither on support nor off.
    assert df.index[df["_support"].isna()].tolist() == [8]


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [("byte", -127, 100), ("int", -32767, 32740), ("long", -2147483647, 2147483620)],
)
def test_whole_numbers_outside_a_type_are_missing(kind, least, most) -> None:
    """[D] data types."""
    x = pd.Series([least - 1.0, least, most, most + 1])
    expected = [np.nan, least, most, np.nan]
    np.testing.assert_array_equal(_script.stored("x", x, kind), expected)


TENTH = float(np.float32(0.1))


@pytest.mark.parametrize(
    ("version", "byteorder"), [(114, "<"), (114, ">"), (118, "<"), (118, ">")]
)
def test_fractions_in_a_type_of_whole_numbers_have_the_default_one(
    version, byteorder, tmp_path
) -> None:
    """[D] generate: replace promotes to float or double, by set type, as messages show.

    "variable x was int now float" is that of x / 10; a long becomes a float, too.
    """
    path = tmp_path / "types.dta"
    whole = {"b": np.int8(1), "i": np.int16(2), "l": np.int32(2**24 + 1)}
    others = {"f": np.float32(1), "d": 2.0**24 + 1, "s": "a"}
    table = pd.DataFrame({**whole, **others}, index=range(3))
    # pandas reads whole numbers with missing values as doubles.
    table.to_stata(path, version=version, byteorder=byteorder, write_index=False)
    df = _script.from_file(path)
    rows = pd.Series([True, False, False])
    types = {"b": "byte", "i": "int", "l": "long", "f": "float", "d": None}
    assert {name: _script.types[name] for name in types} == types
    for name in types:
        df[name] = df[name].astype(float)
        df[name] = _script.replaced(df[name], df[name] * 0 + 3, rows)
    assert {name: _script.types[name] for name in types} == types
    for name in types:
        df[name] = _script.replaced(df[name], 0.1, rows)
    assert df.loc[0, [*types]].tolist() == [TENTH] * 4 + [0.1]
    # Rows that stay lose digits as well.
    assert df.loc[1, ["l", "d"]].tolist() == [2**24, 2**24 + 1]
    assert [_script.types[name] for name in types] == ["float"] * 4 + [None]


def test_set_type_double_tells_the_type_of_fractions() -> None:
    x = pd.Series([1.0, 2.0], name="x")
    _script.stored("x", x, "byte")
    assert _script.replaced(x, 0.1, default="double").tolist() == [0.1, 0.1]
    _script.stored("x", x, "byte")
    assert _script.replaced(x, 0.1).tolist() == [TENTH, TENTH]
    _script.stored("x", x, "double")
    assert _script.replaced(x, 0.1).tolist() == [0.1, 0.1]


@pytest.mark.parametrize(
    ("x", "value"), [([1.0, 2], "a"), (["a", "b"], 1), (["a"], NAN)]
)
def test_texts_do_not_replace_numbers(x, value) -> None:
    """[D] generate: Stata stops with r(109), type mismatch."""
    with pytest.raises(AssertionError, match="type mismatch"):
        _script.replaced(pd.Series(x, name="x"), value)


@pytest.mark.parametrize("kernel", sorted(_script.kernels))
def test_kernels_are_those_of_loops(rows, kernel) -> None:
    forms = {
        "biweight": lambda u: (1 - u**2) ** 2,
        "epan": lambda u: 1 - u**2,
        "normal": lambda u: math.exp(-(u**2) / 2),
        "tricube": lambda u: (1 - u**3) ** 3,
        "uniform": lambda u: 1,
    }

    def by_loop(gaps: pd.Series) -> dict[int, float]:
        near = {at: gap / 0.02 for at, gap in gaps.items()}
        near = {at: u for at, u in near.items() if u <= 1 or kernel == "normal"}
        total = sum(map(forms[kernel], near.values()))
        return {at: forms[kernel](u) / total for at, u in near.items()}

    df = rows.copy()
    _script.match_rows(
        *(df, "d", df.p, ["y"]),
        lambda gaps: _script.smooth(gaps, kernel, 0.02),
        common=False,
        ate=False,
        again=True,
    )
    expected = matched_one_by_one(rows, by_loop, ate=False)
    np.testing.assert_allclose(df["_weight"], expected.weight)
    np.testing.assert_allclose(df["_y"], expected.y)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("weigh", "att", "atu", "off"),
    [
        (partial(_script.nearest, neighbors=1, caliper=np.inf, ties=True), *NEAREST),
        (partial(_script.smooth, kernel="uniform", width=0.01), *RADIUS),
        (partial(_script.smooth, kernel="epan", width=0.06), *KERNEL),
    ],
    ids=["nearest", "radius", "kernel"],
)
def test_effects_of_the_job_training_are_those_of_stata(weigh, att, atu, off) -> None:
    """Printed by ``psmatch2 t age .. u75, out(re78) ate ties logit common``.

    The data are those of Dehejia and Wahba (1999), in thousands of dollars. The
    treatment is a column of whole numbers.
    """
    data = pytest.importorskip("causaldata").nsw_mixtape.load_pandas().data
    df = data.rename(columns={"treat": "t"})
    for year in (74, 75, 78):
        df[f"re{year}"] /= 1000
    df["u74"], df["u75"] = df["re74"].eq(0), df["re75"].eq(0)
    columns = ["age", "educ", "black", "hisp", "marr", "re74", "re75", "u74", "u75"]
    regressors = sm.add_constant(df[columns].astype(float))
    score = sm.Logit(df["t"], regressors).fit(disp=0).predict()
    message = _script.match_rows(
        *(df, "t", pd.Series(score, df.index), ["re78"], weigh),
        common=True,
        ate=True,
        again=weigh.func is _script.smooth,
    )
    on, treated = df["_support"] == 1, df["t"] == 1
    effects = df["re78"] - df["_re78"]
    assert message == f"ATT of re78: {att:.6g}"
    assert effects[on & treated].mean() == pytest.approx(att, abs=2e-6)
    assert -effects[on & ~treated].mean() == pytest.approx(atu, abs=2e-6)
    assert ((~on & ~treated).sum(), (~on & treated).sum()) == (off, 2)
