"""Diagnostics: the numbers that the verdict on a run depends on.

The classes of gradient descent and of `minimize` have the properties `verdict` and `evidence`, and
the method `to_dict`, which `diagnostics_from_dict` reverses.
"""

import math
import types
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from lsgd_fast._checks import shown
from lsgd_fast._constants import INCREASE_TOLERANCE
from lsgd_fast._pages.texts import ENGLISH
from lsgd_fast._results.verdict import DIVERGED, Verdict, find_evidence, find_verdict
from lsgd_fast._typing import Fact

__all__ = [
    "Diagnostics",
    "MinimizeDiagnostics",
    "check_counts",
    "check_type",
    "diagnostics_from_dict",
    "largest_curvature",
    "observed",
    "sharpness_bound",
]

MODELS = ("linear", "softmax", "network")


def sharpness_bound(stepsize, curvature, problem):
    """Return a stepsize times a bound of the sharpness of the objective.

    Parameters
    ----------
    stepsize : float
    curvature : float
        A bound of the mean of loss'' over the rows. Where it is zero, so is the sharpness of the
        loss, however long the rows are.
    problem : Problem
    """
    square = problem.margin_slope * problem.margin_slope
    return stepsize * ((curvature * square if curvature > 0.0 else 0.0) + problem.l2)


def largest_curvature(loss, value):
    """Return a bound of the mean of loss'' over the rows, by the mean of the loss.

    Parameters
    ----------
    loss : losses.Loss
    value : float
        The mean of the loss.
    """
    if loss.curvature_ratio == math.inf:
        return loss.curvature
    return min(loss.curvature_ratio * value, loss.curvature)


class _Diagnostics:
    """Checks of the fields, and the conversion to a dict."""

    kind = None  # the tag in files, set by each class

    def __post_init__(self) -> None:
        for field in fields(self):
            check_type(field.name, getattr(self, field.name), field.type, "diagnostics.")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, and the kind of the diagnostics under "kind"."""
        return {"kind": self.kind, **asdict(self)}

    @property
    def evidence(self) -> str:
        """The evidence for the verdict, a few sentences."""
        return _english(self.facts)


def _english(facts):
    return " ".join(ENGLISH(key, **values) for key, values in facts)


def observed(facts):
    """Return facts of losses alone in English, with the word that nothing more is known."""
    text = _english(facts)
    is_seen = facts[0][0].startswith("seen")
    return f"Observed: {text[0].lower()}{text[1:]}" if is_seen else text


@dataclass(frozen=True, kw_only=True)
class Diagnostics(_Diagnostics):
    """The diagnostics of a run of gradient descent; its verdict depends on nothing else.

    Attributes
    ----------
    n_steps : int
        Number of steps taken.
    penalised : bool
        Whether l2 > 0; otherwise the objective is the loss.
    diverged : bool
        Whether the loss or the weights left float64.
    separated_at, certified_at : int or None
        As in `Run`.
    is_small : bool
        Whether ``eta * (c R^2 + l2) <= 2`` for all stepsizes of the run, where c is the `curvature`
        of the loss. With such stepsizes the objective never increases.
    sharpness : float
        ``eta * (R^2 min(loss, 1/4) + l2)`` with the last loss and stepsize, for the logistic loss;
        other losses have other constants than 1 and 1/4. It bounds the stepsize times the sharpness
        from above, which must exceed 2 for oscillations to grow. Infinite for a network.
    is_at_rest : bool
        Whether the last gradient was exactly zero.
    n_increases : int
        Number of steps that increased the objective by more than rounding.
    last_increase : int
        The step of the last increase; 0 without any.
    largest_increase : float
        The largest ratio of the objectives after and before an increase; 1.0 without any.
    window : int
        The step at which the window that is judged begins. The window before began at half of it.
    window_increases : int
        Number of increases in the window.
    low, high : float
        The least and the largest objective in the window.
    fall : float
        The objective at the beginning of the window minus that at its end.
    promise : float
        Sum of ``eta * |gradient|^2`` over the steps of the window.
    earlier_promise : float
        Mean of ``eta * |gradient|^2`` over the steps of the window before.
    drift : float
        The distance between two weights, or two means of weights, divided by the length of the path
        between them. Without a penalty it is the least one found so far, and it proves that no
        direction has a margin above ``drift * R`` (``sqrt(2) * drift * R`` with softmax). With a
        penalty it is the least one in the last two whole windows. Infinite for a network.
    curvature : float, default 0.25
        The largest second derivative of the loss.
    is_covered : bool, default True
        Whether Theorem 1 applies, or its counterpart for softmax: a linear model, a constant
        stepsize, the logistic loss and no offsets.
    model : {"linear", "softmax", "network"}, default "linear"
        The model. Little is known of a network, because its loss is not convex.
    is_zero : bool, default False
        Whether the last loss was exactly 0, without a penalty.
    """

    kind = "gradient descent"

    n_steps: int
    penalised: bool
    diverged: bool
    separated_at: int | None
    certified_at: int | None
    is_small: bool
    sharpness: float
    is_at_rest: bool
    n_increases: int
    last_increase: int
    largest_increase: float
    window: int
    window_increases: int
    low: float
    high: float
    fall: float
    promise: float
    earlier_promise: float
    drift: float
    curvature: float = 0.25
    is_covered: bool = True
    model: str = "linear"
    is_zero: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model not in MODELS:
            raise ValueError(
                f"diagnostics.model must be one of {', '.join(map(repr, MODELS))}; "
                f"got {shown(self.model)}"
            )

    @property
    def rounding(self) -> float:
        """The difference of two objectives of the window that may be rounding."""
        return INCREASE_TOLERANCE * self.high

    @property
    def n_seen(self) -> int:
        """The number of steps, which is what must not be too small for a verdict."""
        return self.n_steps

    @property
    def verdict(self) -> Verdict:
        """The `Verdict` on the run."""
        return find_verdict(self)

    @property
    def facts(self) -> list[Fact]:
        """The evidence as facts, see `find_evidence`."""
        return find_evidence(self)


@dataclass(frozen=True, kw_only=True)
class MinimizeDiagnostics(_Diagnostics):
    """The diagnostics of a run of `minimize`; its verdict depends on nothing else.

    Attributes
    ----------
    n_steps : int
        Number of iterations.
    n_passes : int
        Number of reads of X, forward or backward; a step of gradient descent makes both in one.
    penalised : bool
        Whether l2 > 0.
    diverged : bool
        Whether the loss or the weights left float64.
    separated_at : int or None
        As in `Run`.
    converged : bool
        Whether the run ended because `entry_share` was at most `tol`.
    share : float
        The norm of the gradient of the objective divided by ``R * mean |loss'(z_i)|``, the norm
        that the gradient of the loss would have if all rows pointed the same way. It is the larger
        one of two ratios: by the weights, where R is that without an intercept, and by the
        intercepts, with 1 in place of R. NaN if no gradient was computed. Without a penalty no
        direction has a margin above ``share * R``, because the gradient along a unit vector of
        margin m is at least ``m * mean |loss'(z_i)|``.
    growing : str or None, default None
        What goes to infinity in a direction in which the loss is proved to fall for ever, in words.
    entry_share : float, default NaN
        The largest entry of the gradient of the objective over its size, which is what it would be
        if all rows pulled the same way: ``mean |x_ij| |loss'(z_i)| + l2 |w_j|``, with 1 for x_ij
        where w_j is an intercept. Sizes may be bounds from those of an earlier iteration where the
        run has converged, and otherwise as expected from these. NaN if they were not measured,
        because `share` was too large.
    n_increases, last_increase : int, default 0
        Number of iterations that increased the objective by more than rounding, and the last one;
        0 without any.
    """

    kind = "minimize"

    n_steps: int
    n_passes: int
    penalised: bool
    diverged: bool
    separated_at: int | None
    converged: bool
    share: float
    growing: str | None = None
    entry_share: float = math.nan
    n_increases: int = 0
    last_increase: int = 0

    @property
    def verdict(self) -> Verdict:
        """The `Verdict`: stable if the run converged, or separated the data without a penalty."""
        if self.diverged:
            return Verdict.diverged
        return Verdict.stable if self.converged or self._is_separated() else Verdict.undecided

    @property
    def facts(self) -> list[Fact]:
        """The evidence as facts, see `find_evidence`."""
        if self.diverged:
            return [DIVERGED]
        facts = [("seen_reads", {"n_steps": self.n_steps, "n_passes": self.n_passes})]
        if self.penalised or self.n_increases > 0:
            facts.append(self._increases())
        if self._is_separated():
            facts.append(("proved_separated_minimum", {"step": self.separated_at}))
        elif self.growing is not None:
            facts.append(("proved_no_minimum", {"growing": self.growing}))
        elif self.share == self.share:
            facts.append(self._gradient())
            if not self.penalised and self.share < 0.1:
                facts.append(("proved_margin", {"margin": self.share}))
        return facts

    def _increases(self):
        fields = {"name": "objective" if self.penalised else "loss"}
        if self.n_increases == 0:
            return "seen_no_increase", fields
        fields |= {"n_increases": self.n_increases, "last": self.last_increase}
        return "seen_iterations_up", fields

    def _gradient(self):
        if self.entry_share == self.entry_share:
            key = "seen_converged_entries" if self.converged else "open_gradient_entry"
            return key, {"share": self.entry_share}
        return "seen_converged" if self.converged else "open_gradient", {"share": self.share}

    def _is_separated(self):
        return self.separated_at is not None and not self.penalised


_CLASSES = {cls.kind: cls for cls in (Diagnostics, MinimizeDiagnostics)}


def diagnostics_from_dict(values):
    """Return the diagnostics that `to_dict` converted.

    Parameters
    ----------
    values : dict

    Returns
    -------
    Diagnostics or MinimizeDiagnostics

    Raises
    ------
    TypeError, ValueError
        If the values are those of no diagnostics.
    """
    values = dict(values)
    kind = values.pop("kind", None)
    if kind not in _CLASSES:
        raise ValueError(
            f"diagnostics.kind must be one of {', '.join(map(repr, _CLASSES))}; got {shown(kind)}"
        )
    known = {field.name for field in fields(_CLASSES[kind])}
    # older files lack what has a default
    required = {field.name for field in fields(_CLASSES[kind]) if field.default is MISSING}
    if not required <= values.keys() <= known:
        names = ", ".join(sorted((required - values.keys()) | (values.keys() - known)))
        raise ValueError(f"diagnostics has missing or unknown fields: {names}")
    found = _CLASSES[kind](**values)
    n_passes = values.pop("n_passes", 0)
    if n_passes < 0:
        raise ValueError(f"diagnostics.n_passes must not be negative; got {n_passes}")
    counters = [name for name, value in values.items() if type(value) is int]
    check_counts(values, counters, prefix="diagnostics.")
    return found


def check_type(name, value, expected, prefix=""):
    """Raise TypeError unless a value is of a type, or of one of a union; a bool is no int."""
    if not isinstance(value, expected) or (type(value) is bool) != (expected is bool):
        raise TypeError(f"{prefix}{name} must be {_in_words(expected)}; got {shown(value)}")


def check_counts(values, counters, positive=(), prefix=""):
    """Raise ValueError unless counters are from 0 to n_steps or None, and others positive."""
    for name in ("n_steps", *counters):
        if values[name] is not None and not 0 <= values[name] <= values["n_steps"]:
            raise ValueError(f"{prefix}{name} must be from 0 to n_steps; got {values[name]}")
    for name in positive:
        if values[name] < 1:
            raise ValueError(f"{prefix}{name} must be at least 1; got {values[name]}")


def _in_words(expected):
    """Return a type in words, such as "an int or None"."""
    if isinstance(expected, types.UnionType):
        return " or ".join(_in_words(part) for part in expected.__args__)
    if expected is type(None):
        return "None"
    return f"an {expected.__name__}" if expected is int else f"a {expected.__name__}"
