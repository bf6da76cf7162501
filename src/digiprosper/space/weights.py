"""Spatial weights: who is whose neighbour, matched with a panel by the labels of its entities."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from digiprosper.errors import (
    UNPRINTABLE,
    AlignmentError,
    ColumnError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    check_option,
    cited,
    column_problem,
    counted,
    issue,
    missing_problem,
    nearest,
    option_problem,
    plain,
    quoted,
    text_problem,
)
from digiprosper.kernels.tolerances import LARGEST_COLUMN
from digiprosper.panel.table import is_number_type
from digiprosper.report.pickling import PickledByName
from digiprosper.space.kernels.matrices import (
    Matrix,
    Pattern,
    cut,
    is_symmetric,
    lag_by_period,
    link_ends,
    pattern_of,
    row_standardised,
    scaled,
    spectral_radius,
    stored,
    to_dense,
)
from digiprosper.space.labels import checked_labels, places_among
from digiprosper.space.notices import islands, made_from_variable, missing_neighbours, unused_entities

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from scipy.sparse import csr_array

    from digiprosper.kernels import Bools, Floats, Ints

__all__ = ["SpatialLag", "SpatialWeights", "Standardise"]

Standardise: TypeAlias = Literal["row", "spectral", "none"]
"""Rows that sum to one, a spectral radius of one, or the weights as they are."""

_STANDARDISED = {
    "row": "row-standardised",
    "spectral": "divided by the spectral radius",
    "none": "not standardised",
}


@dataclass(frozen=True, init=False, eq=False, repr=False)
class SpatialWeights(PickledByName):
    """How strongly each entity is linked with each other.

    The weight ``w_ij`` in row i and column j is that of the neighbour j in the spatial lag of i,
    ``sum_j w_ij x_j``. Rows and columns are matched with a panel by the labels of the entities, never by
    position.

    Parameters
    ----------
    matrix : (n, n) array or scipy.sparse matrix
        Weights as they are before standardising: not negative, zero on the diagonal.
    entities : sequence of labels, length n
        Entities in the order of the rows and of the columns, labelled as in the panel.
    standardise : {"row", "spectral", "none"}
        ``"row"`` (default): each row is divided by its sum, so that a spatial lag is a mean of the
        neighbours. ``"spectral"``: all weights are divided by the spectral radius, which keeps a symmetric
        matrix symmetric and the relations of its weights. ``"none"``: as they are.
    name : str
        Name in summaries and messages.

    Raises
    ------
    InputTypeError
        If `matrix` is not a square array of real numbers, or `entities` no sequence of labels.
    AlignmentError
        If there are fewer or more labels than rows, or a label is missing or repeated.
    MissingDataError
        If a weight is missing or infinite.
    OptionError
        If a weight is negative, the diagonal is not zero, there is no link at all, or an option is unknown.

    Notes
    -----
    Entities of W that a panel does not have are left out *before* standardising: `aligned_to` cuts the
    weights as given and standardises what is left. An entity without neighbours (an island) stays, and its
    spatial lag is zero.

    Stored as a dense array; as rows of links (``scipy.sparse.csr_array``) where there are at least 200
    entities and at most a tenth of all pairs is linked, whatever was passed: products are then faster.

    Standardising by row and by the spectral radius: Kelejian, H. H. and Prucha, I. R. (2010), Specification
    and estimation of spatial autoregressive models with autoregressive and heteroskedastic disturbances,
    Journal of Econometrics 157:53-67.

    Examples
    --------
    >>> from digiprosper import SpatialWeights
    >>> weights = SpatialWeights([[0, 1, 0], [1, 0, 1], [0, 1, 0]], ["east", "centre", "west"])
    >>> weights
    SpatialWeights('W', 3 entities, 4 links, row-standardised)
    >>> weights.matrix.tolist()
    [[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]
    >>> weights.aligned_to(["west", "centre"]).matrix.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    raw: Matrix
    """Weights before standardising; read-only."""
    entities: pd.Index[Any]
    """Labels of the rows and columns."""
    standardise: Standardise
    """How `matrix` is standardised."""
    name: str
    """Name in summaries and messages."""
    made_by: str = ""
    """How a builder made the weights, such as ``"inverse distance, power 1"``; empty if none did."""
    made_from: str | None = None
    """Variable that the weights are made from, if they are."""
    left_out: tuple[Any, ...] = ()
    """Entities that `aligned_to` left out."""

    def __init__(
        self,
        matrix: npt.ArrayLike | csr_array[Any],
        entities: Iterable[Any],
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> None:
        check_option("standardise", standardise, get_args(Standardise))
        _refuse_name(name)
        labels = checked_labels(entities, "entities")
        values = {
            "raw": _checked_matrix(matrix, labels, name),
            "entities": labels,
            "standardise": plain(standardise),
            "name": name,
        }
        for field in fields(self):
            object.__setattr__(self, field.name, values.get(field.name, field.default))

    # --- what the weights are -----------------------------------------------------------------------------

    @cached_property
    def matrix(self) -> Matrix:
        """Standardised weights: an (n, n) array or a ``csr_array``; read-only."""
        if self.standardise == "row":
            return row_standardised(self.raw)
        if self.standardise == "none":
            return self.raw
        radius = spectral_radius(self.raw)
        if radius == 0:
            raise IdentificationError(
                f"{self.name}: the spectral radius of the weights is zero, because no chain of links leads "
                'back to where it began; use standardise="row".',
                [Notice("extreme", "spectral radius of zero", {"column": self.name, "largest": 0.0})],
            )
        return scaled(self.raw, np.full(self.n, 1.0 / radius))

    @property
    def dense(self) -> Floats:
        """Standardised weights as a dense (n, n) array."""
        return to_dense(self.matrix)

    @property
    def n(self) -> int:
        """How many entities."""
        return len(self.entities)

    @cached_property
    def pattern(self) -> Pattern:
        """Who is linked with whom, as arrays in the order of `entities`."""
        return pattern_of(self.raw)

    @property
    def islands(self) -> tuple[Any, ...]:
        """Entities without neighbours: rows of zeros."""
        return tuple(self.entities[self.pattern.islands])

    @cached_property
    def is_symmetric(self) -> bool:
        """Whether the weights are the same in both directions before standardising."""
        return is_symmetric(self.raw)

    @property
    def n_links(self) -> int:
        """How many weights are positive."""
        return int(self.pattern.neighbours.sum())

    @property
    def conventions(self) -> str:
        """How the weights were made and standardised, for the note below a table."""
        how = [self.made_by] if self.made_by else []
        return f"{self.name}: {', '.join([*how, _STANDARDISED[self.standardise]])}"

    @property
    def diagnostics(self) -> tuple[Notice, ...]:
        """Islands, entities that were left out, and a variable that the weights are made from."""
        return (
            *unused_entities(self.name, self.left_out),
            *islands(self.name, self.islands),
            *made_from_variable(self.name, self.made_from),
        )

    # --- matched with a panel -----------------------------------------------------------------------------

    def aligned_to(self, entities: Iterable[Any]) -> SpatialWeights:
        """Take the weights among some entities, in their order.

        Parameters
        ----------
        entities : sequence of labels
            Such as ``panel.entities``.

        Returns
        -------
        SpatialWeights
            Entities that only the weights have are left out before standardising, and listed in `left_out`.

        Raises
        ------
        AlignmentError
            If the weights lack an entity, with the labels.
        OptionError
            If none of these entities are linked.
        """
        wanted = checked_labels(entities, "entities")
        places = places_among(self.entities, wanted, self.name, "the panel")
        if len(wanted) == self.n and (places == np.arange(self.n)).all():
            return self
        used = np.zeros(self.n, dtype=bool)
        used[places] = True
        raw = cut(self.raw, places)
        _refuse_unlinked(raw, self.name)
        left_out = (*self.left_out, *self.entities[~used])
        return self._changed(raw=raw, entities=wanted, left_out=left_out)

    def _changed(self, **values: Any) -> SpatialWeights:
        """Make another value with some fields changed."""
        other = object.__new__(type(self))
        for field in fields(self):
            object.__setattr__(other, field.name, values.get(field.name, getattr(self, field.name)))
        return other

    def lag(self, column: str) -> SpatialLag:
        """Compute the spatial lag of a column, for `Panel.assign`.

        The lag of entity i in period t is ``sum_j w_ij x_jt``, of the same period. It is missing, with a
        warning, where a neighbour has no value or no row in that period: weights are not spread over the
        other neighbours.

        Parameters
        ----------
        column : str
            A numeric column.

        Returns
        -------
        callable
            From the panel's frame to one value a row.

        Raises
        ------
        InputTypeError
            If `column` is not text.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel, SpatialWeights
        >>> weights = SpatialWeights([[0, 1, 0], [1, 0, 1], [0, 1, 0]], ["east", "centre", "west"])
        >>> frame = pd.DataFrame({"city": ["west", "centre", "east"], "year": 2020, "x": [4.0, 2.0, 1.0]})
        >>> panel = Panel(frame, "city", "year").assign(w_x=weights.lag("x"))
        >>> panel.frame["w_x"].to_dict()
        {('centre', 2020): 2.5, ('east', 2020): 2.0, ('west', 2020): 2.0}
        """
        if not isinstance(column, str):
            raise InputTypeError(f"lag takes the name of a column (text), not {type(column).__name__}.")
        return SpatialLag(self, column)

    # --- values -------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpatialWeights):
            return NotImplemented
        named = (self.standardise, self.name, self.n)
        if named != (other.standardise, other.name, other.n) or not self.entities.equals(other.entities):
            return False
        pairs = zip(link_ends(self.raw), link_ends(other.raw), strict=True)
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    def __hash__(self) -> int:
        return hash((self.standardise, self.name, self.n, self.n_links))

    def __repr__(self) -> str:
        return (
            f"SpatialWeights({self.name!r}, {counted(self.n, 'entity', 'entities')}, "
            f"{counted(self.n_links, 'link')}, {_STANDARDISED[self.standardise]})"
        )


@dataclass(frozen=True, slots=True)
class SpatialLag:
    """The spatial lag of a column, computed when it is called. Made by `SpatialWeights.lag`.

    Parameters
    ----------
    spatial_weights : SpatialWeights
        Of any entities that include those of the panel.
    column : str
        What is lagged.
    """

    spatial_weights: SpatialWeights
    column: str

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """Compute the lag.

        Parameters
        ----------
        frame : DataFrame
            Indexed by entity and time, or by entity alone, as ``panel.frame``.

        Returns
        -------
        (N,) array
            By row.

        Raises
        ------
        ColumnError, InputTypeError
            If there is no such column, or it is not numeric.
        AlignmentError
            If the weights lack an entity of the frame, or its rows repeat.

        Warns
        -----
        SpatialWeightsWarning
            If there are islands, or entities that only the weights have.
        MissingDataWarning
            If the lag is missing because a neighbour has no value.
        """
        entity, entities = _coded(frame, 0)
        time, times = _coded(frame, 1) if frame.index.nlevels == 2 else (np.zeros_like(entity), range(1))
        values = self._values(frame)
        weights = self.spatial_weights.aligned_to(entities)

        cells = np.full((len(times), len(entities)), np.nan)
        cells[time, entity] = values
        lag = lag_by_period(weights.matrix, cells)[time, entity]

        lost = np.isnan(lag)
        rows = tuple(frame.index[lost][:5])
        unknown = missing_neighbours(weights.name, self.column, int(lost.sum()), rows)
        issue((*weights.diagnostics, *unknown))
        return lag

    def _values(self, frame: pd.DataFrame) -> Floats:
        name = self.column
        if name not in frame.columns:
            raise ColumnError(
                f"lag: no column named {cited(name)}{nearest(name, frame.columns)}. Assign a term first: "
                "panel.assign(z='log(x)').",
                [column_problem(name, "lag")],
            )
        column = frame[name]
        if not is_number_type(column) or pd.api.types.is_complex_dtype(column.dtype):
            raise InputTypeError(
                f"lag: the column {cited(name)} is {column.dtype}, not numeric.", [text_problem(name)]
            )
        return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _coded(frame: object, level: int) -> tuple[Ints, pd.Index[Any]]:
    if not isinstance(frame, pd.DataFrame) or frame.index.nlevels > 2 or not frame.index.is_unique:
        raise AlignmentError(
            "lag takes a frame whose rows are indexed by entity and time without repeats, as in "
            "panel.assign(w_x=weights.lag('x'))."
        )
    codes, levels = pd.factorize(frame.index.get_level_values(level), sort=False)
    return np.asarray(codes, dtype=np.intp), pd.Index(levels, tupleize_cols=False)


# --- checks -------------------------------------------------------------------------------------------------


def _refuse_name(name: object) -> None:
    if not isinstance(name, str):
        raise InputTypeError(f"name must be text, not {type(name).__name__}.", [option_problem("name")])
    if not name.strip() or UNPRINTABLE.search(name):
        raise OptionError(f"name={cited(name)} must be a text of one line.", [option_problem("name", name)])


def _checked_matrix(given: Any, labels: pd.Index[Any], name: str) -> Matrix:
    from scipy.sparse import issparse

    matrix: Any = given if issparse(given) else _as_array(given)
    _refuse_shape(matrix, len(labels))
    if matrix.dtype.kind not in "biuf":
        raise InputTypeError(f"matrix holds {matrix.dtype}, not real numbers.", [text_problem("matrix")])
    raw = stored(matrix)
    rows, columns, weights = link_ends(raw)
    _refuse_values(labels, rows, columns, weights)
    _refuse_diagonal(labels, rows, columns)
    _refuse_unlinked(raw, name)
    return raw


def _as_array(given: Any) -> np.ndarray[Any, Any]:
    if isinstance(given, pd.DataFrame):
        raise InputTypeError(
            "matrix is a DataFrame, whose labels would be matched by position; pass it to "
            "SpatialWeights.from_frame(frame)."
        )
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        raise MissingDataError("matrix has masked weights.", [missing_problem("matrix")])
    try:
        cells = np.asarray(given)
        return _numbers(cells) if cells.dtype.kind == "O" else cells
    except (TypeError, ValueError, OverflowError) as error:
        raise InputTypeError(
            f"matrix must be a square array of numbers, not {type(given).__name__} ({error}).",
            [text_problem("matrix")],
        ) from error


def _numbers(cells: np.ndarray[Any, Any]) -> Floats:
    """Turn an array of objects into numbers, where none is text or complex."""
    if any(isinstance(cell, str | bytes | complex) for cell in cells.flat):
        raise TypeError("it holds text")
    return np.where(pd.isna(cells), np.nan, cells).astype(np.float64)


def _refuse_shape(matrix: Any, n: int) -> None:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputTypeError(
            f"matrix has the shape {matrix.shape}; it needs a row and a column for each entity."
        )
    if matrix.shape[0] != n:
        raise AlignmentError(
            f"matrix has {counted(matrix.shape[0], 'row')}, but there are {counted(n, 'label')} in entities."
        )


def _pairs(labels: pd.Index[Any], rows: Ints, columns: Ints) -> tuple[tuple[Any, Any], ...]:
    """Name the first five links."""
    return tuple((labels[i], labels[j]) for i, j in zip(rows[:5], columns[:5], strict=True))


def _refuse_values(labels: pd.Index[Any], rows: Ints, columns: Ints, weights: Floats) -> None:
    bad: Bools = ~np.isfinite(weights)
    if bad.any():
        pairs = _pairs(labels, rows[bad], columns[bad])
        raise MissingDataError(
            f"{counted(int(bad.sum()), 'weight is', 'weights are')} missing or infinite (first: "
            f"{quoted(pairs)}); a pair without a link has the weight 0.",
            [missing_problem("matrix", int(bad.sum()), pairs)],
        )
    for bad, what in (
        (weights < 0, "negative"),
        ((weights > LARGEST_COLUMN) | (weights < 1 / LARGEST_COLUMN), "too large or too small"),
    ):
        if bad.any():
            pairs = _pairs(labels, rows[bad], columns[bad])
            raise OptionError(
                f"{counted(int(bad.sum()), 'weight is', 'weights are')} {what} (first: {quoted(pairs)}); "
                f"weights lie between 0 and {LARGEST_COLUMN:g}.",
                [option_problem("matrix", pairs, what=f"{what} weights")],
            )


def _refuse_diagonal(labels: pd.Index[Any], rows: Ints, columns: Ints) -> None:
    own = labels[rows[rows == columns]]
    if len(own):
        raise OptionError(
            f"the diagonal is not zero for {quoted(own)}: no entity is its own neighbour. Set it to zero: "
            "numpy.fill_diagonal(matrix, 0).",
            [option_problem("matrix", tuple(own[:5]), what="diagonal not zero")],
        )


def _refuse_unlinked(raw: Matrix, name: str) -> None:
    if not link_ends(raw)[0].size:
        raise OptionError(
            f"{name}: no entity has a neighbour, all weights are zero.",
            [option_problem("matrix", what="no links")],
        )
