"""The exceptions users meet, in one tree.

::

    GaeError                 root: every expected failure; the command line prints it and exits 1
     ├─ UsageError           an option or a combination of options is wrong; exits 2
     │   └─ NotFittedError   a detector is asked for scores before it has a model
     ├─ InputError           a source cannot be read, or a required column is missing
     ├─ OutputError          a destination cannot be written
     ├─ ArtifactError        a model folder is missing, damaged, or from another version
     └─ MissingExtraError    a feature needs an optional dependency that is not installed
"""

from __future__ import annotations


class GaeError(Exception):
    """Root of every expected failure."""


class UsageError(GaeError):
    """An option, or a combination of options, makes no sense."""


class NotFittedError(UsageError, ValueError, AttributeError):
    """A detector has no model yet; of the built-in kinds that scikit-learn's error of this name is of."""


class InputError(GaeError):
    """A source cannot be read, or lacks a required column."""


class OutputError(GaeError):
    """A destination cannot be written."""


class ArtifactError(GaeError):
    """A model folder is missing, damaged, or from another version."""


class MissingExtraError(GaeError):
    """An optional dependency is needed and not installed.

    Parameters
    ----------
    package
        The import that failed, e.g. ``"torch"``.
    extra
        The extra of this project that brings it, e.g. ``"train"``.
    purpose
        What it was needed for, in a few words.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed: run  pip install 'morpheus-gae[{extra}]'"
        )


class BadRowsWarning(UserWarning):
    """Some rows that a detector was given are no flows: they have no score."""
