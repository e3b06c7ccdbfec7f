"""Which checks of scikit-learn the classifiers pass, and which scikit-learn leaves out, and why.

    python tools/scikit_learn_checks.py [--without-pandas]

SCIPY_ARRAY_API=1 in the environment adds a check; pandas, where it is installed, two.
"""

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


class NoPandas:
    """Makes pandas look as if it were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main():
    if "--without-pandas" in sys.argv[1:]:
        sys.meta_path.insert(0, NoPandas())
    from lsgd_fast import LogisticClassifierCV
    from support.classifiers import SOLVERS, BinaryClassifier, LogisticClassifier, results

    classifiers = [
        kind(solver=solver, standardize=standardize)
        for kind in (LogisticClassifier, BinaryClassifier)
        for solver in SOLVERS
        for standardize in (False, True)
    ]
    classifiers += [LogisticClassifierCV(cv=3, standardize=choice) for choice in (False, True)]
    for classifier in classifiers:
        found = results(classifier)
        counts = Counter(result["status"] for result in found)
        print(f"{classifier!r}:", *(f"{n} {how}" for how, n in counts.items()))
        for result in found:
            if result["status"] != "passed":
                print(f"  {result['status']} {result['check_name']}: {result['exception']}")


if __name__ == "__main__":
    main()
