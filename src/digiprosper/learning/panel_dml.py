"""Double machine learning for panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import pandas as pd

from digiprosper.errors import (
    InputTypeError,
    check_whole,
    cited,
    issue,
    option_error,
)
from digiprosper.learning.estimation import fit_learning
from digiprosper.learning.learners import is_flexible, read_learners
from digiprosper.learning.preparation import prepare_learning
from digiprosper.optional import require
from digiprosper.panel.conditions import check_where
from digiprosper.specification import (
    TERM,
    TERMS,
    Specification,
    check_words,
    read_terms,
    refuse_repeats,
)

if TYPE_CHECKING:
    from digiprosper.learning.results import DMLResults
    from digiprosper.panel import Panel

LearningTransform = Literal["dictionary", "difference", "mundlak", "within"]
_MOST_SEEDS = 10_000
_MOST_FOLDS = 1_000


@dataclass(frozen=True, slots=True)
class PanelDML(Specification):
    r"""Effect of a treatment with controls of unknown form, by double machine learning.

    The model is

    .. math::
        y_{it} = \theta d_{it} + g(x_{it}) + a_i + l_t + u_{it},
        \quad d_{it} = m(x_{it}) + c_i + v_{it}

    Learners predict outcome and treatment from the controls, and theta is the
    slope of one residual on the other. Rows are predicted by learners that were fitted
    to other entities. With 31 entities the lasso on squares and products is as good as
    fixed effects with the same terms, and trees do harm (see the page on double machine
    learning).

    Parameters
    ----------
    y : str
        Outcome: a column, or a term such as ``"log(gdp)"``.
    treatment : str
        Treatment, a column or term.
    controls : sequence of str
        Columns or terms that the learners predict from.
    transform : {"dictionary", "difference", "mundlak", "within"}
        How the entity effects are removed. ``"dictionary"`` (default): controls with
        their squares and products, demeaned afterwards, as are outcome and treatment;
        right if g and m are sums of these terms. ``"difference"``: first differences of
        outcome and treatment, on the controls and their lags; right for any g that the
        learner finds. ``"mundlak"``: outcome and treatment on the controls and their
        means by entity; right if the effects depend on the controls by these means.
        ``"within"``: all demeaned; right if g and m are linear only.
    learners : mapping of str to estimator
        Names and scikit-learn regressors (extra ``learn``), or any objects with fit,
        predict and get_params, such as pipelines that scale first. There is no default.
        They are cloned, and each ``random_state`` is set from `rng`. Features have mean
        zero and variance one in the rows that a learner learns from, so that no fold
        is used to predict itself. Rows are in the order of the entities,
        so that a tuning learner whose folds are not shuffled, such as ``LassoCV()``,
        tunes on whole entities, but for one at each edge.
    instrument : str, optional
        Instrument of a treatment that is endogenous, a column or term (default: none).
        It is predicted from the controls too.
    degree : {2, 1}
        Degree of the dictionary: 2 (default) adds squares and products of two, 1 takes
        the controls as they are, so that they are the dictionary.
    folds : int, Series or None
        Number of folds of entities, or of the clusters, 5 by default. A Series has the
        fold of each entity (cluster), which is in its index. None predicts the rows
        that are learned from, which is right for least squares only.
    seeds : int
        How often folds are drawn; 20 by default. The median of the estimates is
        reported.
    clusters : str, optional
        Clusters, which consist of whole entities; the entity by default.
    entity_effects, time_effects : bool
        Whether there are effects of entities and of periods; True by default. Dummies
        are never features. With ``"difference"`` and ``"mundlak"`` outcome and
        treatment are demeaned by period, and means of the controls by period are
        features.
    ssc : {"G/(G-1)", "none"}
        Small-sample factor of the variance, with G clusters; ``"none"`` as in doubleml.
    where : str, optional
        Condition that chooses rows, as in `FixedEffects`.

    Raises
    ------
    OptionError, TermError, InputTypeError
        By the constructor, if an option is unknown, or for trees and neural networks
        with ``transform="within"``. By `fit`, if a learner cannot be fitted, or is
        least squares with more features than a tenth of the rows.
    ColumnError, MissingDataError, PanelIndexError
        By `fit`, if a column cannot be used.
    IdentificationError
        By `fit`, with fewer than 10 clusters, for trees and neural networks with fewer
        than 100 entities, or if the effects or the controls explain the treatment.
    ImportError
        Without scikit-learn.

    Notes
    -----
    ``theta = sum rd ry / sum rd^2``, with the variance ``sum_c (sum rd (ry - theta
    rd))^2 / (sum rd^2)^2`` over clusters c, times ``G / (G - 1)``, and t(G - 1). With
    the residual rz of an instrument, ``theta = sum rz ry / sum rz rd`` with the
    variance ``sum_c (sum rz (ry - theta rd))^2 / (sum rz rd)^2``. With ``"mundlak"``
    the residual of the treatment, or of the instrument, is demeaned by entity. Over
    seeds the estimate is the median, and its standard error ``sqrt(median(se_s^2 +
    (theta_s - theta)^2))`` (Chernozhukov, Chetverikov, Demirer, Duflo, Hansen, Newey &
    Robins 2018, Econometrics Journal 21:C1). The transformations are those of Clarke &
    Polselli (2025, Econometrics Journal), except ``"dictionary"``. Estimates of
    different learners are never averaged.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from sklearn.linear_model import LinearRegression
    >>> spec = dp.PanelDML(
    ...     "log(gsp)",
    ...     "log(pc)",
    ...     ["log(pcap)", "unemp"],
    ...     learners={"ols": LinearRegression()},
    ... )
    >>> spec.fit(dp.datasets.us_states(), rng=1).params.round(2).to_dict()
    {'ols': 0.55}
    """

    y: str = field(metadata=TERM)
    treatment: str = field(metadata=TERM)
    controls: Sequence[str] = field(metadata=TERMS)
    _: KW_ONLY
    transform: LearningTransform = "dictionary"
    learners: Mapping[str, Any] | Sequence[tuple[str, Any]]
    instrument: str | None = field(default=None, metadata=TERM)
    degree: Literal[1, 2] = 2
    # `typing.get_type_hints` cannot read pd.Series[Any].
    folds: int | pd.Series | Sequence[tuple[Any, Any]] | None = 5
    seeds: int = 20
    clusters: Sequence[str] | None = None
    entity_effects: bool = True
    time_effects: bool = True
    ssc: Literal["G/(G-1)", "none"] = "G/(G-1)"
    where: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)
        if not self.controls:
            raise option_error(
                "controls",
                (),
                "controls is empty; there is nothing to learn. Use FixedEffects.",
            )
        roles = ["y", "treatment", "instrument", "controls"]
        refuse_repeats(self, [r for r in roles if getattr(self, r) is not None])
        if self.clusters is not None and len(self.clusters) != 1:
            raise option_error(
                "clusters",
                self.clusters,
                f"clusters={cited(self.clusters)} must be one term: folds consist of "
                "whole clusters.",
            )
        words = {
            "transform": get_args(LearningTransform),
            "degree": (1, 2),
            "entity_effects": (True, False),
            "time_effects": (True, False),
            "ssc": ("G/(G-1)", "none"),
        }
        check_words(self, words)
        check_whole("seeds", self.seeds, 1, _MOST_SEEDS)
        check_where(self.where)
        object.__setattr__(self, "folds", _read_folds(self.folds))
        object.__setattr__(self, "learners", read_learners(self.learners))
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        learners: Any = self.learners
        flexible = [name for name, learner in learners if is_flexible(learner)]
        if self.transform == "within" and flexible:
            raise option_error(
                "transform",
                "within",
                f"learners: {cited(flexible[0])} learns from demeaned controls with "
                "transform='within', which is right for linear functions only: the "
                "demeaned value of g(x) is no function of the demeaned x. Use "
                "transform='difference'.",
            )
        if self.transform in ("difference", "mundlak") and not self.entity_effects:
            raise option_error(
                "entity_effects",
                False,  # noqa: FBT003
                f"transform={cited(self.transform)} removes entity effects; with "
                "entity_effects=False use transform='dictionary'.",
            )

    def __eq__(self, other: object) -> bool:
        """Compare as written, since equal learners of scikit-learn are not equal."""
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(repr(self))

    def fit(
        self,
        panel: Panel,
        *,
        rng: object = None,
        progress: bool = False,  # noqa: ARG002
    ) -> DMLResults:
        """Estimate the effect with every learner.

        Parameters
        ----------
        panel : Panel
            The data.
        rng : int, SeedSequence or Generator, optional
            Seed of the folds and of the learners. By default another one each time; the
            results record it.
        progress
            Not used. All specifications have this argument.

        Returns
        -------
        DMLResults
            An estimate per learner, all runs, and fixed effects beside.

        Raises
        ------
        ColumnError, TermError, InputTypeError, MissingDataError, PanelIndexError
            If `panel` is not a Panel, or a column or term cannot be used.
        OptionError, IdentificationError
            If a learner or the clusters cannot be used, or no variation of the
            treatment is left.
        ImportError
            Without scikit-learn.

        Warns
        -----
        MissingDataWarning, FewClustersWarning, IdentificationWarning
            If rows are dropped, or estimates may be unreliable.
        """
        require("sklearn", extra="learn", purpose="PanelDML")
        results = fit_learning(self, prepare_learning(self, panel), rng)
        issue(results.diagnostics)
        return results


def _read_folds(value: Any) -> Any:
    """Check folds; store those of a Series as pairs of labels and folds."""
    if value is None:
        return None
    if isinstance(value, int):
        return check_whole("folds", value, 2, _MOST_FOLDS)
    if isinstance(value, pd.Series):
        if value.index.has_duplicates or value.isna().any():
            raise option_error(
                "folds",
                None,
                "folds must have one fold, not missing, for each entity (cluster).",
            )
        return tuple(value.items())
    pairs = isinstance(value, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 for pair in value
    )
    if not pairs:
        raise InputTypeError(
            "folds must be a number of folds, a Series of folds indexed by entity, or "
            f"None, not {type(value).__name__}."
        )
    return value
