"""How Sphinx builds the documentation: `sphinx-build -W docs docs/_build`."""

from __future__ import annotations

import volsim

project = "volsim"
author = "volsim developers"
copyright = "volsim developers"
release = version = volsim.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = False  # docstrings say `X` for code, not for a link

# Docstrings are plain text in which `x` is code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
highlight_language = "python"

html_theme = "furo"
html_title = f"volsim {version}"
html_show_copyright = False
