"""Certificates of a few days, made by the ``openssl`` command, for brokers and clients on loopback."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

DAYS = "2"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


class Authority:
    """A certificate authority in a folder.

    Parameters
    ----------
    folder
        Made; holds ``ca.pem`` and what is issued.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        subject = ("-subj", f"/CN={folder.name}")
        out = ("-keyout", str(self._key), "-out", str(self.certificate))
        _openssl("req", "-x509", *_KEY, "-nodes", "-days", DAYS, *subject, *out)

    def issue(self, name: str, alternative: str = "IP:127.0.0.1", password: str = "") -> tuple[Path, Path]:
        """A certificate and its key, which a password may protect."""
        request, certificate, key = (self._folder / f"{name}.{end}" for end in ("csr", "pem", "key"))
        secret = self._folder / f"{name}.secret"
        secret.write_text(password)
        extra = self._folder / f"{name}.ext"
        extra.write_text(f"subjectAltName={alternative}\n")
        guard = ("-passout", f"file:{secret}") if password else ("-nodes",)
        out = ("-keyout", str(key), "-out", str(request))
        _openssl("req", *_KEY, *guard, "-subj", f"/CN={name}", *out)
        by = ("-CA", str(self.certificate), "-CAkey", str(self._key), "-CAcreateserial")
        to = ("-days", DAYS, "-extfile", str(extra), "-out", str(certificate))
        _openssl("x509", "-req", "-in", str(request), *by, *to)
        return certificate, key

    def server(self, alternative: str = "IP:127.0.0.1", *, client: bool = False) -> ssl.SSLContext:
        """What a broker listens with; ``client`` demands a certificate of ours from whoever connects."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = self.issue("broker", alternative)
        context.load_cert_chain(certificate, key)
        if client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.certificate)
        return context


def has_openssl() -> bool:
    """Whether certificates can be made here."""
    return shutil.which("openssl") is not None


def _openssl(*words: str) -> None:
    done = subprocess.run(("openssl", *words), check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
