"""Dynamic panel models: a lag of the outcome among the regressors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import Any, Literal, TypeAlias, get_args

from digiprosper.checks import (
    check_option,
    check_whole,
    is_whole,
    option_error,
    option_problem,
    plain,
    several,
)
from digiprosper.dynamic.estimation import MOST_LAGS, fit_panel, refuse_lags
from digiprosper.dynamic.results import DynamicResults
from digiprosper.errors import InputTypeError, OptionError, cited, issue, quoted
from digiprosper.panel import Panel
from digiprosper.panel.evaluation import check_where
from digiprosper.panel.terms import canonical
from digiprosper.specification import (
    TERM,
    TERMS,
    Specification,
    check_reps,
    check_words,
    read_terms,
    refuse_repeats,
)

DynamicEstimator = Literal["difference", "system", "lsdvc", "half_panel"]
_Equation = Literal["both", "difference", "level"]
_Lags: TypeAlias = tuple[int, int | None]

_LEAST_REPS = 49
_LAGS = (2, 5)
# Options of all estimators; the others are of GMM alone.
_COMMON_OPTIONS = {"y", "x", "lags", "estimator", "time_effects", "clusters", "reps"}
_COMMON_OPTIONS |= {"missing", "where"}
_WORDS: dict[str, tuple[object, ...]] = {
    "estimator": get_args(DynamicEstimator),
    "transform": ("difference", "orthogonal"),
    "steps": (1, 2),
    "cov_type": ("robust", "classical"),
    "h": (1, 2, 3),
    "sargan_df": ("n", "n-k"),
    "missing": ("drop", "raise"),
    "constant": (None, True, False),
    **dict.fromkeys(("collapse", "windmeijer", "time_effects"), (True, False)),
}


# --- the specification ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DynamicPanel(Specification):
    """Panel model with lags of the outcome: ``y_it = r y_i,t-1 + x_it'b + a_i + e_it``.

    With entity effects and few periods the within estimator of r is biased downwards by
    about ``(1 + r) / (T - 1)`` (Nickell 1981). `estimator` chooses how this is avoided.
    With 31 entities and ten periods the bias-corrected within estimator, ``"lsdvc"``,
    is recommended if the regressors are exogenous: in simulated panels it is the most
    precise, with intervals that cover (see the page on dynamic panels).

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
        jackknife (Dhaene & Jochmans 2015), also for several lags. An odd number of
        periods is halved in both ways, and the mean of the two results is taken.
    instrument_lags : (first, last) or mapping
        Lags of outcome and endogenous regressors in the transformed equation;
        predetermined regressors begin one lag earlier, but not before lag 1. The
        default is ``(2, 5)``, since further lags add little and with all of them 31
        entities and 20 periods have more instruments than entities. ``(2, None)`` takes
        all lags from 2 on, as xtabond and xtabond2. Or a mapping of variables to lags,
        or to None for no lags. The level equation has the difference at lag ``first -
        1``.
    collapse : bool
        Whether a lag is one instrument (True, the default) or one for each period.
        Without it the number of instruments grows with the square of T, and with more
        instruments than entities estimates and tests are unreliable (Roodman 2009).
    transform : {"difference", "orthogonal"}
        First differences (default), or forward orthogonal deviations, which lose fewer
        rows if there are gaps.
    steps : {2, 1}
        Steps of GMM; two by default.
    cov_type : {"robust", "classical"}
        ``"robust"`` (default) sums moments by cluster. With two steps ``"classical"``
        is the covariance without Windmeijer's correction.
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
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`. As in xtabond2, lags that are
        instruments are also taken from rows that are not chosen.

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
    are dropped, and a missing lag is zero. So in unbalanced panels, or without time
    effects, estimates change if a constant is added to a variable. Orthogonal
    deviations of period t stand at t + 1, so that lags of instruments mean the same as
    for differences.

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
    ({'lag(log(gsp))': 0.84, 'unemp': -0.009}, 19)
    """

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERMS)
    _: KW_ONLY
    lags: int = 1
    endogenous: Sequence[str] = field(default=(), metadata=TERMS)
    predetermined: Sequence[str] = field(default=(), metadata=TERMS)
    instruments: Sequence[str] = field(default=(), metadata=TERMS)
    estimator: DynamicEstimator = "difference"
    instrument_lags: _Lags | Mapping[str, _Lags | None] | Sequence[Any] = _LAGS
    collapse: bool = True
    transform: Literal["difference", "orthogonal"] = "difference"
    steps: Literal[1, 2] = 2
    cov_type: Literal["robust", "classical"] = "robust"
    windmeijer: bool = True
    equations: Mapping[str, _Equation] | Sequence[tuple[str, _Equation]] = ()
    constant: bool | None = None
    time_effects: bool = True
    h: Literal[1, 2, 3] = 3
    sargan_df: Literal["n", "n-k"] = "n"
    clusters: Sequence[str] | None = None
    reps: int = 999
    missing: Literal["drop", "raise"] = "drop"
    where: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)
        check_whole("lags", self.lags, 1, MOST_LAGS)
        check_reps(self.reps, _LEAST_REPS)
        check_where(self.where)
        check_words(self, _WORDS)
        refuse_repeats(self, ("y", "x", "endogenous", "predetermined", "instruments"))
        refuse_lags(self)
        self._read_mappings()
        self._refuse_contradictions()

    def _read_mappings(self) -> None:
        """Store `equations` and `instrument_lags` by variable as pairs."""
        lagged = (self.y, *self.endogenous, *self.predetermined)
        variables = ("time_effects", *lagged, *self.x, *self.instruments)
        equations = _read_pairs("equations", self.equations, variables)
        for _, equation in equations:
            check_option("equations", equation, get_args(_Equation))
        object.__setattr__(self, "equations", equations)
        lags: Any = self.instrument_lags
        if _is_mapping(lags):
            by_term = _read_pairs("instrument_lags", lags, lagged)
            lags = tuple((t, None if v is None else _read_lags(v)) for t, v in by_term)
        else:
            lags = _read_lags(lags)
        object.__setattr__(self, "instrument_lags", lags)

    def _refuse_contradictions(self) -> None:
        defaults = {f.name: f.default for f in fields(self)}
        gmm_options = dict.fromkeys(
            defaults.keys() - _COMMON_OPTIONS, "it is an option of GMM"
        )
        reasons = {
            "difference": {
                "constant": "a constant drops out of differences",
                "equations": "there is one equation only",
            },
            "system": {},
            "lsdvc": {**gmm_options, "lags": "use one lag, or estimator='half_panel'"},
            "half_panel": gmm_options,
        }[self.estimator]
        problems = [
            option_problem(name, value, what=f"{name}={cited(value)}: {reasons[name]}")
            for name, default in defaults.items()
            if name in reasons and (value := getattr(self, name)) != default
        ]
        if problems:
            kind = f"estimator={cited(self.estimator)}"
            raise OptionError(f"{kind} does not take {several(problems)}.", problems)

    # --- what follows from the options ------------------------------------------------

    @property
    def is_gmm(self) -> bool:
        """Whether the estimator is GMM, not a corrected within estimator."""
        return self.estimator in ("difference", "system")

    @property
    def has_constant(self) -> bool:
        """Whether the level equation has a constant."""
        return self.estimator == "system" and self.constant is not False

    @property
    def has_windmeijer(self) -> bool:
        """Whether standard errors have Windmeijer's correction."""
        return self.steps == 2 and self.cov_type == "robust" and self.windmeijer

    def lags_of_instruments(self) -> dict[str, _Lags]:
        """List the variables whose lags are instruments, with the lags."""
        if not self.is_gmm:
            return {}
        value: Any = self.instrument_lags
        common, by_variable = (_LAGS, value) if _is_mapping(value) else (value, ())
        earlier = (max(common[0] - 1, 1), common[1])
        lags = {
            **dict.fromkeys((self.y, *self.endogenous), common),
            **dict.fromkeys(self.predetermined, earlier),
            **dict(by_variable),
        }
        return {name: pair for name, pair in lags.items() if pair is not None}

    def first_lags(self) -> dict[str, int]:
        """List the first lag of outcome and endogenous regressors as instruments."""
        lags = self.lags_of_instruments().items()
        return {name: lag for name, (lag, _) in lags if name not in self.predetermined}

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
        results = fit_panel(self, panel, rng)
        issue(results.diagnostics)
        return results


def _is_mapping(value: Any) -> bool:
    """Check for lags by variable, also as pairs, instead of one pair of lags."""
    is_pair = isinstance(value, tuple | list) and len(value) > 0
    return not is_pair or isinstance(value[0], tuple | list)


def _read_pairs(option: str, value: Any, variables: Sequence[str]) -> tuple[Any, ...]:
    try:
        by_term = {canonical(term): setting for term, setting in dict(value).items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise InputTypeError(
            f"{option} must be a mapping from variables (text), such as "
            f"{{{variables[-1]!r}: ...}}, not {cited(value)}."
        ) from error
    terms = {canonical(term): term for term in variables}
    unknown = [term for term in by_term if term not in terms]
    if unknown:
        raise option_error(
            option,
            unknown,
            f"{option}: {quoted(unknown)} cannot be a key; use {quoted(variables)}.",
            variables,
        )
    return tuple((terms[term], plain(setting)) for term, setting in by_term.items())


def _read_lags(value: Any) -> _Lags:
    """Check the first and the last lag of instruments."""
    is_pair = isinstance(value, tuple | list) and len(value) == 2
    first, last = map(plain, value if is_pair else (0, None))
    ends = (first,) if last is None else (first, last)
    if not all(map(is_whole, ends)) or not 1 <= first <= ends[-1]:
        raise option_error(
            "instrument_lags",
            value,
            f"instrument_lags={cited(value)} must be (first, last) with 1 <= first <= "
            "last, such as (2, 4), or (2, None) for all from 2 on.",
        )
    return first, last
