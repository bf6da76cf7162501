"""Results of mediation analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_level,
    check_numbers,
    check_option,
    check_whole,
    option_error,
)
from digiprosper.errors import OptionError, cited, issue, number_text, quoted
from digiprosper.kernels import Floats, intervals
from digiprosper.linear.results import LinearResults
from digiprosper.mediation.conditional import JohnsonNeyman, johnson_neyman
from digiprosper.mediation.decisions import Decision, Test, two_step
from digiprosper.mediation.kernel import (
    Effects,
    PathSystem,
    Products,
    Route,
    expand,
    powers,
    simulate_coefficients,
)
from digiprosper.mediation.layout import REGIMES, is_specific
from digiprosper.mediation.sensitivity import (
    MediationSensitivity,
    robustness_value,
    sensitivity,
)
from digiprosper.mediation.words import WORDS
from digiprosper.report.characters import decimal_text
from digiprosper.report.columns import Remark, RowName, remark_text
from digiprosper.report.effects import EffectResults
from digiprosper.report.estimates import DrawnEstimates
from digiprosper.report.labels import check_labels, text_factor
from digiprosper.report.notices import FEW_CLUSTERS, extrapolated, not_psd
from digiprosper.report.summary import Summary
from digiprosper.report.text import interval_text, listed, p_text
from digiprosper.report.verdicts import rejects
from digiprosper.report.words import LANGUAGES

SobelKind = Literal["sobel", "aroian", "goodman"]

_SIMULATIONS = 19_999
# Spawn key of the stream of simulated estimates; the bootstrap has its own.
_SIMULATED = 1
# Confidence level of the interpretation.
_LEVEL = 0.95


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MediationResults(EffectResults):
    """Results of mediation analysis: total, direct and indirect effects.

    `Mediation.fit` makes them. Terms are ``total``, ``direct``, ``indirect``,
    ``indirect:<m>`` for each mediator, those of the structure, and
    ``proportion_mediated``. A serial structure has the chains ``indirect:<m1>><m2>``. A
    moderator has ``index:<m>`` and effects at quantiles such as ``indirect:<m>:p10``. A
    threshold has ``indirect:<m>:regime1`` and ``difference:<m>``.

    Effects are changes of the outcome per unit of the treatment. If an effect depends
    on a moderator, a threshold or the treatment itself, the term without a suffix is
    its average over the rows of the sample.

    Parameters
    ----------
    treatment : str
        Treatment.
    mediators : tuple of str
        Mediators.
    equations : tuple of (name, LinearResults)
        ``total`` (y on x), ``mediator:<m>`` (m on x) and ``outcome`` (y on x and all
        m), with the controls.
    structure : str
        ``"parallel"``, ``"serial"``, ``"moderated"``, ``"threshold"`` or
        ``"quadratic"``.
    system : PathSystem
        Coefficients of all equations, their covariance matrix, draws and jackknife.
    variable : str
        Variable that effects depend on: the moderator, the threshold variable or the
        treatment; or the empty text. The fields that follow are empty if effects are
        constant.
    quantiles : (101,) array
        Quantiles 0, 1, ..., 100% of the variable in the sample.
    points : tuple of (suffix, value)
        Values at which terms evaluate the effects, with the suffix of the term: the 10,
        50 and 90% quantiles, or both values of a dummy.
    routes : tuple of Route
        Effects as functions of the variable.
    threshold : float or None
        Threshold gamma.
    threshold_draws : (R,) array
        Threshold in each draw with ``search_draws=True``; otherwise empty. Intervals
        "percentile" and "bc" allow for its estimation. "delta" and "monte_carlo" take
        the threshold as known, and so does the acceleration of "bca". The draws are not
        a confidence set of the threshold (Yu 2014, Econometric Theory 30:676);
        `PanelThreshold` computes one.
    regime_counts : tuple of (rows, entities)
        Numbers of rows and entities of each regime.

    Notes
    -----
    The other parameters are those of `EffectResults`. `cov` is the covariance matrix of
    the effects by the delta method, with the `cov_type` of the fit.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
    >>> results = spec.fit(dp.datasets.us_states(), rng=1)
    >>> results.params[["total", "direct", "indirect"]].round(3).to_dict()
    {'total': 0.664, 'direct': 0.164, 'indirect': 0.5}
    >>> results.interval().shape
    (5, 4)
    """

    methods: ClassVar[tuple[str, ...]] = (
        "percentile",
        "delta",
        "bc",
        "bca",
        "monte_carlo",
    )

    treatment: str = ""
    mediators: tuple[str, ...] = ()
    equations: tuple[tuple[str, LinearResults], ...] = ()
    structure: str = "parallel"
    system: PathSystem = field(kw_only=True)
    variable: str = ""
    quantiles: Floats = field(default_factory=lambda: np.empty(0))
    points: tuple[tuple[str, float], ...] = ()
    routes: tuple[Route, ...] = ()
    threshold: float | None = None
    threshold_draws: Floats = field(default_factory=lambda: np.empty(0))
    regime_counts: tuple[tuple[int, int], ...] = ()

    @property
    def paths(self) -> dict[str, LinearResults]:
        """Equations by name: ``total``, ``mediator:<m>``, ``outcome``."""
        return dict(self.equations)

    @property
    def sample_stats(self) -> pd.DataFrame:
        """Summary statistics of variables and terms: nobs, mean, sd, min, max."""
        return self.paths["outcome"].sample_stats

    @property
    def regimes(self) -> pd.DataFrame:
        """Regimes of a threshold: lower, upper, nobs, n_entities.

        A regime has the rows with ``lower < q <= upper``. Without a threshold the table
        is empty.
        """
        gamma = self.threshold
        bounds = [] if gamma is None else [(-np.inf, gamma), (gamma, np.inf)]
        pairs = zip(bounds, self.regime_counts, strict=True)
        return pd.DataFrame(
            [(*ends, *counts) for ends, counts in pairs],
            index=pd.Index(REGIMES[: len(bounds)], name="regime"),
            columns=["lower", "upper", "nobs", "n_entities"],
        )

    # --- tests of products ------------------------------------------------------------

    def sobel(self, kind: SobelKind = "sobel") -> pd.DataFrame:
        """Test each indirect effect with the Sobel test.

        The variance of a b is ``a^2 s_b^2 + b^2 s_a^2`` (Sobel 1982), with
        ``+ s_a^2 s_b^2`` (Aroian 1947) or ``- s_a^2 s_b^2`` (Goodman 1960). s_a and s_b
        are the standard errors of the fit. The test assumes that the product is normal,
        which it is not. So it is conservative near 0, and the bootstrap interval of
        `tidy` is better.

        Parameters
        ----------
        kind : {"sobel", "aroian", "goodman"}
            Formula of the variance; ``"sobel"`` by default.

        Returns
        -------
        DataFrame
            One row per ``indirect:<m>``, with columns estimate, std_error, statistic
            and p_value (two-sided, normal).

        Raises
        ------
        OptionError
            If `kind` is unknown, or the effects depend on a moderator, a threshold or
            the treatment.

        Warns
        -----
        CovarianceWarning
            If Goodman's variance is negative; the standard error is then missing.
        """
        check_option("kind", kind, get_args(SobelKind))
        self._require_constant_effects("sobel")
        sign = {"sobel": 0.0, "aroian": 1.0, "goodman": -1.0}[kind]
        fits, slopes = self.paths, map(self._path_slopes, self.mediators)
        pairs = [
            (fits[equation].params[term], fits[equation].std_errors[term])
            for equation, term in chain.from_iterable(slopes)
        ]
        (a, b), (s_a, s_b) = np.reshape(pairs, (-1, 2, 2)).T
        variance = a**2 * s_b**2 + b**2 * s_a**2 + sign * s_a**2 * s_b**2
        names = self._indirect_terms
        if negative := names[variance < 0].tolist():
            issue([not_psd("goodman", negative)])
        error = np.sqrt(np.where(variance < 0, np.nan, variance))
        _, _, p = intervals.delta(a * b, error, np.inf)
        columns = {
            "estimate": a * b,
            "std_error": error,
            "statistic": a * b / error,
            "p_value": p,
        }
        return pd.DataFrame(columns, index=names)

    def product_interval(self, *, level: float = 0.95) -> pd.DataFrame:
        """Compute intervals of indirect effects from a product of normals.

        The distribution is that of a product of two normal estimates.

        a and b are assumed to be normal, with the standard errors and the correlation
        of the fit. The ends are quantiles of the exact distribution of their product
        (Tofighi & MacKinnon 2011), so no draws are needed. ``interval("monte_carlo")``
        approximates it by simulation, except with few clusters, for which it uses the t
        distribution.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per ``indirect:<m>``, with columns estimate, conf_low, conf_high and
            p_value. The p-value is 1 minus the level at which an end of the interval
            is 0.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1, or the effects depend on a moderator, a
            threshold or the treatment.
        """
        self._require_constant_effects("product_interval")
        level = check_level(level)
        rows = []
        for m in self.mediators:
            at = self._slope_positions(m)
            a, b = self.system.estimates[at].tolist()
            v = self.system.covariance[np.ix_(at, at)]
            s_a, s_b = np.sqrt(np.diag(v)).tolist()
            spread = s_a * s_b
            r = float(np.clip(v[0, 1] / spread, -1.0, 1.0)) if spread > 0 else 0.0
            ends = intervals.product_interval(a, b, s_a, s_b, r, level)
            rows.append([a * b, *ends, intervals.product_p(a, b, s_a, s_b, r)])
        columns = ["estimate", "conf_low", "conf_high", "p_value"]
        return pd.DataFrame(rows, index=self._indirect_terms, columns=columns)

    def joint_significance(self) -> pd.DataFrame:
        """Test each indirect effect by joint significance.

        Both paths must be significant. The p-value is the larger of those of a and b,
        which are t tests with the standard errors and degrees of freedom of the fit.
        There is no interval. The test has good size and power (MacKinnon et al. 2002).

        Returns
        -------
        DataFrame
            One row per ``indirect:<m>``, with columns p_a, p_b and p_value.

        Raises
        ------
        OptionError
            If the effects depend on a moderator, a threshold or the treatment.
        """
        self._require_constant_effects("joint_significance")
        rows = [[test.p_value for test in self._path_tests(m)] for m in self.mediators]
        frame = pd.DataFrame(rows, index=self._indirect_terms, columns=["p_a", "p_b"])
        return frame.assign(p_value=frame.max(axis=1, skipna=False))

    def contrasts(self, *, level: float = 0.95) -> pd.DataFrame:
        """Test differences between indirect effects.

        These are the differences between each pair of mediators or chains, or between a
        conditional effect at the highest and at the lowest of its values (such as p90
        and p10).

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per difference, ``"<term> - <term>"``. Columns are estimate,
            std_error and statistic (delta method), and p_value, conf_low and conf_high
            (bootstrap percentiles). The table is empty if there is only one indirect
            effect.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.
        """
        level = check_level(level)
        specific = [i for i, term in enumerate(self.terms) if is_specific(term)]
        pairs = [*combinations(specific, 2), *self._extreme_points]
        i, j = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
        unit = np.eye(len(self.names))
        effects = (
            self.estimates[i] - self.estimates[j],
            self.estimated.covariance_of(unit[i] - unit[j]),
            self.draw_values[:, i] - self.draw_values[:, j],
        )
        return self._tidy_frame(list(map(self._contrast_name, pairs)), effects, level)

    # --- decisions --------------------------------------------------------------------

    def decision(self, mediator: str | None = None, *, level: float = 0.95) -> Decision:
        """Apply the five-step procedure of Wen and Ye (2014) to one mediator.

        Parameters
        ----------
        mediator : str, optional
            The mediator. It must be given if there are several.
        level : float
            A test is significant if its p-value is at most 1 - level; .95 by default.

        Returns
        -------
        Decision
            The conclusion ``branch``, all ``steps``, the type ``zhao`` of Zhao, Lynch
            and Chen (2010), and a ``ratio``. The paths are tested with the standard
            errors of the fit, and the indirect effect with the bootstrap.

        Raises
        ------
        OptionError
            If the mediator is not in the model, or is not given although there are
            several. Also if the effects depend on a moderator, a threshold or the
            treatment, or `level` is not between 0 and 1.

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
        >>> spec.fit(dp.datasets.us_states(), rng=1).decision().branch
        'complete mediation'
        """
        self._require_constant_effects("decision")
        level = check_level(level)
        mediator = self._read_mediator(mediator)
        a, b = self._path_tests(mediator)
        pvalues, name = self.pvalues, f"indirect:{mediator}"
        # No statistic: t of the delta method would not match p of the draws.
        indirect = Test(float(self.params[name]), np.nan, float(pvalues[name]))
        return Decision(
            mediator=mediator,
            treatment=self.treatment,
            outcome=self.info["depvar"] or "",
            total=self._test("total", self.treatment),
            a=a,
            b=b,
            indirect=indirect,
            direct=self._test("outcome", self.treatment),
            level=level,
            conventions=self.conventions,
            total_draws_p=float(pvalues["total"]),
            direct_draws_p=float(pvalues["direct"]),
        )

    def two_step(self) -> pd.DataFrame:
        """Test the treatment's effect on each mediator, as proposed by Jiang (2022).

        If the treatment is identified, so is its effect on a mediator. The effect of a
        mediator on the outcome is usually confounded; Jiang (2022) justifies it by
        theory instead of estimating it. So he reports neither c' nor ab / c. The
        p-values are adjusted for testing several mediators with the methods of Holm and
        of Romano and Wolf (2005).

        Returns
        -------
        DataFrame
            One row per mediator, with columns estimate, std_error, statistic, p_value,
            p_holm and p_romano_wolf.

        Raises
        ------
        OptionError
            If the effects depend on a moderator, a threshold or the treatment, or the
            mediators are a chain.
        """
        self._require_constant_effects("two_step")
        if self.structure == "serial":
            raise OptionError(
                "two_step tests the effect of the treatment on each mediator, but "
                "serial mediators are also regressed on earlier mediators. Fit "
                "structure='parallel'."
            )
        at = [self._slope_positions(m)[0] for m in self.mediators]
        return two_step(
            self.mediators,
            self.system.estimates[at],
            np.sqrt(np.diag(self.system.covariance)[at]),
            np.array([self._path_tests(m)[0].p_value for m in self.mediators]),
            self.system.draws[:, at],
            clusters=self.n_drawn,
        )

    # --- robustness -------------------------------------------------------------------

    def sensitivity(
        self,
        mediator: str | None = None,
        *,
        level: float = 0.95,
        rho: Sequence[float] | None = None,
    ) -> MediationSensitivity:
        """Compute the indirect effect over the errors' correlation.

        It is a function of their correlation rho (Imai et al. 2010). A correlation rho
        between the errors of mediator and outcome arises if a common cause is omitted.
        The indirect effect is then
        ``a (s1/s2) [r - rho sqrt((1 - r^2) / (1 - rho^2))]``. r, s1 and s2 are the
        correlation and the standard deviations of the residuals of outcome and mediator
        from regressions on the treatment, the controls and the other mediators (Imai,
        Keele and Yamamoto 2010). It is ab at rho = 0, and 0 at rho = r.

        Parameters
        ----------
        mediator : str, optional
            The mediator. It must be given if there are several; the others are then
            controls.
        level : float
            Confidence level of the percentile intervals, .95 by default.
        rho : sequence of float, optional
            Values of rho, by default from -.9 to .9.

        Returns
        -------
        MediationSensitivity
            The ``curve``, and ``rho_at_zero``, the correlation at which the effect
            is 0.

        Raises
        ------
        OptionError
            If the mediator is not in the model, the effects depend on a moderator, a
            threshold or the treatment, or `level` is not between 0 and 1.
        """
        self._require_constant_effects("sensitivity")
        mediator = self._read_mediator(mediator)
        k, (at, _) = self.mediators.index(mediator), self._slope_positions(mediator)
        analysis = sensitivity(
            mediator,
            float(self.system.estimates[at]),
            self.system.moments[k],
            self.system.draws[:, at],
            self.system.moment_draws[:, k],
            clusters=self.n_drawn,
            level=level,
            rho=rho,
        )
        return replace(
            analysis,
            conventions=self.conventions,
            labels=dict(self.labels),
            factors=dict(self.factors),
        )

    def robustness_value(
        self, mediator: str | None = None, *, level: float = 0.95
    ) -> pd.DataFrame:
        """Compute the robustness values of both paths of a mediator.

        The values are those of Cinelli and Hazlett (2020). An omitted variable can
        reduce the estimate of a path to 0 only if it explains at least the share RV of
        the residual variance of its regressor, or of its outcome. The values are
        computed from t statistics with unadjusted standard errors, because a partial R2
        measures fit.

        Parameters
        ----------
        mediator : str, optional
            The mediator. It must be given if there are several.
        level : float
            Confidence level for `rv_alpha`, .95 by default.

        Returns
        -------
        DataFrame
            Rows a and b. Columns are partial_r2, rv, and rv_alpha, the share from which
            the path is no longer significant.

        Raises
        ------
        OptionError
            If the mediator is not in the model, the effects depend on a moderator, a
            threshold or the treatment, or `level` is not between 0 and 1.
        """
        self._require_constant_effects("robustness_value")
        at = self._slope_positions(self._read_mediator(mediator))
        errors, df = self.system.unadjusted[at].T
        values = robustness_value(self.system.estimates[at] / errors, df, level)
        columns = dict(zip(("partial_r2", "rv", "rv_alpha"), values, strict=True))
        return pd.DataFrame(columns, index=pd.Index(["a", "b"], name="path"))

    # --- effects that depend on a variable --------------------------------------------

    def conditional_effects(
        self, at: Sequence[float] | None = None, *, level: float = 0.95
    ) -> pd.DataFrame:
        """Compute the effects at values of the moderator.

        In a quadratic model they are values of the treatment.

        Parameters
        ----------
        at : sequence of float, optional
            Values. The default is the 10, 50 and 90% quantiles in the sample, or both
            values of a dummy. A warning names values outside the range of the sample.
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per effect and value. Columns are effect, at, estimate, std_error
            and statistic (delta method), and p_value, conf_low and conf_high (bootstrap
            percentiles).

        Raises
        ------
        OptionError
            If no effect depends on a variable, a value is not a finite number, or
            `level` is not between 0 and 1.
        """
        self._require_conditional_effects("conditional_effects")
        level = check_level(level)
        values = np.array([value for _, value in self.points])
        if at is not None:
            kind = "one or more finite numbers"
            values = np.array(check_numbers("at", at, kind))
            low, high = map(float, self.quantiles[[0, -1]])
            issue(extrapolated(self.variable, values.tolist(), low, high))
        pairs = [(route, value) for route in self.routes for value in values.tolist()]
        effects = Products(
            [expand(route.slopes, np.array([value])) for route, value in pairs]
        )
        names = [route.name for route, _ in pairs]
        frame = self._tidy_frame(names, self.system.effects(effects.evaluate), level)
        frame = frame.rename_axis("effect").reset_index()
        frame.insert(1, "at", [value for _, value in pairs])
        return frame

    def johnson_neyman(
        self,
        effect: str | None = None,
        *,
        level: float = 0.95,
        method: str | None = None,
    ) -> JohnsonNeyman:
        """Find where a conditional effect is significant (Johnson-Neyman regions).

        For a single slope the ends of the regions solve a quadratic equation (Johnson
        and Neyman 1936; Bauer and Curran 2005), with the standard errors and the t
        distribution of the fit. For a product of slopes they are computed from the
        bootstrap draws.

        Parameters
        ----------
        effect : str, optional
            ``"indirect:<m>"`` or ``"direct"``. It must be given if several effects
            depend on the variable.
        level : float
            Confidence level of the intervals, .95 by default.
        method : {"t", "percentile"}, optional
            The default is ``"t"`` for a single slope and ``"percentile"`` for a product
            of slopes. ``"percentile"`` is consistent with `conditional_effects`.

        Returns
        -------
        JohnsonNeyman
            The ``regions``, the ``share`` of rows in them, and the ``curve`` of the
            effect.

        Raises
        ------
        OptionError
            If no effect depends on a variable, `effect` does not depend on it, or
            `level` is not between 0 and 1.
        """
        self._require_conditional_effects("johnson_neyman")
        names = [r.name for r in self.routes]
        if effect is None and len(names) > 1:
            raise OptionError(
                f"johnson_neyman: specify the effect; {quoted(names, 12)} depend on "
                f"{self.variable}."
            )
        effect = names[0] if effect is None else effect
        check_option("effect", effect, names)
        route = self.routes[names.index(effect)]
        allowed = ("t", "percentile") if len(route.slopes) == 1 else ("percentile",)
        method = allowed[0] if method is None else method
        check_option("method", method, allowed)
        return johnson_neyman(
            effect,
            self.variable,
            self.system.effects(Products(powers(route.slopes)).evaluate),
            self.quantiles,
            method=method,
            df=self.df_t,
            clusters=self.n_drawn,
            level=level,
            conventions=self.errors_text if method == "t" else self.conventions,
        )

    # --- in words ---------------------------------------------------------------------

    def path_rows(
        self,
        mediator: str | None = None,
        *,
        digits: int = 3,
        labels: Mapping[str, str] | None = None,
        language: Literal["en", "zh"] = "en",
    ) -> dict[str, list[str]]:
        """Return rows for the three equations: ``etable(r.paths, rows=r.path_rows())``.

        Parameters
        ----------
        mediator : str, optional
            Only rows of this mediator. The default is all mediators.
        digits : int
            Number of decimals, 3 by default. A number that would be rounded to 0 keeps
            this many significant digits.
        labels : mapping, optional
            Labels of the mediators by term or column, as in `etable`. They replace
            those of the panel.
        language : {"en", "zh"}
            Language of the names of the rows, English by default. `etable` prints them
            in the language of its style and with its labels.

        Returns
        -------
        dict of str to list of str
            For each mediator or chain, the indirect effect with its 95% percentile
            interval and p-value; with fewer than five clusters only the effect. For
            each mediator also Sobel's z. The values are in the column of the equation
            of the outcome.

        Raises
        ------
        InputTypeError
            If `labels` is not a mapping.
        OptionError
            If the mediator is not in the model, `digits` is not an integer from 0 to
            15, or `language` is unknown. Also if the effects depend on a moderator, a
            threshold or the treatment.

        Examples
        --------
        >>> import digiprosper as dp
        >>> spec = dp.Mediation("log(gsp)", "log(pc)", ["log(emp)", "unemp"], reps=199)
        >>> results = spec.fit(dp.datasets.us_states(), rng=1)
        >>> labels = {"log(emp)": "就业", "unemp": "失业率"}
        >>> list(results.path_rows("unemp", labels=labels, language="zh"))
        ['经由失业率的间接效应 [95%置信区间]', '经由失业率的自助法p值',
         '经由失业率的Sobel z值']
        """
        self._require_constant_effects("path_rows")
        digits = check_whole("digits", digits, 0, 15)
        check_option("language", language, tuple(LANGUAGES))
        texts = {**self.labels, **check_labels(labels, "path_rows")}
        sobel, ends = self.sobel()["statistic"], self.interval("percentile")
        selected = None if mediator is None else (self._read_mediator(mediator),)
        blank = [""] * (len(self.equations) - 1)
        note = None
        if self._has_intervals:
            units = self.paths["outcome"].key_names[0]
            if self.drawn != "entity":
                units = self.drawn
            names = {"count": (f"{self.inference.reps:,}",), "units": (units,)}
            note = Remark("row.note", names, WORDS, self.factors)
        out: dict[str, list[str]] = {}
        for term in filter(is_specific, self.terms):
            if selected is not None and term.path != selected:
                continue
            path = " → ".join(term.path)
            factors = {path: (text_factor(path, term.path, self.factors),)}
            interval_ends = ends.loc[term.name].to_numpy()
            cells = _path_cells(
                interval_ends,
                sobel.get(term.name),
                digits,
                computed=self._has_intervals,
            )
            form = "row.through" if len(self.mediators) > 1 else "row.only"
            through = Remark(form, {"path": (path,)})
            for code, cell in cells.items():
                name = Remark(f"row.{code}", {"through": (through,)}, WORDS, factors)
                text = remark_text(name, WORDS, texts, {}, LANGUAGES[language])
                out[RowName(text, name, labels, note)] = [*blank, cell]
        return out

    def _remarks(self) -> tuple[Remark, ...]:
        """Return a remark with the variable that effects depend on."""
        if not self.variable:
            return ()
        names, code = {"name": (self.variable,)}, "depends"
        if self.threshold is not None:
            names["value"], code = (number_text(self.threshold, 5),), "depends.regimes"
        return (Remark(code, names, WORDS, self.factors),)

    def _summary(self) -> Summary:
        outcome = self.info["depvar"] or ""
        through = (" -> " if self.structure == "serial" else ", ").join(self.mediators)
        words = (
            self._conditional_interpretation if self.variable else self._interpretation
        )
        return self._make_summary(
            f"Mediation: {self.treatment} -> {through} -> {outcome}", words(outcome)
        )

    def _more_numbers(self) -> dict[str, Any]:
        # A slotted dataclass is a new class: `super()` without arguments would look in
        # the old one.
        return {
            **EffectResults._more_numbers(self),
            "treatment": self.treatment,
            "mediators": self.mediators,
            "structure": self.structure,
            "variable": self.variable or None,
            "threshold": self.threshold,
            "paths": {name: fit.to_dict() for name, fit in self.equations},
        }

    # --- inside -----------------------------------------------------------------------

    def _interval_ends(
        self, method: str, level: float
    ) -> tuple[Floats, Floats, Floats]:
        effects = self.system.products
        if method == "bca":
            without = self._mask_missing(effects.evaluate(self.system.jackknife))
            return self._corrected_ends(intervals.acceleration(without), level)
        if method == "monte_carlo":
            seed = np.random.SeedSequence(self.rng_entropy, spawn_key=(_SIMULATED,))
            groups = self.info["n_clusters"]
            df = self.df_t if groups is not None and groups < FEW_CLUSTERS else np.inf
            paths = simulate_coefficients(
                self.system.estimates, self.system.covariance, _SIMULATIONS, seed, df=df
            )
            draws = self._mask_missing(effects.evaluate(paths))
            ends = intervals.percentile(draws, level, clusters=None)
            return (*ends, intervals.percentile_p(draws, clusters=None))
        return EffectResults._interval_ends(self, method, level)

    def _mask_missing(self, values: Floats) -> Floats:
        values[:, np.isnan(self.estimates)] = np.nan
        return values

    def _tidy_frame(
        self, names: Sequence[str], effects: Effects, level: float
    ) -> pd.DataFrame:
        """Return functions of the effects in the form of `tidy`, indexed by term."""
        estimates, covariance, draws = effects
        estimated = DrawnEstimates.of(
            names, estimates, covariance, self.inference, draw_values=draws
        )
        return EffectResults(estimated, self.info).tidy(level).set_index("term")

    @property
    def _extreme_points(self) -> list[tuple[int, int]]:
        """Positions of conditional effects at the highest and the lowest point."""
        if not self.points or self.points[0][1] >= self.points[-1][1]:
            return []
        (first, _), *_, (last, _) = self.points
        at = self.names.index
        return [
            (at(f"{route.name}:{last}"), at(f"{route.name}:{first}"))
            for route in self.routes
        ]

    def _contrast_name(self, pair: tuple[int, int]) -> str:
        """Name the difference of two effects."""
        return " - ".join(self.names[position] for position in pair)

    @property
    def _indirect_terms(self) -> pd.Index[str]:
        return pd.Index([f"indirect:{m}" for m in self.mediators], name="term")

    def _require_constant_effects(self, method: str) -> None:
        if self.variable:
            raise OptionError(
                f"{method} requires a constant effect, but here it depends on "
                f"{cited(self.variable)}. Fit without the {self.structure} part, or "
                "use the terms of tidy()."
            )

    def _require_conditional_effects(self, method: str) -> None:
        if not self.routes:
            raise option_error(
                "effect",
                None,
                f"{method}: no effect of this fit depends on a continuous variable; "
                "fit Mediation(.., moderator='w', moderates='a') or quadratic='a'. The "
                "regimes of a threshold are in tidy() and effect_plot.",
            )

    def _read_mediator(self, mediator: str | None) -> str:
        if mediator is None and len(self.mediators) > 1:
            raise OptionError(f"specify the mediator: {quoted(self.mediators, 12)}.")
        name = self.mediators[0] if mediator is None else mediator
        check_option("mediator", name, self.mediators)
        return name

    def _test(self, equation: str, term: str) -> Test:
        fit = self.paths[equation]
        return Test(*(float(s[term]) for s in (fit.params, fit.tstats, fit.pvalues)))

    def _path_slopes(self, mediator: str) -> list[tuple[str, str]]:
        """Return the equation and the term of a and of b."""
        return [(f"mediator:{mediator}", self.treatment), ("outcome", mediator)]

    def _path_tests(self, mediator: str) -> list[Test]:
        """Return the tests of a and b."""
        return [self._test(*slope) for slope in self._path_slopes(mediator)]

    def _slope_positions(self, mediator: str) -> list[int]:
        """Look up the positions of a and b in the system."""
        return [self.system.at(*slope) for slope in self._path_slopes(mediator)]

    def _interpretation(self, outcome: str) -> list[str]:
        ends = self.interval("percentile")
        total, direct, indirect = (float(v) for v in self.estimates[:3])
        sd = float(self.paths["total"].sample_stats["sd"][self.treatment])
        lines = [
            f"A one-unit increase in {self.treatment} is associated with a change in "
            f"{outcome} of {number_text(total)} (one overall standard deviation, "
            f"{number_text(sd)}: {number_text(sd * total)}):",
            f"{number_text(direct)} directly and {number_text(indirect)} through "
            f"{listed(self.mediators)}.",
        ]
        for mediator in self.mediators:
            a, b = self.system.estimates[self._slope_positions(mediator)].tolist()
            p = float(ends["p_value"][f"indirect:{mediator}"])
            verdict = _verdict(
                p,
                "its interval excludes 0: an indirect effect",
                "its interval includes 0",
            )
            lines.append(
                f"Through {mediator}: a = {number_text(a)}, b = {number_text(b)}, "
                f"a x b = {number_text(a * b)}{verdict}."
            )
        share = float(self.estimates[-1])
        if not np.isnan(share):
            row = ends.loc["proportion_mediated"].to_dict()
            reach = f"95% interval {row['conf_low']:z.0%} to {row['conf_high']:z.0%}"
            no = "it includes 0: the share is not significant"
            doubt = "" if rejects(row["p_value"], _LEVEL) else f"; {no}"
            lines.append(
                f"Share of the total effect through the mediators: {share:z.1%} "
                f"({reach}{doubt})."
            )
        return lines

    def _effect_lines(self, frame: pd.DataFrame, yes: str, no: str) -> list[str]:
        """Write a line for each effect: estimate, interval and conclusion."""
        columns = ["estimate", "conf_low", "conf_high", "p_value"]
        lines = []
        for name, value, low, high, p in frame[columns].itertuples(name=None):
            ends = interval_text(low, high, computed=self._has_intervals)
            lines.append(f"{name}: {value:.4g}, interval {ends}{_verdict(p, yes, no)}.")
        return lines

    def _conditional_interpretation(self, outcome: str) -> list[str]:
        lines = [
            (
                f"Effects of one unit of {self.treatment} on {outcome}. They depend on "
                f"{self.variable}; terms without a suffix are averages over the rows "
                "of the sample, and every total is direct + indirect, not the slope "
                "of a separate regression."
            )
        ]
        if self.threshold is not None:
            low, high = self.regimes["nobs"]
            shifts = "intercept:regime1" in self.paths["outcome"].names
            lines.append(
                f"Regimes split at {self.variable} = {number_text(self.threshold, 5)}: "
                f"{low:,} rows at or below, {high:,} "
                f"above{'; each has its own intercept' if shifts else ''}."
            )
        else:
            at = ", ".join(f"{suffix} = {number_text(v)}" for suffix, v in self.points)
            lines.append(f"{self.variable}: {at}.")
        ends = list(map(self._contrast_name, self._extreme_points))
        differ = (
            "they are significantly different",
            "they are not significantly different",
        )
        depends = (
            "the effect depends significantly on it",
            "the effect does not depend significantly on it",
        )
        changes = [term.name for term in self.terms if term.of]
        return [
            *lines,
            *self._effect_lines(self.contrasts().loc[ends], *differ),
            *self._effect_lines(self.tidy().set_index("term").loc[changes], *depends),
        ]


def _verdict(p: float, yes: str, no: str) -> str:
    """Write the conclusion of a test; empty if the p-value is missing."""
    if np.isnan(p):
        return ""
    return f"; {yes if rejects(p, _LEVEL) else no}"


def _path_cells(
    drawn: Floats, sobel: float | None, digits: int, *, computed: bool
) -> dict[str, str]:
    """Write an indirect effect's cells; `drawn` is estimate, ends and p-value."""
    effect, low, high = (decimal_text(value, digits) for value in drawn[:3])
    cells = {"effect": effect}
    if computed:
        cells = {"interval": f"{effect} [{low}, {high}]", "bootstrap": p_text(drawn[3])}
    if sobel is not None:
        cells["sobel"] = f"{sobel:z.2f}"
    return cells
