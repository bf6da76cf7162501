"""Spatial panel models by maximum likelihood, and tests to choose one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field, replace
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import check_type, option_error
from digiprosper.errors import (
    IdentificationError,
    Notice,
    TermError,
    cited,
    issue,
    notice_of,
    quoted,
    subject,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.least_squares import ols
from digiprosper.linear.results import EstimationSample
from digiprosper.panel import Panel
from digiprosper.panel.evaluation import check_where
from digiprosper.panel.terms import canonical
from digiprosper.report.columns import Column, PlainCell, Remark
from digiprosper.report.summary import Cells, Lines, Remarks, Summarised, Summary
from digiprosper.report.text import p_text, sample_text
from digiprosper.spatial.estimation import estimate, maximise_likelihood
from digiprosper.spatial.kernels import dependence
from digiprosper.spatial.kernels.likelihood import SpatialColumns, without_means
from digiprosper.spatial.kernels.matrices import row_sum
from digiprosper.spatial.preparation import DURBIN, Layout, lay_out, spatial_columns
from digiprosper.spatial.results import DURBIN_NULLS, SpatialResults
from digiprosper.spatial.weights import SpatialWeights, refuse_other
from digiprosper.spatial.words import WORDS
from digiprosper.specification import (
    EFFECTS,
    TERM,
    TERMS,
    Specification,
    check_reps,
    check_words,
    read_terms,
    refuse_outcome,
)

SpatialModel: TypeAlias = Literal["sdm", "sar", "sem", "slx", "sdem", "sac"]
"""Durbin, lag, error, lagged regressors, Durbin error, or lag and error."""
Transform: TypeAlias = Literal["exact", "splm"]
"""Lag first and then demean, or demean first, as splm does."""
Likelihood: TypeAlias = Literal["adjusted", "lee_yu", "unadjusted"]
"""Adjusted for fixed effects, corrected for their bias afterwards, or unadjusted."""
SpatialCovType: TypeAlias = Literal["larger", "observed", "information", "clustered"]
"""The larger of observed and clustered; second derivatives, their expectation, or a
sandwich by entity."""
EffectsError: TypeAlias = Literal["delta", "simulated"]
"""Errors of effects by the delta method, or from draws of the coefficients."""
_LEAST_DRAWS = 100
_LM_NULLS = {
    "LM lag": "no spatial lag of the outcome",
    "LM error": "no spatial lag of the error",
    "Robust LM lag": "no spatial lag of the outcome, given one of the error",
    "Robust LM error": "no spatial lag of the error, given one of the outcome",
}
# Names of tests of the Durbin model against a simpler model.
_LR, _WALD = "LR SDM against {}", "Wald SDM against {}"
_HEADS = ["test", "statistic", "df", "p_value", "chi2", "chi2_p_value", "null"]
_Row: TypeAlias = tuple[str, float, int, float, float, float, str]
"""Values below these heads."""


@dataclass(frozen=True, slots=True)
class PanelSpatial(Specification):
    r"""Spatial panel model with fixed effects, by maximum likelihood.

    The model is

    .. math::
        y_t = \rho W y_t + X_t b + W X_t \theta + a + l_t 1 + u_t,
        \quad u_t = \lambda W u_t + e_t

    for a balanced panel of N entities and T periods with constant weights W.

    =========  =================================================================
    `model`    spatial terms
    =========  =================================================================
    ``sdm``    rho and theta: the spatial Durbin model
    ``sar``    rho
    ``sem``    lambda
    ``slx``    theta, by least squares
    ``sdem``   lambda and theta
    ``sac``    rho and lambda, with the same weights
    =========  =================================================================

    Parameters
    ----------
    y : str
        Outcome: a column or a term.
    x : sequence of str
        Regressors: columns or terms, as in `FixedEffects`.
    spatial_weights : SpatialWeights
        Spatial weights W, matched with the panel by the labels of the entities.
    model : {"sdm", "sar", "sem", "slx", "sdem", "sac"}
        The model. The default is ``"sdm"``, which has ``"sar"`` and ``"sem"`` as
        special cases.
    spatial_lags : sequence of str, optional
        Regressors that have a spatial lag in ``"sdm"``, ``"slx"`` and ``"sdem"``. The
        default is all. The coefficients of spatial lags have names ``"W:<term>"``.
    entity_effects, time_effects : bool
        Whether to include entity and time fixed effects, True by default. Without both
        there is an intercept.
    transform : {"exact", "splm"}
        How fixed effects are removed. ``"exact"`` (default) computes the spatial lag
        first, which equals maximum likelihood with dummies. ``"splm"`` removes the
        fixed effects first, as R's splm does. They differ only with time effects.
    likelihood : {"adjusted", "lee_yu", "unadjusted"}
        How the bias of fixed effects is treated. ``"adjusted"`` (default) maximises a
        likelihood without this bias: entity effects use one period, and time effects
        one row of each period. ``"unadjusted"`` is the likelihood of the model with
        dummies, as in xsmle, splm and spreg. With time effects and 31 provinces its 95%
        intervals of rho contain the true value in 20 to 80% of samples, and a notice
        says so. ``"lee_yu"`` corrects its estimates afterwards to the first order,
        which needs weights with equal row sums and leaves a part of the bias if W has
        many links.
    cov_type : {"larger", "observed", "information", "clustered"}, optional
        Type of the standard errors. ``"observed"`` uses the Hessian of the log
        likelihood, and ``"information"`` its expectation. ``"clustered"`` is a sandwich
        that allows for heteroskedasticity and serial correlation within entities.
        ``"larger"`` is the larger of ``"observed"`` and ``"clustered"`` for each
        coefficient and each effect, with t of N - 1 degrees of freedom. The default is
        ``"larger"`` with the adjusted likelihood, because intervals with it contain the
        true value in about 95% of samples with 31 entities, and ``"observed"`` with the
        others, as in xsmle.
    effects_error : {"delta", "simulated"}
        Standard errors of direct, indirect and total effects: by the delta method
        (default), or from `reps` draws of the coefficients from their normal
        distribution.
    reps : int
        Number of draws for ``effects_error="simulated"``, 1000 by default.
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`. These must be balanced.
        Spatial lags are computed from them, so a condition that leaves out entities
        also leaves them out of the weights.
    bias_correction : None
        Another value is an error, which names `likelihood`.

    Raises
    ------
    OptionError, TermError, InputTypeError
        By the constructor, if an option has an unknown value, a term has two roles, or
        the weights have another type.
    MissingDataError
        By `fit`, if the panel is not balanced or has missing values. Only the first or
        last periods are dropped, if lags or leads in `x` are missing there; a notice in
        `diagnostics` reports it.
    AlignmentError
        By `fit`, if an entity of the panel is not in the weights.
    IdentificationError, CollinearityError, ColumnError
        By `fit`, as in `FixedEffects`. Also if the likelihood has no maximum for
        admissible rho or lambda.

    See Also
    --------
    SpatialWeights : spatial weights.
    spatial_tests : tests to choose a model.

    Notes
    -----
    The log likelihood is that of Ord (1975) for panels (Elhorst 2003; Lee & Yu 2010,
    Journal of Econometrics 154:165). Its log-determinants are computed from the
    eigenvalues of W. It is maximised over rho and lambda, with slopes and sigma2
    concentrated out. The constant is ``-n/2 (ln 2 pi + 1)`` and sigma2 is ``e'e / n``
    with n = NT.

    With both effects the adjusted likelihood has n = (N - 1)(T - 1), and T - 1 times a
    log-determinant with the derivative ``-tr(M W (I - rho W)^-1)``, where M subtracts
    the mean. If all rows of W have the sum w, this is
    ``ln|I - rho W| - ln(1 - w rho)``: the likelihood of the data after the orthonormal
    transformation of Lee & Yu (2010). Otherwise it is the integral of an adjusted score
    (Yang 2018, Journal of Econometrics 205:423), in ``"sac"`` approximately. Log
    likelihoods, and AIC and BIC, can be compared between models with the same fixed
    effects.

    The effects of a regressor are computed from the matrix
    ``S = (I - rho W)^-1 (I b + W theta)`` (LeSage & Pace 2009, section 2.7). The direct
    effect is the mean of its diagonal, the total effect the mean of its row sums, and
    the indirect effect the difference. If rho is not zero, the coefficient of ``W:x``
    is not the spillover effect of x. If a variable is in several terms, such as ``x``
    and ``I(x**2)``, no row of the effects alone is its effect; a notice says so.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> rng = np.random.default_rng(2)
    >>> ring = np.roll(np.eye(30), 1, axis=1) + np.roll(np.eye(30), -1, axis=1)
    >>> weights = dp.SpatialWeights(ring, range(30))
    >>> x, noise = rng.normal(size=(30, 10)), rng.normal(size=(30, 10))
    >>> y = np.linalg.solve(np.eye(30) - 0.4 * weights.matrix, 1.0 * x + noise)
    >>> keys = {"city": np.repeat(range(30), 10), "year": np.tile(range(10), 30)}
    >>> panel = dp.Panel(
    ...     pd.DataFrame({**keys, "y": y.ravel(), "x": x.ravel()}), "city", "year"
    ... )
    >>> fit = dp.PanelSpatial("y", ["x"], weights, model="sar").fit(panel)
    >>> fit.params.round(2).to_dict()
    {'rho': 0.42, 'x': 0.98}
    >>> fit.impacts.round(2)[["kind", "estimate", "std_error"]].values.tolist()
    [['direct', 1.08, 0.07], ['indirect', 0.62, 0.11], ['total', 1.7, 0.16]]
    """

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(metadata=TERMS)
    spatial_weights: SpatialWeights
    _: KW_ONLY
    model: SpatialModel = "sdm"
    spatial_lags: Sequence[str] | None = field(default=None, metadata=TERMS)
    entity_effects: bool = True
    time_effects: bool = True
    transform: Transform = "exact"
    likelihood: Likelihood = "adjusted"
    cov_type: SpatialCovType | None = None
    effects_error: EffectsError = "delta"
    reps: int = 1000
    where: str | None = None
    bias_correction: InitVar[object] = None

    def __post_init__(self, bias_correction: object) -> None:
        if bias_correction is not None:
            raise option_error(
                "bias_correction",
                bias_correction,
                "bias_correction is called likelihood: 'adjusted' (default), 'lee_yu' "
                "or 'unadjusted'.",
                (None,),
            )
        read_terms(self)
        if not self.x:
            raise TermError("x is empty; specify at least one regressor.")
        refuse_outcome(self, ["x"])
        refuse_other(self.spatial_weights, "PanelSpatial")
        check_words(self, EFFECTS)
        check_reps(self.reps, _LEAST_DRAWS)
        check_where(self.where)
        if self.likelihood == "lee_yu" and not (
            self.entity_effects or self.time_effects
        ):
            raise option_error(
                "likelihood",
                "lee_yu",
                "likelihood='lee_yu' corrects for entity or time effects, of which the "
                "model has neither.",
                ("unadjusted",),
            )
        if self.spatial_lags is not None:
            self._check_lags(self.spatial_lags)

    def _check_lags(self, lags: Sequence[str]) -> None:
        """Refuse spatial lags of terms not in x, and in models without such lags."""
        if self.model not in DURBIN:
            raise option_error(
                "spatial_lags",
                lags,
                f"spatial_lags={cited(lags)} requires a model with spatial lags of "
                f"regressors, {quoted(DURBIN)}, not {cited(self.model)}.",
            )
        regressors = {canonical(term) for term in self.x}
        unknown = [term for term in lags if canonical(term) not in regressors]
        if unknown:
            raise TermError(
                f"spatial_lags: {subject(unknown, 'is')} not in x, which has "
                f"{quoted(self.x)}. For the lag of another column, assign it: "
                "panel.assign(w_z=weights.lag('z'))."
            )

    @property
    def lagged_terms(self) -> tuple[str, ...]:
        """Regressors that have a spatial lag in the model."""
        if self.model not in DURBIN:
            return ()
        return tuple(self.x if self.spatial_lags is None else self.spatial_lags)

    @property
    def error_type(self) -> SpatialCovType:
        """The `cov_type`, or its default with this likelihood."""
        if self.cov_type is not None:
            return self.cov_type
        return "larger" if self.likelihood == "adjusted" else "observed"

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,
        progress: bool = False,  # noqa: ARG002
    ) -> SpatialResults:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data, balanced.
        rng : None, int, SeedSequence or Generator
            Seed of the draws of ``effects_error="simulated"``. The `rng_entropy` of the
            results reproduces them.
        progress : bool
            Not used. All specifications have this argument.

        Returns
        -------
        SpatialResults
            Coefficients, and the effects in `impacts`.

        Warns
        -----
        IdentificationWarning
            If rho or lambda is near the end of its interval, or if its bias from time
            effects, without the adjusted likelihood, is at least one standard error.
        SpatialWeightsWarning
            If entities have no neighbours, or are not in the panel.
        """
        results = estimate(self, lay_out(self, panel), rng)
        issue(results.diagnostics)
        return results


# --- tests to choose a model ----------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpatialTests(Summarised):
    """Tests to choose a spatial model, made by `spatial_tests`.

    Parameters
    ----------
    frame : DataFrame
        One row per test, with columns test, statistic, df, p_value and null. Statistic
        and p-value are missing if a model that the test needs has no estimates;
        `diagnostics` says why.
    depvar : str
        Outcome.
    weights : str
        Name of the weights, and how they were made and standardised.
    effect_names : tuple of str
        Fixed effects.
    sample : EstimationSample
        The rows of the tests.
    nobs : int
        Number of these rows.
    diagnostics : tuple of Notice
        Remarks about the sample, the weights and the estimates of SDM, SAR and SEM.

    Examples
    --------
    >>> import digiprosper as dp
    >>> weights = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(emp)"], weights)
    >>> tests = dp.spatial_tests(spec, dp.datasets.us_states())
    >>> tests.frame[["test", "p_value"]].round(3).values.tolist()[-2:]
    [['LR SDM against SEM', 0.508], ['Wald SDM against SEM', 0.508]]
    """

    _reported: ClassVar[str] = "depvar weights nobs"
    conventions: ClassVar[str] = (
        "Statistics are centred, those of LR and Wald tests of the adjusted "
        f"likelihood; p by the signs of entities, {dependence.REPS} draws with a fixed "
        "seed. The usual chi2 is neither centred nor adjusted; its p and p of "
        "fixed effects by chi-squared"
    )

    frame: pd.DataFrame
    depvar: str
    weights: str
    effect_names: tuple[str, ...]
    sample: EstimationSample
    nobs: int
    diagnostics: tuple[Notice, ...]

    def _summary(self) -> Summary:
        sample = self.sample
        about = (
            f"Weights: {self.weights}",
            f"Fixed effects: {', '.join(self.effect_names) or 'none (intercept)'}",
            sample_text(self.nobs, sample.n_entities, sample.n_times, sample.key_names),
            "",
        )
        rows = [
            [
                test,
                "" if np.isnan(statistic) else f"{statistic:.3f}",
                p_text(p),
                f"{df}",
                "" if np.isnan(chi2) else f"{chi2:.3f}",
                p_text(chi2_p),
            ]
            for test, statistic, df, p, chi2, chi2_p, _ in self.frame.itertuples(
                index=False, name=None
            )
        ]
        heads = ["", "statistic", "p", "df", "usual chi2", "p of chi2"]
        return self._titled(
            f"Tests to choose a spatial model. Outcome: {self.depvar}",
            Lines(about),
            Cells.of(heads, rows),
            Remarks.of(self.diagnostics),
        )

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002
        """Return the columns of a table with one row per test.

        Parameters
        ----------
        level : float
            Not used. All results have this argument.

        Returns
        -------
        tuple of Column
            Columns with statistic and p-value, and the degrees of freedom, statistic
            and p-value of the usual chi-squared test.
        """
        entity, time = self.sample.key_names
        effects = {f"LR {entity} effects": "entity", f"LR {time} effects": "time"}
        rows = self.frame.set_index(self.frame["test"].replace(effects))
        names = {"reps": (f"{dependence.REPS:,}",)}
        return tuple(
            Column(
                f"tests.{name}",
                cells={
                    str(row): PlainCell(name.replace("chi2_p", "p"), value)
                    for row, value in rows[name].items()
                },
                whole=Remark("tests", names),
                words=WORDS,
            )
            for name in ("statistic", "p_value", "df", "chi2", "chi2_p_value")
        )

    def _more_numbers(self) -> dict[str, Any]:
        return {"tests": self.frame.to_dict("records")}


def spatial_tests(spec: PanelSpatial, panel: Panel) -> SpatialTests:
    """Test for spatial dependence, and for SAR and SEM.

    Both are special cases of the spatial Durbin model.

    Parameters
    ----------
    spec : PanelSpatial
        The specification. Its `model` and `spatial_lags` are not used: the tests
        compare the model without spatial terms, SAR, SEM, and SDM with spatial lags of
        all regressors.
    panel : Panel
        The data, balanced.

    Returns
    -------
    SpatialTests
        Its `frame` has one row per test, with columns test, statistic, df, p_value and
        null. The tests are: Lagrange multiplier tests of a spatial lag and a spatial
        error, with their robust versions, from least squares residuals; likelihood
        ratio tests of the fixed effects in the model without spatial terms; likelihood
        ratio and Wald tests of SAR and of SEM against SDM. Columns chi2 and
        chi2_p_value have the usual chi-squared tests. A test has no statistic if a
        model that it needs has no estimates, because the likelihood has no maximum for
        admissible rho or lambda; a notice names the model.

    Raises
    ------
    InputTypeError
        If `spec` is not a `PanelSpatial`.
    DigiprosperError
        As in `PanelSpatial.fit`, except for models without estimates.

    Warns
    -----
    IdentificationWarning, SpatialWeightsWarning
        As in `PanelSpatial.fit`, for SDM, SAR and SEM. Also if one of them has no
        estimates.

    Notes
    -----
    The Lagrange multiplier tests are those of Anselin, Le Gallo & Jayet (2008), and
    their robust versions those of Elhorst (2010, Spatial Economic Analysis 5:9). As in
    these papers, the fixed effects are removed before the spatial lag is computed. With
    time effects and weights with different row sums the spatial lag is computed first,
    because otherwise time effects would remain in it. The test of entity effects in
    addition to time effects has N - 1 degrees of freedom; Elhorst (2014) uses N.

    LM statistics are centred, and those of SAR and SEM against SDM are of the adjusted
    likelihood, with p-values from 499 draws of signs of entities. For draws and data
    the likelihood is maximised on a grid, with a parabola, so that its ratio differs
    slightly from `SpatialResults.lr_test`.

    Examples
    --------
    >>> import digiprosper as dp
    >>> weights = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(pc)", "unemp"], weights)
    >>> tests = dp.spatial_tests(spec, dp.datasets.us_states())
    >>> tests.frame[["test", "statistic", "p_value"]].round(3).values.tolist()[:2]
    [['LM lag', 237.185, 0.002], ['LM error', 174.735, 0.002]]
    """
    needed = "spatial_tests(spec, panel) takes a PanelSpatial specification"
    check_type(spec, PanelSpatial, needed)
    base = spec.replace(
        effects_error="delta", spatial_lags=None, model="sdm", likelihood="adjusted"
    )
    durbin = lay_out(base, panel)
    simple = durbin.without_lags()
    plain = base.replace(
        likelihood="lee_yu" if spec.likelihood == "lee_yu" else "unadjusted"
    )
    layouts = {"sdm": durbin, "sar": simple, "sem": simple}
    adjusted, missing = _fit_models(base, layouts)
    conventional, others = _fit_models(plain, layouts)
    rows = [
        *_lm_rows(simple),
        *_effect_rows(simple),
        *_durbin_rows(base, layouts, adjusted, conventional),
    ]
    # The notice several_rows is about rows of effects, which the table does not have.
    fits = adjusted if spec.likelihood == "adjusted" else conventional
    notices = [
        n for fit in fits.values() for n in fit.diagnostics if n.code != "several_rows"
    ]
    # Report common shocks once, not with the coefficient of each model.
    distinct = {n.code if n.code == "common_shocks" else n.message: n for n in notices}
    missing = others | missing
    tests = SpatialTests(
        frame=pd.DataFrame(rows, columns=_HEADS),
        depvar=spec.y,
        weights=durbin.weights.conventions,
        effect_names=durbin.prepared.effect_names,
        sample=durbin.sample,
        nobs=len(durbin.raw),
        diagnostics=(*distinct.values(), *missing.values()),
    )
    issue(tests.diagnostics)
    return tests


def _fit_models(
    base: PanelSpatial, layouts: dict[str, Layout]
) -> tuple[dict[str, SpatialResults], dict[str, Notice]]:
    """Fit SDM, SAR and SEM; report models without estimates."""
    fits, missing = {}, {}
    for model, layout in layouts.items():
        try:
            fits[model] = estimate(base.replace(model=model), layout, None)
        except IdentificationError as error:
            # Only drawn Wald tests need the model under the null hypothesis.
            adjusted, durbin = base.likelihood == "adjusted", model == "sdm"
            forms = (_LR, _WALD) if adjusted or durbin else (_LR,)
            nulls = DURBIN_NULLS if durbin else (model,)
            tests = [form.format(null.upper()) for null in nulls for form in forms]
            missing[model] = notice_of(
                "model_not_estimated",
                model=model,
                tests=tuple(t if adjusted else f"chi2 of {t}" for t in tests),
                _model=model.upper(),
                _reason=error,
            )
    return fits, missing


def _make_drawn(
    layout: Layout, residuals: Floats, inverse: Floats | None
) -> dependence.Drawn:
    columns = np.stack([layout.raw[:, 0], residuals])
    outcome, cells = columns.reshape(2, -1, layout.n_times)
    return dependence.Drawn(
        outcome, cells, inverse, layout.weights.matrix, *layout.effects
    )


def _lm_rows(layout: Layout) -> list[_Row]:
    """Test for a spatial lag and a spatial error from residuals of least squares."""
    from scipy.special import chdtrc

    entity, time = layout.effects
    columns = layout.demeaned
    if not any(layout.effects):
        columns = np.column_stack([layout.raw, np.ones(len(layout.raw))])
    x = columns[:, 1:]
    residuals = ols(x, columns[:, 0]).residuals
    outcomes = _make_drawn(layout, residuals, None)
    periods = layout.n_times - float(entity)
    centred = dependence.lagrange_draws(
        outcomes, x, periods, periods * (len(layout.matrix) - float(time))
    )
    outcome = layout.raw[:, :1]
    # Otherwise time effects would remain in the spatial lag.
    if time and row_sum(layout.matrix) is None:
        lags = layout.demean(layout.lag(np.column_stack([outcome, residuals])))
    else:
        lags = layout.lag(np.column_stack([layout.demean(outcome), residuals]))
    conventional = dependence.lagrange_tests(layout.matrix, x, residuals, *lags.T)
    tests = zip(_LM_NULLS.items(), centred.T, conventional, strict=True)
    rows = []
    for (test, null), draws, chi2 in tests:
        p, chi2_p = dependence.p_value(draws), float(chdtrc(1, chi2))
        rows.append((test, float(draws[0]), 1, p, chi2, chi2_p, null))
    return rows


def _effect_rows(layout: Layout) -> list[_Row]:
    """Test fixed effects without spatial terms, by likelihood ratios."""
    from scipy.special import chdtrc

    n, t = len(layout.matrix), layout.n_times
    entity, time = layout.effects
    entity_name, time_name = layout.sample.key_names
    tested = (
        (entity, entity_name, n, (False, time)),
        (time, time_name, t, (entity, False)),
    )
    unrestricted = _sum_of_squares(layout.demeaned)
    rows = []
    for is_in_model, dimension, size, others in tested:
        if not is_in_model:
            continue
        columns = without_means(layout.raw, t, *others)
        restricted = _sum_of_squares(columns - columns.mean(axis=0))
        ratio = n * t * float(np.log(restricted / unrestricted))
        test, null = f"LR {dimension} effects", f"no {dimension} effects"
        p = float(chdtrc(size - 1, ratio))
        rows.append((test, ratio, size - 1, p, ratio, p, null))
    return rows


def _sum_of_squares(columns: Floats) -> float:
    """Return the sum of squared residuals of the first column on the others."""
    residuals = ols(columns[:, 1:], columns[:, 0]).residuals
    return float(residuals @ residuals)


def _durbin_draws(
    null: PanelSpatial, layout: Layout, durbin: SpatialColumns, df: int
) -> Floats:
    """Compute LR and Wald statistics against the SDM, of the data and by signs."""
    point = maximise_likelihood(null, layout)
    (at,) = point.spatial.values()
    drawn = _make_drawn(layout, point.optimum.residuals, point.inverse(at))
    error = None
    if point.error:
        # Where periods have dummies among the regressors, columns of a SEM keep their
        # period means; see `spatial_columns`.
        has_dummies = point.columns.x.shape[1] > durbin.x.shape[1] // 2 + 1
        error = replace(drawn, time=drawn.time and not has_dummies)
    columns, determinants = point.columns, point.determinants
    return dependence.durbin_draws(drawn, durbin, columns, determinants, df, error)


def _durbin_rows(
    base: PanelSpatial,
    layouts: dict[str, Layout],
    adjusted: dict[str, SpatialResults],
    conventional: dict[str, SpatialResults],
) -> list[_Row]:
    """Test SAR and SEM against SDM; NaN for models without estimates."""
    rows, missing = [], (np.nan, np.nan)
    durbin = spatial_columns(layouts["sdm"], splm=False, error=False)
    df = len(layouts["sdm"].slopes)
    for model, null in DURBIN_NULLS.items():
        by_signs = [missing, missing]  # statistic and p-value of LR and of Wald
        if {"sdm", model} <= adjusted.keys():
            null_spec = base.replace(model=model, transform="exact")
            draws = _durbin_draws(null_spec, layouts[model], durbin, df)
            # Adjusted likelihoods of SDM and SEM are nested only if rows of W have
            # equal sums.
            by_signs = [(max(float(c[0]), 0.0), dependence.p_value(c)) for c in draws.T]
        by_chi2 = [missing, missing]
        if "sdm" in conventional:
            test = conventional["sdm"].wald_to(model)
            by_chi2[1] = test.statistic, test.p_value
            if model in conventional:
                test = conventional["sdm"].lr_test(conventional[model])
                by_chi2[0] = test.statistic, test.p_value
        rows += [
            (kind.format(model.upper()), statistic, df, p, chi2, chi2_p, null)
            for kind, (statistic, p), (chi2, chi2_p) in zip(
                (_LR, _WALD), by_signs, by_chi2, strict=True
            )
        ]
    return rows
