"""Ahead: work on the next parts of an input while whoever reads is busy with the last, in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

MOST = 8
"""Threads at most: parts are taken one at a time, and each that waits takes memory."""


def readers() -> int:
    """How many threads may read: half of the processors that this process may use, and Arrow too.

    The others are the pipeline's: with two its stages leave nothing over, so there nothing runs ahead.
    """
    import pyarrow as pa

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(min(allowed, int(pa.cpu_count())) // 2, 1), MOST)


def in_order(parts: Iterator[A], work: Callable[[A], B], threads: int) -> Iterator[B]:
    """``map(work, parts)`` by threads that run ahead.

    Parameters
    ----------
    parts
        Taken one at a time, by whichever thread is free.
    work
        What is done with each, several at once.
    threads
        How many; with one there is none beside the caller's, and nothing runs ahead.

    Yields
    ------
    Results in the order of their parts, ``threads`` + 1 of them under way at most.

    Raises
    ------
    BaseException
        The error of a part, or of its work, after the results of all parts before it.
    """
    if threads < 2:
        yield from map(work, parts)
        return
    taking, room = Lock(), Semaphore(threads + 1)
    taken: SimpleQueue[Future[B] | None] = SimpleQueue()
    ended = False

    def run() -> None:
        nonlocal ended
        while True:
            room.acquire()
            with taking:
                if ended:
                    return
                result: Future[B] = Future()
                try:
                    part = next(parts)
                except StopIteration:
                    ended = True
                    taken.put(None)
                    return
                except BaseException as error:
                    ended = True
                    result.set_exception(error)
                    taken.put(result)
                    return
                taken.put(result)
            try:
                result.set_result(work(part))
            except BaseException as error:
                result.set_exception(error)

    # daemons: a process may end though nobody has read to the end
    helpers = [Thread(target=run, name=f"read-{i}", daemon=True) for i in range(threads)]
    for helper in helpers:
        helper.start()
    try:
        while (result := taken.get()) is not None:
            yield result.result()
            room.release()
    finally:
        ended = True
        for _ in helpers:
            room.release()
        # what they read is closed next
        for helper in helpers:
            helper.join()
