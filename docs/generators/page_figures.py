"""Figures of pages: a page's own examples run, and their figures are saved.

A page shows the n-th figure that its examples draw by a link such as
`![what is seen](../figures/how-to/threshold_1.png)`, and what they call `table` by
its HTML, `figures/index.html`. Words are Chinese on pages whose name ends in `_zh`.

`python docs/generators/page_figures.py` draws the picture of `README.md`, which is part
of the project. The numbers that it shows are stored in it, and a test compares them.
"""

from __future__ import annotations

import contextlib
import doctest
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
README, PICTURE = ROOT / "README.md", ROOT / "docs" / "_static" / "first_sight.png"
SHOWN = re.compile(r"figures/((?:[\w-]+/)?\w+?)(?:_\d+)?\.(?:png|html)\b")
# In inches: texts are then as large as those of the page. Three share the front page.
WIDTH, NARROW = 5.5, 4.0
# A figure that needs a font, so that its lines are no example of the tests.
PLAIN = re.compile(r"^```python\n(import matplotlib.*?)^```", re.DOTALL | re.MULTILINE)


class Runner(doctest.DocTestRunner):
    """Runs examples. What they print is compared by the tests, in another width."""

    def report_failure(self, *_: Any) -> None:
        """Say nothing of another output."""

    def report_unexpected_exception(self, *details: Any) -> None:
        """Let an error end the build, with the line of the page."""
        test, example, (_, error, _) = details[1:]
        error.add_note(f"{test.filename}, line {test.lineno + example.lineno}")
        raise error


def write(pages: Path, package: Path, folder: Path) -> None:
    """Draw the figures of each page that is newer than they are."""
    folder.mkdir(exist_ok=True)
    newest = max(
        path.stat().st_mtime for path in [Path(__file__), *package.rglob("*.py")]
    )
    for page in sorted([*pages.glob("*.md"), *pages.glob("*/*.md")]):
        name = page.relative_to(pages).with_suffix("")
        text = page.read_text(encoding="utf-8")
        if name.as_posix() not in SHOWN.findall(text):
            continue
        done = folder / name.with_suffix(".done")
        if done.exists() and done.stat().st_mtime > max(newest, page.stat().st_mtime):
            continue
        done.parent.mkdir(exist_ok=True)
        _draw(page, folder / name)
        done.touch()


def _draw(page: Path, start: Path) -> None:
    """Run the examples of a page, and save what it shows of them."""
    text = page.read_text(encoding="utf-8")
    with drawn(page) as (names, figures):
        for number, figure in enumerate(figures, 1):
            path = start.with_name(f"{start.name}_{number}.png")
            if path.name in text:
                figure.savefig(path, dpi=150)
    if "table" in names:
        html = names["table"]._repr_html_()
        start.with_suffix(".html").write_text(html, encoding="utf-8")


@contextlib.contextmanager
def drawn(page: Path) -> Any:
    """Give what the examples of a page define, and the figures that they draw."""
    from matplotlib import pyplot as plt

    import digiprosper as dp

    plt.switch_backend("agg")
    plt.close("all")
    language: Any = "zh" if page.stem.endswith("_zh") else "en"
    width = NARROW if page.parent.name == "docs" else WIDTH
    with (
        warnings.catch_warnings(),
        dp.plots.figure_style(width, language),
        tempfile.TemporaryDirectory() as empty,
        contextlib.chdir(empty),
        mock.patch.object(plt, "close", return_value=None),
    ):
        warnings.simplefilter("ignore")
        text = page.read_text(encoding="utf-8")
        test = doctest.DocTestParser().get_doctest(text, {}, str(page), str(page), 0)
        # What follows the last figure need not run.
        drawing = [n for n, one in enumerate(test.examples) if "plots." in one.source]
        del test.examples[max(drawing, default=len(test.examples)) + 1 :]
        Runner().run(test, out=lambda _: None, clear_globs=False)
        for block in PLAIN.findall(text):
            exec(block, test.globs)
        yield test.globs, [plt.figure(number) for number in plt.get_fignums()]
    plt.close("all")


def numbers(figure: Figure) -> str:
    """Write the numbers that a figure shows."""
    import digiprosper as dp

    return str(dp.plots.data(figure).round(2).to_csv(index=False))


def draw_picture(path: Path = PICTURE) -> None:
    """Draw the picture of the README from its examples."""
    with drawn(README) as (_, (figure,)):
        figure.savefig(path, dpi=150, metadata={"Description": numbers(figure)})


if __name__ == "__main__":
    sys.exit(draw_picture())
