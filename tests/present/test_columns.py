from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    OptionError,
)
from digiprosper.mediation.layout import equation_term
from digiprosper.present.columns import (
    all_terms,
    matching_terms,
    merged_labels,
    name_columns,
    read_columns,
    select,
)
from digiprosper.present.style import Style
from digiprosper.present.tables import etable
from digiprosper.report.collection import ResultSet
from digiprosper.report.columns import Column, Estimate
from digiprosper.report.labels import check_labels
from digiprosper.report.terms import Point, Term


def style_of(labels=None):
    return Style("se", None, 3, labels=labels or {})


def test_every_kind_of_model_becomes_columns(
    one_way, two_way, make_threshold, make_drawn
):
    frame = pd.DataFrame({"b": [1.0], "se": [0.1]}, index=["digital"])
    failed = IdentificationError("absorbed")
    kinds = [
        one_way,
        ResultSet((("A", two_way), ("B", failed))),
        make_threshold(two_way),
        frame,
        failed,
    ]
    columns = name_columns(
        read_columns([*kinds, make_drawn({"x": (1, 1, 1)})], "etable"),
        None,
        style_of(),
        "etable",
    )
    assert [c.head for c in columns] == [
        "(1)",
        "A",
        "B",
        "(2)",
        "b",
        "se",
        "(3)",
        "(4)",
    ]
    assert [bool(c.estimates) for c in columns] == [
        True,
        True,
        False,
        True,
        False,
        False,
        False,
        True,
    ]
    assert columns[2].failure is failed
    assert [block.kind for block in columns[3].blocks] == ["step"]
    assert columns[4].cells["digital"].value == 1.0
    assert [bool(c.inference.cov_type) for c in columns] == [
        bool(c.estimates) for c in columns
    ]
    assert [c.inference.reps for c in columns] == [0, 0, 0, 0, 0, 0, 0, 1999]


def test_keys_of_a_mapping_are_heads(one_way, two_way):
    frame = pd.DataFrame({"b": [1.0], "se": [0.1]}, index=["x"])
    nested = {
        "A": one_way,
        "B": ResultSet((("1", two_way),)),
        "C": frame,
        "D": frame[["b"]],
    }
    assert [c.head for c in read_columns(nested, "etable")] == [
        "A",
        "B: 1",
        "C: b",
        "C: se",
        "D",
    ]


def test_rows_of_a_frame_are_named_by_their_text(one_way):
    tidy = one_way.tidy()
    assert list(read_columns(tidy, "etable")[0].cells) == ["digital"]
    numbered = pd.DataFrame({"b": [1.0, 2.0], "c": [1.0, 2.0]})
    assert list(read_columns(numbered, "etable")[0].cells) == ["0", "1"]
    nested = pd.DataFrame({"b": [1.0]}, index=pd.MultiIndex.from_tuples([("a", 2011)]))
    assert list(read_columns(nested, "etable")[0].cells) == ["a / 2011"]
    with pytest.raises(InputTypeError, match=r"'a' are duplicated.*reset_index"):
        read_columns(pd.DataFrame({"b": [1.0, 2.0]}, index=["a", "a"]), "etable")


@pytest.mark.parametrize("models", [[], {}, ResultSet(())])
def test_no_models_are_refused(models):
    with pytest.raises(InputTypeError, match="etable: models is empty; pass a result"):
        read_columns(models, "etable")


@pytest.mark.parametrize("model", ["text", 3, None, object(), pd.Series([1.0])])
def test_what_is_not_a_result_is_refused(model, one_way):
    with pytest.raises(
        InputTypeError,
        match=rf"{type(model).__name__} is not a result. Pass what `fit` returns",
    ):
        read_columns([one_way, model], "etable")
    with pytest.raises(InputTypeError):
        read_columns(model, "etable")


def test_a_result_of_another_package_is_not_called_a_test(one_way):
    other = SimpleNamespace(att=1.0, se=0.5, p_value=0.05)
    with pytest.raises(InputTypeError, match=r"needs params, cov, nobs, tidy\(level\)"):
        read_columns([one_way, other], "etable")


def test_heads_must_match_the_columns(one_way):
    columns = read_columns([one_way, one_way], "etable")
    assert [
        c.head for c in name_columns(columns, ["a", "a"], style_of(), "etable")
    ] == [
        "a",
        "a",
    ]
    assert [
        c.head for c in name_columns(columns, [2019, 2020], style_of(), "etable")
    ] == [
        "2019",
        "2020",
    ]
    with pytest.raises(OptionError, match="heads has 1 heads for 2 columns"):
        name_columns(columns, ["a"], style_of(), "etable")
    with pytest.raises(OptionError, match="heads has one text for 2 columns"):
        name_columns(columns, "ab", style_of(), "etable")


def test_labels_of_the_call_win_then_the_first_seen(make_fit):
    columns = read_columns(
        [make_fit({}, {"x": "A"}), make_fit({}, {"x": "B", "y": "Y"})], "etable"
    )
    assert merged_labels(columns, check_labels({"y": "Mine"}, "etable")) == {
        "x": "A",
        "y": "Mine",
    }
    assert check_labels(None, "etable") == {}
    with pytest.raises(InputTypeError, match="labels must be a mapping"):
        check_labels(["a"], "etable")


def test_a_series_of_event_times_is_not_divided():
    def column(*names):
        points = {name: Point("", name, float(name)) for name in names if name != "att"}
        kinds = {name: "event" if name in points else "att" for name in names}
        terms = [Term(name, kind=kinds[name], point=points.get(name)) for name in names]
        return Column(
            estimates={term.name: Estimate(term, *[1.0] * 6) for term in terms}
        )

    longer, shorter = column("-3", "-2", "0"), column("att", "-2", "0")
    assert all_terms([longer, shorter]) == ["att", "-3", "-2", "0"]
    assert all_terms([shorter, longer]) == ["att", "-3", "-2", "0"]
    # Later times stand before the controls of the other model.
    with_control, later = column("-2", "0", "att"), column("-2", "0", "3", "5")
    assert all_terms([with_control, later]) == ["-2", "0", "3", "5", "att"]
    assert all_terms([column("att"), later]) == ["att", "-2", "0", "3", "5"]


def test_terms_go_where_their_model_has_them(make_fit):
    def columns(*models):
        return read_columns(
            [make_fit(dict.fromkeys(m, (1, 1, 1))) for m in models], "etable"
        )

    assert all_terms(columns("a", "ab", "ac")) == ["a", "b", "c"]
    assert all_terms(columns("xc", "xsc", "zc")) == ["x", "s", "z", "c"]
    assert select(columns(["Intercept", "a"], ["b"]), None, None, caller="etable") == [
        "a",
        "b",
        "Intercept",
    ]
    assert select(
        columns(["Intercept", "a"]), None, None, ["Intercept"], caller="etable"
    ) == [
        "Intercept",
        "a",
    ]


def test_terms_are_chosen_by_name_or_pattern(make_fit):
    terms = ["C(r)[T.a]", "C(r)[T.b]", "digital", "digital:urban", "edu"]
    columns = read_columns(make_fit(dict.fromkeys(terms, (1, 1, 1))), "etable")
    assert matching_terms("C(r)[T.a]", terms, "keep", "etable") == ["C(r)[T.a]"]
    assert matching_terms("C(r)", terms, "drop", "etable") == terms[:2]
    assert matching_terms(["digital*"], terms, "keep", "etable") == [
        "digital",
        "digital:urban",
    ]
    assert select(columns, ["digital*", "edu"], ["*:*"], ["edu"], caller="etable") == [
        "edu",
        "digital",
    ]
    assert select(columns, None, None, fold=["edu"], caller="etable") == terms[:-1]
    with pytest.raises(
        ColumnError,
        match=r"etable: keep matches no term 'digtal', 'z\*'. The terms are 'C\(r\)",
    ) as caught:
        matching_terms(["digtal", "edu", "z*"], terms, "keep", "etable")
    assert [p.data["column"] for p in caught.value.problems] == ["digtal", "z*"]
    assert isinstance(caught.value, DigiprosperError)


def test_equations_of_a_mediation_are_headed_in_words(make_fit):
    def heads(given, wanted=None):
        columns = name_columns(
            read_columns(given, "etable"),
            wanted,
            style_of({"jobs": "Employment"}),
            "etable",
        )
        return [c.head for c in columns]

    def fits(*terms):
        return {term.name: make_fit({"x": (1, 1, 1)}, equation=term) for term in terms}

    # What the equation of a mediator explains is its outcome, which the fit describes.
    paths = fits(*map(equation_term, ("total", "outcome")))
    mediator = equation_term("mediator", "log(jobs)")
    middle = make_fit({"x": (1, 1, 1)}, info={"depvar": "log(jobs)"}, equation=mediator)
    paths[mediator.name] = middle
    assert heads(paths) == ["Total effect", "Outcome", "Mediator: log(Employment)"]
    assert heads(paths, ["total", "mediator:log(jobs)", "c"]) == [
        "total",
        "mediator:log(jobs)",
        "c",
    ]
    assert heads({"a": middle, "Total": paths["total"]}) == ["a", "Total"]
    assert heads(list(paths.values())) == ["(1)", "(2)", "(3)"]
    plain = make_fit({"x": (1, 1, 1)})
    names = ["total", "mediator:gdp", "x on z"]
    assert heads(dict.fromkeys(names, plain)) == names
    stages = ("x on z", "y on z", "m on z", "m on z given x", "y on z given x")
    assert heads(fits(*map(equation_term, stages))) == [
        "Treatment on instrument",
        "Outcome on instrument",
        "Mediator on instrument",
        "Mediator on instrument given treatment",
        "Outcome on instrument given treatment",
    ]


def test_a_key_of_several_columns_spans_them(make_fit):
    fit = make_fit({"digital": (0.1, 0.04, 0.01)})
    models = {
        "Output": [fit, fit],
        "Jobs": {"east": fit},
        "alone": fit,
        "frame": pd.DataFrame({"a": [1], "b": [2]}),
    }
    columns = name_columns(
        read_columns(models, "etable", spanning=True),
        None,
        style_of({"Jobs": "就业"}),
        "etable",
    )
    assert [(c.over, c.head) for c in columns] == [
        ("Output", "(1)"),
        ("Output", "(2)"),
        ("就业", "east"),
        (None, "alone"),
        ("frame", "a"),
        ("frame", "b"),
    ]
    # Figures have one line of heads.
    assert [c.head for c in read_columns(models, "plots")][:4] == [
        "Output: (1)",
        "Output: (2)",
        "Jobs: east",
        "alone",
    ]


def test_of_two_heads_that_span_the_lower_one_joins_the_heads(make_fit):
    fit = make_fit({"digital": (0.1, 0.04, 0.01)})
    columns = read_columns(
        {"Output": {"East": {"a": fit, "b": fit}}}, "etable", spanning=True
    )
    assert [(c.over, c.head) for c in columns] == [
        ("Output", "East: a"),
        ("Output", "East: b"),
    ]


def test_notes_tell_columns_with_one_head_apart(make_fit):
    fit, failed = (
        make_fit({"digital": (0.1, 0.04, 0.01)}),
        OptionError("x: nothing to estimate.", []),
    )
    table = etable({"A": {"east": fit, "west": failed}, "B": {"west": fit}})
    assert table.notes[-1].startswith("A: west not estimated")


@pytest.mark.parametrize("group", [{}, [], (), [1], {"b": 2}, {"b": [None]}])
def test_groups_of_columns_that_are_none(group):
    with pytest.raises(InputTypeError):
        etable({"A": group})
