"""Results of several models by label, with the errors of those that failed."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from digiprosper.checks import (
    check_option,
    column_problem,
    models_problem,
    type_error,
)
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    InputTypeError,
    Notice,
    TermError,
    cited,
    counted,
    quoted,
)
from digiprosper.report.columns import Remark, SharedRow, remark_text
from digiprosper.report.foreign import as_results
from digiprosper.report.pickling import PickledByName
from digiprosper.report.terms import in_any_order, same_products
from digiprosper.report.words import NO_WORDS, Language

_KINDS = ("direct", "indirect", "total")


@dataclass(frozen=True, slots=True, eq=False)
class ResultSet(PickledByName, Mapping[str, Any]):
    """A mapping of labels to results, made by functions that fit several models.

    It contains the models that were estimated; the errors of the others are in
    `failures`.

    Parameters
    ----------
    outcomes : tuple of pairs, or mapping
        Label and result of each model, or its DigiprosperError. Results of statsmodels,
        linearmodels and pyfixest are read as `foreign` does.

    Raises
    ------
    InputTypeError
        If `outcomes` are no pairs of a label (text) and a result.

    Examples
    --------
    >>> from digiprosper import FixedEffects, datasets, stepwise
    >>> steps = stepwise(
    ...     FixedEffects("log(gsp)", ["log(pc)"]), datasets.us_states(), ["unemp"]
    ... )
    >>> steps.labels
    ('(1)', '(2)')
    >>> steps.compare("log(pc)")["estimate"].round(3).tolist()
    [0.718, 0.664]
    """

    outcomes: tuple[tuple[str, Any], ...]

    def __post_init__(self) -> None:
        models: Any = self.outcomes
        try:
            pairs = models.items() if isinstance(models, Mapping) else models
            outcomes = [(label, result) for label, result in pairs]
        except (TypeError, ValueError) as error:
            raise InputTypeError(
                "outcomes must be pairs of a label and a result, such as "
                f"{{'(1)': fit}}, not {cited(models)}."
            ) from error
        read = tuple((label, as_results(result)) for label, result in outcomes)
        object.__setattr__(self, "outcomes", read)

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels in order, including those in `failures`."""
        return tuple(label for label, _ in self.outcomes)

    @property
    def note(self) -> str:
        """Note of a table on all models, in English."""
        return self.note_in("english")

    @property
    def table_notes(self) -> tuple[Remark, ...]:
        """Notes of a table on all models (none for a plain ResultSet)."""
        return ()

    @property
    def table_heads(self) -> Mapping[str, Remark]:
        """Headings of a table that replace labels (none for a plain ResultSet)."""
        return {}

    @property
    def table_rows(self) -> tuple[SharedRow, ...]:
        """Additional rows of a table (none for a plain ResultSet)."""
        return ()

    def note_in(self, language: Language) -> str:
        """Return the note of a table on all models.

        Parameters
        ----------
        language : {"english", "chinese"}
            Language of the table.

        Returns
        -------
        str
            The note, or the empty text.
        """
        return " ".join(
            remark_text(remark, NO_WORDS, {}, {}, language)
            for remark in self.table_notes
        )

    @property
    def failures(self) -> dict[str, DigiprosperError]:
        """Errors of the models that could not be estimated, by label."""
        return {
            label: r for label, r in self.outcomes if isinstance(r, DigiprosperError)
        }

    def _successes(self) -> dict[str, Any]:
        return {
            label: r
            for label, r in self.outcomes
            if not isinstance(r, DigiprosperError)
        }

    def _regressions(self) -> dict[str, Any]:
        slopes = {label: regression_of(r) for label, r in self._successes().items()}
        return {label: r for label, r in slopes.items() if hasattr(r, "tidy")}

    def __getitem__(self, label: str) -> Any:
        outcomes = dict(self.outcomes)
        untyped_label: object = label
        if not isinstance(untyped_label, str) or label not in outcomes:
            raise ColumnError(
                f"no model is labelled {cited(label)}; the labels are "
                f"{quoted(self.labels, 20)}."
            )
        if isinstance(outcomes[label], DigiprosperError):
            error = ColumnError(
                f"the model {cited(label)} was not estimated: {outcomes[label]}",
                outcomes[label].problems,
            )
            raise error from outcomes[label]
        return outcomes[label]

    def items(self) -> ItemsView[str, Any]:
        """Pairs of label and result of the models that were estimated."""
        return self._successes().items()

    def values(self) -> ValuesView[Any]:
        """Results of the models that were estimated."""
        return self._successes().values()

    def __iter__(self) -> Iterator[str]:
        return iter(self._successes())

    def __len__(self) -> int:
        return len(self._successes())

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Return the estimates of all models in one table.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per model and term, with the label in column ``model`` and the
            columns of `tidy` of the results. For a threshold model the slopes are
            shown. Results without terms, such as those of an index, have no rows.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Examples
        --------
        >>> from digiprosper import FixedEffects, datasets, stepwise
        >>> steps = stepwise(
        ...     FixedEffects("log(gsp)", ["log(pc)"]), datasets.us_states(), ["unemp"]
        ... )
        >>> steps.tidy()[["model", "term"]].values.tolist()
        [['(1)', 'log(pc)'], ['(2)', 'log(pc)'], ['(2)', 'unemp']]
        """
        return _concat_by_model(
            {label: result.tidy(level) for label, result in self._regressions().items()}
        )

    def effects_table(self, level: float = 0.95) -> pd.DataFrame:
        """Return direct, indirect and total effects of spatial models in one table.

        The table has all spatial models.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        DataFrame
            One row per model, term and type of effect, with the label in column
            ``model``. Other models have no rows.

        Raises
        ------
        OptionError
            If `level` is not between 0 and 1.

        Examples
        --------
        >>> import digiprosper as dp
        >>> borders = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
        >>> spec = dp.PanelSpatial("log(gsp)", ["log(pc)", "log(emp)"], borders)
        >>> models = dp.fit_all(
        ...     {"SDM": spec, "SAR": spec.replace(model="sar")}, dp.datasets.us_states()
        ... )
        >>> models.effects_table().query("term == 'log(pc)'")["kind"].tolist()
        ['direct', 'indirect', 'total', 'direct', 'indirect', 'total']
        >>> models.compare("log(pc)", kind="indirect")["estimate"].round(3).tolist()
        [0.028, 0.037]
        """
        return _concat_by_model(
            {
                label: result.effects_table(level)
                for label, result in self.items()
                if hasattr(result, "effects_table")
            }
        )

    def compare(
        self, term: str | Sequence[str], level: float = 0.95, *, kind: str | None = None
    ) -> pd.DataFrame:
        """Compare one coefficient, or one effect of spatial models, across models.

        Parameters
        ----------
        term : str or sequence of str
            Name of the coefficient, or its names in different models, such as
            ``["digital", "lag(digital)", "digital_pca"]``. ``"x:z"`` is also found as
            ``"z:x"``.
        level : float
            Confidence level of the intervals, .95 by default.
        kind : {"direct", "indirect", "total"}, optional
            Effect of the regressor to compare, for spatial models. The default is the
            coefficient.

        Returns
        -------
        DataFrame
            One row per model that has the term, with the label in column ``model``, the
            columns of `tidy`, and nobs. With several names there is a column ``term``
            with the name in the model.

        Raises
        ------
        ColumnError
            If a name is not a coefficient of any model.
        TermError
            If a model has two of the names.
        InputTypeError
            If `term` is neither text nor a list of text.
        OptionError
            If `kind` has an unknown value, or `level` is not between 0 and 1.

        Examples
        --------
        >>> from digiprosper import FixedEffects, datasets, fit_all
        >>> base = FixedEffects("log(gsp)", ["log(pc)"])
        >>> battery = {"base": base, "lagged": base.swap("log(pc)", "lag(log(pc))")}
        >>> models = fit_all(battery, datasets.us_states())
        >>> models.compare(["log(pc)", "lag(log(pc))"])[
        ...     ["model", "term", "nobs"]
        ... ].values.tolist()
        [['base', 'log(pc)', 816], ['lagged', 'lag(log(pc))', 768]]
        """
        names = _read_names(term)
        check_option("kind", kind, (None, *_KINDS))
        estimates = self.tidy(level) if kind is None else self.effects_table(level)
        if kind is not None and not estimates.empty:
            of_kind = estimates["kind"] == kind
            estimates = estimates[of_kind].drop(columns="kind")
        terms = list(dict.fromkeys(estimates["term"])) if "term" in estimates else []
        unknown = [name for name in names if name not in terms]
        if unknown:
            raise ColumnError(
                f"no model has the term {quoted(unknown)}; the terms are "
                f"{quoted(terms, 12) or 'none'}.",
                [
                    column_problem(name, "term", f"no term {cited(name)}")
                    for name in unknown
                ],
            )

        rows = estimates[estimates["term"].isin(self._add_reordered_products(names))]
        _refuse_several_names(rows)
        sizes = {label: result.nobs for label, result in self._regressions().items()}
        rows = rows.assign(nobs=rows["model"].map(sizes)).reset_index(drop=True)
        return rows.drop(columns="term") if isinstance(term, str) else rows

    def _add_reordered_products(self, names: Sequence[str]) -> list[str]:
        """Add the names of the same products with their factors in another order."""
        terms = (getattr(result, "terms", ()) for result in self.values())
        return in_any_order(names, same_products(chain.from_iterable(terms)))

    def __repr__(self) -> str:
        models = quoted(list(self), 8) or "none"
        lines = [f"ResultSet of {counted(len(self), 'model')}: {models}"]
        for label, error in self.failures.items():
            first = str(error).split(". ")[0]
            lines.append(f"not estimated: {cited(label)}: {first}")
        return "\n".join(lines)


def regression_of(result: Any) -> Any:
    """Return the regression by regime of a threshold model, or the result itself."""
    return getattr(result, "slopes", result)


def labelled(results: object) -> list[tuple[str, Any]]:
    """Pair results with their labels in a mapping, or numbers in a list."""
    if isinstance(results, Mapping):
        return [(str(label), result) for label, result in results.items()]
    if isinstance(results, Sequence) and not isinstance(results, str):
        return [(f"({number})", result) for number, result in enumerate(results, 1)]
    return [("", results)]


def refuse_other_results(
    pairs: Sequence[tuple[str, Any]],
    kinds: Any,
    purpose: str,
    makers: str,
    problem: str,
) -> None:
    """Refuse results of other kinds than the `makers` return, and no result at all."""
    others = [result for _, result in pairs if not isinstance(result, kinds)]
    if others or not pairs:
        refused = type(others[0]).__name__ if others else "none"
        raise InputTypeError(
            f"{purpose}: takes what {makers}, or a list or mapping of them, not "
            f"{refused}.",
            [models_problem(problem, others[0] if others else pairs)],
        )


def merged(results: Iterable[Any], field: str) -> dict[str, Any]:
    """Merge labels or factors of several results; the first seen wins."""
    fields: dict[str, Any] = {}
    for result in results:
        fields = {**getattr(regression_of(result), field, {}), **fields}
    return fields


def _concat_by_model(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Concatenate frames, with the label of each in the column ``model``."""
    if not frames:
        return pd.DataFrame({"model": []})
    named = [
        frame.assign(model=label)[["model", *frame.columns]]
        for label, frame in frames.items()
    ]
    return pd.concat(named, ignore_index=True)


def _read_names(term: object) -> list[str]:
    names = [term] if isinstance(term, str) else term
    if (
        not isinstance(names, Sequence)
        or not names
        or not all(isinstance(name, str) for name in names)
    ):
        raise type_error(
            "term",
            term,
            "the name of a coefficient or a list of names, such as "
            "['digital', 'lag(digital)']",
            "compare",
        )
    return list(names)


def _refuse_several_names(rows: pd.DataFrame) -> None:
    """Refuse models with several of the coefficients to compare."""
    twice = rows.loc[rows["model"].duplicated(), "model"].unique().tolist()
    if twice:
        names = rows.loc[rows["model"] == twice[0], "term"].tolist()
        raise TermError(
            f"compare: the model {cited(twice[0])} has {quoted(names)}, which cannot "
            "be names of one coefficient. Compare them one at a time, or take "
            "the model out.",
            [
                Notice("two_names", model, {"model": model, "terms": tuple(names)})
                for model in twice
            ],
        )
