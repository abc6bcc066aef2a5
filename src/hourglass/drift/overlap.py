"""Windows of series and pieces of recordings overlap, so that many of them say what few rows would."""

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
