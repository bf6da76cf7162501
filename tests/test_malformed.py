"""One table of malformed input: the call, the error, and its words.

The message must have these words. The words are the column or the option that is wrong,
and the remedy. Every error is also the natural built-in, keeps its problems through
pickling, and comes instead of a warning or a raw error of another library.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from digiprosper import (
    CompositeIndex,
    DynamicPanel,
    FixedEffects,
    Indicator,
    IndicatorSystem,
    Mediation,
    Panel,
    PanelThreshold,
    PoissonEffects,
    PropagatedIndex,
    SpatialWeights,
    StaggeredDid,
    audit_weights,
    coupling_coordination,
    dagum,
    datasets,
    entropy_weights,
    equal_weights,
    etable,
    fit_all,
    from_stata,
    instruments,
    markov_transitions,
    match_entities,
    mediational_e_value,
    moderated_u_test,
    oster_bound,
    overlap_audit,
    plots,
    save_replication,
    stata,
    stepwise,
    to_stata,
    two_lines,
    u_test,
    variables,
)
from digiprosper.errors import (
    AlignmentError,
    CollinearityError,
    ColumnError,
    DigiprosperError,
    IdentificationError,
    IndicatorError,
    InputTypeError,
    MissingDataError,
    OptionError,
    PanelIndexError,
    TermError,
    ThresholdSearchError,
)


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n, t = 30, 6
    data = pd.DataFrame(
        rng.normal(size=(n * t, 4)), columns=["gdp", "digital", "edu", "urban"]
    )
    data["city"], data["year"] = (
        np.repeat([f"c{i:02d}" for i in range(n)], t),
        np.tile(np.arange(2010, 2010 + t), n),
    )
    data["region"] = np.where(data["city"] < "c15", "east", "west")
    data["distance"] = data["city"].str[1:].astype(float)
    data["word"] = "many"
    data["flat"] = 3.0
    data["positive"] = np.exp(data["edu"])
    return data


def panel() -> Panel:
    return Panel(frame(), "city", "year")


def spec(**changes: Any) -> FixedEffects:
    return FixedEffects(**{"y": "gdp", "x": ["digital"], **changes})


def fit(**changes: Any) -> Any:
    return spec(**changes).fit(panel())


def quiet(specification: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return specification.fit(panel(), rng=1)


def holes(column: str, keep: int = 2) -> Panel:
    return panel().assign(
        **{column: lambda d: d[column].where(np.arange(len(d)) < keep)}
    )


def split(**changes: Any) -> PanelThreshold:
    return PanelThreshold(
        **{
            "y": "gdp",
            "regime_dependent": ["digital"],
            "threshold_variable": "urban",
            **changes,
        }
    )


def mediate(**changes: Any) -> Mediation:
    return Mediation(
        **{"y": "gdp", "treatment": "digital", "mediators": ["edu"], **changes}
    )


SYSTEM = IndicatorSystem.from_dict({"": {"positive": "+", "urban": "-"}})

Case = tuple[Callable[[], object], type[DigiprosperError], list[str]]
PANEL: list[Case] = [
    (
        lambda: Panel({"city": [1]}, "city"),
        InputTypeError,
        ["dict", "pandas.DataFrame"],
    ),  # type: ignore[arg-type]
    (
        lambda: Panel(np.ones((2, 2)), "city", "year"),
        InputTypeError,
        ["ndarray", "pandas.DataFrame"],
    ),
    (
        lambda: Panel("data.csv", "city", "year"),  # type: ignore[arg-type]
        InputTypeError,
        ["path", "pandas.read_csv", "read_spss", "Panel.from_excel"],
    ),
    (
        lambda: Panel(pl.from_pandas(frame()).lazy(), "city", "year"),
        InputTypeError,
        ["lazy", ".collect()"],
    ),
    (lambda: Panel(frame().iloc[:0], "city", "year"), PanelIndexError, ["no rows"]),
    (lambda: Panel(frame()), PanelIndexError, ["entity='province'", "MultiIndex"]),
    (
        lambda: Panel(frame(), "citi", "year"),
        PanelIndexError,
        ["'citi'", "did you mean 'city'"],
    ),
    (
        lambda: Panel(frame(), "city", "city"),
        PanelIndexError,
        ["'city'", "two different columns"],
    ),
    (lambda: Panel(frame(), "city"), PanelIndexError, ["city", "(c00)", "time column"]),
    (
        lambda: Panel(frame(), "region", "year"),
        PanelIndexError,
        ["(east, 2010)", "aggregate or drop"],
    ),
    (
        lambda: Panel(frame().assign(city=None), "city", "year"),
        PanelIndexError,
        ["'city'", "dropna"],
    ),
    (
        lambda: Panel(frame().astype({"year": str}), "city", "year"),
        PanelIndexError,
        ["'year'", "text", "astype(int)"],
    ),
    (
        lambda: Panel(frame().assign(year=lambda d: d["year"] + 0.5), "city", "year"),
        PanelIndexError,
        ["'year'", "integers"],
    ),
    (
        lambda: Panel(frame(), "city", "year", step=0),
        OptionError,
        ["step=0", "positive integer"],
    ),
    (
        lambda: Panel(frame(), "city", "year", labels={"gpd": "GDP"}),
        ColumnError,
        ["'gpd'", "did you mean 'gdp'"],
    ),
    (
        lambda: Panel(frame().assign(gdp=np.inf), "city", "year"),
        MissingDataError,
        ["'gdp'", "180 rows", "(c00, 2010)", "replace"],
    ),
    (
        lambda: Panel(frame()[["city", "year", "gdp", "gdp"]], "city", "year"),
        ColumnError,
        ["'gdp'", "Rename or drop"],
    ),
    (
        lambda: panel().assign(z=np.ones(180)),
        AlignmentError,
        ["'z'", "ndarray", "Series indexed by (entity, time)"],
    ),
    (
        lambda: panel().assign(z=frame()["gdp"]),
        AlignmentError,
        ["'z'", "panel.frame", "attach"],
    ),
    (lambda: panel().assign(year=1), PanelIndexError, ["'year'", "new Panel"]),
    (
        lambda: panel().assign(z="gdp / digital"),
        TermError,
        ["'gdp / digital'", "I(gdp / digital)"],
    ),
    (
        lambda: panel().assign(z="log(gdp)"),
        MissingDataError,
        ["'log(gdp)'", "(first: (c00", "log1p"],
    ),
    (lambda: panel().attach(frame()["gdp"]), AlignmentError, ["'city', 'year'"]),
    (
        lambda: panel().subset("regoin == 'east'"),
        ColumnError,
        ["'regoin'", "did you mean 'region'"],
    ),
    (
        lambda: FixedEffects("gdp", ["Intercept"]).fit(
            panel().assign(Intercept="I(digital + 1)")
        ),
        TermError,
        ["'Intercept'", "rename"],
    ),
    (
        lambda: panel().subset("year > 2012 # and gdp > 1"),
        TermError,
        ["year > 2012 # and", "year >= 2015"],
    ),
    (
        lambda: FixedEffects.from_formula("gdp ~ digital#year | city"),
        TermError,
        ["'#'", "a:b"],
    ),
    (lambda: panel().subset("gdp >"), TermError, ["'gdp >'", "year >= 2015"]),
    (
        lambda: panel().subset("gdp.sum() > 0"),
        TermError,
        ["gdp.sum()", "mask made from panel.frame"],
    ),
    (
        lambda: panel().subset("year > 2050"),
        MissingDataError,
        ["year > 2050", "no rows"],
    ),
    (
        lambda: panel().subset((frame()["gdp"] > 0).to_numpy()),
        AlignmentError,
        ["ndarray", "condition as text"],
    ),  # type: ignore[arg-type]
    (
        lambda: panel().balance("rows"),
        OptionError,
        ["keep='rows'", "'entities', 'times'"],
    ),  # type: ignore[arg-type]
    (
        lambda: panel().standardise("flat"),
        IdentificationError,
        ["'flat'", "does not vary", "drop it"],
    ),
    (
        lambda: panel().winsorize("gdp", 1, 99),
        OptionError,
        ["lower=1", "upper=99", ".01 and .99"],
    ),
    (
        lambda: panel().winsorize("word"),
        InputTypeError,
        ["'word'", "'many'", "C(word)"],
    ),
    (
        lambda: panel().winsorize("gdp", by="regoin"),
        ColumnError,
        ["'regoin'", "did you mean 'region'"],
    ),
    (lambda: panel().interpolate("gpd"), ColumnError, ["'gpd'", "did you mean 'gdp'"]),
    (lambda: panel().lag("gdp", 0), OptionError, ["periods=0", "at least 1"]),
    (lambda: panel().lag("gdp", 9), MissingDataError, ["gdp", "9 steps", "time key"]),
    (lambda: panel().summarise(["gdp", "word"]), InputTypeError, ["'word'", "C(word)"]),
]
TERMS: list[Case] = [
    (lambda: fit(x=["digital**2"]), TermError, ["'digital**2'", "I(digital**2)"]),
    (lambda: fit(x=["digital^2"]), TermError, ["'digital^2'", "I(digital**2)"]),
    (lambda: fit(x=["digital + 1"]), TermError, ["'digital + 1'", "I(digital + 1)"]),
    (
        lambda: fit(x=["digital*edu"]),
        TermError,
        ["'digital*edu'", "['digital', 'edu', 'digital:edu']"],
    ),
    (
        lambda: fit(x=["digital edu"]),
        TermError,
        ["'digital edu'", "['digital', 'edu']"],
    ),
    (lambda: fit(x=["digital.mean()"]), TermError, ["digital.mean()", "log()"]),
    (lambda: fit(x=["sin(digital)"]), TermError, ["'sin'", "log()", "lag()"]),
    (lambda: fit(x=["__import__('os')"]), TermError, ["__import__", "log()"]),
    (lambda: fit(x=["I(lambda: 1)"]), TermError, ["lambda", "log()"]),
    (lambda: fit(x=["I([1 for digital in edu])"]), TermError, ["not allowed", "log()"]),
    (lambda: fit(x=["lag(digital, -1)"]), TermError, ["lag(digital, -1)", "lead()"]),
    (lambda: fit(x=["lag(digital, 1.5)"]), TermError, ["lag(digital, 1.5)", "integer"]),
    (
        lambda: fit(x=["lag(digital, 9)"]),
        MissingDataError,
        ["lag(digital, 9)", "9 steps", "time key"],
    ),
    (
        lambda: fit(x=["log(I(digital - digital))"]),
        MissingDataError,
        ["log(I(digital - digital))", "(c00, 2010)", "log1p"],
    ),
    (lambda: fit(x=["word"]), InputTypeError, ["'word'", "'many'", "C(word)"]),
    (lambda: fit(x=["C(word)"]), InputTypeError, ["C(word)", "fewer than two values"]),
    (lambda: fit(x=[""]), TermError, ["x has an empty term"]),
]
REGRESSION: list[Case] = [
    (lambda: spec(x=[]), TermError, ["x", "at least one"]),
    (lambda: spec(x=["digital", "digital "]), TermError, ["'digital '", "twice"]),
    (lambda: spec(x=["gdp"]), TermError, ["'gdp'", "in x"]),
    (lambda: spec(x=3), InputTypeError, ["x must be a list of terms", "int"]),
    (lambda: spec(y=["gdp"]), InputTypeError, ["y=['gdp'] must be one term", "list"]),
    (
        lambda: spec(cov_type="cluster"),
        OptionError,
        ["cov_type='cluster'", "'clustered'", "did you mean"],
    ),
    (lambda: spec(ssc="stata"), OptionError, ["ssc='stata'", "'reghdfe'", "'xtreg'"]),
    (
        lambda: spec(clusters="city", cov_type="robust"),
        OptionError,
        ["clusters", "cov_type='clustered'"],
    ),
    (
        lambda: spec(clusters=["city", "year", "region", "size"]),
        OptionError,
        ["clusters", "two or three"],
    ),
    (lambda: spec(bandwidth=2), OptionError, ["bandwidth=2", "driscoll_kraay"]),
    (
        lambda: spec(bandwidth=-1, cov_type="driscoll_kraay"),
        OptionError,
        ["bandwidth=-1", "0 or more"],
    ),
    (
        lambda: fit(bandwidth=6, cov_type="driscoll_kraay"),
        OptionError,
        ["bandwidth=6", "number of periods, 6"],
    ),
    (
        lambda: spec(entity_effects="city"),
        OptionError,
        ["entity_effects='city'", "absorb"],
    ),
    (
        lambda: spec(singletons="ignore"),
        OptionError,
        ["singletons='ignore'", "'drop', 'keep'"],
    ),
    (
        lambda: spec(missing="ignore"),
        OptionError,
        ["missing='ignore'", "'drop', 'raise'"],
    ),
    (
        lambda: fit(x=["digitl", "educ"]),
        ColumnError,
        ["'digitl'", "did you mean 'digital'", "'educ'", "did you mean 'edu'"],
    ),
    (
        lambda: fit(absorb=["regoin"]),
        ColumnError,
        ["'regoin'", "did you mean 'region'"],
    ),
    (lambda: fit(clusters="province"), ColumnError, ["'province'", "'city'"]),
    (
        lambda: fit(clusters="region:digital"),
        TermError,
        ["'region^digital'", "'region[digital]' in absorb"],
    ),
    (lambda: fit(clusters="word"), IdentificationError, ["'word'", "one value"]),
    (
        lambda: fit(x=["digital", "distance"]),
        IdentificationError,
        ["'distance'", "city", "drop it"],
    ),
    (
        lambda: fit(x=["digital", "flat"]),
        IdentificationError,
        ["'flat'", "constant", "drop it"],
    ),
    (
        lambda: fit(x=["digital", "edu", "I(digital - edu)"]),
        CollinearityError,
        ["'I(digital - edu)'", "'digital', 'edu'", "collinear='drop'"],
    ),
    (lambda: fit(y="flat"), IdentificationError, ["'flat'", "constant"]),
    (lambda: fit(y="distance"), IdentificationError, ["'distance'", "city"]),
    (lambda: spec().fit(frame()), InputTypeError, ["Panel", "DataFrame", "entity="]),  # type: ignore[arg-type]
    (
        lambda: spec(missing="raise").fit(holes("digital", 170)),
        MissingDataError,
        ["digital (10)", "missing='drop'"],
    ),
    (
        lambda: spec().fit(holes("digital", 0)),
        MissingDataError,
        ["no rows", "digital (180)"],
    ),
    (
        lambda: spec(time_effects=False).fit(panel().subset("city == 'c01'")),
        IdentificationError,
        ["city", "c01", "clustered"],
    ),
    (
        lambda: spec().fit(panel().subset("year == 2010")),
        IdentificationError,
        ["every row is a singleton", "entity_effects=False"],
    ),
    (
        lambda: spec(absorb="city^year").fit(panel()),
        IdentificationError,
        ["every row is a singleton", "of its city^year)", "coarser", "region^year"],
    ),
    (lambda: fit(obs_weights="edu"), OptionError, ["obs_weights='edu'", "negative"]),
    (
        lambda: fit(x=["digital"]).wald_test("edu = 0"),
        TermError,
        ["'edu'", "'digital'"],
    ),
    (
        lambda: fit(x=["digital"]).wald_test("digital = 0, digital = 0"),
        TermError,
        ["repeat"],
    ),
    (
        lambda: fit(x=["digital"]).marginal_effect("edu"),
        ColumnError,
        ["'edu'", "'digital'"],
    ),
    (
        lambda: fit(x=["positive", "log(positive)"]).marginal_effect("positive"),
        TermError,
        ["log(positive)", "I(x**k)"],
    ),
    (
        lambda: fit(x=["digital", "digital:edu"]).marginal_effect(
            "digital", {"urban": [1]}
        ),
        ColumnError,
        ["'urban'", "'edu'"],
    ),
    (lambda: fit().tidy(95), OptionError, ["level=95", ".95"]),
]
FORMULAS: list[Case] = [
    (
        lambda: FixedEffects.from_formula("gdp digital"),
        TermError,
        ["'gdp digital'", "'~'"],
    ),
    (
        lambda: FixedEffects.from_formula("gdp ~ digital | city | year"),
        TermError,
        ["at most one '|'", "province + year"],
    ),
    (
        lambda: FixedEffects.from_formula("gdp ~ digital +"),
        TermError,
        ["'gdp ~ digital +'", "y ~ a + b"],
    ),
    (
        lambda: FixedEffects.from_formula("gdp ~ digital^2 | city"),
        TermError,
        ["power", "I(x**2)"],
    ),
    (
        lambda: FixedEffects.from_formula("gdp ~ digital | city +"),
        TermError,
        ["empty effect", "y ~ a + b"],
    ),
    (
        lambda: FixedEffects.from_formula("gdp ~ digital", time_effects=True),
        OptionError,
        ["time_effects", "'|'"],
    ),
    (
        lambda: FixedEffects.from_formula("gdp ~ sin(digital) | city").fit(panel()),
        TermError,
        ["'sin'", "log()"],
    ),
    (lambda: FixedEffects.from_formula(3), InputTypeError, ["formula", "int"]),  # type: ignore[arg-type]
]
MANY: list[Case] = [
    (
        lambda: fit_all([spec()], panel()),
        InputTypeError,
        ["mapping of label to specification", "list"],
    ),  # type: ignore[arg-type]
    (lambda: fit_all({"a": "gdp ~ x"}, panel()), InputTypeError, ["'a'", "str"]),
    (
        lambda: fit_all({"a": spec()}, panel(), rng=-1),
        InputTypeError,
        ["rng=-1", "integer of at least 0"],
    ),
    (lambda: fit_all({"a": spec()}, panel())["b"], ColumnError, ["'b'", "'a'"]),
    (lambda: fit_all({"a": spec()}, panel()).compare("edu"), ColumnError, ["'edu'"]),
    (lambda: stepwise(spec(), panel(), ["digital"]), TermError, ["'digital'", "twice"]),
    (
        lambda: stepwise(spec(), panel(), ["edu"], sample="mine"),
        OptionError,
        ["sample='mine'", "'common', 'own'"],
    ),
    (
        lambda: stepwise(mediate(), panel(), ["edu"]),
        OptionError,
        ["FixedEffects", "Mediation"],
    ),
    (lambda: spec().drop("edu"), ColumnError, ["'edu'", "'digital'"]),
    (lambda: spec().swap("edu", "urban"), ColumnError, ["'edu'", "'digital'"]),
    (lambda: spec().replace(cluster="city"), OptionError, ["'cluster'", "'clusters'"]),
]
THRESHOLD: list[Case] = [
    (
        lambda: split(regime_dependent=[]),
        TermError,
        ["regime_dependent", "at least one term"],
    ),
    (lambda: split(n_thresholds=0), OptionError, ["n_thresholds=0", "at least 1"]),
    (lambda: split(trim=0.5), OptionError, ["trim=0.5", "below .5"]),
    (
        lambda: split(trim=(0.1, 0.1)),
        OptionError,
        ["trim=(0.1, 0.1)", "one per threshold"],
    ),
    (lambda: split(grid="coarse"), OptionError, ["grid='coarse'", "'hansen'"]),
    (
        lambda: split(bootstrap="wild"),
        OptionError,
        ["bootstrap='wild'", "'wild_cluster'"],
    ),
    (lambda: split(clusters=["city", "region"]), OptionError, ["clusters", "two-way"]),
    (lambda: split(rule=">"), OptionError, ["rule='>'", "'<='"]),
    (
        lambda: split(thresholds=(0.1, 0.1)),
        OptionError,
        ["thresholds=(0.1, 0.1)", "distinct"],
    ),
    (
        lambda: split(x=["digital"]).fit(panel()),
        CollinearityError,
        ["'digital'", "regime-dependent", "Remove"],
    ),
    (
        lambda: split(threshold_variable="flat").fit(panel()),
        ThresholdSearchError,
        ["'flat'", "constant"],
    ),
    (
        lambda: split(threshold_variable="urbn").fit(panel()),
        ColumnError,
        ["'urbn'", "did you mean 'urban'"],
    ),
    (
        lambda: split(bootstrap="hansen").fit(
            panel().subset("year > 2010 or city > 'c03'")
        ),
        OptionError,
        ["'hansen'", "balanced", "'wild_cluster'"],
    ),
    (lambda: split(thresholds=(99.0,)).fit(panel()), ThresholdSearchError, ["99"]),
    (
        lambda: split().fit(panel(), rng="seed"),
        InputTypeError,
        ["rng='seed'", "Generator"],
    ),
]
MEDIATION: list[Case] = [
    (lambda: mediate(mediators=[]), TermError, ["mediators", "at least one term"]),
    (
        lambda: mediate(mediators=["digital"]),
        TermError,
        ["'digital'", "treatment", "mediators"],
    ),
    (lambda: mediate(x=["edu"]), TermError, ["'edu'", "mediators", "x"]),
    (
        lambda: mediate(structure="chain"),
        OptionError,
        ["structure='chain'", "'parallel'"],
    ),
    (lambda: mediate(reps=0), OptionError, ["reps=0"]),
    (
        lambda: mediate(clusters=["city", "region"]),
        OptionError,
        ["clusters", "two-way"],
    ),
    (
        lambda: mediate(treatment="distance").fit(panel()),
        IdentificationError,
        ["'distance'", "city"],
    ),
    (
        lambda: mediate(mediators=["edcu"]).fit(panel()),
        ColumnError,
        ["'edcu'", "did you mean 'edu'"],
    ),
]
INDEX: list[Case] = [
    (lambda: Indicator("edu", "up"), IndicatorError, ["'edu'", "'up'", "'+'"]),  # type: ignore[arg-type]
    (lambda: IndicatorSystem([]), IndicatorError, ["at least one indicator"]),
    (
        lambda: IndicatorSystem([Indicator("edu"), Indicator("edu")]),
        IndicatorError,
        ["'edu'", "more than once", "one place"],
    ),
    (lambda: IndicatorSystem({"edu": "+"}), InputTypeError, ["dict", "from_dict"]),  # type: ignore[arg-type]
    (
        lambda: CompositeIndex(SYSTEM, weighting="pca2"),
        OptionError,
        ["weighting='pca2'", "'entropy'"],
    ),  # type: ignore[arg-type]
    (lambda: CompositeIndex(SYSTEM, shift=-1.0), OptionError, ["shift"]),
    (
        lambda: CompositeIndex("positive"),
        InputTypeError,
        ["IndicatorSystem", "from_dict"],
    ),  # type: ignore[arg-type]
    (
        lambda: CompositeIndex(IndicatorSystem([Indicator("edcu")])).fit(panel()),
        ColumnError,
        ["'edcu'", "did you mean 'edu'"],
    ),
    (
        lambda: CompositeIndex(IndicatorSystem([Indicator("word")])).fit(panel()),
        IndicatorError,
        ["'word'", "to_numeric"],
    ),
    (
        lambda: CompositeIndex(IndicatorSystem([Indicator("flat")])).fit(panel()),
        IndicatorError,
        ["'flat'"],
    ),
    (
        lambda: CompositeIndex(SYSTEM).fit(holes("urban", 170)),
        MissingDataError,
        ["urban (10)"],
    ),
    (lambda: CompositeIndex(SYSTEM).fit([frame()]), InputTypeError, ["Panel", "list"]),  # type: ignore[arg-type]
    (
        lambda: entropy_weights(np.array([[1.0, -1.0], [0.5, 2.0]])),
        IndicatorError,
        ["column 1", "negative", "normalise"],
    ),
]
AFTERWARDS: list[Case] = [
    (
        lambda: u_test(spec(), "digital"),
        InputTypeError,
        ["FixedEffects", ".fit(panel)"],
    ),  # type: ignore[arg-type]
    (lambda: u_test(fit(), "digital"), TermError, ["'digital'", "I(digital**2)"]),
    (lambda: u_test(fit(), "edu"), ColumnError, ["'edu'", "'digital'"]),
    (
        lambda: u_test(fit(x=["digital", "I(digital**2)"]), "digital", interval=(1, 0)),
        OptionError,
        ["interval=(1, 0)", "lower one first"],
    ),
    (lambda: etable([]), InputTypeError, ["models", "empty"]),
    (lambda: etable(spec()), InputTypeError, ["FixedEffects", "`fit`"]),  # type: ignore[arg-type]
    (
        lambda: etable(fit(), below="stars"),
        OptionError,
        ["below='stars'", "'se'", "'ci'"],
    ),  # type: ignore[arg-type]
    (lambda: etable(fit(), stats=["n"]), OptionError, ["stats='n'", "'nobs'"]),
    (lambda: etable(fit(), keep=["edu"]), ColumnError, ["'edu'", "'digital'"]),
    (
        lambda: etable(fit(), stars=(0.01, 0.1)),
        OptionError,
        ["stars=(0.01, 0.1)", "descending"],
    ),
    (
        lambda: etable(fit(), heads=["a", "b"]),
        OptionError,
        ["heads", "one text per column"],
    ),
    (
        lambda: etable(fit(), rows={"Controls": ["Yes", "No"]}),
        OptionError,
        ["'Controls'", "one per column"],
    ),
    (
        lambda: etable(fit()).save("table.pdf"),
        OptionError,
        ["'table.pdf'", ".docx", ".md"],
    ),
]
# What random calls found.
FOUND: list[Case] = [
    (lambda: panel().sample(3), InputTypeError, ["mapping of role"]),  # type: ignore[arg-type]
    (lambda: panel().sample({"y": ["gdp", 3]}), InputTypeError, ["terms", "'3'"]),  # type: ignore[list-item]
    (
        lambda: audit_weights([1], panel(), {}),
        InputTypeError,
        ["IndicatorSystem", "list"],
    ),  # type: ignore[arg-type]
    (lambda: equal_weights(10**30), InputTypeError, ["number of indicators"]),
    (
        lambda: CompositeIndex(SYSTEM, weighting=[(1,)]),  # type: ignore[arg-type]
        OptionError,
        ["weighting=[(1,)]"],
    ),
    (
        lambda: CompositeIndex(SYSTEM, weighting={"positive": 1, "urban": 10**400}),
        OptionError,
        ["'urban'"],
    ),
    (
        lambda: split(regime_intercept=pd.Series([1.0])),
        OptionError,
        ["regime_intercept"],
    ),
    (lambda: split(n_thresholds=pd.Series([1.0])), OptionError, ["n_thresholds"]),
    (
        lambda: fit(x=["digital", "C(city):C(region)"]),
        IdentificationError,
        ["more like these"],
    ),
    (lambda: panel().sample({"y": ["gdp"]}, clusters=3), InputTypeError, ["clusters"]),  # type: ignore[arg-type]
    (lambda: plots.kernel_ridge(panel(), [1]), ColumnError, ["'[1]'"]),  # type: ignore[arg-type]
    (lambda: etable(fit(), stars=b"x"), OptionError, ["stars=b'x'"]),  # type: ignore[arg-type]
    (lambda: u_test(fit(), b"x"), InputTypeError, ["variable", "bytes"]),  # type: ignore[arg-type]
    (lambda: moderated_u_test(fit(), "x", 3), InputTypeError, ["moderator", "int"]),  # type: ignore[arg-type]
    (
        lambda: fit_all({"a": spec()}, panel(), rng="x" * 5000),
        InputTypeError,
        ["rng=", "characters"],
    ),
    (lambda: panel().summarise(np.nan), InputTypeError, ["summarise", "'nan'"]),  # type: ignore[arg-type]
    (lambda: spec().swap("digital", 3), InputTypeError, ["new"]),  # type: ignore[arg-type]
    (lambda: spec().swap(3, "edu"), InputTypeError, ["old"]),  # type: ignore[arg-type]
    (lambda: spec().drop(3), InputTypeError, ["drop"]),  # type: ignore[arg-type]
    (lambda: mediational_e_value("x"), InputTypeError, ["d='x'"]),  # type: ignore[arg-type]
    (lambda: mediational_e_value(1e9), OptionError, ["standard deviations"]),
    (
        lambda: panel().standardise("gdp", by=["region"]),
        InputTypeError,
        ["by=['region']"],
    ),  # type: ignore[arg-type]
    (lambda: panel().winsorize("gdp", upper=b"x"), OptionError, ["upper=b'x'"]),  # type: ignore[arg-type]
    (lambda: mediate(reps=2**63), OptionError, ["reps="]),
    (lambda: dagum([1, 2, 3, 4], list("aabb"), reps=2**63), OptionError, ["reps="]),
    (
        lambda: coupling_coordination(
            pd.DataFrame({"a": [0.5], "b": [0.2]}), coefficients=np.int64(3)
        ),
        OptionError,
        ["coefficients"],
    ),
    (
        lambda: CompositeIndex(SYSTEM, scope="x" * 9999),
        OptionError,
        ["scope=", "characters"],
    ),
]
ARRAY = np.arange(3.0)
# What a search of every argument found.
SEARCHED: list[Case] = [
    (lambda: spec(coordinates=ARRAY), OptionError, ["coordinates=array", "conley"]),
    (lambda: spec(distance_cutoff=ARRAY), OptionError, ["distance_cutoff=array"]),
    (
        lambda: spec(cov_type="conley", distance_cutoff=10**400),
        OptionError,
        ["distance_cutoff=an integer of"],
    ),
    (lambda: PoissonEffects("gdp", "edu", cov_type=ARRAY), OptionError, ["cov_type="]),  # type: ignore[arg-type]
    (lambda: split(n_thresholds=10**12), OptionError, ["n_thresholds=", "at most 99"]),
    (lambda: split(thresholds=[10**400]), OptionError, ["thresholds="]),
    (lambda: split(trim=10**400), OptionError, ["trim="]),
    (lambda: quiet(split()).equality(ARRAY), InputTypeError, ["term", "ndarray"]),  # type: ignore[arg-type]
    (lambda: fit().marginal_effect(None), InputTypeError, ["must be text", "not None"]),  # type: ignore[arg-type]
    (
        lambda: two_lines(spec(), panel(), ["digital"]),  # type: ignore[arg-type]
        InputTypeError,
        ["must be text", "not ['digital']"],
    ),
    (
        lambda: u_test(
            fit(x=["digital", "I(digital**2)"]), "digital", at=frame()["gdp"]
        ),
        InputTypeError,
        ["at=", "map columns"],
    ),
    (
        lambda: PropagatedIndex({"i": CompositeIndex(SYSTEM)}, spec(x=["i"])).fit(
            frame()
        ),
        InputTypeError,
        ["fit takes a Panel, not DataFrame"],
    ),  # type: ignore[arg-type]
    (
        lambda: oster_bound(
            spec(x=["digital", "edu"]), panel(), "digital", ["edu"], rmax=10**400
        ),
        OptionError,
        ["rmax="],
    ),
    (lambda: mediational_e_value(10**400), InputTypeError, ["d="]),
    (
        lambda: quiet(
            mediate(reps=99, moderator="urban", moderates="a")
        ).conditional_effects(True),
        OptionError,
        ["at=True"],
    ),
    (
        lambda: quiet(mediate(reps=99)).sensitivity(rho=["0"]),
        OptionError,
        ["rho=['0']"],
    ),  # type: ignore[list-item]
    (
        lambda: panel().interpolate("gdp", extrapolate="no"),
        OptionError,
        ["extrapolate='no'"],
    ),  # type: ignore[arg-type]
    (lambda: panel().balance_table(["region"]), InputTypeError, ["by=['region']"]),  # type: ignore[arg-type]
    (lambda: panel().correlate([]), InputTypeError, ["correlate needs"]),
    (
        lambda: panel().attach(frame().groupby("city")["gdp"].mean(), name=" "),
        ColumnError,
        ["attach", "' ' is empty"],
    ),
    (lambda: Panel.from_rows(frame(), entity=ARRAY), InputTypeError, ["column names"]),  # type: ignore[arg-type]
    (
        lambda: Panel.from_wide(frame(), entity=["city"]),
        InputTypeError,
        ["['city'] is not"],
    ),  # type: ignore[arg-type]
    (
        lambda: Panel.from_wide(frame(), entity="city", time=ARRAY),
        InputTypeError,
        ["column names"],
    ),  # type: ignore[arg-type]
    (lambda: Indicator("gdp", direction=ARRAY), IndicatorError, ["direction array"]),  # type: ignore[arg-type]
    (lambda: SYSTEM.swap(ARRAY, "edu"), InputTypeError, ["old", "ndarray"]),  # type: ignore[arg-type]
    (lambda: SYSTEM.drop(["urban"]), InputTypeError, ["drop()", "['urban']"]),  # type: ignore[arg-type]
    (
        lambda: overlap_audit(SYSTEM, SYSTEM, None),
        InputTypeError,
        ["other_columns", "NoneType"],
    ),  # type: ignore[arg-type]
    (
        lambda: plots.kernel_ridge(panel(), "gdp", periods=1999),
        OptionError,
        ["periods=[1999]", "2010"],
    ),  # type: ignore[arg-type]
    (
        lambda: plots.kernel_ridge(panel().assign(v="I(gdp * 1e-300)"), "v"),
        IdentificationError,
        ["another unit"],
    ),
    (
        lambda: plots.coefficients(fit(), ax="left"),
        InputTypeError,
        ["ax must be axes", "str"],
    ),  # type: ignore[arg-type]
    (
        lambda: fit_all({"a": spec()}, panel())[["a"]],
        ColumnError,
        ["no model is labelled ['a']"],
    ),  # type: ignore[index]
    (lambda: fit_all({"a": spec()}, panel(), n_jobs=ARRAY), OptionError, ["n_jobs="]),  # type: ignore[arg-type]
    (
        lambda: markov_transitions(panel(), "positive", cuts=np.array(1.0)),
        OptionError,
        ["cuts="],
    ),
    (lambda: datasets.simulate_provinces(10**12), OptionError, ["n=1000000000000"]),
    (lambda: datasets.match_provinces([["x"]]), InputTypeError, ["one name a row"]),
    (
        lambda: variables.growth_volatility([1.0, 2.0], window=10**12),
        OptionError,
        ["window="],
    ),
    (lambda: SpatialWeights.from_frame(pd.DataFrame()), InputTypeError, ["no rows"]),
    (
        lambda: instruments.distance_to(COORDINATES, pd.Period("2015")),
        AlignmentError,
        ["2015"],
    ),
    (
        lambda: instruments.distance_to(COORDINATES, (10**400, 1)),
        InputTypeError,
        ["two numbers"],
    ),
    (
        lambda: from_stata("xtreg y x, fe", frame()),
        InputTypeError,
        ["takes a Panel, not DataFrame"],
    ),  # type: ignore[arg-type]
    (lambda: to_stata(spec(), entity=None), InputTypeError, ["entity", "NoneType"]),  # type: ignore[arg-type]
    (
        lambda: stata.read_do_file(3),
        InputTypeError,
        ["takes the path of a file or folder, not int"],
    ),  # type: ignore[arg-type]
    (
        lambda: stata.run_do_file("a.do", frame()),
        InputTypeError,
        ["takes the path of a file or folder, not DataFrame"],
    ),  # type: ignore[arg-type]
    (
        lambda: save_replication(None, {"a": spec()}, panel=panel()),
        InputTypeError,
        ["takes the path of a file or folder, not NoneType"],
    ),  # type: ignore[arg-type]
    (
        lambda: save_replication("a", {"a": spec()}, panel=panel(), formats=None),
        InputTypeError,
        ["formats"],
    ),  # type: ignore[arg-type]
    (
        lambda: StaggeredDid("flat", "first").fit(adopted()),
        IdentificationError,
        ["'flat' does not change"],
    ),
    (
        lambda: PoissonEffects("positive", "big").fit(
            panel().assign(big="I(gdp * 1e300)")
        ),
        IdentificationError,
        ["'big' has a largest value"],
    ),
    (
        lambda: match_entities(adopted().assign(big="I(gdp * 1e300)"), "ever", "big"),
        IdentificationError,
        ["'big' has a largest value"],
    ),
    (
        lambda: FixedEffects("log(人均（元）)", "edu").fit(
            panel().rename(positive="人均（元）")
        ),
        TermError,
        ["log(`人均（元）`)"],
    ),
]
SEARCHED += [
    (
        lambda: DynamicPanel("gdp", ["edu"]).fit(
            panel().subset("year in [2010, 2011, 2013, 2014]")
        ),
        IdentificationError,
        ["two consecutive rows"],
    ),
    (
        lambda: Panel.scan(frame(), "city", "year").sample_entities("all"),  # type: ignore[arg-type]
        OptionError,
        ["share='all'"],
    ),
    (
        lambda: Panel.scan(frame(), "city", "year").sample_entities(1e-300),
        PanelIndexError,
        ["no rows"],
    ),
]
COORDINATES = pd.DataFrame({"lat": [30.0], "lon": [120.0]}, index=["Hangzhou"])


def adopted() -> Panel:
    first = frame()["city"].str[1:].astype(int).mod(3).map({0: 2013.0, 1: 2014.0})
    data = frame().assign(first=first, ever=first.notna().astype(int))
    return Panel(data, "city", "year")


GROUPS = {
    "panel": PANEL,
    "term": TERMS,
    "regression": REGRESSION,
    "formula": FORMULAS,
    "many": MANY,
    "threshold": THRESHOLD,
    "mediation": MEDIATION,
    "index": INDEX,
    "afterwards": AFTERWARDS,
    "found": FOUND,
    "searched": SEARCHED,
}
CASES = [
    pytest.param(*case, id=f"{group}-{i}-{case[2][0]}")
    for group, cases in GROUPS.items()
    for i, case in enumerate(cases)
]
NATURAL = {InputTypeError: TypeError, ColumnError: KeyError}


@pytest.mark.parametrize(("call", "kind", "words"), CASES)
def test_malformed_input(
    call: Callable[[], object], kind: type[DigiprosperError], words: list[str]
) -> None:
    with pytest.raises(DigiprosperError) as caught:
        call()
    error = caught.value
    assert type(error) is kind
    assert isinstance(error, NATURAL.get(kind, ValueError))
    for word in words:
        assert word in str(error)
    assert error.problems
    assert all(p.message for p in error.problems)
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is kind
    assert str(other) == str(error)
    assert [p.code for p in other.problems] == [p.code for p in error.problems]


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 40
