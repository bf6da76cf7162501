"""The sample of double machine learning: outcome, treatment and features by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

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
from digiprosper.learning.kernel import level_means, quadratic
from digiprosper.linear.estimation import (
    Demeaned,
    absorbed_problem,
    demean_columns,
    refuse_constant_outcome,
)
from digiprosper.linear.preparation import (
    LinearOptions,
    Prepared,
    prepare,
    refuse_extreme,
)
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.grammar import as_argument

FEWEST_CLUSTERS = 10
# Arguments of the specification by the role of their columns.
_ARGUMENTS = {"y": "y", "endog": "treatment", "instruments": "instrument"}


@dataclass(frozen=True, slots=True, eq=False)
class LearningSample:
    """The transformed rows (N,), and the demeaned columns for fixed effects."""

    prepared: Prepared
    # outcome, treatment, dictionary (its first columns are controls), instrument
    demeaned: Demeaned
    n_controls: int
    learned: dict[str, Floats]  # (N,) "y", "d", and "z" if there is an instrument
    features: Floats  # (N, p) what the learners learn from
    dictionary: Floats  # (N, q) the same with squares and products of the controls
    clusters: Ints  # (N,) without gaps
    folds: Ints | None  # (N,) those of the specification, if it has any
    # (N,) entities by which the residual of "d", or of "z", is demeaned: "mundlak"
    demean_by: Ints | None

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.clusters.max()) + 1


def prepare_learning(spec: Any, panel: Panel) -> LearningSample:
    """Prepare the rows, and compute the columns of the transformation."""
    learned = {"y": spec.y, "endog": spec.treatment}
    if spec.instrument is not None:
        learned["instruments"] = spec.instrument
    roles = {role: (term,) for role, term in learned.items()} | {"x": spec.controls}
    if spec.transform == "difference":
        check_panel(panel, "fit")
        names = table_of(panel).names
        changes = [f"diff({as_argument(term, names)})" for term in learned.values()]
        lags = [f"lag({as_argument(term, names)})" for term in spec.controls]
        roles |= {"changes": changes, "lagged": lags}
    options = LinearOptions(
        entity_effects=spec.entity_effects,
        time_effects=spec.time_effects,
        clusters=spec.clusters,
        collinear="drop",
        where=spec.where,
    )
    prepared = prepare(panel, roles, options)
    sample = prepared.sample
    for role, term in learned.items():
        if len(sample.roles[role]) != 1:
            raise TermError(
                f"{_ARGUMENTS[role]}={cited(term)} makes several columns; it must be "
                "one column."
            )
    clusters = _read_clusters(prepared)
    demeaned = _demean(spec, prepared, learned)
    folds = None
    if isinstance(spec.folds, tuple):
        folds = _read_fixed_folds(spec, prepared)
    columns, dictionary = _make_features(spec, sample, demeaned)
    return LearningSample(
        prepared=prepared,
        demeaned=demeaned,
        n_controls=len(sample.roles["x"]),
        learned=_learned_columns(spec, sample, demeaned),
        features=columns,
        dictionary=dictionary,
        clusters=clusters,
        folds=folds,
        demean_by=(compress(sample.entity)[0] if spec.transform == "mundlak" else None),
    )


def _read_clusters(prepared: Prepared) -> Ints:
    """Code the clusters; refuse fewer than ten, and clusters that divide entities."""
    sample = prepared.sample
    if not prepared.cluster_codes:
        raise option_error(
            "clusters",
            None,
            "PanelDML needs entities with several rows; in this panel each has one.",
        )
    codes, count = compress(prepared.cluster_codes[0])
    name = prepared.cluster_names[0]
    if not is_nested(compress(sample.entity)[0], codes):
        raise option_error(
            "clusters",
            name,
            f"clusters={cited(name)}: rows of one entity are in several clusters. Rows "
            "of an entity must not be in different folds; use clusters of whole "
            "entities.",
        )
    if count < FEWEST_CLUSTERS:
        raise not_identified(
            "few_to_learn",
            f"{counted(count, 'cluster')} ({name}): learning and testing on different "
            f"clusters needs {FEWEST_CLUSTERS} or more. Use FixedEffects.",
            clusters=name,
            n_clusters=count,
        )
    return codes


def _demean(spec: Any, prepared: Prepared, learned: Mapping[str, str]) -> Demeaned:
    """Demean all columns; refuse learned ones (by role) without variation."""
    sample = prepared.sample
    controls = sample.columns("x")
    dictionary = quadratic(controls) if spec.degree == 2 else controls
    names = [spec.y, spec.treatment, *sample.names_of("x")]
    further = dictionary.shape[1] - controls.shape[1]
    names += [f"product {j + 1} of controls" for j in range(further)]
    raw = [sample.columns("y"), sample.columns("endog"), controls]
    raw += [dictionary[:, controls.shape[1] :]]
    if "instruments" in learned:
        raw += [sample.columns("instruments")]
        names += [learned["instruments"]]
    columns = np.column_stack(raw)
    refuse_extreme(columns, names)
    demeaned = demean_columns(prepared, names, columns)
    refuse_constant_outcome(prepared, demeaned, 0)
    for role, column in (("endog", 1), ("instruments", len(names) - 1)):
        if role in learned and demeaned.absorbed[column]:
            problem = absorbed_problem(prepared, demeaned, column)
            text = f"{_ARGUMENTS[role]}: {problem.message}."
            raise IdentificationError(text, [problem])
    return demeaned


def _make_features(
    spec: Any, sample: Sample, demeaned: Demeaned
) -> tuple[Floats, Floats]:
    """Return the features, and those with squares and products of the controls."""
    p = len(sample.roles["x"])
    if spec.transform in ("dictionary", "within"):
        after = len(demeaned.names) - (spec.instrument is not None)
        varying = [j for j in range(2, after) if not demeaned.absorbed[j]]
        linear = [j for j in varying if j < 2 + p]
        if not (linear if spec.transform == "within" else varying):
            raise IdentificationError(
                "the effects absorb all controls; use FixedEffects without controls."
            )
        scaled = demeaned.columns * np.sqrt(sample.nobs)
        scaled[:, varying] /= demeaned.lengths[varying]
        dictionary = np.ascontiguousarray(scaled[:, varying])
        if spec.transform == "dictionary":
            return dictionary, dictionary
        return np.ascontiguousarray(scaled[:, linear]), dictionary
    controls = sample.columns("x")
    parts = [controls]
    if spec.transform == "difference":
        parts.append(sample.columns("lagged"))
    spread = controls.std(axis=0)
    spread[spread == 0] = 1.0
    parts = [(part - controls.mean(axis=0)) / spread for part in parts]

    def with_means(blocks: list[Floats]) -> Floats:
        means = []
        if spec.transform == "mundlak":
            means += [
                level_means(block, compress(sample.entity)[0]) for block in blocks
            ]
        if spec.time_effects:
            means += [level_means(block, compress(sample.time)[0]) for block in blocks]
        return np.column_stack([*blocks, *means])

    return with_means(parts), with_means([quadratic(part) for part in parts])


def _learned_columns(
    spec: Any, sample: Sample, demeaned: Demeaned
) -> dict[str, Floats]:
    """Return the learned columns: outcome, treatment and perhaps an instrument."""
    columns = ["y", "d"] if spec.instrument is None else ["y", "d", "z"]
    at = [0, 1, -1][: len(columns)]
    if spec.transform in ("dictionary", "within"):
        values = demeaned.columns[:, at]
    else:
        values = demeaned.raw[:, at]
        if spec.transform == "difference":
            values = sample.columns("changes")
        if spec.time_effects:
            periods = within([compress(sample.time)[0]], sample.nobs)
            values = periods.demean(np.asfortranarray(values))
    return {name: np.ascontiguousarray(values[:, j]) for j, name in enumerate(columns)}


def _read_fixed_folds(spec: Any, prepared: Prepared) -> Ints:
    """Return the fold of each row by the label of its cluster."""
    name = prepared.cluster_names[0]
    levels = prepared.sample.code_levels[name]
    by_label = dict(spec.folds)
    labels = levels[prepared.cluster_codes[0]]
    absent = [label for label in dict.fromkeys(labels) if label not in by_label]
    if absent:
        raise option_error(
            "folds",
            absent,
            f"folds has no fold for {quoted(absent)}. It must be a Series of folds "
            f"indexed by {name}, the clusters.",
        )
    row_folds = [by_label[label] for label in labels]
    order = {fold: code for code, fold in enumerate(dict.fromkeys(row_folds))}
    folds = np.array([order[fold] for fold in row_folds])
    if len(order) < 2:
        raise option_error(
            "folds", 1, "folds has one fold for all clusters; it needs two or more."
        )
    return folds
