"""Models besides linear ones: of thresholds, mediation, space, adoption, counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from digiprosper.errors import cited
from digiprosper.panel.grammar import backticked
from digiprosper.panel.terms import canonical
from digiprosper.spatial.weights import SpatialWeights
from digiprosper.stata.commands.linear import (
    absorbed_effects,
    notes_on_cells,
    of_statsmodels,
)
from digiprosper.stata.expressions import shifted
from digiprosper.stata.prefixes import (
    NOTES,
    Command,
    notes_of,
    option_name,
    read_options,
    refused,
    split,
    translated_options,
)
from digiprosper.stata.translation import (
    ONE_SERIES,
    Call,
    Translation,
    option_value,
)
from digiprosper.stata.varlists import (
    Product,
    as_terms,
    crossed_names,
    is_category,
    number,
    term,
    whole,
)

# Entity effects, time effects and likelihood by type().
SPATIAL_TYPES = {
    "ind": (True, False, "unadjusted"),
    "time": (False, True, "unadjusted"),
    "both": (True, True, "unadjusted"),
    "ind,leeyu": (True, False, "lee_yu"),
}
METHODS, AGGREGATES = notes_of("method "), notes_of("aggregate ")
# Variable of gmm(), how many periods its lags are shifted, and suboptions
_Base: TypeAlias = tuple[str, int, dict[str, str]]


def threshold(call: Call) -> Translation:
    """Translate ``xthreg``."""
    y, products = call.variables()
    shares = [number(s, "trim") for s in split(call.options.get("trim", "0.01"))]
    products, years = call.without_dummies(products)
    return call.specify(
        "PanelThreshold",
        y=y,
        regime_dependent=call.terms("rx"),
        threshold_variable=call.variable("qx"),
        x=as_terms(products),
        n_thresholds=call.whole("thnum", 1),
        trim=shares if len({*shares}) > 1 else shares[0],
        time_effects=years,
        # Its F, and its intervals, have these conventions.
        rule="<",
        df="xthreg",
        confidence="lr",
        **call.errors(),
    )


def mediation(call: Call) -> Translation:
    """Translate ``sgmediation`` and ``sgmediation2``, with a bootstrap prefix too."""
    context = call.context
    y, further_outcomes = call.variables()
    if further_outcomes:
        raise refused("several outcomes of a mediation")
    controls = context.variables.products(call.options.get("cv", ""))
    controls, years = call.without_dummies(controls)
    controls, entities = call.without_dummies(controls, "entity")
    notes = list[str]()
    bootstrap, draws = call.command.prefixes.get("bootstrap"), None
    if bootstrap is not None:
        notes.append(NOTES["draws"])
        options = dict(read_options(bootstrap.partition(",")[2]))
        draws = options.get("reps") or options.get("rep")
    if context.entity and not entities:
        notes.append(NOTES["no effects"])
    return call.specify(
        "Mediation",
        notes,
        y=y,
        treatment=call.variable("iv"),
        mediators=[call.variable("mv")],
        x=as_terms(controls),
        **({"reps": whole(draws, "reps")} if draws else {}),
        entity_effects=entities,
        time_effects=years,
        **call.errors(),
    )


def spatial(call: Call) -> Translation:
    """Translate ``xsmle``; the weights are those of `spatial_weights`."""
    options = call.options
    if "fe" not in options or call.errors()["cov_type"] != "unadjusted":
        raise refused(
            "robust or clustered errors of a spatial model, or no fe",
            "Standard errors here are those of the likelihood.",
        )
    kind, notes = options.get("type", "ind").replace(" ", ""), [NOTES["likelihood"]]
    if kind in ("both,leeyu", "time,leeyu"):
        kind, notes = "ind,leeyu", [*notes, NOTES["leeyu"]]
    entity_effects, time_effects, likelihood = option_value("type", kind, SPATIAL_TYPES)
    models = {model: model for model in ("sar", "sem", "sdm")}
    name = options.get("wmatrix") or options.get("ematrix") or "W"
    y, products = call.variables()
    weights = call.context.spatial_weights.get(name)
    placeholder = SpatialWeights.from_neighbours({"a": ["b"], "b": ["a"]})
    read = call.specify(
        "PanelSpatial",
        [f"spatial_weights is {name} as SpatialWeights, matched by label", *notes],
        y=y,
        x=as_terms(products),
        spatial_weights=placeholder if weights is None else weights,
        model=option_value("model", options.get("model", "sar"), models),
        entity_effects=entity_effects,
        time_effects=time_effects,
        likelihood=likelihood,
    )
    return replace(read, spec=None) if weights is None else read


# --- dynamic panels -------------------------------------------------------------------


def arellano(call: Call) -> Translation:
    """Translate ``xtabond`` and ``xtdpdsys``."""
    options, notes = call.options, list[str]()
    is_system = call.command.name == "xtdpdsys"
    y, products = call.variables()
    products, years = call.without_dummies(products)
    if years:
        raise refused(f"dummies of periods in {call.command.name}")
    x = as_terms(products)
    kinds = {"": False, "gmm": False, "robust": True, "r": True}
    robust = option_value("vce", options.get("vce", ""), kinds)
    if not (is_system or "noconstant" in options):
        if not (robust or "twostep" in options):
            raise refused(
                "errors of one step with a constant",
                "With noconstant or vce(robust) the coefficients are the same.",
            )
        notes.append(NOTES["levels"])
    predetermined, endogenous = call.terms("pre"), call.terms("endogenous")
    return call.specify(
        "DynamicPanel",
        notes,
        y=y,
        x=x,
        lags=call.whole("lags", 1),
        **_flags(call, "system" if is_system else "difference"),
        cov_type="robust" if robust else "classical",
        sargan_df="n" if robust else "n-k",
        collapse=False,
        time_effects=False,
        instrument_lags=_limited(call.whole("maxldep"), y, predetermined, endogenous),
        h=2,
        equations=dict.fromkeys(x, "difference") if is_system else {},
        predetermined=predetermined,
        endogenous=endogenous,
    )


def _limited(
    deepest: int | None, y: str, predetermined: list[str], endogenous: list[str]
) -> Any:
    # maxldep() is for lags of the outcome alone.
    lags = (2, None if deepest is None else deepest + 1)
    if deepest is None or not predetermined + endogenous:
        return lags
    others = dict.fromkeys(predetermined, (1, None))
    return {y: lags, **others, **dict.fromkeys(endogenous, (2, None))}


def _flags(call: Call, estimator: str) -> dict[str, Any]:
    flags = {"estimator": estimator, "steps": 1, **call.flags}
    if flags["estimator"] == "difference":
        flags.pop("constant", None)
    return flags


def roodman(call: Call) -> Translation:
    """Translate ``xtabond2``."""
    options = call.options
    y, products = call.variables()
    lags_of_y = [shifted(f"L{count}", y) for count in range(1, 10)]
    others = [product for product in products if term(product) not in lags_of_y]
    lags = len(products) - len(others)
    others, years = call.without_dummies(others)
    regressors, flags = as_terms(others), _flags(call, "system")
    bases = [*_bases(call, y, regressors)]
    gmm = _gmm(bases, y, regressors)
    exogenous, equations, are_years_listed = _exogenous(call, flags["estimator"])
    if years != are_years_listed:
        raise refused(
            "dummies of periods without instruments, or as instruments only",
            "List them before the comma and in iv().",
        )
    unplaced = {*gmm["x"]} - {*exogenous}
    if unplaced or not lags:
        absent = min(unplaced, default="L.y")
        raise refused(f"no instruments are listed for {cited(absent)}")
    return call.specify(
        "DynamicPanel",
        _differences(call, bases),
        y=y,
        lags=lags,
        cov_type="robust" if {"robust", "cluster"} & {*options} else "classical",
        clusters=options.get("cluster"),
        h=call.whole("h", 3),
        time_effects=years,
        instruments=[text for text in exogenous if text not in regressors],
        equations=equations,
        **gmm,
        **flags,
    )


def _differences(call: Call, bases: Sequence[_Base]) -> list[str]:
    """Note what differs from xtabond2."""
    notes = []
    if "small" in call.options:
        notes.append(NOTES["small"])
    if any(extra for _, extra, _ in bases) and _has_gaps(call):
        notes.append(NOTES["gaps"])
    return notes


def _gmm(bases: Sequence[_Base], y: str, regressors: list[str]) -> dict[str, Any]:
    """Read gmm(): lags by variable, roles of regressors, and whether they collapse."""
    lags, roles = dict[str, Any](), dict[str, str]()
    for name, extra, suboptions in bases:
        lags[name] = _limits(suboptions, extra)
        roles[name] = "endogenous" if lags[name][0] > 1 else "predetermined"
    if len(lags) < len(bases):
        raise refused("several gmm() of one variable")
    collapsed = {"collapse" in suboptions for _, _, suboptions in bases}
    if len(collapsed) != 1 or y not in lags:
        raise refused("no gmm() of the outcome, or collapse in some only")
    by_role = {
        role: [text for text in regressors if roles.get(text, "x") == role]
        for role in ("x", "endogenous", "predetermined")
    }
    return {
        **by_role,
        "instrument_lags": _shared(lags, by_role["predetermined"], y),
        "collapse": collapsed == {True},
    }


def _bases(call: Call, y: str, regressors: list[str]) -> Iterator[_Base]:
    lagged = {
        shifted(f"L{count}", name): (name, count)
        for name in [y, *regressors]
        for count in range(1, 10)
    }
    for products, suboptions in _lists(call, "gmmstyle"):
        for text in as_terms(products):
            # Lags of L.x are those of x, one period later.
            if text in lagged:
                yield *lagged[text], suboptions
            if text in regressors or text not in lagged:
                yield text, 0, suboptions


def _has_gaps(call: Call) -> bool:
    frame = call.context.frame
    keys = [str(call.context.entity), str(call.context.time)]
    if not {*keys} <= {*frame.columns}:
        return False
    steps = frame.sort_values(keys).groupby(keys[0])[keys[1]].diff()
    return bool((steps > steps.min()).any())


def _limits(suboptions: Mapping[str, str], extra: int) -> tuple[int, int | None]:
    """Read the range of lags of gmm(), such as ``2 4`` or ``2 .``, and add to it."""
    limits = split(suboptions.get("laglimits", "1").replace(",", " "))
    first, last = (*limits, ".")[:2]
    end = None if last == "." else whole(last, "lag") + extra
    return whole(first, "lag") + extra, end


def _shared(lags: dict[str, Any], predetermined: list[str], y: str) -> Any:
    """Write lags by variable as one range where that is the same."""
    usual = {name: (1 if name in predetermined else 2, None) for name in lags}
    if list(lags) == [y]:
        return lags[y]
    return (2, None) if lags == usual else lags


def _exogenous(call: Call, estimator: str) -> tuple[list[str], dict[str, str], bool]:
    """Read iv(): variables, equations, and whether dummies of periods are there."""
    exogenous, are_years_listed = list[str](), False
    equations: dict[str, str] = {}
    for products, suboptions in _lists(call, "ivstyle"):
        word = suboptions.get("equation", "both")
        equation = option_value("iv(, equation", word, notes_of("equation "))
        others, years = call.without_dummies(products)
        are_years_listed |= years
        exogenous += as_terms(others)
        # The only equation needs no name.
        if equation not in ("", estimator):
            names = [*map(canonical, as_terms(others)), *["time_effects"] * years]
            equations |= dict.fromkeys(names, equation)
    return exogenous, equations, are_years_listed


def _lists(call: Call, name: str) -> Iterator[tuple[list[Product], dict[str, str]]]:
    """List the variables and suboptions of every gmm() or iv()."""
    for word, argument in call.command.options:
        if option_name(word, "xtabond2") == name:
            names, _, text = argument.partition(",")
            suboptions = Command("", name, options=read_options(text))
            products = call.context.variables.products(names)
            yield products, translated_options(suboptions, f"xtabond2 {name}")


# --- staggered adoption, counts and binary outcomes -----------------------------------


def _set_keys(call: Call, entity: str | None, time: str | None) -> None:
    """Take the keys that a command names, unless xtset has named others."""
    for role, name in (("entity", entity), ("time", time)):
        key = getattr(call.context, role)
        if name and key not in (None, name):
            raise refused(f"{name} is not the {role} of xtset, {key}")
        setattr(call.context, role, name or key)


def callaway(call: Call) -> Translation:
    """Translate ``csdid``."""
    options = call.options
    y, products = call.variables()
    method = options.get("method", "drimp" if products else "dripw").partition(",")[0]
    adjustment = option_value("method", method, METHODS)
    if "ivar" not in options:
        raise refused("without ivar() csdid takes rows as independent")
    _set_keys(call, options["ivar"], options.get("time"))
    event = call.variable("gvar")
    return call.specify(
        "StaggeredDid",
        needed=[event],
        y=y,
        event=event,
        x=as_terms(products),
        adjustment=adjustment if products else None,
        aggregate=option_value("agg", options.get("agg", "event"), AGGREGATES),
        never=_never_treated(call, event),
        cov_type="influence",
        clusters=call.clusters(options.get("cluster", "")),
        **call.flags,
    )


def _never_treated(call: Call, event: str) -> float:
    """Tell how first treated times say never: as 0, or as a time after the last."""
    frame, names = call.context.frame, {event, call.context.time}
    if not names <= {*frame.select_dtypes("number")}:
        return 0
    latest = float(frame[event].max())
    is_later = latest > frame[call.context.time].max() and not (frame[event] == 0).any()
    # Without notyet entities that are treated after the panel are no controls.
    return latest if is_later and "notyet" in call.options else 0


def imputation(call: Call) -> Translation:
    """Translate ``did_imputation``."""
    options, variables = call.options, call.context.variables
    names = variables.names(call.command.arguments)
    if len(names) != 4:
        raise refused("outcome, entity, time and first treated time")
    y, entity, time, event = names
    _set_keys(call, entity, time)
    effects = variables.absorbed(options.get("fe", f"{entity} {time}"))
    if {*effects} != {backticked(entity), backticked(time)}:
        raise refused("fe() with other effects than entity and time")
    return call.specify(
        "StaggeredDid",
        y=backticked(y),
        event=backticked(event),
        x=call.terms("controls"),
        estimator="imputation",
        aggregate="dynamic" if {"horizons", "allhorizons"} & {*options} else "simple",
        leads=call.whole("pretrends"),
        cov_type="influence",
        clusters=call.clusters(options.get("cluster", "")),
    )


def bacon(call: Call) -> Translation:
    """Translate ``bacondecomp``."""
    y, products = call.variables()
    if len(products) != 1:
        raise refused("controls in bacondecomp", "One treatment is taken.")
    inner = call.specify("FixedEffects", y=y, x=as_terms(products)).python
    return call.python(f"dp.bacon_decomposition({inner}, panel)")


def poisson(call: Call) -> Translation:
    """Translate ``ppmlhdfe``, ``poisson`` and ``xtpoisson, fe``."""
    options, name = call.options, call.command.name
    # xtpoisson drops entities with one row.
    keeps = name == "poisson" or "keepsingletons" in options
    y, products = call.variables()
    effects = absorbed_effects(call)
    products, years = call.without_dummies(products)
    notes = notes_on_cells(products)
    errors = call.errors("robust" if name == "ppmlhdfe" else "oim")
    if name == "xtpoisson" and errors["cov_type"] == "clustered":
        notes.append(NOTES["no factor"])
    # Other rules than the default would keep dropped rows.
    rules = {*options.get("separation", "fe simplex relu").split()}
    return call.specify(
        "PoissonEffects",
        notes,
        y=y,
        x=as_terms(products),
        **call.effects(effects, time=years),
        **{o: call.variable(o) for o in ("exposure", "offset") if o in options},
        singletons="keep" if keeps else "drop",
        separation="drop" if rules == {"fe", "simplex", "relu"} else "raise",
        collinear="drop",
        **errors,
    )


def logit(call: Call) -> Translation:
    """Translate ``logit`` and ``probit``; dummies of many levels become effects."""
    y, products = call.variables()
    notes, is_logit = notes_on_cells(products), call.command.name == "logit"
    effects = _effects_of_dummies(products, call.context.frame, is_logit=is_logit)
    if not effects or call.command.weight:
        return _binary(call, notes)
    # Both are the same of a logit.
    notes += [] if is_logit else [NOTES["probit"]]
    return call.specify(
        "LogitEffects",
        notes,
        y=y,
        x=as_terms(p for p in products if p not in effects),
        link=call.command.name,
        bias_correction=None,
        entity_effects=False,
        time_effects=False,
        absorb=[backticked(p[0].name) for p in effects],
        collinear="drop",
        **call.errors(),
    )


def _effects_of_dummies(
    products: Sequence[Product], frame: Any, *, is_logit: bool
) -> list[Product]:
    coded = crossed_names(products)
    effects = [p for p in products if is_category(p) and p[0].name not in coded]
    # Two levels are of interest, as in linear regressions.
    wide = [
        p for p in effects if p[0].name not in frame or frame[p[0].name].nunique() > 2
    ]
    chosen = effects if is_logit and len(wide) == 1 else wide
    # With effects of one kind LogitEffects is the conditional logit, another model.
    least = 2 if is_logit else 1
    return chosen if len(chosen) >= least else []


def _binary(call: Call, notes: Iterable[str]) -> Translation:
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
        NOTES["scripts"],
        *notes,
    )


def newey(call: Call) -> Translation:
    """Translate ``newey`` of a single series into statsmodels."""
    lags = call.whole("lag")
    if call.context.entity != ONE_SERIES or lags is None:
        raise refused("newey of a panel", "Use cov_type='driscoll_kraay'.")
    code, _ = of_statsmodels(call, {"unadjusted": ""})
    options = {"maxlags": lags, "use_correction": True}
    return call.python(
        f"OLS(*{code}).fit(cov_type='HAC', use_t=True, cov_kwds={options!r})"
    )


def conditional(call: Call) -> Translation:
    """Translate ``clogit`` and ``xtlogit, fe``."""
    is_panel = call.command.name == "xtlogit"
    groups = absorbed_effects(call) if is_panel else [call.variable("group")]
    y, products = call.variables()
    return call.specify(
        "LogitEffects",
        y=y,
        x=as_terms(products),
        **call.effects(groups),
        collinear="drop",
        **call.errors(),
    )


COMMANDS = {
    "bacondecomp": bacon,
    "clogit": conditional,
    "csdid": callaway,
    "did_imputation": imputation,
    "logit": logit,
    "newey": newey,
    "poisson": poisson,
    "ppmlhdfe": poisson,
    "probit": logit,
    "sgmediation": mediation,
    "xsmle": spatial,
    "xtabond": arellano,
    "xtabond2": roodman,
    "xtdpdsys": arellano,
    "xthreg": threshold,
    "xtlogit": conditional,
    "xtpoisson": poisson,
}
