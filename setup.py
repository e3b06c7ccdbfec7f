"""Builds the compiled modules; all other metadata is in pyproject.toml.

Two environment variables, each 0 or 1, change the build:

LSGD_FAST_OPENMP=0  builds without OpenMP: one thread, the same results.
LSGD_FAST_DEBUG=1   turns on Cython's bounds checks and hardly optimises: slow, for hunting bugs.

CC, CFLAGS, CPPFLAGS and LDFLAGS are read by setuptools, as ever. Add neither -march=native nor
-ffast-math there: the wheel would run on this machine only, or round differently on each.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import Cython
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

MODULES = [  # those that take longest to compile come first
    "_core.isa_avx512", "_core.isa_avx2", "_core.isa_baseline", "_engine.sgd", "_engine.descent",
    "_engine.batch", "_engine.run_state", "_engine.run_results", "_engine.exchange",
    "_core.layout", "_core.rowpass", "_core.dispatch", "_core.team", "_engine.dataset",
    "_engine.gram", "_engine.step", "_engine.loop", "_engine.sweep", "_engine.sgd_loop",
    "_engine.poll", "_engine.polled_pass", "_engine.linear_map", "_engine.score_line",
    "_engine.lbfgs",
]  # fmt: skip

SHARED = "lsgd_fast._core._cyutility"  # what Cython would write into every module, once

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "freethreading_compatible": True,
}
DEBUG_DIRECTIVES = DIRECTIVES | {"boundscheck": True, "initializedcheck": True}


class Flags(NamedTuple):
    """The flags of one kind of compiler: always, and alternatives for OpenMP (compile, link)."""

    always: list[str]
    openmp: list[tuple[list[str], list[str]]]


# No flag here may name a CPU or relax rounding: results have the same bits everywhere, hence also
# -ffp-contract=off, no fused multiply-add.
UNIX = Flags(
    "-g0 -ffp-contract=off -fno-trapping-math -fno-math-errno -fno-strict-aliasing".split(),
    [(["-fopenmp"], ["-fopenmp"])],
)
if sys.platform == "darwin":  # Apple's clang, with libomp from elsewhere
    UNIX.openmp.append((["-Xpreprocessor", "-fopenmp"], ["-lomp"]))
# GCC would gather the terms of a sum at its last use; in the order written, backward is faster.
GCC = ["-fno-tree-ter"]
FLAGS = {"unix": UNIX}  # by setuptools' name of the kind; MSVC lacks the vectors of simd.h

READ_BY_COMPILERS = (
    "CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "SDKROOT",
    "MACOSX_DEPLOYMENT_TARGET",
)  # fmt: skip

OPENMP_PROBE = """
#include <omp.h>
#include <stdio.h>
int main(void) {
    int team = 0;
    omp_set_dynamic(0);
    #pragma omp parallel num_threads(2)
    {
        #pragma omp master
        team = omp_get_num_threads();
    }
    printf("%d", team);
    return 0;
}
"""


def digest(parts: Iterable[bytes]) -> str:
    """Return one digest of all parts; it also depends on where each ends."""
    return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()


def switch(name: str, default: str) -> bool:
    """Return whether the environment variable `name` is 1 rather than 0."""
    value = os.environ.get(name) or default
    if value not in ("0", "1"):
        raise SystemExit(f"{name} must be 0 or 1, not {value!r}")
    return value == "1"


def version_of(compiler) -> bytes:
    """Return what the compiler prints as its version; nothing if there is no compiler."""
    command = getattr(compiler, "compiler_so", [])
    if not command:
        return b""
    try:
        return subprocess.run([*command, "--version"], capture_output=True).stdout
    except OSError:  # compiling will say so
        return b""


def is_gcc(compiler) -> bool:
    """Return whether the compiler is GCC, which clang only resembles."""
    return b"Free Software Foundation" in version_of(compiler)


def openmp_works(compiler, compile_flags: list[str], link_flags: list[str]) -> bool:
    """Compile, link and run a program: return whether it gets a team of two threads."""
    limits = ("OMP_THREAD_LIMIT", "OMP_MAX_ACTIVE_LEVELS")
    environment = {name: value for name, value in os.environ.items() if name not in limits}
    with TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(OPENMP_PROBE)
        try:
            objects = compiler.compile(
                [str(source)], output_dir=folder, extra_postargs=compile_flags
            )
            compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=link_flags)
            program = Path(folder, compiler.executable_filename("probe"))
            team = subprocess.check_output([program], env=environment, timeout=60)
        except (CompileError, LinkError, OSError, subprocess.SubprocessError):
            return False
    return team == b"2"


class BuildExtensions(build_ext):
    """Translates and compiles, with the flags of the compiler that setuptools has chosen."""

    def build_extensions(self):
        """Build all modules, unless inputs and outputs are those of the last build.

        Digests decide, because no timestamp changes with a switch or a compiler.
        """
        if getattr(self, "dry_run", False):
            return
        flags = FLAGS.get(self.compiler.compiler_type, UNIX)
        compile_flags, link_flags = self.openmp_flags(flags)
        debug = switch("LSGD_FAST_DEBUG", "0")
        directives = DEBUG_DIRECTIVES if debug else DIRECTIVES
        own_flags = GCC if is_gcc(self.compiler) else []
        compile_flags = ["-O1" if debug else "-O3", *flags.always, *own_flags, *compile_flags]
        inputs = digest(self.inputs(directives, compile_flags, link_flags))
        stamp = Path(self.build_temp, "lsgd_fast.built")
        forced = self.force
        self.force = self.compiler.force = True  # compile, link and copy, whatever the dates
        if not forced and stamp.exists() and stamp.read_text() == inputs + self.outputs_digest():
            print("lsgd_fast: nothing has changed since the last build")
            return
        stamp.unlink(missing_ok=True)
        if self.parallel in (None, True):
            self.parallel = os.cpu_count() or 1
        translated = cythonize(
            self.extensions,
            build_dir=self.build_temp,
            compiler_directives=directives,
            force=True,
            nthreads=0 if self.parallel == 1 else min(self.parallel, len(MODULES)),
            shared_utility_qualified_name=SHARED,
        )
        for extension, c_extension in zip(self.extensions, translated, strict=True):
            extension.sources = c_extension.sources
            extension.extra_compile_args = compile_flags
            extension.extra_link_args = link_flags
        super().build_extensions()
        stamp.write_text(inputs + self.outputs_digest())

    def inputs(self, *options):
        """Yield options, tools and sources of the modules, as bytes.

        Headers and libraries of the system are left out: where they have changed, use --force.
        """
        of_compiler = ("compiler_so", "linker_so", "macros", "include_dirs", "libraries",
                       "library_dirs", "runtime_library_dirs", "objects")  # fmt: skip
        settings = [getattr(self.compiler, name, []) for name in of_compiler]
        environment = [os.environ.get(name) for name in READ_BY_COMPILERS]
        tools = (Cython.__version__, sys.version)
        yield repr((options, self.debug, settings, environment, tools)).encode()
        yield version_of(self.compiler)
        folder = Path("lsgd_fast")
        sources = [Path("setup.py")]
        sources += [path for kind in ("pyx", "pxd", "h") for path in folder.rglob(f"*.{kind}")]
        for source in sorted(sources):
            yield str(source).encode()
            yield source.read_bytes()

    def outputs_digest(self):
        """Return the digest of the compiled modules; a missing one counts as empty."""
        outputs = [Path(self.get_ext_fullpath(module.name)) for module in self.extensions]
        return digest(path.read_bytes() if path.exists() else b"" for path in outputs)

    def openmp_flags(self, flags: Flags) -> tuple[list[str], list[str]]:
        """Return the first flags (compile, link) with which OpenMP works, or no flags."""
        if not switch("LSGD_FAST_OPENMP", "1"):
            print("lsgd_fast: LSGD_FAST_OPENMP=0, building without OpenMP: one thread only")
            return [], []
        for compile_flags, link_flags in flags.openmp:
            if openmp_works(self.compiler, compile_flags, link_flags):
                print("lsgd_fast: building with OpenMP:", *compile_flags)
                return compile_flags, link_flags
        print("lsgd_fast: no working OpenMP found, building without it: one thread only")
        return [], []


if __name__ == "__main__":  # not again in the processes of cythonize
    setup(
        ext_modules=[
            Extension(
                f"lsgd_fast.{name}",
                [f"lsgd_fast/{name.replace('.', '/')}.pyx"],
                include_dirs=["lsgd_fast/_core"],  # simd.h, team.h
            )
            for name in MODULES
        ]
        + [Extension(SHARED, [])],
        cmdclass={"build_ext": BuildExtensions},
    )
