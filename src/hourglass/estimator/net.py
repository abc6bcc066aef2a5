"""A trained variant in main memory: arrays in, arrays out, in the net's units."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hourglass.models.shared.priors import Fitted, Prior
from hourglass.models.shared.variant import Variant
from hourglass.runtime.drawing import draw_index
from hourglass.scores.mse import MSE
from hourglass.scores.shared.score import Score
from hourglass.scores.shared.seen import Seen

#: Rows that go through the net at once, fewer where each is decoded several times.
_BLOCK = 4096

Array = NDArray[Any]


class Net:
    """What a variant says of rows, without gradients and without noise of its own.

    It computes in float64, and gives scores rounded to float32. The last bits of what a net computes depend on how many
    rows it is given at once; scores without them don't, so a row at the threshold is always judged the same.

    Parameters
    ----------
    model : Variant
    train : ndarray of shape (rows, *shape)
        The training rows; where the variant has no prior of its own, new codes are drawn from a fit to theirs.
    """

    def __init__(self, model: Variant, train: Array) -> None:
        self.model = model.cpu().double().eval()
        self.prior: Prior | None = model.prior
        self.scored_by: Score = MSE()
        if model.prior is None and model.code_prior is None:
            self.prior = Fitted(torch.from_numpy(self.encode(train))).double()

    def encode(self, x: Array, told: Array | None = None) -> NDArray[np.float64]:
        """Embed rows: shape (rows, latent)."""
        return self._run(lambda x, *told: self.model.encode(x, *told)["z"], x, told)

    def decode(self, z: Array, told: Array | None = None) -> NDArray[np.float64]:
        """Decode codes: shape (rows, *shape)."""
        return self._run(self.model.decode, z, told)

    def reconstruct(self, x: Array, told: Array | None = None) -> NDArray[np.float64]:
        """Encode and decode rows."""
        return self._run(self.model.reconstruct, x, told)

    def learn_to_score(self, by: Score, x: Array, told: Array | None = None, *, robust: bool) -> None:
        """Fit a score to rows, which may hold anomalies where that shall be `robust`, and score by it from now on."""
        given = [torch.tensor(values).double() for values in (x, told) if values is not None]
        self.scored_by = by.fit(Seen.in_blocks(self.model, *given), robust=robust)

    def score(self, x: Array, told: Array | None = None) -> NDArray[np.float64]:
        """Score rows, larger is more anomalous: shape (rows,)."""
        at_once = _BLOCK // self.scored_by.decodings
        scores = self._run(lambda x, *told: self.scored_by(Seen.by(self.model, x, *told)), x, told, at_once=at_once)
        return scores.astype(np.float32).astype(np.float64)

    def sample(self, n: int, generator: np.random.Generator, told: Array | None = None) -> NDArray[np.float64]:
        """Draw codes and decode them."""
        if self.prior is not None:
            noise = generator.standard_normal((n, self.prior.noise), np.float32)
            return self.decode(self._run(self.prior, noise), told)
        prior = self.model.code_prior
        assert prior is not None  # noqa: S101

        def step(*inputs: Array) -> tuple[Array, Array]:
            with torch.no_grad():
                log_probability, cache = prior.step(*(torch.from_numpy(given) for given in inputs))
            return log_probability.numpy(), cache.numpy()

        cache = prior.empty(n).double().numpy()
        return self._run(self.model.decode_index, draw_index(step, prior.entries, cache, generator))

    def _run(self, part: Callable[..., Tensor], *inputs: Array | None, at_once: int = _BLOCK) -> NDArray[np.float64]:
        given = [torch.tensor(values) for values in inputs if values is not None]
        given = [values.double() if values.is_floating_point() else values for values in given]
        with torch.no_grad():
            blocks = zip(*(torch.split(values, at_once) for values in given), strict=True)
            found: NDArray[np.float64] = torch.cat([part(*block) for block in blocks]).double().numpy()
        return found
