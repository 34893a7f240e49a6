"""Freshness in response headers: how version 1.0 says what 1.1 says in bodies.

The values are lists of structured fields (RFC 9651): names as strings, the rest as parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

META_KEYS = ("revision", "as_of", "missing")
"""What every answer computed from tables carries."""

_MAX_HEADER_LENGTH = 6000
"""Proxies commonly refuse header lines above 8 KiB."""
_TEXT_PARAMETERS = ("state", "reason")
_AGE_PARAMETERS = ("link_age", "source_age")


def freshness_headers(meta: Mapping[str, Any]) -> dict[str, str]:
    """Give the headers for the revision, positions and missing sources of an answer.

    Shapes: only headers that say something; a list too long for a header ends with `more;count=N`.
    """
    headers = {}
    if "revision" in meta:
        headers["X-Congress-Revision"] = str(meta["revision"])
    if meta.get("as_of"):
        headers["X-Congress-As-Of"] = _joined(
            _source_item(name, as_of) for name, as_of in sorted(meta["as_of"].items())
        )
    if meta.get("missing"):
        headers["X-Congress-Missing"] = _joined(
            f"{_string(table)};reason={_string(reason)}"
            for table, reason in sorted(meta["missing"].items())
        )
    return headers


def _source_item(name: str, as_of: Mapping[str, Any]) -> str:
    parts = [_string(name)]
    if as_of.get("position"):
        epoch, seq = as_of["position"]
        parts.append(f'position="{epoch}.{seq}"')
    parts += [f"{key}={_string(as_of[key])}" for key in _TEXT_PARAMETERS if as_of.get(key)]
    parts += [f"{key}={as_of[key]:.3f}" for key in _AGE_PARAMETERS if as_of.get(key) is not None]
    if as_of.get("stale"):
        parts.append("stale")
    return ";".join(parts)


def _string(text: str) -> str:
    if text.isascii() and text.isprintable():
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    shown = "".join(_display_byte(byte) for byte in text.encode("utf-8", "replace"))
    return f'%"{shown}"'


def _display_byte(byte: int) -> str:
    return chr(byte) if 0x20 <= byte < 0x7F and byte not in b'%"' else f"%{byte:02x}"


def _joined(items: Iterable[str]) -> str:
    kept: list[str] = []
    length = left = 0
    for item in items:
        length += len(item) + 2
        if length > _MAX_HEADER_LENGTH:
            left += 1
        else:
            kept.append(item)
    if left:
        kept.append(f"more;count={left}")
    return ", ".join(kept)
