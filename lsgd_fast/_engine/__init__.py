"""Compiled: many passes over X, and what happens between them.

dataset         a Problem as the row pass reads it; single passes for public functions
linear_map      X @ w and X.T @ r, for minimize
Gradient descent
    descent     Descent: one run, or the runs of a sweep, that the caller steps
    batch       the runs of a batch, which share the passes over X
    loop        the compiled loop: threads, steps, signals
    rules       stepsize rules
    monitor     verdicts on a run while it goes on
    norms       norms and inner products that neither overflow nor underflow
    gram        descent by the inner products of the rows, for more features than rows
Stochastic gradient descent
    sgd         runs on batches of rows
    sgd_lazy    features of sparse rows, brought up to date when a row has them
Quasi-Newton
    lbfgs       the inverse Hessian from the last steps
    score_line  the losses along a line of scores
"""
