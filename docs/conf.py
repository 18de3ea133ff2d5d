"""Sphinx: these pages as a site, without the network. `make docs` builds it into build/site."""

from __future__ import annotations

project = "faultlayer"
html_title = "faultlayer"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["*.svg", "plan.schema.json"]

myst_heading_anchors = 4  # links to headings, spelled as on GitHub
nitpicky = True
smartquotes = False  # a flag has two hyphens, not a dash

html_theme = "furo"
html_show_sourcelink = False
html_show_copyright = False
html_copy_source = False
html_extra_path = ["plan.schema.json"]
html_static_path = ["static"]
html_css_files = ["site.css"]
pygments_style = "friendly"
pygments_dark_style = "monokai"
