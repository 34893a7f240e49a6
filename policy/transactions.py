"""The engine's lock and its journal: changes that are whole or not made, and trials."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from types import TracebackType

from congress_dist.errors import InvalidRequest

from .planner.journal import Journal, Mark


class Transactions:
    """One caller at a time; used as a context manager for reading.

    Shapes: `is_busy` tells that a builtin is being called; `after_rollback` is called when changes
        were taken back.
    """

    def __init__(
        self,
        journal: Journal,
        is_busy: Callable[[], bool],
        *,
        after_rollback: Callable[[], None],
    ) -> None:
        self.lock = RLock()
        """Keeps others out; for what only reads and neither asks a builtin nor leaves a value."""
        self._journal = journal
        self._is_busy = is_busy
        self._after_rollback = after_rollback
        self._entered = 0

    def __enter__(self) -> None:
        """Wait for the engine. Raises: InvalidRequest: called from inside of a builtin."""
        self.lock.acquire()
        # Only the thread that holds the lock gets here, so a busy engine was called by itself.
        if self._is_busy():
            self.lock.release()
            raise InvalidRequest("a builtin called the engine that was calling it")
        self._entered += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._entered -= 1
        if not self._entered:
            self._journal.clear()  # a question may have left values that nobody holds
        self.lock.release()

    def change(self) -> _Change:
        """Change the engine; whatever is raised inside, nothing has changed afterwards."""
        return _Change(self, keeps=True)

    def trial(self) -> _Change:
        """Change the engine for the time of a `with` block, and take everything back."""
        return _Change(self, keeps=False)

    def mark(self) -> Mark:
        """Give the place up to which a later `roll_back` goes."""
        return self._journal.mark()

    def roll_back(self, mark: Mark) -> None:
        """Take back what was changed after a mark."""
        self._journal.rollback(mark)
        self._after_rollback()


class _Change:
    """One change: of a trial nothing is kept, of another one nothing if something is raised."""

    __slots__ = ("_keeps", "_mark", "_transactions")

    def __init__(self, transactions: Transactions, *, keeps: bool) -> None:
        self._transactions = transactions
        self._keeps = keeps

    def __enter__(self) -> None:
        self._transactions.__enter__()
        self._mark = self._transactions.mark()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is not None or not self._keeps:
                self._transactions.roll_back(self._mark)
        finally:
            self._transactions.__exit__(kind, error, trace)
