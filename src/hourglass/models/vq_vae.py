"""The vector-quantised autoencoder."""

from collections.abc import Mapping, Sequence
from math import log
from typing import Annotated, Any

import torch
from torch import Tensor

from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.diagnostics import perplexity, usage_of
from hourglass.models.shared.nets import running_statistics
from hourglass.models.shared.quantisers import QUANTISERS, QuantiserName
from hourglass.models.shared.sharing import whole
from hourglass.models.shared.terms import Context, Course, Phase, Term
from hourglass.models.shared.transformer import CodeTransformer
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting

_MOST_ENTRIES = 8192


class VQVAE(Variant):
    """Codes cut into pieces, each replaced by the nearest entry of a codebook; a Transformer learns which follow which.

    Source: van den Oord, Vinyals & Kavukcuoglu 2017, "Neural discrete representation learning".
    """

    usage: Tensor
    chosen: Tensor

    def __init__(
        self,
        shape: Sequence[int],
        *,
        pieces: Annotated[
            int | None, Setting("parts of a code; null: of two to four units, or one", ge=1, le=65_536)
        ] = None,
        quantiser: Annotated[
            QuantiserName,
            Setting("codebook; residual: a second one for what the first leaves over; finite: rounded numbers (FSQ)"),
        ] = "codebook",
        entries: Annotated[int, Setting("vectors in a codebook", ge=2, le=8192)] = 256,
        levels: Annotated[int, Setting("values of each unit, for finite", ge=3, le=256)] = 7,
        commitment: Annotated[float, Setting("weight of codes' distance to their entries", gt=0, le=1000)] = 0.25,
        width: Annotated[int, Setting("width of the Transformer", ge=4, le=4096)] = 64,
        layers: Annotated[int, Setting("layers of the Transformer", ge=1, le=64)] = 2,
        heads: Annotated[int, Setting("attention heads of the Transformer", ge=1, le=64)] = 4,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.pieces = _usual_pieces(self.latent) if pieces is None else pieces
        _require_divisible("latent", self.latent, "pieces", self.pieces)
        _require_divisible("width", width, "heads", heads)
        self.commitment = commitment
        units = self.latent // self.pieces
        if quantiser == "finite" and units * log(levels) > log(_MOST_ENTRIES):
            raise HourglassError(
                f"params.yaml: vq_vae.levels {levels} makes {levels}^{units} values of a piece of {units} units, and a "
                f"Transformer tells {_MOST_ENTRIES:,} apart; set fewer levels or more pieces."
            )
        size = levels if quantiser == "finite" else entries
        self.quantiser = QUANTISERS[quantiser](units, size)
        places = (self.pieces * self.quantiser.depth, self.quantiser.entries)
        self.code_prior: CodeTransformer = CodeTransformer(*places, width=width, layers=layers, heads=heads)
        self.register_buffer("usage", torch.zeros(places, dtype=torch.int64))
        per_book = torch.zeros(self.quantiser.depth, self.quantiser.entries, dtype=torch.int64)
        self.register_buffer("chosen", per_book, persistent=False)

    @classmethod
    def narrowest(cls, settings: Mapping[str, Any]) -> int:
        return settings.get("pieces") or super().narrowest(settings)

    @classmethod
    def widest(cls, settings: Mapping[str, Any]) -> int:
        if settings.get("quantiser") != "finite" or not settings.get("pieces"):
            return super().widest(settings)
        return int(settings["pieces"] * (log(_MOST_ENTRIES) // log(settings["levels"])))

    def encode(self, x: Tensor) -> dict[str, Tensor]:
        """Give the codes before they are quantised as ``"z"``, and their entries as ``"index"``."""
        z = self.encoder(x)
        return {"z": z, "index": self._index(z)}

    def decode(self, z: Tensor) -> Tensor:
        return self.decode_index(self._index(z))

    def decode_index(self, index: Tensor) -> Tensor:
        """Give the expected rows for entries, int64 of shape (batch, places)."""
        vectors = self.quantiser.look_up(index.view(-1, self.pieces, self.quantiser.depth))
        return self.likelihood.mean(self.decoder(vectors.flatten(1)))

    def margin(self, x: Tensor) -> Tensor:
        return self.quantiser.margin(self._cut(self.encoder(x)))

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """Equation 3 of the paper, the codebook's term replaced by running means (appendix A.1)."""
        found = self.quantiser(self._cut(self.encoder(batch.x)), context.generator)
        if self.training:
            index = whole(found.entries).flatten(0, 1).T
            self.chosen = self.chosen.scatter_add(1, index, torch.ones_like(index))
        terms = {"reconstruction": Term(self.likelihood.nll(self.decoder(found.z.flatten(1)), batch.target))}
        return terms if found.commitment is None else terms | {"commitment": Term(found.commitment, self.commitment)}

    def diagnose(self, batch: Batch, generator: torch.Generator) -> dict[str, float]:
        """Tell how many entries the rows use, their number and the perplexity, and the perplexity of the whole epoch.

        Of two codebooks the least.
        """
        index = self.encode(batch.x)["index"].view(-1, self.quantiser.depth)
        rows = [perplexity(level, self.quantiser.entries) for level in index.unbind(1)]
        found = {name: min(level[name] for level in rows) for name in rows[0]}
        if self.chosen.any():
            found["epoch_perplexity"] = min(usage_of(level)["perplexity"] for level in self.chosen)
            self.chosen = torch.zeros_like(self.chosen)
        return found

    def prior_losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log p(index)``, in nats."""
        with torch.no_grad(), running_statistics(self.encoder):
            index = self.encode(batch.x)["index"]
        if self.training:
            chosen = whole(index).T
            self.usage = self.usage.scatter_add(1, chosen, torch.ones_like(chosen))
        return {"prior": Term(-self.code_prior(index).gather(2, index[:, :, None]).flatten(1).sum(1))}

    def diagnose_prior(self, batch: Batch, generator: torch.Generator) -> dict[str, float]:
        """Compare bits per place: of the Transformer, of the places' own frequencies in training, of chance."""
        index = self.encode(batch.x)["index"]
        known = self.code_prior(index).gather(2, index[:, :, None]).mean()
        frequencies = ((self.usage + 1) / (self.usage + 1).sum(1, keepdim=True)).log()
        alone = frequencies.gather(1, index.T).mean()
        return {
            "prior_bits": -known.item() / log(2),
            "unigram_bits": -alone.item() / log(2),
            "uniform_bits": log(self.quantiser.entries, 2),
        }

    def courses(self) -> tuple[Course, ...]:
        """Train the Transformer on the codes of the finished net."""
        nets = [*self.encoder.parameters(), *self.decoder.parameters(), *self.likelihood.parameters()]
        code = Phase("autoencoder", nets, self.losses)
        prior = Phase("prior", [*self.code_prior.parameters()], self.prior_losses)
        return (
            Course("autoencoder", (code,), self.losses, self.monitor, self.diagnose),
            Course("prior", (prior,), self.prior_losses, None, self.diagnose_prior),
        )

    def _cut(self, z: Tensor) -> Tensor:
        return z.view(-1, self.pieces, self.quantiser.width)

    def _index(self, z: Tensor) -> Tensor:
        return self.quantiser.nearest(self._cut(z)).flatten(1)


def _usual_pieces(latent: int) -> int:
    return latent // next((width for width in (2, 3, 4) if latent % width == 0), 1)


def _require_divisible(name: str, whole: int, other: str, parts: int) -> None:
    if whole % parts:
        raise HourglassError(f"params.yaml: vq_vae.{name} is {whole}, which vq_vae.{other} {parts} doesn't divide.")
