"""Messages to bytes and back: a three-byte header, then msgpack; never pickle.

    "C" | wire version | flags | body            flags: 1 the body is compressed by zlib
    body = [message name, fields by name]

A reader ignores fields it does not know, refuses names it does not know, and refuses a higher wire
version: a node speaks the version that every other node understands (docs/protocol.md section 7),
so a higher one is a fault and not a feature.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from ..errors import InvalidRequest, UnreadableMessage
from ..row import Row, are_canonical
from .messages import (
    CLASS_BY_NAME,
    NAME_BY_CLASS,
    WIRE_VERSION,
    Chunk,
    Delta,
    Message,
    RowChanges,
    SyncAnswer,
)
from .packed_rows import PackedRows, SharedRows
from .stream import TableChange

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_MAGIC = ord("C")
_HEADER_BYTES = 3
_COMPRESSED = 1
_COMPRESS_FROM_BYTES = 1024
"""Below this the saving is less than what the effort costs."""
_COMPRESS_LEVEL = 1

_encoder = msgspec.msgpack.Encoder()
_frame_decoder: msgspec.msgpack.Decoder[tuple[str, msgspec.Raw]] = msgspec.msgpack.Decoder(
    tuple[str, msgspec.Raw]
)
_decoder_by_name: dict[str, msgspec.msgpack.Decoder[Any]] = {}


class Encoder:
    """Encodes at the wire version that a node is told to send, which may change while it runs."""

    def __init__(self, version: int = WIRE_VERSION) -> None:
        self.version = version

    def __call__(self, message: Message) -> bytes:
        """Give a message's bytes; raises what `encode` raises."""
        return encode(message, self.version)


def encode(message: Message, version: int = WIRE_VERSION) -> bytes:
    """Give a message's bytes at a wire version, from OLDEST_WIRE_VERSION to WIRE_VERSION.

    Raises: InvalidRequest: a call's argument or result is no plain value, or it is longer than a
        reader takes.
    """
    if isinstance(message, Chunk | SyncAnswer) and isinstance(message.rows, SharedRows):
        packed = _compress_behind(message, message.rows)
        return bytes((_MAGIC, version, _COMPRESSED)) + packed
    body = _body_of(message)
    _require_readable(message, len(body))
    flags = 0
    if len(body) >= _COMPRESS_FROM_BYTES:
        packed = zlib.compress(body, _COMPRESS_LEVEL)
        if len(packed) < len(body):
            body, flags = packed, _COMPRESSED
    return bytes((_MAGIC, version, flags)) + body


def _body_of(message: Message) -> bytes:
    try:
        return _encoder.encode((NAME_BY_CLASS[type(message)], message))
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise InvalidRequest(
            f"a {type(message).__name__} holds what cannot be sent: {error}; "
            "send None, bool, int of 64 bits, float, str, bytes, lists and dicts of them"
        ) from error


def _compress_behind(message: Chunk | SyncAnswer, rows: SharedRows) -> bytes:
    """Give a compressed body of which the rows are compressed only the first time."""
    if rows.packed is None:
        rows.packed = PackedRows.pack(_encoder.encode(rows), _COMPRESS_LEVEL)
    front = _body_of(replace(message, rows={}))[:-1]  # the last field, and an empty map is a byte
    _require_readable(message, len(front) + rows.packed.size_bytes)
    return rows.packed.behind(front, _COMPRESS_LEVEL)


def _require_readable(message: Message, size_bytes: int) -> None:
    if size_bytes >= MAX_MESSAGE_BYTES:
        raise InvalidRequest(
            f"a {type(message).__name__} of {size_bytes} bytes is too long for this bus, which "
            f"carries less than {MAX_MESSAGE_BYTES}; send it in parts"
        )


def decode(payload: bytes) -> Message:
    """Give the message that `encode` made bytes of.

    Raises: UnreadableMessage: `reason` is malformed, oversized, newer_version or unknown_type. The
        text quotes no content.
    """
    if len(payload) < _HEADER_BYTES or payload[0] != _MAGIC:
        raise _unreadable("malformed", "it does not begin like a message of this bus")
    if payload[1] > WIRE_VERSION:
        raise _unreadable(
            "newer_version",
            f"it has wire version {payload[1]}, this node reads up to {WIRE_VERSION}; "
            "upgrade this node",
        )
    body = payload[_HEADER_BYTES:]
    try:
        if payload[2] & _COMPRESSED:
            body = _decompress(body)
        elif len(body) >= MAX_MESSAGE_BYTES:
            raise _unreadable("oversized", f"it has {len(body)} bytes")
        name, fields = _frame_decoder.decode(body)
        if name not in CLASS_BY_NAME:
            raise _unreadable("unknown_type", f"no message is called {name[:40]!r}")
        message: Message = _decoder_of(name).decode(fields)
    except (msgspec.MsgspecError, zlib.error, UnicodeError, RecursionError) as error:
        raise _unreadable("malformed", type(error).__name__) from error
    if not are_canonical(_rows_of(message)):
        raise _unreadable("malformed", "a row in it is not canonical")
    return message


def _rows_of(message: Message) -> Iterator[Row]:
    """Give the rows that a message adds."""
    changes: Iterable[TableChange | RowChanges] = ()
    if isinstance(message, Delta):
        changes = message.tables.values()
    elif isinstance(message, Chunk | SyncAnswer):
        changes = message.rows.values()
    return itertools.chain.from_iterable(change.added for change in changes)


def _decompress(body: bytes) -> bytes:
    stream = zlib.decompressobj()
    plain = stream.decompress(body, MAX_MESSAGE_BYTES)
    if not stream.eof:
        reason = "oversized" if len(plain) >= MAX_MESSAGE_BYTES else "malformed"
        raise _unreadable(reason, f"it does not end after {len(plain)} bytes")
    return plain


def _decoder_of(name: str) -> msgspec.msgpack.Decoder[Any]:
    if name not in _decoder_by_name:
        _decoder_by_name[name] = msgspec.msgpack.Decoder(CLASS_BY_NAME[name])
    return _decoder_by_name[name]


def _unreadable(reason: str, detail: str) -> UnreadableMessage:
    return UnreadableMessage(f"a message cannot be read: {detail}", reason=reason)
