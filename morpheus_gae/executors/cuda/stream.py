"""Windows in a stream through a GPU: copies in, scoring and copies out overlap."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch

from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.cuda.device import DeviceFlows, is_memory_full, upload
from morpheus_gae.executors.cuda.lanes import Coming, reached

if TYPE_CHECKING:
    from morpheus_gae.executors.cuda.executor import CudaExecutor
    from morpheus_gae.flows.frame import Flows

AHEAD = 2
"""Windows whose scores are under way at most: one is scored, one copied back."""


class Streamed:
    """What is under way on the streams of an executor.

    Columns belong to the stream that brings them and are read by the one that scores; scores belong to that
    one and are read by the one that copies them back. Both are held until the copy's event is past, and then
    their memory may be given away, in the order of their own stream.

    Parameters
    ----------
    executor
        On a GPU.
    """

    def __init__(self, executor: CudaExecutor) -> None:
        self.executor, self.lanes = executor, executor.lanes
        self.waiting: deque[Coming] = deque()

    def run(self, windows: Iterable[Flows]) -> Iterator[Scores]:
        """Scores of each window, in order."""
        # what the caller has launched, a model's tables perhaps, comes first
        self.lanes.score.wait_stream(torch.cuda.current_stream(self.executor.device))
        later = iter(windows)
        window = next(later, None)
        sent = None if window is None else self._sent(window)
        try:
            while window is not None:
                # scoring waits for how many hosts there are: the next window must be on its way before
                following = next(later, None)
                sent_next = None if following is None else self._sent(following)
                assert sent is not None
                full = False
                try:
                    self._scored(*sent)
                except (RuntimeError, MemoryError) as error:
                    full = is_memory_full(error)
                    # alone there already: it would be the same attempt
                    if not full or not (self.waiting or sent_next):
                        raise
                if full:
                    # those before it and the one after it out of the way, and it again, alone; not while the
                    # error is handled, since that keeps all that the first attempt has allocated
                    self.lanes.synchronize()
                    sent = sent_next = None
                    yield from self._drained()
                    torch.cuda.empty_cache()
                    self._scored(*self._sent(window))
                    sent_next = None if following is None else self._sent(following)
                window, sent = following, sent_next
                while len(self.waiting) > AHEAD:
                    yield self.waiting.popleft().arrived()
            yield from self._drained()
        finally:
            # whoever reads no further, or an error: what is still read must not be given away
            self.lanes.synchronize()
            self.waiting.clear()

    def _sent(self, window: Flows) -> tuple[DeviceFlows, Any]:
        """Columns on their way, and the event that says they are there."""
        device = self.executor.device
        with torch.cuda.stream(self.lanes.into):
            return upload(window, str(device), self.executor.artifact.spec.enriched), reached(device)

    def _scored(self, flows: DeviceFlows, there: Any) -> None:
        # for these columns alone: those of the next window may still be under way
        if there is not None:
            self.lanes.score.wait_event(there)
        with torch.cuda.stream(self.lanes.score):
            scores = self.executor.score_device(flows)
        self.lanes.back.wait_stream(self.lanes.score)
        with torch.cuda.stream(self.lanes.back):
            self.waiting.append(Coming(scores, flows))

    def _drained(self) -> Iterator[Scores]:
        while self.waiting:
            yield self.waiting.popleft().arrived()
