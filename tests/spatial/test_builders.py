"""Builders of spatial weights against loops, and what they refuse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import digiprosper as dp
from digiprosper import (
    AlignmentError,
    ColumnError,
    InputTypeError,
    MissingDataError,
    OptionError,
    SpatialWeights,
    instruments,
)
from digiprosper.spatial.builders import (
    check_labels,
    check_matrix,
    positions_of,
    refuse_unlinked,
)
from digiprosper.spatial.kernels import matrices

RAW = {"standardise": "none"}


def places(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Places all over the earth, also across the date line and near poles."""
    frame = pd.DataFrame(
        {"lat": rng.uniform(-89, 89, n), "lon": rng.uniform(-180, 180, n)}
    )
    return frame.set_axis([f"c{i}" for i in rng.permutation(n)])


def distances(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    return np.column_stack(
        [instruments.distance_to(frame, label) for label in frame.index]
    )


# --- places ---------------------------------------------------------------------------


@pytest.mark.parametrize("power", [1, 2, 0.5])
@pytest.mark.parametrize("cutoff", [None, 4_000])
def test_inverse_distances(power, cutoff) -> None:
    frame = places(np.random.default_rng(1), 40)
    weights = SpatialWeights.inverse_distance(frame, power=power, cutoff=cutoff, **RAW)
    km = distances(frame)
    for i in range(40):
        for j in range(40):
            linked = i != j and (cutoff is None or km[i, j] <= cutoff)
            assert weights.raw[i, j] == pytest.approx(
                km[i, j] ** -power if linked else 0.0, rel=1e-12
            )
    assert weights.is_symmetric
    assert list(weights.entities) == list(frame.index)


def test_distances_of_links_are_described() -> None:
    frame = places(np.random.default_rng(2), 30)
    km = distances(frame)[np.triu_indices(30, 1)]
    actual = SpatialWeights.inverse_distance(frame, cutoff=5_000).describe()
    near = km[km <= 5_000]
    assert actual["distance_min"] == pytest.approx(near.min())
    assert actual["distance_mean"] == pytest.approx(near.mean())
    assert actual["distance_max"] == pytest.approx(near.max())
    assert actual["n_links"] == 2 * near.size
    every = distances(frame)
    np.fill_diagonal(every, np.inf)
    assert actual["nearest_max"] == pytest.approx(every.min(axis=1).max())
    assert (
        SpatialWeights.inverse_distance(
            frame, cutoff=1.001 * actual["nearest_max"]
        ).islands
        == ()
    )
    assert (
        SpatialWeights.inverse_distance(
            frame, cutoff=0.999 * actual["nearest_max"]
        ).islands
        != ()
    )
    kept = frame.index[::2]
    cut = SpatialWeights.inverse_distance(frame).aligned_to(kept)
    pd.testing.assert_series_equal(
        cut.describe(), SpatialWeights.inverse_distance(frame.loc[kept]).describe()
    )


@pytest.mark.parametrize("k", [1, 4, 29])
def test_nearest_neighbours(k) -> None:
    frame = places(np.random.default_rng(3), 30)
    weights = SpatialWeights.k_nearest(frame, k, **RAW)
    km = distances(frame)
    np.fill_diagonal(km, np.inf)
    for i in range(30):
        nearest = set(np.argsort(km[i])[:k])
        assert set(np.flatnonzero(weights.dense[i])) == nearest
    assert set(weights.raw[weights.raw > 0]) == {1.0}


@pytest.mark.parametrize(("entities", "k"), [(31, 31), (31, 0), (31, 2.5), (1, 1)])
def test_neighbours_are_fewer_than_entities(entities: int, k: float) -> None:
    frame = places(np.random.default_rng(3), entities)
    words = f"k={k} must be .* less than {entities}, the number of entities"
    with pytest.raises(dp.OptionError, match=words):
        SpatialWeights.k_nearest(frame, k)


def test_all_that_are_equally_far_are_neighbours() -> None:
    grid = pd.DataFrame(
        [(x, y) for x in (0.0, 1, 2) for y in (0.0, 1, 2)], columns=["lat", "lon"]
    )
    grid.loc[:, "lat"] -= 1  # symmetric around the equator
    middle = SpatialWeights.k_nearest(grid, 1, **RAW).dense[4]
    # One degree along the equator and along a meridian are equally long on a sphere.
    assert np.flatnonzero(middle).tolist() == [1, 3, 5, 7]


@pytest.mark.parametrize("builder", ["inverse_distance", "k_nearest"])
def test_rows_and_repeated_periods_of_coordinates_change_nothing(builder) -> None:
    rng = np.random.default_rng(4)
    frame = places(rng, 25)
    options = {"cutoff": 6_000} if builder == "inverse_distance" else {"k": 3}
    expected = getattr(SpatialWeights, builder)(frame, **options)
    shuffled = getattr(SpatialWeights, builder)(
        frame.sample(frac=1, random_state=1), **options
    )
    np.testing.assert_allclose(
        shuffled.aligned_to(frame.index).dense, expected.dense, rtol=1e-12
    )
    long = (
        pd.concat({2001: frame, 2002: frame}, names=["year", "city"])
        .swaplevel()
        .sample(frac=1)
    )
    repeated = getattr(SpatialWeights, builder)(long, **options)
    np.testing.assert_allclose(
        repeated.aligned_to(frame.index).dense, expected.dense, rtol=1e-12
    )


def test_many_places_in_blocks(monkeypatch) -> None:
    frame = places(np.random.default_rng(5), 600)
    monkeypatch.setattr(matrices, "_MEMORY", 800_000)
    weights = SpatialWeights.inverse_distance(frame, cutoff=800, **RAW)
    assert sparse.issparse(weights.raw)
    km = instruments.distance_to(frame, frame.index[500]).to_numpy()
    linked = (km <= 800) & (np.arange(600) != 500)
    row = weights.raw[[500]].toarray()[0]
    np.testing.assert_allclose(row[linked], 1 / km[linked], rtol=1e-12)
    assert not row[~linked].any()
    near = SpatialWeights.k_nearest(frame, 5)
    assert set(near.pattern.neighbours) == {5}


def test_distances_in_a_known_city_pair() -> None:
    """Hangzhou to Shanghai is 165 km, `test_instruments.py`."""
    cities = pd.DataFrame(
        {"latitude": [30.27, 31.23], "Longitude": [120.15, 121.47]}, index=["H", "S"]
    )
    assert 1 / SpatialWeights.inverse_distance(cities, **RAW).raw[
        0, 1
    ] == pytest.approx(165, abs=0.5)


# --- values ---------------------------------------------------------------------------


def test_copied_values_are_a_cause_of_no_difference() -> None:
    values = pd.Series({"吉林": 3.0, "长春": 3.0, "大连": 4.0}, name="gdp")
    with pytest.raises(OptionError, match=r"'吉林' and '长春'.*Correct a copy"):
        SpatialWeights.economic(values)


def test_economic_weights() -> None:
    rng = np.random.default_rng(6)
    panel = dp.datasets.us_states()
    weights = SpatialWeights.economic(panel.frame["gsp"], **RAW)
    means = panel.frame["gsp"].groupby("state").mean()
    for a, b in rng.choice(panel.entities, (20, 2)):
        i, j = weights.entities.get_indexer([a, b])
        expected = 0.0 if a == b else 1 / abs(means[a] - means[b])
        assert weights.raw[i, j] == pytest.approx(expected, rel=1e-9)
    assert weights.made_from == "gsp"
    assert [notice.data["variable"] for notice in weights.diagnostics] == ["gsp"]


def test_gravity_weights() -> None:
    rng = np.random.default_rng(7)
    frame = places(rng, 15)
    mass = pd.Series(rng.uniform(1, 9, 15), index=frame.index, name="people").sample(
        frac=1, random_state=1
    )
    weights = SpatialWeights.gravity(mass, frame, cutoff=9_000, **RAW)
    km = distances(frame)
    expected = np.zeros((15, 15))
    for i, a in enumerate(frame.index):
        for j, b in enumerate(frame.index):
            if i != j and km[i, j] <= 9_000:
                expected[i, j] = mass[a] * mass[b] / km[i, j] ** 2
    np.testing.assert_allclose(
        weights.raw / weights.raw.max(), expected / expected.max(), rtol=1e-12
    )
    doubled = SpatialWeights.gravity(1e6 * mass, frame, cutoff=9_000)
    np.testing.assert_allclose(
        doubled.matrix, weights._replace(standardise="row").matrix, rtol=1e-12
    )


def test_nested_weights_are_mixed_after_standardising() -> None:
    rng = np.random.default_rng(8)
    frame = places(rng, 20)
    near = SpatialWeights.inverse_distance(frame, name="near")
    values = pd.Series(rng.normal(size=20), index=frame.index[::-1], name="income")
    alike = SpatialWeights.economic(values, name="alike")
    mixed = SpatialWeights.nested(near, alike, 0.3)
    expected = 0.3 * near.matrix + 0.7 * alike.aligned_to(frame.index).matrix
    np.testing.assert_allclose(mixed.matrix, expected, rtol=1e-12)
    assert mixed.made_from == "income"
    assert mixed.degrees is not None
    kept = rng.permutation(frame.index)[:12]
    aligned = mixed.aligned_to(kept)
    again = SpatialWeights.nested(near.aligned_to(kept), alike.aligned_to(kept), 0.3)
    np.testing.assert_allclose(aligned.matrix, again.matrix, rtol=1e-12)
    assert set(aligned.left_out) == set(frame.index) - set(kept)
    np.testing.assert_allclose(
        SpatialWeights.nested(alike, near, 0.7).aligned_to(frame.index).matrix,
        expected,
        rtol=1e-12,
    )


# --- tables and lists -----------------------------------------------------------------

LINKS = pd.DataFrame(
    {"i": ["b", "a", "b", "c"], "j": ["a", "b", "c", "b"], "w": [1.0, 2.0, 3.0, 4.0]}
)
SQUARE = pd.DataFrame(
    [[0.0, 3.0, 1.0], [4.0, 0.0, 0.0], [2.0, 0.0, 0.0]],
    index=["b", "c", "a"],
    columns=["b", "c", "a"],
)


def test_long_and_square_frames_are_the_same() -> None:
    long = SpatialWeights.from_frame(LINKS, "i", "j", "w")
    assert long.entities.tolist() == ["a", "b", "c"]
    square = SpatialWeights.from_frame(SQUARE[["a", "b", "c"]])
    assert square.entities.tolist() == ["b", "c", "a"]
    assert square.aligned_to(["a", "b", "c"]) == long
    assert (
        SpatialWeights.from_frame(LINKS.sample(frac=1, random_state=2), "i", "j", "w")
        == long
    )


def test_frames_of_links_without_weights_and_with_other_entities() -> None:
    weights = SpatialWeights.from_frame(
        LINKS, "i", "j", entities=["c", "b", "a", "island"], **RAW
    )
    assert weights.raw.tolist() == [
        [0, 1, 0, 0],
        [1, 0, 1, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
    ]
    assert weights.islands == ("island",)


def test_frames_of_polars() -> None:
    polars = pytest.importorskip("polars")
    actual = SpatialWeights.from_frame(polars.from_pandas(LINKS), "i", "j", "w")
    assert actual == SpatialWeights.from_frame(LINKS, "i", "j", "w")


def test_lists_of_neighbours() -> None:
    lists = {"a": ["b"], "b": ["a", "c"], "c": ["b"], "island": []}
    weights = SpatialWeights.from_neighbours(lists, **RAW)
    assert weights.raw.tolist() == [
        [0, 1, 0, 0],
        [1, 0, 1, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
    ]
    assert SpatialWeights.from_neighbours(
        {"a": {"b": 2}, "b": {"a": 1, "c": 3}, "c": {"b": 4}}
    ) == (SpatialWeights.from_frame(LINKS, "i", "j", "w"))
    assert SpatialWeights.from_neighbours(
        {1: (2,), 2: np.array([1])}
    ).entities.tolist() == [1, 2]


def test_weights_of_libpysal_by_their_attributes() -> None:
    w = SimpleNamespace(
        id_order=["0", "1", "2"],
        neighbors={"0": ["1"], "1": ["0", "2"], "2": ["1"]},
        weights={"0": [2.0], "1": [1.0, 3.0], "2": [4.0]},
    )
    expected = SpatialWeights.from_frame(LINKS, "i", "j", "w")
    assert SpatialWeights.from_pysal(w, ["a", "b", "c"]) == expected
    assert (
        SpatialWeights.from_pysal(w, {"2": "c", "1": "b", "0": "a", "9": "z"})
        == expected
    )
    assert SpatialWeights.from_pysal(w).entities.tolist() == ["0", "1", "2"]
    with pytest.raises(InputTypeError, match=r"takes SpatialWeights.from_pysal\(w\)"):
        dp.PanelSpatial("y", ["x"], w)  # type: ignore[arg-type]
    index = pd.MultiIndex.from_tuples(
        [("b", "a"), ("a", "b"), ("b", "c"), ("c", "b"), ("d", "d")],
        names=["focal", "neighbor"],
    )
    graph = SimpleNamespace(
        unique_ids=pd.Index(["a", "b", "c", "d"]),
        adjacency=pd.Series([1.0, 2, 3, 4, 0], index, name="weight"),
    )
    actual = SpatialWeights.from_pysal(graph)
    assert actual.islands == ("d",)
    assert actual.aligned_to(["a", "b", "c"]) == expected


def test_links_in_one_direction_are_reported() -> None:
    one = SpatialWeights.from_frame(LINKS.iloc[[0, 2]], "i", "j")
    assert [notice.code for notice in one.diagnostics] == ["islands", "one_direction"]
    assert SpatialWeights.from_frame(LINKS, "i", "j").diagnostics == ()


# --- malformed ------------------------------------------------------------------------

CITIES = pd.DataFrame(
    {"lat": [30.27, 31.23, 32.06], "lon": [120.15, 121.47, 118.8]}, index=list("abc")
)
VALUES = pd.Series([1.0, 2.0, 4.0], index=list("abc"), name="gdp")
TIMED = pd.concat({2001: VALUES, 2002: VALUES + 1}, names=["year", "city"]).swaplevel()
MOVED = pd.concat({1: CITIES, 2: CITIES + 1})
MALFORMED: dict[str, tuple[type[Exception], Any]] = {
    "no frame": (InputTypeError, lambda: SpatialWeights.from_frame(np.eye(3))),
    "square of other labels": (
        AlignmentError,
        lambda: SpatialWeights.from_frame(SQUARE.rename({"a": "z"})),
    ),
    "square with more columns": (
        AlignmentError,
        lambda: SpatialWeights.from_frame(SQUARE.assign(d=0.0)),
    ),
    "square with text": (
        InputTypeError,
        lambda: SpatialWeights.from_frame(SQUARE.assign(a=["0", "1", "2"])),
    ),
    "square with a hole": (
        MissingDataError,
        lambda: SpatialWeights.from_frame(SQUARE.replace(3.0, np.nan)),
    ),
    "square with repeated rows": (
        AlignmentError,
        lambda: SpatialWeights.from_frame(pd.concat([SQUARE, SQUARE.iloc[:1]])),
    ),
    "labels as a column": (
        AlignmentError,
        lambda: SpatialWeights.from_frame(SQUARE.rename_axis("city").reset_index()),
    ),
    "columns that are no text": (
        InputTypeError,
        lambda: SpatialWeights.from_frame(LINKS, ["i"], "j"),
    ),
    "missing place": (
        AlignmentError,
        lambda: SpatialWeights.k_nearest(CITIES.rename({"a": None}), 1),
    ),
    "weight beyond floats": (
        InputTypeError,
        lambda: SpatialWeights.from_neighbours({"a": {"b": 10**400}, "b": []}),
    ),
    "cutoff beyond floats": (
        OptionError,
        lambda: SpatialWeights.inverse_distance(CITIES, cutoff=10**400),
    ),
    "neighbours as a number": (
        InputTypeError,
        lambda: SpatialWeights.from_neighbours({"a": np.array(1), "b": []}),
    ),
    "no such column": (
        ColumnError,
        lambda: SpatialWeights.from_frame(LINKS, "i", "to"),
    ),
    "one end only": (OptionError, lambda: SpatialWeights.from_frame(LINKS, "i")),
    "same column twice": (
        OptionError,
        lambda: SpatialWeights.from_frame(LINKS, "i", "i"),
    ),
    "weights without ends": (
        OptionError,
        lambda: SpatialWeights.from_frame(SQUARE, w="w"),
    ),
    "repeated link": (
        AlignmentError,
        lambda: SpatialWeights.from_frame(
            pd.concat([LINKS, LINKS.iloc[:1]]), "i", "j", "w"
        ),
    ),
    "own neighbour": (
        OptionError,
        lambda: SpatialWeights.from_frame(
            LINKS.assign(j=["b", "b", "c", "b"]), "i", "j"
        ),
    ),
    "missing end": (
        AlignmentError,
        lambda: SpatialWeights.from_frame(LINKS.replace("c", None), "i", "j"),
    ),
    "missing weight": (
        MissingDataError,
        lambda: SpatialWeights.from_frame(LINKS.replace(3.0, np.nan), "i", "j", "w"),
    ),
    "weights of text": (
        InputTypeError,
        lambda: SpatialWeights.from_frame(LINKS.astype({"w": str}), "i", "j", "w"),
    ),
    "negative weight": (
        OptionError,
        lambda: SpatialWeights.from_frame(LINKS.assign(w=-LINKS["w"]), "i", "j", "w"),
    ),
    "link to a stranger": (
        AlignmentError,
        lambda: SpatialWeights.from_frame(LINKS, "i", "j", entities=["a", "b"]),
    ),
    "no links": (
        OptionError,
        lambda: SpatialWeights.from_frame(
            LINKS.iloc[:0], "i", "j", entities=["a", "b"]
        ),
    ),
    "lists that are none": (
        InputTypeError,
        lambda: SpatialWeights.from_neighbours([["a"], ["b"]]),
    ),
    "neighbours as text": (
        InputTypeError,
        lambda: SpatialWeights.from_neighbours({"a": "b", "b": "a"}),
    ),
    "unknown neighbour": (
        AlignmentError,
        lambda: SpatialWeights.from_neighbours({"a": ["b"]}),
    ),
    "neighbour twice": (
        AlignmentError,
        lambda: SpatialWeights.from_neighbours({"a": ["b", "b"], "b": ["a"]}),
    ),
    "weight of text": (
        InputTypeError,
        lambda: SpatialWeights.from_neighbours({"a": {"b": "1"}, "b": []}),
    ),
    "all islands": (
        OptionError,
        lambda: SpatialWeights.from_neighbours({"a": [], "b": []}),
    ),
    "nothing": (OptionError, lambda: SpatialWeights.from_neighbours({})),
    "no libpysal": (InputTypeError, lambda: SpatialWeights.from_pysal(np.eye(3))),
    "too few labels": (
        AlignmentError,
        lambda: SpatialWeights.from_pysal(
            SimpleNamespace(
                id_order=[0, 1],
                neighbors={0: [1], 1: [0]},
                weights={0: [1.0], 1: [1.0]},
            ),
            ["a"],
        ),
    ),
    "no coordinates": (
        ColumnError,
        lambda: SpatialWeights.inverse_distance(CITIES[["lat"]]),
    ),
    "coordinates as array": (
        InputTypeError,
        lambda: SpatialWeights.inverse_distance(CITIES.to_numpy()),
    ),
    "coordinates of text": (
        InputTypeError,
        lambda: SpatialWeights.k_nearest(CITIES.astype(str), 1),
    ),
    "coordinates in metres": (
        OptionError,
        lambda: SpatialWeights.k_nearest(CITIES * 1_000, 1),
    ),
    "missing coordinate": (
        MissingDataError,
        lambda: SpatialWeights.inverse_distance(CITIES.replace(30.27, np.nan)),
    ),
    "places that move": (
        AlignmentError,
        lambda: SpatialWeights.inverse_distance(MOVED.swaplevel()),
    ),
    "places twice": (
        AlignmentError,
        lambda: SpatialWeights.inverse_distance(pd.concat([CITIES, CITIES])),
    ),
    "same place": (
        OptionError,
        lambda: SpatialWeights.inverse_distance(
            pd.concat([CITIES, CITIES.rename({"a": "d"}).loc[["d"]]])
        ),
    ),
    "no places": (
        AlignmentError,
        lambda: SpatialWeights.inverse_distance(CITIES.iloc[:0]),
    ),
    "one place": (
        OptionError,
        lambda: SpatialWeights.inverse_distance(CITIES.iloc[:1]),
    ),
    "cutoff in degrees": (
        OptionError,
        lambda: SpatialWeights.inverse_distance(CITIES, cutoff=2.5),
    ),
    "negative cutoff": (
        OptionError,
        lambda: SpatialWeights.inverse_distance(CITIES, cutoff=-1),
    ),
    "cutoff of text": (
        OptionError,
        lambda: SpatialWeights.inverse_distance(CITIES, cutoff="100"),
    ),
    "power of zero": (
        OptionError,
        lambda: SpatialWeights.inverse_distance(CITIES, power=0),
    ),
    "power of nan": (
        OptionError,
        lambda: SpatialWeights.inverse_distance(CITIES, power=np.nan),
    ),
    "k too large": (OptionError, lambda: SpatialWeights.k_nearest(CITIES, 3)),
    "k of zero": (OptionError, lambda: SpatialWeights.k_nearest(CITIES, 0)),
    "k in halves": (OptionError, lambda: SpatialWeights.k_nearest(CITIES, 1.5)),
    "values as list": (InputTypeError, lambda: SpatialWeights.economic([1.0, 2.0])),
    "values of text": (
        InputTypeError,
        lambda: SpatialWeights.economic(VALUES.astype(str)),
    ),
    "missing value": (
        MissingDataError,
        lambda: SpatialWeights.economic(VALUES.replace(2.0, np.nan)),
    ),
    "equal values": (
        OptionError,
        lambda: SpatialWeights.economic(VALUES.replace(2.0, 1.0)),
    ),
    "unbalanced values": (
        AlignmentError,
        lambda: SpatialWeights.economic(TIMED.iloc[1:]),
    ),
    "repeated values": (
        AlignmentError,
        lambda: SpatialWeights.economic(pd.concat([VALUES, VALUES])),
    ),
    "mass of zero": (OptionError, lambda: SpatialWeights.gravity(VALUES - 1, CITIES)),
    "mass of others": (
        AlignmentError,
        lambda: SpatialWeights.gravity(VALUES.rename({"a": "z"}), CITIES),
    ),
    "nested with an array": (
        InputTypeError,
        lambda: SpatialWeights.nested(
            SpatialWeights.k_nearest(CITIES, 1), np.eye(3), 0.5
        ),
    ),
    "share of one": (
        OptionError,
        lambda: SpatialWeights.nested(
            SpatialWeights.k_nearest(CITIES, 1), SpatialWeights.economic(VALUES), 1.0
        ),
    ),
    "nested of others": (
        AlignmentError,
        lambda: SpatialWeights.nested(
            SpatialWeights.k_nearest(CITIES, 1),
            SpatialWeights.economic(VALUES.rename({"a": "z"})),
            0.5,
        ),
    ),
    "unknown option": (
        OptionError,
        lambda: SpatialWeights.k_nearest(CITIES, 1, standardise="rows"),
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_input_is_refused(case) -> None:
    error, build = MALFORMED[case]
    with pytest.raises(error) as caught:
        build()
    assert type(caught.value) is error
    assert caught.value.problems


def test_the_first_five_columns_that_are_wrong_are_data_of_the_error() -> None:
    names = list("abcdefg")
    square = pd.DataFrame(1.0 - np.eye(7), index=names, columns=names)
    with pytest.raises(InputTypeError, match="do not hold numbers") as caught:
        SpatialWeights.from_frame(square.astype(dict.fromkeys(names[1:], str)))
    assert [problem.data["column"] for problem in caught.value.problems] == list(
        "bcdef"
    )
    with pytest.raises(AlignmentError, match="have no row") as caught:
        SpatialWeights.from_frame(square.iloc[:1])
    assert [(p.code, p.data) for p in caught.value.problems] == [
        ("alignment", {"column": "columns", "rows": tuple("bcdef")})
    ]


def test_equal_values_and_places_are_named() -> None:
    with pytest.raises(OptionError, match="'a' and 'b' have the same gdp"):
        SpatialWeights.economic(VALUES.replace(2.0, 1.0))
    with pytest.raises(OptionError, match="kilometres, not in degrees"):
        SpatialWeights.inverse_distance(CITIES, cutoff=2.5)


def test_entities_at_the_cutoff_itself_are_linked() -> None:
    frame = pd.DataFrame(
        {"lat": [0.0, 0.0, 0.0], "lon": [0.0, 1.0, 3.0]}, index=["a", "b", "c"]
    )
    km = np.vstack([block for _, block in matrices._blocks(frame.to_numpy())])
    weights = SpatialWeights.inverse_distance(frame, cutoff=float(km[0, 1]), **RAW)
    assert weights.dense[0, 1] > 0
    assert weights.dense[0, 2] == 0


def test_what_is_right_is_copied() -> None:
    given = np.array([[0, 1], [2, 0]], dtype=object)
    raw = check_matrix(given, pd.Index(["a", "b"]), "W")
    assert raw.dtype == np.float64
    assert raw.tolist() == [[0.0, 1.0], [2.0, 0.0]]


def test_labels_of_bad_links_are_written_as_they_are() -> None:
    with pytest.raises(OptionError, match=r"first: \(11, 12\)\)"):
        check_matrix(np.array([[0, -1.0], [1, 0]]), pd.Index([11, 12]), "W")


def test_weights_without_links_are_named() -> None:
    with pytest.raises(OptionError, match="V: no entity"):
        refuse_unlinked(np.zeros((2, 2)), "V")


@pytest.mark.parametrize(
    "values",
    [
        ["b", "a"],
        ("b", "a"),
        np.array(["b", "a"]),
        pd.Index(["b", "a"], name="city"),
        pd.Series(["b", "a"]),
        pd.Series(["b", "a"], dtype="category"),
        pd.CategoricalIndex(["b", "a"]),
        iter(["b", "a"]),
    ],
)
def test_labels_of_any_ordered_kind(values) -> None:
    labels = check_labels(values, "entities")
    assert labels.tolist() == ["b", "a"]
    assert labels.name is None
    assert not isinstance(labels, pd.CategoricalIndex)


def test_tuples_are_labels() -> None:
    labels = check_labels([("a", 1), ("a", 2)], "entities")
    assert (labels.nlevels, labels.tolist()) == (1, [("a", 1), ("a", 2)])


def test_positions() -> None:
    known = pd.Index([30, 10, 20])
    assert positions_of(known, pd.Index([10, 30]), "W", "the panel").tolist() == [
        1,
        0,
    ]
    with pytest.raises(AlignmentError, match=r"did you mean 'Hangzhou'"):
        positions_of(pd.Index(["Hangzhou"]), pd.Index(["Hangzou"]), "W", "the panel")
