"""Words that readers of a message, a table or a page could not understand, and that do not come back."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
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
)
TEXTS = sorted(
    path
    for folder, ending in (("src", "*.py"), ("docs", "*.md"), ("examples", "*.py"))
    for path in (ROOT / folder).rglob(ending)
)


@pytest.mark.parametrize("phrase", BANNED)
def test_plain_words_only(phrase: str) -> None:
    texts = [*TEXTS, ROOT / "README.md", ROOT / "CHANGELOG.md"]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if phrase.lower() in line.lower()
    ]
    assert found == []
