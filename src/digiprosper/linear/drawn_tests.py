"""Tests and intervals by draws: wild and pairs bootstraps, permutations, placebos.

==================== ===================================================================
code                 data
==================== ===================================================================
few_weightings       clusters (name), n_clusters, least (smallest p-value)
few_treated_in_draws clusters (name), n_clusters, terms (names), effective (clusters of
                     the first)
assigned_by_cluster  term, clusters (name), n_clusters, entity (name)
unlike_treated       term, ratio (of standard deviations); not a warning
==================== ===================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, cast, get_args

import numpy as np

from digiprosper.checks import check_level, one_problem, option_error
from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    cited,
    issue,
    notice_of,
    number_text,
    quoted,
    subject,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.intervals import has_enough_clusters
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.within import is_nested
from digiprosper.linear.doubtful_terms import columns_of
from digiprosper.linear.fixed_effects import Fitted, refuse_other_specification
from digiprosper.linear.kernels.exchange import (
    Cohorts,
    Paths,
    cohorts,
    distorted_size,
    paths,
)
from digiprosper.linear.kernels.wild import (
    Draws,
    WildWeights,
    invert_test,
    p_value_of_draws,
    wild_weights,
)
from digiprosper.linear.notices import (
    FEW_TREATED,
    LEAST_FOR_DRAWS,
    LEAST_P,
    few_exchanges,
)
from digiprosper.linear.preparation import Prepared
from digiprosper.linear.words import WORDS
from digiprosper.optional import progress_bar
from digiprosper.panel import Panel
from digiprosper.panel.access import table_of
from digiprosper.panel.describe import group_codes
from digiprosper.panel.keys import Keys, rows_text
from digiprosper.panel.terms import canonical
from digiprosper.report.columns import Column, PlainCell, Remark
from digiprosper.report.effects import EffectResults, drawn_estimates
from digiprosper.report.inference import Inference
from digiprosper.report.labels import text_factor
from digiprosper.report.notices import (
    FEW_CODES,
    few_clusters,
    few_draws,
    lost_draws,
    too_few_clusters_to_draw,
    without,
)
from digiprosper.report.protocol import Glance
from digiprosper.report.restrictions import null_text, read_restrictions, sum_text
from digiprosper.report.summary import Lines, PlainNumbers, Remarks, Summary
from digiprosper.report.tests import TestResult
from digiprosper.report.text import (
    conventions,
    interval_text,
    p_words,
    percent_text,
    permutations_text,
)
from digiprosper.report.words import Language, Words
from digiprosper.specification import check_reps

# Notices in whose place a test has its own
_INSTEAD = (*FEW_CODES, *FEW_TREATED)
# p-value at which errors of two groups are taken to have other variances
_UNLIKE = 0.05
_WORDS = {"webb": "Webb's six-point weights", "rademacher": "Rademacher weights"}


def _check_arguments(
    caller: str, spec: Any, reps: object, least: int, rng: object
) -> tuple[int, np.random.SeedSequence]:
    """Check the specification; return the number and the seed of draws."""
    refuse_other_specification(caller, spec, needs="_fitted")
    return check_reps(reps, least), seed_sequence(rng)


# --- the wild bootstrap ---------------------------------------------------------------


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
    _: KW_ONLY
    combination: str
    estimate: float
    std_error: float
    null_value: float
    drawn: Draws
    inference: Inference
    rng_entropy: int | None = None

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
        enumerated = self.detail["enumerated"]
        low, high = invert_test(self.drawn, check_level(level), enumerated=enumerated)
        error = self.std_error
        return self.estimate - high * error, self.estimate - low * error

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
            f"Estimate of {self.combination}: {number_text(self.estimate, 5)}, {ends}",
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
        shown = {"interval": list(self.interval()), "column": self._plain_column()}
        return PlainNumbers(more={**more, **shown})


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
        If `cov_type` is not ``"clustered"``, if there are two-way clusters, or none
        because each row is an entity, or if `reps` is below 99.
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
    negative outcome (Kline & Santos 2012). Let q_g be the score of cluster g under the
    null times the inverse of the information, w_g the weight of the cluster, and n_g
    its rows. Then ``t* = sum w_g q_g / sqrt(sum (w_g q_g - n_g / n sum w q)^2)``, as in
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
    reps, seed = _check_arguments("wild_bootstrap", spec, reps, 99, rng)
    _check_restriction(spec, term)
    fit = spec._fitted(panel)
    if not fit.prepared.cluster_codes:
        raise option_error(
            "clusters",
            None,
            "wild_bootstrap needs clusters, but each row of this panel is an entity: "
            "specify clusters, such as clusters='industry'.",
        )
    row, null_value = _read_restriction(term, fit)
    variance = float(fit.results.estimated.covariance_of(row[None, :])[0, 0])
    if not variance > 0:
        raise IdentificationError(
            f"{cited(term)} has no standard error: its scores sum to zero in every "
            "cluster. Use fewer effects or other clusters."
        )
    error = float(np.sqrt(variance))
    return _test_restriction(fit, term, row, null_value, error, reps, seed)


def _check_restriction(spec: Any, term: str) -> None:
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
    tested = {fit.results.names[at] for at in np.flatnonzero(row)}
    for data in [n.data for n in fit.results.diagnostics if n.code == "few_treated"]:
        terms = tuple(
            name
            for name, term in data["terms"].items()
            if name in tested and term["effective"] < LEAST_FOR_DRAWS
        )
        if terms:
            yield notice_of(
                "few_treated_in_draws",
                clusters=data["clusters"],
                n_clusters=data["n_clusters"],
                terms=terms,
                effective=float(data["terms"][terms[0]]["effective"]),
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


def _test_restriction(
    fit: Any,
    term: str,
    row: Floats,
    null_value: float,
    error: float,
    reps: int,
    seed: np.random.SeedSequence,
) -> WildBootstrapResult:
    """Test the sum of coefficients with weights `row` (k,), and issue the notices."""
    estimate = float(row @ fit.results.coefficients)
    t = (estimate - null_value) / error
    weights = wild_weights(int(fit.prepared.cluster_codes[0].max()) + 1, reps)
    draws = fit.wild_draws(row, error, t, weights, seed)
    statistic, drawn_statistics = draws.statistic(t), draws.at(t)
    entropy = None if weights.enumerated else cast("int", seed.entropy)
    clusters, names = fit.prepared.cluster_names[0], fit.results.names
    null = null_text(term, names)
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
        p_value=p_value_of_draws(
            drawn_statistics, statistic, enumerated=weights.enumerated
        ),
        null=null,
        detail={
            "weights": weights.name,
            "enumerated": weights.enumerated,
            "reps": weights.reps,
            "clusters": clusters,
            "n_clusters": weights.groups,
        },
        draws=drawn_statistics,
        combination=sum_text(row, names),
        estimate=estimate,
        std_error=error,
        null_value=null_value,
        drawn=draws,
        inference=fit.results.inference,
        rng_entropy=entropy,
        diagnostics=notices,
        labels=dict(fit.results.labels),
        factors={null: (text_factor(null, names, fit.results.factors),)},
    )


# --- the pairs bootstrap --------------------------------------------------------------


_REMEDY = "Use dp.wild_bootstrap(spec, panel, term), which draws cluster weights."
_TOO_SHORT = (
    "percentile intervals are often too short with few clusters; confirm a borderline "
    "result with dp.wild_bootstrap(spec, panel, term)."
)
_LOST = (
    "failed: in the drawn sample a regressor is collinear. Intervals use the "
    "remaining draws."
)


def cluster_bootstrap(
    spec: Any, panel: Panel, *, reps: int = 999, rng: object = None
) -> EffectResults:
    """Bootstrap a linear model: draw clusters and estimate the model in each draw.

    Clusters are drawn with replacement. This is the pairs cluster bootstrap (Cameron &
    Miller 2015, section VI.C.1). A cluster that is drawn twice counts as two clusters,
    each with its own fixed effects. Fixed effects that are common to clusters, such as
    time effects, are estimated in each draw. With few clusters use `wild_bootstrap`,
    which is more reliable.

    Parameters
    ----------
    spec : FixedEffects or PoissonEffects
        The specification. The draws are of its clusters, or of entities if it has no
        clusters.
    panel : Panel
        The data.
    reps : int
        Number of draws, at least 20; 999 by default.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the draws. The `rng_entropy` of the results reproduces them.

    Returns
    -------
    EffectResults
        Coefficients of the fit, with percentile intervals and p-values from the
        bootstrap. Covariance, standard errors and t statistics are those of the fit.
        `draws` has one row per draw and one column per coefficient.

    Raises
    ------
    InputTypeError
        If `spec` is another specification, or `panel` is not a Panel.
    OptionError
        If there are two-way clusters, if a cluster contains neither whole entities nor
        whole periods, or if `reps` is below 20.
    IdentificationError
        If no draw has estimates; and as in `FixedEffects.fit`.

    Notes
    -----
    A draw has no estimates if a regressor is collinear in it. Such draws are dropped,
    and a notice reports their number. With fewer than five clusters there is no
    interval and no p-value.

    The cross products of each cluster are computed once. The estimates of a draw are
    computed from them, and equal those of a refit. A `PoissonEffects` is fitted again
    in every draw, with the number of times that a cluster was drawn as weights.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects(
    ...     "log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"]
    ... )
    >>> results = dp.cluster_bootstrap(spec, dp.datasets.us_states(), rng=2026)
    >>> results.conf_int().round(2).loc["log(emp)"].tolist()
    [0.6, 0.94]
    """
    reps, seed = _check_arguments("cluster_bootstrap", spec, reps, 20, rng)
    refuse_two_way(spec.clusters)
    fit = spec._fitted(panel)
    codes, drawn_units = drawn_clusters(fit.prepared)

    groups = int(codes.max()) + 1
    values, n_failed = fit.cluster_draws(codes, reps, seed)
    if n_failed == reps and has_enough_clusters(groups):
        raise IdentificationError(
            f"all {reps} draws of {drawn_units} failed: in each of them a regressor is "
            "collinear (for example a dummy of one entity). Drop it."
        )

    notices = _bootstrap_notices(fit, groups, drawn_units, n_failed, reps)
    issue(notices)
    info: Glance = fit.results.glance()
    info["model"] = "Cluster bootstrap"
    info["rng_entropy"] = cast("int", seed.entropy)
    return EffectResults(
        terms=fit.results.terms,
        estimated=drawn_estimates(
            fit.results.names,
            fit.results.coefficients.copy(),
            fit.results.covariance,
            values,
            info,
            n_drawn=groups,
            drawn=drawn_units,
            errors=fit.results.inference,
        ),
        info=info,
        errors_text=fit.results.conventions,
        diagnostics=notices,
        labels=dict(fit.results.labels),
        factors=fit.results.factors,
        key_names=fit.results.key_names,
    )


def _bootstrap_notices(
    fit: Any, groups: int, drawn: str, lost: int, reps: int
) -> tuple[Notice, ...]:
    about: Iterable[Notice] = too_few_clusters_to_draw(groups, drawn, _REMEDY)
    if has_enough_clusters(groups):
        about = (
            *few_clusters(groups, drawn, _TOO_SHORT),
            *few_draws(reps, "effects"),
            *lost_draws(lost, reps, _LOST, "bootstrap"),
        )
    return (*without(fit.results.diagnostics, FEW_CODES), *about)


def drawn_clusters(prepared: Prepared) -> tuple[Ints, str]:
    """Return codes and name of the clusters to draw: the entities by default."""
    if prepared.options.clusters is None:
        return prepared.sample.entity, "entity"
    codes, name = prepared.cluster_codes[0], prepared.cluster_names[0]
    effects = zip(prepared.effect_names, prepared.within.codes, strict=False)
    of_keys = [e for n, e in effects if n in prepared.sample.keys.names]
    if sum(not is_nested(e, codes) for e in of_keys) > 1:
        raise OptionError(
            f"clusters={cited(prepared.options.clusters)}: neither entities nor "
            "periods are nested in the clusters, so clusters cannot be drawn together "
            "with their effects. Specify clusters of whole entities, or of whole "
            "periods."
        )
    return codes, name


def refuse_two_way(clusters: Sequence[str] | None) -> None:
    """Refuse two-way clusters, which cannot be drawn whole."""
    if clusters is not None and len(clusters) > 1:
        raise OptionError(
            f"clusters={cited(tuple(clusters))}: two-way clusters cannot be drawn. "
            "Specify one; the two-way clustered standard errors of FixedEffects need "
            "no draws."
        )


# --- permutations ---------------------------------------------------------------------


def randomisation_test(
    spec: Any,
    panel: Panel,
    term: str,
    *,
    strata: str | None = None,
    reps: int = 999,
    rng: object = None,
    progress: bool = False,
) -> TestResult:
    """Test a regressor by randomisation inference: permute its values between entities.

    With few treated entities, neither clustered standard errors nor the wild bootstrap
    are reliable. Suppose that the treated entities were chosen at random and that the
    treatment has no effect on any entity. Then the outcomes would be the same if other
    entities had been treated. So the t statistic is compared with the t statistics
    after random permutations of the treatment (Fisher 1935; MacKinnon & Webb 2020).

    Parameters
    ----------
    spec : FixedEffects or PoissonEffects
        The specification. Its `cov_type` cannot be ``"crv3"``, ``"cr2"`` or
        ``"conley"``. A `PoissonEffects` is fitted again in every permutation.
    panel : Panel
        The data.
    term : str
        The regressor, by its name in the results. It may be continuous.
    strata : str, optional
        Column inside whose groups the treatment was drawn, such as a region. Values are
        permuted between entities of the same group only.
    reps : int
        Number of permutations, at least 19; 999 by default. If there are no more
        different permutations than this, each of them is used once, and nothing is
        random.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the permutations. ``result.detail["rng_entropy"]`` reproduces them; it
        is None if all permutations are used.
    progress : bool
        Whether to show a progress bar on stderr, False by default. It needs tqdm (the
        extra ``parallel``).

    Returns
    -------
    TestResult
        `statistic` is the t statistic of the fit, and `draws` are the t statistics t*
        of the permutations. The p-value is ``(1 + #{|t*| >= |t|}) / (reps + 1)``. If
        all permutations are used, those of the data are among them, and the p-value is
        the share of them with ``|t*| >= |t|``. `detail` has the number of entities
        whose values are permuted (``exchanged``) and not (``kept``), the number of
        permutations (``reps``) and whether these are all (``enumerated``), the number
        of permutations without a t statistic (``lost``; they count as ``|t*| >= |t|``),
        and ``rng_entropy``.

    Raises
    ------
    InputTypeError
        If `spec` is another specification, `panel` is not a Panel, or `term` is not
        text.
    TermError
        If `term` is not a regressor of the fit, or one of its columns is also in
        another regressor, such as an interaction.
    OptionError
        If `cov_type` is ``"crv3"``, ``"cr2"`` or ``"conley"``, or `reps` is below 19.
        If `strata` changes inside an entity.
    ColumnError, MissingDataError
        If `strata` is not a column, or has missing values.
    IdentificationError
        If no permutation changes the regressor, for example because no two entities
        have rows in the same periods. Also if the term has no standard error; and as in
        `FixedEffects.fit`.

    Notes
    -----
    All values of the regressor in an entity move together to another entity that has
    rows in the same periods. Entities with rows in other periods than all others keep
    their values. The outcome, the other regressors and the fixed effects do not move.
    The t statistic is compared rather than the coefficient, since its distribution
    depends less on differences between entities (MacKinnon & Webb 2020, Journal of
    Econometrics 218:435).

    The test is valid if all permutations were equally likely: if treatment was drawn
    separately in each region, specify `strata`. It is not valid if
    entities selected themselves into treatment, or if groups of entities were treated
    together. A notice reports if the regressor is the same in all entities of a
    cluster.

    With 2 treated entities of 31 there are only 465 different permutations, so the
    p-value cannot be smaller than 1/465.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel = dp.datasets.us_states().assign(
    ...     treated=lambda f: (f.index.get_level_values(0).isin(["IA", "OH"]) * 1.0
    ...                        * (f.index.get_level_values(1) >= 1979)))
    >>> spec = dp.FixedEffects("log(gsp)", ["treated", "log(emp)"])
    >>> test = dp.randomisation_test(spec, panel, "treated", rng=1)
    >>> test.detail["exchanged"], test.p_value > 0.05
    (48, True)
    """
    reps, seed = _check_arguments("randomisation_test", spec, reps, 19, rng)
    if spec.cov_type in ("crv3", "cr2", "conley"):
        raise OptionError(
            f"randomisation_test does not take cov_type={cited(spec.cov_type)}: use "
            "cov_type='clustered'. The p-value depends little on the type of "
            "standard error, which is the same in all permutations."
        )
    fit, name, position, column = _fit_regressor(
        spec, panel, term, "randomisation_test"
    )
    sample = fit.prepared.sample
    t = float(fit.results.tstats.iloc[position])
    if not np.isfinite(t):
        raise IdentificationError(
            f"{cited(name)} has no standard error, so there is no t statistic to "
            "compare."
        )

    time, within = sample.time, ""
    if strata is not None:
        # As if entities of two strata were observed in different periods
        codes = _strata_codes(panel, strata, sample.keys)
        time = time + sample.n_times * codes[sample.entity]
        within = f" within groups of {strata}"
    moved = paths(column, sample.entity, time)
    ways = moved.n_exchanges
    if round(ways) == 1:
        raise _identical_paths_error(fit.prepared, name, moved, within)
    enumerated = ways < reps + 0.5
    reps = round(ways) if enumerated else reps
    with progress_bar("randomisation_test", reps, show=progress) as done:
        draws = fit.exchanged_statistics(
            position, moved, reps, None if enumerated else seed, done
        )
    exchanged = int(moved.exchanged.sum())
    return _test_by_draws(
        fit,
        draws,
        (
            *_assigned_by_cluster_notices(fit.prepared, name, column),
            *few_exchanges(name, ways),
        ),
        name="Randomisation test",
        statistic=t,
        distribution="permutation",
        enumerated=enumerated,
        null=f"{name} has no effect on any entity",
        detail={
            "exchanged": exchanged,
            "kept": sample.n_entities - exchanged,
            "reps": reps,
            "enumerated": enumerated,
            "lost": int(np.isnan(draws).sum()),
            "rng_entropy": None if enumerated else seed.entropy,
        },
        method=permutations_text(reps, enumerated=enumerated) + within,
    )


def _fit_regressor(
    spec: Any, panel: Panel, term: str, caller: str
) -> tuple[Any, str, int, Floats]:
    """Fit a model; return the tested regressor's name, position and column (N,) too."""
    check_term(term, caller)
    fit = spec._fitted(panel)
    name = find_regressor(fit, term, caller)
    position = fit.results.names.index(name)
    return fit, name, position, fit.demeaned.raw[:, fit.regressors[position]]


def _test_by_draws(
    fit: Any,
    draws: Floats,
    about: Iterable[Notice],
    *,
    statistic: float,
    enumerated: bool,
    **fields: Any,
) -> TestResult:
    """Compare a statistic with its draws, and issue the notices, also those `about`."""
    notices = (
        *without(fit.results.diagnostics, (*_INSTEAD, "heavy_cluster")),
        *(() if enumerated else few_draws(draws.size, "test")),
        *about,
    )
    issue(notices)
    return TestResult(
        statistic=statistic,
        df=None,
        p_value=p_value_of_draws(draws, statistic, enumerated=enumerated),
        draws=draws,
        diagnostics=notices,
        labels=dict(fit.results.labels),
        factors=dict(fit.results.factors),
        **fields,
    )


def find_regressor(fit: Any, term: str, caller: str) -> str:
    """Find a regressor by name; refuse one that shares a column with another."""
    names: list[str] = [n for n in fit.results.names if n != "Intercept"]
    matches = [name for name in names if canonical(name) == canonical(term)]
    if not matches:
        raise TermError(
            f"{caller}: no regressor named {cited(term)}; there are "
            f"{quoted(names, 20)}."
        )
    name, sample = matches[0], fit.prepared.sample
    columns = {n: columns_of(sample, [n]).keys() for n in names}
    shared = [n for n in names if n != name and columns[n] & columns[name]]
    if shared:
        raise TermError(
            f"{caller}: {subject(shared, 'has')} a column in common with {cited(name)} "
            "that would not be permuted. Test a specification in which the column is "
            "in one regressor only.",
            [Notice("repeated", other, {"term": other}) for other in shared],
        )
    return name


def check_term(term: object, caller: str) -> None:
    """Refuse a term that is not text."""
    if not isinstance(term, str):
        raise InputTypeError(f"{caller} takes one term as text, not {cited(term)}.")


def _strata_codes(panel: Panel, strata: str, keys: Keys) -> Ints:
    """Code the strata (E,) of entities; refuse strata that change in an entity."""
    table = table_of(panel)
    codes = group_codes(table, strata, "randomisation_test", "strata")
    changing = table.keys.vary(codes)
    if changing.any():
        rows = table.describe_rows(changing)
        text = f"strata={cited(strata)} changes inside entities, in {rows}."
        raise option_error("strata", strata, text)
    return codes[table.keys.starts][table.keys.entities.get_indexer(keys.entities)]


def _identical_paths_error(
    prepared: Prepared, name: str, moved: Paths, within: str
) -> IdentificationError:
    entity = prepared.sample.keys.entity_name
    unexchanged = int((~moved.exchanged).sum())
    which = f"it is the same for all {entity} that"
    if not moved.exchanged.any():
        which = f"no two {entity}"
    reason = f"{which} are observed in the same periods{within}"
    if moved.exchanged.any() and unexchanged:
        reason += f", and {unexchanged} {entity} have different periods"
    return IdentificationError(
        f"{cited(name)} cannot be permuted between {entity}: {reason}."
    )


def _assigned_by_cluster_notices(
    prepared: Prepared, name: str, column: Floats
) -> tuple[Notice, ...]:
    """Report a regressor that is the same for all entities of a cluster in a period."""
    sample = prepared.sample
    if len(prepared.cluster_codes) != 1:
        return ()
    (codes,), (groups,) = prepared.cluster_codes, prepared.count.groups
    cells = codes * sample.n_times + sample.time
    by_row = groups >= sample.n_entities or np.bincount(cells).max() < 2
    if by_row or not is_nested(cells, column):
        return ()
    return (
        notice_of(
            "assigned_by_cluster",
            term=name,
            clusters=prepared.cluster_names[0],
            n_clusters=groups,
            entity=sample.keys.entity_name,
        ),
    )


# --- placebo policies -----------------------------------------------------------------


def placebo_test(
    spec: Any, panel: Panel, term: str, *, reps: int = 999, rng: object = None
) -> TestResult:
    """Compare the estimate of a policy with estimates of placebo policies.

    In each draw the treatment is assigned to randomly drawn entities from a randomly
    drawn period on, and the model is estimated again. If few of these estimates are as
    large as the actual one, it is unlikely to be due to chance (Bertrand, Duflo &
    Mullainathan 2004, section II).

    Parameters
    ----------
    spec : FixedEffects or PoissonEffects
        The specification. Its `cov_type` does not matter. A `PoissonEffects` is fitted
        again in every draw.
    panel : Panel
        The data.
    term : str
        The treatment, by its name in the results. It must be 0 or 1, and stay 1 once it
        is 1.
    reps : int
        Number of draws, at least 19; 999 by default.
    rng : None, int, sequence of int, SeedSequence or Generator
        Seed of the draws. ``result.detail["rng_entropy"]`` reproduces them.

    Returns
    -------
    TestResult
        `statistic` is the estimate b of the fit, and `draws` are the estimates b* of
        the placebo policies. The p-value is ``(1 + #{|b*| >= |b|}) / (reps + 1)``.
        `detail` has the ``term``, its ``cohorts`` (number of entities by first treated
        period), the numbers of entities ``treated`` and ``never`` treated, the number
        of draws, the number of draws without an estimate (``lost``; they count as
        ``|b*| >= |b|``), and ``rng_entropy``.

    Raises
    ------
    InputTypeError
        If `spec` is another specification, `panel` is not a Panel, or `term` is not
        text.
    TermError
        If `term` is not a regressor of the fit, or one of its columns is also in
        another regressor.
    OptionError
        If the treatment is not 0 or 1, or ends in an entity. If `reps` is below 19. If
        a fixed effect that is not nested in entities has too many levels.
    IdentificationError
        If the sample has only one period; and as in `FixedEffects.fit`.

    Notes
    -----
    A cohort is the set of entities that are first treated in the same period. Each draw
    has as many cohorts of the same sizes. The entities are drawn without replacement
    from all entities, treated or not. The first treated period of each cohort is drawn
    from all periods except the first, with equal probabilities. If a cohort is treated
    in all periods of the sample, so is its placebo cohort; entity effects absorb such a
    treatment.

    `randomisation_test` differs in two ways: it does not draw the time of the
    treatment, and it compares t statistics instead of estimates. The p-value is exact
    only if the entities and periods of the treatment were random. A small p-value does
    not prove that the policy has an effect: a trend that only treated entities have
    also gives a small p-value.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel = dp.datasets.us_states().assign(
    ...     policy=lambda f: (
    ...         f.index.get_level_values(0).isin(["IA", "OH", "TX", "UT"])
    ...         * 1.0
    ...         * (f.index.get_level_values(1) >= 1979)
    ...     )
    ... )
    >>> spec = dp.FixedEffects("log(gsp)", ["policy", "log(emp)"])
    >>> test = dp.placebo_test(spec, panel, "policy", rng=1)
    >>> test.detail["cohorts"], test.p_value > 0.05
    ({'1979': 4}, True)
    """
    reps, seed = _check_arguments("placebo_test", spec, reps, 19, rng)
    fit, name, position, column = _fit_regressor(spec, panel, term, "placebo_test")
    treated = _treatment_cohorts(fit, name, column)
    starts = map(str, fit.prepared.sample.times[treated.starts])

    slope = float(fit.results.coefficients[position])
    draws = fit.placebo_slopes(position, treated, reps, seed)
    return _test_by_draws(
        fit,
        draws,
        _unlike_treated(fit, name, column),
        name="Placebo test",
        statistic=slope,
        distribution="placebo",
        enumerated=False,
        null=f"{name} has no effect on any entity; treated entities and first "
        "periods are random",
        detail={
            "term": name,
            "cohorts": dict(zip(starts, treated.sizes.tolist(), strict=True)),
            "treated": treated.n_treated,
            "never": treated.n_entities - treated.n_treated,
            "reps": reps,
            "lost": int(np.isnan(draws).sum()),
            "rng_entropy": seed.entropy,
        },
        method=f"{reps:,} placebo treatments",
    )


def _unlike_treated(fit: Any, name: str, column: Floats) -> list[Notice]:
    is_perfect = any(n.code == "perfect_fit" for n in fit.results.diagnostics)
    if is_perfect or not isinstance(fit, Fitted):
        return []
    from scipy.stats import ttest_ind_from_stats

    sample = fit.prepared.sample
    # A treatment whose effect varies has larger residuals afterwards.
    rows, n = column == 0, sample.n_entities
    counts = np.bincount(sample.entity[rows], minlength=n)
    sums = np.bincount(sample.entity[rows], fit.solved.residuals[rows] ** 2, n)
    is_treated, observed = np.bincount(sample.entity, column, n) > 0, sums > 0
    squares = [
        sums[group] / counts[group]
        for group in (observed & is_treated, observed & ~is_treated)
    ]
    sizes = np.array([group.size for group in squares])
    if sizes.min() < 2:
        return []
    variances = np.array([group.mean() for group in squares])
    share = distorted_size(variances, sizes)
    treated, others = (
        (logs.mean(), logs.std(ddof=1), logs.size) for logs in map(np.log, squares)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        p = ttest_ind_from_stats(*treated, *others, equal_var=False).pvalue
    if share is None or not p < _UNLIKE:
        return []
    ratio = float(np.sqrt(variances[0] / variances[1]))
    adverb = "rarely" if share < 0.05 else "often"
    return [notice_of("unlike_treated", term=name, ratio=ratio, _adverb=adverb)]


def _treatment_cohorts(fit: Any, name: str, column: Floats) -> Cohorts:
    """Find the cohorts; refuse a treatment that is not 0 or 1, or ends."""
    sample = fit.prepared.sample
    if sample.n_times < 2:
        raise IdentificationError(
            "placebo_test: the sample has one period, so there is none before the "
            "treatment."
        )
    treated = cohorts(column, sample.entity, sample.time)
    if treated is not None:
        return treated
    rows = np.flatnonzero(~np.isin(column, (0.0, 1.0)))
    if rows.size:
        problem, cause = "not 0 or 1", f"is {column[rows[0]]:.6g}"
    else:
        rows = np.flatnonzero((np.diff(column) < 0) & (np.diff(sample.entity) == 0)) + 1
        entities = np.unique(sample.entity[rows]).size
        problem = "switches off"
        cause = f"returns to 0 in {entities} {sample.keys.entity_name}, first"
    first = rows_text((sample.index[rows[0]],))
    raise one_problem(
        OptionError,
        "treatment",
        "placebo_test takes a treatment that is 0 or 1 and stays 1 once it is 1, but "
        f"{cited(name)} {cause} in row {first}. Use dp.randomisation_test(spec, panel, "
        "term), which takes any regressor.",
        term=name,
        why=problem,
    )
