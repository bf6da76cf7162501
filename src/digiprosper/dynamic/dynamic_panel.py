"""Dynamic panel models: a lag of the outcome among the regressors."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from digiprosper.dynamic.estimation import bounds, fit_corrected, fit_gmm
from digiprosper.dynamic.preparation import prepare_panel
from digiprosper.errors import (
    InputTypeError,
    OptionError,
    TermError,
    check_option,
    check_whole,
    cited,
    issue,
    option_problem,
    quoted,
)
from digiprosper.panel.terms import canonical
from digiprosper.specification import (
    TERM,
    Specification,
    as_terms,
    check_reps,
    one_term,
    plain_options,
    refuse_repeats,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.dynamic.results import DynamicResults
    from digiprosper.panel import Panel

DynamicEstimator = Literal["difference", "system", "lsdvc", "half_panel"]
_Equation = Literal["both", "difference", "level"]
_Lags: TypeAlias = "tuple[int, int | None]"

_LEAST_REPS = 49
_GMM_ONLY = {
    "endogenous": (),
    "predetermined": (),
    "instruments": (),
    "instrument_lags": (2, None),
    "collapse": True,
    "transform": "difference",
    "steps": 2,
    "cov_type": "robust",
    "windmeijer": True,
    "equations": (),
    "constant": None,
    "h": 3,
    "sargan_df": "n",
}


@dataclass(frozen=True, slots=True)
class DynamicPanel(Specification):
    """Panel model with lags of the outcome: ``y_it = r y_i,t-1 + x_it'b + a_i + e_it``.

    With entity effects and few periods the within estimator of r is biased downwards by
    about ``(1 + r) / T`` (Nickell 1981). `estimator` chooses how this is avoided.
    Simulated panels on the page about dynamic panels show which holds where: with 31
    entities and ten periods the bias-corrected within estimator, ``"lsdvc"``.

    Parameters
    ----------
    y : str
        Outcome: a column, or a term such as ``"log(gdp)"``.
    x : sequence of str
        Exogenous regressors: not correlated with the errors of any period.
    lags : int
        Number of lags of the outcome among the regressors, 1 by default.
    endogenous : sequence of str
        Regressors that are correlated with the error of their period. Their lags from 2
        on are instruments.
    predetermined : sequence of str
        Regressors that are correlated with earlier errors. Their lags from 1 on are
        instruments.
    instruments : sequence of str
        Further exogenous instruments.
    estimator : {"difference", "system", "lsdvc", "half_panel"}
        ``"difference"`` (default) is GMM of the differenced equation (Arellano & Bond
        1991), the one that referees ask for. ``"system"`` adds the equation in levels
        (Arellano & Bover 1995; Blundell & Bond 1998), which assumes that deviations
        from the steady state are not correlated with the entity effects. ``"lsdvc"`` is
        the within estimator less its bias, which is solved for (Bun & Carree 2005); it
        takes one lag and exogenous regressors. ``"half_panel"`` is the half-panel
        jackknife (Dhaene & Jochmans 2015), also for several lags.
    instrument_lags : (first, last) or mapping
        _Lags of outcome and endogenous regressors in the transformed equation. The
        default ``(2, None)`` takes all from lag 2 on; predetermined regressors have one
        earlier. Or a mapping of variables to lags, or to None for no lags. The level
        equation has the difference at lag ``first - 1``.
    collapse : bool
        Whether a lag is one instrument (True, the default) or one for each period.
        Without it the number of instruments grows with the square of T, and with more
        instruments than entities estimates and tests are unreliable (Roodman 2009).
    transform : {"difference", "orthogonal"}
        First differences, or forward orthogonal deviations, which lose fewer rows if
        there are gaps.
    steps : {2, 1}
        Steps of GMM; two by default.
    cov_type : {"robust", "classical"}
        ``"robust"`` (default) sums moments by cluster.
    windmeijer : bool
        Whether two-step standard errors have the correction of Windmeijer (2005),
        without which they are far too small. The default is True.
    equations : mapping
        For exogenous regressors, instruments and lagged variables in system GMM, the
        equation for which they are instruments: ``"both"`` (default), ``"difference"``
        or ``"level"``. The key ``"time_effects"`` stands for the dummies of periods.
    constant : bool, optional
        Whether there is a constant; by default in system GMM.
    time_effects : bool
        Whether there are dummies of periods; True by default.
    h : {3, 2, 1}
        Covariance of the errors that the first step assumes, as in xtabond2: 3
        (default) is that of independent errors with one variance, 2 without covariances
        between the two equations, as in xtdpdsys, 1 the identity matrix.
    sargan_df : {"n", "n-k"}
        Divisor of the error variance in Sargan's statistic: that of xtabond2 (default),
        or of xtabond.
    clusters : str, optional
        Clusters, which consist of whole entities; the entity by default.
    reps : int
        Draws of clusters for ``"lsdvc"`` and ``"half_panel"``; 999 by default.
    missing : {"drop", "raise"}
        ``"drop"`` (default) drops rows with missing values, with a warning.

    Raises
    ------
    OptionError, TermError, InputTypeError
        By the constructor, if an option is unknown or contradicts another.
    ColumnError, MissingDataError, PanelIndexError
        By `fit`, if a column or the time key cannot be used.
    IdentificationError, CollinearityError
        By `fit`, if there are too few instruments or periods, or regressors are
        collinear.

    Notes
    -----
    GMM minimises ``(sum_i Z_i'e_i)' W (sum_i Z_i'e_i)``. In the first step W is the
    inverse of ``sum_i Z_i' H Z_i``, in the second that of ``sum_i Z_i'e_i e_i'Z_i``
    with residuals of the first. With the same options the numbers are those of Stata's
    xtabond, xtdpdsys and xtabond2. Instruments are made before rows with missing lags
    are dropped. Orthogonal deviations of period t stand at t + 1, so that lags of
    instruments mean the same as for differences.

    ``"lsdvc"`` solves ``r + s^2(r) tr(r) q = w`` (Bun & Carree 2005, Journal of
    Business & Economic Statistics 23:200): w is the within estimate, and the second
    term its bias if the coefficient is r. No initial estimator is needed, unlike in
    Kiviet (1995) and Bruno (2005). Unbalanced panels and gaps are allowed for. The
    intervals are expanded percentile intervals of draws of clusters (Hesterberg 2015).

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.DynamicPanel("log(gsp)", ["unemp"], instrument_lags=(2, 4))
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> fit.params.round(3).to_dict(), fit.n_instruments
    ({}, 0)
    """

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERM)
    _: KW_ONLY
    lags: int = 1
    endogenous: Sequence[str] = field(default=(), metadata=TERM)
    predetermined: Sequence[str] = field(default=(), metadata=TERM)
    instruments: Sequence[str] = field(default=(), metadata=TERM)
    estimator: DynamicEstimator = "difference"
    instrument_lags: _Lags | Mapping[str, _Lags | None] = (2, None)
    collapse: bool = True
    transform: Literal["difference", "orthogonal"] = "difference"
    steps: Literal[1, 2] = 2
    cov_type: Literal["robust", "classical"] = "robust"
    windmeijer: bool = True
    equations: Mapping[str, _Equation] = field(default_factory=dict)
    constant: bool | None = None
    time_effects: bool = True
    h: Literal[1, 2, 3] = 3
    sargan_df: Literal["n", "n-k"] = "n"
    clusters: Sequence[str] | None = None
    reps: int = 999
    missing: Literal["drop", "raise"] = "drop"

    def __post_init__(self) -> None:
        plain_options(self)
        one_term(self.y, "y")
        for name in ("x", "endogenous", "predetermined", "instruments"):
            object.__setattr__(self, name, as_terms(getattr(self, name), name))
        if self.clusters is not None:
            object.__setattr__(self, "clusters", as_terms(self.clusters, "clusters"))
        check_whole("lags", self.lags, 1, 20)
        check_reps(self.reps, _LEAST_REPS)
        self._check_words()
        refuse_repeats(self, ("y", "x", "endogenous", "predetermined", "instruments"))
        lag_keys = {canonical(term) for term in self.lag_terms}
        repeated = [term for term in self._regressors if canonical(term) in lag_keys]
        if repeated:
            raise TermError(
                f"{quoted(repeated)} is a lag of the outcome, which DynamicPanel adds "
                "itself; set lags instead."
            )
        self._set_equations()
        self._set_instrument_lags()
        self._refuse_contradictions()

    def _check_words(self) -> None:
        words = {
            "estimator": get_args(DynamicEstimator),
            "transform": ("difference", "orthogonal"),
            "steps": (1, 2),
            "cov_type": ("robust", "classical"),
            "h": (1, 2, 3),
            "sargan_df": ("n", "n-k"),
            "missing": ("drop", "raise"),
            "collapse": (True, False),
            "windmeijer": (True, False),
            "time_effects": (True, False),
            "constant": (None, True, False),
        }
        for name, allowed in words.items():
            check_option(name, getattr(self, name), allowed)

    def _set_equations(self) -> None:
        equations = _as_mapping(self.equations, "equations")
        known = {
            "time_effects": "time_effects",
            **{canonical(t): t for t in (self.y, *self._regressors, *self.instruments)},
        }
        unknown = [term for term in equations if canonical(term) not in known]
        if unknown:
            raise OptionError(
                f"equations: {quoted(unknown)} is no variable of the model.",
                [option_problem("equations", dict(equations), tuple(known))],
            )
        for value in equations.values():
            check_option("equations", value, get_args(_Equation))
        object.__setattr__(
            self, "equations", {known[canonical(t)]: v for t, v in equations.items()}
        )

    def _set_instrument_lags(self) -> None:
        value = self.instrument_lags
        if isinstance(value, tuple | list):
            object.__setattr__(self, "instrument_lags", _read_lags(value))
            return
        by_variable = _as_mapping(value, "instrument_lags")
        known = {
            canonical(t): t for t in (self.y, *self.endogenous, *self.predetermined)
        }
        unknown = [term for term in by_variable if canonical(term) not in known]
        if unknown:
            raise OptionError(
                f"instrument_lags: {quoted(unknown)} is neither the outcome nor an "
                "endogenous or predetermined regressor.",
                [option_problem("instrument_lags", unknown, tuple(known))],
            )
        object.__setattr__(
            self,
            "instrument_lags",
            {
                known[canonical(term)]: None if lags is None else _read_lags(lags)
                for term, lags in by_variable.items()
            },
        )

    def _refuse_contradictions(self) -> None:
        if self.estimator in ("lsdvc", "half_panel"):
            other = [
                name
                for name, default in _GMM_ONLY.items()
                if getattr(self, name) not in (default, {})
            ]
            if other:
                text = (
                    f"{quoted(other)} is an option of GMM, not of "
                    f"estimator={cited(self.estimator)}, whose regressors are exogenous."
                )
                raise OptionError(text, [option_problem(n, None) for n in other])
        if self.estimator == "lsdvc" and self.lags > 1:
            raise OptionError(
                f"lags={self.lags}: estimator='lsdvc' takes one lag; use "
                "estimator='half_panel'.",
                [option_problem("lags", self.lags, (1,))],
            )
        if self.constant and self.estimator == "difference":
            raise OptionError(
                "constant=True: a constant drops out of differences; it belongs to "
                "estimator='system'.",
                [option_problem("constant", self.constant, (None, False))],
            )

    # --- what the estimators read -----------------------------------------------------

    @property
    def lag_terms(self) -> tuple[str, ...]:
        """Terms of the lags of the outcome: ``"lag(y)"``, ``"lag(y, 2)"``."""
        later = (f"lag({self.y}, {periods})" for periods in range(2, self.lags + 1))
        return (f"lag({self.y})", *later)

    @property
    def has_constant(self) -> bool:
        """Whether the level equation has a constant."""
        return self.estimator == "system" and self.constant is not False

    @property
    def _regressors(self) -> tuple[str, ...]:
        return (*self.endogenous, *self.predetermined, *self.x)

    def equation_of(self, name: str) -> _Equation:
        """Return the equation for which a variable is an instrument."""
        return self.equations.get(name, "both")

    def lags_of_instruments(self) -> dict[str, _Lags]:
        """List the variables whose lags are instruments, with the lags."""
        value = self.instrument_lags
        out: dict[str, _Lags] = {}
        for variable in (self.y, *self.endogenous, *self.predetermined):
            default = value if isinstance(value, tuple) else (2, None)
            if variable in self.predetermined:
                default = (default[0] - 1, default[1])
            lags = default if isinstance(value, tuple) else value.get(variable, default)
            if lags is not None:
                out[variable] = lags
        return out

    @property
    def settings(self) -> str:
        """Options of the estimator as text."""
        effects = "with" if self.time_effects else "without"
        if self.estimator in ("lsdvc", "half_panel"):
            return f"{effects} dummies of periods; {self.reps:,} draws"
        lags = ", ".join(
            f"{name} {first} to {'the first period' if last is None else last}"
            for name, (first, last) in self.lags_of_instruments().items()
        )
        step = "one-step" if self.steps == 1 else "two-step"
        if self.steps == 2 and self.cov_type == "robust" and self.windmeijer:
            step += ", Windmeijer's correction"
        kind = "differences" if self.transform == "difference" else "deviations"
        return (
            f"{step}; {'orthogonal ' * (kind == 'deviations')}{kind}; {effects} dummies "
            f"of periods; lags as instruments: {lags or 'none'}"
            f"{', collapsed' * self.collapse}; h={self.h}"
        )

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,
        progress: bool = False,  # noqa: ARG002
    ) -> DynamicResults:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data.
        rng : int, SeedSequence or Generator, optional
            Seed of the draws of ``"lsdvc"`` and ``"half_panel"``. By default another
            one each time; the results record it.
        progress
            Not used. All specifications have this argument.

        Returns
        -------
        DynamicResults
            Coefficients, their covariance, and with GMM the tests.

        Raises
        ------
        ColumnError, TermError, InputTypeError, MissingDataError, PanelIndexError
            If `panel` is not a Panel, or a column, term or time key cannot be used.
        IdentificationError, CollinearityError
            If there are too few instruments or periods, regressors are collinear or do
            not change, or the two-step covariance of the moments is singular.

        Warns
        -----
        MissingDataWarning, FewClustersWarning, IdentificationWarning, FewDrawsWarning
            If rows are dropped, or estimates and intervals may be unreliable.
        """
        data = prepare_panel(self, panel)
        persistence_bounds = bounds(self, data)
        if self.estimator in ("lsdvc", "half_panel"):
            results = fit_corrected(self, data, persistence_bounds, rng)
        else:
            results = fit_gmm(self, data, panel, persistence_bounds)
        issue(results.diagnostics)
        return results


def _as_mapping(value: Any, option: str) -> dict[str, Any]:
    try:
        entries = dict(value)
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f"{option} must be a mapping from terms, such as {{'digital': ...}}, not "
            f"{type(value).__name__}."
        ) from error
    if not all(isinstance(key, str) for key in entries):
        raise InputTypeError(f"{option} must be a mapping from terms (text).")
    return entries


def _read_lags(value: Any) -> _Lags:
    """Check the first and the last lag of instruments."""
    lags = tuple(value) if isinstance(value, tuple | list) else (value,)
    well_formed = len(lags) == 2 and all(
        isinstance(lag, int) and not isinstance(lag, bool)
        for lag in lags
        if lag is not None
    )
    if (
        not well_formed
        or lags[0] is None
        or lags[0] < 1
        or (lags[1] is not None and lags[1] < lags[0])
    ):
        raise OptionError(
            f"instrument_lags={cited(value)} must be (first, last) with 1 <= first <= "
            "last, such as (2, 4), or (2, None) for all from 2 on.",
            [option_problem("instrument_lags", value)],
        )
    return lags[0], lags[1]
