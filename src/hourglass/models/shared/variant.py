"""The contract of a variant."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from torch import Tensor, nn

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.likelihoods import LIKELIHOODS, LikelihoodName
from hourglass.models.shared.nets import Activation, decoder_for, encoder_for
from hourglass.models.shared.terms import Context, Term
from hourglass.settings import Setting


class Variant(nn.Module):
    """An autoencoder: `encode`, `decode`, and the named terms of its loss.

    Settings are keyword-only arguments annotated with `Setting`; a subclass declares what it adds and passes the rest
    on. The first line of its docstring is its description, a ``Source:`` line names the paper.

    Parameters
    ----------
    shape : sequence of int
        Shape of one row.
    """

    #: Numbers the encoder gives per latent unit: 1 for a code, 2 for a mean and a log-variance.
    per_unit: ClassVar[int] = 1
    #: The terms whose unweighted sum on validation decides early stopping and the kept weights; lower is better.
    monitor: ClassVar[tuple[str, ...]] = ("reconstruction",)

    #: Whether training pulls codes towards N(0, 1), so that new rows can be drawn from there.
    has_prior: ClassVar[bool] = False

    def __init__(
        self,
        shape: Sequence[int],
        *,
        latent: Annotated[int, Setting("width of the code", ge=1, le=65_536)] = 8,
        hidden: Annotated[
            list[Annotated[int, Setting("units", ge=1)]] | None,
            Setting("widths of the encoder's hidden layers, mirrored in the decoder; null: derived from the latent"),
        ] = None,
        activation: Annotated[Activation, Setting("non-linearity of the hidden layers")] = "silu",
        likelihood: Annotated[LikelihoodName, Setting("what the decoder's output means")] = "mse",
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.latent = latent
        self.likelihood = LIKELIHOODS[likelihood]()
        self.encoder = encoder_for(
            self.shape, self.per_unit * latent, latent=latent, hidden=hidden, activation=activation
        )
        self.decoder = decoder_for(
            self.shape, self.likelihood.per_feature, latent=latent, hidden=hidden, activation=activation
        )

    def encode(self, x: Tensor) -> dict[str, Tensor]:
        """Embed rows without noise.

        Parameters
        ----------
        x : Tensor of shape (batch, *shape)

        Returns
        -------
        dict of str to Tensor
            ``"z"`` of shape (batch, latent), the embedding, and what else describes the posterior.
        """
        return {"z": self.encoder(x)}

    def decode(self, z: Tensor) -> Tensor:
        """Give the expected rows, of shape (batch, *shape), for codes of shape (batch, latent)."""
        return self.likelihood.mean(self.decoder(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Encode and decode without noise; shape as `x`."""
        return self.decode(self.encode(x)["z"])

    def anomaly_score(self, x: Tensor, x_hat: Tensor) -> Tensor:
        """Score rows by the mean squared error of their reconstruction: shape (batch,), larger is more anomalous."""
        return (x - x_hat).square().flatten(1).mean(1)

    def losses(self, batch: Batch, context: Context) -> Mapping[str, Term]:
        """Give the named terms of the loss for a batch."""
        raise NotImplementedError
