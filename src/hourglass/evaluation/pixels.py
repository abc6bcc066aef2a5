"""How well maps of images show where something is wrong."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.stats import rankdata

from hourglass.errors import HourglassError
from hourglass.runtime.images import SUFFIXES, Form, decode, with_channels

#: Share of normal pixels that may lie above the threshold of `region_recall`.
FALSE_PIXELS = 0.05
#: A pixel of a mask that was resized is anomalous from half on.
_HALF = 127


def pixel_auroc(maps: Sequence[NDArray[np.float64]], masks: Sequence[NDArray[np.bool_]]) -> float:
    """Probability that a random anomalous pixel lies higher on its map than a random normal one; ties count one half.

    Over the pixels of all images at once, those of normal images too, so that large anomalies count most. From 0 to 1,
    higher is better, .5 is chance.

    Source: Bergmann et al. 2021, "The MVTec anomaly detection dataset", section 5.

    Parameters
    ----------
    maps : sequence of ndarray of shape (height, width)
        Of each image the score of each pixel; images may differ in size.
    masks : sequence of ndarray of bool, shape (height, width)
        Where it is anomalous. Some pixels are, and some aren't.
    """
    scores = np.concatenate([one.reshape(-1) for one in maps])
    anomaly = np.concatenate([one.reshape(-1) for one in masks])
    count = int(anomaly.sum())
    ranks = rankdata(scores)[anomaly].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(anomaly) - count)))


def region_recall(maps: Sequence[NDArray[np.float64]], masks: Sequence[NDArray[np.bool_]], rate: float) -> float:
    """Mean share of an anomalous region that lies above the threshold at which so many normal pixels do.

    Regions are connected by edges, and each counts the same, however small it is. From 0 to 1, higher is better.

    Source: Bergmann et al. 2020, "Uninformed students", section 4 (per-region overlap).

    Parameters
    ----------
    maps, masks
        As of `pixel_auroc`.
    rate : float
        Share of normal pixels above the threshold, between 0 and 1.
    """
    normal = np.concatenate([one[~mask] for one, mask in zip(maps, masks, strict=True)])
    threshold = np.quantile(normal, 1 - rate)
    shares: list[float] = []
    for one, mask in zip(maps, masks, strict=True):
        regions, count = label(mask)
        shares += [float((one[regions == region] > threshold).mean()) for region in range(1, count + 1)]
    return float(np.mean(shares))


class Masks:
    """Masks of images, a file for each by the image's name; an image without one is normal throughout.

    A mask is called as its image is, or has ``_mask`` behind the name, with the ending of any picture; what isn't black
    is anomalous.

    Parameters
    ----------
    folder : Path
    form : Form
        What the images were brought to; masks are brought to it, too.

    Raises
    ------
    HourglassError
        There is no such folder.
    """

    def __init__(self, folder: Path, form: Form) -> None:
        if not folder.is_dir():
            raise HourglassError(f"{folder} is no folder; expected one of masks, with the names of the images.")
        self._folder, self._form = folder, replace(form, channels=1)
        files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)
        self._files = {
            path.relative_to(folder).with_suffix("").as_posix().removesuffix("_mask"): path for path in files
        }
        self._maps: list[NDArray[np.float64]] = []
        self._masks: list[NDArray[np.bool_]] = []

    def add(self, side: pd.DataFrame, parts: NDArray[np.float64]) -> None:
        """Add images by what stands beside them, their ``file``, and the parts of their scores."""
        if "file" not in side:
            raise HourglassError("masks go by the names of files, and the images have none; score a folder of files.")
        for name, one in zip(side["file"], parts, strict=True):
            if np.isfinite(one).all():
                self._maps.append(one if one.ndim == 2 else one.sum(axis=2))
                self._masks.append(self._mask(str(name), self._maps[-1].shape))

    def measure(self) -> dict[str, float]:
        """Measure all images that were added.

        Returns
        -------
        dict
            ``images``, ``masked`` (those with a mask), ``pixel_auroc`` and ``region_recall`` at 5 % of false pixels.

        Raises
        ------
        HourglassError
            No pixel is anomalous, or all are.
        """
        anomalous = [int(mask.sum()) for mask in self._masks]
        if not 0 < sum(anomalous) < sum(mask.size for mask in self._masks):
            raise HourglassError(
                f"{self._folder} tells of no anomalous pixel, or of nothing else, in {len(anomalous)} images; expected "
                "masks with the names of the images, black where nothing is wrong."
            )
        return {
            "images": len(anomalous),
            "masked": sum(count > 0 for count in anomalous),
            "pixel_auroc": pixel_auroc(self._maps, self._masks),
            "region_recall": region_recall(self._maps, self._masks, FALSE_PIXELS),
        }

    def sentence(self) -> str:
        """Say what was measured."""
        found = self.measure()
        return (
            f"masks: {found['masked']:,} of {found['images']:,} images have one; AUROC of pixels "
            f"{found['pixel_auroc']:.3f}, {found['region_recall']:.1%} of an anomalous region at {FALSE_PIXELS:.0%} of "
            "false pixels"
        )

    def _mask(self, name: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        path = self._files.get(PurePath(name).with_suffix("").as_posix())
        if path is None:
            return np.zeros(shape, bool)
        marked = with_channels(decode(path.read_bytes(), str(path)), 1) > 0
        mask: NDArray[np.bool_] = self._form.apply(255 * marked.astype(np.uint8), str(path)) > _HALF
        if mask.shape != shape:
            raise HourglassError(f"{path} has shape {mask.shape}; expected {shape}, as its image has.")
        return mask
