"""The undercomplete autoencoder."""

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variant import Variant


class Autoencoder(Variant):
    """Encodes into a narrow code and decodes it; with linear nets and squared error it spans PCA's subspace.

    Source: Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks".
    """

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log p(target | z)`` of the code z."""
        z = self.encode(batch.x)["z"]
        return {"reconstruction": Term(self.likelihood.nll(self.decoder(z), batch.target))}
