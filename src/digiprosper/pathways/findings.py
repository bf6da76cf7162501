"""The finding on one proposition: estimates, one p-value, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from digiprosper.errors import Notice
from digiprosper.kernels.intervals import holm
from digiprosper.pathways.mechanism import Mechanism
from digiprosper.report.pickling import PickledByName
from digiprosper.report.verdicts import rejects

Verdict: TypeAlias = Literal[
    "supported", "contradicted", "inconclusive", "not testable"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Agreement: TypeAlias = Literal["claimed", "opposite", "mixed"]

_IDENTIFICATION = {
    "mediated": "product_of_slopes",
    "U-mediated": "product_of_slopes",
    "coupled": "no_direction",
    "spatial": "spatial_lags",
    "staggered": "parallel_trends",
}


@dataclass(frozen=True, slots=True)
class Part(PickledByName):
    """One estimate that a proposition makes a claim about.

    code: kind of estimate, such as "slope" or "indirect"
    sign: claimed sign, "" if any sign supports the claim
    p_value: two-sided
    of: column of the channel or moderator, if there are several
    at: value at which it is evaluated
    scale: factor that converts it to standard deviations of the outcome for one
        standard deviation of the cause; None if that has no meaning
    """

    code: str
    sign: str
    estimate: float
    std_error: float
    p_value: float
    conf_low: float
    conf_high: float
    of: str = ""
    at: float | None = None
    scale: float | None = None

    @property
    def std_effect(self) -> tuple[float, float, float]:
        """The estimate and the ends of its interval in standard deviations."""
        scale = math.nan if self.scale is None else self.scale
        return self.estimate * scale, self.conf_low * scale, self.conf_high * scale

    @property
    def agreement(self) -> Agreement:
        """Whether the estimate has the claimed sign."""
        if not self.sign:
            return "claimed"
        signed = self.estimate if self.sign == "+" else -self.estimate
        if signed == 0 or math.isnan(signed):
            return "mixed"
        return "claimed" if signed > 0 else "opposite"


@dataclass(frozen=True, slots=True)
class Reason(PickledByName):
    """Reason why a proposition was not tested: a code, and `data` for its words.

    Codes are data, column, same_column, overlap, weights, failed and no_p.
    """

    code: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Finding(PickledByName):
    """One proposition with its estimates and verdict.

    mechanism: with one cause and one outcome
    columns: role to column, of the roles that have one
    parts: estimates; empty if it was not tested
    nobs, n_entities, n_clusters: 0 if it was not tested
    detail: further numbers, such as a turning point
    reason: why it was not tested
    p_value, p_adjusted: of all parts; NaN if it was not tested
    notices: of the models and tests, each once
    """

    mechanism: Mechanism
    columns: Mapping[str, str]
    controls: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    estimator: str = ""
    nobs: int = 0
    n_entities: int = 0
    n_clusters: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)
    reason: Reason | None = None
    p_value: float = math.nan
    p_adjusted: float = math.nan
    verdict: Verdict = "not testable"
    notices: tuple[Notice, ...] = ()

    @property
    def tested(self) -> bool:
        """Whether there is a p-value."""
        return self.reason is None

    @property
    def identification(self) -> str:
        """Code of the identification strategy; empty if it was not tested."""
        shape = self.mechanism.design or self.mechanism.shape
        return _IDENTIFICATION.get(shape, "two_way_effects") if self.tested else ""

    @property
    def deciding(self) -> Part | None:
        """The part shown for the row: largest p-value, or a sign other than claimed."""
        mixed = agreement(self.parts) == "mixed"
        return max(
            self.parts,
            key=lambda part: (mixed and part.agreement != "claimed", part.p_value),
            default=None,
        )


def agreement(parts: Sequence[Part]) -> Agreement:
    """Compare signs of all parts with the claim; "mixed" unless all claims agree."""
    agreements = {part.agreement for part in parts if part.sign} or {"claimed"}
    return agreements.pop() if len(agreements) == 1 else "mixed"


def joint_p(parts: Sequence[Part]) -> float:
    """Combine the p-values of all parts of a claim (intersection-union test).

    The result is the largest two-sided p-value if all signs are as claimed or all are
    opposite. Otherwise it is 1, since in each direction a part with the wrong sign has
    a one-sided p-value above one half.
    """
    p_values = [part.p_value for part in parts]
    if any(map(math.isnan, p_values)):
        return math.nan
    return 1.0 if agreement(parts) == "mixed" else max(p_values)


def verdict_of(parts: Sequence[Part], p_adjusted: float, level: float) -> Verdict:
    """Judge a proposition by its signs, if the adjusted p-value is significant."""
    overall = agreement(parts)
    if overall == "mixed" or not rejects(p_adjusted, level):
        return "inconclusive"
    return "supported" if overall == "claimed" else "contradicted"


def with_verdicts(
    findings: Sequence[Finding], adjust: str, level: float
) -> tuple[Finding, ...]:
    """Adjust the p-values over all propositions that were tested, and judge each."""
    tested = [finding for finding in findings if finding.tested]
    p_values = [joint_p(finding.parts) for finding in tested]
    numbers = zip(tested, p_values, adjusted(p_values, adjust), strict=True)
    judged = iter(
        [
            replace(f, p_value=p, p_adjusted=q, verdict=verdict_of(f.parts, q, level))
            for f, p, q in numbers
        ]
    )
    return tuple([next(judged) if f.tested else f for f in findings])


def adjusted(p_values: Sequence[float], method: str) -> list[float]:
    """Adjust p-values of several tests.

    Holm (1979) and Bonferroni bound the probability of any false rejection; Benjamini &
    Hochberg (1995) and Benjamini & Yekutieli (2001) the expected share of false ones.
    """
    if method == "none" or not p_values:
        return list(p_values)
    if method == "holm":
        corrected = holm(np.asarray(p_values))
    else:
        # Imported here, because that takes longer than all fits of a catalogue.
        from statsmodels.stats.multitest import multipletests

        corrected = multipletests(list(p_values), method=method)[1]
    return [float(p) for p in corrected]
