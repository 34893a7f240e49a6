"""The base of every process: hosts services on the bus and carries out what the protocol's state
machines say.

Threads: the loop takes messages and ticks; the outbox sends; the delivery calls listeners; workers
wait for answers to syncs and lease calls; one more runs the services' callbacks; the transport's
own threads serve calls. None waits for another's work but the callers of `call`.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .byte_queue import ByteQueue
from .calls import CallClient, CallServer, answer_bytes
from .clock import Clock, new_random
from .codec import decode, encode
from .delivery import Delivery
from .effects import Alarm, Effect, RequestSync
from .errors import CongressError, InvalidRequest, NotFound, TransportError, UnreadableMessage
from .lease import LeaseCall
from .membership import Membership, Peer
from .messages import (
    Chunk,
    ChunkRequest,
    Delta,
    Heartbeat,
    SnapshotGone,
    SyncAnswer,
    SyncBusy,
    SyncNotYet,
    SyncRequest,
)
from .options import DseOptions
from .outbox import HEARTBEATS, Outbox, stream_topic
from .presence import Presence
from .publisher import Published, TableResult
from .rate_limit import RateLimit
from .schema import TableSchema
from .service import Service
from .source_feed import FeedTools, SourceFeed, Subscription
from .source_status import SourceStatus, TableStatus
from .stream import Epoch, Transaction
from .stream_publisher import StreamPublisher, StreamSpec, StreamTools
from .subscriber import Subscriber
from .transport import Listener, Transport
from .workers import Workers

__all__ = [
    "DseNode",
    "SourceStatus",
    "StreamPublisher",
    "Subscription",
    "TableResult",
    "TableStatus",
]

LOG = logging.getLogger(__name__)
NODE_TOPIC = "node"
POLICY_TOPIC = "policy"
_ALIVE_WITHIN = 5.0
_LONGEST_WAIT = 1.0
"""The loop looks around at least this often, so that `is_alive` says something."""
_STOP_TIMEOUT = 2.0
_ATTACH_AGAIN = 1.0
_SYNC_REPLIES = (SyncAnswer, SyncNotYet, SyncBusy, Chunk, SnapshotGone)
Job = Callable[[], None]


class DseNode:
    """One process on the bus.

    Lifecycle: `start` once, `stop` once or more. The transport is the caller's: it outlives the
        node.
    """

    def __init__(
        self,
        *,
        node_id: str,
        incarnation: str,
        services: Sequence[Service],
        transport: Transport,
        options: DseOptions,
        clock: Clock,
        replaces: str | None = None,
    ) -> None:
        self.node_id = node_id
        self.incarnation = incarnation
        self.services = tuple(services)
        self.options = options
        self.clock = clock
        self._replaces = replaces
        self._transport = transport
        self._rng = new_random()
        self._beats = itertools.count(1)
        self._log_limit = RateLimit(clock)
        self._lock = threading.RLock()
        self._streams: dict[str, StreamPublisher] = {}
        self._feeds: dict[str, SourceFeed] = {}
        self._feed_listeners: dict[str, list[Listener]] = {}
        self._subscriptions: dict[tuple[str, Any], Subscription] = {}
        self._wants: Mapping[str, tuple[str, ...]] = {}
        self._listeners: list[Listener] = []
        self._servers: list[Listener] = []
        self._unattached: list[tuple[float, Job]] = []
        self._counters: Counter[str] = Counter()
        self._inbox: ByteQueue[Job] = ByteQueue(options.buffer_bytes)
        self._membership = Membership(options)
        self._outbox = Outbox(
            transport.publish, max_bytes=options.outbox_bytes, log_limit=self._log_limit
        )
        self._delivery = Delivery(clock, self._on_listener_failure)
        self._workers = Workers("dse-worker", options.worker_threads)
        self._callbacks = Workers("dse-callback", 1)
        self._calls = CallClient(transport, options=options, clock=clock, rng=self._rng)
        self._presence = Presence(
            node_id,
            incarnation,
            options=options,
            beats=self._beats,
            rng=self._rng,
            now=clock.monotonic(),
        )
        self._feed_tools = FeedTools(
            clock=clock,
            delivery=self._delivery,
            request=self._request,
            wants_changed=self._on_wants,
            closed=self._on_closed,
            log_limit=self._log_limit,
        )
        self._progress_at = clock.monotonic()
        self._is_stopping = False
        self._loop = threading.Thread(target=self._run, name="dse-loop", daemon=True)

    # --- lifecycle ------------------------------------------------------------------------------

    def start(self) -> None:
        """Join the bus and start the services; whoever else is missing is waited for in the
        background.
        """
        self._outbox.start()
        self._delivery.start()
        self._loop.start()
        self._attach(
            self._servers,
            lambda: self._transport.serve(NODE_TOPIC, self.incarnation, self._answer_node),
        )
        self._attach(
            self._listeners,
            lambda: self._transport.listen(HEARTBEATS, self.incarnation, self._receive),
        )
        for service in self.services:
            service.start(self)
            self._serve(service)

    def stop(self) -> None:
        """Stop the services, release the leases, say goodbye and leave the bus; idempotent."""
        with self._lock:
            if self._is_stopping:
                return
            self._is_stopping = True
            streams = list(self._streams.values())
            subscriptions = list(self._subscriptions.values())
        _stop_all(self._servers)
        for service in reversed(self.services):
            self._guard(service.stop, f"stop of {service.name}")
        self._calls.stop()
        for stream in streams:
            self._release(stream)
        published = {stream.name for stream in streams}
        silent = [s.name for s in self.services if s.name not in published]
        for heartbeat in self._presence.stop(silent, self.clock.monotonic()):
            self._outbox.put(heartbeat, 0)
        self._outbox.stop(_STOP_TIMEOUT)
        for subscription in subscriptions:
            subscription.stop()
        _stop_all(self._listeners)
        self._inbox.close()
        if self._loop.is_alive() and threading.current_thread() is not self._loop:
            self._loop.join(_STOP_TIMEOUT)
        self._delivery.stop(_STOP_TIMEOUT)
        self._workers.stop(_STOP_TIMEOUT)
        self._callbacks.stop(_STOP_TIMEOUT)

    def is_alive(self) -> bool:
        """Tell whether the loop made progress in the last few seconds."""
        is_recent = self.clock.monotonic() - self._progress_at < _ALIVE_WITHIN
        return self._loop.is_alive() and is_recent

    # --- what services use ----------------------------------------------------------------------

    def call(
        self,
        topic: str,
        method: str,
        *,
        timeout: float = 10.0,
        server: str | None = None,
        repeat: bool = False,
        **arguments: Any,
    ) -> Any:
        """Call a method of a service and give its answer.

        Shapes: arguments and answers are plain values; tuples arrive as lists.
        Promises: carried out at most once, unless `repeat` says that repeating it is safe.
        Raises: ServiceUnavailable: nobody answered. DeadlineExceeded: not within `timeout`.
            CongressError: as the method raised it.
        """
        return self._calls.call(
            topic, method, arguments, timeout=timeout, server=server, repeat=repeat
        )

    def publish_stream(
        self,
        name: str,
        schemas: Mapping[str, TableSchema],
        *,
        max_age: Mapping[str, float | None],
        on_granted: Callable[[Epoch], None],
        on_lost: Callable[[str], None],
    ) -> StreamPublisher:
        """Become the publisher of a stream, or a candidate while another is.

        Promises: returns at once; `on_granted` and `on_lost` are called in order, in a thread of
            their own, each grant with a higher epoch, which begins without rows.
        """
        tables = {
            table: Published(schema.version, max_age.get(table))
            for table, schema in schemas.items()
        }
        tools = StreamTools(
            node_id=self.node_id,
            incarnation=self.incarnation,
            options=self.options,
            clock=self.clock,
            rng=self._rng,
            beats=self._beats,
            outbox=self._outbox,
            call=self._call_lease,
            callback=self._callbacks.submit,
            wants=lambda: self._wants,
        )
        spec = StreamSpec(name, tables, on_granted, on_lost)
        with self._lock:
            if name in self._streams and not self._streams[name].is_stopped:
                raise InvalidRequest(f"this node publishes stream {name!r} already", stream=name)
            stream = self._streams[name] = StreamPublisher(spec, tools, self._replaces)
        self._wake()
        return stream

    def subscribe(
        self, source: str, tables: Iterable[str], listener: Callable[[Transaction], None]
    ) -> Subscription:
        """Have tables of a source handed to a listener, now and whenever they change.

        Promises: again with the same source and listener adds the tables and gives the same
            subscription. The listener is called in one thread, in order; if it raises it is told
            again later, in one transaction with what came meanwhile.
        """
        wanted = frozenset(tables)
        with self._lock:
            known = self._subscriptions.get((source, listener))
        if known is not None and not known.is_stopped:
            known.want(known.tables | wanted)
            return known
        while True:
            feed = self._get_or_open_feed(source)
            subscription = Subscription(feed, self._delivery, listener)
            with self._lock:
                self._subscriptions[source, listener] = subscription
            if feed.add(subscription, wanted):
                return subscription

    def heard_epoch(self, name: str) -> int:
        """Give the newest epoch heard of a stream, 0 for none."""
        with self._lock:
            return self._membership.heard_epoch(name)

    def peers(self) -> list[Peer]:
        """Give the services that were heard lately."""
        with self._lock:
            return self._membership.alive(self.clock.monotonic())

    def counters(self) -> dict[str, int]:
        """Give how often what went wrong, since the start."""
        return {
            **self._counters,
            "inbox_dropped": self._inbox.dropped,
            "outbox_dropped": self._outbox.dropped,
            "outbox_failed": self._outbox.failed,
        }

    # --- the loop -------------------------------------------------------------------------------

    def wake(self) -> None:
        """Let every thread look at the clock again; for a clock that does not run by itself."""
        self._wake()
        self._delivery.wake()

    def _run(self) -> None:
        while not self._inbox.is_finished:
            self._progress_at = now = self.clock.monotonic()
            wait = min(_LONGEST_WAIT, max(0.0, self._next_due() - now))
            job = self._inbox.get(wait)
            if job is not None:
                self._guard(job, "a message")
            self._guard(self._tick, "a tick")

    def _next_due(self) -> float:
        with self._lock:
            due = [self._presence.next_tick]
            due += [stream.next_tick for stream in self._streams.values()]
            due += [feed.next_tick for feed in self._feeds.values()]
            due += [again for again, _ in self._unattached]
        return min(due)

    def _tick(self) -> None:
        with self._lock:
            streams, feeds = list(self._streams.values()), list(self._feeds.values())
        for stream in streams:
            stream.tick()
        for feed in feeds:
            feed.tick()
        published = {stream.name for stream in streams if stream.epoch is not None}
        silent = [s.name for s in self.services if s.name not in published]
        now = self.clock.monotonic()
        self._attach_again(now)
        for heartbeat in self._presence.on_tick(silent, self._wants, now):
            self._outbox.put(heartbeat, 0)

    def _wake(self) -> None:
        self._inbox.put(_nothing)

    def _receive(self, payload: bytes) -> None:
        """Take a cast from the transport's thread."""
        self._inbox.put(lambda: self._on_payload(payload), len(payload))

    def _on_payload(self, payload: bytes) -> None:
        try:
            message = decode(payload)
        except UnreadableMessage as error:
            reason = str(error.fields.get("reason"))
            self._counters[f"unreadable_{reason}"] += 1
            if self._log_limit.allows(f"unreadable {reason}"):
                LOG.warning("a message was dropped bytes=%d: %s", len(payload), error)
            return
        if not isinstance(message, Delta | Heartbeat):
            self._counters["unexpected"] += 1
            return
        if isinstance(message, Heartbeat):
            self._on_heartbeat(message)
        with self._lock:
            feed = self._feeds.get(message.service)
        if feed is not None:
            feed.step(lambda machine, now: machine.on_message(message, now))

    def _on_heartbeat(self, heartbeat: Heartbeat) -> None:
        now = self.clock.monotonic()
        with self._lock:
            effects = self._membership.on_heartbeat(heartbeat, now)
            stream = self._streams.get(heartbeat.service)
        self._tell(effects)
        if stream is not None and heartbeat.epoch is not None:
            stream.on_heard(heartbeat.epoch, heartbeat.incarnation)

    def _tell(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Alarm) and self._log_limit.allows(effect.text):
                LOG.error("%s %s", effect.text, dict(effect.fields))

    # --- subscribing ----------------------------------------------------------------------------

    def _get_or_open_feed(self, source: str) -> SourceFeed:
        with self._lock:
            known = self._feeds.get(source)
            if known is not None:
                return known
            machine = Subscriber(
                source, options=self.options, rng=self._rng, now=self.clock.monotonic()
            )
            feed = self._feeds[source] = SourceFeed(machine, self._feed_tools)
            listeners = self._feed_listeners[source] = []
        topic = stream_topic(source)
        self._attach(
            listeners, lambda: self._transport.listen(topic, self.incarnation, self._receive)
        )
        return feed

    def _on_wants(self, feed: SourceFeed, wanted: tuple[str, ...]) -> None:
        with self._lock:
            self._wants = {**self._wants, feed.source: wanted}
        self._wake()

    def _on_closed(self, feed: SourceFeed) -> None:
        with self._lock:
            del self._feeds[feed.source]
            listeners = self._feed_listeners.pop(feed.source)
            self._wants = {s: wanted for s, wanted in self._wants.items() if s != feed.source}
            self._subscriptions = {
                key: subscription
                for key, subscription in self._subscriptions.items()
                if not subscription.is_stopped
            }
        # Not here: the handler may be waiting for the feed's lock, which is held now.
        self._workers.submit(lambda: _stop_all(listeners))

    def _request(self, feed: SourceFeed, request: RequestSync) -> None:
        self._workers.submit(lambda: self._fetch(feed, request))

    def _fetch(self, feed: SourceFeed, request: RequestSync) -> None:
        """Call a publisher and hand the machine its reply; in a worker's thread."""
        number = request.message.request
        try:
            payload = self._transport.call(
                NODE_TOPIC,
                encode(request.message),
                timeout=self.options.sync_timeout,
                server=request.incarnation,
            )
            reply = decode(payload)
        except CongressError as error:
            LOG.debug("a sync failed source=%s error=%s", feed.source, error)
            feed.step(lambda machine, now: machine.on_failure(number, now))
        else:
            if isinstance(reply, _SYNC_REPLIES):
                feed.step(lambda machine, now: machine.on_answer(reply, now))
            else:
                feed.step(lambda machine, now: machine.on_failure(number, now))
        self._wake()

    def _on_listener_failure(self, source: str) -> None:
        with self._lock:
            feed = self._feeds.get(source)
        if feed is not None:
            feed.count("listener_failed")

    # --- publishing and leases ------------------------------------------------------------------

    def _answer_node(self, payload: bytes) -> bytes:
        """Answer a subscriber's call; in a thread of the transport."""
        request = decode(payload)
        if not isinstance(request, SyncRequest | ChunkRequest):
            raise InvalidRequest(f"a node answers no {type(request).__name__}")
        with self._lock:
            stream = self._streams.get(request.service)
        if stream is None:
            raise NotFound(f"stream {request.service!r} is not published here")
        return encode(stream.answer(request))

    def _call_lease(self, stream: StreamPublisher, call: LeaseCall) -> None:
        self._workers.submit(lambda: self._ask_lease(stream, call))

    def _ask_lease(self, stream: StreamPublisher, call: LeaseCall) -> None:
        """Make a lease call and hand the machine its answer; in a worker's thread."""
        sent = self.clock.monotonic()
        try:
            answer = self._lease_call(call, self.options.lease_call_timeout)
        except CongressError as error:
            if self._log_limit.allows(f"lease {stream.name}"):
                LOG.info("waiting for the policy service stream=%s error=%s", stream.name, error)
            stream.on_lease_failure()
        else:
            stream.on_lease_answer(call, answer, sent)
        self._wake()

    def _lease_call(self, call: LeaseCall, timeout: float) -> Any:
        # Every lease call may be repeated: acquiring what is ours changes nothing, nor does
        # releasing twice.
        return self._calls.call(
            POLICY_TOPIC, call.method, call.arguments, timeout=timeout, server=None, repeat=True
        )

    def _release(self, stream: StreamPublisher) -> None:
        call = stream.end()
        if call is None:
            return
        try:
            self._lease_call(call, _STOP_TIMEOUT)
        except CongressError as error:
            LOG.info("a lease was not released stream=%s error=%s", stream.name, error)

    # --- serving --------------------------------------------------------------------------------

    def _serve(self, service: Service) -> None:
        methods = service.methods()
        if not methods:
            return
        _, _, instance = service.name.partition("@")
        server = CallServer(service.name, methods, self.clock)
        self._attach(
            self._servers,
            lambda: self._transport.serve(
                service.topic,
                instance or self.incarnation,
                lambda payload: answer_bytes(server, payload),
            ),
        )

    def _attach(self, attached: list[Listener], attach: Callable[[], Listener]) -> None:
        """Attach a handler to the bus; while the bus is away, again and again by the loop."""
        if self._is_stopping:
            return
        try:
            listener = attach()
        except TransportError as error:
            if self._log_limit.allows("attach"):
                LOG.warning("the bus is away; trying again error=%s", error)
            again = self.clock.monotonic() + _ATTACH_AGAIN
            with self._lock:
                self._unattached.append((again, lambda: self._attach(attached, attach)))
            self._wake()
            return
        with self._lock:
            attached.append(listener)
            is_late = self._is_stopping
        if is_late:
            listener.stop()

    def _attach_again(self, now: float) -> None:
        with self._lock:
            jobs = [job for due, job in self._unattached if now >= due]
            self._unattached = [(due, job) for due, job in self._unattached if now < due]
        for job in jobs:
            self._workers.submit(job)

    def _guard(self, job: Job, what: str) -> None:
        try:
            job()
        except Exception:
            self._counters["failed"] += 1
            LOG.exception("%s failed; the node goes on", what)


def _nothing() -> None:
    """Only wake the loop."""


def _stop_all(listeners: list[Listener]) -> None:
    for listener in list(listeners):
        listener.stop()
    listeners.clear()
