"""Writes the models of tables for Stata, and for R with plm and with fixest.

A model without a counterpart is listed with the reason, and never approximated: a
command of Stata is read back and compared, and R stops if its numbers differ.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digiprosper.errors import DigiprosperError
from digiprosper.panel.grammar import with_names
from digiprosper.specification import Specification, as_sequence
from digiprosper.stata.reading import from_stata
from digiprosper.stata.writer import to_stata
from digiprosper.studies.many import stepwise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digiprosper.panel import Panel

# Options that say how to compute or what to keep, not what is estimated.
_HOW = ("collinear", "missing", "keep_rows", "reps", "level")
# Functions and arithmetic that are variables of Stata; powers and dummies are factors.
_COMPUTED = re.compile(
    r"\b(?:log|exp|sqrt|abs)\([^()]+\)|\bI\((?!\w+ ?\*\* ?\d+\))[^()=!<>]+\)"
)
_NOT_IN_R = re.compile(r"\b(?:ref|k) ?=(?!=)|treated\(|//|%|C\(.*:|:.*C\(")
_IN_R = {
    r"\band\b": "&",
    r"\bor\b": "|",
    r"\bnot\b": "!",
    r"\bin \[([^\]]*)\]": r"%in% c(\1)",
}
_IN_FIXEST = {r"\blag\(": "l(", r"\blead\(": "f(", r"\bdiff\(": "d("}
_EFFECTS = {(True, True): "twoways", (True, False): "individual", (False, True): "time"}


def models_of(title: str, value: Any, panel: Panel) -> Iterator[tuple[str, Any]]:
    """List headings of columns with their specifications, or why there is none."""
    if isinstance(value, Specification):
        yield title, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from models_of(f"{title}, {key}", part, panel)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value, start=1):
            yield from models_of(f"{title}, ({number})", part, panel)
    elif isinstance(value, partial) and value.func is stepwise:
        bound = inspect.signature(stepwise).bind(*value.args, **value.keywords)
        spec, _, order = bound.args
        blocks: Any = as_sequence(order)
        added = [[b] if isinstance(b, str) else b for b in blocks]
        steps = list(accumulate(added, lambda step, x: step.add(*x), initial=spec))
        rows = _fitted(steps[-1], panel).nobs
        for number, step in enumerate(steps, start=1):
            alone = _fitted(step, panel).nobs
            why = f"it has the {rows} rows of the last step, not {alone}"
            yield f"{title}, ({number})", step if alone == rows else why
    else:
        name = getattr(value, "func", type(value)).__name__
        yield title, f"{name}() is for Python only"


def _fitted(spec: Any, panel: Panel) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return spec.fit(panel)


def twins(
    models: Sequence[tuple[str, Any]], panel: Panel
) -> tuple[dict[str, str], dict[Any, list[str]]]:
    """Write the three programs; list titles and reasons of models that are in none."""
    parts = {"entity": panel.entity_name, "time": str(panel.time_name)}
    texts = panel.frame.reset_index().select_dtypes(exclude=["number", "bool"])
    parts["texts"] = " ".join(map(str, texts))
    variables: dict[str, str] = {}
    programs: dict[str, str] = {}
    absent: dict[Any, list[str]] = {}
    for program in ("twin.do", "twin.R", "twin_fixest.R"):
        calls = []
        for title, spec in models:
            try:
                if isinstance(spec, str):
                    raise DigiprosperError(spec)
                if panel.time_name is None:
                    raise DigiprosperError("there is no time key")
                if program == "twin.do":
                    calls.append(f"* {title}\n{_stata(spec, panel, variables)}")
                else:
                    calls.append(f"# {title}\n{_r(spec, panel, program)}")
            except DigiprosperError as error:
                why = getattr(error, "reason", str(error).rstrip("."))
                absent.setdefault((title, why), []).append(f"`{program}`")
        if calls:
            lines = [f"generate double {n} = {text}" for n, text in variables.items()]
            body = {"variables": "\n".join(lines), "calls": "\n\n".join(calls)}
            programs[program] = filled(program, parts | body)
    return programs, absent


def filled(template: str, parts: Mapping[str, object]) -> str:
    """Fill in a template: ``<name>`` is a part, ``?name`` a line that needs it."""
    text = Path(__file__).with_name("templates").joinpath(template).read_text("utf-8")
    conditional = re.compile(r"^\?(\S+) ?(.*\n)", re.MULTILINE)
    text = conditional.sub(lambda line: line[2] if parts.get(line[1]) else "", text)
    for name, part in parts.items():
        text = text.replace(f"<{name}>", str(part))
    return text


# --- Stata ----------------------------------------------------------------------------


def _stata(spec: Any, panel: Panel, variables: dict[str, str]) -> str:
    """Write a command that is read back as the same specification, with its notes."""
    keys: Any = {"entity": panel.entity_name, "time": str(panel.time_name)}
    new = dict(variables)
    spec = _with_variables(spec, new, panel)
    command = to_stata(spec, **keys)
    read = from_stata(command, **keys)
    names = [field.name for field in fields(spec) if field.name not in _HOW]
    others = [n for n in names if getattr(read.spec, n, None) != getattr(spec, n)]
    if others:
        raise DigiprosperError(f"{command.split()[0]} differs in {', '.join(others)}")
    if '"' in command or not str(panel.times[0]).isdigit():
        raise DigiprosperError("its time key or condition is text")
    variables |= new
    return "".join(f"* {note}\n" for note in read.notes) + f"eststo: {command}"


def _with_variables(spec: Any, variables: dict[str, str], panel: Panel) -> Any:
    """Replace functions of columns by variables, whose expressions are noted."""

    def name_of(match: re.Match[str]) -> str:
        term = match[0].removeprefix("I")
        text = term.replace("log(", "ln(").replace("**", "^")
        name = re.sub(r"\W+", "_", term).strip("_")[:32]
        is_other = variables.setdefault(name, text) != text
        if is_other or name in panel._table.known or "`" in term:
            raise DigiprosperError(f"{term} has no name as a variable")
        return name

    changes: dict[str, Any] = {}
    for field in fields(spec):
        value = getattr(spec, field.name)
        if "term" in field.metadata and isinstance(value, str):
            changes[field.name] = _COMPUTED.sub(name_of, value)
        elif "term" in field.metadata and value is not None:
            changes[field.name] = [_COMPUTED.sub(name_of, term) for term in value]
    return spec.replace(**changes)


# --- R --------------------------------------------------------------------------------


def _names(text: str, panel: Panel) -> str:
    """Write the names of columns and effects as R does."""
    names = panel._table.known
    odd = [n for n in names if not re.fullmatch(r"[A-Za-z][A-Za-z0-9._]*", n)]
    return with_names(text, {name: f"`{name}`" for name in odd})


def _terms(terms: Sequence[str], panel: Panel) -> str:
    """Write terms as the side of a formula, products last, where R moves them."""
    for term in terms:
        if _NOT_IN_R.search(term):
            raise DigiprosperError(f"the term {term} is not written for R")
    ordered = sorted(terms, key=lambda term: term.count(":"))
    return " + ".join(_names(term, panel).replace("C(", "factor(") for term in ordered)


def _replaced(text: str, changes: Mapping[str, str]) -> str:
    for pattern, change in changes.items():
        text = re.sub(pattern, change, text)
    return text


def _condition(spec: Any, panel: Panel, opening: str = "") -> str:
    """Write the argument `subset` for a condition."""
    text = _replaced(_names(spec.where or "", panel), _IN_R)
    if re.search(r"[<>]=?[^&|]*[<>]", text):
        raise DigiprosperError("it chains comparisons")
    return f", subset = {opening}true({text})" if text else ""


def _r(spec: Any, panel: Panel, program: str) -> str:
    """Write a call of plm or fixest, with the numbers of the fit."""
    name, cov_type = type(spec).__name__, getattr(spec, "cov_type", None)
    if name not in ("FixedEffects", "FixedEffectsIV"):
        raise DigiprosperError(f"{name} is not written for R")
    if cov_type not in ("clustered", "robust", "unadjusted") or spec.ssc != "reghdfe":
        raise DigiprosperError(f"cov_type={cov_type!r} with ssc={spec.ssc!r}")
    fit = _fitted(spec, panel)
    singletons = any(notice.code == "singletons" for notice in fit.diagnostics)
    write = _plm if program == "twin.R" else _fixest
    call, vcov = write(spec, panel, singletons=singletons)
    # R has the intercept first, and products last.
    order = sorted(fit.names, key=lambda n: (n != "Intercept", n.count(":")))
    estimates, errors = (
        ", ".join(repr(float(column[n])) for n in order)
        for column in (fit.params, fit.std_errors)
    )
    return (
        f"fit <- {call})\nshow(fit, {vcov}df = {fit.df_t:g},\n"
        f"  estimates = c({estimates}),\n  errors = c({errors}))"
    )


def _plm(spec: Any, panel: Panel, *, singletons: bool) -> tuple[str, str]:
    """Write a call of plm, and its covariance."""
    clusters = " and ".join(spec.clusters or [panel.entity_name])
    by = {panel.entity_name: "group", panel.time_name: "time"}.get(clusters)
    if by is None or spec.absorb or spec.obs_weights or singletons:
        why = "plm has effects and clusters of entity and time, and no weights"
        raise DigiprosperError(f"{why}; it keeps singletons")
    formula = _terms([*getattr(spec, "endog", ()), *spec.x], panel)
    if hasattr(spec, "instruments"):
        formula += f" | {_terms([*spec.instruments, *spec.x], panel)}"
    effect = _EFFECTS.get((spec.entity_effects, spec.time_effects))
    model = f'model = "within", effect = "{effect}"' if effect else 'model = "pooling"'
    model += _condition(spec, panel)
    call = f"plm({_terms([spec.y], panel)} ~ {formula},\n  data = panel, {model}"
    return call, f'{spec.cov_type}(fit, "{by}"), '


def _fixest(spec: Any, panel: Panel, *, singletons: bool) -> tuple[str, str]:
    """Write a call of fixest, whose default is the same small-sample correction."""
    keys = [panel.entity_name, str(panel.time_name)]

    def joined(names: Sequence[str]) -> str:
        return " + ".join(_names(name.replace(":", "^"), panel) for name in names)

    effects = [keys[0]] * spec.entity_effects + [keys[1]] * spec.time_effects
    sides = [_terms(spec.x, panel) or "1", joined([*effects, *spec.absorb])]
    if hasattr(spec, "instruments"):
        sides.append(f"{_terms(spec.endog, panel)} ~ {_terms(spec.instruments, panel)}")
    formula = f"{_terms([spec.y], panel)} ~ {' | '.join(filter(None, sides))}"
    shifted, where = _replaced(formula, _IN_FIXEST), _condition(spec, panel, "~ ")
    if where and shifted != formula:
        raise DigiprosperError("fixest may lag after it chooses rows")
    vcov = spec.cov_type
    if vcov == "clustered":
        vcov = f"~ {joined(spec.clusters or keys[:1])}"
    options = f"panel.id = ~ {joined(keys)}, vcov = {vcov}"
    if spec.obs_weights:
        options += f", weights = ~ {joined([spec.obs_weights])}"
    if singletons:
        options += ', fixef.rm = "singleton"'
    return f"feols({shifted},\n  data = data, {options}{where}", ""
