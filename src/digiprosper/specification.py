"""Methods that all specifications have.

A specification never changes; its methods return new ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cache
from types import NoneType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    Self,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
import pandas as pd

from digiprosper.checks import MOST_DRAWS, check_option, check_whole, plain, several
from digiprosper.errors import (
    ColumnError,
    InputTypeError,
    Notice,
    OptionError,
    TermError,
    cited,
    quoted,
    suggestion,
)
from digiprosper.panel import Panel
from digiprosper.panel.terms import canonical
from digiprosper.report.pickling import PickledByName

TERM = {"term": "one"}
"""Metadata of a field that holds one term; `terms` and `swap` look for it."""
TERMS = {"term": "several"}
"""Metadata of a field that holds several terms."""
EFFECTS = dict.fromkeys(("entity_effects", "time_effects"), (True, False))
"""Values of the options of effects, where there is no `absorb`."""


def as_terms(
    value: object, field: str, *, form: str = "a list of terms (text)"
) -> tuple[str, ...]:
    """Convert one or several terms to a tuple; `field` and `form` are for messages."""
    values = as_sequence(value)
    if not isinstance(values, list | tuple):
        raise InputTypeError(f"{field} must be {form}, not {type(values).__name__}.")
    terms = tuple(map(plain, values))
    odd = [v for v in terms if not isinstance(v, str)]
    if odd:
        raise InputTypeError(
            f"{field} must be {form}; {cited(odd[0])} is {type(odd[0]).__name__}."
        )

    seen: set[str] = set()
    for term in terms:
        key = canonical(term)
        if key in seen:
            raise TermError(
                f"{field} has the term {cited(term)} twice; remove one of them."
            )
        seen.add(key)
    return terms


def as_sequence(value: object) -> object:
    """Convert a str, or an array or Index of str, to a list; keep anything else."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, np.ndarray | pd.Index) or value.ndim != 1:
        return value
    return (
        value.tolist()
        if pd.api.types.infer_dtype(value) in ("string", "empty")
        else value
    )


def plain_options(spec: Any) -> None:
    """Convert numpy scalars in a new specification's options to Python's types."""
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if type(value) in (list, tuple):
            object.__setattr__(spec, field.name, type(value)(map(plain, value)))
        elif isinstance(value, np.generic | np.ndarray):
            object.__setattr__(spec, field.name, plain(value))


def read_terms(spec: Any) -> None:
    """Check the terms of a new specification, and store several as a tuple."""
    plain_options(spec)
    for item in dataclasses.fields(spec):
        name, value = item.name, getattr(spec, item.name)
        if value is None and item.default is None:
            continue
        if item.metadata == TERM:
            one_term(value, name)
        elif item.metadata == TERMS or name in ("absorb", "clusters"):
            object.__setattr__(spec, name, as_terms(value, name))


def check_words(
    spec: Any, others: Mapping[str, Sequence[object]] | None = None
) -> None:
    """Refuse options with other words than their annotations, or `others`, have."""
    kind: Any = type(spec)
    for name, allowed in {**_annotated_words(kind), **(others or {})}.items():
        check_option(name, getattr(spec, name), allowed)


@cache
def _annotated_words(kind: Any) -> dict[str, list[object]]:
    hints, words = get_type_hints(kind), {}
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        parts = (hint,) if get_origin(hint) is Literal else get_args(hint)
        if parts and all(p is NoneType or get_origin(p) is Literal for p in parts):
            words[field.name] = [w for p in parts for w in get_args(p) or (None,)]
    return words


def one_term(value: object, field: str) -> str:
    """Check that a value is a single term."""
    if not isinstance(value, str):
        raise InputTypeError(
            f"{field}={cited(value)} must be one term (text), not "
            f"{type(value).__name__}."
        )
    return value


def check_reps(reps: object, least: int) -> int:
    """Refuse a number of draws unless it is an integer from `least` to 10,000,000."""
    return check_whole("reps", reps, least, MOST_DRAWS)


def refuse_outcome(spec: Any, roles: Sequence[str]) -> None:
    """Refuse an outcome that is a term of another role as well."""
    for role in roles:
        terms = as_terms(getattr(spec, role), role)
        if canonical(spec.y) in {canonical(term) for term in terms}:
            raise TermError(
                f"y={cited(spec.y)} is also in {role}; the outcome cannot be its own "
                "regressor."
            )


def refuse_repeats(spec: Any, roles: Sequence[str]) -> None:
    """Refuse a term that is in two roles of a specification."""
    role_of_term: dict[str, str] = {}
    problems = []
    for role in roles:
        value = getattr(spec, role) or ()
        for term in (value,) if isinstance(value, str) else value:
            first = role_of_term.setdefault(canonical(term), role)
            if first != role:
                data = {"term": term, "roles": (first, role)}
                problems.append(
                    Notice(
                        "repeated", f"{cited(term)} is in {first} and in {role}", data
                    )
                )
    if problems:
        raise TermError(
            f"{several(problems)}. A term can have one role only.",
            problems,
        )


def unknown_arguments(kind: Any, unknown: Sequence[str]) -> str:
    """Write the message about unknown arguments, with suggestions."""
    names = [field.name for field in dataclasses.fields(kind)]
    hints = [f"{cited(name)}{suggestion(name, 'argument', names)}" for name in unknown]
    return (
        f"{kind.__name__} has no argument {', '.join(hints)}; it has "
        f"{quoted(names, 30)}."
    )


def _is_term(value: object, key: str) -> bool:
    return isinstance(value, str) and canonical(value) == key


class Specification(PickledByName):
    """Base class of specifications, which say what is estimated and how.

    Specifications never change: their methods return new ones. Use it to annotate
    functions that take any specification.

    Notes
    -----
    An estimator of your own is a frozen dataclass with this base and a method `fit`
    that returns the attributes of `Results`. The metadata of a field say that it holds
    a term, ``{"term": "one"}``, or several, ``{"term": "several"}``: `terms`, `swap`
    and `PropagatedIndex` look for terms there.

    Examples
    --------
    >>> import digiprosper as dp
    >>> isinstance(dp.FixedEffects("log(gsp)", ["unemp"]), dp.Specification)
    True

    Its arguments as JSON, and back:

    >>> import dataclasses, json
    >>> spec = dp.FixedEffects("log(gsp)", ["unemp"])
    >>> stored = json.dumps(dataclasses.asdict(spec))
    >>> dp.FixedEffects(**json.loads(stored)) == spec
    True

    A specification of your own:

    >>> from dataclasses import dataclass, field
    >>> @dataclass(frozen=True)
    ... class Median(dp.Specification):
    ...     y: str = field(metadata={"term": "one"})
    ...     x: tuple[str, ...] = field(metadata={"term": "several"})
    >>> Median("gsp", ("unemp",)).swap("unemp", "emp").terms
    ('gsp', 'emp')
    """

    __slots__ = ()

    __dataclass_fields__: ClassVar[dict[str, Any]]

    if not TYPE_CHECKING:  # else the arguments of `__init__` would not be read

        def __new__(cls, *values: object, **options: object) -> Self:
            """Refuse arguments of other names, and data, before fields are set."""
            unknown = [name for name in options if name not in cls.__dataclass_fields__]
            if {type(value).__name__ for value in values} & {"Panel", "DataFrame"}:
                unknown.append("data")
            if unknown:
                raise InputTypeError(unknown_arguments(cls, unknown))
            return super().__new__(cls)

    def fit(self, panel: Panel, *, rng: object = None, progress: bool = False) -> Any:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data.
        rng : int, SeedSequence or Generator, optional
            Seed of draws, if the model has any.
        progress : bool
            Whether to show a progress bar of draws.

        Returns
        -------
        results
            Results of the type that the specification names.
        """
        raise NotImplementedError

    def replace(self, **fields: Any) -> Self:
        """Return a specification with other values of some arguments.

        Parameters
        ----------
        **fields
            New values by name of the argument.

        Returns
        -------
        specification
            A new specification.

        Raises
        ------
        OptionError
            If there is no such argument.

        Examples
        --------
        >>> import digiprosper as dp
        >>> dp.FixedEffects("log(gsp)", ["unemp"]).replace(
        ...     time_effects=False
        ... ).time_effects
        False
        """
        names = [f.name for f in dataclasses.fields(self)]
        unknown = [name for name in fields if name not in names]
        if unknown:
            raise OptionError(unknown_arguments(type(self), unknown))
        return dataclasses.replace(self, **fields)

    def add(self, *x: str) -> Self:
        """Add regressors at the end of `x`.

        Parameters
        ----------
        *x : str
            Terms to add.

        Returns
        -------
        specification
            A new specification.

        Examples
        --------
        >>> import digiprosper as dp
        >>> dp.FixedEffects("log(gsp)", ["unemp"]).add("log(pc)").x
        ('unemp', 'log(pc)')
        """
        return self.replace(x=(*self._x(), *x))

    def drop(self, *x: str) -> Self:
        """Drop regressors from `x`.

        Parameters
        ----------
        *x : str
            Terms to drop.

        Returns
        -------
        specification
            A new specification.

        Raises
        ------
        ColumnError
            If a term is not in `x`.

        Examples
        --------
        >>> import digiprosper as dp
        >>> dp.FixedEffects("log(gsp)", ["unemp", "log(pc)"]).drop("unemp").x
        ('log(pc)',)
        """
        keys = {canonical(t): t for t in self._x()}
        x = as_terms(x, "drop()")
        absent = [t for t in x if canonical(t) not in keys]
        if absent:
            raise ColumnError(
                f"x has no term {quoted(absent)} to drop; it has {quoted(self._x())}."
            )
        dropped = {canonical(t) for t in x}
        return self.replace(
            x=tuple(t for t in self._x() if canonical(t) not in dropped)
        )

    def swap(self, old: str, new: str) -> Self:
        """Replace one term by another in all roles.

        Parameters
        ----------
        old, new : str
            Term to replace, and the term that replaces it.

        Returns
        -------
        specification
            A new specification.

        Raises
        ------
        ColumnError
            If `old` is not in the specification.

        Examples
        --------
        >>> import digiprosper as dp
        >>> dp.FixedEffects("log(gsp)", ["unemp", "log(pc)"]).swap(
        ...     "log(pc)", "log(pcap)"
        ... ).x
        ('unemp', 'log(pcap)')
        """
        key = canonical(one_term(old, "old"))
        new = one_term(new, "new")
        changes: dict[str, Any] = {}
        for name in self._term_fields():
            value = getattr(self, name)
            if isinstance(value, str) and canonical(value) == key:
                changes[name] = new
            elif isinstance(value, tuple) and any(_is_term(v, key) for v in value):
                changes[name] = tuple(new if _is_term(v, key) else v for v in value)
        if not changes:
            raise ColumnError(
                f"there is no term {cited(old)} to swap; the terms are "
                f"{quoted(self.terms, 12)}."
            )
        return self.replace(**changes)

    @property
    def terms(self) -> tuple[str, ...]:
        """All terms of the model; the outcome is first."""
        out: list[str] = []
        for name in self._term_fields():
            value = getattr(self, name)
            out += (
                [value]
                if isinstance(value, str)
                else [v for v in value if isinstance(v, str)]
            )
        return tuple(dict.fromkeys(out))

    def _x(self) -> tuple[str, ...]:
        return getattr(self, "x", ())

    def _term_fields(self) -> list[str]:
        """List the fields that hold a term or several, the controls last."""
        marked = [f.name for f in dataclasses.fields(self) if "term" in f.metadata]
        filled = [name for name in marked if getattr(self, name) is not None]
        return sorted(filled, key=lambda name: name == "x")
