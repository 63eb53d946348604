"""Ports for servers that tests start."""

from __future__ import annotations

import secrets
import socket


def free_port() -> int:
    """A port that nothing uses: below those given to connections, and unlikely to be chosen by another."""
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with socket.socket() as listening:
            try:
                listening.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
