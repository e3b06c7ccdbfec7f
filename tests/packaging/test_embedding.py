"""A module of somebody else's, compiled against the installed package, gets the same bits."""

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
SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup

setup(
    name="consumer",
    ext_modules=cythonize(
        [
            Extension(name, [f"{name}.pyx"], extra_compile_args=["-O0"])
            for name in ("consumer", "readme")
        ]
    ),
)
"""


TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Load tests/support/consumer.pyx and what the README shows, built against the package."""
    folder = tmp_path_factory.mktemp("consumer")
    shutil.copy(TESTS / "support" / "consumer.pyx", folder)
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
    assert "Not all members" not in said  # of a struct: the others would be anything
    return {name: load(name, folder) for name in ("consumer", "readme")}


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


def test_another_abi_is_an_import_error(consumer):
    assert consumer.require_abi(consumer.ABI) == 0
    for wrong in (consumer.ABI - 1, consumer.ABI + 1):
        with pytest.raises(ImportError, match=f"compiled against ABI {wrong} .*has {consumer.ABI}"):
            consumer.require_abi(wrong)


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
