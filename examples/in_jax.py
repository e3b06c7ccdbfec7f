"""A network in JAX and optax: the loss jumps. With true labels that ends, with false ones not.

Needs jax and optax.
"""

import jax
import jax.numpy as jnp
import optax

import lsgd_fast as lsgd

X, y = lsgd.datasets.digits_0_vs_8()
X, y = jnp.asarray(X, jnp.float32), jnp.asarray(y > 0, jnp.float32)


def loss_of(weights, y):
    """Return the mean logistic loss of a network with one layer of 16 units."""
    scores = jnp.tanh(X @ weights["inner"]) @ weights["outer"]
    return optax.sigmoid_binary_cross_entropy(scores, y).mean()


def train(y, eta, n_steps):
    """Train until the loss is low, or until the monitor says that it cycles or has diverged."""
    optimizer = optax.sgd(eta)
    keys = jax.random.split(jax.random.key(0))
    weights = {
        "inner": jax.random.normal(keys[0], (X.shape[1], 16)) / X.shape[1] ** 0.5,
        "outer": jax.random.normal(keys[1], (16,)) / 4.0,
    }
    state = optimizer.init(weights)

    @jax.jit
    def step(weights, state):
        loss, gradient = jax.value_and_grad(loss_of)(weights, y)
        updates, state = optimizer.update(gradient, state)
        norm = optax.tree.norm(gradient)
        return optax.apply_updates(weights, updates), state, loss, norm

    monitor, stop = lsgd.TrainingMonitor(), lsgd.Stop(cycling=True)
    for _ in range(n_steps):
        weights, state, loss, norm = step(weights, state)
        monitor.update(loss, stepsize=eta, gradient_norm=norm)
        if monitor.should_stop(stop):
            break
    return monitor, monitor.should_stop(stop) or "all steps taken"


for name, labels in (("true", y), ("every tenth false", y.at[::10].set(1.0 - y[::10]))):
    for eta in (0.5, 2.0, 8.0):
        monitor, ended = train(labels, eta, 2000)
        losses = monitor.trace.loss
        print(f"labels {name}, stepsize {eta:g}: {monitor.verdict}, ended: {ended}")
        print(f"  loss {losses[0]:.3g} -> {losses[-1]:.3g}. {monitor.evidence}")
