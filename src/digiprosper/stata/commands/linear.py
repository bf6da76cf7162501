"""Linear regressions: reghdfe, regress, xtreg, areg, xtscc and those of instruments."""

from __future__ import annotations

import re
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

from digiprosper.errors import StataError, cited
from digiprosper.stata.prefixes import Options
from digiprosper.stata.translation import Translation, column, specify
from digiprosper.stata.varlists import (
    absorbed,
    clusters,
    is_category,
    plain,
    term,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digiprosper.stata.prefixes import Command
    from digiprosper.stata.translation import Context
    from digiprosper.stata.varlists import Product

_ERRORS = "vce cl.uster r.obust"
_RANDOM = dict.fromkeys(("re", "be", "mle", "pa"), "there is no random effects model")
_GMM = dict.fromkeys(
    ("gmm2s", "gmm", "liml", "cue", "ful.ler"), "there is two-stage least squares only"
)
_NO_CONSTANT = dict.fromkeys(
    ("noc.onstant", "h.ascons", "nocons", "tsscons"), "a regression without constant"
)
_FIRST = "first ff.irst rf savef.irst savefp.refix saverf endog.test noid redundant"
_TABLES: Mapping[str, Options] = {
    "reghdfe": Options(
        f"a.bsorb noa.bsorb keepsin.gletons {_ERRORS}",
        "res.iduals tol.erance it.erate maxiter verb.ose v timeit compact pool.size "
        "acc.eleration summ.arize nowarn nosample nocon.stant",
    ),
    "regress": Options(_ERRORS, "b.eta", _NO_CONSTANT),
    "areg": Options(f"a.bsorb {_ERRORS}"),
    "xtreg": Options(f"fe i {_ERRORS}", "nonest", _RANDOM),
    "xtscc": Options("fe lag", "ase", {**_RANDOM, **_NO_CONSTANT}),
    "ivreghdfe": Options(
        f"a.bsorb keepsin.gletons small {_ERRORS}", f"{_FIRST} res.iduals", _GMM
    ),
    "ivreg2": Options(f"small {_ERRORS}", _FIRST, {**_GMM, **_NO_CONSTANT}),
    "ivregress": Options(f"small {_ERRORS}", "first", {**_GMM, **_NO_CONSTANT}),
    "xtivreg": Options(f"fe small {_ERRORS}", "first", _RANDOM),
    "xtivreg2": Options(f"fe small {_ERRORS}", _FIRST, _GMM),
}
_INSTRUMENTS = re.compile(
    r"\(([^=()]*(?:\([^()]*\)[^=()]*)*)=([^()]*(?:\([^()]*\)[^()]*)*)\)"
)
_MANY_LEVELS = 12


def linear(command: Command, context: Context) -> Translation:
    """Translate a regression without instruments."""
    options = _TABLES[command.name].read(command)
    notes: list[str] = []
    y, products = outcome_and_regressors(command, context)
    effects = _effects(command.name, options, context)
    products, effects = _absorb_categories(products, effects, context)
    if not products:
        raise StataError.because(
            "there is no regressor besides effects", "Specify at least one variable."
        )
    notes += _cells(products)
    fields = _options_of(command, options, effects, context, notes)
    return specify(
        "FixedEffects", notes, command.text, y=y, x=plain(products), **fields
    )


def outcome_and_regressors(
    command: Command, context: Context
) -> tuple[str, list[Product]]:
    """Read the variables of a command; the first is the outcome."""
    products = context.variables.products(command.arguments)
    if not products:
        raise StataError.because("there are no variables")
    y = term(products[0])
    return y, [product for product in products if term(product) != y]


def _effects(name: str, options: Mapping[str, str], context: Context) -> list[str]:
    """List the absorbed effects of a command, keys as columns."""
    if name in ("xtreg", "xtivreg", "xtivreg2", "xtscc"):
        if "fe" not in options:
            if name == "xtscc":
                return []
            raise StataError.because(
                "xtreg without fe: there is no random effects model",
                "hausman() and within_between() compare with random effects.",
            )
        return [column(options["i"] or _ENTITY)] if "i" in options else [_ENTITY]
    text = options.get("absorb", "").partition(",")
    suboptions = text[2].split()
    if any(word not in ("savefe",) for word in suboptions):
        raise StataError.because(f"absorb(, {' '.join(suboptions)})")
    return absorbed(text[0], context.variables)


# Stands for the entity of xtset, whatever its name.
_ENTITY = "\N{NULL}entity"


def _cells(products: list[Product]) -> list[str]:
    """Note products of categories whose own dummies are not in the model."""
    alone = {p[0].name for p in products if is_category(p)}
    for product in products:
        categories = [f.name for f in product if f.kind == "i" and f.level is None]
        if len(categories) > 1 and not alone & set(categories):
            return [
                f"cells of {'#'.join(categories)} without the dummies of either: Stata "
                "leaves out other cells, so that slopes of its parts differ"
            ]
    return []


def _absorb_categories(
    products: list[Product], effects: list[str], context: Context
) -> tuple[list[Product], list[str]]:
    """Absorb categories of keys or of many levels, instead of estimating dummies."""
    absorbed_products = [
        product for product in products if _is_absorbed(product, context)
    ]
    # The category of one variable is part of a product that is absorbed.
    absorbed_products = list(
        dict.fromkeys([*absorbed_products, *_single(absorbed_products)])
    )
    # The coding of a product of categories depends on the categories beside it.
    crossed = [p for p in products if p not in absorbed_products and _categories(p)]
    needed = _single(crossed)
    absorbed_products = [
        p for p in absorbed_products if p in products and p not in needed
    ]
    kept = [product for product in products if product not in absorbed_products]
    return kept, list(dict.fromkeys([*effects, *map(_effect, absorbed_products)]))


def _effect(product: Product) -> str:
    """Write a product of categories as an absorbed effect."""
    return "^".join(column(factor.name) for factor in product)


def _single(products: list[Product]) -> list[Product]:
    """List the variables of products of several as products of one."""
    return [(f,) for product in products if len(product) > 1 for f in product]


def _categories(product: Product) -> bool:
    """Tell whether a product has categories only, no numbers and no single levels."""
    return all(factor.kind == "i" and factor.level is None for factor in product)


def _is_absorbed(product: Product, context: Context) -> bool:
    """Tell whether a product of categories is absorbed; two levels are of interest."""
    if not _categories(product):
        return False
    if len(product) == 1 and product[0].name in (context.entity, context.time):
        return True
    levels = [context.levels(factor.name) or 0 for factor in product]
    return min(levels) > 2 and prod(levels) > _MANY_LEVELS ** len(product)


def _options_of(
    command: Command,
    options: Mapping[str, str],
    effects: list[str],
    context: Context,
    notes: list[str],
) -> dict[str, Any]:
    """Translate effects, standard errors, weights and sample."""
    keys = {context.entity and column(context.entity): "entity", _ENTITY: "entity"}
    keys |= {context.time and column(context.time): "time"}
    roles = [keys.get(effect) for effect in effects]
    others = [e for e, role in zip(effects, roles, strict=True) if role is None]
    fields: dict[str, Any] = {
        "entity_effects": "entity" in roles,
        "time_effects": "time" in roles,
        "absorb": others,
        "collinear": "drop",
        "where": context.where(command.condition),
    }
    fields |= _errors(command.name, options, context)
    fields |= _weights(command, fields, context, notes)
    drops = command.name in ("reghdfe", "ivreghdfe") and "keepsingletons" not in options
    fields["singletons"] = "drop" if drops else "keep"
    fields["ssc"] = _correction(command.name, fields, effects, options, notes)
    if effects and fields["cov_type"] == "unadjusted":
        notes.append(
            "standard errors are neither clustered nor robust, as in the command"
        )
    return fields


def _errors(name: str, options: Mapping[str, str], context: Context) -> dict[str, Any]:
    """Translate vce(), cluster() and robust."""
    if name == "xtscc":
        lags = options.get("lag")
        bandwidth = None if lags is None else whole(lags, "lag")
        return {"cov_type": "xtscc", "bandwidth": bandwidth}
    text = _error_text(options)
    if text in ("hc2", "hc3") and name in ("regress", "areg"):
        return {"cov_type": text}
    kind, rest = error_kind(text)
    if kind == "robust" and name in ("xtreg", "xtivreg"):
        return {"cov_type": "clustered"}
    terms = clusters(rest, context.variables)
    by_entity = terms in ([], [column(context.entity or "")])
    return {"cov_type": kind, "clusters": None if by_entity else terms}


def _error_text(options: Mapping[str, str]) -> str:
    """Write the options of errors as the argument of vce(); clusters come first."""
    if "cluster" in options:
        return f"cluster {options['cluster']}"
    return options.get("vce") or ("robust" if "robust" in options else "unadjusted")


def error_kind(text: str) -> tuple[str, str]:
    """Read vce(): the kind of the errors, and the cluster variables."""
    kind, _, rest = text.partition(" ")
    kinds = {"cluster": "clustered", "robust": "robust"}
    kinds |= dict.fromkeys(("unadjusted", "ols", "oim", "conventional"), "unadjusted")
    meant = next((word for word in kinds if word.startswith(kind)), None)
    if meant is None or "," in rest or (rest and meant != "cluster"):
        raise StataError.because(
            f"vce({text})",
            "There are cluster_bootstrap(), wild_bootstrap() and cov_type='crv3'.",
        )
    return kinds[meant], rest


def _weights(
    command: Command, fields: Mapping[str, Any], context: Context, notes: list[str]
) -> dict[str, Any]:
    if command.weight is None:
        return {}
    kind, text = command.weight
    if kind[0] not in "ap":
        what = {"f": "frequency weights", "i": "importance weights"}
        raise StataError.because(
            f"{what.get(kind[0], 'weights')} [{kind}={text}]", "Repeat the rows."
        )
    if not text.isidentifier():
        raise StataError.because(f"the expression {cited(text)} as weights")
    out: dict[str, Any] = {"obs_weights": context.variables.resolve(text)}
    if kind[0] == "p" and fields["cov_type"] == "unadjusted":
        clustered = command.name in ("xtreg", "xtivreg")
        out["cov_type"] = "clustered" if clustered else "robust"
        notes.append("pweights imply robust standard errors")
    return out


def _correction(
    name: str,
    fields: Mapping[str, Any],
    effects: list[str],
    options: Mapping[str, str],
    notes: list[str],
) -> str:
    """Choose the small-sample correction of the command."""
    if name == "xtscc":
        return "plm"
    # Without effects ivreghdfe is ivreg2.
    name = "ivreg2" if name == "ivreghdfe" and not effects else name
    if name in ("ivreg2", "ivregress", "xtivreg2") and "small" not in options:
        notes.append("p-values there are those of the normal distribution, here of t")
        return "none"
    if name in ("xtreg", "xtivreg", "xtivreg2"):
        return "xtreg"
    if name in ("reghdfe", "ivreghdfe") or fields["cov_type"] != "clustered":
        return "reghdfe"
    return "areg" if effects else "reghdfe"


def instrumented(command: Command, context: Context) -> Translation:
    """Translate a regression with instruments, ``y x (d = z)``."""
    text = command.arguments
    if command.name == "ivregress":
        method, _, text = text.partition(" ")
        if method != "2sls":
            raise StataError.because(f"ivregress {method}: there is 2sls only")
    match = _INSTRUMENTS.search(text)
    if match is None:
        raise StataError.because("there is no (endogenous = instruments)")
    rest = f"{text[: match.start()]} {text[match.end() :]}"
    variables, endog, instruments = map(
        context.variables.products, (rest, *match.groups())
    )
    if not (variables and endog and instruments):
        raise StataError.because("outcome, endogenous variable or instrument is absent")
    if len(endog) == len(instruments):
        # GMM is two-stage least squares then.
        others = [o for o in command.options if o[0] not in ("gmm", "gmm2s")]
        command = replace(command, options=tuple(others))
    options = _TABLES[command.name].read(command)
    notes: list[str] = []
    effects = _effects(command.name, options, context)
    controls, effects = _absorb_categories(variables[1:], effects, context)
    y = term(variables[0])
    roles = {"endog": plain(endog), "instruments": plain(instruments)}
    x = [text for text in plain(controls) if text not in (y, *roles["endog"])]
    fields = _options_of(command, options, effects, context, notes)
    return specify("FixedEffectsIV", notes, command.text, y=y, x=x, **roles, **fields)


COMMANDS: Mapping[str, Callable[[Command, Context], Translation]] = {
    name: linear if table.mapped and "iv" not in name else instrumented
    for name, table in _TABLES.items()
}
