"""Mediation with one instrument for an endogenous treatment and mediator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import collinearity_problem
from digiprosper.errors import IdentificationError, Notice, TermError, cited, quoted
from digiprosper.kernels import Floats
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.preparation import CovType, Ssc, refuse_corrected
from digiprosper.linear.results import LinearResults
from digiprosper.mediation.effect_terms import effect, equation_term, named_fits
from digiprosper.mediation.notices import weak_instrument
from digiprosper.mediation.system import (
    System,
    check_common_options,
    estimate,
    prepare_terms,
    result_fields,
)
from digiprosper.panel import Panel
from digiprosper.report.effects import EffectResults
from digiprosper.report.summary import Summary
from digiprosper.report.text import p_text
from digiprosper.specification import TERM, TERMS, Specification, as_terms, read_terms

_ROLES = ("y", "treatment", "mediator", "instrument", "x")
# Columns in the order of the roles.
_Y, _X, _M, _Z = range(4)
_EQUATIONS = (
    ("x on z", _X, (_Z,)),
    ("y on z", _Y, (_Z,)),
    ("m on z", _M, (_Z,)),
    ("m on z given x", _M, (_Z, _X)),
    ("y on z given x", _Y, (_Z, _X)),
)
# Slopes that the effects are computed from, by equation and column, in the order that
# `_iv_effects` takes them.
_USED = ((0, _Z), (1, _Z), (2, _Z), (3, _Z), (3, _X), (4, _Z), (4, _X))
_STAGES = (0, 3)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MediationIVResults(EffectResults):
    """Results of mediation analysis with one instrument, made by `MediationIV.fit`.

    Terms are ``total``, ``direct``, ``indirect``, ``indirect:<m>``, ``a``, ``b`` and
    ``proportion_mediated``. Effects are changes of the outcome per unit of the
    treatment. a is the change of the mediator per unit of the treatment, and b the
    change of the outcome per unit of the mediator.

    Parameters
    ----------
    treatment, mediator, instrument : str
        Terms of the model.
    equations : tuple of (name, LinearResults)
        Reduced forms; see `paths`.
    stages : (2, 5) array
        Both first stages; see `first_stage`.

    Notes
    -----
    The other parameters are those of `EffectResults`. `cov` is the covariance matrix of
    the effects by the delta method, with the `cov_type` of the fit.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> z, u, v, *e = np.random.default_rng(1).normal(size=(6, 1000))
    >>> x = z + u + e[0]
    >>> m = 0.6 * x + 2 * u + v + e[1]
    >>> keys = {"city": np.repeat(range(100), 10), "year": np.tile(range(10), 100)}
    >>> columns = {"z": z, "x": x, "m": m, "y": 0.3 * x + 0.5 * m - v + e[2]}
    >>> panel = dp.Panel(pd.DataFrame(keys | columns), "city", "year")
    >>> results = dp.MediationIV("y", "x", "m", "z", reps=199).fit(panel, rng=1)
    >>> results.params.round(1)[["direct", "indirect"]].to_dict()
    {'direct': 0.2, 'indirect': 0.4}
    """

    treatment: str = ""
    mediator: str = ""
    instrument: str = ""
    equations: tuple[tuple[str, LinearResults], ...] = ()
    stages: Floats = field(default_factory=lambda: np.empty((2, 5)))

    @property
    def paths(self) -> dict[str, LinearResults]:
        """Reduced forms by name.

        The names are ``x on z``, ``y on z``, ``m on z``, ``m on z given x`` and
        ``y on z given x``, with the terms of treatment x, mediator m, outcome y and
        instrument z.
        """
        return dict(self.equations)

    @property
    def first_stage(self) -> pd.DataFrame:
        """First stages, with rows ``x on z`` and ``m on z given x``.

        Columns are coefficient, std_error, F and p_value (with the `cov_type` of the
        fit), and partial_r2. With one instrument, F is the square of t, and equals the
        Wald F of Kleibergen and Paap (2006) and the effective F of Montiel Olea and
        Pflueger (2013).
        """
        index = pd.Index([_EQUATIONS[stage][0] for stage in _STAGES], name="stage")
        columns = ["coefficient", "std_error", "F", "p_value", "partial_r2"]
        return pd.DataFrame(self.stages.copy(), index=index, columns=columns)

    def _summary(self) -> Summary:
        outcome = self.info["depvar"] or ""
        path = f"{self.treatment} -> {self.mediator} -> {outcome}"
        total, direct, indirect, _, a, b, _ = (float(v) for v in self.estimates)
        (first, first_p), (second, second_p) = self.stages[:, [2, 3]]
        p_texts = [p_text(p) or "missing" for p in (first_p, second_p)]
        words = [
            (
                f"A one-unit increase in {self.treatment} changes {outcome} by "
                f"{total:.4g}: {direct:.4g} directly and {indirect:.4g} through "
                f"{self.mediator} (a = {a:.4g}, b = {b:.4g}). This requires that "
                f"{self.instrument} is a valid instrument, and that {self.treatment} "
                f"and {outcome} have no common cause other than through "
                f"{self.mediator}."
            ),
            (
                f"First stage F: {first:.4g} for {self.treatment} on {self.instrument} "
                f"(p {p_texts[0]}); {second:.4g} for {self.mediator} on "
                f"{self.instrument} given {self.treatment} (p {p_texts[1]}), "
                "usually the weak one."
            ),
        ]
        return self._make_summary(
            f"IV mediation: {path}, instrument {self.instrument}", words
        )

    def _more_numbers(self) -> dict[str, Any]:
        # A slotted dataclass is a new class: `super()` without arguments would look in
        # the old one.
        return {
            **EffectResults._more_numbers(self),
            "treatment": self.treatment,
            "mediator": self.mediator,
            "instrument": self.instrument,
            "first_stage": self.first_stage.to_dict("index"),
            "paths": {name: fit.to_dict() for name, fit in self.equations},
        }


@dataclass(frozen=True, slots=True)
class MediationIV(Specification):
    """Mediation analysis with one instrument.

    The instrument is for treatment and mediator (Dippel, Ferrara and Heblich 2020). The
    equations are ``y = c x + ..`` and ``m = a x + ..``, with instrument z for the
    treatment x, and ``y = c' x + b m + ..``, with instrument z for the mediator m and x
    as a control. All have the same controls, fixed effects and rows. ``c = c' + a b``
    holds exactly, in the estimates and in each bootstrap draw.

    Parameters
    ----------
    y : str
        Outcome: a column or a term.
    treatment : str
        Endogenous treatment: a column or a term.
    mediator : str
        Endogenous mediator: one column or term.
    instrument : str
        Instrument z: a column or a term. It affects the treatment, and the outcome only
        through the treatment.
    x : sequence of str
        Controls of all equations, none by default.
    entity_effects, time_effects : bool
        Whether to absorb entity and time effects, True by default. Without fixed
        effects there is an intercept.
    absorb : sequence of str
        Other fixed effects of all equations, as in `FixedEffects`. Slopes such as
        ``"province[year]"`` must be by groups that are nested in the clusters.
    cov_type : {"clustered", "robust", "unadjusted", "driscoll_kraay", "xtscc"}
        Type of the joint covariance matrix of all equations, as in `FixedEffects`;
        ``"clustered"`` by default.
    clusters : str, optional
        Cluster variable, by default the entity. The bootstrap draws these clusters,
        under any `cov_type`.
    ssc : {"reghdfe", "xtreg", "areg", "sandwich", "linearmodels", "plm", "none"}
        Small-sample correction of each equation, as in `FixedEffectsIV`.
    reps : int
        Number of bootstrap draws, at least 20. With the default, 4,999, the ends of a
        95% interval are draws, without interpolation.
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`.

    Raises
    ------
    OptionError
        By the constructor, if an option has an unknown value, `reps` is too small, or
        there are two-way clusters.
    TermError
        By the constructor, if a term has two roles, or there are several mediators or
        instruments.
    IdentificationError
        By `fit`, if treatment, mediator or instrument is absorbed by the fixed effects,
        or the mediator is a linear combination of treatment, instrument and controls.
    CollinearityError
        By `fit`, if the instrument is a linear combination of the treatment and the
        controls.

    Warns
    -----
    IdentificationWarning
        If a first-stage F is below 10, or the proportion mediated is not meaningful (as
        in `Mediation`).

    Notes
    -----
    **Assumptions.** z is exogenous given controls and fixed effects, and affects y only
    through x. Omitted common causes of x and m, and of m and y, are allowed. But there
    is no omitted common cause of x and y that does not work through m.

    **Identification of b.** Given x, a higher z means that the omitted causes of x are
    lower. If these also affect m, then z and m are correlated given x, so z is an
    instrument for m. If x and m have no omitted common cause, b is not identified.
    Often this first stage is weak. With F of at least 10 the bias is small, but a t
    test at 5% has the correct size only from F = 104.7 on (Lee, McCrary, Moreira and
    Porter 2022, American Economic Review 112:3260).

    **Computation.** All estimates are ratios of slopes of reduced forms, which are
    estimated by least squares. Let p be slopes on z, and let r and d be slopes on z and
    x in regressions on both. Then ``c = p_y/p_x``, ``a = p_m/p_x``, ``b = r_y/r_m`` and
    ``c' = d_y - b d_m``. Standard errors use the delta method and equal those of 2SLS.
    Intervals and p-values are percentile intervals from draws of clusters, with all
    equations estimated in each draw.

    The method is that of Dippel, Ferrara and Heblich (2020, Stata Journal 20:613).
    Identification is proved by Dippel, Gold, Heblich and Pinto (2017, NBER Working
    Paper 23209).

    Examples
    --------
    Simulated data with two omitted variables: u affects x and m, and v affects m and y.
    The true values are c' = .3 and a b = .6 x .5.

    >>> import numpy as np, pandas as pd
    >>> from digiprosper import MediationIV, Panel
    >>> rng = np.random.default_rng(2026)
    >>> z, u, v, *e = rng.normal(size=(6, 4000))
    >>> x = z + u + e[0]
    >>> m = .6 * x + 2 * u + v + e[1]
    >>> y = .3 * x + .5 * m - v + e[2]
    >>> frame = pd.DataFrame(
    ...     {"city": np.repeat(np.arange(400), 10), "year": np.tile(np.arange(10), 400)}
    ... )
    >>> panel = Panel(frame.assign(z=z, x=x, m=m, y=y), "city", "year")
    >>> results = MediationIV("y", "x", "m", "z", reps=999).fit(panel, rng=1)
    >>> results.conf_int().loc[["direct", "indirect"]].round(2).to_numpy().tolist()
    [[0.31, 0.45], [0.21, 0.32]]
    >>> results.first_stage["F"].round().to_dict()
    {'x on z': 1603.0, 'm on z given x': 670.0}
    """

    y: str = field(metadata=TERM)
    treatment: str = field(metadata=TERM)
    mediator: str = field(metadata=TERM)
    instrument: str = field(metadata=TERM)
    x: Sequence[str] = field(default=(), metadata=TERMS)
    _: KW_ONLY
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    ssc: Ssc = "reghdfe"
    reps: int = 4999
    where: str | None = None

    def __post_init__(self) -> None:
        for name in ("mediator", "instrument"):
            if isinstance(getattr(self, name), list | tuple):
                raise TermError(
                    f"{name}={cited(getattr(self, name))}: one instrument identifies "
                    f"the effect through one mediator. Specify one {name}; Mediation "
                    "allows several mediators, treated as exogenous."
                )
        read_terms(self)
        check_common_options(self, _ROLES)
        refuse_corrected("MediationIV", self.cov_type)

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,
        progress: bool = False,  # noqa: ARG002
    ) -> MediationIVResults:
        """Estimate and bootstrap all equations.

        Parameters
        ----------
        panel : Panel
            The data. Rows with a missing value in any term are dropped from all
            equations. A cross-section is a Panel without a time key.
        rng : None, int, sequence of int, SeedSequence or Generator
            Seed of the draws. The `rng_entropy` of the results reproduces them.
        progress : bool
            Not used. All specifications have this argument.

        Returns
        -------
        MediationIVResults
            Effects with standard errors, intervals and draws. Of the rows it keeps only
            the residuals of its `paths`.
        """
        seed = seed_sequence(rng)
        roles = {role: as_terms(getattr(self, role), role) for role in _ROLES}
        prepared, demeaned = prepare_terms(self, panel, roles)
        names, controls = demeaned.names, tuple(range(4, len(demeaned.names)))
        layout = [
            (outcome, (*regressors, *controls)) for _, outcome, regressors in _EQUATIONS
        ]
        system = estimate(prepared, demeaned, layout, reps=self.reps, seed=seed)
        _refuse_perfect_fits(system, names)
        effects = system.effects(_iv_effects, _USED)
        stages = _first_stages(system)
        treatment, mediator, instrument = names[_X : _Z + 1]
        terms = (
            *map(effect, ("total", "direct", "indirect")),
            effect("indirect", mediator),
            *map(effect, ("a", "b", "proportion_mediated")),
        )
        return MediationIVResults(
            **result_fields(
                system,
                terms,
                effects,
                "MediationIV",
                method_notices=_weak_instrument_notices(stages, names),
            ),
            treatment=treatment,
            mediator=mediator,
            instrument=instrument,
            equations=named_fits(
                [equation_term(code) for code, _, _ in _EQUATIONS], system.fits
            ),
            stages=stages,
        )


def _refuse_perfect_fits(system: System, names: Sequence[str]) -> None:
    """Refuse an endogenous term that is collinear with the other regressors."""
    for equation in _STAGES:
        _, outcome, regressors = _EQUATIONS[equation]
        fit = system.fits[equation]
        if any(n.code == "perfect_fit" for n in fit.diagnostics):
            on = tuple(names[j] for j in regressors)
            raise IdentificationError(
                f"{cited(names[outcome])} is an exact linear combination of "
                f"{quoted(on)} and the controls after the effects are partialled "
                "out, so no variation is left for an instrument. Use another term.",
                [collinearity_problem(names[outcome], on)],
            )


def _iv_effects(slopes: Floats) -> Floats:
    """Compute effects (R, 7) from reduced-form slopes (R, 7); NaN if divided by 0."""
    x_z, y_z, m_z, m_zx, m_x, y_zx, y_x = slopes.T
    total = _ratio(y_z, x_z)
    a = _ratio(m_z, x_z)
    b = _ratio(y_zx, m_zx)
    indirect = a * b
    return np.column_stack(
        [total, y_x - b * m_x, indirect, indirect, a, b, _ratio(indirect, total)]
    )


def _ratio(upper: Floats, lower: Floats) -> Floats:
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio = upper / lower
    return np.where(np.isfinite(ratio), ratio, np.nan)


def _first_stages(system: System) -> Floats:
    """Compute both first stages: coefficient, std_error, F, p, partial R2."""
    rows = []
    at = system.positions((equation, _Z) for equation in _STAGES)
    for equation, (plain, df) in zip(_STAGES, system.unadjusted[at], strict=True):
        row: Any = system.fits[equation].tidy().iloc[0]
        b, error = row["estimate"], row["std_error"]
        square = (b / plain) ** 2
        rows.append(
            (b, error, (b / error) ** 2, row["p_value"], square / (square + df))
        )
    return np.array(rows, dtype=np.float64)


def _weak_instrument_notices(stages: Floats, names: Sequence[str]) -> list[Notice]:
    treatment, mediator, instrument = names[_X : _Z + 1]
    equations = {
        "x on z": f"{treatment} on {instrument} (total, a and what follows)",
        "m on z given x": (
            f"{mediator} on {instrument} given {treatment} (b, direct, indirect)"
        ),
    }
    f_statistics = dict(zip(equations, stages[:, 2].tolist(), strict=True))
    return weak_instrument(f_statistics, equations)
