"""Numbers for figures of many models: one coefficient, and the models' choices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import column_problem, models_problem, not_identified
from digiprosper.errors import ColumnError, InputTypeError, cited, quoted
from digiprosper.report.collection import ResultSet, merged, regression_of
from digiprosper.report.columns import inference_of
from digiprosper.report.drawings import Choice, SpecificationCurve, Wording
from digiprosper.report.labels import condition_factor, effect_names
from digiprosper.report.verdicts import rejects
from digiprosper.report.words import Language
from digiprosper.studies.control_set_results import NO_CANDIDATE, ControlSets
from digiprosper.studies.search_test import SearchTest

_CONTROLS = "control"


def read_models(models: Any, purpose: str) -> ResultSet | SearchTest:
    """Check a set of results with a coefficient; errors name `purpose`."""
    if isinstance(models, SearchTest):
        return models
    if not isinstance(models, ResultSet):
        raise InputTypeError(
            f"{purpose}: takes what control_sets, fit_all, stepwise, by_group "
            f"or search_test returns, not {type(models).__name__}.",
            [models_problem("no ResultSet", models)],
        )
    if models.tidy().empty:
        raise not_identified(
            "no_estimates",
            f"{purpose}: none of the {len(models.labels)} models has estimates of "
            "coefficients.",
            labels=models.labels,
        )
    return models


def specification_curve(
    models: ResultSet | SearchTest,
    term: str | Sequence[str] | None,
    main: str | None,
    labels: Mapping[str, str],
    level: float,
    language: Language = "english",
) -> SpecificationCurve:
    """Order a coefficient's estimates, and list choices in which models differ.

    `term` has the names of the coefficient; default that of `control_sets`, or the
    first of the first model. `main` is the model that is marked; default that without
    candidates, the reported one of `search_test`, or the first. `labels` win over those
    of the models. Choices are the candidates; otherwise the regressors, effects,
    outcomes, weights, standard errors and conditions on rows that some models have and
    others do not. Estimates of `search_test` are beside those in draws without an
    effect, at its own level.
    """
    names: Sequence[str]
    if isinstance(models, SearchTest):
        names, level = [models.common.term.name], models.level
        points = _curve_points(models.frame, level)
        counts = {"failed": len(models.left_out)}
        detail: Any = models.test.detail
        default, code = detail["reported"], "curve.reported"
    else:
        names = _coefficient_names(models, term)
        points = _points(models, names, level)
        counts = {"failed": len(models.failures), "term": len(models) - len(points)}
        default, code = models.labels[0], ""
    order = points["model"].tolist()
    heads: list[str] = []
    if isinstance(models, ControlSets):
        default, code = NO_CANDIDATE, "curve.given"
    if isinstance(models, ControlSets | SearchTest):
        texts = {**models.common.labels, **labels}
        wording = Wording(texts, models.common.factors, language)
        outcomes = {models.common.glance["depvar"]}
        choices = _candidate_choices(models.included, order, wording)
    else:
        texts = {**merged(models.values(), "labels"), **labels}
        wording = Wording(texts, merged(models.values(), "factors"), language)
        by_model = [_model_choices(models[label], names, wording) for label in order]
        outcomes = {model["outcome"][0] for model in by_model}
        choices = _differing_choices(by_model, wording)
        heads = [texts.get(label, label) for label in order]
    marked, main_text = _marked_model(main, order, default, code, wording)
    return SpecificationCurve(
        name=wording.label(names[0]),
        outcome=wording.label(outcomes.pop()) if len(outcomes) == 1 else "",
        points=points,
        choices=choices,
        main=marked,
        main_text=main_text,
        heads=heads,
        left_out=[
            wording.say(f"left_out.{code}", count=f"{count:,}")
            for code, count in counts.items()
            if count
        ],
        level=level,
    )


def _coefficient_names(
    models: ResultSet, term: str | Sequence[str] | None
) -> Sequence[str]:
    if term is not None:
        return [term] if isinstance(term, str) else term
    if isinstance(models, ControlSets):
        return [models.term]
    return [next(name for name in models.tidy()["term"] if name != "Intercept")]


def _points(models: ResultSet, names: Sequence[str], level: float) -> pd.DataFrame:
    """Sort the estimates, the smallest first."""
    rows = models.compare(names, level)
    rows = rows.loc[np.isfinite(rows["estimate"].to_numpy())]
    if rows.empty:
        raise not_identified(
            "no_estimates",
            "plots.specification_curve: no model has a finite estimate of "
            f"{quoted(names)}.",
            labels=models.labels,
        )
    ordered = rows.sort_values("estimate", kind="stable", ignore_index=True)
    return _curve_points(ordered, level)


def _curve_points(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    """Take the numbers of a curve, and whether estimates are significant."""
    ends = ["conf_low", "conf_high", "band_low", "band_high"]
    points = rows.filter(["model", "estimate", *ends])
    return points.assign(significant=[rejects(p, level) for p in rows["p_value"]])


# --- choices --------------------------------------------------------------------------


def _candidate_choices(
    included: pd.DataFrame, order: Sequence[str], wording: Wording
) -> list[Choice]:
    """List the candidates with the models that have them, and models of other kinds."""
    inside = included.reindex(list(order), fill_value=False)
    candidates = [
        Choice(_CONTROLS, wording.label(name), inside[name].to_numpy())
        for name in included.columns
    ]
    others = [
        Choice("model", wording.labels.get(label, label), np.array(order) == label)
        for label in order
        if label not in included.index
    ]
    return [*candidates, *others]


def _model_choices(
    result: Any, names: Sequence[str], wording: Wording
) -> dict[str, list[str]]:
    regression = regression_of(result)
    about, terms = regression.glance(), regression.tidy()["term"].tolist()
    return {
        "regressor": [name for name in terms if name in names],
        _CONTROLS: [name for name in terms if name not in (*names, "Intercept")],
        **_effects_by_kind(regression, about),
        "outcome": [about.get("depvar") or ""],
        "weights": [about["obs_weights"]] if about.get("obs_weights") else [],
        "errors": [_errors_text(regression, wording)],
        "rows": [
            str(notice.data["where"])
            for notice in getattr(result, "diagnostics", ())
            if notice.code == "chosen_rows"
        ],
    }


def _effects_by_kind(regression: Any, about: Any) -> dict[str, list[str]]:
    """List absorbed effects; apart from them slopes, trends and random effects."""
    factors = getattr(regression, "factors", {})
    kinds: dict[str, list[str]] = {
        kind: [] for kind in ("effect", "slope", "trend", "random")
    }
    for name in effect_names(about.get("effects")):
        slopes = [factor.slope for factor in factors.get(name, ()) if factor.slope]
        kinds[slopes[0] if slopes else "effect"].append(name)
    return kinds


def _errors_text(regression: Any, wording: Wording) -> str:
    """Name the standard errors of a model, with their clusters."""
    inference = inference_of(regression)
    distance = f"{inference.distance_cutoff or 0:,g}"
    errors = wording.say(f"errors.{inference.cov_type}", distance=distance)
    if not inference.clusters:
        return errors
    by = wording.say("and").join(map(wording.label, inference.clusters))
    return wording.say("errors.by", errors=errors, clusters=by)


def _differing_choices(
    by_model: Sequence[Mapping[str, Sequence[str]]], wording: Wording
) -> list[Choice]:
    """List choices of only some models; names with the same label follow it."""
    choices = []
    for kind in by_model[0]:
        names = dict.fromkeys(name for model in by_model for name in model[kind])
        if kind == "rows":
            factors = {name: (condition_factor(name),) for name in names}
            wording = Wording(wording.labels, factors, wording.language)
        texts = {name: wording.label(name) for name in names}
        times = Counter(texts.values())
        for name, text in texts.items():
            which = np.array([name in model[kind] for model in by_model])
            if not which.all():
                shown = text if times[text] == 1 else f"{text} ({name})"
                choices.append(Choice(kind, shown, which))
    return choices


# --- words ----------------------------------------------------------------------------


def _marked_model(
    main: str | None, order: Sequence[str], default: str, code: str, wording: Wording
) -> tuple[int | None, str]:
    """Find the model to mark; its legend has the words of a code if it is default."""
    label = default if main is None else str(main)
    if label in order:
        legend = wording.say(code) if code and label == default else ""
        return order.index(label), legend or wording.labels.get(label, label)
    if main is None:
        return None, ""
    raise ColumnError(
        f"plots.specification_curve: main={cited(main)} is not the label of a drawn "
        f"model; the labels are {quoted(order, 12)}.",
        [column_problem(label, "main", f"no model {cited(main)}")],
    )
