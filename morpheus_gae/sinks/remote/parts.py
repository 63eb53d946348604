"""Parts: a batch that a server refuses as a whole, halved until it is known which records it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from morpheus_gae.sinks.remote.records import Record
from morpheus_gae.sinks.remote.refused import Refusal
from morpheus_gae.sinks.remote.retry import Transient
from morpheus_gae.sinks.remote.sink import Answer

Send = Callable[[Sequence[Record]], "Answer | str"]
"""Sends records; tells what became of each, or why all were refused together; raises ``Transient``."""


def in_parts(records: Sequence[Record], send: Send) -> Answer:
    """Send records, halving what is refused; n refused ones among m cost about ``2 n log2 m`` requests.

    Parameters
    ----------
    records
        A batch.
    send
        See ``Send``.

    Raises
    ------
    Transient
        If nothing is known of any record. Later on what is left is among those to send again, so that nothing
        is sent twice that was taken.
    """
    parts: list[Sequence[Record]] = [records]
    again: list[Record] = []
    refused: list[Refusal] = []
    why, after = "", None
    settled = False
    while parts:
        part = parts.pop()
        try:
            found = send(part)
        except Transient as failure:
            if not settled:
                raise
            again += [record for left in (part, *reversed(parts)) for record in left]
            return Answer(again, refused, str(failure), failure.after)
        if isinstance(found, str) and len(part) > 1:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
            continue
        settled = True
        if isinstance(found, str):
            refused.append(Refusal(part[0], found))
            continue
        again += found.again
        refused += found.refused
        why = found.why or why
        after = after if found.after is None else found.after
    return Answer(again, refused, why, after)
