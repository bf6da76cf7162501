"""The texts for machines that write code: `llms.txt` and `llms-full.txt`.

    python docs/generators/llms.py

Signatures, words of options, first sentences and examples are those of the source.
Rules, recipes and names of other packages are in `recipes.md` beside this file.
`tests/test_llms.py` compares both texts with what this script makes, and runs them.
"""

from __future__ import annotations

import doctest
import inspect
import re
import sys
import types
from pathlib import Path
from typing import Any, get_origin

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import digiprosper as dp  # noqa: E402
from digiprosper.specification import Specification  # noqa: E402
from generators.reference import (  # noqa: E402
    ROOMS,
    _kind,
    _rooms,
    _value,
    _words_of,
)

# Options whose meaning stands above the reference.
TOLD = {"y", "x", "reps", "level", *inspect.signature(dp.FixedEffects).parameters}
HOME = "https://github.com/digiprosper/digiprosper/blob/main/"
# An example that is longer is on a page; recipes show most names anyway.
MOST_LINES, MOST_LETTERS = 4, 140
# A sentence says more than the name of its argument, and fits into a line.
LEAST_OF_SENTENCE, MOST_OF_SENTENCE = 30, 90
# Parts of results that tables and summaries are made of.
INSIDE = set(
    """
    schema to_dict summary table_columns conventions settings estimated key_names
    sample_stats version words fit_statistics categories is_part glance stats factors
    labels cov_type obs_weights rows ssc terms has_f f_value df_counted bias_reduced
    effect_names effect_terms effect_values index residuals fitted clusters bandwidth
    df_absorbed inference covariance coefficients entities_occur_once table_heads
    table_notes table_rows note_in note draws_text draw_values drawn lost_draws name
    diagnostics rng_entropy n_drawn reps level state entity_sums method estimates
    depvar sample equation window info cells n_rows sample_hash sums profile_ssr routes
    search_ssr slopes_in_sets null_ssr fit_ssr candidates profiles statistic_values
    statistic_draws
    coding df_rule given separated_index threshold_draws regime_counts points system
    weights_hash weights_text weights_standardise n_parameters fit_glance errors_text
    stages reduced_forms errors n_all_entities lag_names slopes gmm_options
    autocorrelations instrument_columns instrument_groups
    sigma2 trim grid search bootstrap threshold_se x variable quantiles combination
    estimator control treatment mediator mediators instrument estimated_scores
    separated_reasons exposure offset transform base_ranks rank_values same complete
    stage_estimates variance_ratios lr_bounds rule regime_codes regime_sizes split_names
    replaced sought knots first_breakpoint flat nobs_low nobs_high entities_low se_low
    entities_high se_high at inside square rows_above weights_made_by base_values
    weights_name null_log_likelihood mean_outcome n_used k caliper ties moments
    covariance_of df_of is_indefinite common_support restriction critical base_period
    anticipation balanced
    assumed zhao ratio_name framing total_draws_p direct_draws_p known averaged cut_rule
    ahead problems is_model is_estimation header_rows breaks
    spans closing positive weight_values ergodic_values dimension_values
    """.split()  # noqa: SIM905
)
# Values that users make; their fields are the arguments.
MADE = (
    *(dp.Panel, dp.TableStyle, dp.SpatialWeights, dp.Indicator, dp.IndicatorSystem),
)
BRIEF = (
    *(dp.Glance, dp.HasDraws, dp.Results, dp.Sample, dp.PanelScan),
    *(dp.pathways.Mechanism, dp.datasets.Truth),
)
# Arguments that stand above the reference, if they have these defaults.
USUAL = {"level": 0.95, "progress": False}
OF_FIGURES = {"labels": None, "level": 0.95, "ax": None}

INDEX = """\
# digiprosper

> Panel econometrics in Python, from raw columns to the tables of a paper, in English
> and Chinese. Inference fits 31 provinces and ten years.

The guide has all public names with their options, recipes that run, and what to write
in place of names of other packages. The order is
`panel = dp.Panel(df, entity="id", time="year")`, then
`fit = dp.FixedEffects("y", ["x"]).fit(panel)`, then
`dp.etable(fit).save("table.docx")`.

## Guide

- [llms-full.txt]({home}llms-full.txt): the guide for code, one file

## Start

{start}

## Tasks

{tasks}

## Optional

{more}
"""
MORE = {
    "docs/explanations/index.md": "one page a method",
    "docs/verification.md": "every number beside that of another program or a paper",
    "docs/validity.md": "size and coverage in simulated panels",
}
START = {
    "docs/start/index.md": "from the installation to a table in Word",
    "docs/start/quickstart_zh.md": "the same in Chinese (中文快速上手)",
    "docs/coming_from/stata.md": "the call for each command of Stata",
    "docs/coming_from/r.md": "the call for each function of R",
}


def index() -> str:
    """Write llms.txt: a summary and links."""
    table = (ROOT / "docs/how-to/index.md").read_text(encoding="utf-8")
    tasks = re.findall(r"^\| (.+) \| \[\]\((\w+)\.md\) \|$", table, re.MULTILINE)
    return INDEX.format(
        home=HOME,
        start=_links(START),
        # Who reads this file needs no page about it.
        tasks="\n".join(
            f"- [{name}]({HOME}docs/how-to/{name}.md): {task}"
            for task, name in tasks
            if name != "machines"
        ),
        more=_links(MORE),
    )


def _links(pages: dict[str, str]) -> str:
    return "\n".join(
        f"- [{Path(path).stem}]({HOME}{path}): {text}" for path, text in pages.items()
    )


def guide() -> str:
    """Write llms-full.txt: the recipes, and the reference."""
    recipes = (ROOT / "docs/generators/recipes.md").read_text(encoding="utf-8")
    return f"{recipes.rstrip()}\n\n{reference(recipes)}\n"


def reference(recipes: str) -> str:
    """List all public names by subject, with examples of those no recipe has."""
    blocks = [
        "## All public names",
        "`dp.` is left out. After a signature: what the name is or does, and what a "
        "call returns. Words of options are behind a colon.",
        "### Options that specifications share",
        "The names in `[...]` of a signature, with their defaults and words. Also: "
        "`y` is the outcome, `x` regressors or controls, `reps` the number of draws, "
        "`rng` a seed, `level` that of intervals, `spec` a specification, `results` "
        "what its `fit` returns. Where there are intervals, `level=0.95`; where there "
        "are draws, `progress=False`; in figures also `labels=None, ax=None`. Methods "
        "of a panel return a panel, those of results a DataFrame, if nothing is said.",
        *_arguments(dp.FixedEffects, list(_shared())),
    ]
    for room, paths in _rooms().items():
        if room == "errors":
            continue
        words = [path for path in paths if _words_of(path)]
        blocks.append(f"### {ROOMS[room]}")
        names = sorted(set(paths) - set(words), key=_order)
        blocks += [_entry(path, recipes) for path in names]
        blocks += [
            f"- `{_short(path)}`: {_words_of(path).replace('``', '')}" for path in words
        ]
    of_errors = _rooms()["errors"]
    blocks += [_entry(path, recipes) for path in of_errors if path.endswith("Notice")]
    for kind in ("Errors", "Warnings"):
        names = [_short(path) for path in of_errors if _kind(path) == kind]
        blocks.append(f"### {kind}\n\n{', '.join(names)}")
    text = _each_call_once("\n".join(blocks))
    return re.sub(r"\n+(#+ .*)\n+", r"\n\n\1\n\n", text)


def _each_call_once(text: str) -> str:
    """Leave out the arguments of methods that stand above with the same arguments."""
    told: set[str] = set()

    def brief(call: re.Match[str]) -> str:
        repeated = call[0] in told
        told.add(call[0])
        return f"`{call[1]}(...)`" if repeated else call[0]

    return re.sub(r"`(\w+)\([^`]{30,}\)( -> \w+)?`", brief, text)


def _order(path: str) -> tuple[int, str]:
    kinds = ("Specifications", "Functions", "Results and values")
    return kinds.index(_kind(path)), path


def _short(path: str) -> str:
    return path.removeprefix("digiprosper.")


def _entry(path: str, recipes: str) -> str:
    value, name = _value(path), _short(path)
    if inspect.isclass(value) and (
        value is Specification or not issubclass(value, Specification)
    ):
        call = _signature(value) if value in MADE else ""
        lines = [f"- `{name}{call}` {_line(value)}"]
        return "\n".join(lines + _members(value))
    lines = [f"- `{name}{_signature(value)}{_returns(value)}` {_line(value)}"]
    if inspect.isclass(value):
        own = [n for n in inspect.signature(value).parameters if n not in TOLD]
        lines += [f"  {line}" for line in _arguments(value, own)]
    return "\n".join(lines + _example(value, name, recipes))


def _line(value: Any) -> str:
    text = (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ")
    return re.sub(r"``?|, made by .*(?=\.$)", "", text)


def _shared() -> dict[str, Any]:
    """Options of `FixedEffects` that others have with the same default."""
    of_regressions = inspect.signature(dp.FixedEffects).parameters
    return {n: p.default for n, p in of_regressions.items() if n not in ("y", "x")}


def _signature(function: Any) -> str:
    parts: list[str] = []
    shared: list[str] = []
    is_figure = getattr(function, "__module__", "") == "digiprosper.plots"
    usual = OF_FIGURES if is_figure else USUAL
    is_spec = inspect.isclass(function) and issubclass(function, Specification)
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ("self", "cls") or usual.get(name, name) == parameter.default:
            continue
        same = is_spec and _shared().get(name, name) == parameter.default
        if same and (name != "cov_type" or parameter.annotation == "CovType"):
            shared.append(name)
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        parts.append(_parameter(name, parameter, function))
    text = ", ".join(parts)
    if shared == list(_shared()):
        shared = ["all of them"]
    if shared:
        text += f"{', ' if '*' in parts else ', *, '}[{', '.join(shared)}]"
    return f"({text})"


def _parameter(name: str, parameter: inspect.Parameter, function: Any) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    text = stars.get(parameter.kind, "") + name
    words = _allowed(name, str(parameter.annotation), function)
    text += f": {words}" if words else ""
    if parameter.default is not parameter.empty:
        default = repr(parameter.default)
        text += f" = {default}" if words else f"={default}"
    return text


def _allowed(name: str, annotation: str, function: Any) -> str:
    """Find the words of an option in its annotation, else in the docstring."""
    alias = annotation.split(" ")[0]
    is_alias = get_origin(getattr(dp, alias, None)) is not None
    if is_alias and re.fullmatch(r"\w+( \| None)?", annotation):
        return annotation.replace(" | ", "|")
    documented = re.search(r"\{(.*)\}", _parameters(function).get(name, ("", ""))[0])
    if documented:
        return documented[1].replace(", ", "|")
    if "Literal[" not in annotation or len(annotation) > MOST_OF_SENTENCE:
        return ""
    words = re.sub(r"Literal\[([^\]]*)\]", r"\1", annotation)
    return re.sub(r", | \| ", "|", words)


def _parameters(function: Any) -> dict[str, tuple[str, str]]:
    """Return type and text of each parameter of a docstring."""
    text = inspect.getdoc(function) or ""
    section = re.search(r"Parameters\n-+\n(.*?)(?:\n\n\w[\w ]*\n-+\n|\Z)", text, re.S)
    entries: dict[str, tuple[str, str]] = {}
    if section:
        parts = re.split(r"^(\S.*)$", section[1], flags=re.MULTILINE)[1:]
        for head, body in zip(parts[::2], parts[1::2], strict=True):
            names, _, kind = head.partition(" : ")
            for name in names.split(", "):
                entries[name.lstrip("*")] = (kind, " ".join(body.split()))
    return entries


def _arguments(function: Any, names: list[str]) -> list[str]:
    """Describe arguments by the first sentence of their text."""
    lines = []
    documented = _parameters(function)
    parameters = inspect.signature(function).parameters
    for name in names:
        sentence = re.split(r"(?<=[.:])\s", documented.get(name, ("", ""))[1])[0]
        sentence = re.sub(r"``?", "", sentence).rstrip(".:")
        if len(sentence) > MOST_OF_SENTENCE:
            sentence = re.split(r", |; | \(", sentence)[0]
        text = name
        if function is dp.FixedEffects:
            text = _parameter(name, parameters[name], function)
        elif parameters[name].default is not inspect.Parameter.empty and (
            len(sentence) < LEAST_OF_SENTENCE or sentence.startswith(("The def", '"'))
        ):
            continue
        lines.append(f"- `{text}`: {sentence}")
    return lines


def _returns(function: Any) -> str:
    target = function.fit if inspect.isclass(function) else function
    annotation = inspect.signature(target).return_annotation
    if annotation in ("None", "Any", "Axes", inspect.Signature.empty):
        return ""
    arrow = ".fit(panel) -> " if inspect.isclass(function) else " -> "
    return arrow + re.sub(r"\bpd\.|\bnp\.", "", str(annotation))


def _members(kind: type) -> list[str]:
    """List methods with their arguments, and properties, that a class adds."""
    bases = [base for base in kind.__mro__[1:] if base.__name__ in dp.__all__]
    known = set(dir(bases[0] if bases else object)) | INSIDE
    methods, properties = [], []
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        text = inspect.getdoc(value) or ""
        if name.startswith("_") or name in known or kind in BRIEF:
            continue
        if isinstance(value, property):
            properties.append(name)
        elif isinstance(value, types.FunctionType | classmethod) and "\n---" in text:
            methods.append((name, getattr(kind, name)))
    if kind not in (*MADE, *BRIEF):
        fields = [name for name in _parameters(kind) if name in dir(kind)]
        properties += [n for n in fields if n not in {*properties, *known}]
    usual = {f" -> {kind.__name__}", " -> Self"}
    usual |= set() if kind is dp.Panel else {" -> DataFrame"}
    arrows = [_returns(call) or " -> Any" for _, call in methods]
    calls = [
        f"`{name}{_signature(call)}{'' if arrow in usual else arrow}`"
        for (name, call), arrow in zip(methods, arrows, strict=True)
    ]
    if kind in (dp.BaseResults, dp.Panel):
        lines = [
            f"  - {text} {_line(call)}"
            for text, (_, call) in zip(calls, methods, strict=True)
        ]
    else:
        lines = [f"  - {', '.join(calls)}"] if calls else []
    return lines + ([f"  - values: {', '.join(properties)}"] if properties else [])


def _example(value: Any, name: str, recipes: str) -> list[str]:
    """Return the example of a docstring, if it is short and no recipe has the name."""
    # A signature that returns a number says enough.
    passed = name.startswith(("variables", "datasets.us_")) or name.endswith("_weights")
    if (
        passed
        or "-> float" in _returns(value)
        or re.search(rf"\bdp\.{re.escape(name)}\b", recipes)
    ):
        return []
    lines: list[str] = []
    for example in doctest.DocTestParser().get_examples(inspect.getdoc(value) or ""):
        if re.fullmatch(
            rf"import digiprosper as dp|from digi.* import {name}",
            example.source.strip(),
        ):
            continue
        source = re.sub(rf"(?<!\.)\b{name}\(", f"dp.{name}(", example.source)
        first, *rest = source.splitlines()
        lines += [f">>> {first}", *(f"... {line}" for line in rest)]
        if example.want:
            lines += example.want.splitlines()
            break
    if len(lines) > MOST_LINES or sum(map(len, lines)) > MOST_LETTERS:
        return []
    return [*(f"  {line}" for line in lines), ""]


if __name__ == "__main__":
    (ROOT / "llms.txt").write_text(index(), encoding="utf-8")
    (ROOT / "llms-full.txt").write_text(guide(), encoding="utf-8")
