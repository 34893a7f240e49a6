"""The rows of one table with their digest, kept up row by row, at both ends of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

from ..row import DIGEST_MODULUS, Row, digest_of

DIGEST_BYTES = 16
TABLE_BYTES = 64
"""About what a table's name and frame weigh in a message."""
_NAME_KEY = b"congress_dist table digest v1"


@dataclass(frozen=True, slots=True)
class NetChange:
    """What a step really changed.

    Shapes: `removed` was held before, `added` was not; disjoint.
    """

    removed: frozenset[Row]
    added: frozenset[Row]

    def __bool__(self) -> bool:
        return bool(self.removed or self.added)


NO_CHANGE = NetChange(frozenset(), frozenset())


class NetSum:
    """The one change that does what several do, one after the other.

    Invariant: `removed` was held before the first of them, `added` was not; disjoint.
    """

    def __init__(self) -> None:
        self.removed: set[Row] = set()
        self.added: set[Row] = set()

    def add(self, removed: Set[Row], added: Set[Row]) -> None:
        """Take one more change, which really changes what those before it left.

        Cost: proportional to this one, however large those before it are.
        """
        gone, back = removed & self.added, added & self.removed
        self.added -= gone
        self.removed -= back
        self.removed |= removed - gone
        self.added |= added - back


@dataclass(slots=True)
class TableRows:
    """A set of rows and its order-free digest.

    Invariant: `sum == digest_of(rows)`; equal digests mean equal name, schema and rows.
    """

    name: str
    schema_version: str
    rows: set[Row] = field(default_factory=set)
    sum: int = 0

    @property
    def digest(self) -> bytes:
        """Give the digest as it travels."""
        return digest_bytes(self.name, self.schema_version, self.sum)

    def net_of(self, removed: Set[Row], added: Set[Row]) -> NetChange:
        """Give what removing rows and then adding rows would change.

        Cost: proportional to the rows given, in bulk.
        """
        return NetChange(frozenset((removed & self.rows) - added), frozenset(added - self.rows))

    def sum_after(self, net: NetChange) -> int:
        """Give the sum that `apply` would leave."""
        return (self.sum - digest_of(net.removed) + digest_of(net.added)) % DIGEST_MODULUS

    def apply(self, net: NetChange) -> NetChange:
        """Make a change that `net_of` or `net_to` gave; give it back."""
        if net:
            self.move(net, self.sum_after(net))
        return net

    def move(self, net: NetChange, sum_after: int) -> None:
        """Make a change of which `sum_after` is known."""
        self.sum = sum_after
        self.rows -= net.removed
        self.rows |= net.added

    def net_to(self, rows: Set[Row]) -> NetChange:
        """Give what making these the rows would change.

        Cost: proportional to both sets, in bulk.
        """
        return NetChange(frozenset(self.rows - rows), frozenset(rows - self.rows))

    def replace(self, rows: Set[Row]) -> NetChange:
        """Make these the rows; give what that changed.

        Cost: proportional to both sets; hashing only to the difference.
        """
        return self.apply(self.net_to(rows))


def digest_bytes(name: str, schema_version: str, rows_sum: int) -> bytes:
    """Give the digest of a table whose rows have this sum."""
    base = _hash_of_schema(name, schema_version)
    return ((base + rows_sum) % DIGEST_MODULUS).to_bytes(DIGEST_BYTES, "big")


def sum_of_digest(name: str, schema_version: str, digest: bytes) -> int:
    """Give the sum of the rows of a table that has this digest."""
    base = _hash_of_schema(name, schema_version)
    return (int.from_bytes(digest, "big") - base) % DIGEST_MODULUS


@lru_cache(maxsize=1024)
def _hash_of_schema(name: str, schema_version: str) -> int:
    # The few tables of a process are asked for their digests at every heartbeat and sync.
    words = f"{name}\0{schema_version}".encode()
    return int.from_bytes(blake2b(words, digest_size=DIGEST_BYTES, key=_NAME_KEY).digest(), "big")


def size_of(rows: Iterable[Row]) -> int:
    """Give the bytes that rows weigh."""
    return sum(map(len, rows))
