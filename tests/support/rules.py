"""A list of rules, and problems for them."""

import pytest

from lsgd_fast.stepsizes import (
    AdGD,
    Anytime,
    BarzilaiBorwein,
    Constant,
    DualMomentum,
    InverseLoss,
    Nesterov,
    NormalizedGradient,
    Polyak,
    RiskAdaptive,
    Schedule,
    Silver,
    Tyurin,
)

RULES = [
    Constant(0.3), Schedule([0.1, 0.5, 0.2]), Silver(), Silver(3.0), Anytime(), Anytime(3.0),
    RiskAdaptive(0.7), Tyurin(0.4), InverseLoss(0.7), NormalizedGradient(0.5), Polyak(), AdGD(),
    BarzilaiBorwein(), Nesterov(), Nesterov(0.3), DualMomentum(),
]  # fmt: skip
every_rule = pytest.mark.parametrize("rule", RULES, ids=repr)
