"""Compiled loop of the pairing: one pass over records, with a table of those that wait for a partner."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

WHOLE, ALONE, JOINED = 0, 1, 2
"""What a record went out as: by itself since it tells both directions, without a partner, with one."""

LOOKED_AT = 256
"""Records that are looked at for a partner, the latest first: floods repeat one conversation without end."""

HEAD, TAIL, CLOCK, STARTED, WAITING = 0, 1, 2, 3, 4
"""Places in the state: first and next slot (ever rising), stream time, whether it runs, records that wait."""

NO_START = np.int64(np.iinfo(np.int64).min)
"""In place of a start that is not known."""

_NONE = -1
_A, _B = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_33 = np.uint64(33)


@njit(cache=True, nogil=True)
def _mixed(a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    h = np.uint64(0)
    for word in (a, b, c, d, e):
        h = (h ^ word) * _A
        h ^= h >> _33
    h *= _B
    return h ^ (h >> _33)


@njit(cache=True, nogil=True)
def _unlink(slot: int, heads: Any, links: Any, state: Any) -> None:
    before, after, bucket = links[slot, 0], links[slot, 1], links[slot, 2]
    if before == _NONE:
        heads[bucket] = after + 1
    else:
        links[before, 1] = after
    if after != _NONE:
        links[after, 0] = before
    # a slot that no longer waits
    links[slot, 2] = _NONE
    state[WAITING] -= 1


@njit(cache=True, nogil=True)
def pair(
    keys: Any,
    starts: Any,
    ends: Any,
    waits: Any,
    first_ref: int,
    limit: int,
    slots: Any,
    slot_times: Any,
    links: Any,
    heads: Any,
    state: Any,
    out: Any,
) -> int:
    """Take records in order; the number of those that are given out.

    Parameters
    ----------
    keys
        uint64 [E, 5]: source (high, low), destination (high, low), and ports and protocol as
        ``sport << 32 | dport << 16 | protocol``.
    starts, ends
        int64 [E], milliseconds; ``NO_START`` where the start is not known, and then the end means nothing.
        Such a record happens now, and is as far from a partner as it may be.
    waits
        bool [E]: the record may have a partner.
    first_ref
        Number of the first record; they count up.
    limit
        Milliseconds between the starts of partners, and of stream time that a record waits.
    slots, slot_times, links, heads, state
        uint64 [C, 5], int64 [C, 3] (start, number, arrival), int64 [C, 3] (before, after, bucket; bucket -1:
        free), int32 [B] (B a power of 2; a slot + 1, 0 for none), int64 [5].
    out
        int64 [E + waiting, 3]: number of the record, of its partner (-1), and what it went out as.
    """
    size = len(slots)
    mask = np.uint64(len(heads) - 1)
    count = 0
    for e in range(len(keys)):
        start = starts[e]
        end = ends[e]
        if start == NO_START:
            pass
        elif not state[STARTED]:
            state[STARTED] = 1
            state[CLOCK] = end
        elif end > state[CLOCK]:
            # one wrong time must not send all that wait away
            state[CLOCK] = min(end, state[CLOCK] + limit)
        while state[HEAD] < state[TAIL]:
            slot = state[HEAD] % size
            if links[slot, 2] != _NONE:
                full = state[TAIL] - state[HEAD] == size
                if state[STARTED] and slot_times[slot, 2] == NO_START:
                    # came before there was a clock
                    slot_times[slot, 2] = state[CLOCK]
                if not full and (not state[STARTED] or state[CLOCK] - slot_times[slot, 2] <= limit):
                    break
                out[count, 0], out[count, 1], out[count, 2] = slot_times[slot, 1], _NONE, ALONE
                count += 1
                _unlink(slot, heads, links, state)
            state[HEAD] += 1
        ref = first_ref + e
        if not waits[e]:
            out[count, 0], out[count, 1], out[count, 2] = ref, _NONE, WHOLE
            count += 1
            continue
        a, b, c, d, ports = keys[e, 0], keys[e, 1], keys[e, 2], keys[e, 3], np.int64(keys[e, 4])
        sport, dport = ports >> 32, (ports >> 16) & 0xFFFF
        back = np.uint64((dport << 32) | (sport << 16) | (ports & 0xFFFF))
        slot = np.int64(heads[np.int64(_mixed(c, d, a, b, back) & mask)]) - 1
        best, nearest = _NONE, limit + 1
        looked = 0
        while slot != _NONE and looked < LOOKED_AT:
            looked += 1
            if (
                slots[slot, 0] == c
                and slots[slot, 1] == d
                and slots[slot, 2] == a
                and slots[slot, 3] == b
                and slots[slot, 4] == back
            ):
                known = start != NO_START and slot_times[slot, 0] != NO_START
                apart = abs(slot_times[slot, 0] - start) if known else limit
                # of equally near ones the oldest
                if apart <= limit and apart <= nearest:
                    best, nearest = slot, apart
            slot = links[slot, 1]
        if best != _NONE:
            other_start = slot_times[best, 0]
            alike = NO_START in (start, other_start) or start == other_start
            leads = sport > dport if alike else start < other_start
            out[count, 0] = ref if leads else slot_times[best, 1]
            out[count, 1] = slot_times[best, 1] if leads else ref
            out[count, 2] = JOINED
            count += 1
            _unlink(best, heads, links, state)
            continue
        slot = state[TAIL] % size
        state[TAIL] += 1
        state[WAITING] += 1
        bucket = np.int64(_mixed(a, b, c, d, keys[e, 4]) & mask)
        slots[slot] = keys[e]
        slot_times[slot, 0], slot_times[slot, 1] = start, ref
        slot_times[slot, 2] = state[CLOCK] if state[STARTED] else NO_START
        after = np.int64(heads[bucket]) - 1
        links[slot, 0], links[slot, 1], links[slot, 2] = _NONE, after, bucket
        if after != _NONE:
            links[after, 0] = slot
        heads[bucket] = slot + 1
    return count


@njit(cache=True, nogil=True)
def give_up(until: int, slot_times: Any, links: Any, heads: Any, state: Any, out: Any) -> int:
    """Give out, without a partner, the records that wait and came before number ``until``."""
    size = len(links)
    count = 0
    while state[HEAD] < state[TAIL]:
        slot = state[HEAD] % size
        if links[slot, 2] != _NONE:
            if slot_times[slot, 1] >= until:
                break
            out[count, 0], out[count, 1], out[count, 2] = slot_times[slot, 1], _NONE, ALONE
            count += 1
            _unlink(slot, heads, links, state)
        state[HEAD] += 1
    return count


@njit(cache=True, nogil=True)
def oldest(slot_times: Any, links: Any, state: Any) -> int:
    """Number of the first record that waits, or -1."""
    size = len(links)
    while state[HEAD] < state[TAIL]:
        slot = state[HEAD] % size
        if links[slot, 2] != _NONE:
            return slot_times[slot, 1]
        state[HEAD] += 1
    return -1


@njit(cache=True, nogil=True)
def waiting(slot_times: Any, links: Any, state: Any, out: Any) -> int:
    """Numbers of the records that wait, in order; how many."""
    size = len(links)
    count = 0
    for at in range(state[HEAD], state[TAIL]):
        slot = at % size
        if links[slot, 2] != _NONE:
            out[count] = slot_times[slot, 1]
            count += 1
    return count
