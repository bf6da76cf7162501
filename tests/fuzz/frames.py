"""Random tables: most are small panels, some have faults of real files.

Most are ordinary; some have one or more faults.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ROLES", "Data", "chance", "draw_frame", "pick"]

Rng = np.random.Generator

ROLES = ("y", "x", "m", "w", "z", "q", "c", "d", "v", "p", "s", "g", "k", "b")
NUMBERS = ROLES[:11]
ODD_NAMES = (
    "a b", "K / L", "资本", "class", "gdp (real)", "x:y", "a^b", "1st", "I(x)", "C(g)",
    "lag(x)", "x'y",
    'a"b', "a[0]", "line\nbreak", "tab\tname", "😀", "Intercept", "<b>", "$x$", "%",
    "x_1", "nan", "None",
    "lambda", "é", "e\u0301", "x" * 300, "total", "direct", "indirect", "C(g)[T.a]",
    "q:below",
    "_ticked0_", "regime", "log", "term", "estimate", "\ud800", "K/L", "a#b", "|", "~",
    "x~y", "{x}",
    "\\frac", "x&y", "=1+1", "lag", "x<=q", "π",
)  # fmt: skip


@dataclass(slots=True)
class Data:
    """A table, its keys, the column of each role, and what was done to it."""

    frame: pd.DataFrame
    keys: tuple[str | None, str | None]
    names: dict[str, str]
    options: dict[str, Any]
    story: list[str]


def pick(rng: Rng, items: Any) -> Any:
    """Choose one of several things."""
    items = list(items)
    return items[int(rng.integers(len(items)))]


def chance(rng: Rng, probability: float) -> bool:
    """Say yes with a probability."""
    return bool(rng.random() < probability)


def draw_frame(rng: Rng) -> Data:
    """Draw a table with something to find for every model, then damage it or not."""
    entities, periods = int(rng.integers(6, 26)), int(rng.integers(4, 10))
    data = _plain(rng, entities, periods)
    if chance(rng, 0.4):
        rows = rng.random(len(data.frame)) > rng.uniform(0.02, 0.25)
        data.frame = data.frame[rows].reset_index(drop=True)
        data.story.append("gaps")
    if chance(rng, 0.3):
        data.frame = data.frame.sample(
            frac=1, random_state=int(rng.integers(2**31))
        ).reset_index(drop=True)
        data.story.append("shuffled")
    faults = [
        pick(rng, FAULTS) for _ in range(int(rng.choice(4, p=[0.55, 0.28, 0.12, 0.05])))
    ]
    # What takes the keys away or makes another kind of table comes last.
    for name in sorted(dict.fromkeys(faults), key=["index", "library"].count):
        try:
            FAULTS[name](rng, data)
        except (
            TypeError,
            ValueError,
            ArithmeticError,
            LookupError,
            AttributeError,
            NotImplementedError,
        ):
            name += " (not possible)"
        data.story.append(name)
    if chance(rng, 0.25) and isinstance(data.frame, pd.DataFrame):
        _rename(rng, data)
    return data


def _plain(rng: Rng, entities: int, periods: int) -> Data:
    n = entities * periods
    own = np.repeat(rng.normal(size=entities), periods)
    f = pd.DataFrame(
        {
            "i": np.repeat(np.arange(entities), periods),
            "t": np.tile(np.arange(periods), entities) + 2000,
        }
    )
    noise = {r: rng.normal(size=n) for r in ("y", "x", "m", "w", "z", "c", "d")}
    f["z"], f["w"], f["c"], f["d"] = (
        noise["z"] + own,
        noise["w"],
        noise["c"] + own,
        noise["d"],
    )
    f["q"] = rng.uniform(1, 3, n)
    f["x"] = f["z"] + 0.3 * own + noise["x"]
    f["m"] = 0.5 * f["x"] + 0.2 * f["c"] + noise["m"]
    bend = np.where(f["q"] > 2, 1.0, -0.5) * f["x"]
    f["y"] = 0.6 * f["m"] + bend - (f["q"] - 2) ** 2 + own + noise["y"]
    for role in ("v", "p", "s"):
        f[role] = rng.lognormal(size=n) + 0.1
    f["g"] = np.array(list("abcd"))[f["i"] % 4]
    f["k"] = np.repeat(rng.integers(1, 5, entities), periods)
    f["b"] = rng.random(n) > 0.5
    return Data(f, ("i", "t"), {r: r for r in ROLES}, {}, [f"{entities} x {periods}"])


def _rename(rng: Rng, data: Data) -> None:
    free = [o for o in ODD_NAMES if o not in data.frame.columns]
    for old in rng.choice(
        list(data.names.values()), size=int(rng.integers(1, 4)), replace=False
    ):
        new = free.pop(int(rng.integers(len(free))))
        _relabel(data, old, new)
        data.names = {r: new if n == old else n for r, n in data.names.items()}
        data.story.append(f"{old} is named {new[:30]!r}")
    if chance(rng, 0.2) and data.keys[0] in data.frame.columns:
        new = free.pop(int(rng.integers(len(free))))
        _relabel(data, str(data.keys[0]), new)
        data.story.append(f"the entity is named {new[:30]!r}")
        data.keys = (new, data.keys[1])


def _relabel(data: Data, old: str, new: str) -> None:
    if isinstance(data.frame, pd.DataFrame):
        # pandas' own text type holds no surrogates.
        names = [new if c == old else c for c in data.frame]
        kind = object if "\ud800" in names else None
        data.frame = data.frame.set_axis(pd.Index(names, dtype=kind), axis=1)


# --- faults ---------------------------------------------------------------------------


def _column(rng: Rng, data: Data) -> str:
    return str(pick(rng, NUMBERS))


def _set(rng: Rng, data: Data, values: Any, column: str | None = None) -> None:
    name = column or _column(rng, data)
    data.frame[name] = values(data.frame[name]) if callable(values) else values
    data.story.append(f"column {name}:")


def _holes(rng: Rng, data: Data) -> None:
    for _ in range(int(rng.integers(1, 4))):
        name = pick(rng, (*NUMBERS, "g", "k"))
        data.frame[name] = data.frame[name].mask(
            rng.random(len(data.frame)) < rng.uniform(0.01, 0.4)
        )


def _infinite(rng: Rng, data: Data) -> None:
    data.frame.loc[data.frame.index[: int(rng.integers(1, 3))], _column(rng, data)] = (
        pick(rng, [np.inf, -np.inf])
    )


def _repeated(rng: Rng, data: Data) -> None:
    data.frame = pd.concat(
        [data.frame, data.frame.iloc[: int(rng.integers(1, 4))]], ignore_index=True
    )


def _few_entities(rng: Rng, data: Data) -> None:
    data.frame = data.frame[data.frame["i"] < rng.integers(1, 5)].reset_index(drop=True)


def _few_periods(rng: Rng, data: Data) -> None:
    data.frame = data.frame[data.frame["t"] < 2000 + rng.integers(1, 3)].reset_index(
        drop=True
    )


def _cross_section(rng: Rng, data: Data) -> None:
    data.frame = data.frame.drop_duplicates("i").reset_index(drop=True)
    data.keys = ("i", None)


def _row_number(rng: Rng, data: Data) -> None:
    data.frame["i"] = np.arange(len(data.frame))


def _collinear(rng: Rng, data: Data) -> None:
    one, other = _column(rng, data), _column(rng, data)
    data.frame[one] = data.frame[other] * pick(rng, [1.0, -2.0, 1 + 1e-9])
    if chance(rng, 0.3):
        data.frame[one] += rng.normal(size=len(data.frame)) * 10.0 ** -rng.integers(
            5, 13
        )


def _by_entity(rng: Rng, data: Data) -> None:
    name = _column(rng, data)
    data.frame[name] = data.frame.groupby("i")[name].transform("first")


def _by_time(rng: Rng, data: Data) -> None:
    name = _column(rng, data)
    data.frame[name] = data.frame.groupby("t")[name].transform("first")


def _perfect(rng: Rng, data: Data) -> None:
    data.frame["y"] = data.frame["x"] + data.frame["i"]


def _types(rng: Rng, data: Data) -> None:
    name, kind = _column(rng, data), pick(rng, TYPES)
    data.frame[name] = TYPES[kind](data.frame[name])
    data.story.append(f"column {name} as {kind}:")


def _dates(rng: Rng, data: Data) -> None:
    years = data.frame["t"].astype(int)
    makers: dict[str, Callable[[], Any]] = {
        "years": lambda: pd.to_datetime(years.astype(str), format="%Y"),
        "months": lambda: (
            pd.Timestamp("2020-01-31") + (years - 2000).map(pd.offsets.MonthEnd)
        ),
        "utc": lambda: pd.to_datetime(years.astype(str), format="%Y").dt.tz_localize(
            "UTC"
        ),
        "periods": lambda: pd.PeriodIndex(years.astype(str), freq="Y"),
        "quarters": lambda: pd.PeriodIndex(
            pd.to_datetime(years.astype(str), format="%Y"), freq="Q"
        ),
        "text": lambda: years.astype(str),
        "float": lambda: years.astype(float),
        "half": lambda: years + 0.5,
        "date": lambda: years.map(lambda y: dt.date(y, 1, 1)),
        "int8": lambda: (years - 2000).astype("int8"),
        "nullable": lambda: years.astype("Int64"),
        "uint64": lambda: years.astype("uint64"),
        "huge": lambda: years * 10**15,
        "far": lambda: years.where(years < 2002, 2**62),
        "categorical": lambda: years.astype("category"),
        "bool": lambda: years > 2001,
        "missing": lambda: years.where(years > 2000),
    }
    kind = pick(rng, makers)
    data.frame["t"] = makers[kind]()
    data.story.append(f"time as {kind}:")


def _entities(rng: Rng, data: Data) -> None:
    codes = data.frame["i"]
    makers: dict[str, Callable[[], Any]] = {
        "text": lambda: codes.map("firm {}".format),
        "categorical": lambda: codes.map("{:03d}".format).astype("category"),
        "unused levels": lambda: pd.Categorical(codes, categories=range(-3, 99)),
        "mixed": lambda: codes.astype(object).where(codes > 1, "one"),
        "float": lambda: codes / 2,
        "nullable": lambda: codes.astype("Int32"),
        "pyarrow": lambda: codes.astype(str).astype("string[pyarrow]"),
        "missing": lambda: codes.where(codes > 0),
        "same text": lambda: codes.map(lambda c: f"a\n{c}"),
        "tuple": lambda: codes.map(lambda c: (c, 1)),
        "date": lambda: pd.Timestamp("2000-01-01") + pd.to_timedelta(codes, unit="D"),
    }
    kind = pick(rng, makers)
    data.frame["i"] = makers[kind]()
    data.story.append(f"entity as {kind}:")


def _groups(rng: Rng, data: Data) -> None:
    name = pick(rng, ("g", "k"))
    codes = pd.factorize(data.frame[name])[0]
    makers: dict[str, Callable[[], Any]] = {
        "one value": lambda: "a",
        "all different": lambda: [f"r{j}" for j in range(len(data.frame))],
        "one odd row": lambda: np.where(np.arange(len(data.frame)) == 0, "z", "a"),
        "categorical": lambda: pd.Categorical.from_codes(
            codes, list("dcbazyxwv")[: max(codes) + 1]
        ),
        "boolean": lambda: codes > 0,
        "date": lambda: (
            pd.Timestamp("2000-01-01") + pd.to_timedelta(np.maximum(codes, 0), unit="D")
        ),
        "brackets": lambda: [f"a[{c}]:b" for c in codes],
        "text and numbers": lambda: [c if c else "a" for c in codes],
        "None": lambda: [None if c == 0 else c for c in codes],
        "blank": lambda: [" " * c for c in codes],
    }
    kind = pick(rng, makers)
    data.frame[name] = makers[kind]()
    data.story.append(f"{name} as {kind}:")


def _index(rng: Rng, data: Data) -> None:
    if chance(rng, 0.6):
        if chance(rng, 0.5):
            data.options["labels"] = {
                "x": pick(rng, ["Labour & <b>", "a\nb", "资本", "", 3, "y" * 300]),
                "log(v)": "V",
            }
            return
        data.options["step"] = pick(
            rng, [2, 10**20, 0, -1, "Y", 1.5, None, "nonsense", np.int64(1), True]
        )
        return
    data.frame = data.frame.set_index(["i", "t"])
    data.keys = (None, None) if chance(rng, 0.7) else ("i", "t")


def _library(rng: Rng, data: Data) -> None:
    if chance(rng, 0.5):
        import polars as pl

        data.frame = pl.from_pandas(data.frame)
    else:
        import pyarrow as pa

        data.frame = pa.Table.from_pandas(data.frame)


TYPES: dict[str, Callable[[pd.Series[Any]], Any]] = {
    "text": lambda s: s.astype(str),
    "mostly numbers": lambda s: s.astype(object).where(s > s.min(), "n/a"),
    "Decimal": lambda s: s.map(lambda v: Decimal(str(v))),
    "Float64": lambda s: s.astype("Float64"),
    "Int64": lambda s: s.round().astype("Int64"),
    "boolean": lambda s: (s > s.median()).astype("boolean"),
    "bool": lambda s: s > s.median(),
    "double[pyarrow]": lambda s: s.astype("double[pyarrow]"),
    "int64[pyarrow]": lambda s: s.round().astype("int64").astype("int64[pyarrow]"),
    "category": lambda s: s.round().astype("category"),
    "int8": lambda s: (s.clip(-9, 9) * 10).astype("int8"),
    "uint8": lambda s: (s.abs().clip(0, 20) * 10).astype("uint8"),
    "float16": lambda s: s.astype("float16"),
    "float32": lambda s: s.astype("float32"),
    "longdouble": lambda s: s.astype("longdouble"),
    "date": lambda s: (
        pd.Timestamp("2020-01-01") + pd.to_timedelta(s.clip(-9, 9), unit="D")
    ),
    "timedelta": lambda s: pd.to_timedelta(s.clip(-9, 9), unit="D"),
    "complex": lambda s: s + 1j,
    "huge ints": lambda s: s.map(lambda v: int(v * 1000) * 10**400),
    "object": lambda s: s.astype(object),
    "lists": lambda s: s.map(lambda v: [v]),
    "None": lambda s: s.astype(object).where(s > s.median(), None),
    "sparse": lambda s: s.astype(pd.SparseDtype("float64", np.nan)),
    "interval": lambda s: pd.cut(s, 4),
}
FAULTS: dict[str, Callable[[Rng, Data], None]] = {
    "missing": _holes,
    "missing again": _holes,
    "infinite": _infinite,
    "constant": lambda rng, d: _set(rng, d, pick(rng, [0.0, 1.0, 0.1, -3.0])),
    "all missing": lambda rng, d: _set(rng, d, np.nan),
    "large": lambda rng, d: _set(rng, d, lambda s: s * 10.0 ** rng.integers(3, 60)),
    "small": lambda rng, d: _set(rng, d, lambda s: s * 10.0 ** -rng.integers(3, 60)),
    "very large": lambda rng, d: _set(
        rng, d, lambda s: s * 10.0 ** rng.integers(60, 307)
    ),
    "very small": lambda rng, d: _set(
        rng, d, lambda s: s * 10.0 ** -rng.integers(60, 320)
    ),
    "far from zero": lambda rng, d: _set(
        rng, d, lambda s: s + 10.0 ** rng.integers(3, 17)
    ),
    "few values": lambda rng, d: _set(rng, d, lambda s: s.round(0)),
    "dummy": lambda rng, d: _set(rng, d, lambda s: (s > s.median()) * 1.0),
    "one row only": lambda rng, d: _set(
        rng, d, lambda s: (np.arange(len(s)) == 3) * 1.0
    ),
    "outlier": lambda rng, d: _set(
        rng, d, lambda s: s.where(np.arange(len(s)) != 2, 1e9)
    ),
    "negative": lambda rng, d: _set(rng, d, lambda s: -s.abs()),
    "zeros": lambda rng, d: _set(
        rng, d, lambda s: s.where(rng.random(len(s)) > 0.4, 0.0)
    ),
    "repeated": _repeated,
    "few entities": _few_entities,
    "few periods": _few_periods,
    "cross-section": _cross_section,
    "row number": _row_number,
    "collinear": _collinear,
    "by entity": _by_entity,
    "by time": _by_time,
    "perfect": _perfect,
    "types": _types,
    "types again": _types,
    "dates": _dates,
    "entities": _entities,
    "groups": _groups,
    "index": _index,
    "library": _library,
    "no rows": lambda rng, d: setattr(d, "frame", d.frame.iloc[:0]),
    "one row": lambda rng, d: setattr(d, "frame", d.frame.iloc[:1]),
}
