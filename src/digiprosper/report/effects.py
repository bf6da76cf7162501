"""Results with bootstrap intervals: effects of a system, or coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pandas as pd

from digiprosper.checks import check_level, check_option
from digiprosper.errors import Notice, number_text
from digiprosper.kernels import Floats, intervals
from digiprosper.report.estimates import DrawnEstimates, n_lost
from digiprosper.report.inference import Inference
from digiprosper.report.labels import effect_names, name_label
from digiprosper.report.protocol import Glance
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import Block, Cells, Lines, Remarks, Summary
from digiprosper.report.terms import Factors, Term
from digiprosper.report.text import interval_text, p_text
from digiprosper.report.words import NO_WORDS, Words


def drawn_estimates(
    names: Sequence[str],
    coefficients: Floats,
    covariance: Floats,
    draws: Floats,
    info: Glance,
    *,
    n_drawn: int,
    drawn: str = "entity",
    errors: Inference | None = None,
) -> DrawnEstimates:
    """Join estimates with their draws; `errors` describes other standard errors."""
    before = replace(errors, df_counted=None) if errors else Inference.of_glance(info)
    inference = replace(
        before,
        drawn=drawn,
        n_drawn=n_drawn,
        reps=len(draws),
        lost=n_lost(draws),
        rng_entropy=info["rng_entropy"],
    )
    return DrawnEstimates.of(
        names, coefficients, covariance, inference, draw_values=draws
    )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EffectResults(BaseResults):
    """Estimates with a covariance matrix and bootstrap draws.

    In `tidy` the standard error and the statistic are computed from `cov`. The interval
    is the percentile interval of the draws, and the p-value is consistent with it.

    Parameters
    ----------
    estimated : DrawnEstimates
        Names, estimates, their covariance matrix and their draws. Its `inference` says
        what is drawn, and the number of clusters. With fewer than five clusters there
        is no interval and no p-value.
    info : Glance
        Summary numbers of the fit.
    errors_text : str
        Type of the standard errors in `cov`, as text.
    diagnostics : tuple of Notice
        Remarks about the data and the fit.
    labels : mapping
        Labels of columns.
    terms : tuple of Term
        Description of each term.
    words : Words
        Texts of the terms in tables and figures.
    factors : mapping
        Factors of outcome, effects, clusters and mediators, by name.
    key_names : pair of str or None
        Names of the entity key and the time key, or None if not known.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> results = dp.Mediation("prosperity", "digital", "productivity", reps=199).fit(
    ...     panel, rng=1
    ... )
    >>> isinstance(results, dp.EffectResults), results.draws.shape
    (True, (199, 5))
    """

    _same_conventions: ClassVar[bool] = True
    methods: ClassVar[tuple[str, ...]] = ("percentile", "delta", "bc")

    estimated: DrawnEstimates
    info: Glance
    errors_text: str = "Standard errors from the draws"
    diagnostics: tuple[Notice, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    terms: tuple[Term, ...] = field(default=(), kw_only=True)
    words: Words = field(default=NO_WORDS, kw_only=True)
    factors: Factors = field(default_factory=dict, kw_only=True)
    key_names: tuple[str, str | None] | None = field(default=None, kw_only=True)

    @property
    def estimates(self) -> Floats:
        """Point estimates, in the order of `names`."""
        return self.estimated.coefficients

    @property
    def draw_values(self) -> Floats:
        """Bootstrap draws as an (R, k) array."""
        return self.estimated.draw_values

    @property
    def drawn(self) -> str:
        """What is drawn with replacement: ``"entity"``, or the name of the clusters."""
        return self.inference.drawn or "entity"

    @property
    def n_drawn(self) -> int:
        """Number of clusters."""
        return self.inference.n_drawn or 0

    @property
    def draws(self) -> pd.DataFrame:
        """Bootstrap draws, one column per term.

        A draw that could not be estimated is a row of NaN.
        """
        rows = pd.RangeIndex(self._reps, name="draw")
        return pd.DataFrame(
            self.draw_values.copy(), index=rows, columns=self._term_index()
        )

    @property
    def lost_draws(self) -> int:
        """Number of draws that could not be estimated."""
        return n_lost(self.draw_values)

    @property
    def rng_entropy(self) -> int | None:
        """Seed of the draws; pass it as `rng` to reproduce them."""
        return self.info["rng_entropy"]

    def interval(
        self, method: str = "percentile", *, level: float = 0.95
    ) -> pd.DataFrame:
        """Return confidence intervals and p-values of one of several methods.

        Parameters
        ----------
        method : {"percentile", "delta", "bc"}
            Method; see Notes. The default is ``"percentile"``. `MediationResults` also
            has ``"bca"`` and ``"monte_carlo"``.
        level : float
            Confidence level, .95 by default.

        Returns
        -------
        DataFrame
            One row per term, with columns estimate, conf_low, conf_high and p_value.
            For ``"percentile"``, ``"bc"`` and ``"bca"`` the last three are missing with
            fewer than five clusters.

        Raises
        ------
        OptionError
            If the method is unknown or `level` is not between 0 and 1.

        Notes
        -----
        ``percentile`` : quantiles q and 1 - q of the B draws, with q = (1 - level) / 2.
        They are the order statistics at q (B + 1) and (1 - q) (B + 1). `tidy` and
        `conf_int` show this interval.

        ``delta`` : estimate plus and minus t times the standard error in `cov`, with
        `df_t` degrees of freedom. It is symmetric; the distribution of a product of
        coefficients near 0 is not.

        ``bc`` : bias-corrected percentile interval (Efron 1987, JASA 82:171), with
        quantiles ``Phi(2 z0 + z_q)`` of the draws. ``Phi(z0)`` is the share of draws
        below the estimate. The p-value is 1 minus the level at which an end is 0. For a
        product of coefficients near 0 it rejects too often (Fritz, Taylor & MacKinnon
        2012, Multivariate Behavioral Research 47:61). So report it only together with
        ``percentile``.

        ``bca`` : bias-corrected and accelerated interval (Efron 1987), with the
        acceleration from the jackknife over clusters. Only for `MediationResults`.

        ``monte_carlo`` : percentiles of the effects of simulated coefficients, which
        are drawn from their joint distribution. Only for `MediationResults`.

        Examples
        --------
        >>> import digiprosper as dp
        >>> panel, truth = dp.datasets.simulate_provinces()
        >>> results = dp.Mediation(
        ...     "prosperity", "digital", "productivity", reps=199
        ... ).fit(panel, rng=1)
        >>> list(results.interval("bc", level=0.9).columns)
        ['estimate', 'conf_low', 'conf_high', 'p_value']
        """
        check_option("method", method, self.methods)
        level = check_level(level)
        low, high, p = self._interval_ends(method, level)
        columns = {
            "estimate": self.estimates.copy(),
            "conf_low": low,
            "conf_high": high,
            "p_value": p,
        }
        return pd.DataFrame(columns, index=self._term_index())

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        Glance
            A mapping with the same keys for all types of results.
        """
        return self.info.copy()

    @property
    def conventions(self) -> str:
        """Type of the standard errors, and number and type of the draws."""
        return f"{self.errors_text}; {self.draws_text()}"

    def draws_text(self, labels: Mapping[str, str] | None = None) -> str:
        """Return the number and type of the draws as text.

        Parameters
        ----------
        labels : mapping, optional
            Labels of columns, for the name of the clusters.

        Returns
        -------
        str
            Text such as
            ``"percentile intervals from 1,999 bootstrap draws of entities"``.
        """
        clusters = f"clusters ({name_label(self.drawn, labels or {}, self.factors)})"
        units = "entities" if self.drawn == "entity" else clusters
        if not self._has_intervals:
            return (
                f"percentile intervals not computed: {self.n_drawn} {units}, but the "
                f"bootstrap needs {intervals.LEAST_CLUSTERS} or more"
            )
        return f"percentile intervals from {self._reps:,} bootstrap draws of {units}"

    @property
    def settings(self) -> str:
        """Seed of the draws."""
        return f"rng {self.rng_entropy}"

    def _interval_ends(
        self, method: str, level: float
    ) -> tuple[Floats, Floats, Floats]:
        """Return lower end, upper end and p-value by one of `methods`."""
        if method == "delta":
            return intervals.delta(
                self.estimates, self.estimated.std_errors(), self.df_t, level
            )
        if method == "bc":
            return self._corrected_ends(0.0, level)
        ends = intervals.percentile(self.draw_values, level, clusters=self.n_drawn)
        return *ends, intervals.percentile_p(self.draw_values, clusters=self.n_drawn)

    def _corrected_ends(
        self, acceleration: Floats | float, level: float
    ) -> tuple[Floats, Floats, Floats]:
        """Return ends and p-value with bias correction and an acceleration."""
        corrected = self.draw_values, self.estimates, acceleration
        ends = intervals.bca(*corrected, level, clusters=self.n_drawn)
        return *ends, intervals.bca_p(*corrected, clusters=self.n_drawn)

    @property
    def _has_intervals(self) -> bool:
        return intervals.has_enough_clusters(self.n_drawn)

    @property
    def _reps(self) -> int:
        return int(self.draw_values.shape[0])

    def _summary(self) -> Summary:
        info = self.info
        return self._make_summary(
            info["model"] + (f" of {info['depvar']}" if info["depvar"] else "")
        )

    def _make_summary(self, title: str, words: Sequence[str] = ()) -> Summary:
        """Build the summary: title, sample, estimates, interpretation, notices."""
        info = self.info
        counts = [f"{self.nobs:,} rows"]
        if info["n_entities"] is not None:
            counts.append(f"{info['n_entities']:,} entities")
        if (info["n_times"] or 1) > 1:
            counts.append(f"{info['n_times']:,} periods")
        effects = ", ".join(effect_names(info["effects"])) or "none (intercept)"
        return self._titled(
            title,
            Lines((f"Effects: {effects}", f"Sample: {', '.join(counts)}", "")),
            *self._estimate_blocks(),
            Lines(tuple(words), wrapped=True),
            Remarks.of(self.diagnostics),
            version=info["version"],
        )

    def _estimate_blocks(self) -> tuple[Block, ...]:
        frame, rows = self.tidy(), []
        numbers = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
        for term, values in zip(
            self.names, frame[list(numbers)].to_numpy(dtype=float), strict=True
        ):
            estimate, error, p, low, high = (float(v) for v in values)
            ends = interval_text(low, high, computed=self._has_intervals)
            rows.append(
                [term, number_text(estimate, 5), number_text(error), p_text(p), ends]
            )
        return (Cells.of(["", "estimate", "std. error", "p", "95% interval"], rows),)

    def _more_numbers(self) -> dict[str, Any]:
        drawn = {
            "count": self._reps,
            "lost": self.lost_draws,
            "drawn": self.drawn,
            "clusters": self.n_drawn,
        }
        return {"draws": drawn}
