"""JAX: the whole descent is one compiled scan, on the CPU."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)  # float32 arrays stay what they are

NARROW = 64  # features up to which the gradient is faster from a transposed copy of X


def run(X, y, stepsize, n_steps):
    """Take `n_steps` steps; see the package of peers. A new number of steps is compiled anew."""
    transposed = np.ascontiguousarray(X.T) if X.shape[1] <= NARROW else None
    share = X.dtype.type(stepsize / len(X))
    losses, w = _descend(X, transposed, y.astype(X.dtype), share, n_steps)
    return np.asarray(losses), np.asarray(w)


@partial(jax.jit, static_argnames="n_steps")
def _descend(X, transposed, y, share, n_steps):
    def step(w, _):
        z = y * (X @ w)
        s = y * jax.nn.sigmoid(-z)
        gradient = s @ X if transposed is None else transposed @ s
        return w + share * gradient, jax.nn.softplus(-z).mean()

    w, losses = jax.lax.scan(step, jnp.zeros(X.shape[1], X.dtype), None, length=n_steps)
    return losses, w
