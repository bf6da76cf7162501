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
    """Average effects of k regressors, and the parts of the effects of single units."""

    terms: tuple[str, ...]
    slopes: Floats  # (k,) coefficients of the regressors
    lags: Floats  # (k,) coefficients of their spatial lags, 0 where there is none
    estimates: Floats  # (3, k) direct, indirect and total effects
    # (3k, 3k) by the delta method: direct effects of all terms, indirect, total
    covariance: Floats
    # (B, 3, k) effects of drawn coefficients, if errors are simulated
    draws: Floats | None
    # (6, N) diagonal, row sums, column sums of S = (I - rho W)^-1, then of S W
    units: Floats
    entities: pd.Index[Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SpatialDecomposition(PickledByName):
    """Direct, indirect and total effects as three columns of a table."""

    effects: SpatialEffects
    glance: Glance
    inference: Inference
    labels: Mapping[str, str]
    factors: Factors
    key_names: tuple[str, str | None]  # columns of entities and times
    remarks: tuple[Remark, ...] = ()  # for the note below the table

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return columns of direct, indirect and total effects, a row per regressor."""
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
    """Tabulate effects with their errors, three rows per term.

    p-values and intervals of simulated errors are computed from the draws. Errors are
    missing for an effect that the model sets to zero.
    """
    from scipy.special import stdtr, stdtrit

    level = check_level(level)
    k = len(effects.terms)
    estimate = effects.estimates.ravel()
    variance = np.diag(effects.covariance)
    if effects.draws is not None:
        variance = effects.draws.reshape(len(effects.draws), -1).var(axis=0, ddof=1)
    error = standard_errors(np.where(variance == 0, np.nan, variance))
    if effects.draws is None:
        half = stdtrit(df_t, 0.5 + level / 2) * error
        low, high = estimate - half, estimate + half
        p_value = 2 * stdtr(df_t, -np.abs(estimate / error))
    else:
        drawn = np.where(
            np.isnan(error), np.nan, effects.draws.reshape(len(effects.draws), -1)
        )
        low, high = percentile(drawn, level, clusters=None)
        p_value = percentile_p(drawn, clusters=None)
    statistics = {
        "estimate": estimate,
        "std_error": error,
        "statistic": estimate / error,
        "p_value": p_value,
        "conf_low": low,
        "conf_high": high,
    }
    names = {"term": np.tile(effects.terms, 3), "kind": np.repeat(KINDS, k)}
    by_term = np.arange(3 * k).reshape(3, k).T.ravel()
    return pd.DataFrame({**names, **statistics}).iloc[by_term].reset_index(drop=True)


def unit_frame(effects: SpatialEffects, entity: str) -> pd.DataFrame:
    """Tabulate effects of units, a row per unit and term; `entity` names units."""
    diagonal, row_sums, column_sums, diagonal_lag, row_sums_lag, column_sums_lag = (
        effects.units[:, :, None]
    )
    direct = diagonal * effects.slopes + diagonal_lag * effects.lags
    total = row_sums * effects.slopes + row_sums_lag * effects.lags
    outgoing = column_sums * effects.slopes + column_sums_lag * effects.lags - direct
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


def shared_variables(
    terms: Sequence[str], factors: Factors
) -> dict[str, tuple[str, ...]]:
    """Find variables that are in several terms, with these terms.

    A lag is another variable than its column, and so are two dummies of one category.
    Of variables with the same terms only the first is listed.
    """
    terms_of_variable: dict[str, list[str]] = {}
    for term in terms:
        variables = [
            name for factor in factors.get(term, ()) for name in _variables(factor)
        ]
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
