"""Windows in a stream through a GPU: copies in, scoring and copies out overlap."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from morpheus_gae.executors.base import Scores
from morpheus_gae.executors.device import DeviceFlows, is_memory_full, upload

if TYPE_CHECKING:
    from morpheus_gae.executors.cuda import CudaExecutor
    from morpheus_gae.flows.frame import Flows

AHEAD = 2
"""Windows whose scores are under way at most: one is scored, one copied back."""


class Streamed:
    """Three streams and what is under way on them.

    Parameters
    ----------
    executor
        On a GPU.
    """

    def __init__(self, executor: CudaExecutor) -> None:
        self.executor = executor
        self.into, self.work, self.back = (torch.cuda.Stream(executor.device) for _ in range(3))
        self.waiting: deque[tuple[torch.cuda.Event, list[Tensor], DeviceFlows]] = deque()

    def run(self, windows: Iterable[Flows]) -> Iterator[Scores]:
        """Scores of each window, in order."""
        later = iter(windows)
        window = next(later, None)
        sent = None if window is None else self._sent(window)
        while window is not None:
            # scoring waits for how many hosts there are: the next window must be on its way before
            following = next(later, None)
            sent_next = None if following is None else self._sent(following)
            assert sent is not None
            full = False
            try:
                self._scored(sent)
            except (RuntimeError, MemoryError) as error:
                full = is_memory_full(error)
                if not full:
                    raise
            if full:
                # those before it out of the way, and it again, alone; not while the error is handled, since
                # that keeps all that the first attempt has allocated
                sent = None
                yield from self._drained()
                torch.cuda.empty_cache()
                self._scored(self._sent(window))
            window, sent = following, sent_next
            while len(self.waiting) > AHEAD:
                yield self._arrived()
        yield from self._drained()

    def _sent(self, window: Flows) -> DeviceFlows:
        with torch.cuda.stream(self.into):
            return upload(window, str(self.executor.device))

    def _scored(self, flows: DeviceFlows) -> None:
        self.work.wait_stream(self.into)
        with torch.cuda.stream(self.work):
            scores = self.executor.score_device(flows)
        self.back.wait_stream(self.work)
        parts = (scores.score, scores.surprise, scores.pair_part, scores.flow_part, scores.unseen_hosts)
        with torch.cuda.stream(self.back):
            for part in parts:
                # its memory is not to be given away before the copy is done
                part.record_stream(self.back)
            # into pinned memory, which torch keeps and hands out again
            host = [part.to("cpu", non_blocking=True) for part in parts]
            done = torch.cuda.Event()
            done.record(self.back)
        # the columns stay: their memory belongs to the stream that brought them, not to the one that reads
        self.waiting.append((done, host, flows))

    def _arrived(self) -> Scores:
        done, host, _ = self.waiting.popleft()
        done.synchronize()
        score, surprise, pair, flow, unseen = host
        return Scores(score.numpy(), surprise.numpy(), pair.numpy(), flow.numpy(), int(unseen))

    def _drained(self) -> Iterator[Scores]:
        while self.waiting:
            yield self._arrived()
