"""How Sphinx makes the site: ``sphinx-build -W -n docs build/site`` (extra `docs`)."""

import posixpath
import re
from pathlib import Path

import lsgd_fast

ROOT = Path(__file__).parents[1]

project, author = "lsgd_fast", "the lsgd_fast developers"
copyright = author
version = release = lsgd_fast.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_templates", "gallery"]  # pages of the gallery lie in gallery_made

# Pages are Markdown that a forge shows as well. Links to headings are those of a forge.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
# Files of other folders that are pages of the site. The page of README.md is written for the site;
# the others hold the file itself, and in docs/ there is only a line that leads to it.
ELSEWHERE = {
    "README.md": "index.md",
    "README.ja.md": "ja/index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmark_commands.md",
}
HELD = {page: name for name, page in ELSEWHERE.items() if not name.startswith("README")}

# Docstrings: one page for each public name. Types stand in the descriptions of the parameters.
default_role = "autolink"
autodoc_typehints = "none"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "gallery_made",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "show_memory": False,
    "download_all_examples": False,
    "min_reported_time": 3600,
}
highlight_language = "none"  # output is no Python; code says what it is
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

nitpicky = True
# Intersphinx would need a network in each build, so names of other packages lead nowhere; nor do
# attributes and arguments in single backticks, which are described where they are named.
nitpick_ignore_regex = [
    ("py:obj", r"(dataclasses|matplotlib|numpy|pandas|polars|scipy|sklearn|torch|tqdm)\..*"),
    ("py:obj", r"(\w+\.)?[a-z_]+"),
]

html_theme = "pydata_sphinx_theme"
html_title = f"lsgd_fast {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "show_nav_level": 1,
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
html_sidebars = {page: [] for page in ("index", "tutorial", "glossary")}
html_show_sourcelink = False
toc_object_entries_show_parents = "hide"

# The addresses of papers and packages: only the linkcheck builder asks for them.
linkcheck_timeout = 10


def to_the_site(app, page, source):
    """Put the files of HELD into their pages, and let links to files lead to their pages."""
    page += ".md"
    if not (ROOT / "docs" / page).exists():
        return  # written by sphinx-gallery or autosummary
    name = HELD.get(page, f"docs/{page}")
    if page in HELD:
        app.env.note_dependency(ROOT / name)
        source[0] = (ROOT / name).read_text("utf-8")

    def on_the_site(link):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link[1]))
        target = f"docs/{ELSEWHERE[target]}" if target in ELSEWHERE else target
        target = re.sub(r"^docs/gallery/(\w+)\.py$", r"docs/gallery_made/\1.rst", target)
        return "](" + posixpath.relpath(target, posixpath.dirname(f"docs/{page}"))

    source[0] = re.sub(r"\]\((?!\w+:|#)([^)#]+)", on_the_site, source[0])
    # Japanese has no spaces, so the end of a line is not one either.
    letter = r"[\u3000-\u9fff\uff00-\uffef]"
    source[0] = re.sub(rf"(?<={letter})\n(?={letter})", "", source[0])
    # The empty line that ends the output of a doctest is not for readers.
    source[0] = re.sub(r"\n\n( *```\n)", r"\n\1", source[0])


def setup(app):
    """Connect the function above."""
    app.connect("source-read", to_the_site)
