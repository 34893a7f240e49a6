"""One thread that waits for many descriptors; sleeps until one is ready or somebody asks."""

from __future__ import annotations

import logging
import os
import selectors
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

_LOG = logging.getLogger(__name__)

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE
ReadyHandler = Callable[[int], None]


class SelectorLoop:
    """Runs handlers of ready descriptors, and steps that other threads hand over.

    Promises: handlers and steps run in the loop's thread, one at a time; an exception of one is
        logged and does not end the others.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._selector = selectors.DefaultSelector()
        self._steps: deque[Callable[[], None]] = deque()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self) -> None:
        """Start the thread; idempotent."""
        with self._lock:
            if self._thread is not None or self._stopping:
                return
            self._selector.register(self._wake_fd, READ, self._on_wake)
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread after the steps that are already handed over; idempotent."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
            thread = self._thread
        if thread is None:
            self._close()
            return
        self._wake()
        if thread is not threading.current_thread():
            thread.join()

    def watch(self, descriptor: int, events: int, handler: ReadyHandler) -> None:
        """Call `handler(ready events)` whenever the descriptor is ready.

        Promises: to be called in the loop's thread.
        Shapes: replaces what was asked before; `events` 0 forgets the descriptor.
        """
        known = descriptor in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(descriptor)
        elif known:
            self._selector.modify(descriptor, events, handler)
        else:
            self._selector.register(descriptor, events, handler)

    def call_soon(self, step: Callable[[], None]) -> None:
        """Run a step in the loop's thread, after those handed over before.

        Promises: not run when the loop stops first.
        """
        self._steps.append(step)
        if threading.current_thread() is not self._thread:
            self._wake()

    def call_and_wait(self, step: Callable[[], None]) -> None:
        """Run a step in the loop's thread and return when it is done.

        Promises: returns also when the loop has stopped; the step is then not run.
        """
        if threading.current_thread() is self._thread:
            step()
            return
        done = threading.Event()

        def run() -> None:
            try:
                step()
            finally:
                done.set()

        with self._lock:
            if self._stopping or self._thread is None:
                return
            self.call_soon(run)
        done.wait()

    def _wake(self) -> None:
        with self._lock:
            if self._wake_fd >= 0:
                os.eventfd_write(self._wake_fd, 1)

    def _on_wake(self, _events: int) -> None:
        os.eventfd_read(self._wake_fd)

    def _run(self) -> None:
        while not self._stopping:
            for key, events in self._selector.select(0 if self._steps else None):
                # A handler may have been taken away by one that ran before it.
                if key.fd in self._selector.get_map():
                    self._guarded(partial(key.data, events))
            self._run_steps()
        self._run_steps()
        self._close()

    def _run_steps(self) -> None:
        for _ in range(len(self._steps)):
            self._guarded(self._steps.popleft())

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:  # noqa: BLE001 one descriptor's failure must not end the others
            _LOG.exception("step failed loop=%s", self._name)

    def _close(self) -> None:
        self._selector.close()
        with self._lock:  # no other thread is writing to it
            os.close(self._wake_fd)
            self._wake_fd = -1
