"""A missing extra is an ImportError with the pip command."""

from __future__ import annotations

import math

import pytest

from digiprosper.optional import require


def test_what_is_installed_is_returned() -> None:
    assert require("math", extra="plot", purpose="plots") is math


def test_what_is_missing_names_the_call_and_the_command() -> None:
    with pytest.raises(
        ImportError, match=r'plots\.coefficients needs no_such_package: pip install "digiprosper\[plot\]"'
    ):
        require("no_such_package.sub", extra="plot", purpose="plots.coefficients")
