"""Options and coordinates of Conley standard errors.

============= ==========================================================================
code          data
============= ==========================================================================
no_neighbours distance_cutoff, nearest (both in kilometres)
moving_places entity (name), count, n_entities
============= ==========================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from digiprosper.checks import check_real, option_error
from digiprosper.errors import Notice, OptionError, cited, counted, notice_of, quoted
from digiprosper.kernels import Ints
from digiprosper.kernels.conley import Nearby, nearby, nearest_distance, rows_within
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import table_of
from digiprosper.panel.coordinates import (
    coordinate_names,
    latitude_first,
    refuse_beyond,
)
from digiprosper.specification import as_terms

DistanceKernel: TypeAlias = Literal["bartlett", "uniform"]

_CALLER = "cov_type='conley'"
_DEFAULTS = {
    "coordinates": None,
    "distance_cutoff": None,
    "distance_kernel": "bartlett",
}


def check_distances(spec: Any) -> None:
    """Check coordinates, cutoff and kernel of a specification under construction."""
    if spec.cov_type != "conley":
        for name, default in _DEFAULTS.items():
            value = getattr(spec, name)
            if value is not None and not (isinstance(value, str) and value == default):
                raise OptionError(f"{name}={cited(value)} requires {_CALLER}.")
        return
    cutoff: object = spec.distance_cutoff
    if cutoff is None:
        raise OptionError(
            f"{_CALLER} needs distance_cutoff, in kilometres: distance_cutoff=300."
        )
    cutoff = check_real(
        "distance_cutoff",
        cutoff,
        lambda distance: 0 < distance < math.inf,
        "a number of kilometres above 0",
    )
    object.__setattr__(spec, "distance_cutoff", cutoff)
    if spec.coordinates is not None:
        terms = as_terms(spec.coordinates, "coordinates")
        if len(terms) != 2:
            raise OptionError(
                f"coordinates={cited(terms)} must be two terms, latitude and "
                "longitude: ('lat', 'lon')."
            )
        object.__setattr__(spec, "coordinates", terms)


def coordinate_terms(
    panel: Panel, coordinates: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the terms of latitude and longitude; by default the usual names."""
    if coordinates is not None:
        return latitude_first(*coordinates)
    return coordinate_names(list(table_of(panel).names), _CALLER)


def near_rows(
    sample: Sample,
    options: Any,  # `LinearOptions`
) -> Nearby | None:
    """Find which rows have correlated errors; None without a Conley covariance."""
    if options.distance_cutoff is None:
        return None
    degrees, names = sample.columns("coordinates"), sample.names_of("coordinates")
    if len(names) != 2:
        raise OptionError(
            f"coordinates make {len(names)} columns ({quoted(names)}); they "
            "must be two."
        )
    refuse_beyond(degrees, f"the coordinates {quoted(names)}", _CALLER)
    ordinals = sample.keys.ordinals
    position = sample.time if ordinals is None else ordinals[sample.time]
    lags = _choose_lags(sample, position, options.bandwidth)
    return nearby(
        degrees,
        sample.time,
        sample.entity,
        position,
        cutoff=options.distance_cutoff,
        kernel=options.distance_kernel,
        lags=lags,
    )


def _choose_lags(sample: Sample, position: Ints, bandwidth: int | None) -> int:
    """Return the number of lags; refuse a bandwidth below the distance of periods."""
    once = sample.nobs == sample.n_entities
    if bandwidth is None:
        # All pairs of periods, as with clusters by entity.
        return 0 if once else int(np.ptp(position))
    if bandwidth == 0 or rows_within(sample.entity, position, bandwidth):
        return bandwidth
    entity, time = sample.keys.entity_name, sample.keys.time_name
    if once:
        reason = f"each {entity} is in one row only; omit it"
    else:
        reason = (
            f"no {entity} has two rows within {counted(bandwidth, 'step')} of {time}. "
            "Specify the distance of periods, Panel(df, entity, time, step=5), or set "
            "bandwidth=0"
        )
    raise option_error("bandwidth", bandwidth, f"bandwidth={bandwidth}: {reason}.")


def distance_notices(sample: Sample, near: Nearby | None) -> Iterator[Notice]:
    """Report a cutoff below all distances, and entities that move."""
    if near is None:
        return
    cutoff, nearest = near.cutoff, nearest_distance(near)
    if nearest > cutoff:
        yield notice_of(
            "no_neighbours.one_place" if math.isinf(nearest) else "no_neighbours",
            distance_cutoff=cutoff,
            nearest=nearest,
        )
    moved = (sample.entity[1:] == sample.entity[:-1]) & (
        near.place[1:] != near.place[:-1]
    )
    moving = np.unique(sample.entity[1:][moved]).size
    if moving:
        yield notice_of(
            "moving_places",
            entity=sample.keys.entity_name,
            count=moving,
            n_entities=sample.n_entities,
        )
