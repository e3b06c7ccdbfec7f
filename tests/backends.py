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
