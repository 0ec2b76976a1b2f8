"""Sphinx configuration."""

import re

project = "anyvae"
author = "The anyvae developers"
copyright = "2026, The anyvae developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath"]
html_theme = "furo"
html_title = "anyvae"
exclude_patterns = ["_build"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True


def escape_shapes(app, what, name, obj, options, lines):
    """Shapes such as (*batch, *event) are no emphasis."""
    lines[:] = [re.sub(r"(?<!\\)\*", r"\\*", line) for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", escape_shapes, priority=400)
