"""The page of a run of gradient descent or of `minimize`."""

from lsgd_fast import plot
from lsgd_fast._pages.evidence import evidence_lists, sort_evidence
from lsgd_fast._pages.page import answer, facts, loss_number, number, page, section
from lsgd_fast._pages.pictures import picture_of

__all__ = ["run_page"]

# Of a stable run.
PROOFS = {"proved_certified", "proved_small", "proved_zero_loss", "proved_at_rest"}
COLUMNS = ("error_rate", "validation_loss", "validation_error_rate", "min_margin", "weight_norm")


def run_page(run, say):
    """Return the page of a `Run` in the language of `say`."""
    picture = ""
    if run.trace.loss is not None or run.trace.ln_loss is not None:
        picture = picture_of(
            say, lambda ax: plot.loss_curves(run, ax=ax, legend=False), "run", "run_picture"
        )
    is_minimize = getattr(run.diagnostics, "kind", None) == "minimize"
    return page(
        say,
        say("run_title_minimize" if is_minimize else "run_title"),
        _answer(run, say, is_minimize),
        section(say("how_sure"), *_how_sure(run, say)),
        section(say("run_facts"), picture, _facts(run, say)),
    )


def _answer(run, say, is_minimize):
    loss = _last_loss(run)
    fields = {"loss": loss, "n_steps": run.n_steps}
    more = [say("run_ended", why=f"stop_{run.stop_reason}")]
    if run.stop_reason == "no_minimum":
        key = "run_no_minimum"
    elif run.verdict is None:
        key = "run_unmonitored"
    elif run.verdict == "diverged":
        key = "run_diverged_minimize" if is_minimize else "run_diverged"
    else:
        key = f"run_{run.verdict}"
        if key == "run_stable" and {name for name, _ in run.diagnostics.facts} & PROOFS:
            key = "run_stable_proved"
    if run.separating_weights is not None:
        more.append(say("run_separated", step=run.separated_at))
    return answer(say(key, **fields), *more)


def _last_loss(run):
    trace = run.trace
    if trace.loss is None and trace.ln_loss is None:
        return number(None)
    return _loss_at(trace, -1)


def _loss_at(trace, row):
    if trace.ln_loss is None:
        return number(trace.loss[row], ".3g")
    if trace.loss is None:
        return loss_number(0.0, float(trace.ln_loss[row]))
    return loss_number(float(trace.loss[row]), float(trace.ln_loss[row]))


def _how_sure(run, say):
    if run.diagnostics is None:
        return evidence_lists([], [], [say("run_not_monitored"), say("run_more")], say)
    proved, seen, still_open = sort_evidence(run.diagnostics.facts, say)
    return evidence_lists(proved, seen, [*still_open, say("run_more")], say)


def _facts(run, say):
    trace = run.trace
    pairs = [] if run.verdict is None else [("fact_verdict", say(f"ending_{run.verdict}"))]
    pairs.append(("fact_stop", say(f"stop_{run.stop_reason}")))
    pairs.append(("fact_steps", run.n_steps))
    timing = say("seconds_threads", seconds=run.seconds, n_threads=run.n_threads)
    pairs.append(("fact_seconds", timing))
    if trace.loss is not None or trace.ln_loss is not None:
        ends = {"first": _loss_at(trace, 0), "last": _loss_at(trace, -1)}
        pairs.append(("fact_loss", say("from_to", **ends)))
    for name in COLUMNS:
        column = getattr(trace, name)
        if column is not None:
            spec = ".2%" if name.endswith("error_rate") else ".4g"
            pairs.append((f"fact_{name}", number(column[-1], spec)))
    pairs += [("fact_radius", number(run.radius)), ("fact_increases", run.n_increases)]
    last = run.n_steps if run.stable_at is None else run.stable_at
    steps = {"separated": run.separated_at, "certified": run.certified_at}
    steps = {"last_increase": last if run.n_increases else None} | steps
    for name, step in steps.items():
        pairs.append((f"fact_{name}", say("never") if step is None else say("at_step", step=step)))
    return facts((say(key), value) for key, value in pairs)
