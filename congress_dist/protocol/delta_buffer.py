"""Deltas of one epoch that wait for a missing one (docs/protocol.md section 4)."""

from __future__ import annotations

from collections.abc import Sequence

from .messages import Delta
from .stream import Seq
from .table import size_of

_DELTA_BYTES = 256
"""About what a delta weighs beside its rows."""


class DeltaBuffer:
    """Deltas by seq, within a bound.

    Invariant: `size_bytes` is at most `max_bytes`.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._deltas: dict[Seq, Delta] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._deltas)

    def put(self, delta: Delta) -> bool:
        """Keep a delta; False, with everything dropped, when there is no room for it."""
        if delta.seq in self._deltas:
            return True
        size_bytes = _size_of(delta)
        if self.size_bytes + size_bytes > self._max_bytes:
            self.clear()
            return False
        self._deltas[delta.seq] = delta
        self.size_bytes += size_bytes
        return True

    def find(self, seq: int) -> Delta | None:
        """Give the delta with this seq."""
        return self._deltas.get(Seq(seq))

    def find_run(self, after: Seq, last: Seq) -> Sequence[Delta] | None:
        """Give the deltas `(after, last]` in order, None when one is not here.

        Shapes: they were applied, so none of them is to be pulled.
        """
        if last - after > len(self._deltas):
            return None  # whatever an answer claims, no more is looked for than is here
        run = [self._deltas.get(Seq(seq)) for seq in range(after + 1, last + 1)]
        whole = [delta for delta in run if delta is not None]
        return whole if len(whole) == len(run) else None

    def drop_up_to(self, seq: Seq) -> None:
        """Forget what is not later than this."""
        self._drop([other for other in self._deltas if other <= seq])

    def drop_after(self, seq: Seq) -> None:
        """Forget what is later than this."""
        self._drop([other for other in self._deltas if other > seq])

    def clear(self) -> None:
        """Forget everything."""
        self._deltas.clear()
        self.size_bytes = 0

    def _drop(self, seqs: Sequence[Seq]) -> None:
        for seq in seqs:
            self.size_bytes -= _size_of(self._deltas.pop(seq))


def _size_of(delta: Delta) -> int:
    return _DELTA_BYTES + sum(
        size_of(change.removed) + size_of(change.added) for change in delta.tables.values()
    )
