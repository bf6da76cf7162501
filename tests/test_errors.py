"""Every error is also the natural built-in, keeps its problems, and warnings point at the user's line."""

from __future__ import annotations

import copy
import pickle
import warnings

import pytest

from digiprosper import errors
from digiprosper.errors import DigiprosperError, DigiprosperWarning, Notice

NATURAL = {
    "PanelIndexError": ValueError,
    "ColumnError": KeyError,
    "TermError": ValueError,
    "OptionError": ValueError,
    "InputTypeError": TypeError,
    "AlignmentError": ValueError,
    "MissingDataError": ValueError,
    "CollinearityError": ValueError,
    "IdentificationError": ValueError,
    "IndicatorError": ValueError,
    "ThresholdSearchError": ValueError,
}


def families(root: type) -> set[str]:
    return {c.__name__ for c in root.__subclasses__()}


def test_the_table_lists_every_error() -> None:
    assert families(DigiprosperError) == set(NATURAL)


@pytest.mark.parametrize("name", NATURAL)
def test_error_is_the_natural_builtin_and_survives_pickling(name: str) -> None:
    kind = getattr(errors, name)
    problems = [Notice("code", "one", {"column": "gdp", "rows": ((1, 2),)}), Notice("code", "two")]
    error = kind("what, where, what to do", problems)
    assert isinstance(error, NATURAL[name])
    for other in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(other) is kind
        assert str(other) == "what, where, what to do"
        assert other.problems == tuple(problems)


def test_key_errors_print_without_quotation_marks() -> None:
    assert str(errors.ColumnError("no column 'a'")) == "no column 'a'"


def test_problems_are_never_empty() -> None:
    error = errors.PanelIndexError("the table has no rows.")
    assert error.problems == (Notice("panel_index", "the table has no rows."),)


def test_every_warning_is_a_user_warning_and_public() -> None:
    for name in families(DigiprosperWarning):
        assert issubclass(getattr(errors, name), UserWarning)
        assert name in errors.__all__


def test_issue_points_at_the_caller_outside_the_package() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        errors.issue(
            [Notice("singletons", "two rows"), Notice("few_clusters", "31"), Notice("imputed", "12%")]
        )
    assert [(w.category.__name__, str(w.message)) for w in caught] == [
        ("SingletonWarning", "two rows"),
        ("MissingDataWarning", "12%"),
    ]
    assert {w.filename for w in caught} == {__file__}


def test_quoted_shows_the_first_few_and_a_count() -> None:
    assert errors.quoted("ab") == "'a', 'b'"
    assert errors.quoted(range(8)) == "'0', '1', '2', '3', '4' and 3 more"


@pytest.mark.parametrize("value", ["clusterd", None, True, 1])
def test_unknown_option_lists_the_words(value: object) -> None:
    with pytest.raises(errors.OptionError, match=r"cov_type=.*'clustered', 'robust'") as caught:
        errors.check_option("cov_type", value, ("clustered", "robust"))
    assert caught.value.problems[0].data["allowed"] == ("clustered", "robust")


def test_unknown_option_suggests_the_nearest() -> None:
    with pytest.raises(errors.OptionError, match="did you mean 'clustered'"):
        errors.check_option("cov_type", "clusterd", ("clustered", "robust"))


def test_true_is_not_one() -> None:
    with pytest.raises(errors.OptionError):
        errors.check_option(name="n", value=True, allowed=(1, 2))


@pytest.mark.parametrize("level", [0, 1, 95, "0.95", True, float("nan")])
def test_level_is_between_zero_and_one(level: object) -> None:
    with pytest.raises(errors.OptionError, match="level="):
        errors.check_level(level)


def test_unknown_columns_are_all_named_at_once() -> None:
    error = errors.unknown_columns(["gpd", "zzz", "gpd"], ["gdp", "digital"], "x")
    assert "'gpd' (did you mean 'gdp'?)" in str(error)
    assert "'zzz'" in str(error)
    assert [p.data["column"] for p in error.problems] == ["gpd", "zzz"]
