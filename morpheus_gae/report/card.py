"""Card: facts of the model on the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from morpheus_gae.model.artifact import Artifact

MOST_TEXT = 20_000
FACTS = (
    *("flows", "validation_flows", "hosts", "pairs", "duration_missing", "epochs", "seconds"),
    *("incidents", "left_out", "set_aside", "trained_on", "parent"),
)


def card(artifact: Artifact) -> dict[str, Any]:
    """Return the facts of a model as plain values.

    Returns
    -------
    dict
        ``name``, ``hash``, ``preset``, ``columns``; ``training``: facts by name; ``thresholds``: budget,
        nats, score, and whether enough flows stand behind it; ``quantiles``: share of the training flows
        that are at least as strange, by surprise; ``text``: its README.
    """
    training = artifact.config["training"]
    probability, surprise = (np.asarray(a, np.float64) for a in artifact.quantiles)
    kept = probability < 1.0
    readme = artifact.path / "README.md"
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    return {
        "name": artifact.name,
        "hash": artifact.hash,
        "preset": artifact.spec.preset,
        "columns": list(artifact.config.get("columns", [])),
        "training": {name: _plain(training[name]) for name in FACTS if training.get(name) not in (None, "")},
        "thresholds": [
            {
                "budget": float(budget),
                "surprise": round(limit, 4),
                "score": round(-math.expm1(-limit), 6),
                "supported": budget in artifact.supported_budgets,
            }
            for budget, limit in artifact.thresholds.items()
        ],
        "quantiles": {
            "surprise": surprise[kept].round(3).tolist(),
            "share": [float(f"{v:.4g}") for v in 1.0 - probability[kept]],
        },
        "text": text[:MOST_TEXT],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, int, float)):
        return value if math.isfinite(value) else None
    return str(value)[:MOST_TEXT]
