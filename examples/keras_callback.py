"""A callback for Keras: it ends training that cycles. Needs keras, with the backend jax or torch.

Keras hands a callback the mean loss of an epoch. With one batch an epoch that is the loss itself.
"""

import importlib.util
import os

os.environ.setdefault("KERAS_BACKEND", "jax" if importlib.util.find_spec("jax") else "torch")

import keras

import lsgd_fast as lsgd


class Monitored(keras.callbacks.Callback):
    """End training when one of the conditions is met, or when the loss has diverged."""

    def __init__(self, stop):
        super().__init__()
        self.stop, self.monitor = stop, lsgd.TrainingMonitor()

    def on_epoch_end(self, epoch, logs=None):
        """Watch the loss of the epoch."""
        self.monitor.update(logs["loss"], held_out_loss=logs.get("val_loss"))
        self.model.stop_training = bool(self.monitor.should_stop(self.stop))


X, y = lsgd.datasets.digits_0_vs_8()
y = (y > 0).astype("float32")
X, X_held_out, y, y_held_out = X[::2], X[1::2], y[::2], y[1::2]

for eta in (0.5, 8.0):
    keras.utils.set_random_seed(0)
    inner, outer = keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((X.shape[1],)), inner, outer])
    model.compile(keras.optimizers.SGD(eta), keras.losses.BinaryCrossentropy(from_logits=True))
    watched = Monitored(lsgd.Stop(cycling=True, unstable_steps=300))
    data = {"validation_data": (X_held_out, y_held_out), "validation_freq": 10}
    model.fit(X, y, batch_size=len(X), epochs=420, verbose=0, callbacks=[watched], **data)
    monitor = watched.monitor
    losses, ended = monitor.trace.loss, monitor.should_stop(watched.stop)
    print(f"stepsize {eta:g}: {monitor.verdict}, ended: {ended or 'all epochs are over'}")
    print(f"  loss {losses[0]:.3g} -> {losses[-1]:.3g}. {monitor.evidence}")
    print(f"  least held-out loss {monitor.best_held_out_loss:.3g}, in epoch {monitor.best_at}")
