"""A simulated panel of provinces with known parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from digiprosper.datasets.provinces import ENGLISH
from digiprosper.errors import OptionError, check_option, cited, option_problem
from digiprosper.kernels.dispersion import theil_shares, theil_t
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import FIXED_POINT
from digiprosper.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Mapping

    Floats = np.ndarray[Any, np.dtype[np.float64]]


class _Indicator(NamedTuple):
    name: str
    label: str
    unit: str
    dimension: str
    direction: Literal["+", "-"]
    low: float
    high: float
    skew: float = 0.0


_DIGITAL: Final = (
    _Indicator("broadband_ports", "互联网宽带接入端口", "个/百人", "infrastructure", "+", 14, 88, 0.2),
    _Indicator("cable_density", "光缆线路密度", "公里/平方公里", "infrastructure", "+", 0.05, 17, 0.5),
    _Indicator("broadband_users", "互联网宽带用户", "户/百人", "users", "+", 6, 48, 0.2),
    _Indicator("mobile_users", "移动电话用户", "部/百人", "users", "+", 52, 188, 0.0),
    _Indicator("ict_employment", "信息软件业从业人员比重", "%", "industry", "+", 0.7, 9.8, 0.5),
    _Indicator("telecom_volume", "人均电信业务量", "元/人", "industry", "+", 520, 15400, 0.3),
    _Indicator("software_revenue", "人均软件业务收入", "元/人", "industry", "+", 4, 42000, 0.6),
    _Indicator("ecommerce_firms", "有电子商务活动企业比重", "%", "industry", "+", 0.8, 22, 0.2),
    _Indicator("digital_finance", "数字普惠金融指数", "指数", "finance", "+", 17, 458, 0.0),
)
_PROSPERITY: Final = (
    _Indicator("income", "居民人均可支配收入", "元", "affluence", "+", 7500, 79600),
    _Indicator("consumption", "居民人均消费支出", "元", "affluence", "+", 4700, 48900),
    _Indicator("engel", "恩格尔系数", "%", "affluence", "-", 20, 48),
    _Indicator("income_ratio", "城乡居民收入比", "农村=1", "sharing", "-", 1.8, 4.0),
    _Indicator("schooling", "平均受教育年限", "年", "sharing", "+", 4.8, 12.8),
    _Indicator("hospital_beds", "每千人医疗机构床位", "张", "sharing", "+", 2.6, 8.4),
    _Indicator("pension_coverage", "基本养老保险参保率", "%", "sharing", "+", 38, 96),
    _Indicator("unemployment", "城镇登记失业率", "%", "sharing", "-", 1.2, 4.6),
    _Indicator("forest_cover", "森林覆盖率", "%", "sustainability", "+", 4.2, 66.8),
    _Indicator("pm25", "PM2.5年均浓度", "微克/立方米", "sustainability", "-", 9, 88),
    _Indicator("energy_intensity", "万元GDP能耗", "吨标准煤", "sustainability", "-", 0.2, 2.4),
)
_LABELS: Final = {
    "province_zh": "省份",
    "region": "地区",
    "digital": "数字经济指数",
    "prosperity": "共同富裕指数",
    "rural_income": "农村居民人均可支配收入（对数，元）",
    "urban_rural_theil": "城乡收入泰尔指数",
    "productivity": "劳动生产率（对数，万元/人）",
    "upgrading": "产业结构高级化（三产/二产）",
    "entrepreneurship": "创业活跃度（新增企业，个/百人）",
    "urban": "城镇化率（%）",
    "fiscal": "财政支出占GDP比重（%）",
    "openness": "进出口总额占GDP比重（%）",
    "post_offices_1984": "1984年每万人邮局数（个）",
    "national_users": "全国互联网用户数（亿户）",
}
# Pinyin, Chinese, region; in the order of the national statistics.
_PROVINCES: Final = (
    ("beijing", "北京", "east"),
    ("tianjin", "天津", "east"),
    ("hebei", "河北", "east"),
    ("shanxi", "山西", "central"),
    ("neimenggu", "内蒙古", "west"),
    ("liaoning", "辽宁", "east"),
    ("jilin", "吉林", "central"),
    ("heilongjiang", "黑龙江", "central"),
    ("shanghai", "上海", "east"),
    ("jiangsu", "江苏", "east"),
    ("zhejiang", "浙江", "east"),
    ("anhui", "安徽", "central"),
    ("fujian", "福建", "east"),
    ("jiangxi", "江西", "central"),
    ("shandong", "山东", "east"),
    ("henan", "河南", "central"),
    ("hubei", "湖北", "central"),
    ("hunan", "湖南", "central"),
    ("guangdong", "广东", "east"),
    ("guangxi", "广西", "west"),
    ("hainan", "海南", "east"),
    ("chongqing", "重庆", "west"),
    ("sichuan", "四川", "west"),
    ("guizhou", "贵州", "west"),
    ("yunnan", "云南", "west"),
    ("xizang", "西藏", "west"),
    ("shaanxi", "陕西", "west"),
    ("gansu", "甘肃", "west"),
    ("qinghai", "青海", "west"),
    ("ningxia", "宁夏", "west"),
    ("xinjiang", "新疆", "west"),
)

_CONTROLS: Final = ("urban", "fiscal", "openness")
_GAMMA: Final = 57.0
_A: Final = {"productivity": 0.8, "upgrading": 1.5, "entrepreneurship": 2.0}
_B: Final = {"productivity": 0.15, "upgrading": 0.06, "entrepreneurship": 0.04}
_DIRECT: Final = 0.15
_REGIME_SLOPES: Final = (0.2, 0.5)
_CURVE: Final = (0.21, -0.3)


class _Equation(NamedTuple):
    level: float
    entity_sd: float
    trend: float
    error_sd: float
    controls: tuple[float, float, float]


_EQUATIONS: Final = {
    "productivity": _Equation(2.2, 0.30, 0.50, 0.060, (0.004, -0.002, 0.001)),
    "upgrading": _Equation(1.3, 0.25, 0.30, 0.120, (0.006, 0.004, 0.002)),
    "entrepreneurship": _Equation(1.6, 0.30, 0.60, 0.160, (0.010, -0.004, 0.003)),
    "prosperity": _Equation(0.0, 0.05, 0.05, 0.012, (0.0010, 0.0008, -0.0004)),
    "rural_income": _Equation(9.2, 0.25, 0.80, 0.060, (0.004, 0.003, 0.001)),
    "urban_rural_theil": _Equation(0.21, 0.02, -0.02, 0.006, (-0.0005, -0.0002, 0.0001)),
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
        Threshold of ``urban``, the last value of the first regime. It is an observed value, just below 57% if
        the sample has enough rows on both sides.
    regime_slopes : pair of float
        Effects of ``digital`` on ``rural_income`` if ``urban <= threshold``, and above.
    curve : pair of float
        Coefficients of ``digital`` and its square in the equation of ``urban_rural_theil``, an inverse
        U-shape.
    controls : mapping
        Coefficients of the controls for each outcome.
    systems : mapping
        Indicator systems of ``"digital"`` and ``"prosperity"``, as taken by ``IndicatorSystem.from_dict``.
    weights : mapping
        Entropy weights of the indicators of both systems in this sample.
    errors : DataFrame
        Errors of each outcome, with the rows of the panel. Outcome minus error satisfies its equation
        exactly.
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
    controls: Mapping[str, Mapping[str, float]]
    systems: Mapping[str, Mapping[str, Mapping[str, Literal["+", "-"]]]]
    weights: Mapping[str, Mapping[str, float]]
    errors: pd.DataFrame
    equations: str
    labels: Mapping[str, Mapping[str, str]]

    @property
    def indirect(self) -> dict[str, float]:
        """Indirect effect of ``digital`` on ``prosperity`` through each mediator, a times b."""
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
        parts = {f"indirect:{channel}": value for channel, value in self.indirect.items()}
        return {"total": self.total, "direct": self.direct, "indirect": sum(parts.values()), **parts}

    def indicators(self, system: Literal["digital", "prosperity"]) -> pd.DataFrame:
        """Return an indicator system as a table.

        Parameters
        ----------
        system : {"digital", "prosperity"}
            Name of the system.

        Returns
        -------
        DataFrame
            One row per indicator with columns indicator, direction, dimension, unit and label, as taken by
            ``IndicatorSystem.from_frame``.

        Raises
        ------
        OptionError
            If there is no such system.
        """
        check_option("system", system, ("digital", "prosperity"))
        rows = _DIGITAL if system == "digital" else _PROSPERITY
        columns = ["indicator", "direction", "dimension", "unit", "label"]
        return pd.DataFrame(
            [(i.name, i.direction, i.dimension, i.unit, i.label) for i in rows], columns=columns
        )


def simulate_provinces(
    n: int = 31, periods: int = 12, *, gaps: float = 0.0, rng: object = 0
) -> tuple[Panel, Truth]:
    """Simulate a panel of Chinese provinces in which all effects are known.

    Names and units are those of the literature on Chinese provinces; all numbers are simulated.

    Parameters
    ----------
    n : int, default 31
        Number of provinces, at least 5. From the 32nd on their names are ``region_32``, ...
    periods : int, default 12
        Number of years from 2011 on, at least 4.
    gaps : float, default 0
        Probability, below .5, that a value of an indicator or a control is missing between the first and the
        last year. The other values do not depend on it. ``digital`` and ``prosperity`` are never missing.
    rng : int, sequence of int, SeedSequence, Generator or None, default 0
        Seed. The same seed gives the same panel; None gives a new one each time.

    Returns
    -------
    panel : Panel
        Panel with keys ``province`` and ``year`` and Chinese labels. Columns are ``province_zh`` and
        ``region``; the indicators of both systems; their entropy indices ``digital`` and ``prosperity``,
        equal to those of `CompositeIndex`; the mediators ``productivity``, ``upgrading`` and
        ``entrepreneurship``; the other outcomes ``rural_income`` and ``urban_rural_theil``; the controls
        ``urban``, ``fiscal`` and ``openness``; ``post_offices_1984``, which does not vary over time, and
        ``national_users``, which does not vary between provinces.
    truth : Truth
        True parameters, indicator systems, equations and errors.

    Raises
    ------
    OptionError
        If `n` or `periods` is not an integer or is too small, or `gaps` is not a probability below .5.
    InputTypeError
        If `rng` cannot be used as a seed.

    Notes
    -----
    All outcomes depend on province effects, year effects, the three controls and an error. The error is
    first-order autoregressive with coefficient .4, and its standard deviation differs between provinces. The
    regressor of all equations is the entropy index of this sample, which is exogenous. Provinces in which it
    increases faster had more post offices in 1984. Post offices are in no equation, so
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
    _check_size("n", n, 5)
    _check_size("periods", periods, 4)
    _check_gaps(gaps)
    draw = _Draw(np.random.default_rng(seed_sequence(rng)), n, periods)
    columns, digital_weights = _digital(draw)
    columns |= _controls(draw)
    errors: dict[str, Floats] = {}

    def outcome(name: str, systematic: Floats) -> Floats:
        equation = _EQUATIONS[name]
        errors[name] = draw.errors(equation.error_sd)
        base = systematic + draw.effects(equation.level, equation.entity_sd, equation.trend) + errors[name]
        return base + sum(c * columns[k] for c, k in zip(equation.controls, _CONTROLS, strict=True))

    digital = columns["digital"]
    for channel, a in _A.items():
        columns[channel] = outcome(channel, a * digital)
    prosperity = outcome("prosperity", _DIRECT * digital + sum(b * columns[m] for m, b in _B.items()))
    indicators, prosperity_weights = _prosperity(draw, prosperity)
    columns |= indicators
    # What the search for the indicators left over is part of the error, so that the equation holds exactly.
    gap = columns["prosperity"] - prosperity
    errors["prosperity"] += gap - gap.mean()

    gamma = _threshold(columns["urban"])
    slopes = np.where(columns["urban"] <= gamma, *_REGIME_SLOPES)
    columns["rural_income"] = outcome("rural_income", slopes * digital)
    columns["urban_rural_theil"] = outcome("urban_rural_theil", _CURVE[0] * digital + _CURVE[1] * digital**2)
    columns |= _instrument(draw, digital)

    panel = _panel(_with_gaps(draw, columns, gaps), n, periods)
    truth = Truth(
        a=dict(_A),
        b=dict(_B),
        direct=_DIRECT,
        threshold=gamma,
        regime_slopes=_REGIME_SLOPES,
        curve=_CURVE,
        controls={k: dict(zip(_CONTROLS, e.controls, strict=True)) for k, e in _EQUATIONS.items()},
        systems={"digital": _as_dict(_DIGITAL), "prosperity": _as_dict(_PROSPERITY)},
        weights={"digital": digital_weights, "prosperity": prosperity_weights},
        errors=_panel(errors, n, periods).frame[list(errors)],
        equations=_in_words(gamma),
        labels={"en": dict(ENGLISH), "zh": {"province": "省份", "year": "年份"} | panel.labels},
    )
    return panel, truth


@dataclass(frozen=True, slots=True)
class _Draw:
    """Random parts of a panel; every array is (n, periods)."""

    rng: np.random.Generator
    n: int
    periods: int

    def effects(self, level: float, entity_sd: float, trend: float) -> Floats:
        entity = self.rng.normal(level, entity_sd, (self.n, 1))
        year = np.linspace(0, trend, self.periods) + self.rng.normal(0, abs(trend) / 50, self.periods)
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
    noise = [draw.rng.normal(0, 0.2, (draw.n, 1)) + draw.wander(0.2, 0.6) for _ in _DIGITAL]
    z = np.stack(
        [
            _unit(np.exp(i.skew * (latent + e)) if i.skew else latent + e)
            for i, e in zip(_DIGITAL, noise, strict=True)
        ],
        -1,
    )
    weights = _entropy_weights(z)
    columns = _in_units(_DIGITAL, z)
    columns["digital"] = z @ weights
    return columns, dict(zip((i.name for i in _DIGITAL), weights.tolist(), strict=True))


def _controls(draw: _Draw) -> dict[str, Floats]:
    return {
        "urban": draw.effects(0, 7.5, 11) + 51 + draw.wander(1.2, 0.5),
        "fiscal": draw.effects(25, 6, 3) + draw.wander(1.5, 0.5),
        "openness": np.exp(draw.effects(3, 0.45, -0.3) + draw.wander(0.12, 0.5)),
    }


def _prosperity(draw: _Draw, target: Floats) -> tuple[dict[str, Floats], dict[str, float]]:
    """Draw indicators whose entropy index is the target plus a constant.

    Indicator j is target + noise_j; its index is sum_j c_j (target + noise_j) - constant, c_j = weight_j /
    range_j. Removing sum_j c_j noise_j from every noise and scaling it until sum_j c_j = 1 leaves the target.
    Weights and ranges change with the noise, so this is repeated until it converges.
    """
    size = len(_PROSPERITY)
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
    columns = _in_units(_PROSPERITY, z)
    columns["prosperity"] = z @ weights
    return columns, dict(zip((i.name for i in _PROSPERITY), weights.tolist(), strict=True))


def _instrument(draw: _Draw, digital: Floats) -> dict[str, Floats]:
    """Draw a level of 1984 that goes with the later rise of the index, and a national series."""
    rise = digital[:, [-1]] - digital[:, [0]]
    offices = 2 * rise + draw.rng.uniform(0, 0.4, (draw.n, 1))
    users = np.linspace(5.1, 10.7, draw.periods) + draw.rng.uniform(-0.1, 0.1, draw.periods)
    shape = (draw.n, draw.periods)
    return {
        "post_offices_1984": np.broadcast_to(offices, shape),
        "national_users": np.broadcast_to(users, shape),
    }


def _with_gaps(draw: _Draw, columns: dict[str, Floats], share: float) -> dict[str, Floats]:
    """Delete values of indicators and controls, never of the first or the last period."""
    gappy = [*(i.name for i in (*_DIGITAL, *_PROSPERITY)), *_CONTROLS]
    missing = draw.rng.random((len(gappy), draw.n, draw.periods)) < share
    missing[..., [0, -1]] = False
    holes = zip(gappy, missing, strict=True)
    return columns | {name: np.where(hole, np.nan, columns[name]) for name, hole in holes}


def _threshold(urban: Floats) -> float:
    """Take an observed value, as every value up to the next one splits the rows alike."""
    aim = np.clip(_GAMMA, *np.quantile(urban, (0.2, 0.8)))
    return float(urban[urban <= aim].max())


def _entropy_weights(z: Floats) -> Floats:
    return theil_shares(theil_t(z.reshape(-1, z.shape[-1])))


def _unit(x: Floats) -> Floats:
    scaled: Floats = (x - x.min()) / (x.max() - x.min())
    return scaled


def _in_units(indicators: tuple[_Indicator, ...], z: Floats) -> dict[str, Floats]:
    columns = {}
    for j, i in enumerate(indicators):
        share = z[..., j] if i.direction == "+" else 1 - z[..., j]
        columns[i.name] = i.low + (i.high - i.low) * share
    return columns


def _panel(columns: Mapping[str, Floats], n: int, periods: int) -> Panel:
    more = [(f"region_{k}", f"地区{k}", ("east", "central", "west")[k % 3]) for k in range(32, n + 1)]
    provinces = pd.DataFrame([*_PROVINCES, *more][:n], columns=["province", "province_zh", "region"])
    frame = provinces.loc[provinces.index.repeat(periods)].reset_index(drop=True)
    frame.insert(1, "year", np.tile(np.arange(2011, 2011 + periods), n))
    frame = pd.concat([frame, pd.DataFrame({k: v.ravel() for k, v in columns.items()})], axis=1)
    labels = {i.name: f"{i.label}（{i.unit}）" for i in (*_DIGITAL, *_PROSPERITY)} | _LABELS
    return Panel(frame, "province", "year", labels={k: v for k, v in labels.items() if k in frame.columns})


def _as_dict(indicators: tuple[_Indicator, ...]) -> dict[str, dict[str, Literal["+", "-"]]]:
    system: dict[str, dict[str, Literal["+", "-"]]] = {}
    for i in indicators:
        system.setdefault(i.dimension, {})[i.name] = i.direction
    return system


def _in_words(gamma: float) -> str:
    lines = [f"{m} = {a:g} digital + rest" for m, a in _A.items()]
    lines.append(
        f"prosperity = {_DIRECT:g} digital + " + " + ".join(f"{b:g} {m}" for m, b in _B.items()) + " + rest"
    )
    low, high = _REGIME_SLOPES
    lines.append(
        f"rural_income = {low:g} digital [urban <= {gamma:.2f}] "
        f"+ {high:g} digital [urban > {gamma:.2f}] + rest"
    )
    lines.append(f"urban_rural_theil = {_CURVE[0]:g} digital - {-_CURVE[1]:g} digital^2 + rest")
    lines.append("rest = province effect + year effect + controls (urban, fiscal, openness) + error")
    lines.append("digital, prosperity = entropy indices of their indicators")
    return "\n".join(lines)


def _check_size(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        message = f"{name}={cited(value)} must be an integer of at least {least}."
        raise OptionError(message, [option_problem(name, value, what=message)])


def _check_gaps(share: object) -> None:
    if isinstance(share, bool) or not isinstance(share, float | int | np.number) or not 0 <= share < 0.5:
        message = f"gaps={cited(share)} must be a probability below .5, such as .02."
        raise OptionError(message, [option_problem("gaps", share, what=message)])
