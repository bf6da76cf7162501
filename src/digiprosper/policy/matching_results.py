"""Results of matching: weights, matches and balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from digiprosper._version import __version__
from digiprosper.checks import (
    alignment_problem,
    check_whole,
    missing_problem,
    not_identified,
    option_error,
)
from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    MissingDataError,
    Notice,
    number_text,
    quoted,
)
from digiprosper.kernels import Floats
from digiprosper.policy.kernels.matching import (
    average_effect,
    balanced_columns,
    balanced_effect,
    score_correction,
    whitened,
)
from digiprosper.policy.notices import few_matched, reasons_text, scores_given
from digiprosper.policy.words import WORDS
from digiprosper.report.columns import (
    Column,
    PlainCell,
    Remark,
    remark_text,
    result_column,
)
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import empty_glance
from digiprosper.report.results import LinearCombination
from digiprosper.report.summary import (
    Cells,
    Lines,
    Remarks,
    Summarised,
    Summary,
    coefficient_cells,
)
from digiprosper.report.terms import Factors, Term
from digiprosper.report.words import Words

MOST_NEIGHBOURS = 1000
# Columns of the balance, before and after matching
_BALANCE_HEADS = {
    "mean_treated": "Treated",
    "mean_control": "Controls",
    "std_diff": "Std. diff.",
    "variance_ratio": "Var. ratio",
}
NO_PAIRS = pd.DataFrame(columns=["treated", "control", "distance"])
NOBODY = pd.DataFrame(columns=["treated", "score", "reason"])


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class MatchedEffect(LinearCombination):
    """Average effect on the matched treated entities, made by `Matching.att`.

    It has the methods of `LinearCombination`, and can be a column of `etable`.

    Parameters
    ----------
    estimated_scores : bool
        Whether the standard error allows for the estimation of the propensity scores,
        or of entropy weights.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> frame = pd.DataFrame({"city": range(80), "size": np.arange(80) // 2})
    >>> frame["policy"] = 1.0 * (frame["city"] % 4 == 1)
    >>> matching = dp.match_entities(dp.Panel(frame, "city"), "policy", ["size"])
    >>> effect = matching.att(pd.Series(1.0 * (frame["city"] % 2)))
    >>> effect.estimate
    1.0
    """

    words: ClassVar[Words] = WORDS
    _same_conventions: ClassVar[bool] = True

    estimated_scores: bool

    @property
    def terms(self) -> tuple[Term, ...]:
        """Description of the effect."""
        return (Term(self.expression, family="att_matched", kind="att_matched"),)

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, with a note on the standard error.

        Parameters
        ----------
        level : float
            Confidence level of the interval, .95 by default.

        Returns
        -------
        tuple of Column
            One.
        """
        code = "scores.estimated" if self.estimated_scores else "scores.given"
        if self.inference.cov_type == "hc2":
            code = "scores.balanced"
        remark = Remark(code, {})
        column = result_column(self, level)
        return (replace(column, remarks=(remark,), absorbs=False),)

    def _summary(self) -> Summary:
        symbol = "z" if np.isinf(self.df) else "t"
        cells = coefficient_cells(self.tidy(), symbol)
        return self._titled(
            "Average effect on matched treated entities, outcome: "
            f"{self.fit_glance['depvar']}",
            cells,
            Remarks.of(self.diagnostics),
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Matching(Summarised):
    """Matched sample with weights and balance, made by `match_entities`.

    Pass `weights` to a specification to estimate an effect, as the example of
    `match_entities` does. `att` is the average effect on an outcome with one value per
    entity.

    Parameters
    ----------
    treated : str
        Column of the treatment dummy.
    terms : tuple of str
        Terms of the propensity score.
    base : str
        Period of the base values, as text.
    k : int
        Number of controls for each treated entity. With entropy balancing this and the
        next four are None.
    caliper : float or None
        Largest difference of the propensity scores, or None.
    replace : bool
        Whether a control can be matched to several treated entities.
    common_support : bool
        Whether treated entities outside the range of the scores of the controls were
        left out.
    ties : str
        Which of the controls at the same distance are matched, ``"all"`` or the
        ``"first"``.
    entities : DataFrame
        One row per entity with base values. Columns are treated (bool), score
        (propensity score), on_support (bool) and weight (missing if the entity is not
        in the matched sample). With entropy balancing there are no scores.
    base_values : DataFrame
        Base values: one row per entity, one column per column of the logit.
    pairs : DataFrame
        Matches, the nearest first. Columns are treated and control (entities) and
        distance (of their scores).
    unmatched : DataFrame
        Treated entities without a match. Columns are treated, score and reason:
        ``"support"``, ``"caliper"``, or ``"used"`` if all controls are matched to other
        treated entities.
    balance : DataFrame
        One row per column of the logit: term, and mean_treated, mean_control, std_diff
        and variance_ratio, each with ``_before`` and ``_after`` for before and after
        matching.
    coefficients : Series or None
        Coefficients of the logit: the intercept, then its columns. None with entropy
        balancing.
    weights : Series
        Weight of each row of the panel, with the name ``"match_weight"``. It is missing
        for entities that are not in the matched sample.
    n_treated, n_control : int
        Numbers of treated and untreated entities with base values.
    key_names : tuple of str
        Names of the entity key and the time key.
    labels, factors : mapping
        Labels of columns, and factors of each term.
    diagnostics : tuple of Notice
        Remarks about the data and the matching.
    method : str
        ``"propensity"`` or ``"entropy"``.
    moments : int or None
        With entropy balancing, 1 if means are balanced, and 2 if variances are too.
    version : str
        Version of digiprosper that matched the entities.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> frame = pd.DataFrame(
    ...     {"city": np.repeat(range(40), 2), "year": np.tile([2010, 2011], 40)}
    ... )
    >>> frame["size"] = frame["city"] // 2
    >>> frame["policy"] = 1.0 * ((frame["city"] % 4 == 1) & (frame["year"] == 2011))
    >>> matching = dp.match_entities(
    ...     dp.Panel(frame, "city", "year"), "policy", ["size"]
    ... )
    >>> matching.balance["term"].tolist()
    ['size']
    """

    _reported: ClassVar[str] = (
        "treated base method moments k caliper replace common_support ties n_treated "
        "n_matched n_control n_used balance support"
    )

    treated: str
    terms: tuple[str, ...]
    base: str
    k: int | None = None
    caliper: float | None = None
    replace: bool | None = None
    common_support: bool | None = None
    ties: str | None = None
    entities: pd.DataFrame
    base_values: pd.DataFrame
    pairs: pd.DataFrame = field(default_factory=NO_PAIRS.copy)
    unmatched: pd.DataFrame = field(default_factory=NOBODY.copy)
    balance: pd.DataFrame
    coefficients: pd.Series[float] | None = None
    weights: pd.Series[float]
    n_treated: int
    n_control: int
    key_names: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)
    diagnostics: tuple[Notice, ...] = ()
    version: str = __version__
    method: str = "propensity"
    moments: int | None = None

    @property
    def n_matched(self) -> int:
        """Number of treated entities with a match."""
        return self.n_treated - len(self.unmatched)

    @property
    def n_used(self) -> int:
        """Number of controls with a weight."""
        return int(self._control_weights.size)

    @property
    def _control_weights(self) -> pd.Series[float]:
        return self.entities.loc[~self.entities["treated"], "weight"].dropna()

    @property
    def _largest_share(self) -> float:
        return float(self._control_weights.max() / self._control_weights.sum())

    @property
    def support(self) -> pd.DataFrame:
        """Propensity scores of treated and controls: group, n, min, mean, max.

        Columns on_support and matched are numbers of entities on the common support and
        with a match. With entropy balancing, which has no scores, the columns are
        group, n and matched.
        """
        names = {True: "treated", False: "control"}
        groups = self.entities.groupby(self.entities["treated"].map(names))
        if self.method == "entropy":
            support = groups["weight"].agg(n="size")
        else:
            support = groups["score"].agg(n="size", min="min", mean="mean", max="max")
            support["on_support"] = groups["on_support"].sum()
        support["matched"] = groups["weight"].count()
        return support.loc[list(names.values())].rename_axis("group").reset_index()

    @property
    def effective_controls(self) -> float:
        """Effective number of controls with weights w: ``(sum w)^2 / sum w^2``."""
        control = self._control_weights
        return float(control.sum() ** 2 / (control**2).sum())

    def att(self, outcome: pd.Series[float], *, neighbours: int = 1) -> MatchedEffect:
        """Estimate the average effect on the matched treated entities.

        Its standard errors are those of Abadie and Imbens, and with entropy balancing
        those of weights that are estimated (below). The estimate is the mean
        difference between the outcome of a treated entity and the mean outcome of its
        matches. In a panel the outcome is usually a change, such as the mean after the
        treatment less that before it, so that the estimate is a difference in
        differences.

        Parameters
        ----------
        outcome : Series
            One value per entity, indexed by entity. Other entities are ignored.
        neighbours : int
            Number of entities of the same group, beside the entity itself, from which
            the variance of an outcome given the score is estimated. The default is 1.
            Stata's ``vce(robust, nn(2))`` counts the entity itself. It is no option of
            entropy balancing.

        Returns
        -------
        MatchedEffect
            Estimate with standard error and normal distribution; with entropy
            balancing t with Satterthwaite's degrees of freedom.

        Raises
        ------
        InputTypeError, AlignmentError
            If `outcome` is not a Series of numbers, or its index repeats an entity.
        MissingDataError
            If an entity with base values has no outcome.
        OptionError
            If a group has too few entities for `neighbours`.
        IdentificationError
            With entropy balancing, if only one entity is treated, or if a control is
            the only one with some value of a term: there is no standard error then.

        Notes
        -----
        With replacement, the variance of Abadie & Imbens (2006, Econometrica 74:235)
        allows for controls that are matched several times. If all treated entities are
        matched, the correction of Abadie & Imbens (2016, Econometrica 84:781) for the
        estimated score is added, as in Stata's ``teffects psmatch``. It can be
        negative. It needs entities with near values of `x`; they are found by the
        Mahalanobis distance, so that units do not matter. Stata uses the Euclidean
        distance of the columns, so its standard errors differ slightly.

        If some treated entities are not matched, the effect is that of the matched
        ones, and the standard error takes the scores and the choice of these entities
        as given. So it does without replacement: the variance is then that of Abadie &
        Imbens (2012, JASA 107:833). A notice says this.

        With entropy balancing the weights are estimated from base values, and standard
        errors that take them as given are too large. Here they are those of the stacked
        equations of weights and effect (Zhao & Percival 2017, Journal of Causal
        Inference 5; Jann 2021), whose residuals are those of a weighted regression of
        the controls' outcomes on the balanced terms: the variance is ``sum_T (e_i -
        mean e)^2 / (N1 (N1 - 1)) + sum_C w_i^2 e_i^2 / (1 - h_i)``, where weights add
        up to one and h_i is the leverage, as in HC2. The second sum has as many degrees
        of freedom as `effective_controls` less one and the terms. In simulated samples
        of 31 entities the intervals cover as often as they should.

        No standard error allows for correlation between entities, and those of nearest
        neighbours do not allow for the bias of matches that are not exact. The
        bootstrap is not valid for nearest neighbours (Abadie & Imbens 2008).

        Examples
        --------
        >>> import numpy as np, pandas as pd, digiprosper as dp
        >>> rng = np.random.default_rng(2)
        >>> frame = pd.DataFrame({"city": range(300), "size": rng.normal(size=300)})
        >>> frame["policy"] = 1.0 * (rng.normal(size=300) < frame["size"] / 2 - 1)
        >>> frame["growth"] = frame["policy"] + frame["size"] + rng.normal(size=300)
        >>> panel = dp.Panel(frame, "city")
        >>> matching = dp.match_entities(
        ...     panel, "policy", ["size"], caliper=None, support=False
        ... )
        >>> effect = matching.att(frame.set_index("city")["growth"])
        >>> round(effect.estimate, 2), round(effect.std_error, 2)
        (0.97, 0.22)
        """
        entity = self.key_names[0]
        _check_neighbours(neighbours, self)
        panel_entities = self.weights.index.get_level_values(0)
        y = _read_outcome(outcome, self.entities.index, entity, panel_entities)
        # Sums of squares and products are in units of the outcome's standard deviation.
        spread = float(y.std()) or 1.0
        centred, reason = (y - y.mean()) / spread, ""
        diagnostics: list[Notice] = []
        if self.method == "entropy":
            estimate, variance, df = _balanced_effect(self, centred)
            inference = Inference(cov_type="hc2", df_t=df)
            text = (
                "Standard error HC2, which allows for estimated weights; t distribution"
            )
        else:
            estimate, variance, reason = _abadie_imbens(self, centred, neighbours)
            inference = Inference(cov_type="abadie_imbens")
            source = "(2016), for estimated scores"
            if reason:
                source = "(2006), scores taken as given"
            text = f"Standard error of Abadie & Imbens {source}; normal distribution"
            diagnostics = [
                *few_matched(self.n_matched, entity),
                *scores_given(reason, len(self.unmatched), entity),
            ]
        return MatchedEffect(
            estimated=Estimates.of(
                ("att",),
                np.array([spread * estimate]),
                np.array([[spread**2 * variance]]),
                inference,
            ),
            fit_glance={
                **empty_glance("MatchedEffect", y.size),
                "depvar": "outcome" if outcome.name is None else str(outcome.name),
                "n_entities": y.size,
            },
            conventions=text,
            labels=dict(self.labels),
            version=__version__,
            estimated_scores=not reason,
            diagnostics=tuple(diagnostics),
        )

    # --- tables and text --------------------------------------------------------------

    # The argument `level` is that of all results
    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002
        """Return the columns of a table of the balance.

        Parameters
        ----------
        level : float
            Not used. All results have this argument.

        Returns
        -------
        tuple of Column
            Columns with means, standardised differences and variance ratios, before and
            after matching.
        """
        names: dict[str, tuple[str | Remark]] = {
            "treated": (f"{self.n_treated:,}",),
            "controls": (f"{self.n_control:,}",),
            "matched": (f"{self.n_matched:,}",),
            "used": (f"{self.n_used:,}",),
            "entity": (self.key_names[0],),
            "how": (self._method_remark,),
            "worth": (f"{self.effective_controls:.4g}",),
            "largest": (f"{100 * self._largest_share:.3g}",),
        }
        sizes = Remark("matched" if self.method == "propensity" else "balanced", names)
        heads = [
            (f"{name}_{when}", f"{head}, {when}")
            for when in ("before", "after")
            for name, head in _BALANCE_HEADS.items()
        ]
        balance = self.balance.set_index("term")
        return tuple(
            Column(
                head,
                cells={
                    str(term): PlainCell(head, v) for term, v in balance[name].items()
                },
                labels=self.labels,
                factors=self.factors,
                whole=sizes,
                words=WORDS,
                stub=("variable",),
            )
            for name, head in heads
        )

    @property
    def _method_remark(self) -> Remark:
        """The method and its options."""
        if self.method == "entropy":
            return Remark(f"moments.{self.moments}", {}, WORDS)
        texts = {"k": (f"{self.k}",), "caliper": (f"{self.caliper or 0:g}",)}
        codes = {
            "neighbours": "neighbours.1" if self.k == 1 else "neighbours",
            "caliper": "caliper.none" if self.caliper is None else "caliper",
            "replacement": f"replace.{self.replace}",
        }
        options = {role: (Remark(code, texts, WORDS),) for role, code in codes.items()}
        return Remark("how" if self.common_support else "how.untrimmed", options, WORDS)

    def _summary(self) -> Summary:
        entity = self.key_names[0]
        reasons = reasons_text(self.unmatched["reason"].tolist())
        unmatched_text = f"; not matched: {reasons}" if reasons else ""
        lines = (
            f"Base values: {self.base}",
            remark_text(self._method_remark, WORDS, {}, {}),
            (
                f"Treated {entity}: {self.n_treated:,}, matched "
                f"{self.n_matched:,}{unmatched_text}"
            ),
            f"Controls: {self.n_control:,}, used {self.n_used:,} (worth "
            f"{self.effective_controls:.4g} of equal weight; largest weight "
            f"{self._control_weights.max():.4g}, {100 * self._largest_share:.3g}% of "
            "all)",
            (
                f"Rows with a weight: {int(self.weights.notna().sum()):,} of "
                f"{self.weights.size:,}; all rows of one {entity} have the same"
            ),
        )
        sample = "weighted" if self.method == "entropy" else "matched"
        rows = []
        for row in self.balance.to_dict("records"):
            for when, words in (("before", "all"), ("after", sample)):
                term = str(row["term"]) if when == "before" else ""
                numbers = (row[f"{name}_{when}"] for name in _BALANCE_HEADS)
                rows.append([term, words, *map(number_text, numbers)])
        balance = Cells.of(["", "sample", *_BALANCE_HEADS.values()], rows)
        return self._titled(
            f"Matched sample: {self.treated}",
            Lines(lines, wrapped=True),
            balance,
            Remarks.of(self.diagnostics),
        )

    def _more_numbers(self) -> dict[str, Any]:
        weights = self.entities["weight"].dropna()
        return {
            "x": self.terms,
            "propensity": {} if self.coefficients is None else dict(self.coefficients),
            "unmatched": list(map(str, self.unmatched["treated"])),
            "weights": {str(entity): float(w) for entity, w in weights.items()},
        }


# --- the average effect ---------------------------------------------------------------


def _abadie_imbens(
    matching: Matching, y: Floats, neighbours: int
) -> tuple[float, float, str]:
    """Return the mean difference of matches, and its variance.

    The third value is the reason why it is not corrected for estimated scores, or "".
    """
    entities = matching.entities
    treated, scores = entities["treated"].to_numpy(), entities["score"].to_numpy()
    matches = (pd.Index(matching.pairs[group]) for group in ("treated", "control"))
    treated_units, control_units = map(entities.index.get_indexer, matches)
    pairs = treated_units, control_units
    estimate, variance = average_effect(y, treated, scores, pairs, neighbours)
    if not matching.replace:
        return estimate, variance, "replace"
    if len(matching.unmatched):
        return estimate, variance, "unmatched"
    x = matching.base_values.to_numpy()
    design = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)])
    columns = design, whitened(x)
    corrected = variance + score_correction(
        y, treated, scores, columns, estimate, neighbours
    )
    return (
        (estimate, corrected, "") if corrected > 0 else (estimate, variance, "variance")
    )


def _balanced_effect(matching: Matching, y: Floats) -> tuple[float, float, float]:
    """Return the effect under entropy weights, its variance and degrees of freedom."""
    frame, names = matching.entities, []
    reason = f"only one {matching.key_names[0]} is treated"
    if matching.n_treated > 1:
        x, moments = matching.base_values.to_numpy(), matching.moments or 1
        weights = frame["weight"].fillna(0.0).to_numpy()
        columns, _ = balanced_columns(x, moments)
        estimate, variance, df, without_control = balanced_effect(
            y, frame["treated"].to_numpy(), columns, weights
        )
        if not without_control.size:
            return estimate, variance, df
        names = frame.index[without_control].tolist()
        reason = f"no other controls have values of x such as {quoted(names)}"
    text = (
        f"att: the effect has no standard error, because {reason}. Use fewer terms "
        "in x, or compare dp.randomisation_test."
    )
    raise not_identified("no_variance", text, entities=names)


def _check_neighbours(neighbours: object, matching: Matching) -> None:
    number = check_whole("neighbours", neighbours, 1, MOST_NEIGHBOURS)
    if matching.method == "entropy":
        if number != 1:
            text = f"neighbours={number} is an option of method='propensity' only."
            raise option_error("neighbours", number, text, (1,))
        return
    smaller = min(matching.n_treated, matching.n_control)
    if smaller < number + 2:
        text = (
            f"neighbours={number} needs at least {number + 2} treated and untreated "
            f"entities, and one group has {smaller}."
        )
        raise option_error("neighbours", number, text)


def _read_outcome(
    outcome: Any, entities: pd.Index[Any], entity: str, panel_entities: pd.Index[Any]
) -> Floats:
    """Read one finite number for each entity; errors use the `panel_entities`."""
    is_series = isinstance(outcome, pd.Series)
    # Row numbers may also be labels of entities.
    by_row = is_series and (
        outcome.index.nlevels > 1
        or (
            isinstance(outcome.index, pd.RangeIndex)
            and not outcome.index.isin(panel_entities).all()
        )
    )
    if not is_series or by_row or not pd.api.types.is_numeric_dtype(outcome):
        kind = "one by row" if by_row else type(outcome).__name__
        if is_series and not by_row:
            kind = f"of {outcome.dtype}"
        raise InputTypeError(
            f"att: outcome must be a Series of numbers, indexed by {entity}, not "
            f"{kind}. For a panel take for example df.groupby({entity!r})['y'].mean()."
        )
    if not outcome.index.is_unique:
        twice = outcome.index[outcome.index.duplicated()].unique().tolist()
        text = (
            f"att: outcome must have one value per {entity}, and repeats "
            f"{quoted(twice)}."
        )
        raise AlignmentError(text, [alignment_problem("outcome", text, twice[:5])])
    y = outcome.reindex(entities).to_numpy(dtype=np.float64, na_value=np.nan)
    without = entities[~np.isfinite(y)].tolist()
    if without:
        raise MissingDataError(
            f"att: outcome is missing or infinite for {len(without):,} {entity} "
            f"({quoted(without)}) with base values. Match again without them: "
            "panel.subset.",
            [missing_problem("outcome", len(without), without[:5])],
        )
    return np.asarray(y)
