"""Train networks with large stepsizes: is there an unstable phase, does it end, and is it worth it?

    python benchmarks/networks [--out FOLDER] [--pictures FOLDER] [--quick]

Full-batch gradient descent on the logistic loss by PyTorch (extra `peers`), from He's first
weights. All networks of a shape are trained together. Losses and gradient norms go through
`lsgd_fast.TrainingMonitor`; the networks of the first seed go on for some times as long to see what
became of its verdicts. First the gradients of a batch are compared with those of torch modules.

The tables of docs/networks.md go to the output, its pictures to --pictures FOLDER, and losses,
gradient norms and summaries of all runs to --out FOLDER. What is in that folder already is not
trained again.
"""

import argparse
import contextlib
import itertools
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd
import rows as data
from findings import ACTIVATIONS, report, with_tables

STEPSIZES = 10.0 ** np.linspace(-2.5, 2.5, 16)
QUICK = {
    "sets": ["digits"], "depths": [2, 3], "widths": [4], "seeds": 2, "steps": 80, "continued": 160,
}  # fmt: skip


def parse(arguments):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/networks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, help="the folder of results")
    parser.add_argument("--pictures", type=Path, help="the folder of pictures; needs matplotlib")
    parser.add_argument(
        "--page", type=Path, help="a page whose tables are replaced by the new ones"
    )
    parser.add_argument(
        "--no-training", action="store_true", help="only what is in the folder of results"
    )
    parser.add_argument("--quick", action="store_true", help="a few small networks, to try it")
    parser.add_argument("--sets", nargs="+", choices=data.SETS, default=data.SETS)
    parser.add_argument("--embeddings", type=Path, help="emb_sci.npz, for that set")
    parser.add_argument("--activations", nargs="+", choices=ACTIVATIONS, default=ACTIVATIONS)
    parser.add_argument(
        "--depths", nargs="+", type=int, default=[2, 3, 4, 8], help="layers of weights"
    )
    parser.add_argument("--widths", nargs="+", type=int, default=[4, 16, 64, 256])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--continued", type=int, default=4000, help="steps of the first seed")
    parser.add_argument("--continued-width", type=int, default=64, help="the largest of those")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    asked = parser.parse_args(arguments)
    if asked.quick:
        vars(asked).update(QUICK)
    return asked


def load_sets(asked):
    """Return {name: Rows}, without those that are not there."""
    found = {}
    for name in asked.sets:
        try:
            found[name] = data.load(name, asked.embeddings)
        except data.Missing as missing:
            print(f"{name} is left out: {missing}", flush=True)
    return found


def tasks_of(asked, sets):
    """Return the file, shape, rows and options of all batches, the dearest first."""
    made = []
    shapes = itertools.product(sets, asked.activations, asked.depths, asked.widths)
    for shape in sorted(shapes, key=lambda shape: -shape[2] * shape[3] ** 2):
        options = {
            "stepsizes": STEPSIZES,
            "seeds": range(asked.seeds),
            "n_steps": asked.steps,
            "n_continued": asked.continued if shape[3] <= asked.continued_width else 0,
            "dtype": asked.dtype,
        }
        path = asked.out / f"{'-'.join(map(str, shape))}.npz"
        if path.exists() or not asked.no_training:
            made.append((path, shape, sets[shape[0]], options))
    return made


def run_all(tasks, workers):
    """Train what is not trained yet, with a line of progress for each batch; return all runs.

    And the seconds of CPU of the training, and whether any was done.
    """
    import training

    began, runs, cpu, any_new = time.perf_counter(), [], 0.0, False
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(workers, len(tasks)), training.begin_worker) as pool:
        for number, (path, is_new) in enumerate(pool.imap_unordered(training.work, tasks), 1):
            found = json.loads(path.read_text())
            shape = dict(zip(("set", "activation", "depth", "width"), found["shape"], strict=True))
            runs += [shape | run for run in found["runs"]]
            cpu += found["train_seconds"]
            any_new |= is_new
            done = f"{found['train_seconds']:.1f} s of CPU" if is_new else "was there"
            seconds = time.perf_counter() - began
            print(
                f"{number}/{len(tasks)} {path.stem}: {len(found['runs'])} networks, {done}; "
                f"{seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    order = ("set", "activation", "depth", "width", "stepsize", "seed")
    runs.sort(key=lambda run: [run[name] for name in order])
    return runs, cpu, any_new


def train_all(asked):
    """Return settings, places and runs, which are also in the folder of results."""
    import torch

    import training

    sets = load_sets(asked)
    worst = training.check_gradients(next(iter(sets.values())))
    print(f"gradients of a batch against those of torch modules: {worst:.1e} of the norm at most")
    settings = {
        name: getattr(asked, name)
        for name in ("steps", "continued", "continued_width", "seeds", "dtype")
    } | {"stepsizes": STEPSIZES.tolist()}
    keep_settings(asked.out / "settings.json", settings)
    began, load = time.perf_counter(), os.getloadavg()[0]
    runs, cpu, any_new = run_all(tasks_of(asked, sets), asked.workers)
    place = {
        "wall_seconds": time.perf_counter() - began, "workers": asked.workers,
        "load": [load, os.getloadavg()[0]], "cores": os.cpu_count(), "processor": processor(),
        "torch": torch.__version__, "python": platform.python_version(),
    }  # fmt: skip
    path = asked.out / "places.json"
    places = json.loads(path.read_text()) if path.exists() else []
    if any_new:
        places.append(place)
        path.write_text(json.dumps(places))
    named = {name: facts_of(rows) for name, rows in sets.items()}
    return {
        "settings": settings, "sets": named, "places": places, "cpu_seconds": cpu, "runs": runs,
    }  # fmt: skip


def facts_of(rows):
    """Return what the report says of a set."""
    with_ones = np.column_stack([rows.X, np.ones(len(rows.y))])
    kind = str(lsgd.separation(with_ones, rows.y).kind)
    held_out = len(rows.y_held_out)
    return {"name": rows.name, "rows": len(rows.y), "held_out": held_out, "separation": kind}


def keep_settings(path, settings):
    """Write the settings of a folder, or end if those of its results are others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and json.loads(path.read_text()) != settings:
        raise SystemExit(f"{path.parent} holds results of other settings: give another folder")
    path.write_text(json.dumps(settings))


def processor():
    """Return the name of the processor, as Linux has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), "unknown")


def main(arguments=None):
    """Run the command line."""
    asked = parse(arguments)
    with contextlib.ExitStack() as stack:
        if asked.out is None:
            asked.out = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        results = train_all(asked)
        lines = list(report(results))
        print("\n".join(lines))
        if asked.page is not None:
            page = asked.page.read_text(encoding="utf-8")
            asked.page.write_text(with_tables(page, lines), encoding="utf-8")
        if asked.pictures is not None:
            import drawings

            drawings.draw_all(results, asked.out, asked.pictures)


if __name__ == "__main__":
    main()
