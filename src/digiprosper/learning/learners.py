"""Learners: which kinds there are, and new ones with a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digiprosper.errors import InputTypeError, cited, option_error
from digiprosper.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterable

_FLEXIBLE = (
    "sklearn.tree",
    "sklearn.ensemble",
    "sklearn.neural_network",
    "sklearn.neighbors",
    "xgboost",
    "lightgbm",
    "catboost",
    "keras",
    "torch",
    "skorch",
)
# Of these the learners inside say what they are.
_COMBINATIONS = ("StackingRegressor", "VotingRegressor")


def read_learners(value: object) -> tuple[tuple[str, Any], ...]:
    """Check a mapping of names to learners; store it as pairs."""
    try:
        pairs = tuple(dict(value).items())  # type: ignore[call-overload]
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            "learners must be a mapping from names to scikit-learn regressors, such as "
            f"{{'lasso': LassoCV()}}, not {type(value).__name__}."
        ) from error
    if not pairs:
        raise option_error(
            "learners",
            value,
            "learners is empty; name at least one, such as {'lasso': LassoCV()}.",
        )
    for name, learner in pairs:
        methods = ("fit", "predict", "get_params")
        absent = [m for m in methods if not callable(getattr(learner, m, None))]
        if not isinstance(name, str) or isinstance(learner, type) or absent:
            raise InputTypeError(
                f"learners: {cited(name)} must be a name with a regressor that has "
                "fit, predict and get_params, such as LassoCV(), not "
                f"{type(learner).__name__}."
            )
    return pairs


def is_flexible(learner: Any) -> bool:
    """Decide whether a learner is of trees, neural networks or neighbours."""
    return any(
        type(part).__module__.startswith(_FLEXIBLE)
        and type(part).__name__ not in _COMBINATIONS
        for part in _parts(learner)
    )


def is_unpenalised(learner: Any) -> bool:
    """Decide whether a learner is least squares without a penalty."""
    return any(type(part).__name__ == "LinearRegression" for part in _parts(learner))


def is_random(learner: Any) -> bool:
    """Decide whether a learner takes a seed."""
    return any(_is_seed(name) for name in learner.get_params())


def seeded(learner: Any, seed: int) -> Any:
    """Clone a learner and set all its seeds."""
    base = require("sklearn.base", extra="learn", purpose="PanelDML")
    clone = base.clone(learner)
    seeds = {name: seed for name in clone.get_params() if _is_seed(name)}
    return clone.set_params(**seeds)


def _is_seed(name: str) -> bool:
    return name == "random_state" or name.endswith("__random_state")


def _parts(learner: Any) -> Iterable[Any]:
    return (learner, *learner.get_params(deep=True).values())
