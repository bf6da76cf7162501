"""A simulated panel of provinces with known parameters, and estimates beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import check_level, check_option, check_real, check_whole
from digiprosper.datasets.geography import read_table
from digiprosper.errors import ColumnError, InputTypeError, cited, quoted
from digiprosper.kernels import Floats
from digiprosper.kernels.dispersion import theil_shares, theil_t
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import FIXED_POINT
from digiprosper.panel import Panel

System = Literal["digital", "prosperity"]

_CONTROLS = ("urban", "fiscal", "openness")
_LARGEST_SIZE = 10_000
_GAMMA = 57.0
_A = {"productivity": 0.8, "upgrading": 1.5, "entrepreneurship": 2.0}
_B = {"productivity": 0.15, "upgrading": 0.06, "entrepreneurship": 0.04}
_DIRECT = 0.15
_REGIME_SLOPES = (0.2, 0.5)
_CURVE = (0.21, -0.3)
_COEFFICIENTS = {
    "growth_volatility": {"broadband_ports": -0.02},
    "digital_divide": {
        "broadband_ports": 0.2,
        "digital_skill": -0.1,
        "broadband_ports:digital_skill": -0.01,
    },
    "service_mismatch": {"digital_government": -0.02},
    "technology_flow": {"digital": 1.2},
    "capital_flow": {"digital": 1.8},
    "integration": {"digital": 0.1, "technology_flow": 0.08, "capital_flow": 0.06},
}
_INTERVAL = ("estimate", "std_error", "conf_low", "conf_high")


class _Equation(NamedTuple):
    level: float
    entity_sd: float
    trend: float
    error_sd: float
    controls: tuple[float, float, float]


_EQUATIONS = {
    "productivity": _Equation(2.2, 0.30, 0.50, 0.060, (0.004, -0.002, 0.001)),
    "upgrading": _Equation(1.3, 0.25, 0.30, 0.120, (0.006, 0.004, 0.002)),
    "entrepreneurship": _Equation(1.6, 0.30, 0.60, 0.160, (0.010, -0.004, 0.003)),
    "prosperity": _Equation(0.0, 0.05, 0.05, 0.012, (0.0010, 0.0008, -0.0004)),
    "rural_income": _Equation(9.2, 0.25, 0.80, 0.060, (0.004, 0.003, 0.001)),
    "urban_rural_theil": _Equation(
        0.21, 0.02, -0.02, 0.006, (-0.0005, -0.0002, 0.0001)
    ),
    "growth_volatility": _Equation(2.6, 0.30, 0.40, 0.180, (0.004, -0.003, 0.002)),
    "digital_divide": _Equation(34.0, 3.00, -2.00, 1.200, (-0.02, 0.01, -0.01)),
    "service_mismatch": _Equation(2.0, 0.20, -0.10, 0.080, (-0.003, 0.002, 0.001)),
    "technology_flow": _Equation(1.2, 0.20, 0.40, 0.120, (0.004, 0.002, 0.001)),
    "capital_flow": _Equation(2.0, 0.30, 0.60, 0.160, (0.006, -0.002, 0.002)),
    "integration": _Equation(0.2, 0.05, 0.05, 0.012, (0.001, -0.0004, 0.0002)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """True parameters of a simulated panel, made by `datasets.simulate_provinces`.

    Parameters
    ----------
    a : mapping
        Effect of ``digital`` on each mediator.
    b : mapping
        Effect of each mediator on ``prosperity``, given ``digital``.
    direct : float
        Direct effect of ``digital`` on ``prosperity``.
    threshold : float
        Threshold of ``urban``, the last value of the first regime. It is an observed
        value, just below 57% if the sample has enough rows on both sides.
    regime_slopes : pair of float
        Effects of ``digital`` on ``rural_income`` if ``urban <= threshold``, and above.
    curve : pair of float
        Coefficients of ``digital`` and its square in the equation of
        ``urban_rural_theil``, an inverse U-shape.
    coefficients : mapping
        Coefficients in the equations of the other outcomes, such as
        ``"digital_divide"``, by term.
    controls : mapping
        Coefficients of the controls for each outcome.
    systems : mapping
        Indicator systems of ``"digital"`` and ``"prosperity"``, as taken by
        ``IndicatorSystem.from_dict``.
    weights : mapping
        Entropy weights of the indicators of both systems in this sample.
    errors : DataFrame
        Errors of each outcome, with the rows of the panel. Outcome minus error
        satisfies its equation exactly.
    equations : str
        Equations of all outcomes, as text.
    labels : mapping
        Labels of all columns and keys in English (``"en"``) and Chinese (``"zh"``).

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> truth.direct, sorted(truth.a)
    (0.15, ['entrepreneurship', 'productivity', 'upgrading'])
    """

    a: Mapping[str, float]
    b: Mapping[str, float]
    direct: float
    threshold: float
    regime_slopes: tuple[float, float]
    curve: tuple[float, float]
    coefficients: Mapping[str, Mapping[str, float]]
    controls: Mapping[str, Mapping[str, float]]
    systems: Mapping[str, Mapping[str, Mapping[str, Literal["+", "-"]]]]
    weights: Mapping[str, Mapping[str, float]]
    errors: pd.DataFrame
    equations: str
    labels: Mapping[str, Mapping[str, str]]

    @property
    def indirect(self) -> dict[str, float]:
        """Indirect effect of ``digital`` on ``prosperity`` through each mediator.

        It is the product of a and b.
        """
        return {channel: a * self.b[channel] for channel, a in self.a.items()}

    @property
    def total(self) -> float:
        """Total effect: the sum of the direct and all indirect effects."""
        return self.direct + sum(self.indirect.values())

    @property
    def turning_point(self) -> float:
        """Value of ``digital`` at which ``urban_rural_theil`` has its maximum."""
        return -self.curve[0] / (2 * self.curve[1])

    @property
    def effects(self) -> dict[str, float]:
        """Mediation effects with the names of `MediationResults`."""
        parts = {
            f"indirect:{channel}": value for channel, value in self.indirect.items()
        }
        return {
            "total": self.total,
            "direct": self.direct,
            "indirect": sum(parts.values()),
            **parts,
        }

    def indicators(self, system: System) -> pd.DataFrame:
        """Return an indicator system as a table.

        Parameters
        ----------
        system : {"digital", "prosperity"}
            Name of the system.

        Returns
        -------
        DataFrame
            One row per indicator with columns indicator, direction, dimension, unit and
            label, as taken by ``IndicatorSystem.from_frame``.

        Raises
        ------
        OptionError
            If there is no such system.
        """
        check_option("system", system, get_args(System))
        table = _indicators(system).rename(
            columns={"column": "indicator", "chinese": "label"}
        )
        return table[["indicator", "direction", "dimension", "unit", "label"]]


def simulate_provinces(
    n: int = 31, periods: int = 12, *, gaps: float = 0.0, rng: object = 0
) -> tuple[Panel, Truth]:
    """Simulate a panel of Chinese provinces in which all effects are known.

    Names and units are those of the literature on Chinese provinces; all numbers are
    simulated.

    Parameters
    ----------
    n : int, default 31
        Number of provinces, at least 5. From the 32nd on their names are
        ``region_32``, ...
    periods : int, default 12
        Number of years from 2011 on, at least 4.
    gaps : float, default 0
        Probability, below .5, that a value of an indicator or a control is missing
        between the first and the last year. The other values do not depend on it.
        ``digital`` and ``prosperity`` are never missing.
    rng : int, sequence of int, SeedSequence, Generator or None, default 0
        Seed. The same seed gives the same panel; None gives a new one each time.

    Returns
    -------
    panel : Panel
        Panel with keys ``province`` and ``year`` and Chinese labels. Columns are
        ``province_zh`` and ``region``; the indicators of both systems; their entropy
        indices ``digital`` and ``prosperity``, equal to those of `CompositeIndex`; the
        mediators ``productivity``, ``upgrading`` and ``entrepreneurship``; the other
        outcomes ``rural_income``, ``urban_rural_theil`` and those of
        ``truth.coefficients``; their regressors ``digital_skill`` and
        ``digital_government``; the controls ``urban``, ``fiscal`` and ``openness``;
        ``post_offices_1984``, which does not vary over time, and ``national_users``,
        which does not vary between provinces.
    truth : Truth
        True parameters, indicator systems, equations and errors.

    Raises
    ------
    OptionError
        If `n` or `periods` is not an integer or is too small, or `gaps` is not a
        probability below .5.
    InputTypeError
        If `rng` cannot be used as a seed.

    Notes
    -----
    All outcomes depend on province effects, year effects, the three controls and an
    error. The error is first-order autoregressive with coefficient .4, and its standard
    deviation differs between provinces. The entropy index of this sample, which is
    exogenous, is a regressor of most equations. Provinces in which it increases faster
    had more post offices in 1984. Post offices are in no equation, so
    ``post_offices_1984:lag(national_users)`` is a valid instrument.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> panel.n_entities, panel.n_times
    (31, 12)
    >>> round(truth.total, 2), truth.turning_point
    (0.44, 0.35)
    """
    n = check_whole("n", n, 5, _LARGEST_SIZE)
    periods = check_whole("periods", periods, 4, _LARGEST_SIZE)
    kind = "a probability below .5, such as .02"
    gaps = check_real("gaps", gaps, lambda share: 0 <= share < 0.5, kind)
    draw = _Draw(np.random.default_rng(seed_sequence(rng)), n, periods)
    columns, digital_weights = _digital(draw)
    columns |= _controls(draw)
    errors: dict[str, Floats] = {}

    def outcome(name: str, systematic: Floats) -> Floats:
        equation = _EQUATIONS[name]
        errors[name] = draw.errors(equation.error_sd)
        effects = draw.effects(equation.level, equation.entity_sd, equation.trend)
        pairs = zip(equation.controls, _CONTROLS, strict=True)
        base = systematic + effects + errors[name]
        return base + sum(c * columns[k] for c, k in pairs)

    digital = columns["digital"]
    for channel, a in _A.items():
        columns[channel] = outcome(channel, a * digital)
    prosperity = outcome(
        "prosperity", _DIRECT * digital + sum(b * columns[m] for m, b in _B.items())
    )
    indicators, prosperity_weights = _prosperity(draw, prosperity)
    columns |= indicators
    # What the search for the indicators left over is part of the error, so that the
    # equation holds exactly.
    gap = columns["prosperity"] - prosperity
    errors["prosperity"] += gap - gap.mean()

    # An observed value, as every value up to the next one splits the rows alike.
    urban = columns["urban"]
    most = np.clip(_GAMMA, *np.quantile(urban, (0.2, 0.8)))
    gamma = float(urban[urban <= most].max())
    slopes = np.where(urban <= gamma, *_REGIME_SLOPES)
    columns["rural_income"] = outcome("rural_income", slopes * digital)
    columns["urban_rural_theil"] = outcome(
        "urban_rural_theil", _CURVE[0] * digital + _CURVE[1] * digital**2
    )
    columns |= _instrument(draw, digital)
    observed = _with_gaps(draw, columns, gaps)
    # Drawn last, so that they do not change the other columns of a seed.
    columns |= _regressors(draw)
    for name, coefficients in _COEFFICIENTS.items():
        # ``:`` is between the columns of a product.
        terms = [
            c * np.prod([columns[factor] for factor in term.split(":")], axis=0)
            for term, c in coefficients.items()
        ]
        columns[name] = outcome(name, np.sum(terms, axis=0))

    return _panel(columns | observed, n, periods), Truth(
        a=dict(_A),
        b=dict(_B),
        direct=_DIRECT,
        threshold=gamma,
        regime_slopes=_REGIME_SLOPES,
        curve=_CURVE,
        coefficients={name: dict(terms) for name, terms in _COEFFICIENTS.items()},
        controls={
            k: dict(zip(_CONTROLS, e.controls, strict=True))
            for k, e in _EQUATIONS.items()
        },
        systems={name: _indicator_dict(_indicators(name)) for name in get_args(System)},
        weights={"digital": digital_weights, "prosperity": prosperity_weights},
        errors=_panel(errors, n, periods).frame[list(errors)],
        equations=_equations_text(gamma),
        labels={"en": _labels("english"), "zh": _labels("chinese")},
    )


@dataclass(frozen=True, slots=True)
class _Draw:
    """Random parts of a panel; every array is (n, periods)."""

    rng: np.random.Generator
    n: int
    periods: int

    def effects(self, level: float, entity_sd: float, trend: float) -> Floats:
        entity = self.rng.normal(level, entity_sd, (self.n, 1))
        year = np.linspace(0, trend, self.periods) + self.rng.normal(
            0, abs(trend) / 50, self.periods
        )
        return entity + year

    def wander(self, sd: Any, rho: float) -> Floats:
        """Draw a stationary autoregression in each province."""
        shocks = self.rng.normal(size=(self.n, self.periods))
        path = np.empty_like(shocks)
        path[:, 0] = shocks[:, 0]
        for t in range(1, self.periods):
            path[:, t] = rho * path[:, t - 1] + np.sqrt(1 - rho**2) * shocks[:, t]
        scaled: Floats = path * sd
        return scaled

    def errors(self, sd: float) -> Floats:
        return self.wander(sd * np.exp(self.rng.normal(0, 0.2, (self.n, 1))), 0.4)


def _digital(draw: _Draw) -> tuple[dict[str, Floats], dict[str, float]]:
    """Draw indicators around one latent level, and take their entropy index."""
    start = draw.rng.uniform(-0.9, 0.9, (draw.n, 1))
    speed = draw.rng.uniform(0.7, 1.3, (draw.n, 1))
    latent = start + speed * np.linspace(0, 2.2, draw.periods) + draw.wander(0.25, 0.6)
    indicators = _indicators("digital")
    columns = []
    for skew in indicators["skew"]:
        level = latent + (draw.rng.normal(0, 0.2, (draw.n, 1)) + draw.wander(0.2, 0.6))
        level = np.exp(skew * level) if skew else level
        columns.append((level - level.min()) / (level.max() - level.min()))
    return _index("digital", np.stack(columns, -1))


def _controls(draw: _Draw) -> dict[str, Floats]:
    return {
        "urban": draw.effects(0, 7.5, 11) + 51 + draw.wander(1.2, 0.5),
        "fiscal": draw.effects(25, 6, 3) + draw.wander(1.5, 0.5),
        "openness": np.exp(draw.effects(3, 0.45, -0.3) + draw.wander(0.12, 0.5)),
    }


def _prosperity(
    draw: _Draw, target: Floats
) -> tuple[dict[str, Floats], dict[str, float]]:
    """Draw indicators whose entropy index is the target plus a constant.

    Indicator j is target + noise_j; its index is sum_j c_j (target + noise_j) -
    constant, c_j = weight_j / range_j. Removing sum_j c_j noise_j from every noise and
    scaling it until sum_j c_j = 1 leaves the target. Weights and ranges change with the
    noise, so this is repeated until it converges.
    """
    size = len(_indicators("prosperity"))
    entity = draw.rng.normal(0, 0.10, (draw.n, 1, size))
    noise = entity + np.stack([draw.wander(0.04, 0.6) for _ in range(size)], -1)
    for _ in range(500):
        raw = target[..., None] + noise
        low, high = raw.min((0, 1)), raw.max((0, 1))
        z = (raw - low) / (high - low)
        weights = _entropy_weights(z)
        share = weights / (high - low)
        offset = noise @ share / share.sum()
        if abs(share.sum() - 1) < FIXED_POINT and np.abs(offset).max() < FIXED_POINT:
            break
        noise = (noise - offset[..., None]) * share.sum()
    return _index("prosperity", z)


def _regressors(draw: _Draw) -> dict[str, Floats]:
    return {
        "digital_skill": draw.effects(30, 6, 12) + draw.wander(2, 0.5),
        "digital_government": draw.effects(45, 8, 20) + draw.wander(3, 0.5),
    }


def _instrument(draw: _Draw, digital: Floats) -> dict[str, Floats]:
    """Draw a level of 1984 that fits the later rise of the index, and a series."""
    rise = digital[:, [-1]] - digital[:, [0]]
    offices = 2 * rise + draw.rng.uniform(0, 0.4, (draw.n, 1))
    users = np.linspace(5.1, 10.7, draw.periods) + draw.rng.uniform(
        -0.1, 0.1, draw.periods
    )
    shape = (draw.n, draw.periods)
    return {
        "post_offices_1984": np.broadcast_to(offices, shape),
        "national_users": np.broadcast_to(users, shape),
    }


def _with_gaps(
    draw: _Draw, columns: dict[str, Floats], share: float
) -> dict[str, Floats]:
    """Delete values of indicators and controls, not in the first or last period."""
    names = [
        *_indicators("digital")["column"],
        *_indicators("prosperity")["column"],
        *_CONTROLS,
    ]
    missing = draw.rng.random((len(names), draw.n, draw.periods)) < share
    missing[..., [0, -1]] = False
    return columns | {
        n: np.where(m, np.nan, columns[n]) for n, m in zip(names, missing, strict=True)
    }


def _entropy_weights(z: Floats) -> Floats:
    return theil_shares(theil_t(z.reshape(-1, z.shape[-1])))


def _index(system: System, z: Floats) -> tuple[dict[str, Floats], dict[str, float]]:
    """Make indicators in their units, their index from z, and its weights."""
    weights = _entropy_weights(z)
    table = _indicators(system)
    low, high = table["low"].to_numpy(), table["high"].to_numpy()
    values = low + (high - low) * np.where(table["direction"] == "+", z, 1 - z)
    columns = dict(zip(table["column"], np.moveaxis(values, -1, 0), strict=True))
    return columns | {system: z @ weights}, dict(
        zip(table["column"], weights.tolist(), strict=True)
    )


def _panel(columns: Mapping[str, Floats], n: int, periods: int) -> Panel:
    names = ["province", "province_zh", "region"]
    more = [
        (f"region_{k}", f"地区{k}", ("east", "central", "west")[k % 3])
        for k in range(32, n + 1)
    ]
    rows = [*read_table("provinces")[names].itertuples(index=False, name=None), *more]
    provinces = pd.DataFrame(rows[:n], columns=names)
    frame = provinces.loc[provinces.index.repeat(periods)].reset_index(drop=True)
    years = np.tile(np.arange(2011, 2011 + periods), n)
    frame = frame.assign(year=years, **{k: v.ravel() for k, v in columns.items()})
    keys = ("province", "year")
    labels = {
        k: v for k, v in _labels("chinese").items() if k in frame and k not in keys
    }
    return Panel(frame, *keys, labels=labels)


@cache
def _indicators(system: System) -> pd.DataFrame:
    """Return the indicators of a system, with their ranges and skewness."""
    table = read_table("columns")
    table = table[table["system"] == system].reset_index(drop=True)
    return table.astype({"low": float, "high": float, "skew": float})


def _labels(language: str) -> dict[str, str]:
    table = read_table("columns")
    texts = table[language]
    if language == "chinese":
        texts = texts.where(table["unit"].isna(), texts + "（" + table["unit"] + "）")
    return dict(zip(table["column"], texts, strict=True))


def _indicator_dict(
    indicators: pd.DataFrame,
) -> dict[str, dict[str, Literal["+", "-"]]]:
    return {
        str(dimension): dict(zip(rows["column"], rows["direction"], strict=True))
        for dimension, rows in indicators.groupby("dimension", sort=False)
    }


def _equations_text(gamma: float) -> str:
    regimes = (f"digital [urban {sign} {gamma:.2f}]" for sign in ("<=", ">"))
    equations: dict[str, Mapping[str, float]] = {
        **{channel: {"digital": a} for channel, a in _A.items()},
        "prosperity": {"digital": _DIRECT, **_B},
        "rural_income": dict(zip(regimes, _REGIME_SLOPES, strict=True)),
        "urban_rural_theil": dict(zip(("digital", "digital^2"), _CURVE, strict=True)),
        **_COEFFICIENTS,
    }
    lines = []
    for name, coefficients in equations.items():
        terms = " + ".join(f"{c:g} {term}" for term, c in coefficients.items())
        lines.append(f"{name} = {terms} + rest".replace("+ -", "- "))
    lines += [
        "rest = province effect + year effect + controls (urban, fiscal, openness) + "
        "error",
        "digital, prosperity = entropy indices of their indicators",
    ]
    return "\n".join(lines)


# --- estimates beside the truth -------------------------------------------------------


def beside_truth(
    rows: Mapping[str, tuple[float, Any, Any]], *, level: float = 0.95
) -> pd.DataFrame:
    """Compare estimates with the true parameters of a simulated panel.

    Parameters
    ----------
    rows : mapping
        For each row ``(truth, results, term)``, where results may also be a table such
        as ``results.impacts``. Or ``(truth, estimate, pieces)``, where pieces is a
        confidence set: a list of intervals, as in `ThresholdResults.confidence_set` and
        ``fieller`` of `u_test`.
    level : float, default 0.95
        Confidence level of the intervals of results. A table has its own intervals.

    Returns
    -------
    DataFrame
        One row per row of `rows`, with columns truth, estimate, std_error (missing for
        a set), conf_low, conf_high (the ends of the interval or set), and inside:
        whether the interval or set contains the truth.

    Raises
    ------
    InputTypeError
        If a row has neither of these forms.
    ColumnError
        If results do not have the term, or a table has it twice or does not have these
        columns.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces(rng=2026)
    >>> fit = dp.FixedEffects(
    ...     "prosperity", ["digital", *truth.controls["prosperity"]]
    ... ).fit(panel)
    >>> dp.datasets.beside_truth({"Total effect": (truth.total, fit, "digital")}).round(
    ...     3
    ... )
                  truth  estimate  std_error  conf_low  conf_high  inside
    Total effect   0.44     0.424      0.023     0.377      0.471    True
    """
    level = check_level(level)
    mapping: object = rows
    if not isinstance(mapping, Mapping) or not mapping:
        raise InputTypeError(
            "beside_truth: rows must be a mapping from names to (truth, results, term)."
        )
    lines = [_comparison_row(name, row, level) for name, row in rows.items()]
    names = pd.Index(rows.keys(), dtype=object)
    return pd.DataFrame(lines, index=names, columns=["truth", *_INTERVAL, "inside"])


def _comparison_row(name: object, row: Any, level: float) -> tuple[float | bool, ...]:
    if not isinstance(row, Sequence) or isinstance(row, str) or len(row) != 3:
        raise _row_error(name, row)
    true_value, results, term_or_interval = row
    truth = _numbers(name, row, true_value).item()
    frame = results.tidy(level) if hasattr(results, "tidy") else results
    if isinstance(term_or_interval, str) and isinstance(frame, pd.DataFrame):
        return truth, *_compare_term(name, truth, frame, term_or_interval)
    estimate = _numbers(name, row, results).item()
    return truth, *_compare_set(
        truth, estimate, _numbers(name, row, term_or_interval, (-1, 2))
    )


def _numbers(
    name: object, row: object, values: object, shape: tuple[int, ...] = ()
) -> Any:
    try:
        return np.asarray(values, dtype=float).reshape(shape)
    except (TypeError, ValueError):
        raise _row_error(name, row) from None


def _compare_term(
    name: object, truth: float, frame: pd.DataFrame, term: str
) -> tuple[float | bool, ...]:
    lacking = {"term", *_INTERVAL} - set(frame.columns)
    if lacking:
        raise ColumnError(
            f"beside_truth: the frame of {cited(name)} lacks {quoted(sorted(lacking))}."
        )
    rows = frame.loc[frame["term"] == term]
    if len(rows) != 1:
        times = "twice or more" if len(rows) else "not"
        raise ColumnError(
            f"beside_truth: the results of {cited(name)} have the term {cited(term)} "
            f"{times}; their terms are {quoted(frame['term'])}."
        )
    numbers = rows[list(_INTERVAL)].to_numpy(dtype=float)[0]
    estimate, error, low, high = numbers.tolist()
    return estimate, error, low, high, low <= truth <= high


def _compare_set(
    truth: float, estimate: float, pieces: Any
) -> tuple[float | bool, ...]:
    inside = bool(((pieces[:, 0] <= truth) & (truth <= pieces[:, 1])).any())
    low, high = (
        (float(pieces.min()), float(pieces.max())) if len(pieces) else (np.nan, np.nan)
    )
    return estimate, np.nan, low, high, inside


def _row_error(name: object, row: object) -> InputTypeError:
    return InputTypeError(
        f"beside_truth: the row {cited(name)} is {cited(row)}; it must be (truth, "
        "results, term), or (truth, estimate, [(low, high)])."
    )
