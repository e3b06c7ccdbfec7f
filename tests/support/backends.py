"""The implementations that must behave alike: the NumPy twin, and the compiled package if built.

The compiled package is missing only where it has not been built: a build that cannot be imported
fails here, because then `lsgd_fast` itself cannot be imported.
"""

import pytest

import lsgd_fast as fast
from lsgd_fast import reference

BACKENDS = [reference]
if hasattr(fast, "gradient_descent"):
    BACKENDS.append(fast)

every_backend = pytest.mark.parametrize("backend", BACKENDS, ids=lambda module: module.__name__)


def sparing(name, values, every):
    """Give a test `backend` and `name`; the twin, which is slow, gets every `every`-th value."""
    cases = [(backend, value) for i, value in enumerate(values) for backend in BACKENDS
             if backend is not reference or i % every == 0]  # fmt: skip
    ids = [f"{value}-{backend.__name__}" for backend, value in cases]
    return pytest.mark.parametrize(("backend", name), cases, ids=ids)
