"""From the summaries of all runs to the tables of docs/networks.md; torch is not needed."""

import collections
import math
from statistics import median

from series import EARLY, FATES

__all__ = [
    "ACTIVATIONS",
    "FATES_OF_LARGE",
    "by_ratio",
    "confusion",
    "fate_of_large",
    "grouped",
    "pairs",
    "report",
    "with_tables",
]

ACTIVATIONS = ("relu", "gelu")
VERDICTS = ("stable", "unstable", "cycling", "diverged", "undecided")
ROUNDING = 2.0**-23
FATES_OF_LARGE = (
    "settles, lower loss",
    "settles, not lower",
    "still increases",
    "constant",
    "diverged",
)
LARGEST_RATIO = 6  # in thirds of a decade
CELL = ("activation", "depth", "width")


def is_unstable(run):
    """Return whether the loss has increased, and not only on the way to infinity."""
    return run["diverged_at"] is None and run["n_increases"] > 0


def has_settled(run, n_steps):
    """Return whether the loss has not increased in the second half of the budget."""
    return run["last_increase"] is None or run["last_increase"] <= n_steps // 2


def is_good(run):
    """Return whether the run has kept a function: it has not diverged and is not constant."""
    return run["diverged_at"] is None and not run["constant"]


def grouped(runs, names):
    """Return {values of the fields `names`: runs}, in their order."""
    found = collections.defaultdict(list)
    for run in runs:
        found[tuple(run[name] for name in names)].append(run)
    return dict(found)


def pairs(runs, first=True):
    """Return (calm, best large, all large) for each network, which is a run for each stepsize.

    *calm* is the run with the largest stepsize up to which no loss increases; with `first` False,
    the one with the largest stepsize whose own loss does not. *Large* are those with larger
    stepsizes; the best of them has the least loss on the rows that are trained on, and is None if
    there is none that has not diverged.
    """
    found = []
    for group in grouped(runs, (*CELL, "set", "seed")).values():
        group = sorted(group, key=lambda run: run["stepsize"])
        is_quiet = [run["n_increases"] == 0 and run["diverged_at"] is None for run in group]
        if not is_quiet[0]:
            continue
        if first:
            end = is_quiet.index(False) if False in is_quiet else len(group)
        else:
            end = len(group) - is_quiet[::-1].index(True)
        calm, large = group[end - 1], group[end:]
        finite = [run for run in large if run["diverged_at"] is None]
        found.append((calm, min(finite, key=lambda run: run["loss"], default=None), large))
    return found


def calm_stepsizes(runs):
    """Return the largest stepsize of each network up to which no loss increases."""
    return [calm["stepsize"] for calm, _, _ in pairs(runs)]


def confusion(runs, verdict="verdict", fate="fate"):
    """Return {verdict: {fate: number of runs}} of those that went on."""
    found = {name: dict.fromkeys(FATES, 0) for name in VERDICTS}
    for run in runs:
        if run[fate] is not None:
            found[run[verdict]][run[fate]] += 1
    return found


def report(results):
    """Yield the lines of all tables, in Markdown."""
    runs, settings = results["runs"], results["settings"]
    n_steps = settings["steps"]
    yield from about(runs, results)
    yield from by_cell(runs, n_steps, ("width",), "All stepsizes, by width")
    yield from by_cell(runs, n_steps, CELL, "All stepsizes, by depth and width")
    yield from by_comparison(pairs(runs), ("width",), "The best large stepsize, by width")
    yield from by_comparison(pairs(runs), CELL, "The best large stepsize, by depth and width")
    yield from by_comparison(pairs(runs), ("set", "activation"), "The best large stepsize, by data")
    yield from by_comparison(
        pairs(runs, first=False),
        ("set", "activation"),
        "The same beside the largest stepsize whose own loss never increases",
    )
    yield from by_factor(runs, n_steps)
    yield from by_stepsize(runs, n_steps)
    yield from by_verdict(runs, settings)


def about(runs, results):
    """Yield what was run, and where."""
    settings = results["settings"]
    for name, rows in results["sets"].items():
        widths = sorted({run["width"] for run in runs if run["set"] == name})
        yield (
            f"{name}: {rows['name']}, {rows['rows']} rows, {rows['held_out']} held out; linear "
            f"separation: {rows['separation']}; widths {', '.join(map(str, widths))}."
        )
    diverged = [run["diverged_at"] for run in runs if run["diverged_at"] is not None]
    yield (
        f"{len(runs)} networks, {settings['steps']} steps, {settings['dtype']}; {len(diverged)} "
        f"diverged. {sum(run['fate'] is not None for run in runs)} had the first seed and "
        f"a width of at most {settings['continued_width']}, and went on to step "
        f"{settings['continued']}."
    )
    if diverged:
        half, last = median(diverged), max(diverged)
        yield f"Half of those that diverged did so by step {half:.0f}, all by {last}."
    yield f"{results['cpu_seconds']:.0f} s of CPU."
    for place in results["places"]:
        yield (
            f"{place['wall_seconds']:.0f} s in {place['workers']} processes of one thread; "
            f"{place['cores']} cores, {place['processor']}; load {place['load'][0]:.1f} before, "
            f"{place['load'][1]:.1f} after; PyTorch {place['torch']}, Python {place['python']}."
        )


OF_ALL_STEPSIZES = (
    "networks", "diverged", "constant", "unstable phase", "of these calm in the last half",
    "dead units",
)  # fmt: skip


def _of_all_stepsizes(runs, n_steps):
    """Return the cells below `OF_ALL_STEPSIZES`, the last four of networks that did not diverge."""
    finite = [run for run in runs if run["diverged_at"] is None]
    return [
        str(len(runs)),
        share(run["diverged_at"] is not None for run in runs),
        share(run["constant"] for run in finite),
        share(run["n_increases"] > 0 for run in finite),
        share(has_settled(run, n_steps) for run in finite if is_unstable(run)),
        percent(mean([run["dead"] for run in finite])),
    ]


def by_cell(runs, n_steps, names, title):
    """Yield what becomes of all stepsizes, by some fields."""
    head = [*names, *OF_ALL_STEPSIZES, "largest calm stepsize"]
    rows = []
    for cell, group in sorted(grouped(runs, names).items(), key=_order):
        rows.append(
            [*map(str, cell), *_of_all_stepsizes(group, n_steps), _spread(calm_stepsizes(group))]
        )
    yield from table(title, head, rows)


def by_comparison(found, names, title):
    """Yield the best large stepsize beside the calm one, of all `pairs` that have it."""
    head = [*names, "pairs", "times the calm stepsize", "loss: calm", "best large"]
    head += ["times lower", "lower in", "held-out error: calm", "best large", "lower / higher in"]
    rows = []
    cells = collections.defaultdict(list)
    for calm, best, _ in found:
        cells[tuple(calm[name] for name in names)].append((calm, best))
    for cell, own in sorted(cells.items(), key=_order):
        both = [pair for pair in own if pair[1] is not None]
        if not both:
            continue
        calm, best = zip(*both, strict=True)
        errors = [(a["error"], b["error"]) for a, b in both]
        rows.append([
            *map(str, cell),
            f"{len(both)} of {len(own)}",
            f"{median(b['stepsize'] / a['stepsize'] for a, b in both):.3g}",
            short(median(run["loss"] for run in calm)),
            short(median(run["loss"] for run in best)),
            f"{median(ratio(a['loss'], b['loss']) for a, b in both):.3g}",
            share(b["loss"] < a["loss"] for a, b in both),
            percent(median(run["error"] for run in calm)),
            percent(median(run["error"] for run in best)),
            f"{share(b < a for a, b in errors)} / {share(b > a for a, b in errors)}",
        ])  # fmt: skip
    yield from table(title, head, rows)


def by_ratio(runs):
    """Return {(activation, thirds of a decade): pairs of a calm run and one that much larger}."""
    found = collections.defaultdict(list)
    for calm, _, large in pairs(runs):
        for run in large:
            ratio_of_both = round(3.0 * math.log10(run["stepsize"] / calm["stepsize"]))
            found[run["activation"], min(ratio_of_both, LARGEST_RATIO)].append((calm, run))
    return dict(found)


def fate_of_large(calm, run, n_steps):
    """Return what became of a run within the budget, beside a calm one; of `FATES_OF_LARGE`."""
    if run["diverged_at"] is not None:
        return "diverged"
    if run["constant"]:
        return "constant"
    if not has_settled(run, n_steps):
        return "still increases"
    return FATES_OF_LARGE[0 if calm is not None and run["loss"] < calm["loss"] else 1]


def by_factor(runs, n_steps):
    """Yield what becomes of a stepsize by its ratio to the largest one without an increase."""
    head = ["activation", "times the calm stepsize", "networks", *FATES_OF_LARGE]
    head += ["held-out error: lower", "higher, constant or diverged"]
    rows = []
    for (activation, factor), both in sorted(by_ratio(runs).items(), key=_order):
        fates = [fate_of_large(calm, run, n_steps) for calm, run in both]
        rows.append([
            activation,
            f"{10.0 ** (factor / 3.0):.3g}" + (" and more" if factor == LARGEST_RATIO else ""),
            str(len(both)),
            *(share(own == what for own in fates) for what in FATES_OF_LARGE),
            share(is_good(run) and run["error"] < calm["error"] for calm, run in both),
            share(not is_good(run) or run["error"] > calm["error"] for calm, run in both),
        ])  # fmt: skip
    yield from table("By the ratio to the largest calm stepsize", head, rows)


def by_stepsize(runs, n_steps):
    """Yield what becomes of each stepsize."""
    head = ["activation", "stepsize", *OF_ALL_STEPSIZES, "median loss", "median error"]
    rows = []
    for cell, group in sorted(grouped(runs, ("activation", "stepsize")).items(), key=_order):
        finite = [run for run in group if run["diverged_at"] is None]
        rows.append([
            cell[0],
            f"{cell[1]:.3g}",
            *_of_all_stepsizes(group, n_steps),
            short(median(run["loss"] for run in finite)) if finite else "-",
            percent(median(run["error"] for run in finite)) if finite else "-",
        ])  # fmt: skip
    yield from table("By stepsize", head, rows)


def by_verdict(runs, settings):
    """Yield verdicts beside what came after them."""
    n_steps, n_continued = settings["steps"], settings["continued"]
    until = f"up to step {n_continued}"
    title = f"Verdicts at step {n_steps}, and what came after them {until}"
    yield from verdict_table(runs, title, "verdict", "fate", ("lowest", "lowest_after"))
    title = f"The same by losses alone, without stepsize and gradient norm, {until}"
    yield from verdict_table(runs, title, "verdict_of_losses", "fate", ("lowest", "lowest_after"))
    title = f"Verdicts at step {n_steps // EARLY}, and what came after them up to step {n_steps}"
    lowest = "early_lowest", "lowest_after_early"
    yield from verdict_table(runs, title, "early_verdict", "early_fate", lowest)
    yield from false_verdicts(runs)


def verdict_table(runs, title, verdict, fate, lowest):
    """Yield a row for each verdict: how many runs there are of each fate, and their progress."""
    counts = collections.Counter(run[verdict] for run in runs)
    found = confusion(runs, verdict, fate)
    before, after = lowest
    head = ["verdict", "all networks", "went on", *FATES, "least loss after / before"]
    rows = []
    for name in VERDICTS:
        gains = [
            ratio(run[after], run[before]) for run in runs
            if run[verdict] == name and run[fate] not in (None, "diverges")
        ]  # fmt: skip
        counted = [str(found[name][what]) for what in FATES]
        least = f"{median(gains):.3g}" if gains else "-"
        rows.append([name, str(counts[name]), str(sum(found[name].values())), *counted, least])
    yield from table(title, head, rows)


def false_verdicts(runs):
    """Yield each run whose verdict `stable` or `cycling` was not true of the steps after it."""
    head = ["verdict", "set", *CELL, "stepsize", "constant", "increases before", "last", "after"]
    head += ["then", "loss at the verdict", "least loss after"]
    rows = []
    for run in runs:
        wrong = run["verdict"] == "stable" and run["fate"] not in (None, "calm")
        wrong |= run["verdict"] == "cycling" and run["fate"] not in (None, "increases to the end")
        if wrong:
            rows.append([
                run["verdict"], run["set"], *(str(run[name]) for name in CELL),
                f"{run['stepsize']:.3g}", "yes" if run["constant"] else "no",
                str(run["n_increases"]), str(run["last_increase"]), str(run["later_increases"]),
                run["fate"], short(run["loss"]), short(run["lowest_after"]),
            ])  # fmt: skip
    yield from table("Verdicts that were not true of later steps", head, rows)


def table(title, head, rows):
    """Yield a heading and a table."""
    yield from ("", f"### {title}", "")
    if not rows:
        yield "None."
        return
    for line in (head, [":--"] + ["--:"] * (len(head) - 1), *rows):
        yield f"| {' | '.join(line)} |"


def with_tables(page, lines):
    """Return a page with its tables replaced by those of a report that have the same titles."""
    for block in "\n".join(lines).split("\n### ")[1:]:
        title, _, rows = block.partition("\n")
        heading = f"### {title}\n\n"
        if heading in page:
            before, _, after = page.partition(heading)
            page = before + heading + rows.strip() + "\n\n" + after.partition("\n\n")[2]
    return page


def mean(values):
    """Return the mean, or NaN of nothing."""
    values = list(values)
    return sum(values) / len(values) if values else math.nan


def share(flags):
    """Return the share of what is true, as a percentage."""
    return percent(mean(bool(flag) for flag in flags))


def percent(value):
    """Return a share as a percentage, or a dash for NaN."""
    return "-" if math.isnan(value) else f"{100.0 * value:.3g} %"


def short(value):
    """Return a number of any size with two digits, or a dash for None."""
    return "-" if value is None else f"{value:.2g}"


def ratio(a, b):
    """Return the ratio of two losses; those below the rounding of float32 count as equal."""
    return max(a, ROUNDING) / max(b, ROUNDING)


def _spread(values):
    """Return the least, the median and the largest of some numbers."""
    if not values:
        return "-"
    return f"{min(values):.2g}, {median(values):.2g}, {max(values):.2g}"


def _order(item):
    """Sort activations as they are listed, and all else by value."""
    return [ACTIVATIONS.index(k) if k in ACTIVATIONS else k for k in item[0]]
