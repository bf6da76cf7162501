"""Random terms, options, specifications and studies; most can be fitted."""

from __future__ import annotations

import inspect
import keyword
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import digiprosper as dp
from digiprosper.composite.weights import WEIGHTINGS
from tests.fuzz.frames import NUMBERS, Data, Rng, chance, pick

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["JOBS", "NONSENSE", "SHARES", "WRONG", "Case"]


@dataclass(slots=True)
class Case:
    """A panel, where its columns are, and a log of what was called."""

    rng: Rng
    data: Data
    panel: dp.Panel
    seed: int
    log: list[str]
    wrong: float = 0.05

    def say(self, call: object) -> None:
        """Note a call, so that a finding can be read."""
        self.log.append(str(call)[:600])

    # --- terms ------------------------------------------------------------------------

    def column(self, role: str) -> str:
        """Name the column of a role."""
        return self.data.names[role]

    def inside(self, role: str) -> str:
        """Name it as it stands inside a term."""
        name = self.column(role)
        plain = name.isidentifier() and not keyword.iskeyword(name) and name.isascii()
        return name if plain else f"`{name}`"

    def term(self, role: str) -> str:
        """Draw a term of one column, mostly the column itself."""
        name = self.inside(role)
        forms = (
            f"log({name})",
            f"I({name}**2)",
            f"lag({name})",
            f"lead({name})",
            f"diff({name})",
            f"abs({name})",
            f"I({name} > 1)",
            f"exp({name})",
            f"sqrt(abs({name}))",
            f"log1p(abs({name}))",
            f"I({name} / 1000)",
            f"lag({name}, 2)",
            f"I(-{name})",
            f"{name}:{self.inside('d')}",
            f" {name} ",
        )
        if chance(self.rng, self.wrong / 5):
            return pick(self.rng, (*NONSENSE, *WRONG))
        return pick(self.rng, forms) if chance(self.rng, 0.2) else self.column(role)

    def terms(self, roles: str, most: int = 3) -> list[str]:
        """Draw some regressors, now and then a category, an interaction or nonsense."""
        chosen = self.rng.permutation(list(roles))[
            : int(self.rng.integers(1, most + 1))
        ]
        out = [self.term(str(role)) for role in chosen]
        if chance(self.rng, 0.15):
            g, k, x = (self.inside(role) for role in "gk" + str(chosen[0]))
            out.append(
                pick(
                    self.rng,
                    [
                        f"C({g})",
                        f"C({k})",
                        f"C({g}):{x}",
                        f"C({k}):C({g})",
                        f"C({g}):lag({x})",
                    ],
                )
            )
        if chance(self.rng, self.wrong):
            out.append(pick(self.rng, NONSENSE))
        return out

    # --- options ----------------------------------------------------------------------

    def options(self, **choices: Any) -> dict[str, Any]:
        """Draw options: mostly valid, a few of another type, a few wrong."""
        out: dict[str, Any] = {}
        for name, allowed in choices.items():
            if chance(self.rng, 0.35):
                out[name] = pick(self.rng, allowed)
        if (
            "cov_type" in out
            and out["cov_type"] not in ("clustered", "crv3", "cr2")
            and chance(self.rng, 0.95)
        ):
            out.pop("clusters", None)
        if choices and chance(self.rng, self.wrong):
            out[pick(self.rng, choices)] = pick(self.rng, WRONG)
        if out and chance(self.rng, 0.15):
            name = pick(self.rng, out)
            out[name] = _numpy(out[name])
        return out

    def common(self) -> dict[str, Any]:
        """Draw the options that every linear specification has."""
        entity, time = self.panel.entity_name, self.panel.time_name
        absorb = [self._absorbed(a) for a in ("g", "k", "g^k", "b")]
        clusters: list[Any] = [
            entity,
            self.column("g"),
            self.column("k"),
            self._crossed(),
        ]
        if time is not None:
            clusters.append(time)
        return {
            "entity_effects": [True, False],
            "time_effects": [True, False],
            "absorb": [[pick(self.rng, absorb)]],
            "cov_type": [
                "clustered",
                "robust",
                "unadjusted",
                "driscoll_kraay",
                "xtscc",
                "hc2",
                "hc3",
                "crv3",
                "cr2",
            ],
            "clusters": clusters,
            "ssc": [
                "reghdfe",
                "xtreg",
                "areg",
                "sandwich",
                "linearmodels",
                "plm",
                "none",
            ],
            "where": [self._condition()],
        }

    def _condition(self) -> str:
        """Draw a condition that chooses rows, few or many."""
        role = pick(self.rng, ("x", "m", "z", "b"))
        quantile = float(pick(self.rng, (0.1, 0.3, 0.6)))
        values = pd.to_numeric(self.panel.frame[self.column(role)], errors="coerce")
        bound = float(values.astype("float64").quantile(quantile))
        name = self.inside(role)
        return f"{name} {pick(self.rng, ('>', '<=', '!='))} {bound!r}"

    def _absorbed(self, roles: str) -> str:
        """Draw an effect, and now and then slopes by its levels."""
        effect = self.column(roles) if len(roles) == 1 else self._crossed()
        if chance(self.rng, 0.7):
            return effect
        effect = pick(self.rng, (effect, self.panel.entity_name))
        slope = pick(
            self.rng,
            (self.panel.time_name or "x", *(self.term(role) for role in "xmdb")),
        )
        return pick(
            self.rng,
            (
                f"{effect}[{slope}]",
                f"{effect}[[{slope}]]",
                f"{effect}[{slope}, {self.column('x')}]",
            ),
        )

    def _crossed(self) -> str:
        return (
            f"{self.column('g')}{pick(self.rng, '^:')}"
            f"{self.panel.time_name or self.column('k')}"
        )


NONSENSE: tuple[Any, ...] = (
    "", " ", "nothing_here", "x + m", "x*m", "x**2", "log(", "I(x", "1",
    "log(log(log(x)))", "lag(x, -1)",
    "lag(x, 0)", "lag(x, 99)", "C(x):C(y)", "I(1)", "exp(exp(exp(x)))", "I(x*1e300)",
    "I(x/0)",
    "I(9**9**9)", "x:x:x:x", "__import__", "I(x.y)", "I([x])", "lambda: x", "c.x#c.x",
    "L.x", "i.g",
    "np.log(x)", "I(x == 'a')", "I(g == 'a')", "I(g)", "log(g)", "I(x if y else m)",
    "`x", "log(`x`)",
    "x\n", "t", "i", "C(t)", "C(i)", "diff(t)", "lag(lag(x))", "I(x % 2)", "I(x//1)",
    "I(x < m)", "I(b)",
    "I(-b)", "treated(x)", "treated(t)", "treated(g)", "C(g, ref='a')", "C(k, ref=1)",
    "C(k, ref=x)",
    "C(x):C(y):C(m)", "g:k",
    "b:x", "sqrt(x)", "log(x)", "\ud800", "x\x00", "C(b)", "C(v)", 3, None, 1.5, ["x"],
    b"x",
)  # fmt: skip
WRONG: tuple[Any, ...] = (
    None, 0, -1, 1, 2, 3.5, np.nan, np.inf, "", "nonsense", True, False, [], ["x"], (),
    {}, "x", 10**30,
    -0.5, 0.5, 1e-300, np.array([1, 2]), np.int64(3), np.float64("nan"),
    np.str_("robust"), pd.NA, object,
    {"a": 1}, ("a", "b", "c"), b"x", pd.Series([1.0]), range(3), np.bool_(1), "\ud800",
    2**63, [None],
    [[1]], ("g", "g"), "x" * 5000, 1j,
)  # fmt: skip


def _numpy(value: Any) -> Any:
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, int) and abs(value) < 2**63:
        return np.int64(value)
    if isinstance(value, float):
        return np.float32(value)
    if isinstance(value, str):
        return np.str_(value)
    if isinstance(value, list):
        # pandas' own text type holds no surrogates.
        return (
            pd.Index(value, dtype=object if "\ud800" in value else None)
            if all(isinstance(v, str) for v in value)
            else np.array(value, dtype=object)
        )
    return value


# --- specifications -------------------------------------------------------------------


def _reps(case: Case, low: int = 20) -> dict[str, int]:
    return (
        {}
        if chance(case.rng, 0.02) and low == 0
        else {"reps": int(case.rng.integers(low, low + 20))}
    )


def _linear(
    case: Case, x: list[Any], y: str | None = None, *, drawn: bool = False
) -> dp.FixedEffects:
    choices = {
        **case.common(),
        "singletons": ["drop", "keep"],
        "missing": ["drop", "drop", "raise"],
    }
    if not drawn or chance(case.rng, 0.05):
        choices["collinear"] = ["raise", "drop"]
        choices["obs_weights"] = [case.column("v")]
        choices["bandwidth"] = [None, 0, 1, 2]
        choices["keep_rows"] = [True, False]
    options = case.options(**choices)
    if options.get("bandwidth") is not None and chance(case.rng, 0.9):
        options["cov_type"] = "driscoll_kraay"
        options.pop("clusters", None)
    if chance(case.rng, 0.06):
        options |= {
            "cov_type": "conley",
            "distance_cutoff": pick(case.rng, [1, 900.0, 1e5, *WRONG[:3]]),
        }
        options["distance_kernel"] = pick(case.rng, ["bartlett", "uniform"])
        options["coordinates"] = [case.term("x"), case.term("z")]
        options.pop("clusters", None)
    case.say(f"FixedEffects({y!r}, {x!r}, **{options!r})")
    return dp.FixedEffects(y or case.term("y"), x, **options)


def fixed_effects(case: Case) -> Any:
    if chance(case.rng, 0.1):
        formula = (
            f"{case.inside('y')} ~ {case.inside('x')} + {case.inside('c')} | "
            f"{case.panel.entity_name}"
        )
        case.say(formula)
        return dp.FixedEffects.from_formula(formula).fit(case.panel)
    return _linear(case, case.terms("xmwzqcdvps", 4)).fit(case.panel)


def fixed_effects_iv(case: Case) -> Any:
    choices = {
        **case.common(),
        "missing": ["drop", "drop", "raise"],
        "collinear": ["raise", "drop"],
    }
    options = case.options(**choices, obs_weights=[case.column("v")])
    roles = {
        "x": case.terms("cwp", 2),
        "endog": case.terms("xm", 2),
        "instruments": case.terms("zqds", 3),
    }
    if chance(case.rng, 0.2):
        roles["x"] = []
    case.say(f"FixedEffectsIV({roles!r}, **{options!r})")
    return dp.FixedEffectsIV(case.term("y"), **roles, **options).fit(case.panel)


def _treated(case: Case) -> dp.Panel:
    """Draw first treated times, as such or as a column of 0 and 1."""
    rng, panel = case.rng, case.panel
    cohorts = panel.times[1:][:: int(rng.integers(1, 4))]
    chosen = rng.integers(-2, len(cohorts), panel.n_entities)
    first = pd.Series(
        [None if c < 0 else cohorts[c] for c in chosen],
        index=panel.entities,
        dtype=object,
    )
    case.say(f"first treated: {first.tolist()}")
    rows = panel.index
    of_row = first.reindex(rows.get_level_values(0)).set_axis(rows).infer_objects()
    if chance(rng, 0.4):
        return panel.assign(first=of_row)
    started = [
        f is not None and f == f and t >= f
        for f, t in zip(of_row, rows.get_level_values(1), strict=True)
    ]
    return panel.assign(
        first=pd.Series(
            started, index=rows, dtype=pick(rng, ["bool", "float64", "Int64"])
        )
    )


def event_study(case: Case) -> Any:
    choices = {
        **case.common(),
        "missing": ["drop", "drop", "raise"],
        "collinear": ["raise", "drop"],
    }
    choices |= {"before": [1, 2], "after": [0, 1], "obs_weights": [case.column("v")]}
    choices |= {"family": ["linear", "poisson"]}
    if chance(case.rng, 0.1):
        choices |= {
            "reference": [-1, -2],
            "bin_ends": [True, False],
            "never": [None, 0, 2000.0],
            "exposure": [case.column("v")],
        }
    options = case.options(**choices)
    options = {"before": 1, "after": 1, **options}
    known = case.panel.time_name is not None and chance(case.rng, 0.9)
    panel = _treated(case) if known else case.panel
    event = "first" if known else case.column(pick(case.rng, "gkbqx"))
    x = case.terms("xwd", 2) if chance(case.rng, 0.5) else []
    case.say(f"EventStudy({event!r}, {x!r}, **{options!r})")
    fit = dp.EventStudy(case.term("y"), event, x, **options).fit(panel)
    case.say("read")
    fit.path, fit.summary(), fit.to_dict()
    if isinstance(fit, dp.EventStudyResults):
        fit.predict(panel)
    return fit.pretrend_test() if fit.window.leads else fit


def matched(case: Case) -> Any:
    """Match entities of a drawn treatment, or of one that each of them keeps."""
    rng = case.rng
    panel = (
        _treated(case)
        if case.panel.time_name is not None and chance(rng, 0.8)
        else case.panel
    )
    if panel is not case.panel and panel.frame["first"].dtype == object:
        panel = panel.assign(first=lambda f: f["first"].notna())
    treated = "first" if panel is not case.panel else case.column(pick(rng, "bgk"))
    choices: dict[str, Any] = {
        "base": ["first", "pre", *panel.times[:2]],
        "k": [1, 2, 5],
        "caliper": [None, 0.05, 0.3],
        "replace": [True, False],
    }
    if chance(rng, 0.4):
        choices = {
            "base": choices["base"],
            "moments": [1, 2],
            "base_weights": [case.column(pick(rng, "zqw"))],
        }
    x, options = case.terms("xwzqd", 3), case.options(**choices)
    if "k" not in choices:
        options["method"] = "entropy"
    case.say(f"match_entities({treated!r}, {x!r}, **{options!r})")
    actual = dp.match_entities(panel, treated, x, **options)
    case.say("read")
    actual.summary(), actual.support, panel.assign(w_=actual.weights)
    return actual


def bounded(case: Case) -> Any:
    """Oster's bound of a slope."""
    spec = _linear(case, case.terms("xwzqdcm", 4))
    term, *others = spec.x
    options = case.options(
        rmax=[1.3, 2.0, float("inf")],
        delta=[1.0, 0.5, -1.0, 0, 3],
        rsquared_max=[None, 1.0],
    )
    case.say(f"oster_bound({term!r}, {others!r}, **{options!r})")
    return dp.oster_bound(
        spec, case.panel, term, others[: int(case.rng.integers(1, 4))], **options
    )


def staggered(case: Case) -> Any:
    """Draw an estimator of staggered adoption, or the slope's decomposition."""
    panel = (
        _treated(case)
        if case.panel.time_name is not None and chance(case.rng, 0.95)
        else case.panel
    )
    event = "first" if panel is not case.panel else case.column(pick(case.rng, "gkbqx"))
    if chance(case.rng, 0.15):
        case.say("bacon_decomposition")
        return dp.bacon_decomposition(dp.FixedEffects(case.term("y"), [event]), panel)
    estimator = pick(case.rng, ["callaway_santanna", "imputation", "sun_abraham"])
    choices: dict[str, Any] = {
        "aggregate": ["dynamic", "simple", "group", "calendar"],
        "clusters": [case.column("g"), case.panel.entity_name],
        "missing": ["drop", "drop", "raise"],
        "anticipation": [0, 1],
        "cov_type": ["hc2", "influence"],
    }
    if estimator == "callaway_santanna":
        choices |= {
            "control": ["never", "not_yet"],
            "base_period": ["varying", "universal"],
        }
        choices |= {"adjustment": ["doubly_robust", "ipw", "regression"]}
    if estimator == "imputation":
        choices |= {"leads": [1, 2]}
    options = {"estimator": estimator, **case.options(**choices)}
    x = case.terms("xwd", 2) if chance(case.rng, 0.3) else []
    case.say(f"StaggeredDid({event!r}, {x!r}, **{options!r})")
    return dp.StaggeredDid(case.term("y"), event, x, **options).fit(panel)


def instrument_parts(case: Case) -> Any:
    kind = pick(case.rng, ["interact", "column", "bartik", "total", "distance"])
    panel = case.panel
    case.say(kind)
    if kind == "interact":
        series = pd.Series(case.rng.normal(size=panel.n_times), index=panel.times)
        entity = pd.Series(case.rng.normal(size=panel.n_entities), index=panel.entities)
        return dp.instruments.interact(
            panel, entity, series, lag=int(case.rng.integers(0, 3))
        )
    if kind == "column":
        return dp.instruments.interact(panel, case.term("g"), panel.time_name or "t")
    shares = case.terms("xmw", 3)
    if kind == "bartik":
        # As objects: pandas' own text columns cannot hold every name that a frame may
        # have.
        shocks = pd.DataFrame(
            1.5, index=panel.times, columns=pd.Index(shares, dtype=object)
        )
        return dp.instruments.bartik(panel, shares, shocks)
    if kind == "total":
        pairs = {share: case.column("z") for share in shares if isinstance(share, str)}
        return dp.instruments.bartik(
            panel, shares, pairs, leave_one_out=chance(case.rng, 0.5)
        )
    frame = panel.frame[[case.column("x"), case.column("z")]].set_axis(
        ["lat", "lon"], axis=1
    )
    return dp.instruments.distance_to(frame, panel.entities[0])


def curve(case: Case) -> Any:
    q, w = case.inside("q"), case.inside("w")
    bend = pick(
        case.rng,
        [
            (f"I({q}**2)",),
            (f"I({q}**2)", "x"),
            (f"I({q}**2)", w, f"{q}:{w}", f"I({q}**2):{w}"),
        ],
    )
    return _linear(case, [case.column("q"), *bend], case.column("y")).fit(case.panel)


def threshold_spec(case: Case) -> dp.PanelThreshold:
    common = {
        n: c for n, c in case.common().items() if n != "absorb" or chance(case.rng, 0.3)
    }
    low = float(case.rng.uniform(1.4, 2.6))
    options = case.options(
        **common,
        n_thresholds=[1, 2, "auto"],
        thresholds=[[low], [low, low + 0.3], [99.0]],
        search=["sequential", "joint"],
        trim=[0.05, 0.1, 0.2, [0.1, 0.1]],
        min_nobs=[1, 3],
        min_entities=[0, 2],
        grid=[None, 20, "hansen"],
        rule=["<=", "<"],
        regime_intercept=[True, False],
        bootstrap=[
            None,
            "wild_cluster",
            "wild_score",
            "iid",
            "hansen",
            ("wild_cluster", "wild_score"),
        ],
        level=[0.9, 0.95, 0.99],
        confidence=["lr", "scaled", "bootstrap"],
        df=["hansen", "xthreg"],
    )
    if "search" in options and chance(case.rng, 0.9):
        options["n_thresholds"] = 2
    x = case.terms("cdzw", 2) if chance(case.rng, 0.6) else []
    options = {**_reps(case), **options}
    case.say(
        f"PanelThreshold(regime_dependent=x, threshold_variable=q, x={x!r}, "
        f"**{options!r})"
    )
    return dp.PanelThreshold(
        case.term("y"),
        pick(case.rng, [case.term("x"), case.terms("xm", 2)]),
        case.term("q"),
        x,
        **options,
    )


def kink_spec(case: Case) -> dp.PanelKink:
    options = case.options(
        **case.common(),
        trim=[0.05, 0.1, 0.3],
        bootstrap=[None, "wild_cluster"],
        level=[0.9, 0.95],
        df=["hansen", "xthreg"],
    )
    x = case.terms("xcd", 2) if chance(case.rng, 0.7) else []
    options = {**_reps(case), **options}
    case.say(f"PanelKink(kink_variable=q, x={x!r}, **{options!r})")
    return dp.PanelKink(case.term("y"), case.term("q"), x, **options)


def poisson(case: Case) -> Any:
    choices = {
        **case.common(),
        "cov_type": ["clustered", "crv3", "robust", "unadjusted"],
        "exposure": [case.column("v")],
        "separation": ["drop", "drop", "raise"],
        "ssc": ["ppmlhdfe", "fixest"],
    }
    options = case.options(**choices)
    known = {field.name for field in fields(dp.PoissonEffects)}
    options = {name: value for name, value in options.items() if name in known}
    y, x = case.column("y"), case.terms("xmwzqcd", 3)
    case.say(f"PoissonEffects({y!r}, {x!r}, **{options!r})")
    return dp.PoissonEffects(f"I(abs({y}))", x, **options).fit(case.panel)


def logit(case: Case) -> Any:
    choices = {**case.common(), "cov_type": ["clustered", "robust", "unadjusted"]}
    choices |= {"link": ["logit", "probit"], "bias_correction": ["analytical", None]}
    known = {field.name for field in fields(dp.LogitEffects)} - {"entity_effects"}
    options = case.options(**{n: v for n, v in choices.items() if n in known})
    y, x = f"I({case.inside('y')} > 1)", case.terms("xmwzqcd", 3)
    case.say(f"LogitEffects({y!r}, {x!r}, **{options!r})")
    fit = dp.LogitEffects(y, x, **options).fit(case.panel)
    return fit if fit.is_conditional else fit.average_effects()


def learned_spec(case: Case) -> dp.PanelDML:
    from sklearn.linear_model import LinearRegression

    known = ("clusters", "entity_effects", "time_effects")
    choices = {n: v for n, v in case.common().items() if n in known}
    choices["transform"] = ["dictionary", "difference", "mundlak", "within"]
    options = case.options(**choices, degree=[1, 2])
    controls = case.terms("mwzq", 3)
    case.say(f"PanelDML({controls!r}, **{options!r})")
    options |= {"learners": {"ols": LinearRegression()}, "folds": 2, "seeds": 1}
    return dp.PanelDML(case.term("y"), case.term("x"), controls, **options)


def dynamic_spec(case: Case) -> dp.DynamicPanel:
    common = {
        name: choices
        for name, choices in case.common().items()
        if name in ("time_effects", "missing", "clusters")
    }
    options = case.options(
        **common,
        lags=[1, 2],
        endogenous=[case.terms("m", 1)],
        predetermined=[case.terms("w", 1)],
        instruments=[case.terms("z", 1)],
        estimator=["difference", "system", "lsdvc", "half_panel"],
        instrument_lags=[(2, 3), (2, 2), {case.column("y"): (3, None)}],
        collapse=[True, False],
        transform=["difference", "orthogonal"],
        steps=[1, 2],
        cov_type=["robust", "classical"],
        windmeijer=[True, False],
        h=[1, 2, 3],
        sargan_df=["n", "n-k"],
    )
    estimator = options.get("estimator")
    corrected = isinstance(estimator, str) and estimator in ("lsdvc", "half_panel")
    if corrected and chance(case.rng, 0.9):
        kept = ("estimator", "time_effects", "missing", "clusters")
        options = {name: options[name] for name in kept if name in options}
    x = case.terms("xd", 2) if chance(case.rng, 0.7) else []
    y = case.column("y") if chance(case.rng, 0.6) else case.term("y")
    case.say(f"DynamicPanel({y!r}, {x!r}, **{options!r})")
    return dp.DynamicPanel(y, x, reps=99, **options)


def mediation_spec(case: Case, *, plain: bool = False) -> dp.Mediation:
    choices = case.common()
    if not plain:
        kind = pick(
            case.rng, ["plain", "serial", "moderated", "threshold", "quadratic"]
        )
        paths: list[Any] = [
            "a",
            "b",
            "direct",
            ("a", "b"),
            ("a", "direct"),
            ("a", "b", "direct"),
        ]
        extra = {
            "plain": {},
            "serial": {"structure": "serial"},
            "moderated": {
                "moderator": case.term("w"),
                "moderates": pick(case.rng, paths),
            },
            "threshold": {
                "threshold": pick(case.rng, [case.column("q"), (case.column("q"), 2.0)])
            },
            "quadratic": {"quadratic": pick(case.rng, paths)},
        }[kind]
        if kind == "threshold":
            extra |= case.options(
                regime_intercept=[True, False], search_draws=[True, False]
            )
    else:
        extra = {}
    mediators = (
        [case.term("m")] if chance(case.rng, 0.7) else [case.term("m"), case.term("d")]
    )
    x = case.terms("cvp", 2) if chance(case.rng, 0.6) else []
    options = {**_reps(case), **extra, **case.options(**choices)}
    case.say(f"Mediation(treatment=x, mediators={mediators!r}, x={x!r}, **{options!r})")
    return dp.Mediation(case.term("y"), case.term("x"), mediators, x, **options)


def instrumented_spec(case: Case) -> dp.MediationIV:
    options = {**_reps(case), **case.options(**case.common())}
    x = case.terms("cd", 2) if chance(case.rng, 0.6) else []
    case.say(f"MediationIV(x, m, z, x={x!r}, **{options!r})")
    return dp.MediationIV(
        case.term("y"), case.term("x"), case.term("m"), case.term("z"), x, **options
    )


def index_spec(case: Case, *, drawn: bool = False) -> dp.CompositeIndex:
    roles = case.rng.permutation(["v", "p", "s", "q", "x"])[
        : int(case.rng.integers(2, 5))
    ]
    posts = (-99.0, 99.0) if chance(case.rng, 0.3) else None
    system = dp.IndicatorSystem(
        [
            dp.Indicator(
                case.column(str(r)),
                pick(case.rng, "+-"),
                dimension=pick(case.rng, ["", "one", "two"]),
                goalposts=posts,
            )
            for r in roles
        ]
    )
    words = ["minmax", "minmax", "minmax", "zscore", "rank", "max", "none"]
    if drawn and chance(case.rng, 0.8):
        return dp.CompositeIndex(system, **case.options(weighting=[*WEIGHTINGS]))
    options = case.options(
        scope=[
            "pooled",
            "per_year",
            "pooled_norm_yearly_weights",
            "base_year(2001)",
            "expanding",
            "goalposts",
            "legacy_lnT",
        ],
        normalise=words,
        shift=[0.0, 0.01, 1],
        weighting=[
            *WEIGHTINGS,
            dict.fromkeys(system.names, 1 / len(system.names)),
        ],
        structure=["flat", "nested", "equal_dimensions"],
        aggregate=["linear", "geometric", "geometric_dimensions", "topsis"],
        missing=["raise", "drop", "drop"],
        name=["index", "指数", "a b"],
    )
    case.say(f"CompositeIndex({system!r}, **{options!r})")
    return dp.CompositeIndex(system, **options)


def composite_index(case: Case) -> Any:
    spec = index_spec(case)
    if chance(case.rng, 0.15):
        frame = case.panel.frame.reset_index()
        case.say("a frame")
        return spec.fit(
            frame if chance(case.rng, 0.5) else frame.set_index(case.panel.entity_name)
        )
    return spec.fit(case.panel)


def propagated_spec(case: Case) -> dp.PropagatedIndex:
    index = index_spec(case, drawn=True)
    model = _linear(case, ["made", *case.terms("cdz", 2)], drawn=True)
    return dp.PropagatedIndex(
        {"made": index}, model, reps=int(case.rng.integers(99, 120))
    )


def _fitted(make: Callable[[Case], Any]) -> Callable[[Case], Any]:
    def job(case: Case) -> Any:
        spec = make(case)
        case.say(repr(spec))
        # None draws a new seed each time, as it should
        seeds = [w for w in WRONG if w is not None]
        rng = (
            pick(case.rng, [*seeds, [1, 2], np.random.default_rng(case.seed)])
            if chance(case.rng, case.wrong / 5)
            else case.seed
        )
        return spec.fit(case.panel, rng=rng)

    return job


# --- studies --------------------------------------------------------------------------


def two_lines(case: Case) -> Any:
    spec = curve_spec(case)
    return dp.two_lines(
        spec,
        case.panel,
        case.column("q"),
        **case.options(knots=[4, 5, 10], level=[0.9, 0.95]),
    )


def curve_spec(case: Case) -> dp.FixedEffects:
    return _linear(
        case,
        [case.column("q"), f"I({case.inside('q')}**2)", *case.terms("xcd", 2)],
        case.column("y"),
    )


def many(case: Case) -> Any:
    makers = [curve_spec, threshold_spec, kink_spec, mediation_spec, instrumented_spec]
    specs: dict[Any, Any] = {}
    for j in range(int(case.rng.integers(1, 4))):
        specs[pick(case.rng, [f"({j})", j, "模型" * (j + 1)])] = pick(case.rng, makers)(
            case
        )
    return dp.fit_all(specs, case.panel, rng=case.seed)


def diagnostics(case: Case) -> Any:
    """A test of a specification, or of the residuals of its fit."""
    spec, panel = _linear(case, case.terms("xmwzqcdp", 3)), case.panel
    kind = pick(
        case.rng,
        [
            "hausman",
            "classical",
            "cd",
            "ar1",
            "wald",
            "poolability",
            "reset",
            "vif",
            "unit root",
        ],
    )
    roots = case.options(
        test=["ips", "cips", "ht", "fisher", "llc"],
        lags=[0, 1, 2, None],
        deterministic=["constant", "trend"],
        year_means=[False, True],
        p_value=["simulated", "table"],
    )
    case.say(f"{kind}, **{roots!r}" if kind == "unit root" else kind)
    calls: dict[str, Callable[[], Any]] = {
        "hausman": lambda: dp.hausman(spec, panel),
        "classical": lambda: dp.hausman(
            spec.replace(absorb=()), panel, method="classical"
        ),
        "cd": lambda: dp.pesaran_cd(spec.replace(time_effects=False).fit(panel)),
        "ar1": lambda: dp.wooldridge_ar1(spec, panel),
        "wald": lambda: dp.modified_wald(spec.fit(panel)),
        "poolability": lambda: dp.poolability(spec, panel),
        "reset": lambda: dp.reset_test(spec, panel),
        "vif": lambda: dp.vif(panel, spec.x),
        "unit root": lambda: dp.unit_root_test(
            panel, spec.y, **roots, reps=99, rng=case.seed
        ),
    }
    return calls[kind]()


def stepwise(case: Case) -> Any:
    sample = case.options(sample=["common", "own"])
    return dp.stepwise(
        _linear(case, case.terms("x", 1)), case.panel, case.terms("mwcd", 3), **sample
    )


def resampled(case: Case) -> Any:
    spec = _linear(case, case.terms("xmwzqcdv", 3))
    a, b = pick(case.rng, spec.x), pick(case.rng, spec.x)
    kind = pick(case.rng, ["wild", "wild", "clusters", "exchanges"])
    if kind == "wild" and chance(case.rng, 0.8):
        spec = spec.replace(cov_type="clustered", bandwidth=None)
    tested = [
        a,
        a,
        a,
        f"{a} = 0.5",
        f"{a} + 2*{b}",
        f"{a} = {b}",
        f"{a} = 0, {b} = 0",
        "Intercept",
    ]
    term = pick(case.rng, tested if kind == "wild" else [a])
    if chance(case.rng, case.wrong):
        term = pick(case.rng, WRONG)
    case.say(f"{kind}: {term!r}")
    if kind == "wild":
        return dp.wild_bootstrap(spec, case.panel, term, reps=199, rng=case.seed)
    if kind == "exchanges":
        return dp.randomisation_test(spec, case.panel, term, reps=39, rng=case.seed)
    return dp.cluster_bootstrap(spec, case.panel, reps=39, rng=case.seed)


def by_group(case: Case) -> Any:
    """Fits by the values of a column or by a condition, with either test."""
    makers = [mediation_spec, kink_spec] if chance(case.rng, 0.1) else [curve_spec]
    spec = pick(case.rng, makers)(case)
    panel, number = case.panel, case.column(pick(case.rng, "vxq"))
    column = case.column(pick(case.rng, "gkbp"))
    group = pick(
        case.rng, [column, column, f"{number} > 0.5", number, panel.entity_name]
    )
    if chance(case.rng, 0.7) and "half_" not in panel.columns:
        entity = np.unique(panel.index.get_level_values(0), return_inverse=True)[1]
        half = case.rng.integers(0, 3, size=panel.n_entities)[entity]
        panel, group = (
            panel.assign(half_=pd.Series(half, index=panel.index)),
            pick(case.rng, ["half_", "half_ > 0"]),
        )
    terms = [None, None, None, *getattr(spec, "x", ()), "total"]
    options = case.options(
        term=terms, method=["permutation", "interaction"], reps=[19, 39]
    )
    if chance(case.rng, case.wrong):
        group = pick(case.rng, WRONG)
    case.say(f"by_group({group!r}, **{options!r})")
    return dp.by_group(spec, panel, group, **{"reps": 19, **options}, rng=case.seed)


def placebo(case: Case) -> Any:
    """A treatment of some entities, mostly one that they keep."""
    spec = _linear(case, case.terms("xmwqcv", 2))
    panel, term = case.panel, pick(case.rng, [*spec.x, case.column("b")])
    if (
        chance(case.rng, 0.8)
        and panel.time_name is not None
        and "treated_" not in panel.columns
    ):
        entity = np.unique(panel.index.get_level_values(0), return_inverse=True)[1]
        time = np.unique(panel.index.get_level_values(1), return_inverse=True)[1]
        start = case.rng.integers(0, panel.n_times + 2, size=panel.n_entities)
        treated = pd.Series((time >= start[entity]) * 1.0, index=panel.index)
        panel, term = panel.assign(treated_=treated), "treated_"
        spec = spec.replace(x=(*spec.x, term))
    case.say(f"placebo_test({term!r})")
    return dp.placebo_test(spec, panel, term, reps=39, rng=case.seed)


def control_sets(case: Case) -> Any:
    """Every set of a few terms, perhaps collinear, absorbed, categories or used.

    Used ones are in the model.
    """
    spec = _linear(case, case.terms("xm", 2))
    candidates = case.terms("wzqcdpvb", 4)
    terms = [None, None, *spec.x, *candidates]
    options = case.options(term=terms, size=[0, 1, (0, 2), (1, 9), range(1, 3), (2, 1)])
    if chance(case.rng, case.wrong):
        candidates = pick(
            case.rng, [[], WRONG, [*candidates, *spec.x], pick(case.rng, WRONG)]
        )
    case.say(f"control_sets({candidates!r}, **{options!r})")
    return dp.control_sets(spec, case.panel, candidates, **options)


def search_test(case: Case) -> Any:
    """The best of a few sets, and perhaps of another specification."""
    spec = _linear(case, case.terms("xm", 2))
    candidates = case.terms("wzqcdpvb", 3)
    other = spec.replace(time_effects=not spec.time_effects)
    also = {"other": other} if chance(case.rng, 0.3) else None
    case.say(f"search_test({candidates!r}, also={also!r}, reps=19)")
    return dp.search_test(
        spec, case.panel, candidates, also=also, reps=19, rng=case.seed
    )


def convergence(case: Case) -> Any:
    if chance(case.rng, 0.3):
        case.say("sigma_convergence")
        return dp.sigma_convergence(case.panel, case.term("v"))
    common = {n: c for n, c in case.common().items() if n != "absorb"}
    options = case.options(years=[1, 5, 0.25, 0], **common)
    if chance(case.rng, 0.3):
        options["growth"] = case.term("y")
    case.say(f"beta_convergence(v, **{options!r})")
    return dp.beta_convergence(
        case.panel,
        case.column("v"),
        x=case.terms("cd", 1) if chance(case.rng, 0.5) else (),
        **options,
    )


def markov(case: Case) -> Any:
    options = case.options(
        classes=[2, 3, 4, 6], cuts=["pooled", "per_year", [0.5, 1.0, 2.0], [1.0]]
    )
    case.say(f"markov_transitions(v, **{options!r})")
    return dp.markov_transitions(case.panel, case.column("v"), **options)


def inequality(case: Case) -> Any:
    frame = case.panel.frame.reset_index()
    y, groups = frame[case.column(pick(case.rng, "vpsvpsx"))], frame[case.column("g")]
    weights = {"obs_weights": frame[case.column("p")]} if chance(case.rng, 0.3) else {}
    kind = pick(
        case.rng,
        [
            "gini",
            "theil_t",
            "theil_l",
            "atkinson",
            "cv",
            "deprivation",
            "theil",
            "dagum",
            "urban",
        ],
    )
    case.say(f"{kind}({y.name!r}, {list(weights)})")
    calls: Mapping[str, Callable[[], Any]] = {
        "gini": lambda: dp.gini(y, **weights),
        "theil_t": lambda: dp.theil_t(y, **weights),
        "theil_l": lambda: dp.theil_l(y.to_numpy(), **weights),
        "atkinson": lambda: dp.atkinson(
            y, pick(case.rng, [0.5, 1, 2, 0, -1, 50, np.float32(1)]), **weights
        ),
        "cv": lambda: dp.coefficient_of_variation(
            y.tolist(), **case.options(ddof=[0, 1]), **weights
        ),
        "deprivation": lambda: dp.relative_deprivation(
            y, pick(case.rng, [None, groups]), **weights
        ),
        "theil": lambda: dp.theil_decomposition(y, groups, **weights),
        "dagum": lambda: dp.dagum(
            y,
            groups,
            clusters=pick(case.rng, [None, frame[case.panel.entity_name]]),
            rng=case.seed,
            **weights,
            **case.options(reps=[0, 20, 30], level=[0.9, 0.95]),
        ),
        "urban": lambda: dp.urban_rural_theil(*(frame[case.column(r)] for r in "vpsq")),
    }
    return calls[kind]()


def mechanism_variables(case: Case) -> Any:
    """Variables from any columns, as a function of the frame.

    Columns may be negative, zero, missing or text.
    """
    columns = [case.column(r) for r in "vpsq"]
    first, second = columns[:3], [columns[k] for k in case.rng.permutation(4)[:3]]
    kind = pick(case.rng, dp.variables.__all__)
    calls: Mapping[str, Callable[[pd.DataFrame], Any]] = {
        "capital_stock": lambda f: dp.variables.capital_stock(
            f[columns[0]],
            f[columns[1]],
            **{"growth": 0.1, **case.options(growth=[0.1, -0.2, None, WRONG[0]])},
        ),
        "solow_tfp": lambda f: dp.variables.solow_tfp(
            *(f[n] for n in first), capital_share=f[columns[3]]
        ),
        "regional_coordination": lambda f: dp.variables.regional_coordination(
            f[columns[0]], f[columns[1]], f[case.column("g")]
        ),
        "service_equality": lambda f: dp.variables.service_equality(
            f[first], f[case.column("g")]
        ),
        "growth_volatility": lambda f: dp.variables.growth_volatility(
            f[columns[0]], **case.options(window=[2, 3, 1, WRONG[0]])
        ),
        "digital_value_added": lambda f: dp.variables.digital_value_added(
            f[first], f[second], measure=pick(case.rng, ["amount", "share", WRONG[0]])
        ),
        "relative_rate": lambda f: dp.variables.relative_rate(*(f[n] for n in columns)),
    }
    one_table = (
        "industrial_layer",
        "industrial_angle",
        "herfindahl",
        "krugman_index",
        "locational_gini",
    )
    two_tables = (
        "industrial_rationalisation",
        "structural_deviation",
        "productivity_advancement",
        "lilien_index",
    )
    case.say(f"variables.{kind} of {columns!r}")
    function = getattr(dp.variables, kind)
    frame = case.panel.frame
    if kind in calls:
        return calls[kind](frame)
    if kind in one_table:
        return function(frame[first])
    if kind in two_tables:
        return function(frame[first], frame[second])
    if kind == "distance_to_leader":
        return function(frame[columns[0]])
    return function(frame[columns[0]], frame[columns[1]])


def weights(case: Case) -> Any:
    roles = [case.column(r) for r in "vps"[: int(case.rng.integers(1, 4))]]
    frame = case.panel.frame[roles]
    z: Any = frame if chance(case.rng, 0.5) else frame.to_numpy()
    kind = pick(case.rng, ["entropy", "critic", "cv", "std", "pca", "coupling"])
    case.say(f"{kind} of {roles!r}")
    if kind == "coupling":
        # Of categories and truth values there is no difference: they are passed on as
        # they are.
        numeric = all(
            pd.api.types.is_any_real_numeric_dtype(dtype) for dtype in frame.dtypes
        )
        scaled = (
            (frame - frame.min()) / (frame.max() - frame.min()) if numeric else frame
        )
        return dp.coupling_coordination(
            scaled,
            **case.options(
                method=["standard", "wang2021"], coefficients=[None, [0.5, 0.5]]
            ),
        )
    return getattr(dp, f"{kind}_weights")(z)


def panel_methods(case: Case) -> Any:
    panel, column = case.panel, case.column(pick(case.rng, (*NUMBERS, "g", "k", "b")))
    condition = pick(
        case.rng,
        [
            f"{case.inside('x')} > 0",
            f"{case.inside('g')} == 'a'",
            f"{case.inside('k')} in [1, 2]",
            *NONSENSE,
        ],
    )
    calls: dict[str, Callable[[], Any]] = {
        "assign": lambda: panel.assign(
            new=pick(
                case.rng, [case.term("x"), 1, *(w for w in WRONG if w is not object)]
            )
        ),
        "attach": lambda: panel.attach(panel.frame[column].rename("new")),
        "balance": lambda: panel.balance(pick(case.rng, ["entities", "times"])),
        "lag": lambda: panel.lag(column, pick(case.rng, [1, 2, -1, 10**6, *WRONG])),
        "diff": lambda: panel.diff([column]),
        "interpolate": lambda: panel.interpolate(
            column, extrapolate=chance(case.rng, 0.5)
        ),
        "standardise": lambda: panel.standardise(
            column, by=pick(case.rng, [None, panel.time_name, case.column("g"), *WRONG])
        ),
        "winsorize": lambda: panel.winsorize(
            column,
            **case.options(
                lower=[0.01, 0.1], upper=[0.9, 0.99], by=[None, case.column("g")]
            ),
        ),
        "subset": lambda: panel.subset(condition),
        "summarise": lambda: panel.summarise(),
        "correlate": lambda: panel.correlate([column, case.column("x")]),
        "describe": lambda: panel.describe(column),
        "relabel": lambda: panel.relabel(**{column: pick(case.rng, ["label", *WRONG])}),
        "repr": lambda: (repr(panel), panel._repr_html_(), panel.imputations),
        "dropna": lambda: panel.dropna(
            pick(case.rng, [None, column, [column, *panel.columns], *WRONG])
        ),
        "rename": lambda: panel.relabel(**{f"log({case.inside('v')})": "label"}).rename(
            **{column: pick(case.rng, ["new", "new name", case.column("z"), *WRONG])}
        ),
        "brackets": lambda: (
            panel[column],
            panel[[column]],
            panel[pick(case.rng, [column, *WRONG])],
        ),
        "head": lambda: panel.head(pick(case.rng, [5, 0, *WRONG])),
    }
    kind = pick(case.rng, calls)
    case.say(f"Panel.{kind}({column!r}); condition {condition!r}")
    return calls[kind]()


def misuse(case: Case) -> Any:
    """Call something public with arguments drawn from whatever is at hand."""
    rng = case.rng
    pool: list[Any] = [
        case.panel,
        case.data.frame,
        case.column("x"),
        case.column("y"),
        index_spec,
        *WRONG,
        *NONSENSE[:6],
    ]
    if chance(rng, 0.6):
        pool += [curve(case)] * 15
    pool += [case.panel] * 15 + [
        dp.FixedEffects("y", "x"),
        dp.Mediation("y", "x", "m", reps=20),
    ] * 5
    kind = pick(rng, ["function", "specification", "figure", "method", "panel"])
    if kind == "figure":
        name = pick(rng, dp.plots.__all__)
        called = getattr(dp.plots, name)
    elif kind == "method":
        owner = pick(rng, [case.panel, pool[-20], dp.FixedEffects("y", ["x", "c"])])
        # These two take arrays that a Panel made itself.
        inner = ("shift", "describe_rows")
        names = [n for n in dir(owner) if not n.startswith("_") and n not in inner]
        name = pick(rng, [n for n in names if callable(getattr(owner, n))])
        called = getattr(owner, name)
    elif kind == "panel":
        name, called = "Panel", dp.Panel
        pool += [case.data.frame] * 20 + list(case.data.keys) * 10
    else:
        names = [n for n in dp.__all__ if n.islower() and callable(getattr(dp, n))]
        names = names if kind == "function" else list(SPECIFICATIONS)
        name = pick(rng, names)
        called = getattr(dp, name)
    given: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in inspect.signature(called).parameters.values():
        needed = parameter.default is inspect.Parameter.empty
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            given.append(pick(rng, pool))
        elif (
            parameter.kind is inspect.Parameter.KEYWORD_ONLY
            and (needed or chance(rng, 0.15))
        ) or (
            parameter.kind is not inspect.Parameter.KEYWORD_ONLY
            and (needed or chance(rng, 0.3))
        ):
            named[parameter.name] = pick(rng, pool)
    if "reps" in named and not isinstance(named["reps"], str):
        named["reps"] = 20
    with np.errstate(all="ignore"):  # pandas, showing a column of float16
        case.say(f"{name}(*{given!r}, **{named!r})")
    made = called(*given, **named)
    return (
        made.fit(case.panel, rng=case.seed)
        if name in SPECIFICATIONS and "reps" in named
        else made
    )


SPECIFICATIONS = (
    "FixedEffects",
    "FixedEffectsIV",
    "EventStudy",
    "StaggeredDid",
    "DynamicPanel",
    "PoissonEffects",
    "PanelThreshold",
    "PanelKink",
    "Mediation",
    "MediationIV",
    "CompositeIndex",
    "PropagatedIndex",
    "Indicator",
    "IndicatorSystem",
)


def rankings(case: Case) -> Any:
    index = index_spec(case)
    kind = pick(case.rng, ["probabilities", "one out", "sensitivity", "audit"])
    case.say(kind)
    among = case.options(among=["per_year", "pooled"])
    if kind == "probabilities":
        return dp.rank_probabilities(
            index,
            case.panel,
            reps=int(case.rng.integers(99, 120)),
            rng=case.seed,
            **among,
        )
    if kind == "one out":
        return dp.leave_one_out(
            index, case.panel, over=pick(case.rng, ["indicator", "entity"]), **among
        )
    if kind == "audit":
        return dp.audit_weights(
            index.system, case.panel, dict.fromkeys(index.system.names, 0.5)
        )
    over = {"weighting": ["equal", "entropy", "pca"], "normalise": ["minmax", "zscore"]}
    return dp.index_sensitivity(index, case.panel, over=over, **among)


JOBS: dict[str, Callable[[Case], Any]] = {
    "FixedEffects": fixed_effects,
    "curve": curve,
    "PanelThreshold": _fitted(threshold_spec),
    "PanelKink": _fitted(kink_spec),
    "Mediation": _fitted(mediation_spec),
    "MediationIV": _fitted(instrumented_spec),
    "CompositeIndex": composite_index,
    "PropagatedIndex": _fitted(propagated_spec),
    "within_between": lambda case: dp.within_between(
        mediation_spec(case, plain=True), case.panel
    ),
    "mean_group": lambda case: dp.mean_group_mediation(
        mediation_spec(case, plain=True).replace(
            absorb=(), clusters=None, cov_type="clustered"
        ),
        case.panel,
        rng=case.seed,
    ),
    "sequential_g": lambda case: dp.sequential_g(
        mediation_spec(case, plain=True), case.panel, case.terms("wz", 2), rng=case.seed
    ),
    "two_lines": two_lines,
    "fit_all": many,
    "stepwise": stepwise,
    "convergence": convergence,
    "markov": markov,
    "inequality": inequality,
    "weights": weights,
    "panel": panel_methods,
    "rankings": rankings,
    "misuse": misuse,
    "FixedEffectsIV": fixed_effects_iv,
    "instruments": instrument_parts,
    "resampled": resampled,
    "diagnostics": diagnostics,
    "EventStudy": event_study,
    "by_group": by_group,
    "placebo": placebo,
    "control_sets": control_sets,
    "StaggeredDid": staggered,
    "match_entities": matched,
    "oster_bound": bounded,
    "variables": mechanism_variables,
    "DynamicPanel": _fitted(dynamic_spec),
    "PoissonEffects": poisson,
    "search_test": search_test,
    "LogitEffects": logit,
    "PanelDML": _fitted(learned_spec),
}
SHARES = (
    14,
    7,
    10,
    6,
    12,
    4,
    8,
    4,
    3,
    4,
    3,
    4,
    3,
    4,
    4,
    2,
    5,
    3,
    6,
    4,
    12,
    8,
    3,
    8,
    6,
    7,
    6,
    5,
    6,
    6,
    6,
    5,
    5,
    8,
    5,
    4,
    5,
    3,
)
