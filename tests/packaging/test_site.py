"""The site is built without a warning, and is complete: pages, pictures, every public name."""

import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lsgd_fast as lsgd

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NEEDED = ("sphinx", "pydata_sphinx_theme", "numpydoc", "myst_parser", "sphinx_gallery")
NEEDED += ("sphinx_copybutton", "sphinx_design", "matplotlib", "sklearn")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
MODULES = ("losses", "stepsizes", "theory", "plot", "datasets", "distributed", "reference")
CLASSIFIERS = {"LogisticClassifier", "LogisticClassifierCV"}
CLASSIFIERS |= {"NotConvergedWarning", "SeparableDataWarning"}
WRITTEN = ("generated", "gallery_made", "sg_execution_times.rst")  # by earlier builds

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


def public_names():
    """Return the dotted names of everything public, without the modules themselves."""
    names = {f"lsgd_fast.{name}" for name in {*lsgd.__all__, *CLASSIFIERS}}
    for module in (*MODULES, "kernel"):
        names.discard(f"lsgd_fast.{module}")
        found = importlib.import_module(f"lsgd_fast.{module}")
        names |= {f"lsgd_fast.{module}.{name}" for name in found.__all__}
    return names


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site from a copy of its sources, which the build writes into."""
    checkout, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("site")
    for name in ("docs", "benchmarks", "examples", "lsgd_fast"):
        ignored = shutil.ignore_patterns(*WRITTEN, "*.so", "*.c", "*.cpp", "__pycache__")
        shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
    for page in ROOT.glob("*.md"):
        shutil.copy(page, checkout)
    # A process of its own, outside of the copy, whose package is not compiled.
    paths = [path for path in sys.path if path]
    script = f"import sys; sys.path[:0] = {paths!r}; from sphinx.cmd.build import main; main()"
    script = script.replace("main()", "sys.exit(main(sys.argv[1:]))")
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, "-W", "-n", "-q", str(checkout / "docs"), str(out)],
        cwd=out,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_every_page_of_docs_is_a_page_of_the_site(site):
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert len(pages) > 40
    assert {page for page in pages if not (site / page).exists()} == set()


def test_every_script_of_the_gallery_has_a_picture(site):
    scripts = sorted((DOCS / "gallery").glob("plot_*.py"))
    assert len(scripts) >= 12
    for script in scripts:
        assert (site / "gallery_made" / f"{script.stem}.html").exists()
        assert list((site / "_images").glob(f"sphx_glr_{script.stem}_*.png")), script.name


def test_every_public_name_is_in_the_reference(site):
    pages = {path.stem for path in (site / "api" / "generated").glob("*.html")}
    assert public_names() == pages


def test_the_c_api_is_in_the_reference(site):
    page = (site / "api" / "kernel.html").read_text("utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    assert "workspace_size" in text and "struct rows_t" in text and "require_abi" in text


def test_links_within_the_site_lead_somewhere(site):
    broken = set()
    ids = {}
    pages = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    for page in pages:
        text = page.read_text("utf-8")
        ids[page] = set(re.findall(r'\bid="([^"]+)"', text))
    for page in pages:
        for link in re.findall(r'href="(?!\w+:)([^"]+)"', page.read_text("utf-8")):
            target, _, anchor = link.partition("#")
            path = (page.parent / target.split("?")[0]).resolve() if target else page
            if not path.exists() or (anchor and path in ids and anchor not in ids[path]):
                broken.add(f"{page.relative_to(site)}: {link}")
    assert sorted(broken) == []
