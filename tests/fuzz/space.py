"""Random spatial weights, models, tests and measures of autocorrelation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

import digiprosper as dp
from digiprosper import plots
from tests.fuzz.frames import chance, pick
from tests.fuzz.models import NONSENSE, WRONG, Case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SPATIAL_JOBS"]


def _balanced(case: Case, columns: list[str]) -> dp.Panel:
    """Leave out what a spatial lag cannot have, mostly."""
    panel = case.panel
    if chance(case.rng, 0.1):
        return panel
    if chance(case.rng, 0.8):
        panel = panel.dropna(
            [c for c in columns if panel.frame[c].isna().any()] or columns
        )
    if panel.is_balanced:
        return panel
    ways = ("entities", "times")
    kept = [panel.balance(way) for way in ways if _keeps(panel, way)]
    return max(kept, key=len) if kept else panel


def _keeps(panel: dp.Panel, way: str) -> bool:
    try:
        return panel.balance(way).n_entities > 3
    except dp.errors.DigiprosperError:
        return False


def _matrix(case: Case, n: int) -> Any:
    """Draw links: dense or few, in both directions or not, of different size.

    Now and then the sizes are very different.
    """
    rng = case.rng
    out = rng.uniform(size=(n, n)) * (
        rng.uniform(size=(n, n)) < pick(rng, [0.15, 0.4, 1.0])
    )
    if chance(rng, 0.5):
        out = np.maximum(out, out.T)
    if chance(rng, 0.3):
        out = (out > 0) * 1.0
    if chance(rng, 0.05):
        out = np.triu(out)
    if chance(rng, 0.05):
        out = out * 10.0 ** rng.integers(-20, 20)
    np.fill_diagonal(out, float(chance(rng, case.wrong / 3)))
    if n and chance(rng, case.wrong):
        out[rng.integers(n), rng.integers(n)] = pick(
            rng, [-1.0, np.nan, np.inf, 1e200, 1e-200]
        )
    kinds = (csr_array, np.ndarray.tolist, pd.DataFrame, np.asfortranarray, np.float32)
    with np.errstate(all="ignore"):
        return pick(rng, kinds)(out) if chance(rng, 0.25) else out


def _places(case: Case, entities: pd.Index[Any]) -> pd.DataFrame:
    rng, n = case.rng, len(entities)
    places = pd.DataFrame(
        {"lat": rng.uniform(20, 45, n), "lon": rng.uniform(80, 125, n)}, index=entities
    )
    if n and chance(rng, case.wrong):
        places.iloc[0] = places.iloc[-1]
    if n and chance(rng, case.wrong):
        places.iloc[0, 0] = pick(rng, [np.nan, 95.0, np.inf])
    return places


def spatial_weights(case: Case, panel: dp.Panel | None = None) -> dp.SpatialWeights:
    """Build weights of the entities of a panel, in another order now and then."""
    rng, panel = case.rng, case.panel if panel is None else panel
    labels = panel.entities
    if chance(rng, 0.3):
        labels = labels[rng.permutation(len(labels))]
    if chance(rng, case.wrong):
        labels = labels[1:]
    options = case.options(
        standardise=["row", "spectral", "none"], name=["W", "borders", "邻接"]
    )
    kind = pick(rng, BUILDERS)
    case.say(f"SpatialWeights {kind} {options!r}")
    return BUILDERS[kind](case, panel, labels, options)


def _from_frame(
    case: Case, _: dp.Panel, labels: pd.Index[Any], options: Any
) -> dp.SpatialWeights:
    at = np.argwhere(case.rng.random((len(labels), len(labels))) < 0.3)
    at = at[at[:, 0] != at[:, 1]]
    frame = pd.DataFrame(
        {
            "i": labels[at[:, 0]],
            "j": labels[at[:, 1]],
            "w": case.rng.random(len(at)) + 0.1,
        }
    )
    weight = pick(
        case.rng,
        ["w", None, "i", "nothing"] if chance(case.rng, case.wrong) else ["w", None],
    )
    entities = pick(case.rng, [labels, labels, None])
    return dp.SpatialWeights.from_frame(
        frame, "i", "j", weight, entities=entities, **options
    )


def _from_neighbours(
    case: Case, _: dp.Panel, labels: pd.Index[Any], options: Any
) -> dp.SpatialWeights:
    near: dict[Any, Any] = {
        a: [b for b in labels if a != b and chance(case.rng, 0.3)] for a in labels
    }
    if near and chance(case.rng, case.wrong):
        near[labels[0]] = pick(case.rng, WRONG)
    return dp.SpatialWeights.from_neighbours(near, **options)


def _by_distance(
    case: Case, _: dp.Panel, labels: pd.Index[Any], options: Any
) -> dp.SpatialWeights:
    more = case.options(power=[1, 2, 0.5, 10], cutoff=[None, 500, 2000, 1e6])
    return dp.SpatialWeights.inverse_distance(_places(case, labels), **options, **more)


def _nearest(
    case: Case, _: dp.Panel, labels: pd.Index[Any], options: Any
) -> dp.SpatialWeights:
    k = pick(case.rng, [1, 2, 4, *WRONG] if chance(case.rng, case.wrong) else [1, 2, 4])
    return dp.SpatialWeights.k_nearest(_places(case, labels), k, **options)


def _values(case: Case, panel: dp.Panel, labels: pd.Index[Any]) -> Any:
    if chance(case.rng, 0.5):
        return pd.Series(
            case.rng.lognormal(size=len(labels)), index=labels, name="size"
        )
    return panel.frame[case.column(pick(case.rng, "vps"))]


def _nested(
    case: Case, panel: dp.Panel, labels: pd.Index[Any], options: Any
) -> dp.SpatialWeights:
    one = dp.SpatialWeights(_matrix(case, len(labels)), labels)
    other = dp.SpatialWeights.economic(_values(case, panel, labels))
    return dp.SpatialWeights.nested(
        one, other, pick(case.rng, [0.5, 0.1, 1.5]), **options
    )


BUILDERS: Mapping[str, Callable[[Case, dp.Panel, Any, Any], dp.SpatialWeights]] = {
    "matrix": lambda case, _, labels, options: dp.SpatialWeights(
        _matrix(case, len(labels)), labels, **options
    ),
    "frame": _from_frame,
    "neighbours": _from_neighbours,
    "distance": _by_distance,
    "nearest": _nearest,
    "economic": lambda case, panel, labels, options: dp.SpatialWeights.economic(
        _values(case, panel, labels), **options
    ),
    "gravity": lambda case, panel, labels, options: dp.SpatialWeights.gravity(
        _values(case, panel, labels), _places(case, labels), **options
    ),
    "nested": _nested,
}


def _specification(case: Case) -> tuple[dp.PanelSpatial, dp.Panel]:
    x, y = case.terms("xmwzqcd", 3), case.term("y")
    roles = [case.column(role) for role in "yxmwzqcd"]
    panel = _balanced(case, roles)
    options = case.options(
        model=["sdm", "sar", "sem", "slx", "sdem", "sac"],
        entity_effects=[True, False],
        time_effects=[True, False],
        transform=["exact", "splm"],
        likelihood=["adjusted", "lee_yu", "unadjusted"],
        cov_type=[None, "larger", "observed", "information", "clustered"],
        effects_error=["delta", "simulated"],
        spatial_lags=[None, x[:1], []],
    )
    if "spatial_lags" in options and chance(case.rng, 0.9):
        options.pop("model", None)
    given = spatial_weights(case, panel)
    case.say(f"PanelSpatial({y!r}, {x!r}, **{options!r})")
    return dp.PanelSpatial(y, x, given, **options, reps=100), panel


def panel_spatial(case: Case) -> Any:
    """Fit a model."""
    spec, panel = _specification(case)
    return spec.fit(panel, rng=case.seed)


def compared(case: Case) -> Any:
    """Compare a model with a simpler one."""
    spec, panel = _specification(case)
    fit = spec.fit(panel, rng=case.seed)
    kind = pick(case.rng, ["lr_test", "wald_to", "wald_test"])
    case.say(kind)
    if kind == "lr_test":
        simple = spec.replace(
            model=pick(case.rng, ["sar", "sem", "slx"]), spatial_lags=None
        )
        return fit.lr_test(simple.fit(panel, rng=case.seed))
    if kind == "wald_to":
        return fit.wald_to(pick(case.rng, ["sar", "sem"]))
    names = [*fit.names, *(NONSENSE if chance(case.rng, case.wrong) else ())]
    return fit.wald_test(f"{pick(case.rng, names)} = 0")


def battery(case: Case) -> Any:
    """One model over cut-offs of the distance, as the figure of decay draws it."""
    spec, panel = _specification(case)
    places = _places(case, panel.entities)
    cuts = [float(km) for km in case.rng.integers(500, 6000, size=3)]
    near = {km: dp.SpatialWeights.inverse_distance(places, cutoff=km) for km in cuts}
    case.say(f"cut-offs {cuts!r}")
    return dp.fit_all(
        {km: spec.replace(spatial_weights=given) for km, given in near.items()},
        panel,
        rng=case.seed,
    )


def tests_of(case: Case) -> dp.SpatialTests:
    """Give the table of tests."""
    spec, panel = _specification(case)
    return dp.spatial_tests(spec, panel)


def autocorrelation(case: Case) -> Any:
    """Measure autocorrelation by period, draw its scatter, or lag a column."""
    column = case.term(pick(case.rng, "yxvzk"))
    panel = _balanced(case, [case.column(role) for role in "yxvz"])
    given = spatial_weights(case, panel)
    kind = pick(case.rng, ["moran", "geary", "local_moran", "lag"])
    case.say(f"{kind}({column!r})")
    if kind == "lag":
        return panel.assign(lagged_=given.lag(column)).frame[["lagged_"]]
    options = case.options(permutations=[0, 5, 99])
    actual = getattr(dp, kind)(
        panel, column, given, **{"permutations": 19, **options}, rng=case.seed
    )
    if chance(case.rng, 0.05):
        case.say("moran_scatter")
        _scatter(
            panel,
            column,
            given,
            case.options(time=list(panel.times), names=[True, False]),
        )
    return actual


def _scatter(
    panel: dp.Panel, column: str, given: dp.SpatialWeights, options: Any
) -> None:
    import matplotlib.pyplot as plt

    try:
        plots.moran_scatter(panel, column, given, **options).figure.canvas.draw()
    finally:
        plt.close("all")


SPATIAL_JOBS: Mapping[str, tuple[Callable[[Case], Any], float]] = {
    "SpatialWeights": (spatial_weights, 4.0),
    "PanelSpatial": (panel_spatial, 10.0),
    "comparison": (compared, 3.0),
    "cut-offs": (battery, 3.0),
    "spatial_tests": (tests_of, 3.0),
    "autocorrelation": (autocorrelation, 5.0),
}
