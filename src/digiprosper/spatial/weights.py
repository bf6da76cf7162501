"""Spatial weights, matched with a panel by the labels of the entities."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_option,
    check_real,
    check_type,
    column_problem,
    models_problem,
    not_identified,
    option_error,
    option_problem,
    plain,
)
from digiprosper.errors import (
    UNPRINTABLE,
    AlignmentError,
    ColumnError,
    InputTypeError,
    Notice,
    cited,
    counted,
    did_you_mean,
    issue,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.great_circle import great_circle
from digiprosper.panel.keys import to_pandas
from digiprosper.report.summary import Cells, Remarks, Summarised, Summary
from digiprosper.spatial import builders
from digiprosper.spatial.kernels import matrices
from digiprosper.spatial.kernels.determinants import PeriodMeans, Spectrum, spectrum
from digiprosper.spatial.notices import about_weights, missing_neighbours
from digiprosper.spatial.words import WORDS

Standardise: TypeAlias = Literal["row", "spectral", "none"]
"""Rows that sum to one, a spectral radius of one, or the weights as they are."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class SpatialWeights(Summarised):
    """Spatial weights matrix W.

    The element ``w_ij`` is the weight of entity j in the spatial lag of entity i,
    ``sum_j w_ij x_j``. Rows and columns are matched with a panel by the labels of the
    entities, never by position.

    Parameters
    ----------
    matrix : (n, n) array or scipy.sparse matrix
        Weights before standardisation, with w_ij >= 0 and zeros on the diagonal.
    entities : sequence of labels, length n
        Entities in the order of the rows and columns, with the labels of the panel.
        `panel.entities` is sorted, which a file need not be.
    standardise : {"row", "spectral", "none"}
        ``"row"`` (default) divides each row by its sum, so that a spatial lag is a mean
        of the neighbours. ``"spectral"`` divides all weights by the spectral radius,
        which keeps a symmetric matrix symmetric. ``"none"`` uses the weights as
        they are.
    name : str
        Name in summaries and messages, ``"W"`` by default.

    Raises
    ------
    InputTypeError
        If `matrix` is not a square array of real numbers, or `entities` is not a
        sequence of labels.
    AlignmentError
        If there are fewer or more labels than rows, or a label is missing or repeated.
    MissingDataError
        If a weight is missing or infinite.
    OptionError
        If a weight is negative, the diagonal is not zero, all weights are zero, or an
        option has an unknown value.

    Notes
    -----
    If a panel does not have all entities of W, the others are dropped and the rest is
    standardised (`aligned_to`). An entity without neighbours (an island) is kept; its
    spatial lag is zero.

    W is stored as a dense array, or as a ``scipy.sparse.csr_array`` if it has at least
    200 entities and at most a tenth of the weights is positive.

    For row and spectral standardisation see Kelejian and Prucha (2010, Journal of
    Econometrics 157:53-67).

    Examples
    --------
    >>> from digiprosper import SpatialWeights
    >>> weights = SpatialWeights(
    ...     [[0, 1, 0], [1, 0, 1], [0, 1, 0]], ["east", "centre", "west"]
    ... )
    >>> weights
    SpatialWeights('W', 3 entities, 4 links, row-standardised)
    >>> weights.matrix.tolist()
    [[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]
    >>> weights.aligned_to(["west", "centre"]).matrix.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    raw: matrices.Matrix
    """Weights before standardising; read-only."""
    entities: pd.Index[Any]
    """Labels of the rows and columns."""
    standardise: Standardise
    """How `matrix` is standardised."""
    name: str
    """Name in summaries and messages."""
    made_by: str = ""
    """Construction of the weights, such as ``"inverse distance, power 1"``; empty for
    given weights."""
    made_from: str | None = None
    """Variable that the weights are computed from, or None."""
    left_out: tuple[Any, ...] = ()
    """Entities that `aligned_to` left out."""
    degrees: Floats | None = None
    """Latitude and longitude of each entity as an (n, 2) array, or None."""
    parts: tuple[SpatialWeights, SpatialWeights, float] | None = None
    """Both weights of `nested`, and the share of the first; None for other weights."""

    def __init__(
        self,
        matrix: np.typing.ArrayLike | matrices.Matrix,
        entities: Iterable[Any],
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> None:
        check_option("standardise", standardise, get_args(Standardise))
        if not isinstance(name, str):
            raise InputTypeError(
                f"name must be text, not {type(name).__name__}.",
                [option_problem("name")],
            )
        if not name.strip() or UNPRINTABLE.search(name):
            raise option_error(
                "name", name, f"name={cited(name)} must be a text of one line."
            )
        labels = builders.check_labels(entities, "entities")
        # The other fields have their defaults from the class
        vars(self).update(
            raw=builders.check_matrix(matrix, labels, name),
            entities=labels,
            standardise=plain(standardise),
            name=name,
        )

    # --- properties -------------------------------------------------------------------

    @cached_property
    def matrix(self) -> matrices.Matrix:
        """Standardised weights: an (n, n) array or a ``csr_array``; read-only."""
        if self.standardise == "row":
            # A row of zeros remains
            sums = np.asarray(self.raw.sum(axis=1)).ravel()
            return matrices.scaled(self.raw, 1.0 / np.where(sums > 0, sums, 1.0))
        if self.standardise == "none":
            return self.raw
        radius = matrices.spectral_radius(self.raw)
        if radius == 0:
            raise not_identified(
                "extreme",
                f"{self.name}: the spectral radius of the weights is zero, because "
                "their links have no cycle; use standardise='row'.",
                column=self.name,
                largest=0.0,
            )
        return matrices.scaled(self.raw, np.full(self.n, 1.0 / radius))

    @property
    def dense(self) -> Floats:
        """Standardised weights as a dense (n, n) array."""
        return matrices.to_dense(self.matrix)

    @property
    def n(self) -> int:
        """Number of entities."""
        return len(self.entities)

    @cached_property
    def pattern(self) -> matrices.Pattern:
        """Links between entities, as arrays in the order of `entities`."""
        return matrices.pattern_of(self.raw)

    @cached_property
    def spectrum(self) -> Spectrum | None:
        """Eigenvalues of `matrix`, for all models with it; None if all are zero."""
        return spectrum(self.dense)

    @cached_property
    def period_means(self) -> PeriodMeans | None:
        """What time effects take out of the log-determinants of the weights."""
        return None if self.spectrum is None else PeriodMeans(self.dense, self.spectrum)

    @cached_property
    def digest(self) -> str:
        """Hash of the standardised weights, to compare the weights of two results."""
        return hashlib.sha256(self.dense.tobytes()).hexdigest()[:16]

    @cached_property
    def islands(self) -> tuple[Any, ...]:
        """Entities without neighbours: rows of zeros."""
        return tuple(self.entities[self.pattern.islands])

    @cached_property
    def is_symmetric(self) -> bool:
        """Whether the matrix is symmetric before standardisation."""
        return matrices.is_symmetric(self.raw)

    @property
    def n_links(self) -> int:
        """Number of positive weights."""
        return int(self.pattern.neighbours.sum())

    @property
    def _standardise_text(self) -> str:
        return WORDS.say(f"weights.{self.standardise}")

    @property
    def conventions(self) -> str:
        """Construction and standardisation of the weights, for the note of a table."""
        made_by = f"{self.made_by}, " if self.made_by else ""
        return f"{self.name} ({made_by}{self._standardise_text})"

    @cached_property
    def diagnostics(self) -> tuple[Notice, ...]:
        """Remarks, such as on islands or dropped entities.

        There are also remarks on weights that are computed from a variable.
        """
        return tuple(about_weights(self))

    @property
    def _longest_links(self) -> pd.Series[float]:
        """The distance to the farthest neighbour, of entities with neighbours."""
        distances = self._link_distances()
        rows = matrices.link_ends(self.raw)[0][: distances.size]
        return pd.Series(distances).groupby(self.entities.take(rows), sort=False).max()

    def _link_distances(self) -> Floats:
        """Compute the distances of linked entities in kilometres, by row, if known."""
        if self.degrees is None:
            return np.empty(0)
        rows, columns, _ = matrices.link_ends(self.raw)
        return great_circle(self.degrees[rows], self.degrees[columns])

    # --- matched with a panel ---------------------------------------------------------

    def aligned_to(self, entities: Iterable[Any]) -> SpatialWeights:
        """Return the weights of some entities, in their order.

        Parameters
        ----------
        entities : sequence of labels
            Such as ``panel.entities``.

        Returns
        -------
        SpatialWeights
            Weights of these entities, standardised again. `left_out` lists the entities
            that were dropped.

        Raises
        ------
        AlignmentError
            If an entity is not in the weights.
        OptionError
            If all weights between these entities are zero.
        """
        if isinstance(entities, pd.Index) and entities.equals(self.entities):
            return self
        labels = builders.check_labels(entities, "entities")
        remedy = (
            "If they have no neighbours, name all entities: entities=panel.entities in "
            "from_frame, or an empty list in from_neighbours."
        )
        if self.entities.equals(pd.RangeIndex(self.n)):
            remedy = (
                "Their labels are numbers of rows: SpatialWeights(array, names), with "
                "the names in the order of the file, which panel.entities is not in."
            )
        positions = builders.positions_of(
            self.entities, labels, f"the weights {self.name}", "the panel", remedy
        )
        if len(labels) == self.n and (positions == np.arange(self.n)).all():
            return self
        raw, parts = matrices.cut(self.raw, positions), self.parts
        if parts is not None:
            a, b, share = parts
            parts = a.aligned_to(labels), b.aligned_to(labels), share
            raw = _weighted_sum(*parts)
        builders.refuse_unlinked(raw, self.name)
        return self._replace(
            raw=raw,
            entities=labels,
            left_out=(*self.left_out, *self.entities.delete(positions)),
            degrees=None if self.degrees is None else self.degrees[positions],
            parts=parts,
        )

    def _replace(self, **values: Any) -> SpatialWeights:
        """Make another value with some fields changed."""
        other = object.__new__(type(self))
        names = (field.name for field in fields(self))
        vars(other).update({name: getattr(self, name) for name in names} | values)
        return other

    def lag(self, column: str) -> SpatialLag:
        """Compute the spatial lag of a column, for `Panel.assign`.

        The spatial lag of entity i in period t is ``sum_j w_ij x_jt``. It is missing,
        with a warning, if a neighbour has no value or no row in this period.

        Parameters
        ----------
        column : str
            A numeric column.

        Returns
        -------
        callable
            A function of the panel's frame that returns one value per row.

        Raises
        ------
        InputTypeError
            If `column` is not text.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel, SpatialWeights
        >>> weights = SpatialWeights(
        ...     [[0, 1, 0], [1, 0, 1], [0, 1, 0]], ["east", "centre", "west"]
        ... )
        >>> frame = pd.DataFrame(
        ...     {"city": ["west", "centre", "east"], "year": 2020, "x": [4.0, 2.0, 1.0]}
        ... )
        >>> panel = Panel(frame, "city", "year").assign(w_x=weights.lag("x"))
        >>> panel.frame["w_x"].to_dict()
        {('centre', 2020): 2.5, ('east', 2020): 2.0, ('west', 2020): 2.0}
        """
        check_type(column, str, "lag takes the name of a column (text)")
        return SpatialLag(self, column)

    # --- description ------------------------------------------------------------------

    def describe(self) -> pd.Series[Any]:
        """Return summary statistics of the weights.

        Returns
        -------
        Series
            n_entities, n_links (positive weights) and share_linked (share of all
            ordered pairs); neighbours_min, neighbours_mean and neighbours_max per
            entity; n_islands; n_parts (connected components, in any direction of the
            links); is_symmetric (before standardisation); standardise. With coordinates
            also distance_min, distance_mean and distance_max of linked entities in
            kilometres, and nearest_max: with a cutoff of at least nearest_max there are
            no islands.

        Examples
        --------
        >>> from digiprosper import SpatialWeights
        >>> SpatialWeights(
        ...     [[0, 1, 0], [1, 0, 0], [0, 0, 0]], ["a", "b", "c"]
        ... ).describe()["n_parts"]
        2
        """
        counts = self.pattern.neighbours
        values = {
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
            km = self._link_distances()
            nearest = matrices.nearest_distances(self.degrees)
            values |= {
                "distance_min": float(km.min()),
                "distance_mean": float(km.mean()),
                "distance_max": float(km.max()),
                "nearest_max": float(nearest.max()),
            }
        return pd.Series(values, dtype=object, name=self.name)

    def _summary(self) -> Summary:
        description = self.describe()

        def min_mean_max(statistic: str) -> str:
            names = (f"{statistic}_{suffix}" for suffix in ("min", "mean", "max"))
            return ", ".join(f"{description[name]:,.4g}" for name in names)

        share = description["share_linked"]
        rows = {
            "Entities": f"{self.n:,}",
            "Links": f"{self.n_links:,} ({share:.1%} of all pairs)",
            "Neighbours (min, mean, max)": min_mean_max("neighbours"),
            "Islands": f"{len(self.islands)}",
            "Connected parts": f"{self.pattern.n_parts}",
            "Symmetric before standardising": "yes" if self.is_symmetric else "no",
        }
        if self.degrees is not None:
            nearest = f"{description['nearest_max']:,.4g}"
            rows["Distance of links in km (min, mean, max)"] = min_mean_max("distance")
            rows["Longest distance to the nearest in km"] = nearest
        return self._titled(
            f"Spatial weights {self.name}",
            Cells.of(["", ""], rows.items()),
            Remarks.of(self.diagnostics),
        )

    def _more_numbers(self) -> dict[str, Any]:
        described = {str(key): value for key, value in self.describe().items()}
        return {"name": self.name, **described, "islands": list(map(str, self.islands))}

    # --- builders ---------------------------------------------------------------------

    @classmethod
    def _from_built(
        cls, built: builders.Built, standardise: Standardise, name: str
    ) -> SpatialWeights:
        weights = cls(built.matrix, built.entities, standardise=standardise, name=name)
        return weights._replace(
            made_by=built.made_by, made_from=built.made_from, degrees=built.degrees
        )

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
        """Make weights from a square table, or from a table with one row per link.

        Parameters
        ----------
        frame : DataFrame
            Without `i` and `j` a square table whose index and columns have the same
            labels, in any order. With `i` and `j` a pandas, polars or pyarrow table
            with one row per link.
        i, j : str, optional
            Columns of the entity and of its neighbour. Links have a direction: if two
            entities are neighbours of each other, both (i, j) and (j, i) need a row.
        w : str, optional
            Column of the weight. By default the weight of each link is 1.
        entities : sequence of labels, optional
            All entities, needed if some have no link. Only with `i` and `j`.
        standardise, name
            As in `SpatialWeights`, ``"row"`` and ``"W"`` by default.

        Returns
        -------
        SpatialWeights
            The weights, matched by label.

        Raises
        ------
        InputTypeError, ColumnError, OptionError
            If `frame` is not a table, a column does not exist or is not numeric, or
            options contradict each other.
        AlignmentError
            If index and columns have different labels, or a link or label is repeated
            or missing.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import SpatialWeights
        >>> roads = pd.DataFrame(
        ...     {"from": ["a", "b", "b"], "to": ["b", "a", "c"], "lanes": [2, 2, 6]}
        ... )
        >>> weights = SpatialWeights.from_frame(roads, "from", "to", "lanes")
        >>> weights.matrix.tolist(), weights.islands
        ([[0.0, 1.0, 0.0], [0.25, 0.0, 0.75], [0.0, 0.0, 0.0]], ('c',))
        """
        argument: object = frame
        frame = argument if isinstance(argument, pd.DataFrame) else to_pandas(argument)
        if i is None and j is None:
            if w is not None or entities is not None:
                raise option_error(
                    "w" if w is not None else "entities",
                    None,
                    "from_frame: w and entities belong to a table with one row for "
                    "each link; name the columns i and j as well.",
                )
            return cls._from_built(builders.from_square(frame), standardise, name)
        ends = builders.named_columns(i, j, w)
        built = builders.from_pairs(frame, *ends, entities)
        return cls._from_built(built, standardise, name)

    @classmethod
    def from_neighbours(
        cls,
        neighbours: Mapping[Any, Iterable[Any]],
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """Make weights from lists of neighbours, such as regions with a common border.

        Parameters
        ----------
        neighbours : mapping
            For each entity a list of its neighbours (empty for an island), or a mapping
            of neighbours to weights.
        standardise, name
            As in `SpatialWeights`, ``"row"`` and ``"W"`` by default.

        Returns
        -------
        SpatialWeights
            The weights. In a list each neighbour has weight 1 before standardisation.

        Raises
        ------
        InputTypeError
            If `neighbours` is not such a mapping.
        AlignmentError
            If a neighbour is not a key of the mapping, or is listed twice.

        Examples
        --------
        >>> from digiprosper import SpatialWeights
        >>> SpatialWeights.from_neighbours({"a": ["b"], "b": ["a", "c"], "c": ["b"]})
        SpatialWeights('W', 3 entities, 4 links, row-standardised)
        """
        return cls._from_built(builders.from_mapping(neighbours), standardise, name)

    @classmethod
    def from_pysal(
        cls,
        w: Any,
        entities: Mapping[Any, Any] | Iterable[Any] | None = None,
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """Make weights from an object of libpysal, such as contiguity from a map.

        Parameters
        ----------
        w : libpysal.weights.W or libpysal.graph.Graph
            The weights, with their current transformation.
        entities : mapping or sequence, optional
            Label of each id of `w`, or labels in the order of the ids. By default the
            ids are the labels.
        standardise, name
            As in `SpatialWeights`, ``"row"`` and ``"W"`` by default.

        Returns
        -------
        SpatialWeights
            The weights with these labels.

        Raises
        ------
        InputTypeError
            If `w` has another type.
        AlignmentError
            If there is not one label for each id.

        Examples
        --------
        >>> from types import SimpleNamespace
        >>> from digiprosper import SpatialWeights
        >>> w = SimpleNamespace(
        ...     id_order=[0, 1],
        ...     neighbors={0: [1], 1: [0]},
        ...     weights={0: [1.0], 1: [1.0]},
        ... )
        >>> SpatialWeights.from_pysal(w, {0: "Alabama", 1: "Arizona"}).entities.tolist()
        ['Alabama', 'Arizona']
        """
        return cls._from_built(builders.from_pysal(w, entities), standardise, name)

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
        """Make inverse-distance weights, ``w_ij = d_ij ** -power``.

        d_ij is the great-circle distance in kilometres.

        Parameters
        ----------
        coordinates : DataFrame
            Columns of latitude and longitude in degrees, indexed by entity. They are
            found by name, in any order: ``lat``, ``latitude`` or ``纬度``, and ``lon``,
            ``lng``, ``long``, ``longitude`` or ``经度``. The index may also be entity
            and time, as in ``panel.frame[["lat", "lon"]]``, if the coordinates do not
            change over time.
        power : float
            Power of the distance, 1 by default, at most 10.
        cutoff : float, optional
            Distance in kilometres beyond which weights are zero. By default all weights
            are positive.
        standardise, name
            As in `SpatialWeights`, ``"row"`` and ``"W"`` by default.

        Returns
        -------
        SpatialWeights
            The weights. Their `describe` has statistics of the distances.

        Raises
        ------
        ColumnError, InputTypeError, AlignmentError, MissingDataError
            If there are no columns of coordinates, or they are not numeric, missing or
            change over time.
        OptionError
            If two entities are at the same place, no two are within the cutoff, or an
            option cannot be used.

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
        return cls._from_built(
            builders.by_distance(coordinates, power, cutoff), standardise, name
        )

    @classmethod
    def k_nearest(
        cls,
        coordinates: pd.DataFrame,
        k: int,
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """Make weights with the k nearest neighbours of each entity.

        Parameters
        ----------
        coordinates : DataFrame
            As in `inverse_distance`.
        k : int
            Number of neighbours. Entities with the same distance as the k-th neighbour
            are also neighbours.
        standardise, name
            As in `SpatialWeights`, ``"row"`` and ``"W"`` by default.

        Returns
        -------
        SpatialWeights
            The weights. They are usually not symmetric.

        Raises
        ------
        ColumnError, InputTypeError, AlignmentError, MissingDataError, OptionError
            If coordinates or `k` cannot be used.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import SpatialWeights
        >>> coordinates = pd.DataFrame(
        ...     {"lat": [0.0, 1.0, 3.0], "lon": 0.0}, index=["a", "b", "c"]
        ... )
        >>> SpatialWeights.k_nearest(coordinates, 1).matrix.tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
        """
        return cls._from_built(builders.by_k_nearest(coordinates, k), standardise, name)

    @classmethod
    def economic(
        cls,
        values: pd.Series[Any],
        *,
        standardise: Standardise = "row",
        name: str = "W",
    ) -> SpatialWeights:
        """Weigh entities by similarity, ``w_ij = 1 / |v_i - v_j|``.

        Here v is a mean over time.

        Parameters
        ----------
        values : Series
            Values indexed by entity. If they are indexed by entity and time, as
            ``panel.frame["gdp"]``, their means over time are used.
        standardise, name
            As in `SpatialWeights`, ``"row"`` and ``"W"`` by default.

        Returns
        -------
        SpatialWeights
            The weights. A notice in `diagnostics` reports that they are computed from a
            variable, which must not depend on the outcome.

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
        return cls._from_built(builders.by_difference(values), standardise, name)

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
        """Make gravity weights, ``w_ij = m_i m_j / d_ij ** power``.

        From masses m and distances d.

        Parameters
        ----------
        values : Series
            Masses, such as GDP or population, as in `economic`. m_i is the mean over
            time. They must be positive; their unit does not matter.
        coordinates : DataFrame
            Coordinates of the same entities, as in `inverse_distance`.
        power : float
            Power of the distance, 2 by default, as in the law of gravity.
        cutoff : float, optional
            Distance in kilometres beyond which weights are zero.
        standardise, name
            As in `SpatialWeights`. With row standardisation m_i does not matter.

        Returns
        -------
        SpatialWeights
            The weights. A notice in `diagnostics` reports that they are computed from a
            variable.

        Raises
        ------
        ColumnError, InputTypeError, AlignmentError, MissingDataError, OptionError
            As in `economic` and `inverse_distance`. Also if values and coordinates have
            different entities, or a mass is not positive.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import SpatialWeights
        >>> coordinates = pd.DataFrame(
        ...     {"lat": [0.0, 1.0, -1.0], "lon": 0.0}, index=["a", "b", "c"]
        ... )
        >>> people = pd.Series({"c": 30.0, "b": 10.0, "a": 20.0}, name="people")
        >>> SpatialWeights.gravity(people, coordinates).matrix.round(3).tolist()[0]
        [0.0, 0.25, 0.75]
        """
        return cls._from_built(
            builders.by_gravity(values, coordinates, power, cutoff), standardise, name
        )

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
        """Combine two weights, ``share * a + (1 - share) * b``.

        For example, distance and economic similarity.

        Parameters
        ----------
        a, b : SpatialWeights
            Weights of the same entities. Each is standardised by its own option before
            they are added, because they may have different units.
        share : float
            Share of `a`, between 0 and 1.
        standardise, name
            As in `SpatialWeights`, for the sum.

        Returns
        -------
        SpatialWeights
            The combined weights. Their `aligned_to` selects from both weights and
            standardises them before it adds them.

        Raises
        ------
        InputTypeError
            If `a` or `b` is not a `SpatialWeights`.
        AlignmentError
            If they have different entities.
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
        kind = "a number between 0 and 1"
        share = check_real("share", share, lambda part: 0 < part < 1, kind)
        names = f"the first weights ({a.name})", f"the second weights ({b.name})"
        builders.same_labels(a.entities, b.entities, *names)
        parts = (a, b.aligned_to(a.entities), share)
        weights = cls(
            _weighted_sum(*parts), a.entities, standardise=standardise, name=name
        )
        first, second = (part.made_by or part.name for part in (a, b))
        variables = dict.fromkeys(filter(None, (a.made_from, b.made_from)))
        return weights._replace(
            made_by=f"{share:g} x ({first}) + {1 - share:g} x ({second})",
            made_from=" and ".join(variables) or None,
            degrees=parts[1].degrees if a.degrees is None else a.degrees,
            parts=parts,
        )

    # --- values -----------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpatialWeights):
            return NotImplemented
        pairs = zip(
            matrices.link_ends(self.raw), matrices.link_ends(other.raw), strict=True
        )
        return (
            (self.standardise, self.name) == (other.standardise, other.name)
            and self.entities.equals(other.entities)
            and all(np.array_equal(ends, other_ends) for ends, other_ends in pairs)
        )

    def __hash__(self) -> int:
        return hash((self.standardise, self.name, self.n, self.n_links))

    def __repr__(self) -> str:
        return (
            f"SpatialWeights({self.name!r}, {counted(self.n, 'entity')}, "
            f"{counted(self.n_links, 'link')}, {self._standardise_text})"
        )


@dataclass(frozen=True, slots=True)
class SpatialLag:
    """The spatial lag of a column, computed when called; see `SpatialWeights.lag`."""

    spatial_weights: SpatialWeights
    column: str

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """Compute the lag of each row of a frame indexed by entity, or entity and time.

        Warns of islands, of entities that are only in the weights, and of lags that are
        missing because a neighbour has no value.
        """
        index = getattr(frame, "index", None)
        if not isinstance(index, pd.Index) or index.nlevels > 2 or not index.is_unique:
            raise AlignmentError(
                "lag takes a frame whose rows are indexed by entity and time without "
                "repeats, as in panel.assign(w_x=weights.lag('x'))."
            )
        entity, entities = pd.factorize(index.get_level_values(0))
        time = np.zeros_like(entity)
        if index.nlevels == 2:
            time = pd.factorize(index.get_level_values(1))[0]
        weights = self.spatial_weights.aligned_to(entities)
        cells = np.full((time.max(initial=0) + 1, len(entities)), np.nan)
        name = self.column
        if name not in frame.columns:
            raise ColumnError(
                f"lag: no column named {cited(name)}"
                f"{did_you_mean(name, frame.columns)}. Assign a term first: "
                "panel.assign(z='log(x)').",
                [column_problem(name, "lag")],
            )
        subject = f"lag: the column {cited(name)}"
        cells[time, entity] = builders.numbers_of(frame[name], subject)
        lag = matrices.lag_by_period(weights.matrix, cells)[time, entity]

        rows = index[np.isnan(lag)]
        missing = missing_neighbours(weights.name, name, len(rows), tuple(rows[:5]))
        issue((*weights.diagnostics, *missing))
        return lag


def _weighted_sum(
    a: SpatialWeights, b: SpatialWeights, share: float
) -> matrices.Matrix:
    """Add the standardised weights of the same entities in the same order."""
    return matrices.stored(share * a.matrix + (1 - share) * b.matrix)


def refuse_other(argument: object, caller: str) -> None:
    """Refuse anything but a `SpatialWeights`; `caller` is the function in messages."""
    if not isinstance(argument, SpatialWeights):
        of_pysal = hasattr(argument, "neighbors")
        call = ".from_pysal(w)" if of_pysal else "(matrix, entities)"
        raise InputTypeError(
            f"{caller} takes SpatialWeights{call}, whose rows are matched "
            f"with the panel by their labels, not {type(argument).__name__}.",
            [models_problem("no SpatialWeights", argument)],
        )
