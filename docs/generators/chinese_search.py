"""The search of the site in English and Chinese."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx import addnodes
from sphinx.search.en import SearchEnglish

if TYPE_CHECKING:
    from docutils import nodes

TERMS = Path(__file__).resolve().parents[1] / "start" / "quickstart_zh.md"
# A row of the table there: terms, then the page of a task, of a method or of both.
ROW = re.compile(r"^\| ([^|]+) \|(.*\]\(\.\./.*)\|$", re.MULTILINE)
LINK = re.compile(r"\]\(\.\./([\w/-]+)\.md\)")

CHINESE = re.compile(r"[\u3400-\u9fff]+")
# The search page splits what is typed in the same way.
SPLITTER = """
function splitQuery(query) {
  const pairs = (run) =>
    run.length < 3 ? [run] : Array.from(run).slice(1).map((c, i) => run[i] + c);
  const chinese = (query.match(/[\\u3400-\\u9fff]+/gu) || []).flatMap(pairs);
  const rest = query.replace(/[\\u3400-\\u9fff]+/gu, " ");
  const others = rest.split(/[^\\p{Letter}\\p{Number}_\\p{Emoji_Presentation}]+/gu);
  return others.filter((word) => word).concat(chinese);
}
"""


def pairs_of(run: str) -> list[str]:
    """Split a run of Chinese characters, which has no spaces, into pairs."""
    return [run] if len(run) < 3 else [run[i : i + 2] for i in range(len(run) - 1)]


class EnglishAndChinese(SearchEnglish):
    """English words by their stems, Chinese text by pairs of characters."""

    lang = "en_zh"
    language_name = "English"
    js_splitter_code = SPLITTER

    def split(self, input: str) -> list[str]:
        """Split a text into the words of the index."""
        chinese = [pair for run in CHINESE.findall(input) for pair in pairs_of(run)]
        return super().split(CHINESE.sub(" ", input)) + chinese


def index_terms(app: Any, doctree: nodes.document) -> None:
    """Let the search find a page in English by the Chinese terms of its method."""
    env = app.env
    env.note_dependency(str(TERMS))
    words = [
        ("single", word, "", "main", None)
        for terms, links in ROW.findall(TERMS.read_text(encoding="utf-8"))
        if env.docname in LINK.findall(links)
        for word in terms.split("、")
        if "`" not in word
    ]
    if words:
        doctree.insert(0, addnodes.index(entries=words))


def setup(app: Any) -> None:
    """Register the words of the search index."""
    app.add_search_language(EnglishAndChinese)
    app.connect("doctree-read", index_terms)
