"""One sample: complete rows, codes without gaps, and an account of what left."""

from __future__ import annotations

import pickle

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from digiprosper import Panel, Sample
from digiprosper.errors import MissingDataError
from digiprosper.panel import Dropped

nan = np.nan
DATA = pd.DataFrame(
    {
        "i": list("AAABBBCCC"),
        "t": [1, 2, 3] * 3,
        "y": [1.0, 2, nan, 4, 5, 6, 7, 8, 9],
        "x": [1.0, nan, nan, 4, 5, 6, 7, 8, nan],
        "g": list("aaabbbbcc"),
    }
)


def sample_of(**options: object) -> Sample:
    panel = Panel(DATA, "i", "t", labels={"y": "Outcome"})
    return panel.sample(
        {"y": ["y"], "x": ["x", "I(x**2)"]}, codes=["i", "t", "g"], **options
    )  # type: ignore[arg-type]


def test_rows_dropped_are_counted_by_term() -> None:
    sample = sample_of()
    assert sample.nobs == 6
    (dropped,) = sample.dropped
    assert dropped.reason == "missing"
    assert dropped.count == 3
    assert dropped.rows == (("A", 2), ("A", 3), ("C", 3))
    assert dropped.by_term == {"x": 3, "I(x**2)": 3, "y": 1}
    assert dropped.message == (
        "3 rows dropped: missing x (3), I(x**2) (3), y (1); first: (A, 2), "
        "(A, 3), (C, 3)"
    )


def test_columns_and_names() -> None:
    sample = sample_of()
    assert sample.matrix.dtype == np.float64
    assert sample.names == ("y", "x", "I(x**2)")
    assert sample.names_of("x") == ("x", "I(x**2)")
    np.testing.assert_array_equal(sample.columns("y")[:, 0], [1, 4, 5, 6, 7, 8])
    np.testing.assert_array_equal(
        sample.columns("x")[:, 1], np.array([1, 4, 5, 6, 7, 8.0]) ** 2
    )
    sample.columns("y")[:] = 0
    assert sample.columns("y").all()
    assert sample.labels == {"y": "Outcome"}
    assert sample.index.tolist() == [
        ("A", 1),
        ("B", 1),
        ("B", 2),
        ("B", 3),
        ("C", 1),
        ("C", 2),
    ]
    assert (sample.n_entities, sample.n_times) == (3, 3)


def test_nothing_missing_drops_nothing() -> None:
    assert Panel(DATA, "i", "t").sample({"g": ["I(t)"]}).dropped == ()


def test_keep_renumbers_every_code() -> None:
    sample = sample_of()
    kept = sample.keep(sample.entity == 1, "only B").keep(
        np.array([True, False, True]), "no second year"
    )
    assert kept.entities.tolist() == ["B"]
    assert kept.times.tolist() == [1, 3]
    assert kept.entity.tolist() == [0, 0]
    assert kept.time.tolist() == [0, 1]
    assert kept.codes["g"].tolist() == [0, 0]
    assert kept.code_levels["g"].tolist() == ["b"]
    assert kept.codes["i"] is kept.entity
    assert kept.codes["t"] is kept.time
    assert [d.reason for d in kept.dropped] == ["missing", "only B", "no second year"]
    assert [d.count for d in kept.dropped] == [3, 3, 1]
    assert sample.nobs == 6


def test_keep_of_everything_is_the_same_sample() -> None:
    sample = sample_of()
    assert sample.keep(np.ones(6, dtype=bool), "nothing") is sample


def test_keep_of_nothing_names_the_reason() -> None:
    with pytest.raises(MissingDataError, match=r"no rows.*singletons"):
        sample_of().keep(np.zeros(6, dtype=bool), "singletons")


def test_a_term_that_is_missing_everywhere_is_named() -> None:
    panel = Panel(DATA.assign(x=[nan, nan, 1, nan, nan, nan, nan, nan, nan]), "i", "t")
    with pytest.raises(MissingDataError, match=r"no rows.*x \(8\), y \(1\)") as caught:
        panel.sample({"y": ["y"], "x": ["x"]})
    assert caught.value.problems[0].data["by_term"] == {"x": 8, "y": 1}


def test_a_note_in_words() -> None:
    assert (
        Dropped("alone", 1, (("A", 3),)).message
        == "1 row dropped: alone; first: (A, 3)"
    )


def test_samples_pickle() -> None:
    sample = pickle.loads(pickle.dumps(sample_of()))
    np.testing.assert_array_equal(sample.matrix, sample_of().matrix)


@pytest.mark.further
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 5)),
        min_size=2,
        max_size=25,
        unique=True,
    ),
    st.integers(0, 2**16),
)
def test_codes_have_no_gaps_and_name_their_values(
    cells: list[tuple[int, int]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(cells, columns=["i", "t"]).assign(
        x=np.where(rng.random(len(cells)) < 0.3, nan, 1.0),
        g=rng.integers(0, 4, len(cells)),
    )
    if data["x"].isna().all():
        return
    sample = Panel(data, "i", "t").sample({"x": ["x"]}, codes=["g", "g^t", "i"])
    left = data.dropna().sort_values(["i", "t"])
    np.testing.assert_array_equal(sample.entities.to_numpy()[sample.entity], left["i"])
    np.testing.assert_array_equal(sample.times.to_numpy()[sample.time], left["t"])
    assert (np.diff(sample.entity) >= 0).all()
    np.testing.assert_array_equal(
        sample.code_levels["g"].to_numpy()[sample.codes["g"]], left["g"]
    )
    np.testing.assert_array_equal(
        sample.codes["g^t"], left.groupby(["g", "t"]).ngroup()
    )
    for code in sample.codes.values():
        assert np.array_equal(np.unique(code), np.arange(code.max() + 1))


def test_names_of_the_index_and_of_the_keys_may_be_changed() -> None:
    """They are views: the sample, and the panel it is cut from, keep theirs."""
    panel = Panel(DATA, "i", "t")
    sample = panel.sample({"y": ["y"]})
    for owner in (sample, panel):
        owner.index.names = ["city", "year"]
        owner.entities.name = "city"
        owner.times.name = "year"
    for frame in (panel.frame, panel[["y"]]):
        frame.index.names = ["city", "year"]
    for owner in (sample, panel):
        assert owner.index.names == ["i", "t"]
        assert (owner.entities.name, owner.times.name) == ("i", "t")
    assert panel.frame.index.names == panel["y"].index.names == ["i", "t"]


@pytest.mark.parametrize("where", [None, "t > 1", 't > 1 and i != "B"'])
def test_rows_without_a_level_leave_also_where_a_condition_chooses(where) -> None:
    """`where` chose rows while -1 stood for missing levels, and could not count."""
    data = DATA.assign(y=1.0, g=["a", None, "a", "b", nan, "b", "c", "c", None])
    options = {"roles": {"y": ["y"]}, "codes": ["g", "g^t", "i"], "where": where}
    sample = Panel(data, "i", "t").sample(**options)
    complete = Panel(data.dropna(subset="g"), "i", "t").sample(**options)
    assert sample.index.equals(complete.index)
    for term, codes in complete.codes.items():
        np.testing.assert_array_equal(sample.codes[term], codes)
        assert sample.code_levels[term].equals(complete.code_levels[term])
