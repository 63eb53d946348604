"""BoundedServer: a server of connections that are few, short, and small in what they may say."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from socketserver import TCPServer
from typing import Any

CONNECTIONS = 32
"""Connections at once: a few scrapers and probes, and some that hang."""
CONNECTION_SECONDS = 10.0
"""All the time that a connection may take, from when it is taken to when it is closed."""
REQUEST_BYTES = 16_384
"""Line and headers of a request."""
POLL_SECONDS = 0.25

_BUSY = (
    b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class BoundedServer(ThreadingHTTPServer):
    """One thread a connection, and one that takes connections and cuts those off that take too long.

    Parameters
    ----------
    host, port
        Where to listen; port 0 is any that is free.
    handler
        Answers one request a connection.
    most
        Connections at once; further ones get 503 and are closed.
    seconds
        See ``CONNECTION_SECONDS``.
    count
        Told ``refused`` or ``cut_off`` for each connection that was.
    clock
        Reads seconds, as ``time.monotonic``.

    Raises
    ------
    OSError
        If it cannot listen there.
    """

    daemon_threads = True
    # closing does not wait for a scraper that holds its connection open
    block_on_close = False

    def __init__(
        self,
        host: str,
        port: int,
        handler: type[BaseHTTPRequestHandler],
        most: int = CONNECTIONS,
        seconds: float = CONNECTION_SECONDS,
        count: Callable[[str], None] = lambda _name: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._most, self._seconds, self._count, self._clock = most, seconds, count, clock
        self._lock = threading.Lock()
        # open connections, and when each must have ended; None once it was cut off
        self._ends: dict[socket.socket, float | None] = {}
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without asking the DNS for a name of ours, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "morpheus-gae", int(self.server_address[1])

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for a connection; without, it is told so at once."""
        with self._lock:
            if len(self._ends) < self._most:
                self._ends[request] = self._clock() + self._seconds
                return True
        self._count("refused")
        with suppress(OSError):
            # a connection that has just begun has room for this
            request.setblocking(False)
            request.send(_BUSY)
        return False

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, however it ended."""
        with self._lock:
            self._ends.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut connections off that have had their time; whoever reads or writes on them wakes up."""
        now = self._clock()
        self._cut(lambda end: end <= now, count=True)

    def server_close(self) -> None:
        """Stop listening, and end the connections that are still open."""
        super().server_close()
        self._cut(lambda _end: True, count=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a scraper that leaves in the middle is its own affair."""

    def _cut(self, due: Callable[[float], bool], count: bool) -> None:
        with self._lock:
            late = [request for request, end in self._ends.items() if end is not None and due(end)]
            for request in late:
                self._ends[request] = None
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)
        if count:
            for _ in late:
                self._count("cut_off")


class BoundedHandler(BaseHTTPRequestHandler):
    """Answers one request whose line and headers are no longer than ``REQUEST_BYTES``; GET and HEAD only."""

    timeout = CONNECTION_SECONDS

    def handle_one_request(self) -> None:
        """Read a request as a whole, then answer it."""
        self.close_connection = True
        self.command, self.requestline, self.request_version = "", "", "HTTP/1.0"
        head = b""
        while True:
            line = self.rfile.readline(REQUEST_BYTES + 1 - len(head))
            head += line
            if len(head) > REQUEST_BYTES:
                self.send_error(431 if b"\n" in head else 414)
                return
            if not line.endswith(b"\n"):
                # the other side has gone, or was cut off
                return
            if not line.strip(b"\r\n"):
                break
        self.raw_requestline, end, rest = head.partition(b"\n")
        self.raw_requestline += end
        self.rfile.close()
        self.rfile = BytesIO(rest)
        if not self.parse_request():
            return
        self.close_connection = True
        if self.command in ("GET", "HEAD"):
            self.get()
        else:
            self.answer(405, b"there are GET and HEAD\n", {"Allow": "GET, HEAD"})

    def get(self) -> None:
        """Answer GET or HEAD by ``answer``."""
        raise NotImplementedError

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Send an answer, without its body to HEAD.

        Parameters
        ----------
        status
            Of HTTP.
        body
            Text in UTF-8, unless the headers say otherwise.
        headers
            Further ones.
        """
        self.send_response(status)
        told = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Connection": "close",
            **(headers or {}),
        }
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request, without a word of what was in it."""
        # without a version that could be read headers would be left out
        self.request_version = "HTTP/1.0"
        self.answer(code, f"{HTTPStatus(code).phrase}\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: probes come every few seconds."""
