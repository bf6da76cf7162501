"""Attributes and methods that all results have."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol, TypedDict, cast, runtime_checkable

import pandas as pd

from digiprosper._version import __version__
from digiprosper.report.inference import Inference


class Glance(TypedDict):
    """Summary numbers of a fit, such as nobs and rsquared_within.

    It has the same keys for all types of results. A value that does not apply is None.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> line = spec.fit(dp.datasets.us_states()).glance()
    >>> line["nobs"], line["n_clusters"], line["ssc"]
    (816, 48, 'reghdfe')
    """

    model: str
    depvar: str | None
    nobs: int
    n_entities: int | None
    n_times: int | None
    period: str | None
    n_clusters: int | None
    df_resid: float | None
    df_t: float | None
    df_absorbed: int | None
    cov_type: str | None
    clusters: str | None
    ssc: str | None
    obs_weights: str | None
    effects: str | None
    rsquared: float | None
    rsquared_within: float | None
    rsquared_within_entity: float | None
    rsquared_adj: float | None
    f_statistic: float | None
    kp_rk_f: float | None
    sample_hash: str | None
    rng_entropy: int | None
    version: str


@runtime_checkable
class Results(Protocol):
    """Attributes and methods of all results that have estimates.

    Among them are params, cov, nobs, tidy and glance.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> isinstance(fit, dp.Results), fit.params.round(3).to_dict(), fit.nobs
    (True, {'log(pc)': 0.664, 'unemp': -0.017}, 816)
    """

    @property
    def params(self) -> pd.Series[float]:
        """Estimates, indexed by term."""
        ...

    @property
    def cov(self) -> pd.DataFrame:
        """Covariance matrix of the estimates, with terms in rows and columns."""
        ...

    @property
    def nobs(self) -> int:
        """Number of rows in the estimation sample."""
        ...

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Return a table of estimates, one row per term.

        Columns: term, estimate, std_error, statistic, p_value, conf_low, conf_high.
        """
        ...

    def glance(self) -> Glance:
        """Return summary numbers of the fit."""
        ...


@runtime_checkable
class HasDraws(Results, Protocol):
    """Results with bootstrap draws of their estimates.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
    >>> results = spec.fit(dp.datasets.us_states(), rng=1)
    >>> isinstance(results, dp.HasDraws), results.draws.shape
    (True, (199, 5))
    """

    @property
    def draws(self) -> pd.DataFrame:
        """Bootstrap draws, one column per term and one row per draw."""
        ...


def empty_glance(model: str, nobs: int) -> Glance:
    """Make a glance with the model and its rows; all other keys are None."""
    about = {"model": model, "nobs": nobs, "version": __version__}
    return cast("Glance", dict.fromkeys(Glance.__annotations__) | about)


def fit_glance(
    model: str,
    sample: Any,
    inference: Inference,
    effects: Sequence[str],
    **more: Any,
) -> Glance:
    """Make the glance of a fit to the rows of a `Sample`; `more` has other keys."""
    values = {
        "n_entities": sample.n_entities,
        "n_times": sample.n_times,
        "period": sample.keys.period,
        **inference.numbers,
        "effects": "+".join(effects) or None,
        "rng_entropy": inference.rng_entropy,
    }
    return cast("Glance", {**empty_glance(model, sample.nobs), **values, **more})


def hash_of(index: pd.Index[Any]) -> str:
    """Hash the row labels of a sample to 16 hexadecimal digits."""
    from pandas.util import hash_pandas_object

    # Pandas hashes each level once, which gives the hash of columns of these labels for
    # most types, but not for an index without levels.
    others = (pd.PeriodDtype, pd.DatetimeTZDtype, pd.IntervalDtype)
    by_level = index.nlevels > 1 and not any(
        isinstance(level.dtype, others) for level in cast("Any", index).levels
    )
    labels = index if by_level else index.to_frame(index=False)
    hashed = hash_pandas_object(labels, index=False)
    return hashlib.sha256(hashed.to_numpy().tobytes()).hexdigest()[:16]
