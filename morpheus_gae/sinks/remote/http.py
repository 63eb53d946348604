"""Http: requests to a server, each told apart as answered, to be sent again, or in vain; by urllib3."""

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
"""Of an answer no more is read."""
SAID = 300
"""Characters of an answer that are told."""
CONNECT_SECONDS = 10.0
NOT_LET_IN = frozenset({401, 403, 407})
NOT_THERE = frozenset({404, 405, 410})
COME_AGAIN = frozenset({408, 425, 429})


class Reply(NamedTuple):
    """An answer: its status, 2xx or one of 4xx that is about what was sent, and what it says."""

    status: int
    body: bytes


class Http:
    """Requests over one connection that stays open.

    Parameters
    ----------
    target
        Where to.
    secrets
        Certificates; and what is never told, should the server say it back.
    headers
        Of each request, besides the usual ones.
    seconds
        Most that an answer may take.

    Attributes
    ----------
    name
        Of the server, for messages.

    Raises
    ------
    MissingExtraError
        If urllib3 is not installed.
    UsageError
        If a secret would travel where others can read it, or certificates cannot be read.
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
        """Send a request and read its answer: one try.

        Returns
        -------
        Reply
            Its status is 2xx, or one of 4xx that is about what was sent.

        Raises
        ------
        Transient
            If there is no answer, or the server has no time.
        OutputError
            If the server lets us not in, knows no such path, is not who it should be, or is elsewhere.
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
            # what is left of an answer that is too long would be read as that to the next request
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
        """What an answer says, in brief, on one line, without our secrets; behind ``: `` if it does."""
        text = " ".join(body[: 4 * SAID].decode("utf-8", "replace").split())
        return f": {printable(self.hidden(text))[:SAID]}" if text else ""

    def hidden(self, text: str) -> str:
        """Text without our secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _failure(self, error: Exception) -> Exception:
        from urllib3.exceptions import TimeoutError as TimeoutError_

        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                # no time will mend it
                return OutputError(f"{self.name}: its certificate is refused: {cause.verify_message}")
        # a text of urllib3's names the path, which may be secret
        for cause in _causes(error):
            if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
                return Transient(str(cause.strerror or type(cause).__name__))
        if isinstance(error, TimeoutError_):
            return Transient(f"no answer for {self._seconds:g} s")
        return Transient(f"the connection broke ({type(error).__name__})")


def proxy_of(target: Target) -> tuple[str, str] | None:
    """URL of the proxy that the environment names (``HTTPS_PROXY``, ``NO_PROXY``), and ``user:password``.

    Raises
    ------
    UsageError
        If it is no URL of one; what it holds is not told.
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
    """Value of ``Authorization`` for a user and a password (RFC 7617)."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def authorization(secrets: Secrets, scheme: str) -> dict[str, str]:
    """The header that says who we are: the token behind its scheme, else user and password, else nothing."""
    if secrets.token is not None:
        return {"Authorization": f"{scheme} {secrets.token}"}
    if secrets.username is not None:
        return {"Authorization": basic(secrets.username, secrets.password or "")}
    return {}


def secret_path(path: str, secrets: Secrets) -> str:
    """A path with the token where ``{token}`` stands.

    Raises
    ------
    UsageError
        If there is no token for it.
    """
    if "{token}" not in path:
        return path or "/"
    if secrets.token is None:
        raise UsageError(f"{{token}} stands in a URL: give it by {secrets.prefix}TOKEN_FILE")
    return path.replace("{token}", quote(secrets.token.strip("/"), safe="/:@!$&'()*+,;=-._~%"))


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a ``Retry-After`` asks for (RFC 9110, 10.2.3); 0 for a date that is over, None for none.

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
    """An error and what it came from, as far as urllib3 tells."""
    seen: list[BaseException] = [error]
    while seen:
        at = seen.pop()
        yield at
        below = (*at.args, at.__cause__)
        seen += [e for e in below if isinstance(e, BaseException) and e is not at]
