"""Paths of penalties on folds of the rows, whose minimisations share the reads of X."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lsgd_fast._core.threads import SERIAL_PASS_WORK, choose_threads
from lsgd_fast._engine.dataset import Rows
from lsgd_fast._engine.lbfgs import LBFGS
from lsgd_fast._engine.linear_map import LinearMap
from lsgd_fast._engine.score_line import ScoreLine
from lsgd_fast._inputs.labels import check_sample_weight
from lsgd_fast._methods.line_search import Engine
from lsgd_fast._methods.quasi_newton import Path, gradient_of_loss, minimisation
from lsgd_fast._results.predictions import add_offset
from lsgd_fast._results.run import Run

__all__ = ["Fold", "FoldFit", "minimize_folds"]

MAX_COLUMNS = 24  # of weights, of all folds that are fitted together: more share hardly more


class Fold(NamedTuple):
    """The rows of a fold."""

    weight: np.ndarray  # (n,): 0 for rows that the fold leaves out
    test: np.ndarray  # numbers of the rows whose scores are asked for


class FoldFit(NamedTuple):
    """The minimisation of one penalty on the rows of one fold."""

    run: Run
    scores: np.ndarray  # of the rows `test`, with offsets: (n_test,), or (n_test, K) of K classes


def minimize_folds(problem, folds, l2s, options):
    """Minimise the objective on the rows of each fold, along a path of penalties.

    A row that a fold leaves out has weight 0 there, so that all folds have the same X. Their
    minimisations wait for one another, and each read of X serves all of them. The scores of all
    rows are known at the end of each.

    Parameters
    ----------
    problem : Problem
        Of all rows, in one process.
    folds : sequence of Fold
        Each with rows of every class that have weight.
    l2s : sequence of sequences of float
        For each fold the penalties, positive; each minimisation but the first begins where the one
        before ended, with its memory of the curvature, and goes on in the direction of the path.
    options : MinimizeOptions

    Returns
    -------
    list of lists of FoldFit
        For each fold its fits.
    """
    rows, n = Rows(problem), len(problem.X)
    k = problem.model.columns
    n_threads = choose_threads(
        options.n_threads, n, problem.d, rows.n_leaves, k * len(folds),
        serial_work=SERIAL_PASS_WORK,
    )  # fmt: skip
    shared = _SharedMap(rows, k, n_threads)
    found = [[] for _ in folds]
    together = max(1, MAX_COLUMNS // k)
    for first in range(0, len(folds), together):
        walks, factors = [], []
        for i in range(first, min(first + together, len(folds))):
            part, test = _of_fold(problem, folds[i]), folds[i].test
            walks.append(_walk(part, l2s[i], options, rows, n_threads, test, found[i]))
            factors.append(problem.total_weight / part.total_weight)
        _run_together(walks, factors, shared)
    return found


def _run_together(walks, factors, shared):
    """Run minimisations to their ends; all that wait for products of one name share a read of X."""
    waiting = {i: product for i, walk in enumerate(walks) if (product := next(walk, None))}
    while waiting:
        # backward first, after which all wait for forward
        names = {product.name for product in waiting.values()}
        name = next(name for name in ("rmatvec", "sizes", "matvec") if name in names)
        ready = [i for i, product in waiting.items() if product.name == name]
        shared.compute([waiting.pop(i) for i in ready], [factors[i] for i in ready])
        for i in ready:
            product = next(walks[i], None)
            if product is not None:
                waiting[i] = product


def _of_fold(problem, fold):
    """Return the problem with the weights of a fold; its R stays that of all rows."""
    n = len(fold.weight)
    weight, total_weight = check_sample_weight(fold.weight, n, n)
    weight.setflags(write=False)
    part = replace(problem.without_offset(), weight=weight, total_weight=total_weight)
    return part.with_offset(problem.offset)  # whose largest is that of the rows of the fold


def _walk(problem, l2s, options, rows, n_threads, test, fits):
    """Minimise for one penalty after the other; yield the products with X that this takes."""
    request = options.for_problem(problem.with_penalty(l2s[0]), None)
    of_rows = problem.weight, problem.y, problem.total_weight
    sizes = request.n_penalised, request.n_pairs, request.k
    engine = Engine(
        linear_map=None,  # the caller computes the products
        score_line=ScoreLine(*of_rows, request.k, n_threads, rows, offset=problem.offset),
        lbfgs=LBFGS(request.start, request.unit, l2s[0], *sizes),
        n_threads=n_threads,
    )
    line, lbfgs, run, path = engine.score_line, engine.lbfgs, None, Path()
    for l2 in l2s:
        if run is not None:
            if np.isnan(run.trace.gradient_norm[-1]):  # it ended without the last gradient
                yield from gradient_of_loss(engine, request)
                lbfgs.update()
            lbfgs.change_penalty(l2)
            problem = request.problem.with_penalty(l2)
            request = replace(request, problem=problem, start=lbfgs.weights.copy())
        run = yield from minimisation(engine, request, path=path)
        scores = line.scores[:, test]
        scores = scores.T if request.n_classes else scores[0]
        known = None if problem.offset is None else problem.offset[test]
        fits.append(FoldFit(run, add_offset(scores, known)))


class _SharedMap:
    """Products with the same X of several minimisations, of k columns each."""

    def __init__(self, rows, k, n_threads):
        self.rows, self.k, self.n_threads, self.maps = rows, k, n_threads, {}

    def compute(self, products, factors):
        """Compute products of one name in one read of X.

        Parameters
        ----------
        products : list of Product
        factors : list of float
            For each the total weight of all rows over that of its own.
        """
        count, backward = len(products), products[0].name != "matvec"
        if count not in self.maps:
            self.maps[count] = LinearMap(self.rows, count * self.k, self.n_threads)
        if count == 1:
            products[0].compute(self.maps[1])
        elif backward:
            self._rmatvec(self.maps[count], products)
        else:
            self._matvec(self.maps[count], products)
        if backward:
            for product, factor in zip(products, factors, strict=True):
                np.multiply(product.target, factor, out=product.target)

    def _matvec(self, linear_map, products):
        columns = [product.source.reshape(-1, self.k) for product in products]
        scores = np.empty((len(products) * self.k, products[0].target.shape[1]))
        linear_map.matvec(np.concatenate(columns, axis=1).ravel(), scores)
        for i, product in enumerate(products):
            product.target[:] = scores[i * self.k : (i + 1) * self.k]

    def _rmatvec(self, linear_map, products):
        row_gradients = np.concatenate([product.source for product in products])
        gradients = np.empty((products[0].target.size // self.k, len(row_gradients)))
        getattr(linear_map, products[0].name)(row_gradients, gradients.ravel())
        for i, product in enumerate(products):
            product.target[:] = gradients[:, i * self.k : (i + 1) * self.k].ravel()
