"""Progress, the live verdict and the log: what is said while a run goes on."""

import io
import logging
import sys

import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, datasets
from lsgd_fast._text import WIDTH
from support.backends import every_backend

X, Y = datasets.toy()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)  # the import then fails


@every_backend
def test_a_line_tells_step_loss_and_verdict(backend, without_tqdm):
    stream = Terminal()
    bar = lsgd.progress_bar(400, stream=stream)
    run = backend.gradient_descent(X, Y, 32.0, 400, callback=bar, callback_every=200)
    text = stream.getvalue()
    assert "step 200 of 400: loss " in text and run.n_steps == 400
    assert text.endswith("\r" + " " * WIDTH + "\r")
    assert any(verdict in text for verdict in lsgd.Verdict)


def test_silent_where_nobody_looks(without_tqdm, capsys):
    bar = lsgd.progress_bar()
    lsgd.gradient_descent(X, Y, 32.0, 100, callback=bar, callback_every=10)
    bar.close()
    lsgd.gradient_descent(X, Y, 32.0, 100)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_tqdm_where_it_is_installed(monkeypatch):
    class Bar:
        def __init__(self, total, file, unit):
            self.n, self.total, self.told, self.closed = 0, total, [], False
            made.append(self)

        def update(self, n):
            self.n += n

        def set_postfix_str(self, text, refresh):
            self.told.append(text)

        def close(self):
            self.closed = True

    made = []
    monkeypatch.setitem(sys.modules, "tqdm", type("tqdm", (), {"tqdm": Bar}))
    bar = lsgd.progress_bar(50)
    lsgd.gradient_descent(X, Y, 32.0, 50, callback=bar, callback_every=25)
    assert made[0].n == made[0].total == 50 and made[0].closed and len(made[0].told) == 2

    def sweep(loss, **options):
        made.clear()
        bar = lsgd.progress_bar(50)
        options |= {"loss": loss, "callback": bar, "callback_every": 25}
        lsgd.stepsize_sweep(X, Y > 0.0, [1.0, 2.0, 4.0], 50, **options)
        return [(bar.n, bar.closed, len(bar.told)) for bar in made]

    assert sweep("logistic") == [(50, True, 6)]
    assert sweep("softmax") == [(50, True, 2)] * 3  # one after another


@pytest.mark.parametrize("n_steps", [0, 1.5, "many"])
def test_bad_totals_are_refused(n_steps):
    with pytest.raises((TypeError, ValueError), match="n_steps must be"):
        lsgd.progress_bar(n_steps)


@every_backend
def test_the_live_verdict_is_that_of_a_run_so_far(backend):
    seen = []

    def callback(state):
        seen.append((state.n_steps, state.verdict, state.evidence))

    rows, y = [[1.0]] * 4, [1, 1, 1, 0]
    backend.gradient_descent(rows, y, 12.0, 600, callback=callback, callback_every=100)
    assert [step for step, _, _ in seen] == list(range(100, 601, 100))
    assert seen[-1][1] == "cycling" and "No direction has a margin" in seen[-1][2]


def test_the_verdict_before_any_pass():
    descent = Descent(X, Y, 1.0)
    assert descent.verdict == "undecided" and "Nothing has been measured" in descent.evidence
    descent.step(200)
    assert descent.verdict == "stable"


def test_the_log_hears_of_every_run(caplog):
    with caplog.at_level(logging.INFO, logger="lsgd_fast"):
        lsgd.gradient_descent(X, Y, 32.0, 10)
        lsgd.stepsize_sweep(X, Y, [1.0, 2.0], 5)
        lsgd.two_layer_gradient_descent(X, Y, 1.0, 5, width=2, rng=0)
        lsgd.minimize(X, Y, l2=0.1)
        lsgd.stochastic_gradient_descent(X, Y, 1.0, 5, rng=0)
    assert [record.name for record in caplog.records] == ["lsgd_fast"] * 6
    assert "Run ended after the 10 steps asked for (undecided). " in caplog.records[0].getMessage()
