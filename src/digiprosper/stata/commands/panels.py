"""Thresholds, mediation, spatial and dynamic panel models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digiprosper.errors import StataError, cited
from digiprosper.panel.terms import canonical
from digiprosper.stata.commands.linear import error_kind, outcome_and_regressors
from digiprosper.stata.expressions import shifted
from digiprosper.stata.prefixes import Command, Options, read_options, split
from digiprosper.stata.translation import Translation, column, specify
from digiprosper.stata.varlists import is_category, number, plain, term, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digiprosper.stata.translation import Context
    from digiprosper.stata.varlists import Product

_THRESHOLD = Options("rx qx th.num grid trim bs vce r.obust", "nobs.log noreg thl.evel")
_MEDIATION = Options("iv mv cv vce", "quietly")
_SPATIAL = Options(
    "wm.atrix em.atrix mod.el ty.pe fe r.obust vce cl.uster",
    "nolog eff.ects noeff.ects hau.sman tech.nique iter.ate tol.erance difficult nsim",
    {"re": "there are no random effects", "dlag": "a lag of the outcome in time"},
)
_DYNAMIC = Options(
    "gmm.style iv.style two.step r.obust small orth.ogonal nol.eveleq c.luster h "
    "nomata",
    "nodif.fsargan svmat svv.ar",
)
_ROLES = ("endogenous", "predetermined")
_SUBOPTIONS = {
    "gmmstyle": Options("l.aglimits c.ollapse"),
    "ivstyle": Options("eq.uation"),
}
_ARELLANO = Options(
    "la.gs two.step vce maxld.ep maxla.gs pre noc.onstant end.ogenous", "art.ests"
)


def threshold(command: Command, context: Context) -> Translation:
    """Translate ``xthreg``."""
    options = _THRESHOLD.read(command)
    y, products = outcome_and_regressors(command, context)
    if "rx" not in options or "qx" not in options:
        raise StataError.because("rx() or qx() is absent")
    shares = {number(text, "trim") for text in split(options.get("trim", "0.01"))}
    if len(shares) > 1:
        raise StataError.because(
            f"trim({options['trim']}): shares that differ by threshold",
            "Estimate with trim=(...), one share for each threshold.",
        )
    products, years = without_years(products, context)
    errors = options.get("vce", "robust" if "robust" in options else "")
    return specify(
        "PanelThreshold",
        [
            "xthreg searches other candidates, and its p-values come from another "
            "bootstrap"
        ],
        command.text,
        y=y,
        regime_dependent=plain(context.variables.products(options["rx"])),
        threshold_variable=plain(context.variables.products(options["qx"]))[0],
        x=plain(products),
        n_thresholds=whole(options.get("thnum", "1"), "thnum"),
        trim=shares.pop(),
        time_effects=years,
        where=context.where(command.condition),
        **_simple_errors(errors, context),
    )


def _simple_errors(text: str, context: Context) -> dict[str, Any]:
    """Translate vce() of a model with entity effects, whose robust errors cluster."""
    kind, rest = error_kind(text or "unadjusted")
    if not rest:
        return {"cov_type": "clustered" if kind == "robust" else kind}
    name = context.variables.resolve(rest.strip())
    clusters = None if name == context.entity else [column(name)]
    return {"cov_type": kind, "clusters": clusters}


def without_years(
    products: list[Product], context: Context
) -> tuple[list[Product], bool]:
    """Take the category of the time key out; it becomes time effects."""
    kept = [p for p in products if not (is_category(p) and p[0].name == context.time)]
    return kept, len(kept) < len(products)


def mediation(command: Command, context: Context) -> Translation:
    """Translate ``sgmediation`` and ``sgmediation2``, with a bootstrap prefix too."""
    options = _MEDIATION.read(command)
    y = plain(context.variables.products(command.arguments))
    mediators = plain(context.variables.products(options.get("mv", "")))
    treatment = plain(context.variables.products(options.get("iv", "")))
    if len(y) != 1 or len(mediators) != 1 or len(treatment) != 1:
        raise StataError.because(
            "one outcome, one iv() and one mv() are needed",
            "Mediation takes several mediators in one specification.",
        )
    controls = context.variables.products(options.get("cv", ""))
    keys = {context.entity: "entity_effects", context.time: "time_effects"}
    effects = {"entity_effects": False, "time_effects": False}
    kept: list[Product] = []
    for product in controls:
        key = keys.get(product[0].name) if is_category(product) else None
        if key is None:
            kept.append(product)
        else:
            effects[key] = True
    notes = ["sobel() of the results has the three tests of sgmediation2"]
    bootstrap = command.prefix("bootstrap", "bs")
    if bootstrap is not None:
        notes.append("the command draws rows; here entities are drawn")
    if context.entity and not effects["entity_effects"]:
        notes.append("no entity effects: the command has none in cv()")
    return specify(
        "Mediation",
        notes,
        command.text,
        y=y[0],
        treatment=treatment[0],
        mediators=mediators,
        x=plain(kept),
        reps=_bootstrap_reps(bootstrap.text if bootstrap else ""),
        where=context.where(command.condition),
        **effects,
        **_simple_errors(options.get("vce", ""), context),
    )


def _bootstrap_reps(text: str) -> int | None:
    """Read the number of draws of a bootstrap prefix, ``r(ind_eff), reps(1000)``."""
    comma = text.find(",")
    options = dict(read_options(text[comma + 1 :])) if comma >= 0 else {}
    reps = options.get("reps") or options.get("rep")
    return whole(reps, "reps") if reps else None


def spatial(command: Command, context: Context) -> Translation:
    """Translate ``xsmle``; the weights are those of `spatial_weights`."""
    options = _SPATIAL.read(command)
    model = options.get("model", "sdm")
    kind = [word.strip() for word in options.get("type", "ind").split(",")]
    allowed = [["ind"], ["time"], ["both"], ["ind", "leeyu"], ["both", "leeyu"]]
    if model not in ("sar", "sem", "sdm") or kind not in allowed or "fe" not in options:
        raise StataError.because(
            f"model({model}) or type({', '.join(kind)}), or no fe",
            "There are sar, sem and sdm with fixed effects.",
        )
    if options.get("vce", "oim") != "oim" or {"robust", "cluster"} & set(options):
        raise StataError.because(
            "robust or clustered errors of a spatial model",
            "Standard errors here are those of the likelihood.",
        )
    name = options.get("wmatrix") or options.get("ematrix") or "W"
    weights = context.spatial_weights.get(name)
    y, products = outcome_and_regressors(command, context)
    fields: dict[str, Any] = {
        "y": y,
        "x": plain(products),
        "model": model,
        "entity_effects": kind[0] != "time",
        "time_effects": kind[0] != "ind",
        "likelihood": "lee_yu" if kind[1:] else "unadjusted",
        "where": context.where(command.condition),
    }
    notes = [
        f"spatial_weights is {name} as SpatialWeights, matched by label",
        "likelihood='adjusted', the default here, has less bias",
    ]
    if weights is None:
        return _without_weights(command, fields, notes)
    return specify(
        "PanelSpatial", notes, command.text, spatial_weights=weights, **fields
    )


def _without_weights(
    command: Command, fields: dict[str, Any], notes: list[str]
) -> Translation:
    """Write the call of a spatial model whose weights have to be passed yet."""
    regression = specify("FixedEffects", (), command.text, y=fields["y"], x=fields["x"])
    head = regression.python.removeprefix("dp.FixedEffects(").removesuffix(")")
    options = [
        f"{key}={value!r}"
        for key, value in fields.items()
        if key not in ("y", "x") and value not in (None, True) and value != "sdm"
    ]
    python = f"dp.PanelSpatial({', '.join([head, 'spatial_weights', *options])})"
    return Translation(command.text, None, python, tuple(notes))


# --- dynamic panels -------------------------------------------------------------------


def _lags(text: str, option: str) -> tuple[int, int | None]:
    """Read a range of lags such as ``2 4`` or ``2 .``."""
    first, last = (*split(text.replace(",", " ")), ".")[:2]
    return whole(first, option), None if last == "." else whole(last, option)


def arellano(command: Command, context: Context) -> Translation:
    """Translate ``xtabond`` and ``xtdpdsys``."""
    options = _ARELLANO.read(command)
    y, products = outcome_and_regressors(command, context)
    system = command.name == "xtdpdsys"
    products, years = without_years(products, context)
    x = plain(products)
    deepest = options.get("maxldep")
    fields: dict[str, Any] = {
        "instrument_lags": (
            2,
            None if deepest is None else whole(deepest, "maxldep") + 1,
        )
    }
    fields |= _listed(options, context)
    if system:
        if years:
            raise StataError.because("dummies of periods in xtdpdsys")
        fields |= {"h": 2, "equations": dict.fromkeys(x, "difference")}
    elif "noconstant" not in options:
        fields["constant"] = True
    robust = options.get("vce", "").startswith("r")
    if options.get("vce", "") not in ("", "gmm") and not robust:
        raise StataError.because(f"vce({options['vce']})")
    return specify(
        "DynamicPanel",
        ["with few entities collapse=True and fewer lags are more reliable"],
        command.text,
        y=y,
        x=x,
        lags=whole(options.get("lags", "1"), "lags"),
        estimator="system" if system else "difference",
        steps=2 if "twostep" in options else 1,
        cov_type="robust" if robust else "classical",
        sargan_df="n" if robust else "n-k",
        collapse=False,
        time_effects=years,
        where=context.where(command.condition),
        **fields,
    )


def _listed(options: Mapping[str, str], context: Context) -> dict[str, Any]:
    """Translate pre() and endogenous() without lag structures."""
    out: dict[str, Any] = {}
    for option, role in (("pre", "predetermined"), ("endogenous", "endogenous")):
        if option not in options:
            continue
        names, _, suboptions = options[option].partition(",")
        if suboptions.strip():
            raise StataError.because(f"{option}(, {suboptions.strip()})")
        out[role] = plain(context.variables.products(names))
    if "maxlags" in options:
        raise StataError.because("maxlags()", "Use instrument_lags, by variable.")
    return out


def roodman(command: Command, context: Context) -> Translation:
    """Translate ``xtabond2``."""
    options = _DYNAMIC.read(command, repeated=("gmmstyle", "ivstyle"))
    y, products = outcome_and_regressors(command, context)
    lagged = [p for p in products if term(p) in _own_lags(y)]
    products, years = without_years([p for p in products if p not in lagged], context)
    regressors = plain(products)
    instruments = _instruments(command, y, lagged, regressors, context)
    small = "small-sample statistics of small are not computed"
    robust = bool({"robust", "cluster"} & set(options))
    transform = "orthogonal" if "orthogonal" in options else "difference"
    return specify(
        "DynamicPanel",
        [small] * ("small" in options),
        command.text,
        y=y,
        lags=len(lagged),
        estimator="difference" if "noleveleq" in options else "system",
        steps=1 + ("twostep" in options),
        cov_type="robust" if robust else "classical",
        transform=transform,
        clusters=options.get("cluster"),
        h=whole(options.get("h", "3"), "h"),
        time_effects=years,
        where=context.where(command.condition),
        **instruments,
    )


def _instruments(
    command: Command,
    y: str,
    lagged: list[Product],
    regressors: list[str],
    context: Context,
) -> dict[str, Any]:
    """Read gmm() and iv(): the roles of regressors, and lags as instruments."""
    lags, roles, collapse = _gmm_lists(command, y, context)
    exogenous, equations = _iv_lists(command, context)
    unplaced = set(regressors) - {*roles, *exogenous}
    if unplaced or not lagged:
        absent = min(unplaced, default="L.y")
        raise StataError.because(f"no instruments are listed for {cited(absent)}")
    by_role = {role: [t for t in regressors if roles.get(t) == role] for role in _ROLES}
    return {
        **by_role,
        "x": [text for text in regressors if text not in roles],
        "instruments": [text for text in exogenous if text not in regressors],
        "equations": equations or None,
        "instrument_lags": lags,
        "collapse": collapse,
    }


def _own_lags(y: str) -> list[str]:
    return [shifted(f"L{count}", y) for count in range(1, 10)]


def _gmm_lists(
    command: Command, y: str, context: Context
) -> tuple[Any, dict[str, str], bool]:
    """Read gmm(): lags by variable, roles of regressors, and whether they collapse."""
    lags: dict[str, tuple[int, int | None]] = {}
    roles: dict[str, str] = {}
    collapsed: set[bool] = set()
    for names, suboptions in _lists(command, "gmmstyle"):
        collapsed.add("collapse" in suboptions)
        first, last = _lags(suboptions.get("laglimits", "1 ."), "lag")
        for name in plain(context.variables.products(names)):
            if name in (y, *_own_lags(y)):
                extra = int(name != y)
                lags[y] = (first + extra, None if last is None else last + extra)
            else:
                roles[name] = "endogenous" if first > 1 else "predetermined"
                lags[name] = (first, last)
    if len(collapsed) != 1 or y not in lags:
        raise StataError.because("no gmm() of the outcome, or collapse in some only")
    usual = {n: (1 if roles.get(n) == "predetermined" else 2, None) for n in lags}
    shared: Any = (2, None) if lags == usual else lags
    return lags[y] if list(lags) == [y] else shared, roles, collapsed == {True}


def _lists(command: Command, name: str) -> list[tuple[str, dict[str, str]]]:
    """List the variables and suboptions of every gmm() or iv()."""
    out = []
    for word, argument in command.options:
        if _DYNAMIC.read_one(word) == name:
            names, _, rest = (argument or "").partition(",")
            inner = Command("", name, options=read_options(rest))
            out.append((names, _SUBOPTIONS[name].read(inner)))
    return out


def _iv_lists(command: Command, context: Context) -> tuple[list[str], dict[str, str]]:
    """Read iv(): exogenous variables, and the equations that they are for."""
    exogenous: list[str] = []
    equations: dict[str, str] = {}
    words = {"diff": "difference", "level": "level", "lev": "level", "both": "both"}
    for names, suboptions in _lists(command, "ivstyle"):
        word = suboptions.get("equation", "both")
        if word not in words:
            raise StataError.because(f"iv(, equation({word}))")
        products, years = without_years(context.variables.products(names), context)
        exogenous += plain(products)
        keys = [*map(canonical, plain(products)), *["time_effects"] * years]
        if word != "both":
            equations |= dict.fromkeys(keys, words[word])
    return exogenous, equations


COMMANDS: Mapping[str, Callable[[Command, Context], Translation]] = {
    "xthreg": threshold,
    "sgmediation": mediation,
    "xsmle": spatial,
    "xtabond": arellano,
    "xtdpdsys": arellano,
    "xtabond2": roodman,
}
