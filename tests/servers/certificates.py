"""A certificate authority for an hour, and the certificate of one server; made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(directory: Path, host: str = "localhost") -> Certificates:
    """Make an authority, and a server's certificate for a host name."""
    directory.mkdir(parents=True, exist_ok=True)
    authority, authority_key = directory / "ca.pem", directory / "ca.key"
    certificate, key = directory / f"{host}.pem", directory / f"{host}.key"
    _openssl(
        *("req", "-x509", "-days", "1", "-subj", "/CN=test authority", *_KEY),
        *("-keyout", str(authority_key), "-out", str(authority)),
    )
    _openssl(
        *("req", "-x509", "-days", "1", "-subj", f"/CN={host}", *_KEY),
        *("-addext", f"subjectAltName=DNS:{host}", "-addext", "basicConstraints=CA:FALSE"),
        *("-CA", str(authority), "-CAkey", str(authority_key)),
        *("-keyout", str(key), "-out", str(certificate)),
    )
    return Certificates(authority, certificate, key)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
