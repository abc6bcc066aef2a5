"""Hourglass: autoencoders trained, evaluated, registered and kept fresh.

``hourglass.fit(X, variant="vae")`` trains a variant on rows; ``hourglass.Autoencoder`` is the same as a scikit-learn
estimator. ``hourglass.load(uri)`` opens a registered model without running any code from it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hourglass.estimator import Autoencoder, fit
    from hourglass.registry.consume import load

__all__ = ["Autoencoder", "fit", "load"]

#: Modules that `import hourglass` leaves alone until they are asked for.
_HOMES = {"Autoencoder": "hourglass.estimator", "fit": "hourglass.estimator", "load": "hourglass.registry.consume"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
