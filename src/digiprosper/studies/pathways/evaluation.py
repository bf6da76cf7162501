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
from digiprosper.spatial.weights import refuse_other
from digiprosper.studies.pathways import notices
from digiprosper.studies.pathways.call import checked_call
from digiprosper.studies.pathways.estimators import REPS, Asked, estimate
from digiprosper.studies.pathways.findings import Finding, Reason, with_verdicts
from digiprosper.studies.pathways.refusals import indicators_among, refusal
from digiprosper.studies.pathways.results import MechanismReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digiprosper.composite.indicators import IndicatorSystem
    from digiprosper.errors import Notice
    from digiprosper.panel import Panel
    from digiprosper.spatial.weights import SpatialWeights
    from digiprosper.studies.pathways.call import Call
    from digiprosper.studies.pathways.estimators import Tested
    from digiprosper.studies.pathways.mechanism import Mechanism

__all__ = ["evaluate"]

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
    """Test propositions on a panel, each by the model of its shape, and adjust the p-values over all.

    Every model has entity and time effects, the same controls, and errors clustered by entity. A proposition
    whose data or model are missing is "not testable", and the report says what it would need.

    Parameters
    ----------
    panel : Panel
        The data, with a time key.
    mechanisms : sequence of Mechanism
        The propositions, such as `seed_catalogue`.
    columns : mapping
        Role to column, such as ``{"de": "digital", "cp": "prosperity"}``. Columns, not terms: create a
        logarithm with `Panel.assign`. Roles without a column are allowed.
    controls : str or sequence of str
        Terms in every model. A column of a proposition is left out of its controls.
    systems : mapping, optional
        Column of an index to the `IndicatorSystem` behind it. A proposition is not tested if one of its
        variables is an indicator of another, or if two of its indices share one.
    spatial_weights : SpatialWeights, optional
        What ``spatial`` shapes need.
    adjust : {"holm", "bonferroni", "fdr_bh", "fdr_by", "none"}
        Adjustment of p-values over all propositions that are tested, as in
        `statsmodels.stats.multitest.multipletests`.
    level : float
        Of intervals, which are not adjusted, and of verdicts.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seeds all draws. Every row is drawn from the same seed, so no row depends on the others:
        ``rng=report.rng_entropy`` in a call of the estimator gives the numbers of a row.
    language : {"en", "zh"}
        Of the words in the report.

    Returns
    -------
    MechanismReport
        One row per proposition, in the order given. One with several causes or outcomes makes a row of each.

    Raises
    ------
    InputTypeError
        If an argument has the wrong type.
    OptionError
        If `columns` has a role that neither the mechanisms nor the catalogue have, ids are repeated, or an
        option has a value that is not allowed.
    ColumnError, TermError
        If a column or a control is not in the panel, or a control cannot be read.
    PanelIndexError
        If the panel has no time key.
    AlignmentError
        If the spatial weights lack an entity.

    Warns
    -----
    DigiprosperWarning
        Those of the models, each once, with the propositions they are about.

    Notes
    -----
    Which estimate has the sign that is claimed, by shape (`Mechanism` has the table), and its p-value:

    - slopes, interactions, both directions of ``coupled``: wild cluster bootstrap with the null imposed,
      9,999 draws, and the interval that inverts it;
    - indirect effects: percentiles of 9,999 cluster bootstrap draws; where signs of both paths are claimed,
      t tests of the paths as well;
    - ``threshold``: the larger p-value of the bootstrap test for a threshold (level and slope change, 9,999
      draws) and of the t test that the slope does not change, given the threshold; channels add the change of
      their indirect effects at the same threshold;
    - ``U``: t tests of the slopes at both ends of the data, two-sided, as either shape may be found;
    - ``spatial``: effect of a spatial Durbin model, corrected for the bias of fixed effects (Lee & Yu 2010),
      errors clustered by entity; ``design="staggered"``: average over all treated rows by imputation.

    A claim about several estimates (channels, moderators, both ends of a U) has the largest of their p-values
    if all have the claimed sign or all the opposite one, otherwise 1: an intersection-union test (Berger
    1982). Its row shows the estimate with this p-value; `MechanismReport.parts` has all.

    With the adjusted p-value at most ``1 - level`` the verdict is "supported" or "contradicted" by the sign;
    otherwise "inconclusive", which is not evidence of no relation.

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

    said: dict[tuple[str, str], list[str]] = {}
    findings = [
        _found(row, mechanism, _Shared(call, level, entropy, spatial_weights), said)
        for mechanism in call.mechanisms
        for row in mechanism.split()
    ]
    issue_of_many(said)

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


def _found(
    row: Mechanism, mechanism: Mechanism, shared: _Shared, said: dict[tuple[str, str], list[str]]
) -> Finding:
    """Fit the model of one row of a proposition, or state why it has none."""
    columns = _columns_of(row, shared.call.columns)
    finding = Finding(row, columns, _controls_of(columns, shared.call.controls))
    reason = refusal(row, columns, shared.call.systems or {}, with_weights=shared.spatial_weights is not None)
    if reason is not None:
        return replace(finding, reason=reason)

    others = [role for role in mechanism.outcomes if role not in row.roles]
    panel = _on_common_rows(shared.call, row, others)
    asked = Asked(row, panel, columns, finding.controls, shared.level, shared.entropy, shared.spatial_weights)
    try:
        with one_of_many(row.id, said):
            tested = estimate(asked)
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
    )


def _columns_of(row: Mechanism, columns: Mapping[str, str]) -> dict[str, str]:
    return {role: columns[role] for role in row.roles if role in columns}


def _controls_of(columns: Mapping[str, str], controls: Sequence[str]) -> tuple[str, ...]:
    """Leave out the controls that are columns of the proposition."""
    own = {canonical(column) for column in columns.values()}
    return tuple(term for term in controls if canonical(term) not in own)


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
    found = {
        finding.mechanism.id: [
            (name, index)
            for index in finding.columns.values()
            for name in indicators_among(index, finding.controls, systems)
        ]
        for finding in findings
    }
    return {name: pairs for name, pairs in found.items() if pairs}
