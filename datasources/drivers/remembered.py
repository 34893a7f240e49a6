"""What costs much to read of a process and seldom changes: remembered between reads.

Not a driver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .linux_proc import Process, Vanished, reason_of

_T = TypeVar("_T")
_Identity = tuple[int, int, str]
"""Process id, start and name: another program in the same process counts as a new process."""


@dataclass(frozen=True, slots=True)
class ByProcess(Generic[_T]):
    """What was found of each process, or why it was not, by process id; ended ones in neither."""

    found: dict[int, _T] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)


class Remembered(Generic[_T]):
    """Reads something of new processes at once, of all of them every so many times."""

    def __init__(self, read: Callable[[int], _T], *, every: int) -> None:
        self._read = read
        self._every = every
        self._times = 0
        self._last: ByProcess[_T] = ByProcess()
        self._known: set[_Identity] = set()

    def look(self, processes: Iterable[Process], *, at_all: bool = False) -> ByProcess[_T]:
        """Give it of these processes; `at_all` reads it of all of them now.

        Cost: one read per process that is new, mostly.
        """
        forget = at_all or self._times % self._every == 0
        self._times = 1 if forget else self._times + 1
        known = set() if forget else self._known
        last, self._last, self._known = self._last, ByProcess(), set()
        for process in processes:
            identity = (process.pid, process.start_ticks, process.name)
            self._known.add(identity)
            if identity in known:
                _copy(last, self._last, process.pid)
            else:
                self._look_at(process.pid)
        return self._last

    def _look_at(self, pid: int) -> None:
        try:
            self._last.found[pid] = self._read(pid)
        except Vanished:
            pass
        except OSError as error:
            self._last.unreadable[pid] = reason_of(error)


def _copy(source: ByProcess[_T], target: ByProcess[_T], pid: int) -> None:
    if pid in source.found:
        target.found[pid] = source.found[pid]
    elif pid in source.unreadable:
        target.unreadable[pid] = source.unreadable[pid]
