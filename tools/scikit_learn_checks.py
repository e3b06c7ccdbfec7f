"""Which checks of scikit-learn the classifier passes, and which scikit-learn leaves out, and why.

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
    from support.classifiers import SOLVERS, BinaryClassifier, LogisticClassifier, results

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
