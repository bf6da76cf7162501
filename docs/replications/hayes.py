"""Examples of Hayes (2018)."""

import pandas as pd

import digiprosper as dp

pooled = {"entity_effects": False, "time_effects": False, "cov_type": "unadjusted"}


def people(name: str) -> dp.Panel:
    """Read a file of persons, one row a person."""
    return dp.Panel(pd.read_csv(f"hayes_{name}.csv").reset_index(names="row"), "row")


media, firms = people("pmi"), people("estress")
simple = dp.Mediation("reaction", "cond", "pmi", **pooled).fit(media, rng=1)
both = dp.Mediation("reaction", "cond", ["import", "pmi"], **pooled)
parallel = both.fit(media, rng=1)
serial = both.replace(structure="serial").fit(media, rng=1)
stress = dp.Mediation("withdraw", "estress", "affect", **pooled)
simple_stress = stress.fit(firms, rng=1)
controlled_stress = stress.replace(x=["ese", "sex", "tenure"]).fit(firms, rng=1)
disaster = dp.FixedEffects(
    "justify", ["frame", "skeptic", "frame:skeptic"], **pooled
).fit(people("disaster"))
climate = dp.FixedEffects(
    "govact",
    ["negemot", "age", "negemot:age", "posemot", "ideology", "sex"],
    **pooled,
).fit(people("glbwarm"))
teams = dp.Mediation(
    "perform", "dysfunc", "negtone", moderator="negexp", moderates="b", **pooled
).fit(people("teams"), rng=1)

# Beside print
ours = {}
models = {
    "PMI, one mediator": simple,
    "PMI, two mediators": parallel,
    "PMI, in series": serial,
    "stress": simple_stress,
    "stress, controls": controlled_stress,
    "teams": teams,
}
for name, fit in models.items():
    for equation, path in fit.paths.items():
        outcome = equation.removeprefix("mediator:")
        if name == "teams" and equation == "total":
            continue
        ours[f"{name}, {outcome}: R2"] = path.rsquared
        for term in path.params.index:
            ours[f"{name}, {outcome}: {term}"] = path.params[term]
            ours[f"{name}, {outcome}: std. error of {term}"] = path.std_errors[term]
    for effect in fit.params.index:
        ours[f"{name}: {effect}"] = fit.params[effect]
for name in ("PMI, one mediator", "stress"):
    test = models[name].sobel("aroian").iloc[0]
    ours[f"{name}: std. error of indirect"] = test["std_error"]
    ours[f"{name}: z of indirect"] = test["statistic"]
for name, fit in {"disaster": disaster, "climate": climate}.items():
    ours[f"{name}: R2"] = fit.rsquared
    for term in fit.params.index:
        ours[f"{name}: {term}"] = fit.params[term]
        ours[f"{name}: std. error of {term}"] = fit.std_errors[term]
for skeptic in (1.592, 2.8, 5.2):
    effect = disaster.combination(f"frame + {skeptic} * frame:skeptic")
    ours[f"disaster, skeptic {skeptic}: effect"] = effect.estimate
    ours[f"disaster, skeptic {skeptic}: std. error"] = effect.std_error
