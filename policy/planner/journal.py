"""How to take back what was changed: steps that are run in reverse order."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TypeVar

from ..kernel import Kernel

K = TypeVar("K")
V = TypeVar("V")

Undo = Callable[[], object]


Mark = tuple[int, int]
"""A place in a journal, and the kernel's own beside it."""


class Journal:
    """The undo steps of the changes since it was last cleared; a kernel keeps those of its own.

    Invariant: run from the last to the first, each step finds the state that its change left;
        unless it `is_torn`: a change or its undoing ended half way, for want of memory. Then
        nobody knows what is there any more.
    """

    __slots__ = ("_commit_kernel", "_kernel", "_roll_back_kernel", "_steps", "is_torn")

    def __init__(self, kernel: Kernel | None = None) -> None:
        self._kernel = kernel
        # Bound now: for a method of C++ Python makes an object, when there may be no memory.
        self._roll_back_kernel = None if kernel is None else kernel.rollback
        self._commit_kernel = None if kernel is None else kernel.commit
        self._steps: list[Undo] = []
        self.is_torn = False

    def note(self, undo: Undo) -> None:
        """Take a step that undoes a change, before that is made; it must not fail.

        Shapes: it may be run though its change was not made.
        """
        self._steps.append(undo)

    def change(self, make: Callable[[], object], undo: Undo) -> None:
        """Make a change of several steps, of which `undo` takes back all or nothing."""
        self._steps.append(undo)
        self.is_torn = True
        make()
        self.is_torn = False

    def put(self, mapping: MutableMapping[K, V], key: K, value: V) -> None:
        """Set an entry of a mapping."""
        if key in mapping:
            before = mapping[key]
            self.note(lambda: mapping.__setitem__(key, before))
        else:
            # It is not there if there was no memory to set it.
            self.note(lambda: mapping.pop(key, None))
        mapping[key] = value

    def drop(self, mapping: MutableMapping[K, V], key: K) -> V:
        """Take an entry out of a mapping and give it. Raises: KeyError."""
        before = mapping[key]
        self.note(lambda: mapping.__setitem__(key, before))
        del mapping[key]
        return before

    def mark(self) -> Mark:
        """Give the place up to which a later `rollback` goes."""
        return len(self._steps), 0 if self._kernel is None else self._kernel.mark()

    def rollback(self, mark: Mark) -> None:
        """Undo everything that was done after a mark, unless nobody knows what was done."""
        if self.is_torn:
            return
        steps, of_kernel = mark
        self.is_torn = True
        if self._roll_back_kernel is not None:
            self._roll_back_kernel(of_kernel)
        while len(self._steps) > steps:
            self._steps.pop()()
        self.is_torn = False

    def clear(self) -> None:
        """Make what was changed final."""
        self._steps.clear()
        if self._commit_kernel is not None:
            self._commit_kernel()
