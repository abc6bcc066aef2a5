"""Denoise pictures by BM3D, in an environment of its own: ``python bm3d_side.py NOISY.npy SIGMA CLEAN.npy``."""

import sys

import numpy as np


def main() -> None:
    """Take pictures of shape (rows, height, width) and the standard deviation of the noise."""
    from bm3d import bm3d

    noisy, sigma, clean = sys.argv[1:]
    np.save(clean, np.stack([bm3d(picture, float(sigma)) for picture in np.load(noisy, allow_pickle=False)]))


if __name__ == "__main__":
    main()
