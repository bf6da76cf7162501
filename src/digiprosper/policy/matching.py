"""Propensity score matching of entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    check_option,
    check_whole,
    cited,
    issue,
    option_problem,
    plain,
)
from digiprosper.panel import Panel
from digiprosper.panel.access import table_of
from digiprosper.panel.terms import canonical
from digiprosper.policy.base_values import base_values
from digiprosper.policy.kernels.neighbours import matched_moments, nearest, pair_weights
from digiprosper.policy.matching_results import Matching
from digiprosper.policy.notices import matching_notices
from digiprosper.policy.propensity import propensity
from digiprosper.specification import as_terms, one_term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats
    from digiprosper.policy.base_values import BaseValues
    from digiprosper.policy.kernels.neighbours import Pairs

_MOST_NEIGHBOURS = 1000


def match_entities(  # noqa: PLR0913
    panel: Panel,
    treated: str,
    x: Sequence[str],
    *,
    base: Literal["first", "pre"] | Any = "first",
    k: int = 1,
    caliper: float | None = 0.05,
    replace: bool = True,
    support: bool = True,
    ties: Literal["all", "first"] | None = None,
) -> Matching:
    """Match each treated entity to untreated entities with a similar propensity score.

    The propensity score is the probability that an entity is ever treated, given its values before treatment
    (base values). It is estimated by a logit with one row per entity. Each treated entity is matched to the
    `k` untreated entities with the nearest scores. The matches are the same in all periods, so all rows of an
    entity have the same weight.

    Parameters
    ----------
    panel : Panel
        The data. It may be a cross-section.
    treated : str
        A dummy. An entity is treated if it is 1 in any row. The dummy may change from 0 to 1 with the
        treatment, or be constant in each entity.
    x : sequence of str
        Terms of the logit: columns or terms, as in `FixedEffects`.
    base : {"first", "pre"} or period
        Period of the base values. ``"first"`` (default) is the first row of each entity. ``"pre"`` is the
        mean over all periods before any entity is treated. A period, such as 2010, is this period. Base
        values must be from before the treatment; this is checked if the dummy changes from 0 to 1.
    k : int
        Number of controls for each treated entity, 1 by default. It is smaller if fewer are within the
        caliper.
    caliper : float or None
        Largest difference of the propensity scores of a match, as in ``psmatch2``. The default is .05; None
        is no limit.
    replace : bool
        Whether a control can be matched to several treated entities. The default is True. With False, treated
        entities are matched in the order of their scores, from the largest, with one control in each round.
        Among equal scores, the first in the order of entities is matched first.
    support : bool
        Whether treated entities outside the common support, the range of the scores of the controls, are left
        out, as with ``psmatch2, common``. The default is True. With False they are matched to the nearest
        controls too, as in R's MatchIt and Stata's ``teffects psmatch``.
    ties : {"all", "first"}, optional
        Which controls are matched if several have the same distance as the `k`-th nearest one. ``"all"``
        (default with replacement) takes all of them, with equal shares, as in Abadie & Imbens (2006), Stata's
        ``teffects psmatch`` and R's Matching: the matches do not depend on the order of entities.
        ``"first"`` takes the first in the order of entities; without replacement this is the only way.

    Returns
    -------
    Matching
        Its `weights` has one weight per row of the panel, which is missing for entities that are not in the
        matched sample. ``FixedEffects(..., obs_weights="w").fit(panel.assign(w=matching.weights))`` drops
        these rows. It also has `balance`, `pairs`, `support` and `unmatched`. ``etable(matching)`` prints the
        balance and `plots.balance` plots it.

    Raises
    ------
    InputTypeError, ColumnError, TermError
        If `panel` is not a Panel, if a column does not exist or is not numeric, or if `treated` is not 0 or 1
        or is also in `x`.
    OptionError, PanelIndexError
        If `base` is not a period of the panel, or an option has a value that is not allowed.
    MissingDataError
        If `treated` has missing values.
    IdentificationError, CollinearityError
        If an entity is already treated in the base period, or if all entities or none are treated. If a term
        is constant, is a linear combination of others, or predicts the treatment perfectly. If the logit does
        not converge, or no treated entity has a match.

    Warns
    -----
    MissingDataWarning
        If entities have no base values. They are neither treated nor controls.
    IdentificationWarning
        If some treated entities have no match. Estimates are then for the matched ones.

    See Also
    --------
    FixedEffects : has the argument `obs_weights` for the weights.
    EventStudy : also has it.

    Notes
    -----
    A notice reports how many treated entities have several controls at the same distance. A matched treated
    entity has weight 1. A control has weight 1/m for each treated entity it is matched to, where m is the
    number of controls of this entity (Abadie & Imbens 2006, Econometrica 74:235).

    In `balance`, `std_diff` is the difference of the means, divided by the square root of the mean of the two
    variances. The variances before matching are used also after matching (Rosenbaum & Rubin 1985, American
    Statistician 39:33; ``pstest``). With one treated entity only the variance of the controls is used.
    `variance_ratio` is the variance of the treated divided by that of the controls.

    Standard errors of a model on the matched sample take the weights as given. They do not allow for
    estimated scores and the choice of controls. `Matching.att` has standard errors that do (Abadie & Imbens
    2006, 2016), for one outcome per entity. Matching balances
    only the base values of `x`, not variables that are not in `x`.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> rng = np.random.default_rng(4)
    >>> df = pd.DataFrame({"city": np.repeat(np.arange(120), 6), "year": np.tile(np.arange(2010, 2016), 120)})
    >>> size = rng.normal(size=120)
    >>> chosen = rng.uniform(size=120) < 0.15 + 0.3 * (size > 0)
    >>> df["size"] = size[df["city"]]
    >>> df["policy"] = (chosen[df["city"]] & (df["year"] >= 2013)) * 1.0
    >>> df["y"] = df["policy"] + 0.2 * df["size"] * (df["year"] - 2010) + rng.normal(size=720)
    >>> panel = dp.Panel(df, "city", "year")
    >>> matching = dp.match_entities(panel, "policy", ["size"], base=2012)
    >>> matching.balance[["term", "std_diff_before", "std_diff_after"]].round(2).values.tolist()
    [['size', 0.72, -0.01]]
    >>> spec = dp.FixedEffects("y", ["policy"])
    >>> matched = panel.assign(w=matching.weights).subset("w > 0")
    >>> fit = spec.replace(obs_weights="w").fit(matched)
    >>> round(float(spec.fit(panel).params["policy"]), 2), round(float(fit.params["policy"]), 2)
    (1.52, 1.02)
    """
    terms = _checked(panel, treated, x)
    k, limit, replace = _checked_options(k, caliper, replace)
    all_ties = _checked_ties(ties, support, replace=replace)
    base_data = base_values(panel, treated, terms, plain(base))
    names = base_data.sample.names_of("x")

    values, is_treated = base_data.x[base_data.complete], base_data.treated[base_data.complete]
    _refuse_one_group(base_data, treated)
    scores, coefficients = propensity(values, is_treated, names)
    supported = _on_support(scores, is_treated)

    matchable = is_treated & supported if support else is_treated
    pairs = nearest(scores[matchable], scores[~is_treated], k, limit, replace=replace, all_ties=all_ties)
    if not pairs.treated.size:
        raise _nobody_matched(limit, scores, is_treated)
    weights = _weights(pairs, matchable, is_treated)

    keys = table_of(panel).keys
    entities = keys.entities[base_data.complete]
    frame = _by_entity(entities, is_treated, scores, supported, weights)
    unmatched = _unmatched(frame, limit, support=support)
    balance = _balance(names, values, is_treated, weights)
    notices = matching_notices(base_data, keys, unmatched, balance, (pairs.ties, all_ties))
    issue(notices)
    return Matching(
        treated=treated,
        terms=terms,
        base=base_data.base,
        k=k,
        caliper=None if np.isinf(limit) else limit,
        replace=replace,
        common_support=bool(support),
        ties="all" if all_ties else "first",
        entities=frame,
        base_values=pd.DataFrame(values, index=entities, columns=list(names)),
        pairs=_named_pairs(pairs, entities[matchable], entities[~is_treated]),
        unmatched=unmatched,
        balance=balance,
        coefficients=pd.Series(coefficients, index=["Intercept", *names], name="coefficient"),
        weights=_by_row(panel, frame["weight"]),
        n_treated=int(is_treated.sum()),
        n_control=int((~is_treated).sum()),
        key_names=keys.names,
        labels=dict(base_data.sample.labels),
        factors=dict(base_data.sample.factors),
        diagnostics=notices,
    )


# --- what was asked for -------------------------------------------------------------------------------------


def _checked(panel: object, treated: str, x: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(panel, Panel):
        raise InputTypeError(
            f"match_entities takes a Panel, not {type(panel).__name__}: match_entities(Panel(df, entity=..., "
            "time=...), treated, x)."
        )
    one_term(treated, "treated")
    terms = as_terms(x, "x")
    if not terms:
        raise IdentificationError("match_entities: x is empty; specify at least one term to match on.")
    if canonical(treated) in map(canonical, terms):
        raise TermError(f"treated={cited(treated)} is also in x; a term can have one role only.")
    return terms


def _checked_options(k: object, caliper: object, replace: object) -> tuple[int, float, bool]:
    number = check_whole("k", k, 1, _MOST_NEIGHBOURS)
    check_option("replace", replace, (True, False))
    limit = plain(caliper)
    if limit is None:
        return number, np.inf, bool(replace)
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit <= 1:
        text = (
            f"caliper={cited(caliper)} must be a difference of probabilities, above 0 and at most 1, or None "
            "for no limit."
        )
        raise OptionError(text, [option_problem("caliper", caliper, what=text)])
    return number, float(limit), bool(replace)


def _checked_ties(ties: object, support: object, *, replace: bool) -> bool:
    """Check `ties` and `support`, and return whether all ties are matched."""
    check_option("support", support, (True, False))
    check_option("ties", ties, (None, "all", "first"))
    if ties == "all" and not replace:
        text = (
            "ties='all' needs replace=True: without replacement a control that one treated entity takes is "
            "not there for another. Omit ties, or set replace=True."
        )
        raise OptionError(text, [option_problem("ties", ties, (None, "first"), text)])
    return replace and ties != "first"


def _refuse_one_group(base_data: BaseValues, treated: str) -> None:
    is_treated = base_data.treated[base_data.complete]
    if is_treated.all() or not is_treated.any():
        group = "untreated" if is_treated.any() else "treated"
        text = (
            f"treated={cited(treated)}: no {group} entity has base values of all terms ({base_data.base}). "
            "Choose another base or fewer terms."
        )
        data = {"treated": int(is_treated.sum()), "entities": is_treated.size}
        raise IdentificationError(text, [Notice("one_group", text, data)])


# --- what came out ------------------------------------------------------------------------------------------


def _on_support(scores: Floats, treated: Bools) -> Bools:
    """Return which entities have scores in the range of the other group."""
    low_c, high_c = scores[~treated].min(), scores[~treated].max()
    low_t, high_t = scores[treated].min(), scores[treated].max()
    low, high = np.where(treated, low_c, low_t), np.where(treated, high_c, high_t)
    return np.asarray((scores >= low) & (scores <= high))


def _nobody_matched(limit: float, scores: Floats, treated: Bools) -> IdentificationError:
    smallest = float(np.abs(scores[treated][:, None] - scores[~treated][None, :]).min())
    text = (
        f"no treated entity has a control within caliper={limit:g}; the smallest distance is {smallest:.4g}. "
        "Use a larger caliper, or other terms in x."
    )
    data = {"caliper": limit, "smallest": smallest}
    return IdentificationError(text, [Notice("nobody_matched", text, data)])


def _weights(pairs: Pairs, matchable: Bools, treated: Bools) -> Floats:
    treated_weights, control_weights = pair_weights(pairs, int(matchable.sum()), int((~treated).sum()))
    weights = np.zeros(treated.size)
    weights[matchable], weights[~treated] = treated_weights, control_weights
    return weights


def _by_entity(
    entities: pd.Index[Any], treated: Bools, scores: Floats, supported: Bools, weights: Floats
) -> pd.DataFrame:
    columns = {"treated": treated, "score": scores, "on_support": supported}
    frame = pd.DataFrame(columns, index=entities)
    return frame.assign(weight=np.where(weights > 0, weights, np.nan))


def _named_pairs(pairs: Pairs, treated: pd.Index[Any], controls: pd.Index[Any]) -> pd.DataFrame:
    named = {"treated": treated[pairs.treated], "control": controls[pairs.control]}
    return pd.DataFrame({**named, "distance": pairs.distance})


def _unmatched(frame: pd.DataFrame, limit: float, *, support: bool) -> pd.DataFrame:
    """List the treated entities without a match, with the reason."""
    unmatched = frame[frame["treated"] & frame["weight"].isna()]
    controls = frame.loc[~frame["treated"], "score"].to_numpy()
    reasons = [
        _reason(bool(supported or not support), float(np.abs(controls - score).min()), limit)
        for supported, score in zip(unmatched["on_support"], unmatched["score"], strict=True)
    ]
    return pd.DataFrame(
        {"treated": unmatched.index, "score": unmatched["score"].to_numpy(), "reason": reasons}
    )


def _reason(supported: bool, distance: float, limit: float) -> str:  # noqa: FBT001
    if not supported:
        return "support"
    return "used" if distance <= limit else "caliper"


def _balance(names: Sequence[str], x: Floats, treated: Bools, weights: Floats) -> pd.DataFrame:
    before = matched_moments(x, treated, np.ones(len(x)))
    after = matched_moments(x, treated, weights)
    # A group of one has no variance: that of the other stands for both.
    spread = np.sqrt(np.nanmean([before.variance_treated, before.variance_control], axis=0))
    columns: dict[str, Any] = {"term": list(names)}
    for when, moments in (("before", before), ("after", after)):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = moments.variance_treated / moments.variance_control
            difference = (moments.treated - moments.control) / spread
        columns[f"mean_treated_{when}"] = moments.treated
        columns[f"mean_control_{when}"] = moments.control
        columns[f"std_diff_{when}"] = difference
        columns[f"variance_ratio_{when}"] = ratio
    return pd.DataFrame(columns)


def _by_row(panel: Panel, weight: pd.Series[float]) -> pd.Series[float]:
    keys = table_of(panel).keys
    by_entity = weight.reindex(keys.entities).to_numpy()
    return pd.Series(by_entity[keys.entity], index=panel.index, name="match_weight")
