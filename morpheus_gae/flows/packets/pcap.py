"""Packets to flows: pcap and pcapng files and live interfaces, through NFStream in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from morpheus_gae.errors import InputError, MissingExtraError
from morpheus_gae.flows.exporters.convert import FlowBatch, table_to_flows
from morpheus_gae.flows.exporters.layout import Layout
from morpheus_gae.flows.exporters.presets.names import PRESETS
from morpheus_gae.flows.files.interfaces import INTERFACE, Switch
from morpheus_gae.flows.files.stream import COMPRESSIONS, Stream, TruncatedError
from morpheus_gae.flows.packets import worker
from morpheus_gae.flows.packets.walk import walk
from morpheus_gae.flows.trace import tracing

NFSTREAM = Layout(PRESETS["nfstream"])
IDLE_SECONDS, ACTIVE_SECONDS = 30, 120
"""A flow ends after so long a silence, and is cut after so long a time: nProbe's own defaults."""
LIVE_ROWS = 8_192
LIVE_BUFFER_BYTES = 1 << 26
"""Packets that the kernel keeps while flows are written."""
GRACE_SECONDS = 5.0
ANY = "any"
_UP = 1

LINKS = (0, 1, 9, 50, 101, 104, 113, 127, 228, 229)
"""Link types that NFStream looks into."""
COOKED_2 = 276


def capture_batches(path: str, stream: Stream, batch_rows: int) -> Iterator[FlowBatch]:
    """Flows of a pcap or pcapng file, in the order in which they end.

    Parameters
    ----------
    path
        The file, or the name of what is read.
    stream
        The same, open. What is compressed, or no file, is written to a temporary one first.
    batch_rows
        Flows of a batch.

    Raises
    ------
    InputError
        If nothing can be made of packets of its kind.
    MissingExtraError
        If NFStream is not installed.
    TruncatedError
        If the file, or the rest of it, cannot be read.
    """
    _require_nfstream()
    if os.path.isfile(path) and Path(path).suffix.lower() not in COMPRESSIONS:
        yield from _file_batches(path, path, batch_rows)
        return
    with tempfile.NamedTemporaryFile(prefix="morpheus-gae-", suffix=".pcap") as file:
        broken = _spool(stream, file)
        yield from _file_batches(path, file.name, batch_rows)
    if broken is not None:
        raise broken


def live_batches(url: str, switch: Switch | None = None) -> Iterator[FlowBatch]:
    """Flows of what an interface sees, a second's at a time, until the switch is pressed.

    Parameters
    ----------
    url
        ``interface:eth0``.
    switch
        Ends it; the flows that have not ended by then are given as well.

    Raises
    ------
    InputError
        If there is no such interface, capturing is not allowed, or the interface goes down.
    MissingExtraError
        If NFStream is not installed.
    """
    name = url.removeprefix(INTERFACE)
    _require_nfstream()
    _require_interface(url, name)
    worker = Worker(name, LIVE_ROWS, live=True)
    try:
        with (switch or Switch()).ending(worker.end):
            row = 0
            # the first is empty: the capture has begun
            for table in worker.tables():
                yield _flows(table, url, row)
                row += table.num_rows
        problem = worker.problem()
    finally:
        worker.close()
    if problem:
        raise InputError(f"{url}: {problem}")


class Worker:
    """NFStream at work.

    Parameters
    ----------
    source
        Path of a file, or name of an interface.
    rows
        Flows of a table.
    live
        It is an interface.
    """

    def __init__(self, source: str, rows: int, live: bool = False) -> None:
        told = {
            "path": sys.path,
            "source": source,
            "rows": rows,
            "live": live,
            # there is nothing promiscuous about all interfaces at once: libpcap warns, NFStream gives up
            "promiscuous": source != ANY,
            "idle_seconds": IDLE_SECONDS,
            "active_seconds": ACTIVE_SECONDS,
            "buffer_bytes": LIVE_BUFFER_BYTES if live else 0,
        }
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        command = [sys.executable, "-I", worker.__file__, json.dumps(told)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            # Ctrl-C is for us; it would lose the flows that have not ended
            start_new_session=True,
        )

    def tables(self) -> Iterator[pa.Table]:
        """What it makes, until it ends one way or another."""
        # it dies in the middle of a record: what ``problem`` is for
        with suppress(pa.ArrowException, OSError, EOFError):
            reader = pa.ipc.open_stream(pa.PythonFile(self._process.stdout, mode="r"))
            yield reader.schema.empty_table()
            for batch in reader:
                yield pa.Table.from_batches([batch])

    def end(self) -> None:
        """Let a live capture give what it has, and end."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def problem(self) -> str:
        """Why it ended, in a few words; empty if all is well."""
        code = self._process.wait()
        if code == 0:
            return ""
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no reason told")
        if code < 0:
            with suppress(ValueError):
                return f"NFStream was ended by {signal.Signals(-code).name}"
        return f"NFStream cannot read it: {last[:200]}"

    def close(self) -> None:
        """End it, if it has not ended."""
        self.end()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._said.close()


def _file_batches(path: str, file: str, batch_rows: int) -> Iterator[FlowBatch]:
    walked = walk(file)
    size, row, taken, seen = os.path.getsize(file), 0, 0, 0
    unknown = [link for link in walked.links if link not in LINKS]
    if unknown and len(unknown) == len(walked.links):
        advice = "; write it with  tcpdump -y LINUX_SLL" if unknown[0] == COOKED_2 else ""
        raise InputError(f"{path}: NFStream does not look into packets of link type {unknown[0]}{advice}")
    worker = Worker(os.path.abspath(file), batch_rows)
    try:
        for table in worker.tables():
            seen += int(pc.sum(table["bidirectional_packets"]).as_py() or 0)
            # where it stands is not told; its flows hold that share of all packets
            before, taken = taken, size * min(seen, walked.packets) // max(walked.packets, 1)
            yield _flows(table, path, row, taken - before)
            row += table.num_rows
        problem = worker.problem()
    finally:
        worker.close()
    # of packets that are of no flow
    yield _flows(_no_flows(), path, row, size - taken)
    if problem or walked.broken:
        raise TruncatedError(problem or walked.broken)
    if len(walked.links) > 1:
        links = ", ".join(map(str, walked.links))
        raise TruncatedError(f"its interfaces have link types {links}: only packets of the first are read")


def _flows(table: pa.Table, source: str, row: int, bytes_read: int = 0) -> FlowBatch:
    tracing().found(NFSTREAM, ())
    # nobody has to be told whose columns they are
    return replace(table_to_flows(table, source, row, bytes_read=bytes_read, preset=NFSTREAM), preset=None)


def _no_flows() -> pa.Table:
    kinds = {n: pa.string() if n in worker.TEXT else pa.int64() for n in worker.COLUMNS}
    return pa.schema(kinds).empty_table()


def _spool(stream: Stream, file: Any) -> TruncatedError | None:
    """Write all there is to a file; what kept the rest from being read."""
    try:
        while data := stream.read(1 << 20):
            file.write(data)
    except TruncatedError as error:
        return error
    except OSError as error:
        raise InputError(f"a capture cannot be put into a temporary file: {error.strerror}") from None
    finally:
        with suppress(OSError):
            file.flush()
    return None


def _require_nfstream() -> None:
    if importlib.util.find_spec("nfstream") is None:
        raise MissingExtraError("nfstream", "pcap", "reading packets")


def _require_interface(url: str, name: str) -> None:
    there = [told for _, told in socket.if_nameindex()]
    if name != ANY and name not in there:
        raise InputError(
            f"{url}: there is no such interface; there are {', '.join(there)}, and {ANY} for all"
        )
    if not hasattr(socket, "AF_PACKET"):
        return
    with suppress(OSError):
        if not int(Path("/sys/class/net", name, "flags").read_text(encoding="ascii"), 16) & _UP:
            raise InputError(f"{url} is down: no packet comes through it (ip link set {name} up)")
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError:
        raise InputError(
            f"{url}: seeing packets takes root, or the capability CAP_NET_RAW (sudo setcap cap_net_raw+ep "
            f"{os.path.realpath(sys.executable)}; in a container --cap-add NET_RAW)"
        ) from None
