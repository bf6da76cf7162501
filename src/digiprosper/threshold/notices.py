"""Notices about models with thresholds.

=========================== ============================================================
code                        data
=========================== ============================================================
constant_threshold_variable column
possible_kink               column
unbalanced                  least, most (rows per entity), n_times
webb                        clusters (name), n_clusters
weak_score                  n_clusters, columns
concentration               threshold, share, usual, high, clusters (name), largest
                            (labels)
adjacent_slopes             regimes, p_value
ratio_concentrated          threshold, entities, share
boundary                    threshold, first, last, whole, ends
one_candidate               column, threshold, value, values (number of values of the
                            column)
small_regime                regime, nobs, n_entities
tests_disagree              threshold, p_values
no_threshold_se             column
not_global                  sequential, joint, ssr, taken
origin                      estimates, with_intercept, outside, order, logarithms
few_entities_kink           n_entities
=========================== ============================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from digiprosper.errors import (
    Notice,
    TermError,
    cited,
    counted,
    notice_of,
    number_text,
    quoted,
    subject,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import WHOLE
from digiprosper.linear.kernels.wild import WEBB_CLUSTERS
from digiprosper.panel import Sample
from digiprosper.panel.terms import canonical
from digiprosper.report.notices import FEW_CLUSTERS, few_draws, lost_draws
from digiprosper.report.text import listed, percent_text
from digiprosper.report.verdicts import rejects
from digiprosper.threshold.kernels.draws import usual_concentration
from digiprosper.threshold.kink_results import KinkResults
from digiprosper.threshold.results import ThresholdResults, ends_reached

BIASED_TEST = (
    "and the test is not valid. Omit it, or use a dynamic threshold model (Seo "
    "& Shin 2016)."
)
_NOTHING_DRAWN = (
    "were dropped: effects leave nothing of the drawn residuals. Use clusters of "
    "whole entities."
)
# A regime with fewer entities or rows than these is small.
FEW_ENTITIES = 5
FEW_SHARE = 0.05
FEW_ROWS = 20
_ADVICE = {
    "trim": "A smaller trim adds candidates.",
    "values": "There are no further candidates.",
    "room": (
        "Another threshold or an option other than trim limits the candidates there."
    ),
}
# Columns times this many clusters are needed for the power of the robust score test.
CLUSTERS_A_COLUMN = 10
# Share of a variance ratio that one entity, or up to three, supply. In simulated panels
# of 31 to 500 entities of one scale, with errors whose variance follows the regressor
# or does not, one supplies at most .41 and three at most .66 in 95% of them.
_ONE, _THREE = 0.5, 0.75


def notices_from_results(results: ThresholdResults) -> Iterator[Notice]:
    """Make notices from stored numbers: small regimes, draws, test conflicts."""
    regimes = range(1, len(results.regime_sizes) + 1)
    yield from _small_regimes(results, results.threshold_variable, regimes)
    if not results.bootstrap and not results.lr_bounds.size:
        return
    reason = _NOTHING_DRAWN
    if len(results.statistics) > 1:
        reason = (
            "had no candidate for a further threshold and were dropped; lower trim."
        )
    yield from _draw_notices(results.reps, results.statistic_draws, reason)
    for j, tests in results.tests.groupby("threshold"):
        if tests["p_value"].map(lambda p: rejects(p, results.level)).nunique() < 2:
            continue
        p_values = dict(zip(tests["bootstrap"], tests["p_value"].tolist(), strict=True))
        yield notice_of(
            "tests_disagree",
            threshold=j,
            p_values=p_values,
            _level=percent_text(1 - results.level),
            _shown=", ".join(f"{name}: p = {p:.4f}" for name, p in p_values.items()),
            _why=_why_tests_disagree(set(p_values)),
        )


def kink_notices_from_results(results: KinkResults) -> Iterator[Notice]:
    """Make the notices that stored numbers suffice for: sets, regimes and draws."""
    name = results.kink_variable
    if results.slopes.n_entities < FEW_CLUSTERS:
        # See the pages Kinks and Validity.
        yield notice_of("few_entities_kink", n_entities=results.slopes.n_entities)
    pieces = results.confidence_set()
    first, last = results.candidates[[0, -1]].tolist()
    reached = {"lowest": pieces[0][0] <= first, "highest": pieces[-1][1] >= last}
    if any(reached.values()):
        yield boundary(
            "the confidence set of the threshold",
            name,
            1,
            (first, last),
            {end: None for end, is_reached in reached.items() if is_reached},
            whole=ends_reached(pieces, results.candidates) == "whole",
            evidence=":",
            advice="Lower trim, or treat the set as unbounded on that side.",
        )
    yield from _small_regimes(results, name, ("below", "above"))
    if np.isnan(results.threshold_se):
        yield notice_of("no_threshold_se", column=name)
    if results.bootstrap:
        # The second and the third statistic have the same draws.
        statistics = results.statistic_draws[:2]
        yield from _draw_notices(results.reps, statistics, _NOTHING_DRAWN)


def _draw_notices(reps: int, drawn: Floats, reason: str) -> Iterator[Notice]:
    """Report few draws, and draws without a statistic."""
    yield from few_draws(reps, "test")
    yield from lost_draws(int(np.isnan(drawn).sum()), drawn.size, reason, "bootstrap")


def threshold_variable_notices(
    sample: Sample, results: ThresholdResults
) -> Iterator[Notice]:
    """Report a threshold variable that is constant in entities or regime-dependent."""
    q = results.threshold_variable
    values = sample.columns("threshold_variable")[:, 0]
    starts = np.flatnonzero(np.diff(sample.entity, prepend=-1))
    flat = np.maximum.reduceat(values, starts) == np.minimum.reduceat(values, starts)
    if flat.all() and sample.n_times > 1:
        yield notice_of("constant_threshold_variable", column=q)
    if canonical(q) in {canonical(t) for t in results.regime_dependent}:
        yield notice_of("possible_kink", column=q)


def unbalanced_panel(sample: Sample, theory: str) -> Iterator[Notice]:
    """Report an unbalanced panel, or one whose entities have different periods."""
    if sample.is_balanced:
        return
    counts = np.bincount(sample.entity)
    least, most = int(counts.min()), int(counts.max())
    rows = f"{least} to {most} rows per entity"
    if least == most:
        rows = (
            f"{counted(least, 'row')} per entity in {counted(sample.n_times, 'period')}"
        )
    yield notice_of(
        "unbalanced",
        least=least,
        most=most,
        n_times=sample.n_times,
        _rows=rows,
        _theory=theory,
    )


def webb_weights(name: str, codes: Ints) -> Iterator[Notice]:
    """Report that with few clusters Webb's weights replace random signs."""
    groups = int(codes.max()) + 1
    if groups <= WEBB_CLUSTERS:
        yield notice_of("webb", clusters=name, n_clusters=groups)


def weak_score_test(groups: int, columns: int) -> Iterator[Notice]:
    """Report the low power of a robust test of many columns with few clusters."""
    if groups < CLUSTERS_A_COLUMN * columns:
        yield notice_of("weak_score", n_clusters=groups, columns=columns)


def _why_tests_disagree(words: set[str]) -> str:
    """Explain why tests by these bootstraps may disagree."""
    parts = []
    if words & {"hansen", "iid"} and words & {"wild_cluster", "wild_score"}:
        parts.append(
            "The wild bootstraps allow for heteroskedasticity, the others do not."
        )
    if words >= {"wild_cluster", "wild_score"}:
        parts.append(
            "wild_score uses a separate variance for each candidate and has more power "
            "where the variance differs between candidates; wild_cluster has more "
            "power where it is similar. Report both."
        )
    return (
        " ".join(parts)
        or "iid assumes independent rows, hansen only independent entities."
    )


def concentrated_test(
    threshold: int, share: float, name: str, groups: int, largest: Sequence[object]
) -> Notice:
    """Report the share of a test that a few clusters account for (labels `largest`).

    `data["high"]`, which makes it worth printing: `share` is more than half way from
    what equal clusters show by chance to all.
    """
    usual = usual_concentration(groups)
    high = share > (1 + usual) / 2
    return notice_of(
        "concentration.high" if high else "concentration",
        threshold=threshold,
        share=share,
        usual=usual,
        high=high,
        clusters=name,
        largest=tuple(largest),
        _count=min(5, groups),
        _groups=groups,
    )


def similar_slopes(results: ThresholdResults) -> Iterator[Notice]:
    """Report neighbouring regimes whose slopes do not differ significantly."""
    # The F of a threshold takes errors of one variance, this test those of the slopes.
    if np.isnan(results.covariance).any():
        return
    terms = results.terms_in_every_regime
    for r in range(1, results.estimates.size + 1):
        try:
            test = results.wald_test(
                [f"{t}:regime{r} = {t}:regime{r + 1}" for t in terms]
            )
        # No test: more restrictions than the clusters allow
        except TermError:
            continue
        if rejects(test.p_value, results.level):
            continue
        yield notice_of(
            "adjacent_slopes",
            regimes=(r, r + 1),
            p_value=test.p_value,
            _variable=results.threshold_variable,
            _terms=terms,
            _level=percent_text(1 - results.level),
        )


def concentrated_ratio(
    results: ThresholdResults, sample: Sample, parts: Floats
) -> Iterator[Notice]:
    """Report if up to three entities account for most of a variance ratio.

    `parts` (m, N) are the terms of the ratio of each threshold, by row.
    """
    if results.confidence != "scaled" or results.given:
        return
    for j, rows in enumerate(parts, 1):
        shares = np.bincount(sample.entity, weights=rows) / rows.sum()
        largest = np.argsort(-shares, kind="stable")
        sums = shares[largest].cumsum()
        enough = np.flatnonzero(sums[:3] >= [_ONE, _THREE, _THREE][: sums.size])
        if not enough.size:  # and where there is no ratio
            continue
        count = int(enough[0]) + 1
        yield notice_of(
            "ratio_concentrated",
            threshold=j,
            entities=tuple(sample.entities[i] for i in largest[:count]),
            share=float(sums[count - 1]),
            _count=count,
            _n_entities=shares.size,
            _entity=sample.keys.entity_name,
            _supply="supplies" if count == 1 else "supply",
            _ratio=rows.sum(),
        )


def boundary_sets(results: ThresholdResults, sample: Sample) -> Iterator[Notice]:
    """Report confidence sets that reach an end of the search, and remedies."""
    if results.given:  # given thresholds have no confidence set
        return
    q = np.sort(sample.columns("threshold_variable")[:, 0])
    for j in range(1, results.estimates.size + 1):
        profile, pieces = results.profile(j), results.confidence_set(j)
        first, last = (float(g) for g in profile["gamma"].iloc[[0, -1]])
        if first == last:
            yield _one_candidate(results.threshold_variable, j, first, np.unique(q))
            continue
        ends = {}
        least = np.ceil(results.trim[min(j, len(results.trim)) - 1] * q.size - WHOLE)
        included = results.rule == "<="
        if pieces and pieces[0][0] == first:
            ends["lowest"] = _why_search_ends(q, first, least, included=included)
        if pieces and pieces[-1][1] == last:
            ends["highest"] = _why_search_ends(
                -q[::-1], -last, least, included=not included
            )
        if not ends:
            continue
        evidence = ""
        if results.confidence != "bootstrap":
            evidence = (
                f" (the largest likelihood ratio is {profile['lr'].max():.1f}, the "
                f"critical value {results.critical_value(j):.1f})"
            )
        advice = [_ADVICE[reason] for reason in dict.fromkeys(ends.values())]
        yield boundary(
            f"threshold {j}: its confidence set",
            results.threshold_variable,
            j,
            (first, last),
            ends,
            whole=results._ends_reached(j) == "whole",
            evidence=f"{evidence}: at the {percent_text(results.level)} level",
            advice=" ".join([*advice, "Otherwise treat it as unbounded on that side."]),
        )


def _one_candidate(column: str, threshold: int, value: float, values: Floats) -> Notice:
    return notice_of(
        "one_candidate.two_values" if values.size == 2 else "one_candidate",
        column=column,
        threshold=threshold,
        value=value,
        values=values.size,
        _values=values,
    )


def boundary(
    beginning: str,
    column: str,
    threshold: int,
    candidates: tuple[float, float],
    ends: Mapping[str, str | None],
    *,
    whole: bool,
    evidence: str,
    advice: str,
) -> Notice:
    """Report a confidence set that reaches an end of the search; a kink is threshold 1.

    `ends` maps the ends that the set reaches (``"lowest"``, ``"highest"``) to the
    reason why the search ends there: ``"trim"``, ``"values"`` (no other values),
    ``"room"`` (another option or threshold), or None for a kink. The text has the
    `evidence` if the set is the `whole` range, otherwise the `advice`.
    """
    first, last = candidates
    values = {
        name: f"{name} ({number_text(value, 5)})"
        for name, value in (("lowest", first), ("highest", last))
    }
    if whole:
        text = (
            f"contains every candidate value of {cited(column)}, from the "
            f"{values['lowest']} to the {values['highest']}{evidence} the data do "
            "not show where the threshold is."
        )
    else:
        reached = " and the ".join(values[end] for end in ends)
        text = (
            f"includes the {reached} candidate value of {cited(column)} and may extend "
            f"beyond it. {advice}"
        )
    data = {
        "threshold": threshold,
        "first": first,
        "last": last,
        "whole": whole,
        "ends": dict(ends),
    }
    return Notice("boundary", f"{beginning} {text}", data)


def _why_search_ends(q: Floats, first: float, least: float, *, included: bool) -> str:
    """Return why the search has no candidate below `first`; q is ascending.

    `least` rows are needed below a candidate, one at the candidate `included`.
    """
    below = q[q < first] if included else q[(q > q[0]) & (q < first)]
    if not below.size:
        return "values"
    rows = np.searchsorted(q, below[-1], side="right" if included else "left")
    return "trim" if rows < least else "room"


def _small_regimes(
    results: ThresholdResults | KinkResults,
    variable: str,
    regimes: Sequence[int | str],
) -> Iterator[Notice]:
    """Report regimes, or sides of a kink, with few rows or few of all entities."""
    least = max(FEW_ENTITIES, FEW_SHARE * results.slopes.n_entities)
    sizes = results.regime_sizes.tolist()
    for regime, (rows, entities) in zip(regimes, sizes, strict=True):
        if rows < FEW_ROWS or entities < least:
            yield notice_of(
                "small_regime" if isinstance(regime, int) else "small_regime.kink",
                regime=regime,
                nobs=rows,
                n_entities=entities,
                _variable=variable,
            )


def origin(data: dict[str, Any], terms: Sequence[str], *, searched: bool) -> Notice:
    """Report that a fit without regime intercepts depends on the origin of its terms.

    `data` has ``estimates`` and ``with_intercept`` (thresholds without and with an
    intercept in each regime), ``outside`` (thresholds whose set does not contain them),
    ``order`` (term and regime whose slope changes its order) and ``logarithms``
    (terms).
    """
    depends = "the slopes depend"
    remedy = "regime_intercept=True, which gives each regime its own intercept"
    if searched:
        depends = "the test, the threshold and the slopes depend"
        remedy += "; a shift of the level alone can then also make the test reject"
    changes = _changes_text(data)
    logarithms = data["logarithms"]
    if logarithms:
        noun = "logarithm" if len(logarithms) == 1 else "logarithms"
        text = (
            f"{depends} on the unit of measurement inside the {noun} "
            f"{quoted(logarithms)}, because the regimes have one intercept in "
            f"common. Set {remedy}. {changes[:1].upper()}{changes[1:]}"
        )
    else:
        text = (
            f"{changes} The regimes have one intercept in common, so {depends} on "
            f"where {subject(terms, 'is')} zero. Unless zero is a meaningful value, "
            f"set {remedy}."
        )
    return Notice("origin", text.rstrip(), data)


def _changes_text(data: Mapping[str, Any]) -> str:
    changes = []
    order = data["order"]
    if data["outside"]:
        before, after = (
            " and ".join(number_text(value, 5) for value in data[name])
            for name in ("estimates", "with_intercept")
        )
        noun = "thresholds"
        which = f"the set of {listed([f'threshold {j}' for j in data['outside']])}"
        if len(data["with_intercept"]) == 1:
            noun, which = "threshold", "its confidence set"
        changes.append(
            f"the {noun} would be {after} instead of {before}, outside {which}"
        )
    by_term = dict.fromkeys(term for term, _ in order)
    for term in by_term:
        pairs = [f"regimes {r} and {r + 1}" for other, r in order if other == term]
        changes.append(
            f"the slopes of {cited(term)} in {listed(pairs)} would be in another order"
        )
    return f"with an intercept in each regime {'; '.join(changes)}." if changes else ""
