"""The options of an index: each read by itself, and what contradicts what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, Literal

from digiprosper.composite.kernels.aggregate import AGGREGATIONS
from digiprosper.composite.kernels.normalise import NORMALISATIONS
from digiprosper.composite.kernels.structure import UNSIGNED_WEIGHTS
from digiprosper.composite.scopes import read_scope
from digiprosper.composite.weights import WEIGHTINGS, check_shift
from digiprosper.errors import OptionError, check_option, cited, option_problem, plain, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from digiprosper.composite.recipe import Recipe

IndexMissing = Literal["raise", "drop"]

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "normalise": tuple(NORMALISATIONS),
    "structure": ("flat", "nested", "equal_dimensions"),
    "aggregate": tuple(AGGREGATIONS),
    "missing": ("raise", "drop"),
}
OPTIONS: Final = ("scope", "normalise", "structure", "aggregate", "missing", "weighting", "shift")


def read_option(option: str, value: Any, names: tuple[str, ...]) -> Any:
    """Check the value of an option by itself, and return it as a specification stores it."""
    if option == "scope":
        return read_scope(value).text
    if option == "shift":
        check_shift(value)
        return float(value)
    if option == "weighting" and (isinstance(value, tuple) or hasattr(value, "items")):
        return read_weights(value, names, "weighting")
    check_option(option, value, WEIGHTINGS if option == "weighting" else _WORDS[option])
    return value


def read_weights(values: Any, names: tuple[str, ...], option: str) -> tuple[tuple[str, float], ...]:
    """Check weights by indicator, and put them in the order of the system, not divided by their sum."""
    try:
        weights = dict(values)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"{option}={cited(values)} must have one weight per indicator, such as {{'ports': 0.4, "
            "'phones': 0.6}."
        ) from error
    _refuse_other_names(weights, names, option)
    _refuse_odd_weights(weights, names, option)
    return tuple((n, float(weights[n])) for n in names)


def _refuse_other_names(weights: Mapping[Any, Any], names: tuple[str, ...], option: str) -> None:
    missing = [n for n in names if n not in weights]
    unknown = [n for n in weights if n not in names]
    parts = []
    if missing:
        parts.append(f"{quoted(missing)} has none")
    if unknown:
        parts.append(f"{quoted(unknown)} is not an indicator of the system")
    if parts:
        raise OptionError(
            f"{option}={{...}} must have one weight per indicator: {'; '.join(parts)}.",
            [option_problem(option, dict(weights), names, part) for part in parts],
        )


def _refuse_odd_weights(weights: Mapping[Any, Any], names: tuple[str, ...], option: str) -> None:
    odd = [n for n in names if not _is_weight(weights[n])]
    if not odd and any(weights.values()):
        return
    problem = f"{cited(odd[0])} has {cited(weights[odd[0]])}" if odd else "all are 0"
    raise OptionError(
        f"{option}={{...}}: weights must be numbers >= 0, at least one of them positive; {problem}.",
        [option_problem(option, dict(weights), what=problem)],
    )


def _is_weight(value: object) -> bool:
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return 0 <= number <= sys.float_info.max


def refuse_contradictions(recipe: Recipe) -> None:
    """Refuse options that contradict each other, with a message that says what to change."""
    message = next(_contradictions(recipe), None)
    if message is not None:
        raise OptionError(f"{message}.", [option_problem("scope", recipe.scope.text, what=message)])
    recipe.scope.refuse_system(recipe.system)
    if recipe.structure != "flat":
        _refuse_dimensions(recipe, "structure", recipe.structure, "flat")
    if recipe.aggregate.by_dimension:
        _refuse_dimensions(recipe, "aggregate", recipe.aggregation, "geometric")


def _contradictions(recipe: Recipe) -> Iterator[str]:
    if recipe.shift > 0 and recipe.weighting != "entropy":
        yield (f"shift={recipe.shift:g} applies to entropy weights only: use shift=0, or weighting='entropy'")
    against = recipe.scope.refuse_options(
        weighting=recipe.weighting, normalise=recipe.normalise, structure=recipe.structure
    )
    if against:
        yield against

    if recipe.normalise == "none":
        yield from _against_values_as_given(recipe)
    if recipe.normalise == "zscore":
        yield from _against_z_scores(recipe)

    if recipe.given and recipe.structure != "flat":
        yield (
            f"given weights are effective weights, so structure={cited(recipe.structure)} does not apply: "
            "use structure='flat'"
        )


def _against_values_as_given(recipe: Recipe) -> Iterator[str]:
    negative = [i.name for i in recipe.system if i.direction == "-"]
    if negative:
        yield (
            f"normalise='none' requires columns in which more is better, but {quoted(negative)} has "
            "direction '-': reverse it and set '+', or use normalise='minmax'"
        )


def _against_z_scores(recipe: Recipe) -> Iterator[str]:
    if recipe.weighting in UNSIGNED_WEIGHTS:
        yield (
            f"normalise='zscore' gives negative values, for which {recipe.weighting} weights are not "
            "defined: use normalise='minmax', or weighting='critic' or 'pca'"
        )
    # Where the rows of the weights are not those of the scale, standard deviations differ from 1.
    same_rows = recipe.scope.scale_by_period == recipe.scope.weights_by_period
    if recipe.weighting == "std" and same_rows:
        yield (
            "normalise='zscore' makes every standard deviation 1: use weighting='equal', or "
            "normalise='minmax'"
        )
    if recipe.aggregate.product:
        yield (
            "normalise='zscore' gives negative values, for which the geometric mean is not defined: use "
            "normalise='minmax', or aggregate='linear'"
        )


def _refuse_dimensions(recipe: Recipe, option: str, value: str, without: str) -> None:
    homeless = [i.name for i in recipe.system if not i.dimension]
    if not homeless and len(recipe.system.dimensions) > 1:
        return
    problem = f"all are in {cited(recipe.system.dimensions[0])}"
    if homeless:
        problem = f"{quoted(homeless)} has none"
    raise OptionError(
        f"{option}={cited(value)} needs at least two dimensions, and one for every indicator; {problem}. Use "
        f"{option}={cited(without)}, or IndicatorSystem.from_dict({{dimension: {{column: '+'}}}}).",
        [option_problem(option, value, (without,), problem)],
    )
