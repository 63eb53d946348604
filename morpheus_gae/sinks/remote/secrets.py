"""Secrets: credentials of servers, only from files and the environment, never logged.

::

    MORPHEUS_GAE_OUTPUT_TOKEN_FILE=/run/secrets/hec    the value is the content of the file
    MORPHEUS_GAE_OUTPUT_TOKEN=...                      the value itself
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from morpheus_gae.errors import UsageError

PREFIX = "MORPHEUS_GAE_OUTPUT_"
SECRET = ("token", "username", "password", "hmac_key")
PATHS = ("ca_file", "client_cert", "client_key")
_TOLD = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True)
class Secrets:
    """Credentials; None where not given.

    Attributes
    ----------
    token
        Bearer token, API key, HEC token, or the secret part of a webhook's path, depending on the server.
    username, password
        For basic authentication.
    hmac_key
        Key that signs webhook requests.
    ca_file
        CA certificates (PEM) for the server; those of the system by default.
    client_cert, client_key
        Client certificate and key (PEM), for servers that require them.
    prefix
        Prefix of the names, for messages.
    """

    token: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    hmac_key: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    prefix: str = PREFIX


def load_secrets(environment: Mapping[str, str] | None = None, prefix: str = PREFIX) -> Secrets:
    """Load credentials from the environment.

    Parameters
    ----------
    environment
        ``os.environ`` by default.
    prefix
        Prefix of the names, one per output with separate secrets.

    Raises
    ------
    UsageError
        For an unknown name, an unreadable file, or a value that cannot be sent; values are never shown.
    """
    found: dict[str, str] = {}
    for name, value in sorted((os.environ if environment is None else environment).items()):
        if not name.startswith(prefix):
            continue
        told = name[len(prefix) :].lower()
        plain = told.removesuffix("_file")
        if told in PATHS:
            found[told] = _readable(name, value)
        elif plain not in SECRET:
            known = ", ".join(s.upper() for s in (*SECRET, *PATHS))
            raise UsageError(f"{name}: unknown; behind {prefix} may stand {known}, the first four with _FILE")
        elif plain in found:
            raise UsageError(f"{prefix}{plain.upper()} is given, and as _FILE too: give one")
        else:
            found[plain] = _sound(name, value if plain == told else _content(name, value))
    if ("username" in found) != ("password" in found):
        raise UsageError(f"{prefix}USERNAME and {prefix}PASSWORD belong together: give both or none")
    if "client_key" in found and "client_cert" not in found:
        raise UsageError(f"{prefix}CLIENT_KEY is given without {prefix}CLIENT_CERT")
    return Secrets(**found, prefix=prefix)


def _sound(name: str, value: str) -> str:
    value = value.rstrip("\r\n")
    if not _TOLD.fullmatch(value):
        raise UsageError(f"{name}: empty, or holds characters that cannot be sent (one line of ASCII can)")
    return value


def _readable(name: str, path: str) -> str:
    if not os.access(path, os.R_OK) or not os.path.isfile(path):
        raise UsageError(f"{name}: {path} cannot be read")
    return path


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name}: {path} is no text") from None
