"""What a script needs: how Stata reads files, rounds, and computes by group.

The text of this file is the start of every script.
"""

# mypy: ignore-errors

from contextlib import suppress

import numpy as np
import pandas as pd

results, saved, columns, tables = {}, {}, {}, {}
# Labels of files, and their columns of single precision.
labels, floats = set(), set()


def missing(x):
    """Tell which numbers are missing and which texts are empty."""
    return x.isna() | (x == "")


def percentile(x, shares):
    """Compute percentiles as Stata does: means of two values at a step."""
    x = np.sort(np.append(x, np.nan))
    last = max(np.sum(x == x) - 1, 0)
    # A third of nine values is three of them.
    at = np.round(np.multiply(last + 1, shares) / 100, 9)
    low, high = (np.clip(end, 0, last) for end in (np.ceil(at) - 1, np.floor(at)))
    return (x[low.astype(int)] + x[high.astype(int)]) / 2


def winsorised(x, low, high, *, trim=False):
    """Cut at percentiles, or make what is beyond them missing, as winsor2."""
    ends = percentile(x, [low, high])
    return x.where(x.between(*ends)) if trim else x.clip(*ends)


def winsorised_by_count(x, share):
    """Cut as many values at each end as a share of all has, as winsor."""
    ends = x.dropna().sort_values()
    count = int(share * len(ends))
    return x.clip(ends.iloc[count], ends.iloc[-1 - count])


def only_mode(x):
    """Return the most frequent value, missing if there are several, as egen."""
    values = x[~missing(x)].mode()
    if len(values) != 1:
        return np.nan if pd.api.types.is_numeric_dtype(x) else ""
    return values[0]


def only_value(x, rows=None):
    """Return the value of a group; that of several depends on the order of rows."""
    values = x[~missing(x) if rows is None else rows].unique()
    assert len(values) < 2, "several values in a group"
    return values[0] if len(values) else np.nan


def weighted_mean(x, weights):
    """Compute the mean of the values that are there."""
    weights = weights[x.index].where(x.notna())
    return (x * weights).sum() / weights.sum()


def renamed(df, names):
    """Change names of columns."""
    before, df = df.columns, df.rename(columns=names)
    assert df.columns.is_unique, "two columns would have one name"
    pairs = zip(before, df.columns, strict=True)
    floats.update([new for old, new in pairs if old in floats])
    return df


def quantile_groups(x, count):
    """Assign numbers to groups between percentiles, as xtile."""
    cuts = percentile(x, 100 * np.arange(1, count) / count)
    return pd.Series(np.searchsorted(cuts, x) + 1.0, x.index).where(x.notna())


def numeric(x):
    """Read text as numbers, if all of it is numbers, as destring."""
    with suppress(ValueError):
        return pd.to_numeric(x)
    return x


def encoded(x, label):
    """Assign codes to sorted texts, as encode where there is no such label."""
    assert label not in labels, f"the file has codes of the label {label}"
    codes = pd.factorize(x.replace("", np.nan), sort=True)[0] + 1.0
    return pd.Series(codes, x.index).replace(0, np.nan)


def interpolated(y, x):
    """Draw lines between the means of y for each x, as ipolate."""
    pairs = y.groupby(x).mean().dropna()
    if pairs.empty:
        return y * np.nan
    lines = np.interp(x, pairs.index, pairs, left=np.nan, right=np.nan)
    return pd.Series(lines, y.index)


def checked(fit):
    """Check a fit of another package; give robust errors the factor of Stata."""
    # linearmodels has checks of its own.
    if type(fit).__module__.startswith("linearmodels"):
        return fit
    x, p = np.asarray(fit.model.exog), fit.predict()
    assert np.linalg.matrix_rank(x) == x.shape[1], "collinear regressors"
    if not hasattr(fit, "mle_retvals"):
        return fit
    assert fit.mle_retvals["converged"], "the likelihood has no maximum"
    assert not np.isclose(p * (1 - p), 0).any(), "rows are predicted perfectly"
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


def single(x):
    """Round to single precision, as generate does."""
    if not isinstance(x, pd.Series):
        return float(np.float32(x))
    if not pd.api.types.is_numeric_dtype(x):
        return x
    return x.where(x.abs() < 1.7014117e38).astype("float32").astype("float64")


def only_where(x, rows):
    """Keep values in some rows; elsewhere numbers are missing, texts empty."""
    x = pd.Series(x, rows.index)
    return x.where(rows, np.nan if pd.api.types.is_numeric_dtype(x) else "")


def as_stored(name, x):
    """Round values as a column of a file stores them."""
    return single(x) if name in floats else x


def whole(x, least, most):
    """Truncate numbers; those beyond the range of a type are missing."""
    x = np.trunc(x)
    return x.where(x.between(least, most))


def as_stata(df, precision="float64"):
    """Make absent text empty, dates days since 1960, and products of numbers fit."""
    for name, dtype in df.dtypes.items():
        if pd.api.types.is_object_dtype(dtype) or isinstance(dtype, pd.StringDtype):
            df[name] = df[name].fillna("")
        elif pd.api.types.is_integer_dtype(dtype):
            df[name] = df[name].astype("int64")
        elif pd.api.types.is_float_dtype(dtype):
            # Whole numbers keep all digits.
            is_single = precision == "float32" and (df[name] % 1 > 0).any()
            floats.update([name] if is_single else [])
            rounded = df[name].astype(precision if is_single else "float64")
            df[name] = rounded.astype("float64")
    for name in df.select_dtypes("datetime"):
        df[name] = (df[name] - pd.Timestamp(1960, 1, 1)).dt.days
    return df


def from_file(path, beside=()):
    """Read a file of Stata; labels and dates stay numbers."""
    numbers = {"convert_categoricals": False, "convert_dates": False}
    with pd.read_stata(path, iterator=True, **numbers) as file:
        df = file.read()
        labels.update(file.value_labels())
    names = df.columns.difference(list(beside))
    floats.difference_update(names)
    floats.update(df[names].select_dtypes("float32"))
    return as_stata(df)


def merged(df, other, keys, kind, mark):
    """Join two tables; rows of the first keep their values, as merge."""
    both = other.columns.intersection(df.columns).difference(keys)
    df = df.merge(
        other, "outer", keys, suffixes=("", "_other"), validate=kind, indicator=mark
    )
    for name in both:
        df[name] = df[name].mask(df[mark] == "right_only", df.pop(f"{name}_other"))
    return as_stata(df)
