"""Front: what stands before the broker on a port of its own: TLS, SASL, and answers that come late.

The frames behind it are the broker's own, but for its address in them, in whose place the front's is told.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.kafka.secured import Door

PRODUCE, FETCH, JOIN, HEARTBEAT = 0, 1, 11, 12
"""Kinds of requests, as https://kafka.apache.org/protocol.html numbers them."""
HOST = "127.0.0.1"


class Front:
    """A proxy on loopback; runs in a thread while inside ``with``.

    Parameters
    ----------
    servers
        The broker behind it.
    tls
        What it listens with; None is plain.
    door
        Who may pass; None lets everybody.

    Attributes
    ----------
    servers
        Its own ``host:port``.
    refused
        Why the door did not let connections in.
    turned_away
        Handshakes of TLS that failed.
    asked
        Requests by their kind.
    fetched
        Bytes of the broker's answers to fetch requests.
    """

    def __init__(self, servers: str, tls: ssl.SSLContext | None = None, door: Door | None = None) -> None:
        self._behind = int(servers.rpartition(":")[2])
        self.tls, self.door = tls, door
        self.port = 0
        self.refused: list[str] = []
        self.fetched = self.turned_away = 0
        self.asked: Counter[int] = Counter()
        self._loop = asyncio.new_event_loop()
        # handshakes that fail here are no news: the client tells of them
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._open: asyncio.Event
        self._serving: set[Any] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def servers(self) -> str:
        return f"{HOST}:{self.port}"

    def __enter__(self) -> Front:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *error: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    def hold(self) -> None:
        """From now on nobody hears that what was produced has arrived."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def release(self) -> None:
        """They hear it."""
        self._loop.call_soon_threadsafe(self._open.set)

    def relisten(self, tls: ssl.SSLContext | None) -> None:
        """Listen on the same port with another certificate."""
        self.tls = tls
        self._do(self._end())
        self._do(self._listen())

    def _do(self, what: Any) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(60)

    async def _listen(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._server = await asyncio.start_server(self._serve, HOST, self.port, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        self._server.close()
        # what is being accepted is let in first: asyncio would leave its socket open
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks & self._serving:
                task.cancel()
            await asyncio.wait(tasks, timeout=0.05)
        self._serving.clear()
        # what was aborted is closed in the loop's next round
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.current_task())
        transports = [back.transport]
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if self.tls is not None:
                    # before anything else is waited for: the first bytes are the handshake's
                    back = await self._handshake(near, back, self.tls)
                    transports.append(back.transport)
                far, forth = await asyncio.open_connection(HOST, self._behind, limit=1 << 20)
                transports.append(forth.transport)
                if self.door is not None:
                    no = await self.door.admit(near, back, far, forth)
                    if no is not None:
                        self.refused.append(no)
                        return
                asked: dict[int, int] = {}
                ways = [self._requests(near, forth, asked), self._answers(far, back, asked)]
                tasks = [asyncio.ensure_future(way) for way in ways]
                self._serving.update(tasks)
                _, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in left:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for transport in reversed(transports):
                transport.abort()

    async def _handshake(
        self, near: asyncio.StreamReader, back: asyncio.StreamWriter, tls: ssl.SSLContext
    ) -> asyncio.StreamWriter:
        raw, loop = back.transport, asyncio.get_running_loop()
        protocol = raw.get_protocol()
        try:
            safe = await loop.start_tls(raw, protocol, tls, server_side=True)
        except OSError:
            self.turned_away += 1
            raise
        assert safe is not None
        return asyncio.StreamWriter(safe, protocol, near, loop)

    async def _requests(
        self, near: asyncio.StreamReader, forth: asyncio.StreamWriter, asked: dict[int, int]
    ) -> None:
        while True:
            frame = await read_frame(near)
            api, _, number = struct.unpack_from(">hhi", frame)
            self.asked[api] += 1
            asked[number] = api
            await write_frame(forth, frame)

    async def _answers(
        self, far: asyncio.StreamReader, back: asyncio.StreamWriter, asked: dict[int, int]
    ) -> None:
        theirs, ours = (HOST.encode() + struct.pack(">i", port) for port in (self._behind, self.port))
        while True:
            frame = await read_frame(far)
            api = asked.pop(struct.unpack_from(">i", frame)[0], None)
            if api == PRODUCE:
                await self._open.wait()
            elif api == FETCH:
                self.fetched += len(frame)
            else:
                frame = frame.replace(theirs, ours)
            await write_frame(back, frame)


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """What stands behind a length."""
    (length,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(length)


async def write_frame(writer: asyncio.StreamWriter, frame: bytes) -> None:
    """A length and what it counts."""
    writer.write(struct.pack(">i", len(frame)))
    writer.write(frame)
    await writer.drain()
