"""A datasource on a node: one driver whose tables it reads and publishes as one stream.

Threads: one of its own (the loop), in which everything happens in order; the node's threads and
those of the polls only put messages into its inbox.

    node grants the lease ──> registered with the policy engine ──> polling ──> lease lost
                                 ^  repeated until answered                          │
                                 └──────────── granted again ────────────────────────┘
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from congress_dist.clock import Clock, SystemClock, new_random
from congress_dist.config import datasource_sections
from congress_dist.errors import CongressError, LeaseLost, NotFound, StartupError
from congress_dist.protocol.stream import Epoch, StateKind
from congress_dist.service import Method, Service

from .driver import Driver
from .options import parse_options, shown_options
from .poll_thread import ReadEnd
from .polling import Polling
from .readings import Reading, StateChange
from .registration import Registration
from .registry import did_you_mean, load_driver

if TYPE_CHECKING:
    from oslo_config import cfg

    from congress_dist.dse_node import DseNode, StreamPublisher

LOG = logging.getLogger(__name__)

MAX_AGE_INTERVALS = 3
"""A table is stale when its last three polls gave nothing."""
SHORTEST_MAX_AGE = 5.0
"""Seconds: who subscribes hears of reads about each second, and may lose a few of these words."""
STOP_WAIT = 2.0
"""The loop may be in a call that nobody answers; the process does not wait for that."""


@dataclass(frozen=True, slots=True)
class _Granted:
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class _Lost:
    reason: str


@dataclass(frozen=True, slots=True)
class _ReadEnded:
    turn: int
    end: ReadEnd


@dataclass(frozen=True, slots=True)
class _Refresh:
    polls: tuple[str, ...]


class _Stop:
    pass


_Message = _Granted | _Lost | _ReadEnded | _Refresh | _Stop


def make_service(conf: cfg.ConfigOpts, name: str) -> DatasourceService:
    """Make the datasource that section [datasource:NAME] of the configuration describes.

    Shapes: keys `driver` (by default the name itself), `description`, and the driver's options.
    Raises: StartupError: no such driver, or options that do not fit it.
    """
    section = dict(datasource_sections(conf).get(name, {}))
    try:
        driver_class = load_driver(section.pop("driver", name))
    except StartupError as error:
        raise StartupError(f"datasource {name!r}: {error.message}") from error
    description = section.pop("description", driver_class.description)
    values = parse_options(driver_class.options, section, datasource=name)
    return DatasourceService(name, driver_class, values, description=description)


class DatasourceService(Service):
    """Publishes what a driver reads; says of each table why it is not what the source has."""

    def __init__(
        self,
        name: str,
        driver_class: type[Driver],
        config: Mapping[str, Any],
        *,
        description: str = "",
        clock: Clock | None = None,
        draw: Callable[[], float] | None = None,
    ) -> None:
        self.name = name
        self.topic = name
        self._driver_class = driver_class
        self._config = config
        self._description = description
        self._clock = clock or SystemClock()
        self._draw = draw or new_random().random
        self._inbox: SimpleQueue[_Message] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"datasource-{name}", daemon=True)
        self._publisher: StreamPublisher | None = None
        self._polling: Polling | None = None
        self._registration: Registration | None = None
        # Counts grants: a read that a former turn began does not count in this one.
        self._turn = 0

    def methods(self) -> Mapping[str, Method]:
        """Give `refresh` and `describe`."""
        return {"refresh": self.refresh, "describe": self.describe}

    def start(self, node: DseNode) -> None:
        """Ask for the stream's lease and read the source from when it is granted.

        Raises: StartupError: the driver cannot be made with this configuration.
        """
        self._node = node
        self._make_driver().close()
        tables = self._driver_class.tables
        self._publisher = node.publish_stream(
            self.name,
            tables,
            max_age=_max_ages(self._driver_class),
            slow=_slow_tables(self._driver_class),
            on_granted=lambda epoch: self._inbox.put(_Granted(epoch)),
            on_lost=lambda reason: self._inbox.put(_Lost(reason)),
        )
        self._thread.start()

    def stop(self) -> None:
        """End the polls, close the driver and give the stream back; idempotent."""
        self._inbox.put(_Stop())
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(STOP_WAIT)
        if self._publisher is not None:
            self._publisher.stop()

    def refresh(self, poll: str | None = None) -> dict[str, Any]:
        """Read one poll or all of them as soon as possible, in the middle of a back-off too.

        Raises: NotFound: the driver has no such poll.
        """
        known = tuple(each.name for each in self._driver_class.polls)
        if poll is not None and poll not in known:
            raise NotFound(
                f"datasource {self.name!r} has no poll {poll!r}{did_you_mean(poll, known)}"
            )
        polls = known if poll is None else (poll,)
        self._inbox.put(_Refresh(polls))
        return {"polls": list(polls)}

    def describe(self) -> dict[str, Any]:
        """Give what this datasource is, reads and knows, as plain values without secrets."""
        polling = self._polling
        known = (
            polling.describe(self._clock.monotonic()) if polling else {"polls": [], "tables": {}}
        )
        return {
            "name": self.name,
            "driver": self._driver_class.name,
            "description": self._description,
            "config": shown_options(self._driver_class.options, self._config),
            "turn": "polling" if polling else "registering" if self._registration else "waiting",
            **known,
        }

    def _make_driver(self) -> Driver:
        try:
            return self._driver_class(self._config)
        except Exception as error:
            raise StartupError(
                f"datasource {self.name!r}: driver {self._driver_class.name!r} cannot be made: "
                f"{type(error).__name__}: {error}"
            ) from error

    # --- the loop's thread ---

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except Exception:
            LOG.exception("datasource stops on an error of its own datasource=%s", self.name)
            if self._publisher is not None:
                # Who holds its tables sees them go stale, rather than fresh for ever.
                self._publisher.stop()
        finally:
            self._end_turn()

    def _step(self) -> bool:
        message = self._next_message()
        now = self._clock.monotonic()
        match message:
            case _Stop():
                return False
            case _Granted(epoch):
                self._end_turn()
                self._registration = self._new_registration(epoch, now)
            case _Lost(reason):
                LOG.warning("datasource stops reading datasource=%s reason=%s", self.name, reason)
                self._end_turn()
            case _ReadEnded(turn, end):
                if self._polling and turn == self._turn:
                    self._publish(self._polling.on_read_end(end, now), end.error)
            case _Refresh(polls):
                if self._polling:
                    self._publish(self._polling.on_refresh(polls, now))
        self._tick()
        return True

    def _next_message(self) -> _Message | None:
        wake = None
        if self._registration:
            wake = self._registration.at
        elif self._polling:
            wake = self._polling.next_wake()
        timeout = None if wake is None else max(0.0, wake - self._clock.monotonic())
        try:
            return self._inbox.get(timeout=timeout)
        except Empty:
            return None

    def _tick(self) -> None:
        now = self._clock.monotonic()
        if self._registration and now >= self._registration.at:
            self._register(self._registration)
        elif self._polling:
            self._publish(self._polling.on_tick(now))

    def _register(self, registration: Registration) -> None:
        try:
            registration.send(self._node)
        except CongressError as error:
            delay = registration.on_error(error, self._draw())
            registration.at = self._clock.monotonic() + delay
        else:
            LOG.info("datasource registered datasource=%s epoch=%s", self.name, registration.epoch)
            self._registration = None
            self._begin_turn()

    def _new_registration(self, epoch: Epoch, now: float) -> Registration:
        driver = self._driver_class
        record = {
            "name": self.name,
            "driver": driver.name,
            "description": self._description,
            "config": shown_options(driver.options, self._config),
            "schemas": {table: schema.to_wire() for table, schema in driver.tables.items()},
        }
        return Registration(record, epoch, at=now)

    def _begin_turn(self) -> None:
        self._turn += 1
        turn = self._turn
        self._polling = Polling(
            self._make_driver(),
            now=self._clock.monotonic(),
            draw=self._draw,
            deliver=lambda end: self._inbox.put(_ReadEnded(turn, end)),
        )
        self._polling.start()
        self._publish(self._polling.on_tick(self._clock.monotonic()))

    def _end_turn(self) -> None:
        polling, self._polling, self._registration = self._polling, None, None
        if polling:
            polling.close()

    def _publish(self, readings: Iterable[Reading], error: Exception | None = None) -> None:
        assert self._publisher is not None  # noqa: S101 - the loop starts after it is made
        for reading in readings:
            self._log(reading.changes, error)
            try:
                self._publisher.publish(reading.results, age=reading.age)
            except LeaseLost as lost:
                LOG.warning("datasource stops reading datasource=%s reason=%s", self.name, lost)
                self._end_turn()
                return
            error = None

    def _log(self, changes: Iterable[StateChange], error: Exception | None) -> None:
        tables_by_reason: dict[str, list[str]] = {}
        for change in changes:
            if change.after.reason and change.after.reason != change.before.reason:
                tables_by_reason.setdefault(change.after.reason, []).append(change.table)
            elif change.after.kind is StateKind.READY and change.before.reason:
                LOG.info("table is read again datasource=%s table=%s", self.name, change.table)
        ours = error if not isinstance(error, CongressError) else None
        for reason, tables in tables_by_reason.items():
            LOG.warning(
                "tables cannot be read datasource=%s tables=%s reason=%s",
                self.name,
                ",".join(tables),
                reason,
                exc_info=ours,
            )


def _slow_tables(driver: type[Driver]) -> frozenset[str]:
    return frozenset(t for poll in driver.polls if poll.low_priority for t in poll.tables)


def _max_ages(driver: type[Driver]) -> dict[str, float | None]:
    return {
        table: max(SHORTEST_MAX_AGE, MAX_AGE_INTERVALS * poll.interval)
        for poll in driver.polls
        for table in poll.tables
    }
