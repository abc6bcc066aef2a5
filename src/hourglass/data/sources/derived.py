"""Partners that ``data.derive`` makes of pictures on the fly."""

from dataclasses import replace

from hourglass.data.params import DataParams
from hourglass.data.sources import Kind, Raw
from hourglass.errors import HourglassError
from hourglass.runtime.derived import derive


def room(limit: int, data: DataParams) -> int:
    """Tell how many bytes of a block are for the pictures themselves."""
    return limit // 2 if data.derive else limit


def require_images(kind: Kind, data: DataParams) -> None:
    """Refuse to derive anything of rows that are no images."""
    if data.derive is not None and kind != "image":
        raise HourglassError(f"params.yaml: data.derive is {data.derive!r} and the data are no images; set it to null.")


def beside(raw: Raw, data: DataParams) -> Raw:
    """Put the derived array beside the rows, under the name of how it is made.

    Raises
    ------
    HourglassError
        The rows are no images, or bring an array of that name.
    """
    if data.derive is None:
        return raw
    require_images(raw.kind, data)
    if data.derive in raw.arrays:
        raise HourglassError(
            f"params.yaml: data.derive is {data.derive!r} and the data bring an array of that name; set it to null."
        )
    return replace(raw, arrays=raw.arrays | {data.derive: derive(raw.rows, data.derive)})
