"""A network in PyTorch: the loss jumps with larger stepsizes. Which jumps come to an end?

On all rows a loss is exact. On batches the monitor averages those of an epoch, so that it does not
take noise for instability. Needs torch.
"""

import torch

import lsgd_fast as lsgd

torch.set_num_threads(1)  # the network is small
X, y = lsgd.datasets.digits_0_vs_8()
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y > 0, dtype=torch.float32)
loss_of = torch.nn.functional.binary_cross_entropy_with_logits
stop = lsgd.Stop(cycling=True)


def train(eta, n_epochs, n_batches=1):
    """Train until the last epoch, or until the monitor says that it cycles or has diverged."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(X.shape[1], 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=eta)
    monitor = lsgd.TrainingMonitor(updates_per_epoch=n_batches)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).chunk(n_batches):
            optimizer.zero_grad()
            loss = loss_of(net(X[rows])[:, 0], y[rows])
            loss.backward()
            norm = torch.nn.utils.get_total_norm([p.grad for p in net.parameters()])
            monitor.update(loss, stepsize=eta, gradient_norm=norm)
            optimizer.step()
        if monitor.should_stop(stop):
            break
    return monitor


for eta, n_epochs, n_batches in ((0.5, 1500, 1), (2.0, 1500, 1), (3.0, 1500, 1), (0.5, 200, 8)):
    monitor = train(eta, n_epochs, n_batches)
    ended = monitor.should_stop(stop) or "all epochs are over"
    losses = monitor.trace.loss
    print(f"stepsize {eta:g}, {n_batches} updates an epoch: {monitor.verdict}, ended: {ended}")
    print(f"  loss {losses[0]:.3g} -> {losses[-1]:.3g}. {monitor.evidence}")
