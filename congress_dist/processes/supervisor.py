"""Keeps the processes of one data directory running, and stops them in order.

What to do is decided in supervision.py; here it is done, in one thread that waits for beats, ends
of children, and requests. Imports no oslo.messaging: it must outlive what happens on the bus.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ..clock import Clock, SystemClock, new_incarnation
from ..errors import StartupError
from .child_process import ChildProcess, spawn_child
from .directory_lock import DirectoryLock
from .supervision import (
    STOP_TIME,
    ChildSpec,
    ChildStatus,
    Effect,
    Phase,
    Report,
    Signal,
    Spawn,
    Supervision,
)

__all__ = ["ChildSpec", "ChildStatus", "Phase", "Supervisor"]

_LOG = logging.getLogger(__name__)


class Supervisor:
    """Runs children until it is stopped.

    Promises: one for each data directory; `on_change` is called in the supervisor's thread, which
        must not be made to stop itself there.
    """

    def __init__(
        self,
        data_dir: Path,
        children: Sequence[ChildSpec],
        *,
        silence: float,
        stop_time: float = STOP_TIME,
        on_change: Callable[[ChildStatus], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._log_dir = data_dir / "log"
        self._specs = {spec.name: spec for spec in children}
        self._on_change = on_change
        self._clock = clock or SystemClock()
        self._directory_lock = DirectoryLock(data_dir)
        self._supervision = Supervision(children, silence=silence, stop_time=stop_time)
        self._processes: dict[str, ChildProcess] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._guard = threading.Lock()
        self._statuses: dict[str, ChildStatus] = {}
        self._stop_asked = False
        self._thread: threading.Thread | None = None

    def lock(self) -> None:
        """Own the data directory; idempotent.

        Raises: StartupError: another supervisor owns it (names its process id).
        """
        self._directory_lock.take()

    def start(self) -> None:
        """Start all children.

        Raises: StartupError: as `lock`, or the log directory cannot be made.
        """
        self.lock()
        try:
            self._log_dir.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StartupError(
                f"log directory '{self._log_dir}' cannot be made: {error.strerror}"
            ) from error
        self._selector.register(self._wake_fd, selectors.EVENT_READ, self._on_wake)
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop all children in order, wait for their end, let go of the directory; idempotent."""
        with self._guard:
            self._stop_asked = True
            if self._wake_fd >= 0:
                os.eventfd_write(self._wake_fd, 1)
        if self._thread is None:
            self._close()
        else:
            self._thread.join()
        self._directory_lock.release()

    def statuses(self) -> list[ChildStatus]:
        """Give what is known of each child, in the order in which they were given."""
        with self._guard:
            return [
                self._statuses.get(name) or ChildStatus(name, Phase.STOPPED)
                for name in self._specs
            ]

    def describe(self) -> str:
        """Give in one line which children do not run, and why."""
        troubled = [status for status in self.statuses() if status.phase is not Phase.RUNNING]
        if not troubled:
            return "all processes run"
        return "; ".join(
            f"{status.name}: {status.phase}" + (f" ({status.reason})" if status.reason else "")
            for status in troubled
        )

    def _run(self) -> None:
        try:
            self._carry_out(self._supervision.on_start(self._clock.monotonic()))
            while not self._supervision.is_done:
                self._step()
        except Exception:  # noqa: BLE001 the thread's top: nobody would look after the children
            _LOG.exception("supervisor failed; killing all children")
        finally:
            for process in self._processes.values():
                process.send(signal.SIGKILL)
                process.reap()
            self._close()

    def _step(self) -> None:
        now = self._clock.monotonic()
        # Ordering: first what the children have said, then who is silent.
        for key, _ in self._selector.select(max(0.0, self._supervision.next_tick(now) - now)):
            if key.fd in self._selector.get_map():
                key.data()
        now = self._clock.monotonic()
        if self._stop_asked:
            self._carry_out(self._supervision.on_stop(now))
        self._carry_out(self._supervision.on_tick(now))

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Spawn(name, replaces):
                    self._spawn(name, replaces)
                case Signal(name, number):
                    self._processes[name].send(number)
                case Report(status):
                    self._report(status)

    def _spawn(self, name: str, replaces: str | None) -> None:
        incarnation = new_incarnation()
        try:
            process = spawn_child(
                self._specs[name].argv,
                self._log_dir / f"{name}.log",
                incarnation=incarnation,
                replaces=replaces,
            )
        except OSError as error:
            now = self._clock.monotonic()
            reason = f"cannot be started: {error}"
            self._carry_out(self._supervision.on_exit(name, reason, now))
            return
        self._processes[name] = process
        self._selector.register(
            process.beat_fd, selectors.EVENT_READ, partial(self._on_beat, name, process)
        )
        self._selector.register(
            process.exit_fd, selectors.EVENT_READ, partial(self._on_exit, name, process)
        )
        self._carry_out(self._supervision.on_spawned(name, incarnation))

    def _on_beat(self, name: str, process: ChildProcess) -> None:
        beat = process.read_beats()
        if beat:
            self._carry_out(self._supervision.on_beat(name, self._clock.monotonic()))
        elif beat is None:  # it closed the pipe: it is about to end
            self._selector.unregister(process.beat_fd)

    def _on_exit(self, name: str, process: ChildProcess) -> None:
        for descriptor in (process.beat_fd, process.exit_fd):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
        del self._processes[name]
        reason = process.reap()
        self._carry_out(self._supervision.on_exit(name, reason, self._clock.monotonic()))

    def _on_wake(self) -> None:
        os.eventfd_read(self._wake_fd)

    def _report(self, status: ChildStatus) -> None:
        with self._guard:
            self._statuses[status.name] = status
        if status.phase is Phase.WAITING:
            _LOG.warning("child ended; restarting name=%s reason=%r", status.name, status.reason)
        else:
            _LOG.info("child changed name=%s phase=%s", status.name, status.phase)
        if self._on_change is not None:
            self._on_change(status)

    def _close(self) -> None:
        with self._guard:
            if self._wake_fd >= 0:
                self._selector.close()
                os.close(self._wake_fd)
                self._wake_fd = -1
