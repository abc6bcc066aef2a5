"""The variants for notebooks and scikit-learn: no params.yaml, DVC, Prefect or MLflow."""

from hourglass.estimator.autoencoder import Autoencoder
from hourglass.estimator.notebook import fit

__all__ = ["Autoencoder", "fit"]
