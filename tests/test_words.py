"""Words by code: each table is complete in both languages, and said somewhere.

Phrases that readers of a message, a table or a page could not understand do not come
back.
"""

from __future__ import annotations

import ast
import importlib
import re
import string
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from digiprosper.counts.results import WORDS as COUNTS
from digiprosper.dynamic.results import WORDS as DYNAMIC
from digiprosper.errors import notice_tables
from digiprosper.learning.panel_dml import WORDS as LEARNING
from digiprosper.linear.words import WORDS as LINEAR
from digiprosper.mediation.words import WORDS as MEDIATION
from digiprosper.panel.describe import WORDS as PANEL
from digiprosper.pathways.words import WORDS as PATHWAYS
from digiprosper.policy.words import WORDS as POLICY
from digiprosper.report.characters import has_cjk
from digiprosper.report.columns import BELOW
from digiprosper.report.drawings import FIGURE
from digiprosper.report.words import (
    HEADS,
    NO_WORDS,
    NOTES,
    TABLE,
    TESTS,
    Language,
    Words,
)
from digiprosper.spatial.panel_spatial import SpatialModel
from digiprosper.spatial.words import MADE, WORDS as SPATIAL
from digiprosper.studies.words import WORDS as STUDIES
from digiprosper.threshold.words import WORDS as THRESHOLD

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "digiprosper"


class Row(NamedTuple):
    """A table of words, and patterns of the codes for which a rule does not hold."""

    words: Words
    other_parts: tuple[str, ...] = ()
    """Codes whose Chinese text is filled in with other values than the English text."""
    latin: tuple[str, ...] = ()
    """Codes whose Chinese text is in Latin letters: names of authors and symbols."""
    composed: tuple[str, ...] = ()
    """Codes that the source composes of values alone, such as a shape and a sign."""


ROWS = {
    # English names the keys of effects; Chinese calls those of individuals and of time.
    "report/words.py TABLE": Row(
        TABLE,
        other_parts=("effects.entity", "effects.time", "effects.random"),
        latin=(
            "errors.xtscc",
            "errors.conley",
            "errors.abadie_imbens",
            "stat.kp_rk_f",
        ),
        composed=("stat.*",),
    ),
    "report/words.py HEADS": Row(HEADS),
    # English pairs each mark with its level; Chinese lists the marks, then the levels.
    # English prints the message of an error, Chinese what class it has.
    "report/words.py NOTES": Row(
        NOTES, other_parts=("stars", "stars.one", "failure.*")
    ),
    "report/columns.py BELOW": Row(BELOW, composed=("small_regime.*",)),
    # Codes are read from the English names of tests.
    "report/words.py TESTS": Row(TESTS, composed=("*",)),
    "report/drawings.py FIGURE": Row(FIGURE, latin=("errors.xtscc", "path.star")),
    "counts/results.py WORDS": Row(COUNTS, composed=("stat.*",)),
    "dynamic/results.py WORDS": Row(DYNAMIC, composed=("difference.*", "system.*")),
    "learning/panel_dml.py WORDS": Row(LEARNING, composed=("stat.*",)),
    "linear/words.py WORDS": Row(
        LINEAR, latin=("stat.cragg_donald", "wild.statistic"), composed=("stat.*",)
    ),
    "mediation/words.py WORDS": Row(MEDIATION, composed=("indirect.effect_through",)),
    "panel/describe.py WORDS": Row(PANEL),
    "pathways/words.py WORDS": Row(PATHWAYS, composed=("*.[+-]", "U*.[+-]/[+-]")),
    "policy/words.py WORDS": Row(
        POLICY,
        composed=("callaway_santanna.*", "imputation.*", "sun_abraham.*", "stat.*"),
    ),
    # Chinese puts the standardising behind the name; English has both in `weights`.
    "spatial/words.py WORDS": Row(SPATIAL, other_parts=("w", "w.made")),
    "spatial/words.py MADE": Row(MADE, composed=("*",)),
    # English has the counts in one text, `about`.
    "studies/words.py WORDS": Row(
        STUDIES,
        other_parts=("control_sets",),
        composed=(
            "difference.by.*",
            "difference.permutations*",
            "difference.interaction",
            "range.permutations*",
            "range.interaction",
        ),
    ),
    "threshold/words.py WORDS": Row(THRESHOLD),
}
EVERY_ROW = pytest.mark.parametrize("row", ROWS)
# What every room may say.
SHARED_TABLES = [row for row in ROWS if row.startswith("report/")]


def parts(text: str) -> set[str]:
    """Return what is filled in: the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def texts_in(words: Words, language: Language) -> dict[str, str]:
    """Return the text of each code in one language."""
    return {code: words.text(code, language) or "" for code in words.texts}


def matching(codes: set[str], patterns: tuple[str, ...]) -> set[str]:
    return {code for code in codes if any(fnmatchcase(code, p) for p in patterns)}


def test_every_table_of_words_has_a_row() -> None:
    files = [
        path.relative_to(SOURCE)
        for path in sorted(SOURCE.rglob("*.py"))
        if re.search(r"^[A-Z]+ = read_words\(", path.read_text("utf-8"), re.MULTILINE)
    ]
    modules = {
        file.as_posix(): importlib.import_module(
            ".".join(["digiprosper", *file.with_suffix("").parts])
        )
        for file in files
    }
    tables = {
        f"{file} {name}"
        for file, module in modules.items()
        for name, value in vars(module).items()
        if isinstance(value, Words)
        and value is not NO_WORDS
        and name in module_names(SOURCE / file)
    }
    assert tables == set(ROWS)


@pytest.mark.many(12)
@EVERY_ROW
def test_every_code_has_words_in_both_languages(row: str) -> None:
    words = ROWS[row].words
    assert all(isinstance(t, str) or len(t) == 2 for t in words.texts.values())
    # Of the two, the first is English.
    assert [t for t in texts_in(words, "english").values() if has_cjk(t)] == []


@pytest.mark.many(12)
@EVERY_ROW
def test_both_languages_fill_in_the_same_parts(row: str) -> None:
    words, other_parts, *_ = ROWS[row]
    english, chinese = (texts_in(words, language) for language in get_args(Language))
    differing = {
        code for code in words.texts if parts(english[code]) != parts(chinese[code])
    }
    assert differing == matching(set(words.texts), other_parts)


@pytest.mark.many(12)
@EVERY_ROW
def test_chinese_words_are_chinese(row: str) -> None:
    words, _, latin, _ = ROWS[row]
    bare = {
        code: re.sub(r"\{\w+\}", "", text)
        for code, text in texts_in(words, "chinese").items()
    }
    in_latin = {
        code
        for code, text in bare.items()
        if not has_cjk(text) and re.search(r"[a-z]", text)
    }
    assert in_latin == matching(set(words.texts), latin)


# --- codes in the source --------------------------------------------------------------


def module_names(path: Path) -> set[str]:
    """Return the names that a file assigns, imports left out."""
    statements = ast.parse(path.read_text(encoding="utf-8")).body
    targets = [
        target for s in statements if isinstance(s, ast.Assign) for target in s.targets
    ]
    return {target.id for target in targets if isinstance(target, ast.Name)}


@cache
def syntax() -> dict[str, ast.Module]:
    """Read each source file without its tables of words."""
    trees = {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
        if not path.name.endswith("words.py")
    }
    for tree in trees.values():
        tree.body = [s for s in tree.body if not reads_words(s)]
    return trees


def reads_words(statement: ast.stmt) -> bool:
    """Tell whether a statement assigns what `read_words` returns."""
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value.func) == "read_words"
    )


def pattern(node: ast.expr) -> str:
    """Return a regular expression of a text; values of an f-string may be anything."""
    if isinstance(node, ast.JoinedStr):
        return "".join(pattern(value) for value in node.values)
    return re.escape(node.value) if isinstance(node, ast.Constant) else ".*"


@cache
def written(room: str) -> tuple[set[str], set[str]]:
    """Find the texts of a room, and patterns of the f-strings that may be codes."""
    texts, patterns = set(), set()
    for file, tree in syntax().items():
        if file.partition("/")[0] != room:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                # A word before the first value, or one between dots.
                if re.match(r"[a-z]{3}|.*\\.[a-z]{2}", text := pattern(node)):
                    patterns.add(text)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    return texts, patterns


@pytest.mark.further
@EVERY_ROW
def test_every_code_is_said(row: str) -> None:
    words, *_, composed = ROWS[row]
    room = row.partition("/")[0]
    rooms = (
        {file.partition("/")[0] for file in syntax()}
        if room == "report"
        else {room, "report", "present"}
    )
    texts = {text for room in rooms for text in written(room)[0]}
    if words is BELOW:
        # Of each of these sentences there is a call of `notice_of`.
        texts |= {code.partition(".")[0] for code in notice_tables()[1]}
    patterns = {text for room in rooms for text in written(room)[1]}
    composing = re.compile("|".join(f"(?:{text})" for text in sorted(patterns)))
    unsaid = {
        code
        for code in words.texts
        if code not in texts and not composing.fullmatch(code)
    }
    assert unsaid <= matching(set(words.texts), composed)
    assert all(matching(unsaid, (p,)) for p in composed)


def said_codes(file: str) -> list[tuple[str | None, ast.expr]]:
    """Find the codes that a file says or puts in a remark, with their table if named.

    A code is a text, an f-string, or one of two.
    """
    codes: list[tuple[str | None, ast.expr]] = []
    for call in ast.walk(syntax()[file]):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        function, (first, *others) = call.func, call.args
        name = (
            function.id
            if isinstance(function, ast.Name)
            else getattr(function, "attr", "")
        )
        if name not in {"say", "Remark"}:
            continue
        owner = function.value if isinstance(function, ast.Attribute) else None
        table = table_of(file, first) or table_of(file, owner)
        code = others[0] if table_of(file, first) and others else first
        options = [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]
        codes += [
            (table, c) for c in options if isinstance(c, ast.Constant | ast.JoinedStr)
        ]
    return codes


def table_of_room(room: str) -> str | None:
    """Return the row of the words of a room, which are its `WORDS`."""
    return next((row for row in ROWS if re.fullmatch(f"{room}/.* WORDS", row)), None)


def table_of(file: str, node: ast.expr | None) -> str | None:
    """Return the row of a table that the source calls by its name."""
    name = node.id if isinstance(node, ast.Name) else ""
    if name == "WORDS":
        return table_of_room(file.partition("/")[0])
    return next((row for row in SHARED_TABLES if row.endswith(f" {name}")), None)


@pytest.mark.further
def test_every_code_that_the_source_says_has_words() -> None:
    said = [
        (file, table, pattern(code))
        for file in syntax()
        for table, code in said_codes(file)
    ]
    assert len(said) > 200
    missing = []
    for file, table, code in said:
        room = file.partition("/")[0]
        own = (
            list(ROWS)
            if room in {"report", "present"}
            else [*SHARED_TABLES, table_of_room(room)]
        )
        rows = [table] if table else [row for row in own if row]
        if not any(
            re.fullmatch(code, c) for row in rows for c in ROWS[row].words.texts
        ):
            missing.append(f"{file}: {code}")
    assert missing == []


# --- words themselves -----------------------------------------------------------------

EXAMPLE = Words({"effect": ("Effect", "效应"), "through": "Through {path}"})


def test_words_are_said_in_a_language() -> None:
    assert EXAMPLE.say("effect") == "Effect"
    assert EXAMPLE.say("effect", "chinese") == "效应"
    assert EXAMPLE.say("through", path="jobs") == "Through jobs"
    assert EXAMPLE.say("through", "chinese", path="jobs") == "Through jobs"


def test_a_code_without_words_says_itself() -> None:
    assert NO_WORDS.say("drawn.wild_score") == "wild_score"
    assert "effect" in EXAMPLE
    assert "effect" not in NO_WORDS


def test_labels_with_braces_stay_as_they_are() -> None:
    assert EXAMPLE.say("through", path="{x}") == "Through {x}"


def test_a_point_is_written_behind_its_word() -> None:
    point = POLICY.say("point.≤ -5")
    assert (
        POLICY.say("point", effect=POLICY.say("event"), point=point)
        == "Event time ≤ -5"
    )


def test_every_spatial_model_has_a_name() -> None:
    assert [m for m in get_args(SpatialModel) if m not in SPATIAL] == []


# --- phrases that do not come back ----------------------------------------------------

BANNED = (
    "told from 0",
    "told from zero",
    "alone in an effect",
    "rows alone",
    "speaks of one",
    "sees no path",
    "see no path",
    "of the squared scores of its test",
    "deserve",
    "stops nobody",
    "of samples that keep it",
    "the noisiest of them",
    "lean on many",
    "SE clustered by {",
    "Fit without it, too",
    "decides much",
    "invented values",
    "forgives nothing",
    "never conclude",
    "run the other way",
    "which some value always does",
    "does not tell it from",
    "loosely connected",
    "teach the weights",
    "cannot explain itself",
    "drown a quiet",
    "in what they drew",
    "mend or",
    "mend it",
    "mend these",
    "mirror image",
    "bent by several",
    "goes with a change of",
    "carry the mean",
    "lean towards",
    "may miss the truth",
    "go on beyond",
    "read it as open",
    "in a chain no mediator",
    "Regimes part at",
    "Places up",
    "nothing to share",
    "repeat keys",
    "nothing to weigh",
    "nothing looks ahead",
    "interval is rough",
    "say missing=",
    "say at=",
    "say bootstrap=",
    "over again once",
    "not shown to",
    "outweighs the direct",
    "percentage of nothing",
    "close call",
    "nothing of the kind",
    "leaves 0 out",
    "hangs on",
    "worth saying",
    "is the headline",
)
TEXTS = sorted(
    path
    for folder, ending in (("src", "*.py"), ("docs", "*.md"), ("examples", "*.py"))
    for path in (ROOT / folder).rglob(ending)
)


@cache
def small_letters(path: Path) -> str:
    return path.read_text(encoding="utf-8").lower()


@pytest.mark.many(5)
@pytest.mark.parametrize("phrase", BANNED)
def test_plain_words_only(phrase: str) -> None:
    texts = [*TEXTS, ROOT / "README.md", ROOT / "CHANGELOG.md"]
    actual = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts
        if phrase.lower() in small_letters(path)
        for number, line in enumerate(small_letters(path).splitlines(), start=1)
        if phrase.lower() in line
    ]
    assert actual == []


def test_words_are_read_back() -> None:
    assert EXAMPLE.read("Through jobs (a)") == ("through", {"path": "jobs (a)"})
    assert EXAMPLE.read("Effect") == ("effect", {})
    assert EXAMPLE.read("Effects") is None


def test_names_of_tests_are_read_as_they_are_said() -> None:
    for code, text in texts_in(TESTS, "english").items():
        names = {name: f"{name} (1)" for name in parts(text)}
        assert TESTS.read(TESTS.say(code, **names)) == (code, names)
