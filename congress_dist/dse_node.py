"""The base of every process: hosts services on the bus and carries out the protocol.

Threads: the loop takes messages and ticks; the outbox sends; the delivery calls listeners; workers
wait for answers to syncs and lease calls; one more runs the services' callbacks; the transport's
own threads serve calls. None waits for another's work but the callers of `call`.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from .attachments import Attachments
from .calls import CallClient, CallServer, answer_bytes
from .clock import Clock, new_random
from .codec import Encoder, decode
from .delivery import Delivery
from .effects import Alarm
from .errors import CongressError, InvalidRequest, NotFound, UnreadableMessage
from .lease import LeaseCall
from .membership import Membership, Peer
from .messages import ChunkRequest, Delta, Heartbeat, SyncRequest
from .node_loop import NodeLoop
from .options import DseOptions
from .outbox import HEARTBEATS, Outbox, stream_topic
from .presence import Presence
from .published_table import Published, TableResult, TableUpdate
from .rate_limit import RateLimit
from .schema import TableSchema
from .service import Service
from .source_feed import Subscription
from .source_feeds import NODE_TOPIC, SourceFeeds
from .source_status import SourceStatus, TableStatus
from .stream import Epoch, Transaction
from .stream_publisher import StreamPublisher, StreamSpec, StreamTools
from .transport import Transport
from .workers import Workers

__all__ = [
    "DseNode",
    "SourceStatus",
    "StreamPublisher",
    "Subscription",
    "TableResult",
    "TableStatus",
    "TableUpdate",
]

LOG = logging.getLogger(__name__)
POLICY_TOPIC = "policy"
_STOP_TIMEOUT = 2.0


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
        encode: Encoder | None = None,
        replaces: str | None = None,
    ) -> None:
        self.node_id = node_id
        self.incarnation = incarnation
        self.services = tuple(services)
        self.options = options
        self.clock = clock
        self._replaces = replaces
        self._transport = transport
        self._encode = encode or Encoder()
        self._rng = new_random()
        self._beats = itertools.count(1)
        self._log_limit = RateLimit(clock)
        self._lock = threading.Lock()
        self._streams: dict[str, StreamPublisher] = {}
        self._counters: Counter[str] = Counter()
        self._is_stopping = False
        self._membership = Membership(options)
        self._listeners = Attachments(clock, self._log_limit)
        self._servers = Attachments(clock, self._log_limit)
        self._loop = NodeLoop(
            clock, tick=self._tick, next_due=self._next_due, max_bytes=options.buffer_bytes
        )
        self._outbox = Outbox(
            transport.publish,
            self._encode,
            max_bytes=options.outbox_bytes,
            log_limit=self._log_limit,
        )
        self._delivery = Delivery(clock, lambda source: self._feeds.on_listener_failure(source))
        self._workers = Workers("dse-worker", options.worker_threads)
        self._callbacks = Workers("dse-callback", 1)
        self._calls = CallClient(
            transport, self._encode, options=options, clock=clock, rng=self._rng
        )
        self._feeds = self._make_feeds()
        self._presence = self._make_presence()

    # --- lifecycle ------------------------------------------------------------------------------

    def start(self) -> None:
        """Join the bus and start the services; who is missing there is waited for meanwhile."""
        self._outbox.start()
        self._delivery.start()
        self._loop.start()
        transport, me = self._transport, self.incarnation
        self._servers.add(lambda: transport.serve(NODE_TOPIC, me, self._answer_node))
        if any(service.observes_nodes for service in self.services):
            self._listeners.add(lambda: transport.listen(HEARTBEATS, me, self._receive_heartbeat))
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
        self._servers.stop()
        for service in reversed(self.services):
            self._stop_service(service)
        self._calls.stop()
        for stream in streams:
            self._release(stream)
        unpublished = self._services_besides(stream.name for stream in streams)
        for heartbeat in self._presence.stop(unpublished, self.clock.monotonic()):
            self._outbox.put(heartbeat, 0)
        self._outbox.stop(_STOP_TIMEOUT)
        self._feeds.stop()
        self._listeners.stop()
        self._loop.stop(_STOP_TIMEOUT)
        self._delivery.stop(_STOP_TIMEOUT)
        self._workers.stop(_STOP_TIMEOUT)
        self._callbacks.stop(_STOP_TIMEOUT)

    def is_alive(self) -> bool:
        """Tell whether the loop made progress in the last few seconds."""
        return self._loop.is_alive()

    def wake(self) -> None:
        """Let every thread look at the clock again; for a clock that does not run by itself."""
        self._loop.wake()
        self._delivery.wake()

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
        slow: Collection[str] = (),
        on_granted: Callable[[Epoch], None],
        on_lost: Callable[[str], None],
    ) -> StreamPublisher:
        """Become the publisher of a stream, or a candidate while another is.

        Shapes: `slow` names tables whose first read the first round shall not wait for.
        Promises: returns at once; `on_granted` and `on_lost` are called in order, in a thread of
            their own, each grant with a higher epoch, which begins without rows.
        """
        tables = {
            table: Published(schema.version, max_age.get(table), is_slow=table in slow)
            for table, schema in schemas.items()
        }
        spec = StreamSpec(name, tables, on_granted, on_lost)
        with self._lock:
            former = self._streams.get(name)
            if former is not None and not former.is_stopped:
                raise InvalidRequest(f"this node publishes stream {name!r} already", stream=name)
            past = 0 if former is None else former.newest_epoch
            tools = self._stream_tools()
            stream = StreamPublisher(spec, tools, replaces=self._replaces, past=past)
            self._streams[name] = stream
        if former is None:
            self._listen_to_rivals(name)
        self._loop.wake()
        return stream

    def subscribe(
        self, source: str, tables: Iterable[str], listener: Callable[[Transaction], None]
    ) -> Subscription:
        """Have tables of a source handed to a listener, now and whenever they change.

        Promises: again with the same source and listener adds the tables and gives the same
            subscription. The listener is called in one thread, in order; if it raises it is told
            again later, in one transaction with what came meanwhile.
        """
        return self._feeds.subscribe(source, tables, listener)

    def heard_epoch(self, name: str, *, besides: str | None = None) -> int:
        """Give the newest epoch heard of a stream from others than one incarnation, 0 for none."""
        with self._lock:
            heard = self._membership.heard_epoch(name, besides)
        return max(heard, self._feeds.heard_epoch(name, besides))

    def peers(self) -> list[Peer]:
        """Give the services that were heard lately."""
        with self._lock:
            return self._membership.alive(self.clock.monotonic())

    def counters(self) -> dict[str, int]:
        """Give how often what went wrong, since the start."""
        return {
            **self._transport.counters(),
            **self._counters,
            "steps_failed": self._loop.failures,
            "inbox_dropped": self._loop.dropped,
            "outbox_dropped": self._outbox.dropped,
            "outbox_failed": self._outbox.failed,
        }

    # --- the loop -------------------------------------------------------------------------------

    def _next_due(self) -> float:
        due = [stream.next_tick for stream in self._present_streams()]
        due += [self._presence.next_tick, self._feeds.next_tick]
        return min(*due, self._listeners.next_tick, self._servers.next_tick)

    def _tick(self) -> None:
        now = self.clock.monotonic()
        streams = self._present_streams()
        for stream in streams:
            stream.tick()
        self._feeds.tick()
        for attachments in (self._listeners, self._servers):
            if attachments.take_due(now):
                self._workers.submit(attachments.retry)
        published = (stream.name for stream in streams if stream.epoch is not None)
        unpublished = self._services_besides(published)
        for heartbeat in self._presence.on_tick(unpublished, self._feeds.wants, now):
            self._outbox.put(heartbeat, 0)

    def _receive(self, payload: bytes) -> None:
        """Take a message of a source from the transport's thread."""
        self._loop.post(lambda: self._on_source_message(payload), len(payload))

    def _receive_heartbeat(self, payload: bytes) -> None:
        """Take any service's heartbeat from the transport's thread."""
        self._loop.post(lambda: self._on_any_heartbeat(payload), len(payload))

    def _receive_from_publisher(self, payload: bytes) -> None:
        """Take a message of a stream of ours from the transport: our own, or a rival's."""
        self._loop.post(lambda: self._on_publisher_message(payload), len(payload))

    def _on_source_message(self, payload: bytes) -> None:
        message = self._decoded(payload)
        if message is not None:
            self._feeds.on_message(message)

    def _on_any_heartbeat(self, payload: bytes) -> None:
        message = self._decoded(payload)
        if isinstance(message, Heartbeat):
            self._observe(message)

    def _on_publisher_message(self, payload: bytes) -> None:
        message = self._decoded(payload)
        if message is None or message.incarnation == self.incarnation:
            return
        if isinstance(message, Heartbeat):
            self._observe(message)
        with self._lock:
            stream = self._streams.get(message.service)
        if stream is not None and message.epoch is not None:
            stream.on_heard(message.epoch, message.incarnation)

    def _decoded(self, payload: bytes) -> Delta | Heartbeat | None:
        """Read a cast; what cannot be read is counted and dropped."""
        try:
            message = decode(payload)
        except UnreadableMessage as error:
            reason = str(error.fields.get("reason"))
            self._counters[f"unreadable_{reason}"] += 1
            if self._log_limit.allows(f"unreadable {reason}"):
                LOG.warning("a message was dropped bytes=%d: %s", len(payload), error)
            return None
        if not isinstance(message, Delta | Heartbeat):
            self._counters["unexpected"] += 1
            return None
        return message

    def _observe(self, heartbeat: Heartbeat) -> None:
        """Learn who is on the bus."""
        with self._lock:
            effects = self._membership.on_heartbeat(heartbeat, self.clock.monotonic())
        for effect in effects:
            if isinstance(effect, Alarm) and self._log_limit.allows(effect.text):
                LOG.error("%s", effect)

    def _present_streams(self) -> list[StreamPublisher]:
        with self._lock:
            return list(self._streams.values())

    def _services_besides(self, published: Iterable[str]) -> list[str]:
        names = set(published)
        return [service.name for service in self.services if service.name not in names]

    def _make_feeds(self) -> SourceFeeds:
        return SourceFeeds(
            incarnation=self.incarnation,
            transport=self._transport,
            encode=self._encode,
            options=self.options,
            clock=self.clock,
            rng=self._rng,
            delivery=self._delivery,
            workers=self._workers,
            log_limit=self._log_limit,
            receive=self._receive,
            wake=self._loop.wake,
        )

    def _make_presence(self) -> Presence:
        return Presence(
            self.node_id,
            self.incarnation,
            options=self.options,
            beats=self._beats,
            rng=self._rng,
            now=self.clock.monotonic(),
        )

    # --- publishing and leases ------------------------------------------------------------------

    def _stream_tools(self) -> StreamTools:
        return StreamTools(
            node_id=self.node_id,
            incarnation=self.incarnation,
            options=self.options,
            clock=self.clock,
            rng=self._rng,
            beats=self._beats,
            outbox=self._outbox,
            call=self._call_lease,
            callback=self._callbacks.submit,
            wants=lambda: self._feeds.wants,
            wake=self._loop.wake,
            log_limit=self._log_limit,
        )

    def _listen_to_rivals(self, stream: str) -> None:
        """Hear another publisher of a stream of ours where this one speaks."""
        topic, me = stream_topic(stream), f"{self.incarnation}.publisher"
        self._listeners.add(
            lambda: self._transport.listen(topic, me, self._receive_from_publisher)
        )

    def _answer_node(self, payload: bytes) -> bytes:
        """Answer a subscriber's call; in a thread of the transport."""
        request = decode(payload)
        if not isinstance(request, SyncRequest | ChunkRequest):
            raise InvalidRequest(f"a node answers no {type(request).__name__}")
        with self._lock:
            stream = self._streams.get(request.service)
        if stream is None:
            raise NotFound(f"stream {request.service!r} is not published here")
        return self._encode(stream.answer(request))

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
        except Exception:
            # The holder waits for an answer or a failure; without either it would never renew.
            LOG.exception("a lease call broke stream=%s", stream.name)
            stream.on_lease_failure()
        else:
            stream.on_lease_answer(call, answer, sent)
        self._loop.wake()

    def _lease_call(self, call: LeaseCall, timeout: float) -> Any:
        # Each may be repeated: acquiring what is ours changes nothing, nor does releasing twice.
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
        self._servers.add(
            lambda: self._transport.serve(
                service.topic,
                instance or self.incarnation,
                lambda payload: answer_bytes(server, payload, self._encode),
            )
        )

    def _stop_service(self, service: Service) -> None:
        try:
            service.stop()
        except Exception:
            LOG.exception("a service did not stop cleanly service=%s", service.name)
