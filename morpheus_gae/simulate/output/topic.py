"""Simulated lines into a Kafka topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import pyarrow as pa

from morpheus_gae.kafka.client import make_producer
from morpheus_gae.kafka.config import KafkaConfig
from morpheus_gae.kafka.outbox import Outbox
from morpheus_gae.kafka.url import parse


@contextmanager
def open_topic(
    url: str, config: KafkaConfig, lines_per_message: int, key: bytes
) -> Iterator[Callable[[pa.ChunkedArray], None]]:
    """Return a function that sends lines; leaving the context waits until all are acknowledged.

    Parameters
    ----------
    url
        ``kafka://host:port/topic``.
    config
        Options of the producer.
    lines_per_message
        Lines in one message.
    key
        Of every message: all go to one partition, in order.

    Raises
    ------
    UsageError
        If the URL is invalid.
    OutputError
        If the cluster refuses something.
    """
    topic = parse(url)
    outbox = Outbox(lambda failed: make_producer(config.producer(topic.servers), failed), topic.servers)
    headers = [("content-type", b"application/x-ndjson" if lines_per_message > 1 else b"application/json")]

    def send(lines: pa.ChunkedArray) -> None:
        texts = iter(lines.to_pylist())
        while batch := list(islice(texts, lines_per_message)):
            outbox.send(topic.topic, "\n".join(batch).encode(), key, headers)

    try:
        yield send
        outbox.flush()
    finally:
        outbox.close()
