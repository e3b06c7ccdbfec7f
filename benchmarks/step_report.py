"""Time a step of gradient descent against peers, and write the tables.

    python benchmarks/step_report.py --output docs/benchmarks.md

Each contender runs in a process of its own, because thread pools disturb one another; they take
turns, round by round, and the tables show medians over the rounds. Before it is timed, each is
compared with the NumPy reference. A peer that is not installed is left out, and named.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import lsgd_fast
from lib import contenders, problems, stopwatch, tables
from lib.arguments import names_of, shapes_of
from lsgd_fast import kernel
from lsgd_fast._core import threads

DTYPES = ["float64", "float32"]
SPIN = """
import os, sys
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
while os.getppid() == int(sys.argv[1]):
    pass
"""


def main():
    """Run the command line."""
    options = parse()
    if options.read:
        write_again(options)
        return
    missing = [name for name in options.peers if not contenders.installed(name)]
    peers = [name for name in options.peers if name not in missing]
    if not peers:
        raise SystemExit(f"none of these peers is installed: {', '.join(missing)}")
    began = time.perf_counter()
    records = []
    with busy_core(options.busy), tempfile.TemporaryDirectory() as scratch:
        environment = os.environ | {"NUMBA_CACHE_DIR": scratch}
        if options.wait_policy:
            environment["OMP_WAIT_POLICY"] = options.wait_policy
        for dtype in options.dtype:
            for shape in options.shapes:
                records += measure(shape, dtype, peers, options, Path(scratch), environment)
    print(f"{(time.perf_counter() - began) / 60.0:.1f} minutes", file=sys.stderr)
    machine = describe_machine(peers)
    write(markdown(records, machine, missing, options), options.output)
    if options.json:
        chosen = {name: getattr(options, name) for name in ("rounds", "seconds", "busy")}
        chosen["wait_policy"] = options.wait_policy
        raw = {"machine": machine, "missing": missing, "options": chosen, "records": records}
        options.json.write_text(json.dumps(raw, indent=1) + "\n")


def write_again(options):
    """Write the tables of runs whose raw numbers were kept, one for each dtype."""
    kept = [json.loads(path.read_text()) for path in options.read]
    first = kept[0]
    if any(run["machine"] != first["machine"] or run["missing"] for run in kept):
        raise SystemExit("these are runs of different machines or versions, or peers are missing")
    if any(run["options"] != first["options"] for run in kept):
        raise SystemExit("these are runs with different options")
    records = [record for run in kept for record in run["records"]]
    options.dtype = list(dict.fromkeys(record["dtype"] for record in records))
    for name, value in first["options"].items():
        setattr(options, name, value)
    write(markdown(records, first["machine"], [], options), options.output)


def write(lines, path):
    """Write lines to a file, or to stdout where there is none."""
    text = "\n".join(lines) + "\n"
    if path:
        path.write_text(text)
    else:
        print(text, end="")


def parse(arguments=None):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dtype", type=names_of(DTYPES), default=DTYPES, help="both by default")
    parser.add_argument("--shapes", type=shapes_of, default=problems.SHAPES, help="569x30,4x2")
    every = list(contenders.PEERS)
    parser.add_argument("--peers", type=names_of(every), default=every, help=",".join(every))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.2, help="of a timed run (default 0.2)")
    parser.add_argument("--output", type=Path, help="where the tables go; stdout by default")
    parser.add_argument("--json", type=Path, help="where the raw numbers go")
    parser.add_argument("--read", type=Path, nargs="+", help="raw numbers to make tables of again")
    parser.add_argument("--busy", action="store_true", help="keep the last core busy meanwhile")
    parser.add_argument("--wait-policy", choices=["active", "passive"], help="OMP_WAIT_POLICY")
    return parser.parse_args(arguments)


@contextmanager
def busy_core(wanted):
    """Keep the last core busy, if that is wanted."""
    if not wanted:
        yield
        return
    spinning = subprocess.Popen([sys.executable, "-c", SPIN, str(os.getpid())])
    try:
        yield
    finally:
        spinning.kill()
        spinning.wait()


def measure(shape, dtype, peers, options, folder, environment):
    """Return the records of one shape: all contenders in turn, another one first each round."""
    stopwatch.save_problem(folder, *problems.problem(*shape, dtype))
    names = ["fast", *peers]
    names += ["gram"] if shape in problems.WIDE else []
    names += ["read"] if shape in problems.LARGE else []
    records = []
    for turn in range(options.rounds):
        first = turn % len(names)
        print(f"{dtype} {shape[0]} x {shape[1]}, round {turn + 1}:", end="", file=sys.stderr)
        for name in names[first:] + names[:first]:
            seconds = stopwatch.elsewhere(name, folder, options.seconds, environment)
            record = {"dtype": dtype, "n": shape[0], "d": shape[1], "round": turn}
            records.append(record | {"contender": name, "seconds": seconds})
            print(f" {name} {1e6 * seconds['step']:.3g}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
    return records


def describe_machine(peers):
    """Return what the numbers depend on, by name."""
    return {
        "lsgd_fast": lsgd_fast.__version__,
        "compiler": kernel.compiler(),
        "instruction set": kernel.instruction_set(),
        "Python": platform.python_version(),
        **contenders.versions(peers),
        "processor": processor(),
        "cores": threads.available_threads(),
        "system": platform.system(),
    }


def processor():
    """Return the name of the processor, where the system tells."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


INTRODUCTION = """\
# Benchmarks

Written by `python benchmarks/step_report.py`. Where nothing else is said, times are microseconds of
one step of gradient descent: the difference of two run lengths over their difference in steps. Each
contender runs in a process of its own; before it is timed, losses and weights are compared with
those of the NumPy reference, to {float64:g} in float64 and {float32:g} in float32. The contenders
take turns, and the tables show medians (rounds: {rounds}). A ratio is the time of the fastest peer
over that of `lsgd_fast`; geometric means leave the toy set out.

`lsgd_fast` records its full trace, and sums in float64 for every dtype; the peers record the loss
alone, and compute in the dtype of X. The reference computes in float64. *set-up* is what a run of
`lsgd_fast` takes besides its steps: validation, packing, and the last, forward pass.
"""
GRAM = """\
In Gram space, as `gradient_descent` runs these shapes by default. The whole run includes
validation, building the matrix, and the last weights; the peers' times leave their set-up out.
"""
BANDWIDTH = """\
Bytes of X over the time of a step, against a vectorised sum over the same array in as many threads.
"""


def markdown(records, machine, missing, options):
    """Yield the lines of the report."""
    yield from INTRODUCTION.format(rounds=options.rounds, **contenders.TOLERANCE).splitlines()
    yield ""
    yield "; ".join(f"{name} {value}" for name, value in machine.items()) + "."
    if missing:
        titles = ", ".join(contenders.PEERS[name].title for name in missing)
        yield f"Not installed, and so left out: {titles}."
    if options.busy:
        yield "Another process kept the last core busy all the time."
    if options.wait_policy:
        yield f"`OMP_WAIT_POLICY` was `{options.wait_policy}`."
    for dtype in options.dtype:
        yield from ("", f"## {dtype}", "", *tables.step_table(records, dtype))
        for text, table in ((GRAM, tables.gram_table), (BANDWIDTH, tables.bandwidth_table)):
            lines = table(records, dtype)
            if lines:
                yield from ("", *text.splitlines(), "", *lines)


if __name__ == "__main__":
    main()
