"""``hourglass.fit``: one call for notebooks."""

import inspect
from collections.abc import Collection
from typing import Any

from hourglass.estimator.autoencoder import Autoencoder
from hourglass.estimator.settings import variant_named
from hourglass.settings import declared_settings
from hourglass.training.settings import TrainSettings
from hourglass.wording import nearest


def fit(X: Any, variant: str = "autoencoder", *, condition: Any = None, **settings: Any) -> Autoencoder:
    """Train a variant on rows.

    Parameters
    ----------
    X : array, tensor or DataFrame of shape (rows, ...)
    variant : str
        See ``hourglass variants``.
    condition : optional
        What is known of each row, for a conditional variant.
    **settings
        Of `Autoencoder` (``latent``, ``epochs``, ``alpha``, ...), of the variant (``beta``, ``hidden``, ...) or of
        training (``kl_warmup``, ...).

    Returns
    -------
    Autoencoder
        Fitted.

    Raises
    ------
    ValueError
        The settings or the rows can't be used.
    HourglassError
        Training diverged.

    Examples
    --------
    >>> model = hourglass.fit(X, variant="vae", latent=4, epochs=50)
    >>> model.transform(X), model.predict(X), model.sample(16)
    """
    own = inspect.signature(Autoencoder).parameters.keys() - {"settings", "training"}
    training = declared_settings(TrainSettings).keys() - own
    of_variant = declared_settings(variant_named(variant)).keys() - own - training
    for name in settings.keys() - own - training - of_variant:
        raise ValueError(f"{variant} has no setting {name!r}; {nearest(name, sorted(own | training | of_variant))}")

    def only(names: Collection[str]) -> dict[str, Any]:
        return {name: value for name, value in settings.items() if name in names}

    estimator = Autoencoder(variant, **only(own), settings=only(of_variant), training=only(training))
    return estimator.fit(X, condition)
