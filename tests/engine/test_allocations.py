"""Memory: nothing leaks, big sizes do not wrap around, and a refused allocation is no disaster."""

import json
import shutil
import subprocess
import sys

import pytest

from support.fresh import run_python

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

# What CPython and NumPy say instead of MemoryError.
LOCK = """RuntimeError("can't allocate lock")"""

TOOLS = """
import ctypes, gc, json, resource, sys
from support import awkward, hashes
import numpy as np
import lsgd_fast as lsgd

trim = ctypes.CDLL(None).malloc_trim if sys.platform.startswith("linux") else gc.collect

def resident():
    gc.collect()
    trim(0)                 # free memory that malloc keeps is no leak
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

rng = np.random.default_rng(0)
X, w = rng.standard_normal((300, 40)), rng.standard_normal(40)
y, weight = awkward.labels(300, rng), rng.uniform(0.5, 2.0, 300)
narrow = np.asfortranarray(X, np.float32)
inputs = [X, y, w, weight, narrow]

def descend():
    descent = lsgd.Descent(narrow, y, 9.0, start=w, callback=lambda state: None, callback_every=2)
    descent.step(2)
    descent.step(1)
    return descent.result()

def stop():
    def callback(state):
        raise InterruptedError
    lsgd.gradient_descent(X, y, 1.0, 2, callback=callback)

good = [
    lambda: lsgd.logistic_loss(X, y, w, sample_weight=weight),
    lambda: lsgd.logistic_loss_gradient(X, y, w, n_threads=2),
    lambda: lsgd.logistic_loss_gradient(narrow, y, np.stack([w, w], axis=1), l2=0.1),
    lambda: lsgd.gradient_descent(X, y, 5.0, 3, start=w, sample_weight=weight, n_threads=2),
    lambda: lsgd.gradient_descent(X[::2], y[::2], 1e9, 2, l2=0.1, stop=lsgd.Stop(loss=1e-3)),
    descend,
]
bad = [
    lambda: lsgd.logistic_loss(X, y, w[1:]),
    lambda: lsgd.logistic_loss_gradient(X, y, w, l2=np.nan),
    lambda: lsgd.gradient_descent(X, y[1:], 1.0, 3),
    lambda: lsgd.gradient_descent(X, y, 1.0, 3, start=w * np.inf),
    lambda: lsgd.Descent(X, y, 1.0, fit_intercept=True, start=w),
    stop,
]
"""

LEAKS = """
def call(i):
    if i % 10:
        good[i % len(good)]()
    else:
        try:
            bad[i // 10 % len(bad)]()
        except (TypeError, ValueError, InterruptedError):
            return 1
    return 0

for i in range(10_000):     # arenas of the allocators grow to their final size
    call(i)
before, references = resident(), [sys.getrefcount(array) for array in inputs]
failed = sum(call(i) for i in range(10_000))
same = references == [sys.getrefcount(array) for array in inputs]
json.dump([failed, resident() - before, same], sys.stdout)
"""


@linux
@pytest.mark.slow
def test_10000_calls_leak_nothing():
    done = run_python(TOOLS + LEAKS)
    assert done.returncode == 0, done.stderr
    failed, growth, same_references = json.loads(done.stdout)
    assert failed == 1000
    assert growth < 2**20
    assert same_references


# The one row that is not zero lies beyond 2**31 elements, where an index of 32 bits does not reach.
# Pages that nobody wrote to take no memory.
HUGE = """
import json, sys
import numpy as np
import lsgd_fast as lsgd

def peak():         # not ru_maxrss, which starts with that of the process that started this one
    with open("/proc/self/status") as lines:
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

n, d = 32776, 65537
X = np.zeros((n, d), "DTYPE")
X[n - 1] = 1
y = np.arange(n) % 2
w = np.full(d, 1.0 / d)
value, gradient = lsgd.logistic_loss_gradient(X, y, w, n_threads=2)
json.dump([X.size, n, value, gradient.min(), gradient.max(), peak()], sys.stdout)
"""


@linux
@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_more_elements_than_32_bits_count(dtype):
    """The last row has margin 1, all others 0: known by construction."""
    done = run_python(HUGE.replace("DTYPE", dtype))
    assert done.returncode == 0, done.stderr
    size, n, value, low, high, peak = json.loads(done.stdout)
    assert size == 2_148_040_712 > 2**31
    ln2, softplus, sigmoid = 0.6931471805599453, 0.31326168751822286, 0.2689414213699951
    assert value == pytest.approx(((n - 1) * ln2 + softplus) / n, rel=1e-12)
    assert low == high == pytest.approx(-sigmoid / n, rel=1e-12)
    assert peak < 200e6


# The k-th allocation fails, for every k until the call gets through, by two means in turn, for
# neither sees what the other gives out. All of the package's own buffers are NumPy arrays, whose
# data NumPy gets from functions that may be replaced: by these, which fail at one call, the
# `left`-th from now, and count in `live` what is out. In C: Python code must not run in there.
HANDLER = """
#include <stdlib.h>

long left = -1, live = 0;

static int fails(void) { return left >= 0 && left-- == 0; }

static void *get(void *context, size_t size)
{
    void *p = fails() ? NULL : malloc(size);
    live += p != NULL;
    return p;
}

static void *get_zeros(void *context, size_t count, size_t size)
{
    void *p = fails() ? NULL : calloc(count, size);
    live += p != NULL;
    return p;
}

static void *change(void *context, void *old, size_t size)
{
    void *p = fails() ? NULL : realloc(old, size);
    live += p != NULL && old == NULL;
    return p;
}

static void put_back(void *context, void *p, size_t size)
{
    live -= p != NULL;
    free(p);
}

struct {
    char name[127];
    unsigned char version;
    void *context, *get, *get_zeros, *change, *put_back;
} handler = {"starved", 1, NULL, get, get_zeros, change, put_back};
"""

# Python's own allocators (objects, memoryviews, locks) fail by `_testcapi.set_nomemory`. RLIMIT_AS
# could not tell one allocation from the next. Not more than one thread is asked for: libgomp ends
# the process when it gets no memory for another.
STARVED = """
name = ctypes.create_string_buffer(b"mem_handler")

def starve_arrays(library):
    api, pointer = ctypes.pythonapi, ctypes.c_void_p
    library = ctypes.CDLL(library)
    api.PyCapsule_New.restype, api.PyCapsule_New.argtypes = ctypes.py_object, [pointer] * 3
    api.PyCapsule_GetPointer.restype = pointer
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, pointer]
    address = ctypes.addressof(ctypes.c_char.in_dll(library, "handler"))
    capsule = api.PyCapsule_New(address, ctypes.addressof(name), None)
    table = api.PyCapsule_GetPointer(np._core._multiarray_umath._ARRAY_API, None)
    set_handler = ctypes.cast(table, ctypes.POINTER(pointer))[304]      # PyDataMem_SetHandler
    ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(set_handler)(capsule)
    left, live = (ctypes.c_long.in_dll(library, name) for name in ("left", "live"))

    def starve(k):
        left.value = k

    return starve, lambda: starve(-1), lambda: live.value

def starve_objects():
    import _testcapi
    return lambda k: _testcapi.set_nomemory(k, k + 1), _testcapi.remove_mem_hooks, int

def bits(result):
    if hasattr(result, "trace"):
        return hashes.content(result)
    if isinstance(result, tuple):
        return np.float64(result[0]).tobytes(), result[1].tobytes()
    return repr(result)

def drive(call, starve, feed, live):
    expected, mistakes = bits(call()), []
    for k in range(10_000):
        before = [live(), *map(sys.getrefcount, inputs)]
        result, error = None, "no error"
        starve(k)
        try:
            result = call()
        except BaseException as caught:
            feed()
            error = None if isinstance(caught, MemoryError) else repr(caught)
        feed()
        if error == "no error" and bits(result) == expected:
            return k, mistakes
        result = None
        if error is not None:
            mistakes.append(error)
        if before != [live(), *map(sys.getrefcount, inputs)]:
            mistakes.append("leak")
        if bits(call()) != expected:
            mistakes.append("the next call is wrong")

def whole_calls():
    return [
        lambda: lsgd.logistic_loss(X, y, w, sample_weight=weight, n_threads=1),
        lambda: lsgd.logistic_loss_gradient(narrow, y, w, n_threads=1),
        lambda: lsgd.gradient_descent(X, y, 5.0, 3, start=w, sample_weight=weight, n_threads=1),
        descend,
    ]

def compiled_calls():
    from lsgd_fast._inputs import problem
    from lsgd_fast._engine import dataset as rows
    checked, columns = problem.Problem.check(X, y), np.stack([w, w], axis=1)
    view, descent = rows.Rows(checked, pack=False), lsgd.Descent(X, y, 1.0, n_threads=1)
    descent.step(3)
    return [
        lambda: rows.Rows(checked).n_leaves,
        lambda: rows.evaluate(view, columns, 0.1, True, 1),
        descent.result,
        lambda: descent.step(0),
        lambda: lsgd.Descent.__new__(lsgd.Descent) is None,
    ]

source = STARVE
gc.disable()
json.dump([drive(call, *source) for call in CALLS()], sys.stdout)
"""


def starved(calls, starve):
    done = run_python(TOOLS + STARVED.replace("STARVE", starve).replace("CALLS", calls))
    assert done.returncode == 0, done.stderr
    counts, mistakes = zip(*json.loads(done.stdout), strict=True)
    return sum(counts), [text for texts in mistakes for text in texts]


@linux
def test_every_array_that_cannot_be_had_is_a_memory_error(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "handler.c").write_text(HANDLER)
    command = [compiler, "-shared", "-fPIC", "-o", tmp_path / "handler.so", tmp_path / "handler.c"]
    subprocess.run(command, check=True)
    for calls in ("whole_calls", "compiled_calls"):
        count, mistakes = starved(calls, f"starve_arrays({str(tmp_path / 'handler.so')!r})")
        assert count >= 15 and mistakes == []


@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(),
    reason="without a GIL CPython 3.13 crashes where a list comprehension gets no memory",
)
def test_every_object_that_cannot_be_had_is_a_memory_error():
    """In compiled code only: without objects, the interpreter and NumPy crash by themselves."""
    pytest.importorskip("_testcapi")
    count, mistakes = starved("compiled_calls", "starve_objects()")
    assert count >= 10 and set(mistakes) <= {LOCK}


MAPPED = """
import json, sys
import numpy as np
import lsgd_fast as lsgd

def anonymous():            # what is resident beside the pages of files
    with open("/proc/self/status") as lines:
        return 1024 * int(next(line for line in lines if line.startswith("RssAnon")).split()[1])

n, d = 2**18, 1024          # 1 GiB of float32
X = np.memmap(sys.argv[1], np.float32, "w+", shape=(n, d))
X[::4096] = 1.0
X[1::4096] = -1.0
y = np.arange(n) % 2
X = {"C": X, "F": X.reshape(d, n).T, "strided": X[::2]}[sys.argv[2]]
y = np.arange(len(X)) % 2
before, peak = anonymous(), []
run = lsgd.gradient_descent(X, y, 1e-3, 2, callback=lambda state: peak.append(anonymous()))
json.dump([max(peak + [anonymous()]) - before, run.n_steps, X.nbytes], sys.stdout)
"""


@linux
@pytest.mark.slow
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_no_copy_of_a_memory_map(layout, tmp_path):
    done = run_python(MAPPED, str(tmp_path / "X.bin"), layout)
    assert done.returncode == 0, done.stderr
    growth, n_steps, size = json.loads(done.stdout)
    assert n_steps == 2 and size >= 2**29
    assert growth < 64e6
