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
        assert foreign & {name.casefold() for name in names} <= {"threshold"}


def test_words_of_options_are_words_of_options() -> None:
    options = {word for name in dp.__all__ for word in get_args(getattr(dp, name))}
    options |= {"callaway_santanna", "imputation", "sun_abraham", "never"}
    assert set(INSTEAD["word"].values()) <= options
