"""Cut: where the windows of a run end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from morpheus_gae.graph.windows import Windower

if TYPE_CHECKING:
    from morpheus_gae.engine.settings import Settings


def windower(settings: Settings, *, whole_messages: bool) -> Windower:
    """Create the window cutter from the settings; with online learning windows also end at the hour.

    Parameters
    ----------
    settings
        Settings of the run.
    whole_messages
        See ``Windower``.

    Raises
    ------
    ValueError
        As in ``Windower``.
    """
    seconds, least = settings.window_seconds, 1
    if settings.learn and seconds is None:
        from morpheus_gae.detect.learner import WINDOW_LEAST, WINDOW_SECONDS

        # in event time only: no timeout of an hour
        seconds, least = WINDOW_SECONDS, WINDOW_LEAST
    return Windower(settings.graph_size, seconds, least=least, whole_messages=whole_messages)
