"""Random calls, every result checked, for a sanitizer to watch or for a long test.

    python tools/random_calls.py arguments|changing|mixed|minimize|teams|files CALLS [SEED]

`arguments` passes good and bad arguments of every kind; `changing` passes sparse rows that a
callback or another thread changes; `mixed` mixes storage, losses, rules and models; `minimize`
solves problems that are hard on floats; `teams` runs teams of threads; `files` reads damaged and
crafted files.
"""

import sys
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import kernel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support import awkward, crafted_files, extremes, fuzz, mixed, mutated_csr
from support.hashes import content


def minimize(calls, seed):
    """Solve problems that are hard on floats, and print what is wrong with the runs."""
    wrong = [it for i in range(calls) for it in extremes.fuzz(seed + i)]
    print(*wrong, sep="\n")
    assert wrong == []


def teams(calls, seed):
    """Every kind of call that starts threads: packed and decoded rows, sums split, callbacks."""
    rng = np.random.default_rng(seed)
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


KINDS = {
    "arguments": fuzz.main,
    "changing": lambda calls, seed: print(dict(mutated_csr.fuzz(calls, seed))),
    "mixed": lambda calls, seed: print(mixed.main(calls, seed)),
    "minimize": minimize,
    "teams": teams,
    "files": crafted_files.run,
}


def main(kind, calls, seed="1000"):
    """Make so many calls of a kind."""
    KINDS[kind](int(calls), int(seed))
    print(f"\n{calls} calls made with {lsgd.__file__}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
