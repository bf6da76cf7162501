"""The wild cluster bootstrap, for p-values and intervals with few clusters.

==================== ===================================================================
code                 data
==================== ===================================================================
few_weightings       clusters (name), n_clusters, least (smallest p-value)
few_treated_in_draws clusters (name), n_clusters, terms (names), effective (clusters of
                     the first)
==================== ===================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast, get_args

import numpy as np

from digiprosper.checks import check_level, option_error
from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    cited,
    issue,
    notice_of,
    quoted,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.fixed_effects import refuse_other_specification
from digiprosper.linear.kernels.wild import (
    Draws,
    WildWeights,
    invert_test,
    p_value_of_draws,
    wild_weights,
)
from digiprosper.linear.notices import LEAST_P
from digiprosper.linear.words import WORDS
from digiprosper.panel import Panel
from digiprosper.report.columns import Column, PlainCell, Remark
from digiprosper.report.inference import Inference
from digiprosper.report.labels import text_factor
from digiprosper.report.notices import FEW_CODES, few_draws, without
from digiprosper.report.restrictions import null_text, read_restrictions, sum_text
from digiprosper.report.summary import Lines, PlainNumbers, Remarks, Summary
from digiprosper.report.tests import TestResult
from digiprosper.report.text import conventions, interval_text, p_words, percent_text
from digiprosper.report.words import Language, Words
from digiprosper.specification import check_reps

_LEAST_REPS = 99
_INSTEAD = (*FEW_CODES, "few_treated")
_WORDS = {"webb": "Webb's six-point weights", "rademacher": "Rademacher weights"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WildBootstrapResult(TestResult):
    """Wild cluster bootstrap test of one restriction, made by `wild_bootstrap`.

    It is a `TestResult` with a confidence interval. `statistic` is the t statistic of
    the fit, and `draws` are the t statistics of the draws. `detail` has the type of the
    weights, whether all combinations of weights were used, and the numbers of draws and
    clusters.

    Parameters
    ----------
    combination : str
        The coefficient, or the linear combination of coefficients, that is tested.
    estimate : float
        Estimate of the combination.
    std_error : float
        Clustered standard error of the estimate.
    null_value : float
        Value of the combination under the null hypothesis.
    drawn : WildDraws or ScoreDraws
        Draws as functions of the null value.
    inference : Inference
        Type of the standard errors of the fit.
    rng_entropy : int or None
        Seed of the draws; pass it as `rng` to reproduce them. None if all combinations
        of weights were used.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> test = dp.wild_bootstrap(
    ...     spec, dp.datasets.us_states(), "log(pc) = 0.6", reps=999, rng=1
    ... )
    >>> round(test.p_value, 2)
    0.34
    >>> [round(end, 2) for end in test.interval()]
    [0.53, 0.81]
    """

    detail: Mapping[str, Any] = field(default_factory=dict)
    combination: str = field(kw_only=True)
    estimate: float = field(kw_only=True)
    std_error: float = field(kw_only=True)
    null_value: float = field(kw_only=True)
    drawn: Draws = field(kw_only=True)
    inference: Inference = field(kw_only=True)
    rng_entropy: int | None = field(default=None, kw_only=True)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Compute the confidence interval: all null values that are not rejected.

        Parameters
        ----------
        level : float
            Confidence level, .95 by default.

        Returns
        -------
        low, high : float
            Ends of the smallest interval that contains all null values with
            ``p > 1 - level``. An end is infinite if the test rejects no value on its
            side. This happens if there are so few clusters or treated clusters that the
            p-value cannot be small.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Notes
        -----
        The residuals are computed under each null value, and the same weights are used
        for all (MacKinnon, Nielsen & Webb 2023, section 3.4; Roodman et al. 2019,
        section 3.5).

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
        >>> test = dp.wild_bootstrap(spec, dp.datasets.us_states(), "unemp", rng=1)
        >>> low, high = test.interval()
        >>> low < test.estimate < high
        True
        """
        low, high = invert_test(
            self.drawn, check_level(level), enumerated=self.detail["enumerated"]
        )
        return (
            self.estimate - high * self.std_error,
            self.estimate - low * self.std_error,
        )

    @property
    def draws_text(self) -> str:
        """Number of draws and type of the weights."""
        reps, weights = self.detail["reps"], _WORDS[self.detail["weights"]]
        if self.detail["enumerated"]:
            return f"all {reps:,} combinations of {weights}"
        return f"{reps:,} draws of {weights}"

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, with the null hypothesis as title.

        Parameters
        ----------
        level : float
            Confidence level of the interval, .95 by default.

        Returns
        -------
        tuple of Column
            One column with estimate, interval, statistic, p-value, draws and clusters.
        """
        values: dict[str, object] = {
            "estimate": self.estimate,
            "interval": interval_text(*self.interval(level)),
            "statistic": self.statistic,
            "p_value": self.p_value,
            "draws": self.detail["reps"],
            "clusters": self.inference.n_clusters[0],
        }
        percent = percent_text(level)
        cells, rows = {}, {}
        for code, value in values.items():
            name, chinese = (
                WORDS.say(f"wild.{code}", language, level=percent)
                for language in get_args(Language)
            )
            cells[name] = PlainCell(code, value)
            rows[f"row.{name}"] = name, chinese
        return (
            Column(
                self.null,
                cells=cells,
                whole=Remark("wild.note", {}),
                words=Words({**WORDS.texts, **rows}),
                labels=self.labels,
                factors=self.factors,
            ),
        )

    def _summary(self) -> Summary:
        low, high = self.interval()
        ends = f"95% interval {interval_text(low, high)}"
        if not np.isfinite([low, high]).all():
            ends += ", unbounded: no null value on that side is rejected"
        lines = (
            f"t = {self.statistic:z.4f}, {p_words(self.p_value)}. H0: {self.null}",
            f"Estimate of {self.combination}: {self.estimate:.5g}, {ends}",
            f"The null is imposed; {self.draws_text}",
        )
        return self._titled(
            self.name,
            Lines(lines),
            Remarks.of(self.diagnostics),
            conventions=conventions(self.inference),
            settings="" if self.rng_entropy is None else f"rng {self.rng_entropy}",
        )

    def _numbers(self) -> PlainNumbers:
        names = (
            "name statistic distribution df p_value null combination estimate "
            "std_error null_value detail rng_entropy"
        )
        more = {name: getattr(self, name) for name in names.split()}
        return PlainNumbers(
            more={
                **more,
                "interval": list(self.interval()),
                "column": self._plain_column(),
            }
        )


def wild_bootstrap(
    spec: Any, panel: Panel, term: str, *, reps: int = 9999, rng: object = None
) -> WildBootstrapResult:
    """Test one coefficient, or a linear combination, by the wild cluster bootstrap.

    With few clusters, or clusters of very different sizes, t tests with clustered
    standard errors reject too often. The wild cluster restricted bootstrap (Cameron,
    Gelbach & Miller 2008) rejects at about the nominal rate if there are about ten or
    more clusters of similar sizes. The model is estimated under the null hypothesis. In
    each draw its residuals are multiplied by one random weight per cluster, and the t
    statistic is computed from the new outcome. The t statistic of the fit is compared
    with those of the draws.

    Parameters
    ----------
    spec : FixedEffects or PoissonEffects
        The specification, with ``cov_type="clustered"`` and one-way clusters (by
        default the entity).
    panel : Panel
        The data.
    term : str
        A coefficient by its name in the results, ``"x1"``, which is tested to be zero.
        Or one restriction, as in `LinearResults.wald_test`: ``"x1 = 0.5"``,
        ``"x1 + 2*x2"`` (equal to zero), ``"x1 = x2"``.
    reps : int
        Number of draws, at least 99; 9999 by default. If there are at most as many
        combinations of weights, all of them are used instead.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the weights. The `rng_entropy` of the result reproduces them.

    Returns
    -------
    WildBootstrapResult
        The test, with its p-value. Its `interval()` is the confidence interval.

    Raises
    ------
    InputTypeError
        If `spec` is another specification, `panel` is not a Panel, or `term` is not
        text.
    OptionError
        If `cov_type` is not ``"clustered"``, if there are two-way clusters, or if
        `reps` is below 99.
    TermError
        If the restriction cannot be read, uses a name that is not a coefficient, or is
        more than one restriction.
    IdentificationError
        If the combination has no standard error; and as in `FixedEffects.fit`.

    Notes
    -----
    A draw has the outcome ``y* = x'b + w_g u``. Here b and u are the coefficients and
    residuals under the null hypothesis, and w_g is the weight of cluster g. The fixed
    effects are absorbed from y* again, so effects that are common to clusters, such as
    time effects, are estimated in each draw. t* uses the clustered standard error
    (CRV1) of the draw. This is the method WCR-C (type "11") of MacKinnon, Nielsen &
    Webb (2023, Journal of Econometrics 232:272).

    With up to 12 clusters the weights have Webb's six-point distribution, otherwise
    they are -1 or 1 (Rademacher). If all combinations of weights are used, the p-value
    is the share with ``|t*| >= |t|``. Otherwise it is
    ``(1 + #{|t*| >= |t|}) / (reps + 1)``. All draws are computed from sums by cluster
    (Roodman, Nielsen, MacKinnon & Webb 2019, Stata Journal 19:4).

    Of a `PoissonEffects` the weights multiply scores, since a drawn residual may make a
    negative outcome (Kline & Santos 2012): with q_g what the score of cluster g under
    the null, times the inverse of the information, moves the estimate by, and w_g its
    weight, ``t* = sum w_g q_g / sqrt(sum (w_g q_g - n_g / n sum w q)^2)``, as in
    boottest of Stata. `statistic` is that of all weights one. boottest does not count
    draws with ``|t*| = |t|``; here they count.

    With few *treated* clusters the test rejects too rarely (MacKinnon & Webb 2017). A
    notice reports this case; use `randomisation_test` then.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects(
    ...     "log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"]
    ... )
    >>> test = dp.wild_bootstrap(spec, dp.datasets.us_states(), "unemp", rng=2026)
    >>> round(test.statistic, 2), round(test.p_value, 2)
    (-1.32, 0.22)
    """
    _check_specification(spec, term)
    reps = check_reps(reps, _LEAST_REPS)
    seed = seed_sequence(rng)
    fit = spec._fitted(panel)
    if not fit.prepared.cluster_codes:
        raise option_error(
            "clusters",
            None,
            "wild_bootstrap needs clusters, but each row of this panel is an entity: "
            "specify clusters, such as clusters='industry'.",
        )
    row, value = _read_restriction(term, fit)

    combined = float(row @ fit.results.coefficients)
    variance = float(fit.results.estimated.covariance_of(row[None, :])[0, 0])
    if not variance > 0:
        raise IdentificationError(
            f"{cited(term)} has no standard error: its scores sum to zero in every "
            "cluster. Use fewer effects or other clusters."
        )
    error = float(np.sqrt(variance))
    weights = wild_weights(int(fit.prepared.cluster_codes[0].max()) + 1, reps)
    draws = fit.wild_draws(row, error, (combined - value) / error, weights, seed)
    return _make_result(fit, term, row, (combined, error, value), weights, draws, seed)


def _check_specification(spec: Any, term: str) -> None:
    refuse_other_specification("wild_bootstrap", spec, needs="_fitted")
    if not isinstance(term, str):
        raise InputTypeError(
            "wild_bootstrap takes one restriction as text, such as 'x' or 'x1 + 2*x2 "
            f"= 1', not {cited(term)}."
        )
    if spec.cov_type != "clustered":
        raise OptionError(
            "wild_bootstrap requires cov_type='clustered', not "
            f"{cited(spec.cov_type)}. Use spec.replace(cov_type='clustered')."
        )
    if spec.clusters is not None and len(spec.clusters) > 1:
        raise OptionError(
            f"wild_bootstrap requires one-way clusters, not {cited(spec.clusters)}: "
            "specify the dimension with fewer clusters."
        )


def _read_restriction(text: str, fit: Any) -> tuple[Floats, float]:
    """Read one restriction: weights of the coefficients, and the null value."""
    names = fit.results.names
    matrix, value = read_restrictions(text, names)
    if len(matrix) != 1:
        raise TermError(
            f"wild_bootstrap tests one restriction at a time; {cited(text)} has "
            f"{len(matrix)}. The coefficients are {quoted(names, 20)}."
        )
    return matrix[0], float(value[0]) + 0.0  # no minus before a zero


def _few_treated(fit: Any, row: Floats) -> Iterator[Notice]:
    """Report that a tested coefficient depends on few clusters."""
    tested = {
        name
        for name, weight in zip(fit.results.names, row.tolist(), strict=True)
        if weight
    }
    for notice in fit.results.diagnostics:
        terms = tuple(t for t in notice.data.get("terms", ()) if t in tested)
        if notice.code == "few_treated" and terms:
            yield notice_of(
                "few_treated_in_draws",
                clusters=notice.data["clusters"],
                n_clusters=notice.data["n_clusters"],
                terms=terms,
                effective=float(notice.data["terms"][terms[0]]["effective"]),
            )


def _few_weightings(weights: WildWeights, clusters: str) -> Iterator[Notice]:
    """Report that with so few clusters no p-value is small."""
    points, groups = len(weights.points), weights.groups
    # Draws in which all clusters have the same weight give the t of the data.
    least = points / points**groups
    if least > LEAST_P:
        yield notice_of(
            "few_weightings",
            clusters=clusters,
            n_clusters=groups,
            least=least,
            _combinations=points**groups,
        )


def _make_result(
    fit: Any,
    text: str,
    row: Floats,
    numbers: tuple[float, float, float],
    weights: WildWeights,
    draws: Draws,
    seed: np.random.SeedSequence,
) -> WildBootstrapResult:
    """Make the result of estimate, standard error and null value, and of the draws."""
    combined, error, value = numbers
    t = (combined - value) / error
    statistic, drawn = draws.statistic(t), draws.at(t)
    entropy = None if weights.enumerated else cast("int", seed.entropy)
    clusters, names = fit.prepared.cluster_names[0], fit.results.names
    null = null_text(text, names)
    notices = (
        *without(fit.results.diagnostics, _INSTEAD),
        *_few_treated(fit, row),
        *_few_weightings(weights, clusters),
        *(() if weights.enumerated else few_draws(weights.reps, "test")),
    )
    issue(notices)
    return WildBootstrapResult(
        name="Wild cluster bootstrap",
        statistic=statistic,
        distribution="bootstrap",
        df=None,
        p_value=p_value_of_draws(drawn, statistic, enumerated=weights.enumerated),
        null=null,
        detail={
            "weights": weights.name,
            "enumerated": weights.enumerated,
            "reps": weights.reps,
            "clusters": clusters,
            "n_clusters": weights.groups,
        },
        draws=drawn,
        combination=sum_text(row, names),
        estimate=combined,
        std_error=error,
        null_value=value,
        drawn=draws,
        inference=fit.results.inference,
        rng_entropy=entropy,
        diagnostics=notices,
        labels=dict(fit.results.labels),
        factors={null: (text_factor(null, names, fit.results.factors),)},
    )
