"""The negative importance-weighted bound."""

from collections.abc import Iterator
from math import log

import torch
from torch import Tensor

from hourglass.scores.shared.score import Score, shares
from hourglass.scores.shared.seen import Seen
from hourglass.scores.shared.widths import variances

#: Draws of each row, and the seed that they are made by.
_DRAWS, _SEED = 16, 0
#: Numbers that are decoded at once in a fit.
_NUMBERS = 2**22


class IWAE(Score):
    """The negative importance-weighted bound of 16 draws from the posterior, in nats: closer to log p(x) than `elbo`.

    ``-log mean_k p(x | z_k) p(z_k) / q(z_k | x)`` with ``z_k = mu + sigma * noise_k``. The noise is drawn once, by a
    fixed seed, when a score is fitted, and lies in the graph as a constant: it is the same for all rows, so a row has
    one score, whatever is judged beside it. p(x | z) is a Gaussian around the decoder's mean, as that of `elbo`; its
    width for each number is the one under which the residuals of the draws of training are most probable. Its constant
    is left out, so a row that is rebuilt exactly from a code that says nothing has 0, and so has one that few draws
    find likelier still. A row's numbers share the score as they share the squared residuals of the draws, weighted by
    their importance. Only variants with a posterior have this score. All draws of a row are decoded.

    Source: Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders", equation 8.
    """

    decodings = _DRAWS
    noise: Tensor
    variance: Tensor

    def learn(self, seen: Seen, *, robust: bool) -> None:
        latent = seen.posterior_for("iwae").mu.shape[1]
        noise = torch.randn(_DRAWS, latent, generator=torch.Generator().manual_seed(_SEED))
        self.register_buffer("noise", noise.to(seen.x.dtype))
        squares = torch.stack([self._squares(part)[1].mean(1).sum(0) for part in _blocks(seen)])
        self.register_buffer("variance", variances(squares.sum(0) / len(seen)))

    def parts(self, seen: Seen) -> Tensor:
        logvar = seen.posterior_for("iwae").logvar[:, None]
        z, squares = self._squares(seen)
        costs = squares / (2 * self.variance)
        rates = 0.5 * (z.square() - self.noise.square() - logvar).sum(2)  # log q(z | x) / p(z)
        weights = -costs.sum(2) - rates
        largest = weights.amax(1, keepdim=True)
        importance = (weights - largest).exp()
        bound = log(len(self.noise)) - largest - importance.sum(1, keepdim=True).log()
        return bound.clamp(min=0) * shares((importance[:, :, None] * costs).sum(1))

    def of_learnt(self, seen: Seen) -> Tensor:
        return torch.cat([self.forward(part) for part in _blocks(seen)])

    def _squares(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Give draws, of shape (rows, draws, latent), and their squared residuals, (rows, draws, numbers)."""
        posterior = seen.posterior_for("iwae")
        z = posterior.mu[:, None] + self.noise * (0.5 * posterior.logvar[:, None]).exp()
        return z, (posterior.decoded(z) - seen.x[:, None]).square()


def _blocks(seen: Seen) -> Iterator[Seen]:
    """Take so many rows at a time that their draws fit the memory."""
    for places in torch.split(torch.arange(len(seen)), max(1, _NUMBERS // (_DRAWS * seen.x.shape[1]))):
        yield seen.take(places)
