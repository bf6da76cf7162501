"""Staggered adoption, decompositions, and models of counts and binary outcomes."""

from __future__ import annotations

from dataclasses import replace

from digiprosper.errors import StataError
from digiprosper.panel.grammar import backticked
from digiprosper.stata.commands.linear import of_statsmodels
from digiprosper.stata.prefixes import Options
from digiprosper.stata.translation import (
    ERRORS,
    Call,
    Context,
    Table,
    Translation,
    option_value,
)
from digiprosper.stata.varlists import absorbed, as_terms, is_category

METHODS = {"dripw": "doubly_robust", "reg": "regression", "stdipw": "ipw"}
AGGREGATES = {"event": "dynamic"} | {a: a for a in ("group", "simple", "calendar")}
# What robust and no errors mean in Poisson models.
_ERRORS = {"ppmlhdfe": ("robust", "robust"), "xtpoisson": ("clustered", "oim")}
_OTHER_ERRORS = "the default errors here, cov_type='hc2', hold with few entities"


def _set_keys(context: Context, entity: str | None, time: str | None) -> None:
    """Take the keys that a command names, unless xtset has named others."""
    for role, name in (("entity", entity), ("time", time)):
        key = getattr(context, role)
        if name and key not in (None, name):
            raise StataError.because(f"{name} is not the {role} of xtset, {key}")
        setattr(context, role, name or key)


def callaway(call: Call) -> Translation:
    """Translate ``csdid``."""
    options = call.options
    y, products = call.variables()
    method = options.get("method", "drimp" if products else "dripw").partition(",")[0]
    adjustment = option_value("method", method, METHODS)
    _set_keys(call.context, options.get("ivar"), options.get("time"))
    return call.specify(
        "StaggeredDid",
        [_OTHER_ERRORS],
        y=y,
        event=call.variable("gvar"),
        x=as_terms(products),
        control="not_yet" if "notyet" in options else None,
        adjustment=adjustment if products else None,
        base_period="universal" if "long2" in options else None,
        aggregate=option_value("agg", options.get("agg", "event"), AGGREGATES),
        never=0,
        cov_type="influence",
        clusters=call.clusters(options.get("cluster", "")),
    )


def imputation(call: Call) -> Translation:
    """Translate ``did_imputation``."""
    options, variables = call.options, call.context.variables
    names = variables.names(call.command.arguments)
    if len(names) != 4:
        raise StataError.because("outcome, entity, time and first treated time")
    y, entity, time, event = names
    _set_keys(call.context, entity, time)
    effects = absorbed(options.get("fe", f"{entity} {time}"), variables)
    if {*effects} != {backticked(entity), backticked(time)}:
        raise StataError.because("fe() with other effects than entity and time")
    return call.specify(
        "StaggeredDid",
        [_OTHER_ERRORS],
        y=backticked(y),
        event=backticked(event),
        x=call.terms("controls"),
        estimator="imputation",
        aggregate=None if {"horizons", "allhorizons"} & set(options) else "simple",
        leads=call.whole("pretrends"),
        cov_type="influence",
        clusters=call.clusters(options.get("cluster", "")),
    )


def bacon(call: Call) -> Translation:
    """Translate ``bacondecomp``."""
    y, products = call.variables()
    if len(products) != 1:
        raise StataError.because("controls in bacondecomp", "One treatment is taken.")
    inner = call.specify("FixedEffects", y=y, x=as_terms(products)).python
    return call.python(f"dp.bacon_decomposition({inner}, panel)")


def poisson(call: Call) -> Translation:
    """Translate ``ppmlhdfe``, ``poisson`` and ``xtpoisson, fe``."""
    context, options, name = call.context, call.options, call.command.name
    y, products = call.variables()
    effects = absorbed(options.get("absorb", ""), context.variables)
    fixed, drops = name == "xtpoisson", name == "ppmlhdfe"
    if fixed and "fe" not in options:
        raise StataError.because("xtpoisson without fe: random effects")
    products, years = call.without_dummies(products)
    keys = (context.entity, context.time)
    # Other rules than the default would keep dropped rows.
    rules = {*options.get("separation", "fe simplex relu").split()}
    return call.specify(
        "PoissonEffects",
        y=y,
        x=as_terms(products),
        entity_effects=fixed or context.entity in effects,
        time_effects=years or context.time in effects,
        absorb=[effect for effect in effects if effect not in keys],
        **{o: call.variable(o) for o in ("exposure", "offset") if o in options},
        singletons="drop" if drops else "keep",
        separation="drop" if rules == {"fe", "simplex", "relu"} else "raise",
        collinear="drop",
        **call.errors(*_ERRORS.get(name, ("robust", "oim"))),
    )


def logit(call: Call) -> Translation:
    """Translate ``logit`` and ``probit``; dummies of categories become effects.

    With effects of one kind `LogitEffects` estimates the conditional logit, another
    model.
    """
    y, products = call.variables()
    effects = [backticked(p[0].name) for p in products if is_category(p)]
    if len(effects) < 1 + (call.command.name == "logit"):
        return _binary(call)
    read = call.specify(
        "LogitEffects",
        ["robust errors there have the factor n/(n - 1) or G/(G - 1), here none"],
        y=y,
        x=as_terms(p for p in products if not is_category(p)),
        link=call.command.name,
        entity_effects=False,
        time_effects=False,
        absorb=effects,
        collinear="drop",
        **call.errors(),
    )
    spec = read.spec and read.spec.replace(bias_correction=None)
    python = f"{read.python[:-1]}, bias_correction=None)"
    return replace(read, spec=spec, python=python)


def _binary(call: Call) -> Translation:
    """Translate a logit or probit with its constant into statsmodels."""
    groups = "{'use_correction': False, 'groups': GROUPS}"
    fits = {
        "unadjusted": "disp=0",
        "robust": "disp=0, cov_type='HC0'",
        "clustered": f"disp=0, cov_type='cluster', cov_kwds={groups}",
    }
    code, fit = of_statsmodels(call, fits)
    return call.python(
        f"{call.command.name.capitalize()}(*{code}).fit({fit})",
        "scripts give robust errors the factor n/(n - 1) or G/(G - 1), and stop where "
        "rows are predicted perfectly",
    )


def conditional(call: Call) -> Translation:
    """Translate ``clogit`` and ``xtlogit, fe``."""
    entity = backticked(call.context.entity or "")
    is_panel = call.command.name == "xtlogit"
    if is_panel and "fe" not in call.options:
        raise StataError.because("xtlogit without fe: random effects")
    group = entity if is_panel else call.variable("group")
    y, products = call.variables()
    return call.specify(
        "LogitEffects",
        y=y,
        x=as_terms(products),
        entity_effects=group == entity,
        time_effects=False,
        absorb=[] if group == entity else [group],
        collinear="drop",
        **call.errors(),
    )


_POISSON = Options(
    f"{ERRORS} a.bsorb fe exp.osure off.set i irr sep.aration",
    "tol.erance maxiter verb.ose v",
)
_LOGIT = Options(f"{ERRORS} or asis")
_CONDITIONAL = Options(f"{ERRORS} or gr.oup")
COMMANDS: Table = {
    "csdid": (
        Options(
            "i.var t.ime g.var not.yet meth.od long2 cl.uster agg",
            "long pointwise saverif replace",
        ),
        callaway,
    ),
    "did_imputation": (
        Options(
            "fe c.ontrols horiz.ons allh.orizons pretrend.s cl.uster",
            "auto.sample minn",
        ),
        imputation,
    ),
    "bacondecomp": (
        Options("", "ddet.ail stub r.obust vce nogr.aph msym.bols"),
        bacon,
    ),
    **dict.fromkeys(("ppmlhdfe", "poisson", "xtpoisson"), (_POISSON, poisson)),
    **dict.fromkeys(("logit", "probit"), (_LOGIT, logit)),
    "clogit": (_CONDITIONAL, conditional),
    "xtlogit": (Options("fe vce or"), conditional),
}
