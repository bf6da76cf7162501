"""Batteries and stepwise tables: own random streams, failures beside, one sample."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    FixedEffects,
    FixedEffectsIV,
    Mediation,
    Panel,
    fit_all,
    stepwise,
)
from digiprosper.errors import (
    CollinearityError,
    ColumnError,
    DigiprosperWarning,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    MissingDataWarning,
    OptionError,
    TermError,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def make(holes: bool = True) -> Panel:
    rng = np.random.default_rng(5)
    n, t = 45, 6
    data = pd.DataFrame(
        rng.normal(size=(n * t, 5)), columns=["y", "d", "m", "c1", "c2"]
    )
    data["i"], data["t"] = np.repeat(np.arange(n), t), np.tile(np.arange(t), n)
    data["m"] += data["d"]
    data["y"] += data["d"] + data["m"]
    data["fixed"] = data["i"] % 3
    if holes:
        data.loc[rng.choice(len(data), 20, replace=False), "c2"] = np.nan
        data = data.drop(index=rng.choice(len(data), 15, replace=False))
    return Panel(data, "i", "t", labels={"d": "Digital"})


@dataclass(frozen=True)
class Draw:
    """A specification that only draws."""

    def fit(
        self, panel: Panel, *, rng: Any = None, progress: bool = False
    ) -> np.ndarray[Any, Any]:
        return np.random.default_rng(rng).normal(size=4)


def test_seeds_go_by_label() -> None:
    panel = make(holes=False)
    few = fit_all({"a": Draw(), "b": Draw()}, panel, rng=7)
    more = fit_all(
        {"new": Draw(), "b": Draw(), "稳健": Draw(), "a": Draw()}, panel, rng=7
    )
    np.testing.assert_array_equal(few["a"], more["a"])
    np.testing.assert_array_equal(few["b"], more["b"])
    assert len({tuple(r) for r in more.values()}) == 4
    other = fit_all({"a": Draw()}, panel, rng=8)
    assert not np.array_equal(other["a"], few["a"])
    again = [
        fit_all({"a": Draw()}, panel, rng=np.random.default_rng(1))["a"]
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*again)


def test_a_row_more_changes_no_bootstrap() -> None:
    panel = make(holes=False)
    spec = Mediation("y", "d", ["m"], reps=199)
    one = fit_all({"base": spec}, panel, rng=3)["base"]
    two = fit_all({"before": spec.replace(x=["c1"]), "base": spec}, panel, rng=3)[
        "base"
    ]
    pd.testing.assert_frame_equal(one.draws, two.draws)
    alone = (
        spec.fit(panel, rng=one.rng_entropy) if hasattr(one, "rng_entropy") else None
    )
    if alone is not None:
        pd.testing.assert_frame_equal(alone.draws, one.draws)


def test_failures_stand_beside_and_stop_nothing() -> None:
    panel = make(holes=False)
    base = FixedEffects("y", ["d"])
    out = fit_all(
        {
            "base": base,
            "absorbed": base.add("fixed"),
            "no column": base.add("fdi"),
            "collinear": base.add("c1", "I(c1 * 2)"),
            "early": (base, panel.subset("t < 3")),
        },
        panel,
    )
    assert out.labels == ("base", "absorbed", "no column", "collinear", "early")
    assert list(out) == ["base", "early"]
    kinds = {label: type(e) for label, e in out.failures.items()}
    assert kinds == {
        "absorbed": IdentificationError,
        "no column": ColumnError,
        "collinear": CollinearityError,
    }
    assert out["early"].nobs == 45 * 3
    assert out.compare("d")["nobs"].tolist() == [45 * 6, 45 * 3]


def test_faults_of_the_program_are_not_swallowed() -> None:
    class Broken:
        def fit(
            self, panel: Panel, *, rng: object = None, progress: bool = False
        ) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit_all({"a": Broken()}, make(holes=False))


@pytest.mark.parametrize("specs", [[FixedEffects("y", ["d"])], None, "y ~ d"])
def test_fit_all_takes_a_mapping(specs: Any) -> None:
    with pytest.raises(InputTypeError, match="mapping of label to specification"):
        fit_all(specs, make(holes=False))


def test_fit_all_names_what_is_no_specification() -> None:
    with pytest.raises(InputTypeError, match=r"'a' is str"):
        fit_all({"a": "y ~ d"}, make(holes=False))


def test_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    fit_all(
        {"base": FixedEffects("y", ["d"]), "bad": FixedEffects("y", ["e"])},
        make(holes=False),
        progress=True,
    )
    out = capsys.readouterr()
    assert out.out == ""
    assert "fit_all: 100%" in out.err
    assert "2/2" in out.err


@pytest.mark.further
def test_processes_give_the_results_failures_and_warnings_of_one(
    recwarn: pytest.WarningsRecorder,
) -> None:
    panel, base = make(), FixedEffects("y", ["d"])
    specs = {
        "base": base,
        "holes": base.add("c2"),
        "no column": base.add("fdi"),
        "drawn": Mediation("y", "d", ["m"], reps=50),
        "more holes": base.add("c2", "c1"),
    }
    one = fit_all(specs, panel, rng=3)
    warned = [(w.category, str(w.message)) for w in recwarn]
    assert warned
    recwarn.clear()
    many = fit_all(specs, panel, rng=3, n_jobs=2)
    assert [(w.category, str(w.message)) for w in recwarn] == warned
    assert many.labels == one.labels
    assert {k: str(e) for k, e in many.failures.items()} == {
        k: str(e) for k, e in one.failures.items()
    }
    for label, result in one.items():
        pd.testing.assert_frame_equal(
            many[label].tidy(), result.tidy(), check_exact=True
        )
        assert many[label].diagnostics == result.diagnostics
    pd.testing.assert_frame_equal(
        many["drawn"].draws, one["drawn"].draws, check_exact=True
    )


@pytest.mark.parametrize("n_jobs", [-1, 2])
def test_the_number_of_processes_is_that_of_joblib(
    n_jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    joblib = pytest.importorskip("joblib")
    asked = []

    class Serial(joblib.Parallel):  # type: ignore[misc]
        def __init__(self, n_jobs: int, **options: Any) -> None:
            asked.append(n_jobs)
            super().__init__(n_jobs=1, **options)

    monkeypatch.setattr(joblib, "Parallel", Serial)
    panel = make(holes=False)
    one = fit_all({"a": Draw(), "b": Draw()}, panel, rng=7)
    many = fit_all({"a": Draw(), "b": Draw()}, panel, rng=7, n_jobs=n_jobs)
    assert asked == [n_jobs]
    for label in ("a", "b"):
        np.testing.assert_array_equal(many[label], one[label])


@pytest.mark.parametrize("n_jobs", [0, -2, 1.5, "two", None, True])
def test_refused_numbers_of_processes(n_jobs: Any) -> None:
    with pytest.raises(OptionError, match="n_jobs"):
        fit_all({"a": FixedEffects("y", ["d"])}, make(holes=False), n_jobs=n_jobs)


@pytest.mark.parametrize(
    "order",
    [["c1", "c2"], ["c2", "c1"], ["lag(c1)", "c2"], ["C(fixed):c1", "lag(c2, 2)"]],
)
def test_stepwise_has_one_sample_the_last_columns_own(order: list[str]) -> None:
    panel, spec = make(), FixedEffects("y", ["d"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        steps = stepwise(spec, panel, order)
        last = spec.add(*order).fit(panel)
    assert steps.labels == ("(1)", "(2)", "(3)")
    assert {r.nobs for r in steps.values()} == {last.nobs}
    assert {r.glance()["sample_hash"] for r in steps.values()} == {
        last.glance()["sample_hash"]
    }
    pd.testing.assert_series_equal(steps["(3)"].params, last.params)
    pd.testing.assert_frame_equal(steps["(3)"].cov, last.cov)
    assert steps["(1)"].labels == {"d": "Digital"}


def test_stepwise_equals_fits_on_the_rows_of_the_last() -> None:
    panel, spec = make(), FixedEffects("y", ["d"])
    with pytest.warns(MissingDataWarning):
        steps = stepwise(spec, panel, ["c1", "c2"])
    rows = pd.Series(panel.index.isin(steps["(3)"].index), index=panel.index)
    first = spec.fit(panel.subset(rows))
    np.testing.assert_allclose(steps["(1)"].params, first.params, rtol=1e-12)
    np.testing.assert_allclose(steps["(1)"].std_errors, first.std_errors, rtol=1e-12)


def test_stepwise_may_use_each_columns_own_sample() -> None:
    panel, spec = make(), FixedEffects("y", ["d"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        steps = stepwise(spec, panel, ["c1", "c2"], sample="own")
        expected = [
            spec.fit(panel),
            spec.add("c1").fit(panel),
            spec.add("c1", "c2").fit(panel),
        ]
    assert [r.nobs for r in steps.values()] == [r.nobs for r in expected]
    assert steps["(1)"].nobs > steps["(3)"].nobs
    np.testing.assert_allclose(steps["(2)"].params, expected[1].params, rtol=1e-12)


@pytest.mark.parametrize(
    "block",
    [["c1", "c2"], ("c1", "c2"), np.array(["c1", "c2"]), pd.Index(["c1", "c2"])],
)
def test_a_list_in_the_order_is_one_step(block: Any) -> None:
    panel, spec = make(), FixedEffects("y", ["d"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        steps = stepwise(spec, panel, [block, "lag(c1)"])
        last = spec.add("c1", "c2", "lag(c1)").fit(panel)
    assert steps.labels == ("(1)", "(2)", "(3)")
    assert [list(fit.params.index) for fit in steps.values()] == [
        ["d"], ["d", "c1", "c2"], ["d", "c1", "c2", "lag(c1)"]
    ]  # fmt: skip
    assert {fit.nobs for fit in steps.values()} == {last.nobs}
    pd.testing.assert_series_equal(steps["(3)"].params, last.params)


def warned(category: type[Warning], call: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if issubclass(w.category, category)]


def test_a_warning_of_several_models_names_those_it_is_about() -> None:
    panel, spec = make(), FixedEffects("y", ["d"])
    steps = {}

    def own() -> None:
        steps.update(stepwise(spec, panel, ["c1", "c2"], sample="own"))

    (text,) = warned(MissingDataWarning, own)
    assert text.startswith("in the model '(3)': ")
    assert f" {steps['(3)'].nobs:,} rows" in text


def test_a_warning_that_models_share_is_issued_once_and_where_it_belongs() -> None:
    spec, more = FixedEffects("y", ["c2"]), {"base": FixedEffects("y", ["d"])}
    with pytest.warns(
        MissingDataWarning, match="in the models 'one', 'two': "
    ) as caught:
        fit_all({"one": spec, "two": spec, **more}, make())
    assert len([w for w in caught if w.category is MissingDataWarning]) == 1
    assert caught[0].filename == __file__


def test_a_battery_inside_a_battery_names_both() -> None:
    @dataclass(frozen=True)
    class Nested:
        def fit(
            self, panel: Panel, *, rng: object = None, progress: bool = False
        ) -> object:
            return fit_all({"inner": FixedEffects("y", ["c2"])}, panel)

    (text,) = warned(MissingDataWarning, lambda: fit_all({"outer": Nested()}, make()))
    assert text.startswith("in the model 'outer': in the model 'inner': ")


def test_a_step_that_fails_stands_beside() -> None:
    steps = stepwise(FixedEffects("y", ["d"]), make(holes=False), ["c1", "fixed"])
    assert list(steps) == ["(1)", "(2)"]
    assert isinstance(steps.failures["(3)"], IdentificationError)


def test_the_common_sample_warns_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stepwise(FixedEffects("y", ["d"]), make(), ["c1", "c2"])
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_categories_and_a_later_main_term() -> None:
    panel = make(holes=False)
    steps = stepwise(FixedEffects("y", ["C(fixed):c1"]), panel, ["c1"])
    alone = FixedEffects("y", ["C(fixed):c1"]).fit(panel)
    pd.testing.assert_series_equal(steps["(1)"].params, alone.params)
    assert len(steps["(1)"].params) == len(steps["(2)"].params) == 3
    np.testing.assert_allclose(
        steps["(1)"].rsquared_within, steps["(2)"].rsquared_within
    )


def test_steps_of_any_specification_on_their_own_rows() -> None:
    data = make()
    spec = FixedEffectsIV("y", [], ["d"], ["m"])
    steps = stepwise(spec, data, ["c1"], sample="own")
    pd.testing.assert_series_equal(steps["(2)"].params, spec.add("c1").fit(data).params)


@pytest.mark.parametrize(
    ("spec", "order", "options", "kind", "words"),
    [
        (Mediation("y", "d", ["m"]), ["c1"], {}, OptionError, "sample='own'"),
        (
            FixedEffectsIV("y", [], ["d"], ["z"]),
            ["c1"],
            {},
            OptionError,
            "sample='own'",
        ),
        ("y ~ d", ["c1"], {}, InputTypeError, "specification with regressors"),
        (FixedEffects("y", ["d"]), [1], {}, InputTypeError, "order"),
        (FixedEffects("y", ["d"]), 1, {}, InputTypeError, "terms .* or lists of terms"),
        (
            FixedEffects("y", ["d"]),
            [["c1", 1]],
            {},
            InputTypeError,
            "terms .* or lists of terms",
        ),
        (FixedEffects("y", ["d"]), ["d"], {}, TermError, "twice"),
        (FixedEffects("y", ["d"]), [["c1"], "c1"], {}, TermError, "twice"),
        (FixedEffects("y", ["d"]), [["c1"], []], {}, TermError, "empty list"),
        (FixedEffects("y", ["d"]), ["fdi"], {}, ColumnError, "'fdi'"),
        (FixedEffects("C(fixed)", ["d"]), ["c1"], {}, TermError, "several columns"),
        (
            FixedEffects("y", ["d"]),
            ["c1"],
            {"sample": "each"},
            OptionError,
            "'common', 'own'",
        ),
    ],
)
def test_stepwise_refuses(
    spec: Any, order: Any, options: Any, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        stepwise(spec, make(holes=False), order, **options)


def test_the_remark_on_a_lag_of_the_outcome_stands_under_the_column_that_has_it() -> (
    None
):
    with pytest.warns(IdentificationWarning):
        steps = stepwise(FixedEffects("y", ["d"]), make(holes=False), ["lag(y)"])
    assert [
        "lagged_outcome" in {n.code for n in r.diagnostics} for r in steps.values()
    ] == [False, True]


@pytest.mark.parametrize("sample", ["common", "own"])
def test_stepwise_takes_a_panel(sample: str) -> None:
    with pytest.raises(InputTypeError, match="stepwise takes a Panel, not int"):
        stepwise(FixedEffects("y", ["d"]), 3, ["c1"], sample=sample)  # type: ignore[arg-type]
