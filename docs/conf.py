"""How the site is built: `make docs`.

Needs the dependency group `docs` and no network.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import digiprosper

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from generators import (  # noqa: E402
    formulas,
    gallery,
    notebooks,
    page_figures,
    reference,
)
from generators.chinese_search import EnglishAndChinese  # noqa: E402

project = "digiprosper"
author = "The digiprosper authors"
project_copyright = "The digiprosper authors"
version = release = digiprosper.__version__
language = "en"
smartquotes = False

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "generators.chinese_search",
    "generators.formulas",
]
exclude_patterns = [
    "_build",
    "conf.py",
    "conftest.py",
    "generators",
    "**/*_output",
    "**.csv",
]
templates_path = ["_templates"]
nitpicky = True

# Pages
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_show_tb = True
nb_merge_streams = True
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

# Reference
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# Looks. Fonts, icons and scripts are files of the theme; no page asks another host for
# anything.
html_math_renderer = formulas.NAME
html_theme = "pydata_sphinx_theme"
html_title = "digiprosper"
html_static_path = ["_static"]
html_extra_path = ["../llms.txt", "../llms-full.txt"]
html_css_files = ["site.css"]
html_favicon = "_static/logo.svg"
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_search_language = EnglishAndChinese.lang
html_search_scorer = str(HERE / "_static" / "search_scorer.js")
html_theme_options: dict[str, Any] = {
    "logo": {
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo.svg",
        "text": "digiprosper",
    },
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "show_nav_level": 1,
}
html_sidebars = {"index": [], "index_zh": [], "gallery/index": []}

reference.write(HERE / "reference")
notebooks.write(HERE.parent / "examples", HERE / "examples")
gallery.write(
    HERE.parent / "examples" / "gallery.py", HERE.parent / "src", HERE / "gallery"
)
page_figures.write(HERE, HERE.parent / "src", HERE / "figures")
