"""Builds the compiled modules; all other metadata is in pyproject.toml.

Three environment variables, each 0 or 1, change the build:

LSGD_FAST_OPENMP=0  builds without OpenMP: one thread, the same results.
LSGD_FAST_ABI3=1    builds for CPython 3.11 and all later ones at once; calls take a little longer.
LSGD_FAST_DEBUG=1   turns on Cython's bounds checks and hardly optimises: slow, for hunting bugs.

CC, CFLAGS, CPPFLAGS and LDFLAGS are read by setuptools, as ever. Add neither -march=native nor
-ffast-math there: the wheel would run on this machine only, or round differently on each.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import Cython
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError


def switch(name: str, default: str) -> bool:
    """Return whether the environment variable `name` is 1 rather than 0."""
    value = os.environ.get(name) or default
    if value not in ("0", "1"):
        raise SystemExit(f"{name} must be 0 or 1, not {value!r}")
    return value == "1"


SOURCES = sorted(Path("lsgd_fast").rglob("*.pyx"))
SOURCES.sort(key=lambda path: "isa_" not in path.name)  # those that take longest come first
HEADERS = [str(path) for path in Path("lsgd_fast").rglob("*.h")]
SHARED = "lsgd_fast._core._cyutility"  # what Cython would write into every module, once
ABI3 = switch("LSGD_FAST_ABI3", "0")
LIMITED = {"py_limited_api": True, "define_macros": [("Py_LIMITED_API", "0x030B0000")]}
OPTIONS = {"include_dirs": ["lsgd_fast/_core"]} | (LIMITED if ABI3 else {})
MODULES = [
    Extension(".".join(path.with_suffix("").parts), [str(path)], **OPTIONS) for path in SOURCES
] + [Extension(SHARED, [], **OPTIONS)]
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "freethreading_compatible": True,
}

# No flag here may name a CPU or relax rounding: results have the same bits everywhere, hence also
# -ffp-contract=off, no fused multiply-add. MSVC lacks the vectors of simd.h: on Windows, clang-cl.
FLAGS = "-g0 -ffp-contract=off -fno-trapping-math -fno-math-errno -fno-strict-aliasing".split()
# GCC would gather the terms of a sum at its last use; in the order written, backward is faster.
GCC = ["-fno-tree-ter"]
# What to compile and to link with; the second is for Apple's clang, with libomp from elsewhere.
OPENMP = [("-fopenmp", "-fopenmp"), ("-Xpreprocessor -fopenmp", "-lomp")]
OPENMP_CLANG_CL = [("/openmp", "libomp.lib")]
OPENMP_PROBE = """
#include <omp.h>
int main(void) {
    int team = 0;
    omp_set_dynamic(0);
    #pragma omp parallel num_threads(2) reduction(+:team)
    team += 1;
    return team != 2;
}
"""


def version_of(compiler) -> str:
    """Return what the compiler prints as its version; nothing if there is no compiler."""
    command = [*getattr(compiler, "compiler_so", []), "--version"]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout
    except OSError:  # compiling will say so
        return ""


def is_msvc(compiler) -> bool:
    """Return whether the compiler takes the arguments of MSVC."""
    return compiler.compiler_type == "msvc"


def openmp_works(compiler, compile_flags: list[str], link_flags: list[str]) -> bool:
    """Compile, link and run a program: return whether it gets a team of two threads."""
    limits = ("OMP_THREAD_LIMIT", "OMP_MAX_ACTIVE_LEVELS")
    environment = {name: value for name, value in os.environ.items() if name not in limits}
    link_flags = shlex.split(os.environ.get("LDFLAGS", "")) + link_flags  # for modules alone
    with TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(OPENMP_PROBE)
        try:
            objects = compiler.compile([str(source)], folder, extra_postargs=compile_flags)
            compiler.link_executable(objects, "probe", folder, extra_postargs=link_flags)
            program = Path(folder, compiler.executable_filename("probe"))
            return subprocess.run([program], env=environment, timeout=60).returncode == 0
        except (CompileError, LinkError, OSError, subprocess.SubprocessError):
            return False


def openmp_flags(compiler) -> tuple[list[str], list[str]]:
    """Return the first flags (compile, link) with which OpenMP works, or no flags."""
    if not switch("LSGD_FAST_OPENMP", "1"):
        print("lsgd_fast: LSGD_FAST_OPENMP=0, building without OpenMP: one thread only")
        return [], []
    for flags in OPENMP_CLANG_CL if is_msvc(compiler) else OPENMP:
        compile_flags, link_flags = map(str.split, flags)
        if openmp_works(compiler, compile_flags, link_flags):
            print("lsgd_fast: building with OpenMP:", *compile_flags)
            return compile_flags, link_flags
    print("lsgd_fast: no working OpenMP found, building without it: one thread only")
    return [], []


class BuildExtensions(build_ext):
    """Translates and compiles what has changed, or everything if a setting has."""

    def build_extensions(self):
        """Build; where headers or libraries of the system have changed, only with --force."""
        if is_msvc(self.compiler):
            self.compiler.initialize()
            self.compiler.cc = "clang-cl"
        debug, version = switch("LSGD_FAST_DEBUG", "0"), version_of(self.compiler)
        directives = DIRECTIVES | {"boundscheck": debug, "initializedcheck": debug}
        compile_flags, link_flags = openmp_flags(self.compiler)
        own_flags = GCC if "Free Software Foundation" in version else []  # not clang
        own_flags = ["-O1" if debug else "-O3", *FLAGS, *own_flags]
        if is_msvc(self.compiler):
            own_flags = [f"/clang:{flag}" for flag in own_flags]
        compile_flags = own_flags + compile_flags
        commands = [getattr(self.compiler, name, "") for name in ("compiler_so", "linker_so")]
        tools = (version, Cython.__version__, sys.version, Path("setup.py").read_text())
        settings = repr((directives, ABI3, compile_flags, link_flags, commands, self.debug, tools))
        stamp = Path(self.build_temp, "settings.txt")  # of the last build that was finished
        if self.force or not stamp.exists() or stamp.read_text() != settings:
            stamp.unlink(missing_ok=True)
            self.force = self.compiler.force = True
        if self.parallel in (None, True):
            self.parallel = os.cpu_count() or 1
        translated = cythonize(
            self.extensions,
            build_dir=self.build_temp,
            compiler_directives=directives,
            force=bool(self.force),
            nthreads=0 if self.parallel == 1 else min(self.parallel, len(MODULES)),
            shared_utility_qualified_name=SHARED,
        )
        for extension, c_extension in zip(self.extensions, translated, strict=True):
            extension.sources, extension.depends = c_extension.sources, HEADERS
            extension.extra_compile_args, extension.extra_link_args = compile_flags, link_flags
        super().build_extensions()
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(settings)


if __name__ == "__main__":  # not again in the processes of cythonize
    setup(
        ext_modules=MODULES,
        cmdclass={"build_ext": BuildExtensions},
        options={"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {},
    )
