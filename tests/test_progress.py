"""Progress, the live verdict and the log: what is said while a run goes on."""

import copy
import inspect
import io
import logging
import pickle
import sys
import types
from typing import ClassVar

import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, datasets
from lsgd_fast._text import WIDTH
from support.backends import BACKENDS, every_backend

X, Y = datasets.toy()
MIXED = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0, 1, 0, 1, 1]  # no direction separates them


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """A clock that moves by some seconds with each look at it."""

    def __init__(self, tick):
        self.now, self.tick = 0.0, tick

    def monotonic(self):
        self.now += self.tick
        return self.now


def set_clock(monkeypatch, tick):
    """Let every look at the clock take some seconds, of displays and of runs."""
    clock = Clock(tick)
    monkeypatch.setattr("lsgd_fast.progress.time", clock)
    monkeypatch.setattr("lsgd_fast._inputs.callbacks.time", clock)


class Bar:
    """Stands for a bar of tqdm."""

    made: ClassVar[list] = []

    def __init__(self, total, file, unit):
        self.n, self.total, self.told, self.closed = 0, total, [], False
        self.file = file
        self.made.append(self)

    def update(self, n):
        assert not self.closed and n >= 0
        self.n += n

    def set_postfix_str(self, text, refresh):
        self.told.append(text)

    def close(self):
        self.closed = True


@pytest.fixture
def bars(monkeypatch):
    """The bars of tqdm that are made, where it need not be installed."""
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    Bar.made.clear()
    return Bar.made


@pytest.fixture
def without_tqdm(monkeypatch):
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)  # the import then fails


@every_backend
def test_a_line_tells_step_loss_and_verdict(backend, without_tqdm, monkeypatch):
    set_clock(monkeypatch, 0.2)
    stream = Terminal()
    bar = lsgd.progress_bar(400, stream=stream)
    run = backend.gradient_descent(X, Y, 32.0, 400, callback=bar, callback_every=200)
    text = stream.getvalue()
    assert "step 200 of 400: stepsize 32, loss " in text and run.n_steps == 400
    assert text.endswith("\r" + " " * WIDTH + "\r")
    assert any(verdict in text for verdict in lsgd.Verdict)


def test_silent_where_nobody_looks(without_tqdm, capsys):
    bar = lsgd.progress_bar()
    lsgd.gradient_descent(X, Y, 32.0, 100, callback=bar, callback_every=10)
    bar.close()
    lsgd.gradient_descent(X, Y, 32.0, 100)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@every_backend
def test_a_display_is_not_called_at_every_step(backend, bars, monkeypatch):
    set_clock(monkeypatch, 0.0)  # no time passes: only the end is shown
    bar = lsgd.progress_bar(500)
    backend.gradient_descent(X, Y, 32.0, 500, callback=bar)
    (made,) = bars
    assert made.n == made.total == 500 and made.closed and len(made.told) == 1


def test_a_display_skips_calls_until_its_time(bars, monkeypatch):
    set_clock(monkeypatch, 0.0)
    bar = lsgd.progress_bar()
    for n_steps in range(1, 50):
        bar(types.SimpleNamespace(n_steps=n_steps, loss=0.5))
    assert bars[0].told == ["loss 0.5"] and bars[0].n == 1
    bar(types.SimpleNamespace(n_steps=50, loss=0.4, phase="another"))  # which is shown at once
    assert bars[0].told == ["loss 0.5", "another, loss 0.4"] and bars[0].n == 50


def test_a_new_bar_when_the_steps_start_again(bars, monkeypatch):
    def sweep(tick, loss):
        bars.clear()
        set_clock(monkeypatch, tick)
        options = {"loss": loss, "callback": lsgd.progress_bar(50), "callback_every": 25}
        lsgd.stepsize_sweep(X, Y > 0.0, [1.0, 2.0, 4.0], 50, **options)
        return [(bar.n, bar.closed, len(bar.told)) for bar in bars]

    assert sweep(0.2, "logistic") == [(50, True, 4)]  # of three runs at once, and of the end once
    assert sweep(0.0, "logistic") == [(50, True, 1)]
    assert sweep(0.2, "softmax") == [(50, True, 2)] * 3  # one after another


def state_of(**facts):
    return types.SimpleNamespace(n_steps=1, **facts)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (state_of(loss=0.5, stepsize=32.0, verdict="stable"), "stepsize 32, loss 0.5, stable"),
        (state_of(loss=0.5, stepsize=lsgd.stepsizes.Silver()), "loss 0.5"),
        (state_of(loss=0.5, objective=0.75, phase="run 1 of 2"), "run 1 of 2, objective 0.75"),
        (state_of(value=0.25, gap=0.5), "margin from 0.25 to 0.75"),
        (state_of(step_seconds=0.001, phase="timing steps"), "timing steps, 0.001 s a step"),
    ],
)
def test_what_a_display_says_of_a_state(bars, state, text):
    lsgd.progress_bar()(state)
    assert bars[0].told == [text]


def test_tqdm_itself(monkeypatch):
    pytest.importorskip("tqdm")
    stream = io.StringIO()
    bar = lsgd.progress_bar(50, stream=stream)
    lsgd.gradient_descent(X, Y, 32.0, 50, callback=bar)
    assert "50/50" in stream.getvalue() and "stepsize 32, loss " in stream.getvalue()


# Each function that takes a callback, with few steps.
CALLED = {
    "gradient_descent": lambda lib, **k: lib.gradient_descent(X, Y, 32.0, 30, **k),
    "stepsize_sweep": lambda lib, **k: lib.stepsize_sweep(X, Y, [1.0, 2.0], 30, **k),
    "nesterov_descent": lambda lib, **k: lib.nesterov_descent(X, Y, n_steps=30, **k),
    "two_layer_gradient_descent": lambda lib, **k: lib.two_layer_gradient_descent(
        X, Y, 1.0, 30, width=2, rng=0, **k
    ),
    "stochastic_gradient_descent": lambda lib, **k: lib.stochastic_gradient_descent(
        X, Y, 1.0, 30, rng=0, **k
    ),
    "stochastic_sweep": lambda lib, **k: lib.stochastic_sweep(X, Y, [1.0, 2.0], 30, rng=0, **k),
    "minimize": lambda lib, **k: lib.minimize(X, Y, l2=1e-3, **k),
    "max_margin": lambda lib, **k: lib.max_margin(X, Y, **k),
    "separation": lambda lib, **k: lib.separation(*MIXED, **k),
    "staged_trial": lambda lib, **k: lib.staged_trial(X, Y, n_stages=2, n_steps=30, **k),
}
OF_THE_PACKAGE = {
    "plan": lambda lib, **k: lib.plan(X, Y, n_steps=30, **k),
    "pilot": lambda lib, **k: lib.pilot(
        *lsgd.datasets.digits_0_vs_8(), goal="loss", n_steps=30, n_trial_steps=30, n_stages=2, **k
    ),
}
CLASSIFIERS = {
    "quasi-newton": lambda **k: lsgd.LogisticClassifier(l2=1e-3, **k),
    "gd": lambda **k: lsgd.LogisticClassifier(solver="gd", tol=0.1, **k),
    "cv": lambda **k: lsgd.LogisticClassifierCV(l2s=[1.0, 0.1], cv=2, **k),
}
EVERY = [(name, call, backend) for name, call in CALLED.items() for backend in BACKENDS]
EVERY += [(name, call, lsgd) for name, call in OF_THE_PACKAGE.items() if len(BACKENDS) > 1]
every_call = pytest.mark.parametrize(
    ("name", "call", "backend"), EVERY, ids=[f"{name}-{lib.__name__}" for name, _, lib in EVERY]
)


def test_every_function_with_a_callback_is_here():
    taking = {name for name in lsgd.__all__ if inspect.isfunction(getattr(lsgd, name))}
    taking = {n for n in taking if "callback" in inspect.signature(getattr(lsgd, n)).parameters}
    assert taking == CALLED.keys() | OF_THE_PACKAGE.keys()


@every_call
def test_a_progress_bar_is_for_every_function(name, call, backend, bars, monkeypatch):
    set_clock(monkeypatch, 1.0)  # each look is past the time of a display
    call(backend, callback=lsgd.progress_bar())
    assert bars and all(bar.closed and bar.n >= 1 and bar.told for bar in bars)
    said = {"max_margin": "margin from", "plan": "s a step", "minimize": "objective"}
    assert said.get(name, "loss") in bars[0].told[0] or name == "separation"


@every_call
def test_an_error_of_a_callback_closes_it_and_passes(name, call, backend):
    class Broken(Exception):
        pass

    class Callback:
        interval, closed = 1e-9, False

        def __call__(self, state):
            assert state.n_steps >= 1
            raise Broken

        def close(self):
            self.closed = True

    callback = Callback()
    with pytest.raises(Broken):
        call(backend, callback=callback)
    assert callback.closed
    call(backend)  # nothing is left behind


@every_call
def test_ctrl_c_in_a_callback_passes(name, call, backend):
    def interrupted(state):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(backend, callback=interrupted)


@every_call
def test_true_ends_it_and_a_result_comes_back(name, call, backend):
    seen = []
    found = call(backend, callback=lambda state: seen.append(state.n_steps) or True)
    assert found is not None and len(seen) <= 2  # a call for each run of a sweep
    if name == "max_margin":
        assert found.n_passes < lsgd.max_margin(X, Y).n_passes and found.gap > 0.0
    if name == "separation":
        assert found.kind == "undecided" and found.reason == "The callback ended the search."
    if name == "plan":
        assert 0.0 < found.step_seconds < 1.0


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_progress_bar_for_fits(kind, bars, monkeypatch):
    pytest.importorskip("sklearn")
    set_clock(monkeypatch, 1.0)
    classifier = CLASSIFIERS[kind](callback=lsgd.progress_bar())
    plain = CLASSIFIERS[kind]().fit(X, Y)
    assert (classifier.fit(X, Y).coef_ == plain.coef_).all()
    assert bars and all(bar.closed for bar in bars)
    told = [text for bar in bars for text in bar.told]
    first = {"gd": "all rows, ", "cv": "folds, objective", "quasi-newton": "objective"}[kind]
    assert told[0].startswith(first)
    if kind == "cv":
        assert told[-1].startswith("final fit, objective")
        assert bars[0].n == int(plain.path_n_iter_.sum()) or len(bars) == 1


@pytest.mark.parametrize("is_line", [False, True])
def test_clones_of_a_classifier_share_its_display(is_line, request):
    base = pytest.importorskip("sklearn.base")
    request.getfixturevalue("without_tqdm" if is_line else "bars")
    classifier = lsgd.LogisticClassifier(callback=lsgd.progress_bar())
    assert base.clone(classifier.fit(X, Y)).callback is classifier.callback


@pytest.mark.parametrize("is_line", [False, True])
def test_a_classifier_with_a_display_has_a_pickle(is_line, request):
    pytest.importorskip("sklearn")
    made = request.getfixturevalue("without_tqdm" if is_line else "bars")
    classifier = lsgd.LogisticClassifier(callback=lsgd.progress_bar(7, stream=Terminal()))
    assert copy.copy(classifier.callback) is classifier.callback
    loaded = pickle.loads(pickle.dumps(classifier.fit(X, Y)))
    assert (loaded.coef_ == classifier.coef_).all() and loaded.callback.n_steps == 7
    loaded.callback(state_of(loss=0.5))
    assert is_line or made[-1].file is sys.stderr


def test_early_stopping_calls_by_the_clock(monkeypatch):
    pytest.importorskip("sklearn")

    class Callback:
        interval = 10.0

        def __call__(self, state):
            seen.append(state.n_steps)

    set_clock(monkeypatch, 3.0)  # each look takes so long
    seen = []
    rows, y = lsgd.datasets.digits_0_vs_8()
    options = {"early_stopping": True, "random_state": 0, "l2": 1e-3}
    fitted = lsgd.LogisticClassifier(callback=Callback(), **options).fit(rows, y)
    assert 0 < len(seen) < 0.5 * len(fitted.run_.trace)
    assert (fitted.coef_ == lsgd.LogisticClassifier(**options).fit(rows, y).coef_).all()


def test_true_ends_all_fits_of_a_cross_validation():
    pytest.importorskip("sklearn")
    seen = []
    classifier = CLASSIFIERS["cv"](callback=lambda state: seen.append(state.phase) or True)
    classifier.fit(X, Y)
    assert seen == ["folds"] and classifier.stop_reason_ == "callback"


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
    said = [record.getMessage() for record in caplog.records]
    assert "Run with stepsize 32 ended after the 10 steps asked for (undecided). " in said[0]
    starts = ["stepsize 32 ", "stepsize 1 ", "stepsize 2 ", "stepsize 1 "]
    assert all(
        text.startswith(f"Run with {start}") for text, start in zip(said[:4], starts, strict=True)
    )
    assert said[4].startswith("Minimisation converged after ")
    assert said[5].startswith("Stochastic run with stepsize 1 ended after the 5 steps asked for")


def test_the_log_names_a_rule(caplog):
    with caplog.at_level(logging.INFO, logger="lsgd_fast"):
        lsgd.gradient_descent(X, Y, lsgd.stepsizes.RiskAdaptive(2.0), 3)
    assert caplog.records[0].getMessage().startswith("Run with RiskAdaptive(eta=2.0) ended")


@every_backend
def test_a_state_has_the_stepsize_of_its_run(backend):
    seen = []
    backend.stepsize_sweep(
        X, Y, [1.0, lsgd.stepsizes.Silver()], 2, callback=lambda state: seen.append(state.stepsize)
    )
    assert set(map(str, seen)) == {"1.0", str(lsgd.stepsizes.Silver())}
