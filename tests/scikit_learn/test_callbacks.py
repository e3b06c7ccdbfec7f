"""Callbacks and messages of the classifier while it is fitted."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.model_selection import GridSearchCV

from lsgd_fast import LogisticClassifier, NotConvergedWarning
from support.classifiers import at, every_solver, overlapping

# Callbacks


@every_solver
def test_callback(solver):
    X, y = overlapping()
    seen = []

    def callback(state):
        seen.append((state.n_steps, state.loss))
        return state.n_steps == 3

    classifier = LogisticClassifier(**at(0.1, solver), callback=callback).fit(X, y)
    assert [n for n, _ in seen] == [1, 2, 3]
    assert classifier.n_iter_ == 3 and classifier.stop_reason_ == "callback"


class Recorder:
    """A callback of scikit-learn's; ends the fit at the iteration of number `last`."""

    def __init__(self, last=None):
        self.last, self.seen = last, []

    def setup(self, estimator, context):
        self.seen.append("setup")

    def teardown(self, estimator, context):
        self.seen.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.seen.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.seen.append(("end", context.task_name, context.task_id))
        self.score = fitted_estimator.score(X, y)
        return context.task_name == "iteration" and context.task_id == self.last


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
def test_callbacks_of_scikit_learn(solver, n_classes):
    pytest.importorskip("sklearn.callback", exc_type=ImportError)
    X, y = overlapping(n_classes=n_classes)
    own = []
    classifier = LogisticClassifier(**at(0.1, solver), max_iter=4, callback=own.append)
    recorder = Recorder()
    with pytest.warns(NotConvergedWarning):
        classifier.set_callbacks(recorder).fit(X, y)
    steps = [(how, "iteration", i) for i in range(4) for how in ("begin", "end")]
    fit = [(how, "fit", 0) for how in ("begin", "end")]
    assert recorder.seen == ["setup", fit[0], *steps, fit[1], "teardown"]
    assert recorder.score == classifier.score(X, y)
    assert len(own) >= 3
    recorder = Recorder(last=1)
    classifier.set_callbacks(recorder).fit(X, y)
    assert classifier.n_iter_ == 2 and classifier.stop_reason_ == "callback"
    assert recorder.seen == ["setup", fit[0], *steps[:4], fit[1], "teardown"]


@every_solver
def test_true_of_numpy_ends_a_fit_with_callbacks_of_scikit_learn(solver):
    pytest.importorskip("sklearn.callback", exc_type=ImportError)

    def callback(state):
        return np.bool_(state.n_steps == 2)

    classifier = LogisticClassifier(**at(0.1, solver), callback=callback)
    classifier.set_callbacks(Recorder()).fit(*overlapping())
    assert classifier.n_iter_ == 2 and classifier.stop_reason_ == "callback"


def test_callbacks_come_down_from_a_search():
    pytest.importorskip("sklearn.callback", exc_type=ImportError)

    class Propagated(Recorder):
        max_propagation_depth = None

        def on_fit_task_end(self, estimator, context):
            self.seen.append(("end", context.task_name, context.estimator_name))

    X, y = overlapping()
    recorder = Propagated()
    search = GridSearchCV(LogisticClassifier(), {"l2": [1e-3, 1e-1]}, cv=3).set_callbacks(recorder)
    search.fit(X, y)
    assert recorder.seen.count("setup") == recorder.seen.count("teardown") == 1
    ended = [name for how, *name in (seen for seen in recorder.seen if seen[0] == "end")]
    begun = [seen for seen in recorder.seen if seen[0] == "begin"]
    assert len(ended) == len(begun)
    assert ended.count(["fit", "LogisticClassifier"]) == 7  # and once more for the best
    assert ended.count(["iteration", "LogisticClassifier"]) > 7


def test_verbose(capsys):
    X, y = overlapping()
    LogisticClassifier(verbose=1).fit(X, y)
    said = capsys.readouterr().out
    assert said.startswith("[LogisticClassifier] quasi-newton converged after ")
    assert " s, stable). " in said
    LogisticClassifier().fit(X, y)
    assert capsys.readouterr().out == ""
