"""Stream: flows before their attributes are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Stream:
    """E flows before their attributes are drawn, in time order.

    Attributes
    ----------
    time_ms
        int64 [E]: start.
    src, dst, service
        int32 [E].
    port
        int32 [E]: destination port, -1 for the pair's own.
    attack
        int8 [E]: index of the attack class, 0 for benign.
    """

    time_ms: I64
    src: I32
    dst: I32
    service: I32
    port: I32
    attack: npt.NDArray[np.int8]

    def take(self, index: npt.NDArray[np.intp] | slice) -> Stream:
        """Rows by position."""
        return Stream(
            self.time_ms[index],
            self.src[index],
            self.dst[index],
            self.service[index],
            self.port[index],
            self.attack[index],
        )


def join(parts: list[Stream]) -> Stream:
    """Rows of all parts in time order; equal times keep the order of the parts."""
    names = ("time_ms", "src", "dst", "service", "port", "attack")
    joined = Stream(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))
    return joined.take(np.argsort(joined.time_ms, kind="stable"))


def benign_stream(time_ms: I64, src: I32, dst: I32, service: I32) -> Stream:
    """Benign flows on their pairs' own ports."""
    size = time_ms.size
    return Stream(time_ms, src, dst, service, np.full(size, -1, np.int32), np.zeros(size, np.int8))
