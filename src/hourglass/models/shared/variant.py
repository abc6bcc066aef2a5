"""The contract of a variant."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.likelihoods import LikelihoodName, likelihood_for
from hourglass.models.shared.nets import Activation, NetName, Normalisation, Plan, Style
from hourglass.models.shared.priors import Prior
from hourglass.models.shared.sigma import Sigma
from hourglass.models.shared.terms import Context, Course, Phase, Term
from hourglass.models.shared.transformer import CodeTransformer
from hourglass.settings import Setting

_WIDEST = 65_536


class Variant(nn.Module):
    """An autoencoder: `encode`, `decode`, and the named terms of its loss.

    Settings are keyword-only arguments annotated with `Setting`; a subclass declares what it adds and passes the rest
    on. The first line of its docstring is its description, a ``Source:`` line names the paper.

    Parameters
    ----------
    shape : sequence of int
        Shape of one row.
    known : int
        Numbers that encoder and decoder are told of a row beside it; only a `conditional` variant is told any.
    categories : sequence of (int, int)
        Where the 0s and 1s of each category start and stop among a row's numbers.
    embedded : sequence of (int, int)
        Those of the categories that the nets embed.
    known_shape : sequence of int
        Shape of the array that is known of a row, where it is one: its numbers come flat, and behind them a 1, or a 0
        where nothing is known, so that `known` is one more than their count.
    """

    #: Numbers the encoder gives per latent unit: 1 for a code, 2 for a mean and a log-variance.
    per_unit: ClassVar[int] = 1
    #: The terms whose weighted sum on validation decides early stopping and the kept weights; None: all of them, the
    #: objective itself. The weights are those after every warm-up.
    monitor: ClassVar[tuple[str, ...] | None] = None
    #: Whether encoder and decoder are told what is known of a row beside it.
    conditional: ClassVar[bool] = False
    #: Whether losses heed the scheduled weight of the KL, whose warm-up early stopping then waits for.
    weighs_kl: ClassVar[bool] = False
    #: Whether a term compares the rows of a batch with each other, so that a row's part depends on its neighbours.
    couples_rows: bool = False

    def __init__(
        self,
        shape: Sequence[int],
        known: int = 0,
        categories: Sequence[tuple[int, int]] = (),
        embedded: Sequence[tuple[int, int]] = (),
        known_shape: Sequence[int] = (),
        *,
        latent: Annotated[int, Setting("width of the code; auto: training finds it", ge=1, le=_WIDEST, auto=True)] = 8,
        net: Annotated[
            NetName,
            Setting("kind of encoder and decoder; auto: by the row's shape, but mlp where widths are given"),
        ] = "auto",
        hidden: Annotated[
            list[Annotated[int, Setting("units", ge=1, le=65_536)]] | None,
            Setting("widths of the encoder's hidden layers, or channels of its stages; null: derived from the row"),
        ] = None,
        decoder_hidden: Annotated[
            list[Annotated[int, Setting("units", ge=1, le=65_536)]] | None,
            Setting("those of the decoder, from the code to the row; null: the encoder's mirrored"),
        ] = None,
        activation: Annotated[Activation, Setting("non-linearity of the hidden layers")] = "silu",
        normalisation: Annotated[Normalisation, Setting("what scales the hidden layers' numbers")] = "none",
        likelihood: Annotated[LikelihoodName, Setting("what the decoder's output means")] = "mse",
        sigma: Annotated[
            Sigma,
            Setting(
                "width of gaussian, laplace and mixed: their optimum, for all features or each; learned, or predicted "
                "for each row and feature; or a fixed number"
            ),
        ] = "optimal",
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.latent = latent
        self.known = known
        self.categories = tuple(categories)
        self.known_shape = tuple(known_shape)
        #: What training pulls codes towards, so that new rows can be drawn from there; None: nothing does.
        self.prior: Prior | None = None
        #: What knows which entry follows which in codes that are made of entries, where `decode_index` decodes them.
        self.code_prior: CodeTransformer | None = None
        section = type(self).__module__.rpartition(".")[2]
        self.likelihood = likelihood_for(likelihood, self.shape, self.categories, sigma, section=section)
        plan = Plan(
            self.shape,
            latent,
            net=net,
            hidden=hidden,
            decoder_hidden=decoder_hidden,
            style=Style(activation, normalisation),
            known=known,
            known_shape=self.known_shape,
            embedded=embedded,
            section=section,
        )
        self.encoder = plan.encoder(self.per_unit * latent)
        self.decoder = plan.decoder(self.likelihood.per_feature)

    @classmethod
    def narrowest(cls, settings: Mapping[str, Any]) -> int:  # noqa: ARG003
        """Give the width that ``latent: auto`` starts from; its multiples suit the other settings."""
        return 2

    @classmethod
    def widest(cls, settings: Mapping[str, Any]) -> int:  # noqa: ARG003
        """Give the width that ``latent: auto`` may go to under the other settings."""
        return _WIDEST

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

    def decode_index(self, index: Tensor) -> Tensor:
        """Give the expected rows for codes made of entries, int64 of shape (batch, places)."""
        raise NotImplementedError

    def reconstruct(self, x: Tensor) -> Tensor:
        """Encode and rebuild without noise; shape as `x`."""
        return self.rebuild(x, self.encode(x)["z"])

    def rebuild(self, x: Tensor, z: Tensor, *known: Tensor) -> Tensor:
        """Give rows by their codes, and by what is known of them: decoded, where a variant says nothing else."""
        return self.decode(z, *known)

    def margin(self, x: Tensor) -> Tensor:
        """Tell how far rows are from where rounding alone changes the code by a leap: shape (batch,), 0 at a tie."""
        return torch.full_like(x.flatten(1)[:, 0], torch.inf)

    def losses(self, batch: Batch, context: Context) -> Mapping[str, Term]:
        """Give the named terms of the loss for a batch."""
        raise NotImplementedError

    def diagnose(self, batch: Batch, generator: torch.Generator) -> dict[str, float]:
        """Measure what can't be averaged over rows, on some thousand of validation; asked after every epoch."""
        return {}

    def phases(self) -> tuple[Phase, ...]:
        """List the parts of a step in their order; one, of everything, unless parts of the net play against others."""
        return (Phase("step", list(self.parameters()), self.losses),)

    def courses(self) -> tuple[Course, ...]:
        """List what is trained after what; one course, unless a part waits for the rest to be done."""
        return (Course("autoencoder", self.phases(), self.losses, self.monitor, self.diagnose, self.weighs_kl),)
