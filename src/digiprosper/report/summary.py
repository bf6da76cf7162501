"""Summaries of results as values, and their text, HTML and dict."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, cast

import numpy as np
import pandas as pd

from digiprosper._version import __version__
from digiprosper.errors import (
    InputTypeError,
    Notice,
    OptionError,
    cited,
    no_attribute,
    number_text,
)
from digiprosper.report.characters import console_text
from digiprosper.report.columns import (
    Column,
    Estimate,
    PlainCell,
    Remark,
    names_below,
    result_column,
    test_remark,
)
from digiprosper.report.inference import Inference
from digiprosper.report.pickling import PickledByName
from digiprosper.report.protocol import Results
from digiprosper.report.rendering import Content, as_html
from digiprosper.report.terms import Factor, Factors
from digiprosper.report.text import (
    interval_text,
    json_safe,
    last_lines,
    p_text,
    table,
    wrapped,
)
from digiprosper.report.words import NOTES

SCHEMA = 1
_NUMBERS = Estimate._fields[1:]
_ROWS = ("terms", "coefficients")
_WORDS = ("type", "schema", "version", "labels", "factors", "diagnostics", "summary")
_APART = (*_WORDS, "glance", *_ROWS, "cov", "inference")


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of text, including empty ones; `wrapped` lines are broken at 80 columns."""

    lines: tuple[str, ...]
    wrapped: bool = False

    @property
    def text(self) -> list[str]:
        """Return the lines as printed."""
        return wrapped(self.lines) if self.wrapped else list(self.lines)

    @property
    def html(self) -> str:
        """Return one paragraph without empty lines."""
        return _paragraph(line for line in self.lines if line)


@dataclass(frozen=True, slots=True)
class Cells:
    """A table of texts; `printed` replaces the layout of `text.table` in text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    printed: str = ""

    @classmethod
    def of(cls, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Self:
        """Make a table from sequences of any type."""
        return cls(tuple(head), tuple(tuple(row) for row in rows))

    @property
    def text(self) -> list[str]:
        """Return the table as printed."""
        return (self.printed or table(self.head, self.rows)).splitlines()

    @property
    def html(self) -> str:
        """Return a table with three rules."""
        return as_html(
            Content((list(self.head),), tuple(map(list, self.rows)), frozenset(), ())
        )


@dataclass(frozen=True, slots=True)
class Remarks:
    """Messages of a fit that are printed."""

    messages: tuple[str, ...]

    @classmethod
    def of(cls, notices: Iterable[Notice], *more: str) -> Self:
        """Take the messages of notices, and more that are not empty."""
        messages = [notice.message for notice in notices]
        return cls((*messages, *filter(None, more)))

    @property
    def text(self) -> list[str]:
        """Return the messages as printed."""
        return wrapped(f"Note: {message}" for message in self.messages)

    @property
    def html(self) -> str:
        """Return one paragraph with all messages."""
        return _paragraph(f"Note: {message}" for message in self.messages)


Block: TypeAlias = Lines | Cells | Remarks
_BLOCKS: dict[str, type[Block]] = {
    kind.__name__.lower(): kind for kind in (Lines, Cells, Remarks)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainNumbers:
    """Numbers of a result as plain data, without rows and draws."""

    glance: Mapping[str, Any] | None = None
    # Rows of `tidy`; None if the result has no terms
    estimates: tuple[Mapping[str, Any], ...] | None = None
    cov: Sequence[Sequence[float | None]] | None = None
    inference: Inference | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    # Factors of the names of the model, to print their labels
    factors: Factors = field(default_factory=dict)
    # Key of the estimates in the dict, ``"terms"`` or ``"coefficients"``
    rows_key: str = "terms"
    # Other numbers of the result, by name
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(PickledByName):
    """What a result reports.

    A result builds one; `from_dict` makes one again from what `to_dict` of any result
    gave. It has estimates, their covariance and every word, but neither draws nor rows,
    and can be a column of a table.

    Parameters
    ----------
    type : str
        Class of the result.
    title : str
        First line.
    wrapped_title : bool
        Whether it is broken at 80 columns.
    blocks : tuple of Lines, Cells or Remarks
        What follows it, in order.
    notices : tuple of Notice
        All remarks, also those that are not printed.
    conventions : str
        Which standard errors and intervals were printed; empty if there are none.
    settings : str
        Options and seeds that reproduce the result; empty if there are none.
    numbers : PlainNumbers
        The numbers.
    schema : int
        Of the dict.
    version : str
        Version of digiprosper that fitted the model.

    Examples
    --------
    >>> import json
    >>> from digiprosper import FixedEffects, datasets
    >>> fit = FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(datasets.us_states())
    >>> stored = json.dumps(fit.to_dict())
    >>> again = Summary.from_dict(json.loads(stored))
    >>> again.params.round(3).to_dict(), again.to_text() == fit.summary()
    ({'log(pc)': 0.664, 'unemp': -0.017}, True)
    """

    type: str
    title: str
    wrapped_title: bool = False
    blocks: tuple[Block, ...] = ()
    notices: tuple[Notice, ...] = ()
    conventions: str = ""
    settings: str = ""
    numbers: PlainNumbers = field(default_factory=PlainNumbers)
    schema: int = SCHEMA
    version: str = __version__

    # --- rendering --------------------------------------------------------------------

    def to_text(self) -> str:
        """Write everything as text, 80 columns wide.

        Returns
        -------
        str
            Ends with the conventions and the settings.
        """
        lines = wrapped([self.title]) if self.wrapped_title else [self.title]
        for block in self.blocks:
            lines += block.text
        if self.conventions:
            lines += last_lines(self.conventions, self.settings)
        return console_text("\n".join(lines))

    def to_html(self) -> str:
        """Write everything as HTML.

        Returns
        -------
        str
            Paragraphs and tables; every text is escaped.
        """
        parts = [
            f"<p><b>{html.escape(self.title)}</b></p>",
            *(block.html for block in self.blocks),
        ]
        ending = [f"{self.conventions}."] if self.conventions else []
        ending += [f"Settings: {self.settings}."] if self.settings else []
        return "\n".join(part for part in [*parts, _paragraph(ending)] if part)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON-safe values; missing numbers are None.

        Returns
        -------
        dict
            ``type``, ``schema``, ``version``; the numbers; ``labels``, ``diagnostics``
            and the words under ``"summary"``.
        """
        numbers = self.numbers
        cov_type = "" if numbers.inference is None else numbers.inference.cov_type
        sections = {
            "glance": numbers.glance,
            numbers.rows_key: numbers.estimates,
            "cov": numbers.cov,
            "inference": asdict(numbers.inference) if numbers.inference else None,
        }
        out = {
            "type": self.type,
            "schema": self.schema,
            "version": self.version,
            **{name: value for name, value in sections.items() if value is not None},
            **numbers.more,
            "labels": dict(numbers.labels),
            "factors": stored_factors(numbers.factors),
            "diagnostics": [
                {
                    "code": n.code,
                    "message": n.message,
                    "names": names_below(n, cov_type),
                }
                for n in self.notices
            ],
            "summary": {
                "title": self.title,
                "wrapped_title": self.wrapped_title,
                "blocks": [
                    {"kind": type(block).__name__.lower(), **asdict(block)}
                    for block in self.blocks
                ],
                "conventions": self.conventions,
                "settings": self.settings,
            },
        }
        safe: dict[str, Any] = json_safe(out)
        return safe

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_dict` of a result gave.

        Parameters
        ----------
        stored : mapping
            From a file, say.

        Returns
        -------
        Summary
            It gives the same dict again, and the same text.

        Raises
        ------
        InputTypeError
            If it is no such mapping.
        OptionError
            If a later version wrote it.
        """
        untyped: object = stored
        needed = {"type", "schema", "version", "summary"}
        if not isinstance(untyped, Mapping) or not needed <= set(stored):
            raise InputTypeError(
                "from_dict takes what to_dict of a result gave, with type, schema and "
                f"version, not {cited(stored)}."
            )
        if stored["schema"] != SCHEMA:
            raise OptionError(
                f"schema={cited(stored['schema'])}: digiprosper {__version__} reads "
                f"schema {SCHEMA}. Read it with digiprosper {stored['version']}, "
                "which wrote it."
            )
        words = stored["summary"]
        return cls(
            type=stored["type"],
            title=words["title"],
            wrapped_title=words["wrapped_title"],
            blocks=tuple(_restore_block(block) for block in words["blocks"]),
            notices=tuple(
                Notice(n["code"], n["message"], n.get("names", {}))
                for n in stored["diagnostics"]
            ),
            conventions=words["conventions"],
            settings=words["settings"],
            numbers=_numbers(stored),
            schema=stored["schema"],
            version=stored["version"],
        )

    # --- a set of estimates -----------------------------------------------------------

    @property
    def params(self) -> pd.Series[float]:
        """Estimates, indexed by term; empty if the result has no terms."""
        return self.tidy().set_index("term")["estimate"]

    @property
    def cov(self) -> pd.DataFrame:
        """Covariance of the estimates, terms by terms."""
        terms = self.params.index
        rows = self.numbers.cov if len(terms) else None
        values = np.empty((0, 0)) if rows is None else np.array(rows, dtype=np.float64)
        return pd.DataFrame(values, index=terms, columns=terms)

    @property
    def diagnostics(self) -> tuple[Notice, ...]:
        """Notices of the result; `data` has the names that are below a table."""
        return self.notices

    @property
    def nobs(self) -> int:
        """Number of rows in the estimation sample; 0 of what has no estimates."""
        numbers = self.numbers.glance or self.numbers.more
        return int(numbers.get("nobs", 0))

    @property
    def inference(self) -> Inference | None:
        """Where errors, intervals and p-values come from."""
        return self.numbers.inference

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of columns."""
        return self.numbers.labels

    @property
    def factors(self) -> Factors:
        """What names of the model are products of."""
        return self.numbers.factors

    @property
    def key_names(self) -> tuple[str, str | None] | None:
        """Names of entity and time in the panel; None if unknown."""
        names = self.numbers.more.get("key_names")
        return None if names is None else (*names, None)[:2]

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Lay out one row per term.

        Parameters
        ----------
        level : float
            Of the intervals; no other than .95 is stored.

        Returns
        -------
        DataFrame
            term, estimate, std_error, statistic, p_value, conf_low, conf_high.

        Raises
        ------
        OptionError
            If another level is asked for.
        """
        if level != 0.95:
            raise OptionError(
                f"level={cited(level)}: a summary has the intervals at .95 only."
            )
        frame = pd.DataFrame(
            list(self.numbers.estimates or ()), columns=["term", *_NUMBERS]
        )
        return frame.astype(dict.fromkeys(_NUMBERS, float))

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Bring the estimates, or a test, to a table.

        Parameters
        ----------
        level : float
            Of the intervals; no other than .95 is stored.

        Returns
        -------
        tuple of Column
            One.

        Raises
        ------
        OptionError
            If another level is asked for, or the result is neither a set of estimates
            nor a test.
        """
        stored = self.numbers.more.get("column")
        if stored is None:
            column = result_column(cast("Results", self), level)
            if self.type == "LinearResults":
                return (column,)
            remark = Remark("restored", {"model": (self.type,)}, NOTES)
            return (replace(column, remarks=(*column.remarks, remark)),)
        cells = {
            row: PlainCell(column, tuple(value) if isinstance(value, list) else value)
            for row, (column, value) in stored["cells"].items()
        }
        return (
            Column(
                stored["head"],
                cells=cells,
                note=stored["note"],
                named=test_remark(stored["head"]),
                labels=stored.get("labels", {}),
                factors=read_factors(stored.get("factors", {})),
            ),
        )

    def glance(self) -> dict[str, Any]:
        """Return summary numbers of the fit, such as the number of rows.

        Returns
        -------
        dict
            As `glance` of the result.

        Raises
        ------
        OptionError
            If the result has no estimates of its own.
        """
        if self.numbers.glance is None:
            raise OptionError(
                f"{self.type} has no estimates of its own; see numbers.more."
            )
        return dict(self.numbers.glance)


class SummaryText(str):
    """A summary as text, which a notebook shows as tables."""

    __slots__ = ("content",)

    content: Summary

    def __new__(cls, content: Summary) -> Self:
        """Write a summary."""
        text = super().__new__(cls, content.to_text())
        text.content = content
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)

    def _repr_html_(self) -> str:
        return self.content.to_html()


class Summarised(PickledByName):
    """Base of results that build a `Summary`, printed as text, HTML or a dict."""

    __slots__ = ()

    schema: ClassVar[int] = SCHEMA
    # Attributes that are items of the dict, with spaces between them.
    _reported: ClassVar[str] = ""

    if not TYPE_CHECKING:  # else every attribute would have a type

        def __getattr__(self, name: str) -> Any:
            raise no_attribute(self, name, "result")

    def _summary(self) -> Summary:
        """Build the summary without the numbers."""
        raise NotImplementedError

    def _numbers(self) -> PlainNumbers:
        """Return the numbers for `to_dict`, which are computed only when needed."""
        reported = {
            name: _frame_records(getattr(self, name)) for name in self._reported.split()
        }
        return PlainNumbers(
            labels=getattr(self, "labels", {}),
            factors=getattr(self, "factors", {}),
            more={**reported, **self._more_numbers()},
        )

    def _more_numbers(self) -> dict[str, Any]:
        """Return other items of the dict."""
        return {}

    def _titled(self, title: str, *blocks: Block, **others: Any) -> Summary:
        """Build a summary with remarks, conventions and settings of the result."""
        of_result: dict[str, Any] = {
            "notices": getattr(self, "diagnostics", ()),
            "conventions": getattr(self, "conventions", ""),
            "settings": getattr(self, "settings", ""),
            "version": getattr(self, "version", __version__),
        }
        name = type(self).__name__
        return Summary(type=name, title=title, blocks=blocks, **{**of_result, **others})

    def summary(self) -> str:
        """Summarise the result as text, 80 columns wide.

        Returns
        -------
        str
            Numbers, and below them remarks, type of the standard errors, and options. A
            notebook shows tables.
        """
        return SummaryText(self._summary())

    def to_dict(self) -> dict[str, Any]:
        """Return the results, without rows and draws, as a dict for JSON.

        Returns
        -------
        dict
            The numbers (None if missing), and keys ``type``, ``schema`` and
            ``version``. ``Summary.from_dict`` of `digiprosper.report.summary` reads it.
        """
        return replace(self._summary(), numbers=self._numbers()).to_dict()

    def __repr__(self) -> str:
        return self._summary().to_text()

    def _repr_html_(self) -> str:
        return self._summary().to_html()


def coefficient_cells(
    tidy: pd.DataFrame, statistic: str = "t", digits: int = 4
) -> Cells:
    """Make the coefficient table: estimate, error, `statistic`, p and 95% interval."""
    numbers = tidy[list(_NUMBERS)].to_numpy()
    return Cells.of(
        ["", "estimate", "std. error", statistic, "p", "95% interval"],
        [
            [
                str(term),
                number_text(b, 5),
                number_text(se),
                "" if np.isnan(t) else f"{t:z.2f}",
                p_text(p),
                interval_text(low, high, digits=digits),
            ]
            for term, (b, se, t, p, low, high) in zip(
                tidy["term"], numbers, strict=True
            )
        ],
    )


def _frame_records(value: Any) -> Any:
    """Write a table as records, with its index if that has a name."""
    if not isinstance(value, pd.DataFrame):
        return value
    table = value if value.index.name is None else value.reset_index()
    return table.to_dict("records")


def _paragraph(lines: Iterable[str]) -> str:
    text = "<br>\n".join(html.escape(line) for line in lines)
    return f"<p>{text}</p>" if text else ""


def _restore_block(stored: Mapping[str, Any]) -> Block:
    values = {
        name: _as_tuples(value) for name, value in stored.items() if name != "kind"
    }
    return _BLOCKS[stored["kind"]](**values)


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _numbers(stored: Mapping[str, Any]) -> PlainNumbers:
    key, inference = _key_of_estimates(stored), stored.get("inference")
    others = {*_ROWS} - {key}
    return PlainNumbers(
        glance=stored.get("glance"),
        estimates=None if key is None else tuple(stored[key]),
        cov=stored.get("cov"),
        inference=None if inference is None else _restore_inference(inference),
        labels=stored["labels"],
        # A dict that was stored before terms had pieces has none.
        factors=read_factors(stored.get("factors", {})),
        rows_key=key or _ROWS[0],
        more={k: v for k, v in stored.items() if k in others or k not in _APART},
    )


def _key_of_estimates(stored: Mapping[str, Any]) -> str | None:
    """Find the key of the estimates, where other results may have names of terms."""
    for key in filter(stored.__contains__, _ROWS):
        if all(isinstance(row, Mapping) for row in stored[key]):
            return key
    return None


def stored_factors(factors: Factors) -> dict[str, list[dict[str, Any]]]:
    """Write factors as plain data, for a dict or the attributes of a frame."""
    return {name: list(map(asdict, of_name)) for name, of_name in factors.items()}


def read_factors(stored: Mapping[str, Any]) -> dict[str, tuple[Factor, ...]]:
    """Read factors that `stored_factors` wrote."""
    return {
        name: tuple(map(_restore_factor, of_name)) for name, of_name in stored.items()
    }


def _restore_factor(stored: Mapping[str, Any]) -> Factor:
    pieces = tuple(
        piece if isinstance(piece, str) else _restore_factor(piece)
        for piece in stored["pieces"]
    )
    return Factor(**{**stored, "columns": tuple(stored["columns"]), "pieces": pieces})


def _restore_inference(stored: Mapping[str, Any]) -> Inference:
    values = {
        name: _as_tuples(value) for name, value in stored.items() if value is not None
    }
    # JSON has no infinity: t without degrees of freedom is the default.
    return Inference(**values)
