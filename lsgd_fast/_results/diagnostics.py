"""Diagnostics: the numbers that the verdict on a run depends on.

The classes of gradient descent and of `minimize` have the properties `verdict` and `evidence`, and
the method `to_dict`, which `diagnostics_from_dict` reverses.
"""

import math
import types
from dataclasses import MISSING, asdict, dataclass, fields

from lsgd_fast._checks import shown
from lsgd_fast._results.verdict import DIVERGED, Verdict, find_verdict, write_evidence
from lsgd_fast._text import counted

__all__ = [
    "Diagnostics",
    "MinimizeDiagnostics",
    "check_counts",
    "check_type",
    "diagnostics_from_dict",
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


class _Diagnostics:
    """Checks of the fields, and the conversion to a dict."""

    kind = None  # the tag in files, set by each class

    def __post_init__(self):
        for field in fields(self):
            check_type(field.name, getattr(self, field.name), field.type, "diagnostics.")

    def to_dict(self):
        """Return the fields by name, and the kind of the diagnostics under "kind"."""
        return {"kind": self.kind, **asdict(self)}


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
        Whether Theorem 1 applies: a linear model, a constant stepsize, the logistic loss and no
        offsets.
    model : {"linear", "softmax", "network"}, default "linear"
        The model. Little is known of a network, because its loss is not convex.
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

    def __post_init__(self):
        super().__post_init__()
        if self.model not in MODELS:
            raise ValueError(
                f"diagnostics.model must be one of {', '.join(map(repr, MODELS))}; "
                f"got {shown(self.model)}"
            )

    @property
    def verdict(self):
        """The `Verdict` on the run."""
        return find_verdict(self)

    @property
    def evidence(self):
        """The evidence for the verdict, a few sentences."""
        return write_evidence(self)


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
    def verdict(self):
        """The `Verdict`: stable if the run converged, or separated the data without a penalty."""
        if self.diverged:
            return Verdict.diverged
        return Verdict.stable if self.converged or self._is_separated() else Verdict.undecided

    @property
    def evidence(self):
        """The evidence for the verdict, a few sentences."""
        if self.diverged:
            return DIVERGED
        sentences = [
            f"{counted(self.n_steps, 'iteration')}, {counted(self.n_passes, 'read')} of X."
        ]
        if self.penalised or self.n_increases > 0:
            sentences.append(self._describe_increases())
        if self._is_separated():
            sentences.append(
                f"The data were separated at iteration {self.separated_at}: longer weights of the "
                "same direction have a loss as small as you like."
            )
        elif self.growing is not None:
            sentences.append(
                f"The loss has no minimum: it falls for ever as {self.growing} to infinity. A "
                "penalty (l2 > 0) gives it one; lsgd_fast.separation shows the rows."
            )
        elif self.share == self.share:
            sentences.append(self._describe_gradient())
            if not self.penalised and self.share < 0.1:
                sentences.append(f"No direction has a margin above {self.share:.2g} R.")
        return " ".join(sentences)

    def _describe_increases(self):
        name = "objective" if self.penalised else "loss"
        if self.n_increases == 0:
            return f"The {name} never increased."
        times = counted(self.n_increases, "time")
        return f"The {name} increased {times}, last in iteration {self.last_increase}."

    def _describe_gradient(self):
        state = "Converged" if self.converged else "Not converged"
        by_feature, share = "", self.share
        if self.entry_share == self.entry_share:
            share = self.entry_share
            by_feature = " by each feature" if self.converged else " by some feature"
        most = " at most" if by_feature and self.converged else ""
        return (
            f"{state}: the gradient{by_feature} is{most} {share:.2g} of what the rows would make "
            "if they all pulled the same way."
        )

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
