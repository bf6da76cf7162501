"""Linear regression with fixed effects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np

from digiprosper.checks import check_type, is_whole
from digiprosper.errors import (
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    cited,
    issue,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.resampling import bootstrap, draw_counts, entity_grams
from digiprosper.kernels.within import level_sums
from digiprosper.linear.dependence import dependent_scores
from digiprosper.linear.diagnostics import (
    lagged_outcome,
    missing_main_effects,
    staggered,
    turn_outside,
)
from digiprosper.linear.distances import DistanceKernel, check_distances
from digiprosper.linear.estimation import (
    CommonColumns,
    Demeaned,
    columns_at,
    demean_roles,
    fit_equation,
    with_intercept,
)
from digiprosper.linear.kernels.exchange import (
    Cohorts,
    Paths,
    exchanged_statistics,
    placebo_slopes,
)
from digiprosper.linear.kernels.wild import (
    WildDraws,
    WildWeights,
    wild_draws,
    wild_sums,
)
from digiprosper.linear.preparation import (
    CovType,
    LinearSpecification,
    Prepared,
    Ssc,
    check_linear_options,
    prepare,
)
from digiprosper.linear.results import LinearResults
from digiprosper.linear.scanned import scanned
from digiprosper.optional import Done
from digiprosper.panel import Panel, PanelScan
from digiprosper.panel.grammar import spelling_advice, term_error
from digiprosper.panel.terms import canonical
from digiprosper.report.labels import summands
from digiprosper.report.parsing import KEPT
from digiprosper.specification import (
    TERM,
    TERMS,
    as_terms,
    one_term,
    read_terms,
)


@dataclass(frozen=True, slots=True)
class FixedEffects(LinearSpecification):
    """Linear regression with entity, time and other fixed effects.

    The model, estimated by ordinary least squares, is

    .. math:: y_{it} = x_{it}'b + a_i + l_t + ... + e_{it}

    The fixed effects are absorbed: outcome and regressors are replaced by their
    residuals from a regression on all dummies (Frisch & Waugh 1933; Lovell 1963). The
    estimates equal those with dummies, also in unbalanced panels. Without fixed effects
    the model has an intercept.

    Parameters
    ----------
    y : str
        Outcome: a column, or a term such as ``"log(gdp)"``.
    x : sequence of str
        Regressors: columns, or terms such as ``"I(x**2)"``, ``"log(x)"``, ``"x:z"``,
        ``"lag(x)"``, ``"C(region)"``, ``"C(region, ref='east')"`` with a reference
        level, and ``"treated(first)"``, the dummy of a policy from the first treated
        time on. Inside a term a name that is not one word needs backticks:
        ``"log(`GDP per head`)"``.
    entity_effects, time_effects : bool
        Whether to absorb entity and time fixed effects. Both are True by default, since
        the two-way model is the usual one for panels.
    absorb : sequence of str
        Other fixed effects. ``"region^year"``, or ``"region:year"``, has one effect per
        pair of region and year; codes are never multiplied. ``"province[year]"`` has an
        effect and a slope of year for each province, ``"province[[year]]"`` only the
        slope, and ``"province[year, x]"`` an effect and slopes of year and x. Slopes
        need numeric terms.
    cov_type : str
        Type of the standard errors: ``"clustered"``, ``"crv3"``, ``"cr2"``,
        ``"robust"``, ``"hc2"``, ``"hc3"``, ``"unadjusted"``, ``"driscoll_kraay"``,
        ``"xtscc"`` or ``"conley"``. The default is ``"clustered"``, since the errors of
        an entity are usually correlated over time. ``"crv3"`` is the cluster jackknife,
        which is more reliable with few clusters or clusters of unequal size. ``"cr2"``
        reduces the bias of clustered errors, and each t statistic has degrees of
        freedom of its own (Bell & McCaffrey 2002); see `LinearResults.df_by_term`. It
        takes no weights.
        ``"robust"`` is HC1. ``"hc2"`` and ``"hc3"`` use the leverage of the rows
        (MacKinnon & White 1985), computed with the fixed effects. ``"conley"`` allows
        for correlation between entities that are near each other; see Notes.
        ``"driscoll_kraay"`` allows for shocks that entities share, by the covariance of
        Driscoll & Kraay plus that clustered by entity, with degrees of freedom that
        allow for few periods; `LinearResults.block_test` stands beside it.
        ``"xtscc"`` is the covariance of Driscoll & Kraay (1998) alone with T - 1
        degrees of freedom, as in Stata's `xtscc`; its intervals are too short with few
        periods.
    clusters : str or sequence of up to three str, optional
        Cluster variables. The default is the entity. ``"region^year"``, or
        ``"region:year"``, has one cluster per pair. ``"crv3"`` and ``"cr2"`` take one
        variable. The covariance of clusters in several ways is that of Cameron, Gelbach
        & Miller (2011).
    bandwidth : int, optional
        Number of lags of ``"driscoll_kraay"``, by default floor(1.3 T^(1/2)), of
        ``"xtscc"``, by default floor(4 (T/100)^(2/9)), or of ``"conley"`` within an
        entity. The first two count the T periods that are in the sample, so the periods
        before and after a gap are one lag apart.
        Lags of ``"conley"`` are differences of time, in which gaps count; the default
        is the time from the first period to the last, T - 1 without gaps. Then all
        pairs of rows of an entity may be correlated, as with ``"clustered"``, but with
        weights that decline with the lag.
    coordinates : sequence of two str, optional
        Latitude and longitude in degrees, for ``"conley"``. By default the columns
        named lat or latitude, and lon, lng, long or longitude; these may be in any
        order. The coordinates of an entity may change over time.
    distance_cutoff : float, optional
        Distance in kilometres from which the errors of two entities are uncorrelated,
        for ``"conley"``. There is no default, because the distance depends on the
        application.
    distance_kernel : {"bartlett", "uniform"}
        Weights of pairs of entities, for ``"conley"``. ``"bartlett"`` (default)
        declines linearly to zero at the cutoff; ``"uniform"`` is one up to the cutoff.
    ssc : {"reghdfe", "xtreg", "areg", "sandwich", "linearmodels", "plm", "none"}
        Small-sample correction, named after the package that uses it. The default
        ``"reghdfe"`` equals the default of fixest and pyfixest. ``"areg"`` and
        ``"sandwich"`` count all effects, as a regression with dummies does; with
        clusters in several ways ``"sandwich"`` multiplies each part of the covariance
        by its own G/(G-1). ``"hc2"``, ``"hc3"``, ``"crv3"`` and ``"cr2"`` have no such
        correction.
    obs_weights : str, optional
        Column with weights of the rows.
    singletons : {"drop", "keep"}
        Singletons are rows that are the only observation of a fixed effect. They do not
        change the coefficients but make clustered standard errors too small, so by
        default they are dropped with a warning.
    collinear : {"raise", "drop"}
        What to do if a regressor is a linear combination of others. ``"raise"``
        (default) raises an error; ``"drop"`` drops the last of these columns, of
        ``"C(year, ref=2013):x"`` that of 2013, and adds a notice to `diagnostics`.
    missing : {"drop", "raise"}
        ``"drop"`` (default) drops rows with missing values, with a warning. ``"raise"``
        raises an error.
    keep_rows : bool
        Whether the results keep residuals, fitted values and row labels. The default is
        True. With False the results are small for any number of rows, and `predict`
        still works.
    where : str, optional
        Condition as in `Panel.subset`, such as ``"year >= 2015"``: the model uses the
        rows where it is true. They are chosen after lags, differences and other terms
        are made from all rows, as by Stata's `if`, so a lag of the first chosen period
        is not missing. A comparison with a missing value is false, and ``!=`` is true
        (in Stata a missing value is larger than any number).

    Raises
    ------
    OptionError
        By the constructor, if an option has an unknown value or contradicts
        another one.
    ColumnError, TermError, InputTypeError, MissingDataError
        By `fit`, if a column or term cannot be used.
    IdentificationError, CollinearityError
        By `fit`, if the model is not identified.

    Notes
    -----
    ``cov_type="conley"`` is the covariance of Conley (1999, Journal of Econometrics
    92:1), with lags as in Hsiang (2010, PNAS 107:15367). The middle of the sandwich is
    ``sum_t sum_ij K(d_ij) s_it s_jt' + sum_i sum_{t != u} w(|t - u|) s_it s_iu'``.

    - ``s_it = x_it e_it`` are the scores, with x_it after the fixed effects are
      absorbed.
    - ``K(d)`` is ``max(1 - d / distance_cutoff, 0)``, or with the uniform kernel 1 up
      to the cutoff. ``d_ij`` is the great-circle distance on a sphere of radius
      6371.0088 km.
    - ``w(l)`` is ``max(1 - l / (bandwidth + 1), 0)``. Lags are differences of time, so
      gaps count.
    - Errors of different entities in different periods are uncorrelated.

    The small-sample correction is n/(n - K) and t has n - K degrees of freedom, where K
    includes all fixed effects. Without neighbours and lags the standard errors are HC1.
    The matrix need not be positive semi-definite. It is not adjusted then; a notice
    ``not_psd`` reports it, and a coefficient with a negative variance has no standard
    error.

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
    # So that a formula alone has an error of its own
    x: Sequence[str] = field(default=(), metadata=TERMS)
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
    where: str | None = None

    def __post_init__(self) -> None:
        check_regression_terms(self)
        check_regression_options(self)

    @classmethod
    def from_formula(cls, formula: str, **options: Any) -> Self:
        """Make a specification from a formula: ``"y ~ a + b | province + year"``.

        Parameters
        ----------
        formula : str
            The outcome, the regressors and, after a bar, the fixed effects, as in
            fixest. Without a bar there are no fixed effects, and the model has an
            intercept. ``a*b`` is ``a + b + a:b``. After the bar ``a:b`` means pairs, as
            ``a^b``.
        **options
            Other options of the constructor, but not `entity_effects` and
            `time_effects`.

        Returns
        -------
        FixedEffects
            A specification with the fixed effects in `absorb`. They may include the
            entity and time keys of the panel.

        Raises
        ------
        TermError
            If the formula cannot be read.
        OptionError
            As in the constructor.

        Examples
        --------
        >>> from digiprosper import FixedEffects
        >>> FixedEffects.from_formula(
        ...     "log(gsp) ~ log(pc) + unemp | state + year"
        ... ).absorb
        ('state', 'year')
        """
        check_type(formula, str, "the formula must be text")
        for name in ("entity_effects", "time_effects"):
            if name in options:
                raise OptionError(
                    f"{name} cannot be combined with a formula: specify the "
                    "effects after '|'."
                )
        y, x, absorb = read_formula(formula)
        extra = as_terms(options.pop("absorb", ()), "absorb")
        absorb += [
            t for t in extra if canonical(t) not in {canonical(a) for a in absorb}
        ]
        return cls(
            y, x, entity_effects=False, time_effects=False, absorb=absorb, **options
        )

    def fit(
        self,
        panel: Panel | PanelScan[Any],
        *,
        rng: object = None,  # noqa: ARG002
        progress: bool = False,  # noqa: ARG002
    ) -> LinearResults:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data.
        rng, progress
            Not used. All specifications have these arguments.

        Returns
        -------
        LinearResults
            Coefficients and their covariance. Of the data it keeps only residuals,
            fitted values and row labels.

        Raises
        ------
        ColumnError, TermError, InputTypeError, MissingDataError
            If `panel` is not a Panel, a column does not exist, a term cannot be read or
            evaluated, or no row is left. With ``missing="raise"`` also if a value is
            missing.
        IdentificationError
            If the model is not identified, for example because the fixed effects absorb
            all regressors.
        CollinearityError
            If a regressor is a linear combination of others and `collinear` is
            ``"raise"``.

        Warns
        -----
        MissingDataWarning, SingletonWarning
            If rows are dropped.
        FewClustersWarning, CovarianceWarning, NearCollinearWarning
            If standard errors may be unreliable.
        IdentificationWarning
            If a lag of the outcome is a regressor in a model with entity effects, or
            standard errors are clustered by entities that have only one row each.
            `diagnostics` of the results has all remarks.
        """
        if isinstance(panel, PanelScan):
            with scanned(self, panel, {"x": self.x}) as (prepared, demeaned):
                x = range(1, len(demeaned.names))
                remarks = lagged_outcome(prepared)
                results, _ = fit_equation(prepared, demeaned, 0, x, remarks=remarks)
                # The first block, which is the sample, shows what is a square.
                after = turn_outside(prepared.sample, results)
                results = _with_notices(results, after)
        else:
            results = self._fitted(panel).results
        issue(results.diagnostics)
        return results

    def _fitted(self, panel: Panel) -> Fitted:
        """Fit without issuing notices; keep sample and solution."""
        prepared = prepare(panel, {"y": (self.y,), "x": self.x}, self.options)
        demeaned, positions = demean_roles(self.y, prepared, ("x",))
        regressors = range(1, len(positions))
        remarks = [
            *lagged_outcome(prepared),
            *staggered(prepared, demeaned, regressors),
            *missing_main_effects(prepared, demeaned),
        ]
        results, solved = fit_equation(
            prepared, demeaned, 0, regressors, remarks=remarks
        )
        after = [
            *dependent_scores(prepared, solved, results.names),
            *turn_outside(prepared.sample, results),
        ]
        return Fitted(_with_notices(results, after), prepared, demeaned, solved)

    def _on_common_rows(
        self, panel: Panel, regressors: Mapping[str, Sequence[str]]
    ) -> CommonRows:
        """Demean outcome and columns of all roles, on the rows complete in them."""
        prepared = prepare(panel, {"y": (self.y,), **regressors}, self.options)
        return CommonRows(prepared, *demean_roles(self.y, prepared, regressors))


def _with_notices(results: LinearResults, more: Sequence[Notice]) -> LinearResults:
    """Add notices, if there are any, at the end."""
    if not more:
        return results
    return replace(results, diagnostics=(*results.diagnostics, *more))


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fit with its sample, demeaned columns and solution, for further statistics."""

    results: LinearResults  # notices are in its `diagnostics`, and not issued
    prepared: Prepared
    demeaned: Demeaned  # the outcome, then every regressor of the specification
    solved: Solved

    @property
    def regressors(self) -> tuple[int, ...]:
        """Positions in `demeaned` of the regressors that were not dropped."""
        return self.demeaned.at(
            [name for name in self.results.names if name != "Intercept"]
        )

    @property
    def solved_with_intercept(self) -> Solved:
        """The solved equation, with an intercept if there are no effects."""
        if self.prepared.effect_names:
            return self.solved
        return with_intercept(
            self.prepared, self.demeaned, (0, *self.regressors), self.solved
        )

    def wild_draws(
        self,
        row: Floats,
        error: float,
        tested: float,  # noqa: ARG002
        weights: WildWeights,
        seed: np.random.SeedSequence,
    ) -> WildDraws:
        """Draw the wild bootstrap of a sum of coefficients with weights (k,)."""
        full, (part,) = self.solved_with_intercept, self.solved.vcov.parts
        direction = full.score_columns @ (full.root.T @ row) / error
        codes = self.prepared.cluster_codes[0]
        sums = wild_sums(
            self.solved, direction, self.prepared.within, codes, part.factor
        )
        return wild_draws(sums, weights, seed)

    def placebo_slopes(
        self,
        position: int,
        treated: Cohorts,
        reps: int,
        seed: np.random.SeedSequence,
    ) -> Floats:
        """Estimate the slope of placebo treatments (R,) in the place of a regressor."""
        return placebo_slopes(
            self.solved, position, self.prepared.within, treated, reps, seed
        )

    def exchanged_statistics(
        self,
        position: int,
        moved: Paths,
        reps: int,
        seed: np.random.SeedSequence | None,
        done: Done,
    ) -> Floats:
        """Compute t (R,) of a regressor whose paths are exchanged between entities."""
        return exchanged_statistics(
            self.solved, position, self.prepared.within, moved, reps, seed, done=done
        )

    def cluster_draws(
        self, codes: Ints, reps: int, seed: np.random.SeedSequence
    ) -> tuple[Floats, int]:
        """Estimate all coefficients (R, k) in draws of clusters; count lost draws."""
        columns = self.demeaned.select((0, *self.regressors))
        grams = entity_grams(
            columns,
            codes,
            self.prepared.within.effects_and_slopes,
            demeaned=True,
            obs_weights=self.prepared.obs_weights,
        )
        bootstrapped = bootstrap(
            grams, [(0, tuple(range(1, columns.shape[1])))], reps, seed
        )
        slopes = bootstrapped.coefficients[0]
        if self.prepared.effect_names:
            return slopes, bootstrapped.lost
        raw = columns_at(self.demeaned.raw, (0, *self.regressors))
        groups = int(codes.max()) + 1
        with_count = np.column_stack([raw, np.ones(len(raw))])
        sums = level_sums(codes, groups, with_count, self.prepared.obs_weights)
        totals = draw_counts(seed, groups, reps) @ sums
        means = totals[:, :-1] / totals[:, -1:]
        # Intercept of each draw: the mean outcome less slopes times mean regressors
        intercepts = means[:, 0] - np.einsum("rk,rk->r", means[:, 1:], slopes)
        return np.column_stack([slopes, intercepts]), bootstrapped.lost


@dataclass(frozen=True, slots=True, eq=False)
class CommonRows(CommonColumns):
    """Common columns of several regressions of the same outcome."""

    def fit(
        self, regressors: Sequence[int], lags_in: Sequence[str] | None = ()
    ) -> LinearResults:
        """Fit an equation by positions in `demeaned`; report lags in `lags_in`."""
        remarks = [
            *lagged_outcome(self.prepared, roles=lags_in),
            *staggered(self.prepared, self.demeaned, regressors),
        ]
        results, _ = fit_equation(
            self.prepared, self.demeaned, 0, regressors, remarks=remarks
        )
        return _with_notices(results, turn_outside(self.prepared.sample, results))


def refuse_other_specification(
    caller: str, spec: object, *, needs: str | None = None
) -> None:
    """Refuse objects that are neither a `FixedEffects` nor have the method `needs`."""
    if isinstance(spec, FixedEffects) or (needs and hasattr(type(spec), needs)):
        return
    if isinstance(spec, LinearResults):
        raise InputTypeError(
            f"{caller} takes a specification and a panel, not results: "
            f"{caller}(spec, panel)."
        )
    text = f"{caller} takes a FixedEffects specification, not {type(spec).__name__}."
    if hasattr(spec, "endog"):
        text += (
            " It is for least squares; the results of FixedEffectsIV have iv_tests, "
            "anderson_rubin() and endogeneity_test()."
        )
    raise InputTypeError(text)


def check_regression_options(spec: Any) -> None:
    """Check the options that regressions share, with instruments or without."""
    check_linear_options(spec)
    check_row_options(spec)
    if spec.bandwidth is not None:
        if spec.cov_type not in ("driscoll_kraay", "xtscc", "conley"):
            raise OptionError(
                f"bandwidth={cited(spec.bandwidth)} requires "
                "cov_type='driscoll_kraay', 'xtscc' or 'conley'."
            )
        if not is_whole(spec.bandwidth) or spec.bandwidth < 0:
            raise OptionError(
                f"bandwidth={cited(spec.bandwidth)} must be a number of "
                "lags, 0 or more."
            )
    check_distances(spec)


def check_regression_terms(spec: Any) -> None:
    """Check, and store as tuples, outcome, regressors and effects of a regression."""
    read_terms(spec)
    if not spec.x:
        # Perhaps a formula was passed.
        advice = spelling_advice(spec.y) if "~" in spec.y else None
        if advice:
            raise term_error(spec.y, "y", advice)
        raise TermError("x is empty; specify at least one regressor.")
    if canonical(spec.y) in {canonical(term) for term in spec.x}:
        raise TermError(
            f"y={cited(spec.y)} is also in x; the outcome cannot be its own regressor."
        )


def check_row_options(spec: Any) -> None:
    """Check the options that say which rows and columns a regression uses."""
    if not isinstance(spec.keep_rows, bool):
        raise OptionError(f"keep_rows={cited(spec.keep_rows)} must be True or False.")
    if spec.obs_weights is not None:
        one_term(spec.obs_weights, "obs_weights")


# --- formulas -------------------------------------------------------------------------


_LONGEST = 20_000
_MOST_JOINS = 6
_MOST_SUMS = 20
# Brackets that formulaic evaluates as code, and surrogates, which it cannot parse. Only
# the part before the bar goes to formulaic; square brackets after it are slopes.
_CODE = re.compile(r"[\[\]{}]")
_HALVES = re.compile(r"[\ud800-\udfff]")
_CALL = re.compile(r"[\w.]+\([^()]*\)")
_HELP = "Write 'y ~ a + b | province + year'."


def read_formula(formula: str) -> tuple[str, list[str], list[str]]:
    """Split a formula into outcome, regressors (``a*b`` multiplied out) and effects."""
    _check_formula(formula)
    model, *effects = formula.split("|")
    right = _regressors(model, formula)
    if "1" not in right and not effects:
        raise _refusal(
            formula, "removes the intercept; a model without effects always has one."
        )
    # formulaic changes white space; coefficients keep the names as typed.
    tilde = _mask_quoted(model).index("~")
    outcome, sums = model[:tilde], model[tilde + 1 :]
    typed = {canonical(t): t.strip() for t in sums.split("+")}
    x = [typed.get(canonical(t), t).strip("`") for t in right if t != "1"]
    return outcome.strip().strip("`"), x, _effects(effects, formula)


def _check_formula(formula: str) -> None:
    """Refuse formulas that are too long, of another program, or contain code."""
    if len(formula) > _LONGEST:
        raise _refusal(
            formula, f"has more than {_LONGEST:,} characters; pass x as a list."
        )
    if "#" in formula:
        raise _refusal(
            formula, "has Stata's '#': write a:b, and a^b for crossed effects."
        )
    model, *effects = formula.split("|")
    if re.search(r"\[.*~", model) or (len(effects) > 1 and "~" in effects[-1]):
        raise _refusal(
            formula, "has instruments; use FixedEffectsIV(y, x, endog, instruments)."
        )
    if len(effects) > 2:
        raise _refusal(
            formula,
            "has the four parts of lfe: write 'y ~ a + b | province + year' and "
            "clusters='province', and with instruments FixedEffectsIV(y, x, endog, "
            "instruments).",
        )
    if len(effects) > 1 or "~" not in _mask_quoted(model):
        raise _refusal(formula, f"needs one '~' and at most one '|'. {_HELP}")
    if (
        _HALVES.search(formula)
        or _CODE.search(_mask_quoted(model))
        or re.search("[{}]", formula)
    ):
        raise _unreadable_error(formula)
    _refuse_powers(model, formula)
    _refuse_many(model, formula)


def _mask_quoted(model: str) -> str:
    """Mask quoted names and texts by a string of the same length."""
    return re.sub(KEPT, lambda match: "q" * len(match[0]), model)


def _refusal(formula: str, why: str) -> TermError:
    return TermError(f"the formula {cited(formula)} {why}")


def _unreadable_error(formula: str) -> TermError:
    cure = next(filter(None, map(spelling_advice, _CALL.findall(formula))), "")
    why = f"cannot be read{': ' if cure else ''}{cure}"
    return _refusal(formula, f"{why}. {_HELP}")


def _regressors(model: str, formula: str) -> list[str]:
    """Multiply out the right-hand side to terms, ``"1"`` for an intercept."""
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        parsed: Any = Formula(model)
    except (FormulaicError, SyntaxError) as error:
        raise _unreadable_error(formula) from error
    if not hasattr(parsed, "lhs"):
        raise _refusal(formula, f"needs an outcome before '~'. {_HELP}")
    right = [str(term) for term in parsed.rhs]
    if not {"EntityEffects", "TimeEffects"}.isdisjoint(right):
        raise _refusal(
            formula,
            "has EntityEffects or TimeEffects of linearmodels: write effects after a "
            "bar, 'y ~ a + b | province + year'.",
        )
    outcomes = [str(term) for term in parsed.lhs if str(term) != "1"]
    if len(outcomes) != 1:
        raise _refusal(formula, f"needs one outcome. {_HELP}")
    return right


def _effects(parts: list[str], formula: str) -> list[str]:
    """Split the part after the bar into effects."""
    absorb = [text for part in parts for text in summands(part)]
    if "" in absorb:
        raise _refusal(formula, f"has an empty effect after '|'. {_HELP}")
    return absorb


def _refuse_powers(model: str, formula: str) -> None:
    if re.search(r"\^|\*\*", _outside_calls(model)):
        raise _refusal(
            formula,
            "has a power outside I(), which formulas treat as an interaction; write "
            "I(x**2) for a square and a*b for an interaction.",
        )


def _refuse_many(model: str, formula: str) -> None:
    """Refuse products that would be multiplied out into thousands of terms."""
    for summand in summands(_outside_calls(model)):
        joins, sums = len(re.findall(r"[*:/]", summand)), summand.count("+")
        if joins > _MOST_JOINS or (joins and sums > _MOST_SUMS):
            raise _refusal(
                formula,
                f"has a product of too many columns: at most {_MOST_JOINS} signs '*' "
                f"or ':' in one, and {_MOST_SUMS} signs '+' in its brackets. Write the "
                "terms out in x.",
            )


def _outside_calls(model: str) -> str:
    """Remove calls, and names and texts in quotation marks."""
    text = _mask_quoted(model)
    letters, calls = [], list[bool]()
    for letter, before in zip(text, f" {text}", strict=False):
        if letter == "(":
            calls.append(before.isalnum() or before == "_")
        if not any(calls):
            letters.append(letter)
        if letter == ")" and calls:
            calls.pop()
    return "".join(letters)
