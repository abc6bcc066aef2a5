"""The settings of each kind of data, as sections of ``data`` in ``params.yaml``."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """How tables are read."""


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """How images are read."""


@dataclass(frozen=True, kw_only=True)
class SignalSettings:
    """How series are read and cut into windows."""


@dataclass(frozen=True, kw_only=True)
class AudioSettings:
    """How recordings are read and cut into frames."""


#: Every section by its name in ``data``.
KINDS = {"table": TableSettings, "image": ImageSettings, "signal": SignalSettings, "audio": AudioSettings}
