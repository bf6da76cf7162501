"""Linear regression with fixed effects and instruments, by two-stage least squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

from digiprosper.errors import Notice, TermError, issue
from digiprosper.kernels.slopes import Effect
from digiprosper.linear.diagnostics import lagged_outcome, staggered
from digiprosper.linear.distances import DistanceKernel
from digiprosper.linear.estimation import (
    Demeaned,
    columns_at,
    counts_and_vcov,
    demean_columns,
    fit_equation,
    fit_notices,
    make_results,
    refuse_constant_outcome,
    refuse_names,
    single_column,
)
from digiprosper.linear.fixed_effects import check_regression_options
from digiprosper.linear.instrument_columns import (
    ColumnPositions,
    column_positions,
    leave_one_out_mean_notices,
    refuse_too_few,
    refuse_unidentified,
    selected_columns,
    usable_columns,
)
from digiprosper.linear.instrument_tests import (
    about_strength,
    endogeneity_test,
    instrument_tests,
)
from digiprosper.linear.iv_results import IVResults
from digiprosper.linear.kernels.anderson_rubin import reduced_forms
from digiprosper.linear.kernels.two_stage import Projection, project, solve_two_stage
from digiprosper.linear.notices import in_memory_only
from digiprosper.linear.preparation import (
    CovType,
    LinearOptions,
    Prepared,
    Ssc,
    linear_options,
    prepare,
    refuse_corrected,
)
from digiprosper.linear.results import LinearResults
from digiprosper.linear.scanned import scanned
from digiprosper.panel import Panel, PanelScan, Sample
from digiprosper.report.collection import ResultSet
from digiprosper.report.notices import few_clusters
from digiprosper.report.tests import TestResult
from digiprosper.report.text import freedom_text
from digiprosper.specification import (
    TERM,
    TERMS,
    Specification,
    read_terms,
    refuse_repeats,
)

_ROLES = ("y", "endog", "x", "instruments")


@dataclass(frozen=True, slots=True)
class FixedEffectsIV(Specification):
    """Linear regression with fixed effects and instruments, by two-stage least squares.

    The model, with instruments z for d, is

    .. math:: y_{it} = d_{it}'b + x_{it}'c + a_i + l_t + ... + e_{it}

    The fixed effects are absorbed from all columns. The first stage regresses d
    on z and x, and the second stage regresses y on the fitted values of d and on x
    (Wooldridge 2010, section 5.2). Estimates, standard errors and degrees of freedom
    equal those with dummies.

    Parameters
    ----------
    y : str
        Outcome: a column or a term, as in `FixedEffects`.
    x : sequence of str
        Exogenous regressors: columns or terms. The list may be empty.
    endog : sequence of str
        Endogenous regressors: columns or terms.
    instruments : sequence of str
        Excluded instruments: columns or terms, at least as many as endogenous
        regressors. They must vary after the fixed effects are absorbed.
        `digiprosper.instruments` computes instruments such as shift-share variables.
    entity_effects, time_effects, absorb
        Fixed effects, as in `FixedEffects`.
    cov_type : str
        Type of the standard errors: ``"clustered"``, ``"robust"``, ``"unadjusted"``,
        ``"driscoll_kraay"``, ``"xtscc"`` or ``"conley"``, as in `FixedEffects`;
        ``"clustered"`` by default.
    clusters, bandwidth, ssc, obs_weights, singletons, missing, keep_rows, where
        As in `FixedEffects`. K in the small-sample correction counts the slopes of the
        second stage.
    coordinates, distance_cutoff, distance_kernel
        As in `FixedEffects`.
    collinear : {"raise", "drop"}
        What to do if a control or an instrument is absorbed by the fixed effects or is
        a linear combination of earlier columns. ``"raise"`` (default) raises an error;
        ``"drop"`` drops it and adds a notice to `diagnostics`. Endogenous regressors
        are never dropped.

    Raises
    ------
    OptionError, TermError
        By the constructor, if an option has an unknown value, there is no endogenous
        regressor or no instrument, or a term has two roles.
    ColumnError, InputTypeError, MissingDataError
        By `fit`, if a column cannot be used.
    IdentificationError, CollinearityError
        By `fit`, if the model is not identified: for example with fewer instruments
        than endogenous regressors.

    See Also
    --------
    FixedEffects : ordinary least squares.

    Examples
    --------
    >>> from digiprosper import FixedEffectsIV, datasets
    >>> spec = FixedEffectsIV("log(gsp)", ["unemp"], ["log(emp)"], ["lag(log(emp))"])
    >>> fit = spec.fit(datasets.us_states())
    >>> fit.params.round(3).to_dict()
    {'log(emp)': 0.859, 'unemp': -0.004}
    >>> round(fit.iv_tests["effective_f"])
    5145
    """

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(metadata=TERMS)
    endog: Sequence[str] = field(metadata=TERMS)
    instruments: Sequence[str] = field(metadata=TERMS)
    _: KW_ONLY
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    bandwidth: int | None = None
    coordinates: Sequence[str] | None = None
    distance_cutoff: float | None = None
    distance_kernel: DistanceKernel = "bartlett"
    ssc: Ssc = "reghdfe"
    obs_weights: str | None = None
    singletons: Literal["drop", "keep"] = "drop"
    collinear: Literal["raise", "drop"] = "raise"
    missing: Literal["drop", "raise"] = "drop"
    keep_rows: bool = True
    where: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)
        for name in ("endog", "instruments"):
            if not getattr(self, name):
                raise TermError(
                    f"{name} is empty; specify at least one term, or use FixedEffects."
                )
        refuse_repeats(self, _ROLES)
        check_regression_options(self)
        refuse_corrected(type(self).__name__, self.cov_type)

    @property
    def options(self) -> LinearOptions:
        """Options of the fixed effects, the standard errors and the sample."""
        return linear_options(self)

    def fit(
        self,
        panel: Panel | PanelScan[Any],
        *,
        rng: object = None,  # noqa: ARG002
        progress: bool = False,  # noqa: ARG002
    ) -> IVResults:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data, or a table that is larger than memory (`Panel.scan`).
        rng, progress
            Not used. All specifications have these arguments.

        Returns
        -------
        IVResults
            Coefficients of the endogenous regressors, then of `x`, with first stages
            and tests of the instruments.

        Raises
        ------
        ColumnError, TermError, InputTypeError, MissingDataError
            If `panel` is not a Panel, a column does not exist, a term cannot be read or
            evaluated, or no row is left. With ``missing="raise"`` also if a value is
            missing.
        IdentificationError, CollinearityError
            If the model is not identified.

        Warns
        -----
        IdentificationWarning
            If the instruments are weak; also as in `FixedEffects.fit`.
        MissingDataWarning, SingletonWarning, FewClustersWarning
            As in `FixedEffects.fit`.
        CovarianceWarning, NearCollinearWarning
            As in `FixedEffects.fit`.
        """
        regressors = {role: getattr(self, role) for role in _ROLES[1:]}
        if isinstance(panel, PanelScan):
            with scanned(self, panel, regressors) as (prepared, demeaned):
                _checked_names(self.y, prepared.sample)
                prepared.block_sums.refuse_instruments()
                positions = column_positions(prepared.sample)
                results = two_stage(prepared, demeaned, positions)
        else:
            prepared = prepare(panel, {"y": (self.y,), **regressors}, self.options)
            sample = prepared.sample
            names = _checked_names(self.y, sample)
            at = [column for role in _ROLES for column in sample.roles[role]]
            raw = columns_at(sample.matrix, at)
            demeaned = demean_columns(prepared, names, raw)
            results = two_stage(prepared, demeaned, column_positions(sample))
        issue(results.diagnostics)
        return results


def _checked_names(y: str, sample: Sample) -> tuple[str, ...]:
    """Return the names of the columns; refuse repeated names, too few instruments."""
    single_column(sample, "y", y)
    names = (y, *(name for role in _ROLES[1:] for name in sample.names_of(role)))
    refuse_names(names[1:])
    refuse_too_few(names, column_positions(sample))
    return names


def _projection(
    prepared: Prepared, demeaned: Demeaned, positions: ColumnPositions
) -> Projection:
    return project(
        demeaned.columns[:, 0],
        selected_columns(demeaned, positions.endog),
        selected_columns(demeaned, positions.controls),
        selected_columns(demeaned, positions.instruments),
        obs_weights=prepared.obs_weights,
    )


def two_stage(
    prepared: Prepared, demeaned: Demeaned, positions: ColumnPositions
) -> IVResults:
    """Estimate the equation, its first stages and its reduced form."""
    positions, dropped = usable_columns(prepared, demeaned, positions)
    refuse_constant_outcome(prepared, demeaned, 0)
    projected = _projection(prepared, demeaned, positions)
    endog = tuple(demeaned.names[j] for j in positions.endog)
    refuse_unidentified(projected, endog)
    jackknifed = None
    effects: tuple[Effect, ...] = ()
    if prepared.block_sums is None:
        effects = prepared.within.effects_and_slopes
    else:
        prepared, demeaned = _with_scores(prepared, demeaned, positions, projected)
        projected = _projection(prepared, demeaned, positions)
        jackknifed = prepared.block_sums.jackknife(projected)

    y, x = demeaned.columns[:, 0], selected_columns(demeaned, positions.regressors)
    solved = solve_two_stage(projected, y, x, *counts_and_vcov(prepared, x.shape[1]))
    at = (0, *positions.regressors)
    named = make_results(prepared, demeaned, at, solved, (), report_indefinite=True)
    stages = [
        fit_equation(prepared, demeaned, j, positions.exogenous)[0]
        for j in positions.endog
    ]
    first_stage = ResultSet(tuple(zip(endog, stages, strict=True)))
    tests = _labelled(
        instrument_tests(prepared, projected, solved, first_stage), prepared.sample
    )
    instruments = tuple(demeaned.names[j] for j in positions.instruments)
    reduced_form = fit_equation(prepared, demeaned, 0, positions.exogenous)[0]
    notices = [
        *_about_rows(prepared, demeaned),
        *dropped,
        *fit_notices(
            solved, demeaned.lengths[0], named.depvar, named.names[: len(at) - 1]
        ),
        *named.diagnostics,
        *lagged_outcome(prepared, roles=("endog", "x")),
        *leave_one_out_mean_notices(
            prepared, demeaned, positions.instruments, positions.endog
        ),
        *about_strength(endog, instruments, tests, reduced_form),
    ]
    if prepared.block_sums is not None:
        notices += in_memory_only(notices)
    of_linear = {f.name: getattr(named, f.name) for f in fields(LinearResults)}
    return IVResults(
        **{**of_linear, "diagnostics": tuple(notices)},
        endog=endog,
        instruments=instruments,
        first_stage=first_stage,
        reduced_form=reduced_form,
        iv_tests=tests,
        endogeneity=endogeneity_test(prepared, demeaned, positions, projected),
        reduced_forms=reduced_forms(
            projected,
            counts_and_vcov(prepared, projected.basis.shape[1])[1],
            effects,
            jackknifed,
        ),
    )


def _labelled(tests: Mapping[str, Any], sample: Sample) -> dict[str, Any]:
    """Add labels and factors to tests, for tables."""
    wording: dict[str, Any] = {"labels": sample.labels, "factors": sample.factors}
    return {
        name: replace(test, **wording) if isinstance(test, TestResult) else test
        for name, test in tests.items()
    }


def _with_scores(
    prepared: Prepared,
    demeaned: Demeaned,
    positions: ColumnPositions,
    projected: Projection,
) -> tuple[Prepared, Demeaned]:
    """Sum the scores of all equations over the blocks of a scanned table."""
    heights = np.hstack([projected.endog, projected.controls])
    out: tuple[Prepared, Demeaned] = prepared.block_sums.with_scores(
        prepared,
        demeaned,
        positions.controls,
        (*positions.instruments, *positions.endog, 0),
        {
            positions.regressors: projected.basis @ heights,
            positions.exogenous: demeaned.select(positions.exogenous),
        },
    )
    return out


def _about_rows(prepared: Prepared, demeaned: Demeaned) -> list[Notice]:
    """Collect notices about rows, with those of few clusters for instruments."""
    few: list[Notice] = []
    for groups, name in zip(prepared.count.groups, prepared.cluster_names, strict=True):
        text = (
            f"t intervals with {freedom_text(groups - 1)} are used. Clustered standard "
            "errors and first-stage F are reliable with many clusters only. "
            "Anderson-Rubin sets are valid with few (jackknife covariance); Stata's "
            "boottest has a wild bootstrap for instruments (Davidson & MacKinnon 2010)."
        )
        few += few_clusters(groups, name, text)
    columns = range(1, len(demeaned.names))
    return [
        *prepared.other_notices,
        *few,
        *staggered(prepared, demeaned.names, demeaned.raw, columns, "iv"),
    ]
