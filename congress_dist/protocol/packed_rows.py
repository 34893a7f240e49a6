"""Rows that go to several askers, compressed once and put behind the front of each message.

A deflate stream may be made of parts that were compressed apart: the front of a message ends with
a full flush, then follows the part of the rows, then the checksum over both. Any reader of zlib
reads that as one stream.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from .messages import RowChanges

_ZLIB_HEADER = b"\x78\x01"
_RAW = -zlib.MAX_WBITS
_ADLER_MODULUS = 65521
"""The largest prime below 2**16, as RFC 1950 has it."""


@dataclass(frozen=True, slots=True)
class PackedRows:
    """Encoded rows as the last part of a deflate stream."""

    deflated: bytes
    adler: int
    size_bytes: int
    """Before they were compressed."""

    @classmethod
    def pack(cls, encoded: bytes, level: int) -> PackedRows:
        """Compress encoded rows."""
        deflate = zlib.compressobj(level, zlib.DEFLATED, _RAW)
        deflated = deflate.compress(encoded) + deflate.flush(zlib.Z_FINISH)
        return cls(deflated, zlib.adler32(encoded), len(encoded))

    def behind(self, front: bytes, level: int) -> bytes:
        """Give the compressed form of some bytes with these rows behind them.

        Cost: proportional to the front, and to copying the compressed rows.
        """
        deflate = zlib.compressobj(level, zlib.DEFLATED, _RAW)
        begun = deflate.compress(front) + deflate.flush(zlib.Z_FULL_FLUSH)
        checksum = self._adler_behind(zlib.adler32(front)).to_bytes(4, "big")
        return b"".join((_ZLIB_HEADER, begun, self.deflated, checksum))

    def _adler_behind(self, front: int) -> int:
        """Give the checksum of what has this one with the rows behind it."""
        low, high = front & 0xFFFF, front >> 16
        own_low, own_high = self.adler & 0xFFFF, self.adler >> 16
        sum_low = (low + own_low - 1) % _ADLER_MODULUS
        sum_high = (high + own_high + self.size_bytes * (low - 1)) % _ADLER_MODULUS
        return sum_high << 16 | sum_low


class SharedRows(dict[str, RowChanges]):
    """One piece of a view that several askers get; nobody changes it."""

    __slots__ = ("packed",)

    def __init__(self, rows: Mapping[str, RowChanges]) -> None:
        super().__init__(rows)
        self.packed: PackedRows | None = None
        """Its encoded form, once it was sent."""
