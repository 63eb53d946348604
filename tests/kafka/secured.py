"""Secured: the broker's half of SASL, before the frames of Kafka pass.

PLAIN (RFC 4616), SCRAM (RFC 5802, RFC 7677) and OAUTHBEARER (RFC 7628), in SaslHandshake v1 and
SaslAuthenticate v0-v1, which librdkafka speaks, as https://kafka.apache.org/protocol.html has them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import struct
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from tests.kafka.front import read_frame, write_frame

HANDSHAKE, VERSIONS, AUTHENTICATE = 17, 18, 36
NO_MECHANISM, FAILED = 33, 58
ROUNDS = 4096
Talk = Generator[bytes, bytes, bytes]
"""Takes what the client says and gives what is answered; returns the last answer, raises Denied."""


class Denied(Exception):
    """The broker does not let the client in."""


@dataclass
class Door:
    """Lets in who can prove who they are.

    Attributes
    ----------
    users
        Passwords by name.
    mechanisms
        What is offered.
    check_token
        Raises Denied for a bearer token that is no good.
    let_in
        Mechanisms by which connections were let in, in order.
    """

    users: dict[str, str] = field(default_factory=dict)
    mechanisms: Sequence[str] = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
    check_token: Callable[[str], None] = lambda token: None
    let_in: list[str] = field(default_factory=list)

    async def admit(
        self,
        near: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
    ) -> str | None:
        """Talk until the client may pass; else why it may not."""
        talk, mechanism = None, ""
        while True:
            frame = await read_frame(near)
            api, version, number, name = struct.unpack_from(">hhih", frame)
            body, head = frame[10 + max(0, name) :], struct.pack(">i", number)
            if api == VERSIONS:
                await write_frame(forth, frame)
                await write_frame(back, await read_frame(far))
            elif api == HANDSHAKE:
                mechanism = body[2:].decode()
                known = mechanism in self.mechanisms
                names = b"".join(struct.pack(">h", len(m)) + m.encode() for m in self.mechanisms)
                error = 0 if known else NO_MECHANISM
                await write_frame(back, head + struct.pack(">hi", error, len(self.mechanisms)) + names)
                if not known:
                    return f"no mechanism {mechanism}"
                talk = self._talk(mechanism)
                next(talk)
            elif api == AUTHENTICATE and talk is not None:
                try:
                    answer, done = talk.send(body[4:]), False
                except StopIteration as end:
                    answer, done = end.value, True
                except Denied as no:
                    await write_frame(back, head + _answer(version, FAILED, str(no), b""))
                    return str(no)
                await write_frame(back, head + _answer(version, 0, None, answer))
                if done:
                    self.let_in.append(mechanism)
                    return None
            else:
                return f"request {api} of somebody unknown"

    def _talk(self, mechanism: str) -> Talk:
        if mechanism == "PLAIN":
            return self._plain()
        return self._bearer() if mechanism == "OAUTHBEARER" else self._scram(mechanism)

    def _plain(self) -> Talk:
        _, user, password = (yield b"").decode().split("\0")
        if not hmac.compare_digest(self.users.get(user, "").encode(), password.encode()) or not password:
            raise Denied("Authentication failed: Invalid username or password")
        return b""

    def _scram(self, mechanism: str) -> Talk:
        kind = "sha256" if mechanism.endswith("256") else "sha512"

        def mac(key: bytes, text: bytes) -> bytes:
            return hmac.new(key, text, kind).digest()

        first = (yield b"").decode().removeprefix("n,,")
        told = dict(part.split("=", 1) for part in first.split(","))
        salt, nonce = secrets.token_bytes(16), told["r"] + secrets.token_hex(12)
        offer = f"r={nonce},s={base64.b64encode(salt).decode()},i={ROUNDS}"
        last = (yield offer.encode()).decode()
        unproved, _, proof = last.rpartition(",p=")
        salted = hashlib.pbkdf2_hmac(kind, self.users.get(told["n"], "").encode(), salt, ROUNDS)
        about = f"{first},{offer},{unproved}".encode()
        stored = hashlib.new(kind, mac(salted, b"Client Key")).digest()
        signature = mac(stored, about)
        key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
        known = told["n"] in self.users and unproved == f"c=biws,r={nonce}"
        if not known or not hmac.compare_digest(hashlib.new(kind, key).digest(), stored):
            raise Denied("Authentication failed during authentication due to invalid credentials")
        return b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), about))

    def _bearer(self) -> Talk:
        parts = (yield b"").decode().split("\x01")
        token = next(p.removeprefix("auth=Bearer ") for p in parts if p.startswith("auth=Bearer "))
        try:
            self.check_token(token)
        except Denied as no:
            # the client is told why, and says that it has heard it
            yield json.dumps({"status": "invalid_token"}).encode()
            raise Denied(f"Authentication failed: {no}") from None
        return b""


def _answer(version: int, error: int, message: str | None, said: bytes) -> bytes:
    text = b"" if message is None else message.encode()
    out = struct.pack(">hh", error, -1 if message is None else len(text)) + text
    out += struct.pack(">i", len(said)) + said
    return out + (struct.pack(">q", 0) if version == 1 else b"")
