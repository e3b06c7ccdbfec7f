"""Random sets for `separation`, each beside an exact linear program.

`python tools/separation_sets.py KIND COUNT [moved]` takes `all` or a kind of
`tests/support/separation_sets.py`. It prints how many sets of each kind of separation there were,
and every fault. With `moved`, entries are moved by one unit in the last place first; "undecided" is
then no fault.
"""

import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import lsgd_fast as lsgd
from support.separation_sets import KINDS, draw, expected, faults, moved


def check(kind, is_moved, seed):
    """Return the kind by exact arithmetic, the kind that was found, and the faults."""
    X, y, options = draw(kind, seed)
    if is_moved:
        X = moved(X, np.random.default_rng(seed))
    found = lsgd.separation(X, y, n_threads=1, **options)
    wrong = faults(X, y, options, found)
    if found.kind == "undecided" and not is_moved:
        wrong.append(f"undecided: {found.reason}")
    return expected(X, y, options)[0], str(found.kind), wrong


def main(kind, count, *moved_too):
    """Check the sets, and return the number of those with faults."""
    n_faulty = 0
    with ProcessPoolExecutor() as pool:
        for name in KINDS if kind == "all" else [kind]:
            began, tally = time.perf_counter(), Counter()
            each = partial(check, name, moved_too == ("moved",))
            for seed, (exact, found, wrong) in enumerate(pool.map(each, range(int(count)))):
                tally[exact if exact == found else f"{exact}: {found}"] += 1
                n_faulty += bool(wrong)
                if wrong:
                    print(f"{name} {seed}: {'; '.join(wrong)}", flush=True)
            seconds = time.perf_counter() - began
            print(f"{name:14}", dict(sorted(tally.items())), f"{seconds:.0f} s", flush=True)
    print(f"{n_faulty} sets with faults")
    return n_faulty


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) > 0)
