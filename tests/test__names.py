from __future__ import annotations

import re
from dataclasses import fields
from importlib import import_module
from typing import get_args

import pytest

import digiprosper as dp
from digiprosper._names import INSTEAD, MODULES
from digiprosper.specification import Specification


def test_every_public_name_is_where_the_stub_says() -> None:
    for name in dp.__all__:
        if MODULES[name] != "digiprosper":
            home = import_module(MODULES[name])
            assert getattr(home, name) is getattr(dp, name)


ADVICE = {
    "digiprosper": (),
    "result": (
        dp.LinearResults,
        dp.IVResults,
        dp.ThresholdResults,
        dp.StaggeredDidResults,
        dp.UTestResult,
        dp.TestResult,
        dp.LogitResults,
        dp.PoissonResults,
        dp.DynamicResults,
        dp.Matching,
    ),
    "panel": (dp.Panel,),
    "table": (dp.Table,),
    "argument": tuple(
        value
        for value in (getattr(dp, name) for name in dp.__all__)
        if isinstance(value, type)
        and issubclass(value, Specification)
        and value is not Specification
    ),
}


@pytest.mark.parametrize("owner", ADVICE)
def test_advice_names_what_exists_and_foreign_names_do_not(owner: str) -> None:
    arguments = {f.name for spec in ADVICE["argument"] for f in fields(spec)}
    names = set().union(*map(dir, ADVICE[owner])) | set(dp.__all__)
    if owner == "argument":
        names |= arguments
    for advice in INSTEAD[owner].values():
        words = [advice.split("(")[0].removeprefix(".").split("=")[0].split("[")[0]]
        words += re.findall(r"dp\.(\w+)", advice)
        for word in words:
            name = re.split(r"\W", word.removeprefix("dp."))[0]
            assert name in names or name in ("fit", "glance"), advice
    foreign = {word for words in INSTEAD[owner] for word in words.split()}
    if owner != "argument":
        # PanelThreshold has no threshold, and Matching has att.
        ours = {name.casefold() for name in names}
        assert foreign & ours <= {"threshold", "att"}


def test_words_of_options_are_words_of_options() -> None:
    options = {word for name in dp.__all__ for word in get_args(getattr(dp, name))}
    options |= {"callaway_santanna", "imputation", "sun_abraham", "never", "not_yet"}
    options |= {"doubly_robust"}
    words = {re.split(r"\W", advice)[0] for advice in INSTEAD["word"].values()}
    assert words <= options


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("phtest", "dp.hausman(spec, panel, method='classical')"),
        ("pcdtest", "dp.pesaran_cd(fit)"),
        ("pFtest", "dp.poolability(spec, panel)"),
        ("aggte", ".aggregate('simple')"),
        ("modelsummary", "dp.etable([fit])"),
        ("SystemGMM", "estimator='system'"),
        ("SpatialDurbin", "dp.PanelSpatial("),
        ("PooledOLS", "entity_effects=False, time_effects=False"),
        ("FirstDifferenceOLS", "'diff(y)', ['diff(x)']"),
        ("ivreghdfe", "dp.FixedEffectsIV("),
        ("ppmlhdfe", "dp.PoissonEffects("),
        ("feglm", "dp.LogitEffects("),
    ],
)
@pytest.mark.many(12)
def test_functions_of_r_and_linearmodels_are_told_ours(name: str, advice: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(dp, name)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"subset": "year > 2"}, "where='year >= 2015'"),
        ({"effect": "twoways"}, "time_effects=True"),
        ({"index": ["id", "year"]}, "dp.Panel(df, entity='id', time='year')"),
        ({"split": "region"}, "dp.by_group(spec, panel, 'region')"),
        ({"ssc": "fixest"}, "write reghdfe"),
        ({"ssc": "sss"}, "write plm"),
        ({"cov_type": "DK"}, "write driscoll_kraay; .* programs is xtscc"),
        ({"cov_type": "HC0"}, "write robust, and ssc='none'"),
        ({"drop_absorbed": True}, "write collinear='drop'"),
        ({"fixef_rm": "none"}, "write singletons='keep'"),
    ],
)
@pytest.mark.many(10)
def test_arguments_and_words_of_r_are_told_ours(
    options: dict[str, object], advice: str
) -> None:
    with pytest.raises(dp.DigiprosperError) as caught:
        dp.FixedEffects("y", ["x"], **options)  # type: ignore[arg-type]
    assert all(part in str(caught.value) for part in advice.split(" .* "))


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"control": "notyettreated"}, "write not_yet"),
        ({"adjustment": "dr"}, "write doubly_robust"),
        ({"type": "simple"}, "write aggregate"),
        ({"xformla": "~x"}, "write x=[...]"),
        ({"est_method": "reg"}, "write adjustment"),
    ],
)
def test_arguments_of_att_gt_are_told_ours(
    options: dict[str, object], advice: str
) -> None:
    with pytest.raises(dp.DigiprosperError) as caught:
        dp.StaggeredDid("y", "first", **options)  # type: ignore[arg-type]
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"gmm": ["x"]}, "write endogenous=[...]"),
        ({"maxlag": 3}, "write instrument_lags"),
        ({"n_bootstrap": 99}, "write reps"),
    ],
)
def test_arguments_of_xtabond2_are_told_ours_not_a_similar_name(
    options: dict[str, object], advice: str
) -> None:
    with pytest.raises(dp.DigiprosperError) as caught:
        dp.DynamicPanel("y", **options)  # type: ignore[arg-type]
    assert advice in str(caught.value)
