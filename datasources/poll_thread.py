"""The thread that reads one poll: a read that hangs holds up nothing but itself."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import SimpleQueue

from congress_dist.errors import CongressError

from .driver import Driver, Poll, TableRead
from .encoding import Refused, TableOutcome, encode_read

LOG = logging.getLogger(__name__)

NICE = 10
"""For low-priority polls. On Linux a nice value belongs to the thread, the kernel derives the
priority of its disk reads from it, and subprocesses inherit it. Not 19: the thread holds the
interpreter lock now and then, and the heartbeats of the process wait for it."""


@dataclass(frozen=True, slots=True)
class ReadEnd:
    """How a read ended: outcomes by table, or the error that concerns all of them."""

    poll: str
    outcomes: Mapping[str, TableOutcome] | None = None
    error: Exception | None = None

    @property
    def reason(self) -> str:
        """Give the error as a table's reason."""
        if isinstance(self.error, CongressError):
            return self.error.message
        return f"{type(self.error).__name__}: {self.error}"


class PollThread:
    """Reads and encodes one poll each time it is asked to, and hands on how that ended.

    A daemon thread: a read that never returns does not keep the process from ending.
    """

    def __init__(self, driver: Driver, poll: Poll, deliver: Callable[[ReadEnd], None]) -> None:
        self._driver = driver
        self._poll = poll
        self._deliver = deliver
        self._requests: SimpleQueue[bool] = SimpleQueue()
        name = f"poll-{driver.name}-{poll.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to wait for requests."""
        self._thread.start()

    def ask(self) -> None:
        """Read once."""
        self._requests.put(True)

    def stop(self) -> None:
        """End the thread after the read that it may be in; does not wait."""
        self._requests.put(False)

    def has_ended_within(self, timeout: float) -> bool:
        """Wait for the thread's end and tell whether it came."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        if self._poll.low_priority:
            _lower_priority(self._poll.name)
        while self._requests.get():
            self._deliver(self._read())

    def _read(self) -> ReadEnd:
        name = self._poll.name
        try:
            outcomes = self._encode(self._driver.read(name))
        except Exception as error:  # noqa: BLE001 - the border to driver code: becomes the state
            return ReadEnd(name, error=error)
        return ReadEnd(name, outcomes=outcomes)

    def _encode(self, reads: Mapping[str, TableRead]) -> Mapping[str, TableOutcome]:
        is_taken = False
        try:
            outcomes = encode_read(self._poll, self._driver.tables, reads)
            is_taken = not any(isinstance(outcome, Refused) for outcome in outcomes.values())
            return outcomes
        finally:
            if not is_taken:
                # The changes since the last read are lost, those that come rest on them.
                self._driver.start_over(self._poll.name)


def _lower_priority(poll: str) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    except OSError as error:
        LOG.warning("low-priority poll runs at normal priority poll=%s error=%s", poll, error)
