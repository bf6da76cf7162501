"""Spatial autocorrelation: Moran's I and Geary's C by period, local Moran by entity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import MOST_DRAWS, check_whole, missing_problem, not_identified
from digiprosper.errors import (
    IdentificationError,
    MissingDataError,
    cited,
    counted,
    issue,
    quoted,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.panel import Panel
from digiprosper.panel.access import (
    check_panel,
    numeric_values,
    refuse_numbered_rows,
    table_of,
)
from digiprosper.panel.keys import rows_text
from digiprosper.spatial.kernels.dependence import (
    benjamini_hochberg,
    deviations,
    global_statistics,
    local_statistics,
    moments,
)
from digiprosper.spatial.notices import other_order
from digiprosper.spatial.weights import SpatialWeights, refuse_other

_LEAST_ENTITIES = 4


def moran(
    panel: Panel,
    column: str,
    spatial_weights: SpatialWeights,
    *,
    permutations: int = 999,
    rng: object = None,
) -> pd.DataFrame:
    """Compute Moran's I of a column in each period.

    ``I = n / S0 * sum_ij w_ij z_i z_j / sum_i z_i^2``, where z is the deviation from
    the mean of the period, and S0 is the sum of the weights. If I is above its
    expectation, neighbours have similar values.

    Parameters
    ----------
    panel : Panel
        The data. The panel must be balanced.
    column : str
        Column or term, such as ``"log(gdp)"``, or the residuals of a model.
    spatial_weights : SpatialWeights
        Spatial weights. They must contain all entities of the panel.
    permutations : int
        Number of permutations of the entities, the same in all periods; 999 by default.
        With 0 `p_permutation` is missing.
    rng : int, Generator or SeedSequence, optional
        Seed of the permutations. ``frame.attrs["rng_entropy"]`` reproduces them.

    Returns
    -------
    DataFrame
        One row per period. Columns are statistic and its expectation ``-1 / (n - 1)``;
        z_normality and p_normality (for independent normal values); z_randomisation and
        p_randomisation (for equally likely permutations of the values); and
        p_permutation, ``(1 + #) / (permutations + 1)``, where # is the number of
        permutations whose I is at least as far from the expectation. All p-values are
        two-sided; those of R's spdep are one-sided by default. z and its p-value are
        missing if the statistic has no variance, for example because all pairs have the
        same weight.

    Raises
    ------
    InputTypeError, ColumnError, TermError, OptionError
        If an argument cannot be used.
    AlignmentError
        If the weights lack an entity of the panel.
    MissingDataError
        If an entity has no row or no value in a period.
    IdentificationError
        If the column is constant in a period, or there are fewer than four entities.

    Warns
    -----
    SpatialWeightsWarning
        If entities have no neighbours, or are not in the panel.

    Notes
    -----
    The statistic is that of Moran (1950, Biometrika 37:17-23), and its moments are
    those of Cliff and Ord (1981, Spatial processes, p. 21). For residuals of a model
    the tests are approximate, because they do not allow for the estimation of the
    model.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import Panel, SpatialWeights, moran
    >>> frame = pd.DataFrame(
    ...     {"city": list("abcdef"), "year": 2020, "income": [1.0, 2, 3, 5, 6, 8]}
    ... )
    >>> chain = {"a": "b", "b": "ac", "c": "bd", "d": "ce", "e": "df", "f": "e"}
    >>> weights = SpatialWeights.from_neighbours(
    ...     {city: list(near) for city, near in chain.items()}
    ... )
    >>> moran(Panel(frame, "city", "year"), "income", weights, rng=1).iloc[0, :2].round(
    ...     3
    ... ).to_dict()
    {'statistic': 0.687, 'expectation': -0.2}
    """
    return _autocorrelation("moran", panel, column, spatial_weights, permutations, rng)


def geary(
    panel: Panel,
    column: str,
    spatial_weights: SpatialWeights,
    *,
    permutations: int = 999,
    rng: object = None,
) -> pd.DataFrame:
    """Compute Geary's C of a column in each period.

    ``C = (n - 1) / (2 S0) * sum_ij w_ij (x_i - x_j)^2 / sum_i z_i^2``. If C is below
    its expectation of one, neighbours have similar values. Differences between
    neighbours have more weight than in Moran's I.

    Parameters
    ----------
    panel : Panel
        The data. The panel must be balanced.
    column : str
        Column or term.
    spatial_weights : SpatialWeights
        Spatial weights. They must contain all entities of the panel.
    permutations : int
        Number of permutations of the entities, the same in all periods; 999 by default.
        With 0 `p_permutation` is missing.
    rng : int, Generator or SeedSequence, optional
        Seed of the permutations. ``frame.attrs["rng_entropy"]`` reproduces them.

    Returns
    -------
    DataFrame
        One row per period, with the columns of `moran`. If z is below zero, neighbours
        have similar values; R's spdep reports it with the opposite sign.

    Raises
    ------
    InputTypeError, ColumnError, TermError, OptionError, AlignmentError
        As in `moran`.
    MissingDataError, IdentificationError
        As in `moran`.

    Warns
    -----
    SpatialWeightsWarning
        If entities have no neighbours, or are not in the panel.

    Notes
    -----
    The statistic is that of Geary (1954, Incorporated Statistician 5:115-145), and its
    moments are those of Cliff and Ord (1981, p. 21).

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import Panel, SpatialWeights, geary
    >>> frame = pd.DataFrame(
    ...     {"city": list("abcdef"), "year": 2020, "income": [1.0, 2, 3, 5, 6, 8]}
    ... )
    >>> chain = {"a": "b", "b": "ac", "c": "bd", "d": "ce", "e": "df", "f": "e"}
    >>> weights = SpatialWeights.from_neighbours(
    ...     {city: list(near) for city, near in chain.items()}
    ... )
    >>> geary(Panel(frame, "city", "year"), "income", weights, rng=1).iloc[0, :2].round(
    ...     3
    ... ).to_dict()
    {'statistic': 0.161, 'expectation': 1.0}
    """
    return _autocorrelation("geary", panel, column, spatial_weights, permutations, rng)


def _autocorrelation(
    caller: str,
    panel: Panel,
    column: str,
    spatial_weights: SpatialWeights,
    permutations: int,
    rng: object,
) -> pd.DataFrame:
    reps = check_whole("permutations", permutations, 0, MOST_DRAWS)
    seed = seed_sequence(rng)
    field = read_field(caller, panel, column, spatial_weights)
    z = standardised(caller, field, column)
    if caller == "local_moran":
        frame = _local_statistics(field, z, reps, seed).set_index(panel.index)
    else:
        frame = statistics_by_period(field, z, reps, seed, geary=caller == "geary")
    issue(field.weights.diagnostics)
    frame.attrs |= {"permutations": reps, "rng_entropy": seed.entropy}
    if reps > 0:
        frame.attrs["spatial_weights"] = field.weights.name
    return frame


def statistics_by_period(
    field: Field,
    z: Floats,
    reps: int = 0,
    seed: np.random.SeedSequence | None = None,
    *,
    geary: bool,
) -> pd.DataFrame:
    """Compute Moran's I or Geary's C and its tests by period, as `moran`'s frame.

    `z` is the (T, n) array of `standardised`. Without a seed there are no permutations.
    """
    matrix = field.weights.matrix
    expectation, normality, randomisation = moments(matrix, z, geary=geary)
    statistic, beyond = global_statistics(
        matrix, z, reps, seed or np.random.SeedSequence(0), geary=geary
    )

    z_normality = (statistic - expectation) / np.sqrt(normality)
    z_randomisation = (statistic - expectation) / np.sqrt(randomisation)
    columns = {
        "statistic": statistic,
        "expectation": np.full(len(z), expectation),
        "z_normality": z_normality,
        "p_normality": _two_sided(z_normality),
        "z_randomisation": z_randomisation,
        "p_randomisation": _two_sided(z_randomisation),
        "p_permutation": _permutation_p(beyond, reps),
    }
    return pd.DataFrame(columns, index=field.times)


def local_moran(
    panel: Panel,
    column: str,
    spatial_weights: SpatialWeights,
    *,
    permutations: int = 999,
    rng: object = None,
) -> pd.DataFrame:
    """Compute the local Moran statistic of each entity in each period.

    ``I_i = z_i sum_j w_ij z_j``, where z is standardised to mean zero and mean square
    one in each period. With row-standardised weights and no islands the mean of I_i is
    Moran's I.

    Parameters
    ----------
    panel : Panel
        The data. The panel must be balanced.
    column : str
        Column or term.
    spatial_weights : SpatialWeights
        Spatial weights. They must contain all entities of the panel.
    permutations : int
        Number of permutations of the other entities, for each entity; 999 by default.
        With 0 p-values are missing.
    rng : int, Generator or SeedSequence, optional
        Seed of the permutations. ``frame.attrs["rng_entropy"]`` reproduces them.

    Returns
    -------
    DataFrame
        One row per row of the panel. Columns are value (z), spatial_lag (of z) and
        statistic; p_permutation, two-sided, ``(1 + #) / (permutations + 1)``, where #
        is the number of permutations whose statistic is at least as far from its mean;
        p_adjusted, adjusted over the entities of a period by the method of Benjamini &
        Hochberg; and quadrant, ``"high-high"``, ``"low-high"``, ``"low-low"`` or
        ``"high-low"``, with the own value first. p-values and quadrant are missing for
        an entity without neighbours.

    Raises
    ------
    InputTypeError, ColumnError, TermError, OptionError, AlignmentError
        As in `moran`.
    MissingDataError, IdentificationError
        As in `moran`.

    Warns
    -----
    SpatialWeightsWarning
        If entities have no neighbours, or are not in the panel.

    Notes
    -----
    The statistic is that of Anselin (1995, Geographical Analysis 27:93-115). PySAL's
    esda divides the variance by n - 1, so its statistics are ``(n - 1) / n`` times
    these. Use `p_adjusted` to identify clusters: without autocorrelation, 5% of the
    unadjusted tests reject at the 5% level.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import Panel, SpatialWeights, local_moran
    >>> frame = pd.DataFrame(
    ...     {"city": list("abcdef"), "year": 2020, "income": [1.0, 2, 3, 5, 6, 8]}
    ... )
    >>> chain = {"a": "b", "b": "ac", "c": "bd", "d": "ce", "e": "df", "f": "e"}
    >>> weights = SpatialWeights.from_neighbours(
    ...     {city: list(near) for city, near in chain.items()}
    ... )
    >>> local = local_moran(Panel(frame, "city", "year"), "income", weights, rng=1)
    >>> local["quadrant"].tolist()
    ['low-low', 'low-low', 'low-low', 'high-high', 'high-high', 'high-high']
    """
    return _autocorrelation(
        "local_moran", panel, column, spatial_weights, permutations, rng
    )


def _local_statistics(
    field: Field, z: Floats, reps: int, seed: np.random.SeedSequence
) -> pd.DataFrame:
    """Compute local statistics by entity, then period, as the rows of the panel."""
    lag, beyond = local_statistics(field.weights.matrix, z, reps, seed)
    p = _permutation_p(beyond, reps)
    p[:, field.weights.pattern.islands] = np.nan
    columns = {
        "value": z,
        "spatial_lag": lag,
        "statistic": z * lag,
        "p_permutation": p,
        "p_adjusted": benjamini_hochberg(p),
        "quadrant": quadrants_of(z, lag, field.weights),
    }
    return pd.DataFrame({name: cells.T.ravel() for name, cells in columns.items()})


# --- a variable by period and entity, with weights in the same order ------------------


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A variable by period and entity, and weights in the entities' order."""

    cells: Floats  # (T, n), without missing values
    times: pd.Index[Any]  # for a cross-section "all" only
    entities: pd.Index[Any]
    weights: SpatialWeights


def read_field(
    caller: str, panel: Panel, column: str, spatial_weights: SpatialWeights
) -> Field:
    """Evaluate a term of a balanced panel, and align weights with its entities."""
    check_panel(panel, caller)
    refuse_other(spatial_weights, caller)
    refuse_numbered_rows(panel, caller)
    table, values = table_of(panel), numeric_values(panel, column, caller)
    keys = table.keys
    missing = np.isnan(values)
    if missing.any():
        raise MissingDataError(
            f"{caller}: {cited(column)} is missing in {table.describe_rows(missing)}. "
            "A spatial lag needs all entities in all periods: interpolate() the "
            "column, or subset() the panel to rows with values and balance() it.",
            [missing_problem(column, int(missing.sum()), keys.index[missing][:5])],
        )
    refuse_unbalanced(panel, f"{caller}: the panel is")
    times = pd.Index(["all"]) if keys.time_name is None else keys.times
    # Rows of a balanced panel are sorted by entity and then time.
    cells = np.ascontiguousarray(values.reshape(len(keys.entities), len(times)).T)
    weights = spatial_weights.aligned_to(keys.entities)
    issue(other_order(spatial_weights, keys, column, values))
    return Field(cells, times, keys.entities, weights)


def refuse_unbalanced(panel: Panel, subject: str) -> None:
    """Refuse an unbalanced panel; the error begins with `subject`, "the panel is"."""
    if panel.is_balanced:
        return
    keys = table_of(panel).keys
    present = np.zeros((panel.n_entities, panel.n_times), dtype=bool)
    present[keys.entity, keys.time] = True
    absent = np.argwhere(~present)
    rows = tuple((keys.entities[i], keys.times[t]) for i, t in absent[:5])
    text = (
        f"{subject} not balanced: {counted(len(absent), 'row')} of "
        f"{panel.n_entities} {panel.entity_name} x {panel.n_times} {panel.time_name} "
        f"{'is' if len(absent) == 1 else 'are'} not there (first: "
        f"{rows_text(rows)}). A spatial lag needs all neighbours in every period. "
        "If few rows are missing, add and interpolate them (page Spatial panel "
        f"models). panel.balance() keeps {present.all(axis=1).sum():,} of "
        f"{panel.n_entities:,} {panel.entity_name}, panel.balance('times') "
        f"{present.all(axis=0).sum():,} of {panel.n_times:,} {panel.time_name}; "
        "spillovers are too small without neighbours that are left out."
    )
    raise MissingDataError(text, [missing_problem("panel", len(absent), rows)])


def standardised(caller: str, field: Field, column: str) -> Floats:
    """Standardise a variable by period, (T, n): mean zero, mean square one.

    Refuses fewer than four entities, and a variable that is constant in a period.
    """
    n = len(field.entities)
    if n < _LEAST_ENTITIES:
        raise IdentificationError(
            f"{caller}: the panel has {n} entities; the variance over permutations "
            "needs at least four."
        )
    z, constant = deviations(field.cells)
    if constant.any():
        times = field.times[constant]
        raise not_identified(
            "constant",
            f"{caller}: {cited(column)} is constant in {quoted(times)}, so "
            "autocorrelation is not defined there; drop these periods with "
            "panel.subset().",
            column=column,
            times=tuple(times),
        )
    return z


def quadrants_of(
    z: Floats, lag: Floats, weights: SpatialWeights
) -> np.ndarray[Any, Any]:
    """Return each entity's quadrant in the Moran scatter, (T, n); None for islands."""
    near_high = np.where(lag > 0, "high-high", "high-low")
    near_low = np.where(lag > 0, "low-high", "low-low")
    quadrants = np.where(z > 0, near_high, near_low).astype(object)
    quadrants[:, weights.pattern.islands] = None
    return quadrants


def _two_sided(z: Floats) -> Floats:
    from scipy.special import ndtr

    return 2 * ndtr(-np.abs(z))


def _permutation_p(beyond: Ints, reps: int) -> Floats:
    return (1 + beyond) / (reps + 1) if reps else np.full(beyond.shape, np.nan)
