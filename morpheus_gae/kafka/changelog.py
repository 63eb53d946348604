"""Changelog: state of each input partition, in parts, in a compacted topic.

A part is a message with a key, ``<group>/<topic>/<partition>/<name of the part>``; a removed part is a
tombstone. The header ``at`` is the offset that the transaction of the message commits. A part is valid if
that is not beyond the offset from which the partition is read: state of flows that will be read again (for
example after an offset reset) is ignored.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Set
from typing import Any

from morpheus_gae.errors import InputError
from morpheus_gae.kafka.client import AWAY, error_name, error_text, library, refused
from morpheus_gae.kafka.outbox import Outbox
from morpheus_gae.model.strict_json import loads

AT = "at"
MOST_PARTS = 1 << 16
READ_SECONDS = 180.0
"""Maximum time without a message: waits for open transactions of others, which the broker aborts in time."""
POLL_SECONDS = 0.25
ASK_SECONDS = 10.0


class Changelog:
    """The compacted topic.

    Parameters
    ----------
    outbox
        Transactional outbox.
    topic
        Its name.
    group
        Consumer group of the offsets.
    options
        Options of a consumer of that cluster.
    """

    def __init__(self, outbox: Outbox, topic: str, group: str, options: Mapping[str, str]) -> None:
        self._outbox, self._topic, self._group = outbox, topic, group
        self._options = dict(options)
        self._partitions = 0

    def __str__(self) -> str:
        return f"kafka://{self._outbox.servers}/{self._topic}"

    def read(self, topic: str, partition: int, before: int) -> tuple[dict[str, Any], set[str], bool]:
        """Read the state of a partition.

        Parameters
        ----------
        topic, partition
            Input partition.
        before
            Offset of the first message to be read.

        Returns
        -------
        dict, set, bool
            Parts by name; all names in the topic, which may be more; whether later parts were ignored: those
            that were read must then be written again, or the ignored ones become valid as reading goes on.

        Raises
        ------
        InputError
            If the topic cannot be read, or has invalid content.
        """
        start = self._key(topic, partition, "").rstrip("/")
        found: dict[str, bytes] = {}
        there: set[str] = set()
        ignored = False
        for key, value, at in self._messages(self._place(partition)):
            # a group may have slashes
            of, _, name = key.rpartition("/")
            if of != start:
                continue
            (there.discard if value is None else there.add)(name)
            if at is None or len(there) > MOST_PARTS:
                raise InputError(f"{self} holds what this program has not written: give another topic")
            if at > before:
                ignored = True
                continue
            if value is None:
                found.pop(name, None)
            else:
                found[name] = value
        try:
            return {name: loads(value) for name, value in found.items()}, there, ignored
        except ValueError as error:
            raise InputError(f"{self} is damaged: {topic}/{partition}: {error}") from None

    def write(
        self, topic: str, partition: int, at: int, parts: Mapping[str, Any], gone: Set[str] = frozenset()
    ) -> None:
        """Send parts, and tombstones for removed ones, in the open transaction.

        Parameters
        ----------
        topic, partition
            Input partition.
        at
            Offset that the transaction commits.
        parts
            Plain values by name.
        gone
            Names.

        Raises
        ------
        OutputError
            If the cluster refuses them.
        """
        place, headers = self._place(partition), [(AT, str(at).encode())]
        for name, part in parts.items():
            value = json.dumps(part, separators=(",", ":")).encode()
            self._outbox.send(self._topic, value, self._key(topic, partition, name).encode(), headers, place)
        # last: where compaction has removed a part, it has removed the head that counts it too
        for name in sorted(gone):
            self._outbox.send(self._topic, None, self._key(topic, partition, name).encode(), headers, place)

    def _key(self, topic: str, partition: int, name: str) -> str:
        # neither topics nor names have slashes
        return f"{self._group}/{topic}/{partition}/{name}"

    def _place(self, partition: int) -> int:
        if not self._partitions:
            producer = self._outbox.producer
            found = self._asked(producer, lambda: producer.list_topics(self._topic, timeout=ASK_SECONDS))
            self._partitions = len(found.topics[self._topic].partitions)
            if not self._partitions:
                raise InputError(f"{self} cannot be read: there is no such topic")
        return partition % self._partitions

    def _messages(self, place: int) -> Any:
        """Yield key, value and offset of each committed message of a partition, in order."""
        return self._until(place, self._end(place))

    def _asked(self, client: Any, act: Callable[[], Any]) -> Any:
        """Call the cluster, waiting while it is unavailable."""
        until = time.monotonic() + READ_SECONDS
        while True:
            try:
                return act()
            except library().KafkaException as error:
                no = refused(error, self._outbox.servers)
                if no is not None or error_name(error) not in AWAY or time.monotonic() > until:
                    raise no or InputError(f"{self} cannot be read: {error_text(error)}") from None
                client.poll(POLL_SECONDS)

    def _end(self, place: int) -> int:
        """Return the end offset, including uncommitted messages."""
        reader = self._reader("read_uncommitted")
        try:
            part = library().TopicPartition(self._topic, place)
            return int(self._asked(reader, lambda: reader.get_watermark_offsets(part, ASK_SECONDS))[1])
        finally:
            reader.close()

    def _until(self, place: int, end: int) -> Any:
        kafka, until = library(), time.monotonic() + READ_SECONDS
        reader = self._reader("read_committed")
        try:
            reader.assign([kafka.TopicPartition(self._topic, place, kafka.OFFSET_BEGINNING)])
            while True:
                if time.monotonic() > until:
                    raise InputError(f"{self} cannot be read to its end: a transaction of it does not end")
                message = reader.poll(POLL_SECONDS)
                if message is None:
                    continue
                error = message.error()
                if error is None:
                    until = time.monotonic() + READ_SECONDS
                    yield (message.key() or b"").decode("utf-8", "replace"), message.value(), _at(message)
                elif error_name(error) == "_PARTITION_EOF":
                    if message.offset() >= end:
                        return
                    # a transaction is open: this is repeated when there is more
                elif no := refused(error, self._outbox.servers):
                    raise no
        finally:
            reader.close()

    def _reader(self, isolation: str) -> Any:
        told = {"isolation.level": isolation, "enable.partition.eof": "true"}
        return _make({**self._options, **told})


def _make(options: Mapping[str, str]) -> Any:
    from morpheus_gae.kafka.client import make_consumer

    return make_consumer(options, _nothing)


def _nothing(_error: Any) -> None:
    # errors are reported by the calls; an unavailable broker is retried
    pass


def _at(message: Any) -> int | None:
    for name, value in message.headers() or ():
        if name == AT and isinstance(value, bytes) and value.isdigit() and len(value) < 20:
            return int(value)
    return None
