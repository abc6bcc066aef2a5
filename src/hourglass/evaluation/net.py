"""The net of a package, for what its graphs can't say."""

from hourglass.evaluation.baselines import untrained_net
from hourglass.models.shared import weights
from hourglass.models.shared.variant import Variant
from hourglass.outputs import WEIGHTS
from hourglass.runtime import Model


def packaged_net(model: Model) -> Variant:
    """Build the net with the weights that the package holds beside its graphs; of an ensemble the first member.

    Graphs give the mean of p(x | z) alone. The weights are those that the graphs were checked against when they were
    exported, and the package's manifest holds the hash of both.
    """
    net = untrained_net(model.config, seed=0)
    weights.load(net, model.folder / WEIGHTS)
    return net.eval()
