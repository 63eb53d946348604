"""NetFlow anomaly detection with a graph autoencoder.

Importing this package loads no heavy library; each is imported by the module that owns it.
"""

from typing import TYPE_CHECKING

from morpheus_gae.api.lazy import __getattr__ as __getattr__
from morpheus_gae.errors import (
    ArtifactError,
    BadRowsWarning,
    GaeError,
    InputError,
    MissingExtraError,
    NotFittedError,
    OutputError,
    UsageError,
)

if TYPE_CHECKING:
    from morpheus_gae.api.detector import Detector

__version__ = "0.2.0"

__all__ = [
    "ArtifactError",
    "BadRowsWarning",
    "Detector",
    "GaeError",
    "InputError",
    "MissingExtraError",
    "NotFittedError",
    "OutputError",
    "UsageError",
    "__version__",
]
