"""SpatialWeights: matched by label, standardised after dropping, checked.

Entities are left out first.
"""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import digiprosper as dp
from digiprosper import (
    AlignmentError,
    ColumnError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    MissingDataWarning,
    OptionError,
    Panel,
    SpatialWeights,
    SpatialWeightsWarning,
)

LABELS = ["east", "centre", "west", "isle"]
LINKS = np.array([[0, 2.0, 0, 0], [1, 0, 3, 0], [0, 4, 0, 0], [0, 0, 0, 0]])


def made(**options: Any) -> SpatialWeights:
    return SpatialWeights(LINKS, LABELS, **options)


def random_links(
    rng: np.random.Generator, n: int, share: float = 0.3
) -> np.ndarray[Any, Any]:
    links = rng.random((n, n)) * (rng.random((n, n)) < share)
    np.fill_diagonal(links, 0)
    links[0, 1] = 1.0
    return links


# --- standardising --------------------------------------------------------------------


@pytest.mark.parametrize("n", [5, 40])
def test_rows_sum_to_one_or_zero(n) -> None:
    links = random_links(np.random.default_rng(n), n)
    matrix = SpatialWeights(links, range(n)).matrix
    for i in range(n):
        total = sum(links[i])
        for j in range(n):
            assert matrix[i, j] == pytest.approx(
                links[i, j] / total if total else 0.0, rel=1e-15
            )


@pytest.mark.parametrize("symmetric", [True, False])
def test_spectral_radius_is_one(symmetric) -> None:
    links = random_links(np.random.default_rng(3), 30)
    links = links + links.T if symmetric else links
    weights = SpatialWeights(links, range(30), standardise="spectral")
    assert weights.is_symmetric is symmetric
    assert np.abs(np.linalg.eigvals(weights.dense)).max() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(
        weights.dense / weights.dense.max(), links / links.max(), rtol=1e-12
    )


def test_not_standardised() -> None:
    np.testing.assert_array_equal(made(standardise="none").matrix, LINKS)


def test_links_that_lead_nowhere_have_no_spectral_radius() -> None:
    weights = SpatialWeights(
        np.triu(np.ones((4, 4)), 1), range(4), standardise="spectral"
    )
    with pytest.raises(IdentificationError, match="spectral radius"):
        weights.matrix  # noqa: B018
    assert SpatialWeights(weights.raw, range(4)).matrix[0, 1] == pytest.approx(1 / 3)


# --- alignment ------------------------------------------------------------------------


@pytest.mark.parametrize("standardise", ["row", "spectral", "none"])
def test_the_order_of_entities_changes_nothing(standardise) -> None:
    rng = np.random.default_rng(1)
    links, labels = random_links(rng, 12), [f"c{i}" for i in range(12)]
    order = rng.permutation(12)
    shuffled = SpatialWeights(
        links[np.ix_(order, order)], np.array(labels)[order], standardise=standardise
    ).aligned_to(labels)
    expected = SpatialWeights(links, labels, standardise=standardise)
    np.testing.assert_allclose(shuffled.matrix, expected.matrix, rtol=1e-12, atol=1e-15)
    assert list(shuffled.entities) == labels
    assert shuffled.left_out == ()


@pytest.mark.parametrize("standardise", ["row", "spectral", "none"])
def test_entities_that_only_weights_have_are_left_out_before_standardising(
    standardise,
) -> None:
    rng = np.random.default_rng(2)
    links, labels = random_links(rng, 12, 0.6), np.arange(12)
    kept = rng.permutation(12)[:8]
    aligned = SpatialWeights(links, labels, standardise=standardise).aligned_to(kept)
    expected = SpatialWeights(links[np.ix_(kept, kept)], kept, standardise=standardise)
    np.testing.assert_allclose(aligned.matrix, expected.matrix, rtol=1e-12)
    assert set(aligned.left_out) == set(range(12)) - set(kept)
    assert [notice.code for notice in aligned.diagnostics] == ["unused_entities"]


def test_an_entity_that_weights_lack_is_named() -> None:
    with pytest.raises(AlignmentError, match="'north'") as error:
        made().aligned_to(["west", "north", "centre"])
    assert error.value.problems[0].data["rows"] == ("north",)


def test_labels_of_another_type_are_explained() -> None:
    with pytest.raises(AlignmentError, match="same type"):
        SpatialWeights([[0, 1], [1, 0]], [11, 12]).aligned_to(["11", "12"])


def test_islands_are_named_and_kept() -> None:
    weights = made()
    assert weights.islands == ("isle",)
    assert not weights.dense[3].any()
    assert [notice.data["entities"] for notice in weights.diagnostics] == [("isle",)]
    assert weights.aligned_to(["east", "centre", "west"]).islands == ()
    with pytest.raises(OptionError, match="no entity has a neighbour"):
        weights.aligned_to(["east", "west"])


def test_same_entities_in_the_same_order_are_the_same_weights() -> None:
    weights = made()
    assert weights.aligned_to(LABELS) is weights
    assert weights.aligned_to(weights.entities.copy()) is weights


# --- storage --------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csr_array", "csr_matrix", "coo_array", "lil_array"])
def test_sparse_and_dense_input_are_the_same(form) -> None:
    links = random_links(np.random.default_rng(4), 30)
    given = getattr(sparse, form)(links)
    assert SpatialWeights(given, range(30)) == SpatialWeights(links, range(30))


@pytest.mark.parametrize("standardise", ["row", "spectral", "none"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_large_matrices_of_few_links_are_stored_by_row(standardise, symmetric) -> None:
    links = random_links(np.random.default_rng(5), 220, 0.02)
    links = links + links.T if symmetric else links
    weights = SpatialWeights(links, range(220), standardise=standardise)
    assert sparse.issparse(weights.raw)
    assert sparse.issparse(weights.matrix)
    assert weights.is_symmetric is symmetric
    dense = {
        "row": links / np.where(links.sum(axis=1) > 0, links.sum(axis=1), 1)[:, None],
        "spectral": links / np.abs(np.linalg.eigvals(links)).max(),
        "none": links,
    }[standardise]
    np.testing.assert_allclose(weights.dense, dense, rtol=1e-10)
    order = np.random.default_rng(6).permutation(220)
    assert weights.aligned_to(order).aligned_to(range(220)) == weights


def test_many_links_are_stored_dense_whatever_was_given() -> None:
    links = random_links(np.random.default_rng(5), 220, 0.4)
    assert isinstance(
        SpatialWeights(sparse.csr_array(links), range(220)).raw, np.ndarray
    )


def test_what_was_given_is_copied_and_what_is_kept_cannot_be_written_to() -> None:
    given = LINKS.copy()
    weights = SpatialWeights(given, LABELS)
    given[0, 1] = 9.0
    assert weights.raw[0, 1] == 2.0
    for matrix in (weights.raw, weights.matrix):
        with pytest.raises(ValueError, match="read-only"):
            matrix[0, 1] = 5.0


# --- values ---------------------------------------------------------------------------


def test_weights_are_values() -> None:
    weights = made()
    assert weights == made()
    assert hash(weights) == hash(made())
    assert weights != made(standardise="none")
    assert weights != made(name="V")
    assert weights != SpatialWeights(LINKS * 2, LABELS)
    assert weights != "W"
    for other in (
        pickle.loads(pickle.dumps(weights)),
        copy.copy(weights),
        copy.deepcopy(weights),
    ):
        assert other == weights
        np.testing.assert_array_equal(other.matrix, weights.matrix)
    with pytest.raises(AttributeError):
        weights.name = "V"  # type: ignore[misc]


def test_pickles_of_rows_of_links() -> None:
    weights = SpatialWeights(
        random_links(np.random.default_rng(5), 220, 0.02), range(220)
    )
    assert pickle.loads(pickle.dumps(weights)) == weights


# --- spatial lags ---------------------------------------------------------------------


def lag_panel(rng: np.random.Generator, *, holes: bool = False) -> pd.DataFrame:
    frame = pd.DataFrame(
        [(c, t) for c in LABELS for t in (2001, 2002, 2003)], columns=["city", "year"]
    )
    frame["x"] = rng.normal(size=len(frame))
    if holes:
        frame.loc[frame.index[4], "x"] = np.nan  # centre in 2002
        frame = frame.drop(index=frame.index[2])  # east in 2003
    return frame.sample(frac=1, random_state=3)


@pytest.mark.parametrize("holes", [False, True])
def test_a_lag_is_the_sum_over_neighbours_of_the_same_period(holes) -> None:
    frame = lag_panel(np.random.default_rng(8), holes=holes)
    value = frame.set_index(["city", "year"])["x"]
    weights = made()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        actual = Panel(frame, "city", "year").assign(w_x=weights.lag("x")).frame["w_x"]
    for (city, year), lag in actual.items():
        row = weights.dense[LABELS.index(city)]
        neighbours = [
            (row[j], value.get((LABELS[j], year), np.nan))
            for j in range(4)
            if row[j] > 0
        ]
        expected = sum(w * x for w, x in neighbours)
        assert lag == pytest.approx(expected, rel=1e-14, nan_ok=True)
    kinds = {warning.category for warning in caught}
    assert kinds == (
        {SpatialWeightsWarning, MissingDataWarning}
        if holes
        else {SpatialWeightsWarning}
    )


def test_a_lag_in_a_cross_section_and_of_truth_values() -> None:
    frame = pd.DataFrame({"city": LABELS[:3], "x": [True, False, True]})
    with pytest.warns(SpatialWeightsWarning, match="isle"):
        actual = Panel(frame, "city").assign(w_x=made().lag("x")).frame["w_x"]
    assert actual.to_dict() == {"centre": 1.0, "east": 0.0, "west": 0.0}


def test_a_lag_can_be_used_in_a_model() -> None:
    panel = dp.datasets.us_states()
    rng = np.random.default_rng(9)
    weights = SpatialWeights(random_links(rng, 48), rng.permutation(panel.entities))
    fit = dp.FixedEffects("log(gsp)", ["log(pc)", "w_unemp"]).fit(
        panel.assign(w_unemp=weights.lag("unemp"))
    )
    assert np.isfinite(fit.params["w_unemp"])


@pytest.mark.parametrize(
    ("column", "error"),
    [("y", ColumnError), ("name", InputTypeError), (3, InputTypeError)],
)
def test_what_cannot_be_lagged(column, error) -> None:
    frame = lag_panel(np.random.default_rng(8)).assign(name="a")
    with pytest.raises(error):
        Panel(frame, "city", "year").assign(w=made().lag(column))


def test_a_lag_needs_rows_with_keys() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=["east", "east"])
    with pytest.raises(AlignmentError, match="indexed by entity"):
        made().lag("x")(frame)


def test_lags_are_pickled() -> None:
    lag = pickle.loads(pickle.dumps(made().lag("x")))
    assert (lag.column, lag.spatial_weights) == ("x", made())


# --- malformed ------------------------------------------------------------------------


def changed(i: int, j: int, value: float) -> np.ndarray[Any, Any]:
    links = LINKS.copy()
    links[i, j] = value
    return links


@pytest.mark.parametrize(
    ("matrix", "entities", "options", "error"),
    [
        (changed(1, 1, 1.0), LABELS, {}, OptionError),
        (changed(0, 1, -1.0), LABELS, {}, OptionError),
        (changed(0, 1, np.nan), LABELS, {}, MissingDataError),
        (changed(0, 1, np.inf), LABELS, {}, MissingDataError),
        (changed(0, 1, 1e200), LABELS, {}, OptionError),
        (changed(0, 1, 1e-200), LABELS, {}, OptionError),
        (np.zeros((4, 4)), LABELS, {}, OptionError),
        (LINKS[:, :3], LABELS, {}, InputTypeError),
        (LINKS[0], LABELS, {}, InputTypeError),
        (LINKS[None], LABELS, {}, InputTypeError),
        (np.zeros((0, 0)), [], {}, OptionError),
        ([[0, 1], [1]], ["a", "b"], {}, InputTypeError),
        ([["0", "1"], ["1", "0"]], ["a", "b"], {}, InputTypeError),
        ([[0, "1"], [1, 0]], ["a", "b"], {}, InputTypeError),
        ([[0, None], [1, 0]], ["a", "b"], {}, MissingDataError),
        (LINKS.astype(complex), LABELS, {}, InputTypeError),
        (sparse.csr_array(LINKS.astype(complex)), LABELS, {}, InputTypeError),
        (sparse.csr_array(changed(0, 1, np.nan)), LABELS, {}, MissingDataError),
        (np.ma.masked_equal(LINKS, 2.0), LABELS, {}, MissingDataError),
        (pd.DataFrame(LINKS, LABELS, LABELS), LABELS, {}, InputTypeError),
        ("matrix", LABELS, {}, InputTypeError),
        (None, LABELS, {}, InputTypeError),
        (LINKS, LABELS[:3], {}, AlignmentError),
        (LINKS, ["a", "b", "b", "c"], {}, AlignmentError),
        (LINKS, ["a", None, "b", "c"], {}, AlignmentError),
        (LINKS, "abcd", {}, InputTypeError),
        (LINKS, set(LABELS), {}, InputTypeError),
        (LINKS, dict.fromkeys(LABELS), {}, InputTypeError),
        (LINKS, 4, {}, InputTypeError),
        (LINKS, None, {}, InputTypeError),
        (LINKS, [["a"], ["b"], ["c"], ["d"]], {}, InputTypeError),
        (LINKS, pd.MultiIndex.from_product([["a", "b"], [1, 2]]), {}, InputTypeError),
        (LINKS, LABELS, {"standardise": "rows"}, OptionError),
        (LINKS, LABELS, {"standardise": None}, OptionError),
        (LINKS, LABELS, {"name": ""}, OptionError),
        (LINKS, LABELS, {"name": "a\nb"}, OptionError),
        (LINKS, LABELS, {"name": 3}, InputTypeError),
    ],
)
def test_malformed_weights_are_refused(matrix, entities, options, error) -> None:
    with pytest.raises(error) as caught:
        SpatialWeights(matrix, entities, **options)
    assert type(caught.value) is error
    assert caught.value.problems


def test_pairs_of_bad_weights_are_named() -> None:
    with pytest.raises(OptionError, match=r"\(east, centre\)") as error:
        SpatialWeights(changed(0, 1, -1.0), LABELS)
    assert error.value.problems[0].data["value"] == (("east", "centre"),)


def test_pairs_that_are_listed_once_are_reported_by_what_uses_them() -> None:
    panel = dp.datasets.us_states()
    links = [(a, b) for a, of in dp.datasets.us_neighbours().items() for b in of]
    pairs = pd.DataFrame(links, columns=["a", "b"])
    both = SpatialWeights.from_frame(pairs, "a", "b")
    once = SpatialWeights.from_frame(pairs[pairs["a"] < pairs["b"]], "a", "b")
    right = dp.moran(panel, "unemp", both, permutations=19, rng=1)
    with (
        pytest.warns(SpatialWeightsWarning, match="no neighbours"),
        pytest.warns(SpatialWeightsWarning, match="one direction only"),
    ):
        wrong = dp.moran(panel, "unemp", once, permutations=19, rng=1)
    assert not np.allclose(wrong["statistic"], right["statistic"])
    with pytest.raises(AlignmentError, match=r"entities=panel.entities in from_frame"):
        both.aligned_to([*panel.entities, "HI"])


def test_weights_without_names_say_which_names_to_give() -> None:
    weights = SpatialWeights.from_frame(pd.DataFrame(np.ones((2, 2)) - np.eye(2)))
    with pytest.raises(
        AlignmentError, match=r"order of the file, which panel.entities"
    ):
        weights.aligned_to(["乙", "甲"])


def test_neighbours_across_an_ocean_are_reported() -> None:
    places = dp.datasets.us_capitals()
    assert SpatialWeights.k_nearest(places, 5).diagnostics == ()
    islands = pd.DataFrame({"lat": [21.3, 13.5], "lon": [-157.9, 144.8]}, ["HI", "GU"])
    wider = pd.concat([places, islands])
    (notice,) = SpatialWeights.k_nearest(wider, 5).diagnostics
    assert (notice.code, notice.data["entities"]) == ("far_neighbours", ("HI", "GU"))
    within = SpatialWeights.inverse_distance(wider, cutoff=1_000)
    assert within.islands == ("HI", "GU")
    assert [n.code for n in within.diagnostics] == ["islands"]
    assert SpatialWeights.inverse_distance(wider).diagnostics == ()
