"""Poll: an iteration that also tells when nothing came for a while, so that waits can end by the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from morpheus_gae.engine.run.channel import Cancelled, Channel, EndOfStream

T = TypeVar("T")


def polled(items: Iterable[T], seconds: float) -> Iterator[T | None]:
    """Items as they come, and None each time that none came for so many seconds.

    Parameters
    ----------
    items
        Iterated in a thread of its own, at most one item ahead; what it raises is raised here.
    seconds
        Between two ticks.
    """
    channel = Channel(1)
    errors: list[BaseException] = []

    def read() -> None:
        try:
            for item in items:
                channel.put(item)
        except Cancelled:
            return
        except Exception as error:
            errors.append(error)
        channel.close()

    threading.Thread(target=read, name="ticking", daemon=True).start()
    try:
        while True:
            try:
                yield channel.get(time.monotonic() + seconds)
            except TimeoutError:
                yield None
            except EndOfStream:
                break
    finally:
        channel.cancel()
    if errors:
        raise errors[0]
