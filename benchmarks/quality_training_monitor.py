"""Print how verdicts of `TrainingMonitor` agree with what is known, and what an update costs.

    python benchmarks/quality_training_monitor.py [--runs 200] [--no-torch]

First, the traces of our own runs: on the problems of quality_verdict.py and on two real sets, with
stepsizes from 0.5 to 5000 over the smoothness and 64 to 20 000 steps. The monitor sees losses,
stepsizes and gradient norms, and once more the losses alone; its verdict is compared with
`Run.verdict`, which knows the weights and the data, too. A `stable` that is proved from these has a
row of its own: there the monitor may be `undecided`, because whatever it says is observed. That
is counted apart, as "left open". A contradiction is `stable` on one side and `unstable`, `cycling`
or `diverged` on the other, unless it is proved; `cycling` on data that the run has separated; and a
divergence that only one of them saw.

Then 60 training loops of PyTorch (needs `torch`) whose end is known, because each goes on for ten
times as long as the monitor sees it: logistic models and networks of 2 to 4 layers, with stepsizes
that are small, large and too large, most of them on all rows in each step, some on batches. False
is `stable` if the run diverges or cycles later, and `cycling` if it settles. What a run does later
is read off the last tenth of its losses on all rows: it "settles" if they never rise; otherwise it
"cycles" if their mean is not below nine tenths of that before the verdict, and else it "goes on". A
loss that stands still while the gradient does not vanish cycles, too. With batches only a rise of
more than 5 % counts.

At last the microseconds of an update, the least of five repeats.
"""

import argparse
import collections
import math
import time

import numpy as np

import lsgd_fast as lsgd
from quality_verdict import problem

VERDICTS = [str(verdict) for verdict in lsgd.Verdict]
BAD = {"unstable", "cycling", "diverged"}
NAMES = {True: "loss, stepsize and gradient norm", False: "the loss alone"}
N_LOOPS = 60
LONGER = 10  # times as many updates show how a run ends


def main():
    """Run the command line; the exit code is 1 if a figure is worse than it should be."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--no-torch", action="store_true")
    arguments = parser.parse_args()
    fine = compare_with_runs(arguments.runs)
    if not arguments.no_torch:
        fine &= compare_with_training()
    fine &= time_updates()
    return 0 if fine else 1


def compare_with_runs(n_runs):
    """Print the tables of our own runs; return whether they agree well."""
    tables = {True: collections.Counter(), False: collections.Counter()}
    contradictions = collections.Counter()
    for seed in range(n_runs):
        run = our_run(seed)
        proof = " (proved)" if is_proved(run) else ""
        for with_gradients, table in tables.items():
            monitor = fed(run.trace, with_gradients)
            assert run.verdict == "diverged" or monitor.n_increases == run.n_increases
            table[run.verdict + proof, str(monitor.verdict)] += 1
            if contradicts(run, monitor.verdict):
                contradictions[with_gradients] += 1
                print(f"contradiction: seed {seed}, {run.n_steps} steps, gradients "
                      f"{with_gradients}: {run.verdict}{proof}, {monitor.verdict}")  # fmt: skip
    fine = not contradictions
    for with_gradients, table in tables.items():
        agreed = sum(n for (run, found), n in table.items() if run.split()[0] == found)
        left_open = table["stable (proved)", "undecided"]
        print(f"\nOur runs, by {NAMES[with_gradients]}: of {n_runs} verdicts {agreed} agree, "
              f"{left_open} leave open what is proved, "
              f"{contradictions[with_gradients]} contradict")  # fmt: skip
        print_table("run", table)
        fine &= agreed + left_open >= 0.95 * n_runs
    return fine


def our_run(seed):
    """Return a run on a generated or a real problem."""
    rng = np.random.default_rng([seed, 2])
    if seed % 8 == 6:
        X, y = lsgd.datasets.digits_0_vs_8()
    elif seed % 8 == 7:
        X, y = breast_cancer()
    else:
        X, y = problem(seed, ("separable", "inseparable")[seed % 2])
    smoothness = 0.25 * np.linalg.norm(X, 2) ** 2 / len(X)
    eta = 10.0 ** rng.uniform(math.log10(0.5), math.log10(5000.0)) / smoothness
    n_steps = int(64.0 * (20_000 / 64) ** rng.uniform())
    return lsgd.gradient_descent(X, y, eta, n_steps)


def breast_cancer():
    """Return standardised breast_cancer, which is separable by a small margin."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return (X - X.mean(0)) / X.std(0), y


def is_proved(run):
    """Return whether the verdict of a run is a proof, by its evidence."""
    words = ("theory guarantees", "never increases", "do not move")
    return run.verdict == "stable" and any(word in run.evidence for word in words)


def fed(trace, with_gradients):
    """Return a monitor that was given a trace, and nothing where that has NaN."""
    monitor = lsgd.TrainingMonitor()
    for loss, eta, norm in zip(trace.loss, trace.stepsize, trace.gradient_norm, strict=True):
        if with_gradients and not math.isnan(eta + norm):
            monitor.update(loss, stepsize=eta, gradient_norm=norm)
        else:
            monitor.update(loss)
    return monitor


def contradicts(run, found):
    """Return whether a verdict of the monitor is against that of the run."""
    if (run.verdict == "diverged") != (found == "diverged"):
        return True
    if found == "cycling" and (run.separable or run.verdict == "stable"):
        return True
    if is_proved(run):
        return False  # the increases before the proof were observed
    return (found == "stable" and run.verdict in BAD) or (run.verdict == "stable" and found in BAD)


def print_table(left, table):
    """Print counts by a name on the left and the verdict of the monitor at the top."""
    print(f"  {left:<16}" + "".join(f"{name:>11}" for name in VERDICTS) + "   <- monitor")
    for row in sorted({row for row, _ in table}):
        print(f"  {row:<16}" + "".join(f"{table[row, name] or '.':>11}" for name in VERDICTS))


def compare_with_training():
    """Print the tables of the training loops; return whether few verdicts are false."""
    tables = {True: collections.Counter(), False: collections.Counter()}
    false = collections.Counter()
    for seed in range(N_LOOPS):
        loop = TrainingLoop(seed)
        end = loop.end()
        for with_gradients, table in tables.items():
            found = loop.verdict(with_gradients)
            table[end, found] += 1
            is_false = (found == "stable" and end in ("diverges", "cycles")) or (
                found == "cycling" and end == "settles"
            )
            false[with_gradients, found] += is_false
            if is_false:
                print(f"false: loop {seed} {NAMES[with_gradients]}: {found}, but it {end}")
    for with_gradients, table in tables.items():
        print(f"\nTraining loops of PyTorch, by {NAMES[with_gradients]}: of {N_LOOPS} verdicts "
              f"{false[with_gradients, 'stable']} are a false stable, "
              f"{false[with_gradients, 'cycling']} a false cycling")  # fmt: skip
        print_table("later it", table)
    return not any(false[key, "stable"] or false[key, "cycling"] > 3 for key in tables)


class TrainingLoop:
    """A network that is trained ten times as long as its monitor sees; every fifth on batches."""

    def __init__(self, seed):
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        rng = np.random.default_rng([seed, 3])
        self.n_batches = 3 if seed % 5 == 4 else 1
        self.n_seen = 450 if self.n_batches > 1 else (200, 400, 1200)[seed % 3]  # epochs
        self.eta = 10.0 ** rng.uniform(-0.5, 2.5)
        dtype = (torch.float32, torch.float64)[seed // 2 % 2]
        X, y = toy_classes(rng, flipped=0.2 * (seed // 8 % 2))
        self.X, self.y = torch.tensor(X, dtype=dtype), torch.tensor(y, dtype=dtype)
        activation = (torch.nn.Tanh, torch.nn.ReLU)[seed // 4 % 2]
        sizes = [X.shape[1], *[int(rng.integers(8, 24))] * (seed % 4), 1]
        layers = []
        for size, following in zip(sizes, sizes[1:], strict=False):
            layers += [torch.nn.Linear(size, following), activation()]
        self.net = torch.nn.Sequential(*layers[:-1]).to(dtype)
        self.losses, self.updates = [], []  # on all rows, by epoch; loss and norm, by update
        for _ in range(LONGER * self.n_seen):
            if not self.train_epoch(torch):
                break

    def train_epoch(self, torch):
        """Train for an epoch; return whether the loss is finite."""
        parameters = list(self.net.parameters())
        loss_of = torch.nn.functional.binary_cross_entropy_with_logits
        order = torch.randperm(len(self.y)) if self.n_batches > 1 else slice(None)
        X, y = self.X[order], self.y[order]
        size = -(-len(y) // self.n_batches)
        for start in range(0, len(y), size):
            rows = slice(start, start + size)
            loss = loss_of(self.net(X[rows])[:, 0], y[rows])
            gradient = torch.autograd.grad(loss, parameters)
            norm = float(torch.stack(torch._foreach_norm(gradient)).norm())
            self.updates.append((loss.item(), norm))
            with torch.no_grad():
                torch._foreach_add_(parameters, gradient, alpha=-self.eta)
        if self.n_batches > 1:
            with torch.no_grad():
                loss = loss_of(self.net(self.X)[:, 0], self.y)
        self.losses.append(loss.item())
        return math.isfinite(self.losses[-1])

    def end(self):
        """Return what the run does after its verdict, by the losses on all rows."""
        losses = np.array(self.losses)
        if not np.isfinite(losses).all():
            return "diverges"
        last, before = losses[-self.n_seen :], losses[self.n_seen // 2 : self.n_seen]
        rise = (1e-5 if self.n_batches == 1 else 0.05) * last[:-1]
        promise = self.eta * self.updates[-1][1] ** 2
        stands_still = np.ptp(last) <= 1e-6 * last.max() and promise > 1e-6 * last.max()
        if self.n_batches == 1 and stands_still:
            return "cycles"
        if not (np.diff(last) > rise).any():
            return "settles"
        return "cycles" if last.mean() > 0.9 * before.mean() else "goes on"

    def verdict(self, with_gradients):
        """Return the verdict on the first tenth of the run."""
        monitor = lsgd.TrainingMonitor(updates_per_epoch=self.n_batches)
        for loss, norm in self.updates[: self.n_seen * self.n_batches]:
            if with_gradients:
                monitor.update(loss, stepsize=self.eta, gradient_norm=norm)
            else:
                monitor.update(loss)
        return str(monitor.verdict)


def toy_classes(rng, flipped):
    """Return X and labels 0 and 1 by a random network, some of them flipped."""
    n, d = int(rng.integers(40, 120)), int(rng.integers(3, 10))
    X = rng.standard_normal((n, d))
    score = np.tanh(X @ rng.standard_normal((d, 4))) @ rng.standard_normal(4)
    return X, ((score > np.median(score)) ^ (rng.random(n) < flipped)).astype(float)


def time_updates(n_updates=20_000):
    """Print what an update costs; return whether it is at most 20 microseconds."""
    losses = [1.0 / (1.0 + t) for t in range(n_updates)]
    ways = {
        "loss alone": {},
        "loss, stepsize and gradient norm": {"stepsize": 1.0, "gradient_norm": 0.5},
    }
    slowest = 0.0
    print()
    for averaged in (1, 100):
        for name, known in ways.items():
            seconds = []
            for _ in range(5):
                monitor = lsgd.TrainingMonitor(updates_per_epoch=averaged)
                begun = time.process_time()
                for loss in losses:
                    monitor.update(loss, **known)
                seconds.append((time.process_time() - begun) / n_updates)
            slowest = max(slowest, min(seconds))
            print(f"An update with updates_per_epoch={averaged}, {name}: "
                  f"{1e6 * min(seconds):.1f} microseconds")  # fmt: skip
    return slowest <= 20e-6


if __name__ == "__main__":
    raise SystemExit(main())
