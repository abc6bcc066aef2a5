"""What a registered model is: rows in, scores, codes and reconstructions out.

This package is shipped inside every registered model. It needs numpy, pandas and onnxruntime alone, imports itself by
relative names, and runs no code that it loads.
"""

from .errors import InputError
from .model import Model

__all__ = ["InputError", "Model"]
