"""The engine's lock and its journal: changes that are whole or not made, and trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from types import TracebackType

from congress_dist.errors import InvalidRequest

from .planner.journal import Journal


class Transactions:
    """One caller at a time; used as a context manager for reading.

    Shapes: `is_busy` tells that a builtin is being called; `after_rollback` is called when changes
        were taken back, `after_commit` when they cannot be taken back any more.
    """

    def __init__(
        self,
        journal: Journal,
        is_busy: Callable[[], bool],
        *,
        after_rollback: Callable[[], None],
        after_commit: Callable[[], None],
    ) -> None:
        self._lock = RLock()
        self._journal = journal
        self._is_busy = is_busy
        self._after_rollback = after_rollback
        self._after_commit = after_commit
        self._depth = 0

    def __enter__(self) -> None:
        """Wait for the engine. Raises: InvalidRequest: called from inside of a builtin."""
        self._lock.acquire()
        # Only the thread that holds the lock gets here, so a busy engine was called by itself.
        if self._is_busy():
            self._lock.release()
            raise InvalidRequest("a builtin called the engine that was calling it")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Change the engine; whatever is raised inside, nothing has changed afterwards."""
        with self, self._level() as mark:
            try:
                yield
            except BaseException:
                self._roll_back(mark)
                raise
            if self._depth == 1:
                self._journal.clear()
                self._after_commit()

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Change the engine for the time of a `with` block, and take everything back."""
        with self, self._level() as mark:
            try:
                yield
            finally:
                self._roll_back(mark)

    @contextmanager
    def _level(self) -> Iterator[int]:
        self._depth += 1
        try:
            yield self._journal.mark()
        finally:
            self._depth -= 1
            if not self._depth:
                self._journal.clear()

    def _roll_back(self, mark: int) -> None:
        self._journal.rollback(mark)
        self._after_rollback()
