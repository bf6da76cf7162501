"""Staggered adoption, decompositions, matching, and models of discrete outcomes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from digiprosper.errors import StataError
from digiprosper.stata.commands.linear import outcome_and_regressors
from digiprosper.stata.commands.panels import without_years
from digiprosper.stata.prefixes import Options
from digiprosper.stata.translation import Translation, as_python, column, specify
from digiprosper.stata.varlists import absorbed, clusters, is_category, plain, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digiprosper.stata.prefixes import Command
    from digiprosper.stata.translation import Context

_CSDID = Options(
    "i.var t.ime g.var not.yet meth.od long2 cl.uster agg",
    "long pointwise saverif replace",
    dict.fromkeys(("wboot", "reps"), "event_path(bands='joint') has joint bands"),
)
_IMPUTATION = Options(
    "fe c.ontrols horiz.ons allh.orizons pretrend.s cl.uster", "auto.sample minn"
)
_METHODS = {"dripw": "doubly_robust", "reg": "regression", "stdipw": "ipw"}
_POISSON = Options("a.bsorb vce cl.uster r.obust fe exp.osure off.set i irr")
_LOGIT = Options("fe vce cl.uster r.obust or gr.oup st.rata asis")


def _set_keys(context: Context, entity: str | None, time: str | None) -> None:
    """Take the keys that a command names, unless xtset has named others."""
    for role, name in (("entity", entity), ("time", time)):
        key = getattr(context, role)
        if name and key not in (None, name):
            raise StataError.because(f"{name} is not the {role} of xtset, {key}")
        setattr(context, role, name or key)


def callaway(command: Command, context: Context) -> Translation:
    """Translate ``csdid``."""
    options = _CSDID.read(command)
    y, products = outcome_and_regressors(command, context)
    method = options.get("method", "drimp" if products else "dripw").partition(",")[0]
    if method not in _METHODS:
        raise StataError.because(
            f"method({method}) has no counterpart", "Use dripw, reg or stdipw."
        )
    if "gvar" not in options:
        raise StataError.because("gvar() is absent")
    _set_keys(context, options.get("ivar"), options.get("time"))
    words = {
        "group": "group",
        "event": "dynamic",
        "simple": "simple",
        "calendar": "calendar",
    }
    aggregate = options.get("agg")
    if aggregate is not None and aggregate not in words:
        raise StataError.because(f"agg({aggregate})")
    return specify(
        "StaggeredDid",
        ["the default errors here, cov_type='hc2', hold with few entities"],
        command.text,
        y=y,
        event=column(context.variables.resolve(options["gvar"])),
        x=plain(products),
        control="not_yet" if "notyet" in options else None,
        adjustment=_METHODS[method] if products else None,
        base_period="universal" if "long2" in options else None,
        aggregate=None if aggregate is None else words[aggregate],
        never=0,
        cov_type="influence",
        clusters=_clusters(options, context),
        where=context.where(command.condition),
    )


def _clusters(options: Mapping[str, str], context: Context) -> list[str] | None:
    if "cluster" not in options:
        return None
    names = clusters(options["cluster"], context.variables)
    return None if names == [context.entity] else names


def imputation(command: Command, context: Context) -> Translation:
    """Translate ``did_imputation``."""
    options = _IMPUTATION.read(command)
    names = context.variables.names(command.arguments)
    if len(names) != 4:
        raise StataError.because("outcome, entity, time and first treated time")
    y, entity, time, event = names
    _set_keys(context, entity, time)
    effects = absorbed(options.get("fe", f"{entity} {time}"), context.variables)
    if {*effects} != {column(entity), column(time)}:
        raise StataError.because("fe() with other effects than entity and time")
    horizons = options.get("horizons") is not None or "allhorizons" in options
    leads = options.get("pretrends")
    return specify(
        "StaggeredDid",
        ["the default errors here, cov_type='hc2', hold with few entities"],
        command.text,
        y=column(y),
        event=column(event),
        x=plain(context.variables.products(options.get("controls", ""))),
        estimator="imputation",
        aggregate=None if horizons else "simple",
        leads=None if leads is None else whole(leads, "pretrends"),
        cov_type="influence",
        clusters=_clusters(options, context),
        where=context.where(command.condition),
    )


def interaction(command: Command, context: Context) -> Translation:
    """Translate ``eventstudyinteract``; its dummies follow from cohort()."""
    options = Options(
        "c.ohort control_c.ohort cov.ariates a.bsorb vce cl.uster r.obust"
    ).read(command)
    y, _ = outcome_and_regressors(command, context)
    effects = absorbed(options.get("absorb", ""), context.variables)
    if {*effects} != {context.entity, context.time} or "cohort" not in options:
        raise StataError.because("absorb() other than the keys, or cohort() is absent")
    return specify(
        "StaggeredDid",
        [
            "event times are computed from cohort(); dummies that leave some out "
            "or bin "
            "them are another model",
            "never treated entities have no first treated time, or pass never=",
        ],
        command.text,
        y=y,
        event=column(context.variables.resolve(options["cohort"])),
        x=plain(context.variables.products(options.get("covariates", ""))),
        estimator="sun_abraham",
        cov_type="influence",
        where=context.where(command.condition),
    )


def bacon(command: Command, context: Context) -> Translation:
    """Translate ``bacondecomp``."""
    Options("", "ddet.ail stub r.obust vce nogr.aph msym.bols").read(command)
    y, products = outcome_and_regressors(command, context)
    if len(products) != 1:
        raise StataError.because("controls in bacondecomp", "One treatment is taken.")
    inner = specify("FixedEffects", (), command.text, y=y, x=plain(products))
    python = f"dp.bacon_decomposition({as_python(inner.spec)}, panel)"
    return Translation(command.text, None, python)


def matching(_command: Command, _context: Context) -> Translation:
    """Refuse ``psmatch2``: it matches rows."""
    raise StataError.because(
        "psmatch2 matches rows, so that a row may be matched with another year of the "
        "same entity",
        "match_entities(panel, treated, x) matches entities on values before "
        "treatment.",
    )


def poisson(command: Command, context: Context) -> Translation:
    """Translate ``ppmlhdfe``, ``poisson`` and ``xtpoisson, fe``."""
    options = _POISSON.read(command)
    y, products = outcome_and_regressors(command, context)
    effects = absorbed(options.get("absorb", ""), context.variables)
    fixed = command.name == "xtpoisson"
    if fixed and "fe" not in options:
        raise StataError.because("xtpoisson without fe: random effects")
    products, years = without_years(products, context)
    keys = (context.entity, context.time)
    return specify(
        "PoissonEffects",
        (),
        command.text,
        y=y,
        x=plain(products),
        entity_effects=fixed or context.entity in effects,
        time_effects=years or context.time in effects,
        absorb=[effect for effect in effects if effect not in keys],
        exposure=options.get("exposure"),
        offset=options.get("offset"),
        singletons="drop" if command.name == "ppmlhdfe" else "keep",
        collinear="drop",
        where=context.where(command.condition),
        **_robust(command, options, context),
    )


def _robust(
    command: Command, options: Mapping[str, str], context: Context
) -> dict[str, Any]:
    """Translate the errors of a maximum likelihood estimator."""
    kind, _, rest = options.get("vce", "").partition(" ")
    rest = options.get("cluster", rest)
    if rest:
        return {"cov_type": "clustered", "clusters": clusters(rest, context.variables)}
    if kind.startswith("r") or "robust" in options or command.name == "ppmlhdfe":
        clustered = command.name.startswith("xt")
        return {"cov_type": "clustered" if clustered else "robust"}
    if kind not in ("", "oim"):
        raise StataError.because(f"vce({options['vce']})")
    return {"cov_type": "unadjusted"}


def logit(command: Command, context: Context) -> Translation:
    """Translate ``logit`` and ``probit``; dummies of categories become effects."""
    options = _LOGIT.read(command)
    y, products = outcome_and_regressors(command, context)
    if command.name not in ("logit", "probit"):
        raise StataError.because(
            f"{command.name} is a conditional or random effects likelihood",
            "LogitEffects corrects the bias of fixed effects.",
        )
    effects = [column(p[0].name) for p in products if is_category(p)]
    read = specify(
        "LogitEffects",
        ["robust errors there have the factor n/(n - 1) or G/(G - 1), here none"],
        command.text,
        y=y,
        x=plain(p for p in products if not is_category(p)),
        link=command.name,
        entity_effects=False,
        time_effects=False,
        absorb=effects,
        collinear="drop",
        where=context.where(command.condition),
        **_robust(command, options, context),
    )
    spec = read.spec.replace(bias_correction=None)  # type: ignore[union-attr]
    return replace(read, spec=spec, python=as_python(spec))


COMMANDS: Mapping[str, Callable[[Command, Context], Translation]] = {
    "csdid": callaway,
    "did_imputation": imputation,
    "eventstudyinteract": interaction,
    "bacondecomp": bacon,
    "psmatch2": matching,
    **dict.fromkeys(("ppmlhdfe", "poisson", "xtpoisson"), poisson),
    **dict.fromkeys(("logit", "probit", "xtlogit", "xtprobit", "clogit"), logit),
}
