"""What every test starts from."""

import signal

import pytest

from lsgd_fast import kernel

# A shell that runs `pytest &` has it, and all that it starts, ignore Ctrl-C; tests send that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=kernel.instruction_sets())
def isa(request):
    """Each instruction set that this processor has, in use while the test runs."""
    before = kernel.instruction_set()
    kernel.use_instruction_set(request.param)
    yield request.param
    kernel.use_instruction_set(before)
