"""Mediation effects within entities, between entities, and pooled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    InputTypeError,
    OptionError,
    cited,
    collinearity_problem,
    issue,
    option_problem,
    quoted,
)
from digiprosper.kernels.least_squares import dependences
from digiprosper.kernels.tolerances import ABSORBED, COLLINEAR, CONSTANT
from digiprosper.kernels.within import compress, is_nested, within
from digiprosper.linear.preparation import linear_options, prepare
from digiprosper.mediation.mediation import Mediation, term_roles
from digiprosper.mediation.system import refuse_several
from digiprosper.panel.access import check_panel, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Panel, Sample


def within_between(spec: Mediation, panel: Panel) -> pd.DataFrame:
    """Estimate the same mediation within entities, between entities, and pooled, on the same sample.

    Two questions have different answers: whether the outcome changes if the treatment changes in an entity
    (within), and whether entities with a higher treatment have a higher outcome (between). The estimators are

    - ``within``: entity effects and the other fixed effects of the specification (by default time effects);
    - ``within_entity``: only entity effects;
    - ``first_difference``: differences to the previous period, with the other fixed effects of the
      specification. Rows without a previous period are dropped. Without other fixed effects there is no
      intercept, because it would be a common trend;
    - ``between``: one row with the means of each entity, and an intercept;
    - ``pooled``: all rows, no fixed effects, and an intercept.

    Parameters
    ----------
    spec : Mediation
        A specification with parallel mediators. Only its terms and fixed effects are used. The within
        estimators always have entity effects.
    panel : Panel
        The data.

    Returns
    -------
    DataFrame
        One row per estimator. Columns are ``a``, ``b``, ``indirect``, ``direct``, ``total`` and ``nobs``
        (rows of the regression); with several mediators ``a:<m>``, ``b:<m>`` and ``indirect:<m>``, then the
        others. total = direct + indirect in each row. A row is missing if the treatment or a mediator is
        constant or collinear.

    Raises
    ------
    InputTypeError
        If `spec` is not a `Mediation` or `panel` is not a Panel.
    OptionError
        If the specification has a serial structure, a moderator, a threshold or a square.
    IdentificationError
        If the data are a cross-section, or no estimator is identified.
    CollinearityError
        If a mediator equals the outcome.
    TermError
        If treatment, outcome or a mediator has several columns.

    Warns
    -----
    MissingDataWarning, SingletonWarning
        If rows are dropped, as in `Mediation`.

    Notes
    -----
    All estimators use the sample of `Mediation` with entity effects, so they differ only by method. A control
    that is absorbed or collinear is dropped from this estimator.

    In a balanced panel the pooled slope of y on x alone is a weighted mean of the within slope s_w and the
    between slope s_b, ``(S_w s_w + S_b s_b) / (S_w + S_b)``, where S_w and S_b are the within and between
    sums of squares of x (Mundlak 1978, Econometrica 46:69; for mediation Zhang, Zyphur and Preacher 2009,
    Organizational Research Methods 12:695).

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["log(pcap)", "unemp"])
    >>> within_between(spec, dp.datasets.us_states()).round(3)
                          a      b  indirect  direct  total  nobs
    estimator
    within            0.504  0.769     0.388   0.169  0.557   816
    within_entity     0.625  0.768     0.480   0.292  0.772   816
    first_difference  0.125  0.905     0.113   0.006  0.120   768
    between          -0.002  0.576    -0.001   0.302  0.301    48
    pooled            0.048  0.594     0.029   0.309  0.338   816
    """
    prepared, columns, names = parallel_sample(spec, panel, "within_between")
    issue(prepared.notices)
    mediators, spread = names[1:-1], columns.std(axis=0)
    rows = {
        estimator: [*_effects(demeaned, spread, rank, len(mediators)), len(demeaned)]
        for estimator, (demeaned, rank) in _views(prepared, columns, panel).items()
    }
    labels = ["a", "b"]
    if len(mediators) > 1:
        labels = [f"{n}:{m}" for n in ("a", "b", "indirect") for m in mediators]
    labels += ["indirect", "direct", "total", "nobs"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=labels)
    if frame["total"].isna().all():
        raise IdentificationError(
            f"no effect is identified: {quoted(names[:-1])} are collinear with one another or with the "
            "controls, both within and between entities."
        )
    return frame.rename_axis(index="estimator").astype({"nobs": int})


def parallel_sample(spec: Mediation, panel: Panel, caller: str) -> tuple[Prepared, Floats, tuple[str, ...]]:
    """Prepare the sample of a parallel mediation with entity effects; its notices are not issued.

    The columns (N, p) are controls, treatment, mediators and outcome, centred; the names are without
    controls.
    """
    other_models = "structure", "moderator", "threshold", "quadratic"
    remedy = "remove {} from the specification (spec.replace)"
    refuse_other_models(spec, caller, other_models, remedy)
    check_panel(panel, caller)
    if panel.time_name is None:
        raise IdentificationError(
            f"{caller} needs several rows per entity, but this panel is a cross-section, which has "
            "variation between entities only. Use Mediation with entity_effects=False."
        )
    every_role = term_roles(spec)
    roles = {role: every_role[role] for role in ("x", "treatment", "mediators", "y")}
    # Errors are not computed here; clusters would only be checked.
    options = replace(linear_options(spec), entity_effects=True, cov_type="unadjusted", clusters=None)
    prepared = prepare(panel, roles, options)
    sample = prepared.sample
    names: tuple[str, ...] = ()
    for role in ("treatment", "mediators", "y"):
        start = f"{role}={cited(roles[role])} makes"
        refuse_several(sample, role, len(roles[role]), start)
        names += sample.names_of(role)
    raw = np.column_stack([sample.columns(role) for role in roles])
    columns = raw - raw.mean(axis=0)
    constant = np.abs(columns).max(axis=0) <= CONSTANT * np.abs(raw).max(axis=0)
    columns[:, constant] = 0.0
    outcome, mediators = columns[:, -1], columns[:, -len(names) + 1 : -1]
    for name, column in zip(names[1:-1], mediators.T, strict=True):
        if outcome.any() and column.any() and dependences(np.column_stack([outcome, column])):
            raise CollinearityError(
                f"the mediator {cited(name)} is collinear with the outcome {cited(names[-1])}; a "
                "variable cannot mediate itself. Use another mediator.",
                [collinearity_problem(name, [names[-1]])],
            )
    return prepared, columns, names


def refuse_other_models(
    spec: object, caller: str, options: Sequence[str], remedy: str
) -> None:
    """Refuse anything but a parallel mediation with constant effects.

    `remedy` has braces for the options that are set.
    """
    if not isinstance(spec, Mediation):
        raise InputTypeError(f"{caller} takes a Mediation specification, not {type(spec).__name__}.")
    values = {name: getattr(spec, name) for name in options}
    problems = {n: value for n, value in values.items() if value not in (None, (), "parallel")}
    if problems:
        settings = ", ".join(f"{name}={cited(value)}" for name, value in problems.items())
        raise OptionError(
            f"{caller} requires parallel mediators with one slope each: {remedy.format(settings)}.",
            [option_problem(name, value) for name, value in problems.items()],
        )


def path_slopes(columns: Floats, mediators: int, floor: Floats) -> Floats:
    """Estimate the equations of a parallel mediation, for one block of rows or many at once.

    From one triangle, R of ``[controls, x, m_1..m_K, y] = QR``: its block of (x, m) is what the controls
    leave (Frisch and Waugh 1933), so total and a are ratios in its first row, direct and b solve it.

    `columns` (..., T, p) are demeaned, with rows of zeros as padding; a column shorter than `floor` (..., p)
    counts as zero. Slopes (..., 2 + 2 K) are total, direct, a_1..a_K, b_1..b_K; NaN if a regressor is zero or
    collinear.
    """
    length = np.sqrt((columns**2).sum(axis=-2))
    scale = np.where(length > floor, length, np.inf)  # a column that is rounding alone becomes exactly zero
    unit = columns / scale[..., None, :]
    short = max(columns.shape[-1] - columns.shape[-2], 0)
    filled = np.pad(unit, [(0, 0)] * (unit.ndim - 2) + [(0, short), (0, 0)])
    triangle = np.asarray(np.linalg.qr(filled, mode="r"))
    diagonal = np.abs(np.diagonal(triangle, axis1=-2, axis2=-1))
    lost = np.any(diagonal[..., :-1] <= COLLINEAR, axis=-1, keepdims=True)
    first = columns.shape[-1] - 2 - mediators
    block = np.where(lost[..., None], np.eye(1 + mediators), triangle[..., first:-1, first:-1])
    outcome = triangle[..., first:-1, -1:]
    both = np.linalg.solve(block, outcome)[..., 0]
    a, total = block[..., 0, 1:] / block[..., 0, :1], outcome[..., 0, :] / block[..., 0, :1]
    x, m, y = scale[..., [first]], scale[..., first + 1 : -1], scale[..., -1:]
    # An outcome that does not move has slopes of zero; its scale is infinite.
    y = np.where(np.isinf(y), 0.0, y)
    with np.errstate(invalid="ignore"):
        slopes = [total * y / x, both[..., :1] * y / x, a * m / x, both[..., 1:] * y / m]
    return np.where(lost, np.nan, np.concatenate(slopes, axis=-1))


def _views(prepared: Prepared, columns: Floats, panel: Panel) -> dict[str, tuple[Floats, int]]:
    """Transform the columns for each estimator, with the rank of the effects that it removes."""
    slopes = tuple(effect.name for effect in prepared.absorbed if effect.slope is not None)
    if slopes:
        raise OptionError(
            f"within_between does not take slopes by group in absorb ({quoted(slopes)}): differences and "
            "means by entity have no such slopes. Omit them.",
            [option_problem("absorb", slopes, what="slopes in absorb")],
        )
    sample = prepared.sample
    entity = within([sample.entity], sample.nobs)
    later, earlier = _neighbours(sample, panel)
    changes, rank = columns[later] - columns[earlier], 0
    crossing_effects = [c for c in prepared.within.effects if not is_nested(sample.entity, c)]
    if crossing_effects and later.size:
        after = within([compress(c[later])[0] for c in crossing_effects], later.size)
        changes, rank = after.demean(changes), after.rank
    sums = np.column_stack([np.bincount(sample.entity, weights=c) for c in columns.T])
    means = sums / np.bincount(sample.entity)[:, None]
    return {
        "within": (prepared.within.demean(columns), prepared.within.rank),
        "within_entity": (entity.demean(columns), entity.rank),
        "first_difference": (changes, rank),
        "between": (means - means.mean(axis=0), 1),
        "pooled": (columns, 1),
    }


def _neighbours(sample: Sample, panel: Panel) -> tuple[Ints, Ints]:
    """Find rows with an earlier row of the same entity, one step of time before, and those earlier rows."""
    rows = panel.index.get_indexer(pd.Index(sample.index))
    number = np.full(panel.nobs, np.nan)
    number[rows] = np.arange(sample.nobs)
    before = table_of(panel).shift(number, 1)[rows]
    later = np.flatnonzero(~np.isnan(before))
    return later, before[later].astype(np.intp)


def _effects(demeaned: Floats, spread: Floats, rank: int, mediators: int) -> Floats:
    """Compute one row: a.., b.., indirect.. (if several), indirect, direct, total."""
    n, p = demeaned.shape
    floor = ABSORBED * spread * np.sqrt(n)
    system = np.arange(p - 2 - mediators, p)
    controls = [j for j in range(system[0]) if np.linalg.norm(demeaned[:, j]) > floor[j]]
    collinear = [d.column for d in dependences(demeaned[:, controls])] if controls else []
    used = [*np.delete(controls, collinear).astype(np.intp), *system]
    slopes = np.full(2 + 2 * mediators, np.nan)
    if n > rank + len(used) - 1:
        slopes = path_slopes(demeaned[:, used], mediators, floor[used])
    (total, direct), (a, b) = slopes[:2], np.split(slopes[2:], 2)
    by_mediator = a * b if mediators > 1 else []
    return np.concatenate([a, b, by_mediator, [(a * b).sum(), direct, total]])
