"""Random descents, and the same steps divided into calls at random."""

from pathlib import Path

import numpy as np

from lsgd_fast import Descent, Stop
from lsgd_fast._engine.descent import descend
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.requests import DescentOptions, TwoLayerOptions
from lsgd_fast.stepsizes import Constant, Schedule
from support.hashes import content
from support.rules import RULES
from support.sparse_cases import csr

MOST_STEPS = 150


class Interruption(Exception):
    """What a callback raises once."""


class Case:
    """A random descent: `fresh` starts it, `resumed` goes on from a file."""

    def __init__(self, rng):
        self.rng = rng
        n, d = int(rng.integers(4, 30)), int(rng.integers(1, 6))
        self.kind = str(rng.choice(["dense", "dense", "gram", "sparse", "softmax", "network"]))
        self.X = rng.standard_normal((n, d)) + rng.choice([0.0, 2.0])
        self.y = np.arange(n) % 2
        if rng.random() < 0.5:
            self.y = (self.X[:, 0] > np.median(self.X[:, 0])).astype(int)
        self.rule = RULES[rng.integers(len(RULES))]
        if rng.random() < 0.4 or (self.kind == "network" and not isinstance(self.rule, Schedule)):
            self.rule = Constant(float(10.0 ** rng.uniform(-1, 2)))
        self.options = {"record_every": int(rng.choice([1, 1, 2, 5]))}
        if rng.random() < 0.3 and self.rule.takes_l2:
            self.options["l2"] = 1e-3
        self.options["average"] = bool(rng.random() < 0.5)
        self._add_kind()
        self.n_steps = int(rng.choice([3, 17, 40, 80, MOST_STEPS]))
        self._add_validation(n)
        self.calls_back_every = int(rng.choice([0, 1, 2, 3, 7, 64]))  # 0: never
        self.ends_at = self.raises_at = -1
        if rng.random() < 0.3:
            self.ends_at = int(rng.integers(1, self.n_steps + 1))
        if rng.random() < 0.3:
            self.raises_at = int(rng.integers(1, self.n_steps + 1))
        if self.raises_at == self.ends_at:
            self.raises_at = -1  # it would not come to its answer
        self.options["stop"] = self._conditions()

    def _add_kind(self):
        kind, rng = self.kind, self.rng
        if kind == "gram":
            self.options["gram"] = not self.rule.adaptive and self.rule.n_vectors == 0
        elif kind == "sparse":
            self.X = csr(np.where(rng.random(self.X.shape) < 0.6, self.X, 0.0))
        elif kind == "softmax":
            self.y = np.arange(len(self.y)) % 3
            self.options["loss"] = "softmax"
        if kind != "network" and rng.random() < 0.4:
            self.options["fit_intercept"] = True

    def _add_validation(self, n):
        self.validation = None
        if self.rng.random() < 0.3 and self.kind != "sparse":
            chosen = self.rng.permutation(n)[: n // 2]
            if self.kind == "softmax":
                chosen = np.arange(3)
            self.validation = self.X[chosen] + 0.1, self.y[chosen]

    def _conditions(self):
        """Return conditions that the run may meet, from what it does without them."""
        self.options["stop"] = Stop()
        trace = self.whole(watched=False)[0].trace
        at = self.rng.integers(len(trace), size=2)
        possible = {
            "loss": float(trace.loss[at[0]]),
            "gradient_norm": float(trace.gradient_norm[at[1]]),
            "separated": True, "unstable_steps": int(self.rng.integers(1, self.n_steps + 1)),
            "cycling": self.kind != "network",
        }  # fmt: skip
        if self.validation is not None:
            possible["validation_patience"] = int(self.rng.integers(1, 6))
        share = self.rng.choice([0.15, 0.4])
        chosen = {name: value for name, value in possible.items() if self.rng.random() < share}
        if not 0.0 < chosen.get("gradient_norm", 1.0) < np.inf:
            del chosen["gradient_norm"]
        if not 0.0 <= chosen.get("loss", 0.0) < np.inf:
            del chosen["loss"]
        return Stop(**chosen)

    def callback(self, seen, interrupted):
        """Return a callback that notes what it sees, and raises once if it is `interrupted`."""

        def note(d):
            values = (d.loss, d.ln_loss, d.error_rate, d.min_margin, d.margin_bound)
            seen.append((d.n_steps, np.array(values).tobytes(), d.weights.tobytes(), d.evidence))
            if interrupted and d.n_steps == self.raises_at:
                raise Interruption
            return d.n_steps == self.ends_at

        return note if self.calls_back_every else None

    def fresh(self, callback):
        """Return the descent before its first step."""
        options = self.options | {"validation": self.validation, "callback": callback}
        if callback is not None:
            options["callback_every"] = self.calls_back_every
        if self.kind != "network":
            return Descent(self.X, self.y, self.rule, **options)
        stop = options.pop("stop")
        problem = Problem.check(self.X, self.y, l2=options.pop("l2", 0.0))
        network = TwoLayerOptions(4, "softplus", rng=0, start=None, stop=stop)
        given = DescentOptions(**options, gram=False, of_network=True)
        return descend(network.for_problem(problem, self.rule, given))

    def resumed(self, path, callback):
        """Return the descent that was saved."""
        return Descent.load(path, self.X, self.y, validation=self.validation, callback=callback)

    def whole(self, watched=True):
        """Return the run of one call, and what the callback saw."""
        seen = []
        descent = self.fresh(self.callback(seen, False) if watched else None)
        descent.step(self.n_steps)
        return descent.result(), seen

    def divided(self, folder):
        """Return the run of several calls, with looks, files and an exception on the way."""
        seen, path = [], Path(folder) / "checkpoint.npz"
        callback = self.callback(seen, True)
        descent = self.fresh(callback)
        longest = int(self.rng.choice([1, 2, 5, 60]))
        looks, saves = self.rng.choice([0.0, 0.0, 0.3, 1.0], 2)
        reason = None
        while descent.n_steps < self.n_steps and reason is None:
            left = self.n_steps - descent.n_steps
            try:
                reason = descent.step(min(left, int(self.rng.integers(longest + 1))))
            except Interruption:
                reason = None
            if self.rng.random() < looks:
                descent.result()
            if self.rng.random() < saves:
                descent.save(path)
                descent = self.resumed(path, callback)
        return descent.result(), seen


def differences(seed, folder):
    """Return how the divided run of a seed differs from the run of one call."""
    case = Case(np.random.default_rng(seed))
    (whole, told), (divided, seen) = case.whole(), case.divided(folder)
    expected, found = content(whole), content(divided)
    wrong = [name for name in expected if expected[name] != found[name]]
    return wrong + ["callback"] * (told != seen), case
