"""All sources that a node subscribes to, and how their machines reach the publishers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .attachments import Attachments
from .clock import Clock, Random
from .codec import Encoder, decode
from .delivery import Delivery, Listener
from .effects import RequestSync
from .errors import CongressError
from .messages import Chunk, Delta, Heartbeat, SnapshotGone, SyncAnswer, SyncBusy, SyncNotYet
from .options import DseOptions
from .outbox import stream_topic
from .rate_limit import RateLimit
from .source_feed import FeedTools, SourceFeed, Subscription
from .subscriber import Subscriber
from .transport import Transport
from .workers import Workers

LOG = logging.getLogger(__name__)
NODE_TOPIC = "node"
_SYNC_REPLIES = (SyncAnswer, SyncNotYet, SyncBusy, Chunk, SnapshotGone)


class SourceFeeds:
    """Feeds by source, opened by the first subscription, closed by the last; thread safe."""

    def __init__(
        self,
        *,
        incarnation: str,
        transport: Transport,
        encode: Encoder,
        options: DseOptions,
        clock: Clock,
        rng: Random,
        delivery: Delivery,
        workers: Workers,
        log_limit: RateLimit,
        receive: Callable[[bytes], None],
        wake: Callable[[], None],
    ) -> None:
        self._incarnation = incarnation
        self._transport = transport
        self._encode = encode
        self._options = options
        self._clock = clock
        self._rng = rng
        self._delivery = delivery
        self._workers = workers
        self._log_limit = log_limit
        self._receive = receive
        self._wake = wake
        self._lock = threading.Lock()
        self._feeds: dict[str, tuple[SourceFeed, Attachments]] = {}
        self._subscriptions: dict[tuple[str, Any], Subscription] = {}
        self._tools = FeedTools(
            clock=clock,
            delivery=delivery,
            request=self._request,
            wants_changed=self._on_wants,
            closed=self._on_closed,
            log_limit=log_limit,
        )
        self.wants: Mapping[str, tuple[str, ...]] = {}
        """The tables wanted of each source; replaced as a whole."""

    @property
    def next_tick(self) -> float:
        """Give when `tick` will have something to do, infinity for never."""
        due = [float("inf")]
        for feed, attachments in self._present():
            due += [feed.next_tick, attachments.next_tick]
        return min(due)

    def tick(self) -> None:
        """Let the machines do what is due."""
        now = self._clock.monotonic()
        for feed, attachments in self._present():
            feed.tick()
            if attachments.take_due(now):
                self._workers.submit(attachments.retry)

    def subscribe(self, source: str, tables: Iterable[str], listener: Listener) -> Subscription:
        """Add tables to the subscription of a listener, which is made when there is none."""
        wanted = frozenset(tables)
        with self._lock:
            known = self._subscriptions.get((source, listener))
        if known is not None and known.add(wanted):
            return known
        while True:
            feed = self._get_or_open(source)
            subscription = Subscription(feed, self._delivery, listener)
            with self._lock:
                self._subscriptions[source, listener] = subscription
            if feed.add(subscription, wanted):
                return subscription
            subscription.stop()

    def on_message(self, message: Delta | Heartbeat) -> None:
        """Hand a message to the source that it is about."""
        feed = self._find(message.service)
        if feed is not None:
            feed.step(lambda machine, now: machine.on_message(message, now))

    def heard_epoch(self, source: str, besides: str | None) -> int:
        """Give the newest epoch heard of a source from others than one incarnation, 0 for none."""
        feed = self._find(source)
        return 0 if feed is None else feed.heard_epoch(besides)

    def on_listener_failure(self, source: str) -> None:
        """Count that a listener raised."""
        feed = self._find(source)
        if feed is not None:
            feed.count("listener_failed")

    def stop(self) -> None:
        """End every subscription; idempotent."""
        with self._lock:
            subscriptions = list(self._subscriptions.values())
            attachments = [attached for _, attached in self._feeds.values()]
        for subscription in subscriptions:
            subscription.stop()
        for attached in attachments:
            attached.stop()

    def _present(self) -> list[tuple[SourceFeed, Attachments]]:
        with self._lock:
            return list(self._feeds.values())

    def _find(self, source: str) -> SourceFeed | None:
        with self._lock:
            found = self._feeds.get(source)
        return None if found is None else found[0]

    def _get_or_open(self, source: str) -> SourceFeed:
        with self._lock:
            if source in self._feeds:
                return self._feeds[source][0]
            now = self._clock.monotonic()
            machine = Subscriber(source, options=self._options, rng=self._rng, now=now)
            feed = SourceFeed(machine, self._tools)
            attachments = Attachments(self._clock, self._log_limit)
            self._feeds[source] = feed, attachments
        topic = stream_topic(source)
        attachments.add(lambda: self._transport.listen(topic, self._incarnation, self._receive))
        return feed

    def _on_wants(self, feed: SourceFeed, wanted: tuple[str, ...]) -> None:
        with self._lock:
            self.wants = {**self.wants, feed.source: wanted}
        self._wake()

    def _on_closed(self, feed: SourceFeed) -> None:
        with self._lock:
            _, attachments = self._feeds.pop(feed.source)
            self.wants = {s: wanted for s, wanted in self.wants.items() if s != feed.source}
            self._subscriptions = {
                key: subscription
                for key, subscription in self._subscriptions.items()
                if not subscription.is_stopped
            }
        # Not here: a handler may be waiting for the feed's lock, which is held now.
        self._workers.submit(attachments.stop)

    def _request(self, feed: SourceFeed, request: RequestSync) -> None:
        self._workers.submit(lambda: self._fetch(feed, request))

    def _fetch(self, feed: SourceFeed, request: RequestSync) -> None:
        """Call a publisher and hand the machine its reply; in a worker's thread."""
        number = request.message.request
        if not feed.awaits(number):
            return  # it waited here for longer than anybody waits for the reply
        try:
            payload = self._transport.call(
                NODE_TOPIC,
                self._encode(request.message),
                timeout=self._options.sync_timeout,
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
