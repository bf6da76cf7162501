"""The gallery: each figure of `examples/gallery.py` with its lines, twice.

In English and in Chinese.
"""

from __future__ import annotations

import inspect
import runpy
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """# Gallery of figures

Every figure of [`dp.plots`](../reference/plots.rst), on simulated provinces or on the
US states, each with its code. Panels and fits that several figures use are at the top
of {{download}}`gallery.py`, which draws all figures.
[Figures](../explanations/plots.md) explains how to read them.

{blocks}
"""
BLOCK = """## {title}

{images}

```python
{code}
```
"""
TABS = """::::{{tab-set}}
:::{{tab-item}} English
:sync: en
![{title}]({name}_en.png)
:::
:::{{tab-item}} 中文
:sync: zh
![{title}]({name}_zh.png)
:::
::::"""


def write(script: Path, package: Path, folder: Path) -> None:
    """Draw what is older than the script or the package, and write the page."""
    folder.mkdir(exist_ok=True)
    names = runpy.run_path(str(script))
    figures = names["FIGURES"]
    newest = max(path.stat().st_mtime for path in [script, *package.rglob("*.py")])
    page = folder / "index.md"
    if not page.exists() or page.stat().st_mtime < newest:
        blocks = [_block(name, made, names, folder) for name, made in figures.items()]
        (folder / "gallery.py").write_text(
            script.read_text(encoding="utf-8"), encoding="utf-8"
        )
        page.write_text(HEAD.format(blocks="\n".join(blocks)), encoding="utf-8")


def _block(name: str, made: Any, names: dict[str, Any], folder: Path) -> str:
    title = name.replace("_", " ").capitalize()
    _draw(made, "en", names["ENGLISH"], folder / f"{name}_en.png")
    chinese = _draw(made, "zh", names["CHINESE"], folder / f"{name}_zh.png")
    images = (
        TABS.format(title=title, name=name) if chinese else f"![{title}]({name}_en.png)"
    )
    body = textwrap.dedent(inspect.getsource(made).split(":\n", 1)[1]).replace(
        "return ", ""
    )
    return BLOCK.format(
        title=title,
        images=images,
        code=textwrap.dedent(body).replace("return ", "").rstrip(),
    )


def _draw(made: Any, language: Any, labels: Any, path: Path) -> bool:
    """Save one figure; False where the machine has no font for its words."""
    from matplotlib import pyplot as plt

    import digiprosper as dp

    with (
        warnings.catch_warnings(record=True) as caught,
        dp.plots.figure_style("page", language),
    ):
        warnings.simplefilter("always")
        figure = made(labels).figure
        figure.savefig(path, dpi=150)
        plt.close(figure)
    return not any("glyph" in str(warning.message).lower() for warning in caught)
