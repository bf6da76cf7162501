"""Rows of persons: peers, policies of groups, weights, and who is missing."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    EventStudy,
    FixedEffects,
    FixedEffectsIV,
    Panel,
    PoissonEffects,
    StaggeredDid,
    randomisation_test,
)
from digiprosper.errors import (
    CovarianceWarning,
    DigiprosperWarning,
    IdentificationError,
    IdentificationWarning,
    MissingDataWarning,
    OptionError,
    PanelIndexError,
)
from digiprosper.linear.doubtful_terms import is_mean_of_others

if TYPE_CHECKING:
    from collections.abc import Callable

CODES = ("mean_of_others", "shared_in_cells", "treated_together", "heavy_cluster")


def codes_of(spec: Any, panel: Panel) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = spec.fit(panel)
    return [notice.code for notice in fit.diagnostics if notice.code in CODES]


def text_of(spec: Any, panel: Panel, code: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = spec.fit(panel)
    return " ".join(n.message for n in fit.diagnostics if n.code == code)


# --- means of other rows --------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_means_of_groups_of_any_size(seed) -> None:
    rng = np.random.default_rng(seed)
    # Each group has two rows or more.
    codes = np.append(np.repeat(np.arange(40), 2), rng.integers(0, 40, 120))
    y, rows = rng.normal(3, 1, 200), np.arange(200)
    others = np.array([y[(codes == codes[i]) & (rows != i)].mean() for i in rows])
    assert is_mean_of_others(others, y, codes)
    assert not is_mean_of_others(others + 1e-3 * y, y, codes)


def classes(sizes=(25,), seed: int = 1) -> pd.DataFrame:
    """Pupils of forty schools with three classes each, and the means of the others."""
    rng = np.random.default_rng(seed)
    size = np.resize(sizes, 120)
    room = np.repeat(np.arange(120), size)
    df = pd.DataFrame({"school": room // 3, "room": room})
    df["before"] = rng.normal(size=len(df))
    df["score"] = 0.6 * df["before"] + rng.normal(size=120)[room]
    df["score"] += rng.normal(0, 0.5, len(df))
    groups = df.groupby("room")["before"]
    df["peers"] = (groups.transform("sum") - df["before"]) / (
        groups.transform("size") - 1
    )
    return df


@pytest.mark.parametrize("sizes", [(25,), (3, 4, 5)])
def test_beside_effects_of_classes_peers_are_the_own_value(sizes) -> None:
    df = classes(sizes)
    panel = Panel.from_rows(df)
    spec = FixedEffects("score", ["peers"], absorb="room")
    with pytest.warns(IdentificationWarning, match="'before' in the other rows of"):
        fit = spec.fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "mean_of_others"]
    assert notice.data == {
        "term": "peers",
        "column": "before",
        "effect": "room",
    }
    if len(sizes) == 1:
        own = spec.replace(x=("before",)).fit(panel)
        slope = -24 * own.params["before"]
        assert fit.params["peers"] == pytest.approx(slope, rel=1e-9)
    # Schools have several classes: the means differ between them.
    assert codes_of(spec.replace(absorb="school"), panel) == []
    # Rows that are lost leave the slope of the others.
    df.loc[::11, "score"] = np.nan
    lost = Panel.from_rows(df)
    assert codes_of(spec, lost) == ["mean_of_others"]


def test_columns_with_the_same_mean_are_no_means_of_groups() -> None:
    df = classes()
    standardised = (df - df.mean()) / df.std()
    standardised["room"], standardised["school"] = df["room"], df["school"]
    panel = Panel.from_rows(standardised)
    spec = FixedEffects("score", ["before"], absorb="room", clusters="school")
    assert codes_of(spec, panel) == []
    # Neither is one in the other direction.
    other = Panel.from_rows(standardised.assign(peers=-standardised["before"]))
    assert codes_of(spec.replace(x=("peers",)), other) == []


# --- policies of groups ---------------------------------------------------------------


def samples(seed: int = 3) -> pd.DataFrame:
    """Ten persons a year in each of thirty states, of which ten get a policy."""
    rng = np.random.default_rng(seed)
    state, year = np.repeat(np.arange(30), 80), np.tile(np.repeat(np.arange(8), 10), 30)
    df = pd.DataFrame({"state": state, "year": year, "age": rng.normal(size=2400)})
    df["policy"] = ((state < 10) & (year >= 4)) * 1.0
    df["wage_floor"] = rng.normal(size=(30, 8)).cumsum(axis=1)[state, year]
    df["y"] = rng.normal(size=(30, 8)).cumsum(axis=1)[state, year]
    df["y"] += rng.normal(size=2400)
    return df


@pytest.mark.parametrize("x", ["policy", "wage_floor"])
def test_repeated_cross_sections_with_a_regressor_of_states(x) -> None:
    df = samples()
    rows = Panel.from_rows(df)
    spec = FixedEffects("y", [x, "age"], absorb=["state", "year"])
    with pytest.warns(CovarianceWarning, match="Use clusters='state'"):
        by_row = spec.fit(rows)
    (notice,) = [n for n in by_row.diagnostics if n.code == "shared_in_cells"]
    assert notice.data == {"term": x, "effects": ("state", "year")}
    assert codes_of(spec.replace(clusters="state^year"), rows) == ["shared_in_cells"]
    assert codes_of(spec.replace(clusters="state"), rows) == []
    by_state = spec.replace(clusters="state").fit(rows)
    assert by_state.std_errors[x] > 2 * by_row.std_errors[x]
    # The key is a row number.
    numbered = Panel(df.assign(person=np.arange(2400)), "person", "year")
    robust = spec.replace(entity_effects=False, absorb="state", cov_type="robust")
    assert codes_of(robust, numbered) == ["shared_in_cells"]


@pytest.mark.parametrize("text", [False, True])
def test_a_cross_section_with_a_regressor_of_provinces(text: bool) -> None:
    df = samples().query("year == 3").drop(columns="year")
    df["state"] = df["state"].map("province {}".format) if text else df["state"]
    df["person"], df["county"] = np.arange(len(df)), np.arange(len(df)) // 2
    df["old"] = df["age"].rank().astype(int) // 20
    spec = FixedEffects(
        "y", ["log(wage_floor + 9)", "age"], entity_effects=False, time_effects=False
    )
    for panel in (Panel.from_rows(df.drop(columns="person")), Panel(df, "person")):
        with pytest.warns(CovarianceWarning, match=r"\(Moulton 1990\).*'state'"):
            fit = spec.fit(panel)
        (notice,) = [n for n in fit.diagnostics if n.code == "shared_in_cells"]
        assert notice.data == {"term": spec.x[0], "effects": ("state",)}
        assert codes_of(spec.replace(clusters="state"), panel) == []
        # Functions of an age differ little between neighbouring ages.
        for own in ("age", "old", "I(old**2)", "log(old + 1)"):
            assert codes_of(spec.replace(x=[own]), panel) == []


def test_values_of_classes_of_sizes_are_no_groups() -> None:
    """A class in words, such as 20-24, has a value of its own."""
    df = samples().query("year == 3").drop(columns="year")
    ages = df["age"].rank().astype(int) // 20
    df["class"], df["middle"] = ages.map("class {:02}".format), 22.5 + 5 * ages
    spec = FixedEffects("y", ["middle"], entity_effects=False, time_effects=False)
    assert codes_of(spec, Panel.from_rows(df)) == []


def test_regressors_of_persons_are_not_shared() -> None:
    df = samples()
    spec = FixedEffects("y", ["age", "policy"], absorb=["state", "year"])
    assert codes_of(spec, Panel.from_rows(df)) == []
    drawn = df.assign(age=np.random.default_rng(1).integers(0, 2, 2400))
    assert codes_of(spec, Panel.from_rows(drawn)) == []
    # Each cell has a row.
    cells = df.groupby(["state", "year"], as_index=False).mean()
    panel = Panel(cells, "state", "year")
    one = FixedEffects("y", ["policy"], cov_type="robust")
    assert "shared_in_cells" not in codes_of(one, panel)


def movers(share: float, seed: int = 4) -> pd.DataFrame:
    """Persons of twenty states over eight years, of whom some move."""
    rng = np.random.default_rng(seed)
    state = np.repeat(rng.integers(0, 20, (600, 1)), 8, axis=1)
    late = rng.uniform(size=600) < share
    state[late, 3:] = rng.integers(0, 20, (late.sum(), 1))
    df = pd.DataFrame({"person": np.repeat(np.arange(600), 8), "state": state.ravel()})
    df["year"] = np.tile(np.arange(8), 600)
    df["first"] = np.where(df["state"] < 8, 3 + df["state"] % 3, 99)
    df["policy"] = (df["year"] >= df["first"]) * 1.0
    df["since"], df["employees"] = df["year"] - df["first"], rng.poisson(30, len(df))
    df["y"] = rng.normal(size=(20, 8)).cumsum(axis=1)[df["state"], df["year"]]
    df["y"] += rng.normal(size=len(df))
    return df


def test_a_policy_of_states_that_persons_leave() -> None:
    panel = Panel(movers(0.2), "person", "year")
    spec = FixedEffects("y", ["policy"])
    text = text_of(spec, panel, "treated_together")
    assert "the same 'state'" in text
    both = spec.replace(clusters=["person", "state"])
    assert codes_of(both, panel) == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        errors = [s.fit(panel).std_errors["policy"] for s in (spec, both)]
    assert errors[1] > 2 * errors[0]
    assert "clusters='state'" in text_of(
        spec,
        Panel(movers(0).drop(columns="first"), "person", "year"),
        "treated_together",
    )


def test_years_since_and_sizes_are_no_groups() -> None:
    df = movers(0.2).drop(columns=["state", "first"])
    spec = FixedEffects("y", ["policy"])
    assert codes_of(spec, Panel(df, "person", "year")) == []
    df["policy"] = (df["employees"] > 30) * 1.0
    assert codes_of(spec, Panel(df, "person", "year")) == []


# --- weights --------------------------------------------------------------------------


def weighted(share: float, entities: int = 31, seed: int = 5) -> pd.DataFrame:
    """A panel in which the first entity has this share of the weights."""
    rng = np.random.default_rng(seed)
    entity, year = (a.ravel() for a in np.indices((entities, 10)))
    weights = np.ones(entities)
    weights[0] = share * (entities - 1) / (1 - share)
    errors = np.zeros((entities, 10))
    errors[:, 0] = rng.normal(size=entities)
    for t in range(1, 10):
        errors[:, t] = 0.6 * errors[:, t - 1] + 0.8 * rng.normal(size=entities)
    df = pd.DataFrame({"i": entity, "t": year, "w": weights[entity]})
    df["first"] = np.where(entity % 2 == 1, 5.0, np.nan)
    df["d"], df["y"] = (year >= df["first"]) * 1.0, errors.ravel()
    return df


def test_agreements_of_pairs_are_clustered_by_pair() -> None:
    pairs = [(a, b) for a in range(9) for b in range(9) if a != b]
    a, b, t, _ = np.array([(*p, t, k) for p in pairs for t in range(6) for k in "ab"]).T
    rng = np.random.default_rng(10)
    trade = pd.DataFrame({"a": a, "b": b, "t": t.astype(int), "pair": a + b})
    begins = trade.groupby("pair")["t"].transform(lambda s: rng.integers(1, 9))
    trade["fta"], trade["y"] = 1 * (trade["t"] >= begins), rng.normal(size=a.size)
    spec = FixedEffects("y", ["fta"], absorb=["a^t", "b^t", "pair"])
    with pytest.warns(CovarianceWarning, match="Use clusters='pair'"):
        spec.fit(Panel.from_rows(trade))


def test_a_national_policy_is_not_one_of_groups_that_entities_leave() -> None:
    rng = np.random.default_rng(11)
    df = pd.DataFrame(
        {"i": np.repeat(np.arange(60), 8), "t": np.tile(np.arange(8), 60)}
    )
    df["owner"] = np.array([*"abcdef"])[(df["i"] + (df["t"] > df["i"] % 30)) % 6]
    df["d"], df["y"] = 1 * (df["t"] > 3), rng.normal(size=480)
    spec = FixedEffects("y", ["d"], time_effects=False)
    assert codes_of(spec, Panel(df, "i", "t")) == []


@pytest.mark.parametrize("share", [0.25, 0.8])
def test_one_entity_with_much_of_the_weights(share) -> None:
    panel = Panel(weighted(share), "i", "t")
    spec = FixedEffects("y", ["d"], obs_weights="w")
    with pytest.warns(CovarianceWarning, match=f"i 0 has {share:.0%} of the weights"):
        spec.fit(panel)
    study = EventStudy("y", "first", before=2, after=2, obs_weights="w")
    assert codes_of(study, panel) == ["heavy_cluster"]
    # These have another error, or none of its weights.
    assert codes_of(spec.replace(cov_type="crv3"), panel) == []
    assert codes_of(spec.replace(obs_weights=None), panel) == []
    assert codes_of(StaggeredDid("y", "first", obs_weights="w"), panel) == []


def test_an_empty_column_is_no_mean_of_others() -> None:
    df = weighted(0.1).assign(g=lambda d: d["i"] % 4, empty=np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = FixedEffects("y", "d", absorb=["g"]).fit(Panel(df, "i", "t"))
    assert "mean_of_others" not in {notice.code for notice in fit.diagnostics}


def test_errors_without_crv3_have_another_remedy() -> None:
    panel = Panel(weighted(0.5), "i", "t").assign(z=lambda d: d["d"] + d["y"])
    instrumented = FixedEffectsIV("y", [], ["d"], ["z"], obs_weights="w")
    by_cohort = StaggeredDid("y", "first", obs_weights="w", cov_type="influence")
    plain = FixedEffects("y", ["d"], obs_weights="w")
    assert text_of(plain, panel, "heavy_cluster").endswith("Use cov_type='crv3'.")
    for spec in (instrumented, by_cohort):
        text = text_of(spec, panel, "heavy_cluster")
        assert text.endswith("errors are too small. Compare estimates without i 0.")
        with pytest.raises(OptionError):
            spec.replace(cov_type="crv3").fit(panel)


def test_permutations_do_not_depend_on_the_errors_of_a_heavy_cluster() -> None:
    spec = FixedEffects("y", ["d"], obs_weights="w")
    test = randomisation_test(spec, Panel(weighted(0.5), "i", "t"), "d", rng=1)
    assert "heavy_cluster" not in {notice.code for notice in test.diagnostics}


def test_weights_that_are_not_heavy() -> None:
    spec = FixedEffects("y", ["d"], obs_weights="w")
    assert codes_of(spec, Panel(weighted(0.15), "i", "t")) == []
    # Of five entities each has a fifth.
    assert codes_of(spec, Panel(weighted(0.3, entities=6), "i", "t")) == []


@pytest.mark.montecarlo
@pytest.mark.parametrize("share", [0.05, 0.2, 0.3, 0.5])
def test_size_with_a_heavy_cluster(share: float, measured: Callable[..., None]) -> None:
    """Share of 500 panels in which a test at 5% rejects a slope of zero.

    31 entities are observed for 10 periods, and half of them treated from the same
    period on. Errors have a serial correlation of .6. One entity has the stated share
    of the weights, and the others have equal weights.
    """
    rejections, panels = np.zeros(2), 500
    spec = FixedEffects("y", ["d"], obs_weights="w")
    for seed in range(panels):
        panel = Panel(weighted(share, seed=seed), "i", "t")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DigiprosperWarning)
            for k, cov_type in enumerate(("clustered", "crv3")):
                fit = spec.replace(cov_type=cov_type).fit(panel)
                rejections[k] += fit.pvalues["d"] < 0.05
    clustered, crv3 = rejections / panels
    row = {"share": share, "clustered": clustered, "CRV3": crv3}
    measured("size_with_a_heavy_cluster", row)
    assert 0.01 < crv3 < 0.09
    assert clustered > 0.2 or share < 0.5


# --- who is missing -------------------------------------------------------------------


def reasons(spec: Any, panel: Panel) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        fit = spec.fit(panel)
    return [
        n.message
        for n in fit.diagnostics
        if n.code in ("attrition", "suppressed_counts")
    ]


def test_outcomes_that_are_missing_by_treatment() -> None:
    rng = np.random.default_rng(6)
    df = pd.DataFrame({"offer": rng.integers(0, 2, 2000), "y": rng.normal(size=2000)})
    spec = FixedEffects("y", ["offer"])
    unrelated = df.assign(y=df["y"].where(rng.uniform(size=2000) > 0.2))
    assert reasons(spec, Panel.from_rows(unrelated)) == []
    df["y"] = df["y"].where(rng.uniform(size=2000) > 0.3 - 0.2 * df["offer"])
    shares = df["y"].isna().groupby(df["offer"]).mean()
    text = f"{shares[1]:.0%} of rows with offer = 1 and {shares[0]:.0%} of those with 0"
    with pytest.warns(MissingDataWarning) as said:
        spec.fit(Panel.from_rows(df))
    assert any(text in str(warning.message) for warning in said)
    gaps = unrelated.assign(offer=df["offer"].where(rng.uniform(size=2000) > 0.1))
    assert reasons(spec, Panel.from_rows(gaps)) == []
    # In a panel rows of a person are not missing by chance.
    twice = df.assign(i=np.arange(2000) // 2, t=np.arange(2000) % 2)
    assert reasons(spec, Panel(twice, "i", "t")) == []


def counties(seed: int = 7) -> pd.DataFrame:
    """Deaths in a hundred counties of different sizes."""
    rng = np.random.default_rng(seed)
    df = pd.DataFrame({"i": np.repeat(np.arange(100), 10)})
    df["t"], df["law"] = np.tile(np.arange(10), 100), 1.0 * (df["i"] < 40)
    df["law"] *= df["t"] >= 5
    df["people"] = np.exp(rng.normal(10.3, 1, 100)).round()[df["i"]]
    df["deaths"] = rng.poisson(4e-4 * df["people"]).astype(float)
    return df


@pytest.mark.parametrize("y", ["deaths", "rate", "log(rate)"])
def test_counts_that_are_suppressed_where_they_are_small(y) -> None:
    df = counties()
    df["deaths"] = df["deaths"].where(df["deaths"] >= 10)
    df["rate"] = df["deaths"] / df["people"] * 1e5
    (text,) = reasons(FixedEffects(y, ["law"]), Panel(df, "i", "t"))
    assert text.startswith("'deaths' is never below 10")
    if y == "deaths":
        spec = PoissonEffects(y, ["law"], exposure="people")
        assert reasons(spec, Panel(df, "i", "t")) == [text]


@pytest.mark.parametrize("y", ["patents", "log(patents)"])
def test_counts_without_the_rows_that_are_zero(y) -> None:
    df = counties().rename(columns={"deaths": "patents"})
    df["patents"] = (df["patents"] // 10).where(df["patents"] >= 10)
    (text,) = reasons(FixedEffects(y, ["law"]), Panel(df, "i", "t"))
    assert text.startswith("'patents' is never below 1")
    assert "fill them: df['patents'].fillna(0)" in text
    filled = Panel(df.fillna({"patents": 0}), "i", "t")
    assert reasons(PoissonEffects("patents", ["law"]), filled) == []


@pytest.mark.parametrize("least", [0, 1, 10])
def test_counts_that_are_missing_by_chance(least) -> None:
    df = counties()
    rng = np.random.default_rng(8)
    # Some have exactly ten, but few are near.
    df["deaths"] = (df["deaths"] + 40 * (least > 0)).clip(lower=least)
    df.loc[0, "deaths"] = least
    df["deaths"] = df["deaths"].where(rng.uniform(size=1000) > 0.2)
    df.loc[0, "deaths"] = least
    assert reasons(FixedEffects("deaths", ["law"]), Panel(df, "i", "t")) == []


def test_boards_that_have_five_members_or_more() -> None:
    rng = np.random.default_rng(9)
    boards = counties()[["i", "t", "law"]]
    boards["members"] = 5.0 + rng.poisson(3, 1000)
    boards["members"] = boards["members"].where(rng.uniform(size=1000) > 0.1)
    panel = Panel(boards, "i", "t")
    assert reasons(FixedEffects("members", ["law"]), panel) == []


# --- doors ----------------------------------------------------------------------------


def test_event_studies_of_rows_of_persons_say_what_to_do() -> None:
    df = samples().assign(first=5)
    with pytest.raises(PanelIndexError, match="means by group and period"):
        EventStudy("y", "first").fit(Panel.from_rows(df))
    numbered = Panel(df.assign(person=np.arange(2400)), "person", "year")
    with pytest.raises(IdentificationError, match="or a panel of means by group"):
        StaggeredDid("y", "first").fit(numbered)
