"""Http: requests to a server by urllib3, with outcomes answered, transient or permanent failure."""

from __future__ import annotations

import ssl
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from morpheus_gae import __version__
from morpheus_gae.errors import MissingExtraError, OutputError, UsageError
from morpheus_gae.flows.tables.printable import printable
from morpheus_gae.sinks.remote.retry import Transient
from morpheus_gae.sinks.remote.secrets import Secrets
from morpheus_gae.sinks.remote.target import LOOPBACK, Target
from morpheus_gae.sinks.remote.wire import SECONDS, client_context

REPLY_BYTES = 16 << 20
"""Maximum bytes read of a response."""
SAID = 300
"""Maximum characters of a response shown."""
CONNECT_SECONDS = 10.0
NOT_LET_IN = frozenset({401, 403, 407})
NOT_THERE = frozenset({404, 405, 410})
COME_AGAIN = frozenset({408, 425, 429})


class Reply(NamedTuple):
    """A response: its status, 2xx or a 4xx about the content sent, and its text."""

    status: int
    body: bytes


class Http:
    """Requests over one persistent connection.

    Parameters
    ----------
    target
        Where to.
    secrets
        Certificates, and values that are never shown, even if the server echoes them.
    headers
        Additional headers of each request.
    seconds
        Timeout of a response.

    Attributes
    ----------
    name
        Name of the server, for messages.

    Raises
    ------
    MissingExtraError
        If urllib3 is not installed.
    UsageError
        If a secret would be sent unencrypted, or certificates cannot be read.
    """

    def __init__(
        self,
        target: Target,
        secrets: Secrets,
        headers: Mapping[str, str],
        seconds: float = SECONDS,
    ) -> None:
        try:
            import urllib3
        except ModuleNotFoundError:
            raise MissingExtraError("urllib3", "http", f"--output {target}") from None
        self._secrets = [
            s for s in (secrets.token, secrets.username, secrets.password, secrets.hmac_key) if s
        ]
        if not target.sealed and (secrets.token or secrets.password):
            raise UsageError(
                f"{target} would carry a secret that everybody can read: take {target.kind}+https"
            )
        self.name, self._prefix, self._seconds = str(target), secrets.prefix, seconds
        self._headers = {"User-Agent": f"morpheus-gae/{__version__}", **headers}
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
        host = f"[{target.host}]" if ":" in target.host else target.host
        self._base = f"{target.transport}://{host}:{target.port}"
        context = client_context(secrets) if target.transport == "https" else None
        proxy = proxy_of(target)
        self._pool: urllib3.PoolManager
        if proxy is None:
            self._pool = urllib3.PoolManager(timeout=timeout, ssl_context=context)
        else:
            url, user = proxy
            known = urllib3.make_headers(proxy_basic_auth=user) if user else None
            self._pool = urllib3.ProxyManager(url, proxy_headers=known, timeout=timeout, ssl_context=context)

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a request and read the response, once.

        Returns
        -------
        Reply
            Its status is 2xx, or a 4xx about the content sent.

        Raises
        ------
        Transient
            If there is no response, or the server is overloaded.
        OutputError
            If authentication fails, the path is unknown, the certificate is wrong, or the server redirects.
        """
        from urllib3.exceptions import HTTPError

        try:
            answer = self._pool.request(
                method,
                self._base + path,
                body=body or None,
                headers={**self._headers, **(headers or {})},
                retries=False,
                redirect=False,
                preload_content=False,
            )
            said = answer.read(REPLY_BYTES + 1, decode_content=True)
            # the rest of a too long response would be read as the next one
            if len(said) > REPLY_BYTES:
                answer.close()
            answer.release_conn()
        except HTTPError as error:
            raise self._failure(error) from None
        status = int(answer.status)
        if 200 <= status < 300:
            return Reply(status, said)
        told = f"it answers {status}{self.said(said)}"
        if status >= 500 or status in COME_AGAIN:
            raise Transient(told, retry_after(answer.headers.get("Retry-After"), time.time()))
        if status < 400:
            raise OutputError(f"{self.name}: {told}, and redirects are not followed: give the URL meant")
        if status in NOT_LET_IN:
            raise OutputError(f"{self.name} does not let us in: {told}; check {self._prefix}*")
        if status in NOT_THERE:
            raise OutputError(f"{self.name} takes nothing there: {told}")
        return Reply(status, said)

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()

    def said(self, body: bytes) -> str:
        """Return the text of a response, shortened, on one line, without secrets; prefixed by ``: ``."""
        text = " ".join(body[: 4 * SAID].decode("utf-8", "replace").split())
        return f": {printable(self.hidden(text))[:SAID]}" if text else ""

    def hidden(self, text: str) -> str:
        """Return text with secrets removed."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _failure(self, error: Exception) -> Exception:
        from urllib3.exceptions import TimeoutError as TimeoutError_

        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                # a permanent error
                return OutputError(f"{self.name}: its certificate is refused: {cause.verify_message}")
        # urllib3's messages contain the path, which may be secret
        for cause in _causes(error):
            if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
                return Transient(str(cause.strerror or type(cause).__name__))
        if isinstance(error, TimeoutError_):
            return Transient(f"no answer for {self._seconds:g} s")
        return Transient(f"the connection broke ({type(error).__name__})")


def proxy_of(target: Target) -> tuple[str, str] | None:
    """Return the URL of the environment's proxy (``HTTPS_PROXY``, ``NO_PROXY``), and ``user:password``.

    Raises
    ------
    UsageError
        If it is invalid; its content is not shown.
    """
    url = getproxies().get(target.transport)
    if not url or target.host in LOOPBACK or proxy_bypass(target.host):
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        raise UsageError(f"{target.transport.upper()}_PROXY: no URL of an HTTP proxy") from None
    user = "" if parts.username is None else f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"{parts.scheme}://{host}{port}", user


def basic(username: str, password: str) -> str:
    """Return the ``Authorization`` value of a user and a password (RFC 7617)."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def authorization(secrets: Secrets, scheme: str) -> dict[str, str]:
    """Return the authorization header: the token after its scheme, else user and password, else none."""
    if secrets.token is not None:
        return {"Authorization": f"{scheme} {secrets.token}"}
    if secrets.username is not None:
        return {"Authorization": basic(secrets.username, secrets.password or "")}
    return {}


def secret_path(path: str, secrets: Secrets) -> str:
    """Return a path with the token in place of ``{token}``.

    Raises
    ------
    UsageError
        If there is no token.
    """
    if "{token}" not in path:
        return path or "/"
    if secrets.token is None:
        raise UsageError(f"{{token}} stands in a URL: give it by {secrets.prefix}TOKEN_FILE")
    return path.replace("{token}", quote(secrets.token.strip("/"), safe="/:@!$&'()*+,;=-._~%"))


def retry_after(value: str | None, now: float) -> float | None:
    """Parse ``Retry-After`` (RFC 9110, 10.2.3) to seconds; 0 for a past date, None if absent.

    Parameters
    ----------
    value
        Seconds, or a date.
    now
        Seconds since the epoch.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, as far as urllib3 has them."""
    seen: list[BaseException] = [error]
    while seen:
        at = seen.pop()
        yield at
        below = (*at.args, at.__cause__)
        seen += [e for e in below if isinstance(e, BaseException) and e is not at]
