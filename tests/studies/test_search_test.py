"""Searched specifications: each refitted on each drawn outcome; size, power, errors."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Panel
from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    OptionError,
    TermError,
)
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.linear.kernels.wild import p_value_of_draws, wild_weights
from digiprosper.plots import specification_curve
from tests.studies.test_control_sets import make, quiet

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = ("i", "t")
SPEC = FixedEffects("y", ["x", "a"])
ABC = ["a", "b", "c"]


def searched(
    spec: FixedEffects = SPEC, frame: Any = None, candidates: Any = ABC, **options: Any
) -> dp.SearchTest:
    frame = make() if frame is None else frame
    panel = frame if isinstance(frame, Panel) else Panel(frame, *KEYS)
    return quiet(
        dp.search_test, spec, panel, candidates, **{"reps": 99, "rng": 1, **options}
    )


# --- against separate fits ------------------------------------------------------------


def refitted(
    spec: FixedEffects, frame: pd.DataFrame, also: dict[str, FixedEffects]
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Fit each specification to each drawn outcome: estimates, t (R, S) and labels."""
    frame = frame.dropna(subset=["y", "x", *ABC]).sort_values(list(KEYS))
    base = spec.replace(x=("x",), where=None)
    specs = {
        label: base.replace(x=("x", *names))
        for label, names in (
            ("(none)", ()),
            ("a", "a"),
            ("b", "b"),
            ("c", "c"),
            ("a + b", "ab"),
            ("a + c", "ac"),
            ("b + c", "bc"),
            ("a + b + c", "abc"),
        )
    } | also
    clusters = frame[spec.clusters[0] if spec.clusters else "i"]
    codes = pd.factorize(clusters, sort=True)[0]
    restricted = quiet(base.replace(x=tuple(ABC)).fit, Panel(frame, *KEYS))
    own = quiet(
        FixedEffects(
            "x",
            ABC,
            time_effects=base.time_effects,
            entity_effects=base.entity_effects,
            obs_weights=base.obs_weights,
        ).fit,
        Panel(frame, *KEYS),
    )
    u, v = restricted.resids.to_numpy(), own.resids.to_numpy()
    weights = 1.0 if spec.obs_weights is None else frame[spec.obs_weights].to_numpy()
    scores = np.bincount(codes, u * v * weights)
    position = np.argsort(np.argsort(scores * scores.sum(), kind="stable"))
    signs = wild_weights(scores.size, 19)
    estimates, t = [], []
    for drawn in signs.chunks(seed_sequence(1), 1):
        y = frame["y"].to_numpy() + (drawn[0, position][codes] - 1) * u
        panel = Panel(frame.assign(y=y), *KEYS)
        fits = [quiet(model.fit, panel) for model in specs.values()]
        estimates.append([fit.params["x"] for fit in fits])
        t.append([fit.tstats["x"] for fit in fits])
    return np.array(estimates), np.array(t), list(specs)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"time_effects": False},
        {"entity_effects": False, "time_effects": False},
        {"obs_weights": "w"},
        {"clusters": ["g"]},
    ],
    ids=str,
)
def test_draws_are_those_of_fits_to_each_drawn_outcome(options: Any) -> None:
    frame = make(3, n=14, periods=6)
    spec = SPEC.replace(**options)
    base = spec.replace(x=("x", "b"))
    also = {
        "robust": base.replace(cov_type="robust", clusters=None),
        "unadjusted": base.replace(cov_type="unadjusted", clusters=None),
        "late": base.replace(where="t > 2"),
        "other effects": base.replace(time_effects=False, entity_effects=True),
        "no controls": spec.replace(x=("x",)),
    }
    actual = searched(spec, frame, also=also, reps=19)
    estimates, t, labels = refitted(spec, frame, also)
    assert np.allclose(actual.test.draws, np.abs(t).max(axis=1), rtol=1e-8, atol=0)
    ends = np.quantile(np.sort(estimates, axis=1), (0.025, 0.975), axis=0)
    bands = actual.frame[["band_low", "band_high"]].to_numpy().T
    assert np.allclose(bands, ends, rtol=1e-8, atol=1e-10)
    assert sorted(actual.frame["model"]) == sorted(labels)


def test_specifications_are_those_of_separate_fits() -> None:
    also = {"robust": SPEC.replace(cov_type="robust")}
    actual, frame = searched(also=also), make()
    for row in actual.frame.itertuples():
        spec = also.get(row.model, FixedEffects("y", ["x", *row.controls]))
        fit = quiet(spec.fit, Panel(frame, *KEYS)).tidy().set_index("term").loc["x"]
        numbers = [row.estimate, row.std_error, row.statistic, row.p_value]
        expected = fit[["estimate", "std_error", "statistic", "p_value"]].tolist()
        assert np.allclose(numbers, expected, rtol=1e-9)


def test_what_is_said_of_all_specifications() -> None:
    actual = searched()
    detail, frame = actual.test.detail, actual.frame.set_index("model")
    row = frame.loc["a"]
    assert (detail["reported"], detail["specifications"]) == ("a", 8)
    assert detail["significant"] == (frame["p_value"] <= 0.05).mean()
    assert detail["position"] == (frame["estimate"] <= row["estimate"]).mean()
    assert actual.test.statistic == abs(row["statistic"])
    assert detail["p_reported"] == row["p_value"]
    assert detail["best"] == frame["statistic"].abs().idxmax()
    draws = actual.test.draws
    assert actual.test.p_value == p_value_of_draws(
        draws, row["statistic"], enumerated=False
    )
    assert actual.test.p_value >= detail["best_p_value"]
    assert actual.frame["estimate"].is_monotonic_increasing


def test_the_nearest_set_without_a_star_differs_in_the_fewest_controls() -> None:
    rng = np.random.default_rng(5)
    frame = make(1, gaps=False)
    frame["y"] = frame["a"] + 0.3 * rng.normal(size=len(frame))
    frame["x"] = frame["a"] + rng.normal(size=len(frame))
    actual = searched(FixedEffects("y", ["x", "b"]), frame)
    p = actual.frame.set_index("model")["p_value"]
    assert p["b"] < 0.05 < min(p["a"], p["a + b"])
    assert actual.test.detail["without_star"] == "a + b"
    assert searched(SPEC, frame).test.detail["without_star"] is None


# --- what does not matter -------------------------------------------------------------


def test_rows_candidates_units_and_names_do_not_matter() -> None:
    frame = make(2, n=12)
    first = searched(frame=frame)
    rng = np.random.default_rng(0)
    names = dict(zip(range(12), rng.permutation(list("abcdefghijkl")), strict=True))
    changed = {
        "rows": frame.sample(frac=1, random_state=1),
        "units": frame.assign(
            x=-1000 * frame["x"], y=0.01 * frame["y"] + 5, a=7 * frame["a"] - 3
        ),
        "names": frame.assign(i=frame["i"].map(names)),
    }
    for name, other in changed.items():
        actual = searched(frame=other)
        assert actual.test.p_value == first.test.p_value, name
        assert np.allclose(actual.test.draws, first.test.draws, rtol=1e-7), name
    turned = searched(frame=frame, candidates=ABC[::-1])
    assert np.allclose(turned.test.draws, first.test.draws, rtol=1e-7)
    assert turned.test.p_value == first.test.p_value


def test_few_clusters_have_all_combinations_of_weights() -> None:
    frame = make(2, n=4, gaps=False)
    actual = searched(frame=frame, reps=1999)
    assert (actual.test.draws.size, actual.test.detail["enumerated"]) == (6**4, True)
    assert actual.test.detail["weights"] == "webb"


def test_the_band_of_many_sets_is_kept_at_some_ranks() -> None:
    frame, rng = make(1, n=10, gaps=False), np.random.default_rng(1)
    names = [f"k{j}" for j in range(11)]
    frame[names] = rng.normal(size=(len(frame), 11))
    actual = searched(FixedEffects("y", ["x"]), frame, names, reps=19)
    assert len(actual.frame) == 2048
    assert (actual.frame["band_low"] <= actual.frame["band_high"]).all()
    assert actual.frame["band_low"].is_monotonic_increasing


# --- errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"candidates": []}, TermError, "candidates is empty"),
        ({"candidates": ["x", "a"]}, TermError, "'x' is in candidates and in x"),
        ({"candidates": [f"a{j}" for j in range(17)]}, OptionError, "131,072 sets"),
        ({"spec": SPEC.replace(cov_type="robust")}, OptionError, "one cluster"),
        ({"spec": SPEC.replace(clusters=["i", "t"])}, OptionError, "one cluster var"),
        ({"spec": dp.Mediation("y", "x", "a")}, InputTypeError, "FixedEffects"),
        ({"also": [SPEC]}, InputTypeError, "a mapping of labels"),
        ({"also": {"z": "y"}}, InputTypeError, "also..z.*FixedEffects"),
        ({"also": {"z": SPEC.replace(y="z")}}, TermError, "outcome 'z'"),
        ({"also": {"a": SPEC}}, TermError, "label of a set"),
        ({"also": {"z": FixedEffects("y", ["a"])}}, TermError, "no coefficient"),
        ({"also": {"z": SPEC.replace(cov_type="crv3")}}, OptionError, "crv3"),
        (
            {"spec": SPEC.replace(where="t > 2"), "also": {"z": SPEC}},
            IdentificationError,
            "rows that are not in the sample of spec",
        ),
        ({"reps": 5}, OptionError, "reps=5"),
    ],
    ids=lambda value: "" if isinstance(value, dict | type) else str(value),
)
def test_errors(options: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        searched(**options)


def test_collinear_sets_are_left_out_and_said() -> None:
    frame = make()
    frame["e"] = frame["a"] + frame["b"]
    actual = searched(frame=frame, candidates=["a", "b", "e"])
    assert actual.left_out == ("a + b + e",)
    assert actual.test.detail["specifications"] == 7
    assert "Not searched because of collinear columns: 1" in actual.summary()
    without = searched(frame=frame, candidates=["a", "b"])
    assert actual.frame["estimate"].min() == pytest.approx(
        without.frame["estimate"].min(), rel=1e-9
    )


def test_candidates_that_explain_the_regressor_are_refused() -> None:
    frame = make(gaps=False)
    frame["e"] = frame["x"] - frame["a"]
    with pytest.raises(
        IdentificationError, match="collinear with all candidates together"
    ):
        searched(frame=frame, candidates=["a", "e"])
    frame["e"] = 2 * frame["x"]
    with pytest.raises(dp.CollinearityError):
        searched(FixedEffects("y", ["x", "e"]), frame, ["a", "e"])


# --- text, tables, figures and stored values ------------------------------------------


def test_results_are_stored_and_printed() -> None:
    actual = searched(also={"one-way": SPEC.replace(time_effects=False)})
    again = pickle.loads(pickle.dumps(actual))
    assert again.test.p_value == actual.test.p_value
    stored = json.loads(json.dumps(actual.to_dict()))
    assert stored["test"]["p_value"] == actual.test.p_value
    text = actual.summary()
    assert text.splitlines()[0].startswith("x in 9 specifications of y.")
    assert "searched p" in text
    rank = 1 + (actual.frame["statistic"].abs() > actual.test.statistic).sum()
    assert f"Rank of the reported |t|: {rank} of 9." in text
    table = dp.etable(actual)
    assert "9 specifications in each of 99 draws" in " ".join(table.notes)
    chinese = dp.etable(actual, style=dp.TableStyle("zh"))
    assert "9个模型" in " ".join(chinese.notes)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_table_has_the_numbers_of_the_summary(language: str) -> None:
    actual = searched(also={"one-way": SPEC.replace(time_effects=False)}, level=0.9)
    table = dp.etable(actual, style=dp.TableStyle(language))
    detail: Any = actual.test.detail
    fit = quiet(SPEC.fit, Panel(make().dropna(subset=["y", "x", "a", "b", "c"]), *KEYS))
    assert fit.params["x"] == pytest.approx(detail["estimate"])
    best = actual.frame["statistic"].abs().max()
    significant = (actual.frame["p_value"] <= 0.1).mean()
    own_p, searched_p = fit.pvalues["x"], actual.test.p_value
    names = {
        "en": (
            "x",
            "t statistic",
            "By itself, p-value",
            "Largest |t|",
            "Specifications",
            "Share with p <= 0.1",
            "Allowing for the search, p-value",
            "Observations",
        ),
        "zh": (
            "x",
            "t统计量",
            "自身的p值",
            "最大的|t|",
            "模型数",
            "其中p ≤ 0.1的比例",
            "考虑模型挑选的p值",
            "观测值",
        ),
    }[language]
    cells = table.frame.iloc[:, 0].astype(str)
    printed = dict(zip(cells.index.get_level_values(-1), cells, strict=True))
    assert printed[names[0]].rstrip("*") == f"{fit.params['x']:.3f}"
    assert [printed[name] for name in names[1:]] == [
        f"{fit.tstats['x']:.3f}",
        f"{own_p:.3f}" if own_p >= 0.001 else "<0.001",
        f"{best:.3f}",
        "9",
        f"{significant:.3f}",
        f"{searched_p:.3f}",
        f"{fit.nobs:,}",
    ]
    notes = " ".join(table.notes)
    assert {"en": "clustered by i", "zh": "聚类到i层面"}[language] in notes
    clusters = detail["clusters"]
    assert {"en": f"{clusters} clusters", "zh": f"{clusters}个聚类"}[language] in notes


def test_the_figure_has_the_band_and_marks_the_reported_one() -> None:
    actual = searched(also={"one-way": SPEC.replace(time_effects=False)})
    ax = specification_curve(actual)
    data = dp.plots.data(ax)
    assert data["band_low"].tolist() == actual.frame["band_low"].tolist()
    assert data["a"].sum() == 4
    assert data["one-way"].sum() == 1
    labels = ax.get_legend_handles_labels()[1]
    assert {"reported specification", "95% of draws without an effect"} <= set(labels)
    with pytest.raises(dp.ColumnError, match="main='d'"):
        specification_curve(actual, main="d")


# --- size and power -------------------------------------------------------------------


def path(rng: np.random.Generator, n: int, periods: int, count: int) -> np.ndarray:
    """Columns (N, count) with a serial correlation of .6 and a variance of one."""
    out = rng.normal(size=(n, periods, count))
    for t in range(1, periods):
        out[:, t] = 0.6 * out[:, t - 1] + 0.8 * out[:, t]
    return out.reshape(-1, count)


def drawn_panel(
    rng: np.random.Generator,
    shape: tuple[int, int],
    loading: float,
    on_y: float,
    effect: float = 0.0,
) -> Panel:
    """A panel with six candidates c0 ... c5, three of which move y."""
    n, periods = shape
    columns = path(rng, n, periods, 8)
    controls, x = columns[:, 2:], columns[:, 0]
    x = x + loading * controls.sum(axis=1) / np.sqrt(6)
    frame = pd.DataFrame(controls, columns=[f"c{j}" for j in range(6)]).assign(
        i=np.repeat(np.arange(n), periods), t=np.tile(np.arange(periods), n), x=x
    )
    frame["y"] = effect * x + on_y * controls[:, :3].sum(axis=1) + columns[:, 1]
    return Panel(frame, *KEYS)


SIX = [f"c{j}" for j in range(6)]
SIMPLE = FixedEffects("y", ["x"])
CELLS = [
    ((31, 10), loading, on_y, 1000) for loading in (0, 0.5, 1) for on_y in (0, 0.5)
]


def p_values(
    panel: Panel, rng: np.random.Generator, spec: FixedEffects = SIMPLE
) -> list[float]:
    """The best set's own p, its adjusted p, the reported one's own and adjusted."""
    actual = quiet(dp.search_test, spec, panel, SIX, reps=199, rng=rng)
    detail = actual.test.detail
    best = actual.frame.set_index("model").loc[detail["best"], "p_value"]
    return [best, detail["best_p_value"], detail["p_reported"], actual.test.p_value]


@pytest.mark.montecarlo
@pytest.mark.parametrize(
    ("shape", "loading", "on_y", "panels"), [*CELLS, ((280, 15), 0.5, 0.5, 200)]
)
def test_size_of_the_best_of_many_sets(
    shape: tuple[int, int],
    loading: float,
    on_y: float,
    panels: int,
    measured: Callable[..., None],
) -> None:
    """Share of panels without an effect in which the best of 64 sets has p <= .05.

    The best set, that with the largest absolute t statistic, is reported: by its own
    p-value and by `search_test` with 199 draws. The last column is the set of all six
    candidates by its own p-value. The regressor is noise plus the loading times the
    standardised sum of the candidates; three of them may move the outcome. Everything
    has a serial correlation of .6. 1,000 panels a row, 200 with 280 entities.
    """
    rng = np.random.default_rng(2026)
    full = SIMPLE.add(*SIX)
    panel = (drawn_panel(rng, shape, loading, on_y) for _ in range(panels))
    p = np.array([p_values(each, rng, full) for each in panel])
    best, adjusted, single, _ = (p <= 0.05).mean(axis=0)
    row = {
        "entities": shape[0],
        "periods": shape[1],
        "loading on the regressor": loading,
        "effect on the outcome": on_y,
    }
    measured(
        "size_of_searched_specifications",
        row | {"best set": best, "search_test": adjusted, "all candidates": single},
    )
    assert adjusted <= 0.06 + 2 * np.sqrt(0.05 * 0.95 / panels) * (panels < 1000)
    assert best > single


@pytest.mark.montecarlo
@pytest.mark.parametrize(("loading", "on_y"), [(0, 0.5), (0.5, 0), (0.5, 0.5)])
@pytest.mark.parametrize("errors", [2.5, 3, 4])
def test_power_after_a_search(
    errors: float, loading: float, on_y: float, measured: Callable[..., None]
) -> None:
    """Share of 300 panels of 31 entities and 10 periods in which p <= .05.

    The effect is so many standard errors of the model with all candidates, on average.
    That model is reported: by its own p-value, and by `search_test` over 64 sets. The
    last column is `search_test` of the best set. Panels are those of the table of size.
    """
    rng = np.random.default_rng(2026)
    full, shape = SIMPLE.add(*SIX), (31, 10)
    std_error = np.mean(
        [
            quiet(full.fit, drawn_panel(rng, shape, loading, on_y)).std_errors["x"]
            for _ in range(50)
        ]
    )
    panel = (
        drawn_panel(rng, shape, loading, on_y, errors * std_error) for _ in range(300)
    )
    p = np.array([p_values(each, rng, full) for each in panel])
    _, best, single, adjusted = (p <= 0.05).mean(axis=0)
    row = {
        "effect in standard errors": errors,
        "loading on the regressor": loading,
        "effect on the outcome": on_y,
    }
    measured(
        "power_of_searched_specifications",
        row | {"single test": single, "search_test": adjusted, "of the best set": best},
    )
    assert single >= adjusted
