"""What has arrived at a node and waits for its loop: bounded, and shared out among the senders."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Step = Callable[[], bool]
"""What is done with a message; False: not now, its turn is taken again later."""


@dataclass(frozen=True, slots=True)
class Item:
    """One message on its way to the loop."""

    sender: str
    step: Step
    size_bytes: int


class Inbox:
    """The messages of each sender in order, the senders in turn; one thread takes them out.

    Invariant: at most `max_bytes` wait. When there is no room, a sender that has more than its
    share waiting loses messages, never one that has less; what is lost is counted.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[Item]] = {}
        self._bytes: dict[str, int] = {}
        self._turns: deque[str] = deque()
        self._aside: set[str] = set()
        self._is_nudged = False
        self._is_closed = False
        self.size_bytes = 0
        self.dropped = 0

    def put(self, item: Item) -> bool:
        """Add a message; tell whether it was taken."""
        with self._changed:
            if self._is_closed or not self._make_room(item):
                self.dropped += 1
                return False
            if item.sender not in self._waiting:
                self._waiting[item.sender] = deque()
                self._turns.append(item.sender)
            self._waiting[item.sender].append(item)
            self._count(item.sender, item.size_bytes)
            self._changed.notify()
            return True

    def take(self, timeout: float) -> Item | None:
        """Take the next message; None after `timeout`, a nudge, or at the end."""
        with self._changed:
            self._changed.wait_for(
                lambda: bool(self._turns) or self._is_nudged or self._is_closed, timeout
            )
            self._is_nudged = False
            if not self._turns:
                return None
            sender = self._turns.popleft()
            waiting = self._waiting[sender]
            item = waiting.popleft()
            self._count(sender, -item.size_bytes)
            if waiting:
                self._turns.append(sender)
            else:
                del self._waiting[sender]
            return item

    def set_aside(self, item: Item) -> None:
        """Put a message back before the others of its sender, whose turn comes with `resume`."""
        with self._changed:
            if item.sender in self._waiting:
                self._turns.remove(item.sender)
            self._waiting.setdefault(item.sender, deque()).appendleft(item)
            self._count(item.sender, item.size_bytes)
            self._aside.add(item.sender)

    def resume(self) -> None:
        """Let those that were set aside have their turns again."""
        with self._changed:
            self._turns.extend(self._aside)
            self._aside.clear()
            self._changed.notify()

    def nudge(self) -> None:
        """Let `take` return; any number of nudges before that are one."""
        with self._changed:
            self._is_nudged = True
            self._changed.notify()

    @property
    def waiting(self) -> int:
        """Give how many messages are in it."""
        with self._changed:
            return sum(len(items) for items in self._waiting.values())

    @property
    def is_finished(self) -> bool:
        """Tell whether no message has its turn, and none will come."""
        with self._changed:
            return self._is_closed and not self._turns

    def close(self) -> None:
        """Take nothing more; what is in it can still be taken out."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _make_room(self, item: Item) -> bool:
        """Tell whether a message may come in, at the cost of those who have more than a share."""
        if self.size_bytes + item.size_bytes <= self._max_bytes:
            return True
        share = self._max_bytes // len(self._bytes.keys() | {item.sender})
        if self._bytes.get(item.sender, 0) + item.size_bytes > share:
            return False
        while self.size_bytes + item.size_bytes > self._max_bytes:
            # Somebody else is above the share, because this one is not and there is no room.
            largest = max(self._bytes, key=self._bytes.__getitem__)
            self._drop_newest(largest)
        return True

    def _drop_newest(self, sender: str) -> None:
        waiting = self._waiting[sender]
        self._count(sender, -waiting.pop().size_bytes)
        self.dropped += 1
        if not waiting:
            del self._waiting[sender]
            self._aside.discard(sender)
            if sender in self._turns:
                self._turns.remove(sender)

    def _count(self, sender: str, size_bytes: int) -> None:
        self.size_bytes += size_bytes
        self._bytes[sender] = self._bytes.get(sender, 0) + size_bytes
        if self._bytes[sender] == 0:
            del self._bytes[sender]
