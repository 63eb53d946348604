"""HTTP: ``/metrics``, ``/healthz`` and ``/readyz`` of a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from morpheus_gae.engine.observe.bounded import (
    CONNECTION_SECONDS,
    CONNECTIONS,
    POLL_SECONDS,
    BoundedHandler,
    BoundedServer,
)
from morpheus_gae.engine.observe.health import Health
from morpheus_gae.engine.observe.metrics import Metrics
from morpheus_gae.engine.observe.prometheus import registry_of
from morpheus_gae.errors import UsageError
from morpheus_gae.flows.tables.printable import printable

CLOSE_SECONDS = 2.0


class MetricsServer:
    """Serves until closed, on a separate thread.

    Parameters
    ----------
    metrics
        Metrics shown at ``/metrics``.
    health
        State shown at ``/healthz`` (alive) and ``/readyz`` (ready for flows): 200 or 503, with a reason.
    port
        0 is any that is free.
    host
        Name or address to listen on. There is no authentication: anybody who can reach it can read the
        counts.
    most, seconds, clock
        Maximum number and duration of connections (see ``BoundedServer``); refused and cut-off ones are
        counted.

    Raises
    ------
    UsageError
        If it cannot listen there.
    """

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        port: int,
        host: str = "127.0.0.1",
        most: int = CONNECTIONS,
        seconds: float = CONNECTION_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from prometheus_client.exposition import choose_encoder

        registry = registry_of(metrics)

        class Handler(BoundedHandler):
            def get(self) -> None:
                """Answer one request."""
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    try:
                        encode, kind = choose_encoder(self.headers.get("Accept", ""))
                    except Exception:
                        # the library fails on some invalid values
                        encode, kind = choose_encoder("")
                    self.answer(200, encode(registry), {"Content-Type": kind})
                elif path in ("/healthz", "/readyz"):
                    fine, why = health.alive() if path == "/healthz" else health.prepared()
                    self.answer(200 if fine else 503, f"{printable(why)}\n".encode())
                else:
                    self.answer(404, b"there are /metrics, /healthz and /readyz\n")

        def count(name: str) -> None:
            metrics.add(**{f"http_{name}": 1})

        try:
            self._server = BoundedServer(host, port, Handler, most, seconds, count, clock)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"--metrics_port {port} on {host} cannot be opened: {reason}") from None
        self.host, self.port = host, int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="metrics", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """URL of the metrics."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(CLOSE_SECONDS)
