"""Shipped: where the model lies that comes with the package."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
INSTALLED = PACKAGE / "pretrained" / "default"
CHECKOUT = PACKAGE.parent
"""Where an editable installation has its files; in any other one, the folder that packages are in."""


def shipped_model() -> Path | None:
    """Folder of the model that was installed with the package, or that lies beside it in a checkout."""
    if (INSTALLED / "config.json").is_file():
        return INSTALLED
    # an editable installation runs from the checkout: the wheel's copy of the model is not made there
    beside = CHECKOUT / "models" / "default"
    if (CHECKOUT / "pyproject.toml").is_file() and (beside / "config.json").is_file():
        return beside
    return None
