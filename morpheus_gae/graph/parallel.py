"""Threads for the kernels: a few helpers for the whole process, beside the thread that asks.

Kernels release the interpreter's lock and take a range of rows, so plain Python threads share the work.
What a kernel computes for a row does not depend on the ranges: results are the same bits with any number
of threads.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

SHARES = 4
"""Ranges per thread: whoever is slowed down by other work takes fewer."""


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Helpers:
    """Runs a kernel over ranges of rows.

    Parameters
    ----------
    threads
        How many threads may be at work at once, callers included; by default one for each processor that
        this process may use.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or processors()
        self._lock = threading.Lock()
        self._at_work = 0
        self._pool: ThreadPoolExecutor | None = None

    def resize(self, threads: int) -> None:
        """Allow another number of threads; callers at work keep the helpers they have."""
        with self._lock:
            self.threads = threads
            if self._pool is not None:
                self._pool.shutdown(wait=False)
                self._pool = None

    def _enlist(self, most: int) -> tuple[int, ThreadPoolExecutor | None]:
        """Helpers for one more caller: what is left of ``threads``, so that callers at once share them."""
        with self._lock:
            helpers = max(min(most, self.threads - self._at_work) - 1, 0)
            self._at_work += 1 + helpers
            if helpers and self._pool is None:
                self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="kernel")
            return helpers, self._pool

    def run(self, kernel: Callable[[int, int], object], rows: int, grain: int) -> None:
        """Call ``kernel(lo, hi)`` for ranges that cover ``rows``, each of at least about ``grain`` rows.

        Raises
        ------
        BaseException
            The first error of any range.
        """
        helpers, pool = self._enlist(max(rows // grain, 1))
        try:
            if not helpers or pool is None:
                kernel(0, rows)
                return
            count = min(max(rows // grain, 1), SHARES * (1 + helpers))
            numbers = itertools.count()

            def work() -> None:
                # next() on a counter is one step under the interpreter's lock
                while (i := next(numbers)) < count:
                    kernel(rows * i // count, rows * (i + 1) // count)

            futures = [pool.submit(work) for _ in range(helpers)]
            try:
                work()
            finally:
                for future in futures:
                    if not future.cancel():
                        future.result()
        finally:
            with self._lock:
                self._at_work -= 1 + helpers


HELPERS = Helpers()
"""This process's."""


def run(kernel: Callable[[int, int], object], rows: int, grain: int) -> None:
    """`Helpers.run` of this process's helpers."""
    HELPERS.run(kernel, rows, grain)
