"""Train all networks of one shape, and write down what they did."""

import json
import math
import time
from dataclasses import dataclass

import numpy as np
import torch

from batch import Batch
from series import summarise

__all__ = ["Shape", "begin_worker", "check_gradients", "read_records", "train", "work"]

DROP_EVERY = 10  # steps after which diverged networks leave the batch
ROUNDING = 1e-4  # by which gradients of float32 may differ, relative to their norm


@dataclass(frozen=True)
class Shape:
    """What all networks of a batch have in common."""

    data: str
    activation: str
    depth: int
    width: int


def train(shape, rows, stepsizes, seeds, n_steps, n_continued=0, dtype="float32"):
    """Train a network for each stepsize and seed.

    Parameters
    ----------
    shape : Shape
    rows : Rows
    stepsizes, seeds : sequence
    n_steps : int
    n_continued : int
        If it is more than `n_steps`, the networks of the first seed go on to this step.

    Returns
    -------
    list of dict
        A record of each network: its stepsize and seed, the losses and gradient norms of all steps
        (NaN once it has diverged), and what was measured at `n_steps` and a few steps before.
    """
    numpy_dtype, dtype = np.dtype(dtype), getattr(torch, dtype)
    runs = [(float(stepsize), int(seed)) for stepsize in stepsizes for seed in seeds]
    tensors = [
        torch.tensor(np.ascontiguousarray(array.T), dtype=dtype)
        for array in (rows.X, rows.y, rows.X_held_out, rows.y_held_out)
    ]
    X, y, *held_out = tensors
    batch = Batch.begin(len(X), shape.width, shape.depth, runs, shape.activation, dtype)
    records = [{"stepsize": stepsize, "seed": seed, "errors": {}} for stepsize, seed in runs]
    for record in records:
        n_last = max(n_continued, n_steps) if record["seed"] == seeds[0] else n_steps
        record["losses"] = np.full(n_last + 1, math.nan, numpy_dtype)
        record["norms"] = np.full(n_last + 1, math.nan, numpy_dtype)
    active = np.arange(len(runs))
    checks = measured_steps(n_steps)
    for step in range(max(n_steps, n_continued) + 1):
        if step in checks:
            _measure(batch, X, held_out, step, [records[i] for i in active], step == n_steps)
        losses, norms = (found.numpy() for found in batch.step(X, y))
        for i, loss, norm in zip(active, losses, norms, strict=True):
            records[i]["losses"][step], records[i]["norms"][step] = loss, norm
        if step % DROP_EVERY == 0 or step == n_steps:
            goes_on = np.isfinite(losses)
            if step >= n_steps:
                goes_on &= [records[i]["seed"] == seeds[0] for i in active]
            if not goes_on.any():
                break
            if not goes_on.all():
                batch, active = batch.kept(torch.tensor(goes_on)), active[goes_on]
    return records


def measured_steps(n_steps):
    """Return the steps at which held-out rows are looked at: 0, powers of two, and the last."""
    return {0, n_steps, *(2**k for k in range(n_steps.bit_length()) if 2**k < n_steps)}


def _measure(batch, X, held_out, step, records, at_the_end):
    for record, error in zip(records, batch.error_rates(*held_out).tolist(), strict=True):
        record["errors"][str(step)] = error
    if at_the_end:
        found = zip(
            records, batch.dead_shares(X).tolist(), batch.are_constant(X).tolist(), strict=True
        )
        for record, dead, constant in found:
            record["dead"], record["constant"] = dead, constant


def begin_worker():
    """Take one thread: many small products gain nothing from more, and the bits stay the same."""
    torch.set_num_threads(1)


def work(task):
    """Train the networks of a shape and write what they did to two files, unless they are there.

    The file `.npz` holds the records, `.json` their summaries: without the latter alone, nothing is
    trained again. Return the file of summaries, and whether anything was trained.
    """
    path, names, rows, options = task
    summaries, is_new = path.with_suffix(".json"), not path.exists()
    began = time.process_time()
    if is_new:
        records = train(Shape(*names), rows, **options)
        write_records(path, records, time.process_time() - began)
    if is_new or not summaries.exists():
        records, seconds = read_records(path)
        found = {
            "shape": names,
            "train_seconds": seconds,
            "runs": [summarise(record, options["n_steps"]) for record in records],
        }
        summaries.write_text(json.dumps(found))
    return summaries, is_new


def write_records(path, records, seconds):
    """Write records without pickle, and the seconds of CPU that they took."""
    arrays = {f"losses{i}": record["losses"] for i, record in enumerate(records)}
    arrays |= {f"norms{i}": record["norms"] for i, record in enumerate(records)}
    others = [
        {name: value for name, value in record.items() if name not in ("losses", "norms")}
        for record in records
    ]
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, others=json.dumps(others), seconds=seconds, **arrays)
    partial.replace(path)


def read_records(path):
    """Return the records of a file, and the seconds of CPU that they took."""
    with np.load(path) as stored:
        records = json.loads(str(stored["others"]))
        for i, record in enumerate(records):
            record |= {"losses": stored[f"losses{i}"], "norms": stored[f"norms{i}"]}
        return records, float(stored["seconds"])


def check_gradients(rows, depth=3, width=16):
    """Return the largest difference between gradients of a batch and of torch modules.

    Relative to the norm of the gradient. It raises if they differ by more than rounding.
    """
    X = torch.tensor(np.ascontiguousarray(rows.X.T), dtype=torch.float32)
    y = torch.tensor(rows.y, dtype=torch.float32)
    worst = 0.0
    for activation, module in (("relu", torch.nn.ReLU), ("gelu", torch.nn.GELU)):
        runs = [(0.1, 0), (1.0, 1), (10.0, 2)]
        batch = Batch.begin(len(X), width, depth, runs, activation)
        for _ in range(3):  # the biases are 0 before the first step
            batch.step(X, y)
        losses, gradients = batch.gradients(X, y)
        for k in range(len(runs)):
            own = [tensor[k].detach() for tensor in batch.parameters]
            network = _as_module(own, module)
            loss = torch.nn.functional.softplus(-y * network(X.T)[:, 0]).mean()
            theirs = torch.autograd.grad(loss, list(network.parameters()))
            ours = [
                gradient[k].reshape(g.shape) for gradient, g in zip(gradients, theirs, strict=True)
            ]
            norm = math.sqrt(sum(float(g.square().sum()) for g in theirs))
            far = [float((a - b).norm()) / norm for a, b in zip(ours, theirs, strict=True)]
            worst = max(worst, *far, abs(float(loss.detach() / losses[k]) - 1.0))
    if not worst <= ROUNDING:
        raise AssertionError(f"the gradients of a batch differ from those of torch by {worst:.2g}")
    return worst


def _as_module(parameters, activation):
    """Return a plain network of torch with these weights and biases."""
    layers = []
    for weights, biases in zip(parameters[::2], parameters[1::2], strict=True):
        linear = torch.nn.Linear(weights.shape[1], weights.shape[0])
        with torch.no_grad():
            linear.weight.copy_(weights)
            linear.bias.copy_(biases[:, 0])
        layers += [linear, activation()]
    return torch.nn.Sequential(*layers[:-1])
