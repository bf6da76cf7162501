"""An index drawn together with its regression, against refits on stacked rows."""

from __future__ import annotations

import dataclasses
import pickle
import warnings
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.composite.weights import WEIGHTINGS
from digiprosper.kernels.resampling import draw_counts
from digiprosper.studies import propagation
from digiprosper.studies.propagation import PropagatedIndex, PropagatedResults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")

DIGITAL, SHARED = ("a", "b", "c"), ("u", "v")


def frame(
    seed: int = 0, n: int = 24, periods: int = 7, *, holes: float = 0.15
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    i, t = (
        x.ravel() for x in np.meshgrid(np.arange(n), np.arange(periods), indexing="ij")
    )
    keep = (rng.random(i.size) >= holes) | (t < 3)
    i, t = i[keep], t[keep]
    level = rng.lognormal(0, 0.6, size=(n, 5))[i]
    z = np.exp(0.3 * rng.normal(size=(i.size, 5))) * level
    df = pd.DataFrame(z, columns=[*DIGITAL, *SHARED])
    df.insert(0, "i", i)
    df.insert(1, "t", 2010 + t)
    df["x"] = rng.normal(size=i.size) + 0.1 * t
    df["region"] = i % 8
    df["y"] = (
        z[:, :3].sum(axis=1) / 10
        + df["x"]
        + rng.normal(size=n)[i]
        + 0.3 * rng.normal(size=i.size)
    )
    return df


def system(
    names: tuple[str, ...], df: pd.DataFrame | None = None
) -> dp.IndicatorSystem:
    """Directions with `df`'s end points in, so that a stacked sample keeps them."""
    posts = {
        n: None if df is None else (float(df[n].min()), float(df[n].max()))
        for n in names
    }
    return dp.IndicatorSystem(
        [dp.Indicator(n, "-" if n == "b" else "+", goalposts=posts[n]) for n in names]
    )


def stacked(
    df: pd.DataFrame, unit: pd.Series, counts: np.ndarray[Any, Any]
) -> pd.DataFrame:
    """Rows of the drawn units, an entity drawn twice being two entities."""
    parts = []
    for u, times in enumerate(counts.astype(int)):
        own = df[unit == u]
        parts += [
            own.assign(i=[f"{e}/{k}" for e in own["i"]], unit=f"{u}/{k}")
            for k in range(times)
        ]
    return pd.concat(parts)


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let twenty draws be enough where no more are looked at."""
    monkeypatch.setattr(propagation, "_LEAST_REPS", 20)


MODELS = {
    "entity": {"time_effects": False},
    "entity and time": {},
    "time": {"entity_effects": False},
    "none": {"entity_effects": False, "time_effects": False},
}


@pytest.mark.parametrize("effects", MODELS)
@pytest.mark.parametrize("case", ["regressor", "outcome", "both"])
@pytest.mark.parametrize("clusters", [None, ("region",)])
@pytest.mark.many(1)
def test_draws_equal_refits_on_stacked_rows(
    case: str, effects: str, clusters: Any
) -> None:
    df = frame(3)
    # Rows that teach the weights and are not in the model
    df.loc[[4, 30, 31], "x"] = np.nan
    panel = dp.Panel(df, "i", "t")
    y, x = {
        "regressor": ("y", ["digital", "x"]),
        "outcome": ("shared", ["y", "x"]),
        "both": ("shared", ["digital", "x"]),
    }[case]
    indices = {}
    if "digital" in x:
        indices["digital"] = dp.CompositeIndex(system(DIGITAL))
    if y == "shared":
        indices["shared"] = dp.CompositeIndex(system(SHARED))
    model = dp.FixedEffects(y, x, clusters=clusters, **MODELS[effects])
    results = PropagatedIndex(indices, model, reps=99).fit(panel, rng=7)

    unit = df["i"] if clusters is None else df["region"]
    counts = draw_counts(
        np.random.default_rng(np.random.SeedSequence(7)), unit.max() + 1, 99
    )
    for b in range(0, 20, 4):
        drawn = stacked(df, unit, counts[b])
        again = dp.Panel(drawn, "i", "t")
        for name, names in (("digital", DIGITAL), ("shared", SHARED)):
            if name in indices:
                index = dp.CompositeIndex(
                    system(names, df), scope="goalposts", name=name
                ).fit(again)
                again = again.attach(index.scores)
        fit = dp.FixedEffects(y, x, **MODELS[effects]).fit(again)
        np.testing.assert_allclose(
            results.draw_values[b],
            fit.params[list(results.names)],
            rtol=1e-8,
            atol=1e-10,
        )


def test_estimates_are_the_models_own_and_both_intervals_are_there() -> None:
    df = frame(1, holes=0.0)
    panel = dp.Panel(df, "i", "t")
    index = dp.CompositeIndex(system(DIGITAL), name="digital")
    model = dp.FixedEffects("y", ["digital", "x"])
    plain = model.fit(panel.attach(index.fit(panel).scores))
    results = PropagatedIndex({"digital": index}, model, reps=199).fit(panel, rng=1)
    assert isinstance(results, PropagatedResults)
    assert isinstance(results, dp.EffectResults)
    assert list(results.params.index) == ["digital", "x"]
    assert results.terms == plain.terms
    np.testing.assert_allclose(results.params, plain.params)
    pd.testing.assert_frame_equal(results.naive, plain.tidy().set_index("term"))
    draws = results.draws
    assert draws.shape == (199, 2)
    np.testing.assert_allclose(results.std_errors, draws.std(ddof=1))
    assert (
        results.comparison.loc["digital", ("weights known", "conf_low")]
        == plain.conf_int().loc["digital"].iloc[0]
    )
    assert "Bootstrap standard errors in parentheses" in str(dp.etable(results))
    both = str(dp.etable({"known": plain, "estimated": results}))
    assert "of the type shown above" in both
    assert "bootstrap" in both
    words = results.summary()
    assert "weights known" in words
    assert "weights of the population" in words
    assert results.summary() == pickle.loads(pickle.dumps(results)).summary()
    assert results.to_dict()["glance"]["model"] == "Propagated index"
    again = PropagatedIndex({"digital": index}, model, reps=199).fit(
        panel, rng=results.rng_entropy
    )
    np.testing.assert_array_equal(again.draw_values, results.draw_values)
    mixed = PropagatedIndex({"digital": index}, model, reps=199).fit(
        dp.Panel(df.sample(frac=1, random_state=3), "i", "t"), rng=1
    )
    np.testing.assert_allclose(mixed.draw_values, results.draw_values, rtol=1e-10)


def test_entities_outside_the_model_still_teach_the_weights() -> None:
    df = frame(5, holes=0.0)
    df.loc[df["i"] == 3, "x"] = np.nan
    panel = dp.Panel(df, "i", "t")
    spec = PropagatedIndex(
        {"digital": dp.CompositeIndex(system(DIGITAL))},
        dp.FixedEffects("y", ["digital", "x"]),
        reps=99,
    )
    results = spec.fit(panel, rng=1)
    assert results.info["n_entities"] == 23
    counts = draw_counts(np.random.default_rng(np.random.SeedSequence(1)), 24, 99)
    again = dp.Panel(stacked(df, df["i"], counts[0]), "i", "t")
    index = dp.CompositeIndex(
        system(DIGITAL, df), scope="goalposts", name="digital"
    ).fit(again)
    fit = dp.FixedEffects("y", ["digital", "x"]).fit(again.attach(index.scores))
    np.testing.assert_allclose(results.draw_values[0], fit.params, rtol=1e-8)
    by_region = PropagatedIndex(
        spec.indices, spec.model.replace(clusters=("region",)), reps=99
    ).fit(panel, rng=1)
    assert by_region.n_drawn == 8
    panel = panel.assign(region=panel["region"].where(panel["x"].notna()))
    with pytest.raises(dp.IdentificationError, match="or in none"):
        PropagatedIndex(
            spec.indices, spec.model.replace(clusters=("region",)), reps=99
        ).fit(panel)


def test_slopes_by_entity_where_an_entity_is_not_in_the_model() -> None:
    df = frame(5, holes=0.0)
    df.loc[df["i"] == 3, "x"] = np.nan
    model = dp.FixedEffects("y", ["digital", "x"], absorb=["i[t]"])
    spec = PropagatedIndex(
        {"digital": dp.CompositeIndex(system(DIGITAL))}, model, reps=99
    )
    drawn = spec.fit(dp.Panel(df, "i", "t"), rng=1)
    counts = draw_counts(np.random.default_rng(np.random.SeedSequence(1)), 24, 99)
    again = dp.Panel(stacked(df, df["i"], counts[0]), "i", "t")
    index = dp.CompositeIndex(
        system(DIGITAL, df), scope="goalposts", name="digital"
    ).fit(again)
    fit = model.fit(again.attach(index.scores))
    np.testing.assert_allclose(drawn.draw_values[0], fit.params, rtol=1e-8)


@pytest.mark.usefixtures("few_draws")
def test_entities_without_any_score_are_not_drawn() -> None:
    df = frame(5, holes=0.0)
    df.loc[df["i"] == 3, "a"] = np.nan
    index = dp.CompositeIndex(system(DIGITAL), missing="drop")
    model = dp.FixedEffects("y", ["digital", "x"])
    spec = PropagatedIndex({"digital": index}, model, reps=20)
    there, without = (
        spec.fit(dp.Panel(rows, "i", "t"), rng=1) for rows in (df, df[df["i"] != 3])
    )
    assert there.n_drawn == without.n_drawn == 23
    np.testing.assert_allclose(there.draw_values, without.draw_values, rtol=1e-10)


def test_fixed_weights_give_the_plain_cluster_bootstrap() -> None:
    panel = dp.Panel(frame(2), "i", "t")
    index = dp.CompositeIndex(system(DIGITAL), weighting="equal")
    results = PropagatedIndex(
        {"digital": index}, dp.FixedEffects("y", ["digital", "x"]), reps=499
    ).fit(panel, rng=1)
    ratio = results.std_errors["digital"] / results.naive.loc["digital", "std_error"]
    assert 0.8 < ratio < 1.25


def test_specs_are_values() -> None:
    index, model = dp.CompositeIndex(system(DIGITAL)), dp.FixedEffects("y", ["digital"])
    one, two = (PropagatedIndex({"digital": index}, model) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one


def test_what_cannot_be_drawn_is_refused_in_words() -> None:
    panel = dp.Panel(frame(2), "i", "t")
    index, model = (
        dp.CompositeIndex(system(DIGITAL)),
        dp.FixedEffects("y", ["digital", "x"]),
    )
    with pytest.raises(dp.InputTypeError, match="mapping of name"):
        PropagatedIndex({}, model)
    with pytest.raises(dp.InputTypeError, match="cannot name"):
        PropagatedIndex({"my index": index}, model)
    with pytest.raises(dp.InputTypeError, match="not a CompositeIndex"):
        PropagatedIndex({"digital": model}, model)  # type: ignore[dict-item]
    with pytest.raises(dp.InputTypeError, match="FixedEffects"):
        PropagatedIndex({"digital": index}, index)  # type: ignore[arg-type]
    with pytest.raises(dp.OptionError, match="reps=9"):
        PropagatedIndex({"digital": index}, model, reps=9)
    with pytest.raises(dp.OptionError, match="one-way"):
        PropagatedIndex({"digital": index}, model.replace(clusters=("i", "t")))
    with pytest.raises(dp.InputTypeError, match="specification of a model"):
        PropagatedIndex({"digital": index}, dp.FixedEffects)
    with pytest.raises(dp.OptionError, match="model_rows"):
        PropagatedIndex({"digital": index}, model, model_rows="all")  # type: ignore[arg-type]
    with pytest.raises(dp.TermError, match="column 'x' already"):
        PropagatedIndex({"x": index}, model).fit(panel)
    with pytest.raises(dp.TermError, match="no term 'digital'"):
        PropagatedIndex({"digital": index}, dp.FixedEffects("y", ["x"])).fit(panel)
    with pytest.raises(dp.OptionError, match="cannot be bootstrapped"):
        PropagatedIndex({"digital": index.replace(aggregate="geometric")}, model).fit(
            panel
        )
    halves = dp.IndicatorSystem(
        [
            dataclasses.replace(one, dimension=str(j % 2))
            for j, one in enumerate(index.system)
        ]
    )
    by_dimension = index.replace(system=halves, aggregate="geometric_dimensions")
    with pytest.raises(
        dp.OptionError, match=r"geometric_dimensions\) cannot be bootstrapped"
    ):
        PropagatedIndex({"digital": by_dimension}, model).fit(panel)
    with pytest.raises(dp.IdentificationError, match="in several clusters"):
        PropagatedIndex({"digital": index}, model.replace(clusters=("t",))).fit(panel)


@pytest.mark.montecarlo
@pytest.mark.parametrize(
    ("n", "slope", "known"),
    [
        (30, 0.0, 0.950),
        (30, 1.0, 0.891),
        (30, 4.0, 0.524),
        (100, 0.0, 0.952),
        (100, 1.0, 0.871),
        (100, 4.0, 0.472),
    ],
)
def test_the_propagated_interval_covers(
    n: int, slope: float, known: float, measured: Callable[..., None]
) -> None:
    """Share of 800 panels in which the 95% interval contains the slope.

    The slope is that on the index with population weights. Panels of n entities and ten
    years: four indicators between goalposts 0 and 1, entropy weights, entity effects,
    and errors with a standard deviation of .1. The weights in the population are those
    of 100,000 entities; the bootstrap has 299 draws. The last three columns are the
    mean standard errors of both kinds, and the standard deviation of the estimates over
    the panels.
    """
    spread = np.array([0.6, 1.0, 1.4, 2.0])

    def rows(rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        level = rng.normal(size=(count, 1, 4)) * spread * 0.8
        z = level + rng.normal(size=(count, 10, 4)) * spread * 0.6
        return (1 / (1 + np.exp(1 - z))).reshape(-1, 4)

    weights = dp.entropy_weights(rows(np.random.default_rng(0), 100_000))
    posts = dp.IndicatorSystem(
        [dp.Indicator(f"z{j}", "+", goalposts=(0.0, 1.0)) for j in range(4)]
    )
    index = dp.CompositeIndex(posts, scope="goalposts")
    spec = PropagatedIndex(
        {"d": index}, dp.FixedEffects("y", ["d"], time_effects=False), reps=299
    )
    panels, kinds = 800, ("weights known", "weights estimated")
    rng, hits = np.random.default_rng(n), np.zeros(2)
    estimates, errors = np.empty(panels), np.empty((panels, 2))
    for panel in range(panels):
        z, i = rows(rng, n), np.repeat(np.arange(n), 10)
        df = pd.DataFrame(z, columns=[f"z{j}" for j in range(4)]).assign(
            i=i, t=np.tile(np.arange(10), n)
        )
        df["y"] = (
            rng.normal(size=n)[i]
            + slope * (z @ weights)
            + 0.1 * rng.normal(size=i.size)
        )
        fit = spec.fit(dp.Panel(df, "i", "t"), rng=rng)
        row = fit.comparison.loc["d"]
        for k, kind in enumerate(kinds):
            hits[k] += row[kind, "conf_low"] <= slope <= row[kind, "conf_high"]
        estimates[panel] = fit.params["d"]
        errors[panel] = fit.naive.loc["d", "std_error"], fit.std_errors["d"]
    coverage = dict(zip(kinds, (hits / panels).tolist(), strict=True))
    heads = ("error, known", "error, estimated")
    spreads = {
        **dict(zip(heads, errors.mean(axis=0).tolist(), strict=True)),
        "true sd": estimates.std(ddof=1),
    }
    measured(
        "coverage_of_propagated_slopes",
        {"n": n, "slope": int(slope), **coverage, **spreads},
    )
    assert (
        abs(hits[0] / panels - known) < 3 * np.sqrt(known * (1 - known) / panels) + 0.01
    )
    assert hits[1] / panels > 0.95 - 0.025 - 3 * 0.008


# --- any model ------------------------------------------------------------------------

TABLE = frame(11, n=16, periods=6, holes=0.0)
TABLE["q"] = np.random.default_rng(1).normal(size=len(TABLE))
TABLE["m"] = TABLE["a"] / 3 + TABLE["q"] / 2 + np.cos(np.arange(len(TABLE)))
TABLE["count"] = np.random.default_rng(2).poisson(np.exp(TABLE["y"] / 3))
TABLE["size"] = 1 + TABLE["i"] % 3
TABLE["first"] = np.where(TABLE["i"] % 2, 2013.0, np.nan)
PANEL = dp.Panel(TABLE, "i", "t")
PLAIN = dp.FixedEffects("y", ["digital", "x"])
INDEX = {"digital": dp.CompositeIndex(system(DIGITAL))}
OTHERS: dict[str, Any] = {
    "weighted": PLAIN.replace(obs_weights="size"),
    "logarithm": dp.FixedEffects("y", ["log(digital + 1)", "x"]),
    "where": PLAIN.replace(where="digital > 0.1"),
    "instrument": dp.FixedEffectsIV("y", ["digital"], ["m"], ["q"]),
    "endogenous": dp.FixedEffectsIV("y", ["x"], ["digital"], ["a"]),
    "counts": dp.PoissonEffects("count", ["digital", "x"]),
    "mediation": dp.Mediation("y", "digital", "m", ["x"], reps=20),
    "threshold": dp.PanelThreshold("y", "x", "digital", bootstrap=None),
    "two thresholds": dp.PanelThreshold(
        "y", "digital", "q", n_thresholds=2, bootstrap=None
    ),
    "events": dp.EventStudy("digital", "first", ["x"], before=2, after=2),
    "dynamic": dp.DynamicPanel("y", ["digital"]),
    "kink": dp.PanelKink("y", "q", x=["digital"], reps=1),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.many(3)
@pytest.mark.usefixtures("few_draws")
def test_draws_of_any_model_are_fits_to_stacked_rows(name: str) -> None:
    model = OTHERS[name]
    results = PropagatedIndex(INDEX, model, reps=20).fit(PANEL, rng=7)
    data = PANEL.attach(INDEX["digital"].fit(PANEL).scores.rename("digital"))
    known = model.fit(data, rng=np.random.SeedSequence(7))
    pd.testing.assert_series_equal(results.params, known.params, check_names=False)
    counts = draw_counts(np.random.SeedSequence(7), 16, 20)
    seen = 0
    for b in range(5):
        again = dp.Panel(stacked(TABLE, TABLE["i"], counts[b]), "i", "t")
        index = dp.CompositeIndex(system(DIGITAL, TABLE), scope="goalposts")
        try:
            fit = model.fit(again.attach(index.fit(again).scores.rename("digital")))
        except dp.DigiprosperError:
            assert np.isnan(results.draw_values[b]).all()
            continue
        if set(fit.params.index) >= set(results.names):
            wanted = fit.params[list(results.names)].to_numpy()
            # A ratio of effects is missing if the model's own draws have both signs
            there = np.isfinite(wanted) & np.isfinite(results.draw_values[b])
            assert there.sum() >= wanted.size - 1
            np.testing.assert_allclose(
                results.draw_values[b][there], wanted[there], rtol=1e-5, atol=1e-7
            )
            seen += 1
    assert seen > 2
    assert [term.name for term in results.terms] == list(results.names)
    assert pickle.loads(pickle.dumps(results)).summary() == results.summary()
    assert dp.etable(results).frame.shape[1] == 1


@dataclasses.dataclass(frozen=True)
class Toy:
    """Least squares on an index, with nothing but a method `fit`."""

    label: int | None = None
    without: str = ""
    error: float = 0.2

    def fit(self, panel: dp.Panel, *, rng: object = None) -> Any:
        rows = panel.frame[["y", "digital"]].dropna()
        names = ["digital"]
        slope = rows["y"].cov(rows["digital"]) / rows["digital"].var()
        if self.label is not None:
            slope += self.label in panel.entities and panel.entities[0] != 0
        if self.without and rows["y"].mean() > TABLE["y"].mean():
            names = [self.without]
        return ToyResults(names, slope, self.error, len(rows))


class Nothing:
    def fit(self, panel: dp.Panel, **options: Any) -> None:
        """Return nothing, as no model does."""


class ToyResults:
    def __init__(self, names: list[str], slope: float, error: float, rows: int) -> None:
        self.params = pd.Series([slope], index=names)
        self.cov = pd.DataFrame([[error**2]], names, names)
        self.nobs = rows

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        half = 2 * np.sqrt(self.cov.to_numpy()[0, 0]) * level / 0.95
        numbers = [self.params.iloc[0], half / 2, 0.0, 0.0, -half, half]
        columns = ["estimate", "std_error", "statistic", "p_value"]
        return pd.DataFrame(
            [numbers], columns=[*columns, "conf_low", "conf_high"]
        ).assign(term=self.params.index)

    def glance(self) -> Any:
        return {"model": "Toy", "nobs": self.nobs}


@pytest.mark.further
def test_a_toy_model_needs_nothing_but_fit() -> None:
    drawn = PropagatedIndex(INDEX, Toy(), reps=199).fit(PANEL, rng=3)
    kept = PropagatedIndex(INDEX, Toy(), reps=199, model_rows="kept").fit(PANEL, rng=3)
    assert drawn.names == kept.names == ("digital",)
    counts = draw_counts(np.random.SeedSequence(3), 16, 199)
    weights = INDEX["digital"].fit(PANEL).entity_sums.weights(counts)  # type: ignore[union-attr]
    scores = INDEX["digital"].fit(PANEL)
    directed = scores.contributions(PANEL) / scores.weights["weight"]
    slopes = []
    for row in weights:
        index = directed.to_numpy() @ row
        slopes.append(np.cov(index, PANEL["y"])[0, 1] / index.var(ddof=1))
    assert kept.std_errors["digital"] == pytest.approx(
        np.hypot(0.2, np.std(slopes, ddof=1)), rel=1e-8
    )
    # The sampling errors of the model are drawn, so that percentiles have both parts
    assert np.ptp(kept.conf_int().to_numpy()) == pytest.approx(
        2 * 1.96 * kept.std_errors["digital"], rel=0.25
    )
    words = " ".join(kept.summary().split())
    assert "plus that of its estimates over drawn weights" in words
    assert "0." in str(dp.etable({"drawn": drawn, "kept": kept}))
    again = PropagatedIndex(INDEX, Toy(), reps=199, model_rows="kept").fit(PANEL, rng=3)
    np.testing.assert_array_equal(kept.draw_values, again.draw_values)
    mixed = dp.Panel(TABLE.sample(frac=1, random_state=2), "i", "t")
    other = PropagatedIndex(INDEX, Toy(), reps=199).fit(mixed, rng=3)
    np.testing.assert_allclose(other.draw_values, drawn.draw_values, rtol=1e-10)


@pytest.mark.further
def test_kept_rows_have_the_draws_and_the_degrees_of_freedom_of_the_model() -> None:
    options: Any = {"reps": 299, "model_rows": "kept"}
    scores = PANEL.attach(INDEX["digital"].fit(PANEL).scores.rename("digital"))
    mediation = dp.Mediation("y", "digital", "m", ["x"], reps=999)
    results = PropagatedIndex(INDEX, mediation, **options).fit(PANEL, rng=1)
    own = mediation.fit(scores, rng=1)
    effects = ["total", "direct", "indirect"]
    assert (results.std_errors[effects] >= own.std_errors[effects]).all()
    # A ratio of effects has no variance
    assert results.std_errors.isna().tolist() == own.std_errors.isna().tolist()
    ends = results.conf_int().to_numpy()
    # Draws of a product are skewed, and so is their sum with those of the weights
    np.testing.assert_allclose(ends[2], own.conf_int().to_numpy()[2], rtol=0.5)
    equal = {"digital": INDEX["digital"].replace(weighting="equal")}
    fixed = PropagatedIndex(equal, PLAIN, **options).fit(PANEL, rng=1)
    assert fixed.std_errors["x"] == pytest.approx(fixed.naive.loc["x", "std_error"])
    t = (fixed.draw_values[:, 1] - fixed.params["x"]) / fixed.std_errors["x"]
    # Quartiles of t with 15 degrees of freedom, for 16 clusters
    np.testing.assert_allclose(np.quantile(t, [0.25, 0.75]), [-0.69, 0.69], atol=0.2)


@pytest.mark.usefixtures("few_draws")
def test_spatial_models_keep_their_rows() -> None:
    model = dp.PanelSpatial("y", ["digital"], ring_weights(16), model="sar")
    with pytest.raises(dp.OptionError, match=r"labels.*model_rows='kept'") as caught:
        PropagatedIndex(INDEX, model, reps=20).fit(PANEL, rng=1)
    assert caught.value.problems[0].data["option"] == "model_rows"
    results = PropagatedIndex(INDEX, model, reps=20, model_rows="kept").fit(PANEL)
    assert results.std_errors["digital"] > results.naive.loc["digital", "std_error"]
    # Two-way clusters cannot be drawn, but their covariance can be added to
    two_way = PLAIN.replace(clusters=("i", "t"))
    results = PropagatedIndex(INDEX, two_way, reps=20, model_rows="kept").fit(PANEL)
    assert (results.std_errors > results.naive["std_error"].to_numpy()).all()


@pytest.mark.usefixtures("few_draws")
def test_models_that_draws_would_change_are_refused() -> None:
    for model in (Toy(label=3), PLAIN.replace(where="i != 3", obs_weights="size")):
        panel = dp.Panel(TABLE[TABLE["i"] > 0], "i", "t")
        with pytest.raises(dp.OptionError, match="new labels: "):
            PropagatedIndex(INDEX, model, reps=20).fit(panel)
    with pytest.raises(dp.IdentificationError, match="no coefficient of the"):
        PropagatedIndex(INDEX, Toy(error=np.nan), reps=20, model_rows="kept").fit(PANEL)
    with pytest.raises(dp.InputTypeError, match="returns None"):
        PropagatedIndex(INDEX, Nothing(), reps=20).fit(PANEL)


@pytest.mark.usefixtures("few_draws")
def test_draws_with_other_names_are_lost_and_counted() -> None:
    results = PropagatedIndex(INDEX, Toy(without="other"), reps=20).fit(PANEL, rng=1)
    assert 0 < results.lost_draws < 20
    assert "lost_draws" in [n.code for n in results.diagnostics]


@pytest.mark.usefixtures("few_draws")
def test_a_nonlinear_index_is_computed_from_the_rows_of_each_draw() -> None:
    index = INDEX["digital"].replace(
        aggregate="geometric", scope="goalposts", system=system(DIGITAL, TABLE)
    )
    spec = PropagatedIndex({"digital": index}, PLAIN, reps=20)
    with pytest.raises(dp.OptionError, match="end_points='redrawn' computes"):
        spec.fit(PANEL)
    results = spec.replace(end_points="redrawn").fit(PANEL, rng=7)
    counts = draw_counts(np.random.SeedSequence(7), 16, 20)
    for b in range(4):
        again = dp.Panel(stacked(TABLE, TABLE["i"], counts[b]), "i", "t")
        fit = PLAIN.fit(again.attach(index.fit(again).scores.rename("digital")))
        np.testing.assert_allclose(results.draw_values[b], fit.params, rtol=1e-8)


SPREAD = np.array([0.6, 1.0, 1.4, 2.0])
POSTED = dp.CompositeIndex(
    dp.IndicatorSystem(
        [dp.Indicator(f"z{j}", "+", goalposts=(0.0, 1.0)) for j in range(4)]
    ),
    scope="goalposts",
)


def moving(rng: np.random.Generator, n: int) -> tuple[np.ndarray[Any, Any], ...]:
    """Draw indicators (n, 10, 4), an instrument and a confounder (n, 10) of them."""
    q, confounder = rng.normal(size=(2, n, 10))
    level = rng.normal(size=(n, 1, 4)) * 0.8
    common = (0.4 * q + 0.2 * confounder)[:, :, None]
    z = SPREAD * (level + common + 0.4 * rng.normal(size=(n, 10, 4)))
    return 1 / (1 + np.exp(1 - z)), q, confounder


def ring(n: int) -> np.ndarray[Any, Any]:
    beside = np.roll(np.eye(n), 1, axis=1)
    return (beside + beside.T) / 2


def outcomes(
    rng: np.random.Generator, n: int, weights: np.ndarray[Any, Any]
) -> pd.DataFrame:
    """Draw outcomes of all models, whose index has these weights."""
    z, q, confounder = moving(rng, n)
    index, cut = z @ weights, rng.normal(size=(n, 10))
    effect = rng.normal(size=(n, 1))
    noise = 0.1 * rng.normal(size=(5, n, 10))
    mediator = effect + 4 * index + noise[2]
    columns = {
        "q": q,
        "cut": cut,
        "m": mediator,
        "y1": effect + 4 * index + noise[0],
        "y2": effect + 8 * index + noise[1] + 0.05 * confounder,
        "y3": effect + 3 * mediator + index + noise[0] / 2,
        "y4": effect + np.where(cut <= 0, 2, 4) * index + noise[3],
        "y5": np.linalg.solve(np.eye(n) - 0.4 * ring(n), effect + 4 * index + noise[4]),
        **{f"z{j}": z[:, :, j] for j in range(4)},
    }
    keys = {"i": np.repeat(np.arange(n), 10), "t": np.tile(np.arange(10), n)}
    return pd.DataFrame(keys | {k: v.ravel() for k, v in columns.items()})


def ring_weights(n: int) -> dp.SpatialWeights:
    names = range(n)
    return dp.SpatialWeights.from_frame(pd.DataFrame(ring(n), names, names))


# Model, its coefficient, the true value, and which rows the draws are estimated on
PANELS = {31: 120, 100: 60}
COVERED: dict[str, tuple[Callable[[int], Any], str, float, str]] = {
    "fixed effects": (
        lambda _: dp.FixedEffects("y1", ["d"], time_effects=False),
        "d",
        4.0,
        "drawn",
    ),
    "instrument": (
        lambda _: dp.FixedEffectsIV("y2", [], ["d"], ["q"], time_effects=False),
        "d",
        8.0,
        "drawn",
    ),
    "mediation": (
        lambda _: dp.Mediation("y3", "d", "m", reps=199, time_effects=False),
        "indirect",
        12.0,
        "drawn",
    ),
    "threshold": (
        lambda _: dp.PanelThreshold(
            "y4", "d", "cut", bootstrap=None, time_effects=False
        ),
        "d:regime2",
        4.0,
        "drawn",
    ),
    "spatial": (
        lambda n: dp.PanelSpatial(
            "y5", ["d"], ring_weights(n), model="sar", time_effects=False
        ),
        "d",
        4.0,
        "kept",
    ),
}


def trials(model: str, n: int) -> Iterator[tuple[float, ...]]:
    """Yield of each panel whether both intervals cover, the estimate and the errors."""
    make, term, truth, rows = COVERED[model]
    z = moving(np.random.default_rng(0), 100_000)[0]
    weights = dp.entropy_weights(z.reshape(-1, 4))
    spec = PropagatedIndex({"d": POSTED}, make(n), reps=39, model_rows=rows)
    rng = np.random.default_rng(n)
    for p in count():
        fit = spec.fit(dp.Panel(outcomes(rng, n, weights), "i", "t"), rng=p)
        kinds = fit.comparison.loc[term]
        covered = [
            float(kinds[kind, "conf_low"] <= truth <= kinds[kind, "conf_high"])
            for kind in ("weights known", "weights estimated")
        ]
        known = kinds["weights known", "std_error"]
        yield *covered, known, fit.std_errors[term], fit.params[term]


@pytest.mark.montecarlo
@pytest.mark.parametrize("n", [31, 100])
@pytest.mark.parametrize("model", COVERED)
def test_intervals_of_other_models_cover(
    model: str,
    n: int,
    measured: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Share of panels in which the 95% interval contains the coefficient.

    The index has entropy weights, and the coefficient is that of the index with the
    weights of 100,000 entities. 120 panels of 31 or 60 of 100 entities and ten years:
    four indicators between goalposts 0 and 1, entity effects, and errors with a
    standard deviation of .1. The instrument and a confounder change all indicators. The
    mediation has its indirect effect, the threshold model the slope of the upper
    regime, and the spatial model a lag of the outcome on a ring of neighbours. There
    are 39 draws, the fewest from which the ends of a 95% interval are draws. With rows
    drawn the model is estimated on the rows of each draw; with rows kept it is
    estimated on all rows, with the weights of each draw. The last three columns are the
    mean standard errors, and the standard deviation of the estimates over the panels. A
    share of .95 has a Monte Carlo standard error of .02 with 120 panels and of .03 with
    60.
    """
    monkeypatch.setattr("digiprosper.studies.propagation._LEAST_REPS", 39)
    panels = PANELS[n]
    known, estimated, *errors, estimates = np.array(
        list(islice(trials(model, n), panels))
    ).T
    measured(
        "coverage_of_propagated_models",
        {
            "model": model,
            "rows": COVERED[model][3],
            "n": n,
            "weights known": known.mean(),
            "weights estimated": estimated.mean(),
            "error, known": errors[0].mean(),
            "error, estimated": errors[1].mean(),
            "true sd": estimates.std(ddof=1),
        },
    )
    slack = 3 * np.sqrt(0.95 * 0.05 / panels)
    assert known.mean() < 0.85
    assert 0.92 - slack < estimated.mean() < 0.97 + slack


@pytest.mark.parametrize("clusters", [2, 3, 4, 5])
def test_draws_of_few_clusters_give_no_error_no_interval_and_no_p(
    clusters: int,
) -> None:
    df, missing = frame(2).assign(region=lambda f: f["i"] % clusters), clusters < 5
    model = dp.FixedEffects("y", ["digital", "x"], clusters="region")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = dp.PropagatedIndex(
            {"digital": dp.CompositeIndex(system(DIGITAL))}, model
        ).fit(dp.Panel(df, "i", "t"), rng=1)
    table = results.tidy()
    read = ["std_error", "statistic", "p_value", "conf_low", "conf_high"]
    assert (table[read].isna() == missing).all(axis=None)
    assert table["estimate"].notna().all()
    assert results.naive.loc["digital"].notna().all()
    codes = [n.code for n in results.diagnostics]
    assert codes.count("too_few_clusters_to_draw") == missing
    assert "nan" not in results.summary()


# --- end points drawn again -----------------------------------------------------------

CHAINS = {
    **{word: {"weighting": word} for word in WEIGHTINGS},
    "shifted": {"shift": 0.01},
    "given": {"weighting": {"a": 1.0, "b": 2.0, "c": 3.0}},
    "dimensions": {"structure": "equal_dimensions"},
    "one year": {"scope": "base_year(2011)"},
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("as_outcome", [False, True])
@pytest.mark.many(1)
@pytest.mark.usefixtures("few_draws")
def test_redrawn_end_points_equal_the_whole_chain_on_stacked_rows(
    chain: str, *, as_outcome: bool
) -> None:
    df = frame(4, n=18)
    ways = {
        n: ("-" if n == "b" else "+", "one" if n == "a" else "two") for n in DIGITAL
    }
    names = [
        dp.Indicator(n, sign, dimension=where) for n, (sign, where) in ways.items()
    ]
    index = dp.CompositeIndex(
        dp.IndicatorSystem(names), name="digital", **CHAINS[chain]
    )
    y, x = ("digital", ["y", "x"]) if as_outcome else ("y", ["digital", "x"])
    model = dp.FixedEffects(y, x)
    spec = PropagatedIndex({"digital": index}, model, reps=20, end_points="redrawn")
    results = spec.fit(dp.Panel(df, "i", "t"), rng=7)
    held = dataclasses.replace(spec, end_points="held").fit(
        dp.Panel(df, "i", "t"), rng=7
    )
    counts = draw_counts(np.random.default_rng(np.random.SeedSequence(7)), 18, 20)
    moved = 0
    for b in range(10):
        again = dp.Panel(stacked(df, df["i"], counts[b]), "i", "t")
        fit = model.fit(again.attach(index.fit(again).scores))
        np.testing.assert_allclose(
            results.draw_values[b],
            fit.params[list(results.names)],
            rtol=1e-8,
            atol=1e-10,
        )
        moved += not np.allclose(results.draw_values[b], held.draw_values[b], rtol=1e-8)
    assert moved > 4
    np.testing.assert_array_equal(results.estimates, held.estimates)


@pytest.mark.parametrize(
    ("x", "absorb", "fits"),
    [
        (["digital", "x"], (), 2),
        # Fitted in each draw, and once with new labels
        (["log(digital)", "x"], (), 101),
        # Slopes by year cross the entities that are drawn.
        (["digital"], "t[x]", 101),
    ],
)
def test_redrawn_regressions_are_fitted_in_a_draw_only_if_products_do_not_do(
    x: list[str], absorb: Any, fits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    fit = dp.FixedEffects.fit

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        calls.append(self)
        return fit(self, *args, **options)

    monkeypatch.setattr(dp.FixedEffects, "fit", counted)
    index = dp.CompositeIndex(system(DIGITAL), shift=0.01)
    spec = PropagatedIndex(
        {"digital": index},
        dp.FixedEffects("y", x, absorb=absorb),
        reps=99,
        end_points="redrawn",
    )
    results = spec.fit(dp.Panel(frame(4), "i", "t"), rng=1)
    assert len(calls) == fits
    assert np.isfinite(results.std_errors).all()


def test_a_draw_without_rows_of_one_of_two_indices_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(propagation, "_LEAST_REPS", 20)
    df = frame(4, n=12)
    few = df["i"].isin(df["i"].unique()[:2])
    both = dp.Panel(df.assign(a=df["a"].where(few)), "i", "t")
    indices = {
        name: dp.CompositeIndex(system(columns), missing="drop")
        for name, columns in {"first": ("a",), "second": ("c", "u")}.items()
    }
    model = dp.FixedEffects("y", ["first", "second"], time_effects=False)
    spec = PropagatedIndex(indices, model, reps=40, end_points="redrawn")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = spec.fit(both, rng=3)
    drawn = draw_counts(np.random.SeedSequence(3), 12, 40)[:, :2].sum(axis=1)
    lost = np.isnan(results.draw_values).all(axis=1)
    assert (drawn == 0).any()
    assert lost[drawn == 0].all()


@pytest.mark.usefixtures("few_draws")
def test_what_is_held_is_told() -> None:
    panel, model = dp.Panel(frame(2), "i", "t"), dp.FixedEffects("y", ["digital", "x"])

    def codes(index: dp.CompositeIndex, **options: Any) -> list[str]:
        results = PropagatedIndex({"digital": index}, model, reps=20, **options).fit(
            panel, rng=1
        )
        return [n.code for n in results.diagnostics if n.code.startswith("end_points")]

    pooled = dp.CompositeIndex(system(DIGITAL))
    assert codes(pooled) == ["end_points_held"]
    assert codes(pooled, end_points="redrawn") == ["end_points_redrawn"]
    posted = dp.CompositeIndex(system(DIGITAL, frame(2)), scope="goalposts")
    assert codes(posted) == codes(posted, end_points="redrawn") == []
    with pytest.raises(dp.OptionError, match="end_points"):
        codes(pooled, end_points="drawn")
    ranked = dp.CompositeIndex(system(DIGITAL), normalise="rank")
    assert codes(ranked) == ["end_points_held"]
    assert codes(ranked, end_points="redrawn") == ["end_points_redrawn"]


@pytest.mark.usefixtures("few_draws")
def test_an_outcome_among_the_indicators_is_told() -> None:
    panel = dp.Panel(frame(), "i", "t")
    digital = dp.CompositeIndex(system(DIGITAL))
    shared = dp.CompositeIndex(system(("a", "u")))

    def said(model: dp.FixedEffects, **indices: dp.CompositeIndex) -> Any:
        fitted = PropagatedIndex(indices, model, reps=20).fit(panel, rng=1)
        shown = [n.data for n in fitted.diagnostics if n.code == "shared_indicators"]
        return shown[0]["indicators"] if shown else None

    own = said(dp.FixedEffects("log(a)", ["d", "x"]), d=digital)
    assert own == {"d": ("a",)}
    both = said(dp.FixedEffects("s", ["d", "x"]), d=digital, s=shared)
    assert both == {"d": ("a",)}
    assert said(dp.FixedEffects("y", ["d", "a"]), d=digital) is None


@pytest.mark.usefixtures("few_draws")
def test_with_goalposts_nothing_is_drawn_again() -> None:
    df = frame(2)
    index = dp.CompositeIndex(system(DIGITAL, df), scope="goalposts")
    spec = PropagatedIndex(
        {"digital": index}, dp.FixedEffects("y", ["digital", "x"]), reps=20
    )
    panel = dp.Panel(df, "i", "t")
    redrawn = dataclasses.replace(spec, end_points="redrawn").fit(panel, rng=1)
    np.testing.assert_array_equal(
        redrawn.draw_values, spec.fit(panel, rng=1).draw_values
    )


def skewed_slopes(n: int, panels: int, reps: int, seed: int) -> dict[str, Any]:
    """Estimate, error and interval ends of the slope with lognormal indicators.

    The rows are kinds of end points. The truth is an index with end points 0 and the
    99.9% quantile and the weights of 20,000 entities; its slope is 1. Ten periods,
    entity effects, error sd .05.
    """
    spread = np.array([0.6, 0.7, 0.8, 0.9])
    top = np.exp(3.09 * np.hypot(spread, 0.3))

    def rows(rng: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
        level = rng.normal(size=(count, 1, 4)) * spread
        return np.exp(level + 0.3 * rng.normal(size=(count, 10, 4))).reshape(-1, 4)

    weights = dp.entropy_weights(rows(np.random.default_rng(0), 20_000) / top)
    posts = dp.IndicatorSystem(
        [dp.Indicator(f"z{j}", "+", goalposts=(0.0, float(top[j]))) for j in range(4)]
    )
    model = dp.FixedEffects("y", ["d"], time_effects=False)
    pooled, fixed = (
        dp.CompositeIndex(posts),
        dp.CompositeIndex(posts, scope="goalposts"),
    )
    specs = {
        "held": PropagatedIndex({"d": pooled}, model, reps=reps),
        "redrawn": PropagatedIndex(
            {"d": pooled}, model, reps=reps, end_points="redrawn"
        ),
        "goalposts": PropagatedIndex({"d": fixed}, model, reps=reps),
    }
    rng, actual = (
        np.random.default_rng(seed),
        {kind: np.empty((panels, 4)) for kind in specs},
    )
    for p in range(panels):
        z, i = rows(rng, n), np.repeat(np.arange(n), 10)
        df = pd.DataFrame(z, columns=[f"z{j}" for j in range(4)]).assign(
            i=i, t=np.tile(np.arange(10), n)
        )
        df["y"] = (
            rng.normal(size=n)[i] + (z / top) @ weights + 0.05 * rng.normal(size=i.size)
        )
        panel = dp.Panel(df, "i", "t")
        for kind, spec in specs.items():
            row = spec.fit(panel, rng=p).tidy().iloc[0]
            actual[kind][p] = row[
                ["estimate", "std_error", "conf_low", "conf_high"]
            ].to_numpy(dtype=float)
    return actual


def read_slopes(outcome: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Mean estimate, coverage, mean error and sd of estimates, by kind.

    Coverage is that of the mean estimate and of the slope of 1.
    """
    out = {}
    for kind, (estimate, error, low, high) in ((k, v.T) for k, v in outcome.items()):
        mean = estimate.mean()
        out[kind] = {
            "mean estimate": mean,
            "coverage of it": np.mean((low <= mean) & (mean <= high)),
            "coverage of 1": np.mean((low <= 1) & (high >= 1)),
            "mean error": error.mean(),
            "true sd": estimate.std(ddof=1),
        }
    return out


@pytest.mark.montecarlo
@pytest.mark.parametrize(("n", "held"), [(30, 0.57), (50, 0.51), (100, 0.51)])
def test_only_goalposts_give_the_error_of_skewed_indicators(
    n: int, held: float, measured: Callable[..., None]
) -> None:
    """Coverage of 95% intervals of the slope on an index, in 500 panels.

    The indicators are skewed. Panels of n entities and ten years: four lognormal
    indicators, whose logarithms have standard deviations of .6 to .9 between and .3
    inside entities, entropy weights, entity effects, and errors with a standard
    deviation of .05. The slope is 1 on the index with goalposts and the weights of
    20,000 entities. The bootstrap has 299 draws. With end points of the sample the unit
    of the index depends on n, and so does the slope. Therefore the table has the
    coverage of the mean estimate of all panels, and that of 1. Its last columns are the
    mean standard error, and the standard deviation of the estimates over the panels.
    """
    actual = read_slopes(skewed_slopes(n, 500, 299, n))
    for kind, row in actual.items():
        measured("coverage_with_skewed_indicators", {"n": n, "end points": kind, **row})
    ratio = {kind: row["mean error"] / row["true sd"] for kind, row in actual.items()}
    assert abs(ratio["held"] - held) < 0.15
    assert ratio["held"] < ratio["redrawn"] < 0.85
    assert 0.8 < ratio["goalposts"] < 1.25
    assert actual["goalposts"]["coverage of it"] > 0.95 - 3 * 0.022
    assert actual["held"]["coverage of it"] < 0.88
    assert actual["redrawn"]["coverage of it"] < 0.88


def test_the_terms_are_those_of_the_model() -> None:
    spec = PropagatedIndex(
        {"digital": dp.CompositeIndex(system(DIGITAL))},
        dp.FixedEffects("y", ["digital"]),
    )
    more = spec.add("x", "z")
    assert more.terms == ("y", "digital", "x", "z")
    assert more.drop("z").swap("x", "log(x)").terms == ("y", "digital", "log(x)")
    assert more.drop("x", "z") == spec
    assert spec.replace(reps=199).reps == 199
    with pytest.raises(dp.OptionError, match="no argument 'x'"):
        spec.replace(x=("z",))


@pytest.mark.parametrize(
    ("model", "name", "remark"),
    [
        (dp.PoissonEffects("emp", ["cap"]), "PoissonEffects", "Poisson regression"),
        (dp.DynamicPanel("unemp", ["cap"]), "DynamicPanel", "Two-step difference GMM"),
    ],
)
@pytest.mark.usefixtures("few_draws")
def test_summaries_and_tables_name_the_model(
    model: Any, name: str, remark: str
) -> None:
    system = dp.IndicatorSystem.from_dict({"": {"hwy": "+", "water": "+"}})
    spec = dp.PropagatedIndex(
        {"cap": dp.CompositeIndex(system, name="cap")}, model, reps=20
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = spec.fit(dp.datasets.us_states(), rng=1)
    assert f"Model: {name}; its own tests" in str(fit.summary())
    assert remark in " ".join(str(dp.etable([fit])).split())
