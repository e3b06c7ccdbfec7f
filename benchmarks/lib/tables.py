"""From the raw numbers of a report to its tables in Markdown."""

import math
from statistics import geometric_mean, median

import numpy as np

from lib.contenders import PEERS
from lib.problems import LARGE, TOY, WIDE

__all__ = ["bandwidth_table", "gram_table", "step_table"]


class _Medians:
    """Medians over the rounds of one dtype; `self[shape, contender]` is a dict."""

    def __init__(self, records, dtype):
        found = {}
        for record in records:
            if record["dtype"] == dtype:
                key = (record["n"], record["d"]), record["contender"]
                found.setdefault(key, []).append(record["seconds"])
        self.medians = {
            key: {what: median(r[what] for r in rounds) for what in rounds[0]}
            for key, rounds in found.items()
        }
        self.shapes = list(dict.fromkeys(shape for shape, _ in found))
        self.peers = [name for name in PEERS if any(name == key[1] for key in found)]

    def __getitem__(self, key):
        return self.medians[key]

    def __contains__(self, key):
        return key in self.medians

    def step(self, shape, contender):
        """Return the seconds of a step."""
        return self[shape, contender]["step"]

    def best(self, shape):
        """Return the fastest peer."""
        return min(self.peers, key=lambda name: self.step(shape, name))

    def ratio(self, shape, seconds):
        """Return how much longer than `seconds` a step of the fastest peer takes."""
        return self.step(shape, self.best(shape)) / seconds


def step_table(records, dtype):
    """Return the lines of the table of steps, and of what it comes to."""
    found = _Medians(records, dtype)
    titles = [PEERS[name].title for name in found.peers]
    rows = []
    for shape in found.shapes:
        fast = found[shape, "fast"]
        row = [_shape(shape), _micro(fast["step"]), _best(found, shape)]
        row += [f"{found.ratio(shape, fast['step']):.2f}"]
        row += [_micro(found.step(shape, name)) for name in found.peers]
        rows.append([*row, _short(1e3 * fast["rest"])])
    lines = _table(["shape of X", "lsgd_fast", "best peer", "ratio", *titles, "set-up, ms"], rows)
    counted = [shape for shape in found.shapes if shape != TOY]
    if counted:
        lines += ["", *_means(found, counted)]
    if TOY in found.shapes:
        nanoseconds = 1e9 * found.step(TOY, "fast")
        lines += ["", f"A step on the toy set takes {_short(nanoseconds)} ns."]
    return lines


def _means(found, shapes):
    """Yield what the ratios come to over `shapes`: of steps, then as runs are taken by default."""
    yield from _mean_lines(found, shapes, lambda shape: found.step(shape, "fast"), "")
    if any((shape, "gram") in found for shape in shapes):
        yield ""
        yield from _mean_lines(found, shapes, lambda s: _default(found, s), " with Gram space")


def _mean_lines(found, shapes, seconds, how):
    ratios = [found.ratio(shape, seconds(shape)) for shape in shapes]
    mean, least = geometric_mean(ratios), min(ratios)
    yield f"Geometric mean of the ratios{how}: {mean:.2f}; least: {least:.2f}."
    means = []
    for name in found.peers:
        mean = geometric_mean(found.step(shape, name) / seconds(shape) for shape in shapes)
        means.append(f"{PEERS[name].title} {mean:.2f}")
    yield f"Peer by peer{how}: {', '.join(means)}."


def gram_table(records, dtype):
    """Return the lines of the table of runs in Gram space; none without such shapes."""
    found = _Medians(records, dtype)
    head = ["shape of X", "steps", "whole run, per step", "best peer", "ratio", "step alone"]
    head += ["step without", "building, ms", "pays from step"]
    rows = []
    for shape in found.shapes:
        if (shape, "gram") not in found:
            continue
        gram, fast = found[shape, "gram"], found.step(shape, "fast")
        whole = _default(found, shape)
        gain = fast - gram["step"]
        row = [_shape(shape), str(WIDE[shape]), _micro(whole), _best(found, shape)]
        row += [f"{found.ratio(shape, whole):.2f}", _micro(gram["step"]), _micro(fast)]
        row += [_short(1e3 * gram["build"])]
        rows.append([*row, str(math.ceil(gram["build"] / gain)) if gain > 0.0 else "never"])
    return _table(head, rows) if rows else []


def bandwidth_table(records, dtype):
    """Return the lines of the table of bandwidths; none without large shapes."""
    found = _Medians(records, dtype)
    head = ["shape of X", "X, MB", "sum over X, GB/s", "step of lsgd_fast, GB/s", "share"]
    rows = []
    for shape in LARGE:
        if (shape, "read") in found:
            size = math.prod(shape) * np.dtype(dtype).itemsize
            read, step = found.step(shape, "read"), found.step(shape, "fast")
            row = [_shape(shape), f"{size / 1e6:.0f}", f"{size / read / 1e9:.1f}"]
            rows.append([*row, f"{size / step / 1e9:.1f}", f"{read / step:.0%}"])
    return _table(head, rows) if rows else []


def _default(found, shape):
    """Return the seconds of a step as `gradient_descent` takes it when nobody says how."""
    if (shape, "gram") in found:
        return found[shape, "gram"]["whole"] / WIDE[shape]
    return found.step(shape, "fast")


def _best(found, shape):
    name = found.best(shape)
    return f"{_micro(found.step(shape, name))} ({PEERS[name].title})"


def _shape(shape):
    n, d = shape
    return f"{n} x {d}{' (toy)' if shape == TOY else ''}"


def _micro(seconds):
    return _short(1e6 * seconds)


def _short(number):
    """Return three digits of a number that is not negative."""
    return f"{number:.3g}" if number < 999.5 else str(int(float(f"{number:.3g}")))


def _table(head, rows):
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
