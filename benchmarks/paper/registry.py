"""All results, in the order of the page. A new one: a module with RESULTS, and its name here."""

from importlib import import_module

__all__ = ["RESULTS"]

MODULES = [
    "figure1",
    "theorem1",
    "transition",
    "growth",
    "corollary2",
    "softmax_certificate",
    "theorem3",
    "theorem4",
    "table1",
    "theorem6",
    "direction",
    "cycles",
    "outliers",
    "penalty",
    "penalty_statistics",
    "early_stopping",
    "adaptive",
    "two_rows",
    "lower_bounds",
    "leaky",
    "comparison",
    "zero_loss",
]

RESULTS = {result.name: result for name in MODULES for result in import_module(name).RESULTS}
