"""Other sampling rates, by one windowed-sinc filter for each phase; long recordings in parts, to the same bits."""

from functools import lru_cache
from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

#: Zero crossings of the sinc on each side, and the shape of its Kaiser window: about 60 dB against aliases.
_CROSSINGS, _BETA = 10, 5.0
_AT_ONCE = 2**16


class Resampler:
    """A map from one sampling rate to another.

    Source: Crochiere & Rabiner 1983, "Multirate digital signal processing", section 3.3 (polyphase filters); Kaiser
    1974, "Nonrecursive digital filter design using the I0-sinh window function".

    Parameters
    ----------
    before, after : int
        Samples per second.
    """

    def __init__(self, before: int, after: int) -> None:
        common = gcd(before, after)
        self.up, self.down = after // common, before // common

    @property
    def margin(self) -> int:
        """Samples before and after a part that its result depends on."""
        return ceil(_CROSSINGS * max(self.up, self.down) / self.up) + 1

    def count(self, samples: int) -> int:
        """Tell how many samples come out of so many."""
        return ceil(samples * self.up / self.down)

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Resample a waveform of shape (samples,), with zeros before and after it."""
        return self.part(x, 0, 0, self.count(len(x)))

    def part(self, x: NDArray[np.float64], first: int, start: int, stop: int) -> NDArray[np.float64]:
        """Give the samples from `start` to before `stop` of the result.

        Parameters
        ----------
        x : ndarray of shape (samples,)
            A part of the waveform with `margin` samples beside what the result stands for; beyond it are zeros.
        first : int
            Which sample of the waveform `x` begins with.
        start, stop : int
        """
        if self.up == self.down:
            return x[start - first : stop - first]
        taps = _taps(self.up, self.down)
        width = taps.shape[1]
        padded = np.concatenate([np.zeros(width), x, np.zeros(width)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, width)
        half = _CROSSINGS * max(self.up, self.down)
        result = np.empty(stop - start)
        for low in range(start, stop, _AT_ONCE):
            places = np.arange(low, min(low + _AT_ONCE, stop)) * self.down + half
            last = places // self.up - first + width  # of the samples that count, in `padded`
            result[low - start : low - start + len(places)] = (windows[last - width + 1] * taps[places % self.up]).sum(
                axis=1
            )
        return result


@lru_cache(maxsize=8)
def _taps(up: int, down: int) -> NDArray[np.float64]:
    """Give the filter of each phase, for samples in the order of time: shape (up, taps)."""
    half = _CROSSINGS * max(up, down)
    place = np.arange(-half, half + 1)
    sinc = np.sinc(place / max(up, down)) * np.kaiser(2 * half + 1, _BETA)
    weights = sinc / sinc.sum() * up
    padded = np.concatenate([weights, np.zeros(-len(weights) % up)])
    return np.ascontiguousarray(padded.reshape(-1, up).T[:, ::-1])
