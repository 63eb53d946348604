"""A process of its own that lets NFStream make flows of packets, and writes them to stdout as Arrow IPC.

NFStream forks, binds its caller to one core, and runs C code on whatever the packets hold: none of this may
happen to a pipeline. The file is run by its path, so it imports nothing of this project. Standard input is
open as long as somebody wants flows; when it ends, a live capture gives what it has and ends as well.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import sys
import threading
import time
import warnings
from operator import attrgetter
from types import ModuleType, SimpleNamespace
from typing import Any

FAILED = 3
"""Exit code where NFStream says why it cannot go on: the last line of stderr."""

TEXT = ("src_ip", "dst_ip", "src_mac", "dst_mac")
COLUMNS = (
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "protocol",
    "ip_version",
    "vlan_id",
    "tunnel_id",
    "src_mac",
    "dst_mac",
    # 0: silent for too long, or the capture ended; 1: longer than a flow may be
    "expiration_id",
    "bidirectional_first_seen_ms",
    "bidirectional_last_seen_ms",
    "bidirectional_duration_ms",
    "bidirectional_packets",
    "bidirectional_bytes",
    "src2dst_packets",
    "src2dst_bytes",
    "dst2src_packets",
    "dst2src_bytes",
)
_IP_BYTES = 1
_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
_LARGEST = 2**63 - 1
_SNAPSHOT = 65_535
_END, _TICK, _NOTHING = -2, 2, -1
TICK_SECONDS = 0.1
FLUSH_SECONDS = 1.0
#: The clock of packets stands still while none comes; flows end by ours then, which must not overtake it.
_BEHIND_MS = 2_000
#: The kernel hands packets on once a second: those of the last one are waited for.
_LINGER_SECONDS = 1.5
#: So many reads that give nothing, in no time, are an error that does not go away.
_FRUITLESS = 1_000


class FailedError(Exception):
    """NFStream says why it cannot go on."""


class Channel:
    """Takes flows from NFStream as its queue would, and writes them out in batches."""

    def __init__(self, out: Any, rows: int) -> None:
        import pyarrow as pa

        self._pa = pa
        self.schema = pa.schema([(n, pa.string() if n in TEXT else pa.int64()) for n in COLUMNS])
        self._file = os.fdopen(out, "wb")
        self._rows = rows
        self._taken: list[tuple[Any, ...]] = []
        self._values = attrgetter(*COLUMNS)

    def open(self) -> None:
        """Write the names: packets are seen from now on."""
        # a writer of Arrow's would wait for the first flow
        self._write(self.schema.serialize())

    def put(self, item: Any) -> None:
        """Take a flow, or the word that there are no more."""
        if item is None:
            return
        message = getattr(item, "message", None)
        if message is not None:
            raise FailedError(message)
        if hasattr(item, "src_ip"):
            self._taken.append(self._values(item))
            if len(self._taken) >= self._rows:
                self.flush()

    def flush(self) -> None:
        """Write what was taken."""
        if not self._taken:
            return
        columns = zip(*self._taken, strict=True)
        arrays = [self._array(column, field.type) for column, field in zip(columns, self.schema, strict=True)]
        self._write(self._pa.record_batch(arrays, schema=self.schema).serialize())
        self._taken = []

    def _array(self, values: tuple[Any, ...], kind: Any) -> Any:
        try:
            return self._pa.array(values, kind)
        except OverflowError:
            # a damaged time
            return self._pa.array([v if v <= _LARGEST else None for v in values], kind)

    def close(self) -> None:
        """Write the rest and the mark of the end."""
        self.flush()
        self._write(_END_OF_STREAM)
        self._file.close()

    def _write(self, data: Any) -> None:
        self._file.write(data)
        self._file.flush()


class Engine:
    """The functions of NFStream's engine, with a capture that ends when it should.

    libpcap waits for the next packet for as long as it takes; a live capture is made to return at once, and
    the waiting is done here, where the end of standard input ends it.
    """

    def __init__(self, ffi: Any, lib: Any, channel: Channel, live: bool) -> None:
        self.__dict__.update({name: getattr(lib, name) for name in dir(lib)})
        self._ffi, self._lib, self._channel = ffi, lib, channel
        self._fruitless, self._packets_from, self._ends = 0, -1, 0.0
        self._flushed = self._looked = time.monotonic()
        # of the instance, where it stands in the place of that of the engine
        self.__dict__["capture_next"] = self._next_live if live else self._next_of_file
        if live:
            self.__dict__["capture_activate"] = self._activate

    def _activate(self, capture: Any, *rest: Any) -> int:
        given: int = self._lib.capture_activate(capture, *rest)
        if given == 0:
            import _lib_engine  # type: ignore[import-not-found,unused-ignore]

            pcap = ctypes.CDLL(_lib_engine.__file__)
            handle = ctypes.c_void_p(int(self._ffi.cast("uintptr_t", capture)))
            pcap.pcap_setnonblock(handle, 1, ctypes.create_string_buffer(512))
            self._packets_from = pcap.pcap_get_selectable_fd(handle)
            self._channel.open()
        return given

    def _next_of_file(self, capture: Any, *rest: Any) -> int:
        given: int = self._lib.capture_next(capture, *rest)
        self._fruitless = self._fruitless + 1 if given == _NOTHING else 0
        # NFStream itself would try for ever
        return _END if self._fruitless >= _FRUITLESS else given

    def _next_live(self, capture: Any, packet: Any, *rest: Any) -> int:
        given: int = self._lib.capture_next(capture, packet, *rest)
        now = time.monotonic()
        if given != _NOTHING:
            self._fruitless = 0
            if now - self._looked < TICK_SECONDS:
                return given
        self._looked = now
        wait = TICK_SECONDS if given == _NOTHING else 0
        asked = [self._packets_from] if self._ends else [0, self._packets_from]
        ready = select.select(asked, [], [], wait)[0]
        if 0 in ready:
            self._ends = now + _LINGER_SECONDS
        if self._ends and now > self._ends + (1.0 if given != _NOTHING else 0.0):
            return _END
        if now - self._flushed >= FLUSH_SECONDS:
            self._flushed = now
            self._channel.flush()
        if given != _NOTHING:
            return given
        # an error makes it readable, and gives nothing
        self._fruitless = self._fruitless + 1 if ready else 0
        if self._fruitless >= _FRUITLESS:
            raise FailedError("the interface gives no more packets: it is down, or gone")
        packet.time = int(time.time() * 1000) - _BEHIND_MS
        return _TICK


def measure(told: dict[str, Any], out: int) -> None:
    """Make flows of a file or of what an interface sees.

    Raises
    ------
    FailedError
        If NFStream cannot do so.
    """
    # imported for what is not done here, it takes longer than all the rest; Arrow lets this version be
    sys.modules["pandas"] = ModuleType("pandas")
    sys.modules["pandas"].__dict__["__version__"] = "0"
    warnings.simplefilter("ignore")
    from nfstream import meter  # type: ignore[import-not-found,unused-ignore]

    channel = Channel(out, told["rows"])
    ffi, lib = meter.create_engine()
    engine = Engine(ffi, lib, channel, told["live"])
    if not told["live"]:
        channel.open()
    meter.create_engine = lambda: (ffi, engine)
    meter.set_affinity = lambda number: None
    lock = threading.Lock()
    lock.acquire()
    try:
        meter.meter_workflow(
            source=told["source"],
            snaplen=_SNAPSHOT,
            decode_tunnels=True,
            bpf_filter=None,
            promisc=told["promiscuous"],
            n_roots=1,
            root_idx=0,
            mode=int(told["live"]),
            idle_timeout=told["idle_seconds"] * 1000,
            active_timeout=told["active_seconds"] * 1000,
            accounting_mode=_IP_BYTES,
            udps=(),
            n_dissections=0,
            statistics=False,
            splt=0,
            channel=channel,
            tracker=[SimpleNamespace(value=0) for _ in range(3)],
            lock=lock,
            group_id=os.getpid(),
            system_visibility_mode=0,
            socket_buffer_size=told["buffer_bytes"],
        )
    except FailedError:
        # what has ended before counts
        channel.flush()
        raise
    channel.close()


def main() -> None:
    """Do what the argument says."""
    told = json.loads(sys.argv[1])
    sys.path[:] = told["path"]
    # what a library prints is no flow
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        measure(told, out)
    except BrokenPipeError:
        os._exit(0)
    except (FailedError, ImportError, AttributeError, TypeError) as error:
        sys.stderr.write(f"\n{' '.join(str(error).split())}\n")
        sys.stderr.flush()
        os._exit(FAILED)
    # nothing of NFStream is left to be torn down
    os._exit(0)


if __name__ == "__main__":
    main()
