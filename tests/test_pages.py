"""Pages' code that the library lacks, on input that the page does not show.

The pages define it.
"""

from __future__ import annotations

import ast
import doctest
import importlib.util
import inspect
import json
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import digiprosper as dp

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGE = DOCS / "how-to" / "bibliometrics.md"


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """Return what the page defines, after all of its examples ran."""
    pytest.importorskip("networkx", reason="the page on bibliometrics needs networkx")
    names: dict[str, Any] = {}
    examples = doctest.DocTestParser().get_examples(PAGE.read_text(encoding="utf-8"))
    for example in examples:
        exec(compile(example.source, str(PAGE), "single"), names)
    return names


@pytest.mark.further
def test_fields_with_a_byte_order_mark_a_full_width_colon_and_several_lines(
    page: dict[str, Any],
) -> None:
    text = (
        "\ufeff{Reference Type}: Journal Article\n{Title}： 题\n目\n\n{Author}: 甲;\n"
        "{Keywords}: 数据;;要素\n"
    )
    assert page["read_records"](text).to_dict("records") == [
        {
            "Reference Type": "Journal Article",
            "Title": "题目",
            "Author": "甲;",
            "Keywords": "数据;;要素",
        }
    ]


@pytest.mark.further
def test_repeated_fields_are_joined_and_line_ends_of_windows_read(
    page: dict[str, Any],
) -> None:
    text = (
        "TY  - JOUR\r\nT1  - A\r\nY1  - 2020\r\nKW  - x\r\nKW  - y\r\nER  - \r\n"
        "TY  - BOOK\r\nER  - \r\n"
    )
    first, second = page["read_records"](text).to_dict("records")
    assert (first["Title"], first["Year"], first["Keywords"]) == ("A", "2020", "x;y")
    assert second["Reference Type"] == "BOOK"
    assert pd.isna(second["Keywords"])


@pytest.mark.further
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("数据;;要素;", ["数据", "要素"]),
        ("数据；要素", ["数据", "要素"]),
        ("数据,要素,", ["数据", "要素"]),
        (
            "research, development; Digital Economy;数字经济",
            ["research, development", "数字经济"],
        ),
        ("一词", ["一词"]),
    ],
)
def test_separators(page: dict[str, Any], text: str, words: list[str]) -> None:
    assert page["split_keywords"](text) == words


@pytest.mark.further
def test_links_are_counted_as_a_loop_over_papers_would(page: dict[str, Any]) -> None:
    keywords = pd.Series([["a", "b", "c"], ["a", "b"], ["b", "c"], ["a"], ["d"]])
    network = page["keyword_network"](keywords)
    for a, b in (("a", "b"), ("a", "c"), ("b", "c")):
        both = sum(a in words and b in words for words in keywords)
        one, other = (sum(word in words for words in keywords) for word in (a, b))
        assert network.edges[a, b] == {
            "weight": both,
            "strength": round(both * 5 / (one * other), 3),
        }
    assert set(page["keyword_network"](keywords, fewest=3)) == {"a", "b"}


@pytest.mark.further
@pytest.mark.filterwarnings("ignore:Glyph")
def test_the_figure(
    page: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    (figure,) = [block for block in blocks if ">>>" not in block]
    exec(figure, dict(page))
    assert {path.name for path in tmp_path.iterdir()} == {
        "keywords.png",
        "keywords.graphml",
    }


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
MODULES = sorted((ROOT / "src").rglob("*.py"))
# More than eight digits after the point, zeros before the first other digit of a number
# below 1 left out.
LONG = re.compile(r"(?<![\d.])0\.0*[1-9]\d{8,}|[1-9]\d*\.\d{9,}")


def expected_texts(path: Path) -> list[str]:
    """Read the expected outputs of examples of a page, or a module's docstrings."""
    texts = [path.read_text(encoding="utf-8")]
    if path.suffix == ".py":
        documented = ast.Module, ast.ClassDef, ast.FunctionDef
        nodes = [
            node
            for node in ast.walk(ast.parse(texts[0]))
            if isinstance(node, documented)
        ]
        texts = [ast.get_docstring(node) or "" for node in nodes]
    return [
        example.want
        for text in texts
        for example in doctest.DocTestParser().get_examples(text)
    ]


def test_examples_compare_no_more_digits_than_all_versions_of_numpy_share() -> None:
    """Sums in another order differ from the tenth digit on.

    Between versions and between processors.
    """
    long = {
        path.name: LONG.findall("".join(expected_texts(path)))
        for path in [*PAGES, *MODULES]
    }
    assert {name: numbers for name, numbers in long.items() if numbers} == {}


@pytest.mark.many(12)
@pytest.mark.parametrize(
    ("number", "is_long"),
    [
        ("0.5", False),
        ("0.12345678", False),
        ("0.0012345678", False),
        ("13.666667...", False),
        ("1e-12", False),
        ("100000000000.0", False),
        ("0.123456789", True),
        ("-0.00123456789", True),
        ("1.000000001", True),
        ("array([0.1234567891234567])", True),
        ("1.2345678912345e-05", True),
        ("0.1, 10.123456789...", True),
    ],
)
def test_long_numbers_are_recognised(number: str, is_long: bool) -> None:
    assert bool(LONG.search(number)) == is_long


HOLDERS: dict[str, tuple[Any, ...]] = {
    "": (dp,),
    "plots": (dp.plots,),
    "panel": (dp.Panel,),
    "Panel": (dp.Panel,),
    "fit": (
        dp.LinearResults,
        dp.IVResults,
        dp.SpatialResults,
        dp.EventStudyResults,
        dp.PoissonEventStudyResults,
    ),
    "results": (dp.MediationResults, dp.ThresholdResults),
    "SpatialWeights": (dp.SpatialWeights,),
}
NOT_OURS = {"log", "lag", "lead", "diff", "treated", "C", "I", "len"}
# What follows a bracket is a method of what was called, of pandas for example, and is
# not looked up.
CALL = re.compile(r"([)\]\s]\.)?(?:\b(\w+)\.)?\b([A-Za-z_]\w*)\(")


@pytest.mark.parametrize("page", ["stata", "stata_zh", "r"])
def test_calls_that_replace_commands_exist(page: str) -> None:
    text = (DOCS / "coming_from" / f"{page}.md").read_text(encoding="utf-8")
    rows = [
        line.replace("\\|", " ").split(" | ")
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    codes = " ".join(
        code
        for row in rows
        if len(row) == 3
        for code in re.findall(r"`([^`]+)`", row[1])
    )
    calls = {
        (holder, name)
        for chained, holder, name in CALL.findall(codes)
        if not chained and holder != "f"
    }
    known = {name: HOLDERS.get(name, ()) for name, _ in calls}
    missing = [
        f"{a}.{b}" for a, b in calls if not any(hasattr(owner, b) for owner in known[a])
    ]
    assert set(missing) - {f".{name}" for name in NOT_OURS} == set()


def test_options_that_the_changelog_names_exist() -> None:
    """`ref` is that of C(), and the changelog says that `cluster` is refused."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    named = {
        name
        for code in re.findall(r"`([^`]+)`", text)
        for name in re.findall(r"\b([a-z_]\w*)=(?!=)", code)
    }
    public = [getattr(dp, name) for name in dir(dp) if name[0] != "_"]
    members = [getattr(m, "__func__", m) for v in public for m in vars(v).values()]
    functions = [f for f in [*public, *members] if inspect.isfunction(f)]
    classes = [v for v in public if inspect.isclass(v) and is_dataclass(v)]
    options = {p for call in functions for p in inspect.signature(call).parameters}
    options |= {field.name for value in classes for field in fields(value)}
    assert len(named) > 50
    assert named - options == {"ref", "cluster"}


def test_commands_that_the_page_of_stata_says_are_not_known_are_not() -> None:
    text = (DOCS / "coming_from" / "stata.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines()]
    commands = [
        re.findall(r"`(\w+)`", row[0])
        for row in rows
        if row[-1].startswith("not known to ")
    ]
    assert len(commands) == 2
    for command in [*commands[0], *commands[1]]:
        with pytest.raises(dp.DigiprosperError, match="not known"):
            dp.from_stata(f"{command} y x")


@pytest.mark.peers
@pytest.mark.data("cases/california_prop99.csv")
def test_the_call_of_synthetic_did_gives_the_number_of_its_authors() -> None:
    pytest.importorskip("diff_diff")
    text = (DOCS / "how-to" / "where_to_go.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(smoking = .*?)```", text, re.DOTALL)
    data = ROOT.parent / "shared" / "data" / "cases" / "california_prop99.csv"
    code = code.replace("california_prop99.csv", str(data))
    names: dict[str, Any] = {}
    *lines, call = ast.parse(f"import pandas as pd, diff_diff as dd\n{code}").body
    exec(compile(ast.Module(lines, []), "page", "exec"), names)
    assert isinstance(call, ast.Expr)
    fit = eval(compile(ast.Expression(call.value), "page", "eval"), names)
    reference = json.loads(
        (ROOT / "tests" / "reference" / "synthetic_did.json").read_text("utf-8")
    )
    known = reference["cases"][0]["values"]["att"]
    assert fit.att == pytest.approx(known["value"], abs=known["atol"])


IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
DRAWN = re.compile(r"plots\.\w+\((?!.*\bax=)|subplots\(")
GALLERY = (ROOT / "examples" / "gallery.py").read_text(encoding="utf-8")
MEND = (
    "Draw one in an example of the page, `>>> ax = dp.plots...`, and show it by "
    "`![what is seen](../figures/{name}_1.png)`; or show one of examples/gallery.py by "
    "`![what is seen](../gallery/NAME_en.png)`. `make docs` makes both."
)
ILLUSTRATED = [
    *(DOCS / "explanations").glob("*.md"),
    *(DOCS / "how-to").glob("*.md"),
    DOCS / "start" / "quickstart_zh.md",
    *DOCS.glob("index*.md"),
]


def what_a_page_lacks(name: str, text: str) -> list[str]:
    """Say what is wrong with the figures of a page, and how to mend it."""
    images = IMAGE.findall(text)
    if not images:
        return [f"{name}: no figure. {MEND.format(name=name)}"]
    examples = "".join(
        re.findall(r"^```python\n.*?^```", text, re.DOTALL | re.MULTILINE)
    )
    made = {
        f"figures/{name}_{number}.png"
        for number in range(1, len(DRAWN.findall(examples)) + 1)
    }
    drawn = re.findall(r"^def (\w+)\(labels", GALLERY, re.MULTILINE)
    made |= {f"gallery/{figure}_{end}.png" for figure in drawn for end in ("en", "zh")}
    problems = []
    for alt, link in images:
        path = link.removeprefix("../")
        if path not in made:
            problems.append(f"{name}: nothing makes {link}. {MEND.format(name=name)}")
        if len(alt) < (10 if name.endswith("_zh") else 30):
            problems.append(f"{name}: say in words what {link} shows, in its brackets.")
        if name.endswith("_zh") and path.endswith("_en.png"):
            problems.append(f"{name}: {link} is in English; show the one in Chinese.")
    return problems


def test_each_page_of_a_method_or_a_task_has_a_figure_with_a_text() -> None:
    pages = {
        page.relative_to(DOCS).with_suffix("").as_posix(): page.read_text("utf-8")
        for page in ILLUSTRATED
        if page.parent == DOCS or page.stem != "index"
    }
    problems = [
        p for name, text in pages.items() for p in what_a_page_lacks(name, text)
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("No figure.", "no figure"),
        ("![A slope in two models, with intervals](../gallery/none_en.png)", "nothing"),
        ("![A slope in two models, with intervals](../figures/a/b_1.png)", "nothing"),
        ("![A slope](../gallery/placebo_en.png)", "say in words"),
    ],
)
def test_what_a_page_lacks_is_named(text: str, problem: str) -> None:
    (actual,) = what_a_page_lacks("a/b", text)
    assert problem in actual


def test_a_figure_of_a_page_is_one_that_its_examples_draw() -> None:
    text = "![A slope in two models, with intervals](../figures/a/b_1.png)\n"
    text += "```python\n>>> ax = dp.plots.coefficients(fit)\n\n```\n"
    assert what_a_page_lacks("a/b", text) == []


@pytest.mark.further
def test_the_picture_of_the_readme_shows_what_its_examples_estimate() -> None:
    """`python docs/generators/page_figures.py` draws it again."""
    script = DOCS / "generators" / "page_figures.py"
    spec = importlib.util.spec_from_file_location("page_figures", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.drawn(ROOT / "README.md") as (_, (figure,)):
        numbers = module.numbers(figure)
    assert "log(jobs)" in numbers
    assert numbers.encode() in (DOCS / "_static" / "first_sight.png").read_bytes()


@pytest.mark.parametrize(
    "page",
    [
        "explanations/datasets.md",
        "explanations/spatial_models.md",
        "explanations/spatial_weights.md",
        "how-to/spillovers.md",
        "start/quickstart_zh.md",
    ],
)
def test_pages_on_weights_name_the_borders_of_provinces_in_chinese(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert 'province_neighbours("short")' in text
    assert "match_provinces" in text or "#names-of-provinces-and-cities" in text
