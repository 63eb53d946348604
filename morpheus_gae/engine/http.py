"""HTTP: ``/metrics``, ``/healthz`` and ``/readyz`` of a run."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from morpheus_gae.engine.health import Health
from morpheus_gae.engine.metrics import Metrics
from morpheus_gae.engine.prometheus import registry_of
from morpheus_gae.errors import UsageError

CLOSE_SECONDS = 2.0
REQUEST_SECONDS = 10.0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # closing does not wait for a scraper that holds its connection open
    block_on_close = False

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without asking the DNS for a name of ours, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "morpheus-gae", int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a scraper that leaves in the middle is its own affair."""


class MetricsServer:
    """Serves until closed, on a thread of its own.

    Parameters
    ----------
    metrics
        What ``/metrics`` shows.
    health
        What ``/healthz`` (alive) and ``/readyz`` (ready for flows) say: 200 or 503, and why.
    port
        0 is any that is free.
    host
        Name or address to listen on. There is no password: anybody who can reach it can read the counts.

    Raises
    ------
    UsageError
        If it cannot listen there.
    """

    def __init__(self, metrics: Metrics, health: Health, port: int, host: str = "127.0.0.1") -> None:
        from prometheus_client.exposition import choose_encoder

        registry = registry_of(metrics)

        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_SECONDS

            def do_GET(self) -> None:
                """Answer one request."""
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    encode, kind = choose_encoder(self.headers.get("Accept", ""))
                    self._answer(200, encode(registry), kind)
                elif path in ("/healthz", "/readyz"):
                    fine, why = health.alive() if path == "/healthz" else health.prepared()
                    self._answer(200 if fine else 503, f"{why}\n".encode())
                else:
                    self._answer(404, b"there are /metrics, /healthz and /readyz\n")

            def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Keep quiet: probes come every few seconds."""

        try:
            self._server = _Server(host, port, Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"--metrics_port {port} on {host} cannot be opened: {reason}") from None
        self.host, self.port = host, int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.25,), name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the metrics are."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(CLOSE_SECONDS)
