"""Figures and axes of plots: ink and paper of the user's style, and what stands beside the axes."""

import textwrap

import numpy as np

from lsgd_fast._checks import shown

__all__ = [
    "COLORMAP",
    "add_bar",
    "add_legend",
    "axes",
    "axes_without_pyplot",
    "bar_limits",
    "check_axes",
    "colormap",
    "grey",
    "ink",
    "is_dark",
    "new_panels",
    "paper",
    "set_title",
]

COLORMAP = "viridis"
# The part of it that stands out, against light paper and against dark.
VISIBLE = {False: (0.0, 0.8), True: (0.3, 1.0)}
DARK = 0.18  # relative luminance below which paper is dark

OURS = "lsgd_fast figure"  # the gid of figures that are made here, ...
BAR = "lsgd_fast colours"  # ... and of the axes of their colour bars
SIZE = (1.25, 0.96)  # of a figure, in those of the user's style: what stands beside takes a fifth
PANEL_SIZE = (0.75, 0.56)
BESIDE = 1.03  # where it begins, in widths of the axes
BAR_HEIGHT = 0.56  # of the axes, below a legend
LABEL_WIDTH = 22  # characters of a line of a legend
MIN_WIDTH = 0.4  # of what the axes had, where what stands beside takes it from them


def _without_matplotlib():
    return ImportError(
        "lsgd_fast.plot needs matplotlib, which cannot be imported: pip install matplotlib"
    )


def check_axes(ax):
    """Raise TypeError if `ax` are not axes of matplotlib, or ImportError without it."""
    try:
        from matplotlib.axes import Axes
    except ImportError as error:
        raise _without_matplotlib() from error
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be matplotlib axes or None; got {shown(ax)}")


def axes(ax):
    """Return `ax`, or the axes of a new figure of pyplot if it is None."""
    if ax is None:
        return new_panels(1, 1, SIZE)[0]
    check_axes(ax)
    return ax


def new_panels(n_rows, n_columns, size=PANEL_SIZE):
    """Return the axes of a new figure of pyplot, row by row; `size` is that of each."""
    try:
        import matplotlib
        from matplotlib import pyplot
    except ImportError as error:
        raise _without_matplotlib() from error
    width, height = matplotlib.rcParams["figure.figsize"]
    beside = 0.0 if n_rows * n_columns == 1 else SIZE[0] - 1.0
    figsize = (width * (size[0] * n_columns + beside), height * size[1] * n_rows)
    figure = pyplot.figure(figsize=figsize, layout="constrained")
    return _panels_of(figure, n_rows, n_columns)


def axes_without_pyplot():
    """Return the axes of a new figure that pyplot does not know, and nothing shows."""
    import matplotlib
    from matplotlib.figure import Figure

    figsize = np.multiply(matplotlib.rcParams["figure.figsize"], SIZE)
    return _panels_of(Figure(figsize, layout="constrained"), 1, 1)[0]


def _panels_of(figure, n_rows, n_columns):
    figure.set_gid(OURS)
    panels = figure.subplots(n_rows, n_columns, sharex=True, squeeze=False).ravel()
    for ax in panels:
        ax.grid(color=grey(ax, 0.5), alpha=0.25)
        ax.set_axisbelow(True)
    return panels


def set_title(ax, title):
    """Give axes a title, if the figure is one of ours and they have none."""
    if ax.figure.get_gid() == OURS and not ax.get_title():
        ax.set_title(title)


# --- ink and paper --------------------------------------------------------------------------------


def is_dark(ax):
    """Return whether what is drawn on is dark: the axes, or the figure that shows through."""
    from matplotlib.colors import to_rgba

    for surface in (ax, ax.figure):
        *rgb, alpha = to_rgba(surface.get_facecolor())
        if alpha >= 0.5:
            linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
            return float(np.dot([0.2126, 0.7152, 0.0722], linear)) < DARK
    return False


def ink(ax):
    """Return the colour that stands out most from the paper: black, or white on dark paper."""
    return "#ffffff" if is_dark(ax) else "#000000"


def paper(ax):
    """Return the opposite of the ink."""
    return "#000000" if is_dark(ax) else "#ffffff"


def grey(ax, share):
    """Return a grey that is this share of the way from paper to ink."""
    return f"{share if is_dark(ax) else 1.0 - share:.3f}"


def colormap(ax):
    """Return the colour map, without the colours that vanish on this paper."""
    import matplotlib
    from matplotlib.colors import ListedColormap

    ends = VISIBLE[is_dark(ax)]
    return ListedColormap(matplotlib.colormaps[COLORMAP](np.linspace(*ends, 256)))


# --- beside the axes ------------------------------------------------------------------------------


def add_legend(ax, title, loc=None):
    """Draw a legend if anything in `ax` has a label: beside the axes, or at `loc` in them."""
    handles, labels = ax.get_legend_handles_labels()
    if not labels:
        return
    is_curve = [hasattr(one, "get_marker") and one.get_gid() is not None for one in handles]
    order = sorted(range(len(labels)), key=lambda i: not is_curve[i])
    handles, labels = ([given[i] for i in order] for given in (handles, labels))
    options = {"fontsize": "small", "title_fontsize": "small", "handlelength": 2.8}
    if loc is not None:
        ax.legend(handles, labels, title=title, loc=loc, framealpha=0.9, **options)
        return
    labels = [textwrap.fill(label, LABEL_WIDTH) for label in labels]
    options |= {"loc": "upper left", "bbox_to_anchor": (BESIDE, 1.0), "borderaxespad": 0.0}
    legend = ax.legend(handles, labels, title=title, frameon=False, **options)
    legend._legend_box.align = "left"
    _make_room(ax)


def add_bar(ax, colours, label, is_alone=False, **options):
    """Draw a colour bar beside the axes, below a legend unless it `is_alone`; return it.

    Parameters
    ----------
    ax : Axes
    colours : ScalarMappable
    label : str
    is_alone : bool, default False
    **options
        Those of `Figure.colorbar`.
    """
    height = 1.0 if is_alone else BAR_HEIGHT
    beside = ax.inset_axes([BESIDE, 0.0, 0.045, height])
    beside.set_gid(BAR)
    bar = ax.figure.colorbar(colours, cax=beside, label=label, **options)
    _make_room(ax)
    return bar


def bar_limits(ax, label):
    """Return the values at the ends of the colour bar with a label, or None if there is none."""
    bars = [child for child in ax.child_axes if child.get_gid() == BAR]
    return next((bar.get_ylim() for bar in bars if bar.get_ylabel() == label), None)


def _make_room(ax):
    """Narrow axes that no layout engine cares for, so that what stands beside is in the figure."""
    figure, spec = ax.figure, ax.get_subplotspec()
    if figure.get_layout_engine() is not None or spec is None:
        return
    cell = spec.get_position(figure)
    ax.set_position(cell)
    beside = [child for child in (ax.get_legend(), *ax.child_axes) if child is not None]
    right = max(child.get_tightbbox().x1 for child in beside)
    wanted = cell.x1 - (right - ax.bbox.x1) / figure.bbox.width
    ax.set_position([cell.x0, cell.y0, max(wanted - cell.x0, MIN_WIDTH * cell.width), cell.height])
    ax.set_in_layout(True)  # which a position that is set takes away
