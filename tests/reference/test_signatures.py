"""The reference has the functions of the package, with the same parameters."""

import inspect

import pytest

from lsgd_fast import reference
from support.backends import BACKENDS


@pytest.mark.skipif(len(BACKENDS) == 1, reason="there is nothing to compare with")
@pytest.mark.parametrize("name", reference.__all__)
def test_the_twin_has_the_same_signatures(name):
    def parameters(module):
        found = inspect.signature(getattr(module, name)).parameters.values()
        return [(p.name, p.kind, p.default) for p in found]

    assert parameters(BACKENDS[1]) == parameters(reference)
