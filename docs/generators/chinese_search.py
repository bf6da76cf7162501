"""The search of the site in English and Chinese."""

from __future__ import annotations

import re

from sphinx.search.en import SearchEnglish

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
