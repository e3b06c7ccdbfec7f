"""How a minimisation ended: its verdict, and what that rests on, in words."""

from dataclasses import dataclass, fields

from lsgd_fast._results.verdict import Verdict

__all__ = ["Ending"]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What a run of `minimize` showed; the counterpart of `Diagnostics`.

    Attributes
    ----------
    n_steps : int
        Iterations.
    n_passes : int
        Reads of X, forward or backward: half of what a step of gradient descent does.
    penalised : bool
        Whether l2 > 0.
    diverged : bool
        Whether the loss or the weights left float64.
    separated_at : int or None
        As in `Run`.
    converged : bool
        Whether the run ended because `share` was at most `tol`.
    share : float
        Norm of the gradient of the objective over that which the gradient of the loss would have if
        all rows pulled the same way with all their length, ``R * mean |loss'(z_i)|``: by the
        weights, with R without an intercept, or by the intercepts, with 1 for R, if that is more.
        NaN if no gradient was computed. Without a penalty no direction has a margin above
        ``share * R``: along a unit vector of margin m the gradient is at least
        ``m * mean |loss'|``.
    """

    n_steps: int
    n_passes: int
    penalised: bool
    diverged: bool
    separated_at: int | None
    converged: bool
    share: float

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, field.type) or (type(value) is bool) != (field.type is bool):
                raise TypeError(f"diagnostics.{field.name} is {value!r}")

    @property
    def verdict(self):
        """A `Verdict`: `stable` where the run converged or separated the data without a penalty."""
        if self.diverged:
            return Verdict.diverged
        separated = self.separated_at is not None and not self.penalised
        return Verdict.stable if self.converged or separated else Verdict.undecided

    @property
    def evidence(self):
        """What the verdict rests on, in words."""
        if self.diverged:
            return "The loss or the weights left the range of float64."
        told = [f"{_count(self.n_steps, 'iteration')}, {_count(self.n_passes, 'read')} of X."]
        if self.separated_at is not None and not self.penalised:
            told.append(
                f"The data were separated at iteration {self.separated_at}: longer weights of the "
                "same direction have a loss as small as you like."
            )
        elif self.share == self.share:
            word = "Converged" if self.converged else "Not converged"
            told.append(
                f"{word}: the gradient is {self.share:.2g} of what the rows would make if they "
                "all pulled the same way."
            )
            if not self.penalised and self.share < 0.1:
                told.append(f"No direction has a margin above {self.share:.2g} R.")
        return " ".join(told)


def _count(number, noun):
    return f"{number} {noun}{'s' * (number != 1)}"
