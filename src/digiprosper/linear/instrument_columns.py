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
from itertools import product

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
from digiprosper.linear.kernels.two_stage import Projection
from digiprosper.linear.kernels.weak_instruments import canonical_correlation
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


def column_positions(sample: Sample) -> ColumnPositions:
    """Assign positions from 1 to the columns of endog, x and instruments."""
    m, c, q = (len(sample.roles[role]) for role in ("endog", "x", "instruments"))
    return ColumnPositions(
        endog=tuple(range(1, 1 + m)),
        controls=tuple(range(1 + m, 1 + m + c)),
        instruments=tuple(range(1 + m + c, 1 + m + c + q)),
    )


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
    varying, absorbed = _drop_absorbed(prepared, demeaned, positions)
    refuse_too_many_parameters(prepared, len(varying.exogenous))
    used, collinear = _drop_collinear(prepared, demeaned, varying)
    refuse_too_few(demeaned.names, used)

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
    return used, [*absorbed, *collinear]


def _drop_absorbed(
    prepared: Prepared, demeaned: Demeaned, positions: ColumnPositions
) -> tuple[ColumnPositions, list[Notice]]:
    """Drop or refuse columns that the effects absorb."""
    absorbed = [
        j for j in (*positions.endog, *positions.exogenous) if demeaned.absorbed[j]
    ]
    if not absorbed:
        return positions, []
    strict = prepared.options.collinear == "raise"
    needed = absorbed if strict else [j for j in absorbed if j in positions.endog]
    if needed:
        problems = [
            _absorbed_instrument_problem(prepared, demeaned, j)
            if j in positions.instruments
            else absorbed_problem(prepared, demeaned, j)
            for j in needed
        ]
        advice = NOT_IDENTIFIED
        if set(needed) <= set(positions.instruments):
            advice = (
                "It has no variation after the effects are partialled out, so it "
                "cannot be an instrument."
            )
        raise IdentificationError(f"{several(problems)}. {advice}", problems)
    varying = _drop_positions(positions, absorbed)
    refuse_too_few(demeaned.names, varying)
    problems = [absorbed_problem(prepared, demeaned, j) for j in absorbed]
    return varying, list(map(dropped_column, problems))


def _drop_positions(
    positions: ColumnPositions, dropped: Collection[int]
) -> ColumnPositions:
    return replace(
        positions,
        controls=tuple(j for j in positions.controls if j not in dropped),
        instruments=tuple(j for j in positions.instruments if j not in dropped),
    )


def _absorbed_instrument_problem(
    prepared: Prepared, demeaned: Demeaned, column: int
) -> Notice:
    """Describe an absorbed instrument, and with what to interact it."""
    problem, sample = absorbed_problem(prepared, demeaned, column), prepared.sample
    raw, name = demeaned.raw[:, column], cited(demeaned.names[column])
    entity, time = sample.keys.name_pair
    remedies = (
        (
            entity,
            sample.entity,
            f"varies over time, such as instruments.interact(panel, {name}, series)",
        ),
        (time, sample.time, f"differs across the values of {entity}"),
    )
    text = f"the instrument {problem.message}"
    # A scanned table has no rows.
    if demeaned.constant[column] or not len(raw):
        return Notice("absorbed", text, problem.data)
    for key, codes, varies in remedies:
        if key in prepared.effect_names and is_nested(codes, raw):
            text = (
                f"the instrument {name} does not vary within a {key} and is absorbed "
                f"by the {key} effects; interact it with something that {varies}"
            )
            break
    return Notice("absorbed", text, problem.data)


def _drop_collinear(
    prepared: Prepared, demeaned: Demeaned, positions: ColumnPositions
) -> tuple[ColumnPositions, list[Notice]]:
    """Drop or refuse controls and instruments that are collinear."""
    ordered = [*positions.controls, *positions.instruments]
    independent, problems = drop_collinear(prepared, demeaned, ordered)
    if not problems:
        return positions, []
    if prepared.options.collinear == "raise":
        text = (
            f"{several(problems)}. Drop one of them; an instrument must vary "
            "independently of the controls and of the other instruments "
            "(FixedEffectsIV drops it with collinear='drop')."
        )
        raise CollinearityError(text, problems)
    remaining = _drop_positions(positions, set(ordered) - set(independent))
    return remaining, list(map(dropped_column, problems))


def refuse_unidentified(projected: Projection, endog: Sequence[str]) -> None:
    """Refuse a first stage whose instruments explain nothing, or everything."""
    weigh = (
        1.0
        if projected.obs_weights is None
        else np.sqrt(projected.obs_weights)[:, None]
    )
    residuals = projected.endog_residuals * weigh
    size = np.sqrt((projected.endog**2).sum(axis=0) + (residuals**2).sum(axis=0))
    if np.linalg.svd(residuals / size, compute_uv=False)[-1] < COLLINEAR:
        are = (
            "is an exact combination"
            if len(endog) == 1
            else "are, together, exact combinations"
        )
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
    codes_of_effects = prepared.within.effects_and_slopes
    effects = zip(prepared.effect_names, codes_of_effects, strict=True)
    pairs = product(positions.instruments, positions.endog)
    for (effect, codes), (j, k) in product(effects, pairs):
        z, x = demeaned.raw[:, j], demeaned.raw[:, k]
        if isinstance(codes, Slope) or not is_mean_of_others(z, x, codes):
            continue
        yield notice_of(
            "own_values",
            instrument=demeaned.names[j],
            endog=demeaned.names[k],
            effect=effect,
        )
