"""Formulas as MathML, which browsers typeset: no script and no other host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util import logging

if TYPE_CHECKING:
    from docutils.nodes import Element

NAME = "mathml"
# A command that the converter does not know stays in its output as it was written.
UNKNOWN = re.compile(r">[^<]*(\\\w+|&(?!\w|#))")
# The converter sets no space between a function and a letter, before or after it.
FUNCTION = re.compile(r"\\(ln|log)\s+(?=[A-Za-z\\])")
FACTOR = re.compile(r"(?<=[\w)}])\s+(?=\\(?:ln|log)\b)")
logger = logging.getLogger(__name__)


def mathml(formula: str, display: str, place: Element) -> str:
    """Convert a formula; what cannot be converted is a warning of the build."""
    from latex2mathml.converter import convert

    text = FUNCTION.sub(r"\\\1\\,", FACTOR.sub(r"\\,", formula))
    text = text.replace("{aligned}", "{align*}")
    # Of bars without a side the browser sets both as signs between two letters.
    text = text.replace(r"\lvert", r"\left|").replace(r"\rvert", r"\right|")
    written = convert(text, display=display)
    if unknown := UNKNOWN.search(written):
        logger.warning(
            "formula with %s, which MathML lacks: %s",
            unknown[1],
            formula,
            location=place,
        )
    return written


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(mathml(node.astext(), "inline", node))
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    formula = mathml(node.astext(), "block", node)
    writer.body.append(f'<div class="formula">{formula}</div>\n')
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Register the writer of formulas."""
    app.add_html_math_renderer(NAME, (_inline, None), (_block, None))
