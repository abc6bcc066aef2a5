"""The distance to training rows and to what the net makes of them."""

from hourglass.scores.shared.nearest import Nearest


class Memory(Nearest):
    """The squared distance of row, code and residual to those of the nearest of 512 prototypes, over a row's numbers.

    Source: Gong et al. 2019, "Memorizing normality to detect anomaly", which learns its memory; this one is k-means'.
    """

    with_rows = True
