"""The loop of PyTorch's examples, and that of someone who cares, on the nets of the workloads; torch alone."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from workloads import (
    ENTRIES,
    PIECES,
    WIDTH,
    WORKLOADS,
    Clock,
    Decoder,
    Encoder,
    Found,
    layers,
    negative_elbo,
    rows_of,
    squared_error,
)


class Net(nn.Module):
    """The net of a workload, and its loss."""

    def __init__(self, name: str) -> None:
        super().__init__()
        widths = WORKLOADS[name].widths
        self.is_table, self.is_quantised = name.startswith("table"), name.startswith("vq")
        self.encoder = layers(widths) if self.is_table else Encoder(name)
        self.decoder = layers(widths[::-1]) if self.is_table else Decoder(name)
        if self.is_quantised:
            self.codebook = nn.Parameter(torch.empty(ENTRIES, WIDTH).uniform_(-1 / ENTRIES, 1 / ENTRIES))

    def loss(self, x: Tensor) -> Tensor:
        """Give the mean loss of rows, as the examples of PyTorch write it."""
        if self.is_table:
            return functional.mse_loss(self.decoder(self.encoder(x)), x)
        if self.is_quantised:
            z, nearest = self.quantised(x)
            x_hat = self.decoder((z + (nearest - z).detach()).flatten(1))
            moved = (nearest - z.detach()).square().sum() + 0.25 * (z - nearest.detach()).square().sum()
            return ((x_hat - x).square().sum() + moved) / len(x)
        mu, logvar = self.encoder(x)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        nll = functional.binary_cross_entropy(torch.sigmoid(self.decoder(z)), x, reduction="sum")
        return (nll - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())) / len(x)

    def quantised(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the pieces of codes and the entries nearest to them."""
        z = self.encoder.net(x).view(-1, PIECES, WIDTH)
        return z, self.codebook[torch.cdist(z, self.codebook[None]).argmin(-1)]

    def quality(self, held_out: Tensor) -> float:
        """Measure held-out rows."""
        self.to(held_out.device)
        if self.is_quantised:
            return squared_error(lambda x: self.decoder(self.quantised(x)[1].flatten(1)), held_out)
        if self.is_table:
            return squared_error(lambda x: self.decoder(self.encoder(x)), held_out)
        return negative_elbo(self.encoder, self.decoder, held_out)


def tutorial(name: str) -> Found:
    """Run the loop of PyTorch's examples: a DataLoader over a TensorDataset, Adam, backward, step."""
    work, (train, held_out), net = WORKLOADS[name], rows_of(name), Net(name).to(WORKLOADS[name].device)
    loader = DataLoader(TensorDataset(train), batch_size=work.batch, shuffle=True)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    clock = Clock(work.device)
    for _ in range(work.epochs):
        for (x,) in loader:
            optimizer.zero_grad()
            loss = net.loss(x.to(work.device))
            loss.backward()
            optimizer.step()
        clock.mark()
    return clock.epochs(), net.quality(held_out)


def resident(name: str) -> Found:
    """Run the loop of someone who cares: rows on the GPU, batches by index, a fused Adam, nothing waits."""
    work, (train, held_out), net = WORKLOADS[name], rows_of(name), Net(name).to(WORKLOADS[name].device)
    train = train.to(work.device)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
    clock = Clock(work.device)
    for _ in range(work.epochs):
        for which in torch.randperm(len(train), device=work.device).split(work.batch):
            optimizer.zero_grad()
            net.loss(train[which]).backward()
            optimizer.step()
        clock.mark()
    return clock.epochs(), net.quality(held_out)
