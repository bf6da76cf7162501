"""Linear regressions: reghdfe, regress, xtreg, areg, xtscc and those of instruments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from digiprosper.errors import cited
from digiprosper.panel.grammar import backticked
from digiprosper.panel.terms import canonical
from digiprosper.stata.prefixes import NOTES, refused
from digiprosper.stata.translation import Call, Context, Translation
from digiprosper.stata.varlists import (
    Product,
    as_terms,
    crossed_names,
    has_categories_only,
    is_category,
    later_columns,
)

_INSTRUMENTS = re.compile(
    r"\(([^=()]*(?:\([^()]*\)[^=()]*)*)=([^()]*(?:\([^()]*\)[^()]*)*)\)"
)
_MANY_LEVELS = 12
_CATEGORY = re.compile(r"C\((\w+)(?:, ref=(\w+))?\)")


def regression(call: Call) -> Translation:
    """Translate a regression without instruments."""
    if call.command.name == "xtreg" and "fe" not in call.options:
        return random_effects(call)
    if call.command.name == "regress" and "noconstant" in call.options:
        return without_constant(call)
    y, products = call.variables()
    typed = absorbed_effects(call)
    products, effects = _absorb_categories(products, typed, call)
    if not products:
        raise refused(
            "there is no regressor besides effects", "Specify at least one variable."
        )
    notes, x = notes_on_cells(products), as_terms(products)
    translation = _specify(call, "FixedEffects", effects, notes, y=y, x=x)
    if len(effects) > len(typed) or "nocon" in call.command.text:
        call.context.with_dummies.append(call.context.specified)
    return translation


def random_effects(call: Call) -> Translation:
    """Translate ``xtreg, re`` into linearmodels, whose numbers are those of Stata."""
    errors, entity = call.errors(), call.context.entity
    is_other = call.options.get("i", entity) != entity
    if is_other or call.command.weight or errors["clusters"] is not None:
        raise refused(
            "random effects with weights, or with another entity or cluster than xtset"
        )
    formula, frame = formula_and_frame(call)
    clustered = "cov_type='clustered', cluster_entity=True, group_debias=True"
    fit = clustered if errors["cov_type"] == "clustered" else ""
    return call.python(
        f"linearmodels.RandomEffects.from_formula({formula!r}, {frame}).fit({fit})",
        NOTES["normal"],
    )


def without_constant(call: Call) -> Translation:
    """Translate ``regress, noconstant`` into statsmodels."""
    fits = {
        "unadjusted": "",
        "robust": "cov_type='HC1', use_t=True",
        "clustered": "cov_type='cluster', use_t=True, cov_kwds={'groups': GROUPS}",
    }
    code, fit = of_statsmodels(call, fits)
    if "C(" in code or call.command.weight:
        raise refused(f"{NOTES['no constant']}, with categories or weights")
    code = code.replace(" ~ 1 + ", " ~ 0 + ", 1)
    return call.python(f"OLS(*{code}, hasconst=False).fit({fit})")


def of_statsmodels(
    call: Call, fits: Mapping[str, str], others: Sequence[str] = ()
) -> tuple[str, str]:
    """Write the matrices of a model of statsmodels, and the arguments of its fit.

    `fits` has these by kind of errors; GROUPS stands for the codes of clusters. No row
    misses a value of `others`.
    """
    errors = call.errors()
    clusters = errors["clusters"] or [call.context.entity or ""]
    is_clustered = errors["cov_type"] == "clustered"
    if len(clusters) > 1:
        raise refused(f"several clusters of {call.command.name}")
    formula, frame = formula_and_frame(call, clusters if is_clustered else others)
    groups = f"data[{clusters[0]!r}].factorize()[0]"
    code = f"formulaic.model_matrix({formula!r}, data := {frame})"
    return code, fits[errors["cov_type"]].replace("GROUPS", groups)


def formula_and_frame(call: Call, clusters: Sequence[str] = ()) -> tuple[str, str]:
    """Write a formula of formulaic, and the frame of the rows that are estimated."""
    y, products = call.variables()
    terms = [y, *as_terms(products)]
    if later_columns(terms) or any("==" in term for term in terms):
        raise refused("patterns or single levels in a model of a formula")
    columns: dict[str, None] = {}

    def factor(part: str) -> str:
        """Write a variable or a category, and note its column."""
        if category := _CATEGORY.fullmatch(part):
            name, base = category.groups()
            columns[name] = None
            return f"C({name}, contr.treatment(base={base}))" if base else part
        # Columns have the names of terms, so that rows of tables are shared.
        columns[canonical(part)] = None
        return f"`{canonical(part)}`"

    outcome, *regressors = [":".join(map(factor, t.split(":"))) for t in terms]
    formula = f"{outcome} ~ {' + '.join(['1', *regressors])}"
    return formula, _estimation_frame(call, [*dict.fromkeys([*columns, *clusters])])


def _estimation_frame(call: Call, columns: list[str]) -> str:
    """Write the frame of the rows that are estimated."""
    context, condition = call.context, call.command.condition
    computed = {column: column for column in columns if "(" in column}
    frame = f"panel.assign(**{computed!r})" if computed else "panel"
    texts = {column for column in columns if context.texts.get(column)}
    if where := context.where(condition, texts):
        frame += f".subset({where!r})"
    frame += ".frame"
    if {*context.keys} & {*columns}:
        frame += f".reset_index().set_index({context.keys!r}, drop=False)"
    if weight := weights(call):
        columns = [*columns, weight]
    # A level that only rows with missing values have would be a column of zeros.
    frame += f".dropna(subset={columns!r})"
    if weight:
        # Frequencies: they are whole numbers, or the script stops.
        frame += f".loc[lambda x: x.index.repeat(x[{weight!r}].astype('Int64'))]"
    return frame


def instrumented(call: Call) -> Translation:
    """Translate a regression with instruments, ``y x (d = z)``."""
    text, products = call.command.arguments, call.context.variables.products
    if call.command.name == "ivregress":
        method, _, text = text.partition(" ")
        if method != "2sls":
            raise refused(f"ivregress {method}: there is 2sls only")
    match = _INSTRUMENTS.search(text)
    if match is None or not all(part.strip() for part in match.groups()):
        raise refused("there is no (endogenous = instruments)")
    outside = f"{text[: match.start()]} {text[match.end() :]}"
    others = replace(call, command=replace(call.command, arguments=outside))
    y, controls = others.variables()
    endog, instruments = map(products, match.groups())
    gmm = {"gmm", "gmm2s"} & set(call.options)
    if gmm and len(endog) != len(instruments):
        # With as many instruments GMM is two-stage least squares.
        raise refused(f"the option {min(gmm)}: {NOTES['two stages']}")
    controls, effects = _absorb_categories(controls, absorbed_effects(call), call)
    d = as_terms(endog)
    x = [text for text in as_terms(controls) if text not in d]
    # Stata takes an instrument that is a control too as a control.
    z = [text for text in as_terms(instruments) if text not in x]
    roles = {"endog": d, "instruments": z}
    return _specify(call, "FixedEffectsIV", effects, [], y=y, x=x, **roles)


def absorbed_effects(call: Call) -> list[str]:
    """List the absorbed effects of a command, keys as columns."""
    name, options = call.command.name, call.options
    if name.startswith("xt"):
        if "fe" in options:
            return [backticked(options["i"]) if options.get("i") else call.keys[0]]
        if name == "xtscc":
            return []
        raise refused(f"{name} without fe: {NOTES['estimates']}")
    text, _, suboptions = options.get("absorb", "").partition(",")
    if set(suboptions.split()) - {"savefe"}:
        raise refused(f"absorb(, {' '.join(suboptions.split())})")
    return call.context.variables.absorbed(text)


def notes_on_cells(products: list[Product]) -> list[str]:
    """Note products of categories whose own dummies are not in the model."""
    alone = {p[0].name for p in products if is_category(p)}
    for product in products:
        categories = [f.name for f in product if f.kind == "i" and f.level is None]
        if len(categories) > 1 and not alone & set(categories):
            names = "#".join(categories)
            if any(factor.base for factor in product):
                raise refused(
                    f"the base of {names} without the dummies of either", "Write ##."
                )
            return [
                f"cells of {names} without the dummies of either: Stata "
                "leaves out other cells, so that slopes of its parts differ"
            ]
    return []


def _absorb_categories(
    products: list[Product], effects: list[str], call: Call
) -> tuple[list[Product], list[str]]:
    """Absorb categories of keys or of many levels, instead of estimating dummies."""
    candidates = _absorbable(products, effects, call)
    others = [product for product in products if product not in candidates]
    # Dummies that other products are coded beside stay, those inside candidates go.
    inside = crossed_names(candidates) | {p[0].name for p in candidates if not p[1:]}
    inside -= crossed_names(others)
    absorbed = [
        p
        for p in products
        if (p[0].name in inside if is_category(p) else p in candidates)
    ]
    others = [product for product in products if product not in absorbed]
    return others, list(dict.fromkeys([*effects, *map(_effect, absorbed)]))


def _absorbable(
    products: list[Product], effects: list[str], call: Call
) -> list[Product]:
    """List the categories that may be absorbed."""
    context, errors = call.context, _errors(call)
    if call.command.name == "xtscc":
        # It counts dummies, but no effects.
        return []
    candidates = [product for product in products if _is_absorbed(product, context)]
    if errors["cov_type"] != "clustered" or not call.command.name.endswith("hdfe"):
        return candidates
    # reghdfe counts dummies inside clusters, but not such effects that it absorbs.
    clusters = errors["clusters"] or [context.entity]
    outside = effects if context.time in clusters else [*effects, context.time]
    return [p for p in candidates if _effect(p) in outside]


def _effect(product: Product) -> str:
    """Write a product of categories as an absorbed effect."""
    return "^".join(backticked(factor.name) for factor in product)


def _is_absorbed(product: Product, context: Context) -> bool:
    """Tell whether a product of categories is absorbed; two levels are of interest."""
    if not has_categories_only(product):
        return False
    if len(product) == 1 and product[0].name in (context.entity, context.time):
        return True
    # A line that is refused would have made some columns.
    if not {f.name for f in product} <= {*context.frame}:
        return False
    levels = [context.frame[factor.name].nunique() for factor in product]
    return min(levels) > 2 and prod(levels) > _MANY_LEVELS ** len(product)


def _specify(
    call: Call, kind: str, effects: Sequence[str], notes: list[str], **variables: Any
) -> Translation:
    """Translate effects, standard errors, weights and sample."""
    name, weight, errors = call.command.name, call.command.weight, _errors(call)
    if weight and weight[0][0] == "p" and errors["cov_type"] == "unadjusted":
        errors = call.errors("robust")
        notes.append(NOTES["pweights"])
    ssc = _ssc(call, errors["cov_type"], effects)
    if name in ("areg", "regress") and len(errors.get("clusters") or ()) > 1:
        # Every part of their covariance has the factor of its own clusters.
        ssc = "sandwich"
    notes += _notes_on_errors(call, effects, errors["cov_type"], ssc)
    # Other commands keep singletons, and all commands those of their dummies.
    drops = name.endswith(("hdfe", "xtivreg2")) and "keepsingletons" not in call.options
    has_dummies_only = name.endswith("hdfe") and "absorb" not in call.options
    drops &= not (effects and has_dummies_only)
    return call.specify(
        kind,
        notes,
        **variables,
        **call.effects(effects),
        collinear="drop",
        **errors,
        obs_weights=weights(call),
        singletons="drop" if drops else "keep",
        ssc=ssc,
    )


def _notes_on_errors(
    call: Call, effects: Sequence[str], cov_type: str, ssc: str
) -> Iterator[str]:
    """Note how standard errors and p-values of the command differ from these."""
    name = call.command.name
    is_large = name.startswith("xtiv") and "small" not in call.options
    if is_large or ("iv" in name and ssc == "none"):
        yield NOTES["normal"]
    if is_large and (name, ssc) == ("xtivreg2", "xtreg"):
        yield NOTES["slopes"]
    if _counts_redundant(effects, call):
        yield NOTES["redundant"]
    if effects and ssc == "plm":
        yield NOTES["constant"]
    # Such errors are rarely meant.
    if effects and cov_type == "unadjusted":
        yield NOTES["plain"]


def _counts_redundant(effects: Sequence[str], call: Call) -> bool:
    # Entities and periods have one redundant level, which all programs leave out.
    pair: Sequence[str] = [effect for effect in effects if "^" not in effect][:2]
    pair = call.keys if call.context.entity else pair
    is_of_others = len(effects) > 1 and bool({*effects} - {*pair})
    return is_of_others and call.command.name.endswith("hdfe")


def _errors(call: Call) -> dict[str, Any]:
    """Translate vce(), cluster() and robust, or the lags of xtscc."""
    name, text = call.command.name, call.options.get("vce", "")
    if name == "xtscc":
        return {"cov_type": "xtscc", "bandwidth": call.whole("lag")}
    if text in ("hc2", "hc3") and name in ("regress", "areg"):
        return {"cov_type": text}
    return call.errors()


def weights(call: Call) -> str | None:
    """Name the variable of the weights."""
    if call.command.weight is None:
        return None
    text = call.command.weight[1]
    if not text.isidentifier():
        raise refused(f"the expression {cited(text)} as weights")
    return call.context.variables.resolve(text)


def _ssc(call: Call, cov_type: str, effects: Sequence[str]) -> str:
    """Choose the small-sample correction of the command."""
    name, is_clustered = call.command.name, cov_type == "clustered"
    if name == "xtscc":
        return "none" if "ase" in call.options else "plm"
    # Without effects ivreghdfe is ivreg2. xtivreg2 counts the entities, unless there
    # are clusters.
    is_ivreg2 = {
        "ivreg2": True,
        "ivreghdfe": not effects,
        "ivregress": True,
        "xtivreg2": is_clustered,
    }
    if is_ivreg2.get(name) and "small" not in call.options:
        return "none"
    if name.startswith("xt"):
        return "xtreg"
    counts_nested = effects and is_clustered and not name.endswith("hdfe")
    return "areg" if counts_nested else "reghdfe"


COMMANDS = {
    **dict.fromkeys(("areg", "reghdfe", "regress", "xtreg", "xtscc"), regression),
    **dict.fromkeys(("ivreg", "ivreg2", "ivreghdfe", "ivregress"), instrumented),
    **dict.fromkeys(("xtivreg", "xtivreg2"), instrumented),
}
