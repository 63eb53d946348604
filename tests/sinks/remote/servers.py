"""Servers on loopback for tests, in threads of their own."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable


class Count:
    """Counts as the metrics of a run do."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, **counts: int) -> None:
        for name, n in counts.items():
            self.counts[name] = self.counts.get(name, 0) + n


class Octets:
    """Takes messages with octet counting (RFC 6587), over TCP or TLS.

    Parameters
    ----------
    context
        For TLS.
    port
        0 is any.
    """

    def __init__(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._context = context
        self.messages: list[bytes] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Octets:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for wire in self._open:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)

    def wait(self, done: Callable[[list[bytes]], bool]) -> list[bytes]:
        """Messages, once there are enough of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: done(self.messages), 30), self.messages
            return list(self.messages)

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(plain)
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), plain:
            wire = plain if self._context is None else self._context.wrap_socket(plain, server_side=True)
            with wire, wire.makefile("rb") as file:
                while True:
                    length = b""
                    while (byte := file.read(1)) not in (b" ", b""):
                        length += byte
                    if not length:
                        return
                    message = file.read(int(length))
                    with self._changed:
                        self.messages.append(message)
                        self._changed.notify_all()
