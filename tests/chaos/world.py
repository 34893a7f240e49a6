"""A broker, the nodes of a small cloud on it, and what they are all compared with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from congress_dist.protocol.options import DseOptions
from tests.servers.rabbitmq import RabbitServer

from .audit import MEMORY, Audit
from .cloud import Cloud, Shape
from .convergence import Convergence
from .member import Member, Role
from .network import Network, end_namespaces, make_network
from .node_process import POLL_INTERVAL
from .wall_clock import WallClock, build_clock_jump

PREFETCH = 10
"""Messages that a listener takes in: few, so that queues at the broker can fill."""
PACE = 0.05
START_SECONDS = 90.0
CONVERGE_SECONDS = 40.0
"""After which a world that nothing hinders any more counts as not converging."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a world is made of."""

    shape: Shape = field(default_factory=lambda: Shape(tables=8, rows=200))
    publishers: Mapping[str, int] = field(default_factory=lambda: {"cloud0": 2, "cloud1": 1})
    """How many processes may publish each source; one does, the others wait for its lease."""
    subscribers: int = 3
    rate: float = 20.0
    """Versions a second."""
    options: Mapping[str, float] = field(default_factory=dict)
    """Those of [dse] that differ from the defaults."""
    memory: int = MEMORY

    def roles(self) -> list[Role]:
        """Give all nodes: engine, publishers, subscribers."""
        publishers = [
            Role(f"{source}-{'abc'[number]}", "publisher", source)
            for source, count in self.publishers.items()
            for number in range(count)
        ]
        subscribers = [Role(f"s{n + 1}", "subscriber") for n in range(self.subscribers)]
        return [Role("engine", "engine"), *publishers, *subscribers]

    def stale_after(self) -> float:
        """Give the age in seconds above which everything is stale."""
        options = DseOptions(**{**asdict(DseOptions()), **self.options})
        return max(options.stale_after, 3 * POLL_INTERVAL)


class NotReached(AssertionError):
    """Something that must happen did not, in its time."""


class World:
    """Made in a directory of its own; nothing of it stays after `stop`."""

    def __init__(self, directory: Path, plan: Plan) -> None:
        self.directory = directory
        self.plan = plan
        self._stack = ExitStack()
        self._pause = threading.Event()
        self.network: Network
        self.broker: RabbitServer
        self.cloud = Cloud(directory / "cloud", plan.shape, plan.rate)
        self.audit = Audit(self.cloud, max_age=plan.stale_after(), memory=plan.memory)
        self.members: list[Member] = []

    # --- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything, and wait until all have what the cloud has."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything; idempotent."""
        self._stack.close()

    def _start(self) -> None:
        self._stack.callback(end_namespaces)
        self.network = make_network()
        self.broker = RabbitServer(self.directory / "rabbitmq", place=self.network.broker)
        self._stack.callback(self.broker.end)
        for role in self.plan.roles():
            self.network.add(role.name)
        self.broker.start()
        self._stack.callback(self.cloud.stop)
        self.cloud.start()
        library = build_clock_jump(self.directory)
        for role in self.plan.roles():
            self._add(role, library)
        self.converge(START_SECONDS)

    def _add(self, role: Role, library: Path | None) -> None:
        url = self.broker.url(host=self.network.host(role.name))
        config = {
            "dir": str(self.directory),
            "url": f"{url}?rabbit_qos_prefetch_count={PREFETCH}",
            "cloud": str(self.cloud.path),
            "shape": [self.plan.shape.tables, self.plan.shape.rows],
            "sources": list(self.plan.publishers),
            "options": dict(self.plan.options),
        }
        clock_file = self.directory / f"{role.name}.clock"
        member = Member(
            role,
            self.directory,
            config=config,
            command=lambda words: self.network.command(role.name, words),
            wall_clock=None if library is None else WallClock(library, clock_file),
        )
        self._stack.callback(member.kill)
        member.start()
        self.members.append(member)

    # --- looking --------------------------------------------------------------------------------

    def find(self, kind: str) -> list[Member]:
        """Give the members of a kind that run."""
        return [m for m in self.members if m.role.kind == kind and m.is_running]

    def look(self) -> None:
        """Take what the processes wrote since.

        Raises: NotReached: a process has ended by itself.
        """
        # Ordering: what a publisher read was written down before anybody could apply it.
        applied_first = sorted(self.members, key=lambda member: member.role.kind == "publisher")
        lines = [(member, *found) for member in applied_first for found in member.read()]
        lines.sort(key=lambda found: found[2]["kind"] != "read")
        for member, life, line in lines:
            self.audit.take(member, member.role.source, life, line)
        for member in self.members:
            code = member.ended_by_itself()
            if code is not None:
                raise NotReached(
                    f"{member.name} ended by itself, exit {code}: {member.last_word()}"
                )

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Look again and again until a condition holds.

        Raises: NotReached: it does not within so many seconds.
        """
        end = time.monotonic() + seconds
        while True:
            self.look()
            if condition():
                return
            if time.monotonic() >= end:
                raise NotReached(f"not within {seconds:g} s: {what}")
            self._pause.wait(PACE)

    def pass_versions(self, count: int) -> None:
        """Wait until the cloud has moved on by so many versions."""
        target = self.cloud.version + count
        self.wait(lambda: self.cloud.version >= target, START_SECONDS, "the cloud moves")

    def converge(self, seconds: float = CONVERGE_SECONDS) -> tuple[float, float]:
        """Let the cloud stand, and wait until all have what it has; then let it move.

        Shapes: seconds until all subscribers are live, fresh and equal to it; and until the
            engine's answers are.
        Raises: NotReached: not within so many seconds.
        """
        self.cloud.stand()
        goal = Convergence(
            self.audit,
            [member.name for member in self.members if member.role.kind == "subscriber"],
            list(self.plan.publishers),
            version=self.cloud.version,
            since=time.monotonic(),
        )
        try:
            self.wait(goal.look, seconds, "all converge")
        except NotReached as error:
            raise NotReached(f"{error}; {goal.lacking()}") from None
        begin = time.monotonic()
        self.wait(lambda: self._is_complete(begin), START_SECONDS, "all have the broker again")
        self.cloud.move()
        return goal.seconds()

    def _is_complete(self, since: float) -> bool:
        """Tell whether every node says that it has the broker."""
        return all(self.audit.is_back(member, member.life, since) for member in self.members)
