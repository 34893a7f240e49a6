"""A queue between threads that holds a bounded number of bytes."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

_T = TypeVar("_T")


class ByteQueue(Generic[_T]):
    """First in, first out; what does not fit is refused at once, never waited for."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._items: deque[tuple[_T, int]] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self.size_bytes = 0
        self.dropped = 0

    def put(self, item: _T, size_bytes: int = 0) -> bool:
        """Add an item; tell whether it was taken. One without a size always is, until the end."""
        with self._changed:
            is_full = size_bytes > 0 and self.size_bytes + size_bytes > self._max_bytes
            if self._is_closed or is_full:
                self.dropped += 1
                return False
            self._items.append((item, size_bytes))
            self.size_bytes += size_bytes
            self._changed.notify()
            return True

    def get(self, timeout: float | None = None) -> _T | None:
        """Take the oldest item; None after `timeout`, or when the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._is_closed, timeout)
            if not self._items:
                return None
            item, size_bytes = self._items.popleft()
            self.size_bytes -= size_bytes
            return item

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)

    @property
    def is_finished(self) -> bool:
        """Tell whether nothing is in it, and nothing will be."""
        with self._changed:
            return self._is_closed and not self._items

    def close(self) -> None:
        """Take nothing more; what is in it can still be taken out."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
