"""What a model is measured beside on the same rows, as a table."""

from dataclasses import dataclass
from typing import Any

from hourglass.report import words

#: What a column is called, and how its numbers are written.
_COLUMNS = {
    "psnr": ("PSNR, dB", words.decibels),
    "ssim": ("SSIM", words.share),
    "si_sdr": ("SI-SDR, dB", words.gain),
    "stoi": ("STOI", words.share),
}


@dataclass(frozen=True)
class Rivals:
    """A table with a row for each rival, the model last.

    Parameters
    ----------
    caption : str
    head : list of str
        Of the columns behind the name.
    rows : list of (str, str, list of str)
        Name, strength (empty where there is none), numbers.
    """

    caption: str
    head: list[str]
    rows: list[tuple[str, str, list[str]]]

    @classmethod
    def of(cls, found: list[dict[str, Any]], caption: str) -> "Rivals | None":
        """Make it of what the evaluation found; None where it found nothing."""
        if not found:
            return None
        shown = {name: told for name, told in _COLUMNS.items() if name in found[0]}
        rows = [
            (
                one["name"],
                "" if one["strength"] is None else words.plain(one["strength"]),
                [written(one[name]) for name, (_, written) in shown.items()],
            )
            for one in found
        ]
        return cls(caption, [name for name, _ in shown.values()], rows)
