"""What every test starts from."""

import os
import signal
import sys

import pytest

from lsgd_fast import kernel

# A shell that runs `pytest &` has it, and all that it starts, ignore Ctrl-C; tests send that.
signal.signal(signal.SIGINT, signal.default_int_handler)


# No windows, here or in what tests start.
os.environ["MPLBACKEND"] = "agg"


@pytest.fixture(autouse=True)
def no_figures_are_left():
    """Close what plots leave to pyplot, which warns of more than twenty figures."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")


@pytest.fixture(params=kernel.instruction_sets())
def isa(request):
    """Each instruction set that this processor has, in use while the test runs."""
    before = kernel.instruction_set()
    kernel.use_instruction_set(request.param)
    yield request.param
    kernel.use_instruction_set(before)
