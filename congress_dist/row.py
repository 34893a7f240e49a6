"""A row on the wire and in streams: its cells as one canonical byte string.

Two rows are the same exactly when their bytes are: cells carry their type, so 1, 1.0, "1" and
true differ. Held as bytes a row costs less than a tuple of Python objects, and sets of rows need
no other notion of identity.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Annotated, NewType

import msgspec

from .errors import InvalidRow

Cell = str | int | float | bool | None
Row = NewType("Row", bytes)

MIN_INT, MAX_INT = -(2**63), 2**63 - 1
MAX_ROW_BYTES = 16 * 1024 * 1024
"""A quarter of what one message may carry."""
_CELL_TYPES = (str, int, float, bool, type(None))
_new_digest = blake2b(digest_size=16, key=b"congress_dist row digest v1").copy
DIGEST_MODULUS = 2**128

_Int = Annotated[int, msgspec.Meta(ge=MIN_INT, le=MAX_INT)]
_Float = Annotated[float, msgspec.Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
_decode_cells = msgspec.msgpack.Decoder(tuple[str | _Int | _Float | bool | None, ...]).decode
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple).decode


def encode_row(cells: Sequence[Cell], *, table: str = "?") -> Row:
    """Give the canonical bytes of a row.

    Promises: equal bytes exactly for equal (type, value) cells; -0.0 becomes 0.0.
    Raises: InvalidRow: NaN or an infinity, NUL, a lone surrogate, an integer beyond 64 bits,
        a value of another type; the field `column` tells where, `reason` what it holds.
    Cost: proportional to the row's size.
    """
    plain = tuple(_checked_cell(cell, cells, index, table) for index, cell in enumerate(cells))
    return Row(_encode(plain))


def decode_row(row: Row) -> tuple[Cell, ...]:
    """Give the cells of a row made by `encode_row`."""
    cells: tuple[Cell, ...] = _decode(row)
    return cells


def are_canonical(rows: Iterable[Row]) -> bool:
    """Tell whether all rows are what `encode_row` gives for their cells.

    Cost: proportional to the bytes; about a fifth of hashing them.
    """
    try:
        return all(_is_canonical(row) for row in rows)
    except (msgspec.MsgspecError, UnicodeError, InvalidRow):
        return False


def digest_of(rows: Iterable[Row]) -> int:
    """Give the order-free content hash of rows: the sum of keyed 128-bit hashes, modulo 2**128.

    Promises: `digest_of(a + b) == (digest_of(a) + digest_of(b)) % DIGEST_MODULUS`.
    """
    total = 0
    for row in rows:
        digest = _new_digest()
        digest.update(row)
        total += int.from_bytes(digest.digest(), "big")
    return total % DIGEST_MODULUS


def _is_canonical(row: Row) -> bool:
    cells = _decode_cells(row)
    if row.find(b"\0") >= 0:  # perhaps in a text, or the sign of -0.0
        return encode_row(cells) == row
    return _encode(cells) == row


def _checked_cell(cell: Cell, cells: Sequence[Cell], index: int, table: str) -> Cell:
    kind = type(cell)
    if kind is str:
        if "\0" in cell or not _is_encodable(cell):  # type: ignore[operator, arg-type]
            raise _refused(cells, index, table, "text with NUL or a lone surrogate")
        return cell
    if kind is int:
        if not MIN_INT <= cell <= MAX_INT:  # type: ignore[operator]
            raise _refused(cells, index, table, "an integer beyond 64 bits")
        return cell
    if kind is float:
        if not math.isfinite(cell):  # type: ignore[arg-type]
            raise _refused(cells, index, table, "a float that is not a finite number")
        return cell + 0.0  # type: ignore[operator]
    if cell is None or kind is bool:
        return cell
    raise _refused(cells, index, table, f"a value of type {kind.__name__}")


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refused(cells: Sequence[Cell], index: int, table: str, what: str) -> InvalidRow:
    reason = f"{what}; tables hold text, 64-bit integers, finite floats, booleans and null"
    return InvalidRow(
        f"table {table!r}: column {index} of a row of {len(cells)} holds {reason}",
        table=table,
        column=index,
        reason=reason,
    )
