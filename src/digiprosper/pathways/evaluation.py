"""Test propositions on a panel, each by the model of its shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal, cast

import numpy as np

from digiprosper.checks import (
    check_level,
    check_option,
    option_error,
    option_problem,
    refuse_unknown,
)
from digiprosper.composite.indicators import IndicatorSystem, overlap_audit
from digiprosper.errors import (
    CollinearityError,
    HeldWarnings,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    PanelIndexError,
    ThresholdSearchError,
    cited,
    hold_warnings,
    issue_held_warnings,
    quoted,
)
from digiprosper.kernels.intervals import delta
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.diagnostics import merge_notices
from digiprosper.linear.drawn_tests import wild_bootstrap
from digiprosper.linear.fixed_effects import FixedEffects
from digiprosper.mediation.mediation import Mediation
from digiprosper.mediation.results import MediationResults
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel, known_names
from digiprosper.panel.grammar import backticked
from digiprosper.panel.terms import canonical, parse
from digiprosper.pathways.findings import Finding, Part, Reason, with_verdicts
from digiprosper.pathways.mechanism import Mechanism, roles_of, seed_catalogue
from digiprosper.pathways.notices import report_notices
from digiprosper.pathways.results import MechanismReport
from digiprosper.policy.staggered import StaggeredDid
from digiprosper.report.protocol import Results
from digiprosper.report.text import repeated
from digiprosper.spatial.panel_spatial import PanelSpatial
from digiprosper.spatial.weights import SpatialWeights, refuse_other
from digiprosper.specification import as_terms
from digiprosper.threshold.panel_threshold import PanelThreshold
from digiprosper.u_shape.moderated import moderated_u_test
from digiprosper.u_shape.u_test import u_test

REPS = 9999
"""Draws behind a p-value; fewer would allow no small p-value after an adjustment for
fifty tests."""

_ADJUST = ("holm", "bonferroni", "fdr_bh", "fdr_by", "none")
# Errors that are due to the data of one proposition; others are raised.
_NOT_TESTABLE = (
    IdentificationError,
    CollinearityError,
    MissingDataError,
    ThresholdSearchError,
)


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

    All models have entity and time effects, the same controls, and standard errors
    clustered by entity. If the data or the model of a proposition are missing, it is
    "not testable", and the report states what a test would need.

    Parameters
    ----------
    panel : Panel
        The data, with a time key.
    mechanisms : sequence of Mechanism
        Propositions, such as those of `seed_catalogue`.
    columns : mapping
        Column of each role, such as ``{"de": "digital", "cp": "prosperity"}``.
        Transformations must be columns; make them with `Panel.assign`. Roles may be
        missing.
    controls : str or sequence of str
        Controls of all models: columns or terms. A variable of a proposition is not a
        control in its model.
    systems : mapping, optional
        `IndicatorSystem` of each column that is an index. A proposition is not tested
        if one of its variables is an indicator of another, or if two of its indices
        have a common indicator.
    spatial_weights : SpatialWeights, optional
        Spatial weights, needed for propositions with shape ``"spatial"``.
    adjust : {"holm", "bonferroni", "fdr_bh", "fdr_by", "none"}
        Adjustment of the p-values of all tested propositions, as in
        `statsmodels.stats.multitest.multipletests`. The default is ``"holm"``.
    level : float
        Confidence level of verdicts and of intervals, which are not adjusted; .95 by
        default.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of all draws. Each proposition uses the same seed, so its numbers do not
        depend on the others: ``rng=report.rng_entropy`` in a call of the estimator
        reproduces them.
    language : {"en", "zh"}
        Language of the report.

    Returns
    -------
    MechanismReport
        One row per proposition. If it has several causes or outcomes, there is one row
        for each.

    Raises
    ------
    InputTypeError
        If an argument has the wrong type.
    OptionError
        If `columns` has a role that is neither in the mechanisms nor in the catalogue,
        ids are repeated, or an option has a value that is not allowed.
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
    The table in `Mechanism` has the estimate of each shape. The p-values and intervals
    are:

    - slopes and interactions: wild cluster bootstrap under the null hypothesis with
      9,999 draws, and the interval that inverts it. For ``coupled`` it is the slope of
      one variable on the other: its direction is not identified;
    - indirect effects: percentiles of 9,999 cluster bootstrap draws, and t tests of
      both paths if their signs are claimed;
    - ``threshold``: the larger of two p-values, of the bootstrap test for a threshold
      (in intercept and slope) with 9,999 draws, and of the t test of equal slopes given
      the threshold; with channels also the change of their indirect effects at this
      threshold;
    - ``U``: two-sided t tests of the slopes at both ends of the data;
    - ``spatial``: effect in a spatial Durbin model with the bias correction of Lee & Yu
      (2010) and standard errors clustered by entity;
    - ``design="staggered"``: average effect over all treated rows by imputation.

    A claim about several estimates (channels, moderators, both ends of a U) is tested
    with an intersection-union test (Berger 1982). Its p-value is the largest of the
    estimates if all have the claimed sign or all have the opposite sign; otherwise it
    is 1. The row shows the estimate with the largest p-value, or one without the
    claimed sign if signs differ; `MechanismReport.parts` has all.

    If the adjusted p-value is at most ``1 - level``, the verdict is "supported" or
    "contradicted", depending on the sign. Otherwise it is "inconclusive", which is not
    evidence of no relation.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import pathways
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> catalogue = [
    ...     m for m in pathways.seed_catalogue() if m.id in ("P05", "P15", "P41")
    ... ]
    >>> columns = {
    ...     "de": "digital",
    ...     "cp": "prosperity",
    ...     "isu": "upgrading",
    ...     "ur_gap": "urban_rural_theil",
    ... }
    >>> controls = ["urban", "fiscal", "openness"]
    >>> report = pathways.evaluate(panel, catalogue, columns, controls=controls, rng=1)
    >>> report.frame["verdict"].to_dict()
    {'P05': 'supported', 'P15': 'contradicted', 'P41': 'not testable'}
    >>> print(report.frame.loc["P41", "wording"])
    P41 was not tested: needs survey data
    """
    check_panel(panel, "pathways.evaluate")
    if panel.time_name is None:
        raise PanelIndexError(
            "pathways.evaluate needs a panel with a time key: models have time effects."
        )
    mechanisms = check_mechanisms(mechanisms)
    terms = as_terms(controls, "controls")
    for term in terms:
        parse(term, known_names(panel), "controls")
    columns = check_columns(panel, mechanisms, columns)
    systems = None if systems is None else check_systems(panel, systems)
    check_option("adjust", adjust, _ADJUST)
    check_option("language", language, ("en", "zh"))
    level = check_level(level)
    if spatial_weights is not None:
        refuse_other(spatial_weights, "pathways.evaluate")
    entropy = cast("int", seed_sequence(rng).entropy)

    model_warnings: HeldWarnings = []
    findings = []
    for mechanism in mechanisms:
        for row in mechanism.split():
            variables = {role: columns[role] for role in row.roles if role in columns}
            reason = reason_not_testable(row, variables, systems or {}, spatial_weights)
            finding = Finding(
                row,
                variables,
                _drop_used_controls(terms, variables.values()),
                reason=reason,
            )
            if reason is None:
                rows = _blank_incomplete_rows(panel, row, mechanism, columns)
                proposition = Proposition(
                    row,
                    rows,
                    variables,
                    finding.controls,
                    level,
                    entropy,
                    spatial_weights,
                )
                finding = _test_proposition(proposition, finding, model_warnings)
            findings.append(finding)
    issue_held_warnings(model_warnings)

    with_verdict = with_verdicts(findings, adjust, level)
    overlaps = _controls_in_indices(with_verdict, systems)
    remarks = report_notices(with_verdict, terms, overlaps, adjust, 1 - level, REPS)
    return MechanismReport(
        findings=with_verdict,
        level=level,
        adjust=adjust,
        language=language,
        labels=panel.labels,
        entity_name=panel.entity_name,
        reps=REPS,
        rng_entropy=entropy,
        diagnostics=tuple(remarks),
    )


# --- the arguments --------------------------------------------------------------------


def check_mechanisms(mechanisms: Any) -> tuple[Mechanism, ...]:
    """Check that there are propositions and that no id repeats."""
    mechanism_list = list(mechanisms) if isinstance(mechanisms, list | tuple) else []
    others = [value for value in mechanism_list if not isinstance(value, Mechanism)]
    if not mechanism_list:
        others = [mechanisms]
    if others:
        raise InputTypeError(
            "pathways.evaluate takes a list of Mechanism, such as "
            f"pathways.seed_catalogue(); got {cited(others[0])}.",
            [option_problem("mechanisms", others[0])],
        )
    ids = [row.id for mechanism in mechanism_list for row in mechanism.split()]
    if twice := sorted(repeated(ids)):
        raise option_error(
            "mechanisms",
            tuple(twice),
            f"mechanisms: the ids {quoted(twice)} are duplicated; rename one of each.",
        )
    return tuple(mechanism_list)


def check_columns(
    panel: Panel, mechanisms: Iterable[Mechanism], columns: Any
) -> dict[str, str]:
    """Check that roles are known and their columns in the panel."""
    _check_mapping(
        "columns", columns, "a mapping of role to column, such as {'de': 'digital'}"
    )
    for role, column in columns.items():
        if not isinstance(role, str) or not isinstance(column, str):
            raise InputTypeError(
                "columns must map a role to the name of one column, both as text; "
                f"{cited(role)}: {cited(column)} does not.",
                [option_problem("columns", (role, column))],
            )
    roles = roles_of([*mechanisms, *seed_catalogue()])
    unknown = [role for role in columns if role not in roles]
    if unknown:
        raise OptionError(
            f"columns: no mechanism has the role {quoted(unknown)}. The roles are "
            f"{quoted(roles, 12)}.",
            [option_problem("columns", role, roles) for role in unknown],
        )
    names = dict.fromkeys(columns.values())
    refuse_unknown(names, panel.columns, "columns", panel.labels)
    return dict(columns)


def check_systems(panel: Panel, systems: Any) -> dict[str, IndicatorSystem]:
    """Check the indicator systems of columns."""
    _check_mapping("systems", systems, "a mapping of column to IndicatorSystem")
    for column, system in systems.items():
        if not isinstance(system, IndicatorSystem):
            raise InputTypeError(
                f"systems[{cited(column)}] is not an IndicatorSystem; "
                "IndicatorSystem.from_dict makes one of a mapping.",
                [option_problem("systems", column)],
            )
    refuse_unknown(systems, panel.columns, "systems", panel.labels)
    return dict(systems)


def _check_mapping(name: str, value: object, description: str) -> None:
    if not isinstance(value, Mapping):
        raise InputTypeError(
            f"{name} must be {description}, not {cited(value)}.",
            [option_problem(name, value)],
        )


# --- why a proposition is not tested --------------------------------------------------


def reason_not_testable(
    mechanism: Mechanism,
    columns: Mapping[str, str],
    systems: Mapping[str, IndicatorSystem],
    spatial_weights: SpatialWeights | None = None,
) -> Reason | None:
    """Return the reason why a proposition cannot be tested, or None, before any fit."""
    if mechanism.testable == "no":
        return Reason(
            "data", {"needs": mechanism.needs, "needs_zh": mechanism.needs_zh}
        )
    without = tuple(role for role in mechanism.roles if role not in columns)
    if without:
        return Reason("column", {"roles": without})
    if mechanism.shape == "spatial" and spatial_weights is None:
        return Reason("weights")
    for column in columns.values():
        roles = tuple(role for role in columns if columns[role] == column)
        if len(roles) > 1:
            return Reason("same_column", {"column": column, "roles": roles})
    overlaps = _shared_indicators(list(columns.values()), systems)
    return Reason("overlap", {"found": overlaps}) if overlaps else None


def _shared_indicators(
    names: Sequence[str], systems: Mapping[str, IndicatorSystem]
) -> tuple[tuple[str, str, str], ...]:
    """List indicators used together with their index, and those of two indices."""
    inside = [
        (indicator, index, "")
        for index in names
        for indicator in indicators_among(
            index, [name for name in names if name != index], systems
        )
    ]
    shared = [
        (str(indicator), index, other)
        for index, other in combinations([name for name in names if name in systems], 2)
        for indicator in overlap_audit(systems[index], systems[other])["indicator"]
    ]
    return (*inside, *shared)


def indicators_among(
    index: str, terms: Sequence[str], systems: Mapping[str, IndicatorSystem]
) -> list[str]:
    """Find an index's indicators among terms; none if `index` is not an index."""
    if index not in systems:
        return []
    audit = overlap_audit(systems[index], systems[index], terms)
    return [str(name) for name in audit.loc[audit["other_columns"], "indicator"]]


# --- one proposition ------------------------------------------------------------------


def _test_proposition(
    proposition: Proposition,
    finding: Finding,
    model_warnings: HeldWarnings,
) -> Finding:
    """Fit the model of a proposition, or record why it has no p-value."""
    try:
        with hold_warnings(proposition.mechanism.id, model_warnings):
            estimated = proposition.estimate()
    except _NOT_TESTABLE as error:
        data = {"error": type(error).__name__, "message": error.message}
        return replace(finding, reason=Reason("failed", data))
    for part in estimated.parts:
        if math.isnan(part.p_value):
            return replace(
                finding, reason=Reason("no_p", {"code": part.code, "of": part.of})
            )
    return estimated


def _drop_used_controls(
    controls: Sequence[str], columns: Collection[str]
) -> tuple[str, ...]:
    used = set(map(canonical, columns))
    return tuple(term for term in controls if canonical(term) not in used)


def _blank_incomplete_rows(
    panel: Panel, row: Mechanism, whole: Mechanism, columns: Mapping[str, str]
) -> Panel:
    """Set incomplete rows to missing: all models of a claim use the same rows."""
    # Rows are not dropped, because lags among the controls need them.
    several = row.channels if row.shape == "threshold" else row.moderators[1:]
    other_outcomes = [
        role for role in whole.outcomes if role not in row.roles and role in columns
    ]
    if not several and not other_outcomes:
        return panel
    names = list(dict.fromkeys(columns[role] for role in (*row.roles, *other_outcomes)))
    values = panel[names]
    missing = values.isna().any(axis=1)
    if not missing.any():
        return panel
    # A boolean column cannot have missing values.
    numbers = values.astype(
        {name: float for name in names if values[name].dtype == bool}
    )
    return panel.assign(**{name: numbers[name].where(~missing) for name in names})


# --- the model of each shape ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposition:
    """A proposition in terms of columns.

    mechanism: with one cause and one outcome
    panel: with the rows of this proposition
    columns: role to column, for all roles of the mechanism
    entropy: seeds all draws
    """

    mechanism: Mechanism
    panel: Panel
    columns: Mapping[str, str]
    controls: tuple[str, ...]
    level: float
    entropy: int
    spatial_weights: SpatialWeights | None

    @property
    def cause(self) -> str:
        """Column of the cause."""
        return self.columns[self.mechanism.cause]

    @property
    def outcome(self) -> str:
        """Column of the outcome."""
        return self.columns[self.mechanism.outcome]

    @property
    def channels(self) -> list[str]:
        """Columns of the channels."""
        return [self.columns[role] for role in self.mechanism.channels]

    @property
    def moderators(self) -> list[str]:
        """Columns of the moderators."""
        return [self.columns[role] for role in self.mechanism.moderators]

    def estimate(self) -> Finding:
        """Fit the model of the shape."""
        shape = self.mechanism.design or self.mechanism.shape
        estimators: dict[str, Callable[[], Finding]] = {
            "linear": self._linear,
            "mediated": self._mediated,
            "moderated": self._moderated,
            "threshold": self._threshold,
            "U": self._u_shape,
            "U-mediated": self._u_mediated,
            "U-moderated": self._u_moderated,
            # A partial correlation does not depend on which variable is the outcome.
            "coupled": self._linear,
            "spatial": self._spatial,
            "staggered": self._staggered,
        }
        finding = estimators[shape]()
        parts = [replace(part, scale=self._scale(part)) for part in finding.parts]
        return replace(finding, parts=tuple(parts))

    def _scale(self, part: Part) -> float | None:
        """Compute the factor that converts an estimate to standard deviations."""
        if part.code == "shift":
            return None
        if part.code == "average":
            return 1 / float(self.panel[self.outcome].std())
        sd: Any = self.panel[[*self.columns.values()]].astype(float).dropna().std()
        first = part.of if part.code == "path_b" else self.cause
        last = part.of if part.code == "path_a" else self.outcome
        moderator = sd[part.of] if part.code == "interaction" else 1.0
        return float(sd[first] * moderator / sd[last])

    def _make_finding(
        self,
        estimator: str,
        parts: Iterable[Part],
        fit: Results,
        remarks: Iterable[Notice],
        **detail: float,
    ) -> Finding:
        """Make a finding from estimates, distinct notices and the sample of a fit."""
        info = fit.glance()
        return Finding(
            self.mechanism,
            self.columns,
            self.controls,
            parts=tuple(parts),
            estimator=estimator,
            nobs=info["nobs"],
            n_entities=info["n_entities"] or 0,
            n_clusters=info["n_clusters"] or 0,
            detail=detail,
            notices=tuple(merge_notices(remarks)),
        )

    # --- one regression ---------------------------------------------------------------

    def _linear(self) -> Finding:
        return self._bootstrap_slopes([self.cause], "slope", [""])

    def _moderated(self) -> Finding:
        products = [
            f"{backticked(self.cause)}:{backticked(w)}" for w in self.moderators
        ]
        terms = [*products, self.cause, *self._level_terms(self.moderators)]
        return self._bootstrap_slopes(terms, "interaction", self.moderators)

    def _bootstrap_slopes(
        self, terms: Sequence[str], code: str, about: Sequence[str]
    ) -> Finding:
        """Test coefficients by the wild cluster bootstrap; `about` has columns."""
        spec = FixedEffects(self.outcome, [*terms, *self.controls])
        fit = spec.fit(self.panel)
        parts = []
        remarks: list[Notice] = []
        for term, of in zip(fit.names, about, strict=False):
            test = wild_bootstrap(spec, self.panel, term, reps=REPS, rng=self.entropy)
            numbers = test.estimate, test.std_error, test.p_value
            interval = test.interval(self.level)
            parts.append(Part(code, self.mechanism.sign, *numbers, *interval, of))
            remarks += test.diagnostics
        return self._make_finding("fixed_effects", parts, fit, remarks)

    def _level_terms(self, moderators: Sequence[str]) -> list[str]:
        """List the moderators to add as regressors: not the cause, and not absorbed."""
        return [
            w for w in moderators if w != self.cause and not _is_absorbed(self.panel[w])
        ]

    # --- curves -----------------------------------------------------------------------

    def _u_shape(self) -> Finding:
        x = self.cause
        spec = FixedEffects(self.outcome, [x, f"I({backticked(x)}**2)", *self.controls])
        fit = spec.fit(self.panel)
        test = u_test(fit, x, level=self.level)
        # At both ends of the data
        slopes = zip(
            ("slope_low", "slope_high"),
            self.mechanism.sign.split("/"),
            test.interval,
            (test.slope_low, test.slope_high),
            (test.t_low, test.t_high),
            strict=True,
        )
        parts = [
            self._t_part(
                code, sign, slope, slope / t if t else math.nan, test.df_t, at=at
            )
            for code, sign, at, slope, t in slopes
        ]
        low, high = test.fieller[0] if len(test.fieller) == 1 else (math.nan, math.nan)
        turning = {
            "turning_point": test.extremum,
            "turning_low": low,
            "turning_high": high,
        }
        return self._make_finding(
            "u_test", parts, fit, (*fit.diagnostics, *test.diagnostics), **turning
        )

    def _u_moderated(self) -> Finding:
        """Test the shift of the turning point with each moderator."""
        x, square = backticked(self.cause), f"I({backticked(self.cause)}**2)"
        parts = []
        remarks: list[Notice] = []
        for w in self.moderators:
            products = [f"{x}:{backticked(w)}", f"{square}:{backticked(w)}"]
            terms = [
                self.cause,
                square,
                *products,
                *self._level_terms([w]),
                *self.controls,
            ]
            fit = FixedEffects(self.outcome, terms).fit(self.panel)
            test = moderated_u_test(fit, self.cause, w, level=self.level)
            remarks += [*fit.diagnostics, *test.diagnostics]
            shift: Any = test.shift.detail
            numbers = shift["estimate"], shift["std_error"], fit.df_t
            parts.append(self._t_part("shift", "", *numbers, of=w))
        return self._make_finding("moderated_u_test", parts, fit, remarks)

    def _t_part(
        self, code: str, sign: str, value: float, error: float, df: float, **where: Any
    ) -> Part:
        """Test an estimate by its t statistic."""
        low, high, p = map(
            float, delta(np.array(value), np.array(error), df, self.level)
        )
        return Part(code, sign, float(value), float(error), p, low, high, **where)

    def _part(self, row: Any, code: str, sign: str = "", **where: Any) -> Part:
        """Make a part from a row of `tidy`; the default sign is the proposition's."""
        names = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
        numbers: dict[str, Any] = {name: float(row[name]) for name in names}
        return Part(code, sign or self.mechanism.sign, **numbers, **where)

    # --- channels ---------------------------------------------------------------------

    def _mediation(self, **options: Any) -> MediationResults:
        """Fit the paths through all channels."""
        variables = (self.outcome, self.cause, self.channels, self.controls)
        return Mediation(*variables, reps=REPS, **options).fit(
            self.panel, rng=self.entropy
        )

    def _mediated(self) -> Finding:
        fit = self._mediation()
        parts = self._channel_parts(fit, "indirect", "indirect")
        # The claim is about the slopes on both paths of every channel
        if self.mechanism.path_signs:
            first, second = tuple(self.mechanism.path_signs)
            outcome = self._tidy_by_term(fit.paths["outcome"])
            for m in self.channels:
                mediator = self._tidy_by_term(fit.paths[f"mediator:{m}"])
                parts += [
                    self._part(mediator.loc[self.cause], "path_a", first, of=m),
                    self._part(outcome.loc[m], "path_b", second, of=m),
                ]
        return self._make_finding(
            "mediation", parts, fit.paths["total"], fit.diagnostics
        )

    def _u_mediated(self) -> Finding:
        fit = self._mediation(quadratic=("a", "direct"))
        total = fit.paths["total"]
        extremes: Any = total.sample_stats.loc[self.cause]
        low, high = float(extremes["min"]), float(extremes["max"])
        rows: Any = fit.conditional_effects([low, high], level=self.level).set_index(
            ["effect", "at"]
        )
        first, second = self.mechanism.sign.split("/")
        parts = [
            self._part(rows.loc[(f"indirect:{m}", at)], code, sign, of=m, at=at)
            for m in self.channels
            for code, sign, at in (
                ("indirect_low", first, low),
                ("indirect_high", second, high),
            )
        ]
        return self._make_finding("mediation", parts, total, fit.diagnostics)

    def _channel_parts(self, fit: Results, effect: str, code: str) -> list[Part]:
        rows = self._tidy_by_term(fit)
        return [
            self._part(rows.loc[f"{effect}:{m}"], code, of=m) for m in self.channels
        ]

    def _tidy_by_term(self, fit: Results) -> Any:
        return fit.tidy(self.level).set_index("term")

    # --- thresholds -------------------------------------------------------------------

    def _threshold(self) -> Finding:
        """Test for a threshold, and whether slope or effects differ by regime."""
        (q,) = self.moderators
        terms = self.outcome, [self.cause], q, [*self._level_terms([q]), *self.controls]
        spec = PanelThreshold(
            *terms, regime_intercept=True, reps=REPS, level=self.level
        )
        fit = spec.fit(self.panel, rng=self.entropy)
        first_threshold: Any = fit.thresholds.loc[1]
        gamma, p_threshold = (
            float(first_threshold["estimate"]),
            float(first_threshold["p_value"]),
        )

        low, high = fit.slopes.names[:2]
        change = fit.slopes.combination(f"{high} - {low}")
        part = self._part(change.tidy(self.level).iloc[0], "change")
        parts = [replace(part, p_value=max(part.p_value, p_threshold))]
        remarks = [*fit.diagnostics]
        if self.channels:
            by_regime = self._mediation(threshold=(q, gamma))
            parts += self._channel_parts(by_regime, "difference", "indirect_change")
            remarks += by_regime.diagnostics
        detail = {"threshold": gamma, "p_threshold": p_threshold}
        return self._make_finding(
            "panel_threshold", parts, fit.slopes, remarks, **detail
        )

    # --- space and policy -------------------------------------------------------------

    def _spatial(self) -> Finding:
        weights: Any = self.spatial_weights
        spec = PanelSpatial(self.outcome, [self.cause, *self.controls], weights)
        fit = spec.fit(self.panel, rng=self.entropy)
        rows, impact = fit.effects_table(self.level), self.mechanism.impact
        part = self._part(rows[rows["kind"] == impact].iloc[0], impact)
        return self._make_finding("panel_spatial", [part], fit, fit.diagnostics)

    def _staggered(self) -> Finding:
        options: Any = {"estimator": "imputation", "aggregate": "simple"}
        fit = StaggeredDid(self.outcome, self.cause, self.controls, **options).fit(
            self.panel
        )
        part = self._part(fit.tidy(self.level).iloc[0], "average")
        return self._make_finding("staggered_did", [part], fit, fit.diagnostics)


def _is_absorbed(values: Any) -> bool:
    """Check whether a column is constant in every entity, or in every period."""
    keys = range(values.index.nlevels)
    return any(int(values.groupby(level=key).nunique().max()) <= 1 for key in keys)


# --- remarks --------------------------------------------------------------------------


def _controls_in_indices(
    findings: Iterable[Finding], systems: Mapping[str, IndicatorSystem] | None
) -> dict[str, list[tuple[str, str]]] | None:
    """List, by id, controls that are indicators of an index in the same model."""
    if systems is None:
        return None
    return {
        finding.mechanism.id: [
            (name, index)
            for index in finding.columns.values()
            for name in indicators_among(index, finding.controls, systems)
        ]
        for finding in findings
        if finding.tested
    }
