"""Matching of entities by propensity scores, and entropy balancing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_option,
    check_real,
    check_whole,
    missing_problem,
    not_identified,
    one_problem,
    option_error,
    plain,
    several,
)
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    PanelIndexError,
    TermError,
    cited,
    issue,
    quoted,
    verb_for,
)
from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.least_squares import dependences
from digiprosper.kernels.reweighted import LOGIT, reweighted_least_squares
from digiprosper.kernels.separation import predicted_rows
from digiprosper.kernels.tolerances import CONSTANT, SAME_MEAN
from digiprosper.linear.estimation import collinear_problem
from digiprosper.linear.preparation import refuse_extreme
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel, refuse_numbered_rows, table_of
from digiprosper.panel.describe import labelled
from digiprosper.panel.grammar import backticked
from digiprosper.panel.keys import Keys
from digiprosper.panel.table import Table
from digiprosper.panel.terms import canonical
from digiprosper.panel.treatment import entities_text
from digiprosper.policy import notices
from digiprosper.policy.kernels.matching import (
    balanced_columns,
    entropy_weights,
    nearest,
    pair_weights,
    weighted_moments,
)
from digiprosper.policy.matching_results import MOST_NEIGHBOURS, Matching
from digiprosper.specification import as_terms, one_term

_OPTIONS = {
    "propensity": ("k", "caliper", "replace", "support", "ties"),
    "entropy": ("moments", "base_weights"),
}


def match_entities(  # noqa: PLR0913
    panel: Panel,
    treated: str,
    x: Sequence[str],
    *,
    base: Literal["first", "pre"] | Any = "first",
    method: Literal["propensity", "entropy"] = "propensity",
    k: int = 1,
    caliper: float | None = 0.05,
    replace: bool = True,
    support: bool = True,
    ties: Literal["all", "first"] | None = None,
    moments: Literal[1, 2] = 1,
    base_weights: str | None = None,
) -> Matching:
    """Match treated entities to untreated ones that were alike before treatment.

    With ``method="propensity"`` each treated entity is matched to the `k` untreated
    entities with the nearest propensity scores. The score is the probability that an
    entity is ever treated, given its values before treatment (base values). It is
    estimated by a logit with one row per entity. With ``method="entropy"`` all controls
    get weights, so that their mean base values are exactly those of the treated.

    Entities are matched, not rows: an entity has the same weight in all its rows. If
    the rows of a panel are pooled and matched, a treated entity is compared with other
    controls in each year, or with rows after the treatment, and a difference in
    differences also contains this change.

    Parameters
    ----------
    panel : Panel
        The data. It may be a cross-section.
    treated : str
        A dummy. An entity is treated if it is 1 in any row. The dummy may change from 0
        to 1 with the treatment, or be constant in each entity.
    x : sequence of str
        Terms of the logit: columns or terms, as in `FixedEffects`.
    base : {"first", "pre"} or period
        Period of the base values. ``"first"`` (default) is the first row of each
        entity. ``"pre"`` is the mean over all periods before any entity is treated. A
        period, such as 2010, is this period. Base values must be from before the
        treatment; this is checked if the dummy changes from 0 to 1.
    method : {"propensity", "entropy"}
        ``"propensity"`` (default) matches the nearest propensity scores; `k`,
        `caliper`, `replace`, `support` and `ties` are its options. ``"entropy"`` is
        entropy balancing (Hainmueller 2012); `moments` and `base_weights` are its
        options. Of all weights with which the controls have the means of the treated,
        it takes those nearest to equal weights.
    k : int
        Number of controls for each treated entity, 1 by default. It is smaller if fewer
        are within the caliper.
    caliper : float or None
        Largest difference of the propensity scores of a match, as in ``psmatch2``. The
        default is .05; None is no limit.
    replace : bool
        Whether a control can be matched to several treated entities. The default is
        True. With False, treated entities are matched in the order of their scores,
        from the largest, with one control in each round. Among equal scores, the first
        in the order of entities is matched first.
    support : bool
        Whether treated entities outside the common support, the range of the scores of
        the controls, are left out, as with ``psmatch2, common``. The default is True.
        With False they are matched to the nearest controls too, as in R's MatchIt and
        Stata's ``teffects psmatch``.
    ties : {"all", "first"}, optional
        Which controls are matched if several have the same distance as the `k`-th
        nearest one. ``"all"`` (default with replacement) takes all of them, with equal
        shares, as in Abadie & Imbens (2006), Stata's ``teffects psmatch`` and R's
        Matching: the matches do not depend on the order of entities. ``"first"`` takes
        the first in the order of entities; without replacement this is the only way.
    moments : {1, 2}
        Which moments are balanced: the means (1, default), or the means and variances
        (2). A dummy has no variance of its own.
    base_weights : str, optional
        Column of positive weights of the controls, such as population, to which the
        weights are near. By default they are near to equal weights. Treated entities
        have equal weights.

    Returns
    -------
    Matching
        Its `weights` has one weight per row of the panel, which is missing for entities
        that are not in the matched sample.
        ``FixedEffects(..., obs_weights="w").fit(panel.assign(w=matching.weights))``
        drops these rows. It also has `balance`, `pairs`, `support` and `unmatched`.
        ``etable(matching)`` prints the balance and `plots.balance` plots it.

    Raises
    ------
    InputTypeError, ColumnError, TermError
        If `panel` is not a Panel, if a column does not exist or is not numeric, or if
        `treated` is not 0 or 1 or is also in `x`.
    OptionError, PanelIndexError
        If `base` is not a period of the panel, or an option has a value that is not
        allowed.
    MissingDataError
        If `treated` has missing values.
    IdentificationError, CollinearityError
        If an entity is already treated in the base period, or if all entities or none
        are treated. If a term is constant, is a linear combination of others, or
        predicts the treatment perfectly. If the logit does not converge, or no treated
        entity has a match. With ``"entropy"``, if no weights balance the means, because
        the treated mean is outside the values of the controls; the term is named.

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
    A notice reports how many treated entities have several controls at the same
    distance. A matched treated entity has weight 1. A control has weight 1/m for each
    treated entity it is matched to, where m is the number of controls of this entity
    (Abadie & Imbens 2006, Econometrica 74:235).

    Entropy weights minimise ``sum w log(w / q)``, where q are the base weights, under
    the condition that weighted means of the controls are the means of the treated
    (Hainmueller 2012, Political Analysis 20:25). They are proportional to ``q
    exp(x'b)`` and add up to the number of treated entities. A regression with these
    weights has the same estimate with and without `x` as controls. Look at
    `Matching.effective_controls` and the largest weight: if the groups differ much, few
    controls have most of the weight.

    In `balance`, `std_diff` is the difference of the means, divided by the square root
    of the mean of the two variances. The variances before matching are used also after
    matching (Rosenbaum & Rubin 1985, American Statistician 39:33; ``pstest``). With one
    treated entity only the variance of the controls is used. `variance_ratio` is the
    variance of the treated divided by that of the controls, after matching with their
    weights, as Stata's aweights.

    Standard errors of a model on the matched sample take the weights as given. They do
    not allow for estimated scores and the choice of controls. `Matching.att` has
    standard errors that do (Abadie & Imbens 2006, 2016), for one outcome per entity.
    Matching balances only the base values of `x`, not variables that are not in `x`.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> rng = np.random.default_rng(4)
    >>> df = pd.DataFrame(
    ...     {
    ...         "city": np.repeat(np.arange(120), 6),
    ...         "year": np.tile(np.arange(2010, 2016), 120),
    ...     }
    ... )
    >>> size = rng.normal(size=120)
    >>> chosen = rng.uniform(size=120) < 0.15 + 0.3 * (size > 0)
    >>> df["size"] = size[df["city"]]
    >>> df["policy"] = (chosen[df["city"]] & (df["year"] >= 2013)) * 1.0
    >>> df["y"] = (
    ...     df["policy"] + 0.2 * df["size"] * (df["year"] - 2010) + rng.normal(size=720)
    ... )
    >>> panel = dp.Panel(df, "city", "year")
    >>> matching = dp.match_entities(panel, "policy", ["size"], base=2012)
    >>> matching.balance[["term", "std_diff_before", "std_diff_after"]].round(
    ...     2
    ... ).values.tolist()
    [['size', 0.72, -0.01]]
    >>> spec = dp.FixedEffects("y", ["policy"])
    >>> matched = panel.assign(w=matching.weights).subset("w > 0")
    >>> fit = spec.replace(obs_weights="w").fit(matched)
    >>> (
    ...     round(float(spec.fit(panel).params["policy"]), 2),
    ...     round(float(fit.params["policy"]), 2),
    ... )
    (1.52, 1.02)
    """
    check_panel(panel, "match_entities")
    terms = _check_terms(treated, x, base_weights)
    options = _check_options(
        method,
        k=k,
        caliper=caliper,
        replace=replace,
        support=support,
        ties=ties,
        moments=moments,
        base_weights=base_weights,
    )
    keys = table_of(panel).keys
    base_terms = terms if base_weights is None else (*terms, base_weights)
    base_data = base_values(panel, treated, base_terms, plain(base))
    values = pd.DataFrame(
        base_data.x[base_data.complete],
        index=keys.entities[base_data.complete],
        columns=list(base_data.sample.names_of("x")),
    )
    is_treated = base_data.treated[base_data.complete]
    frame = pd.DataFrame({"treated": is_treated}, index=values.index)
    if method == "propensity":
        fields, of_matches = _match_scores(frame, values, options, keys.entity_name)
    else:
        base_weight = np.ones(len(values))
        if base_weights is not None:
            base_weight = values.pop(values.columns[-1]).to_numpy()
        frame["weight"] = _balance_weights(values, is_treated, base_weight, moments)
        fields, of_matches = {"method": method, "moments": options["moments"]}, []
    balance = _balance_table(values, is_treated, frame["weight"].fillna(0).to_numpy())
    n_treated = int(is_treated.sum())
    diagnostics = (
        *notices.base_value_notices(keys, base_data),
        *of_matches,
        *notices.still_unbalanced(balance),
    )
    issue(diagnostics)
    by_entity = frame["weight"].reindex(keys.entities).to_numpy()
    return Matching(
        treated=treated,
        terms=terms,
        base=base_data.base,
        entities=frame,
        base_values=values,
        balance=labelled(table_of(panel), balance, terms),
        weights=pd.Series(
            by_entity[keys.entity], index=panel.index, name="match_weight"
        ),
        n_treated=n_treated,
        n_control=is_treated.size - n_treated,
        key_names=keys.names,
        labels=dict(base_data.sample.labels),
        factors=dict(base_data.sample.factors),
        diagnostics=diagnostics,
        **fields,
    )


# --- the options ----------------------------------------------------------------------


def _check_terms(
    treated: str, x: Sequence[str], base_weights: str | None
) -> tuple[str, ...]:
    one_term(treated, "treated")
    terms = as_terms(x, "x")
    if not terms:
        raise IdentificationError(
            "match_entities: x is empty; specify at least one term to match on."
        )
    roles = {"treated": treated}
    if base_weights is not None:
        roles["base_weights"] = one_term(base_weights, "base_weights")
    for role, term in roles.items():
        if canonical(term) in map(canonical, terms):
            raise TermError(
                f"{role}={cited(term)} is also in x; a term can have one role only."
            )
    return terms


def _check_options(method: object, **options: Any) -> dict[str, Any]:
    """Check and return the options of a method; refuse those of the other one."""
    check_option("method", method, tuple(_OPTIONS))
    defaults: Any = match_entities.__kwdefaults__
    for other, names in _OPTIONS.items():
        for name in names if other != method else ():
            value = options[name]
            if type(value) is not type(defaults[name]) or value != defaults[name]:
                text = f"{name}={cited(value)} is an option of method={other!r} only."
                raise option_error(name, value, text)
    check_option("moments", options["moments"], (1, 2))
    check_whole("k", options["k"], 1, MOST_NEIGHBOURS)
    check_option("replace", options["replace"], (True, False))
    caliper, ties = options["caliper"], options["ties"]
    if caliper is not None:
        kind = (
            "a difference of probabilities, above 0 and at most 1, or None for no limit"
        )
        check_real("caliper", caliper, lambda most: 0 < most <= 1, kind)
    check_option("support", options["support"], (True, False))
    check_option("ties", ties, (None, "all", "first"))
    if ties == "all" and not options["replace"]:
        text = (
            "ties='all' needs replace=True: without replacement a control that one "
            "treated entity takes is not there for another. Omit ties, or set "
            "replace=True."
        )
        raise option_error("ties", ties, text, (None, "first"))
    return {name: plain(value) for name, value in options.items()}


# --- base values: one row per entity --------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class BaseValues:
    """Base values of the entities of a panel, and which entities are treated."""

    x: Floats  # (n, p) by entity; missing where a value or the base row is missing
    treated: Bools  # (n,) entities that are ever treated
    complete: Bools  # (n,) entities with all values
    sample: Sample  # rows without missing values, with names and labels of the columns
    base: str  # period of the base values, in words
    periods: dict[Any, int]  # with base="first", number of entities by first period
    missing: dict[str, int]  # number of entities without a base value, by term


def base_values(
    panel: Panel, treated: str, terms: Sequence[str], base: object
) -> BaseValues:
    """Return which entities are treated, and the base values of all entities.

    `base` is ``"first"``, ``"pre"`` or a period. Base values from after the start of
    treatment are refused, if `treated` changes over time. Lags in `terms` are computed
    from the whole panel.
    """
    refuse_numbered_rows(panel, "match_entities")
    table = table_of(panel)
    keys = table.keys
    dummy = _read_treatment(table, treated)
    ever = np.bincount(keys.entity, weights=dummy, minlength=keys.entities.size) > 0
    if ever.all() or not ever.any():
        text = (
            f"treated={cited(treated)}: {'every' if ever.any() else 'no'} "
            f"{keys.entity_name} is treated, so none can be matched."
        )
        raise not_identified(
            "one_group", text, treated=int(ever.sum()), entities=ever.size
        )
    rows, words = _base_rows(table, treated, base, dummy)
    periods = {}
    if isinstance(base, str) and base == "first" and keys.time_name is not None:
        codes, sizes = np.unique(keys.time[rows], return_counts=True)
        periods = dict(zip(keys.times[codes], sizes.tolist(), strict=True))

    sample = panel.sample({"x": terms})
    positions = panel.index.get_indexer(sample.index)
    is_base = rows[positions]
    by_entity = pd.DataFrame(sample.columns("x")[is_base]).groupby(
        keys.entity[positions[is_base]]
    )
    x = by_entity.mean().reindex(range(keys.entities.size)).to_numpy()
    complete = ~np.isnan(x).any(axis=1)
    n_treated = int(ever[complete].sum())
    if n_treated in (0, complete.sum()):
        group = "untreated" if n_treated else "treated"
        text = (
            f"treated={cited(treated)}: no {group} entity has base values of all terms "
            f"({words}). Choose another base or fewer terms."
        )
        entities = int(complete.sum())
        raise not_identified("one_group", text, treated=n_treated, entities=entities)
    return BaseValues(
        x=x,
        treated=ever,
        complete=complete,
        sample=sample,
        base=words,
        periods=periods,
        missing={} if complete.all() else _count_missing(panel, terms, rows),
    )


def _read_treatment(table: Table, column: str) -> Floats:
    if column in table.keys.names:
        raise TermError(
            f"treated={cited(column)} is a key of the panel; specify a "
            "column of 0 and 1."
        )
    values = table.numeric(column)
    absent = np.isnan(values)
    other_values = np.unique(values[~absent & ~np.isin(values, (0.0, 1.0))])[:5]
    name = backticked(column)
    advice = (
        "From a column of first treated times make one that is 1 from that time on: "
        f"panel.assign(on='treated({name})')."
    )
    times = getattr(table.keys.times, "year", table.keys.times)
    if other_values.size and not times.isin(other_values).any():
        cut = f"{np.nanmedian(values):.3g}"
        advice = (
            "From amounts or shares make one that is 1 above a value that you choose: "
            f"panel.assign(on='I({name} > {cut})')."
        )
    if absent.any():
        cure = f". {advice}" if other_values.size else ": fill it in."
        raise MissingDataError(
            f"treated={cited(column)} is missing in "
            f"{table.describe_rows(absent)}{cure}",
            [missing_problem(column, int(absent.sum()), table.keys.index[absent][:5])],
        )
    if other_values.size:
        shown = ", ".join(f"{v:.6g}" for v in other_values)
        text = f"treated={cited(column)} must be 0 or 1, and has {shown}. {advice}"
        raise one_problem(
            InputTypeError, "not_binary", text, column=column, values=[*other_values]
        )
    return values


def _base_rows(
    table: Table, treated: str, base: object, dummy: Floats
) -> tuple[Bools, str]:
    """Return the rows of base values, and their period; refuse treated rows."""
    keys = table.keys
    # The first treated period of each entity, if the dummy changes over time; T if
    # never treated.
    start = np.full(keys.entities.size, keys.times.size)
    changes = keys.vary(dummy).any()
    if changes:
        np.minimum.at(start, keys.entity[dummy > 0], keys.time[dummy > 0])
    entity, time = keys.entity_name, keys.time_name
    if isinstance(base, str) and base == "first":
        rows = np.diff(keys.entity, prepend=-1) > 0
        words = "the only row" if time is None else f"the first {time} of each {entity}"
    elif time is None:
        raise PanelIndexError(
            f"base={cited(base)}: this is a cross-section without periods; omit base, "
            "or set base='first'."
        )
    elif isinstance(base, str) and base == "pre":
        if not changes:
            text = (
                "base='pre' needs a column that is 0 before treatment and 1 from then "
                f"on; treated has one value per {entity}, so the first treated period "
                "is not known. Name a period."
            )
            raise option_error("base", base, text)
        rows = keys.time < start.min()
        words = f"means over {time} before {keys.times[start.min()]}"
    else:
        period = _read_period(keys, base)
        rows, words = keys.time == period, f"{time} {keys.times[period]}"
    names = keys.entities[
        np.unique(keys.entity[rows & (keys.time >= start[keys.entity])])
    ].tolist()
    if names:
        text = (
            f"base={cited(base)}: {entities_text(keys, names)} "
            f"{verb_for(len(names), 'is')} already treated "
            f"then (treated={cited(treated)}), and matching on values that treatment "
            "may have changed removes part of its effect. Choose a base before the "
            "first treated period, or drop them with panel.subset."
        )
        raise not_identified("base_treated", text, base=base, entities=names)
    return rows, words


def _read_period(keys: Keys, base: Any) -> int:
    equal = (
        np.asarray(keys.times == base) if pd.api.types.is_scalar(base) else np.zeros(0)
    )
    if np.count_nonzero(equal) != 1:
        text = (
            f"base={cited(base)} must be 'first', 'pre' or a period of the panel "
            f"({keys.time_name} from {keys.times[0]} to {keys.times[-1]}). Entities "
            "are matched once, on one base: matching anew in every period would change "
            "the controls from period to period."
        )
        raise option_error("base", base, text)
    return int(np.argmax(equal))


def _count_missing(panel: Panel, terms: Sequence[str], rows: Bools) -> dict[str, int]:
    """Count entities without a base value, by term."""
    keys = table_of(panel).keys
    counts = {}
    for term in terms:
        has_value = panel.index.isin(panel.sample({"x": [term]}).index)
        counts[term] = (
            keys.entities.size - np.unique(keys.entity[rows & has_value]).size
        )
    return {term: count for term, count in counts.items() if count}


# --- the logit ------------------------------------------------------------------------


def propensity(
    x: Floats, treated: Bools, names: Sequence[str]
) -> tuple[Floats, Floats]:
    """Estimate a logit on `x` (N, p): probabilities (N,), coefficients (1 + p,)."""
    from scipy.special import expit

    centre, scale = _centre_and_scale(x, names)
    scaled = (x - centre) / scale
    design = np.column_stack([np.ones(len(x)), scaled])
    if len(design) <= design.shape[1]:
        text = (
            f"a logit with {len(names)} terms and an intercept needs more than "
            f"{design.shape[1]} entities with base values, and there are "
            f"{len(design)}. Use fewer terms in x."
        )
        raise not_identified(
            "few_entities", text, entities=len(design), terms=tuple(names)
        )
    _refuse_separated(design, treated, names)

    logit = reweighted_least_squares(treated.astype(np.float64), scaled, (), LOGIT)
    constant = (logit.index - scaled @ logit.coefficients).mean()
    slopes = logit.coefficients / scale
    # From the values again, so that entities with the same values have the same score.
    scores = expit(design @ [constant, *logit.coefficients])
    return scores, np.array([constant - slopes @ centre, *slopes])


def _centre_and_scale(x: Floats, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Return centre and scale of each column; refuse constant and collinear columns."""
    refuse_extreme(x, names)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    flat = scale <= CONSTANT * np.abs(x).max(axis=0)
    if flat.any():
        constant = [name for name, is_flat in zip(names, flat, strict=True) if is_flat]
        problems = [
            Notice("constant", f"{cited(name)} is constant", {"column": name})
            for name in constant
        ]
        raise IdentificationError(
            f"x: {several(problems)} in the base values of the entities, so it cannot "
            "explain who is treated. Omit it.",
            problems,
        )
    dependent = [
        collinear_problem(names[column], [names[position] for position in earlier])
        for column, earlier in dependences((x - centre) / scale).items()
    ]
    if dependent:
        raise CollinearityError(
            f"x: {several(dependent)} in the base values. Omit one of them.", dependent
        )
    return centre, scale


def _refuse_separated(design: Floats, treated: Bools, names: Sequence[str]) -> None:
    if not is_separated(design, treated):
        return
    separating = [
        name
        for position, name in enumerate(names, start=1)
        if is_separated(design[:, [0, position]], treated)
    ]
    subject = quoted(separating) if separating else f"a combination of {quoted(names)}"
    text = (
        f"{subject} separates treated entities from the others: on one side of some "
        "value all are treated, or none is. A logit has no estimate then, and there "
        "are no controls with comparable values. Omit the term, or compare other "
        "entities."
    )
    raise not_identified("separated", text, terms=tuple(separating or names))


def is_separated(x: Floats, treated: Bools) -> bool:
    """Return whether columns separate two groups, so that a logit has no estimate."""
    one_level = np.zeros(len(x), dtype=np.intp)
    return bool(predicted_rows(treated.astype(np.float64), x, [one_level]).any())


# --- weights by entity ----------------------------------------------------------------


def _match_scores(
    frame: pd.DataFrame, values: pd.DataFrame, options: dict[str, Any], entity: str
) -> tuple[dict[str, Any], list[Notice]]:
    """Match nearest scores of base values; return fields of `Matching` and notices."""
    treated, names = frame["treated"].to_numpy(), list(values.columns)
    scores, coefficients = propensity(values.to_numpy(), treated, names)
    k, caliper, support = options["k"], options["caliper"], options["support"]
    limit = np.inf if caliper is None else float(caliper)
    groups = [scores[treated], scores[~treated]]
    supported = scores >= max(map(np.min, groups))
    supported &= scores <= min(map(np.max, groups))
    replace = options["replace"]
    ties = "all" if replace and options["ties"] != "first" else "first"
    candidates = treated & supported if support else treated
    score_t, score_c = scores[candidates], scores[~treated]
    units_t, units_c, n_tied = nearest(
        score_t, score_c, k, limit, replace=replace, all_ties=ties == "all"
    )
    if not units_t.size:
        smallest = float(np.abs(scores[treated][:, None] - score_c).min())
        text = (
            f"no treated entity has a control within caliper={limit:g}; the smallest "
            f"distance is {smallest:.4g}. Use a larger caliper, or other terms in x."
        )
        raise not_identified("nobody_matched", text, caliper=limit, smallest=smallest)
    rows_t = np.flatnonzero(candidates)[units_t]
    rows_c = np.flatnonzero(~treated)[units_c]
    weights = pair_weights(rows_t, rows_c, treated.size)
    frame["score"], frame["on_support"] = scores, supported
    frame["weight"] = np.where(weights > 0, weights, np.nan)
    unmatched = _unmatched_table(frame, limit, support=support)
    fields = {
        "k": k,
        "caliper": None if caliper is None else limit,
        "replace": replace,
        "common_support": support,
        "ties": ties,
        "pairs": pd.DataFrame(
            {
                "treated": frame.index[rows_t],
                "control": frame.index[rows_c],
                "distance": np.abs(scores[rows_t] - scores[rows_c]),
            }
        ),
        "unmatched": unmatched,
        "coefficients": pd.Series(
            coefficients, index=["Intercept", *names], name="coefficient"
        ),
    }
    return fields, [
        *notices.unmatched_treated(unmatched, int(treated.sum()), entity),
        *notices.tied_scores(n_tied, ties, entity),
    ]


def _balance_weights(
    values: pd.DataFrame, treated: Bools, base_weight: Floats, moments: int
) -> Floats:
    """Return entropy weights that balance moments; `base_weight` is for controls."""
    x, names = values.to_numpy(), list(values.columns)
    _centre_and_scale(x, names)
    columns, squared = balanced_columns(x, moments)
    terms = [*names, *(f"{names[j]} ** 2" for j in squared)]
    _centre_and_scale(columns, terms)
    base = base_weight[~treated]
    if (base <= 0).any():
        wrong = values.index[~treated][base <= 0].tolist()
        text = f"base_weights must be above 0, and is not for {quoted(wrong)}."
        raise one_problem(InputTypeError, "not_positive", text, entities=wrong[:5])
    base = base / base.sum()
    weights = np.ones(treated.size)
    balancing = entropy_weights(columns, treated, base)
    if balancing is None:
        raise _no_weights_error(columns, treated, base, terms)
    weights[~treated] = balancing * treated.sum()
    return np.where(weights == 0, np.nan, weights)


def _no_weights_error(
    columns: Floats, treated: Bools, base: Floats, terms: Sequence[str]
) -> IdentificationError:
    """Return the error that no weights balance the terms, with the terms at fault."""
    target, controls = columns[treated].mean(axis=0), columns[~treated]
    outside = (target <= controls.min(axis=0)) | (target >= controls.max(axis=0))
    at_fault = [term for term, is_out in zip(terms, outside, strict=True) if is_out]
    where = "not inside the range of the controls"
    if not at_fault:
        where = "together where no controls are"
        at_fault = [
            term
            for j, term in enumerate(terms if len(terms) > 1 else ())
            if entropy_weights(np.delete(columns, j, axis=1), treated, base) is not None
        ]
    at_fault = at_fault or list(terms)
    text = (
        f"no weights balance {quoted(at_fault)}: the means of the treated entities are "
        f"{where}. Omit such a term, or leave out the treated entities that have no "
        "comparable controls (panel.subset)."
    )
    return not_identified("not_balanced", text, terms=tuple(at_fault))


# --- results --------------------------------------------------------------------------


def _unmatched_table(
    frame: pd.DataFrame, limit: float, *, support: bool
) -> pd.DataFrame:
    """List the treated entities without a match, with the reason."""
    unmatched = frame[frame["treated"] & frame["weight"].isna()]
    controls = frame.loc[~frame["treated"], "score"].to_numpy()
    scores = unmatched["score"].to_numpy()
    distance = np.array([np.abs(controls - score).min() for score in scores])
    reasons = np.where(distance <= limit, "used", "caliper").astype(object)
    if support:
        reasons[~unmatched["on_support"].to_numpy()] = "support"
    return pd.DataFrame(
        {"treated": unmatched.index, "score": scores, "reason": reasons}
    )


def _balance_table(
    values: pd.DataFrame, treated: Bools, weights: Floats
) -> pd.DataFrame:
    columns: dict[str, Any] = {"term": list(values.columns)}
    x = values.to_numpy()
    spread = None
    for when, used in (("before", np.ones(len(x))), ("after", weights)):
        mean_t, variance_t = weighted_moments(x[treated], used[treated])
        mean_c, variance_c = weighted_moments(x[~treated], used[~treated])
        if spread is None:
            # A group of one has no variance: use that of the other group.
            spread = np.sqrt(np.nanmean([variance_t, variance_c], axis=0))
        columns[f"mean_treated_{when}"] = mean_t
        columns[f"mean_control_{when}"] = mean_c
        with np.errstate(divide="ignore", invalid="ignore"):
            difference = (mean_t - mean_c) / spread
            rounding = np.abs(difference) <= SAME_MEAN
            columns[f"std_diff_{when}"] = np.where(rounding, 0.0, difference)
            columns[f"variance_ratio_{when}"] = variance_t / variance_c
    return pd.DataFrame(columns)
