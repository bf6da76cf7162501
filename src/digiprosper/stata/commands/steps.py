"""What a data command does, and code of its parts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from digiprosper.errors import StataError
from digiprosper.stata.expressions import Printer, unquoted
from digiprosper.stata.prefixes import split
from digiprosper.stata.translation import UNKNOWN_ORDER, Call

ASSIGNMENT = re.compile(
    r"\s*(?:(?P<type>byte|int|long|float|double|str\w*)\s+)?"
    r"(?P<name>[^\W\d]\w*)(?::\w+)?\s*"
    r"=(?!=)\s*(?P<value>.+)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Step:
    """What a data command does: code, columns that it makes or drops, rows changed."""

    python: str
    creates: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    # Whether new columns are complete, that is, computed from keys.
    complete: bool = False
    # Whether the data are read anew.
    fresh: bool = False
    # Columns that the rows are sorted by afterwards; None where that is as before.
    order: tuple[str, ...] | None = None
    # Columns of the only complete values, if rows are new.
    filled: tuple[str, ...] | None = None
    # The Stata file that is read.
    reads: str = ""

    @property
    def has_new_rows(self) -> bool:
        """Whether rows are read, added or combined."""
        return self.fresh or self.filled is not None

    @property
    def moves_rows(self) -> bool:
        """Whether the number of a row may be another one afterwards."""
        return self.order is not None or not self.creates


def assigned(name: str, code: str, *, complete: bool = False) -> Step:
    """Write the values of a column."""
    return Step(f"df[{name!r}] = {code}", (name,), complete=complete)


class DataCall(Call):
    """A data command, and code of its parts."""

    @property
    def names(self) -> list[str]:
        """The variables."""
        return self.context.variables.names(self.command.arguments)

    def require_names(self, count: int) -> list[str]:
        """List the variables of a command that needs so many."""
        if len(self.names) != count:
            raise StataError.because(f"{self.command.text}: not {count} variables")
        return self.names

    @property
    def new(self) -> list[str]:
        """The names in generate()."""
        return split(self.options.get("generate", ""))

    @property
    def new_name(self) -> str:
        """The name in generate() of a command that makes one column."""
        if len(self.new) != 1:
            raise StataError.because(f"{self.command.name} without generate(name)")
        return self.new[0]

    @property
    def groups(self) -> tuple[list[str], list[str]]:
        """Variables of ``by x:``, ``bysort x (t):`` or ``by(x)``, and of the order."""
        prefix = self.command.prefix("by", "bysort")
        text = prefix.text if prefix else self.options.get("by", "")
        groups, _, inside = text.partition(",")[0].replace(")", "").partition("(")
        names = self.context.variables.names
        return names(groups), names(inside)

    @property
    def order(self) -> tuple[str, ...]:
        """Columns that rows are sorted by, after a prefix that sorts."""
        order = self.context.order
        if self.command.prefix("bysort") is None:
            return order
        names = tuple(name for names in self.groups for name in names)
        return order if order[: len(names)] == names else names

    @property
    def printer(self) -> Printer:
        """What writes expressions, with the groups of by."""
        context, groups, order = self.context, self.groups[0], self.order
        is_sorted = order != UNKNOWN_ORDER and order[: len(groups)] == tuple(groups)
        return Printer(
            context.complete,
            context.variables.resolve,
            pandas=True,
            results=context.summary | self._sample,
            groups=groups,
            in_order=is_sorted and (len(order) > len(groups) or not order),
            panel=context.panel_code if context.entity and context.time else "",
        )

    @property
    def _sample(self) -> dict[str, str]:
        """Code of ``e(sample)``, where its rows are known."""
        if not (self.context.knows_sample and self.context.is_linear):
            return {}
        return {"e(sample)": "by_row(fit.resids, df).notna()"}

    @property
    def where(self) -> str | None:
        """Code of the condition."""
        text = self.command.condition
        return text and self.printer.condition(self.context.parse(text))

    def only_where(self, code: str) -> str:
        """Write values that are missing, or empty, outside the condition."""
        return f"only_where({code}, {self.where})" if self.where else code

    @property
    def assignment(self) -> tuple[str, str, str]:
        """The type, the name and the expression of ``name = expression``."""
        match = ASSIGNMENT.fullmatch(self.command.arguments)
        if match is None:
            raise StataError.because(f"{self.command.name} {self.command.arguments}")
        storage = match["type"] or self.context.default_type
        return storage, match["name"], match["value"]

    @property
    def path(self) -> str:
        """The Stata file after using."""
        if not self.command.using:
            raise StataError.because(f"{self.command.name} without using")
        return file_name(self.command.using)

    def value(self, text: str) -> str:
        """Write an expression in the rows of the condition."""
        node = self.context.parse(text)
        value = self.printer.number(node)
        if "df" not in value:
            value = f"pd.Series({value}, df.index)"
        elif node.kind in ("binary", "unary"):
            value = f"({value})"
        return f"{value}.where({self.where})" if self.where else value


def file_name(text: str) -> str:
    """Read the name of a Stata file."""
    path = unquoted(text)
    return path if path.endswith(".dta") else f"{path}.dta"
