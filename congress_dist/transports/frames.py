"""Messages on a byte stream: four bytes of length, then one msgpack array.

The first item of the array is its kind, a `Frame`; receivers ignore kinds that they do not know.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import msgspec

_LENGTH = struct.Struct("!I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class Frame(IntEnum):
    """What a frame is, and which items follow."""

    CAST = 0
    """context, message."""
    CALL = 1
    """call id, context, message, timeout or none, monitor timeout or none."""
    REPLY = 2
    """call id, result, failure (JSON text of oslo.messaging) or none."""
    HEARTBEAT = 3
    """call id: still being worked on."""
    REFUSED = 4
    """call id: not carried out, the listener is stopping."""


class FrameError(Exception):
    """What a peer sent is no frame, or a frame is larger than allowed."""


def encode_frame(items: list[Any], *, max_bytes: int) -> bytes:
    """Give the bytes of one frame.

    Raises: FrameError: it would be larger than `max_bytes`.
        TypeError: an item has no msgpack form.
    """
    body = _encode(items)
    if len(body) > max_bytes:
        raise FrameError(f"a message of {len(body)} bytes is larger than {max_bytes}")
    return _LENGTH.pack(len(body)) + body


class FrameDecoder:
    """Takes bytes as they come in, gives the frames that are complete."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, list[Any]]]:
        """Give size and items of each frame that `data` completes; keep what is incomplete.

        Promises: to be used up before the next `feed`.
        Raises: FrameError: the stream is beyond repair.
        """
        self._rest += data
        start = 0
        try:
            while (end := self._end_of_frame(start)) is not None:
                body = memoryview(self._rest)[start + _LENGTH.size : end]
                try:
                    items = _decode(body)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    raise FrameError(f"a frame is not a msgpack array: {error}") from error
                finally:
                    body.release()
                yield end - start, items
                start = end
        finally:
            del self._rest[:start]

    def _end_of_frame(self, start: int) -> int | None:
        if len(self._rest) - start < _LENGTH.size:
            return None
        (size,) = _LENGTH.unpack_from(self._rest, start)
        if size > self._max_bytes:
            raise FrameError(f"a frame of {size} bytes is larger than {self._max_bytes}")
        end = start + _LENGTH.size + int(size)
        return end if end <= len(self._rest) else None
