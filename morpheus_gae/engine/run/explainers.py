"""Explainers: which explains the alerts of a window, that of the model that scored it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from morpheus_gae.detect.explain import Explainer
    from morpheus_gae.engine.window import Window
    from morpheus_gae.model.artifact import Artifact


class Explainers:
    """Keeps the explainer of the last window; called from any thread.

    Parameters
    ----------
    artifact
        Model of windows without their own; None: nothing is explained.
    """

    def __init__(self, artifact: Artifact | None) -> None:
        self._artifact = artifact
        self._last: Explainer | None = None

    def of(self, window: Window) -> Explainer | None:
        """Return the explainer of the model that scored a window."""
        if self._artifact is None:
            return None
        artifact = self._artifact if window.live is None else window.live.executor.artifact
        artifact = window.artifact or artifact
        # a variable of its own: another thread may replace the last one at any time
        explainer = self._last
        if explainer is None or explainer.artifact is not artifact:
            from morpheus_gae.detect.explain import Explainer

            explainer = self._last = Explainer(artifact)
        return explainer
