"""Results of mediation analysis with one instrument."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digiprosper.report.effects import EffectResults
from digiprosper.report.text import p_text

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.linear.results import LinearResults
    from digiprosper.report.summary import PlainNumbers, Summary

_STAGES = ("x on z", "m on z given x")
_COLUMNS = ("coefficient", "std_error", "F", "p_value", "partial_r2")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MediationIVResults(EffectResults):
    """Results of mediation analysis with one instrument, made by `MediationIV.fit`.

    Terms are ``total``, ``direct``, ``indirect``, ``indirect:<m>``, ``a``, ``b`` and ``proportion_mediated``.
    Effects are changes of the outcome per unit of the treatment. a is the change of the mediator per unit of
    the treatment, and b the change of the outcome per unit of the mediator.

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
    The other parameters are those of `EffectResults`. `cov` is the covariance matrix of the effects by the
    delta method, with the `cov_type` of the fit.

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

        The names are ``x on z``, ``y on z``, ``m on z``, ``m on z given x`` and ``y on z given x``, with the
        terms of treatment x, mediator m, outcome y and instrument z.
        """
        return dict(self.equations)

    @property
    def first_stage(self) -> pd.DataFrame:
        """First stages, with rows ``x on z`` and ``m on z given x``.

        Columns are coefficient, std_error, F and p_value (with the `cov_type` of the fit), and partial_r2.
        With one instrument, F is the square of t, and equals the Wald F of Kleibergen and Paap (2006) and the
        effective F of Montiel Olea and Pflueger (2013).
        """
        index = pd.Index(_STAGES, name="stage")
        return pd.DataFrame(self.stages.copy(), index=index, columns=list(_COLUMNS))

    def _summary(self) -> Summary:
        outcome = self.info["depvar"] or ""
        path = f"{self.treatment} -> {self.mediator} -> {outcome}"
        total, direct, indirect, _, a, b, _ = (float(v) for v in self.estimates)
        (first, first_p), (second, second_p) = self.stages[:, [2, 3]]
        words = [
            f"A one-unit increase in {self.treatment} changes {outcome} by {total:.4g}: {direct:.4g} "
            f"directly and {indirect:.4g} through {self.mediator} (a = {a:.4g}, b = {b:.4g}). This "
            f"requires that {self.instrument} is a valid instrument, and that {self.treatment} and "
            f"{outcome} have no common cause other than through {self.mediator}.",
            f"First stage F: {first:.4g} for {self.treatment} on {self.instrument} (p {p_text(first_p)}); "
            f"{second:.4g} for {self.mediator} on {self.instrument} given {self.treatment} "
            f"(p {p_text(second_p)}), usually the weak one.",
        ]
        return self._summarised(f"IV mediation: {path}, instrument {self.instrument}", words)

    def _numbers(self) -> PlainNumbers:
        # A slotted dataclass is a new class: `super()` without arguments would look in the old one.
        numbers = EffectResults._numbers(self)
        roles = {name: getattr(self, name) for name in ("treatment", "mediator", "instrument")}
        stages = self.first_stage.to_dict("index")
        paths = {name: fit.to_dict() for name, fit in self.equations}
        more = {**numbers.more, **roles, "first_stage": stages, "paths": paths}
        return replace(numbers, more=more)
