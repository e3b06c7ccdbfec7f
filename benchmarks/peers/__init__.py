"""The peers: gradient descent as one would write it in each library, one module per library.

Each module has ``run(X, y, stepsize, n_steps)``: constant stepsize, from zero, all arithmetic in
the dtype of X, labels -1.0 and +1.0. It returns the losses of w_0, ..., w_{n_steps - 1} and the
last weights. No peer takes the final forward pass of the package, nor records more than the loss.
"""

import os

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
