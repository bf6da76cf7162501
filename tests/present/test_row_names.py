"""Which columns share a row, and what the row is called."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from digiprosper import FixedEffects, PanelThreshold, datasets, etable
from digiprosper.mediation.layout import (
    change_term,
    effect,
    term_at_point,
    term_in_regime,
    threshold_regimes,
)
from digiprosper.present.columns import all_terms, read_columns
from digiprosper.present.row_names import row_label, share_rows
from digiprosper.present.style import Style
from digiprosper.report.columns import Column, Estimate
from digiprosper.report.terms import Point, Term


def style_of(labels, digits=3):
    return Style("se", None, digits, labels=labels)


def test_slopes_are_headed_by_their_regime(make_fit, make_threshold):
    slopes = make_fit({f"digital:regime{i}": (1, 1, 1) for i in (1, 2, 3)})
    labels = {"digital": "Digital economy", "urban": "Urban share"}

    def heads(*models, digits=3):
        columns = read_columns(list(models), "etable")
        return [
            row_label(f"digital:regime{i}", columns, style_of(labels, digits))
            for i in (1, 2, 3)
        ]

    assert heads(make_threshold(slopes)) == [
        "Digital economy (Urban share <= 0.53)",
        "Digital economy (0.53 < Urban share <= 0.61)",
        "Digital economy (Urban share > 0.61)",
    ]
    assert heads(make_threshold(slopes, rule="<")) == [
        "Digital economy (Urban share < 0.53)",
        "Digital economy (0.53 <= Urban share < 0.61)",
        "Digital economy (Urban share >= 0.61)",
    ]
    assert heads(make_threshold(slopes, (0.00012, 12.0)), digits=2)[1] == (
        "Digital economy (0.00012 < Urban share <= 12)"
    )
    both = heads(make_threshold(slopes), make_threshold(slopes, (0.5, 0.7)))
    assert both == [f"Digital economy (regime {i})" for i in (1, 2, 3)]
    assert heads(slopes)[0] == "Digital economy × regime1"


def test_effects_of_mediation_are_words(make_effects):
    effects = [
        *map(effect, ("total", "direct", "indirect")),
        effect("indirect", "ind"),
        effect("indirect", "edu"),
        effect("indirect", "ind", "edu"),
        effect("proportion_mediated"),
    ]
    columns, terms = (
        read_columns(make_effects(*effects), "etable"),
        [term.name for term in effects],
    )
    labels = {"ind": "Industrial upgrading", "direct": "Own"}
    assert [row_label(t, columns, style_of(labels)) for t in terms] == [
        "Total effect",
        "Own",
        "Indirect effect",
        "Indirect through Industrial upgrading",
        "Indirect through edu",
        "Indirect through Industrial upgrading → edu",
        "Proportion mediated",
    ]


def rows(*models, labels=None):
    columns = read_columns(list(models), "etable")
    return [
        tuple(row)
        for row in share_rows(all_terms(columns), columns, style_of(labels or {}))
    ]


SAME = {"digital": "Digital economy", "lag(digital)": "Digital economy"}


def test_terms_with_one_label_share_a_row_if_no_model_has_two(make_fit):
    now, before, both = (
        make_fit(dict.fromkeys(terms, (1, 1, 1)))
        for terms in (
            ["digital", "edu"],
            ["edu", "lag(digital)"],
            ["digital", "lag(digital)"],
        )
    )
    assert rows(now, before, labels=SAME) == [
        ("Digital economy", {0: "digital", 1: "lag(digital)"}),
        ("edu", {0: "edu", 1: "edu"}),
    ]
    assert rows(now, before, both, labels=SAME) == [
        ("Digital economy [digital]", {0: "digital", 2: "digital"}),
        ("edu", {0: "edu", 1: "edu"}),
        ("Digital economy [lag(digital)]", {1: "lag(digital)", 2: "lag(digital)"}),
    ]
    # The label of a column makes the labels of terms equal too.
    columns = {"digital": "Digital", "internet": "Digital"}
    other = make_fit({"log(internet)": (1, 1, 1)})
    assert rows(make_fit({"log(digital)": (1, 1, 1)}), other, labels=columns) == [
        ("log(Digital)", {0: "log(digital)", 1: "log(internet)"})
    ]


def test_slopes_of_regimes_with_one_label_share_a_row(make_fit, make_threshold):
    slopes = make_fit({f"digital:regime{i}": (1, 1, 1) for i in (1, 2)})
    labels = {"digital:regime1": "Low", "digital:regime2": "High", "low": "Low"}
    results = rows(
        make_threshold(slopes, (0.5,)), make_fit({"low": (1, 1, 1)}), labels=labels
    )
    assert results == [
        ("Low", {0: "digital:regime1", 1: "low"}),
        ("High", {0: "digital:regime2"}),
    ]


def test_words_of_a_column_do_not_depend_on_its_neighbours(make_fit, make_effects):
    before = [*map(effect, ("total", "direct", "indirect")), effect("indirect", "ind")]
    first = make_effects(*before, effect("proportion_mediated"))
    second = make_effects(*before, *map(effect, ("a", "b", "proportion_mediated")))
    alone = [label for label, _ in rows(second)]
    assert alone == [
        "Total effect",
        "Direct effect",
        "Indirect effect",
        "Indirect through ind",
        "a: treatment on mediator",
        "b: mediator on outcome",
        "Proportion mediated",
    ]
    assert [label for label, shown in rows(first, second) if 1 in shown] == alone
    # A regressor that is called as an effect is another thing.
    plain = make_fit({"total": (1, 1, 1)})
    assert rows(plain, first)[:2] == [
        ("total", {0: "total"}),
        ("Total effect", {1: "total"}),
    ]


def test_other_effects_are_words_too(make_effects):
    actual = make_effects(
        effect("controlled_direct"), effect("eliminated"), effect("eliminated", "m")
    )
    assert [label for label, _ in rows(actual)] == [
        "Controlled direct effect",
        "Eliminated effect",
        "Eliminated through m",
    ]
    actual = make_effects(
        *(effect(kind, "m") for kind in ("a", "b", "product_of_means", "covariance"))
    )
    assert [label for label, _ in rows(actual, labels={"m": "jobs"})] == [
        "a: treatment on jobs",
        "b: jobs on outcome",
        "Product of the means of a and b, jobs",
        "Covariance of a and b, jobs",
    ]


def test_only_a_chain_has_an_arrow(make_effects):
    paths = [("I(u > 6)",), ("K>L",), ("K>L", "I(u > 6)")]
    actual = make_effects(*(effect("indirect", *path) for path in paths))
    assert [label for label, _ in rows(actual, labels={"u": "Jobless"})] == [
        "Indirect through I(Jobless > 6)",
        "Indirect through K>L",
        "Indirect through K>L → I(Jobless > 6)",
    ]


def test_parts_and_changes_of_an_effect_are_words(make_effects):
    through, (low, high) = effect("indirect", "m"), threshold_regimes("urban", 0.5)
    actual = make_effects(
        change_term(through, "index"),
        change_term(effect("direct"), "difference"),
        *(
            term_at_point(through, Point("w", code, 1.0))
            for code in ("p10", "p50", "high")
        ),
        term_in_regime(effect("total"), low),
        term_in_regime(through, high),
    )
    assert [label for label, _ in rows(actual, labels={"m": "jobs"})] == [
        "Indirect through jobs: change with the moderator",
        "Direct effect: regime 2 minus regime 1",
        "Indirect through jobs (10% quantile)",
        "Indirect through jobs (median)",
        "Indirect through jobs (high value)",
        "Total effect (regime 1)",
        "Indirect through jobs (regime 2)",
    ]


words = st.sampled_from("abcdef")


def estimates(terms):
    return {
        name: Estimate(Term(name, path=(name,)), *[1.0] * 6) for name in sorted(terms)
    }


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sets(words), min_size=1, max_size=4),
    st.dictionaries(words, st.sampled_from("XYa")),
)
def test_every_estimate_stands_in_one_row(models, labels):
    columns = [Column(None, estimates=estimates(terms)) for terms in models]
    actual = share_rows(all_terms(columns), columns, style_of(labels))
    placed = sorted(
        (position, term) for _, shown in actual for position, term in shown.items()
    )
    assert placed == sorted(
        (i, term) for i, terms in enumerate(models) for term in terms
    )
    assert len({label for label, _ in actual}) == len(actual)
    for label in set(labels.values()):
        own = [term for term in all_terms(columns) if labels.get(term, term) == label]
        together = any(len(set(own) & terms) > 1 for terms in models)
        rows = {
            tuple(set(shown.values()))
            for _, shown in actual
            if set(shown.values()) & set(own)
        }
        assert len(rows) == (len(own) if together else bool(own))


def interactions():
    panel = datasets.us_states()
    base = FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    return [base.add(text).fit(panel) for text in ("log(pc):unemp", "unemp:log(pc)")]


def test_a_product_has_one_row_whatever_the_order_of_its_factors():
    fits = interactions()
    table = etable(fits).frame
    label = "log(Private capital (million USD)) × Unemployment rate (%)"
    assert [name for name in table.index if "×" in name] == [label]
    assert table.loc[label].tolist() == ["-0.003", "-0.003"]
    for names in ("log(pc):unemp", "unemp:log(pc)"):
        named = etable(fits, labels={names: "Both"}).frame
        assert named.loc["Both"].tolist() == ["-0.003", "-0.003"]
        assert not any("×" in name for name in named.index)
    apart = {"log(pc):unemp": "One", "unemp:log(pc)": "Other"}
    assert etable(fits, labels=apart).frame.loc["Other"].tolist() == ["", "-0.003"]


def test_either_name_of_a_product_chooses_its_row():
    fits = interactions()
    for name in ("log(pc):unemp", "unemp:log(pc)"):
        kept = etable(fits, keep=[name], std_effect=[name]).frame
        assert kept.loc[kept.index.str.contains("×")].iloc[0].tolist() == [
            "-0.003",
            "-0.003",
        ]
        assert all(kept.loc[kept.index.str.contains("effect of one SD")].iloc[0])
        assert not any("×" in row for row in etable(fits, drop=[name]).frame.index)
        folded = etable(fits, controls=[name]).frame
        assert folded.loc["Controls"].tolist() == ["Yes", "Yes"]
        assert "×" in etable(fits, order=[name]).frame.index[1]
    blocks = etable(
        [*fits, interactions()[0]], blocks={"Both": ["unemp", "unemp:log(pc)"]}
    ).frame
    assert blocks.loc["Both"].tolist() == ["Yes"] * 3
    some = FixedEffects("log(gsp)", ["unemp"]).fit(datasets.us_states())
    assert etable([*fits, some], blocks={"Both": ["unemp", "unemp:log(pc)"]}).frame.loc[
        "Both"
    ].tolist() == [
        "Yes",
        "Yes",
        "Some",
    ]


def test_slopes_of_a_product_by_regime_share_their_rows():
    panel = datasets.us_states()
    spec = PanelThreshold(
        "log(gsp)", ["unemp:log(pc)"], "emp", bootstrap=None, confidence="lr"
    )
    fits = [
        spec.fit(panel),
        spec.replace(regime_dependent=("log(pc):unemp",)).fit(panel),
    ]
    rows = [name for name in etable(fits).frame.index if "×" in name]
    assert len(rows) == 2
