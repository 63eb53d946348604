"""Poll: an iterator that yields None when idle, so that timeouts can be handled."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from morpheus_gae.engine.run.channel import Cancelled, Channel, EndOfStream

T = TypeVar("T")


def polled(items: Iterable[T], seconds: float) -> Iterator[T | None]:
    """Yield items as they arrive, and None after each idle interval.

    Parameters
    ----------
    items
        Iterated in a separate thread, at most one item ahead; its errors are raised here.
    seconds
        Idle interval.
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
