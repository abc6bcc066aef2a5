"""The distance to what the net makes of training rows."""

from hourglass.scores.shared.nearest import Nearest


class Neighbours(Nearest):
    """The squared distance of code and residual to those of the nearest of 512 prototypes, over the numbers of a row.

    Source: Ramaswamy, Rastogi & Shim 2000, "Efficient algorithms for mining outliers from large data sets".
    """

    with_rows = False
