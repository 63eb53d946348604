"""Tokens: JSON web tokens, and the HTTP endpoint that gives one to whoever knows the client's secret."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.kafka.secured import Denied


def web_token(subject: str, key: bytes, seconds: float = 300.0) -> str:
    """A JSON web token (RFC 7519) signed with HMAC (HS256)."""
    now = int(time.time())
    told = ({"alg": "HS256", "typ": "JWT"}, {"sub": subject, "iat": now, "exp": now + int(seconds)})
    text = ".".join(_url64(json.dumps(one).encode()) for one in told)
    return f"{text}.{_signature(text, key)}"


def signed_by(key: bytes) -> Callable[[str], None]:
    """A check of such tokens: raises Denied."""

    def check(token: str) -> None:
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, _signature(text, key)):
            raise Denied("the token's signature is not ours")
        unexpired(token)

    return check


def unexpired(token: str) -> None:
    """A check of tokens that need no signature: raises Denied."""
    middle = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    if claims["exp"] < time.time():
        raise Denied("the token has expired")


@contextmanager
def endpoint(secret: str, key: bytes) -> Iterator[str]:
    """The URL of an OAuth 2.0 token endpoint (RFC 6749, client credentials) on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            told = base64.b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()
            name, _, given = told.partition(":")
            answer = {"error": "invalid_client"}
            if given == secret:
                answer = {"access_token": web_token(name, key), "token_type": "bearer"}
            body = json.dumps(answer).encode()
            self.send_response(200 if given == secret else 401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _signature(text: str, key: bytes) -> str:
    return _url64(hmac.new(key, text.encode(), "sha256").digest())


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
