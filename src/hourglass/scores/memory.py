"""The distance to training rows and to what the net makes of them."""

from hourglass.scores.shared.nearest import Nearest


class Memory(Nearest):
    """The mean squared distance of row, code and residual to those of the two nearest of 2,000 prototypes.

    It is over a row's numbers. A square of the code or of the residual counts a half.

    Source: Gong et al. 2019, "Memorizing normality to detect anomaly", which learns its memory; this one is k-means'.
    """

    with_rows = True
