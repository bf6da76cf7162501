"""Linear regression with absorbed effects."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from digiprosper.errors import (
    InputTypeError,
    OptionError,
    TermError,
    check_option,
    cited,
    issue,
)
from digiprosper.linear.diagnostics import lagged_outcome
from digiprosper.linear.distances import DistanceKernel, check_distances
from digiprosper.linear.estimation import columns_at, fit_equation, sweep_columns, with_intercept
from digiprosper.linear.formula import read_formula
from digiprosper.linear.preparation import (
    CovType,
    LinearOptions,
    Ssc,
    check_linear_options,
    linear_options,
    prepare,
)
from digiprosper.linear.results import LinearResults
from digiprosper.panel.grammar import in_other_words, refused
from digiprosper.panel.terms import canonical
from digiprosper.specification import TERM, Specification, as_terms, one_term, plain_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from digiprosper.kernels.equation import Solved
    from digiprosper.linear.estimation import Swept
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Panel

__all__ = ["Fitted", "FixedEffects", "check_regression_options", "estimate", "refuse_other_specification"]


@dataclass(frozen=True, slots=True)
class FixedEffects(Specification):
    """Linear regression with absorbed entity, time and further effects.

    ``y_it = x_it'b + a_i + l_t + ... + e_it`` by least squares on swept columns (Frisch & Waugh 1933; Lovell
    1963): exact on unbalanced panels. Without any effect there is an intercept.

    Parameters
    ----------
    y : str
        Outcome, a term.
    x : sequence of str
        Regressors: columns, or terms such as ``"I(x**2)"``, ``"log(x)"``, ``"x:z"``, ``"lag(x)"``,
        ``"C(region)"``.
    entity_effects, time_effects : bool
        Both by default: the field's two-way model.
    absorb : sequence of str
        Further effects; ``"region^year"`` crosses two. ``"province[year]"`` is the effect of the province and
        a slope of year in each, ``"province[[year]]"`` the slope without the effect, and
        ``"province[year, x]"`` has slopes of both. Slopes are of numeric terms.
    cov_type : {"clustered", "crv3", "robust", "hc2", "hc3", "unadjusted", "driscoll_kraay", "conley"}
        ``clustered`` by default, since rows of an entity are not independent. ``crv3`` estimates the model
        without each cluster, which is safer with few or unequal ones. ``robust`` is HC1; ``hc2`` and ``hc3``
        correct for the leverage of the rows, absorbed effects included (MacKinnon & White 1985). ``conley``
        allows for correlation between entities that are near each other; see Notes.
    clusters : str or sequence of one or two str, optional
        The entity by default; one for ``crv3``.
    bandwidth : int, optional
        Lags of Driscoll and Kraay, floor(4 (T/100)^(2/9)) by default, or of ``conley`` within an entity. By
        default these reach from the first period to the last, T - 1 without gaps: all pairs of periods are
        allowed for, as under ``clustered``, with weights that fall.
    coordinates : sequence of two str, optional
        Latitude and longitude in degrees, for ``conley``: numeric terms. By default the columns with the
        names lat or latitude, and lon, lng, long or longitude. An entity may move.
    distance_cutoff : float, optional
        Kilometres beyond which the errors of two entities are uncorrelated, for ``conley``. It has no
        default, since the distance is a claim about the subject.
    distance_kernel : {"bartlett", "uniform"}
        Weights of ``conley``: falling to zero at the cutoff, or one up to it.
    ssc : {"reghdfe", "xtreg", "linearmodels", "plm", "none"}
        Whose small-sample factor. ``reghdfe`` equals fixest and pyfixest. ``hc2``, ``hc3`` and ``crv3`` have
        none, and do not depend on it.
    obs_weights : str, optional
        Column with weights of the rows.
    singletons : {"drop", "keep"}
        Singletons add nothing to the slopes but make clustered standard errors too small; they are dropped,
        with a warning.
    collinear : {"raise", "drop"}
        ``"drop"`` takes out the later column and says so in `diagnostics`.
    missing : {"drop", "raise"}
        Rows with missing values leave, counted and with a warning, or are an error.
    keep_rows : bool
        False keeps no residuals, fitted values and row labels in the results, which are then small whatever
        the number of rows; `predict` and everything else that needs no rows still works.

    Raises
    ------
    OptionError
        From the constructor, if an option has an unknown word or contradicts another.
    ColumnError, TermError, InputTypeError, MissingDataError, IdentificationError, CollinearityError
        From `fit`, naming the column and what to do.

    Notes
    -----
    ``cov_type="conley"`` (Conley 1999, Journal of Econometrics 92:1; with lags as in Hsiang 2010, PNAS
    107:15367) has the middle of the sandwich ``sum_t sum_ij K(d_ij) s_it s_jt' + sum_i sum_{t != u}
    w(|t - u|) s_it s_iu'``, where ``s_it = x_it e_it`` are scores, net of the effects. ``K(d)`` is
    ``max(1 - d / distance_cutoff, 0)`` or, with the uniform kernel, 1 up to the cutoff; ``w(l)`` is
    ``max(1 - l / (bandwidth + 1), 0)``, with lags counted by the value of time. Errors of two entities in two
    periods are uncorrelated. Distances are great circles on a sphere of radius 6371.0088 km. The small-sample
    factor and the degrees of freedom of t are those of ``robust``, n/(n - K) and n - K with all effects in
    K, so that errors without neighbours and lags are HC1. Neither kernel makes the matrix positive
    semidefinite in every sample: a notice ``not_psd`` says where it is not, the matrix is not adjusted, and
    a coefficient with a negative variance has no standard error.

    Examples
    --------
    >>> from digiprosper import FixedEffects, datasets
    >>> spec = FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"])
    >>> fit = spec.fit(datasets.us_states())
    >>> fit.params.round(4).to_dict()
    {'log(pcap)': -0.0302, 'log(pc)': 0.1688, 'log(emp)': 0.7693, 'unemp': -0.0042}
    >>> fit.std_errors.round(4).to_dict()
    {'log(pcap)': 0.0582, 'log(pc)': 0.0857, 'log(emp)': 0.0851, 'unemp': 0.0032}
    """

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERM)  # so that a formula alone has an error of its own
    _: KW_ONLY
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    bandwidth: int | None = None
    coordinates: Sequence[str] | None = None
    distance_cutoff: float | None = None
    distance_kernel: DistanceKernel = "bartlett"
    ssc: Ssc = "reghdfe"
    obs_weights: str | None = None
    singletons: Literal["drop", "keep"] = "drop"
    collinear: Literal["raise", "drop"] = "raise"
    missing: Literal["drop", "raise"] = "drop"
    keep_rows: bool = True

    def __post_init__(self) -> None:
        plain_options(self)
        one_term(self.y, "y")
        object.__setattr__(self, "x", as_terms(self.x, "x"))
        object.__setattr__(self, "absorb", as_terms(self.absorb, "absorb"))
        if not self.x:
            raise _no_regressors(self.y)
        if canonical(self.y) in {canonical(t) for t in self.x}:
            raise TermError(f"y={cited(self.y)} is also in x; the outcome cannot be its own regressor.")
        check_regression_options(self)

    @classmethod
    def from_formula(cls, formula: str, **options: Any) -> Self:
        """Read ``"y ~ a + b | province + year"``.

        Parameters
        ----------
        formula : str
            Outcome, regressors and, after a bar, the effects to absorb. Without a bar there are no effects
            and an intercept. ``a*b`` is ``a + b + a:b``.
        **options
            As in the constructor, `entity_effects` and `time_effects` excepted.

        Returns
        -------
        FixedEffects
            With `absorb` set and both flags False; keys of the panel among the effects are those effects.

        Raises
        ------
        TermError
            If it cannot be read; the formula is quoted.

        Examples
        --------
        >>> from digiprosper import FixedEffects
        >>> FixedEffects.from_formula("log(gsp) ~ log(pc) + unemp | state + year").absorb
        ('state', 'year')
        """
        if not isinstance(formula, str):
            raise InputTypeError(f"the formula must be text, not {type(formula).__name__}.")
        for name in ("entity_effects", "time_effects"):
            if name in options:
                raise OptionError(f"{name} cannot be combined with a formula: specify the effects after '|'.")
        y, x, absorb = read_formula(formula)
        extra = as_terms(options.pop("absorb", ()), "absorb")
        absorb += [t for t in extra if canonical(t) not in {canonical(a) for a in absorb}]
        return cls(y, x, entity_effects=False, time_effects=False, absorb=absorb, **options)

    @property
    def options(self) -> LinearOptions:
        """The part that says how rows are swept and errors computed."""
        return linear_options(self)

    def fit(self, panel: Panel, *, rng: object = None, progress: bool = False) -> LinearResults:  # noqa: ARG002
        """Estimate.

        Parameters
        ----------
        panel : Panel
            The data.
        rng, progress
            Accepted for uniformity; nothing is drawn here.

        Returns
        -------
        LinearResults
            Holding no data beyond residuals, fitted values and row labels.
        """
        fitted = estimate(self, panel)
        issue(fitted.results.diagnostics)
        return fitted.results


def _no_regressors(y: str) -> TermError:
    """Build the error for a specification with an outcome only, or with a formula in its place."""
    why = in_other_words(y) if "~" in y else None
    return refused(y, "y", why) if why else TermError("x is empty; specify at least one regressor.")


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fit with what it was made of, for what computes further statistics from the same rows.

    Parameters
    ----------
    results : LinearResults
        Its notices are kept in `diagnostics`, not issued.
    prepared : Prepared
        Sample, effects and clusters.
    swept : Swept
        The outcome, then every regressor of the specification.
    solved : Solved
        The equation.
    """

    results: LinearResults
    prepared: Prepared
    swept: Swept
    solved: Solved

    @property
    def regressors(self) -> tuple[int, ...]:
        """Positions in `swept` of the regressors that were kept."""
        return self.swept.at([name for name in self.results.names if name != "Intercept"])

    @property
    def full(self) -> Solved:
        """The equation with its intercept, where there is one."""
        if self.prepared.effect_names:
            return self.solved
        return with_intercept(self.prepared, self.swept, (0, *self.regressors), self.solved)


def estimate(spec: FixedEffects, panel: Panel) -> Fitted:
    """Fit a specification and keep what the fit was made of.

    Parameters
    ----------
    spec : FixedEffects
        The specification.
    panel : Panel
        The data.

    Returns
    -------
    Fitted
        No notice is issued.
    """
    roles = {"y": (spec.y,), "x": spec.x}
    prepared = prepare(panel, roles, spec.options, singletons=spec.singletons, missing=spec.missing)
    sample = prepared.sample
    if len(sample.roles["y"]) != 1:
        raise TermError(f"y={cited(spec.y)} makes several columns; the outcome must be one column.")
    places = (*sample.roles["y"], *sample.roles["x"])
    swept = sweep_columns(prepared, (spec.y, *sample.names_of("x")), columns_at(sample.matrix, places))
    remarks = lagged_outcome(prepared)
    results, solved = fit_equation(prepared, swept, 0, range(1, len(places)), remarks=remarks)
    return Fitted(results, prepared, swept, solved)


def refuse_other_specification(caller: str, spec: object) -> None:
    """Refuse what is no `FixedEffects`, and say what to pass or to use instead.

    Parameters
    ----------
    caller : str
        Function that was called, for the message.
    spec : object
        What it was given.

    Raises
    ------
    InputTypeError
        If it is something else.
    """
    if isinstance(spec, FixedEffects):
        return
    if isinstance(spec, LinearResults):
        raise InputTypeError(
            f"{caller} takes a specification and a panel, not results, which hold no data: "
            f"{caller}(spec, panel)."
        )
    instrumented = (
        " It is for least squares; the results of FixedEffectsIV have iv_tests, anderson_rubin() and "
        "endogeneity_test()."
    )
    hint = instrumented if hasattr(spec, "instruments") else ""
    raise InputTypeError(f"{caller} takes a FixedEffects specification, not {type(spec).__name__}.{hint}")


def check_regression_options(spec: Any) -> None:
    """Check the options that regressions share, with instruments or without.

    Parameters
    ----------
    spec : dataclass
        A specification under construction.

    Raises
    ------
    OptionError, InputTypeError, TermError
        Naming the option.
    """
    check_linear_options(spec)
    check_option("singletons", spec.singletons, ("drop", "keep"))
    check_option("collinear", spec.collinear, ("raise", "drop"))
    check_option("missing", spec.missing, ("drop", "raise"))
    if not isinstance(spec.keep_rows, bool):
        raise OptionError(f"keep_rows={cited(spec.keep_rows)} must be True or False.")
    if spec.bandwidth is not None:
        if spec.cov_type not in ("driscoll_kraay", "conley"):
            raise OptionError(
                f"bandwidth={cited(spec.bandwidth)} requires cov_type='driscoll_kraay' or 'conley'."
            )
        if not _is_count(spec.bandwidth):
            raise OptionError(f"bandwidth={cited(spec.bandwidth)} must be a number of lags, 0 or more.")
    check_distances(spec)
    if spec.obs_weights is not None:
        one_term(spec.obs_weights, "obs_weights")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
