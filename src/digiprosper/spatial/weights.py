"""Spatial weights: who is whose neighbour, matched with a panel by the labels of its entities."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from digiprosper.errors import (
    AlignmentError,
    ColumnError,
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    check_option,
    cited,
    column_problem,
    counted,
    issue,
    models_problem,
    nearest,
    option_problem,
    plain,
    text_problem,
)
from digiprosper.kernels.great_circle import great_circle
from digiprosper.panel.keys import to_pandas
from digiprosper.panel.table import is_number_type
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Cells, PlainNumbers, Remarks, Summarised, Summary
from digiprosper.spatial.builders import (
    Built,
    by_difference,
    by_distance,
    by_gravity,
    by_nearness,
    from_lists,
    from_pairs,
    from_pysal,
    from_square,
    named_columns,
)
from digiprosper.spatial.checks import checked_matrix, refuse_name, refuse_unlinked
from digiprosper.spatial.kernels.matrices import (
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
from digiprosper.spatial.kernels.neighbours import nearest_distances
from digiprosper.spatial.kernels.spectrum import Spectrum, spectrum
from digiprosper.spatial.labels import checked_labels, places_among
from digiprosper.spatial.notices import (
    islands,
    made_from_variable,
    missing_neighbours,
    one_direction,
    unused_entities,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt
    from scipy.sparse import csr_array

    from digiprosper.kernels import Floats, Ints

__all__ = ["SpatialLag", "SpatialWeights", "Standardise", "refuse_other"]

Standardise: TypeAlias = Literal["row", "spectral", "none"]
"""Rows that sum to one, a spectral radius of one, or the weights as they are."""

_STANDARDISED = {
    "row": "row-standardised",
    "spectral": "divided by the spectral radius",
    "none": "not standardised",
}


@dataclass(frozen=True, init=False, eq=False, repr=False)
class SpatialWeights(Summarised, PickledByName):
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
        matrix symmetric and the ratios between its weights. ``"none"``: as they are.
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
    degrees: Floats | None = None
    """Latitude and longitude by entity, where they are known: (n, 2) array."""
    parts: tuple[SpatialWeights, SpatialWeights, float] | None = None
    """Both weights that were nested, and the share of the first; None for other weights."""

    def __init__(
        self,
        matrix: npt.ArrayLike | csr_array[Any],
        entities: Iterable[Any],
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> None:
        check_option("standardise", standardise, get_args(Standardise))
        refuse_name(name)
        labels = checked_labels(entities, "entities")
        values = {
            "raw": checked_matrix(matrix, labels, name),
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

    @cached_property
    def spectrum(self) -> Spectrum | None:
        """Eigenvalues of `matrix`, which every model with these weights needs; None if all are zero."""
        return spectrum(self.dense)

    @cached_property
    def digest(self) -> str:
        """Short hash of the standardised weights, by which results know whether they have the same ones."""
        return hashlib.sha256(self.dense.tobytes()).hexdigest()[:16]

    @cached_property
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
        return f"{self.name} ({', '.join([*how, _STANDARDISED[self.standardise]])})"

    @cached_property
    def diagnostics(self) -> tuple[Notice, ...]:
        """Islands, entities left out, links in one direction only, a variable that weights are made from."""
        return (
            *unused_entities(self.name, self.left_out),
            *islands(self.name, self.islands),
            *one_direction(self.name, self.n_links, self.pattern.n_mutual),
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
        if isinstance(entities, pd.Index) and entities.equals(self.entities):
            return self
        wanted = checked_labels(entities, "entities")
        places = places_among(self.entities, wanted, f"the weights {self.name}", "the panel")
        if len(wanted) == self.n and (places == np.arange(self.n)).all():
            return self
        used = np.zeros(self.n, dtype=bool)
        used[places] = True
        cut_parts = None if self.parts is None else _aligned_parts(self.parts, wanted)
        raw = cut(self.raw, places) if cut_parts is None else _mixed(*cut_parts)
        refuse_unlinked(raw, self.name)
        return self._changed(
            raw=raw,
            entities=wanted,
            left_out=(*self.left_out, *self.entities[~used]),
            degrees=None if self.degrees is None else self.degrees[places],
            parts=cut_parts,
        )

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
            From the panel's frame to one value per row.

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

    # --- description --------------------------------------------------------------------------------------

    def describe(self) -> pd.Series[Any]:
        """Count links, neighbours, islands and connected parts.

        Returns
        -------
        Series
            n_entities, n_links (positive weights), share_linked (of all ordered pairs); neighbours_min,
            neighbours_mean and neighbours_max of an entity; n_islands; n_parts (connected whatever the
            direction of links); is_symmetric (before standardising); standardise; and, where coordinates are
            known, in kilometres: distance_min, distance_mean, distance_max of linked entities, and
            nearest_max, the longest distance to the nearest entity, from which a cutoff leaves no island.

        Examples
        --------
        >>> from digiprosper import SpatialWeights
        >>> SpatialWeights([[0, 1, 0], [1, 0, 0], [0, 0, 0]], ["a", "b", "c"]).describe()["n_parts"]
        2
        """
        counts = self.pattern.neighbours
        values: dict[str, Any] = {
            "n_entities": self.n,
            "n_links": self.n_links,
            "share_linked": self.n_links / (self.n * (self.n - 1)),
            "neighbours_min": int(counts.min()),
            "neighbours_mean": float(counts.mean()),
            "neighbours_max": int(counts.max()),
            "n_islands": len(self.islands),
            "n_parts": self.pattern.n_parts,
            "is_symmetric": self.is_symmetric,
            "standardise": self.standardise,
        }
        if self.degrees is not None:
            rows, columns, _ = link_ends(self.raw)
            distances = great_circle(self.degrees[rows], self.degrees[columns])
            for word in ("min", "mean", "max"):
                values[f"distance_{word}"] = float(getattr(distances, word)())
            values["nearest_max"] = float(nearest_distances(self.degrees).max())
        return pd.Series(values, dtype=object, name=self.name)

    def _summary(self) -> Summary:
        found = self.describe()
        rows = [
            ["Entities", f"{self.n:,}"],
            ["Links", f"{self.n_links:,} ({found['share_linked']:.1%} of all pairs)"],
            ["Neighbours (min, mean, max)", _three(found, "neighbours")],
            ["Islands", str(found["n_islands"])],
            ["Connected parts", str(found["n_parts"])],
            ["Symmetric before standardising", "yes" if self.is_symmetric else "no"],
        ]
        if self.degrees is not None:
            rows.append(["Distance of links in km (min, mean, max)", _three(found, "distance")])
            rows.append(["Longest distance to the nearest in km", f"{found['nearest_max']:,.4g}"])
        return Summary(
            type=type(self).__name__,
            title=f"Spatial weights {self.name}",
            blocks=(Cells.of(["", ""], rows), Remarks.of(self.diagnostics)),
            notices=self.diagnostics,
            conventions=self.conventions,
        )

    def _numbers(self) -> PlainNumbers:
        described = {str(key): value for key, value in self.describe().items()}
        more = {"name": self.name, **described, "islands": list(map(str, self.islands))}
        return PlainNumbers(more=more)

    # --- builders -----------------------------------------------------------------------------------------

    @classmethod
    def _of(cls, built: Built, standardise: Standardise, name: str) -> SpatialWeights:
        made = cls(built.matrix, built.entities, standardise=standardise, name=name)
        return made._changed(made_by=built.made_by, made_from=built.made_from, degrees=built.degrees)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        i: str | None = None,
        j: str | None = None,
        w: str | None = None,
        *,
        entities: Iterable[Any] | None = None,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """Read weights from a table: a square one, or one with a row for each link.

        Parameters
        ----------
        frame : DataFrame
            Without `i` and `j`: the same labels in the index and the columns, in any order. With them: one
            row for each link; of pandas, polars or pyarrow.
        i, j : str, optional
            Columns of the entity and of its neighbour. A link counts in the direction that is listed: where
            neighbours are mutual, both (i, j) and (j, i) have a row.
        w : str, optional
            Column of the weight; 1 for each link without it.
        entities : sequence of labels, optional
            All entities, where some have no link; only with `i` and `j`.
        standardise, name
            As for `SpatialWeights`.

        Returns
        -------
        SpatialWeights
            Matched by label, never by position.

        Raises
        ------
        InputTypeError, ColumnError, OptionError
            If `frame` is not a table, a column is not there or not numeric, or options contradict each other.
        AlignmentError
            If rows and columns have other labels, or a link or label is repeated or missing.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import SpatialWeights
        >>> roads = pd.DataFrame({"from": ["a", "b", "b"], "to": ["b", "a", "c"], "lanes": [2, 2, 6]})
        >>> weights = SpatialWeights.from_frame(roads, "from", "to", "lanes")
        >>> weights.matrix.tolist(), weights.islands
        ([[0.0, 1.0, 0.0], [0.25, 0.0, 0.75], [0.0, 0.0, 0.0]], ('c',))
        """
        given: object = frame
        frame = given if isinstance(given, pd.DataFrame) else to_pandas(given)
        if i is None and j is None:
            if w is not None or entities is not None:
                raise OptionError(
                    "from_frame: w and entities belong to a table with one row for each link; name the "
                    "columns i and j as well.",
                    [option_problem("w" if w is not None else "entities")],
                )
            return cls._of(from_square(frame), standardise, name)
        return cls._of(from_pairs(frame, *named_columns(i, j, w), entities), standardise, name)

    @classmethod
    def from_neighbours(
        cls,
        neighbours: Mapping[Any, Iterable[Any]],
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """List the neighbours of each entity, as of regions with a common border.

        Parameters
        ----------
        neighbours : mapping
            Each entity to a list of its neighbours, empty for an island; or to a mapping of neighbour to
            weight.
        standardise, name
            As for `SpatialWeights`.

        Returns
        -------
        SpatialWeights
            Weights of one before standardising, where none are given.

        Raises
        ------
        InputTypeError
            If it is no such mapping.
        AlignmentError
            If a neighbour is no key of the mapping, or is listed twice.

        Examples
        --------
        >>> from digiprosper import SpatialWeights
        >>> SpatialWeights.from_neighbours({"a": ["b"], "b": ["a", "c"], "c": ["b"]})
        SpatialWeights('W', 3 entities, 4 links, row-standardised)
        """
        return cls._of(from_lists(neighbours), standardise, name)

    @classmethod
    def from_pysal(
        cls,
        w: Any,
        entities: Mapping[Any, Any] | Iterable[Any] | None = None,
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """Take weights of libpysal, such as contiguity made from a map.

        Parameters
        ----------
        w : libpysal.weights.W or libpysal.graph.Graph
            In its current transformation.
        entities : mapping or sequence, optional
            Label of each id of `w`; or labels in the order of the ids. By default the ids are the labels.
        standardise, name
            As for `SpatialWeights`.

        Returns
        -------
        SpatialWeights
            Of the entities.

        Raises
        ------
        InputTypeError
            If `w` is something else.
        AlignmentError
            If there is not one label for each id.

        Examples
        --------
        >>> from types import SimpleNamespace
        >>> from digiprosper import SpatialWeights
        >>> w = SimpleNamespace(id_order=[0, 1], neighbors={0: [1], 1: [0]}, weights={0: [1.0], 1: [1.0]})
        >>> SpatialWeights.from_pysal(w, {0: "Alabama", 1: "Arizona"}).entities.tolist()
        ['Alabama', 'Arizona']
        """
        return cls._of(from_pysal(w, entities), standardise, name)

    @classmethod
    def inverse_distance(
        cls,
        coordinates: pd.DataFrame,
        *,
        power: float = 1,
        cutoff: float | None = None,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """Weigh neighbours by the inverse of their distance, ``w_ij = d_ij ** -power``.

        Great-circle distances in kilometres, as `instruments.distance_to` computes them.

        Parameters
        ----------
        coordinates : DataFrame
            Latitude and longitude in degrees in columns named so (``lat``, ``lon``), indexed by entity; or
            by entity and time, as ``panel.frame[["lat", "lon"]]``, constant over time.
        power : float
            Usually 1 or 2; at most 10.
        cutoff : float, optional
            Kilometres beyond which the weight is zero. By default every pair is linked.
        standardise, name
            As for `SpatialWeights`.

        Returns
        -------
        SpatialWeights
            With the distances in `describe`.

        Raises
        ------
        ColumnError, InputTypeError, AlignmentError, MissingDataError
            If the coordinates are not there, not numeric, missing or change over time.
        OptionError
            If two entities are at the same place, no two are within the cutoff, or an option cannot be used.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import SpatialWeights
        >>> cities = pd.DataFrame(
        ...     {"lat": [30.27, 31.23, 32.06], "lon": [120.15, 121.47, 118.80]},
        ...     index=["Hangzhou", "Shanghai", "Nanjing"],
        ... )
        >>> weights = SpatialWeights.inverse_distance(cities, power=2, cutoff=250)
        >>> weights.dense.round(3).tolist()
        [[0.0, 0.673, 0.327], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
        """
        return cls._of(by_distance(coordinates, power, cutoff), standardise, name)

    @classmethod
    def k_nearest(
        cls,
        coordinates: pd.DataFrame,
        k: int,
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """Link each entity with the k nearest ones.

        Parameters
        ----------
        coordinates : DataFrame
            As for `inverse_distance`.
        k : int
            How many. Entities that are equally far as the k-th are neighbours, too, so that the order of the
            rows decides nothing.
        standardise, name
            As for `SpatialWeights`.

        Returns
        -------
        SpatialWeights
            Not symmetric: an entity need not be among the nearest of its neighbours.

        Raises
        ------
        ColumnError, InputTypeError, AlignmentError, MissingDataError, OptionError
            If coordinates or `k` cannot be used.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import SpatialWeights
        >>> places = pd.DataFrame({"lat": [0.0, 1.0, 3.0], "lon": 0.0}, index=["a", "b", "c"])
        >>> SpatialWeights.k_nearest(places, 1).matrix.tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
        """
        return cls._of(by_nearness(coordinates, k), standardise, name)

    @classmethod
    def economic(
        cls, values: pd.Series[Any], *, standardise: Standardise = "row", name: str = "W"
    ) -> SpatialWeights:
        """Weigh entities by how similar they are, ``w_ij = 1 / |v_i - v_j|``, v a mean over time.

        Parameters
        ----------
        values : Series
            Indexed by entity; or by entity and time, as ``panel.frame["gdp"]``, of which the mean over time
            is taken.
        standardise, name
            As for `SpatialWeights`.

        Returns
        -------
        SpatialWeights
            `diagnostics` says that they are made from a variable, which may not be affected by the outcome.

        Raises
        ------
        InputTypeError, MissingDataError
            If it is not a Series of finite numbers.
        AlignmentError
            If entities have different numbers of periods.
        OptionError
            If two entities have the same mean.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import SpatialWeights
        >>> income = pd.Series([10.0, 14.0, 30.0], index=["a", "b", "c"], name="income")
        >>> weights = SpatialWeights.economic(income)
        >>> weights.matrix.round(3).tolist()
        [[0.0, 0.833, 0.167], [0.8, 0.0, 0.2], [0.444, 0.556, 0.0]]
        >>> [notice.code for notice in weights.diagnostics]
        ['made_from_variable']
        """
        return cls._of(by_difference(values), standardise, name)

    @classmethod
    def gravity(
        cls,
        values: pd.Series[Any],
        coordinates: pd.DataFrame,
        *,
        power: float = 2,
        cutoff: float | None = None,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """Weigh neighbours by size over distance, ``w_ij = m_i m_j / d_ij ** power``, m a mean over time.

        Parameters
        ----------
        values : Series
            Masses, as for `economic`; positive. Their unit does not matter: they are divided by the largest.
        coordinates : DataFrame
            As for `inverse_distance`, of the same entities.
        power : float
            Of the distance; 2 in the law of gravity.
        cutoff : float, optional
            Kilometres beyond which the weight is zero.
        standardise, name
            As for `SpatialWeights`. Standardised by row, the mass of the entity itself cancels.

        Returns
        -------
        SpatialWeights
            `diagnostics` says that they are made from a variable.

        Raises
        ------
        ColumnError, InputTypeError, AlignmentError, MissingDataError, OptionError
            As `economic` and `inverse_distance`; also if values and coordinates are of different entities, or
            a mass is not positive.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import SpatialWeights
        >>> places = pd.DataFrame({"lat": [0.0, 1.0, -1.0], "lon": 0.0}, index=["a", "b", "c"])
        >>> people = pd.Series({"c": 30.0, "b": 10.0, "a": 20.0}, name="people")
        >>> SpatialWeights.gravity(people, places).matrix.round(3).tolist()[0]
        [0.0, 0.25, 0.75]
        """
        return cls._of(by_gravity(values, coordinates, power, cutoff), standardise, name)

    @classmethod
    def nested(
        cls,
        a: SpatialWeights,
        b: SpatialWeights,
        share: float,
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """Mix two weights, ``share * a + (1 - share) * b``, such as distance and economic similarity.

        Parameters
        ----------
        a, b : SpatialWeights
            Of the same entities. Each enters as standardised by its own option, since raw weights have
            different units.
        share : float
            Of `a`, between 0 and 1.
        standardise, name
            As for `SpatialWeights`, of the sum.

        Returns
        -------
        SpatialWeights
            `aligned_to` cuts and standardises both before it mixes them.

        Raises
        ------
        InputTypeError
            If one of them is something else.
        AlignmentError
            If they are of different entities.
        OptionError
            If `share` is not between 0 and 1.

        Examples
        --------
        >>> from digiprosper import SpatialWeights
        >>> near = SpatialWeights([[0, 1, 0], [1, 0, 1], [0, 1, 0]], ["a", "b", "c"])
        >>> alike = SpatialWeights([[0, 1, 3], [1, 0, 1], [3, 1, 0]], ["a", "b", "c"])
        >>> SpatialWeights.nested(near, alike, 0.5).matrix.tolist()[0]
        [0.0, 0.625, 0.375]
        """
        refuse_other(a, "nested")
        refuse_other(b, "nested")
        _refuse_no_share(share)
        places_among(a.entities, b.entities, f"the first weights ({a.name})", "the second ones")
        places_among(b.entities, a.entities, f"the second weights ({b.name})", "the first ones")
        parts = (a, b.aligned_to(a.entities), float(share))
        made = cls(_mixed(*parts), a.entities, standardise=standardise, name=name)
        return made._changed(**_described(*parts), parts=parts)

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


def _three(found: pd.Series[Any], what: str) -> str:
    return ", ".join(f"{found[f'{what}_{word}']:,.4g}" for word in ("min", "mean", "max"))


def _mixed(a: SpatialWeights, b: SpatialWeights, share: float) -> Matrix:
    """Mix the standardised weights of the same entities in the same order."""
    return stored(share * a.matrix + (1 - share) * b.matrix)


def _refuse_no_share(share: object) -> None:
    number = plain(share)
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < 1:
        raise OptionError(
            f"share={cited(share)} must be a number between 0 and 1.", [option_problem("share", share)]
        )


def _described(a: SpatialWeights, b: SpatialWeights, share: float) -> dict[str, Any]:
    """Describe how nested weights were made, with what is known of both."""
    first, second = (weights.made_by or weights.name for weights in (a, b))
    variables = dict.fromkeys(weights.made_from for weights in (a, b) if weights.made_from is not None)
    return {
        "made_by": f"{share:g} x ({first}) + {1 - share:g} x ({second})",
        "made_from": " and ".join(variables) or None,
        "degrees": b.degrees if a.degrees is None else a.degrees,
    }


def _aligned_parts(
    parts: tuple[SpatialWeights, SpatialWeights, float], entities: pd.Index[Any]
) -> tuple[SpatialWeights, SpatialWeights, float]:
    a, b, share = parts
    return a.aligned_to(entities), b.aligned_to(entities), share


def refuse_other(given: object, caller: str) -> None:
    """Refuse what is no `SpatialWeights`.

    Parameters
    ----------
    given : SpatialWeights
        As passed.
    caller : str
        Which function needs them, for messages.

    Raises
    ------
    InputTypeError
        If it is something else.
    """
    if not isinstance(given, SpatialWeights):
        raise InputTypeError(
            f"{caller} takes SpatialWeights(matrix, entities), whose rows are matched with the panel by "
            f"their labels, not {type(given).__name__}.",
            [models_problem("no SpatialWeights", given)],
        )
