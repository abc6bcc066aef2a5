"""A folder of masks that the maps of scored images are held against."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.sources.masks import called, marked, mask_of
from hourglass.errors import HourglassError
from hourglass.evaluation.pixels import FALSE_PIXELS, measured
from hourglass.runtime.images import SUFFIXES, Form


class MaskFolder:
    """Masks of images, a file for each by the image's name; an image without one is normal throughout.

    A mask is called as its image is, or has ``_mask`` behind the name, with the ending of any picture; the image may
    lie in more folders. What isn't black is anomalous.

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
        self._folder, self._form = folder, form
        files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)
        self._files = {called(path.relative_to(folder).as_posix()): path for path in files}
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
            ``images``, ``masked`` (those with a mask), and what `pixels.measured` gives.

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
        } | measured(self._maps, self._masks)

    def sentence(self) -> str:
        """Say what was measured."""
        found = self.measure()
        return (
            f"masks: {found['masked']:,} of {found['images']:,} images have one; AUROC of pixels "
            f"{found['pixel_auroc']:.3f}, AU-PRO {found['region_overlap']:.3f}, {found['region_recall']:.1%} of an "
            f"anomalous region at {FALSE_PIXELS:.0%} of false pixels"
        )

    def _mask(self, name: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        found = mask_of(name, self._files)
        if found is None:
            return np.zeros(shape, bool)
        path = self._files[found]
        mask = marked(path.read_bytes(), str(path), self._form)
        if mask.shape != shape:
            raise HourglassError(f"{path} has shape {mask.shape}; expected {shape}, as its image has.")
        return mask
