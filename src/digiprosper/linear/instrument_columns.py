"""Checks of the columns of an equation with instruments.

========== =============================================================================
code       data
========== =============================================================================
own_values instrument, endog, effect (in whose levels the instrument is the mean of the
           other rows)
========== =============================================================================
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise, product

import numpy as np

from digiprosper.checks import not_identified, one_problem, several
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    cited,
    counted,
    notice_of,
    quoted,
)
from digiprosper.kernels.least_squares import with_weights
from digiprosper.kernels.slopes import Slope
from digiprosper.kernels.tolerances import COLLINEAR, UNRELATED
from digiprosper.kernels.within import is_nested
from digiprosper.linear.doubtful_terms import is_mean_of_others
from digiprosper.linear.estimation import (
    NOT_IDENTIFIED,
    Demeaned,
    absorbed_problem,
    drop_collinear,
    refuse_too_many_parameters,
)
from digiprosper.linear.kernels.two_stage import Projection, canonical_correlation
from digiprosper.linear.notices import dropped_column
from digiprosper.linear.preparation import Prepared
from digiprosper.panel import Sample


@dataclass(frozen=True, slots=True)
class ColumnPositions:
    """Positions of endogenous regressors, controls, instruments; 0 is the outcome."""

    endog: tuple[int, ...]
    controls: tuple[int, ...]
    instruments: tuple[int, ...]

    @property
    def regressors(self) -> tuple[int, ...]:
        """Endogenous regressors, then the controls."""
        return (*self.endog, *self.controls)

    @property
    def exogenous(self) -> tuple[int, ...]:
        """Instruments, then the controls: the regressors of the first stages."""
        return (*self.instruments, *self.controls)

    def without(self, dropped: Collection[int]) -> ColumnPositions:
        """Drop some controls and instruments."""
        return replace(
            self,
            controls=tuple(j for j in self.controls if j not in dropped),
            instruments=tuple(j for j in self.instruments if j not in dropped),
        )


def column_positions(sample: Sample) -> ColumnPositions:
    """Assign positions from 1 to the columns of endog, x and instruments."""
    sizes = [len(sample.roles[role]) for role in ("endog", "x", "instruments")]
    ends = accumulate(sizes, initial=1)
    return ColumnPositions(*[tuple(range(*both)) for both in pairwise(ends)])


def refuse_too_few(names: Sequence[str], positions: ColumnPositions) -> None:
    """Refuse fewer instruments than endogenous regressors."""
    instruments, endog = (
        [names[j] for j in some] for some in (positions.instruments, positions.endog)
    )
    if len(instruments) >= len(endog):
        return
    text = (
        f"{counted(len(instruments), 'instrument')} ({quoted(instruments)}) for "
        f"{counted(len(endog), 'endogenous regressor')} ({quoted(endog)}): the model "
        "is not identified. There must be at least as many instruments as "
        "endogenous regressors."
    )
    data = {"instruments": tuple(instruments), "endog": tuple(endog)}
    raise not_identified("too_few_instruments", text, **data)


def usable_columns(
    prepared: Prepared, demeaned: Demeaned, positions: ColumnPositions
) -> tuple[ColumnPositions, list[Notice]]:
    """Drop or refuse absorbed and collinear columns; refuse endogenous ones."""
    strict, names = prepared.options.collinear == "raise", demeaned.names
    every = (*positions.endog, *positions.exogenous)
    absorbed = [j for j in every if demeaned.absorbed[j]]
    _refuse_absorbed(
        prepared,
        demeaned,
        positions,
        [j for j in absorbed if strict or j in positions.endog],
    )
    varying = positions.without(absorbed)
    refuse_too_few(names, varying)
    refuse_too_many_parameters(prepared, len(varying.exogenous))
    ordered = [*varying.controls, *varying.instruments]
    independent, collinear = drop_collinear(prepared, demeaned, ordered)
    if strict and collinear:
        text = (
            f"{several(collinear)}. Drop one of them; an instrument must vary "
            "independently of the controls and of the other instruments "
            "(FixedEffectsIV drops it with collinear='drop')."
        )
        raise CollinearityError(text, collinear)
    used = varying.without({*ordered} - {*independent})
    refuse_too_few(names, used)

    ordered = [*used.controls, *used.endog]
    problems = [
        p
        for p in drop_collinear(prepared, demeaned, ordered)[1]
        if p.data["column"] in demeaned.names_at(used.endog)
    ]
    if problems:
        text = (
            f"{several(problems)}, so the coefficient of an endogenous regressor is "
            "not identified."
        )
        raise CollinearityError(text, problems)
    dropped = [absorbed_problem(prepared, demeaned, j) for j in absorbed]
    return used, [*map(dropped_column, (*dropped, *collinear))]


def _refuse_absorbed(
    prepared: Prepared,
    demeaned: Demeaned,
    positions: ColumnPositions,
    absorbed: Sequence[int],
) -> None:
    """Refuse columns that the effects absorb."""
    if not absorbed:
        return
    problems = [
        _absorbed_instrument_problem(prepared, demeaned, j)
        if j in positions.instruments
        else absorbed_problem(prepared, demeaned, j)
        for j in absorbed
    ]
    advice = NOT_IDENTIFIED
    if {*absorbed} <= {*positions.instruments}:
        advice = (
            "A variable without variation after the effects are partialled out cannot "
            "be an instrument."
        )
    raise IdentificationError(f"{several(problems)}. {advice}", problems)


def _absorbed_instrument_problem(
    prepared: Prepared, demeaned: Demeaned, column: int
) -> Notice:
    """Describe an absorbed instrument, and with what to interact it."""
    problem, sample = absorbed_problem(prepared, demeaned, column), prepared.sample
    raw, name = demeaned.raw[:, column], cited(demeaned.names[column])
    entity, time = sample.keys.name_pair
    over_time = f"varies over time, such as instruments.interact(panel, {name}, series)"
    text = f"the instrument {problem.message}"
    if {*prepared.effect_names} == {entity, time} and not demeaned.constant[column]:
        text = (
            f"the instrument {name} is a part by {entity} plus a part by {time}, as "
            "the log of their product is, and absorbed by both effects: use the "
            "product without a log"
        )
    for key, codes, varies in (
        (time, sample.time, f"differs across the values of {entity}"),
        (entity, sample.entity, over_time),
    ):
        # A scanned table has no rows.
        has_rows = len(raw) and not demeaned.constant[column]
        if has_rows and key in prepared.effect_names and is_nested(codes, raw):
            text = (
                f"the instrument {name} does not vary within a {key} and is absorbed "
                f"by the {key} effects; interact it with something that {varies}"
            )
    return Notice("absorbed", text, problem.data)


def refuse_unidentified(projected: Projection, endog: Sequence[str]) -> None:
    """Refuse a first stage whose instruments explain nothing, or everything."""
    weights = projected.obs_weights
    root = None if weights is None else np.sqrt(weights)
    residuals = with_weights(projected.endog_residuals, root)
    heights = projected.heights[:, 1:]
    size = np.sqrt((heights**2).sum(axis=0) + (residuals**2).sum(axis=0))
    if np.linalg.svd(residuals / size, compute_uv=False)[-1] < COLLINEAR:
        are = "is an exact combination"
        if len(endog) > 1:
            are = "are, together, exact combinations"
        raise one_problem(
            CollinearityError,
            "perfect_first_stage",
            f"{quoted(endog)} {are} of the instruments and the controls, and so "
            "exogenous if these are. Move it to x, or check how the instruments were "
            "computed.",
            endog=tuple(endog),
        )
    if canonical_correlation(projected) < UNRELATED:
        raise not_identified(
            "unrelated_instruments",
            f"the instruments are uncorrelated with {quoted(endog)} in the sample, net "
            "of controls and effects, or do not explain these regressors "
            "separately: the model is not identified.",
            endog=tuple(endog),
        )


def leave_one_out_mean_notices(
    prepared: Prepared, demeaned: Demeaned, positions: ColumnPositions
) -> Iterator[Notice]:
    """Report instruments that are leave-one-out means within an absorbed effect."""
    if prepared.block_sums is not None:
        return
    raw, names = demeaned.raw, demeaned.names
    codes_of_effects = prepared.within.effects_and_slopes
    effects = zip(prepared.effect_names, codes_of_effects, strict=True)
    pairs = product(positions.instruments, positions.endog)
    for (effect, codes), (z, x) in product(effects, pairs):
        if isinstance(codes, Slope):
            continue
        if is_mean_of_others(raw[:, z], raw[:, x], codes):
            yield notice_of(
                "own_values", instrument=names[z], endog=names[x], effect=effect
            )
