"""Builders of spatial weights from links, neighbours, coordinates and values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import (
    alignment_problem,
    check_real,
    check_type,
    is_real,
    is_whole,
    missing_problem,
    option_error,
    option_problem,
    plain,
    refuse_unknown,
    text_problem,
)
from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    MissingDataError,
    OptionError,
    cited,
    counted,
    did_you_mean,
    quoted,
    subject,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import LARGEST_COLUMN
from digiprosper.panel.coordinates import degrees_of
from digiprosper.panel.keys import rows_text
from digiprosper.spatial.kernels import matrices

# A dense matrix of more entities takes more than 3 GB.
_MOST_DENSE = 20_000
_HIGHEST_POWER = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """Weights from a builder, before checks and standardising."""

    matrix: Any  # (n, n) array or sparse matrix
    entities: pd.Index[Any]  # labels of the rows
    made_by: str = ""  # such as "inverse distance"; empty for weights of the user
    made_from: str | None = None  # variable that the weights are computed from
    # (n, 2) latitude and longitude, with coordinates only
    degrees: Floats | None = None


# --- tables and lists of links --------------------------------------------------------


def from_square(frame: pd.DataFrame) -> Built:
    """Read a square table; columns are ordered as the rows."""
    if frame.empty:
        raise InputTypeError("from_frame: the frame has no rows or no columns.")
    rows = check_labels(frame.index, "the index")
    columns = check_labels(frame.columns, "the columns")
    remedy = (
        "A square frame has the same labels in its index and its columns: "
        f"frame.set_index({str(frame.columns[0])!r}) if its first column holds them."
    )
    positions = positions_of(
        columns, rows, "the columns of the frame", "the index", remedy
    )
    if len(columns) > len(rows):
        without_row = columns[~columns.isin(rows)]
        raise _alignment_error(
            "columns",
            f"from_frame: the columns {quoted(without_row)} have no row. {remedy} For "
            "one row per link "
            'name the columns: from_frame(frame, "i", "j", "w").',
            without_row,
        )
    not_numeric = frame.columns[[not _is_real_dtype(kind) for kind in frame.dtypes]]
    if len(not_numeric):
        raise InputTypeError(
            f"from_frame: {subject(not_numeric, 'does')} not hold numbers.",
            [text_problem(str(c)) for c in not_numeric[:5]],
        )
    cells = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    return Built(cells[:, positions], rows)


def _is_real_dtype(kind: Any) -> bool:
    types = pd.api.types
    return types.is_numeric_dtype(kind) and not types.is_complex_dtype(kind)


def numbers_of(column: pd.Series[Any], subject: str) -> Floats:
    """Return the numbers of a column; `subject` names it in messages."""
    if not _is_real_dtype(column.dtype):
        raise InputTypeError(
            f"{subject} is {column.dtype}, not numeric.",
            [text_problem("values" if column.name is None else str(column.name))],
        )
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def named_columns(i: object, j: object, w: object) -> tuple[str, str, str | None]:
    """Check column names of entity, neighbour and weight; the last may be None."""
    not_text = [name for name in (i, j, w) if not isinstance(name, str | None)]
    if not_text:
        raise InputTypeError(
            f"from_frame: {cited(not_text[0])} must be the name of a column (text)."
        )
    if not isinstance(i, str) or not isinstance(j, str) or i == j:
        raise OptionError(
            f"from_frame: i={cited(i)} and j={cited(j)} must be two columns: the "
            "entity and its neighbour.",
            [option_problem("i", i), option_problem("j", j)],
        )
    return i, j, w if isinstance(w, str) else None


def from_pairs(
    frame: pd.DataFrame, i: str, j: str, w: str | None, entities: object
) -> Built:
    """Read a table with one row per link; without `w` all weights are 1.

    The default `entities` are all labels in the links, sorted.
    """
    refuse_unknown([c for c in (i, j, w) if c is not None], frame.columns, "from_frame")
    ends = [
        _labels_of_rows(frame[c], frame.index, f"from_frame: the column {cited(c)}", c)
        for c in (i, j)
    ]
    links = pd.MultiIndex.from_arrays(ends)
    repeated = links[links.duplicated()].unique()
    if len(repeated):
        raise _alignment_error(
            None,
            f"from_frame: {counted(len(repeated), 'link is', 'links are')} repeated "
            f"(first: {quoted(repeated)}); add their weights or keep one of each.",
            repeated,
        )

    labels = (
        _all_labels(ends) if entities is None else check_labels(entities, "entities")
    )
    rows, neighbours = (
        positions_of(labels, end, "entities", f"the column {cited(c)}")
        for c, end in zip((i, j), ends, strict=True)
    )
    weights = np.ones(len(frame))
    if w is not None:
        weights = numbers_of(frame[w], f"from_frame: the column {cited(w)}")
    return Built(_link_matrix(rows, neighbours, weights, len(labels)), labels)


def _labels_of_rows(
    values: Iterable[Any], rows: pd.Index[Any], subject: str, role: str | None
) -> pd.Index[Any]:
    """Return the label of each row; `subject` and `role` name them in messages."""
    labels: pd.Index[Any] = pd.Index(list(values), tupleize_cols=False)
    missing = rows[labels.isna()]
    if len(missing):
        raise _alignment_error(
            role,
            f"{subject} has no label in {counted(len(missing), 'row')} (first: "
            f"{quoted(missing)}).",
            missing,
        )
    return labels


def _all_labels(ends: list[pd.Index[Any]]) -> pd.Index[Any]:
    labels = ends[0].append(ends[1]).unique()
    # Labels of several types cannot be sorted; they keep the order of first rows.
    with suppress(TypeError):
        labels = labels.sort_values()
    return labels


def _link_matrix(rows: Any, columns: Ints, weights: Any, n: int) -> Any:
    from scipy.sparse import coo_array

    return coo_array((np.array(weights, float), (rows, columns)), shape=(n, n))


def from_mapping(neighbours: Any) -> Built:
    """Read a mapping of entity to neighbours, or to neighbours' weights."""
    needed = "from_neighbours takes a mapping of each entity to its neighbours"
    check_type(neighbours, Mapping, needed)
    labels = check_labels(list(neighbours), "the keys")
    links = [
        (row, neighbour, weight)
        for row, pair in enumerate(neighbours.items())
        for neighbour, weight in _read_neighbours(*pair).items()
    ]
    rows, ends, weights = zip(*links, strict=True) if links else ((), (), ())
    positions = positions_of(
        labels, pd.Index(ends, tupleize_cols=False), "the mapping", "the neighbours"
    )
    return Built(_link_matrix(rows, positions, weights, len(labels)), labels)


def _read_neighbours(entity: Any, neighbours: object) -> dict[Any, float]:
    if (
        isinstance(neighbours, str | bytes)
        or not isinstance(neighbours, Iterable)
        or getattr(neighbours, "ndim", 1) != 1
    ):
        raise InputTypeError(
            f"from_neighbours: the neighbours of {cited(entity)} are a "
            f"{type(neighbours).__name__}; pass a list of entities, empty for an "
            "entity without neighbours."
        )
    if isinstance(neighbours, Mapping):
        not_numeric = [
            w
            for w in neighbours.values()
            if not is_real(w) and not isinstance(plain(w), bool)
        ]
        if not_numeric:
            raise InputTypeError(
                f"from_neighbours: {cited(not_numeric[0])}, a weight of "
                f"{cited(entity)}, is not a number.",
                [text_problem("weight", not_numeric[:5])],
            )
        return {label: float(w) for label, w in neighbours.items()}
    labels = list(neighbours)
    check_labels(labels, f"the neighbours of {cited(entity)}")
    return dict.fromkeys(labels, 1.0)


def from_pysal(w: Any, entities: object) -> Built:
    """Read weights or a graph of libpysal, with its current transformation.

    `entities` maps ids to labels, or lists the labels in the order of ids, which are
    the labels by default. libpysal is not imported.
    """
    if hasattr(w, "adjacency") and hasattr(w, "unique_ids"):
        ids = check_labels(w.unique_ids, "the ids of the graph")
        links = w.adjacency.reset_index().set_axis(["i", "j", "w"], axis=1)
        built = from_pairs(links, "i", "j", "w", ids)
    elif all(hasattr(w, name) for name in ("neighbors", "weights", "id_order")):
        built = from_mapping(
            {
                i: dict(zip(w.neighbors[i], w.weights[i], strict=True))
                for i in w.id_order
            }
        )
    else:
        raise InputTypeError(
            f"from_pysal takes weights or a graph of libpysal, not {type(w).__name__}; "
            "read a file with libpysal.io.open(path).read()."
        )
    if entities is None:
        return built
    ids = built.entities
    if isinstance(entities, Mapping):
        keys = pd.Index(list(entities), tupleize_cols=False)
        positions_of(keys, ids, "entities", "the weights")
        entities = [entities[label] for label in ids]
    labels = check_labels(entities, "entities")
    if len(labels) != len(ids):
        raise _alignment_error(
            "entities",
            f"from_pysal: {counted(len(labels), 'label')} for "
            f"{counted(len(ids), 'id')} of the weights ({quoted(ids)}); pass a "
            "mapping of id to label.",
        )
    return Built(built.matrix, labels)


# --- coordinates and values -----------------------------------------------------------


def by_distance(coordinates: pd.DataFrame, power: float, cutoff: float | None) -> Built:
    """Compute weights by inverse distance to a power; the cutoff is in km."""
    labels, degrees = _entity_coordinates(coordinates, "inverse_distance")
    kind = f"a positive number up to {_HIGHEST_POWER:g}"
    power = check_real("power", power, lambda p: 0 < p <= _HIGHEST_POWER, kind)
    if cutoff is not None:
        kind = "a positive number of kilometres"
        number = check_real("cutoff", cutoff, lambda km: 0 < km < np.inf, kind)
        smallest = 0.0
        if len(degrees) > 1:
            smallest = float(matrices.nearest_distances(degrees).min())
        if number < smallest:
            raise option_error(
                "cutoff",
                cutoff,
                f"cutoff={cited(cutoff)}: no two entities are this close; the nearest "
                f"are {smallest:.3g} km apart. The cutoff is in kilometres, not in "
                "degrees.",
            )
        cutoff = number
    _refuse_large_dense(len(labels), cutoff)
    _refuse_zero_differences(
        labels,
        matrices.same_places(degrees),
        "are at the same place, so their distance is zero",
    )
    made_by = "inverse distance" + ("" if power == 1 else f" to the power {power:g}")
    made_by += "" if cutoff is None else f" within {cutoff:g} km"
    matrix = matrices.inverse_distances(degrees, power, cutoff)
    return Built(matrix, labels, made_by, degrees=degrees)


def by_k_nearest(coordinates: pd.DataFrame, k: int) -> Built:
    """Link each entity with its k nearest neighbours."""
    labels, degrees = _entity_coordinates(coordinates, "k_nearest")
    number = plain(k)
    if not is_whole(number) or not 0 < number < len(labels):
        raise option_error(
            "k",
            k,
            f"k={cited(k)} must be a positive integer less than {len(labels):,}, the "
            "number of entities.",
        )
    matrix = matrices.nearest_neighbours(degrees, number)
    made_by = "nearest neighbour"
    return Built(matrix, labels, counted(number, made_by), degrees=degrees)


def by_difference(values: pd.Series[Any]) -> Built:
    """Compute weights by the inverse difference of a variable's mean over time."""
    labels, means, name = _entity_means(values, "economic")
    _refuse_large_dense(len(labels), None)
    _refuse_zero_differences(
        labels,
        matrices.same_values(means),
        f"have the same {name}, so their difference is zero",
    )
    matrix = matrices.inverse_differences(means)
    return Built(matrix, labels, f"inverse difference of {name}", name)


def by_gravity(
    values: pd.Series[Any],
    coordinates: pd.DataFrame,
    power: float,
    cutoff: float | None,
) -> Built:
    """Compute weights by the product of a positive variable over distance^power."""
    built = by_distance(coordinates, power, cutoff)
    labels, means, name = _entity_means(values, "gravity")
    positions = same_labels(labels, built.entities, "the values", "the coordinates")
    not_positive = labels[means <= 0]
    if len(not_positive):
        raise option_error(
            "values",
            tuple(not_positive[:5]),
            f"gravity: {name} is zero or negative for {quoted(not_positive)}; masses "
            "are positive.",
        )
    mass = means[positions] / means.max()
    distance = built.made_by.removeprefix("inverse ")
    return replace(
        built,
        matrix=built.matrix * mass[:, None] * mass,
        made_by=f"gravity: {name} at both ends over {distance}",
        made_from=name,
    )


def _entity_coordinates(coordinates: Any, caller: str) -> tuple[pd.Index[Any], Floats]:
    """Return labels and (n, 2) coordinates of the entities, which must not vary."""
    degrees = degrees_of(coordinates, caller)
    codes, entities = _coded_entities(coordinates.index, degrees, "coordinates", caller)
    first_rows = np.unique(codes, return_index=True)[1]
    varies = np.unique(codes[(degrees != degrees[first_rows[codes]]).any(axis=1)])
    if varies.size:
        raise _alignment_error(
            "coordinates",
            f"{caller}: the coordinates vary within {quoted(entities[varies])}; pass "
            "one place per entity.",
            entities[varies[:5]],
        )
    return entities, degrees[first_rows]


def _entity_means(
    values: pd.Series[Any], caller: str
) -> tuple[pd.Index[Any], Floats, str]:
    """Return entity labels, their means over time, and the variable's name."""
    indexed = "indexed by entity, or by entity and time as panel.frame['gdp']"
    check_type(values, pd.Series, f"{caller} takes a Series {indexed}")
    name = "values" if values.name is None else str(values.name)
    cells = numbers_of(values, f"{caller}: {name}")
    codes, entities = _coded_entities(values.index, cells, name, caller)
    counts = np.bincount(codes)
    if (counts != counts.max()).any():
        fewer_periods = entities[counts < counts.max()]
        raise _alignment_error(
            name,
            f"{caller}: {subject(fewer_periods, 'has')} fewer periods than other "
            "entities, so that means over time are of different periods; use "
            "panel.balance() first, or pass one value per entity.",
            fewer_periods,
        )
    largest = np.abs(cells).max() or 1.0
    means = np.bincount(codes, cells / largest) / counts * largest
    return entities, means, name


def _coded_entities(
    index: pd.Index[Any], values: Floats, name: str, caller: str
) -> tuple[Ints, pd.Index[Any]]:
    """Code entities of rows by index; refuse missing `values`, called `name`."""
    if index.nlevels > 2 or not index.is_unique or not len(index):
        repeated = index[index.duplicated()][:5]
        wrong = (
            f"{subject(repeated, 'is')} repeated"
            if len(repeated)
            else f"there are {len(index)} rows"
        )
        raise _alignment_error(
            None,
            f"{caller}: index the rows by entity, or by entity and time; {wrong}, and "
            f"the index has {counted(index.nlevels, 'level')}.",
            repeated,
        )
    labels = _labels_of_rows(
        index.get_level_values(0), index, f"{caller}: the index", None
    )
    complete: Any = np.isfinite(values).reshape(len(index), -1).all(axis=1)
    missing = index[~complete]
    if len(missing):
        raise MissingDataError(
            f"{caller}: {name} is missing or infinite in "
            f"{counted(len(missing), 'row')} (first: {quoted(missing)}).",
            [missing_problem(name, len(missing), missing[:5])],
        )
    codes, entities = pd.factorize(labels)
    return codes, entities


def _refuse_zero_differences(
    labels: pd.Index[Any], pairs: tuple[Ints, Ints], problem: str
) -> None:
    count = pairs[0].size
    if count:
        labelled_pairs = tuple(
            (labels[a], labels[b]) for a, b in np.transpose(pairs)[:5]
        )
        shown = "; ".join(f"{cited(a)} and {cited(b)}" for a, b in labelled_pairs)
        raise option_error(
            "entities",
            labelled_pairs,
            f"{shown} {problem} and the weight infinite ({counted(count, 'pair')}). "
            "Correct a copy, use other weights, or merge entities.",
        )


def _refuse_large_dense(n: int, cutoff: float | None) -> None:
    if cutoff is None and n > _MOST_DENSE:
        raise option_error(
            "cutoff",
            cutoff,
            f"{n:,} entities: weights of all pairs take {8 * n * n / 1e9:.0f} GB. Pass "
            "cutoff= in kilometres, or use k_nearest.",
        )


# --- checks of matrices ---------------------------------------------------------------


def check_matrix(argument: Any, labels: pd.Index[Any], name: str) -> matrices.Matrix:
    """Check weights of the labelled entities and store a copy of them."""
    from scipy.sparse import issparse

    matrix: Any = argument if issparse(argument) else _as_array(argument)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputTypeError(
            f"matrix has the shape {matrix.shape}; it needs a row and a column for "
            "each entity."
        )
    if matrix.shape[0] != len(labels):
        raise AlignmentError(
            f"matrix has {counted(matrix.shape[0], 'row')}, but there are "
            f"{counted(len(labels), 'label')} in entities."
        )
    if matrix.dtype.kind not in "biuf":
        raise InputTypeError(
            f"matrix holds {matrix.dtype}, not real numbers.", [text_problem("matrix")]
        )
    raw = matrices.stored(matrix)
    rows, columns, weights = matrices.link_ends(raw)
    _refuse_invalid_weights(labels, rows, columns, weights)
    on_diagonal = labels[rows[rows == columns]]
    if len(on_diagonal):
        raise option_error(
            "matrix",
            tuple(on_diagonal[:5]),
            f"the diagonal is not zero for {quoted(on_diagonal)}: an entity cannot be "
            "its own neighbour. Use numpy.fill_diagonal(matrix, 0).",
        )
    refuse_unlinked(raw, name)
    return raw


def _as_array(argument: Any) -> np.ndarray[Any, Any]:
    if isinstance(argument, pd.DataFrame):
        raise InputTypeError(
            "matrix is a DataFrame, whose labels would be matched by position; pass it "
            "to SpatialWeights.from_frame(frame)."
        )
    if isinstance(argument, np.ma.MaskedArray) and np.ma.is_masked(argument):
        raise MissingDataError(
            "matrix has masked weights.", [missing_problem("matrix")]
        )
    try:
        cells = np.asarray(argument)
        if cells.dtype.kind != "O":
            return cells
        if any(isinstance(cell, str | bytes | complex) for cell in cells.flat):
            raise TypeError("it holds text")
        return np.where(pd.isna(cells), np.nan, cells).astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputTypeError(
            "matrix must be a square array of numbers, not "
            f"{type(argument).__name__} ({error}).",
            [text_problem("matrix")],
        ) from error


def _refuse_invalid_weights(
    labels: pd.Index[Any], rows: Ints, columns: Ints, weights: Floats
) -> None:
    beyond = (weights > LARGEST_COLUMN) | (weights < 1 / LARGEST_COLUMN)
    for invalid, problem in (
        (~np.isfinite(weights), "missing or infinite"),
        (weights < 0, "negative"),
        (beyond, "too large or too small"),
    ):
        first = np.flatnonzero(invalid)[:5]
        if not first.size:
            continue
        count = int(invalid.sum())
        pairs = tuple((labels[rows[i]], labels[columns[i]]) for i in first)
        text = (
            f"{counted(count, 'weight is', 'weights are')} {problem} (first: "
            f"{rows_text(pairs)});"
        )
        if problem == "missing or infinite":
            raise MissingDataError(
                f"{text} a pair without a link has the weight 0.",
                [missing_problem("matrix", count, pairs)],
            )
        raise option_error(
            "matrix", pairs, f"{text} weights lie between 0 and {LARGEST_COLUMN:g}."
        )


def refuse_unlinked(raw: matrices.Matrix, name: str) -> None:
    """Refuse weights that are all zero."""
    if not matrices.link_ends(raw)[0].size:
        raise option_error(
            "matrix", None, f"{name}: no entity has a neighbour, all weights are zero."
        )


# --- labels ---------------------------------------------------------------------------


def _alignment_error(role: str | None, text: str, labels: Any = ()) -> AlignmentError:
    """Make the error of labels that do not match; its data have the first five."""
    return AlignmentError(text, [alignment_problem(role, text, labels[:5])])


def check_labels(values: object, role: str) -> pd.Index[Any]:
    """Check that labels are ordered, complete and unique."""
    unordered = isinstance(values, str | bytes | Mapping | Set | pd.DataFrame)
    if unordered or not isinstance(values, Iterable) or getattr(values, "ndim", 1) != 1:
        raise InputTypeError(
            f"{role} must be the labels of the rows in their order, as a list or an "
            f"Index, not {type(values).__name__}."
        )
    if isinstance(values, pd.MultiIndex):
        raise InputTypeError(
            f"{role} has {values.nlevels} levels ({quoted(values.names)}); pass one "
            "label per entity, such as panel.entities."
        )
    is_coded = isinstance(getattr(values, "dtype", None), pd.CategoricalDtype)
    cells = np.asarray(values) if is_coded else list(values)
    labels = pd.Index(cells, tupleize_cols=False)
    not_hashable = [label for label in labels if not pd.api.types.is_hashable(label)]
    if not_hashable:
        raise InputTypeError(
            f"{role}: {cited(not_hashable[0])} cannot be a label; use text or numbers."
        )
    missing = np.flatnonzero(labels.isna())
    if missing.size:
        raise _alignment_error(
            role,
            f"{role}: the label at position {missing[0]} is missing; every row "
            "needs a label.",
            missing[:5].tolist(),
        )
    repeated = labels[labels.duplicated()].unique()
    if len(repeated):
        raise _alignment_error(
            role,
            f"{role}: {subject(repeated, 'is')} repeated; each entity has one row.",
            repeated,
        )
    return labels.rename(None)


def positions_of(
    labels: pd.Index[Any],
    sought: pd.Index[Any],
    holder: str,
    source: str,
    remedy: str = "",
) -> Ints:
    """Return the (m,) positions of labels `sought` in `labels`; refuse absent ones.

    `holder` and `source` name both collections; `remedy` is a sentence.
    """
    positions = labels.get_indexer(sought)
    absent = sought[positions < 0].unique()
    if len(absent):
        forms = f"entity of {source} is", f"entities of {source} are"
        label, hint = absent[0], did_you_mean(absent[0], labels)
        same_text = [other for other in labels if str(other) == str(label)]
        if same_text:
            hint = (
                f". There is {same_text[0]!r} ({type(same_text[0]).__name__}), but "
                f"{cited(label)} is {type(label).__name__}: give both the same type"
            )
        text = (
            f"{counted(len(absent), *forms)} not in {holder}: {quoted(absent)}{hint}. "
            f"{remedy}"
        )
        raise _alignment_error(None, text.strip(), absent)
    return np.asarray(positions, dtype=np.intp)


def same_labels(
    labels: pd.Index[Any], others: pd.Index[Any], name: str, name_of_others: str
) -> Ints:
    """Return the positions of `others` in `labels`; both must have the same labels."""
    positions_of(others, labels, name_of_others, name)
    return positions_of(labels, others, name, name_of_others)
