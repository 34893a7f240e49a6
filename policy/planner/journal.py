"""How to take back what was changed: steps that are run in reverse order."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

Undo = Callable[[], object]


class Journal:
    """The undo steps of the changes since it was last cleared.

    Invariant: run from the last to the first, each step finds the state that its change left.
    """

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: list[Undo] = []

    def note(self, undo: Undo) -> None:
        """Take a step that undoes a change just made; it must not fail."""
        self._steps.append(undo)

    def put(self, mapping: MutableMapping[K, V], key: K, value: V) -> None:
        """Set an entry of a mapping."""
        if key in mapping:
            before = mapping[key]
            self.note(lambda: mapping.__setitem__(key, before))
        else:
            self.note(lambda: mapping.__delitem__(key))
        mapping[key] = value

    def drop(self, mapping: MutableMapping[K, V], key: K) -> V:
        """Take an entry out of a mapping and give it. Raises: KeyError."""
        before = mapping.pop(key)
        self.note(lambda: mapping.__setitem__(key, before))
        return before

    def mark(self) -> int:
        """Give the place up to which a later `rollback` goes."""
        return len(self._steps)

    def rollback(self, mark: int) -> None:
        """Undo everything that was noted after a mark."""
        while len(self._steps) > mark:
            self._steps.pop()()

    def clear(self) -> None:
        """Make what was changed final."""
        self._steps.clear()
