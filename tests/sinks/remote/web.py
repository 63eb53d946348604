"""A web server on loopback for tests, that answers as it is told, and does what goes wrong with servers."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from morpheus_gae.detect.encodings import encoding
from morpheus_gae.sinks.remote.open import open_remote
from morpheus_gae.sinks.remote.retry import Retry
from morpheus_gae.sinks.remote.sink import RemoteSink
from tests.sinks.remote.servers import Count


class Request(NamedTuple):
    """What came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Reply(NamedTuple):
    """What goes back; ``does`` instead: ``reset``, ``hang``, or ``lose`` once it was taken."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    does: str = ""


Answers = Callable[[Request], Reply]


class Web:
    """Answers requests by a function, after the replies that were planned; keeps all requests.

    Parameters
    ----------
    answers
        Tells the reply to a request.
    plan
        Replies to the first requests instead; ``lose`` asks ``answers`` too.
    context
        For TLS.
    """

    def __init__(
        self, answers: Answers, plan: Sequence[Reply] = (), context: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[Request] = []
        self._answers, self._plan = answers, list(plan)
        self._over, self._lock = threading.Event(), threading.Lock()
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # head and body in one: by themselves the second would wait for the acknowledgement of the first
            wbufsize = -1

            def do_POST(self) -> None:
                web._serve(self)

            do_GET = do_PUT = do_POST

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                # a client that goes away in the middle, as with a certificate that it does not like
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Web:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(60)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.command, handler.path, headers, body)
        with self._lock:
            self.requests.append(request)
            reply = self._plan.pop(0) if self._plan else Reply(does="answer")
            if reply.does == "answer":
                reply = self._answers(request)
            elif reply.does == "lose":
                self._answers(request)
        if reply.does == "hang":
            self._over.wait(60)
        if reply.does:
            # closed with an RST
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.close_connection = True
            with contextlib.suppress(OSError):
                handler.connection.close()
            return
        handler.send_response(reply.status)
        for name, value in reply.headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        handler.wfile.write(reply.body)


class Waits:
    """Takes the pauses that are asked for, without waiting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def opened(url: str, count: Count | None = None, form: str = "plain", **told: Any) -> RemoteSink:
    """The sink of a URL that never waits."""
    wait = told.pop("wait", lambda _: None)
    told = {"environment": {}, "retry": Retry(1e9, wait), "name_of_encoding": form, **told}
    return open_remote(url, encoding(form), count or Count(), **told)
