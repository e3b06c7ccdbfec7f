"""Mixed calls for a sanitizer to watch: random ones, and runs of a team of threads.

`python calls.py 2000` fuzzes, with every result checked; `python calls.py mixed 500` mixes storage,
losses, rules and models; `python calls.py teams 500` runs teams.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import awkward
import mixed
import numpy as np
import test_fuzz
from hashes import content

import lsgd_fast as lsgd
from lsgd_fast import kernel


def teams(calls):
    """Every kind of call that starts threads: packed and decoded rows, sums split, callbacks."""
    rng = np.random.default_rng(0)
    problems, sets = [], kernel.instruction_sets()
    for n, d in ((700, 20), (130, 128), (300, 3000), (300, 2000), (6000, 3)):
        X = rng.standard_normal((n, d))
        y = awkward.labels(n, rng)
        problems += [(X, y), (np.asfortranarray(X, np.float32), y), (X.astype(np.float16), y)]
    for i in range(calls):
        X, y = problems[i % len(problems)]
        options = {"fit_intercept": i % 5 == 0, "l2": 0.1 * (i % 2)}
        w = rng.standard_normal((X.shape[1] + options["fit_intercept"], 1 + i % 6))
        kernel.use_instruction_set(sets[i // 7 % len(sets)])
        if i % 3 == 0:
            found, alone = (
                [a.tobytes() for a in lsgd.logistic_loss_gradient(X, y, w, **options, n_threads=k)]
                for k in (2 + i % 3, 1)
            )
        else:
            if i % 3 == 1:
                options |= {"callback": lambda state: None, "callback_every": 2}
            found, alone = (
                content(lsgd.gradient_descent(X, y, 1.0, 5, **options, n_threads=k))
                for k in (2 + i % 3, 1)
            )
        assert found == alone


if __name__ == "__main__":
    if sys.argv[1] == "teams":
        teams(int(sys.argv[2]))
    elif sys.argv[1] == "mixed":
        print(mixed.main(int(sys.argv[2]), seed=1000), end="")
    else:
        test_fuzz.main(int(sys.argv[1]), seed=1000)
    print(f"\n{sys.argv[-1]} calls made with {lsgd.__file__}", file=sys.stderr)
