"""Spatial panel models by maximum likelihood."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from digiprosper.errors import OptionError, TermError, check_option, cited, issue, option_problem
from digiprosper.panel.terms import canonical
from digiprosper.spatial.estimation import estimate
from digiprosper.spatial.preparation import DURBIN, check_terms, lay_out
from digiprosper.spatial.weights import refuse_other
from digiprosper.specification import (
    TERM,
    Specification,
    as_terms,
    check_reps,
    one_term,
    plain_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.panel import Panel
    from digiprosper.spatial.results import SpatialResults
    from digiprosper.spatial.weights import SpatialWeights

__all__ = ["EffectsError", "PanelSpatial", "SpatialCovType", "SpatialModel", "Transform"]

SpatialModel: TypeAlias = Literal["sdm", "sar", "sem", "slx", "sdem", "sac"]
"""Durbin, lag, error, lagged regressors, Durbin error, or lag and error."""
Transform: TypeAlias = Literal["exact", "splm"]
"""Lag first and then sweep, or the other way round as splm does."""
SpatialCovType: TypeAlias = Literal["observed", "information", "clustered"]
"""Second derivatives, their expectation, or a sandwich by entity."""
EffectsError: TypeAlias = Literal["delta", "simulated"]
"""Errors of effects by the delta method, or from draws of the coefficients."""
_LEAST_DRAWS = 100


@dataclass(frozen=True, slots=True)
class PanelSpatial(Specification):
    """Spatial panel model with fixed effects, by maximum likelihood.

    ``y_t = rho W y_t + X_t b + W X_t th + a + l_t 1 + u_t`` with ``u_t = lambda W u_t + e_t``, for a balanced
    panel of N entities and T periods and weights W that do not change.

    =========  =================================================================
    `model`    what it has
    =========  =================================================================
    ``sdm``    rho and th: the spatial Durbin model
    ``sar``    rho
    ``sem``    lambda
    ``slx``    th, by least squares
    ``sdem``   lambda and th
    ``sac``    rho and lambda, with the same weights
    =========  =================================================================

    Parameters
    ----------
    y : str
        Outcome, a term.
    x : sequence of str
        Regressors, terms as in `FixedEffects`.
    spatial_weights : SpatialWeights
        Weights, matched with the panel by the labels of the entities.
    model : {"sdm", "sar", "sem", "slx", "sdem", "sac"}
        ``sdm`` by default, which has ``sar`` and ``sem`` as special cases.
    spatial_lags : sequence of str, optional
        Which of `x` have a spatial lag in ``sdm``, ``slx`` and ``sdem``; all by default. Their coefficients
        are named ``"W:<term>"``.
    entity_effects, time_effects : bool
        Both by default. Without either there is an intercept.
    transform : {"exact", "splm"}
        ``exact`` takes the spatial lag first and then sweeps, which is maximum likelihood with all dummies
        written out. ``splm`` sweeps first, as R's splm does; the two differ with time effects.
    bias_correction : {None, "lee_yu"}
        Correction of Lee & Yu (2010). With entity effects sigma2 is multiplied by T / (T - 1) and the
        covariance computed for T - 1 periods; with time effects all parameters are corrected as well, which
        needs weights whose rows have one sum. None by default, as in xsmle, splm and spreg; where time
        effects bias rho or lambda by at least one standard error, `fit` warns and the summary says so first.
    cov_type : {"observed", "information", "clustered"}
        From the second derivatives of the log likelihood, from their expectation, or a sandwich that allows
        for any dependence and heteroskedasticity within entities.
    effects_error : {"delta", "simulated"}
        Errors of direct, indirect and total effects by the delta method, or from `reps` draws of the
        coefficients from their normal distribution.
    reps : int
        Draws for ``effects_error="simulated"``.

    Raises
    ------
    OptionError, TermError, InputTypeError
        From the constructor: an unknown option word, a term in two places, weights of another type.
    MissingDataError
        From `fit`: the panel is not balanced, or has missing values; nothing is dropped. Only the
        first or last periods, in which lags or leads in `x` are missing, are left out, with a notice in
        `diagnostics`.
    AlignmentError
        From `fit`: the weights lack an entity of the panel.
    IdentificationError, CollinearityError, ColumnError
        From `fit`: as `FixedEffects`, also for spatial lags; or the likelihood has no maximum inside the
        interval of rho or lambda.

    See Also
    --------
    SpatialWeights : the weights.
    spatial_tests : which model.

    Notes
    -----
    The likelihood of Ord (1975) for panels (Elhorst 2003; Lee & Yu 2010, Journal of Econometrics 154:165),
    with exact log-determinants from the eigenvalues of W. Slopes and sigma2 are concentrated out; rho and
    lambda are roots of the score next to the best point of a grid over their whole interval. sigma2 is
    ``e'e / NT``, and the log likelihood has the constant ``-NT/2 (ln 2 pi + 1)``.

    Effects of a regressor are averages over ``S = (I - rho W)^-1 (I b + W th)`` (LeSage & Pace 2009, section
    2.7): direct the mean of its diagonal, total its mean row sum, indirect the difference. The coefficient of
    ``W:x`` is not the spillover of x.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> rng = np.random.default_rng(2)
    >>> ring = np.roll(np.eye(30), 1, axis=1) + np.roll(np.eye(30), -1, axis=1)
    >>> weights = dp.SpatialWeights(ring, range(30))
    >>> x, noise = rng.normal(size=(30, 10)), rng.normal(size=(30, 10))
    >>> y = np.linalg.solve(np.eye(30) - 0.4 * weights.matrix, 1.0 * x + noise)
    >>> keys = {"city": np.repeat(range(30), 10), "year": np.tile(range(10), 30)}
    >>> panel = dp.Panel(pd.DataFrame({**keys, "y": y.ravel(), "x": x.ravel()}), "city", "year")
    >>> fit = dp.PanelSpatial("y", ["x"], weights, model="sar").fit(panel)
    >>> fit.params.round(2).to_dict()
    {'rho': 0.4, 'x': 0.98}
    >>> fit.impacts.round(2)[["term", "kind", "estimate", "std_error"]].values.tolist()
    [['x', 'direct', 1.07, 0.06], ['x', 'indirect', 0.56, 0.1], ['x', 'total', 1.63, 0.14]]
    """

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(metadata=TERM)
    spatial_weights: SpatialWeights
    _: KW_ONLY
    model: SpatialModel = "sdm"
    spatial_lags: Sequence[str] | None = field(default=None, metadata=TERM)
    entity_effects: bool = True
    time_effects: bool = True
    transform: Transform = "exact"
    bias_correction: Literal["lee_yu"] | None = None
    cov_type: SpatialCovType = "observed"
    effects_error: EffectsError = "delta"
    reps: int = 1000

    def __post_init__(self) -> None:
        plain_options(self)
        one_term(self.y, "y")
        object.__setattr__(self, "x", as_terms(self.x, "x"))
        if not self.x:
            raise TermError("x is empty; specify at least one regressor.")
        if canonical(self.y) in {canonical(t) for t in self.x}:
            raise TermError(f"y={cited(self.y)} is also in x; the outcome cannot be its own regressor.")
        refuse_other(self.spatial_weights, "PanelSpatial")
        _check_options(self)
        if self.spatial_lags is not None:
            object.__setattr__(self, "spatial_lags", as_terms(self.spatial_lags, "spatial_lags"))
            check_terms(self, self.spatial_lags or ())

    @property
    def lagged_terms(self) -> tuple[str, ...]:
        """Regressors that have a spatial lag in the model."""
        if self.model not in DURBIN:
            return ()
        return tuple(self.x if self.spatial_lags is None else self.spatial_lags)

    def fit(self, panel: Panel, *, rng: object = None, progress: bool = False) -> SpatialResults:  # noqa: ARG002
        """Estimate.

        Parameters
        ----------
        panel : Panel
            The data, balanced.
        rng : None, int, SeedSequence or Generator
            For ``effects_error="simulated"``; recorded as `rng_entropy`.
        progress : bool
            Not used. All specifications have this argument.

        Returns
        -------
        SpatialResults
            Coefficients, and the effects in `impacts`.

        Warns
        -----
        IdentificationWarning
            If time effects bias rho or lambda by at least one standard error and `bias_correction` is None,
            or an estimate is near an end of its interval.
        SpatialWeightsWarning
            If there are islands, or entities that only the weights have.
        """
        results = estimate(self, lay_out(self, panel), rng)
        issue(results.diagnostics)
        return results


def _check_options(spec: PanelSpatial) -> None:
    for name in ("entity_effects", "time_effects"):
        if not isinstance(getattr(spec, name), bool):
            text = f"{name}={cited(getattr(spec, name))} must be True or False."
            raise OptionError(text, [option_problem(name, getattr(spec, name), (True, False), text)])
    check_option("model", spec.model, get_args(SpatialModel))
    check_option("transform", spec.transform, get_args(Transform))
    check_option("bias_correction", spec.bias_correction, (None, "lee_yu"))
    check_option("cov_type", spec.cov_type, get_args(SpatialCovType))
    check_option("effects_error", spec.effects_error, get_args(EffectsError))
    check_reps(spec.reps, _LEAST_DRAWS)
    if spec.bias_correction and not (spec.entity_effects or spec.time_effects):
        text = "bias_correction='lee_yu' corrects for entity or time effects, of which the model has neither."
        raise OptionError(text, [option_problem("bias_correction", "lee_yu", (None,), text)])
