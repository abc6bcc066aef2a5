"""The distance to what the net makes of training rows."""

from hourglass.scores.shared.nearest import Nearest


class Neighbours(Nearest):
    """The mean squared distance of code and residual to those of the two nearest of 2,000 prototypes.

    It is over a row's numbers.

    Source: Ramaswamy, Rastogi & Shim 2000, "Efficient algorithms for mining outliers from large data sets".
    """

    with_rows = False
