"""What a command becomes: a specification to paste, or the code of a data step."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd
from pandas.api.types import is_numeric_dtype

from digiprosper.errors import DigiprosperError, cited
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel
from digiprosper.panel.grammar import backticked
from digiprosper.specification import Specification
from digiprosper.stata.expressions import (
    Node,
    PandasPrinter,
    Printer,
    parse,
    unquoted,
)
from digiprosper.stata.prefixes import Command, notes_of, refused, split
from digiprosper.stata.varlists import (
    LaterColumns,
    Product,
    Variables,
    as_terms,
    crossed_names,
    is_category,
    term,
    whole,
)

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Translation:
    """One command of Stata as a specification of this library.

    Parameters
    ----------
    command : str
        The command, with macros replaced.
    spec : specification or None
        The specification; None for commands that need a fit or a panel, such as
        ``test`` and ``hausman``, and for spatial models without `spatial_weights`.
    python : str
        The line to paste after ``import digiprosper as dp``. It evaluates to `spec`.
        ``fit`` stands for the results of the last estimation and ``panel`` for the
        panel. Random effects are a fitted model of ``linearmodels``, logit and probit
        without effects one of ``statsmodels``, imported first.
    notes : tuple of str
        What differs from Stata's output, such as degrees of freedom.

    Examples
    --------
    >>> import digiprosper as dp
    >>> translation = dp.from_stata("xtreg y x, fe vce(cluster id)")
    >>> translation.spec.ssc
    'xtreg'
    """

    command: str
    spec: Specification | None
    python: str
    notes: tuple[str, ...] = ()

    @property
    def is_model(self) -> bool:
        """Whether `python` is a specification or a fitted model, not a test."""
        return re.match(r"dp\.[A-Z]", self.python) is not None or self.is_foreign

    @property
    def is_foreign(self) -> bool:
        """Whether `python` is a fitted model of linearmodels or statsmodels."""
        return self.python.startswith(("linearmodels.", "Logit(", "Probit(", "OLS("))


# Options without an argument, and the field and the value that each stands for.
FLAGS: Mapping[str, tuple[str, Any]] = {
    "long2": ("base_period", "universal"),
    "noconstant": ("constant", False),
    "noleveleq": ("estimator", "difference"),
    "notyet": ("control", "not_yet"),
    "orthogonal": ("transform", "orthogonal"),
    "twostep": ("steps", 2),
}
# What the code of foreign models needs.
IMPORTS = (
    "import formulaic\nimport linearmodels\n"
    "from statsmodels.discrete.discrete_model import Logit, Probit\n"
    "from statsmodels.regression.linear_model import OLS\n"
)
# Ties, or another program, decide the order of the rows.
UNKNOWN_ORDER = ("",)
# The entity of a single series.
ONE_SERIES = "one_series"
ASSIGNMENT = re.compile(
    r"\s*(?:(?P<type>byte|int|long|float|double|str\w*)\s+)?"
    r"(?P<name>[^\W\d]\w*)(?::\w+)?\s*"
    r"=(?!=)\s*(?P<value>.+)",
    re.DOTALL,
)


@dataclass(slots=True)
class Context:
    """What earlier lines and the panel say: keys, columns, results."""

    entity: str | None = None
    time: str | None = None
    variables: Variables = field(default_factory=Variables)
    # Variables that are never missing: the keys and what is computed from them.
    complete: set[str] = field(default_factory=set)
    # The type of new variables.
    default_type: str = "float"
    # The data; without columns if they are not there.
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    spatial_weights: Mapping[str, Any] = field(default_factory=dict)
    # Named results of est store, to the specification behind them.
    results: dict[str, Any] = field(default_factory=dict)
    last: Any = None
    # The specification that is written last, also where columns are not known.
    specified: Any = None
    # Specifications whose effects are dummies of the command, or without constant.
    with_dummies: list[Specification] = field(default_factory=list)
    # Code of what the last summarize stored, such as r(mean).
    summary: dict[str, str] = field(default_factory=dict)
    # Columns that the rows are sorted by; empty for rows in the order of a file.
    order: tuple[str, ...] = UNKNOWN_ORDER
    # The last reshape, which `reshape long` and `reshape wide` alone repeat.
    reshaped: Command | None = None
    # Value labels that lines define.
    labels: set[str] = field(default_factory=set)
    # What is known of the data of files that the do-file has saved.
    saved: dict[str, Any] = field(default_factory=dict)
    # Scalars, as numbers that replace their names.
    scalars: dict[str, Node] = field(default_factory=dict)
    used_scalars: set[str] = field(default_factory=set)
    # Names of results of summarize that the script has stored.
    stored: set[str] = field(default_factory=set)
    # Where files are, if they are read, and where the do-file is.
    folder: Path | None = None
    folder_of_code: Path | None = None
    # Keys of the rows of the last estimation.
    fitted_keys: tuple[str | None, ...] = ()
    # Units of the time key that are one period; None where xtset states none.
    step: int | None = None

    def find_file(self, path: str) -> str:
        """Find a file in the folder of the data, if there is one."""
        return path if self.folder is None else _find(path, self.folder).as_posix()

    def find_do_file(self, path: str) -> Path:
        """Find a do-file in the folder of the first one, or in that of the data."""
        path = path if Path(path).suffix else f"{path}.do"
        return _find(path, *filter(None, (self.folder_of_code, self.folder)))

    @property
    def panel_code(self) -> str:
        """Code of the panel of ``xtset``, or of rows where there is none."""
        frame = "df.assign(**scalars)" if self.stored else "df"
        if self.entity is None:
            return f"dp.Panel.from_rows({frame})"
        if self.time is None:
            return f"dp.Panel.from_rows({frame}, entity={self.entity!r})"
        frame += f".assign({ONE_SERIES}=1)" if self.entity == ONE_SERIES else ""
        step = f", step={self.step}" if self.step else ""
        return f"dp.Panel({frame}, {self.entity!r}, {self.time!r}{step})"

    @property
    def is_linear(self) -> bool:
        """Whether the last estimation is a linear regression."""
        return type(self.last).__name__ in ("FixedEffects", "FixedEffectsIV")

    @property
    def knows_sample(self) -> bool:
        """Whether rows of the last estimation are known by the keys of the panel."""
        keys = (self.entity, self.time)
        # Without keys rows are known by their number.
        is_known = None not in keys or keys == (None, None)
        return is_known and self.fitted_keys == keys

    @property
    def keys(self) -> list[str]:
        """The columns of xtset."""
        return [k for k in (self.entity, self.time) if k not in (None, ONE_SERIES)]

    def has_ties(self, order: Iterable[str]) -> bool:
        """Tell whether rows that are sorted by columns may have ties."""
        names = {name.lstrip("-") for name in order}
        return bool(names) and not (self.time and set(self.keys) <= names)

    def parse(self, text: str) -> Node:
        """Parse an expression; scalars are numbers, unless a column may be meant."""
        columns = (*(self.variables.columns or ()), *self.variables.created)
        node = parse(text)
        scalars = {
            name: self.scalars[name]
            for name in {part.value for part in node.walk()} & self.scalars.keys()
            if not any(column.startswith(name) for column in columns)
        }
        self.used_scalars |= scalars.keys()
        return node.replaced(scalars)

    @classmethod
    def start(
        cls,
        panel: Panel | None,
        spatial_weights: Mapping[str, Any],
        keys: tuple[str | None, str | None] = (None, None),
    ) -> Context:
        """Take keys and columns from a panel, or the keys alone."""
        if panel is None:
            complete = {*filter(None, keys)}
            return cls(*keys, complete=complete, spatial_weights=spatial_weights)
        check_panel(panel, "a command of Stata")
        frame = panel.frame.reset_index()
        columns = [str(name) for name in frame.columns]
        complete = {str(c) for c in frame.columns if not frame[c].hasnans}
        return cls(
            columns[0],
            columns[1],
            Variables(columns),
            complete,
            frame=frame,
            spatial_weights=spatial_weights,
        )

    @property
    def texts(self) -> dict[str, bool]:
        """Whether columns are text, if the data are there."""
        return {
            str(name): not is_numeric_dtype(getattr(dtype, "categories", dtype))
            for name, dtype in self.frame.dtypes.items()
        }

    def where(self, condition: str | None, needed: Iterable[str] = ()) -> str | None:
        """Write a condition of Stata, of rows with values of `needed`, as `where`."""
        frame = self.frame
        incomplete = [
            name
            for name in dict.fromkeys(needed)
            if name in frame and (frame[name].isna() | (frame[name] == "")).any()
        ]
        if incomplete:
            has_values = f"!missing({', '.join(incomplete)})"
            condition = f"({condition}) & {has_values}" if condition else has_values
        if condition is None:
            return None
        printer = Printer(self.complete, self.variables.resolve, self.texts)
        return printer.condition(self.parse(condition))


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


def assigned(name: str, code: str, *, complete: bool = False) -> Step:
    """Write the values of a column."""
    return Step(f"df[{name!r}] = {code}", (name,), complete=complete)


@dataclass(frozen=True, slots=True)
class Call:
    """A command with its options by full name, after the lines before it."""

    command: Command
    context: Context
    options: Mapping[str, str]

    def variables(self) -> tuple[str, list[Product]]:
        """Read the variables of the command; the first is the outcome."""
        products = self.context.variables.products(self.command.arguments)
        if not products:
            raise refused("there are no variables")
        y = term(products[0])
        if isinstance(y, LaterColumns):
            raise refused(f"the outcome {cited(y.removeprefix('*'))}")
        return y, [product for product in products if term(product) != y]

    @property
    def keys(self) -> tuple[str, str]:
        """The keys of xtset as effects; without xtset, names that no column has."""
        entity, time = self.context.entity, self.context.time
        return backticked(entity or "\N{NULL}entity"), backticked(time or "")

    def effects(self, absorbed: Sequence[str], *, time: bool = False) -> dict[str, Any]:
        """Return the fields of absorbed effects; `time` adds those of the time key."""
        keys = self.keys
        return {
            "entity_effects": keys[0] in absorbed,
            "time_effects": time or keys[1] in absorbed,
            "absorb": [effect for effect in absorbed if effect not in keys],
        }

    @property
    def flags(self) -> dict[str, Any]:
        """The fields that options without an argument set."""
        return dict(FLAGS[option] for option in self.options if option in FLAGS)

    def without_dummies(
        self, products: Sequence[Product], key: Literal["entity", "time"] = "time"
    ) -> tuple[list[Product], bool]:
        """Take the category of a key out; it becomes effects, if it is there."""
        names = {getattr(self.context, key)} - crossed_names(products)
        others = [p for p in products if not (is_category(p) and p[0].name in names)]
        return others, len(others) < len(products)

    def terms(self, option: str) -> list[str]:
        """Read the variables in an option as terms."""
        return as_terms(self.context.variables.products(self.options.get(option, "")))

    def variable(self, option: str) -> str:
        """Read the one variable that an option needs."""
        terms = self.terms(option)
        if len(terms) != 1:
            raise refused(f"one variable in {option}() is needed")
        return terms[0]

    def whole(self, option: str, default: int | None = None) -> Any:
        """Read a whole number in an option."""
        text = self.options.get(option)
        return default if text is None else whole(text, option)

    def errors(self, default: str = "oim") -> dict[str, Any]:
        """Translate vce(), cluster() and robust, or else the word `default`."""
        options, kinds = self.options, notes_of("errors ")
        text = options.get("vce") or ("robust" if "robust" in options else default)
        if "cluster" in options:
            text = f"cluster {options['cluster']}"
        kind, _, names = text.partition(" ")
        meant = next((word for word in kinds if word.startswith(kind)), "")
        if not meant or "," in names or (names and meant != "cluster"):
            raise refused(
                f"vce({text})",
                "Use cluster_bootstrap(), wild_bootstrap(), cov_type='crv3' or 'cr2'.",
            )
        # With effects of entities robust errors are clustered by them in some commands.
        cov_type = kinds.get(f"{meant} {self.command.name}", kinds[meant])
        if cov_type == "clustered":
            # Entities may be others than those of xtset.
            names = names or options.get("i", "")
        return {"cov_type": cov_type, "clusters": self.clusters(names)}

    def clusters(self, text: str) -> list[str] | None:
        """Read cluster variables; None stands for the entity."""
        terms = self.context.variables.clusters(text)
        return None if terms in ([], [self.keys[0]]) else terms

    def specify(
        self,
        name: str,
        notes: Iterable[str] = (),
        **fields: Any,
    ) -> Translation:
        """Build a specification by the name of its class.

        Columns that are not known have a name in it, and their code in the script.
        The field `needed` has columns that rows need besides.
        """
        later: dict[str, str] = {}

        def with_placeholders(value: Any) -> Any:
            if isinstance(value, LaterColumns):
                placeholder = f"_later_columns_{len(later)}"
                later[placeholder] = value
                return placeholder
            if isinstance(value, list):
                return [*map(with_placeholders, value)]
            return value

        clusters, effects = (
            re.findall(r"\w+", " ".join(fields.get(option) or ()))
            for option in ("clusters", "absorb")
        )
        # A number that an effect misses is known as missing.
        absorbed_texts = [name for name in effects if self.context.texts.get(name)]
        needed = [*fields.pop("needed", ()), *clusters, *absorbed_texts]
        fields["where"] = self.context.where(self.command.condition, needed)
        options = {option: with_placeholders(v) for option, v in fields.items()}
        try:
            # The package has its names once they are asked for.
            spec = getattr(import_module("digiprosper"), name)(**options)
        except DigiprosperError as error:
            raise refused(str(error).rstrip(".")) from error
        self.context.specified = spec
        code = as_python(spec)
        for placeholder, columns in later.items():
            code = code.replace(f'"{placeholder}"', columns)
        spec = None if later else spec
        return Translation(self.command.text, spec, code, tuple(notes))

    def python(self, code: str, *notes: str) -> Translation:
        """Write code that needs a fit or the panel."""
        return Translation(self.command.text, None, code, notes)

    # --- parts of data commands, and their code

    @property
    def names(self) -> list[str]:
        """The variables, which may be in parentheses."""
        return self.context.variables.names(self.command.arguments.strip("() "))

    def require_names(self, count: int) -> list[str]:
        """List the variables of a command that needs so many."""
        if len(self.names) != count:
            raise refused(f"{self.command.text}: not {count} variables")
        return self.names

    @property
    def new(self) -> list[str]:
        """The names in generate()."""
        return split(self.options.get("generate", "").replace('"', ""))

    @property
    def new_name(self) -> str:
        """The name in generate() of a command that makes one column."""
        if len(self.new) != 1:
            raise refused(f"{self.command.name} without generate(name)")
        return self.new[0]

    @property
    def groups(self) -> tuple[list[str], list[str]]:
        """Variables of ``by x:``, ``bysort x (t):`` or ``by(x)``, and of the order."""
        text = self.command.by or self.options.get("by", "")
        groups, _, inside = text.partition(",")[0].replace(")", "").partition("(")
        names = self.context.variables.names
        return names(groups), names(inside)

    @property
    def order(self) -> tuple[str, ...]:
        """Columns that rows are sorted by, after a prefix that sorts."""
        order = self.context.order
        if "bysort" not in self.command.prefixes:
            return order
        groups, inside = self.groups
        names = (*groups, *inside)
        return order if order[: len(names)] == names else names

    @property
    def printer(self) -> PandasPrinter:
        """What writes expressions, with the groups of by."""
        context, groups, order = self.context, self.groups[0], self.order
        # Where the rows of the last estimation are known.
        has_sample = context.knows_sample and context.is_linear
        sample = {"e(sample)": "by_row(fit.resids, df).notna()"} if has_sample else {}
        spec = context.last if context.is_linear else None
        regressors = [*getattr(spec, "x", ()), *getattr(spec, "endog", ())]
        slopes = {f"_b[{name}]": f"fit.params[{name!r}]" for name in regressors}
        is_sorted = order != UNKNOWN_ORDER and order[: len(groups)] == tuple(groups)
        return PandasPrinter(
            context.complete,
            context.variables.resolve,
            context.texts,
            results=context.summary | sample | slopes,
            groups=groups,
            # Several variables may identify rows; if not, ties stop the script.
            in_order=is_sorted
            and (len(order) > len(groups) or not order or len(groups) > 1),
            panel=context.panel_code if context.entity and context.time else "",
        )

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
            raise refused(f"{self.command.name} {self.command.arguments}")
        storage = match["type"] or self.context.default_type
        return storage, match["name"], match["value"]

    @property
    def path(self) -> str:
        """The Stata file after using."""
        using = self.command.using or ""
        if len(split(using)) != 1:
            raise refused(f"{self.command.name} without using one file")
        return file_name(using)

    def value(self, text: str) -> str:
        """Write an expression in the rows of the condition."""
        node = self.context.parse(text)
        value = self.printer.number(node)
        if "df" not in value:
            value = f"pd.Series({value}, df.index)"
        elif node.kind in ("binary", "unary"):
            value = f"({value})"
        return f"{value}.where({self.where})" if self.where else value


def _find(path: str, *folders: Path) -> Path:
    """Find a file as typed in a folder, else by the last parts of its path."""
    for folder in folders:
        if (typed := folder / path.replace("\\", "/").lstrip("/")).is_file():
            return typed.resolve()
    # A folder may be a macro without a value, as in ${data}firms.dta.
    parts = re.split(r"[/\\}]", path.lower())
    files = [*{file for folder in folders for file in folder.rglob("*")}]
    for count in range(1, len(parts) + 1):
        end = "/".join(["", *parts[-count:]])
        nearer = [f for f in files if f.as_posix().lower().endswith(end)]
        files = nearer or (files if count > 1 else [])
    if len(files) != 1:
        files_are = "several files are" if files else "no file is"
        among = " or ".join(map(str, dict.fromkeys(folders)))
        raise refused(f"{files_are} named {cited(parts[-1])} in {among}")
    return files[0]


def file_name(text: str) -> str:
    """Read the name of a Stata file."""
    path = unquoted(text)
    return path if path.endswith(".dta") else f"{path}.dta"


# --- specifications as code ----------------------------------------------------------


def option_value(option: str, word: str, values: Mapping[str, Value]) -> Value:
    """Translate a word in an option; one that is not in the table is refused."""
    if word not in values:
        listed = ", ".join(filter(None, values))
        raise refused(f"{option}({word})", f"There are {listed}.")
    return values[word]


def as_python(spec: Any) -> str:
    """Write a specification as the call that makes it; defaults are left out."""
    parts = []
    for option in dataclasses.fields(spec):
        value = getattr(spec, option.name)
        if option.default is dataclasses.MISSING or value != option.default:
            name = f"{option.name}=" if option.kw_only else ""
            parts.append(f"{name}{_written(value)}")
    return f"dp.{type(spec).__name__}({', '.join(parts)})"


def _written(value: Any) -> str:
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case ((str(), tuple() | str() | None), *_):
            return f"{{{', '.join(f'{_written(a)}: {_written(b)}' for a, b in value)}}}"
        case (int(), _):
            return repr(value)
        case tuple() | list():
            return f"[{', '.join(map(_written, value))}]"
    is_matrix = type(value).__name__ == "SpatialWeights"
    return "spatial_weights" if is_matrix else repr(value)
