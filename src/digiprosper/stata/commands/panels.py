"""Thresholds, mediation, spatial and dynamic panel models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from digiprosper.errors import StataError, cited
from digiprosper.panel.terms import canonical
from digiprosper.spatial.weights import SpatialWeights
from digiprosper.stata.expressions import shifted
from digiprosper.stata.prefixes import Command, Options, read_options, split
from digiprosper.stata.translation import Call, Table, Translation
from digiprosper.stata.varlists import Product, is_category, number, plain, term, whole

# Options without an argument, and the field and the value that each stands for.
DYNAMIC_FLAGS: Mapping[str, tuple[str, Any]] = {
    "noleveleq": ("estimator", "difference"),
    "twostep": ("steps", 2),
    "orthogonal": ("transform", "orthogonal"),
}
_DYNAMIC = Options(
    "gmm.style iv.style two.step r.obust small orth.ogonal nol.eveleq c.luster h "
    "nomata",
    "nodif.fsargan svmat svv.ar",
)
_SUBOPTIONS = {
    "gmmstyle": Options("l.aglimits c.ollapse"),
    "ivstyle": Options("eq.uation"),
}
SPATIAL_EFFECTS = {"ind": (True, False), "time": (False, True), "both": (True, True)}


def threshold(call: Call) -> Translation:
    """Translate ``xthreg``."""
    options = call.options
    y, products = call.variables()
    if "rx" not in options or "qx" not in options:
        raise StataError.because("rx() or qx() is absent")
    shares = [number(text, "trim") for text in split(options.get("trim", "0.01"))]
    products, years = call.without_years(products)
    return call.specify(
        "PanelThreshold",
        [
            "xthreg searches other candidates, and its p-values come from another "
            "bootstrap"
        ],
        y=y,
        regime_dependent=call.terms("rx"),
        threshold_variable=call.terms("qx")[0],
        x=plain(products),
        n_thresholds=call.whole("thnum", 1),
        trim=shares if len({*shares}) > 1 else shares[0],
        time_effects=years,
        **call.errors("clustered"),
    )


def mediation(call: Call) -> Translation:
    """Translate ``sgmediation`` and ``sgmediation2``, with a bootstrap prefix too."""
    context, products = call.context, call.context.variables.products
    y = plain(products(call.command.arguments))
    mediators, treatment = call.terms("mv"), call.terms("iv")
    if len(y) != 1 or len(mediators) != 1 or len(treatment) != 1:
        raise StataError.because(
            "one outcome, one iv() and one mv() are needed",
            "Mediation takes several mediators in one specification.",
        )
    controls, years = call.without_years(products(call.options.get("cv", "")))
    others = [
        p for p in controls if not (is_category(p) and p[0].name == context.entity)
    ]
    entities = len(others) < len(controls)
    notes = ["sobel() of the results has the three tests of sgmediation2"]
    bootstrap = call.command.prefix("bootstrap", "bs")
    if bootstrap is not None:
        notes.append("the command draws rows; here entities are drawn")
    if context.entity and not entities:
        notes.append("no entity effects: the command has none in cv()")
    return call.specify(
        "Mediation",
        notes,
        y=y[0],
        treatment=treatment[0],
        mediators=mediators,
        x=plain(others),
        reps=_draws(bootstrap.text if bootstrap else ""),
        entity_effects=entities,
        time_effects=years,
        **call.errors("clustered"),
    )


def _draws(text: str) -> int | None:
    """Read the number of draws of a bootstrap prefix, ``r(ind_eff), reps(1000)``."""
    options = dict(read_options(text.partition(",")[2]))
    reps = options.get("reps") or options.get("rep")
    return whole(reps, "reps") if reps else None


def spatial(call: Call) -> Translation:
    """Translate ``xsmle``; the weights are those of `spatial_weights`."""
    options = call.options
    model = options.get("model", "sdm")
    kind = options.get("type", "ind").replace(" ", "")
    allowed = ("ind", "time", "both", "ind,leeyu", "both,leeyu")
    if model not in ("sar", "sem", "sdm") or kind not in allowed or "fe" not in options:
        raise StataError.because(
            f"model({model}) or type({kind}), or no fe",
            "There are sar, sem and sdm with fixed effects.",
        )
    if options.get("vce", "oim") != "oim" or {"robust", "cluster"} & set(options):
        raise StataError.because(
            "robust or clustered errors of a spatial model",
            "Standard errors here are those of the likelihood.",
        )
    name = options.get("wmatrix") or options.get("ematrix") or "W"
    y, products = call.variables()
    effects, _, correction = kind.partition(",")
    entity_effects, time_effects = SPATIAL_EFFECTS[effects]
    notes = (
        f"spatial_weights is {name} as SpatialWeights, matched by label",
        "likelihood='adjusted', the default here, has less bias",
    )
    weights = call.context.spatial_weights.get(name)
    placeholder = SpatialWeights.from_neighbours({"a": ["b"], "b": ["a"]})
    read = call.specify(
        "PanelSpatial",
        notes,
        y=y,
        x=plain(products),
        spatial_weights=placeholder if weights is None else weights,
        model=model,
        entity_effects=entity_effects,
        time_effects=time_effects,
        likelihood="lee_yu" if correction else "unadjusted",
    )
    return replace(read, spec=None) if weights is None else read


# --- dynamic panels -------------------------------------------------------------------


def arellano(call: Call) -> Translation:
    """Translate ``xtdpdsys``."""
    options = call.options
    y, products = call.variables()
    products, years = call.without_years(products)
    if years:
        raise StataError.because("dummies of periods in xtdpdsys")
    x, deepest = plain(products), call.whole("maxldep")
    vce = options.get("vce", "")
    robust = vce.startswith("r")
    if vce not in ("", "gmm") and not robust:
        raise StataError.because(f"vce({vce})")
    return call.specify(
        "DynamicPanel",
        ["with few entities collapse=True and fewer lags are more reliable"],
        y=y,
        x=x,
        lags=call.whole("lags", 1),
        estimator="system",
        steps=2 if "twostep" in options else 1,
        cov_type="robust" if robust else "classical",
        sargan_df="n" if robust else "n-k",
        collapse=False,
        time_effects=False,
        instrument_lags=(2, None if deepest is None else deepest + 1),
        h=2,
        equations=dict.fromkeys(x, "difference"),
        **_roles(call),
    )


def _roles(call: Call) -> dict[str, list[str]]:
    """Translate pre() and endogenous() without lag structures."""
    roles = {"pre": "predetermined", "endogenous": "endogenous"}
    for option in roles:
        suboptions = call.options.get(option, "").partition(",")[2].strip()
        if suboptions:
            raise StataError.because(f"{option}(, {suboptions})")
    return {role: call.terms(option) for option, role in roles.items()}


def roodman(call: Call) -> Translation:
    """Translate ``xtabond2``."""
    options = call.options
    y, products = call.variables()
    lags_of_y = _lags_of(y)
    lagged = [product for product in products if term(product) in lags_of_y]
    products, years = call.without_years(
        p for p in products if term(p) not in lags_of_y
    )
    regressors = plain(products)
    gmm = _gmm(call, y, regressors)
    exogenous, equations = _exogenous(call)
    unplaced = set(gmm["x"]) - set(exogenous)
    if unplaced or not lagged:
        absent = min(unplaced, default="L.y")
        raise StataError.because(f"no instruments are listed for {cited(absent)}")
    fields: dict[str, Any] = {"estimator": "system", "steps": 1}
    fields |= dict(DYNAMIC_FLAGS[f] for f in DYNAMIC_FLAGS if f in options)
    robust = bool({"robust", "cluster"} & set(options))
    small = "small-sample statistics of small are not computed"
    return call.specify(
        "DynamicPanel",
        [small] * ("small" in options),
        y=y,
        lags=len(lagged),
        cov_type="robust" if robust else "classical",
        clusters=options.get("cluster"),
        h=call.whole("h", 3),
        time_effects=years,
        instruments=[text for text in exogenous if text not in regressors],
        equations=equations,
        **gmm,
        **fields,
    )


def _lags_of(y: str) -> list[str]:
    return [shifted(f"L{count}", y) for count in range(1, 10)]


def _gmm(call: Call, y: str, regressors: list[str]) -> dict[str, Any]:
    """Read gmm(): lags by variable, roles of regressors, and whether they collapse."""
    lags: dict[str, tuple[int, int | None]] = {}
    roles: dict[str, str] = {}
    collapsed: set[bool] = set()
    for products, suboptions in _lists(call, "gmmstyle"):
        collapsed.add("collapse" in suboptions)
        first, last = _limits(suboptions)
        for name in plain(products):
            if name in (y, *_lags_of(y)):
                extra = int(name != y)
                lags[y] = (first + extra, None if last is None else last + extra)
            else:
                roles[name] = "endogenous" if first > 1 else "predetermined"
                lags[name] = (first, last)
    if len(collapsed) != 1 or y not in lags:
        raise StataError.because("no gmm() of the outcome, or collapse in some only")
    by_role = {
        role: [text for text in regressors if roles.get(text, "x") == role]
        for role in ("x", "endogenous", "predetermined")
    }
    return {
        **by_role,
        "instrument_lags": _shared(lags, by_role["predetermined"], y),
        "collapse": collapsed == {True},
    }


def _limits(suboptions: Mapping[str, str]) -> tuple[int, int | None]:
    """Read the range of lags of gmm(), such as ``2 4`` or ``2 .``."""
    limits = split(suboptions.get("laglimits", "1").replace(",", " "))
    first, last = (*limits, ".", ".")[:2]
    return whole(first, "lag"), None if last == "." else whole(last, "lag")


def _shared(lags: dict[str, Any], predetermined: list[str], y: str) -> Any:
    """Write lags by variable as one range where that is the same."""
    usual = {name: (1 if name in predetermined else 2, None) for name in lags}
    if list(lags) == [y]:
        return lags[y]
    return (2, None) if lags == usual else lags


def _exogenous(call: Call) -> tuple[list[str], dict[str, str] | None]:
    """Read iv(): exogenous variables, and the equations that they are for."""
    exogenous: list[str] = []
    equations: dict[str, str] = {}
    words = {"diff": "difference", "level": "level", "lev": "level", "both": "both"}
    for products, suboptions in _lists(call, "ivstyle"):
        word = suboptions.get("equation", "both")
        if word not in words:
            raise StataError.because(f"iv(, equation({word}))")
        others, years = call.without_years(products)
        exogenous += plain(others)
        keys = [*map(canonical, plain(others)), *["time_effects"] * years]
        if word != "both":
            equations |= dict.fromkeys(keys, words[word])
    return exogenous, equations or None


def _lists(call: Call, name: str) -> list[tuple[list[Product], dict[str, str]]]:
    """List the variables and suboptions of every gmm() or iv()."""
    out = []
    for word, argument in call.command.options:
        if _DYNAMIC.read_one(word) == name:
            names, _, rest = (argument or "").partition(",")
            suboptions = Command("", name, options=read_options(rest))
            products = call.context.variables.products(names)
            out.append((products, _SUBOPTIONS[name].read(suboptions)))
    return out


COMMANDS: Table = {
    "xthreg": (
        Options("rx qx th.num grid trim bs vce r.obust", "nobs.log noreg thl.evel"),
        threshold,
    ),
    "sgmediation": (Options("iv mv cv vce", "quietly"), mediation),
    "xsmle": (
        Options(
            "wm.atrix em.atrix mod.el ty.pe fe r.obust vce cl.uster",
            "nolog eff.ects noeff.ects hau.sman tech.nique iter.ate tol.erance "
            "difficult nsim noc.onstant",
        ),
        spatial,
    ),
    "xtdpdsys": (
        Options(
            "la.gs two.step vce maxld.ep pre noc.onstant end.ogenous",
            "art.ests",
        ),
        arellano,
    ),
    "xtabond2": (_DYNAMIC, roodman),
}
