"""Pictures for pages: plots as SVG without words, and their legends as text."""

import io
import re
from dataclasses import dataclass

import numpy as np

from lsgd_fast._pages.page import Markup, figure, paragraph

__all__ = ["Picture", "draw", "picture_of"]

SIZE = (5.2, 2.9)  # inches; letters of 9 points stay legible on a phone
# The labels of `lsgd_fast.plot`, with the keys of the texts that stand for them.
LABELS = {
    r"(?P<middle>median|mean) of (?P<n>\d+) (samples|seeds)": "label_samples",
    "sample|seed": "label_sample",
    "all rows|one more seed": "label_whole",
    r"range of (?P<n>\d+) (samples|seeds)": "label_range",
    "conservative": "label_conservative",
    "recommended": "label_recommended_run",
    "spread": "label_spread",
    "unsettled": "label_unsettled",
    "cycling or diverged": "label_failed",
    r"recommended, .*": "label_recommended",
    "unstable phase": "label_unstable_phase",
    "range of close steps": "label_close_steps",
    "last increase": "label_last_increase",
    "no increase from here on, proved": "label_certified",
    "diverged": "label_diverged",
    "loss": "axis_loss",
    "loss with its penalty": "axis_objective",
    "held-out loss": "axis_held_out_loss",
    "held-out error rate": "axis_held_out_error",
    r"min margin / \|w\|": "axis_margin",
    "steps to the target": "axis_steps",
    "stepsize": "axis_stepsize",
    "step": "axis_step",
}


@dataclass(frozen=True)
class Picture:
    """A picture: `svg`, its `legend` (pairs of a swatch and a text), and the names of its axes."""

    svg: str
    legend: list
    x: str
    y: str


def draw(say, plot, name):
    """Return the `Picture` of a plot, or None if matplotlib is not installed.

    Parameters
    ----------
    say : Phrases
    plot : callable
        Draws on the axes that it is called with.
    name : str
        In the ids of the elements: no other picture of a page has it.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        return None
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever style the session has
        matplotlib.rcParams |= {
            "font.size": 9.0,
            "svg.hashsalt": name,
            "path.simplify_threshold": 0.5,
        }
        ax = Figure(SIZE, layout="constrained").add_subplot()
        plot(ax)
        legend = [
            (_swatch(handle), translate(say, label))
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
            if translate(say, label) is not None
        ]
        x, y = (translate(say, label) for label in (ax.get_xlabel(), ax.get_ylabel()))
        ax.set(xlabel="", ylabel="")
        return Picture(_svg(ax.figure, name), legend, x, y)


def picture_of(say, draw_on, name, key):
    """Return a plot as a figure with the caption of a key, or what a picture needs."""
    picture = draw(say, draw_on, name)
    if picture is None:
        return paragraph(say("no_picture"))
    return figure(picture, say(key))


def translate(say, label):
    """Return the text that stands for a label of a plot; None if the label is a name alone."""
    for pattern, key in LABELS.items():
        found = re.fullmatch(pattern, label)
        if found:
            return say(key, **found.groupdict())
    return None


def _svg(whole, name):
    """Return a figure as SVG for a page: sized by it, with ids that begin with `name`.

    Only what is referred to keeps its id: groups have those of artists, which may be the same.
    """
    file = io.StringIO()
    nobody = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    whole.savefig(file, format="svg", transparent=True, metadata=nobody)
    text = re.sub(r"(?s)^.*?(?=<svg)|<metadata>.*?</metadata>|<!--.*?-->", "", file.getvalue())
    used = set(re.findall(r'(?:url\(|href=")#([^")]*)', text))
    text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", text)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    tag, rest = text.split(">", 1)
    tag = re.sub(r' (width|height)="[^"]*"', "", tag)
    tag = tag.replace("<svg", '<svg class="picture" aria-hidden="true"')
    return re.sub(r"\s*\n\s*", "\n", f"{tag}>{rest}").strip()


def _swatch(handle):
    """Return a small picture of a handle of a legend: a line, a mark or an area."""
    from matplotlib.colors import to_hex

    if hasattr(handle, "get_marker"):
        colour, inside = to_hex(handle.get_color()), ""
        if handle.get_linestyle() != "None":
            dashes = ' stroke-dasharray="6 2"' if handle.is_dashed() else ""
            inside = f'<path d="M0 6H32" stroke="{colour}" stroke-width="2"{dashes}/>'
        face, edge = to_hex(handle.get_markerfacecolor()), to_hex(handle.get_markeredgecolor())
        shape = MARKERS.get(handle.get_marker())
        if shape:
            inside += f'<path d="{shape}" fill="{face}" stroke="{edge}"/>'
    else:
        colour = np.atleast_2d(handle.get_facecolor())[0]
        opacity = f' fill-opacity="{colour[3]:g}"' if colour[3] < 1.0 else ""
        inside = f'<path d="M0 1H32V11H0Z" fill="{to_hex(colour)}"{opacity}/>'
    return Markup(f'<svg viewBox="0 0 32 12" aria-hidden="true">{inside}</svg>')


# The outlines of markers, in a box of 32 by 12.
MARKERS = {
    ".": "M13 6a3 3 0 1 0 6 0a3 3 0 1 0-6 0Z",
    "o": "M12 6a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "D": "M16 1l5 5l-5 5l-5-5Z",
    "X": "M12 1l4 3l4-3l1 1l-3 4l3 4l-1 1l-4-3l-4 3l-1-1l3-4l-3-4Z",
}
