"""Functions that read files, round, and compute by group as Stata does.

Every script begins with them; the lines of the do-file follow below.
"""

# mypy: ignore-errors

import functools
import re
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy.special import ndtr

results, saved, columns, tables, scalars = {}, {}, {}, {}, {}
# Labels of files, and types of columns, as far as they are known.
labels, types = set(), {}
# The least and the most of types of whole numbers.
wholes = {
    "byte": (-127, 100),
    "int": (-32767, 32740),
    "long": (-2147483647, 2147483620),
}


def absent(x):
    """Return a missing value: NaN for numbers, an empty text for texts."""
    return np.nan if pd.api.types.is_numeric_dtype(x) else ""


def missing(x):
    """Tell which numbers are missing and which texts are empty."""
    return x.isna() | (x == "")


def separator(path):
    """Tell whether a file has tabs or commas, by its first line."""
    with Path(path).open("rb") as file:
        return "\t" if b"\t" in file.readline() else ","


def dates(x):
    """Read days since 1960."""
    return pd.to_datetime(x, unit="D", origin="1960-01-01").dt


def mdy(month, day, year):
    """Count the days since 1960; a day that no month has is missing."""
    parts = pd.DataFrame({"year": year, "month": month, "day": day})
    assert not (parts % 1 > 0).any(axis=None), "dates have fractions"
    is_date = parts["year"].between(100, 9999) & parts["month"].between(1, 12)
    year, month, day = parts.where(is_date, 1).fillna(0).astype(int).to_numpy().T
    months = 12 * (year - 1970) + month - 1
    first, next_first = (
        (months + later).astype("datetime64[M]").astype("datetime64[D]").astype(int)
        for later in (0, 1)
    )
    is_date &= (day > 0) & (day <= next_first - first)
    days = first - np.datetime64("1960-01-01").astype(int) + day - 1.0
    return pd.Series(days, parts.index).where(is_date)


def date(x, order):
    """Read dates such as 3/1/2010 or 3mar2010; a year has four digits, as in Stata."""
    x = x.str.lower().str.strip()
    has_more = ~x.map(str.isascii) | (x.str.count("[a-z]+|[0-9]+") > 3)
    assert not has_more.any(), "texts have more than a date"
    digits = {"Y": "([0-9]{4})", "M": "([0-9]{2})", "D": "([0-9]{2})"}
    # Eight digits may be without a sign between them.
    x = x.str.replace("".join(map(digits.get, order)), r"\1 \2 \3", regex=True)
    words = {"Y": "(?P<Y>[0-9]{4})", "M": "(?P<M>[0-9]{1,2}|[a-z]+)"}
    words["D"] = "(?P<D>[0-9]{1,2})"
    gap = r"(?:[\W_]+|(?<=[0-9])(?=[a-z])|(?<=[a-z])(?=[0-9]))"
    parts = x.str.extract(f"^{gap.join(map(words.get, order))}$")
    parts["M"] = parts["M"].map(lambda month: months.get(month, month))
    return mdy(*(pd.to_numeric(parts[part]) for part in "MDY"))


def text(x, form=""):
    """Write numbers by a format; texts stay."""
    if not pd.api.types.is_numeric_dtype(x):
        return x
    if form[1:3].lower() == "td":
        return dates(x).strftime("%Y-%m-%d").fillna(".")
    texts = x.map(lambda value: "." if value != value else (form or "%.7g") % value)
    if form.endswith("f"):
        return texts
    # Stata writes 12345678 as 1.23e+07, other digits of a third, and .5 for a half.
    is_cut = texts.str.contains("e") | (texts.str.len() > 8 + 3 * bool(form))
    # tostring leaves a variable as it is if its texts are other numbers.
    differ = bool(form) and (pd.to_numeric(texts, errors="coerce") - x).any()
    if is_cut.any() or differ:
        raise ValueError("the text of a number would lose digits")
    return texts.str.replace(r"^(-?)0\.", r"\1.", regex=True)


def substr(x, start, count):
    """Cut bytes out of texts, from the first or last ones; a missing count is all."""
    assert start, "substr() begins at 0"
    assert not count < 0, "substr() has a negative length"
    x = x.str.encode("utf8")
    # What Stata cuts out of shorter texts is not known.
    assert (~x.str.len().between(1, -start - 1)).all(), "texts are too short"
    start -= start > 0
    end = start + count
    end = None if end != end or start < 0 <= end else end
    return x.str.slice(start, end).str.decode("utf8")


def subinstr(x, old, new, count):
    """Replace a part of texts, everywhere if the count is missing."""
    return x.str.replace(old, new, -1 if count != count else count, regex=False)


def periods(year, part, in_year):
    """Count months or quarters since 1960; a thirteenth month is missing."""
    first = (year - 1960) * in_year
    return (first + part - 1).where((first * 0 + part).between(1, in_year))


def periods_of_texts(x, in_year):
    x = x.str.lower().str.strip()
    parts = x.str.extract(r"^([0-9]{4})(?:\W*[mq]|[\W_]+|(?=\d\d$))([0-9]{1,2})$")
    is_other = parts[0].isna() & x.str.contains("[0-9]{4}")
    assert not is_other.any(), "texts are more than a year and a number"
    parts = parts.astype(float)
    return periods(parts[0], parts[1], in_year)


# Months by their names and the first three letters.
month_names = pd.date_range("2000", periods=12, freq="MS").month_name().str.lower()
months = {form: n for n, name in enumerate(month_names, 1) for form in (name, name[:3])}
# Functions of Stata, by their names there.
stata = SimpleNamespace(
    # The logarithm of what is not positive is missing.
    log=lambda x: np.log(x.where(x > 0)),
    log10=lambda x: np.log10(x.where(x > 0)),
    sqrt=lambda x: np.sqrt(x.where(x >= 0)),
    # There are no infinite numbers: what is larger than 9e307 is missing.
    exp=lambda x: np.exp(x.where(x < 709.09)),
    abs=lambda x: np.abs(x),
    floor=lambda x: np.floor(x),
    ceil=lambda x: np.ceil(x),
    sign=lambda x: np.sign(x),
    int=lambda x: np.trunc(x),
    float=lambda x: x.astype("float32").astype("float64"),
    asinh=lambda x: np.arcsinh(x),
    # A unit of zero leaves x as it is.
    round=lambda x, unit=1: (np.floor(x / unit + 0.5) * unit).where(
        x * 0 + unit != 0, x
    ),
    mod=lambda x, y: x % y,
    # Missing values are left out.
    max=lambda x, *others: functools.reduce(np.fmax, others, x),
    min=lambda x, *others: functools.reduce(np.fmin, others, x),
    normal=lambda x: pd.Series(ndtr(x), x.index),
    normalden=lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi),
    cond=lambda test, x, y: pd.Series(np.where(test, x, y), test.index),
    # The bytes of texts are counted.
    strpos=lambda x, part: x.map(lambda text: text.encode().find(part.encode()) + 1),
    length=lambda x: x.str.encode("utf8").str.len(),
    substr=substr,
    subinstr=subinstr,
    # Only letters of ASCII change, and only blanks of it go.
    lower=lambda x: x.map(lambda text: text.encode().lower().decode()),
    upper=lambda x: x.map(lambda text: text.encode().upper().decode()),
    trim=lambda x: x.str.strip(" "),
    real=lambda x: pd.to_numeric(x, errors="coerce").where(lambda x: abs(x) < np.inf),
    string=text,
    date=lambda x, order: date(x, order.upper()),
    mdy=mdy,
    year=lambda x: dates(x).year,
    yofd=lambda x: dates(x).year,
    quarter=lambda x: dates(x).quarter,
    month=lambda x: dates(x).month,
    day=lambda x: dates(x).day,
    dow=lambda x: (dates(x).day_of_week + 1) % 7,
    doy=lambda x: dates(x).day_of_year,
    # The last week of a year has the days that are left.
    week=lambda x: np.ceil(dates(x).day_of_year / 7).clip(upper=52),
    wofd=lambda x: (dates(x).year - 1960) * 52 + stata.week(x) - 1,
    ym=lambda year, month: periods(year, month, 12),
    yq=lambda year, quarter: periods(year, quarter, 4),
    mofd=lambda x: stata.ym(dates(x).year, dates(x).month),
    qofd=lambda x: stata.yq(dates(x).year, dates(x).quarter),
    dofm=lambda x: mdy(x % 12 + 1, 1, x // 12 + 1960),
    dofq=lambda x: mdy(x % 4 * 3 + 1, 1, x // 4 + 1960),
    monthly=lambda x, _: periods_of_texts(x, 12),
    quarterly=lambda x, _: periods_of_texts(x, 4),
)


def percentile(x, shares):
    """Compute percentiles as Stata does: means of two values at a step."""
    x = np.sort(np.append(x, np.nan))
    last = max(np.sum(x == x) - 1, 0)
    # A third of nine values is three of them.
    at = np.round(np.multiply(last + 1, shares) / 100, 9)
    low, high = (np.clip(end, 0, last) for end in (np.ceil(at) - 1, np.floor(at)))
    return (x[low.astype(int)] + x[high.astype(int)]) / 2


def centred(x, standardize, kind):
    # The mean and the deviation have the precision of what center makes.
    is_single, count = kind == "float", x.count()
    mean = pd.Series([x.mean()]).pipe(of_precision, is_single)[0]
    if not standardize:
        return x - mean
    variance = of_precision(
        pd.Series([((x - mean) ** 2).sum() / (count - 1)]), is_single
    )
    return (x - mean) / of_precision(np.sqrt(variance), is_single)[0]


def column_type(name):
    return "float" if types.get(name) == "float" else "double"


def is_whole(x):
    # The type may be one of whole numbers.
    is_integer = types.get(x.name) in wholes or pd.api.types.is_integer_dtype(x)
    return is_integer and column_type(x.name) != "float" and not (x % 1 > 0).any()


def type_of(function, x, default):
    if function in ("sum", "total"):
        return "double"
    if function in ("max", "min", "mode") and x is not None:
        return column_type(x.name)
    if function not in ("mean", "median", "pctile", "sd"):
        return default
    # Expressions are doubles.
    if x is None or (column_type(x.name) == "double" and not is_whole(x)):
        return "double"
    return default


def winsorised(x, low, high, *, trim=False, is_whole=False):
    """Cut at percentiles, or make what is beyond them missing, as winsor2."""
    # A type of whole numbers would cut the fractions of percentiles off.
    ends = percentile(x, [low, high])
    assert not (is_whole and (ends % 1 > 0).any()), "percentiles between whole numbers"
    return x.where(x.between(*ends)) if trim else x.clip(*ends)


def winsorised_by_count(x, share):
    """Cut as many values at each end as a share of all has, as winsor."""
    ends = x.dropna().sort_values()
    count = int(share * len(ends))
    return x.clip(ends.iloc[count], ends.iloc[-1 - count])


def only_mode(x):
    """Return the most frequent value, missing if there are several, as egen."""
    values = x[~missing(x)].mode()
    return values[0] if len(values) == 1 else absent(x)


def only_value(x, rows=None):
    """Return the value of a group; that of several depends on the order of rows."""
    values = x[~missing(x) if rows is None else rows].unique()
    assert len(values) < 2, "several values in a group"
    return values[0] if len(values) else np.nan


def counted(x):
    return (~missing(x)).sum()


def weighted_mean(x, weights):
    """Compute the mean of the values that are there."""
    weights = weights[x.index].where(x.notna())
    return (x * weights).sum() / weights.sum()


def weighted_sum(x, weights):
    return (x * weights[x.index]).sum()


def refuse_ties(df, names, order):
    is_tied = not order or df.duplicated(order).any()
    is_tied = is_tied and df.drop_duplicates().duplicated(names).any()
    assert not is_tied, "ties: the order of rows would decide"


def selected(df, names):
    """Keep columns in their order, each once."""
    return df.drop(columns=df.columns.difference(df[names].columns))


def renamed(df, names):
    """Change names of columns."""
    before, df = df.columns, df.rename(columns=names)
    assert df.columns.is_unique, "two columns would have one name"
    pairs = zip(before, df.columns, strict=True)
    types.update({new: types.pop(old, "") for old, new in pairs})
    return df


def quantile_groups(x, count, side="left"):
    """List the groups between percentiles, each in the group on its `side`."""
    cuts = percentile(x, 100 * np.arange(1, count) / count)
    assert side == "left" or np.diff(cuts).all(), "equal percentiles"
    return pd.Series(np.searchsorted(cuts, x, side) + 1.0, x.index).where(x.notna())


def numeric(x, ignored="", *, is_new=False, is_forced=False):
    """Read texts as numbers, if all are numbers without the ignored signs."""
    texts = x.replace(f"[{re.escape(ignored)}]", "", regex=True) if ignored else x
    if is_forced:
        return stata.real(texts)
    with suppress(ValueError):
        numbers = pd.to_numeric(texts.replace(".", np.nan))
        if not np.isinf(numbers).any():
            return numbers
    assert not is_new, "a text is no number, so that Stata makes no variable"
    return x


def from_text(path, **options):
    """Read columns as numbers where all are; NA and TRUE are text, as in Stata."""
    options |= {"dtype": str, "keep_default_na": False}
    return pd.read_csv(path, **options).apply(numeric)


def from_sheet(path, **options):
    """Read a sheet; numbers in a column that also has text become text."""
    df = pd.read_excel(path, keep_default_na=False, na_values=[""], **options)
    for name in df.columns[df.dtypes == "object"]:
        cells = df[name].where(df[name].notna(), "")
        is_number = cells.map(lambda cell: isinstance(cell, int | float))
        df[name] = cells.mask(is_number, cells[is_number].map("{:.15g}".format))
        assert df[name].map(type).eq(str).all(), "a column has text and dates"
    return df


def named(df, case=str, first=None):
    """Name columns as import does: headings without signs, or else positions."""
    names = []
    for at, heading in enumerate(map(str, df.columns), 1):
        # pandas writes x.1 for a second x.
        is_repeated = heading.rpartition(".")[0] in df.columns
        name = case(re.sub(r"\W", "", heading).lstrip("0123456789")[:32])
        if not name or name in names or is_repeated or heading.startswith("Unnamed: "):
            name = f"v{at}" if first is None else letters(first, at)
        names.append(name)
    return df.set_axis(names, axis=1)


def letters(first, at):
    """Write the letters of a column of a sheet."""
    from openpyxl.utils import column_index_from_string, get_column_letter

    return get_column_letter(column_index_from_string(first) + at - 1)


def encoded(x, label):
    """Assign codes to sorted texts, as encode where there is no such label."""
    assert label not in labels, f"the file has codes of the label {label}"
    codes = pd.factorize(x.replace("", np.nan), sort=True)[0] + 1.0
    return pd.Series(codes, x.index).replace(0, np.nan)


def interpolated(rows, y, x):
    """Draw lines between the means of y for each x, as ipolate."""
    y, x = rows[y], rows[x]
    pairs = y.groupby(x).mean().dropna()
    if pairs.empty:
        return y * np.nan
    lines = np.interp(x, pairs.index, pairs, left=np.nan, right=np.nan)
    return pd.Series(lines, y.index)


def filled_in(df, names):
    values = [df[name].drop_duplicates() for name in names]
    grid = pd.MultiIndex.from_product(values, names=names).to_frame(index=False)
    df = merged(df, grid, names, "m:1", "_fillin", [2, 3])
    return df.assign(_fillin=(df["_fillin"] == 2).astype(float))


def long_form(df, stubs, keys, column, suffix):
    plain = [stub.replace("@", "") for stub in stubs]
    for stub, name in zip(stubs, plain, strict=True):
        if "@" in stub:
            names = f"^{stub.replace('@', f'({suffix})')}$"
            df.columns = df.columns.str.replace(names, rf"{name}\1", regex=True)
    long = pd.wide_to_long(df, plain, keys, column, "", suffix).reset_index()
    return as_stata(long).sort_values([*keys, column], kind="stable")


def balanced(df, entity, time, first, last, needed=None):
    df = df[df[time].between(first, last)]
    is_whole = ~df[needed or df.columns].apply(missing).any(axis=1)
    assert needed or is_whole.all(), "xtbalance without miss() where values are missing"
    df = df[is_whole]
    ends = df[time].min(), df[time].max()
    assert ends == (first, last), "no rows in the first or last period of range()"
    count = df.groupby(entity, dropna=False)[time].transform("nunique")
    return df[count == last - first + 1].copy()


def checked(fit):
    """Check a fit of another package; give robust errors the factor of Stata."""
    # linearmodels has checks of its own.
    if type(fit).__module__.startswith("linearmodels"):
        return fit
    x, p = np.asarray(fit.model.exog), fit.predict()
    assert np.linalg.matrix_rank(x) == x.shape[1], "collinear regressors"
    if fit.cov_type == "HAC":
        times = fit.model.data.row_labels.get_level_values(-1)
        assert len({*np.diff(times)}) < 2, "periods are absent"
    if not hasattr(fit, "mle_retvals"):
        return fit
    assert fit.mle_retvals["converged"], "the likelihood has no maximum"
    # If the outcomes are separated, the other rows do not identify all coefficients.
    others = x[~np.isclose(p * (1 - p), 0)]
    is_finite = np.linalg.matrix_rank(others) == x.shape[1]
    assert is_finite, "rows are predicted perfectly"
    counts = {"HC0": fit.nobs, "cluster": len({*fit.cov_kwds.get("groups", ())})}
    if count := counts.get(fit.cov_type):
        fit._results.cov_params_default *= count / (count - 1)
    return fit


def dummies(df, name, stem, *, by_level=False):
    """Make dummies of values: numbered, as tabulate, or all but the first, as xi."""
    x = df[name].where(~missing(df[name]))
    levels = np.unique(x.dropna())
    # Texts and fractions have numbers.
    named = by_level and pd.api.types.is_numeric_dtype(x)
    named = named and (levels >= 0).all() and (levels % 1 == 0).all()
    for number, level in [*enumerate(levels, 1)][by_level:]:
        end = f"{level:.0f}" if named else number
        df[f"{stem}{end}"] = (x == level).astype(float).where(x.notna())


def nearest(gaps, neighbors, caliper, *, ties):
    """Weight the rows at the smallest distances equally, as psmatch2.

    Ties are all rows at the smallest one; elsewhere their order would decide.
    """
    near = np.argpartition(gaps, min(neighbors, len(gaps) - 1))[: neighbors + 1]
    near = near[np.argsort(gaps[near])]
    near = near[gaps[near] < caliper]
    if ties and neighbors == 1:
        near = np.flatnonzero((gaps == gaps.min()) & (gaps < caliper))
    else:
        assert (np.diff(gaps[near]) > 0).all(), "ties: the order of rows would decide"
        near = near[:neighbors]
    return np.bincount(near, minlength=len(gaps)) / max(len(near), 1)


# Weights of kernels, by the distance in bandwidths.
kernels = {
    "biweight": lambda u: (1 - u**2) ** 2,
    "epan": lambda u: 1 - u**2,
    "normal": lambda u: np.exp(-(u**2) / 2),
    "tricube": lambda u: (1 - u**3) ** 3,
    "uniform": lambda u: u**0,
}


def smooth(gaps, kernel, width):
    """Weight rows by a kernel of their distances, as psmatch2."""
    u = gaps / width
    weights = np.where((u <= 1) | (kernel == "normal"), kernels[kernel](u), 0)
    return weights / (weights.sum() or 1)


def match_rows(df, treat, score, outcomes, weigh, *, common, ate, again):
    """Match treated rows by a score, with `ate` controls too, as psmatch2.

    `weigh` gives weights of candidates by distance; with `again` these are the rows
    that have matches themselves.
    """
    treated = df[treat].where(score.notna()).astype(float)
    support = pd.Series(1.0, df.index).where(score.notna())
    groups = [(0, 1), (1, 0)] if ate else [(1, 0)]
    for group, other in groups if common else ():
        ends = score[treated == other]
        outside = ~score.between(ends.min(), ends.max())
        support[(treated == group) & outside] = 0
    weight = treated * (not ate)
    matched = pd.DataFrame(np.nan, df.index, outcomes)
    before = support == 1
    for group, other in groups:
        rows = (treated == other) & (support == 1 if again else before)
        scores, values = score[rows].to_numpy(), df.loc[rows, outcomes].to_numpy()
        total = np.zeros(len(scores))
        for row in df.index[before & (treated == group)]:
            weights = weigh(np.abs(scores - score[row]))
            total += weights
            support[row] = float(weights.any())
            matched.loc[row] = weights @ values
        weight[rows] += total
    is_matched = support == 1
    df["_weight"] = weight.where((weight > 0) & is_matched)
    df["_treated"], df["_support"], df["_pscore"] = treated, support, score
    df[[f"_{name}" for name in outcomes]] = matched.where(is_matched)
    effects = (df[outcomes] - matched)[is_matched & (treated == 1)].mean()
    return "\n".join(f"ATT of {name}: {effect:.6g}" for name, effect in effects.items())


def by_row(values, df):
    """List values of a panel for each row of df."""
    names, numbers = values.index.names, {"row": np.arange(len(df)), "one_series": 1}
    absent = {name: numbers[name] for name in names if name not in df}
    keys = pd.MultiIndex.from_frame(df.assign(**absent)[names])
    keys = keys if values.index.nlevels > 1 else keys.get_level_values(0)
    return pd.Series(values.reindex(keys).to_numpy(), df.index)


def by_time(panel, df, term):
    """Compute a term with lags for each row of df."""
    return by_row(panel.assign(term=term).frame["term"], df)


def without_effects(fit, panel, df):
    """Predict from slopes and the constant, without effects, as predict, xb."""
    slopes = fit.params.items()
    parts = (by_time(panel, df, name) * slope for name, slope in slopes)
    return sum(parts, fit.constant()["estimate"])


def stored(name, x, kind=""):
    """Round values as the type of a column stores them; a new column has a kind."""
    if kind:
        types[name] = kind
    if kind[3:].isdigit():
        lengths = pd.Series(x).str.encode("utf8").str.len()
        assert lengths.max() <= int(kind[3:]), f"texts are longer than {kind}"
    if kind in wholes:
        x, (least, most) = np.trunc(x), wholes[kind]
        return x + np.where((x < least) | (x > most), np.nan, 0)
    if isinstance(x, pd.Series):
        return of_precision(x, column_type(name) == "float")
    if isinstance(x, str) or column_type(name) == "double":
        return x
    rounded = float(np.float32(x))
    return x if x == rounded else rounded


def replaced(x, values, *rows, default="float"):
    # For fractions a type of whole numbers becomes the default one.
    values = pd.Series(values, x.index)
    are_alike = type(absent(x)) is type(absent(values))
    assert are_alike, "numbers and texts together: in Stata a type mismatch"
    x = x.mask(*rows, values) if rows else values.rename(x.name)
    if types.get(x.name) in wholes and (x % 1 > 0).any():
        types[x.name] = default
    return stored(x.name, x)


def of_precision(x, is_single):
    if not pd.api.types.is_numeric_dtype(x):
        return x
    # There is no infinite number, such as a power of zero.
    x = x.where(x.abs() < (1.7014117e38 if is_single else 8.988e307))
    return x.astype("float32").astype("float64") if is_single else without_overflow(x)


def without_overflow(x):
    # Products of four numbers of Stata's type int fit in 64 bits.
    is_large = pd.api.types.is_integer_dtype(x) and x.abs().max() > wholes["int"][1]
    return x.astype("float64") if is_large else x


def collapsed(groups, parts):
    """Compute columns of groups; of single precision, if their sources are."""
    df, wide = groups.agg(**parts), ("sum", counted, weighted_sum)
    of_single = [
        name
        for name, (x, method) in parts.items()
        if column_type(x) == "float" and getattr(method, "func", method) not in wide
    ]
    types.update(dict.fromkeys(parts, "double") | dict.fromkeys(of_single, "float"))
    for name in of_single:
        df[name] = of_precision(df[name], is_single=True)
    return as_stata(df)


def only_where(x, rows):
    """Keep values in some rows; elsewhere numbers are missing, texts empty."""
    x = pd.Series(x, rows.index)
    return x.where(rows, absent(x))


def as_stata(df, precision="float64"):
    """Make absent text empty, dates days since 1960, and products of numbers fit."""
    assert df.columns.is_unique, "two columns would have one name"
    for name, dtype in df.dtypes.items():
        if pd.api.types.is_object_dtype(dtype) or isinstance(dtype, pd.StringDtype):
            df[name] = df[name].where(df[name].notna(), "")
        elif pd.api.types.is_integer_dtype(dtype):
            df[name] = without_overflow(df[name].astype("int64"))
        elif pd.api.types.is_float_dtype(dtype):
            # Whole numbers keep all digits.
            is_single = precision == "float32" and (df[name] % 1 > 0).any()
            types.update({name: "float"} if is_single else {})
            rounded = df[name].astype(precision if is_single else "float64")
            df[name] = rounded.astype("float64")
    for name in df.select_dtypes("datetime"):
        df[name] = (df[name] - pd.Timestamp(1960, 1, 1)).dt.days
    return df


def from_file(path, beside=()):
    """Read a file of Stata; labels and dates stay numbers."""
    as_numbers = {"convert_categoricals": False, "convert_dates": False}
    with pd.read_stata(path, iterator=True, **as_numbers) as file:
        df = file.read()
        labels.update(file.value_labels())
    # A missing value tells the type of its column.
    as_numbers |= {"iterator": True, "convert_missing": True}
    with pd.read_stata(path, **as_numbers) as file:
        first = {} if df.empty else file.read(1)
    cells = {name: getattr(x[0], "value", x[0]) for name, x in first.items()}
    names = {"int8": "byte", "int16": "int", "int32": "long", "float32": "float"}
    set_types({n: names.get(type(c).__name__) for n, c in cells.items()}, beside)
    return as_stata(df)


def set_types(of_file, beside):
    # Those of columns beside them stay.
    before = {name: types.get(name) for name in beside}
    types.clear()
    types.update(of_file | before)


def from_saved(path, beside=()):
    df, of_file = saved[path]
    set_types(of_file, beside)
    return df.copy()


def of_one_type(df, other):
    """Stop where a column is text in one table."""
    for name in df.columns.intersection(other.columns):
        same = type(absent(df[name])) is type(absent(other[name]))
        assert same, f"{name} is text in one of the tables only"
    return [df, other]


def merged(df, other, keys, kind, mark, kept):
    """Join two tables; rows of the first keep their values, as merge."""
    if kind == "m:m":
        # It pairs rows by their order, unless the keys of a table do not repeat.
        kind = "m:1" if df.duplicated(keys).any() else "1:m"
    of_one_type(df, other)
    both = other.columns.intersection(df.columns).difference(keys)
    df = df.merge(
        other, "outer", keys, suffixes=("", "_other"), validate=kind, indicator=mark
    )
    for name in both:
        df[name] = df[name].mask(df[mark] == "right_only", df.pop(f"{name}_other"))
    df = as_stata(df)
    df[mark] = df[mark].cat.codes.astype(int) + 1
    return df[df[mark].isin(kept)].copy()
