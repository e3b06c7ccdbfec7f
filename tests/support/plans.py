"""Plans of the toy set."""

import math

import lsgd_fast as lsgd

RADIUS = math.sqrt(4.04)  # of the toy set, whose margin is 0.2


def toy_plan(**options):
    """Return a plan for the toy set."""
    return lsgd.plan(*lsgd.datasets.toy(), **options)
