"""Compiled: many passes over X, and what happens between them.

dataset         a Problem as the row pass reads it; single passes for public functions
Gradient descent
    descent     Descent: one run that the caller steps, with checkpoints
    sweep       several descents that share every pass
    batch       the runs that share every pass: rows, memory of a pass, first weights
    run_state   one run: the arrays of its state, diagnostics, the state in a checkpoint
    loop        the compiled loop: a pass for all runs by a team of threads, then a step of each
    step        one step of one run: measure, check the stop conditions, move
    rules       stepsize rules
    monitor     the numbers that the verdict on a run depends on, updated at every step
    state       the C structs that loop and step work on
    norms       norms and inner products that neither overflow nor underflow
    mean        the exact sum of the weights of all steps
    average     the mean of these weights, and what a pass measures there
    gram        descent by the inner products of the rows, for more features than rows
Stochastic gradient descent
    sgd         runs on batches of rows
    sgd_loop    the compiled loop over a list of batches
    sgd_lazy    features of sparse rows, brought up to date when a row has them
All of them
    poll        the team of threads of a call, where it meets, and signals (Ctrl-C) during it
    polled_pass the shares of a pass, and single passes, between which signals are looked for
Quasi-Newton
    linear_map  X @ w and X.T @ r
    lbfgs       the inverse Hessian from the last steps
    score_line  the losses along a line of scores
"""
