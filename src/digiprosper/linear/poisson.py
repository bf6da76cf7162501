"""Poisson regressions with absorbed effects: sample, likelihood and results.

========= ==============================================================================
code      data
========= ==============================================================================
separated count, effects (rows), regressors (rows), rows (labels of the first five)
========= ==============================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd

from digiprosper._version import __version__
from digiprosper.checks import option_error
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    cited,
    counted,
    notice_of,
)
from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.covariance import Counts, Vcov
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.reweighted import (
    POISSON,
    Reweighted,
    as_regression,
    reweighted_least_squares,
)
from digiprosper.kernels.separation import mark_empty_levels, separated_rows
from digiprosper.kernels.within import finest, is_nested
from digiprosper.linear.diagnostics import not_semidefinite
from digiprosper.linear.estimation import (
    Demeaned,
    checked_columns,
    columns_at,
    counts_and_vcov,
    estimation_sample,
    fit_notices,
    inference_of,
    named_effects,
    single_column,
)
from digiprosper.linear.notices import few_for_counts, no_variance
from digiprosper.linear.preparation import (
    Prepared,
    drop_notice,
    effects_of,
    prepare,
    refuse_extreme,
)
from digiprosper.linear.results import (
    NO_COVARIANCE,
    EffectValues,
    EstimationSample,
    RegressionResults,
    hotelling_test,
)
from digiprosper.linear.variance_checks import (
    find_zero_variances,
    needed_cluster_notices,
)
from digiprosper.panel import Panel, Sample
from digiprosper.panel.codes import Absorbed
from digiprosper.panel.keys import rows_text
from digiprosper.report.estimates import Estimates
from digiprosper.report.protocol import Glance
from digiprosper.report.tests import TestResult
from digiprosper.specification import one_term

PoissonSsc = Literal["ppmlhdfe", "fixest"]
# Consequence of a lagged outcome with entity effects, and the remedy
LAGGED = (
    "and so are the other slopes: regressors must not depend on earlier outcomes. Omit "
    "it."
)
# Exposures that differ by a factor of 10^13 are none.
_WIDEST_OFFSET = 30.0
_INDEX_TERMS = ("exposure", "offset")
# With more clusters chi-squared has about its size.
_MANY = 100
# Effects of a gravity equation in each period, and rows of one where their bias is
# small.
_BOTH_ENDS = 2
_MANY_ROWS = 100
_TOO_OFTEN = "chi-squared, which rejects a true hypothesis too often with few clusters"


# --- rows -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Separated:
    """Separated rows: their outcome of zero is fitted perfectly."""

    sample: Sample  # with the separated rows
    mask: Bools  # (N,) which of its rows are separated
    reasons: tuple[str, ...]  # of each of them: ``"effects"`` or ``"regressors"``
    # Index of the other rows at a maximum, from which the likelihood is maximised
    # faster; None where the model has other rows or an offset
    start: Floats | None

    @property
    def index(self) -> pd.Index[Any]:
        """Labels of the separated rows."""
        return self.sample.index[self.mask]

    @property
    def by_reason(self) -> dict[str, int]:
        """Number of separated rows by reason."""
        return {r: self.reasons.count(r) for r in ("effects", "regressors")}

    @property
    def notices(self) -> list[Notice]:
        """Notice of the separated rows as dropped; none without such rows."""
        rows, by_reason = tuple(self.index[:5]), self.by_reason
        reasons = {
            "effects": "in a level of a fixed effect whose outcomes are all zero",
            "regressors": "predicted to be zero by regressors and effects",
        }
        listed = [
            f"{by_reason[r]} {text}" for r, text in reasons.items() if by_reason[r]
        ]
        notice = notice_of(
            "separated",
            count=len(self.reasons),
            **by_reason,
            rows=rows,
            _reasons=", ".join(listed),
            _first=rows_text(rows),
        )
        return [notice] if listed else []


def check_counts(y: str, sample: Sample) -> None:
    """Refuse negative outcomes, and outcomes that are all zero."""
    outcome = single_column(sample, "y", y)
    negative = np.flatnonzero(outcome < 0)
    if negative.size:
        raise IdentificationError(
            f"the outcome {cited(y)} is negative in "
            f"{counted(negative.size, 'row')}, first: "
            f"{rows_text(tuple(sample.index[negative[:5]]))}. A Poisson regression is "
            "for outcomes that are zero or more; use FixedEffects."
        )
    if not outcome.any():
        raise IdentificationError(
            f"the outcome {cited(y)} is zero in every row of the sample."
        )


def check_exposure_and_offset(spec: Any) -> None:
    """Check the exposure and the offset of a specification."""
    for name in _INDEX_TERMS:
        if getattr(spec, name) is not None:
            one_term(getattr(spec, name), name)
    if spec.exposure is not None and spec.offset is not None:
        raise option_error(
            "offset",
            spec.offset,
            f"exposure={cited(spec.exposure)} and offset={cited(spec.offset)} cannot "
            "be combined: the exposure is the offset log(exposure). Add both in one "
            "column.",
        )
    if re.match(r"\s*log(1p)?\s*\(", spec.exposure or ""):
        raise option_error(
            "exposure",
            spec.exposure,
            f"exposure={cited(spec.exposure)} is a logarithm, and the model takes the "
            "log of an exposure: write the column itself, or its log as offset.",
        )


def prepare_poisson(
    spec: Any,
    panel: Panel,
    roles: Mapping[str, Sequence[str]],
    regressors: Callable[[Sample, Sequence[Absorbed]], Floats],
    separation: str = "drop",
) -> tuple[Prepared, Separated]:
    """Prepare the sample without separated rows."""
    cut: list[Separated] = []  # of the only call of `select`

    def select(sample: Sample, absorbed: Sequence[Absorbed]) -> Sample:
        refuse_extreme(sample.matrix, sample.names)
        check_counts(spec.y, sample)
        if spec.exposure is not None:
            _check_exposure(spec.exposure, sample)
        columns = regressors(sample, absorbed)
        cut.append(find_separated(sample, columns, absorbed, separation))
        return sample.keep(~cut[0].mask, "separated rows")

    terms = {name: getattr(spec, name) for name in _INDEX_TERMS}
    in_index = {name: (term,) for name, term in terms.items() if term is not None}
    prepared = prepare(
        panel,
        {"y": (spec.y,), **roles, **in_index},
        replace(spec.options, ssc="reghdfe"),
        select=select,
    )
    # With the factor of ppmlhdfe nothing depends on how many effects there are.
    if spec.options.ssc != "fixest":
        prepared = drop_notice(prepared, "rank_bound")
    (separated,) = cut
    # The index was computed without offset, before singletons were dropped.
    start = separated.start
    if in_index or (start is not None and start.size != prepared.sample.nobs):
        separated = replace(separated, start=None)
    return prepared, separated


def _check_exposure(name: str, sample: Sample) -> None:
    exposure = sample.columns("exposure")
    if exposure.shape[1] == 1 and (exposure > 0).all():
        return
    rows = tuple(sample.index[np.flatnonzero((exposure <= 0).any(axis=1))[:5]])
    text = f"exposure={cited(name)} must be one column and positive in every row"
    where = f"; it is not in {rows_text(rows)}" if rows else ""
    raise option_error(
        "exposure", name, f"{text}{where}. Remove these rows with panel.subset()."
    )


def _check_offset(name: str, sample: Sample, offset: Floats) -> None:
    """Refuse an exposure without its log: of a wide range, or with few digits."""
    is_column = [factor.column for factor in sample.factors_of(name)] == [name]
    # Exposures are no dummies, and not negative.
    may_be = is_column and offset.min() >= 0 and not np.isin(offset, (0, 1)).all()
    rounded = may_be and np.array_equal(offset, offset.round(1))
    spread = float(np.ptp(offset))
    if spread > (0 if rounded else _WIDEST_OFFSET):
        # Nothing that an exponential takes has so wide a range.
        other = ", or I(...) if it is none" if spread <= _WIDEST_OFFSET else ""
        raise option_error(
            "offset",
            name,
            f"offset={cited(name)} seems to be an exposure without its log: it has a "
            f"range of {spread:.4g}. Write exposure={cited(name)}{other}.",
        )


def offset_of(spec: Any, sample: Sample) -> Floats:
    """Return the offset of the index (N,), such as the log of the exposure."""
    if spec.exposure is not None:
        return np.asarray(np.log(sample.columns("exposure")[:, 0]))
    if spec.offset is not None:
        offset = sample.columns("offset")[:, 0]
        _check_offset(spec.offset, sample, offset)
        return offset
    return np.zeros(sample.nobs)


def find_separated(
    sample: Sample, x: Floats, absorbed: Sequence[Absorbed], separation: str
) -> Separated:
    """Find separated rows, and why they are."""
    y, effects = sample.columns("y")[:, 0], effects_of(sample, absorbed)
    by_effects = mark_empty_levels(y, effects)
    mask, index = separated_rows(y, x, effects)
    reasons = np.where(by_effects, "effects", "regressors")[mask]
    separated = Separated(sample, mask, tuple(reasons.tolist()), index)
    if mask.any() and separation == "raise":
        raise _separation_error(separated)
    return separated


def _separation_error(rows: Separated) -> IdentificationError:
    """Build the error for ``separation="raise"``."""
    by_reason = rows.by_reason
    text = (
        f"{counted(len(rows.reasons), 'row')} with outcome zero are separated: "
        f"{by_reason['effects']} in levels of effects whose outcomes are all zero, "
        f"{by_reason['regressors']} by regressors and effects; first: "
        f"{rows_text(tuple(rows.index[:5]))}. With them the likelihood has no "
        "maximum; separation='drop' drops them without changing the other estimates."
    )
    return IdentificationError(text, rows.notices)


# --- the likelihood -------------------------------------------------------------------


def fit_poisson(
    prepared: Prepared,
    demeaned: Demeaned,
    regressors: Sequence[int],
    separated: Separated,
    ssc: str,
    offset: Floats | None = None,
) -> tuple[list[int], list[Notice], Reweighted, Solved]:
    """Maximise the likelihood; `demeaned` has the outcome first."""
    try:
        columns, notices, _ = checked_columns(prepared, demeaned, 0, regressors)
    except (IdentificationError, CollinearityError) as error:
        raise _mention_separation(error, separated) from error
    likelihood = reweighted_least_squares(
        demeaned.raw[:, 0],
        demeaned.select(columns),
        prepared.within.effects_and_slopes,
        POISSON,
        obs_weights=prepared.obs_weights,
        offset=offset,
        start=separated.start,
    )
    solved = as_regression(likelihood, *_counts_and_vcov(ssc, prepared, len(columns)))
    length = float(np.sqrt(demeaned.raw.shape[0]))
    notices += fit_notices(solved, demeaned, (0, *columns), length)
    return columns, notices, likelihood, solved


def few_clusters(prepared: Prepared, then: str = "") -> Iterator[Notice]:
    """Report few clusters; `then` is further advice."""
    names, cov_type = prepared.cluster_names, prepared.options.cov_type
    if len(names) > 1:
        then = ", which takes one-way clusters, with the dimension of fewer clusters"
    for groups, name in zip(prepared.count.groups, names, strict=True):
        yield from few_for_counts(groups, name, cov_type, then)


def three_effects(prepared: Prepared) -> list[Notice]:
    """Report three-way effects: pairs, and both sides in each period."""
    within, sample = prepared.within, prepared.sample
    codes = finest([within.codes[p] for p in within.constants])
    of_entity = any(is_nested(code, sample.entity) for code in codes)
    by_period = [code for code in codes if is_nested(code, sample.time)]
    if not of_entity or len(by_period) < _BOTH_ENDS:
        return []
    rows = sample.nobs / max(int(code.max()) + 1 for code in by_period)
    if rows >= _MANY_ROWS:
        return []
    return [notice_of("three_way", effects=tuple(prepared.effect_names), rows=rows)]


def _mention_separation(
    error: IdentificationError | CollinearityError, separated: Separated
) -> IdentificationError | CollinearityError:
    """Mention in an error that separated rows were dropped, a possible cause."""
    count = len(separated.reasons)
    if not count:
        return error
    text = (
        f"{error} Before this, {counted(count, 'separated row')} with outcome zero "
        "were dropped."
    )
    return type(error)(text, error.problems)


def _counts_and_vcov(ssc: str, prepared: Prepared, k: int) -> tuple[Counts, Vcov]:
    """Choose the covariance, with the factor of ppmlhdfe or fixest."""
    count, estimator = counts_and_vcov(prepared, k)
    n, cov_type = count.n, estimator.cov_type
    if cov_type == "crv3":
        return count, estimator
    factor = 1.0
    if cov_type == "robust":
        factor = n / (n - 1)
    if cov_type == "clustered":
        factor = min(count.groups) / (min(count.groups) - 1)
    counted_k = 0
    if ssc == "fixest":
        counted_k = estimator.counted
        factor *= (n - 1) / (n - counted_k)
    parts = tuple(replace(part, factor=factor) for part in estimator.parts)
    return count, replace(estimator, parts=parts, df_t=inf, counted=counted_k)


# --- results --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CountEstimates(Estimates):
    """Estimates by Poisson regression; joint tests mention few clusters."""

    def joint_test(
        self,
        form: float,
        weights: Floats,
        gap: Floats,
        *,
        name: str,
        null: str,
        drawn: bool = True,
    ) -> TestResult:
        """Test jointly, as `Estimates.joint_test`; under CRV3 with Hotelling's F."""
        test = Estimates.joint_test(
            self, form, weights, gap, name=name, null=null, drawn=drawn
        )
        if not np.isfinite(form):
            return replace(test, method=NO_COVARIANCE)
        n_clusters, q = self.inference.n_clusters, len(weights)
        groups = min(n_clusters, default=_MANY + 1)
        if self.inference.cov_type == "crv3" and q > 1:
            scaled = hotelling_test(form, q, groups, name, null)
            return replace(scaled, alternatives={"f": test})
        if test.distribution != "chi2" or q == 1 or groups > _MANY:
            return test
        # CRV3 takes clusters in one way.
        advice = ": use cov_type='crv3'" if len(n_clusters) == 1 else ""
        return replace(test, method=f"{_TOO_OFTEN}{advice}")


def count_estimates(
    prepared: Prepared,
    ssc: str,
    *,
    names: tuple[str, ...],
    coefficients: Floats,
    solved: Solved,  # with an intercept if there are no effects
    root_and_middle: tuple[Floats, Floats],  # of the covariance of all coefficients
) -> tuple[CountEstimates, list[Notice]]:
    """Make the estimates of slopes and further sums, with notices on their errors."""
    (root, middle), k = root_and_middle, solved.coefficients.size
    covariance = root[:k] @ middle @ root[:k].T
    empty = find_zero_variances(solved, covariance)
    root[empty] = np.nan
    notices = [
        *no_variance([names[j] for j in empty]),
        *needed_cluster_notices(prepared, names, solved, covariance),
        *not_semidefinite(prepared, names[:k], covariance, middle),
    ]
    inference = inference_of(prepared, solved)
    estimates = CountEstimates(
        names=names,
        coefficients=coefficients,
        root=root,
        middle=middle,
        inference=replace(inference, ssc=inference.ssc and ssc),
    )
    return estimates, notices


def count_fields(
    spec: Any,
    prepared: Prepared,
    demeaned: Demeaned,
    columns: Sequence[int],
    likelihood: Reweighted,
    separated: Separated,
) -> dict[str, Any]:
    """Describe rows, effects and likelihood, as fields of `CountResults`."""
    sample, raw = prepared.sample, columns_at(demeaned.raw, columns)
    of_effects = likelihood.index - offset_of(spec, sample)
    of_effects = of_effects - raw @ likelihood.coefficients
    rows = estimation_sample(sample, spec.obs_weights, demeaned, (0, *columns))
    in_index = {t: sample.factors_of(t) for t in (spec.exposure, spec.offset) if t}
    return {
        "depvar": spec.y,
        "sample": replace(rows, factors={**rows.factors, **in_index}),
        "fitted": likelihood.mean,
        "residuals": demeaned.raw[:, 0] - likelihood.mean,
        "deviance": likelihood.deviance,
        "df_absorbed": prepared.within.rank,
        "effect_names": prepared.effect_names,
        "effect_values": named_effects(
            prepared, prepared.within.decompose(of_effects)[1]
        ),
        "separated": pd.DataFrame(
            {"reason": list(separated.reasons)}, index=separated.index
        ),
        "exposure": spec.exposure,
        "offset": spec.offset,
        "labels": dict(sample.labels),
    }


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class CountResults(RegressionResults):
    """Base class of results of Poisson regressions."""

    _rows_key: ClassVar[str] = "coefficients"
    _model: ClassVar[str] = "PoissonEffects"

    depvar: str
    estimated: Estimates
    sample: EstimationSample
    fitted: Floats | None
    residuals: Floats | None
    deviance: float
    df_absorbed: int
    effect_names: tuple[str, ...]
    effect_values: EffectValues
    separated: pd.DataFrame
    exposure: str | None
    offset: str | None
    labels: Mapping[str, str]
    diagnostics: tuple[Notice, ...]
    version: str = __version__

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            Beside what all results have: deviance and n_separated.
        """
        slopes = len(self.names) - ("Intercept" in self.names)
        return self._glance(
            self._model,
            ssc=self.ssc,
            df_resid=float(self.nobs - self.df_absorbed - slopes),
            deviance=self.deviance,
            n_separated=len(self.separated),
        )

    def without_rows(self) -> Self:
        """Return a copy without residuals, fitted values and row labels.

        Returns
        -------
        results
            The same estimates in less memory. Methods that need the rows raise an
            OptionError.
        """
        sample = self._summarised_rows()
        return replace(self, fitted=None, residuals=None, sample=sample)

    def _about(self) -> list[str]:
        """Describe effects, exposure, offset and rows in lines of a summary."""
        terms = {"Exposure": self.exposure, "Offset": self.offset}
        in_index = [f"{name}: {term}" for name, term in terms.items() if term]
        *before, rows = self._effects_and_rows()
        return [*before, *in_index, rows]
