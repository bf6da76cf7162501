"""The sample of double machine learning: outcome, treatment and features by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    TermError,
    cited,
    counted,
    not_identified,
    option_error,
    quoted,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.within import compress, is_nested, within
from digiprosper.learning.kernel import level_means, squares_and_products
from digiprosper.linear.estimation import (
    Demeaned,
    absorbed_problem,
    demean_columns,
)
from digiprosper.linear.preparation import (
    Prepared,
    linear_options,
    prepare,
    refuse_extreme,
)
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.grammar import as_argument

FEWEST_CLUSTERS = 10
# Roles of the columns that are learned, with their arguments of the specification.
_LEARNED = {"y": "y", "endog": "treatment", "instruments": "instrument"}


@dataclass(frozen=True, slots=True, eq=False)
class LearningSample:
    """The transformed rows (N,), and the demeaned columns for fixed effects."""

    prepared: Prepared
    demeaned: Demeaned  # learned columns, controls, and products of the controls
    learned: Floats  # (N, c) outcome, treatment, and perhaps an instrument
    features: Floats  # (N, p) what the learners learn from
    folds: Ints | None  # (N,) one fold without cross-fitting; None if they are drawn


def prepare_learning(spec: Any, panel: Panel) -> LearningSample:
    """Prepare the rows, and compute the columns of the transformation."""
    terms = {
        role: getattr(spec, argument)
        for role, argument in _LEARNED.items()
        if getattr(spec, argument) is not None
    }
    roles = {role: (term,) for role, term in terms.items()} | {"x": spec.controls}
    if spec.transform == "difference":
        check_panel(panel, "fit")
        names, lagged = table_of(panel).names, (*terms.values(), *spec.controls)
        roles["lagged"] = [f"lag({as_argument(term, names)})" for term in lagged]
    options = replace(
        linear_options(spec), ssc="reghdfe", collinear="drop", keep_rows=False
    )
    prepared = prepare(panel, roles, options)
    sample = prepared.sample
    for role, term in terms.items():
        if len(sample.roles[role]) != 1:
            raise TermError(
                f"{_LEARNED[role]}={cited(term)} makes several columns; it must be "
                "one column."
            )
    _check_clusters(prepared)
    demeaned = _demean(spec, prepared, terms)
    if spec.transform in ("dictionary", "within"):
        learned = demeaned.columns[:, : len(terms)]
    else:
        learned = demeaned.raw[:, : len(terms)]
        if spec.transform == "difference":
            learned = learned - sample.columns("lagged")[:, : len(terms)]
        if spec.time_effects:
            periods = within([compress(sample.time)[0]], sample.nobs)
            learned = periods.demean(learned)
    return LearningSample(
        prepared=prepared,
        demeaned=demeaned,
        learned=learned,
        features=make_features(spec, sample, demeaned),
        folds=_read_fixed_folds(spec, prepared),
    )


def _check_clusters(prepared: Prepared) -> None:
    """Refuse fewer than ten clusters, and clusters that divide entities."""
    if not prepared.cluster_codes:
        raise option_error(
            "clusters",
            None,
            "PanelDML needs entities with several rows; in this panel each has one.",
        )
    (name,), (count,) = prepared.cluster_names, prepared.count.groups
    if not is_nested(prepared.sample.entity, prepared.cluster_codes[0]):
        raise option_error(
            "clusters",
            name,
            f"clusters={cited(name)}: rows of one entity are in several clusters, and "
            "would be in different folds; use clusters of whole entities.",
        )
    if count < FEWEST_CLUSTERS:
        raise not_identified(
            "few_to_learn",
            f"{counted(count, 'cluster')} ({name}): learning and testing on different "
            f"clusters needs {FEWEST_CLUSTERS} or more. Use FixedEffects.",
            clusters=name,
            n_clusters=count,
        )


def _demean(spec: Any, prepared: Prepared, terms: Mapping[str, str]) -> Demeaned:
    """Demean all columns; refuse treatment and instrument without variation."""
    sample = prepared.sample
    controls = sample.columns("x")
    products = squares_and_products(controls) if spec.degree == 2 else controls[:, :0]
    raw = np.column_stack([*map(sample.columns, terms), controls, products])
    names = [*terms.values(), *sample.names_of("x")]
    names += [f"product {j + 1} of controls" for j in range(products.shape[1])]
    refuse_extreme(raw, names)
    demeaned = demean_columns(prepared, names, raw)
    for column, role in enumerate(terms):
        if demeaned.absorbed[column]:
            problem = absorbed_problem(prepared, demeaned, column)
            text = f"{_LEARNED[role]}: {problem.message}."
            raise IdentificationError(text, [problem])
    return demeaned


def make_features(
    spec: Any, sample: Sample, demeaned: Demeaned, *, squares: bool = False
) -> Floats:
    """Return the features (N, p), with those of a dictionary if `squares`.

    With ``transform="dictionary"`` all have squares and products, which are demeaned.
    """
    learned = 2 if spec.instrument is None else 3
    if spec.transform in ("dictionary", "within"):
        varying = ~demeaned.absorbed
        varying[:learned] = False
        if spec.transform == "within":
            varying[learned + len(sample.roles["x"]) :] = False
        if not varying.any():
            raise IdentificationError(
                "the effects absorb all controls; use FixedEffects without controls."
            )
        return np.ascontiguousarray(demeaned.columns[:, varying])
    blocks = [sample.columns("x")]
    if spec.transform == "difference":
        blocks.append(sample.columns("lagged")[:, learned:])
    # Keeps the digits of means
    blocks = [block - blocks[0].mean(axis=0) for block in blocks]
    if squares:
        blocks += [squares_and_products(block) for block in blocks]
    features = np.column_stack(blocks)
    levels = [sample.entity] if spec.transform == "mundlak" else []
    levels += [sample.time] if spec.time_effects else []
    means = [level_means(features, codes) for codes in levels]
    return np.column_stack([features, *means])


def _read_fixed_folds(spec: Any, prepared: Prepared) -> Ints | None:
    """Return the fold of each row, by its cluster; None if they are drawn."""
    if isinstance(spec.folds, int):
        return None
    if spec.folds is None:
        return np.zeros(prepared.sample.nobs, dtype=np.intp)
    name = prepared.cluster_names[0]
    labels = pd.Series(prepared.sample.code_levels[name][prepared.cluster_codes[0]])
    folds = labels.map(dict(spec.folds))
    absent = labels[folds.isna()].unique().tolist()
    if absent:
        raise option_error(
            "folds",
            absent,
            f"folds has no fold for {quoted(absent)}. It must be a Series of folds "
            f"indexed by {name}, the clusters.",
        )
    codes, levels = pd.factorize(folds)
    if len(levels) < 2:
        raise option_error(
            "folds", 1, "folds has one fold for all clusters; it needs two or more."
        )
    return codes
