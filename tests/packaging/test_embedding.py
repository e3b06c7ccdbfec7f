"""Modules of another project, compiled against the installed package, get the same bits."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import lsgd_fast as lsgd
from support import awkward

pytest.importorskip("Cython")
pytest.importorskip("setuptools")


# Neither the folder of the package nor any of its headers is named.
NAMES = ("consumer", "csr_consumer", "readme")
SETUP = f"""
from Cython.Build import cythonize
from setuptools import Extension, setup

setup(
    name="consumer",
    ext_modules=cythonize(
        [
            Extension(name, [name + ".pyx"], extra_compile_args=["-O0"])
            for name in {NAMES}
        ]
    ),
)
"""


TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Load the two consumers of tests/support and the README's example, built from outside."""
    folder = tmp_path_factory.mktemp("consumer")
    for name in ("consumer", "csr_consumer"):
        shutil.copy(TESTS / "support" / f"{name}.pyx", folder)
    page = (TESTS.parent / "README.md").read_text()
    (shown,) = re.findall(r"```cython\n(.*?)```", page, re.DOTALL)
    (folder / "readme.pyx").write_text("# cython: language_level=3\n" + shown)
    (folder / "setup.py").write_text(SETUP)
    package = Path(lsgd.__file__).parents[1]
    built = subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--inplace"], cwd=folder, text=True,
        env=os.environ | {"PYTHONPATH": str(package)}, capture_output=True,
    )  # fmt: skip
    said = built.stdout + built.stderr
    assert built.returncode == 0, said
    assert "Not all members" not in said  # Cython's warning: an initialiser leaves one unset
    return {name: load(name, folder) for name in NAMES}


def load(name, folder):
    (binary,) = (path for path in folder.glob(f"{name}.*") if path.suffix in (".so", ".pyd"))
    spec = importlib.util.spec_from_file_location(name, binary)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def consumer(modules):
    return modules["consumer"]


def test_the_function_of_the_readme_gets_the_same_bits(modules):
    X, y = lsgd.datasets.digits_0_vs_8()
    w = np.random.default_rng(0).standard_normal(X.shape[1])
    loss, gradient = modules["readme"].loss_gradient(X, y, w)
    expected, slope = lsgd.logistic_loss_gradient(X, y, w)
    assert loss == expected and gradient.tobytes() == slope.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("index", ["uint16", "int32", "int64"])
@pytest.mark.parametrize("shape", [(2, 1), (300, 40), (3000, 70)])
def test_a_consumer_of_sparse_rows_gets_the_same_bits(modules, shape, index, dtype):
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(shape[0])
    dense = np.where(rng.random(shape) < 0.2, rng.standard_normal(shape), 0.0).astype(dtype)
    dense[0, 0] = 1.0
    X = sparse.csr_matrix(dense)
    columns = X.tocsc()
    parts = [
        a.astype(t)
        for M in (X, columns)
        for a, t in ((M.indptr, np.int64), (M.indices, index), (M.data, dtype))
    ]
    y = awkward.labels(shape[0], rng)
    labels = y.astype(np.int8)
    for k in (1, 4, 6):
        w = rng.standard_normal((shape[1], k))
        expected = lsgd.logistic_loss_gradient(X, y, w)
        for n_threads in (1, 3):
            found = modules["csr_consumer"].loss_gradient(shape, *parts, labels, w, n_threads)
            assert found[0].tobytes() == found[2].tobytes() == expected[0].tobytes()
            assert found[1].tobytes() == expected[1].tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1, 1), (31, 7), (64, 65), (300, 40), (9, 2050), (9000, 3)])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_consumer_gets_the_same_bits(consumer, shape, dtype, fit_intercept):
    n, d = max(shape[0], 2), shape[1]
    rng = np.random.default_rng(n)
    X = rng.standard_normal((n, d)).astype(dtype)
    y = awkward.labels(n, rng)
    weight = rng.integers(1, 5, n) / 4.0  # the package scales them by a power of two
    weight[0] = 1.0
    for k in (1, 4, 6):
        w = rng.standard_normal((d + fit_intercept, k))
        for l2, n_threads in ((0.0, 1), (0.1, 3)):
            loss, gradient = consumer.logistic_loss_gradient(
                X, y, weight, w, l2, fit_intercept, n_threads
            )
            expected = lsgd.logistic_loss_gradient(
                X, y, w, sample_weight=weight, l2=l2, fit_intercept=fit_intercept
            )
            assert loss.tobytes() == expected[0].tobytes()
            assert gradient.tobytes() == expected[1].tobytes()


@pytest.mark.parametrize("shape", [(31, 7), (300, 40), (9000, 3)])
def test_a_consumer_passes_offsets(consumer, shape):
    rng = np.random.default_rng(shape[0])
    X, y = rng.standard_normal(shape), awkward.labels(shape[0], rng)
    offset = rng.standard_normal(shape[0])
    for k in (1, 4):
        w = rng.standard_normal((shape[1], k))
        found = consumer.logistic_loss_gradient(X, y, np.ones(len(X)), w, 0.0, False, 2, offset)
        expected = lsgd.logistic_loss_gradient(X, y, w, offset=offset)
        assert found[0].tobytes() == expected[0].tobytes()
        assert found[1].tobytes() == expected[1].tobytes()


def test_another_abi_is_an_import_error(consumer):
    assert consumer.require_abi(consumer.ABI) == 0
    for wrong in (consumer.ABI - 1, consumer.ABI + 1):
        with pytest.raises(ImportError, match=f"compiled against ABI {wrong} .*has {consumer.ABI}"):
            consumer.require_abi(wrong)


def test_no_consumer_turns_the_gil_on(modules):
    for name, module in modules.items():
        source = Path(module.__file__).with_name(f"{name}.c").read_text()
        declared = re.findall(r"#else\n#define __Pyx_FREETHREADING_COMPATIBLE (\w+)", source)
        assert declared[-1] == "Py_MOD_GIL_NOT_USED", name


def test_threads_may_share_the_rows(consumer):
    rng = np.random.default_rng(0)
    X, y, w = rng.standard_normal((500, 20)), awkward.labels(500, rng), np.ones((20, 1))
    expected = lsgd.logistic_loss_gradient(X, y, w)
    found = []

    def call():
        for n_threads in (1, 2):
            found.append(
                consumer.logistic_loss_gradient(X, y, np.ones(500), w, 0, False, n_threads)
            )

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert {(a.tobytes(), b.tobytes()) for a, b in found} == {tuple(a.tobytes() for a in expected)}
