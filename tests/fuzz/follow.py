"""What readers do with results: methods, tables, figures, pickles."""

from __future__ import annotations

import inspect
import json
import pickle
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import digiprosper as dp
from digiprosper import plots
from digiprosper.errors import DigiprosperError
from tests.fuzz.frames import chance, pick
from tests.fuzz.models import WRONG, Case

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["follow_ups", "text_of"]

# Arguments that a method may be given, by their name; each list has some that are
# refused.
_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "level": (0.9, 0.95, 0.99, np.float64(0.9), 1, "x"),
    "method": (
        "percentile",
        "bca",
        "bc",
        "monte_carlo",
        "lr",
        "scaled",
        "bootstrap",
        "jackknife",
        "delta",
        "?",
        None,
    ),
    "threshold": (1, 2, 0, 99, "x"),
    "kind": ("sobel", "aroian", "goodman"),
    "mediator": (None, "m", "nothing"),
    "model": ("sar", "sem", "sdm"),
    "effect": (None, "indirect", "direct", "total", "nothing"),
    "digits": (1, 3, 6, -1),
    "top": ((1,), (1, 3), (0,)),
    "k": (1, 2, 0, 999),
    "period": (None, 2001, 2002, "x"),
    "rho": (None, [-0.5, 0, 0.5], [2.0]),
    "reps": (20, 99, 0, "x"),
    "at": (None, [0.0, 1.0], [np.nan], "x", []),
    "over": ("indicator",),
    "overall": (True, False),
    "by": ("dynamic", "simple", "group", "calendar", "group_time", "?"),
}
_SKIPPED = {
    "fit",
    "replace",
    "add",
    "drop",
    "swap",
    "from_formula",
    "get",
    "items",
    "keys",
    "values",
    "copy",
    "settings",
}


def text_of(result: Any) -> str:
    """Write everything a result says, for comparing two fits."""
    if isinstance(result, dp.ResultSet):
        return repr([(label, text_of(r)) for label, r in result.items()]) + repr(
            result.failures
        )
    if hasattr(result, "to_dict") and not isinstance(result, pd.DataFrame | pd.Series):
        return repr(result.to_dict())
    if isinstance(result, pd.DataFrame | pd.Series):
        return repr(result.to_dict())
    return repr(result)


def follow_ups(case: Case, result: Any) -> list[tuple[str, Callable[[], Any]]]:
    """List what is done with a result: a label and a call each."""
    calls: list[tuple[str, Callable[[], Any]]] = []
    if isinstance(result, dp.ResultSet):
        members = [r for r in result.values() if not isinstance(r, DigiprosperError)]
        calls += [
            ("set.tidy", result.tidy),
            ("set.compare", lambda: result.compare(case.column("x"))),
        ]
        calls += [("etable", lambda: _table(case, result))]
        if isinstance(result, dp.ControlSets):
            calls += [
                ("JSON", lambda: _plain(result)),
                ("set.pickle", lambda: _pickled(result)),
            ]
            calls += _methods(case, result)
        calls += _figures_of_set(case, result, members)
        for member in members[:2]:
            calls += follow_ups(case, member)
        return calls
    calls.append(("pickle", lambda: _pickled(result)))
    if hasattr(result, "to_dict") and not isinstance(result, pd.DataFrame | pd.Series):
        calls.append(("JSON", lambda: _plain(result)))
    calls += _methods(case, result)
    if isinstance(result, dp.LinearResults):
        calls += _linear(case, result)
    if isinstance(result, dp.SpatialResults):
        calls.append(("etable of effects", lambda: _table(case, result.decomposition)))
    if isinstance(result, dp.IndexResults):
        calls += [
            (f"index.{n}", lambda n=n: getattr(result, n)(case.panel))
            for n in ("apply", "contributions", "obstacle_degree")
        ]
    if hasattr(result, "tidy") or (
        isinstance(result, pd.DataFrame) and chance(case.rng, 0.3)
    ):
        calls.append(("etable", lambda: _table(case, result)))
    # All of them for every result would draw few cases; figures are slow.
    few = min(len(calls), 14)
    calls = [calls[int(j)] for j in sorted(case.rng.permutation(len(calls))[:few])]
    figures = _figures(case, result)
    return calls + (
        [pick(case.rng, figures)] if figures and chance(case.rng, 0.05) else []
    )


def _methods(case: Case, result: Any) -> list[tuple[str, Callable[[], Any]]]:
    """Every public property and method, with arguments drawn by their names."""
    kind = type(result)
    if not kind.__module__.startswith("digiprosper"):
        return []
    names = [n for n in dir(kind) if not n.startswith("_") and n not in _SKIPPED]
    calls: list[tuple[str, Callable[[], Any]]] = [
        (f"{kind.__name__}.repr", lambda: (repr(result), str(result)))
    ]
    if hasattr(result, "_repr_html_"):
        calls.append((f"{kind.__name__}._repr_html_", result._repr_html_))
    for name in names:
        static = inspect.getattr_static(kind, name)
        if isinstance(static, classmethod):
            continue
        if isinstance(static, property) or not callable(getattr(kind, name)):
            calls.append((f"{kind.__name__}.{name}", lambda n=name: getattr(result, n)))
            continue
        given = _arguments(case, getattr(kind, name))
        if given is not None:
            calls.append(
                (
                    f"{kind.__name__}.{name}(**{given!r})",
                    lambda n=name, g=given: getattr(result, n)(**g),
                )
            )
    return calls


def _arguments(case: Case, function: Any) -> dict[str, Any] | None:
    out: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        needed = parameter.default is inspect.Parameter.empty
        if name == "rng":
            out[name] = case.seed
        elif name == "reps":
            out[name] = pick(case.rng, (20, 99, 120))
        elif name in _ARGUMENTS and (needed or chance(case.rng, 0.4)):
            valid = _ARGUMENTS[name]
            out[name] = pick(
                case.rng, valid if chance(case.rng, 1 - case.wrong) else WRONG
            )
        elif needed:
            return None
    return out


def _linear(case: Case, result: Any) -> list[tuple[str, Callable[[], Any]]]:
    rng, names = case.rng, list(result.params.index)
    a, b = pick(rng, names), pick(rng, names)
    tests = [
        f"{a} = 0", f"{a} = {b}", [f"{a} = 0", f"{b} = 1"], f"{a} = -2",
        f"2*{a} + {b} = 1e3", a,
        f"{a} = 0 = 0", f"{a}*{b} = 0", "nothing = 0", "", [], f"{a} = {a}",
        f"`{a}` = 0", f"{a} = 1e400",
        f"({a} - {b})/3 = 0", [a, a], f"{a} > 0",
    ]  # fmt: skip
    wald = pick(rng, tests if chance(rng, 1 - case.wrong) else WRONG)
    x, q = case.column("x"), case.column("q")
    variable = pick(rng, [q, x, a, case.column("g"), case.column("w")])
    at: Any = pick(
        rng,
        [
            None,
            {q: [1.0, 2.0]},
            {case.column("w"): [0.0]},
            {case.column("g"): ["a", "b"]},
            {"x": "y"},
            *WRONG,
        ],
    )
    square = f"I({case.inside('q')}**2)"
    return [
        (f"wald_test({wald!r})", lambda: result.wald_test(wald)),
        (f"combination({wald!r})", lambda: _combined(result, wald)),
        (
            f"marginal_effect({variable!r}, {at!r})",
            lambda: result.marginal_effect(variable, at),
        ),
        ("predict", lambda: result.predict(case.panel)),
        (
            "predict without",
            lambda: result.predict(
                dp.Panel(
                    case.panel.frame[[x, q]].reset_index(), *case.panel.index.names
                )
            ),
        ),
        (
            "predict elsewhere",
            lambda: result.predict(case.panel.subset(f"{case.inside('x')} > 0")),
        ),
        *([("u_test", lambda: _curve(case, result))] if square in names else []),
    ]


def _combined(result: Any, text: Any) -> Any:
    actual = result.combination(text.split("=")[0] if isinstance(text, str) else text)
    return [
        actual.summary(),
        actual.to_dict(),
        actual.tidy(),
        actual.interval(0.9),
        _pickled(actual),
    ]


def _curve(case: Case, result: Any) -> Any:
    options = case.options(
        interval=[[1.0, 3.0], [2.0, 2.0], [-9.0, 9.0]],
        level=[0.9, 0.95],
        form=["square", "log"],
    )
    test = dp.u_test(result, case.column("q"), **options)
    out = [
        test.summary(),
        test.to_dict(),
        test.fieller_inside,
        repr(test),
        _pickled(test),
    ]
    if len(result.params) > 3 and chance(case.rng, 0.5):
        moderated = dp.moderated_u_test(
            result,
            case.column("q"),
            case.column("w"),
            **case.options(at=[[0.0, 1.0], [5]]),
        )
        out += [moderated.summary(), moderated.to_dict(), moderated.turning_points]
    return out


def _table(case: Case, result: Any) -> None:
    rng = case.rng
    other = [
        dp.FixedEffects(case.column("y"), [case.column("x"), case.column("q")]).fit(
            case.panel
        )
    ]
    mixed = (
        [result, *other]
        if isinstance(result, dp.LinearResults) or chance(rng, 0.3)
        else [result]
    )
    models: Any = pick(
        rng,
        [result, [result], mixed, [result, result], {"a": result, "<b> & \\": result}],
    )
    options = case.options(
        below=["se", "t", "p", "ci"],
        stars=[None, (0.1, 0.05), (0.05,)],
        digits=[0, 2, 3, 8],
        stats=[("nobs",), ("nobs", "rsquared", "f_statistic"), ()],
        labels=[{case.column("x"): "a\nb"}, {}],
        keep=[case.column("x"), "nothing"],
        drop=[case.column("x")],
        order=[[case.column("x")]],
        controls=["c"],
        notes=["a note", ["one", "two"], ""],
        heads=[["a", "b"]],
        rows=[{"controls": ["yes"]}],
    )
    case.say(f"etable(**{options!r})")
    table = dp.etable(models, **options)
    repr(table)
    str(table)
    if hasattr(table, "_repr_html_"):
        table._repr_html_()
    endings = [
        ".md",
        ".html",
        ".tex",
        *([".xlsx", ".docx"] if chance(rng, 0.15) else []),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for ending in endings:
            table.save(
                Path(folder) / f"table{ending}",
                title=pick(rng, [None, "a title & <b>"]),
            )


def _figures(case: Case, result: Any) -> list[tuple[str, Callable[[], Any]]]:
    makers: list[tuple[type, Callable[[], Any]]] = [
        (dp.LinearResults, lambda: plots.coefficients(result)),
        (
            dp.LinearResults,
            lambda: plots.u_shape(result, dp.u_test(result, case.column("q"))),
        ),
        (dp.Matching, lambda: plots.balance(result)),
        (
            (dp.EventStudyResults, dp.PoissonEventStudyResults),
            lambda: plots.event_study(result, counts=chance(case.rng, 0.5)),
        ),
        (dp.StaggeredDidResults, lambda: plots.event_study({"a": result, "b": result})),
        (
            (
                dp.EventStudyResults,
                dp.PoissonEventStudyResults,
                dp.StaggeredDidResults,
            ),
            lambda: plots.honest(
                result.honest(
                    restriction=pick(case.rng, ["relative", "smoothness"]),
                    effect=pick(case.rng, [0, "average"]),
                )
            ),
        ),
        (dp.SpatialResults, lambda: plots.impacts(result)),
        (
            dp.SpatialWeights,
            lambda: plots.moran_scatter(case.panel, case.column("x"), result),
        ),
        (dp.TestResult, lambda: plots.placebo(result)),
        (dp.ThresholdResults, lambda: plots.lr_profile(result)),
        (dp.ThresholdResults, lambda: plots.regime_map(result)),
        (dp.MediationResults, lambda: plots.mediation_path(result)),
        (dp.MediationResults, lambda: plots.effect_plot(result)),
        (dp.MediationResults, lambda: plots.conditional_effect(result)),
        (dp.MediationResults, lambda: plots.sensitivity_curve(result.sensitivity())),
        (dp.RankResults, lambda: plots.rank_ribbon(result)),
        (dp.IndexSensitivity, lambda: plots.index_sensitivity(result)),
        (dp.IndexResults, lambda: plots.kernel_ridge(result.scores)),
    ]
    return [
        ("figure", lambda m=make: _drawn(m))
        for kind, make in makers
        if isinstance(result, kind)
    ]


def _figures_of_set(
    case: Case, result: dp.ResultSet, members: list[Any]
) -> list[tuple[str, Callable[[], Any]]]:
    makers: list[Callable[[], Any]] = [lambda: plots.specification_curve(result)]
    if members and isinstance(members[0], dp.SpatialResults):
        term = pick(case.rng, [None, *members[0].effects.terms, "nothing"])
        kinds = pick(case.rng, ["indirect", ["direct", "total"], ("indirect",), "?"])
        makers += [
            lambda: plots.decay(result, term, kinds=kinds),
            lambda: plots.impacts(result, keep=term, kinds=kinds),
            result.effects_table,
        ]
    drawn = [("figure", lambda m=make: _drawn(m)) for make in makers]
    return [pick(case.rng, drawn)] if chance(case.rng, 0.05 * len(drawn)) else []


def _drawn(make: Callable[[], Any]) -> None:
    import matplotlib.pyplot as plt

    try:
        made = make()
        if hasattr(made, "figure"):
            made.figure.canvas.draw()
    finally:
        plt.close("all")


def _plain(result: Any) -> None:
    """JSON holds what `to_dict` gives, without missing numbers."""
    json.dumps(result.to_dict(), allow_nan=False)


def _pickled(result: Any) -> None:
    again = pickle.loads(pickle.dumps(result))
    if text_of(again) != text_of(result):
        raise AssertionError("a pickled result says something else")
