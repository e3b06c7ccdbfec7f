"""Theorem 6: two-layer networks, wide and narrow, with large stepsizes."""

import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from lsgd_fast import theory
from lsgd_fast._constants import INCREASE_TOLERANCE
from lsgd_fast.losses import Logistic
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

N_STEPS, NARROW_STEPS = 4000, 2000
WIDTHS = [2**k for k in range(6, 14)]
NARROW = [1, 2, 3, 4, 6, 8, 16, 32]
STEPSIZES = [4.0**k for k in range(6)]
SEEDS = 5  # of narrow networks, whose fate depends on their first weights
FAILURE = 0.01


def sets():
    """Return the sets, divided by R, as the theorem has them."""
    return [data_sets.xor().scaled(), data_sets.planted(40, 5, 0.1).scaled()]


def threshold(eta, n):
    """Return the loss from which on a network that is wide enough has no larger one."""
    C_beta = Logistic().C_beta
    return min(1.0 / (12.0 * C_beta * C_beta * eta), math.log(2.0) / n)


def run(options):
    """Run wide and narrow networks; draw which of them settle."""
    n_steps = options.at_most(N_STEPS)
    widths = WIDTHS if options.steps is None else WIDTHS[:3]
    seeds = SEEDS if options.steps is None else 2
    numbers = {
        "n_steps": n_steps,
        "narrow steps": min(n_steps, NARROW_STEPS),
        "stepsizes": STEPSIZES,
        "seeds": seeds,
        "failure": FAILURE,
        "sets": {},
    }
    for data in sets():
        gamma = tangent_margin(data, widths[-1])
        asked = {eta: theory.network_width(n_steps, len(data.y), gamma, eta, failure=FAILURE)
                 for eta in STEPSIZES}  # fmt: skip
        numbers["sets"][data.name] = {
            "n": len(data.y),
            "d": data.X.shape[1],
            "tangent margin": gamma,
            "log10 width of the theorem": [math.log10(asked[eta]) for eta in STEPSIZES],
            "wide": [measure(data, width, eta, n_steps, 0, gamma)
                     for width in widths for eta in STEPSIZES],
            "narrow": [narrow(data, width, eta, numbers["narrow steps"], seeds)
                       for width in NARROW for eta in STEPSIZES],
        }  # fmt: skip
    return numbers, draw(numbers)


def first_weights(data, width, seed):
    """Return the first weights of a network, which do not depend on its stepsize."""
    return np.random.default_rng(seed).standard_normal((data.X.shape[1], width))


def tangent_margin(data, width):
    """Return the margin of the network's gradients at its first weights, the γ of the theorem."""
    signs = 1.0 - 2.0 * (np.arange(width) % 2)
    active = (data.X @ first_weights(data, width, 0) > 0.0) * (signs / math.sqrt(width))
    # Rows are products of activities and features, so their products are those of either.
    products = (active @ active.T) * (data.X @ data.X.T)
    values, vectors = np.linalg.eigh(products)
    gradients = vectors * np.sqrt(np.maximum(values, 0.0))
    found = lsgd.max_margin(gradients, data.y, tol=data_sets.MARGIN_TOL)
    return found.value + found.gap


def descend(data, width, eta, n_steps, seed, record):
    """Run a network."""
    options = {"width": width, "start": first_weights(data, width, seed), "record": record}
    return lsgd.two_layer_gradient_descent(data.X, data.y, eta, n_steps, **options)


def measure(data, width, eta, n_steps, seed, gamma):
    """Return whether and when a wide network gets to the threshold, and what it does then."""
    one = descend(data, width, eta, n_steps, seed, ("loss", "distance"))
    loss = one.trace.loss
    start, before, after = around(loss, threshold(eta, len(data.y)))
    return {
        "width": width,
        "stepsize": eta,
        "fits at": one.separated_at,
        "reaches at": start,
        "increases before": before,
        "increases after": after,
        "highest loss": float(loss.max()),
        "last loss": float(loss[-1]),
        "distance": float(one.trace.distance[-1]),
        "largest distance": float(one.trace.distance.max()),
        "start norm": math.sqrt(data.X.shape[1] * width),
        "distance bound": distance_bound(n_steps, len(data.y), gamma, eta),
    }


def around(loss, level):
    """Return the first step with a loss of at most `level`, and the increases before and after.

    A loss that never gets there has all of its increases before, and no step and no after.
    """
    rises = np.flatnonzero(loss[1:] > loss[:-1] * (1.0 + INCREASE_TOLERANCE))
    below = np.flatnonzero(loss <= level)
    if not len(below):
        return None, len(rises), None
    start = int(below[0])
    return start, int((rises < start).sum()), int((rises >= start).sum())


def distance_bound(n_steps, n, gamma, eta):
    """Return the theorem's bound of the distance from the start, for signs that cancel."""
    rho = Logistic().rho(max(1.0, gamma * gamma * eta * n_steps))
    return 6.0 / gamma * (math.sqrt(rho) + math.sqrt(2.0 * math.log(2.0 * n / FAILURE)) + eta)


def narrow(data, width, eta, n_steps, seeds):
    """Return how many narrow networks end where they fit, and how many have died."""
    fits, died, losses = 0, 0, []
    for seed in range(seeds):
        one = descend(data, width, eta, n_steps, seed, ("loss", "min_margin"))
        fits += bool(one.trace.min_margin[-1] > 0.0)
        died += not (data.X @ one.weights > 0.0).any()
        losses.append(float(one.trace.loss[-1]))
    return {"width": width, "stepsize": eta, "fit": fits, "died": died,
            "median loss": float(np.median(losses))}  # fmt: skip


def draw(numbers):
    """Draw a row for each set: who settles, how far they go, and the narrow ones."""
    drawing, axes = figure(3, rows=2, width=4.8, height=3.9)
    for row, (name, found) in enumerate(numbers["sets"].items()):
        left, middle, right = axes[3 * row : 3 * row + 3]
        widths = sorted({one["width"] for one in found["wide"]})
        lattice(left, found["wide"], widths, lambda one: one["reaches at"], numbers["n_steps"])
        left.set_title(f"{name}: steps to the threshold", fontsize="medium")
        for k, width in enumerate(widths):
            runs = [one for one in found["wide"] if one["width"] == width]
            shade = str(0.85 * (1.0 - (k + 1) / len(widths)))
            middle.plot([one["stepsize"] for one in runs], [one["distance"] for one in runs],
                        "o-", markersize=3, color=shade, label=f"m = {width}")  # fmt: skip
        bounds = [one["distance bound"] for one in runs]
        middle.plot(numbers["stepsizes"], bounds, "--", linewidth=1, color="C3", label="bound")
        middle.set(xscale="log", yscale="log", xlabel="stepsize")
        middle.set_title("distance from the start", fontsize="medium")
        middle.legend(fontsize="xx-small", ncols=2)
        widths = sorted({one["width"] for one in found["narrow"]})
        lattice(right, found["narrow"], widths, lambda one: one["fit"], numbers["seeds"], log=False)
        right.set_title(f"narrow: how many of {numbers['seeds']} fit", fontsize="medium")
    return drawing


def lattice(ax, runs, widths, value, most, log=True):
    """Draw a number for each width and stepsize."""
    from matplotlib.colors import LogNorm, Normalize

    table = [[value(one) for one in runs if one["width"] == width] for width in widths]
    heights = [[math.nan if v is None else v for v in row] for row in table]
    norm = LogNorm(1.0, most) if log else Normalize(0.0, most)
    colours = "viridis_r" if log else "Blues"
    ax.imshow(np.ma.masked_invalid(heights), norm=norm, cmap=colours, aspect="auto", origin="lower")
    for i, row in enumerate(table):
        for j, v in enumerate(row):
            dark = v is not None and norm(v) > 0.55
            text = "–" if v is None else str(v)
            ax.text(j, i, text, ha="center", va="center", fontsize="x-small",
                    color="white" if dark else "black")  # fmt: skip
    stepsizes = [one["stepsize"] for one in runs if one["width"] == widths[0]]
    ax.set_xticks(range(len(stepsizes)), [f"{eta:g}" for eta in stepsizes])
    ax.set_yticks(range(len(widths)), [str(width) for width in widths])
    ax.set(xlabel="stepsize", ylabel="width")


def describe(numbers):
    """Yield what was run."""
    wide = next(iter(numbers["sets"].values()))["wide"]
    widths, stepsizes = sorted({one["width"] for one in wide}), numbers["stepsizes"]
    yield (
        f"ReLU networks with fixed signs, widths {widths[0]} to {widths[-1]}, stepsizes "
        f"{stepsizes[0]:g} to {stepsizes[-1]:g}, {number(numbers['n_steps'])} steps, one seed, on "
        "sets divided by R. The threshold is a loss of min{1/(12 C_β² η), ln 2 / n}, from which on "
        "the theorem lets the loss only fall. γ is the margin of the gradients of the widest "
        "network at its first weights."
    )
    yield ""
    needed = [one["log10 width of the theorem"] for one in numbers["sets"].values()]
    low, high = min(map(min, needed)), max(map(max, needed))
    yield (
        f"**What this is not**: a test of the theorem. It needs widths from 10^{low:.0f} to "
        f"10^{high:.0f} here, for these stepsizes; the widest network has 10^"
        f"{math.log10(widths[-1]):.1f} units. It shows whether networks that can be run behave "
        "as the theorem states for those that cannot."
    )


def tables(numbers):
    """Yield steps to the threshold, with the increases before, and the narrow networks."""
    etas = " | ".join(f"η = {eta:g}" for eta in numbers["stepsizes"])
    line = " | ".join("--:" for _ in numbers["stepsizes"])
    for name, found in numbers["sets"].items():
        yield (
            f"{name}, n = {found['n']}, γ = {number(found['tangent margin'])}: the step at which "
            "the threshold is reached (increases of the loss before it), – if it is not."
        )
        yield ""
        yield f"| width | {etas} |"
        yield f"| --: | {line} |"
        for width in sorted({one["width"] for one in found["wide"]}):
            cells = [
                "–" if one["reaches at"] is None
                else f"{number(one['reaches at'])} ({number(one['increases before'])})"
                for one in found["wide"] if one["width"] == width
            ]  # fmt: skip
            yield f"| {number(width)} | {' | '.join(cells)} |"
        yield ""
        yield (
            f"Narrow networks on {name}, {number(numbers['narrow steps'])} steps: of "
            f"{numbers['seeds']} first weights, how many fit all labels at the end / how many have "
            "no active unit left on any row."
        )
        yield ""
        yield f"| width | {etas} |"
        yield f"| --: | {line} |"
        for width in sorted({one["width"] for one in found["narrow"]}):
            cells = [f"{one['fit']} / {one['died']}"
                     for one in found["narrow"] if one["width"] == width]  # fmt: skip
            yield f"| {number(width)} | {' | '.join(cells)} |"
        yield ""
    yield (
        "So far outside the kernel regime the paper claims nothing. Width 1 cannot fit: its only "
        "sign is +1, so that f is never negative. Without it, "
        + "; ".join(
            f"with {which}, {fit} of {most} networks fit all labels and {died} died"
            for which, fit, died, most in shares(numbers)
        )
        + "."
    )


def shares(numbers):
    """Yield of some narrow networks, of more than one unit: which, fits, deaths, how many."""
    stepsizes = numbers["stepsizes"]
    small = [one for found in numbers["sets"].values() for one in found["narrow"]
             if one["width"] > 1]  # fmt: skip
    kinds = {
        "up to 4 units": [one for one in small if one["width"] <= 4],
        "more than 4": [one for one in small if one["width"] > 4],
        f"η = {stepsizes[0]:g}": [one for one in small if one["stepsize"] == stepsizes[0]],
        f"η = {stepsizes[-1]:g}": [one for one in small if one["stepsize"] == stepsizes[-1]],
    }
    for which, some in kinds.items():
        fit, died = (sum(one[end] for one in some) for end in ("fit", "died"))
        yield which, fit, died, numbers["seeds"] * len(some)


def steps_of_the_order(found, one):
    """Return the max{η, n ln n}/γ² of a run."""
    n = found["n"]
    return max(one["stepsize"], n * math.log(n)) / found["tangent margin"] ** 2


def least_widths(runs):
    """Return text: the least width that got to the threshold, stepsize by stepsize."""
    least, never = {}, []
    for eta in dict.fromkeys(one["stepsize"] for one in runs):
        there = [one["width"] for one in runs
                 if one["stepsize"] == eta and one["reaches at"] is not None]  # fmt: skip
        if there:
            least.setdefault(min(there), []).append(f"{eta:g}")
        else:
            never.append(f"{eta:g}")
    parts = [f"{number(width)} for η = {', '.join(etas)}" for width, etas in least.items()]
    return " and ".join(parts + ([f"none for η = {', '.join(never)}"] if never else []))


def claims(numbers):
    """Return what the theorem says, of networks far narrower than those it speaks of."""
    wide = [one for found in numbers["sets"].values() for one in found["wide"]]
    most = max(one["width"] for one in wide)
    there = [one for one in wide if one["reaches at"] is not None]
    wavy = [one for one in there if one["increases before"]]
    later = [one for one in there if one["increases after"]]
    share = max(one["largest distance"] / one["distance bound"] for one in wide)
    moved = [one["largest distance"] / one["start norm"] for one in wide if one["width"] == most]
    widest = [one for one in wide if one["width"] == most]
    missing = [one for one in widest if one["reaches at"] is None]
    pairs = [(found, one) for found in numbers["sets"].values() for one in found["wide"]]
    orders = [one["reaches at"] / steps_of_the_order(found, one)
              for found, one in pairs if one["reaches at"] is not None]  # fmt: skip
    cap = max(numbers["n_steps"] / steps_of_the_order(found, one) for found, one in pairs)
    least = "; ".join(f"on {name} {least_widths(found['wide'])}"
                      for name, found in numbers["sets"].items())  # fmt: skip
    return [
        Claim(
            "monotone",
            "Once at the threshold the loss never increases again.",
            f"{len(there)} of {len(wide)} runs get to it, {len(wavy)} of them after increases; of "
            f"those {len(there)}, {len(later)} have an increase later.",
            bool(there) and not later,
        ),
        Claim(
            "reached",
            "A network that is wide enough gets to the threshold for every stepsize, in a number "
            "of steps of the order max{η, n ln n}/γ².",
            f"Of width {number(most)}: {len(widest) - len(missing)} of {len(widest)} runs within "
            f"{number(numbers['n_steps'])} steps"
            + (
                ", not for η = "
                + ", ".join(sorted({f"{one['stepsize']:g}" for one in missing}, key=float))
                + "."
                if missing
                else "."
            )
            + f" The least width, of those run, that got there: {least}. Steps are at most "
            f"{number(max(orders, default=None))} of max{{η, n ln n}}/γ²; the cap of steps allows "
            f"no more than {number(cap)} of it, and a run that needs more counts as not there.",
            not missing,
            "The constant of the order is not given, and the widths are far below the theorem's: "
            "a “no” contradicts nothing.",
        ),
        Claim(
            "distance",
            "Weights stay within R = 6 (√ρ + √(2 ln(2n/δ)) + η) / γ of their start.",
            f"At most {number(share)} of it. For width {number(most)} the distance is "
            f"{number(min(moved))} to {number(max(moved))} of the norm of the start.",
            share <= 1.0,
            "Where the latter is not small the network has left its tangent: the kernel regime is "
            "one of small stepsizes here.",
        ),
    ]


RESULTS = [
    Result(
        name="theorem6",
        title="Theorem 6: two-layer networks",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
