"""All short schedules of one publisher and one subscriber: not a sample of them, every one.

From a few beginnings, each order of publishing, restarting, delivering, repeating, losing,
answering and waiting is tried to a depth; after each step the subscriber has exactly what was
published at its position, and after each schedule the network is well again and it converges.
"""

from __future__ import annotations

import copy
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from congress_dist.clock import new_random
from congress_dist.protocol.effects import Apply, Effect, RequestSync, Send
from congress_dist.protocol.messages import Delta, Heartbeat, SyncReply, SyncRequest
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.published_table import Published, TableResult
from congress_dist.protocol.publisher import Identity, Publisher
from congress_dist.protocol.stream import READY, Epoch, Position
from congress_dist.protocol.subscriber import Subscriber
from congress_dist.row import Row, encode_row

DEPTH = int(os.environ.get("EXHAUSTIVE_DEPTH", "4"))
"""Deeper by hand: `make exhaustive DEPTH=6`; each step takes about six times as long."""
NEAR = 2
"""Messages under way that may arrive, or be lost, before the others."""
OPTIONS = DseOptions(log_transactions=1)
Action = tuple[str, int]


@dataclass
class Scene:
    """Both machines, what is under way between them, and the truth."""

    publisher: Publisher
    subscriber: Subscriber
    now: float = 100.0
    rows: frozenset[Row] = frozenset()
    casts: list[Delta | Heartbeat] = field(default_factory=list)
    requests: list[RequestSync] = field(default_factory=list)
    replies: list[SyncReply] = field(default_factory=list)
    truth: dict[Position, frozenset[Row]] = field(default_factory=dict)
    held: set[Row] = field(default_factory=set)
    written: int = 0
    restarts: int = 0

    def actions(self) -> Iterator[Action]:
        """Give what can happen next."""
        if self.written < 3:
            yield "publish", 0
        if self.restarts < 1:
            yield "restart", 0
        for index in range(min(NEAR, len(self.casts))):
            yield "deliver", index
            yield "lose", index
        if self.casts:
            yield "repeat", 0
        if self.requests:
            yield "serve", 0
            yield "refuse", 0
        if self.replies:
            yield "reply", 0
            yield "lose reply", 0
        yield "wait", 0

    def act(self, action: Action) -> None:
        """Let it happen, and see that the subscriber has what was published."""
        name, index = action
        if name == "publish":
            self.written += 1
            self.read(self.rows ^ {encode_row((self.written,))})
        elif name == "restart":
            self.restarts += 1
            self.restart()
        elif name in ("deliver", "repeat"):
            message = self.casts[index] if name == "repeat" else self.casts.pop(index)
            self.take(self.subscriber.on_message(message, self.now))
        elif name == "lose":
            self.casts.pop(index)
        elif name == "serve":
            self.serve(self.requests.pop(0))
        elif name == "refuse":
            number = self.requests.pop(0).message.request
            self.take(self.subscriber.on_failure(number, self.now))
        elif name == "reply":
            self.take(self.subscriber.on_answer(self.replies.pop(0), self.now))
        elif name == "lose reply":
            self.replies.pop(0)
        else:
            self.wait(0.6)

    def read(self, rows: frozenset[Row]) -> None:
        self.rows = rows
        self.send(self.publisher.publish({"servers": TableResult(rows, READY)}, self.now))

    def restart(self) -> None:
        self.requests.clear()
        self.publisher = make_publisher(Epoch(self.publisher.epoch + 1), self.now)
        self.send(self.publisher.on_tick(self.now))

    def serve(self, request: RequestSync) -> None:
        message = request.message
        assert isinstance(message, SyncRequest)  # the answers are of one piece
        self.replies.append(self.publisher.on_sync(message, self.now))

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.send(self.publisher.on_tick(self.now))
        self.take(self.subscriber.on_tick(self.now))

    def send(self, effects: list[Effect]) -> None:
        if self.publisher.seq:
            position = Position(self.publisher.epoch, self.publisher.seq)
            is_read = self.publisher.states()["servers"].kind != "unread"
            self.truth[position] = self.publisher.rows("servers") if is_read else frozenset()
        self.casts += [effect.message for effect in effects if isinstance(effect, Send)]

    def take(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, RequestSync):
                self.requests.append(effect)
            elif isinstance(effect, Apply):
                change = effect.transaction.tables.get("servers")
                if change is not None:
                    assert change.removed <= self.held
                    assert not change.added & self.held
                    self.held = (self.held - change.removed) | change.added
        self.subscriber.check()
        position = self.subscriber.position
        if position is not None:
            table = self.subscriber.holding.tables.get("servers")
            at = position if table is None else table.read_position or position
            assert self.held == self.truth[at]

    def heal(self) -> None:
        """Let the network be well, and everything that was published arrive."""
        self.read(self.rows)
        for _ in range(40):
            while self.casts:
                self.act(("deliver", 0))
            while self.requests or self.replies:
                if self.requests:
                    self.act(("serve", 0))
                if self.replies:
                    self.act(("reply", 0))
            if self.subscriber.is_live and self.held == self.rows:
                return
            self.wait(0.6)
        raise AssertionError("it does not come to the publisher's rows")


def make_publisher(epoch: Epoch, now: float) -> Publisher:
    return Publisher(
        Identity("nova", "ds1", f"incarnation-{epoch}", epoch),
        {"servers": Published("v1")},
        options=OPTIONS,
        beats=itertools.count(1),
        rng=new_random(1),
        now=now,
    )


def fresh() -> Scene:
    subscriber = Subscriber("nova", options=OPTIONS, rng=new_random(2), now=100.0)
    subscriber.want(("servers",), 100.0)
    scene = Scene(make_publisher(Epoch(1), 100.0), subscriber)
    scene.send(scene.publisher.on_tick(scene.now))
    return scene


def live() -> Scene:
    scene = fresh()
    scene.read(frozenset({encode_row((0,))}))
    scene.heal()
    return scene


def behind() -> Scene:
    """Two transactions went by, and a log of one does not lead to them."""
    scene = live()
    for number in (11, 12):
        scene.read(scene.rows | {encode_row((number,))})
    scene.casts = scene.casts[-1:]
    return scene


def restarted() -> Scene:
    scene = live()
    scene.act(("restart", 0))
    return scene


@pytest.mark.parametrize("begin", [fresh, live, behind, restarted], ids=lambda f: f.__name__)
def test_every_short_schedule_keeps_the_promises(begin: object) -> None:
    assert callable(begin)
    tried = 0
    pending: list[tuple[Scene, tuple[Action, ...]]] = [(begin(), ())]
    while pending:
        scene, past = pending.pop()
        for action in scene.actions():
            following = copy.deepcopy(scene)
            try:
                following.act(action)
                if len(past) + 1 < DEPTH:
                    pending.append((following, (*past, action)))
                else:
                    following.heal()
                    tried += 1
            except AssertionError as error:
                raise AssertionError(f"{begin.__name__}, then {[*past, action]}") from error
    assert tried > 100
