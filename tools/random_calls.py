"""Random calls of every public function and of the command line, each checked in every way.

    python tools/random_calls.py KIND CALLS [SEED [PROCESSES]]

KIND is one of the kinds of `support.fuzz`, such as descent or minimize-softmax, or "all", where
kinds take turns. Call i has the seed SEED + i. A fault is printed with the command that repeats
it. PROCESSES is the number of cores by default; 0 makes the calls in this process, for a sanitizer
or a debugger to watch.

Two more kinds run in this process: "files" reads CALLS damaged and crafted files, "changing" passes
sparse rows that a callback or another thread changes.
"""

import collections
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import lsgd_fast as lsgd
from support import crafted_files, mutated_csr
from support.fuzz import campaign

OTHERS = ("files", "changing")


def in_this_process(kind, calls, seed):
    """Make the calls one by one; return what `campaign.run` returns."""
    counts, faults, began = collections.Counter(), [], time.time()
    for name, one in campaign.schedule(kind, calls, seed):
        word, fault = campaign.call_one(name, one)
        counts[name, word] += 1
        if fault is not None:
            print(name, one, fault)
            faults.append(fault)
    return counts, faults, time.time() - began


def main(kind, calls, seed="0", processes=None):
    """Make so many calls of a kind; return 1 if there were faults."""
    kind, calls, seed = kind.replace("-", " "), int(calls), int(seed)
    if kind == "changing":
        print(campaign.table(mutated_csr.fuzz(calls, seed)))
        return 0
    if kind == "files":
        faults = crafted_files.main(calls, seed)
        for fault in faults:
            print(fault)
        return 1 if faults else 0
    if kind not in (*campaign.KINDS, "all"):
        known = ", ".join((*campaign.KINDS, *OTHERS))
        sys.exit(f"KIND must be all or one of {known}; got {kind}")
    processes = len(os.sched_getaffinity(0)) if processes is None else int(processes)
    if processes and calls > 1:
        counts, faults, seconds = campaign.run(kind, calls, seed, processes)
    else:
        counts, faults, seconds = in_this_process(kind, calls, seed)
    print(campaign.table(counts))
    print(f"{calls} calls in {seconds:.0f} s, {len(faults)} faults, with {lsgd.__file__}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
