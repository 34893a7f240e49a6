"""What a subscriber holds, by a process that runs out of memory when a schedule wants it to."""

from __future__ import annotations

from congress_dist.protocol.held_table import HeldTable
from congress_dist.protocol.holding import Holding
from congress_dist.protocol.messages import Delta
from congress_dist.protocol.stream import Position, TableState, Transaction


class FailingHolding(Holding):
    """Fails once at the `fails_in`-th place of a step, between any two of its changes."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.fails_in = 0
        """Places that are passed until it fails; 0: it does not."""

    def apply(self, delta: Delta) -> Transaction:
        """Take a step, or fail before or after it."""
        self._pass()
        transaction = super().apply(delta)
        self._pass()
        return transaction

    def _put(self, table: HeldTable) -> None:
        self._pass()
        super()._put(table)
        self._pass()

    def _touch(self, held: HeldTable) -> TableState:
        self._pass()
        state = super()._touch(held)
        self._pass()
        return state

    def _reach(self, position: Position, step: object) -> Transaction:
        self._pass()
        return super()._reach(position, step)  # type: ignore[arg-type]

    def _pass(self) -> None:
        if self.fails_in > 0:
            self.fails_in -= 1
            if self.fails_in == 0:
                raise MemoryError
