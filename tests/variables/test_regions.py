"""Regions compared: loops over groups, Lorenz curves drawn out, and groups of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel, coefficient_of_variation, theil_t, variables
from digiprosper.errors import (
    AlignmentError,
    DigiprosperError,
    IdentificationError,
    OptionError,
)

nan = np.nan


def cities(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    keys = pd.MultiIndex.from_product(
        [[f"c{i}" for i in range(9)], [2000, 2001, 2002]], names=["city", "year"]
    )
    frame = pd.DataFrame(
        rng.uniform(1, 9, (27, 5)), keys, ["income", "people", "cars", "food", "steel"]
    )
    frame["province"] = np.repeat(list("aaabbbbcc"), 3)
    return frame.sample(frac=1, random_state=seed)


def groups(frame: pd.DataFrame) -> Any:
    return frame.groupby(["province", "year"])


def test_coordination_by_group() -> None:
    frame = cities()
    found = variables.regional_coordination(
        frame["income"], frame["people"], frame["province"]
    )
    assert found.index.equals(frame.index)
    for _, part in groups(frame):
        expected = 1 - coefficient_of_variation(
            part["income"], obs_weights=part["people"]
        )
        np.testing.assert_allclose(found[part.index], expected, rtol=1e-13)


@pytest.mark.parametrize("measure", ["cv", "theil"])
def test_equality_by_group(measure: Any) -> None:
    frame = cities(1)
    services = ["cars", "food", "steel"]
    found = variables.service_equality(
        frame[services], frame["province"], measure=measure
    )
    function = coefficient_of_variation if measure == "cv" else theil_t
    for _, part in groups(frame):
        expected = 1 - np.mean([function(part[name]) for name in services])
        np.testing.assert_allclose(found[part.index], expected, rtol=1e-12)
    equal = variables.service_equality(
        [[2, 2, 5], [7, 7, 1]], ["a", "a", None], measure=measure
    )
    np.testing.assert_array_equal(equal, [1, 1, nan])


def lorenz(part: pd.DataFrame, industries: list[str]) -> list[float]:
    """Twice the area between diagonal and curve of an industry's jobs.

    Against all jobs.
    """
    size = part[industries].sum(axis=1)
    out = []
    for name in industries:
        order = np.argsort((part[name] / size).to_numpy())
        x = np.r_[0, np.cumsum(size.to_numpy()[order]) / size.sum()]
        y = np.r_[0, np.cumsum(part[name].to_numpy()[order]) / part[name].sum()]
        out.append(1 - float(np.sum(np.diff(x) * (y[1:] + y[:-1]))))
    return out


def test_locational_gini_by_lorenz_curves() -> None:
    frame, names = cities(2), ["cars", "food", "steel"]
    frame.loc[frame.index[3], "cars"] = 0.0
    whole = variables.locational_gini(frame[names])
    inside = variables.locational_gini(frame[names], frame["province"])
    assert whole.columns.tolist() == names
    for _, part in frame.groupby("year"):
        np.testing.assert_allclose(
            whole.loc[part.index], [lorenz(part, names)] * len(part), atol=1e-14
        )
    for _, part in groups(frame):
        np.testing.assert_allclose(
            inside.loc[part.index], [lorenz(part, names)] * len(part), atol=1e-14
        )
    dispersion = variables.locational_gini(frame[names], reverse="complement")
    pd.testing.assert_frame_equal(dispersion, 1 - whole)
    arrays = variables.locational_gini(
        frame[names].to_numpy(), time=frame.index.get_level_values("year")
    )
    np.testing.assert_array_equal(arrays, whole)


def test_regions_of_one_mix_have_no_concentration() -> None:
    jobs = np.outer([1, 2, 30], [5, 1, 4])
    np.testing.assert_allclose(variables.locational_gini(jobs), 0, atol=1e-15)
    np.testing.assert_allclose(variables.krugman_index(jobs), 0, atol=1e-15)
    alone = np.diag([3.0, 3, 3, 3])
    np.testing.assert_allclose(variables.locational_gini(alone), 0.75)
    np.testing.assert_allclose(variables.krugman_index(alone), 2)


def test_krugman_by_hand() -> None:
    frame, names = cities(3), ["cars", "food", "steel"]
    found = variables.krugman_index(frame[names])
    for _, part in frame.groupby("year"):
        for row in part.index:
            own, others = (
                part.loc[row, names].to_numpy(float),
                part.drop(row)[names].sum().to_numpy(),
            )
            expected = np.abs(own / own.sum() - others / others.sum()).sum()
            assert found[row] == pytest.approx(expected, rel=1e-12)


def test_herfindahl() -> None:
    assert variables.herfindahl([0.5, 0.5]) == 0.5
    assert variables.herfindahl([1.0]) == 1
    shares = cities(4)[["cars", "food", "steel"]].pipe(
        lambda f: f.div(f.sum(axis=1), axis=0)
    )
    pd.testing.assert_series_equal(
        variables.herfindahl(shares), (shares**2).sum(axis=1), check_names=False
    )


def test_invariances() -> None:
    frame, names = cities(5), ["cars", "food", "steel"]
    cases = {
        "coordination": lambda f, k: variables.regional_coordination(
            k * f["income"], f["people"] / k, f["province"]
        ),
        "equality": lambda f, k: variables.service_equality(
            k * f[names], f["province"]
        ),
        "gini": lambda f, k: variables.locational_gini(k * f[names], f["province"])[
            "food"
        ],
        "krugman": lambda f, k: variables.krugman_index(k * f[names]),
    }
    for name, case in cases.items():
        base = case(frame, 1.0)
        np.testing.assert_allclose(case(frame, 1e6), base, rtol=1e-10, err_msg=name)
        turned = frame.sample(frac=1, random_state=9)
        np.testing.assert_allclose(
            case(turned, 1.0), base[turned.index], rtol=1e-13, err_msg=name
        )
        renamed = frame.assign(province=frame["province"].map({"a": 3, "b": 1, "c": 2}))
        np.testing.assert_array_equal(case(renamed, 1.0), base, err_msg=name)


def test_a_gap_takes_its_group() -> None:
    frame = cities(6).sort_index()
    frame.loc[("c0", 2001), ["income", "cars"]] = nan
    found = variables.regional_coordination(
        frame["income"], frame["people"], frame["province"]
    )
    gone = (frame["province"] == "a") & (frame.index.get_level_values("year") == 2001)
    assert found.isna().equals(gone)
    krugman = variables.krugman_index(frame[["cars", "food"]])
    assert (
        krugman.isna().tolist()
        == (frame.index.get_level_values("year") == 2001).tolist()
    )


def test_in_a_panel_of_cities() -> None:
    panel = Panel(cities(7).reset_index(), "city", "year")
    found = panel.assign(
        even=lambda f: variables.regional_coordination(
            f["income"], f["people"], f["province"]
        ),
        special=lambda f: variables.krugman_index(f[["cars", "food", "steel"]]),
    )
    provinces = found.frame.groupby(["province", "year"])["even"].first()
    assert len(provinces) == 9
    assert found["special"].between(0, 2).all()


@pytest.mark.parametrize(
    ("function", "given", "options", "kind", "words"),
    [
        (
            variables.regional_coordination,
            ([1, 2, 3], 1, [1, 1, 2]),
            {},
            IdentificationError,
            r"one in 1 row \(first: 2",
        ),
        (
            variables.regional_coordination,
            ([0, 0], 1, [1, 1]),
            {},
            IdentificationError,
            "income in the group is zero",
        ),
        (
            variables.regional_coordination,
            ([1, 2], [1, 0], [1, 1]),
            {},
            IdentificationError,
            "population",
        ),
        (
            variables.regional_coordination,
            ([1, -2], 1, [1, 1]),
            {},
            IdentificationError,
            "income is negative",
        ),
        (
            variables.regional_coordination,
            ([1, 2], 1, [1, 1, 1]),
            {},
            AlignmentError,
            "lengths differ",
        ),
        (
            variables.service_equality,
            ([[0, 0], [1, 2]], [1, 1]),
            {},
            IdentificationError,
            r"services\[0\] in the group",
        ),
        (
            variables.service_equality,
            ([[1, 2]], [1, 1]),
            {"measure": "gini"},
            OptionError,
            "measure='gini'",
        ),
        (
            variables.locational_gini,
            ([[1, 0], [1, 0]],),
            {},
            IdentificationError,
            "employment of a region is zero",
        ),
        (
            variables.locational_gini,
            ([[1, 2], [0, 0]],),
            {},
            IdentificationError,
            r"employment\[1\] in the group",
        ),
        (
            variables.locational_gini,
            ([[1], [2]],),
            {},
            IdentificationError,
            "number of regions in the group is one",
        ),
        (
            variables.locational_gini,
            ([[1, 2]],),
            {"reverse": "negative"},
            OptionError,
            "reverse='negative'",
        ),
        (variables.krugman_index, ([[1, -2]],), {}, IdentificationError, "negative"),
        (
            variables.krugman_index,
            ([1, 2],),
            {},
            IdentificationError,
            "number of regions in the group is one",
        ),
        (
            variables.herfindahl,
            ([60, 40],),
            {},
            IdentificationError,
            "sum of the shares is not one",
        ),
        (
            variables.herfindahl,
            ([0.5, 0.4],),
            {},
            IdentificationError,
            "sum of the shares is not one",
        ),
        (variables.herfindahl, ([1.5, -0.5],), {}, IdentificationError, "negative"),
    ],
)
def test_refusals(
    function: Any, given: Any, options: Any, kind: type[DigiprosperError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        function(*given, **options)
