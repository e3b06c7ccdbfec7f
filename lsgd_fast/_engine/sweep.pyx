"""Descents that share every pass over X, each with its own stepsize rule."""

from lsgd_fast._engine.batch cimport Batch
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.descent cimport Descent, drive, measure_last, rows_of


def descend_together(request):
    """Run descents that share every pass; those that cannot run one by one and share the rows.

    These are runs of several columns, which fill a pass by themselves, and in Gram space runs with
    first weights of their own, which have a Gram matrix each.

    Parameters
    ----------
    request : SweepRequest

    Returns
    -------
    list of Run
    """
    runs = [None] * len(request.rules)
    for gram in (True, False):
        group = [i for i, found in enumerate(request.grams) if found is gram]
        if not group:
            continue
        alone = request.common.problem.is_multi or (gram and len(request.starts) > 1)
        rows, held_out = rows_of(request.common, gram)
        for members in [[i] for i in group] if alone else [group]:
            for i, run in zip(members, run_batch(request, members, gram, rows, held_out)):
                runs[i] = run
    return runs


cdef run_batch(request, list members, bint gram, Rows rows, Rows held_out):
    """The runs with the numbers `members`, in one batch."""
    cdef Descent descent
    cdef list descents = []
    cdef Batch batch
    common = request.common
    starts = request.starts[members] if len(request.starts) > 1 else request.starts
    log_domain = any([request.rules[i].adaptive for i in members])
    batch = Batch(common.problem, starts, len(members), gram, log_domain, rows, held_out,
                  common.n_threads)
    for position, i in enumerate(members):
        descent = Descent.__new__(Descent)
        descent._join(batch, min(position, len(starts) - 1), request.problems[i], request.rules[i],
                      request.stops[i], common)
        descents.append(descent)
    with batch.lock:
        drive(descents, request.n_steps)
        measure_last(descents)
    return [descent._run() for descent in descents]
