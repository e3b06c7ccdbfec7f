"""Descents that share every pass over X, each with its own stepsize rule."""

from lsgd_fast._engine.batch cimport Batch
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.descent cimport Descent, drive, measure_last, rows_of


def descend_together(request):
    """Run descents that share every pass; those that cannot run one by one and share the rows.

    These are runs of several columns, which fill a pass by themselves, in Gram space runs with
    first weights of their own, which have a Gram matrix each, and runs whose rule searches along
    the gradient between two passes.

    Parameters
    ----------
    request : SweepRequest

    Returns
    -------
    list of Run
    """
    ranks = request.descents[0].problem.ranks
    ranks.require_same("the number of stepsizes", len(request.descents))
    runs = [None] * len(request.descents)
    for gram in (True, False):
        group = [i for i, descent in enumerate(request.descents) if descent.gram is gram]
        if not group:
            continue
        first = request.descents[group[0]]
        all_alone = first.problem.is_multi or (gram and len(request.starts) > 1)
        alone = [i for i in group if all_alone or request.descents[i].rule.searches]
        together = [i for i in group if i not in alone]
        rows, held_out = rows_of(first)
        for members in [[i] for i in alone] + [together] * bool(together):
            for i, run in zip(members, run_batch(request, members, rows, held_out)):
                runs[i] = run
    return runs


cdef run_batch(request, list members, Rows rows, Rows held_out):
    """The runs with the numbers `members`, in one batch."""
    cdef Descent descent
    cdef list descents = []
    cdef Batch batch
    first = request.descents[members[0]]
    starts = request.starts[members] if len(request.starts) > 1 else request.starts
    log_domain = any([request.descents[i].rule.adaptive for i in members])
    batch = Batch(first.problem, starts, len(members), first.gram, log_domain, rows, held_out,
                  first.options.n_threads)
    for position, i in enumerate(members):
        descent = Descent.__new__(Descent)
        descent._join(batch, min(position, len(starts) - 1), request.descents[i])
        descents.append(descent)
    with batch.lock:
        drive(descents, request.n_steps)
        measure_last(descents)
    return [descent._run() for descent in descents]
