"""Wire: bytes over TCP, TLS or UDP, sent again where it is not known that they arrived."""

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
"""Most that connecting, sending or the acknowledgement of what was sent may take."""
LOOK_SECONDS = 0.002


class Wire(Protocol):
    """Sends messages.

    Attributes
    ----------
    datagrams
        Whether each message travels by itself.
    """

    datagrams: bool

    def send(self, messages: Sequence[bytes]) -> None:
        """Send messages, and know that they arrived as far as the transport tells.

        Raises
        ------
        Transient
            If it does not know; all of them are to be sent again.
        """
        ...

    def close(self) -> None:
        """Close it."""
        ...


class StreamWire:
    """TCP or TLS: the other side's system has acknowledged what was sent, and has not closed.

    Syslog has no acknowledgement of its own: what the server's system holds when the server dies is lost.

    Parameters
    ----------
    host, port
        Where to.
    context
        For TLS; None is plain TCP.
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
        """Send messages one behind the other."""
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
        """Close the connection in order."""
        if self._socket is not None and self._context is not None:
            with suppress(OSError, ValueError):
                self._socket.settimeout(1.0)
                self._socket = self._socket.unwrap()  # type: ignore[attr-defined]
        self._drop()

    def _connected(self) -> socket.socket:
        # a server that was restarted has closed: what is written now would vanish
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
    """UDP: a datagram a message; whether it arrives nobody knows.

    Parameters
    ----------
    host, port
        Where to.
    """

    datagrams = True

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._socket: socket.socket | None = None

    def send(self, messages: Sequence[bytes]) -> None:
        """Send messages, each by itself."""
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
    """TLS 1.2 and later, with a server whose certificate and name are checked.

    Raises
    ------
    UsageError
        If a file with certificates or a key is none.
    """
    try:
        context = ssl.create_default_context(cafile=secrets.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if secrets.client_cert is not None:
            # a key with a password would be asked for on the terminal
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
        # no time will mend it
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
    """Bytes that the other side's system has not acknowledged; 0 where the system cannot tell."""
    try:
        found = fcntl.ioctl(wire.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int(struct.unpack("i", found)[0])


def _ended(wire: socket.socket) -> bool:
    """Whether the other side has closed; what it says otherwise is read and forgotten."""
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
