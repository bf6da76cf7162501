"""Many results under labels, with what failed beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from digiprosper.errors import ColumnError, DigiprosperError, cited, counted, quoted
from digiprosper.report.pickling import PickledByName

__all__ = ["ResultSet"]


@dataclass(frozen=True, slots=True, eq=False)
class ResultSet(PickledByName, Mapping[str, Any]):
    """Label to result, in order; the mapping shows what was estimated.

    Parameters
    ----------
    outcomes : tuple of pairs
        Label and result, or the DigiprosperError that stopped it.

    Examples
    --------
    >>> from digiprosper import FixedEffects, datasets, stepwise
    >>> steps = stepwise(FixedEffects("log(gsp)", ["log(pc)"]), datasets.us_states(), ["unemp"])
    >>> steps.labels
    ('(1)', '(2)')
    >>> steps.compare("log(pc)")["estimate"].round(3).tolist()
    [0.718, 0.664]
    """

    outcomes: tuple[tuple[str, Any], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels in order, failures too."""
        return tuple(label for label, _ in self.outcomes)

    @property
    def note(self) -> str:
        """What the notes of a table say of all of them; nothing here."""
        return ""

    @property
    def failures(self) -> dict[str, DigiprosperError]:
        """Label to error of what could not be estimated."""
        return {label: r for label, r in self.outcomes if isinstance(r, DigiprosperError)}

    def _successes(self) -> dict[str, Any]:
        return {label: r for label, r in self.outcomes if not isinstance(r, DigiprosperError)}

    def _regressions(self) -> dict[str, Any]:
        slopes = {label: getattr(result, "slopes", result) for label, result in self._successes().items()}
        return {label: result for label, result in slopes.items() if hasattr(result, "tidy")}

    def __getitem__(self, label: str) -> Any:
        found = dict(self.outcomes)
        if label not in found:
            raise ColumnError(
                f"no model is labelled {cited(label)}; the labels are {quoted(self.labels, 20)}."
            )
        if isinstance(found[label], DigiprosperError):
            error = ColumnError(
                f"the model {cited(label)} was not estimated: {found[label]}", found[label].problems
            )
            raise error from found[label]
        return found[label]

    def __contains__(self, label: object) -> bool:
        return label in self._successes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._successes())

    def __len__(self) -> int:
        return len(self._successes())

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Stack the tidy frames.

        Parameters
        ----------
        level : float
            Of the confidence intervals.

        Returns
        -------
        DataFrame
            One row a model and term, the column ``model`` first. A threshold model shows its slopes. What
            estimates no terms, such as an index, has no rows.
        """
        frames = []
        for label, result in self._regressions().items():
            frame = result.tidy(level)
            frame.insert(0, "model", label)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"model": []})

    def compare(self, term: str | Sequence[str], level: float = 0.95) -> pd.DataFrame:
        """Show one term, or one under several names, across models.

        Parameters
        ----------
        term : str or sequence of str
            A coefficient name, or several such as ``["digital", "lag(digital)"]``.
        level : float
            Of the confidence intervals.

        Returns
        -------
        DataFrame
            One row a model that has the term: model, estimate, std_error, ..., nobs. With several terms a
            column ``term`` comes second.

        Raises
        ------
        ColumnError
            If no model has it.
        """
        every = self.tidy(level)
        wanted = [term] if isinstance(term, str) else list(term)
        rows = every[every["term"].isin(wanted)] if "term" in every else every
        if rows.empty:
            raise ColumnError(f"no model has the term {quoted(wanted)}.")
        sizes = {label: result.nobs for label, result in self._regressions().items()}
        rows = rows.assign(nobs=rows["model"].map(sizes)).reset_index(drop=True)
        return rows.drop(columns="term") if isinstance(term, str) else rows

    def __repr__(self) -> str:
        lines = [f"ResultSet of {counted(len(self), 'model')}: {quoted(list(self), 8) or 'none'}"]
        for label, error in self.failures.items():
            first = str(error).split(". ")[0]
            lines.append(f"not estimated: {cited(label)}: {first}")
        return "\n".join(lines)
