"""Test propositions on a panel, each by the model of its shape."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, cast

from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    MissingDataError,
    ThresholdSearchError,
    check_level,
    check_option,
    issue_of_many,
    one_of_many,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.panel.terms import canonical
from digiprosper.pathways import notices
from digiprosper.pathways.call import checked_call
from digiprosper.pathways.estimators import REPS, Proposition, estimate
from digiprosper.pathways.findings import Finding, Reason, with_verdicts
from digiprosper.pathways.refusals import indicators_among, refusal
from digiprosper.pathways.results import MechanismReport
from digiprosper.spatial.weights import refuse_other

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digiprosper.composite.indicators import IndicatorSystem
    from digiprosper.errors import Notice
    from digiprosper.panel import Panel
    from digiprosper.pathways.call import Call
    from digiprosper.pathways.estimators import Tested
    from digiprosper.pathways.mechanism import Mechanism
    from digiprosper.spatial.weights import SpatialWeights

_ADJUST: Final = ("holm", "bonferroni", "fdr_bh", "fdr_by", "none")
# What the data of one proposition lack; any other error is one of the call, or of this library.
_NOT_TESTABLE: Final = (IdentificationError, CollinearityError, MissingDataError, ThresholdSearchError)


def evaluate(  # noqa: PLR0913 - what all propositions share
    panel: Panel,
    mechanisms: Sequence[Mechanism],
    columns: Mapping[str, str],
    *,
    controls: str | Sequence[str] = (),
    systems: Mapping[str, IndicatorSystem] | None = None,
    spatial_weights: SpatialWeights | None = None,
    adjust: str = "holm",
    level: float = 0.95,
    rng: object = None,
    language: Literal["en", "zh"] = "en",
) -> MechanismReport:
    """Test propositions on a panel, with p-values adjusted for multiple tests.

    All models have entity and time effects, the same controls, and standard errors clustered by entity. If
    the data or the model of a proposition are missing, it is "not testable", and the report states what a
    test would need.

    Parameters
    ----------
    panel : Panel
        The data, with a time key.
    mechanisms : sequence of Mechanism
        Propositions, such as those of `seed_catalogue`.
    columns : mapping
        Column of each role, such as ``{"de": "digital", "cp": "prosperity"}``. Transformations must be
        columns; make them with `Panel.assign`. Roles may be missing.
    controls : str or sequence of str
        Controls of all models: columns or terms. A variable of a proposition is not a control in its model.
    systems : mapping, optional
        `IndicatorSystem` of each column that is an index. A proposition is not tested if one of its variables
        is an indicator of another, or if two of its indices have a common indicator.
    spatial_weights : SpatialWeights, optional
        Spatial weights, needed for propositions with shape ``"spatial"``.
    adjust : {"holm", "bonferroni", "fdr_bh", "fdr_by", "none"}
        Adjustment of the p-values of all tested propositions, as in
        `statsmodels.stats.multitest.multipletests`. The default is ``"holm"``.
    level : float
        Confidence level of verdicts and of intervals, which are not adjusted; .95 by default.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of all draws. Each proposition uses the same seed, so its numbers do not depend on the others:
        ``rng=report.rng_entropy`` in a call of the estimator reproduces them.
    language : {"en", "zh"}
        Language of the report.

    Returns
    -------
    MechanismReport
        One row per proposition. If it has several causes or outcomes, there is one row for each.

    Raises
    ------
    InputTypeError
        If an argument has the wrong type.
    OptionError
        If `columns` has a role that is neither in the mechanisms nor in the catalogue, ids are repeated, or
        an option has a value that is not allowed.
    ColumnError, TermError
        If a column or a control is not in the panel, or a control cannot be read.
    PanelIndexError
        If the panel has no time key.
    AlignmentError
        If an entity is not in the spatial weights.

    Warns
    -----
    DigiprosperWarning
        Warnings of the models, each once, with the ids of its propositions.

    Notes
    -----
    The table in `Mechanism` has the estimate of each shape. The p-values and intervals are:

    - slopes and interactions: wild cluster bootstrap under the null hypothesis with 9,999 draws, and the
      interval that inverts it. For ``coupled`` it is the slope of one variable on the other: its direction
      is not identified;
    - indirect effects: percentiles of 9,999 cluster bootstrap draws, and t tests of both paths if their signs
      are claimed;
    - ``threshold``: the larger of two p-values, of the bootstrap test for a threshold (in intercept and
      slope) with 9,999 draws, and of the t test of equal slopes given the threshold; with channels also the
      change of their indirect effects at this threshold;
    - ``U``: two-sided t tests of the slopes at both ends of the data;
    - ``spatial``: effect in a spatial Durbin model with the bias correction of Lee & Yu (2010) and standard
      errors clustered by entity;
    - ``design="staggered"``: average effect over all treated rows by imputation.

    A claim about several estimates (channels, moderators, both ends of a U) is tested with an
    intersection-union test (Berger 1982). Its p-value is the largest of the estimates if all have the claimed
    sign or all have the opposite sign; otherwise it is 1. The row shows the estimate with the largest
    p-value, or one without the claimed sign if signs differ; `MechanismReport.parts` has all.

    If the adjusted p-value is at most ``1 - level``, the verdict is "supported" or "contradicted", depending
    on the sign. Otherwise it is "inconclusive", which is not evidence of no relation.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import pathways
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> catalogue = [m for m in pathways.seed_catalogue() if m.id in ("P05", "P15", "P41")]
    >>> columns = {"de": "digital", "cp": "prosperity", "isu": "upgrading", "ur_gap": "urban_rural_theil"}
    >>> controls = ["urban", "fiscal", "openness"]
    >>> report = pathways.evaluate(panel, catalogue, columns, controls=controls, rng=1)
    >>> report.frame["verdict"].to_dict()
    {'P05': 'supported', 'P15': 'contradicted', 'P41': 'not testable'}
    >>> print(report.frame.loc["P41", "wording"])
    P41 was not tested: needs survey data
    """
    call = checked_call(panel, mechanisms, columns, controls, systems)
    check_option("adjust", adjust, _ADJUST)
    check_option("language", language, ("en", "zh"))
    level = check_level(level)
    if spatial_weights is not None:
        refuse_other(spatial_weights, "pathways.evaluate")
    entropy = cast("int", seed_sequence(rng).entropy)

    labels_by_warning: dict[tuple[str, str], list[str]] = {}
    findings = [
        _finding(row, mechanism, _Shared(call, level, entropy, spatial_weights), labels_by_warning)
        for mechanism in call.mechanisms
        for row in mechanism.split()
    ]
    issue_of_many(labels_by_warning)

    judged = with_verdicts(findings, adjust, level)
    return MechanismReport(
        findings=judged,
        level=level,
        adjust=adjust,
        language=language,
        labels=panel.labels,
        entity_name=panel.entity_name,
        reps=REPS,
        rng_entropy=entropy,
        diagnostics=tuple(_remarks(judged, call, adjust, level)),
    )


# --- one proposition ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all fits share."""

    call: Call
    level: float
    entropy: int
    spatial_weights: SpatialWeights | None


def _finding(
    row: Mechanism, mechanism: Mechanism, shared: _Shared, labels_by_warning: dict[tuple[str, str], list[str]]
) -> Finding:
    """Fit the model of one row of a proposition, or record why it has none."""
    columns = _columns_of(row, shared.call.columns)
    finding = Finding(row, columns, _controls_of(columns, shared.call.controls))
    reason = refusal(row, columns, shared.call.systems or {}, with_weights=shared.spatial_weights is not None)
    if reason is not None:
        return replace(finding, reason=reason)

    others = [role for role in mechanism.outcomes if role not in row.roles]
    panel = _on_common_rows(shared.call, row, others)
    proposition = Proposition(
        row, panel, columns, finding.controls, shared.level, shared.entropy, shared.spatial_weights
    )
    try:
        with one_of_many(row.id, labels_by_warning):
            tested = estimate(proposition)
    except _NOT_TESTABLE as error:
        data = {"error": type(error).__name__, "message": error.message}
        return replace(finding, reason=Reason("failed", data))
    return _with_estimates(finding, tested)


def _with_estimates(finding: Finding, tested: Tested) -> Finding:
    for part in tested.parts:
        if math.isnan(part.p_value):
            return replace(finding, reason=Reason("no_p", {"code": part.code, "of": part.of}))
    return replace(
        finding,
        parts=tested.parts,
        estimator=tested.estimator,
        nobs=tested.nobs,
        n_entities=tested.n_entities,
        n_clusters=tested.n_clusters,
        detail=tested.detail,
        notices=tested.notices,
    )


def _columns_of(row: Mechanism, columns: Mapping[str, str]) -> dict[str, str]:
    return {role: columns[role] for role in row.roles if role in columns}


def _controls_of(columns: Mapping[str, str], controls: Sequence[str]) -> tuple[str, ...]:
    """Leave out the controls that are columns of the proposition."""
    used = {canonical(column) for column in columns.values()}
    return tuple(term for term in controls if canonical(term) not in used)


def _on_common_rows(call: Call, row: Mechanism, others: Sequence[str]) -> Panel:
    """Give all models of a proposition the same rows: a row that one of them lacks is missing in each.

    Values are taken out rather than rows, so that lags among the controls stay what they are.
    """
    panel = call.panel
    several = row.channels if row.shape == "threshold" else row.moderators[1:]
    beside = [call.columns[role] for role in others if role in call.columns]
    if not several and not beside:
        return panel
    names = list(dict.fromkeys([*_columns_of(row, call.columns).values(), *beside]))
    values = panel[names]
    missing = values.isna().any(axis=1)
    if not missing.any():
        return panel
    # A column of truth values cannot have missing ones.
    numbers = values.astype({name: float for name in names if values[name].dtype == bool})
    return panel.assign(**{name: numbers[name].where(~missing) for name in names})


# --- remarks ------------------------------------------------------------------------------------------------


def _remarks(findings: Sequence[Finding], call: Call, adjust: str, level: float) -> list[Notice]:
    tested = [finding for finding in findings if finding.tested]
    count, alpha = len(tested), 1 - level
    draws = 0 if adjust.startswith("fdr") or adjust == "none" else count
    return [
        *notices.several_tests(count, adjust, alpha),
        *notices.association(count),
        *notices.samples_differ([finding.nobs for finding in tested]),
        *notices.overlap_not_searched(count, searched=call.systems is not None),
        *notices.controls_left_out(_left_out(tested, call.controls)),
        *notices.controls_overlap(_overlapping_controls(tested, call.systems or {})),
        *notices.few_draws_to_adjust(draws, REPS, alpha),
    ]


def _left_out(findings: Iterable[Finding], controls: Sequence[str]) -> dict[str, list[str]]:
    out = {f.mechanism.id: [term for term in controls if term not in f.controls] for f in findings}
    return {name: terms for name, terms in out.items() if terms}


def _overlapping_controls(
    findings: Iterable[Finding], systems: Mapping[str, IndicatorSystem]
) -> dict[str, list[tuple[str, str]]]:
    """Find controls that are indicators of an index in the same model."""
    overlaps = {
        finding.mechanism.id: [
            (name, index)
            for index in finding.columns.values()
            for name in indicators_among(index, finding.controls, systems)
        ]
        for finding in findings
    }
    return {name: pairs for name, pairs in overlaps.items() if pairs}
