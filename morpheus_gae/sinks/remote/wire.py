"""Wire: sends bytes over TCP, TLS or UDP, with retries."""

from __future__ import annotations

import fcntl
import select
import socket
import ssl
import struct
import termios
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from morpheus_gae.errors import OutputError, UsageError
from morpheus_gae.sinks.remote.retry import Transient
from morpheus_gae.sinks.remote.secrets import Secrets

SECONDS = 30.0
"""Timeout of connecting, sending, and of the TCP acknowledgement."""
LOOK_SECONDS = 0.002


class Wire(Protocol):
    """Protocol: sends messages.

    Attributes
    ----------
    datagrams
        Whether each message is a datagram.
    """

    datagrams: bool

    def send(self, messages: Sequence[bytes]) -> None:
        """Send messages, and confirm their arrival as far as the transport allows.

        Raises
        ------
        Transient
            If unconfirmed; all of them must be retried.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class StreamWire:
    """TCP or TLS: confirmed when the peer's system has acknowledged all bytes and not closed.

    Syslog has no application-level acknowledgement: data buffered in the peer's system is lost if the server
    crashes.

    Parameters
    ----------
    host, port
        Address of the server.
    context
        TLS context; None: plain TCP.
    seconds
        See ``SECONDS``.
    """

    datagrams = False

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext | None = None, seconds: float = SECONDS
    ) -> None:
        self._to, self._context, self._seconds = (host, port), context, seconds
        self._socket: socket.socket | None = None

    def send(self, messages: Sequence[bytes]) -> None:
        """Send messages in order."""
        try:
            wire = self._connected()
            wire.sendall(b"".join(messages))
            self._wait_for_acknowledgement(wire)
            if _ended(wire):
                raise Transient("the connection was closed")
        except (OSError, Transient) as error:
            self._drop()
            raise _transient(error, self._to[0]) from None

    def close(self) -> None:
        """Close the connection gracefully."""
        if self._socket is not None and self._context is not None:
            with suppress(OSError, ValueError):
                self._socket.settimeout(1.0)
                self._socket = self._socket.unwrap()  # type: ignore[attr-defined]
        self._drop()

    def _connected(self) -> socket.socket:
        # a restarted server has closed the connection: writes would be lost
        if self._socket is not None and _ended(self._socket):
            self._drop()
        if self._socket is None:
            plain = socket.create_connection(self._to, self._seconds)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._context is None:
                self._socket = plain
            else:
                try:
                    self._socket = self._context.wrap_socket(plain, server_hostname=self._to[0])
                except BaseException:
                    plain.close()
                    raise
            self._socket.settimeout(self._seconds)
        return self._socket

    def _wait_for_acknowledgement(self, wire: socket.socket) -> None:
        until = time.monotonic() + self._seconds
        pause = threading.Event()
        while _unacknowledged(wire):
            if time.monotonic() > until:
                raise Transient(f"nothing was acknowledged for {self._seconds:g} s")
            pause.wait(LOOK_SECONDS)

    def _drop(self) -> None:
        wire, self._socket = self._socket, None
        if wire is not None:
            with suppress(OSError):
                wire.close()


class DatagramWire:
    """UDP: one datagram per message, unconfirmed.

    Parameters
    ----------
    host, port
        Address of the server.
    """

    datagrams = True

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._socket: socket.socket | None = None

    def send(self, messages: Sequence[bytes]) -> None:
        """Send messages, one datagram each."""
        try:
            if self._socket is None:
                family, kind, protocol, _, to = socket.getaddrinfo(*self._to, type=socket.SOCK_DGRAM)[0]
                self._socket = socket.socket(family, kind, protocol)
                self._socket.settimeout(SECONDS)
                self._socket.connect(to)
            for message in messages:
                self._socket.send(message)
        except OSError as error:
            self.close()
            raise _transient(error, self._to[0]) from None

    def close(self) -> None:
        """Close the socket."""
        wire, self._socket = self._socket, None
        if wire is not None:
            wire.close()


def client_context(secrets: Secrets) -> ssl.SSLContext:
    """Create a context for TLS 1.2 and later, which verifies the server's certificate and name.

    Raises
    ------
    UsageError
        If a file has no valid certificates or key.
    """
    try:
        context = ssl.create_default_context(cafile=secrets.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if secrets.client_cert is not None:
            # the password of a key would be prompted for on the terminal
            context.load_cert_chain(secrets.client_cert, secrets.client_key, lambda: "")
    except (ssl.SSLError, OSError) as error:
        raise UsageError(
            f"MORPHEUS_GAE_OUTPUT_CA_FILE, _CLIENT_CERT or _CLIENT_KEY: {_reason(error)}"
        ) from None
    return context


def _transient(error: Exception, host: str) -> Exception:
    if isinstance(error, Transient):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        # a permanent error
        return OutputError(f"{host}: its certificate is refused: {error.verify_message}")
    return Transient(_reason(error))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _readable(wire: socket.socket) -> bool:
    if isinstance(wire, ssl.SSLSocket) and wire.pending():
        return True
    poll = select.poll()
    poll.register(wire, select.POLLIN)
    return bool(poll.poll(0))


def _unacknowledged(wire: socket.socket) -> int:
    """Return the number of unacknowledged bytes; 0 if unknown."""
    try:
        found = fcntl.ioctl(wire.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int(struct.unpack("i", found)[0])


def _ended(wire: socket.socket) -> bool:
    """Whether the peer has closed; other received data is discarded."""
    while _readable(wire):
        before = wire.gettimeout()
        wire.settimeout(0)
        try:
            if not wire.recv(4096):
                return True
        except (ssl.SSLWantReadError, BlockingIOError):
            return False
        except OSError:
            return True
        finally:
            wire.settimeout(before)
    return False
