"""How wide p(x | z) is around what a net decodes."""

from torch import Tensor

#: Least width of a number, in times of the root mean square of all.
_FLOOR = 0.02


def variances(squares: Tensor) -> Tensor:
    """Give the variances under which residuals are most probable: their mean squares, none next to nothing.

    Source: Rybkin, Daniilidis & Levine 2021, "Simple and effective VAE training with calibrated decoders".

    Parameters
    ----------
    squares : Tensor of shape (numbers,)
        Mean squared residual of each number.
    """
    floor = _FLOOR**2 * float(squares.mean()) or 1.0
    return squares.clamp(min=floor)
