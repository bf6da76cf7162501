"""The wild cluster bootstrap: p-values and intervals that hold with few clusters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    OptionError,
    TermError,
    check_level,
    cited,
    issue,
    quoted,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.fixed_effects import estimate, refuse_other_specification
from digiprosper.linear.kernels.wild import (
    WildDraws,
    inverted,
    share_beyond,
    statistics,
    wild_draws,
    wild_sums,
    wild_weights,
)
from digiprosper.linear.notices import few_treated_in_draws, few_weightings
from digiprosper.linear.restrictions import null_text, read_restrictions, sum_text
from digiprosper.linear.words import WORDS
from digiprosper.report.columns import Column, PlainCell, Remark
from digiprosper.report.notices import few_draws
from digiprosper.report.summary import Lines, PlainNumbers, Remarks, Summary
from digiprosper.report.tests import TestResult
from digiprosper.report.text import conventions, interval_text, p_words
from digiprosper.report.words import Words
from digiprosper.specification import check_reps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.errors import Notice
    from digiprosper.kernels import Floats
    from digiprosper.linear.fixed_effects import Fitted, FixedEffects
    from digiprosper.linear.kernels.wild import WildWeights
    from digiprosper.panel import Panel
    from digiprosper.report.inference import Inference

__all__ = ["WildBootstrapResult", "wild_bootstrap"]

_LEAST_REPS = 99
_INSTEAD = frozenset({"few_clusters", "very_few_clusters", "few_treated"})
_WORDS = {"webb": "Webb's six-point weights", "rademacher": "Rademacher weights"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WildBootstrapResult(TestResult):
    """A wild cluster bootstrap test of one restriction, with the interval that inverts it.

    The parameters not listed are those of `TestResult`: `statistic` is t of the fit, `draws` are t of the
    draws, `detail` has the weights, whether they were enumerated, draws and clusters. `diagnostics` has
    no notice about few clusters, for which the test is made.

    Parameters
    ----------
    combination : str
        The coefficient, or the weighted sum of coefficients, that is tested, without constants.
    estimate : float
        Of the combination.
    std_error : float
        Clustered standard error of the fit.
    null_value : float
        What the combination equals under the null.
    drawn : WildDraws
        Draws as functions of the null value.
    inference : Inference
        Standard errors of the fit.
    rng_entropy : int or None
        Number that reproduces the draws when passed as `rng`; None where they are enumerated.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> test = dp.wild_bootstrap(spec, dp.datasets.us_states(), "log(pc) = 0.6", reps=999, rng=1)
    >>> round(test.p_value, 2)
    0.34
    >>> [round(end, 2) for end in test.interval()]
    [0.53, 0.81]
    """

    combination: str = field(kw_only=True)
    estimate: float = field(kw_only=True)
    std_error: float = field(kw_only=True)
    null_value: float = field(kw_only=True)
    drawn: WildDraws = field(kw_only=True)
    inference: Inference = field(kw_only=True)
    rng_entropy: int | None = field(default=None, kw_only=True)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Invert the test: the null values that it does not reject.

        Parameters
        ----------
        level : float
            Coverage.

        Returns
        -------
        low, high : float
            Ends of the smallest interval that has all null values with ``p > 1 - level``. An end is infinite
            where the test rejects no value on that side, as happens where few clusters or few treated ones
            allow no small p-value.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Notes
        -----
        Each null value has its own restricted residuals, and all have the same weights (MacKinnon, Nielsen &
        Webb 2023, section 3.4; Roodman et al. 2019, section 3.5).

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
        >>> test = dp.wild_bootstrap(spec, dp.datasets.us_states(), "unemp", rng=1)
        >>> low, high = test.interval()
        >>> low < test.estimate < high
        True
        """
        low, high = inverted(self.drawn, check_level(level))
        return self.estimate - high * self.std_error, self.estimate - low * self.std_error

    @property
    def draws_text(self) -> str:
        """How many draws with which weights."""
        reps, weights = self.drawn.reps, _WORDS[self.drawn.weights]
        if self.drawn.enumerated:
            return f"all {reps:,} combinations of {weights}"
        return f"{reps:,} draws of {weights}"

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Give the column of a table, headed by the null hypothesis.

        Parameters
        ----------
        level : float
            Of the interval.

        Returns
        -------
        tuple of Column
            One: estimate, interval, statistic, p-value, draws and clusters.
        """
        values: dict[str, object] = {
            "estimate": self.estimate,
            "interval": interval_text(*self.interval(level)),
            "statistic": self.statistic,
            "p_value": self.p_value,
            "draws": self.drawn.reps,
            "clusters": self.inference.n_clusters[0],
        }
        named = {code: WORDS.say(f"wild.{code}", level=f"{level:.0%}") for code in values}
        cells = {named[code]: PlainCell(code, value) for code, value in values.items()}
        words = _with_rows(named, level)
        return (Column(self.null, cells=cells, whole=Remark("wild.note", {}), words=words),)

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
        return Summary(
            type=type(self).__name__,
            title=self.name,
            blocks=(Lines(lines), Remarks.of(self.diagnostics)),
            notices=self.diagnostics,
            conventions=conventions(self.inference),
            settings="" if self.rng_entropy is None else f"rng {self.rng_entropy}",
        )

    def _numbers(self) -> PlainNumbers:
        names = (
            "name statistic distribution df p_value null combination estimate std_error null_value detail "
            "rng_entropy"
        )
        more = {name: getattr(self, name) for name in names.split()}
        return PlainNumbers(more={**more, "interval": list(self.interval()), "column": self._plain_column()})


def _with_rows(named: Mapping[str, str], level: float) -> Words:
    """Add the names of the rows, which hold the level of the interval, to the words of tables."""
    chinese = {
        f"row.{name}": WORDS.say(f"wild.{code}", "chinese", level=f"{level:.0%}")
        for code, name in named.items()
    }
    english = {f"row.{name}": name for name in named.values()}
    return Words({**WORDS.english, **english}, {**WORDS.chinese, **chinese})


def wild_bootstrap(
    spec: FixedEffects, panel: Panel, term: str, *, reps: int = 9999, rng: object = None
) -> WildBootstrapResult:
    """Test a coefficient, or a combination of coefficients, by the wild cluster bootstrap.

    With few clusters, or clusters of very different sizes, t tests with clustered standard errors reject too
    often. The wild cluster restricted bootstrap (Cameron, Gelbach & Miller 2008) rejects at about the right
    rate from about ten clusters of similar sizes on. The model is fitted with the null imposed, its residuals
    are multiplied by a random weight per cluster, and the t statistic of the fit is compared with those of
    the drawn outcomes.

    Parameters
    ----------
    spec : FixedEffects
        With ``cov_type="clustered"`` and one-way clusters, the entity by default.
    panel : Panel
        The data.
    term : str
        A coefficient as the results name it, ``"x1"`` (equal to zero), or one restriction that `wald_test`
        reads: ``"x1 = 0.5"``, ``"x1 + 2*x2"``, ``"x1 = x2"``.
    reps : int
        Draws, 99 or more. All combinations of weights are used instead where there are no more.
    rng : None, int, sequence of int, SeedSequence or Generator
        Source of the weights; `result.rng_entropy` passed back reproduces them.

    Returns
    -------
    WildBootstrapResult
        A `TestResult` whose `interval` inverts the test.

    Raises
    ------
    InputTypeError
        If `spec` is no `FixedEffects`, `panel` no `Panel` or `term` no text.
    OptionError
        If errors are not clustered, clusters are two-way or `reps` is too small.
    TermError
        If the restriction cannot be read, names no coefficient, or is more than one restriction.
    IdentificationError
        If the restricted combination has no standard error; and as `FixedEffects.fit`.

    Notes
    -----
    With swept columns, w a weight per cluster and u the residuals under the null, a draw has the outcome
    ``y* = fit + w_g u``, from which all effects are taken out again: effects that cross the clusters, such as
    those of time, are estimated anew in every draw. t* has the clustered standard error of the draw (CRV1);
    its small-sample factor is the same in all draws. This is WCR-C, "11", of MacKinnon, Nielsen & Webb (2023,
    Journal of Econometrics 232:272).

    Weights have Webb's six points up to 12 clusters and are signs (Rademacher) above. If all combinations of
    weights are no more than `reps` they are enumerated: p is the share with ``|t*| >= |t|``, the data being
    one of them. Otherwise p is ``(1 + #) / (reps + 1)``.

    Everything is computed from sums by cluster, and no array has rows by draws (Roodman, Nielsen, MacKinnon &
    Webb 2019, Stata Journal 19:4).

    With few *treated* clusters the test rejects hardly ever, whatever is true (MacKinnon & Webb 2017); a
    notice says so, and `randomisation_test` is to be used.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"])
    >>> test = dp.wild_bootstrap(spec, dp.datasets.us_states(), "unemp", rng=2026)
    >>> round(test.statistic, 2), round(test.p_value, 2)
    (-1.32, 0.22)
    """
    _check(spec, term)
    reps = check_reps(reps, _LEAST_REPS)
    seed = seed_sequence(rng)
    fit = estimate(spec, panel)
    row, value = _one_restriction(term, fit)

    full = fit.full
    combined = float(row @ fit.results.coefficients)
    variance = float(fit.results.covariance_of(row[None, :])[0, 0])
    if not variance > 0:
        raise IdentificationError(
            f"{cited(term)} has no standard error: in every cluster its scores add up to zero. Use "
            "fewer effects or other clusters."
        )
    error, (part,) = np.sqrt(variance), fit.solved.how.parts
    codes = fit.prepared.cluster_codes[0]
    direction = full.scored @ (full.root.T @ row) / error
    absorbed = fit.prepared.within
    sums = wild_sums(fit.solved, direction, absorbed, codes, part.factor)

    weights = wild_weights(part.levels, reps)
    draws = wild_draws(sums, weights, seed)
    return _named(fit, term, row, (combined, float(error), value), weights, draws, seed)


def _check(spec: FixedEffects, term: str) -> None:
    refuse_other_specification("wild_bootstrap", spec)
    if not isinstance(term, str):
        raise InputTypeError(
            "wild_bootstrap takes one restriction as text, such as 'x' or 'x1 + 2*x2 = 1', not "
            f"{cited(term)}."
        )
    if spec.cov_type != "clustered":
        raise OptionError(
            f"wild_bootstrap requires cov_type='clustered', not {cited(spec.cov_type)}: weights are drawn by "
            "cluster, and t has the clustered standard error of each draw. Use "
            "spec.replace(cov_type='clustered')."
        )
    if spec.clusters is not None and len(spec.clusters) > 1:
        raise OptionError(
            f"wild_bootstrap requires one-way clusters, not {cited(spec.clusters)}: specify the "
            "dimension with fewer clusters."
        )


def _one_restriction(text: str, fit: Fitted) -> tuple[Floats, float]:
    """Read one restriction: weights of the coefficients, and what they add up to under the null."""
    names = fit.results.names
    matrix, value = read_restrictions(text, names)
    if len(matrix) != 1:
        raise TermError(
            f"wild_bootstrap tests one restriction at a time; {cited(text)} has {len(matrix)}. The "
            f"coefficients are {quoted(names, 20)}."
        )
    return matrix[0], float(value[0]) + 0.0  # no minus before a zero


def _few_treated(fit: Fitted, row: Floats) -> list[Notice]:
    """Report that a tested coefficient depends on few clusters, which the fit reports of t intervals."""
    tested = {name for name, weight in zip(fit.results.names, row.tolist(), strict=True) if weight}
    out = []
    for notice in fit.results.diagnostics:
        terms = [t for t in notice.data.get("terms", ()) if t in tested]
        if notice.code == "few_treated" and terms:
            effective = notice.data["terms"][terms[0]]["effective"]
            out.append(
                few_treated_in_draws(terms, effective, notice.data["n_clusters"], notice.data["clusters"])
            )
    return out


def _named(
    fit: Fitted,
    text: str,
    row: Floats,
    numbers: tuple[float, float, float],
    weights: WildWeights,
    draws: WildDraws,
    seed: np.random.SeedSequence,
) -> WildBootstrapResult:
    """Make the result of estimate, standard error and null value, and of the draws."""
    combined, error, value = numbers
    t = (combined - value) / error
    drawn = statistics(draws, t)
    entropy = None if weights.enumerated or not isinstance(seed.entropy, int) else seed.entropy
    clusters = fit.prepared.cluster_names[0]
    notices = (
        *(notice for notice in fit.results.diagnostics if notice.code not in _INSTEAD),
        *_few_treated(fit, row),
        *few_weightings(weights.groups, clusters, len(weights.points)),
        *(() if weights.enumerated else few_draws(weights.reps, "test")),
    )
    issue(notices)
    return WildBootstrapResult(
        name="Wild cluster bootstrap",
        statistic=t,
        distribution="bootstrap",
        df=None,
        p_value=share_beyond(drawn, t, enumerated=weights.enumerated),
        null=null_text(text, fit.results.names),
        detail={
            "weights": weights.name,
            "enumerated": weights.enumerated,
            "reps": weights.reps,
            "clusters": clusters,
            "n_clusters": weights.groups,
        },
        draws=drawn,
        combination=sum_text(row, fit.results.names),
        estimate=combined,
        std_error=error,
        null_value=value,
        drawn=draws,
        inference=fit.results.inference,
        rng_entropy=entropy,
        diagnostics=notices,
    )
