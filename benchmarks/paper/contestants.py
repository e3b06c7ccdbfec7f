"""Methods of the comparison: each with the passes over X that it takes to three ends."""

import importlib.util
import math

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast.stepsizes import (
    AdGD,
    Anytime,
    Armijo,
    BarzilaiBorwein,
    DualMomentum,
    InverseLoss,
    Nesterov,
    NormalizedGradient,
    Polyak,
    RiskAdaptive,
    Silver,
    Tyurin,
)

__all__ = ["ENDS", "LOSS", "SHARE", "Ends", "contest", "curvature"]

LOSS = 1e-8
SHARE = 0.99  # of the margin of the data
ENDS = ("zero error", "loss", "margin")
STEPSIZES = 10.0 ** np.arange(0.0, 6.01, 0.125)
ETAS = 10.0 ** np.arange(0.0, 6.01, 0.5)
ETA_MAX = 1e12  # of Armijo: above any step that will do, as a limit would end the linear rate
RECORD = ("ln_loss", "min_margin", "weight_norm")


class Ends:
    """When a method came to the three ends, in passes over X, and the margin that it had.

    Feed it what is known after so many passes; the first time counts.
    """

    def __init__(self, margin):
        self.margin = margin
        self.passes = dict.fromkeys(ENDS)
        self.share = None  # of the margin, when the loss was small

    def see(self, passes, ln_loss, least, length):
        """Take arrays: passes made, logarithm of the loss, least margin, norm of the weights."""
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = np.where(length > 0.0, least / length, -np.inf) / self.margin
        met = (least > 0.0, ln_loss <= math.log(LOSS), shares >= SHARE)
        for end, here in zip(ENDS, met, strict=True):
            found = np.flatnonzero(here & np.isfinite(length))
            if len(found) and self.passes[end] is None:
                self.passes[end] = int(passes[found[0]])
                if end == "loss":
                    self.share = float(shares[found[0]])
        return self

    def record(self, **more):
        """Return what the numbers say of it."""
        return {**self.passes, "share of the margin at that loss": self.share, **more}


def curvature(data):
    """Return the largest curvature of the loss, which it has at 0."""
    return float(np.linalg.norm(data.X, 2) ** 2 / (4.0 * len(data.y)))


def contest(data, margin, cap):
    """Return {method: record} for all methods, of `cap` passes at most; rows of X within 1."""
    L = curvature(data)
    fixed = {
        "GD, 1/L": 1.0 / L,
        "silver": Silver(L),
        "anytime": Anytime(L),
        "Polyak": Polyak(),
        "AdGD": AdGD(),
        "Barzilai–Borwein": BarzilaiBorwein(),
        "Nesterov, 1/L": Nesterov(1.0 / L),
    }
    families = {"GD": (float, STEPSIZES), "normalised gradient": (NormalizedGradient, ETAS)}
    families |= {"Tyurin": (Tyurin, ETAS), "risk-adaptive": (RiskAdaptive, ETAS)}
    families |= {"η / loss": (InverseLoss, ETAS)}
    found = sweep(data, margin, fixed, families, cap, "logistic")
    families = {"softmax weights": (RiskAdaptive, ETAS)}
    found |= sweep(data, margin, {"dual momentum": DualMomentum()}, families, cap, "exponential")
    found["Armijo, η_max = 10¹²"] = by_search(data, margin, cap)
    found["quasi-Newton"] = by_minimize(data, margin, cap)
    if importlib.util.find_spec("scipy") is not None:
        found["SciPy L-BFGS, m = 10"] = by_scipy(data, margin, cap, 10)
        found["SciPy L-BFGS, m = 30"] = by_scipy(data, margin, cap, 30)
    return found


def sweep(data, margin, fixed, families, cap, loss):
    """Run rules, and families of them, in one sweep; w_t is seen by pass t + 1."""
    rules, owners = list(fixed.values()), [(name, None) for name in fixed]
    for name, (rule, etas) in families.items():
        for eta in etas.tolist():
            rules.append(rule(eta))
            owners.append((name, eta))
    runs = lsgd.stepsize_sweep(data.X, data.y, rules, cap - 1, loss=loss, record=RECORD)
    found, members = {}, {name: [] for name in families}
    for (name, eta), run in zip(owners, runs, strict=True):
        trace = run.trace
        ends = Ends(margin).see(trace.step + 1, trace.ln_loss, trace.min_margin, trace.weight_norm)
        if eta is None:
            found[name] = ends.record()
        else:
            members[name].append(ends.record(eta=eta))
    for name, runs in members.items():
        if name != "GD":
            found[f"{name}, η = 1"] = next(run for run in runs if run["eta"] == 1.0)
        found[f"{name}, best η"] = best(runs)
        found[f"{name}, best η"]["runs"] = runs
    return found


def best(runs):
    """Return the fewest passes to each end, whichever of the runs that is, and whose they are."""
    found = Ends(None).record() | {"eta": dict.fromkeys(ENDS)}
    for end in ENDS:
        there = [run for run in runs if run[end] is not None]
        if there:
            first = min(there, key=lambda run: run[end])
            found[end], found["eta"][end] = first[end], first["eta"]
            if end == "loss":
                key = "share of the margin at that loss"
                found[key] = first[key]
    return found


def by_search(data, margin, cap):
    """Run Armijo's rule: two passes a step, so that w_t is seen by pass 2 t + 1."""
    rule = Armijo(ETA_MAX)
    run = lsgd.gradient_descent(data.X, data.y, rule, (cap - 1) // 2, record=RECORD)
    trace, ends = run.trace, Ends(margin)
    passes = 2 * trace.step + 1
    return ends.see(passes, trace.ln_loss, trace.min_margin, trace.weight_norm).record()


def by_minimize(data, margin, cap):
    """Run `minimize`; it ends when it has separated, and weights grow until the loss is small."""
    run = lsgd.minimize(data.X, data.y, max_passes=cap, stop=lsgd.Stop(loss=LOSS))
    trace = run.trace
    # A row counts the reads of its step, too: the scores of w_t were known after those before it.
    reads = np.append(0, trace.passes[:-1])
    ends = Ends(margin).see(reads, trace.ln_loss, trace.min_margin, trace.weight_norm)
    return ends.record(ended=run.stop_reason)


def by_scipy(data, margin, cap, memory):
    """Run SciPy's L-BFGS: an evaluation, with its gradient, is a pass."""
    from scipy.optimize import minimize

    Z = data.y[:, None] * data.X
    ends, passes = Ends(margin), 0

    def evaluate(w):
        nonlocal passes
        passes += 1
        z = Z @ w
        losses = np.logaddexp(0.0, -z)
        loss = losses.mean()
        seen = (passes, np.log(loss), z.min(), np.linalg.norm(w))
        ends.see(*(np.array([value]) for value in seen))
        return loss, -(np.exp(-z - losses) @ Z) / len(z)  # exp(-z - losses) = sigmoid(-z)

    options = {"maxcor": memory, "maxfun": cap, "maxiter": cap, "ftol": 0.0, "gtol": 0.0}
    with np.errstate(all="ignore"):
        start = np.zeros(Z.shape[1])
        ended = minimize(evaluate, start, jac=True, method="L-BFGS-B", options=options)
    return ends.record(ended=str(ended.message), passes=passes)
