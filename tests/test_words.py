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


@pytest.mark.many(5)
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
