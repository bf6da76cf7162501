"""One command, a whole do-file, and a do-file with its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from digiprosper.errors import InputTypeError, StataError, as_path, cited
from digiprosper.stata.commands import estimations
from digiprosper.stata.judge import findings
from digiprosper.stata.lines import decode, statements
from digiprosper.stata.macros import Macros
from digiprosper.stata.prefixes import read_command
from digiprosper.stata.reader import Reader
from digiprosper.stata.report import DoFile
from digiprosper.stata.runner import Runner
from digiprosper.stata.translation import Context

if TYPE_CHECKING:
    from os import PathLike

    from digiprosper.errors import Notice
    from digiprosper.panel import Panel
    from digiprosper.spatial.weights import SpatialWeights
    from digiprosper.stata.translation import Translation

_HEAD = """\
from contextlib import suppress

import numpy as np
import pandas as pd
import scipy.special

import digiprosper as dp

results, saved, columns, tables = {}, {}, {}, {}


def missing(x):
    '''Missing numbers and empty texts.'''
    return x.isna() | (x == "")


def percentile(x, shares):
    '''Percentiles as Stata's: means of two values at a step.'''
    x = np.sort(np.append(x, np.nan))
    last = max(np.sum(x == x) - 1, 0)
    # A third of nine values is three of them.
    at = np.round(np.multiply(last + 1, shares) / 100, 9)
    low, high = (np.clip(end, 0, last) for end in (np.ceil(at) - 1, np.floor(at)))
    return (x[low.astype(int)] + x[high.astype(int)]) / 2


def winsorised(x, low, high, trim=False):
    '''Cut at percentiles, or make what is beyond them missing, as winsor2.'''
    ends = percentile(x, [low, high])
    return x.where(x.between(*ends)) if trim else x.clip(*ends)


def winsorised_by_count(x, share):
    '''Cut as many values at each end as a share of all has, as winsor.'''
    ends = x.dropna().sort_values()
    count = int(share * len(ends))
    return x.clip(ends.iloc[count], ends.iloc[-1 - count])


def only_mode(x):
    '''The most frequent value, missing if there are several, as egen.'''
    values = x[~missing(x)].mode()
    if len(values) != 1:
        return np.nan if pd.api.types.is_numeric_dtype(x) else ""
    return values[0]


def only_value(x):
    '''The value of a group; one that has several depends on the order of rows.'''
    values = x[~missing(x)].unique()
    assert len(values) < 2, "several values in a group"
    return values[0] if len(values) else np.nan


def renamed(df, names):
    '''The data with other names of columns.'''
    df = df.rename(columns=names)
    assert df.columns.is_unique, "two columns would have one name"
    return df


def quantile_groups(x, count):
    '''Groups between percentiles, as xtile.'''
    cuts = percentile(x, 100 * np.arange(1, count) / count)
    return pd.Series(np.searchsorted(cuts, x) + 1.0, x.index).where(x.notna())


def numeric(x):
    '''Text as numbers, if all of it is numbers, as destring.'''
    with suppress(ValueError):
        return pd.to_numeric(x)
    return x


def encoded(x):
    '''Codes of the sorted texts, as encode.'''
    codes = pd.factorize(x.replace("", np.nan), sort=True)[0] + 1.0
    return pd.Series(codes, x.index).replace(0, np.nan)


def all_rows(df, names, levels):
    '''Rows of all combinations of levels, as fillin.'''
    rows = pd.MultiIndex.from_product(levels, names=names).to_frame(index=False)
    return rows.merge(df, how="left")


def interpolated(y, x):
    '''Values of y on lines between its means for each x, as ipolate.'''
    pairs = y.groupby(x).mean().dropna()
    if pairs.empty:
        return y * np.nan
    lines = np.interp(x, pairs.index, pairs, left=np.nan, right=np.nan)
    return pd.Series(lines, y.index)


def by_row(values, df):
    '''Values of a panel for each row of df.'''
    names, numbers = values.index.names, {"row": np.arange(len(df)), "one_series": 1}
    absent = {name: numbers[name] for name in names if name not in df}
    keys = pd.MultiIndex.from_frame(df.assign(**absent)[names])
    keys = keys if values.index.nlevels > 1 else keys.get_level_values(0)
    return pd.Series(values.reindex(keys).to_numpy(), df.index)


def by_time(panel, df, term):
    '''A term with lags for each row of df.'''
    return by_row(panel.assign(term=term).frame["term"], df)


def single(x):
    '''Numbers in single precision, as generate stores them.'''
    if not isinstance(x, pd.Series):
        return float(np.float32(x))
    if not pd.api.types.is_numeric_dtype(x):
        return x
    return x.where(x.abs() < 1.7014117e38).astype("float32").astype("float64")


def only_where(x, rows):
    '''Values in some rows; elsewhere numbers are missing, texts empty.'''
    x = pd.Series(x, rows.index)
    return x.where(rows, np.nan if pd.api.types.is_numeric_dtype(x) else "")


def whole(x, least, most):
    '''Whole parts of numbers; those beyond the range of a type are missing.'''
    x = np.trunc(x)
    return x.where(x.between(least, most))


def as_stata(df, floats="float64"):
    '''Absent text is empty, dates are days since 1960, products of numbers fit.'''
    for name, dtype in df.dtypes.items():
        if dtype == object or isinstance(dtype, pd.StringDtype):
            df[name] = df[name].fillna("")
        elif pd.api.types.is_integer_dtype(dtype):
            df[name] = df[name].astype("int64")
        elif pd.api.types.is_float_dtype(dtype):
            # Whole numbers keep all digits.
            kept = floats if (df[name] % 1 > 0).any() else "float64"
            df[name] = df[name].astype(kept).astype("float64")
    for name in df.select_dtypes("datetime"):
        df[name] = (df[name] - pd.Timestamp(1960, 1, 1)).dt.days
    return df


def merged(df, other, keys, kind, mark):
    '''Rows of both tables; those of the first keep their values, as merge.'''
    both = other.columns.intersection(df.columns).difference(keys)
    df = df.merge(
        other, "outer", keys, suffixes=("", "_other"), validate=kind, indicator=mark
    )
    for name in both:
        df[name] = df[name].mask(df[mark] == "right_only", df.pop(f"{name}_other"))
    return as_stata(df)


"""


def from_stata(
    text: str,
    panel: Panel | None = None,
    *,
    entity: str | None = None,
    time: str | None = None,
    spatial_weights: SpatialWeights | None = None,
) -> Translation:
    """Translate one command of Stata into a specification.

    Parameters
    ----------
    text : str
        An estimation such as ``"reghdfe y x, absorb(id year) vce(cluster id)"``, or a
        test such as ``"lincom x + 2*z"``. Comments and ``///`` are allowed, macros are
        not.
    panel : Panel, optional
        The panel, whose keys are those of ``xtset`` and whose columns resolve
        abbreviations, wildcards and ranges. Without it effects of ``absorb()`` are
        columns, and names are taken as they are.
    entity, time : str, optional
        The keys of ``xtset`` where no panel is passed.
    spatial_weights : SpatialWeights, optional
        Weights of ``xsmle``. Without them `spec` is None, and `python` has the name
        ``spatial_weights``.

    Returns
    -------
    Translation
        `spec`, the line `python` to paste, and `notes` on what differs from Stata.

    Raises
    ------
    StataError
        If the command, an option or a variable has no counterpart. The error has
        `line`, `reason` and `advice`.

    See Also
    --------
    digiprosper.stata.read_do_file : a whole file.

    Examples
    --------
    >>> import digiprosper as dp
    >>> states = dp.datasets.us_states()
    >>> read = dp.from_stata("reghdfe gsp unemp, a(state year) cl(state)", states)
    >>> print(read.python)
    dp.FixedEffects("gsp", ["unemp"], collinear="drop")
    >>> read.spec.fit(states).params.round().to_dict()
    {'unemp': -1486.0}
    """
    if not isinstance(text, str):
        raise InputTypeError(f"text must be a command, not {type(text).__name__}.")
    lines = statements(text)
    if len(lines) != 1:
        raise StataError.because(
            f"there are {len(lines)} commands", "stata.read_do_file reads whole files."
        )
    weights = {} if spatial_weights is None else {"W": spatial_weights}
    context = Context.start(panel, weights, (entity, time))
    macros = Macros()
    command = read_command(macros.expand(lines[0].text))
    if macros.undefined:
        raise StataError.because(
            f"the macro {cited(macros.undefined[0].removeprefix('$'))} has no value in "
            "a single command",
            "Replace it, or read the whole file.",
        )
    return estimations.translate(command, context)


def read_do_file(
    path: str | PathLike[str],
    *,
    panel: Panel | None = None,
    macros: Mapping[str, str] | None = None,
    spatial_weights: Mapping[str, SpatialWeights] | None = None,
) -> DoFile:
    r"""Read a do-file: every line has a result or a reason.

    Macros and loops are executed, data commands become pandas code, estimations become
    specifications. Nothing is run: a line that would depend on a refused one is marked
    ``"not run"``.

    Parameters
    ----------
    path : str or path
        The file, in UTF-8, GB18030 or UTF-16.
    panel : Panel, optional
        The panel that the file uses. With it abbreviations, wildcards and ranges of
        columns are resolved.
    macros : mapping of str to str, optional
        Globals that another file defines, by name without the dollar sign.
    spatial_weights : mapping of str to SpatialWeights, optional
        Spatial weights by the name of the matrix in the file.

    Returns
    -------
    DoFile
        Lines with their state and reason, a script, and findings about the methods.

    See Also
    --------
    digiprosper.from_stata : one command.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import digiprosper as dp
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "paper.do"
    >>> _ = path.write_text("xtset id year\nxtreg y x i.year, fe vce(cluster id)\n")
    >>> file = dp.stata.read_do_file(path)
    >>> file.estimations[0].translations[0].python
    'dp.FixedEffects("y", ["x"], ssc="xtreg", singletons="keep", collinear="drop")'
    """
    context = Context.start(panel, _named("spatial_weights", spatial_weights))
    lines = statements(decode(as_path("read_do_file", path).read_bytes()))
    reader = Reader(lines, context, _globals(macros))
    reader.run()
    return DoFile(reader.lines(), _script(reader), _questions(reader))


def _named(argument: str, values: object) -> dict[str, Any]:
    if not isinstance(values, Mapping | None):
        raise InputTypeError(
            f"{argument} is a mapping of names in the do-file to values, not "
            f"{type(values).__name__}."
        )
    return dict(values or {})


def run_do_file(
    path: str | PathLike[str],
    data: str | PathLike[str],
    *,
    macros: Mapping[str, str] | None = None,
    spatial_weights: Mapping[str, SpatialWeights] | None = None,
) -> DoFile:
    r"""Run a do-file on its data, as far as its numbers are those of Stata.

    Each line is read as by `read_do_file`, and run before the next one is read, so
    that abbreviations, patterns and ranges of variables are those of the data. A line
    that is refused or fails marks the columns or rows that it would have made; what
    depends on them is translated, not run. No file is written.

    Parameters
    ----------
    path : str or path
        The do-file.
    data : str or path
        The folder with the data. Files are found in it, and in the folders inside, by
        the last parts of the path that the do-file has.
    macros : mapping of str to str, optional
        Globals that another file defines, by name without the dollar sign.
    spatial_weights : mapping of str to SpatialWeights, optional
        Spatial weights by the name of the matrix in the file.

    Returns
    -------
    DoFile
        Lines with their state and results, the stored estimations by name, tables of
        ``esttab`` and ``outreg2``, the data at the end, and the script of what ran.

    Raises
    ------
    FileNotFoundError
        If there is no such do-file.
    NotADirectoryError
        If `data` is no folder.

    See Also
    --------
    digiprosper.stata.read_do_file : read a file without its data.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import digiprosper as dp
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> states = dp.datasets.us_states().frame.reset_index()
    >>> states.to_stata(folder / "states.dta", write_index=False)
    >>> path = folder / "paper.do"
    >>> lines = ["use states", "xtset state year", "reghdfe gsp pc, a(state year)"]
    >>> _ = path.write_text("\n".join(lines))
    >>> print(dp.stata.run_do_file(path, folder))
    line 1    ran         use states
    line 2    read        xtset state year
    line 3    ran         reghdfe gsp pc, a(state year): N = 816
    line 3: note: standard errors are neither clustered nor robust, as in the command
    1 of 1 estimation ran, 0 translated, 0 refused.
    """
    folder = as_path("run_do_file", data).resolve()
    if not folder.is_dir():
        raise NotADirectoryError(f"data={cited(str(data))} is no folder.")
    context = Context(
        spatial_weights=_named("spatial_weights", spatial_weights), folder=folder
    )
    lines = statements(decode(as_path("run_do_file", path).read_bytes()))
    runner = Runner(lines, context, _globals(macros), _HEAD)
    runner.run()
    results, tables = (dict(runner.script[name]) for name in ("results", "tables"))
    # The data tell which columns are never missing.
    runner.context.complete |= runner.columns - runner.incomplete
    questions = _questions(runner, runner.repairs, runner.staggered)
    frame = runner.script.get("df")
    return DoFile(runner.lines(), _script(runner), questions, results, tables, frame)


def _globals(macros: Mapping[str, str] | None) -> Macros:
    return Macros({f"${name}": text for name, text in _named("macros", macros).items()})


def _questions(
    reader: Reader,
    repairs: Mapping[tuple[str, int], str] | None = None,
    staggered: Mapping[int, tuple[str, ...]] | None = None,
) -> tuple[Notice, ...]:
    context = reader.context
    keys = context.entity, context.time
    return findings(
        reader.events, context.complete, *keys, repairs or {}, staggered or {}
    )


def _script(reader: Reader) -> str:
    """Write the code of a file as a program."""
    reads = any(line.startswith(("df = pd.", "df = as_stata")) for line in reader.code)
    lines = [
        _HEAD if reads else f"{_HEAD}# No line reads data: set df to your table here.",
        *reader.code,
    ]
    if reader.tables.heads:
        lines += ["for name, table in tables.items():", "    table.save(name)"]
    return "\n".join([*lines, ""])
