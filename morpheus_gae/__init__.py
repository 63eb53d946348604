"""NetFlow anomaly detection with a graph autoencoder.

Importing this package loads no heavy library; each is imported by the module that owns it.
"""

from morpheus_gae.errors import (
    ArtifactError,
    GaeError,
    InputError,
    MissingExtraError,
    OutputError,
    UsageError,
)

__version__ = "0.1.0"

__all__ = [
    "ArtifactError",
    "GaeError",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "UsageError",
    "__version__",
]
