"""The layout of the package: which room may import which, and how large files and functions are.

`python test_house.py` prints every finding; `python test_house.py WORD ...` those with such a word.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "lsgd_fast"

MAX_FILE_LINES = 400  # docstrings of public functions not counted
MAX_FUNCTION_LINES = 60  # of code: no signature, docstring, comment or blank line
MAX_PARAMETERS = 10  # of functions that users do not call
MAX_WIDTH = 100  # of a line of Cython or C; ruff checks Python

# What each room may import besides itself. The rooms are folders of the package; a file of its own
# is a room, too.
BASE = {"_checks", "_constants", "losses", "stepsizes"}
METHODS = BASE | {"_inputs", "_results"}
ARROWS = {
    "_constants": set(),
    "_cpus": set(),
    "_files": {"_checks"},
    "_html": set(),
    "_text": set(),
    "_version": set(),
    "_arrays": {"_checks"},
    "_typing": {"losses", "stepsizes"},
    "_checks": {"_constants"},
    "_docstrings": {"_parameters"},
    "_parameters": set(),
    "_separating_losses": {"_checks", "_docstrings"},
    "losses": {"_checks", "_docstrings", "_separating_losses"},
    "stepsizes": {"_checks", "losses"},
    "_bounds": {"_typing", "_arrays", "_checks", "_constants", "_docstrings", "_separating_losses"},
    "theory": {"_typing", "_bounds", "_checks", "_constants", "_docstrings"},
    "datasets": {"_typing", "_checks"},
    "distributed": {"_typing", "_checks", "_engine", "_inputs"},
    "_figures": {"_checks"},
    "_drawing": {"_figures"},
    "_named_runs": {"_checks"},
    "_trial_curves": {"_drawing"},
    "plot": {
        "_typing",
        "_checks",
        "_drawing",
        "_figures",
        "_named_runs",
        "_trial_curves",
        "stepsizes",
    },
    "progress": {"_typing", "_checks", "_text"},
    "_pages": {"_typing", "_checks", "_files", "_text", "_version", "plot"},
    "_inputs": BASE | {"_arrays", "_cpus"},
    "_results": BASE
    | {
        "_arrays",
        "_docstrings",
        "_files",
        "_html",
        "_inputs",
        "_pages",
        "_text",
        "_typing",
        "plot",
    },
    "_methods": METHODS | {"_typing", "plot", "theory"},
    "reference": METHODS | {"_methods", "_typing"},
    "_core": {"_constants", "_cpus"},
    "_engine": METHODS | {"_core", "_files", "_methods"},  # the named tuples of a line search
    "kernel": {"_core"},
    "_api": {"_checks", "_inputs", "_results", "_methods", "_engine", "_core", "stepsizes"}
    | {"_docstrings", "_text", "_typing", "losses", "progress"},
    "_planning": {
        "_arrays",
        "_checks",
        "_constants",
        "_docstrings",
        "_html",
        "_inputs",
        "_engine",
        "_core",
        "_pages",
        "_text",
        "stepsizes",
    }
    | {"_typing", "losses", "plot", "theory"},
    "_pilot": {"_api", "_arrays", "_checks", "_constants", "_engine", "_files", "_inputs"}
    | {"_docstrings", "_drawing", "_methods", "_pages", "_planning", "_results", "_text"}
    | {"_typing", "_version"},
    "_sklearn": {"_api", "_arrays", "_checks", "_inputs", "_methods", "_results", "_text"}
    | {"_docstrings", "_typing", "stepsizes"},
    "cli": {
        "_pages",
        "_pilot",
        "_checks",
        "_inputs",
        "_results",
        "_planning",
        "_api",
        "_core",
        "kernel",
        "reference",
    }
    | {"_figures", "_files", "_methods", "_text", "_typing", "_version", "datasets", "plot"}
    | {"progress"},
}
# `lsgd_fast/__init__.py` and `__main__.py` may import every room, and no room imports them.
ENTRIES = {"__init__", "__main__"}

# Words that had another meaning here than in the field, with what stands for them now.
OLD_WORDS = {
    r"link_t\b|_link\b|\blinks?\b(?! to| is followed)|\blinked\b": "loss",
    r"\b(raw )?multipliers?\b": "row gradients",
    r"\bslots?\b": "partial gradients",
    r"entries_t|\bplaces?_of\b|set_place|number_places": "indptr, indices, data",
    r"\bjoint(ly)?\b|\bstripes?\b": "multi, several columns",
    r"\bthin_pass\b|\bis_thin\b|\bthin pass(es)?\b": "small batch",
    r"\btwins?\b": "reference",
    r"\brays\b|\bendings\b": "rescale, verdict",
    r"\bLearners?\b|\bMover\b|\bAsked\b|\bArm\b": "SGDRuns, StepRule, requests, ComparedRun",
    r"\bjudge\b|\bdeal_pieces\b": "check_stopping, split_work",
    r"\bSigns\b|\brun\.signs\b|\bEnding\b": "Diagnostics",
    r"\bCurvature\b|\.forget\(|\.aim\(|\.turn\(|\bPasses\(": "LBFGS, LinearMap",
    r"lanes[248]\b": "isa_baseline, isa_avx2, isa_avx512",
}


def sources(*suffixes):
    """Return the source files of the package with one of the suffixes."""
    return sorted(path for path in PACKAGE.rglob("*") if path.suffix in suffixes)


def module_of(path):
    """Return the dotted name of a file inside the package, "" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def room_of(module):
    """Return the room that a module of the package stands in."""
    return module.split(".")[0]


ROOMS = {path.parent.name for path in sources(".py") if path.name == "__init__.py"} | {"__init__"}
MODULES = {module_of(path) for path in sources(".py", ".pyx", ".pxd")}
FROM = re.compile(r"^\s*from (lsgd_fast[\w.]*|\.[\w.]*) c?import (\((?:[^()]|\n)*\)|[^\n(]+)", re.M)
PLAIN = re.compile(r"^\s*c?import (lsgd_fast[\w.]*)", re.M)


def imported(path):
    """Return the modules of the package that a file imports or cimports, wherever it does."""
    text = path.read_text()
    if path.suffix == ".py":  # neither strings nor comments
        nodes = [
            n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.Import, ast.ImportFrom))
        ]
        text = "\n".join(ast.unparse(node) for node in nodes)
    found = set()
    for base, names in FROM.findall(text):
        assert not base.startswith("."), f"{path}: a relative import"
        base = base.removeprefix("lsgd_fast").removeprefix(".")
        for name in re.findall(r"[\w*]+(?: as \w+)?", re.sub(r"#.*", "", names)):
            full = f"{base}.{name.split()[0]}".removeprefix(".")
            found.add(full if full in MODULES else base or "__init__")
    for base in PLAIN.findall(text):
        found.add(base.removeprefix("lsgd_fast").removeprefix(".") or "__init__")
    return found


def graph():
    """Return {module: modules it imports}, a .pyx taken together with its .pxd."""
    edges = {}
    for path in sources(".py", ".pyx", ".pxd"):
        module = module_of(path)
        edges.setdefault(module, set()).update(imported(path) - {module})
    return edges


def wrong_arrows(edges):
    """Return the imports that the arrows do not allow."""
    found = []
    for module, targets in edges.items():
        room = room_of(module)
        for target in sorted(targets):
            other = room_of(target)
            if room in ENTRIES or other == room:
                continue
            if other not in ARROWS.get(room, set()):
                found.append(f"{module} imports {target}")
    return found


def unused_arrows(edges):
    """Return the arrows that no import needs."""
    used = rooms(edges)
    return [
        f"no import needs the arrow {room} -> {other}"
        for room, allowed in ARROWS.items()
        for other in sorted(allowed - used.get(room, set()))
    ]


def arrows_of_the_design_page():
    """Return {room: rooms that it may import} as docs/design.md lists them."""
    page = (ROOT / "docs" / "design.md").read_text()
    block = page.split("## Arrows")[1].split("```")[1]
    lines = re.findall(r"^(\w+) +-> (.*(?:\n +.*)*)", block, re.M)
    return {room: set(re.findall(r"\w+", others)) for room, others in lines}


def circles(edges):
    """Return the groups of names that import one another in a circle."""
    order, state, stack, found = {}, {}, [], []

    def visit(name):
        order[name] = state[name] = len(order)
        stack.append(name)
        for other in edges.get(name, ()):
            if other not in order:
                visit(other)
            if other in stack:
                state[name] = min(state[name], state[other])
        if state[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(" <-> ".join(sorted(group)))

    for name in edges:
        if name not in order:
            visit(name)
    return found


def rooms(edges):
    """Return the same graph with a node for each room."""
    merged = {}
    for module, targets in edges.items():
        if module not in ENTRIES:
            merged.setdefault(room_of(module), set()).update(map(room_of, targets))
    return {room: targets - {room} for room, targets in merged.items()}


def public_names():
    """Return the names that users call, from `__all__` of the package and of its open modules."""
    names = {"LogisticClassifier", "LogisticClassifierCV"}
    for path in [PACKAGE / "__init__.py", *PACKAGE.glob("[!_]*.py")]:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                names |= set(ast.literal_eval(node.value))
    return names


PUBLIC = public_names()
HEADER = re.compile(
    r"^( *)(?:(?:async )?def|cdef|cpdef)\b(?! (?:class|extern|enum|struct|packed|object |readonly))"
    r"[^\n=(]*?(\w+)\(",
    re.M,
)


def cython_functions(text):
    """Yield (class, name, parameters, lines of code) of each function with a body."""
    lines, owner = text.split("\n"), ""
    for start, line in enumerate(lines):
        if re.match(r"(cdef )?class ", line):
            owner = re.match(r"(?:cdef )?class (\w+)", line).group(1)
        elif line and not line[0].isspace() and line[0] not in "#)":
            owner = ""
        head = HEADER.match(line)
        if not head:
            continue
        text_from = "\n".join(lines[start:])
        end = closing_bracket(text_from)
        rest = text_from[end + 1 :].split("\n", 1)
        if not rest[0].split("#")[0].rstrip().endswith(":"):
            continue  # a declaration
        signature = text_from[head.end() : end]
        parameters = [p for p in split_commas(signature) if p.strip() not in ("", "*", "/", "self")]
        indent, body = len(head.group(1)), []
        for code in rest[1].split("\n") if len(rest) > 1 else []:
            if code.strip() and len(code) - len(code.lstrip()) <= indent:
                break
            body.append(code)
        body = re.sub(r'^\s*[rf]?""".*?"""', "", "\n".join(body), count=1, flags=re.S).split("\n")
        size = sum(bool(c.strip()) and not c.strip().startswith("#") for c in body)
        yield owner, head.group(2), len(parameters), size


def closing_bracket(text):
    """Return where the bracket closes that is opened first."""
    depth = 0
    for i, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth == 0 and char == ")":
            return i
    raise ValueError(f"unbalanced brackets: {text[:60]!r}")


def split_commas(text):
    """Split parameters at the commas that no bracket holds."""
    text = re.sub(r"#[^\n]*", "", text)
    depth, parts = 0, [""]
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def python_functions(text):
    """Yield the same of a Python file."""
    lines = text.split("\n")

    def visit(node, owner):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                yield from visit(child, child.name)
            elif isinstance(child, ast.FunctionDef):
                a = child.args
                names = [x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
                names = [name for name in names if name not in ("self", "cls")]
                body = child.body[1:] if ast.get_docstring(child) else child.body
                first = body[0].lineno - 1 if body else child.end_lineno
                code = lines[first : child.end_lineno]
                size = sum(bool(c.strip()) and not c.strip().startswith("#") for c in code)
                yield owner, child.name, len(names), size
                yield from visit(child, owner)
            else:
                yield from visit(child, owner)

    yield from visit(ast.parse(text), "")


def functions():
    """Yield (file, class, name, parameters, lines of code) of all functions of the package."""
    for path in sources(".py", ".pyx", ".pxd"):
        find = python_functions if path.suffix == ".py" else cython_functions
        for found in find(path.read_text()):
            yield path.relative_to(PACKAGE).as_posix(), *found


def long_functions():
    return [f"{f}: {c}.{n}: {s} lines" for f, c, n, _, s in functions() if s > MAX_FUNCTION_LINES]


def wide_functions():
    return [
        f"{file}: {owner}.{name}: {count} parameters"
        for file, owner, name, count, _ in functions()
        if count > MAX_PARAMETERS and name not in PUBLIC and owner not in PUBLIC
    ]


def long_files():
    found = []
    for path in sources(".py", ".pyx", ".pxd", ".h"):
        text = path.read_text()
        text = re.sub(r'(?s)(^ +)"""(?!\n? *#).*?"""\n', "", text, flags=re.M)
        size = text.count("\n")
        if size > MAX_FILE_LINES:
            found.append(f"{path.relative_to(PACKAGE)}: {size} lines")
    return found


def wide_lines():
    return [
        f"{path.relative_to(PACKAGE)}:{number}: {len(line)} characters"
        for path in sources(".pyx", ".pxd", ".h")
        for number, line in enumerate(path.read_text().split("\n"), 1)
        if len(line) > MAX_WIDTH
    ]


def files_without_a_job():
    found = []
    for path in sources(".py", ".pyx", ".pxd", ".h"):
        first = path.read_text().split("\n")[0]
        if not re.match(r'("""|# |/\* )\S.{10,}', first):
            found.append(f"{path.relative_to(PACKAGE)}: {first!r}")
    return found


def files_without_a_line_in_the_design_page():
    named = set(
        re.findall(r"([\w/]+)\.(?:pyx|pxd|py|h)`", (ROOT / "docs" / "design.md").read_text())
    )
    named = {name.split("/")[-1] for name in named}
    return [
        f"{m} is not in docs/design.md" for m in MODULES if m.split(".")[-1] not in named | ROOMS
    ]


FOLDERS = ("lsgd_fast", "tests", "benchmarks", "tools", "examples", "docs")


def written():
    """Yield the files in which people read words: sources, tests, benchmarks, tools and pages."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".pyx", ".pxd", ".pyi", ".h", ".md", ".sh"):
                yield path
    yield ROOT / "README.md"


# Files that are named but are not in the repository: headers of the system, a file that a test
# writes, and a pattern.
ELSEWHERE = {"Python.h", "cpuid.h", "omp.h", "pyconfig.h", "sched.h"} | {
    "stddef.h",
    "stdint.h",
    "stdlib.h",
    "string.h",
    "time.h",
    "windows.h",
    "readme.pyx",
    "test_name.py",
}


def named_files_that_do_not_exist():
    """Return the names of source files in sources, tests and pages that no file has."""
    paths = {path.name for path in ROOT.iterdir()}
    for folder in FOLDERS:
        paths |= {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*")}
    endings = {
        "/".join(parts[start:])
        for parts in (path.split("/") for path in paths)
        for start in range(len(parts))
    }
    found = []
    for path in written():
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text().split("\n"), 1):
            for name in re.findall(r"\b[\w/]+\.(?:pyx|pxd|py|h)\b", line):
                if name not in endings | ELSEWHERE:
                    found.append(f"{path.relative_to(ROOT)}:{number}: there is no {name}")
    return found


def old_words():
    found = []
    for path in written():
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text().split("\n"), 1):
            for pattern, new in OLD_WORDS.items():
                if "link" in pattern and PACKAGE not in path.parents:
                    continue  # compilers, pages and file systems have links of their own
                for match in re.finditer(pattern, line):
                    name = path.relative_to(ROOT)
                    found.append(f"{name}:{number}: {match.group()!r}, in place of {new}")
    return found


def test_imports_follow_the_arrows():
    assert wrong_arrows(graph()) == []


def test_a_wrong_import_is_caught():
    edges = graph()
    edges["_core.types"] = edges["_core.types"] | {"_results.run"}
    edges["reference.descent"] = edges["reference.descent"] | {"_engine.loop"}
    assert wrong_arrows(edges) == [
        "_core.types imports _results.run",
        "reference.descent imports _engine.loop",
    ]


def test_no_arrow_is_unused():
    assert unused_arrows(graph()) == []


def test_the_design_page_has_every_arrow():
    assert arrows_of_the_design_page() == {
        room: arrows for room, arrows in ARROWS.items() if arrows
    }


def test_nothing_imports_itself_in_a_circle():
    edges = graph()
    assert circles(edges) == []
    assert circles(rooms(edges)) == []


def test_a_circle_is_found():
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}
    assert circles(edges) == ["a <-> b <-> c"]


def test_every_room_has_its_arrows():
    assert {room_of(module) for module in MODULES} - ENTRIES == set(ARROWS)


def test_files_and_functions_are_small():
    assert long_files() + long_functions() + wide_functions() == []


def test_the_sizes_are_counted():
    text = "cdef inline int f(int a, int[2] b,\n        int c) nogil:\n    # why\n    return a\n"
    assert list(cython_functions(text)) == [("", "f", 3, 1)]
    text = "class A:\n    def f(self, a, *, b=(1, 2)):\n        '''Doc.'''\n\n        return a\n"
    assert list(python_functions(text)) == [("A", "f", 2, 1)]


def test_every_file_says_its_job():
    assert files_without_a_job() == []


def test_the_design_page_names_every_file():
    assert files_without_a_line_in_the_design_page() == []


def test_files_that_are_named_exist():
    assert named_files_that_do_not_exist() == []


def test_lines_of_compiled_sources_are_short():
    assert wide_lines() == []


def test_the_words_are_those_of_the_field():
    assert old_words() == []


def main():
    edges = graph()
    findings = wrong_arrows(edges) + circles(edges) + circles(rooms(edges))
    findings += long_files() + long_functions() + wide_functions() + files_without_a_job()
    findings += files_without_a_line_in_the_design_page() + old_words() + unused_arrows(edges)
    findings += named_files_that_do_not_exist() + wide_lines()
    for finding in findings:
        if len(sys.argv) == 1 or any(word in finding for word in sys.argv[1:]):
            print(finding)


if __name__ == "__main__":
    main()
