"""Everybody, the network between them, and what happens to them."""

# ruff: noqa: S101 - the assertions are the purpose

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

from congress_dist.clock import Random
from congress_dist.errors import NotFound
from congress_dist.protocol.codec import decode, encode
from congress_dist.protocol.effects import RequestSync
from congress_dist.protocol.lease import LeaseCall
from congress_dist.protocol.messages import Chunk, Delta, Heartbeat, Message, SyncAnswer, SyncReply
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import READY, Epoch, TableState, failing, unavailable
from congress_dist.row import encode_row

from .faults import CALM, Faults
from .lease_database import LeaseDatabase
from .publisher_node import PublisherNode
from .subscriber_node import SubscriberNode
from .timeline import Process, Timeline
from .truth import Truth

TABLES = ("servers", "ports", "users")
_ROWS = 8
"""Rows that a table of the source may have."""
_PADDINGS = (0, 0, 200)
"""Characters in a row: with long rows an answer outweighs what happened since."""
_MAX_AGES = (None, 1.0, 3.0)
_FLAPS = 0.3
"""Part of the changes that take the one before back."""
_STATES = (READY, READY, READY, failing("timeout"), unavailable("no service"))
LATEST = 8.0
"""Seconds that a late message takes at most."""
_POLICY = "policy"
"""Where lease calls go, as a name in partitions."""
_M = TypeVar("_M")


def garbled(reply: SyncReply) -> SyncReply:
    """Give an answer with another row, if it has any."""
    if not isinstance(reply, SyncAnswer | Chunk):
        return reply
    for name, changes in sorted(reply.rows.items()):
        if changes.added:
            other = (encode_row((77,)), *sorted(changes.added)[1:])
            return replace(reply, rows={**reply.rows, name: replace(changes, added=other)})
    return reply


class Listener(Protocol):
    """A process on the stream's topic."""

    def hear(self, message: Delta | Heartbeat) -> None:
        """Take a message of the stream."""
        ...


class World:
    """One stream, its publishers and subscribers, a database, and the faults among them.

    Everything that is random is drawn from `rng`: the same generator gives the same run.
    """

    source_name = "nova"

    def __init__(self, rng: Random, faults: Faults, options: DseOptions) -> None:
        self.rng = rng
        self._slow = faults.slow
        self.rates = faults.rates
        self.options = options
        self.uses_codec = rng.random() < 0.1
        self.taken: Counter[str] = Counter()
        self.numbers = itertools.count(1)
        self.timeline = Timeline()
        self.truth = Truth()
        self.offsets: dict[str, float] = {}
        """How the clock of each incarnation stands beside that of the world."""
        self.read_at: dict[tuple[str, str], float] = {}
        """When an incarnation looked at a table's source last."""
        self.was_restored = False
        self.was_garbled = False
        self.max_age = rng.choice(_MAX_AGES)
        padding = "x" * rng.choice(_PADDINGS)
        self._rows = [encode_row((i, padding)) for i in range(_ROWS)]
        self.source = {name: frozenset(self._rows[:3]) for name in TABLES}
        self.source_states: dict[str, TableState] = dict.fromkeys(TABLES, READY)
        self._changed_last = (TABLES[0], self._rows[0])
        self.database = LeaseDatabase(self._heard_epoch)
        self.publishers: list[PublisherNode] = []
        self.subscribers: list[SubscriberNode] = []
        self._owner_by_epoch: dict[Epoch, str] = {}
        self._cut: dict[tuple[str, str], float] = {}
        self._lost_until = 0.0
        self.knows_nothing_until = 0.0
        """Until then lease calls are answered by a policy service that has just started."""

    @property
    def now(self) -> float:
        """Give the virtual time."""
        return self.timeline.now

    @property
    def faults(self) -> int:
        """Give how many faults have happened."""
        return sum(count for name, count in self.taken.items() if name.startswith("fault "))

    def happens(self, fault: str) -> bool:
        """Draw whether a fault happens, and count it."""
        rate = self.rates.get(fault)
        if rate is None or self.rng.random() >= rate:
            return False
        self.taken[f"fault {fault}"] += 1
        return True

    # --- processes ------------------------------------------------------------------------------

    def start_publisher(self, *, replaces: str | None = None) -> PublisherNode:
        """Start a process that publishes as soon as it gets the lease."""
        tables = dict.fromkeys(TABLES, "v1")
        if self.happens("other_schema"):
            name = self.rng.choice(TABLES)
            if self.rng.random() < 0.5:
                del tables[name]
            else:
                tables[name] = f"v{next(self.numbers)}"
        name = f"publisher {next(self.numbers)}"
        node = PublisherNode(self, name, tables, replaces=replaces)
        node.loses_first = self.happens("lose_first")
        self.publishers.append(node)
        return node

    def start_subscriber(self, wanted: set[str]) -> SubscriberNode:
        """Start a process that subscribes."""
        node = SubscriberNode(self, f"subscriber {next(self.numbers)}", wanted)
        self.subscribers.append(node)
        return node

    def on_granted(self, incarnation: str, epoch: Epoch) -> None:
        """See that no other incarnation was ever granted an epoch: it is the fencing token.

        Grants may arrive in another order than they were made: a process may have been paused.
        """
        owner = self._owner_by_epoch.setdefault(epoch, incarnation)
        assert self.was_restored or owner == incarnation, "an epoch twice"
        self.taken["granted"] += 1

    @property
    def owners(self) -> list[PublisherNode]:
        """Give the processes that publish, or believe that they may."""
        return [node for node in self.publishers if node.stream.epoch is not None]

    def _heard_epoch(self, owner: str) -> int:
        """Give what the policy service that takes a call has heard: one of the subscribers."""
        if not self.subscribers or self.now < self.knows_nothing_until:
            return 0
        return self.rng.choice(self.subscribers).machine.heard.newest(besides=owner)

    # --- the source -----------------------------------------------------------------------------

    def change_source(self) -> None:
        """Change a row, and perhaps whether a table can be read."""
        if self.rng.random() >= _FLAPS:
            self._changed_last = (self.rng.choice(TABLES), self.rng.choice(self._rows))
        name, row = self._changed_last
        self.source[name] = self.source[name] ^ {row}
        if self.rng.random() < 0.2:
            self.source_states[self.rng.choice(TABLES)] = self.rng.choice(_STATES)

    # --- the network ----------------------------------------------------------------------------

    def cut(self, sender: str, receiver: str, seconds: float) -> None:
        """Let nothing pass from one process to another for a while."""
        self._cut[sender, receiver] = self.now + seconds

    def lose_all(self, seconds: float) -> None:
        """Lose what is sent during the next while."""
        self._lost_until = self.now + seconds

    def cast(self, sender: PublisherNode, message: Delta | Heartbeat) -> None:
        """Carry a message to every subscriber and to every other publisher of the stream."""
        for node in self.subscribers:
            self._cast_to(node, node, sender, message)
        for rival in self.publishers:
            if rival is not sender:
                self._cast_to(rival, rival, sender, message)

    def request(self, subscriber: SubscriberNode, effect: RequestSync, asked: int) -> None:
        """Carry a call to one incarnation, and its reply or failure back."""
        if self._is_lost(subscriber.name, effect.incarnation.partition("/")[0]):
            return  # nobody says so: the machine's own timeout must notice
        self.timeline.after(self._delay(), partial(self._serve, subscriber, effect, asked))

    def lease_call(
        self,
        node: PublisherNode,
        call: LeaseCall,
        answered: Callable[[Mapping[str, Any] | None], None],
    ) -> None:
        """Carry a lease call to the policy service; None is its failure."""
        if self._is_lost(node.name, _POLICY):
            return
        self.timeline.after(
            self._delay() + self.database.delay,
            partial(self._serve_lease, node, call, answered, is_late=self.database.delay > 0),
        )

    def carried(self, message: _M) -> _M:
        """Give a message as it arrives: in some runs through the codec."""
        if not self.uses_codec:
            return message
        assert isinstance(message, Message)
        carried = decode(encode(message))
        assert type(carried) is type(message)
        return carried

    def _cast_to(
        self,
        process: Process,
        listener: Listener,
        sender: PublisherNode,
        message: Delta | Heartbeat,
    ) -> None:
        for _ in range(2 if self.happens("duplicate") else 1):
            self._carry(sender.name, process, partial(self._hear, listener, message))

    def _hear(self, node: Listener, message: Delta | Heartbeat) -> None:
        node.hear(self.carried(message))

    def _serve(self, subscriber: SubscriberNode, effect: RequestSync, asked: int) -> None:
        for node in self.publishers:
            if node.incarnation == effect.incarnation:
                node.stimulate(partial(self._answer, subscriber, node, effect, asked))
                return
        failure = partial(subscriber.take_failure, effect.message.request, asked)
        self.timeline.after(self._delay(), partial(subscriber.stimulate, failure))

    def _answer(
        self, subscriber: SubscriberNode, node: PublisherNode, effect: RequestSync, asked: int
    ) -> None:
        try:
            reply: SyncReply = self.carried(node.answer(effect))
        except NotFound:
            job = partial(subscriber.take_failure, effect.message.request, asked)
        else:
            if self.happens("garble"):
                self.was_garbled = True
                reply = garbled(reply)
            job = partial(subscriber.take_answer, reply, asked)
        for _ in range(2 if self.happens("duplicate") else 1):
            self._carry(node.name, subscriber, job)

    def _serve_lease(
        self,
        node: PublisherNode,
        call: LeaseCall,
        answered: Callable[[Mapping[str, Any] | None], None],
        *,
        is_late: bool,
    ) -> None:
        if self.database.is_away:
            self.taken["lease call refused"] += 1
            answer = None
        else:
            answer = self.database.carry_out(call.method, call.arguments)
            self.taken["lease call late"] += is_late
        self._carry(_POLICY, node, partial(answered, answer))

    def _carry(self, sender: str, receiver: Process, job: Callable[[], None]) -> None:
        if not self._is_lost(sender, receiver.name):
            self.timeline.after(self._delay(), partial(receiver.stimulate, job))

    def _is_lost(self, sender: str, receiver: str) -> bool:
        if self.now < self._lost_until or self.now < self._cut.get((sender, receiver), 0.0):
            self.taken["lost to a cut"] += 1
            return True
        return self.happens("drop")

    def _delay(self) -> float:
        if self.happens("late"):
            return self.rng.uniform(1.0, LATEST)
        return self.rng.random() * self._slow

    # --- the end of the faults ------------------------------------------------------------------

    def heal(self) -> None:
        """End all faults."""
        self._slow, self.rates = CALM.slow, CALM.rates
        self._cut.clear()
        self._lost_until = self.knows_nothing_until = 0.0
        self.database.is_away = False
        self.database.delay = 0.0
        for process in tuple(self.timeline.processes):
            process.resume()
