"""Cut: where the windows of a run end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from morpheus_gae.graph.windows import Windower

if TYPE_CHECKING:
    from morpheus_gae.engine.settings import Settings


def windower(settings: Settings, *, whole_messages: bool) -> Windower:
    """What cuts the windows: as the settings say, and for a run that learns at the hour too.

    Parameters
    ----------
    settings
        Of the run.
    whole_messages
        See ``Windower``.

    Raises
    ------
    ValueError
        As ``Windower`` does.
    """
    seconds, least = settings.window_seconds, 1
    if settings.learn and seconds is None:
        from morpheus_gae.detect.learner import WINDOW_LEAST, WINDOW_SECONDS

        # of the flows' own time alone: nobody waits an hour for a window
        seconds, least = WINDOW_SECONDS, WINDOW_LEAST
    return Windower(settings.graph_size, seconds, least=least, whole_messages=whole_messages)
