"""Every table that the library makes, in both languages and in words of one alone.

A Chinese table has no English words except names and symbols, an English one no
Chinese, where all columns have labels in the language.
"""

from __future__ import annotations

import re
import warnings
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

import digiprosper as dp
from digiprosper.errors import DigiprosperWarning
from digiprosper.report.characters import has_cjk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digiprosper.present.tables import Table

LABELS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "province": "Province",
        "year": "Year",
        "region": "Region",
        "east": "East",
        "west": "West",
        "central": "Centre",
        "northeast": "Northeast",
        "prosperity": "Common prosperity",
        "digital": "Digital economy",
        "urban": "Urban share",
        "fiscal": "Public spending",
        "openness": "Trade",
        "productivity": "Productivity",
        "upgrading": "Industrial upgrading",
        "rural_income": "Rural income",
        "pilot": "Pilot zone",
        "first": "First pilot year",
        "coast": "Coast",
        "Borders": "Borders",
        "digital_finance": "Digital finance",
        "mobile_users": "Mobile users",
        "broadband_users": "Broadband users",
        "index": "Index",
        "ports": "Ports",
    },
    "zh": {
        "province": "省份",
        "year": "年份",
        "region": "地区",
        "east": "东部",
        "west": "西部",
        "central": "中部",
        "northeast": "东北",
        "prosperity": "共同富裕",
        "digital": "数字经济",
        "urban": "城镇化率",
        "fiscal": "财政支出",
        "openness": "对外开放",
        "productivity": "劳动生产率",
        "upgrading": "产业升级",
        "rural_income": "农村收入",
        "pilot": "试验区",
        "first": "试点年份",
        "coast": "沿海",
        "Borders": "邻接矩阵",
        "digital_finance": "数字金融",
        "mobile_users": "移动电话用户",
        "broadband_users": "宽带用户",
        "index": "指数",
        "ports": "端口",
    },
}
CONTROLS = ["urban", "fiscal"]


@cache
def panel() -> dp.Panel:
    frame = dp.datasets.simulate_provinces(rng=2026)[0].frame.reset_index()
    names = [name for name in frame if name in LABELS["zh"]]
    places = dp.datasets.province_capitals()
    labels = {name: LABELS["zh"][name] for name in names}
    return dp.Panel(frame[names], "province", "year", labels=labels).assign(
        lat=lambda f: places["lat"].loc[f.index.get_level_values(0)].to_numpy(),
        lon=lambda f: places["lon"].loc[f.index.get_level_values(0)].to_numpy(),
        first=lambda f: f["region"].map({"east": 2015.0, "west": 2018.0}),
        pilot="treated(first)",
    )


@cache
def spec() -> dp.FixedEffects:
    return dp.FixedEffects("prosperity", ["digital", *CONTROLS])


@cache
def fit() -> Any:
    return spec().fit(panel())


@cache
def counted() -> Any:
    base = dp.PoissonEffects("rural_income", ["digital", "urban", "pilot"])
    return base.fit(panel())


@cache
def learned() -> Any:
    linear_model = pytest.importorskip("sklearn.linear_model")
    learners = {"OLS": linear_model.LinearRegression(), "Ridge": linear_model.Ridge()}
    base = dp.PanelDML("prosperity", "digital", CONTROLS, learners=learners)
    return base.fit(panel(), rng=1)


@cache
def last_year() -> dp.Panel:
    return (
        panel()
        .subset("year == 2020")
        .assign(coast=lambda f: 1.0 * (f["region"] == "east"))
    )


@cache
def borders() -> dp.SpatialWeights:
    return dp.SpatialWeights.from_neighbours(
        dp.datasets.province_neighbours(), name="Borders"
    )


@cache
def spatial(**options: Any) -> Any:
    base = dp.PanelSpatial("prosperity", ["digital", "log(urban)"], borders())
    return base.replace(**options).fit(panel())


@cache
def mediated(mediators: tuple[str, ...] = ("productivity",), **options: Any) -> Any:
    base = dp.Mediation(
        "prosperity", "digital", list(mediators), ["fiscal"], reps=99, **options
    )
    return base.fit(panel(), rng=1)


@cache
def thresholds(**options: Any) -> Any:
    base = dp.PanelThreshold("rural_income", "digital", "urban", ["fiscal"], reps=99)
    return base.replace(**options).fit(panel(), rng=1)


@cache
def kink() -> Any:
    return dp.PanelKink("rural_income", "urban", reps=99).fit(panel(), rng=1)


@cache
def instrumented() -> Any:
    instruments = ["lag(digital)", "lag(digital, 2)"]
    return dp.FixedEffectsIV("prosperity", ["urban"], ["digital"], instruments).fit(
        panel()
    )


@cache
def matched(**options: Any) -> Any:
    return dp.match_entities(last_year(), "coast", ["urban", "log(fiscal)"], **options)


@cache
def index() -> Any:
    system = {"ports": {"broadband_users": "+", "mobile_users": "+"}, "": {}}
    system = {"ports": {**system["ports"], "digital_finance": "+"}}
    return dp.CompositeIndex(dp.IndicatorSystem.from_dict(system), name="index")


@cache
def staggered(**options: Any) -> Any:
    return dp.StaggeredDid("prosperity", "first", **options).fit(panel(), rng=1)


@cache
def event_study() -> Any:
    spec = dp.EventStudy("prosperity", "first", before=7, after=7)
    return spec.fit(panel())


@cache
def groups(**options: Any) -> Any:
    return dp.by_group(spec(), panel(), **options)


@cache
def curved() -> Any:
    squares = ["digital", "I(digital**2)", "urban"]
    return dp.FixedEffects("prosperity", squares)


@cache
def propositions() -> Any:
    columns = {"de": "digital", "cp": "prosperity", "tfp": "productivity"}
    return dp.pathways.evaluate(
        panel(), dp.pathways.seed_catalogue(), columns, controls=CONTROLS, rng=1
    )


def _regressions() -> dict[str, Callable[[], Any]]:
    terms = [
        "lag(digital)",
        "log(urban)",
        "lag(log(fiscal), 2)",
        "digital:urban",
        "diff(openness)",
        "lead(digital)",
        "I(fiscal**2)",
        "I(openness / 1000)",
        "log1p(openness)",
        "C(region):digital",
    ]
    pooled = dp.FixedEffects(
        "log(prosperity)",
        ["C(region)", "log(digital)"],
        entity_effects=False,
        time_effects=False,
    )
    other = spec().replace
    return {
        "one-way and two-way": lambda: [
            other(time_effects=False).fit(panel()),
            fit(),
        ],
        "many terms": lambda: other(x=tuple(terms), collinear="drop").fit(panel()),
        "pooled": lambda: pooled.fit(panel()),
        "trends": lambda: other(absorb=["province[year]", "region^year"]).fit(panel()),
        "clusters": lambda: other(clusters=["province", "year"]).fit(panel()),
        "chosen rows": lambda: other(where="year < 2018 and region != 'west'").fit(
            panel().subset("region in ['east', 'west', 'central']")
        ),
        "kinds of errors": lambda: [
            other(cov_type=kind).fit(panel())
            for kind in ("unadjusted", "robust", "hc2", "hc3", "driscoll_kraay")
        ],
        "unadjusted": lambda: other(cov_type="unadjusted").fit(panel()),
        "CR2 and CRV3": lambda: [
            other(cov_type=kind).fit(panel()) for kind in ("cr2", "crv3")
        ],
        "corrections": lambda: [other(ssc=s).fit(panel()) for s in ("xtreg", "none")],
        "conley": lambda: other(
            cov_type="conley",
            coordinates=["lat", "lon"],
            distance_cutoff=300,
        ).fit(panel()),
        "weights": lambda: [other(obs_weights="urban").fit(panel()), fit()],
        "dropped": lambda: other(
            x=("digital", "I(2 * digital)", "coast"), collinear="drop"
        ).fit(panel().assign(coast=lambda f: 1.0 * (f["region"] == "east"))),
        "stepwise": lambda: dp.stepwise(
            other(x=("digital",)), panel(), ["urban", "log(fiscal)"]
        ),
        "failures": lambda: dp.fit_all(
            {"urban": spec(), "fiscal": other(x=("digital", "I(2 * digital)"))},
            panel(),
        ),
        "instruments": instrumented,
        "stages": lambda: instrumented().stages,
        "two stages": lambda: (
            dp.FixedEffectsIV(
                "prosperity",
                ["urban"],
                ["digital", "upgrading"],
                ["lag(digital)", "lag(upgrading)", "lag(digital, 2)"],
            )
            .fit(panel())
            .stages
        ),
        "wild bootstrap": lambda: dp.wild_bootstrap(
            spec(), panel(), "log(fiscal)" if False else "digital", reps=99, rng=1
        ),
        "cluster bootstrap": lambda: dp.cluster_bootstrap(
            spec(), panel(), reps=99, rng=1
        ),
        "counts": counted,
        "learned controls": learned,
        "average effects": lambda: counted().average_effects(),
        "combination": lambda: fit().combination("2*digital - urban"),
        "propagated": lambda: dp.PropagatedIndex(
            {"index": index()}, dp.FixedEffects("prosperity", ["index", "urban"])
        ).fit(panel(), rng=1),
        "controls": lambda: dp.control_sets(spec(), panel(), ["openness", "upgrading"]),
        "groups": lambda: groups(group="urban > 55", method="interaction"),
        "groups permuted": lambda: groups(group="region", reps=19, rng=1),
        "U": lambda: curved().fit(panel()),
        "convergence": lambda: dp.beta_convergence(panel(), "prosperity"),
    }


def _mechanisms() -> dict[str, Callable[[], Any]]:
    several = ("productivity", "log(upgrading)")
    return {
        "thresholds": thresholds,
        "two thresholds": lambda: [
            thresholds(n_thresholds=2),
            thresholds(n_thresholds="auto"),
        ],
        "given thresholds": lambda: thresholds(thresholds=(55.0,)),
        "tests of thresholds": lambda: thresholds(n_thresholds=2).test_table(),
        "kink": kink,
        "mediation": mediated,
        "mediators": lambda: mediated(several),
        "chain": lambda: mediated(several, structure="serial"),
        "paths": lambda: mediated(several).paths,
        "moderated": lambda: mediated(moderator="urban", moderates=("a",)),
        "mediation by instruments": lambda: dp.MediationIV(
            "prosperity", "digital", "productivity", "fiscal", reps=99
        ).fit(panel(), rng=1),
        "mean group": lambda: dp.mean_group_mediation(
            dp.Mediation("prosperity", "digital", "productivity", reps=99),
            panel(),
            rng=1,
        ),
        "sequential g": lambda: dp.sequential_g(
            dp.Mediation("prosperity", "digital", "productivity", reps=99),
            panel(),
            "urban",
            rng=1,
        ),
        "pathways": propositions,
    }


def _policies() -> dict[str, Callable[[], Any]]:
    return {
        "event study": lambda: dp.EventStudy(
            "prosperity", "first", ["urban"], before=3, after=3
        ).fit(panel()),
        "Callaway and Sant'Anna": staggered,
        "differing trends": lambda: event_study().honest(bounds=[0.5, 1]),
        "bent trends": lambda: event_study().honest(
            restriction="smoothness", effect="average", bounds=[0.1]
        ),
        "a weighted effect": lambda: staggered(base_period="universal").honest(
            effect=[0.5, 0.5, *[0.0] * 6], bounds=[1]
        ),
        "imputation": lambda: staggered(estimator="imputation"),
        "Sun and Abraham": lambda: staggered(estimator="sun_abraham"),
        "by cohort": lambda: staggered().aggregate("group"),
        "by period": lambda: staggered().aggregate("calendar"),
        "balance": matched,
        "balance without caliper": lambda: matched(
            caliper=None, k=2, replace=True, support=False
        ),
        "matched effect": lambda: matched(caliper=None, support=False).att(
            last_year().frame["prosperity"].droplevel("year")
        ),
    }


def _spatial() -> dict[str, Callable[[], Any]]:
    models = ("sdm", "sar", "sem", "slx", "sdem", "sac")
    return {
        "spatial models": lambda: [spatial(model=model) for model in models],
        "spatial lag": lambda: spatial(model="sar", likelihood="lee_yu"),
        "decomposition": lambda: spatial().decomposition,
        "decompositions": lambda: {
            "digital": spatial().decomposition,
            "urban": spatial(model="sar").decomposition,
        },
        "spatial tests": lambda: dp.spatial_tests(
            dp.PanelSpatial("prosperity", ["digital"], borders()), panel()
        ),
    }


def _tests() -> dict[str, Callable[[], Any]]:
    entity_only = spec().replace(time_effects=False)
    u = curved()
    moderated = u.add("urban:digital", "urban:I(digital**2)")
    return {
        "Wald": lambda: fit().wald_test("digital = 0"),
        "Hausman": lambda: dp.hausman(spec(), panel()),
        "classical Hausman": lambda: dp.hausman(spec(), panel(), method="classical"),
        "Pesaran": lambda: dp.pesaran_cd(entity_only.fit(panel())),
        "modified Wald": lambda: dp.modified_wald(fit(), method="chi2"),
        "Wooldridge": lambda: dp.wooldridge_ar1(spec(), panel()),
        "unit roots": lambda: [
            dp.unit_root_test(panel(), "prosperity", test=test, reps=999, rng=1)
            for test in ("ips", "cips", "ht", "fisher")
        ],
        "unit roots by tables": lambda: [
            dp.unit_root_test(
                panel(), "prosperity", test=test, p_value="table", year_means=True
            )
            for test in ("ips", "ht", "fisher")
        ],
        "poolability": lambda: dp.poolability(spec(), panel()),
        "RESET": lambda: dp.reset_test(spec(), panel()),
        "randomisation": lambda: dp.randomisation_test(
            spec().replace(x=("pilot", "urban")), panel(), "pilot", reps=99, rng=1
        ),
        "placebo": lambda: dp.placebo_test(
            spec().replace(x=("pilot", "urban")), panel(), "pilot", reps=99, rng=1
        ),
        "search": lambda: dp.search_test(
            spec(), panel(), ["openness", "upgrading"], reps=99, rng=1
        ),
        "groups": lambda: groups(group="urban > 55", method="interaction").difference,
        "groups permuted": lambda: groups(group="region", reps=19, rng=1).difference,
        "instruments": lambda: [
            *(t for t in instrumented().iv_tests.values() if hasattr(t, "null")),
            instrumented().endogeneity_test(),
            instrumented().anderson_rubin_test({"digital": 0}),
        ],
        "F": lambda: fit().f_statistic,
        "pre-trends": lambda: (
            dp.EventStudy("prosperity", "first", before=3, after=3)
            .fit(panel())
            .pretrend_test()
        ),
        "pre-trends by cohort": lambda: staggered().pretrend_test(),
        "spatial": lambda: [
            spatial().wald_to("sar"),
            spatial(likelihood="unadjusted").lr_test(
                spatial(model="sar", likelihood="unadjusted")
            ),
        ],
        "threshold": lambda: thresholds().equality(),
        "kink": lambda: [kink().test, kink().continuity],
        "moderated U": lambda: [
            (
                test := dp.moderated_u_test(moderated.fit(panel()), "digital", "urban")
            ).shift,
            test.steepening,
        ],
    }


def _frames() -> dict[str, Callable[[], Any]]:
    terms = ["digital", "log(urban)", "lag(fiscal)"]
    several = ("productivity", "upgrading")
    return {
        "balance": lambda: (
            panel()
            .subset("region != 'west'")
            .balance_table("region", ["digital", "log(urban)"])
        ),
        "matching": lambda: matched(caliper=None, support=False).balance,
        "definitions": lambda: panel().define({"digital": "…", "region": "…"}),
        "describe": lambda: panel().describe(["prosperity", "digital"]),
        "summarise": lambda: panel().summarise(["prosperity", "digital"]),
        "correlate": lambda: panel().correlate(["prosperity", "digital"]),
        "moran": lambda: dp.moran(panel(), "digital", borders(), rng=1),
        "geary": lambda: dp.geary(panel(), "digital", borders(), rng=1),
        "local moran": lambda: (
            dp.local_moran(last_year(), "digital", borders(), rng=1)
            .droplevel("year")
            .rename(index=lambda name: "地" if False else name)
        ),
        "vif": lambda: dp.vif(panel(), terms),
        "oster": lambda: dp.oster_bound(spec(), panel(), "digital", CONTROLS),
        "tidy": lambda: fit().tidy(),
        "standardised": lambda: fit().standardised(),
        "sample": lambda: fit().sample_stats,
        "weights": lambda: index().fit(panel()).weights,
        "thresholds": lambda: thresholds().thresholds,
        "bacon": lambda: dp.bacon_decomposition(
            dp.FixedEffects("prosperity", ["pilot"]), panel()
        ),
        "event path": lambda: staggered().path,
        "power before treatment": lambda: staggered().pretrend_power(),
        "dagum groups": lambda: _dagum().groups,
        "dagum shares": lambda: _dagum().shares.to_frame(),
        "dagum": lambda: _dagum().intervals,
        "dagum by year": lambda: _dagum().shares.to_frame(2022).T,
        "joint significance": lambda: (
            mediated(several)
            .joint_significance()
            .rename(lambda name: name.partition(":")[2])
        ),
        "pairs of groups": lambda: _dagum().pairs,
        "two steps": lambda: mediated(several).two_step(),
        "markov": lambda: (
            dp.markov_transitions(panel(), "prosperity", classes=3).probabilities
        ),
        "sigma": lambda: dp.sigma_convergence(panel(), "prosperity"),
        "by control": lambda: dp.control_sets(
            spec(), panel(), ["openness", "upgrading"]
        ).by_control(),
    }


@cache
def _dagum() -> Any:
    last = last_year().frame
    return dp.dagum(last["prosperity"].to_numpy(), last["region"].tolist())


TABLES = {
    f"{kind}: {name}": make
    for kind, tables in (
        ("regression", _regressions()),
        ("mechanism", _mechanisms()),
        ("policy", _policies()),
        ("spatial", _spatial()),
        ("test", _tests()),
        ("frame", _frames()),
    )
    for name, make in tables.items()
}


@cache
def made(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return TABLES[name]()


def table(name: str, language: Any, **options: Any) -> Table:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        models = made(name)
        if name == "mechanism: pathways":
            models = models.in_language(language)
        return dp.etable(
            models, labels=LABELS[language], style=dp.TableStyle(language), **options
        )


def texts(made_table: Table) -> list[str]:
    content = made_table._content(None)
    return [cell for row in content.rows for cell in row] + list(content.notes)


# What a Chinese table may have in Latin letters, and why.
REASONS = {
    "people whom a method is named after": (
        "Abadie Imbens Anderson Rubin Borusyak Jaravel Spiess Callaway Sant Anna "
        "Conley Driscoll Kraay Fisher Hansen Harris Tzavalis Hausman Holm Im Pesaran "
        "Shin Kleibergen Paap Lee Yu MacKinnon Mundlak Pearson Rambachan Roth RESET "
        "Romano Sargan Sun Abraham Wald Wolf Wooldridge"
    ),
    "statistics, distributions, functions and matrices": (
        "F J LM LR M N R VIF W ln logit p t z rk CD ATT IPS CIPS"
    ),
    "steps of a mediation": "a b",
    "standard errors that Chinese papers call by these letters": "CR2 CRV3 HC2 HC3",
    "Driscoll-Kraay in cells, as the note below says": "DK",
    "spatial models that Chinese papers call by these letters": (
        "SAC SAR SDEM SDM SEM SLX"
    ),
    "a small-sample correction is that of a program, or a factor": "xtreg ppmlhdfe G",
    "learners as their user names them": "OLS Ridge",
    "identifiers of propositions": " ".join(m.id for m in dp.pathways.seed_catalogue()),
}
ALLOWED = frozenset(chain.from_iterable(map(str.split, REASONS.values())))
CODE = re.compile(r"\w=|[a-z]_[a-z]|\w\(\)|\{|==|<=|>=|\w\*\*\w")


@cache
def words(name: str) -> set[str]:
    """Return the words in Latin letters of a Chinese table; entities are data."""
    plain = (re.sub(r"\de[+-]\d+", "", text) for text in texts(table(name, "zh")))
    actual = (re.findall(r"[A-Za-z][A-Za-z0-9]*", text) for text in plain)
    return set(chain.from_iterable(actual)) - set(panel().entities)


@pytest.mark.parametrize("name", TABLES)
def test_a_chinese_table_has_no_english_words(name: str) -> None:
    assert words(name) - set(ALLOWED) == set()


@pytest.mark.parametrize("name", TABLES)
def test_an_english_table_has_no_chinese_words(name: str) -> None:
    assert [text for text in texts(table(name, "en")) if has_cjk(text)] == []


@pytest.mark.parametrize("language", LABELS)
@pytest.mark.parametrize("name", TABLES)
def test_no_code_in_notes(name: str, language: str) -> None:
    assert [note for note in table(name, language).notes if CODE.search(note)] == []


@pytest.mark.parametrize("language", LABELS)
@pytest.mark.parametrize("name", TABLES)
def test_printed_tables_are_text_of_chinese_windows(name: str, language: str) -> None:
    """Python writes output to files and pipes in GBK there, and stops at others."""
    str(table(name, language)).encode("gbk")


@pytest.mark.further
def test_every_allowed_word_is_in_a_table() -> None:
    printed = set(chain.from_iterable(map(words, TABLES)))
    assert set(ALLOWED) - printed == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_gmm_and_poisson_have_their_statistics(language: str) -> None:
    style = dp.TableStyle(language)
    gmm = dp.DynamicPanel("digital", ["urban"]).fit(panel())
    frame = dp.etable(gmm, style=style).frame
    count, *tests = (
        ["Instruments", "AR(1), p-value", "AR(2), p-value", "Hansen test, p-value"]
        if language == "en"
        else ["工具变量个数", "AR(1) p值", "AR(2) p值", "Hansen检验p值"]
    )
    assert frame.loc[count].item() == str(gmm.n_instruments)
    assert frame.loc[tests[1]].item() == f"{gmm.glance()['ar2_p']:.3f}"
    assert set(tests) <= set(frame.index)
    plain = dp.etable(fit(), style=style).frame
    assert not {count, *tests, "Pseudo R²", "伪R²"} & set(plain.index)


@pytest.mark.parametrize(
    ("language", "clustered", "drawn"),
    [
        (
            "en",
            "clustered by province.",
            "permutation test from 19 permutations of the entities. W: borders.",
        ),
        (
            "zh",
            "标准误聚类到province层面。",
            "置换检验的p值来自19次个体置换。空间权重矩阵W：borders。",
        ),
    ],
)
def test_frames_say_which_errors_and_draws(
    language: str, clustered: str, drawn: str
) -> None:
    style = dp.TableStyle(language)
    weights = index().fit(panel()).weights
    assert clustered in dp.etable(weights, style=style).notes[0]
    assert not dp.etable(weights[["weight"]], style=style).notes
    moran = dp.moran(panel(), "digital", borders(), permutations=19, rng=1)
    labels = {borders().name: "borders"}
    assert drawn in dp.etable(moran, style=style, labels=labels).notes[0]
    assert not dp.etable(moran[["statistic"]], style=style).notes


@pytest.mark.parametrize("name", ["vif", "Moran", "Oster", "matching"])
def test_headings_of_usual_frames_are_words_in_english(name: str) -> None:
    frames = {
        "matching": lambda: matched(caliper=None, support=False).balance,
        "vif": lambda: dp.vif(panel(), ["digital", "urban"]),
        "Moran": lambda: dp.moran(panel(), "digital", borders(), rng=1),
        "Oster": lambda: dp.oster_bound(
            dp.FixedEffects("prosperity", ["digital", "urban"]),
            panel(),
            "digital",
            ["urban"],
        ),
    }
    heads = [*dp.etable(frames[name]()).frame.columns]
    assert not [head for head in heads if re.fullmatch(r"[a-z0-9_]+", head)]
