"""What a snapshot could be made of, read at one go."""

from hourglass.data.params import DataParams
from hourglass.data.reading import DEFAULTS, blocks_of_source
from hourglass.data.sources import Raw, joined


def read_source(source: str, data: DataParams = DEFAULTS) -> Raw:
    """Read a source as `hourglass data` would, and make no snapshot."""
    return joined(list(blocks_of_source(source, data, data.memory)))
