"""The base of every process: hosts services on the bus and carries out the protocol.

Threads: the loop takes messages and does what is due; the outbox sends; the delivery calls
listeners; each source and each lease waits for its answers in a lane of its own; one more thread
waits for a bus that is away, and one runs the services' callbacks; the transport's own threads
serve calls. The loop waits for none of them: what another thread works on for long is looked at
again later, and the others go on meanwhile.
"""

from __future__ import annotations

import itertools
import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from .clock import Clock, new_random
from .errors import InvalidRequest, NotFound
from .node.attachments import Attach, Attachments
from .node.call_times import CallTimes
from .node.calls import CallClient, CallServer, answer_bytes
from .node.delivery import Delivery
from .node.lease_calls import LeaseCalls
from .node.node_loop import NodeLoop
from .node.node_report import NodeReport
from .node.outbox import HEARTBEATS, Outbox, stream_topic
from .node.roll_call import RollCall
from .node.source_feed import Subscription
from .node.source_feeds import SourceFeeds
from .node.stream_publisher import StreamPublisher, StreamSpec, StreamTools
from .node.sync_calls import NODE_TOPIC, SyncCalls
from .node.worker import Worker
from .protocol.codec import Encoder
from .protocol.effects import Alarm, Count
from .protocol.membership import Membership, Peer
from .protocol.message_reader import MessageReader
from .protocol.messages import CallRequest, ChunkRequest, Delta, Heartbeat, SyncRequest
from .protocol.options import DseOptions
from .protocol.presence import Presence
from .protocol.published_table import Published, TableResult, TableUpdate
from .protocol.roll import Roll
from .protocol.source_status import SourceStatus, TableStatus
from .protocol.stream import Epoch, Transaction
from .rate_limit import RateLimit
from .schema import TableSchema
from .service import Service
from .transports.transport import Transport

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
        self._reader = MessageReader(self._log_limit)
        self._is_stopping = False
        self._membership = Membership(options)
        self._roll = Roll(options)
        self._seen: Counter[str] = Counter()
        """What membership counts; written by the loop only."""
        self._served = CallTimes()
        self._loop = NodeLoop(clock, max_bytes=options.buffer_bytes)
        self._later = Worker("dse-attach")
        self._callbacks = Worker("dse-callback")
        self._listeners = self._new_attachments()
        self._servers = self._new_attachments()
        self._outbox = Outbox(
            transport.publish,
            self._encode,
            max_bytes=options.outbox_bytes,
            log_limit=self._log_limit,
        )
        self._delivery = Delivery(
            clock,
            lambda source: self._feeds.on_listener_failure(source),
            max_bytes=options.buffer_bytes,
        )
        self._calls = CallClient(
            transport, self._encode, self._reader, options=options, clock=clock, rng=self._rng
        )
        self._leases = LeaseCalls(
            self._calls, options=options, clock=clock, log_limit=self._log_limit
        )
        self._syncs = SyncCalls(
            transport, self._encode, self._reader, at_once=options.worker_threads
        )
        self._feeds = self._make_feeds()
        self._presence = self._make_presence()
        self._presence_lock = threading.Lock()
        self._node_methods = CallServer(
            NODE_TOPIC, {"status": self.status}, clock, times=self._served
        )
        self._report = self._make_report()
        self._roll_call = RollCall(
            self._calls, clock, incarnation, self.status, stale_after=options.stale_after
        )

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
        self._loop.timetable.set(self._tell_presence, self.clock.monotonic())

    def stop(self) -> None:
        """Stop the services, release the leases, say goodbye and leave the bus; idempotent."""
        with self._lock:
            if self._is_stopping:
                return
            self._is_stopping = True
        self._servers.stop()
        for service in reversed(self.services):
            self._stop_service(service)
        self._calls.stop()
        self._leave()
        self._outbox.stop(_STOP_TIMEOUT)
        self._feeds.stop()
        self._listeners.stop()
        self._loop.stop(_STOP_TIMEOUT)
        self._delivery.stop(_STOP_TIMEOUT)
        self._syncs.stop(_STOP_TIMEOUT)
        self._later.stop(_STOP_TIMEOUT)
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
        lost_after: float = math.inf,
        **arguments: Any,
    ) -> Any:
        """Call a method of a service and give its answer.

        Shapes: arguments and answers are plain values; tuples arrive as lists.
        Units: `lost_after` is how long one try of a call with `repeat` is waited for, but the last
            one, which has all the time that is left.
        Promises: carried out at most once, unless `repeat` says that repeating it is safe.
        Raises: ServiceUnavailable: nobody answered. DeadlineExceeded: not within `timeout`.
            CongressError: as the method raised it.
        """
        return self._calls.call(
            topic,
            method,
            arguments,
            timeout=timeout,
            server=server,
            repeat=repeat,
            lost_after=lost_after,
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
        stream.start()
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

    def status(self) -> dict[str, Any]:
        """Give how this node does, as plain data; it is what other nodes are told, too."""
        return self._report.make()

    def nodes(self, *, timeout: float = 2.0) -> list[dict[str, Any]]:
        """Ask every node that was heard of how it does; for a node with a service that observes.

        Shapes: by node id; those that do not answer within `timeout` are in it, as `silent`.
        """
        now = self.clock.monotonic()
        with self._lock:
            heard = self._roll.nodes(now)
        return self._roll_call.ask(heard, now, timeout)

    def serve_metrics_at(self, address: str | None) -> None:
        """Tell where this process serves its metrics, None for nowhere."""
        self._report.metrics_address = address

    def counters(self) -> dict[str, int]:
        """Give how often what went wrong, since the start."""
        return {
            **self._transport.counters(),
            **self._reader.counters(),
            **self._seen,
            "steps_failed": self._loop.failures,
            "inbox_dropped": self._loop.dropped,
            "outbox_dropped": self._outbox.dropped,
            "outbox_failed": self._outbox.failed,
        }

    # --- the loop -------------------------------------------------------------------------------

    def _tell_presence(self) -> None:
        """Send the heartbeats of the services that publish nothing; in the loop."""
        with self._presence_lock:
            now = self.clock.monotonic()
            published = (s.name for s in self._present_streams() if s.epoch is not None)
            unpublished = self._services_besides(published)
            for heartbeat in self._presence.on_tick(unpublished, self._feeds.wants, now):
                self._outbox.put(heartbeat, 0)
            self._loop.timetable.set(self._tell_presence, self._presence.next_tick)

    def _leave(self) -> None:
        """Say goodbye for every service, after which none is heard, and release the leases."""
        streams = self._present_streams()
        with self._presence_lock:
            published = (stream.name for stream in streams if stream.epoch is not None)
            unpublished = self._services_besides(published)
            for heartbeat in self._presence.stop(unpublished, self.clock.monotonic()):
                self._outbox.put(heartbeat, 0)
        calls = [(stream, stream.end()) for stream in streams]
        releases = [(stream, call) for stream, call in calls if call is not None]
        self._leases.release(releases, _STOP_TIMEOUT)

    def _listen_to(self, source: str) -> Attach:
        """Give what attaches the node to a source's stream."""

        def receive(payload: bytes) -> None:
            """Take a message from the transport's thread."""
            self._loop.post(
                stream_topic(source),
                lambda: self._feeds.try_hear(source, lambda: self._find_cast(source, payload)),
                len(payload),
            )

        return lambda: self._transport.listen(stream_topic(source), self.incarnation, receive)

    def _find_cast(self, source: str, payload: bytes) -> Delta | Heartbeat | None:
        """Give what a source says on its topic."""
        message = self._reader.find_cast(payload)
        if message is None or message.service == source:
            return message
        self._reader.note_unexpected(message)
        return None

    def _receive_heartbeat(self, payload: bytes) -> None:
        """Take any service's heartbeat from the transport's thread."""
        self._loop.post(HEARTBEATS, lambda: self._on_any_heartbeat(payload), len(payload))

    def _on_any_heartbeat(self, payload: bytes) -> bool:
        message = self._reader.find_cast(payload)
        if isinstance(message, Heartbeat):
            self._observe(message)
        return True

    def _on_publisher_message(self, stream: str, payload: bytes) -> bool:
        """Take what is said on the topic of a stream of ours: by us, or by a rival."""
        message = self._find_cast(stream, payload)
        if message is None or message.incarnation == self.incarnation:
            return True
        if isinstance(message, Heartbeat):
            self._observe(message)
        with self._lock:
            publisher = self._streams.get(stream)
        if publisher is None or message.epoch is None:
            return True
        return publisher.try_hear(message.epoch, message.incarnation)

    def _observe(self, heartbeat: Heartbeat) -> None:
        """Learn who is on the bus."""
        now = self.clock.monotonic()
        with self._lock:
            effects = self._membership.on_heartbeat(heartbeat, now)
            self._roll.on_heartbeat(heartbeat, now)
        for effect in effects:
            if isinstance(effect, Count):
                self._seen[effect.name] += 1
            elif isinstance(effect, Alarm) and self._log_limit.allows(effect.text):
                LOG.error("%s", effect)

    def _present_streams(self) -> list[StreamPublisher]:
        with self._lock:
            return list(self._streams.values())

    def _services_besides(self, published: Iterable[str]) -> list[str]:
        names = set(published)
        return [service.name for service in self.services if service.name not in names]

    def _new_attachments(self) -> Attachments:
        timetable, later = self._loop.timetable, self._later.submit
        return Attachments(self.clock, self._log_limit, timetable, later)

    def _make_feeds(self) -> SourceFeeds:
        return SourceFeeds(
            options=self.options,
            clock=self.clock,
            rng=self._rng,
            delivery=self._delivery,
            new_attachments=self._new_attachments,
            listen=self._listen_to,
            later=self._later.submit,
            request=self._syncs.submit,
            due=self._loop.timetable.set,
            log_limit=self._log_limit,
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

    def _make_report(self) -> NodeReport:
        identity = {
            "node": self.node_id,
            "incarnation": self.incarnation,
            "services": [service.name for service in self.services],
        }
        return NodeReport(
            identity,
            self.clock,
            streams=lambda: [stream.report() for stream in self._present_streams()],
            sources=self._feeds.report,
            queues={"outbox": self._outbox, "inbox": self._loop},
            traffic=self._traffic,
            counters=self.counters,
            made=self._calls.times,
            served=self._served,
        )

    def _traffic(self) -> dict[str, int]:
        return {
            "sent": self._outbox.sent,
            "sent_bytes": self._outbox.sent_bytes,
            "received": self._reader.received,
            "received_bytes": self._reader.received_bytes,
        }

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
            call=self._leases.submit,
            callback=self._callbacks.submit,
            wants=lambda: self._feeds.wants,
            due=self._loop.timetable.set,
            log_limit=self._log_limit,
        )

    def _listen_to_rivals(self, stream: str) -> None:
        """Hear another publisher of a stream of ours where this one speaks."""
        topic, me = stream_topic(stream), f"{self.incarnation}.publisher"

        def receive(payload: bytes) -> None:
            """Take a message from the transport's thread: our own, or a rival's."""
            step = partial(self._on_publisher_message, stream, payload)
            self._loop.post(me + topic, step, len(payload))

        self._listeners.add(lambda: self._transport.listen(topic, me, receive))

    def _answer_node(self, payload: bytes) -> bytes:
        """Answer a subscriber's call, or an operator's question; in a thread of the transport."""
        request = self._reader.read(payload)
        if isinstance(request, CallRequest):
            return self._encode(self._node_methods.handle(request))
        if not isinstance(request, SyncRequest | ChunkRequest):
            self._reader.note_unexpected(request)
            raise InvalidRequest(f"a node answers no {type(request).__name__}")
        with self._lock:
            stream = self._streams.get(request.service)
        if stream is None:
            raise NotFound(f"stream {request.service!r} is not published here")
        reply = stream.answer(request)
        encoded = self._encode(reply)
        stream.sync_counts.note(reply, len(encoded))
        return encoded

    # --- serving --------------------------------------------------------------------------------

    def _serve(self, service: Service) -> None:
        methods = service.methods()
        if not methods:
            return
        _, _, instance = service.name.partition("@")
        server = CallServer(service.name, methods, self.clock, times=self._served)
        self._servers.add(
            lambda: self._transport.serve(
                service.topic,
                instance or self.incarnation,
                lambda payload: answer_bytes(server, payload, self._encode, self._reader),
            )
        )

    def _stop_service(self, service: Service) -> None:
        try:
            service.stop()
        except Exception:
            LOG.exception("a service did not stop cleanly service=%s", service.name)
