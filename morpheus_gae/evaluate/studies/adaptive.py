"""Adaptive: evaluates a model with an adaptive threshold (``run --adaptive``)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from morpheus_gae.evaluate.detectors import ADAPTIVE, Detector, Setting, open_model
from morpheus_gae.evaluate.studies.over_time import Bool, Real, follow

if TYPE_CHECKING:
    from morpheus_gae.flows.frame import Flows


def adaptive(folder: str | Path, setting: Setting) -> Detector:
    """A trained model with adaptive thresholds, in the windows that it is scored in.

    Raises
    ------
    ArtifactError
        If there is no model in the folder.
    """
    model = open_model(folder, setting)

    def followed(flows: Flows) -> tuple[Real, dict[str, Bool]]:
        surprise = np.asarray(model.score(flows))
        flagged = {
            b: follow(surprise, float(b), setting.graph_size, flows, model.artifact) for b in model.thresholds
        }
        return surprise, flagged

    return replace(model, name=ADAPTIVE, follow=followed)
