"""The public face: a light import, names that resolve, the contract's names.

Everything the contract names.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import pytest

import digiprosper as dp
from digiprosper.specification import Specification

HEAVY = (
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
    "linearmodels",
    "matplotlib",
    "formulaic",
    "narwhals",
)


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_import_loads_no_heavy_package() -> None:
    code = f"import sys, digiprosper; print([m for m in {HEAVY} if m in sys.modules])"
    assert run(code) == "[]"


TOUCH = """
import random, sys, threading
import digiprosper as dp

names = random.Random({seed}).sample(dp.__all__, 8)
start, failed = threading.Barrier(len(names)), []

def touch(name):
    start.wait()
    try:
        getattr(dp, name)
    except Exception as error:
        failed.append((name, error))

threads = [threading.Thread(target=touch, args=(name,), daemon=True) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
print(failed, [thread.is_alive() for thread in threads].count(True))
"""


@pytest.mark.further
@pytest.mark.many(1)
@pytest.mark.parametrize("seed", range(3))
def test_threads_may_touch_names_at_once(seed: int) -> None:
    assert run(TOUCH.format(seed=seed)) == "[] 0"


@pytest.mark.further
def test_no_module_asks_the_root_for_a_public_name() -> None:
    """It would wait for the root's lock during import, another thread for ours."""
    root = Path(inspect.getfile(dp)).parent
    for path in set(root.rglob("*.py")) - {root / "__init__.py"}:
        text = path.read_text(encoding="utf-8")
        # Other files need no parsing, which takes time.
        if not re.search(r"^\s*(import|from)\b.*\bdigiprosper\b(?!\.)", text, re.M):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "digiprosper", path
            if isinstance(node, ast.Import):
                assert all(alias.name != "digiprosper" for alias in node.names), path


def test_errors_are_light_too() -> None:
    code = (
        f"import sys, digiprosper; digiprosper.ColumnError; print([m for m in {HEAVY} "
        "if m in sys.modules])"
    )
    assert run(code) == "[]"


# One process runs these lines in their order; each may load the packages beside it, and
# those before it.
LINES = (
    ("import digiprosper as dp", set()),
    ("panel = dp.datasets.us_states()", {"numpy", "pandas"}),
    ("dp.Panel(panel.frame.reset_index(), 'state', 'year')", set()),
    ("spec = dp.FixedEffects('log(gsp)', ['log(pc)', 'unemp'])", set()),
    ("fit = spec.fit(panel)", set()),
    ("dp.wild_bootstrap(spec, panel, 'unemp', reps=99, rng=1)", set()),
    # Before version 1.17 scipy.special loads scipy.linalg.
    (
        "str(fit.summary()), str(dp.etable([fit]))",
        {"scipy", "scipy.special", "scipy.linalg"},
    ),
    (
        (
            "dp.Mediation('log(gsp)', 'log(pc)', ['unemp'], reps=99).fit(panel, "
            "rng=1).tidy()"
        ),
        set(),
    ),
    (
        (
            "dp.PanelThreshold('log(gsp)', ['log(pc)'], 'unemp', "
            "reps=99).fit(panel, rng=1)"
        ),
        set(),
    ),
    (
        "iv = dp.FixedEffectsIV('log(gsp)', ['unemp'], ['log(pc)'], ['log(pcap)'])",
        set(),
    ),
    ("str(iv.fit(panel).summary())", set()),
    (
        "w = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())",
        {"scipy.sparse"},
    ),
    ("dp.PanelSpatial('log(gsp)', ['log(pc)'], w).fit(panel)", {"scipy.optimize"}),
    (
        "dp.FixedEffects.from_formula('log(gsp) ~ unemp').fit(panel)",
        {"formulaic", "narwhals"},
    ),
)
LOADED = "; print(sorted(set({packages}) & set(sys.modules)))"


@pytest.mark.further
def test_what_a_line_does_not_need_it_does_not_load() -> None:
    packages = (
        *HEAVY,
        *(
            f"scipy.{part}"
            for part in ("special", "linalg", "sparse", "optimize", "stats")
        ),
    )
    code = ["import sys", "import warnings", "warnings.simplefilter('ignore')"]
    code += [line + LOADED.format(packages=packages) for line, _ in LINES]
    may_load: set[str] = set()
    for (line, needed), loaded in zip(
        LINES, run("\n".join(code)).splitlines(), strict=True
    ):
        may_load |= needed
        assert set(ast.literal_eval(loaded)) <= may_load, line


def test_every_public_name_resolves_and_has_words() -> None:
    values = {name: getattr(dp, name) for name in dp.__all__}
    # An alias of option words has no place for a docstring.
    bare = [
        name
        for name, v in values.items()
        if get_origin(v) is None and not inspect.getdoc(v)
    ]
    assert bare == []


def public_values() -> dict[str, Any]:
    """Public functions and classes, those of the public modules included."""
    values = {name: getattr(dp, name) for name in dp.__all__}
    modules = {name: value for name, value in values.items() if inspect.ismodule(value)}
    inner = {
        f"{m}.{part}": getattr(module, part)
        for m, module in modules.items()
        for part in module.__all__
    }
    return {
        name: v
        for name, v in (values | inner).items()
        if inspect.isclass(v) or inspect.isfunction(v)
    }


def test_every_public_name_has_an_example() -> None:
    # An alias of option words has no docstring.
    assert [
        name
        for name, v in public_values().items()
        if ">>>" not in (inspect.getdoc(v) or "")
    ] == []


def test_all_is_sorted_and_complete() -> None:
    assert len(set(dp.__all__)) == len(dp.__all__)
    assert set(dp.__all__) <= set(dir(dp))
    assert "__version__" in dir(dp)
    assert dir(dp) == sorted(dir(dp))


@pytest.mark.further
def test_star_import() -> None:
    assert (
        run("from digiprosper import *; print(Panel.__name__, etable.__name__)")
        == "Panel etable"
    )


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        dp.no_such_name  # noqa: B018


def test_what_makes_a_table_prints_as_one() -> None:
    """A frame inside `Correlation(r=..., p=...)` is not read by anyone."""
    values = [getattr(dp, name) for name in dp.__all__]
    classes = [v for v in values if isinstance(v, type) and hasattr(v, "table_columns")]
    assert len(classes) > 20
    levels = [
        inspect.signature(c.table_columns).parameters.get("level") for c in classes
    ]
    assert {level.default for level in levels} == {0.95}
    # The method that a dataclass writes is wrapped.
    assert not [c for c in classes if hasattr(c.__repr__, "__wrapped__")]
    printed = repr(dp.datasets.us_states().correlate(["gsp", "pc"]))
    assert printed.splitlines()[1].split() == ["gsp", "1.000", "0.936"]


def test_typed() -> None:
    assert (Path(inspect.getfile(dp)).parent / "py.typed").exists()


FOUNDATION = """
Panel Sample Indicator IndicatorSystem CompositeIndex IndexResults entropy_weights
FixedEffects LinearResults PanelThreshold ThresholdResults Mediation MediationResults
EffectResults u_test UTestResult ResultSet fit_all stepwise etable save_tables
stack_tables Table TableStyle TestResult Results HasDraws Glance plots datasets Notice
PanelIndexError ColumnError TermError OptionError InputTypeError AlignmentError
MissingDataError CollinearityError IdentificationError IndicatorError
ThresholdSearchError DigiprosperError PanelKink KinkResults PropagatedIndex gini theil_t
theil_l atkinson coefficient_of_variation dagum DagumResult within_between
mean_group_mediation sequential_g MediationIV MediationIVResults two_lines
moderated_u_test ModeratedUResult TwoLinesResult MeanGroupResults Decision
two_turns_test TwoTurnsResult
MediationSensitivity JohnsonNeyman theil_decomposition urban_rural_theil
sigma_convergence beta_convergence markov_transitions SingletonWarning
FewClustersWarning NearCollinearWarning BoundaryThresholdWarning SmallRegimeWarning
MissingDataWarning IdentificationWarning DigiprosperWarning
"""


def test_names_of_the_contract_are_public() -> None:
    assert set(FOUNDATION.split()) <= set(dp.__all__)


def call_of(function: Any) -> str:
    """Names and defaults, keyword-only after the star, without types."""
    parts, star = [], False
    for name, p in inspect.signature(function).parameters.items():
        if name == "self":
            continue
        if p.kind is p.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        prefix = (
            "**"
            if p.kind is p.VAR_KEYWORD
            else "*"
            if p.kind is p.VAR_POSITIONAL
            else ""
        )
        parts.append(
            prefix + name + ("" if p.default is p.empty else f"={p.default!r}")
        )
    return ", ".join(parts)


DISTANCES = "coordinates=None, distance_cutoff=None, distance_kernel='bartlett'"
EFFECTS = "entity_effects=True, time_effects=True"
CONTRACT = {
    "Panel": (
        "data, entity=None, time=None, *, labels=None, step=None, time_format=None"
    ),
    "Panel.attach": "data, *, name=None, on=None, keep='all', overwrite=False",
    "Panel.balance": "keep='entities'",
    "Panel.balance_table": "by, columns=None, *, obs_weights=None, clusters=None",
    "Panel.define": "definitions",
    "Panel.from_excel": (
        "path, *, entity, time='year', sheet=None, match=None, labels=None, step=None, "
        "time_format=None, na_values=None, thousands=None"
    ),
    "Panel.from_rows": "data, *, entity=None, labels=None",
    "Panel.from_wide": (
        "data, *, entity, value=None, time='year', labels=None, step=None, "
        "time_format=None"
    ),
    "Panel.dropna": "columns=None",
    "Panel.from_stata": (
        "path, *, entity, time=None, step=None, time_format=None, encoding=None"
    ),
    "Panel.scan": (
        "table, entity, time=None, *, memory='1GB', blocks=None, folder=None, "
        "labels=None, step=None, time_format=None"
    ),
    "PanelScan.sample_entities": "share",
    "PanelScan.subset": "rows",
    "PanelScan.summarise": "columns=None",
    "Panel.head": "n=5",
    "Panel.sample": "roles, *, codes=(), clusters=(), missing='drop', where=None",
    "Panel.rename": "**names",
    "Panel.standardise": "columns, by=None",
    "Panel.winsorize": "columns, lower=None, upper=None, by=None, quantile='stata'",
    "Panel.interpolate": "columns, extrapolate=False",
    "Panel.lag": "columns, periods=1",
    "Panel.diff": "columns, periods=1",
    "Panel.summarise": "columns=None, *, obs_weights=None",
    "Panel.correlate": "columns=None, *, obs_weights=None",
    "Indicator": "name, direction='+', *, dimension='', unit='', goalposts=None",
    "CompositeIndex.fit": "panel, *, rng=None, progress=False",
    "FixedEffects": (
        f"y, x=(), *, {EFFECTS}, absorb=(), cov_type='clustered', clusters=None, "
        f"bandwidth=None, {DISTANCES}, ssc='reghdfe', obs_weights=None, "
        "singletons='drop', collinear='raise', missing='drop', keep_rows=True, "
        "where=None"
    ),
    "LinearResults.combination": "expression",
    "LinearCombination.interval": "level=0.95",
    "FixedEffects.fit": "panel, *, rng=None, progress=False",
    "EventStudy": (
        "y, event, x=(), *, before=5, after=5, reference=-1, bin_ends=True, "
        f"never=None, {EFFECTS}, absorb=(), cov_type='clustered', clusters=None, "
        f"bandwidth=None, {DISTANCES}, ssc=None, obs_weights=None, "
        "singletons='drop', collinear='raise', missing='drop', keep_rows=True, "
        "where=None, family='linear', exposure=None, offset=None"
    ),
    "EventStudy.fit": "panel, *, rng=None, progress=False",
    "EventStudyResults.event_path": "level=0.95, bands='pointwise'",
    "EventStudyResults.pretrend_test": "",
    "PoissonEventStudyResults.event_path": (
        "level=0.95, bands='pointwise', scale='log'"
    ),
    "PoissonEventStudyResults.average_effects": "level=0.95",
    "EventStudyResults.honest": (
        "*, restriction='relative', bounds=None, effect=0, level=0.95, critical='t'"
    ),
    "EventStudyResults.pretrend_power": "slopes=None, *, powers=(0.5, 0.8), level=0.95",
    "StaggeredDidResults.event_path": "level=0.95, bands='pointwise'",
    "StaggeredDid": (
        "y, event, x=(), *, estimator='callaway_santanna', control=None, "
        "aggregate='dynamic', adjustment=None, base_period=None, anticipation=0, "
        "leads=None, never=None, cov_type='hc2', clusters=None, obs_weights=None, "
        "missing='drop', where=None"
    ),
    "Matching.att": "outcome, *, neighbours=1",
    "match_entities": (
        "panel, treated, x, *, base='first', method='propensity', k=1, caliper=0.05, "
        "replace=True, support=True, ties=None, moments=1, base_weights=None"
    ),
    "pathways.Mechanism": (
        "id, claim, *, cause, outcome, sign, shape, channels=(), moderator='', "
        "source='', claim_zh='', test='', testable='yes', path_signs='', design='', "
        "impact='total', stand_in='', needs='', needs_zh='', stage='', "
        "section='', where=''"
    ),
    "pathways.MechanismReport.in_language": "language, labels=None",
    "pathways.evaluate": (
        "panel, mechanisms, columns, *, controls=(), systems=None, "
        "spatial_weights=None, adjust='holm', level=0.95, rng=None, language='en'"
    ),
    "pathways.seed_catalogue": "",
    "plots.balance": "matching, *, labels=None, ax=None",
    "oster_bound": (
        "spec, panel, term, controls, *, rmax=1.3, delta=1.0, rsquared_max=None"
    ),
    "plots.u_shape": "results, test, *, panel=None, labels=None, ax=None",
    "plots.moran_scatter": (
        "panel, column, spatial_weights, *, time=None, names=True, labels=None, ax=None"
    ),
    "plots.impacts": (
        "results, *, kinds=('direct', 'indirect', 'total'), keep=None, labels=None, "
        "level=0.95, ax=None"
    ),
    "plots.decay": (
        "results, term=None, *, kinds='indirect', labels=None, level=0.95, ax=None"
    ),
    "plots.event_study": "results, *, counts=False, labels=None, level=0.95, ax=None",
    "plots.honest": "intervals, *, labels=None, ax=None",
    "plots.pathways": "report, *, labels=None, ax=None",
    "plots.specification_curve": (
        "results, term=None, *, main=None, labels=None, level=0.95, ax=None"
    ),
    "LogitEffects": (
        f"y, x, *, link='logit', {EFFECTS}, absorb=(), bias_correction='analytical', "
        "cov_type='clustered', clusters=None, collinear='raise', missing='drop', "
        "where=None"
    ),
    "LogitEffects.fit": "panel, *, rng=None, progress=False",
    "LogitResults.average_effects": "*, errors='population'",
    "DynamicPanel": (
        "y, x=(), *, lags=1, endogenous=(), predetermined=(), instruments=(), "
        "estimator='difference', instrument_lags=(2, 5), collapse=True, "
        "transform='difference', steps=2, cov_type='robust', windmeijer=True, "
        "equations=(), constant=None, time_effects=True, h=3, sargan_df='n', "
        "clusters=None, reps=999, missing='drop', where=None"
    ),
    "DynamicPanel.fit": "panel, *, rng=None, progress=False",
    "DynamicResults.long_run": "level=0.95",
    "PanelDML": (
        "y, treatment, controls, *, transform='dictionary', learners, "
        "instrument=None, degree=2, "
        f"folds=5, seeds=20, clusters=None, {EFFECTS}, ssc='G/(G-1)', where=None"
    ),
    "PanelDML.fit": "panel, *, rng=None, progress=False",
    "PoissonEffects": (
        f"y, x=(), *, {EFFECTS}, absorb=(), exposure=None, offset=None, "
        "separation='drop', cov_type='clustered', clusters=None, ssc='ppmlhdfe', "
        "obs_weights=None, singletons='drop', collinear='raise', missing='drop', "
        "keep_rows=True, where=None"
    ),
    "PoissonEffects.fit": "panel, *, rng=None, progress=False",
    "PoissonResults.average_effects": "level=0.95",
    "PoissonResults.predict": "panel",
    "PoissonResults.without_rows": "",
    "FixedEffectsIV": (
        f"y, x, endog, instruments, *, {EFFECTS}, absorb=(), cov_type='clustered', "
        f"clusters=None, bandwidth=None, {DISTANCES}, ssc='reghdfe', "
        "obs_weights=None, singletons='drop', collinear='raise', missing='drop', "
        "keep_rows=True, where=None"
    ),
    "FixedEffectsIV.fit": "panel, *, rng=None, progress=False",
    "IVResults.anderson_rubin": "level=0.95",
    "IVResults.anderson_rubin_test": "values=0.0",
    "IVResults.endogeneity_test": "",
    "from_stata": ("text, panel=None, *, entity=None, time=None, spatial_weights=None"),
    "stata.read_do_file": ("path, *, panel=None, macros=None, spatial_weights=None"),
    "stata.run_do_file": ("path, data, *, macros=None, spatial_weights=None"),
    "to_stata": "spec, *, entity='id', time='year'",
    "instruments.interact": "panel, cross_section, series, lag=1",
    "instruments.bartik": (
        "panel, shares, shocks, *, base=None, lag=1, leave_one_out=False"
    ),
    "instruments.distance_to": "coordinates, place",
    "cluster_bootstrap": "spec, panel, *, reps=999, rng=None",
    "randomisation_test": "spec, panel, term, *, strata=None, reps=999, rng=None, "
    "progress=False",
    "wild_bootstrap": "spec, panel, term, *, reps=9999, rng=None",
    "WildBootstrapResult.interval": "level=0.95",
    "PanelThreshold": (
        "y, regime_dependent, threshold_variable, x=(), *, n_thresholds=1, "
        f"thresholds=None, search='sequential', {EFFECTS}, absorb=(), trim=0.05, "
        "min_nobs=1, min_entities=0, grid=None, rule='<=', regime_intercept=False, "
        "bootstrap='wild_cluster', reps=999, level=0.95, confidence='scaled', "
        "df='hansen', cov_type='clustered', clusters=None, ssc='reghdfe', where=None"
    ),
    "PanelThreshold.fit": "panel, *, rng=None, progress=False",
    "ThresholdResults.confidence_set": "threshold=1, *, method=None",
    "ThresholdResults.critical_value": "threshold=1, *, method=None",
    "SpatialWeights": "matrix, entities, *, standardise='row', name='W'",
    "SpatialWeights.economic": "values, *, standardise='row', name='W'",
    "SpatialWeights.from_frame": (
        "frame, i=None, j=None, w=None, *, entities=None, standardise='row', name='W'"
    ),
    "SpatialWeights.from_neighbours": "neighbours, *, standardise='row', name='W'",
    "SpatialWeights.from_pysal": "w, entities=None, *, standardise='row', name='W'",
    "SpatialWeights.gravity": (
        "values, coordinates, *, power=2, cutoff=None, standardise='row', name='W'"
    ),
    "SpatialWeights.inverse_distance": (
        "coordinates, *, power=1, cutoff=None, standardise='row', name='W'"
    ),
    "SpatialWeights.k_nearest": "coordinates, k, *, standardise='row', name='W'",
    "SpatialWeights.nested": "a, b, share, *, standardise='row', name='W'",
    "SpatialWeights.aligned_to": "entities",
    "PanelSpatial": (
        "y, x, spatial_weights, *, model='sdm', spatial_lags=None, "
        "entity_effects=True, time_effects=True, transform='exact', "
        "likelihood='adjusted', cov_type=None, effects_error='delta', reps=1000, "
        "where=None, bias_correction=None"
    ),
    "PanelSpatial.fit": "panel, *, rng=None, progress=False",
    "SpatialResults.effects_table": "level=0.95",
    "SpatialResults.wald_to": "model",
    "SpatialResults.lr_test": "other",
    "SpatialWeights.describe": "",
    "SpatialWeights.lag": "column",
    "geary": "panel, column, spatial_weights, *, permutations=999, rng=None",
    "local_moran": "panel, column, spatial_weights, *, permutations=999, rng=None",
    "moran": "panel, column, spatial_weights, *, permutations=999, rng=None",
    "PropagatedIndex": "indices, model, *, reps=999, level=0.95, "
    "model_rows='drawn', end_points='held'",
    "PropagatedIndex.fit": "panel, *, rng=None, progress=False",
    "variables.capital_stock": (
        "investment, deflator, *, growth, depreciation=0.096, entity=None, time=None"
    ),
    "variables.digital_divide": "urban, rural, *, measure='ratio'",
    "variables.digital_value_added": (
        "value_added, digital_share, *, measure='amount'"
    ),
    "variables.distance_to_leader": "x, *, time=None",
    "variables.growth_volatility": "x, *, window=5, entity=None, time=None",
    "variables.herfindahl": "shares",
    "variables.industrial_advancement": "secondary, tertiary",
    "variables.industrial_angle": "value_added",
    "variables.industrial_layer": "value_added",
    "variables.industrial_rationalisation": "value_added, employment, *, reverse=None",
    "variables.krugman_index": "employment, *, time=None",
    "variables.lilien_index": "before, after, *, shares='end'",
    "variables.locational_gini": "employment, region=None, *, time=None, reverse=None",
    "variables.per_capita": "x, population, *, per=1",
    "variables.productivity_advancement": "value_added, employment",
    "variables.regional_coordination": "income, population, region, *, time=None",
    "variables.relative_rate": "urban, rural, urban_population, rural_population",
    "variables.service_equality": "services, region, *, time=None, measure='cv'",
    "variables.solow_tfp": "output, capital, labour, *, capital_share",
    "variables.structural_deviation": "value_added, employment",
    "variables.urban_rural_ratio": "urban_income, rural_income",
    "gini": "y, *, obs_weights=None",
    "relative_deprivation": "y, groups=None, *, obs_weights=None",
    "atkinson": "y, epsilon, *, obs_weights=None",
    "coefficient_of_variation": "y, *, ddof=0, obs_weights=None",
    "dagum": (
        "y, groups, *, obs_weights=None, clusters=None, reps=0, rng=None, level=0.95"
    ),
    "theil_decomposition": "y, groups, *, obs_weights=None",
    "urban_rural_theil": (
        "urban_income, rural_income, urban_population, rural_population"
    ),
    "sigma_convergence": "panel, column",
    "markov_transitions": "panel, column, *, classes=None, cuts='pooled'",
    "beta_convergence": (
        "panel, column, *, growth=None, years=None, x=(), entity_effects=False, "
        "time_effects=False, cov_type='clustered', clusters=None, "
        "ssc='reghdfe', **options"
    ),
    "Mediation": (
        "y, treatment, mediators, x=(), *, structure='parallel', moderator=None, "
        "moderates=(), threshold=None, regime_intercept=True, search_draws=False, "
        f"quadratic=(), absorb=(), {EFFECTS}, cov_type='clustered', clusters=None, "
        "ssc='reghdfe', reps=4999, where=None"
    ),
    "Mediation.fit": "panel, *, rng=None, progress=False",
    "MediationResults.interval": "method='percentile', *, level=0.95",
    "MediationResults.sobel": "kind='sobel'",
    "MediationResults.joint_significance": "",
    "MediationResults.decision": "mediator=None, *, level=0.95",
    "MediationResults.two_step": "",
    "MediationResults.sensitivity": "mediator=None, *, level=0.95, rho=None",
    "MediationResults.robustness_value": "mediator=None, *, level=0.95",
    "MediationIV": (
        f"y, treatment, mediator, instrument, x=(), *, {EFFECTS}, absorb=(), "
        "cov_type='clustered', clusters=None, ssc='reghdfe', reps=4999, where=None"
    ),
    "within_between": "spec, panel",
    "mean_group_mediation": "spec, panel, *, rng=None",
    "sequential_g": "spec, panel, intermediate, *, rng=None",
    "moderated_u_test": (
        "results, variable, moderator, *, square=None, at=None, level=0.95"
    ),
    "two_turns_test": "results, variable, *, at=None, interval=None, level=0.95",
    "two_lines": "spec, panel, variable, *, square=None, knots=5, level=0.95",
    "LinearResults.conf_int": "level=0.95",
    "LinearResults.tidy": "level=0.95",
    "unit_root_test": (
        "panel, y, *, test='ips', lags=None, deterministic='constant', "
        "year_means=False, p_value='simulated', reps=9999, rng=None"
    ),
    "u_test": (
        "results, variable, *, square=None, at=None, interval=None, "
        "level=0.95, form=None, panel=None"
    ),
    "foreign": "result, *, depvar=None, effects=None, cov_label=None",
    "fit_all": "specs, panel, *, rng=None, progress=False, n_jobs=1",
    "stepwise": "spec, panel, order, *, sample='common'",
    "control_sets": "spec, panel, candidates, *, size=None, term=None",
    "search_test": (
        "spec, panel, candidates, *, also=None, term=None, reps=999, rng=None, "
        "level=0.95, progress=False"
    ),
    "ResultSet.compare": "term, level=0.95, *, kind=None",
    "ResultSet.effects_table": "level=0.95",
    "save_replication": (
        "folder, contents, *, panel, script=None, rng=1, style=None, "
        "formats=('md', 'tex')"
    ),
    "save_tables": "path, tables, *, labels=None, style=None",
    "stack_tables": "tables, *, notes=None, title=None, style=None, file=None",
    "etable": (
        "models, *, labels=None, heads=None, keep=None, drop=None, order=None, "
        "controls=(), blocks=None, rows=None, stats=None, constant=False, "
        "std_effect=(), std_effect_in='sd', below=None, stars='style', digits=None, "
        "t_digits=None, notes=None, title=None, style=None, file=None"
    ),
    "datasets.beside_truth": "rows, *, level=0.95",
    "datasets.match_cities": "names, *, to='short'",
    "datasets.match_provinces": "names, *, to='short'",
    "datasets.province_capitals": "names='pinyin'",
    "datasets.province_neighbours": "names='pinyin'",
    "datasets.us_capitals": "",
    "datasets.us_neighbours": "",
    "datasets.us_states": "",
    "datasets.simulate_provinces": "n=31, periods=12, *, gaps=0.0, rng=0",
}


@pytest.mark.parametrize("path", CONTRACT)
def test_signatures_of_the_contract(path: str) -> None:
    value: Any = dp
    for part in path.split("."):
        value = getattr(value, part)
    assert call_of(value) == CONTRACT[path]


SPECIFICATIONS = [
    value
    for value in (getattr(dp, name) for name in dp.__all__)
    if hasattr(value, "fit") and value is not Specification
]


@pytest.mark.parametrize("spec", SPECIFICATIONS, ids=lambda spec: spec.__name__)
def test_whatever_can_be_fitted_is_a_specification(spec: Any) -> None:
    assert issubclass(spec, Specification)
    assert spec.__dataclass_params__.frozen
    fit = inspect.signature(spec.fit).parameters
    assert list(fit) == ["self", "panel", "rng", "progress"]
    assert (fit["rng"].default, fit["progress"].default) == (None, False)
    assert all(
        fit[name].kind is inspect.Parameter.KEYWORD_ONLY for name in ("rng", "progress")
    )


def test_every_specification_is_among_them() -> None:
    names = {spec.__name__ for spec in SPECIFICATIONS}
    assert names >= {
        "FixedEffects",
        "PanelThreshold",
        "Mediation",
        "CompositeIndex",
        "PropagatedIndex",
    }


@pytest.mark.parametrize("spec", SPECIFICATIONS, ids=lambda spec: spec.__name__)
def test_packages_can_read_the_types_of_options(spec: Any) -> None:
    """As pydantic and cattrs do, which take a dataclass by the types of its fields."""
    hints = get_type_hints(spec)
    assert {option.name for option in fields(spec)} <= hints.keys()


def test_every_variable_is_in_the_contract_and_on_its_page() -> None:
    page = (
        Path(__file__).parents[1] / "docs" / "explanations" / "variables.md"
    ).read_text(encoding="utf-8")
    for name in dp.variables.__all__:
        assert f"variables.{name}" in CONTRACT, name
        assert f"| `{name}` |" in page, name


def test_every_variable_says_what_a_larger_value_means() -> None:
    functions = {name: getattr(dp.variables, name) for name in dp.variables.__all__}
    silent = [
        name
        for name, f in functions.items()
        if "larger is" not in (inspect.getdoc(f) or "").split("\n")[0]
    ]
    assert silent == []
