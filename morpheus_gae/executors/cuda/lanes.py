"""The streams of an executor, and scores on their way to the host.

torch keeps freed memory by the stream it was asked for on, and hands it out again in the order of that stream
alone. So whatever another stream reads is held until the host knows that it has been read: an event is past.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.cuda.device import DeviceScores


class Lanes:
    """Streams of one executor, made once: on new ones torch would ask the driver for memory again.

    Parameters
    ----------
    device
        A GPU.

    Attributes
    ----------
    into, back
        Copies from and to the host, of windows in a stream.
    build, score
        Graphs, and their scores. What is scored comes first: its window is the older one.
    """

    def __init__(self, device: torch.device) -> None:
        self.into, self.back, self.build = (torch.cuda.Stream(device) for _ in range(3))
        self.score = torch.cuda.Stream(device, priority=-1)

    def synchronize(self) -> None:
        """Wait until nothing is under way."""
        for lane in (self.into, self.build, self.score, self.back):
            lane.synchronize()


@contextmanager
def on(lane: Any) -> Iterator[None]:
    """Launch on this stream; None, where there are no streams, changes nothing.

    After an error it is idle: what was launched before may still have read memory that is now given away,
    and an index from there leads anywhere.
    """
    if lane is None:
        yield
        return
    try:
        with torch.cuda.stream(lane):
            yield
    except BaseException:
        lane.synchronize()
        raise


def reached(device: torch.device) -> Any:
    """An event after all that was launched so far on the current stream; None where there are no streams."""
    if device.type != "cuda":
        return None
    event = torch.cuda.Event()
    event.record(torch.cuda.current_stream(device))
    return event


class Coming:
    """Scores on their way to the host, on the current stream.

    They arrive in page-locked memory, which torch takes back when the arrays are dropped.

    Parameters
    ----------
    scores
        On a device. Parts that a preset does not have, one zero that is expanded, are not copied.
    held
        Whatever else must not be given away before.
    """

    def __init__(self, scores: DeviceScores, held: object = None) -> None:
        added = [part for part in (scores.graph_part, scores.activity_part) if part is not None]
        whole = (scores.score, scores.surprise, scores.unseen_hosts, *added)
        parts = (scores.pair_part, scores.flow_part)
        self._held: Any = scores, held
        self._whole = [tensor.to("cpu", non_blocking=True) for tensor in whole]
        self._parts = [part if _is_one(part) else part.to("cpu", non_blocking=True) for part in parts]
        self._done = reached(scores.score.device)

    def arrived(self) -> Scores:
        """Wait for them."""
        if self._done is not None:
            self._done.synchronize()
        self._held = None
        score, surprise, unseen, *added = self._whole
        pair, flow = (np.zeros(p.shape, np.float32) if _is_one(p) else p.numpy() for p in self._parts)
        # of counts there is only where there is of the graph
        graph, counts = (*(part.numpy() for part in added), None, None)[:2]
        return Scores(score.numpy(), surprise.numpy(), pair, flow, int(unseen), {}, graph, counts)


class Number:
    """A number on its way to the host, on the current stream.

    Parameters
    ----------
    number
        Scalar on a device.
    """

    def __init__(self, number: Tensor) -> None:
        self._held: Any = number
        self._host = number.to("cpu", non_blocking=True)
        self._done = reached(number.device)

    def __int__(self) -> int:
        """Wait for it."""
        if self._done is not None:
            self._done.synchronize()
        self._held = None
        return int(self._host)


def _is_one(part: Tensor) -> bool:
    """Whether one value stands for all."""
    return part.stride() == (0,)
