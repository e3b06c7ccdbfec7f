"""Which checks of scikit-learn the classifier passes, and which scikit-learn leaves out, and why.

    python tests/scikit_learn_checks.py [--without-pandas]

SCIPY_ARRAY_API=1 in the environment adds a check; pandas, where it is installed, two.
"""

import sys
import warnings
from collections import Counter


class NoPandas:
    """Makes pandas look as if it were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def results(classifier):
    """Return the results of `check_estimator`: dicts with check_name, status and exception."""
    from sklearn.utils.estimator_checks import check_estimator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # data of checks are separable, and fits short
        return check_estimator(classifier, on_fail=None, on_skip=None)


def main():
    if "--without-pandas" in sys.argv[1:]:
        sys.meta_path.insert(0, NoPandas())
    from test_estimator import SOLVERS, BinaryClassifier, LogisticClassifier

    for kind in (LogisticClassifier, BinaryClassifier):
        for solver in SOLVERS:
            found = results(kind(solver=solver))
            counts = Counter(result["status"] for result in found)
            print(f"{kind.__name__}, {solver}:", *(f"{n} {how}" for how, n in counts.items()))
            for result in found:
                if result["status"] != "passed":
                    print(f"  {result['status']} {result['check_name']}: {result['exception']}")


if __name__ == "__main__":
    main()
