"""The average effect on the treated of a matched sample, with Abadie-Imbens standard errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from digiprosper._version import __version__
from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    MissingDataError,
    OptionError,
    alignment_problem,
    check_whole,
    missing_problem,
    option_problem,
    quoted,
)
from digiprosper.policy.kernels.matched_effect import average_effect, score_correction, whitened
from digiprosper.policy.notices import few_matched, scores_given
from digiprosper.policy.words import WORDS
from digiprosper.report.columns import Remark, result_column
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import empty_glance
from digiprosper.report.results import LinearCombination
from digiprosper.report.summary import Cells, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Term

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.report.columns import Column
    from digiprosper.report.words import Words

_MOST_NEIGHBOURS = 1000


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class MatchedEffect(LinearCombination):
    """Average effect on the matched treated entities, made by `Matching.att`.

    It has the methods of `LinearCombination`, and can be a column of `etable`.

    Parameters
    ----------
    estimated_scores : bool
        Whether the standard error allows for the estimation of the propensity scores.

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
        remark = Remark("scores.estimated" if self.estimated_scores else "scores.given", {})
        column = result_column(self, level)
        return (replace(column, remarks=(remark,), absorbs=False),)

    def _summary(self) -> Summary:
        cells = coefficient_cells(self.tidy())
        cells = Cells.of(["z" if head == "t" else head for head in cells.head], cells.rows)
        return Summary(
            type=type(self).__name__,
            title=f"Average effect on matched treated entities, outcome: {self.fit_glance['depvar']}",
            blocks=(cells, Remarks.of(self.diagnostics)),
            notices=self.diagnostics,
            conventions=self.conventions,
            version=self.version,
        )


def matched_effect(matching: Any, outcome: Any, neighbours: int) -> MatchedEffect:
    """Estimate the average effect on the matched treated entities; see `Matching.att`.

    The correction for estimated scores needs all treated entities matched, with replacement.
    """
    entities = matching.entities
    treated, scores = entities["treated"].to_numpy(), entities["score"].to_numpy()
    _check_neighbours(neighbours, treated)
    y = _outcome(outcome, entities.index, matching.key_names[0])
    # Sums of squares and products are computed in units of the outcome's own spread.
    spread = float(y.std()) or 1.0
    centred = (y - y.mean()) / spread
    effect = average_effect(centred, treated, scores, _positions(matching), neighbours)
    correction, reason = _added_variance(matching, centred, effect.estimate, neighbours)
    if effect.variance + correction <= 0:
        correction, reason = 0.0, "variance"
    variance = effect.variance + correction
    name = "outcome" if outcome.name is None else str(outcome.name)
    source = "2006), scores taken as given" if reason else "2016), for estimated scores"
    return MatchedEffect(
        estimated=Estimates.of(
            ("att",),
            np.array([spread * effect.estimate]),
            np.array([[spread**2 * variance]]),
            Inference(cov_type="abadie_imbens"),
        ),
        fit_glance={**empty_glance("MatchedEffect", y.size), "depvar": name, "n_entities": y.size},
        conventions=f"Standard error of Abadie & Imbens ({source}; normal distribution",
        labels=dict(matching.labels),
        version=__version__,
        estimated_scores=not reason,
        diagnostics=(
            *few_matched(matching.n_matched, matching.key_names[0]),
            *scores_given(reason, len(matching.unmatched), matching.key_names[0]),
        ),
    )


def _added_variance(matching: Any, y: Floats, estimate: float, neighbours: int) -> tuple[float, str]:
    """Compute what the estimation of scores adds to the variance, or the reason why it is not known."""
    if not matching.replace:
        return 0.0, "replace"
    if len(matching.unmatched):
        return 0.0, "unmatched"
    x = matching.base_values.to_numpy()
    entities = matching.entities
    columns = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)]), whitened(x)
    treated, scores = entities["treated"].to_numpy(), entities["score"].to_numpy()
    return score_correction(y, treated, scores, columns, estimate, neighbours), ""


def _positions(matching: Any) -> tuple[Ints, Ints]:
    index = matching.entities.index
    treated, control = (index.get_indexer(matching.pairs[group]) for group in ("treated", "control"))
    return treated, control


def _check_neighbours(neighbours: object, treated: Bools) -> None:
    number = check_whole("neighbours", neighbours, 1, _MOST_NEIGHBOURS)
    smaller = min(int(treated.sum()), int((~treated).sum()))
    if smaller < number + 2:
        text = (
            f"neighbours={number} needs at least {number + 2} treated and untreated entities, and one group "
            f"has {smaller}."
        )
        raise OptionError(text, [option_problem("neighbours", number, what=text)])


def _outcome(outcome: Any, entities: pd.Index[Any], entity: str) -> Floats:
    """Return one finite number for each entity."""
    if not isinstance(outcome, pd.Series) or not pd.api.types.is_numeric_dtype(outcome):
        kind = f"of {outcome.dtype}" if isinstance(outcome, pd.Series) else type(outcome).__name__
        raise InputTypeError(
            f"att: outcome must be a Series of numbers, indexed by {entity}, not {kind}. For a panel take "
            f"for example df.groupby({entity!r})['y'].mean()."
        )
    if not outcome.index.is_unique:
        twice = outcome.index[outcome.index.duplicated()].unique().tolist()
        text = f"att: outcome must have one value per {entity}, and repeats {quoted(twice)}."
        raise AlignmentError(text, [alignment_problem("outcome", text, twice[:5])])
    y = outcome.reindex(entities).to_numpy(dtype=np.float64, na_value=np.nan)
    missing_entities = entities[~np.isfinite(y)].tolist()
    if missing_entities:
        raise MissingDataError(
            f"att: outcome is missing or infinite for {len(missing_entities):,} {entity} "
            f"({quoted(missing_entities)}) with base values. Match again without them: panel.subset.",
            [missing_problem("outcome", len(missing_entities), missing_entities[:5])],
        )
    return np.asarray(y)
