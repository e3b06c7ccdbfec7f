"""What the compiled files do to the process that loads them: nothing but compute."""

import json
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel
from support.fresh import run_python

BINARIES = sorted(Path(lsgd.__file__).parent.rglob("*.so"))
# A repaired wheel brings its own libgomp, with a hash in the name; musl has one library for all.
LIBRARIES = re.compile(
    r"(libc|libc\.musl-\w+|libm|libpthread|ld-linux[-\w]*|(libgomp|libomp|libiomp5)(-[0-9a-f]+)?)"
    r"\.so[.\d]*"
)
X86 = platform.machine() in ("x86_64", "AMD64")

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ELF files")
x86 = pytest.mark.skipif(not X86, reason="x86-64 only")
every_binary = pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.name.split(".")[0])


def read(tool, *arguments):
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool}")
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout


ALONE = """
import sys
import numpy as np, lsgd_fast as lsgd, lsgd_fast.reference
dir(lsgd)
X, y = lsgd.datasets.digits_0_vs_8()
lsgd.gradient_descent(X, y, 1.0, 3)
lsgd.minimize(X, y)
guests = {"sklearn", "scipy", "pandas", "polars", "pyarrow", "torch", "jax", "matplotlib"}
guests |= {"ml_dtypes"}
assert not guests & {name.split(".")[0] for name in sys.modules}, sorted(sys.modules)
"""


def test_the_import_brings_numpy_alone():
    done = run_python(ALONE)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="CPython has its GIL")
def test_no_module_turns_the_gil_on_again():
    script = "import sys, lsgd_fast; dir(lsgd_fast); print(sys._is_gil_enabled())"
    done = run_python(script, PYTHONWARNINGS="error")
    assert done.stdout == "False\n", done.stderr


# fegetenv stores MXCSR in bytes 28 to 31, after the x87 environment whose bytes 0 and 1 are the
# control word. The low six bits of MXCSR are sticky flags: arithmetic is there to set them.
FPU = """
import ctypes, json, sys
import numpy as np

libm = ctypes.CDLL(None)  # Python has loaded it

def state():
    environment = (ctypes.c_ubyte * 64)()
    libm.fegetenv(environment)
    mxcsr = int.from_bytes(environment[28:32], "little") & ~0x3F
    return mxcsr, int.from_bytes(environment[0:2], "little")

def observed():
    tiny, one = np.array([5e-324]), np.array([1.0])
    rounded = [float((sign * (one + k * 2.0**-53))[0]) for sign in (1, -1) for k in (1, 3)]
    return float((tiny * one)[0]), rounded, libm.fegetround()

before = [state(), observed()]
import lsgd_fast as lsgd
from lsgd_fast import kernel
found = [[state(), observed()]]
X, y = lsgd.datasets.digits_0_vs_8()
for isa in kernel.instruction_sets():
    kernel.use_instruction_set(isa)
    for i in range(50):
        lsgd.gradient_descent(X, y, 10.0 ** (i % 9), 5, n_threads=1 + i % 3, l2=1e-300)
        lsgd.logistic_loss(X * 1e-310, y, X[0] * 1e300)
    found.append([state(), observed()])
tiny = lsgd.logistic_loss_gradient(X * 1e-310, y, 0.0 * X[0])[1]
json.dump([before, found, bool((tiny != 0.0).any() and abs(tiny).max() < 1e-308)], sys.stdout)
"""


@linux
@x86
def test_the_state_of_the_fpu_is_left_alone():
    done = run_python(FPU)
    assert done.returncode == 0, done.stderr
    before, found, subnormals_count = json.loads(done.stdout)
    assert before[0][0] == 0x1F80, "not the default already before the import"
    assert before[1] == [5e-324, [1.0, 1.0 + 2**-51, -1.0, -1.0 - 2**-51], 0]
    assert all(state == before for state in found) and len(found) >= 2
    assert subnormals_count


@linux
def test_there_are_binaries():
    assert {binary.parent.name for binary in BINARIES} == {"_core", "_engine"}
    assert len(BINARIES) >= 10, BINARIES


@linux
@every_binary
def test_no_executable_stack(binary):
    (stack,) = (line for line in read("readelf", "-lW", binary).splitlines() if "GNU_STACK" in line)
    assert stack.split()[-2:-1] == ["RW"], stack


@linux
@every_binary
def test_needs_hardly_any_library(binary):
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", read("readelf", "-d", binary))
    assert "libc.so.6" in needed or "libc." in str(needed)
    assert [name for name in needed if not LIBRARIES.fullmatch(name)] == []


def functions(binary):
    """Return {symbol: its instructions}."""
    found, name = {}, None
    for line in read("objdump", "-d", "--no-show-raw-insn", binary).splitlines():
        start = re.fullmatch(r"[0-9a-f]+ <(.*)>:", line)
        if start:
            name = start[1]
            found[name] = []
        elif name is not None and "\t" in line:
            found[name].append(line.split("\t", 1)[1])
    return found


def is_avx(instruction):
    """AVX and after begin with v or, on masks, k; so do verr and verw, which are ancient."""
    return re.match(r"k[a-z]|v(?!err\b|erw\b|mcall\b)[a-z]", instruction) is not None


@linux
@x86
@every_binary
def test_no_instruction_above_the_baseline_outside_functions_chosen_at_run_time(binary):
    """A wheel must run on any x86-64; GCC may split a function into name.part.0 and the like."""
    code = functions(binary)
    above = {name for name, lines in code.items() if any(map(is_avx, lines))}
    if not any("avx" in name for name in code) and above:
        pytest.skip("stripped of its symbols")
    assert {name for name in above if not re.search("avx2|avx512", name)} == set()
    assert not any(re.match("vfn?m(add|sub)", line) for name in above for line in code[name])
    widest = {
        isa: {r for name in above if isa in name for r in ("%ymm", "%zmm") if r in str(code[name])}
        for isa in ("avx2", "avx512")
    }
    assert "%zmm" not in widest["avx2"]
    if "isa_avx512" in binary.name:
        assert "%zmm" in widest["avx512"]
    if "isa_avx2" in binary.name:
        assert "%ymm" in widest["avx2"] or "clang" in kernel.compiler()
    assert "set_fast_math" not in code


def test_imports_numpy_only():
    script = """
import sys, lsgd_fast
unwanted = {"scipy", "sklearn", "matplotlib", "pandas", "polars", "tqdm", "mpi4py", "joblib"}
unwanted |= {"threadpoolctl", "ml_dtypes"}
print(sorted(unwanted & {name.split(".")[0] for name in sys.modules}))
"""
    assert run_python(script).stdout == "[]\n"
