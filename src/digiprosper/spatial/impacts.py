"""Direct, indirect and total effects as frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import check_level
from digiprosper.kernels.intervals import percentile, percentile_p
from digiprosper.report.columns import Column, Estimate
from digiprosper.report.pickling import PickledByName
from digiprosper.report.terms import Term
from digiprosper.report.variance import standard_errors
from digiprosper.spatial.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.kernels import Floats
    from digiprosper.report.columns import Remark
    from digiprosper.report.inference import Inference
    from digiprosper.report.protocol import Glance
    from digiprosper.report.terms import Factor, Factors

KINDS = ("direct", "indirect", "total")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SpatialEffects(PickledByName):
    """Average effects of regressors, with what single units add to them.

    Parameters
    ----------
    terms : tuple of str
        The k regressors.
    slopes, lags : (k,) arrays
        Coefficients of the regressors and of their spatial lags, 0 where there is none.
    estimates : (3, k) array
        Direct, indirect and total effects.
    covariance : (3k, 3k) array
        By the delta method, of the estimates read by row: direct effects of all terms, then indirect, then
        total ones.
    draws : (B, 3, k) array or None
        Effects of drawn coefficients, where errors are simulated.
    units : (6, N) array
        Diagonal, row sums and column sums of S = (I - rho W)^-1, then of S W.
    entities : Index
        The N units.
    """

    terms: tuple[str, ...]
    slopes: Floats
    lags: Floats
    estimates: Floats
    covariance: Floats
    draws: Floats | None
    units: Floats
    entities: pd.Index[Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SpatialDecomposition(PickledByName):
    """Direct, indirect and total effects as three columns of a table, ``etable(fit.decomposition)``.

    Parameters
    ----------
    effects : SpatialEffects
        Effects.
    glance : Glance
        Of the fit.
    inference : Inference
        How errors were computed.
    labels, factors : mapping
        Of the fit.
    key_names : pair of str
        Columns of entities and times.
    remarks : tuple of Remark
        What a note below the table says.
    """

    effects: SpatialEffects
    glance: Glance
    inference: Inference
    labels: Mapping[str, str]
    factors: Factors
    key_names: tuple[str, str | None]
    remarks: tuple[Remark, ...] = ()

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Give three columns, headed by the kind of effect.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            Direct, indirect and total effects, one row per regressor.
        """
        frame = effects_frame(self.effects, self.inference.df_t, level)
        return tuple(self._column(kind, frame[frame["kind"] == kind]) for kind in KINDS)

    def _column(self, kind: str, rows: pd.DataFrame) -> Column:
        numbers = rows.drop(columns=["term", "kind"]).itertuples(index=False, name=None)
        estimates = {}
        for name, row in zip(self.effects.terms, numbers, strict=True):
            term = Term(name, path=(name,), factors=tuple(self.factors.get(name, ())))
            estimates[name] = Estimate(term, *row)
        return Column(
            head=WORDS.say(kind),
            estimates=estimates,
            glance=self.glance,
            inference=self.inference,
            labels=self.labels,
            factors=self.factors,
            words=WORDS,
            keys=self.key_names,
            remarks=self.remarks,
        )

    def __repr__(self) -> str:
        return effects_frame(self.effects, self.inference.df_t, 0.95).to_string()


def effects_frame(effects: SpatialEffects, df_t: float, level: float) -> pd.DataFrame:
    """Lay out effects with their errors, three rows a term.

    Parameters
    ----------
    effects : SpatialEffects
        Effects.
    df_t : float
        Degrees of freedom of t; infinite for the normal distribution.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    DataFrame
        term, kind, estimate, std_error, statistic, p_value, conf_low, conf_high. Of simulated errors the
        p-values and intervals are read from the draws. An effect that the model sets to zero has neither.
    """
    from scipy.special import stdtr, stdtrit

    level = check_level(level)
    k = len(effects.terms)
    estimate = effects.estimates.ravel()
    error = _errors(effects)
    if effects.draws is None:
        half = stdtrit(df_t, 0.5 + level / 2) * error
        low, high = estimate - half, estimate + half
        p_value = 2 * stdtr(df_t, -np.abs(estimate / error))
    else:
        drawn = np.where(np.isnan(error), np.nan, effects.draws.reshape(len(effects.draws), -1))
        low, high = percentile(drawn, level, clusters=None)
        p_value = percentile_p(drawn, clusters=None)
    by_term = np.arange(3 * k).reshape(3, k).T.ravel()
    numbers = {
        "estimate": estimate,
        "std_error": error,
        "statistic": estimate / error,
        "p_value": p_value,
        "conf_low": low,
        "conf_high": high,
    }
    names = {"term": [term for term in effects.terms for _ in KINDS], "kind": list(KINDS) * k}
    return pd.DataFrame({**names, **{name: values[by_term] for name, values in numbers.items()}})


def _errors(effects: SpatialEffects) -> Floats:
    """Compute standard errors; missing for an effect that the model sets to zero."""
    if effects.draws is None:
        variance = np.diag(effects.covariance)
    else:
        variance = effects.draws.reshape(len(effects.draws), -1).var(axis=0, ddof=1)
    return standard_errors(np.where(variance == 0, np.nan, variance))


def unit_frame(effects: SpatialEffects, entity: str) -> pd.DataFrame:
    """Lay out the effects of single units, one row per unit and term.

    Parameters
    ----------
    effects : SpatialEffects
        Effects.
    entity : str
        Name of the entity key.

    Returns
    -------
    DataFrame
        The entity, term, direct, indirect, total, to_others.
    """
    own, rows, columns, own_lag, rows_lag, columns_lag = effects.units[:, :, None]
    direct = own * effects.slopes + own_lag * effects.lags
    total = rows * effects.slopes + rows_lag * effects.lags
    outgoing = columns * effects.slopes + columns_lag * effects.lags - direct
    n, k = direct.shape
    return pd.DataFrame(
        {
            entity: np.repeat(effects.entities.to_numpy(), k),
            "term": list(effects.terms) * n,
            "direct": direct.ravel(),
            "indirect": (total - direct).ravel(),
            "total": total.ravel(),
            "to_others": outgoing.ravel(),
        }
    )


def shared_variables(terms: Sequence[str], factors: Factors) -> dict[str, tuple[str, ...]]:
    """Find variables that are in several terms, such as in ``"x"`` and ``"I(x**2)"``.

    Parameters
    ----------
    terms : sequence of str
        Regressors.
    factors : mapping
        What each is a product of.

    Returns
    -------
    dict
        Variable to its terms. A lag is another variable than its column, and so are two dummies of one
        category. Variables with the same terms are there once, by the first.
    """
    terms_of_variable: dict[str, list[str]] = {}
    for term in terms:
        variables = [name for factor in factors.get(term, ()) for name in _variables(factor)]
        for variable in dict.fromkeys(variables):
            terms_of_variable.setdefault(variable, []).append(term)
    shared: dict[str, tuple[str, ...]] = {}
    for variable, names in terms_of_variable.items():
        if len(names) > 1 and tuple(names) not in shared.values():
            shared[variable] = tuple(names)
    return shared


def _variables(factor: Factor) -> tuple[str, ...]:
    """List the columns that a factor changes with, and the factor itself."""
    if factor.shift or factor.level is not None:
        return (factor.text,)
    return (*factor.columns, factor.text)
