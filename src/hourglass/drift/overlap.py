"""Windows of series and pieces of recordings overlap and are alike, so that many of them say what few rows would."""

import numpy as np
from numpy.typing import NDArray

from hourglass.runtime.audio import AudioSchema
from hourglass.runtime.schema import Schema
from hourglass.runtime.signal import SignalSchema


def apart(schema: Schema) -> float:
    """Give the share of rows that have nothing in common: of windows stride by length, of other rows 1.

    Pieces of recordings are as close together as they are when a recording is scored, which is a hop.
    """
    if isinstance(schema, SignalSchema):
        return min(1.0, schema.stride / schema.window)
    if isinstance(schema, AudioSchema):
        return min(1.0, schema.hop / schema.span)
    return 1.0


def unlike(found: NDArray[np.bool_], stretches: NDArray[np.int64]) -> float:
    """Give the share of rows that say something of their own, where those of one recording are alike.

    It is 1 over the design effect ``1 + (m - 1) rho`` of rows in clusters of m; where clusters differ in size, m is
    the mean over rows. The intraclass correlation rho is estimated by the analysis of variance.

    Source: Kish 1965, "Survey sampling", section 5.4; Donner 1986, "A review of inference procedures for the intraclass
    correlation coefficient in the one-way random effects model".

    Parameters
    ----------
    found : ndarray of bool, shape (rows,)
        What is counted.
    stretches : ndarray of int64, shape (rows,)
        Number of the recording, or of the stretch of a series, that each row is of. A single one shows no likeness.
    """
    _, places, sizes = np.unique(stretches, return_inverse=True, return_counts=True)
    rows, clusters = len(found), len(sizes)
    if not 1 < clusters < rows:
        return 1.0
    means = np.bincount(places, found) / sizes
    between = sizes @ (means - found.mean()) ** 2 / (clusters - 1)
    within = ((found - means[places]) ** 2).sum() / (rows - clusters)
    mean_size = sizes @ sizes / rows
    usual_size = (rows - mean_size) / (clusters - 1)
    spread = between + (usual_size - 1) * within
    rho = max(0.0, float((between - within) / spread)) if spread > 0 else 0.0
    return float(1 / (1 + (mean_size - 1) * rho))
