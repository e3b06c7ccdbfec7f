"""Checked scalars are plain numbers of Python."""

from fractions import Fraction

import numpy as np

from lsgd_fast import _checks as checks
from lsgd_fast import losses, stepsizes


def test_scalars_become_plain_python():
    assert type(checks.check_count("k", np.int8(3), 0)) is int
    assert type(checks.check_real("k", np.float32(3))) is float
    assert checks.check_real("k", Fraction(1, 4)) == 0.25
    assert checks.check_real("k", 5e-324) == 5e-324
    assert checks.check_n_threads(None) is None
    assert checks.check_callback(print, None) == (print, 1)
    assert stepsizes.resolve(np.float32(8)) == stepsizes.Constant(8.0)
    assert type(stepsizes.resolve(np.int64(8)).eta) is float
    rule = stepsizes.Constant(3)
    assert stepsizes.resolve(rule) is rule
    loss = losses.Logistic()
    assert losses.resolve(loss) is loss and losses.resolve("logistic") == loss
