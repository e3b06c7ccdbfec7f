"""Networks of one shape that are trained together: every tensor has a first axis of networks.

All train on the same rows by gradient descent on the mean logistic loss of all rows, each from
weights and with a stepsize of its own. Nothing passes from one network to another, so the gradient
of the sum of their losses holds the gradient of each.

Scores are columns: a layer computes ``weights @ inputs + biases`` with one column a row of data.
Hidden weights are drawn from N(0, 2 / inputs) as He et al. (2015) have it, those of the last layer
from N(0, 1 / inputs), and biases are 0. The parametrisation is the standard one: no factor depends
on the width besides these variances, and all parameters share one stepsize.
"""

import math

import numpy as np
import torch
from torch.nn import functional

__all__ = ["ACTIVATIONS", "Batch"]

CONSTANT = 1e-5  # the spread of scores, relative to the largest one, that is rounding of float32
ACTIVATIONS = {"relu": torch.relu, "gelu": functional.gelu}


def first_parameters(n_inputs, width, depth, seed):
    """Return the weights and biases of one network of `depth` layers of weights, as arrays."""
    rng = np.random.default_rng([seed, depth, width])
    sizes = [n_inputs, *[width] * (depth - 1), 1]
    made = []
    for layer, (before, after) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), 1):
        variance = (1.0 if layer == depth else 2.0) / before
        weights = math.sqrt(variance) * rng.standard_normal((after, before))
        made += [weights, np.zeros((after, 1))]
    return made


class Batch:
    """Networks of one shape and the stepsize of each.

    Parameters
    ----------
    parameters : list of tensors
        Weights and biases in turn, each with a first axis of networks.
    stepsizes : tensor
    activation : str
    """

    def __init__(self, parameters, stepsizes, activation):
        self.parameters = [tensor.requires_grad_() for tensor in parameters]
        self.stepsizes = stepsizes
        self.activation = activation

    @classmethod
    def begin(cls, n_inputs, width, depth, runs, activation, dtype=torch.float32):
        """Return networks at their first weights; `runs` holds (stepsize, seed)."""
        seeds = {seed: first_parameters(n_inputs, width, depth, seed) for _, seed in runs}
        columns = zip(*(seeds[seed] for _, seed in runs), strict=True)
        parameters = [torch.tensor(np.stack(arrays), dtype=dtype) for arrays in columns]
        stepsizes = torch.tensor([stepsize for stepsize, _ in runs], dtype=dtype)
        return cls(parameters, stepsizes, activation)

    def __len__(self):
        return len(self.stepsizes)

    def kept(self, chosen):
        """Return a batch of some of the networks, given by a mask."""
        with torch.no_grad():
            parameters = [tensor[chosen].clone() for tensor in self.parameters]
        return Batch(parameters, self.stepsizes[chosen], self.activation)

    def layers(self, X):
        """Yield what the units of each layer return for `X`, (inputs, rows); the scores last."""
        found = X.expand(len(self), *X.shape)
        last = len(self.parameters) // 2
        pairs = zip(self.parameters[::2], self.parameters[1::2], strict=True)
        for layer, (weights, biases) in enumerate(pairs, 1):
            found = torch.baddbmm(biases, weights, found)
            if layer < last:
                found = ACTIVATIONS[self.activation](found)
            yield found

    def scores(self, X):
        """Return the scores, (networks, rows)."""
        *_, found = self.layers(X)
        return found[:, 0]

    def losses(self, X, y):
        """Return the mean logistic loss of each network."""
        return functional.softplus(-y * self.scores(X)).mean(dim=1)

    def gradients(self, X, y):
        """Return the losses, and the gradient by each tensor of parameters."""
        losses = self.losses(X, y)
        return losses.detach(), torch.autograd.grad(losses.sum(), self.parameters)

    def step(self, X, y):
        """Make one step; return losses and gradient norms before it."""
        losses, gradients = self.gradients(X, y)
        with torch.no_grad():
            squares = sum(gradient.square().sum(dim=(1, 2)) for gradient in gradients)
            for tensor, gradient in zip(self.parameters, gradients, strict=True):
                tensor.sub_(gradient.mul_(self.stepsizes[:, None, None]))
        return losses, squares.sqrt()

    @torch.no_grad()
    def error_rates(self, X, y):
        """Return the share of rows that each network has on the wrong side, or on the boundary."""
        return 1.0 - (y * self.scores(X) > 0.0).double().mean(dim=1)

    @torch.no_grad()
    def dead_shares(self, X):
        """Return the share of hidden units of each network that return 0 for all rows."""
        *hidden, _ = self.layers(X)
        dead = [(layer == 0.0).all(dim=2) for layer in hidden]
        return torch.cat(dead, dim=1).double().mean(dim=1)

    @torch.no_grad()
    def are_constant(self, X):
        """Return whether each network has the same score for all rows, but for rounding.

        Infinite scores are not the same: a network may have them on the right side of all rows.
        """
        scores = self.scores(X)
        spread = scores.amax(dim=1) - scores.amin(dim=1)
        return (spread <= CONSTANT * scores.abs().amax(dim=1)) & spread.isfinite()
