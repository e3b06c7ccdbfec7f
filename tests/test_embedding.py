"""A module of somebody else's, compiled against the installed package, gets the same bits."""

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import awkward
import numpy as np
import pytest

import lsgd_fast as lsgd

pytest.importorskip("Cython")
pytest.importorskip("setuptools")

# Neither the folder of the package nor any of its headers is named.
SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup

setup(
    name="consumer",
    ext_modules=cythonize([Extension("consumer", ["consumer.pyx"], extra_compile_args=["-O0"])]),
)
"""


@pytest.fixture(scope="module")
def consumer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("consumer")
    shutil.copy(Path(__file__).with_name("consumer.pyx"), folder)
    (folder / "setup.py").write_text(SETUP)
    package = Path(lsgd.__file__).parents[1]
    built = subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--inplace"], cwd=folder, text=True,
        env=os.environ | {"PYTHONPATH": str(package)}, capture_output=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    (binary,) = (path for path in folder.iterdir() if path.suffix in (".so", ".pyd"))
    spec = importlib.util.spec_from_file_location("consumer", binary)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
