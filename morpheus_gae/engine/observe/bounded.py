"""BoundedServer: an HTTP server with limits on connections, their duration and request size."""

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
"""Maximum number of concurrent connections: a few scrapers and probes, and some that hang."""
CONNECTION_SECONDS = 10.0
"""Maximum duration of a connection, from accept to close."""
REQUEST_BYTES = 16_384
"""Maximum size of request line and headers."""
POLL_SECONDS = 0.25

_BUSY = (
    b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


class BoundedServer(ThreadingHTTPServer):
    """One thread per connection, and one that accepts connections and cuts off slow ones.

    Parameters
    ----------
    host, port
        Address to listen on; port 0: any free one.
    handler
        Answers one request per connection.
    most
        Maximum number of concurrent connections; further ones get 503 and are closed.
    seconds
        See ``CONNECTION_SECONDS``.
    count
        Called with ``refused`` or ``cut_off`` for each such connection.
    clock
        Clock in seconds, like ``time.monotonic``.

    Raises
    ------
    OSError
        If it cannot listen there.
    """

    daemon_threads = True
    # closing does not wait for open connections
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
        # open connections and their deadlines; None once cut off
        self._ends: dict[socket.socket, float | None] = {}
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without a reverse DNS look-up, which may be slow."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "morpheus-gae", int(self.server_address[1])

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether another connection is allowed; if not, it gets an immediate refusal."""
        with self._lock:
            if len(self._ends) < self._most:
                self._ends[request] = self._clock() + self._seconds
                return True
        self._count("refused")
        with suppress(OSError):
            # a new connection's send buffer has room for this
            request.setblocking(False)
            request.send(_BUSY)
        return False

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._ends.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut off connections past their deadline; blocked reads and writes wake up."""
        now = self._clock()
        self._cut(lambda end: end <= now, count=True)

    def server_close(self) -> None:
        """Stop listening, and close the open connections."""
        super().server_close()
        self._cut(lambda _end: True, count=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: a disconnecting scraper is not our problem."""

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
    """Answers one request of limited size (``REQUEST_BYTES``); GET and HEAD only."""

    timeout = CONNECTION_SECONDS

    def handle_one_request(self) -> None:
        """Read a whole request, then answer it."""
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
                # the peer has disconnected, or was cut off
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
        """Send an answer, without a body for HEAD.

        Parameters
        ----------
        status
            Of HTTP.
        body
            UTF-8 text, unless the headers specify another type.
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
        """Refuse a request, without echoing its content."""
        # without a valid version, headers would be omitted
        self.request_version = "HTTP/1.0"
        self.answer(code, f"{HTTPStatus(code).phrase}\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: probes come every few seconds."""
