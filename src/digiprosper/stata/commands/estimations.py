"""Estimations and the tests after them: which command becomes what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from itertools import permutations
from typing import Any

from digiprosper.errors import cited
from digiprosper.panel.grammar import backticked
from digiprosper.stata.commands import linear, models
from digiprosper.stata.expressions import shifted
from digiprosper.stata.prefixes import (
    NOTES,
    REPEATING,
    ROWS,
    Command,
    of_kind,
    read_command,
    read_options,
    refused,
    split,
    translated_options,
)
from digiprosper.stata.translation import (
    IMPORTS,
    Call,
    Context,
    Step,
    Translation,
    as_python,
    assigned,
)
from digiprosper.stata.varlists import (
    Factor,
    LaterColumns,
    Product,
    as_terms,
    number,
    term,
)

MODELS = {**linear.COMMANDS, **models.COMMANDS}
# Estimators that have no counterpart here, and what is near to some of them.
WITHOUT_MODEL = of_kind("estimates")
_COEFFICIENT = re.compile(r"(?:\w+\.)?[^\W\d]\w*(?:#(?:\w+\.)?[^\W\d]\w*)*")


def is_estimation(name: str) -> bool:
    """Tell whether a command estimates a model."""
    return name in MODELS or name in WITHOUT_MODEL


def translate(command: Command, context: Context) -> Translation:
    """Translate an estimation, or a test after one."""
    if "permute" in command.prefixes:
        return _permutation(command, context)
    if command.name not in TESTS:
        _refuse_parts(command)
    if command.name not in COMMANDS:
        reason = WITHOUT_MODEL.get(command.name, "the command is not known here")
        raise refused(f"{cited(command.name)}: {reason}")
    if command.weight:
        _refuse_weights(command.name, *command.weight)
    options = translated_options(command)
    _refuse_without_keys(command, context, options)
    translation = COMMANDS[command.name](Call(command, context, options))
    # What differs from Stata, whatever the options are.
    notes = [*filter(None, [ROWS[command.name]["note"]]), *translation.notes]
    has_pattern = command.name in MODELS and set("*?~") & set(command.arguments)
    if has_pattern and context.variables.columns is None and translation.spec:
        notes += [NOTES["pattern"]]
    if command.counts_rows:
        notes.append(NOTES["row"])
    return replace(translation, notes=tuple(notes))


def _refuse_without_keys(
    command: Command, context: Context, options: Mapping[str, str]
) -> None:
    """Refuse commands for panels where the data are known not to be xtset."""
    needs_keys = command.name.startswith(("xt", "xs")) and "i" not in options
    if needs_keys and len(context.frame.columns) and context.entity is None:
        reason = "no line declares the panel, and the file does not"
        raise refused(reason, "Write xtset before it.")


def _refuse_parts(command: Command) -> None:
    """Refuse prefixes, weights and rows that a model would ignore."""
    for prefix in command.prefixes:
        if prefix in REPEATING:
            raise refused(
                f"the prefix {prefix}", "fit_all fits models of several samples."
            )
        if prefix == "bootstrap" and command.name != "sgmediation":
            raise refused("the bootstrap prefix", "Use cluster_bootstrap(spec, panel).")
    if command.rows is not None or command.using is not None:
        raise refused("rows by number, or a file", "Use a condition.")


def _refuse_weights(name: str, kind: str, text: str) -> None:
    """Refuse weights of a kind that the command does not have."""
    weights = ROWS[name]["parts"]
    if f"{kind[0]}weights" not in weights:
        if "pweights" in weights:
            raise refused(f"weights [{kind}={text}]", "Repeat the rows.")
        raise refused(f"weights of {name}")


def _estimation_code(text: str, context: Context) -> str:
    """Translate the text of an estimation inside another command."""
    translation = translate(read_command(text), context)
    if translation.is_foreign:
        raise refused("inside another command a model of linearmodels or statsmodels")
    return translation.python


def _difference(call: Call) -> Translation:
    """Translate ``bdiff``, which permutes groups, into `by_group`."""
    options = call.options
    if "group" not in options or "model" not in options:
        raise refused("group() or model() is absent")
    inner = _estimation_code(options["model"], call.context)
    reps = f", reps={options['reps']}" if "reps" in options else ""
    group = call.context.variables.resolve(options["group"])
    return call.python(f"dp.by_group({inner}, panel, {group!r}{reps}, rng=1)")


def _permutation(command: Command, context: Context) -> Translation:
    main, _, options = command.prefixes["permute"].partition(",")
    reps = dict(read_options(options)).get("reps")
    inner = _estimation_code(command.text.split(":", 1)[1], context)
    return Call(command, context, {}).python(
        f"dp.randomisation_test({inner}, panel, {backticked(split(main)[0])!r}"
        f"{f', reps={reps}' if reps else ''}, rng=1)",
        NOTES["path"],
    )


# --- after an estimation --------------------------------------------------------------


def test(call: Call) -> Translation:
    """Translate ``test`` and ``testparm`` into a Wald test."""
    text = call.command.arguments
    groups = re.findall(r"\(([^()]*)\)", text) or [text]
    restrictions = [r for group in groups for r in _restrictions(group, call)]
    if not restrictions:
        raise refused("there is no coefficient to test")
    inside = json.dumps(", ".join(restrictions), ensure_ascii=False)
    notes = [NOTES["p-value"]]
    several = len(restrictions) > 1
    return call.python(f"fit.wald_test({inside})", *(notes if several else ()))


def _restrictions(text: str, call: Call) -> list[str]:
    text = re.sub(r"={2,}", "=", text.strip())
    if re.search(r"(?<!_b)\[", text):
        raise refused("coefficients of one of several equations")
    if re.search(r"[<>!~]", text):
        raise refused("a test of an inequality, where Stata stops as well")
    if "=" in text:
        return [_with_terms(text, call.context)]
    return [f"{name} = 0" for name in _coefficients(text, call.context)]


def _with_terms(text: str, context: Context) -> str:
    """Replace the names of coefficients by those of this library."""

    def with_term(match: re.Match[str]) -> str:
        terms = _coefficients(match[0], context)
        if len(terms) != 1:
            raise refused(f"{cited(match[0])} stands for several terms")
        return terms[0]

    return _COEFFICIENT.sub(with_term, _without_brackets(text))


def _without_brackets(text: str) -> str:
    """Write ``_b[x]`` as x, which means the same in a test."""
    return re.sub(r"_b\[([^\]]+)\]", r"\1", text.strip().replace("##", "#"))


def _coefficients(text: str, context: Context) -> list[str]:
    """Write variables as coefficients of the last estimation."""
    return [
        ":".join(map(_coefficient, _as_estimated(product, context)))
        for product in context.variables.products(_without_brackets(text))
    ]


def _as_estimated(product: Product, context: Context) -> Product:
    """Order the factors of a product as in the last estimation."""
    terms = getattr(context.last, "x", ())
    for order in permutations(product):
        plain_factors = tuple(replace(f, level=None) for f in order)
        if len(order) > 1 and term(plain_factors) in terms:
            return order
    return product


def _coefficient(factor: Factor) -> str:
    if factor.name == "_cons":
        raise refused("the constant in a test")
    if isinstance(factor.name, LaterColumns):
        raise refused("columns that are not known")
    name = backticked(factor.name)
    if factor.level is not None:
        return f"C({name})[T.{factor.level}]"
    if factor.kind == "i":
        raise refused(
            f"the level of {cited(factor.name)} is not named",
            "Test the coefficients of C(...) by name.",
        )
    return shifted(factor.shift, name)


def lincom(call: Call) -> Translation:
    """Translate ``lincom``."""
    if "eform" in call.options:
        raise refused("lincom with eform", "Take np.exp() of the sum and its interval.")
    text = _with_terms(call.command.arguments, call.context)
    return call.python(f"fit.combination({json.dumps(text, ensure_ascii=False)})")


def hausman(call: Call) -> Translation:
    """Translate ``hausman``: the first named result is that with fixed effects."""
    spec = call.context.results.get(call.command.arguments.split(" ")[0])
    code = as_python(spec) if type(spec).__name__ == "FixedEffects" else ""
    if not code or "_later_columns" in code:
        raise refused(
            "hausman needs the name of an estimate with fixed effects first",
            "hausman(spec, panel, method='classical') estimates both models.",
        )
    notes = [NOTES["not compared"]] if "constant" in call.options else []
    method = "sigmamore" if "sigmamore" in call.options else "classical"
    return call.python(f"dp.hausman({code}, panel, method={method!r})", *notes)


def u_test(call: Call) -> Translation:
    """Translate ``utest``."""
    names = call.context.variables.names(call.command.arguments)
    if not names or len(names) > 2:
        raise refused("a variable and its square are needed")
    code = f"fit, {backticked(names[0])!r}"
    notes = list[str]()
    if len(names) == 2:
        code += f", square={names[1]!r}"
        notes = [NOTES["square"]]
    ends = [*{"minimum", "maximum"} & {*call.options}]
    if len(ends) == 1:
        raise refused(f"{ends[0]}() alone", "Type both ends of the interval.")
    if ends:
        low, high = (number(call.options[end], end) for end in ("minimum", "maximum"))
        code += f", interval={(low, high)}"
    else:
        notes.append(NOTES["ends"])
    return call.python(f"dp.u_test({code})", *notes)


def estat(call: Call) -> Translation:
    """Translate ``estat`` after ``csdid``: an average of effects, or the pre-test."""
    word = call.command.arguments.split(" ")[0]
    if word == "pretrend":
        return call.python("fit.pretrend_test()")
    if word not in models.AGGREGATES:
        raise refused(f"estat {word} after csdid")
    return call.python(f"fit.aggregate({models.AGGREGATES[word]!r})")


def serial(call: Call) -> Translation:
    """Translate ``xtserial``: within residuals take the place of first differences."""
    y, products = call.variables()
    others, has_years = call.without_dummies(products)
    spec = call.specify("FixedEffects", y=y, x=as_terms(others), time_effects=has_years)
    return call.python(f"dp.wooldridge_ar1({spec.python}, panel)")


def _follows_from_slopes(spec: Any, *, is_fitted: bool) -> bool:
    """Tell whether values of all rows follow from the coefficients alone."""
    has_effects = bool(spec.entity_effects or spec.time_effects or spec.absorb)
    has_levels = has_effects or any("C(" in text for text in spec.x)
    return not (is_fitted and has_effects) and not (spec.where and has_levels)


def _has_mean_as_constant(context: Context) -> bool:
    """Tell whether fitted values without effects are slopes and such a constant."""
    spec = context.last
    # Categories, products and absorbed slopes have dummies of their own.
    has_columns_only = not re.search(r"C\(|:|\[", " ".join([*spec.x, *spec.absorb]))
    is_typed = spec.ssc in ("areg", "reghdfe", "xtreg") and not hasattr(spec, "endog")
    has_effects = spec.entity_effects or spec.time_effects or spec.absorb
    others = spec in context.with_dummies or spec.obs_weights
    return bool(is_typed and has_effects and has_columns_only and not others)


def predict(call: Call) -> Step:
    """Translate ``predict`` after a linear regression, a logit or a probit."""
    *storage, name = call.command.words or [""]
    if storage not in ([], ["float"], ["double"]):
        raise refused(f"predict {call.command.arguments}")
    kind = (*storage, call.context.default_type)[0]
    code = call.only_where(f"stored({name!r}, {_predicted(call)}, {kind!r})")
    return assigned(name, code)


def _predicted(call: Call) -> str:
    """Write fitted values or residuals, of all rows or of the estimation sample."""
    context, spec, options = call.context, call.context.last, call.options
    is_fitted = not {"residuals", "e"} & {*options}
    if getattr(spec, "is_foreign", False):
        return _predicted_by_formula(spec.python, options)
    if not context.is_linear or "pr" in options:
        raise refused("predict after an estimation that is not linear")
    in_sample = spec.singletons == "drop" or spec.ssc == "xtreg"
    if in_sample and context.knows_sample and not is_fitted:
        # Residuals of reghdfe and xtreg are those of the estimation sample.
        return "by_row(fit.resids, df)"
    if is_fitted and _has_mean_as_constant(context):
        return f"without_effects(fit, {context.panel_code}, df)"
    if not _follows_from_slopes(spec, is_fitted=is_fitted):
        raise refused("predict of effects, or of rows that are not estimated")
    panel = context.panel_code
    code = f"by_row(fit.predict({panel}), df)"
    return code if is_fitted else f"by_time({panel}, df, fit.depvar) - {code}"


def _predicted_by_formula(python: str, options: Collection[str]) -> str:
    """Write probabilities, or the index, of all rows after a logit or probit."""
    formula = re.match(r"\w+\(\*formulaic\.model_matrix\('\S+ ~ ([^'(]+)'", python)
    if formula is None or {"residuals", "e"} & {*options}:
        raise refused("predict of categories, lags, or random effects")
    is_index = "xb" in options and not python.startswith("OLS(")
    which = ", which='linear'" if is_index else ""
    rows = f"formulaic.model_matrix({formula[1]!r}, df)"
    return f"fit.predict({rows}{which}).reindex(df.index)"


def match_rows(call: Call) -> Step:
    """Translate ``psmatch2`` on a score: neighbours, a radius or a kernel."""
    options, variables = call.options, call.context.variables
    treat = variables.resolve((call.command.words or [""])[0])
    outcomes = variables.names(options.get("outcome", ""))
    is_radius = "radius" in options
    is_kernel = is_radius or "kernel" in options
    caliper = number(options.get("caliper", "0"), "caliper") or "np.inf"
    ties, common, ate = (option in options for option in ("ties", "common", "ate"))
    weigh = f"nearest(gaps, {call.whole('neighbor', 1)}, {caliper}, {ties=})"
    if is_kernel:
        kernel = "uniform" if is_radius else options.get("kerneltype", "epan")
        width = caliper if is_radius else number(options.get("bwidth", ".06"), "bwidth")
        weigh = f"smooth(gaps, {kernel!r}, {width})"
    matching = (
        f"print(match_rows(df, {treat!r}, score, {outcomes!r}, lambda gaps: {weigh}, "
        f"{common=}, {ate=}, again={is_kernel}))"
    )
    lines = [_score(call, outcomes), matching]
    if "odds" in options:
        # Kernels do not have the odds as their distances.
        score = "df['_pscore']" if is_kernel else "score"
        lines.insert(1 + is_kernel, f"{score} = np.log({score} / (1 - {score}))")
    columns = ("_treated", "_support", "_pscore", "_weight")
    return Step("\n".join(lines), (*columns, *(f"_{name}" for name in outcomes)))


def _score(call: Call, outcomes: list[str]) -> str:
    fits = {"unadjusted": "disp=0"}
    code, fit = linear.of_statsmodels(replace(call, options={}), fits, outcomes)
    kind = "Logit" if "logit" in call.options else "Probit"
    return (
        f"{IMPORTS}panel = {call.context.panel_code}\n"
        f"fitted = checked({kind}(*{code}).fit({fit}))\n"
        "score = by_row(pd.Series(fitted.predict(), fitted.model.data.row_labels), df)"
    )


TESTS: dict[str, Callable[[Call], Translation]] = {
    "bdiff": _difference,
    "estat": estat,
    "hausman": hausman,
    "lincom": lincom,
    "test": test,
    "testparm": test,
    "utest": u_test,
    "xtserial": serial,
    "xtcsd": lambda call: call.python("dp.pesaran_cd(fit)"),
    "xttest3": lambda call: call.python("dp.modified_wald(fit, method='chi2')"),
}
COMMANDS: dict[str, Callable[[Call], Translation]] = {**MODELS, **TESTS}
