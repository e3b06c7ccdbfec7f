"""Plan a descent on the images that ship with the package, run it, and compare."""

import lsgd_fast as lsgd

STEPSIZE, N_STEPS = 6.5, 10_000

X, y = lsgd.datasets.digits_0_vs_8()

# Any run that separates the data gives a lower bound of their margin.
trace = lsgd.gradient_descent(X, y, STEPSIZE, 1000).trace
margin = trace.min_margin[-1] / trace.weight_norm[-1]

plan = lsgd.plan(X, y, stepsize=STEPSIZE, n_steps=N_STEPS, target_loss=1e-3, margin=margin)
print(plan)

run = lsgd.gradient_descent(X, y, STEPSIZE, N_STEPS)
loss = run.trace.loss
print("\nWhat then happened")
print(f"  unstable phase  {run.stable_at} steps; from {run.certified_at} on the loss cannot rise")
print(f"  mean loss       {loss[:-1].mean():.3g}")
print(f"  last loss       {loss[-1]:.3g}")
print(f"  target          {run.trace.step[loss > 1e-3][-1] + 1} steps")
print(f"  in all          {1e3 * run.seconds:.3g} ms")
