"""Numbers that stand for values."""

from __future__ import annotations

import json
from hashlib import blake2b

from ..ast import Constant_ as Cell
from .registry import builtin

_BITS = 63


@builtin("hash(x: any | h: integer)")
def hash_of(x: Cell) -> int:
    """Give a number from 0 to 2**63 - 1 that is the same for the same value, everywhere.

    The number is the head of BLAKE2b over the value's type and JSON text; 1, 1.0, "1" differ.
    """
    canonical = f"{type(x).__name__}:{json.dumps(x)}".encode()
    return int.from_bytes(blake2b(canonical, digest_size=8).digest(), "big") >> (64 - _BITS)
